/* SPDX-License-Identifier: MIT
 * Requests one after the other, each over the next transport, and what is expected of each.  Threads: the test's. */
#ifndef GW_TESTS_STEPS_H
#define GW_TESTS_STEPS_H

#include <stdint.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

enum { STEPS_MAX = 14, STEP_HEADERS_MAX = 3 };

#define UNTOLD (-1) /* step_t.remaining: the response says nothing of limits */
#define ANY    (-2) /* it is not looked at */

typedef struct step {
    const char *what; /* a path for GET, or as "DELETE /path"; NULL: there are no more */
    const char *headers[STEP_HEADERS_MAX + 1];
    int status;
    int64_t remaining; /* r of its only limit, or one of the above */
} step_t;

/** @param first the transport of the first one: what is counted does not depend on it */
void steps_run(const gateway_t *gateway, transport_t first, const char *about, const step_t steps[STEPS_MAX]);

/** A script: answers with the status that the path begins with ("/404"), or else 200, and without a body.  /gone breaks
 * the connection off. */
void origin_answer_as_asked(origin_t *origin, int fd, size_t index);

#endif
