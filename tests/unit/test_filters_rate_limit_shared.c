/* SPDX-License-Identifier: MIT
 * Shared limits over a store that the test plays itself: what is asked when, who gets which answer, and what goes back.
 * The time is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "filters/rate_limit/store/lease_desk.h"
#include "gateway/base/memory.h"

/* the played store ------------------------------------------------------------------------------------------------- */

enum { max_asked = 4096, timeout_ms = 50, lease_ms = 1000, num_workers = 2 };

/** A call as the gateway made it. */
typedef struct asked {
    gw_redis_call_t *call; /* NULL: nobody waits for it any more */
    bool has_text;
    char op;
    uint64_t least, most, cost; /* cost: in ticks, 100000 a token */
    uint64_t deadline_ms;
    char key[128];
} asked_t;

struct gw_redis {
    gw_redis_result_t state; /* GW_REDIS_SENT, or why nothing can be sent */
    asked_t asked[max_asked];
    size_t num_asked, num_seen;
    uint64_t connection;
    size_t references;
};

static const gw_limits_answer_t nothing_refused;

static gw_redis_t store_played;
static gw_worker_t worker;

static uint64_t number_of(gw_str_t text)
{
    char copy[32] = "";
    memcpy(copy, text.ptr, text.len);
    return strtoull(copy, NULL, 10);
}

gw_redis_result_t gw_redis_send(gw_redis_t *redis, gw_redis_call_t *call, const gw_str_t *args, size_t num_args,
                                uint64_t timeout)
{
    if (redis->state != GW_REDIS_SENT)
        return redis->state;
    assert_true(redis->num_asked < max_asked);
    assert_true(num_args >= 4 + 5 + 8);
    size_t num_keys = number_of(args[2]);
    const gw_str_t *numbers = args + 3 + num_keys;
    asked_t *asked = &redis->asked[redis->num_asked++];
    *asked = (asked_t){
        .call = call,
        .has_text = args[0].len == 4,
        .op = numbers[0].ptr[0],
        .least = number_of(numbers[3]),
        .most = number_of(numbers[4]),
        .cost = number_of(numbers[5 + 6]) / 100000,
        .deadline_ms = gw_worker_now_ms(&worker) + timeout,
    };
    memcpy(asked->key, args[3].ptr, args[3].len);
    call->redis = redis;
    call->slot = redis->num_asked - 1;
    return GW_REDIS_SENT;
}

void gw_redis_cancel(gw_redis_call_t *call)
{
    if (call->redis != NULL)
        call->redis->asked[call->slot].call = NULL;
    call->redis = NULL;
}

uint64_t gw_redis_connection_number(const gw_redis_t *redis)
{
    return redis->connection;
}

const char *gw_redis_name(const gw_redis_t *redis)
{
    (void)redis;
    return "played";
}

const char *gw_redis_result_text(gw_redis_result_t result)
{
    static const char *const texts[] = {"sent", "reply", "timeout", "lost", "down", "busy"};
    return texts[result];
}

gw_redis_pool_t *gw_redis_pool_open(const gw_redis_conf_t *conf, struct gw_resolver *resolver, size_t num)
{
    (void)conf, (void)resolver, (void)num;
    return (gw_redis_pool_t *)&store_played;
}

gw_redis_pool_t *gw_redis_pool_unref(gw_redis_pool_t *pool)
{
    (void)pool;
    return NULL;
}

gw_redis_t *gw_redis_pool_get(gw_redis_pool_t *pool, gw_worker_t *of)
{
    (void)pool, (void)of;
    ++store_played.references;
    return &store_played;
}

gw_redis_t *gw_redis_release(gw_redis_t *redis)
{
    for (size_t i = 0; i != redis->num_asked; ++i)
        assert_null(redis->asked[i].call); /* else its memory goes while it is under way */
    --redis->references;
    return NULL;
}

/** The next call that the gateway has made. */
static asked_t *next_asked(void)
{
    if (store_played.num_seen == store_played.num_asked)
        fail_msg("the store is not asked");
    return &store_played.asked[store_played.num_seen++];
}

static asked_t *expect_asked(char op, uint64_t tokens)
{
    asked_t *asked = next_asked();
    uint64_t found = asked->op == 'l' ? asked->most : asked->cost;
    if (asked->op != op || found != tokens)
        fail_msg("the store is asked '%c' for %llu, not '%c' for %llu", asked->op, (unsigned long long)found, op,
                 (unsigned long long)tokens);
    return asked;
}

