/* SPDX-License-Identifier: MIT
 * Two real gateways that share limits. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/base/clock.h"
#include "tests/support/twins.h"

/* a connection goes to one of the workers by chance */
enum { workers_are_seen_after = 20 };

static void answer(origin_t *origin, int fd, size_t index)
{
    char *request;
    (void)index;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        const char *path = strchr(request, '/'), *text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        if (strncmp(path, "/missing", strlen("/missing")) == 0)
            text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        else if (strncmp(path, "/broken", strlen("/broken")) == 0)
            text = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        else if (strncmp(path, "/late", strlen("/late")) == 0)
            poll(NULL, 0, TWINS_LATE_MS); /* which is what is asked for */
        free(request);
        if (!origin_write(fd, text))
            return;
    }
}

static void append(char **text, char *more)
{
    char *longer;
    if (asprintf(&longer, "%s%s", *text, more) < 0)
        abort();
    free(*text);
    free(more);
    *text = longer;
}

static char *print_filter(const char *name, const char *store, const char *options)
{
    char *text;
    if (asprintf(&text, "  %s: { rate_limit: { key: header:X-Client, when_missing: refuse, %s, %s } }\n", name, store,
                 options) < 0)
        abort();
    return text;
}

/** Below its own path, so that one filter can have responses of several statuses. */
static char *print_route(const char *name)
{
    char *text;
    if (asprintf(&text, "  - { path: /%s/, strip_prefix: true, service: origin, filters: [ %s ] }\n", name, name) < 0)
        abort();
    return text;
}

/** The filter "probe" never refuses, and answers 503 while its worker cannot use the store. */
static char *print_conf(const twins_t *twins, const twins_conf_t *conf)
{
    char *filters = print_filter("probe", conf->store, "rate: 1000000/s, on_store_error: deny"),
         *routes = print_route("probe"), *text;
    for (size_t i = 0; conf->limits[i].name != NULL; ++i) {
        append(&filters, print_filter(conf->limits[i].name, conf->store, conf->limits[i].options));
        append(&routes, print_route(conf->limits[i].name));
    }
    if (asprintf(&text,
                 "workers: %d\n"
                 "access_log: access.log\n"
                 "listen:\n"
                 "  - address: 127.0.0.1:0\n"
                 "  - address: 127.0.0.1:00\n"
                 "    tls: { certificates: [ { certificate: server.crt, key: server.key } ] }\n"
                 "services:\n"
                 "  origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 },"
                 " ejection: { consecutive_failures: 0 } }\n"
                 "filters:\n%s"
                 "routes:\n%s"
                 "  - { path: /late, service: origin }\n",
                 conf->workers != 0 ? conf->workers : 2, twins->origin->port, filters, routes) < 0)
        abort();
    free(filters);
    free(routes);
    return text;
}

twins_t *twins_start(const twins_conf_t *conf)
{
    twins_t *twins = calloc(1, sizeof(*twins));
    twins->origin = origin_start(answer, NULL);
    char *text = print_conf(twins, conf);
    for (size_t i = 0; i != NUM_TWINS; ++i)
        twins->gateways[i] = gateway_start("%s", text);
    free(text);
    twins_wait_for_store(twins);
    return twins;
}

void twins_reload(twins_t *twins, size_t nth, const twins_conf_t *conf)
{
    char *text = print_conf(twins, conf);
    for (size_t i = 0; i != NUM_TWINS; ++i) {
        gateway_write_conf(twins->gateways[i], "%s", text);
        gateway_reload(twins->gateways[i], nth);
    }
    free(text);
}

char *twins_access_log(const twins_t *twins, size_t gateway)
{
    char path[512], *text = NULL;
    size_t len = 0;
    snprintf(path, sizeof(path), "%s/access.log", twins->gateways[gateway]->folder);
    FILE *file = fopen(path, "r"), *copy = open_memstream(&text, &len);
    if (file == NULL || copy == NULL)
        abort();
    for (int c; (c = getc(file)) != EOF;)
        putc(c, copy);
    fclose(file);
    fclose(copy);
    return text;
}

void twins_wait_for_line(const twins_t *twins, size_t gateway, const char *text, size_t count)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (size_t found = 0; found < count;) {
        char *log = twins_access_log(twins, gateway);
        found = 0;
        for (const char *at = log; (at = strstr(at, text)) != NULL; ++at)
            ++found;
        if (found < count && gw_clock_ms() > until_ms) {
            fprintf(stderr, "waited in vain for '%s' (%zu times) in the access log:\n%s\n", text, count, log);
            abort();
        }
        free(log);
        if (found < count)
            poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
    }
}

reply_t twins_ask(const twins_t *twins, size_t gateway, transport_t transport, const char *path, const char *client)
{
    char header[128];
    snprintf(header, sizeof(header), "X-Client: %s", client);
    return fetch(twins->gateways[gateway], transport,
                 &(request_t){.path = path, .headers = (const char *[]){header, NULL}});
}

int twins_status(const twins_t *twins, size_t gateway, transport_t transport, const char *path, const char *client)
{
    reply_t reply = twins_ask(twins, gateway, transport, path, client);
    int status = reply.status;
    reply_free(&reply);
    return status;
}

/** Until so many probes in a row were answered with the status. */
static void probe_until(const twins_t *twins, size_t gateway, int status, unsigned num)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (unsigned found = 0; found != num;) {
        int got = twins_status(twins, gateway, OVER_HTTP1, "/probe/", "the test");
        found = got == status ? found + 1 : 0;
        if (gw_clock_ms() > until_ms) {
            fprintf(stderr, "gateway %zu still answers a probe with %d instead of %d\n", gateway, got, status);
            abort();
        }
        if (got != status)
            poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
    }
}

void twins_wait_for_store(twins_t *twins)
{
    for (size_t i = 0; i != NUM_TWINS; ++i)
        probe_until(twins, i, 200, workers_are_seen_after);
}

void twins_wait_for_loss(twins_t *twins, size_t gateway)
{
    probe_until(twins, gateway, 503, workers_are_seen_after);
}

void twins_stop(twins_t *twins)
{
    for (size_t i = 0; i != NUM_TWINS; ++i)
        if (twins->gateways[i] != NULL)
            gateway_stop(twins->gateways[i]);
    origin_stop(twins->origin);
    free(twins);
}
