/* SPDX-License-Identifier: MIT
 * API keys on the way of a request. */
#include <openssl/evp.h>
#include <stdlib.h>
#include "filters/api_key.h"
#include "filters/api_key_conf.h"
#include "gateway/base/memory.h"
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/principal.h"
#include "gateway/server/worker.h"

static const char self[] = "api_key";
enum { longest_key = 256 };

/** The filter on one worker. */
typedef struct api_key_state {
    gw_reader_t reader; /* of gw_api_keys_t */
    EVP_MD *sha256;     /* fetched once: to look it up by name costs more than to use it */
    EVP_MD_CTX *digest;
} api_key_state_t;

/** Why a key is no good. */
typedef enum cause { GOOD, MISSING, REPEATED, TOO_LONG, UNKNOWN, EXPIRED, NOT_ALLOWED } cause_t;

static const struct {
    const char *word; /* for the log */
    gw_reason_t reason;
    const char *detail; /* for the client */
} causes[] = {
    [MISSING] = {"missing", GW_REASON_API_KEY_MISSING, NULL},
    [REPEATED] = {"repeated", GW_REASON_API_KEY_REPEATED, "there is more than one API key in the request"},
    [TOO_LONG] = {"too_long", GW_REASON_API_KEY_INVALID, "the API key is not valid"},
    [UNKNOWN] = {"unknown", GW_REASON_API_KEY_INVALID, "the API key is not valid"},
    [EXPIRED] = {"expired", GW_REASON_API_KEY_EXPIRED, "the API key has expired"},
    [NOT_ALLOWED] = {"not_allowed", GW_REASON_API_KEY_NOT_ALLOWED, "the API key is not good for this"},
};

/** Of a request with a good key. */
typedef struct holder {
    gw_principal_t super;
    gw_str_t about; /* a copy: the table goes when the file changes */
} holder_t;

static gw_str_t property_of(const gw_principal_t *principal, h2o_mem_pool_t *pool, gw_str_t name)
{
    return gw_api_key_property(((const holder_t *)principal)->about, name);
}

static gw_str_t copy_text(h2o_mem_pool_t *pool, gw_str_t text)
{
    return gw_str(h2o_strdup(pool, text.ptr, text.len).base, text.len);
}

static gw_principal_t *copy_principal(const gw_principal_t *principal, h2o_mem_pool_t *pool)
{
    holder_t *copy = h2o_mem_alloc_pool(pool, sizeof(*copy));
    copy->super = *principal;
    copy->super.name = copy_text(pool, principal->name);
    copy->about = copy_text(pool, ((const holder_t *)principal)->about);
    return &copy->super;
}

/* judging ---------------------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    c = gw_ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** A key with characters that a query cannot hold arrives percent-encoded.  '+' stays what it is.
 *  @param to room for longest_key bytes   @return false when it is longer */
static bool decode(gw_str_t text, char *to, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i != text.len; ++i) {
        int high, low;
        char c = text.ptr[i];
        if (c == '%' && text.len - i > 2 && (high = hex_value(text.ptr[i + 1])) >= 0 &&
            (low = hex_value(text.ptr[i + 2])) >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (len == longest_key)
            return false;
        to[len++] = c;
    }
    *ret_len = len;
    return true;
}

/** @return how many keys the request carries   @param ret_key one of them, and where it was */
static size_t find_keys(gw_exchange_t *ex, const gw_api_key_conf_t *conf, gw_str_t *ret_key, int *ret_kind)
{
    size_t num = 0;
    for (size_t i = 0; i != conf->from.size; ++i) {
        size_t here = gw_exchange_count_key(ex, &conf->places[i], ret_key);
        if (here != 0)
            *ret_kind = conf->places[i].kind;
        num += here;
    }
    return num;
}

static const gw_api_key_t *look_up(api_key_state_t *state, gw_str_t text)
{
    uint8_t digest[GW_API_KEY_DIGEST];
    const gw_api_keys_t *keys = gw_reader_get(&state->reader);
    if (keys == NULL || EVP_DigestInit_ex2(state->digest, state->sha256, NULL) != 1 ||
        EVP_DigestUpdate(state->digest, text.ptr, text.len) != 1 ||
        EVP_DigestFinal_ex(state->digest, digest, NULL) != 1)
        return NULL;
    return gw_api_keys_find(keys, digest);
}

static bool is_allowed(const gw_api_key_conf_t *conf, const gw_api_key_t *key)
{
    for (size_t i = 0; i != conf->require.size; ++i) {
        const gw_requirement_t *requirement = &conf->require.entries[i];
        if (!gw_requirement_is_met(requirement, gw_api_key_property(key->about, gw_str_of(requirement->property))))
            return false;
    }
    return true;
}

