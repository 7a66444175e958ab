/* SPDX-License-Identifier: MIT
 * What a fetch stores: a response that is new, one that a 304 confirms, or the knowledge that there is none. */
#include "filters/cache/fetch_private.h"
#include "filters/cache/tagging.h"
#include "filters/cache/vary.h"
#include "gateway/http/byte_range.h"
#include "gateway/http/syntax.h"

/** Whether a response that is not stored tells of the URL.  It may tell of this one request: whoever can send one that
 * the service does not like must not take from the others what is stored, nor keep them from the cache. */
bool gw_cache_fetch_is_about_url(const gw_cache_fetch_t *fetch, gw_cache_storing_t storing)
{
    if (storing == GW_CACHE_STORING_AUTHORIZATION)
        return false;
    if (fetch->has_range && (storing == GW_CACHE_STORING_STATUS || storing == GW_CACHE_STORING_PARTIAL))
        return false;
    return fetch->status != 304 && (fetch->status < 400 || fetch->status == 404 || fetch->status == 410);
}

/** Requests do not wait for each other for a while: what they wait for would not be for them. */
void gw_cache_fetch_mark(gw_cache_fetch_t *fetch)
{
    gw_cache_store_t *store = fetch->shared->store;
    if (fetch->conf->uncacheable_for == 0)
        return;
    gw_cache_entry_t *marker = gw_cache_entry_create(store, fetch->key, 0, NULL);
    if (marker == NULL)
        return;
    marker->is_marker = true;
    marker->life =
        (gw_cache_life_t){.born_ms = gw_cache_fetch_now_ms(fetch), .lifetime_ms = fetch->conf->uncacheable_for};
    gw_cache_publish(store, marker, NULL, &(gw_cache_labels_t){.url = fetch->url}, fetch->sequence);
}

/* what is stored --------------------------------------------------------------------------------------------------- */

gw_cache_storing_t gw_cache_fetch_publish(gw_cache_fetch_t *fetch, gw_cache_entry_t *instead)
{
    uint64_t hashes[GW_CACHE_MOST_TAGS];
    gw_cache_labels_t labels = {.url = fetch->url, .hashes = hashes};
    if (!gw_cache_response_labels(fetch->shared->store, fetch->conf, fetch->url,
                                  &fetch->detached->exchange->req->res.headers, hashes, &labels.num_hashes)) {
        gw_cache_discard(fetch->shared->store, fetch->entry);
        return GW_CACHE_STORING_TOO_MANY_LABELS;
    }
    switch (gw_cache_publish(fetch->shared->store, fetch->entry, instead, &labels, fetch->sequence)) {
    case GW_CACHE_PUBLISHED:
        return GW_CACHE_STORING_YES;
    case GW_CACHE_PURGED:
        return GW_CACHE_STORING_PURGED;
    case GW_CACHE_TOO_MANY_LABELS:
        return GW_CACHE_STORING_TOO_MANY_LABELS;
    default:
        return GW_CACHE_STORING_NO_ROOM;
    }
}

/** Makes the entry of what was judged fit to be stored.  @return NULL: there is no room */
static gw_cache_entry_t *make_entry(gw_cache_fetch_t *fetch, const gw_field_list_t *fields, gw_str_t vary,
                                    const gw_cache_judgement_t *judgement, gw_cache_body_t *body)
{
    gw_cache_store_t *store = fetch->shared->store;
    gw_cache_entry_t *entry = gw_cache_entry_create(store, fetch->key, gw_stored_head_size(fields, vary), body);
    if (entry == NULL)
        return NULL;
    gw_stored_head_make(entry, fields, vary, judgement, gw_cache_fetch_wall_s(fetch));
    entry->life = judgement->life;
    if (vary.len != 0)
        entry->variant = gw_vary_hash(vary, fetch->asked, fetch->num_asked, gw_cache_store_secret(store, 1));
    return entry;
}

/** Whether the service has seen in one of these fields what we have written there, and differently for every client:
 * nothing in a request tells whether the response is for it. */
static bool has_ours(gw_str_t names)
{
    return gw_http_list_has(names, GW_STR("x-forwarded-for")) || gw_http_list_has(names, GW_STR("x-request-id"));
}

