/* SPDX-License-Identifier: MIT
 * An exchange without a client: a request of its own on a connection that is none. */
#include <assert.h>
#include <stdlib.h>
#include "gateway/base/memory.h"
#include "gateway/exchange/chain.h"
#include "gateway/exchange/detached.h"
#include "gateway/exchange/forward.h"
#include "gateway/exchange/principal.h"
#include "gateway/server/client_certificate.h"
#include "gateway/server/overload.h"
#include "gateway/server/worker.h"

typedef struct detached {
    gw_detached_t super;
    h2o_conn_t conn;
    h2o_ostream_t out; /* the last output stream: what comes here is the owner's */
    h2o_linklist_t link;
    h2o_timeout_entry_t end; /* is due when it was freed */
    bool is_head_passed;
    bool is_over;        /* the owner was told of the end, or wants to know nothing any more */
    bool is_handing;     /* on_body is being called */
    bool is_proceed_due; /* the owner has called gw_detached_proceed within it */
    h2o_req_t req;       /* large and initialised by libh2o: last */
} detached_t;

/** What the exchange and the copies of its principals stand on: made before them, so that it goes after them. */
typedef struct ground {
    gw_view_t *view;
    gw_client_certificate_t *certificate;
} ground_t;

static detached_t *detached_of(gw_detached_t *super)
{
    return H2O_STRUCT_FROM_MEMBER(detached_t, super, super);
}

/* the end ---------------------------------------------------------------------------------------------------------- */

static void on_end(h2o_timeout_entry_t *entry)
{
    detached_t *detached = H2O_STRUCT_FROM_MEMBER(detached_t, end, entry);
    h2o_dispose_request(&detached->req);
    h2o_linklist_unlink(&detached->link);
    free(detached);
}

/** Nobody is told anything any more, and nothing is asked of an endpoint. */
static void cancel(detached_t *detached)
{
    gw_exchange_t *ex = detached->super.exchange;
    detached->is_over = true;
    ex->is_cancelled = true;
    gw_forward_dispose(ex);
}

gw_detached_t *gw_detached_free(gw_detached_t *super)
{
    if (super == NULL)
        return NULL;
    detached_t *detached = detached_of(super);
    cancel(detached);
    /* not at once: whoever hands on a piece of the response stands below, and looks at what lives in the pool */
    h2o_timeout_link(detached->conn.ctx->loop, &detached->conn.ctx->zero_timeout, &detached->end);
    return NULL;
}

static void cut(gw_worker_t *worker, bool is_all)
{
    for (h2o_linklist_t *node = worker->detached.next, *next; node != &worker->detached; node = next) {
        detached_t *detached = H2O_STRUCT_FROM_MEMBER(detached_t, link, node);
        const gw_detached_events_t *events = detached->super.events;
        next = node->next; /* what this one's owner begins in its place comes at the end */
        if (detached->is_over || !(is_all || (events->is_wanted != NULL && !events->is_wanted(&detached->super))))
            continue;
        cancel(detached);
        detached->super.exchange->reason = GW_REASON_CANCELLED;
        events->on_body(&detached->super, NULL, 0, H2O_SEND_STATE_ERROR);
    }
}

void gw_detached_cut_all(gw_worker_t *worker)
{
    cut(worker, true);
}

void gw_detached_cut_unwanted(gw_worker_t *worker)
{
    cut(worker, false);
}

/* the response ----------------------------------------------------------------------------------------------------- */

static bool may_have_body(const h2o_req_t *req)
{
    return req->res.status != 204 && req->res.status != 304 &&
           !h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
}

/** Hands a piece on, and what comes of the owner's asking for more in the meantime, one after the other: an owner that
 * asks within on_body is not called within on_body. */
static void hand(detached_t *detached, const h2o_iovec_t *slices, size_t num_slices, h2o_send_state_t state)
{
    gw_detached_t *super = &detached->super;
    bool is_first = !detached->is_handing;
    detached->is_over = state != H2O_SEND_STATE_IN_PROGRESS;
    detached->is_handing = true;
    super->events->on_body(super, slices, num_slices, state);
    while (is_first && detached->is_proceed_due) {
        detached->is_proceed_due = false;
        h2o_proceed_response(&detached->req);
    }
    if (is_first)
        detached->is_handing = false;
}

