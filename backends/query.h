/* SPDX-License-Identifier: MIT
 * Parameters of a query string, in the form that HTML forms send (WHATWG URL, application/x-www-form-urlencoded): pairs
 * joined by '&', "%XX" for a byte, '+' for a space.  Pure; nothing is allocated. */
#ifndef GW_BACKENDS_QUERY_H
#define GW_BACKENDS_QUERY_H

#include "gateway/base/str.h"

typedef enum gw_query_result {
    GW_QUERY_OK,
    GW_QUERY_MISSING,   /* no such parameter */
    GW_QUERY_DUPLICATE, /* it is there more than once */
    GW_QUERY_MALFORMED, /* a '%' without two hexadecimal digits in its value */
    GW_QUERY_TOO_LONG,  /* the decoded value does not fit */
    GW_QUERY_NOT_A_NUMBER,
    GW_QUERY_OUT_OF_RANGE,
} gw_query_result_t;

/** Finds a parameter by its decoded name and decodes its value.
 *  @param query without the '?'   @param to room for `size` bytes; never NUL-terminated
 *  @param ret_value what was decoded, inside `to`; set on GW_QUERY_OK only; "name" and "name=" give the empty text */
gw_query_result_t gw_query_find(gw_str_t query, gw_str_t name, char *to, size_t size, gw_str_t *ret_value);

/** A parameter that is a decimal number of 1 to 19 digits; GW_QUERY_MISSING leaves *ret alone. */
gw_query_result_t gw_query_find_number(gw_str_t query, gw_str_t name, uint64_t min, uint64_t max, uint64_t *ret);

/** Decimal digits and nothing else.  @return GW_QUERY_OK, GW_QUERY_NOT_A_NUMBER or GW_QUERY_OUT_OF_RANGE */
gw_query_result_t gw_query_read_number(gw_str_t text, uint64_t min, uint64_t max, uint64_t *ret);

/** @return what is wrong, as a predicate for "num1 ...": "is missing", "is given more than once"; NULL for GW_QUERY_OK
 */
const char *gw_query_result_str(gw_query_result_t result);

#endif
