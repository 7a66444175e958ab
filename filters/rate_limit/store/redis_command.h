/* SPDX-License-Identifier: MIT
 * How a command is written for a Redis (RESP): an array of bulk strings.  Pure. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_COMMAND_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_COMMAND_H

#include "gateway/base/str.h"

/** @return bytes that gw_redis_command_write will write */
size_t gw_redis_command_size(const gw_str_t *args, size_t num_args);
/** @return behind the last byte */
char *gw_redis_command_write(char *to, const gw_str_t *args, size_t num_args);

#endif
