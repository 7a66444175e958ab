/* SPDX-License-Identifier: MIT
 * Reading the options of `rate_limit`. */
#include "filters/rate_limit/rate_limit_conf.h"
#include "filters/concurrency_limit_conf.h"
#include "filters/rate_limit/store/script.h"
#include "filters/rate_limit/store/shared_limits.h"
#include "gateway/config/reader.h"
#include "gateway/exchange/filter.h"

typedef gw_rate_limit_conf_t conf_t;
typedef typeof(((gw_limit_row_t *)NULL)->trial) trial_t;
typedef struct gw_share_conf share_t;
typedef struct gw_lease_conf lease_t;

static const char *const fields_words[] = {[GW_FIELDS_RATELIMIT] = "ratelimit",
                                           [GW_FIELDS_X_RATELIMIT] = "x_ratelimit",
                                           [GW_FIELDS_BOTH] = "both",
                                           [GW_FIELDS_NONE] = "none",
                                           NULL};
static const char *const store_mode_words[] = {[GW_SHARED_EXACT] = "exact", [GW_SHARED_LEASE] = "lease", NULL};
static const char *const store_error_words[] = {
    [GW_STORE_LOCAL] = "local", [GW_STORE_ALLOW] = "allow", [GW_STORE_DENY] = "deny", NULL};

static const char single_name[] = "default";

/* values of their own ---------------------------------------------------------------------------------------------- */

static void read_rate(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    const char *wanted, *text = gw_conf_read_text(reader, "rate", node, "a rate such as 100/s");
    if (text != NULL && !gw_rate_parse(gw_str_of(text), target, &wanted))
        gw_conf_refuse(reader, "rate", node, wanted, "for example: rate: 100/s, 1000/h or 5/250ms");
}

static struct gw_node *show_rate(gw_arena_t *arena, const void *target)
{
    char text[GW_RATE_TEXT_MAX];
    const gw_rate_t *rate = target;
    if (rate->tokens == 0)
        return NULL;
    size_t len = gw_rate_print(rate, text);
    return gw_node_new_text(arena, gw_arena_strdup(arena, gw_str(text, len)));
}

static void read_cost(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    static const char wanted[] = "1..1000000000 tokens, or header:NAME";
    const char *text = gw_conf_read_text(reader, "cost", node, wanted);
    struct gw_cost_conf *cost = target;
    gw_key_conf_t key;
    if (text == NULL)
        return;
    *cost = (struct gw_cost_conf){.tokens = 1};
    if (gw_conf_parse_uint(gw_str_of(text), &cost->tokens) && cost->tokens >= 1 && cost->tokens <= GW_BURST_MAX)
        return;
    if (gw_conf_parse_key(reader->arena, gw_str_of(text), 1u << GW_KEY_HEADER, &key))
        cost->header = key.name;
    else
        gw_conf_refuse(reader, "cost", node, wanted, "for example: cost: 5, or cost: header:X-Cost");
}

static struct gw_node *show_cost(gw_arena_t *arena, const void *target)
{
    const struct gw_cost_conf *cost = target;
    return gw_node_new_text(arena, cost->header != NULL
                                       ? gw_arena_printf(arena, "header:%s", cost->header)
                                       : gw_arena_printf(arena, "%llu", (unsigned long long)cost->tokens));
}

static void read_part(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    const char *text = gw_conf_read_text(reader, "share", node, "1/N");
    uint64_t *part = target;
    if (text != NULL && (strncmp(text, "1/", 2) != 0 || !gw_conf_parse_uint(gw_str_of(text + 2), part) || *part == 0 ||
                         *part > GW_SHARE_MAX))
        gw_conf_refuse(
            reader, "share", node, "1/N, N from 1 to 1000",
            "for one of three gateways: share: 1/3; for as many as a name has addresses: share: {dns: NAME}");
}

static struct gw_node *show_part(gw_arena_t *arena, const void *target)
{
    uint64_t part = *(const uint64_t *)target;
    return part != 0 ? gw_node_new_text(arena, gw_arena_printf(arena, "1/%llu", (unsigned long long)part)) : NULL;
}

