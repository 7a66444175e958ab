/* SPDX-License-Identifier: MIT
 * Principals of an exchange. */
#include "gateway/exchange/principal.h"
#include "gateway/http/hop.h"

void gw_exchange_add_principal(gw_exchange_t *ex, gw_principal_t *principal)
{
    principal->earlier = ex->principal;
    ex->principal = principal;
}

gw_str_t gw_exchange_principal_name(const gw_exchange_t *ex)
{
    return ex->principal != NULL ? ex->principal->name : gw_str(NULL, 0);
}

gw_str_t gw_exchange_property(const gw_exchange_t *ex, const char *scheme, gw_str_t name)
{
    for (const gw_principal_t *at = ex->principal; at != NULL; at = at->earlier)
        if (strcmp(at->scheme, scheme) == 0)
            return at->property(at, &ex->req->pool, name);
    return gw_str(NULL, 0);
}

/* what the service is told ------------------------------------------------------------------------------------------
 */

/** A field that a filter of this chain has set. */
typedef struct gw_forwarded {
    const struct gw_forwarded *next;
    gw_str_t name;
} gw_forwarded_t;

static bool is_forwarded(const gw_exchange_t *ex, gw_str_t name)
{
    for (const gw_forwarded_t *at = ex->forwarded; at != NULL; at = at->next)
        if (gw_http_is_read_as(at->name, name))
            return true;
    return false;
}

void gw_exchange_forget_field(gw_exchange_t *ex, gw_str_t name)
{
    h2o_headers_t *fields = &ex->req->headers;
    size_t kept = 0, size = fields->size;
    if (is_forwarded(ex, name))
        return;
    for (size_t i = 0; i != size; ++i)
        if (!gw_http_is_read_as(gw_str(fields->entries[i].name->base, fields->entries[i].name->len), name))
            fields->entries[kept++] = fields->entries[i];
    fields->size = kept;
}

void gw_exchange_forward_field(gw_exchange_t *ex, gw_str_t name, gw_str_t value)
{
    gw_fields_set(&ex->req->pool, &ex->req->headers, name, value);
    if (is_forwarded(ex, name))
        return;
    gw_forwarded_t *forwarded = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*forwarded));
    *forwarded = (gw_forwarded_t){ex->forwarded, name};
    ex->forwarded = forwarded;
}

void gw_exchange_copy_forwarded(gw_exchange_t *ex, const gw_exchange_t *model)
{
    const gw_forwarded_t **end = &ex->forwarded;
    for (const gw_forwarded_t *at = model->forwarded; at != NULL; at = at->next) {
        gw_forwarded_t *copy = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*copy));
        *copy = (gw_forwarded_t){NULL, at->name}; /* a conf's */
        *end = copy;
        end = &copy->next;
    }
}

void gw_exchange_forward_principal(gw_exchange_t *ex, const gw_conf_pairs_t *forward, const gw_principal_t *principal)
{
    for (size_t i = 0; i != forward->size; ++i) {
        gw_str_t name = gw_str_of(forward->entries[i].value), value;
        gw_exchange_forget_field(ex, name);
        if (principal == NULL)
            continue;
        value = principal->property(principal, &ex->req->pool, gw_str_of(forward->entries[i].name));
        if (value.len != 0)
            gw_exchange_forward_field(ex, name, value);
    }
}
