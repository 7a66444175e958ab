/* SPDX-License-Identifier: MIT
 * The transport to a Redis on a worker's loop, against real servers and sentinels: calls, failures, coming back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "gateway/base/clock.h"
#include "tests/support/redis_link.h"
#include "tests/support/redis_server.h"

#define LONG_MS 30000

static void calls_are_answered_in_order(void **state)
{
    enum { num = 1000 };
    redis_server_t *plain = redis_start("%s", ""), *tls = redis_start_tls("%s", "");
    char url[512];
    for (size_t way = 0; way != 5; ++way) {
        switch (way) {
        case 0:
            snprintf(url, sizeof(url), "store: redis://127.0.0.1:%d", plain->port);
            break;
        case 1: /* by way of the resolver */
            snprintf(url, sizeof(url), "store: redis://localhost:%d/1", plain->port);
            break;
        case 2:
            snprintf(url, sizeof(url), "store: 'unix:%s?db=2'", plain->path);
            break;
        case 3:
            snprintf(url, sizeof(url), "store: rediss://127.0.0.1:%d\nstore_tls: {ca: %s}", tls->port, tls->ca);
            break;
        case 4:
            snprintf(url, sizeof(url), "store: rediss://localhost:%d/1\nstore_tls: {ca: %s}", tls->port, tls->ca);
            break;
        }
        redis_link_t *link = redis_link_create(url, 1);
        redis_probe_t probes[num];
        redis_link_wait_until_up(link, 0);
        for (size_t i = 0; i != num; ++i)
            assert_int_equal(redis_probe_send(link, 0, &probes[i], LONG_MS, "INCR counter"), GW_REDIS_SENT);
        for (size_t i = 0; i != num; ++i) {
            redis_probe_wait(link, &probes[i]);
            assert_int_equal(probes[i].result, GW_REDIS_REPLY);
            assert_int_equal(atoi(probes[i].text), i + 1);
        }
        redis_link_free(link);
    }
    redis_free(plain);
    redis_free(tls);
}

static void arguments_and_replies_of_any_size_go_through(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_link_t *link = redis_link_create_on(server->port);
    enum { size = 60000 };
    char *bytes = malloc(size);
    for (size_t i = 0; i != size; ++i)
        bytes[i] = (char)(i * 7);
    redis_probe_t set, get;
    gw_str_t args[] = {GW_STR("SET"), GW_STR("a"), gw_str(bytes, size)};
    redis_link_wait_until_up(link, 0);
    for (int i = 0; i != 20; ++i) { /* more than the socket takes at once */
        assert_int_equal(redis_probe_send_args(link, 0, &set, LONG_MS, args, 3), GW_REDIS_SENT);
        assert_int_equal(redis_probe_send(link, 0, &get, LONG_MS, "GET a"), GW_REDIS_SENT);
        redis_probe_wait(link, &get);
        assert_string_equal(set.text, "OK");
        assert_int_equal(get.len, size);
        assert_int_equal(get.sum, redis_probe_sum(bytes, size));
    }
    free(bytes);
    redis_link_free(link);
    redis_free(server);
}

static void user_password_database_and_name_are_used(void **state)
{
    redis_server_t *server = redis_start("requirepass s3cret\nuser alice on >p@ss ~* +@all\n");
    char text[256];
    snprintf(text, sizeof(text), "store: redis://alice:p%%40ss@127.0.0.1:%d/3", server->port);
    redis_link_t *link = redis_link_create(text, 1);
    redis_link_wait_until_up(link, 0);
    redis_link_do(link, 0, "SET a 1", "OK");
    char *reply = redis_ask(server, "s3cret", "CLIENT LIST");
    assert_non_null(strstr(reply, "name=sluice"));
    assert_non_null(strstr(reply, "user=alice"));
    assert_non_null(strstr(reply, "db=3"));
    free(reply);
    redis_link_free(link);
    redis_free(server);
}

/** Whether a server had no time to let us in, or not to: what it thinks of us is not in the log then. */
static bool was_too_slow(const char *log)
{
    return strstr(log, "the TLS handshake takes too long") != NULL ||
           strstr(log, "it lets nobody in, it is silent") != NULL;
}

