/* SPDX-License-Identifier: MIT
 * Byte ranges: what is asked for, what it means for a length, what a 206 says it holds (RFC 9110 14.1
 * to 14.4, 15.5.17); over all small lengths against the bytes themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/http/byte_range.h"

static void a_range_means_bytes_of_a_representation(void **state)
{
    static const struct {
        const char *about, *value;
        uint64_t length;
        gw_range_result_t result;
        uint64_t first, end;
    } cases[] = {
        {"14.1.2 the first 500 bytes", "bytes=0-499", 10000, GW_RANGE_OK, 0, 500},
        {"14.1.2 the second 500 bytes", "bytes=500-999", 10000, GW_RANGE_OK, 500, 1000},
        {"14.1.2 the last 500 bytes", "bytes=-500", 10000, GW_RANGE_OK, 9500, 10000},
        {"14.1.2 from a byte to the end", "bytes=9500-", 10000, GW_RANGE_OK, 9500, 10000},
        {"14.1.2 one byte", "bytes=0-0", 10000, GW_RANGE_OK, 0, 1},
        {"the last byte", "bytes=-1", 11, GW_RANGE_OK, 10, 11},
        {"the last byte by its place", "bytes=10-", 11, GW_RANGE_OK, 10, 11},
        {"14.1.2 first and last bytes: several ranges, ignored (14.2)", "bytes=0-0,-1", 10000, GW_RANGE_NONE, 0, 0},
        {"14.1.2 beyond the end: what is there", "bytes=5-100", 10, GW_RANGE_OK, 5, 10},
        {"ends at the end", "bytes=5-9", 10, GW_RANGE_OK, 5, 10},
        {"ends one beyond the end", "bytes=5-10", 10, GW_RANGE_OK, 5, 10},
        {"14.1.2 a suffix longer than it: all of it", "bytes=-100", 10, GW_RANGE_OK, 0, 10},
        {"15.5.17 begins behind the last byte", "bytes=10-", 10, GW_RANGE_UNSATISFIABLE, 0, 0},
        {"15.5.17 begins and ends behind the last byte", "bytes=10-20", 10, GW_RANGE_UNSATISFIABLE, 0, 0},
        {"14.1.2 no last bytes", "bytes=-0", 10, GW_RANGE_UNSATISFIABLE, 0, 0},
        {"no last bytes of nothing", "bytes=-0", 0, GW_RANGE_UNSATISFIABLE, 0, 0},
        {"the last bytes of nothing: no range can be said (14.4)", "bytes=-5", 0, GW_RANGE_NONE, 0, 0},
        {"the first byte of nothing", "bytes=0-", 0, GW_RANGE_UNSATISFIABLE, 0, 0},
        {"14.1.1 the last before the first is invalid", "bytes=5-4", 10, GW_RANGE_NONE, 0, 0},
        {"14.1 the unit has no case", "BYTES=1-2", 10, GW_RANGE_OK, 1, 3},
        {"14.2 another unit is ignored", "items=1-2", 10, GW_RANGE_NONE, 0, 0},
        {"a unit that begins alike", "bytess=1-2", 10, GW_RANGE_NONE, 0, 0},
        {"5.6.1.2 empty members", "bytes=, ,1-2 ,", 10, GW_RANGE_OK, 1, 3},
        {"5.6.1.2 blanks before it", "bytes= 1-2", 10, GW_RANGE_OK, 1, 3},
        {"blanks around the field", " bytes=1-2\t", 10, GW_RANGE_OK, 1, 3},
        {"no members", "bytes=", 10, GW_RANGE_NONE, 0, 0},
        {"only empty members", "bytes=,,", 10, GW_RANGE_NONE, 0, 0},
        {"several", "bytes=0-1,3-4", 10, GW_RANGE_NONE, 0, 0},
        {"several of which one is invalid", "bytes=0-1,4-3", 10, GW_RANGE_NONE, 0, 0},
        {"no unit", "1-2", 10, GW_RANGE_NONE, 0, 0},
        {"no equals sign", "bytes 1-2", 10, GW_RANGE_NONE, 0, 0},
        {"blanks around the equals sign", "bytes = 1-2", 10, GW_RANGE_NONE, 0, 0},
        {"blanks around the dash", "bytes=1 - 2", 10, GW_RANGE_NONE, 0, 0},
        {"only a dash", "bytes=-", 10, GW_RANGE_NONE, 0, 0},
        {"two dashes", "bytes=--1", 10, GW_RANGE_NONE, 0, 0},
        {"only a number", "bytes=1", 10, GW_RANGE_NONE, 0, 0},
        {"letters", "bytes=a-b", 10, GW_RANGE_NONE, 0, 0},
        {"a letter behind", "bytes=1-2a", 10, GW_RANGE_NONE, 0, 0},
        {"a letter behind a suffix", "bytes=-2a", 10, GW_RANGE_NONE, 0, 0},
        {"hexadecimal", "bytes=0x1-0x2", 10, GW_RANGE_NONE, 0, 0},
        {"a plus", "bytes=+1-2", 10, GW_RANGE_NONE, 0, 0},
        {"leading zeros", "bytes=001-0002", 10, GW_RANGE_OK, 1, 3},
        {"empty", "", 10, GW_RANGE_NONE, 0, 0},
        {"14.1.1 a last byte that fits no number", "bytes=1-99999999999999999999999999", 10, GW_RANGE_OK, 1, 10},
        {"14.1.1 a first byte that fits none", "bytes=99999999999999999999999999-", 10, GW_RANGE_UNSATISFIABLE, 0, 0},
        {"both fit none", "bytes=99999999999999999999-99999999999999999999", 10, GW_RANGE_UNSATISFIABLE, 0, 0},
        {"14.1.1 a suffix that fits none", "bytes=-99999999999999999999999999", 10, GW_RANGE_OK, 0, 10},
        {"the largest number", "bytes=0-18446744073709551615", UINT64_MAX, GW_RANGE_OK, 0, UINT64_MAX},
        {"the last byte of the largest", "bytes=18446744073709551614-", UINT64_MAX, GW_RANGE_OK, UINT64_MAX - 1,
         UINT64_MAX},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_range_wish_t wish;
        uint64_t first = 0, end = 0;
        print_message("%s\n", cases[i].about);
        gw_range_result_t result = gw_range_parse(gw_str_of(cases[i].value), &wish)
                                       ? gw_range_resolve(&wish, cases[i].length, &first, &end)
                                       : GW_RANGE_NONE;
        assert_int_equal(result, cases[i].result);
        assert_true(first == cases[i].first && end == cases[i].end);
    }
}

/** Byte by byte, as 14.1.2 says which ones are meant. */
static bool is_meant(bool has_first, uint64_t first, bool has_last, uint64_t last, uint64_t at, uint64_t length)
{
    if (!has_first)
        return at + last >= length;
    return at >= first && (!has_last || at <= last);
}

