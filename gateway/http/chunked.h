/* SPDX-License-Identifier: MIT
 * A strict incremental decoder of the chunked transfer coding (RFC 9112 7.1): yields slices of its input without
 * copying, and gives the same answer however the input is cut.
 *
 * Strict where lenient decoders were smuggled through: hexadecimal digits only (no "0x", "_" or sign), CRLF only,
 * extensions and trailers checked and bounded, then dropped.  Pure. */
#ifndef GW_HTTP_CHUNKED_H
#define GW_HTTP_CHUNKED_H

#include "gateway/base/str.h"

#define GW_CHUNKED_MAX_DIGITS     15          /* of a chunk size: below 2^60 bytes */
#define GW_CHUNKED_MAX_EXTENSION  256         /* bytes on one size line */
#define GW_CHUNKED_MAX_EXTENSIONS (16 * 1024) /* bytes in one body */
#define GW_CHUNKED_MAX_TRAILER    (8 * 1024)  /* bytes of the trailer section */

#define GW_CHUNKED_MAP(XX)                                                                                             \
    XX(DATA, "data")                                                                                                   \
    XX(NEED_MORE, "more input is needed")                                                                              \
    XX(DONE, "done")                                                                                                   \
    XX(BAD_SIZE, "a chunk size is not a hexadecimal number")                                                           \
    XX(SIZE_TOO_LARGE, "a chunk size is too large")                                                                    \
    XX(BAD_EXTENSION, "a chunk extension is not valid")                                                                \
    XX(EXTENSIONS_TOO_LARGE, "the chunk extensions are too large")                                                     \
    XX(BAD_LINE_END, "a line of the chunked coding does not end in CRLF")                                              \
    XX(BAD_DATA_END, "no CRLF follows the chunk's data")                                                               \
    XX(BAD_TRAILER, "a trailer field is not valid")                                                                    \
    XX(TRAILER_TOO_LARGE, "the trailer section is too large")

typedef enum gw_chunked_result {
#define GW_CHUNKED_ENUM(id, text) GW_CHUNKED_##id,
    GW_CHUNKED_MAP(GW_CHUNKED_ENUM)
#undef GW_CHUNKED_ENUM
} gw_chunked_result_t;

typedef struct gw_chunked {
    /* private */
    uint64_t left; /* of the chunk's data */
    uint32_t num_line, num_extensions, num_trailer;
    uint8_t state, num_digits;
    uint8_t failure; /* a gw_chunked_result_t; errors are for ever */
} gw_chunked_t;

void gw_chunked_init(gw_chunked_t *chunked);

/** Decodes from the front of the input.
 *  @param io_input in: what there is; out: what was not used   @param ret_data a non-empty slice, with GW_CHUNKED_DATA
 *  @return GW_CHUNKED_DATA: call again; GW_CHUNKED_NEED_MORE: the input is used up; GW_CHUNKED_DONE: the body has ended
 * and io_input is what follows it; anything else: an error */
gw_chunked_result_t gw_chunked_decode(gw_chunked_t *chunked, gw_str_t *io_input, gw_str_t *ret_data);

/** @return static text */
const char *gw_chunked_result_str(gw_chunked_result_t result);

#endif
