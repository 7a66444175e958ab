/* SPDX-License-Identifier: MIT
 * Limits that two gateways share through a real Redis: that the totals stay within what is promised, and that no
 * request waits for a store that is slow, gone or changing, which is used again when it is back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "filters/rate_limit/store/shared_limits.h"
#include "gateway/base/arena.h"
#include "gateway/base/clock.h"
#include "gateway/upstream/endpoint.h"
#include "tests/support/bare_worker.h"
#include "tests/support/process.h"
#include "tests/support/redis_server.h"

enum { num_gateways = 2, num_slots = 16, asks_per_turn = 10, num_anchors = 8, lease_ms = 1000 };

/* where the timeout is the topic; and elsewhere, since neither a Redis nor a test is quick on a machine that is not */
enum { short_ms = 150, patient_ms = DEADLINE_MS };

static const gw_rate_t fast = {1000, 1000000}, nearly_never = {1, 3600000000u};

typedef struct world world_t;

/** One of many clients' connections, all of the same client. */
typedef struct slot {
    gw_shared_take_t take;
    gw_client_key_t key;
    world_t *world;
    bool is_waiting;
    uint64_t since_us;
} slot_t;

/** What a refusal says: the bucket was empty at some time after empty_us, when no more than `lost` tokens had come
 * while it was full. */
typedef struct anchor {
    size_t turn;
    uint64_t empty_us, lost;
} anchor_t;

/** Two gateways: two workers with stores of their own, as they would be in two processes. */
struct world {
    gw_arena_t *arena;
    gw_resolver_t *resolver;
    gw_redis_conf_t redis;
    gw_limit_conf_t limit;
    gw_worker_t *workers[num_gateways];
    gw_shared_store_t *stores[num_gateways];
    gw_shared_side_t *sides[num_gateways];
    gw_shared_mode_t mode;
    uint64_t timeout_ms, lease_tokens, lease_ms;
    slot_t slots[num_gateways][num_slots];
    const char *causes; /* one of them has every answer that says nothing; NULL: any */
    /* turns */
    size_t num_turns;
    uint64_t turn_us[num_gateways];     /* when it began */
    uint64_t heard_us[num_gateways][2]; /* when the last turns began in which Redis answered a request */
    /* counted */
    uint64_t num_passed, num_refused, num_unknown;
    uint64_t first_asked_us, last_answered_us; /* first_asked_us 0: not yet */
    uint64_t first_refusal_us;                 /* when it was there; 0: not yet */
    anchor_t anchors[num_anchors];
    size_t num_anchors;
};

static void open_side(world_t *world, int i)
{
    world->stores[i] = gw_shared_store_create(
        &(gw_shared_conf_t){
            .redis = &world->redis,
            .name = "polite",
            .mode = world->mode,
            .timeout_ms = world->timeout_ms,
            .lease_tokens = world->lease_tokens,
            .lease_ms = world->lease_ms,
            .keys = 10000,
            .limits = &world->limit,
            .num_limits = 1,
        },
        world->resolver, num_gateways, NULL);
    world->sides[i] = gw_shared_side_create(world->stores[i], world->workers[i]);
}

static world_t *create_world_with(const char *url, gw_shared_mode_t mode, gw_rate_t rate, uint64_t burst,
                                  uint64_t lease_tokens, uint64_t time_of_lease_ms, uint64_t timeout_ms)
{
    const char *wrong, *hint;
    world_t *world = calloc(1, sizeof(*world));
    world->arena = gw_arena_create();
    world->resolver = gw_resolver_create();
    world->redis.url = gw_redis_url_parse(world->arena, gw_str_of(url), &wrong, &hint);
    assert_non_null(world->redis.url);
    world->limit = (gw_limit_conf_t){.name = "default", .rate = rate, .burst = burst};
    world->mode = mode;
    world->lease_tokens = lease_tokens;
    world->lease_ms = time_of_lease_ms;
    world->timeout_ms = timeout_ms;
    for (int i = 0; i != num_gateways; ++i) {
        world->workers[i] = bare_worker_create((size_t)i);
        open_side(world, i);
    }
    return world;
}

