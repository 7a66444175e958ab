/* SPDX-License-Identifier: MIT
 * Reading whom a limit counts. */
#include "filters/limit/client_key_conf.h"

static const char *const missing_words[] = {"allow", "refuse", "shared"}; /* from GW_MISSING_ALLOW on */
enum { num_missing_words = sizeof(missing_words) / sizeof(missing_words[0]) };

void gw_client_key_read(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    struct gw_key_parts *parts = target;
    if (node->kind != GW_NODE_SEQUENCE) {
        gw_conf_read_key(reader, "key", node, GW_KEYS_OF_LIMIT, &parts->entries[0]);
        parts->size = 1;
        return;
    }
    if (node->size == 0 || node->size > GW_MAX_KEY_PARTS) {
        gw_diag_error(reader->diag, node->at, "for example: key: [client_address, route]", "'key' takes 1 to %d parts",
                      (int)GW_MAX_KEY_PARTS);
        return;
    }
    for (size_t i = 0; i != node->size; ++i)
        gw_conf_read_key(reader, "key", node->items[i], GW_KEYS_OF_LIMIT, &parts->entries[i]);
    parts->size = node->size;
}

struct gw_node *gw_client_key_show(gw_arena_t *arena, const void *target)
{
    const struct gw_key_parts *parts = target;
    if (parts->size == 1)
        return gw_conf_show_key(arena, &parts->entries[0]);
    gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE);
    for (size_t i = 0; i != parts->size; ++i)
        gw_node_append(arena, list, gw_conf_show_key(arena, &parts->entries[i]));
    return list;
}

void gw_client_key_read_missing(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    const char *text = gw_conf_read_text(reader, "when_missing", node, "allow, refuse or shared");
    if (text == NULL)
        return;
    for (int i = 0; i != num_missing_words; ++i)
        if (strcmp(text, missing_words[i]) == 0) {
            *(int *)target = GW_MISSING_ALLOW + i;
            return;
        }
    gw_conf_refuse_name(reader, node->at, "'%s' is not valid for 'when_missing' (allow, refuse or shared)", text,
                        missing_words, num_missing_words, "one of");
}

struct gw_node *gw_client_key_show_missing(gw_arena_t *arena, const void *target)
{
    int missing = *(const int *)target;
    return missing != GW_MISSING_NOT_SAID ? gw_node_new_text(arena, missing_words[missing - GW_MISSING_ALLOW]) : NULL;
}

static bool may_be_missing(const gw_key_conf_t *key)
{
    return key->kind != GW_KEY_CLIENT_ADDRESS && key->kind != GW_KEY_ROUTE && key->kind != GW_KEY_ALL;
}

static bool is_equal(const char *a, const char *b)
{
    return gw_str_equal(gw_str_of(a), gw_str_of(b));
}

static bool is_same(const gw_key_conf_t *a, const gw_key_conf_t *b)
{
    return a->kind == b->kind && is_equal(a->name, b->name) && is_equal(a->scheme, b->scheme);
}

static void check_parts(struct gw_conf_reader *reader, const struct gw_key_parts *parts, gw_mark_t at)
{
    for (size_t i = 0; i != parts->size; ++i)
        for (size_t k = 0; k != i; ++k)
            if (is_same(&parts->entries[i], &parts->entries[k]))
                gw_diag_error(reader->diag, at, NULL, "'key' has the part '%s' twice",
                              gw_conf_key_text(reader->scratch, &parts->entries[i]));
}

/** What is written and does nothing was meant to do something. */
static void warn_of_idle_options(struct gw_conf_reader *reader, const gw_client_key_conf_t *conf, gw_mark_t at)
{
    enum { whole_ipv4 = 32, usual_ipv6 = 64 }; /* the defaults */
    bool has_address = false, has_missing = false;
    for (size_t i = 0; i != conf->parts.size; ++i) {
        has_address = has_address || conf->parts.entries[i].kind == GW_KEY_CLIENT_ADDRESS;
        has_missing = has_missing || may_be_missing(&conf->parts.entries[i]);
    }
    if (!has_missing && conf->when_missing != GW_MISSING_NOT_SAID)
        gw_diag_warning(reader->diag, at, NULL, "'when_missing' has no effect: no part of this key is ever missing");
    if (!has_address && (conf->ipv4_prefix != whole_ipv4 || conf->ipv6_prefix != usual_ipv6))
        gw_diag_warning(reader->diag, at, "for example: key: client_address",
                        "'ipv4_prefix' and 'ipv6_prefix' have no effect: the key has no client_address");
}

void gw_client_key_check(struct gw_conf_reader *reader, gw_client_key_conf_t *conf, gw_mark_t at)
{
    check_parts(reader, &conf->parts, at);
    if (conf->parts.size != 0)
        warn_of_idle_options(reader, conf, at);
    for (size_t i = 0; i != conf->parts.size; ++i)
        if (may_be_missing(&conf->parts.entries[i]) && conf->when_missing == GW_MISSING_NOT_SAID) {
            gw_diag_error(reader->diag, at,
                          "allow, refuse or shared: nobody should get past a limit, or share one, by accident",
                          "'when_missing' must be said: a request may come without %s",
                          gw_conf_key_text(reader->scratch, &conf->parts.entries[i]));
            return;
        }
}

void gw_client_key_check_route(struct gw_conf_reader *reader, const gw_client_key_conf_t *conf, gw_mark_t at,
                               const gw_route_conf_t *route)
{
    for (size_t i = 0; i != conf->parts.size; ++i)
        if (!gw_conf_key_is_given(&conf->parts.entries[i], route))
            gw_diag_warning(reader->diag, at, "filters run in the order of the route's list",
                            "the key '%s' is always missing on the route at %s:%u:%u: no filter before this one finds "
                            "it out",
                            gw_conf_key_text(reader->scratch, &conf->parts.entries[i]), route->at.file, route->at.line,
                            route->at.col);
}

bool gw_client_key_conf_equal(const gw_client_key_conf_t *a, const gw_client_key_conf_t *b)
{
    if (a->parts.size != b->parts.size || a->ipv4_prefix != b->ipv4_prefix || a->ipv6_prefix != b->ipv6_prefix)
        return false;
    for (size_t i = 0; i != a->parts.size; ++i)
        if (!is_same(&a->parts.entries[i], &b->parts.entries[i]))
            return false;
    return true;
}
