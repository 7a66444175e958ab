/* SPDX-License-Identifier: MIT
 * A body that can be sent again, between a source and sinks that the tests drive step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "gateway/exchange/memory_body.h"
#include "gateway/exchange/replay_body.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/* the source ------------------------------------------------------------------------------------------------------- */

/** Hands over what the test says, never without being asked, and takes its bytes back at `more`. */
typedef struct source {
    gw_body_t super;
    bool is_asked;
    char *bytes; /* with the sink; NULL: none */
    unsigned num_more;
} source_t;

static void source_take_back(source_t *source)
{
    free(source->bytes); /* whoever reads on is caught by the sanitizer */
    source->bytes = NULL;
}

static void source_start(gw_body_t *body)
{
    source_t *source = (source_t *)body;
    assert_false(body->is_started);
    assert_non_null(body->sink);
    body->is_started = true;
    source->is_asked = true;
}

static void source_more(gw_body_t *body)
{
    source_t *source = (source_t *)body;
    assert_true(body->is_started);
    assert_false(source->is_asked); /* it has handed over what it was asked for */
    ++source->num_more;
    source_take_back(source);
    source->is_asked = !body->is_ended;
}

/** @param num_slices that the bytes are cut into */
static void source_send_slices(source_t *source, gw_body_event_t event, const char *bytes, size_t len,
                               size_t num_slices)
{
    h2o_iovec_t slices[GW_BODY_MAX_SLICES];
    assert_true(source->is_asked);
    source->is_asked = false;
    if (len != 0) {
        source->bytes = malloc(len);
        assert_non_null(source->bytes);
        memcpy(source->bytes, bytes, len);
    }
    for (size_t i = 0, at = 0; i != num_slices; ++i) {
        size_t end = len * (i + 1) / num_slices;
        slices[i] = h2o_iovec_init(source->bytes + at, end - at);
        at = end;
    }
    source->super.received += len;
    source->super.is_ended = event != GW_BODY_DATA;
    source->super.on_data(source->super.sink, event, slices, num_slices);
}

static void source_send(source_t *source, const char *text)
{
    source_send_slices(source, GW_BODY_DATA, text, strlen(text), 1);
}

static void source_end(source_t *source, const char *text)
{
    source_send_slices(source, GW_BODY_END, text, strlen(text), *text != '\0');
}

static void source_fail(source_t *source, gw_body_event_t event)
{
    source_send_slices(source, event, "", 0, 0);
}

/* a sink ----------------------------------------------------------------------------------------------------------- */

/** Writes as a socket does: it keeps the slices and reads their bytes when it is done with them. */
typedef struct sink {
    gw_body_t *body;
    char *bytes; /* what it has written */
    size_t size, capacity;
    h2o_iovec_t slices[GW_BODY_MAX_SLICES]; /* that it is about to write */
    size_t num_slices;
    bool is_busy, is_eager; /* is_eager: it is done at once, within on_data */
    unsigned num_events;
    gw_body_event_t event; /* the last one */
} sink_t;

static void sink_done(sink_t *sink)
{
    assert_true(sink->is_busy);
    for (size_t i = 0; i != sink->num_slices; ++i) {
        size_t len = sink->slices[i].len;
        if (len == 0)
            continue;
        if (sink->size + len > sink->capacity) {
            sink->capacity = 2 * (sink->size + len) + 1000;
            sink->bytes = realloc(sink->bytes, sink->capacity);
            assert_non_null(sink->bytes);
        }
        memcpy(sink->bytes + sink->size, sink->slices[i].base, len);
        sink->size += len;
    }
    sink->is_busy = false;
    sink->body->more(sink->body);
}

static void on_data(void *arg, gw_body_event_t event, const h2o_iovec_t *slices, size_t num_slices)
{
    sink_t *sink = arg;
    assert_ptr_equal(sink->body->sink, sink);
    assert_false(sink->is_busy); /* one at a time */
    assert_true(sink->num_events == 0 || sink->event == GW_BODY_DATA);
    assert_true(num_slices <= GW_BODY_MAX_SLICES);
    ++sink->num_events;
    sink->event = event;
    if (event != GW_BODY_DATA && event != GW_BODY_END) {
        assert_int_equal(num_slices, 0);
        return; /* no further call */
    }
    for (size_t i = 0; i != num_slices; ++i)
        sink->slices[i] = slices[i];
    sink->num_slices = num_slices;
    sink->is_busy = true;
    if (sink->is_eager)
        sink_done(sink);
}

