/* SPDX-License-Identifier: MIT
 * YAML nodes -> structs by the rows of a table.  Nothing stops at the first error. */
#include <stdlib.h>
#include "gateway/config/reader.h"
#include "gateway/config/text.h"

static bool read_mapping(gw_conf_reader_t *reader, const char *name, const gw_section_t *section, const gw_node_t *node,
                         void *target);

static bool refuse_kind(gw_conf_reader_t *reader, const char *key, const gw_node_t *node, const char *wanted)
{
    gw_diag_error(reader->diag, node->at, NULL, "'%s' must be %s, found %s", key, wanted,
                  gw_node_found(reader->scratch, node));
    return false;
}

/* the offending text is shown unless the option holds a secret */
static bool refuse_text(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, const char *wanted,
                        const char *hint)
{
    if (field->is_secret)
        gw_diag_error(reader->diag, node->at, hint, "the text is not valid for '%s' (%s)", field->key, wanted);
    else
        gw_conf_refuse(reader, field->key, node, wanted, hint);
    return false;
}

static bool read_bool(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, bool *target)
{
    static const char *const words[] = {"false", "no", "off", "true", "yes", "on"};

    for (size_t i = 0; i != 6; ++i)
        if (gw_str_equal_nocase(node->text, gw_str_of(words[i]))) {
            *target = i >= 3;
            return true;
        }
    return refuse_text(reader, field, node, "true or false", field->meaning);
}

static bool read_number(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, uint64_t *target)
{
    const char *wanted = gw_field_bounds(reader->scratch, field), *what = "a whole number", *hint = field->meaning;
    bool is_number = true;
    uint64_t value = 0, plain;

    if (field->type == GW_UINT) {
        is_number = gw_conf_parse_uint(node->text, &value);
        if (field->unit != NULL)
            wanted = gw_arena_printf(reader->scratch, "%s%s%s", wanted, *wanted != '\0' ? " " : "", field->unit);
    } else if (field->type == GW_DURATION) {
        what = "a duration such as 250ms, 5s, 10m or 1h";
        is_number = gw_conf_parse_duration(node->text, &value);
        if (!is_number && gw_conf_parse_uint(node->text, &plain))
            hint = "a duration needs a unit: ms, s, m or h";
    } else if (field->type == GW_PERCENT) {
        what = "a percentage such as 20% or 0.5%";
        is_number = gw_conf_parse_percent(node->text, &value);
        if (!is_number && gw_conf_parse_uint(node->text, &plain))
            hint = gw_arena_printf(reader->scratch, "did you mean '%llu%%'?", (unsigned long long)plain);
    } else {
        what = "a size such as 512B, 64KiB, 8MiB or 1GiB";
        is_number = gw_conf_parse_size(node->text, &value);
    }
    if (!is_number)
        return refuse_text(reader, field, node,
                           *wanted != '\0' ? gw_arena_printf(reader->scratch, "%s, %s", what, wanted) : what, hint);
    if (value < field->min || (field->max != 0 && value > field->max)) {
        if (field->type == GW_SIZE && gw_conf_parse_uint(node->text, &plain))
            hint = "a size without a unit counts bytes";
        return refuse_text(reader, field, node, wanted, hint);
    }
    *target = value;
    return true;
}

static bool read_enum(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, int *target)
{
    size_t num = 0;

    for (; field->words[num] != NULL; ++num)
        if (gw_str_equal(node->text, gw_str_of(field->words[num]))) {
            *target = (int)num;
            return true;
        }
    const char *nearest = gw_text_nearest(node->text, field->words, num);
    return refuse_text(reader, field, node, gw_field_type(reader->scratch, field),
                       nearest != NULL ? gw_arena_printf(reader->scratch, "did you mean '%s'?", nearest)
                                       : field->meaning);
}

static bool read_scalar(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, void *target)
{
    if (node->is_broken)
        return false;
    switch (field->type) {
    case GW_BOOL:
        return read_bool(reader, field, node, target);
    case GW_ENUM:
        return read_enum(reader, field, node, target);
    case GW_STRING:
        if (node->text.len < field->min || (field->max != 0 && node->text.len > field->max))
            return refuse_text(reader, field, node, gw_field_bounds(reader->scratch, field), field->meaning);
        *(const char **)target = gw_arena_strdup(reader->arena, node->text);
        return true;
    case GW_PATH: {
        const char *file = gw_conf_read_text(reader, field->key, node, "a file name");
        if (file != NULL)
            *(const char **)target = gw_conf_resolve(reader, node->at, file);
        return file != NULL;
    }
    default:
        return read_number(reader, field, node, target);
    }
}

static bool check_entries(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, size_t num)
{
    if (num >= field->min && (field->max == 0 || num <= field->max))
        return true;
    gw_diag_error(reader->diag, node->at, field->meaning, "'%s' has %zu entries (%s)", field->key, num,
                  gw_field_bounds(reader->scratch, field));
    return false;
}

