/* SPDX-License-Identifier: MIT
 * Reading `store` and `store_tls`, and making the TLS context. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include "filters/rate_limit/store/redis_conf.h"

#define MAX_FILE (1024 * 1024)

/* the URL ---------------------------------------------------------------------------------------------------------- */

void gw_redis_url_read(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    const char *wrong, *hint, *text = gw_conf_read_text(reader, "store", node, "the URL of a Redis");
    if (text == NULL)
        return;
    const gw_redis_url_t *url = gw_redis_url_parse(reader->arena, gw_str_of(text), &wrong, &hint);
    if (url == NULL) /* not quoted: it may hold a password */
        gw_diag_error(reader->diag, node->at, hint, "the URL of 'store' is not right: %s", wrong);
    *(const gw_redis_url_t **)target = url;
}

gw_node_t *gw_redis_url_show(gw_arena_t *arena, const void *target)
{
    const gw_redis_url_t *url = *(const gw_redis_url_t *const *)target;
    if (url == NULL)
        return NULL;
    const char *host = strstr(url->shown, "://") + 3;
    return gw_node_new_text(arena, url->password == NULL ? url->shown
                                                         : gw_arena_printf(arena, "%.*s(secret)@%s",
                                                                           (int)(host - url->shown), url->shown, host));
}

/* TLS -------------------------------------------------------------------------------------------------------------- */

typedef struct making {
    gw_conf_reader_t *reader;
    gw_redis_tls_conf_t *conf;
    SSL_CTX *context;
    EVP_MD_CTX *digest;
    bool is_good;
} making_t;

static void complain(making_t *m, const char *file, const char *what)
{
    gw_diag_error(m->reader->diag, m->conf->at, NULL, "'%s' %s", file, what);
    m->is_good = false;
}

/** Reads a file and adds it to the fingerprint.  @return NULL after an error */
static BIO *read_file(making_t *m, const char *path)
{
    struct stat status;
    char *bytes = NULL;
    ssize_t len = -1;
    /* O_NONBLOCK: opening a FIFO must not wait for a writer */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || fstat(fd, &status) != 0) {
        gw_diag_error(m->reader->diag, m->conf->at, NULL, "cannot read '%s': %s", path, strerror(errno));
        m->is_good = false;
    } else if (!S_ISREG(status.st_mode) || status.st_size > MAX_FILE) {
        complain(m, path, "is not a regular file of at most 1 MiB");
    } else {
        bytes = gw_arena_alloc(m->reader->scratch, (size_t)status.st_size + 1);
        if ((len = read(fd, bytes, (size_t)status.st_size)) != status.st_size)
            complain(m, path, "cannot be read to its end");
    }
    if (fd >= 0)
        close(fd);
    if (bytes == NULL || len != status.st_size)
        return NULL;
    if (EVP_DigestUpdate(m->digest, &len, sizeof(len)) != 1 || EVP_DigestUpdate(m->digest, bytes, (size_t)len) != 1)
        abort();
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || (len != 0 && BIO_write(bio, bytes, (int)len) != (int)len))
        abort();
    if (len != 0)
        OPENSSL_cleanse(bytes, (size_t)len);
    return bio;
}

/** Every certificate of a file.  @param take what becomes of each: false when OpenSSL refuses it */
static void read_certificates(making_t *m, const char *path, bool (*take)(making_t *m, X509 *certificate, int index))
{
    BIO *bio = read_file(m, path);
    X509 *certificate;
    int num = 0;

    if (bio == NULL)
        return;
    ERR_clear_error();
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (!take(m, certificate, num++))
            complain(m, path, "holds a certificate that cannot be used");
        X509_free(certificate);
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        complain(m, path, "holds a certificate that cannot be understood");
    else if (num == 0)
        complain(m, path, "holds no certificate in PEM form");
    ERR_clear_error();
    BIO_free(bio);
}

static bool trust(making_t *m, X509 *certificate, int index)
{
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(m->context), certificate) == 1;
}

static bool show(making_t *m, X509 *certificate, int index)
{
    return (index == 0 ? SSL_CTX_use_certificate(m->context, certificate)
                       : (int)SSL_CTX_add1_chain_cert(m->context, certificate)) == 1;
}

/** An encrypted key must not make OpenSSL ask at the terminal. */
static int no_passphrase(char *to, int size, int for_writing, void *arg)
{
    return -1;
}

