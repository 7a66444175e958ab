/* SPDX-License-Identifier: MIT
 * Plays: what a client asks, what the origin answers if it is asked, and what the client is to get, each as a text that
 * is read as it stands.  For tests of the response cache, whose behaviour is what happens over several requests.
 *
 * A request: "GET $/a?x=1\nRange: bytes=0-3", with a body behind an empty line; fields "Name: value", of which "Name;"
 * is an empty one.  Every play has paths of its own: $ stands for where they begin, @ for the host and port that the
 * client asks.
 * An answer: "200\nETag: \"a\"\n\nbody".  It gets a Content-Length, unless it has Transfer-Encoding: chunked, when the
 * body is sent in chunks of four bytes, or says how its body ends: "200 until-close", "200 HTTP/1.0" (close, too),
 * "200 bare" (no body, and nothing is said of it).  "gone": the connection ends without one.
 * A reply to be expected: "200\nETag: \"a\"\n!Age\nCache-Status: sluice; hit; ttl=*\n\nbody": the status, then the
 * first field of each name, with * for any text and ~60 for that number of seconds, more or less as many as have passed
 * since the play began, or that there is none; and the whole body, if there is an empty line.
 * Any Cache-Status must be a structured field.  Lines that begin with > are about what the origin got: ">If-None-Match:
 * \"a\"", ">!Range"; with >> about the request line: ">>HEAD *".
 * "again GET $/a" is repeated until the reply is as expected, however often the origin is asked: for what happens by
 * itself.
 * In all three <-60>, <+60> is a date: the time at which the play began, and so many seconds before or after that.
 *
 * Threads: the test's, which the origin's answer to. */
#ifndef GW_TESTS_PLAYS_H
#define GW_TESTS_PLAYS_H

#include "tests/support/gateway.h"
#include "tests/support/origin.h"

enum { PLAY_STEPS_MAX = 10 };

typedef struct play_step {
    const char *request;
    const char *answer; /* NULL: the origin must not be asked */
    const char *reply;
} play_step_t;

typedef struct play {
    const char *about;
    const char *options; /* of the cache, as in a conf file; NULL: none */
    play_step_t steps[PLAY_STEPS_MAX];
} play_t;

/** The origin of all plays of a program; NULL outside of the group.  The two are for cmocka_run_group_tests. */
extern origin_t *play_origin;
int plays_set_up(void **state);
int plays_tear_down(void **state);

/** Four workers, plain on ports[0], TLS on ports[1]. */
#define CONF_LISTEN_4                                                                                                  \
    "workers: 4\n"                                                                                                     \
    "listen:\n"                                                                                                        \
    "  - address: 127.0.0.1:0\n"                                                                                       \
    "  - address: 127.0.0.1:00\n"                                                                                      \
    "    tls: { certificates: [ { certificate: server.crt, key: server.key } ] }\n"
/** The service `origin`, with the port still to be said: nothing is tried again, and it is not avoided. */
#define CONF_PLAY_ORIGIN                                                                                               \
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 }, "                         \
    "ejection: { consecutive_failures: 0 } } }\n"

/** A gateway with the two above and a cache of these options in front of the origin. */
gateway_t *plays_gateway(const char *options);
/** Plays every play over each transport, every request on a connection of its own, through one gateway for each text of
 * options.  Shows what was not as expected, and fails when something was not. */
void plays_run(const play_t *plays, size_t num);
/** The same through a gateway that is there already. */
void plays_run_through(const gateway_t *gateway, const play_t *plays, size_t num);
/** The same over one transport. */
void plays_run_over(const gateway_t *gateway, transport_t transport, const play_t *plays, size_t num);
/** The same over HTTP/1.1 and HTTP/2 in turn, both with TLS: what one stored, the other gets. */
void plays_run_mixed(const gateway_t *gateway, const play_t *plays, size_t num);

/** One request as above. */
reply_t play_ask(const gateway_t *gateway, transport_t transport, const char *request);
/** What the origin answers from now on. */
void play_answer(const char *answer);
/** Fails the test unless it is as in a play. */
void play_expect(const reply_t *reply, const char *expected);

#endif
