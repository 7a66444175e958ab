/* SPDX-License-Identifier: MIT
 * Balancing, health, ejection and retries of a service as the conf file says them. */
#include "gateway/config/key.h"
#include "gateway/config/resilience.h"
#include "gateway/config/text.h"
#include "gateway/http/syntax.h"

enum { hour = 3600000, percent = 100, everything = 10000 };

/* lists of conditions ---------------------------------------------------------------------------------------------- */

static void add_condition(gw_conf_reader_t *reader, gw_conditions_conf_t *target, gw_str_t text, gw_mark_t at)
{
    if (gw_condition_set_add(&target->set, text)) {
        target->words.entries[target->words.size++] =
            (struct gw_conf_string){.value = gw_arena_strdup(reader->arena, text), .at = at};
        return;
    }
    size_t num = 0;
    while (gw_condition_words[num] != NULL)
        ++num;
    gw_conf_refuse_name(reader, at, "'%s' is no condition and no status", gw_arena_strdup(reader->scratch, text),
                        gw_condition_words, num, "statuses such as 503, 500-504 or 5xx, and");
}

/* commas stand between the conditions of a scalar */
static void add_conditions(gw_conf_reader_t *reader, gw_conditions_conf_t *target, gw_str_t text, gw_mark_t at)
{
    while (text.len != 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma != NULL ? (size_t)(comma - text.ptr) : text.len;
        gw_str_t word = gw_http_trim(gw_str(text.ptr, len));
        if (word.len != 0)
            add_condition(reader, target, word, at);
        len += comma != NULL;
        text = gw_str(text.ptr + len, text.len - len);
    }
}

void gw_conf_read_conditions(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    enum { most = 100 };
    gw_conditions_conf_t *conditions = target;
    bool is_list = node->kind == GW_NODE_SEQUENCE;
    size_t num = is_list ? node->size : 1;

    if (gw_node_is_null(node))
        return;
    if (node->kind == GW_NODE_MAPPING || num > most || (!is_list && node->text.len > 1000)) {
        gw_diag_error(reader->diag, node->at, NULL, "conditions must be a list of at most %d texts", most);
        return;
    }
    conditions->words.entries =
        gw_arena_alloc(reader->arena, (is_list ? num : 1000) * sizeof(*conditions->words.entries));
    for (size_t i = 0; i != num; ++i) {
        const gw_node_t *item = is_list ? node->items[i] : node;
        if (item->is_broken)
            ++reader->num_broken;
        else if (item->kind != GW_NODE_SCALAR || gw_node_is_null(item))
            gw_diag_error(reader->diag, item->at, NULL, "a condition must be a text, found %s",
                          gw_node_found(reader->scratch, item));
        else if (is_list)
            add_condition(reader, conditions, item->text, item->at);
        else
            add_conditions(reader, conditions, item->text, item->at);
    }
}

gw_node_t *gw_conf_show_conditions(gw_arena_t *arena, const void *target)
{
    const gw_conditions_conf_t *conditions = target;
    gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE);

    for (size_t i = 0; i != conditions->words.size; ++i)
        gw_node_append(arena, list, gw_node_new_text(arena, conditions->words.entries[i].value));
    return list;
}

/* balance ---------------------------------------------------------------------------------------------------------- */

typedef typeof(((gw_service_conf_t *)NULL)->balance) balance_t;

static void read_balance_key(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    gw_conf_read_key(reader, "key", node, GW_KEYS_ANY, target);
}

static const char *const balance_words[] = {[GW_BALANCE_ROUND_ROBIN] = "round_robin",
                                            [GW_BALANCE_RANDOM] = "random",
                                            [GW_BALANCE_LEAST_REQUESTS] = "least_requests",
                                            [GW_BALANCE_HASH] = "hash",
                                            NULL};

static void check_balance(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    balance_t *balance = value;

    if (balance->method == GW_BALANCE_HASH && balance->key.kind == GW_KEY_NONE)
        gw_diag_error(reader->diag, at, "for example: balance: {method: hash, key: \"header:X-User\"}",
                      "balancing by hash needs a 'key'");
    if (balance->method != GW_BALANCE_HASH && balance->key.kind != GW_KEY_NONE)
        gw_diag_error(reader->diag, at, "add 'method: hash'", "a 'key' is of use only for balancing by hash");
}

static const gw_field_t balance_fields[] = {
    {.key = "method",
     .type = GW_ENUM,
     .offset = offsetof(balance_t, method),
     .words = balance_words,
     .def = "round_robin",
     .meaning = "how an endpoint is chosen; least_requests takes the less loaded of two chosen at random"},
    {.key = "key",
     .type = GW_CUSTOM,
     .offset = offsetof(balance_t, key),
     .read = read_balance_key,
     .show = gw_conf_show_key,
     .takes = GW_KEYS_ANY_TAKES,
     .meaning = "for hash: requests with the same key go to the same endpoint; without the key, to any"},
    {.key = "load_factor",
     .type = GW_PERCENT,
     .offset = offsetof(balance_t, load_factor),
     .min = 100 * percent,
     .max = 1000 * percent,
     .def = "125%",
     .meaning = "for hash: an endpoint with more than this share of the mean load passes keys on to the next"},
    {.key = NULL},
};

