/* SPDX-License-Identifier: MIT
 * Problems as text: whole for one, JSON with the right members for every reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>
#include "gateway/exchange/problem.h"

static const gw_reason_t all[] = {
#define REASON(id, name, status, title) GW_REASON_##id,
    GW_REASON_MAP(REASON)
#undef REASON
};
static const size_t num_all = sizeof(all) / sizeof(all[0]);

static const gw_problem_kind_t quota = {.type = "https://iana.org/assignments/http-problem-types#quota-exceeded",
                                        .title = "Quota Exceeded",
                                        .members = GW_STR("\"violated-policies\":[\"second\",\"day\"]")};

static const gw_problem_kind_t bare = {.type = "x:y", .title = "Z"};

/* in exactly the bytes that were announced, so that sanitizers see writes beyond them
 * @return NUL-terminated, the caller's */
static char *problem(gw_reason_t reason, const char *detail, const gw_problem_kind_t *kind)
{
    gw_str_t id = GW_STR("0123456789abcdef-._X");
    size_t max = gw_problem_max(reason, detail, id, kind);
    char *text = malloc(max);
    size_t len = gw_problem_write(reason, detail, id, kind, text);
    assert_true(len <= max);
    text = realloc(text, len + 1);
    text[len] = '\0';
    return text;
}

static void a_problem_is_one_line_of_json(void **state)
{
    static const struct {
        const char *about;
        gw_reason_t reason;
        const char *detail;
        const gw_problem_kind_t *kind;
        const char *text;
    } cases[] = {
        {"a reason alone", GW_REASON_IP_DENIED, NULL, NULL,
         "{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403,\"reason\":\"ip_denied\","
         "\"request_id\":\"0123456789abcdef-._X\"}\n"},
        {"with a detail", GW_REASON_MALFORMED_REQUEST, "the host is not valid", NULL,
         "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"the host is not valid\","
         "\"reason\":\"malformed_request\",\"request_id\":\"0123456789abcdef-._X\"}\n"},
        {"of a type", GW_REASON_RATE_LIMITED, NULL, &quota,
         "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\"title\":\"Quota Exceeded\","
         "\"status\":429,\"violated-policies\":[\"second\",\"day\"],\"reason\":\"rate_limited\","
         "\"request_id\":\"0123456789abcdef-._X\"}\n"},
        {"of a type, with a detail", GW_REASON_RATE_LIMITED, "wait", &quota,
         "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\"title\":\"Quota Exceeded\","
         "\"status\":429,\"detail\":\"wait\",\"violated-policies\":[\"second\",\"day\"],\"reason\":\"rate_limited\","
         "\"request_id\":\"0123456789abcdef-._X\"}\n"},
        {"of a type without members", GW_REASON_RATE_LIMITED, NULL, &bare,
         "{\"type\":\"x:y\",\"title\":\"Z\",\"status\":429,\"reason\":\"rate_limited\","
         "\"request_id\":\"0123456789abcdef-._X\"}\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *text = problem(cases[i].reason, cases[i].detail, cases[i].kind);
        if (strcmp(text, cases[i].text) != 0)
            fail_msg("%s: %s", cases[i].about, text);
        free(text);
    }
}

static json_t *parsed(gw_reason_t reason, const char *detail, const gw_problem_kind_t *kind)
{
    char *text = problem(reason, detail, kind);
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("%s: %s", error.text, text);
    free(text);
    return root;
}

static void every_reason_makes_json_with_its_members(void **state)
{
    for (size_t i = 0; i != 2 * num_all; ++i) {
        gw_reason_t reason = all[i / 2];
        const gw_problem_kind_t *kind = i % 2 != 0 ? &quota : NULL;
        json_t *root = parsed(reason, NULL, kind);
        const char *type = kind != NULL ? kind->type : "about:blank";
        const char *title = kind != NULL ? kind->title : gw_reason_title(reason);
        assert_string_equal(json_string_value(json_object_get(root, "type")), type);
        assert_string_equal(json_string_value(json_object_get(root, "title")), title);
        assert_int_equal(json_integer_value(json_object_get(root, "status")), gw_reason_status(reason));
        assert_string_equal(json_string_value(json_object_get(root, "reason")), gw_reason_name(reason));
        assert_int_equal(json_object_size(root), kind != NULL ? 6 : 5);
        json_decref(root);
    }
}

static void a_detail_may_hold_any_byte(void **state)
{
    char detail[256];
    for (int c = 1; c != 256; ++c)
        detail[c - 1] = (char)c;
    detail[255] = '\0';
    json_t *root = parsed(GW_REASON_MALFORMED_REQUEST, detail, &quota);
    const unsigned char *at = (const unsigned char *)json_string_value(json_object_get(root, "detail"));
    for (unsigned c = 1; c != 256; ++c) {
        unsigned read = *at++;
        if (read >= 0x80)
            read = (read & 0x1f) << 6 | (*at++ & 0x3f);
        assert_int_equal(read, c);
    }
    assert_int_equal(*at, 0);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_is_one_line_of_json),
        cmocka_unit_test(every_reason_makes_json_with_its_members),
        cmocka_unit_test(a_detail_may_hold_any_byte),
    };
    return cmocka_run_group_tests_name("exchange: problem", tests, NULL, NULL);
}
