/* SPDX-License-Identifier: MIT
 * Access by address, over every transport: what proxies say and who may say it, files that change while requests are
 * under way, Unix sockets. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define SERVICE        "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
#define ROUTE(options) "routes: [ { path: /, service: origin, filters: [ { ip_access: { " options " } } ] } ]\n"

static char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void expect(const gateway_t *gateway, transport_t transport, const char *header, int status)
{
    const char *const headers[] = {header, NULL};
    reply_t reply = fetch(gateway, transport, &(request_t){.path = "/", .headers = headers});
    if (reply.status != status || (status == 403 && strstr(reply.body, "\"reason\":\"ip_denied\"") == NULL))
        fail_msg("over %s with %s: %d %s instead of %d", transport_names[transport],
                 header != NULL ? header : "nothing", reply.status, reply.body, status);
    reply_free(&reply);
}

static void addresses_pass_or_are_refused(void **state)
{
    static const struct {
        const char *about, *before, *options, *header;
        int status;
        const char *in_log; /* a decision; NULL: none */
    } cases[] = {
        {"denied", "", "deny: [ 127.0.0.0/8 ]", NULL, 403, "\"verdict\":\"refused\",\"reason\":\"denied\""},
        {"not allowed", "", "allow: [ 10.0.0.0/8 ]", NULL, 403, "\"verdict\":\"refused\",\"reason\":\"not_allowed\""},
        {"allowed", "", "allow: [ 127.0.0.1 ]", NULL, 200, NULL},
        {"in no network", "", "deny: [ 10.0.0.0/8 ]", NULL, 200, NULL},
        {"an exception", "", "allow: [ 127.0.0.1 ], deny: [ 127.0.0.0/8 ]", NULL, 200, NULL},
        {"only watched", "", "deny: [ 127.0.0.0/8 ], mode: observe", NULL, 200,
         "\"verdict\":\"would_refuse\",\"reason\":\"denied\""},
        /* what the client says of itself counts for nothing */
        {"a client that says it is another", "", "allow: [ 10.9.9.9 ]", "X-Forwarded-For: 10.9.9.9", 403,
         "\"verdict\":\"refused\",\"reason\":\"not_allowed\""},
        {"a client that blames another", "", "deny: [ 10.9.9.9 ]", "X-Forwarded-For: 10.9.9.9", 200, NULL},
        /* what a trusted proxy says does */
        {"a proxy's client", "trusted_proxies: [ 127.0.0.1 ]\n", "allow: [ 10.9.9.9 ]", "X-Forwarded-For: 10.9.9.9",
         200, NULL},
        {"a proxy's client that is denied", "trusted_proxies: [ 127.0.0.1 ]\n", "deny: [ '2001:db8::/32' ]",
         "X-Forwarded-For: 2001:db8::9", 403, "\"verdict\":\"refused\",\"reason\":\"denied\""},
        {"a proxy's client that says it is another", "trusted_proxies: [ 127.0.0.1 ]\n", "allow: [ 10.9.9.9 ]",
         "X-Forwarded-For: 10.9.9.9, 192.0.2.66", 403, "\"verdict\":\"refused\",\"reason\":\"not_allowed\""},
        {"through two proxies", "trusted_proxies: [ 127.0.0.1, 192.0.2.66 ]\n", "allow: [ 10.9.9.9 ]",
         "X-Forwarded-For: 10.9.9.9, 192.0.2.66", 200, NULL},
        {"the peer, whatever it says", "trusted_proxies: [ 127.0.0.1 ]\n", "allow: [ 127.0.0.1 ], address: peer",
         "X-Forwarded-For: 10.9.9.9", 200, NULL},
        {"a peer that is not allowed", "trusted_proxies: [ 127.0.0.1 ]\n", "allow: [ 10.9.9.9 ], address: peer",
         "X-Forwarded-For: 10.9.9.9", 403, "\"verdict\":\"refused\",\"reason\":\"not_allowed\""},
    };
    origin_t *origin = origin_start(origin_answer, answer);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gateway_t *gateway =
            gateway_start(CONF_LISTEN "%s" SERVICE ROUTE("%s"), cases[i].before, origin->port, cases[i].options);
        size_t asked = atomic_load(&origin->num_requests);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            expect(gateway, t, cases[i].header, cases[i].status);
        assert_int_equal(atomic_load(&origin->num_requests) - asked, cases[i].status == 200 ? NUM_TRANSPORTS : 0);
        if (cases[i].in_log != NULL)
            free(process_wait_for(gateway->process, cases[i].in_log, NUM_TRANSPORTS));
        free(process_wait_for(gateway->process, "\"path\":\"/\"", NUM_TRANSPORTS));
        if (cases[i].in_log == NULL && process_count(gateway->process, "\"ip_access\"") != 0)
            fail_msg("%s: there was something to decide", cases[i].about);
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