static world_t *create_world(const char *url, gw_shared_mode_t mode, gw_rate_t rate, uint64_t burst,
                             uint64_t lease_tokens, uint64_t timeout_ms)
{
    return create_world_with(url, mode, rate, burst, lease_tokens, lease_ms, timeout_ms);
}

static void close_side(world_t *world, int i)
{
    for (int k = 0; k != num_slots; ++k)
        if (world->slots[i][k].is_waiting)
            gw_shared_cancel(&world->slots[i][k].take);
    world->sides[i] = gw_shared_side_free(world->sides[i]);
    world->stores[i] = gw_shared_store_unref(world->stores[i]);
}

static void free_world(world_t *world)
{
    for (int i = 0; i != num_gateways; ++i) {
        close_side(world, i);
        bare_worker_free(world->workers[i]);
    }
    gw_resolver_free(world->resolver);
    gw_arena_free(world->arena);
    free(world);
}

/* counting --------------------------------------------------------------------------------------------------------- */

static uint64_t tokens_in(const world_t *world, uint64_t us)
{
    return world->limit.rate.tokens * us / world->limit.rate.period_us;
}

/** At most so many of the tokens that came in a span went nowhere: at its beginning the bucket was empty but for what
 * was out in leases, and it had to be full first. */
static uint64_t lost_in(const world_t *world, uint64_t us)
{
    uint64_t came = tokens_in(world, us) + num_gateways * world->lease_tokens;
    return came > world->limit.burst ? came - world->limit.burst : 0;
}

/** @param empty_us not after the time when Redis looked into the bucket */
static void note_refusal(world_t *world, uint64_t empty_us, uint64_t now_us)
{
    anchor_t *last = &world->anchors[(world->num_anchors - 1) % num_anchors];
    uint64_t lost = UINT64_MAX;
    if (world->first_refusal_us == 0) {
        world->first_refusal_us = now_us;
        lost = 0; /* of those that came later */
    }
    for (size_t i = 0; i != num_anchors && i != world->num_anchors; ++i) {
        const anchor_t *anchor = &world->anchors[i];
        uint64_t sum = anchor->lost + lost_in(world, now_us - anchor->empty_us);
        lost = sum < lost ? sum : lost;
    }
    if (world->num_anchors == 0 || last->turn != world->num_turns)
        last = &world->anchors[world->num_anchors++ % num_anchors];
    *last = (anchor_t){.turn = world->num_turns, .empty_us = empty_us, .lost = lost};
}

/** @param is_from_redis it was, just now, what was waited for */
static void count_known(slot_t *slot, bool is_from_redis)
{
    world_t *world = slot->world;
    int i = (int)((slot - &world->slots[0][0]) / num_slots);
    uint64_t *heard_us = world->heard_us[i];
    world->last_answered_us = gw_clock_us();
    if (world->first_asked_us == 0)
        world->first_asked_us = slot->since_us;
    if (is_from_redis && heard_us[1] != world->turn_us[i]) {
        heard_us[0] = heard_us[1];
        heard_us[1] = world->turn_us[i];
    }
    if (slot->take.answer.refused_by == 0) {
        ++world->num_passed;
        return;
    }
    ++world->num_refused;
    /* a lease is fetched by one call at a time, for those who come later, too: it went after the one before had come */
    uint64_t empty_us = world->mode == GW_SHARED_EXACT ? slot->since_us : heard_us[0];
    if (is_from_redis && empty_us != 0)
        note_refusal(world, empty_us, world->last_answered_us);
}

static void count_unknown(slot_t *slot)
{
    const world_t *world = slot->world;
    ++slot->world->num_unknown;
    if (world->causes != NULL && strstr(world->causes, slot->take.cause) == NULL)
        fail_msg("unknown: '%s' instead of '%s'", slot->take.cause, world->causes);
}

