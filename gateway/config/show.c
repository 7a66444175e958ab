/* SPDX-License-Identifier: MIT
 * Structs -> YAML nodes by the rows of a table, and the walk over all rows. */
#include "gateway/config/reader.h"

static gw_node_t *literal(gw_arena_t *arena, const char *text)
{
    gw_node_t *node = gw_node_new_text(arena, text);

    node->is_quoted = false;
    return node;
}

static gw_node_t *text_or_source(gw_arena_t *arena, const gw_field_t *field, const char *value, const char *source)
{
    gw_node_t *node = gw_node_new_text(arena, field->is_secret ? "(secret)" : value);

    if (!field->is_secret)
        node->source = source;
    return node;
}

static gw_node_t *show_strings(gw_arena_t *arena, const gw_field_t *field, const gw_conf_strings_t *value)
{
    gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE);

    for (size_t i = 0; i != value->size; ++i)
        gw_node_append(arena, list, text_or_source(arena, field, value->entries[i].value, value->entries[i].source));
    return list->size != 0 ? list : NULL;
}

static gw_node_t *show_pairs(gw_arena_t *arena, const gw_field_t *field, const gw_conf_pairs_t *value)
{
    gw_node_t *mapping = gw_node_new(arena, GW_NODE_MAPPING);

    for (size_t i = 0; i != value->size; ++i)
        gw_node_set(arena, mapping, value->entries[i].name, (gw_mark_t){0},
                    text_or_source(arena, field, value->entries[i].value, value->entries[i].source));
    return mapping->size != 0 ? mapping : NULL;
}

static gw_node_t *show_list(gw_arena_t *arena, const gw_field_t *field, const gw_conf_list_t *value)
{
    gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE);

    for (size_t i = 0; i != value->size; ++i)
        gw_node_append(arena, list,
                       gw_section_show(arena, field->section, (const char *)value->entries + i * field->section->size));
    return list->size != 0 ? list : NULL;
}

static gw_node_t *show_map(gw_arena_t *arena, const gw_field_t *field, const gw_conf_list_t *value)
{
    gw_node_t *mapping = gw_node_new(arena, GW_NODE_MAPPING);

    for (size_t i = 0; i != value->size; ++i) {
        const char *entry = (const char *)value->entries + i * field->section->size;
        gw_node_set(arena, mapping, *(const char *const *)(entry + field->section->name_offset), (gw_mark_t){0},
                    gw_section_show(arena, field->section, entry));
    }
    return mapping->size != 0 ? mapping : NULL;
}

/* @return NULL for what is not there */
static gw_node_t *show_field(gw_arena_t *arena, const gw_field_t *field, const void *value)
{
    const char *text;

    switch (field->type) {
    case GW_BOOL:
        return literal(arena, *(const bool *)value ? "true" : "false");
    case GW_UINT:
        if (field->def == NULL && *(const uint64_t *)value < field->min)
            return NULL; /* not given; what is printed must load again */
        return literal(arena, gw_arena_printf(arena, "%llu", (unsigned long long)*(const uint64_t *)value));
    case GW_DURATION:
        return gw_node_new_text(arena, gw_conf_duration_text(arena, *(const uint64_t *)value));
    case GW_SIZE:
        return gw_node_new_text(arena, gw_conf_size_text(arena, *(const uint64_t *)value));
    case GW_PERCENT:
        return gw_node_new_text(arena, gw_conf_percent_text(arena, *(const uint64_t *)value));
    case GW_ENUM:
        return gw_node_new_text(arena, field->words[*(const int *)value]);
    case GW_STRING:
    case GW_PATH:
        text = *(const char *const *)value;
        return text != NULL ? text_or_source(arena, field, text, NULL) : NULL;
    case GW_STRINGS:
        return show_strings(arena, field, value);
    case GW_PAIRS:
        return show_pairs(arena, field, value);
    case GW_LIST:
        return show_list(arena, field, value);
    case GW_MAP:
        return show_map(arena, field, value);
    case GW_SECTION:
        /* a section that knows its mark is there only when it was written */
        if (field->section->mark_offset != GW_NO_OFFSET &&
            ((const gw_mark_t *)((const char *)value + field->section->mark_offset))->line == 0)
            return NULL;
        return gw_section_show(arena, field->section, value);
    case GW_CUSTOM:
        return field->is_secret ? gw_node_new_text(arena, "(secret)") : field->show(arena, value);
    }
    return NULL;
}

gw_node_t *gw_section_show(gw_arena_t *arena, const gw_section_t *section, const void *value)
{
    gw_node_t *mapping = gw_node_new(arena, GW_NODE_MAPPING);

    for (const gw_field_t *field = section->fields; field->key != NULL; ++field) {
        gw_node_t *node = show_field(arena, field, (const char *)value + field->offset);
        if (node != NULL)
            gw_node_set(arena, mapping, field->key, (gw_mark_t){0}, node);
    }
    return mapping;
}

void gw_section_walk(gw_arena_t *arena, const char *prefix, const gw_section_t *section,
                     void (*each)(void *arg, const char *path, const gw_field_t *field), void *arg)
{
    for (const gw_field_t *field = section->fields; field->key != NULL; ++field) {
        const char *path = gw_arena_printf(arena, "%s%s%s", prefix, *prefix != '\0' ? "." : "", field->key);
        each(arg, path, field);
        if (field->section != NULL)
            gw_section_walk(arena,
                            field->type == GW_LIST  ? gw_arena_printf(arena, "%s[]", path)
                            : field->type == GW_MAP ? gw_arena_printf(arena, "%s.NAME", path)
                                                    : path,
                            field->section, each, arg);
    }
}
