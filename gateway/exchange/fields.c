/* SPDX-License-Identifier: MIT
 * Header fields of an h2o_req_t, looked up by lower-case name. */
#include "gateway/exchange/exchange.h"
#include "gateway/http/syntax.h"

static bool has_name(const h2o_header_t *field, gw_str_t name)
{
    /* most names differ in length or at their end, which costs no call */
    return field->name->len == name.len && name.len != 0 && field->name->base[name.len - 1] == name.ptr[name.len - 1] &&
           memcmp(field->name->base, name.ptr, name.len) == 0;
}

ssize_t gw_fields_find(const h2o_headers_t *fields, gw_str_t name, ssize_t from)
{
    for (size_t i = from > 0 ? (size_t)from : 0; i < fields->size; ++i)
        if (has_name(&fields->entries[i], name))
            return (ssize_t)i;
    return -1;
}

size_t gw_fields_remove(h2o_headers_t *fields, gw_str_t name)
{
    size_t kept = 0, size = fields->size;
    for (size_t i = 0; i != size; ++i)
        if (!has_name(&fields->entries[i], name))
            fields->entries[kept++] = fields->entries[i];
    fields->size = kept;
    return size - kept;
}

void gw_fields_add(h2o_mem_pool_t *pool, h2o_headers_t *fields, gw_str_t name, gw_str_t value)
{
    h2o_add_header_by_str(pool, fields, name.ptr, name.len, 1, NULL, value.ptr, value.len);
}

void gw_fields_add_named(h2o_mem_pool_t *pool, h2o_headers_t *fields, h2o_iovec_t *name, gw_str_t value)
{
    h2o_vector_reserve(pool, fields, fields->size + 1);
    fields->entries[fields->size++] =
        (h2o_header_t){.name = name, .orig_name = NULL, .value = h2o_iovec_init(value.ptr, value.len)};
}

void gw_fields_set(h2o_mem_pool_t *pool, h2o_headers_t *fields, gw_str_t name, gw_str_t value)
{
    gw_fields_remove(fields, name);
    gw_fields_add(pool, fields, name, value);
}

static bool is_varied_by(gw_str_t list, gw_str_t name)
{
    return gw_http_list_has(list, name) || gw_http_list_has(list, GW_STR("*"));
}

void gw_fields_vary_by(h2o_mem_pool_t *pool, h2o_headers_t *fields, gw_str_t name)
{
    ssize_t last = -1;
    for (ssize_t at = -1; (at = gw_fields_find(fields, GW_STR("vary"), at + 1)) != -1; last = at)
        if (is_varied_by(gw_str(fields->entries[at].value.base, fields->entries[at].value.len), name))
            return;
    if (last == -1 || fields->entries[last].value.len == 0) {
        gw_fields_set(pool, fields, GW_STR("vary"), name);
        return;
    }
    h2o_iovec_t *value = &fields->entries[last].value; /* into the field that is there: some caches read but one */
    *value = h2o_concat(pool, *value, h2o_iovec_init(H2O_STRLIT(", ")), h2o_iovec_init(name.ptr, name.len));
}