static void sink_start(sink_t *sink, gw_body_t *body)
{
    sink->body = body;
    body->on_data = on_data;
    body->sink = sink;
    body->start(body);
}

/** Writes whatever comes, in how many pieces it may be, until it has to wait. */
static void sink_write_all(sink_t *sink)
{
    while (sink->is_busy)
        sink_done(sink);
}

/** Its connection broke: it takes itself away. */
static void sink_leave(sink_t *sink)
{
    assert_ptr_equal(sink->body->sink, sink);
    sink->body->sink = NULL;
    sink->is_busy = false;
}

static void sink_dispose(sink_t *sink)
{
    free(sink->bytes);
    *sink = (sink_t){0};
}

static void assert_written(const sink_t *sink, const char *expected)
{
    if (sink->size != strlen(expected) || (sink->size != 0 && memcmp(sink->bytes, expected, sink->size) != 0))
        fail_msg("'%.*s' was written instead of '%s'", (int)sink->size, sink->bytes != NULL ? sink->bytes : "",
                 expected);
}

/* both ------------------------------------------------------------------------------------------------------------- */

typedef struct rig {
    h2o_mem_pool_t pool;
    source_t source;
    gw_body_t *body;
    sink_t first, second, third;
} rig_t;

static rig_t *rig_create(uint64_t limit)
{
    rig_t *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    h2o_mem_init_pool(&rig->pool);
    rig->source = (source_t){
        .super = {.length = GW_BODY_UNKNOWN_LENGTH, .limit = 1000000, .start = source_start, .more = source_more}};
    rig->body = gw_replay_body(&rig->pool, &rig->source.super, limit);
    return rig;
}

static void rig_free(rig_t *rig)
{
    source_take_back(&rig->source);
    sink_dispose(&rig->first);
    sink_dispose(&rig->second);
    sink_dispose(&rig->third);
    h2o_mem_clear_pool(&rig->pool);
    free(rig);
}

/* passing on ------------------------------------------------------------------------------------------------------- */

static void what_comes_is_passed_on_piece_by_piece(void **state)
{
    rig_t *rig = rig_create(1000);
    assert_false(rig->source.super.is_started); /* a client that waits for 100 Continue waits until a sink is there */
    sink_start(&rig->first, rig->body);
    assert_int_equal(rig->first.num_events, 0);
    source_send(&rig->source, "one ");
    assert_int_equal(rig->first.num_events, 1);
    assert_int_equal(rig->source.num_more, 0); /* it reads no further than the sink has taken */
    sink_done(&rig->first);
    assert_int_equal(rig->source.num_more, 1);
    source_send_slices(&rig->source, GW_BODY_DATA, "two three ", 10, 3);
    sink_done(&rig->first);
    source_end(&rig->source, "four");
    assert_int_equal(rig->first.event, GW_BODY_END);
    sink_done(&rig->first);
    assert_int_equal(rig->source.num_more, 3); /* also due after the end */
    assert_written(&rig->first, "one two three four");
    assert_int_equal(rig->first.num_events, 3);
    assert_true(gw_replay_body_is_kept(rig->body));
    rig_free(rig);
}

static void it_says_of_the_body_what_the_source_says(void **state)
{
    rig_t *rig = rig_create(1000);
    rig->source.super.length = 7;
    gw_body_t *body = gw_replay_body(&rig->pool, &rig->source.super, 1000);
    assert_int_equal(body->length, 7);
    assert_false(body->is_started);
    assert_false(body->is_ended);
    assert_false(body->is_replayable); /* the exchange looks after starting it again */
    body->limit = 12345;               /* of the route */
    sink_start(&rig->first, body);
    assert_true(body->is_started);
    assert_int_equal(rig->source.super.limit, 12345);
    source_send(&rig->source, "abc");
    assert_int_equal(body->received, 3);
    assert_false(body->is_ended);
    sink_done(&rig->first);
    source_end(&rig->source, "defg");
    assert_int_equal(body->received, 7);
    assert_true(body->is_ended);
    rig_free(rig);
}

