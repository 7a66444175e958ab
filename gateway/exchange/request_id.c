/* SPDX-License-Identifier: MIT
 * Request ids. */
#include "gateway/exchange/request_id.h"
#include "gateway/base/hex.h"
#include "gateway/server/worker.h"

static bool is_usable(gw_str_t id)
{
    if (id.len == 0 || id.len > GW_REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i != id.len; ++i) {
        char c = id.ptr[i];
        if (!((c >= '0' && c <= '9') || (gw_ascii_lower(c) >= 'a' && gw_ascii_lower(c) <= 'z') || c == '-' ||
              c == '_' || c == '.'))
            return false;
    }
    return true;
}

void gw_request_id_assign(gw_exchange_t *ex)
{
    if (ex->peer_is_trusted) {
        ssize_t at = gw_fields_find(&ex->req->headers, GW_STR("x-request-id"), 0);
        if (at != -1) {
            h2o_iovec_t value = ex->req->headers.entries[at].value;
            if (is_usable(gw_str(value.base, value.len))) {
                memcpy(ex->request_id_bytes, value.base, value.len);
                ex->request_id = gw_str(ex->request_id_bytes, value.len);
                return;
            }
        }
    }
    gw_worker_t *worker = ex->worker;
    memcpy(ex->request_id_bytes, worker->request_id_start, sizeof(worker->request_id_start));
    gw_put_hex16(ex->request_id_bytes + sizeof(worker->request_id_start), worker->request_id++);
    ex->request_id = gw_str(ex->request_id_bytes, 32);
}
