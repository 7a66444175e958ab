/* SPDX-License-Identifier: MIT
 * The script: that it counts as limits.c does, step by step, in a real Redis with the time given to it; what it leaves
 * there; and replies that no server of ours would send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include "filters/rate_limit/store/script.h"
#include "gateway/base/random.h"
#include "tests/support/redis_server.h"

static const char digest[] = "0123456789abcdef0123456789abcdef";

/* a Redis ---------------------------------------------------------------------------------------------------------- */

typedef struct world {
    redis_server_t *server;
    redisContext *redis;
    uint64_t random;
} world_t;

static int set_up(void **state)
{
    static world_t world;
    world = (world_t){.random = 20261121};
    if (redis_is_installed()) {
        world.server = redis_start("%s", "");
        world.redis = redisConnectUnix(world.server->path);
    }
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_t *world = *state;
    if (world->redis != NULL)
        redisFree(world->redis);
    redis_free(world->server);
    return 0;
}

static void need_redis(const world_t *world)
{
    if (world->server == NULL)
        skip();
    assert_non_null(world->redis);
    assert_int_equal(world->redis->err, 0);
}

static redisReply *command(world_t *world, const gw_str_t *args, size_t num)
{
    const char *texts[GW_SCRIPT_MAX_ARGS + 1];
    size_t lens[GW_SCRIPT_MAX_ARGS + 1];
    for (size_t i = 0; i != num; ++i) {
        texts[i] = args[i].ptr;
        lens[i] = args[i].len;
    }
    redisReply *reply = redisCommandArgv(world->redis, (int)num, texts, lens);
    assert_non_null(reply);
    return reply;
}

/** What hiredis read as the transport would give it. */
static void read_reply(const redisReply *from, gw_redis_reply_t *to, gw_redis_reply_t *elements)
{
    *to = (gw_redis_reply_t){0};
    if (from->type == REDIS_REPLY_ERROR) {
        to->type = GW_REDIS_ERROR;
        to->text = gw_str(from->str, (size_t)from->len);
        return;
    }
    assert_int_equal(from->type, REDIS_REPLY_ARRAY);
    to->type = GW_REDIS_ARRAY;
    to->num_elements = from->elements;
    to->elements = elements;
    for (size_t i = 0; i != from->elements; ++i) {
        assert_int_equal(from->element[i]->type, REDIS_REPLY_INTEGER);
        elements[i] = (gw_redis_reply_t){.type = GW_REDIS_INTEGER, .integer = from->element[i]->integer};
    }
}

/** Runs it at a given time, with keys that do not expire, since the server's time is another. */
static gw_script_answer_t run_at(world_t *world, gw_script_t *script, const gw_script_ask_t *ask, uint64_t now_us)
{
    static const char head[] = "local server = redis\n"
                               "local function no_expiry(how)\n"
                               "  return function(command, key, value)\n"
                               "    if command == 'SET' then return server[how](command, key, value) end\n"
                               "    return server[how](command, key)\n"
                               "  end\n"
                               "end\n"
                               "local redis = {call = no_expiry('call'), pcall = no_expiry('pcall')}\n";
    static char text[16384];
    char now[32];
    gw_str_t args[GW_SCRIPT_MAX_ARGS + 1];
    gw_redis_reply_t reply, elements[2 + 2 * GW_MAX_LIMITS];
    gw_script_answer_t answer;
    const char *cause = "";
    size_t num;
    const gw_str_t *call = gw_script_call(script, ask, true, &num);
    memcpy(args, call, num * sizeof(*args));
    args[1] = gw_str(text, (size_t)snprintf(text, sizeof(text), "%s%sreturn run(tonumber(ARGV[#ARGV]))\n", head,
                                            gw_script_function));
    assert_true(args[1].len < sizeof(text));
    args[num] = gw_str(now, (size_t)sprintf(now, "%llu", (unsigned long long)now_us));
    redisReply *raw = command(world, args, num + 1);
    if (raw->type == REDIS_REPLY_ERROR)
        fail_msg("the script fails: %s", raw->str);
    read_reply(raw, &reply, elements);
    if (gw_script_read(script, ask, &reply, &answer, &cause) != GW_SCRIPT_ANSWERED) {
        for (size_t i = 0; i != raw->elements; ++i)
            print_message("%lld ", raw->element[i]->integer);
        fail_msg("its answer is not taken: %s", cause);
    }
    freeReplyObject(raw);
    return answer;
}

