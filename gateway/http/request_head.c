/* SPDX-License-Identifier: MIT
 * Judging request heads. */
#include "gateway/http/head.h"
#include "gateway/http/request_head.h"
#include "gateway/http/syntax.h"

static const struct {
    int status;
    const char *text;
} results[] = {
#define RESULT_ROW(id, status, text) {status, text},
    GW_HTTP_REQUEST_MAP(RESULT_ROW)
#undef RESULT_ROW
};

const char *gw_http_request_result_str(gw_http_request_result_t result)
{
    return results[result].text;
}

int gw_http_request_result_status(gw_http_request_result_t result)
{
    return results[result].status;
}

static bool is_printable(gw_str_t target)
{
    for (size_t i = 0; i != target.len; ++i) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return false;
    }
    return true;
}

/** http://host:port/path?query, the form that proxies get. */
static bool split_absolute(gw_str_t target, bool is_options, gw_http_request_head_t *ret)
{
    size_t scheme = target.len >= 7 && gw_str_equal_nocase(gw_str(target.ptr, 7), GW_STR("http://"))
                        ? 7
                        : (target.len >= 8 && gw_str_equal_nocase(gw_str(target.ptr, 8), GW_STR("https://")) ? 8 : 0);
    if (scheme == 0)
        return false;
    gw_str_t rest = gw_str(target.ptr + scheme, target.len - scheme);
    size_t end = 0;
    while (end != rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        ++end;
    ret->authority = gw_str(rest.ptr, end);
    ret->path = gw_str(rest.ptr + end, rest.len - end);
    if (ret->path.len == 0)
        ret->path = is_options ? GW_STR("*") : GW_STR("/");
    else if (ret->path.ptr[0] == '?')
        return false; /* "?x" without a path would have to grow; no client sends it */
    return gw_http_is_authority(ret->authority);
}

static gw_http_request_result_t judge_target(gw_str_t method, gw_str_t target, gw_http_request_head_t *ret)
{
    if (!gw_http_is_token(method))
        return GW_HTTP_REQUEST_METHOD;
    if (gw_str_equal(method, GW_STR("CONNECT")))
        return GW_HTTP_REQUEST_CONNECT;
    bool is_options = gw_str_equal(method, GW_STR("OPTIONS"));
    if (target.len == 0 || !is_printable(target))
        return GW_HTTP_REQUEST_TARGET;
    ret->path = target;
    if (target.ptr[0] == '/' || (is_options && gw_str_equal(target, GW_STR("*"))))
        return GW_HTTP_REQUEST_OK;
    return split_absolute(target, is_options, ret) ? GW_HTTP_REQUEST_OK : GW_HTTP_REQUEST_TARGET;
}

/** What the fields say about framing and connection, as far as it was read. */
typedef struct seen {
    bool host, length, coding, close, keep_alive;
    gw_str_t host_value, coding_value;
} seen_t;

#define IS(literal) gw_str_equal_nocase(name, GW_STR(literal))

static gw_http_request_result_t judge_field(const gw_http_field_t *field, int minor_version, seen_t *seen,
                                            gw_http_request_head_t *ret)
{
    gw_str_t name = field->name, value = field->value;
    if (name.len == 0)
        return GW_HTTP_REQUEST_FOLDED;
    if (!gw_http_is_token(name))
        return GW_HTTP_REQUEST_FIELD_NAME;
    if (!gw_http_is_field_value(value))
        return GW_HTTP_REQUEST_FIELD_VALUE;
    switch (name.len) {
    case 4:
        if (!IS("host"))
            break;
        if (seen->host)
            return GW_HTTP_REQUEST_HOST_REPEATED;
        seen->host = true;
        seen->host_value = value;
        break;
    case 6:
        if (!IS("expect") || minor_version == 0) /* a 1.0 client cannot mean it (RFC 9110 10.1.1) */
            break;
        if (!gw_str_equal_nocase(value, GW_STR("100-continue")))
            return GW_HTTP_REQUEST_EXPECTATION;
        ret->expect_continue = true;
        break;
    case 10:
        if (!IS("connection"))
            break;
        seen->close = seen->close || gw_http_list_has(value, GW_STR("close"));
        seen->keep_alive = seen->keep_alive || gw_http_list_has(value, GW_STR("keep-alive"));
        break;
    case 14:
        if (!IS("content-length"))
            break;
        if (seen->length)
            return GW_HTTP_REQUEST_LENGTH_REPEATED;
        seen->length = true;
        if (!gw_http_parse_content_length(value, &ret->content_length))
            return GW_HTTP_REQUEST_LENGTH;
        break;
    case 17:
        if (!IS("transfer-encoding"))
            break;
        if (seen->coding)
            return GW_HTTP_REQUEST_CODING_REPEATED;
        seen->coding = true;
        seen->coding_value = value;
        break;
    default:
        break;
    }
    return GW_HTTP_REQUEST_OK;
}

static gw_http_request_result_t judge_coding(gw_str_t value)
{
    if (gw_str_equal_nocase(value, GW_STR("chunked")))
        return GW_HTTP_REQUEST_OK;
    gw_str_t item;
    size_t num_chunked = 0, num_other = 0;
    while (gw_http_list_next(&value, &item)) {
        if (gw_str_equal_nocase(item, GW_STR("chunked")))
            ++num_chunked;
        else
            ++num_other;
    }
    return num_other != 0 && num_chunked <= 1 ? GW_HTTP_REQUEST_CODING_UNKNOWN : GW_HTTP_REQUEST_CODING;
}

gw_http_request_result_t gw_http_judge_request(gw_str_t raw, gw_str_t method, gw_str_t target, int minor_version,
                                               const gw_http_field_t *fields, size_t num_fields,
                                               gw_http_request_head_t *ret)
{
    gw_http_request_head_t head = {.framing = GW_HTTP_FRAMING_NONE};
    seen_t seen = {.host = false};
    if (!gw_http_has_clean_line_ends(raw))
        return GW_HTTP_REQUEST_LINE_END;
    gw_http_request_result_t result = judge_target(method, target, &head);
    for (size_t i = 0; result == GW_HTTP_REQUEST_OK && i != num_fields; ++i)
        result = judge_field(&fields[i], minor_version, &seen, &head);
    if (result != GW_HTTP_REQUEST_OK)
        return result;
    if (!seen.host && minor_version != 0)
        return GW_HTTP_REQUEST_HOST_MISSING;
    if (seen.host && !gw_http_is_authority(seen.host_value))
        return GW_HTTP_REQUEST_HOST;
    if (head.authority.len == 0)
        head.authority = seen.host_value;
    if (seen.coding) {
        if (minor_version == 0)
            return GW_HTTP_REQUEST_CODING_ON_1_0;
        if (seen.length)
            return GW_HTTP_REQUEST_LENGTH_AND_CODING;
        if ((result = judge_coding(seen.coding_value)) != GW_HTTP_REQUEST_OK)
            return result;
        head.framing = GW_HTTP_FRAMING_CHUNKED;
    } else if (seen.length) {
        head.framing = GW_HTTP_FRAMING_LENGTH;
    }
    head.keep_alive = !seen.close && (minor_version != 0 || seen.keep_alive);
    *ret = head;
    return GW_HTTP_REQUEST_OK;
}
