/* SPDX-License-Identifier: MIT
 * The reading of keys. */
#include "gateway/config/key.h"
#include "gateway/config/conf.h"
#include "gateway/exchange/filter.h"
#include "gateway/http/syntax.h"

enum { longest_property = 256 };

static const struct {
    gw_key_kind_t kind;
    const char *prefix, *wanted; /* "header:" takes a name, "principal" stands alone */
} forms[] = {
    {GW_KEY_CLIENT_ADDRESS, "client_address", "client_address"},
    {GW_KEY_HEADER, "header:", "header:NAME"},
    {GW_KEY_COOKIE, "cookie:", "cookie:NAME"},
    {GW_KEY_QUERY, "query:", "query:NAME"},
    {GW_KEY_ROUTE, "route", "route"},
    {GW_KEY_ALL, "all", "all"},
    {GW_KEY_PRINCIPAL, "principal", "principal"},
};
enum { num_forms = sizeof(forms) / sizeof(forms[0]) };

static const char property_wanted[] = "a property such as jwt.sub";

static bool parse_property(gw_arena_t *arena, gw_str_t text, gw_key_conf_t *key)
{
    for (const gw_filter_class_t *const *class = gw_filter_classes; *class != NULL; ++class) {
        gw_str_t scheme = gw_str_of((*class)->name);
        if (!(*class)->gives_principal || !gw_str_starts_with(text, scheme) || text.len <= scheme.len + 1 ||
            text.ptr[scheme.len] != '.' || text.len > longest_property)
            continue;
        gw_str_t name = gw_str(text.ptr + scheme.len + 1, text.len - scheme.len - 1);
        *key = (gw_key_conf_t){GW_KEY_PROPERTY, gw_arena_strdup(arena, name), (*class)->name};
        return true;
    }
    return false;
}

bool gw_conf_parse_key(gw_arena_t *arena, gw_str_t text, unsigned kinds, gw_key_conf_t *key)
{
    for (size_t i = 0; i != num_forms; ++i) {
        gw_str_t prefix = gw_str_of(forms[i].prefix);
        if ((kinds & 1u << forms[i].kind) == 0 || !gw_str_starts_with(text, prefix))
            continue;
        gw_str_t name = gw_str(text.ptr + prefix.len, text.len - prefix.len);
        if (prefix.ptr[prefix.len - 1] != ':') {
            if (name.len != 0)
                continue;
            *key = (gw_key_conf_t){.kind = (int)forms[i].kind};
            return true;
        }
        if (!gw_http_is_token(name))
            return false;
        char *copy = gw_arena_strdup(arena, name);
        for (char *c = copy; forms[i].kind == GW_KEY_HEADER && *c != '\0'; ++c)
            *c = gw_ascii_lower(*c);
        *key = (gw_key_conf_t){.kind = (int)forms[i].kind, .name = copy};
        return true;
    }
    return (kinds & 1u << GW_KEY_PROPERTY) != 0 && parse_property(arena, text, key);
}

const char *gw_conf_keys_taken(gw_arena_t *arena, unsigned kinds)
{
    const char *wanted[num_forms + 1], *text = "";
    size_t num = 0;

    for (size_t i = 0; i != num_forms; ++i)
        if ((kinds & 1u << forms[i].kind) != 0)
            wanted[num++] = forms[i].wanted;
    if ((kinds & 1u << GW_KEY_PROPERTY) != 0)
        wanted[num++] = property_wanted;
    for (size_t i = 0; i != num; ++i)
        text = gw_arena_printf(arena, "%s%s%s", text, i == 0 ? "" : i + 1 == num ? " or " : ", ", wanted[i]);
    return text;
}

void gw_conf_read_key(gw_conf_reader_t *reader, const char *option, const gw_node_t *node, unsigned kinds,
                      gw_key_conf_t *key)
{
    const char *wanted = gw_conf_keys_taken(reader->scratch, kinds);
    const char *text = gw_conf_read_text(reader, option, node, wanted);
    gw_key_conf_t other;

    if (text == NULL || gw_conf_parse_key(reader->arena, gw_str_of(text), kinds, key))
        return;
    bool is_known = gw_conf_parse_key(reader->scratch, gw_str_of(text), GW_KEYS_ANY, &other);
    gw_conf_refuse(reader, option, node, wanted,
                   is_known && other.kind >= GW_KEY_PRINCIPAL ? "who the request comes from is not known yet" : NULL);
}

const char *gw_conf_key_text(gw_arena_t *arena, const gw_key_conf_t *key)
{
    if (key->kind == GW_KEY_PROPERTY)
        return gw_arena_printf(arena, "%s.%s", key->scheme, key->name);
    for (size_t i = 0; i != num_forms; ++i)
        if (key->kind == (int)forms[i].kind)
            return gw_arena_printf(arena, "%s%s", forms[i].prefix, key->name != NULL ? key->name : "");
    return NULL;
}

gw_node_t *gw_conf_show_key(gw_arena_t *arena, const void *target)
{
    const char *text = gw_conf_key_text(arena, target);

    return text != NULL ? gw_node_new_text(arena, text) : NULL;
}

void gw_conf_hide_parameter(gw_conf_reader_t *reader, const char *name)
{
    typeof(((gw_snapshot_t *)NULL)->secret_parameters) *hidden =
        &((gw_conf_root_t *)reader->context)->snapshot.secret_parameters;

    for (size_t i = 0; i != hidden->size; ++i)
        if (gw_str_equal_nocase(hidden->entries[i], gw_str_of(name)))
            return;
    char *copy = gw_arena_strdup(reader->arena, gw_str_of(name));
    for (char *c = copy; *c != '\0'; ++c)
        *c = gw_ascii_lower(*c);
    gw_str_t *entries = gw_arena_alloc(reader->arena, (hidden->size + 1) * sizeof(*entries)); /* there are few */
    if (hidden->size != 0)
        memcpy(entries, hidden->entries, hidden->size * sizeof(*entries));
    entries[hidden->size++] = gw_str_of(copy);
    hidden->entries = entries;
}

bool gw_conf_key_is_given(const gw_key_conf_t *key, const gw_route_conf_t *route)
{
    if (key->kind != GW_KEY_PRINCIPAL && key->kind != GW_KEY_PROPERTY)
        return true;
    for (size_t i = 0; i != route->num_filters && route->filters[i] != NULL; ++i) {
        const gw_filter_class_t *class = route->filters[i]->class;
        if (class->gives_principal && (key->kind == GW_KEY_PRINCIPAL || strcmp(class->name, key->scheme) == 0))
            return true;
    }
    return false;
}
