/* SPDX-License-Identifier: MIT
 * Header edits. */
#include <stdlib.h>
#include "filters/headers.h"
#include "gateway/config/reader.h"
#include "gateway/exchange/exchange.h"
#include "gateway/http/hop.h"
#include "gateway/http/syntax.h"

typedef struct edits {
    gw_conf_pairs_t set, add;
    gw_conf_strings_t remove;
} edits_t;

typedef struct headers_conf {
    edits_t request, response;
} headers_conf_t;

static const gw_field_t edits_fields[] = {
    {.key = "remove",
     .type = GW_STRINGS,
     .offset = offsetof(edits_t, remove),
     .max = 100,
     .meaning = "names of fields to remove"},
    {.key = "set",
     .type = GW_PAIRS,
     .offset = offsetof(edits_t, set),
     .max = 100,
     .meaning = "fields to set: every field of that name is replaced by this one"},
    {.key = "add",
     .type = GW_PAIRS,
     .offset = offsetof(edits_t, add),
     .max = 100,
     .meaning = "fields to add beside those that are there"},
    {.key = NULL},
};

/* conf time -------------------------------------------------------------------------------------------------------- */

static char *lower_case(gw_arena_t *arena, const char *name)
{
    char *copy = gw_arena_strdup(arena, gw_str_of(name));
    for (char *c = copy; *c != '\0'; ++c)
        *c = gw_ascii_lower(*c);
    return copy;
}

/** @return the name in lower case, or NULL after reporting */
static const char *check_name(struct gw_conf_reader *reader, const char *name, gw_mark_t at, bool is_add_of_request)
{
    gw_diag_t *diag = reader->diag;
    if (!gw_http_is_token(gw_str_of(name))) {
        gw_diag_error(diag, at, "letters, digits and any of !#$%&'*+-.^_`|~", "'%s' is not a field name", name);
        return NULL;
    }
    const char *lower = lower_case(reader->arena, name);
    gw_str_t str = gw_str_of(lower);
    if (gw_http_is_hop_by_hop(str) || gw_str_equal(str, GW_STR("content-length")) ||
        (is_add_of_request && gw_str_equal(str, GW_STR("host")))) {
        gw_diag_error(diag, at, "framing and connection fields belong to the gateway", "'%s' cannot be changed", name);
        return NULL;
    }
    return lower;
}

static void check_pairs(struct gw_conf_reader *reader, gw_conf_pairs_t *pairs, bool is_host_refused)
{
    for (size_t i = 0; i != pairs->size; ++i) {
        struct gw_conf_pair *pair = &pairs->entries[i];
        const char *lower = check_name(reader, pair->name, pair->name_at, is_host_refused);
        if (lower != NULL)
            pair->name = lower;
        if (!gw_http_is_field_value(gw_str_of(pair->value)))
            gw_diag_error(reader->diag, pair->value_at, "no line breaks or other control characters",
                          "the value of '%s' is not a field value", pair->name);
        else if (gw_str_equal(gw_str_of(pair->name), GW_STR("host")) && !gw_http_is_authority(gw_str_of(pair->value)))
            gw_diag_error(reader->diag, pair->value_at, "a host name or address, with :port if need be",
                          "'%s' is not a host", pair->value);
    }
}

static void check_edits(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    edits_t *edits = value;
    check_pairs(reader, &edits->set, false);
    check_pairs(reader, &edits->add, true);
    for (size_t i = 0; i != edits->remove.size; ++i) {
        const char *lower = check_name(reader, edits->remove.entries[i].value, edits->remove.entries[i].at, true);
        if (lower != NULL)
            edits->remove.entries[i].value = lower;
    }
}

static const gw_section_t edits_section = {.name = "headers edits",
                                           .fields = edits_fields,
                                           .size = sizeof(edits_t),
                                           .mark_offset = GW_NO_OFFSET,
                                           .check = check_edits};

static const gw_field_t headers_fields[] = {
    {.key = "request",
     .type = GW_SECTION,
     .offset = offsetof(headers_conf_t, request),
     .section = &edits_section,
     .meaning = "edits of the request on its way to the service"},
    {.key = "response",
     .type = GW_SECTION,
     .offset = offsetof(headers_conf_t, response),
     .section = &edits_section,
     .meaning = "edits of the response on its way to the client"},
    {.key = NULL},
};

static const gw_section_t headers_section = {
    .name = "headers", .fields = headers_fields, .size = sizeof(headers_conf_t), .mark_offset = GW_NO_OFFSET};

/* request time ----------------------------------------------------------------------------------------------------- */

static void apply(h2o_mem_pool_t *pool, h2o_headers_t *fields, const edits_t *edits)
{
    for (size_t i = 0; i != edits->remove.size; ++i)
        gw_fields_remove(fields, gw_str_of(edits->remove.entries[i].value));
    for (size_t i = 0; i != edits->set.size; ++i)
        gw_fields_set(pool, fields, gw_str_of(edits->set.entries[i].name), gw_str_of(edits->set.entries[i].value));
    for (size_t i = 0; i != edits->add.size; ++i)
        gw_fields_add(pool, fields, gw_str_of(edits->add.entries[i].name), gw_str_of(edits->add.entries[i].value));
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *conf, void *state)
{
    const headers_conf_t *headers = conf;
    apply(&ex->req->pool, &ex->req->headers, &headers->request);
    for (size_t i = 0; i != headers->request.set.size; ++i)
        if (strcmp(headers->request.set.entries[i].name, "host") == 0)
            ex->upstream_host = gw_str_of(headers->request.set.entries[i].value);
    return GW_NEXT;
}

static void on_response(gw_exchange_t *ex, const void *conf, void *state)
{
    const headers_conf_t *headers = conf;
    apply(&ex->req->pool, &ex->req->res.headers, &headers->response);
}

const gw_filter_class_t gw_headers_filter = {
    .name = "headers",
    .meaning = "sets, adds and removes header fields of requests and responses",
    .section = &headers_section,
    .on_request = on_request,
    .on_response = on_response,
};
