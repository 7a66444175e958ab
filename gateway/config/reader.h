/* SPDX-License-Identifier: MIT
 * The reading of a YAML tree into structs: what `read` and `check` functions of schema rows work with.
 *
 * Lifetime: nodes, and what is made in `scratch`, go when the reading is over; whatever a struct keeps is copied into
 * `arena`.  Threads: control thread. */
#ifndef GW_CONFIG_READER_H
#define GW_CONFIG_READER_H

#include "gateway/base/cidr.h"
#include "gateway/config/schema.h"
#include "gateway/config/yaml.h"

typedef struct gw_conf_reader {
    gw_arena_t *arena;   /* of the snapshot */
    gw_arena_t *scratch; /* for messages */
    gw_diag_t *diag;
    size_t num_broken; /* nodes met that were reported before the reading began */
    void *context;     /* the root struct: gateway/config/conf.h */
} gw_conf_reader_t;

/** Reads all of `node` with the row's own rules into `target` (= struct + row offset).  @return false after an error */
bool gw_field_read(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, void *target);

/** For GW_CUSTOM rows: the text of a scalar, which must not be empty or null.
 *  @param key names the option in the message   @param wanted "a host name"
 *  @return a copy in the snapshot's arena, or NULL after reporting */
const char *gw_conf_read_text(gw_conf_reader_t *reader, const char *key, const gw_node_t *node, const char *wanted);

/** True for what services and filters may be called. */
bool gw_conf_is_name(const char *name);
#define GW_CONF_NAME_HINT "letters, digits, '_', '-' and '.', at most 64"

/** Reports a text that is not right: `'text' is not valid for 'key' (wanted)`. */
void gw_conf_refuse(gw_conf_reader_t *reader, const char *key, const gw_node_t *node, const char *wanted,
                    const char *hint);

/** Reports a name that is not among `words`, with the nearest one or, when none is near, all of them as the hint.
 *  @param format what is wrong, with one %s for the name   @param list_as begins the hint: "known keys" */
void gw_conf_refuse_name(gw_conf_reader_t *reader, gw_mark_t at, const char *format, const char *name,
                         const char *const *words, size_t num, const char *list_as);

/** @return the file name in the snapshot's arena, absolute: a relative one counts from the folder of the file it stands
 * in */
const char *gw_conf_resolve(gw_conf_reader_t *reader, gw_mark_t at, const char *file);

/** Reads an address or a network; reports what is wrong with it.  @param key names the option in the message
 *  @return false after reporting */
bool gw_conf_parse_network(gw_conf_reader_t *reader, const char *key, const struct gw_conf_string *text,
                           gw_cidr_t *ret);

/** The bare numbers; false when the text is not one or does not fit into 64 bits. */
bool gw_conf_parse_uint(gw_str_t s, uint64_t *ret);
bool gw_conf_parse_duration(gw_str_t s, uint64_t *ret_ms);
bool gw_conf_parse_size(gw_str_t s, uint64_t *ret_bytes);
bool gw_conf_parse_percent(gw_str_t s, uint64_t *ret_hundredths);

/** The shortest exact way to write them: 90000 -> "90s", 65536 -> "64KiB". */
const char *gw_conf_duration_text(gw_arena_t *arena, uint64_t ms);
const char *gw_conf_size_text(gw_arena_t *arena, uint64_t bytes);
const char *gw_conf_percent_text(gw_arena_t *arena, uint64_t hundredths);

/** The row's bounds for messages and the manual: "1..256", "1ms..10m", "at most 64 bytes"; "" when there are none. */
const char *gw_field_bounds(gw_arena_t *arena, const gw_field_t *field);
/** The row's type in a word: "number", "duration", "list of texts"; the words of an enum. */
const char *gw_field_type(gw_arena_t *arena, const gw_field_t *field);

/** All that one line can say: "number, 1..256 threads, default the number of cores". */
const char *gw_field_facts(gw_arena_t *arena, const gw_field_t *field);

/** Calls `each` for every option below `section` (lists as `listen[].address`, maps as `services.NAME.version`). */
void gw_section_walk(gw_arena_t *arena, const char *prefix, const gw_section_t *section,
                     void (*each)(void *arg, const char *path, const gw_field_t *field), void *arg);

/** The struct as a tree again, for printing: every row in the order of the table; secrets as "(secret)"; texts that
 * hold environment variables, in lists and pairs, as they were written. */
gw_node_t *gw_section_show(gw_arena_t *arena, const gw_section_t *section, const void *value);

#endif
