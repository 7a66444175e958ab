/* SPDX-License-Identifier: MIT
 * What is expected of answers: anything else fails the test and is shown.  Threads: the test's. */
#ifndef GW_TESTS_EXPECT_H
#define GW_TESTS_EXPECT_H

#include "tests/support/gateway.h"

/** An answer of the gateway itself.  @param reason in the body */
void expect_reply(const reply_t *reply, int status, const char *reason);
/** GET on a connection of its own. */
void expect_status(const gateway_t *gateway, transport_t transport, const char *path, int status);

#endif