/** @return the canonical names of Vary in the pool; empty: none, or *ret_is_any: it fits no other request */
static gw_str_t vary_of(h2o_mem_pool_t *pool, const h2o_headers_t *fields, bool *ret_is_any)
{
    enum { most = 32 };
    gw_str_t values[most];
    size_t num = gw_cache_values(fields, GW_STR("vary"), values, most), len = 0;
    *ret_is_any = false;
    if (num == 0)
        return gw_str(NULL, 0);
    char *names = h2o_mem_alloc_pool(pool, GW_VARY_MAX);
    gw_vary_result_t result = gw_vary_names(values, num, names, &len);
    *ret_is_any = num == most || result == GW_VARY_ANY || result == GW_VARY_TOO_LONG || has_ours(gw_str(names, len));
    return result == GW_VARY_NAMES ? gw_str(names, len) : gw_str(NULL, 0);
}

static void judge(gw_cache_fetch_t *fetch, gw_cache_judgement_t *ret)
{
    h2o_req_t *req = fetch->detached->exchange->req;
    size_t num;
    const gw_http_field_t *fields = gw_cache_fields_of(&req->pool, &req->res.headers, &num);
    /* a filter behind the cache may have found out who asks, which the key does not know */
    bool is_authorized = fetch->is_authorized || fetch->detached->exchange->principal != fetch->principal;
    const gw_cache_request_facts_t request = {.is_get = true,
                                              .has_authorization = is_authorized,
                                              .has_range = fetch->has_range,
                                              .directives = &fetch->directives};
    const gw_cache_response_facts_t response = {.status = (unsigned)req->res.status,
                                                .fields = fields,
                                                .num_fields = num,
                                                .asked_ms = fetch->asked_ms,
                                                .came_ms = gw_cache_fetch_now_ms(fetch),
                                                .came_wall_s = gw_cache_fetch_wall_s(fetch)};
    gw_cache_judge(&fetch->conf->rules, &request, &response, ret);
}

/** Whether a 206 holds what it says.  @return false: it cannot be used */
static bool take_part(gw_cache_fetch_t *fetch, const h2o_res_t *res, gw_cache_entry_t *entry)
{
    gw_content_range_t range;
    ssize_t at = gw_fields_find(&res->headers, GW_STR("content-range"), 0);
    if (at == -1)
        return false;
    const h2o_header_t *field = &res->headers.entries[at];
    if (!gw_content_range_parse(gw_str(field->value.base, field->value.len), &range) || range.length == UINT64_MAX ||
        res->content_length != range.end - range.first)
        return false;
    (void)fetch;
    entry->is_part = true;
    entry->part_first = range.first;
    entry->part_end = range.end;
    entry->length = range.length;
    return true;
}

/** A response that is new.  @return GW_CACHE_STORING_YES: the fill was told, and the body is taken in */
gw_cache_storing_t gw_cache_fetch_begin_entry(gw_cache_fetch_t *fetch)
{
    h2o_req_t *req = fetch->detached->exchange->req;
    const h2o_res_t *res = &req->res;
    gw_cache_judgement_t judgement;
    judge(fetch, &judgement);
    if (judgement.storing != GW_CACHE_STORING_YES)
        return judgement.storing;
    bool is_any;
    gw_str_t vary = vary_of(&req->pool, &res->headers, &is_any);
    if (is_any)
        return GW_CACHE_STORING_VARY_ANY;
    bool has_length = res->content_length != SIZE_MAX;
    if (has_length && res->content_length > fetch->conf->max_object)
        return GW_CACHE_STORING_TOO_LARGE;
    gw_field_list_t fields =
        gw_stored_fields(&req->pool, &res->headers, &judgement.directives, gw_cache_fetch_wall_s(fetch));
    fetch->entry = make_entry(fetch, &fields, vary, &judgement, NULL);
    if (fetch->entry == NULL)
        return GW_CACHE_STORING_NO_ROOM;
    gw_cache_hold(fetch->entry);
    fetch->entry->status = (uint16_t)res->status;
    fetch->entry->length = has_length ? res->content_length : UINT64_MAX;
    fetch->expected = has_length ? res->content_length : 0;
    /* all of it is reserved at once, so that there is no surprise half way */
    if ((res->status == 206 && !take_part(fetch, res, fetch->entry)) ||
        !gw_cache_entry_append(fetch->shared->store, fetch->entry, NULL, 0, fetch->expected)) {
        gw_cache_storing_t storing = res->status == 206 ? GW_CACHE_STORING_PARTIAL : GW_CACHE_STORING_NO_ROOM;
        gw_cache_discard(fetch->shared->store, fetch->entry);
        gw_cache_release(fetch->shared->store, fetch->entry);
        fetch->entry = NULL;
        return storing;
    }
    if (res->content_length != 0) /* else it is told when it is in the store: who has got nothing has got all of it */
        gw_cache_fetch_tell_entry(fetch, GW_FILL_GROWING, fetch->entry, GW_CACHE_STORING_YES);
    return GW_CACHE_STORING_YES;
}

