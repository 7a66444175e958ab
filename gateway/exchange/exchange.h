/* SPDX-License-Identifier: MIT
 * One request's life: found a route, went through its filters, was answered here or by a service, and left one outcome
 * record.  An exchange is made for every request that arrives, whatever the protocol and however wrong it is.
 *
 * Lifetime: lives in the request's pool; ends (log, on_end, counters) when the pool is cleared.
 * Threads: its worker's only. */
#ifndef GW_EXCHANGE_EXCHANGE_H
#define GW_EXCHANGE_EXCHANGE_H

#include <h2o.h>
#include "gateway/base/str.h"
#include "gateway/config/snapshot.h"
#include "gateway/exchange/body.h"
#include "gateway/exchange/filter.h"
#include "gateway/observe/outcome.h"

struct gw_client_certificate;
struct gw_view;
struct gw_forward;
struct gw_principal;
struct gw_problem_kind;
struct gw_call_head;

#define GW_REQUEST_ID_MAX 64
#define GW_MAX_FILTERS    32 /* in one route; more is a conf error */

/** Why an exchange ended the way it did: one value per cause; name in log and problem, status, title for the client. */
#define GW_REASON_MAP(XX)                                                                                              \
    XX(OK, "ok", 200, "OK")                                                                                            \
    XX(CLIENT_CLOSED, "client_closed", 499, "Client Closed Request")                                                   \
    XX(CANCELLED, "cancelled", 503, "Service Unavailable")                                                             \
    XX(MALFORMED_REQUEST, "malformed_request", 400, "Bad Request")                                                     \
    XX(PATH_REFUSED, "path_refused", 400, "Bad Request")                                                               \
    XX(HEAD_TIMEOUT, "head_timeout", 408, "Request Timeout")                                                           \
    XX(BODY_TIMEOUT, "body_timeout", 408, "Request Timeout")                                                           \
    XX(BODY_TOO_LARGE, "body_too_large", 413, "Content Too Large")                                                     \
    XX(BODY_MALFORMED, "body_malformed", 400, "Bad Request")                                                           \
    XX(HEAD_TOO_LARGE, "head_too_large", 431, "Request Header Fields Too Large")                                       \
    XX(EXPECTATION_FAILED, "expectation_failed", 417, "Expectation Failed")                                            \
    XX(NOT_IMPLEMENTED, "not_implemented", 501, "Not Implemented")                                                     \
    XX(VERSION_NOT_SUPPORTED, "version_not_supported", 505, "HTTP Version Not Supported")                              \
    XX(TOO_MANY_RESETS, "too_many_resets", 429, "Too Many Requests")                                                   \
    XX(CLIENT_CERTIFICATE_EXPIRED, "client_certificate_expired", 403, "Forbidden")                                     \
    XX(NO_ROUTE, "no_route", 404, "Not Found")                                                                         \
    XX(METHOD_NOT_ALLOWED, "method_not_allowed", 405, "Method Not Allowed")                                            \
    XX(LOOP_DETECTED, "loop_detected", 508, "Loop Detected")                                                           \
    XX(TOKEN_MISSING, "token_missing", 401, "Unauthorized")                                                            \
    XX(TOKEN_REQUEST_MALFORMED, "token_request_malformed", 400, "Bad Request")                                         \
    XX(TOKEN_INVALID, "token_invalid", 401, "Unauthorized")                                                            \
    XX(TOKEN_INSUFFICIENT, "token_insufficient", 403, "Forbidden")                                                     \
    XX(TOKEN_KEYS_UNAVAILABLE, "token_keys_unavailable", 503, "Service Unavailable")                                   \
    XX(OVERLOADED, "overloaded", 503, "Service Unavailable")                                                           \
    XX(FILTER_ANSWERED, "filter_answered", 200, "OK")                                                                  \
    XX(NAME_NOT_RESOLVED, "name_not_resolved", 502, "Bad Gateway")                                                     \
    XX(CONNECT_REFUSED, "connect_refused", 502, "Bad Gateway")                                                         \
    XX(CONNECT_FAILED, "connect_failed", 502, "Bad Gateway")                                                           \
    XX(CONNECT_TIMEOUT, "connect_timeout", 504, "Gateway Timeout")                                                     \
    XX(RESPONSE_TIMEOUT, "response_timeout", 504, "Gateway Timeout")                                                   \
    XX(UPSTREAM_CLOSED, "upstream_closed", 502, "Bad Gateway")                                                         \
    XX(UPSTREAM_RESET, "upstream_reset", 502, "Bad Gateway")                                                           \
    XX(UPSTREAM_MALFORMED, "upstream_malformed", 502, "Bad Gateway")                                                   \
    XX(UPSTREAM_HEAD_TOO_LARGE, "upstream_head_too_large", 502, "Bad Gateway")                                         \
    XX(UPSTREAM_TRUNCATED, "upstream_truncated", 502, "Bad Gateway")                                                   \
    XX(UPSTREAM_STALLED, "upstream_stalled", 504, "Gateway Timeout")                                                   \
    XX(TOTAL_TIMEOUT, "total_timeout", 504, "Gateway Timeout")                                                         \
    XX(NO_USABLE_ENDPOINT, "no_usable_endpoint", 503, "Service Unavailable")                                           \
    XX(QUEUE_FULL, "queue_full", 503, "Service Unavailable")                                                           \
    XX(QUEUE_TIMEOUT, "queue_timeout", 503, "Service Unavailable")                                                     \
    XX(CORS_ORIGIN_DENIED, "cors_origin_denied", 403, "Forbidden")                                                     \
    XX(IP_DENIED, "ip_denied", 403, "Forbidden")                                                                       \
    XX(BREAKER_OPEN, "breaker_open", 503, "Service Unavailable")                                                       \
    XX(BULKHEAD_FULL, "bulkhead_full", 503, "Service Unavailable")                                                     \
    XX(BASIC_AUTH_MISSING, "basic_auth_missing", 401, "Unauthorized")                                                  \
    XX(BASIC_AUTH_INVALID, "basic_auth_invalid", 401, "Unauthorized")                                                  \
    XX(BASIC_AUTH_REPEATED, "basic_auth_repeated", 400, "Bad Request")                                                 \
    XX(BASIC_AUTH_NOT_ALLOWED, "basic_auth_not_allowed", 403, "Forbidden")                                             \
    XX(AUTH_BUSY, "auth_busy", 503, "Service Unavailable")                                                             \
    XX(API_KEY_MISSING, "api_key_missing", 401, "Unauthorized")                                                        \
    XX(API_KEY_INVALID, "api_key_invalid", 401, "Unauthorized")                                                        \
    XX(API_KEY_EXPIRED, "api_key_expired", 401, "Unauthorized")                                                        \
    XX(API_KEY_REPEATED, "api_key_repeated", 400, "Bad Request")                                                       \
    XX(API_KEY_NOT_ALLOWED, "api_key_not_allowed", 403, "Forbidden")                                                   \
    XX(MTLS_MISSING, "mtls_missing", 403, "Forbidden")                                                                 \
    XX(MTLS_NOT_ALLOWED, "mtls_not_allowed", 403, "Forbidden")                                                         \
    XX(RATE_LIMITED, "rate_limited", 429, "Too Many Requests")                                                         \
    XX(RATE_LIMIT_KEY_MISSING, "rate_limit_key_missing", 400, "Bad Request")                                           \
    XX(RATE_LIMIT_UNAVAILABLE, "rate_limit_unavailable", 503, "Service Unavailable")                                   \
    XX(CONCURRENCY_LIMITED, "concurrency_limited", 429, "Too Many Requests")                                           \
    XX(NOT_CACHED, "not_cached", 504, "Gateway Timeout")                                                               \
    XX(PURGE_DENIED, "purge_denied", 403, "Forbidden")                                                                 \
    XX(PURGE_UNCLEAR, "purge_unclear", 400, "Bad Request")                                                             \
    XX(PURGE_BUSY, "purge_busy", 503, "Service Unavailable")                                                           \
    XX(INTERNAL, "internal_error", 500, "Internal Server Error")

