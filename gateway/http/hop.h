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
 * may have removed (host, content-length, content-type, content-encoding, content-range, date), nor for what proxies
 * say of the client: forwarded, via, x-forwarded-for, -host, -port and -proto, x-request-id.
 *  @param values of all Connection fields   @param name in lower case */
bool gw_http_connection_nominates(const gw_str_t *values, size_t num, gw_str_t name);

/** Is it by this field that the gateway tells services what it knows, or does it answer for them?  No conf may set it
 * in a request: those of gw_http_is_hop_by_hop, host, content-length, expect, via, forwarded, x-forwarded-for, -host,
 * -port and -proto, x-request-id, x-request-timeout-ms; nor any that is written with '_' for '-'.
 *  @param name in lower case */
bool gw_http_is_of_the_gateway(gw_str_t name);
/** Are they the same to CGI, WSGI and Rack, which make '_' of '-'?  @param a, b in lower case */
bool gw_http_is_read_as(gw_str_t a, gw_str_t b);

#endif
