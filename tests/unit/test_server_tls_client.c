/* SPDX-License-Identifier: MIT
 * Client certificates of listeners: what is found in the files, and who gets through a handshake.  Certificates are
 * made here, handshakes are real and run through memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "gateway/server/tls.h"
#include "gateway/server/tls_client.h"

#define DAY 86400L

static char folder[64];

/* certificates ----------------------------------------------------------------------------------------------------- */

typedef struct identity {
    const char *name;
    X509 *certificate;
    EVP_PKEY *key;
} identity_t;

static identity_t root, other_root, same_name_root, intermediate, revoked_intermediate, second_intermediate, alice, bob,
    revoked, expired, early, server_only, deep, below_revoked, self_signed, impostor, weak;

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, (char *)value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

typedef struct wish {
    const char *usage; /* extended key usage */
    bool is_ca;
    long from_s, to_s; /* both 0: now */
    EVP_PKEY *key;     /* NULL: a new one */
} wish_t;

static void issue(identity_t *who, const char *name, const identity_t *issuer, wish_t wish)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    who->name = name;
    who->key = wish.key != NULL ? wish.key : EVP_EC_gen("P-256");
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wish.to_s != 0 ? wish.from_s : -DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wish.to_s != 0 ? wish.to_s : DAY);
    X509_set_pubkey(certificate, who->key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                               -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer != NULL ? issuer->certificate : certificate));
    if (wish.is_ca)
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    if (wish.usage != NULL)
        add_extension(certificate, NID_ext_key_usage, wish.usage);
    assert_true(X509_sign(certificate, issuer != NULL ? issuer->key : who->key, EVP_sha256()) > 0);
    who->certificate = certificate;
}

