/* SPDX-License-Identifier: MIT
 * A certificate with its chain and private key, read from PEM files and checked, and the names that it is good for.
 * Threads: the control thread.  Owns: everything in the struct. */
#ifndef GW_SERVER_TLS_CERTIFICATE_H
#define GW_SERVER_TLS_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include "gateway/server/tls.h"

/** Kinds of keys: a context holds one certificate of each. */
typedef enum gw_tls_key_kind {
    GW_TLS_KEY_RSA,
    GW_TLS_KEY_RSA_PSS,
    GW_TLS_KEY_EC,
    GW_TLS_KEY_ED25519,
    GW_TLS_KEY_ED448,
    GW_TLS_NUM_KEY_KINDS
} gw_tls_key_kind_t;

typedef struct gw_tls_identity {
    X509 *leaf;
    STACK_OF(X509) * chain; /* without the leaf */
    EVP_PKEY *key;
    gw_tls_key_kind_t kind;
    char **names; /* lower-case, sorted, distinct; "*.example.com" for a wildcard */
    size_t num_names;
    char *fingerprint_of_names; /* equal for two certificates that have the same names and addresses */
} gw_tls_identity_t;

/** Where problems go. */
typedef struct gw_tls_reporter {
    void (*on_problem)(void *arg, bool is_error, size_t index, bool is_key, const char *text);
    void *arg;
    size_t num_errors;
} gw_tls_reporter_t;

void gw_tls_report(gw_tls_reporter_t *reporter, bool is_error, size_t index, bool is_key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/** @param ret_identity zeroed by the caller, to be disposed of whatever the result
 *  @return false after at least one error */
bool gw_tls_identity_load(gw_tls_identity_t *ret_identity, const gw_tls_certificate_t *files, size_t index,
                          gw_tls_reporter_t *reporter);
void gw_tls_identity_dispose(gw_tls_identity_t *identity);

#endif
