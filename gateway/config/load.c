/* SPDX-License-Identifier: MIT
 * A conf file -> a snapshot: the rows of the top level, and the order in which everything is put together. */
#include <sched.h>
#include <stdlib.h>
#include "gateway/config/conf.h"
#include "gateway/config/text.h"

enum { hour = 3600000, most_workers = 256 };

/* ---- the rows ---- */

#define IN_LIMITS(member)   (offsetof(gw_snapshot_t, limits.member) - offsetof(gw_snapshot_t, limits))
#define IN_TIMEOUTS(member) (offsetof(gw_snapshot_t, timeouts.member) - offsetof(gw_snapshot_t, timeouts))

static const gw_field_t limits_fields[] = {
    {.key = "connections",
     .type = GW_UINT,
     .offset = IN_LIMITS(connections),
     .min = 1,
     .max = 10000000,
     .def = "16384",
     .unit = "connections",
     .meaning = "open client connections, all workers together"},
    {.key = "head",
     .type = GW_SIZE,
     .offset = IN_LIMITS(head),
     .min = 1024,
     .max = 64 * 1024,
     .def = "16KiB",
     .meaning = "request line and header fields of a request"},
    {.key = "fields",
     .type = GW_UINT,
     .offset = IN_LIMITS(fields),
     .min = 1,
     .max = 100,
     .def = "100",
     .unit = "fields",
     .meaning = "header fields of a request"},
    {.key = "body",
     .type = GW_SIZE,
     .offset = IN_LIMITS(body),
     .min = 0,
     .max = 1ull << 40,
     .def = "64MiB",
     .meaning = "body of a request, unless its route has a max_body"},
    {.key = NULL},
};

static const gw_section_t limits_section = {
    .name = "limits",
    .fields = limits_fields,
    .size = sizeof(((gw_snapshot_t *)NULL)->limits),
    .mark_offset = GW_NO_OFFSET,
};

#define CLIENT_TIMEOUT(name, most, default_text, text)                                                                 \
    {                                                                                                                  \
        .key = #name, .type = GW_DURATION, .offset = IN_TIMEOUTS(name), .min = 1, .max = (most), .def = default_text,  \
        .meaning = text                                                                                                \
    }

static const gw_field_t timeouts_fields[] = {
    CLIENT_TIMEOUT(handshake, hour, "10s", "for the TLS handshake"),
    CLIENT_TIMEOUT(head, hour, "10s", "from the first byte of a request to the end of its head"),
    CLIENT_TIMEOUT(body, hour, "30s", "without a byte of the request body"),
    CLIENT_TIMEOUT(write, hour, "30s", "without progress while a response is being written"),
    CLIENT_TIMEOUT(idle, 24 * hour, "75s", "that a kept-alive connection may wait for its next request"),
    {.key = NULL},
};

static const gw_section_t timeouts_section = {
    .name = "timeouts",
    .fields = timeouts_fields,
    .size = sizeof(((gw_snapshot_t *)NULL)->timeouts),
    .mark_offset = GW_NO_OFFSET,
};

typedef typeof(((gw_snapshot_t *)NULL)->access_log) access_log_t;

static void read_log_file(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    access_log_t *log = (access_log_t *)((char *)target - offsetof(access_log_t, file));
    const char *text = gw_conf_read_text(reader, "file", node, "off, stdout or a file name");

    if (text == NULL)
        return;
    log->target = strcmp(text, "off") == 0 ? GW_LOG_OFF : strcmp(text, "stdout") == 0 ? GW_LOG_STDOUT : GW_LOG_FILE;
    log->file = log->target == GW_LOG_FILE ? gw_conf_resolve(reader, node->at, text) : NULL;
}

static gw_node_t *show_log_file(gw_arena_t *arena, const void *target)
{
    const access_log_t *log = (const access_log_t *)((const char *)target - offsetof(access_log_t, file));

    return gw_node_new_text(arena, log->target == GW_LOG_OFF      ? "off"
                                   : log->target == GW_LOG_STDOUT ? "stdout"
                                                                  : log->file);
}