static void expect_not_asked(void)
{
    if (store_played.num_seen != store_played.num_asked)
        fail_msg("the store is asked '%c'", store_played.asked[store_played.num_seen].op);
}

static void reply_with(asked_t *asked, gw_redis_result_t result, const gw_redis_reply_t *reply)
{
    gw_redis_call_t *call = asked->call;
    if (call == NULL)
        return;
    asked->call = NULL;
    call->redis = NULL;
    call->on_reply(call, result, reply);
}

/** @param missing tokens from the bucket afterwards, of 20 */
static void answer(asked_t *asked, int64_t done, uint64_t missing)
{
    gw_redis_reply_t elements[4] = {
        {.type = GW_REDIS_INTEGER, .integer = done},
        {.type = GW_REDIS_INTEGER},
        {.type = GW_REDIS_INTEGER, .integer = (int64_t)missing * 100000},
        {.type = GW_REDIS_INTEGER},
    };
    reply_with(asked, GW_REDIS_REPLY,
               &(gw_redis_reply_t){.type = GW_REDIS_ARRAY, .num_elements = 4, .elements = elements});
}

static void answer_error(asked_t *asked, const char *text)
{
    reply_with(asked, GW_REDIS_REPLY, &(gw_redis_reply_t){.type = GW_REDIS_ERROR, .text = gw_str_of(text)});
}

static void pass_ms(uint64_t ms)
{
    worker.clock_us += ms * 1000;
    for (size_t i = 0; i != store_played.num_asked; ++i)
        if (store_played.asked[i].call != NULL && store_played.asked[i].deadline_ms <= gw_worker_now_ms(&worker))
            reply_with(&store_played.asked[i], GW_REDIS_TIMEOUT, NULL);
    gw_timer_wheel_run(&worker.timers, gw_worker_now_ms(&worker));
}

/* the gateway's side ----------------------------------------------------------------------------------------------- */

static const gw_limit_conf_t ten_a_second = {.name = "default", .rate = {10, 1000000}, .burst = 20};

static gw_shared_conf_t conf_of(gw_shared_mode_t mode)
{
    return (gw_shared_conf_t){.name = "polite",
                              .mode = mode,
                              .timeout_ms = timeout_ms,
                              .lease_tokens = 20,
                              .lease_ms = lease_ms,
                              .keys = 100,
                              .limits = &ten_a_second,
                              .num_limits = 1};
}

typedef struct world {
    gw_shared_store_t *store;
    gw_shared_side_t *side;
} world_t;

static void begin(world_t *world, gw_shared_mode_t mode)
{
    memset(&store_played, 0, sizeof(store_played));
    store_played.state = GW_REDIS_SENT;
    store_played.connection = 1;
    memset(&worker, 0, sizeof(worker));
    worker.is_clock_fresh = true;
    worker.clock_us = 5000000000;
    gw_timer_wheel_init(&worker.timers, gw_worker_now_ms(&worker));
    gw_shared_conf_t conf = conf_of(mode);
    world->store = gw_shared_store_create(&conf, NULL, num_workers, NULL);
    world->side = gw_shared_side_create(world->store, &worker);
}

static int begin_exact(void **state)
{
    static world_t world;
    begin(&world, GW_SHARED_EXACT);
    *state = &world;
    return 0;
}

static int begin_lease(void **state)
{
    static world_t world;
    begin(&world, GW_SHARED_LEASE);
    *state = &world;
    return 0;
}

static int end(void **state)
{
    world_t *world = *state;
    world->side = gw_shared_side_free(world->side);
    world->store = gw_shared_store_unref(world->store);
    return store_played.references == 0 ? 0 : -1;
}

typedef struct request {
    gw_shared_take_t take;
    gw_client_key_t key;
    int num_answers;
    gw_shared_result_t result; /* GW_SHARED_LATER: not yet */
    void (*then)(struct request *request);
    struct request *other;
} request_t;

static void on_answer(gw_shared_take_t *take, gw_shared_result_t result)
{
    request_t *request = take->caller;
    ++request->num_answers;
    request->result = result;
    if (request->then != NULL)
        request->then(request);
}

static gw_client_key_t key_of(const char *client)
{
    return (gw_client_key_t){.values = {gw_str_of(client)}, .num_values = 1};
}

