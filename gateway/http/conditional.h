/* SPDX-License-Identifier: MIT
 * What the conditions of a GET or HEAD mean for the response that is at hand (RFC 9110 13.2.2, RFC 9111 4.3.2).  Pure;
 * borrows what it is given. */
#ifndef GW_HTTP_CONDITIONAL_H
#define GW_HTTP_CONDITIONAL_H

#include "gateway/base/str.h"
#include "gateway/http/field.h"

#define GW_HTTP_NO_DATE INT64_MIN

typedef enum gw_preconditions {
    GW_PRECONDITIONS_SEND,         /* the response, or the part of it that is asked for */
    GW_PRECONDITIONS_NOT_MODIFIED, /* 304 */
    GW_PRECONDITIONS_FAILED /* 412, from an origin.  A cache passes the request on: If-Match and If-Unmodified-Since
                           are the origin's to refuse (RFC 9111 4.3.2), but what they do not fit is not served */
} gw_preconditions_t;

/** The response as it would be without conditions.  Dates in seconds since 1970. */
typedef struct gw_conditional_response {
    unsigned status;       /* conditions count for 2xx only (RFC 9110 13.2.1), ranges for 200 and stored 206 */
    gw_str_t etag;         /* empty: none */
    int64_t last_modified; /* GW_HTTP_NO_DATE: none.  A cache has If-Modified-Since compared with `date` then */
    int64_t date;          /* Date, or when it came; GW_HTTP_NO_DATE: an origin that makes it just now */
} gw_conditional_response_t;

/** @param fields of the request, names in lower case   @param now_s what two-digit years are understood by
 *  @param ret_range value of Range where that counts: it is a GET, If-Range is absent or holds; else empty.  It is
 * still to be parsed */
gw_preconditions_t gw_conditional_judge(bool is_get, const gw_http_field_t *fields, size_t num_fields,
                                        const gw_conditional_response_t *response, int64_t now_s, gw_str_t *ret_range);

#endif
