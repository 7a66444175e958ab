/* SPDX-License-Identifier: MIT
 * What the cache reads in a request. */
#include "filters/cache/request.h"
#include "gateway/base/siphash.h"
#include "gateway/exchange/principal.h"

enum { most_values = 100 }; /* field lines of one name that are looked at: limits.fields allows no more */

static gw_str_t value_of(const h2o_header_t *field)
{
    return gw_str(field->value.base, field->value.len);
}

static gw_str_t name_of(const h2o_header_t *field)
{
    return gw_str(field->name->base, field->name->len);
}

/* the URL ---------------------------------------------------------------------------------------------------------- */

/** What a proxy in front of us says of the client's connection.  The service is told the same, and answers by it: with
 * a redirect to https, for example. */
static gw_str_t first_hop(const gw_exchange_t *ex, gw_str_t name)
{
    ssize_t at = ex->peer_is_trusted ? gw_fields_find(&ex->req->headers, name, 0) : -1;
    return at != -1 ? value_of(&ex->req->headers.entries[at]) : gw_str(NULL, 0);
}

static gw_str_t scheme_of(const gw_exchange_t *ex)
{
    gw_str_t said = first_hop(ex, GW_STR("x-forwarded-proto"));
    bool is_https = said.len != 0 ? gw_str_equal_nocase(said, GW_STR("https")) : ex->is_tls;
    return is_https ? GW_STR("https") : GW_STR("http");
}

/** The host with its port, unless that is the scheme's own. */
static gw_str_t host_of(gw_exchange_t *ex, gw_str_t scheme)
{
    gw_str_t authority = gw_str(ex->req->input.authority.base, ex->req->input.authority.len);
    if (authority.len == ex->host.len)
        return ex->host;
    size_t port_at = authority.len;
    while (port_at != 0 && authority.ptr[port_at - 1] >= '0' && authority.ptr[port_at - 1] <= '9')
        --port_at;
    if (port_at == 0 || port_at == authority.len || authority.ptr[port_at - 1] != ':')
        return ex->host;
    gw_str_t port = gw_str(authority.ptr + port_at, authority.len - port_at);
    if (gw_str_equal(port, scheme.len == 5 ? GW_STR("443") : GW_STR("80")))
        return ex->host;
    if (port_at - 1 == ex->host.len && memcmp(authority.ptr, ex->host.ptr, ex->host.len) == 0)
        return authority;
    char *host = h2o_mem_alloc_pool(&ex->req->pool, ex->host.len + 1 + port.len);
    memcpy(host, ex->host.ptr, ex->host.len);
    host[ex->host.len] = ':';
    memcpy(host + ex->host.len + 1, port.ptr, port.len);
    return gw_str(host, ex->host.len + 1 + port.len);
}

gw_str_t gw_cache_url_like(gw_exchange_t *ex, const gw_cache_conf_t *conf, gw_str_t scheme, gw_str_t path,
                           gw_str_t query)
{
    gw_str_t host = host_of(ex, scheme);
    char *url = h2o_mem_alloc_pool(&ex->req->pool, gw_cache_url_max(scheme, host, path, query));
    return gw_str(url, gw_cache_url_print(url, scheme, host, path, query, &conf->query_rules));
}

gw_str_t gw_cache_request_url(gw_exchange_t *ex, const gw_cache_conf_t *conf)
{
    return gw_cache_url_like(ex, conf, scheme_of(ex), ex->path, ex->query);
}

/** All 128 bits of it: both halves of a key tell URLs apart. */
static gw_cache_key_t hash_url(const gw_cache_store_t *store, gw_str_t url)
{
    uint64_t hash[2];
    gw_siphash_128(gw_cache_store_secret(store, 0), url, hash);
    return (gw_cache_key_t){.url = hash[0], .whole = hash[1]};
}

uint64_t gw_cache_url_hash(const gw_cache_store_t *store, gw_str_t url)
{
    return hash_url(store, url).url;
}

/* the key ---------------------------------------------------------------------------------------------------------- */

static bool is_of_principal(const gw_key_conf_t *key)
{
    return key->kind == GW_KEY_PRINCIPAL || key->kind == GW_KEY_PROPERTY;
}

/** What tells requests for the same URL of the same service apart, in one text: each part with its length, so that no
 * two lists of parts come to the same one.
 *  @param ret_is_named whether a principal is among them: a key of one says nothing of a client that no filter knows
 *  @return empty: nothing does */
