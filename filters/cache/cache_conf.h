/* SPDX-License-Identifier: MIT
 * The options of `cache`.  Threads: made on the control thread, then read-only. */
#ifndef FILTERS_CACHE_CACHE_CONF_H
#define FILTERS_CACHE_CACHE_CONF_H

#include "filters/cache/judgement.h"
#include "filters/cache/url.h"
#include "filters/network_list.h"
#include "gateway/config/key.h"
#include "gateway/config/schema.h"

/** A list of keys, as written and as they are looked up. */
typedef struct gw_cache_keys_conf {
    gw_key_conf_t *entries;
    size_t size;
} gw_cache_keys_conf_t;

typedef struct gw_cache_conf {
    gw_mark_t at;
    uint64_t capacity, max_object;            /* bytes */
    uint64_t ttl, override_ttl, negative_ttl; /* ms; 0: none */
    gw_conf_strings_t negative_statuses;      /* as written */
    uint64_t heuristic_share, heuristic_max;  /* hundredths of a percent, ms */
    struct {
        uint64_t while_revalidate, on_error; /* ms */
    } grace;
    gw_cache_keys_conf_t bypass;
    struct gw_cache_key_conf {
        gw_mark_t at;
        int query; /* gw_cache_query_word_t */
        gw_conf_strings_t query_only, query_without;
        bool sort_query;
        gw_cache_keys_conf_t by;
    } key;
    bool store_set_cookie, collapse, cache_status;
    uint64_t uncacheable_for; /* ms that the requests for what could not be stored go to the service side by side */
    gw_conf_strings_t tags;   /* names of fields, in lower case */
    struct gw_cache_purge_conf {
        gw_mark_t at;
        gw_conf_strings_t from;
        gw_network_list_t *networks; /* NULL: nobody may purge */
    } purge;
    /* worked out */
    gw_cache_rules_t rules;
    gw_cache_query_rules_t query_rules;
    gw_str_t *tag_fields; /* `tags` */
    uint64_t key_rules;   /* a hash of what makes up keys: what was stored under other rules is not found */
} gw_cache_conf_t;

typedef enum gw_cache_query_word { GW_CACHE_QUERY_ALL, GW_CACHE_QUERY_NONE } gw_cache_query_word_t;

extern const gw_section_t gw_cache_section;

/** gw_filter_class_t.check_route: warns of what cannot work on the route, and of filters that belong behind it. */
void gw_cache_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route);
/** gw_filter_class_t.check_behind: warns of filters that would not be asked about what is stored. */
void gw_cache_check_behind(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route, size_t index);
/** gw_filter_class_t.answers_purge */
bool gw_cache_answers_purge(const void *conf);

#endif
