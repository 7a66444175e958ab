/* SPDX-License-Identifier: MIT
 * A run of the script in a Redis. */
#include "filters/rate_limit/store/script_run.h"

enum { max_tries = 3 }; /* without the text, behind another's text, with the text */

static void on_reply(gw_redis_call_t *call, gw_redis_result_t result, const gw_redis_reply_t *reply);

static const char *send_run(gw_script_run_t *run, bool with_text)
{
    gw_script_runner_t *runner = run->runner;
    uint64_t now_ms = gw_worker_now_ms(runner->worker);
    size_t num_args;
    if (now_ms >= run->deadline_ms)
        return gw_redis_result_text(GW_REDIS_TIMEOUT);
    const gw_str_t *args = gw_script_call(runner->script, &run->ask, with_text, &num_args);
    run->call = (gw_redis_call_t){.on_reply = on_reply};
    gw_redis_result_t result = gw_redis_send(runner->redis, &run->call, args, num_args, run->deadline_ms - now_ms);
    if (result != GW_REDIS_SENT)
        return gw_redis_result_text(result);
    ++run->num_tries;
    run->has_text = with_text;
    run->sent = ++runner->num_sent;
    if (with_text) {
        runner->text_sent = run->sent;
        runner->text_connection = gw_redis_connection_number(runner->redis);
    }
    return NULL;
}

/** The server does not have the script. */
static const char *try_again(gw_script_run_t *run)
{
    const gw_script_runner_t *runner = run->runner;
    if (run->has_text || run->num_tries == max_tries)
        return "error";
    bool is_text_on_its_way =
        runner->text_sent > run->sent && runner->text_connection == gw_redis_connection_number(runner->redis);
    return send_run(run, !is_text_on_its_way || run->num_tries == max_tries - 1);
}

static void on_reply(gw_redis_call_t *call, gw_redis_result_t result, const gw_redis_reply_t *reply)
{
    gw_script_run_t *run = H2O_STRUCT_FROM_MEMBER(gw_script_run_t, call, call);
    gw_script_answer_t answer;
    const char *cause = NULL;
    if (result != GW_REDIS_REPLY) {
        run->on_done(run, NULL, gw_redis_result_text(result));
        return;
    }
    switch (gw_script_read(run->runner->script, &run->ask, reply, &answer, &cause)) {
    case GW_SCRIPT_ANSWERED:
        run->on_done(run, &answer, NULL);
        return;
    case GW_SCRIPT_NOT_THERE:
        if ((cause = try_again(run)) == NULL)
            return;
        break;
    case GW_SCRIPT_FAILED:
        break;
    }
    run->on_done(run, NULL, cause);
}

const char *gw_script_run(gw_script_runner_t *runner, gw_script_run_t *run, uint64_t timeout_ms)
{
    run->runner = runner;
    run->deadline_ms = gw_worker_now_ms(runner->worker) + timeout_ms;
    run->num_tries = 0;
    return send_run(run, false);
}

void gw_script_run_cancel(gw_script_run_t *run)
{
    gw_redis_cancel(&run->call);
}
