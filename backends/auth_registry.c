/* SPDX-License-Identifier: MIT
 * Clients and users of the token service. */
#include <stdarg.h>
#include <stdio.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include "backends/auth_registry.h"
#include "gateway/base/memory.h"

const char gw_auth_demo_registry[] =
    "{ \"clients\": [\n"
    "    { \"id\": \"demo\", \"secret\": \"demo-secret\", \"scopes\": [\"calc\", \"hello\"],\n"
    "      \"grants\": [\"client_credentials\", \"password\"] },\n"
    "    { \"id\": \"app\", \"scopes\": [\"calc\", \"hello\"], \"grants\": [\"password\"] } ],\n"
    "  \"users\": [\n"
    "    { \"name\": \"alice\", \"password\": \"alice\", \"scopes\": [\"calc\", \"hello\"], \"roles\": [\"admin\"] },\n"
    "    { \"name\": \"bob\", \"password\": \"bob\", \"scopes\": [\"hello\"], \"roles\": [\"user\"] } ] }\n";

typedef struct list {
    gw_auth_party_t *parties;
    size_t num;
} list_t;

struct gw_auth_registry {
    json_t *json; /* the texts are borrowed from here; secrets are wiped in it */
    list_t clients, users;
};

typedef struct reason {
    char *to;
    size_t size;
    const char *where; /* "clients[1]" */
} reason_t;

__attribute__((format(printf, 2, 3))) static bool wrong(const reason_t *reason, const char *format, ...)
{
    va_list args;
    int len = reason->where != NULL ? snprintf(reason->to, reason->size, "%s: ", reason->where) : 0;
    va_start(args, format);
    if (len >= 0 && (size_t)len < reason->size)
        vsnprintf(reason->to + len, reason->size - (size_t)len, format, args);
    va_end(args);
    return false;
}

/* words --------------------------------------------------------------------------------------------------------------
 */

bool gw_auth_is_scope(gw_str_t text)
{
    for (size_t i = 0; i != text.len; ++i)
        if (text.ptr[i] <= 0x20 || text.ptr[i] > 0x7e || text.ptr[i] == '"' || text.ptr[i] == '\\')
            return false;
    return text.len != 0;
}

const char *gw_auth_find_word(const gw_auth_words_t *words, gw_str_t text)
{
    for (size_t i = 0; i != words->num; ++i)
        if (gw_str_equal(gw_str_of(words->words[i]), text))
            return words->words[i];
    return NULL;
}

/** The same characters do for names of clients and users (RFC 6749 appendix A asks for no more). */
static bool read_text(const json_t *value, const char *member, const char **ret, const reason_t *reason)
{
    gw_str_t text = gw_str(json_string_value(value), json_string_length(value));
    if (!gw_auth_is_scope(text) || text.len > GW_AUTH_MAX_TEXT)
        return wrong(reason, "%s is a text of 1 to %d visible ASCII characters without quotation marks and backslashes",
                     member, GW_AUTH_MAX_TEXT);
    *ret = text.ptr;
    return true;
}

static bool read_words(const json_t *value, const char *member, gw_auth_words_t *ret, const reason_t *reason)
{
    if (!json_is_array(value) || json_array_size(value) > GW_AUTH_MAX_WORDS)
        return wrong(reason, "%s is a list of at most %d texts", member, GW_AUTH_MAX_WORDS);
    for (size_t i = 0; i != json_array_size(value); ++i) {
        const char *word;
        if (!read_text(json_array_get(value, i), member, &word, reason))
            return false;
        if (gw_auth_find_word(ret, gw_str_of(word)) != NULL)
            return wrong(reason, "%s names '%s' twice", member, word);
        ret->words[ret->num++] = word;
    }
    return true;
}

/* members ------------------------------------------------------------------------------------------------------------
 */

static bool read_name(const json_t *value, const char *member, gw_auth_party_t *party, const reason_t *reason)
{
    return read_text(value, member, &party->name, reason);
}

