/* SPDX-License-Identifier: MIT
 * Answers that the gateway gives itself: problems (RFC 9457) that help an honest client and tell an attacker nothing.
 */
#include <stdio.h>
#include "gateway/exchange/exchange.h"
#include "gateway/http/status.h"

static const struct {
    const char *name;
    int status;
    const char *title;
} reasons[] = {
#define REASON_ROW(id, name, status, title) [GW_REASON_##id] = {name, status, title},
    GW_REASON_MAP(REASON_ROW)
#undef REASON_ROW
};

const char *gw_reason_name(gw_reason_t reason)
{
    return reasons[reason].name;
}

int gw_reason_status(gw_reason_t reason)
{
    return reasons[reason].status;
}

const char *gw_reason_title(gw_reason_t reason)
{
    return reasons[reason].title;
}

/** Every text in a problem is ours (titles, reason words, details), except that a detail might one day quote input. */
static size_t escape_json(char *dst, const char *src)
{
    char *start = dst;
    for (; *src != '\0'; ++src) {
        unsigned char c = (unsigned char)*src;
        if (c == '"' || c == '\\') {
            *dst++ = '\\';
            *dst++ = (char)c;
        } else if (c < 0x20 || c >= 0x7f) {
            dst += sprintf(dst, "\\u%04x", c);
        } else {
            *dst++ = (char)c;
        }
    }
    return (size_t)(dst - start);
}

static size_t put(char *dst, const char *text)
{
    size_t len = strlen(text);
    memcpy(dst, text, len);
    return len;
}

static h2o_iovec_t problem_body(gw_exchange_t *ex, int status, const char *title, const char *reason,
                                const char *detail)
{
    size_t detail_len = detail != NULL ? strlen(detail) : 0;
    size_t cap = 160 + 6 * (strlen(title) + strlen(reason) + detail_len) + ex->request_id.len;
    char *buf = h2o_mem_alloc_pool(&ex->req->pool, cap), *dst = buf;
    dst += put(dst, "{\"type\":\"about:blank\",\"title\":\"");
    dst += escape_json(dst, title);
    dst += sprintf(dst, "\",\"status\":%d", status);
    if (detail != NULL) {
        dst += put(dst, ",\"detail\":\"");
        dst += escape_json(dst, detail);
        *dst++ = '"';
    }
    dst += put(dst, ",\"reason\":\"");
    dst += escape_json(dst, reason);
    dst += put(dst, "\",\"request_id\":\"");
    memcpy(dst, ex->request_id.ptr, ex->request_id.len); /* checked or made by us: token characters only */
    dst += ex->request_id.len;
    dst += put(dst, "\"}\n");
    return h2o_iovec_init(buf, (size_t)(dst - buf));
}

static void answer(gw_exchange_t *ex, int status, const char *phrase, gw_str_t content_type, h2o_iovec_t body)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *req = ex->req;
    ex->is_answered = ex->is_delivered = true;
    req->res.status = status;
    req->res.reason = phrase;
    req->res.content_length = status == 204 || status == 304 ? SIZE_MAX : body.len;
    if (content_type.len != 0)
        gw_fields_set(&req->pool, &req->res.headers, GW_STR("content-type"), content_type);
    gw_fields_set(&req->pool, &req->res.headers, GW_STR("cache-control"), GW_STR("no-store"));
    gw_fields_set(&req->pool, &req->res.headers, GW_STR("x-request-id"), ex->request_id);
    gw_exchange_filter_response(ex);
    h2o_start_response(req, &generator);
    bool is_head = h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
    h2o_send(req, &body, is_head || body.len == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
}

void gw_exchange_answer(gw_exchange_t *ex, int status, gw_str_t content_type, gw_str_t body)
{
    if (!ex->is_answered)
        answer(ex, status, gw_http_status_phrase(status), content_type, h2o_iovec_init(body.ptr, body.len));
}

void gw_exchange_answer_problem(gw_exchange_t *ex, int status, const char *title, const char *reason,
                                const char *detail)
{
    if (!ex->is_answered)
        answer(ex, status, title, GW_STR("application/problem+json"), problem_body(ex, status, title, reason, detail));
}

void gw_exchange_problem(gw_exchange_t *ex, gw_reason_t reason, const char *detail)
{
    ex->reason = reason;
    gw_exchange_answer_problem(ex, gw_reason_status(reason), gw_reason_title(reason), gw_reason_name(reason), detail);
}

void gw_exchange_add_retry_after(gw_exchange_t *ex, uint64_t retry_after_ms)
{
    char seconds[24];
    size_t len = (size_t)sprintf(seconds, "%llu",
                                 retry_after_ms == 0 ? 1ull : (unsigned long long)(retry_after_ms + 999) / 1000);
    h2o_iovec_t value = h2o_strdup(&ex->req->pool, seconds, len);
    gw_fields_set(&ex->req->pool, &ex->req->res.headers, GW_STR("retry-after"), gw_str(value.base, value.len));
}

void gw_exchange_problem_later(gw_exchange_t *ex, gw_reason_t reason, const char *detail, uint64_t retry_after_ms)
{
    if (!ex->is_answered)
        gw_exchange_add_retry_after(ex, retry_after_ms);
    gw_exchange_problem(ex, reason, detail);
}