static void a_server_that_lets_nobody_in_is_said_once_and_tried_again(void **state)
{
    static const struct {
        const char *about, *url, *cause;
    } cases[] = {
        {"a wrong password", "redis://:sesame@127.0.0.1:%d", "it does not accept user and password: WRONGPASS"},
        {"no password", "redis://127.0.0.1:%d", "it wants a password, and the URL has none: NOAUTH"},
        {"no such database", "redis://:s3cret@127.0.0.1:%d/99", "it does not have that database: ERR"},
        {"TLS at a plain server", "rediss://127.0.0.1:%d",
         "the TLS handshake takes too long; is its port one for TLS?"},
    };
    redis_server_t *server = redis_start("requirepass s3cret\n");
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char url[128], text[160], line[256];
        snprintf(url, sizeof(url), cases[i].url, server->port);
        snprintf(text, sizeof(text), "store: %s", url);
        snprintf(line, sizeof(line), "cannot be used: %s", cases[i].cause);
        uint64_t deadline_ms = gw_clock_ms() + DEADLINE_MS;
        char *log = NULL;
        do {
            free(log);
            redis_log_begin();
            redis_link_t *link = redis_link_create(text, 2);
            redis_link_wait_for_log(link, "cannot be used");
            uint64_t until_ms = redis_link_now_ms(link) + 500; /* several attempts */
            while (redis_link_now_ms(link) < until_ms)
                redis_link_turn(link);
            redis_probe_t probe;
            assert_int_equal(redis_probe_send(link, 0, &probe, LONG_MS, "PING"), GW_REDIS_DOWN);
            redis_link_free(link);
            log = redis_log_end();
        } while (strstr(log, line) == NULL && was_too_slow(log) && gw_clock_ms() < deadline_ms);
        if (strstr(log, line) == NULL)
            print_error("case: %s: %s", cases[i].about, log);
        assert_non_null(strstr(log, line));
        assert_int_equal(redis_log_count(log, "cannot be used"), 1);
        assert_int_equal(redis_log_count(log, "again"), 0);
        assert_null(strstr(log, "sesame"));
        assert_null(strstr(log, "s3cret"));
        free(log);
    }
    redis_free(server);
}

static void a_call_that_times_out_leaves_the_others_in_order(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_link_t *link = redis_link_create_on(server->port);
    redis_probe_t late, patient;
    redis_link_wait_until_up(link, 0);
    redis_pause(server);
    uint64_t began_ms = redis_link_now_ms(link);
    assert_int_equal(redis_probe_send(link, 0, &late, 50, "ECHO late"), GW_REDIS_SENT);
    assert_int_equal(redis_probe_send(link, 0, &patient, LONG_MS, "ECHO patient"), GW_REDIS_SENT);
    redis_probe_wait(link, &late);
    assert_int_equal(late.result, GW_REDIS_TIMEOUT);
    assert_true(redis_link_now_ms(link) - began_ms >= 50);
    assert_false(patient.is_over);
    redis_continue(server);
    redis_probe_wait(link, &patient);
    assert_string_equal(patient.text, "patient");
    assert_int_equal(late.num_replies, 1);
    assert_int_equal(gw_redis_connection_number(link->redis[0]), 1);
    redis_link_free(link);
    redis_free(server);
}

static void a_cancelled_call_is_never_heard_of_again(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_link_t *link = redis_link_create_on(server->port);
    redis_probe_t *cancelled = calloc(1, sizeof(*cancelled)), other;
    redis_link_wait_until_up(link, 0);
    assert_int_equal(redis_probe_send(link, 0, cancelled, LONG_MS, "ECHO cancelled"), GW_REDIS_SENT);
    assert_int_equal(redis_probe_send(link, 0, &other, LONG_MS, "ECHO other"), GW_REDIS_SENT);
    assert_true(gw_redis_is_under_way(&cancelled->call));
    gw_redis_cancel(&cancelled->call);
    assert_false(gw_redis_is_under_way(&cancelled->call));
    gw_redis_cancel(&cancelled->call);
    free(cancelled);
    redis_probe_wait(link, &other);
    assert_string_equal(other.text, "other");
    redis_link_free(link);
    redis_free(server);
}

