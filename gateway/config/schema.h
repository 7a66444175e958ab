/* SPDX-License-Identifier: MIT
 * The schema of the conf file: one row per option.  The same rows feed the reader, the bounds, the defaults, the hints,
 * `sluice check --print`, `sluice check --schema` and the test that keeps sluice.yaml(5) complete.
 * Threads: tables are static const; reading happens on the control thread. */
#ifndef GW_CONFIG_SCHEMA_H
#define GW_CONFIG_SCHEMA_H

#include "gateway/base/arena.h"
#include "gateway/base/str.h"
#include "gateway/config/diag.h"

/* Bounds: where `max` is 0 there is none above.  Absent options without default stay zeroed, absent sections get the
 * defaults of their rows (their own required keys are not asked for, and the mark at `mark_offset` stays 0:0). */

/** What a row reads, and the C type of the member that its `offset` names. */
typedef enum gw_type {
    GW_BOOL,     /* true/false (also yes/no, on/off)            -> bool */
    GW_UINT,     /* 0, 17, min..max                             -> uint64_t */
    GW_DURATION, /* 250ms 5s 10m 1h, min..max in ms             -> uint64_t milliseconds */
    GW_SIZE,     /* 512, 64KiB, 8MiB, 1GiB, min..max in bytes   -> uint64_t bytes */
    GW_PERCENT,  /* 20% 0.5%, min..max in hundredths of it      -> uint64_t hundredths of a percent (10000: 100%) */
    GW_STRING,   /* any scalar, min..max in bytes               -> const char * (NULL when absent without default) */
    GW_ENUM,     /* one of `words`                              -> int: its index in `words` */
    GW_STRINGS,  /* a list of scalars; one scalar is a list of one -> gw_conf_strings_t */
    GW_PAIRS,    /* a mapping name: scalar                      -> gw_conf_pairs_t, in file order, names distinct */
    GW_SECTION,  /* a mapping read by `section`                 -> the section's struct, embedded */
    GW_LIST,     /* a sequence of mappings read by `section`    -> gw_conf_list_t of the section's structs */
    GW_MAP,      /* a mapping name: mapping read by `section`   -> gw_conf_list_t; the name goes to the struct's member
                    at `section->name_offset` (const char *) */
    GW_CUSTOM,   /* whatever `read` makes of the node */
    GW_PATH      /* a file name, not empty; relative to the folder of the conf file it stands in
                                                                -> const char *, absolute (NULL when absent) */
} gw_type_t;

typedef struct gw_conf_strings {
    struct gw_conf_string {
        const char *value;
        gw_mark_t at;
        const char *source; /* the text as written when it holds ${...}: what --print shows; else NULL */
    } * entries;
    size_t size;
} gw_conf_strings_t;

typedef struct gw_conf_pairs {
    struct gw_conf_pair {
        const char *name, *value;
        gw_mark_t name_at, value_at;
        const char *source; /* the value as written when it holds ${...}: what --print shows; else NULL */
    } * entries;
    size_t size;
} gw_conf_pairs_t;

typedef struct gw_conf_list {
    void *entries; /* array of the section's struct */
    size_t size;
} gw_conf_list_t;

struct gw_node;        /* a node of the YAML document: gateway/config/yaml.h */
struct gw_conf_reader; /* the state of one reading: arena, diag, and what `read` functions need */

struct gw_field;

/** A mapping of the conf file and the C struct that it fills. */
typedef struct gw_section {
    const char *name;              /* for the manual: "service" */
    const struct gw_field *fields; /* ends with .key == NULL */
    size_t size;                   /* sizeof the struct */
    size_t name_offset;            /* GW_MAP only: where the entry's name goes */
    size_t mark_offset;            /* where the mapping's gw_mark_t goes, or GW_NO_OFFSET */
    /** A scalar may stand for the whole mapping (`endpoints: [http://...]`): it is read as this key.  NULL: it may not.
     */
    const char *scalar_key;
    /** Rules across fields; reports through the diag.  Called only when every field is right.  NULL: none. */
    void (*check)(struct gw_conf_reader *reader, void *value, gw_mark_t at);
} gw_section_t;

#define GW_NO_OFFSET ((size_t)-1)

typedef struct gw_field {
    const char *key;
    gw_type_t type;
    size_t offset;
    uint64_t min, max;   /* GW_UINT, GW_DURATION (ms), GW_SIZE (bytes), GW_PERCENT (1/100), GW_STRING (bytes); lists and
                            maps: entries */
    const char *def;     /* as one would write it in the file; NULL: none (see is_required) */
    const char *unit;    /* "requests/s", "ms", ...; NULL where the type says it all */
    const char *meaning; /* one sentence for the manual and the hints */
    bool is_required;
    bool is_secret;              /* --print shows "(secret)" instead */
    bool is_one_enough;          /* GW_LIST: a mapping may stand for a list of one */
    const char *const *words;    /* GW_ENUM: NULL-terminated */
    const gw_section_t *section; /* GW_SECTION, GW_LIST, GW_MAP */
    /** GW_CUSTOM: reads `node` into `target` (= struct + offset), reporting what is wrong (helpers:
     * gateway/config/reader.h). Nodes do not outlive the reading: copy what is kept. */
    void (*read)(struct gw_conf_reader *reader, const struct gw_node *node, void *target);
    /** GW_CUSTOM: the reverse for --print: a node tree (gw_node_new*() in gateway/config/yaml.h), or NULL to leave it
     * out. */
    struct gw_node *(*show)(gw_arena_t *arena, const void *target);
    const char *takes; /* GW_CUSTOM: what to write, in a few words: "off, stdout or a file name" */
    const char
        *def_text; /* what the manual says where `def` is NULL and the default is worked out: "the number of cores" */
} gw_field_t;

/** Reads a mapping into `target` (zeroed, section->size bytes; defaults are filled in), reporting every error.
 *  @return false when this mapping or anything below it had an error */
bool gw_section_read(struct gw_conf_reader *reader, const gw_section_t *section, const struct gw_node *node,
                     void *target);

#endif
