/* SPDX-License-Identifier: MIT
 * Files of API keys: what is read, what is found wrong with them, and who is found in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include "filters/api_keys.h"
#include "gateway/base/clock.h"
#include "tests/support/conf_files.h"

#define HASH_OF_ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* FIPS 180-2 B.1 */
#define HASH_OF_0   "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of nothing */

static gw_api_keys_t *parse(const char *text, char **ret_findings)
{
    gw_diag_t *diag = gw_diag_create();
    gw_api_keys_t *keys = gw_api_keys_parse(gw_str_of(text), "keys", diag);
    *ret_findings = conf_findings(diag, NULL);
    gw_diag_free(diag);
    return keys;
}

static const gw_api_key_t *find(const gw_api_keys_t *keys, const char *key)
{
    uint8_t digest[GW_API_KEY_DIGEST];
    assert_int_equal(EVP_Digest(key, strlen(key), digest, NULL, EVP_sha256(), NULL), 1);
    return gw_api_keys_find(keys, digest);
}

static void assert_property(const gw_api_key_t *key, const char *name, const char *value)
{
    gw_str_t found = gw_api_key_property(key->about, gw_str_of(name));
    if (!gw_str_equal(found, gw_str_of(value)))
        fail_msg("%s is '%.*s' instead of '%s'", name, (int)found.len, found.ptr != NULL ? found.ptr : "", value);
}

static void a_key_is_found_with_its_owner_and_properties(void **state)
{
    char *findings;
    gw_api_keys_t *keys = parse("\xef\xbb\xbf# keys\r\n"
                                "\r\n"
                                "  \t# indented\n" HASH_OF_ABC
                                "\tacme  plan=gold team=\"back \\\"office\\\" \\\\ 2\" note=a=b#c # who\r\n"
                                "SHA",
                                &findings);
    assert_null(keys);
    free(findings);
    keys = parse(HASH_OF_ABC " acme  plan=gold team=\"back \\\"office\\\" \\\\ 2\" note=a=b#c # who is it\r\n"
                             "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855 "
                             "\"Bob & S\xc3\xb6hne\" expires=2027-01-01T00:00:00Z",
                 &findings);
    assert_string_equal(findings, "");
    free(findings);
    assert_int_equal(gw_api_keys_num(keys), 2);
    const gw_api_key_t *key = find(keys, "abc");
    assert_non_null(key);
    assert_property(key, "owner", "acme");
    assert_property(key, "plan", "gold");
    assert_property(key, "team", "back \"office\" \\ 2");
    assert_property(key, "note", "a=b#c");
    assert_property(key, "gold", "");
    assert_property(key, "", "");
    assert_true(key->expires_s == UINT64_MAX);
    key = find(keys, "");
    assert_non_null(key);
    assert_property(key, "owner", "Bob & S\xc3\xb6hne");
    assert_property(key, "expires", "2027-01-01T00:00:00Z");
    assert_true(key->expires_s == 1798761600);
    assert_null(find(keys, "ABC"));
    gw_api_keys_free(keys);
}

