/* SPDX-License-Identifier: MIT
 * Fuzz target: request heads through the parser and the judge, as the HTTP/1.1 connection does it.  What is accepted
 * must have exactly one way to be read, and that is how plain heads are read too. */
#include <stdlib.h>
#include "gateway/http/phr.h"
#include "gateway/http/request_head.h"
#include "gateway/http/syntax.h"
#include "tests/support/plain_heads.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1);
    memcpy(bytes, data, size);
    gw_http_plain_head_t plain;
    plain_head_is_as_judged(bytes, size, &plain);
    struct phr_header parsed[100];
    gw_http_field_t fields[100];
    size_t num = 100, method_len, target_len;
    const char *method, *target;
    int minor;
    int len = phr_parse_request(bytes, size, &method, &method_len, &target, &target_len, &minor, parsed, &num, 0);
    if (len > 0) {
        size_t num_hosts = 0, num_lengths = 0, num_codings = 0;
        for (size_t i = 0; i != num; ++i) {
            fields[i].name = gw_str(parsed[i].name, parsed[i].name != NULL ? parsed[i].name_len : 0);
            fields[i].value = gw_http_trim(gw_str(parsed[i].value, parsed[i].value_len));
            num_hosts += gw_str_equal_nocase(fields[i].name, GW_STR("host"));
            num_lengths += gw_str_equal_nocase(fields[i].name, GW_STR("content-length"));
            num_codings += gw_str_equal_nocase(fields[i].name, GW_STR("transfer-encoding"));
        }
        gw_http_request_head_t head;
        if (gw_http_judge_request(gw_str(bytes, (size_t)len), gw_str(method, method_len), gw_str(target, target_len),
                                  minor, fields, num, &head) == GW_HTTP_REQUEST_OK) {
            must(num_hosts == 1 || (minor == 0 && num_hosts == 0));
            must(num_lengths + num_codings <= 1);
            must((head.framing == GW_HTTP_FRAMING_CHUNKED) == (num_codings == 1));
            must((head.framing == GW_HTTP_FRAMING_LENGTH) == (num_lengths == 1));
            must(head.path.len != 0 && (head.path.ptr[0] == '/' || gw_str_equal(head.path, GW_STR("*"))));
            must(head.authority.len == 0 || gw_http_is_authority(head.authority));
        }
    }
    free(bytes);
    return 0;
}