static void on_answer(gw_shared_take_t *take, gw_shared_result_t result)
{
    slot_t *slot = take->caller;
    slot->is_waiting = false;
    if (result == GW_SHARED_UNKNOWN)
        count_unknown(slot);
    else
        count_known(slot, true);
}

/* asking ----------------------------------------------------------------------------------------------------------- */

static void ask(world_t *world, int i, slot_t *slot, const char *client, uint64_t cost)
{
    slot->world = world;
    slot->since_us = gw_clock_us();
    slot->key = (gw_client_key_t){.values = {gw_str_of(client)}, .num_values = 1};
    slot->take.on_answer = on_answer;
    slot->take.caller = slot;
    slot->take.key = &slot->key;
    slot->take.cost = cost;
    slot->take.max_wait_us = 0;
    gw_shared_result_t result = gw_shared_take(world->sides[i], &slot->take);
    slot->is_waiting = result == GW_SHARED_LATER;
    if (result == GW_SHARED_UNKNOWN)
        count_unknown(slot);
    else if (result == GW_SHARED_KNOWN)
        count_known(slot, false);
}

/** Nobody waits longer than the timeout, but until the next turn after it. */
static void turn_one(world_t *world, int i)
{
    uint64_t most_us = (world->timeout_ms + 2 * GW_TIMER_TICK_MS) * 1000;
    world->turn_us[i] = gw_clock_us();
    bare_worker_turn(world->workers[i], 1);
    for (int k = 0; k != num_slots; ++k)
        if (world->slots[i][k].is_waiting && world->turn_us[i] > world->slots[i][k].since_us + most_us)
            fail_msg("a request waits after %llu ms",
                     (unsigned long long)(world->turn_us[i] - world->slots[i][k].since_us) / 1000);
}

static void turn(world_t *world)
{
    ++world->num_turns;
    for (int i = 0; i != num_gateways; ++i)
        turn_one(world, i);
}

static void ask_all(world_t *world, int i)
{
    for (int k = 0; k != num_slots; ++k)
        for (int n = 0; n != asks_per_turn && !world->slots[i][k].is_waiting; ++n)
            ask(world, i, &world->slots[i][k], "somebody", 1);
}

/** A turn in which everybody asks. */
static void busy_turn(world_t *world)
{
    for (int i = 0; i != num_gateways; ++i)
        ask_all(world, i);
    turn(world);
}

static bool is_idle(const world_t *world, int i)
{
    for (int k = 0; k != num_slots; ++k)
        if (world->slots[i][k].is_waiting)
            return false;
    return true;
}

static void settle(world_t *world)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    while (!is_idle(world, 0) || !is_idle(world, 1)) {
        assert_true(gw_clock_ms() < until_ms);
        turn(world);
    }
}

static void forget(world_t *world)
{
    world->num_passed = world->num_refused = world->num_unknown = 0;
    world->first_asked_us = world->first_refusal_us = world->num_anchors = 0;
    memset(world->heard_us, 0, sizeof(world->heard_us));
}

/** Until each gateway gets answers again. */
static void wait_until_known(world_t *world)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (int i = 0; i != num_gateways; ++i)
        do {
            assert_true(gw_clock_ms() < until_ms);
            turn(world);
            settle(world);
            forget(world);
            ask(world, i, &world->slots[i][0], "somebody else", 0);
            settle(world);
        } while (world->num_unknown != 0);
    forget(world);
}

static void load_for_ms(world_t *world, uint64_t ms)
{
    uint64_t until_ms = gw_clock_ms() + ms;
    while (gw_clock_ms() < until_ms)
        busy_turn(world);
}

/** For that long, and until more was asked than could pass. */
static void load_beyond_limit_for_ms(world_t *world, uint64_t ms)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    load_for_ms(world, ms);
    while (world->num_anchors < 2) {
        assert_true(gw_clock_ms() < until_ms);
        busy_turn(world);
    }
}

