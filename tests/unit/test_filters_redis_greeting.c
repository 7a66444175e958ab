/* SPDX-License-Identifier: MIT
 * Being let in by a Redis: what is said, and what the answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "filters/rate_limit/store/redis_greeting.h"

static const gw_redis_url_t *parse(gw_arena_t *arena, const char *text)
{
    const char *wrong = NULL, *hint = NULL;
    const gw_redis_url_t *url = gw_redis_url_parse(arena, gw_str_of(text), &wrong, &hint);
    assert_non_null(url);
    return url;
}

/** The commands, words divided by spaces, commands by '|'; to be freed. */
static char *said(const gw_redis_greeting_t *greeting)
{
    size_t size = gw_redis_greeting_size(greeting);
    char *bytes = calloc(1, size + 1), *text = calloc(1, size + 1), *to = text;
    gw_redis_greeting_write(greeting, bytes);
    for (char *at = bytes; at != bytes + size;) {
        long num = strtol(at + 1, &at, 10);
        at += 2;
        if (to != text)
            *to++ = '|';
        for (long i = 0; i != num; ++i) {
            long len = strtol(at + 1, &at, 10);
            if (i != 0)
                *to++ = ' ';
            memcpy(to, at + 2, (size_t)len);
            to += len;
            at += 2 + len + 2;
        }
    }
    free(bytes);
    return text;
}

/** Has it take all replies.  @return how it ended; to be freed */
static char *heard(gw_redis_greeting_t *greeting, const char *replies)
{
    char *text = NULL;
    int len = 0;
    gw_redis_reader_t *reader = gw_redis_reader_create();
    gw_redis_greeted_t greeted = GW_REDIS_GREETING_MORE;
    const gw_redis_reply_t *reply;
    gw_redis_reader_feed(reader, gw_str_of(replies));
    while (greeted == GW_REDIS_GREETING_MORE && gw_redis_reader_next(reader, &reply) == GW_REDIS_READ_REPLY)
        greeted = gw_redis_greeting_take(greeting, reply);
    if (greeted == GW_REDIS_GREETING_FAILED)
        len = asprintf(&text, "%s: %s", gw_redis_cause_text(greeting->cause), greeting->code);
    else if (greeted == GW_REDIS_GREETED && *greeting->master_host != '\0')
        len = asprintf(&text, "%s %u", greeting->master_host, greeting->master_port);
    else
        text = strdup(greeted == GW_REDIS_GREETED ? "greeted" : "more");
    assert_true(len >= 0);
    gw_redis_reader_free(reader);
    return text;
}

