/* SPDX-License-Identifier: MIT
 * Access by address on the way of a request. */
#include "filters/ip_access.h"
#include "filters/ip_access_conf.h"
#include "gateway/base/memory.h"
#include "gateway/exchange/exchange.h"

/** The files, watched for all workers; NULL where there is none. */
typedef struct shared {
    gw_file_t *allow, *deny;
} shared_t;

/** The filter on one worker; a reader without a file has no `published`. */
typedef struct state {
    gw_reader_t allow, deny;
} state_t;

static const gw_network_list_t *read_list(gw_reader_t *reader)
{
    return reader->published != NULL ? gw_reader_get(reader) : NULL;
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    static const char self[] = "ip_access";
    const gw_ip_access_conf_t *conf = arg;
    state_t *state = arg_state;
    uint8_t of_client[16];
    const uint8_t *address = NULL;
    if (conf->address == GW_IP_OF_PEER)
        address = ex->has_peer_address ? ex->peer_address : NULL;
    else if (gw_exchange_client_address(ex, of_client))
        address = of_client;
    const gw_network_list_t *const allow[2] = {conf->allow_list, read_list(&state->allow)};
    const gw_network_list_t *const deny[2] = {conf->deny_list, read_list(&state->deny)};
    gw_ip_verdict_t verdict = gw_ip_judge(allow, deny, address);
    if (verdict == GW_IP_ALLOWED)
        return GW_NEXT;
    if (conf->mode == GW_IP_OBSERVE) {
        gw_exchange_decide(ex, self, "would_refuse", gw_ip_verdict_name(verdict));
        return GW_NEXT;
    }
    gw_exchange_decide(ex, self, "refused", gw_ip_verdict_name(verdict));
    gw_exchange_problem(ex, GW_REASON_IP_DENIED, NULL);
    return GW_ANSWERED;
}

/** The conf has just read the files: what was watched before goes with the deployment it belongs to. */
static void *share(const gw_filter_share_t *how, const void *arg, void *previous)
{
    const gw_ip_access_conf_t *conf = arg;
    shared_t *shared = gw_must_alloc(1, sizeof(*shared));
    if (conf->allow_file != NULL)
        shared->allow = gw_file_watch(how->upkeep, &gw_allow_file_class, &conf->allow_seed);
    if (conf->deny_file != NULL)
        shared->deny = gw_file_watch(how->upkeep, &gw_deny_file_class, &conf->deny_seed);
    return shared;
}

static void share_dispose(void *arg)
{
    shared_t *shared = arg;
    gw_file_unwatch(shared->allow);
    gw_file_unwatch(shared->deny);
    free(shared);
}

static void *worker_init(gw_worker_t *worker, const void *conf, void *arg)
{
    const shared_t *shared = arg;
    state_t *state = gw_must_alloc(1, sizeof(*state));
    if (shared->allow != NULL)
        gw_reader_init(&state->allow, gw_file_published(shared->allow));
    if (shared->deny != NULL)
        gw_reader_init(&state->deny, gw_file_published(shared->deny));
    return state;
}

static void worker_dispose(void *arg)
{
    state_t *state = arg;
    gw_reader_dispose(&state->allow);
    gw_reader_dispose(&state->deny);
    free(state);
}

const gw_filter_class_t gw_ip_access_filter = {
    .name = "ip_access",
    .meaning = "lets requests pass, or refuses them, by the address that they come from",
    .section = &gw_ip_access_section,
    .dispose = gw_ip_access_dispose,
    .share = share,
    .share_dispose = share_dispose,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .on_request = on_request,
};
