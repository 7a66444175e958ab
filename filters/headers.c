/* SPDX-License-Identifier: MIT
 * Header edits. */
#include "filters/headers.h"
#include "filters/headers_conf.h"
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/principal.h"
#include "gateway/http/syntax.h"

#define KEYS_OF_PRINCIPAL (1u << GW_KEY_PRINCIPAL | 1u << GW_KEY_PROPERTY)

/** Puts the value together, in the request's pool.  @return empty: there is nothing to be said, or nothing that a field
 * could hold */
static gw_str_t value_of(gw_exchange_t *ex, const gw_template_t *template)
{
    gw_str_t parts[GW_TEMPLATE_MAX_PIECES];
    size_t len = 0, num = template->num_pieces;
    for (size_t i = 0; i != num; ++i) {
        const struct gw_template_piece *piece = &template->pieces[i];
        parts[i] = piece->key.kind == GW_KEY_NONE ? piece->text : gw_exchange_key(ex, &piece->key);
        len += parts[i].len;
    }
    if (num == 1)
        return gw_http_is_field_value(parts[0]) ? gw_http_trim(parts[0]) : gw_str(NULL, 0);
    char *bytes = h2o_mem_alloc_pool(&ex->req->pool, len + 1), *at = bytes;
    for (size_t i = 0; i != num; ++i) {
        if (parts[i].len != 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return gw_http_is_field_value(gw_str(bytes, len)) ? gw_http_trim(gw_str(bytes, len)) : gw_str(NULL, 0);
}

/** Sets a field that has keys in its value; the client's own goes in any case.  One that says who the request comes
 * from is treated as those that filters forward: what is read as the same goes too, and what another filter has said
 * stays when there is nothing to be said here. */
static void set_made(gw_exchange_t *ex, h2o_headers_t *fields, gw_str_t name, const gw_template_t *template)
{
    gw_str_t value = value_of(ex, template);
    bool is_of_principal = (template->kinds & KEYS_OF_PRINCIPAL) != 0 && fields == &ex->req->headers;
    if (is_of_principal)
        gw_exchange_forget_field(ex, name);
    else
        gw_fields_remove(fields, name);
    if (value.len == 0)
        return;
    if (is_of_principal)
        gw_exchange_forward_field(ex, name, value);
    else
        gw_fields_add(&ex->req->pool, fields, name, value);
}

/** Of requests also those that services read as the same. */
static void remove_field(gw_exchange_t *ex, h2o_headers_t *fields, gw_str_t name)
{
    gw_fields_remove(fields, name);
    if (fields == &ex->req->headers)
        gw_exchange_forget_field(ex, name);
}

static void apply(gw_exchange_t *ex, h2o_headers_t *fields, const gw_header_edits_t *edits)
{
    h2o_mem_pool_t *pool = &ex->req->pool;
    for (size_t i = 0; i != edits->remove.size; ++i)
        remove_field(ex, fields, gw_str_of(edits->remove.entries[i].value));
    for (size_t i = 0; i != edits->set.size; ++i) {
        gw_str_t name = gw_str_of(edits->set.entries[i].name);
        if (edits->set_values[i].num_keys != 0)
            set_made(ex, fields, name, &edits->set_values[i]);
        else {
            remove_field(ex, fields, name);
            gw_fields_add(pool, fields, name, edits->set_values[i].plain);
        }
    }
    for (size_t i = 0; i != edits->add.size; ++i) {
        gw_str_t name = gw_str_of(edits->add.entries[i].name), value = edits->add_values[i].plain;
        if (edits->add_values[i].num_keys != 0 && (value = value_of(ex, &edits->add_values[i])).len == 0)
            continue;
        gw_fields_add(pool, fields, name, value);
    }
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *state)
{
    const gw_headers_conf_t *conf = arg;
    apply(ex, &ex->req->headers, &conf->request);
    for (size_t i = 0; i != conf->request.set.size; ++i)
        if (strcmp(conf->request.set.entries[i].name, "host") == 0)
            ex->upstream_host = conf->request.set_values[i].plain;
    return GW_NEXT;
}

static void on_response(gw_exchange_t *ex, const void *arg, void *state)
{
    const gw_headers_conf_t *conf = arg;
    apply(ex, &ex->req->res.headers, &conf->response);
}

const gw_filter_class_t gw_headers_filter = {
    .name = "headers",
    .meaning = "sets, adds and removes header fields of requests and responses",
    .section = &gw_headers_section,
    .check_route = gw_headers_check_route,
    .on_request = on_request,
    .on_response = on_response,
};
