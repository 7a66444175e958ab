/* SPDX-License-Identifier: MIT
 * Reason phrases.  Pure.  Source: the IANA registry of HTTP status codes. */
#ifndef GW_HTTP_STATUS_H
#define GW_HTTP_STATUS_H

/** @return static text, never NULL; "Unknown" for a code that is not registered */
const char *gw_http_status_phrase(int status);

#endif
