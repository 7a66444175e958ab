/* SPDX-License-Identifier: MIT
 * Structured fields, read by the algorithms of RFC 9651 4.2; each function names its section. */
#include "tests/support/structured_fields.h"
#include <string.h>

typedef struct input {
    gw_arena_t *arena;
    const unsigned char *at, *end;
} input_t;

static const char digits[] = "0123456789";
static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** @return the next character, -1: there is none */
static int peek(const input_t *in)
{
    return in->at != in->end ? *in->at : -1;
}

static bool take(input_t *in, char c)
{
    if (peek(in) != (unsigned char)c)
        return false;
    ++in->at;
    return true;
}

static bool is_in(int c, const char *set)
{
    return c > 0 && strchr(set, c) != NULL;
}

static void skip(input_t *in, const char *blanks)
{
    while (is_in(peek(in), blanks))
        ++in->at;
}

static char *room(input_t *in, size_t size)
{
    return gw_arena_alloc(in->arena, size);
}

/* larger by one; the old array stays in the arena, which a test can afford */
static void *grown(input_t *in, const void *entries, size_t num, size_t size)
{
    char *larger = room(in, (num + 1) * size);
    if (num != 0)
        memcpy(larger, entries, num * size);
    memset(larger + num * size, 0, size);
    return larger;
}

/* bare items ------------------------------------------------------------------------------------------------------- */

/* 4.2.4 */
static bool parse_number(input_t *in, sf_bare_t *ret)
{
    bool is_negative = take(in, '-');
    size_t len = 0, decimals = 0; /* len: of the digits and the point */
    *ret = (sf_bare_t){.type = SF_INTEGER};
    if (!is_in(peek(in), digits))
        return false;
    for (;; ++in->at) {
        if (is_in(peek(in), digits)) {
            ret->number = ret->number * 10 + (peek(in) - '0');
            decimals += ret->type == SF_DECIMAL;
        } else if (peek(in) == '.' && ret->type == SF_INTEGER) {
            if (len > 12)
                return false;
            ret->type = SF_DECIMAL;
        } else {
            break;
        }
        ++len;
        if (len > (ret->type == SF_INTEGER ? 15 : 16))
            return false;
    }
    if (ret->type == SF_DECIMAL && (decimals == 0 || decimals > 3))
        return false;
    for (; ret->type == SF_DECIMAL && decimals < 3; ++decimals)
        ret->number *= 10;
    if (is_negative)
        ret->number = -ret->number;
    return true;
}

/* 4.2.5 */
static bool parse_string(input_t *in, sf_bare_t *ret)
{
    char *text = room(in, (size_t)(in->end - in->at) + 1);
    *ret = (sf_bare_t){.type = SF_STRING, .text = text};
    if (!take(in, '"'))
        return false;
    while (!take(in, '"')) {
        if (take(in, '\\') && peek(in) != '"' && peek(in) != '\\')
            return false;
        if (peek(in) < 0x20 || peek(in) > 0x7e)
            return false;
        text[ret->len++] = (char)*in->at++;
    }
    text[ret->len] = '\0';
    return true;
}

/* 4.2.6 */
static bool parse_token(input_t *in, sf_bare_t *ret)
{
    char *text = room(in, (size_t)(in->end - in->at) + 1);
    *ret = (sf_bare_t){.type = SF_TOKEN, .text = text};
    if (!is_in(peek(in), lower) && !is_in(peek(in), upper) && peek(in) != '*')
        return false;
    while (is_in(peek(in), lower) || is_in(peek(in), upper) || is_in(peek(in), digits) ||
           is_in(peek(in), "!#$%&'*+-.^_`|~:/"))
        text[ret->len++] = (char)*in->at++;
    text[ret->len] = '\0';
    return true;
}

