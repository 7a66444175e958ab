/* SPDX-License-Identifier: MIT
 * The transport to a Redis against servers that are none, or break off in every state: nothing is believed, nobody
 * waits, and a good server is found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tests/support/origin.h"
#include "tests/support/redis_link.h"

#define LONG_MS 30000

/** What the first connection is told; later ones are served well. */
typedef struct part {
    const char *about;
    const char *at_once;  /* before anything was asked; NULL: nothing */
    const char *greeting; /* NULL: the right one */
    const char *answer;   /* to the first call; NULL: nothing */
    size_t answer_len;    /* 0: strlen(answer) */
    enum { STAY, CLOSE } then;
    const char *cause; /* in the log; NULL: it is used */
    enum { NEVER_UP, IS_LOST, TIMES_OUT, IS_ANSWERED, IS_ANSWERED_TWICE } call;
} part_t;

/** Reads until `end` has come.  @return false: the peer is gone */
static bool read_until(int fd, const char *end)
{
    char bytes[4096];
    size_t len = 0;
    while (len != sizeof(bytes) - 1) {
        ssize_t num = read(fd, bytes + len, sizeof(bytes) - 1 - len);
        if (num <= 0)
            return false;
        len += (size_t)num;
        bytes[len] = '\0';
        if (strstr(bytes, end) != NULL)
            return true;
    }
    return false;
}

static void serve_well(origin_t *origin, int fd)
{
    if (!read_until(fd, "PING\r\n") || !origin_write(fd, "+OK\r\n+PONG\r\n"))
        return;
    while (read_until(fd, "ECHO\r\n$4\r\ngood\r\n") && origin_write(fd, "$4\r\ngood\r\n"))
        ;
}

static void play(origin_t *origin, int fd, size_t index)
{
    const part_t *part = origin->arg;
    if (index != 0) {
        serve_well(origin, fd);
        return;
    }
    if (part->at_once != NULL)
        origin_write(fd, part->at_once);
    if (part->greeting != NULL || part->answer != NULL || part->call != NEVER_UP) {
        if (!read_until(fd, "PING\r\n"))
            return;
        origin_write(fd, part->greeting != NULL ? part->greeting : "+OK\r\n+PONG\r\n");
    }
    if (part->answer != NULL && read_until(fd, "ECHO\r\n$3\r\nbad\r\n")) {
        size_t len = part->answer_len != 0 ? part->answer_len : strlen(part->answer);
        for (size_t sent = 0; sent != len;) {
            ssize_t num = write(fd, part->answer + sent, len - sent);
            if (num <= 0)
                return;
            sent += (size_t)num;
        }
    }
    if (part->then == STAY)
        origin_wait_for_close(fd);
}

static void perform(const part_t *part)
{
    origin_t *origin = origin_start(play, (void *)part);
    redis_log_begin();
    redis_link_t *link = redis_link_create_on(origin->port);
    redis_probe_t probe;
    bool is_cut = false;
    if (part->call != NEVER_UP) {
        redis_link_wait_until_up(link, 0);
        assert_int_equal(redis_probe_send(link, 0, &probe, part->call == TIMES_OUT ? 30 : LONG_MS, "ECHO bad"),
                         GW_REDIS_SENT);
        redis_probe_wait(link, &probe);
        for (redis_probe_t more; part->call == TIMES_OUT && !is_cut;) {
            is_cut = redis_probe_send(link, 0, &more, 30, "ECHO bad") == GW_REDIS_DOWN;
            if (!is_cut)
                redis_probe_wait(link, &more);
        }
    }
    if (part->cause != NULL)
        redis_link_wait_for_log(link, "can be used again");
    if (part->call != IS_ANSWERED)
        redis_link_do(link, 0, "ECHO good", "good");
    redis_link_free(link);
    char *log = redis_log_end();
    if (part->cause != NULL && (strstr(log, part->cause) == NULL || redis_log_count(log, "cannot be used") != 1))
        print_error("case: %s: %s", part->about, log);
    if (part->cause != NULL)
        assert_non_null(strstr(log, part->cause));
    assert_int_equal(redis_log_count(log, "cannot be used"), part->cause != NULL);
    if (part->call == IS_LOST)
        assert_int_equal(probe.result, GW_REDIS_LOST);
    if (part->call == TIMES_OUT)
        assert_int_equal(probe.result, GW_REDIS_TIMEOUT);
    if (part->call == IS_ANSWERED || part->call == IS_ANSWERED_TWICE)
        assert_string_equal(probe.text, "bad");
    free(log);
    origin_stop(origin);
}

