/* SPDX-License-Identifier: MIT
 * Reading the options of `basic_auth`. */
#include "filters/basic_auth_conf.h"
#include "gateway/config/text.h"

enum { hour = 3600000 };

static const char only_property[] = "user";

static void *parse(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return gw_htpasswd_parse(content, path, diag);
}

static void free_users(void *users)
{
    gw_htpasswd_free(users);
}

const gw_file_class_t gw_basic_auth_file = {.what = "password file",
                                            .max_bytes = GW_HTPASSWD_MAX_BYTES,
                                            .is_secret = true,
                                            .parse = parse,
                                            .free_value = free_users};

void gw_basic_auth_conf_dispose(void *value)
{
    gw_file_seed_dispose(&((gw_basic_auth_conf_t *)value)->seed);
}

static void check_property(struct gw_conf_reader *reader, const char *name, gw_mark_t at)
{
    if (strcmp(name, only_property) != 0)
        gw_diag_error(reader->diag, at, "all that is known is the 'user'", "there is no property '%s'",
                      gw_text_shown(reader->scratch, gw_str_of(name)));
}

static void check(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    static const gw_key_conf_t place = {.kind = GW_KEY_HEADER, .name = "authorization"};
    gw_basic_auth_conf_t *conf = value;
    for (size_t i = 0; i != conf->forward.size; ++i)
        check_property(reader, conf->forward.entries[i].name, conf->forward.entries[i].name_at);
    for (size_t i = 0; i != conf->require.size; ++i)
        check_property(reader, conf->require.entries[i].property, conf->require.entries[i].at);
    gw_conf_check_forward(reader, &conf->forward);
    gw_conf_check_forward_apart(reader, &conf->forward, &place, 1);
    gw_conf_check_realm(reader, conf->realm, at);
    conf->challenge = gw_arena_printf(reader->arena, "Basic realm=\"%s\", charset=\"UTF-8\"", conf->realm);
    gw_file_load(&conf->seed, conf->file, &gw_basic_auth_file, reader->diag, at);
}

bool gw_basic_auth_demands_credentials(const void *value)
{
    const gw_basic_auth_conf_t *conf = value;
    return gw_auth_demands(conf->optional, conf->mode);
}

static const gw_field_t fields[] = {
    {.key = "file",
     .type = GW_PATH,
     .offset = offsetof(gw_basic_auth_conf_t, file),
     .is_required = true,
     .meaning = "users and the hashes of their passwords, as by htpasswd; read again when it changes"},
    {.key = "realm",
     .type = GW_STRING,
     .offset = offsetof(gw_basic_auth_conf_t, realm),
     .min = 1,
     .max = 128,
     .def = "restricted",
     .meaning = "what the challenge of a 401 calls the place; browsers show it"},
    {.key = "remove",
     .type = GW_BOOL,
     .offset = offsetof(gw_basic_auth_conf_t, remove),
     .def = "true",
     .meaning = "keep the password from the service"},
    {.key = "forward",
     .type = GW_PAIRS,
     .offset = offsetof(gw_basic_auth_conf_t, forward),
     .max = 8,
     .meaning = "request fields that tell the service the user; those of the client are removed"},
    {.key = "require",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_basic_auth_conf_t, require),
     .read = gw_conf_read_requirements,
     .show = gw_conf_show_requirements,
     .takes = GW_REQUIREMENTS_TAKES,
     .meaning = "which users may pass, of all those in the file"},
    GW_AUTH_OPTIONAL_FIELD(gw_basic_auth_conf_t, optional, "Basic credentials"),
    {.key = "remember",
     .type = GW_DURATION,
     .offset = offsetof(gw_basic_auth_conf_t, remember),
     .max = hour,
     .def = "1m",
     .meaning = "how long a password that was right is not hashed again; 0s hashes it with every request"},
    {.key = "mode",
     .type = GW_ENUM,
     .offset = offsetof(gw_basic_auth_conf_t, mode),
     .words = gw_auth_mode_words,
     .def = "enforce",
     .meaning = "observe refuses nothing and writes to the access log what enforce would have done"},
    {.key = NULL},
};

const gw_section_t gw_basic_auth_section = {.name = "basic_auth",
                                            .fields = fields,
                                            .size = sizeof(gw_basic_auth_conf_t),
                                            .mark_offset = offsetof(gw_basic_auth_conf_t, at),
                                            .check = check};
