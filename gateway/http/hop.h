/* SPDX-License-Identifier: MIT
 * Which header fields stay on their hop (RFC 9110 7.6.1).  Pure. */
#ifndef GW_HTTP_HOP_H
#define GW_HTTP_HOP_H

#include "gateway/base/str.h"

/** Fields that a gateway never forwards, whether Connection names them or not: connection, keep-alive,
 * proxy-connection, te, transfer-encoding, upgrade (RFC 9110 7.6.1); trailer (6.6.2: trailers are dropped here);
 * proxy-authenticate, proxy-authentication-info and proxy-authorization (11.7: for the nearest proxy); http2-settings
 * (RFC 7540 3.2.1); proxy (no field at all, but CGI programs read it as HTTP_PROXY: "httpoxy", CVE-2016-5385).
 *  @param name in lower case */
bool gw_http_is_hop_by_hop(gw_str_t name);

/** Does a Connection field name this one?  Never true for what frames, routes or describes the message, which no peer
 * may have removed: host, content-length, content-type, content-encoding, content-range, date.
 *  @param values of all Connection fields   @param name in lower case */
bool gw_http_connection_nominates(const gw_str_t *values, size_t num, gw_str_t name);

#endif
