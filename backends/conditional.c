/* SPDX-License-Identifier: MIT
 * Conditional requests. */
#include <stdio.h>
#include <time.h>
#include "backends/conditional.h"

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void gw_http_date_print(char *to, int64_t seconds)
{
    time_t at = (time_t)seconds;
    struct tm tm;
    gmtime_r(&at, &tm);
    snprintf(to, GW_HTTP_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7], tm.tm_mday % 100,
             months[tm.tm_mon % 12], (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

bool gw_http_date_parse(gw_str_t text, int64_t *ret_seconds)
{
    /* the program never leaves the C locale, so the names are the English ones */
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
        "%a %b %e %H:%M:%S %Y",                                   /* asctime */
    };
    char copy[64];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    for (size_t i = 0; i != sizeof(forms) / sizeof(forms[0]); ++i) {
        struct tm tm = {0};
        const char *end = strptime(copy, forms[i], &tm);
        if (end != NULL && *end == '\0') {
            *ret_seconds = (int64_t)timegm(&tm);
            return true;
        }
    }
    return false;
}

/** Takes the next entity tag without its W/.  @return false: no more, or not a list of tags from here on */
static bool take_tag(gw_str_t *list, gw_str_t *ret_tag)
{
    while (list->len != 0 && (*list->ptr == ' ' || *list->ptr == '\t' || *list->ptr == ','))
        ++list->ptr, --list->len;
    if (gw_str_starts_with(*list, GW_STR("W/")))
        list->ptr += 2, list->len -= 2;
    if (list->len < 2 || *list->ptr != '"')
        return false;
    const char *end = memchr(list->ptr + 1, '"', list->len - 1);
    if (end == NULL)
        return false;
    *ret_tag = gw_str(list->ptr, (size_t)(end - list->ptr) + 1);
    list->ptr += ret_tag->len;
    list->len -= ret_tag->len;
    return true;
}

bool gw_conditional_is_fresh(const gw_str_t *if_none_match, const gw_str_t *if_modified_since, gw_str_t etag,
                             int64_t last_modified)
{
    if (if_none_match != NULL) {
        gw_str_t list = *if_none_match, tag;
        if (gw_str_equal(list, GW_STR("*")))
            return true;
        while (take_tag(&list, &tag))
            if (gw_str_equal(tag, etag))
                return true;
        return false;
    }
    int64_t since;
    return if_modified_since != NULL && gw_http_date_parse(*if_modified_since, &since) && last_modified <= since;
}
