/* SPDX-License-Identifier: MIT
 * Two gateways whose shared limits stand in a Redis that is in trouble, or that are in trouble themselves: no request
 * waits longer than store_timeout, on_store_error decides, totals stay bounded, and it ends without a restart. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <jansson.h>
#include "gateway/base/clock.h"
#include "tests/support/crowd.h"
#include "tests/support/redis_server.h"
#include "tests/support/twins.h"

#define LEASE         ", store_mode: lease, lease: { tokens: 10, time: 1s }"
#define PATIENT       ", store_timeout: 10s"
#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { lease_tokens = 10, timeout_ms = 250, slack_ms = 50 };

static const char *const modes[] = {"", LEASE};

/** @param more ", ..." */
static const char *store_on(const redis_server_t *server, const char *more)
{
    static char store[256];
    snprintf(store, sizeof(store), "store: redis://127.0.0.1:%d%s", server->port, more);
    return store;
}

static void until_deadline(uint64_t until_ms, const char *what)
{
    if (gw_clock_ms() > until_ms)
        fail_msg("waited in vain for %s", what);
    poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
}

/** Bytes that the server has not read yet: a call of a gateway is under way when they grow while it is paused. */
static size_t unread_at(const redis_server_t *server)
{
    FILE *file = fopen("/proc/net/tcp", "r");
    char line[512];
    size_t sum = 0;
    unsigned port, state, unread;
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, " %*d: %*x:%x %*x:%*x %x %*x:%x", &port, &state, &unread) == 3 && state == 1 &&
            (int)port == server->port)
            sum += unread;
    fclose(file);
    return sum;
}

static void wait_for_unread(const redis_server_t *server, size_t more_than)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    while (unread_at(server) <= more_than)
        until_deadline(until_ms, "a call of the store");
}

/* what the access logs say ----------------------------------------------------------------------------------------- */

enum { LOCAL, ALLOW, DENY, num_paths };
static const char *const paths[] = {"/local/", "/allow/", "/deny/", NULL};
static const char *const verdicts[] = {"local", "allowed", "refused"};

typedef struct line {
    int path; /* -1: another one */
    int status;
    uint64_t started_us, total_us; /* started_us: wall clock */
    char verdict[16], cause[32];   /* of the store being unknown; "" when it was asked */
} line_t;

static int find_path(const char *path)
{
    for (int i = 0; i != num_paths; ++i)
        if (strcmp(path, paths[i]) == 0)
            return i;
    return -1;
}

static void read_decision(line_t *line, const json_t *decision)
{
    const char *verdict = json_string_value(json_object_get(decision, "verdict")),
               *reason = json_string_value(json_object_get(decision, "reason"));
    if (reason == NULL || strcmp(reason, "rate_limited") == 0)
        return;
    snprintf(line->verdict, sizeof(line->verdict), "%s", verdict);
    snprintf(line->cause, sizeof(line->cause), "%s", reason);
}

static line_t read_line(const char *text, size_t len)
{
    line_t line = {.path = -1};
    struct tm day = {.tm_mday = 0};
    size_t i;
    json_t *object = json_loadb(text, len, 0, NULL), *decision;
    const char *path = json_string_value(json_object_get(object, "path"));
    const char *fraction =
        path != NULL ? strptime(json_string_value(json_object_get(object, "time")), "%Y-%m-%dT%H:%M:%S", &day) : NULL;
    if (fraction != NULL) {
        line.path = find_path(path);
        line.status = (int)json_integer_value(json_object_get(object, "status"));
        line.started_us = (uint64_t)timegm(&day) * 1000000 + (uint64_t)(atof(fraction) * 1e6);
        line.total_us = (uint64_t)(json_number_value(json_object_get(object, "total_ms")) * 1e3);
        json_array_foreach(json_object_get(object, "decisions"), i, decision) read_decision(&line, decision);
    }
    json_decref(object);
    return line;
}

