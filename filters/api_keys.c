/* SPDX-License-Identifier: MIT
 * The file of API keys and its table. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include "filters/api_keys.h"
#include "gateway/base/arena.h"
#include "gateway/base/hash.h"
#include "gateway/base/memory.h"
#include "gateway/config/lines.h"
#include "gateway/http/syntax.h"

enum { most_properties = 32, longest_name = 64, longest_value = 1024 };

struct gw_api_keys {
    gw_arena_t *arena; /* of the texts */
    gw_api_key_t *entries;
    size_t num, cap;
    uint32_t *slots; /* index + 1 of an entry, 0: free; open addressing, at most half full */
    size_t mask;
};

/* times ------------------------------------------------------------------------------------------------------------ */

/** Takes so many digits.  @return false when there are fewer */
static bool take_number(gw_str_t *rest, size_t num_digits, unsigned *ret)
{
    if (rest->len < num_digits)
        return false;
    *ret = 0;
    for (size_t i = 0; i != num_digits; ++i) {
        if (rest->ptr[i] < '0' || rest->ptr[i] > '9')
            return false;
        *ret = *ret * 10 + (unsigned)(rest->ptr[i] - '0');
    }
    *rest = gw_str(rest->ptr + num_digits, rest->len - num_digits);
    return true;
}

static bool take_char(gw_str_t *rest, const char *any)
{
    if (rest->len == 0 || rest->ptr[0] == '\0' || strchr(any, rest->ptr[0]) == NULL)
        return false;
    *rest = gw_str(rest->ptr + 1, rest->len - 1);
    return true;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/** @return days from 1970-01-01 to this date, which is not before it */
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    uint64_t days = day - 1;
    for (unsigned m = 1; m != month; ++m)
        days += days_of_month(year, m);
    unsigned before = year - 1; /* leap days up to the end of the year before */
    return days + (uint64_t)(year - 1970) * 365 + (before / 4 - before / 100 + before / 400) - 477;
}