typedef enum gw_reason {
#define GW_REASON_ENUM(id, name, status, title) GW_REASON_##id,
    GW_REASON_MAP(GW_REASON_ENUM)
#undef GW_REASON_ENUM
} gw_reason_t;

const char *gw_reason_name(gw_reason_t reason);
int gw_reason_status(gw_reason_t reason);
const char *gw_reason_title(gw_reason_t reason);

/** How a try at an endpoint ended. */
typedef struct gw_try_result {
    gw_condition_t condition; /* GW_CONDITION_NONE: there was a response, or nothing is known */
    unsigned status;          /* of the response; 0: none */
    uint64_t elapsed_us;      /* from the moment when the request was sent (a slow client is no slow endpoint) to the
                                 response      head, the failure or the end */
} gw_try_result_t;

/** A say in the choice of the endpoint, for one filter of a chain (gw_filter_class_t.guards_endpoints).  What is
 * entered is left exactly once.  All are called with the exchange's service as it is then. */
typedef struct gw_endpoint_guard {
    /** Whether a try at this endpoint would be let in; takes nothing. */
    bool (*may)(const struct gw_endpoint_guard *guard, gw_exchange_t *exchange, uint32_t index);
    /** @param token of the guard's own, brought back   @return false: no */
    bool (*enter)(const struct gw_endpoint_guard *guard, gw_exchange_t *exchange, uint32_t index, uint64_t *token);
    /** The try came to a result.  @param result NULL: it was cancelled, nothing is known
     *  @return true when it wants to know, by `end`, how the response ends that has begun */
    bool (*leave)(const struct gw_endpoint_guard *guard, gw_exchange_t *exchange, uint32_t index, uint64_t token,
                  const gw_try_result_t *result);
    /** @param result how the response broke off; NULL: it did not */
    void (*end)(const struct gw_endpoint_guard *guard, gw_exchange_t *exchange, uint32_t index, uint64_t token,
                const gw_try_result_t *result);
    /** Every endpoint was refused.  @return GW_ANSWERED: it answered; GW_NEXT: it gave the exchange another service */
    gw_verdict_t (*on_refused)(const struct gw_endpoint_guard *guard, gw_exchange_t *exchange);
} gw_endpoint_guard_t;

