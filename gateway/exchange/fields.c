/* SPDX-License-Identifier: MIT
 * Header fields of an h2o_req_t, looked up by lower-case name. */
#include "gateway/exchange/exchange.h"

static bool has_name(const h2o_header_t *field, gw_str_t name)
{
    return field->name->len == name.len && memcmp(field->name->base, name.ptr, name.len) == 0;
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
