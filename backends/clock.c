/* SPDX-License-Identifier: MIT
 * clock: tells the time, in seconds since 1970 with milliseconds. */
#include <stdio.h>
#include <time.h>
#include "backends/services.h"

void gw_clock_handle(gw_demo_request_t *r)
{
    struct timespec now;
    char body[64];

    if (!gw_str_equal(r->path, GW_STR("/"))) {
        gw_demo_problem(r, 404, NULL, "there are / and /healthz");
        return;
    }
    if (!gw_demo_is_get(r))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    /* not through a double, which would show 1700000000.123 as 1700000000.1229999 */
    int len =
        snprintf(body, sizeof(body), "{\"time\": %lld.%03d}\n", (long long)now.tv_sec, (int)(now.tv_nsec / 1000000));
    gw_demo_header(r, "cache-control", "no-store");
    gw_demo_answer(r, 200, "application/json", gw_str(body, (size_t)len));
}
