/* SPDX-License-Identifier: MIT
 * Cache-Control and Pragma. */
#include "filters/cache/directives.h"
#include "gateway/http/syntax.h"

/** How a directive is taken over. */
typedef enum meaning {
    SAID,         /* restricts: an argument, or what follows without a comma, does not make it less strict */
    SAID_PLAINLY, /* permits: counts only as it is defined */
    LEAST,        /* seconds, of several the fewest, when unreadable 0 */
    LEAST_OR_ANY, /* the same, where none means any number */
    MOST,         /* seconds, of several the most, when unreadable as many as there are */
    NAMES         /* said, unless its argument restricts it to some fields */
} meaning_t;

typedef struct row {
    gw_str_t name;
    meaning_t meaning;
    size_t offset; /* in the struct of directives */
} row_t;

#define ROW(type, text, kind, member)                                                                                  \
    {                                                                                                                  \
        {text, sizeof(text) - 1}, kind, offsetof(type, member)                                                         \
    }

#define REQUEST(text, kind, member) ROW(gw_cache_request_directives_t, text, kind, member)
static const row_t request_rows[] = {
    REQUEST("max-age", LEAST, max_age),
    REQUEST("no-cache", SAID, no_cache),
    REQUEST("no-store", SAID, no_store),
    REQUEST("no-transform", SAID, no_transform),
    REQUEST("only-if-cached", SAID, only_if_cached),
    REQUEST("max-stale", LEAST_OR_ANY, max_stale),
    REQUEST("min-fresh", MOST, min_fresh),
    REQUEST("stale-if-error", LEAST, stale_if_error),
};

#define RESPONSE(text, kind, member) ROW(gw_cache_response_directives_t, text, kind, member)
static const row_t response_rows[] = {
    RESPONSE("max-age", LEAST, max_age),
    RESPONSE("s-maxage", LEAST, s_maxage),
    RESPONSE("public", SAID_PLAINLY, is_public),
    RESPONSE("private", NAMES, is_private),
    RESPONSE("no-cache", NAMES, no_cache),
    RESPONSE("no-store", SAID, no_store),
    RESPONSE("must-revalidate", SAID_PLAINLY, must_revalidate), /* it permits, too: RFC 9111 3.5 */
    RESPONSE("proxy-revalidate", SAID, proxy_revalidate),
    RESPONSE("stale-while-revalidate", LEAST, stale_while_revalidate),
    RESPONSE("stale-if-error", LEAST, stale_if_error),
    RESPONSE("immutable", SAID_PLAINLY, immutable),
    RESPONSE("must-understand", SAID_PLAINLY, must_understand),
    RESPONSE("no-transform", SAID, no_transform),
};

/* taking a value apart: #( token [ "=" ( token / quoted-string ) ] ) ----------------------------------------------- */

typedef struct reader {
    gw_str_t rest;
    bool has_open_quote; /* one that is not closed is a character like others, and so are all behind it */
} reader_t;

typedef struct directive {
    gw_str_t name;
    bool has_argument, is_malformed; /* malformed: something is there that does not belong there */
    gw_str_t argument;               /* without quotes; what was escaped in it still is */
} directive_t;

static void skip(reader_t *reader, size_t len)
{
    reader->rest.ptr += len;
    reader->rest.len -= len;
}

static char next_char(const reader_t *reader)
{
    return reader->rest.len != 0 ? *reader->rest.ptr : '\0';
}

/** @return whether there were any */
static bool skip_blanks(reader_t *reader)
{
    size_t before = reader->rest.len;
    while (next_char(reader) == ' ' || next_char(reader) == '\t')
        skip(reader, 1);
    return reader->rest.len != before;
}

static gw_str_t take_token(reader_t *reader)
{
    size_t len = 0;
    while (len != reader->rest.len && gw_http_is_token(gw_str(reader->rest.ptr + len, 1)))
        ++len;
    gw_str_t token = gw_str(reader->rest.ptr, len);
    skip(reader, len);
    return token;
}

/** @return false: none begins here, and nothing was taken */
static bool take_quoted(reader_t *reader, gw_str_t *ret)
{
    if (next_char(reader) != '"' || reader->has_open_quote)
        return false;
    gw_str_t rest = reader->rest;
    for (size_t i = 1; i < rest.len; ++i) {
        if (rest.ptr[i] == '"') {
            *ret = gw_str(rest.ptr + 1, i - 1);
            skip(reader, i + 1);
            return true;
        }
        i += rest.ptr[i] == '\\';
    }
    reader->has_open_quote = true;
    return false;
}

/** Up to the comma, or the end.  @return whether there was anything but blanks */
static bool skip_to_comma(reader_t *reader)
{
    bool has_any = false;
    while (reader->rest.len != 0 && next_char(reader) != ',') {
        gw_str_t quoted;
        if (skip_blanks(reader))
            continue;
        has_any = true;
        if (!take_quoted(reader, &quoted))
            skip(reader, 1);
    }
    return has_any;
}

