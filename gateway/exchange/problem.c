/* SPDX-License-Identifier: MIT
 * Reasons and their problems.  What is the same for every problem of a reason is text at compile time: an answer of the
 * gateway's own has to be the cheapest of all, since attackers get nothing else. */
#include "gateway/exchange/problem.h"

/* Names and titles stand in JSON as they are: ASCII without quotes, tests/unit/test_exchange_problem.c. */
static const struct {
    const char *name, *title;
    int status;
    gw_str_t blank;         /* the beginning of a problem of no type of its own */
    gw_str_t status_member; /* the same of one that has one, behind its title */
    gw_str_t reason_member; /* and up to the request id */
} reasons[] = {
#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }
#define REASON_ROW(id, name, status, title)                                                                            \
    [GW_REASON_##id] = {name,                                                                                          \
                        title,                                                                                         \
                        status,                                                                                        \
                        TEXT("{\"type\":\"about:blank\",\"title\":\"" title "\",\"status\":" #status),                 \
                        TEXT("\",\"status\":" #status),                                                                \
                        TEXT(",\"reason\":\"" name "\",\"request_id\":\"")},
    GW_REASON_MAP(REASON_ROW)
#undef REASON_ROW
#undef TEXT
};

const char *gw_reason_name(gw_reason_t reason)
{
    return reasons[reason].name;
}

int gw_reason_status(gw_reason_t reason)
{
    return reasons[reason].status;
}

const char *gw_reason_title(gw_reason_t reason)
{
    return reasons[reason].title;
}

static char *put(char *dst, gw_str_t text)
{
    if (text.len != 0)
        memcpy(dst, text.ptr, text.len);
    return dst + text.len;
}

/* most details are ours, but one quotes what was sent */
static char *put_escaped(char *dst, const char *src)
{
    static const char digits[] = "0123456789abcdef";
    for (; *src != '\0'; ++src) {
        unsigned char c = (unsigned char)*src;
        if (c == '"' || c == '\\') {
            *dst++ = '\\';
            *dst++ = (char)c;
        } else if (c < 0x20 || c >= 0x7f) {
            dst = put(dst, GW_STR("\\u00"));
            *dst++ = digits[c >> 4];
            *dst++ = digits[c & 15];
        } else {
            *dst++ = (char)c;
        }
    }
    return dst;
}

static const gw_str_t type_member = {"{\"type\":\"", 9}, title_member = {"\",\"title\":\"", 11},
                      detail_member = {",\"detail\":\"", 11}, end = {"\"}\n", 3};

size_t gw_problem_max(gw_reason_t reason, const char *detail, gw_str_t request_id, const gw_problem_kind_t *kind)
{
    size_t max = reasons[reason].blank.len + reasons[reason].reason_member.len + request_id.len + end.len;
    if (kind != NULL)
        max += type_member.len + strlen(kind->type) + title_member.len + strlen(kind->title) +
               reasons[reason].status_member.len + 1 + kind->members.len;
    if (detail != NULL)
        max += detail_member.len + 6 * strlen(detail) + 1;
    return max;
}

size_t gw_problem_write(gw_reason_t reason, const char *detail, gw_str_t request_id, const gw_problem_kind_t *kind,
                        char *text)
{
    char *dst = text;
    if (kind == NULL) {
        dst = put(dst, reasons[reason].blank);
    } else {
        dst = put(dst, type_member);
        dst = put(dst, gw_str_of(kind->type));
        dst = put(dst, title_member);
        dst = put(dst, gw_str_of(kind->title));
        dst = put(dst, reasons[reason].status_member);
    }
    if (detail != NULL) {
        dst = put(dst, detail_member);
        dst = put_escaped(dst, detail);
        *dst++ = '"';
    }
    if (kind != NULL && kind->members.len != 0) {
        *dst++ = ',';
        dst = put(dst, kind->members);
    }
    dst = put(dst, reasons[reason].reason_member);
    dst = put(dst, request_id);
    dst = put(dst, end);
    return (size_t)(dst - text);
}
