/* SPDX-License-Identifier: MIT
 * What origins call their responses by, so that many can be purged at once: tags (`Cache-Tag`, `Surrogate-Key`) and
 * cache groups (RFC 9875).  Pure; names are borrowed from the field's value, but for groups with escapes in them. */
#ifndef FILTERS_CACHE_TAGS_H
#define FILTERS_CACHE_TAGS_H

#include "gateway/base/str.h"

#define GW_CACHE_MAX_TAGS   63  /* beside its URL: GW_CACHE_MAX_LABELS in all */
#define GW_CACHE_MAX_GROUPS 32  /* what RFC 9875 2.1 wants to be taken at least */
#define GW_CACHE_GROUP_MAX  128 /* characters; it wants 32 */
#define GW_CACHE_ESCAPED    1024

typedef struct gw_cache_tags {
    gw_str_t names[GW_CACHE_MAX_TAGS]; /* each once; never empty, but a group may be "" */
    size_t num;
    bool is_cut; /* there are more of them, or longer ones, than are kept */
    char escaped[GW_CACHE_ESCAPED];
} gw_cache_tags_t;

/** How the tags of a field are told apart, by its name (in any case): with spaces in Surrogate-Key, else with commas.
 */
typedef enum gw_cache_tag_form { GW_TAGS_WITH_COMMAS, GW_TAGS_WITH_SPACES } gw_cache_tag_form_t;
gw_cache_tag_form_t gw_cache_tag_form(gw_str_t field_name);

/** @param ret empty before the first field; each further one adds to it (with num and is_cut set to 0)
 *  @param values of all fields of that name */
void gw_cache_tags_add(gw_cache_tags_t *ret, gw_cache_tag_form_t form, const gw_str_t *values, size_t num);

/** Cache-Groups of a response to be stored, or Cache-Group-Invalidation of one to an unsafe request: structured lists
 * of strings, whose parameters mean nothing yet (RFC 9875 2, 3).
 *  @return false: malformed, or not of strings: to be ignored as a whole; *ret is empty */
bool gw_cache_groups(gw_cache_tags_t *ret, const gw_str_t *values, size_t num);

#endif
