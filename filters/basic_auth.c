/* SPDX-License-Identifier: MIT
 * Basic authentication on the way of a request. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include "filters/basic_auth.h"
#include "filters/basic_auth_conf.h"
#include "filters/basic_credentials.h"
#include "filters/password_check.h"
#include "filters/password_memory.h"
#include "gateway/base/memory.h"
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/principal.h"
#include "gateway/server/worker.h"

static const char self[] = "basic_auth";

enum {
    room_for_right = 4096, /* pairs that a worker remembers: 128 KiB ... */
    room_for_wrong = 1024, /* ... and 32 KiB */
    remember_wrong_ms = 10000
};

/** What all workers have, before a reload and after it. */
typedef struct basic_shared {
    atomic_size_t references;
    gw_file_t *file;
    gw_jobs_t *jobs; /* of upkeep */
    char *path;
    struct gw_file_stamp stamp; /* of the file as the conf found it */
    uint64_t remember;
    uint8_t key[32];       /* of the tags; never leaves this struct */
    uint64_t dummy_key[2]; /* of gw_htpasswd_dummy; the same for the life of the filter, reloads included */
    size_t num_memories;
    gw_password_memory_t **memories; /* by worker; each is its worker's alone */
} basic_shared_t;

/** The filter on one worker. */
typedef struct basic_state {
    gw_worker_t *worker;
    const basic_shared_t *shared;
    gw_password_memory_t *memory;
    gw_reader_t reader; /* of gw_htpasswd_t */
    EVP_MAC_CTX *mac;
    h2o_linklist_t attempts; /* passwords that are being hashed */
} basic_state_t;

/** A pair of user and password that is being hashed. */
typedef struct attempt {
    h2o_linklist_t link, waiters; /* passage_t */
    basic_state_t *state;
    gw_password_check_t *check; /* NULL: its result is there */
    uint8_t tag[GW_PAIR_TAG];
    uint64_t epoch;      /* of the file that the hash is from */
    gw_pair_t otherwise; /* what the pair is when it is not right */
    bool is_in_vain;     /* it cannot be right */
    char user[GW_HTPASSWD_MAX_USER + 1], hash[GW_PASSWORD_HASH_MAX + 1];
} attempt_t;

/** A request with credentials. */
typedef struct passage {
    gw_principal_t super;
    gw_exchange_t *ex;
    const gw_basic_auth_conf_t *conf;
    basic_state_t *state;
    attempt_t *attempt; /* that it waits for; NULL: none */
    h2o_linklist_t link;
} passage_t;

/* answers ---------------------------------------------------------------------------------------------------------- */

/** Why a request is refused. */
typedef enum cause { MISSING, REPEATED, MALFORMED, TOO_LONG, UNKNOWN_USER, WRONG_PASSWORD, NOT_ALLOWED, BUSY } cause_t;

static const char wrong[] = "the user or the password is wrong";
static const struct {
    const char *word; /* for the log */
    gw_reason_t reason;
    const char *detail; /* for the client */
} causes[] = {
    [MISSING] = {"missing", GW_REASON_BASIC_AUTH_MISSING, "a user and a password are expected (scheme Basic)"},
    [REPEATED] = {"repeated", GW_REASON_BASIC_AUTH_REPEATED, "there is more than one Authorization field"},
    [MALFORMED] = {"malformed", GW_REASON_BASIC_AUTH_INVALID,
                   "the Basic credentials cannot be read: they are the base64 of user:password"},
    [TOO_LONG] = {"too_long", GW_REASON_BASIC_AUTH_INVALID, wrong},
    [UNKNOWN_USER] = {"unknown_user", GW_REASON_BASIC_AUTH_INVALID, wrong},
    [WRONG_PASSWORD] = {"wrong_password", GW_REASON_BASIC_AUTH_INVALID, wrong},
    [NOT_ALLOWED] = {"not_allowed", GW_REASON_BASIC_AUTH_NOT_ALLOWED, "this user may not do this"},
    [BUSY] = {"busy", GW_REASON_AUTH_BUSY, NULL},
};

