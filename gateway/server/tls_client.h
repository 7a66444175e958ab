/* SPDX-License-Identifier: MIT
 * Client certificates on a listener: which CAs are trusted, what is revoked, and what becomes of the certificate of
 * each connection.
 *
 * Trust: every certificate of the `ca` file is an anchor, roots and intermediates alike, and nothing else is: never the
 * system's.  A chain is built from what the client sends and those anchors; it is verified for the purpose of TLS
 * clients (an extended key usage without clientAuth is refused), at the time of the handshake, at security level 2.
 *
 * Revocation: with a `crl` file every certificate of a chain needs a current CRL of its issuer, but for the anchor,
 * which the operator vouches for.  No CRL, or one that has expired: refused.  An anchor that one of the CRLs revokes is
 * not trusted.
 *
 * Resumption: there is none where client certificates are asked for, neither tickets nor a cache.  A resumed session
 * brings the old verdict back: a certificate would outlive its expiry and its revocation for as long as tickets are
 * valid, and one that another listener's CA issued would do for this one.  Verifying again at resumption does not help:
 * a ticket holds the client's certificate but not the intermediate ones that came with it.  So each connection of such
 * a client costs a full handshake; clients that care keep connections open.
 *
 * An open connection is not looked at again when a reload brings a CRL; it ends when its certificate expires (see
 * gw_exchange_begin) or as any other does.
 *
 * Threads: loading on the control thread; the callbacks run on the workers' and share nothing that is written. */
#ifndef GW_SERVER_TLS_CLIENT_H
#define GW_SERVER_TLS_CLIENT_H

#include <openssl/ssl.h>
#include "gateway/server/client_certificate.h"

typedef struct gw_tls_client_auth gw_tls_client_auth_t;

/** Paths of PEM files, borrowed during the call. */
typedef struct gw_tls_client_conf {
    const char *ca;
    const char *crl;  /* NULL: nothing is revoked */
    bool is_optional; /* a client may come without; a bad certificate is refused all the same */
    unsigned depth;   /* intermediate certificates between the client's and an anchor, 0..10 */
} gw_tls_client_conf_t;

/** Reads and checks the files.  Errors: one that cannot be read or holds nothing in PEM form, a certificate that is no
 * CA's, a CRL that none of the CAs has signed, a delta CRL.  Warnings: CAs and CRLs that are not valid now, CAs without
 * a CRL (when there is a file of CRLs), CAs that are revoked.
 *  @param on_problem told of each: one line without a final newline that names the file
 *  @return NULL after at least one error */
gw_tls_client_auth_t *gw_tls_client_auth_load(const gw_tls_client_conf_t *conf,
                                              void (*on_problem)(void *arg, bool is_error, const char *text),
                                              void *arg);
/** NULL is fine; returns NULL. */
gw_tls_client_auth_t *gw_tls_client_auth_free(gw_tls_client_auth_t *auth);

/** Makes a context ask for certificates; it keeps what it needs.  To be called for every context of a listener, last.
 *  @return false when OpenSSL refuses */
bool gw_tls_client_attach(const gw_tls_client_auth_t *auth, SSL_CTX *context);

/** Who gets the certificates.  @param transport the data of the connection's BIO, which is libh2o's socket
 *  @param certificate owned from now on */
typedef void gw_tls_client_sink_t(void *transport, gw_client_certificate_t *certificate);
/** Sets the one for the whole process; before that certificates are thrown away. */
void gw_tls_client_set_sink(gw_tls_client_sink_t *sink);

/** To be called from the info callback of every context.  @param where as OpenSSL says */
void gw_tls_client_on_state(const SSL *ssl, int where);

#define GW_TLS_REFUSAL_MAX 512

/** First thing in a failed handshake's callback: was it the client's certificate, or that there was none?
 *  @param ret_why one line: "certificate revoked: CN=alice,O=Example", the name as RFC 4514 has it
 *  @return false: it was something else.  Forgotten by the call */
bool gw_tls_client_take_refusal(char ret_why[GW_TLS_REFUSAL_MAX]);

#endif