static void do_send(h2o_ostream_t *ostream, h2o_req_t *req, h2o_iovec_t *slices, size_t num_slices,
                    h2o_send_state_t state)
{
    detached_t *detached = H2O_STRUCT_FROM_MEMBER(detached_t, out, ostream);
    if (detached->is_over)
        return;
    if (!detached->is_head_passed && state != H2O_SEND_STATE_ERROR) {
        detached->is_head_passed = true;
        detached->super.events->on_head(&detached->super);
        if (detached->is_over)
            return;
    }
    if (!may_have_body(req))
        num_slices = 0;
    for (size_t i = 0; i != num_slices; ++i)
        req->bytes_sent += slices[i].len;
    hand(detached, slices, num_slices, state);
}

static void on_interim(gw_exchange_t *ex, const struct gw_call_head *head)
{
    detached_t *detached = H2O_STRUCT_FROM_MEMBER(detached_t, req, ex->req);
    if (!detached->is_over && !detached->is_head_passed)
        detached->super.events->on_interim(&detached->super, head);
}

void gw_detached_proceed(gw_detached_t *super)
{
    detached_t *detached = detached_of(super);
    if (detached->is_over)
        return;
    if (detached->is_handing)
        detached->is_proceed_due = true;
    else
        h2o_proceed_response(&detached->req);
}

/* the request ------------------------------------------------------------------------------------------------------ */

static h2o_iovec_t copy_bytes(h2o_mem_pool_t *pool, h2o_iovec_t bytes)
{
    char *copy = h2o_mem_alloc_pool(pool, bytes.len);
    return h2o_iovec_init(bytes.len != 0 ? memcpy(copy, bytes.base, bytes.len) : copy, bytes.len);
}

static gw_str_t copy_str(h2o_mem_pool_t *pool, gw_str_t text)
{
    h2o_iovec_t copy = copy_bytes(pool, h2o_iovec_init(text.ptr, text.len));
    return gw_str(copy.base, copy.len);
}

static bool is_of_client_alone(const h2o_header_t *field)
{
    return h2o_memis(field->name->base, field->name->len, H2O_STRLIT("x-request-timeout-ms"));
}

static void copy_fields(h2o_mem_pool_t *pool, const h2o_headers_t *fields, h2o_headers_t *ret)
{
    h2o_vector_reserve(pool, ret, fields->size + 4); /* for the owner's conditions */
    for (size_t i = 0; i != fields->size; ++i) {
        const h2o_header_t *field = &fields->entries[i];
        if (is_of_client_alone(field))
            continue;
        h2o_header_t *copy = &ret->entries[ret->size++];
        *copy = (h2o_header_t){.name = field->name, .value = copy_bytes(pool, field->value)};
        if (!h2o_iovec_is_token(field->name)) {
            copy->name = h2o_mem_alloc_pool(pool, sizeof(*copy->name));
            *copy->name = copy_bytes(pool, *field->name);
        }
        if (field->orig_name != NULL)
            copy->orig_name = copy_bytes(pool, h2o_iovec_init(field->orig_name, field->name->len)).base;
    }
}

static void copy_request(h2o_req_t *req, const h2o_req_t *model)
{
    h2o_mem_pool_t *pool = &req->pool;
    req->version =
        0x101; /* as libh2o and the way to the endpoint are concerned; exchange->client_version knows better */
    req->input.scheme = model->input.scheme;
    req->input.authority = copy_bytes(pool, model->input.authority);
    req->input.method = copy_bytes(pool, model->input.method);
    req->input.path = copy_bytes(pool, model->input.path);
    copy_fields(pool, &model->headers, &req->headers);
    gw_exchange_bind_request(req);
}

/* the exchange ----------------------------------------------------------------------------------------------------- */

static void release_ground(void *arg)
{
    ground_t *ground = arg;
    gw_client_certificate_free(ground->certificate);
    gw_view_unref(ground->view);
}

