/* SPDX-License-Identifier: MIT
 * Asking for client certificates and judging them. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gateway/base/memory.h"
#include "gateway/server/tls_client.h"

#define MAX_CA_FILE  ((off_t)1 << 20)
#define MAX_CRL_FILE ((off_t)64 << 20) /* a million revoked certificates take about 40 MB */
/* what a client may send of certificates: it bounds what is kept of one for a connection */
#define MAX_CHAIN_BYTES (64 * 1024)
/* names of CAs in the request for a certificate; clients with a small buffer would fail on more */
#define MAX_NAMES_BYTES (16 * 1024)

struct gw_tls_client_auth {
    X509_STORE *store;
    STACK_OF(X509_NAME) * names; /* NULL: the client is not told */
    bool is_optional, has_crl;
    unsigned depth;
};

/* loading ---------------------------------------------------------------------------------------------------------- */

typedef struct loading {
    const gw_tls_client_conf_t *conf;
    void (*on_problem)(void *arg, bool is_error, const char *text);
    void *arg;
    size_t num_errors;
    STACK_OF(X509) * authorities;
    STACK_OF(X509_CRL) * crls;
} loading_t;

static void report(loading_t *l, bool is_error, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void report(loading_t *l, bool is_error, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    l->num_errors += is_error;
    l->on_problem(l->arg, is_error, text);
}

/* @return NULL after an error */
static BIO *open_file(loading_t *l, const char *path, off_t max_bytes)
{
    struct stat status;
    FILE *file = NULL;
    /* O_NONBLOCK: opening a FIFO must not wait for a writer */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || fstat(fd, &status) != 0)
        report(l, true, "cannot read '%s': %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        report(l, true, "cannot read '%s': not a regular file", path);
    else if (status.st_size > max_bytes)
        report(l, true, "cannot read '%s': larger than %lld MiB", path, (long long)max_bytes >> 20);
    else if ((file = fdopen(fd, "r")) == NULL)
        abort();
    if (file == NULL && fd >= 0)
        close(fd);
    BIO *bio = file != NULL ? BIO_new_fp(file, BIO_CLOSE) : NULL;
    if (file != NULL && bio == NULL)
        abort();
    ERR_clear_error();
    return bio;
}

/* After the last PEM_read: did the file end there?   @param what "certificate" */
static void check_end(loading_t *l, const char *path, const char *what, int num)
{
    unsigned long error = ERR_peek_last_error();
    const char *why = ERR_reason_error_string(error);

    if (ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
        report(l, true, "'%s': %s %d cannot be understood: %s", path, what, num + 1,
               why != NULL ? why : "unknown reason");
    else if (num == 0)
        report(l, true, "'%s' holds no %s in PEM form", path, what);
    ERR_clear_error();
}

static void load_authorities(loading_t *l)
{
    BIO *bio = open_file(l, l->conf->ca, MAX_CA_FILE);
    X509 *certificate;

    if (bio == NULL)
        return;
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        if (sk_X509_push(l->authorities, certificate) == 0)
            abort();
    check_end(l, l->conf->ca, "certificate", sk_X509_num(l->authorities));
    BIO_free(bio);
}

static void load_crls(loading_t *l)
{
    BIO *bio = open_file(l, l->conf->crl, MAX_CRL_FILE);
    X509_CRL *crl;

    if (bio == NULL)
        return;
    while ((crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL)
        if (sk_X509_CRL_push(l->crls, crl) == 0)
            abort();
    check_end(l, l->conf->crl, "CRL", sk_X509_CRL_num(l->crls));
    BIO_free(bio);
}

/* checking --------------------------------------------------------------------------------------------------------- */

static const char *time_text(const ASN1_TIME *time, char text[32])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(text, "an unknown time");
    return text;
}

static void check_authority(loading_t *l, int index)
{
    X509 *authority = sk_X509_value(l->authorities, index);
    char text[32];

    if (X509_check_ca(authority) == 0)
        report(l, true, "'%s': certificate %d is not that of a CA", l->conf->ca, index + 1);
    else if (X509_cmp_time(X509_get0_notAfter(authority), NULL) < 0)
        report(l, false, "'%s': certificate %d expired at %s: nobody with a certificate of it is let in", l->conf->ca,
               index + 1, time_text(X509_get0_notAfter(authority), text));
    else if (X509_cmp_time(X509_get0_notBefore(authority), NULL) > 0)
        report(l, false, "'%s': certificate %d is not valid before %s", l->conf->ca, index + 1,
               time_text(X509_get0_notBefore(authority), text));
}

/* @return whether the CA has signed the CRL; a CA may have several certificates with the same name */
static bool is_signed_by(X509_CRL *crl, X509 *authority)
{
    bool is_signed = X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(authority)) == 0 &&
                     X509_CRL_verify(crl, X509_get0_pubkey(authority)) == 1;

    ERR_clear_error();
    return is_signed;
}

static void check_crl(loading_t *l, int index)
{
    X509_CRL *crl = sk_X509_CRL_value(l->crls, index);
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl), *last = X509_CRL_get0_lastUpdate(crl);
    bool has_issuer = false;
    char text[32];

    for (int i = 0; i != sk_X509_num(l->authorities); ++i)
        has_issuer = has_issuer || is_signed_by(crl, sk_X509_value(l->authorities, i));
    if (!has_issuer) {
        char *issuer = gw_x509_name_text(X509_CRL_get_issuer(crl));
        report(l, true, "'%s': CRL %d, of '%s', is signed by none of the CAs in '%s'", l->conf->crl, index + 1, issuer,
               l->conf->ca);
        free(issuer);
    } else if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0) {
        report(l, true, "'%s': CRL %d is a delta CRL: a complete one is needed", l->conf->crl, index + 1);
    } else if (next != NULL && X509_cmp_time(next, NULL) < 0) {
        report(l, false, "'%s': CRL %d expired at %s: nobody with a certificate of its CA is let in", l->conf->crl,
               index + 1, time_text(next, text));
    } else if (X509_cmp_time(last, NULL) > 0) {
        report(l, false, "'%s': CRL %d is not valid before %s", l->conf->crl, index + 1, time_text(last, text));
    }
}