static void an_error_of_the_source_is_passed_on(void **state)
{
    static const gw_body_event_t events[] = {GW_BODY_TOO_LARGE, GW_BODY_MALFORMED, GW_BODY_TIMEOUT};
    for (size_t i = 0; i != NUM_OF(events); ++i)
        for (int num_before = 0; num_before != 2; ++num_before) {
            rig_t *rig = rig_create(1000);
            sink_start(&rig->first, rig->body);
            if (num_before != 0) {
                source_send(&rig->source, "abc");
                sink_done(&rig->first);
            }
            source_fail(&rig->source, events[i]);
            assert_int_equal(rig->first.event, events[i]);
            assert_true(rig->body->is_ended);
            assert_int_equal(rig->source.num_more, num_before);
            rig_free(rig);
        }
}

/* again ------------------------------------------------------------------------------------------------------------ */

static void a_second_sink_gets_all_of_it_wherever_the_first_one_failed(void **state)
{
    static const char *const pieces[] = {"alpha ", "beta ", "gamma ", "delta"};
    enum { NUM = NUM_OF(pieces) };
    /* the first sink fails with so many pieces handed over, the last of them written or not */
    for (size_t num_handed = 0; num_handed <= NUM; ++num_handed)
        for (int is_written = 0; is_written <= (num_handed != 0); ++is_written) {
            rig_t *rig = rig_create(1000);
            size_t at = 0;
            sink_start(&rig->first, rig->body);
            for (; at != num_handed; ++at) {
                (at + 1 != NUM ? source_send : source_end)(&rig->source, pieces[at]);
                if (at + 1 != num_handed || is_written)
                    sink_done(&rig->first);
            }
            sink_leave(&rig->first);
            assert_true(gw_replay_body_is_kept(rig->body));
            sink_start(&rig->second, rig->body);
            if (num_handed == 0)
                assert_int_equal(rig->second.num_events, 0); /* the source was asked and has not called yet */
            else
                sink_done(&rig->second);
            for (; at != NUM; ++at) {
                (at + 1 != NUM ? source_send : source_end)(&rig->source, pieces[at]);
                sink_done(&rig->second);
            }
            assert_int_equal(rig->second.event, GW_BODY_END);
            assert_written(&rig->second, "alpha beta gamma delta");
            assert_int_equal(rig->source.num_more, NUM);
            assert_null(rig->source.bytes);
            rig_free(rig);
        }
}

static void what_comes_between_two_tries_is_kept_for_the_next(void **state)
{
    rig_t *rig = rig_create(1000);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    sink_leave(&rig->first);
    source_send(&rig->source, "def"); /* the wait before the next try */
    assert_int_equal(rig->source.num_more, 1);
    assert_true(gw_replay_body_is_kept(rig->body));
    sink_start(&rig->second, rig->body);
    assert_int_equal(rig->source.num_more, 1);
    sink_write_all(&rig->second);
    assert_int_equal(rig->second.event, GW_BODY_DATA);
    assert_written(&rig->second, "abcdef");
    assert_int_equal(rig->source.num_more, 2);
    source_end(&rig->source, "ghi");
    sink_done(&rig->second);
    assert_written(&rig->second, "abcdefghi");
    rig_free(rig);
}

static void the_end_may_come_between_two_tries(void **state)
{
    rig_t *rig = rig_create(1000);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    sink_leave(&rig->first);
    source_end(&rig->source, "def");
    assert_true(rig->body->is_ended);
    sink_start(&rig->second, rig->body);
    sink_write_all(&rig->second);
    assert_int_equal(rig->second.event, GW_BODY_END);
    assert_written(&rig->second, "abcdef");
    assert_int_equal(rig->source.num_more, 2);
    rig_free(rig);
}

