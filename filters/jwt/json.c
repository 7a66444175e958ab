/* SPDX-License-Identifier: MIT
 * Reading JSON. */
#include "filters/jwt/json.h"

enum {
    deepest = 8,
    most_digits = 18 /* of a number that certainly fits in 64 bits */
};

typedef struct plain {
    const char *at, *end;
} plain_t;

static json_t *read_value(plain_t *p, unsigned depth);

static void skip_space(plain_t *p)
{
    while (p->at != p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        ++p->at;
}

/** Takes c with the white space around it. */
static bool take(plain_t *p, char c)
{
    skip_space(p);
    if (p->at == p->end || *p->at != c)
        return false;
    ++p->at;
    skip_space(p);
    return true;
}

static bool read_text(plain_t *p, gw_str_t *ret)
{
    if (p->at == p->end || *p->at != '"')
        return false;
    const char *start = ++p->at;
    while (p->at != p->end && *p->at >= 0x20 && *p->at < 0x7f && *p->at != '"' && *p->at != '\\')
        ++p->at;
    if (p->at == p->end || *p->at != '"')
        return false;
    *ret = gw_str(start, (size_t)(p->at++ - start));
    return true;
}

static json_t *read_string(plain_t *p)
{
    gw_str_t text;
    return read_text(p, &text) ? json_stringn_nocheck(text.ptr, text.len) : NULL;
}

/** What follows the digits is the next reader's to judge: none of them takes '.' or 'e'. */
static json_t *read_number(plain_t *p)
{
    const char *start = p->at;
    json_int_t number = 0;
    while (p->at != p->end && *p->at >= '0' && *p->at <= '9' && p->at - start != most_digits)
        number = number * 10 + (*p->at++ - '0');
    return *start == '0' && p->at - start != 1 ? NULL : json_integer(number);
}

/** @param value one of jansson's constants, which need no reference   @return it when this is the word */
static json_t *read_word(plain_t *p, gw_str_t word, json_t *value)
{
    if (!gw_str_starts_with(gw_str(p->at, (size_t)(p->end - p->at)), word))
        return NULL;
    p->at += word.len;
    return value;
}

static json_t *read_array(plain_t *p, unsigned depth)
{
    json_t *array = json_array(), *entry;
    ++p->at;
    if (take(p, ']'))
        return array;
    do {
        if ((entry = read_value(p, depth)) == NULL || json_array_append_new(array, entry) != 0)
            goto Fail;
    } while (take(p, ','));
    if (take(p, ']'))
        return array;
Fail:
    json_decref(array);
    return NULL;
}

static json_t *read_object(plain_t *p, unsigned depth)
{
    json_t *object = json_object(), *value;
    gw_str_t name;
    ++p->at;
    if (take(p, '}'))
        return object;
    for (size_t num = 1;; ++num) {
        if (!read_text(p, &name) || !take(p, ':') || (value = read_value(p, depth)) == NULL ||
            json_object_setn_new_nocheck(object, name.ptr, name.len, value) != 0 || json_object_size(object) != num)
            break;
        if (take(p, ','))
            continue;
        if (take(p, '}'))
            return object;
        break;
    }
    json_decref(object);
    return NULL;
}

static json_t *read_value(plain_t *p, unsigned depth)
{
    if (p->at == p->end || depth == deepest)
        return NULL;
    switch (*p->at) {
    case '"':
        return read_string(p);
    case '{':
        return read_object(p, depth + 1);
    case '[':
        return read_array(p, depth + 1);
    case 't':
        return read_word(p, GW_STR("true"), json_true());
    case 'f':
        return read_word(p, GW_STR("false"), json_false());
    case 'n':
        return read_word(p, GW_STR("null"), json_null());
    default:
        return *p->at >= '0' && *p->at <= '9' ? read_number(p) : NULL;
    }
}

json_t *gw_jwt_json_plain_object(gw_str_t text)
{
    if (text.len == 0)
        return NULL;
    plain_t p = {text.ptr, text.ptr + text.len};
    skip_space(&p);
    if (p.at == p.end || *p.at != '{')
        return NULL;
    json_t *object = read_object(&p, 0);
    if (object == NULL || p.at == p.end)
        return object;
    json_decref(object);
    return NULL;
}

bool gw_jwt_json_is_bounded(gw_str_t text)
{
    size_t depth = 0, num_values = 1, num_members = 0;
    for (size_t i = 0; i != text.len; ++i) {
        char c = text.ptr[i];
        num_values += c == ',';
        num_members += c == ':';
        if (c == '{' || c == '[') {
            ++num_values;
            if (++depth > GW_JWT_JSON_MAX_DEPTH)
                return false;
        } else if ((c == '}' || c == ']') && depth != 0) {
            --depth;
        }
    }
    return num_values <= GW_JWT_JSON_MAX_VALUES && num_members <= GW_JWT_JSON_MAX_VALUES;
}

json_t *gw_jwt_json_object(gw_str_t text)
{
    if (!gw_jwt_json_is_bounded(text))
        return NULL;
    json_t *object = gw_jwt_json_plain_object(text);
    if (object != NULL)
        return object;
    json_t *any = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(any))
        return any;
    json_decref(any);
    return NULL;
}
