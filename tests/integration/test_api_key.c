/* SPDX-License-Identifier: MIT
 * API keys in front of a real service: who passes, what the service is told, what the log says and does not say, and
 * files that change. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/command.h"
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

/* of "abc" (FIPS 180-2 B.1) and of the long one (B.2) */
#define ABC  "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LONG "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"

#define KEYS                                                                                                           \
    ABC " acme plan=gold team=\"back office\"\n" LONG " \"Bob & Sons\" plan=iron expires=2020-01-01T00:00:00Z\n"

static const char long_key[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

static char *file; /* stays to the end of the program */

static void write_keys(const char *text)
{
    free(file);
    file = conf_file_replace(test_folder, "keys", text);
}

/** A gateway with the filter, its options as given, before an origin that reflects requests. */
static gateway_t *start(const origin_t *origin, const char *options)
{
    return gateway_start(CONF_LISTEN
                         "services:\n  origin: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n"
                         "routes: [ { path: /, service: origin, filters: [ { api_key: { file: %s, %s } } ] } ]\n",
                         origin->port, file, options);
}

typedef struct trial {
    const char *about, *options, *path;
    const char *headers[6];
    int status;
    const char *in_reply;     /* head or body, which is the request as the service got it */
    const char *not_in_reply; /* NULL: nothing */
    const char *in_log;       /* of the access log's line */
} trial_t;

#define EVERYWHERE "from: [ \"header:X-API-Key\", \"query:k\", \"cookie:key\" ]"

static const trial_t trials[] = {
    {"a good key",
     "realm: here",
     "/",
     {"X-API-Key: abc"},
     200,
     "GET / HTTP",
     "abc",
     "\"principal\":\"acme\",\"credential\":\"api_key\""},
    {"no key",
     "realm: here",
     "/",
     {NULL},
     401,
     "\"detail\":\"an API key is expected in the header field x-api-key\",\"reason\":\"api_key_missing\"",
     NULL,
     "\"decisions\":[{\"filter\":\"api_key\",\"verdict\":\"refused\",\"reason\":\"missing\"}]"},
    {"a challenge comes with a 401",
     "realm: here",
     "/",
     {NULL},
     401,
     "ww-authenticate: ApiKey realm=\"here\"",
     NULL,
     "\"reason\":\"api_key_missing\""},
    {"an unknown key",
     "realm: here",
     "/",
     {"X-API-Key: abd"},
     401,
     "\"reason\":\"api_key_invalid\"",
     "unknown",
     "\"reason\":\"unknown\""},
    {"an empty key",
     "realm: here",
     "/",
     {"X-API-Key;"},
     401,
     "\"reason\":\"api_key_invalid\"",
     NULL,
     "\"reason\":\"unknown\""},
    {"the hash of a key is no key",
     "realm: here",
     "/",
     {"X-API-Key: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
     401,
     "\"reason\":\"api_key_invalid\"",
     NULL,
     "\"reason\":\"unknown\""},
    {"an expired key",
     "realm: here",
     "/",
     {"X-API-Key: abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"},
     401,
     "\"reason\":\"api_key_expired\"",
     NULL,
     "\"reason\":\"expired\""},
    {"a key twice",
     "realm: here",
     "/",
     {"X-API-Key: abc", "X-API-Key: abc"},
     400,
     "\"reason\":\"api_key_repeated\"",
     "ww-authenticate",
     "\"reason\":\"repeated\""},
    {"a key in two places",
     EVERYWHERE,
     "/?k=abc",
     {"X-API-Key: abc"},
     400,
     "\"reason\":\"api_key_repeated\"",
     NULL,
     "\"query\":\"k=***\""},
    {"a key in the query",
     EVERYWHERE,
     "/a?b=c&k=abc&d=e",
     {NULL},
     200,
     "GET /a?b=c&d=e HTTP",
     "abc",
     "\"query\":\"b=c&k=***&d=e\""},
    {"a key in the query alone", EVERYWHERE, "/a?k=abc", {NULL}, 200, "GET /a HTTP", "abc", "\"query\":\"k=***\""},
    {"a key in the query, encoded",
     EVERYWHERE,
     "/a?k=%61b%63",
     {NULL},
     200,
     "GET /a HTTP",
     NULL,
     "\"query\":\"k=***\""},
    {"a key in a cookie",
     EVERYWHERE,
     "/",
     {"Cookie: a=b; key=abc; c=d"},
     200,
     "ookie: a=b; c=d",
     "abc",
     "\"principal\":\"acme\""},
    {"a key in a place that is not asked for",
     "realm: here",
     "/?x-api-key=abc",
     {"Cookie: x-api-key=abc"},
     401,
     "\"reason\":\"api_key_missing\"",
     NULL,
     "\"reason\":\"missing\""},
    {"a key that may go on", "remove: false", "/", {"X-API-Key: abc"}, 200, "ey: abc", NULL, "\"principal\":\"acme\""},
    {"what the service is told",
     "forward: { owner: X-Owner, plan: X-Plan, team: X-Team, nothing: X-Nothing }",
     "/",
     {"X-API-Key: abc", "X-Owner: admin", "x_plan: platinum", "X-Nothing: something", "X-Other: mine"},
     200,
     "x-owner: acme\r\nx-plan: gold\r\nx-team: back office\r\n",
     "admin",
     "\"principal\":\"acme\""},
    {"names spelled for CGI",
     "forward: { owner: X-Owner, plan: X-Plan }",
     "/",
     {"X-API-Key: abc", "x_plan: platinum", "X_Owner: admin"},
     200,
     "x-owner: acme",
     "platinum",
     "\"principal\":\"acme\""},
    {"nobody speaks for the gateway",
     "optional: true, forward: { owner: X-Owner }",
     "/",
     {"X-Owner: admin", "X-Other: mine"},
     200,
     ": mine",
     "admin",
     "\"status\":200"},
    {"an anonymous request", "optional: true", "/", {NULL}, 200, "GET / HTTP", NULL, "\"reason\":\"ok\""},
    {"optional does not make a wrong key right",
     "optional: true",
     "/",
     {"X-API-Key: abd"},
     401,
     "\"reason\":\"api_key_invalid\"",
     NULL,
     "\"reason\":\"unknown\""},
    {"a requirement that is met",
     "require: { plan: [ gold, silver ], owner: acme }",
     "/",
     {"X-API-Key: abc"},
     200,
     "GET / HTTP",
     NULL,
     "\"principal\":\"acme\""},
    {"a requirement that is not",
     "require: { plan: [ gold, silver ], team: front }",
     "/",
     {"X-API-Key: abc"},
     403,
     "\"reason\":\"api_key_not_allowed\"",
     "ww-authenticate",
     "\"reason\":\"not_allowed\""},
    {"a property that is not there",
     "require: { region: \"\" }",
     "/",
     {"X-API-Key: abc"},
     403,
     "\"reason\":\"api_key_not_allowed\"",
     NULL,
     "\"reason\":\"not_allowed\""},
    {"only looking",
     "mode: observe, forward: { owner: X-Owner }",
     "/",
     {"X-API-Key: abd", "X-Owner: admin"},
     200,
     "GET / HTTP",
     "admin",
     "\"verdict\":\"would_refuse\",\"reason\":\"unknown\""},
    {"only looking at a good one",
     "mode: observe, forward: { owner: X-Owner }",
     "/",
     {"X-API-Key: abc"},
     200,
     "x-owner: acme",
     NULL,
     "\"principal\":\"acme\""},
};

/** Request ids are random: now and then one of them has "abc" in it. */
static void blank_request_ids(char *text)
{
    static const char name[] = "x-request-id: ";
    for (char *at = text; at != NULL && (at = strcasestr(at, name)) != NULL;)
        for (at += sizeof(name) - 1; *at != '\0' && *at != '\r'; ++at)
            *at = '-';
}

static void attempt(const gateway_t *gateway, transport_t transport, const trial_t *trial)
{
    reply_t reply = fetch(gateway, transport, &(request_t){.path = trial->path, .headers = trial->headers});
    blank_request_ids(reply.head);
    blank_request_ids(reply.body);
    const char *head = reply.head != NULL ? reply.head : "", *body = reply.body != NULL ? reply.body : "";
    if (reply.status != trial->status ||
        (strstr(body, trial->in_reply) == NULL && strstr(head, trial->in_reply) == NULL))
        fail_msg("%s over %s: %d (%s)\n%s%s", trial->about, transport_names[transport], reply.status,
                 curl_error(reply.error), head, body);
    if (trial->not_in_reply != NULL &&
        (strstr(body, trial->not_in_reply) != NULL || strstr(head, trial->not_in_reply) != NULL))
        fail_msg("%s over %s: there is '%s' in\n%s%s", trial->about, transport_names[transport], trial->not_in_reply,
                 head, body);
    reply_free(&reply);
}

static void keys_open_the_way_as_the_conf_says(void **state)
{
    write_keys(KEYS);
    origin_t *origin = origin_start(origin_reflect, NULL);
    for (size_t i = 0; i != sizeof(trials) / sizeof(trials[0]); ++i) {
        gateway_t *gateway = start(origin, trials[i].options);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            attempt(gateway, t, &trials[i]);
        free(process_wait_for(gateway->process, trials[i].in_log, NUM_TRANSPORTS));
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

static void no_key_is_ever_in_the_log(void **state)
{
    static const char *const with_header[] = {"X-API-Key: abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                                              "Cookie: key=abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                                              NULL};
    static const char *const with_referer[] = {
        "Referer: https://h/?k=abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", NULL};
    write_keys(KEYS);
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, EVERYWHERE);
    char path[128];
    reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.path = "/", .headers = with_header});
    reply_free(&reply);
    snprintf(path, sizeof(path), "/?K=%s;x&k=%s", long_key, long_key);
    reply = fetch(gateway, OVER_HTTP2, &(request_t){.path = path, .headers = with_referer});
    reply_free(&reply);
    free(process_wait_for(gateway->process, "\"status\":40", 2));
    process_signal(gateway->process, SIGTERM);
    process_wait(gateway->process);
    assert_int_equal(process_count(gateway->process, "nopq"), 0);
    assert_int_equal(process_count(gateway->process, "k=***"), 2);
    gateway_end(gateway);
    origin_stop(origin);
}

static void expect(const gateway_t *gateway, const char *key, int status)
{
    char field[400];
    snprintf(field, sizeof(field), "X-API-Key: %s", key);
    const char *const headers[] = {field, NULL};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
        if (reply.status != status)
            fail_msg("%s over %s: %d instead of %d", key, transport_names[t], reply.status, status);
        reply_free(&reply);
    }
}

