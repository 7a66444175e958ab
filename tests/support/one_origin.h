/* SPDX-License-Identifier: MIT
 * The one origin that all tests of a program send their requests to, through gateways of their own.  It answers as
 * asked (steps.h).  Threads: the test's. */
#ifndef GW_TESTS_ONE_ORIGIN_H
#define GW_TESTS_ONE_ORIGIN_H

#include "tests/support/steps.h"

extern origin_t *origin; /* NULL outside of the group */

/** To be given to cmocka_run_group_tests; return 0. */
int origin_set_up(void **state);
int origin_tear_down(void **state);

/** Part of a conf text: the origin as a service, with its port still to be said.  It fails as often as it is asked to:
 * nothing is tried again, and it is not avoided. */
#define CONF_ORIGIN                                                                                                    \
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 }, "                         \
    "ejection: { consecutive_failures: 0 } } }\n"

/** Runs the steps once for each transport that the first may go over, each time through a new gateway with
 * CONF_LISTEN, CONF_ORIGIN and the rest of a conf text, made as by printf. */
void steps_run_on_origin(const char *about, const step_t steps[STEPS_MAX], const char *conf, ...)
    __attribute__((format(printf, 3, 4)));

#endif