static void an_error_between_two_tries_is_told_to_the_next_at_once(void **state)
{
    static const gw_body_event_t events[] = {GW_BODY_TOO_LARGE, GW_BODY_MALFORMED, GW_BODY_TIMEOUT};
    for (size_t i = 0; i != NUM_OF(events); ++i)
        for (int num_before = 0; num_before != 2; ++num_before) {
            rig_t *rig = rig_create(1000);
            sink_start(&rig->first, rig->body);
            if (num_before != 0) {
                source_send(&rig->source, "abc");
                sink_done(&rig->first);
            }
            sink_leave(&rig->first);
            source_fail(&rig->source, events[i]);
            assert_true(rig->body->is_ended);
            sink_start(&rig->second, rig->body);
            assert_int_equal(rig->second.num_events, 1);
            assert_int_equal(rig->second.event, events[i]);
            assert_int_equal(rig->source.num_more, num_before);
            rig_free(rig);
        }
}

static void what_comes_while_the_sink_is_busy_with_the_kept_bytes_waits(void **state)
{
    rig_t *rig = rig_create(1000);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first); /* the source is asked for more */
    sink_leave(&rig->first);
    sink_start(&rig->second, rig->body);
    source_send(&rig->source, "def");
    assert_int_equal(rig->second.num_events, 1);
    assert_int_equal(rig->source.num_more, 1);
    sink_done(&rig->second);
    assert_int_equal(rig->second.num_events, 2);
    assert_written(&rig->second, "abc");
    assert_int_equal(rig->source.num_more, 1); /* the piece is with the sink */
    sink_done(&rig->second);
    assert_written(&rig->second, "abcdef");
    assert_int_equal(rig->source.num_more, 2);
    source_end(&rig->source, "");
    sink_done(&rig->second);
    assert_written(&rig->second, "abcdef");
    rig_free(rig);
}

static void the_end_that_comes_while_the_sink_is_busy_waits_too(void **state)
{
    static const char *const lasts[] = {"def", ""};
    for (size_t i = 0; i != NUM_OF(lasts); ++i) {
        rig_t *rig = rig_create(1000);
        sink_start(&rig->first, rig->body);
        source_send(&rig->source, "abc");
        sink_done(&rig->first);
        sink_leave(&rig->first);
        sink_start(&rig->second, rig->body);
        source_end(&rig->source, lasts[i]);
        assert_int_equal(rig->second.event, GW_BODY_DATA);
        sink_done(&rig->second);
        assert_int_equal(rig->second.event, GW_BODY_END);
        sink_done(&rig->second);
        assert_written(&rig->second, *lasts[i] != '\0' ? "abcdef" : "abc");
        assert_int_equal(rig->source.num_more, 2);
        rig_free(rig);
    }
}

static void an_error_that_comes_while_the_sink_is_busy_waits_too(void **state)
{
    rig_t *rig = rig_create(1000);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    sink_leave(&rig->first);
    sink_start(&rig->second, rig->body);
    source_fail(&rig->source, GW_BODY_MALFORMED);
    assert_int_equal(rig->second.event, GW_BODY_DATA);
    sink_done(&rig->second);
    assert_int_equal(rig->second.event, GW_BODY_MALFORMED);
    assert_int_equal(rig->source.num_more, 1);
    rig_free(rig);
}

static void a_sink_that_fails_with_a_piece_waiting_leaves_it_to_the_next(void **state)
{
    for (int is_end = 0; is_end != 2; ++is_end)
        for (int is_handed = 0; is_handed != 2; ++is_handed) {
            rig_t *rig = rig_create(1000);
            sink_start(&rig->first, rig->body);
            source_send(&rig->source, "abc");
            sink_done(&rig->first);
            sink_leave(&rig->first);
            sink_start(&rig->second, rig->body);
            (is_end ? source_end : source_send)(&rig->source, "def"); /* waits */
            if (is_handed)
                sink_done(&rig->second);
            sink_leave(&rig->second);
            sink_start(&rig->third, rig->body);
            sink_write_all(&rig->third);
            assert_written(&rig->third, "abcdef");
            assert_int_equal(rig->source.num_more, 2);
            if (!is_end) {
                source_end(&rig->source, "ghi");
                sink_done(&rig->third);
                assert_written(&rig->third, "abcdefghi");
            }
            assert_int_equal(rig->third.event, GW_BODY_END);
            rig_free(rig);
        }
}

