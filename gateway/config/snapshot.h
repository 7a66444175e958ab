/* SPDX-License-Identifier: MIT
 * The configuration as the workers see it: immutable once loaded, reference-counted, complete (every default filled
 * in).
 *
 * Lifetime: made by gw_snapshot_load on the control thread; each worker holds one reference for as long as an exchange
 * that began with it lives.  State (pools, endpoint addresses, buckets) is not here: it is found again by name.
 * Threads: the count is atomic, everything else is read-only. */
#ifndef GW_CONFIG_SNAPSHOT_H
#define GW_CONFIG_SNAPSHOT_H

#include <stdatomic.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "gateway/base/arena.h"
#include "gateway/base/cidr.h"
#include "gateway/config/diag.h"
#include "gateway/config/overload.h"
#include "gateway/config/schema.h"
#include "gateway/upstream/condition.h"

struct gw_router;
struct gw_filter_class;
struct gw_tls;

typedef struct gw_certificate_conf {
    gw_mark_t at;
    const char *certificate, *key; /* paths, relative to the conf file's folder when not absolute (already resolved) */
} gw_certificate_conf_t;

typedef enum gw_client_auth_mode { GW_CLIENT_AUTH_REQUIRED, GW_CLIENT_AUTH_OPTIONAL } gw_client_auth_mode_t;

/** Certificates of clients. */
typedef struct gw_client_auth_conf {
    gw_mark_t at; /* line 0: clients are not asked for any */
    const char *ca, *crl;
    int mode;       /* gw_client_auth_mode_t */
    uint64_t depth; /* intermediate certificates */
} gw_client_auth_conf_t;

typedef enum gw_tls_version { GW_TLS_1_2, GW_TLS_1_3 } gw_tls_version_t;

typedef struct gw_listener_conf {
    gw_mark_t at;
    const char *address; /* as written: "0.0.0.0:8080", "[::]:8443", "unix:/run/sluice.sock" */
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    } sockaddr;
    socklen_t sockaddr_len;
    bool is_dual_stack; /* written ":PORT": sockaddr is [::], and the socket takes IPv4 as well (IPV6_V6ONLY off);
                           every other IPv6 address is for IPv6 alone (IPV6_V6ONLY on) */
    bool has_tls;
    struct {
        gw_mark_t at;                /* line 0: there is no `tls` */
        gw_conf_list_t certificates; /* gw_certificate_conf_t; the first one answers unknown names */
        int min_version;             /* gw_tls_version_t */
        bool http2;                  /* offer h2 by ALPN */
        gw_client_auth_conf_t client_auth;
    } tls_conf;
    struct gw_tls *tls; /* made from tls_conf; NULL for a plain listener */
} gw_listener_conf_t;

typedef struct gw_endpoint_conf {
    gw_mark_t at;
    const char *url;  /* as written: "http://127.0.0.1:9001", "http://calculator.internal:9001", "unix:/run/app.sock" */
    const char *host; /* without brackets; NULL for a Unix socket */
    const char *path; /* Unix socket path, else NULL */
    const char *authority; /* what a Host field says when the client's is not passed on: "127.0.0.1:9001"; "localhost"
                              for Unix */
    uint16_t port;
    uint64_t weight; /* share of the requests, 0..256; 0: none */
    bool is_backup;  /* used only when no other one can be */
} gw_endpoint_conf_t;

/** A list of conditions as written, and as a set. */
typedef struct gw_conditions_conf {
    gw_conf_strings_t words;
    gw_condition_set_t set;
} gw_conditions_conf_t;

/** What of a request decides where it goes. */
typedef enum gw_key_kind {
    GW_KEY_NONE,
    GW_KEY_CLIENT_ADDRESS,
    GW_KEY_HEADER,
    GW_KEY_COOKIE,
    GW_KEY_QUERY,
    GW_KEY_ROUTE,     /* its name */
    GW_KEY_ALL,       /* the same for every request */
    GW_KEY_PRINCIPAL, /* its name */
    GW_KEY_PROPERTY   /* of the principal that a filter of kind `scheme` established */
} gw_key_kind_t;
typedef struct gw_key_conf {
    int kind;           /* gw_key_kind_t */
    const char *name;   /* of the header field, in lower case, of the cookie, query parameter or property */
    const char *scheme; /* name of a filter class: "jwt" */
} gw_key_conf_t;

typedef enum gw_balance {
    GW_BALANCE_ROUND_ROBIN,
    GW_BALANCE_RANDOM,
    GW_BALANCE_LEAST_REQUESTS, /* the less loaded of two chosen at random */
    GW_BALANCE_HASH            /* the same key goes to the same endpoint */
} gw_balance_t;

