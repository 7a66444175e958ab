/* SPDX-License-Identifier: MIT
 * Tests of the TLS contexts: certificates are made here, handshakes are real and run through memory. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include "gateway/server/tls.h"

static char folder[64];
static EVP_PKEY *rsa, *ec, *ec_other, *ed25519, *rsa_1024, *ec_k1;

static const char *at(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_key(const char *name, EVP_PKEY *key, const char *passphrase, mode_t mode)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FILE *file = fdopen(fd, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                                          (void *)passphrase),
                     1);
    assert_int_equal(fchmod(fd, mode), 0);
    fclose(file);
}

/* Appends a certificate to a file.  @param serial by which a handshake recognises it   @param alternatives
 * "DNS:a,DNS:b" or NULL   @param issuer NULL: self-signed */
static void write_certificate(const char *name, EVP_PKEY *key, long serial, const char *common_name,
                              const char *alternatives, long from_s, long to_s, const char *issuer,
                              EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new(), *issuer_name = X509_NAME_new();

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
    X509_NAME_add_entry_by_txt(issuer_name, "CN", MBSTRING_ASC,
                               (const unsigned char *)(issuer != NULL ? issuer : common_name), -1, -1, 0);
    X509_set_subject_name(certificate, subject);
    X509_set_issuer_name(certificate, issuer_name);
    X509_NAME_free(subject);
    X509_NAME_free(issuer_name);
    X509_set_pubkey(certificate, key);
    if (alternatives != NULL) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, (char *)alternatives);
        assert_non_null(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    EVP_PKEY *signer = issuer_key != NULL ? issuer_key : key;
    assert_true(X509_sign(certificate, signer, signer == ed25519 ? NULL : EVP_sha256()) > 0);
    FILE *file = fopen(at(name), "a");
    assert_non_null(file);
    PEM_write_X509(file, certificate);
    fclose(file);
    X509_free(certificate);
}

#define DAY 86400L

static void write_pair(const char *name, EVP_PKEY *key, long serial, const char *common_name, const char *alternatives)
{
    char file[64];

    snprintf(file, sizeof(file), "%s.crt", name);
    unlink(at(file));
    write_certificate(file, key, serial, common_name, alternatives, -DAY, DAY, NULL, NULL);
    snprintf(file, sizeof(file), "%s.key", name);
    write_key(file, key, NULL, 0600);
}

