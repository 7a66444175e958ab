/* SPDX-License-Identifier: MIT
 * The section `services`: endpoints, timeouts and pools; what deals with their failures stands in resilience.c. */
#include <arpa/inet.h>
#include "gateway/config/conf.h"
#include "gateway/config/resilience.h"
#include "gateway/config/text.h"

bool gw_conf_is_host_name(gw_str_t s)
{
    size_t label = 0;
    bool is_number = true; /* of the label; a name that ends in a number can only be an address */

    if (s.len == 0 || s.len > 253)
        return false;
    for (size_t i = 0; i != s.len; ++i) {
        char c = gw_ascii_lower(s.ptr[i]);
        bool is_digit = c >= '0' && c <= '9';
        if (c == '.') {
            if (label == 0 || s.ptr[i - 1] == '-')
                return false;
            label = 0;
            is_number = true;
            continue;
        }
        if (!(is_digit || c == '_' || (c >= 'a' && c <= 'z') || (c == '-' && label != 0)) || ++label > 63)
            return false;
        is_number = is_number && is_digit;
    }
    if (label == 0 || s.ptr[s.len - 1] == '-')
        return false;
    if (is_number) {
        char text[INET_ADDRSTRLEN] = "";
        struct in_addr address;
        if (s.len >= sizeof(text))
            return false;
        memcpy(text, s.ptr, s.len);
        return inet_pton(AF_INET, text, &address) == 1;
    }
    return true;
}

static bool is_ipv6(gw_str_t s)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr address;

    if (s.len >= sizeof(text))
        return false;
    memcpy(text, s.ptr, s.len);
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* why a URL is no endpoint, or NULL when it is one; fills in the endpoint */
static const char *parse_url(gw_conf_reader_t *reader, gw_str_t url, gw_endpoint_conf_t *endpoint)
{
    static const gw_str_t scheme = {"http://", 7}, unix_scheme = {"unix:", 5};
    static const char no_host[] =
        "what follows http:// is a host name, an IPv4 address or an IPv6 address in [brackets]";
    struct sockaddr_un un;

    if (gw_str_starts_with(url, unix_scheme)) {
        gw_str_t path = gw_str(url.ptr + unix_scheme.len, url.len - unix_scheme.len);
        if (path.len == 0 || path.ptr[0] != '/')
            return "the path of a Unix socket begins with '/'";
        if (path.len >= sizeof(un.sun_path))
            return gw_arena_printf(reader->scratch, "the path of a Unix socket has at most %zu bytes",
                                   sizeof(un.sun_path) - 1);
        endpoint->path = gw_arena_strdup(reader->arena, path);
        endpoint->authority = "localhost";
        return NULL;
    }
    if (url.len >= 8 && gw_str_equal_nocase(gw_str(url.ptr, 8), GW_STR("https://")))
        return "TLS to endpoints is not supported in this version";
    if (url.len < scheme.len || !gw_str_equal_nocase(gw_str(url.ptr, scheme.len), scheme))
        return "an endpoint begins with http://";
    gw_str_t authority = gw_str(url.ptr + scheme.len, url.len - scheme.len), host = authority, port = {NULL, 0};
    for (size_t i = 0; i != authority.len; ++i)
        if (strchr("/?#", authority.ptr[i]) != NULL)
            return gw_arena_printf(reader->scratch, "an endpoint has no path and no query: '%s'",
                                   gw_text_shown(reader->scratch, gw_str(url.ptr, scheme.len + i)));
    bool has_brackets = authority.len != 0 && authority.ptr[0] == '[';
    const char *end = authority.len == 0 ? NULL : has_brackets ? memchr(authority.ptr, ']', authority.len) : NULL;
    const char *colon = has_brackets ? (end == NULL || end + 1 == authority.ptr + authority.len ? NULL : end + 1)
                        : authority.len != 0 ? memchr(authority.ptr, ':', authority.len)
                                             : NULL;
    if (has_brackets && end == NULL)
        return no_host;
    if (colon != NULL) {
        host.len = (size_t)(colon - authority.ptr);
        port = gw_str(colon + 1, authority.len - host.len - 1);
        if (*colon != ':')
            return no_host;
    }
    if (has_brackets)
        host = gw_str(host.ptr + 1, (size_t)(end - host.ptr) - 1);
    if (has_brackets ? !is_ipv6(host) : !gw_conf_is_host_name(host))
        return no_host;
    endpoint->port = 80;
    if (colon != NULL && !gw_conf_parse_port(port, 1, &endpoint->port))
        return "a port is a number from 1 to 65535";
    endpoint->host = gw_arena_strdup(reader->arena, host);
    /* the default port is left out of Host, as a browser would (RFC 9110 section 4.2.3) */
    const char *left = has_brackets ? "[" : "", *right = has_brackets ? "]" : "";
    endpoint->authority =
        endpoint->port == 80 ? gw_arena_printf(reader->arena, "%s%s%s", left, endpoint->host, right)
                             : gw_arena_printf(reader->arena, "%s%s%s:%u", left, endpoint->host, right, endpoint->port);
    return NULL;
}