static void a_server_that_hangs_is_cut_off_and_comes_back(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_log_begin();
    redis_link_t *link = redis_link_create_on(server->port);
    redis_probe_t probe;
    gw_redis_result_t result;
    unsigned num_timeouts = 0;
    redis_link_wait_until_up(link, 0);
    redis_pause(server);
    uint64_t began_ms = redis_link_now_ms(link);
    while ((result = redis_probe_send(link, 0, &probe, 50, "PING")) == GW_REDIS_SENT) {
        redis_probe_wait(link, &probe);
        assert_int_equal(probe.result, GW_REDIS_TIMEOUT);
        ++num_timeouts;
    }
    assert_int_equal(result, GW_REDIS_DOWN);
    assert_true(num_timeouts >= GW_REDIS_MAX_SILENT);
    assert_true(redis_link_now_ms(link) - began_ms >= GW_REDIS_SILENCE_MS);
    /* its kernel still takes connections: they do not count */
    uint64_t until_ms = redis_link_now_ms(link) + 1500;
    while (redis_link_now_ms(link) < until_ms) {
        redis_link_turn(link);
        assert_int_equal(redis_probe_send(link, 0, &probe, 50, "PING"), GW_REDIS_DOWN);
    }
    redis_continue(server);
    redis_link_wait_until_up(link, 0);
    redis_link_do(link, 0, "PING", "PONG");
    redis_link_free(link);
    char *log = redis_log_end();
    assert_int_equal(redis_log_count(log, "cannot be used: it has become silent"), 1);
    assert_int_equal(redis_log_count(log, "cannot be used"), 1);
    assert_int_equal(redis_log_count(log, "can be used again"), 1);
    free(log);
    redis_free(server);
}

static void a_server_that_dies_fails_its_calls_at_once_and_comes_back(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_log_begin();
    redis_link_t *link = redis_link_create(redis_link_conf_on(server->port), 2);
    redis_probe_t probes[100], probe;
    redis_link_wait_until_up(link, 0);
    redis_link_wait_until_up(link, 1);
    redis_pause(server);
    for (size_t i = 0; i != 100; ++i)
        assert_int_equal(redis_probe_send(link, 0, &probes[i], LONG_MS, "PING"), GW_REDIS_SENT);
    redis_kill(server);
    for (size_t i = 0; i != 100; ++i) {
        redis_probe_wait(link, &probes[i]);
        assert_int_equal(probes[i].result, GW_REDIS_LOST);
    }
    assert_int_equal(redis_probe_send(link, 0, &probe, LONG_MS, "PING"), GW_REDIS_DOWN);
    assert_int_equal(gw_redis_connection_number(link->redis[0]), 0);
    uint64_t until_ms = redis_link_now_ms(link) + 500;
    while (redis_link_now_ms(link) < until_ms)
        redis_link_turn(link);
    redis_restart(server);
    redis_link_wait_until_up(link, 0); /* without anybody sending */
    redis_link_wait_until_up(link, 1);
    assert_int_equal(gw_redis_connection_number(link->redis[0]), 2);
    redis_link_do(link, 0, "PING", "PONG");
    redis_link_do(link, 1, "PING", "PONG");
    redis_link_free(link);
    char *log = redis_log_end(); /* both workers together */
    assert_int_equal(redis_log_count(log, "cannot be used"), 1);
    assert_int_equal(redis_log_count(log, "can be used again"), 1);
    free(log);
    redis_free(server);
}

static bool is_second(void *redis)
{
    return gw_redis_connection_number(redis) == 2;
}

static void an_idle_connection_that_the_server_closes_is_made_anew_without_a_word(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_log_begin();
    redis_link_t *link = redis_link_create_on(server->port);
    redis_link_wait_until_up(link, 0);
    free(redis_ask(server, NULL, "CLIENT KILL TYPE normal SKIPME yes"));
    bare_worker_run_until(link->workers[0], is_second, link->redis[0], "the second connection");
    redis_link_do(link, 0, "PING", "PONG");
    redis_link_free(link);
    char *log = redis_log_end();
    assert_string_equal(log, "");
    free(log);
    redis_free(server);
}

