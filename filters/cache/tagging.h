/* SPDX-License-Identifier: MIT
 * The labels of a response: its tags and its cache groups, as the store knows them; and what a response to an unsafe
 * request makes invalid.  Threads: any. */
#ifndef FILTERS_CACHE_TAGGING_H
#define FILTERS_CACHE_TAGGING_H

#include <h2o.h>
#include "filters/cache/cache_conf.h"
#include "filters/cache/store/store.h"
#include "filters/cache/tags.h"

enum { GW_CACHE_MOST_TAGS = GW_CACHE_MAX_LABELS - 1 };

/** @param url canonical, of the request: groups are those of its origin   @return false: there are too many */
bool gw_cache_response_labels(const gw_cache_store_t *store, const gw_cache_conf_t *conf, gw_str_t url,
                              const h2o_headers_t *fields, uint64_t hashes[GW_CACHE_MOST_TAGS], size_t *ret_num);
uint64_t gw_cache_tag_hash(const gw_cache_store_t *store, gw_str_t tag);
uint64_t gw_cache_group_hash(const gw_cache_store_t *store, gw_str_t url, gw_str_t group);
/** The values of all fields of that name.  @return how many, at most `max` */
size_t gw_cache_values(const h2o_headers_t *fields, gw_str_t name, gw_str_t *values, size_t max);

#endif