static void errors_name_the_place_and_never_what_stands_there(void **state)
{
    static const struct {
        const char *about, *text, *findings;
    } rows[] = {
        {"a key instead of its hash", "hunter2 acme\n",
         "keys:1:1: error: a line begins with sha256: and 64 hexadecimal digits\n"
         "  hint: 'sluice api-key hash' makes it of a key; the key itself does not belong into this file\n"},
        {"a hash that is too short", "\n  sha256:abc acme\n",
         "keys:2:3: error: a line begins with sha256: and 64 hexadecimal digits\n"
         "  hint: 'sluice api-key hash' makes it of a key; the key itself does not belong into this file\n"},
        {"a hash that is too long", HASH_OF_ABC "0 acme\n",
         "keys:1:1: error: a line begins with sha256: and 64 hexadecimal digits\n"
         "  hint: 'sluice api-key hash' makes it of a key; the key itself does not belong into this file\n"},
        {"a hash that is none", "sha256:xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad acme\n",
         "keys:1:1: error: a line begins with sha256: and 64 hexadecimal digits\n"
         "  hint: 'sluice api-key hash' makes it of a key; the key itself does not belong into this file\n"},
        {"no owner", HASH_OF_ABC "  # who?\n", "keys:1:74: error: after the hash stands the owner of the key\n"},
        {"properties, but no owner", HASH_OF_ABC " plan=gold\n",
         "keys:1:73: error: after the hash stands the owner of the key, then its properties\n"
         "  hint: quote it if '=' belongs to its name\n"},
        {"an empty owner", HASH_OF_ABC " \"\"\n", "keys:1:73: error: there is nothing here\n"},
        {"an open quote", HASH_OF_ABC " \"acme plan=gold\n", "keys:1:73: error: the closing quote is missing\n"},
        {"a wrong escape", HASH_OF_ABC " \"ac\\me\"\n",
         "keys:1:76: error: this is no escape\n  hint: \\\" and \\\\ are all there is\n"},
        {"text behind a quote", HASH_OF_ABC " \"acme\"plan=gold\n",
         "keys:1:79: error: a blank must follow a closing quote\n"},
        {"a quote inside of a word", HASH_OF_ABC " ac\"me\n",
         "keys:1:75: error: a quote inside of a word\n  hint: quote the whole word\n"},
        {"two owners", HASH_OF_ABC " acme corp\n",
         "keys:1:78: error: a property is NAME=VALUE\n  hint: for example: plan=gold team=\"back office\"\n"},
        {"a property without value", HASH_OF_ABC " acme plan=\n", "keys:1:83: error: there is nothing here\n"},
        {"a property without name", HASH_OF_ABC " acme =gold\n",
         "keys:1:78: error: a property is NAME=VALUE\n  hint: for example: plan=gold team=\"back office\"\n"},
        {"a property twice", HASH_OF_ABC " acme plan=a b=c plan=d\n",
         "keys:1:89: error: this property is there twice\n"},
        {"the owner as a property", HASH_OF_ABC " acme owner=bob\n",
         "keys:1:78: error: the owner stands there already, before the properties\n"},
        {"control characters", HASH_OF_ABC " acme plan=a\x1b[2J\n",
         "keys:1:83: error: no control characters, no blanks at the ends\n"},
        {"no time", HASH_OF_ABC " acme expires=tomorrow\n",
         "keys:1:86: error: this is no time\n"
         "  hint: for example 2027-01-01T00:00:00Z, or 2027-01-01 for its beginning in UTC\n"},
        {"a key twice, and other errors", HASH_OF_ABC " a\n" HASH_OF_0 " b\n" HASH_OF_ABC " c\nx\n" HASH_OF_0 " d\n",
         "keys:3:1: error: the key of line 1 is here again\n"
         "keys:4:1: error: a line begins with sha256: and 64 hexadecimal digits\n"
         "  hint: 'sluice api-key hash' makes it of a key; the key itself does not belong into this file\n"
         "keys:5:1: error: the key of line 2 is here again\n"},
        {"nothing", "# nobody\n",
         "keys: warning: there is no API key in this file\n  hint: 'sluice api-key new' makes one\n"},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        char *findings;
        gw_api_keys_t *keys = parse(rows[i].text, &findings);
        if (strcmp(findings, rows[i].findings) != 0)
            fail_msg("%s:\n%s instead of\n%s", rows[i].about, findings, rows[i].findings);
        assert_int_equal(keys == NULL, strstr(findings, "error") != NULL);
        gw_api_keys_free(keys);
        free(findings);
    }
}

static size_t count(const char *text, const char *part)
{
    size_t num = 0;
    for (; (text = strstr(text, part)) != NULL; ++text)
        ++num;
    return num;
}

static void no_more_than_twenty_errors_are_reported(void **state)
{
    char text[1000] = "", *findings;
    for (size_t i = 0; i != 100; ++i)
        strcat(text, "nonsense\n");
    assert_null(parse(text, &findings));
    assert_int_equal(count(findings, "a line begins with"), 20);
    assert_int_equal(count(findings, "keys:21:1: error: there may be more errors: the rest was not read"), 1);
    free(findings);
}

