/* SPDX-License-Identifier: MIT
 * Judging response heads. */
#include "gateway/http/head.h"
#include "gateway/http/response_head.h"
#include "gateway/http/syntax.h"

const char *gw_http_response_result_str(gw_http_response_result_t result)
{
    static const char *const texts[] = {
#define RESULT_TEXT(id, text) text,
        GW_HTTP_RESPONSE_MAP(RESULT_TEXT)
#undef RESULT_TEXT
    };
    return texts[result];
}

typedef struct seen {
    bool length, coding, close, keep_alive;
    gw_str_t coding_value;
} seen_t;

#define IS(literal) gw_str_equal_nocase(name, GW_STR(literal))

static gw_http_response_result_t judge_field(const gw_http_field_t *field, seen_t *seen, gw_http_response_head_t *ret)
{
    gw_str_t name = field->name, value = field->value;
    if (name.len == 0)
        return GW_HTTP_RESPONSE_FOLDED;
    if (!gw_http_is_token(name))
        return GW_HTTP_RESPONSE_FIELD_NAME;
    if (!gw_http_is_field_value(value))
        return GW_HTTP_RESPONSE_FIELD_VALUE;
    switch (name.len) {
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
            return GW_HTTP_RESPONSE_LENGTH_REPEATED;
        seen->length = true;
        if (!gw_http_parse_content_length(value, &ret->content_length))
            return GW_HTTP_RESPONSE_LENGTH;
        break;
    case 17:
        if (!IS("transfer-encoding"))
            break;
        if (seen->coding)
            return GW_HTTP_RESPONSE_CODING_REPEATED;
        seen->coding = true;
        seen->coding_value = value;
        break;
    default:
        break;
    }
    return GW_HTTP_RESPONSE_OK;
}

static bool contains_nocase(gw_str_t text, gw_str_t part)
{
    for (size_t i = 0; i + part.len <= text.len; ++i)
        if (gw_str_equal_nocase(gw_str(text.ptr + i, part.len), part))
            return true;
    return false;
}

/** Whether what stands for a transfer coding names none: download scripts say "binary" and mean nothing by it.  What
 * anybody might take for a coding that is in use, or for a list of them, is one. */
static bool names_no_coding(gw_str_t value)
{
    static const gw_str_t parts[] = {{"chunk", 5}, {"compress", 8}, {"deflate", 7}, {"zip", 3}};
    static const gw_str_t words[] = {{"br", 2}, {"zstd", 4}, {"exi", 3}, {"trailers", 8}};
    if (!gw_http_is_token(value))
        return false;
    for (size_t i = 0; i != sizeof(parts) / sizeof(parts[0]); ++i)
        if (contains_nocase(value, parts[i]))
            return false;
    for (size_t i = 0; i != sizeof(words) / sizeof(words[0]); ++i)
        if (gw_str_equal_nocase(value, words[i]))
            return false;
    return true;
}

/** RFC 9112 6.3, in its order. */
static gw_http_response_result_t judge_framing(seen_t *seen, int minor_version, int status, bool is_head_method,
                                               gw_http_response_head_t *head)
{
    if (seen->coding) {
        if (minor_version == 0)
            return GW_HTTP_RESPONSE_CODING_ON_1_0;
        if (seen->length)
            return GW_HTTP_RESPONSE_LENGTH_AND_CODING;
        if (names_no_coding(seen->coding_value)) {
            seen->coding = false; /* not chunked: the body ends with the connection */
            seen->close = true;
        } else if (!gw_str_equal_nocase(seen->coding_value, GW_STR("chunked"))) {
            return GW_HTTP_RESPONSE_CODING;
        }
    }
    if (status < 200 || status == 204) {
        if (seen->coding)
            return GW_HTTP_RESPONSE_CODING_WITHOUT_BODY;
        head->framing = GW_HTTP_FRAMING_NONE; /* a length is wrong here, but harmless */
        return GW_HTTP_RESPONSE_OK;
    }
    head->has_content_length = seen->length;
    if (is_head_method || status == 304)
        head->framing = GW_HTTP_FRAMING_NONE;
    else if (seen->coding)
        head->framing = GW_HTTP_FRAMING_CHUNKED;
    else if (seen->length)
        head->framing = GW_HTTP_FRAMING_LENGTH;
    else
        head->framing = GW_HTTP_FRAMING_UNTIL_CLOSE;
    return GW_HTTP_RESPONSE_OK;
}

gw_http_response_result_t gw_http_judge_response(gw_str_t raw, int minor_version, int status,
                                                 const gw_http_field_t *fields, size_t num_fields, bool is_head_method,
                                                 gw_http_response_head_t *ret)
{
    gw_http_response_head_t head = {.keep_alive = false};
    seen_t seen = {.length = false};
    if (!gw_http_has_clean_line_ends(raw))
        return GW_HTTP_RESPONSE_LINE_END;
    if (status < 100 || status > 599)
        return GW_HTTP_RESPONSE_STATUS;
    gw_http_response_result_t result = GW_HTTP_RESPONSE_OK;
    for (size_t i = 0; result == GW_HTTP_RESPONSE_OK && i != num_fields; ++i)
        result = judge_field(&fields[i], &seen, &head);
    if (result == GW_HTTP_RESPONSE_OK)
        result = judge_framing(&seen, minor_version, status, is_head_method, &head);
    if (result != GW_HTTP_RESPONSE_OK)
        return result;
    head.keep_alive =
        !seen.close && (minor_version != 0 || seen.keep_alive) && head.framing != GW_HTTP_FRAMING_UNTIL_CLOSE;
    *ret = head;
    return GW_HTTP_RESPONSE_OK;
}
