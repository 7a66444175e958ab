/* SPDX-License-Identifier: MIT
 * Why a Redis cannot be used: what the log says, one sentence for each.  Pure. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_CAUSE_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_CAUSE_H

#define GW_REDIS_CAUSE_MAP(X)                                                                                          \
    X(NOT_RESOLVED, "its name has no address")                                                                         \
    X(REFUSED, "the connection is refused")                                                                            \
    X(UNREACHABLE, "it cannot be reached")                                                                             \
    X(CONNECT_TIMEOUT, "connecting takes too long")                                                                    \
    X(GREETING_TIMEOUT, "it lets nobody in, it is silent")                                                             \
    X(TLS_TIMEOUT, "the TLS handshake takes too long; is its port one for TLS?")                                       \
    X(CLOSED, "it closed the connection")                                                                              \
    X(BROKEN, "the connection broke")                                                                                  \
    X(SILENT, "it has become silent")                                                                                  \
    X(MALFORMED, "what it says is not the protocol of Redis")                                                          \
    X(TOO_LARGE, "what it says is too large")                                                                          \
    X(UNASKED, "it speaks without being asked")                                                                        \
    X(TLS, "TLS")                                                                                                      \
    X(TURNED_AWAY, "it turns us away")                                                                                 \
    X(NEEDS_PASSWORD, "it wants a password, and the URL has none")                                                     \
    X(WRONG_PASSWORD, "it does not accept user and password")                                                          \
    X(NO_DATABASE, "it does not have that database")                                                                   \
    X(LOADING, "it is loading its data")                                                                               \
    X(NOT_READY, "it does not answer PING as it should")                                                               \
    X(NOT_MASTER, "it is not the master that the sentinels say it is")                                                 \
    X(NO_ROLE, "it does not let us ask for its ROLE")                                                                  \
    X(NO_MASTER, "the sentinel knows no master of that name")                                                          \
    X(BAD_SENTINEL, "the sentinel does not answer as one")                                                             \
    X(MASTER_BY_NAME,                                                                                                  \
      "the sentinel gives the master's name instead of its address (set 'sentinel announce-hostnames no')")            \
    X(READONLY, "it has become a replica")

typedef enum gw_redis_cause {
#define GW_REDIS_CAUSE_VALUE(name, text) GW_REDIS_CAUSE_##name,
    GW_REDIS_CAUSE_MAP(GW_REDIS_CAUSE_VALUE)
#undef GW_REDIS_CAUSE_VALUE
        GW_REDIS_NUM_CAUSES
} gw_redis_cause_t;

const char *gw_redis_cause_text(gw_redis_cause_t cause);

#endif