static void read_url(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    gw_endpoint_conf_t *endpoint = (gw_endpoint_conf_t *)((char *)target - offsetof(gw_endpoint_conf_t, url));
    const char *url = gw_conf_read_text(reader, "url", node, "a URL such as http://127.0.0.1:9001");

    if (url == NULL)
        return;
    if (strchr(url, '@') != NULL) { /* what stands before it may be a password, so the text is not shown */
        gw_diag_error(reader->diag, node->at, "the filter 'headers' can send credentials",
                      "the text is not valid for 'url' (no user name)");
        return;
    }
    const char *problem = parse_url(reader, gw_str_of(url), endpoint);
    if (problem != NULL)
        gw_conf_refuse(reader, "url", node, "http://HOST:PORT or unix:/path", problem);
    else
        endpoint->url = url;
}

static gw_node_t *show_url(gw_arena_t *arena, const void *target)
{
    return gw_node_new_text(arena, *(const char *const *)target);
}

static void check_service(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    const gw_service_conf_t *service = value;
    const gw_endpoint_conf_t *endpoints = service->endpoints.entries;

    for (size_t i = 0; i != service->endpoints.size; ++i)
        for (size_t k = 0; k != i; ++k)
            if (strcmp(endpoints[i].url, endpoints[k].url) == 0) {
                gw_diag_error(reader->diag, endpoints[i].at, "a 'weight' gives it a larger share",
                              "endpoint '%s' is listed twice", endpoints[i].url);
                break;
            }
    uint64_t weights = 0;
    for (size_t i = 0; i != service->endpoints.size; ++i)
        weights += endpoints[i].is_backup ? 0 : endpoints[i].weight;
    if (weights == 0)
        gw_diag_warning(reader->diag, at, NULL, "service '%s' has no endpoint with a weight that is not a backup",
                        service->name);
    if (service->pool.upstream_idle != 0 && service->pool.idle >= service->pool.upstream_idle)
        gw_diag_warning(reader->diag, at, "set pool.idle to less",
                        "pool.idle (%s) outlives what the service keeps unused connections (pool.upstream_idle, %s)",
                        gw_conf_duration_text(reader->scratch, service->pool.idle),
                        gw_conf_duration_text(reader->scratch, service->pool.upstream_idle));
    if (service->panic_threshold != 0 && service->when_unhealthy == GW_FAIL_FAST)
        gw_diag_error(reader->diag, at, "add 'when_unhealthy: try_anyway'",
                      "'panic_threshold' has no effect with 'when_unhealthy: fail_fast'");
    if (service->slow_start != 0 && service->balance.method == GW_BALANCE_HASH)
        gw_diag_warning(reader->diag, at, "keys stay with their endpoint",
                        "'slow_start' has no effect with balance: hash");
    gw_conf_check_tries(reader, service, &service->retries, at);
}

