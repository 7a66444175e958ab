/* SPDX-License-Identifier: MIT
 * A token, taken apart. */
#include "filters/jwt/token_look.h"
#include "gateway/base/base64url.h"
#include "gateway/base/memory.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static gw_str_t trimmed(gw_str_t text)
{
    while (text.len != 0 && is_space(*text.ptr))
        text = gw_str(text.ptr + 1, text.len - 1);
    while (text.len != 0 && is_space(text.ptr[text.len - 1]))
        --text.len;
    return text;
}

static bool begins_with(gw_str_t text, gw_str_t word)
{
    return text.len > word.len && gw_str_equal_nocase(gw_str(text.ptr, word.len), word);
}

static gw_str_t without_scheme(gw_str_t text)
{
    const gw_str_t field = GW_STR("Authorization:"), scheme = GW_STR("Bearer");
    if (begins_with(text, field))
        text = trimmed(gw_str(text.ptr + field.len, text.len - field.len));
    if (begins_with(text, scheme) && is_space(text.ptr[scheme.len]))
        text = trimmed(gw_str(text.ptr + scheme.len, text.len - scheme.len));
    return text;
}

/* decoding -----------------------------------------------------------------------------------------------------------
 */

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-' || c == '+')
        return 62;
    return c == '_' || c == '/' ? 63 : -1;
}

/** Both alphabets, with padding or without, whatever the last bits are.  @return false: other characters */
static bool decode_kindly(char *to, size_t *len, gw_str_t text)
{
    uint32_t bits = 0;
    unsigned num_bits = 0;
    *len = 0;
    while (text.len != 0 && text.ptr[text.len - 1] == '=')
        --text.len;
    for (size_t i = 0; i != text.len; ++i) {
        int value = value_of(text.ptr[i]);
        if (value == -1)
            return false;
        bits = bits << 6 | (uint32_t)value;
        num_bits += 6;
        if (num_bits >= 8) {
            num_bits -= 8;
            to[(*len)++] = (char)(bits >> num_bits);
        }
    }
    return true;
}

static void read_json(gw_token_part_t *part)
{
    const size_t flags = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL;
    json_error_t error;
    part->json = json_loadb(part->bytes, part->len, flags, &error);
    if (part->json == NULL)
        return;
    part->json_len = (size_t)error.position;
    while (part->json_len != part->len && is_space(part->bytes[part->json_len]))
        ++part->json_len;
    json_t *strict = json_loadb(part->bytes, part->len, flags | JSON_REJECT_DUPLICATES, &error);
    part->has_repeated = strict == NULL && json_error_code(&error) == json_error_duplicate_key;
    json_decref(strict);
}

static void read_part(gw_str_t text, gw_token_part_t *part)
{
    part->is_there = true;
    part->num_chars = text.len;
    part->bytes = gw_must_alloc(GW_BASE64URL_BYTES(text.len) + 1, 1);
    part->is_base64url = gw_base64url_decode((uint8_t *)part->bytes, &part->len, text);
    part->is_decoded = part->is_base64url || decode_kindly(part->bytes, &part->len, text);
    if (!part->is_decoded)
        part->len = 0;
    part->bytes[part->len] = '\0';
    read_json(part);
}

static void measure_signature(gw_str_t text, gw_token_look_t *look)
{
    uint8_t *bytes = gw_must_alloc(GW_BASE64URL_BYTES(text.len) + 1, 1);
    look->signature_chars = text.len;
    look->is_signature_base64url = gw_base64url_decode(bytes, &look->signature_bytes, text);
    if (!look->is_signature_base64url)
        look->signature_bytes = 0;
    free(bytes);
}

/* parts --------------------------------------------------------------------------------------------------------------
 */

static void read_parts(gw_str_t token, gw_token_look_t *look)
{
    bool is_last = false;
    while (!is_last) {
        const char *dot = token.len != 0 ? memchr(token.ptr, '.', token.len) : NULL;
        gw_str_t part = gw_str(token.ptr, dot != NULL ? (size_t)(dot - token.ptr) : token.len);
        is_last = dot == NULL;
        if (look->num_parts == 0)
            read_part(part, &look->header);
        else if (look->num_parts == 1)
            read_part(part, &look->payload);
        else if (look->num_parts == 2)
            measure_signature(part, look);
        ++look->num_parts;
        if (!is_last)
            token = gw_str(dot + 1, token.len - part.len - 1);
    }
}

void gw_token_look_at(gw_str_t text, gw_token_look_t *ret)
{
    *ret = (gw_token_look_t){.len = 0};
    text = without_scheme(trimmed(text));
    if (text.len == 0)
        return;
    ret->is_object = *text.ptr == '{';
    char *copy = gw_must_alloc(text.len, 1);
    for (size_t i = 0; i != text.len; ++i)
        if (is_space(text.ptr[i]))
            ret->has_space = true; /* a terminal breaks lines */
        else
            copy[ret->len++] = text.ptr[i];
    if (!ret->is_object)
        read_parts(gw_str(copy, ret->len), ret);
    free(copy);
}

static void dispose_part(gw_token_part_t *part)
{
    free(part->bytes);
    json_decref(part->json);
}

void gw_token_look_dispose(gw_token_look_t *look)
{
    dispose_part(&look->header);
    dispose_part(&look->payload);
}
