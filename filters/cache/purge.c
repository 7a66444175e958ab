/* SPDX-License-Identifier: MIT
 * Requests of the method PURGE.
 *
 * First comes the purge, then what is on its way is forgotten.  So nobody who comes later joins a fill that has asked
 * the service before the purge: one that began before it is found and forgotten, and what such a fill brings is not
 * stored, as the store remembers the purge. */
#include "filters/cache/purge.h"
#include "filters/cache/purge_order.h"
#include "filters/cache/tagging.h"
#include "gateway/base/memory.h"
#include "gateway/upkeep/jobs.h"
#include "gateway/upkeep/upkeep.h"

static const char self[] = "cache";

/** Whoever purges need not know by which scheme clients come: it is often from inside, where there is no TLS. */
enum { num_schemes = 2 };
static const gw_str_t schemes[num_schemes] = {{"http", 4}, {"https", 5}};

/* answers ---------------------------------------------------------------------------------------------------------- */

static void answer(gw_exchange_t *ex, gw_purge_scope_t scope, gw_cache_purge_t how, size_t num)
{
    enum { room = 100 };
    char *body = h2o_mem_alloc_pool(&ex->req->pool, room);
    const char *mode = how == GW_PURGE_SOFT ? "soft" : "hard";
    int len = snprintf(body, room, "{\"purged\":%zu,\"what\":\"%s\",\"mode\":\"%s\"}\n", num,
                       gw_purge_scope_word(scope), mode);
    gw_exchange_decide(ex, self,
                       gw_cache_deed_word(how == GW_PURGE_SOFT ? GW_CACHE_DEED_PURGED_SOFTLY : GW_CACHE_DEED_PURGED),
                       gw_purge_scope_word(scope));
    gw_exchange_answer(ex, 200, GW_STR("application/json"), gw_str(body, (size_t)len));
}

static gw_verdict_t refuse(gw_exchange_t *ex, gw_reason_t reason, const char *cause, const char *sentence)
{
    gw_exchange_decide(ex, self, gw_cache_deed_word(GW_CACHE_DEED_REFUSED), cause);
    gw_exchange_problem(ex, reason, sentence);
    return GW_ANSWERED;
}

static void refuse_for_now(gw_exchange_t *ex, uint64_t wait_ms)
{
    gw_exchange_decide(ex, self, gw_cache_deed_word(GW_CACHE_DEED_REFUSED), gw_cache_detail_word(GW_CACHE_DETAIL_BUSY));
    gw_exchange_problem_later(ex, GW_REASON_PURGE_BUSY, NULL, wait_ms);
}

/* by prefix, on a thread of its own -------------------------------------------------------------------------------- */

/** The search for URLs that begin with a prefix. */
struct gw_cache_search {
    gw_job_t super;
    atomic_uint references; /* one of the worker's side, one of the job's */
    gw_worker_t *worker;
    gw_cache_store_t *store; /* one reference */
    gw_fills_t *fills;       /* one reference */
    gw_cache_purge_t how;
    /* the worker's side */
    gw_cache_passage_t *passage; /* NULL: its client has left */
    /* the job's side, until it is told */
    bool was_run;
    size_t num;
    size_t lens[num_schemes];
    char prefixes[]; /* one behind the other */
};

static void unref(gw_cache_search_t *search)
{
    if (atomic_fetch_sub_explicit(&search->references, 1, memory_order_acq_rel) != 1)
        return;
    gw_fills_unref(search->fills);
    gw_cache_store_unref(search->store);
    free(search);
}

static void run(gw_job_t *job)
{
    gw_cache_search_t *search = (gw_cache_search_t *)job;
    const char *at = search->prefixes;
    for (size_t i = 0; i != num_schemes; at += search->lens[i++])
        search->num += gw_cache_purge_prefix(search->store, gw_str(at, search->lens[i]), search->how);
    gw_fills_forget(search->fills, NULL);
}

static void tell(void *arg, bool is_running)
{
    gw_cache_search_t *search = arg;
    gw_cache_passage_t *passage = is_running ? search->passage : NULL;
    if (passage != NULL) {
        search->passage = NULL;
        passage->search = NULL;
        if (search->was_run)
            answer(passage->ex, GW_PURGE_SCOPE_PREFIX, search->how, search->num);
        else
            refuse_for_now(passage->ex, 0); /* the gateway ends */
        unref(search);                      /* the worker's side has what it wanted */
        gw_cache_settle(passage, GW_ANSWERED);
    }
    unref(search);
}

static void done(gw_job_t *job, bool was_run)
{
    gw_cache_search_t *search = (gw_cache_search_t *)job;
    search->was_run = was_run;
    gw_worker_call(search->worker, tell, search);
}

