/* SPDX-License-Identifier: MIT
 * What was answered to one who is known, or says so in Authorization: who else gets it from the cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

/* of "abc" and of the long one (FIPS 180-2 B.1, B.2) */
#define KEYS                                                                                                           \
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad acme team=blue\n"                         \
    "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1 bob team=blue\n"
#define ACME "X-API-Key: abc"
#define BOB  "X-API-Key: abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
#define SAYS "Authorization: Bearer x"

static const char *file;

/** Every response is fresh, and none says that it is for everybody. */
static void answer(origin_t *origin, int fd, size_t index)
{
    char *request;
    (void)index;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        bool is_public = strstr(request, "GET /public") != NULL;
        free(request);
        char head[256];
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60%s\r\n\r\nok",
                 is_public ? ", public" : "");
        if (!origin_write(fd, head))
            return;
    }
}

static int start(void **state)
{
    test_folder_create(state);
    file = conf_file_replace(test_folder, "keys", KEYS);
    return 0;
}

static int stop(void **state)
{
    free((char *)file);
    return test_folder_remove(state);
}

static void what_one_got_goes_to_those_who_have_the_same_key_only(void **state)
{
    static const struct {
        const char *about, *by, *path, *first, *second, *detail; /* of the first response; NULL: it is stored */
        bool is_hit;                                             /* the second one */
    } cases[] = {
        {"nobody, then nobody", "", "/", NULL, NULL, NULL, true},
        {"a client that is known", "", "/", ACME, ACME, "detail=authorization", false},
        {"a field alone", "", "/", SAYS, NULL, "detail=authorization", false},
        {"what is for everybody", "", "/public", ACME, BOB, NULL, true},
        {"the same one again", "principal", "/", ACME, ACME, NULL, true},
        {"another one", "principal", "/", ACME, BOB, NULL, false},
        {"nobody after one who is known", "principal", "/", ACME, NULL, NULL, false},
        {"one who is known after nobody", "principal", "/", NULL, ACME, NULL, false},
        {"a field that no filter has looked at", "principal", "/", SAYS, NULL, "detail=authorization", false},
        {"such a field after nobody", "principal", "/", NULL, SAYS, NULL, true}, /* RFC 9111 3.5: storing is refused */
        {"another one of the same team", "api_key.team", "/", ACME, BOB, NULL, true},
        {"nobody after one of the team", "api_key.team", "/", ACME, NULL, NULL, false},
    };
    origin_t *origin = origin_start(answer, NULL);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gateway_t *gateway =
                gateway_start(CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
                                          "routes: [ { path: /, service: origin, filters: [ { api_key: { file: %s, "
                                          "optional: true } }, { cache: { key: { by: [ %s ] } } } ] } ]\n",
                              origin->port, file, cases[i].by);
            reply_t first = fetch(
                gateway, t, &(request_t){.path = cases[i].path, .headers = (const char *[]){cases[i].first, NULL}});
            reply_t second = fetch(
                gateway, t, &(request_t){.path = cases[i].path, .headers = (const char *[]){cases[i].second, NULL}});
            char *stored = reply_field(&first, "Cache-Status"), *used = reply_field(&second, "Cache-Status");
            if (first.status != 200 || second.status != 200 || stored == NULL || used == NULL ||
                strstr(stored, cases[i].detail != NULL ? cases[i].detail : "; stored") == NULL ||
                (strstr(used, "; hit") != NULL) != cases[i].is_hit)
                fail_msg("%s over %s: %s, %s", cases[i].about, transport_names[t], stored, used);
            free(stored);
            free(used);
            reply_free(&first);
            reply_free(&second);
            gateway_stop(gateway);
        }
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_got_goes_to_those_who_have_the_same_key_only),
    };
    return cmocka_run_group_tests_name("cached responses and principals", tests, start, stop);
}
