/* SPDX-License-Identifier: MIT
 * Answering from an entry. */
#include "filters/cache/fetch.h"
#include "filters/cache/hit.h"
#include "filters/cache/stored_head.h"
#include "filters/cache/stream.h"
#include "filters/cache/vary.h"
#include "gateway/base/decimal.h"
#include "gateway/http/byte_range.h"
#include "gateway/http/conditional.h"
#include "gateway/http/status.h"

static gw_str_t name_of(const h2o_header_t *field)
{
    return gw_str(field->name->base, field->name->len);
}

/* what fits -------------------------------------------------------------------------------------------------------- */

/** Bytes of the whole representation; UINT64_MAX: they are still coming, and nobody has said how many. */
static uint64_t length_of(const gw_cache_entry_t *entry, bool is_complete)
{
    if (entry->length != UINT64_MAX || !is_complete)
        return entry->length;
    return entry->body != NULL ? atomic_load_explicit(&entry->body->size, memory_order_acquire) : 0;
}

static bool holds_range(const gw_cache_entry_t *entry, gw_str_t range)
{
    gw_range_wish_t wish;
    uint64_t first, end;
    return range.len != 0 && gw_range_parse(range, &wish) &&
           gw_range_resolve(&wish, entry->length, &first, &end) == GW_RANGE_OK && first >= entry->part_first &&
           end <= entry->part_end;
}

gw_cache_key_t gw_cache_variant_of(gw_cache_passage_t *passage, gw_str_t names)
{
    const gw_cache_store_t *store = passage->state->shared->store;
    h2o_req_t *req = passage->ex->req;
    size_t num;
    if (names.len != 0 && gw_str_equal(names, passage->asked_names))
        return passage->asked;
    const gw_http_field_t *fields = gw_cache_fields_of(&req->pool, &req->headers, &num);
    return gw_vary_hash(names, fields, num, gw_cache_store_secret(store, 1));
}

/** For the next entry of the same URL, which mostly has the same Vary. */
static void remember(gw_cache_passage_t *passage, gw_str_t names, gw_cache_key_t variant)
{
    if (gw_str_equal(names, passage->asked_names))
        return;
    passage->asked_names = gw_str(h2o_strdup(&passage->ex->req->pool, names.ptr, names.len).base, names.len);
    passage->asked = variant;
}

/* what the request asks of it -------------------------------------------------------------------------------------- */

/** What the request's conditions come to.  @param ret_range Range, where it counts */
static gw_preconditions_t judge_conditions(const gw_cache_passage_t *passage, const gw_cache_entry_t *entry,
                                           gw_str_t *ret_range)
{
    const gw_cache_request_t *request = &passage->request;
    const gw_stored_head_t *head = gw_stored_head_of(entry);
    *ret_range = gw_str(NULL, 0);
    if (!request->has_conditions && request->range.len == 0)
        return GW_PRECONDITIONS_SEND;
    h2o_req_t *req = passage->ex->req;
    size_t num;
    const gw_http_field_t *fields = gw_cache_fields_of(&req->pool, &req->headers, &num);
    const gw_conditional_response_t response = {
        .status = entry->status, .etag = head->etag, .last_modified = head->last_modified_s, .date = head->came_wall_s};
    return gw_conditional_judge(request->is_get, fields, num, &response, head->came_wall_s, ret_range);
}

bool gw_cache_fits(gw_cache_passage_t *passage, const gw_cache_entry_t *entry)
{
    if (entry->vary.len != 0) {
        gw_cache_key_t variant = gw_cache_variant_of(passage, entry->vary);
        if (variant.url != entry->variant.url || variant.whole != entry->variant.whole) {
            remember(passage, entry->vary, variant);
            return false;
        }
    }
    if (!entry->is_part)
        return true;
    gw_str_t range; /* not when If-Range makes the request one for all of it (RFC 9110 13.1.5) */
    judge_conditions(passage, entry, &range);
    return holds_range(entry, range);
}

/* fields ----------------------------------------------------------------------------------------------------------- */

/** A 304 repeats what a cache needs to update what it has, and nothing that describes the body it lacks (RFC 9110
 * 15.4.5). */
static bool is_of_not_modified(gw_str_t name)
{
    return !gw_str_starts_with(name, GW_STR("content-")) || gw_str_equal(name, GW_STR("content-location")) ||
           gw_str_equal(name, GW_STR("content-security-policy"));
}