struct gw_exchange {
    /* read-only for filters */
    h2o_req_t *req;
    gw_worker_t *worker;
    struct gw_view *view;         /* pinned until the end: snapshot and the worker's state for it */
    const gw_route_conf_t *route; /* NULL until one matched */
    size_t worker_index;
    uint64_t routed_ms;       /* when the route was found: the total timeout counts from here */
    gw_str_t host;            /* lower-case, without port; "" when there was none */
    gw_str_t path;            /* normalised, without query */
    gw_str_t query;           /* with its '?'; empty when there is none */
    gw_str_t peer;            /* the client's address without port, as text; "unix" for a Unix socket */
    uint16_t peer_port;       /* 0 for a Unix socket */
    bool peer_is_trusted;     /* lies in trusted_proxies: its X-Forwarded-* are extended, not replaced */
    bool has_peer_address;    /* false for a Unix socket */
    uint8_t peer_address[16]; /* the same in binary: gateway/base/cidr.h */
    bool is_tls;
    int client_version; /* of HTTP, that the client's request came by, as in h2o_req_t.version */
    bool is_preflight;  /* OPTIONS that asks whether a request of another method may come, on a route that answers it */
    const struct gw_client_certificate
        *certificate; /* gateway/server/client_certificate.h; NULL: the client has none */
    gw_str_t request_id;
    gw_body_t *body; /* NULL: the request has none */
    gw_reason_t reason;
    const char *detail;     /* static text for the log and the problem: which rule was broken; or NULL */
    gw_try_result_t result; /* how the service did, as far as it is known; all 0 when it was not asked */