static void write_text(const char *name, const char *text, size_t len)
{
    FILE *file = fopen(at(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(chmod(at(name), 0600), 0);
    fclose(file);
}

static int set_up(void **state)
{
    strcpy(folder, "/tmp/sluice-tls-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    rsa = EVP_RSA_gen(2048);
    rsa_1024 = EVP_RSA_gen(1024);
    ec = EVP_EC_gen("P-256");
    ec_other = EVP_EC_gen("P-384");
    ec_k1 = EVP_EC_gen("secp256k1");
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    write_pair("first", ec, 1, "first", "DNS:first.test,IP:127.0.0.1");
    write_pair("www", ec, 2, "www", "DNS:www.example.com,DNS:WWW.Example.Org");
    write_pair("wild", ec_other, 3, "wild", "DNS:*.example.com");
    write_pair("common", ec, 4, "Common.test", NULL);
    write_pair("ignored", rsa, 5, "ignored.test", "DNS:named.test");
    write_pair("both-rsa", rsa, 6, "both", "DNS:both.test,DNS:rsa-only.test");
    write_pair("both-ec", ec, 7, "both", "DNS:both.test");
    write_pair("ed", ed25519, 8, "ed", "DNS:ed.test");
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    gw_tls_tickets_dispose();
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(rsa_1024);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ec_other);
    EVP_PKEY_free(ec_k1);
    EVP_PKEY_free(ed25519);
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}

/* Problems as text, one per line: "error 0 key: ...", the folder left out. */
static char problems[8192];

static void note_problem(void *arg, bool is_error, size_t index, bool is_key, const char *text)
{
    size_t len = strlen(problems);

    assert_ptr_equal(arg, problems);
    len += (size_t)snprintf(problems + len, sizeof(problems) - len, "%s %zu %s: ", is_error ? "error" : "warning",
                            index, is_key ? "key" : "certificate");
    while (*text != '\0' && len < sizeof(problems) - 2) {
        size_t folder_len = strlen(folder);
        if (strncmp(text, folder, folder_len) == 0)
            text += folder_len + 1;
        else
            problems[len++] = *text++;
    }
    problems[len++] = '\n';
    problems[len] = '\0';
}

/* @param names as in write_pair, separated by spaces */
static gw_tls_t *create(const char *names, int min_version, bool http2)
{
    static char files[16][2][256];
    gw_tls_certificate_t certificates[8];
    size_t num = 0;
    char copy[256], *rest = copy, *name;

    snprintf(copy, sizeof(copy), "%s", names);
    while ((name = strsep(&rest, " ")) != NULL) {
        snprintf(files[num][0], sizeof(files[num][0]), "%s/%s.crt", folder, name);
        snprintf(files[num][1], sizeof(files[num][1]), "%s/%s.key", folder, name);
        certificates[num] = (gw_tls_certificate_t){files[num][0], files[num][1]};
        ++num;
    }
    problems[0] = '\0';
    return gw_tls_create(certificates, num, min_version, http2, NULL, note_problem, problems);
}

typedef struct client {
    const char *server_name, *alpn /* "\x02h2" */, *ciphers /* TLS 1.2 */, *signatures, *groups;
    int min_version, max_version; /* 0: any */
    SSL_SESSION *session;
} client_t;

typedef struct handshake {
    bool is_done, is_resumed, has_early_data;
    const char *version, *cipher;
    char alpn[16]; /* as the server sees it, which is how libh2o asks */
    long serial;
    int alert;            /* that the client got; 0: none */
    SSL_SESSION *session; /* to be freed by end_of */
} handshake_t;

static SSL *server_of(SSL_CTX *context)
{
    SSL *server = SSL_new(context);

    assert_non_null(server);
    return server;
}

/* Runs a handshake of `server`, which it frees. */
static handshake_t run(SSL *server, client_t options)
{
    handshake_t result = {.is_done = false};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    BIO *client_end, *server_end;

    SSL_CTX_set_security_level(context, 1);
    SSL_CTX_set_min_proto_version(context, options.min_version != 0 ? options.min_version : TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, options.max_version);
    if (options.ciphers != NULL)
        assert_int_equal(SSL_CTX_set_cipher_list(context, options.ciphers), 1);
    if (options.signatures != NULL)
        assert_int_equal(SSL_CTX_set1_sigalgs_list(context, options.signatures), 1);
    if (options.groups != NULL)
        assert_int_equal(SSL_CTX_set1_groups_list(context, options.groups), 1);
    SSL *client = SSL_new(context);
    if (options.server_name != NULL)
        SSL_set_tlsext_host_name(client, options.server_name);
    if (options.alpn != NULL)
        SSL_set_alpn_protos(client, (const unsigned char *)options.alpn, (unsigned)strlen(options.alpn));
    if (options.session != NULL)
        SSL_set_session(client, options.session);
    assert_int_equal(BIO_new_bio_pair(&client_end, 65536, &server_end, 65536), 1);
    SSL_set_bio(client, client_end, client_end);
    SSL_set_bio(server, server_end, server_end);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    int client_result = 0, server_result = 0;
    for (int turn = 0; turn != 10; ++turn) {
        ERR_clear_error();
        if (client_result != 1 && (client_result = SSL_do_handshake(client)) != 1 &&
            SSL_get_error(client, client_result) != SSL_ERROR_WANT_READ) {
            int reason = ERR_GET_REASON(ERR_peek_error());
            result.alert = reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
            break;
        }
        ERR_clear_error();
        if (server_result != 1)
            server_result = SSL_do_handshake(server);
    }
    result.is_done = client_result == 1 && server_result == 1;
    if (result.is_done) {
        char byte;
        assert_int_equal(SSL_read(client, &byte, 1), -1); /* takes the tickets of TLS 1.3 */
        result.version = SSL_get_version(client);
        result.cipher = SSL_get_cipher_name(client);
        assert_int_equal(SSL_session_reused(client), SSL_session_reused(server));
        result.is_resumed = SSL_session_reused(server);
        result.serial = ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get0_peer_certificate(client)));
        result.session = SSL_get1_session(client);
        result.has_early_data = SSL_SESSION_get_max_early_data(result.session) != 0;
        const unsigned char *selected;
        unsigned len;
        SSL_get0_alpn_selected(server, &selected, &len);
        if (len != 0)
            memcpy(result.alpn, selected, len);
        /* as a browser does: otherwise OpenSSL takes the session for broken */
        SSL_shutdown(client);
    }
    ERR_clear_error();
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(context);
    return result;
}

