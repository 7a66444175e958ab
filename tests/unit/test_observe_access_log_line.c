/* SPDX-License-Identifier: MIT
 * Tests of the access log's lines: whole lines for ordinary records, and valid JSON whatever the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include "gateway/observe/access_log_line.h"

#define NONE GW_TIME_NONE

static const char *line_of(const gw_outcome_t *outcome)
{
    static char line[GW_ACCESS_LOG_LINE_MAX + 1];
    size_t len = gw_access_log_line(outcome, line, GW_ACCESS_LOG_LINE_MAX);

    assert_true(len <= GW_ACCESS_LOG_LINE_MAX);
    line[len] = '\0';
    assert_int_equal(strlen(line), len);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    return line;
}

static json_t *parse(const char *line)
{
    json_error_t error;
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (json == NULL)
        fail_msg("%s at %d in %s", error.text, error.position, line);
    return json;
}

static const gw_decision_t two_decisions[] = {{"signed_in", "next", NULL, NULL},
                                              {"polite", "answered", "limit_exceeded", NULL}};
static const gw_decision_t detailed_decision[] = {{"jwt", "refused", "expired", "exp was \"7\" min ago"}};

static const struct {
    const char *about;
    gw_outcome_t outcome;
    const char *expected;
} whole_lines[] = {
    {"a plain request that went through",
     {.started_at_us = 1700000000123456,
      .request_id = {"01HF7YAT", 8},
      .client = {"192.0.2.7:54321", 15},
      .protocol = "HTTP/1.1",
      .tls = "TLSv1.3",
      .method = {"GET", 3},
      .host = {"api.example.com", 15},
      .path = {"/calculator/add", 15},
      .query = {"num1=3&num2=4", 13},
      .user_agent = {"curl/7.88.1", 11},
      .referer = {"https://example.com/", 20},
      .route = "/calculator/",
      .service = "calculator",
      .endpoint = "127.0.0.1:9001",
      .status = 200,
      .upstream_status = 200,
      .bytes_in = 10,
      .bytes_out = 9223372036854775807,
      .tries = 2,
      .reused = true,
      .reason = "ok",
      .head_us = 31,
      .connected_us = 1035,
      .response_us = 12345678,
      .total_us = 12345999},
     "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"id\":\"01HF7YAT\",\"client\":\"192.0.2.7:54321\",\"protocol\":"
     "\"HTTP/1.1\",\"tls\":\"TLSv1.3\",\"method\":\"GET\",\"host\":\"api.example.com\",\"path\":\"/calculator/add\","
     "\"query\":\"num1=3&num2=4\",\"status\":200,\"reason\":\"ok\",\"route\":\"/calculator/"
     "\",\"service\":\"calculator\","
     "\"endpoint\":\"127.0.0.1:9001\",\"upstream_status\":200,\"tries\":2,\"reused\":true,\"bytes_in\":10,\"bytes_"
     "out\":"
     "9223372036854775807,\"head_ms\":0.031,\"connect_ms\":1.004,\"upstream_ms\":12344.643,\"total_ms\":12345.999,"
     "\"user_agent\":\"curl/7.88.1\",\"referer\":\"https://example.com/\"}\n"},
    {"nothing came but a connection",
     {.client = {"unix", 4},
      .protocol = "HTTP/1.1",
      .reason = "client_closed",
      .head_us = NONE,
      .connected_us = NONE,
      .response_us = NONE,
      .total_us = NONE},
     "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"client\":\"unix\",\"protocol\":\"HTTP/1.1\",\"status\":0,\"reason\":"
     "\"client_closed\",\"tries\":0,\"reused\":false,\"bytes_in\":0,\"bytes_out\":0}\n"},
    {"refused by a filter: decisions, no upstream",
     {.started_at_us = 951782400000001,
      .method = {"GET", 3},
      .path = {"/", 1},
      .route = "/",
      .status = 429,
      .reason = "filter",
      .head_us = 0,
      .connected_us = NONE,
      .response_us = NONE,
      .total_us = 999,
      .decisions = two_decisions,
      .num_decisions = 2},
     "{\"time\":\"2000-02-29T00:00:00.000001Z\",\"method\":\"GET\",\"path\":\"/\",\"status\":429,\"reason\":\"filter\","
     "\"route\":\"/\",\"tries\":0,\"reused\":false,\"bytes_in\":0,\"bytes_out\":0,\"head_ms\":0.000,\"total_ms\":0.999,"
     "\"decisions\":[{\"filter\":\"signed_in\",\"verdict\":\"next\"},{\"filter\":\"polite\",\"verdict\":\"answered\","
     "\"reason\":\"limit_exceeded\"}]}\n"},
    {"who the request came from, and what a decision has to say besides",
     {.started_at_us = 951782400000001,
      .client = {"192.0.2.7:54321", 15},
      .principal = {"ali\"ce\n", 7},
      .credential = "jwt",
      .protocol = "HTTP/2",
      .status = 401,
      .reason = "token_invalid",
      .head_us = NONE,
      .connected_us = NONE,
      .response_us = NONE,
      .total_us = NONE,
      .decisions = detailed_decision,
      .num_decisions = 1},
     "{\"time\":\"2000-02-29T00:00:00.000001Z\",\"client\":\"192.0.2.7:54321\",\"principal\":\"ali\\\"ce\\n\","
     "\"credential\":\"jwt\",\"protocol\":\"HTTP/2\",\"status\":401,\"reason\":\"token_invalid\",\"tries\":0,"
     "\"reused\":false,\"bytes_in\":0,\"bytes_out\":0,\"decisions\":[{\"filter\":\"jwt\",\"verdict\":\"refused\","
     "\"reason\":\"expired\",\"detail\":\"exp was \\\"7\\\" min ago\"}]}\n"},
    {"phases that are missing or out of order never go negative",
     {.started_at_us = 4102444799999999,
      .status = 200,
      .head_us = 50,
      .connected_us = 40,
      .response_us = 30,
      .total_us = 20},
     "{\"time\":\"2099-12-31T23:59:59.999999Z\",\"status\":200,\"tries\":0,\"reused\":false,\"bytes_in\":0,\"bytes_"
     "out\":0,"
     "\"head_ms\":0.050,\"connect_ms\":0.000,\"upstream_ms\":0.000,\"total_ms\":0.020}\n"},
    {"an answer without a known connection counts from the head",
     {.head_us = 1000, .connected_us = NONE, .response_us = 3500, .total_us = 4000},
     "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"status\":0,\"tries\":0,\"reused\":false,\"bytes_in\":0,\"bytes_out\":"
     "0,"
     "\"head_ms\":1.000,\"upstream_ms\":2.500,\"total_ms\":4.000}\n"},
};

static void whole_lines_are_as_documented(void **state)
{
    for (size_t i = 0; i != sizeof(whole_lines) / sizeof(whole_lines[0]); ++i) {
        const char *line = line_of(&whole_lines[i].outcome);
        if (strcmp(line, whole_lines[i].expected) != 0)
            fail_msg("%s:\n%s instead of\n%s", whole_lines[i].about, line, whole_lines[i].expected);
        json_decref(parse(line));
    }
}

static void times_are_right_at_the_edges_of_the_calendar(void **state)
{
    static const struct {
        uint64_t second;
        const char *expected;
    } rows[] = {
        {0, "1970-01-01T00:00:00"},
        {68169599, "1972-02-28T23:59:59"},
        {68169600, "1972-02-29T00:00:00"},
        {68256000, "1972-03-01T00:00:00"},
        {946684799, "1999-12-31T23:59:59"},
        {946684800, "2000-01-01T00:00:00"},
        {951868800, "2000-03-01T00:00:00"},
        {1709164800, "2024-02-29T00:00:00"},
        {4107542400, "2100-03-01T00:00:00"},
        {4107542399, "2100-02-28T23:59:59"},
        {1767225599, "2025-12-31T23:59:59"},
        {253402300799, "9999-12-31T23:59:59"},
        {253402300800, "9999-12-31T23:59:59"},
        {UINT64_MAX / 1000000, "9999-12-31T23:59:59"},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_outcome_t outcome = {.started_at_us = rows[i].second * 1000000 + (rows[i].second < 1000 ? 7 : 0)};
        const char *line = line_of(&outcome);
        assert_memory_equal(line, "{\"time\":\"", 9);
        char text[20] = "";
        memcpy(text, line + 9, 19);
        assert_string_equal(text, rows[i].expected);
    }
}

/* The value of `key` as it stands in the line, quotes left out. */
static void raw_value(const char *line, const char *key, char *to, size_t cap)
{
    char begin[64];
    snprintf(begin, sizeof(begin), "\"%s\":\"", key);
    const char *at = strstr(line, begin);
    size_t len = 0;

    assert_non_null(at);
    at += strlen(begin);
    while (at[len] != '"')
        len += at[len] == '\\' ? 2 : 1;
    assert_true(len < cap);
    memcpy(to, at, len);
    to[len] = '\0';
}