static void ask_as(const world_t *world, request_t *request, const char *client, uint64_t cost)
{
    memset(&request->take, 0xa5, sizeof(request->take)); /* what the gateway must not rely on */
    request->key = key_of(client);
    request->num_answers = 0;
    request->take.on_answer = on_answer;
    request->take.caller = request;
    request->take.key = &request->key;
    request->take.cost = cost;
    request->take.max_wait_us = 0;
    request->result = gw_shared_take(world->side, &request->take);
}

static void ask(const world_t *world, request_t *request, uint64_t cost)
{
    ask_as(world, request, "somebody", cost);
}

static void expect_pass(const request_t *request)
{
    assert_int_equal(request->result, GW_SHARED_KNOWN);
    assert_int_equal(request->take.answer.refused_by, 0);
}

static void expect_refusal(const request_t *request, uint64_t wait_us)
{
    assert_int_equal(request->result, GW_SHARED_KNOWN);
    assert_int_equal(request->take.answer.refused_by, 1);
    assert_int_equal(request->take.answer.wait_us, wait_us);
}

static void expect_unknown(const request_t *request, const char *cause)
{
    assert_int_equal(request->result, GW_SHARED_UNKNOWN);
    assert_string_equal(request->take.cause, cause);
}

/* exact ------------------------------------------------------------------------------------------------------------ */

static void every_decision_is_a_call(void **state)
{
    const world_t *world = *state;
    request_t passes = {.then = NULL}, waits = passes;
    ask(world, &passes, 3);
    ask_as(world, &waits, "somebody else", 1);
    asked_t *first = expect_asked('t', 3), *second = expect_asked('t', 1);
    assert_string_not_equal(first->key, second->key);
    answer(first, 1, 5);
    expect_pass(&passes);
    assert_int_equal(passes.take.answer.levels[0].remaining, 15);
    assert_int_equal(waits.result, GW_SHARED_LATER);
    answer(second, 0, 20);
    expect_refusal(&waits, 100000);
    assert_int_equal(passes.num_answers + waits.num_answers, 2);
}

static void a_store_that_is_gone_is_said_at_once(void **state)
{
    static const gw_redis_result_t states[] = {GW_REDIS_DOWN, GW_REDIS_BUSY};
    for (size_t i = 0; i != 2; ++i) {
        request_t request = {.then = NULL};
        store_played.state = states[i];
        ask(*state, &request, 1);
        expect_unknown(&request, gw_redis_result_text(states[i]));
        assert_int_equal(request.num_answers, 0);
    }
}

static void a_store_that_is_slow_lost_or_complains_has_a_cause(void **state)
{
    request_t slow = {.then = NULL}, lost = slow, full = slow, strange = slow;
    ask(*state, &slow, 1);
    next_asked();
    pass_ms(timeout_ms - 1);
    assert_int_equal(slow.result, GW_SHARED_LATER);
    pass_ms(1);
    expect_unknown(&slow, "timeout");
    ask(*state, &lost, 1);
    reply_with(next_asked(), GW_REDIS_LOST, NULL);
    expect_unknown(&lost, "lost");
    ask(*state, &full, 1);
    answer_error(next_asked(), "OOM command not allowed when used memory > 'maxmemory'.");
    expect_unknown(&full, "out_of_memory");
    ask(*state, &strange, 1);
    answer(next_asked(), 7, 0);
    expect_unknown(&strange, "malformed");
}

static void a_server_without_the_script_gets_it_once(void **state)
{
    request_t first = {.then = NULL}, second = first, third = first;
    ask(*state, &first, 1);
    ask(*state, &second, 1);
    ask(*state, &third, 1);
    asked_t *calls[3];
    for (int i = 0; i != 3; ++i)
        assert_false((calls[i] = next_asked())->has_text);
    for (int i = 0; i != 3; ++i)
        answer_error(calls[i], "NOSCRIPT No matching script. Please use EVAL.");
    for (int i = 0; i != 3; ++i)
        assert_int_equal((calls[i] = next_asked())->has_text, i == 0); /* the others follow it down the pipeline */
    answer(calls[0], 1, 1);
    answer(calls[1], 1, 2);
    answer_error(calls[2], "NOSCRIPT it was flushed again");
    asked_t *last = next_asked();
    assert_true(last->has_text);
    answer(last, 1, 3);
    expect_pass(&first);
    expect_pass(&second);
    expect_pass(&third);
    expect_not_asked();
}

static void a_server_that_never_has_the_script_is_not_asked_for_ever(void **state)
{
    request_t request = {.then = NULL};
    ask(*state, &request, 1);
    answer_error(next_asked(), "NOSCRIPT");
    answer_error(next_asked(), "NOSCRIPT");
    expect_unknown(&request, "error");
    expect_not_asked();
}

