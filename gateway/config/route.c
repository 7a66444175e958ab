/* SPDX-License-Identifier: MIT
 * The section `routes`: what each asks for, the names they get, and the router made of them. */
#include <stdlib.h>
#include "gateway/config/conf.h"
#include "gateway/config/key.h"
#include "gateway/config/resilience.h"
#include "gateway/config/text.h"
#include "gateway/routing/path.h"
#include "gateway/routing/router.h"

static void keep(gw_conf_reader_t *reader, const gw_node_t *node, const char *value, struct gw_conf_string *target)
{
    *target = (struct gw_conf_string){.value = value, .at = node->at};
}

static void read_host(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    static const char wanted[] = "a name such as api.example.com or *.example.com";
    const char *text = gw_conf_read_text(reader, "host", node, "a host name"), *hint = NULL;

    if (text == NULL)
        return;
    char *host = gw_arena_strdup(reader->arena, gw_str_of(text));
    for (char *c = host; *c != '\0'; ++c)
        *c = gw_ascii_lower(*c);
    gw_str_t all = gw_str_of(host), name = all;
    if (gw_str_starts_with(all, GW_STR("*.")))
        name = gw_str(all.ptr + 2, all.len - 2);
    if (gw_conf_is_host_name(name)) {
        keep(reader, node, host, target);
        return;
    }
    const char *colon = memchr(name.ptr, ':', name.len);
    if (gw_str_equal(all, GW_STR("*")))
        hint = "leave 'host' out to match every host";
    else if (colon != NULL && gw_conf_is_host_name(gw_str(name.ptr, (size_t)(colon - name.ptr))))
        hint = "the port does not count: leave it out";
    else if (memchr(all.ptr, '*', all.len) != NULL)
        hint = "a wildcard stands for the first labels only: *.example.com";
    gw_conf_refuse(reader, "host", node, wanted, hint);
}

static size_t count_slashes(const char *path)
{
    size_t num = 0;
    for (; *path != '\0'; ++path)
        num += *path == '/';
    return num;
}

static void read_path(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    static const char wanted[] = "a path that begins with '/'";
    const char *path = gw_conf_read_text(reader, "path", node, wanted);
    gw_str_t normal;

    if (path == NULL)
        return;
    gw_str_t text = gw_str_of(path);
    if (*path != '/' || strpbrk(path, "?#") != NULL) {
        gw_conf_refuse(reader, "path", node, wanted, *path != '/' ? NULL : "routes do not look at the query");
        return;
    }
    gw_path_result_t result =
        gw_path_normalise(text, gw_arena_alloc(reader->scratch, text.len + 1), text.len + 1, &normal);
    if (result != GW_PATH_OK)
        gw_conf_refuse(reader, "path", node, "a path that a request can have", gw_path_result_str(result));
    else if (!gw_str_equal(text, normal))
        gw_conf_refuse(reader, "path", node, "requests are compared in their normal form",
                       gw_arena_printf(reader->scratch, "did you mean '%s'?", gw_text_shown(reader->scratch, normal)));
    else if (count_slashes(path) > GW_ROUTER_MAX_DEPTH)
        gw_conf_refuse(reader, "path", node, "at most 128 slashes", NULL);
    else
        keep(reader, node, path, target);
    if (strchr(path, '*') != NULL)
        gw_diag_warning(reader->diag, node->at, "a path that ends in '/' covers everything below it",
                        "'*' in a path stands for itself");
}

static void read_service(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    const char *name = gw_conf_read_text(reader, "service", node, "the name of a service");

    if (name != NULL)
        keep(reader, node, name, target);
}

static void read_split_by(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    struct gw_split_by *by = target;

    by->is_given = true;
    if (node->kind != GW_NODE_SCALAR || !gw_str_equal(node->text, GW_STR("random")))
        gw_conf_read_key(reader, "split_by", node, GW_KEYS_OF_REQUEST, &by->key); /* chosen before any filter runs */
}

static gw_node_t *show_split_by(gw_arena_t *arena, const void *target)
{
    const struct gw_split_by *by = target;

    if (!by->is_given)
        return NULL;
    return by->key.kind == GW_KEY_NONE ? gw_node_new_text(arena, "random") : gw_conf_show_key(arena, &by->key);
}

static gw_node_t *show_text(gw_arena_t *arena, const void *target)
{
    const struct gw_conf_string *text = target;

    return text->value != NULL ? gw_node_new_text(arena, text->value) : NULL;
}

/* the row's own number, so that 0 can be told from "not given" */
static void read_max_body(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    static const gw_field_t row = {
        .key = "max_body", .type = GW_SIZE, .max = 1ull << 40, .meaning = "body of a request on this route"};
    gw_route_row_t *route = (gw_route_row_t *)((char *)target - offsetof(gw_route_row_t, route.max_body));

    route->has_max_body = true;
    gw_field_read(reader, &row, node, target);
}