static const gw_field_t endpoint_fields[] = {
    {.key = "url",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_endpoint_conf_t, url),
     .read = read_url,
     .show = show_url,
     .takes = "http://HOST[:PORT] or unix:PATH",
     .is_required = true,
     .meaning = "where the endpoint listens; port 80 when none is given"},
    {.key = "weight",
     .type = GW_UINT,
     .offset = offsetof(gw_endpoint_conf_t, weight),
     .max = 256,
     .def = "1",
     .meaning = "share of the requests beside the other endpoints; 0 sends none"},
    {.key = "backup",
     .type = GW_BOOL,
     .offset = offsetof(gw_endpoint_conf_t, is_backup),
     .def = "false",
     .meaning = "use it only when no other endpoint can be used"},
    {.key = NULL},
};

static const gw_section_t endpoint_section = {
    .name = "endpoint",
    .fields = endpoint_fields,
    .size = sizeof(gw_endpoint_conf_t),
    .mark_offset = offsetof(gw_endpoint_conf_t, at),
    .scalar_key = "url",
};

#define IN_TIMEOUTS(member) (offsetof(gw_service_conf_t, timeouts.member) - offsetof(gw_service_conf_t, timeouts))
#define IN_POOL(member)     (offsetof(gw_service_conf_t, pool.member) - offsetof(gw_service_conf_t, pool))

enum { hour = 3600000 };

static const gw_field_t timeouts_fields[] = {
    {.key = "connect",
     .type = GW_DURATION,
     .offset = IN_TIMEOUTS(connect),
     .min = 1,
     .max = hour,
     .def = "1s",
     .meaning = "until the connection to an endpoint stands"},
    {.key = "response",
     .type = GW_DURATION,
     .offset = IN_TIMEOUTS(response),
     .min = 1,
     .max = 24 * hour,
     .def = "15s",
     .meaning = "from the end of the request to the head of the response"},
    {.key = "idle",
     .type = GW_DURATION,
     .offset = IN_TIMEOUTS(idle),
     .min = 1,
     .max = 24 * hour,
     .def = "60s",
     .meaning = "without a byte while a body is on its way, in either direction"},
    {.key = "total",
     .type = GW_DURATION,
     .offset = IN_TIMEOUTS(total),
     .max = 24 * hour,
     .def = "0s",
     .meaning = "from the routing of a request to the head of its response, all tries and waits together; what is left "
                "of it goes upstream as X-Request-Timeout-Ms; 0s sets no bound"},
    {.key = NULL},
};

static const gw_section_t timeouts_section = {
    .name = "timeouts",
    .fields = timeouts_fields,
    .size = sizeof(((gw_service_conf_t *)NULL)->timeouts),
    .mark_offset = GW_NO_OFFSET,
};

static const gw_field_t pool_fields[] = {
    {.key = "size",
     .type = GW_UINT,
     .offset = IN_POOL(size),
     .min = 0,
     .max = 10000,
     .def = "64",
     .unit = "connections",
     .meaning = "idle connections kept for each endpoint by each worker; 0 keeps none"},
    {.key = "idle",
     .type = GW_DURATION,
     .offset = IN_POOL(idle),
     .min = 1,
     .max = 24 * hour,
     .def = "60s",
     .meaning = "how long an unused connection is kept"},
    {.key = "age",
     .type = GW_DURATION,
     .offset = IN_POOL(age),
     .min = 1,
     .max = 720ull * hour,
     .def = "1h",
     .meaning = "how old a connection may be and still be used again"},
    {.key = "upstream_idle",
     .type = GW_DURATION,
     .offset = IN_POOL(upstream_idle),
     .max = 24 * hour,
     .def = "0s",
     .meaning =
         "how long the service itself keeps an unused connection: the gateway gives it up before that; 0s: not known"},
    {.key = NULL},
};