typedef enum gw_when_unhealthy { GW_FAIL_FAST, GW_TRY_ANYWAY } gw_when_unhealthy_t;

/** Another try at another endpoint.  Times in ms, shares in hundredths of a percent. */
typedef struct gw_retries_conf {
    gw_mark_t at;
    uint64_t attempts;              /* in all, the first one included */
    gw_conditions_conf_t on;        /* for requests that may be sent twice: idempotent ones */
    gw_conditions_conf_t unsafe_on; /* for all others too, although an endpoint may have acted on them */
    uint64_t per_try_timeout;       /* from the start of a try to its response head; 0: timeouts.response alone */
    uint64_t backoff, max_backoff;
    uint64_t budget;         /* share of the requests under way that may be retries */
    uint64_t min_concurrent; /* retries under way that are always allowed, per worker */
    uint64_t max_body;       /* bytes of a request body that are kept for sending it again */
    uint64_t hedge_after;    /* send a safe request to a second endpoint after so long; 0: never */
} gw_retries_conf_t;

typedef struct gw_health_check_conf {
    gw_mark_t at;     /* line 0: no checks */
    const char *path; /* with query */
    int method;       /* gw_health_method_t */
    const char *host; /* Host field; NULL: the endpoint's own */
    gw_conf_strings_t statuses;
    gw_status_set_t status_set;
    const char *body;                                /* text that the response body must contain; NULL: any */
    bool is_tcp;                                     /* connecting is enough */
    uint64_t initial_delay, period, jitter, timeout; /* ms; jitter: hundredths of a percent of the period */
    uint64_t healthy, unhealthy;                     /* checks in a row that change the state */
} gw_health_check_conf_t;

typedef enum gw_health_method { GW_HEALTH_GET, GW_HEALTH_HEAD, GW_HEALTH_OPTIONS } gw_health_method_t;

/** Taking an endpoint out of use for a while because of what requests to it met. */
typedef struct gw_ejection_conf {
    gw_conditions_conf_t on;
    uint64_t consecutive_failures; /* 0: not looked at */
    uint64_t failure_ratio;        /* hundredths of a percent; 0: not looked at */
    uint64_t min_requests;
    uint64_t window;         /* ms */
    uint64_t time, max_time; /* ms; doubles with each ejection in a row */
    uint64_t max_share;      /* of the endpoints, hundredths of a percent */
} gw_ejection_conf_t;

typedef struct gw_service_conf {
    gw_mark_t at;
    const char *name;
    const char *version;      /* free text for people, or NULL */
    gw_conf_list_t endpoints; /* gw_endpoint_conf_t, at least one */
    bool pass_host;           /* forward the client's Host (default), else the endpoint's own authority */
    struct {
        int method; /* gw_balance_t */
        gw_key_conf_t key;
        uint64_t
            load_factor; /* hundredths of a percent of the mean load that an endpoint takes before its keys go on */
    } balance;
    uint64_t slow_start;   /* ms over which an endpoint that came back gets its full share; 0: at once */
    uint64_t max_requests; /* under way at one endpoint, all workers together; 0: any number */
    struct {
        uint64_t size, timeout; /* requests, ms: for requests that find every endpoint full */
    } queue;
    gw_health_check_conf_t health_check;
    gw_ejection_conf_t ejection;
    int when_unhealthy;       /* gw_when_unhealthy_t */
    uint64_t panic_threshold; /* share of usable endpoints below which all are tried; hundredths of a percent */
    gw_retries_conf_t retries;
    struct {
        uint64_t connect; /* ms until the TCP connection stands */
        uint64_t
            response;   /* ms from the end of the request (or the last byte that could be sent) to the response head */
        uint64_t idle;  /* ms without a byte while a body is on its way, in either direction */
        uint64_t total; /* ms from the routing of a request to the response head, all tries together; 0: any */
    } timeouts;
    struct {
        uint64_t size;          /* idle connections kept per worker and endpoint; 0: none */
        uint64_t idle;          /* ms an unused connection is kept */
        uint64_t age;           /* ms after which a connection is not used again */
        uint64_t upstream_idle; /* ms that the service itself keeps an unused connection; 0: not known */
    } pool;
} gw_service_conf_t;

/** A filter as it stands in a route: the class, its own conf struct, and the name it was given under `filters:`. */
typedef struct gw_filter_conf {
    gw_mark_t at;
    const struct gw_filter_class *class;
    const char *name; /* under `filters:`, else the class name */
    void *conf;       /* class->conf_size bytes, immutable */
    size_t slot;      /* 0.. : index of this instance's state in a worker's table */
    const char *key;  /* what surviving state is found by after a reload: `name` of a filter under `filters:`, else
                         "ROUTE/CLASS", "ROUTE/CLASS#2" ...; no two instances have the same */
} gw_filter_conf_t;