static void all_small_ranges_are_the_bytes_that_are_meant(void **state)
{
    for (uint64_t length = 0; length != 8; ++length)
        for (int first = -1; first != 10; ++first)
            for (int last = -1; last != 10; ++last) {
                char value[32] = "bytes=";
                if (first >= 0)
                    sprintf(value + strlen(value), "%d", first);
                strcat(value, "-");
                if (last >= 0)
                    sprintf(value + strlen(value), "%d", last);
                uint64_t meant = 0, start = 0;
                for (uint64_t at = length; at-- != 0;)
                    if (is_meant(first >= 0, (uint64_t)first, last >= 0, (uint64_t)last, at, length)) {
                        ++meant;
                        start = at;
                    }
                gw_range_wish_t wish;
                uint64_t from = 0, to = 0;
                bool is_valid = (first >= 0 || last >= 0) && (first < 0 || last < 0 || first <= last);
                assert_int_equal(gw_range_parse(gw_str_of(value), &wish), is_valid);
                if (!is_valid)
                    continue;
                gw_range_result_t result = gw_range_resolve(&wish, length, &from, &to);
                bool is_vain = length == 0 && first < 0 && last > 0;
                if (result != (meant != 0 ? GW_RANGE_OK
                               : is_vain  ? GW_RANGE_NONE
                                          : GW_RANGE_UNSATISFIABLE) ||
                    (meant != 0 && (from != start || to != start + meant)))
                    fail_msg("%s of %d: %d, %d to %d", value, (int)length, result, (int)from, (int)to);
            }
}

