/* SPDX-License-Identifier: MIT
 * A limit that is divided between gateways, as clients and the log of a real gateway see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

/* so slow that nothing comes back while a test runs; `share` and what follows it for %s */
#define CONF                                                                                                           \
    CONF_LISTEN "services: { one: { endpoints: ['http://127.0.0.1:%d'] } }\n"                                          \
                "filters: { polite: { rate_limit: { key: all, rate: 6/h, %s } } }\n"                                   \
                "routes: [ { path: /, service: one, filters: [polite] } ]\n"

static char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Asks over each transport in turn until one is refused, which then all are.
 *  @param policy of every response   @return how many passed */
static size_t num_that_pass(const gateway_t *gateway, const char *policy)
{
    enum { most = 20 };
    size_t num = 0, num_refused = 0;
    for (size_t i = 0; i != most && num_refused != NUM_TRANSPORTS; ++i) {
        reply_t reply = fetch_path(gateway, (transport_t)(i % NUM_TRANSPORTS), "/");
        char *field = reply_field(&reply, "RateLimit-Policy");
        assert_string_equal(field, policy);
        free(field);
        num += reply.status == 200;
        num_refused += reply.status == 429;
        reply_free(&reply);
    }
    assert_int_equal(num_refused, NUM_TRANSPORTS);
    return num;
}

static void a_gateway_lets_its_part_pass_and_tells_clients_so(void **state)
{
    static const struct {
        const char *about, *share, *policy;
        size_t num_passed;
        const char *in_log; /* NULL: nothing of shares */
    } cases[] = {
        {"one of three", "share: 1/3", "\"default\";q=2;w=3600", 2, NULL},
        {"one of so many that no token is left: one all the same", "share: 1/100", "\"default\";q=1;w=60000", 1, NULL},
        {"as many as localhost has addresses", "share: { dns: localhost }", "\"default\";q=6;w=3600", 6,
         "share: the number of gateways at 'localhost' is 1\n"},
        {"at least two", "share: { dns: localhost, at_least: 2 }", "\"default\";q=3;w=3600", 3,
         "share: the number of gateways at 'localhost' is 1\n"},
        {"a name that cannot be looked up", "share: { dns: 'no name', at_least: 3 }", "\"default\";q=2;w=3600", 2,
         "share: cannot resolve 'no name': "},
    };
    origin_t *origin = origin_start(origin_answer, answer);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gateway_t *gateway = gateway_start(CONF, origin->port, cases[i].share);
        size_t num_passed = num_that_pass(gateway, cases[i].policy);
        if (num_passed != cases[i].num_passed)
            fail_msg("%s: %zu passed instead of %zu", cases[i].about, num_passed, cases[i].num_passed);
        if (cases[i].in_log != NULL)
            free(process_wait_for(gateway->process, cases[i].in_log, 1));
        else
            assert_int_equal(process_count(gateway->process, "share: "), 0);
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

static void a_bucket_that_is_half_full_stays_so_by_another_share_and_nothing_is_looked_up_again(void **state)
{
    origin_t *origin = origin_start(origin_answer, answer);
    gateway_t *gateway = gateway_start(CONF, origin->port, "share: { dns: localhost }");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) { /* half of the six tokens */
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    gateway_write_conf(gateway, CONF, origin->port, "share: { dns: localhost, at_least: 2 }");
    gateway_reload(gateway, 1);
    assert_int_equal(num_that_pass(gateway, "\"default\";q=3;w=3600"), 1); /* and half of three is one, and a half */
    assert_int_equal(process_count(gateway->process, "the number of gateways at 'localhost'"), 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gateway_lets_its_part_pass_and_tells_clients_so),
        cmocka_unit_test(a_bucket_that_is_half_full_stays_so_by_another_share_and_nothing_is_looked_up_again),
    };
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