static void bringing_the_script_takes_no_more_time_than_there_is(void **state)
{
    request_t request = {.then = NULL};
    ask(*state, &request, 1);
    asked_t *asked = next_asked();
    pass_ms(timeout_ms - 10);
    answer_error(asked, "NOSCRIPT");
    next_asked();
    pass_ms(9);
    assert_int_equal(request.result, GW_SHARED_LATER);
    pass_ms(1);
    expect_unknown(&request, "timeout");
}

static void what_a_cancelled_request_took_goes_back(void **state)
{
    static const struct {
        const char *about;
        int64_t done;
        uint64_t missing, cost;
        bool goes_back;
    } cases[] = {{"taken", 1, 5, 3, true}, {"refused", 0, 20, 3, false}, {"only looked", 1, 5, 0, false}};
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        request_t request = {.then = NULL};
        ask(*state, &request, cases[i].cost);
        asked_t *asked = next_asked();
        gw_shared_cancel(&request.take);
        memset(&request, 0xff, sizeof(request)); /* its memory is gone */
        answer(asked, cases[i].done, cases[i].missing);
        if (!cases[i].goes_back) {
            expect_not_asked();
            continue;
        }
        asked_t *back = expect_asked('g', cases[i].cost);
        assert_string_equal(back->key, asked->key);
        answer(back, 1, 2);
    }
}

static void a_cancelled_request_without_an_answer_brings_nothing_back(void **state)
{
    request_t slow = {.then = NULL}, lost = slow;
    ask(*state, &slow, 1);
    next_asked();
    gw_shared_cancel(&slow.take);
    pass_ms(timeout_ms);
    ask(*state, &lost, 1);
    asked_t *asked = next_asked();
    gw_shared_cancel(&lost.take);
    reply_with(asked, GW_REDIS_LOST, NULL);
    expect_not_asked();
    assert_int_equal(slow.num_answers + lost.num_answers, 0);
}

static void cancelling_what_is_over_does_nothing(void **state)
{
    request_t request = {.then = NULL};
    ask(*state, &request, 1);
    answer(next_asked(), 1, 1);
    gw_shared_cancel(&request.take);
    expect_not_asked();
    store_played.state = GW_REDIS_DOWN;
    ask(*state, &request, 1);
    gw_shared_cancel(&request.take);
}

static void corrections_are_calls_that_nobody_waits_for(void **state)
{
    const world_t *world = *state;
    gw_client_key_t key = key_of("somebody");
    gw_shared_correct(world->side, &key, 4, &nothing_refused);
    answer(expect_asked('c', 4), 1, 4);
    gw_shared_correct(world->side, &key, -3, &nothing_refused);
    expect_asked('g', 3); /* under way when the side is freed */
    gw_shared_correct(world->side, &key, 0, &nothing_refused);
    expect_not_asked();
    store_played.state = GW_REDIS_DOWN;
    gw_shared_correct(world->side, &key, 4, &nothing_refused);
}

/* leases ----------------------------------------------------------------------------------------------------------- */

static void the_first_fetches_and_the_others_wait_with_it(void **state)
{
    request_t requests[5] = {{.then = NULL}};
    for (int i = 0; i != 5; ++i)
        ask(*state, &requests[i], 1);
    asked_t *fetch = expect_asked('l', 20);
    assert_int_equal(fetch->least, 1);
    expect_not_asked();
    answer(fetch, 20, 20);
    for (int i = 0; i != 5; ++i) {
        expect_pass(&requests[i]);
        assert_int_equal(requests[i].num_answers, 1);
        assert_int_equal(requests[i].take.answer.levels[0].remaining, 19 - i);
    }
    expect_not_asked();
}

static void fetch_lease(const world_t *world, uint64_t tokens)
{
    request_t request = {.then = NULL};
    ask(world, &request, 1);
    answer(expect_asked('l', 20), (int64_t)tokens, 20);
    expect_pass(&request);
}

static void a_lease_is_used_without_calls_and_renewed_before_it_ends(void **state)
{
    request_t request = {.then = NULL};
    fetch_lease(*state, 20);
    for (int left = 18; left > 5; --left) {
        ask(*state, &request, 1);
        expect_pass(&request);
        expect_not_asked();
    }
    ask(*state, &request, 1); /* the one that leaves a quarter */
    expect_pass(&request);
    asked_t *ahead = expect_asked('l', 15);
    ask(*state, &request, 1);
    expect_pass(&request);
    expect_not_asked();
    answer(ahead, 15, 20);
    ask(*state, &request, 0);
    assert_int_equal(request.take.answer.levels[0].remaining, 19);
    expect_not_asked();
}

