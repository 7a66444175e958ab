/* SPDX-License-Identifier: MIT
 * A parser of structured fields, written after the algorithms of RFC 9651 4.2 and nothing of the gateway's, for tests
 * of what the gateway writes: items, lists and dictionaries, with parameters and bare items of every type.  As strict
 * as the RFC lets it be: what it refuses, others may refuse. */
#ifndef GW_TESTS_STRUCTURED_FIELDS_H
#define GW_TESTS_STRUCTURED_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "gateway/base/arena.h"

typedef enum sf_type {
    SF_INTEGER,
    SF_DECIMAL, /* number: thousandths */
    SF_STRING,
    SF_TOKEN,
    SF_BYTES,
    SF_BOOLEAN, /* number: 0 or 1 */
    SF_DATE,    /* number: seconds since 1970 */
    SF_DISPLAY, /* text: UTF-8 */
    SF_INNER_LIST,
} sf_type_t;

typedef struct sf_bare {
    sf_type_t type;
    int64_t number;
    const char *text; /* decoded, NUL-terminated; NULL for types without */
    size_t len;
} sf_bare_t;

typedef struct sf_parameter {
    const char *key;
    sf_bare_t value;
} sf_parameter_t;

typedef struct sf_item {
    sf_bare_t value;
    sf_parameter_t *parameters;
    size_t num_parameters;
    struct sf_item *items; /* of an inner list */
    size_t num_items;
} sf_item_t;

typedef struct sf_list {
    sf_item_t *items;
    size_t size;
} sf_list_t;

typedef struct sf_member {
    const char *key;
    sf_item_t item;
} sf_member_t;

typedef struct sf_dictionary {
    sf_member_t *members; /* each key once, with its last value */
    size_t size;
} sf_dictionary_t;

/** @param arena holds the result   @return false: it is to be ignored as a whole */
bool sf_parse_item(gw_arena_t *arena, const char *text, size_t len, sf_item_t *ret);
bool sf_parse_list(gw_arena_t *arena, const char *text, size_t len, sf_list_t *ret);
bool sf_parse_dictionary(gw_arena_t *arena, const char *text, size_t len, sf_dictionary_t *ret);
/** @return NULL: it has none of that name */
const sf_bare_t *sf_parameter(const sf_item_t *item, const char *key);

#endif
