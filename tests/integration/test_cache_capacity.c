/* SPDX-License-Identifier: MIT
 * Another capacity of a cache by a reload: what fits stays, and is served on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

enum { BODY_LEN = 8000, NUM_PATHS = 120 };

/** Every response may be stored, and its body begins with the request line. */
static void answer(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        static const char head[] = "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 8000\r\n\r\n";
        char text[sizeof(head) + BODY_LEN];
        const size_t len = strcspn(request, "\r");
        strcpy(text, head);
        memset(text + sizeof(head) - 1, '.', BODY_LEN);
        memcpy(text + sizeof(head) - 1, request, len);
        text[sizeof(head) - 1 + BODY_LEN] = '\0';
        free(request);
        if (!origin_write(fd, text))
            break;
    }
}

#define CONF                                                                                                           \
    CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                                   \
                "filters: { kept: { cache: { capacity: %s, max_object: 16KiB } } }\n"                                  \
                "routes: [ { path: /, service: origin, filters: [ kept ] } ]\n"

/** Asks for each path, over all transports in turn.  @return how many the origin was asked for */
static size_t num_asked(const gateway_t *gateway, origin_t *origin)
{
    const size_t before = atomic_load(&origin->num_requests);
    for (size_t i = 0; i != NUM_TRANSPORTS; ++i) {
        client_t *client = client_create(gateway, (transport_t)i);
        for (size_t j = i; j < NUM_PATHS; j += NUM_TRANSPORTS) {
            char path[32], line[32];
            snprintf(path, sizeof(path), "/%zu", j);
            const size_t len = (size_t)snprintf(line, sizeof(line), "GET %s ", path);
            reply_t reply = client_send(client, &(request_t){.path = path});
            assert_int_equal(reply.status, 200);
            assert_int_equal(reply.body_len, BODY_LEN);
            assert_memory_equal(reply.body, line, len);
            reply_free(&reply);
        }
        client_free(client);
    }
    return atomic_load(&origin->num_requests) - before;
}

static void what_fits_is_served_after_a_reload_with_another_capacity(void **state)
{
    static const struct {
        const char *about, *capacity;
        size_t least, most; /* that the origin is asked for */
    } cases[] = {
        {"the same", "4MiB", 0, 0},
        {"four times as much", "16MiB", 0, 0},
        {"as before, which is enough for all", "4MiB", 0, 0},
        {"less, which is not", "1MiB", 10, NUM_PATHS - 50},
        {"more again: nothing is missing then but what went", "4MiB", 0, NUM_PATHS},
        {"all are there", "8MiB", 0, 0},
        {"too much for what it was made with: made anew", "64MiB", NUM_PATHS, NUM_PATHS},
        {"which is kept as well", "32MiB", 0, 0},
    };
    origin_t *origin = origin_start(answer, NULL);
    gateway_t *gateway = gateway_start(CONF, origin->port, "4MiB");
    assert_int_equal(num_asked(gateway, origin), NUM_PATHS);
    assert_int_equal(num_asked(gateway, origin), 0);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gateway_write_conf(gateway, CONF, origin->port, cases[i].capacity);
        gateway_reload(gateway, i + 1);
        const size_t num = num_asked(gateway, origin);
        if (num < cases[i].least || num > cases[i].most)
            fail_msg("%s: the origin was asked for %zu", cases[i].about, num);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_served_after_a_reload_with_another_capacity),
    };
    return cmocka_run_group_tests_name("cache: another capacity", tests, NULL, NULL);
}
