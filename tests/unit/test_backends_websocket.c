/* SPDX-License-Identifier: MIT
 * Tests of WebSocket framing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <stdlib.h>
#include "backends/utf8.h"
#include "backends/websocket.h"

#define FIN      0x80
#define MAX      (200 * 1024) /* of a message, in these tests */
#define MASK_SET 0x80

/** Writes a masked frame with the shortest length.  @return its length */
static size_t put_frame(char *to, unsigned first, const char *payload, size_t len)
{
    static const char mask[4] = {0x12, (char)0xf0, 0x00, 0x55};
    size_t head = gw_websocket_head(to, 0, len);
    to[0] = (char)first;
    to[1] = (char)(to[1] | MASK_SET);
    memcpy(to + head, mask, 4);
    for (size_t i = 0; i != len; ++i)
        to[head + 4 + i] = (char)(payload[i] ^ mask[i % 4]);
    return head + 4 + len;
}

static size_t put_text(char *to, unsigned first, const char *text)
{
    return put_frame(to, first, text, strlen(text));
}

static void assert_event(const gw_websocket_event_t *event, uint8_t opcode, gw_str_t payload)
{
    assert_int_equal(event->opcode, opcode);
    assert_int_equal(event->payload.len, payload.len);
    assert_true(gw_str_equal(event->payload, payload));
}

static void a_whole_message_comes_out_unmasked(void **state)
{
    static const size_t sizes[] = {0, 1, 3, 125, 126, 65535, 65536, MAX};
    char *payload = malloc(MAX), *bytes = malloc(MAX + 14);
    for (size_t i = 0; i != MAX; ++i)
        payload[i] = (char)(i * 7);
    for (size_t i = 0; i != sizeof(sizes) / sizeof(sizes[0]); ++i) {
        gw_websocket_t ws;
        gw_websocket_event_t event;
        gw_websocket_init(&ws, MAX);
        size_t len = put_frame(bytes, FIN | GW_WEBSOCKET_BINARY, payload, sizes[i]);
        assert_int_equal(gw_websocket_next(&ws, bytes, len, &event), GW_WEBSOCKET_EVENT);
        assert_event(&event, GW_WEBSOCKET_BINARY, gw_str(payload, sizes[i]));
        assert_int_equal(event.consumed, len);
        gw_websocket_dispose(&ws);
    }
    free(bytes);
    free(payload);
}

static void an_incomplete_frame_is_left_alone(void **state)
{
    char payload[300], bytes[320], copy[320];
    gw_websocket_t ws;
    gw_websocket_event_t event;
    gw_websocket_init(&ws, MAX);
    memset(payload, 'x', sizeof(payload));
    size_t len = put_frame(bytes, FIN | GW_WEBSOCKET_TEXT, payload, sizeof(payload));
    memcpy(copy, bytes, len);
    for (size_t part = 0; part != len; ++part) {
        /* a block of its own, so that a sanitizer sees a look beyond its end */
        char *arrived = malloc(part != 0 ? part : 1);
        memcpy(arrived, bytes, part);
        assert_int_equal(gw_websocket_next(&ws, arrived, part, &event), GW_WEBSOCKET_MORE);
        assert_int_equal(event.consumed, 0);
        assert_memory_equal(arrived, copy, part);
        free(arrived);
    }
    assert_int_equal(gw_websocket_next(&ws, bytes, len, &event), GW_WEBSOCKET_EVENT);
    assert_event(&event, GW_WEBSOCKET_TEXT, gw_str(payload, sizeof(payload)));
    gw_websocket_dispose(&ws);
}

static void fragments_make_one_message_and_let_control_frames_between(void **state)
{
    char bytes[64];
    gw_websocket_t ws;
    gw_websocket_event_t event;
    gw_websocket_init(&ws, MAX);
    for (int round = 0; round != 2; ++round) {
        assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, GW_WEBSOCKET_TEXT, "h\xc3"), &event),
                         GW_WEBSOCKET_NOTHING);
        assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, FIN | GW_WEBSOCKET_PING, "?"), &event),
                         GW_WEBSOCKET_EVENT);
        assert_event(&event, GW_WEBSOCKET_PING, GW_STR("?"));
        assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, GW_WEBSOCKET_CONTINUATION, ""), &event),
                         GW_WEBSOCKET_NOTHING);
        assert_int_equal(
            gw_websocket_next(&ws, bytes, put_text(bytes, FIN | GW_WEBSOCKET_CONTINUATION, "\xa4!"), &event),
            GW_WEBSOCKET_EVENT);
        assert_event(&event, GW_WEBSOCKET_TEXT, GW_STR("h\xc3\xa4!"));
    }
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, GW_WEBSOCKET_BINARY, ""), &event),
                     GW_WEBSOCKET_NOTHING);
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, FIN | GW_WEBSOCKET_CONTINUATION, ""), &event),
                     GW_WEBSOCKET_EVENT);
    assert_event(&event, GW_WEBSOCKET_BINARY, GW_STR(""));
    gw_websocket_dispose(&ws);
}