#define NOT_REDIS "cannot be used: what it says is not the protocol of Redis"

static void whatever_a_server_does_a_good_one_is_used_again(void **state)
{
    static const part_t parts[] = {
        {.about = "an honest one", .answer = "$3\r\nbad\r\n", .call = IS_ANSWERED},
        {.about = "it closes at once", .then = CLOSE, .cause = "it closed the connection"},
        {.about = "it is silent from the beginning", .cause = "it lets nobody in, it is silent"},
        {.about = "it speaks HTTP", .at_once = "HTTP/1.1 400 Bad Request\r\n\r\n", .cause = NOT_REDIS},
        {.about = "it greets with bytes that are nothing", .greeting = "\x01\x02\x03\xff", .cause = NOT_REDIS},
        {.about = "it closes within the greeting",
         .greeting = "+OK\r\n+PO",
         .then = CLOSE,
         .cause = "it closed the connection"},
        {.about = "it stops within the greeting", .greeting = "+OK\r\n+PO", .cause = "it lets nobody in, it is silent"},
        {.about = "it turns us away",
         .at_once = "-ERR max number of clients reached\r\n",
         .then = CLOSE,
         .cause = "it turns us away: ERR"},
        {.about = "it greets with a number",
         .greeting = ":1\r\n:2\r\n",
         .cause = "it does not answer PING as it should"},
        {.about = "it greets with more than was asked",
         .greeting = "+OK\r\n+PONG\r\n+MORE\r\n",
         .cause = "it speaks without being asked"},
        {.about = "it closes when asked",
         .then = CLOSE,
         .answer = "",
         .call = IS_LOST,
         .cause = "it closed the connection"},
        {.about = "it closes within the answer",
         .answer = "$3\r\nb",
         .then = CLOSE,
         .call = IS_LOST,
         .cause = "it closed the connection"},
        {.about = "it answers with nonsense", .answer = "good\r\n", .call = IS_LOST, .cause = NOT_REDIS},
        {.about = "it answers with zeros", .answer = "\0\0\0\0", .answer_len = 4, .call = IS_LOST, .cause = NOT_REDIS},
        {.about = "it answers with a push of RESP3", .answer = ">1\r\n+a\r\n", .call = IS_LOST, .cause = NOT_REDIS},
        {.about = "it announces an array of two billions",
         .answer = "*2147483647\r\n",
         .call = IS_LOST,
         .cause = "what it says is too large"},
        {.about = "it answers twice",
         .answer = "+bad\r\n+bad\r\n",
         .call = IS_ANSWERED_TWICE,
         .cause = "it speaks without being asked"},
        {.about = "it never answers", .answer = "", .call = TIMES_OUT, .cause = "it has become silent"},
        {.about = "it begins to answer and stops",
         .answer = "$3\r\nb",
         .call = TIMES_OUT,
         .cause = "it has become silent"},
    };
    for (size_t i = 0; i != sizeof(parts) / sizeof(parts[0]); ++i)
        perform(&parts[i]);
}

