/* SPDX-License-Identifier: MIT
 * Fuzz target: a path with its query, then the fields of a PURGE.  What is understood is one thing only, and never more
 * than the fields say. */
#include <stdlib.h>
#include "filters/cache/purge_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { max_fields = 100 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/** A line out of memory of its own, so that sanitizers see what is read beyond it.  @return to be freed */
static char *take_line(const uint8_t **at, const uint8_t *end, size_t *ret_len)
{
    const uint8_t *stop = memchr(*at, '\n', (size_t)(end - *at));
    *ret_len = (size_t)((stop != NULL ? stop : end) - *at);
    char *line = malloc(*ret_len != 0 ? *ret_len : 1);
    if (*ret_len != 0)
        memcpy(line, *at, *ret_len);
    *at = stop != NULL ? stop + 1 : end;
    return line;
}

static bool has_field(const gw_http_field_t *fields, size_t num, gw_str_t name)
{
    for (size_t i = 0; i != num; ++i)
        if (gw_str_equal(fields[i].name, name))
            return true;
    return false;
}

static void check(const gw_purge_order_t *order, gw_str_t path, gw_str_t query, const gw_http_field_t *fields,
                  size_t num)
{
    bool names_tags = has_field(fields, num, GW_STR("cache-tag")) || has_field(fields, num, GW_STR("surrogate-key"));
    bool names_scope = has_field(fields, num, GW_STR("purge-scope"));
    must((order->scope == GW_PURGE_SCOPE_TAGS) == names_tags);
    must((order->tags.num != 0) == names_tags);
    must(order->how == GW_PURGE_HARD || has_field(fields, num, GW_STR("purge-mode")));
    must(order->scope != GW_PURGE_SCOPE_ALL || names_scope);
    must(gw_str_starts_with(path, order->path));
    must(order->path.len == path.len ||
         (order->scope == GW_PURGE_SCOPE_PREFIX && order->path.len + 1 == path.len && path.ptr[path.len - 1] == '*'));
    must(order->scope != GW_PURGE_SCOPE_PREFIX || (query.len == 0 && (names_scope || order->path.len != path.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gw_str_t tag_fields[] = {{"cache-tag", 9}, {"surrogate-key", 13}};
    const uint8_t *at = data, *end = data + size;
    gw_http_field_t fields[max_fields] = {{.name = {NULL, 0}}};
    char *lines[max_fields + 1];
    size_t num = 0, len;
    if (size == 0)
        return 0;
    lines[0] = take_line(&at, end, &len);
    const char *mark = memchr(lines[0], '?', len);
    gw_str_t path = gw_str(lines[0], mark != NULL ? (size_t)(mark - lines[0]) : len);
    gw_str_t query = gw_str(lines[0] + path.len, len - path.len);
    while (at != end && num != max_fields) {
        char *line = lines[num + 1] = take_line(&at, end, &len);
        const char *colon = memchr(line, ':', len);
        size_t name_len = colon != NULL ? (size_t)(colon - line) : len;
        size_t value_at = colon != NULL ? name_len + 1 : len;
        fields[num++] = (gw_http_field_t){gw_str(line, name_len), gw_str(line + value_at, len - value_at)};
    }
    gw_purge_order_t *order = malloc(sizeof(*order));
    gw_purge_fault_t fault = gw_purge_order_read(path, query, fields, num, tag_fields, 2, order);
    if (fault == GW_PURGE_FAULT_NONE)
        check(order, path, query, fields, num);
    else
        must(num != 0 || (query.len != 0 && path.len != 0 && path.ptr[path.len - 1] == '*'));
    free(order);
    for (size_t i = 0; i != num + 1; ++i)
        free(lines[i]);
    return 0;
}
