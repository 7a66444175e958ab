/* SPDX-License-Identifier: MIT
 * The filter `headers`: sets, adds and removes header fields of requests on their way to the service and of responses
 * on their way to the client, the gateway's own answers included.
 *
 *   headers:
 *     request:  { set: { X-Tenant: acme }, add: { X-Trace: edge }, remove: [X-Debug] }
 *     response: { set: { Strict-Transport-Security: max-age=31536000 }, remove: [Server, X-Powered-By] }
 *
 * Values may hold keys, which are put in for each request (filters/template.h):
 *
 *   headers: { request: { set: { X-User: "%{principal}", X-From: "%{jwt.azp} at %{client_address}" } } }
 *
 * A value that comes out empty, or with what no field may hold, is not set.  Fields of requests that say who they come
 * from are set as those of the filters that know credentials are (gateway/exchange/principal.h): the client's own goes
 * whatever the value is, and a later filter does not take it back.
 *
 * remove goes first, then set (which replaces every field of that name), then add.  Framing and connection fields
 * belong to the gateway and cannot be named.  `set: { Host: ... }` on a request changes the Host that the service sees.
 * Threads: none of its own; no state. */
#ifndef GW_FILTERS_HEADERS_H
#define GW_FILTERS_HEADERS_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_headers_filter;

#endif
