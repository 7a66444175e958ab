/* SPDX-License-Identifier: MIT
 * Where a worker's requests get tokens of leases. */
#include <assert.h>
#include "filters/rate_limit/store/lease_desk.h"
#include "gateway/base/memory.h"

enum { num_slots = 1024, first_notes = 64, notes_per_sweep = 256 };

typedef struct gw_fetch {
    gw_script_run_t run;
    gw_lease_desk_t *desk;
    uint64_t hash;
    struct gw_fetch *next;  /* in its slot, or among the idle ones */
    h2o_linklist_t waiters; /* gw_shared_take_t, in the order in which they came */
} fetch_t;

/** A lease to be looked after. */
typedef struct note {
    uint64_t hash, until_ms;
    char digest[GW_SCRIPT_DIGEST_LEN];
} note_t;

struct gw_lease_desk {
    gw_lease_desk_conf_t conf;
    fetch_t *slots[num_slots], *idle;
    size_t num_fetches, num_waiters;
    bool is_troubled; /* the last fetch had no answer */
    note_t *notes;    /* a ring, in the order of their times but for a timeout's */
    size_t first_note, num_notes, size_notes;
    gw_timer_t timer;
};

static uint64_t now_ms(const gw_lease_desk_t *desk)
{
    return gw_worker_now_ms(desk->conf.runner->worker);
}

/* notes ------------------------------------------------------------------------------------------------------------ */

static void set_timer(gw_lease_desk_t *desk, uint64_t not_before_ms)
{
    if (desk->num_notes == 0)
        return;
    uint64_t at_ms = desk->notes[desk->first_note].until_ms;
    gw_timer_set(&desk->conf.runner->worker->timers, &desk->timer, at_ms > not_before_ms ? at_ms : not_before_ms);
}

static void grow_notes(gw_lease_desk_t *desk)
{
    size_t size = desk->size_notes != 0 ? 2 * desk->size_notes : first_notes;
    note_t *notes = gw_must_alloc(size, sizeof(*notes));
    for (size_t i = 0; i != desk->num_notes; ++i)
        notes[i] = desk->notes[(desk->first_note + i) % desk->size_notes];
    free(desk->notes);
    desk->notes = notes;
    desk->first_note = 0;
    desk->size_notes = size;
}

static void add_note(gw_lease_desk_t *desk, const fetch_t *fetch, uint64_t until_ms)
{
    if (desk->num_notes == desk->size_notes)
        grow_notes(desk);
    note_t *note = &desk->notes[(desk->first_note + desk->num_notes++) % desk->size_notes];
    note->hash = fetch->hash;
    note->until_ms = until_ms;
    memcpy(note->digest, fetch->run.ask.digest, sizeof(note->digest));
    if (desk->num_notes == 1)
        set_timer(desk, 0);
}

static void bring_back(gw_lease_desk_t *desk, const char *digest, uint64_t tokens)
{
    if (tokens != 0) /* a store that is gone does not get them: the bucket fills by itself */
        gw_errand_send(desk->conf.errands, GW_SCRIPT_GIVE_BACK, digest, tokens, false);
}

/** Ends the lease of the first note, if it was not renewed: then another note stands for it. */
static void settle_note(gw_lease_desk_t *desk, bool is_forced)
{
    const note_t *note = &desk->notes[desk->first_note];
    bring_back(desk, note->digest, gw_lease_end(desk->conf.leases, note->hash, now_ms(desk), is_forced));
    desk->first_note = (desk->first_note + 1) % desk->size_notes;
    --desk->num_notes;
}

static void on_timer(gw_timer_t *timer)
{
    gw_lease_desk_t *desk = H2O_STRUCT_FROM_MEMBER(gw_lease_desk_t, timer, timer);
    uint64_t now = now_ms(desk);
    for (int i = 0; i != notes_per_sweep; ++i) {
        if (desk->num_notes == 0 || desk->notes[desk->first_note].until_ms > now)
            break;
        settle_note(desk, false);
    }
    set_timer(desk, now + GW_TIMER_TICK_MS); /* the loop has its turn between sweeps */
}

/* answers ---------------------------------------------------------------------------------------------------------- */

static void answer_taken(const gw_lease_desk_t *desk, gw_shared_take_t *take, uint64_t left)
{
    take->cause = NULL;
    memset(&take->answer, 0, sizeof(take->answer));
    gw_script_levels_of(desk->conf.runner->script, left, take->answer.levels);
}

