/* SPDX-License-Identifier: MIT
 * Reading the options of `ip_access`. */
#include "filters/ip_access_conf.h"
#include "gateway/config/reader.h"

enum { most_networks = 10000, most_bytes = 64 << 20 };

static const char *const address_words[] = {[GW_IP_OF_CLIENT] = "client", [GW_IP_OF_PEER] = "peer", NULL};
static const char *const mode_words[] = {[GW_IP_ENFORCE] = "enforce", [GW_IP_OBSERVE] = "observe", NULL};

const gw_file_class_t gw_allow_file_class = {
    .what = "allow_file",
    .max_bytes = most_bytes,
    .parse = gw_network_list_parse,
    .free_value = gw_network_list_free,
};
const gw_file_class_t gw_deny_file_class = {
    .what = "deny_file",
    .max_bytes = most_bytes,
    .parse = gw_network_list_parse,
    .free_value = gw_network_list_free,
};

/** @return NULL when there are none, or after reporting */
static gw_network_list_t *list_of(struct gw_conf_reader *reader, const char *key, const gw_conf_strings_t *texts)
{
    gw_cidr_t *networks = gw_arena_alloc(reader->scratch, texts->size * sizeof(*networks));
    size_t num = 0;
    bool has_unix = false, is_good = true;
    for (size_t i = 0; i != texts->size; ++i)
        if (gw_network_is_unix(gw_str_of(texts->entries[i].value)))
            has_unix = true;
        else if (!gw_conf_parse_network(reader, key, texts->entries + i, networks + num++))
            is_good = false;
    return is_good && texts->size != 0 ? gw_network_list_create(networks, num, has_unix) : NULL;
}

static void check_ip_access(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_ip_access_conf_t *conf = value;
    if (conf->allow.size == 0 && conf->deny.size == 0 && conf->allow_file == NULL && conf->deny_file == NULL)
        gw_diag_error(reader->diag, at, "for example: deny: [192.0.2.0/24]",
                      "'ip_access' needs 'allow', 'deny', 'allow_file' or 'deny_file'");
    conf->allow_list = list_of(reader, "allow", &conf->allow);
    conf->deny_list = list_of(reader, "deny", &conf->deny);
    if (conf->allow_file != NULL)
        gw_file_load(&conf->allow_seed, conf->allow_file, &gw_allow_file_class, reader->diag, at);
    if (conf->deny_file != NULL)
        gw_file_load(&conf->deny_seed, conf->deny_file, &gw_deny_file_class, reader->diag, at);
}

void gw_ip_access_dispose(void *value)
{
    gw_ip_access_conf_t *conf = value;
    gw_network_list_free(conf->allow_list);
    gw_network_list_free(conf->deny_list);
    gw_file_seed_dispose(&conf->allow_seed);
    gw_file_seed_dispose(&conf->deny_seed);
}

static const gw_field_t ip_access_fields[] = {
    {.key = "allow",
     .type = GW_STRINGS,
     .offset = offsetof(gw_ip_access_conf_t, allow),
     .min = 1,
     .max = most_networks,
     .meaning = "networks and addresses that may pass; with this or allow_file, nobody else may; unix stands for "
                "clients of Unix sockets"},
    {.key = "deny",
     .type = GW_STRINGS,
     .offset = offsetof(gw_ip_access_conf_t, deny),
     .max = most_networks,
     .meaning = "networks and addresses that may not pass"},
    {.key = "allow_file",
     .type = GW_PATH,
     .offset = offsetof(gw_ip_access_conf_t, allow_file),
     .meaning = "file with more networks to allow, one a line; it is read again when it changes"},
    {.key = "deny_file",
     .type = GW_PATH,
     .offset = offsetof(gw_ip_access_conf_t, deny_file),
     .meaning = "file with more networks to deny, one a line; it is read again when it changes"},
    {.key = "address",
     .type = GW_ENUM,
     .offset = offsetof(gw_ip_access_conf_t, address),
     .words = address_words,
     .def = "client",
     .meaning = "whose address is looked at: the client's, as trusted proxies tell it, or that of the peer which is "
                "connected"},
    {.key = "mode",
     .type = GW_ENUM,
     .offset = offsetof(gw_ip_access_conf_t, mode),
     .words = mode_words,
     .def = "enforce",
     .meaning = "observe refuses nothing and writes to the access log what enforce would have done"},
    {.key = NULL},
};

const gw_section_t gw_ip_access_section = {
    .name = "ip_access",
    .fields = ip_access_fields,
    .size = sizeof(gw_ip_access_conf_t),
    .mark_offset = offsetof(gw_ip_access_conf_t, at),
    .check = check_ip_access,
};
