/* SPDX-License-Identifier: MIT
 * Request heads to endpoints and response heads from them. */
#include <assert.h>
#include <stdio.h>
#include "gateway/exchange/upstream_head.h"
#include "gateway/http/hop.h"
#include "gateway/http/status.h"
#include "gateway/http/syntax.h"

/* RFC 9110 7.6.3: a pseudonym for Via; the same in every process, so that a loop through several gateways shows too */
#define PSEUDONYM       "sluice"
#define MAX_VIA_OF_OURS 4  /* gateways in a row are fine, a loop is not */
#define MAX_NOMINATED   64 /* fields that Connection names, beside close and keep-alive */

typedef struct text {
    char *at, *end;
} text_t;

static void put(text_t *text, const char *bytes, size_t len)
{
    assert((size_t)(text->end - text->at) >= len);
    if (len != 0)
        memcpy(text->at, bytes, len);
    text->at += len;
}

static void put_str(text_t *text, gw_str_t s)
{
    put(text, s.ptr, s.len);
}

#define PUT(text, literal) put(text, literal, sizeof(literal) - 1)

static void put_number(text_t *text, uint64_t number)
{
    char digits[20];
    size_t i = sizeof(digits);
    do
        digits[--i] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    put(text, digits + i, sizeof(digits) - i);
}

static gw_str_t name_of(const h2o_header_t *field)
{
    return gw_str(field->name->base, field->name->len);
}

static gw_str_t value_of(const h2o_header_t *field)
{
    return gw_str(field->value.base, field->value.len);
}

bool gw_upstream_drop_nominated(h2o_headers_t *fields)
{
    gw_str_t names[MAX_NOMINATED];
    size_t num = 0, num_kept = 0;
    for (ssize_t at = -1; (at = gw_fields_find(fields, GW_STR("connection"), at + 1)) != -1;) {
        gw_str_t rest = value_of(&fields->entries[at]), item;
        while (gw_http_list_next(&rest, &item)) {
            if (gw_str_equal_nocase(item, GW_STR("close")) || gw_str_equal_nocase(item, GW_STR("keep-alive")))
                continue;
            if (num == MAX_NOMINATED)
                return false;
            names[num++] = item;
        }
    }
    for (size_t i = 0; num != 0 && i != fields->size; ++i)
        if (!gw_http_connection_nominates(names, num, name_of(&fields->entries[i])))
            fields->entries[num_kept++] = fields->entries[i];
    if (num != 0)
        fields->size = num_kept;
    return true;
}

/** Fields of the client's that never go upstream: hop-by-hop, replaced by ours, or answered by us.
 */
static bool is_left_out(const gw_exchange_t *ex, gw_str_t name)
{
    if (gw_http_is_hop_by_hop(name))
        return true;
    switch (name.len) {
    case 3:
        if (memcmp(name.ptr, "via", 3) == 0)
            return true; /* combined with ours */
        break;
    case 4:
        if (memcmp(name.ptr, "host", 4) == 0)
            return true;
        break;
    case 6:
        if (memcmp(name.ptr, "expect", 6) == 0)
            return true; /* we answer 100 Continue ourselves */
        if (memcmp(name.ptr, "cookie", 6) == 0)
            return true; /* put together again: HTTP/2 may have split it (RFC 9113 8.2.3) */
        break;
    case 9:
        if (memcmp(name.ptr, "forwarded", 9) == 0 && !ex->peer_is_trusted)
            return true; /* an untrusted client's word about where it comes from */
        break;
    case 12:
        if (memcmp(name.ptr, "x-request-id", 12) == 0)
            return true;
        break;
    case 14:
        if (memcmp(name.ptr, "content-length", 14) == 0)
            return true;
        break;
    case 15:
        if (memcmp(name.ptr, "x-forwarded-for", 15) == 0)
            return true;
        break;
    case 16:
        if (memcmp(name.ptr, "x-forwarded-host", 16) == 0 || memcmp(name.ptr, "x-forwarded-port", 16) == 0)
            return true;
        break;
    case 17:
        if (memcmp(name.ptr, "x-forwarded-proto", 17) == 0)
            return true;
        break;
    default:
        break;
    }
    return false;
}

/** The same for a name written with '_' for '-', which CGI, WSGI and Rack take for the same. */
static bool is_left_out_as_read(const gw_exchange_t *ex, gw_str_t name)
{
    char copy[32];
    if (is_left_out(ex, name))
        return true;
    if (name.len > sizeof(copy) || memchr(name.ptr, '_', name.len) == NULL)
        return false;
    for (size_t i = 0; i != name.len; ++i)
        copy[i] = name.ptr[i] == '_' ? '-' : name.ptr[i];
    return is_left_out(ex, gw_str(copy, name.len)) ||
           gw_str_equal(gw_str(copy, name.len), GW_STR("x-request-timeout-ms"));
}

/** `name: earlier values, ours`, the earlier ones only when a trusted proxy sent them.
 *  @param ours may be empty: then there is nothing to add, and perhaps nothing to say */