/* The same, with nothing kept of the session. */
static handshake_t end_of(handshake_t result)
{
    SSL_SESSION_free(result.session);
    result.session = NULL;
    return result;
}

static void versions_are_within_bounds(void **state)
{
    static const struct {
        const char *about;
        int min_version, client_min, client_max;
        const char *expected; /* NULL: refused */
    } rows[] = {
        {"TLS 1.3 by default", 0, 0, 0, "TLSv1.3"},
        {"TLS 1.2 for an older client", 0, 0, TLS1_2_VERSION, "TLSv1.2"},
        {"TLS 1.1 is refused", 0, 0, TLS1_1_VERSION, NULL},
        {"TLS 1.0 is refused", 0, 0, TLS1_VERSION, NULL},
        {"TLS 1.2 is refused when 1.3 is asked for", 1, 0, TLS1_2_VERSION, NULL},
        {"TLS 1.3 when asked for", 1, TLS1_3_VERSION, 0, "TLSv1.3"},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_tls_t *tls = create("first", rows[i].min_version, true);
        handshake_t got = end_of(run(server_of(gw_tls_context(tls)), (client_t){.min_version = rows[i].client_min,
                                                                                .max_version = rows[i].client_max,
                                                                                .ciphers = "DEFAULT:@SECLEVEL=0"}));
        if (got.is_done != (rows[i].expected != NULL) ||
            (rows[i].expected != NULL && strcmp(got.version, rows[i].expected) != 0))
            fail_msg("%s: %s", rows[i].about, got.is_done ? got.version : "refused");
        if (!got.is_done)
            assert_int_equal(got.alert, SSL_AD_PROTOCOL_VERSION);
        assert_false(got.has_early_data);
        assert_null(gw_tls_free(tls));
    }
}

static void ciphers_are_ecdhe_and_aead_only(void **state)
{
    static const struct {
        const char *offered, *expected; /* NULL: refused */
    } rows[] = {
        {"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
         "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
        {"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
        {"AES128-GCM-SHA256", NULL},
        {"DHE-RSA-AES128-GCM-SHA256", NULL},
        {"ECDHE-RSA-AES128-SHA256", NULL},
        {"ECDHE-ECDSA-AES128-SHA", NULL},
    };
    gw_tls_t *tls = create("both-rsa both-ec", 0, true);

    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        handshake_t got = end_of(
            run(server_of(gw_tls_context(tls)),
                (client_t){.server_name = "both.test", .max_version = TLS1_2_VERSION, .ciphers = rows[i].offered}));
        assert_int_equal(got.is_done, rows[i].expected != NULL);
        if (rows[i].expected != NULL)
            assert_string_equal(got.cipher, rows[i].expected);
    }
    gw_tls_free(tls);
}

static void the_name_chooses_the_certificate(void **state)
{
    static const struct {
        const char *about, *server_name;
        long serial;
    } rows[] = {
        {"no name", NULL, 1},
        {"the first by its name", "first.test", 1},
        {"unknown", "unknown.test", 1},
        {"exact", "www.example.com", 2},
        {"another name of the same", "www.example.org", 2},
        {"in capitals", "WWW.EXAMPLE.COM", 2},
        {"with the root's dot", "www.example.com.", 2},
        {"wildcard", "api.example.com", 3},
        {"wildcard in capitals", "API.example.COM", 3},
        {"a wildcard is one label", "a.b.example.com", 1},
        {"a wildcard is not nothing", "example.com", 1},
        {"common name without subjectAltName", "common.test", 4},
        {"subjectAltName hides the common name", "ignored.test", 1},
        {"and is known itself", "named.test", 5},
        {"one label", "localhost", 1},
        {"Ed25519", "ed.test", 8},
    };
    gw_tls_t *tls = create("first www wild common ignored ed", 0, true);

    assert_string_equal(problems,
                        "warning 3 certificate: 'common.crt' has no subjectAltName: clients will not accept it for "
                        "any name (RFC 9525)\n");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; ++version) {
        for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
            handshake_t got = end_of(run(server_of(gw_tls_context(tls)),
                                         (client_t){.server_name = rows[i].server_name, .max_version = version}));
            if (!got.is_done || got.serial != rows[i].serial)
                fail_msg("%s: certificate %ld instead of %ld", rows[i].about, got.serial, rows[i].serial);
        }
    }
    /* P-384 first is not what the server likes best: a HelloRetryRequest runs the choice of the name twice */
    handshake_t got = end_of(
        run(server_of(gw_tls_context(tls)), (client_t){.server_name = "api.example.com", .groups = "X448:P-384"}));
    assert_true(got.is_done);
    assert_int_equal(got.serial, 3);
    gw_tls_free(tls);
}

