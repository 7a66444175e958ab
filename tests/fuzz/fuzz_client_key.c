/* SPDX-License-Identifier: MIT
 * Fuzz target: keys of limits.  The first line holds two prefixes and up to four keys as a conf writes them; the second
 * is the query; each other one is a field, `name: value`.  What is read as a key is written as the same key; parts lie
 * within the request; what is found depends on nothing but their values; a field counts if it is there once. */
#include <stdlib.h>
#include "filters/limit/client_key.h"
#include "gateway/server/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { most_fields = 16 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/** Takes the next piece.  @return false at the end */
static bool next(gw_str_t *rest, char end, gw_str_t *ret_piece)
{
    if (rest->len == 0)
        return false;
    const char *at = memchr(rest->ptr, end, rest->len);
    size_t len = at != NULL ? (size_t)(at - rest->ptr) : rest->len, used = len + (at != NULL);
    *ret_piece = gw_str(rest->ptr, len);
    *rest = gw_str(rest->ptr + used, rest->len - used);
    return true;
}

static void read_keys(gw_arena_t *arena, gw_str_t line, gw_client_key_conf_t *conf)
{
    gw_str_t text;
    for (; conf->parts.size != GW_MAX_KEY_PARTS && next(&line, ' ', &text);) {
        gw_key_conf_t *key = &conf->parts.entries[conf->parts.size], again;
        if (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL || /* no text of a conf has one */
            !gw_conf_parse_key(arena, text, GW_KEYS_OF_LIMIT, key))
            continue;
        const char *written = gw_conf_key_text(arena, key);
        must(written != NULL && gw_conf_parse_key(arena, gw_str_of(written), GW_KEYS_OF_LIMIT, &again));
        must(again.kind == key->kind);
        must(gw_str_equal(gw_str_of(again.name), gw_str_of(key->name)));
        must(gw_str_equal(gw_str_of(again.scheme), gw_str_of(key->scheme)));
        ++conf->parts.size;
    }
}

static void read_fields(h2o_req_t *req, gw_str_t rest)
{
    gw_str_t line;
    while (req->headers.size != most_fields && next(&rest, '\n', &line)) {
        gw_str_t name;
        if (!next(&line, ':', &name) || name.len == 0)
            continue;
        char *lower = h2o_mem_alloc_pool(&req->pool, name.len);
        for (size_t i = 0; i != name.len; ++i)
            lower[i] = gw_ascii_lower(name.ptr[i]);
        h2o_add_header_by_str(&req->pool, &req->headers, lower, name.len, 1, NULL, line.ptr, line.len);
    }
}

/** As the manual says it of a field: there once, and not empty. */
static bool has_field(const h2o_headers_t *fields, gw_str_t name)
{
    size_t num = 0, len = 0;
    for (size_t i = 0; i != fields->size; ++i)
        if (gw_str_equal(gw_str(fields->entries[i].name->base, fields->entries[i].name->len), name)) {
            ++num;
            len = fields->entries[i].value.len;
        }
    return num == 1 && len != 0;
}

static void check_found(gw_exchange_t *ex, const gw_client_key_conf_t *conf)
{
    static const uint64_t secret[2] = {0x0123456789abcdef, 0xfedcba9876543210};
    gw_client_key_t key, again;
    char digest[GW_CLIENT_KEY_DIGEST_LEN], same[GW_CLIENT_KEY_DIGEST_LEN];
    gw_when_missing_t missing = gw_client_key_find(ex, conf, &key);
    must(missing == GW_MISSING_NOT_SAID || missing == GW_MISSING_SHARED);
    must((missing == GW_MISSING_SHARED) == key.is_shared && (key.num_values == conf->parts.size) == !key.is_shared);
    bool has_all = true;
    for (size_t i = 0; i != conf->parts.size; ++i) {
        const gw_key_conf_t *part = &conf->parts.entries[i];
        has_all = has_all && (part->kind != GW_KEY_HEADER || has_field(&ex->req->headers, gw_str_of(part->name)));
        must(key.is_shared || key.values[i].len != 0);
    }
    must(has_all || key.is_shared);
    must(gw_client_key_find(ex, conf, &again) == missing);
    must(gw_client_key_hash(&key, secret) == gw_client_key_hash(&again, secret));
    gw_client_key_digest(&key, digest);
    gw_client_key_digest(&again, same);
    must(memcmp(digest, same, sizeof(digest)) == 0);
    for (size_t i = 0; i != sizeof(digest); ++i)
        must(strchr("0123456789abcdef", digest[i]) != NULL && digest[i] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gw_cidr_t trusted = {.bits = 0}; /* everybody: all of X-Forwarded-For is walked along */
    static gw_snapshot_t snapshot = {.trusted_proxies = {&trusted, 1}};
    static const gw_route_conf_t route = {.name = "/"};
    gw_str_t rest = gw_str((const char *)data, size), line, query;
    if (size < 2 || !next(&rest, '\n', &line) || line.len < 2)
        return 0;
    gw_client_key_conf_t conf = {
        .when_missing = GW_MISSING_SHARED,
        .ipv4_prefix = 1 + (uint8_t)line.ptr[0] % 32,
        .ipv6_prefix = 1 + (uint8_t)line.ptr[1] % 128,
    };
    gw_arena_t *arena = gw_arena_create();
    read_keys(arena, gw_str(line.ptr + 2, line.len - 2), &conf);
    gw_view_t view = {.snapshot = &snapshot};
    h2o_req_t req = {.conn = NULL};
    gw_exchange_t ex = {.req = &req,
                        .view = &view,
                        .route = &route,
                        .peer = GW_STR("192.0.2.1"),
                        .peer_is_trusted = true,
                        .has_peer_address = true};
    h2o_mem_init_pool(&req.pool);
    if (next(&rest, '\n', &query) && query.len != 0 && query.ptr[0] == '?')
        ex.query = query;
    read_fields(&req, rest);
    if (conf.parts.size != 0)
        check_found(&ex, &conf);
    h2o_mem_clear_pool(&req.pool);
    gw_arena_free(arena);
    return 0;
}
