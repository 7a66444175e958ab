/* SPDX-License-Identifier: MIT
 * A registry of filters for the tests of the configuration: `headers` with the options of the real one,
 * `circuit_breaker` with the very rows of the real one, and `stamp`, which has one option of each type.  None does
 * anything to a request. */
#include <stdlib.h>
#include "filters/circuit_breaker_conf.h"
#include "gateway/exchange/filter.h"
#include "tests/support/filter_classes.h"

struct changes {
    gw_conf_pairs_t set, add;
    gw_conf_strings_t remove;
};

struct headers {
    struct changes request, response;
};

static const gw_field_t changes_fields[] = {
    {.key = "remove",
     .type = GW_STRINGS,
     .offset = offsetof(struct changes, remove),
     .max = 100,
     .meaning = "fields to remove"},
    {.key = "set",
     .type = GW_PAIRS,
     .offset = offsetof(struct changes, set),
     .max = 100,
     .meaning = "fields to replace"},
    {.key = "add", .type = GW_PAIRS, .offset = offsetof(struct changes, add), .max = 100, .meaning = "fields to add"},
    {.key = NULL},
};

static const gw_section_t changes_section = {
    .name = "changes", .fields = changes_fields, .size = sizeof(struct changes), .mark_offset = GW_NO_OFFSET};

static const gw_field_t headers_fields[] = {
    {.key = "request",
     .type = GW_SECTION,
     .offset = offsetof(struct headers, request),
     .section = &changes_section,
     .meaning = "changes to the request"},
    {.key = "response",
     .type = GW_SECTION,
     .offset = offsetof(struct headers, response),
     .section = &changes_section,
     .meaning = "changes to the response"},
    {.key = NULL},
};

static const gw_section_t headers_section = {
    .name = "headers", .fields = headers_fields, .size = sizeof(struct headers), .mark_offset = GW_NO_OFFSET};

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

static const gw_filter_class_t headers_class = {
    .name = "headers", .meaning = "changes header fields", .section = &headers_section};
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

const gw_filter_class_t *const gw_filter_classes[] = {&headers_class, &breaker_class, &stamp_class, NULL};
