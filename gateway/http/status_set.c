/* SPDX-License-Identifier: MIT
 * Status codes as people write them. */
#include "gateway/http/status_set.h"

static bool read_status(gw_str_t text, unsigned *ret)
{
    if (text.len != 3)
        return false;
    *ret = 0;
    for (size_t i = 0; i != 3; ++i) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *ret = *ret * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return *ret >= 100 && *ret < 600;
}

bool gw_status_set_add(gw_status_set_t *set, gw_str_t text)
{
    unsigned first, last;
    if (text.len == 3 && text.ptr[0] >= '1' && text.ptr[0] <= '5' && memcmp(text.ptr + 1, "xx", 2) == 0) {
        first = (unsigned)(text.ptr[0] - '0') * 100;
        last = first + 99;
    } else if (text.len == 7 && text.ptr[3] == '-') {
        if (!read_status(gw_str(text.ptr, 3), &first) || !read_status(gw_str(text.ptr + 4, 3), &last) || last < first)
            return false;
    } else if (read_status(text, &first)) {
        last = first;
    } else {
        return false;
    }
    for (unsigned status = first; status <= last; ++status)
        set->bits[(status - 100) / 64] |= 1ull << (status - 100) % 64;
    return true;
}