/* beside limits.c -------------------------------------------------------------------------------------------------- */

static uint64_t below(world_t *world, uint64_t n)
{
    return n <= UINT32_MAX ? gw_random_below(&world->random, (uint32_t)n) : gw_random_next(&world->random) % n;
}

static void make_rate(world_t *world, gw_rate_t *rate, uint64_t *burst)
{
    static const uint64_t periods_ms[] = {1, 7, 250, 1000, 1000, 60000, 3600000, 86400000, 366ull * 86400000};
    static const uint64_t most[] = {3, 100, 100, 5000, 999983};
    do {
        rate->period_us = periods_ms[below(world, sizeof(periods_ms) / sizeof(*periods_ms))] * 1000;
        rate->tokens = 1 + below(world, most[below(world, sizeof(most) / sizeof(*most))]);
        *burst = 1 + below(world, most[below(world, sizeof(most) / sizeof(*most))]);
        gw_bucket_rules_t rules;
        if (gw_bucket_rules_make(rate, *burst, 1, &rules) && gw_script_can_count(&rules))
            return;
    } while (true);
}

static size_t make_limits(world_t *world, gw_limit_conf_t *limits, bool with_trials)
{
    static const char *const names[GW_MAX_LIMITS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    size_t num = 1 + below(world, below(world, 4) == 0 ? GW_MAX_LIMITS : 2);
    memset(limits, 0, num * sizeof(*limits));
    for (size_t i = 0; i != num; ++i) {
        limits[i].name = names[i];
        make_rate(world, &limits[i].rate, &limits[i].burst);
        if (with_trials && below(world, 2) == 0)
            make_rate(world, &limits[i].trial_rate, &limits[i].trial_burst);
    }
    return num;
}

static uint64_t smallest_burst(const gw_limit_conf_t *limits, size_t num)
{
    uint64_t least = limits[0].burst;
    for (size_t i = 1; i != num; ++i)
        least = limits[i].burst < least ? limits[i].burst : least;
    return least;
}

static gw_script_ask_t make_ask(world_t *world, const gw_limit_conf_t *limits, size_t num, bool may_lease)
{
    static const uint64_t waits_us[] = {0, 0, 1, 999, 2500, 1000000, GW_LONGEST_WAIT_US};
    uint64_t least = smallest_burst(limits, num);
    gw_script_ask_t ask = {.op = GW_SCRIPT_TAKE, .cost = below(world, 3)};
    memcpy(ask.digest, digest, sizeof(ask.digest));
    if (below(world, 2) == 0)
        ask.cost = below(world, least + 2);
    switch (below(world, may_lease ? 8 : 6)) {
    case 0:
        ask.op = GW_SCRIPT_CHARGE;
        break;
    case 1:
        ask.op = GW_SCRIPT_GIVE_BACK;
        break;
    case 6:
    case 7:
        ask.op = GW_SCRIPT_LEASE;
        ask.cost = 1 + below(world, below(world, 2) == 0 ? 1 : least);
        ask.most = ask.cost + below(world, least - ask.cost + 1);
        break;
    default:
        ask.max_wait_us = waits_us[below(world, sizeof(waits_us) / sizeof(*waits_us))];
        break;
    }
    return ask;
}

/** The same of limits.c. */
static gw_script_answer_t expect(gw_limits_t *limits, const gw_limit_rules_t *rules, size_t num,
                                 const gw_script_ask_t *ask, uint64_t now_us)
{
    gw_script_answer_t answer = {0};
    gw_limits_ask_t local = {
        .rules = rules, .hash = 1, .now_us = now_us, .cost = ask->cost, .max_wait_us = ask->max_wait_us};
    uint64_t there = ask->most;
    switch (ask->op) {
    case GW_SCRIPT_TAKE:
        gw_limits_take(limits, &local, &answer.limits);
        break;
    case GW_SCRIPT_CHARGE:
        gw_limits_charge(limits, &local, answer.limits.levels);
        break;
    case GW_SCRIPT_GIVE_BACK:
        gw_limits_give_back(limits, &local, &answer.limits, answer.limits.levels);
        break;
    case GW_SCRIPT_LEASE:
        local.cost = 0;
        gw_limits_take(limits, &local, &answer.limits);
        for (size_t i = 0; i != num; ++i)
            there = answer.limits.levels[i].remaining < there ? answer.limits.levels[i].remaining : there;
        answer.granted = there >= ask->cost ? there : 0;
        local.cost = answer.granted != 0 ? answer.granted : ask->cost;
        gw_limits_take(limits, &local, &answer.limits);
        break;
    }
    return answer;
}

static void compare(const gw_script_ask_t *ask, const gw_limit_conf_t *limits, size_t num,
                    const gw_script_answer_t *expected, const gw_script_answer_t *found)
{
    bool is_same = expected->granted == found->granted && expected->limits.refused_by == found->limits.refused_by &&
                   expected->limits.wait_us == found->limits.wait_us &&
                   expected->limits.trial_refused_by == found->limits.trial_refused_by;
    for (size_t i = 0; i != num; ++i)
        is_same =
            is_same && memcmp(&expected->limits.levels[i], &found->limits.levels[i], sizeof(gw_bucket_level_t)) == 0;
    if (is_same)
        return;
    for (size_t i = 0; i != num; ++i)
        print_message("%llu/%lluus burst %llu: %llu %llu %llu, found %llu %llu %llu\n",
                      (unsigned long long)limits[i].rate.tokens, (unsigned long long)limits[i].rate.period_us,
                      (unsigned long long)limits[i].burst, (unsigned long long)expected->limits.levels[i].remaining,
                      (unsigned long long)expected->limits.levels[i].next_us,
                      (unsigned long long)expected->limits.levels[i].full_us,
                      (unsigned long long)found->limits.levels[i].remaining,
                      (unsigned long long)found->limits.levels[i].next_us,
                      (unsigned long long)found->limits.levels[i].full_us);
    fail_msg(
        "op %d cost %llu most %llu max_wait %llu: granted %llu refused_by %x trial %x wait %llu, found %llu %x %x %llu",
        (int)ask->op, (unsigned long long)ask->cost, (unsigned long long)ask->most,
        (unsigned long long)ask->max_wait_us, (unsigned long long)expected->granted, expected->limits.refused_by,
        expected->limits.trial_refused_by, (unsigned long long)expected->limits.wait_us,
        (unsigned long long)found->granted, found->limits.refused_by, found->limits.trial_refused_by,
        (unsigned long long)found->limits.wait_us);
}

static void take_steps(world_t *world, bool with_trials, int num_steps)
{
    gw_limit_conf_t confs[GW_MAX_LIMITS];
    size_t num = make_limits(world, confs, with_trials);
    gw_limits_t *limits = gw_limits_create(confs, num, 10, GW_FULL_REFUSE, NULL, 0);
    gw_script_t *script = gw_script_create("polite", confs, num);
    const gw_limit_rules_t *rules = gw_script_rules(script);
    uint64_t now_us = 1763740800000000 + below(world, 1000000000), step_us = confs[0].rate.period_us;
    freeReplyObject(redisCommand(world->redis, "FLUSHALL"));
    for (int i = 0; i != num_steps; ++i) {
        gw_script_ask_t ask = make_ask(world, confs, num, !with_trials);
        gw_script_answer_t expected = expect(limits, rules, num, &ask, now_us);
        gw_script_answer_t found = run_at(world, script, &ask, now_us);
        compare(&ask, confs, num, &expected, &found);
        if (below(world, 2) == 0)
            now_us += below(world, 1 + step_us / (1 + below(world, 2 * confs[0].rate.tokens)));
    }
    gw_script_free(script);
    gw_limits_unref(limits);
}

static void it_counts_as_a_single_gateway_does_step_by_step(void **state)
{
    world_t *world = *state;
    need_redis(world);
    for (int i = 0; i != 120; ++i)
        take_steps(world, i % 2 == 0, 150);
}

/** Dividing what is there by a token is right to the last one, whatever fractions the rates make. */
static void a_lease_gets_the_last_token(void **state)
{
    world_t *world = *state;
    need_redis(world);
    for (int i = 0; i != 2000; ++i) {
        gw_limit_conf_t limit = {.name = "default"};
        gw_script_ask_t ask = {.op = GW_SCRIPT_LEASE, .cost = 1};
        make_rate(world, &limit.rate, &limit.burst);
        gw_script_t *script = gw_script_create("polite", &limit, 1);
        memcpy(ask.digest, digest, sizeof(ask.digest));
        ask.cost = ask.most = limit.burst;
        freeReplyObject(redisCommand(world->redis, "FLUSHALL"));
        assert_int_equal(run_at(world, script, &ask, 1763740800000000).granted, limit.burst);
        gw_script_free(script);
    }
}

/* what stands in the store ----------------------------------------------------------------------------------------- */

static const gw_limit_conf_t ten_a_second = {.name = "default", .rate = {10, 1000000}, .burst = 20};

static gw_script_answer_t run(world_t *world, gw_script_t *script, const gw_script_ask_t *ask)
{
    gw_redis_reply_t reply, elements[2 + 2 * GW_MAX_LIMITS];
    gw_script_answer_t answer;
    const char *cause = "";
    size_t num;
    const gw_str_t *args = gw_script_call(script, ask, true, &num);
    redisReply *raw = command(world, args, num);
    read_reply(raw, &reply, elements);
    if (gw_script_read(script, ask, &reply, &answer, &cause) != GW_SCRIPT_ANSWERED)
        fail_msg("%s", cause);
    freeReplyObject(raw);
    return answer;
}

static long long ask_number(world_t *world, const char *text)
{
    redisReply *reply = redisCommand(world->redis, text);
    long long number = reply->integer;
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    freeReplyObject(reply);
    return number;
}

static gw_script_ask_t take_ask(uint64_t cost)
{
    gw_script_ask_t ask = {.op = GW_SCRIPT_TAKE, .cost = cost};
    memcpy(ask.digest, digest, sizeof(ask.digest));
    return ask;
}

static void a_key_goes_when_its_bucket_is_full(void **state)
{
    world_t *world = *state;
    need_redis(world);
    gw_script_t *script = gw_script_create("polite", &ten_a_second, 1);
    gw_script_ask_t ask = take_ask(5), back = ask, look = take_ask(0);
    back.op = GW_SCRIPT_GIVE_BACK;
    back.cost = 20;
    freeReplyObject(redisCommand(world->redis, "FLUSHALL"));
    run(world, script, &look);
    assert_int_equal(ask_number(world, "DBSIZE"), 0);
    run(world, script, &ask);
    long long ttl = ask_number(world, "PTTL sluice:{polite:0123456789abcdef0123456789abcdef}:default");
    assert_in_range(ttl, 300, 501);
    run(world, script, &back);
    assert_int_equal(ask_number(world, "DBSIZE"), 0);
    gw_script_free(script);
}

static void the_key_of_a_trial_is_not_that_of_a_limit(void **state)
{
    world_t *world = *state;
    need_redis(world);
    gw_limit_conf_t limit = ten_a_second;
    limit.trial_rate = limit.rate;
    limit.trial_burst = 2;
    gw_script_t *script = gw_script_create("polite", &limit, 1);
    gw_script_ask_t ask = take_ask(2);
    freeReplyObject(redisCommand(world->redis, "FLUSHALL"));
    assert_int_equal(run(world, script, &ask).limits.trial_refused_by, 0);
    assert_int_equal(ask_number(world, "EXISTS sluice-trial:{polite:0123456789abcdef0123456789abcdef}:default"), 1);
    gw_script_answer_t answer = run(world, script, &ask);
    assert_int_equal(answer.limits.refused_by, 0);
    assert_int_equal(answer.limits.trial_refused_by, 1);
    assert_int_equal(answer.limits.levels[0].remaining, 16);
    gw_script_free(script);
}

/** A rollout: what was taken by the old rules stays taken by the new ones, and back. */
static void buckets_of_other_rules_are_converted(void **state)
{
    static const struct {
        const char *about;
        gw_rate_t rate;
        uint64_t burst, left; /* after 15 of 20 were taken by the old ones */
    } cases[] = {
        {"faster", {100, 1000000}, 20, 5}, {"slower", {1, 3600000000}, 20, 5},      {"larger", {10, 1000000}, 40, 25},
        {"smaller", {10, 1000000}, 10, 0}, {"another clock", {7, 3000}, 1000, 985},
    };
    world_t *world = *state;
    need_redis(world);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_limit_conf_t limit = {.name = "default", .rate = cases[i].rate, .burst = cases[i].burst};
        gw_script_t *old = gw_script_create("polite", &ten_a_second, 1), *new = gw_script_create("polite", &limit, 1);
        gw_script_ask_t ask = take_ask(15), look = take_ask(0), one = take_ask(1);
        uint64_t now_us = 1763740800000001;
        freeReplyObject(redisCommand(world->redis, "FLUSHALL"));
        run_at(world, old, &ask, now_us);
        gw_script_answer_t answer = run_at(world, new, &look, now_us);
        if (answer.limits.levels[0].remaining + 1 < cases[i].left ||
            answer.limits.levels[0].remaining > cases[i].left) /* rounded so that it is never more */
            fail_msg("%s: %llu are left, not %llu", cases[i].about,
                     (unsigned long long)answer.limits.levels[0].remaining, (unsigned long long)cases[i].left);
        run_at(world, new, &one, now_us);
        if (run_at(world, old, &look, now_us).limits.levels[0].remaining > 5)
            fail_msg("%s: going back to the old rules gives tokens", cases[i].about);
        gw_script_free(old);
        gw_script_free(new);
    }
}