static void check_access_log(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    const access_log_t *log = value;
    uint64_t larger = 1;

    while (larger < log->ring)
        larger *= 2;
    if (larger != log->ring)
        gw_diag_error(reader->diag, at,
                      gw_arena_printf(reader->scratch, "%s or %s", gw_conf_size_text(reader->scratch, larger / 2),
                                      gw_conf_size_text(reader->scratch, larger)),
                      "'%s' is not valid for 'ring' (a power of two)", gw_conf_size_text(reader->scratch, log->ring));
}

static const gw_field_t access_log_fields[] = {
    {.key = "file",
     .type = GW_CUSTOM,
     .offset = offsetof(access_log_t, file),
     .read = read_log_file,
     .show = show_log_file,
     .takes = "off, stdout or a file name",
     .def = "stdout",
     .meaning = "where the lines go; the file is opened again on SIGUSR1"},
    {.key = "ring",
     .type = GW_SIZE,
     .offset = offsetof(access_log_t, ring),
     .min = 64 * 1024,
     .max = 64 * 1024 * 1024,
     .def = "1MiB",
     .meaning =
         "lines that wait for a slow disk, for each worker; a power of two; what does not fit is dropped and counted"},
    {.key = NULL},
};

static const gw_section_t access_log_section = {
    .name = "access_log",
    .fields = access_log_fields,
    .size = sizeof(access_log_t),
    .mark_offset = GW_NO_OFFSET,
    .scalar_key = "file",
    .check = check_access_log,
};

static const gw_field_t root_fields[] = {
    {.key = "include",
     .type = GW_STRINGS,
     .offset = offsetof(gw_conf_root_t, include),
     .meaning = "more files, relative to the folder of this one; *, ? and [...] are wildcards"},
    {.key = "workers",
     .type = GW_UINT,
     .offset = offsetof(gw_conf_root_t, snapshot.workers),
     .min = 1,
     .max = most_workers,
     .def_text = "the number of cores",
     .unit = "threads",
     .meaning = "threads that serve requests"},
    {.key = "drain_timeout",
     .type = GW_DURATION,
     .offset = offsetof(gw_conf_root_t, snapshot.drain_timeout),
     .min = 0,
     .max = 24 * hour,
     .def = "30s",
     .meaning = "how long SIGTERM waits for requests in flight"},
    {.key = "limits",
     .type = GW_SECTION,
     .offset = offsetof(gw_conf_root_t, snapshot.limits),
     .section = &limits_section,
     .meaning = "what clients may use"},
    {.key = "timeouts",
     .type = GW_SECTION,
     .offset = offsetof(gw_conf_root_t, snapshot.timeouts),
     .section = &timeouts_section,
     .meaning = "how long the gateway waits for clients"},
    {.key = "overload",
     .type = GW_SECTION,
     .offset = offsetof(gw_conf_root_t, snapshot.overload),
     .section = &gw_overload_section,
     .meaning = "refusing the least important requests before there are too many"},
    {.key = "access_log",
     .type = GW_SECTION,
     .offset = offsetof(gw_conf_root_t, snapshot.access_log),
     .section = &access_log_section,
     .meaning = "one JSON line per request; off, stdout or a file name may stand for the mapping"},
    {.key = "trusted_proxies",
     .type = GW_STRINGS,
     .offset = offsetof(gw_conf_root_t, trusted_proxies),
     .max = 10000,
     .meaning = "addresses and networks whose X-Forwarded-* and X-Request-Id are believed and extended"},
    {.key = "listen",
     .type = GW_LIST,
     .offset = offsetof(gw_conf_root_t, listen),
     .min = 1,
     .max = 256,
     .section = &gw_listener_section,
     .is_required = true,
     .meaning = "addresses to accept connections on"},
    {.key = "services",
     .type = GW_MAP,
     .offset = offsetof(gw_conf_root_t, services),
     .min = 1,
     .max = 10000,
     .section = &gw_service_section,
     .is_required = true,
     .meaning = "what requests are passed on to"},
    {.key = "filters",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_conf_root_t, filters),
     .read = gw_conf_read_named_filters,
     .show = gw_conf_show_named_filters,
     .takes = "mapping of names",
     .meaning = "filters with a name, for the routes to use; each is one mapping of its kind to its options"},
    {.key = "routes",
     .type = GW_LIST,
     .offset = offsetof(gw_conf_root_t, routes),
     .min = 1,
     .max = 100000,
     .section = &gw_route_section,
     .is_required = true,
     .meaning = "which requests go to which service; the most specific one wins, whatever the order"},
    {.key = NULL},
};

