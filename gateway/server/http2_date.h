/* SPDX-License-Identifier: MIT
 * The Date of responses over HTTP/2, which libh2o 2.2.5 writes itself, with the time of writing.  A proxy leaves the
 * service's as it is (RFC 9110 6.6.1), and that of a stored response most of all: Expires and the age are counted from
 * it.  Threads: the request's worker. */
#ifndef GW_SERVER_HTTP2_DATE_H
#define GW_SERVER_HTTP2_DATE_H

#include <h2o.h>

/** Has the Date among the response's fields sent, if there is one that is valid, in place of libh2o's.  To be called
 * before the request is handled. */
void gw_http2_keep_date(h2o_req_t *req);

#endif
