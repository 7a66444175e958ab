/* SPDX-License-Identifier: MIT
 * The options `forward`, `require`, `realm` and `mode`. */
#include "filters/principal_conf.h"
#include "gateway/config/text.h"
#include "gateway/http/hop.h"
#include "gateway/http/syntax.h"

enum { most_properties = 32, most_values = 1000, longest_property = 64 };

const char *const gw_auth_mode_words[] = {[GW_AUTH_ENFORCE] = "enforce", [GW_AUTH_OBSERVE] = "observe", NULL};
const char *const gw_auth_optional_words[] = {
    [GW_AUTH_NEEDED] = "false", [GW_AUTH_OPTIONAL] = "true", [GW_AUTH_OPTIONAL_WHEN_KNOWN] = "when_known", NULL};

/* forward ---------------------------------------------------------------------------------------------------------- */

static bool belongs_to_the_gateway(gw_str_t name)
{
    static const gw_str_t forwarded = {"x-forwarded-", 12};
    return gw_http_is_of_the_gateway(name) ||
           (name.len > forwarded.len && gw_http_is_read_as(gw_str(name.ptr, forwarded.len), forwarded));
}

static const char *lower_case(gw_arena_t *arena, const char *text)
{
    char *copy = gw_arena_strdup(arena, gw_str_of(text));
    for (char *c = copy; *c != '\0'; ++c)
        *c = gw_ascii_lower(*c);
    return copy;
}

void gw_conf_check_forward(struct gw_conf_reader *reader, gw_conf_pairs_t *forward)
{
    for (size_t i = 0; i != forward->size; ++i) {
        struct gw_conf_pair *pair = &forward->entries[i];
        if (!gw_http_is_token(gw_str_of(pair->value))) {
            gw_diag_error(reader->diag, pair->value_at, "letters, digits and any of !#$%&'*+-.^_`|~",
                          "'%s' is not a field name", gw_text_shown(reader->scratch, gw_str_of(pair->value)));
            continue;
        }
        pair->value = lower_case(reader->arena, pair->value);
        if (belongs_to_the_gateway(gw_str_of(pair->value)))
            gw_diag_error(reader->diag, pair->value_at, "for example: X-User", "the field '%s' belongs to the gateway",
                          pair->value);
        for (size_t k = 0; k != i; ++k)
            if (gw_http_is_read_as(gw_str_of(forward->entries[k].value), gw_str_of(pair->value))) {
                gw_diag_error(reader->diag, pair->value_at, NULL, "the field '%s' is already taken by '%s'",
                              pair->value, forward->entries[k].name);
                break;
            }
    }
}

void gw_conf_check_forward_apart(struct gw_conf_reader *reader, const gw_conf_pairs_t *forward,
                                 const gw_key_conf_t *places, size_t num)
{
    for (size_t i = 0; i != forward->size; ++i) {
        const struct gw_conf_pair *pair = &forward->entries[i];
        for (size_t k = 0; k != num; ++k)
            if (places[k].kind == GW_KEY_HEADER &&
                gw_http_is_read_as(gw_str_of(pair->value), gw_str_of(places[k].name)))
                gw_diag_error(
                    reader->diag, pair->value_at, "for example: X-User",
                    "the field '%s' is where the credential comes from: it would be removed before it is read",
                    pair->value);
    }
}

void gw_conf_check_realm(struct gw_conf_reader *reader, const char *realm, gw_mark_t at)
{
    for (const char *c = realm; *c != '\0'; ++c)
        if (*c < 0x20 || *c > 0x7e || *c == '"' || *c == '\\') {
            gw_diag_error(reader->diag, at, NULL, "'realm' takes printable ASCII without '\"' and '\\'");
            return;
        }
}

/* require ---------------------------------------------------------------------------------------------------------- */

static const gw_field_t values_row = {
    .key = "require", .type = GW_STRINGS, .min = 1, .max = most_values, .meaning = "what the property may be"};

void gw_conf_read_requirements(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    gw_requirements_t *requirements = target;

    if (gw_node_is_null(node))
        return;
    if (node->kind != GW_NODE_MAPPING || node->size > most_properties) {
        gw_diag_error(reader->diag, node->at, "for example: require: {plan: [gold, silver]}",
                      "'require' must be a mapping of at most %d properties, found %s", most_properties,
                      node->kind == GW_NODE_MAPPING ? "more" : gw_node_found(reader->scratch, node));
        return;
    }
    requirements->entries = gw_arena_alloc(reader->arena, node->size * sizeof(*requirements->entries));
    for (size_t i = 0; i != node->size; ++i) {
        const gw_node_pair_t *pair = node->pairs + i;
        gw_requirement_t *requirement = &requirements->entries[requirements->size++];
        *requirement =
            (gw_requirement_t){.property = gw_arena_strdup(reader->arena, gw_str_of(pair->key)), .at = pair->at};
        size_t len = strlen(pair->key);
        if (len == 0 || len > longest_property)
            gw_diag_error(reader->diag, pair->at, NULL, "'%s' is no property",
                          gw_text_shown(reader->scratch, gw_str_of(pair->key)));
        gw_field_read(reader, &values_row, pair->value, &requirement->values);
    }
}

struct gw_node *gw_conf_show_requirements(gw_arena_t *arena, const void *target)
{
    const gw_requirements_t *requirements = target;
    gw_node_t *mapping = gw_node_new(arena, GW_NODE_MAPPING);

    for (size_t i = 0; i != requirements->size; ++i) {
        const gw_requirement_t *requirement = &requirements->entries[i];
        gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE);
        for (size_t k = 0; k != requirement->values.size; ++k) {
            gw_node_t *text = gw_node_new_text(arena, requirement->values.entries[k].value);
            text->source = requirement->values.entries[k].source;
            gw_node_append(arena, list, text);
        }
        gw_node_set(arena, mapping, requirement->property, (gw_mark_t){0}, list);
    }
    return mapping->size != 0 ? mapping : NULL;
}

bool gw_requirement_is_met(const gw_requirement_t *requirement, gw_str_t value)
{
    for (size_t i = 0; value.len != 0 && i != requirement->values.size; ++i)
        if (gw_str_equal(gw_str_of(requirement->values.entries[i].value), value))
            return true;
    return false;
}
