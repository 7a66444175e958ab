/* SPDX-License-Identifier: MIT
 * directory: users, articles and orders that refer to both; made to be cached (ETag, Last-Modified, max-age). */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/sha.h>
#include "backends/directory_data.h"
#include "backends/services.h"
#include "gateway/http/date.h"

static json_t *link_to(const char *collection, unsigned id)
{
    return json_sprintf("/%s/%u", collection, id);
}

static json_t *user_json(unsigned id)
{
    const gw_directory_user_t *user = &gw_directory_users[id - 1];
    json_t *orders = json_array();
    for (unsigned i = 0; i != gw_directory_num_orders; ++i)
        if (gw_directory_orders[i].user == id)
            json_array_append_new(orders, link_to("orders", i + 1));
    return json_pack("{s:i, s:s, s:s, s:s, s:{s:o, s:o}}", "id", (int)id, "name", user->name, "email", user->email,
                     "city", user->city, "links", "self", link_to("users", id), "orders", orders);
}

static json_t *article_json(unsigned id)
{
    const gw_directory_article_t *article = &gw_directory_articles[id - 1];
    return json_pack("{s:i, s:s, s:i, s:i, s:{s:o}}", "id", (int)id, "title", article->title, "price_cents",
                     (int)article->price_cents, "stock", (int)article->stock, "links", "self", link_to("articles", id));
}

static json_t *order_json(unsigned id)
{
    const gw_directory_order_t *order = &gw_directory_orders[id - 1];
    json_t *items = json_array();
    unsigned total_cents = 0;
    for (size_t i = 0; i != GW_DIRECTORY_MAX_ITEMS && order->items[i].article != 0; ++i) {
        unsigned article = order->items[i].article, quantity = order->items[i].quantity;
        total_cents += quantity * gw_directory_articles[article - 1].price_cents;
        json_array_append_new(items, json_pack("{s:i, s:i, s:{s:o}}", "article_id", (int)article, "quantity",
                                               (int)quantity, "links", "article", link_to("articles", article)));
    }
    return json_pack("{s:i, s:i, s:s, s:s, s:o, s:i, s:{s:o, s:o}}", "id", (int)id, "user_id", (int)order->user, "date",
                     order->date, "status", order->status, "items", items, "total_cents", (int)total_cents, "links",
                     "self", link_to("orders", id), "user", link_to("users", order->user));
}

static const struct {
    const char *name;
    const size_t *num;
    json_t *(*item)(unsigned id);
} collections[] = {
    {"users", &gw_directory_num_users, user_json},
    {"articles", &gw_directory_num_articles, article_json},
    {"orders", &gw_directory_num_orders, order_json},
};
#define NUM_COLLECTIONS (sizeof(collections) / sizeof(collections[0]))

/** @return what the path names, NULL when there is no such thing; ids have one spelling: no zeros in front */
static json_t *find(gw_str_t path)
{
    for (size_t i = 0; i != NUM_COLLECTIONS; ++i) {
        gw_str_t name = gw_str_of(collections[i].name), rest;
        uint64_t id;
        if (path.len < 1 + name.len || *path.ptr != '/' || !gw_str_equal(gw_str(path.ptr + 1, name.len), name))
            continue;
        rest = gw_str(path.ptr + 1 + name.len, path.len - 1 - name.len);
        if (rest.len == 0) {
            json_t *all = json_array();
            for (unsigned n = 1; n <= *collections[i].num; ++n)
                json_array_append_new(all, collections[i].item(n));
            return json_pack("{s:i, s:o}", "count", (int)*collections[i].num, collections[i].name, all);
        }
        if (rest.len >= 2 && rest.ptr[0] == '/' && rest.ptr[1] != '0' &&
            gw_query_read_number(gw_str(rest.ptr + 1, rest.len - 1), 1, *collections[i].num, &id) == GW_QUERY_OK)
            return collections[i].item((unsigned)id);
    }
    return NULL;
}

void gw_directory_handle(gw_demo_request_t *r)
{
    static char last_modified[GW_HTTP_DATE_LEN + 1];
    unsigned char hash[SHA256_DIGEST_LENGTH];
    json_t *body = find(r->path);

    if (body == NULL) {
        gw_demo_problem(r, 404, NULL, "there are /users, /articles, /orders (each also with /ID) and /healthz");
        return;
    }
    if (!gw_demo_is_get(r)) {
        json_decref(body);
        return;
    }
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL)
        h2o_fatal("json_dumps failed");
    size_t len = strlen(text);
    SHA256((const unsigned char *)text, len, hash);
    char *etag = h2o_mem_alloc_pool(&r->req->pool, 2 + 2 * 8 + 1);
    sprintf(etag, "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6],
            hash[7]);
    gw_http_date_print(last_modified, GW_DIRECTORY_LAST_MODIFIED);
    gw_demo_header(r, "etag", etag);
    gw_demo_header(r, "last-modified", last_modified);
    gw_demo_header(r, "cache-control", "max-age=10");
    if (gw_demo_is_to_send(r, gw_str_of(etag), GW_DIRECTORY_LAST_MODIFIED)) {
        text[len] = '\n';
        gw_demo_answer(r, 200, "application/json", gw_str(text, len + 1));
    }
    free(text);
}
