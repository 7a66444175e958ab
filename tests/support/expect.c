/* SPDX-License-Identifier: MIT
 * What is expected of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/expect.h"

void expect_reply(const reply_t *reply, int status, const char *reason)
{
    char in_body[64];
    snprintf(in_body, sizeof(in_body), "\"reason\":\"%s\"", reason);
    if (reply->status != status || strstr(reply->body, in_body) == NULL)
        fail_msg("expected %d %s, got %d '%s' (%s)", status, reason, reply->status, reply->body,
                 curl_error(reply->error));
}

void expect_status(const gateway_t *gateway, transport_t transport, const char *path, int status)
{
    reply_t reply = fetch_path(gateway, transport, path);
    if (reply.status != status)
        fail_msg("expected %d, got %d '%s' (%s)", status, reply.status, reply.body, curl_error(reply.error));
    reply_free(&reply);
}
