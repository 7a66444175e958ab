/* SPDX-License-Identifier: MIT
 * The section `filters`, and the filters that a route lists: by name, by alias or in place. */
#include "gateway/config/conf.h"
#include "gateway/config/text.h"
#include "gateway/exchange/filter.h"

enum { most_per_route = 64 };

static const gw_filter_class_t *find_class(gw_conf_reader_t *reader, const gw_node_pair_t *pair)
{
    const char *names[64];
    size_t num = 0;

    for (; num != 64 && gw_filter_classes[num] != NULL; ++num) {
        if (strcmp(gw_filter_classes[num]->name, pair->key) == 0)
            return gw_filter_classes[num];
        names[num] = gw_filter_classes[num]->name;
    }
    gw_conf_refuse_name(reader, pair->at, "there is no filter '%s'", pair->key, names, num, "known filters");
    return NULL;
}

struct disposal {
    const gw_filter_class_t *class;
    void *conf;
};

static void dispose(void *arg)
{
    const struct disposal *disposal = arg;

    disposal->class->dispose(disposal->conf);
}

/* reads {CLASS: options}   @return NULL after reporting */
static gw_filter_conf_t *read_filter(gw_conf_reader_t *reader, const gw_node_t *node)
{
    if (node->kind != GW_NODE_MAPPING || node->size != 1) {
        gw_diag_error(reader->diag, node->at, "for example: headers: {response: {remove: [Server]}}",
                      "a filter must be one mapping of its kind to its options, found %s",
                      node->kind == GW_NODE_MAPPING ? gw_arena_printf(reader->scratch, "%zu keys", node->size)
                                                    : gw_node_found(reader->scratch, node));
        return NULL;
    }
    const gw_filter_class_t *class = find_class(reader, node->pairs);
    if (class == NULL)
        return NULL;
    gw_filter_conf_t *filter = gw_arena_alloc(reader->arena, sizeof(*filter));
    *filter = (gw_filter_conf_t){
        .at = node->pairs[0].at,
        .class = class,
        .name = class->name,
        .conf = gw_arena_alloc(reader->arena, class->section->size),
    };
    if (class->dispose != NULL) {
        struct disposal *disposal = gw_arena_alloc(reader->arena, sizeof(*disposal));
        *disposal = (struct disposal){class, filter->conf};
        gw_arena_on_free(reader->arena, dispose, disposal);
    }
    return gw_section_read(reader, class->section, node->pairs[0].value, filter->conf) ? filter : NULL;
}

void gw_conf_read_named_filters(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    typeof(((gw_conf_root_t *)NULL)->filters) *filters = target;

    if (gw_node_is_null(node))
        return;
    if (node->kind != GW_NODE_MAPPING) {
        gw_diag_error(reader->diag, node->at, NULL, "'filters' must be a mapping, found %s",
                      gw_node_found(reader->scratch, node));
        return;
    }
    filters->entries = gw_arena_alloc(reader->arena, node->size * sizeof(*filters->entries));
    filters->size = node->size;
    for (size_t i = 0; i != node->size; ++i) {
        const gw_node_pair_t *pair = node->pairs + i;
        if (!gw_conf_is_name(pair->key))
            gw_diag_error(reader->diag, pair->at, GW_CONF_NAME_HINT, "'%s' is no name for a filter",
                          gw_text_shown(reader->scratch, gw_str_of(pair->key)));
        gw_named_filter_t *named = filters->entries + i;
        *named = (gw_named_filter_t){
            .name = gw_arena_strdup(reader->arena, gw_str_of(pair->key)),
            .at = pair->at,
            .node = pair->value,
            .filter = read_filter(reader, pair->value),
        };
        if (named->filter != NULL)
            named->filter->name = named->name;
    }
}

/* @return the entry that a route's item stands for, by its name or because it is an alias of it; NULL: none */
static gw_named_filter_t *find_named(gw_conf_root_t *root, const gw_node_t *item)
{
    for (size_t i = 0; i != root->filters.size; ++i) {
        gw_named_filter_t *named = root->filters.entries + i;
        if (named->node == item || (item->kind == GW_NODE_SCALAR && gw_str_equal(item->text, gw_str_of(named->name))))
            return named;
    }
    return NULL;
}

static void refuse_name(gw_conf_reader_t *reader, gw_conf_root_t *root, const gw_node_t *item)
{
    const char **names = gw_arena_alloc(reader->scratch, root->filters.size * sizeof(*names));
    const char *name = gw_arena_strdup(reader->scratch, item->text);

    for (size_t i = 0; i != root->filters.size; ++i)
        names[i] = root->filters.entries[i].name;
    for (const gw_filter_class_t *const *class = gw_filter_classes; *class != NULL; ++class)
        if (strcmp((*class)->name, name) == 0) {
            gw_diag_error(reader->diag, item->at,
                          gw_arena_printf(reader->scratch, "'%s' is a kind of filter: write '- %s: {...}'", name, name),
                          "there is no filter '%s' under 'filters'", name);
            return;
        }
    gw_conf_refuse_name(reader, item->at, "there is no filter '%s' under 'filters'", name, names, root->filters.size,
                        "known filters");
}