/** What was read of the access log of a gateway: lines of requests for the paths. */
typedef struct follower {
    const gateway_t *gateway;
    long len_read;
    line_t *lines;
    size_t num, room;
    uint64_t over_us;                                      /* when the trouble was over; UINT64_MAX until then */
    size_t num_unknown[num_paths], num_counted[num_paths]; /* by the store, after over_us */
} follower_t;

static void add_line(follower_t *follower, const line_t *line)
{
    if (follower->num == follower->room)
        follower->lines = realloc(follower->lines, (follower->room = 2 * follower->room + 1000) * sizeof(*line));
    follower->lines[follower->num++] = *line;
    if (line->cause[0] != '\0')
        ++follower->num_unknown[line->path];
    else if (line->started_us > follower->over_us)
        ++follower->num_counted[line->path];
}

/** Reads what was written since. */
static void read_on(follower_t *follower)
{
    char path[512], *text = NULL;
    size_t size = 0;
    ssize_t len;
    snprintf(path, sizeof(path), "%s/access.log", follower->gateway->folder);
    FILE *file = fopen(path, "r");
    assert_int_equal(fseek(file, follower->len_read, SEEK_SET), 0);
    while ((len = getline(&text, &size, file)) > 0 && text[len - 1] == '\n') {
        line_t line = read_line(text, (size_t)len);
        follower->len_read += len;
        if (line.path != -1)
            add_line(follower, &line);
    }
    free(text);
    fclose(file);
}

static bool has_each(const size_t nums[num_paths])
{
    for (int i = 0; i != num_paths; ++i)
        if (nums[i] == 0)
            return false;
    return true;
}

static bool have_all_noticed(follower_t *followers)
{
    bool have = true;
    for (size_t i = 0; i != NUM_TWINS; ++i) {
        read_on(&followers[i]);
        have = have && has_each(followers[i].num_unknown);
    }
    return have;
}

static void wait_until_counted_again(follower_t *follower)
{
    for (uint64_t until_ms = gw_clock_ms() + DEADLINE_MS; !has_each(follower->num_counted);
         until_deadline(until_ms, "the store to be used again"))
        read_on(follower);
}

static void wait_for_lines(follower_t *follower, size_t num)
{
    for (uint64_t until_ms = gw_clock_ms() + DEADLINE_MS; follower->num != num;
         until_deadline(until_ms, "lines of the access log"))
        read_on(follower);
}

static uint64_t now_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* trouble ---------------------------------------------------------------------------------------------------------- */

static void command(redis_server_t *server, const char *text)
{
    char *reply = redis_ask(server, NULL, text);
    assert_int_not_equal(reply[0], '-');
    free(reply);
}

static void be_nothing(redis_server_t *server)
{
}

/** Answers come, but late, each time: a pause begins when the one before is over. */
static void be_slow(redis_server_t *server)
{
    command(server, "CLIENT PAUSE 500 ALL");
}

static void forget_all(redis_server_t *server)
{
    command(server, "SCRIPT FLUSH");
    command(server, "FLUSHALL");
}

static void fill_memory(redis_server_t *server)
{
    command(server, "CONFIG SET maxmemory 1");
}

static void free_memory(redis_server_t *server)
{
    command(server, "CONFIG SET maxmemory 0");
}

typedef struct trouble {
    const char *about;
    void (*begin)(redis_server_t *server);
    void (*go_on)(redis_server_t *server); /* again and again until everybody has noticed */
    void (*end)(redis_server_t *server);
    const char *causes; /* the words there may be; NULL: nobody notices */
    const char *store_timeout;
    unsigned num_fresh; /* how often buckets begin anew */
} trouble_t;

/* a busy machine may be late by itself, which says nothing where the store does answer */
static const trouble_t troubles[] = {
    {"killed and restarted", redis_kill, be_nothing, redis_restart, "down lost timeout", "250ms", 1},
    {"paused", redis_pause, be_nothing, redis_continue, "down lost timeout", "250ms", 0},
    {"slow", be_slow, be_slow, be_nothing, "down lost timeout", "250ms", 0},
    {"out of memory", fill_memory, be_nothing, free_memory, "out_of_memory", "10s", 0},
    {"emptied", forget_all, be_nothing, be_nothing, NULL, "10s", 1},
};