static const gw_section_t pool_section = {
    .name = "pool",
    .fields = pool_fields,
    .size = sizeof(((gw_service_conf_t *)NULL)->pool),
    .mark_offset = GW_NO_OFFSET,
};

static const gw_field_t service_fields[] = {
    {.key = "version",
     .type = GW_STRING,
     .offset = offsetof(gw_service_conf_t, version),
     .min = 1,
     .max = 64,
     .meaning = "what runs there, for people; the gateway does not use it"},
    {.key = "endpoints",
     .type = GW_LIST,
     .offset = offsetof(gw_service_conf_t, endpoints),
     .min = 1,
     .max = 1000,
     .section = &endpoint_section,
     .is_required = true,
     .meaning = "instances of the service; each a URL or a mapping with 'url'"},
    {.key = "balance",
     .type = GW_SECTION,
     .offset = offsetof(gw_service_conf_t, balance),
     .section = &gw_balance_section,
     .meaning = "how an endpoint is chosen for a request; a method may stand for the mapping"},
    {.key = "slow_start",
     .type = GW_DURATION,
     .offset = offsetof(gw_service_conf_t, slow_start),
     .max = hour,
     .def = "0s",
     .meaning = "time over which an endpoint that came back, or was added by a reload, grows to its full share"},
    {.key = "max_requests",
     .type = GW_UINT,
     .offset = offsetof(gw_service_conf_t, max_requests),
     .max = 1000000,
     .def = "0",
     .unit = "requests",
     .meaning = "requests under way at each endpoint, all workers together; 0 sets no bound"},
    {.key = "queue",
     .type = GW_SECTION,
     .offset = offsetof(gw_service_conf_t, queue),
     .section = &gw_queue_section,
     .meaning = "where requests wait that find max_requests at every endpoint"},
    {.key = "health_check",
     .type = GW_SECTION,
     .offset = offsetof(gw_service_conf_t, health_check),
     .section = &gw_health_check_section,
     .meaning = "asking each endpoint from time to time whether it is well; a path may stand for the mapping"},
    {.key = "ejection",
     .type = GW_SECTION,
     .offset = offsetof(gw_service_conf_t, ejection),
     .section = &gw_ejection_section,
     .meaning = "taking an endpoint out of use for a while when requests to it fail"},
    {.key = "when_unhealthy",
     .type = GW_ENUM,
     .offset = offsetof(gw_service_conf_t, when_unhealthy),
     .words = gw_when_unhealthy_words,
     .def = "fail_fast",
     .meaning = "with no usable endpoint left: answer 503 at once, or try them all the same"},
    {.key = "panic_threshold",
     .type = GW_PERCENT,
     .offset = offsetof(gw_service_conf_t, panic_threshold),
     .max = 10000,
     .def = "0%",
     .meaning = "for try_anyway: with a smaller share of usable endpoints than this all of them are used"},
    {.key = "retries",
     .type = GW_SECTION,
     .offset = offsetof(gw_service_conf_t, retries),
     .section = &gw_retries_section,
     .meaning = "trying again what failed"},
    {.key = "pass_host",
     .type = GW_BOOL,
     .offset = offsetof(gw_service_conf_t, pass_host),
     .def = "true",
     .meaning = "send the client's Host to the endpoint; if false, the endpoint's own host and port"},
    {.key = "timeouts",
     .type = GW_SECTION,
     .offset = offsetof(gw_service_conf_t, timeouts),
     .section = &timeouts_section,
     .meaning = "how long the gateway waits for an endpoint"},
    {.key = "pool",
     .type = GW_SECTION,
     .offset = offsetof(gw_service_conf_t, pool),
     .section = &pool_section,
     .meaning = "connections kept open between requests"},
    {.key = NULL},
};

const gw_section_t gw_service_section = {
    .name = "service",
    .fields = service_fields,
    .size = sizeof(gw_service_conf_t),
    .name_offset = offsetof(gw_service_conf_t, name),
    .mark_offset = offsetof(gw_service_conf_t, at),
    .check = check_service,
};
