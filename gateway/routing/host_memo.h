/* SPDX-License-Identifier: MIT
 * The authority of the last request, that it was good, and the host in it: nearly all requests come for few hosts, and
 * most for the same one as the request before.  Pure.  Threads: one. */
#ifndef GW_ROUTING_HOST_MEMO_H
#define GW_ROUTING_HOST_MEMO_H

#include "gateway/base/str.h"

#define GW_HOST_MEMO_MAX 64 /* bytes of an authority that is remembered */

/** Zeroed at first. */
typedef struct gw_host_memo {
    uint8_t authority_len, host_len;
    char authority[GW_HOST_MEMO_MAX], host[GW_HOST_MEMO_MAX];
} gw_host_memo_t;

/** @return an authority that gw_http_is_authority has found good; empty when there is none yet */
static inline gw_str_t gw_host_memo_authority(const gw_host_memo_t *memo)
{
    return gw_str(memo->authority, memo->authority_len);
}
/** As gw_host_normalise; remembers what is good. */
bool gw_host_memo_normalise(gw_host_memo_t *memo, gw_str_t authority, char *buf, size_t cap, gw_str_t *ret);

#endif