/** Tokens come back at the new rate from the first request on that asks by it, even if that one is refused. */
static void what_was_taken_by_other_rules_comes_back_by_the_new_ones(void **state)
{
    world_t *world = *state;
    need_redis(world);
    gw_limit_conf_t limit = {.name = "default", .rate = {1, 3600000000}, .burst = 20};
    gw_script_t *slow = gw_script_create("polite", &limit, 1), *fast = gw_script_create("polite", &ten_a_second, 1);
    gw_script_ask_t most = take_ask(19), two = take_ask(2);
    uint64_t now_us = 1763740800000000;
    freeReplyObject(redisCommand(world->redis, "FLUSHALL"));
    run_at(world, slow, &most, now_us);
    assert_int_equal(run_at(world, fast, &two, now_us).limits.refused_by, 1);
    for (uint64_t us = 1; us < 100000; us += 999) /* asking over and over rounds nothing away either */
        assert_int_equal(run_at(world, fast, &two, now_us + us).limits.refused_by, 1);
    assert_int_equal(run_at(world, fast, &two, now_us + 100001).limits.refused_by, 0);
    gw_script_free(slow);
    gw_script_free(fast);
}

static void a_clock_that_is_set_back_locks_nobody_out_for_long(void **state)
{
    world_t *world = *state;
    need_redis(world);
    gw_script_t *script = gw_script_create("polite", &ten_a_second, 1);
    gw_script_ask_t ask = take_ask(1), look = take_ask(0);
    uint64_t now_us = 1763740800000000;
    freeReplyObject(redisCommand(world->redis, "FLUSHALL"));
    run_at(world, script, &ask, now_us);
    gw_script_answer_t answer = run_at(world, script, &look, now_us - 86400000000);
    assert_int_equal(answer.limits.levels[0].full_us, 63000000); /* the bucket's 2 s, a minute of waiting, a second */
    for (uint64_t s = 0; s != 61; ++s)                           /* asking does not begin it anew */
        assert_int_equal(run_at(world, script, &ask, now_us - 86400000000 + s * 1000000).limits.refused_by, 1);
    assert_int_equal(run_at(world, script, &ask, now_us - 86400000000 + 61200000).limits.refused_by, 0);
    gw_script_free(script);
}