static bool read_secret(const json_t *value, const char *member, gw_auth_party_t *party, const reason_t *reason)
{
    size_t len = json_string_length(value);
    if (len == 0 || len > GW_AUTH_MAX_TEXT)
        return wrong(reason, "%s is a text of 1 to %d bytes", member, GW_AUTH_MAX_TEXT);
    party->is_public = false;
    SHA256((const unsigned char *)json_string_value(value), len, party->secret_hash);
    OPENSSL_cleanse((char *)json_string_value(value), len);
    return true;
}

static bool read_scopes(const json_t *value, const char *member, gw_auth_party_t *party, const reason_t *reason)
{
    return read_words(value, member, &party->scopes, reason);
}

static bool read_roles(const json_t *value, const char *member, gw_auth_party_t *party, const reason_t *reason)
{
    return read_words(value, member, &party->roles, reason);
}

static bool read_grants(const json_t *value, const char *member, gw_auth_party_t *party, const reason_t *reason)
{
    gw_auth_words_t grants = {.num = 0};
    if (!read_words(value, member, &grants, reason))
        return false;
    for (size_t i = 0; i != grants.num; ++i) {
        if (strcmp(grants.words[i], "client_credentials") == 0)
            party->may_act_alone = true;
        else if (strcmp(grants.words[i], "password") == 0)
            party->may_ask_users = true;
        else
            return wrong(reason, "%s holds client_credentials and password, not '%s'", member, grants.words[i]);
    }
    return true;
}

typedef struct member {
    const char *name;
    bool is_required;
    bool (*read)(const json_t *value, const char *member, gw_auth_party_t *party, const reason_t *reason);
} member_t;

static const member_t client_members[] = {{"id", true, read_name},       {"secret", false, read_secret},
                                          {"grants", true, read_grants}, {"scopes", true, read_scopes},
                                          {"roles", false, read_roles},  {NULL, false, NULL}};
static const member_t user_members[] = {{"name", true, read_name},
                                        {"password", true, read_secret},
                                        {"scopes", true, read_scopes},
                                        {"roles", false, read_roles},
                                        {NULL, false, NULL}};

/* parties ------------------------------------------------------------------------------------------------------------
 */

static bool read_party(const json_t *json, const member_t *members, gw_auth_party_t *party, const reason_t *reason)
{
    size_t num_known = 0;
    party->is_public = true; /* until a secret is found */
    if (!json_is_object(json))
        return wrong(reason, "it is not an object");
    for (; members->name != NULL; ++members) {
        const json_t *value = json_object_get(json, members->name);
        if (value == NULL && members->is_required)
            return wrong(reason, "%s is missing", members->name);
        if (value == NULL)
            continue;
        ++num_known;
        if (!members->read(value, members->name, party, reason))
            return false;
    }
    if (num_known != json_object_size(json))
        return wrong(reason, "it has a member that nobody knows");
    /* RFC 6749 section 4.4: it could not prove to be itself */
    if (party->is_public && party->may_act_alone)
        return wrong(reason, "without a secret there is no grant client_credentials");
    return true;
}

static const gw_auth_party_t *find(const list_t *list, gw_str_t name)
{
    for (size_t i = 0; i != list->num; ++i)
        if (gw_str_equal(gw_str_of(list->parties[i].name), name))
            return &list->parties[i];
    return NULL;
}

static bool read_list(const json_t *json, const char *what, const member_t *members, list_t *list, reason_t reason)
{
    if (!json_is_array(json) || json_array_size(json) > GW_AUTH_MAX_PARTIES)
        return wrong(&reason, "%s is a list of at most %d objects", what, GW_AUTH_MAX_PARTIES);
    list->parties = gw_must_alloc(json_array_size(json), sizeof(*list->parties));
    for (size_t i = 0; i != json_array_size(json); ++i) {
        char where[64];
        gw_auth_party_t *party = &list->parties[i];
        snprintf(where, sizeof(where), "%s[%zu]", what, i);
        reason.where = where;
        if (!read_party(json_array_get(json, i), members, party, &reason))
            return false;
        if (find(list, gw_str_of(party->name)) != NULL)
            return wrong(&reason, "there is already one named '%s'", party->name);
        list->num = i + 1;
    }
    return true;
}