static void put_extended(text_t *text, gw_exchange_t *ex, const char *label, gw_str_t name, gw_str_t ours,
                         bool keep_earlier)
{
    const char *before = label;
    if (keep_earlier)
        for (ssize_t at = -1; (at = gw_fields_find(&ex->req->headers, name, at + 1)) != -1; before = ", ") {
            put(text, before, strlen(before));
            put_str(text, value_of(&ex->req->headers.entries[at]));
        }
    if (ours.len != 0) {
        put(text, before, strlen(before));
        put_str(text, ours);
    } else if (before == label) {
        return;
    }
    PUT(text, "\r\n");
}

static void put_cookies(text_t *text, const h2o_headers_t *fields)
{
    ssize_t at = gw_fields_find(fields, GW_STR("cookie"), 0);
    if (at == -1)
        return;
    PUT(text, "Cookie: ");
    put_str(text, value_of(&fields->entries[at]));
    while ((at = gw_fields_find(fields, GW_STR("cookie"), at + 1)) != -1) {
        PUT(text, "; ");
        put_str(text, value_of(&fields->entries[at]));
    }
    PUT(text, "\r\n");
}

/** A trusted proxy's value, else ours: for fields that describe the first hop. */
static gw_str_t first_hop(gw_exchange_t *ex, gw_str_t name, gw_str_t ours)
{
    ssize_t at = ex->peer_is_trusted ? gw_fields_find(&ex->req->headers, name, 0) : -1;
    return at == -1 ? ours : value_of(&ex->req->headers.entries[at]);
}

static gw_str_t stripped_path(const gw_exchange_t *ex)
{
    if (!ex->route->strip_prefix)
        return ex->path;
    /* the prefix ends in '/', and that slash stays */
    size_t prefix = strlen(ex->route->path) - 1;
    return gw_str(ex->path.ptr + prefix, ex->path.len - prefix);
}

static gw_str_t via_protocol(int version)
{
    return version >= 0x200 ? GW_STR("2.0 " PSEUDONYM)
                            : (version == 0x101 ? GW_STR("1.1 " PSEUDONYM) : GW_STR("1.0 " PSEUDONYM));
}

h2o_iovec_t gw_upstream_request_head(gw_exchange_t *ex, const char *authority, uint64_t time_left_ms)
{
    h2o_req_t *req = ex->req;
    const h2o_headers_t *fields = &req->headers;
    gw_str_t method = gw_str(req->input.method.base, req->input.method.len), path = stripped_path(ex);
    gw_str_t client_host = gw_str(req->input.authority.base, req->input.authority.len), host;
    if (ex->upstream_host.len != 0)
        host = ex->upstream_host;
    else if (ex->service->pass_host && client_host.len != 0)
        host = client_host;
    else
        host = gw_str_of(authority);

    size_t cap = 512 + method.len + path.len + ex->query.len + host.len + 2 * client_host.len + ex->peer.len +
                 ex->request_id.len;
    for (size_t i = 0; i != fields->size; ++i)
        cap += fields->entries[i].name->len + fields->entries[i].value.len + 4;
    char *buf = h2o_mem_alloc_pool(&req->pool, cap);
    text_t text = {buf, buf + cap};

    put_str(&text, method);
    PUT(&text, " ");
    put_str(&text, path);
    put_str(&text, ex->query);
    PUT(&text, " HTTP/1.1\r\nHost: ");
    put_str(&text, host);
    PUT(&text, "\r\n");
    for (size_t i = 0; i != fields->size; ++i) {
        const h2o_header_t *field = &fields->entries[i];
        if (is_left_out_as_read(ex, name_of(field)) ||
            (time_left_ms != UINT64_MAX && gw_str_equal(name_of(field), GW_STR("x-request-timeout-ms"))))
            continue;
        put(&text, field->orig_name != NULL ? field->orig_name : field->name->base, field->name->len);
        PUT(&text, ": ");
        put_str(&text, value_of(field));
        PUT(&text, "\r\n");
    }
    put_cookies(&text, fields);
    if (ex->body != NULL && ex->body->length == GW_BODY_UNKNOWN_LENGTH) {
        PUT(&text, "Transfer-Encoding: chunked\r\n");
    } else if (ex->body != NULL || gw_str_equal(method, GW_STR("POST")) || gw_str_equal(method, GW_STR("PUT")) ||
               gw_str_equal(method, GW_STR("PATCH"))) {
        PUT(&text, "Content-Length: ");
        put_number(&text, ex->body != NULL ? ex->body->length : 0);
        PUT(&text, "\r\n");
    }
    /* a Unix socket has no address to add */
    gw_str_t peer = ex->peer_port != 0 ? ex->peer : gw_str(NULL, 0);
    put_extended(&text, ex, "X-Forwarded-For: ", GW_STR("x-forwarded-for"), peer, ex->peer_is_trusted);
    PUT(&text, "X-Forwarded-Proto: ");
    put_str(&text, first_hop(ex, GW_STR("x-forwarded-proto"), ex->is_tls ? GW_STR("https") : GW_STR("http")));
    PUT(&text, "\r\n");
    gw_str_t forwarded_host = first_hop(ex, GW_STR("x-forwarded-host"), client_host);
    if (forwarded_host.len != 0) {
        PUT(&text, "X-Forwarded-Host: ");
        put_str(&text, forwarded_host);
        PUT(&text, "\r\n");
    }
    put_extended(&text, ex, "Via: ", GW_STR("via"), via_protocol(ex->client_version), true);
    if (time_left_ms != UINT64_MAX) {
        PUT(&text, "X-Request-Timeout-Ms: ");
        put_number(&text, time_left_ms);
        PUT(&text, "\r\n");
    }
    PUT(&text, "X-Request-Id: ");
    put_str(&text, ex->request_id);
    PUT(&text, "\r\n\r\n");
    return h2o_iovec_init(buf, (size_t)(text.at - buf));
}

