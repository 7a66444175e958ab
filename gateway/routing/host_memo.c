/* SPDX-License-Identifier: MIT
 * Remembering one host. */
#include "gateway/routing/host_memo.h"
#include "gateway/http/syntax.h"
#include "gateway/routing/router.h"

bool gw_host_memo_normalise(gw_host_memo_t *memo, gw_str_t authority, char *buf, size_t cap, gw_str_t *ret)
{
    if (authority.len != 0 && gw_str_equal(authority, gw_host_memo_authority(memo)) && memo->host_len <= cap) {
        *ret = gw_str(memcpy(buf, memo->host, memo->host_len), memo->host_len);
        return true;
    }
    if (!gw_host_normalise(authority, buf, cap, ret))
        return false;
    /* HTTP/2 lets others come as far as here */
    if (authority.len > sizeof(memo->authority) || !gw_http_is_authority(authority))
        return true;
    memo->authority_len = (uint8_t)authority.len;
    memcpy(memo->authority, authority.ptr, authority.len);
    memo->host_len = (uint8_t)ret->len;
    memcpy(memo->host, ret->ptr, ret->len);
    return true;
}