/* sections inside -------------------------------------------------------------------------------------------------- */

#define RATE_ROW(owner, member, required)                                                                              \
    {                                                                                                                  \
        .key = "rate", .type = GW_CUSTOM, .offset = offsetof(owner, member), .is_required = (required),                \
        .read = read_rate, .show = show_rate, .takes = "a rate: tokens/time, as 100/s, 1000/h, 5/250ms or 10/2m",      \
        .meaning = "how many tokens come back in what time, evenly"                                                    \
    }
#define BURST_ROW(owner, member)                                                                                       \
    {                                                                                                                  \
        .key = "burst", .type = GW_UINT, .offset = offsetof(owner, member), .min = 1, .max = GW_BURST_MAX,             \
        .unit = "tokens", .def_text = "as many as the rate names",                                                     \
        .meaning = "how many tokens a full bucket holds: requests that may come at once"                               \
    }
#define TRIAL_ROW(owner, member)                                                                                       \
    {                                                                                                                  \
        .key = "trial", .type = GW_SECTION, .offset = offsetof(owner, member), .section = &trial_section,              \
        .meaning = "another limit that is counted beside and refuses nothing: the access log says when it would have"  \
    }

static const gw_field_t trial_fields[] = {
    RATE_ROW(trial_t, rate, true),
    BURST_ROW(trial_t, burst),
    {.key = NULL},
};
static const gw_section_t trial_section = {
    .name = "trial", .fields = trial_fields, .size = sizeof(trial_t), .mark_offset = offsetof(trial_t, at)};

static const gw_field_t limit_fields[] = {
    {.key = "name",
     .type = GW_STRING,
     .offset = offsetof(gw_limit_row_t, name),
     .min = 1,
     .max = GW_RATE_NAME_MAX,
     .is_required = true,
     .meaning = "what clients and logs know it by, and what its buckets are found by after a reload"},
    RATE_ROW(gw_limit_row_t, rate, true),
    BURST_ROW(gw_limit_row_t, burst),
    TRIAL_ROW(gw_limit_row_t, trial),
    {.key = NULL},
};
static const gw_section_t limit_section = {.name = "limit",
                                           .fields = limit_fields,
                                           .size = sizeof(gw_limit_row_t),
                                           .mark_offset = offsetof(gw_limit_row_t, at)};

static void check_share(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    const share_t *share = value;
    if ((share->part != 0) == (share->dns != NULL))
        gw_diag_error(reader->diag, at, "share: 1/3, or share: {dns: gateways.internal}",
                      "a share is either '1/N' or counted by 'dns'");
    if (share->part != 0 && share->at_least != 1)
        gw_diag_error(reader->diag, at, NULL, "'at_least' belongs to 'dns'");
}

static const gw_field_t share_fields[] = {
    {.key = "part",
     .type = GW_CUSTOM,
     .offset = offsetof(share_t, part),
     .read = read_part,
     .show = show_part,
     .takes = "1/N, N from 1 to 1000",
     .meaning = "this gateway's part of rate and burst; share: 1/N says the same"},
    {.key = "dns",
     .type = GW_STRING,
     .offset = offsetof(share_t, dns),
     .min = 1,
     .max = 253,
     .meaning = "a name with one address for each gateway: the part is one of so many, looked up every 30 seconds"},
    {.key = "at_least",
     .type = GW_UINT,
     .offset = offsetof(share_t, at_least),
     .min = 1,
     .max = GW_SHARE_MAX,
     .def = "1",
     .unit = "gateways",
     .meaning = "how many there are when the name has fewer addresses, or cannot be looked up and never could"},
    {.key = NULL},
};
static const gw_section_t share_section = {.name = "share",
                                           .fields = share_fields,
                                           .size = sizeof(share_t),
                                           .mark_offset = offsetof(share_t, at),
                                           .scalar_key = "part",
                                           .check = check_share};