static void rsa_and_ecdsa_share_a_name(void **state)
{
    static const struct {
        const char *about, *server_name, *signatures;
        long serial; /* 0: refused */
    } rows[] = {
        {"ECDSA is preferred", "both.test", "RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA256", 7},
        {"RSA for those who know no other", "both.test", "RSA-PSS+SHA256:RSA+SHA256", 6},
        {"ECDSA for those who know no other", "both.test", "ECDSA+SHA256", 7},
        {"a name of one alone", "rsa-only.test", "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256", 6},
        {"and nothing else for it", "rsa-only.test", "ECDSA+SHA256", 0},
        {"unknown: the first, alone because the names differ", NULL, "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256", 6},
    };
    gw_tls_t *tls = create("both-rsa both-ec", 0, true);

    assert_string_equal(problems, "");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; ++version) {
        for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
            handshake_t got = end_of(run(server_of(gw_tls_context(tls)), (client_t){.server_name = rows[i].server_name,
                                                                                    .signatures = rows[i].signatures,
                                                                                    .max_version = version}));
            if (got.serial != rows[i].serial)
                fail_msg("%s: certificate %ld instead of %ld", rows[i].about, got.serial, rows[i].serial);
        }
    }
    gw_tls_free(tls);
}

static void without_a_name_both_kinds_answer_if_their_names_are_the_same(void **state)
{
    write_pair("same-rsa", rsa, 20, "same", "DNS:b.same.test,DNS:a.same.test");
    write_pair("same-ec", ec, 21, "same", "DNS:a.same.test,DNS:b.same.test");
    gw_tls_t *tls = create("same-rsa same-ec", 0, true);

    assert_int_equal(end_of(run(server_of(gw_tls_context(tls)), (client_t){.server_name = NULL})).serial, 21);
    assert_int_equal(
        end_of(run(server_of(gw_tls_context(tls)), (client_t){.signatures = "RSA-PSS+SHA256:RSA+SHA256"})).serial, 20);
    gw_tls_free(tls);
}

static void the_chain_is_sent_in_order(void **state)
{
    gw_tls_t *tls;

    write_certificate("chain.crt", ec, 30, "leaf", "DNS:chain.test", -DAY, DAY, "intermediate", rsa);
    write_certificate("chain.crt", rsa, 31, "intermediate", NULL, -DAY, DAY, "root", ec_other);
    write_key("chain.key", ec, NULL, 0640);
    tls = create("chain first", 0, true);
    assert_string_equal(problems, "");
    SSL *server = server_of(gw_tls_context(tls));
    STACK_OF(X509) *chain = NULL;
    assert_int_equal(SSL_get0_chain_certs(server, &chain), 1);
    assert_int_equal(sk_X509_num(chain), 1);
    assert_int_equal(end_of(run(server, (client_t){.server_name = "chain.test"})).serial, 30);
    gw_tls_free(tls);
}

