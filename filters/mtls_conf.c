/* SPDX-License-Identifier: MIT
 * Reading the options of `mtls`. */
#include "filters/mtls_conf.h"
#include "gateway/config/conf.h"
#include "gateway/config/text.h"

enum { most_entries = 10000 };

static const gw_certificate_text_t names[] = {GW_CERTIFICATE_SUBJECT, GW_CERTIFICATE_CN,
                                              GW_CERTIFICATE_SAN_DNS, GW_CERTIFICATE_SAN_EMAIL,
                                              GW_CERTIFICATE_SAN_URI, GW_CERTIFICATE_FINGERPRINT};
static const char *const name_words[] = {"subject", "cn", "san_dns", "san_email", "san_uri", "fingerprint", NULL};

typedef const char *make_entry_t(char *text, gw_mtls_entry_t *ret_entry);

static const char *make_plain_entry(char *text, gw_mtls_entry_t *ret_entry)
{
    *ret_entry = (gw_mtls_entry_t){.value = gw_str_of(text)};
    return *text != '\0' ? NULL : "not empty";
}

static void make_entries(gw_conf_reader_t *reader, const char *option, const gw_conf_strings_t *texts,
                         make_entry_t *make, gw_mtls_entries_t *ret_entries)
{
    ret_entries->entries = gw_arena_alloc(reader->arena, texts->size * sizeof(*ret_entries->entries));
    ret_entries->size = texts->size;
    for (size_t i = 0; i != texts->size; ++i) {
        const char *wrong =
            make(gw_arena_strdup(reader->arena, gw_str_of(texts->entries[i].value)), &ret_entries->entries[i]);
        if (wrong != NULL)
            gw_diag_error(reader->diag, texts->entries[i].at, NULL, "'%s' is not valid for '%s' (%s)",
                          gw_text_shown(reader->scratch, gw_str_of(texts->entries[i].value)), option, wrong);
    }
}

static void check_properties(gw_conf_reader_t *reader, const gw_conf_pairs_t *forward)
{
    for (size_t i = 0; i != forward->size; ++i) {
        const struct gw_conf_pair *pair = &forward->entries[i];
        size_t text = 0;
        while (text != GW_CERTIFICATE_NUM_TEXTS && strcmp(gw_certificate_text_names[text], pair->name) != 0)
            ++text;
        if (text == GW_CERTIFICATE_NUM_TEXTS)
            gw_conf_refuse_name(reader, pair->name_at, "a certificate has no '%s'", pair->name,
                                gw_certificate_text_names, GW_CERTIFICATE_NUM_TEXTS, "it has");
    }
}

static void check_mtls(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_mtls_conf_t *conf = value;

    conf->rules.name = names[conf->name];
    make_entries(reader, "cn", &conf->require.cn, make_plain_entry, &conf->rules.cn);
    make_entries(reader, "san", &conf->require.san, gw_mtls_entry_of_san, &conf->rules.san);
    make_entries(reader, "fingerprint", &conf->require.fingerprint, gw_mtls_entry_of_fingerprint,
                 &conf->rules.fingerprint);
    make_entries(reader, "issuer", &conf->require.issuer, make_plain_entry, &conf->rules.issuer);
    make_entries(reader, "subject", &conf->require.subject, make_plain_entry, &conf->rules.subject);
    check_properties(reader, &conf->forward);
    gw_conf_check_forward(reader, &conf->forward);
}

void gw_mtls_link(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    static const char hint[] = "for example: listen: [{address: ':8443', tls: {client_auth: {ca: clients.crt}, ...}}]";
    const gw_mtls_conf_t *conf = value;
    const gw_conf_root_t *root = reader->context;
    const gw_listener_conf_t *listeners = root->listen.entries;

    for (size_t i = 0; i != root->listen.size; ++i)
        if (listeners[i].tls_conf.client_auth.at.line != 0)
            return;
    if (conf->optional != GW_AUTH_NEEDED || conf->mode == GW_AUTH_OBSERVE)
        gw_diag_warning(reader->diag, at, hint, "no listener has 'client_auth': no client can show a certificate");
    else
        gw_diag_error(reader->diag, at, hint,
                      "no listener has 'client_auth': no client can show a certificate, and all would be refused");
}

bool gw_mtls_demands_credentials(const void *value)
{
    const gw_mtls_conf_t *conf = value;
    return gw_auth_demands(conf->optional, conf->mode);
}

#define IN_REQUIRE(member) (offsetof(gw_mtls_conf_t, require.member) - offsetof(gw_mtls_conf_t, require))

static const gw_field_t require_fields[] = {
    {.key = "cn",
     .type = GW_STRINGS,
     .offset = IN_REQUIRE(cn),
     .min = 1, /* an empty list would let nobody in, or everybody: who knows what was meant */
     .max = most_entries,
     .meaning = "common names; of several in a subject the last one counts"},
    {.key = "san",
     .type = GW_STRINGS,
     .offset = IN_REQUIRE(san),
     .min = 1,
     .max = most_entries,
     .meaning = "alternative names: host names (*.example.com for one label), e-mail addresses, URIs, IP addresses"},
    {.key = "fingerprint",
     .type = GW_STRINGS,
     .offset = IN_REQUIRE(fingerprint),
     .min = 1,
     .max = most_entries,
     .meaning = "SHA-256 fingerprints of certificates, 64 hexadecimal digits with or without colons"},
    {.key = "issuer",
     .type = GW_STRINGS,
     .offset = IN_REQUIRE(issuer),
     .min = 1,
     .max = most_entries,
     .meaning = "names of the CAs that issued the certificate itself, as RFC 4514 writes them"},
    {.key = "subject",
     .type = GW_STRINGS,
     .offset = IN_REQUIRE(subject),
     .min = 1,
     .max = most_entries,
     .meaning = "whole names of clients, as RFC 4514 writes them: CN=alice,O=Example"},
    {.key = NULL},
};

static const gw_section_t require_section = {.name = "require",
                                             .fields = require_fields,
                                             .size = sizeof(((gw_mtls_conf_t *)NULL)->require),
                                             .mark_offset = GW_NO_OFFSET};

static const gw_field_t mtls_fields[] = {
    {.key = "name",
     .type = GW_ENUM,
     .offset = offsetof(gw_mtls_conf_t, name),
     .words = name_words,
     .def = "subject",
     .meaning = "what the client is called by; the first alternative name of that kind"},
    GW_AUTH_OPTIONAL_FIELD(gw_mtls_conf_t, optional, "a certificate"),
    {.key = "mode",
     .type = GW_ENUM,
     .offset = offsetof(gw_mtls_conf_t, mode),
     .words = gw_auth_mode_words,
     .def = "enforce",
     .meaning = "observe refuses nothing and writes to the access log what enforce would have done"},
    {.key = "require",
     .type = GW_SECTION,
     .offset = offsetof(gw_mtls_conf_t, require),
     .section = &require_section,
     .meaning = "whose certificates are let in; each list that is given must have an entry that fits"},
    {.key = "forward",
     .type = GW_PAIRS,
     .offset = offsetof(gw_mtls_conf_t, forward),
     .max = 32,
     .meaning = "header fields that tell the service about the certificate, property: field"},
    {.key = NULL},
};

const gw_section_t gw_mtls_section = {
    .name = "mtls",
    .fields = mtls_fields,
    .size = sizeof(gw_mtls_conf_t),
    .mark_offset = offsetof(gw_mtls_conf_t, at),
    .check = check_mtls,
};
