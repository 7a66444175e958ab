/* SPDX-License-Identifier: MIT
 * A set of HTTP status codes.  Pure; a value. */
#ifndef GW_HTTP_STATUS_SET_H
#define GW_HTTP_STATUS_SET_H

#include <stdbool.h>
#include <stdint.h>
#include "gateway/base/str.h"

typedef struct gw_status_set {
    uint64_t bits[8]; /* of status - 100 */
} gw_status_set_t;

static inline bool gw_status_set_has(const gw_status_set_t *set, unsigned status)
{
    return status >= 100 && status < 600 && (set->bits[(status - 100) / 64] >> (status - 100) % 64 & 1) != 0;
}

/** Adds "503", "500-504" or "5xx".  @return false when the text is none of these */
bool gw_status_set_add(gw_status_set_t *set, gw_str_t text);

#endif
