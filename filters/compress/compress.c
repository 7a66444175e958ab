/* SPDX-License-Identifier: MIT
 * Compressing on the way of a response: the head is changed in on_response, the body by a stage of the output stream,
 * which is the first one: a piece of the service's goes through it before anything else.
 *
 * Each piece that comes is flushed, because nobody knows when the next one will: an event has to arrive when it
 * happens.  A service that is faster than the client has its bytes put together into larger pieces before they come
 * here, so that this costs little where there is much to compress. */
#include "filters/compress/compress.h"
#include "filters/compress/compress_conf.h"
#include "filters/compress/encoder.h"
#include "filters/compress/validators.h"
#include "gateway/base/memory.h"
#include "gateway/exchange/exchange.h"
#include "gateway/http/syntax.h"

static const char self[] = "compress";

typedef struct state { /* of a worker */
    uint64_t num_at_work;
} state_t;

typedef struct passage { /* of an exchange whose response is compressed */
    gw_encoder_t *encoder;
    state_t *state;
    bool is_at_work; /* counted in the state */
} passage_t;

typedef struct stage {
    h2o_ostream_t super;
    passage_t *passage;
} stage_t;

/* the body --------------------------------------------------------------------------------------------------------- */

static void stop_work(passage_t *passage)
{
    if (passage->is_at_work)
        --passage->state->num_at_work;
    passage->is_at_work = false;
}

static void do_send(h2o_ostream_t *ostream, h2o_req_t *req, h2o_iovec_t *slices, size_t num, h2o_send_state_t state)
{
    passage_t *passage = ((stage_t *)ostream)->passage;
    if (state == H2O_SEND_STATE_ERROR) {
        h2o_ostream_send_next(ostream, req, NULL, 0, state);
        return;
    }
    for (size_t i = 0; i != num; ++i)
        gw_encoder_put(passage->encoder, gw_str(slices[i].base, slices[i].len));
    bool is_last = state == H2O_SEND_STATE_FINAL;
    gw_str_t output = gw_encoder_flush(passage->encoder, is_last);
    if (is_last)
        stop_work(passage);
    h2o_iovec_t buf = h2o_iovec_init(output.ptr, output.len);
    h2o_ostream_send_next(ostream, req, &buf, output.len != 0 ? 1 : 0, state);
}

static void add_stage(gw_exchange_t *ex, passage_t *passage)
{
    stage_t *stage = (stage_t *)h2o_add_ostream(ex->req, sizeof(*stage), &ex->req->_ostr_top);
    stage->super.do_send = do_send;
    stage->passage = passage;
}

/* the head --------------------------------------------------------------------------------------------------------- */

static gw_str_t value_at(const h2o_headers_t *fields, ssize_t at)
{
    return gw_str(fields->entries[at].value.base, fields->entries[at].value.len);
}

/** @return empty: there is none, or more than one, which says nothing */
static gw_str_t only_value(const h2o_headers_t *fields, gw_str_t name)
{
    ssize_t at = gw_fields_find(fields, name, 0);
    return at == -1 || gw_fields_find(fields, name, at + 1) != -1 ? gw_str(NULL, 0) : value_at(fields, at);
}

static bool has(const h2o_headers_t *fields, gw_str_t name)
{
    return gw_fields_find(fields, name, 0) != -1;
}

static bool says_no_transform(const h2o_headers_t *fields)
{
    for (ssize_t at = -1; (at = gw_fields_find(fields, GW_STR("cache-control"), at + 1)) != -1;)
        if (gw_http_list_has(value_at(fields, at), GW_STR("no-transform")))
            return true;
    return false;
}

static gw_accept_encoding_t accept_of(const gw_exchange_t *ex)
{
    const h2o_headers_t *fields = &ex->req->headers;
    gw_accept_encoding_t accept = {.any = 0};
    for (ssize_t at = -1; (at = gw_fields_find(fields, GW_STR("accept-encoding"), at + 1)) != -1;)
        gw_accept_encoding_add(&accept, value_at(fields, at));
    return accept;
}

/** Accept-Encoding comes to the coding that will be chosen; whoever takes no response without one is left to say so. */
static void simplify(gw_exchange_t *ex, const void *arg)
{
    const gw_compress_conf_t *conf = arg;
    h2o_headers_t *fields = &ex->req->headers;
    if (!has(fields, GW_STR("accept-encoding")))
        return;
    const gw_accept_encoding_t accept = accept_of(ex);
    gw_coding_t coding = gw_accept_encoding_choose(&accept, conf->rules.codings, conf->rules.num_codings);
    if (gw_accept_encoding_refuses_identity(&accept))
        return;
    gw_fields_remove(fields, GW_STR("accept-encoding"));
    if (coding != GW_CODING_IDENTITY)
        gw_fields_add(&ex->req->pool, fields, GW_STR("accept-encoding"), gw_str_of(gw_coding_name(coding)));
}