typedef struct gw_route_conf {
    gw_mark_t at;
    const char *name;  /* as given, else made of host and path: "hello.example.com/hello", "/calculator/" */
    const char *host;  /* lower-case, "" for any; "*.example.com" */
    const char *path;  /* normalised; one that ends in '/' covers everything below it, any other matches exactly */
    uint32_t methods;  /* set of 1u << gw_method_t (gateway/routing/router.h); 0: any */
    bool strip_prefix; /* "/calculator/add" goes upstream as "/add" */
    const gw_service_conf_t *service; /* the first of `split` where there are several */
    size_t service_index;
    struct gw_split {
        const gw_service_conf_t *service;
        size_t service_index;
        uint64_t weight;
    } * split; /* NULL: one service */
    size_t num_split;
    uint64_t split_weight;            /* of all together */
    gw_key_conf_t split_by;           /* GW_KEY_NONE: at random */
    const gw_retries_conf_t *retries; /* the route's own, or NULL: the service's */
    uint64_t max_body;                /* bytes of request body; the snapshot's limit unless the route sets its own */
    gw_filter_conf_t **filters;       /* in the order of the file */
    size_t num_filters;
    bool answers_preflight; /* one of the filters does */
    bool answers_purge;     /* the same */
    int priority;           /* gw_priority_t */
} gw_route_conf_t;

typedef enum gw_access_log_target { GW_LOG_OFF, GW_LOG_STDOUT, GW_LOG_FILE } gw_access_log_target_t;

typedef struct gw_snapshot {
    atomic_size_t references;
    uint64_t generation; /* 1 for the first; set by gw_snapshot_load's caller */
    gw_arena_t *arena;   /* owns everything below */
    const char *file;

    uint64_t workers;       /* threads; never 0 (default: the cores this process may use) */
    uint64_t drain_timeout; /* ms that SIGTERM waits for what is in flight */
    struct {
        uint64_t connections; /* open client connections, all workers together */
        uint64_t head;        /* bytes of a request head */
        uint64_t fields;      /* header fields of a request, 1..100 */
        uint64_t body;        /* bytes of a request body */
    } limits;
    struct {
        uint64_t handshake; /* ms for the TLS handshake */
        uint64_t head;      /* ms from the first byte of a request to the end of its head */
        uint64_t body;      /* ms without a byte of the request body */
        uint64_t write;     /* ms without progress while a response is being written */
        uint64_t idle;      /* ms a keep-alive connection may wait for its next request */
    } timeouts;
    struct {
        int target; /* gw_access_log_target_t */
        const char *file;
        uint64_t ring; /* bytes of the ring between each worker and the writing thread, a power of two */
    } access_log;
    struct {
        gw_cidr_t *entries; /* whose X-Forwarded-* and X-Request-Id are believed and extended */
        size_t size;
    } trusted_proxies;
    struct {
        gw_str_t *entries; /* query parameters that carry credentials, in lower case: gw_conf_hide_parameter */
        size_t size;
    } secret_parameters;
    gw_overload_conf_t overload;

    gw_listener_conf_t *listeners;
    size_t num_listeners;
    bool asks_for_certificates; /* one of them has `client_auth` */
    gw_service_conf_t *services;
    size_t num_services;
    gw_route_conf_t *routes;
    size_t num_routes;
    gw_filter_conf_t **filters; /* every instance that a route uses, by slot */
    size_t num_filters;
    struct gw_router *router;        /* gw_router_match gives an index into `routes` */
    const struct gw_conf_root *root; /* what was read, for printing: gateway/config/conf.h */
} gw_snapshot_t;

/** Reads and checks a conf file with everything it includes; the one path for start, reload and `sluice check`.
 *  Reads files, environment and certificates; no DNS, no sockets.
 *  @param diag gets every error and warning   @return one reference, or NULL when there was an error */
gw_snapshot_t *gw_snapshot_load(const char *path, gw_diag_t *diag);

gw_snapshot_t *gw_snapshot_ref(gw_snapshot_t *snapshot);
/** Drops one reference; the last one frees all.  NULL is fine; returns NULL. */
gw_snapshot_t *gw_snapshot_unref(gw_snapshot_t *snapshot);

/** Prints the effective configuration as YAML that can be loaded again: defaults filled in, secrets shown as (secret).
 */
void gw_snapshot_print(const gw_snapshot_t *snapshot, FILE *to);
/** The same as JSON. */
void gw_snapshot_print_json(const gw_snapshot_t *snapshot, FILE *to);
/** One line per option of the whole conf language: path, type, bounds, default, unit, meaning. */
void gw_schema_print(FILE *to);

#endif