static void every_byte_is_escaped_as_it_must_be(void **state)
{
    static const struct {
        const char *about;
        gw_str_t path;
        const char *expected;
    } rows[] = {
        {"quotes and backslashes", {"/a\"b\\c", 6}, "/a\\\"b\\\\c"},
        {"a forged line", {"/x\"}\n{\"status\":200}\r\n", 21}, "/x\\\"}\\n{\\\"status\\\":200}\\r\\n"},
        {"control characters", {"\0\1\t\x1b[31m\x7f", 9}, "\\u0000\\u0001\\t\\u001b[31m\\u007f"},
        {"UTF-8 stays",
         {"/caf\xc3\xa9/\xe2\x82\xac/\xf0\x9f\x98\x80", 15},
         "/caf\xc3\xa9/\xe2\x82\xac/\xf0\x9f\x98\x80"},
        {"C1 control characters", {"\xc2\x9b\x32J\xc2\xa0", 6}, "\\u009b2J\xc2\xa0"},
        {"a lone continuation byte", {"a\x80z", 3}, "a\\ufffdz"},
        {"overlong slash", {"\xc0\xaf", 2}, "\\ufffd\\ufffd"},
        {"overlong in three bytes", {"\xe0\x9f\xbf", 3}, "\\ufffd\\ufffd\\ufffd"},
        {"overlong in four bytes", {"\xf0\x8f\xbf\xbf", 4}, "\\ufffd\\ufffd\\ufffd\\ufffd"},
        {"surrogate", {"\xed\xa0\x80", 3}, "\\ufffd\\ufffd\\ufffd"},
        {"above U+10FFFF", {"\xf4\x90\x80\x80", 4}, "\\ufffd\\ufffd\\ufffd\\ufffd"},
        {"cut short at the end", {"/\xe2\x82", 3}, "/\\ufffd\\ufffd"},
        {"cut short in the middle", {"\xe2\x82/", 3}, "\\ufffd\\ufffd/"},
        {"0xfe and 0xff", {"\xfe\xff", 2}, "\\ufffd\\ufffd"},
        {"a quote after seven plain bytes", {"1234567\"90", 10}, "1234567\\\"90"},
        {"DEL in a word of eight",
         {"1234\x7f"
          "678",
          8},
         "1234\\u007f678"},
        {"space and tilde are plain", {" ~ ~ ~ ~", 8}, " ~ ~ ~ ~"},
    };
    char value[256];

    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_outcome_t outcome = {.path = rows[i].path};
        const char *line = line_of(&outcome);
        raw_value(line, "path", value, sizeof(value));
        if (strcmp(value, rows[i].expected) != 0)
            fail_msg("%s: %s instead of %s", rows[i].about, value, rows[i].expected);
    }
}

