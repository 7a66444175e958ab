/* SPDX-License-Identifier: MIT
 * An endpoint whose responses caches may keep.  It answers as the test plans, holds answers back until it is told to go
 * on, and makes bodies that tell what they are of: every byte follows from the request's target and a version, so that
 * a mixture of two, or a part, does not pass for a whole.
 * Threads: scripts run on threads of their own; the test may call everything at any time. */
#ifndef GW_TESTS_CACHE_ORIGIN_H
#define GW_TESTS_CACHE_ORIGIN_H

#include <stdint.h>
#include "tests/support/origin.h"

typedef enum plan_framing { WITH_LENGTH, CHUNKED, UNTIL_CLOSE } plan_framing_t;
typedef enum plan_ending {
    WHOLE,
    HEADLESS, /* the connection breaks off in place of a head */
    HALF      /* within the body */
} plan_ending_t;

typedef struct plan {
    const char *status; /* NULL: "200 OK" */
    const char *fields; /* lines with their ends; NULL: none */
    size_t size;        /* of the body; 0: the number that the path begins with ("/1000/a") */
    plan_framing_t framing;
    bool mixes_framings; /* with a length and chunked, by the version */
    plan_ending_t ending;
    int dawdle_ms;               /* every fourth answer takes so long, half of it before the head */
    bool confirms;               /* what is conditional is answered with 304 and the fields */
    bool holds_head, holds_half; /* until cache_origin_go: before anything, after half of the body */
} plan_t;

#define FRESH "Cache-Control: max-age=3600\r\n" /* longer than any test takes */

typedef struct cache_origin {
    origin_t *origin;
    atomic_size_t version;                   /* of all bodies; 0 at first */
    atomic_size_t num_asked;                 /* requests, those for /fence left out */
    atomic_size_t num_conditional;           /* of those */
    atomic_size_t num_held;                  /* holds so far, of both kinds */
    atomic_size_t num_go;                    /* holds that may go on, in their order */
    atomic_size_t num_at_work, most_at_work; /* requests at a time */
    /* private */
    struct cache_origin_plan *plan;
} cache_origin_t;

cache_origin_t *cache_origin_start(const plan_t *plan);
/** Lets everything go and stops. */
void cache_origin_stop(cache_origin_t *origin);
/** For requests that come from now on.  Texts are borrowed. */
void cache_origin_plan(cache_origin_t *origin, const plan_t *plan);
/** Lets everything go that is held, and what would be. */
void cache_origin_go(cache_origin_t *origin);
/** Holds again what is to be held from now on. */
void cache_origin_hold(cache_origin_t *origin);

/** Writes the body of that target, in that version.  @param kind X-Kind of the request; "": none */
void content_make(char *to, size_t size, const char *target, const char *kind, size_t version);
/** Whether the bytes are such a body, whole and of one version.  @param size 0: the number in the target
 *  @param ret_version which; may be NULL */
bool content_is(const char *body, size_t len, size_t size, const char *target, const char *kind, size_t *ret_version);
/** Whether they are the beginning of one. */
bool content_begins(const char *body, size_t len, size_t size, const char *target, const char *kind);
/** The number that a target begins with. */
size_t content_size(const char *target);

#endif