/* @param authority a CA   @return whether a CRL is there for what it issues; warns when there is not */
static bool has_crl(loading_t *l, int index)
{
    for (int i = 0; i != sk_X509_CRL_num(l->crls); ++i)
        if (is_signed_by(sk_X509_CRL_value(l->crls, i), sk_X509_value(l->authorities, index)))
            return true;
    report(l, false, "'%s': certificate %d has no CRL in '%s': nobody with a certificate of it is let in", l->conf->ca,
           index + 1, l->conf->crl);
    return false;
}

/* @return whether one of the CRLs revokes this CA */
static bool is_revoked(loading_t *l, int index)
{
    X509 *authority = sk_X509_value(l->authorities, index);

    for (int i = 0; i != sk_X509_CRL_num(l->crls); ++i) {
        X509_CRL *crl = sk_X509_CRL_value(l->crls, i);
        X509_REVOKED *entry;
        /* this look-up also sorts the CRL, which OpenSSL otherwise does under a lock in the first handshake */
        if (X509_CRL_get0_by_cert(crl, &entry, authority) == 1 &&
            X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(authority)) == 0) {
            report(l, false, "'%s': certificate %d is revoked, and not trusted", l->conf->ca, index + 1);
            return true;
        }
    }
    return false;
}

/* making ----------------------------------------------------------------------------------------------------------- */

static void add_name(STACK_OF(X509_NAME) * names, X509 *authority)
{
    X509_NAME *name = X509_get_subject_name(authority);

    for (int i = 0; i != sk_X509_NAME_num(names); ++i)
        if (X509_NAME_cmp(sk_X509_NAME_value(names, i), name) == 0)
            return;
    if ((name = X509_NAME_dup(name)) == NULL || sk_X509_NAME_push(names, name) == 0)
        abort();
}

static size_t size_of(const STACK_OF(X509_NAME) * names)
{
    size_t size = 0;

    for (int i = 0; i != sk_X509_NAME_num(names); ++i)
        size += 2 + (size_t)i2d_X509_NAME(sk_X509_NAME_value(names, i), NULL);
    return size;
}

static gw_tls_client_auth_t *make(loading_t *l)
{
    gw_tls_client_auth_t *auth = gw_must_alloc(1, sizeof(*auth));

    auth->is_optional = l->conf->is_optional;
    auth->has_crl = l->conf->crl != NULL;
    auth->depth = l->conf->depth;
    if ((auth->store = X509_STORE_new()) == NULL || (auth->names = sk_X509_NAME_new_null()) == NULL)
        abort();
    for (int i = 0; i != sk_X509_num(l->authorities); ++i) {
        X509 *authority = sk_X509_value(l->authorities, i);
        if (is_revoked(l, i))
            continue;
        if (auth->has_crl)
            has_crl(l, i);
        if (X509_STORE_add_cert(auth->store, authority) != 1)
            abort();
        add_name(auth->names, authority);
    }
    for (int i = 0; i != sk_X509_CRL_num(l->crls); ++i)
        if (X509_STORE_add_crl(auth->store, sk_X509_CRL_value(l->crls, i)) != 1)
            abort();
    X509_STORE_set_flags(auth->store, X509_V_FLAG_PARTIAL_CHAIN |
                                          (auth->has_crl ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL : 0));
    if (size_of(auth->names) > MAX_NAMES_BYTES) {
        report(l, false, "'%s' holds too many CAs to name them all to clients: they have to know which to use",
               l->conf->ca);
        sk_X509_NAME_pop_free(auth->names, X509_NAME_free);
        auth->names = NULL;
    }
    return auth;
}