static void an_error_that_waits_is_told_to_the_next_sink(void **state)
{
    rig_t *rig = rig_create(1000);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    sink_leave(&rig->first);
    sink_start(&rig->second, rig->body);
    source_fail(&rig->source, GW_BODY_TIMEOUT);
    sink_leave(&rig->second);
    sink_start(&rig->third, rig->body);
    assert_int_equal(rig->third.num_events, 1);
    assert_int_equal(rig->third.event, GW_BODY_TIMEOUT);
    rig_free(rig);
}

static void an_empty_body_is_one_too(void **state)
{
    rig_t *rig = rig_create(0);
    sink_start(&rig->first, rig->body);
    source_end(&rig->source, "");
    assert_int_equal(rig->first.event, GW_BODY_END);
    sink_done(&rig->first);
    sink_leave(&rig->first);
    assert_true(gw_replay_body_is_kept(rig->body));
    for (sink_t *sink = &rig->second; sink <= &rig->third; ++sink) {
        sink_start(sink, rig->body);
        assert_int_equal(sink->num_events, 1);
        assert_int_equal(sink->event, GW_BODY_END);
        sink_done(sink);
        assert_written(sink, "");
        sink_leave(sink);
    }
    assert_int_equal(rig->source.num_more, 1);
    rig_free(rig);
}

static void sinks_and_sources_that_never_wait_get_along(void **state)
{
    rig_t *rig = rig_create(1000);
    rig->second.is_eager = true;
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_leave(&rig->first); /* without having written it: the source waits */
    sink_start(&rig->second, rig->body);
    assert_written(&rig->second, "abc");
    assert_int_equal(rig->source.num_more, 1);
    source_send(&rig->source, "def");
    source_end(&rig->source, "ghi");
    assert_written(&rig->second, "abcdefghi");
    assert_int_equal(rig->source.num_more, 3);
    rig_free(rig);
}

static void a_body_that_is_in_memory_already_can_be_the_source(void **state)
{
    /* it hands over everything from within start */
    static const char *const texts[] = {"all of it", ""};
    for (size_t i = 0; i != NUM_OF(texts); ++i) {
        rig_t *rig = rig_create(0);
        h2o_iovec_t bytes = h2o_strdup(&rig->pool, texts[i], strlen(texts[i]));
        gw_body_t *body = gw_replay_body(&rig->pool, gw_memory_body(&rig->pool, bytes), 1000);
        sink_start(&rig->first, body);
        sink_done(&rig->first);
        assert_written(&rig->first, texts[i]);
        sink_leave(&rig->first);
        rig->second.is_eager = true;
        sink_start(&rig->second, body);
        assert_written(&rig->second, texts[i]);
        assert_int_equal(rig->second.event, GW_BODY_END);
        rig_free(rig);
    }
}

/* bounds ----------------------------------------------------------------------------------------------------------- */

static void a_body_is_kept_up_to_the_limit(void **state)
{
    static const struct {
        const char *about;
        uint64_t limit;
        const char *pieces[4];
        size_t num_slices; /* of each piece */
        bool is_kept;
    } cases[] = {
        {"below", 10, {"abc", "def"}, 1, true},
        {"exactly", 6, {"abc", "def"}, 1, true},
        {"one byte more", 5, {"abc", "def"}, 1, false},
        {"the first piece", 2, {"abc", "def"}, 1, false},
        {"nothing is kept", 0, {"abc"}, 1, false},
        {"the last byte of all", 8, {"abc", "def", "ghi"}, 1, false},
        {"within the slices of a piece", 5, {"abcdef", "ghi"}, 6, false},
        {"exactly at the end of the slices", 6, {"abcdef"}, 6, true},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        rig_t *rig = rig_create(cases[i].limit);
        char all[32] = "";
        sink_start(&rig->first, rig->body);
        for (const char *const *piece = cases[i].pieces; *piece != NULL; ++piece) {
            source_send_slices(&rig->source, piece[1] != NULL ? GW_BODY_DATA : GW_BODY_END, *piece, strlen(*piece),
                               cases[i].num_slices);
            sink_done(&rig->first);
            strcat(all, *piece);
        }
        assert_written(&rig->first, all); /* it passes on all the same */
        assert_int_equal(rig->first.event, GW_BODY_END);
        if (gw_replay_body_is_kept(rig->body) != cases[i].is_kept)
            fail_msg("%s: %s", cases[i].about, cases[i].is_kept ? "not kept" : "kept");
        if (cases[i].is_kept) {
            sink_leave(&rig->first);
            sink_start(&rig->second, rig->body);
            sink_done(&rig->second);
            assert_written(&rig->second, all);
        }
        rig_free(rig);
    }
}