static cause_t judge(gw_exchange_t *ex, const gw_api_key_conf_t *conf, api_key_state_t *state, size_t num,
                     gw_str_t text, int kind, const gw_api_key_t **ret_key)
{
    char decoded[longest_key];
    if (num != 1)
        return num == 0 ? MISSING : REPEATED;
    if (kind == GW_KEY_QUERY) {
        if (!decode(text, decoded, &text.len))
            return TOO_LONG;
        text.ptr = decoded;
    }
    if (text.len > longest_key)
        return TOO_LONG;
    const gw_api_key_t *key = look_up(state, text);
    if (key == NULL)
        return UNKNOWN;
    if (gw_worker_wall_us(ex->worker) / 1000000 >= key->expires_s)
        return EXPIRED;
    if (!is_allowed(conf, key))
        return NOT_ALLOWED;
    *ret_key = key;
    return GOOD;
}

/* the way in ------------------------------------------------------------------------------------------------------- */

static void let_in(gw_exchange_t *ex, const gw_api_key_conf_t *conf, const gw_api_key_t *key)
{
    holder_t *holder = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*holder));
    char *about = h2o_mem_alloc_pool(&ex->req->pool, key->about.len);
    holder->about = gw_str(memcpy(about, key->about.ptr, key->about.len), key->about.len);
    holder->super = (gw_principal_t){.scheme = self,
                                     .name = gw_api_key_property(holder->about, GW_STR("owner")),
                                     .property = property_of,
                                     .copy = copy_principal};
    gw_exchange_add_principal(ex, &holder->super);
    gw_exchange_forward_principal(ex, &conf->forward, &holder->super);
}

static gw_verdict_t refuse(gw_exchange_t *ex, const gw_api_key_conf_t *conf, cause_t cause)
{
    if (conf->mode == GW_AUTH_OBSERVE) {
        gw_exchange_decide(ex, self, "would_refuse", causes[cause].word);
        return GW_NEXT;
    }
    gw_exchange_decide(ex, self, "refused", causes[cause].word);
    if (gw_reason_status(causes[cause].reason) == 401)
        gw_fields_add(&ex->req->pool, &ex->req->res.headers, GW_STR("www-authenticate"), gw_str_of(conf->challenge));
    gw_exchange_problem(ex, causes[cause].reason, cause == MISSING ? conf->help : causes[cause].detail);
    return GW_ANSWERED;
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    const gw_api_key_conf_t *conf = arg;
    const gw_api_key_t *key = NULL;
    gw_str_t text = {NULL, 0};
    int kind = GW_KEY_NONE;

    gw_exchange_forward_principal(ex, &conf->forward, NULL);
    size_t num = find_keys(ex, conf, &text, &kind);
    if (num == 0 && gw_auth_may_lack(conf->optional, ex->principal != NULL))
        return GW_NEXT;
    cause_t cause = judge(ex, conf, arg_state, num, text, kind, &key);
    for (size_t i = 0; conf->remove && num != 0 && i != conf->from.size; ++i)
        gw_exchange_remove_key(ex, &conf->places[i]);
    if (cause != GOOD)
        return refuse(ex, conf, cause);
    let_in(ex, conf, key);
    return GW_NEXT;
}

/* life ------------------------------------------------------------------------------------------------------------- */

static void *share(const gw_filter_share_t *how, const void *arg, void *previous)
{
    return gw_file_watch(how->upkeep, &gw_api_key_file, &((const gw_api_key_conf_t *)arg)->seed);
}

static void share_dispose(void *file)
{
    gw_file_unwatch(file);
}

static void *worker_init(gw_worker_t *worker, const void *conf, void *file)
{
    api_key_state_t *state = gw_must_alloc(1, sizeof(*state));
    gw_reader_init(&state->reader, gw_file_published(file));
    state->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    state->digest = EVP_MD_CTX_new();
    if (state->sha256 == NULL || state->digest == NULL)
        abort();
    return state;
}

static void worker_dispose(void *arg)
{
    api_key_state_t *state = arg;
    gw_reader_dispose(&state->reader);
    EVP_MD_CTX_free(state->digest);
    EVP_MD_free(state->sha256);
    free(state);
}

const gw_filter_class_t gw_api_key_filter = {
    .name = "api_key",
    .meaning = "lets in requests that carry a key of a file",
    .section = &gw_api_key_section,
    .gives_principal = true,
    .demands_credentials = gw_api_key_demands_credentials,
    .dispose = gw_api_key_conf_dispose,
    .share = share,
    .share_dispose = share_dispose,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .on_request = on_request,
};
