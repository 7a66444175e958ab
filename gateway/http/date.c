/* SPDX-License-Identifier: MIT
 * Dates of HTTP. */
#include "gateway/http/date.h"

#define SECONDS_OF_A_DAY 86400
#define LAST_SECOND      INT64_C(253402300799) /* 9999-12-31 23:59:59 */

static const char day_names[7][10] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

typedef struct moment {
    int64_t year;                         /* 0 and more */
    int month, day, hour, minute, second; /* month and day from 1 */
} moment_t;

/* the calendar ------------------------------------------------------------------------------------------------------
 */

/* Years are counted from March, so that the day which comes and goes is a year's last: then months are 30.6 days long,
 * rounded, and the days before a year follow from its number alone.  Counting begins 400 years (146097 days) before the
 * year 0, so that nothing is negative; from there to March 0000 and on to 1970 it is that and 719468 days. */

static int64_t days_before(int64_t year, int month, int day)
{
    int64_t years = year + 400 - (month <= 2), months = month + (month <= 2 ? 9 : -3);
    return years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day - 1 - 719468 - 146097;
}

static int64_t seconds_of(const moment_t *at)
{
    return ((days_before(at->year, at->month, at->day) * 24 + at->hour) * 60 + at->minute) * 60 + at->second;
}

/** @param seconds 0..LAST_SECOND */
static moment_t moment_of(int64_t seconds)
{
    int64_t day = seconds / SECONDS_OF_A_DAY;
    int rest = (int)(seconds % SECONDS_OF_A_DAY);
    moment_t at = {.hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60};
    at.year = 1970 + day / 366; /* too early by at most 17 years */
    while (days_before(at.year + 1, 1, 1) <= day)
        ++at.year;
    for (at.month = 12; days_before(at.year, at.month, 1) > day;)
        --at.month;
    at.day = (int)(day - days_before(at.year, at.month, 1)) + 1;
    return at;
}

static bool is_in_calendar(const moment_t *at)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = at->year % 4 == 0 && (at->year % 100 != 0 || at->year % 400 == 0);
    return at->day >= 1 && at->day <= lengths[at->month - 1] + (at->month == 2 && is_leap);
}

/* writing -----------------------------------------------------------------------------------------------------------
 */

static char *put_digits(char *to, int num, int64_t number)
{
    for (int i = num; i != 0; number /= 10)
        to[--i] = (char)('0' + number % 10);
    return to + num;
}

static char *put_text(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

void gw_http_date_print(char to[GW_HTTP_DATE_LEN], int64_t seconds)
{
    seconds = seconds < 0 ? 0 : seconds > LAST_SECOND ? LAST_SECOND : seconds;
    moment_t at = moment_of(seconds);
    to = put_text(to, day_names[(4 + seconds / SECONDS_OF_A_DAY) % 7], 3); /* 1970 began on a Thursday */
    to = put_digits(put_text(to, ", ", 2), 2, at.day);
    to = put_text(put_text(to, " ", 1), month_names[at.month - 1], 3);
    to = put_digits(put_text(to, " ", 1), 4, at.year);
    to = put_digits(put_text(to, " ", 1), 2, at.hour);
    to = put_digits(put_text(to, ":", 1), 2, at.minute);
    to = put_digits(put_text(to, ":", 1), 2, at.second);
    put_text(to, " GMT", 4);
}

/* reading: each takes something from the front of the text, or says that it is not there --------------------------- */

static bool take(gw_str_t *text, gw_str_t word)
{
    if (text->len < word.len || !gw_str_equal_nocase(gw_str(text->ptr, word.len), word))
        return false;
    text->ptr += word.len;
    text->len -= word.len;
    return true;
}

static bool take_digits(gw_str_t *text, size_t num, int *ret)
{
    if (text->len < num)
        return false;
    *ret = 0;
    for (size_t i = 0; i != num; ++i) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9')
            return false;
        *ret = *ret * 10 + (text->ptr[i] - '0');
    }
    text->ptr += num;
    text->len -= num;
    return true;
}

