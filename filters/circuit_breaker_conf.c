/* SPDX-License-Identifier: MIT
 * Reading the options of `circuit_breaker`. */
#include "filters/circuit_breaker_conf.h"
#include "gateway/config/conf.h"
#include "gateway/config/resilience.h"
#include "gateway/http/syntax.h"

enum { second = 1000, hour = 3600000, everything = 10000 };

typedef typeof(((gw_breaker_conf_t *)NULL)->fallback) fallback_t;

static const char *const per_words[] = {[GW_PER_SERVICE] = "service", [GW_PER_ENDPOINT] = "endpoint", NULL};
static const char *const force_words[] = {
    [GW_FORCE_NONE] = "none", [GW_FORCE_OPEN] = "open", [GW_FORCE_CLOSED] = "closed", NULL};
static const char *const mode_words[] = {[GW_ENFORCE] = "enforce", [GW_OBSERVE] = "observe", NULL};

static void check_fallback(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    const fallback_t *fallback = value;

    if ((fallback->service != NULL) == (fallback->status != 0))
        gw_diag_error(reader->diag, at, "fallback: {service: NAME}, or fallback: {status: 200, body: \"...\"}",
                      "a fallback has either a 'service' or a 'status'");
    if (fallback->body != NULL && fallback->status == 0)
        gw_diag_error(reader->diag, at, NULL, "the 'body' of a fallback needs a 'status'");
    if (fallback->body != NULL && (fallback->status == 204 || fallback->status == 304))
        gw_diag_error(reader->diag, at, NULL, "a response %d has no body", (int)fallback->status);
    if (!gw_http_is_field_value(gw_str_of(fallback->content_type)))
        gw_diag_error(reader->diag, at, NULL, "'content_type' of a fallback is no field value");
}

static const gw_field_t fallback_fields[] = {
    {.key = "service",
     .type = GW_STRING,
     .offset = offsetof(fallback_t, service),
     .min = 1,
     .max = 64,
     .meaning = "another service that gets the request"},
    {.key = "status",
     .type = GW_UINT,
     .offset = offsetof(fallback_t, status),
     .min = 200,
     .max = 599,
     .meaning = "status of a fixed response"},
    {.key = "content_type",
     .type = GW_STRING,
     .offset = offsetof(fallback_t, content_type),
     .min = 1,
     .max = 128,
     .def = "text/plain; charset=utf-8",
     .meaning = "Content-Type of the fixed response"},
    {.key = "body",
     .type = GW_STRING,
     .offset = offsetof(fallback_t, body),
     .max = 65536,
     .meaning = "body of the fixed response"},
    {.key = NULL},
};

static const gw_section_t fallback_section = {.name = "fallback",
                                              .fields = fallback_fields,
                                              .size = sizeof(fallback_t),
                                              .mark_offset = offsetof(fallback_t, at),
                                              .check = check_fallback};

static void check_breaker(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_breaker_conf_t *conf = value;

    if (conf->max_open_for < conf->open_for)
        gw_diag_error(reader->diag, at, NULL, "'max_open_for' must not be shorter than 'open_for'");
    if (conf->slow_ratio != 0 && conf->slow_call == 0)
        gw_diag_error(reader->diag, at, "for example: slow_call: 2s", "'slow_ratio' needs a 'slow_call'");
    if (conf->slow_call != 0 && conf->slow_ratio == 0)
        gw_diag_error(reader->diag, at, "for example: slow_ratio: 80%", "'slow_call' needs a 'slow_ratio'");
    if (conf->max_queue != 0 && conf->max_concurrent == 0)
        gw_diag_error(reader->diag, at, NULL, "'max_queue' needs 'max_concurrent'");
    if (conf->failure_ratio == 0 && conf->slow_ratio == 0 && conf->consecutive_failures == 0 &&
        conf->max_concurrent == 0 && conf->force != GW_FORCE_OPEN)
        gw_diag_warning(reader->diag, at, "set failure_ratio, slow_ratio, consecutive_failures or max_concurrent",
                        "this circuit breaker never opens");
    conf->rules = (gw_breaker_rules_t){
        .failure_ratio = (unsigned)conf->failure_ratio,
        .slow_ratio = (unsigned)conf->slow_ratio,
        .min_requests = conf->min_requests,
        .window_ms = conf->window,
        .consecutive_failures = (unsigned)conf->consecutive_failures,
        .open_ms = conf->open_for,
        .max_open_ms = conf->max_open_for,
        .half_open_requests = (unsigned)conf->half_open_requests,
        .probe_ms = conf->probe_timeout,
    };
    conf->fallback_index = SIZE_MAX;
}

void gw_breaker_link(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_breaker_conf_t *conf = value;
    const gw_conf_root_t *root = reader->context;

    if (conf->fallback.service == NULL)
        return;
    conf->fallback_index = gw_conf_find_service(reader, conf->fallback.service, conf->fallback.at);
    if (conf->fallback_index != SIZE_MAX)
        conf->fallback_service = (const gw_service_conf_t *)root->services.entries + conf->fallback_index;
}

void gw_breaker_check_route(struct gw_conf_reader *reader, const void *value, const gw_route_conf_t *route)
{
    const gw_breaker_conf_t *conf = value;
    bool is_same = conf->fallback_index == route->service_index && conf->fallback_service != NULL;

    for (size_t i = 0; i != route->num_split; ++i)
        is_same = is_same || conf->fallback_index == route->split[i].service_index;
    if (is_same)
        gw_diag_error(reader->diag, conf->fallback.at, "a fallback is another service",
                      "service '%s' is its own fallback on the route at %s:%u:%u", conf->fallback.service,
                      route->at.file, route->at.line, route->at.col);
}

