/* SPDX-License-Identifier: MIT
 * The rows of the filter `headers`, and what is worked out of them. */
#include "filters/headers_conf.h"
#include "gateway/config/key.h"
#include "gateway/exchange/filter.h"
#include "gateway/http/hop.h"
#include "gateway/http/syntax.h"

static const gw_field_t edits_fields[] = {
    {.key = "remove",
     .type = GW_STRINGS,
     .offset = offsetof(gw_header_edits_t, remove),
     .max = 100,
     .meaning = "names of fields to remove"},
    {.key = "set",
     .type = GW_PAIRS,
     .offset = offsetof(gw_header_edits_t, set),
     .max = 100,
     .meaning = "fields to set: every field of that name is replaced by this one; %{KEY} stands for a key such as "
                "%{principal}"},
    {.key = "add",
     .type = GW_PAIRS,
     .offset = offsetof(gw_header_edits_t, add),
     .max = 100,
     .meaning = "fields to add beside those that are there; values are as in 'set'"},
    {.key = NULL},
};

/* names and values ------------------------------------------------------------------------------------------------- */

static char *lower_case(gw_arena_t *arena, const char *name)
{
    char *copy = gw_arena_strdup(arena, gw_str_of(name));
    for (char *c = copy; *c != '\0'; ++c)
        *c = gw_ascii_lower(*c);
    return copy;
}

/** Fields that an edit cannot touch. */
typedef bool is_refused_t(gw_str_t name);

static bool is_of_framing(gw_str_t name)
{
    return gw_http_is_hop_by_hop(name) || gw_str_equal(name, GW_STR("content-length"));
}

static bool is_of_framing_or_host(gw_str_t name)
{
    return is_of_framing(name) || gw_str_equal(name, GW_STR("host"));
}

static bool cannot_be_set_in_requests(gw_str_t name)
{
    return gw_http_is_of_the_gateway(name) && !gw_str_equal(name, GW_STR("host"));
}

/** What trusted proxies say of the client may be kept from the service. */
static bool cannot_be_removed_from_requests(gw_str_t name)
{
    static const char *const may_be[] = {"via",
                                         "forwarded",
                                         "x-forwarded-for",
                                         "x-forwarded-host",
                                         "x-forwarded-port",
                                         "x-forwarded-proto",
                                         "x-request-timeout-ms"};
    for (size_t i = 0; i != sizeof(may_be) / sizeof(may_be[0]); ++i)
        if (gw_http_is_read_as(name, gw_str_of(may_be[i])))
            return false;
    return gw_http_is_of_the_gateway(name);
}

/** @return the name in lower case, or NULL after reporting */
static const char *check_name(struct gw_conf_reader *reader, const char *name, gw_mark_t at, is_refused_t *is_refused)
{
    gw_diag_t *diag = reader->diag;
    if (!gw_http_is_token(gw_str_of(name))) {
        gw_diag_error(diag, at, "letters, digits and any of !#$%&'*+-.^_`|~", "'%s' is not a field name", name);
        return NULL;
    }
    const char *lower = lower_case(reader->arena, name);
    if (is_refused(gw_str_of(lower))) {
        gw_diag_error(diag, at,
                      is_of_framing_or_host(gw_str_of(lower)) ? "framing and connection fields belong to the gateway"
                                                              : "the gateway says this itself",
                      "'%s' cannot be changed", name);
        return NULL;
    }
    return lower;
}

static void check_value(struct gw_conf_reader *reader, const struct gw_conf_pair *pair, gw_template_t *template)
{
    bool is_host = gw_str_equal(gw_str_of(pair->name), GW_STR("host"));
    if (!gw_http_is_field_value(gw_str_of(pair->value))) {
        gw_diag_error(reader->diag, pair->value_at, "no line breaks or other control characters",
                      "the value of '%s' is not a field value", pair->name);
        return;
    }
    if (!gw_template_parse(reader, pair->value, pair->source == NULL, pair->value_at, template))
        return;
    if (is_host && template->num_keys != 0)
        gw_diag_error(reader->diag, pair->value_at, "several routes can each set a host of their own",
                      "the value of 'host' takes no keys: it would be for clients to say");
    else if (is_host && !gw_http_is_authority(gw_str_of(pair->value)))
        gw_diag_error(reader->diag, pair->value_at, "a host name or address, with :port if need be",
                      "'%s' is not a host", pair->value);
}