static void alpn_chooses_the_protocol(void **state)
{
    static const struct {
        const char *about, *offered;
        bool http2;
        const char *expected; /* NULL: refused */
    } rows[] = {
        {"both", "\x02h2\x08http/1.1", true, "h2"},
        {"both, the other way round", "\x08http/1.1\x02h2", true, "h2"},
        {"only HTTP/1.1", "\x08http/1.1", true, "http/1.1"},
        {"only HTTP/2", "\x02h2", true, "h2"},
        {"more than is known", "\x06spdy/3\x08http/1.0\x08http/1.1", true, "http/1.1"},
        {"HTTP/2 switched off", "\x02h2\x08http/1.1", false, "http/1.1"},
        {"HTTP/2 switched off and nothing else offered", "\x02h2", false, NULL},
        {"unknown only",
         "\x03"
         "foo\x08http/1.0",
         true, NULL},
        {"no extension", NULL, true, ""},
        {"no extension, HTTP/2 switched off", NULL, false, ""},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_tls_t *tls = create("first www", 0, rows[i].http2);
        for (int variant = 0; variant != 4; ++variant) {
            uint8_t alert[GW_TLS_ALERT_MAX];
            handshake_t got = end_of(run(server_of(gw_tls_context(tls)),
                                         (client_t){.alpn = rows[i].offered,
                                                    .server_name = variant & 1 ? "www.example.com" : NULL,
                                                    .max_version = variant & 2 ? TLS1_2_VERSION : TLS1_3_VERSION}));
            if (got.is_done != (rows[i].expected != NULL) || (got.is_done && strcmp(got.alpn, rows[i].expected) != 0))
                fail_msg("%s: %s", rows[i].about, got.is_done ? got.alpn : "refused");
            size_t alert_len = gw_tls_take_alert(alert);
            if (!got.is_done) {
                assert_int_equal(got.alert, TLS1_AD_NO_APPLICATION_PROTOCOL);
                assert_int_equal(alert_len, 7);
                assert_memory_equal(alert, "\x15\x03\x03\x00\x02\x02\x78", 7);
            }
            assert_int_equal(gw_tls_take_alert(alert), 0);
        }
        gw_tls_free(tls);
    }
}

static void a_ticket_survives_a_reload_and_one_rotation(void **state)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; ++version) {
        client_t client = {.server_name = "www.example.com", .max_version = version};
        uint64_t now = 1000;

        gw_tls_tickets_dispose();
        gw_tls_t *tls = create("first www", 0, true);
        gw_tls_tickets_rotate(now);
        handshake_t full = run(server_of(gw_tls_context(tls)), client);
        assert_true(full.is_done);
        assert_false(full.is_resumed);
        assert_true(SSL_SESSION_has_ticket(full.session));
        assert_in_range(SSL_SESSION_get_ticket_lifetime_hint(full.session), 1, GW_TLS_TICKETS_VALID_S);
        assert_int_equal(SSL_CTX_sess_number(gw_tls_context(tls)), 0); /* nothing is kept in the server */

        client.session = full.session;
        assert_true(end_of(run(server_of(gw_tls_context(tls)), client)).is_resumed);

        gw_tls_free(tls); /* a reload */
        tls = create("first www", 0, true);
        assert_true(end_of(run(server_of(gw_tls_context(tls)), client)).is_resumed);

        gw_tls_tickets_rotate(now += GW_TLS_TICKETS_ROTATE_S - 1); /* nothing yet */
        handshake_t again = run(server_of(gw_tls_context(tls)), client);
        assert_true(again.is_resumed);

        gw_tls_tickets_rotate(now += 1); /* the key is the previous one now: it opens, and a new ticket comes */
        handshake_t renewed = run(server_of(gw_tls_context(tls)), client);
        assert_true(renewed.is_resumed);

        gw_tls_tickets_rotate(now += GW_TLS_TICKETS_ROTATE_S); /* the first key is gone */
        assert_false(end_of(run(server_of(gw_tls_context(tls)), client)).is_resumed);
        client.session = renewed.session;
        assert_true(end_of(run(server_of(gw_tls_context(tls)), client)).is_resumed);

        gw_tls_tickets_rotate(now += 2 * GW_TLS_TICKETS_ROTATE_S); /* a long sleep: no old key at all */
        handshake_t last = run(server_of(gw_tls_context(tls)), client);
        assert_false(last.is_resumed);
        client.session = last.session;
        gw_tls_tickets_dispose();
        assert_true(end_of(run(server_of(gw_tls_context(tls)), client)).is_done); /* without any key: full handshakes */

        end_of(full);
        end_of(again);
        end_of(renewed);
        end_of(last);
        gw_tls_free(tls);
    }
}