static void what_is_under_way_is_bounded(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_link_t *link = redis_link_create_on(server->port);
    redis_probe_t *probes = calloc(GW_REDIS_MAX_IN_FLIGHT + 1, sizeof(*probes));
    redis_link_wait_until_up(link, 0);
    redis_pause(server);
    for (size_t i = 0; i != GW_REDIS_MAX_IN_FLIGHT; ++i)
        assert_int_equal(redis_probe_send(link, 0, &probes[i], LONG_MS, "INCR a"), GW_REDIS_SENT);
    redis_probe_t *last = &probes[GW_REDIS_MAX_IN_FLIGHT];
    assert_int_equal(redis_probe_send(link, 0, last, LONG_MS, "INCR a"), GW_REDIS_BUSY);
    gw_redis_cancel(&probes[0].call); /* its reply is still to come */
    assert_int_equal(redis_probe_send(link, 0, last, LONG_MS, "INCR a"), GW_REDIS_BUSY);
    redis_continue(server);
    redis_probe_wait(link, &probes[GW_REDIS_MAX_IN_FLIGHT - 1]);
    assert_int_equal(atoi(probes[GW_REDIS_MAX_IN_FLIGHT - 1].text), GW_REDIS_MAX_IN_FLIGHT);
    /* bytes are, too */
    char *bytes = calloc(1, GW_REDIS_MAX_UNSENT + 1);
    gw_str_t args[] = {GW_STR("ECHO"), gw_str(bytes, GW_REDIS_MAX_UNSENT + 1)};
    assert_int_equal(redis_probe_send_args(link, 0, last, LONG_MS, args, 2), GW_REDIS_BUSY);
    redis_link_do(link, 0, "PING", "PONG");
    free(bytes);
    redis_link_free(link);
    free(probes);
    redis_free(server);
}

static void a_reply_that_is_too_large_ends_the_connection(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_log_begin();
    redis_link_t *link = redis_link_create_on(server->port);
    redis_probe_t probe;
    redis_link_wait_until_up(link, 0);
    redis_link_do(link, 0, "SETRANGE a 100000 x", "100001");
    assert_int_equal(redis_probe_send(link, 0, &probe, LONG_MS, "GET a"), GW_REDIS_SENT);
    redis_probe_wait(link, &probe);
    assert_int_equal(probe.result, GW_REDIS_LOST);
    redis_link_wait_until_up(link, 0);
    redis_link_do(link, 0, "PING", "PONG");
    redis_link_free(link);
    char *log = redis_log_end();
    assert_int_equal(redis_log_count(log, "cannot be used: what it says is too large"), 1);
    free(log);
    redis_free(server);
}

/* callbacks -------------------------------------------------------------------------------------------------------- */

typedef struct chain {
    gw_redis_call_t call, other;
    redis_link_t *link;
    unsigned num;
} chain_t;

static void send_again(gw_redis_call_t *call, gw_redis_result_t result, const gw_redis_reply_t *reply)
{
    chain_t *chain = H2O_STRUCT_FROM_MEMBER(chain_t, call, call);
    gw_str_t args[] = {GW_STR("PING")};
    assert_int_equal(result, GW_REDIS_REPLY);
    if (++chain->num != 10)
        assert_int_equal(gw_redis_send(chain->link->redis[0], call, args, 1, LONG_MS), GW_REDIS_SENT);
}

static bool is_ten(void *chain)
{
    return ((chain_t *)chain)->num == 10;
}

static void release(gw_redis_call_t *call, gw_redis_result_t result, const gw_redis_reply_t *reply)
{
    chain_t *chain = H2O_STRUCT_FROM_MEMBER(chain_t, call, call);
    gw_redis_cancel(&chain->other);
    chain->link->redis[0] = gw_redis_release(chain->link->redis[0]);
    if (reply != NULL) /* it is still there */
        assert_true(gw_str_equal(reply->text, GW_STR("a text that is copied")));
    chain->num = 10;
}

static void never(gw_redis_call_t *call, gw_redis_result_t result, const gw_redis_reply_t *reply)
{
    fail_msg("a cancelled call was answered");
}

static void a_reply_may_send_the_next_call_or_release_the_connection(void **state)
{
    enum { again, on_reply, on_timeout, on_loss, num_cases };
    for (int i = again; i != num_cases; ++i) {
        redis_server_t *server = redis_start("%s", "");
        chain_t chain = {.call.on_reply = i == again ? send_again : release,
                         .other.on_reply = never,
                         .link = redis_link_create_on(server->port)};
        gw_str_t args[] = {GW_STR("ECHO"), GW_STR("a text that is copied")};
        redis_link_wait_until_up(chain.link, 0);
        if (i >= on_timeout)
            redis_pause(server);
        assert_int_equal(gw_redis_send(chain.link->redis[0], &chain.call, args, 2, i == on_timeout ? 20 : LONG_MS),
                         GW_REDIS_SENT);
        if (i != again)
            assert_int_equal(gw_redis_send(chain.link->redis[0], &chain.other, args, 2, LONG_MS), GW_REDIS_SENT);
        if (i == on_loss)
            redis_kill(server);
        bare_worker_run_until(chain.link->workers[0], is_ten, &chain, "the callbacks");
        redis_link_free(chain.link);
        redis_free(server);
    }
}

