/* SPDX-License-Identifier: MIT
 * Reading the options of `cors`. */
#include "filters/cors_conf.h"
#include "gateway/config/reader.h"
#include "gateway/config/text.h"
#include "gateway/exchange/filter.h"
#include "gateway/http/syntax.h"

enum { day = 24 * 3600 * 1000 };

static bool is_star(const struct gw_conf_string *text)
{
    return strcmp(text->value, "*") == 0;
}

static void refuse(struct gw_conf_reader *reader, const char *key, const struct gw_conf_string *text, const char *hint,
                   const char *wanted)
{
    gw_diag_error(reader->diag, text->at, hint, "'%s' is not valid for '%s' (%s)",
                  gw_text_shown(reader->scratch, gw_str_of(text->value)), key, wanted);
}

/* origins ---------------------------------------------------------------------------------------------------------- */

static char *lower_case(gw_arena_t *arena, const char *text)
{
    char *copy = gw_arena_strdup(arena, gw_str_of(text));
    for (char *c = copy; *c != '\0'; ++c)
        *c = gw_ascii_lower(*c);
    return copy;
}

static void check_origin(struct gw_conf_reader *reader, gw_cors_conf_t *conf, gw_origin_pattern_t *patterns,
                         const struct gw_conf_string *text)
{
    if (is_star(text)) {
        conf->rules.is_any_origin = true;
        if (conf->origins.size != 1)
            gw_diag_error(reader->diag, text->at, NULL, "'*' is every origin: leave out the others");
        if (conf->credentials)
            gw_diag_error(reader->diag, text->at, "list the origins, https://*.example.com is possible",
                          "'credentials' cannot be had by every origin: any page could act in its visitors' names");
        return;
    }
    if (strcmp(text->value, "null") == 0) {
        conf->rules.is_null_allowed = true;
        if (conf->credentials)
            gw_diag_warning(reader->diag, text->at, NULL,
                            "any page can make itself the origin 'null', which gets 'credentials' here");
        return;
    }
    gw_origin_pattern_t *pattern = patterns + conf->rules.num_patterns;
    gw_origin_problem_t problem = gw_origin_pattern_parse(gw_str_of(lower_case(reader->arena, text->value)), pattern);
    if (problem == GW_ORIGIN_FINE)
        ++conf->rules.num_patterns;
    else
        refuse(reader, "origins", text, gw_origin_hint(problem), "https://HOST[:PORT], https://*.DOMAIN, null or *");
    if (problem == GW_ORIGIN_FINE && pattern->is_wildcard &&
        memchr(pattern->origin.host.ptr + 1, '.', pattern->origin.host.len - 1) == NULL)
        gw_diag_warning(reader->diag, text->at, NULL, "'%s' is every site of a whole top-level domain", text->value);
}

static void check_origins(struct gw_conf_reader *reader, gw_cors_conf_t *conf)
{
    gw_origin_pattern_t *patterns = gw_arena_alloc(reader->arena, conf->origins.size * sizeof(*patterns));
    conf->rules.patterns = patterns;
    for (size_t i = 0; i != conf->origins.size; ++i)
        check_origin(reader, conf, patterns, conf->origins.entries + i);
}

/* methods and fields ----------------------------------------------------------------------------------------------- */

/** Browsers write these in capitals whatever a script says, and leave all others as they are. */
static const char *known_method(const char *text)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    for (size_t i = 0; i != sizeof(known) / sizeof(known[0]); ++i)
        if (gw_str_equal_nocase(gw_str_of(text), gw_str_of(known[i])))
            return known[i];
    return NULL;
}

static void check_method(struct gw_conf_reader *reader, const struct gw_conf_string *text)
{
    static const char wanted[] = "a method such as PUT";
    const char *known = known_method(text->value);
    if (is_star(text))
        refuse(reader, "methods", text, "list them: with credentials '*' is a method of that name", wanted);
    else if (!gw_http_is_token(gw_str_of(text->value)))
        refuse(reader, "methods", text, NULL, wanted);
    else if (known != NULL && strcmp(known, text->value) != 0)
        refuse(reader, "methods", text, gw_arena_printf(reader->scratch, "did you mean '%s'?", known), wanted);
}

/** @return true when it is "*" */
static bool check_field(struct gw_conf_reader *reader, const char *key, const gw_conf_strings_t *all, size_t index)
{
    const struct gw_conf_string *text = all->entries + index;
    if (!gw_http_is_token(gw_str_of(text->value)))
        refuse(reader, key, text, NULL, "names of header fields, or *");
    else if (is_star(text) && all->size != 1)
        gw_diag_error(reader->diag, text->at, NULL, "'*' is every field: leave out the others");
    return is_star(text);
}

static gw_cors_names_t names_of(gw_arena_t *arena, const gw_conf_strings_t *texts)
{
    gw_str_t *entries = gw_arena_alloc(arena, texts->size * sizeof(*entries));
    for (size_t i = 0; i != texts->size; ++i)
        entries[i] = gw_str_of(texts->entries[i].value);
    return (gw_cors_names_t){entries, texts->size};
}

