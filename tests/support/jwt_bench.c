/* SPDX-License-Identifier: MIT
 * A conf made by hand, and its ring. */
#include <stdlib.h>
#include "gateway/base/memory.h"
#include "tests/support/jwt_bench.h"

struct jwt_bench {
    gw_jwt_conf_t conf;
    gw_jwt_issuer_conf_t issuers[JWT_BENCH_MOST];
    gw_jwt_source_conf_t keys[JWT_BENCH_MOST], *sources[JWT_BENCH_MOST];
    struct gw_conf_string audience[JWT_BENCH_MOST], typ[JWT_BENCH_MOST], values[JWT_BENCH_MOST][JWT_BENCH_MOST];
    struct gw_conf_pair forward[JWT_BENCH_MOST];
    gw_jwt_rule_t rules[JWT_BENCH_MOST];
    gw_published_t *published[JWT_BENCH_MOST], *denied;
    gw_jwt_ring_t ring;
};

static gw_conf_strings_t list(struct gw_conf_string *room, const char *const *words)
{
    gw_conf_strings_t strings = {.entries = room};
    for (; strings.size != JWT_BENCH_MOST && words[strings.size] != NULL; ++strings.size)
        room[strings.size] = (struct gw_conf_string){.value = words[strings.size]};
    return strings;
}

static void add_issuer(jwt_bench_t *bench, const jwt_terms_t *terms, const char *name, gw_version_t *version)
{
    size_t i = bench->conf.num_all++;
    bench->keys[i] = (gw_jwt_source_conf_t){.kid = terms->kid};
    bench->sources[i] = &bench->keys[i];
    bench->issuers[i] = (gw_jwt_issuer_conf_t){.issuer = name,
                                               .audience = list(bench->audience, terms->audience),
                                               .algorithm_set = terms->algorithms,
                                               .keys = {&bench->keys[i], 1},
                                               .first_source = i};
    bench->published[i] = gw_published_create(version);
}

static void free_keys(void *set)
{
    gw_jwt_keys_free(set);
}

static void free_denied(void *denied)
{
    gw_jwt_deny_free(denied);
}

static gw_version_t *parse_denied(const char *content)
{
    gw_diag_t *diag = gw_diag_create();
    gw_jwt_deny_list_t *denied = gw_jwt_deny_parse(gw_str_of(content), "denied", diag);
    gw_diag_free(diag);
    if (denied == NULL)
        abort();
    return gw_version_create(denied, free_denied);
}

gw_version_t *jwt_bench_keys(const char *jwks)
{
    gw_diag_t *diag = gw_diag_create();
    gw_jwt_key_set_t *set = gw_jwt_keys_parse_jwks(gw_str_of(jwks), "bench.json", false, diag);
    gw_diag_free(diag);
    if (set == NULL)
        abort();
    return gw_version_create(set, free_keys);
}

jwt_bench_t *jwt_bench_create(const jwt_terms_t *terms, gw_version_t *const *versions)
{
    jwt_bench_t *bench = gw_must_alloc(1, sizeof(*bench));
    gw_jwt_conf_t *conf = &bench->conf;
    conf->max_length = terms->max_length != 0 ? terms->max_length : 8192;
    conf->typ = list(bench->typ, terms->typ);
    for (; conf->forward.size != JWT_BENCH_MOST && terms->forward[conf->forward.size] != NULL; ++conf->forward.size)
        bench->forward[conf->forward.size] =
            (struct gw_conf_pair){.name = terms->forward[conf->forward.size], .value = "x-claim"};
    conf->forward.entries = bench->forward;
    conf->rules = (gw_jwt_rules_t){.leeway = terms->leeway,
                                   .max_age = terms->max_age,
                                   .is_exp_optional = terms->is_exp_optional,
                                   .rules = bench->rules};
    for (size_t i = 0; i != JWT_BENCH_MOST && terms->rules[i].path != NULL; ++i, ++conf->rules.num_rules)
        bench->rules[i] = (gw_jwt_rule_t){.path = terms->rules[i].path,
                                          .is_all = terms->rules[i].is_all,
                                          .is_scope = terms->rules[i].is_scope,
                                          .values = list(bench->values[i], terms->rules[i].values)};
    conf->all = bench->issuers;
    if (terms->issuers[0] == NULL)
        add_issuer(bench, terms, NULL, versions[0]);
    for (size_t i = 0; i != JWT_BENCH_MOST && terms->issuers[i] != NULL; ++i)
        add_issuer(bench, terms, terms->issuers[i], versions[i]);
    conf->sources = bench->sources;
    conf->num_sources = conf->num_all;
    if (terms->denied != NULL) {
        gw_version_t *denied = parse_denied(terms->denied);
        bench->denied = gw_published_create(denied);
        gw_version_unref(denied);
    }
    gw_jwt_ring_init(&bench->ring, bench->published, conf->num_sources, bench->denied);
    return bench;
}

jwt_bench_t *jwt_bench_free(jwt_bench_t *bench)
{
    if (bench == NULL)
        return NULL;
    gw_jwt_ring_dispose(&bench->ring);
    for (size_t i = 0; i != bench->conf.num_sources; ++i)
        gw_published_unref(bench->published[i]);
    gw_published_unref(bench->denied);
    free(bench);
    return NULL;
}

void jwt_bench_publish(jwt_bench_t *bench, size_t issuer, gw_version_t *version)
{
    gw_published_set(bench->published[issuer], version);
}

void jwt_bench_deny(jwt_bench_t *bench, const char *content)
{
    gw_version_t *denied = parse_denied(content);
    gw_published_set(bench->denied, denied);
    gw_version_unref(denied);
}

const gw_jwt_ring_t *jwt_bench_ring(jwt_bench_t *bench)
{
    gw_jwt_ring_refresh(&bench->ring);
    return &bench->ring;
}

void jwt_bench_judge(jwt_bench_t *bench, gw_str_t token, int64_t now_ms, gw_jwt_listener_t listener, void *arg,
                     gw_jwt_judgement_t *ret)
{
    gw_jwt_ring_refresh(&bench->ring);
    gw_jwt_judge(&bench->conf, &bench->ring, token, now_ms, listener, arg, ret);
}