/* TLS -------------------------------------------------------------------------------------------------------------- */

static void only_the_right_server_is_trusted(void **state)
{
    redis_server_t *server = redis_start_tls("bind 127.0.0.1 127.0.0.2\ntls-auth-clients yes\n");
    redis_server_t *stranger = redis_start_tls("%s", "");
    const struct {
        const char *about, *host, *ca, *more, *cause; /* cause NULL: it is let in */
    } cases[] = {
        {"all is well", "127.0.0.1", server->ca, ", certificate: %s/server.crt, key: %s/server.key", NULL},
        {"all is well, by name", "localhost", server->ca, ", certificate: %s/server.crt, key: %s/server.key", NULL},
        {"an address that the certificate does not have", "127.0.0.2", server->ca,
         ", certificate: %s/server.crt, key: %s/server.key", "TLS: certificate verify failed: IP address mismatch"},
        {"... nobody looks", "127.0.0.2", server->ca, ", verify: false, certificate: %s/server.crt, key: %s/server.key",
         NULL},
        {"another CA", "127.0.0.1", stranger->ca, ", certificate: %s/server.crt, key: %s/server.key",
         "TLS: certificate verify failed: self-signed certificate"},
        {"the system's CAs", "127.0.0.1", NULL, ", certificate: %s/server.crt, key: %s/server.key",
         "TLS: certificate verify failed: self-signed certificate"},
        {"no certificate of ours", "127.0.0.1", server->ca, "", "TLS: "},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char more[512], text[1024], line[256];
        snprintf(more, sizeof(more), cases[i].more, server->folder, server->folder);
        snprintf(text, sizeof(text), "store: rediss://%s:%d\nstore_tls: {%s%s%s}", cases[i].host, server->port,
                 cases[i].ca != NULL ? "ca: " : "", cases[i].ca != NULL ? cases[i].ca : "",
                 cases[i].ca != NULL ? more : more + 2);
        snprintf(line, sizeof(line), "cannot be used: %s", cases[i].cause != NULL ? cases[i].cause : "");
        uint64_t deadline_ms = gw_clock_ms() + DEADLINE_MS;
        char *log = NULL;
        do {
            free(log);
            redis_log_begin();
            redis_link_t *link = redis_link_create(text, 1);
            if (cases[i].cause == NULL) {
                redis_link_wait_until_up(link, 0);
                redis_link_do(link, 0, "ECHO secret", "secret");
            } else {
                redis_link_wait_for_log(link, "cannot be used");
            }
            redis_link_free(link);
            log = redis_log_end();
        } while (was_too_slow(log) && gw_clock_ms() < deadline_ms);
        if ((strstr(log, line) != NULL) != (cases[i].cause != NULL))
            print_error("case: %s: %s", cases[i].about, log);
        assert_int_equal(strstr(log, line) != NULL, cases[i].cause != NULL);
        free(log);
    }
    redis_free(server);
    redis_free(stranger);
}

/* Sentinel --------------------------------------------------------------------------------------------------------- */

static bool has_replica(void *master)
{
    return redis_has_replica(master, "pw");
}

static void the_master_is_found_by_its_sentinels_and_again_when_it_has_changed(void **state)
{
    int nobody;
    redis_server_t *first = redis_start("requirepass pw\nmasterauth pw\n");
    redis_server_t *second = redis_start("requirepass pw\nmasterauth pw\nreplicaof 127.0.0.1 %d\n", first->port);
    redis_server_t *sentinel = redis_start_sentinel(first, "sentinel auth-pass main pw\n");
    redis_server_t *dead = redis_start("%s", "");
    redis_kill(dead);
    nobody = dead->port;
    char text[256], port[16];
    snprintf(text, sizeof(text), "store: redis+sentinel://:pw@127.0.0.1:%d,127.0.0.1:%d/main", nobody, sentinel->port);
    redis_log_begin();
    redis_link_t *link = redis_link_create(text, 1);
    redis_link_wait_until_up(link, 0); /* though the first sentinel is not there */
    snprintf(port, sizeof(port), "%d", first->port);
    redis_link_do(link, 0, "SET a 1", "OK");
    bare_worker_run_until(link->workers[0], has_replica, first, "the replica");
    bare_worker_run_until(link->workers[0], redis_knows_replica, sentinel, "the sentinel to know the replica");

    /* a change in good order: the old master answers READONLY */
    char *reply = redis_ask(sentinel, NULL, "SENTINEL FAILOVER main");
    assert_string_equal(reply, "OK");
    free(reply);
    redis_link_wait_until_written_at(link, 0, second);
    bare_worker_run_until(link->workers[0], has_replica, second, "the old master to follow");

    /* the master dies */
    bare_worker_run_until(link->workers[0], redis_knows_replica, sentinel, "the sentinel to know the new replica");
    redis_kill(second);
    redis_link_wait_until_written_at(link, 0, first);
    redis_link_free(link);
    char *log = redis_log_end();
    assert_null(strstr(log, "pw@"));
    free(log);
    redis_free(sentinel);
    redis_free(second);
    redis_free(first);
    redis_free(dead);
}

