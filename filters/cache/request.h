/* SPDX-License-Identifier: MIT
 * What the cache reads in a request: its key, and the fields that say what may be done with it.
 * Threads: the exchange's worker.  Texts are borrowed from the request or stand in its pool. */
#ifndef FILTERS_CACHE_REQUEST_H
#define FILTERS_CACHE_REQUEST_H

#include "filters/cache/cache_conf.h"
#include "filters/cache/store/store.h"
#include "gateway/exchange/exchange.h"

typedef struct gw_cache_request {
    gw_str_t url; /* canonical */
    gw_cache_key_t key;
    bool is_get;            /* else HEAD */
    bool has_directives;    /* Cache-Control or Pragma; else `directives` says nothing */
    bool is_authorized;     /* by a field or a filter, and the key does not name by whom (RFC 9111 3.5) */
    bool is_ambiguous;      /* something that the key is made of is there twice: the service may go by another one */
    bool has_conditions;    /* If-None-Match, If-Modified-Since */
    bool has_preconditions; /* If-Match, If-Unmodified-Since: for the origin to judge (RFC 9111 4.3.2) */
    gw_str_t range;         /* empty: none */
    gw_cache_request_directives_t directives;
} gw_cache_request_t;

/** What a worker remembers of the service that was asked last. */
typedef struct gw_cache_service_hash {
    const gw_service_conf_t *service; /* NULL: none yet.  Of the same snapshot as the filter */
    uint64_t hash;
} gw_cache_service_hash_t;

/** Writes the canonical URL of the request into its pool. */
gw_str_t gw_cache_request_url(gw_exchange_t *exchange, const gw_cache_conf_t *conf);
/** The same of a request by that scheme for another path and query. */
gw_str_t gw_cache_url_like(gw_exchange_t *exchange, const gw_cache_conf_t *conf, gw_str_t scheme, gw_str_t path,
                           gw_str_t query);
/** The keyed hash of a canonical URL: what gw_cache_purge_url takes. */
uint64_t gw_cache_url_hash(const gw_cache_store_t *store, gw_str_t url);
/** Reads all of it.  @param last zeroed at first   @param ret zeroed */
void gw_cache_request_read(gw_exchange_t *exchange, const gw_cache_conf_t *conf, const gw_cache_store_t *store,
                           gw_cache_service_hash_t *last, gw_cache_request_t *ret);
/** The request's fields as the pure modules take them, in its pool.  @param ret_num how many */
const gw_http_field_t *gw_cache_fields_of(h2o_mem_pool_t *pool, const h2o_headers_t *fields, size_t *ret_num);

#endif