static void an_answer_may_break_off_at_any_byte(void **state)
{
    static const char answer[] = "*2\r\n:15\r\n$3\r\na\r\n\r\n";
    for (size_t len = 1; len != sizeof(answer) - 1; ++len) {
        part_t part = {.about = "a piece of an answer",
                       .answer = answer,
                       .answer_len = len,
                       .then = CLOSE,
                       .call = IS_LOST,
                       .cause = "it closed the connection"};
        perform(&part);
    }
}

static void a_flood_is_cut_off(void **state)
{
    enum { size = 8 * 1024 * 1024 };
    static const char *const heads[] = {"$536870912\r\n", "+", "*1000\r\n$100000\r\n"};
    for (size_t i = 0; i != sizeof(heads) / sizeof(heads[0]); ++i) {
        char *flood = malloc(size);
        memset(flood, 'x', size);
        memcpy(flood, heads[i], strlen(heads[i]));
        part_t part = {.about = heads[i],
                       .answer = flood,
                       .answer_len = size,
                       .then = CLOSE,
                       .call = IS_LOST,
                       .cause = "what it says is too large"};
        perform(&part);
        free(flood);
    }
}

static void error_replies_are_for_the_caller_and_a_wrong_kind_of_server_is_explained_once(void **state)
{
    static const struct {
        const char *answer, *explanation;
    } cases[] = {
        {"-MOVED 3999 127.0.0.1:6381", "is a part of a Redis Cluster"},
        {"-READONLY You can't write against a read only replica.", "is a replica, which takes no writes"},
        {"-ERR whatever", NULL},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char answer[256];
        snprintf(answer, sizeof(answer), "%s\r\n%s\r\n", cases[i].answer, cases[i].answer);
        part_t part = {.answer = answer, .call = IS_ANSWERED};
        origin_t *origin = origin_start(play, &part);
        redis_log_begin();
        redis_link_t *link = redis_link_create_on(origin->port);
        redis_probe_t one, other;
        redis_link_wait_until_up(link, 0);
        assert_int_equal(redis_probe_send(link, 0, &one, LONG_MS, "ECHO other"), GW_REDIS_SENT);
        assert_int_equal(redis_probe_send(link, 0, &other, LONG_MS, "ECHO bad"), GW_REDIS_SENT);
        redis_probe_wait(link, &other);
        assert_string_equal(one.text, cases[i].answer);
        assert_string_equal(other.text, cases[i].answer);
        assert_int_equal(gw_redis_connection_number(link->redis[0]), 1);
        redis_link_free(link);
        char *log = redis_log_end();
        assert_int_equal(redis_log_count(log, "\n"), cases[i].explanation != NULL);
        if (cases[i].explanation != NULL)
            assert_non_null(strstr(log, cases[i].explanation));
        free(log);
        origin_stop(origin);
    }
}

/* sentinels that lag behind -----------------------------------------------------------------------------------------
 */

typedef struct lag {
    const char *about, *first_role, *first_answer, *cause;
} lag_t;

/** A sentinel and the server that it names in one: connections 0, 2, ... ask the sentinel, the others the server. */
static void play_both(origin_t *origin, int fd, size_t index)
{
    const lag_t *lag = origin->arg;
    char text[128];
    if (index % 2 == 0) {
        snprintf(text, sizeof(text), "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%05d\r\n", origin->port);
        if (read_until(fd, "main\r\n"))
            origin_write(fd, text);
        origin_wait_for_close(fd);
        return;
    }
    if (!read_until(fd, "PING\r\n"))
        return;
    snprintf(text, sizeof(text), "+OK\r\n*1\r\n%s\r\n+PONG\r\n",
             index == 1 && lag->first_role != NULL ? lag->first_role : "$6\r\nmaster");
    origin_write(fd, text);
    while (read_until(fd, "ECHO\r\n$4\r\ngood\r\n") &&
           origin_write(fd, index == 1 ? lag->first_answer : "$4\r\ngood\r\n"))
        ;
}

