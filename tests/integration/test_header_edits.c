/* SPDX-License-Identifier: MIT
 * Header edits with keys in their values, through the real gateway: what the service and the client get, with tokens
 * and without, over HTTP/1.1, HTTP/1.1 over TLS and HTTP/2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "filters/jwt/mint.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define SECRET "0123456789abcdef0123456789abcdef"

/* a thousand characters */
#define TEN      "0123456789"
#define HUNDRED  TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static const char conf[] =
    CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
                "filters:\n"
                "  who: { jwt: { keys: { secret_env: TOKEN_SECRET }, optional: true } }\n"
                "  tell:\n"
                "    headers:\n"
                "      request:\n"
                "        set:\n"
                "          X-User: '%%{principal}'\n"
                "          X-Caller: '%%{jwt.sub} of %%{jwt.tenant.name}'\n"
                "          X-Claim: '%%{jwt.claim}'\n"
                "        add: { X-Added: '%%{principal}' }\n"
                "      response: { set: { X-Seen: '%%{principal}' }, add: { X-Asked: '%%{header:X-In}' } }\n"
                "routes:\n"
                "  - { path: /who, service: origin, filters: [ who, tell ] }\n"
                "  - { path: /early, service: origin, filters: [ tell, who ] }\n"
                "  - path: /refused\n"
                "    service: origin\n"
                "    filters:\n"
                "      - tell\n"
                "      - { jwt: { keys: { secret_env: TOKEN_SECRET } } }\n"
                "  - path: /later\n"
                "    service: origin\n"
                "    filters:\n"
                "      - who\n"
                "      - tell\n"
                "      - { jwt: { keys: { secret_env: TOKEN_SECRET }, from: \"cookie:t\", optional: true, "
                "forward: { sub: X-User } } }\n"
                "  - path: /kept\n"
                "    service: origin\n"
                "    filters:\n"
                "      - { jwt: { keys: { secret_env: TOKEN_SECRET }, optional: true, forward: { sub: X-User } } }\n"
                "      - { headers: { request: { set: { X-User: '%%{jwt.nick}' } } } }\n"
                "  - path: /keys\n"
                "    service: origin\n"
                "    filters:\n"
                "      - headers:\n"
                "          request:\n"
                "            set:\n"
                "              X-Address: '%%{client_address}'\n"
                "              X-Cookie: '%%{cookie:c}'\n"
                "              X-Query: '%%{query:q}'\n"
                "              X-Header: '<%%{header:X-In}>'\n"
                "              X-Self: '%%{header:X-Self}!'\n"
                "              X-Twice: '%%{header:X-In}%%{header:X-In}'\n"
                "              X-Literal: '%%%%{principal} is 100%% %%{client_address}'\n"
                "              X-Ends: ' %%{header:X-In} '\n"
                "            add: { X-In: '%%{cookie:c}' }\n";

static origin_t *origin;
static gateway_t *gateway;

static int start_all(void **state)
{
    setenv("TOKEN_SECRET", SECRET, 1);
    origin = origin_start(origin_reflect, NULL);
    gateway = gateway_start(conf, origin->port);
    return 0;
}

static int stop_all(void **state)
{
    gateway_stop(gateway);
    origin_stop(origin);
    return 0;
}

/** @param claims members of a JSON object beside `exp`   @return to be freed */
static char *mint(const char *claims)
{
    char error[256];
    gw_mint_key_t *key = gw_mint_key_from_secret("HS256", gw_str(SECRET, sizeof(SECRET) - 1), error, sizeof(error));
    json_t *header = json_object(), *payload = json_loads(claims, 0, NULL);
    assert_non_null(key);
    assert_non_null(payload);
    json_object_set_new(payload, "exp", json_integer(time(NULL) + 600));
    char *token = gw_mint_token(key, header, payload);
    json_decref(header);
    json_decref(payload);
    gw_mint_key_free(key);
    return token;
}

enum { most_headers = 4, most_texts = 8 };