static void the_limit_counts_each_byte_once_however_often_it_is_sent(void **state)
{
    rig_t *rig = rig_create(6);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    sink_leave(&rig->first);
    sink_start(&rig->second, rig->body);
    sink_done(&rig->second);
    sink_leave(&rig->second);
    sink_start(&rig->third, rig->body);
    sink_done(&rig->third);
    source_end(&rig->source, "def");
    assert_true(gw_replay_body_is_kept(rig->body));
    sink_done(&rig->third);
    assert_written(&rig->third, "abcdef");
    rig_free(rig);
}

static void a_sink_that_has_the_kept_bytes_gets_the_rest_although_it_is_too_much_to_keep(void **state)
{
    rig_t *rig = rig_create(5);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    sink_leave(&rig->first);
    sink_start(&rig->second, rig->body);
    source_send_slices(&rig->source, GW_BODY_DATA, "defg", 4, 4); /* two fit */
    sink_done(&rig->second);
    sink_done(&rig->second);
    assert_false(gw_replay_body_is_kept(rig->body));
    source_end(&rig->source, "hi");
    sink_done(&rig->second);
    assert_written(&rig->second, "abcdefghi");
    rig_free(rig);
}

static char *random_bytes(size_t size)
{
    uint64_t random = 42;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i != size; ++i)
        bytes[i] = (char)(gw_random_next(&random) >> 56);
    return bytes;
}

static void sixteen_mebibytes_are_sent_again(void **state)
{
    static const struct {
        size_t piece, num_slices;
    } cases[] = {{65536, 1}, {65521, 16}, {1 << 20, 3}, {16 << 20, 1}, {4096, 2}};
    const size_t size = 16 << 20;
    char *bytes = random_bytes(size);
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        rig_t *rig = rig_create(size);
        rig->first.is_eager = true;
        sink_start(&rig->first, rig->body);
        for (size_t at = 0; at != size;) {
            size_t len = size - at < cases[i].piece ? size - at : cases[i].piece;
            source_send_slices(&rig->source, at + len == size ? GW_BODY_END : GW_BODY_DATA, bytes + at, len,
                               cases[i].num_slices);
            at += len;
        }
        assert_true(gw_replay_body_is_kept(rig->body));
        sink_leave(&rig->first);
        sink_start(&rig->second, rig->body);
        sink_done(&rig->second);
        assert_int_equal(rig->second.num_events, 1);
        assert_int_equal(rig->second.size, size);
        assert_memory_equal(rig->second.bytes, bytes, size);
        rig_free(rig);
    }
    free(bytes);
}

static void one_byte_at_a_time_is_sent_again(void **state)
{
    const size_t size = 20000;
    char *bytes = random_bytes(size);
    rig_t *rig = rig_create(size);
    rig->first.is_eager = true;
    sink_start(&rig->first, rig->body);
    for (size_t i = 0; i != size; ++i)
        source_send_slices(&rig->source, i + 1 == size ? GW_BODY_END : GW_BODY_DATA, bytes + i, 1, 1);
    sink_leave(&rig->first);
    sink_start(&rig->second, rig->body);
    sink_done(&rig->second);
    assert_int_equal(rig->second.size, size);
    assert_memory_equal(rig->second.bytes, bytes, size);
    rig_free(rig);
    free(bytes);
}

/* the end of it ---------------------------------------------------------------------------------------------------- */