static void single_bytes_are_plain_or_escaped_wherever_they_stand(void **state)
{
    for (unsigned byte = 0; byte != 256; ++byte) {
        for (size_t at = 0; at != 12; ++at) {
            char text[12];
            memset(text, 'x', sizeof(text));
            text[at] = (char)byte;
            gw_outcome_t outcome = {.user_agent = {text, sizeof(text)}};
            const char *line = line_of(&outcome);
            bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
            char value[64];
            raw_value(line, "user_agent", value, sizeof(value));
            assert_int_equal(strlen(value) == sizeof(text), is_plain);
            if (is_plain)
                assert_memory_equal(value, text, sizeof(text));
        }
    }
}

static void secrets_in_queries_are_hidden(void **state)
{
    static const struct {
        const char *about, *query, *expected;
    } rows[] = {
        {"one", "token=abc", "token=***"},
        {"between others", "a=1&access_token=eyJ.x.y&b=2", "a=1&access_token=***&b=2"},
        {"several", "key=1&password=2&secret=3&sig=4&signature=5",
         "key=***&password=***&secret=***&sig=***&signature=***"},
        {"spellings", "api_key=1&apikey=2&API-Key=3&ApiKey=4", "api_key=***&apikey=***&API-Key=***&ApiKey=***"},
        {"percent-encoded name", "%74oken=abc&%61%70%69%5fkey=x", "%74oken=***&%61%70%69%5fkey=***"},
        {"semicolons separate too", "a=1;token=abc;b=2", "a=1;token=***;b=2"},
        {"a value with =", "token=a=b==&x=1", "token=***&x=1"},
        {"an empty value", "token=&x=1", "token=&x=1"},
        {"a name alone", "token", "token"},
        {"longer names are others", "tokens=1&mytoken=2&keyboard=qwerty&to=x",
         "tokens=1&mytoken=2&keyboard=qwerty&to=x"},
        {"signed links of S3", "X-Amz-Algorithm=A&X-Amz-Credential=c&X-Amz-Signature=d&X-Amz-Security-Token=e",
         "X-Amz-Algorithm=A&X-Amz-Credential=***&X-Amz-Signature=***&X-Amz-Security-Token=***"},
        {"escapes around it", "a=\"&token=x\n&b=\\", "a=\\\"&token=***&b=\\\\"},
        {"separators only", "&&;;&=&", "&&;;&=&"},
        {"a fragment ends a pair", "a=1#access_token=x&b=2", "a=1#access_token=***&b=2"},
        {"a secret ends at a fragment", "token=x#b=2", "token=***#b=2"},
        {"lists", "token[]=x&token%5B%5D=y&password[0]=z&a[]=1", "token[]=***&token%5B%5D=***&password[0]=***&a[]=1"},
        {"members", "user[password]=x&user[name]=ann&a[b][api_key]=y",
         "user[password]=***&user[name]=ann&a[b][api_key]=***"},
        {"blanks around it", "+token=x&token+=y&%20token%20=z", "+token=***&token+=***&%20token%20=***"},
        {"capitals for words", "accessToken=x&clientSecret=y&idToken=z",
         "accessToken=***&clientSecret=***&idToken=***"},
        {"of OAuth and SAML", "code=x&client_assertion=y&assertion=z&SAMLResponse=a&private_key=b&code_challenge=c",
         "code=***&client_assertion=***&assertion=***&SAMLResponse=***&private_key=***&code_challenge=c"},
        {"brackets alone", "[]=1&[=2&]=3", "[]=1&[=2&]=3"},
        {"a word as long as the longest, and longer", "x-amz-security-token=x&x-amz-security-token1=y",
         "x-amz-security-token=***&x-amz-security-token1=y"},
        {"broken percent-encoding", "%7=1&%=2&toke%6e=3&toke%6=4", "%7=1&%=2&toke%6e=***&toke%6=4"},
    };
    char value[256];

    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        char referer[256];
        gw_outcome_t outcome = {.query = gw_str_of(rows[i].query)};
        raw_value(line_of(&outcome), "query", value, sizeof(value));
        if (strcmp(value, rows[i].expected) != 0)
            fail_msg("%s: %s instead of %s", rows[i].about, value, rows[i].expected);

        snprintf(referer, sizeof(referer), "https://h/token=x?%s", rows[i].query);
        outcome = (gw_outcome_t){.referer = gw_str_of(referer)};
        raw_value(line_of(&outcome), "referer", value, sizeof(value));
        assert_memory_equal(value, "https://h/token=x?", 18);
        if (strcmp(value + 18, rows[i].expected) != 0)
            fail_msg("referer, %s: %s instead of %s", rows[i].about, value + 18, rows[i].expected);
    }
}