static const char *at(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static FILE *open_for_writing(const char *name)
{
    FILE *file = fopen(at(name), "a");
    assert_non_null(file);
    return file;
}

static void write_certificates(const char *name, size_t num, const identity_t *const *who)
{
    FILE *file = open_for_writing(name);
    for (size_t i = 0; i != num; ++i)
        assert_int_equal(PEM_write_X509(file, who[i]->certificate), 1);
    fclose(file);
}

#define WRITE(name, ...)                                                                                               \
    write_certificates(name, sizeof((const identity_t *[]){__VA_ARGS__}) / sizeof(identity_t *),                       \
                       (const identity_t *[]){__VA_ARGS__})

/* Appends a CRL.  @param revokes NULL: nobody   @param is_delta marks it as one */
static void write_crl(const char *name, const identity_t *issuer, const identity_t *revokes, long from_s, long to_s,
                      bool is_delta)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, from_s), *to = X509_gmtime_adj(NULL, to_s);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(crl, from);
    X509_CRL_set1_nextUpdate(crl, to);
    if (revokes != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revokes->certificate));
        X509_REVOKED_set_revocationDate(entry, from);
        X509_CRL_add0_revoked(crl, entry);
    }
    if (is_delta) {
        ASN1_INTEGER *base = ASN1_INTEGER_new();
        ASN1_INTEGER_set(base, 1);
        X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0);
        ASN1_INTEGER_free(base);
    }
    assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
    FILE *file = open_for_writing(name);
    assert_int_equal(PEM_write_X509_CRL(file, crl), 1);
    fclose(file);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_CRL_free(crl);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = open_for_writing(name);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    strcpy(folder, "/tmp/sluice-tls-client-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    const wish_t ca = {.is_ca = true}, client = {.usage = "clientAuth"};
    issue(&root, "root", NULL, ca);
    issue(&other_root, "other root", NULL, ca);
    issue(&same_name_root, "root", NULL, ca);
    issue(&intermediate, "intermediate", &root, ca);
    issue(&second_intermediate, "second intermediate", &intermediate, ca);
    issue(&revoked_intermediate, "revoked intermediate", &root, ca);
    issue(&alice, "alice", &root, client);
    issue(&bob, "bob", &intermediate, (wish_t){0}); /* for any use */
    issue(&deep, "deep", &second_intermediate, client);
    issue(&below_revoked, "below revoked", &revoked_intermediate, client);
    issue(&revoked, "revoked", &root, client);
    issue(&expired, "expired", &root, (wish_t){.usage = "clientAuth", .from_s = -2 * DAY, .to_s = -DAY});
    issue(&early, "early", &root, (wish_t){.usage = "clientAuth", .from_s = DAY, .to_s = 2 * DAY});
    issue(&server_only, "server only", &root, (wish_t){.usage = "serverAuth"});
    issue(&self_signed, "self-signed", NULL, client);
    issue(&impostor, "impostor", &same_name_root, client);
    issue(&weak, "weak", &root, (wish_t){.usage = "clientAuth", .key = EVP_RSA_gen(1024)});
    identity_t old_root;
    issue(&old_root, "old root", NULL, (wish_t){.is_ca = true, .from_s = -2 * DAY, .to_s = -DAY});
    WRITE("old.pem", &old_root);
    X509_free(old_root.certificate);
    EVP_PKEY_free(old_root.key);
    WRITE("root.pem", &root);
    WRITE("other.pem", &other_root);
    WRITE("both.pem", &root, &other_root);
    WRITE("intermediate.pem", &intermediate);
    WRITE("tree.pem", &root, &revoked_intermediate, &intermediate);
    WRITE("leaf.pem", &root, &alice);
    write_crl("root.crl", &root, &revoked, -DAY, DAY, false);
    write_crl("tree.crl", &root, &revoked_intermediate, -DAY, DAY, false);
    write_crl("tree.crl", &intermediate, NULL, -DAY, DAY, false);
    write_crl("tree.crl", &revoked_intermediate, NULL, -DAY, DAY, false);
    write_crl("intermediate.crl", &intermediate, NULL, -DAY, DAY, false);
    write_crl("other.crl", &other_root, NULL, -DAY, DAY, false);
    write_crl("impostor.crl", &same_name_root, NULL, -DAY, DAY, false);
    write_crl("expired.crl", &root, NULL, -2 * DAY, -DAY, false);
    write_crl("early.crl", &root, NULL, DAY, 2 * DAY, false);
    write_crl("delta.crl", &root, NULL, -DAY, DAY, true);
    write_text("empty.pem", "");
    write_text("text.pem", "no certificate\n");
    write_text("broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    FILE *key = open_for_writing("server.key");
    PEM_write_PrivateKey(key, root.key, NULL, NULL, 0, NULL, NULL);
    fclose(key);
    chmod(at("server.key"), 0600);
    return 0;
}

static int tear_down(void **state)
{
    identity_t *const all[] = {&root,     &other_root, &same_name_root, &intermediate, &revoked_intermediate,
                               &alice,    &bob,        &revoked,        &expired,      &second_intermediate,
                               &early,    &deep,       &server_only,    &self_signed,  &below_revoked,
                               &impostor, &weak};
    char command[128];
    for (size_t i = 0; i != sizeof(all) / sizeof(all[0]); ++i) {
        X509_free(all[i]->certificate);
        EVP_PKEY_free(all[i]->key);
    }
    gw_tls_tickets_dispose();
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}

/* loading ---------------------------------------------------------------------------------------------------------- */

static char problems[4096];

static void note_problem(void *arg, bool is_error, const char *text)
{
    size_t len = strlen(problems), folder_len = strlen(folder);
    assert_ptr_equal(arg, problems);
    len += (size_t)snprintf(problems + len, sizeof(problems) - len, "%s: ", is_error ? "error" : "warning");
    for (; *text != '\0' && len < sizeof(problems) - 2; ++text)
        if (strncmp(text, folder, folder_len) == 0)
            text += folder_len; /* and the '/' */
        else if (text[0] == '2' && text[1] == '0' && text[10] == 'T') {
            text += 19; /* a time */
            len += (size_t)sprintf(problems + len, "TIME");
        } else
            problems[len++] = *text;
    problems[len++] = '\n';
    problems[len] = '\0';
}

static gw_tls_client_auth_t *load(const char *ca, const char *crl, bool is_optional, unsigned depth)
{
    const gw_tls_client_conf_t conf = {
        .ca = at(ca), .crl = crl != NULL ? at(crl) : NULL, .is_optional = is_optional, .depth = depth};
    problems[0] = '\0';
    return gw_tls_client_auth_load(&conf, note_problem, problems);
}

static void what_is_wrong_with_the_files_is_said(void **state)
{
    static const struct {
        const char *about, *ca, *crl, *expected;
    } cases[] = {
        {"all is well", "root.pem", "root.crl", ""},
        {"without CRLs", "both.pem", NULL, ""},
        {"no file", "nothing.pem", NULL, "error: cannot read 'nothing.pem': No such file or directory\n"},
        {"two that are missing", "nothing.pem", "nothing.crl",
         "error: cannot read 'nothing.pem': No such file or directory\n"
         "error: cannot read 'nothing.crl': No such file or directory\n"},
        {"a folder", ".", NULL, "error: cannot read '.': not a regular file\n"},
        {"an empty file", "empty.pem", NULL, "error: 'empty.pem' holds no certificate in PEM form\n"},
        {"something else", "text.pem", NULL, "error: 'text.pem' holds no certificate in PEM form\n"},
        {"a key", "server.key", NULL, "error: 'server.key' holds no certificate in PEM form\n"},
        {"a broken certificate", "broken.pem", NULL,
         "error: 'broken.pem': certificate 1 cannot be understood: ASN1 lib\n"},
        {"a client's certificate", "leaf.pem", NULL, "error: 'leaf.pem': certificate 2 is not that of a CA\n"},
        {"an old CA", "old.pem", NULL,
         "warning: 'old.pem': certificate 1 expired at TIME: nobody with a certificate of it is let in\n"},
        {"certificates for CRLs", "root.pem", "root.pem", "error: 'root.pem' holds no CRL in PEM form\n"},
        {"the CRL of another CA", "root.pem", "other.crl",
         "error: 'other.crl': CRL 1, of 'CN=other root', is signed by none of the CAs in 'root.pem'\n"},
        {"the CRL of a CA of the same name", "root.pem", "impostor.crl",
         "error: 'impostor.crl': CRL 1, of 'CN=root', is signed by none of the CAs in 'root.pem'\n"},
        {"a delta CRL", "root.pem", "delta.crl",
         "error: 'delta.crl': CRL 1 is a delta CRL: a complete one is needed\n"},
        {"an old CRL", "root.pem", "expired.crl",
         "warning: 'expired.crl': CRL 1 expired at TIME: nobody with a certificate of its CA is let in\n"},
        {"an early CRL", "root.pem", "early.crl", "warning: 'early.crl': CRL 1 is not valid before TIME\n"},
        {"a CA without a CRL", "both.pem", "root.crl",
         "warning: 'both.pem': certificate 2 has no CRL in 'root.crl': nobody with a certificate of it is let in\n"},
        {"a CA that is revoked", "tree.pem", "tree.crl",
         "warning: 'tree.pem': certificate 2 is revoked, and not trusted\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_tls_client_auth_t *auth = load(cases[i].ca, cases[i].crl, false, 3);
        if (strcmp(problems, cases[i].expected) != 0)
            fprintf(stderr, "case: %s\n", cases[i].about);
        assert_string_equal(problems, cases[i].expected);
        assert_int_equal(auth == NULL, strstr(problems, "error:") != NULL);
        assert_null(gw_tls_client_auth_free(auth));
    }
}

/* handshakes ------------------------------------------------------------------------------------------------------- */

typedef struct handshake {
    bool is_done, is_resumed;
    int alert; /* that the client got; 0: none */
    int num_names;
    char why[GW_TLS_REFUSAL_MAX]; /* "": no refusal */
    gw_client_certificate_t *certificate;
    SSL_SESSION *session;
} handshake_t;

static gw_client_certificate_t *delivered;
static void *delivered_to;

static void take(void *transport, gw_client_certificate_t *certificate)
{
    gw_client_certificate_free(delivered);
    delivered = certificate;
    delivered_to = transport;
}

static void ignore(void *arg, bool is_error, size_t index, bool is_key, const char *text)
{
    if (is_error)
        fail_msg("%s", text);
}

static gw_tls_t *listener(const char *ca, const char *crl, bool is_optional, unsigned depth)
{
    static char crt[256], key[256];
    snprintf(crt, sizeof(crt), "%s", at("root.pem"));
    snprintf(key, sizeof(key), "%s", at("server.key"));
    gw_tls_client_auth_t *auth = ca != NULL ? load(ca, crl, is_optional, depth) : NULL;
    gw_tls_t *tls = gw_tls_create(&(gw_tls_certificate_t){crt, key}, 1, 0, true, auth, ignore, NULL);
    assert_non_null(tls);
    gw_tls_client_auth_free(auth); /* the contexts keep what they need */
    return tls;
}

/* @param chain what the client sends beside its certificate; NULL-terminated or NULL */
static handshake_t shake(const gw_tls_t *tls, int version, const identity_t *who, const identity_t *const *chain,
                         SSL_SESSION *session)
{
    handshake_t result = {.is_done = false};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *server = SSL_new(gw_tls_context(tls));
    BIO *client_end, *server_end;
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (who != NULL) {
        SSL_CTX_use_certificate(context, who->certificate);
        SSL_CTX_use_PrivateKey(context, who->key);
    }
    for (; chain != NULL && *chain != NULL; ++chain)
        SSL_CTX_add1_chain_cert(context, (*chain)->certificate);
    SSL *client = SSL_new(context);
    if (session != NULL)
        SSL_set_session(client, session);
    BIO_new_bio_pair(&client_end, 65536, &server_end, 65536);
    SSL_set_bio(client, client_end, client_end);
    SSL_set_bio(server, server_end, server_end);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    int client_result = 0, server_result = 0;
    delivered_to = NULL;
    for (int turn = 0; turn != 10; ++turn) {
        if (client_result != 1)
            client_result = SSL_do_handshake(client);
        ERR_clear_error();
        if (server_result == 1)
            continue;
        server_result = SSL_do_handshake(server);
        if (server_result != 1 && SSL_get_error(server, server_result) != SSL_ERROR_WANT_READ) {
            if (!gw_tls_client_take_refusal(result.why))
                result.why[0] = '\0';
            break;
        }
    }
    result.is_done = client_result == 1 && server_result == 1;
    uint8_t alert[GW_TLS_ALERT_MAX];
    size_t alert_len = gw_tls_take_alert(alert);
    if (result.is_done) {
        assert_int_equal(alert_len, 0);
        result.is_resumed = SSL_session_reused(server);
    } else { /* what libh2o throws away must mean to the client what OpenSSL meant */
        uint8_t written[GW_TLS_ALERT_MAX + 1];
        assert_int_not_equal(alert_len, 0);
        assert_int_equal(BIO_read(client_end, written, sizeof(written)), alert_len);
        assert_memory_equal(written, alert, alert_len);
        assert_int_equal(BIO_write(server_end, alert, (int)alert_len), alert_len);
    }
    char byte;
    ERR_clear_error();
    if (SSL_read(client, &byte, 1) <= 0 && ERR_GET_REASON(ERR_peek_error()) > SSL_AD_REASON_OFFSET)
        result.alert = ERR_GET_REASON(ERR_peek_error()) - SSL_AD_REASON_OFFSET;
    result.num_names = sk_X509_NAME_num(SSL_get0_peer_CA_list(client));
    if (result.is_done)
        result.session = SSL_get1_session(client);
    result.certificate = delivered;
    delivered = NULL;
    assert_true(delivered_to == NULL || delivered_to == BIO_get_data(server_end));
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else the session would count as bad */
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(context);
    ERR_clear_error();
    return result;
}

static handshake_t end_of(handshake_t handshake)
{
    gw_client_certificate_free(handshake.certificate);
    SSL_SESSION_free(handshake.session);
    handshake.certificate = NULL;
    handshake.session = NULL;
    return handshake;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void who_may_not_pass_gets_an_alert_and_a_line_says_why(void **state)
{
    static const identity_t *const with_intermediate[] = {&intermediate, NULL},
                                   *const with_both[] = {&second_intermediate, &intermediate, NULL},
                                   *const with_revoked[] = {&revoked_intermediate, NULL};
    const struct {
        const char *about, *ca, *crl;
        bool is_optional;
        unsigned depth;
        const identity_t *who, *const *chain;
        int alert; /* 0: passes */
        const char *why;
    } cases[] = {
        {"a good one", "root.pem", NULL, false, 3, &alice, NULL, 0, ""},
        {"a good one, though none is needed", "root.pem", NULL, true, 3, &alice, NULL, 0, ""},
        {"one without extended key usage", "root.pem", NULL, false, 3, &bob, with_intermediate, 0, ""},
        {"none", "root.pem", NULL, false, 3, NULL, NULL, SSL_AD_CERTIFICATE_REQUIRED, "the client sent none"},
        {"none, where none is needed", "root.pem", NULL, true, 3, NULL, NULL, 0, ""},
        {"another CA's", "other.pem", NULL, false, 3, &alice, NULL, SSL_AD_UNKNOWN_CA,
         "unable to get local issuer certificate: CN=alice"},
        {"another CA's is bad also where none is needed", "other.pem", NULL, true, 3, &alice, NULL, SSL_AD_UNKNOWN_CA,
         "unable to get local issuer certificate: CN=alice"},
        {"of a CA of the same name", "root.pem", NULL, false, 3, &impostor, NULL, SSL_AD_DECRYPT_ERROR,
         "certificate signature failure: CN=impostor"},
        {"its own", "root.pem", NULL, false, 3, &self_signed, NULL, SSL_AD_UNKNOWN_CA,
         "self-signed certificate: CN=self-signed"},
        {"expired", "root.pem", NULL, false, 3, &expired, NULL, SSL_AD_CERTIFICATE_EXPIRED,
         "certificate has expired: CN=expired"},
        {"not yet valid", "root.pem", NULL, false, 3, &early, NULL, SSL_AD_BAD_CERTIFICATE,
         "certificate is not yet valid: CN=early"},
        {"a server's", "root.pem", NULL, false, 3, &server_only, NULL, SSL_AD_UNSUPPORTED_CERTIFICATE,
         "unsuitable certificate purpose: CN=server only"},
        {"a weak key", "root.pem", NULL, false, 3, &weak, NULL, SSL_AD_BAD_CERTIFICATE,
         "EE certificate key too weak: CN=weak"},
        {"an intermediate that is not sent", "root.pem", NULL, false, 3, &bob, NULL, SSL_AD_UNKNOWN_CA,
         "unable to get local issuer certificate: CN=bob"},
        {"an intermediate as anchor", "intermediate.pem", NULL, false, 0, &bob, NULL, 0, ""},
        {"the root's own clients are not the intermediate's", "intermediate.pem", NULL, false, 3, &alice, NULL,
         SSL_AD_UNKNOWN_CA, "unable to get local issuer certificate: CN=alice"},
        {"one intermediate, depth 1", "root.pem", NULL, false, 1, &bob, with_intermediate, 0, ""},
        {"one intermediate, depth 0", "root.pem", NULL, false, 0, &bob, with_intermediate, SSL_AD_UNKNOWN_CA,
         "certificate chain too long: CN=intermediate"},
        {"two intermediates, depth 2", "root.pem", NULL, false, 2, &deep, with_both, 0, ""},
        {"two intermediates, depth 1", "root.pem", NULL, false, 1, &deep, with_both, SSL_AD_UNKNOWN_CA,
         "certificate chain too long: CN=intermediate"},
        {"not revoked", "root.pem", "root.crl", false, 3, &alice, NULL, 0, ""},
        {"revoked", "root.pem", "root.crl", false, 3, &revoked, NULL, SSL_AD_CERTIFICATE_REVOKED,
         "certificate revoked: CN=revoked"},
        {"the CRL has expired", "root.pem", "expired.crl", false, 3, &alice, NULL, SSL_AD_CERTIFICATE_EXPIRED,
         "CRL has expired: CN=alice"},
        {"the CRL is not valid yet", "root.pem", "early.crl", false, 3, &alice, NULL, SSL_AD_BAD_CERTIFICATE,
         "CRL is not yet valid: CN=alice"},
        {"no CRL of an intermediate", "root.pem", "root.crl", false, 3, &bob, with_intermediate, SSL_AD_UNKNOWN_CA,
         "unable to get certificate CRL: CN=bob"},
        {"an anchor needs no CRL of its issuer", "intermediate.pem", "intermediate.crl", false, 3, &bob, NULL, 0, ""},
        {"a CRL for every CA", "tree.pem", "tree.crl", false, 3, &bob, with_intermediate, 0, ""},
        {"below a revoked CA that was to be trusted", "tree.pem", "tree.crl", false, 3, &below_revoked, with_revoked,
         SSL_AD_CERTIFICATE_REVOKED, "certificate revoked: CN=revoked intermediate"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_tls_t *tls = listener(cases[i].ca, cases[i].crl, cases[i].is_optional, cases[i].depth);
        for (size_t v = 0; v != 2; ++v) {
            handshake_t got = end_of(shake(tls, versions[v], cases[i].who, cases[i].chain, NULL));
            int alert = cases[i].alert;
            if (versions[v] == TLS1_2_VERSION && alert == SSL_AD_CERTIFICATE_REQUIRED)
                alert = SSL_AD_HANDSHAKE_FAILURE; /* it knows no better word */
            if (got.is_done != (alert == 0) || got.alert != alert || strcmp(got.why, cases[i].why) != 0)
                fprintf(stderr, "case: %s, version %zu: %d, alert %d, '%s'\n", cases[i].about, v, got.is_done,
                        got.alert, got.why);
            assert_int_equal(got.is_done, alert == 0);
            assert_int_equal(got.alert, alert);
            assert_string_equal(got.why, cases[i].why);
        }
        gw_tls_free(tls);
    }
}

static void the_certificate_is_handed_over_with_the_connection(void **state)
{
    gw_tls_t *tls = listener("both.pem", NULL, true, 3);
    for (size_t v = 0; v != 2; ++v) {
        handshake_t got = shake(tls, versions[v], &alice, NULL, NULL);
        assert_non_null(got.certificate);
        assert_true(gw_str_equal(got.certificate->texts[GW_CERTIFICATE_SUBJECT], GW_STR("CN=alice")));
        assert_int_equal(got.num_names, 2); /* the client is told both CAs */
        end_of(got);
        got = shake(tls, versions[v], NULL, NULL, NULL);
        assert_true(got.is_done);
        assert_null(got.certificate);
        end_of(got);
    }
    gw_tls_free(tls);
}

static void who_is_not_asked_shows_nothing(void **state)
{
    gw_tls_t *tls = listener(NULL, NULL, false, 0);
    for (size_t v = 0; v != 2; ++v) {
        handshake_t got = shake(tls, versions[v], &alice, NULL, NULL);
        assert_true(got.is_done);
        assert_null(got.certificate);
        end_of(got);
    }
    gw_tls_free(tls);
}

static void no_session_is_resumed_where_certificates_are_asked_for(void **state)
{
    gw_tls_t *asking = listener("root.pem", NULL, true, 3), *plain = listener(NULL, NULL, false, 0);
    for (size_t v = 0; v != 2; ++v) {
        handshake_t first = shake(asking, versions[v], &alice, NULL, NULL);
        assert_true(first.is_done);
        assert_false(SSL_SESSION_has_ticket(first.session));
        handshake_t second = shake(asking, versions[v], &alice, NULL, first.session);
        assert_true(second.is_done);
        assert_false(second.is_resumed);
        assert_non_null(second.certificate); /* it was shown again */
        end_of(second);
        end_of(first);
        /* a ticket of a listener that asks for nothing, with the same names and keys */
        first = shake(plain, versions[v], NULL, NULL, NULL);
        assert_true(SSL_SESSION_has_ticket(first.session));
        assert_true(end_of(shake(plain, versions[v], NULL, NULL, first.session)).is_resumed);
        assert_false(end_of(shake(asking, versions[v], NULL, NULL, first.session)).is_resumed);
        end_of(first);
    }
    gw_tls_free(asking);
    gw_tls_free(plain);
}

static void a_failure_of_another_kind_is_no_refusal(void **state)
{
    gw_tls_t *tls = listener("root.pem", NULL, false, 3);
    char why[GW_TLS_REFUSAL_MAX];
    handshake_t got = end_of(shake(tls, TLS1_1_VERSION, &alice, NULL, NULL));
    assert_false(got.is_done);
    assert_string_equal(got.why, "");
    assert_false(gw_tls_client_take_refusal(why));
    gw_tls_free(tls);
}

static void a_chain_that_is_too_large_is_refused(void **state)
{
    static const identity_t *chain[300];
    gw_tls_t *tls = listener("root.pem", NULL, false, 3);
    for (size_t i = 0; i != sizeof(chain) / sizeof(chain[0]) - 1; ++i)
        chain[i] = &intermediate; /* more than 300 bytes each */
    for (size_t v = 0; v != 2; ++v) {
        handshake_t got = end_of(shake(tls, versions[v], &bob, chain, NULL));
        assert_false(got.is_done);
        assert_string_equal(got.why, "its certificates are too large");
    }
    gw_tls_free(tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_with_the_files_is_said),
        cmocka_unit_test(who_may_not_pass_gets_an_alert_and_a_line_says_why),
        cmocka_unit_test(the_certificate_is_handed_over_with_the_connection),
        cmocka_unit_test(who_is_not_asked_shows_nothing),
        cmocka_unit_test(no_session_is_resumed_where_certificates_are_asked_for),
        cmocka_unit_test(a_failure_of_another_kind_is_no_refusal),
        cmocka_unit_test(a_chain_that_is_too_large_is_refused),
    };
    gw_tls_client_set_sink(take);
    return cmocka_run_group_tests_name("test_server_tls_client", tests, set_up, tear_down);
}
