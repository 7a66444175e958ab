/* SPDX-License-Identifier: MIT
 * Users and passwords in front of a real service: who passes, and what happens while passwords are being hashed:
 * floods, clients that leave, files that change, reloads, the end. */
#include <crypt.h>
#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

/* what a hash takes on the machine that this was written on: 2 ms, 0.1 s, 0.2 s, and 0.8 s for what must not be over
 * before its client has gone */
#define QUICK   "$2y$05$abcdefghijklmnopqrstuu"
#define SLOW    "$2y$11$abcdefghijklmnopqrstuu"
#define SLOWER  "$2y$12$abcdefghijklmnopqrstuu"
#define SLOWEST "$2y$14$abcdefghijklmnopqrstuu"

static char *file; /* stays to the end of the program */

static void write_file(const char *text)
{
    free(file);
    file = conf_file_replace(test_folder, "users", text);
}

/** @return a line of the file, in a buffer that the next but three calls use again */
static const char *line_of(const char *user, const char *password, const char *setting)
{
    static char lines[4][400];
    static size_t turn;
    struct crypt_data *data = calloc(1, sizeof(*data));
    char *line = lines[turn++ % 4];
    snprintf(line, sizeof(lines[0]), "%s:%s\n", user, crypt_r(password, setting, data));
    free(data);
    return line;
}

static void write_users(const char *first, const char *second, const char *third)
{
    char text[1600];
    snprintf(text, sizeof(text), "%s%s%s", first, second, third);
    write_file(text);
}

/** @return an Authorization field, in a buffer that the next but three calls use again */
static const char *field_of(const char *user, const char *password)
{
    static char fields[4][1000];
    static size_t turn;
    unsigned char pair[600], text[900];
    int len = snprintf((char *)pair, sizeof(pair), "%s:%s", user, password);
    EVP_EncodeBlock(text, pair, len);
    char *field = fields[turn++ % 4];
    snprintf(field, sizeof(fields[0]), "Authorization: Basic %s", text);
    return field;
}

#define CONF_ORIGIN                                                                                                    \
    "services:\n  origin: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n"                                                \
    "routes: [ { path: /, service: origin, filters: [ { basic_auth: { file: %s, %s } } ] } ]\n"

static gateway_t *start(const origin_t *origin, const char *options)
{
    return gateway_start(CONF_LISTEN CONF_ORIGIN, origin->port, file, options);
}

/* one request at a time ---------------------------------------------------------------------------------------------
 */

typedef struct trial {
    const char *about, *options;
    const char *user, *password; /* NULL: `field` it is */
    const char *field, *second;  /* NULL: none */
    int status;
    const char *in_reply, *not_in_reply; /* head or body, which is the request as the service got it; NULL: nothing */
    const char *in_log;                  /* of the access log's line */
} trial_t;

#define SEVENTY_TWO                                                                                                    \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" /* 72 of them, all that bcrypt sees */

