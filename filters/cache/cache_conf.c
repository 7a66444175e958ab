/* SPDX-License-Identifier: MIT
 * Reading the options of `cache`. */
#include "filters/cache/cache_conf.h"
#include "gateway/base/siphash.h"
#include "gateway/config/reader.h"
#include "gateway/config/text.h"
#include "gateway/exchange/filter.h"
#include "gateway/http/syntax.h"
#include "gateway/routing/router.h"

typedef gw_cache_conf_t conf_t;

enum { most_keys = 16, most_parameters = 100, most_tag_fields = 8, most_networks = 1000 };
enum { usual_object = 1 << 20 }; /* bytes */

static const char *const query_words[] = {[GW_CACHE_QUERY_ALL] = "all", [GW_CACHE_QUERY_NONE] = "none", NULL};

/* keys ------------------------------------------------------------------------------------------------------------- */

static void read_keys(struct gw_conf_reader *reader, const gw_field_t *row, const struct gw_node *node,
                      gw_cache_keys_conf_t *keys)
{
    gw_conf_strings_t texts = {.size = 0};
    if (!gw_field_read(reader, row, node, &texts) || texts.size == 0)
        return;
    keys->entries = gw_arena_alloc(reader->arena, texts.size * sizeof(*keys->entries));
    keys->size = texts.size;
    for (size_t i = 0; i != texts.size; ++i)
        if (!gw_conf_parse_key(reader->arena, gw_str_of(texts.entries[i].value), GW_KEYS_ANY, &keys->entries[i]))
            gw_diag_error(reader->diag, texts.entries[i].at, NULL, "'%s' is not valid for '%s' (" GW_KEYS_ANY_TAKES ")",
                          gw_text_shown(reader->scratch, gw_str_of(texts.entries[i].value)), row->key);
}

static void read_bypass(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    static const gw_field_t row = {.key = "bypass",
                                   .type = GW_STRINGS,
                                   .max = most_keys,
                                   .meaning = "for example: [header:X-Preview, cookie:session]"};
    read_keys(reader, &row, node, target);
}

static void read_by(struct gw_conf_reader *reader, const struct gw_node *node, void *target)
{
    static const gw_field_t row = {
        .key = "by", .type = GW_STRINGS, .max = most_keys, .meaning = "for example: [header:X-Tenant, principal]"};
    read_keys(reader, &row, node, target);
}

static struct gw_node *show_keys(gw_arena_t *arena, const void *target)
{
    const gw_cache_keys_conf_t *keys = target;
    gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE);
    for (size_t i = 0; i != keys->size; ++i)
        gw_node_append(arena, list, gw_node_new_text(arena, gw_conf_key_text(arena, &keys->entries[i])));
    return list->size != 0 ? list : NULL;
}

/* what is worked out ----------------------------------------------------------------------------------------------- */

static gw_str_t *names_of(struct gw_conf_reader *reader, const gw_conf_strings_t *texts)
{
    gw_str_t *names = gw_arena_alloc(reader->arena, (texts->size + 1) * sizeof(*names));
    for (size_t i = 0; i != texts->size; ++i)
        names[i] = gw_str_of(texts->entries[i].value);
    return names;
}

static void check_parameters(struct gw_conf_reader *reader, const char *option, const gw_conf_strings_t *names)
{
    for (size_t i = 0; i != names->size; ++i)
        if (*names->entries[i].value == '\0')
            gw_diag_error(reader->diag, names->entries[i].at, NULL, "'' is not valid for '%s' (names of parameters)",
                          option);
}

static void check_key(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    struct gw_cache_key_conf *key = value;
    if ((key->query_only.size != 0) + (key->query_without.size != 0) + (key->query == GW_CACHE_QUERY_NONE) > 1)
        gw_diag_error(reader->diag, at, "query: none, query_only: [page, size], or query_without: [utm_*]",
                      "only one of 'query: none', 'query_only' and 'query_without' makes sense");
    check_parameters(reader, "query_only", &key->query_only);
    check_parameters(reader, "query_without", &key->query_without);
}

/** What a list holds that was not given. */
static void set_default(struct gw_conf_reader *reader, gw_conf_strings_t *list, gw_mark_t at, const char *const *words,
                        size_t num)
{
    if (list->size != 0)
        return;
    list->entries = gw_arena_alloc(reader->arena, num * sizeof(*list->entries));
    list->size = num;
    for (size_t i = 0; i != num; ++i)
        list->entries[i] = (struct gw_conf_string){.value = words[i], .at = at};
}

