/* SPDX-License-Identifier: MIT
 * Tags and cache groups. */
#include "filters/cache/tags.h"
#include "gateway/http/structured.h"
#include "gateway/http/syntax.h"

static void add(gw_cache_tags_t *tags, gw_str_t name, size_t most)
{
    for (size_t i = 0; i != tags->num; ++i)
        if (gw_str_equal(tags->names[i], name))
            return;
    if (tags->num == most)
        tags->is_cut = true;
    else
        tags->names[tags->num++] = name;
}

gw_cache_tag_form_t gw_cache_tag_form(gw_str_t field_name)
{
    return gw_str_equal_nocase(field_name, GW_STR("surrogate-key")) ? GW_TAGS_WITH_SPACES : GW_TAGS_WITH_COMMAS;
}

static bool next_word(gw_str_t *rest, gw_str_t *ret_word)
{
    *rest = gw_http_trim(*rest);
    size_t len = 0;
    while (len != rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
        ++len;
    if (len == 0)
        return false;
    *ret_word = gw_str(rest->ptr, len);
    *rest = gw_str(rest->ptr + len, rest->len - len);
    return true;
}

void gw_cache_tags_add(gw_cache_tags_t *ret, gw_cache_tag_form_t form, const gw_str_t *values, size_t num)
{
    for (size_t i = 0; i != num; ++i) {
        gw_str_t rest = values[i], name;
        while (form == GW_TAGS_WITH_SPACES ? next_word(&rest, &name) : gw_http_list_next(&rest, &name))
            add(ret, name, GW_CACHE_MAX_TAGS);
    }
}

/** The strings of one line (RFC 9651 4.2.1); lists may be cut into lines between their members (4.2).
 *  @param room where strings with escapes are written; grows by them */
static bool take_groups(gw_str_t line, gw_cache_tags_t *ret, char **room)
{
    gw_sf_input_t in = gw_sf_input(gw_http_trim(line));
    while (in.at != in.end) {
        gw_sf_item_t item;
        if (!gw_sf_take_bare(&in, &item) || item.type != GW_SF_STRING || !gw_sf_skip_parameters(&in))
            return false;
        size_t left = (size_t)(ret->escaped + sizeof(ret->escaped) - *room);
        bool is_escaped = item.text.len != 0 && memchr(item.text.ptr, '\\', item.text.len) != NULL;
        if (is_escaped && left >= item.text.len) {
            item.text = gw_str(*room, gw_sf_unescape(*room, item.text));
            *room += item.text.len;
        } else if (is_escaped) {
            item.text.len = SIZE_MAX;
        }
        if (item.text.len > GW_CACHE_GROUP_MAX)
            ret->is_cut = true;
        else
            add(ret, item.text, GW_CACHE_MAX_GROUPS);
        gw_sf_skip_blanks(&in);
        if (in.at == in.end)
            return true;
        if (!gw_sf_take(&in, ','))
            return false;
        gw_sf_skip_blanks(&in);
        if (in.at == in.end)
            return false; /* a comma with nothing behind it */
    }
    return true;
}

bool gw_cache_groups(gw_cache_tags_t *ret, const gw_str_t *values, size_t num)
{
    /* cppcheck-suppress ctuuninitvar ; only its address is taken */
    char *room = ret->escaped;
    ret->num = 0;
    ret->is_cut = false;
    for (size_t i = 0; i != num; ++i)
        if (!take_groups(values[i], ret, &room)) {
            ret->num = 0;
            ret->is_cut = false;
            return false;
        }
    return true;
}
