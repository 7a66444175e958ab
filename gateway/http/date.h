/* SPDX-License-Identifier: MIT
 * Dates of HTTP (RFC 9110 5.6.7).  Pure. */
#ifndef GW_HTTP_DATE_H
#define GW_HTTP_DATE_H

#include "gateway/base/str.h"

#define GW_HTTP_DATE_LEN 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/** Writes the form that is sent today (IMF-fixdate), without NUL.
 *  @param seconds since 1970, 0 to the end of the year 9999; others are taken for the nearer end */
void gw_http_date_print(char to[GW_HTTP_DATE_LEN], int64_t seconds);
/** Reads all three forms that a recipient must accept.  They are taken as strictly as they are defined, but for two
 * things: the case of letters does not matter (RFC 9111 4.2), and the day of the week is not compared with the date, of
 * which it says nothing new.  A leap second is the second before it, as a date is never to be taken for a later one
 * (RFC 9111 4.2).
 *  @param now_s what a year of two digits is understood by: the latest one that is at most 50 years ahead
 *  @return false: not a date */
bool gw_http_date_parse(gw_str_t text, int64_t now_s, int64_t *ret_seconds);

#endif
