/* SPDX-License-Identifier: MIT
 * The ways to answer a request. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "backends/request.h"
#include "gateway/http/status.h"

void gw_demo_header(gw_demo_request_t *r, const char *name, const char *value)
{
    h2o_add_header_by_str(&r->req->pool, &r->req->res.headers, name, strlen(name), 1, NULL, value, strlen(value));
}

static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

void gw_demo_start(gw_demo_request_t *r, int status, const char *type, size_t length, h2o_generator_t *generator)
{
    h2o_req_t *req = r->req;
    r->is_started = true;
    req->res.status = status;
    req->res.reason = status == 499 ? "Client Closed Request" : gw_http_status_phrase(status);
    req->res.content_length = has_no_body(status) ? SIZE_MAX : length;
    if (type != NULL)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type, strlen(type));
    gw_demo_header(r, "x-served-by", r->server->options->name);
    /* HTTP/1.0 has no chunks: the end of the connection is the end of the body (libh2o 2.2.5 would keep it open) */
    if (length == SIZE_MAX && req->version < 0x101 && !has_no_body(status))
        req->http1_is_persistent = 0;
    if (r->server->is_stopping)
        req->http1_is_persistent = 0;
    h2o_start_response(req, generator);
}

void gw_demo_answer(gw_demo_request_t *r, int status, const char *type, gw_str_t body)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *req = r->req;
    bool is_empty = body.len == 0 || r->is_head || has_no_body(status);
    h2o_iovec_t piece = is_empty ? h2o_iovec_init(NULL, 0) : h2o_strdup(&req->pool, body.ptr, body.len);
    gw_demo_start(r, status, type, body.len, &generator);
    h2o_send(req, &piece, is_empty ? 0 : 1, H2O_SEND_STATE_FINAL);
}

static void answer_json(gw_demo_request_t *r, int status, const char *type, json_t *body, size_t flags)
{
    char *text = json_dumps(body, flags);
    json_decref(body);
    if (text == NULL) /* what goes in is checked for UTF-8, so this is a lack of memory */
        h2o_fatal("json_dumps failed");
    size_t len = strlen(text);
    text[len] = '\n'; /* in the place of the NUL */
    gw_demo_answer(r, status, type, gw_str(text, len + 1));
    free(text);
}

void gw_demo_answer_json(gw_demo_request_t *r, int status, json_t *body, size_t flags)
{
    answer_json(r, status, status < 400 ? "application/json" : "application/problem+json", body, flags);
}

void gw_demo_problem(gw_demo_request_t *r, int status, const char *parameter, const char *format, ...)
{
    char detail[512];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    json_t *body = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", gw_http_status_phrase(status),
                             "status", status, "detail", detail);
    if (parameter != NULL)
        json_object_set_new(body, "parameter", json_string(parameter));
    gw_demo_header(r, "cache-control", "no-store");
    answer_json(r, status, "application/problem+json", body, JSON_COMPACT);
}

bool gw_demo_is_get(gw_demo_request_t *r)
{
    if (r->is_head || h2o_memis(r->req->input.method.base, r->req->input.method.len, H2O_STRLIT("GET")))
        return true;
    gw_demo_header(r, "allow", "GET, HEAD");
    gw_demo_problem(r, 405, NULL, "this resource can be read only, with GET or HEAD");
    return false;
}

static bool refuse_number(gw_demo_request_t *r, const char *name, gw_query_result_t result, uint64_t min, uint64_t max)
{
    if (result == GW_QUERY_OUT_OF_RANGE)
        gw_demo_problem(r, 400, name, "%s is out of range: from %llu to %llu", name, (unsigned long long)min,
                        (unsigned long long)max);
    else
        gw_demo_problem(r, 400, name, "%s %s", name, gw_query_result_str(result));
    return false;
}

bool gw_demo_number(gw_demo_request_t *r, const char *name, uint64_t min, uint64_t max, uint64_t *number)
{
    gw_query_result_t result = gw_query_find_number(r->query, gw_str_of(name), min, max, number);
    return result == GW_QUERY_OK || result == GW_QUERY_MISSING || refuse_number(r, name, result, min, max);
}

bool gw_demo_path_number(gw_demo_request_t *r, gw_str_t prefix, const char *what, uint64_t min, uint64_t max,
                         uint64_t *ret)
{
    gw_str_t rest = gw_str(r->path.ptr + prefix.len, r->path.len - prefix.len);
    gw_query_result_t result = gw_query_read_number(rest, min, max, ret);
    return result == GW_QUERY_OK || refuse_number(r, what, result, min, max);
}

bool gw_demo_is_to_send(gw_demo_request_t *r, gw_str_t etag, int64_t last_modified)
{
    const h2o_headers_t *headers = &r->req->headers;
    gw_http_field_t *fields = h2o_mem_alloc_pool(&r->req->pool, (headers->size + 1) * sizeof(*fields));
    for (size_t i = 0; i != headers->size; ++i)
        fields[i] = (gw_http_field_t){gw_str(headers->entries[i].name->base, headers->entries[i].name->len),
                                      gw_str(headers->entries[i].value.base, headers->entries[i].value.len)};
    gw_conditional_response_t response = {200, etag, last_modified, GW_HTTP_NO_DATE};
    gw_str_t range; /* these services send the whole: RFC 9110 14.2 lets them */
    switch (gw_conditional_judge(!r->is_head, fields, headers->size, &response, (int64_t)time(NULL), &range)) {
    case GW_PRECONDITIONS_NOT_MODIFIED:
        gw_demo_answer(r, 304, NULL, gw_str(NULL, 0));
        return false;
    case GW_PRECONDITIONS_FAILED:
        gw_demo_problem(r, 412, NULL, "it is not what If-Match or If-Unmodified-Since expects");
        return false;
    case GW_PRECONDITIONS_SEND:
        break;
    }
    return true;
}

bool gw_demo_field(gw_demo_request_t *r, const h2o_token_t *name, gw_str_t *ret)
{
    const h2o_headers_t *headers = &r->req->headers;
    ssize_t first = h2o_find_header(headers, name, -1), at = first;
    if (first == -1)
        return false;
    h2o_iovec_t value = headers->entries[first].value;
    while ((at = h2o_find_header(headers, name, at)) != -1)
        value = h2o_concat(&r->req->pool, value, h2o_iovec_init(H2O_STRLIT(", ")), headers->entries[at].value);
    *ret = gw_str(value.base, value.len);
    return true;
}
