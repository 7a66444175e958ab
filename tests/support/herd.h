/* SPDX-License-Identifier: MIT
 * Many requests at the same time, whose answers are looked at while they come.
 * Threads: the test's, which moves all of them on whenever it waits. */
#ifndef GW_TESTS_HERD_H
#define GW_TESTS_HERD_H

#include <stdatomic.h>
#include "tests/support/gateway.h"

typedef struct herd herd_t;

herd_t *herd_create(const gateway_t *gateway);
/** Everybody leaves. */
void herd_free(herd_t *herd);
/** Begins a request on a connection of its own, so that they go to all workers.  It has no body, and says that its
 * client came by https (tests/support/cached.h).
 *  @return its number: 0, 1, ... */
size_t herd_send(herd_t *herd, transport_t transport, const request_t *request);
/** The same on one of a few HTTP/2 connections that many share: herd_fence tells when the gateway has seen it. */
size_t herd_send_shared(herd_t *herd, const request_t *request);
/** Until the gateway has dealt with all that was sent by herd_send_shared, as far as it could at once.
 *  @param path is answered at once */
void herd_fence(herd_t *herd, const char *path);
/** It goes away without waiting for its answer. */
void herd_leave(herd_t *herd, size_t member);

/** Until the counter is at least that. */
void herd_wait_for(herd_t *herd, atomic_size_t *counter, size_t least);
/** Until each of those who have not left has at least so many bytes of the body; it fails when one is over before. */
void herd_wait_bytes(herd_t *herd, size_t least);
void herd_wait_over(herd_t *herd);
void herd_wait_one_over(herd_t *herd, size_t member);

size_t herd_size(const herd_t *herd);
bool herd_is_over(const herd_t *herd, size_t member);
/** As far as it has come.  Until herd_free. */
const reply_t *herd_reply(const herd_t *herd, size_t member);

#endif
