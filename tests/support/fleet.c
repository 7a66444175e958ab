/* SPDX-License-Identifier: MIT
 * The endpoints of one service. */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/support/fleet.h"

static void enter(node_t *node)
{
    size_t now = atomic_fetch_add(&node->num_at_work, 1) + 1, most = atomic_load(&node->most_at_work);
    while (most < now && !atomic_compare_exchange_weak(&node->most_at_work, &most, now))
        ;
}

static bool answer(int fd, int status, const char *body, bool is_head)
{
    char text[256];
    snprintf(text, sizeof(text), "HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body),
             is_head ? "" : body);
    return origin_write(fd, text);
}

static void serve(origin_t *origin, int fd, size_t index)
{
    node_t *node = origin->arg;
    char *request, letter[] = {node->letter, '\0'};
    bool is_good = true;
    while (is_good && (request = origin_read_request(origin, fd)) != NULL) {
        const char *path = strchr(request, ' ');
        bool is_head = strncmp(request, "HEAD ", 5) == 0;
        bool is_check = path != NULL && strncmp(path + 1, CHECK_PATH " ", sizeof(CHECK_PATH)) == 0;
        free(request);
        if (is_check) {
            int status = atomic_load(&node->check_status);
            atomic_fetch_add(status == 200 ? &node->num_good_checks : &node->num_bad_checks, 1);
            is_good = answer(fd, status, letter, is_head);
            continue;
        }
        enter(node);
        size_t nth = atomic_load(&node->holds) ? atomic_fetch_add(&node->num_held, 1) + 1 : 0;
        atomic_fetch_add(&node->num_served, 1);
        origin_wait(&node->go, nth);
        atomic_fetch_sub(&node->num_at_work, 1);
        is_good = answer(fd, atomic_load(&node->status), letter, is_head);
    }
}

fleet_t *fleet_start(size_t num)
{
    fleet_t *fleet = calloc(1, sizeof(*fleet));
    fleet->num = num;
    for (size_t i = 0; i != num; ++i) {
        node_t *node = &fleet->nodes[i];
        node->letter = (char)('A' + i);
        atomic_init(&node->status, 200);
        atomic_init(&node->check_status, 200);
        node->origin = origin_start(serve, node);
        node->port = node->origin->port;
    }
    return fleet;
}

void node_release(node_t *node)
{
    atomic_store(&node->holds, false);
    atomic_store(&node->go, SIZE_MAX);
}

void node_kill(node_t *node)
{
    node_release(node);
    if (node->origin != NULL)
        origin_stop(node->origin);
    node->origin = NULL;
}

void fleet_stop(fleet_t *fleet)
{
    for (size_t i = 0; i != fleet->num; ++i)
        node_kill(&fleet->nodes[i]);
    free(fleet);
}

size_t fleet_served(const fleet_t *fleet)
{
    size_t num = 0;
    for (size_t i = 0; i != fleet->num; ++i)
        num += atomic_load(&fleet->nodes[i].num_served);
    return num;
}

void fleet_wait_served(const fleet_t *fleet, size_t least)
{
    time_t start = time(NULL);
    while (fleet_served(fleet) < least) {
        poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
        if (time(NULL) - start > DEADLINE_MS / 1000) {
            fprintf(stderr, "the fleet got %zu requests instead of %zu\n", fleet_served(fleet), least);
            abort();
        }
    }
}

char *fleet_endpoints(const fleet_t *fleet, const char *const *endpoint_options)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    for (size_t i = 0; i != fleet->num; ++i)
        fprintf(file, "%s{ url: \"http://127.0.0.1:%d\"%s%s }", i != 0 ? ", " : "", fleet->nodes[i].port,
                endpoint_options != NULL ? ", " : "", endpoint_options != NULL ? endpoint_options[i] : "");
    fclose(file);
    return text;
}

#define CONF "services:\n  fleet:\n    endpoints: [ %s ]\n%sroutes: [ { path: /, service: fleet } ]\n"

gateway_t *fleet_gateway(const fleet_t *fleet, const char *const *endpoint_options, const char *options)
{
    char *endpoints = fleet_endpoints(fleet, endpoint_options);
    gateway_t *gateway = gateway_start(CONF_LISTEN CONF, endpoints, options);
    free(endpoints);
    return gateway;
}

void fleet_write_conf(gateway_t *gateway, const fleet_t *fleet, const char *const *endpoint_options,
                      const char *options)
{
    char *endpoints = fleet_endpoints(fleet, endpoint_options);
    gateway_write_conf(gateway, CONF_LISTEN CONF, endpoints, options);
    free(endpoints);
}

#define CONF_ORIGIN                                                                                                    \
    "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n%s"                                             \
    "routes: [ { path: /, service: origin } ]\n"

gateway_t *origin_gateway(int port, const char *options)
{
    return gateway_start(CONF_LISTEN CONF_ORIGIN, port, options);
}

void origin_write_conf(gateway_t *gateway, int port, const char *options)
{
    gateway_write_conf(gateway, CONF_LISTEN CONF_ORIGIN, port, options);
}

gateway_t *pair_gateway(int first, int second, const char *options)
{
    return gateway_start(CONF_LISTEN "services:\n  pair:\n    endpoints: [ { url: \"http://127.0.0.1:%d\", weight: 256 "
                                     "}, { url: \"http://127.0.0.1:%d\", weight: 1 } ]\n%s"
                                     "routes: [ { path: /, service: pair } ]\n",
                         first, second, options);
}

size_t fleet_ask(client_t *client, const char *path, const char *header)
{
    const char *const headers[] = {header, NULL};
    reply_t reply = client_send(client, &(request_t){.path = path, .headers = headers});
    if (reply.status != 200 || reply.body_len != 1) {
        fprintf(stderr, "expected an answer from the fleet, got %d '%s' (%s)\n", reply.status, reply.body,
                curl_error(reply.error));
        abort();
    }
    size_t index = (size_t)(reply.body[0] - 'A');
    reply_free(&reply);
    return index;
}

void fleet_count(client_t *client, size_t num, const char *header, size_t counts[FLEET_MAX])
{
    memset(counts, 0, FLEET_MAX * sizeof(*counts));
    for (size_t i = 0; i != num; ++i)
        ++counts[fleet_ask(client, "/", header)];
}
