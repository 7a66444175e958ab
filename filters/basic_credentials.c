/* SPDX-License-Identifier: MIT
 * The reading of Basic credentials. */
#include <openssl/crypto.h>
#include "filters/basic_credentials.h"
#include "gateway/http/syntax.h"

/** @return 0..63, or -1 */
static int value64(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t padding_of(gw_str_t text)
{
    size_t num = 0;
    while (num != 2 && num != text.len && text.ptr[text.len - 1 - num] == '=')
        ++num;
    return num;
}

/** Base64 with its padding.  @param to room for text.len / 4 * 3 bytes   @return false when it is none */
static bool decode64(gw_str_t text, char *to, size_t *ret_len)
{
    size_t padding = padding_of(text), len = 0;
    uint32_t bits = 0;
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i != text.len - padding; ++i) {
        int value = value64(text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 3) {
            to[len++] = (char)(bits >> 16);
            to[len++] = (char)(bits >> 8);
            to[len++] = (char)bits;
            bits = 0;
        }
    }
    if (padding == 1) {
        to[len++] = (char)(bits >> 10);
        to[len++] = (char)(bits >> 2);
    } else if (padding == 2) {
        to[len++] = (char)(bits >> 4);
    }
    *ret_len = len;
    return true;
}

static bool has_control(gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return true;
    return false;
}

static gw_basic_result_t split(gw_basic_credentials_t *credentials, size_t len)
{
    char *bytes = credentials->bytes;
    const char *colon = memchr(bytes, ':', len);
    if (colon == NULL || colon == bytes || has_control(gw_str(bytes, len)))
        return GW_BASIC_MALFORMED;
    credentials->user = gw_str(bytes, (size_t)(colon - bytes));
    credentials->password = colon + 1;
    credentials->password_len = len - credentials->user.len - 1;
    bytes[len] = '\0';
    return credentials->user.len > GW_HTPASSWD_MAX_USER || credentials->password_len > GW_PASSWORD_MAX
               ? GW_BASIC_TOO_LONG
               : GW_BASIC_FINE;
}

gw_basic_result_t gw_basic_read(gw_str_t value, gw_basic_credentials_t *credentials)
{
    static const gw_str_t scheme = {"basic", 5};
    size_t len;
    credentials->user = gw_str(NULL, 0);
    credentials->password = NULL;
    credentials->password_len = 0;
    if (value.len < scheme.len || !gw_str_equal_nocase(gw_str(value.ptr, scheme.len), scheme) ||
        (value.len != scheme.len && value.ptr[scheme.len] != ' ' && value.ptr[scheme.len] != '\t'))
        return GW_BASIC_FOREIGN;
    gw_str_t text = gw_http_trim(gw_str(value.ptr + scheme.len, value.len - scheme.len));
    if (text.len / 4 * 3 > /* what it will be, and its padding */
        sizeof(credentials->bytes) - 1 + padding_of(text))
        return GW_BASIC_TOO_LONG;
    if (text.len == 0 || !decode64(text, credentials->bytes, &len))
        return GW_BASIC_MALFORMED;
    return split(credentials, len);
}

void gw_basic_wipe(gw_basic_credentials_t *credentials)
{
    OPENSSL_cleanse(credentials->bytes, sizeof(credentials->bytes));
}
