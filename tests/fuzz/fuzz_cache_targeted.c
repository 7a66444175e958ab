/* SPDX-License-Identifier: MIT
 * Fuzz target: CDN-Cache-Control, a line of the field in each line of the input, read by the gateway and by a parser of
 * structured fields that has nothing in common with it.  They agree on what is malformed, but for bytes in base64 (of
 * which that parser is stricter, as it may be), and on what is said. */
#include <stdlib.h>
#include "filters/cache/directives.h"
#include "gateway/http/syntax.h"
#include "tests/support/structured_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_LINES 16

static void must(bool holds)
{
    if (!holds)
        abort();
}

static const sf_bare_t *value_of(const sf_dictionary_t *dictionary, const char *key)
{
    for (size_t i = 0; i != dictionary->size; ++i)
        if (strcmp(dictionary->members[i].key, key) == 0)
            return &dictionary->members[i].item.value;
    return NULL;
}

static void check_seconds(const sf_bare_t *value, uint64_t seconds)
{
    uint64_t expected = GW_CACHE_NOT_SAID;
    if (value != NULL && value->type == SF_INTEGER)
        expected = value->number < 0                  ? 0
                   : value->number > GW_CACHE_ANY_AGE ? GW_CACHE_ANY_AGE
                                                      : (uint64_t)value->number;
    must(seconds == expected);
}

static void check_flag(const sf_bare_t *value, bool flag)
{
    must(flag == (value != NULL && value->type == SF_BOOLEAN && value->number != 0));
}

static void check_names(const sf_bare_t *value, bool flag, size_t num_names)
{
    if (value != NULL && (value->type == SF_STRING || value->type == SF_TOKEN))
        must(flag || num_names != 0);
    else
        check_flag(value, flag);
}

static void check_members(const sf_dictionary_t *dictionary, const gw_cache_response_directives_t *said)
{
    check_seconds(value_of(dictionary, "max-age"), said->max_age);
    check_seconds(value_of(dictionary, "s-maxage"), said->s_maxage);
    check_seconds(value_of(dictionary, "stale-while-revalidate"), said->stale_while_revalidate);
    check_seconds(value_of(dictionary, "stale-if-error"), said->stale_if_error);
    check_flag(value_of(dictionary, "public"), said->is_public);
    check_flag(value_of(dictionary, "no-store"), said->no_store);
    check_flag(value_of(dictionary, "no-transform"), said->no_transform);
    check_flag(value_of(dictionary, "must-revalidate"), said->must_revalidate);
    check_flag(value_of(dictionary, "proxy-revalidate"), said->proxy_revalidate);
    check_flag(value_of(dictionary, "must-understand"), said->must_understand);
    check_flag(value_of(dictionary, "immutable"), said->immutable);
    check_names(value_of(dictionary, "no-cache"), said->no_cache, said->num_names);
    check_names(value_of(dictionary, "private"), said->is_private, said->num_names);
}

/** @return whether a directive of the right type, or only unknown ones, are in it */
static bool has_right_ones(const sf_dictionary_t *dictionary)
{
    static const char *const keys[] = {"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"};
    static const char *const flags[] = {"public",          "no-store",         "no-transform",
                                        "must-revalidate", "proxy-revalidate", "must-understand",
                                        "immutable",       "no-cache",         "private"};
    unsigned num_known = 0, num_right = 0;
    for (size_t i = 0; i != sizeof(keys) / sizeof(keys[0]); ++i) {
        const sf_bare_t *value = value_of(dictionary, keys[i]);
        num_known += value != NULL;
        num_right += value != NULL && value->type == SF_INTEGER;
    }
    for (size_t i = 0; i != sizeof(flags) / sizeof(flags[0]); ++i) {
        const sf_bare_t *value = value_of(dictionary, flags[i]);
        bool takes_names = i >= sizeof(flags) / sizeof(flags[0]) - 2;
        num_known += value != NULL;
        num_right += value != NULL && (value->type == SF_BOOLEAN ||
                                       (takes_names && (value->type == SF_STRING || value->type == SF_TOKEN)));
    }
    return num_known == 0 || num_right != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_str_t lines[MAX_LINES];
    size_t num = 0, len = 0;
    char *joined = malloc(size + 2 * MAX_LINES); /* ', ' between lines */
    const char *at = (const char *)data, *end = at + size;
    while (at != end && num != MAX_LINES) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        lines[num] = gw_http_trim(gw_str(at, (size_t)((newline != NULL ? newline : end) - at)));
        if (num != 0) {
            memcpy(joined + len, ", ", 2);
            len += 2;
        }
        memcpy(joined + len, lines[num].ptr, lines[num].len);
        len += lines[num++].len;
        at = newline != NULL ? newline + 1 : end;
    }

    gw_arena_t *arena = gw_arena_create();
    gw_cache_response_directives_t said;
    sf_dictionary_t dictionary;
    bool is_usable = gw_cache_targeted_directives(lines, num, &said);
    bool is_well_formed = sf_parse_dictionary(arena, joined, len, &dictionary) && dictionary.size != 0;
    must(said.is_said == is_usable && said.num_names <= GW_CACHE_MAX_NAMES);
    if (is_well_formed && is_usable)
        check_members(&dictionary, &said);
    /* when lines are joined, a string may go over the end of its line: the RFC leaves that open */
    if (is_well_formed && has_right_ones(&dictionary) && (num == 1 || memchr(joined, '"', len) == NULL))
        must(is_usable);
    if (!is_well_formed && memchr(joined, ':', len) == NULL)
        must(!is_usable);
    if (!is_usable)
        must(said.max_age == GW_CACHE_NOT_SAID && !said.is_public && !said.must_understand);
    gw_arena_free(arena);
    free(joined);
    return 0;
}
