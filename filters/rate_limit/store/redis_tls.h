/* SPDX-License-Identifier: MIT
 * The client's side of TLS, without a socket: bytes of the network in and out, plain bytes out and in.
 *
 * Not libh2o's: its client (2.2.5) sends addresses as server names, does not know an address in a certificate, looks at
 * names by rules of its own, and does not look at all when the handshake ends with a write of ours, as TLS 1.3's does.
 * Here OpenSSL itself checks name or address within the handshake.
 *
 * Threads: one at a time. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_TLS_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_TLS_H

#include <openssl/ssl.h>
#include "gateway/base/str.h"

#define GW_REDIS_TLS_MAX_WHY 160

typedef struct gw_redis_tls gw_redis_tls_t;

typedef enum gw_redis_tls_result {
    GW_REDIS_TLS_BYTES,
    GW_REDIS_TLS_MORE,  /* bytes of the network are needed */
    GW_REDIS_TLS_END,   /* close_notify */
    GW_REDIS_TLS_FAILED /* see gw_redis_tls_why; stays so */
} gw_redis_tls_result_t;

/** @param context whether it verifies is its own affair; one reference is taken
 *  @param host the name or address that the certificate must have */
gw_redis_tls_t *gw_redis_tls_create(SSL_CTX *context, const char *host);
/** NULL is fine; returns NULL. */
gw_redis_tls_t *gw_redis_tls_free(gw_redis_tls_t *tls);

void gw_redis_tls_feed(gw_redis_tls_t *tls, gw_str_t bytes);
/** Goes on with the handshake, then reads.  To be called until it does not say _BYTES. */
gw_redis_tls_result_t gw_redis_tls_read(gw_redis_tls_t *tls, char *to, size_t size, size_t *ret_len);
bool gw_redis_tls_is_ready(const gw_redis_tls_t *tls);
/** @param bytes not empty, when it is ready   @return false: it has failed */
bool gw_redis_tls_write(gw_redis_tls_t *tls, gw_str_t bytes);
/** What is to be sent; forgotten by gw_redis_tls_sent. */
gw_str_t gw_redis_tls_output(gw_redis_tls_t *tls);
void gw_redis_tls_sent(gw_redis_tls_t *tls);
/** Why it failed: "certificate verify failed: hostname mismatch". */
const char *gw_redis_tls_why(const gw_redis_tls_t *tls);

#endif
