/* SPDX-License-Identifier: MIT
 * Decoding with one large buffer. */
#include "tests/support/decoder.h"
#include <brotli/decode.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MOST = 32 << 20 };

static bool decode_gzip(const char *bytes, size_t len, char *output, size_t *ret_len, bool *ret_is_complete)
{
    z_stream zlib = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len, .next_out = (Bytef *)output, .avail_out = MOST};
    if (inflateInit2(&zlib, 15 + 16) != Z_OK)
        return false;
    int result = inflate(&zlib, Z_SYNC_FLUSH);
    *ret_len = MOST - zlib.avail_out;
    *ret_is_complete = result == Z_STREAM_END && zlib.avail_in == 0;
    inflateEnd(&zlib);
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

static bool decode_brotli(const char *bytes, size_t len, char *output, size_t *ret_len, bool *ret_is_complete)
{
    BrotliDecoderState *brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    const uint8_t *next_in = (const uint8_t *)bytes;
    uint8_t *next_out = (uint8_t *)output;
    size_t avail_out = MOST;
    BrotliDecoderResult result = BrotliDecoderDecompressStream(brotli, &len, &next_in, &avail_out, &next_out, NULL);
    *ret_len = MOST - avail_out;
    *ret_is_complete = result == BROTLI_DECODER_RESULT_SUCCESS && len == 0;
    BrotliDecoderDestroyInstance(brotli);
    return result != BROTLI_DECODER_RESULT_ERROR;
}

char *decode(const char *coding, const char *bytes, size_t len, size_t *ret_len, bool *ret_is_complete)
{
    char *output = malloc(MOST + 1);
    bool is_brotli = strcmp(coding, "br") == 0;
    if (!(is_brotli ? decode_brotli : decode_gzip)(bytes, len, output, ret_len, ret_is_complete)) {
        free(output);
        return NULL;
    }
    output[*ret_len] = '\0';
    return output;
}
