/* SPDX-License-Identifier: MIT
 * Plain request heads. */
#include <assert.h>
#include <endian.h>
#include "gateway/http/plain_head.h"
#include "gateway/http/syntax.h"

#define WITH_BOTH_CASES(letter) [letter - 'a' + 'A'] = letter, [letter] = letter
#define ITSELF(c)               [c] = c

/* characters of a token (RFC 9110 5.6.2) in lower case; 0: it is none */
static const char lower_of[256] = {
    WITH_BOTH_CASES('a'), WITH_BOTH_CASES('b'), WITH_BOTH_CASES('c'), WITH_BOTH_CASES('d'), WITH_BOTH_CASES('e'),
    WITH_BOTH_CASES('f'), WITH_BOTH_CASES('g'), WITH_BOTH_CASES('h'), WITH_BOTH_CASES('i'), WITH_BOTH_CASES('j'),
    WITH_BOTH_CASES('k'), WITH_BOTH_CASES('l'), WITH_BOTH_CASES('m'), WITH_BOTH_CASES('n'), WITH_BOTH_CASES('o'),
    WITH_BOTH_CASES('p'), WITH_BOTH_CASES('q'), WITH_BOTH_CASES('r'), WITH_BOTH_CASES('s'), WITH_BOTH_CASES('t'),
    WITH_BOTH_CASES('u'), WITH_BOTH_CASES('v'), WITH_BOTH_CASES('w'), WITH_BOTH_CASES('x'), WITH_BOTH_CASES('y'),
    WITH_BOTH_CASES('z'), ITSELF('0'),          ITSELF('1'),          ITSELF('2'),          ITSELF('3'),
    ITSELF('4'),          ITSELF('5'),          ITSELF('6'),          ITSELF('7'),          ITSELF('8'),
    ITSELF('9'),          ITSELF('!'),          ITSELF('#'),          ITSELF('$'),          ITSELF('%'),
    ITSELF('&'),          ITSELF('\''),         ITSELF('*'),          ITSELF('+'),          ITSELF('-'),
    ITSELF('.'),          ITSELF('^'),          ITSELF('_'),          ITSELF('`'),          ITSELF('|'),
    ITSELF('~'),
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Eight bytes at a time: bit 7 of each byte of the result is set when the byte is one that is looked for.  What lies
 * behind the first such byte may be wrong, that one is exact (S. E. Anderson, "Bit Twiddling Hacks"). */

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

static uint64_t bytes_below(uint64_t word, unsigned char bound)
{
    return (word - ONES * bound) & ~word & HIGHS;
}

static uint64_t bytes_equal(uint64_t word, char c)
{
    return bytes_below(word ^ ONES * (unsigned char)c, 1);
}

/** @return the eight bytes from `at`; where there are fewer before `end`, NULs follow them
 *  @param start of the whole, of at least eight bytes */
static uint64_t word_at(const char *at, const char *end, const char *start)
{
    uint64_t word;
    size_t left = (size_t)(end - at);
    if (left >= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        return le64toh(word);
    }
    assert(end - start >= (ptrdiff_t)sizeof(word));
    memcpy(&word, end - sizeof(word), sizeof(word));
    return left != 0 ? le64toh(word) >> 8 * (sizeof(word) - left) : 0;
}

/** @return the first byte that is below 0x20 and no tab, or 0x7f; `end` when there is none */
static const char *end_of_value(const char *at, const char *end, const char *start)
{
    for (;;) {
        uint64_t word = word_at(at, end, start), found = bytes_below(word, 0x20) | bytes_equal(word, 0x7f);
        if (found == 0) {
            at += sizeof(word);
            continue;
        }
        at += __builtin_ctzll(found) / 8; /* `end` at the latest: a NUL stands there */
        if (at == end || *at != '\t')
            return at;
        ++at;
    }
}

/** @return the first byte that cannot stand in a target; `end` when there is none */
static const char *end_of_target(const char *at, const char *end, const char *start)
{
    for (;;) {
        uint64_t word = word_at(at, end, start);
        uint64_t found = bytes_below(word, 0x21) | bytes_equal(word, 0x7f) | bytes_equal(word, '#') | (word & HIGHS);
        if (found != 0)
            return at + __builtin_ctzll(found) / 8;
        at += sizeof(word);
    }
}

/** Copies what can be seen eight at a time to be the beginning of a name: letters and hyphens, in lower case.  Each
 * byte is below 0x80, so sums of bytes do not carry into the next one; bit 7 is the answer.
 *  @param to with as much room as there is from `at` to `end`   @return how many */
static size_t copy_letters(const char *at, const char *end, char *to)
{
    const char *start = at;
    for (uint64_t word; end - at >= (ptrdiff_t)sizeof(word); at += sizeof(word), to += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        uint64_t as_stored = word | ONES * 0x20, lower = le64toh(as_stored);
        memcpy(to, &as_stored, sizeof(as_stored));
        word = le64toh(word);
        uint64_t is_letter = (lower + ONES * (0x80 - 'a')) & ~(lower + ONES * (0x7f - 'z'));
        uint64_t is_hyphen = ~((word ^ ONES * '-') + ONES * 0x7f);
        uint64_t others = (~(is_letter | is_hyphen) | word) & HIGHS;
        if (others != 0)
            return (size_t)(at - start) + (size_t)__builtin_ctzll(others) / 8;
    }
    return (size_t)(at - start);
}

/** Whether the field means nothing for the way the message is read.  @param name in lower case */
static bool is_plain(gw_str_t name, gw_str_t value, gw_http_plain_head_t *head)
{
    switch (name.len) {
    case 4:
        if (memcmp(name.ptr, "host", 4) != 0)
            return true;
        if (head->authority.len != 0)
            return false;
        head->authority = value;
        return value.len != 0;
    case 6:
        return memcmp(name.ptr, "expect", 6) != 0;
    case 10:
        return memcmp(name.ptr, "connection", 10) != 0 || gw_str_equal_nocase(value, GW_STR("keep-alive"));
    case 14:
        return memcmp(name.ptr, "content-length", 14) != 0;
    case 17:
        return memcmp(name.ptr, "transfer-encoding", 17) != 0;
    default:
        return true;
    }
}

/** Reads the fields and the empty line.  @return behind them; NULL: no */
static const char *read_fields(const char *at, const char *end, const char *start, gw_http_plain_head_t *head)
{
    char *lower = head->names, *lower_end = head->names + sizeof(head->names);
    size_t num = 0;
    for (;; ++num) {
        const char *name = at, *lower_name = lower;
        if (end - at < 2)
            return NULL;
        if (*at == '\r')
            break;
        if (num == GW_HTTP_PLAIN_MAX_FIELDS)
            return NULL;
        const char *limit = end - at < lower_end - lower ? end : at + (lower_end - lower);
        size_t num_letters = copy_letters(at, limit, lower);
        at += num_letters;
        lower += num_letters;
        for (char c; at != limit && (c = lower_of[(unsigned char)*at]) != 0; ++at)
            *lower++ = c;
        if (at == name || at == end || *at != ':')
            return NULL;
        gw_http_field_t *field = &head->fields[num];
        field->name = gw_str(name, (size_t)(at - name));
        do
            ++at;
        while (at != end && is_space(*at));
        const char *value = at;
        at = end_of_value(at, end, start);
        if (end - at < 2 || at[0] != '\r' || at[1] != '\n')
            return NULL;
        const char *value_end = at;
        while (value_end != value && is_space(value_end[-1]))
            --value_end;
        field->value = gw_str(value, (size_t)(value_end - value));
        at += 2;
        if (!is_plain(gw_str(lower_name, field->name.len), field->value, head))
            return NULL;
    }
    head->num_fields = num;
    head->names_len = (size_t)(lower - head->names);
    return at[1] == '\n' ? at + 2 : NULL;
}

bool gw_http_read_plain_head(const char *bytes, size_t len, gw_str_t good, gw_http_plain_head_t *ret)
{
    static const char version[] = " HTTP/1.1\r\n";
    const char *end = bytes + len, *at;
    if (len < sizeof(uint64_t))
        return false;
    if (memcmp(bytes, "GET /", 5) == 0)
        ret->method = gw_str(bytes, 3);
    else if (memcmp(bytes, "HEAD ", 5) == 0 && bytes[5] == '/')
        ret->method = gw_str(bytes, 4);
    else
        return false;
    const char *target = bytes + ret->method.len + 1;
    at = end_of_target(target, end, bytes);
    ret->target = gw_str(target, (size_t)(at - target));
    if ((size_t)(end - at) < sizeof(version) - 1 || memcmp(at, version, sizeof(version) - 1) != 0)
        return false;
    ret->authority = gw_str(NULL, 0);
    at = read_fields(at + sizeof(version) - 1, end, bytes, ret);
    if (at == NULL || ret->authority.len == 0)
        return false;
    if (!gw_str_equal(ret->authority, good) && !gw_http_is_authority(ret->authority))
        return false;
    ret->len = (size_t)(at - bytes);
    return true;
}
