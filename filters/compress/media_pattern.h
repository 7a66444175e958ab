/* SPDX-License-Identifier: MIT
 * Patterns of media types: one type, all of a kind (a star for the subtype), all with a suffix (a star before the plus
 * sign), or all there are.  Pure. */
#ifndef FILTERS_COMPRESS_MEDIA_PATTERN_H
#define FILTERS_COMPRESS_MEDIA_PATTERN_H

#include "gateway/base/str.h"

bool gw_media_pattern_is_valid(gw_str_t pattern);
/** @param type value of Content-Type; its parameters do not matter, nor does letter case */
bool gw_media_pattern_matches(gw_str_t pattern, gw_str_t type);

#endif