static void who_asks_is_hidden_in_urls(void **state)
{
    static const struct {
        const char *about, *url, *expected;
    } rows[] = {
        {"user and password", "https://ann:hunter2@h/a?b=c", "https://***@h/a?b=c"},
        {"a user", "http://ann@h", "http://***@h"},
        {"an @ in the password", "http://ann:hun@ter2@h/", "http://***@h/"},
        {"no scheme", "//ann:hunter2@h/a", "//***@h/a"},
        {"no slashes, as in CONNECT", "ann:hunter2@h:443", "***@h:443"},
        {"beside secrets", "https://ann:hunter2@h/a?token=b&c=@#key=d", "https://***@h/a?token=***&c=@#key=***"},
        {"an @ further on", "https://h/@ann?a=b@c", "https://h/@ann?a=b@c"},
        {"an @ behind a query without a path", "https://h?a=b@c", "https://h?a=b@c"},
        {"in a path", "/@ann:x", "/@ann:x"},
        {"a fragment", "https://h/a#access_token=x&token_type=y", "https://h/a#access_token=***&token_type=y"},
        {"nobody", "http://@h", "http://***@h"},
        {"an @ alone", "@", "***@"},
        {"an address", "http://[::1]:80/a", "http://[::1]:80/a"},
    };
    char value[256];

    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        static const char *const keys[] = {"referer", "path", "host"};
        gw_str_t url = gw_str_of(rows[i].url);
        gw_outcome_t outcome = {.referer = url, .path = url, .host = url};
        for (size_t k = 0; k != 3; ++k) {
            raw_value(line_of(&outcome), keys[k], value, sizeof(value));
            if (strcmp(value, rows[i].expected) != 0)
                fail_msg("%s, %s: %s instead of %s", keys[k], rows[i].about, value, rows[i].expected);
        }
    }
}