static void rubbish_in_a_key_is_a_full_bucket(void **state)
{
    static const char *const values[] = {"x",
                                         "1",
                                         "1,2",
                                         "1,2,3",
                                         "9,0,0,0,0,0,0,0",
                                         "9,0,1,1,1,0,0,0",
                                         "-1,5,1",
                                         "99999999999999999999999999,1,1,1,1,0,1,0",
                                         "1,1,x,y,z"};
    world_t *world = *state;
    need_redis(world);
    gw_script_t *script = gw_script_create("polite", &ten_a_second, 1);
    gw_script_ask_t ask = take_ask(1);
    for (size_t i = 0; i != sizeof(values) / sizeof(values[0]); ++i) {
        freeReplyObject(redisCommand(world->redis, "SET sluice:{polite:%s}:default %s", digest, values[i]));
        gw_script_answer_t answer = run_at(world, script, &ask, 1763740800000000);
        assert_true(answer.limits.levels[0].remaining <= 19);
    }
    gw_script_free(script);
}

/* calls ------------------------------------------------------------------------------------------------------------ */

static void a_call_names_the_keys_of_its_client(void **state)
{
    static const char *const expected[] = {
        "EVALSHA", NULL,     "1", "sluice:{polite:0123456789abcdef0123456789abcdef}:default",
        "t",       "2500",   "1", "0",
        "0",       "1",      "1", "2000000",
        "0",       "100000", "0", "300000",
        "0"};
    gw_script_t *script = gw_script_create("polite", &ten_a_second, 1);
    gw_script_ask_t ask = take_ask(3);
    size_t num;
    (void)state;
    ask.max_wait_us = 2500;
    const gw_str_t *args = gw_script_call(script, &ask, false, &num);
    assert_int_equal(num, sizeof(expected) / sizeof(expected[0]));
    assert_int_equal(args[1].len, 40);
    for (size_t i = 0; i != num; ++i)
        if (expected[i] != NULL && !gw_str_equal(args[i], gw_str_of(expected[i])))
            fail_msg("argument %zu is '%.*s', not '%s'", i, (int)args[i].len, args[i].ptr, expected[i]);
    args = gw_script_call(script, &ask, true, &num);
    assert_true(gw_str_equal(args[0], GW_STR("EVAL")));
    assert_true(gw_str_starts_with(args[1], gw_str_of(gw_script_function)));
    gw_script_free(script);
}

