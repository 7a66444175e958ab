/* SPDX-License-Identifier: MIT
 * Dates of responses over HTTP/2. */
#include <string.h>
#include "gateway/exchange/exchange.h"
#include "gateway/http/date.h"
#include "gateway/server/http2_date.h"

/** Takes Date out of the fields.  @return as libh2o has it, in the pool; NULL: there is none that could be sent */
static h2o_timestamp_string_t *take_date(h2o_req_t *req)
{
    h2o_headers_t *fields = &req->res.headers;
    ssize_t at = gw_fields_find(fields, GW_STR("date"), 0);
    if (at == -1)
        return NULL;
    h2o_iovec_t value = fields->entries[at].value;
    gw_fields_remove(fields, GW_STR("date"));
    int64_t date_s;
    if (value.len != H2O_TIMESTR_RFC1123_LEN || !gw_http_date_parse(gw_str(value.base, value.len), 0, &date_s))
        return NULL;
    h2o_timestamp_string_t *date = h2o_mem_alloc_shared(&req->pool, sizeof(*date), NULL);
    memset(date, 0, sizeof(*date));
    memcpy(date->rfc1123, value.base, value.len);
    return date;
}

/** libh2o writes the head within the first send, with the time that its context remembers: that is ours meanwhile. */
static void send_first(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t num_bufs, h2o_send_state_t state)
{
    h2o_context_t *context = req->conn->ctx;
    h2o_timestamp_string_t *date = take_date(req), *now;
    self->do_send = h2o_ostream_send_next;
    if (date == NULL) {
        h2o_ostream_send_next(self, req, bufs, num_bufs, state);
        return;
    }
    h2o_get_timestamp(context, NULL, NULL); /* up to date, so that nobody changes it in this turn of the loop */
    now = context->_timestamp_cache.value;
    context->_timestamp_cache.value = date;
    h2o_ostream_send_next(self, req, bufs, num_bufs, state);
    context->_timestamp_cache.value = now;
}

void gw_http2_keep_date(h2o_req_t *req)
{
    h2o_add_ostream(req, sizeof(h2o_ostream_t), &req->_ostr_top)->do_send = send_first;
}