static const char *source_of(gw_conf_reader_t *reader, const gw_node_t *node)
{
    return node->source != NULL ? gw_arena_strdup(reader->arena, gw_str_of(node->source)) : NULL;
}

/* an entry of a list or mapping of texts */
static const char *read_entry(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node)
{
    if (node->kind != GW_NODE_SCALAR || gw_node_is_null(node)) {
        gw_diag_error(reader->diag, node->at, field->meaning, "an entry of '%s' must be a text, found %s", field->key,
                      gw_node_found(reader->scratch, node));
        return NULL;
    }
    if (node->is_broken) {
        ++reader->num_broken;
        return NULL;
    }
    return gw_arena_strdup(reader->arena, node->text);
}

static bool read_strings(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node,
                         gw_conf_strings_t *target)
{
    const gw_node_t *const *items = node->kind == GW_NODE_SCALAR ? &node : (const gw_node_t *const *)node->items;
    size_t num = gw_node_is_null(node) ? 0 : node->kind == GW_NODE_SCALAR ? 1 : node->size;
    bool is_ok = check_entries(reader, field, node, num);

    target->entries = gw_arena_alloc(reader->arena, num * sizeof(*target->entries));
    for (size_t i = 0; i != num; ++i) {
        const char *value = read_entry(reader, field, items[i]);
        if (value == NULL)
            is_ok = false;
        else
            target->entries[target->size++] = (struct gw_conf_string){value, items[i]->at, source_of(reader, items[i])};
    }
    return is_ok;
}

static bool read_pairs(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node,
                       gw_conf_pairs_t *target)
{
    bool is_ok = check_entries(reader, field, node, node->size);

    target->entries = gw_arena_alloc(reader->arena, node->size * sizeof(*target->entries));
    for (size_t i = 0; i != node->size; ++i) {
        const gw_node_pair_t *pair = node->pairs + i;
        const char *value = read_entry(reader, field, pair->value);
        if (value == NULL) {
            is_ok = false;
            continue;
        }
        target->entries[target->size++] = (struct gw_conf_pair){
            .name = gw_arena_strdup(reader->arena, gw_str_of(pair->key)),
            .value = value,
            .name_at = pair->at,
            .value_at = pair->value->at,
            .source = source_of(reader, pair->value),
        };
    }
    return is_ok;
}

static bool read_list(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, gw_conf_list_t *target)
{
    bool is_one = node->kind == GW_NODE_MAPPING;
    const gw_node_t *const *items = is_one ? &node : (const gw_node_t *const *)node->items;
    size_t num = is_one ? 1 : node->size;
    bool is_ok = check_entries(reader, field, node, num);

    target->entries = gw_arena_alloc(reader->arena, num * field->section->size);
    target->size = num;
    for (size_t i = 0; i != num; ++i)
        if (!read_mapping(reader, field->section->name, field->section, items[i],
                          (char *)target->entries + i * field->section->size))
            is_ok = false;
    return is_ok;
}

static bool read_map(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, gw_conf_list_t *target)
{
    bool is_ok = check_entries(reader, field, node, node->size);

    target->entries = gw_arena_alloc(reader->arena, node->size * field->section->size);
    target->size = node->size;
    for (size_t i = 0; i != node->size; ++i) {
        const gw_node_pair_t *pair = node->pairs + i;
        char *entry = (char *)target->entries + i * field->section->size;
        if (!gw_conf_is_name(pair->key)) {
            gw_diag_error(reader->diag, pair->at, GW_CONF_NAME_HINT, "'%s' is no name for a %s",
                          gw_text_shown(reader->scratch, gw_str_of(pair->key)), field->section->name);
            is_ok = false;
        }
        *(const char **)(entry + field->section->name_offset) = gw_arena_strdup(reader->arena, gw_str_of(pair->key));
        if (!read_mapping(reader, pair->key, field->section, pair->value, entry))
            is_ok = false;
        else if (field->section->mark_offset != GW_NO_OFFSET)
            *(gw_mark_t *)(entry + field->section->mark_offset) = pair->at;
    }
    return is_ok;
}

static bool read_custom(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, void *target)
{
    size_t before = gw_diag_num_errors(reader->diag) + reader->num_broken;

    field->read(reader, node, target);
    return before == gw_diag_num_errors(reader->diag) + reader->num_broken;
}

