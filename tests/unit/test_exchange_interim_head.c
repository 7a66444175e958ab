/* SPDX-License-Identifier: MIT
 * Interim responses as they are written for a client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/exchange/upstream_head.h"

enum { most_fields = 12 };

typedef struct sent_field {
    const char *lower, *as_sent, *value;
} sent_field_t;

static size_t fields_of(const sent_field_t *sent, gw_call_field_t *ret)
{
    size_t num = 0;
    for (; num != most_fields && sent[num].lower != NULL; ++num)
        ret[num] = (gw_call_field_t){gw_str_of(sent[num].lower), gw_str_of(sent[num].value), sent[num].as_sent};
    return num;
}

static void what_is_for_the_client_is_written(void **state)
{
    static const struct {
        const char *about;
        int status;
        sent_field_t fields[most_fields];
        const char *text;
    } cases[] = {
        {"RFC 8297 2: hints, with names as they were sent",
         103,
         {{"link", "Link", "</a>; rel=preload"}, {"link", "link", "</b>"}},
         "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\n\r\n"},
        {"RFC 2518 10.1", 102, {{0}}, "HTTP/1.1 102 Processing\r\n\r\n"},
        {"RFC 9110 15.2: also what the gateway does not know", 199, {{0}}, "HTTP/1.1 199 Unknown\r\n\r\n"},
        {"a value may be empty", 103, {{"x-a", "X-A", ""}}, "HTTP/1.1 103 Early Hints\r\nX-A: \r\n\r\n"},
        {"RFC 9110 7.6.1: not what is for the hop, wherever Connection stands",
         103,
         {{"x-named", "X-Named", "1"},
          {"connection", "Connection", "close"},
          {"connection", "Connection", "keep-alive, X-Named"},
          {"keep-alive", "Keep-Alive", "timeout=5"},
          {"proxy-authenticate", "Proxy-Authenticate", "Basic"},
          {"upgrade", "Upgrade", "x"},
          {"trailer", "Trailer", "x-a"},
          {"x-kept", "X-Kept", "1"}},
         "HTTP/1.1 103 Early Hints\r\nX-Kept: 1\r\n\r\n"},
        {"RFC 9110 8.6: no length, as there is no body",
         103,
         {{"content-length", "Content-Length", "5"}, {"content-type", "Content-Type", "a/b"}},
         "HTTP/1.1 103 Early Hints\r\nContent-Type: a/b\r\n\r\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        h2o_req_t req = {.version = 0x101};
        h2o_mem_init_pool(&req.pool);
        gw_exchange_t ex = {.req = &req};
        gw_call_field_t sent[most_fields];
        gw_call_head_t head = {.status = cases[i].status, .fields = sent};
        head.num_fields = fields_of(cases[i].fields, sent);
        h2o_iovec_t text = gw_upstream_interim_head(&ex, &head);
        if (text.len != strlen(cases[i].text) || memcmp(text.base, cases[i].text, text.len) != 0)
            fail_msg("%s: %.*s", cases[i].about, (int)text.len, text.base);
        h2o_mem_clear_pool(&req.pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_for_the_client_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