static void what_cannot_be_counted_in_doubles_is_known(void **state)
{
    static const struct {
        const char *about;
        gw_rate_t rate;
        uint64_t burst;
        bool can;
    } cases[] = {
        {"usual", {100, 1000000}, 200, true},
        {"a bucket of a year", {1, 366ull * 86400000000}, 1, true},
        {"of ninety-nine years", {1, 366ull * 86400000000}, 99, true},
        {"of a hundred years", {1, 366ull * 86400000000}, 100, false},
        {"of three thousand years", {1, 86400000000}, 1100000, false},
        {"a fine clock", {1000000000, 1000000}, 1000000000, true},
    };
    (void)state;
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_bucket_rules_t rules;
        assert_true(gw_bucket_rules_make(&cases[i].rate, cases[i].burst, 1, &rules));
        if (gw_script_can_count(&rules) != cases[i].can)
            fail_msg("%s", cases[i].about);
    }
}

/* hostile replies -------------------------------------------------------------------------------------------------- */

static void replies_that_make_no_sense_are_not_taken(void **state)
{
    enum { LEASE = GW_SCRIPT_LEASE, TAKE = GW_SCRIPT_TAKE, BACK = GW_SCRIPT_GIVE_BACK };
    static const struct {
        const char *about;
        int op;
        size_t num;
        int64_t numbers[6];
    } cases[] = {
        {"nothing", TAKE, 0, {0}},
        {"too few", TAKE, 3, {1, 0, 5}},
        {"too many", TAKE, 5, {1, 0, 5, 0, 0}},
        {"neither yes nor no", TAKE, 4, {2, 0, 5, 0}},
        {"less than no", TAKE, 4, {-1, 0, 5, 0}},
        {"a trial where there is none", TAKE, 4, {1, 1, 5, 0}},
        {"a negative trial", TAKE, 4, {1, -1, 5, 0}},
        {"missing less than nothing", TAKE, 4, {1, 0, -1, 0}},
        {"ticks that are a unit", TAKE, 4, {1, 0, 5, 1}},
        {"negative ticks", TAKE, 4, {1, 0, 5, -1}},
        {"an overflow", TAKE, 4, {1, 0, INT64_MAX, 0}},
        {"more missing than can be", TAKE, 4, {1, 0, 63000001, 0}},
        {"taken from an empty bucket", TAKE, 4, {1, 0, 2000001, 0}},
        {"refused by nobody", TAKE, 4, {0, 0, 0, 0}},
        {"more than was asked for", LEASE, 4, {11, 0, 5, 0}},
        {"less than was needed", LEASE, 4, {2, 0, 5, 0}},
        {"a negative lease", LEASE, 4, {-5, 0, 5, 0}},
        {"a lease of an empty bucket", LEASE, 4, {5, 0, 2000001, 0}},
        {"giving back refused", BACK, 4, {0, 0, 5, 0}},
    };
    (void)state;
    gw_script_t *script = gw_script_create("polite", &ten_a_second, 1);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_redis_reply_t elements[6], reply = {.type = GW_REDIS_ARRAY, .num_elements = cases[i].num};
        gw_script_ask_t ask = take_ask(3);
        gw_script_answer_t answer;
        const char *cause = "";
        ask.op = (gw_script_op_t)cases[i].op;
        ask.most = ask.op == GW_SCRIPT_LEASE ? 10 : 0;
        reply.elements = elements;
        for (size_t k = 0; k != cases[i].num; ++k)
            elements[k] = (gw_redis_reply_t){.type = GW_REDIS_INTEGER, .integer = cases[i].numbers[k]};
        if (gw_script_read(script, &ask, &reply, &answer, &cause) != GW_SCRIPT_FAILED ||
            strcmp(cause, "malformed") != 0)
            fail_msg("%s: taken, or '%s'", cases[i].about, cause);
        if (cases[i].num == 0)
            continue;
        elements[0].type = GW_REDIS_STRING;
        elements[0].text = GW_STR("1");
        assert_int_equal(gw_script_read(script, &ask, &reply, &answer, &cause), GW_SCRIPT_FAILED);
    }
    gw_script_free(script);
}