const gw_section_t gw_balance_section = {
    .name = "balance",
    .fields = balance_fields,
    .size = sizeof(balance_t),
    .mark_offset = GW_NO_OFFSET,
    .scalar_key = "method",
    .check = check_balance,
};

/* queue ------------------------------------------------------------------------------------------------------------ */

typedef typeof(((gw_service_conf_t *)NULL)->queue) queue_t;

static const gw_field_t queue_fields[] = {
    {.key = "size",
     .type = GW_UINT,
     .offset = offsetof(queue_t, size),
     .max = 1000000,
     .def = "128",
     .unit = "requests",
     .meaning = "requests that may wait; one more is answered with 503 at once; 0 lets none wait"},
    {.key = "timeout",
     .type = GW_DURATION,
     .offset = offsetof(queue_t, timeout),
     .min = 1,
     .max = hour,
     .def = "1s",
     .meaning = "how long a request may wait before it is answered with 503"},
    {.key = NULL},
};

const gw_section_t gw_queue_section = {
    .name = "queue", .fields = queue_fields, .size = sizeof(queue_t), .mark_offset = GW_NO_OFFSET};

/* health checks ---------------------------------------------------------------------------------------------------- */

static const char *const method_words[] = {
    [GW_HEALTH_GET] = "GET", [GW_HEALTH_HEAD] = "HEAD", [GW_HEALTH_OPTIONS] = "OPTIONS", NULL};

static void check_health(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_health_check_conf_t *check = value;

    if (check->path[0] != '/' || strpbrk(check->path, " #\t\r\n") != NULL)
        gw_diag_error(reader->diag, at, NULL, "'path' of a health check begins with '/' and has no blanks and no '#'");
    if (check->host != NULL && !gw_http_is_authority(gw_str_of(check->host)))
        gw_diag_error(reader->diag, at, NULL, "'host' of a health check is a host name, with :PORT if need be");
    if (check->body != NULL && check->method == GW_HEALTH_HEAD)
        gw_diag_error(reader->diag, at, "use method GET", "a response to HEAD has no 'body' to look at");
    if (check->timeout > check->period)
        gw_diag_error(reader->diag, at, "checks of one endpoint never overlap",
                      "'timeout' of a health check must not be longer than its 'period'");
    for (size_t i = 0; i != check->statuses.size; ++i)
        if (!gw_status_set_add(&check->status_set, gw_str_of(check->statuses.entries[i].value)))
            gw_diag_error(reader->diag, check->statuses.entries[i].at, "a status such as 200, 200-299 or 2xx",
                          "'%s' is no status", check->statuses.entries[i].value);
}

static const gw_field_t health_check_fields[] = {
    {.key = "path",
     .type = GW_STRING,
     .offset = offsetof(gw_health_check_conf_t, path),
     .min = 1,
     .max = 1024,
     .def = "/",
     .meaning = "what to ask for"},
    {.key = "method",
     .type = GW_ENUM,
     .offset = offsetof(gw_health_check_conf_t, method),
     .words = method_words,
     .def = "GET",
     .meaning = "method of the check"},
    {.key = "host",
     .type = GW_STRING,
     .offset = offsetof(gw_health_check_conf_t, host),
     .min = 1,
     .max = 255,
     .def_text = "the endpoint's own",
     .meaning = "Host of the check"},
    {.key = "status",
     .type = GW_STRINGS,
     .offset = offsetof(gw_health_check_conf_t, statuses),
     .min = 1,
     .max = 100,
     .def = "2xx",
     .meaning = "statuses of a healthy endpoint: 200, 200-299 or 2xx"},
    {.key = "body",
     .type = GW_STRING,
     .offset = offsetof(gw_health_check_conf_t, body),
     .min = 1,
     .max = 256,
     .meaning = "text that the first 64 KiB of the response must contain"},
    {.key = "tcp",
     .type = GW_BOOL,
     .offset = offsetof(gw_health_check_conf_t, is_tcp),
     .def = "false",
     .meaning = "only connect; nothing is asked"},
    {.key = "initial_delay",
     .type = GW_DURATION,
     .offset = offsetof(gw_health_check_conf_t, initial_delay),
     .max = hour,
     .def = "0s",
     .meaning = "how long a new endpoint is left alone before its first check; until then it is used"},
    {.key = "period",
     .type = GW_DURATION,
     .offset = offsetof(gw_health_check_conf_t, period),
     .min = 10,
     .max = hour,
     .def = "5s",
     .meaning = "time between two checks of an endpoint"},
    {.key = "jitter",
     .type = GW_PERCENT,
     .offset = offsetof(gw_health_check_conf_t, jitter),
     .max = 50 * percent,
     .def = "10%",
     .meaning = "by how much of itself the period varies at random, so that checks do not come in step"},
    {.key = "timeout",
     .type = GW_DURATION,
     .offset = offsetof(gw_health_check_conf_t, timeout),
     .min = 1,
     .max = hour,
     .def = "1s",
     .meaning = "time for one check, connecting included"},
    {.key = "healthy",
     .type = GW_UINT,
     .offset = offsetof(gw_health_check_conf_t, healthy),
     .min = 1,
     .max = 100,
     .def = "2",
     .unit = "checks",
     .meaning = "good checks in a row that bring an endpoint back"},
    {.key = "unhealthy",
     .type = GW_UINT,
     .offset = offsetof(gw_health_check_conf_t, unhealthy),
     .min = 1,
     .max = 100,
     .def = "3",
     .unit = "checks",
     .meaning = "bad checks in a row that take an endpoint out; for the very first check one is enough"},
    {.key = NULL},
};

