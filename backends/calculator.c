/* SPDX-License-Identifier: MIT
 * calculator: four operations over HTTP, as plain text or JSON. */
#include "backends/calculator_eval.h"
#include "backends/negotiate.h"
#include "backends/services.h"

/* room for what a number may be, and some more so that one digit too many is told from a thousand; longer is "too long"
 */
#define NUMBER_SIZE (GW_CALCULATOR_MAX_DIGITS + 64)

static const struct {
    const char *path;
    gw_calculator_operation_t operation;
} operations[] = {
    {"/add", GW_CALCULATOR_ADD},
    {"/subtract", GW_CALCULATOR_SUBTRACT},
    {"/multiply", GW_CALCULATOR_MULTIPLY},
    {"/divide", GW_CALCULATOR_DIVIDE},
};
#define NUM_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static bool read_parameter(gw_demo_request_t *r, const char *name, char *to, gw_str_t *ret)
{
    gw_query_result_t result = gw_query_find(r->query, gw_str_of(name), to, NUMBER_SIZE, ret);
    if (result == GW_QUERY_TOO_LONG)
        gw_demo_problem(r, 400, name, "%s %s", name, gw_calculator_result_str(GW_CALCULATOR_TOO_LONG));
    else if (result != GW_QUERY_OK)
        gw_demo_problem(r, 400, name, "%s %s", name, gw_query_result_str(result));
    return result == GW_QUERY_OK;
}

static bool wants_json(gw_demo_request_t *r)
{
    gw_str_t accept;
    return gw_demo_field(r, H2O_TOKEN_ACCEPT, &accept) &&
           gw_negotiate_weight(accept, GW_STR("application/json")) > gw_negotiate_weight(accept, GW_STR("text/plain"));
}

static void send_answer(gw_demo_request_t *r, const char *operation, const gw_calculator_answer_t *answer)
{
    gw_demo_header(r, "vary", "accept");
    if (wants_json(r)) {
        json_t *body = json_pack("{s:s, s:s, s:s, s:s}", "operation", operation, "num1", answer->num1, "num2",
                                 answer->num2, "result", answer->result);
        if (answer->remainder != NULL)
            json_object_set_new(body, "remainder", json_string(answer->remainder));
        gw_demo_answer_json(r, 200, body, JSON_COMPACT);
    } else {
        size_t len = strlen(answer->result);
        answer->result[len] = '\n'; /* in the place of the NUL */
        gw_demo_answer(r, 200, "text/plain; charset=utf-8", gw_str(answer->result, len + 1));
    }
}

void gw_calculator_handle(gw_demo_request_t *r)
{
    char digits1[NUMBER_SIZE], digits2[NUMBER_SIZE];
    gw_str_t num1, num2;
    gw_calculator_answer_t answer;
    int wrong;
    size_t i = 0;

    while (i != NUM_OPERATIONS && !gw_str_equal(r->path, gw_str_of(operations[i].path)))
        ++i;
    if (i == NUM_OPERATIONS) {
        gw_demo_problem(r, 404, NULL, "there are /add, /subtract, /multiply, /divide and /healthz");
        return;
    }
    if (!gw_demo_is_get(r) || !read_parameter(r, "num1", digits1, &num1) || !read_parameter(r, "num2", digits2, &num2))
        return;
    gw_calculator_result_t result = gw_calculator_eval(operations[i].operation, num1, num2, &answer, &wrong);
    if (result != GW_CALCULATOR_OK) {
        const char *name = wrong == 1 ? "num1" : "num2";
        gw_demo_problem(r, 400, name, "%s %s", name, gw_calculator_result_str(result));
        return;
    }
    send_answer(r, operations[i].path + 1, &answer);
    gw_calculator_answer_dispose(&answer);
}
