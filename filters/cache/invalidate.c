/* SPDX-License-Identifier: MIT
 * What the response to a request that went past the cache means for what is stored. */
#include "filters/cache/invalidate.h"
#include "filters/cache/tagging.h"

static void forget(gw_cache_passage_t *passage, gw_str_t url)
{
    gw_cache_shared_t *shared = passage->state->shared;
    uint64_t hash = gw_cache_url_hash(shared->store, url);
    gw_cache_purge_url(shared->store, hash, GW_PURGE_HARD);
    gw_fills_forget(shared->fills, &hash); /* in this order: filters/cache/purge.c */
}

static void forget_named(gw_cache_passage_t *passage, gw_str_t url, gw_str_t name)
{
    h2o_req_t *req = passage->ex->req;
    gw_str_t reference;
    if (gw_cache_values(&req->res.headers, name, &reference, 1) == 0)
        return;
    char *text = h2o_mem_alloc_pool(&req->pool, url.len + reference.len + 16);
    size_t len = gw_cache_url_resolve(text, url, reference, &passage->conf->query_rules);
    if (len != 0)
        forget(passage, gw_str(text, len));
}

static void forget_groups(gw_cache_passage_t *passage, gw_str_t url)
{
    enum { most_values = 32 };
    gw_cache_shared_t *shared = passage->state->shared;
    gw_str_t values[most_values];
    gw_cache_tags_t groups;
    size_t num =
        gw_cache_values(&passage->ex->req->res.headers, GW_STR("cache-group-invalidation"), values, most_values);
    if (num == 0 || !gw_cache_groups(&groups, values, num))
        return;
    for (size_t i = 0; i != groups.num; ++i)
        gw_cache_purge_label(shared->store, gw_cache_group_hash(shared->store, url, groups.names[i]), GW_PURGE_HARD);
    gw_fills_forget(shared->fills, NULL);
}

void gw_cache_invalidate(gw_cache_passage_t *passage)
{
    gw_exchange_t *ex = passage->ex;
    if (ex->upstream_status < 200 || ex->upstream_status >= 400)
        return; /* nothing was done, or not by the service */
    gw_str_t url = gw_cache_request_url(ex, passage->conf);
    forget(passage, url);
    forget_named(passage, url, GW_STR("location"));
    forget_named(passage, url, GW_STR("content-location"));
    forget_groups(passage, url);
}

void gw_cache_unmark(gw_cache_passage_t *passage)
{
    gw_exchange_t *ex = passage->ex;
    h2o_req_t *req = ex->req;
    if (ex->upstream_status == 0 || !passage->request.is_get)
        return;
    size_t num;
    const gw_http_field_t *fields = gw_cache_fields_of(&req->pool, &req->res.headers, &num);
    const gw_cache_request_facts_t request = {.is_get = true,
                                              .has_authorization = passage->request.is_authorized,
                                              .has_range = passage->request.range.len != 0,
                                              .directives = &passage->request.directives};
    const gw_cache_response_facts_t response = {.status = (unsigned)req->res.status,
                                                .fields = fields,
                                                .num_fields = num,
                                                .asked_ms = gw_cache_now_ms(passage),
                                                .came_ms = gw_cache_now_ms(passage),
                                                .came_wall_s =
                                                    (int64_t)(gw_worker_wall_us(passage->state->worker) / 1000000)};
    gw_cache_judgement_t judgement;
    gw_cache_judge(&passage->conf->rules, &request, &response, &judgement);
    if (judgement.storing == GW_CACHE_STORING_YES &&
        (req->res.content_length == SIZE_MAX || req->res.content_length <= passage->conf->max_object))
        gw_cache_remove(passage->state->shared->store, passage->stored);
}