gw_tls_client_auth_t *gw_tls_client_auth_load(const gw_tls_client_conf_t *conf,
                                              void (*on_problem)(void *arg, bool is_error, const char *text), void *arg)
{
    loading_t loading = {.conf = conf, .on_problem = on_problem, .arg = arg}, *l = &loading;
    gw_tls_client_auth_t *auth = NULL;

    if ((l->authorities = sk_X509_new_null()) == NULL || (l->crls = sk_X509_CRL_new_null()) == NULL)
        abort();
    load_authorities(l);
    for (int i = 0; i != sk_X509_num(l->authorities); ++i)
        check_authority(l, i);
    if (conf->crl != NULL)
        load_crls(l);
    for (int i = 0; l->num_errors == 0 && i != sk_X509_CRL_num(l->crls); ++i)
        check_crl(l, i);
    if (l->num_errors == 0)
        auth = make(l);
    sk_X509_pop_free(l->authorities, X509_free);
    sk_X509_CRL_pop_free(l->crls, X509_CRL_free);
    ERR_clear_error();
    return auth;
}

gw_tls_client_auth_t *gw_tls_client_auth_free(gw_tls_client_auth_t *auth)
{
    if (auth != NULL) {
        X509_STORE_free(auth->store);
        sk_X509_NAME_pop_free(auth->names, X509_NAME_free);
    }
    free(auth);
    return NULL;
}

/* handshakes ------------------------------------------------------------------------------------------------------- */

static _Atomic(gw_tls_client_sink_t *) sink;

/* Of the handshake that fails on this thread: between the verdict and the callback of the failure there is nothing but
 * returns. */
static _Thread_local char refusal[GW_TLS_REFUSAL_MAX];

void gw_tls_client_set_sink(gw_tls_client_sink_t *new_sink)
{
    atomic_store(&sink, new_sink);
}

/* What may be missing of the CRL that an anchor would stand in.  The anchor is vouched for by whoever put it into the
 * file: its own issuer need not be known here, let alone its CRL; and where the CRL is there, loading has looked. */
static bool is_about_crls(int error)
{
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return true;
    default:
        return false;
    }
}

static int on_verify(int is_good, X509_STORE_CTX *context)
{
    int error = X509_STORE_CTX_get_error(context), at = X509_STORE_CTX_get_error_depth(context);
    X509 *certificate = X509_STORE_CTX_get_current_cert(context);

    if (is_good)
        return 1;
    if (at != 0 && at == sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1 && is_about_crls(error)) {
        X509_STORE_CTX_set_error(context, X509_V_OK);
        return 1;
    }
    char *name = certificate != NULL ? gw_x509_name_text(X509_get_subject_name(certificate)) : NULL;
    snprintf(refusal, sizeof(refusal), "%s: %.300s", X509_verify_cert_error_string(error), name != NULL ? name : "");
    free(name);
    return 0;
}

bool gw_tls_client_attach(const gw_tls_client_auth_t *auth, SSL_CTX *context)
{
    STACK_OF(X509_NAME) *names = auth->names != NULL ? SSL_dup_CA_list(auth->names) : NULL;

    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (auth->is_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), on_verify);
    SSL_CTX_set_verify_depth(context, (int)auth->depth);
    SSL_CTX_set_max_cert_list(context, MAX_CHAIN_BYTES);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return SSL_CTX_set1_verify_cert_store(context, auth->store) == 1 && SSL_CTX_set_num_tickets(context, 0) == 1;
}

void gw_tls_client_on_state(const SSL *ssl, int where)
{
    if ((where & SSL_CB_HANDSHAKE_START) != 0)
        *refusal = '\0';
    if ((where & SSL_CB_HANDSHAKE_DONE) == 0 || (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) == 0)
        return;
    const X509 *peer = SSL_get0_peer_certificate(ssl);
    gw_tls_client_sink_t *to = atomic_load(&sink);
    if (peer == NULL || to == NULL)
        return;
    gw_client_certificate_t *certificate = gw_client_certificate_create(peer, SSL_get0_verified_chain(ssl));
    if (certificate != NULL)
        to(BIO_get_data(SSL_get_rbio(ssl)), certificate);
}

bool gw_tls_client_take_refusal(char ret_why[GW_TLS_REFUSAL_MAX])
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());

    if (*refusal != '\0')
        memcpy(ret_why, refusal, sizeof(refusal));
    else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        strcpy(ret_why, "the client sent none");
    else if (reason == SSL_R_EXCESSIVE_MESSAGE_SIZE)
        strcpy(ret_why, "its certificates are too large");
    else
        return false;
    *refusal = '\0';
    return true;
}
