/* SPDX-License-Identifier: MIT
 * Answers that the gateway gives itself: problems (RFC 9457) that help an honest client and tell an attacker nothing.
 */
#include "gateway/base/decimal.h"
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/problem.h"
#include "gateway/http/status.h"

/** What every answer has.  A filter's field of the same name is replaced. */
static void set_fields(gw_exchange_t *ex, gw_str_t content_type)
{
    static h2o_iovec_t request_id_name = {(char *)"x-request-id", 12};
    h2o_mem_pool_t *pool = &ex->req->pool;
    h2o_headers_t *fields = &ex->req->res.headers;
    if (fields->size != 0) { /* else there is nothing to replace */
        if (content_type.len != 0)
            gw_fields_remove(fields, GW_STR("content-type"));
        gw_fields_remove(fields, GW_STR("cache-control"));
        gw_fields_remove(fields, GW_STR("x-request-id"));
    }
    if (content_type.len != 0)
        gw_fields_add_named(pool, fields, &H2O_TOKEN_CONTENT_TYPE->buf, content_type);
    gw_fields_add_named(pool, fields, &H2O_TOKEN_CACHE_CONTROL->buf, GW_STR("no-store"));
    gw_fields_add_named(pool, fields, &request_id_name, ex->request_id);
}

static void answer(gw_exchange_t *ex, int status, const char *phrase, gw_str_t content_type, h2o_iovec_t body)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *req = ex->req;
    ex->is_answered = ex->is_delivered = true;
    req->res.status = status;
    req->res.reason = phrase;
    req->res.content_length = status == 204 || status == 304 ? SIZE_MAX : body.len;
    set_fields(ex, content_type);
    gw_exchange_filter_response(ex);
    h2o_start_response(req, &generator);
    bool is_head = h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
    h2o_send(req, &body, is_head || body.len == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
}

void gw_exchange_answer(gw_exchange_t *ex, int status, gw_str_t content_type, gw_str_t body)
{
    if (ex->reason == GW_REASON_OK)
        ex->reason = GW_REASON_FILTER_ANSWERED;
    if (!ex->is_answered)
        answer(ex, status, gw_http_status_phrase(status), content_type, h2o_iovec_init(body.ptr, body.len));
}

void gw_exchange_problem_of(gw_exchange_t *ex, gw_reason_t reason, const char *detail, const gw_problem_kind_t *kind)
{
    ex->reason = reason;
    if (ex->is_answered)
        return;
    char *text = h2o_mem_alloc_pool(&ex->req->pool, gw_problem_max(reason, detail, ex->request_id, kind));
    size_t len = gw_problem_write(reason, detail, ex->request_id, kind, text);
    answer(ex, gw_reason_status(reason), gw_reason_title(reason), GW_STR("application/problem+json"),
           h2o_iovec_init(text, len));
}

void gw_exchange_problem(gw_exchange_t *ex, gw_reason_t reason, const char *detail)
{
    gw_exchange_problem_of(ex, reason, detail, NULL);
}

void gw_exchange_add_retry_after(gw_exchange_t *ex, uint64_t retry_after_ms)
{
    uint64_t seconds = retry_after_ms / 1000 + (retry_after_ms % 1000 != 0);
    char *text = h2o_mem_alloc_pool(&ex->req->pool, GW_DECIMAL_MAX);
    size_t len = (size_t)(gw_put_decimal(text, seconds != 0 ? seconds : 1) - text);
    h2o_headers_t *fields = &ex->req->res.headers;
    gw_fields_remove(fields, GW_STR("retry-after"));
    gw_fields_add_named(&ex->req->pool, fields, &H2O_TOKEN_RETRY_AFTER->buf, gw_str(text, len));
}

void gw_exchange_problem_later(gw_exchange_t *ex, gw_reason_t reason, const char *detail, uint64_t retry_after_ms)
{
    if (!ex->is_answered)
        gw_exchange_add_retry_after(ex, retry_after_ms);
    gw_exchange_problem(ex, reason, detail);
}
