/* SPDX-License-Identifier: MIT
 * The comparison of the two ways to read a head. */
#include <stdio.h>
#include <stdlib.h>
#include "gateway/http/phr.h"
#include "gateway/http/request_head.h"
#include "gateway/http/syntax.h"
#include "tests/support/plain_heads.h"

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "plain heads: %s\n", what);
    abort();
}

static bool is_same(gw_str_t a, gw_str_t b)
{
    return a.len == b.len && a.ptr == b.ptr;
}

bool plain_head_is_as_judged(const char *bytes, size_t len, gw_http_plain_head_t *head)
{
    struct phr_header parsed[GW_HTTP_PLAIN_MAX_FIELDS];
    gw_http_field_t fields[GW_HTTP_PLAIN_MAX_FIELDS];
    size_t num = GW_HTTP_PLAIN_MAX_FIELDS, method_len, target_len, at = 0;
    const char *method, *target;
    int minor;
    if (!gw_http_read_plain_head(bytes, len, GW_STR("good.example:80"), head))
        return false;
    int head_len = phr_parse_request(bytes, len, &method, &method_len, &target, &target_len, &minor, parsed, &num, 0);
    must(head_len > 0 && (size_t)head_len == head->len, "the parser finds another end");
    must(minor == 1, "another version");
    must(is_same(head->method, gw_str(method, method_len)), "another method");
    must(is_same(head->target, gw_str(target, target_len)), "another target");
    must(num == head->num_fields, "another number of fields");
    for (size_t i = 0; i != num; ++i) {
        must(parsed[i].name != NULL, "a folded line");
        fields[i].name = gw_str(parsed[i].name, parsed[i].name_len);
        fields[i].value = gw_http_trim(gw_str(parsed[i].value, parsed[i].value_len));
        must(is_same(head->fields[i].name, fields[i].name), "another name");
        must(gw_str_equal(head->fields[i].value, fields[i].value), "another value");
        must(at + fields[i].name.len <= head->names_len, "names are missing");
        for (size_t k = 0; k != fields[i].name.len; ++k)
            must(head->names[at++] == gw_ascii_lower(fields[i].name.ptr[k]), "a name is not in lower case");
    }
    must(at == head->names_len, "too many names");
    gw_http_request_head_t judged;
    gw_http_request_result_t result = gw_http_judge_request(gw_str(bytes, head->len), gw_str(method, method_len),
                                                            gw_str(target, target_len), minor, fields, num, &judged);
    must(result == GW_HTTP_REQUEST_OK, gw_http_request_result_str(result));
    must(judged.keep_alive && !judged.expect_continue && judged.framing == GW_HTTP_FRAMING_NONE, "it is not plain");
    must(gw_str_equal(judged.path, head->target), "another path");
    must(gw_str_equal(judged.authority, head->authority), "another authority");
    return true;
}
