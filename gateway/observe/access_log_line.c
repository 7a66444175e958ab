/* SPDX-License-Identifier: MIT
 * How an outcome becomes a line of the access log.  This runs once per request on the worker, so numbers and dates are
 * written by hand and plain text is checked and copied eight bytes at a time. */
#include <assert.h>
#include "gateway/observe/access_log_line.h"

#define MAX_PATH       2048
#define MAX_AGENT      512
#define MAX_TEXT       256
#define MAX_WORD       64 /* the texts of a decision */
#define MAX_DECISIONS  24
#define MAX_MARKER     24 /* "...(+18446744073709551615)" without the digits that cannot occur: lengths stay below 2^60 */
#define MAX_NAMES      512 /* every key with its quotes, colon and comma, and the braces */
#define MAX_NUMBERS    320 /* the time and eleven numbers of at most 24 bytes */
#define MAX_DETAIL     160
#define LONGEST_SECRET 17 /* of the names in is_secret_word */
#define MAX_DECISION   (3 * (MAX_WORD + MAX_MARKER) + MAX_DETAIL + MAX_MARKER + 52)

_Static_assert(2 * (MAX_PATH + MAX_MARKER) + (MAX_AGENT + MAX_MARKER) + 12 * (MAX_TEXT + MAX_MARKER) +
                       (MAX_WORD + MAX_MARKER) + MAX_NAMES + MAX_NUMBERS + MAX_DECISIONS * MAX_DECISION + 64 <=
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
static inline bool needs_care(uint64_t eight)
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

/* The same of a word that is our own: none holds anything that has to be escaped. */
static char *put_word(char *out, const char *word, size_t max)
{
    size_t len = strlen(word);

    if (len > max)
        return put_text(out, gw_str(word, len), max);
    memcpy(out, word, len);
    out[len] = '"';
    return out + len + 1;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next character of a name in a query, percent-decoded and in lower case. */
static char take_char(gw_str_t *rest)
{
    char c = rest->ptr[0];
    size_t taken = 1;
    int high, low;

    if (c == '%' && rest->len > 2 && (high = hex_value(rest->ptr[1])) >= 0 && (low = hex_value(rest->ptr[2])) >= 0) {
        c = (char)(high << 4 | low);
        taken = 3;
    }
    *rest = gw_str(rest->ptr + taken, rest->len - taken);
    return gw_ascii_lower(c);
}

/* @param word in lower case, without '_' and '-': access_token, access-token and accessToken are one */
static bool is_secret_word(gw_str_t word)
{
    static const gw_str_t secrets[] = {
        {"accesstoken", 11},
        {"apikey", 6},
        {"assertion", 9},
        {"authorization", 13},
        {"clientassertion", 15},
        {"clientsecret", 12},
        {"code", 4},
        {"idtoken", 7},
        {"jwt", 3},
        {"key", 3},
        {"passwd", 6},
        {"password", 8},
        {"privatekey", 10},
        {"pwd", 3},
        {"refreshtoken", 12},
        {"samlresponse", 12},
        {"secret", 6},
        {"sig", 3},
        {"signature", 9},
        {"token", 5},
        {"xamzcredential", 14},
        {"xamzsecuritytoken", 17},
        {"xamzsignature", 13},
        {"xapikey", 7},
        {"xgoogsignature", 14},
    };
    for (size_t i = 0; i != sizeof(secrets) / sizeof(secrets[0]); ++i)
        if (secrets[i].len == word.len && secrets[i].ptr[0] == word.ptr[0] &&
            memcmp(secrets[i].ptr, word.ptr, word.len) == 0)
            return true;
    return false;
}

/* Names of lists and of members have several words: token[], user[password]. */
static bool is_well_known_secret(gw_str_t key)
{
    char word[LONGEST_SECRET];
    size_t len = 0;

    for (;;) {
        char c = key.len != 0 ? take_char(&key) : '\0';
        if (c == '_' || c == '-' || c == '+' || c == ' ')
            continue;
        if (c != '[' && c != ']' && c != '\0') {
            if (len < sizeof(word))
                word[len] = c;
            ++len;
            continue;
        }
        if (len >= 3 && len <= sizeof(word) && is_secret_word(gw_str(word, len)))
            return true;
        if (key.len == 0)
            return false;
        len = 0;
    }
}

static bool is_name(gw_str_t key, gw_str_t name)
{
    if (key.len < name.len || key.len > 3 * name.len)
        return false;
    while (key.len != 0 && name.len != 0) {
        if (take_char(&key) != name.ptr[0])
            return false;
        name = gw_str(name.ptr + 1, name.len - 1);
    }
    return key.len == 0 && name.len == 0;
}

static bool is_configured_secret(const gw_outcome_t *outcome, gw_str_t key)
{
    for (size_t i = 0; i != outcome->num_secret_parameters; ++i)
        if (is_name(key, outcome->secret_parameters[i]))
            return true;
    return false;
}

/* @param at of a parameter   @param equals within it   @return the end of its value when that is secret, else NULL */
static const char *secret_end(const gw_outcome_t *outcome, const char *at, const char *equals, const char *pair_end,
                              const char *text_end)
{
    gw_str_t key = gw_str(at, (size_t)(equals - at));

    if (is_configured_secret(outcome, key)) { /* ours end at '&' alone (gateway/exchange/key.c) */
        const char *end = memchr(equals, '&', (size_t)(text_end - equals));
        return end != NULL ? end : text_end;
    }
    return is_well_known_secret(key) ? pair_end : NULL;
}

/* Writes what is left of a text, of which all from `at` on are pairs, without the secrets in them, and the closing
 * quote.
 * @param shown the first byte that is not written yet */
static char *put_pairs(char *out, const char *end, const gw_outcome_t *outcome, const char *shown, const char *at,
                       const char *text_end)
{
    size_t left;

    /* Until what is not written yet fills the room that is left; a secret takes less room than it had, so the end of
     * what will be shown is not known beforehand. */
    while (at != text_end && at - shown < end - out) {
        const char *pair_end = at, *equals = NULL;
        for (; pair_end != text_end && *pair_end != '&' && *pair_end != ';' && *pair_end != '#'; ++pair_end)
            if (*pair_end == '=' && equals == NULL)
                equals = pair_end;
        const char *secret = equals != NULL ? secret_end(outcome, at, equals, pair_end, text_end) : NULL;
        if (secret != NULL && equals + 1 != secret) {
            pair_end = secret;
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

/* Of "http://user:password@host/", "//user@host" and "user:password@host".
 * @return the '@', NULL when there is none   @param ret_from where it begins */
static const char *userinfo_end(gw_str_t url, const char **ret_from)
{
    const char *from = url.ptr, *end = url.ptr + url.len, *at = url.ptr, *last = NULL;

    while (at != end && *at != ':' && *at != '/' && *at != '?' && *at != '#' && *at != '@')
        ++at;
    if (at != end && *at == ':' && end - at > 2 && at[1] == '/' && at[2] == '/')
        from = at + 3;
    else if (url.len > 1 && from[0] == '/' && from[1] == '/')
        from += 2;
    for (at = from; at != end && *at != '/' && *at != '?' && *at != '#'; ++at)
        if (*at == '@')
            last = at;
    *ret_from = from;
    return last;
}

/* Writes a URL or a part of one, without the user, the password and the secrets in query and fragment, and the closing
 * quote. */
static char *put_url(char *out, const gw_outcome_t *outcome, gw_str_t url, size_t max)
{
    const char *end = out + max, *url_end = url.ptr + url.len, *shown = url.ptr, *from, *userinfo = NULL;
    size_t left, pairs = url.len;

    if (url.len != 0 && memchr(url.ptr, '@', url.len) != NULL)
        userinfo = userinfo_end(url, &from);
    if (userinfo != NULL) {
        out = put_escaped(out, end, shown, (size_t)(from - shown), &left);
        if (left != 0 || end - out < 3)
            return put_text_end(out, left + (size_t)(url_end - from));
        out = PUT(out, "***");
        shown = userinfo;
    }
    for (const char *mark = "?#"; url.len != 0 && *mark != '\0'; ++mark) {
        const char *found = memchr(url.ptr, *mark, pairs);
        pairs = found != NULL ? (size_t)(found - url.ptr) : pairs;
    }
    return put_pairs(out, end, outcome, shown, pairs != url.len ? url.ptr + pairs + 1 : url_end, url_end);
}

static char *put_decisions(char *out, const gw_decision_t *decisions, size_t num)
{
    size_t shown = num < MAX_DECISIONS ? num : MAX_DECISIONS;

    out = PUT(out, ",\"decisions\":[");
    for (size_t i = 0; i != shown; ++i) {
        out = PUT(out, "{\"filter\":\"");
        out = put_word(out, decisions[i].filter, MAX_WORD);
        out = PUT(out, ",\"verdict\":\"");
        out = put_word(out, decisions[i].verdict, MAX_WORD);
        if (decisions[i].reason != NULL) {
            out = PUT(out, ",\"reason\":\"");
            out = put_word(out, decisions[i].reason, MAX_WORD);
        }
        if (decisions[i].detail != NULL) {
            out = PUT(out, ",\"detail\":\"");
            out = put_text(out, gw_str_of(decisions[i].detail), MAX_DETAIL);
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
#define WORD(key, word, max)                                                                                           \
    do {                                                                                                               \
        const char *word_ = (word);                                                                                    \
        if (word_ != NULL && *word_ != '\0') {                                                                         \
            out = PUT(out, ",\"" key "\":\"");                                                                         \
            out = put_word(out, word_, max);                                                                           \
        }                                                                                                              \
    } while (0)
#define URL(key, url, max)                                                                                             \
    do {                                                                                                               \
        gw_str_t url_ = (url);                                                                                         \
        if (url_.len != 0) {                                                                                           \
            out = PUT(out, ",\"" key "\":\"");                                                                         \
            out = put_url(out, outcome, url_, max);                                                                    \
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
    TEXT("principal", outcome->principal, MAX_TEXT);
    WORD("credential", outcome->credential, MAX_WORD);
    WORD("protocol", outcome->protocol, MAX_TEXT);
    WORD("tls", outcome->tls, MAX_TEXT);
    TEXT("method", outcome->method, MAX_TEXT);
    URL("host", outcome->host, MAX_TEXT);
    URL("path", outcome->path, MAX_PATH);
    if (outcome->query.len != 0) {
        const char *query = outcome->query.ptr, *query_end = query + outcome->query.len;
        out = PUT(out, ",\"query\":\"");
        out = put_pairs(out, out + MAX_PATH, outcome, query, query, query_end);
    }
    NUMBER("status", outcome->status);
    WORD("reason", outcome->reason, MAX_TEXT);
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
    URL("referer", outcome->referer, MAX_TEXT);
    if (outcome->num_decisions != 0)
        out = put_decisions(out, outcome->decisions, outcome->num_decisions);
#undef TEXT
#undef WORD
#undef URL
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