static const gw_field_t lease_fields[] = {
    {.key = "tokens",
     .type = GW_UINT,
     .offset = offsetof(lease_t, tokens),
     .min = 1,
     .max = 1000000,
     .unit = "tokens",
     .def_text = "a tenth of the smallest burst",
     .meaning = "how many are taken ahead for a client; all gateways together may let pass so many more each"},
    {.key = "time",
     .type = GW_DURATION,
     .offset = offsetof(lease_t, time),
     .min = 10,
     .max = 60000,
     .def = "1s",
     .meaning = "after so long what is left of them goes back"},
    {.key = NULL},
};
static const gw_section_t lease_section = {
    .name = "lease", .fields = lease_fields, .size = sizeof(lease_t), .mark_offset = offsetof(lease_t, at)};

/* rules across options --------------------------------------------------------------------------------------------- */

/** What one request, or one lease, takes must fit into the bucket. */
static void check_size(struct gw_conf_reader *reader, const conf_t *conf, const gw_limit_conf_t *limit, gw_mark_t at)
{
    unsigned long long cost = conf->cost.tokens, held = limit->burst;
    const char *hint = "a lower cost, or a higher burst";
    if (conf->share.part > 1) {
        held = held > conf->share.part ? held / conf->share.part : 1;
        hint = "a lower cost, or a higher burst: this gateway has its share of it";
    }
    if (conf->cost.header == NULL && cost > held)
        gw_diag_error(reader->diag, at, hint,
                      "a request costs %llu tokens and the limit '%s' never holds more than %llu", cost, limit->name,
                      held);
    if (conf->cost.header != NULL && conf->max_cost > held)
        gw_diag_error(reader->diag, at, hint,
                      "a request may cost %llu tokens ('max_cost') and the limit '%s' never holds more than %llu",
                      (unsigned long long)conf->max_cost, limit->name, held);
    if (conf->lease.at.line != 0 && conf->lease.tokens > limit->burst)
        gw_diag_error(reader->diag, conf->lease.at, "fewer tokens, or a higher burst",
                      "a lease of %llu tokens is more than the limit '%s' ever holds",
                      (unsigned long long)conf->lease.tokens, limit->name);
}

/** What cannot be counted exactly is not counted at all.  @param of "" or "the trial of " */
static void check_arithmetic(struct gw_conf_reader *reader, const conf_t *conf, gw_mark_t at, const char *of,
                             const char *name, const gw_rate_t *rate, uint64_t burst)
{
    uint64_t share = conf->share.dns != NULL ? GW_SHARE_MAX : conf->share.part != 0 ? conf->share.part : 1;
    gw_bucket_rules_t rules;
    if (!gw_bucket_rules_make(rate, burst, share, &rules))
        gw_diag_error(reader->diag, at, "write it with rounder numbers, or a smaller burst",
                      "%sthe limit '%s' cannot be counted exactly", of, name);
    else if (conf->store.url != NULL && !gw_script_can_count(&rules))
        gw_diag_error(reader->diag, at, "a higher rate, or a smaller burst",
                      "%sthe limit '%s' takes more than a hundred years to fill: a store cannot count it", of, name);
}

static void add_limit(struct gw_conf_reader *reader, conf_t *conf, const gw_limit_row_t *row, gw_mark_t at)
{
    gw_limit_conf_t *limit = &conf->limits[conf->num_limits];
    const char *name = row->name != NULL ? row->name : single_name;
    if (!gw_rate_name_is_valid(gw_str_of(name)))
        gw_diag_error(reader->diag, at, GW_RATE_NAME_WANTED,
                      "'%s' cannot be the name of a limit, which stands in fields of responses", name);
    for (size_t i = 0; i != conf->num_limits; ++i)
        if (strcmp(conf->limits[i].name, name) == 0)
            gw_diag_error(reader->diag, at, NULL, "two limits have the name '%s'", name);
    *limit = (gw_limit_conf_t){
        .name = name,
        .rate = row->rate,
        .burst = row->burst != 0 ? row->burst : row->rate.tokens,
        .trial_rate = row->trial.rate,
        .trial_burst = row->trial.burst != 0 ? row->trial.burst : row->trial.rate.tokens,
    };
    check_arithmetic(reader, conf, at, "", name, &limit->rate, limit->burst);
    if (limit->trial_rate.tokens != 0)
        check_arithmetic(reader, conf, at, "the trial of ", name, &limit->trial_rate, limit->trial_burst);
    check_size(reader, conf, limit, at);
    ++conf->num_limits;
}