static int base64_value(int c)
{
    const char *at;
    if (c > 0 && (at = strchr(upper, c)) != NULL)
        return (int)(at - upper);
    if (c > 0 && (at = strchr(lower, c)) != NULL)
        return 26 + (int)(at - lower);
    if (c > 0 && (at = strchr(digits, c)) != NULL)
        return 52 + (int)(at - digits);
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* 4.2.7; with its padding and zeros for the bits that are left, which the RFC lets a parser insist on */
static bool parse_bytes(input_t *in, sf_bare_t *ret)
{
    char *text = room(in, (size_t)(in->end - in->at) + 1);
    unsigned bits = 0, num_bits = 0;
    size_t len = 0;
    *ret = (sf_bare_t){.type = SF_BYTES, .text = text};
    if (!take(in, ':'))
        return false;
    for (int value; (value = base64_value(peek(in))) != -1; ++in->at, ++len) {
        bits = bits << 6 | (unsigned)value;
        num_bits += 6;
        if (num_bits >= 8) {
            num_bits -= 8;
            text[ret->len++] = (char)(bits >> num_bits);
            bits &= (1u << num_bits) - 1;
        }
    }
    for (size_t padding = len % 4 == 2 ? 2 : len % 4 == 3 ? 1 : 0; padding != 0; --padding)
        if (!take(in, '='))
            return false;
    text[ret->len] = '\0';
    return len % 4 != 1 && bits == 0 && take(in, ':');
}

/* 4.2.8 */
static bool parse_boolean(input_t *in, sf_bare_t *ret)
{
    *ret = (sf_bare_t){.type = SF_BOOLEAN};
    if (!take(in, '?'))
        return false;
    ret->number = take(in, '1');
    return ret->number == 1 || take(in, '0');
}

/* 4.2.9 */
static bool parse_date(input_t *in, sf_bare_t *ret)
{
    if (!take(in, '@') || !parse_number(in, ret) || ret->type != SF_INTEGER)
        return false;
    ret->type = SF_DATE;
    return true;
}

/* RFC 3629: no surrogates, nothing longer than it need be, nothing beyond U+10FFFF */
static bool is_utf8(const unsigned char *at, const unsigned char *end)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    while (at != end) {
        int more = *at < 0x80 ? 0 : *at >> 5 == 6 ? 1 : *at >> 4 == 14 ? 2 : *at >> 3 == 30 ? 3 : -1;
        if (more == -1 || end - at <= more)
            return false;
        uint32_t code = more == 0 ? *at : *at & (0x3fu >> more);
        ++at;
        for (int i = 0; i != more; ++i, ++at) {
            if (*at >> 6 != 2)
                return false;
            code = code << 6 | (*at & 0x3fu);
        }
        if (code < smallest[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
    }
    return true;
}

static int hex_value(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 4.2.10 */
static bool parse_display(input_t *in, sf_bare_t *ret)
{
    char *text = room(in, (size_t)(in->end - in->at) + 1);
    *ret = (sf_bare_t){.type = SF_DISPLAY, .text = text};
    if (!take(in, '%') || !take(in, '"'))
        return false;
    while (!take(in, '"')) {
        if (peek(in) < 0x20 || peek(in) > 0x7e)
            return false;
        if (take(in, '%')) {
            int high = hex_value(peek(in));
            if (high == -1)
                return false;
            ++in->at;
            int low = hex_value(peek(in));
            if (low == -1)
                return false;
            ++in->at;
            text[ret->len++] = (char)(high << 4 | low);
        } else {
            text[ret->len++] = (char)*in->at++;
        }
    }
    text[ret->len] = '\0';
    return is_utf8((const unsigned char *)text, (const unsigned char *)text + ret->len);
}

/* 4.2.3.1 */
static bool parse_bare(input_t *in, sf_bare_t *ret)
{
    switch (peek(in)) {
    case '"':
        return parse_string(in, ret);
    case ':':
        return parse_bytes(in, ret);
    case '?':
        return parse_boolean(in, ret);
    case '@':
        return parse_date(in, ret);
    case '%':
        return parse_display(in, ret);
    default:
        return peek(in) == '-' || is_in(peek(in), digits) ? parse_number(in, ret) : parse_token(in, ret);
    }
}

/* parameters, items, lists ----------------------------------------------------------------------------------------- */

/* 4.2.3.3 */
static bool parse_key(input_t *in, const char **ret)
{
    char *key = room(in, (size_t)(in->end - in->at) + 1);
    size_t len = 0;
    if (!is_in(peek(in), lower) && peek(in) != '*')
        return false;
    while (is_in(peek(in), lower) || is_in(peek(in), digits) || is_in(peek(in), "_-.*"))
        key[len++] = (char)*in->at++;
    key[len] = '\0';
    *ret = key;
    return true;
}

static sf_parameter_t *parameter_of(const sf_item_t *item, const char *key)
{
    for (size_t i = 0; i != item->num_parameters; ++i)
        if (strcmp(item->parameters[i].key, key) == 0)
            return &item->parameters[i];
    return NULL;
}

/* 4.2.3.2: of a key that comes twice the last value counts, in the place of the first */
static bool parse_parameters(input_t *in, sf_item_t *item)
{
    while (take(in, ';')) {
        const char *key;
        sf_bare_t value = {.type = SF_BOOLEAN, .number = 1};
        skip(in, " ");
        if (!parse_key(in, &key) || (take(in, '=') && !parse_bare(in, &value)))
            return false;
        sf_parameter_t *parameter = parameter_of(item, key);
        if (parameter == NULL) {
            item->parameters = grown(in, item->parameters, item->num_parameters, sizeof(*item->parameters));
            parameter = &item->parameters[item->num_parameters++];
        }
        *parameter = (sf_parameter_t){key, value};
    }
    return true;
}

/* 4.2.3 */
static bool parse_item(input_t *in, sf_item_t *ret)
{
    *ret = (sf_item_t){.items = NULL};
    return parse_bare(in, &ret->value) && parse_parameters(in, ret);
}

/* 4.2.1.2 */
static bool parse_inner_list(input_t *in, sf_item_t *ret)
{
    *ret = (sf_item_t){.value = {.type = SF_INNER_LIST}};
    for (;;) {
        skip(in, " ");
        if (take(in, ')'))
            return parse_parameters(in, ret);
        ret->items = grown(in, ret->items, ret->num_items, sizeof(*ret->items));
        if (!parse_item(in, &ret->items[ret->num_items++]) || (peek(in) != ' ' && peek(in) != ')'))
            return false;
    }
}

/* 4.2.1 */
static bool parse_list(input_t *in, sf_list_t *ret)
{
    *ret = (sf_list_t){.items = NULL};
    while (in->at != in->end) {
        ret->items = grown(in, ret->items, ret->size, sizeof(*ret->items));
        sf_item_t *item = &ret->items[ret->size++];
        if (!(take(in, '(') ? parse_inner_list(in, item) : parse_item(in, item)))
            return false;
        skip(in, " \t");
        if (in->at == in->end)
            return true;
        if (!take(in, ','))
            return false;
        skip(in, " \t");
        if (in->at == in->end)
            return false;
    }
    return true;
}

static sf_member_t *member_of(sf_dictionary_t *dictionary, const char *key)
{
    for (size_t i = 0; i != dictionary->size; ++i)
        if (strcmp(dictionary->members[i].key, key) == 0)
            return &dictionary->members[i];
    return NULL;
}

/* 4.2.2 */
static bool parse_dictionary(input_t *in, sf_dictionary_t *ret)
{
    *ret = (sf_dictionary_t){.members = NULL};
    while (in->at != in->end) {
        const char *key;
        sf_item_t item = {.value = {.type = SF_BOOLEAN, .number = 1}};
        if (!parse_key(in, &key))
            return false;
        if (!take(in, '=')) {
            if (!parse_parameters(in, &item))
                return false;
        } else if (!(take(in, '(') ? parse_inner_list(in, &item) : parse_item(in, &item))) {
            return false;
        }
        sf_member_t *member = member_of(ret, key);
        if (member == NULL) {
            ret->members = grown(in, ret->members, ret->size, sizeof(*ret->members));
            member = &ret->members[ret->size++];
        }
        *member = (sf_member_t){key, item};
        skip(in, " \t");
        if (in->at == in->end)
            return true;
        if (!take(in, ','))
            return false;
        skip(in, " \t");
        if (in->at == in->end)
            return false;
    }
    return true;
}

/* 4.2 */
static input_t input_of(gw_arena_t *arena, const char *text, size_t len)
{
    input_t in = {arena, (const unsigned char *)text, (const unsigned char *)text + len};
    skip(&in, " ");
    return in;
}

static bool is_at_end(input_t *in)
{
    skip(in, " ");
    return in->at == in->end;
}

bool sf_parse_item(gw_arena_t *arena, const char *text, size_t len, sf_item_t *ret)
{
    input_t in = input_of(arena, text, len);
    return parse_item(&in, ret) && is_at_end(&in);
}

bool sf_parse_list(gw_arena_t *arena, const char *text, size_t len, sf_list_t *ret)
{
    input_t in = input_of(arena, text, len);
    return parse_list(&in, ret) && is_at_end(&in);
}

bool sf_parse_dictionary(gw_arena_t *arena, const char *text, size_t len, sf_dictionary_t *ret)
{
    input_t in = input_of(arena, text, len);
    return parse_dictionary(&in, ret) && is_at_end(&in);
}

const sf_bare_t *sf_parameter(const sf_item_t *item, const char *key)
{
    const sf_parameter_t *parameter = parameter_of(item, key);
    return parameter != NULL ? &parameter->value : NULL;
}
