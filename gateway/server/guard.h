/* SPDX-License-Identifier: MIT
 * What libh2o 2.2.5's HTTP/2 lets through although RFC 9113 and RFC 9110 do not: judged before routing, so that nothing
 * of it reaches a log, a filter or an endpoint as anything but a refusal.  Pure. (Our HTTP/1.1 has its own judge:
 * gateway/http/request_head.h.) */
#ifndef GW_SERVER_GUARD_H
#define GW_SERVER_GUARD_H

#include "gateway/base/str.h"

#define GW_GUARD_MAP(XX)                                                                                               \
    XX(OK, "ok")                                                                                                       \
    XX(TOO_MANY_FIELDS, "too many header fields")                                                                      \
    XX(FIELDS_TOO_LARGE, "the header fields are too large")                                                            \
    XX(METHOD_INVALID, "the method is not a token")                                                                    \
    XX(METHOD_CONNECT, "CONNECT is not supported")                                                                     \
    XX(PATH_INVALID, "the path is not valid")                                                                          \
    XX(AUTHORITY_INVALID, "the authority is not valid")                                                                \
    XX(AUTHORITY_MISSING, "the authority is missing")                                                                  \
    XX(FIELD_NAME_INVALID, "a field name is not valid")                                                                \
    XX(FIELD_VALUE_INVALID, "a field value is not valid")

typedef enum gw_guard_result {
#define GW_GUARD_ENUM(id, text) GW_GUARD_##id,
    GW_GUARD_MAP(GW_GUARD_ENUM)
#undef GW_GUARD_ENUM
} gw_guard_result_t;

/** @return static text for the log and the problem */
const char *gw_guard_result_str(gw_guard_result_t result);

/** The pseudo-fields.  Sources: RFC 9110 9.1 (method), RFC 9113 8.3.1 (:path starts with '/' or is '*' for OPTIONS,
 *  :authority without userinfo), RFC 3986 2 (no octet outside printable ASCII, no fragment). */
gw_guard_result_t gw_guard_request(gw_str_t method, gw_str_t path, gw_str_t authority);
/** One field; RFC 9113 8.2.1.  @param name in lower case */
gw_guard_result_t gw_guard_field(gw_str_t name, gw_str_t value);

#endif