static void remove_credentials(gw_exchange_t *ex, const gw_basic_auth_conf_t *conf)
{
    if (conf->remove)
        gw_fields_remove(&ex->req->headers, GW_STR("authorization"));
}

static gw_verdict_t refuse(gw_exchange_t *ex, const gw_basic_auth_conf_t *conf, const basic_state_t *state,
                           cause_t cause)
{
    gw_reason_t reason = causes[cause].reason;
    if (conf->mode == GW_AUTH_OBSERVE) {
        gw_exchange_decide(ex, self, "would_refuse", causes[cause].word);
        if (cause != MISSING && cause != REPEATED) /* else they are another filter's, or nobody's */
            remove_credentials(ex, conf);
        return GW_NEXT;
    }
    gw_exchange_decide(ex, self, "refused", causes[cause].word);
    if (cause == BUSY)
        gw_exchange_add_retry_after(ex, gw_jobs_wait_ms(state->shared->jobs));
    if (gw_reason_status(reason) == 401)
        gw_fields_add(&ex->req->pool, &ex->req->res.headers, GW_STR("www-authenticate"), gw_str_of(conf->challenge));
    gw_exchange_problem(ex, reason, causes[cause].detail);
    return GW_ANSWERED;
}

static gw_str_t property_of(const gw_principal_t *principal, h2o_mem_pool_t *pool, gw_str_t name)
{
    return gw_str_equal(name, GW_STR("user")) ? principal->name : gw_str(NULL, 0);
}

static gw_principal_t *copy_principal(const gw_principal_t *principal, h2o_mem_pool_t *pool)
{
    gw_principal_t *copy = h2o_mem_alloc_pool(pool, sizeof(*copy));
    *copy = *principal;
    copy->name.ptr = h2o_strdup(pool, principal->name.ptr, principal->name.len).base;
    return copy;
}

static gw_verdict_t let_in(passage_t *passage)
{
    const gw_basic_auth_conf_t *conf = passage->conf;
    gw_exchange_t *ex = passage->ex;
    for (size_t i = 0; i != conf->require.size; ++i)
        if (!gw_requirement_is_met(&conf->require.entries[i], passage->super.name))
            return refuse(ex, conf, passage->state, NOT_ALLOWED);
    remove_credentials(ex, conf);
    gw_exchange_add_principal(ex, &passage->super);
    gw_exchange_forward_principal(ex, &conf->forward, &passage->super);
    return GW_NEXT;
}

static gw_verdict_t settle(passage_t *passage, gw_pair_t pair)
{
    static const cause_t causes_of[] = {[GW_PAIR_WRONG_PASSWORD] = WRONG_PASSWORD,
                                        [GW_PAIR_UNKNOWN_USER] = UNKNOWN_USER,
                                        [GW_PAIR_TOO_LONG] = TOO_LONG};
    return pair == GW_PAIR_RIGHT ? let_in(passage)
                                 : refuse(passage->ex, passage->conf, passage->state, causes_of[pair]);
}

/* attempts --------------------------------------------------------------------------------------------------------- */

