/* SPDX-License-Identifier: MIT
 * hello: greets the world, or whoever gives a name. */
#include "backends/services.h"
#include "backends/utf8.h"

#define NAME_MAX_BYTES 256

void gw_hello_handle(gw_demo_request_t *r)
{
    char greeting[NAME_MAX_BYTES + 16] = "Hello, ";
    const size_t begin = strlen(greeting);
    gw_str_t name;

    if (!gw_str_equal(r->path, GW_STR("/hello"))) {
        gw_demo_problem(r, 404, NULL, "there are /hello, /hello?name=NAME and /healthz");
        return;
    }
    if (!gw_demo_is_get(r))
        return;
    gw_query_result_t result = gw_query_find(r->query, GW_STR("name"), greeting + begin, NAME_MAX_BYTES, &name);
    if (result == GW_QUERY_MISSING) {
        gw_demo_answer(r, 200, "text/plain; charset=utf-8", GW_STR("Hello, World!\n"));
    } else if (result == GW_QUERY_TOO_LONG || (result == GW_QUERY_OK && name.len == 0)) {
        gw_demo_problem(r, 400, "name", "name has 1 to %d bytes", NAME_MAX_BYTES);
    } else if (result != GW_QUERY_OK) {
        gw_demo_problem(r, 400, "name", "name %s", gw_query_result_str(result));
    } else if (!gw_utf8_is_valid(name)) {
        gw_demo_problem(r, 400, "name", "name is not valid UTF-8");
    } else {
        greeting[begin + name.len] = '!';
        json_t *message = json_stringn(greeting, begin + name.len + 1);
        gw_demo_answer_json(r, 200, json_pack("{s:o}", "message", message), 0);
    }
}