/** A token's `sub` is the user, or the client that acts alone: one name must not be both (RFC 9068 section 5). */
static bool are_names_distinct(const gw_auth_registry_t *registry, const reason_t *reason)
{
    for (size_t i = 0; i != registry->users.num; ++i)
        if (find(&registry->clients, gw_str_of(registry->users.parties[i].name)) != NULL)
            return wrong(reason, "'%s' is a client and a user; a token could not tell them apart",
                         registry->users.parties[i].name);
    return true;
}

static bool read_whole(gw_auth_registry_t *registry, const reason_t *reason)
{
    const json_t *clients = json_object_get(registry->json, "clients"),
                 *users = json_object_get(registry->json, "users");
    if (!json_is_object(registry->json) || clients == NULL ||
        json_object_size(registry->json) != (users != NULL ? 2u : 1u))
        return wrong(reason, "it is not an object with the members clients and users");
    return read_list(clients, "clients", client_members, &registry->clients, *reason) &&
           (users == NULL || read_list(users, "users", user_members, &registry->users, *reason)) &&
           are_names_distinct(registry, reason);
}

gw_auth_registry_t *gw_auth_registry_read(gw_str_t json, char *reterr, size_t size)
{
    json_error_t error;
    reason_t reason = {reterr, size, NULL};
    gw_auth_registry_t *registry = gw_must_alloc(1, sizeof(*registry));
    registry->json = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &error);
    if (registry->json == NULL)
        wrong(&reason, "it is not JSON (line %d, column %d)", error.line, error.column);
    else if (read_whole(registry, &reason))
        return registry;
    return gw_auth_registry_free(registry);
}

gw_auth_registry_t *gw_auth_registry_free(gw_auth_registry_t *registry)
{
    if (registry == NULL)
        return NULL;
    json_decref(registry->json);
    free(registry->clients.parties);
    free(registry->users.parties);
    free(registry);
    return NULL;
}

/* asking -------------------------------------------------------------------------------------------------------------
 */

const gw_auth_party_t *gw_auth_find_client(const gw_auth_registry_t *registry, gw_str_t name)
{
    return find(&registry->clients, name);
}

bool gw_auth_check_secret(const gw_auth_party_t *client, gw_str_t secret)
{
    static const unsigned char nobodys[32]; /* no text has this hash */
    unsigned char hash[32];
    bool has_secret = client != NULL && !client->is_public;
    /* hashes, because of two texts of different length a comparison would tell the length */
    SHA256((const unsigned char *)(secret.len != 0 ? secret.ptr : ""), secret.len, hash);
    return CRYPTO_memcmp(hash, has_secret ? client->secret_hash : nobodys, sizeof(hash)) == 0 && has_secret;
}

const gw_auth_party_t *gw_auth_check_user(const gw_auth_registry_t *registry, gw_str_t name, gw_str_t password)
{
    const gw_auth_party_t *user = find(&registry->users, name);
    return gw_auth_check_secret(user, password) ? user : NULL;
}

bool gw_auth_registry_has_public(const gw_auth_registry_t *registry)
{
    for (size_t i = 0; i != registry->clients.num; ++i)
        if (registry->clients.parties[i].is_public)
            return true;
    return false;
}

gw_auth_words_t gw_auth_registry_scopes(const gw_auth_registry_t *registry)
{
    gw_auth_words_t all = {.num = 0};
    for (size_t i = 0; i != registry->clients.num; ++i) {
        const gw_auth_words_t *scopes = &registry->clients.parties[i].scopes;
        for (size_t k = 0; k != scopes->num && all.num != GW_AUTH_MAX_WORDS; ++k)
            if (gw_auth_find_word(&all, gw_str_of(scopes->words[k])) == NULL)
                all.words[all.num++] = scopes->words[k];
    }
    return all;
}
