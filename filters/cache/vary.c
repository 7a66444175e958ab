/* SPDX-License-Identifier: MIT
 * Vary: its names, and a hash of what a request says under them.
 *
 * What is hashed is a text: the names, then for each of them '\n' and its value, or '\0' when there is none: a field
 * that is absent matches only an absent one (RFC 9111 4.1).  Neither byte occurs in values.  The text is hashed a block
 * at a time, each block behind the hash of those before it, so that no memory is needed for long values. */
#include <endian.h>
#include "filters/cache/vary.h"
#include "gateway/base/siphash.h"
#include "gateway/http/syntax.h"

/* names ------------------------------------------------------------------------------------------------------------ */

static int compare_nocase(gw_str_t a, gw_str_t b)
{
    for (size_t i = 0; i != a.len && i != b.len; ++i) {
        unsigned char c = (unsigned char)gw_ascii_lower(a.ptr[i]), d = (unsigned char)gw_ascii_lower(b.ptr[i]);
        if (c != d)
            return c < d ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/** Names in order, each once. */
typedef struct name_set {
    gw_str_t names[GW_VARY_MAX / 2]; /* a name and its ',' are two bytes at least */
    size_t num, len;                 /* len: of the text that they make */
} name_set_t;

/** @return false: there is no room */
static bool add(name_set_t *set, gw_str_t name)
{
    size_t low = 0, high = set->num;
    while (low != high) {
        size_t middle = (low + high) / 2;
        int order = compare_nocase(set->names[middle], name);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t len = set->len + (set->num != 0) + name.len;
    if (len > GW_VARY_MAX || set->num == sizeof(set->names) / sizeof(set->names[0]))
        return false;
    memmove(&set->names[low + 1], &set->names[low], (set->num - low) * sizeof(set->names[0]));
    set->names[low] = name;
    set->len = len;
    ++set->num;
    return true;
}

/** @return GW_VARY_NONE, GW_VARY_NAMES (of any length) or GW_VARY_ANY */
static gw_vary_result_t look(const gw_str_t *values, size_t num)
{
    gw_vary_result_t result = GW_VARY_NONE;
    for (size_t i = 0; i != num; ++i) {
        gw_str_t rest = values[i], name;
        while (gw_http_list_next(&rest, &name)) {
            if (!gw_http_is_token(name) || gw_str_equal(name, GW_STR("*")))
                return GW_VARY_ANY;
            result = GW_VARY_NAMES;
        }
    }
    return result;
}

gw_vary_result_t gw_vary_names(const gw_str_t *values, size_t num, char names[GW_VARY_MAX], size_t *ret_len)
{
    name_set_t set = {.num = 0, .len = 0};
    gw_vary_result_t result = look(values, num); /* first: a `*` at the end of a list that is too long counts as well */
    *ret_len = 0;
    if (result != GW_VARY_NAMES)
        return result;
    for (size_t i = 0; i != num; ++i) {
        gw_str_t rest = values[i], name;
        while (gw_http_list_next(&rest, &name))
            if (!add(&set, name))
                return GW_VARY_TOO_LONG;
    }
    for (size_t i = 0; i != set.num; ++i) {
        if (i != 0)
            names[(*ret_len)++] = ',';
        for (size_t k = 0; k != set.names[i].len; ++k)
            names[(*ret_len)++] = gw_ascii_lower(set.names[i].ptr[k]);
    }
    return GW_VARY_NAMES;
}

/* hashing ---------------------------------------------------------------------------------------------------------- */

#define BLOCK 512

typedef struct hash {
    const uint64_t *secret;
    size_t len;
    char block[2 * sizeof(uint64_t) + BLOCK]; /* the hashes of what was before, and what is not hashed yet */
} hash_t;

static void finish_block(hash_t *hash)
{
    uint64_t numbers[2];
    gw_siphash_128(hash->secret, gw_str(hash->block, sizeof(numbers) + hash->len), numbers);
    memcpy(hash->block, numbers, sizeof(numbers));
    hash->len = 0;
}

static inline void put_byte(hash_t *hash, char c)
{
    if (hash->len == BLOCK)
        finish_block(hash);
    hash->block[sizeof(uint64_t) * 2 + hash->len++] = c;
}

static void put(hash_t *hash, gw_str_t s)
{
    while (s.len != 0) {
        if (hash->len == BLOCK)
            finish_block(hash);
        size_t len = s.len < BLOCK - hash->len ? s.len : BLOCK - hash->len;
        memcpy(hash->block + 2 * sizeof(uint64_t) + hash->len, s.ptr, len);
        hash->len += len;
        s = gw_str(s.ptr + len, s.len - len);
    }
}

/* values ----------------------------------------------------------------------------------------------------------- */

/** Where a field's values stand among the request's. */
typedef struct lines {
    gw_str_t name;
    const gw_http_field_t *at, *end;
} lines_t;

static bool next_line(lines_t *lines, gw_str_t *ret_value)
{
    for (; lines->at != lines->end; ++lines->at)
        if (gw_str_equal(lines->at->name, lines->name)) {
            *ret_value = gw_http_trim(lines->at++->value);
            return true;
        }
    return false;
}

/** As it stands: for what is not a list, though there may be commas and blanks in it that mean something. */
static void put_plainly(hash_t *hash, lines_t lines, const char *between)
{
    gw_str_t value;
    for (bool is_first = true; next_line(&lines, &value); is_first = false) {
        if (!is_first)
            put(hash, gw_str_of(between));
        put(hash, value);
    }
}

/** Lines joined, blanks around commas left out, but for what is quoted (RFC 9110 5.6.1, 5.6.4). */
static void put_list(hash_t *hash, lines_t lines)
{
    gw_str_t value;
    for (bool is_first = true; next_line(&lines, &value); is_first = false) {
        if (!is_first)
            put_byte(hash, ',');
        bool is_quoted = false;
        size_t blanks = 0; /* held back until it is known whether a comma follows */
        for (size_t i = 0; i != value.len; ++i) {
            char c = value.ptr[i];
            if (!is_quoted && (c == ' ' || c == '\t')) {
                ++blanks;
                continue;
            }
            if (blanks != 0 && c != ',' && value.ptr[i - blanks - 1] != ',')
                put(hash, gw_str(value.ptr + i - blanks, blanks));
            blanks = 0;
            put_byte(hash, c);
            if (is_quoted && c == '\\' && i + 1 != value.len)
                put_byte(hash, value.ptr[++i]);
            else if (c == '"')
                is_quoted = !is_quoted;
        }
    }
}

#define MAX_RANGES 32  /* of one field; what has more is a plain list */
#define MAX_TEXT   512 /* bytes of them */

/** Languages, codings or charsets, and how much each of them is wanted.  Put together in one pass, with everything that
 * a request of a browser needs and no call: this is done for every hit of a response that varies. */
typedef struct ranges {
    struct range {
        uint64_t front; /* its first eight bytes as a number: what decides nearly always */
        uint16_t at, len;
        uint16_t weight; /* in thousandths */
    } list[MAX_RANGES];
    size_t num, text_len;
    char text[MAX_TEXT + sizeof(uint64_t)]; /* in lower case; room for reading eight bytes at the last one */
} ranges_t;

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/** RFC 9110 12.4.2: "0" or "1", and up to three decimals of which the ones of "1" are zeros.
 *  @param i in: its first character; out: what follows it */
static bool take_weight(gw_str_t s, size_t *i, uint16_t *ret)
{
    unsigned weight = 0, unit = 1000;
    size_t begin = *i;
    for (; *i != s.len && !is_blank(s.ptr[*i]) && s.ptr[*i] != ','; ++*i) {
        char c = s.ptr[*i];
        if (*i == begin + 1 ? c != '.' : c < '0' || c > '9' || unit == 0)
            return false;
        if (c == '.')
            continue;
        weight += (unsigned)(c - '0') * unit;
        unit /= 10;
    }
    *ret = (uint16_t)weight;
    return *i != begin && weight <= 1000;
}

static bool is_before(const ranges_t *ranges, const struct range *a, const struct range *b)
{
    if (a->weight != b->weight)
        return a->weight > b->weight;
    if (a->front != b->front)
        return a->front < b->front;
    int order = memcmp(ranges->text + a->at, ranges->text + b->at, a->len < b->len ? a->len : b->len);
    return order != 0 ? order < 0 : a->len < b->len;
}

/** Known by another name (RFC 9110 8.4.1.1, 8.4.1.3): without its "x-". */
static bool has_old_name(gw_str_t coding)
{
    return coding.ptr[0] == 'x' &&
           (gw_str_equal(coding, GW_STR("x-gzip")) || gw_str_equal(coding, GW_STR("x-compress")));
}

static const bool is_end_of_word[256] = {
    [','] = true, [';'] = true, [' '] = true, ['\t'] = true, ['"'] = true, ['='] = true,
};

/** Takes "text", or "text;q=0.5", and puts it in its place: the most wanted first, and by name those wanted alike.
 *  @return false: it is something else, or there is no room */
static bool take_range(ranges_t *ranges, gw_str_t s, size_t *i, bool is_coding)
{
    struct range range = {.at = (uint16_t)ranges->text_len, .weight = 1000};
    size_t len = 0, most = s.len - *i; /* in registers: a byte that is written might be any number in memory */
    const char *from = s.ptr + *i;
    char *to = ranges->text + ranges->text_len;
    if (most > MAX_TEXT - ranges->text_len)
        most = MAX_TEXT - ranges->text_len;
    for (; len != most && !is_end_of_word[(unsigned char)from[len]]; ++len)
        to[len] = gw_ascii_lower(from[len]);
    *i += len;
    if (*i != s.len && (from[len] == '"' || from[len] == '=' || !is_end_of_word[(unsigned char)from[len]]))
        return false;
    range.len = (uint16_t)len;
    ranges->text_len += len;
    if (range.len == 0 || ranges->num == MAX_RANGES)
        return false;
    while (*i != s.len && is_blank(s.ptr[*i]))
        ++*i;
    if (*i != s.len && s.ptr[*i] == ';') {
        do
            ++*i;
        while (*i != s.len && is_blank(s.ptr[*i]));
        if (s.len - *i < 3 || gw_ascii_lower(s.ptr[*i]) != 'q' || s.ptr[*i + 1] != '=')
            return false;
        *i += 2;
        if (!take_weight(s, i, &range.weight))
            return false;
        while (*i != s.len && is_blank(s.ptr[*i]))
            ++*i;
    }
    if (*i != s.len && s.ptr[*i] != ',')
        return false;
    if (is_coding && has_old_name(gw_str(ranges->text + range.at, range.len)))
        range.at += 2, range.len -= 2;
    memcpy(&range.front, ranges->text + range.at, sizeof(range.front));
    range.front = be64toh(range.front);
    if (range.len < sizeof(range.front)) /* zeros in place of what was never written, or belongs to another */
        range.front &= ~(UINT64_MAX >> 8 * range.len);
    size_t at = ranges->num++;
    for (; at != 0 && is_before(ranges, &range, &ranges->list[at - 1]); --at)
        ranges->list[at] = ranges->list[at - 1];
    ranges->list[at] = range;
    return true;
}

/** Their order has no meaning (RFC 9110 12.5.4), nor has their case.
 *  @return false: it is not such a list, or too long: nothing was put */
static bool put_ranges(hash_t *hash, lines_t lines, bool is_coding)
{
    ranges_t ranges;
    gw_str_t value;
    ranges.num = ranges.text_len = 0;
    while (next_line(&lines, &value))
        for (size_t i = 0; i != value.len;) {
            if (value.ptr[i] == ',' || is_blank(value.ptr[i]))
                ++i;
            else if (!take_range(&ranges, value, &i, is_coding))
                return false;
        }
    for (size_t i = 0; i != ranges.num; ++i) {
        const struct range *range = &ranges.list[i];
        if (i != 0 && !is_before(&ranges, range - 1, range))
            continue; /* said twice */
        put(hash, gw_str(ranges.text + range->at, range->len));
        if (range->weight != 1000)
            put_byte(hash, ';');
        for (unsigned weight = range->weight; weight % 1000 != 0; weight /= 10)
            put_byte(hash, (char)('0' + weight % 10)); /* backwards: a number like any other */
        put_byte(hash, ',');
    }
    return true;
}

typedef enum kind { LIST, RANGES, CODINGS, PLAIN, COOKIES } kind_t;

/** Fields that are known; any other is taken for a list, as most are (RFC 9111 4.1 allows for what its syntax does). */
static kind_t kind_of(gw_str_t name)
{
    static const struct {
        gw_str_t name;
        kind_t kind;
    } known[] = {
        {{"accept-encoding", 15}, CODINGS},
        {{"accept-language", 15}, RANGES},
        {{"accept-charset", 14}, RANGES},
        {{"cookie", 6}, COOKIES}, /* one field, cut into lines by HTTP/2 (RFC 9113 8.2.3) */
        {{"authorization", 13}, PLAIN},
        {{"proxy-authorization", 19}, PLAIN},
        {{"user-agent", 10}, PLAIN},
        {{"referer", 7}, PLAIN},
        {{"from", 4}, PLAIN},
    };
    for (size_t i = 0; i != sizeof(known) / sizeof(known[0]); ++i)
        if (gw_str_equal(known[i].name, name))
            return known[i].kind;
    return LIST;
}

static void put_field(hash_t *hash, lines_t lines)
{
    while (lines.at != lines.end && !gw_str_equal(lines.at->name, lines.name))
        ++lines.at;
    put_byte(hash, lines.at != lines.end ? '\n' : '\0');
    if (lines.at == lines.end)
        return;
    kind_t kind = kind_of(lines.name);
    switch (kind) {
    case CODINGS:
    case RANGES:
        if (put_ranges(hash, lines, kind == CODINGS))
            return;
        put_byte(hash, '\n'); /* what is not such a list equals none that is */
        put_list(hash, lines);
        return;
    case COOKIES:
        put_plainly(hash, lines, "; ");
        return;
    case PLAIN:
        put_plainly(hash, lines, ", ");
        return;
    case LIST:
        put_list(hash, lines);
        return;
    }
}

gw_cache_key_t gw_vary_hash(gw_str_t names, const gw_http_field_t *fields, size_t num_fields, const uint64_t *secret)
{
    hash_t hash;
    gw_cache_key_t key = {0, 0};
    gw_str_t rest = names, name;
    if (names.len == 0)
        return key;
    hash.secret = secret;
    hash.len = 0;
    memset(hash.block, 0, 2 * sizeof(uint64_t));
    put(&hash, names);
    while (gw_http_list_next(&rest, &name))
        put_field(&hash, (lines_t){name, fields, fields + num_fields});
    finish_block(&hash);
    memcpy(&key.url, hash.block, sizeof(key.url));
    memcpy(&key.whole, hash.block + sizeof(key.url), sizeof(key.whole));
    key.whole += key.url == 0 && key.whole == 0; /* 0, 0 says that nothing varies */
    return key;
}
