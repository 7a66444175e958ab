/* SPDX-License-Identifier: MIT
 * Fuzz target: dates.  Eight bytes of the present, then a text: what is read is printed as a date that is read as the
 * same, whatever the case of its letters, and never lies too far ahead for a year of two digits. */
#include <stdlib.h>
#include "gateway/http/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t now, seconds = 0, again = 0;
    char text[64], printed[GW_HTTP_DATE_LEN];
    if (size < sizeof(now))
        return 0;
    memcpy(&now, data, sizeof(now));
    gw_str_t date = gw_str((const char *)data + sizeof(now), size - sizeof(now));
    gw_http_date_print(printed, now); /* any number is written as a date */
    must(gw_http_date_parse(gw_str(printed, sizeof(printed)), 0, &again));
    must(again == (now < 0 ? 0 : now > INT64_C(253402300799) ? INT64_C(253402300799) : now));
    if (!gw_http_date_parse(date, now, &seconds))
        return 0;
    must(seconds >= INT64_C(-62167219200) && seconds <= INT64_C(253402300799));
    must(date.len <= 33 && date.len <= sizeof(text)); /* "Wednesday, 09-Nov-94 08:49:37 GMT" */
    for (size_t i = 0; i != date.len; ++i)
        text[i] = gw_ascii_lower(date.ptr[i]);
    must(gw_http_date_parse(gw_str(text, date.len), now, &again) && again == seconds);
    if (seconds >= 0) {
        gw_http_date_print(printed, seconds);
        must(gw_http_date_parse(gw_str(printed, sizeof(printed)), now, &again) && again == seconds);
    }
    if (memchr(date.ptr, '-', date.len) != NULL && now >= 0 && now < INT64_C(200000000000)) {
        must(seconds <= now + INT64_C(1578009600)); /* 50 years and a day */
        must(seconds >= now - INT64_C(1578009600));
    }
    return 0;
}