/** Until one more of what is counted there has come. */
static void load_until_another(world_t *world, const uint64_t *counter)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS, before = *counter;
    while (*counter == before) {
        assert_true(gw_clock_ms() < until_ms);
        busy_turn(world);
    }
}

/** Never more passed than the limit lets pass between the first question and the last answer.  And everything passed
 * that could between the first refusal, which found a burst gone, and the last: what came while the bucket was full,
 * because nobody asked for so long, could not.
 *  @param less how many fewer may have passed */
static void total_is(const world_t *world, uint64_t less)
{
    assert_true(world->num_refused > 0);
    assert_true(world->num_anchors > 1);
    const anchor_t *last = &world->anchors[(world->num_anchors - 1) % num_anchors];
    uint64_t burst = world->limit.burst;
    uint64_t most = burst + tokens_in(world, world->last_answered_us - world->first_asked_us);
    uint64_t least =
        burst +
        (last->empty_us > world->first_refusal_us ? tokens_in(world, last->empty_us - world->first_refusal_us) : 0);
    least -= less + last->lost < least ? less + last->lost : least;
    print_message("%llu passed, of %llu..%llu; %llu may have been lost\n", (unsigned long long)world->num_passed,
                  (unsigned long long)least, (unsigned long long)most, (unsigned long long)last->lost);
    assert_in_range(world->num_passed, least, most);
}

/* totals ----------------------------------------------------------------------------------------------------------- */

static void exactly_what_one_gateway_lets_pass_passes_through_two(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    char url[64];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server->port);
    world_t *world = create_world(url, GW_SHARED_EXACT, fast, 100, 0, patient_ms);
    wait_until_known(world);
    load_beyond_limit_for_ms(world, 1000);
    settle(world);
    total_is(world, 1);
    assert_int_equal(world->num_unknown, 0);
    free_world(world);
    redis_free(server);
}

static void leases_never_let_more_pass_and_hardly_less(void **state)
{
    enum { lease_tokens = 20 };
    redis_server_t *server = redis_start("%s", "");
    char url[64];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server->port);
    world_t *world = create_world(url, GW_SHARED_LEASE, fast, 100, lease_tokens, patient_ms);
    wait_until_known(world);
    load_beyond_limit_for_ms(world, 1000);
    settle(world);
    /* tokens that are held at the end; and that came while a refusal was remembered, for at most 2 ms */
    total_is(world, 1 + num_gateways * (lease_tokens + 2));
    assert_int_equal(world->num_unknown, 0);
    free_world(world);
    redis_free(server);
}

/** What one gateway holds and does not use comes to the other: it goes back when the time of the lease is over. */
static void unused_tokens_of_a_lease_come_to_the_other_gateway(void **state)
{
    enum { lease_tokens = 20, burst = 30 };
    redis_server_t *server = redis_start("%s", "");
    char url[64];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server->port);
    world_t *world = create_world(url, GW_SHARED_LEASE, nearly_never, burst, lease_tokens, patient_ms);
    slot_t *first = &world->slots[0][0];
    wait_until_known(world);
    ask(world, 0, first, "somebody", 1);
    settle(world);
    assert_int_equal(world->num_passed, 1);
    uint64_t over_ms = gw_clock_ms() + lease_ms + 2 * GW_TIMER_TICK_MS;
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    do { /* without a turn of the one that holds the lease, whose time is not over for it therefore */
        assert_true(gw_clock_ms() < until_ms);
        ask_all(world, 1);
        turn_one(world, 1);
    } while (world->num_refused == 0 || !is_idle(world, 1));
    assert_int_equal(world->num_passed, 1 + burst - lease_tokens);
    while (gw_clock_ms() < over_ms)
        turn_one(world, 1);
    turn_one(world, 0);
    ask(world, 0, first, "somebody", 0); /* behind what went back */
    settle(world);
    assert_int_equal(first->take.answer.levels[0].remaining, lease_tokens - 1);
    until_ms = gw_clock_ms() + DEADLINE_MS;
    while (world->num_passed < burst + 1) { /* and the look */
        assert_true(gw_clock_ms() < until_ms);
        ask_all(world, 1);
        turn(world);
    }
    free_world(world);
    redis_free(server);
}

