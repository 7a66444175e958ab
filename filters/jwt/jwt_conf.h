/* SPDX-License-Identifier: MIT
 * The options of the filter `jwt`.  Threads: made on the control thread, then read-only. */
#ifndef FILTERS_JWT_JWT_CONF_H
#define FILTERS_JWT_JWT_CONF_H

#include "filters/jwt/claims.h"
#include "filters/jwt/source_conf.h"
#include "filters/principal_conf.h"
#include "gateway/config/reader.h"
#include "gateway/config/snapshot.h"

/** Whose tokens are accepted. */
typedef struct gw_jwt_issuer_conf {
    gw_mark_t at;
    const char *issuer; /* exactly what `iss` must be; NULL: `iss` is not looked at */
    gw_conf_strings_t audience;
    gw_conf_strings_t algorithms;
    unsigned algorithm_set; /* 0: each key's own */
    gw_conf_list_t keys;    /* gw_jwt_source_conf_t */
    size_t first_source;    /* index of the first of `keys` among those of all issuers */
} gw_jwt_issuer_conf_t;

#define GW_JWT_MAX_TOKEN ((size_t)64 * 1024) /* longest that max_length may allow */

typedef struct gw_jwt_conf {
    gw_mark_t at;
    gw_jwt_issuer_conf_t own; /* issuer, audience, algorithms, keys at the top */
    gw_conf_list_t issuers;   /* gw_jwt_issuer_conf_t */
    gw_conf_strings_t from;
    gw_conf_strings_t typ;
    uint64_t leeway, max_age, max_length, cache_size;
    bool needs_exp, is_removed;
    int optional;                /* gw_auth_optional_t */
    const char *principal;       /* claim */
    gw_conf_pairs_t forward;     /* claim: header field, in lower case */
    const char *forward_payload; /* header field, lower case, or NULL */
    const char *realm;
    const char *deny_file;
    int mode; /* gw_auth_mode_t */
    struct gw_jwt_require {
        gw_jwt_rule_t *entries;
        size_t size;
    } require;
    /* worked out */
    gw_jwt_issuer_conf_t *all; /* the issuers, wherever they stand */
    size_t num_all;
    gw_jwt_source_conf_t **sources; /* the keys of all of them */
    size_t num_sources;
    gw_key_conf_t *places; /* of `from` */
    gw_jwt_rules_t rules;
    gw_file_seed_t denied; /* gw_jwt_deny_list_t (filters/jwt/deny.h) */
} gw_jwt_conf_t;

extern const gw_section_t gw_jwt_section;

/** For the class: hides query parameters that hold tokens from the access log; frees what the conf holds. */
void gw_jwt_link(struct gw_conf_reader *reader, void *conf, gw_mark_t at);
void gw_jwt_conf_dispose(void *conf);
/** gw_filter_class_t.demands_credentials. */
bool gw_jwt_demands_credentials(const void *conf);

#endif