static void a_key_has_a_greatest_length(void **state)
{
    char key[300];
    write_keys(KEYS);
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "realm: here");
    memset(key, 'x', sizeof(key));
    key[256] = '\0';
    expect(gateway, key, 401);
    assert_int_equal(process_count(gateway->process, "too_long"), 0);
    key[256] = 'x';
    key[257] = '\0';
    expect(gateway, key, 401);
    free(process_wait_for(gateway->process, "\"reason\":\"too_long\"", NUM_TRANSPORTS));
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_changed_file_counts_at_once_and_a_wrong_one_changes_nothing(void **state)
{
    static const char *const headers[] = {"X-API-Key: abc", NULL};
    write_keys(KEYS);
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "realm: here");
    client_t *client = client_create(gateway, OVER_HTTP1);
    expect(gateway, "abc", 200);
    reply_t reply = client_send(client, &(request_t){.path = "/", .headers = headers});
    assert_int_equal(reply.status, 200);
    reply_free(&reply);

    write_keys(LONG " bob\n");
    free(process_wait_for(gateway->process, "has changed and was read again", 1));
    expect(gateway, "abc", 401);
    expect(gateway, long_key, 200);
    reply = client_send(client, &(request_t){.path = "/", .headers = headers}); /* the same connection */
    assert_int_equal(reply.status, 401);
    assert_int_equal(reply.num_connects, 0);
    reply_free(&reply);

    write_keys(ABC " acme\nabc bob\n");
    free(process_wait_for(gateway->process, "keys:2:1: a line begins with sha256:", 1));
    free(process_wait_for(gateway->process, "what was read before stays in use", 1));
    expect(gateway, "abc", 401);
    expect(gateway, long_key, 200);

    write_keys(KEYS);
    free(process_wait_for(gateway->process, "has changed and was read again", 2));
    expect(gateway, "abc", 200);
    client_free(client);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_reload_reads_the_file_too(void **state)
{
    write_keys(KEYS);
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "realm: here");
    expect(gateway, "abc", 200);
    write_keys(LONG " bob\n");
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation 2", 1));
    /* workers take over soon after the line; the watch of the file would get there, too */
    for (int status = 200; status == 200;) {
        static const char *const headers[] = {"X-API-Key: abc", NULL};
        reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.path = "/", .headers = headers});
        status = reply.status;
        reply_free(&reply);
    }
    expect(gateway, "abc", 401);
    expect(gateway, long_key, 200);
    write_keys("nonsense\n");
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reload refused", 1));
    expect(gateway, long_key, 200);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void the_tool_makes_keys_that_work(void **state)
{
    int status;
    write_keys(ABC " acme"); /* without a newline */
    char *key = command_run(test_folder, &status,
                            "$S api-key new --owner 'new \"one\"' --append keys plan=gold 'note=a # b' 2>&1");
    assert_int_equal(status, 0);
    assert_int_equal(strlen(key), 7 + 33 + 1);
    assert_memory_equal(key, "sluice_", 7);
    key[40] = '\0';
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "require: { owner: [ 'new \"one\"', acme ] }");
    expect(gateway, key, 200);
    expect(gateway, "abc", 200);
    key[39] ^= 1;
    expect(gateway, key, 401);
    free(key);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void the_tool_hashes_keys_and_refuses_nonsense(void **state)
{
    static const struct {
        const char *about, *command, *out;
        int status;
    } rows[] = {
        {"a hash alone", "printf 'abc\\n' | $S api-key hash 2>/dev/null", ABC "\n", 0},
        {"a whole line", "printf abc | $S api-key hash --owner acme plan=a\\ b 2>/dev/null",
         ABC "  acme  plan=\"a b\"\n", 0},
        {"a short key is warned of", "printf abc | $S api-key hash 2>&1 >/dev/null",
         "sluice api-key: warning: a key so short may be guessed from its hash\n", 0},
        {"a long one is not", "printf abcdefghijklmnop | $S api-key hash 2>&1 >/dev/null", "", 0},
        {"the line of a new key goes to stderr",
         "$S api-key new --owner acme --prefix t. 2>&1 >/dev/null | sed 's/:[0-9a-f]*/:HASH/'", "sha256:HASH  acme\n",
         0},
        {"no key", "$S api-key hash 2>&1 </dev/null", "sluice api-key: stdin: there is no key\n", 1},
        {"two lines", "printf 'a\\nb\\n' | $S api-key hash 2>&1", "sluice api-key: stdin: a key is one line\n", 1},
        {"nobody's key", "$S api-key new 2>&1", "sluice api-key: new: whose key will it be?  --owner is missing\n", 1},
        {"what the gateway would refuse", "$S api-key new --owner a expires=soon 2>&1 >out; cat out",
         "sluice api-key: this would not be a good line: line:1:85: this is no time; hint: for example "
         "2027-01-01T00:00:00Z, or 2027-01-01 for its beginning in UTC\n",
         0},
        {"a prefix that breaks URLs", "$S api-key new --owner a --prefix 'a b' 2>&1",
         "sluice api-key: --prefix: at most 32 letters, digits, '_', '-' and '.'\n", 1},
        {"no verb", "$S api-key >/dev/null 2>&1", "", 2},
        {"another verb", "$S api-key make >/dev/null 2>&1", "", 2},
        {"a property without value", "$S api-key new --owner a plan >/dev/null 2>&1", "", 2},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        int status;
        char *out = command_run(test_folder, &status, "%s", rows[i].command);
        if (strcmp(out, rows[i].out) != 0 || status != rows[i].status)
            fail_msg("%s: %d and\n%s instead of\n%s", rows[i].about, status, out, rows[i].out);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_open_the_way_as_the_conf_says),
        cmocka_unit_test(no_key_is_ever_in_the_log),
        cmocka_unit_test(a_key_has_a_greatest_length),
        cmocka_unit_test(a_changed_file_counts_at_once_and_a_wrong_one_changes_nothing),
        cmocka_unit_test(a_reload_reads_the_file_too),
        cmocka_unit_test(the_tool_makes_keys_that_work),
        cmocka_unit_test(the_tool_hashes_keys_and_refuses_nonsense),
    };
    return cmocka_run_group_tests_name("API keys", tests, test_folder_create, test_folder_remove);
}