static const gw_field_t breaker_fields[] = {
    {.key = "failure_ratio",
     .type = GW_PERCENT,
     .offset = offsetof(gw_breaker_conf_t, failure_ratio),
     .max = everything,
     .def = "50%",
     .meaning = "share of failed calls in the window that opens it; 0% does not look at it"},
    {.key = "slow_call",
     .type = GW_DURATION,
     .offset = offsetof(gw_breaker_conf_t, slow_call),
     .max = hour,
     .def = "0s",
     .meaning = "a call is slow when its response head takes so long from the end of the request; 0s: none is"},
    {.key = "slow_ratio",
     .type = GW_PERCENT,
     .offset = offsetof(gw_breaker_conf_t, slow_ratio),
     .max = everything,
     .def = "0%",
     .meaning = "share of slow calls in the window that opens it; 0% does not look at it"},
    {.key = "min_requests",
     .type = GW_UINT,
     .offset = offsetof(gw_breaker_conf_t, min_requests),
     .min = 1,
     .max = 1000000,
     .def = "20",
     .unit = "calls",
     .meaning = "calls in the window below which the shares say nothing"},
    {.key = "window",
     .type = GW_DURATION,
     .offset = offsetof(gw_breaker_conf_t, window),
     .min = 100,
     .max = hour,
     .def = "10s",
     .meaning = "time over which the shares are taken; it slides in tenths"},
    {.key = "consecutive_failures",
     .type = GW_UINT,
     .offset = offsetof(gw_breaker_conf_t, consecutive_failures),
     .max = GW_BREAKER_MAX_STREAK,
     .def = "0",
     .unit = "calls",
     .meaning = "failed calls in a row that open it; 0 does not look at them"},
    {.key = "failures",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_breaker_conf_t, failures),
     .read = gw_conf_read_conditions,
     .show = gw_conf_show_conditions,
     .takes = GW_CONDITIONS_TAKES,
     .def = "connect_failure, empty_response, reset, response_timeout, junk_response, 5xx",
     .meaning = "what counts as a failed call; the gateway's own refusals never do"},
    {.key = "open_for",
     .type = GW_DURATION,
     .offset = offsetof(gw_breaker_conf_t, open_for),
     .min = 10,
     .max = hour,
     .def = "5s",
     .meaning = "how long it stays open the first time, and up to a quarter more; doubles with each probe that fails"},
    {.key = "max_open_for",
     .type = GW_DURATION,
     .offset = offsetof(gw_breaker_conf_t, max_open_for),
     .min = 10,
     .max = 24ull * hour,
     .def = "1m",
     .meaning = "how long it stays open at most, and up to a quarter more"},
    {.key = "half_open_requests",
     .type = GW_UINT,
     .offset = offsetof(gw_breaker_conf_t, half_open_requests),
     .min = 1,
     .max = GW_BREAKER_MAX_PROBES,
     .def = "3",
     .unit = "requests",
     .meaning = "probes that are let through when it is half-open; when they come back well it closes"},
    {.key = "probe_timeout",
     .type = GW_DURATION,
     .offset = offsetof(gw_breaker_conf_t, probe_timeout),
     .min = second,
     .max = hour,
     .def = "30s",
     .meaning = "a probe that takes longer counts as failed"},
    {.key = "max_concurrent",
     .type = GW_UINT,
     .offset = offsetof(gw_breaker_conf_t, max_concurrent),
     .max = 1000000,
     .def = "0",
     .unit = "requests",
     .meaning = "requests to the service at a time (a bulkhead), all workers together; 0 sets no bound"},
    {.key = "max_queue",
     .type = GW_UINT,
     .offset = offsetof(gw_breaker_conf_t, max_queue),
     .max = 1000000,
     .def = "0",
     .unit = "requests",
     .meaning = "requests that may wait for max_concurrent; one more is refused at once"},
    {.key = "queue_timeout",
     .type = GW_DURATION,
     .offset = offsetof(gw_breaker_conf_t, queue_timeout),
     .min = 1,
     .max = hour,
     .def = "1s",
     .meaning = "how long a request may wait before it is refused"},
    {.key = "per",
     .type = GW_ENUM,
     .offset = offsetof(gw_breaker_conf_t, per),
     .words = per_words,
     .def = "service",
     .meaning = "whether all endpoints of a service open together, or each by itself and the others serve on"},
    {.key = "force",
     .type = GW_ENUM,
     .offset = offsetof(gw_breaker_conf_t, force),
     .words = force_words,
     .def = "none",
     .meaning = "open refuses every request, closed none, whatever was counted"},
    {.key = "mode",
     .type = GW_ENUM,
     .offset = offsetof(gw_breaker_conf_t, mode),
     .words = mode_words,
     .def = "enforce",
     .meaning = "observe refuses nothing and writes to the logs what enforce would have done"},
    {.key = "fallback",
     .type = GW_SECTION,
     .offset = offsetof(gw_breaker_conf_t, fallback),
     .section = &fallback_section,
     .def_text = "503 with Retry-After",
     .meaning = "what answers instead of a refusal"},
    {.key = NULL},
};

const gw_section_t gw_breaker_section = {
    .name = "circuit_breaker",
    .fields = breaker_fields,
    .size = sizeof(gw_breaker_conf_t),
    .mark_offset = offsetof(gw_breaker_conf_t, at),
    .check = check_breaker,
};