static void a_content_range_is_read_strictly(void **state)
{
    static const struct {
        const char *about, *value;
        bool is_good;
        gw_content_range_t range;
    } cases[] = {
        {"14.4 of a known length", "bytes 42-1233/1234", true, {42, 1234, 1234}},
        {"14.4 of an unknown length", "bytes 42-1233/*", true, {42, 1234, UINT64_MAX}},
        {"14.4 the first 500", "bytes 0-499/1234", true, {0, 500, 1234}},
        {"14.4 all but the first 500", "bytes 500-1233/1234", true, {500, 1234, 1234}},
        {"14.4 one byte", "bytes 0-0/1", true, {0, 1, 1}},
        {"14.4 the last 500", "bytes 734-1233/1234", true, {734, 1234, 1234}},
        {"14.1 the unit has no case", "Bytes 0-0/1", true, {0, 1, 1}},
        {"14.4 unsatisfied", "bytes */1234", false, {0}},
        {"14.4 the last before the first", "bytes 5-4/10", false, {0}},
        {"14.4 a length not greater than the last", "bytes 0-10/10", false, {0}},
        {"14.4 the largest last for that length", "bytes 0-9/10", true, {0, 10, 10}},
        {"another unit", "items 0-9/10", false, {0}},
        {"an equals sign", "bytes=0-9/10", false, {0}},
        {"two blanks", "bytes  0-9/10", false, {0}},
        {"a blank within", "bytes 0-9/ 10", false, {0}},
        {"no length", "bytes 0-9", false, {0}},
        {"an empty length", "bytes 0-9/", false, {0}},
        {"no last", "bytes 0-/10", false, {0}},
        {"no first", "bytes -9/10", false, {0}},
        {"something behind", "bytes 0-9/10 ", true, {0, 10, 10}},
        {"a letter behind", "bytes 0-9/10a", false, {0}},
        {"a star and more", "bytes 0-9/*0", false, {0}},
        {"two", "bytes 0-1/10, bytes 2-3/10", false, {0}},
        {"numbers that do not fit", "bytes 0-99999999999999999999/100000000000000000000", false, {0}},
        {"a length that does not fit", "bytes 0-9/18446744073709551615", false, {0}},
        {"a last that leaves no room for an end", "bytes 0-18446744073709551615/*", false, {0}},
        {"empty", "", false, {0}},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_content_range_t range;
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_content_range_parse(gw_str_of(cases[i].value), &range), cases[i].is_good);
        if (cases[i].is_good)
            assert_true(range.first == cases[i].range.first && range.end == cases[i].range.end &&
                        range.length == cases[i].range.length);
    }
}

static void a_content_range_is_written(void **state)
{
    static const struct {
        gw_content_range_t range;
        const char *text;
    } cases[] = {
        {{42, 1234, 1234}, "bytes 42-1233/1234"},
        {{42, 1234, UINT64_MAX}, "bytes 42-1233/*"},
        {{0, 1, 1}, "bytes 0-0/1"},
        {{0, 0, 1234}, "bytes */1234"},
        {{7, 7, 0}, "bytes */0"},
        {{UINT64_MAX - 2, UINT64_MAX - 1, UINT64_MAX - 1},
         "bytes 18446744073709551613-18446744073709551613/18446744073709551614"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[GW_CONTENT_RANGE_MAX];
        gw_content_range_t again;
        size_t len = gw_content_range_print(text, &cases[i].range);
        assert_int_equal(len, strlen(cases[i].text));
        assert_memory_equal(text, cases[i].text, len);
        bool is_range = cases[i].range.first != cases[i].range.end;
        assert_int_equal(gw_content_range_parse(gw_str(text, len), &again), is_range);
        if (is_range)
            assert_memory_equal(&again, &cases[i].range, sizeof(again));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_means_bytes_of_a_representation),
        cmocka_unit_test(all_small_ranges_are_the_bytes_that_are_meant),
        cmocka_unit_test(a_content_range_is_read_strictly),
        cmocka_unit_test(a_content_range_is_written),
    };
    return cmocka_run_group_tests_name("test_http_byte_range", tests, NULL, NULL);
}
