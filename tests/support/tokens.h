/* SPDX-License-Identifier: MIT
 * Keys and tokens for tests, good ones and forged ones: whatever text a header or payload shall hold, whatever bytes
 * shall stand for the signature.  Made with OpenSSL alone, nothing of the gateway's code is used.
 *
 * Algorithms are named as in `alg`: HS256 ... HS512, RS256 ... RS512, PS256 ... PS512, ES256, ES384, ES512, EdDSA; and
 * ES256K, which nobody may accept.  Every text that is returned is to be freed.  A call that cannot be met ends the
 * test. Threads: a key is immutable. */
#ifndef GW_TESTS_TOKENS_H
#define GW_TESTS_TOKENS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct token_key {
    const char *kid; /* borrowed; NULL: it has none */
    EVP_PKEY *pair;  /* NULL for a secret */
    uint8_t *secret;
    size_t secret_len;
} token_key_t;

/** @param kind "RSA" (2048 bits), "RSA-1024", "RSA-4096", "P-256", "P-384", "P-521", "secp256k1", "Ed25519", "Ed448" or
 *  "oct" (64 random bytes)   @param kid a text that outlives the key, or NULL */
token_key_t *token_key_make(const char *kind, const char *kid);
/** A shared secret of the caller's choice, an empty one too; key->secret is NUL-terminated. */
token_key_t *token_key_from_secret(const void *secret, size_t len, const char *kid);
/** NULL is fine; returns NULL. */
token_key_t *token_key_free(token_key_t *key);

/** The public key: as PEM, as DER. */
char *token_key_pem(const token_key_t *key);
char *token_key_private_pem(const token_key_t *key);
uint8_t *token_key_der(const token_key_t *key, size_t *ret_len);
/** The key as a JWK: the public half of a pair, the secret itself.
 *  @param members what else it shall say: "\"alg\":\"RS256\",\"use\":\"sig\""; or NULL */
char *token_jwk(const token_key_t *key, const char *members);
/** A set of keys, NULL-terminated. */
char *token_jwks(const token_key_t *const *keys);

/** A signature in the form that JWS wants.  @return its length   @param to room for TOKEN_MAX_SIGNATURE bytes */
#define TOKEN_MAX_SIGNATURE 1024
size_t token_sign(const token_key_t *key, const char *alg, const void *content, size_t len, uint8_t *to);
/** The base64url of RFC 7515, without padding.  @param len of the bytes */
char *token_base64url(const void *bytes, size_t len);

/** HEADER.PAYLOAD, the base64url of two texts. */
char *token_content(const char *header, const char *payload);
/** The same of bytes, so that NUL may be among them. */
char *token_content_of(const void *header, size_t header_len, const void *payload, size_t payload_len);
/** Puts '.' and the signature behind a content, whatever it is. */
char *token_sealed(const token_key_t *key, const char *alg, const char *content);
/** The same with a signature of the caller's. */
char *token_sealed_with(const char *content, const void *signature, size_t len);
/** A token with just these texts, signed. */
char *token_make(const token_key_t *key, const char *alg, const char *header, const char *payload);
/** A token as an honest issuer makes it: alg, typ JWT and the key's kid in the header.
 *  @param payload as by printf */
char *token_mint(const token_key_t *key, const char *alg, const char *payload, ...)
    __attribute__((format(printf, 3, 4)));
/** The header of such a token. */
char *token_header(const token_key_t *key, const char *alg);

/** A text as by printf, for payloads and headers. */
char *token_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Seconds since 1970. */
long token_now(void);

#endif
