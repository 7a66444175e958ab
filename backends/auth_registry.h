/* SPDX-License-Identifier: MIT
 * Who may ask the demo's token service for what: clients and users, from JSON.
 * Threads: immutable once read.  Owns: everything it points at; of secrets only their SHA-256. */
#ifndef GW_BACKENDS_AUTH_REGISTRY_H
#define GW_BACKENDS_AUTH_REGISTRY_H

#include "gateway/base/str.h"

#define GW_AUTH_MAX_PARTIES 1000 /* clients, and users, of a registry */
#define GW_AUTH_MAX_WORDS   32   /* scopes, and roles, of one of them */
#define GW_AUTH_MAX_TEXT    128  /* bytes of a name, a secret, a scope, a role */

typedef struct gw_auth_words {
    const char *words[GW_AUTH_MAX_WORDS];
    size_t num;
} gw_auth_words_t;

/** A client or a user. */
typedef struct gw_auth_party {
    const char *name;
    bool is_public; /* a client without a secret: it identifies itself, but nobody can know */
    unsigned char secret_hash[32];
    bool may_act_alone; /* a client: grant_type=client_credentials */
    bool may_ask_users; /* a client: grant_type=password */
    gw_auth_words_t scopes, roles;
} gw_auth_party_t;

typedef struct gw_auth_registry gw_auth_registry_t;

/** The registry of the demo, in the form that a file has. */
extern const char gw_auth_demo_registry[];

/** Strict: unknown members, names given twice and scopes that RFC 6749 section 3.3 forbids are errors.
 *  @param reterr one sentence that says what is wrong and where, never a secret   @return NULL: it is not right */
gw_auth_registry_t *gw_auth_registry_read(gw_str_t json, char *reterr, size_t size);
/** NULL is fine; returns NULL. */
gw_auth_registry_t *gw_auth_registry_free(gw_auth_registry_t *registry);

/** @return NULL: there is none of that name */
const gw_auth_party_t *gw_auth_find_client(const gw_auth_registry_t *registry, gw_str_t name);
/** @return the user, if the password is right; NULL does not tell, and takes as long for, a user that does not exist */
const gw_auth_party_t *gw_auth_check_user(const gw_auth_registry_t *registry, gw_str_t name, gw_str_t password);
/** In time that depends on the secret that is given and on nothing else.  @param client NULL: nobody's, never right */
bool gw_auth_check_secret(const gw_auth_party_t *client, gw_str_t secret);
/** Whether a client without a secret is among them. */
bool gw_auth_registry_has_public(const gw_auth_registry_t *registry);
/** All scopes of all clients, each once. */
gw_auth_words_t gw_auth_registry_scopes(const gw_auth_registry_t *registry);

/** Whether `text` is one scope: %x21 / %x23-5B / %x5D-7E, at least one of them. */
bool gw_auth_is_scope(gw_str_t text);
/** @return the word of `words` that equals `text`, or NULL */
const char *gw_auth_find_word(const gw_auth_words_t *words, gw_str_t text);

#endif
