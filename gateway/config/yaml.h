/* SPDX-License-Identifier: MIT
 * YAML 1.1 text -> a tree of nodes that know their place.  Libyaml reads the text; what is here adds places,
 * environment variables, aliases with a limit, the merge key, refusal of duplicate keys, and `include`.
 *
 * Threads: control thread.  Owned by: the arena that is given to the load functions.  An alias shares its node, so the
 * tree is a directed graph without cycles. */
#ifndef GW_CONFIG_YAML_H
#define GW_CONFIG_YAML_H

#include "gateway/base/arena.h"
#include "gateway/base/str.h"
#include "gateway/config/diag.h"

#define GW_YAML_MAX_FILE     (4u << 20)  /* bytes of one file */
#define GW_YAML_MAX_FILES    1000        /* files of one configuration */
#define GW_YAML_MAX_TOTAL    (64u << 20) /* bytes of all of them */
#define GW_YAML_MAX_INCLUDE  8           /* includes inside of includes */
#define GW_YAML_MAX_DEPTH    64          /* lists and mappings inside of each other */
#define GW_YAML_MAX_EXPANDED 250000      /* nodes that aliases stand for, all together, counted as if written out */

typedef enum gw_node_kind { GW_NODE_SCALAR, GW_NODE_SEQUENCE, GW_NODE_MAPPING } gw_node_kind_t;

typedef struct gw_node gw_node_t;

typedef struct gw_node_pair {
    const char *key;
    gw_mark_t at; /* of the key */
    gw_node_t *value;
} gw_node_pair_t;

struct gw_node {
    gw_node_kind_t kind;
    gw_mark_t at;
    gw_str_t text;         /* scalar: without quotes, variables filled in, no NUL inside, NUL-terminated */
    const char *source;    /* scalar: the text as written when it holds ${...}, else NULL */
    bool is_quoted;        /* scalar: quoted or a block; never means null */
    bool is_broken;        /* scalar: a variable in it could not be filled in; that is reported already */
    gw_node_t **items;     /* sequence */
    gw_node_pair_t *pairs; /* mapping: in file order, keys distinct, merged ones (<<) at the end */
    size_t size;           /* of items or pairs */
    size_t weight;         /* nodes from here down, aliases written out */
};

/** Reads a file and what it includes into one mapping.
 *
 * `include` (a text or a list of texts, at the top level) names files relative to the folder of the file that it stands
 * in; `*`, `?` and `[...]` are wildcards.  Its key is not in the result.
 * @param names holds the file names of the marks, so that they can outlive the nodes
 * @param joined NULL-terminated names of top-level keys that several files may set: lists are appended, mappings
 * joined. Any other key that is set twice is an error.
 * @return NULL when there is no tree to go on with; a tree may come with errors in `diag` all the same */
gw_node_t *gw_yaml_load_file(gw_arena_t *arena, gw_arena_t *names, const char *path, const char *const *joined,
                             gw_diag_t *diag);

/** The same from memory; `include` is an error there.  @param name stands for the file in every mark */
gw_node_t *gw_yaml_load_memory(gw_arena_t *arena, gw_arena_t *names, const char *name, gw_str_t text, gw_diag_t *diag);

/** Parses one document; what both functions above use for each file.
 *  @param name kept   @param is_included an empty file is then a warning, and the result an empty mapping */
gw_node_t *gw_yaml_parse(gw_arena_t *arena, const char *name, gw_str_t text, bool is_included, gw_diag_t *diag);

/** Reports keys that stand in `node` more than once and drops the later ones. */
void gw_node_refuse_duplicates(gw_arena_t *arena, gw_node_t *node, gw_diag_t *diag);

/** The same without a report. */
void gw_node_drop_repeated(gw_node_t *node);

/** @return the value of `key`, or NULL */
gw_node_t *gw_node_find(const gw_node_t *mapping, const char *key);
/** True for an empty plain scalar, `~` and `null`. */
bool gw_node_is_null(const gw_node_t *node);
/** What a message says it found: "a list", "a mapping", "nothing" or the text in quotes, clipped. */
const char *gw_node_found(gw_arena_t *arena, const gw_node_t *node);

/** New nodes without a place, for printing. */
gw_node_t *gw_node_new_text(gw_arena_t *arena, const char *text);
/** @param kind GW_NODE_SEQUENCE or GW_NODE_MAPPING */
gw_node_t *gw_node_new(gw_arena_t *arena, gw_node_kind_t kind);
void gw_node_append(gw_arena_t *arena, gw_node_t *sequence, gw_node_t *item);
void gw_node_set(gw_arena_t *arena, gw_node_t *mapping, const char *key, gw_mark_t at, gw_node_t *value);

#endif
