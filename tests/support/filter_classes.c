/* SPDX-License-Identifier: MIT
 * A registry of filters for the tests of the configuration: the very rows of the real ones, and `stamp`, which has one
 * option of each type.  None does anything to a request. */
#include <stdlib.h>
#include "filters/api_key_conf.h"
#include "filters/basic_auth_conf.h"
#include "filters/cache/cache_conf.h"
#include "filters/circuit_breaker_conf.h"
#include "filters/compress/compress_conf.h"
#include "filters/concurrency_limit_conf.h"
#include "filters/cors_conf.h"
#include "filters/headers_conf.h"
#include "filters/ip_access_conf.h"
#include "filters/jwt/jwt_conf.h"
#include "filters/mtls_conf.h"
#include "filters/rate_limit/rate_limit_conf.h"
#include "gateway/exchange/filter.h"
#include "tests/support/filter_classes.h"

static const char *const colours[] = {"red", "green", "blue", NULL};

static const gw_field_t stamp_fields[] = {
    {.key = "bright",
     .type = GW_BOOL,
     .offset = offsetof(struct stamp, bright),
     .def = "true",
     .meaning = "is it bright"},
    {.key = "weight",
     .type = GW_UINT,
     .offset = offsetof(struct stamp, weight),
     .min = 1,
     .max = 1000,
     .def = "10",
     .unit = "grams",
     .meaning = "how heavy it is"},
    {.key = "every",
     .type = GW_DURATION,
     .offset = offsetof(struct stamp, every),
     .min = 10,
     .max = 60000,
     .def = "5s",
     .meaning = "how often it comes"},
    {.key = "room",
     .type = GW_SIZE,
     .offset = offsetof(struct stamp, room),
     .min = 1024,
     .max = 1024 * 1024,
     .def = "64KiB",
     .meaning = "how much it holds"},
    {.key = "text",
     .type = GW_STRING,
     .offset = offsetof(struct stamp, text),
     .min = 1,
     .max = 100,
     .is_required = true,
     .meaning = "what it says"},
    {.key = "secret",
     .type = GW_STRING,
     .offset = offsetof(struct stamp, secret),
     .max = 8,
     .is_secret = true,
     .meaning = "what it hides"},
    {.key = "colour",
     .type = GW_ENUM,
     .offset = offsetof(struct stamp, colour),
     .words = colours,
     .def = "red",
     .meaning = "what it looks like"},
    {.key = "tags",
     .type = GW_STRINGS,
     .offset = offsetof(struct stamp, tags),
     .max = 3,
     .meaning = "what it belongs to"},
    {.key = NULL},
};

static void check_stamp(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    struct stamp *stamp = value;

    stamp->outside = malloc(1);
}

static const gw_section_t stamp_section = {.name = "stamp",
                                           .fields = stamp_fields,
                                           .size = sizeof(struct stamp),
                                           .mark_offset = GW_NO_OFFSET,
                                           .check = check_stamp};

static void dispose_stamp(void *conf)
{
    free(((struct stamp *)conf)->outside);
}

static const gw_filter_class_t headers_class = {.name = "headers",
                                                .meaning = "changes header fields",
                                                .section = &gw_headers_section,
                                                .check_route = gw_headers_check_route};
static const gw_filter_class_t stamp_class = {
    .name = "stamp", .meaning = "for tests", .section = &stamp_section, .dispose = dispose_stamp};

static bool guards_endpoints(const void *conf)
{
    return ((const gw_breaker_conf_t *)conf)->per == GW_PER_ENDPOINT;
}

static const gw_filter_class_t breaker_class = {.name = "circuit_breaker",
                                                .meaning = "keeps requests away",
                                                .section = &gw_breaker_section,
                                                .link = gw_breaker_link,
                                                .check_route = gw_breaker_check_route,
                                                .guards_endpoints = guards_endpoints};

static const gw_filter_class_t api_key_class = {.name = "api_key",
                                                .meaning = "knows keys",
                                                .section = &gw_api_key_section,
                                                .gives_principal = true,
                                                .demands_credentials = gw_api_key_demands_credentials,
                                                .dispose = gw_api_key_conf_dispose};

static const gw_filter_class_t basic_auth_class = {.name = "basic_auth",
                                                   .meaning = "knows users",
                                                   .section = &gw_basic_auth_section,
                                                   .gives_principal = true,
                                                   .demands_credentials = gw_basic_auth_demands_credentials,
                                                   .dispose = gw_basic_auth_conf_dispose};

static const gw_filter_class_t ip_access_class = {.name = "ip_access",
                                                  .meaning = "lets addresses pass",
                                                  .section = &gw_ip_access_section,
                                                  .dispose = gw_ip_access_dispose};

static const gw_filter_class_t cache_class = {.name = "cache",
                                              .meaning = "answers from memory",
                                              .section = &gw_cache_section,
                                              .answers_purge = gw_cache_answers_purge,
                                              .check_route = gw_cache_check_route,
                                              .check_behind = gw_cache_check_behind};

static const gw_filter_class_t compress_class = {.name = "compress",
                                                 .meaning = "makes responses smaller",
                                                 .section = &gw_compress_section,
                                                 .check_route = gw_compress_check_route};

static const gw_filter_class_t concurrency_class = {.name = "concurrency_limit",
                                                    .meaning = "counts what is under way",
                                                    .section = &gw_concurrency_section,
                                                    .check_route = gw_concurrency_check_route};

static const gw_filter_class_t cors_class = {.name = "cors",
                                             .meaning = "lets pages of other origins in",
                                             .section = &gw_cors_section,
                                             .answers_preflight = true,
                                             .check_route = gw_cors_check_route};
static const gw_filter_class_t jwt_class = {.name = "jwt",
                                            .meaning = "knows tokens",
                                            .section = &gw_jwt_section,
                                            .gives_principal = true,
                                            .demands_credentials = gw_jwt_demands_credentials,
                                            .link = gw_jwt_link,
                                            .dispose = gw_jwt_conf_dispose};

static const gw_filter_class_t mtls_class = {.name = "mtls",
                                             .meaning = "knows clients by certificate",
                                             .section = &gw_mtls_section,
                                             .gives_principal = true,
                                             .demands_credentials = gw_mtls_demands_credentials,
                                             .link = gw_mtls_link};

static const gw_filter_class_t rate_limit_class = {.name = "rate_limit",
                                                   .meaning = "lets so many pass",
                                                   .section = &gw_rate_limit_section,
                                                   .check_route = gw_rate_limit_check_route};

const gw_filter_class_t *const gw_filter_classes[] = {
    &api_key_class, &basic_auth_class, &breaker_class, &cache_class, &compress_class,   &concurrency_class, &cors_class,
    &headers_class, &ip_access_class,  &jwt_class,     &mtls_class,  &rate_limit_class, &stamp_class,       NULL,
};