/** Of those that refused nothing is left; the others have at least one. */
static void answer_refused(const gw_lease_desk_t *desk, gw_shared_take_t *take, const gw_lease_state_t *state)
{
    gw_bucket_level_t none[GW_MAX_LIMITS];
    answer_taken(desk, take, 1);
    gw_script_levels_of(desk->conf.runner->script, 0, none);
    take->answer.refused_by = take->cost != 0 ? state->refused_by : 0;
    take->answer.wait_us = take->cost != 0 ? state->wait_ms * 1000 : 0;
    for (size_t i = 0; i != desk->conf.num_limits; ++i)
        if ((state->refused_by & 1u << i) != 0)
            take->answer.levels[i] = none[i];
}

/** What the store said last, for a request that finds too little in the lease.  @return false: the store may have what
 * it needs */
static bool answer_from_store(const gw_lease_desk_t *desk, gw_shared_take_t *take, uint64_t left,
                              const gw_limits_answer_t *said)
{
    uint32_t refused_by = 0;
    uint64_t wait_us = 0;
    for (size_t i = 0; i != desk->conf.num_limits; ++i) {
        const gw_bucket_rules_t *rules = &gw_script_rules(desk->conf.runner->script)[i].enforced;
        uint64_t there = said->levels[i].remaining + left;
        if (there >= take->cost)
            continue;
        refused_by |= 1u << i;
        uint64_t wait = said->levels[i].next_us + gw_bucket_us(rules, gw_bucket_cost(rules, take->cost - there - 1));
        wait_us = wait > wait_us ? wait : wait_us;
    }
    if (refused_by == 0)
        return false;
    take->cause = NULL;
    take->answer = *said;
    take->answer.refused_by = refused_by;
    take->answer.wait_us = wait_us;
    return true;
}

/* fetching --------------------------------------------------------------------------------------------------------- */

static fetch_t **slot_of(gw_lease_desk_t *desk, uint64_t hash)
{
    return &desk->slots[hash % num_slots];
}

static fetch_t *find_fetch(gw_lease_desk_t *desk, uint64_t hash)
{
    fetch_t *fetch = *slot_of(desk, hash);
    while (fetch != NULL && fetch->hash != hash)
        fetch = fetch->next;
    return fetch;
}

static fetch_t *begin_fetch(gw_lease_desk_t *desk, uint64_t hash)
{
    fetch_t *fetch = desk->idle;
    if (fetch != NULL)
        desk->idle = fetch->next;
    else
        fetch = gw_must_alloc(1, sizeof(*fetch));
    ++desk->num_fetches;
    fetch->desk = desk;
    fetch->hash = hash;
    fetch->next = *slot_of(desk, hash);
    *slot_of(desk, hash) = fetch;
    h2o_linklist_init_anchor(&fetch->waiters);
    return fetch;
}

/** Nobody waits in it any more. */
static void end_fetch(fetch_t *fetch)
{
    gw_lease_desk_t *desk = fetch->desk;
    fetch_t **at = slot_of(desk, fetch->hash);
    assert(h2o_linklist_is_empty(&fetch->waiters));
    while (*at != fetch)
        at = &(*at)->next;
    *at = fetch->next;
    fetch->next = desk->idle;
    desk->idle = fetch;
    --desk->num_fetches;
}

static gw_shared_take_t *first_waiter(const fetch_t *fetch)
{
    return H2O_STRUCT_FROM_MEMBER(gw_shared_take_t, link, fetch->waiters.next);
}

static void add_waiter(fetch_t *fetch, gw_shared_take_t *take)
{
    take->fetch = fetch;
    h2o_linklist_insert(&fetch->waiters, &take->link);
    ++fetch->desk->num_waiters;
}

static void remove_waiter(gw_shared_take_t *take)
{
    --take->fetch->desk->num_waiters;
    h2o_linklist_unlink(&take->link);
    take->fetch = NULL;
}

static void on_done(gw_script_run_t *run, const gw_script_answer_t *answer, const char *cause);

/** @param least tokens that are needed beside those that are left */
static const char *run_fetch(fetch_t *fetch, uint64_t least, uint64_t left, uint64_t timeout_ms)
{
    const gw_lease_desk_t *desk = fetch->desk;
    gw_script_ask_t *ask = &fetch->run.ask;
    ask->op = GW_SCRIPT_LEASE;
    ask->cost = least;
    ask->most = left + least < desk->conf.tokens ? desk->conf.tokens - left : least;
    if (desk->num_notes >= GW_MAX_NOTES || desk->is_troubled)
        ask->most = least; /* nobody would bring the rest back, or it may be lost with the answer */
    fetch->run.on_done = on_done;
    return gw_script_run(desk->conf.runner, &fetch->run, timeout_ms);
}

