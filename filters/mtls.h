/* SPDX-License-Identifier: MIT
 * The filter `mtls`: who the client is by the certificate of its connection.  The listener's `client_auth` asks for it
 * and verifies it (gateway/server/tls_client.h); this says whose are let in (mtls_rules.h), gives the request a
 * principal and tells the service.
 *
 * A request without a certificate gets 403 and not 401: a 401 has to name an HTTP authentication scheme that would do
 * (RFC 9110 15.5.2), none is registered for certificates, and no further request on the same connection can do better.
 * nginx, HAProxy and Envoy answer 400 or 403 for the same reason; RFC 8705 has 401 only for access tokens that are
 * bound to another certificate, which is the matter of whoever takes the token.
 *
 * Fields that `forward` sets are first removed from the request, in every spelling that a CGI-like service could take
 * for them ('_' for '-'), certificate or not, TLS or not; Client-Cert and Client-Cert-Chain (RFC 9440) always are.
 * Property texts are ASCII without control characters (client_certificate.h), so each is a valid field value as it is.
 */
#ifndef FILTERS_MTLS_H
#define FILTERS_MTLS_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_mtls_filter;

#endif