static const struct {
    const char *about, *path;
    const char *claims; /* NULL: anonymous */
    const char *headers[most_headers + 1];
    int status;
    const char *in[most_texts + 1];     /* parts of the request as the service got it; letter case does not matter */
    const char *not_in[most_texts + 1]; /* parts that it lacks */
    const char *in_head, *not_in_head;  /* of the response */
} cases[] = {
    {.about = "a principal and its properties",
     .path = "/who",
     .claims = "{\"sub\":\"alice\",\"tenant\":{\"name\":\"acme\"},\"claim\":[\"a\",7]}",
     .status = 200,
     .in = {"\r\nx-user: alice\r\n", "\r\nx-caller: alice of acme\r\n", "\r\nx-claim: a,7\r\n",
            "\r\nx-added: alice\r\n"},
     .in_head = "x-seen: alice\r\n",
     .not_in_head = "x-asked"},
    {.about = "what the client says of itself is replaced, however it is written",
     .path = "/who",
     .claims = "{\"sub\":\"alice\"}",
     .headers = {"X-User: root", "x_user: root", "X_CALLER: root of all", "X-Claim: root"},
     .status = 200,
     .in = {"\r\nx-user: alice\r\n", "\r\nx-caller: alice of\r\n"},
     .not_in = {"root", "x_user", "x-claim:"}},
    {.about = "nobody: nothing is set, and what the client says of itself goes",
     .path = "/who",
     .headers = {"X-User: root", "X_User: root", "X-Claim: root", "X-Caller: root"},
     .status = 200,
     .in = {"\r\nx-caller: of\r\n"},
     .not_in = {"root", "x-user", "x_user", "x-claim:", "x-added"},
     .not_in_head = "x-seen"},
    {.about = "a name with a line end in it is nobody's",
     .path = "/who",
     .claims = "{\"sub\":\"alice\\r\\nX-Admin: yes\",\"claim\":\"\\u0001\"}",
     .headers = {"X-User: root"},
     .status = 200,
     .not_in = {"root", "x-user", "x-caller", "x-admin", "x-added", "x-claim:"},
     .not_in_head = "x-seen"},
    {.about = "a name beyond ASCII goes as it is, white space around it does not",
     .path = "/who",
     .claims = "{\"sub\":\"  zo\\u00eb \",\"claim\":\"\"}",
     .status = 200,
     .in = {"\r\nx-user: zo\xc3\xab\r\n"},
     .not_in = {"x-claim:"}},
    {.about = "what is added stands beside what the client sent",
     .path = "/who",
     .claims = "{\"sub\":\"alice\"}",
     .headers = {"X-Added: mine"},
     .status = 200,
     .in = {"\r\nx-added: mine\r\n", "\r\nx-added: alice\r\n"}},
    {.about = "before the filter that finds it out there is nobody, but the response knows",
     .path = "/early",
     .claims = "{\"sub\":\"alice\"}",
     .headers = {"X-User: root"},
     .status = 200,
     .not_in = {"root", "x-user", "x-added"},
     .in_head = "x-seen: alice\r\n"},
    {.about = "a refusal is edited, too, and comes from nobody",
     .path = "/refused",
     .headers = {"X-In: a"},
     .status = 401,
     .in = {"token_missing"},
     .in_head = "x-asked: a\r\n",
     .not_in_head = "x-seen"},
    {.about = "a later filter that knows nobody does not take it back",
     .path = "/later",
     .claims = "{\"sub\":\"alice\"}",
     .headers = {"X-User: root"},
     .status = 200,
     .in = {"\r\nx-user: alice\r\n"},
     .not_in = {"root"}},
    {.about = "what another filter has said stays when there is nothing better",
     .path = "/kept",
     .claims = "{\"sub\":\"alice\"}",
     .headers = {"X-User: root", "X_User: root"},
     .status = 200,
     .in = {"\r\nx-user: alice\r\n"},
     .not_in = {"root"}},
    {.about = "and makes way when there is",
     .path = "/kept",
     .claims = "{\"sub\":\"alice\",\"nick\":\"al\"}",
     .headers = {"X-User: root"},
     .status = 200,
     .in = {"\r\nx-user: al\r\n"},
     .not_in = {"root", "alice"}},
    {.about = "but never what the client says",
     .path = "/kept",
     .headers = {"X-User: root", "X_User: root"},
     .status = 200,
     .not_in = {"root", "user"}},
    {.about = "keys of the request",
     .path = "/keys?p=1&q=a%20b&q=c",
     .headers = {"Cookie: b=1; c=two; d=3", "X-In: in", "X-Self: me"},
     .status = 200,
     .in = {"\r\nx-address: 127.0.0.1\r\n", "\r\nx-cookie: two\r\n", "\r\nx-query: a%20b\r\n", "\r\nx-header: <in>\r\n",
            "\r\nx-self: me!\r\n", "\r\nx-twice: inin\r\n", "\r\nx-literal: %{principal} is 100% 127.0.0.1\r\n",
            "\r\nx-ends: in\r\n"}},
    {.about = "keys that the request lacks",
     .path = "/keys",
     .headers = {"X-Cookie: mine", "X-Query: mine", "X-Twice: mine", "X-Ends: mine"},
     .status = 200,
     .in = {"\r\nx-header: <>\r\n", "\r\nx-self: !\r\n"},
     .not_in = {"mine", "x-cookie", "x-query", "x-twice", "x-ends", "x-in"}},
    {.about = "long values",
     .path = "/keys",
     .headers = {"X-In: " THOUSAND THOUSAND THOUSAND},
     .status = 200,
     .in = {"\r\nx-twice: " THOUSAND THOUSAND THOUSAND THOUSAND THOUSAND THOUSAND "\r\n",
            "\r\nx-header: <" THOUSAND THOUSAND THOUSAND ">\r\n"}},
};

