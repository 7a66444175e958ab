/* SPDX-License-Identifier: MIT
 * Reading the options of `concurrency_limit`. */
#include "filters/concurrency_limit_conf.h"
#include "filters/concurrency_places.h"
#include "filters/rate_limit/fields.h"
#include "filters/rate_limit/rate_limit_conf.h"
#include "gateway/config/text.h"
#include "gateway/exchange/filter.h"

typedef gw_concurrency_conf_t conf_t;

static const char *const fields_words[] = {
    [GW_CONCURRENCY_RATELIMIT] = "ratelimit", [GW_CONCURRENCY_NO_FIELDS] = "none", NULL};

static void check_concurrency(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    conf_t *conf = value;
    gw_client_key_check(reader, &conf->key, at);
    if (!gw_rate_name_is_valid(gw_str_of(conf->name)))
        gw_diag_error(reader->diag, at, GW_RATE_NAME_WANTED,
                      "the name of a limit stands in fields of responses: '%s' cannot",
                      gw_text_shown(reader->scratch, gw_str_of(conf->name)));
}

void gw_concurrency_check_route(struct gw_conf_reader *reader, const void *value, const gw_route_conf_t *route)
{
    const conf_t *conf = value;
    gw_client_key_check_route(reader, &conf->key, conf->at, route);
    gw_exempt_check_route(reader, &conf->exempt, conf->at, route);
    gw_limit_name_check_route(reader, conf->name, conf->at, route);
}

static const gw_field_t concurrency_fields[] = {
    GW_CLIENT_KEY_ROWS(conf_t, key),
    {.key = "max",
     .type = GW_UINT,
     .offset = offsetof(conf_t, max),
     .min = 1,
     .max = GW_PLACES_MAX,
     .unit = "requests",
     .is_required = true,
     .meaning = "requests that a client may have under way at a time, on all workers together"},
    {.key = "trial",
     .type = GW_UINT,
     .offset = offsetof(conf_t, trial),
     .min = 1,
     .max = GW_PLACES_MAX,
     .unit = "requests",
     .def_text = "none",
     .meaning = "another max that is counted beside and refuses nothing: the access log says when it would have"},
    GW_EXEMPT_ROW(conf_t, exempt),
    {.key = "name",
     .type = GW_STRING,
     .offset = offsetof(conf_t, name),
     .min = 1,
     .max = GW_RATE_NAME_MAX,
     .def = "concurrency",
     .meaning = "what clients and logs know the limit by"},
    GW_LIMIT_KEYS_ROW(conf_t, keys, "clients with requests under way that there is room for, 34 bytes each"),
    GW_WHEN_FULL_ROW(conf_t, when_full,
                     "shared lets all of those have max requests under way together, refuse refuses"),
    {.key = "fields",
     .type = GW_ENUM,
     .offset = offsetof(conf_t, fields),
     .words = fields_words,
     .def = "ratelimit",
     .meaning = "what responses tell: ratelimit is RateLimit and RateLimit-Policy"},
    GW_LIMIT_MODE_ROW(conf_t, mode),
    {.key = NULL},
};

const gw_section_t gw_concurrency_section = {
    .name = "concurrency_limit",
    .fields = concurrency_fields,
    .size = sizeof(conf_t),
    .mark_offset = offsetof(conf_t, at),
    .check = check_concurrency,
};
