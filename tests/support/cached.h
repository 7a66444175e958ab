/* SPDX-License-Identifier: MIT
 * A gateway of four workers with the filter `cache` in front of a cache_origin, and what is expected of its answers.
 * Requests are for https://cached whatever they come by, so that all of them are for the same thing.
 * Threads: the test's. */
#ifndef GW_TESTS_CACHED_H
#define GW_TESTS_CACHED_H

#include "tests/support/cache_origin.h"
#include "tests/support/gateway.h"
#include "tests/support/herd.h"

/** Built with a sanitizer, which has a memory of its own beside the gateway's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/** The start of a conf text, in which the origin's port is still to be said; what a test does to the origin on purpose
 * is not held against it, and clients on a busy machine are not taken for slow ones. */
#define CACHED_LISTEN                                                                                                  \
    "workers: 4\n"                                                                                                     \
    "timeouts: { handshake: 1h, head: 1h, body: 1h, write: 1h, idle: 1h }\n"                                           \
    "access_log: off\n"                                                                                                \
    "trusted_proxies: [127.0.0.0/8]\n"                                                                                 \
    "listen:\n"                                                                                                        \
    "  - address: 127.0.0.1:0\n"                                                                                       \
    "  - address: 127.0.0.1:00\n"                                                                                      \
    "    tls: { certificates: [ { certificate: server.crt, key: server.key } ] }\n"
#define CACHED_SERVICE                                                                                                 \
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 }, "                         \
    "ejection: { consecutive_failures: 0 }, timeouts: { connect: 10s, response: 60s, idle: 60s } } }\n"

/** @param options of the cache: "capacity: 16MiB, ttl: 1s"   @param behind ", { circuit_breaker: {} }", or "" */
gateway_t *cached_gateway(const cache_origin_t *origin, const char *options, const char *behind);
void cached_write_conf(gateway_t *gateway, const cache_origin_t *origin, const char *options, const char *behind);

#define TO_CACHED "Host: cached", "X-Forwarded-Proto: https"

/** GET on a connection of its own.  @param header "Name: value", or NULL */
reply_t cached_get(const gateway_t *gateway, transport_t transport, const char *path, const char *header);

/** Another method.  @return the status */
int cached_do(const gateway_t *gateway, transport_t transport, const char *method, const char *path);

/** It has the status, and a whole body of the path's size and that version, whatever length was promised.
 *  @param cache_status how Cache-Status goes on behind "sluice; ", or a part of it; NULL: it is not looked at */
void expect_content(const reply_t *reply, const char *path, size_t version, const char *cache_status);
/** The same for one that was asked for now. */
void expect_get(const gateway_t *gateway, transport_t transport, const char *path, size_t version,
                const char *cache_status);
void expect_cache_status(const reply_t *reply, const char *part);
/** All that have not left: 200, and the whole body. */
void expect_herd(const herd_t *herd, const char *path, size_t version);

#endif