static void check_tags(struct gw_conf_reader *reader, conf_t *conf)
{
    for (size_t i = 0; i != conf->tags.size; ++i) {
        struct gw_conf_string *tag = &conf->tags.entries[i];
        gw_str_t name = gw_str_of(tag->value);
        if (!gw_http_is_token(name)) {
            gw_diag_error(reader->diag, tag->at, NULL, "'%s' is not valid for 'tags' (the name of a response field)",
                          gw_text_shown(reader->scratch, name));
            continue;
        }
        char *lower = gw_arena_strdup(reader->arena, name);
        for (size_t k = 0; k != name.len; ++k)
            lower[k] = gw_ascii_lower(lower[k]);
        tag->value = lower;
    }
}

static void free_networks(void *networks)
{
    gw_network_list_free(networks);
}

static void check_purge(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    struct gw_cache_purge_conf *purge = value;
    gw_cidr_t *networks = gw_arena_alloc(reader->scratch, (purge->from.size + 1) * sizeof(*networks));
    size_t num = 0;
    bool has_unix = false, is_good = true;
    (void)at;
    for (size_t i = 0; i != purge->from.size; ++i)
        if (gw_network_is_unix(gw_str_of(purge->from.entries[i].value)))
            has_unix = true;
        else if (gw_conf_parse_network(reader, "from", &purge->from.entries[i], &networks[num]))
            ++num;
        else
            is_good = false;
    if (!is_good)
        return;
    purge->networks = gw_network_list_create(networks, num, has_unix);
    gw_arena_on_free(reader->arena, free_networks, purge->networks);
}

static uint64_t said(uint64_t ms)
{
    return ms != 0 ? ms : GW_CACHE_NOT_SAID;
}

static uint64_t mix(uint64_t hash, gw_str_t text)
{
    static const uint64_t secret[2] = {0, 0}; /* the conf's author means no harm */
    return gw_siphash(secret, text) + hash * UINT64_C(0x9e3779b97f4a7c15);
}

/** What a key is made of stands for something else after a reload with other rules: a tenant's name where there was a
 * session's, nothing where there was a query.  With store_set_cookie it is those who may get what is stored. */
static uint64_t hash_key_rules(struct gw_conf_reader *reader, const conf_t *conf)
{
    const gw_cache_query_rules_t *rules = &conf->query_rules;
    uint64_t hash = (uint64_t)rules->mode * 4 + rules->is_sorted * 2 + conf->store_set_cookie;
    for (size_t i = 0; i != rules->num_names; ++i)
        hash = mix(hash, rules->names[i]);
    for (size_t i = 0; i != conf->key.by.size; ++i)
        hash = mix(hash, gw_str_of(gw_conf_key_text(reader->scratch, &conf->key.by.entries[i])));
    return hash;
}