/* more than one of a kind, and more than the log shows: what comes late takes nothing from what came first */
static void the_decisions_of_a_long_chain_are_logged_in_their_order(void **state)
{
    char filters[4096] = "", decisions[4096] = "\"decisions\":[";
    size_t used = 0, len = strlen(decisions);
    for (int i = 0; i != 32; ++i) {
        bool is_denied = i % 3 == 0;
        used += (size_t)snprintf(filters + used, sizeof(filters) - used, "%s{ ip_access: { %s, mode: observe } }",
                                 i != 0 ? ", " : "", is_denied ? "deny: [ 127.0.0.1 ]" : "allow: [ 10.0.0.1 ]");
        if (i < 24)
            len += (size_t)snprintf(decisions + len, sizeof(decisions) - len,
                                    "{\"filter\":\"ip_access\",\"verdict\":\"would_refuse\",\"reason\":\"%s\"},",
                                    is_denied ? "denied" : "not_allowed");
    }
    snprintf(decisions + len, sizeof(decisions) - len, "{\"omitted\":8}]");
    origin_t *origin = origin_start(origin_answer, answer);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN SERVICE "routes: [ { path: /, service: origin, filters: [ %s ] } ]\n", origin->port, filters);
    expect(gateway, 0, NULL, 200);
    free(process_wait_for(gateway->process, decisions, 1));
    gateway_stop(gateway);
    origin_stop(origin);
}

/* files ------------------------------------------------------------------------------------------------------------ */

static char *file_in(const gateway_t *gateway, const char *name)
{
    char *path = malloc(strlen(gateway->folder) + strlen(name) + 2);
    sprintf(path, "%s/%s", gateway->folder, name);
    return path;
}

/** Puts a file with this content in the place of the old one. */
static void replace_file(const gateway_t *gateway, const char *name, const char *content)
{
    char *path = file_in(gateway, name), *draft = file_in(gateway, "draft");
    FILE *file = fopen(draft, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    assert_int_equal(rename(draft, path), 0);
    free(path);
    free(draft);
}

/** The route with a deny_file, which cannot be there before the gateway's folder is: a reload brings it. */
static gateway_t *start_with_file(const origin_t *origin, const char *content)
{
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("deny: [ 10.0.0.0/8 ]"), origin->port);
    replace_file(gateway, "deny.txt", content);
    gateway_write_conf(gateway, CONF_LISTEN SERVICE ROUTE("deny_file: deny.txt"), origin->port);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", 1));
    return gateway;
}

/** A client that asks again and again. */
typedef struct asking {
    pthread_t thread;
    const gateway_t *gateway;
    transport_t transport;
    atomic_bool is_over;
    atomic_size_t num_passed, num_refused;
    size_t num_wrong; /* neither, or passed after it had been refused */
} asking_t;

static void *ask_again_and_again(void *arg)
{
    asking_t *asking = arg;
    client_t *client = client_create(asking->gateway, asking->transport);
    while (!atomic_load(&asking->is_over)) {
        reply_t reply = client_send(client, &(request_t){.path = "/"});
        if (reply.status == 403)
            atomic_fetch_add(&asking->num_refused, 1);
        else if (reply.status == 200 && atomic_load(&asking->num_refused) == 0)
            atomic_fetch_add(&asking->num_passed, 1);
        else
            ++asking->num_wrong;
        reply_free(&reply);
    }
    client_free(client);
    return NULL;
}