bool gw_field_read(gw_conf_reader_t *reader, const gw_field_t *field, const gw_node_t *node, void *target)
{
    bool is_null = gw_node_is_null(node);

    switch (field->type) {
    case GW_CUSTOM:
        return read_custom(reader, field, node, target);
    case GW_SECTION:
        return read_mapping(reader, field->key, field->section, node, target);
    case GW_STRINGS:
        return node->kind == GW_NODE_MAPPING ? refuse_kind(reader, field->key, node, "a list")
                                             : read_strings(reader, field, node, target);
    case GW_LIST:
        return node->kind == GW_NODE_SEQUENCE || is_null || (field->is_one_enough && node->kind == GW_NODE_MAPPING)
                   ? read_list(reader, field, node, target)
                   : refuse_kind(reader, field->key, node, "a list");
    case GW_PAIRS:
        return node->kind != GW_NODE_MAPPING && !is_null ? refuse_kind(reader, field->key, node, "a mapping")
                                                         : read_pairs(reader, field, node, target);
    case GW_MAP:
        return node->kind != GW_NODE_MAPPING && !is_null ? refuse_kind(reader, field->key, node, "a mapping")
                                                         : read_map(reader, field, node, target);
    default:
        if (node->kind == GW_NODE_SCALAR && !is_null)
            return read_scalar(reader, field, node, target);
        return refuse_kind(reader, field->key, node,
                           field->type == GW_UINT       ? "a whole number"
                           : field->type == GW_DURATION ? "a duration"
                           : field->type == GW_SIZE     ? "a size"
                           : field->type == GW_PERCENT  ? "a percentage"
                           : field->type == GW_STRING   ? "a text"
                           : field->type == GW_PATH     ? "a file name"
                                                        : gw_field_type(reader->scratch, field));
    }
}

/* what an absent option becomes */
static bool fill_in(gw_conf_reader_t *reader, const gw_field_t *field, gw_mark_t at, void *target)
{
    bool is_ok = true;

    if (field->type == GW_SECTION) {
        for (const gw_field_t *row = field->section->fields; row->key != NULL; ++row)
            if (!fill_in(reader, row, at, (char *)target + row->offset))
                is_ok = false;
        return is_ok;
    }
    if (field->def == NULL)
        return true;
    const gw_node_t node = {.kind = GW_NODE_SCALAR, .at = at, .text = gw_str_of(field->def), .is_quoted = true};
    return gw_field_read(reader, field, &node, target);
}

static bool read_rows(gw_conf_reader_t *reader, const gw_section_t *section, const gw_node_t *node, void *target)
{
    bool is_ok = true;

    for (const gw_field_t *field = section->fields; field->key != NULL; ++field) {
        const gw_node_t *value = gw_node_find(node, field->key);
        void *member = (char *)target + field->offset;
        if (value != NULL) {
            if (!gw_field_read(reader, field, value, member))
                is_ok = false;
        } else if (field->is_required) {
            gw_diag_error(reader->diag, node->at, field->meaning, "required key '%s' is missing", field->key);
            is_ok = false;
        } else if (!fill_in(reader, field, node->at, member)) {
            is_ok = false;
        }
    }
    return is_ok;
}

static bool refuse_unknown_keys(gw_conf_reader_t *reader, const gw_section_t *section, const gw_node_t *node)
{
    const char *keys[64];
    size_t num = 0;
    bool is_ok = true;

    while (num != 64 && section->fields[num].key != NULL) {
        keys[num] = section->fields[num].key;
        ++num;
    }
    for (size_t i = 0; i != node->size; ++i) {
        bool is_known = false;
        for (size_t k = 0; k != num && !is_known; ++k)
            is_known = strcmp(keys[k], node->pairs[i].key) == 0;
        if (is_known)
            continue;
        gw_conf_refuse_name(reader, node->pairs[i].at, "unknown key '%s'", node->pairs[i].key, keys, num, "known keys");
        is_ok = false;
    }
    return is_ok;
}

static bool read_mapping(gw_conf_reader_t *reader, const char *name, const gw_section_t *section, const gw_node_t *node,
                         void *target)
{
    gw_node_pair_t pair;
    gw_node_t stand_in;

    if (node->kind != GW_NODE_MAPPING) {
        stand_in = (gw_node_t){.kind = GW_NODE_MAPPING, .at = node->at};
        if (node->kind == GW_NODE_SCALAR && !gw_node_is_null(node) && section->scalar_key != NULL) {
            pair = (gw_node_pair_t){.key = section->scalar_key, .at = node->at, .value = (gw_node_t *)node};
            stand_in.pairs = &pair;
            stand_in.size = 1;
        } else if (!gw_node_is_null(node)) {
            return refuse_kind(reader, name, node, "a mapping");
        }
        node = &stand_in;
    }
    if (section->mark_offset != GW_NO_OFFSET)
        *(gw_mark_t *)((char *)target + section->mark_offset) = node->at;
    bool is_known = refuse_unknown_keys(reader, section, node), is_read = read_rows(reader, section, node, target);
    if (!is_known || !is_read)
        return false;
    size_t before = gw_diag_num_errors(reader->diag);
    if (section->check != NULL)
        section->check(reader, target, node->at);
    return before == gw_diag_num_errors(reader->diag);
}

bool gw_section_read(struct gw_conf_reader *reader, const gw_section_t *section, const struct gw_node *node,
                     void *target)
{
    return read_mapping(reader, section->name, section, node, target);
}