static void sentinels_that_do_not_help_are_explained(void **state)
{
    redis_server_t *server = redis_start("%s", ""), *sentinel = redis_start_sentinel(server, "%s", "");
    const struct {
        const char *about;
        int port;
        const char *master, *cause;
    } cases[] = {
        {"another name", sentinel->port, "mian", "the sentinel knows no master of that name"},
        {"no sentinel", server->port, "main", "the sentinel does not answer as one: ERR"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[128];
        snprintf(text, sizeof(text), "store: redis+sentinel://127.0.0.1:%d/%s", cases[i].port, cases[i].master);
        redis_log_begin();
        redis_link_t *link = redis_link_create(text, 1);
        redis_link_wait_for_log(link, "cannot be used");
        redis_link_free(link);
        char *log = redis_log_end();
        if (strstr(log, cases[i].cause) == NULL)
            print_error("case: %s: %s", cases[i].about, log);
        assert_non_null(strstr(log, cases[i].cause));
        free(log);
    }
    redis_free(sentinel);
    redis_free(server);
}

/* sharing ---------------------------------------------------------------------------------------------------------- */

static void the_same_store_is_one_connection_and_outlives_a_reload(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    redis_link_t *link = redis_link_create_on(server->port);
    redis_link_wait_until_up(link, 0);
    redis_link_t *same = redis_link_create_beside(link, redis_link_conf_on(server->port));
    assert_ptr_equal(same->redis[0], link->redis[0]);
    char text[128];
    snprintf(text, sizeof(text), "store: redis://127.0.0.1:%d/1", server->port);
    redis_link_t *other = redis_link_create_beside(link, text);
    assert_ptr_not_equal(other->redis[0], link->redis[0]);
    redis_link_free(other);
    redis_link_leave(link); /* the old deployment goes, its conf with it */
    assert_int_equal(gw_redis_connection_number(same->redis[0]), 1);
    redis_link_do(same, 0, "PING", "PONG");
    assert_string_equal(gw_redis_name(same->redis[0]), strstr(redis_link_conf_on(server->port), "redis://"));
    redis_link_free(same);
    redis_link_free(link);
    redis_free(server);
}

static int begin(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_answered_in_order),
        cmocka_unit_test(arguments_and_replies_of_any_size_go_through),
        cmocka_unit_test(user_password_database_and_name_are_used),
        cmocka_unit_test(a_server_that_lets_nobody_in_is_said_once_and_tried_again),
        cmocka_unit_test(a_call_that_times_out_leaves_the_others_in_order),
        cmocka_unit_test(a_cancelled_call_is_never_heard_of_again),
        cmocka_unit_test(a_server_that_hangs_is_cut_off_and_comes_back),
        cmocka_unit_test(a_server_that_dies_fails_its_calls_at_once_and_comes_back),
        cmocka_unit_test(an_idle_connection_that_the_server_closes_is_made_anew_without_a_word),
        cmocka_unit_test(what_is_under_way_is_bounded),
        cmocka_unit_test(a_reply_that_is_too_large_ends_the_connection),
        cmocka_unit_test(a_reply_may_send_the_next_call_or_release_the_connection),
        cmocka_unit_test(only_the_right_server_is_trusted),
        cmocka_unit_test(the_master_is_found_by_its_sentinels_and_again_when_it_has_changed),
        cmocka_unit_test(sentinels_that_do_not_help_are_explained),
        cmocka_unit_test(the_same_store_is_one_connection_and_outlives_a_reload),
    };
    if (!redis_is_installed()) {
        fprintf(stderr, "redis-server is not installed\n");
        return 77; /* automake: skipped */
    }
    return cmocka_run_group_tests(tests, begin, NULL);
}
