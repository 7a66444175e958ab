/* SPDX-License-Identifier: MIT
 * Tests of the ring between a worker and the access log's thread. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/observe/log_ring.h"

static bool put(gw_log_ring_t *ring, const char *line)
{
    char *room = gw_log_ring_reserve(ring);

    if (room == NULL)
        return false;
    memcpy(room, line, strlen(line));
    gw_log_ring_commit(ring, strlen(line));
    return true;
}

static void take(gw_log_ring_t *ring, char *to)
{
    gw_str_t parts[2];
    size_t len = gw_log_ring_peek(ring, parts);

    assert_int_equal(len, parts[0].len + parts[1].len);
    memcpy(to, parts[0].ptr, parts[0].len);
    memcpy(to + parts[0].len, parts[1].ptr, parts[1].len);
    to[len] = '\0';
    gw_log_ring_consume(ring, len);
}

static void lines_come_out_as_they_went_in(void **state)
{
    gw_log_ring_t *ring = gw_log_ring_create(64, 16);
    char text[65];

    assert_true(put(ring, "one\n"));
    assert_true(put(ring, "two\n"));
    take(ring, text);
    assert_string_equal(text, "one\ntwo\n");
    take(ring, text);
    assert_string_equal(text, "");
    assert_null(gw_log_ring_free(ring));
}

static void a_line_may_lie_across_the_end_wherever_it_begins(void **state)
{
    for (size_t offset = 0; offset != 64; ++offset) {
        gw_log_ring_t *ring = gw_log_ring_create(64, 16);
        char text[65];
        for (size_t i = 0; i != offset; ++i) {
            assert_true(put(ring, "-"));
            take(ring, text);
        }
        assert_true(put(ring, "0123456789abcde\n"));
        assert_true(put(ring, "next\n"));
        take(ring, text);
        assert_string_equal(text, "0123456789abcde\nnext\n");
        gw_log_ring_free(ring);
    }
}

static void what_finds_no_room_is_dropped_whole_and_counted(void **state)
{
    gw_log_ring_t *ring = gw_log_ring_create(64, 16);
    char text[65], expected[65] = "";
    size_t num = 0;

    while (put(ring, "0123456789\n")) {
        ++num;
        strcat(expected, "0123456789\n");
    }
    assert_int_equal(num, 5); /* 55 bytes: fewer than 16 are left */
    assert_false(put(ring, "0123456789\n"));
    assert_int_equal(gw_log_ring_dropped(ring), 2);
    take(ring, text);
    assert_string_equal(text, expected);
    assert_true(put(ring, "again\n"));
    take(ring, text);
    assert_string_equal(text, "again\n");
    assert_int_equal(gw_log_ring_dropped(ring), 2);
    gw_log_ring_free(ring);
}

static void a_commit_says_when_more_than_half_is_in_use(void **state)
{
    gw_log_ring_t *ring = gw_log_ring_create(64, 16);
    gw_str_t parts[2];

    assert_non_null(gw_log_ring_reserve(ring));
    assert_false(gw_log_ring_commit(ring, 16));
    assert_non_null(gw_log_ring_reserve(ring));
    assert_false(gw_log_ring_commit(ring, 16)); /* exactly half */
    assert_non_null(gw_log_ring_reserve(ring));
    assert_true(gw_log_ring_commit(ring, 1));
    gw_log_ring_consume(ring, gw_log_ring_peek(ring, parts));
    assert_non_null(gw_log_ring_reserve(ring));
    assert_false(gw_log_ring_commit(ring, 1));
    gw_log_ring_free(ring);
}

static void a_reservation_can_be_given_back(void **state)
{
    gw_log_ring_t *ring = gw_log_ring_create(64, 16);
    char text[65];

    memcpy(gw_log_ring_reserve(ring), "garbage", 7);
    assert_false(gw_log_ring_commit(ring, 0));
    assert_true(put(ring, "line\n"));
    take(ring, text);
    assert_string_equal(text, "line\n");
    gw_log_ring_free(ring);
}

#define NUM_LINES 200000u

static void *produce(void *arg)
{
    gw_log_ring_t *ring = arg;

    for (unsigned i = 0; i != NUM_LINES; ++i) {
        char *room = gw_log_ring_reserve(ring);
        if (room == NULL) {
            sched_yield();
            continue;
        }
        int len = snprintf(room, 64, "%u %.*s", i, (int)(i % 40), "........................................");
        room[len] = '\n';
        gw_log_ring_commit(ring, (size_t)len + 1);
    }
    return NULL;
}

/* Each line is a rising number and, by that number, so many dots: a torn, lost or doubled byte shows. */
static void two_threads_lose_nothing_but_what_is_counted(void **state)
{
    gw_log_ring_t *ring = gw_log_ring_create(1024, 64);
    pthread_t thread;
    char line[128];
    size_t line_len = 0, num_seen = 0;
    long last = -1;
    bool is_over = false;

    assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
    while (!is_over) {
        gw_str_t parts[2];
        is_over = last == NUM_LINES - 1 || num_seen + gw_log_ring_dropped(ring) == NUM_LINES;
        size_t len = gw_log_ring_peek(ring, parts);
        for (size_t i = 0; i != len; ++i) {
            char c = i < parts[0].len ? parts[0].ptr[i] : parts[1].ptr[i - parts[0].len];
            if (c != '\n') {
                assert_true(line_len < sizeof(line) - 1);
                line[line_len++] = c;
                continue;
            }
            long number;
            int after;
            line[line_len] = '\0';
            assert_int_equal(sscanf(line, "%ld%n", &number, &after), 1);
            assert_true(number > last && number < NUM_LINES);
            assert_int_equal(line_len, (size_t)after + 1 + (size_t)(number % 40));
            assert_int_equal(strspn(line + after + 1, "."), number % 40);
            last = number;
            ++num_seen;
            line_len = 0;
        }
        gw_log_ring_consume(ring, len);
        if (len == 0)
            sched_yield();
    }
    pthread_join(thread, NULL);
    assert_int_equal(line_len, 0);
    assert_int_equal(num_seen + gw_log_ring_dropped(ring), NUM_LINES);
    gw_log_ring_free(ring);
}

static void freeing_nothing_is_fine(void **state)
{
    assert_null(gw_log_ring_free(NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_as_they_went_in),
        cmocka_unit_test(a_line_may_lie_across_the_end_wherever_it_begins),
        cmocka_unit_test(what_finds_no_room_is_dropped_whole_and_counted),
        cmocka_unit_test(a_commit_says_when_more_than_half_is_in_use),
        cmocka_unit_test(a_reservation_can_be_given_back),
        cmocka_unit_test(two_threads_lose_nothing_but_what_is_counted),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("observe/log_ring", tests, NULL, NULL);
}