static void check_limits(struct gw_conf_reader *reader, conf_t *conf, gw_mark_t at)
{
    const gw_limit_row_t *rows = conf->list.entries, *single = &conf->single;
    bool has_single = single->rate.tokens != 0;
    if (has_single == (conf->list.size != 0)) {
        gw_diag_error(reader->diag, at,
                      "for example: rate: 100/s, or limits: [{name: second, rate: 10/s}, {name: hour, rate: 1000/h}]",
                      has_single ? "'rate_limit' has both 'rate' and 'limits': it is either one limit or a list of them"
                                 : "'rate_limit' needs 'rate' or 'limits'");
        return;
    }
    if (!has_single && (single->name != NULL || single->burst != 0 || single->trial.at.line != 0))
        gw_diag_error(reader->diag, at, NULL, "'name', 'burst' and 'trial' belong to each of the 'limits'");
    if (has_single)
        add_limit(reader, conf, single, at);
    for (size_t i = 0; i != conf->list.size; ++i)
        add_limit(reader, conf, &rows[i], rows[i].at);
}

/** So that calls to the store come as often by a large limit as by a small one. */
static void size_lease(conf_t *conf)
{
    enum { most = 1000000 };
    uint64_t smallest = UINT64_MAX;
    for (size_t i = 0; i != conf->num_limits; ++i)
        smallest = conf->limits[i].burst < smallest ? conf->limits[i].burst : smallest;
    conf->lease.tokens = smallest < 10 ? 1 : smallest / 10 < most ? smallest / 10 : most;
}

static void check_store(struct gw_conf_reader *reader, conf_t *conf, gw_mark_t at)
{
    bool has_store = conf->store.url != NULL, has_trial = false;
    gw_redis_conf_check(reader, &conf->store);
    if (conf->lease.tokens == 0)
        size_lease(conf);
    for (size_t i = 0; i != conf->num_limits; ++i)
        has_trial = has_trial || conf->limits[i].trial_rate.tokens != 0;
    if (has_store && conf->share.at.line != 0)
        gw_diag_error(reader->diag, conf->share.at, "leave one of them out",
                      "'share' divides a limit between gateways that have no 'store'");
    if (!has_store && conf->lease.at.line != 0)
        gw_diag_error(reader->diag, conf->lease.at, NULL, "'lease' needs a 'store'");
    if (!has_store || conf->store_mode != GW_SHARED_LEASE) {
        if (has_store && conf->lease.at.line != 0)
            gw_diag_error(reader->diag, conf->lease.at, "the default, exact, takes no tokens ahead",
                          "'lease' needs 'store_mode: lease'");
        if (!has_store && conf->store_mode == GW_SHARED_LEASE)
            gw_diag_error(reader->diag, at, NULL, "'store_mode: lease' needs a 'store'");
        return;
    }
    if (has_trial)
        gw_diag_error(reader->diag, at, "store_mode: exact", "a 'trial' cannot be counted with leases");
    if (conf->max_delay != 0)
        gw_diag_error(reader->diag, at, "store_mode: exact", "'max_delay' cannot be had with leases");
}

static void check_costs(struct gw_conf_reader *reader, conf_t *conf)
{
    const gw_conf_pairs_t *pairs = &conf->cost_by_status;
    conf->status_costs = gw_arena_alloc(reader->arena, pairs->size * sizeof(*conf->status_costs));
    for (size_t i = 0; i != pairs->size; ++i) {
        const struct gw_conf_pair *pair = &pairs->entries[i];
        gw_status_cost_t *cost = &conf->status_costs[conf->num_status_costs++];
        memset(cost, 0, sizeof(*cost));
        if (!gw_status_set_add(&cost->statuses, gw_str_of(pair->name)))
            gw_diag_error(reader->diag, pair->name_at, "for example: 401, 500-504 or 5xx",
                          "'%s' in 'cost_by_status' is no status", pair->name);
        if (!gw_conf_parse_uint(gw_str_of(pair->value), &cost->cost) || cost->cost > GW_BURST_MAX)
            gw_diag_error(reader->diag, pair->value_at, NULL, "'%s' in 'cost_by_status' is no number of tokens (0..%u)",
                          pair->value, GW_BURST_MAX);
    }
}