static void a_ticket_is_worth_nothing_at_a_listener_with_other_names(void **state)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; ++version) {
        gw_tls_t *one = create("first www", 0, true), *other = create("first wild", 0, true);
        handshake_t full = run(server_of(gw_tls_context(one)), (client_t){.max_version = version});
        handshake_t got =
            end_of(run(server_of(gw_tls_context(other)), (client_t){.max_version = version, .session = full.session}));
        assert_true(got.is_done);
        assert_false(got.is_resumed);
        end_of(full);
        gw_tls_free(one);
        gw_tls_free(other);
    }
}

static void handshakes_outlive_the_listener(void **state)
{
    gw_tls_t *tls = create("first www wild", 0, true);
    SSL *begun[2] = {server_of(gw_tls_context(tls)), server_of(gw_tls_context(tls))};

    gw_tls_free(tls);
    assert_int_equal(end_of(run(begun[0], (client_t){.server_name = "api.example.com"})).serial, 3);
    assert_int_equal(end_of(run(begun[1], (client_t){.server_name = NULL})).serial, 1);
}

static void *shake_hands(void *arg)
{
    handshake_t last = {.session = NULL};

    for (int i = 0; i != 10; ++i) {
        handshake_t got = run(server_of(arg), (client_t){.server_name = "api.example.com", .session = last.session});
        if (!got.is_done || got.serial != 3)
            abort();
        end_of(last);
        last = got;
    }
    end_of(last);
    return NULL;
}

static void workers_share_a_context_while_keys_rotate(void **state)
{
    gw_tls_t *tls = create("first wild", 0, true);
    pthread_t threads[3];

    for (size_t i = 0; i != 3; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, shake_hands, gw_tls_context(tls)), 0);
    for (uint64_t i = 0; i != 20; ++i)
        gw_tls_tickets_rotate(1000000 + i * GW_TLS_TICKETS_ROTATE_S);
    for (size_t i = 0; i != 3; ++i)
        pthread_join(threads[i], NULL);
    gw_tls_free(tls);
}

