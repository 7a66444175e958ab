/* SPDX-License-Identifier: MIT
 * Entity tags. */
#include "gateway/http/entity_tag.h"
#include "gateway/http/syntax.h"

static const gw_str_t weak_mark = {"W/", 2}; /* "W/" is case-sensitive (RFC 9110 8.8.3) */

static gw_str_t without_mark(gw_str_t tag)
{
    return gw_entity_tag_is_weak(tag) ? gw_str(tag.ptr + weak_mark.len, tag.len - weak_mark.len) : tag;
}

static bool is_quoted(gw_str_t opaque)
{
    if (opaque.len < 2 || opaque.ptr[0] != '"' || opaque.ptr[opaque.len - 1] != '"')
        return false;
    for (size_t i = 1; i != opaque.len - 1; ++i) {
        unsigned char c = (unsigned char)opaque.ptr[i];
        if (c <= 0x20 || c == '"' || c == 0x7f) /* etagc: no escapes, unlike in quoted strings */
            return false;
    }
    return true;
}

bool gw_entity_tag_is_valid(gw_str_t tag)
{
    return is_quoted(without_mark(tag));
}

bool gw_entity_tag_is_weak(gw_str_t tag)
{
    return tag.len > weak_mark.len && gw_str_starts_with(tag, weak_mark) && tag.ptr[weak_mark.len] == '"';
}

bool gw_entity_tag_equal_weakly(gw_str_t a, gw_str_t b)
{
    return gw_str_equal(without_mark(a), without_mark(b));
}

bool gw_entity_tag_equal_strongly(gw_str_t a, gw_str_t b)
{
    return gw_str_equal(a, b) && !gw_entity_tag_is_weak(a);
}

/** Takes the next tag of a list, whose commas do not count between quotes: unlike in other lists there are no escapes,
 * so that a backslash before the last quote does not hide it.  @return false at the end */
static bool next_tag(gw_str_t *list, gw_str_t *ret_tag)
{
    while (list->len != 0 && (*list->ptr == ' ' || *list->ptr == '\t' || *list->ptr == ','))
        ++list->ptr, --list->len;
    if (list->len == 0)
        return false;
    size_t len = gw_entity_tag_is_weak(*list) ? weak_mark.len : 0;
    if (list->ptr[len] == '"') {
        const char *end = memchr(list->ptr + len + 1, '"', list->len - len - 1);
        if (end != NULL)
            len = (size_t)(end - list->ptr) + 1;
    }
    while (len != list->len && list->ptr[len] != ',')
        ++len;
    *ret_tag = gw_http_trim(gw_str(list->ptr, len));
    *list = gw_str(list->ptr + len, list->len - len);
    return true;
}

static bool names(gw_str_t list, gw_str_t tag, bool (*is_equal)(gw_str_t, gw_str_t))
{
    gw_str_t item;
    if (gw_str_equal(gw_http_trim(list), GW_STR("*")))
        return true;
    while (tag.len != 0 && next_tag(&list, &item))
        if (is_equal(item, tag))
            return true;
    return false;
}

bool gw_none_match_names(gw_str_t list, gw_str_t tag)
{
    return names(list, tag, gw_entity_tag_equal_weakly);
}

bool gw_match_names(gw_str_t list, gw_str_t tag)
{
    return names(list, tag, gw_entity_tag_equal_strongly);
}
