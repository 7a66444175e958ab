/* SPDX-License-Identifier: MIT
 * Reading the options of `api_key`. */
#include "filters/api_key_conf.h"
#include "gateway/config/key.h"
#include "gateway/config/text.h"

#define PLACES (1u << GW_KEY_HEADER | 1u << GW_KEY_QUERY | 1u << GW_KEY_COOKIE)

static void *parse(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return gw_api_keys_parse(content, path, diag);
}

static void free_keys(void *keys)
{
    gw_api_keys_free(keys);
}

const gw_file_class_t gw_api_key_file = {.what = "API key file",
                                         .max_bytes = GW_API_KEYS_MAX_BYTES,
                                         .is_secret = true,
                                         .parse = parse,
                                         .free_value = free_keys};

void gw_api_key_conf_dispose(void *value)
{
    gw_file_seed_dispose(&((gw_api_key_conf_t *)value)->seed);
}

static const char *words_for(gw_arena_t *arena, const gw_key_conf_t *place)
{
    static const char *const words[] = {
        [GW_KEY_HEADER] = "header field", [GW_KEY_QUERY] = "query parameter", [GW_KEY_COOKIE] = "cookie"};
    return gw_arena_printf(arena, "%s %s", words[place->kind], place->name);
}

static void check_places(struct gw_conf_reader *reader, gw_api_key_conf_t *conf)
{
    const char *help = "an API key is expected in the";
    conf->places = gw_arena_alloc(reader->arena, conf->from.size * sizeof(*conf->places));
    for (size_t i = 0; i != conf->from.size; ++i) {
        const struct gw_conf_string *text = &conf->from.entries[i];
        gw_key_conf_t *place = &conf->places[i];
        if (!gw_conf_parse_key(reader->arena, gw_str_of(text->value), PLACES, place)) {
            gw_diag_error(reader->diag, text->at, "for example: header:X-API-Key", "'%s' is not valid for 'from' (%s)",
                          gw_text_shown(reader->scratch, gw_str_of(text->value)),
                          gw_conf_keys_taken(reader->scratch, PLACES));
            continue;
        }
        for (size_t k = 0; k != i; ++k)
            if (conf->places[k].kind == place->kind && strcmp(conf->places[k].name, place->name) == 0) {
                gw_diag_error(reader->diag, text->at, NULL, "'%s' stands in 'from' twice", text->value);
                break;
            }
        if (place->kind == GW_KEY_QUERY)
            gw_conf_hide_parameter(reader, place->name);
        help = gw_arena_printf(reader->arena, "%s%s%s", help, i == 0 ? " " : " or the ",
                               words_for(reader->scratch, place));
    }
    conf->help = help;
}

static void check(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_api_key_conf_t *conf = value;
    check_places(reader, conf);
    gw_conf_check_forward(reader, &conf->forward);
    gw_conf_check_forward_apart(reader, &conf->forward, conf->places, conf->from.size);
    gw_conf_check_realm(reader, conf->realm, at);
    conf->challenge = gw_arena_printf(reader->arena, "ApiKey realm=\"%s\"", conf->realm);
    gw_file_load(&conf->seed, conf->file, &gw_api_key_file, reader->diag, at);
}

bool gw_api_key_demands_credentials(const void *value)
{
    const gw_api_key_conf_t *conf = value;
    return gw_auth_demands(conf->optional, conf->mode);
}

static const gw_field_t fields[] = {
    {.key = "from",
     .type = GW_STRINGS,
     .offset = offsetof(gw_api_key_conf_t, from),
     .min = 1,
     .max = 8,
     .def = "header:X-API-Key",
     .meaning = "where a key may be: header:NAME, query:NAME or cookie:NAME"},
    {.key = "file",
     .type = GW_PATH,
     .offset = offsetof(gw_api_key_conf_t, file),
     .is_required = true,
     .meaning = "the keys as hashes, with their owners and properties; read again when it changes"},
    {.key = "remove",
     .type = GW_BOOL,
     .offset = offsetof(gw_api_key_conf_t, remove),
     .def = "true",
     .meaning = "keep the key from the service"},
    {.key = "forward",
     .type = GW_PAIRS,
     .offset = offsetof(gw_api_key_conf_t, forward),
     .max = 32,
     .meaning = "properties of the key and the request fields that tell the service; those of the client are removed"},
    {.key = "require",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_api_key_conf_t, require),
     .read = gw_conf_read_requirements,
     .show = gw_conf_show_requirements,
     .takes = GW_REQUIREMENTS_TAKES,
     .meaning = "what properties of the key must be: each one of its values"},
    GW_AUTH_OPTIONAL_FIELD(gw_api_key_conf_t, optional, "a key"),
    {.key = "realm",
     .type = GW_STRING,
     .offset = offsetof(gw_api_key_conf_t, realm),
     .min = 1,
     .max = 128,
     .def = "api",
     .meaning = "what the challenge of a 401 calls the place"},
    {.key = "mode",
     .type = GW_ENUM,
     .offset = offsetof(gw_api_key_conf_t, mode),
     .words = gw_auth_mode_words,
     .def = "enforce",
     .meaning = "observe refuses nothing and writes to the access log what enforce would have done"},
    {.key = NULL},
};

const gw_section_t gw_api_key_section = {.name = "api_key",
                                         .fields = fields,
                                         .size = sizeof(gw_api_key_conf_t),
                                         .mark_offset = offsetof(gw_api_key_conf_t, at),
                                         .check = check};
