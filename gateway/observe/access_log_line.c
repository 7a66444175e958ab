/* SPDX-License-Identifier: MIT
 * How an outcome becomes a line of the access log.  This runs once per request on the worker, so numbers and dates are
 * written by hand and plain text is checked and copied eight bytes at a time. */
#include <assert.h>
#include "gateway/observe/access_log_line.h"

#define MAX_PATH      2048
#define MAX_AGENT     512
#define MAX_TEXT      256
#define MAX_WORD      64 /* the texts of a decision */
#define MAX_DECISIONS 24
#define MAX_MARKER    24 /* "...(+18446744073709551615)" without the digits that cannot occur: lengths stay below 2^60 */
#define MAX_NAMES     512 /* every key with its quotes, colon and comma, and the braces */
#define MAX_NUMBERS   320 /* the time and eleven numbers of at most 24 bytes */
#define MAX_DECISION  (3 * (MAX_WORD + MAX_MARKER) + 40)

_Static_assert(2 * (MAX_PATH + MAX_MARKER) + (MAX_AGENT + MAX_MARKER) + 11 * (MAX_TEXT + MAX_MARKER) + MAX_NAMES +
                       MAX_NUMBERS + MAX_DECISIONS * MAX_DECISION + 64 <=
                   GW_ACCESS_LOG_LINE_MAX,
               "a line of the longest texts fits");

#define PUT(out, literal) ((char *)memcpy((out), (literal), sizeof(literal) - 1) + sizeof(literal) - 1)

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                  "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