static void make_bad_files(void)
{
    static const char garbage[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    static char large[(1 << 20) + 1];

    write_pair("mismatched", ec, 40, "m", "DNS:m.test");
    write_key("mismatched.key", ec_other, NULL, 0600);
    write_pair("encrypted", ec, 41, "e", "DNS:e.test");
    write_key("encrypted.key", ec, "xyzzy", 0600);
    write_pair("nocert", ec, 42, "n", "DNS:n.test");
    write_text("nocert.crt", "hello\n", 6);
    write_text("der.crt", "\x30\x82\x01", 3);
    write_key("der.key", ec, NULL, 0600);
    write_text("garbage.crt", garbage, sizeof(garbage) - 1);
    write_key("garbage.key", ec, NULL, 0600);
    write_pair("nokey", ec, 43, "k", "DNS:k.test");
    write_text("nokey.key", "hello\n", 6);
    write_pair("empty", ec, 44, "e", "DNS:e.test");
    write_text("empty.key", "", 0);
    write_pair("large", ec, 45, "l", "DNS:l.test");
    write_text("large.crt", large, sizeof(large));
    write_pair("weak", rsa_1024, 46, "w", "DNS:w.test");
    write_pair("curve", ec_k1, 47, "c", "DNS:c.test");
    write_certificate("expired.crt", ec, 48, "x", "DNS:x.test", -1700000000, -1699990000, NULL, NULL);
    write_key("expired.key", ec, NULL, 0600);
    write_certificate("future.crt", ec, 49, "f", "DNS:f.test", DAY, 2 * DAY, NULL, NULL);
    write_key("future.key", ec, NULL, 0600);
    write_pair("open", ec, 50, "o", "DNS:o.test");
    write_key("open.key", ec, NULL, 0644);
    write_certificate("disorder.crt", ec, 51, "leaf", "DNS:d.test", -DAY, DAY, "intermediate", rsa);
    write_certificate("disorder.crt", ec_other, 52, "root", NULL, -DAY, DAY, NULL, NULL);
    write_certificate("disorder.crt", rsa, 53, "intermediate", NULL, -DAY, DAY, "root", ec_other);
    write_key("disorder.key", ec, NULL, 0600);
    write_pair("partial", ec, 54, "p", "DNS:p.test,DNS:f*.test,DNS:a.*.test,DNS:*.");
    write_pair("twin", ec, 55, "t", "DNS:first.test");
    assert_int_equal(mkfifo(at("fifo.crt"), 0600), 0);
    write_key("fifo.key", ec, NULL, 0600);
    assert_int_equal(mkdir(at("folder.crt"), 0700), 0);
    write_key("folder.key", ec, NULL, 0600);
}

static void problems_are_named(void **state)
{
    static const struct {
        const char *names, *expected;
        bool is_made;
    } rows[] = {
        {"absent",
         "error 0 certificate: cannot read 'absent.crt': No such file or directory\n"
         "error 0 key: cannot read 'absent.key': No such file or directory\n",
         false},
        {"first mismatched",
         "error 1 key: the key 'mismatched.key' does not belong to the certificate 'mismatched.crt'\n", false},
        {"encrypted",
         "error 0 key: the key 'encrypted.key' is encrypted and nobody can be asked for its passphrase (openssl pkey "
         "removes it)\n",
         false},
        {"nocert", "error 0 certificate: 'nocert.crt' holds no certificate in PEM form\n", false},
        {"der",
         "error 0 certificate: 'der.crt' holds no certificate in PEM form (it looks like DER; openssl x509 -inform "
         "der converts it)\n",
         false},
        {"nokey", "error 0 key: 'nokey.key' holds no private key in PEM form\n", false},
        {"empty", "error 0 key: 'empty.key' is empty\n", false},
        {"large", "error 0 certificate: cannot read 'large.crt': larger than 1 MiB\n", false},
        {"fifo", "error 0 certificate: cannot read 'fifo.crt': not a regular file\n", false},
        {"folder", "error 0 certificate: cannot read 'folder.crt': not a regular file\n", false},
        {"weak", "error 0 key: the RSA key 'weak.key' has 1024 bits, at least 2048 are needed\n", false},
        {"curve",
         "error 0 key: the EC key 'curve.key' is on the curve 'secp256k1', clients know P-256, P-384 and P-521\n",
         false},
        {"mismatched nocert absent",
         "error 0 key: the key 'mismatched.key' does not belong to the certificate 'mismatched.crt'\n"
         "error 1 certificate: 'nocert.crt' holds no certificate in PEM form\n"
         "error 2 certificate: cannot read 'absent.crt': No such file or directory\n"
         "error 2 key: cannot read 'absent.key': No such file or directory\n",
         false},
        {"open",
         "warning 0 key: the key 'open.key' can be read or written by others than its owner and the owner's group "
         "(mode "
         "0644; chmod 640 is enough)\n",
         true},
        {"disorder",
         "warning 0 certificate: 'disorder.crt': certificate 2 did not issue the one before it; clients want the "
         "server's "
         "certificate, its issuer, the issuer's issuer, ...\n",
         true},
        {"partial",
         "warning 0 certificate: 'partial.crt': no client can be answered by the name 'f*.test': it is no host name, "
         "or "
         "its wildcard is not the whole first label\n"
         "warning 0 certificate: 'partial.crt': no client can be answered by the name 'a.*.test': it is no host name, "
         "or "
         "its wildcard is not the whole first label\n"
         "warning 0 certificate: 'partial.crt': no client can be answered by the name '*.': it is no host name, or its "
         "wildcard is not the whole first label\n",
         true},
        {"first twin", "warning 1 certificate: 'twin.crt' is never chosen: earlier certificates have all its names\n",
         true},
        {"first www wild ed both-rsa both-ec", "", true},
    };
    make_bad_files();
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_tls_t *tls = create(rows[i].names, 0, true);
        assert_string_equal(problems, rows[i].expected);
        assert_int_equal(tls != NULL, rows[i].is_made);
        gw_tls_free(tls);
    }
    /* these two hold a date or words of OpenSSL */
    static const struct {
        const char *names, *begin;
        bool is_made;
    } changing[] = {
        {"expired", "warning 0 certificate: 'expired.crt': certificate 1 expired at ", true},
        {"future", "warning 0 certificate: 'future.crt': certificate 1 is not valid before 20", true},
        {"garbage", "error 0 certificate: 'garbage.crt': certificate 1 cannot be understood: ", false},
    };
    for (size_t i = 0; i != sizeof(changing) / sizeof(changing[0]); ++i) {
        gw_tls_t *tls = create(changing[i].names, 0, true);
        assert_true(strncmp(problems, changing[i].begin, strlen(changing[i].begin)) == 0);
        assert_ptr_equal(strchr(problems, '\n'), problems + strlen(problems) - 1);
        assert_int_equal(tls != NULL, changing[i].is_made);
        gw_tls_free(tls);
    }
    assert_int_equal(ERR_peek_error(), 0); /* nothing is left for the next user of OpenSSL's queue */
}

