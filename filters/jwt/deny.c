/* SPDX-License-Identifier: MIT
 * Deny lists: an open hash table over the lines of the file. */
#include "filters/jwt/deny.h"
#include "gateway/base/hash.h"
#include "gateway/base/memory.h"
#include "gateway/config/lines.h"
#include "gateway/http/syntax.h"

struct gw_jwt_deny_list {
    char *text;       /* the file */
    gw_str_t *places; /* values; the kind stands right before each in the text: see find; ptr NULL: free */
    size_t mask, size;
};

/** The place of a value, or where it would go.  The kind, j or s, stands right before it in the text. */
static size_t find(const gw_jwt_deny_list_t *list, char kind, gw_str_t value)
{
    size_t at = (size_t)(gw_hash(value) + (unsigned char)kind) & list->mask;
    while (list->places[at].ptr != NULL && !(list->places[at].ptr[-1] == kind && gw_str_equal(list->places[at], value)))
        at = (at + 1) & list->mask;
    return at;
}

static size_t count_lines(gw_str_t content)
{
    size_t num = 1;
    for (size_t i = 0; i != content.len; ++i)
        num += content.ptr[i] == '\n';
    return num;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static gw_str_t trim(gw_str_t line)
{
    while (line.len != 0 && is_blank(*line.ptr))
        line = gw_str(line.ptr + 1, line.len - 1);
    while (line.len != 0 && is_blank(line.ptr[line.len - 1]))
        --line.len;
    return line;
}

/** @return false when the line is none */
static bool add(gw_jwt_deny_list_t *list, gw_str_t line)
{
    bool is_jti = gw_str_starts_with(line, GW_STR("jti"));
    if ((!is_jti && !gw_str_starts_with(line, GW_STR("sub"))) || line.len < 5 ||
        (line.ptr[3] != ' ' && line.ptr[3] != '\t'))
        return false;
    gw_str_t value = trim(gw_str(line.ptr + 3, line.len - 3));
    if (!gw_http_is_field_value(value)) /* a control character: no token will ever be found by it */
        return false;
    char kind = is_jti ? 'j' : 's';
    ((char *)value.ptr)[-1] = kind; /* over the white space */
    size_t at = find(list, kind, value);
    list->size += list->places[at].ptr == NULL;
    list->places[at] = value;
    return true;
}

gw_jwt_deny_list_t *gw_jwt_deny_parse(gw_str_t content, const char *path, gw_diag_t *diag)
{
    gw_jwt_deny_list_t *list = gw_must_alloc(1, sizeof(*list));
    size_t num_places = 16;
    while (num_places < 2 * count_lines(content))
        num_places *= 2;
    list->mask = num_places - 1;
    list->places = gw_must_alloc(num_places, sizeof(*list->places));
    list->text = gw_must_alloc(1, content.len + 1);
    if (content.len != 0)
        memcpy(list->text, content.ptr, content.len);
    gw_lines_t lines = gw_lines_of(gw_str(list->text, content.len), path, diag);
    while (gw_lines_next(&lines)) {
        gw_str_t line = trim(lines.line);
        if (line.len != 0 && *line.ptr != '#' && !add(list, line))
            gw_lines_refuse(&lines, line.ptr, "for example: jti 6ba7b810-9dad-11d1",
                            "a line must be 'jti VALUE' or 'sub VALUE'");
    }
    return gw_lines_are_good(&lines) ? list : gw_jwt_deny_free(list);
}

gw_jwt_deny_list_t *gw_jwt_deny_free(gw_jwt_deny_list_t *list)
{
    if (list != NULL) {
        free(list->places);
        free(list->text);
    }
    free(list);
    return NULL;
}

bool gw_jwt_deny_has_jti(const gw_jwt_deny_list_t *list, gw_str_t value)
{
    return list->places[find(list, 'j', value)].ptr != NULL;
}

bool gw_jwt_deny_has_sub(const gw_jwt_deny_list_t *list, gw_str_t value)
{
    return list->places[find(list, 's', value)].ptr != NULL;
}

size_t gw_jwt_deny_size(const gw_jwt_deny_list_t *list)
{
    return list->size;
}