static void errors_have_a_cause(void **state)
{
    static const struct {
        const char *text, *cause;
    } cases[] = {
        {"READONLY You can't write against a read only replica.", "read_only"},
        {"ERR Error running script (call to f_1): @user_script:5: @user_script: 5: -READONLY You can't write",
         "read_only"},
        {"OOM command not allowed when used memory > 'maxmemory'.", "out_of_memory"},
        {"ERR Error running script (call to f_1): @user_script:5: -OOM command not allowed", "out_of_memory"},
        {"BUSY Redis is busy running a script.", "busy_script"},
        {"LOADING Redis is loading the dataset in memory", "loading"},
        {"MISCONF Redis is configured to save RDB snapshots", "misconf"},
        {"NOAUTH Authentication required.", "not_signed_in"},
        {"NOPERM this user has no permissions to run the 'evalsha' command", "no_permission"},
        {"MOVED 3999 127.0.0.1:6381", "moved"},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", "wrong_type"},
        {"ERR something else", "error"},
        {"", "error"},
        {"NOSCRIPTS", "error"},
    };
    (void)state;
    gw_script_t *script = gw_script_create("polite", &ten_a_second, 1);
    gw_script_ask_t ask = take_ask(1);
    gw_script_answer_t answer;
    const char *cause = "";
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_redis_reply_t reply = {.type = GW_REDIS_ERROR, .text = gw_str_of(cases[i].text)};
        assert_int_equal(gw_script_read(script, &ask, &reply, &answer, &cause), GW_SCRIPT_FAILED);
        assert_string_equal(cause, cases[i].cause);
    }
    gw_redis_reply_t reply = {.type = GW_REDIS_ERROR, .text = GW_STR("NOSCRIPT No matching script.")};
    assert_int_equal(gw_script_read(script, &ask, &reply, &answer, &cause), GW_SCRIPT_NOT_THERE);
    gw_script_free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_counts_as_a_single_gateway_does_step_by_step),
        cmocka_unit_test(a_lease_gets_the_last_token),
        cmocka_unit_test(a_key_goes_when_its_bucket_is_full),
        cmocka_unit_test(the_key_of_a_trial_is_not_that_of_a_limit),
        cmocka_unit_test(buckets_of_other_rules_are_converted),
        cmocka_unit_test(what_was_taken_by_other_rules_comes_back_by_the_new_ones),
        cmocka_unit_test(a_clock_that_is_set_back_locks_nobody_out_for_long),
        cmocka_unit_test(rubbish_in_a_key_is_a_full_bucket),
        cmocka_unit_test(a_call_names_the_keys_of_its_client),
        cmocka_unit_test(what_cannot_be_counted_in_doubles_is_known),
        cmocka_unit_test(replies_that_make_no_sense_are_not_taken),
        cmocka_unit_test(errors_have_a_cause),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
