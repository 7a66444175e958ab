/* SPDX-License-Identifier: MIT
 * What there is to know of a client's certificate, read once when the handshake is over, so that no request has to look
 * into ASN.1.  Whether it is to be trusted is decided elsewhere (tls_client.h).
 *
 * Every text is printable ASCII, fit for a header field, a log line and a list, whatever the certificate holds: a CA
 * may have signed names with line breaks, commas or NULs in them (compare CVE-2021-44532, where "a,DNS:b" was one name
 * for the CA and two for the server).  So, in the texts: names are in the form of RFC 4514 with everything unusual
 * escaped; the common name and members of lists have other octets, '%' and, in lists, commas percent-encoded.
 * Alternative names that are not what their type says (a dNSName with a space in it) count as absent.  Of a certificate
 * with more of them than anybody needs none is read, and that is noted: half of them might be taken for all.
 *
 * Lifetime: one block of memory, counted: the connection holds it, and what outlives that.  Threads: immutable but for
 * the count, which is the worker's. */
#ifndef GW_SERVER_CLIENT_CERTIFICATE_H
#define GW_SERVER_CLIENT_CERTIFICATE_H

#include <openssl/x509.h>
#include "gateway/base/str.h"

/** id, name in conf files and keys */
#define GW_CERTIFICATE_TEXT_MAP(XX)                                                                                    \
    XX(SUBJECT, "subject")         /* "CN=alice,O=Example,C=DE" */                                                     \
    XX(CN, "cn")                   /* the last common name of the subject */                                           \
    XX(ISSUER, "issuer")           /* as subject */                                                                    \
    XX(SERIAL, "serial")           /* hexadecimal, upper case, whole octets: "01AF" */                                 \
    XX(FINGERPRINT, "fingerprint") /* SHA-256 of the certificate, 64 hexadecimal digits in lower case */               \
    XX(SAN, "san")                 /* all of the following, in the order of the certificate, comma-separated */        \
    XX(SAN_DNS, "san_dns")         /* comma-separated, in lower case */                                                \
    XX(SAN_EMAIL, "san_email")                                                                                         \
    XX(SAN_URI, "san_uri")                                                                                             \
    XX(SAN_IP, "san_ip")                                                                                               \
    XX(NOT_AFTER, "not_after")     /* "2030-01-02T03:04:05Z" */                                                        \
    XX(CERTIFICATE, "certificate") /* ":base64 of the DER:", the form of Client-Cert (RFC 9440 2.1) */

typedef enum gw_certificate_text {
#define GW_CERTIFICATE_TEXT_ENUM(id, name) GW_CERTIFICATE_##id,
    GW_CERTIFICATE_TEXT_MAP(GW_CERTIFICATE_TEXT_ENUM)
#undef GW_CERTIFICATE_TEXT_ENUM
        GW_CERTIFICATE_NUM_TEXTS
} gw_certificate_text_t;

/** Each is compared with each entry of a rule, with every request. */
#define GW_CERTIFICATE_MAX_SANS 128

typedef enum gw_san_kind { GW_SAN_DNS, GW_SAN_EMAIL, GW_SAN_URI, GW_SAN_IP, GW_SAN_NUM_KINDS } gw_san_kind_t;

/** An alternative name as it is, for comparisons: nothing is encoded. */
typedef struct gw_san {
    gw_san_kind_t kind;
    gw_str_t value; /* dNSName in lower case; an address as text */
} gw_san_t;

typedef struct gw_client_certificate {
    gw_str_t texts[GW_CERTIFICATE_NUM_TEXTS]; /* empty: it has none */
    gw_str_t common_name;                     /* as it is, in UTF-8, for comparisons; empty: none */
    const gw_san_t *sans;
    size_t num_sans;
    bool has_too_many_sans; /* more than GW_CERTIFICATE_MAX_SANS: none of them was read */
    uint64_t valid_until_s; /* seconds since 1970: the first notAfter of the chain that it was trusted by */
    unsigned references;    /* private */
} gw_client_certificate_t;

/** @param chain the certificates that it was trusted by, itself included; NULL: not looked at
 *  @return one reference; NULL when the certificate cannot be read to the end */
gw_client_certificate_t *gw_client_certificate_create(const X509 *certificate, const STACK_OF(X509) * chain);
/** One reference more.  NULL is fine.  @return certificate */
gw_client_certificate_t *gw_client_certificate_hold(const gw_client_certificate_t *certificate);
/** Gives a reference back.  NULL is fine; returns NULL. */
gw_client_certificate_t *gw_client_certificate_free(gw_client_certificate_t *certificate);

/** NULL-terminated, by gw_certificate_text_t. */
extern const char *const gw_certificate_text_names[GW_CERTIFICATE_NUM_TEXTS + 1];

/** A name in the form of RFC 4514, ASCII only.  @return malloc'd, never NULL */
char *gw_x509_name_text(const X509_NAME *name);

#endif
