/* SPDX-License-Identifier: MIT
 * What 304 of a service does to a stored response (RFC 9111 3.2, 4.3.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF                                                                                                           \
    CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                                   \
                "routes: [ { path: /, service: origin, filters: [ cache: {} ] } ]\n"

/** What the service says to one request, and what that must have in it. */
typedef struct turn {
    const char *condition; /* NULL: no If-None-Match */
    const char *answer;
} turn_t;

typedef struct play {
    const turn_t *turns; /* ends with answer NULL */
    atomic_size_t next;
    _Atomic(const char *) wrong; /* the condition that was missing, or there though it should not be */
} play_t;

static void take_turns(origin_t *origin, int fd, size_t index)
{
    play_t *play = origin->arg;
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        const turn_t *turn = &play->turns[play->next++];
        if (turn->answer == NULL)
            break;
        char line[64];
        snprintf(line, sizeof(line), "\r\nIf-None-Match: %s\r\n", turn->condition != NULL ? turn->condition : "");
        if (turn->condition != NULL ? strcasestr(request, line) == NULL : strcasestr(request, "if-none-match") != NULL)
            play->wrong = turn->condition != NULL ? turn->condition : "none";
        free(request);
        if (!origin_write(fd, turn->answer))
            return;
    }
    free(request);
}

typedef struct reading {
    const char *body, *field; /* a whole field line of the head */
} reading_t;

/** @param readings what a client gets from request to request; ends with body NULL */
static void run(const char *about, const turn_t *turns, const reading_t *readings)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        play_t play = {.turns = turns};
        origin_t *origin = origin_start(take_turns, &play);
        gateway_t *gateway = gateway_start(CONF, origin->port);
        for (const reading_t *reading = readings; reading->body != NULL; ++reading) {
            reply_t reply = fetch_path(gateway, t, "/");
            if (reply.status != 200 || strcmp(reply.body, reading->body) != 0 ||
                strcasestr(reply.head, reading->field) == NULL)
                fail_msg("%s, request %zu over %s: %d '%s'\n%s", about, (size_t)(reading - readings) + 1,
                         transport_names[t], reply.status, reply.body, reply.head);
            reply_free(&reply);
        }
        if (play.wrong != NULL)
            fail_msg("%s: If-None-Match should be %s", about, play.wrong);
        if (play.turns[play.next].answer != NULL)
            fail_msg("%s: the service was asked %zu times only", about, (size_t)play.next);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

#define FIRST(fields)                                                                                                  \
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=0\r\nETag: \"a\"\r\n" fields "Content-Length: 5\r\n\r\nfirst"
#define CONFIRMED(fields) "HTTP/1.1 304 Not Modified\r\n" fields "\r\n"

static void its_fields_take_the_place_of_the_stored_ones(void **state)
{
    run("fields", /* RFC 9111 3.2 */
        (turn_t[]){{NULL, FIRST("X-Old: 1\r\nX-Both: 1\r\nContent-Foo: 1\r\n")},
                   {"\"a\"", CONFIRMED("ETag: \"a\"\r\nX-Both: 2\r\nContent-Foo: 2\r\nContent-Length: 9\r\n")},
                   {"\"a\"", CONFIRMED("ETag: \"a\"\r\nCache-Control: max-age=60\r\nX-New: 3\r\n")},
                   {NULL, NULL}},
        (reading_t[]){{"first", "\r\nx-both: 1\r\n"},
                      {"first", "\r\nx-both: 2\r\n"},
                      {"first", "\r\ncontent-foo: 2\r\n"}, /* updated once more by now */
                      {"first", "\r\nx-new: 3\r\n"},
                      {"first", "\r\nx-old: 1\r\n"},
                      {"first", "\r\ncontent-length: 5\r\n"},
                      {"first", "\r\ncache-control: max-age=60\r\n"},
                      {NULL, NULL}});
}

static void one_without_a_tag_confirms_what_was_asked_about(void **state)
{
    run("no tag",
        (turn_t[]){{NULL, FIRST("")}, {"\"a\"", CONFIRMED("Cache-Control: max-age=60\r\nX-New: 1\r\n")}, {NULL, NULL}},
        (reading_t[]){{"first", "\r\netag: \"a\"\r\n"},
                      {"first", "\r\nx-new: 1\r\n"},
                      {"first", "\r\netag: \"a\"\r\n"},
                      {NULL, NULL}});
}

static void one_whose_tag_a_coding_has_weakened_confirms_it(void **state)
{
    run("a weak tag",
        (turn_t[]){
            {NULL, FIRST("")}, {"\"a\"", CONFIRMED("ETag: W/\"a\"\r\nCache-Control: max-age=60\r\n")}, {NULL, NULL}},
        (reading_t[]){{"first", "\r\netag: \"a\"\r\n"}, {"first", "\r\ncache-control: max-age=60\r\n"}, {NULL, NULL}});
}

static void one_about_another_response_changes_nothing_and_is_asked_for_it(void **state)
{
    run("another tag", /* RFC 9111 4.3.4 */
        (turn_t[]){
            {NULL, FIRST("")},
            {"\"a\"", CONFIRMED("ETag: \"b\"\r\nCache-Control: max-age=60\r\n")},
            {NULL, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"b\"\r\nContent-Length: 6\r\n\r\nsecond"},
            {NULL, NULL}},
        (reading_t[]){{"first", "\r\netag: \"a\"\r\n"},
                      {"second", "\r\netag: \"b\"\r\n"},
                      {"second", "\r\netag: \"b\"\r\n"},
                      {NULL, NULL}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_fields_take_the_place_of_the_stored_ones),
        cmocka_unit_test(one_without_a_tag_confirms_what_was_asked_about),
        cmocka_unit_test(one_whose_tag_a_coding_has_weakened_confirms_it),
        cmocka_unit_test(one_about_another_response_changes_nothing_and_is_asked_for_it),
    };
    return cmocka_run_group_tests_name("cache_not_modified", tests, NULL, NULL);
}