/** @return "a, b, c" */
static gw_str_t list_of(gw_arena_t *arena, const gw_cors_names_t *names)
{
    size_t len = 0;
    for (size_t i = 0; i != names->num; ++i)
        len += names->entries[i].len + 2;
    char *list = gw_arena_alloc(arena, len + 1);
    len = 0;
    for (size_t i = 0; i != names->num; ++i) {
        if (i != 0)
            len += (size_t)(stpcpy(list + len, ", ") - (list + len));
        memcpy(list + len, names->entries[i].ptr, names->entries[i].len);
        len += names->entries[i].len;
    }
    return gw_str(list, len);
}

static void check_cors(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    static const gw_str_t simple_methods[] = {{"GET", 3}, {"HEAD", 4}, {"POST", 4}};
    gw_cors_conf_t *conf = value;
    check_origins(reader, conf);
    for (size_t i = 0; i != conf->methods.size; ++i)
        check_method(reader, conf->methods.entries + i);
    for (size_t i = 0; i != conf->headers.size; ++i)
        conf->rules.is_any_field = check_field(reader, "headers", &conf->headers, i) || conf->rules.is_any_field;
    for (size_t i = 0; i != conf->expose.size; ++i)
        if (check_field(reader, "expose", &conf->expose, i) && conf->credentials)
            gw_diag_error(reader->diag, conf->expose.entries[i].at, "list the fields",
                          "to browsers '*' of 'expose' is a field of that name where there are 'credentials'");
    if (conf->max_age % 1000 != 0)
        gw_diag_error(reader->diag, at, NULL, "'max_age' must be whole seconds");
    conf->rules.methods =
        conf->methods.size != 0 ? names_of(reader->arena, &conf->methods) : (gw_cors_names_t){simple_methods, 3};
    conf->rules.fields = names_of(reader->arena, &conf->headers);
    const gw_cors_names_t expose = names_of(reader->arena, &conf->expose);
    conf->allow_methods = list_of(reader->arena, &conf->rules.methods);
    conf->allow_headers = list_of(reader->arena, &conf->rules.fields);
    conf->expose_headers = list_of(reader->arena, &expose);
    conf->max_age_s = gw_str_of(gw_arena_printf(reader->arena, "%llu", (unsigned long long)(conf->max_age / 1000)));
}

void gw_cors_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route)
{
    /* those that stand before this one are in their places already, the others not yet */
    for (size_t i = 0; i != route->num_filters && route->filters[i] != NULL; ++i) {
        const gw_filter_conf_t *earlier = route->filters[i];
        if (earlier->class->section == &gw_cors_section)
            gw_diag_error(reader->diag, route->at, NULL, "this route has two filters 'cors'");
        else if (earlier->class->demands_credentials != NULL && earlier->class->demands_credentials(earlier->conf))
            gw_diag_warning(reader->diag, route->at, "put 'cors' first",
                            "'%s' stands before 'cors': it refuses preflights, which never carry credentials, and "
                            "scripts cannot read its refusals",
                            earlier->name);
    }
}

static const gw_field_t cors_fields[] = {
    {.key = "origins",
     .type = GW_STRINGS,
     .offset = offsetof(gw_cors_conf_t, origins),
     .min = 1,
     .max = GW_CORS_MAX_ORIGINS,
     .is_required = true,
     .meaning = "origins whose pages may read the responses: https://app.example.com, https://*.example.com, null, or "
                "* for all"},
    {.key = "methods",
     .type = GW_STRINGS,
     .offset = offsetof(gw_cors_conf_t, methods),
     .min = 1,
     .max = GW_CORS_MAX_NAMES,
     .def_text = "GET, HEAD, POST",
     .meaning = "methods that their scripts may use"},
    {.key = "headers",
     .type = GW_STRINGS,
     .offset = offsetof(gw_cors_conf_t, headers),
     .max = GW_CORS_MAX_NAMES,
     .meaning = "header fields that their scripts may set, or * for all"},
    {.key = "expose",
     .type = GW_STRINGS,
     .offset = offsetof(gw_cors_conf_t, expose),
     .max = GW_CORS_MAX_NAMES,
     .meaning = "header fields of responses that their scripts may read, or * for all"},
    {.key = "credentials",
     .type = GW_BOOL,
     .offset = offsetof(gw_cors_conf_t, credentials),
     .def = "false",
     .meaning = "whether their requests may carry cookies and other credentials that the browser has"},
    {.key = "max_age",
     .type = GW_DURATION,
     .offset = offsetof(gw_cors_conf_t, max_age),
     .max = day,
     .def = "5m",
     .meaning = "how long a browser may remember what a preflight was answered, in whole seconds"},
    {.key = "refuse",
     .type = GW_BOOL,
     .offset = offsetof(gw_cors_conf_t, refuse),
     .def = "false",
     .meaning = "refuse requests from pages of all other origins; if false, they pass, and the browser keeps the "
                "response from the page"},
    {.key = NULL},
};

const gw_section_t gw_cors_section = {
    .name = "cors",
    .fields = cors_fields,
    .size = sizeof(gw_cors_conf_t),
    .mark_offset = offsetof(gw_cors_conf_t, at),
    .check = check_cors,
};