/** Takes "Z" or "+02:00".  @param ret_s seconds to be subtracted */
static bool take_offset(gw_str_t *rest, int64_t *ret_s)
{
    unsigned hours, minutes;
    *ret_s = 0;
    if (take_char(rest, "Zz"))
        return true;
    bool is_west = rest->len != 0 && rest->ptr[0] == '-';
    if (!take_char(rest, "+-") || !take_number(rest, 2, &hours) || !take_char(rest, ":") ||
        !take_number(rest, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_s = (int64_t)(hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
    return true;
}

bool gw_api_key_parse_time(gw_str_t text, uint64_t *ret_s)
{
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    int64_t offset_s = 0;
    if (!take_number(&text, 4, &year) || !take_char(&text, "-") || !take_number(&text, 2, &month) ||
        !take_char(&text, "-") || !take_number(&text, 2, &day) || year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month))
        return false;
    if (text.len != 0 && (!take_char(&text, "Tt") || !take_number(&text, 2, &hour) || !take_char(&text, ":") ||
                          !take_number(&text, 2, &minute) || !take_char(&text, ":") ||
                          !take_number(&text, 2, &second) || !take_offset(&text, &offset_s)))
        return false;
    if (text.len != 0 || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t seconds =
        (int64_t)(days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) - offset_s;
    *ret_s = (uint64_t)seconds;
    return seconds >= 0;
}

/* words of a line -------------------------------------------------------------------------------------------------- */

/** A file being parsed. */
typedef struct parser {
    gw_api_keys_t *keys;
    unsigned *numbers; /* of the lines of keys->entries */
    gw_lines_t lines;
    gw_str_t rest; /* of the line */
} parser_t;

static bool refuse(parser_t *parser, const char *at, const char *hint, const char *message)
{
    return gw_lines_refuse(&parser->lines, at, hint, "%s", message);
}

static void skip_blanks(parser_t *parser)
{
    while (take_char(&parser->rest, " \t"))
        ;
}

static bool is_at_end(const parser_t *parser)
{
    return parser->rest.len == 0 || parser->rest.ptr[0] == '#';
}

/** Takes "...".  @param to room for the rest of the line */
static bool take_quoted(parser_t *parser, char *to, size_t *ret_len)
{
    const char *start = parser->rest.ptr, *end = start + parser->rest.len, *at = start + 1;
    size_t len = 0;
    for (; at != end && *at != '"'; ++at) {
        if (*at == '\\' && (++at == end || (*at != '"' && *at != '\\')))
            return refuse(parser, at - 1, "\\\" and \\\\ are all there is", "this is no escape");
        to[len++] = *at;
    }
    if (at == end)
        return refuse(parser, start, NULL, "the closing quote is missing");
    ++at;
    if (at != end && *at != ' ' && *at != '\t')
        return refuse(parser, at, NULL, "a blank must follow a closing quote");
    parser->rest = gw_str(at, (size_t)(end - at));
    *ret_len = len;
    return true;
}

/** Takes a word, quoted or not.  @param to room for the rest of the line */
static bool take_word(parser_t *parser, char *to, size_t *ret_len)
{
    size_t len = 0;
    if (parser->rest.len != 0 && parser->rest.ptr[0] == '"')
        return take_quoted(parser, to, ret_len);
    while (parser->rest.len != len && parser->rest.ptr[len] != ' ' && parser->rest.ptr[len] != '\t') {
        if (parser->rest.ptr[len] == '"')
            return refuse(parser, parser->rest.ptr + len, "quote the whole word", "a quote inside of a word");
        to[len] = parser->rest.ptr[len];
        ++len;
    }
    parser->rest = gw_str(parser->rest.ptr + len, parser->rest.len - len);
    *ret_len = len;
    return true;
}

static bool check_value(parser_t *parser, const char *at, gw_str_t value)
{
    if (value.len == 0)
        return refuse(parser, at, NULL, "there is nothing here");
    if (value.len > longest_value)
        return refuse(parser, at, "at most 1024 bytes", "this is too long");
    /* it may become a header field */
    if (!gw_http_is_field_value(value) || gw_http_trim(value).len != value.len)
        return refuse(parser, at, NULL, "no control characters, no blanks at the ends");
    return true;
}

/* a line ----------------------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool take_digest(parser_t *parser, uint8_t digest[GW_API_KEY_DIGEST])
{
    static const gw_str_t prefix = {"sha256:", 7};
    size_t len = prefix.len + 2 * GW_API_KEY_DIGEST;
    bool is_good = parser->rest.len >= len && gw_str_starts_with(parser->rest, prefix) &&
                   (parser->rest.len == len || parser->rest.ptr[len] == ' ' || parser->rest.ptr[len] == '\t');
    for (size_t i = 0; is_good && i != GW_API_KEY_DIGEST; ++i) {
        const char *hex = parser->rest.ptr + prefix.len + 2 * i;
        int high = hex_value(hex[0]), low = hex_value(hex[1]);
        is_good = high >= 0 && low >= 0;
        digest[i] = is_good ? (uint8_t)(high << 4 | low) : 0;
    }
    if (!is_good)
        return refuse(parser, parser->rest.ptr,
                      "'sluice api-key hash' makes it of a key; the key itself does not belong into this file",
                      "a line begins with sha256: and 64 hexadecimal digits");
    parser->rest = gw_str(parser->rest.ptr + len, parser->rest.len - len);
    return true;
}

/** What is known of a key, while it grows. */
typedef struct about {
    char bytes[2 * GW_API_KEYS_MAX_LINE];
    size_t len, num;
} about_t;

static void add(about_t *about, gw_str_t name, gw_str_t value)
{
    memcpy(about->bytes + about->len, name.ptr, name.len);
    about->len += name.len;
    about->bytes[about->len++] = '\0';
    memcpy(about->bytes + about->len, value.ptr, value.len);
    about->len += value.len;
    about->bytes[about->len++] = '\0';
    ++about->num;
}

static bool take_owner(parser_t *parser, about_t *about)
{
    char text[GW_API_KEYS_MAX_LINE];
    skip_blanks(parser);
    const char *at = parser->rest.ptr;
    bool is_quoted = parser->rest.len != 0 && *at == '"';
    size_t len;
    if (is_at_end(parser))
        return refuse(parser, at, NULL, "after the hash stands the owner of the key");
    if (!take_word(parser, text, &len) || !check_value(parser, at, gw_str(text, len)))
        return false;
    if (!is_quoted && memchr(text, '=', len) != NULL)
        return refuse(parser, at, "quote it if '=' belongs to its name",
                      "after the hash stands the owner of the key, then its properties");
    add(about, GW_STR("owner"), gw_str(text, len));
    return true;
}

/** Takes the name of a property and its '='. */
static bool take_name(parser_t *parser, const about_t *about, gw_str_t *ret_name)
{
    const char *at = parser->rest.ptr;
    size_t len = 0;
    while (len != parser->rest.len && strchr("= \t\"", at[len]) == NULL)
        ++len;
    if (len == parser->rest.len || at[len] != '=' || len == 0 || len > longest_name ||
        !gw_http_is_token(gw_str(at, len)))
        return refuse(parser, at, "for example: plan=gold team=\"back office\"", "a property is NAME=VALUE");
    *ret_name = gw_str(at, len);
    if (gw_api_key_property(gw_str(about->bytes, about->len), *ret_name).ptr != NULL)
        return refuse(parser, at, NULL,
                      gw_str_equal(*ret_name, GW_STR("owner")) ? "the owner stands there already, before the properties"
                                                               : "this property is there twice");
    parser->rest = gw_str(at + len + 1, parser->rest.len - len - 1);
    return true;
}

static bool take_property(parser_t *parser, about_t *about, uint64_t *expires_s)
{
    char text[GW_API_KEYS_MAX_LINE];
    gw_str_t name;
    size_t len;
    if (about->num == most_properties)
        return refuse(parser, parser->rest.ptr, "at most 32 with the owner", "too many properties");
    if (!take_name(parser, about, &name))
        return false;
    const char *at = parser->rest.ptr;
    if (!take_word(parser, text, &len) || !check_value(parser, at, gw_str(text, len)))
        return false;
    if (gw_str_equal(name, GW_STR("expires")) && !gw_api_key_parse_time(gw_str(text, len), expires_s))
        return refuse(parser, at, "for example 2027-01-01T00:00:00Z, or 2027-01-01 for its beginning in UTC",
                      "this is no time");
    add(about, name, gw_str(text, len));
    return true;
}

static void keep(parser_t *parser, const gw_api_key_t *key)
{
    gw_api_keys_t *keys = parser->keys;
    if (keys->num == keys->cap) {
        keys->cap = keys->cap != 0 ? keys->cap * 2 : 64;
        keys->entries = realloc(keys->entries, keys->cap * sizeof(*keys->entries));
        parser->numbers = realloc(parser->numbers, keys->cap * sizeof(*parser->numbers));
        if (keys->entries == NULL || parser->numbers == NULL)
            abort();
    }
    parser->numbers[keys->num] = parser->lines.number;
    keys->entries[keys->num++] = *key;
}

static bool parse_line(parser_t *parser)
{
    gw_api_key_t key = {.expires_s = UINT64_MAX};
    about_t about;
    about.len = about.num = 0;
    parser->rest = parser->lines.line;
    skip_blanks(parser);
    if (is_at_end(parser))
        return true;
    if (parser->rest.len > GW_API_KEYS_MAX_LINE)
        return refuse(parser, parser->rest.ptr, "at most 4096 bytes", "the line is too long");
    if (parser->keys->num == GW_API_KEYS_MAX)
        return refuse(parser, parser->rest.ptr, "at most 100000", "there are too many keys");
    if (!take_digest(parser, key.digest) || !take_owner(parser, &about))
        return false;
    for (skip_blanks(parser); !is_at_end(parser); skip_blanks(parser))
        if (!take_property(parser, &about, &key.expires_s))
            return false;
    char *bytes = gw_arena_alloc(parser->keys->arena, about.len);
    key.about = gw_str(memcpy(bytes, about.bytes, about.len), about.len);
    keep(parser, &key);
    return true;
}

/* the file --------------------------------------------------------------------------------------------------------- */

/** Digests are as good as random; what an attacker chooses is only what is looked for, never what is in the table. */
static size_t slot_of(const gw_api_keys_t *keys, const uint8_t *digest)
{
    return (size_t)gw_hash(gw_str((const char *)digest, GW_API_KEY_DIGEST)) & keys->mask;
}

static void build_table(parser_t *parser)
{
    gw_api_keys_t *keys = parser->keys;
    size_t size = 16;
    while (size < 2 * keys->num)
        size *= 2;
    keys->mask = size - 1;
    keys->slots = gw_must_alloc(size, sizeof(*keys->slots));
    for (size_t i = 0; i != keys->num && !gw_lines_has_enough_errors(&parser->lines); ++i) {
        const gw_api_key_t *other = gw_api_keys_find(keys, keys->entries[i].digest);
        if (other != NULL) {
            gw_lines_refuse_earlier(&parser->lines, parser->numbers[i], "the key of line %u is here again",
                                    parser->numbers[other - keys->entries]);
            continue;
        }
        size_t slot = slot_of(keys, keys->entries[i].digest);
        while (keys->slots[slot] != 0)
            slot = (slot + 1) & keys->mask;
        keys->slots[slot] = (uint32_t)i + 1;
    }
}

gw_api_keys_t *gw_api_keys_parse(gw_str_t content, const char *path, gw_diag_t *diag)
{
    gw_api_keys_t *keys = gw_must_alloc(1, sizeof(*keys));
    parser_t parser = {.keys = keys, .lines = gw_lines_of(content, path, diag)};
    keys->arena = gw_arena_create();
    while (gw_lines_next(&parser.lines) && (parse_line(&parser) || keys->num != GW_API_KEYS_MAX))
        ;
    build_table(&parser);
    free(parser.numbers);
    if (!gw_lines_are_good(&parser.lines))
        return gw_api_keys_free(keys);
    if (keys->num == 0)
        gw_diag_warning(diag, (gw_mark_t){.file = path}, "'sluice api-key new' makes one",
                        "there is no API key in this file");
    return keys;
}

gw_api_keys_t *gw_api_keys_free(gw_api_keys_t *keys)
{
    if (keys == NULL)
        return NULL;
    gw_arena_free(keys->arena);
    free(keys->entries);
    free(keys->slots);
    free(keys);
    return NULL;
}

size_t gw_api_keys_num(const gw_api_keys_t *keys)
{
    return keys->num;
}

/* asking ----------------------------------------------------------------------------------------------------------- */

const gw_api_key_t *gw_api_keys_find(const gw_api_keys_t *keys, const uint8_t digest[GW_API_KEY_DIGEST])
{
    for (size_t slot = slot_of(keys, digest); keys->slots[slot] != 0; slot = (slot + 1) & keys->mask) {
        const gw_api_key_t *key = &keys->entries[keys->slots[slot] - 1];
        if (CRYPTO_memcmp(key->digest, digest, GW_API_KEY_DIGEST) == 0)
            return key;
    }
    return NULL;
}

gw_str_t gw_api_key_property(gw_str_t about, gw_str_t name)
{
    const char *at = about.ptr, *end = about.ptr + about.len;
    while (at != end) {
        size_t name_len = strlen(at);
        const char *value = at + name_len + 1;
        size_t value_len = strlen(value);
        if (gw_str_equal(gw_str(at, name_len), name))
            return gw_str(value, value_len);
        at = value + value_len + 1;
    }
    return gw_str(NULL, 0);
}