static void everything_is_bounded(void **state)
{
    char *findings, *text = malloc(10000);
    size_t len = (size_t)sprintf(text, HASH_OF_ABC " acme");
    for (size_t i = 0; i != 31; ++i)
        len += (size_t)sprintf(text + len, " p%zu=x", i);
    gw_api_keys_t *keys = parse(text, &findings);
    assert_non_null(keys); /* 32 with the owner */
    gw_api_keys_free(keys);
    free(findings);
    sprintf(text + len, " more=x");
    assert_null(parse(text, &findings));
    assert_non_null(strstr(findings, "too many properties"));
    free(findings);

    memset(text, 'x', 9999);
    text[9999] = '\0';
    memcpy(text, HASH_OF_ABC " acme x=", strlen(HASH_OF_ABC " acme x="));
    assert_null(parse(text, &findings));
    assert_non_null(strstr(findings, "the line is too long"));
    free(findings);
    text[2000] = '\0';
    assert_null(parse(text, &findings));
    assert_non_null(strstr(findings, "keys:1:80: error: this is too long"));
    free(findings);
    free(text);
}

static void times_are_read_as_rfc_3339_has_them(void **state)
{
    static const struct {
        const char *text;
        uint64_t seconds; /* UINT64_MAX: no time */
    } rows[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1970-01-01T00:00:00+00:01", UINT64_MAX},
        {"1969-12-31T23:30:00-01:00", UINT64_MAX},
        {"2000-02-29t12:34:56z", 951827696},
        {"2024-12-31T23:59:59Z", 1735689599},
        {"2027-01-01T00:00:00-11:30", 1798803000},
        {"2100-03-01", 4107542400},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"2023-02-29", UINT64_MAX},
        {"2100-02-29", UINT64_MAX},
        {"2027-13-01", UINT64_MAX},
        {"2027-00-01", UINT64_MAX},
        {"2027-01-00", UINT64_MAX},
        {"2027-04-31", UINT64_MAX},
        {"2027-1-1", UINT64_MAX},
        {"2027-01-01T00:00:00", UINT64_MAX},
        {"2027-01-01 00:00:00Z", UINT64_MAX},
        {"2027-01-01T24:00:00Z", UINT64_MAX},
        {"2027-01-01T00:60:00Z", UINT64_MAX},
        {"2027-01-01T00:00:60Z", UINT64_MAX},
        {"2027-01-01T00:00:00Zx", UINT64_MAX},
        {"2027-01-01T00:00:00+2", UINT64_MAX},
        {"2027-01-01T00:00:00+24:00", UINT64_MAX},
        {"", UINT64_MAX},
        {"tomorrow", UINT64_MAX},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        uint64_t seconds = 0;
        bool is_time = gw_api_key_parse_time(gw_str_of(rows[i].text), &seconds);
        if (is_time != (rows[i].seconds != UINT64_MAX) || (is_time && seconds != rows[i].seconds))
            fail_msg("'%s': %s %llu", rows[i].text, is_time ? "time" : "no time", (unsigned long long)seconds);
    }
}

/** Every day up to 2300 against the C library. */
static void days_are_counted_as_the_c_library_counts_them(void **state)
{
    for (time_t day = 0; day != 120530; ++day) {
        struct tm date;
        char text[40];
        uint64_t seconds;
        time_t start = day * 86400;
        gmtime_r(&start, &date);
        strftime(text, sizeof(text), "%Y-%m-%d", &date);
        assert_true(gw_api_key_parse_time(gw_str_of(text), &seconds));
        assert_int_equal(seconds, start);
    }
}

