/* SPDX-License-Identifier: MIT
 * Requests one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/quotas.h"
#include "tests/support/steps.h"

static void run_step(const gateway_t *gateway, transport_t transport, const char *about, size_t number,
                     const step_t *step)
{
    const char *path = strchr(step->what, '/');
    char method[16];
    snprintf(method, sizeof(method), "%.*s", (int)strcspn(step->what, " /"), step->what);
    request_t request = {.method = *method != '\0' ? method : NULL, .path = path, .headers = step->headers};
    reply_t reply = fetch(gateway, transport, &request);
    if (reply.status != step->status)
        fail_msg("%s, step %zu over %s: %d instead of %d: %s%s (%s)", about, number, transport_names[transport],
                 reply.status, step->status, reply.head, reply.body, curl_error(reply.error));
    if (step->remaining != ANY) {
        int64_t remaining = step->remaining == UNTOLD && quotas_of(&reply).num == 0 ? UNTOLD : quotas_remaining(&reply);
        if (remaining != step->remaining)
            fail_msg("%s, step %zu over %s: %lld remain instead of %lld: %s", about, number, transport_names[transport],
                     (long long)remaining, (long long)step->remaining, reply.head);
    }
    reply_free(&reply);
}

void steps_run(const gateway_t *gateway, transport_t first, const char *about, const step_t steps[STEPS_MAX])
{
    for (size_t i = 0; i != STEPS_MAX && steps[i].what != NULL; ++i)
        run_step(gateway, (transport_t)((first + i) % NUM_TRANSPORTS), about, i, &steps[i]);
}

void origin_answer_as_asked(origin_t *origin, int fd, size_t index)
{
    char *request, head[128];
    while ((request = origin_read_request(origin, fd)) != NULL) {
        const char *path = strstr(request, " /");
        int status = path != NULL ? atoi(path + 2) : 0;
        bool is_gone = path != NULL && strncmp(path, " /gone", 6) == 0;
        free(request);
        snprintf(head, sizeof(head), "HTTP/1.1 %d Whatever\r\n%s\r\n", status != 0 ? status : 200,
                 status == 204 || status == 304 ? "" : "Content-Length: 0\r\n");
        if (is_gone || !origin_write(fd, head))
            break;
    }
}
