/* SPDX-License-Identifier: MIT
 * Calls of the store that outlive their askers. */
#include "filters/rate_limit/store/errand.h"
#include "gateway/base/memory.h"

struct gw_errand {
    gw_script_run_t run;
    h2o_linklist_t link;
    gw_errands_t *errands;
    gw_shared_take_t *take; /* NULL: nobody waits */
};

static gw_errand_t *begin(gw_errands_t *errands)
{
    gw_errand_t *errand;
    if (errands->num_under_way == GW_MAX_ERRANDS)
        return NULL;
    if (h2o_linklist_is_empty(&errands->idle)) {
        errand = gw_must_alloc(1, sizeof(*errand));
        errand->errands = errands;
    } else {
        errand = H2O_STRUCT_FROM_MEMBER(gw_errand_t, link, errands->idle.next);
        h2o_linklist_unlink(&errand->link);
    }
    h2o_linklist_insert(&errands->under_way, &errand->link);
    ++errands->num_under_way;
    return errand;
}

static void end(gw_errand_t *errand)
{
    h2o_linklist_unlink(&errand->link);
    h2o_linklist_insert(errand->errands->idle.next, &errand->link); /* the warm one first */
    --errand->errands->num_under_way;
    errand->take = NULL;
}

static const char *run_errand(gw_errands_t *errands, const gw_script_ask_t *ask, gw_shared_take_t *take);

static void on_done(gw_script_run_t *run, const gw_script_answer_t *answer, const char *cause)
{
    gw_errand_t *errand = H2O_STRUCT_FROM_MEMBER(gw_errand_t, run, run);
    gw_errands_t *errands = errand->errands;
    gw_shared_take_t *take = errand->take;
    gw_script_ask_t ask = run->ask;
    end(errand);
    if (take != NULL) {
        take->errand = NULL;
        take->cause = cause;
        if (answer != NULL)
            take->answer = answer->limits;
        take->on_answer(take, answer != NULL ? GW_SHARED_KNOWN : GW_SHARED_UNKNOWN);
    } else if (ask.op == GW_SCRIPT_TAKE && ask.cost != 0 && answer != NULL && answer->limits.refused_by == 0) {
        ask.op = GW_SCRIPT_GIVE_BACK;
        ask.without_trials = answer->limits.trial_refused_by != 0;
        run_errand(errands, &ask, NULL);
    }
}

static const char *run_errand(gw_errands_t *errands, const gw_script_ask_t *ask, gw_shared_take_t *take)
{
    gw_errand_t *errand = begin(errands);
    if (errand == NULL)
        return gw_redis_result_text(GW_REDIS_BUSY);
    errand->run.on_done = on_done;
    errand->run.ask = *ask;
    const char *cause = gw_script_run(errands->runner, &errand->run, errands->timeout_ms);
    if (cause != NULL) {
        end(errand);
        return cause;
    }
    if ((errand->take = take) != NULL)
        take->errand = errand;
    return NULL;
}

const char *gw_errand_take(gw_errands_t *errands, gw_shared_take_t *take)
{
    gw_script_ask_t ask = {.op = GW_SCRIPT_TAKE, .cost = take->cost, .max_wait_us = take->max_wait_us};
    gw_client_key_digest(take->key, ask.digest);
    return run_errand(errands, &ask, take);
}

void gw_errand_abandon(gw_shared_take_t *take)
{
    take->errand->take = NULL;
    take->errand = NULL;
}

const char *gw_errand_send(gw_errands_t *errands, gw_script_op_t op, const char digest[GW_SCRIPT_DIGEST_LEN],
                           uint64_t tokens, bool without_trials)
{
    gw_script_ask_t ask = {.op = op, .cost = tokens, .without_trials = without_trials};
    memcpy(ask.digest, digest, sizeof(ask.digest));
    return run_errand(errands, &ask, NULL);
}

void gw_errands_init(gw_errands_t *errands, gw_script_runner_t *runner, uint64_t timeout_ms)
{
    *errands = (gw_errands_t){.runner = runner, .timeout_ms = timeout_ms};
    h2o_linklist_init_anchor(&errands->under_way);
    h2o_linklist_init_anchor(&errands->idle);
}

static void free_all(h2o_linklist_t *list)
{
    while (!h2o_linklist_is_empty(list)) {
        gw_errand_t *errand = H2O_STRUCT_FROM_MEMBER(gw_errand_t, link, list->next);
        gw_script_run_cancel(&errand->run);
        h2o_linklist_unlink(&errand->link);
        free(errand);
    }
}

void gw_errands_dispose(gw_errands_t *errands)
{
    free_all(&errands->under_way);
    free_all(&errands->idle);
}