static gw_node_t *show_max_body(gw_arena_t *arena, const void *target)
{
    return gw_node_new_text(arena, gw_conf_size_text(arena, *(const uint64_t *)target));
}

static void check_route(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    const gw_route_row_t *row = value;

    if (row->route.strip_prefix && row->path.value[strlen(row->path.value) - 1] != '/')
        gw_diag_error(reader->diag, row->path.at,
                      gw_arena_printf(reader->scratch, "did you mean '%s/'?",
                                      gw_text_shown(reader->scratch, gw_str_of(row->path.value))),
                      "'strip_prefix' needs a path that ends in '/'");
    if ((row->service.value != NULL) == (row->services.size != 0))
        gw_diag_error(reader->diag, at, "service: NAME, or services: {NAME: 95, OTHER: 5}",
                      row->services.size != 0 ? "a route has either 'service' or 'services'"
                                              : "required key 'service' is missing");
    if (row->split_by.is_given && row->services.size == 0)
        gw_diag_error(reader->diag, at, NULL, "'split_by' needs 'services'");
}

static const gw_field_t route_fields[] = {
    {.key = "name",
     .type = GW_STRING,
     .offset = offsetof(gw_route_row_t, route.name),
     .min = 1,
     .max = 128,
     .def_text = "host and path",
     .meaning = "what the access log calls it; no two routes have the same"},
    {.key = "host",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_route_row_t, host),
     .read = read_host,
     .show = show_text,
     .takes = "host name or *.DOMAIN",
     .def_text = "any host",
     .meaning = "host that the request is for, without port"},
    {.key = "path",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_route_row_t, path),
     .read = read_path,
     .show = show_text,
     .takes = "path",
     .is_required = true,
     .meaning = "path of the request; one that ends in '/' covers everything below it, any other must match exactly"},
    {.key = "methods",
     .type = GW_STRINGS,
     .offset = offsetof(gw_route_row_t, methods),
     .min = 1,
     .max = 16,
     .def_text = "any method",
     .meaning = "methods of the request, in capitals"},
    {.key = "strip_prefix",
     .type = GW_BOOL,
     .offset = offsetof(gw_route_row_t, route.strip_prefix),
     .def = "false",
     .meaning = "send the path without the route's own: /calculator/add as /add"},
    {.key = "service",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_route_row_t, service),
     .read = read_service,
     .show = show_text,
     .takes = "name",
     .meaning = "service that answers; either this or 'services'"},
    {.key = "services",
     .type = GW_PAIRS,
     .offset = offsetof(gw_route_row_t, services),
     .max = 16,
     .meaning = "services that share the requests, each with its weight, 0..1000000"},
    {.key = "split_by",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_route_row_t, split_by),
     .read = read_split_by,
     .show = show_split_by,
     .takes = "random, " GW_KEYS_OF_REQUEST_TAKES,
     .def_text = "random",
     .meaning = "how a request finds its share of 'services': at random, or the same for the same key"},
    {.key = "retries",
     .type = GW_SECTION,
     .offset = offsetof(gw_route_row_t, retries),
     .section = &gw_route_retries_section,
     .def_text = "the service's",
     .meaning = "trying again what failed, instead of what the service says"},
    {.key = "max_body",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_route_row_t, route.max_body),
     .read = read_max_body,
     .show = show_max_body,
     .takes = "size, 0B..1024GiB",
     .def_text = "limits.body",
     .meaning = "body of a request on this route"},
    {.key = "priority",
     .type = GW_ENUM,
     .offset = offsetof(gw_route_row_t, route.priority),
     .words = gw_priority_words,
     .def = "normal",
     .meaning = "how long these requests are still served when there are too many, see 'overload'"},
    {.key = "filters",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_route_row_t, filters),
     .read = gw_conf_read_filter_uses,
     .show = gw_conf_show_filter_uses,
     .takes = "list of names and filters",
     .meaning = "filters that requests pass, in this order, and responses in reverse"},
    {.key = NULL},
};

const gw_section_t gw_route_section = {
    .name = "route",
    .fields = route_fields,
    .size = sizeof(gw_route_row_t),
    .mark_offset = offsetof(gw_route_row_t, route.at),
    .check = check_route,
};

/* ---- across routes ---- */

static void find_methods(gw_conf_reader_t *reader, gw_route_row_t *row)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};

    for (size_t i = 0; i != row->methods.size; ++i) {
        const struct gw_conf_string *text = row->methods.entries + i;
        gw_method_t method = gw_method_from(gw_str_of(text->value));
        if (method == GW_METHOD_OTHER)
            gw_conf_refuse_name(reader, text->at, "there is no method '%s'", text->value, names,
                                sizeof(names) / sizeof(names[0]), "known methods");
        else
            row->route.methods |= 1u << method;
    }
}

