/* SPDX-License-Identifier: MIT
 * Fuzz target: whatever a server replies to the script.  The first bytes say what was asked of which limits, the others
 * are what the server sends.  What is taken for an answer agrees with the limits and with itself. */
#include <stdlib.h>
#include "filters/rate_limit/store/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { head_size = 4 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static const gw_limit_conf_t limits[] = {
    {.name = "second", .rate = {10, 1000000}, .burst = 20, .trial_rate = {7, 1000000}, .trial_burst = 7},
    {.name = "hour", .rate = {997, 3600000000}, .burst = 100},
    {.name = "day", .rate = {1000000000, 86400000000}, .burst = 1000000000},
};

static void check_answer(const gw_script_t *script, const gw_script_ask_t *ask, size_t num,
                         const gw_script_answer_t *answer)
{
    bool may_refuse = ask->op == GW_SCRIPT_TAKE || ask->op == GW_SCRIPT_LEASE;
    must(answer->limits.refused_by < 1u << num && answer->limits.no_room == 0);
    must(may_refuse || (answer->limits.refused_by == 0 && answer->limits.wait_us == 0));
    must((answer->limits.trial_refused_by & ~1u) == 0);
    must((answer->limits.refused_by == 0) || answer->limits.wait_us != 0);
    if (ask->op == GW_SCRIPT_LEASE)
        must(answer->limits.refused_by != 0 ? answer->granted == 0
                                            : answer->granted >= ask->cost && answer->granted <= ask->most);
    else
        must(answer->granted == 0);
    if (answer->limits.refused_by == 0)
        must(answer->limits.wait_us <= ask->max_wait_us + gw_script_rules(script)[0].enforced.unit_us);
    for (size_t i = 0; i != num; ++i) {
        const gw_bucket_level_t *level = &answer->limits.levels[i];
        must(level->remaining <= limits[i].burst && level->next_us <= level->full_us);
        must((level->remaining == limits[i].burst) == (level->full_us == 0) || level->full_us != 0);
    }
}

static void check_reply(const gw_script_t *script, const gw_script_ask_t *ask, size_t num,
                        const gw_redis_reply_t *reply)
{
    gw_script_answer_t answer;
    const char *cause = NULL;
    switch (gw_script_read(script, ask, reply, &answer, &cause)) {
    case GW_SCRIPT_ANSWERED:
        check_answer(script, ask, num, &answer);
        break;
    case GW_SCRIPT_NOT_THERE:
        must(reply->type == GW_REDIS_ERROR);
        break;
    case GW_SCRIPT_FAILED:
        must(cause != NULL && *cause != '\0');
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const gw_redis_reply_t *reply;
    if (size < head_size)
        return 0;
    size_t num = 1 + data[1] % 3;
    gw_script_ask_t ask = {.op = (gw_script_op_t)(data[0] % 4), .cost = data[2] % 20};
    if (ask.op == GW_SCRIPT_LEASE) {
        ask.cost += 1;
        ask.most = ask.cost + data[3] % (21 - ask.cost);
    } else if (ask.op == GW_SCRIPT_TAKE) {
        ask.max_wait_us = data[3] * 1000;
    }
    gw_script_t *script = gw_script_create("fuzz", limits, num);
    gw_redis_reader_t *reader = gw_redis_reader_create();
    size_t len = size - head_size < GW_REDIS_MAX_REPLY ? size - head_size : GW_REDIS_MAX_REPLY;
    gw_redis_reader_feed(reader, gw_str((const char *)data + head_size, len));
    while (gw_redis_reader_next(reader, &reply) == GW_REDIS_READ_REPLY)
        check_reply(script, &ask, num, reply);
    gw_redis_reader_free(reader);
    gw_script_free(script);
    return 0;
}