static void frames_are_taken_one_by_one(void **state)
{
    char bytes[64];
    gw_websocket_t ws;
    gw_websocket_event_t event;
    gw_websocket_init(&ws, MAX);
    size_t first = put_text(bytes, FIN | GW_WEBSOCKET_TEXT, "one");
    size_t both = first + put_text(bytes + first, FIN | GW_WEBSOCKET_PONG, "two");
    assert_int_equal(gw_websocket_next(&ws, bytes, both, &event), GW_WEBSOCKET_EVENT);
    assert_event(&event, GW_WEBSOCKET_TEXT, GW_STR("one"));
    assert_int_equal(event.consumed, first);
    assert_int_equal(gw_websocket_next(&ws, bytes + first, both - first, &event), GW_WEBSOCKET_EVENT);
    assert_event(&event, GW_WEBSOCKET_PONG, GW_STR("two"));
    gw_websocket_dispose(&ws);
}

static void a_close_frame_tells_its_code(void **state)
{
    static const struct {
        const char *about;
        gw_str_t payload;
        bool is_good;
        uint16_t code; /* that was sent, or to fail with */
    } cases[] = {
        {"no code", GW_STR(""), true, GW_WEBSOCKET_NO_STATUS},
        {"1000", GW_STR("\x03\xe8"), true, 1000},
        {"1003 with a reason",
         GW_STR("\x03\xeb"
                "bye"),
         true, 1003},
        {"3000", GW_STR("\x0b\xb8"), true, 3000},
        {"4999", GW_STR("\x13\x87"), true, 4999},
        {"half a code", GW_STR("\x03"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"0", GW_STR("\0\0"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"999", GW_STR("\x03\xe7"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"1004", GW_STR("\x03\xec"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"1005 is never sent", GW_STR("\x03\xed"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"1006 is never sent", GW_STR("\x03\xee"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"1015 is never sent", GW_STR("\x03\xf7"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"2999", GW_STR("\x0b\xb7"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"5000", GW_STR("\x13\x88"), false, GW_WEBSOCKET_PROTOCOL_ERROR},
        {"a reason that is not UTF-8", GW_STR("\x03\xe8\xff"), false, GW_WEBSOCKET_INVALID_DATA},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char bytes[64];
        gw_websocket_t ws;
        gw_websocket_event_t event;
        print_message("%s\n", cases[i].about);
        gw_websocket_init(&ws, MAX);
        size_t len = put_frame(bytes, FIN | GW_WEBSOCKET_CLOSE, cases[i].payload.ptr, cases[i].payload.len);
        assert_int_equal(gw_websocket_next(&ws, bytes, len, &event),
                         cases[i].is_good ? GW_WEBSOCKET_EVENT : GW_WEBSOCKET_FAILED);
        assert_int_equal(event.opcode, GW_WEBSOCKET_CLOSE);
        assert_int_equal(event.code, cases[i].code);
        gw_websocket_dispose(&ws);
    }
}

static void a_wrong_head_is_refused_before_its_payload_arrives(void **state)
{
    static const struct {
        const char *about;
        gw_str_t bytes;
        uint16_t code;
    } cases[] = {
        {"not masked", GW_STR("\x81\x05"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"first reserved bit", GW_STR("\xc1\x85"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"last reserved bit", GW_STR("\x91\x85"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"unknown data opcode", GW_STR("\x83\x85"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"unknown control opcode", GW_STR("\x8b\x85"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"fragmented ping", GW_STR("\x09\x81"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"ping of 126 bytes", GW_STR("\x89\xfe"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"16 bits for what fits 7", GW_STR("\x82\xfe\x00\x7d"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"64 bits for what fits 16", GW_STR("\x82\xff\0\0\0\0\0\0\xff\xff"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"top bit of the length", GW_STR("\x82\xff\x80\0\0\0\0\1\0\0"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"continuation of nothing", GW_STR("\x80\x81"), GW_WEBSOCKET_PROTOCOL_ERROR},
        {"one byte too big", GW_STR("\x82\xff\0\0\0\0\0\x03\x20\x01"), GW_WEBSOCKET_TOO_BIG},
        {"enormous", GW_STR("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), GW_WEBSOCKET_TOO_BIG},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char bytes[16];
        gw_websocket_t ws;
        gw_websocket_event_t event;
        print_message("%s\n", cases[i].about);
        gw_websocket_init(&ws, MAX);
        memcpy(bytes, cases[i].bytes.ptr, cases[i].bytes.len);
        assert_int_equal(gw_websocket_next(&ws, bytes, cases[i].bytes.len, &event), GW_WEBSOCKET_FAILED);
        assert_int_equal(event.code, cases[i].code);
        assert_int_equal(event.consumed, 0);
        gw_websocket_dispose(&ws);
    }
}

static void a_message_within_a_message_is_refused(void **state)
{
    char bytes[32];
    gw_websocket_t ws;
    gw_websocket_event_t event;
    gw_websocket_init(&ws, MAX);
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, GW_WEBSOCKET_TEXT, "a"), &event),
                     GW_WEBSOCKET_NOTHING);
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, FIN | GW_WEBSOCKET_TEXT, "b"), &event),
                     GW_WEBSOCKET_FAILED);
    assert_int_equal(event.code, GW_WEBSOCKET_PROTOCOL_ERROR);
    gw_websocket_dispose(&ws);
}

static void fragments_together_are_held_to_the_limit(void **state)
{
    char bytes[32];
    gw_websocket_t ws;
    gw_websocket_event_t event;
    gw_websocket_init(&ws, 10);
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, GW_WEBSOCKET_TEXT, "123456"), &event),
                     GW_WEBSOCKET_NOTHING);
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, GW_WEBSOCKET_CONTINUATION, "7890"), &event),
                     GW_WEBSOCKET_NOTHING);
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, FIN | GW_WEBSOCKET_CONTINUATION, "1"), &event),
                     GW_WEBSOCKET_FAILED);
    assert_int_equal(event.code, GW_WEBSOCKET_TOO_BIG);
    gw_websocket_dispose(&ws);
}

static void text_must_be_utf8_and_binary_need_not(void **state)
{
    char bytes[32];
    gw_websocket_t ws;
    gw_websocket_event_t event;
    gw_websocket_init(&ws, MAX);
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, FIN | GW_WEBSOCKET_BINARY, "\xc3"), &event),
                     GW_WEBSOCKET_EVENT);
    assert_int_equal(gw_websocket_next(&ws, bytes, put_text(bytes, FIN | GW_WEBSOCKET_TEXT, "\xc3"), &event),
                     GW_WEBSOCKET_FAILED);
    assert_int_equal(event.code, GW_WEBSOCKET_INVALID_DATA);
    assert_true(gw_utf8_is_valid(GW_STR("\0\xf4\x8f\xbf\xbf")));
    assert_false(gw_utf8_is_valid(GW_STR("\xc0\x80")));
    assert_false(gw_utf8_is_valid(GW_STR("\xed\xa0\x80")));
    gw_websocket_dispose(&ws);
}

static void the_handshake_is_answered_as_in_the_rfc(void **state)
{
    char accept[GW_WEBSOCKET_ACCEPT_SIZE];
    assert_true(gw_websocket_accept(GW_STR("dGhlIHNhbXBsZSBub25jZQ=="), accept));
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_false(gw_websocket_accept(GW_STR(""), accept));
    assert_false(gw_websocket_accept(GW_STR("dGhlIHNhbXBsZSBub25jZQ="), accept));
    assert_false(gw_websocket_accept(GW_STR("dGhlIHNhbXBsZSBub25jZQ= "), accept));
    assert_false(gw_websocket_accept(GW_STR("dGhlIHNhbXBsZSBub25j*Q=="), accept));
}

static void any_bytes_are_survived(void **state)
{
    uint64_t random = 88172645463325252u;
    for (int round = 0; round != 20000; ++round) {
        gw_websocket_t ws;
        gw_websocket_event_t event;
        char *bytes = malloc(64);
        size_t len = 64, used = 0;
        for (size_t i = 0; i != len; ++i) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17; /* xorshift, Marsaglia 2003 */
            bytes[i] = (char)random;
        }
        bytes[0] = (char)(bytes[0] & 0x8b);
        bytes[1] = (char)(0x80 | (bytes[1] & 0x1f));
        gw_websocket_init(&ws, 100);
        while (gw_websocket_next(&ws, bytes + used, len - used, &event) != GW_WEBSOCKET_MORE && event.consumed != 0)
            used += event.consumed;
        assert_true(used <= len);
        gw_websocket_dispose(&ws);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message_comes_out_unmasked),
        cmocka_unit_test(an_incomplete_frame_is_left_alone),
        cmocka_unit_test(fragments_make_one_message_and_let_control_frames_between),
        cmocka_unit_test(frames_are_taken_one_by_one),
        cmocka_unit_test(a_close_frame_tells_its_code),
        cmocka_unit_test(a_wrong_head_is_refused_before_its_payload_arrives),
        cmocka_unit_test(a_message_within_a_message_is_refused),
        cmocka_unit_test(fragments_together_are_held_to_the_limit),
        cmocka_unit_test(text_must_be_utf8_and_binary_need_not),
        cmocka_unit_test(the_handshake_is_answered_as_in_the_rfc),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests_name("test_backends_websocket", tests, NULL, NULL);
}