static void check_cache(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    conf_t *conf = value;
    uint64_t most = conf->capacity / 8;
    if (conf->max_object == 0)
        conf->max_object = most < usual_object ? most : usual_object;
    if (conf->max_object > most)
        gw_diag_error(reader->diag, at, "one object must not push everything else out",
                      "'max_object' (%s) is more than an eighth of 'capacity' (%s)",
                      gw_conf_size_text(reader->scratch, conf->max_object),
                      gw_conf_size_text(reader->scratch, conf->capacity));
    if (conf->ttl != 0 && conf->override_ttl != 0)
        gw_diag_error(reader->diag, at, "'override_ttl' also stands for what the service says nothing of",
                      "only one of 'ttl' and 'override_ttl' makes sense");
    if (conf->negative_statuses.size != 0 && conf->negative_ttl == 0)
        gw_diag_error(reader->diag, conf->negative_statuses.entries[0].at, "for example: negative_ttl: 5s",
                      "'negative_statuses' needs a 'negative_ttl'");
    static const char *const tag_names[] = {"Cache-Tag", "Surrogate-Key"};
    static const char *const negative[] = {"404", "405", "410", "414", "501"};
    set_default(reader, &conf->tags, at, tag_names, sizeof(tag_names) / sizeof(*tag_names));
    if (conf->negative_ttl != 0)
        set_default(reader, &conf->negative_statuses, at, negative, sizeof(negative) / sizeof(*negative));
    check_tags(reader, conf);
    conf->tag_fields = names_of(reader, &conf->tags);
    gw_cache_rules_t *rules = &conf->rules;
    *rules = (gw_cache_rules_t){
        .ttl = said(conf->ttl),
        .override_ttl = said(conf->override_ttl),
        .negative_ttl = said(conf->negative_ttl),
        .heuristic_share = conf->heuristic_share,
        .heuristic_max = conf->heuristic_max,
        .while_revalidate = said(conf->grace.while_revalidate),
        .if_error = said(conf->grace.on_error),
        .stores_set_cookie = conf->store_set_cookie,
    };
    for (size_t i = 0; i != conf->negative_statuses.size; ++i) {
        const struct gw_conf_string *text = &conf->negative_statuses.entries[i];
        if (!gw_status_set_add(&rules->negative_statuses, gw_str_of(text->value)))
            gw_diag_error(reader->diag, text->at, NULL,
                          "'%s' is not valid for 'negative_statuses' (a status, a range of them or a class: 404, "
                          "500-504, 5xx)",
                          gw_text_shown(reader->scratch, gw_str_of(text->value)));
    }
    const struct gw_cache_key_conf *key = &conf->key;
    const gw_conf_strings_t *names = key->query_only.size != 0 ? &key->query_only : &key->query_without;
    conf->query_rules = (gw_cache_query_rules_t){
        .mode = key->query == GW_CACHE_QUERY_NONE ? GW_QUERY_NONE
                : key->query_only.size != 0       ? GW_QUERY_ONLY
                : key->query_without.size != 0    ? GW_QUERY_WITHOUT
                                                  : GW_QUERY_ALL,
        .names = names_of(reader, names),
        .num_names = names->size,
        .is_sorted = key->sort_query,
    };
    conf->key_rules = hash_key_rules(reader, conf);
}

static void check_given(struct gw_conf_reader *reader, const gw_cache_keys_conf_t *keys, const char *option,
                        gw_mark_t at, const gw_route_conf_t *route)
{
    for (size_t i = 0; i != keys->size; ++i)
        if (!gw_conf_key_is_given(&keys->entries[i], route))
            gw_diag_warning(reader->diag, at, "filters run in the order of the route's list",
                            "'%s' of '%s' names nothing on the route at %s:%u:%u: no filter before this one finds it "
                            "out",
                            gw_conf_key_text(reader->scratch, &keys->entries[i]), option, route->at.file,
                            route->at.line, route->at.col);
}

static bool is_of_class(const gw_filter_conf_t *filter, const char *name)
{
    return strcmp(filter->class->name, name) == 0;
}

void gw_cache_check_route(struct gw_conf_reader *reader, const void *value, const gw_route_conf_t *route)
{
    const conf_t *conf = value;
    check_given(reader, &conf->bypass, "bypass", conf->at, route);
    check_given(reader, &conf->key.by, "by", conf->at, route);
    for (size_t i = 0; i != route->num_filters && route->filters[i] != NULL; ++i) {
        const gw_filter_conf_t *earlier = route->filters[i];
        if (earlier->class->section == &gw_cache_section)
            gw_diag_error(reader->diag, route->at, NULL, "this route has two filters 'cache'");
        else if (is_of_class(earlier, "circuit_breaker"))
            gw_diag_warning(reader->diag, route->at,
                            "put 'cache' before it: an open breaker then leads to a stale copy",
                            "'%s' stands before 'cache': when it is open, it refuses what could be answered from "
                            "memory",
                            earlier->name);
        else if (is_of_class(earlier, "compress"))
            gw_diag_warning(reader->diag, route->at, "put 'cache' before it: what is stored is then compressed once",
                            "'%s' stands before 'cache': it compresses every answer from memory anew", earlier->name);
    }
}