static void check_case(size_t at, transport_t t)
{
    const char *headers[most_headers + 2], *where = transport_names[t];
    char *authorization = NULL, *token = cases[at].claims != NULL ? mint(cases[at].claims) : NULL;
    size_t num = 0;
    while (cases[at].headers[num] != NULL) {
        headers[num] = cases[at].headers[num];
        ++num;
    }
    if (token != NULL && asprintf(&authorization, "Authorization: Bearer %s", token) > 0)
        headers[num++] = authorization;
    headers[num] = NULL;
    reply_t reply = fetch(gateway, t, &(request_t){.path = cases[at].path, .headers = headers});
    if (reply.status != cases[at].status)
        fail_msg("%s over %s: %d %s", cases[at].about, where, reply.status, reply.body);
    for (size_t i = 0; cases[at].in[i] != NULL; ++i)
        if (strcasestr(reply.body, cases[at].in[i]) == NULL)
            fail_msg("%s over %s: '%s' is missing in:\n%s", cases[at].about, where, cases[at].in[i], reply.body);
    for (size_t i = 0; cases[at].not_in[i] != NULL; ++i)
        if (strcasestr(reply.body, cases[at].not_in[i]) != NULL)
            fail_msg("%s over %s: '%s' is in:\n%s", cases[at].about, where, cases[at].not_in[i], reply.body);
    if (cases[at].in_head != NULL && strcasestr(reply.head, cases[at].in_head) == NULL)
        fail_msg("%s over %s: '%s' is missing in:\n%s", cases[at].about, where, cases[at].in_head, reply.head);
    if (cases[at].not_in_head != NULL && strcasestr(reply.head, cases[at].not_in_head) != NULL)
        fail_msg("%s over %s: '%s' is in:\n%s", cases[at].about, where, cases[at].not_in_head, reply.head);
    reply_free(&reply);
    free(authorization);
    free(token);
}

static void values_are_made_for_each_request(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
            check_case(i, t);
}

static void keys_that_come_too_late_are_warned_about_at_the_start(void **state)
{
    free(process_wait_for(gateway->process, "'principal' is always empty on the route at ", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_made_for_each_request),
        cmocka_unit_test(keys_that_come_too_late_are_warned_about_at_the_start),
    };
    return cmocka_run_group_tests_name("header edits", tests, start_all, stop_all);
}
