/* SPDX-License-Identifier: MIT
 * Parts of responses in the cache (RFC 9111 3.3, 3.4; RFC 9110 14, 15.3.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF                                                                                                           \
    CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                                   \
                "routes: [ { path: /, service: origin, filters: [ cache: {} ] } ]\n"

#define PART(range, length, body)                                                                                      \
    "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\nContent-Range: bytes " range          \
    "\r\nContent-Length: " #length "\r\n\r\n" body
#define WHOLE "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\n0123456789"

typedef struct step {
    const char *range, *if_range; /* of the request; NULL: none */
    int status;
    const char *body, *content_range;
    size_t num_asked; /* requests that the service has seen by then */
} step_t;

static void run(const char *about, const char *answer, const step_t *steps)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        origin_t *origin = origin_start(origin_answer, (void *)(uintptr_t)answer);
        gateway_t *gateway = gateway_start(CONF, origin->port);
        for (const step_t *step = steps; step->status != 0; ++step) {
            char range[64], if_range[64];
            const char *headers[3] = {NULL};
            size_t num = 0;
            if (step->range != NULL) {
                snprintf(range, sizeof(range), "Range: bytes=%s", step->range);
                headers[num++] = range;
            }
            if (step->if_range != NULL) {
                snprintf(if_range, sizeof(if_range), "If-Range: %s", step->if_range);
                headers[num++] = if_range;
            }
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
            char *content_range = reply_field(&reply, "content-range");
            const char *expected = step->content_range != NULL ? step->content_range : "";
            if (reply.status != step->status || strcmp(reply.body, step->body) != 0 ||
                strcmp(content_range != NULL ? content_range : "", expected) != 0 ||
                origin->num_requests != step->num_asked)
                fail_msg("%s, request %zu over %s: %d '%s' '%s', %zu asked", about, (size_t)(step - steps) + 1,
                         transport_names[t], reply.status, content_range != NULL ? content_range : "", reply.body,
                         (size_t)origin->num_requests);
            free(content_range);
            reply_free(&reply);
        }
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void a_part_answers_what_lies_in_it(void **state)
{
    run("a part", PART("4-8/10", 5, "45678"),
        (step_t[]){{"4-8", NULL, 206, "45678", "bytes 4-8/10", 1},
                   {"4-8", NULL, 206, "45678", "bytes 4-8/10", 1},
                   {"6-7", NULL, 206, "67", "bytes 6-7/10", 1},
                   {"6-7", "\"a\"", 206, "67", "bytes 6-7/10", 1},
                   {"3-4", NULL, 206, "45678", "bytes 4-8/10", 2}, /* not all of that */
                   {.status = 0}});
}

static void a_suffix_is_counted_from_the_end_of_the_whole(void **state)
{
    run("the last bytes", PART("5-9/10", 5, "56789"),
        (step_t[]){{"-5", NULL, 206, "56789", "bytes 5-9/10", 1},
                   {"-2", NULL, 206, "89", "bytes 8-9/10", 1},
                   {"7-", NULL, 206, "789", "bytes 7-9/10", 1},
                   {.status = 0}});
}

static void a_service_may_send_another_part_than_it_was_asked_for(void **state)
{
    /* the client that asked gets it as it is (RFC 9110 14.2), and the service is asked once for that */
    run("another part", PART("4-8/10", 5, "45678"),
        (step_t[]){{"0-1", NULL, 206, "45678", "bytes 4-8/10", 1},
                   {"4-5", NULL, 206, "45", "bytes 4-5/10", 1},
                   {.status = 0}});
}

static void a_part_is_no_answer_to_a_request_for_all_of_it(void **state)
{
    static const char other[] = "\"b\"";
    run("all of it", PART("4-8/10", 5, "45678"),
        (step_t[]){{"4-8", NULL, 206, "45678", "bytes 4-8/10", 1},
                   {"4-8", other, 206, "45678", "bytes 4-8/10", 2}, /* If-Range fails: RFC 9110 13.1.5 */
                   {.status = 0}});
}

static void a_part_whose_length_is_not_what_it_says_is_not_kept(void **state)
{
    run("six bytes that are five", PART("4-9/10", 5, "45678"),
        (step_t[]){{"4-9", NULL, 206, "45678", "bytes 4-9/10", 1},
                   {"4-5", NULL, 206, "45678", "bytes 4-9/10", 2},
                   {.status = 0}});
}

static void a_whole_response_answers_for_its_parts(void **state)
{
    run("a whole response", WHOLE,
        (step_t[]){{NULL, NULL, 200, "0123456789", NULL, 1},
                   {"0-1", NULL, 206, "01", "bytes 0-1/10", 1},
                   {"-1", NULL, 206, "9", "bytes 9-9/10", 1},
                   {"8-20", NULL, 206, "89", "bytes 8-9/10", 1},
                   {"10-", NULL, 416, "", "bytes */10", 1},
                   {"0-1", "\"b\"", 200, "0123456789", NULL, 1},
                   {"0-1,3-4", NULL, 200, "0123456789", NULL, 1},
                   {.status = 0}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_answers_what_lies_in_it),
        cmocka_unit_test(a_suffix_is_counted_from_the_end_of_the_whole),
        cmocka_unit_test(a_service_may_send_another_part_than_it_was_asked_for),
        cmocka_unit_test(a_part_is_no_answer_to_a_request_for_all_of_it),
        cmocka_unit_test(a_part_whose_length_is_not_what_it_says_is_not_kept),
        cmocka_unit_test(a_whole_response_answers_for_its_parts),
    };
    return cmocka_run_group_tests_name("cache_partial", tests, NULL, NULL);
}