static char *put_number(char *out, uint64_t value)
{
    char digits[20], *at = digits + sizeof(digits);

    while (value >= 100) {
        at -= 2;
        memcpy(at, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(at, digit_pairs + value * 2, 2);
    } else {
        *--at = (char)('0' + value);
    }
    memcpy(out, at, (size_t)(digits + sizeof(digits) - at));
    return out + (digits + sizeof(digits) - at);
}

static char *put_pair(char *out, unsigned value)
{
    memcpy(out, digit_pairs + value * 2, 2);
    return out + 2;
}

/* Microseconds as milliseconds: 1234567 -> 1234.567 */
static char *put_ms(char *out, uint64_t us)
{
    unsigned rest = (unsigned)(us % 1000);

    out = put_number(out, us / 1000);
    *out++ = '.';
    *out++ = (char)('0' + rest / 100);
    return put_pair(out, rest % 100);
}

/* The proleptic Gregorian calendar in eras of 400 years that begin in March (the leap day comes last). */
static void write_date(uint64_t second, char text[19])
{
    unsigned of_day = (unsigned)(second % 86400);
    uint64_t days = second / 86400 + 719468; /* since 0000-03-01 */
    unsigned of_era = (unsigned)(days % 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * of_year + 2) / 153; /* 0 is March */
    unsigned day = of_year - (153 * shifted_month + 2) / 5 + 1;
    unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    unsigned year = (unsigned)(days / 146097 * 400) + year_of_era + (month <= 2);

    put_pair(text, year / 100);
    put_pair(text + 2, year % 100);
    text[4] = '-';
    put_pair(text + 5, month);
    text[7] = '-';
    put_pair(text + 8, day);
    text[10] = 'T';
    put_pair(text + 11, of_day / 3600);
    text[13] = ':';
    put_pair(text + 14, of_day / 60 % 60);
    text[16] = ':';
    put_pair(text + 17, of_day % 60);
}

static char *put_time(char *out, uint64_t us)
{
    static _Thread_local struct {
        uint64_t second;
        char text[19];
    } last = {UINT64_MAX, ""};
    static const uint64_t end_of_9999 = 253402300799; /* RFC 3339 has four digits for the year */
    uint64_t second = us / 1000000;
    unsigned rest = (unsigned)(us % 1000000);

    if (second > end_of_9999)
        second = end_of_9999;
    if (second != last.second) {
        write_date(second, last.text);
        last.second = second;
    }
    memcpy(out, last.text, sizeof(last.text));
    out += sizeof(last.text);
    *out++ = '.';
    out = put_pair(out, rest / 10000);
    out = put_pair(out, rest / 100 % 100);
    out = put_pair(out, rest % 100);
    *out++ = 'Z';
    return out;
}

/* Whether any of eight bytes is a control character, '"', '\' or outside ASCII. */
static bool needs_care(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';

    /* DEL and everything above it have or get the high bit; a carry can only come out of a byte that has it already */
    return (((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | eight |
            (eight + ones)) &
           highs;
}

static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Length of the valid UTF-8 sequence at `s` (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF), 0 if
 * none. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t need;

    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        need = 2;
    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        need = 3;
        if (s[0] == 0xe0)
            low = 0xa0;
        else if (s[0] == 0xed)
            high = 0x9f;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        need = 4;
        if (s[0] == 0xf0)
            low = 0x90;
        else if (s[0] == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    if (len < need || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < need; ++i)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return need;
}

static size_t write_unicode_escape(char *to, unsigned code)
{
    static const char hex[] = "0123456789abcdef";

    to[0] = '\\';
    to[1] = 'u';
    to[2] = hex[code >> 12 & 15];
    to[3] = hex[code >> 8 & 15];
    to[4] = hex[code >> 4 & 15];
    to[5] = hex[code & 15];
    return 6;
}

/* The JSON form of the character at `s`, which is not plain and has `len` >= 1 bytes.
 * @param to gets at most 6 bytes   @param ret_len bytes written   @return bytes of `s` that it stands for */
static size_t escape(const unsigned char *s, size_t len, char to[6], size_t *ret_len)
{
    size_t taken = 1;

    if (s[0] >= 0x80) {
        if ((taken = utf8_length(s, len)) == 0) {
            *ret_len = write_unicode_escape(to, 0xfffd);
            return 1;
        }
        if (s[0] == 0xc2 && s[1] < 0xa0) { /* C1: a terminal may take U+009B for the start of a command */
            *ret_len = write_unicode_escape(to, s[1]);
        } else {
            memcpy(to, s, taken);
            *ret_len = taken;
        }
        return taken;
    }
    switch (s[0]) {
    case '"':
    case '\\':
        to[1] = (char)s[0];
        break;
    case '\n':
        to[1] = 'n';
        break;
    case '\r':
        to[1] = 'r';
        break;
    case '\t':
        to[1] = 't';
        break;
    default:
        *ret_len = write_unicode_escape(to, s[0]);
        return 1;
    }
    to[0] = '\\';
    *ret_len = 2;
    return 1;
}

/* Writes the JSON form of `s` up to `end`, whole characters only.  @param ret_left bytes of `s` that found no room */
static char *put_escaped(char *out, const char *end, const char *s, size_t len, size_t *ret_left)
{
    const char *s_end = s + len;

    while (s != s_end) {
        uint64_t eight;
        while (s_end - s >= 8 && end - out >= 8) {
            memcpy(&eight, s, 8);
            if (needs_care(eight))
                break;
            memcpy(out, &eight, 8);
            s += 8;
            out += 8;
        }
        size_t rest = (size_t)(s_end - s);
        if (rest >= 4 && rest < 8 && end - out >= 8) { /* two halves that overlap */
            uint32_t first, last;
            memcpy(&first, s, 4);
            memcpy(&last, s_end - 4, 4);
            if (!needs_care((uint64_t)last << 32 | first)) {
                memcpy(out, &first, 4);
                memcpy(out + rest - 4, &last, 4);
                s += rest;
                out += rest;
            }
        }
        if (s == s_end)
            break;
        if (is_plain(*s)) {
            if (out == end)
                break;
            *out++ = *s++;
            continue;
        }
        char form[6];
        size_t form_len, taken = escape((const unsigned char *)s, (size_t)(s_end - s), form, &form_len);
        if ((size_t)(end - out) < form_len)
            break;
        memcpy(out, form, form_len);
        out += form_len;
        s += taken;
    }
    *ret_left = (size_t)(s_end - s);
    return out;
}

static char *put_text_end(char *out, size_t left)
{
    if (left != 0) {
        out = PUT(out, "...(+");
        out = put_number(out, left);
        *out++ = ')';
    }
    *out++ = '"';
    return out;
}

/* The text with its closing quote; the opening one came with the key. */
static char *put_text(char *out, gw_str_t text, size_t max)
{
    size_t left;

    out = put_escaped(out, out + max, text.ptr, text.len, &left);
    return put_text_end(out, left);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_secret(gw_str_t key)
{
    static const gw_str_t secrets[] = {
        {"access_token", 12},
        {"api_key", 7},
        {"api-key", 7},
        {"apikey", 6},
        {"authorization", 13},
        {"client_secret", 13},
        {"id_token", 8},
        {"jwt", 3},
        {"key", 3},
        {"passwd", 6},
        {"password", 8},
        {"pwd", 3},
        {"refresh_token", 13},
        {"secret", 6},
        {"sig", 3},
        {"signature", 9},
        {"token", 5},
        {"x-amz-credential", 16},
        {"x-amz-security-token", 20},
        {"x-amz-signature", 15},
        {"x-api-key", 9},
        {"x-goog-signature", 16},
    };
    static const size_t longest = 20;
    char name[20];
    size_t len = 0;

    if (key.len < 3 || key.len > 3 * longest)
        return false;
    for (size_t i = 0; i != key.len; ++i) {
        char c = key.ptr[i];
        int high, low;
        if (len == longest)
            return false;
        if (c == '%' && key.len - i > 2 && (high = hex_value(key.ptr[i + 1])) >= 0 &&
            (low = hex_value(key.ptr[i + 2])) >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        name[len++] = gw_ascii_lower(c);
    }
    for (size_t i = 0; i != sizeof(secrets) / sizeof(secrets[0]); ++i)
        if (secrets[i].len == len && secrets[i].ptr[0] == name[0] && memcmp(secrets[i].ptr, name, len) == 0)
            return true;
    return false;
}

/* Writes a text of which the bytes from `query_at` on are a query, without the secrets in it, and the closing quote. */
static char *put_query(char *out, gw_str_t text, size_t query_at, size_t max)
{
    const char *end = out + max, *text_end = text.ptr + text.len, *shown = text.ptr, *at = text.ptr + query_at;
    size_t left;

    /* Until what is not written yet fills the room that is left; a secret takes less room than it had, so the end of
     * what will be shown is not known beforehand. */
    while (at != text_end && at - shown < end - out) {
        const char *pair_end = at, *equals = NULL;
        for (; pair_end != text_end && *pair_end != '&' && *pair_end != ';'; ++pair_end)
            if (*pair_end == '=' && equals == NULL)
                equals = pair_end;
        if (equals != NULL && equals + 1 != pair_end && is_secret(gw_str(at, (size_t)(equals - at)))) {
            out = put_escaped(out, end, shown, (size_t)(equals + 1 - shown), &left);
            if (left != 0 || end - out < 3)
                return put_text_end(out, left + (size_t)(text_end - equals - 1));
            out = PUT(out, "***");
            shown = pair_end;
        }
        at = pair_end + (pair_end != text_end);
    }
    out = put_escaped(out, end, shown, (size_t)(text_end - shown), &left);
    return put_text_end(out, left);
}

static char *put_decisions(char *out, const gw_decision_t *decisions, size_t num)
{
    size_t shown = num < MAX_DECISIONS ? num : MAX_DECISIONS;

    out = PUT(out, ",\"decisions\":[");
    for (size_t i = 0; i != shown; ++i) {
        out = PUT(out, "{\"filter\":\"");
        out = put_text(out, gw_str_of(decisions[i].filter), MAX_WORD);
        out = PUT(out, ",\"verdict\":\"");
        out = put_text(out, gw_str_of(decisions[i].verdict), MAX_WORD);
        if (decisions[i].reason != NULL) {
            out = PUT(out, ",\"reason\":\"");
            out = put_text(out, gw_str_of(decisions[i].reason), MAX_WORD);
        }
        out = PUT(out, "},");
    }
    if (shown != num) {
        out = PUT(out, "{\"omitted\":");
        out = put_number(out, num - shown);
        out = PUT(out, "},");
    }
    out[-1] = ']';
    return out;
}

/* The end of a phase less its beginning; a phase that did not happen took no time. */
static uint64_t between(uint64_t from, uint64_t to)
{
    return from != GW_TIME_NONE && from < to ? to - from : from == GW_TIME_NONE ? to : 0;
}

size_t gw_access_log_line(const gw_outcome_t *outcome, char *buf, size_t cap)
{
    char *out = buf;

    assert(cap >= GW_ACCESS_LOG_LINE_MAX);
#define TEXT(key, text, max)                                                                                           \
    do {                                                                                                               \
        gw_str_t text_ = (text);                                                                                       \
        if (text_.len != 0) {                                                                                          \
            out = PUT(out, ",\"" key "\":\"");                                                                         \
            out = put_text(out, text_, max);                                                                           \
        }                                                                                                              \
    } while (0)
#define NUMBER(key, number)                                                                                            \
    do {                                                                                                               \
        out = PUT(out, ",\"" key "\":");                                                                               \
        out = put_number(out, number);                                                                                 \
    } while (0)
#define DURATION(key, us)                                                                                              \
    do {                                                                                                               \
        out = PUT(out, ",\"" key "\":");                                                                               \
        out = put_ms(out, us);                                                                                         \
    } while (0)

    out = PUT(out, "{\"time\":\"");
    out = put_time(out, outcome->started_at_us);
    *out++ = '"';
    TEXT("id", outcome->request_id, MAX_TEXT);
    TEXT("client", outcome->client, MAX_TEXT);
    TEXT("protocol", gw_str_of(outcome->protocol), MAX_TEXT);
    TEXT("tls", gw_str_of(outcome->tls), MAX_TEXT);
    TEXT("method", outcome->method, MAX_TEXT);
    TEXT("host", outcome->host, MAX_TEXT);
    TEXT("path", outcome->path, MAX_PATH);
    if (outcome->query.len != 0) {
        out = PUT(out, ",\"query\":\"");
        out = put_query(out, outcome->query, 0, MAX_PATH);
    }
    NUMBER("status", outcome->status);
    TEXT("reason", gw_str_of(outcome->reason), MAX_TEXT);
    TEXT("route", gw_str_of(outcome->route), MAX_TEXT);
    TEXT("service", gw_str_of(outcome->service), MAX_TEXT);
    TEXT("endpoint", gw_str_of(outcome->endpoint), MAX_TEXT);
    if (outcome->upstream_status != 0)
        NUMBER("upstream_status", outcome->upstream_status);
    NUMBER("tries", outcome->tries);
    out = outcome->reused ? PUT(out, ",\"reused\":true") : PUT(out, ",\"reused\":false");
    NUMBER("bytes_in", outcome->bytes_in);
    NUMBER("bytes_out", outcome->bytes_out);
    if (outcome->head_us != GW_TIME_NONE)
        DURATION("head_ms", outcome->head_us);
    if (outcome->connected_us != GW_TIME_NONE)
        DURATION("connect_ms", between(outcome->head_us, outcome->connected_us));
    if (outcome->response_us != GW_TIME_NONE)
        DURATION("upstream_ms",
                 between(outcome->connected_us != GW_TIME_NONE ? outcome->connected_us : outcome->head_us,
                         outcome->response_us));
    if (outcome->total_us != GW_TIME_NONE)
        DURATION("total_ms", outcome->total_us);
    TEXT("user_agent", outcome->user_agent, MAX_AGENT);
    if (outcome->referer.len != 0) {
        const char *mark = memchr(outcome->referer.ptr, '?', outcome->referer.len);
        out = PUT(out, ",\"referer\":\"");
        out = put_query(out, outcome->referer,
                        mark != NULL ? (size_t)(mark + 1 - outcome->referer.ptr) : outcome->referer.len, MAX_TEXT);
    }
    if (outcome->num_decisions != 0)
        out = put_decisions(out, outcome->decisions, outcome->num_decisions);
#undef TEXT
#undef NUMBER
#undef DURATION
    out = PUT(out, "}\n");
    assert((size_t)(out - buf) <= GW_ACCESS_LOG_LINE_MAX);
    return (size_t)(out - buf);
}

size_t gw_access_log_dropped_line(uint64_t now_us, uint64_t lines, char *buf, size_t cap)
{
    char *out = buf;

    assert(cap >= GW_ACCESS_LOG_LINE_MAX);
    out = PUT(out, "{\"time\":\"");
    out = put_time(out, now_us);
    out = PUT(out, "\",\"event\":\"access_log_dropped\",\"lines\":");
    out = put_number(out, lines);
    out = PUT(out, "}\n");
    return (size_t)(out - buf);
}
