/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as what a Redis or a sentinel says, to the reader and to the greeting.  The first byte says
 * how they are cut and who says it; replies do not depend on the cut, and every byte of them can be looked at. */
#include <stdlib.h>
#include "filters/rate_limit/store/redis_greeting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t mix(uint64_t sum, uint64_t number)
{
    return (sum ^ number) * 0x100000001b3;
}

/** @return a sum over everything in it */
static uint64_t look_at(const gw_redis_reply_t *reply)
{
    uint64_t sum = mix(14695981039346656037u, reply->type);
    switch (reply->type) {
    case GW_REDIS_INTEGER:
        return mix(sum, (uint64_t)reply->integer);
    case GW_REDIS_ARRAY:
        for (size_t i = 0; i != reply->num_elements; ++i)
            sum = mix(sum, look_at(&reply->elements[i]));
        return sum;
    case GW_REDIS_NIL:
        return sum;
    default:
        for (size_t i = 0; i != reply->text.len; ++i)
            sum = mix(sum, (unsigned char)reply->text.ptr[i]);
        return sum;
    }
}

typedef struct said {
    uint64_t sum, num;
    gw_redis_read_t end;
} said_t;

static said_t read_in_pieces(gw_str_t bytes, size_t piece)
{
    gw_redis_reader_t *reader = gw_redis_reader_create();
    said_t said = {.end = GW_REDIS_READ_MORE};
    const gw_redis_reply_t *reply;
    for (size_t at = 0; at < bytes.len && said.end == GW_REDIS_READ_MORE; at += piece) {
        gw_redis_reader_feed(reader, gw_str(bytes.ptr + at, bytes.len - at < piece ? bytes.len - at : piece));
        while ((said.end = gw_redis_reader_next(reader, &reply)) == GW_REDIS_READ_REPLY) {
            said.sum = mix(said.sum, look_at(reply));
            ++said.num;
        }
    }
    gw_redis_reader_free(reader);
    return said;
}

static void greet(gw_str_t bytes, bool at_sentinel)
{
    static const gw_redis_url_t url = {
        .where = GW_REDIS_SENTINEL, .user = "user", .password = "password", .master = "main", .db = 3};
    gw_redis_greeting_t greeting;
    gw_redis_greeted_t greeted = GW_REDIS_GREETING_MORE;
    gw_redis_reader_t *reader = gw_redis_reader_create();
    const gw_redis_reply_t *reply;
    gw_redis_greeting_begin(&greeting, &url, at_sentinel);
    gw_redis_reader_feed(reader, bytes);
    while (greeted == GW_REDIS_GREETING_MORE && gw_redis_reader_next(reader, &reply) == GW_REDIS_READ_REPLY)
        greeted = gw_redis_greeting_take(&greeting, reply);
    if (greeted == GW_REDIS_GREETING_FAILED) {
        must(greeting.cause < GW_REDIS_NUM_CAUSES && *gw_redis_cause_text(greeting.cause) != '\0');
        must(strlen(greeting.code) < sizeof(greeting.code));
    } else if (greeted == GW_REDIS_GREETED && at_sentinel) {
        must(greeting.master_port != 0 && *greeting.master_host != '\0');
    }
    gw_redis_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    gw_str_t bytes = gw_str((const char *)data + 1, size - 1);
    said_t whole = read_in_pieces(bytes, size), pieces = read_in_pieces(bytes, (size_t)(*data >> 1) + 1);
    must(whole.sum == pieces.sum && whole.num == pieces.num && whole.end == pieces.end);
    greet(bytes, *data & 1);
    return 0;
}