static void a_failed_renewal_harms_nobody(void **state)
{
    request_t request = {.then = NULL};
    fetch_lease(*state, 20);
    ask(*state, &request, 15);
    expect_pass(&request);
    reply_with(expect_asked('l', 16), GW_REDIS_LOST, NULL);
    for (int left = 4; left != 0; --left) {
        ask(*state, &request, 1);
        expect_pass(&request);
    }
    expect_not_asked();
    store_played.state = GW_REDIS_DOWN;
    ask(*state, &request, 1);
    expect_unknown(&request, "down");
}

static void a_refusal_is_no_call_until_a_token_is_due(void **state)
{
    request_t request = {.then = NULL};
    ask(*state, &request, 1);
    answer(expect_asked('l', 20), 0, 20);
    expect_refusal(&request, 100000);
    for (int i = 0; i != 1000; ++i) {
        ask(*state, &request, 1);
        expect_refusal(&request, 100000);
    }
    pass_ms(40);
    ask(*state, &request, 1);
    expect_refusal(&request, 60000);
    assert_int_equal(request.take.answer.levels[0].remaining, 0);
    expect_not_asked();
    pass_ms(60);
    ask(*state, &request, 1);
    answer(expect_asked('l', 20), 1, 20);
    expect_pass(&request);
}

/** Another gateway may have brought tokens back since. */
static void a_refusal_is_believed_no_longer_than_a_lease_lives(void **state)
{
    static const gw_limit_conf_t slow = {.name = "default", .rate = {1, 10000000}, .burst = 20};
    gw_shared_conf_t conf = conf_of(GW_SHARED_LEASE);
    request_t request = {.then = NULL};
    world_t other;
    (void)state;
    conf.limits = &slow;
    other.store = gw_shared_store_create(&conf, NULL, num_workers, NULL);
    other.side = gw_shared_side_create(other.store, &worker);
    ask(&other, &request, 1);
    answer(expect_asked('l', 20), 0, 20 * 100); /* 20 tokens of 10 s */
    expect_refusal(&request, 10000000);
    pass_ms(lease_ms - 1);
    ask(&other, &request, 1);
    expect_not_asked();
    pass_ms(1);
    ask(&other, &request, 1);
    answer(expect_asked('l', 20), 20, 20 * 100);
    expect_pass(&request);
    gw_shared_side_free(other.side);
    gw_shared_store_unref(other.store);
}

static void one_that_wants_several_does_not_refuse_those_that_want_one(void **state)
{
    request_t greedy = {.then = NULL}, modest = greedy;
    ask(*state, &greedy, 5);
    answer(expect_asked('l', 20), 0, 17);
    expect_refusal(&greedy, 200000);
    ask(*state, &modest, 1);
    answer(expect_asked('l', 20), 3, 20);
    expect_pass(&modest);
}

static void the_rest_of_a_bucket_goes_to_those_who_came_first(void **state)
{
    request_t requests[4] = {{.then = NULL}};
    for (int i = 0; i != 4; ++i)
        ask(*state, &requests[i], 1);
    answer(expect_asked('l', 20), 2, 20);
    expect_pass(&requests[0]);
    expect_pass(&requests[1]);
    expect_refusal(&requests[2], 100000);
    expect_refusal(&requests[3], 100000);
    expect_not_asked();
}

static void more_waiters_than_a_lease_has_tokens_fetch_again(void **state)
{
    static request_t requests[30];
    memset(requests, 0, sizeof(requests));
    for (int i = 0; i != 30; ++i)
        ask(*state, &requests[i], 1);
    asked_t *first = expect_asked('l', 20);
    pass_ms(10);
    answer(first, 20, 10); /* a store that fills fast */
    for (int i = 0; i != 20; ++i)
        expect_pass(&requests[i]);
    assert_int_equal(requests[20].result, GW_SHARED_LATER);
    asked_t *second = expect_asked('l', 20);
    assert_int_equal(second->deadline_ms, first->deadline_ms); /* nobody waits longer than his time */
    answer(second, 20, 20);
    for (int i = 20; i != 30; ++i)
        expect_pass(&requests[i]);
}