static void what_is_committed_is_passed_on(void **state)
{
    rig_t *rig = rig_create(4);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    gw_replay_body_commit(rig->body); /* the response came before the end of the request */
    source_send(&rig->source, "def");
    sink_done(&rig->first);
    source_end(&rig->source, "ghi");
    sink_done(&rig->first);
    assert_written(&rig->first, "abcdefghi");
    assert_int_equal(rig->source.num_more, 3);
    rig_free(rig);
}

static void what_is_committed_while_the_sink_is_busy_with_the_kept_bytes_is_passed_on_too(void **state)
{
    rig_t *rig = rig_create(1000);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    sink_leave(&rig->first);
    sink_start(&rig->second, rig->body);
    gw_replay_body_commit(rig->body);
    source_send(&rig->source, "def");
    sink_done(&rig->second);
    sink_done(&rig->second);
    source_end(&rig->source, "ghi");
    sink_done(&rig->second);
    assert_written(&rig->second, "abcdefghi");
    rig_free(rig);
}

static void a_body_that_is_closed_wants_nothing_of_its_source(void **state)
{
    rig_t *rig = rig_create(1000);
    gw_replay_body_close(rig->body); /* before anybody started it */
    assert_null(rig->source.super.sink);
    sink_start(&rig->first, rig->body);
    assert_non_null(rig->source.super.sink);
    source_send(&rig->source, "abc");
    sink_leave(&rig->first);
    gw_replay_body_close(rig->body);
    assert_null(rig->source.super.sink);
    gw_replay_body_close(rig->body);
    assert_null(rig->source.super.sink);
    rig_free(rig);
}

static void closing_does_not_take_the_source_from_somebody_else(void **state)
{
    rig_t *rig = rig_create(1000);
    sink_start(&rig->first, rig->body);
    rig->source.super.sink = &rig->second;
    gw_replay_body_close(rig->body);
    assert_ptr_equal(rig->source.super.sink, &rig->second);
    rig_free(rig);
}

/** Whatever the order of things, each sink writes the body from its beginning, and the last one all of it. */
static void in_any_order_every_sink_gets_the_body(void **state)
{
    uint64_t random = 99;
    const size_t max = 30000;
    char *bytes = random_bytes(max);
    for (int round = 0; round != 3000; ++round) {
        rig_t *rig = rig_create(max);
        size_t size = gw_random_below(&random, (uint32_t)max + 1), sent = 0, num_sinks = 1;
        sink_t *sink = &rig->first;
        bool is_done = false, is_sent = false;
        sink_start(sink, rig->body);
        while (!is_done) {
            switch (gw_random_below(&random, 10)) {
            case 0: /* it fails */
                if (sink->body->sink == sink && num_sinks < 6) {
                    sink_leave(sink);
                    ++num_sinks;
                }
                break;
            case 1: /* the next one comes */
            case 2:
                if (sink->body->sink == sink)
                    break;
                assert_true(gw_replay_body_is_kept(rig->body));
                sink_dispose(sink);
                sink->is_eager = gw_random_below(&random, 3) == 0;
                sink_start(sink, rig->body);
                break;
            case 3: /* the source delivers */
            case 4:
            case 5:
                if (rig->source.is_asked && !is_sent) {
                    size_t len = gw_random_below(&random, 9000), left = size - sent;
                    if (len > left || gw_random_below(&random, 20) == 0)
                        len = left;
                    is_sent = sent + len == size;
                    size_t at = sent;
                    sent += len;
                    source_send_slices(&rig->source, is_sent ? GW_BODY_END : GW_BODY_DATA, bytes + at, len,
                                       len != 0 ? 1 + gw_random_below(&random, GW_BODY_MAX_SLICES) : 0);
                }
                break;
            default: /* the sink has written */
                if (sink->is_busy)
                    sink_done(sink);
                break;
            }
            assert_true(sink->size <= sent && memcmp(sink->bytes != NULL ? sink->bytes : "", bytes, sink->size) == 0);
            is_done = rig->body->sink == sink && sink->event == GW_BODY_END && !sink->is_busy;
        }
        assert_int_equal(sink->size, size);
        assert_null(rig->source.bytes);
        rig_free(rig);
    }
    free(bytes);
}

/* a retry was decided because the body was kept; what the client sends until the next sink is there must not undo that
 * (and the sink must not be met by an assertion) */