    /* may be set by filters in on_request */
    gw_str_t upstream_host;           /* non-empty: the Host that goes upstream */
    const gw_service_conf_t *service; /* that answers; chosen with the route */
    size_t service_index;
    const gw_endpoint_guard_t *guard;     /* NULL: none */
    const struct gw_principal *principal; /* gateway/exchange/principal.h; NULL: nobody is known */

    /* private: without a client (gateway/exchange/detached.h) */
    const char *detached_by; /* the filter that began it; NULL: a client did */
    bool is_unlogged;        /* it leaves no line in the access log */
    bool is_cancelled;       /* nobody waits for its response any more */

    /* private: the chain */
    size_t first_filter; /* of the route's: those before it know nothing of this exchange */
    size_t num_run;      /* filters up to the last one whose on_request ran */
    size_t next_filter;
    bool is_in_chain;
    bool is_answered; /* a response was begun */
    bool is_response_filtered;
    bool is_in_flight; /* gateway/server/overload.h counts it */
    bool is_delivered; /* the whole response went to the connection, which takes this back when it cannot write it */
    gw_decision_t *decisions;
    size_t num_decisions, max_decisions;
    size_t decided_by;          /* place of the filter that made the last one: a route may have two of a kind */
    size_t current_filter;      /* whose function is being called */
    void **filter_data;         /* by place in the route; NULL until one was asked for */
    struct gw_forward *forward; /* the part of it that talks to an endpoint */
    /* takes the service's interim responses (1xx) while its answer is awaited; NULL: nobody does, since HTTP/1.0 knows
     * none (RFC 9110 15.2) and libh2o's HTTP/2 cannot send them */
    void (*on_interim)(gw_exchange_t *exchange, const struct gw_call_head *head);
    const struct gw_forwarded *forwarded; /* fields that say who the request comes from, gateway/exchange/principal.c */
    uint64_t deadline_ms;                 /* of the total timeout; 0: none */

    /* private: for the outcome; microseconds of the worker's monotonic clock, 0: never */
    uint64_t started_us, head_us, connected_us, response_us;
    uint64_t started_wall_us;
    const char *endpoint;
    unsigned upstream_status, tries;
    bool is_reused;
    char request_id_bytes[GW_REQUEST_ID_MAX];
};

/** Takes a request whose head is complete and judged: routes it, runs the chain, forwards it.
 *  @param body NULL when there is none; else it must live as long as the request's pool
 *  @param started_us worker clock at the first byte of the request
 *  @return the exchange; it may be answered already */
gw_exchange_t *gw_exchange_begin(h2o_req_t *req, gw_worker_t *worker, gw_body_t *body, uint64_t started_us);
/** Answers a request that is not to be looked at any further (malformed, timed out); whatever of method, path and
 * authority is known stands in req->input, the rest is empty.  The connection is closed after the answer. */
gw_exchange_t *gw_exchange_refuse(h2o_req_t *req, gw_worker_t *worker, gw_reason_t reason, const char *detail,
                                  uint64_t started_us);

/** Goes on after GW_WAITING. */
void gw_exchange_resume(gw_exchange_t *exchange, gw_verdict_t verdict);
/** Answers with the RFC 9457 problem of `reason`.  @param detail one sentence for the client, static or pool memory; or
 * NULL */
void gw_exchange_problem(gw_exchange_t *exchange, gw_reason_t reason, const char *detail);
/** The same of a type of its own.  Response fields that the caller added to req->res.headers are kept.
 *  @param kind NULL: about:blank */
void gw_exchange_problem_of(gw_exchange_t *exchange, gw_reason_t reason, const char *detail,
                            const struct gw_problem_kind *kind);
/** Answers with this status and body.  @param content_type, body static or pool memory; empty where there is none */
void gw_exchange_answer(gw_exchange_t *exchange, int status, gw_str_t content_type, gw_str_t body);
/** As gw_exchange_problem with Retry-After, in seconds, rounded up and at least one. */
void gw_exchange_problem_later(gw_exchange_t *exchange, gw_reason_t reason, const char *detail,
                               uint64_t retry_after_ms);