static bool make_tag(basic_state_t *state, const gw_basic_credentials_t *credentials, uint8_t tag[GW_PAIR_TAG])
{
    uint8_t whole[EVP_MAX_MD_SIZE];
    size_t len;
    /* the name has no colon, so the two are told apart */
    if (EVP_MAC_init(state->mac, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(state->mac, (const uint8_t *)credentials->bytes,
                       credentials->user.len + 1 + credentials->password_len) != 1 ||
        EVP_MAC_final(state->mac, whole, &len, sizeof(whole)) != 1)
        return false;
    memcpy(tag, whole, GW_PAIR_TAG);
    return true;
}

static attempt_t *find_attempt(const basic_state_t *state, const uint8_t tag[GW_PAIR_TAG])
{
    for (h2o_linklist_t *at = state->attempts.next; at != &state->attempts; at = at->next) {
        attempt_t *attempt = H2O_STRUCT_FROM_MEMBER(attempt_t, link, at);
        if (attempt->epoch == state->reader.epoch && memcmp(attempt->tag, tag, GW_PAIR_TAG) == 0)
            return attempt;
    }
    return NULL;
}

static void drop_attempt(attempt_t *attempt)
{
    h2o_linklist_unlink(&attempt->link);
    free(attempt);
}

/** Is what was hashed still what the file says? */
static bool is_current(const attempt_t *attempt)
{
    basic_state_t *state = attempt->state;
    const gw_htpasswd_t *users = gw_reader_get(&state->reader);
    if (state->reader.epoch == attempt->epoch)
        return true;
    const gw_htpasswd_user_t *user = users != NULL ? gw_htpasswd_find(users, gw_str_of(attempt->user)) : NULL;
    return user == NULL ? attempt->otherwise == GW_PAIR_UNKNOWN_USER
                        : attempt->otherwise != GW_PAIR_UNKNOWN_USER && strcmp(user->text, attempt->hash) == 0;
}

static void remember(const attempt_t *attempt, gw_pair_t pair)
{
    basic_state_t *state = attempt->state;
    uint64_t ms = state->shared->remember;
    if (ms == 0)
        return;
    if (pair != GW_PAIR_RIGHT && ms > remember_wrong_ms)
        ms = remember_wrong_ms;
    gw_password_memory_turn_to(state->memory, state->reader.epoch);
    gw_password_memory_keep(state->memory, attempt->tag, pair, gw_worker_now_ms(state->worker) + ms);
}

static gw_verdict_t try_again(passage_t *passage);

static void on_result(void *arg, bool is_right)
{
    attempt_t *attempt = arg;
    gw_pair_t pair = is_right && !attempt->is_in_vain ? GW_PAIR_RIGHT : attempt->otherwise;
    bool is_good = is_current(attempt);
    attempt->check = NULL;
    h2o_linklist_unlink(&attempt->link);
    if (is_good)
        remember(attempt, pair);
    /* the end of one request may be that of others, and of the state: each is taken out before it goes on */
    while (!h2o_linklist_is_empty(&attempt->waiters)) {
        passage_t *passage = H2O_STRUCT_FROM_MEMBER(passage_t, link, attempt->waiters.next);
        h2o_linklist_unlink(&passage->link);
        passage->attempt = NULL;
        gw_verdict_t verdict = is_good ? settle(passage, pair) : try_again(passage);
        if (verdict != GW_WAITING)
            gw_exchange_resume(passage->ex, verdict);
    }
    free(attempt);
}

/** @return NULL: there is no room for it */
static attempt_t *begin_attempt(gw_exchange_t *ex, basic_state_t *state, const gw_htpasswd_t *users,
                                const gw_basic_credentials_t *credentials, const uint8_t tag[GW_PAIR_TAG])
{
    const gw_htpasswd_user_t *user = gw_htpasswd_find(users, credentials->user);
    const gw_htpasswd_user_t *hashed =
        user != NULL ? user : gw_htpasswd_dummy(users, credentials->user, state->shared->dummy_key);
    bool is_cut = hashed->hash.is_bcrypt && credentials->password_len > GW_PASSWORD_MAX_BCRYPT;
    attempt_t *attempt = gw_must_alloc(1, sizeof(*attempt));
    h2o_linklist_init_anchor(&attempt->waiters);
    attempt->state = state;
    attempt->epoch = state->reader.epoch;
    attempt->is_in_vain = user == NULL || is_cut;
    attempt->otherwise = user == NULL ? GW_PAIR_UNKNOWN_USER : is_cut ? GW_PAIR_TOO_LONG : GW_PAIR_WRONG_PASSWORD;
    memcpy(attempt->tag, tag, GW_PAIR_TAG);
    memcpy(attempt->user, credentials->user.ptr, credentials->user.len);
    strncpy(attempt->hash, hashed->text, GW_PASSWORD_HASH_MAX);
    attempt->check = gw_password_check_start(state->worker, state->shared->jobs, gw_exchange_client_owner(ex),
                                             credentials->password, attempt->hash, on_result, attempt);
    if (attempt->check == NULL) {
        free(attempt);
        return NULL;
    }
    h2o_linklist_insert(&state->attempts, &attempt->link);
    return attempt;
}

/** Asks what is remembered, what is being hashed, and the file. */
static gw_verdict_t try_pair(passage_t *passage, const gw_basic_credentials_t *credentials)
{
    basic_state_t *state = passage->state;
    gw_exchange_t *ex = passage->ex;
    uint8_t tag[GW_PAIR_TAG];
    const gw_htpasswd_t *users = gw_reader_get(&state->reader);
    if (users == NULL || gw_htpasswd_num(users) == 0 || !make_tag(state, credentials, tag))
        return refuse(ex, passage->conf, state, UNKNOWN_USER);
    gw_password_memory_turn_to(state->memory, state->reader.epoch);
    gw_pair_t pair = gw_password_memory_find(state->memory, tag, gw_worker_now_ms(state->worker));
    if (pair != GW_PAIR_NOT_KNOWN)
        return settle(passage, pair);
    attempt_t *attempt = find_attempt(state, tag);
    if (attempt == NULL && (attempt = begin_attempt(ex, state, users, credentials, tag)) == NULL)
        return refuse(ex, passage->conf, state, BUSY);
    passage->attempt = attempt;
    h2o_linklist_insert(&attempt->waiters, &passage->link);
    return GW_WAITING;
}

/** The file has changed while the request waited. */
static gw_verdict_t try_again(passage_t *passage)
{
    const h2o_headers_t *fields = &passage->ex->req->headers;
    const h2o_iovec_t *value = &fields->entries[gw_fields_find(fields, GW_STR("authorization"), 0)].value;
    gw_basic_credentials_t credentials;
    gw_basic_read(gw_str(value->base, value->len), &credentials);
    gw_verdict_t verdict = try_pair(passage, &credentials);
    gw_basic_wipe(&credentials);
    return verdict;
}

/* the way in ------------------------------------------------------------------------------------------------------- */

static gw_verdict_t begin_passage(gw_exchange_t *ex, const gw_basic_auth_conf_t *conf, basic_state_t *state,
                                  const gw_basic_credentials_t *credentials)
{
    passage_t *passage = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*passage));
    char *user = h2o_mem_alloc_pool(&ex->req->pool, credentials->user.len);
    memcpy(user, credentials->user.ptr, credentials->user.len);
    *passage = (passage_t){
        .super = {.scheme = self,
                  .name = gw_str(user, credentials->user.len),
                  .property = property_of,
                  .copy = copy_principal},
        .ex = ex,
        .conf = conf,
        .state = state,
    };
    *gw_exchange_data(ex) = passage;
    return try_pair(passage, credentials);
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *state)
{
    const gw_basic_auth_conf_t *conf = arg;
    const h2o_headers_t *fields = &ex->req->headers;
    gw_basic_credentials_t credentials;
    gw_verdict_t verdict;

    gw_exchange_forward_principal(ex, &conf->forward, NULL);
    ssize_t at = gw_fields_find(fields, GW_STR("authorization"), 0);
    if (at == -1)
        return gw_auth_may_lack(conf->optional, ex->principal != NULL) ? GW_NEXT : refuse(ex, conf, state, MISSING);
    if (gw_fields_find(fields, GW_STR("authorization"), at + 1) != -1)
        return refuse(ex, conf, state, REPEATED);
    switch (gw_basic_read(gw_str(fields->entries[at].value.base, fields->entries[at].value.len), &credentials)) {
    case GW_BASIC_FOREIGN:
        verdict = gw_auth_may_lack(conf->optional, ex->principal != NULL) ? GW_NEXT : refuse(ex, conf, state, MISSING);
        break;
    case GW_BASIC_FINE:
        verdict = begin_passage(ex, conf, state, &credentials);
        break;
    case GW_BASIC_TOO_LONG:
        verdict = refuse(ex, conf, state, TOO_LONG);
        break;
    default:
        verdict = refuse(ex, conf, state, MALFORMED);
        break;
    }
    gw_basic_wipe(&credentials);
    return verdict;
}

