/* SPDX-License-Identifier: MIT
 * Cache-Status. */
#include <assert.h>
#include "filters/cache/cache_status.h"
#include "gateway/base/decimal.h"

#define INTEGER_MAX 999999999999999 /* of a structured field (RFC 9651 3.3.1) */
#define DETAIL_MAX  48              /* what GW_CACHE_STATUS_MAX has room for beside everything else */

/** In line where the length is known to the compiler, as most are. */
static inline char *put(char *at, gw_str_t text)
{
    memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static const char *forward_word(gw_cache_forward_t forward)
{
    static const char *const words[] = {
        [GW_FORWARD_NONE] = "",
        [GW_FORWARD_BYPASS] = "bypass",
        [GW_FORWARD_METHOD] = "method",
        [GW_FORWARD_URI_MISS] = "uri-miss",
        [GW_FORWARD_VARY_MISS] = "vary-miss",
        [GW_FORWARD_MISS] = "miss",
        [GW_FORWARD_REQUEST] = "request",
        [GW_FORWARD_STALE] = "stale",
        [GW_FORWARD_PARTIAL] = "partial",
    };
    return words[forward];
}

static char *put_integer(char *at, int64_t number)
{
    if (number < 0)
        *at++ = '-';
    uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
    return gw_put_decimal(at, size < INTEGER_MAX ? size : INTEGER_MAX);
}

/** A string holds visible ASCII and spaces only (RFC 9651 3.3.3): other bytes are written as in URLs. */
static char *put_string(char *at, gw_str_t text)
{
    static const char digits[] = "0123456789ABCDEF";
    *at++ = '"';
    for (size_t i = 0; i != text.len; ++i) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c >= 0x7f) {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
            continue;
        }
        if (c == '"' || c == '\\')
            *at++ = '\\';
        *at++ = (char)c;
    }
    *at++ = '"';
    return at;
}

size_t gw_cache_status_print(char *to, const gw_cache_status_t *status)
{
    char *at = to;
    if (status->forward == GW_FORWARD_NONE) {
        at = put(at, GW_STR("sluice; hit"));
    } else {
        at = put(put(at, GW_STR("sluice; fwd=")), gw_str_of(forward_word(status->forward)));
        /* these tell of the forwarded request (RFC 9211 2.3 to 2.6) */
        if (status->forward_status != 0)
            at = put_integer(put(at, GW_STR("; fwd-status=")), status->forward_status);
        if (status->is_stored)
            at = put(at, GW_STR("; stored"));
        if (status->is_collapsed)
            at = put(at, GW_STR("; collapsed"));
    }
    if (status->has_ttl)
        at = put_integer(put(at, GW_STR("; ttl=")), status->ttl_s);
    if (status->key.len != 0)
        at = put_string(put(at, GW_STR("; key=")), status->key);
    if (status->detail != NULL) {
        assert(strlen(status->detail) <= DETAIL_MAX);
        at = put(put(at, GW_STR("; detail=")), gw_str_of(status->detail));
    }
    return (size_t)(at - to);
}