static bool take_month(gw_str_t *text, int *ret)
{
    for (int i = 0; i != 12; ++i)
        if (take(text, gw_str(month_names[i], 3))) {
            *ret = i + 1;
            return true;
        }
    return false;
}

static bool take_time(gw_str_t *text, moment_t *at)
{
    if (!take_digits(text, 2, &at->hour) || !take(text, GW_STR(":")) || !take_digits(text, 2, &at->minute) ||
        !take(text, GW_STR(":")) || !take_digits(text, 2, &at->second))
        return false;
    if (at->hour == 23 && at->minute == 59 && at->second == 60)
        at->second = 59;
    return at->hour <= 23 && at->minute <= 59 && at->second <= 59;
}

static bool take_year(gw_str_t *text, moment_t *at)
{
    int year;
    if (!take_digits(text, 4, &year))
        return false;
    at->year = year;
    return true;
}

/** "06 Nov 1994 08:49:37 GMT": the rest of an IMF-fixdate. */
static bool take_fixdate(gw_str_t *text, moment_t *at)
{
    return take_digits(text, 2, &at->day) && take(text, GW_STR(" ")) && take_month(text, &at->month) &&
           take(text, GW_STR(" ")) && take_year(text, at) && take(text, GW_STR(" ")) && take_time(text, at) &&
           take(text, GW_STR(" GMT"));
}

/** " Nov  6 08:49:37 1994": the rest of what asctime() writes. */
static bool take_asctime(gw_str_t *text, moment_t *at)
{
    return take_month(text, &at->month) && take(text, GW_STR(" ")) &&
           (take(text, GW_STR(" ")) ? take_digits(text, 1, &at->day) : take_digits(text, 2, &at->day)) &&
           take(text, GW_STR(" ")) && take_time(text, at) && take(text, GW_STR(" ")) && take_year(text, at);
}

/** "06-Nov-94 08:49:37 GMT": the rest of an RFC 850 date.  @return false also when no year makes it a date */
static bool take_rfc850(gw_str_t *text, int64_t now_s, moment_t *at)
{
    int year;
    if (!take_digits(text, 2, &at->day) || !take(text, GW_STR("-")) || !take_month(text, &at->month) ||
        !take(text, GW_STR("-")) || !take_digits(text, 2, &year) || !take(text, GW_STR(" ")) || !take_time(text, at) ||
        !take(text, GW_STR(" GMT")))
        return false;
    moment_t limit = moment_of(now_s < 0 ? 0 : now_s > LAST_SECOND ? LAST_SECOND : now_s);
    limit.year = limit.year < 9999 - 50 ? limit.year + 50 : 9999;
    at->year = limit.year - limit.year % 100 + year;
    if (at->year > limit.year || (at->year == limit.year && seconds_of(at) > seconds_of(&limit)))
        at->year -= 100;
    return true;
}

bool gw_http_date_parse(gw_str_t text, int64_t now_s, int64_t *ret_seconds)
{
    moment_t at = {0};
    bool is_date = false;
    for (int i = 0; i != 7; ++i) {
        gw_str_t rest = text;
        if (take(&rest, gw_str(day_names[i], 3))) {
            if (take(&rest, GW_STR(", ")))
                is_date = take_fixdate(&rest, &at);
            else if (take(&rest, GW_STR(" ")))
                is_date = take_asctime(&rest, &at);
            else
                is_date = take(&rest, gw_str_of(day_names[i] + 3)) && take(&rest, GW_STR(", ")) &&
                          take_rfc850(&rest, now_s, &at);
            is_date = is_date && rest.len == 0 && is_in_calendar(&at);
            break;
        }
    }
    if (is_date)
        *ret_seconds = seconds_of(&at);
    return is_date;
}