const gw_section_t gw_health_check_section = {
    .name = "health_check",
    .fields = health_check_fields,
    .size = sizeof(gw_health_check_conf_t),
    .mark_offset = offsetof(gw_health_check_conf_t, at),
    .scalar_key = "path",
    .check = check_health,
};

const char *const gw_when_unhealthy_words[] = {[GW_FAIL_FAST] = "fail_fast", [GW_TRY_ANYWAY] = "try_anyway", NULL};

/* ejection --------------------------------------------------------------------------------------------------------- */

static void check_ejection(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    const gw_ejection_conf_t *ejection = value;

    if (ejection->max_time < ejection->time)
        gw_diag_error(reader->diag, at, NULL, "'max_time' of an ejection must not be shorter than its 'time'");
}

static const gw_field_t ejection_fields[] = {
    {.key = "on",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_ejection_conf_t, on),
     .read = gw_conf_read_conditions,
     .show = gw_conf_show_conditions,
     .takes = GW_CONDITIONS_TAKES,
     .def = "connect_failure, empty_response, reset, response_timeout, junk_response",
     .meaning = "what counts as a failure of the endpoint"},
    {.key = "consecutive_failures",
     .type = GW_UINT,
     .offset = offsetof(gw_ejection_conf_t, consecutive_failures),
     .max = 10000,
     .def = "5",
     .unit = "requests",
     .meaning = "failures in a row that eject an endpoint; 0 does not look at them"},
    {.key = "failure_ratio",
     .type = GW_PERCENT,
     .offset = offsetof(gw_ejection_conf_t, failure_ratio),
     .max = everything,
     .def = "0%",
     .meaning = "share of failures in the window that ejects an endpoint; 0% does not look at it"},
    {.key = "min_requests",
     .type = GW_UINT,
     .offset = offsetof(gw_ejection_conf_t, min_requests),
     .min = 1,
     .max = 1000000,
     .def = "20",
     .unit = "requests",
     .meaning = "requests in the window below which the share says nothing"},
    {.key = "window",
     .type = GW_DURATION,
     .offset = offsetof(gw_ejection_conf_t, window),
     .min = 1000,
     .max = hour,
     .def = "10s",
     .meaning = "time over which the share is taken"},
    {.key = "time",
     .type = GW_DURATION,
     .offset = offsetof(gw_ejection_conf_t, time),
     .min = 10,
     .max = 24 * hour,
     .def = "10s",
     .meaning = "how long an endpoint is out the first time; doubles with each time in a row"},
    {.key = "max_time",
     .type = GW_DURATION,
     .offset = offsetof(gw_ejection_conf_t, max_time),
     .min = 10,
     .max = 24 * hour,
     .def = "5m",
     .meaning = "how long an endpoint is out at most"},
    {.key = "max_share",
     .type = GW_PERCENT,
     .offset = offsetof(gw_ejection_conf_t, max_share),
     .max = everything,
     .def = "50%",
     .meaning = "share of a service's endpoints that may be ejected at a time"},
    {.key = NULL},
};

const gw_section_t gw_ejection_section = {
    .name = "ejection",
    .fields = ejection_fields,
    .size = sizeof(gw_ejection_conf_t),
    .mark_offset = GW_NO_OFFSET,
    .check = check_ejection,
};

/* retries ---------------------------------------------------------------------------------------------------------- */

static void check_retries(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    const gw_retries_conf_t *retries = value;

    if (retries->max_backoff < retries->backoff)
        gw_diag_error(reader->diag, at, NULL, "'max_backoff' of retries must not be shorter than their 'backoff'");
    if (retries->hedge_after != 0 && retries->attempts == 1)
        gw_diag_warning(reader->diag, at, "a hedged request is a second attempt: attempts: 2",
                        "'hedge_after' has no effect with one attempt");
}

