/* SPDX-License-Identifier: MIT
 * The encoders, read by the decoders of their libraries: nothing is lost, nothing is held back, nothing grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/compress/encoder.h"
#include "gateway/base/random.h"
#include "tests/support/decoder.h"

/** What was sent so far. */
typedef struct wire {
    char *bytes;
    size_t len;
} wire_t;

static void append(wire_t *wire, gw_str_t bytes)
{
    wire->bytes = realloc(wire->bytes, wire->len + bytes.len + 1);
    if (bytes.len != 0)
        memcpy(wire->bytes + wire->len, bytes.ptr, bytes.len);
    wire->len += bytes.len;
}

static void reads(const wire_t *wire, gw_coding_t coding, const char *text, size_t len, bool is_complete)
{
    size_t num;
    bool has_ended;
    char *decoded = decode(gw_coding_name(coding), wire->bytes, wire->len, &num, &has_ended);
    assert_non_null(decoded);
    assert_int_equal(num, len);
    assert_memory_equal(decoded, text, len);
    assert_int_equal(has_ended, is_complete);
    free(decoded);
}

/** Words with some of chance among them.  @return to be freed */
static char *make_text(size_t len, uint64_t seed, bool is_random)
{
    static const char *const words[] = {"gateway ", "request ", "of ", "the ", "{\"id\": ", "response\n", "42, "};
    char *text = malloc(len + 16);
    for (size_t at = 0; at < len;)
        if (is_random)
            text[at++] = (char)gw_random_next(&seed);
        else
            at += strlen(strcpy(text + at, words[gw_random_below(&seed, 7)]));
    return text;
}

static const gw_coding_t codings[] = {GW_CODING_GZIP, GW_CODING_BR};
static const unsigned most_levels[] = {9, 9};

static void every_level_gives_back_what_went_in(void **state)
{
    static const size_t lens[] = {0, 1, 100, 5000, 300000};
    for (size_t c = 0; c != 2; ++c)
        for (unsigned level = c == 0 ? 1 : 0; level <= most_levels[c]; ++level)
            for (size_t i = 0; i != sizeof(lens) / sizeof(lens[0]); ++i)
                for (unsigned is_known = 0; is_known != 2; ++is_known) {
                    char *text = make_text(lens[i], level + 1, level % 2 != 0);
                    wire_t wire = {NULL, 0};
                    gw_encoder_t *encoder = gw_encoder_create(codings[c], level, is_known ? lens[i] : UINT64_MAX);
                    gw_encoder_put(encoder, gw_str(text, lens[i]));
                    append(&wire, gw_encoder_flush(encoder, true));
                    reads(&wire, codings[c], text, lens[i], true);
                    gw_encoder_free(encoder);
                    free(wire.bytes);
                    free(text);
                }
}

static void what_went_in_comes_out_with_its_piece(void **state)
{
    enum { LEN = 200000 };
    for (size_t c = 0; c != 2; ++c)
        for (unsigned round = 0; round != 20; ++round) {
            uint64_t seed = round + 1;
            char *text = make_text(LEN, seed, round % 3 == 2);
            wire_t wire = {NULL, 0};
            size_t sent = 0;
            gw_encoder_t *encoder = gw_encoder_create(codings[c], 5, UINT64_MAX);
            while (sent < LEN) {
                for (unsigned slices = gw_random_below(&seed, 4); slices != 0; --slices) {
                    size_t len = gw_random_below(&seed, 1u << gw_random_below(&seed, 17));
                    len = len < LEN - sent ? len : LEN - sent;
                    gw_encoder_put(encoder, gw_str(text + sent, len));
                    sent += len;
                }
                append(&wire, gw_encoder_flush(encoder, false));
                reads(&wire, codings[c], text, sent, false);
            }
            append(&wire, gw_encoder_flush(encoder, true));
            reads(&wire, codings[c], text, LEN, true);
            gw_encoder_free(encoder);
            free(wire.bytes);
            free(text);
        }
}

static void a_piece_grows_by_little_whatever_it_is(void **state)
{
    enum { LEN = 128 << 10 };
    char *text = make_text(LEN, 7, true);
    for (size_t c = 0; c != 2; ++c) {
        gw_encoder_t *encoder = gw_encoder_create(codings[c], 1, UINT64_MAX);
        for (unsigned i = 0; i != 10; ++i) {
            gw_encoder_put(encoder, gw_str(text, LEN));
            gw_str_t output = gw_encoder_flush(encoder, false);
            assert_in_range(output.len, i == 0 ? LEN : 1, LEN + LEN / 64);
        }
        gw_encoder_free(encoder);
    }
    free(text);
}

static void text_becomes_smaller(void **state)
{
    enum { LEN = 100000 };
    char *text = make_text(LEN, 3, false);
    for (size_t c = 0; c != 2; ++c) {
        gw_encoder_t *encoder = gw_encoder_create(codings[c], 4, LEN);
        gw_encoder_put(encoder, gw_str(text, LEN));
        assert_in_range(gw_encoder_flush(encoder, true).len, 1, LEN / 3);
        gw_encoder_free(encoder);
    }
    free(text);
}

static void one_that_was_not_finished_is_freed(void **state)
{
    for (size_t c = 0; c != 2; ++c) {
        gw_encoder_free(gw_encoder_create(codings[c], 1, UINT64_MAX));
        gw_encoder_t *encoder = gw_encoder_create(codings[c], 1, 100);
        gw_encoder_put(encoder, GW_STR("abc"));
        gw_encoder_flush(encoder, false);
        gw_encoder_put(encoder, GW_STR("def"));
        gw_encoder_free(encoder);
    }
    gw_encoder_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_gives_back_what_went_in),
        cmocka_unit_test(what_went_in_comes_out_with_its_piece),
        cmocka_unit_test(a_piece_grows_by_little_whatever_it_is),
        cmocka_unit_test(text_becomes_smaller),
        cmocka_unit_test(one_that_was_not_finished_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
