/* SPDX-License-Identifier: MIT
 * The one origin of a program's tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/one_origin.h"

origin_t *origin;

int origin_set_up(void **state)
{
    (void)state;
    origin = origin_start(origin_answer_as_asked, NULL);
    return 0;
}

int origin_tear_down(void **state)
{
    (void)state;
    origin_stop(origin);
    origin = NULL;
    return 0;
}

void steps_run_on_origin(const char *about, const step_t steps[STEPS_MAX], const char *conf, ...)
{
    char *text;
    va_list args;
    va_start(args, conf);
    assert_int_not_equal(vasprintf(&text, conf, args), -1);
    va_end(args);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN "%s", origin->port, text);
        steps_run(gateway, t, about, steps);
        gateway_stop(gateway);
    }
    free(text);
}