enum { rate = 100, burst = 50, num_each = 4 };

typedef struct found {
    size_t num_from_store[num_paths]; /* that passed */
    line_t longest;
} found_t;

/** One gateway's lines. */
static void look_at(const trouble_t *trouble, const follower_t *follower, found_t *found)
{
    size_t num_local = 0;
    uint64_t first_us = UINT64_MAX, last_us = 0;
    for (const line_t *line = follower->lines; line != follower->lines + follower->num; ++line) {
        bool is_unknown = line->cause[0] != '\0';
        if (line->total_us >= found->longest.total_us)
            found->longest = *line;
        if (is_unknown && (trouble->causes == NULL || strstr(trouble->causes, line->cause) == NULL ||
                           strcmp(line->verdict, verdicts[line->path]) != 0))
            fail_msg("%s: %s is %s for '%s'", trouble->about, paths[line->path], line->verdict, line->cause);
        if (line->status != 200 && (line->path != DENY || !is_unknown || line->status != 503) &&
            (line->status != 429 || (is_unknown && line->path != LOCAL)))
            fail_msg("%s: %s is answered with %d: %s", trouble->about, paths[line->path], line->status, line->cause);
        found->num_from_store[line->path] += !is_unknown && line->status == 200;
        if (is_unknown && line->path == LOCAL) {
            num_local += line->status == 200;
            first_us = line->started_us < first_us ? line->started_us : first_us;
            last_us = line->started_us + line->total_us > last_us ? line->started_us + line->total_us : last_us;
        }
    }
    if (num_local != 0 && (double)num_local > burst + rate * (double)(last_us - first_us) / 1e6)
        fail_msg("%s: %zu passed by the buckets of a gateway in %llu us", trouble->about, num_local,
                 (unsigned long long)(last_us - first_us));
}

static void check(const trouble_t *trouble, bool has_leases, const crowd_t *crowd, const found_t *found)
{
    for (int path = 0; path != num_paths; ++path) {
        const crowd_tally_t *tally = crowd_tally(crowd, (size_t)path);
        double seconds = (double)(tally->last_answered_us - tally->first_asked_us) / 1e6,
               most = (1 + trouble->num_fresh) * (burst + (has_leases ? NUM_TWINS * lease_tokens : 0)) + rate * seconds;
        if (tally->num_odd != 0)
            fail_msg("%s: %s", trouble->about, crowd_oddity(crowd));
        if ((double)found->num_from_store[path] > most)
            fail_msg("%s: the store let %zu of %s pass in %.3f s", trouble->about, found->num_from_store[path],
                     paths[path], seconds);
    }
}

/** A gateway that has no processor answers nobody in that time, so two answers that a client beside gets one after the
 *  other lie at least half as far apart: whatever the requests for the store waited for the machine, for their timer
 *  and for the service, is no more than three such times.
 *  @param beside requests without a limit */
static void check_waits(const trouble_t *trouble, bool has_leases, const line_t *longest, const crowd_tally_t *beside)
{
    uint64_t most_us = (timeout_ms + slack_ms) * 1000 + 3 * beside->longest_gap_us;
    print_message("%s%s: the longest took %llu ms (%s), the machine %llu ms\n", trouble->about,
                  has_leases ? ", leases" : "", (unsigned long long)longest->total_us / 1000, longest->cause,
                  (unsigned long long)beside->longest_gap_us / 1000);
    if (beside->num_passed == 0 || beside->num_refused + beside->num_unavailable + beside->num_odd != 0)
        fail_msg("%s: requests without a limit fail", trouble->about);
    if (longest->total_us > most_us)
        fail_msg("%s: a request for %s took %llu us: %d, '%s'", trouble->about, paths[longest->path],
                 (unsigned long long)longest->total_us, longest->status, longest->cause);
}

