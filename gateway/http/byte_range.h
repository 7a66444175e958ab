/* SPDX-License-Identifier: MIT
 * Byte ranges (RFC 9110 14): what a request wants, what a 206 holds.  Pure. */
#ifndef GW_HTTP_BYTE_RANGE_H
#define GW_HTTP_BYTE_RANGE_H

#include "gateway/base/str.h"

typedef enum gw_range_result {
    GW_RANGE_NONE,         /* to be ignored (14.2): the whole is sent */
    GW_RANGE_OK,           /* one range that lies in the representation */
    GW_RANGE_UNSATISFIABLE /* 416 */
} gw_range_result_t;

/** One range as it is asked for, before the length is known. */
typedef struct gw_range_wish {
    bool is_suffix;       /* the last `first` bytes */
    bool is_open;         /* up to the end */
    uint64_t first, last; /* inclusive; UINT64_MAX: that or more.  last means nothing with is_suffix or is_open */
} gw_range_wish_t;

/** Reads `bytes=...` of a single range.  @return false: not one, or of several ranges: to be ignored (14.2) */
bool gw_range_parse(gw_str_t value, gw_range_wish_t *ret);
/** What it means for a representation of `length` bytes.  Nothing can be said of bytes of an empty one: its last so
 * many are the whole of it (GW_RANGE_NONE).  @param ret_first, ret_end half open; set on GW_RANGE_OK, and then not
 * empty */
gw_range_result_t gw_range_resolve(const gw_range_wish_t *wish, uint64_t length, uint64_t *ret_first,
                                   uint64_t *ret_end);

typedef struct gw_content_range {
    uint64_t first, end; /* half open */
    uint64_t length;     /* of the whole; UINT64_MAX: not known ("*") */
} gw_content_range_t;

/** Reads Content-Range of a 206.  @return false: malformed, not of bytes, or unsatisfied ("bytes * /5") */
bool gw_content_range_parse(gw_str_t value, gw_content_range_t *ret);

#define GW_CONTENT_RANGE_MAX 70
/** Writes the value of a 206's Content-Range; first == end writes that of a 416, whose length must be known.
 *  @return its length, no NUL */
size_t gw_content_range_print(char to[GW_CONTENT_RANGE_MAX], const gw_content_range_t *range);

#endif