static int compare_services(const void *a, const void *b)
{
    return strcmp((*(const gw_service_conf_t *const *)a)->name, (*(const gw_service_conf_t *const *)b)->name);
}

typedef struct service_names {
    const gw_service_conf_t *services, **sorted;
    const char **names;
    size_t num;
} service_names_t;

/* @return its index, or SIZE_MAX after reporting */
static size_t find_service(gw_conf_reader_t *reader, const service_names_t *all, const char *name, gw_mark_t at)
{
    const gw_service_conf_t wanted = {.name = name}, *key = &wanted;
    const gw_service_conf_t **found = bsearch(&key, all->sorted, all->num, sizeof(*all->sorted), compare_services);
    gw_conf_root_t *root = reader->context;

    if (found == NULL) {
        gw_conf_refuse_name(reader, at, "there is no service '%s'", name, all->names, all->num, "known services");
        return SIZE_MAX;
    }
    size_t index = (size_t)(*found - all->services);
    root->is_service_used[index] = true;
    return index;
}

static service_names_t service_names(gw_conf_reader_t *reader, const gw_conf_root_t *root)
{
    const gw_service_conf_t *services = root->services.entries;
    size_t num = root->services.size;
    service_names_t all = {.services = services,
                           .sorted = gw_arena_alloc(reader->scratch, num * sizeof(*all.sorted)),
                           .names = gw_arena_alloc(reader->scratch, num * sizeof(*all.names)),
                           .num = num};

    for (size_t i = 0; i != num; ++i) {
        all.sorted[i] = services + i;
        all.names[i] = services[i].name;
    }
    qsort(all.sorted, num, sizeof(*all.sorted), compare_services);
    return all;
}

size_t gw_conf_find_service(gw_conf_reader_t *reader, const char *name, gw_mark_t at)
{
    service_names_t all = service_names(reader, reader->context);

    return find_service(reader, &all, name, at);
}

static void find_split(gw_conf_reader_t *reader, const service_names_t *all, gw_route_row_t *row)
{
    static const uint64_t most = 1000000;
    gw_route_conf_t *route = &row->route;

    route->split = gw_arena_alloc(reader->arena, row->services.size * sizeof(*route->split));
    route->num_split = row->services.size;
    route->split_by = row->split_by.key;
    bool is_good = true;
    for (size_t i = 0; i != row->services.size; ++i) {
        const struct gw_conf_pair *pair = row->services.entries + i;
        size_t index = find_service(reader, all, pair->name, pair->name_at);
        if (index != SIZE_MAX)
            route->split[i] = (struct gw_split){all->services + index, index, 0};
        bool is_weight =
            gw_conf_parse_uint(gw_str_of(pair->value), &route->split[i].weight) && route->split[i].weight <= most;
        is_good = is_good && is_weight;
        if (!is_weight)
            gw_diag_error(reader->diag, pair->value_at, NULL, "'%s' is no weight (0..%llu)",
                          gw_text_shown(reader->scratch, gw_str_of(pair->value)), (unsigned long long)most);
        else
            route->split_weight += route->split[i].weight;
    }
    if (route->split_weight == 0 && is_good)
        gw_diag_error(reader->diag, route->at, NULL, "one of 'services' must have a weight above 0");
    route->service = route->split[0].service;
    route->service_index = route->split[0].service_index;
}

static void find_services(gw_conf_reader_t *reader, gw_conf_root_t *root)
{
    gw_route_row_t *rows = root->routes.entries;
    service_names_t all = service_names(reader, root);

    root->is_service_used = gw_arena_alloc(reader->scratch, all.num * sizeof(*root->is_service_used));
    if (all.num == 0)
        return; /* reported; the routes are not to blame */
    for (size_t i = 0; i != root->routes.size; ++i) {
        const struct gw_conf_string *name = &rows[i].service;
        size_t index;
        if (rows[i].services.size != 0)
            find_split(reader, &all, rows + i);
        else if (name->value != NULL && (index = find_service(reader, &all, name->value, name->at)) != SIZE_MAX) {
            rows[i].route.service = all.services + index;
            rows[i].route.service_index = index;
        }
    }
}

static int compare_names(const void *va, const void *vb)
{
    const gw_route_row_t *a = *(const gw_route_row_t *const *)va, *b = *(const gw_route_row_t *const *)vb;
    int by_name = strcmp(a->route.name, b->route.name);

    return by_name != 0 ? by_name : a < b ? -1 : a > b;
}

/* Names that were not given are host and path; the methods come in front where that alone is not enough, whatever the
 * order of the routes, so that a reload finds the same names. */