/** Adds Retry-After to the response to come. */
void gw_exchange_add_retry_after(gw_exchange_t *exchange, uint64_t retry_after_ms);
/** Runs on_response of the chain, once.  To be called when req->res is complete and before h2o_start_response. */
void gw_exchange_filter_response(gw_exchange_t *exchange);
/** Calls `simplify` of the filters behind the one whose function is being called. */
void gw_exchange_simplify(gw_exchange_t *exchange);
/** The place for what the filter whose function is being called wants to remember of this exchange; NULL at first. */
void **gw_exchange_data(gw_exchange_t *exchange);
/** Writes what a filter decided into the decision record.  @param reason static text or NULL */
void gw_exchange_decide(gw_exchange_t *exchange, const char *filter, const char *verdict, const char *reason);
/** The same with what may differ each time: by how much a clock is off, what was looked for.  @param detail copied;
 * NULL or "": none */
void gw_exchange_decide_with(gw_exchange_t *exchange, const char *filter, const char *verdict, const char *reason,
                             const char *detail);
/** Takes over what was decided in an exchange that was made for the sake of this one (gateway/exchange/detached.h): of
 * one that is not logged itself, this one's line tells. */
void gw_exchange_take_decisions(gw_exchange_t *exchange, const gw_exchange_t *from);

/* fields, by lower-case name */

/** @return index of the first field with that name at or after `from`, or -1 */
ssize_t gw_fields_find(const h2o_headers_t *fields, gw_str_t name, ssize_t from);
/** Removes every field with that name.  @return how many */
size_t gw_fields_remove(h2o_headers_t *fields, gw_str_t name);
/** Adds a field; name (lower-case) and value must live as long as the request. */
void gw_fields_add(h2o_mem_pool_t *pool, h2o_headers_t *fields, gw_str_t name, gw_str_t value);
/** The same for what is added time and again: a third of the cost, as libh2o has nothing to look for or to copy.
 *  @param name lower-case and static, that of a token of libh2o (h2o/token.h) if there is one */
void gw_fields_add_named(h2o_mem_pool_t *pool, h2o_headers_t *fields, h2o_iovec_t *name, gw_str_t value);
void gw_fields_set(h2o_mem_pool_t *pool, h2o_headers_t *fields, gw_str_t name, gw_str_t value);
/** Adds a name to a response's Vary unless it is there. */
void gw_fields_vary_by(h2o_mem_pool_t *pool, h2o_headers_t *fields, gw_str_t name);
/** The client's address as text: the peer's, or what trusted proxies say of theirs: the last entry of X-Forwarded-For
 * that is not itself a trusted proxy. */
gw_str_t gw_exchange_client(gw_exchange_t *exchange);
/** The same address in binary (gateway/base/cidr.h).  @return false when it has none: a Unix socket's client */
bool gw_exchange_client_address(gw_exchange_t *exchange, uint8_t ret_address[16]);
/** Whose share of something scarce a request takes: a number for its client's address, of IPv6 for the /64 that a
 * client has as a whole. */
uint64_t gw_exchange_client_owner(gw_exchange_t *exchange);
/** What the key of a conf names in this request: a header field's value, a cookie's, the client's address, the
 * principal's name or one of its properties.
 *  @return empty when the request has none */
gw_str_t gw_exchange_key(gw_exchange_t *exchange, const gw_key_conf_t *key);
/** The same, and how many there are: fields, cookies, parameters of that name.  @param ret_first untouched for 0 */
size_t gw_exchange_count_key(gw_exchange_t *exchange, const gw_key_conf_t *key, gw_str_t *ret_first);
/** Takes every such field, cookie or parameter out of what goes upstream (of the query: not the address, nor what
 * belongs to the principal). */
void gw_exchange_remove_key(gw_exchange_t *exchange, const gw_key_conf_t *key);

#endif
