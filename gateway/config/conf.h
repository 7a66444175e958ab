/* SPDX-License-Identifier: MIT
 * The conf language as a whole: the struct that the rows of all sections fill, and the tables of each section.
 * Threads: made on the control thread, then read-only.  Owned by: the snapshot's arena. */
#ifndef GW_CONFIG_CONF_H
#define GW_CONFIG_CONF_H

#include "gateway/config/reader.h"
#include "gateway/config/snapshot.h"

/** An entry of `filters:`. */
typedef struct gw_named_filter {
    const char *name;
    gw_mark_t at;
    const gw_node_t *node;    /* during the reading only: an alias to it means this filter */
    gw_filter_conf_t *filter; /* NULL when it had errors */
    bool is_used;
} gw_named_filter_t;

/** A filter as a route lists it. */
typedef struct gw_filter_use {
    gw_filter_conf_t *filter;
    bool is_named; /* under `filters:`; shown by its name */
} gw_filter_use_t;

/** An entry of `routes:`. */
typedef struct gw_route_row {
    gw_route_conf_t route;
    struct gw_conf_string host, path, service; /* value NULL: not given, or wrong */
    gw_conf_strings_t methods;
    gw_conf_pairs_t services; /* name: weight */
    struct gw_split_by {
        bool is_given;
        gw_key_conf_t key; /* GW_KEY_NONE: random */
    } split_by;
    gw_retries_conf_t retries;
    bool has_max_body;
    struct {
        gw_filter_use_t *entries;
        size_t size;
    } filters;
} gw_route_row_t;

/** What the rows fill: the snapshot itself, and beside it what needs a second look before it goes in there. */
typedef struct gw_conf_root {
    gw_snapshot_t snapshot;
    gw_conf_strings_t include; /* always empty: yaml.h has followed it */
    gw_conf_strings_t trusted_proxies;
    gw_conf_list_t listen;   /* gw_listener_conf_t */
    gw_conf_list_t services; /* gw_service_conf_t */
    gw_conf_list_t routes;   /* gw_route_row_t */
    bool *is_service_used;   /* by index; during the reading only */
    struct {
        gw_named_filter_t *entries;
        size_t size;
    } filters;
} gw_conf_root_t;

extern const gw_section_t gw_root_section, gw_listener_section, gw_service_section, gw_route_section;

/** Every option of the whole language: those of the top level, then `filters.NAME.CLASS.option` of each filter class.
 */
void gw_schema_walk(gw_arena_t *arena, void (*each)(void *arg, const char *path, const gw_field_t *field), void *arg);

/** Reads `filters:` (a mapping NAME: {CLASS: options}) and the `filters` of a route. */
void gw_conf_read_named_filters(gw_conf_reader_t *reader, const gw_node_t *node, void *target);
void gw_conf_read_filter_uses(gw_conf_reader_t *reader, const gw_node_t *node, void *target);
gw_node_t *gw_conf_show_named_filters(gw_arena_t *arena, const void *target);
gw_node_t *gw_conf_show_filter_uses(gw_arena_t *arena, const void *target);

/** Rules between sections; each reports what it finds and leaves alone what had errors before. */
void gw_conf_check_listeners(gw_conf_reader_t *reader, gw_conf_root_t *root);
/** Fills snapshot->routes and the router. */
void gw_conf_build_routes(gw_conf_reader_t *reader, gw_conf_root_t *root);
/** Says which filters and services nobody uses.  Only for a conf without errors: an error may be why. */
void gw_conf_warn_of_unused(gw_conf_reader_t *reader, const gw_conf_root_t *root);
/** Gives every filter that a route uses its slot and key, and has it find what it names elsewhere. */
void gw_conf_build_filters(gw_conf_reader_t *reader, gw_conf_root_t *root);

/** Finds a service that a filter names, and notes that it is used.
 *  @param key of the option, for the message   @return its index in snapshot->services, or SIZE_MAX after reporting */
size_t gw_conf_find_service(gw_conf_reader_t *reader, const char *name, gw_mark_t at);

/** Host names: letters, digits, '-' and '_' in labels of at most 63, 253 in all; IPv4 addresses pass as well. */
bool gw_conf_is_host_name(gw_str_t s);
/** A decimal port.  @param min 0 or 1 */
bool gw_conf_parse_port(gw_str_t s, unsigned min, uint16_t *ret_port);

/** As gw_snapshot_load, from a text that includes nothing.  @param name stands for the file in messages */
gw_snapshot_t *gw_snapshot_load_memory(const char *name, gw_str_t text, gw_diag_t *diag);

#endif
