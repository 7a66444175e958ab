/* SPDX-License-Identifier: MIT
 * CORS on the way of a request. */
#include "filters/cors.h"
#include "filters/cors_conf.h"
#include "gateway/exchange/exchange.h"
#include "gateway/http/syntax.h"

static const char self[] = "cors";

#define ORIGIN          GW_STR("origin")
#define REQUEST_METHOD  GW_STR("access-control-request-method")
#define REQUEST_HEADERS GW_STR("access-control-request-headers")

/** What was found out on the way in, for the way out. */
typedef struct judgement {
    gw_str_t origin; /* that is allowed, as sent; empty: none */
    gw_str_t fields; /* of a preflight: that may be set */
} judgement_t;

static gw_str_t value_at(const h2o_headers_t *fields, ssize_t at)
{
    return at == -1 ? gw_str(NULL, 0) : gw_str(fields->entries[at].value.base, fields->entries[at].value.len);
}

static gw_str_t value_of(gw_exchange_t *ex, gw_str_t name)
{
    return value_at(&ex->req->headers, gw_fields_find(&ex->req->headers, name, 0));
}

/* the way in ------------------------------------------------------------------------------------------------------- */

/** A browser sends one Origin; what has several does not come from one. */
static gw_cors_origin_t judge_origin(gw_exchange_t *ex, const gw_cors_conf_t *conf, gw_str_t *ret_origin)
{
    const h2o_headers_t *fields = &ex->req->headers;
    ssize_t at = gw_fields_find(fields, ORIGIN, 0);
    *ret_origin = gw_http_trim(value_at(fields, at));
    if (!conf->rules.is_any_origin && gw_fields_find(fields, ORIGIN, at + 1) != -1)
        return GW_CORS_FOREIGN;
    return gw_cors_judge_origin(&conf->rules, *ret_origin,
                                gw_str(ex->req->input.authority.base, ex->req->input.authority.len), ex->is_tls);
}

/** Says what the fields may be that the preflight asks for.  @return NULL, or what it is that is not allowed */
static const char *judge_preflight(gw_exchange_t *ex, const gw_cors_conf_t *conf, judgement_t *judgement)
{
    const h2o_headers_t *fields = &ex->req->headers;
    judgement->fields = conf->rules.is_any_field ? gw_str(NULL, 0) : conf->allow_headers;
    if (!gw_cors_allows_method(&conf->rules, value_of(ex, REQUEST_METHOD)))
        return "method";
    ssize_t at = gw_fields_find(fields, REQUEST_HEADERS, 0);
    gw_str_t asked = value_at(fields, at);
    if (!gw_cors_allows_fields(&conf->rules, asked) ||
        (at != -1 && gw_fields_find(fields, REQUEST_HEADERS, at + 1) != -1))
        return "header";
    if (conf->rules.is_any_field)
        judgement->fields = asked; /* by name: to browsers '*' is not Authorization, nor anything with credentials */
    return NULL;
}

static gw_verdict_t refuse(gw_exchange_t *ex)
{
    gw_exchange_decide(ex, self, "refused", "origin");
    gw_exchange_problem(ex, GW_REASON_CORS_ORIGIN_DENIED, NULL);
    return GW_ANSWERED;
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *state)
{
    const gw_cors_conf_t *conf = arg;
    gw_str_t origin;
    /* a preflight is answered even if an earlier filter took its Origin away */
    if (gw_fields_find(&ex->req->headers, ORIGIN, 0) == -1 && !ex->is_preflight)
        return GW_NEXT;
    judgement_t *judgement = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*judgement));
    *judgement = (judgement_t){.origin = gw_str(NULL, 0)};
    *gw_exchange_data(ex) = judgement;
    gw_cors_origin_t found = judge_origin(ex, conf, &origin);
    if (found == GW_CORS_ALLOWED)
        judgement->origin = origin;
    else if (found == GW_CORS_FOREIGN && conf->refuse)
        return refuse(ex);
    else if (found == GW_CORS_FOREIGN || ex->is_preflight)
        gw_exchange_decide(ex, self, "not_allowed", "origin");
    if (!ex->is_preflight)
        return GW_NEXT;
    if (found == GW_CORS_ALLOWED) {
        const char *missing = judge_preflight(ex, conf, judgement);
        gw_exchange_decide(ex, self, missing == NULL ? "preflight" : "not_allowed", missing);
    }
    gw_exchange_answer(ex, 204, gw_str(NULL, 0), gw_str(NULL, 0));
    return GW_ANSWERED;
}

/* the way out ------------------------------------------------------------------------------------------------------ */

/** What a service says of CORS: the gateway alone does. */
static void remove_theirs(h2o_headers_t *fields)
{
    size_t kept = 0, size = fields->size;
    for (size_t i = 0; i != size; ++i) {
        const h2o_iovec_t *name = fields->entries[i].name;
        if (!gw_str_starts_with(gw_str(name->base, name->len), GW_STR("access-control-")))
            fields->entries[kept++] = fields->entries[i];
    }
    fields->size = kept;
}

static void add(gw_exchange_t *ex, gw_str_t name, gw_str_t value)
{
    if (value.len != 0)
        gw_fields_add(&ex->req->pool, &ex->req->res.headers, name, value);
}

static void add_for_preflight(gw_exchange_t *ex, const gw_cors_conf_t *conf, const judgement_t *judgement)
{
    add(ex, GW_STR("access-control-allow-methods"), conf->allow_methods);
    add(ex, GW_STR("access-control-allow-headers"), judgement->fields);
    add(ex, GW_STR("access-control-max-age"), conf->max_age_s);
    if (conf->rules.is_any_field)
        gw_fields_vary_by(&ex->req->pool, &ex->req->res.headers, REQUEST_HEADERS);
}

static void on_response(gw_exchange_t *ex, const void *arg, void *state)
{
    const gw_cors_conf_t *conf = arg;
    const judgement_t *judgement = ex->filter_data != NULL ? *gw_exchange_data(ex) : NULL;
    remove_theirs(&ex->req->res.headers);
    if (conf->rules.is_any_origin) {
        /* said to everybody, so that a cache may give the response to everybody */
        add(ex, GW_STR("access-control-allow-origin"), GW_STR("*"));
    } else {
        gw_fields_vary_by(&ex->req->pool, &ex->req->res.headers, GW_STR("Origin"));
        if (judgement == NULL || judgement->origin.len == 0)
            return;
        add(ex, GW_STR("access-control-allow-origin"), judgement->origin);
        if (conf->credentials)
            add(ex, GW_STR("access-control-allow-credentials"), GW_STR("true"));
    }
    if (ex->is_preflight && judgement != NULL)
        add_for_preflight(ex, conf, judgement);
    else
        add(ex, GW_STR("access-control-expose-headers"), conf->expose_headers);
}

const gw_filter_class_t gw_cors_filter = {
    .name = "cors",
    .meaning = "lets pages of other origins use a service from a browser",
    .section = &gw_cors_section,
    .answers_preflight = true,
    .check_route = gw_cors_check_route,
    .on_request = on_request,
    .on_response = on_response,
};
