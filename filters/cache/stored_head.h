/* SPDX-License-Identifier: MIT
 * The fields of a stored response, laid out in an entry's head so that a hit copies nothing: an array of header fields
 * as libh2o has them, whose names and values stand in the same memory.
 * Threads: made by one, then read-only. */
#ifndef FILTERS_CACHE_STORED_HEAD_H
#define FILTERS_CACHE_STORED_HEAD_H

#include <h2o.h>
#include "filters/cache/judgement.h"
#include "filters/cache/store/store.h"

typedef struct gw_stored_head {
    uint32_t num_fields;
    gw_str_t etag; /* valid ones only; empty: none */
    gw_str_t last_modified;
    int64_t last_modified_s; /* INT64_MIN: none that can be read */
    int64_t came_wall_s;     /* when the response came, or was last confirmed */
    h2o_header_t fields[];
} gw_stored_head_t;

/** Fields to be stored, being put together. */
typedef struct gw_field_list {
    h2o_header_t *entries;
    size_t size;
} gw_field_list_t;

/** Of a new response: what may be stored of it, with a Date when it has none (RFC 9110 6.6.1).
 *  @param pool for the list */
gw_field_list_t gw_stored_fields(h2o_mem_pool_t *pool, const h2o_headers_t *fields,
                                 const gw_cache_response_directives_t *directives, int64_t came_wall_s);
/** Of a stored response that a 304 has confirmed: its fields, those of the 304 in place of the stored ones of the same
 * name (RFC 9111 3.2). */
gw_field_list_t gw_stored_fields_updated(h2o_mem_pool_t *pool, const gw_stored_head_t *stored,
                                         const h2o_headers_t *fields, int64_t came_wall_s);

/** Those that may be stored by the directives of the whole (RFC 9111 5.2.2.4, 5.2.2.7). */
gw_field_list_t gw_stored_fields_allowed(h2o_mem_pool_t *pool, const gw_field_list_t *fields,
                                         const gw_cache_response_directives_t *directives);

/** Bytes that gw_stored_head_make needs, `vary` included. */
size_t gw_stored_head_size(const gw_field_list_t *fields, gw_str_t vary);
/** Fills entry->head, and entry->vary with a copy of `vary` there. */
void gw_stored_head_make(gw_cache_entry_t *entry, const gw_field_list_t *fields, gw_str_t vary,
                         const gw_cache_judgement_t *judgement, int64_t came_wall_s);
static inline const gw_stored_head_t *gw_stored_head_of(const gw_cache_entry_t *entry)
{
    return entry->head;
}

#endif
