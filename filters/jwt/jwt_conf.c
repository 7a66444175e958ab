/* SPDX-License-Identifier: MIT
 * The rows of the filter `jwt`, and what is worked out of them. */
#include "filters/jwt/jwt_conf.h"
#include "gateway/config/key.h"
#include "gateway/http/hop.h"

enum { mib = 1024 * 1024, minute = 60000, day = 86400000 };

/* issuers ---------------------------------------------------------------------------------------------------------- */

/** At least one key of each source that is known can be used with what `algorithms` lists. */
static void check_fit(struct gw_conf_reader *reader, const gw_jwt_issuer_conf_t *issuer)
{
    const gw_jwt_source_conf_t *sources = issuer->keys.entries;
    for (size_t i = 0; i != issuer->keys.size && issuer->algorithm_set != 0; ++i) {
        const gw_version_t *version = sources[i].fixed != NULL ? sources[i].fixed : sources[i].seed.version;
        const gw_jwt_key_set_t *set = version != NULL ? gw_version_value(version) : NULL;
        unsigned fitting = set == NULL ? ~0u : 0;
        for (size_t k = 0; set != NULL && k != set->num_keys; ++k)
            fitting |= set->keys[k].algorithms & issuer->algorithm_set;
        if (fitting == 0)
            gw_diag_error(reader->diag, sources[i].at, NULL, "none of these keys can be used with 'algorithms'");
    }
}

static void check_issuer(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_jwt_issuer_conf_t *issuer = value;
    size_t num = 0;
    while (gw_jwt_algorithm_names[num] != NULL)
        ++num;
    for (size_t i = 0; i != issuer->algorithms.size; ++i) {
        const struct gw_conf_string *name = &issuer->algorithms.entries[i];
        gw_jwt_algorithm_t algorithm;
        if (gw_jwt_algorithm_find(gw_str_of(name->value), &algorithm))
            issuer->algorithm_set |= GW_JWT_SET(algorithm);
        else
            gw_conf_refuse_name(reader, name->at, "there is no algorithm '%s'", name->value, gw_jwt_algorithm_names,
                                num, "known algorithms");
    }
    for (size_t i = 0; i != issuer->audience.size; ++i)
        if (*issuer->audience.entries[i].value == '\0')
            gw_diag_error(reader->diag, issuer->audience.entries[i].at, NULL, "an audience must not be empty");
    check_fit(reader, issuer);
}

#define ISSUER_FIELDS(base, are_keys_required)                                                                         \
    {.key = "issuer",                                                                                                  \
     .type = GW_STRING,                                                                                                \
     .offset = (base) + offsetof(gw_jwt_issuer_conf_t, issuer),                                                        \
     .min = 1,                                                                                                         \
     .max = 2000,                                                                                                      \
     .def_text = "not looked at",                                                                                      \
     .meaning = "what 'iss' must be, exactly"},                                                                        \
        {.key = "audience",                                                                                            \
         .type = GW_STRINGS,                                                                                           \
         .offset = (base) + offsetof(gw_jwt_issuer_conf_t, audience),                                                  \
         .max = 100,                                                                                                   \
         .def_text = "tokens without 'aud' only",                                                                      \
         .meaning = "'aud' must name one of these; \"*\" takes tokens for anybody"},                                   \
        {.key = "algorithms",                                                                                          \
         .type = GW_STRINGS,                                                                                           \
         .offset = (base) + offsetof(gw_jwt_issuer_conf_t, algorithms),                                                \
         .max = 16,                                                                                                    \
         .def_text = "each key's own",                                                                                 \
         .meaning = "what keys may be used with; by default what a key set says, else RS256, HS256, or what the "      \
                    "curve is for"},                                                                                   \
    {                                                                                                                  \
        .key = "keys", .type = GW_LIST, .offset = (base) + offsetof(gw_jwt_issuer_conf_t, keys), .min = 1, .max = 16,  \
        .section = &gw_jwt_source_section, .is_required = (are_keys_required), .is_one_enough = true,                  \
        .meaning = "where the keys come from that tokens are verified with; one mapping, or a list of them"            \
    }

static const gw_field_t issuer_fields[] = {ISSUER_FIELDS(0, true), {.key = NULL}};

static const gw_section_t issuer_section = {.name = "issuer",
                                            .fields = issuer_fields,
                                            .size = sizeof(gw_jwt_issuer_conf_t),
                                            .mark_offset = offsetof(gw_jwt_issuer_conf_t, at),
                                            .check = check_issuer};

/* require ---------------------------------------------------------------------------------------------------------- */

typedef struct gw_jwt_require require_t;

static const char require_takes[] = "mapping of claims to a text, a list, {any: [...]} or {all: [...]}";