/** Takes what the store gave, or remembers that it gave nothing.
 *  @return tokens for which there is no place: for those who wait, then they go back */
static uint64_t book(fetch_t *fetch, const gw_script_answer_t *answer)
{
    gw_lease_desk_t *desk = fetch->desk;
    uint64_t now = now_ms(desk);
    if (answer->granted != 0) {
        gw_lease_state_t state;
        if (desk->num_notes >= GW_MAX_NOTES)
            return answer->granted; /* nobody would look after a lease */
        uint64_t until_ms = now + desk->conf.ms;
        uint64_t over = gw_lease_add(desk->conf.leases, fetch->hash, now, answer->granted, desk->conf.tokens, until_ms);
        if (over == answer->granted && gw_lease_take(desk->conf.leases, fetch->hash, now, 0, &state) == GW_LEASE_NONE)
            return over;
        bring_back(desk, fetch->run.ask.digest, over);
        add_note(desk, fetch, until_ms);
        return 0;
    }
    uint32_t empty = 0;
    uint64_t wait_ms = 0;
    for (size_t i = 0; i != desk->conf.num_limits; ++i)
        if (answer->limits.levels[i].remaining == 0) {
            uint64_t next_ms = (answer->limits.levels[i].next_us + 999) / 1000;
            empty |= 1u << i;
            wait_ms = next_ms > wait_ms ? next_ms : wait_ms;
        }
    if (wait_ms > desk->conf.ms)
        wait_ms = desk->conf.ms;
    if (empty != 0 && wait_ms != 0)
        gw_lease_refuse(desk->conf.leases, fetch->hash, now, now + wait_ms, empty);
    return 0;
}

/** @param hand tokens that will go back */
static bool serve_from_lease(const gw_lease_desk_t *desk, gw_shared_take_t *take, const gw_limits_answer_t *said,
                             uint64_t hand, uint64_t *ret_left)
{
    gw_lease_state_t state;
    gw_lease_result_t result = gw_lease_take(desk->conf.leases, take->hash, now_ms(desk), take->cost, &state);
    *ret_left = state.left;
    if (result == GW_LEASE_TAKEN)
        answer_taken(desk, take, state.left);
    else if (!answer_from_store(desk, take, state.left + hand, said))
        return false;
    return true;
}

/** @return why the store is not asked for them: it is asked */
static const char *fetch_more(fetch_t *fetch, uint64_t left)
{
    const gw_shared_take_t *take = first_waiter(fetch);
    uint64_t now = now_ms(fetch->desk);
    if (take->deadline_ms <= now)
        return gw_redis_result_text(GW_REDIS_TIMEOUT);
    return run_fetch(fetch, take->cost - left, left, take->deadline_ms - now);
}

static void answer_waiter(gw_shared_take_t *take, gw_shared_result_t result)
{
    remove_waiter(take);
    take->on_answer(take, result);
}

/** Gives the waiters what they can be given.  Their callbacks may do anything.
 *  @param hand tokens that are in no lease */
static void serve(fetch_t *fetch, const gw_limits_answer_t *said, uint64_t hand)
{
    gw_lease_desk_t *desk = fetch->desk;
    while (!h2o_linklist_is_empty(&fetch->waiters)) {
        gw_shared_take_t *take = first_waiter(fetch);
        uint64_t left;
        if (take->cost <= hand) {
            hand -= take->cost;
            answer_taken(desk, take, hand);
            answer_waiter(take, GW_SHARED_KNOWN);
            continue;
        }
        if (serve_from_lease(desk, take, said, hand, &left)) {
            answer_waiter(take, GW_SHARED_KNOWN);
            continue;
        }
        bring_back(desk, fetch->run.ask.digest, hand);
        hand = 0;
        take->cause = fetch_more(fetch, left);
        if (take->cause == NULL)
            return; /* they all wait for this one now */
        answer_waiter(take, GW_SHARED_UNKNOWN);
    }
    bring_back(desk, fetch->run.ask.digest, hand);
    end_fetch(fetch);
}

static void disappoint(fetch_t *fetch, const char *cause)
{
    while (!h2o_linklist_is_empty(&fetch->waiters)) {
        gw_shared_take_t *take = first_waiter(fetch);
        take->cause = cause;
        answer_waiter(take, GW_SHARED_UNKNOWN);
    }
    end_fetch(fetch);
}

