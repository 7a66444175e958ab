/* SPDX-License-Identifier: MIT
 * Conditional requests (RFC 9110 section 13) and the dates they are written with (section 5.6.7).  Pure. */
#ifndef GW_BACKENDS_CONDITIONAL_H
#define GW_BACKENDS_CONDITIONAL_H

#include "gateway/base/str.h"

#define GW_HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL */

/** Writes the form that is sent today (IMF-fixdate).  @param seconds since 1970, up to the year 9999 */
void gw_http_date_print(char *to, int64_t seconds);
/** Reads all three forms a recipient must accept.  @return false: not a date */
bool gw_http_date_parse(gw_str_t text, int64_t *ret_seconds);

/** Whether the client's copy is still good, so that a GET or HEAD is answered by 304.  If-None-Match beats
 *  If-Modified-Since; entity tags are compared weakly; a date that cannot be read is ignored.
 *  @param if_none_match the fields' values joined by ","; NULL: no such field   @param if_modified_since likewise
 *  @param etag with its quotes   @param last_modified seconds since 1970 */
bool gw_conditional_is_fresh(const gw_str_t *if_none_match, const gw_str_t *if_modified_since, gw_str_t etag,
                             int64_t last_modified);

#endif