static void add_age(gw_cache_passage_t *passage, const gw_cache_entry_t *entry, bool has_age)
{
    h2o_req_t *req = passage->ex->req;
    if (!has_age)
        return;
    size_t len =
        (size_t)(gw_put_decimal(passage->age, gw_cache_age_s(&entry->life, gw_cache_now_ms(passage))) - passage->age);
    gw_fields_add_named(&req->pool, &req->res.headers, &H2O_TOKEN_AGE->buf, gw_str(passage->age, len));
}

static void take_fields(gw_cache_passage_t *passage, const gw_stored_head_t *head, int status)
{
    h2o_req_t *req = passage->ex->req;
    h2o_headers_t *fields = &req->res.headers;
    size_t num = head->num_fields; /* never 0: there is always a Date */
    h2o_vector_reserve(&req->pool, fields, fields->size + num + 4);
    if (status == 200 || (status != 304 && status != 206)) {
        memcpy(fields->entries + fields->size, head->fields, num * sizeof(*head->fields));
        fields->size += num;
        return;
    }
    for (size_t i = 0; i != num; ++i) {
        gw_str_t name = name_of(&head->fields[i]);
        if (status == 304 ? is_of_not_modified(name) : !gw_str_equal(name, GW_STR("content-range")))
            fields->entries[fields->size++] = head->fields[i];
    }
}

static void add_content_range(gw_cache_passage_t *passage, uint64_t first, uint64_t end, uint64_t length)
{
    h2o_req_t *req = passage->ex->req;
    char *text = h2o_mem_alloc_pool(&req->pool, GW_CONTENT_RANGE_MAX);
    size_t len = gw_content_range_print(text, &(gw_content_range_t){first, end, length});
    gw_fields_add(&req->pool, &req->res.headers, GW_STR("content-range"), gw_str(text, len));
}

/* answering -------------------------------------------------------------------------------------------------------- */

static void begin(gw_cache_passage_t *passage, gw_cache_entry_t *entry, int status, uint64_t first, uint64_t end)
{
    h2o_req_t *req = passage->ex->req;
    req->res.status = status;
    req->res.reason = gw_http_status_phrase(status);
    bool has_no_length = status == 204 || status == 304 || end == UINT64_MAX;
    req->res.content_length = has_no_length ? SIZE_MAX : (size_t)(end - first);
    bool is_without_body = !passage->request.is_get || status == 304 || status == 204;
    passage->ex->is_answered = true;
    passage->ex->response_us = gw_worker_now_us(passage->state->worker);
    gw_exchange_filter_response(passage->ex);
    if (is_without_body)
        first = end = entry->part_first;
    gw_cache_stream_start(passage, entry, first - entry->part_first,
                          end == UINT64_MAX ? UINT64_MAX : end - entry->part_first);
}

void gw_cache_answer(gw_cache_passage_t *passage, gw_cache_entry_t *entry, bool has_age)
{
    const gw_stored_head_t *head = gw_stored_head_of(entry);
    int status = entry->status;
    bool is_complete = passage->reader.fill == NULL || gw_fill_look(passage->reader.fill).state == GW_FILL_DONE;
    uint64_t length = length_of(entry, is_complete), whole = entry->is_part ? entry->part_end : length;
    uint64_t first = entry->part_first, end = whole;
    gw_range_wish_t wish;
    gw_str_t range;
    if (judge_conditions(passage, entry, &range) == GW_PRECONDITIONS_NOT_MODIFIED) {
        status = 304;
    } else if (entry->is_part) {
        /* all of it where the service has sent another part than it was asked for, as it may (RFC 9110 14.2) */
        if (holds_range(entry, range) && gw_range_parse(range, &wish))
            gw_range_resolve(&wish, length, &first, &end);
    } else if (range.len != 0 && is_complete && gw_range_parse(range, &wish)) {
        switch (gw_range_resolve(&wish, length, &first, &end)) {
        case GW_RANGE_OK:
            status = 206;
            break;
        case GW_RANGE_UNSATISFIABLE:
            status = 416;
            break;
        default:
            first = entry->part_first;
            end = whole;
            break;
        }
    }
    take_fields(passage, head, status == 416 ? 304 : status);
    if (passage->fetch != NULL && status == entry->status)
        gw_cache_fetch_add_withheld(passage->fetch, head);
    if (status == 206 || status == 416)
        add_content_range(passage, status == 416 ? 0 : first, status == 416 ? 0 : end, length);
    add_age(passage, entry, has_age);
    if (status == 416)
        first = end = entry->part_first;
    begin(passage, entry, status, first, end);
}