static void the_sentinels_are_asked_again_when_the_master_is_none(void **state)
{
    static const lag_t lags[] = {
        {"it says that it is a replica", "$5\r\nslave", "", "it is not the master that the sentinels say it is"},
        {"it takes no writes", NULL, "-READONLY You can't write\r\n", "it has become a replica"},
    };
    for (size_t i = 0; i != sizeof(lags) / sizeof(lags[0]); ++i) {
        origin_t *origin = origin_start(play_both, (void *)&lags[i]);
        char text[128];
        snprintf(text, sizeof(text), "store: redis+sentinel://127.0.0.1:%d/main", origin->port);
        redis_log_begin();
        redis_link_t *link = redis_link_create(text, 1);
        if (lags[i].first_role == NULL) {
            redis_link_wait_until_up(link, 0);
            redis_link_do(link, 0, "ECHO good", "-READONLY You can't write"); /* the caller hears of it */
        }
        redis_link_wait_for_log(link, "can be used again");
        redis_link_do(link, 0, "ECHO good", "good");
        assert_int_equal(atomic_load(&origin->num_connections), 4);
        redis_link_free(link);
        char *log = redis_log_end();
        if (strstr(log, lags[i].cause) == NULL)
            print_error("case: %s: %s", lags[i].about, log);
        assert_non_null(strstr(log, lags[i].cause));
        free(log);
        origin_stop(origin);
    }
}

/* threads ---------------------------------------------------------------------------------------------------------- */

typedef struct thread {
    pthread_t id;
    size_t index;
    gw_redis_pool_t *pool;
} thread_t;

static bool is_up(void *redis)
{
    return gw_redis_connection_number(redis) != 0;
}

/** A worker whose deployments come and go. */
static void *work(void *arg)
{
    thread_t *thread = arg;
    gw_worker_t *worker = bare_worker_create(thread->index);
    for (int i = 0; i != 20; ++i) {
        gw_redis_t *redis = gw_redis_pool_get(thread->pool, worker);
        if (i % 4 == 0)
            bare_worker_run_until(worker, is_up, redis, "a connection");
        else
            bare_worker_turn(worker, 0);
        gw_redis_release(redis);
    }
    gw_redis_pool_unref(thread->pool);
    bare_worker_free(worker);
    return NULL;
}

static void serve_anybody(origin_t *origin, int fd, size_t index)
{
    serve_well(origin, fd);
}

static void workers_share_a_pool_and_nothing_else(void **state)
{
    enum { num_workers = 4 };
    origin_t *origin = origin_start(serve_anybody, NULL);
    thread_t threads[num_workers];
    gw_arena_t *arena = gw_arena_create();
    gw_resolver_t *resolver = gw_resolver_create();
    const char *wrong, *hint;
    gw_redis_conf_t conf = {.url = gw_redis_url_parse(
                                arena, gw_str_of(strstr(redis_link_conf_on(origin->port), "redis://")), &wrong, &hint)};
    for (size_t i = 0; i != num_workers; ++i) {
        threads[i] = (thread_t){.index = i, .pool = gw_redis_pool_open(&conf, resolver, num_workers)};
        assert_int_equal(pthread_create(&threads[i].id, NULL, work, &threads[i]), 0);
    }
    gw_arena_free(arena); /* the conf goes first */
    for (size_t i = 0; i != num_workers; ++i)
        pthread_join(threads[i].id, NULL);
    gw_resolver_free(resolver); /* nothing is left that it looks after: it would say so */
    origin_stop(origin);
}

static int begin(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_server_does_a_good_one_is_used_again),
        cmocka_unit_test(an_answer_may_break_off_at_any_byte),
        cmocka_unit_test(a_flood_is_cut_off),
        cmocka_unit_test(error_replies_are_for_the_caller_and_a_wrong_kind_of_server_is_explained_once),
        cmocka_unit_test(the_sentinels_are_asked_again_when_the_master_is_none),
        cmocka_unit_test(workers_share_a_pool_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
