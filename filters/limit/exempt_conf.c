/* SPDX-License-Identifier: MIT
 * Reading who is not limited. */
#include "filters/limit/exempt_conf.h"
#include "gateway/config/text.h"
#include "gateway/http/syntax.h"

static const char self[] = "exempt";
static const char example[] = "for example: [client_address=10.0.0.0/8, method=OPTIONS, jwt.plan=gold]";
static const char keys_taken[] = GW_KEYS_ANY_TAKES ", or method";

static const gw_field_t texts_row = {.key = self, .type = GW_STRINGS, .max = GW_MAX_EXEMPT_RULES, .meaning = example};

/** Whether --print may show the value: who sends it cannot have made it up. */
static bool is_open(const gw_key_conf_t *key)
{
    return key->kind != GW_KEY_HEADER && key->kind != GW_KEY_COOKIE && key->kind != GW_KEY_QUERY;
}

/* The networks of the rules, while they are read. */
typedef struct found {
    gw_cidr_t *networks;
    size_t num;
    bool has_unix;
} found_t;

static void read_method(struct gw_conf_reader *reader, gw_str_t value, gw_mark_t at)
{
    bool is_right = gw_http_is_token(value);
    for (size_t i = 0; i != value.len; ++i)
        is_right = is_right && (value.ptr[i] < 'a' || value.ptr[i] > 'z');
    if (!is_right)
        gw_diag_error(reader->diag, at, NULL, "'%s' is not valid for '%s' (a method, in capitals)",
                      gw_text_shown(reader->scratch, value), self);
}

static void read_network(struct gw_conf_reader *reader, gw_str_t value, gw_mark_t at, found_t *found)
{
    if (gw_network_is_unix(value))
        found->has_unix = true;
    else if (gw_conf_parse_network(reader, self, &(struct gw_conf_string){.value = value.ptr, .at = at},
                                   &found->networks[found->num]))
        ++found->num;
}

static void read_rule(struct gw_conf_reader *reader, const struct gw_conf_string *text, gw_exempt_rule_t *rule,
                      found_t *found)
{
    gw_str_t whole = gw_str_of(text->value);
    const char *sign = strchr(text->value, '=');
    if (sign == NULL || sign == text->value || sign[1] == '\0') {
        gw_diag_error(reader->diag, text->at, example, "a rule of '%s' is KEY=VALUE", self);
        return;
    }
    gw_str_t key = gw_str(whole.ptr, (size_t)(sign - whole.ptr));
    rule->value = gw_str_of(sign + 1);
    if (gw_str_equal(key, GW_STR("method")))
        read_method(reader, rule->value, text->at);
    else if (!gw_conf_parse_key(reader->arena, key, GW_KEYS_ANY, &rule->key))
        gw_diag_error(reader->diag, text->at, NULL, "'%s' is not valid for '%s' (%s)",
                      gw_text_shown(reader->scratch, key), self, keys_taken);
    else if (rule->key.kind == GW_KEY_CLIENT_ADDRESS)
        read_network(reader, rule->value, text->at, found);
}

static void free_networks(void *networks)
{
    gw_network_list_free(networks);
}

void gw_exempt_read(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    gw_exempt_conf_t *conf = target;
    gw_conf_strings_t texts = {.size = 0};
    if (!gw_field_read(reader, &texts_row, node, &texts) || texts.size == 0)
        return;
    found_t found = {.networks = gw_arena_alloc(reader->scratch, texts.size * sizeof(*found.networks))};
    conf->rules = gw_arena_alloc(reader->arena, texts.size * sizeof(*conf->rules));
    conf->num_rules = texts.size;
    for (size_t i = 0; i != texts.size; ++i)
        read_rule(reader, &texts.entries[i], &conf->rules[i], &found);
    if (found.num == 0 && !found.has_unix)
        return;
    conf->networks = gw_network_list_create(found.networks, found.num, found.has_unix);
    gw_arena_on_free(reader->arena, free_networks, conf->networks);
}

struct gw_node *gw_exempt_show(gw_arena_t *arena, const void *target)
{
    const gw_exempt_conf_t *conf = target;
    gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE);
    for (size_t i = 0; i != conf->num_rules; ++i) {
        const gw_exempt_rule_t *rule = &conf->rules[i];
        const char *key = rule->key.kind == GW_KEY_NONE ? "method" : gw_conf_key_text(arena, &rule->key);
        const char *value = is_open(&rule->key) ? rule->value.ptr : "(secret)";
        gw_node_append(arena, list, gw_node_new_text(arena, gw_arena_printf(arena, "%s=%s", key, value)));
    }
    return list->size != 0 ? list : NULL;
}

void gw_exempt_check_route(struct gw_conf_reader *reader, const gw_exempt_conf_t *conf, gw_mark_t at,
                           const gw_route_conf_t *route)
{
    for (size_t i = 0; i != conf->num_rules; ++i)
        if (!gw_conf_key_is_given(&conf->rules[i].key, route))
            gw_diag_warning(
                reader->diag, at, "filters run in the order of the route's list",
                "the rule '%s' of 'exempt' fits nothing on the route at %s:%u:%u: no filter before this one "
                "finds it out",
                gw_conf_key_text(reader->scratch, &conf->rules[i].key), route->at.file, route->at.line, route->at.col);
}
