/* SPDX-License-Identifier: MIT
 * The judge of HTTP/1.x request heads: strict about everything that two parsers could read in two ways (RFC 9112; RFC
 * 9110 where named).  Pure. */
#ifndef GW_HTTP_REQUEST_HEAD_H
#define GW_HTTP_REQUEST_HEAD_H

#include "gateway/http/field.h"

/* name, status, what the client is told */
#define GW_HTTP_REQUEST_MAP(XX)                                                                                        \
    XX(OK, 200, "ok")                                                                                                  \
    XX(LINE_END, 400, "a line does not end in CRLF")                                  /* 2.2 */                        \
    XX(METHOD, 400, "the method is not a token")                                      /* 9110 9.1 */                   \
    XX(CONNECT, 501, "CONNECT is not supported")                                      /* 9110 9.3.6 */                 \
    XX(TARGET, 400, "the request target is not valid")                                /* 3.2 */                        \
    XX(FOLDED, 400, "a header line is folded")                                        /* 5.2 */                        \
    XX(FIELD_NAME, 400, "a field name is not a token")                                /* 9110 5.1 */                   \
    XX(FIELD_VALUE, 400, "a field value has a control character")                     /* 9110 5.5 */                   \
    XX(HOST_MISSING, 400, "the Host field is missing")                                /* 3.2 */                        \
    XX(HOST_REPEATED, 400, "there is more than one Host field")                       /* 3.2 */                        \
    XX(HOST, 400, "the Host field is not valid")                                      /* 3.2 */                        \
    XX(LENGTH, 400, "the Content-Length field is not valid")                          /* 6.3 */                        \
    XX(LENGTH_REPEATED, 400, "there is more than one Content-Length field")           /* 6.3 */                        \
    XX(LENGTH_AND_CODING, 400, "there are both Content-Length and Transfer-Encoding") /* 6.1 */                        \
    XX(CODING_REPEATED, 400, "there is more than one Transfer-Encoding field")        /* 6.1 */                        \
    XX(CODING, 400, "the Transfer-Encoding field is not valid")                       /* 6.1 */                        \
    XX(CODING_UNKNOWN, 501, "no transfer coding but chunked is supported")            /* 6.1 */                        \
    XX(CODING_ON_1_0, 400, "Transfer-Encoding is not part of HTTP/1.0")               /* 6.1 */                        \
    XX(EXPECTATION, 417, "no expectation but 100-continue can be met")                /* 9110 10.1.1 */

typedef enum gw_http_request_result {
#define GW_HTTP_REQUEST_ENUM(id, status, text) GW_HTTP_REQUEST_##id,
    GW_HTTP_REQUEST_MAP(GW_HTTP_REQUEST_ENUM)
#undef GW_HTTP_REQUEST_ENUM
} gw_http_request_result_t;

typedef struct gw_http_request_head {
    gw_str_t path; /* path and query, or "*"; of an absolute-form target the part behind the authority */
    gw_str_t
        authority; /* of the target if it is in absolute form (RFC 9112 3.2.2), else of Host; empty only in HTTP/1.0 */
    bool keep_alive;
    bool expect_continue;
    gw_http_framing_t framing; /* none, length or chunked */
    uint64_t content_length;   /* with GW_HTTP_FRAMING_LENGTH */
} gw_http_request_head_t;

/** @return static text */
const char *gw_http_request_result_str(gw_http_request_result_t result);
int gw_http_request_result_status(gw_http_request_result_t result);

/** @param raw the bytes of the head, its empty line included   @param minor_version 0, or 1 and above (read as 1)
 *  @param fields an empty name stands for a folded line   @param ret filled in on GW_HTTP_REQUEST_OK */
gw_http_request_result_t gw_http_judge_request(gw_str_t raw, gw_str_t method, gw_str_t target, int minor_version,
                                               const gw_http_field_t *fields, size_t num_fields,
                                               gw_http_request_head_t *ret);

#endif
