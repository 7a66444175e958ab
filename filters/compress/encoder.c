/* SPDX-License-Identifier: MIT
 * zlib and brotli behind one interface. */
#include <brotli/encode.h>
#include <zlib.h>
#include "filters/compress/encoder.h"
#include "gateway/base/memory.h"

enum {
    FIRST_ROOM = 4096,
    LEAST_ROOM = 64, /* zlib asks for more than six bytes when it flushes */
    GZIP = 16,       /* added to the bits of the window: a gzip head, not zlib's */
    MOST_BITS = 15,  /* 32 KiB: the encoder takes 256 KiB */
    LEAST_BITS = 9,
    MEMORY_LEVEL = 8,  /* zlib's default; of a window of 9 bits 2 does */
    MOST_BR_BITS = 16, /* 64 KiB: up to 2.4 MiB; from 17 on brotli has tables of up to 34 MiB */
    LEAST_BR_BITS = BROTLI_MIN_WINDOW_BITS
};

struct gw_encoder {
    gw_coding_t coding;
    bool is_over, is_in_piece;
    z_stream zlib;
    BrotliEncoderState *brotli;
    uint8_t *output;
    size_t len, room;
};

/** Bits of a window that holds all of it. */
static int bits_for(uint64_t expected, int least, int most)
{
    int bits = least;
    while (bits != most && (uint64_t)1 << bits < expected)
        ++bits;
    return bits;
}

static bool open_gzip(gw_encoder_t *encoder, unsigned level, uint64_t expected)
{
    int bits = bits_for(expected, LEAST_BITS, MOST_BITS), memory = bits - (MOST_BITS - MEMORY_LEVEL);
    return deflateInit2(&encoder->zlib, (int)level, Z_DEFLATED, bits + GZIP, memory, Z_DEFAULT_STRATEGY) == Z_OK;
}

static bool open_brotli(gw_encoder_t *encoder, unsigned level, uint64_t expected)
{
    encoder->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    if (encoder->brotli == NULL)
        return false;
    BrotliEncoderSetParameter(encoder->brotli, BROTLI_PARAM_QUALITY, level);
    BrotliEncoderSetParameter(encoder->brotli, BROTLI_PARAM_LGWIN,
                              (uint32_t)bits_for(expected, LEAST_BR_BITS, MOST_BR_BITS));
    if (expected < UINT32_MAX)
        BrotliEncoderSetParameter(encoder->brotli, BROTLI_PARAM_SIZE_HINT, (uint32_t)expected);
    return true;
}

gw_encoder_t *gw_encoder_create(gw_coding_t coding, unsigned level, uint64_t expected)
{
    gw_encoder_t *encoder = gw_must_alloc(1, sizeof(*encoder));
    encoder->coding = coding;
    bool is_open = coding == GW_CODING_BR ? open_brotli(encoder, level, expected) : open_gzip(encoder, level, expected);
    if (is_open)
        return encoder;
    free(encoder);
    return NULL;
}

static void close_coder(gw_encoder_t *encoder)
{
    if (encoder->is_over)
        return;
    encoder->is_over = true;
    if (encoder->coding == GW_CODING_BR)
        BrotliEncoderDestroyInstance(encoder->brotli);
    else
        deflateEnd(&encoder->zlib);
}

void gw_encoder_free(gw_encoder_t *encoder)
{
    if (encoder == NULL)
        return;
    close_coder(encoder);
    free(encoder->output);
    free(encoder);
}

static void make_room(gw_encoder_t *encoder)
{
    if (encoder->room - encoder->len >= LEAST_ROOM)
        return;
    encoder->room = encoder->room != 0 ? 2 * encoder->room : FIRST_ROOM;
    encoder->output = realloc(encoder->output, encoder->room);
    if (encoder->output == NULL)
        abort();
}

static void run_gzip(gw_encoder_t *encoder, gw_str_t bytes, int flush)
{
    z_stream *zlib = &encoder->zlib;
    zlib->next_in = (Bytef *)bytes.ptr;
    zlib->avail_in = (uInt)bytes.len;
    do {
        make_room(encoder);
        zlib->next_out = encoder->output + encoder->len;
        zlib->avail_out = (uInt)(encoder->room - encoder->len);
        deflate(zlib, flush); /* errs only by Z_BUF_ERROR: there was nothing to do */
        encoder->len = encoder->room - zlib->avail_out;
    } while (zlib->avail_out == 0);
}

static void run_brotli(gw_encoder_t *encoder, gw_str_t bytes, BrotliEncoderOperation operation)
{
    const uint8_t *next_in = (const uint8_t *)bytes.ptr;
    size_t avail_in = bytes.len;
    do {
        make_room(encoder);
        size_t avail_out = encoder->room - encoder->len;
        uint8_t *next_out = encoder->output + encoder->len;
        if (!BrotliEncoderCompressStream(encoder->brotli, operation, &avail_in, &next_in, &avail_out, &next_out, NULL))
            abort(); /* out of memory, as elsewhere */
        encoder->len = encoder->room - avail_out;
    } while (avail_in != 0 || BrotliEncoderHasMoreOutput(encoder->brotli));
}

static void begin_piece(gw_encoder_t *encoder)
{
    if (!encoder->is_in_piece)
        encoder->len = 0;
    encoder->is_in_piece = true;
}

void gw_encoder_put(gw_encoder_t *encoder, gw_str_t bytes)
{
    enum { STEP = 1 << 20 }; /* zlib counts in 32 bits */
    begin_piece(encoder);
    for (size_t step; bytes.len != 0; bytes = gw_str(bytes.ptr + step, bytes.len - step)) {
        step = bytes.len < STEP ? bytes.len : STEP;
        if (encoder->coding == GW_CODING_BR)
            run_brotli(encoder, gw_str(bytes.ptr, step), BROTLI_OPERATION_PROCESS);
        else
            run_gzip(encoder, gw_str(bytes.ptr, step), Z_NO_FLUSH);
    }
}

gw_str_t gw_encoder_flush(gw_encoder_t *encoder, bool is_last)
{
    begin_piece(encoder);
    if (encoder->coding == GW_CODING_BR)
        run_brotli(encoder, gw_str(NULL, 0), is_last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_FLUSH);
    else
        run_gzip(encoder, gw_str(NULL, 0), is_last ? Z_FINISH : Z_SYNC_FLUSH);
    encoder->is_in_piece = false;
    if (is_last)
        close_coder(encoder);
    return gw_str((const char *)encoder->output, encoder->len);
}