/** Begins it, and lasts until every gateway had to do without the store on every path, and longer than anybody waits.
 */
static void have_trouble(redis_server_t *server, const trouble_t *trouble, crowd_t *crowd, follower_t *followers)
{
    trouble->begin(server);
    if (trouble->causes != NULL) {
        for (uint64_t until_ms = gw_clock_ms() + DEADLINE_MS; !have_all_noticed(followers);
             until_deadline(until_ms, "the trouble to be noticed"))
            trouble->go_on(server);
        if (trouble->end != be_nothing)
            crowd_run_for_ms(crowd, 2 * timeout_ms);
    }
    trouble->end(server);
}

static void go_through(redis_server_t *server, const trouble_t *trouble, bool has_leases)
{
    static const char *const headers[] = {"X-Client: alice", NULL};
    char more[128];
    found_t found = {.longest = {.total_us = 0}};
    follower_t followers[NUM_TWINS];
    snprintf(more, sizeof(more), ", store_timeout: %s%s", trouble->store_timeout, modes[has_leases]);
    static const char *const late[] = {"/late", NULL};
    twins_t *twins = twins_start(&(twins_conf_t){
        .workers = 1,
        .store = store_on(server, more),
        .limits = {{"local", "rate: 100/s, burst: 50, on_store_error: local"},
                   {"allow", "rate: 100/s, burst: 50, on_store_error: allow"},
                   {"deny", "rate: 100/s, burst: 50, on_store_error: deny"}},
    });
    for (size_t i = 0; i != NUM_TWINS; ++i)
        followers[i] = (follower_t){.gateway = twins->gateways[i], .over_us = UINT64_MAX};
    crowd_t *beside = crowd_start(twins->gateways, NUM_TWINS, 1, late, headers);
    for (size_t i = 0; i != NUM_TWINS; ++i)
        crowd_wait_for_gateway(beside, i, 0, 1);
    crowd_t *crowd = crowd_start(twins->gateways, NUM_TWINS, num_each, paths, headers);
    for (size_t path = 0; path != num_paths; ++path)
        crowd_wait_for(crowd, path, 429, 1);
    have_trouble(server, trouble, crowd, followers);
    twins_wait_for_store(twins);
    for (size_t i = 0; i != NUM_TWINS; ++i)
        read_on(&followers[i]);
    uint64_t over_us = now_wall_us();
    for (size_t i = 0; i != NUM_TWINS; ++i)
        followers[i].over_us = over_us;
    for (size_t i = 0; i != NUM_TWINS; ++i)
        wait_until_counted_again(&followers[i]);
    for (size_t path = 0; path != num_paths; ++path)
        crowd_wait_for(crowd, path, 429, 10);
    crowd_stop(crowd);
    crowd_stop(beside);
    for (size_t i = 0; i != NUM_TWINS; ++i) {
        size_t num = 0;
        for (size_t path = 0; path != num_paths; ++path)
            num += crowd_num_of(crowd, i, path);
        wait_for_lines(&followers[i], num);
        look_at(trouble, &followers[i], &found);
        free(followers[i].lines);
    }
    check(trouble, has_leases, crowd, &found);
    check_waits(trouble, has_leases, &found.longest, crowd_tally(beside, 0));
    crowd_free(crowd);
    crowd_free(beside);
    twins_stop(twins);
}

static void trouble_of_the_store_is_bounded_and_ends(void **state)
{
    for (size_t i = 0; i != 2 * NUM_OF(troubles); ++i) {
        redis_server_t *server = redis_start("%s", "");
        go_through(server, &troubles[i / 2], i % 2 != 0);
        redis_free(server);
    }
}

