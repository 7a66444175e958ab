/* SPDX-License-Identifier: MIT
 * The TLS side of a listener: protocol versions, ciphers, certificates chosen by name (SNI, RFC 6066 section 3), ALPN
 * (RFC 7301), resumption by tickets (tls_tickets.h).  TLS 1.2 with ECDHE and AEAD ciphers only, TLS 1.3; no
 * renegotiation, no compression, no early data, no session cache in the server.
 *
 * Which certificate answers: the names of a certificate are the dNSName entries of its subjectAltName (RFC 9525); only
 * a certificate without subjectAltName is known by its common name.  An exact name goes before a wildcard, which stands
 * for exactly one label (`*.example.com`).  Of several certificates with the same name and kind of key the first one is
 * used; an RSA and an ECDSA certificate with the same name are both offered and the client's abilities decide, ECDSA
 * first (it is the cheaper one to sign with).  No name or an unknown one: the first certificate, together with those of
 * other kinds that have exactly its names.
 *
 * ALPN: h2 if offered here, then http/1.1, by our preference.  A client that names only other protocols gets the fatal
 * alert no_application_protocol (RFC 7301 section 3.2); one without the extension is taken to speak HTTP/1.1.
 *
 * A connection that ends without close_notify is not reported: libh2o ends the stream before OpenSSL could see it, and
 * both HTTP versions notice a message that was cut short by its framing.
 *
 * Threads: made and freed by the control thread; the context serves any number of workers.  Handshakes that have begun
 * (the client's first bytes were read) keep what they need, so gw_tls_free is safe while they go on.  libh2o 2.2.5,
 * however, keeps the bare SSL_CTX pointer from h2o_socket_ssl_handshake until those first bytes: whoever calls it must
 * hold the gw_tls_t (or SSL_CTX_up_ref its context) until the handshake's callback or the end of the socket. */
#ifndef GW_SERVER_TLS_H
#define GW_SERVER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>
#include "gateway/server/tls_client.h"
#include "gateway/server/tls_tickets.h"

typedef struct gw_tls gw_tls_t;

/** Paths of PEM files, borrowed during gw_tls_create only.  `certificate` holds the server's certificate, then its
 * issuers in order, without the root; `key` its private key, without passphrase. */
typedef struct gw_tls_certificate {
    const char *certificate, *key;
} gw_tls_certificate_t;

/** Reads the certificates and makes a listener's context.  Files are regular ones of at most 1 MiB.
 *  @param num at least 1   @param min_version 0: TLS 1.2, 1: TLS 1.3   @param http2 offer h2
 *  @param client_auth NULL: clients are not asked for certificates; borrowed during the call, and the same for every
 * name
 *  @param on_problem told of every error and warning: `index` counts certificates from 0, `is_key` says which of the
 * two files it is about, `text` is one line without a final newline that names the file and never holds anything of a
 * private key Errors: a file that cannot be read or is no PEM, an encrypted key, a key that does not belong to the
 * certificate, RSA below 2048 bits, EC on another curve than P-256, P-384 and P-521, what OpenSSL refuses.  Warnings:
 * expired or not yet valid, no subjectAltName, a name that is of no use, a chain that is out of order, a certificate
 * that can never be chosen, a key that others may read or that group or others may write (a group may read it: mode
 * 0640, as Debian's ssl-cert does).
 *  @return NULL after at least one error */
gw_tls_t *gw_tls_create(const gw_tls_certificate_t *certificates, size_t num, int min_version, bool http2,
                        const gw_tls_client_auth_t *client_auth,
                        void (*on_problem)(void *arg, bool is_error, size_t index, bool is_key, const char *text),
                        void *arg);
/** NULL is fine; returns NULL. */
gw_tls_t *gw_tls_free(gw_tls_t *tls);

/** @return for h2o_socket_ssl_handshake; borrowed, see above */
SSL_CTX *gw_tls_context(const gw_tls_t *tls);

#define GW_TLS_ALERT_MAX 64

/** libh2o 2.2.5 throws away the alert of a handshake that fails, so that the client sees a bare close.  This gives the
 * fatal alert that OpenSSL last wrote on the calling thread, as the record that was meant for the client (encrypted
 * where the handshake had come that far: TLS 1.3 judges a client's certificate only then), ready for send(2): call it
 * first thing in a failed handshake's callback.
 *  @param ret_record set when the result is not 0   @return bytes, or 0 when there is none; forgotten by the call */
size_t gw_tls_take_alert(uint8_t ret_record[GW_TLS_ALERT_MAX]);

#endif
