/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as a deny file.  Each line is taken apart a second time, and what it denies must be found. */
#include <stdlib.h>
#include "filters/jwt/deny.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/** @return j, s, '#' for a line without meaning, 0 for one that is wrong */
static char take_apart(gw_str_t line, gw_str_t *ret_value)
{
    size_t start = 0, end = line.len;
    while (end != 0 && is_blank(line.ptr[end - 1]))
        --end;
    while (start != end && is_blank(line.ptr[start]))
        ++start;
    if (start == end || line.ptr[start] == '#')
        return '#';
    size_t word = start;
    while (word != end && !is_blank(line.ptr[word]))
        ++word;
    size_t value = word;
    while (value != end && is_blank(line.ptr[value]))
        ++value;
    if (value == end || word - start != 3 || line.ptr[word] == '\r')
        return 0;
    for (size_t i = value; i != end; ++i)
        if (((unsigned char)line.ptr[i] < 0x20 && line.ptr[i] != '\t') || line.ptr[i] == 0x7f)
            return 0;
    *ret_value = gw_str(line.ptr + value, end - value);
    return memcmp(line.ptr + start, "jti", 3) == 0 ? 'j' : memcmp(line.ptr + start, "sub", 3) == 0 ? 's' : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_diag_t *diag = gw_diag_create();
    gw_str_t rest = gw_str((const char *)data, size);
    gw_jwt_deny_list_t *list = gw_jwt_deny_parse(rest, "fuzz", diag);
    size_t num_denied = 0;
    bool is_wrong = false;
    if ((list == NULL) != (gw_diag_num_errors(diag) != 0))
        abort();
    if (gw_str_starts_with(rest, GW_STR("\xef\xbb\xbf")))
        rest = gw_str(rest.ptr + 3, rest.len - 3);
    while (rest.len != 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
        gw_str_t value;
        char kind = take_apart(gw_str(rest.ptr, len), &value);
        is_wrong = is_wrong || kind == 0;
        if (kind == 'j' || kind == 's') {
            ++num_denied;
            if (list != NULL && !(kind == 'j' ? gw_jwt_deny_has_jti : gw_jwt_deny_has_sub)(list, value))
                abort();
        }
        len += end != NULL;
        rest = gw_str(rest.ptr + len, rest.len - len);
    }
    if (is_wrong != (list == NULL))
        abort();
    if (list != NULL && (gw_jwt_deny_size(list) > num_denied || (gw_jwt_deny_size(list) == 0) != (num_denied == 0) ||
                         gw_jwt_deny_has_jti(list, GW_STR("")) || gw_jwt_deny_has_sub(list, GW_STR(""))))
        abort();
    gw_jwt_deny_free(list);
    gw_diag_free(diag);
    return 0;
}