/** What a gateway let pass by the store's count it has counted itself, too. */
static void a_client_that_has_had_its_share_does_not_get_another_when_the_store_is_gone(void **state)
{
    enum { few = 12 };
    for (size_t mode = 0; mode != 2; ++mode) {
        redis_server_t *server = redis_start("%s", "");
        twins_t *twins =
            twins_start(&(twins_conf_t){.store = store_on(server, modes[mode]),
                                        .limits = {{"first", "rate: 1/h, burst: 12, on_store_error: local"}}});
        for (int i = 0; i != few; ++i)
            assert_int_equal(twins_status(twins, 0, (transport_t)(i % NUM_TRANSPORTS), "/first/", "alice"), 200);
        assert_int_equal(twins_status(twins, 0, OVER_HTTP1, "/first/", "alice"), 429);
        redis_kill(server);
        for (size_t i = 0; i != NUM_TWINS; ++i)
            twins_wait_for_loss(twins, i);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            assert_int_equal(twins_status(twins, 0, t, "/first/", "alice"), 429);
        for (int i = 0; i != few; ++i) /* the other one does not know her */
            assert_int_equal(twins_status(twins, 1, (transport_t)(i % NUM_TRANSPORTS), "/first/", "alice"), 200);
        assert_int_equal(twins_status(twins, 1, OVER_HTTP1, "/first/", "alice"), 429);
        for (int i = 0; i != few; ++i)
            assert_int_equal(twins_status(twins, 0, (transport_t)(i % NUM_TRANSPORTS), "/first/", "bob"), 200);
        assert_int_equal(twins_status(twins, 0, OVER_HTTP1, "/first/", "bob"), 429);
        twins_stop(twins);
        redis_free(server);
    }
}

/* another master --------------------------------------------------------------------------------------------------- */

static void wait_for_reply(redis_server_t *server, const char *question, const char *part)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (bool is_there = false; !is_there;) {
        char *reply = redis_ask(server, NULL, question);
        is_there = strstr(reply, part) != NULL;
        free(reply);
        until_deadline(until_ms, part);
    }
}

static void another_master_takes_over(void **state)
{
    static const char *const path[] = {"/first/", NULL}, *const headers[] = {"X-Client: alice", NULL};
    redis_server_t *first = redis_start("%s", ""), *second = redis_start("replicaof 127.0.0.1 %d\n", first->port),
                   *sentinel = redis_start_sentinel(first, "%s", "");
    char store[128];
    snprintf(store, sizeof(store), "store: redis+sentinel://127.0.0.1:%d/main", sentinel->port);
    twins_t *twins = twins_start(
        &(twins_conf_t){.store = store, .limits = {{"first", "rate: 100/s, burst: 50, on_store_error: deny"}}});
    wait_for_reply(first, "INFO replication", "state=online");
    wait_for_reply(sentinel, "SENTINEL replicas main", "master-link-status\nok");
    crowd_t *crowd = crowd_start(twins->gateways, NUM_TWINS, 3, path, headers);
    crowd_wait_for(crowd, 0, 429, 10);
    redis_kill(first);
    crowd_wait_for(crowd, 0, 503, 10);
    twins_wait_for_store(twins);
    crowd_wait_for(crowd, 0, 200, 20);
    crowd_wait_for(crowd, 0, 429, 10);
    crowd_stop(crowd);
    const crowd_tally_t *tally = crowd_tally(crowd, 0);
    if (tally->num_odd != 0)
        fail_msg("%s", crowd_oddity(crowd));
    /* what the other one had not heard of yet passes once more */
    assert_true((double)tally->num_passed <=
                2 * burst + rate * (double)(tally->last_answered_us - tally->first_asked_us) / 1e6);
    crowd_free(crowd);
    twins_stop(twins);
    redis_free(sentinel);
    redis_free(second);
    redis_free(first);
}

/* calls under way -------------------------------------------------------------------------------------------------- */

static const char *const of_clients[NUM_TRANSPORTS][2] = {{"X-Client: a"}, {"X-Client: b"}, {"X-Client: c"}};
static const request_t by_clients[NUM_TRANSPORTS] = {{.path = "/first/", .headers = of_clients[0]},
                                                     {.path = "/first/", .headers = of_clients[1]},
                                                     {.path = "/first/", .headers = of_clients[2]}};