static const gw_field_t retries_fields[] = {
    {.key = "attempts",
     .type = GW_UINT,
     .offset = offsetof(gw_retries_conf_t, attempts),
     .min = 1,
     .max = 10,
     .def = "3",
     .unit = "tries",
     .meaning = "tries in all, the first one included; 1 tries once"},
    {.key = "on",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_retries_conf_t, on),
     .read = gw_conf_read_conditions,
     .show = gw_conf_show_conditions,
     .takes = GW_CONDITIONS_TAKES,
     .def = "connect_failure",
     .meaning = "what is tried again; requests that are not idempotent only if nothing of them was sent"},
    {.key = "unsafe_on",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_retries_conf_t, unsafe_on),
     .read = gw_conf_read_conditions,
     .show = gw_conf_show_conditions,
     .takes = GW_CONDITIONS_TAKES,
     .def_text = "none",
     .meaning = "what is tried again whatever the method: the service must bear to be asked twice"},
    {.key = "per_try_timeout",
     .type = GW_DURATION,
     .offset = offsetof(gw_retries_conf_t, per_try_timeout),
     .max = 24 * hour,
     .def = "0s",
     .meaning = "time for one try up to the head of its response; 0s leaves it to timeouts.response"},
    {.key = "backoff",
     .type = GW_DURATION,
     .offset = offsetof(gw_retries_conf_t, backoff),
     .max = hour,
     .def = "25ms",
     .meaning = "wait before a try at an endpoint that was tried before, at random up to this; doubles each time"},
    {.key = "max_backoff",
     .type = GW_DURATION,
     .offset = offsetof(gw_retries_conf_t, max_backoff),
     .max = hour,
     .def = "250ms",
     .meaning = "bound of the wait"},
    {.key = "budget",
     .type = GW_PERCENT,
     .offset = offsetof(gw_retries_conf_t, budget),
     .max = everything,
     .def = "20%",
     .meaning =
         "retries in proportion to the service's requests, so that they never multiply an outage; what is not used "
         "is saved up to one retry for each request under way"},
    {.key = "min_concurrent",
     .type = GW_UINT,
     .offset = offsetof(gw_retries_conf_t, min_concurrent),
     .max = 1000,
     .def = "3",
     .unit = "retries",
     .meaning = "retries under way that each worker allows whatever the budget says"},
    {.key = "max_body",
     .type = GW_SIZE,
     .offset = offsetof(gw_retries_conf_t, max_body),
     .max = 16ull << 20,
     .def = "64KiB",
     .meaning = "request body that is kept to be sent again; a request with a longer one is not tried again"},
    {.key = "hedge_after",
     .type = GW_DURATION,
     .offset = offsetof(gw_retries_conf_t, hedge_after),
     .max = hour,
     .def = "0s",
     .meaning = "send a GET, HEAD or OPTIONS to a second endpoint too after so long without a response; 0s never"},
    {.key = NULL},
};

const gw_section_t gw_retries_section = {
    .name = "retries",
    .fields = retries_fields,
    .size = sizeof(gw_retries_conf_t),
    .mark_offset = GW_NO_OFFSET,
    .check = check_retries,
};

const gw_section_t gw_route_retries_section = {
    .name = "retries",
    .fields = retries_fields,
    .size = sizeof(gw_retries_conf_t),
    .mark_offset = offsetof(gw_retries_conf_t, at),
    .check = check_retries,
};

void gw_conf_check_tries(gw_conf_reader_t *reader, const gw_service_conf_t *service, const gw_retries_conf_t *retries,
                         gw_mark_t at)
{
    uint64_t per_try = retries->per_try_timeout != 0 ? retries->per_try_timeout
                                                     : service->timeouts.connect + service->timeouts.response;

    if (service->timeouts.total == 0)
        return;
    if (service->timeouts.total < per_try)
        gw_diag_warning(reader->diag, at, NULL, "one try may take %s, longer than timeouts.total (%s) allows",
                        gw_conf_duration_text(reader->scratch, per_try),
                        gw_conf_duration_text(reader->scratch, service->timeouts.total));
    else if (retries->on.set.conditions >> GW_CONDITION_RESPONSE_TIMEOUT & 1 &&
             service->timeouts.total < per_try * retries->attempts)
        gw_diag_warning(reader->diag, at, "set retries.per_try_timeout, or fewer attempts, or a longer total",
                        "%llu tries of %s do not fit into timeouts.total (%s)", (unsigned long long)retries->attempts,
                        gw_conf_duration_text(reader->scratch, per_try),
                        gw_conf_duration_text(reader->scratch, service->timeouts.total));
}
