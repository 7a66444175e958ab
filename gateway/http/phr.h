/* SPDX-License-Identifier: MIT
 * The part of picohttpparser that libh2o-evloop's shared library exports without installing a header for it.
 * Both parsers return the length of the head, -1 when it is malformed, -2 when more bytes are needed; names and values
 * point into `buf`; a folded line has a NULL name.  Lenient about bare LF: gateway/http/request_head.h looks at the
 * bytes. Threads: reentrant. */
#ifndef GW_HTTP_PHR_H
#define GW_HTTP_PHR_H

#include <stddef.h>

struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

/** @param num_headers in: room, out: how many   @param last_len bytes that an earlier call has seen, 0 at first */
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor_version, struct phr_header *headers, size_t *num_headers,
                      size_t last_len);
int phr_parse_response(const char *buf, size_t len, int *minor_version, int *status, const char **msg, size_t *msg_len,
                       struct phr_header *headers, size_t *num_headers, size_t last_len);

#endif
