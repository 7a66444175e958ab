/* SPDX-License-Identifier: MIT
 * The options of `mtls`. */
#ifndef FILTERS_MTLS_CONF_H
#define FILTERS_MTLS_CONF_H

#include "filters/mtls_rules.h"
#include "filters/principal_conf.h"
#include "gateway/config/snapshot.h"

typedef struct gw_mtls_conf {
    gw_mark_t at;
    /* as written */
    int name, mode; /* mode: gw_auth_mode_t */
    int optional;   /* gw_auth_optional_t */
    struct {
        gw_conf_strings_t cn, san, fingerprint, issuer, subject;
    } require;
    gw_conf_pairs_t forward;
    /* worked out */
    gw_mtls_rules_t rules;
} gw_mtls_conf_t;

extern const gw_section_t gw_mtls_section;

/** gw_filter_class_t.link: is there a listener that asks for certificates at all? */
void gw_mtls_link(struct gw_conf_reader *reader, void *conf, gw_mark_t at);

/** gw_filter_class_t.demands_credentials. */
bool gw_mtls_demands_credentials(const void *conf);

#endif