static void a_fetch_that_fails_is_said_to_all_who_wait(void **state)
{
    request_t requests[3] = {{.then = NULL}};
    for (int i = 0; i != 3; ++i)
        ask(*state, &requests[i], 1);
    expect_asked('l', 20);
    pass_ms(timeout_ms);
    for (int i = 0; i != 3; ++i)
        expect_unknown(&requests[i], "timeout");
    ask(*state, &requests[0], 1);
    answer_error(expect_asked('l', 1), "READONLY You can't write against a read only replica.");
    expect_unknown(&requests[0], "read_only");
}

/** What is taken by a fetch whose answer comes too late is gone: so it is not more than the requests would take. */
static void a_store_that_is_slow_does_not_eat_the_bucket(void **state)
{
    request_t request = {.then = NULL};
    ask(*state, &request, 1);
    expect_asked('l', 20);
    pass_ms(timeout_ms);
    for (int i = 0; i != 10; ++i) {
        ask_as(*state, &request, i % 2 == 0 ? "somebody" : "somebody else", 2);
        expect_asked('l', 2);
        pass_ms(timeout_ms);
        expect_unknown(&request, "timeout");
    }
    ask(*state, &request, 1);
    answer(expect_asked('l', 1), 1, 1);
    expect_pass(&request);
    fetch_lease(*state, 20);
}

static void what_is_left_when_the_time_is_over_goes_back(void **state)
{
    fetch_lease(*state, 20);
    pass_ms(lease_ms - 1);
    expect_not_asked();
    pass_ms(1 + GW_TIMER_TICK_MS);
    asked_t *back = expect_asked('g', 19);
    assert_string_equal(back->key, store_played.asked[0].key);
    pass_ms(10 * lease_ms);
    expect_not_asked();
}

static void a_renewed_lease_goes_back_after_its_last_time(void **state)
{
    request_t request = {.then = NULL};
    fetch_lease(*state, 20);
    pass_ms(lease_ms / 2);
    ask(*state, &request, 15);
    answer(expect_asked('l', 16), 16, 20);
    pass_ms(lease_ms / 2 + GW_TIMER_TICK_MS);
    expect_not_asked();
    pass_ms(lease_ms / 2);
    expect_asked('g', 20);
}

static void many_leases_go_back_a_part_at_a_time(void **state)
{
    request_t request = {.then = NULL};
    char client[32];
    for (int i = 0; i != 100; ++i) {
        sprintf(client, "client %d", i);
        ask_as(*state, &request, client, 1);
        answer(expect_asked('l', 20), 20, 20);
    }
    for (int i = 0; i != 5; ++i)
        pass_ms(lease_ms / 4);
    for (int i = 0; i != 100; ++i)
        expect_asked('g', 19);
    expect_not_asked();
}

static void when_too_many_leases_are_out_what_is_not_used_goes_back_at_once(void **state)
{
    request_t request = {.then = NULL};
    char client[32];
    for (int i = 0; i != GW_MAX_NOTES; ++i) {
        sprintf(client, "client %d", i % 50);
        ask_as(*state, &request, client, 1);
        if (request.result == GW_SHARED_LATER)
            answer(next_asked(), 1, 20);
        expect_pass(&request);
        store_played.num_asked = store_played.num_seen = 0;
    }
    ask(*state, &request, 1);
    asked_t *asked = expect_asked('l', 1);
    gw_shared_cancel(&request.take);
    answer(asked, 1, 20);
    expect_asked('g', 1);
    store_played.num_asked = store_played.num_seen = 0;
}

static void a_cancelled_waiter_leaves_its_lease_to_others(void **state)
{
    request_t gone = {.then = NULL}, stays = gone, later = gone;
    ask(*state, &gone, 1);
    ask(*state, &stays, 1);
    gw_shared_cancel(&gone.take);
    memset(&gone, 0xff, sizeof(gone));
    answer(expect_asked('l', 20), 20, 20);
    expect_pass(&stays);
    assert_int_equal(stays.take.answer.levels[0].remaining, 19);
    ask(*state, &later, 1);
    expect_pass(&later);
    expect_not_asked();
}

static void the_last_side_brings_leases_back(void **state)
{
    world_t *world = *state;
    gw_shared_side_t *second = gw_shared_side_create(world->store, &worker); /* a reload: the old view and the new */
    fetch_lease(world, 20);
    gw_shared_side_free(second);
    expect_not_asked();
    world->side = gw_shared_side_free(world->side);
    expect_asked('g', 19);
}