static const trial_t trials[] = {
    {"a user with the right password", "realm: here", "ann", "secret", NULL, NULL, 200, "GET / HTTP", "uthorization",
     "\"principal\":\"ann\",\"credential\":\"basic_auth\""},
    {"names and passwords in UTF-8", "realm: here", "J\xc3\xbcrg", "\xe2\x82\xac:\xe2\x82\xac", NULL, NULL, 200,
     "GET / HTTP", NULL, "\"principal\":\"J\xc3\xbcrg\""},
    {"nothing", "realm: here", NULL, NULL, NULL, NULL, 401, "\"reason\":\"basic_auth_missing\"", NULL,
     "\"decisions\":[{\"filter\":\"basic_auth\",\"verdict\":\"refused\",\"reason\":\"missing\"}]"},
    {"the challenge of a 401", "realm: here", NULL, NULL, NULL, NULL, 401,
     "ww-authenticate: Basic realm=\"here\", charset=\"UTF-8\"", NULL, "\"reason\":\"missing\""},
    {"another scheme", "realm: here", NULL, NULL, "Authorization: Bearer abc", NULL, 401,
     "\"reason\":\"basic_auth_missing\"", NULL, "\"reason\":\"missing\""},
    {"a wrong password", "realm: here", "ann", "Secret", NULL, NULL, 401, "\"reason\":\"basic_auth_invalid\"",
     "wrong_password", "\"reason\":\"wrong_password\""},
    {"a wrong password brings a challenge", "realm: here", "ann", "", NULL, NULL, 401, "ww-authenticate: Basic", "ann",
     "\"reason\":\"wrong_password\""},
    {"nobody", "realm: here", "eve", "secret", NULL, NULL, 401,
     "\"detail\":\"the user or the password is wrong\",\"reason\":\"basic_auth_invalid\"", "unknown",
     "\"reason\":\"unknown_user\""},
    {"the password of the one whose hash is tried in vain", "realm: here", "eve", "secret", NULL, NULL, 401,
     "\"reason\":\"basic_auth_invalid\"", NULL, "\"reason\":\"unknown_user\""},
    {"a password as long as bcrypt looks", "realm: here", "max", SEVENTY_TWO, NULL, NULL, 200, "GET / HTTP", NULL,
     "\"principal\":\"max\""},
    {"a longer one, which bcrypt would take for the same", "realm: here", "max", SEVENTY_TWO "y", NULL, NULL, 401,
     "\"reason\":\"basic_auth_invalid\"", "too_long", "\"reason\":\"too_long\""},
    {"no base64", "realm: here", NULL, NULL, "Authorization: Basic ann:secret", NULL, 401,
     "\"reason\":\"basic_auth_invalid\"", NULL, "\"reason\":\"malformed\""},
    {"no colon", "realm: here", NULL, NULL, "Authorization: Basic YWJj", NULL, 401, "base64 of user:password", NULL,
     "\"reason\":\"malformed\""},
    {"two fields", "realm: here", "ann", "secret", NULL, "Authorization: Bearer abc", 400,
     "\"reason\":\"basic_auth_repeated\"", "ww-authenticate", "\"reason\":\"repeated\""},
    {"credentials that may go on", "remove: false", "ann", "secret", NULL, NULL, 200, "uthorization: Basic", NULL,
     "\"principal\":\"ann\""},
    {"what the service is told", "forward: { user: X-User }", "ann", "secret", NULL, "x_user: root", 200, "x-user: ann",
     "root", "\"principal\":\"ann\""},
    {"a user who is required", "require: { user: [ bob, ann ] }", "ann", "secret", NULL, NULL, 200, "GET / HTTP", NULL,
     "\"principal\":\"ann\""},
    {"a user who is not", "require: { user: bob }", "ann", "secret", NULL, NULL, 403,
     "\"reason\":\"basic_auth_not_allowed\"", "ww-authenticate", "\"reason\":\"not_allowed\""},
    {"who is required is told only to users", "require: { user: bob }", "ann", "wrong", NULL, NULL, 401,
     "\"reason\":\"basic_auth_invalid\"", NULL, "\"reason\":\"wrong_password\""},
    {"optional, and anonymous", "optional: true, forward: { user: X-User }", NULL, NULL, NULL, "X-User: root", 200,
     "GET / HTTP", "root", "\"reason\":\"ok\""},
    {"optional, and another scheme", "optional: true", NULL, NULL, "Authorization: Bearer abc", NULL, 200,
     "uthorization: Bearer abc", NULL, "\"reason\":\"ok\""},
    {"optional, and wrong", "optional: true", "ann", "wrong", NULL, NULL, 401, "\"reason\":\"basic_auth_invalid\"",
     NULL, "\"reason\":\"wrong_password\""},
    {"only looking", "mode: observe, forward: { user: X-User }", "ann", "wrong", NULL, "X-User: root", 200,
     "GET / HTTP", "root", "\"verdict\":\"would_refuse\",\"reason\":\"wrong_password\""},
    {"only looking at the right one", "mode: observe, forward: { user: X-User }", "ann", "secret", NULL, NULL, 200,
     "x-user: ann", "uthorization", "\"principal\":\"ann\""},
    {"hashed every time", "remember: 0s", "ann", "secret", NULL, NULL, 200, "GET / HTTP", NULL,
     "\"principal\":\"ann\""},
};