/** @param node a text or a list of them */
static bool read_values(gw_conf_reader_t *reader, const gw_node_t *node, gw_conf_strings_t *target)
{
    static const gw_field_t row = {.key = "require", .type = GW_STRINGS, .min = 1, .max = 100};
    if (!gw_field_read(reader, &row, node, target))
        return false;
    for (size_t i = 0; i != target->size; ++i)
        if (*target->entries[i].value == '\0') {
            gw_diag_error(reader->diag, target->entries[i].at, NULL, "a value that is required must not be empty");
            return false;
        }
    return true;
}

/** RFC 6749 3.3; challenges quote it. */
static bool is_scope_token(const char *text)
{
    for (; *text != '\0'; ++text)
        if (*text <= ' ' || *text == '"' || *text == '\\' || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static void read_rule(gw_conf_reader_t *reader, const gw_node_pair_t *pair, require_t *require)
{
    gw_jwt_rule_t rule = {.path = gw_arena_strdup(reader->arena, gw_str_of(pair->key)),
                          .is_scope = strcmp(pair->key, "scope") == 0};
    const gw_node_t *values = pair->value;
    rule.is_all = rule.is_scope; /* a list of scopes means all of them, any other list one of them */
    if (values->kind == GW_NODE_MAPPING) {
        bool is_all = values->size == 1 && strcmp(values->pairs[0].key, "all") == 0;
        if (!is_all && !(values->size == 1 && strcmp(values->pairs[0].key, "any") == 0)) {
            gw_diag_error(reader->diag, values->at, "for example: roles: {any: [admin, operator]}",
                          "'%s' must be a text, a list, {any: [...]} or {all: [...]}", rule.path);
            return;
        }
        rule.is_all = is_all;
        values = values->pairs[0].value;
    }
    if (!read_values(reader, values, &rule.values))
        return;
    for (size_t i = 0; i != rule.values.size && rule.is_scope; ++i)
        if (!is_scope_token(rule.values.entries[i].value))
            gw_diag_error(reader->diag, rule.values.entries[i].at, "printable ASCII without spaces, '\"' and '\\'",
                          "'%s' is no scope", rule.values.entries[i].value);
    require->entries[require->size++] = rule;
}

static void read_require(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    enum { most = 32 };
    require_t *require = target;
    if (gw_node_is_null(node))
        return;
    if (node->kind != GW_NODE_MAPPING || node->size > most) {
        gw_diag_error(reader->diag, node->at, "for example: require: {scope: [calc], roles: {any: [admin]}}",
                      "'require' must be a %s, at most %d", require_takes, most);
        return;
    }
    require->entries = gw_arena_alloc(reader->arena, node->size * sizeof(*require->entries));
    for (size_t i = 0; i != node->size; ++i)
        if (*node->pairs[i].key == '\0')
            gw_diag_error(reader->diag, node->pairs[i].at, NULL, "the name of a claim must not be empty");
        else
            read_rule(reader, &node->pairs[i], require);
}

static gw_node_t *show_require(gw_arena_t *arena, const void *target)
{
    const require_t *require = target;
    gw_node_t *mapping = gw_node_new(arena, GW_NODE_MAPPING);
    for (size_t i = 0; i != require->size; ++i) {
        gw_node_t *list = gw_node_new(arena, GW_NODE_SEQUENCE), *rule = gw_node_new(arena, GW_NODE_MAPPING);
        for (size_t k = 0; k != require->entries[i].values.size; ++k)
            gw_node_append(arena, list, gw_node_new_text(arena, require->entries[i].values.entries[k].value));
        gw_node_set(arena, rule, require->entries[i].is_all ? "all" : "any", (gw_mark_t){0}, list);
        gw_node_set(arena, mapping, require->entries[i].path, (gw_mark_t){0}, rule);
    }
    return mapping->size != 0 ? mapping : NULL;
}

/* the filter ------------------------------------------------------------------------------------------------------- */

static void find_issuers(struct gw_conf_reader *reader, gw_jwt_conf_t *conf, gw_mark_t at)
{
    bool is_own = conf->own.keys.size != 0;
    if (is_own == (conf->issuers.size != 0)) {
        gw_diag_error(reader->diag, at, "for example: keys: {jwks_file: certs/jwks.json}",
                      is_own ? "either 'keys' or 'issuers', not both" : "'keys' are missing (or 'issuers')");
        return;
    }
    if (!is_own && (conf->own.issuer != NULL || conf->own.audience.size != 0 || conf->own.algorithms.size != 0))
        gw_diag_error(reader->diag, at, NULL,
                      "with 'issuers', 'issuer', 'audience' and 'algorithms' belong into each of them");
    conf->all = is_own ? &conf->own : conf->issuers.entries;
    conf->num_all = is_own ? 1 : conf->issuers.size;
    if (is_own)
        check_issuer(reader, &conf->own, at);
    for (size_t i = 0; i != conf->num_all; ++i) {
        const char *issuer = conf->all[i].issuer;
        if (issuer == NULL && conf->num_all != 1)
            gw_diag_error(reader->diag, conf->all[i].at, NULL, "one of several issuers needs 'issuer'");
        for (size_t k = 0; k != i && issuer != NULL; ++k)
            if (conf->all[k].issuer != NULL && strcmp(conf->all[k].issuer, issuer) == 0)
                gw_diag_error(reader->diag, conf->all[i].at, "list all of its keys in one place",
                              "issuer '%s' is there twice", issuer);
        conf->all[i].first_source = conf->num_sources;
        conf->num_sources += conf->all[i].keys.size;
    }
    conf->sources = gw_arena_alloc(reader->arena, conf->num_sources * sizeof(*conf->sources));
    for (size_t i = 0, at_source = 0; i != conf->num_all; ++i)
        for (size_t k = 0; k != conf->all[i].keys.size; ++k)
            conf->sources[at_source++] = (gw_jwt_source_conf_t *)conf->all[i].keys.entries + k;
}

static void find_places(struct gw_conf_reader *reader, gw_jwt_conf_t *conf)
{
    const unsigned kinds = 1u << GW_KEY_HEADER | 1u << GW_KEY_COOKIE | 1u << GW_KEY_QUERY;
    conf->places = gw_arena_alloc(reader->arena, conf->from.size * sizeof(*conf->places));
    for (size_t i = 0; i != conf->from.size; ++i)
        if (!gw_conf_parse_key(reader->arena, gw_str_of(conf->from.entries[i].value), kinds, &conf->places[i]))
            gw_diag_error(reader->diag, conf->from.entries[i].at, gw_conf_keys_taken(reader->scratch, kinds),
                          "'%s' is no place for a token", conf->from.entries[i].value);
}

/** The field of the whole payload obeys the same rules as those of single claims. */
static void check_payload_field(struct gw_conf_reader *reader, gw_jwt_conf_t *conf, gw_mark_t at)
{
    struct gw_conf_pair pair = {
        .name = "forward_payload", .value = conf->forward_payload, .name_at = at, .value_at = at};
    gw_conf_pairs_t pairs = {&pair, 1};
    if (conf->forward_payload == NULL)
        return;
    gw_conf_check_forward(reader, &pairs);
    gw_conf_check_forward_apart(reader, &pairs, conf->places, conf->from.size);
    conf->forward_payload = pair.value;
    for (size_t i = 0; i != conf->forward.size; ++i)
        if (gw_http_is_read_as(gw_str_of(conf->forward.entries[i].value), gw_str_of(pair.value)))
            gw_diag_error(reader->diag, at, NULL, "the field '%s' is already taken by '%s'", pair.value,
                          conf->forward.entries[i].name);
}

static void check_jwt(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_jwt_conf_t *conf = value;
    find_issuers(reader, conf, at);
    find_places(reader, conf);
    gw_conf_check_forward(reader, &conf->forward);
    gw_conf_check_forward_apart(reader, &conf->forward, conf->places, conf->from.size);
    check_payload_field(reader, conf, at);
    gw_conf_check_realm(reader, conf->realm, at);
    conf->rules = (gw_jwt_rules_t){.leeway = conf->leeway,
                                   .max_age = conf->max_age,
                                   .is_exp_optional = !conf->needs_exp,
                                   .rules = conf->require.entries,
                                   .num_rules = conf->require.size};
    if (conf->deny_file != NULL)
        gw_file_load(&conf->denied, conf->deny_file, &gw_jwt_deny_class, reader->diag, at);
}

void gw_jwt_link(struct gw_conf_reader *reader, void *arg, gw_mark_t at)
{
    const gw_jwt_conf_t *conf = arg;
    for (size_t i = 0; i != conf->from.size; ++i)
        if (conf->places[i].kind == GW_KEY_QUERY)
            gw_conf_hide_parameter(reader, conf->places[i].name);
}

static void dispose_issuer(gw_jwt_issuer_conf_t *issuer)
{
    gw_jwt_source_conf_t *sources = issuer->keys.entries;
    for (size_t i = 0; i != issuer->keys.size; ++i) {
        gw_file_seed_dispose(&sources[i].seed);
        gw_version_unref(sources[i].fixed);
    }
}

void gw_jwt_conf_dispose(void *arg)
{
    gw_jwt_conf_t *conf = arg;
    gw_jwt_issuer_conf_t *issuers = conf->issuers.entries;
    dispose_issuer(&conf->own);
    for (size_t i = 0; i != conf->issuers.size; ++i)
        dispose_issuer(&issuers[i]);
    gw_file_seed_dispose(&conf->denied);
}

bool gw_jwt_demands_credentials(const void *value)
{
    const gw_jwt_conf_t *conf = value;
    return gw_auth_demands(conf->optional, conf->mode);
}

static const gw_field_t jwt_fields[] = {
    ISSUER_FIELDS(offsetof(gw_jwt_conf_t, own), false),
    {.key = "issuers",
     .type = GW_LIST,
     .offset = offsetof(gw_jwt_conf_t, issuers),
     .max = 32,
     .section = &issuer_section,
     .meaning = "several issuers, each with its own keys, instead of 'issuer', 'audience', 'algorithms' and 'keys'"},
    {.key = "from",
     .type = GW_STRINGS,
     .offset = offsetof(gw_jwt_conf_t, from),
     .min = 1,
     .max = 8,
     .def = "header:Authorization",
     .meaning = "where a token may stand: header:NAME, cookie:NAME, and query:NAME for those who must; in more than "
                "one place it is refused"},
    {.key = "remove",
     .type = GW_BOOL,
     .offset = offsetof(gw_jwt_conf_t, is_removed),
     .def = "false",
     .meaning = "do not pass the token on to the service"},
    {.key = "typ",
     .type = GW_STRINGS,
     .offset = offsetof(gw_jwt_conf_t, typ),
     .max = 8,
     .def_text = "any",
     .meaning = "what 'typ' of the token's header must be, such as at+jwt"},
    {.key = "leeway",
     .type = GW_DURATION,
     .offset = offsetof(gw_jwt_conf_t, leeway),
     .max = 10 * minute,
     .def = "30s",
     .meaning = "how far clocks may be apart when exp, nbf and iat are looked at"},
    {.key = "needs_exp",
     .type = GW_BOOL,
     .offset = offsetof(gw_jwt_conf_t, needs_exp),
     .def = "true",
     .meaning = "refuse tokens that never expire"},
    {.key = "max_age",
     .type = GW_DURATION,
     .offset = offsetof(gw_jwt_conf_t, max_age),
     .max = 365ull * day,
     .def = "0s",
     .meaning = "how long after 'iat' a token is accepted at most; 0s does not look"},
    {.key = "max_length",
     .type = GW_SIZE,
     .offset = offsetof(gw_jwt_conf_t, max_length),
     .min = 256,
     .max = GW_JWT_MAX_TOKEN,
     .def = "8KiB",
     .meaning = "a longer token is refused before it is looked at"},
    {.key = "require",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_jwt_conf_t, require),
     .read = read_require,
     .show = show_require,
     .takes = require_takes,
     .meaning = "claims that give access, by path; 'scope' lists all that are needed, any other claim one of several"},
    {.key = "forward",
     .type = GW_PAIRS,
     .offset = offsetof(gw_jwt_conf_t, forward),
     .max = 32,
     .meaning = "claims that the service gets as header fields; what the client sends under those names is removed"},
    {.key = "forward_payload",
     .type = GW_STRING,
     .offset = offsetof(gw_jwt_conf_t, forward_payload),
     .min = 1,
     .max = 128,
     .meaning = "header field that gets all claims, in base64url as the token has them"},
    {.key = "principal",
     .type = GW_STRING,
     .offset = offsetof(gw_jwt_conf_t, principal),
     .min = 1,
     .max = 256,
     .def = "sub",
     .meaning = "claim that names who the request comes from, for the access log and for keys"},
    {.key = "realm",
     .type = GW_STRING,
     .offset = offsetof(gw_jwt_conf_t, realm),
     .min = 1,
     .max = 128,
     .def = "api",
     .meaning = "what the challenge of a refusal calls the place"},
    GW_AUTH_OPTIONAL_FIELD(gw_jwt_conf_t, optional, "a token"),
    {.key = "deny_file",
     .type = GW_PATH,
     .offset = offsetof(gw_jwt_conf_t, deny_file),
     .meaning = "file of tokens that are revoked, a line 'jti VALUE' or 'sub VALUE' each; watched"},
    {.key = "cache_size",
     .type = GW_SIZE,
     .offset = offsetof(gw_jwt_conf_t, cache_size),
     .max = 4096ull * mib,
     .def = "16MiB",
     .meaning = "memory for verified tokens, for each worker; 0B verifies every time"},
    {.key = "mode",
     .type = GW_ENUM,
     .offset = offsetof(gw_jwt_conf_t, mode),
     .words = gw_auth_mode_words,
     .def = "enforce",
     .meaning = "observe refuses nothing and writes to the access log what enforce would have done"},
    {.key = NULL},
};

const gw_section_t gw_jwt_section = {.name = "jwt",
                                     .fields = jwt_fields,
                                     .size = sizeof(gw_jwt_conf_t),
                                     .mark_offset = offsetof(gw_jwt_conf_t, at),
                                     .check = check_jwt};