/** What one filter of several routes may find on one of them, and remove on another by a POST, is no mistake. */
static void check_methods(struct gw_conf_reader *reader, const gw_route_conf_t *route, const gw_filter_conf_t *filter)
{
    uint32_t answered = 1u << GW_METHOD_GET | 1u << GW_METHOD_HEAD;
    bool is_in_place = filter->name == filter->class->name;
    if (is_in_place && route->methods != 0 && (route->methods & answered) == 0)
        gw_diag_warning(reader->diag, filter->at, "a cache answers GET and HEAD",
                        "'cache' has nothing to do on the route at %s:%u:%u: it takes neither GET nor HEAD",
                        route->at.file, route->at.line, route->at.col);
}

void gw_cache_check_behind(struct gw_conf_reader *reader, const void *value, const gw_route_conf_t *route, size_t index)
{
    (void)value;
    check_methods(reader, route, route->filters[index]);
    for (size_t i = index + 1; i != route->num_filters; ++i) {
        const gw_filter_conf_t *later = route->filters[i];
        bool is_guard = later->class->demands_credentials != NULL && later->class->demands_credentials(later->conf);
        if (is_guard || is_of_class(later, "ip_access"))
            gw_diag_warning(reader->diag, route->at, "put it before 'cache'",
                            "'%s' stands behind 'cache': what it let one client have is answered from memory to "
                            "everybody",
                            later->name);
    }
}

bool gw_cache_answers_purge(const void *value)
{
    const conf_t *conf = value;
    return conf->purge.networks != NULL;
}

/* rows ------------------------------------------------------------------------------------------------------------- */

static const gw_field_t grace_fields[] = {
    {.key = "while_revalidate",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, grace.while_revalidate) - offsetof(conf_t, grace),
     .def = "0s",
     .meaning = "how long a stale response is served while the service is asked in the background, where the service "
                "says nothing of stale-while-revalidate"},
    {.key = "on_error",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, grace.on_error) - offsetof(conf_t, grace),
     .def = "10s",
     .meaning = "how long a stale response is served when the service fails or the circuit breaker is open, where the "
                "service says nothing of stale-if-error"},
    {.key = NULL},
};
static const gw_section_t grace_section = {
    .name = "grace", .fields = grace_fields, .size = sizeof(((conf_t *)0)->grace), .mark_offset = GW_NO_OFFSET};

static const gw_field_t key_fields[] = {
    {.key = "query",
     .type = GW_ENUM,
     .offset = offsetof(struct gw_cache_key_conf, query),
     .words = query_words,
     .def = "all",
     .meaning = "whether requests that differ in their query are for different things"},
    {.key = "query_only",
     .type = GW_STRINGS,
     .offset = offsetof(struct gw_cache_key_conf, query_only),
     .min = 1,
     .max = most_parameters,
     .meaning = "the only parameters of the query that count; one that ends in * stands for all that begin so"},
    {.key = "query_without",
     .type = GW_STRINGS,
     .offset = offsetof(struct gw_cache_key_conf, query_without),
     .min = 1,
     .max = most_parameters,
     .meaning = "parameters of the query that do not count, such as utm_*"},
    {.key = "sort_query",
     .type = GW_BOOL,
     .offset = offsetof(struct gw_cache_key_conf, sort_query),
     .def = "false",
     .meaning = "whether the order of the parameters does not count"},
    {.key = "by",
     .type = GW_CUSTOM,
     .offset = offsetof(struct gw_cache_key_conf, by),
     .read = read_by,
     .show = show_keys,
     .takes = "list of up to 16 keys: " GW_KEYS_ANY_TAKES,
     .meaning = "what else tells requests apart; with principal or a property of it, responses to authorized requests "
                "may be stored, each for those who have the same"},
    {.key = NULL},
};
static const gw_section_t key_section = {.name = "key",
                                         .fields = key_fields,
                                         .size = sizeof(struct gw_cache_key_conf),
                                         .mark_offset = offsetof(struct gw_cache_key_conf, at),
                                         .check = check_key};

static const gw_field_t purge_fields[] = {
    {.key = "from",
     .type = GW_STRINGS,
     .offset = offsetof(struct gw_cache_purge_conf, from),
     .min = 1,
     .max = most_networks,
     .is_required = true,
     .meaning = "networks and addresses from which requests of the method PURGE are taken; unix stands for clients of "
                "Unix sockets"},
    {.key = NULL},
};
static const gw_section_t purge_section = {.name = "purge",
                                           .fields = purge_fields,
                                           .size = sizeof(struct gw_cache_purge_conf),
                                           .mark_offset = offsetof(struct gw_cache_purge_conf, at),
                                           .check = check_purge};