const gw_section_t gw_root_section = {
    .name = "configuration",
    .fields = root_fields,
    .size = sizeof(gw_conf_root_t),
    .mark_offset = GW_NO_OFFSET,
};

/* ---- putting together ---- */

static void build_trusted_proxies(gw_conf_reader_t *reader, gw_conf_root_t *root)
{
    const gw_conf_strings_t *texts = &root->trusted_proxies;
    gw_snapshot_t *snapshot = &root->snapshot;

    snapshot->trusted_proxies.entries = gw_arena_alloc(reader->arena, texts->size * sizeof(gw_cidr_t));
    snapshot->trusted_proxies.size = texts->size;
    for (size_t i = 0; i != texts->size; ++i)
        gw_conf_parse_network(reader, "trusted_proxies", texts->entries + i, snapshot->trusted_proxies.entries + i);
}

static uint64_t num_cores(void)
{
    cpu_set_t set;
    int num = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1; /* it fails beyond 1,024 cores */

    return num < 1 ? 1 : num > most_workers ? most_workers : (uint64_t)num;
}

static void build(gw_conf_reader_t *reader, gw_conf_root_t *root, const gw_node_t *node, size_t errors_before)
{
    gw_snapshot_t *snapshot = &root->snapshot;

    gw_section_read(reader, &gw_root_section, node, root);
    if (snapshot->workers == 0)
        snapshot->workers = num_cores();
    build_trusted_proxies(reader, root);
    gw_conf_check_listeners(reader, root);
    snapshot->listeners = root->listen.entries;
    snapshot->num_listeners = root->listen.size;
    for (size_t i = 0; i != snapshot->num_listeners; ++i)
        if (snapshot->listeners[i].tls_conf.client_auth.at.line != 0)
            snapshot->asks_for_certificates = true;
    snapshot->services = root->services.entries;
    snapshot->num_services = root->services.size;
    gw_conf_build_routes(reader, root);
    gw_conf_build_filters(reader, root);
    if (gw_diag_num_errors(reader->diag) == errors_before)
        gw_conf_warn_of_unused(reader, root);
    root->is_service_used = NULL; /* it goes with the scratch arena */
    for (size_t i = 0; i != root->filters.size; ++i)
        root->filters.entries[i].node = NULL; /* it goes with the scratch arena */
}

/* @param text NULL: read the file `name` */
static gw_snapshot_t *load(const char *name, const gw_str_t *text, gw_diag_t *diag)
{
    static const char *const joined[] = {"listen", "services", "filters", "routes", "trusted_proxies", NULL};
    gw_arena_t *arena = gw_arena_create(), *scratch = gw_arena_create();
    gw_conf_root_t *root = gw_arena_alloc(arena, sizeof(*root));
    gw_conf_reader_t reader = {.arena = arena, .scratch = scratch, .diag = diag, .context = root};
    gw_snapshot_t *snapshot = &root->snapshot;
    size_t before = gw_diag_num_errors(diag);

    atomic_init(&snapshot->references, 1);
    snapshot->arena = arena;
    snapshot->root = root;
    snapshot->file = gw_arena_strdup(arena, gw_str_of(name));
    gw_node_t *node = text != NULL ? gw_yaml_load_memory(scratch, arena, name, *text, diag)
                                   : gw_yaml_load_file(scratch, arena, name, joined, diag);
    if (node != NULL)
        build(&reader, root, node, before);
    gw_arena_free(scratch);
    if (gw_diag_num_errors(diag) == before)
        return snapshot;
    gw_arena_free(arena);
    return NULL;
}

gw_snapshot_t *gw_snapshot_load(const char *path, gw_diag_t *diag)
{
    return load(path, NULL, diag);
}

gw_snapshot_t *gw_snapshot_load_memory(const char *name, gw_str_t text, gw_diag_t *diag)
{
    return load(name, &text, diag);
}

gw_snapshot_t *gw_snapshot_ref(gw_snapshot_t *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

gw_snapshot_t *gw_snapshot_unref(gw_snapshot_t *snapshot)
{
    /* the last one must see what all others did before they let go */
    if (snapshot != NULL && atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) == 1)
        gw_arena_free(snapshot->arena);
    return NULL;
}
