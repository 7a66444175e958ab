/* SPDX-License-Identifier: MIT
 * Entity tags of what is compressed on its way.  A strong one would say that the bytes are the service's, so that parts
 * of both could be put together (RFC 9110 8.8.1, 8.8.3.3): it is made weak.  Threads: the exchange's worker. */
#ifndef FILTERS_COMPRESS_VALIDATORS_H
#define FILTERS_COMPRESS_VALIDATORS_H

#include <stdbool.h>
#include <h2o.h>

/** "x" becomes W/"x". */
void gw_validators_weaken(h2o_mem_pool_t *pool, h2o_headers_t *fields);
/** Whether the response has a strong tag that the request's If-None-Match names, but only as a weak one: the client was
 * given it so. */
bool gw_validators_are_known_weak(const h2o_headers_t *request, const h2o_headers_t *response);

#endif