static void on_end(gw_exchange_t *ex, const void *conf, void *state)
{
    passage_t *passage = *gw_exchange_data(ex);
    attempt_t *attempt = passage != NULL ? passage->attempt : NULL;
    if (attempt == NULL)
        return;
    h2o_linklist_unlink(&passage->link);
    if (h2o_linklist_is_empty(&attempt->waiters) && attempt->check != NULL && gw_password_check_cancel(attempt->check))
        drop_attempt(attempt); /* else it is being hashed: that is not for nothing, it will be remembered */
}

/* life ------------------------------------------------------------------------------------------------------------- */

/** Whether what is remembered may be remembered on: it is the same file. */
static bool fits(const basic_shared_t *shared, const gw_basic_auth_conf_t *conf, size_t num_workers)
{
    return strcmp(shared->path, conf->file) == 0 && shared->remember == conf->remember &&
           shared->num_memories == num_workers && memcmp(&shared->stamp, &conf->seed.stamp, sizeof(shared->stamp)) == 0;
}

static void *share(const gw_filter_share_t *how, const void *arg, void *previous)
{
    const gw_basic_auth_conf_t *conf = arg;
    const basic_shared_t *earlier = previous;
    basic_shared_t *shared = previous;
    if (shared != NULL && fits(shared, conf, how->num_workers)) {
        atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
        return shared;
    }
    shared = gw_must_alloc(1, sizeof(*shared));
    atomic_init(&shared->references, 1);
    shared->file = gw_file_watch(how->upkeep, &gw_basic_auth_file, &conf->seed);
    shared->jobs = gw_upkeep_jobs(how->upkeep);
    shared->path = strdup(conf->file);
    shared->stamp = conf->seed.stamp;
    shared->remember = conf->remember;
    if (shared->path == NULL || RAND_bytes(shared->key, sizeof(shared->key)) != 1 ||
        RAND_bytes((uint8_t *)shared->dummy_key, sizeof(shared->dummy_key)) != 1)
        abort();
    if (earlier != NULL)
        memcpy(shared->dummy_key, earlier->dummy_key, sizeof(shared->dummy_key));
    shared->num_memories = how->num_workers;
    shared->memories = gw_must_alloc(how->num_workers, sizeof(*shared->memories));
    for (size_t i = 0; i != how->num_workers; ++i)
        shared->memories[i] = gw_password_memory_create(room_for_right, room_for_wrong);
    return shared;
}

