/* SPDX-License-Identifier: MIT
 * What the cache did with a request. */
#include "filters/cache/tell.h"

/** One word for the access log. */
static const char *verdict_of(const gw_cache_passage_t *passage)
{
    const gw_cache_status_t *status = &passage->status;
    if (passage->word != NULL)
        return passage->word;
    switch (status->forward) {
    case GW_FORWARD_BYPASS:
    case GW_FORWARD_METHOD:
    case GW_FORWARD_REQUEST:
        return gw_cache_deed_word(GW_CACHE_DEED_BYPASS);
    default:
        return gw_cache_deed_word(GW_CACHE_DEED_MISS);
    }
}

void gw_cache_tell(gw_cache_passage_t *passage)
{
    static h2o_iovec_t name = {(char *)"cache-status", 12};
    gw_exchange_t *ex = passage->ex;
    gw_cache_status_t *status = &passage->status;
    gw_exchange_decide(ex, "cache", verdict_of(passage), status->detail);
    if (!passage->conf->cache_status)
        return;
    if (status->forward != GW_FORWARD_NONE && status->forward_status == 0)
        status->forward_status = ex->upstream_status;
    size_t len = gw_cache_status_print(passage->cache_status, status);
    gw_fields_add_named(&ex->req->pool, &ex->req->res.headers, &name, gw_str(passage->cache_status, len));
}
