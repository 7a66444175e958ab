/* SPDX-License-Identifier: MIT
 * One request to a demo service: what was asked, the ways to answer it, waiting in between.
 *
 * A service answers by calling exactly one of gw_demo_answer, gw_demo_answer_json, gw_demo_problem, or gw_demo_start
 * with h2o_send; at once or, after gw_demo_wait, later.  HEAD is taken care of except after gw_demo_start. Threads:
 * one.  A request lives in its h2o_req_t's pool and ends with it; nothing of it may be touched after its answer. */
#ifndef GW_BACKENDS_REQUEST_H
#define GW_BACKENDS_REQUEST_H

#include <jansson.h>
#include "backends/query.h"
#include "backends/server.h"
#include "gateway/http/conditional.h"

typedef struct gw_demo_request {
    gw_demo_server_t *server;
    h2o_req_t *req;
    gw_str_t target; /* as received: usually "/path?query", also "*" or a whole URL */
    gw_str_t path;   /* neither decoded nor normalised; of a URL the part after the authority */
    gw_str_t query;  /* without the '?'; ptr NULL when there is none */
    bool is_head;
    void *state; /* the service's own, from the request's pool; NULL at first */
    /* private */
    uint64_t begun_us;
    gw_timer_t timer;
    void (*then)(struct gw_demo_request *r);
    bool is_watching; /* the socket, for a client that leaves */
    bool is_started;  /* the answer */
    bool has_left;
} gw_demo_request_t;

/** Registers the handler and the log for every request of the server. */
void gw_demo_request_register(gw_demo_server_t *server, h2o_pathconf_t *pathconf);
/** Ends a connection, whatever its request is doing, in the next turns of the loop. */
void gw_demo_request_cut(h2o_req_t *req);

/* waiting ------------------------------------------------------------------------------------------------------------
 */

/** Calls `then` at until_ms, never earlier.  While it waits it watches for a client that leaves: then the request ends
 * at once, is logged with 499, and `then` is not called.  (A client that only closes its sending side counts as gone,
 * as it does for nginx.)  Not while a write is under way. */
void gw_demo_wait(gw_demo_request_t *r, uint64_t until_ms, void (*then)(gw_demo_request_t *r));

/* answering ----------------------------------------------------------------------------------------------------------
 */

/** Adds a field to the answer.  @param name lower case, static   @param value static or in the request's pool */
void gw_demo_header(gw_demo_request_t *r, const char *name, const char *value);
/** @param type media type, static; NULL: no content   @param body copied */
void gw_demo_answer(gw_demo_request_t *r, int status, const char *type, gw_str_t body);
/** @param body taken over; written with `flags` of json_dumps and a newline */
void gw_demo_answer_json(gw_demo_request_t *r, int status, json_t *body, size_t flags);
/** An error as application/problem+json (RFC 9457).  @param parameter the one that is wrong, or NULL */
void gw_demo_problem(gw_demo_request_t *r, int status, const char *parameter, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Begins an answer that a generator goes on with: status and fields are set, the caller then h2o_sends until the final
 *  piece (one empty final piece for HEAD).  @param length of the body, SIZE_MAX when not known beforehand */
void gw_demo_start(gw_demo_request_t *r, int status, const char *type, size_t length, h2o_generator_t *generator);

/* asking -------------------------------------------------------------------------------------------------------------
 */

/** GET and HEAD pass.  @return false: the request was answered by 405 */
bool gw_demo_is_get(gw_demo_request_t *r);
/** A numeric parameter of the query.  @param number in: its default; out: its value
 *  @return false: the request was answered by 400, the problem names the parameter */
bool gw_demo_number(gw_demo_request_t *r, const char *name, uint64_t min, uint64_t max, uint64_t *number);
/** Looks at the conditions of a GET or HEAD that would be answered by 200.
 *  @param etag with its quotes   @param last_modified seconds since 1970; GW_HTTP_NO_DATE
 *  @return false: the request was answered by 304 or 412 */
bool gw_demo_is_to_send(gw_demo_request_t *r, gw_str_t etag, int64_t last_modified);
/** The number that is the rest of the path after `prefix`.  @return false: answered by 400 */
bool gw_demo_path_number(gw_demo_request_t *r, gw_str_t prefix, const char *what, uint64_t min, uint64_t max,
                         uint64_t *ret);
/** All values of a request header, joined by ", ".  @return false: there is none */
bool gw_demo_field(gw_demo_request_t *r, const h2o_token_t *name, gw_str_t *ret);
h2o_socket_t *gw_demo_socket(gw_demo_request_t *r);

#endif
