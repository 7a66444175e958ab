/* SPDX-License-Identifier: MIT
 * The options of `api_key`. */
#ifndef GW_FILTERS_API_KEY_CONF_H
#define GW_FILTERS_API_KEY_CONF_H

#include "filters/api_keys.h"
#include "filters/principal_conf.h"
#include "gateway/config/snapshot.h"
#include "gateway/upkeep/file.h"

typedef struct gw_api_key_conf {
    gw_mark_t at;
    /* as written */
    gw_conf_strings_t from;
    const char *file, *realm;
    bool remove;
    int optional;            /* gw_auth_optional_t */
    gw_conf_pairs_t forward; /* field names in lower case */
    gw_requirements_t require;
    int mode; /* gw_auth_mode_t */
    /* worked out */
    gw_key_conf_t *places; /* as many as `from` has */
    const char *challenge; /* what WWW-Authenticate says */
    const char *help;      /* where a key is to be put, for the client that has sent none */
    gw_file_seed_t seed;   /* of gw_api_keys_t */
} gw_api_key_conf_t;

extern const gw_section_t gw_api_key_section;
extern const gw_file_class_t gw_api_key_file;

/** gw_filter_class_t.dispose. */
void gw_api_key_conf_dispose(void *conf);

/** gw_filter_class_t.demands_credentials. */
bool gw_api_key_demands_credentials(const void *conf);

#endif