static gw_verdict_t search_for(gw_cache_passage_t *passage, const gw_purge_order_t *order)
{
    gw_cache_shared_t *shared = passage->state->shared;
    gw_exchange_t *ex = passage->ex;
    gw_jobs_t *jobs = gw_upkeep_jobs(shared->upkeep);
    gw_str_t prefixes[num_schemes];
    size_t len = 0;
    for (size_t i = 0; i != num_schemes; len += prefixes[i++].len)
        prefixes[i] = gw_cache_url_like(ex, passage->conf, schemes[i], order->path, gw_str(NULL, 0));
    gw_cache_search_t *search = gw_must_alloc(1, sizeof(*search) + len);
    search->super = (gw_job_t){.run = run, .done = done, .owner = gw_exchange_client_owner(ex)};
    atomic_init(&search->references, 2);
    search->worker = passage->state->worker;
    search->store = gw_cache_store_ref(shared->store);
    search->fills = gw_fills_ref(shared->fills);
    search->how = order->how;
    char *at = search->prefixes;
    for (size_t i = 0; i != num_schemes; at += prefixes[i++].len) {
        memcpy(at, prefixes[i].ptr, prefixes[i].len);
        search->lens[i] = prefixes[i].len;
    }
    search->passage = passage;
    passage->search = search;
    if (gw_jobs_add(jobs, &search->super))
        return GW_WAITING;
    passage->search = NULL;
    atomic_store(&search->references, 1);
    unref(search);
    refuse_for_now(ex, gw_jobs_wait_ms(jobs));
    return GW_ANSWERED;
}

void gw_cache_purge_leave(gw_cache_passage_t *passage)
{
    gw_cache_search_t *search = passage->search;
    if (search == NULL)
        return;
    passage->search = NULL;
    search->passage = NULL;
    unref(search);
}

/* the others, at once ---------------------------------------------------------------------------------------------- */

static size_t purge_url(gw_cache_passage_t *passage, const gw_purge_order_t *order)
{
    gw_cache_shared_t *shared = passage->state->shared;
    size_t num = 0;
    for (size_t i = 0; i != num_schemes; ++i) {
        gw_str_t url = gw_cache_url_like(passage->ex, passage->conf, schemes[i], order->path, order->query);
        uint64_t hash = gw_cache_url_hash(shared->store, url);
        num += gw_cache_purge_url(shared->store, hash, order->how);
        gw_fills_forget(shared->fills, &hash);
    }
    return num;
}

static size_t purge_tags(gw_cache_shared_t *shared, const gw_purge_order_t *order)
{
    size_t num = 0;
    for (size_t i = 0; i != order->tags.num; ++i)
        num += gw_cache_purge_label(shared->store, gw_cache_tag_hash(shared->store, order->tags.names[i]), order->how);
    gw_fills_forget(shared->fills, NULL);
    return num;
}

static size_t purge_all(gw_cache_shared_t *shared, const gw_purge_order_t *order)
{
    size_t num = (size_t)gw_cache_store_figures(shared->store).entries;
    gw_cache_purge_all(shared->store, order->how);
    gw_fills_forget(shared->fills, NULL);
    return num;
}

/* requests --------------------------------------------------------------------------------------------------------- */

/** The client's own address, behind proxies that are trusted: a proxy's says nothing of who sends. */
static bool may_purge(gw_exchange_t *ex, const gw_cache_conf_t *conf)
{
    uint8_t address[16];
    bool has_address = gw_exchange_client_address(ex, address);
    const gw_network_list_t *const allow[2] = {conf->purge.networks, NULL}, *const deny[2] = {NULL, NULL};
    return gw_ip_judge(allow, deny, has_address ? address : NULL) == GW_IP_ALLOWED;
}

gw_verdict_t gw_cache_purge_request(gw_cache_passage_t *passage)
{
    gw_exchange_t *ex = passage->ex;
    const gw_cache_conf_t *conf = passage->conf;
    gw_cache_shared_t *shared = passage->state->shared;
    passage->errand = GW_ERRAND_PURGE;
    if (!may_purge(ex, conf))
        return refuse(ex, GW_REASON_PURGE_DENIED, gw_cache_detail_word(GW_CACHE_DETAIL_NOT_ALLOWED), NULL);
    size_t num_fields;
    const gw_http_field_t *fields = gw_cache_fields_of(&ex->req->pool, &ex->req->headers, &num_fields);
    gw_purge_order_t order;
    gw_purge_fault_t fault =
        gw_purge_order_read(ex->path, ex->query, fields, num_fields, conf->tag_fields, conf->tags.size, &order);
    if (fault != GW_PURGE_FAULT_NONE)
        return refuse(ex, GW_REASON_PURGE_UNCLEAR, gw_purge_fault_word(fault), gw_purge_fault_sentence(fault));
    switch (order.scope) {
    case GW_PURGE_SCOPE_URL:
        answer(ex, order.scope, order.how, purge_url(passage, &order));
        return GW_ANSWERED;
    case GW_PURGE_SCOPE_PREFIX:
        return search_for(passage, &order);
    case GW_PURGE_SCOPE_TAGS:
        answer(ex, order.scope, order.how, purge_tags(shared, &order));
        return GW_ANSWERED;
    case GW_PURGE_SCOPE_ALL:
        break;
    }
    answer(ex, order.scope, order.how, purge_all(shared, &order));
    return GW_ANSWERED;
}
