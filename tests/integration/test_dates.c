/* SPDX-License-Identifier: MIT
 * Date of responses (RFC 9110 6.6.1) on its way to the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF                                                                                                           \
    CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                                   \
                "routes:\n"                                                                                            \
                "  - { path: /plain, service: origin }\n"                                                              \
                "  - { path: /cached, service: origin, filters: [ cache: {} ] }\n"                                     \
                "  - { path: /passed, service: origin, filters: [ cache: { max_object: 1B } ] }\n"

#define ANSWER(date) "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n" date "Content-Length: 5\r\n\r\nhello"
#define DATE         "Sun, 06 Nov 1994 08:49:37 GMT"

/** Of seconds since 1970; -1: it is not in the form that is sent today. */
static time_t read_date(const char *text)
{
    struct tm tm = {.tm_isdst = 0};
    char again[64];
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (end == NULL || *end != '\0' || strftime(again, sizeof(again), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0 ||
        strcmp(again, text) != 0)
        return -1;
    return timegm(&tm);
}

static size_t count(const char *head, const char *part)
{
    size_t num = 0;
    while ((head = strcasestr(head, part)) != NULL)
        ++num, ++head;
    return num;
}

/** @return the one Date of the response, to be freed */
static char *date_of(const gateway_t *gateway, transport_t t, const char *path)
{
    reply_t reply = fetch_path(gateway, t, path);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    assert_int_equal(count(reply.head, "\ndate:"), 1);
    char *date = reply_field(&reply, "date");
    reply_free(&reply);
    return date;
}

static const char *const paths[] = {"/plain", "/cached", "/cached", "/passed"};

static void the_one_of_the_service_is_left_as_it_is(void **state)
{
    origin_t *origin = origin_start(origin_answer, (char[]){ANSWER("Date: " DATE "\r\n")});
    gateway_t *gateway = gateway_start(CONF, origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != sizeof(paths) / sizeof(paths[0]); ++i) {
            char *date = date_of(gateway, t, paths[i]);
            if (strcmp(date, DATE) != 0)
                fail_msg("%s over %s: %s", paths[i], transport_names[t], date);
            free(date);
        }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_response_without_one_gets_the_time(void **state)
{
    origin_t *origin = origin_start(origin_answer, (char[]){ANSWER("")});
    gateway_t *gateway = gateway_start(CONF, origin->port);
    time_t before = time(NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != sizeof(paths) / sizeof(paths[0]); ++i) {
            char *date = date_of(gateway, t, paths[i]);
            time_t at = read_date(date);
            if (at < before - 1 || at > time(NULL) + 1) /* the clock of the gateway's loop is read now and then */
                fail_msg("%s over %s: %s", paths[i], transport_names[t], date);
            free(date);
        }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void over_http2_one_that_is_none_is_replaced(void **state)
{
    static const char *const answers[] = {ANSWER("Date: yesterday\r\n"), ANSWER("Date: Sun Nov  6 08:49:37 1994\r\n"),
                                          ANSWER("Date: Sun, 06 Nov 1994 08:49:37 XXX\r\n")};
    for (size_t i = 0; i != sizeof(answers) / sizeof(answers[0]); ++i) {
        origin_t *origin = origin_start(origin_answer, (void *)(uintptr_t)answers[i]);
        gateway_t *gateway = gateway_start(CONF, origin->port);
        char *date = date_of(gateway, OVER_HTTP2, "/plain");
        assert_true(read_date(date) != -1);
        free(date);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_of_the_service_is_left_as_it_is),
        cmocka_unit_test(a_response_without_one_gets_the_time),
        cmocka_unit_test(over_http2_one_that_is_none_is_replaced),
    };
    return cmocka_run_group_tests_name("dates", tests, NULL, NULL);
}