static void a_long_user_does_not_uncover_the_password(void **state)
{
    static char url[3000];
    char value[1024];

    for (size_t len = 200; len != 300; ++len) {
        memset(url, 'x', len);
        memcpy(url + len, "://ann:hunter2@h/?token=hunter2", 32);
        gw_outcome_t outcome = {.referer = gw_str(url, len + 31)};
        raw_value(line_of(&outcome), "referer", value, sizeof(value));
        assert_null(strstr(value, "hunter"));
    }
}

static void parameters_that_the_conf_takes_credentials_from_are_hidden(void **state)
{
    static const gw_str_t secret[] = {{"k", 1}, {"x-customer-key-of-a-very-long-name", 34}};
    static const struct {
        const char *about, *query, *expected;
    } rows[] = {
        {"shorter than any well-known one", "k=1&a=2", "k=***&a=2"},
        {"longer than any well-known one", "X-Customer-Key-of-a-very-long-name=1",
         "X-Customer-Key-of-a-very-long-name=***"},
        {"percent-encoded name", "%4b=1&%6B=2&%6=3", "%4b=***&%6B=***&%6=3"},
        {"others that begin or end so", "kk=1&ok=2&=3&k&k=", "kk=1&ok=2&=3&k&k="},
        {"beside well-known ones", "token=1&k=2&key=3", "token=***&k=***&key=***"},
        {"a value with separators of others", "k=a;b=c;d&e=f", "k=***&e=f"},
    };
    char value[256];

    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_outcome_t outcome = {
            .query = gw_str_of(rows[i].query), .secret_parameters = secret, .num_secret_parameters = 2};
        raw_value(line_of(&outcome), "query", value, sizeof(value));
        if (strcmp(value, rows[i].expected) != 0)
            fail_msg("%s: %s instead of %s", rows[i].about, value, rows[i].expected);
    }
}

