/* SPDX-License-Identifier: MIT
 * Client certificates on the wire: a CA that openssl(1) makes for the run, a gateway that asks for what it signs. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

/* the CA ----------------------------------------------------------------------------------------------------------- */

static char pki[] = "/tmp/sluice-mtls-XXXXXX";

/** Runs openssl in the folder of the CA. */
static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char arguments[2048], command[2400];
    va_list args;
    va_start(args, format);
    vsnprintf(arguments, sizeof(arguments), format, args);
    va_end(args);
    snprintf(command, sizeof(command), "cd %s && openssl %s 2>openssl.log >&2", pki, arguments);
    if (system(command) != 0) {
        snprintf(command, sizeof(command), "cat %s/openssl.log >&2", pki);
        fail_msg("openssl %s failed (%d)", arguments, system(command));
    }
}

static void write_file(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void write_file(const char *name, const char *format, ...)
{
    char path[256];
    va_list args;
    snprintf(path, sizeof(path), "%s/%s", pki, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

#define NEW_KEY "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

/** Makes NAME.crt and NAME.key, signed by the root.
 *  @param extensions lines of openssl's conf   @param from_s, to_s seconds from now */
static void issue(const char *name, const char *subject, const char *extensions, long from_s, long to_s)
{
    char from[32], to[32];
    time_t now = time(NULL), from_at = now + from_s, to_at = now + to_s;
    strftime(from, sizeof(from), "%Y%m%d%H%M%SZ", gmtime(&from_at));
    strftime(to, sizeof(to), "%Y%m%d%H%M%SZ", gmtime(&to_at));
    char file[64];
    snprintf(file, sizeof(file), "%s.ext", name);
    write_file(file, "%s\n", extensions);
    run("req -new " NEW_KEY " -utf8 -subj '%s' -keyout %s.key -out %s.csr", subject, name, name);
    run("ca -batch -notext -config ca.cnf -utf8 -in %s.csr -out %s.crt -extfile %s -startdate %s -enddate %s", name,
        name, file, from, to);
}

#define DAY        86400
#define FOR_CLIENT "extendedKeyUsage = clientAuth\n"

static int make_authority(void **state)
{
    if (mkdtemp(pki) == NULL)
        return -1;
    write_file("ca.cnf", "[ca]\ndefault_ca = a\n[a]\ndatabase = index.txt\nserial = serial\ncrlnumber = crlnumber\n"
                         "certificate = root.crt\nprivate_key = root.key\nnew_certs_dir = .\ndefault_md = sha256\n"
                         "default_crl_days = 1\npolicy = p\nunique_subject = no\n"
                         "[p]\norganizationName = optional\ncommonName = optional\n");
    write_file("index.txt", "%s", "");
    write_file("serial", "1000\n");
    write_file("crlnumber", "1000\n");
    run("req -x509 " NEW_KEY " -days 2 -subj /O=Example/CN=root -keyout root.key -out root.crt");
    run("req -x509 " NEW_KEY " -days 2 -subj /O=Example/CN=root -keyout other.key -out other.crt");
    run("req -x509 " NEW_KEY
        " -days 2 -subj /O=Example/CN=mallory -addext extendedKeyUsage=clientAuth -keyout own.key -out "
        "own.crt");
    issue("alice", "/O=Example/CN=alice",
          FOR_CLIENT
          "subjectAltName = DNS:a.partner.test, URI:spiffe://example/a, email:alice@example.test, IP:10.0.0.1",
          -DAY, DAY);
    issue("bob", "/O=Example/CN=bob", FOR_CLIENT "subjectAltName = DNS:b.other.test", -DAY, DAY);
    issue("revoked", "/O=Example/CN=carol", FOR_CLIENT, -DAY, DAY);
    issue("expired", "/O=Example/CN=dave", FOR_CLIENT, -2 * DAY, -DAY);
    issue("server", "/O=Example/CN=eve", "extendedKeyUsage = serverAuth", -DAY, DAY);
    char many[4096] = FOR_CLIENT "subjectAltName = DNS:a0.example";
    for (size_t i = 1, len = strlen(many); i != 129; ++i)
        len += (size_t)snprintf(many + len, sizeof(many) - len, ", DNS:a%zu.example", i);
    issue("many", "/O=Example/CN=many", many, -DAY, DAY);
    issue("nameless", "/O=Example", FOR_CLIENT, -DAY, DAY);
    issue("intermediate", "/O=Example/CN=intermediate", "basicConstraints = critical, CA:TRUE", -DAY, DAY);
    run("req -new " NEW_KEY " -subj /O=Example/CN=frank -keyout frank.key -out frank.csr");
    run("x509 -req -in frank.csr -CA intermediate.crt -CAkey intermediate.key -days 1 -out frank-alone.crt");
    char command[256];
    snprintf(command, sizeof(command), "cd %s && cat frank-alone.crt intermediate.crt >frank.crt", pki);
    if (system(command) != 0)
        return -1;
    /* another CA of the same name has signed for alice too */
    run("x509 -req -in alice.csr -CA other.crt -CAkey other.key -days 1 -out forged.crt");
    snprintf(command, sizeof(command), "cd %s && cp alice.key forged.key", pki);
    if (system(command) != 0)
        return -1;
    run("ca -config ca.cnf -gencrl -out nobody.crl");
    run("ca -config ca.cnf -revoke revoked.crt");
    run("ca -config ca.cnf -gencrl -out root.crl");
    return 0;
}

static int remove_authority(void **state)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", pki);
    return system(command);
}

/* the gateway ------------------------------------------------------------------------------------------------------ */

#define LISTEN(client_auth)                                                                                            \
    "workers: 1\nlisten:\n  - address: 127.0.0.1:0\n  - address: 127.0.0.1:00\n    tls:\n"                             \
    "      certificates: [ { certificate: server.crt, key: server.key } ]\n"                                           \
    "      client_auth: { ca: %s/root.crt, " client_auth " }\n"                                                        \
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
#define PLAIN_ROUTE    "routes: [ { path: /, service: origin } ]\n"
#define ROUTE(options) "routes: [ { path: /, service: origin, filters: [ mtls: { " options " } ] } ]\n"
#define REFUSED        "client certificate refused: 127.0.0.1: "

/** A client that shows NAME.crt; NULL: none. */
static client_t *client_of(const gateway_t *gateway, transport_t transport, const char *name)
{
    static char paths[16][2][256];
    static size_t next;
    client_t *client = client_create(gateway, transport);
    if (name != NULL) {
        char(*path)[256] = paths[next++ % 16];
        snprintf(path[0], sizeof(path[0]), "%s/%s.crt", pki, name);
        snprintf(path[1], sizeof(path[1]), "%s/%s.key", pki, name);
        client_use_certificate(client, path[0], path[1]);
    }
    return client;
}

/** One request on a connection of its own. */
static reply_t ask(const gateway_t *gateway, transport_t transport, const char *name, const char *const *headers)
{
    client_t *client = client_of(gateway, transport, name);
    reply_t reply = client_send(client, &(request_t){.path = "/", .headers = headers});
    client_free(client);
    return reply;
}

/** @param reason of a problem, or NULL */
static void expect(const gateway_t *gateway, transport_t transport, const char *name, int status, const char *reason)
{
    reply_t reply = ask(gateway, transport, name, NULL);
    if (reply.status != status || (reason != NULL && strstr(reply.body, reason) == NULL))
        fail_msg("%s over %s: %d (%s) %s instead of %d %s", name != NULL ? name : "nobody", transport_names[transport],
                 reply.status, curl_error(reply.error), reply.body, status, reason != NULL ? reason : "");
    reply_free(&reply);
}

/* handshakes ------------------------------------------------------------------------------------------------------- */

/** A TLS client of its own, for what curl does not tell.
 *  @param ret_session may be NULL; what the server gave to resume with
 *  @return the alert that it got; 0: it was answered; -1: the connection just ended */
static int shake(const gateway_t *gateway, int version, const char *name, SSL_SESSION *session,
                 SSL_SESSION **ret_session, bool *ret_is_resumed)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char path[256], byte;
    int alert = -1, fd = raw_connect(gateway->ports[1]);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (name != NULL) {
        snprintf(path, sizeof(path), "%s/%s.crt", pki, name);
        assert_int_equal(SSL_CTX_use_certificate_chain_file(context, path), 1);
        snprintf(path, sizeof(path), "%s/%s.key", pki, name);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM), 1);
    }
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (session != NULL)
        SSL_set_session(ssl, session);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    ERR_clear_error();
    if (SSL_connect(ssl) == 1 && SSL_write(ssl, request, sizeof(request) - 1) > 0 && SSL_read(ssl, &byte, 1) == 1)
        alert = 0;
    else if (ERR_GET_REASON(ERR_peek_error()) > SSL_AD_REASON_OFFSET)
        alert = ERR_GET_REASON(ERR_peek_error()) - SSL_AD_REASON_OFFSET;
    if (ret_is_resumed != NULL)
        *ret_is_resumed = SSL_session_reused(ssl) == 1;
    if (ret_session != NULL)
        *ret_session = SSL_get1_session(ssl);
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return alert;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void who_is_refused_gets_the_alert_for_it_and_the_log_says_why(void **state)
{
    static const struct {
        const char *name;
        int alert; /* 0: let in */
        const char *why;
    } cases[] = {
        {"alice", 0, NULL},
        {"frank", 0, NULL}, /* with an intermediate certificate */
        {NULL, SSL_AD_CERTIFICATE_REQUIRED, "the client sent none"},
        {"forged", SSL_AD_DECRYPT_ERROR, "certificate signature failure: CN=alice,O=Example"},
        {"expired", SSL_AD_CERTIFICATE_EXPIRED, "certificate has expired: CN=dave,O=Example"},
        {"revoked", SSL_AD_CERTIFICATE_REVOKED, "certificate revoked: CN=carol,O=Example"},
        {"server", SSL_AD_UNSUPPORTED_CERTIFICATE, "unsuitable certificate purpose: CN=eve,O=Example"},
        {"own", SSL_AD_UNKNOWN_CA, "self-signed certificate: CN=mallory,O=Example"},
    };
    origin_t *origin = origin_start(origin_reflect, NULL);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        /* frank's intermediate CA has no CRL, which is refused where there is any */
        bool is_frank = cases[i].name != NULL && strcmp(cases[i].name, "frank") == 0;
        gateway_t *gateway = is_frank ? gateway_start(LISTEN("depth: 1") PLAIN_ROUTE, pki, origin->port)
                                      : gateway_start(LISTEN("crl: %s/root.crl") PLAIN_ROUTE, pki, pki, origin->port);
        for (size_t v = 0; v != 2; ++v) {
            int alert = cases[i].alert == SSL_AD_CERTIFICATE_REQUIRED && versions[v] == TLS1_2_VERSION
                            ? SSL_AD_HANDSHAKE_FAILURE
                            : cases[i].alert;
            assert_int_equal(shake(gateway, versions[v], cases[i].name, NULL, NULL, NULL), alert);
        }
        for (transport_t t = OVER_TLS; t != NUM_TRANSPORTS; ++t)
            expect(gateway, t, cases[i].name, cases[i].alert == 0 ? 200 : 0, NULL);
        if (cases[i].why != NULL) {
            char line[256];
            snprintf(line, sizeof(line), REFUSED "%s\n", cases[i].why);
            free(process_wait_for(gateway->process, line, 4));
        } else {
            assert_int_equal(process_count(gateway->process, REFUSED), 0);
        }
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

static void where_none_is_needed_a_bad_one_is_refused_all_the_same(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(LISTEN("crl: %s/root.crl, mode: optional") PLAIN_ROUTE, pki, pki, origin->port);
    for (transport_t t = OVER_TLS; t != NUM_TRANSPORTS; ++t) {
        expect(gateway, t, NULL, 200, NULL);
        expect(gateway, t, "alice", 200, NULL);
        expect(gateway, t, "own", 0, NULL);
        expect(gateway, t, "revoked", 0, NULL);
    }
    free(process_wait_for(gateway->process, REFUSED "certificate revoked: CN=carol,O=Example\n", 2));
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_certificate_that_a_reload_has_revoked_is_not_let_in_by_an_old_session(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(LISTEN("crl: %s/nobody.crl") PLAIN_ROUTE, pki, pki, origin->port);
    SSL_SESSION *sessions[2];
    bool is_resumed;
    for (size_t v = 0; v != 2; ++v) {
        assert_int_equal(shake(gateway, versions[v], "revoked", NULL, &sessions[v], NULL), 0);
        SSL_SESSION *again;
        assert_int_equal(shake(gateway, versions[v], "revoked", sessions[v], &again, &is_resumed), 0);
        assert_false(is_resumed);
        SSL_SESSION_free(again);
    }
    client_t *open = client_of(gateway, OVER_TLS, "revoked");
    reply_t reply = client_send(open, &(request_t){.path = "/"});
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    gateway_write_conf(gateway, LISTEN("crl: %s/root.crl") PLAIN_ROUTE, pki, pki, origin->port);
    gateway_reload(gateway, 1);
    for (size_t v = 0; v != 2; ++v) {
        /* the worker adopts the new configuration a moment after the control thread has said so */
        int alert;
        while ((alert = shake(gateway, versions[v], "revoked", sessions[v], NULL, NULL)) == 0)
            ;
        assert_int_equal(alert, SSL_AD_CERTIFICATE_REVOKED);
        assert_int_equal(shake(gateway, versions[v], "alice", NULL, NULL, NULL), 0);
        SSL_SESSION_free(sessions[v]);
    }
    reply = client_send(open, &(request_t){.path = "/"}); /* as the manual says */
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.num_connects, 0);
    reply_free(&reply);
    client_free(open);
    gateway_stop(gateway);
    origin_stop(origin);
}

/** For loops that wait for something to change: fails the test at the deadline of process.h. */
static void check_deadline(time_t started)
{
    if ((time(NULL) - started) * 1000 > DEADLINE_MS)
        fail_msg("nothing changes");
}

static void an_open_connection_ends_with_its_certificate(void **state)
{
    enum { seconds = 8 };
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(LISTEN("depth: 0") ROUTE(""), pki, origin->port);
    client_t *clients[NUM_TRANSPORTS];
    time_t started = time(NULL);
    issue("brief", "/O=Example/CN=brief", FOR_CLIENT, -DAY, seconds);
    for (transport_t t = OVER_TLS; t != NUM_TRANSPORTS; ++t) {
        clients[t] = client_of(gateway, t, "brief");
        reply_t reply = client_send(clients[t], &(request_t){.path = "/"});
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    for (transport_t t = OVER_TLS; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = client_send(clients[t], &(request_t){.path = "/"});
        while (reply.status == 200) {
            check_deadline(started);
            assert_int_equal(reply.num_connects, 0);
            reply_free(&reply);
            poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
            reply = client_send(clients[t], &(request_t){.path = "/"});
        }
        assert_int_equal(reply.status, 403);
        assert_int_equal(reply.num_connects, 0);
        assert_non_null(strstr(reply.body, "client_certificate_expired"));
        reply_free(&reply);
        int status = 403;
        while (status != 0) { /* the connection goes, and there is no other with this certificate */
            check_deadline(started);
            reply = client_send(clients[t], &(request_t){.path = "/"});
            status = reply.status;
            assert_true(status == 0 || (t == OVER_HTTP2 && status == 403));
            reply_free(&reply);
        }
        client_free(clients[t]);
    }
    free(process_wait_for(gateway->process, "\"reason\":\"client_certificate_expired\"", 2));
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_flood_of_bad_handshakes_does_not_flood_the_log(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(LISTEN("depth: 0") PLAIN_ROUTE, pki, origin->port);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (size_t i = 0; i != 60; ++i)
        shake(gateway, TLS1_2_VERSION, NULL, NULL, NULL, NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    expect(gateway, OVER_TLS, "alice", 200, NULL);
    process_signal(gateway->process, SIGTERM);
    process_wait(gateway->process);
    size_t num_spans = (size_t)(end.tv_sec - start.tv_sec) / 10 + 2;
    assert_in_range(process_count(gateway->process, REFUSED), 5, 5 * num_spans);
    gateway_end(gateway);
    origin_stop(origin);
}

/* the filter ------------------------------------------------------------------------------------------------------- */

static void the_service_is_told_who_the_client_is_and_nobody_else_can_tell_it(void **state)
{
    static const char *const forged[] = {"X-Subject: CN=root",
                                         "x_subject: CN=root",
                                         "X-SUBJECT: CN=root",
                                         "X-Fingerprint: 00",
                                         "X-San: admin",
                                         "X-Email: root",
                                         "Client-Cert: :AAAA:",
                                         "Client_Cert: :AAAA:",
                                         "Client-Cert-Chain: :AAAA:",
                                         "X-Other: stays",
                                         NULL};
    static const char *const lies[] = {"CN=root", "x_subject", "X_SUBJECT", ": 00\r", "admin", ": root\r", ":AAAA:"};
    static const char *const truths[] = {
        "x-subject: CN=alice,O=Example\r\n",
        "x-issuer: CN=root,O=Example\r\n",
        "x-san: a.partner.test,spiffe://example/a,alice@example.test,10.0.0.1\r\n",
        "x-email: alice@example.test\r\n",
        "x-serial: 10",
        "client-cert: :MII",
    };
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        gateway_start(LISTEN("mode: optional") ROUTE(
                          "optional: true, forward: { subject: X-Subject, fingerprint: X-Fingerprint, san: X-San, "
                          "issuer: X-Issuer, serial: X-Serial, san_email: X-Email, certificate: Client-Cert }"),
                      pki, origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (int has_one = 0; has_one != (t == OVER_HTTP1 ? 1 : 2); ++has_one) {
            reply_t reply = ask(gateway, t, has_one != 0 ? "alice" : NULL, forged);
            assert_int_equal(reply.status, 200);
            for (size_t i = 0; i != sizeof(lies) / sizeof(lies[0]); ++i)
                if (strcasestr(reply.body, lies[i]) != NULL && !(has_one != 0 && strcmp(lies[i], "CN=root") == 0))
                    fail_msg("'%s' over %s:\n%s", lies[i], transport_names[t], reply.body);
            assert_null(strcasestr(reply.body, "subject: CN=root"));
            for (size_t i = 0; i != sizeof(truths) / sizeof(truths[0]); ++i)
                if ((strcasestr(reply.body, truths[i]) != NULL) != (has_one != 0))
                    fail_msg("'%s' over %s:\n%s", truths[i], transport_names[t], reply.body);
            assert_non_null(strcasestr(reply.body, "x-other: stays\r\n"));
            reply_free(&reply);
        }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void the_rules_decide_and_the_log_tells_whom_and_which(void **state)
{
    static const struct {
        const char *about, *options, *name;
        int status;
        const char *reason, *line; /* in the access log; NULL: anything */
    } cases[] = {
        {"any certificate", "name: subject", "bob", 200, NULL,
         "\"principal\":\"CN=bob,O=Example\",\"credential\":\"mtls\""},
        {"called by the common name", "name: cn", "bob", 200, NULL, "\"principal\":\"bob\",\"credential\":\"mtls\""},
        {"called by a URI", "name: san_uri", "alice", 200, NULL, "\"principal\":\"spiffe://example/a\""},
        {"no certificate", "name: subject", NULL, 403, "mtls_missing",
         "\"filter\":\"mtls\",\"verdict\":\"refused\",\"reason\":\"missing\""},
        {"no certificate, optional", "optional: true", NULL, 200, NULL, "\"reason\":\"ok\""},
        {"the right common name", "require: { cn: [ carol, alice ] }", "alice", 200, NULL, NULL},
        {"another common name", "require: { cn: [ carol, alice ] }", "bob", 403, "mtls_not_allowed",
         "\"filter\":\"mtls\",\"verdict\":\"refused\",\"reason\":\"cn_not_allowed\""},
        {"who was refused is known", "require: { cn: [ alice ] }", "bob", 403, NULL,
         "\"principal\":\"CN=bob,O=Example\""},
        {"a bad one where none is needed", "optional: true, require: { cn: [ alice ] }", "bob", 403, "mtls_not_allowed",
         NULL},
        {"a wildcard", "require: { san: [ \"*.partner.test\" ] }", "alice", 200, NULL, NULL},
        {"another domain", "require: { san: [ \"*.partner.test\" ] }", "bob", 403, "mtls_not_allowed",
         "\"reason\":\"san_not_allowed\""},
        {"both lists", "require: { cn: bob, san: b.other.test, issuer: \"CN=root,O=Example\" }", "bob", 200, NULL,
         NULL},
        {"one of two lists", "require: { cn: bob, san: a.partner.test }", "bob", 403, "mtls_not_allowed",
         "\"reason\":\"san_not_allowed\""},
        {"the subject", "require: { subject: \"CN=alice,O=Example\" }", "bob", 403, "mtls_not_allowed",
         "\"reason\":\"subject_not_allowed\""},
        {"a name that is not there", "name: cn", "nameless", 403, "mtls_not_allowed", "\"reason\":\"no_name\""},
        {"more alternative names than are read", "name: subject", "many", 403, "mtls_not_allowed",
         "\"reason\":\"too_many_names\""},
        {"observed only", "mode: observe, require: { cn: alice }", "bob", 200, NULL,
         "\"filter\":\"mtls\",\"verdict\":\"would_refuse\",\"reason\":\"cn_not_allowed\""},
        {"observed without a certificate", "mode: observe", NULL, 200, NULL,
         "\"filter\":\"mtls\",\"verdict\":\"would_refuse\",\"reason\":\"missing\""},
    };
    origin_t *origin = origin_start(origin_reflect, NULL);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gateway_t *gateway = gateway_start(
            LISTEN("mode: optional") "routes: [ { path: /, service: origin, filters: [ mtls: { %s } ] } ]\n", pki,
            origin->port, cases[i].options);
        for (transport_t t = cases[i].name == NULL ? OVER_HTTP1 : OVER_TLS; t != NUM_TRANSPORTS; ++t) {
            expect(gateway, t, cases[i].name, cases[i].status, cases[i].reason);
            if (cases[i].line != NULL)
                free(process_wait_for(gateway->process, cases[i].line, cases[i].name == NULL ? t + 1u : t));
        }
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

static void a_certificate_that_is_only_watched_makes_nobody_known(void **state)
{
    char path[256];
    write_file("keys", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad acme\n"); /* of "abc" */
    snprintf(path, sizeof(path), "%s/keys", pki);
    assert_int_equal(chmod(path, 0600), 0);
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(
        LISTEN("mode: optional") "routes: [ { path: /, service: origin, filters: [ mtls: { mode: observe, "
                                 "require: { cn: alice }, forward: { cn: X-Name } }, "
                                 "api_key: { file: %s, optional: when_known } ] } ]\n",
        pki, origin->port, path);
    for (transport_t t = OVER_TLS; t != NUM_TRANSPORTS; ++t) {
        expect(gateway, t, "alice", 200, "\r\nx-name: alice\r\n");
        expect(gateway, t, "bob", 401, "api_key_missing");
        expect(gateway, t, NULL, 401, "api_key_missing");
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void client_cert_is_nobody_s_to_send_where_certificates_are_asked_for(void **state)
{
    static const char *const forged[] = {
        "Client-Cert: :AAAA:",       "Client_Cert: :AAAA:",       "Client-Cert-Chain: :AAAA:",
        "client_cert-chain: :AAAA:", "Client-Certificate: stays", NULL};
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        gateway_start(LISTEN("mode: optional") "trusted_proxies: [ 127.0.0.1 ]\n" PLAIN_ROUTE, pki, origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = ask(gateway, t, NULL, forged);
        assert_int_equal(reply.status, 200);
        if (strstr(reply.body, "AAAA") != NULL)
            fail_msg("over %s:\n%s", transport_names[t], reply.body);
        assert_non_null(strcasestr(reply.body, "\r\nclient-certificate: stays\r\n"));
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_property_is_a_key_for_others(void **state)
{
    origin_t *ones[] = {origin_start(origin_answer, (void *)"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0"),
                        origin_start(origin_answer, (void *)"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")};
    gateway_t *gateway = gateway_start(
        "workers: 1\nlisten:\n  - address: 127.0.0.1:0\n  - address: 127.0.0.1:00\n    tls:\n"
        "      certificates: [ { certificate: server.crt, key: server.key } ]\n      client_auth: { ca: %s/root.crt }\n"
        "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\" ], balance: { method: "
        "hash, key: "
        "mtls.fingerprint } } }\n" ROUTE("mode: observe"),
        pki, ones[0]->port, ones[1]->port);
    client_t *client = client_of(gateway, OVER_HTTP2, "alice");
    char first = 0;
    for (size_t i = 0; i != 10; ++i) {
        reply_t reply = client_send(client, &(request_t){.path = "/"});
        assert_int_equal(reply.status, 200);
        if (first == 0)
            first = *reply.body;
        assert_int_equal(*reply.body, first); /* round robin would change */
        reply_free(&reply);
    }
    client_free(client);
    gateway_stop(gateway);
    origin_stop(ones[0]);
    origin_stop(ones[1]);
}

static void what_is_wrong_with_the_files_is_an_error_with_its_place(void **state)
{
    const char *program = getenv("SLUICE");
    char path[256];
    write_file(
        "wrong.yaml",
        "listen:\n  - address: :0\n    tls:\n      certificates: [ { certificate: alice.crt, key: alice.key } ]\n"
        "      client_auth: { ca: alice.crt, crl: root.key }\n"
        "services: { a: { endpoints: [ http://127.0.0.1:1 ] } }\nroutes: [ { path: /, service: a } ]\n");
    snprintf(path, sizeof(path), "%s/wrong.yaml", pki);
    process_t *process =
        process_start((const char *const[]){program != NULL ? program : "gateway/sluice", "check", "-c", path, NULL});
    process_wait(process);
    char expected[512];
    snprintf(expected, sizeof(expected), "wrong.yaml:5:20: error: '%s/alice.crt': certificate 1 is not that of a CA\n",
             pki);
    free(process_wait_for(process, expected, 1));
    snprintf(expected, sizeof(expected), "wrong.yaml:5:20: error: '%s/root.key' holds no CRL in PEM form\n", pki);
    free(process_wait_for(process, expected, 1));
    assert_int_equal(process_end(process), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_refused_gets_the_alert_for_it_and_the_log_says_why),
        cmocka_unit_test(where_none_is_needed_a_bad_one_is_refused_all_the_same),
        cmocka_unit_test(a_certificate_that_a_reload_has_revoked_is_not_let_in_by_an_old_session),
        cmocka_unit_test(an_open_connection_ends_with_its_certificate),
        cmocka_unit_test(a_flood_of_bad_handshakes_does_not_flood_the_log),
        cmocka_unit_test(the_service_is_told_who_the_client_is_and_nobody_else_can_tell_it),
        cmocka_unit_test(the_rules_decide_and_the_log_tells_whom_and_which),
        cmocka_unit_test(a_certificate_that_is_only_watched_makes_nobody_known),
        cmocka_unit_test(client_cert_is_nobody_s_to_send_where_certificates_are_asked_for),
        cmocka_unit_test(a_property_is_a_key_for_others),
        cmocka_unit_test(what_is_wrong_with_the_files_is_an_error_with_its_place),
    };
    return cmocka_run_group_tests_name("mtls", tests, make_authority, remove_authority);
}