bool gw_upstream_is_loop(gw_exchange_t *ex)
{
    size_t num = 0;
    const h2o_headers_t *fields = &ex->req->headers;
    for (ssize_t at = -1; (at = gw_fields_find(fields, GW_STR("via"), at + 1)) != -1;) {
        gw_str_t rest = value_of(&fields->entries[at]);
        while (rest.len >= sizeof(PSEUDONYM) - 1) {
            const char *found = memmem(rest.ptr, rest.len, PSEUDONYM, sizeof(PSEUDONYM) - 1);
            if (found == NULL)
                break;
            ++num;
            rest = gw_str(found + sizeof(PSEUDONYM) - 1, rest.len - (size_t)(found + sizeof(PSEUDONYM) - 1 - rest.ptr));
        }
    }
    return num > MAX_VIA_OF_OURS;
}

/** What Connection says in a response. */
typedef struct nominated {
    gw_str_t values[8];
    size_t num;
} nominated_t;

static nominated_t find_nominated(const gw_call_head_t *head)
{
    nominated_t nominated = {.num = 0};
    for (size_t i = 0; i != head->num_fields; ++i)
        if (gw_str_equal(head->fields[i].name, GW_STR("connection")) && nominated.num != 8)
            nominated.values[nominated.num++] = head->fields[i].value;
    return nominated;
}

/** Whether a field of a response was for the connection that it came over (RFC 9110 7.6.1). */
static bool is_for_hop(const nominated_t *nominated, gw_str_t name)
{
    return gw_http_is_hop_by_hop(name) ||
           (nominated->num != 0 && gw_http_connection_nominates(nominated->values, nominated->num, name));
}

h2o_iovec_t gw_upstream_interim_head(gw_exchange_t *ex, const gw_call_head_t *head)
{
    const nominated_t nominated = find_nominated(head);
    gw_str_t phrase = gw_str_of(gw_http_status_phrase(head->status));
    size_t cap = 64 + phrase.len;
    for (size_t i = 0; i != head->num_fields; ++i)
        cap += head->fields[i].name.len + head->fields[i].value.len + 4;
    char *buf = h2o_mem_alloc_pool(&ex->req->pool, cap);
    text_t text = {buf, buf + cap};
    PUT(&text, "HTTP/1.1 ");
    put_number(&text, (uint64_t)head->status);
    PUT(&text, " ");
    put_str(&text, phrase);
    PUT(&text, "\r\n");
    for (size_t i = 0; i != head->num_fields; ++i) {
        const gw_call_field_t *field = &head->fields[i];
        /* a length would be that of no body (RFC 9110 8.6), and somebody might believe it */
        if (is_for_hop(&nominated, field->name) || gw_str_equal(field->name, GW_STR("content-length")))
            continue;
        put(&text, field->name_as_sent, field->name.len);
        PUT(&text, ": ");
        put_str(&text, field->value);
        PUT(&text, "\r\n");
    }
    PUT(&text, "\r\n");
    return h2o_iovec_init(buf, (size_t)(text.at - buf));
}

void gw_upstream_take_response(gw_exchange_t *ex, const gw_call_head_t *head)
{
    h2o_req_t *req = ex->req;
    const nominated_t nominated = find_nominated(head);
    req->res.status = head->status;
    req->res.reason = gw_http_status_phrase(head->status);
    req->res.content_length = head->length == UINT64_MAX || head->status == 204 ? SIZE_MAX : (size_t)head->length;
    h2o_vector_reserve(&req->pool, &req->res.headers, head->num_fields + 2);
    for (size_t i = 0; i != head->num_fields; ++i) {
        const gw_call_field_t *field = &head->fields[i];
        /* Content-Length is written by the connection to the client */
        if (is_for_hop(&nominated, field->name) || gw_str_equal(field->name, GW_STR("content-length")))
            continue;
        h2o_add_header_by_str(&req->pool, &req->res.headers, field->name.ptr, field->name.len, 1, field->name_as_sent,
                              field->value.ptr, field->value.len);
    }
}