static void a_side_may_go_while_a_fetch_is_under_way(void **state)
{
    world_t *world = *state;
    request_t request = {.then = NULL};
    ask(world, &request, 1);
    asked_t *fetch = expect_asked('l', 20);
    gw_shared_cancel(&request.take);
    world->side = gw_shared_side_free(world->side);
    assert_null(fetch->call);
}

static world_t *going;

static void free_side(request_t *request)
{
    (void)request;
    going->side = gw_shared_side_free(going->side);
}

static void cancel_other(request_t *request)
{
    gw_shared_cancel(&request->other->take);
}

static void ask_again(request_t *request)
{
    request->then = NULL;
    ask(going, request->other, 1);
}

static void an_answer_may_cancel_ask_and_free(void **state)
{
    going = *state;
    request_t last = {.then = free_side}, again = {.then = NULL}, asks = {.then = ask_again, .other = &again},
              gone = {.then = NULL}, cancels = {.then = cancel_other, .other = &gone};
    ask(going, &cancels, 1);
    ask(going, &gone, 1);
    ask(going, &asks, 1);
    ask(going, &last, 1);
    answer(expect_asked('l', 20), 20, 20);
    expect_pass(&cancels);
    assert_int_equal(gone.num_answers, 0);
    expect_pass(&asks);
    expect_pass(&again);
    expect_pass(&last);
    expect_asked('g', 16); /* by the side, which is gone */
}

static void corrections_are_settled_with_the_lease(void **state)
{
    const world_t *world = *state;
    gw_client_key_t key = key_of("somebody");
    request_t request = {.then = NULL};
    fetch_lease(world, 10);
    gw_shared_correct(world->side, &key, -1, &nothing_refused);
    gw_shared_correct(world->side, &key, 4, &nothing_refused);
    ask(world, &request, 0);
    assert_int_equal(request.take.answer.levels[0].remaining, 6);
    expect_not_asked();
    gw_shared_correct(world->side, &key, 10, &nothing_refused);
    expect_asked('c', 4);
    gw_shared_correct(world->side, &key, -25, &nothing_refused);
    expect_asked('g', 5);
}

static void more_than_a_lease_is_a_call_of_its_own(void **state)
{
    request_t request = {.then = NULL};
    fetch_lease(*state, 20);
    ask(*state, &request, 21);
    answer(expect_asked('t', 20), 0, 20); /* as much as the bucket holds */
    assert_int_equal(request.take.answer.refused_by, 1);
}

static void what_is_left_counts_for_a_larger_request(void **state)
{
    request_t request = {.then = NULL};
    fetch_lease(*state, 4);
    ask(*state, &request, 5);
    asked_t *fetch = expect_asked('l', 17);
    assert_int_equal(fetch->least, 2);
    answer(fetch, 2, 20);
    expect_pass(&request);
}

static void too_many_clients_at_once_make_calls_of_their_own(void **state)
{
    static request_t requests[GW_MAX_FETCHES + 1];
    memset(requests, 0, sizeof(requests));
    static char clients[GW_MAX_FETCHES + 1][16];
    for (int i = 0; i != GW_MAX_FETCHES + 1; ++i) {
        sprintf(clients[i], "client %d", i);
        ask_as(*state, &requests[i], clients[i], 1);
        expect_asked(i != GW_MAX_FETCHES ? 'l' : 't', i != GW_MAX_FETCHES ? 20 : 1);
    }
    answer(&store_played.asked[GW_MAX_FETCHES], 1, 1);
    expect_pass(&requests[GW_MAX_FETCHES]);
    pass_ms(timeout_ms);
    for (int i = 0; i != GW_MAX_FETCHES; ++i)
        expect_unknown(&requests[i], "timeout");
}

static void too_many_waiters_are_told_so(void **state)
{
    request_t *requests = gw_must_alloc(GW_MAX_WAITERS + 1, sizeof(*requests));
    for (int i = 0; i != GW_MAX_WAITERS + 1; ++i)
        ask(*state, &requests[i], 1);
    expect_unknown(&requests[GW_MAX_WAITERS], "busy");
    pass_ms(timeout_ms);
    for (int i = 0; i != GW_MAX_WAITERS; ++i)
        expect_unknown(&requests[i], "timeout");
    free(requests);
}