static const gw_field_t cache_fields[] = {
    {.key = "capacity",
     .type = GW_SIZE,
     .offset = offsetof(conf_t, capacity),
     .min = 1 << 20,
     .max = (uint64_t)1 << 40,
     .def = "64MiB",
     .meaning = "memory for stored responses, everything that managing them takes included"},
    {.key = "max_object",
     .type = GW_SIZE,
     .offset = offsetof(conf_t, max_object),
     .min = 1,
     .max = (uint64_t)1 << 32,
     .def_text = "1MiB, or an eighth of the capacity where that is less",
     .meaning = "largest body that is stored, at most an eighth of the capacity; larger ones pass through unheld"},
    {.key = "ttl",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, ttl),
     .def_text = "none",
     .meaning = "how long a response is fresh of which the service does not say so"},
    {.key = "override_ttl",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, override_ttl),
     .def_text = "none",
     .meaning = "how long a response is fresh whatever the service says, unless it says no-store or private"},
    {.key = "negative_ttl",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, negative_ttl),
     .def_text = "none",
     .meaning = "how long a response with one of the negative_statuses is fresh of which the service does not say so"},
    {.key = "negative_statuses",
     .type = GW_STRINGS,
     .offset = offsetof(conf_t, negative_statuses),
     .min = 1,
     .max = 100,
     .def_text = "404, 405, 410, 414 and 501",
     .meaning = "statuses that negative_ttl is for"},
    {.key = "heuristic_share",
     .type = GW_PERCENT,
     .offset = offsetof(conf_t, heuristic_share),
     .max = 10000,
     .def = "10%",
     .meaning = "a response that says nothing but when it was last modified is fresh for this share of the time since "
                "then; 0% turns that off"},
    {.key = "heuristic_max",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, heuristic_max),
     .def = "24h",
     .meaning = "the longest time that heuristic_share comes to"},
    {.key = "grace",
     .type = GW_SECTION,
     .offset = offsetof(conf_t, grace),
     .section = &grace_section,
     .meaning = "how long stale responses are served"},
    {.key = "bypass",
     .type = GW_CUSTOM,
     .offset = offsetof(conf_t, bypass),
     .read = read_bypass,
     .show = show_keys,
     .takes = "list of up to 16 keys: " GW_KEYS_ANY_TAKES,
     .meaning = "requests that have one of these are neither answered from the cache nor stored"},
    {.key = "key",
     .type = GW_SECTION,
     .offset = offsetof(conf_t, key),
     .section = &key_section,
     .meaning = "what tells requests apart, beside scheme, host, path and service"},
    {.key = "store_set_cookie",
     .type = GW_BOOL,
     .offset = offsetof(conf_t, store_set_cookie),
     .def = "false",
     .meaning = "whether responses with Set-Cookie are stored, and their cookies given to everybody"},
    {.key = "collapse",
     .type = GW_BOOL,
     .offset = offsetof(conf_t, collapse),
     .def = "true",
     .meaning = "whether requests for what is just being fetched wait for it, in place of fetching it themselves"},
    {.key = "uncacheable_for",
     .type = GW_DURATION,
     .offset = offsetof(conf_t, uncacheable_for),
     .def = "10s",
     .meaning = "how long requests do not wait for each other after a response that could not be stored"},
    {.key = "tags",
     .type = GW_STRINGS,
     .offset = offsetof(conf_t, tags),
     .min = 1,
     .max = most_tag_fields,
     .def_text = "Cache-Tag and Surrogate-Key",
     .meaning = "response fields whose words are tags that responses can be purged by"},
    {.key = "purge",
     .type = GW_SECTION,
     .offset = offsetof(conf_t, purge),
     .section = &purge_section,
     .meaning = "who may take responses out of the cache, by requests of the method PURGE"},
    {.key = "cache_status",
     .type = GW_BOOL,
     .offset = offsetof(conf_t, cache_status),
     .def = "true",
     .meaning = "whether responses say what the cache did, in Cache-Status"},
    {.key = NULL},
};

const gw_section_t gw_cache_section = {
    .name = "cache",
    .fields = cache_fields,
    .size = sizeof(conf_t),
    .mark_offset = offsetof(conf_t, at),
    .check = check_cache,
};