static gw_str_t other_parts(gw_exchange_t *ex, const gw_cache_conf_t *conf, bool *ret_is_ambiguous, bool *ret_is_named)
{
    gw_str_t parts[1 + 16]; /* as many as `by` takes */
    size_t num = 0, size = 0;
    parts[num++] = first_hop(ex, GW_STR("x-forwarded-host"));
    if (parts[0].len == 0 && conf->key.by.size == 0)
        return gw_str(NULL, 0);
    for (size_t i = 0; i != conf->key.by.size; ++i) {
        gw_str_t first = gw_str(NULL, 0);
        size_t count = gw_exchange_count_key(ex, &conf->key.by.entries[i], &first);
        *ret_is_ambiguous = *ret_is_ambiguous || count > 1;
        *ret_is_named = *ret_is_named || (count != 0 && is_of_principal(&conf->key.by.entries[i]));
        parts[num++] = first;
    }
    for (size_t i = 0; i != num; ++i)
        size += sizeof(uint32_t) + parts[i].len;
    char *text = h2o_mem_alloc_pool(&ex->req->pool, size), *at = text;
    for (size_t i = 0; i != num; ++i) {
        uint32_t len = (uint32_t)parts[i].len;
        memcpy(at, &len, sizeof(len));
        at += sizeof(len);
        if (len != 0)
            memcpy(at, parts[i].ptr, len);
        at += len;
    }
    return gw_str(text, size);
}

/** The last service is remembered: mostly there is but one. */
static uint64_t hash_service(const gw_cache_store_t *store, const gw_service_conf_t *service,
                             gw_cache_service_hash_t *last)
{
    if (last->service != service) {
        last->service = service;
        last->hash = gw_siphash(gw_cache_store_secret(store, 1), gw_str_of(service->name));
    }
    return last->hash;
}

static uint64_t hash_others(const gw_cache_store_t *store, uint64_t service_hash, gw_str_t parts)
{
    const uint64_t *secret = gw_cache_store_secret(store, 1);
    if (parts.len == 0)
        return service_hash;
    return gw_siphash((uint64_t[2]){secret[0] ^ service_hash, secret[1]}, parts);
}

/* the fields ------------------------------------------------------------------------------------------------------- */

typedef struct values {
    gw_str_t entries[most_values];
    size_t num;
} values_t;

static void collect(const h2o_headers_t *fields, gw_str_t name, values_t *values)
{
    values->num = 0;
    for (ssize_t at = -1; values->num != most_values && (at = gw_fields_find(fields, name, at + 1)) != -1;)
        values->entries[values->num++] = value_of(&fields->entries[at]);
}

static void read_directives(const h2o_headers_t *fields, gw_cache_request_t *request)
{
    values_t control, pragma;
    collect(fields, GW_STR("cache-control"), &control);
    collect(fields, GW_STR("pragma"), &pragma);
    gw_cache_request_directives(control.entries, control.num, pragma.entries, pragma.num, &request->directives);
    request->has_directives = true;
}

static void read_fields(gw_exchange_t *ex, gw_cache_request_t *request)
{
    const h2o_headers_t *fields = &ex->req->headers;
    bool has_control = false;
    for (size_t i = 0; i != fields->size; ++i) {
        gw_str_t name = name_of(&fields->entries[i]);
        switch (name.len) { /* most are told apart by that alone */
        case 5:
            if (gw_str_equal(name, GW_STR("range")))
                request->range = value_of(&fields->entries[i]);
            break;
        case 6:
            has_control = has_control || gw_str_equal(name, GW_STR("pragma"));
            break;
        case 8:
            request->has_preconditions = request->has_preconditions || gw_str_equal(name, GW_STR("if-match"));
            break;
        case 13:
            has_control = has_control || gw_str_equal(name, GW_STR("cache-control"));
            request->has_conditions = request->has_conditions || gw_str_equal(name, GW_STR("if-none-match"));
            request->is_authorized = request->is_authorized || gw_str_equal(name, GW_STR("authorization"));
            break;
        case 17:
            request->has_conditions = request->has_conditions || gw_str_equal(name, GW_STR("if-modified-since"));
            break;
        case 19:
            request->has_preconditions =
                request->has_preconditions || gw_str_equal(name, GW_STR("if-unmodified-since"));
            break;
        default:
            break;
        }
    }
    if (has_control)
        read_directives(fields, request);
}

void gw_cache_request_read(gw_exchange_t *ex, const gw_cache_conf_t *conf, const gw_cache_store_t *store,
                           gw_cache_service_hash_t *last, gw_cache_request_t *ret)
{
    ret->is_get = ex->req->input.method.len == 3;
    ret->url = gw_cache_request_url(ex, conf);
    ret->key = hash_url(store, ret->url);
    bool is_named = false;
    gw_str_t parts = other_parts(ex, conf, &ret->is_ambiguous, &is_named);
    ret->key.whole ^= hash_others(store, hash_service(store, ex->service, last), parts) ^ conf->key_rules;
    read_fields(ex, ret);
    ret->is_authorized = (ret->is_authorized || ex->principal != NULL) && !is_named;
}

const gw_http_field_t *gw_cache_fields_of(h2o_mem_pool_t *pool, const h2o_headers_t *fields, size_t *ret_num)
{
    gw_http_field_t *copy = h2o_mem_alloc_pool(pool, sizeof(*copy) * (fields->size + 1));
    for (size_t i = 0; i != fields->size; ++i)
        copy[i] = (gw_http_field_t){name_of(&fields->entries[i]), value_of(&fields->entries[i])};
    *ret_num = fields->size;
    return copy;
}
