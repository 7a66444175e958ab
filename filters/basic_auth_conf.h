/* SPDX-License-Identifier: MIT
 * The options of `basic_auth`. */
#ifndef GW_FILTERS_BASIC_AUTH_CONF_H
#define GW_FILTERS_BASIC_AUTH_CONF_H

#include "filters/htpasswd.h"
#include "filters/principal_conf.h"
#include "gateway/config/snapshot.h"
#include "gateway/upkeep/file.h"

typedef struct gw_basic_auth_conf {
    gw_mark_t at;
    /* as written */
    const char *file, *realm;
    bool remove;
    int optional;            /* gw_auth_optional_t */
    gw_conf_pairs_t forward; /* field names in lower case */
    gw_requirements_t require;
    uint64_t remember; /* ms; 0: nothing is */
    int mode;          /* gw_auth_mode_t */
    /* worked out */
    const char *challenge; /* what WWW-Authenticate says */
    gw_file_seed_t seed;   /* of gw_htpasswd_t */
} gw_basic_auth_conf_t;

extern const gw_section_t gw_basic_auth_section;
extern const gw_file_class_t gw_basic_auth_file;

/** gw_filter_class_t.dispose. */
void gw_basic_auth_conf_dispose(void *conf);

/** gw_filter_class_t.demands_credentials. */
bool gw_basic_auth_demands_credentials(const void *conf);

#endif
