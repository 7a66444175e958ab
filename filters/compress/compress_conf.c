/* SPDX-License-Identifier: MIT
 * Reading the options of `compress`. */
#include "filters/compress/compress_conf.h"
#include "filters/compress/media_pattern.h"
#include "gateway/config/reader.h"
#include "gateway/config/text.h"
#include "gateway/exchange/filter.h"

/* what is text, whatever it is called; other things are compressed already */
static const char *const default_types[] = {"text/*",           "application/javascript",
                                            "application/json", "application/*+json",
                                            "application/xml",  "application/*+xml",
                                            "application/wasm", "image/svg+xml",
                                            "font/otf",         "font/ttf"};
#define DEFAULT_TYPES                                                                                                  \
    "text/*, application/javascript, application/json, application/*+json, application/xml, application/*+xml, "       \
    "application/wasm, image/svg+xml, font/otf, font/ttf"
enum { num_default_types = sizeof(default_types) / sizeof(default_types[0]) };

static void refuse(struct gw_conf_reader *reader, const char *key, const struct gw_conf_string *text, const char *hint,
                   const char *wanted)
{
    gw_diag_error(reader->diag, text->at, hint, "'%s' is not valid for '%s' (%s)",
                  gw_text_shown(reader->scratch, gw_str_of(text->value)), key, wanted);
}

static bool is_offered(const gw_compress_rules_t *rules, gw_coding_t coding)
{
    for (size_t i = 0; i != rules->num_codings; ++i)
        if (rules->codings[i] == coding)
            return true;
    return false;
}

static void check_coding(struct gw_conf_reader *reader, gw_compress_rules_t *rules, const struct gw_conf_string *text)
{
    gw_coding_t coding = gw_coding_from(gw_str_of(text->value));
    bool is_known = coding != GW_NUM_CODINGS && strcmp(text->value, gw_coding_name(coding)) == 0;
    if (!is_known || coding == GW_CODING_IDENTITY)
        refuse(reader, "codings", text, strcmp(text->value, "brotli") == 0 ? "did you mean 'br'?" : NULL, "br or gzip");
    else if (is_offered(rules, coding))
        gw_diag_error(reader->diag, text->at, NULL, "'%s' stands twice in 'codings'", text->value);
    else
        rules->codings[rules->num_codings++] = coding;
}

static void set_types(struct gw_conf_reader *reader, gw_compress_conf_t *conf)
{
    size_t num = conf->types.size != 0 ? conf->types.size : num_default_types;
    gw_str_t *types = gw_arena_alloc(reader->arena, num * sizeof(*types));
    for (size_t i = 0; i != num; ++i)
        types[i] = gw_str_of(conf->types.size != 0 ? conf->types.entries[i].value : default_types[i]);
    conf->rules.types = types;
    conf->rules.num_types = num;
}

static void check_compress(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_compress_conf_t *conf = value;
    for (size_t i = 0; i != conf->codings.size; ++i)
        check_coding(reader, &conf->rules, conf->codings.entries + i);
    if (conf->codings.size == 0) {
        conf->rules.codings[0] = GW_CODING_BR;
        conf->rules.codings[1] = GW_CODING_GZIP;
        conf->rules.num_codings = 2;
    }
    for (size_t i = 0; i != conf->types.size; ++i)
        if (!gw_media_pattern_is_valid(gw_str_of(conf->types.entries[i].value)))
            refuse(reader, "types", conf->types.entries + i, NULL, "text/html, text/*, application/*+json or */*");
    set_types(reader, conf);
    conf->rules.min_size = conf->min_size;
}

void gw_compress_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route)
{
    for (size_t i = 0; i != route->num_filters && route->filters[i] != NULL; ++i)
        if (route->filters[i]->class->section == &gw_compress_section)
            gw_diag_error(reader->diag, route->at, NULL, "this route has two filters 'compress'");
}

static const gw_field_t compress_fields[] = {
    {.key = "codings",
     .type = GW_STRINGS,
     .offset = offsetof(gw_compress_conf_t, codings),
     .min = 1,
     .max = 2,
     .def_text = "br, gzip",
     .meaning = "content codings that clients may get, in the order in which the gateway prefers them"},
    {.key = "types",
     .type = GW_STRINGS,
     .offset = offsetof(gw_compress_conf_t, types),
     .min = 1,
     .max = 100,
     .def_text = DEFAULT_TYPES,
     .meaning = "media types that are compressed; * stands for any subtype, or for what comes before a +"},
    {.key = "min_size",
     .type = GW_SIZE,
     .offset = offsetof(gw_compress_conf_t, min_size),
     .max = 1 << 30,
     .def = "1KiB",
     .meaning = "smaller bodies stay as they are, if their length is known beforehand"},
    {.key = "gzip_level",
     .type = GW_UINT,
     .offset = offsetof(gw_compress_conf_t, gzip_level),
     .min = 1,
     .max = 9,
     .def = "5",
     .meaning = "how hard gzip tries"},
    {.key = "brotli_level",
     .type = GW_UINT,
     .offset = offsetof(gw_compress_conf_t, brotli_level),
     .max = 9, /* 10 and 11 take a second for a megabyte: a worker has others to serve */
     .def = "4",
     .meaning = "how hard br tries"},
    {.key = "max_concurrent",
     .type = GW_UINT,
     .offset = offsetof(gw_compress_conf_t, max_concurrent),
     .min = 1,
     .max = 100000,
     .def = "256",
     .unit = "responses",
     .meaning = "responses that each worker compresses at a time; beyond that they go out as they are"},
    {.key = NULL},
};

const gw_section_t gw_compress_section = {
    .name = "compress",
    .fields = compress_fields,
    .size = sizeof(gw_compress_conf_t),
    .mark_offset = offsetof(gw_compress_conf_t, at),
    .check = check_compress,
};