static void many_certificates_are_no_trouble(void **state)
{
    enum { NUM = 300 };
    static char files[NUM][256];
    static gw_tls_certificate_t certificates[NUM];
    char name[64], alternatives[256], key[256];

    snprintf(key, sizeof(key), "%s", at("first.key"));
    for (int i = 0; i != NUM; ++i) {
        snprintf(name, sizeof(name), "many-%d.crt", i);
        snprintf(alternatives, sizeof(alternatives), "DNS:h%d.test,DNS:*.w%d.test,DNS:shared.test", i, i);
        write_certificate(name, ec, 1000 + i, "many", alternatives, -DAY, DAY, NULL, NULL);
        snprintf(files[i], sizeof(files[i]), "%s", at(name));
        certificates[i] = (gw_tls_certificate_t){files[i], key};
    }
    problems[0] = '\0';
    gw_tls_t *tls = gw_tls_create(certificates, NUM, 0, true, NULL, note_problem, problems);
    assert_non_null(tls);
    assert_string_equal(problems, "");
    for (int i = 0; i < NUM; i += 37) {
        snprintf(name, sizeof(name), "h%d.test", i);
        assert_int_equal(end_of(run(server_of(gw_tls_context(tls)), (client_t){.server_name = name})).serial, 1000 + i);
        snprintf(name, sizeof(name), "any.w%d.test", i);
        assert_int_equal(end_of(run(server_of(gw_tls_context(tls)), (client_t){.server_name = name})).serial, 1000 + i);
    }
    assert_int_equal(end_of(run(server_of(gw_tls_context(tls)), (client_t){.server_name = "shared.test"})).serial,
                     1000);
    gw_tls_free(tls);
}

static void freeing_nothing_is_fine(void **state)
{
    assert_null(gw_tls_free(NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_within_bounds),
        cmocka_unit_test(ciphers_are_ecdhe_and_aead_only),
        cmocka_unit_test(the_name_chooses_the_certificate),
        cmocka_unit_test(rsa_and_ecdsa_share_a_name),
        cmocka_unit_test(without_a_name_both_kinds_answer_if_their_names_are_the_same),
        cmocka_unit_test(the_chain_is_sent_in_order),
        cmocka_unit_test(alpn_chooses_the_protocol),
        cmocka_unit_test(a_ticket_survives_a_reload_and_one_rotation),
        cmocka_unit_test(a_ticket_is_worth_nothing_at_a_listener_with_other_names),
        cmocka_unit_test(handshakes_outlive_the_listener),
        cmocka_unit_test(workers_share_a_context_while_keys_rotate),
        cmocka_unit_test(problems_are_named),
        cmocka_unit_test(many_certificates_are_no_trouble),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("server/tls", tests, set_up, tear_down);
}
