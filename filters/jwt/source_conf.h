/* SPDX-License-Identifier: MIT
 * A place that keys of tokens come from, as the conf names it: a file, a secret, a URL.
 * Threads: made on the control thread, then read-only. */
#ifndef FILTERS_JWT_SOURCE_CONF_H
#define FILTERS_JWT_SOURCE_CONF_H

#include "filters/jwt/key.h"
#include "gateway/config/reader.h"
#include "gateway/upkeep/fetch.h"
#include "gateway/upkeep/file.h"

/** One place that keys come from. */
typedef struct gw_jwt_source_conf {
    gw_mark_t at;
    const char *pem_file, *secret_file, *secret_env, *jwks_file, *jwks_url; /* exactly one */
    int secret_encoding;                                                    /* gw_jwt_encoding_t */
    const char *kid;       /* what its keys are known by, instead of their own; or NULL */
    gw_fetch_conf_t fetch; /* of jwks_url */
    gw_file_seed_t seed;   /* of a file */
    gw_version_t *fixed;   /* secret_env */
} gw_jwt_source_conf_t;

typedef enum gw_jwt_encoding { GW_JWT_TEXT, GW_JWT_BASE64, GW_JWT_HEX } gw_jwt_encoding_t;

extern const gw_section_t gw_jwt_source_section;

/** How the files of a source are read. */
const gw_file_class_t *gw_jwt_file_class(const gw_jwt_source_conf_t *source);
/** How the document of jwks_url is. */
extern const gw_file_class_t gw_jwt_url_class;
/** How a deny_file is (filters/jwt/deny.h). */
extern const gw_file_class_t gw_jwt_deny_class;

#endif