/** One that the table has no place for is served all the same, by calls; nothing of it stays here. */
static void a_client_without_a_place_is_served_from_the_call(void **state)
{
    const world_t *world = *state;
    request_t request = {.then = NULL}, second = request, third = request;
    static char clients[1000][16];
    size_t num_without = 0;
    for (int i = 0; i != 1000; ++i) {
        sprintf(clients[i], "client %d", i);
        ask_as(world, &request, clients[i], 1);
        ask_as(world, &second, clients[i], 2);
        ask_as(world, &third, clients[i], 20);
        answer(expect_asked('l', 20), 20, 20);
        expect_pass(&request);
        expect_pass(&second);
        expect_refusal(&third, 300000);
        if (store_played.num_seen == store_played.num_asked)
            continue;
        expect_asked('g', 17);
        ++num_without;
    }
    assert_in_range(num_without, 600, 900); /* there are 100 places, and 2.6 times as many */
    expect_not_asked();
}

static void a_reload_keeps_the_store_when_it_does_the_same(void **state)
{
    world_t *world = *state;
    gw_limit_conf_t other_limit = ten_a_second;
    gw_shared_conf_t same = conf_of(GW_SHARED_LEASE), other = same, longer = same, exact = conf_of(GW_SHARED_EXACT);
    other_limit.burst = 21;
    other.limits = &other_limit;
    longer.lease_ms = 2000;
    gw_shared_store_t *kept = gw_shared_store_create(&same, NULL, num_workers, world->store);
    assert_ptr_equal(kept, world->store);
    gw_shared_store_unref(kept);
    const gw_shared_conf_t *const confs[] = {&other, &longer, &exact};
    for (size_t i = 0; i != 3; ++i) {
        gw_shared_store_t *made = gw_shared_store_create(confs[i], NULL, num_workers, world->store);
        assert_ptr_not_equal(made, world->store);
        gw_shared_store_unref(made);
    }
}

#define EXACT(test) cmocka_unit_test_setup_teardown(test, begin_exact, end)
#define LEASE(test) cmocka_unit_test_setup_teardown(test, begin_lease, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXACT(every_decision_is_a_call),
        EXACT(a_store_that_is_gone_is_said_at_once),
        EXACT(a_store_that_is_slow_lost_or_complains_has_a_cause),
        EXACT(a_server_without_the_script_gets_it_once),
        EXACT(a_server_that_never_has_the_script_is_not_asked_for_ever),
        EXACT(bringing_the_script_takes_no_more_time_than_there_is),
        EXACT(what_a_cancelled_request_took_goes_back),
        EXACT(a_cancelled_request_without_an_answer_brings_nothing_back),
        EXACT(cancelling_what_is_over_does_nothing),
        EXACT(corrections_are_calls_that_nobody_waits_for),
        LEASE(the_first_fetches_and_the_others_wait_with_it),
        LEASE(a_lease_is_used_without_calls_and_renewed_before_it_ends),
        LEASE(a_failed_renewal_harms_nobody),
        LEASE(a_refusal_is_no_call_until_a_token_is_due),
        LEASE(a_refusal_is_believed_no_longer_than_a_lease_lives),
        LEASE(one_that_wants_several_does_not_refuse_those_that_want_one),
        LEASE(the_rest_of_a_bucket_goes_to_those_who_came_first),
        LEASE(more_waiters_than_a_lease_has_tokens_fetch_again),
        LEASE(a_fetch_that_fails_is_said_to_all_who_wait),
        LEASE(a_store_that_is_slow_does_not_eat_the_bucket),
        LEASE(what_is_left_when_the_time_is_over_goes_back),
        LEASE(a_renewed_lease_goes_back_after_its_last_time),
        LEASE(many_leases_go_back_a_part_at_a_time),
        LEASE(when_too_many_leases_are_out_what_is_not_used_goes_back_at_once),
        LEASE(a_cancelled_waiter_leaves_its_lease_to_others),
        LEASE(the_last_side_brings_leases_back),
        LEASE(a_side_may_go_while_a_fetch_is_under_way),
        LEASE(an_answer_may_cancel_ask_and_free),
        LEASE(corrections_are_settled_with_the_lease),
        LEASE(more_than_a_lease_is_a_call_of_its_own),
        LEASE(what_is_left_counts_for_a_larger_request),
        LEASE(too_many_clients_at_once_make_calls_of_their_own),
        LEASE(too_many_waiters_are_told_so),
        LEASE(a_client_without_a_place_is_served_from_the_call),
        LEASE(a_reload_keeps_the_store_when_it_does_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