static void a_long_secret_does_not_uncover_the_next_one(void **state)
{
    static char query[10000];
    char value[4096];

    memset(query, 'x', sizeof(query));
    memcpy(query, "token=", 6);
    memcpy(query + 5000, "&password=hunter2&a=", 20);
    gw_outcome_t outcome = {.query = {query, sizeof(query)}};
    raw_value(line_of(&outcome), "query", value, sizeof(value));
    assert_memory_equal(value, "token=***&password=***&a=xxx", 28);
    assert_null(strstr(value, "hunter2"));
}

static void long_texts_are_clipped_and_say_so(void **state)
{
    static const struct {
        const char *about, *key;
        size_t offset, max;
    } rows[] = {
        {"path", "path", offsetof(gw_outcome_t, path), 2048},
        {"query", "query", offsetof(gw_outcome_t, query), 2048},
        {"user agent", "user_agent", offsetof(gw_outcome_t, user_agent), 512},
        {"host", "host", offsetof(gw_outcome_t, host), 256},
        {"referer", "referer", offsetof(gw_outcome_t, referer), 256},
        {"method", "method", offsetof(gw_outcome_t, method), 256},
        {"id", "id", offsetof(gw_outcome_t, request_id), 256},
        {"principal", "principal", offsetof(gw_outcome_t, principal), 256},
    };
    static char text[3000], value[4096], expected[4096];

    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        memset(text, 'p', sizeof(text));
        for (size_t extra = 0; extra != 3; ++extra) {
            gw_outcome_t outcome = {.status = 0};
            *(gw_str_t *)((char *)&outcome + rows[i].offset) = gw_str(text, rows[i].max + extra);
            raw_value(line_of(&outcome), rows[i].key, value, sizeof(value));
            if (extra == 0)
                snprintf(expected, sizeof(expected), "%.*s", (int)rows[i].max, text);
            else
                snprintf(expected, sizeof(expected), "%.*s...(+%zu)", (int)rows[i].max, text, extra);
            assert_string_equal(value, expected);
        }
        /* never half a character: 3 bytes do not divide the limits */
        for (size_t at = 0; at + 3 <= sizeof(text); at += 3)
            memcpy(text + at, "\xe2\x82\xac", 3);
        gw_outcome_t outcome = {.status = 0};
        *(gw_str_t *)((char *)&outcome + rows[i].offset) = gw_str(text, sizeof(text));
        const char *line = line_of(&outcome);
        json_decref(parse(line));
        raw_value(line, rows[i].key, value, sizeof(value));
        assert_null(strstr(value, "\\ufffd"));
    }
}

