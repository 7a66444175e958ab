/* SPDX-License-Identifier: MIT
 * The options of `compress`. */
#ifndef FILTERS_COMPRESS_COMPRESS_CONF_H
#define FILTERS_COMPRESS_COMPRESS_CONF_H

#include "filters/compress/judgement.h"
#include "gateway/config/schema.h"
#include "gateway/config/snapshot.h"

typedef struct gw_compress_conf {
    gw_mark_t at;
    /* as written */
    gw_conf_strings_t codings, types;
    uint64_t min_size, gzip_level, brotli_level, max_concurrent;
    /* worked out */
    gw_compress_rules_t rules;
} gw_compress_conf_t;

extern const gw_section_t gw_compress_section;

/** gw_filter_class_t.check_route. */
void gw_compress_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route);

#endif