static const ground_t *make_ground(h2o_mem_pool_t *pool, const gw_exchange_t *model)
{
    ground_t *ground = h2o_mem_alloc_shared(pool, sizeof(*ground), release_ground);
    *ground = (ground_t){.view = model->view, .certificate = gw_client_certificate_hold(model->certificate)};
    gw_view_ref(ground->view);
    return ground;
}

static const gw_principal_t *copy_principals(h2o_mem_pool_t *pool, const gw_principal_t *last)
{
    const gw_principal_t *first = NULL, **earlier = &first;
    for (const gw_principal_t *at = last; at != NULL; at = at->earlier) {
        gw_principal_t *copy = at->copy(at, pool);
        copy->earlier = NULL;
        *earlier = copy;
        earlier = &copy->earlier;
    }
    return first;
}

/** What the filters before the one that begins it, and the connection, have found out. */
static void copy_findings(gw_exchange_t *ex, const gw_exchange_t *model)
{
    h2o_mem_pool_t *pool = &ex->req->pool;
    ex->route = model->route;
    ex->service = model->service;
    ex->service_index = model->service_index;
    ex->guard = model->guard; /* the view's */
    ex->upstream_host = copy_str(pool, model->upstream_host);
    ex->host = copy_str(pool, model->host);
    ex->path = copy_str(pool, model->path);
    ex->query = copy_str(pool, model->query);
    ex->peer = copy_str(pool, model->peer);
    ex->peer_port = model->peer_port;
    ex->peer_is_trusted = model->peer_is_trusted;
    ex->has_peer_address = model->has_peer_address;
    memcpy(ex->peer_address, model->peer_address, sizeof(ex->peer_address));
    ex->is_tls = model->is_tls;
    ex->is_preflight = model->is_preflight;
    ex->client_version = model->client_version;
    ex->request_id = copy_str(pool, model->request_id);
    gw_exchange_copy_forwarded(ex, model);
}

static socklen_t get_no_address(h2o_conn_t *conn, struct sockaddr *address)
{
    return 0;
}

static h2o_socket_t *get_no_socket(h2o_conn_t *conn)
{
    return NULL;
}

gw_detached_t *gw_detached_create(const gw_exchange_t *model, const gw_detached_events_t *events, void *owner,
                                  bool is_logged)
{
    static const h2o_conn_callbacks_t callbacks = {
        .get_sockname = get_no_address, .get_peername = get_no_address, .get_socket = get_no_socket};
    gw_worker_t *worker = model->worker;
    detached_t *detached = h2o_mem_alloc(sizeof(*detached));
    memset(detached, 0, offsetof(detached_t, req));
    detached->conn =
        (h2o_conn_t){.ctx = &worker->context, .hosts = worker->context.globalconf->hosts, .callbacks = &callbacks};
    detached->out.do_send = do_send;
    detached->end.cb = on_end;
    h2o_linklist_insert(&worker->detached, &detached->link);

    h2o_req_t *req = &detached->req;
    h2o_init_request(req, &detached->conn, NULL);
    req->_ostr_top = &detached->out;
    copy_request(req, model->req);
    const ground_t *ground = make_ground(&req->pool, model);
    const gw_principal_t *principal = copy_principals(&req->pool, model->principal);
    gw_exchange_t *ex = gw_exchange_make(req, worker, model->view, gw_worker_now_us(worker));
    ex->certificate = ground->certificate;
    ex->principal = principal;
    ex->detached_by = model->route->filters[model->current_filter]->class->name;
    ex->is_unlogged = !is_logged;
    ex->first_filter = ex->next_filter = ex->num_run = model->current_filter + 1;
    copy_findings(ex, model);
    ex->on_interim = events->on_interim != NULL ? on_interim : NULL;
    detached->super = (gw_detached_t){.exchange = ex, .owner = owner, .events = events};
    return &detached->super;
}

void gw_detached_start(gw_detached_t *super)
{
    gw_exchange_t *ex = super->exchange;
    ex->routed_ms = gw_worker_now_ms(ex->worker);
    gw_overload_enter(ex);
    gw_exchange_run(ex);
}