static void what_is_said_depends_on_the_url(void **state)
{
    static const struct {
        const char *about, *url;
        bool at_sentinel;
        const char *expected;
    } cases[] = {
        {"nothing to say", "redis://a", false, "CLIENT SETNAME sluice|PING"},
        {"a database", "redis://a/7", false, "CLIENT SETNAME sluice|SELECT 7|PING"},
        {"a password", "redis://:p%20w@a", false, "AUTH p w|CLIENT SETNAME sluice|PING"},
        {"a user", "rediss://u:p@a/1", false, "AUTH u p|CLIENT SETNAME sluice|SELECT 1|PING"},
        {"a socket", "unix://:p@/a?db=2", false, "AUTH p|CLIENT SETNAME sluice|SELECT 2|PING"},
        {"a master of sentinels", "redis+sentinel://u:p@a/m/1", false,
         "AUTH u p|CLIENT SETNAME sluice|SELECT 1|ROLE|PING"},
        {"a sentinel", "redis+sentinel://a/m", true, "SENTINEL get-master-addr-by-name m"},
        {"a sentinel, with a password", "redis+sentinel://:p@a/m/1", true, "AUTH p|SENTINEL get-master-addr-by-name m"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        gw_redis_greeting_t greeting;
        gw_redis_greeting_begin(&greeting, parse(arena, cases[i].url), cases[i].at_sentinel);
        char *actual = said(&greeting);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n", cases[i].about);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
        gw_arena_free(arena);
    }
}

static void every_answer_is_understood(void **state)
{
#define MASTER "*3\r\n$6\r\nmaster\r\n:5\r\n*0\r\n"
    static const struct {
        const char *about, *url;
        bool at_sentinel;
        const char *replies, *expected;
    } cases[] = {
        {"welcome", "redis://a", false, "+OK\r\n+PONG\r\n", "greeted"},
        {"welcome to all of it", "redis+sentinel://:p@a/m/1", false, "+OK\r\n+OK\r\n+OK\r\n" MASTER "+PONG\r\n",
         "greeted"},
        {"half of it", "redis://a/1", false, "+OK\r\n+OK\r\n", "more"},
        {"names are not allowed", "redis://a", false, "-NOPERM no\r\n+PONG\r\n", "greeted"},
        {"nor is PING", "redis://a", false, "+OK\r\n-NOPERM no\r\n", "greeted"},
        {"a wrong password", "redis://:p@a", false, "-WRONGPASS invalid username-password pair\r\n",
         "it does not accept user and password: WRONGPASS"},
        {"an error that quotes the password", "redis://:secret@a", false, "-secret is wrong\r\n",
         "it does not accept user and password: "},
        {"a password where none is wanted", "redis://:p@a", false, "-ERR AUTH called without any password\r\n",
         "it does not accept user and password: ERR"},
        {"a password is wanted", "redis://a", false, "-NOAUTH Authentication required.\r\n-NOAUTH no\r\n",
         "it wants a password, and the URL has none: NOAUTH"},
        {"a password is wanted for the database", "redis://a/1", false, "-NOAUTH no\r\n-NOAUTH no\r\n",
         "it wants a password, and the URL has none: NOAUTH"},
        {"no such database", "redis://a/99", false, "+OK\r\n-ERR DB index is out of range\r\n",
         "it does not have that database: ERR"},
        {"it is loading", "redis://a", false, "+OK\r\n-LOADING Redis is loading the dataset in memory\r\n",
         "it is loading its data: LOADING"},
        {"too many clients", "redis://:p@a", false, "-ERR max number of clients reached\r\n", "it turns us away: ERR"},
        {"protected mode", "redis://a", false, "-DENIED Redis is running in protected mode\r\n",
         "it turns us away: DENIED"},
        {"a strange PONG", "redis://a", false, "+OK\r\n:1\r\n", "it does not answer PING as it should: "},
        {"a replica", "redis+sentinel://a/m", false,
         "+OK\r\n*5\r\n$5\r\nslave\r\n$1\r\na\r\n:1\r\n+connected\r\n:9\r\n",
         "it is not the master that the sentinels say it is: "},
        {"a role that is not told", "redis+sentinel://a/m", false, "+OK\r\n-NOPERM no\r\n",
         "it does not let us ask for its ROLE: NOPERM"},
        {"an empty role", "redis+sentinel://a/m", false, "+OK\r\n*0\r\n", "it does not let us ask for its ROLE: "},
        {"a master", "redis+sentinel://a/m", true, "*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n", "10.0.0.1 6379"},
        {"a master with IPv6", "redis+sentinel://a/m", true, "*2\r\n$3\r\n::1\r\n$5\r\n65535\r\n", "::1 65535"},
        {"a sentinel without password", "redis+sentinel://:p@a/m", true,
         "-ERR AUTH called without any password\r\n*2\r\n$3\r\n::1\r\n$1\r\n1\r\n", "::1 1"},
        {"a sentinel with another password", "redis+sentinel://:p@a/m", true, "-WRONGPASS\r\n-NOAUTH\r\n",
         "it does not accept user and password: NOAUTH"},
        {"an unknown master", "redis+sentinel://a/m", true, "*-1\r\n", "the sentinel knows no master of that name: "},
        {"an unknown master, as nil", "redis+sentinel://a/m", true, "$-1\r\n",
         "the sentinel knows no master of that name: "},
        {"not a sentinel", "redis+sentinel://a/m", true, "-ERR unknown command\r\n",
         "the sentinel does not answer as one: ERR"},
        {"a port that is none", "redis+sentinel://a/m", true, "*2\r\n$3\r\n::1\r\n$5\r\n65536\r\n",
         "the sentinel does not answer as one: "},
        {"port 0", "redis+sentinel://a/m", true, "*2\r\n$3\r\n::1\r\n$1\r\n0\r\n",
         "the sentinel does not answer as one: "},
        {"a port that is a number", "redis+sentinel://a/m", true, "*2\r\n$3\r\n::1\r\n:6379\r\n",
         "the sentinel does not answer as one: "},
        {"a name", "redis+sentinel://a/m", true, "*2\r\n$5\r\nredis\r\n$4\r\n6379\r\n",
         "the sentinel gives the master's name instead of its address (set 'sentinel announce-hostnames no'): "},
        {"a name as long as a line", "redis+sentinel://a/m", true,
         "*2\r\n$60\r\n012345678901234567890123456789012345678901234567890123456789\r\n$1\r\n1\r\n",
         "the sentinel gives the master's name instead of its address (set 'sentinel announce-hostnames no'): "},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        gw_redis_greeting_t greeting;
        gw_redis_greeting_begin(&greeting, parse(arena, cases[i].url), cases[i].at_sentinel);
        char *actual = heard(&greeting, cases[i].replies);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n", cases[i].about);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
        gw_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_depends_on_the_url),
        cmocka_unit_test(every_answer_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