static void attempt(const gateway_t *gateway, transport_t transport, const trial_t *trial)
{
    const char *headers[3] = {NULL};
    size_t num = 0;
    if (trial->user != NULL)
        headers[num++] = field_of(trial->user, trial->password);
    else if (trial->field != NULL)
        headers[num++] = trial->field;
    headers[num] = trial->second;
    reply_t reply = fetch(gateway, transport, &(request_t){.path = "/", .headers = headers});
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

static void write_quick_users(void)
{
    char text[1600];
    snprintf(text, sizeof(text), "# users\n%s%s%s", line_of("ann", "secret", QUICK),
             line_of("J\xc3\xbcrg", "\xe2\x82\xac:\xe2\x82\xac", "$6$rounds=1000$salt"),
             line_of("max", SEVENTY_TWO, QUICK));
    write_file(text);
}

static void passwords_open_the_way_as_the_conf_says(void **state)
{
    write_quick_users();
    origin_t *origin = origin_start(origin_reflect, NULL);
    for (size_t i = 0; i != sizeof(trials) / sizeof(trials[0]); ++i) {
        gateway_t *gateway = start(origin, trials[i].options);
        /* the second time from memory, where there is one */
        for (size_t times = 0; times != 2; ++times)
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
                attempt(gateway, t, &trials[i]);
        free(process_wait_for(gateway->process, trials[i].in_log, 2 * NUM_TRANSPORTS));
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

static void it_stands_beside_another_filter_for_another_scheme(void **state)
{
    char keys[300];
    write_quick_users();
    snprintf(keys, sizeof(keys), "%s/keys", test_folder);
    FILE *to = fopen(keys, "w");
    fputs("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad acme\n", to); /* of "abc" */
    fclose(to);
    chmod(keys, 0600);
    origin_t *origin = origin_start(origin_reflect, NULL);
    static const char *const orders[] = {"key, user", "user, key"};
    for (size_t i = 0; i != 2; ++i) {
        gateway_t *gateway =
            gateway_start(CONF_LISTEN "services:\n  origin: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n"
                                      "filters:\n"
                                      "  key: { api_key: { file: %s, optional: true, forward: { owner: X-Who } } }\n"
                                      "  user: { basic_auth: { file: %s, optional: true, forward: { user: X-Who } } }\n"
                                      "routes: [ { path: /, service: origin, filters: [ %s ] } ]\n",
                          origin->port, keys, file, orders[i]);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            attempt(gateway, t,
                    &(trial_t){.about = "the user",
                               .user = "ann",
                               .password = "secret",
                               .second = "X-Who: root",
                               .status = 200,
                               .in_reply = "x-who: ann",
                               .not_in_reply = "root"});
            attempt(gateway, t,
                    &(trial_t){.about = "the key",
                               .field = "X-API-Key: abc",
                               .second = "x_who: root",
                               .status = 200,
                               .in_reply = "x-who: acme",
                               .not_in_reply = "root"});
            attempt(gateway, t,
                    &(trial_t){.about = "nobody",
                               .second = "X-Who: root",
                               .status = 200,
                               .in_reply = "GET / HTTP",
                               .not_in_reply = "ho: "});
        }
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

static void neither_passwords_nor_hashes_are_ever_in_the_log(void **state)
{
    write_quick_users();
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "realm: here");
    attempt(gateway, OVER_HTTP1, &trials[0]);
    attempt(gateway, OVER_HTTP2,
            &(trial_t){.about = "wrong",
                       .user = "hunter2",
                       .password = "hunter2",
                       .status = 401,
                       .in_reply = "basic_auth_invalid"});
    write_file("ann:hunter2\n");
    free(process_wait_for(gateway->process, "users:1:5: this is no hash, or one of DES", 1));
    process_signal(gateway->process, SIGTERM);
    process_wait(gateway->process);
    assert_int_equal(process_count(gateway->process, "secret"), 0);
    assert_int_equal(process_count(gateway->process, "hunter2"), 0);
    assert_int_equal(process_count(gateway->process, "$2y$"), 0);
    assert_int_equal(process_count(gateway->process, "Basic "), 0);
    gateway_end(gateway);
    origin_stop(origin);
}

static int status_for(const gateway_t *gateway, transport_t transport, const char *user, const char *password)
{
    const char *const headers[] = {field_of(user, password), NULL};
    reply_t reply = fetch(gateway, transport, &(request_t){.path = "/", .headers = headers});
    int status = reply.status;
    reply_free(&reply);
    return status;
}

static void a_changed_file_counts_at_once_and_what_was_remembered_does_not(void **state)
{
    write_users(line_of("ann", "secret", QUICK), line_of("bob", "hidden", QUICK), "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "remember: 1h");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        assert_int_equal(status_for(gateway, t, "ann", "secret"), 200);
        assert_int_equal(status_for(gateway, t, "ann", "changed"), 401);
        assert_int_equal(status_for(gateway, t, "bob", "hidden"), 200);
    }
    write_users(line_of("ann", "changed", QUICK), "", "");
    free(process_wait_for(gateway->process, "has changed and was read again", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        assert_int_equal(status_for(gateway, t, "ann", "secret"), 401);
        assert_int_equal(status_for(gateway, t, "ann", "changed"), 200);
        assert_int_equal(status_for(gateway, t, "bob", "hidden"), 401);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/* while passwords are hashed ----------------------------------------------------------------------------------------
 */

/** A request on a socket of its own.  @param client for X-Forwarded-For   @return the socket */
static int send_raw(const gateway_t *gateway, const char *client, const char *user, const char *password)
{
    char text[1500];
    int fd = raw_connect(gateway->ports[0]);
    int len = snprintf(text, sizeof(text),
                       "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: %s\r\n%s\r\nConnection: close\r\n\r\n", client,
                       field_of(user, password));
    raw_write(fd, text, (size_t)len);
    return fd;
}

/** @return the status; closes.  @param in_reply NULL, or what must be in an answer of 503 */
static int read_raw(int fd, const char *in_busy_reply)
{
    bool is_closed;
    char *reply = raw_read(fd, NULL, &is_closed);
    int status = strlen(reply) > 12 ? atoi(reply + 9) : 0;
    if (status == 503 && in_busy_reply != NULL && strstr(reply, in_busy_reply) == NULL)
        fail_msg("no '%s' in\n%s", in_busy_reply, reply);
    free(reply);
    close(fd);
    return status;
}

#define TRUSTED "trusted_proxies: [ 127.0.0.1 ]\n"

static gateway_t *start_trusting(const origin_t *origin, const char *options)
{
    return gateway_start(CONF_LISTEN TRUSTED CONF_ORIGIN, origin->port, file, options);
}

static size_t num_of(const char *what, const char *text)
{
    size_t num = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; ++at)
        ++num;
    return num;
}

static void one_client_cannot_keep_others_from_signing_in(void **state)
{
    enum { num_guesses = 40 };
    int fds[num_guesses], num_busy = 0;
    write_users(line_of("ann", "secret", SLOWER), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start_trusting(origin, "realm: here");
    for (size_t i = 0; i != num_guesses; ++i) {
        char guess[16];
        snprintf(guess, sizeof(guess), "guess%zu", i);
        fds[i] = send_raw(gateway, "192.0.2.1", i % 2 == 0 ? "ann" : "eve", guess);
    }
    free(process_wait_for(gateway->process, "\"reason\":\"busy\"", 1));
    assert_int_equal(read_raw(send_raw(gateway, "192.0.2.2", "ann", "secret"), NULL), 200);
    /* it took its turn before most guesses were hashed: the one worker's lines are in the order of its answers */
    free(process_wait_for(gateway->process, "\"status\":200", 1));
    char *log = process_log(gateway->process);
    *strstr(log, "\"status\":200") = '\0';
    assert_true(num_of("\"status\":401", log) < 10);
    free(log);
    for (size_t i = 0; i != num_guesses; ++i) {
        int status = read_raw(fds[i], "\"reason\":\"auth_busy\"");
        assert_true(status == 401 || status == 503);
        num_busy += status == 503;
    }
    assert_in_range(num_busy, 1, num_guesses - 16);
    assert_int_equal(read_raw(send_raw(gateway, "192.0.2.1", "ann", "secret"), NULL), 200);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_full_queue_is_said_with_503_and_when_to_come_again(void **state)
{
    enum { num_clients = 12, num_each = 12 };
    int fds[num_clients * num_each], num_busy = 0;
    write_users(line_of("ann", "secret", "$2y$10$abcdefghijklmnopqrstuu"), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start_trusting(origin, "realm: here");
    for (size_t i = 0; i != num_clients * num_each; ++i) {
        char client[64], guess[16];
        /* in one /64 each: that is one client of IPv6 */
        snprintf(client, sizeof(client), "2001:db8:0:%zx:%zx::1", i % num_clients, i);
        snprintf(guess, sizeof(guess), "guess%zu", i);
        fds[i] = send_raw(gateway, client, "ann", guess);
    }
    for (size_t i = 0; i != num_clients * num_each; ++i) {
        int status = read_raw(fds[i], "retry-after: ");
        assert_true(status == 401 || status == 503);
        num_busy += status == 503;
    }
    assert_in_range(num_busy, 1, num_clients * num_each - 64);
    assert_int_equal(read_raw(send_raw(gateway, "192.0.2.1", "ann", "secret"), NULL), 200);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void addresses_of_one_network_are_one_client(void **state)
{
    enum { num_guesses = 40 };
    int fds[num_guesses], num_busy = 0;
    write_users(line_of("ann", "secret", SLOW), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start_trusting(origin, "realm: here");
    for (size_t i = 0; i != num_guesses; ++i) {
        char client[64], guess[16];
        snprintf(client, sizeof(client), "2001:db8::%zx:1", i);
        snprintf(guess, sizeof(guess), "guess%zu", i);
        fds[i] = send_raw(gateway, client, "ann", guess);
    }
    for (size_t i = 0; i != num_guesses; ++i)
        num_busy += read_raw(fds[i], NULL) == 503;
    assert_in_range(num_busy, 1, num_guesses - 16);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void clients_that_leave_while_they_wait_are_let_go(void **state)
{
    enum { num_clients = 12 };
    int fds[num_clients];
    write_users(line_of("ann", "secret", SLOWEST), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start_trusting(origin, "realm: here");
    for (size_t i = 0; i != num_clients; ++i) /* of each password two, so that one may go and the other stay */
        fds[i] = send_raw(gateway, "192.0.2.1", "ann", i % 2 == 0 ? "secret" : i % 3 == 0 ? "one" : "two");
    for (size_t i = 0; i != num_clients; ++i)
        if (i != 6)
            close(fds[i]);
    free(process_wait_for(gateway->process, "client_closed", num_clients - 1));
    assert_int_equal(read_raw(fds[6], NULL), 200);
    assert_int_equal(read_raw(send_raw(gateway, "192.0.2.1", "ann", "two"), NULL), 401);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void streams_that_are_reset_while_they_wait_are_let_go(void **state)
{
    write_users(line_of("ann", "secret", SLOWEST), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "realm: here");
    client_t *client = client_create(gateway, OVER_HTTP2);
    reply_t first = client_send(client, &(request_t){.path = "/"}); /* the connection stands before time counts */
    assert_int_equal(first.status, 401);
    reply_free(&first);
    static const char *const guesses[] = {"one", "two", "three", "four", "five"};
    for (size_t i = 0; i != 5; ++i) {
        const char *const headers[] = {field_of("ann", guesses[i]), NULL};
        reply_t reply = client_send(client, &(request_t){.path = "/", .headers = headers, .timeout_ms = 300});
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
    }
    client_free(client); /* the reset of the last one goes no earlier */
    free(process_wait_for(gateway->process, "client_closed", 5));
    assert_int_equal(status_for(gateway, OVER_HTTP2, "ann", "secret"), 200);
    gateway_stop(gateway);
    origin_stop(origin);
}

/** @return CPU time that the process has used, in ms */
static long cpu_ms(const gateway_t *gateway)
{
    char path[64], text[1024] = "";
    unsigned long user, system;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process_pid(gateway->process));
    FILE *from = fopen(path, "r");
    assert_non_null(from);
    assert_true(fread(text, 1, sizeof(text) - 1, from) > 0);
    fclose(from);
    assert_int_equal(
        sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
    return (long)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

/** What one hash of this gateway costs, found by its first one. */
static long cost_of_first(const gateway_t *gateway, const char *user, const char *password, int status)
{
    long before = cpu_ms(gateway);
    assert_int_equal(status_for(gateway, OVER_HTTP1, user, password), status);
    return cpu_ms(gateway) - before;
}

static void a_password_is_hashed_once_and_remembered_beyond_a_reload(void **state)
{
    write_users(line_of("ann", "secret", SLOWER), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "remember: 1h");
    long one = cost_of_first(gateway, "ann", "secret", 200), start_ms = cpu_ms(gateway);
    assert_true(one >= 20);
    for (size_t i = 0; i != 30; ++i)
        assert_int_equal(status_for(gateway, OVER_HTTP1, "ann", "secret"), 200);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation 2", 1));
    for (size_t i = 0; i != 30; ++i)
        assert_int_equal(status_for(gateway, OVER_HTTP1, "ann", "secret"), 200);
    assert_in_range(cpu_ms(gateway) - start_ms, 0, 30 * one);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void wrong_pairs_are_remembered_too(void **state)
{
    write_users(line_of("ann", "secret", SLOWER), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start(origin, "remember: 1h");
    long one = cost_of_first(gateway, "eve", "guess", 401), start_ms = cpu_ms(gateway);
    assert_true(one >= 20); /* for somebody who is not there */
    for (size_t i = 0; i != 30; ++i)
        assert_int_equal(status_for(gateway, OVER_HTTP1, "eve", "guess"), 401);
    assert_in_range(cpu_ms(gateway) - start_ms, 0, 20 * one);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void the_same_pair_is_hashed_once_for_all_who_wait(void **state)
{
    enum { num_requests = 40 };
    int fds[num_requests];
    write_users(line_of("ann", "secret", SLOWER), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start_trusting(origin, "realm: here");
    long one = cost_of_first(gateway, "ann", "guess", 401), start_ms = cpu_ms(gateway);
    for (size_t i = 0; i != num_requests; ++i)
        fds[i] = send_raw(gateway, "192.0.2.1", "ann", "secret");
    for (size_t i = 0; i != num_requests; ++i)
        assert_int_equal(read_raw(fds[i], NULL), 200); /* more than one client may have hashed */
    assert_in_range(cpu_ms(gateway) - start_ms, one / 4, 20 * one);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_file_that_changes_while_a_password_is_hashed_has_the_last_word(void **state)
{
    enum { num_before = 12 };
    int fds[num_before], ann, bob, carol;
    static char old_bob[400];
    strcpy(old_bob, line_of("bob", "hidden", SLOWER));
    write_users(line_of("ann", "secret", SLOWER), old_bob, "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start_trusting(origin, "realm: here");
    /* first come, first served: these take some seconds, in which the file changes */
    for (size_t i = 0; i != num_before; ++i) {
        char guess[16];
        snprintf(guess, sizeof(guess), "guess%zu", i);
        fds[i] = send_raw(gateway, "192.0.2.1", "ann", guess);
    }
    /* libh2o reads connections that it has accepted together in any order; the answer to this one says that it was
     * through with those */
    assert_int_equal(status_for(gateway, OVER_HTTP1, "", ""), 401);
    ann = send_raw(gateway, "192.0.2.1", "ann", "secret");
    bob = send_raw(gateway, "192.0.2.1", "bob", "hidden");
    carol = send_raw(gateway, "192.0.2.1", "carol", "new");
    write_users(line_of("ann", "changed", QUICK), old_bob, line_of("carol", "new", QUICK));
    free(process_wait_for(gateway->process, "has changed and was read again", 1));
    assert_int_equal(read_raw(ann, NULL), 401);
    assert_int_equal(read_raw(bob, NULL), 200);
    assert_int_equal(read_raw(carol, NULL), 200);
    for (size_t i = 0; i != num_before; ++i)
        assert_int_equal(read_raw(fds[i], NULL), 401);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void two_workers_reload_while_passwords_are_hashed(void **state)
{
    enum { num_requests = 12 };
    int fds[num_requests];
    write_users(line_of("ann", "secret", SLOW), "", "");
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        gateway_start("workers: 2\nlisten: [ 127.0.0.1:0 ]\n" TRUSTED CONF_ORIGIN, origin->port, file, "remember: 0s");
    for (size_t i = 0; i != num_requests; ++i)
        fds[i] = send_raw(gateway, "192.0.2.1", "ann", i % 3 == 0 ? "secret" : i % 3 == 1 ? "one" : "two");
    close(fds[2]);
    write_users(line_of("ann", "secret", SLOW), line_of("bob", "hidden", SLOW), "");
    for (size_t i = 2; i != 6; ++i) {
        char line[64];
        process_signal(gateway->process, SIGHUP);
        snprintf(line, sizeof(line), "reloaded: generation %zu", i);
        free(process_wait_for(gateway->process, line, 1));
    }
    for (size_t i = 0; i != num_requests; ++i)
        if (i != 2)
            assert_int_equal(read_raw(fds[i], NULL), i % 3 == 0 ? 200 : 401);
    assert_int_equal(read_raw(send_raw(gateway, "192.0.2.1", "bob", "hidden"), NULL), 200);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void the_end_comes_while_passwords_are_hashed(void **state)
{
    for (size_t num_workers = 1; num_workers != 3; ++num_workers) {
        enum { num_requests = 6 };
        int fds[num_requests];
        write_users(line_of("ann", "secret", SLOW), "", "");
        origin_t *origin = origin_start(origin_reflect, NULL);
        gateway_t *gateway = gateway_start("workers: %zu\nlisten: [ 127.0.0.1:0 ]\n" TRUSTED CONF_ORIGIN, num_workers,
                                           origin->port, file, "remember: 0s");
        /* before it ends it finishes what it has begun */
        for (size_t i = 0; i != num_requests; ++i)
            fds[i] = send_raw(gateway, "192.0.2.1", "ann", i % 2 == 0 ? "secret" : "wrong");
        free(process_wait_for(gateway->process, "\"status\":200", 1)); /* now all were received */
        process_signal(gateway->process, SIGTERM);
        for (size_t i = 0; i != num_requests; ++i)
            assert_int_equal(read_raw(fds[i], NULL), i % 2 == 0 ? 200 : 401);
        gateway_end(gateway);
        origin_stop(origin);
    }
}

static void the_end_comes_when_nobody_waits_any_more_for_what_is_hashed(void **state)
{
    for (size_t i = 0; i != 4; ++i) {
        write_users(line_of("ann", "secret", i % 2 == 0 ? SLOW : QUICK), "", "");
        origin_t *origin = origin_start(origin_reflect, NULL);
        gateway_t *gateway = start_trusting(origin, "remember: 0s");
        int fds[8];
        for (size_t k = 0; k != 8; ++k) {
            char guess[16];
            snprintf(guess, sizeof(guess), "guess%zu", k);
            fds[k] = send_raw(gateway, "192.0.2.1", "ann", guess);
        }
        if (i < 2) {
            for (size_t k = 0; k != 8; ++k)
                close(fds[k]);
            free(process_wait_for(gateway->process, "\"path\":\"/\"", 8));
        }
        process_signal(gateway->process, SIGTERM);
        for (size_t k = 0; i >= 2 && k != 8; ++k)
            close(fds[k]);
        gateway_end(gateway);
        origin_stop(origin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_open_the_way_as_the_conf_says),
        cmocka_unit_test(it_stands_beside_another_filter_for_another_scheme),
        cmocka_unit_test(neither_passwords_nor_hashes_are_ever_in_the_log),
        cmocka_unit_test(a_changed_file_counts_at_once_and_what_was_remembered_does_not),
        cmocka_unit_test(one_client_cannot_keep_others_from_signing_in),
        cmocka_unit_test(a_full_queue_is_said_with_503_and_when_to_come_again),
        cmocka_unit_test(addresses_of_one_network_are_one_client),
        cmocka_unit_test(clients_that_leave_while_they_wait_are_let_go),
        cmocka_unit_test(streams_that_are_reset_while_they_wait_are_let_go),
        cmocka_unit_test(a_password_is_hashed_once_and_remembered_beyond_a_reload),
        cmocka_unit_test(wrong_pairs_are_remembered_too),
        cmocka_unit_test(the_same_pair_is_hashed_once_for_all_who_wait),
        cmocka_unit_test(a_file_that_changes_while_a_password_is_hashed_has_the_last_word),
        cmocka_unit_test(two_workers_reload_while_passwords_are_hashed),
        cmocka_unit_test(the_end_comes_while_passwords_are_hashed),
        cmocka_unit_test(the_end_comes_when_nobody_waits_any_more_for_what_is_hashed),
    };
    return cmocka_run_group_tests_name("Basic authentication", tests, test_folder_create, test_folder_remove);
}