static void a_gateway_that_ends_brings_its_leases_back(void **state)
{
    enum { lease_tokens = 20, burst = 20 };
    redis_server_t *server = redis_start("%s", "");
    char url[64];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server->port);
    world_t *world =
        create_world_with(url, GW_SHARED_LEASE, nearly_never, burst, lease_tokens, 10 * DEADLINE_MS, patient_ms);
    wait_until_known(world);
    ask(world, 0, &world->slots[0][0], "somebody", 1);
    settle(world);
    close_side(world, 0);
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    while (world->num_passed != burst) { /* no lease ends by itself */
        assert_true(gw_clock_ms() < until_ms);
        ask_all(world, 1);
        turn(world);
    }
    open_side(world, 0);
    free_world(world);
    redis_free(server);
}

/** Not only the first of them: they are more than one write here, and more than one read there. */
static void a_gateway_that_ends_brings_the_leases_of_all_clients_back(void **state)
{
    enum { lease_tokens = 20, burst = 1000, num_clients = 500 };
    redis_server_t *server = redis_start("%s", "");
    char url[64], client[32];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server->port);
    world_t *world =
        create_world_with(url, GW_SHARED_LEASE, nearly_never, burst, lease_tokens, 10 * DEADLINE_MS, patient_ms);
    wait_until_known(world);
    for (int n = 0; n != num_clients; ++n) {
        snprintf(client, sizeof(client), "client %d", n);
        ask(world, 0, &world->slots[0][0], client, 1);
        settle(world);
    }
    assert_int_equal(world->num_passed, num_clients);
    close_side(world, 0);
    slot_t *look = &world->slots[1][0];
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (int n = 0; n != num_clients; ++n) {
        snprintf(client, sizeof(client), "client %d", n);
        do {
            assert_true(gw_clock_ms() < until_ms);
            ask(world, 1, look, client, 0);
            settle(world);
        } while (look->take.answer.levels[0].remaining != burst - 1);
    }
    assert_int_equal(world->num_unknown, 0);
    open_side(world, 0);
    free_world(world);
    redis_free(server);
}

static void what_cancelled_requests_took_goes_back(void **state)
{
    redis_server_t *server = redis_start("%s", "");
    char url[64];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server->port);
    world_t *world = create_world(url, GW_SHARED_EXACT, nearly_never, 1000, 0, patient_ms);
    wait_until_known(world);
    for (int n = 0; n != 20; ++n) {
        for (int k = 0; k != num_slots; ++k)
            ask(world, 0, &world->slots[0][k], "somebody", 3);
        for (int k = 0; k != num_slots; ++k) {
            gw_shared_cancel(&world->slots[0][k].take);
            world->slots[0][k].is_waiting = false;
        }
        turn(world);
    }
    slot_t *look = &world->slots[0][0];
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    do {
        assert_true(gw_clock_ms() < until_ms);
        ask(world, 0, look, "somebody", 0);
        settle(world);
    } while (look->take.answer.levels[0].remaining != 1000);
    free_world(world);
    redis_free(server);
}

/* a store in trouble ----------------------------------------------------------------------------------------------- */

static void be_nothing(redis_server_t *server)
{
}

static void kill_it(redis_server_t *server)
{
    redis_kill(server);
}

static void command(redis_server_t *server, const char *text)
{
    char *reply = redis_ask(server, NULL, text);
    assert_int_not_equal(reply[0], '-');
    free(reply);
}

static void flush_scripts(redis_server_t *server)
{
    command(server, "SCRIPT FLUSH");
}