static void read_key(making_t *m, const char *path)
{
    BIO *bio = read_file(m, path);
    EVP_PKEY *key;

    if (bio == NULL)
        return;
    if ((key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)) == NULL)
        complain(m, path, "holds no private key in PEM form without a passphrase");
    else if (m->is_good && SSL_CTX_use_PrivateKey(m->context, key) != 1)
        complain(m, path, "does not belong to the certificate");
    EVP_PKEY_free(key);
    ERR_clear_error();
    BIO_free(bio);
}

static void free_context(void *context)
{
    SSL_CTX_free(context);
}

static void make_context(gw_conf_reader_t *reader, gw_redis_tls_conf_t *conf)
{
    making_t making = {.reader = reader, .conf = conf, .is_good = true}, *m = &making;

    if ((m->context = SSL_CTX_new(TLS_client_method())) == NULL || (m->digest = EVP_MD_CTX_new()) == NULL ||
        SSL_CTX_set_min_proto_version(m->context, TLS1_2_VERSION) != 1 ||
        EVP_DigestInit_ex(m->digest, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(m->digest, &conf->verify, sizeof(conf->verify)) != 1)
        abort();
    gw_arena_on_free(reader->arena, free_context, m->context);
    SSL_CTX_set_options(m->context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_verify(m->context, conf->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (conf->ca != NULL) {
        X509_STORE_set_flags(SSL_CTX_get_cert_store(m->context), X509_V_FLAG_PARTIAL_CHAIN);
        read_certificates(m, conf->ca, trust);
    } else if (conf->verify && SSL_CTX_set_default_verify_paths(m->context) != 1) {
        complain(m, "store_tls", "needs 'ca': the system's certificates cannot be read");
    }
    if (conf->certificate != NULL) {
        read_certificates(m, conf->certificate, show);
        read_key(m, conf->key);
    }
    if (EVP_DigestFinal_ex(m->digest, conf->fingerprint, NULL) != 1)
        abort();
    EVP_MD_CTX_free(m->digest);
    conf->context = m->is_good ? m->context : NULL;
}

void gw_redis_conf_check(gw_conf_reader_t *reader, gw_redis_conf_t *conf)
{
    bool is_written = conf->tls.at.line != 0;

    if (conf->url == NULL || !conf->url->has_tls) {
        if (is_written)
            gw_diag_error(reader->diag, conf->tls.at, "rediss://... or rediss+sentinel://...",
                          conf->url == NULL ? "'store_tls' is of no use without 'store'"
                                            : "'store_tls' is of no use: the URL of 'store' is one without TLS");
        return;
    }
    if ((conf->tls.certificate == NULL) != (conf->tls.key == NULL)) {
        gw_diag_error(reader->diag, conf->tls.at, NULL, "'%s' needs '%s'",
                      conf->tls.key == NULL ? "certificate" : "key", conf->tls.key == NULL ? "key" : "certificate");
        return;
    }
    if (!conf->tls.verify)
        gw_diag_warning(reader->diag, conf->tls.at, "give the CA of the server instead: ca: FILE",
                        "whoever is on the way to the store can pass for it, and read its password");
    make_context(reader, &conf->tls);
}

static const gw_field_t tls_fields[] = {
    {.key = "ca",
     .type = GW_PATH,
     .offset = offsetof(gw_redis_tls_conf_t, ca),
     .def_text = "the system's",
     .meaning = "PEM file of the certificates that vouch for the store"},
    {.key = "certificate",
     .type = GW_PATH,
     .offset = offsetof(gw_redis_tls_conf_t, certificate),
     .meaning = "PEM file of the certificate shown to the store, then its issuers"},
    {.key = "key",
     .type = GW_PATH,
     .offset = offsetof(gw_redis_tls_conf_t, key),
     .meaning = "PEM file of its private key"},
    {.key = "verify",
     .type = GW_BOOL,
     .offset = offsetof(gw_redis_tls_conf_t, verify),
     .def = "true",
     .meaning = "whether the store's certificate must be valid and name the host that the URL names"},
    {.key = NULL},
};

const gw_section_t gw_redis_tls_section = {.name = "store_tls",
                                           .fields = tls_fields,
                                           .size = sizeof(gw_redis_tls_conf_t),
                                           .mark_offset = offsetof(gw_redis_tls_conf_t, at)};