static gw_template_t *check_pairs(struct gw_conf_reader *reader, gw_conf_pairs_t *pairs, is_refused_t *is_refused)
{
    gw_template_t *templates = gw_arena_alloc(reader->arena, pairs->size * sizeof(*templates));
    for (size_t i = 0; i != pairs->size; ++i) {
        struct gw_conf_pair *pair = &pairs->entries[i];
        const char *lower = check_name(reader, pair->name, pair->name_at, is_refused);
        if (lower != NULL)
            pair->name = lower;
        check_value(reader, pair, &templates[i]);
    }
    return templates;
}

static void check_removed(struct gw_conf_reader *reader, gw_conf_strings_t *names, is_refused_t *is_refused)
{
    for (size_t i = 0; i != names->size; ++i) {
        const char *lower = check_name(reader, names->entries[i].value, names->entries[i].at, is_refused);
        if (lower != NULL)
            names->entries[i].value = lower;
    }
}

static void check_request_edits(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_header_edits_t *edits = value;
    edits->set_values = check_pairs(reader, &edits->set, cannot_be_set_in_requests);
    edits->add_values = check_pairs(reader, &edits->add, gw_http_is_of_the_gateway);
    check_removed(reader, &edits->remove, cannot_be_removed_from_requests);
}

static void check_response_edits(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_header_edits_t *edits = value;
    edits->set_values = check_pairs(reader, &edits->set, is_of_framing);
    edits->add_values = check_pairs(reader, &edits->add, is_of_framing_or_host);
    check_removed(reader, &edits->remove, is_of_framing_or_host);
}

static const gw_section_t request_edits = {.name = "headers edits",
                                           .fields = edits_fields,
                                           .size = sizeof(gw_header_edits_t),
                                           .mark_offset = GW_NO_OFFSET,
                                           .check = check_request_edits};
static const gw_section_t response_edits = {.name = "headers edits",
                                            .fields = edits_fields,
                                            .size = sizeof(gw_header_edits_t),
                                            .mark_offset = GW_NO_OFFSET,
                                            .check = check_response_edits};

static const gw_field_t headers_fields[] = {
    {.key = "request",
     .type = GW_SECTION,
     .offset = offsetof(gw_headers_conf_t, request),
     .section = &request_edits,
     .meaning = "edits of the request on its way to the service"},
    {.key = "response",
     .type = GW_SECTION,
     .offset = offsetof(gw_headers_conf_t, response),
     .section = &response_edits,
     .meaning = "edits of the response on its way to the client"},
    {.key = NULL},
};

const gw_section_t gw_headers_section = {.name = "headers",
                                         .fields = headers_fields,
                                         .size = sizeof(gw_headers_conf_t),
                                         .mark_offset = offsetof(gw_headers_conf_t, at)};

/* on a route ------------------------------------------------------------------------------------------------------- */

static void check_given(struct gw_conf_reader *reader, const gw_conf_pairs_t *pairs, const gw_template_t *templates,
                        const gw_route_conf_t *route)
{
    for (size_t i = 0; templates != NULL && i != pairs->size; ++i) /* none: an error was found before */
        for (size_t k = 0; k != templates[i].num_pieces; ++k) {
            const gw_key_conf_t *key = &templates[i].pieces[k].key;
            if (!gw_conf_key_is_given(key, route))
                gw_diag_warning(reader->diag, pairs->entries[i].value_at,
                                "filters run in the order of the route's list",
                                "'%s' is always empty on the route at %s:%u:%u: no filter before this one finds it out",
                                gw_conf_key_text(reader->scratch, key), route->at.file, route->at.line, route->at.col);
        }
}

void gw_headers_check_route(struct gw_conf_reader *reader, const void *value, const gw_route_conf_t *route)
{
    const gw_headers_conf_t *conf = value;
    /* not those of responses: when they come, the filters behind this one have run as well */
    check_given(reader, &conf->request.set, conf->request.set_values, route);
    check_given(reader, &conf->request.add, conf->request.add_values, route);
}