/** The stored response is as good as new (RFC 9111 4.3.4). */
void gw_cache_fetch_confirm(gw_cache_fetch_t *fetch)
{
    gw_cache_store_t *store = fetch->shared->store;
    h2o_req_t *req = fetch->detached->exchange->req;
    gw_cache_entry_t *stale = fetch->stale;
    fetch->is_confirmed = true;
    fetch->has_range = stale->is_part; /* as when it was asked for */
    gw_field_list_t fields =
        gw_stored_fields_updated(&req->pool, gw_stored_head_of(stale), &req->res.headers, gw_cache_fetch_wall_s(fetch));
    /* the 304's fields and the stored ones together are what the freshness of the response is judged by */
    h2o_headers_t merged = {fields.entries, fields.size, fields.size};
    ssize_t age_at = gw_fields_find(&req->res.headers, GW_STR("age"), 0);
    if (age_at != -1)
        merged.entries[merged.size++] = req->res.headers.entries[age_at]; /* the list has room for one more */
    req->res.headers = merged;
    req->res.status = stale->status;
    gw_cache_judgement_t judgement;
    judge(fetch, &judgement);
    bool is_any;
    gw_str_t vary = vary_of(&req->pool, &merged, &is_any);
    fields = gw_stored_fields_allowed(&req->pool, &fields, &judgement.directives);
    fetch->entry = make_entry(fetch, &fields, vary, &judgement, stale->body);
    if (fetch->entry == NULL) { /* there is no room for the new fields: the old ones serve this once */
        gw_cache_fetch_tell_entry(fetch, GW_FILL_DONE, stale, GW_CACHE_STORING_NO_ROOM);
        gw_cache_fetch_end(fetch);
        return;
    }
    gw_cache_hold(fetch->entry);
    fetch->entry->status = stale->status;
    fetch->entry->length = stale->length;
    fetch->entry->is_part = stale->is_part;
    fetch->entry->part_first = stale->part_first;
    fetch->entry->part_end = stale->part_end;
    gw_cache_storing_t storing = is_any ? GW_CACHE_STORING_VARY_ANY : judgement.storing;
    if (storing == GW_CACHE_STORING_YES) {
        storing = gw_cache_fetch_publish(fetch, stale);
    } else {
        if (storing != GW_CACHE_STORING_AUTHORIZATION) /* what anybody may have stays, as it was */
            gw_cache_remove(store, stale);
        gw_cache_discard(store, fetch->entry);
    }
    gw_cache_fetch_tell_entry(fetch, GW_FILL_DONE, fetch->entry, storing);
    gw_cache_fetch_end(fetch);
}

bool gw_cache_fetch_has_age(const gw_cache_fetch_t *fetch)
{
    return gw_fields_find(&fetch->detached->exchange->req->res.headers, GW_STR("age"), 0) != -1;
}

void gw_cache_fetch_add_withheld(gw_cache_fetch_t *fetch, const gw_stored_head_t *stored)
{
    h2o_req_t *req = fetch->leader->ex->req;
    const h2o_headers_t *fields = &fetch->detached->exchange->req->res.headers;
    for (size_t i = 0; i != fields->size; ++i) {
        const h2o_header_t *field = &fields->entries[i];
        gw_str_t name = gw_str(field->name->base, field->name->len);
        bool is_stored = gw_str_equal(name, GW_STR("age")) || gw_str_equal(name, GW_STR("date"));
        for (uint32_t k = 0; !is_stored && k != stored->num_fields; ++k)
            is_stored = gw_str_equal(name, gw_str(stored->fields[k].name->base, stored->fields[k].name->len));
        if (!is_stored) /* copied: the fetch may be over before the head is written */
            h2o_add_header_by_str(&req->pool, &req->res.headers, h2o_strdup(&req->pool, name.ptr, name.len).base,
                                  name.len, 1, NULL, h2o_strdup(&req->pool, field->value.base, field->value.len).base,
                                  field->value.len);
    }
}