/** One request over each transport, which wait for a paused server. */
static void begin_calls(const twins_t *twins, const redis_server_t *server, pending_t *pending[NUM_TRANSPORTS])
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        size_t unread = unread_at(server);
        pending[t] = fetch_later(twins->gateways[0], t, &by_clients[t]);
        wait_for_unread(server, unread);
    }
}

static void a_gateway_that_is_told_to_stop_answers_those_that_wait_for_the_store(void **state)
{
    static const struct {
        const char *about, *more;
        bool goes_on; /* the store, before its time is over */
        int status;
    } rows[] = {
        {"the store answers", PATIENT, true, 200},
        {"it does not", ", store_timeout: 1s", false, 503},
    };
    for (size_t i = 0; i != 2 * NUM_OF(rows); ++i) {
        pending_t *pending[NUM_TRANSPORTS];
        char more[128];
        redis_server_t *server = redis_start("%s", "");
        snprintf(more, sizeof(more), "%s%s", rows[i / 2].more, modes[i % 2]);
        twins_t *twins = twins_start(&(twins_conf_t){
            .store = store_on(server, more), .limits = {{"first", "rate: 1/h, burst: 20, on_store_error: deny"}}});
        redis_pause(server);
        begin_calls(twins, server, pending);
        process_signal(twins->gateways[0]->process, SIGTERM);
        free(process_wait_for(twins->gateways[0]->process, "stopping", 1));
        if (rows[i / 2].goes_on)
            redis_continue(server);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = pending_wait(pending[t]);
            if (reply.status != rows[i / 2].status)
                fail_msg("%s%s: %d over %s (%s)", rows[i / 2].about, modes[i % 2], reply.status, transport_names[t],
                         curl_error(reply.error));
            reply_free(&reply);
        }
        gateway_end(twins->gateways[0]);
        twins->gateways[0] = NULL;
        redis_continue(server);
        twins_stop(twins);
        redis_free(server);
    }
}

static void clients_that_leave_while_the_store_is_asked_pay_nothing(void **state)
{
    enum { few = 20 };
    for (size_t mode = 0; mode != 2; ++mode) {
        pending_t *pending[NUM_TRANSPORTS];
        char more[128];
        redis_server_t *server = redis_start("%s", "");
        snprintf(more, sizeof(more), PATIENT "%s", modes[mode]);
        twins_t *twins = twins_start(&(twins_conf_t){
            .store = store_on(server, more), .limits = {{"first", "rate: 1/h, burst: 20, on_store_error: deny"}}});
        redis_pause(server);
        begin_calls(twins, server, pending);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = pending_leave(pending[t]);
            assert_int_equal(reply.status, 0);
            reply_free(&reply);
        }
        twins_wait_for_line(twins, 0, "\"reason\":\"client_closed\"", NUM_TRANSPORTS);
        redis_continue(server);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
            for (int passed = 0; passed != few; until_deadline(until_ms, "all of a client's tokens"))
                passed += twins_status(twins, 0, t, "/first/", of_clients[t][0] + strlen("X-Client: ")) == 200;
            for (size_t i = 0; i != 2 * NUM_TWINS; ++i)
                assert_int_equal(
                    twins_status(twins, i % NUM_TWINS, t, "/first/", of_clients[t][0] + strlen("X-Client: ")), 429);
        }
        twins_stop(twins);
        redis_free(server);
    }
}

int main(void)
{
    if (!redis_is_installed())
        return 77; /* skipped, as automake has it */
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trouble_of_the_store_is_bounded_and_ends),
        cmocka_unit_test(a_client_that_has_had_its_share_does_not_get_another_when_the_store_is_gone),
        cmocka_unit_test(another_master_takes_over),
        cmocka_unit_test(a_gateway_that_is_told_to_stop_answers_those_that_wait_for_the_store),
        cmocka_unit_test(clients_that_leave_while_the_store_is_asked_pay_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