static gw_compress_judgement_t judge(const gw_exchange_t *ex, const gw_compress_conf_t *conf)
{
    const h2o_headers_t *fields = &ex->req->res.headers;
    const gw_compress_facts_t facts = {
        .status = ex->req->res.status,
        .content_type = only_value(fields, GW_STR("content-type")),
        .length = ex->req->res.content_length == SIZE_MAX ? UINT64_MAX : ex->req->res.content_length,
        .is_coded = has(fields, GW_STR("content-encoding")),
        .is_part = has(fields, GW_STR("content-range")),
        .is_kept_as_is = says_no_transform(fields) || says_no_transform(&ex->req->headers),
    };
    const gw_accept_encoding_t accept = accept_of(ex);
    return gw_compress_judge(&conf->rules, &facts, &accept);
}

/** What described the bytes that the service sent (RFC 9110 14.3, RFC 9530, RFC 3230, RFC 1864). */
static void change_head(gw_exchange_t *ex, gw_coding_t coding)
{
    static const gw_str_t untrue[] = {
        {"accept-ranges", 13}, {"content-digest", 14}, {"repr-digest", 11}, {"digest", 6}, {"content-md5", 11}};
    h2o_headers_t *fields = &ex->req->res.headers;
    for (size_t i = 0; i != sizeof(untrue) / sizeof(untrue[0]); ++i)
        gw_fields_remove(fields, untrue[i]);
    gw_validators_weaken(&ex->req->pool, fields);
    gw_fields_add(&ex->req->pool, fields, GW_STR("content-encoding"), gw_str_of(gw_coding_name(coding)));
    ex->req->res.content_length = SIZE_MAX;
}

static bool is_head(const gw_exchange_t *ex)
{
    return h2o_memis(ex->req->input.method.base, ex->req->input.method.len, H2O_STRLIT("HEAD"));
}

/** @return NULL: too many are at work, or there is no memory */
static gw_encoder_t *make_encoder(const gw_exchange_t *ex, const gw_compress_conf_t *conf, const state_t *state,
                                  gw_coding_t coding)
{
    size_t length = ex->req->res.content_length;
    uint64_t level = coding == GW_CODING_BR ? conf->brotli_level : conf->gzip_level;
    if (state->num_at_work >= conf->max_concurrent)
        return NULL;
    return gw_encoder_create(coding, (unsigned)level, length == SIZE_MAX ? UINT64_MAX : length);
}

static void compress(gw_exchange_t *ex, const gw_compress_conf_t *conf, state_t *state, gw_coding_t coding)
{
    if (is_head(ex)) { /* what GET would have been answered, without its content (RFC 9110 9.3.2) */
        change_head(ex, coding);
        return;
    }
    gw_encoder_t *encoder = make_encoder(ex, conf, state, coding);
    if (encoder == NULL) {
        gw_exchange_decide(ex, self, "passed_on", "busy");
        return;
    }
    passage_t *passage = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*passage));
    *passage = (passage_t){.encoder = encoder, .state = state, .is_at_work = true};
    ++state->num_at_work;
    *gw_exchange_data(ex) = passage;
    change_head(ex, coding);
    add_stage(ex, passage);
    gw_exchange_decide(ex, self, "compressed", gw_coding_name(coding));
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *conf, void *state)
{
    return GW_NEXT; /* it is here for the response */
}

static void on_response(gw_exchange_t *ex, const void *conf, void *state)
{
    h2o_headers_t *fields = &ex->req->res.headers;
    if (ex->req->res.status == 304) {
        /* of what this client was given compressed: its cache looks for the tag that it was given (RFC 9111 4.3.4) */
        if (gw_validators_are_known_weak(&ex->req->headers, fields)) {
            gw_validators_weaken(&ex->req->pool, fields);
            gw_fields_vary_by(&ex->req->pool, fields, GW_STR("Accept-Encoding"));
        }
        return;
    }
    gw_compress_judgement_t judgement = judge(ex, conf);
    if (judgement.is_varying)
        gw_fields_vary_by(&ex->req->pool, fields, GW_STR("Accept-Encoding"));
    if (judgement.coding != GW_CODING_IDENTITY)
        compress(ex, conf, state, judgement.coding);
}

static void on_end(gw_exchange_t *ex, const void *conf, void *state)
{
    passage_t *passage = ex->filter_data != NULL ? *gw_exchange_data(ex) : NULL;
    if (passage == NULL)
        return;
    stop_work(passage);
    gw_encoder_free(passage->encoder);
}

/* life ------------------------------------------------------------------------------------------------------------- */

static void *worker_init(gw_worker_t *worker, const void *conf, void *shared)
{
    return gw_must_alloc(1, sizeof(state_t));
}

static void worker_dispose(void *state)
{
    free(state);
}

const gw_filter_class_t gw_compress_filter = {
    .name = "compress",
    .meaning = "compresses responses for clients that take it",
    .section = &gw_compress_section,
    .check_route = gw_compress_check_route,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .simplify = simplify,
    .on_request = on_request,
    .on_response = on_response,
    .on_end = on_end,
};