static void a_hundred_thousand_keys_are_taken_and_one_more_is_not(void **state)
{
    const size_t line_len = 7 + 64 + 1 + 8 + 1;
    char *text = malloc((GW_API_KEYS_MAX + 1) * line_len + 1), *findings;
    size_t len = 0;
    for (size_t i = 0; i != GW_API_KEYS_MAX + 1; ++i) {
        uint8_t digest[GW_API_KEY_DIGEST];
        char key[16];
        assert_int_equal(EVP_Digest(key, (size_t)sprintf(key, "k%07zu", i), digest, NULL, EVP_sha256(), NULL), 1);
        len += (size_t)sprintf(text + len, "sha256:");
        for (size_t k = 0; k != sizeof(digest); ++k)
            len += (size_t)sprintf(text + len, "%02x", digest[k]);
        len += (size_t)sprintf(text + len, " o%07zu\n", i);
    }
    assert_null(parse(text, &findings));
    assert_string_equal(findings, "keys:100001:1: error: there are too many keys\n  hint: at most 100000\n");
    free(findings);
    text[len - line_len] = '\0';
    uint64_t start_ms = gw_clock_ms();
    gw_api_keys_t *keys = parse(text, &findings);
    uint64_t took_ms = gw_clock_ms() - start_ms;
    print_message("100000 keys parsed in %llu ms\n", (unsigned long long)took_ms);
    assert_string_equal(findings, "");
    free(findings);
    for (size_t i = 0; i != GW_API_KEYS_MAX + 1; ++i) {
        char key[16], owner[16];
        sprintf(key, "k%07zu", i);
        sprintf(owner, "o%07zu", i);
        const gw_api_key_t *found = find(keys, key);
        assert_int_equal(found != NULL, i != GW_API_KEYS_MAX);
        if (found != NULL)
            assert_property(found, "owner", owner);
    }
    gw_api_keys_free(keys);
    free(text);
}

/** A file of `num` keys.  @param skip of the digests so many digits are all alike, at most 16 */
static char *text_of_keys(size_t num, int skip)
{
    char *text = malloc(num * 80 + 1), *at = text;
    for (size_t i = 0; i != num; ++i) {
        uint8_t digest[GW_API_KEY_DIGEST];
        at += sprintf(at, "sha256:%.*s", skip, "0000000000000000");
        assert_int_equal(EVP_Digest(&i, sizeof(i), digest, NULL, EVP_sha256(), NULL), 1);
        for (int k = skip / 2; k != GW_API_KEY_DIGEST; ++k)
            at += sprintf(at, "%02x", digest[k]);
        at += sprintf(at, " acme\n");
    }
    return text;
}

static uint64_t time_of_parsing_us(const char *text)
{
    char *findings;
    struct timespec start, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    gw_api_keys_t *keys = parse(text, &findings);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    assert_string_equal(findings, "");
    free(findings);
    gw_api_keys_free(keys);
    return (uint64_t)(end.tv_sec - start.tv_sec) * 1000000 + (uint64_t)end.tv_nsec / 1000 -
           (uint64_t)start.tv_nsec / 1000;
}

/** Somebody may have searched for such keys; 100,000 of them in one chain would take a minute. */
static void digests_that_begin_alike_are_taken_as_fast_as_others(void **state)
{
    char *spread = text_of_keys(GW_API_KEYS_MAX, 0), *alike = text_of_keys(GW_API_KEYS_MAX, 16);
    uint64_t spread_us = time_of_parsing_us(spread), alike_us = time_of_parsing_us(alike);
    print_message("%llu us, begun alike %llu us\n", (unsigned long long)spread_us, (unsigned long long)alike_us);
    assert_true(alike_us < 4 * spread_us + 100000);
    free(spread);
    free(alike);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_with_its_owner_and_properties),
        cmocka_unit_test(errors_name_the_place_and_never_what_stands_there),
        cmocka_unit_test(no_more_than_twenty_errors_are_reported),
        cmocka_unit_test(everything_is_bounded),
        cmocka_unit_test(times_are_read_as_rfc_3339_has_them),
        cmocka_unit_test(days_are_counted_as_the_c_library_counts_them),
        cmocka_unit_test(a_hundred_thousand_keys_are_taken_and_one_more_is_not),
        cmocka_unit_test(digests_that_begin_alike_are_taken_as_fast_as_others),
    };
    return cmocka_run_group_tests_name("API keys", tests, NULL, NULL);
}