static void a_file_that_changes_is_in_use_at_once(void **state)
{
    origin_t *origin = origin_start(origin_answer, answer);
    gateway_t *gateway = start_with_file(origin, "10.0.0.0/8\n");
    asking_t asking[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        asking[t] = (asking_t){.gateway = gateway, .transport = t};
        if (pthread_create(&asking[t].thread, NULL, ask_again_and_again, &asking[t]) != 0)
            abort();
    }
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        origin_wait(&asking[t].num_passed, 5);
    replace_file(gateway, "deny.txt", "10.0.0.0/8\n127.0.0.1\n");
    free(process_wait_for(gateway->process, "deny.txt' has changed and was read again", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, NULL, 403);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        origin_wait(&asking[t].num_refused, 5);
        atomic_store(&asking[t].is_over, true);
        pthread_join(asking[t].thread, NULL);
        assert_int_equal(asking[t].num_wrong, 0);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_file_that_is_wrong_changes_nothing(void **state)
{
    origin_t *origin = origin_start(origin_answer, answer);
    gateway_t *gateway = start_with_file(origin, "127.0.0.1\n");
    expect(gateway, OVER_HTTP1, NULL, 403);
    replace_file(gateway, "deny.txt", "# nobody\n  127.0.0.1/33\n");
    free(
        process_wait_for(gateway->process, "deny.txt:2:3: '127.0.0.1/33' is no network (0..32 bits after the '/')", 1));
    free(process_wait_for(gateway->process, "is not used: what was read before stays in use", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, NULL, 403);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reload refused", 1));
    expect(gateway, OVER_HTTP1, NULL, 403);
    replace_file(gateway, "deny.txt", "127.0.0.2\n");
    free(process_wait_for(gateway->process, "deny.txt' has changed and was read again", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, NULL, 200);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void an_allow_file_that_becomes_empty_lets_nobody_pass_and_says_so(void **state)
{
    origin_t *origin = origin_start(origin_answer, answer);
    gateway_t *gateway = start_with_file(origin, "10.0.0.0/8\n");
    replace_file(gateway, "allow.txt", "127.0.0.0/8\n");
    gateway_write_conf(gateway, CONF_LISTEN SERVICE ROUTE("allow_file: allow.txt"), origin->port);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", 2));
    expect(gateway, OVER_HTTP1, NULL, 200);
    replace_file(gateway, "allow.txt", "# maintenance\n");
    free(process_wait_for(gateway->process, "allow.txt: there is no network in this file", 1));
    free(process_wait_for(gateway->process, "allow.txt' has changed and was read again", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, NULL, 403);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* Unix sockets ----------------------------------------------------------------------------------------------------- */

static void clients_of_unix_sockets_are_named_unix(void **state)
{
    static const struct {
        const char *options, *header;
        int status;
    } cases[] = {
        {"deny: [ 0.0.0.0/0, '::/0' ]", "", 200},
        {"deny: [ unix ]", "", 403},
        {"allow: [ 0.0.0.0/0, '::/0' ]", "", 403},
        {"allow: [ unix ]", "", 200},
        /* who may connect is trusted, so its clients are known */
        {"allow: [ unix ]", "X-Forwarded-For: 10.9.9.9\r\n", 403},
        {"allow: [ 10.9.9.9 ]", "X-Forwarded-For: 10.9.9.9\r\n", 200},
        {"allow: [ unix ], address: peer", "X-Forwarded-For: 10.9.9.9\r\n", 200},
    };
    char folder[] = "/tmp/sluice-unix-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/sock", folder);
    origin_t *origin = origin_start(origin_answer, answer);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gateway_t *gateway = gateway_start(CONF_LISTEN "  - address: unix:%s\n" SERVICE ROUTE("%s"), path, origin->port,
                                           cases[i].options);
        int status = ask_by_unix_socket(path, cases[i].header);
        if (status != cases[i].status)
            fail_msg("%s %s: %d instead of %d", cases[i].options, cases[i].header, status, cases[i].status);
        gateway_stop(gateway);
    }
    origin_stop(origin);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_pass_or_are_refused),
        cmocka_unit_test(the_decisions_of_a_long_chain_are_logged_in_their_order),
        cmocka_unit_test(a_file_that_changes_is_in_use_at_once),
        cmocka_unit_test(a_file_that_is_wrong_changes_nothing),
        cmocka_unit_test(an_allow_file_that_becomes_empty_lets_nobody_pass_and_says_so),
        cmocka_unit_test(clients_of_unix_sockets_are_named_unix),
    };
    return cmocka_run_group_tests_name("ip_access", tests, NULL, NULL);
}
