/* SPDX-License-Identifier: MIT
 * Entity tags and what requests say of them (RFC 9110 8.8.3, 13.1).  Pure; nothing is copied. */
#ifndef GW_HTTP_ENTITY_TAG_H
#define GW_HTTP_ENTITY_TAG_H

#include "gateway/base/str.h"

/** Whether it is `"..."` or `W/"..."`, and nothing else. */
bool gw_entity_tag_is_valid(gw_str_t tag);
bool gw_entity_tag_is_weak(gw_str_t tag);
/** RFC 9110 8.8.3.2.  Tags that are not valid are compared as they stand. */
bool gw_entity_tag_equal_weakly(gw_str_t a, gw_str_t b);
/** The same, but false if one of them is weak. */
bool gw_entity_tag_equal_strongly(gw_str_t a, gw_str_t b);

/** Whether a list of If-None-Match (one field line's value) names the tag, by weak comparison, or is `*`.
 * Unquoted tags, which old clients send, are compared as they stand.
 *  @param tag of the selected representation; empty: it has none, which only `*` matches */
bool gw_none_match_names(gw_str_t list, gw_str_t tag);
/** The same for If-Match: by strong comparison. */
bool gw_match_names(gw_str_t list, gw_str_t tag);

#endif
