/* SPDX-License-Identifier: MIT
 * How many gateways a limit is divided between: a number of the conf, or that of the addresses of a name
 * (name_count.h), which may change at any time.  Threads: create on the control thread (it waits a little for a name
 * that is new), free and the number on any. */
#ifndef FILTERS_RATE_LIMIT_SHARE_H
#define FILTERS_RATE_LIMIT_SHARE_H

#include "filters/rate_limit/rate_limit_conf.h"

typedef struct gw_share gw_share_t;

gw_share_t *gw_share_create(const struct gw_share_conf *conf);
/** NULL is fine; returns NULL. */
gw_share_t *gw_share_free(gw_share_t *share);
/** @return 1..GW_SHARE_MAX */
uint64_t gw_share_number(const gw_share_t *share);

#endif