static void on_done(gw_script_run_t *run, const gw_script_answer_t *answer, const char *cause)
{
    fetch_t *fetch = H2O_STRUCT_FROM_MEMBER(fetch_t, run, run);
    gw_shared_side_t *side = fetch->desk->conf.side;
    gw_shared_side_ref(side);
    fetch->desk->is_troubled = answer == NULL;
    if (answer == NULL) {
        disappoint(fetch, cause);
    } else {
        gw_limits_answer_t said = answer->limits;
        uint64_t hand = book(fetch, answer);
        serve(fetch, &said, hand);
    }
    gw_shared_side_free(side);
}

/** @param least tokens needed beside those that are left   @return NULL: they are on their way; else why not */
static const char *fetch(gw_lease_desk_t *desk, gw_shared_take_t *waiter, const gw_shared_take_t *of, uint64_t least,
                         uint64_t left)
{
    fetch_t *fetch = begin_fetch(desk, of->hash);
    gw_client_key_digest(of->key, fetch->run.ask.digest);
    const char *cause = run_fetch(fetch, least, left, desk->conf.timeout_ms);
    if (cause != NULL)
        end_fetch(fetch);
    else if (waiter != NULL)
        add_waiter(fetch, waiter);
    return cause;
}

/* taking ----------------------------------------------------------------------------------------------------------- */

static void fetch_ahead(gw_lease_desk_t *desk, const gw_shared_take_t *take, uint64_t left)
{
    if (!desk->is_troubled && desk->num_fetches != GW_MAX_FETCHES && desk->num_notes < GW_MAX_NOTES &&
        find_fetch(desk, take->hash) == NULL)
        fetch(desk, NULL, take, 1, left);
}

static gw_shared_result_t later_or(gw_shared_take_t *take, const char *cause)
{
    take->cause = cause;
    return cause == NULL ? GW_SHARED_LATER : GW_SHARED_UNKNOWN;
}

static gw_shared_result_t wait_for_lease(gw_lease_desk_t *desk, gw_shared_take_t *take, uint64_t left)
{
    fetch_t *other = find_fetch(desk, take->hash);
    take->deadline_ms = now_ms(desk) + desk->conf.timeout_ms;
    if (desk->num_waiters == GW_MAX_WAITERS)
        return later_or(take, gw_redis_result_text(GW_REDIS_BUSY));
    if (other != NULL) {
        add_waiter(other, take);
        return GW_SHARED_LATER;
    }
    if (desk->num_fetches == GW_MAX_FETCHES)
        return later_or(take, gw_errand_take(desk->conf.errands, take));
    return later_or(take, fetch(desk, take, take, take->cost - left, left));
}

gw_shared_result_t gw_lease_desk_take(gw_lease_desk_t *desk, gw_shared_take_t *take)
{
    gw_lease_state_t state;
    uint64_t low = desk->conf.tokens / 4;
    switch (gw_lease_take(desk->conf.leases, take->hash, now_ms(desk), take->cost, &state)) {
    case GW_LEASE_TAKEN:
        answer_taken(desk, take, state.left);
        if (state.left <= low && state.left + take->cost > low) /* one request sees this of each lease */
            fetch_ahead(desk, take, state.left);
        return GW_SHARED_KNOWN;
    case GW_LEASE_REFUSED:
        answer_refused(desk, take, &state);
        return GW_SHARED_KNOWN;
    case GW_LEASE_NONE:
        break;
    }
    if (take->cost == 0)
        return later_or(take, gw_errand_take(desk->conf.errands, take));
    return wait_for_lease(desk, take, state.left);
}

void gw_lease_desk_cancel(gw_shared_take_t *take)
{
    remove_waiter(take); /* the lease comes all the same, for others or to be brought back */
}

/* life ------------------------------------------------------------------------------------------------------------- */

gw_lease_desk_t *gw_lease_desk_create(const gw_lease_desk_conf_t *conf)
{
    gw_lease_desk_t *desk = gw_must_alloc(1, sizeof(*desk));
    desk->conf = *conf;
    gw_timer_init(&desk->timer, on_timer);
    return desk;
}

gw_lease_desk_t *gw_lease_desk_free(gw_lease_desk_t *desk)
{
    if (desk == NULL)
        return NULL;
    assert(desk->num_waiters == 0);
    while (desk->num_notes != 0)
        settle_note(desk, true);
    for (size_t i = 0; i != num_slots; ++i)
        while (desk->slots[i] != NULL) {
            gw_script_run_cancel(&desk->slots[i]->run);
            end_fetch(desk->slots[i]);
        }
    for (fetch_t *fetch; (fetch = desk->idle) != NULL; free(fetch))
        desk->idle = fetch->next;
    gw_timer_dispose(&desk->conf.runner->worker->timers, &desk->timer);
    free(desk->notes);
    free(desk);
    return NULL;
}
