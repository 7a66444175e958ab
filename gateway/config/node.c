/* SPDX-License-Identifier: MIT
 * Nodes of a YAML tree: made, found, described, checked for duplicate keys. */
#include <stdlib.h>
#include "gateway/config/text.h"
#include "gateway/config/yaml.h"

gw_node_t *gw_node_find(const gw_node_t *mapping, const char *key)
{
    for (size_t i = 0; i != mapping->size; ++i)
        if (strcmp(mapping->pairs[i].key, key) == 0)
            return mapping->pairs[i].value;
    return NULL;
}

bool gw_node_is_null(const gw_node_t *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    if (node->kind != GW_NODE_SCALAR || node->is_quoted || node->source != NULL)
        return false;
    for (size_t i = 0; i != sizeof(words) / sizeof(words[0]); ++i)
        if (gw_str_equal(node->text, gw_str_of(words[i])))
            return true;
    return false;
}

const char *gw_node_found(gw_arena_t *arena, const gw_node_t *node)
{
    if (node->kind == GW_NODE_SEQUENCE)
        return "a list";
    if (node->kind == GW_NODE_MAPPING)
        return "a mapping";
    if (gw_node_is_null(node))
        return "nothing";
    return gw_arena_printf(arena, "'%s'", gw_text_shown(arena, node->text));
}

gw_node_t *gw_node_new(gw_arena_t *arena, gw_node_kind_t kind)
{
    gw_node_t *node = gw_arena_alloc(arena, sizeof(*node));

    node->kind = kind;
    node->weight = 1;
    return node;
}

gw_node_t *gw_node_new_text(gw_arena_t *arena, const char *text)
{
    gw_node_t *node = gw_node_new(arena, GW_NODE_SCALAR);

    node->is_quoted = true;
    node->text = gw_str_of(text);
    return node;
}

/* room for one more: the capacity is the next power of two, so it need not be stored */
static void *grown(gw_arena_t *arena, void *old, size_t num, size_t each)
{
    if ((num & (num - 1)) != 0)
        return old;
    void *entries = gw_arena_alloc(arena, (num == 0 ? 1 : 2 * num) * each);
    if (num != 0)
        memcpy(entries, old, num * each);
    return entries;
}

void gw_node_append(gw_arena_t *arena, gw_node_t *sequence, gw_node_t *item)
{
    sequence->items = grown(arena, sequence->items, sequence->size, sizeof(*sequence->items));
    sequence->items[sequence->size++] = item;
    sequence->weight += item->weight;
}

void gw_node_set(gw_arena_t *arena, gw_node_t *mapping, const char *key, gw_mark_t at, gw_node_t *value)
{
    mapping->pairs = grown(arena, mapping->pairs, mapping->size, sizeof(*mapping->pairs));
    mapping->pairs[mapping->size++] = (gw_node_pair_t){.key = key, .at = at, .value = value};
    mapping->weight += 1 + value->weight;
}

static int compare_pairs(const void *va, const void *vb)
{
    const gw_node_pair_t *a = *(const gw_node_pair_t *const *)va, *b = *(const gw_node_pair_t *const *)vb;
    int by_key = strcmp(a->key, b->key);

    return by_key != 0 ? by_key : a < b ? -1 : a > b;
}

/* @param diag where the later ones are reported; NULL: they go silently */
static void drop_repeated(gw_arena_t *arena, gw_node_t *node, gw_diag_t *diag)
{
    const gw_node_pair_t **sorted, *first = NULL;
    size_t kept = 0;

    if (node->size < 2)
        return;
    if ((sorted = malloc(node->size * sizeof(*sorted))) == NULL)
        abort();
    for (size_t i = 0; i != node->size; ++i)
        sorted[i] = node->pairs + i;
    qsort(sorted, node->size, sizeof(*sorted), compare_pairs);
    for (size_t i = 0; i != node->size; ++i) {
        if (first == NULL || strcmp(first->key, sorted[i]->key) != 0) {
            first = sorted[i];
            continue;
        }
        if (diag != NULL)
            gw_diag_error(
                diag, sorted[i]->at,
                gw_arena_printf(arena, "it is first set at %s:%u:%u", first->at.file, first->at.line, first->at.col),
                "duplicate key '%s'", gw_text_shown(arena, gw_str_of(sorted[i]->key)));
        node->pairs[sorted[i] - node->pairs].value = NULL;
    }
    free(sorted);
    for (size_t i = 0; i != node->size; ++i)
        if (node->pairs[i].value != NULL)
            node->pairs[kept++] = node->pairs[i];
    node->size = kept;
}

void gw_node_refuse_duplicates(gw_arena_t *arena, gw_node_t *node, gw_diag_t *diag)
{
    drop_repeated(arena, node, diag);
}

void gw_node_drop_repeated(gw_node_t *node)
{
    drop_repeated(NULL, node, NULL);
}