static void name_routes(gw_conf_reader_t *reader, gw_conf_root_t *root)
{
    gw_route_row_t *rows = root->routes.entries;
    size_t num = root->routes.size, num_unnamed = 0;
    gw_route_row_t **sorted = gw_arena_alloc(reader->scratch, num * sizeof(*sorted));
    bool *is_given = gw_arena_alloc(reader->scratch, num * sizeof(*is_given));

    for (size_t i = 0; i != num; ++i) {
        is_given[i] = rows[i].route.name != NULL;
        if (is_given[i])
            continue;
        rows[i].route.name =
            gw_arena_printf(reader->arena, "%s%s", rows[i].host.value != NULL ? rows[i].host.value : "",
                            rows[i].path.value != NULL ? rows[i].path.value : "");
        sorted[num_unnamed++] = rows + i;
    }
    qsort(sorted, num_unnamed, sizeof(*sorted), compare_names);
    for (size_t begin = 0, end; begin != num_unnamed; begin = end) {
        const char *name = sorted[begin]->route.name;
        for (end = begin + 1; end != num_unnamed && strcmp(sorted[end]->route.name, name) == 0; ++end)
            ;
        for (size_t i = begin; i != end && end - begin > 1; ++i) {
            char methods[128];
            size_t len = gw_method_set_names(sorted[i]->route.methods, methods, sizeof(methods));
            if (sorted[i]->route.methods != 0)
                sorted[i]->route.name = gw_arena_printf(reader->arena, "%.*s %s", (int)len, methods, name);
        }
    }
    for (size_t i = 0; i != num; ++i)
        sorted[i] = rows + i;
    qsort(sorted, num, sizeof(*sorted), compare_names);
    for (size_t i = 1; i < num; ++i) {
        const gw_route_row_t *a = sorted[i - 1], *b = sorted[i];
        if (strcmp(a->route.name, b->route.name) == 0 && (is_given[a - rows] || is_given[b - rows]))
            gw_diag_error(reader->diag, b->route.at, NULL,
                          "the route name '%s' is already taken by the route at %s:%u:%u",
                          gw_text_shown(reader->scratch, gw_str_of(b->route.name)), a->route.at.file, a->route.at.line,
                          a->route.at.col);
    }
}

struct conflicts {
    gw_conf_reader_t *reader;
    const gw_route_row_t *const *rows; /* by index of the pattern */
};

static void report_conflict(void *arg, size_t first, size_t second)
{
    const struct conflicts *conflicts = arg;
    const gw_route_conf_t *a = &conflicts->rows[first]->route, *b = &conflicts->rows[second]->route;

    gw_diag_error(conflicts->reader->diag, b->at, "give them different hosts, paths or methods",
                  "this route matches the same requests as the one at %s:%u:%u", a->at.file, a->at.line, a->at.col);
}

static void free_router(void *router)
{
    gw_router_free(router);
}

void gw_conf_build_routes(gw_conf_reader_t *reader, gw_conf_root_t *root)
{
    gw_snapshot_t *snapshot = &root->snapshot;
    gw_route_row_t *rows = root->routes.entries;
    size_t num = root->routes.size, num_patterns = 0;
    gw_route_pattern_t *patterns = gw_arena_alloc(reader->scratch, num * sizeof(*patterns));
    const gw_route_row_t **of_patterns = gw_arena_alloc(reader->scratch, num * sizeof(*of_patterns));
    struct conflicts conflicts = {reader, of_patterns};

    find_services(reader, root);
    for (size_t i = 0; i != num; ++i)
        find_methods(reader, rows + i);
    name_routes(reader, root);
    snapshot->routes = gw_arena_alloc(reader->arena, num * sizeof(*snapshot->routes));
    snapshot->num_routes = num;
    for (size_t i = 0; i != num; ++i) {
        gw_route_row_t *row = rows + i;
        row->route.host = row->host.value != NULL ? row->host.value : "";
        row->route.path = row->path.value;
        if (!row->has_max_body)
            row->route.max_body = snapshot->limits.body;
        if (row->retries.at.line != 0) {
            row->route.retries = &row->retries;
            if (row->route.num_split == 0 && row->route.service != NULL)
                gw_conf_check_tries(reader, row->route.service, &row->retries, row->retries.at);
            for (size_t k = 0; k != row->route.num_split; ++k)
                if (row->route.split[k].service != NULL)
                    gw_conf_check_tries(reader, row->route.split[k].service, &row->retries, row->retries.at);
        }
        snapshot->routes[i] = row->route;
        if (row->route.path == NULL)
            continue; /* reported */
        of_patterns[num_patterns] = row;
        patterns[num_patterns++] = (gw_route_pattern_t){
            .host = gw_str_of(row->route.host), .path = gw_str_of(row->route.path), .methods = row->route.methods};
    }
    snapshot->router = gw_router_create(patterns, num_patterns, report_conflict, &conflicts);
    if (snapshot->router != NULL)
        gw_arena_on_free(reader->arena, free_router, snapshot->router);
}
