/* SPDX-License-Identifier: MIT
 * What the keys of the conf file stand for in a request. */
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/principal.h"
#include "gateway/http/syntax.h"

static gw_str_t value_of(const h2o_header_t *field)
{
    return gw_str(field->value.base, field->value.len);
}

/** Takes the next piece of a list.  @return false at its end */
static bool next_piece(gw_str_t *rest, char separator, gw_str_t *ret_piece)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->ptr, separator, rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
    *ret_piece = gw_str(rest->ptr, len);
    len += end != NULL;
    *rest = gw_str(rest->ptr + len, rest->len - len);
    return true;
}

/** @return true for "NAME=..." */
static bool is_of_name(gw_str_t pair, gw_str_t name)
{
    return pair.len > name.len && pair.ptr[name.len] == '=' && memcmp(pair.ptr, name.ptr, name.len) == 0;
}

static void count(gw_str_t value, size_t *num, gw_str_t *ret_first)
{
    if ((*num)++ == 0)
        *ret_first = value;
}

static gw_str_t value_of_pair(gw_str_t pair, gw_str_t name)
{
    return gw_str(pair.ptr + name.len + 1, pair.len - name.len - 1);
}

/** Cookies (RFC 6265 4.2.1).  HTTP/2 may bring several Cookie fields. */
static size_t count_cookies(const h2o_headers_t *fields, gw_str_t name, gw_str_t *ret_first)
{
    size_t num = 0;
    for (ssize_t at = -1; (at = gw_fields_find(fields, GW_STR("cookie"), at + 1)) != -1;)
        for (gw_str_t rest = value_of(&fields->entries[at]), pair; next_piece(&rest, ';', &pair);)
            if (is_of_name(pair = gw_http_trim(pair), name))
                count(value_of_pair(pair, name), &num, ret_first);
    return num;
}

/** The query with its '?', as it goes upstream; values are taken as they are. */
static size_t count_parameters(gw_str_t query, gw_str_t name, gw_str_t *ret_first)
{
    size_t num = 0;
    gw_str_t rest = query.len != 0 ? gw_str(query.ptr + 1, query.len - 1) : query;
    for (gw_str_t pair; next_piece(&rest, '&', &pair);)
        if (is_of_name(pair, name))
            count(value_of_pair(pair, name), &num, ret_first);
    return num;
}

static size_t count_text(gw_str_t text, gw_str_t *ret_first)
{
    if (text.len != 0)
        *ret_first = text;
    return text.len != 0;
}

size_t gw_exchange_count_key(gw_exchange_t *ex, const gw_key_conf_t *key, gw_str_t *ret_first)
{
    const h2o_headers_t *fields = &ex->req->headers;
    gw_str_t name = gw_str_of(key->name);
    size_t num = 0;
    switch (key->kind) {
    case GW_KEY_CLIENT_ADDRESS:
        return count_text(gw_exchange_client(ex), ret_first);
    case GW_KEY_HEADER:
        for (ssize_t at = -1; (at = gw_fields_find(fields, name, at + 1)) != -1;)
            count(value_of(&fields->entries[at]), &num, ret_first);
        return num;
    case GW_KEY_COOKIE:
        return count_cookies(fields, name, ret_first);
    case GW_KEY_QUERY:
        return count_parameters(ex->query, name, ret_first);
    case GW_KEY_ROUTE:
        return count_text(gw_str_of(ex->route->name), ret_first);
    case GW_KEY_ALL:
        return count_text(GW_STR("all"), ret_first);
    case GW_KEY_PRINCIPAL:
        return count_text(gw_exchange_principal_name(ex), ret_first);
    case GW_KEY_PROPERTY:
        return count_text(gw_exchange_property(ex, key->scheme, name), ret_first);
    default:
        return 0;
    }
}

gw_str_t gw_exchange_key(gw_exchange_t *ex, const gw_key_conf_t *key)
{
    gw_str_t first;
    return gw_exchange_count_key(ex, key, &first) != 0 ? first : gw_str(NULL, 0);
}

/** Copies the pieces that are not of that name.  @return true when one was left out */
static bool leave_out(h2o_mem_pool_t *pool, gw_str_t list, char separator, gw_str_t name, gw_str_t *ret_rest)
{
    char *copy = h2o_mem_alloc_pool(pool, list.len + 1);
    size_t len = 0, num_removed = 0;
    for (gw_str_t rest = list, piece; next_piece(&rest, separator, &piece);) {
        if (is_of_name(separator == ';' ? gw_http_trim(piece) : piece, name)) {
            ++num_removed;
            continue;
        }
        if (len != 0)
            copy[len++] = separator;
        memcpy(copy + len, piece.ptr, piece.len);
        len += piece.len;
    }
    *ret_rest = gw_str(copy, len);
    return num_removed != 0;
}

static void remove_cookies(h2o_req_t *req, gw_str_t name)
{
    h2o_headers_t *fields = &req->headers;
    size_t kept = 0, size = fields->size;
    for (size_t i = 0; i != size; ++i) {
        h2o_header_t field = fields->entries[i];
        gw_str_t rest;
        if (gw_fields_find(&(h2o_headers_t){&field, 1, 1}, GW_STR("cookie"), 0) == 0 &&
            leave_out(&req->pool, value_of(&field), ';', name, &rest)) {
            rest = gw_http_trim(rest);
            if (rest.len == 0)
                continue;
            field.value = h2o_iovec_init(rest.ptr, rest.len);
        }
        fields->entries[kept++] = field;
    }
    fields->size = kept;
}

void gw_exchange_remove_key(gw_exchange_t *ex, const gw_key_conf_t *key)
{
    gw_str_t name = gw_str_of(key->name), rest;
    switch (key->kind) {
    case GW_KEY_HEADER:
        gw_fields_remove(&ex->req->headers, name);
        break;
    case GW_KEY_COOKIE:
        remove_cookies(ex->req, name);
        break;
    case GW_KEY_QUERY:
        if (ex->query.len == 0 ||
            !leave_out(&ex->req->pool, gw_str(ex->query.ptr + 1, ex->query.len - 1), '&', name, &rest))
            break;
        if (rest.len == 0) {
            ex->query = gw_str(NULL, 0);
            break;
        }
        char *query = h2o_mem_alloc_pool(&ex->req->pool, rest.len + 1);
        *query = '?';
        memcpy(query + 1, rest.ptr, rest.len);
        ex->query = gw_str(query, rest.len + 1);
        break;
    default:
        break;
    }
}
