/* SPDX-License-Identifier: MIT
 * echo: answers with what it received, and in every way that a test of a gateway may want to see. */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include "backends/services.h"
#include "backends/utf8.h"
#include "gateway/http/phr.h"

#define MAX_REPEATED_BODY (8 << 20) /* bytes; of a longer body the answer has the length and the hash only */
#define MAX_DELAY_MS      600000

/** Text of any bytes as a JSON string: what is not UTF-8 is taken for ISO 8859-1, byte by byte. */
static json_t *text_json(const char *ptr, size_t len)
{
    if (gw_utf8_is_valid(gw_str(ptr, len)))
        return json_stringn(len != 0 ? ptr : "", len);
    char *wide = malloc(2 * len);
    if (wide == NULL)
        h2o_fatal("no memory");
    size_t to = 0;
    for (size_t i = 0; i != len; ++i) {
        unsigned char c = (unsigned char)ptr[i];
        if (c >= 0x80)
            wide[to++] = (char)(0xc0 | c >> 6);
        wide[to++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
    }
    json_t *json = json_stringn(wide, to);
    free(wide);
    return json;
}

static json_t *pair_json(const char *name, size_t name_len, const char *value, size_t value_len)
{
    json_t *pair = json_array();
    json_array_append_new(pair, text_json(name, name_len));
    json_array_append_new(pair, text_json(value, value_len));
    return pair;
}

/** libh2o's server takes Host, Content-Length and others out of the list that a handler sees.  The head as it was
 * received (but for the names, which are in lower case) still stands at the front of the connection's input: read it
 * again. */
static json_t *headers_json(gw_demo_request_t *r)
{
    const h2o_buffer_t *input = gw_demo_socket(r)->input;
    struct phr_header headers[H2O_MAX_HEADERS];
    size_t num_headers = H2O_MAX_HEADERS, method_len, path_len;
    const char *method, *path;
    int minor_version;
    json_t *all = json_array();
    if (phr_parse_request(input->bytes, input->size, &method, &method_len, &path, &path_len, &minor_version, headers,
                          &num_headers, 0) <= 0)
        num_headers = 0; /* cannot be: it was parsed before */
    for (size_t i = 0; i != num_headers; ++i)
        json_array_append_new(all, pair_json(headers[i].name, headers[i].name != NULL ? headers[i].name_len : 0,
                                             headers[i].value, headers[i].value_len));
    return all;
}

static void add_body(json_t *answer, gw_str_t body)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    if (body.len <= MAX_REPEATED_BODY && gw_utf8_is_valid(body)) {
        json_object_set_new(answer, "body", json_stringn(body.len != 0 ? body.ptr : "", body.len));
    } else if (body.len <= MAX_REPEATED_BODY) {
        unsigned char *base64 = malloc((body.len + 2) / 3 * 4 + 1);
        if (base64 == NULL)
            h2o_fatal("no memory");
        int len = EVP_EncodeBlock(base64, (const unsigned char *)body.ptr, (int)body.len);
        json_object_set_new(answer, "body_base64", json_stringn_nocheck((char *)base64, (size_t)len));
        free(base64);
    }
    json_object_set_new(answer, "body_length", json_integer((json_int_t)body.len));
    SHA256((const unsigned char *)body.ptr, body.len, hash);
    for (size_t i = 0; i != sizeof(hash); ++i)
        sprintf(hex + 2 * i, "%02x", hash[i]);
    json_object_set_new(answer, "body_sha256", json_string(hex));
}

static void reflect(gw_demo_request_t *r)
{
    const h2o_req_t *req = r->req;
    json_t *answer = json_object();
    size_t path_len = r->query.ptr != NULL ? r->target.len - r->query.len - 1 : r->target.len;
    json_object_set_new(answer, "method", text_json(req->input.method.base, req->input.method.len));
    json_object_set_new(answer, "path", text_json(r->target.ptr, path_len));
    json_object_set_new(answer, "query", r->query.ptr != NULL ? text_json(r->query.ptr, r->query.len) : json_null());
    json_object_set_new(answer, "version", json_sprintf("HTTP/%d.%d", req->version >> 8, req->version & 0xff));
    json_object_set_new(answer, "headers", headers_json(r));
    add_body(answer, gw_str(req->entity.base, req->entity.len));
    json_object_set_new(answer, "server_name", json_string(r->server->options->name));
    gw_demo_header(r, "cache-control", "no-store");
    gw_demo_answer_json(r, 200, answer, 0);
}

static void delay(gw_demo_request_t *r)
{
    uint64_t ms;
    if (gw_demo_path_number(r, GW_STR("/delay/"), "MS", 0, MAX_DELAY_MS, &ms))
        gw_demo_wait(r, gw_demo_now_ms() + ms, reflect);
}

static void answer_status(gw_demo_request_t *r)
{
    uint64_t status;
    char text[32];
    if (!gw_demo_path_number(r, GW_STR("/status/"), "N", 200, 599, &status))
        return;
    /* 205 must not have content either, but unlike 204 and 304 says so by its length (RFC 9110 section 15.3.6) */
    int len = status == 205 ? 0 : snprintf(text, sizeof(text), "%u\n", (unsigned)status);
    bool is_empty = status == 204 || status == 205 || status == 304;
    gw_demo_answer(r, (int)status, is_empty ? NULL : "text/plain; charset=utf-8", gw_str(text, (size_t)len));
}

void gw_echo_handle(gw_demo_request_t *r)
{
    static const struct {
        gw_str_t path; /* a '/' at the end: a prefix */
        bool is_read_only;
        void (*handle)(gw_demo_request_t *r);
    } places[] = {
        {{"/bytes/", 7}, true, gw_echo_bytes},  {{"/delay/", 7}, false, delay},
        {{"/drip", 5}, true, gw_echo_drip},     {{"/status/", 8}, false, answer_status},
        {{"/stream", 7}, true, gw_echo_stream}, {{"/ws", 3}, true, gw_echo_websocket},
    };
    for (size_t i = 0; i != sizeof(places) / sizeof(places[0]); ++i) {
        gw_str_t path = places[i].path;
        if (path.ptr[path.len - 1] == '/' ? !gw_str_starts_with(r->path, path) : !gw_str_equal(r->path, path))
            continue;
        if (!places[i].is_read_only || gw_demo_is_get(r))
            places[i].handle(r);
        return;
    }
    reflect(r);
}
