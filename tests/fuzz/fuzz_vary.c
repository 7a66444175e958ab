/* SPDX-License-Identifier: MIT
 * Fuzz target: lines of Vary, an empty line, lines "name: value" of a request.  Canonical names stay what they are; the
 * hash does not change with what means nothing (the order of unlike fields, the cutting of a list into lines, blanks
 * around values), and does with a field that is there or not. */
#include <stdlib.h>
#include "filters/cache/vary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_LINES 24

static const uint64_t secret[2] = {1, 2};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool next_line(gw_str_t *rest, gw_str_t *ret)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
    *ret = gw_str(rest->ptr, len);
    len += end != NULL;
    *rest = gw_str(rest->ptr + len, rest->len - len);
    return true;
}

static gw_cache_key_t hash_of(gw_str_t names, const gw_http_field_t *fields, size_t num)
{
    return gw_vary_hash(names, fields, num, secret);
}

static bool is_same(gw_cache_key_t a, gw_cache_key_t b)
{
    must((a.url == b.url) == (a.whole == b.whole));
    return a.url == b.url;
}

static void check_names(gw_str_t names)
{
    char again[GW_VARY_MAX];
    size_t len;
    must(names.len != 0 && names.len <= GW_VARY_MAX);
    must(gw_vary_names(&names, 1, again, &len) == GW_VARY_NAMES && gw_str_equal(names, gw_str(again, len)));
}

/** A line that is cut in two at a comma, outside quotes, says what it said. */
static void check_cut(gw_str_t names, const gw_http_field_t *fields, size_t num, gw_cache_key_t key)
{
    gw_http_field_t cut[MAX_LINES + 1];
    for (size_t i = 0; i != num; ++i) {
        gw_str_t value = fields[i].value;
        const char *comma = value.len != 0 ? memchr(value.ptr, ',', value.len) : NULL;
        bool is_cookie = gw_str_equal(fields[i].name, GW_STR("cookie"));
        if (comma == NULL || is_cookie || memchr(value.ptr, '"', (size_t)(comma - value.ptr)) != NULL)
            continue;
        if (comma + 1 == value.ptr + value.len || comma[1] != ' ' || comma == value.ptr || comma[-1] == ' ' ||
            comma[-1] == '\t' || comma + 2 == value.ptr + value.len || comma[2] == ' ' || comma[2] == '\t')
            continue; /* plain fields are joined by ", " */
        size_t first = (size_t)(comma - value.ptr);
        memcpy(cut, fields, i * sizeof(*cut));
        cut[i] = (gw_http_field_t){fields[i].name, gw_str(value.ptr, first)};
        cut[i + 1] = (gw_http_field_t){fields[i].name, gw_str(comma + 1, value.len - first - 1)};
        memcpy(cut + i + 2, fields + i + 1, (num - i - 1) * sizeof(*cut));
        must(is_same(key, hash_of(names, cut, num + 1)));
    }
}

static bool is_named(gw_str_t names, gw_str_t name)
{
    for (size_t i = 0; name.len != 0 && i + name.len <= names.len; ++i)
        if (memcmp(names.ptr + i, name.ptr, name.len) == 0 && (i == 0 || names.ptr[i - 1] == ',') &&
            (i + name.len == names.len || names.ptr[i + name.len] == ','))
            return memchr(name.ptr, ',', name.len) == NULL;
    return false;
}

/** Without a line: the same when nobody asks for it, another when it was the only one of its name. */
static void check_absence(gw_str_t names, const gw_http_field_t *fields, size_t num, gw_cache_key_t key)
{
    gw_http_field_t others[MAX_LINES];
    for (size_t i = 0; i != num; ++i) {
        size_t num_others = 0, num_alike = 0;
        for (size_t k = 0; k != num; ++k) {
            num_alike += gw_str_equal(fields[k].name, fields[i].name);
            if (k != i)
                others[num_others++] = fields[k];
        }
        bool is_asked_for = is_named(names, fields[i].name);
        if (!is_asked_for || num_alike == 1)
            must(is_same(key, hash_of(names, others, num_others)) == !is_asked_for);
    }
}

/** Neighbours of unlike names change places. */
static void check_order(gw_str_t names, const gw_http_field_t *fields, size_t num, gw_cache_key_t key)
{
    gw_http_field_t turned[MAX_LINES];
    if (num != 0)
        memcpy(turned, fields, num * sizeof(*turned));
    for (size_t i = 1; i < num; ++i)
        if (!gw_str_equal(turned[i - 1].name, turned[i].name)) {
            gw_http_field_t field = turned[i];
            turned[i] = turned[i - 1];
            turned[i - 1] = field;
        }
    must(is_same(key, hash_of(names, turned, num)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_str_t rest = gw_str((const char *)data, size), line, values[MAX_LINES];
    gw_http_field_t fields[MAX_LINES];
    size_t num_values = 0, num_fields = 0, len = 0;
    char *names = malloc(GW_VARY_MAX); /* so that sanitizers see writes beyond it */
    while (num_values != MAX_LINES && next_line(&rest, &line) && line.len != 0)
        values[num_values++] = line;
    while (num_fields != MAX_LINES && next_line(&rest, &line)) {
        const char *colon = line.len != 0 ? memchr(line.ptr, ':', line.len) : NULL;
        size_t name_len = colon != NULL ? (size_t)(colon - line.ptr) : 0;
        if (colon == NULL || memchr(line.ptr, '\0', line.len) != NULL)
            continue;
        fields[num_fields++] =
            (gw_http_field_t){gw_str(line.ptr, name_len), gw_str(colon + 1, line.len - name_len - 1)};
    }
    if (gw_vary_names(values, num_values, names, &len) == GW_VARY_NAMES) {
        gw_str_t canonical = gw_str(names, len);
        gw_cache_key_t key = hash_of(canonical, fields, num_fields);
        must(key.url != 0 || key.whole != 0);
        check_names(canonical);
        check_cut(canonical, fields, num_fields, key);
        check_absence(canonical, fields, num_fields, key);
        check_order(canonical, fields, num_fields, key);
    }
    free(names);
    return 0;
}
