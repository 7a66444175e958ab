/* SPDX-License-Identifier: MIT
 * Content codings the other way: zlib's and brotli's own decoders. */
#ifndef TESTS_SUPPORT_DECODER_H
#define TESTS_SUPPORT_DECODER_H

#include <stdbool.h>
#include <stddef.h>

/** Decodes as much as there is.  @param coding "gzip" or "br"   @param ret_len of what is returned
 *  @param ret_is_complete whether the stream has ended, with nothing behind it   @return NUL-terminated, to be freed;
 * NULL: the bytes are not of that coding */
char *decode(const char *coding, const char *bytes, size_t len, size_t *ret_len, bool *ret_is_complete);

#endif