static void share_dispose(void *arg)
{
    basic_shared_t *shared = arg;
    if (atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) != 1)
        return;
    gw_file_unwatch(shared->file);
    for (size_t i = 0; i != shared->num_memories; ++i)
        gw_password_memory_free(shared->memories[i]);
    free(shared->memories);
    free(shared->path);
    OPENSSL_cleanse(shared->key, sizeof(shared->key));
    free(shared);
}

static EVP_MAC_CTX *make_mac(const basic_shared_t *shared)
{
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (mac == NULL || EVP_MAC_init(mac, shared->key, sizeof(shared->key), params) != 1)
        abort();
    return mac;
}

static void *worker_init(gw_worker_t *worker, const void *conf, void *arg)
{
    const basic_shared_t *shared = arg;
    basic_state_t *state = gw_must_alloc(1, sizeof(*state));
    state->worker = worker;
    state->shared = shared;
    state->memory = shared->memories[worker->index];
    gw_reader_init(&state->reader, gw_file_published(shared->file));
    state->mac = make_mac(shared);
    h2o_linklist_init_anchor(&state->attempts);
    return state;
}

static void worker_dispose(void *arg)
{
    basic_state_t *state = arg;
    while (!h2o_linklist_is_empty(&state->attempts)) { /* nobody waits for them any more */
        attempt_t *attempt = H2O_STRUCT_FROM_MEMBER(attempt_t, link, state->attempts.next);
        gw_password_check_leave(attempt->check);
        drop_attempt(attempt);
    }
    EVP_MAC_CTX_free(state->mac);
    gw_reader_dispose(&state->reader);
    free(state);
}

const gw_filter_class_t gw_basic_auth_filter = {
    .name = "basic_auth",
    .meaning = "lets in users of a file with their passwords",
    .section = &gw_basic_auth_section,
    .gives_principal = true,
    .demands_credentials = gw_basic_auth_demands_credentials,
    .dispose = gw_basic_auth_conf_dispose,
    .share = share,
    .share_dispose = share_dispose,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .on_request = on_request,
    .on_end = on_end,
};
