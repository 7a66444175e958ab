/* SPDX-License-Identifier: MIT
 * Problems (RFC 9457) as text.  Pure; threads: any. */
#ifndef GW_EXCHANGE_PROBLEM_H
#define GW_EXCHANGE_PROBLEM_H

#include "gateway/exchange/exchange.h"

/** A type of problem other than about:blank, and what one of that type says beyond the members that all have. */
typedef struct gw_problem_kind {
    const char *type;  /* an absolute URI */
    const char *title; /* the same for all problems of the type (RFC 9457 3.1.3) */
    gw_str_t members;  /* JSON as it stands between the braces, `"violated-policies":["second"]`; may be empty */
} gw_problem_kind_t;

/** A limit that a client has used up; of draft-ietf-httpapi-ratelimit-headers-10. */
#define GW_QUOTA_EXCEEDED_TYPE  "https://iana.org/assignments/http-problem-types#quota-exceeded"
#define GW_QUOTA_EXCEEDED_TITLE "Quota Exceeded"

/** @param detail, kind NULL: none   @return bytes that gw_problem_write takes at most */
size_t gw_problem_max(gw_reason_t reason, const char *detail, gw_str_t request_id, const gw_problem_kind_t *kind);
/** Writes the problem as a JSON object with a line end.
 *  @param detail any text; bytes that are not ASCII become the characters of ISO 8859-1
 *  @param request_id token characters only   @param kind its type and title need no escapes in JSON
 *  @return the length */
size_t gw_problem_write(gw_reason_t reason, const char *detail, gw_str_t request_id, const gw_problem_kind_t *kind,
                        char *text);

#endif