static void fill_memory(redis_server_t *server)
{
    command(server, "CONFIG SET maxmemory 1");
}

static void free_memory(redis_server_t *server)
{
    command(server, "CONFIG SET maxmemory 0");
}

static void make_replica(redis_server_t *server)
{
    command(server, "REPLICAOF 127.0.0.1 1");
}

static void make_master(redis_server_t *server)
{
    command(server, "REPLICAOF NO ONE");
}

static void trouble_is_said_in_time_and_ends_when_it_is_over(void **state)
{
    static const struct {
        const char *about;
        void (*begin)(redis_server_t *server);
        void (*end)(redis_server_t *server);
        const char *causes; /* each is one of them, and there are some; "": nobody notices */
        uint64_t timeout_ms;
    } cases[] = {
        {"scripts are flushed", flush_scripts, be_nothing, "", patient_ms},
        {"paused", redis_pause, redis_continue, "timeout lost down", short_ms},
        {"killed and restarted", kill_it, redis_restart, "lost down", patient_ms},
        {"out of memory", fill_memory, free_memory, "out_of_memory", patient_ms},
        {"made a replica", make_replica, make_master, "read_only", patient_ms},
    };
    redis_server_t *server = redis_start("%s", "");
    char url[64];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server->port);
    for (int mode = 0; mode != 2; ++mode)
        for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
            print_message("%s\n", cases[i].about);
            world_t *world =
                create_world(url, (gw_shared_mode_t)mode, fast, 100, mode == 1 ? 20 : 0, cases[i].timeout_ms);
            wait_until_known(world);
            world->causes = cases[i].causes;
            load_until_another(world, &world->num_passed);
            cases[i].begin(server);
            if (*cases[i].causes != '\0')
                load_until_another(world, &world->num_unknown);
            else
                load_until_another(world, &world->num_refused);
            load_for_ms(world, cases[i].timeout_ms == short_ms ? 3 * short_ms : 100);
            cases[i].end(server);
            settle(world);
            world->causes = NULL;
            wait_until_known(world);
            load_until_another(world, &world->num_passed);
            settle(world);
            free_world(world);
        }
    redis_free(server);
}

static bool has_replica(void *master)
{
    return redis_has_replica(master, NULL);
}

static void another_master_goes_on(void **state)
{
    redis_server_t *first = redis_start("%s", ""), *second = redis_start("replicaof 127.0.0.1 %d\n", first->port),
                   *sentinel = redis_start_sentinel(first, "%s", "");
    char url[64];
    snprintf(url, sizeof(url), "redis+sentinel://127.0.0.1:%d/main", sentinel->port);
    world_t *world = create_world(url, GW_SHARED_EXACT, fast, 100, 0, short_ms);
    wait_until_known(world);
    bare_worker_run_until(world->workers[0], has_replica, first, "the replica");
    bare_worker_run_until(world->workers[0], redis_knows_replica, sentinel, "the sentinel to know the replica");
    load_until_another(world, &world->num_passed);
    redis_kill(first);
    settle(world);
    wait_until_known(world); /* the other server does not have the script */
    load_until_another(world, &world->num_passed);
    settle(world);
    free_world(world);
    redis_free(sentinel);
    redis_free(second);
    redis_free(first);
}

int main(void)
{
    if (!redis_is_installed())
        return 77; /* skipped, as automake has it */
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_what_one_gateway_lets_pass_passes_through_two),
        cmocka_unit_test(leases_never_let_more_pass_and_hardly_less),
        cmocka_unit_test(unused_tokens_of_a_lease_come_to_the_other_gateway),
        cmocka_unit_test(a_gateway_that_ends_brings_its_leases_back),
        cmocka_unit_test(a_gateway_that_ends_brings_the_leases_of_all_clients_back),
        cmocka_unit_test(what_cancelled_requests_took_goes_back),
        cmocka_unit_test(trouble_is_said_in_time_and_ends_when_it_is_over),
        cmocka_unit_test(another_master_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
