/* SPDX-License-Identifier: MIT
 * Fuzz target: Cache-Control and Pragma, a line of the field in each line of the input.  More lines never permit more,
 * their order does not matter, and without quotes neither does how items are spread over lines. */
#include <stdlib.h>
#include "filters/cache/directives.h"
#include "gateway/http/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_LINES 16

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void must_be_seconds(uint64_t seconds)
{
    must(seconds <= GW_CACHE_ANY_AGE || seconds == GW_CACHE_NOT_SAID);
}

static size_t split(const uint8_t *data, size_t size, gw_str_t lines[MAX_LINES])
{
    size_t num = 0;
    const char *at = (const char *)data, *end = at + size;
    while (num != MAX_LINES) {
        const char *newline = at != end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        lines[num++] = gw_str(at, (size_t)((newline != NULL ? newline : end) - at));
        if (newline == NULL)
            break;
        at = newline + 1;
    }
    return num;
}

static void check_response(const gw_cache_response_directives_t *all, const uint8_t *data, size_t size)
{
    must(all->is_said && all->num_names <= GW_CACHE_MAX_NAMES);
    must_be_seconds(all->max_age);
    must_be_seconds(all->s_maxage);
    must_be_seconds(all->stale_while_revalidate);
    must_be_seconds(all->stale_if_error);
    for (size_t i = 0; i != all->num_names; ++i) {
        const uint8_t *name = (const uint8_t *)all->names[i].ptr;
        must(name >= data && name + all->names[i].len <= data + size);
        must(gw_http_is_token(all->names[i]));
    }
}

/** Does `more` say all that `less` says, and is it at least as strict? */
static void must_be_as_strict(const gw_cache_response_directives_t *more, const gw_cache_response_directives_t *less)
{
    must(more->max_age <= less->max_age && more->s_maxage <= less->s_maxage);
    must(more->stale_while_revalidate <= less->stale_while_revalidate);
    must(more->stale_if_error <= less->stale_if_error);
    must(more->no_store >= less->no_store && more->no_cache >= less->no_cache && more->is_private >= less->is_private);
    must(more->must_revalidate >= less->must_revalidate && more->no_transform >= less->no_transform);
    must(more->num_names >= less->num_names);
}

static void must_be_the_same(const gw_cache_response_directives_t *a, const gw_cache_response_directives_t *b)
{
    must(a->max_age == b->max_age && a->s_maxage == b->s_maxage && a->stale_if_error == b->stale_if_error);
    must(a->stale_while_revalidate == b->stale_while_revalidate && a->no_store == b->no_store);
    must(a->is_public == b->is_public && a->no_transform == b->no_transform && a->immutable == b->immutable);
    must(a->must_revalidate == b->must_revalidate && a->must_understand == b->must_understand);
}

static void check_responses(const gw_str_t *lines, size_t num, const uint8_t *data, size_t size)
{
    gw_cache_response_directives_t all, other;
    gw_str_t reversed[MAX_LINES];
    gw_cache_response_directives(lines, num, &all);
    check_response(&all, data, size);
    for (size_t i = 0; i != num; ++i) {
        gw_cache_response_directives(lines, i, &other);
        must(other.is_said == (i != 0));
        must_be_as_strict(&all, &other);
        reversed[num - 1 - i] = lines[i];
    }
    gw_cache_response_directives(reversed, num, &other);
    must_be_the_same(&all, &other);
    must(all.proxy_revalidate == other.proxy_revalidate || all.must_revalidate);

    if (memchr(data, '"', size) != NULL)
        return;
    char *joined = malloc(size + 1);
    size_t len = (size_t)(lines[num - 1].ptr + lines[num - 1].len - (const char *)data);
    memcpy(joined, data, len);
    for (size_t i = 0; i + 1 < num; ++i)
        joined[lines[i].ptr + lines[i].len - (const char *)data] = ',';
    gw_str_t line = gw_str(joined, len);
    gw_cache_response_directives(&line, 1, &other);
    must_be_the_same(&all, &other);
    must(all.no_cache == other.no_cache && all.is_private == other.is_private && all.num_names == other.num_names);
    free(joined);
}

static void check_requests(const gw_str_t *lines, size_t num)
{
    gw_cache_request_directives_t all, other;
    gw_cache_request_directives(lines, num, NULL, 0, &all);
    must_be_seconds(all.max_age);
    must_be_seconds(all.max_stale);
    must_be_seconds(all.min_fresh);
    must_be_seconds(all.stale_if_error);
    must(!all.has_pragma_no_cache);
    for (size_t i = 1; i != num; ++i) {
        gw_cache_request_directives(lines, i, lines, num, &other); /* Pragma does not matter beside them */
        must(!other.has_pragma_no_cache);
        must(all.max_age <= other.max_age && all.max_stale <= other.max_stale);
        must(other.min_fresh == GW_CACHE_NOT_SAID || all.min_fresh >= other.min_fresh);
        must(all.no_cache >= other.no_cache && all.no_store >= other.no_store);
        must(all.only_if_cached >= other.only_if_cached && all.no_transform >= other.no_transform);
    }
    gw_cache_request_directives(NULL, 0, lines, num, &other);
    must(other.has_pragma_no_cache == all.no_cache); /* both know no-cache by the same rule */
    must(other.max_age == GW_CACHE_NOT_SAID && !other.no_cache && !other.no_store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_str_t lines[MAX_LINES];
    if (size == 0)
        return 0;
    size_t num = split(data, size, lines);
    check_responses(lines, num, data, size);
    check_requests(lines, num);
    return 0;
}
