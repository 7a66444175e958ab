/* SPDX-License-Identifier: MIT
 * A content coding at work on one body, piece by piece: what went in comes out with the same piece, so that nothing
 * waits in it for what comes later, and memory is bounded by the size of a piece.  zlib's and brotli's encoders.
 *
 * Threads: one at a time. */
#ifndef FILTERS_COMPRESS_ENCODER_H
#define FILTERS_COMPRESS_ENCODER_H

#include "filters/compress/accept_encoding.h"

typedef struct gw_encoder gw_encoder_t;

/** @param coding not identity   @param level of the coding: gzip 1 to 9, brotli 0 to 9   @param expected bytes of the
 * whole body: a small one gets a small window; UINT64_MAX: not known   @return NULL: no memory */
gw_encoder_t *gw_encoder_create(gw_coding_t coding, unsigned level, uint64_t expected);
void gw_encoder_free(gw_encoder_t *encoder);

/** Takes a part of the present piece. */
void gw_encoder_put(gw_encoder_t *encoder, gw_str_t bytes);
/** Ends the piece.  @param is_last the body is complete: from now on the encoder keeps this output and nothing else
 *  @return all that the piece came to; stays until the next gw_encoder_put */
gw_str_t gw_encoder_flush(gw_encoder_t *encoder, bool is_last);

#endif
