/* SPDX-License-Identifier: MIT
 * The judge of response heads from endpoints (RFC 9112): what is ambiguous is refused, not repaired.  Pure. */
#ifndef GW_HTTP_RESPONSE_HEAD_H
#define GW_HTTP_RESPONSE_HEAD_H

#include "gateway/http/field.h"

#define GW_HTTP_RESPONSE_MAP(XX)                                                                                       \
    XX(OK, "ok")                                                                                                       \
    XX(LINE_END, "a line does not end in CRLF")                                                                        \
    XX(STATUS, "the status is not in 100..599")                                                                        \
    XX(FOLDED, "a header line is folded")                                                                              \
    XX(FIELD_NAME, "a field name is not a token")                                                                      \
    XX(FIELD_VALUE, "a field value has a control character")                                                           \
    XX(LENGTH, "the Content-Length field is not valid")                                                                \
    XX(LENGTH_REPEATED, "there is more than one Content-Length field")                                                 \
    XX(LENGTH_AND_CODING, "there are both Content-Length and Transfer-Encoding")                                       \
    XX(CODING_REPEATED, "there is more than one Transfer-Encoding field")                                              \
    XX(CODING, "there is a transfer coding other than chunked")                                                        \
    XX(CODING_ON_1_0, "Transfer-Encoding is not part of HTTP/1.0")                                                     \
    XX(CODING_WITHOUT_BODY, "there is a transfer coding where no body can be")

typedef enum gw_http_response_result {
#define GW_HTTP_RESPONSE_ENUM(id, text) GW_HTTP_RESPONSE_##id,
    GW_HTTP_RESPONSE_MAP(GW_HTTP_RESPONSE_ENUM)
#undef GW_HTTP_RESPONSE_ENUM
} gw_http_response_result_t;

typedef struct gw_http_response_head {
    bool keep_alive;         /* the connection may be used again after this response */
    bool has_content_length; /* also in answers to HEAD and in 304, where it says what GET would get */
    gw_http_framing_t framing;
    uint64_t content_length;
} gw_http_response_head_t;

/** @return static text */
const char *gw_http_response_result_str(gw_http_response_result_t result);

/** @param raw the bytes of the head   @param is_head_method the request was HEAD, so there is no body (RFC 9112 6.3)
 *  @param fields an empty name stands for a folded line   @param ret filled in on GW_HTTP_RESPONSE_OK */
gw_http_response_result_t gw_http_judge_response(gw_str_t raw, int minor_version, int status,
                                                 const gw_http_field_t *fields, size_t num_fields, bool is_head_method,
                                                 gw_http_response_head_t *ret);

#endif
