/* SPDX-License-Identifier: MIT
 * A gateway with a cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/cached.h"

#define CONF                                                                                                           \
    CACHED_LISTEN CACHED_SERVICE "routes: [ { path: /fence, service: origin }, "                                       \
                                 "{ path: /, service: origin, filters: [ { cache: { %s } }%s ] } ]\n"

gateway_t *cached_gateway(const cache_origin_t *origin, const char *options, const char *behind)
{
    return gateway_start(CONF, origin->origin->port, options, behind);
}

void cached_write_conf(gateway_t *gateway, const cache_origin_t *origin, const char *options, const char *behind)
{
    gateway_write_conf(gateway, CONF, origin->origin->port, options, behind);
}

reply_t cached_get(const gateway_t *gateway, transport_t transport, const char *path, const char *header)
{
    const char *const headers[] = {TO_CACHED, header, NULL};
    return fetch(gateway, transport, &(request_t){.path = path, .headers = headers});
}

int cached_do(const gateway_t *gateway, transport_t transport, const char *method, const char *path)
{
    static const char *const headers[] = {TO_CACHED, NULL};
    reply_t reply = fetch(gateway, transport, &(request_t){.method = method, .path = path, .headers = headers});
    int status = reply.status;
    reply_free(&reply);
    return status;
}

void expect_cache_status(const reply_t *reply, const char *part)
{
    char *field = reply_field(reply, "Cache-Status");
    if (field == NULL || strstr(field, part) == NULL)
        fail_msg("Cache-Status is '%s' and does not say '%s'", field != NULL ? field : "(none)", part);
    free(field);
}

static void expect_body(const reply_t *reply, const char *path, size_t version)
{
    size_t found = 0;
    if (reply->status != 200 || reply->error != 0)
        fail_msg("%s: status %d, %s, after %zu bytes", path, reply->status, curl_error(reply->error), reply->body_len);
    if (!content_is(reply->body, reply->body_len, 0, path, "", &found))
        fail_msg("%s: %zu bytes that are not its body: '%.100s'", path, reply->body_len, reply->body);
    if (found != version)
        fail_msg("%s: version %zu instead of %zu", path, found, version);
}

void expect_content(const reply_t *reply, const char *path, size_t version, const char *cache_status)
{
    expect_body(reply, path, version);
    if (cache_status != NULL)
        expect_cache_status(reply, cache_status);
}

void expect_get(const gateway_t *gateway, transport_t transport, const char *path, size_t version,
                const char *cache_status)
{
    reply_t reply = cached_get(gateway, transport, path, NULL);
    expect_content(&reply, path, version, cache_status);
    reply_free(&reply);
}

void expect_herd(const herd_t *herd, const char *path, size_t version)
{
    for (size_t i = 0; i != herd_size(herd); ++i)
        if (herd_is_over(herd, i))
            expect_body(herd_reply(herd, i), path, version);
}