static void the_longest_line_fits(void **state)
{
    static char hostile[100000], terminated[5000];
    static gw_decision_t decisions[1000];

    memset(terminated, 1, sizeof(terminated) - 1);
    for (size_t i = 0; i != sizeof(decisions) / sizeof(decisions[0]); ++i)
        decisions[i] = (gw_decision_t){terminated, terminated, terminated, terminated};
    for (unsigned fill = 0; fill != 256; ++fill) {
        memset(hostile, (int)fill, sizeof(hostile));
        if (fill != 0)
            memset(terminated, (int)fill, sizeof(terminated) - 1);
        gw_str_t all = gw_str(hostile, sizeof(hostile));
        gw_outcome_t outcome = {.started_at_us = UINT64_MAX,
                                .request_id = all,
                                .client = all,
                                .principal = all,
                                .credential = terminated,
                                .protocol = terminated,
                                .tls = terminated,
                                .method = all,
                                .host = all,
                                .path = all,
                                .query = all,
                                .user_agent = all,
                                .referer = all,
                                .route = terminated,
                                .service = terminated,
                                .endpoint = terminated,
                                .status = UINT32_MAX,
                                .upstream_status = UINT32_MAX,
                                .bytes_in = INT64_MAX,
                                .bytes_out = INT64_MAX,
                                .tries = UINT32_MAX,
                                .reason = terminated,
                                .head_us = UINT64_MAX - 1,
                                .connected_us = UINT64_MAX - 1,
                                .response_us = UINT64_MAX - 1,
                                .total_us = UINT64_MAX - 1,
                                .decisions = decisions,
                                .num_decisions = sizeof(decisions) / sizeof(decisions[0])};
        json_t *json = parse(line_of(&outcome));
        json_t *list = json_object_get(json, "decisions");
        assert_int_equal(json_array_size(list), 25);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 24), "omitted")), 1000 - 24);
        json_decref(json);
    }
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void random_bytes_always_give_one_line_of_valid_json(void **state)
{
    static const char spice[] = "\"\\\n\r%=&;?#@:/[]\x7f\x80\xc2\xe2\xf0\xed";
    uint64_t seed = UINT64_C(88172645463325252);
    static char text[6][4096];

    for (unsigned round = 0; round != 3000; ++round) {
        gw_outcome_t outcome = {.started_at_us = random_next(&seed) >> (random_next(&seed) % 64),
                                .bytes_in = random_next(&seed) >> 1,
                                .status = (unsigned)random_next(&seed),
                                .head_us = random_next(&seed) >> 20,
                                .connected_us = random_next(&seed) >> 20,
                                .response_us = random_next(&seed) >> 20,
                                .total_us = random_next(&seed) >> 20};
        gw_str_t *targets[6] = {&outcome.path,   &outcome.query,   &outcome.user_agent,
                                &outcome.method, &outcome.referer, &outcome.host};
        for (size_t i = 0; i != 6; ++i) {
            size_t len = random_next(&seed) % (round % 8 == 0 ? sizeof(text[i]) : 40);
            for (size_t at = 0; at != len; ++at) {
                uint64_t random = random_next(&seed);
                text[i][at] = random % 4 == 0   ? spice[(random >> 8) % (sizeof(spice) - 1)]
                              : random % 4 == 1 ? (char)(random >> 8)
                                                : (char)(' ' + (random >> 8) % 95);
            }
            *targets[i] = gw_str(text[i], len);
        }
        json_t *json = parse(line_of(&outcome));
        assert_int_equal(json_integer_value(json_object_get(json, "status")), outcome.status);
        assert_int_equal(json_object_get(json, "path") != NULL, outcome.path.len != 0);
        json_decref(json);
    }
}

static void the_line_about_dropped_lines_is_as_documented(void **state)
{
    static char line[GW_ACCESS_LOG_LINE_MAX + 1];
    static const char expected[] =
        "{\"time\":\"2023-11-14T22:13:20.000009Z\",\"event\":\"access_log_dropped\",\"lines\":12}\n";

    line[gw_access_log_dropped_line(1700000000000009, 12, line, GW_ACCESS_LOG_LINE_MAX)] = '\0';
    assert_string_equal(line, expected);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_lines_are_as_documented),
        cmocka_unit_test(times_are_right_at_the_edges_of_the_calendar),
        cmocka_unit_test(every_byte_is_escaped_as_it_must_be),
        cmocka_unit_test(single_bytes_are_plain_or_escaped_wherever_they_stand),
        cmocka_unit_test(secrets_in_queries_are_hidden),
        cmocka_unit_test(who_asks_is_hidden_in_urls),
        cmocka_unit_test(a_long_user_does_not_uncover_the_password),
        cmocka_unit_test(parameters_that_the_conf_takes_credentials_from_are_hidden),
        cmocka_unit_test(a_long_secret_does_not_uncover_the_next_one),
        cmocka_unit_test(long_texts_are_clipped_and_say_so),
        cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(random_bytes_always_give_one_line_of_valid_json),
        cmocka_unit_test(the_line_about_dropped_lines_is_as_documented),
    };
    return cmocka_run_group_tests_name("observe/access_log_line", tests, NULL, NULL);
}
