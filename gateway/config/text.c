/* SPDX-License-Identifier: MIT
 * Texts of the configuration: shown, written as JSON, compared. */
#include "gateway/config/text.h"

enum { shown_bytes = 60, longest_word = 64 };

size_t gw_utf8_next(gw_str_t s, uint32_t *ret_code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len;
    uint32_t code;

    if (s.len == 0)
        return 0;
    unsigned char first = (unsigned char)s.ptr[0];
    if (first < 0x80)
        len = 1, code = first;
    else if (first >= 0xc2 && first < 0xe0)
        len = 2, code = first & 0x1f;
    else if (first >= 0xe0 && first < 0xf0)
        len = 3, code = first & 0x0f;
    else if (first >= 0xf0 && first < 0xf5)
        len = 4, code = first & 0x07;
    else
        return 0;
    if (s.len < len)
        return 0;
    for (size_t i = 1; i != len; ++i) {
        if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | ((unsigned char)s.ptr[i] & 0x3f);
    }
    if (code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    if (ret_code != NULL)
        *ret_code = code;
    return len;
}

const char *gw_text_shown(gw_arena_t *arena, gw_str_t s)
{
    char *shown = gw_arena_alloc(arena, 4 * shown_bytes + sizeof("...")), *out = shown;
    size_t i = 0;

    while (i != s.len) {
        uint32_t code;
        size_t len = gw_utf8_next(gw_str(s.ptr + i, s.len - i), &code);
        bool is_plain = len != 0 && code >= 0x20 && !(code >= 0x7f && code < 0xa0);
        if (len == 0)
            len = 1;
        if (i + len > shown_bytes) {
            memcpy(out, "...", 3);
            break;
        }
        for (size_t k = 0; k != len; ++k, ++i) {
            if (is_plain)
                *out++ = s.ptr[i];
            else if (s.ptr[i] == '\n' || s.ptr[i] == '\t' || s.ptr[i] == '\r')
                out += sprintf(out, "\\%c", s.ptr[i] == '\n' ? 'n' : s.ptr[i] == '\t' ? 't' : 'r');
            else
                out += sprintf(out, "\\x%02x", (unsigned char)s.ptr[i]);
        }
    }
    return shown;
}

void gw_json_print_string(FILE *to, gw_str_t s)
{
    putc('"', to);
    for (size_t i = 0; i != s.len;) {
        uint32_t code;
        size_t len = gw_utf8_next(gw_str(s.ptr + i, s.len - i), &code);
        if (len == 0) {
            fputs("\\ufffd", to);
            ++i;
            continue;
        }
        if (code == '"' || code == '\\')
            fprintf(to, "\\%c", (char)code);
        else if (code < 0x20 || code == 0x7f)
            fprintf(to, "\\u%04x", (unsigned)code);
        else
            fwrite(s.ptr + i, 1, len, to);
        i += len;
    }
    putc('"', to);
}

static size_t smallest_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* optimal string alignment: insert, delete, replace, swap two neighbours */
static size_t distance(gw_str_t a, const char *b, size_t b_len)
{
    size_t rows[3][longest_word + 1], *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t k = 0; k <= b_len; ++k)
        last[k] = k;
    for (size_t i = 1; i <= a.len; ++i) {
        row[0] = i;
        for (size_t k = 1; k <= b_len; ++k) {
            char c = gw_ascii_lower(a.ptr[i - 1]), d = gw_ascii_lower(b[k - 1]);
            row[k] = smallest_of(smallest_of(last[k], row[k - 1]) + 1, last[k - 1] + (c != d));
            if (i > 1 && k > 1 && c == gw_ascii_lower(b[k - 2]) && gw_ascii_lower(a.ptr[i - 2]) == d)
                row[k] = smallest_of(row[k], before[k - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_len];
}

const char *gw_text_nearest(gw_str_t s, const char *const *words, size_t num)
{
    const char *nearest = NULL;
    size_t best = s.len < 5 ? 1 : s.len < 9 ? 2 : 3;

    if (s.len == 0 || s.len > longest_word)
        return NULL;
    for (size_t i = 0; i != num; ++i) {
        size_t len = strlen(words[i]);
        if (len > longest_word || (len > s.len ? len - s.len : s.len - len) > best)
            continue;
        size_t d = distance(s, words[i], len);
        if (d < best + (nearest == NULL) && d < len) {
            best = d;
            nearest = words[i];
        }
    }
    return nearest;
}
