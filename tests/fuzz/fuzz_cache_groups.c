/* SPDX-License-Identifier: MIT
 * Fuzz target: lines of Cache-Groups, and the same as tags.  What another parser of structured fields reads from the
 * lines is what is named, and what it refuses is refused. */
#include <stdlib.h>
#include "filters/cache/tags.h"
#include "gateway/http/syntax.h"
#include "tests/support/structured_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_LINES 16

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool has(const gw_cache_tags_t *tags, gw_str_t name)
{
    for (size_t i = 0; i != tags->num; ++i)
        if (gw_str_equal(tags->names[i], name))
            return true;
    return false;
}

static void check_groups(const gw_str_t *values, size_t num)
{
    gw_cache_tags_t *groups = malloc(sizeof(*groups)); /* so that sanitizers see writes beyond it */
    gw_arena_t *arena = gw_arena_create();
    sf_list_t lists[MAX_LINES];
    size_t num_members = 0;
    bool is_good = true, has_bytes = false;
    for (size_t i = 0; i != num; ++i)
        has_bytes |= memchr(values[i].ptr, ':', values[i].len) != NULL;
    for (size_t i = 0; is_good && i != num; ++i) {
        is_good = sf_parse_list(arena, values[i].ptr, values[i].len, &lists[i]);
        for (size_t k = 0; is_good && k != lists[i].size; ++k, ++num_members)
            is_good = lists[i].items[k].value.type == SF_STRING;
    }
    /* bytes whose last bits are superfluous are refused by the strictest only (RFC 9651 4.2.7) */
    must(gw_cache_groups(groups, values, num) == is_good || (!is_good && has_bytes));
    must(groups->num <= GW_CACHE_MAX_GROUPS);
    if (is_good) {
        must(groups->num <= num_members);
        for (size_t i = 0; !groups->is_cut && i != num; ++i)
            for (size_t k = 0; k != lists[i].size; ++k)
                must(has(groups, gw_str(lists[i].items[k].value.text, lists[i].items[k].value.len)));
    } else if (!has_bytes) {
        must(groups->num == 0 && !groups->is_cut);
    }
    gw_arena_free(arena);
    free(groups);
}

static void check_tags(const gw_str_t *values, size_t num)
{
    gw_cache_tags_t *tags = malloc(sizeof(*tags));
    for (int form = 0; form != 2; ++form) {
        tags->num = 0;
        tags->is_cut = false;
        gw_cache_tags_add(tags, form, values, num);
        must(tags->num <= GW_CACHE_MAX_TAGS && (!tags->is_cut || tags->num == GW_CACHE_MAX_TAGS));
        for (size_t i = 0; i != tags->num; ++i) {
            gw_str_t name = tags->names[i];
            must(name.len != 0 && memchr(name.ptr, form == GW_TAGS_WITH_SPACES ? ' ' : ',', name.len) == NULL);
            for (size_t k = 0; k != i; ++k)
                must(!gw_str_equal(name, tags->names[k]));
        }
    }
    free(tags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_str_t values[MAX_LINES];
    size_t num = 0;
    for (size_t at = 0; at < size && num != MAX_LINES;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end != NULL ? (size_t)(end - data) - at : size - at;
        gw_str_t line = gw_http_trim(gw_str((const char *)data + at, len)); /* as a field's value comes */
        if (line.len != 0)
            values[num++] = line;
        at += len + 1;
    }
    check_groups(values, num);
    check_tags(values, num);
    return 0;
}