void gw_conf_read_filter_uses(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    gw_conf_root_t *root = reader->context;
    typeof(((gw_route_row_t *)NULL)->filters) *uses = target;
    gw_filter_conf_t *filter;

    if (gw_node_is_null(node))
        return;
    if (node->kind != GW_NODE_SEQUENCE || node->size > most_per_route) {
        gw_diag_error(reader->diag, node->at, NULL, "'filters' must be a list of at most %d filters, found %s",
                      most_per_route, node->kind == GW_NODE_SEQUENCE ? "more" : gw_node_found(reader->scratch, node));
        return;
    }
    uses->entries = gw_arena_alloc(reader->arena, node->size * sizeof(*uses->entries));
    for (size_t i = 0; i != node->size; ++i) {
        const gw_node_t *item = node->items[i];
        gw_named_filter_t *named = find_named(root, item);
        if (item->is_broken) {
            ++reader->num_broken;
        } else if (named != NULL) {
            named->is_used = true;
            if (named->filter != NULL)
                uses->entries[uses->size++] = (gw_filter_use_t){named->filter, true};
        } else if (item->kind == GW_NODE_SCALAR && !gw_node_is_null(item)) {
            refuse_name(reader, root, item);
        } else if ((filter = read_filter(reader, item)) != NULL) {
            uses->entries[uses->size++] = (gw_filter_use_t){filter, false};
        }
    }
}

static gw_node_t *show_filter(gw_arena_t *arena, const gw_filter_conf_t *filter)
{
    gw_node_t *mapping = gw_node_new(arena, GW_NODE_MAPPING);

    gw_node_set(arena, mapping, filter->class->name, (gw_mark_t){0},
                gw_section_show(arena, filter->class->section, filter->conf));
    return mapping;
}

gw_node_t *gw_conf_show_named_filters(gw_arena_t *arena, const void *target)
{
    const typeof(((gw_conf_root_t *)NULL)->filters) *filters = target;
    gw_node_t *mapping = gw_node_new(arena, GW_NODE_MAPPING);

    for (size_t i = 0; i != filters->size; ++i)
        gw_node_set(arena, mapping, filters->entries[i].name, (gw_mark_t){0},
                    show_filter(arena, filters->entries[i].filter));
    return mapping->size != 0 ? mapping : NULL;
}

gw_node_t *gw_conf_show_filter_uses(gw_arena_t *arena, const void *target)
{
    const typeof(((gw_route_row_t *)NULL)->filters) *uses = target;
    gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE);

    for (size_t i = 0; i != uses->size; ++i)
        gw_node_append(arena, list,
                       uses->entries[i].is_named ? gw_node_new_text(arena, uses->entries[i].filter->name)
                                                 : show_filter(arena, uses->entries[i].filter));
    return list->size != 0 ? list : NULL;
}

static const char *key_of(gw_arena_t *arena, const gw_route_row_t *row, size_t index)
{
    const gw_filter_use_t *uses = row->filters.entries;
    size_t same = 1;

    if (uses[index].is_named)
        return uses[index].filter->name;
    for (size_t i = 0; i != index; ++i)
        same += !uses[i].is_named && uses[i].filter->class == uses[index].filter->class;
    return same == 1 ? gw_arena_printf(arena, "%s/%s", row->route.name, uses[index].filter->class->name)
                     : gw_arena_printf(arena, "%s/%s#%zu", row->route.name, uses[index].filter->class->name, same);
}

void gw_conf_build_filters(gw_conf_reader_t *reader, gw_conf_root_t *root)
{
    gw_snapshot_t *snapshot = &root->snapshot;
    const gw_route_row_t *rows = root->routes.entries;
    size_t num_uses = 0;

    for (size_t i = 0; i != root->routes.size; ++i)
        num_uses += rows[i].filters.size;
    snapshot->filters = gw_arena_alloc(reader->arena, num_uses * sizeof(*snapshot->filters));
    for (size_t i = 0; i != root->routes.size; ++i) {
        gw_route_conf_t *route = snapshot->routes + i;
        route->num_filters = rows[i].filters.size;
        route->filters = gw_arena_alloc(reader->arena, route->num_filters * sizeof(*route->filters));
        const gw_filter_conf_t *guard = NULL;
        for (size_t k = 0; k != route->num_filters; ++k) {
            gw_filter_conf_t *filter = rows[i].filters.entries[k].filter;
            if (filter->class->guards_endpoints != NULL && filter->class->guards_endpoints(filter->conf)) {
                if (guard != NULL)
                    gw_diag_error(reader->diag, route->at, NULL,
                                  "this route has two filters that look at endpoints one by one: '%s' and '%s'",
                                  guard->name, filter->name);
                guard = filter;
            }
            if (filter->key == NULL) {
                filter->key = key_of(reader->arena, rows + i, k);
                filter->slot = snapshot->num_filters++;
                snapshot->filters[filter->slot] = filter;
                if (filter->class->link != NULL)
                    filter->class->link(reader, filter->conf, filter->at);
            }
            if (filter->class->check_route != NULL)
                filter->class->check_route(reader, filter->conf, route);
            route->answers_preflight = route->answers_preflight || filter->class->answers_preflight;
            route->answers_purge = route->answers_purge ||
                                   (filter->class->answers_purge != NULL && filter->class->answers_purge(filter->conf));
            route->filters[k] = filter;
        }
        for (size_t k = 0; k != route->num_filters; ++k)
            if (route->filters[k]->class->check_behind != NULL)
                route->filters[k]->class->check_behind(reader, route->filters[k]->conf, route, k);
    }
}

void gw_conf_warn_of_unused(gw_conf_reader_t *reader, const gw_conf_root_t *root)
{
    const gw_service_conf_t *services = root->services.entries;

    for (size_t i = 0; i != root->filters.size; ++i)
        if (!root->filters.entries[i].is_used)
            gw_diag_warning(reader->diag, root->filters.entries[i].at, NULL, "filter '%s' is not used by any route",
                            root->filters.entries[i].name);
    for (size_t i = 0; i != root->services.size; ++i)
        if (!root->is_service_used[i])
            gw_diag_warning(reader->diag, services[i].at, NULL, "service '%s' is not used by any route",
                            services[i].name);
}