/** What is written and does nothing was meant to do something. */
static void warn_of_idle_options(struct gw_conf_reader *reader, const conf_t *conf, gw_mark_t at)
{
    enum { usual_delayed = 1000, usual_timeout = 50 }; /* the defaults */
    if (conf->max_delay == 0 && conf->max_delayed != usual_delayed)
        gw_diag_warning(reader->diag, at, "for example: max_delay: 200ms",
                        "'max_delayed' has no effect: without 'max_delay' no request waits");
    if (conf->store.url == NULL && (conf->store_timeout != usual_timeout || conf->on_store_error != GW_STORE_LOCAL))
        gw_diag_warning(reader->diag, at, "for example: store: redis://redis.internal",
                        "'store_timeout' and 'on_store_error' have no effect: there is no 'store'");
}

static void check_rate_limit(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    conf_t *conf = value;
    gw_client_key_check(reader, &conf->key, at);
    if (conf->cost.tokens == 0)
        conf->cost.tokens = 1;
    if (conf->cost.header != NULL && conf->max_cost == 1)
        gw_diag_error(reader->diag, at, "for example: max_cost: 100",
                      "'cost: header:%s' needs a 'max_cost' of more than 1: the most that a request may say",
                      conf->cost.header);
    if (conf->cost.header == NULL && conf->max_cost != 1)
        gw_diag_error(reader->diag, at, "for example: cost: header:X-Cost",
                      "'max_cost' bounds what a header field says, and there is none: 'cost' names no header");
    check_limits(reader, conf, at);
    check_store(reader, conf, at);
    check_costs(reader, conf);
    warn_of_idle_options(reader, conf, at);
}

static bool has_name(const gw_filter_conf_t *filter, const char *name)
{
    if (filter->class->section == &gw_concurrency_section)
        return strcmp(((const gw_concurrency_conf_t *)filter->conf)->name, name) == 0;
    if (filter->class->section != &gw_rate_limit_section)
        return false;
    const conf_t *conf = filter->conf;
    for (size_t i = 0; i != conf->num_limits; ++i)
        if (strcmp(conf->limits[i].name, name) == 0)
            return true;
    return false;
}

void gw_limit_name_check_route(struct gw_conf_reader *reader, const char *name, gw_mark_t at,
                               const gw_route_conf_t *route)
{
    for (size_t i = 0; i != route->num_filters && route->filters[i] != NULL; ++i)
        if (has_name(route->filters[i], name))
            gw_diag_error(reader->diag, at, "give one of them another 'name': clients are told both",
                          "the route at %s:%u:%u has two limits of the name '%s'", route->at.file, route->at.line,
                          route->at.col, name);
}