/** @return false: that was all */
static bool take_directive(reader_t *reader, directive_t *ret)
{
    do {
        while (next_char(reader) == ',' || skip_blanks(reader))
            if (next_char(reader) == ',')
                skip(reader, 1);
        if (reader->rest.len == 0)
            return false;
        *ret = (directive_t){.name = take_token(reader)};
        if (ret->name.len != 0 && next_char(reader) == '=') {
            skip(reader, 1);
            ret->has_argument = true;
            if (!take_quoted(reader, &ret->argument)) {
                ret->argument = take_token(reader);
                ret->is_malformed = ret->argument.len == 0;
            }
        }
        if (skip_to_comma(reader))
            ret->is_malformed = true;
    } while (ret->name.len == 0);
    return true;
}

/* taking directives over ------------------------------------------------------------------------------------------- */

/** RFC 9111 1.2.2.  @return false: not only digits, or none */
static bool read_seconds(gw_str_t text, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i != text.len; ++i) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *ret = *ret * 10 + (uint64_t)(text.ptr[i] - '0');
        if (*ret > GW_CACHE_ANY_AGE)
            *ret = GW_CACHE_ANY_AGE;
    }
    return text.len != 0;
}

bool gw_cache_directives_add_names(gw_cache_response_directives_t *directives, gw_str_t list)
{
    gw_str_t name;
    size_t num = directives->num_names;
    while (gw_http_list_next(&list, &name)) {
        if (num == GW_CACHE_MAX_NAMES || !gw_http_is_token(name))
            return false;
        directives->names[num++] = name;
    }
    if (num == directives->num_names)
        return false;
    directives->num_names = num;
    return true;
}

static void take_over(const row_t *row, const directive_t *directive, void *all)
{
    bool *flag = (bool *)((char *)all + row->offset);
    uint64_t *seconds = (uint64_t *)((char *)all + row->offset), number;
    bool is_number = !directive->is_malformed && read_seconds(directive->argument, &number);
    bool is_plain = !directive->has_argument && !directive->is_malformed;

    switch (row->meaning) {
    case SAID:
        *flag = true;
        break;
    case SAID_PLAINLY:
        *flag = *flag || is_plain;
        break;
    case LEAST_OR_ANY:
    case LEAST:
        if (row->meaning == LEAST_OR_ANY && is_plain)
            number = GW_CACHE_ANY_AGE;
        else if (!is_number)
            number = 0;
        if (*seconds > number) /* GW_CACHE_NOT_SAID is */
            *seconds = number;
        break;
    case MOST:
        if (!is_number)
            number = GW_CACHE_ANY_AGE;
        if (*seconds == GW_CACHE_NOT_SAID || *seconds < number)
            *seconds = number;
        break;
    case NAMES:
        if (!directive->has_argument || directive->is_malformed ||
            !gw_cache_directives_add_names(all, directive->argument))
            *flag = true;
        break;
    }
}

static const row_t *row_of(const row_t *rows, size_t num, gw_str_t name)
{
    for (size_t i = 0; i != num; ++i)
        if (gw_str_equal_nocase(rows[i].name, name))
            return &rows[i];
    return NULL;
}

void gw_cache_request_directives(const gw_str_t *values, size_t num, const gw_str_t *pragma, size_t num_pragma,
                                 gw_cache_request_directives_t *ret)
{
    directive_t directive;
    *ret = (gw_cache_request_directives_t){.max_age = GW_CACHE_NOT_SAID,
                                           .max_stale = GW_CACHE_NOT_SAID,
                                           .min_fresh = GW_CACHE_NOT_SAID,
                                           .stale_if_error = GW_CACHE_NOT_SAID};
    for (size_t i = 0; i != num; ++i)
        for (reader_t reader = {.rest = values[i]}; take_directive(&reader, &directive);) {
            const row_t *row = row_of(request_rows, sizeof(request_rows) / sizeof(request_rows[0]), directive.name);
            if (row != NULL)
                take_over(row, &directive, ret);
        }
    for (size_t i = 0; num == 0 && i != num_pragma; ++i)
        for (reader_t reader = {.rest = pragma[i]}; take_directive(&reader, &directive);)
            if (gw_str_equal_nocase(directive.name, GW_STR("no-cache")))
                ret->has_pragma_no_cache = true;
}

void gw_cache_response_directives(const gw_str_t *values, size_t num, gw_cache_response_directives_t *ret)
{
    directive_t directive;
    *ret = (gw_cache_response_directives_t){.is_said = num != 0,
                                            .max_age = GW_CACHE_NOT_SAID,
                                            .s_maxage = GW_CACHE_NOT_SAID,
                                            .stale_while_revalidate = GW_CACHE_NOT_SAID,
                                            .stale_if_error = GW_CACHE_NOT_SAID};
    for (size_t i = 0; i != num; ++i)
        for (reader_t reader = {.rest = values[i]}; take_directive(&reader, &directive);) {
            const row_t *row = row_of(response_rows, sizeof(response_rows) / sizeof(response_rows[0]), directive.name);
            if (row == NULL)
                continue;
            take_over(row, &directive, ret);
            /* what was meant by a must-revalidate that is spoilt must not permit, but may still forbid */
            if (row->offset == offsetof(gw_cache_response_directives_t, must_revalidate))
                ret->proxy_revalidate = ret->proxy_revalidate || !ret->must_revalidate;
        }
}