static void what_is_too_much_to_keep_waits_for_the_next_sink_when_it_comes_between_two_tries(void **state)
{
    static const char *const pieces[] = {"defghi", "abcdefghi"};
    for (size_t i = 0; i != NUM_OF(pieces); ++i) {
        rig_t *rig = rig_create(5);
        char all[32] = "";
        sink_start(&rig->first, rig->body);
        if (i == 0) {
            source_send(&rig->source, strcpy(all, "abc"));
            sink_done(&rig->first);
        }
        sink_leave(&rig->first);
        assert_true(gw_replay_body_is_kept(rig->body));
        source_send(&rig->source, pieces[i]);
        strcat(all, pieces[i]);
        assert_true(gw_replay_body_is_kept(rig->body));
        sink_start(&rig->second, rig->body);
        sink_write_all(&rig->second);
        assert_written(&rig->second, all);
        assert_false(gw_replay_body_is_kept(rig->body)); /* from now on it is too late */
        source_end(&rig->source, "jkl");
        sink_write_all(&rig->second);
        assert_written(&rig->second, strcat(all, "jkl"));
        assert_int_equal(rig->second.event, GW_BODY_END);
        rig_free(rig);
    }
}

static void what_was_committed_and_went_by_is_not_kept(void **state)
{
    rig_t *rig = rig_create(1000);
    sink_start(&rig->first, rig->body);
    source_send(&rig->source, "abc");
    sink_done(&rig->first);
    gw_replay_body_commit(rig->body);
    source_send(&rig->source, "def");
    sink_done(&rig->first);
    assert_false(gw_replay_body_is_kept(rig->body)); /* a new sink would get "abc" only */
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_is_passed_on_piece_by_piece),
        cmocka_unit_test(it_says_of_the_body_what_the_source_says),
        cmocka_unit_test(an_error_of_the_source_is_passed_on),
        cmocka_unit_test(a_second_sink_gets_all_of_it_wherever_the_first_one_failed),
        cmocka_unit_test(what_comes_between_two_tries_is_kept_for_the_next),
        cmocka_unit_test(the_end_may_come_between_two_tries),
        cmocka_unit_test(an_error_between_two_tries_is_told_to_the_next_at_once),
        cmocka_unit_test(what_comes_while_the_sink_is_busy_with_the_kept_bytes_waits),
        cmocka_unit_test(the_end_that_comes_while_the_sink_is_busy_waits_too),
        cmocka_unit_test(an_error_that_comes_while_the_sink_is_busy_waits_too),
        cmocka_unit_test(a_sink_that_fails_with_a_piece_waiting_leaves_it_to_the_next),
        cmocka_unit_test(an_error_that_waits_is_told_to_the_next_sink),
        cmocka_unit_test(an_empty_body_is_one_too),
        cmocka_unit_test(sinks_and_sources_that_never_wait_get_along),
        cmocka_unit_test(a_body_that_is_in_memory_already_can_be_the_source),
        cmocka_unit_test(a_body_is_kept_up_to_the_limit),
        cmocka_unit_test(the_limit_counts_each_byte_once_however_often_it_is_sent),
        cmocka_unit_test(a_sink_that_has_the_kept_bytes_gets_the_rest_although_it_is_too_much_to_keep),
        cmocka_unit_test(sixteen_mebibytes_are_sent_again),
        cmocka_unit_test(one_byte_at_a_time_is_sent_again),
        cmocka_unit_test(what_is_committed_is_passed_on),
        cmocka_unit_test(what_is_committed_while_the_sink_is_busy_with_the_kept_bytes_is_passed_on_too),
        cmocka_unit_test(a_body_that_is_closed_wants_nothing_of_its_source),
        cmocka_unit_test(closing_does_not_take_the_source_from_somebody_else),
        cmocka_unit_test(in_any_order_every_sink_gets_the_body),
        cmocka_unit_test(what_is_too_much_to_keep_waits_for_the_next_sink_when_it_comes_between_two_tries),
        cmocka_unit_test(what_was_committed_and_went_by_is_not_kept),
    };
    return cmocka_run_group_tests_name("replay body", tests, NULL, NULL);
}