void gw_rate_limit_check_route(struct gw_conf_reader *reader, const void *value, const gw_route_conf_t *route)
{
    const conf_t *conf = value;
    gw_client_key_check_route(reader, &conf->key, conf->at, route);
    gw_exempt_check_route(reader, &conf->exempt, conf->at, route);
    for (size_t k = 0; k != conf->num_limits; ++k)
        gw_limit_name_check_route(reader, conf->limits[k].name, conf->at, route);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static const gw_field_t rate_limit_fields[] = {
    GW_CLIENT_KEY_ROWS(conf_t, key),
    GW_EXEMPT_ROW(conf_t, exempt),
    {.key = "name",
     .type = GW_STRING,
     .offset = offsetof(conf_t, single.name),
     .min = 1,
     .max = GW_RATE_NAME_MAX,
     .def_text = "default",
     .meaning = "what clients and logs know the limit by, and what its buckets are found by after a reload"},
    RATE_ROW(conf_t, single.rate, false),
    BURST_ROW(conf_t, single.burst),
    TRIAL_ROW(conf_t, single.trial),
    {.key = "limits",
     .type = GW_LIST,
     .offset = offsetof(conf_t, list),
     .max = GW_MAX_LIMITS,
     .section = &limit_section,
     .meaning = "several limits instead of one: a request takes from all of them, or is refused and takes from none"},
    {.key = "cost",
     .type = GW_CUSTOM,
     .offset = offsetof(conf_t, cost),
     .read = read_cost,
     .show = show_cost,
     .takes = "tokens (1..1000000000), or header:NAME",
     .def_text = "1",
     .meaning = "tokens that a request takes; of a header field that has no number, or is missing, it is 1"},
    {.key = "max_cost",
     .type = GW_UINT,
     .offset = offsetof(conf_t, max_cost),
     .min = 1,
     .max = GW_BURST_MAX,
     .def = "1",
     .unit = "tokens",
     .meaning = "what a header field may say at most; more counts as this"},
    {.key = "cost_by_status",
     .type = GW_PAIRS,
     .offset = offsetof(conf_t, cost_by_status),
     .max = 32,
     .meaning = "tokens by the status of the response instead: the difference is taken or given back when it comes; "
                "of several that fit the first one counts"},
    {.key = "max_delay",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, max_delay),
     .max = GW_LONGEST_WAIT_US / 1000,
     .def = "0s",
     .meaning = "a request that comes too early waits so long for its tokens before it is refused"},
    {.key = "max_delayed",
     .type = GW_UINT,
     .offset = offsetof(conf_t, max_delayed),
     .min = 1,
     .max = 1000000,
     .def = "1000",
     .unit = "requests",
     .meaning = "requests that may wait at a time; one more is refused"},
    GW_LIMIT_KEYS_ROW(conf_t, keys,
                      "buckets that are kept for each limit, 34 bytes each; full ones make room for others"),
    GW_WHEN_FULL_ROW(conf_t, when_full,
                     "shared takes from one bucket for all of those, refuse refuses; a bucket that matters is "
                     "never forgotten for it"),
    {.key = "fields",
     .type = GW_ENUM,
     .offset = offsetof(conf_t, fields),
     .words = fields_words,
     .def = "ratelimit",
     .meaning = "what responses tell: ratelimit is RateLimit and RateLimit-Policy, x_ratelimit the older "
                "X-RateLimit-Limit, -Remaining and -Reset"},
    GW_LIMIT_MODE_ROW(conf_t, mode),
    {.key = "share",
     .type = GW_SECTION,
     .offset = offsetof(conf_t, share),
     .section = &share_section,
     .def_text = "all of it",
     .meaning = "this gateway's part of the limits, where several share them without a store"},
    GW_REDIS_FIELDS(offsetof(conf_t, store)),
    {.key = "store_mode",
     .type = GW_ENUM,
     .offset = offsetof(conf_t, store_mode),
     .words = store_mode_words,
     .def = "exact",
     .meaning = "exact asks the store for every request, lease takes tokens ahead"},
    {.key = "store_timeout",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, store_timeout),
     .min = 4,
     .max = 10000,
     .def = "50ms",
     .meaning = "how long a request waits for the store"},
    {.key = "on_store_error",
     .type = GW_ENUM,
     .offset = offsetof(conf_t, on_store_error),
     .words = store_error_words,
     .def = "local",
     .meaning = "what happens while the store is gone or slow: local counts the whole limit in this gateway, allow "
                "lets pass, deny answers 503"},
    {.key = "lease",
     .type = GW_SECTION,
     .offset = offsetof(conf_t, lease),
     .section = &lease_section,
     .meaning = "the tokens that are taken ahead"},
    {.key = NULL},
};

const gw_section_t gw_rate_limit_section = {
    .name = "rate_limit",
    .fields = rate_limit_fields,
    .size = sizeof(conf_t),
    .mark_offset = offsetof(conf_t, at),
    .check = check_rate_limit,
};
