/* SPDX-License-Identifier: MIT
 * Keys that sign, and that have signed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include "backends/auth_keys.h"
#include "filters/jwt/mint.h"
#include "gateway/base/memory.h"

#define MAX_FILE 65536

typedef struct entry {
    gw_mint_key_t *key;
    char kid[GW_AUTH_THUMBPRINT_SIZE];
    int64_t needed_until; /* its last token's expiry; 0: it has signed none */
} entry_t;

struct gw_auth_keys {
    const char *algorithm, *file; /* borrowed */
    entry_t entries[GW_AUTH_MAX_KEYS];
    size_t num; /* entries[0] signs */
};

static bool read_file(const char *path, char *to, size_t *len, char *reterr, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        *len = fread(to, 1, MAX_FILE, file);
        if (!ferror(file)) {
            fclose(file);
            return true;
        }
        fclose(file);
    }
    snprintf(reterr, size, "%.200s: %s", path, strerror(errno));
    return false;
}

static gw_mint_key_t *read_key(const gw_auth_keys_t *keys, char *reterr, size_t size)
{
    char *text = gw_must_alloc(MAX_FILE, 1), why[256];
    size_t len;
    gw_mint_key_t *key = NULL;
    if (read_file(keys->file, text, &len, reterr, size)) {
        key = gw_mint_key_from_pem(keys->algorithm, gw_str(text, len), why, sizeof(why));
        if (key == NULL)
            snprintf(reterr, size, "%.200s: %s", keys->file, why);
    }
    OPENSSL_cleanse(text, MAX_FILE);
    free(text);
    return key;
}

static json_t *public_half(const entry_t *entry)
{
    json_t *jwk = gw_auth_jwk(gw_mint_key_pair(entry->key));
    if (jwk == NULL)
        abort(); /* the algorithms of this service have no other keys */
    return jwk;
}

static bool make_entry(const gw_auth_keys_t *keys, entry_t *entry, char *reterr, size_t size)
{
    *entry =
        (entry_t){.key = keys->file != NULL ? read_key(keys, reterr, size) : gw_mint_key_generate(keys->algorithm)};
    if (entry->key == NULL)
        return false;
    json_t *jwk = public_half(entry);
    gw_auth_jwk_thumbprint(jwk, entry->kid);
    json_decref(jwk);
    return true;
}

gw_auth_keys_t *gw_auth_keys_create(const char *algorithm, const char *file, char *reterr, size_t size)
{
    gw_auth_keys_t *keys = gw_must_alloc(1, sizeof(*keys));
    *keys = (gw_auth_keys_t){.algorithm = algorithm, .file = file};
    if (!make_entry(keys, &keys->entries[0], reterr, size))
        return gw_auth_keys_free(keys);
    keys->num = 1;
    return keys;
}

gw_auth_keys_t *gw_auth_keys_free(gw_auth_keys_t *keys)
{
    if (keys == NULL)
        return NULL;
    for (size_t i = 0; i != keys->num; ++i)
        gw_mint_key_free(keys->entries[i].key);
    free(keys);
    return NULL;
}

static void forget(gw_auth_keys_t *keys, size_t first, int64_t now)
{
    size_t to = first;
    for (size_t i = first; i != keys->num; ++i) {
        if (keys->entries[i].needed_until > now)
            keys->entries[to++] = keys->entries[i];
        else
            gw_mint_key_free(keys->entries[i].key);
    }
    keys->num = to;
}

/** A key that comes back (the file was put back) is not there twice. */
static void take_out(gw_auth_keys_t *keys, entry_t *entry)
{
    for (size_t i = 0; i != keys->num; ++i)
        if (strcmp(keys->entries[i].kid, entry->kid) == 0) {
            entry->needed_until = keys->entries[i].needed_until;
            gw_mint_key_free(keys->entries[i].key);
            memmove(&keys->entries[i], &keys->entries[i + 1], (--keys->num - i) * sizeof(*keys->entries));
            return;
        }
}

gw_auth_rotation_t gw_auth_keys_rotate(gw_auth_keys_t *keys, int64_t now, char *reterr, size_t size)
{
    entry_t entry;
    if (!make_entry(keys, &entry, reterr, size))
        return GW_AUTH_NOT_ROTATED;
    if (strcmp(entry.kid, keys->entries[0].kid) == 0) {
        gw_mint_key_free(entry.key);
        return GW_AUTH_SAME_KEY;
    }
    take_out(keys, &entry);
    forget(keys, 0, now);
    if (keys->num == GW_AUTH_MAX_KEYS) {
        gw_mint_key_free(entry.key);
        snprintf(reterr, size, "%d keys have tokens that have not expired yet", GW_AUTH_MAX_KEYS);
        return GW_AUTH_NOT_ROTATED;
    }
    memmove(&keys->entries[1], &keys->entries[0], keys->num++ * sizeof(*keys->entries));
    keys->entries[0] = entry;
    return GW_AUTH_ROTATED;
}

char *gw_auth_keys_sign(gw_auth_keys_t *keys, const json_t *claims, int64_t expires)
{
    entry_t *entry = &keys->entries[0];
    json_t *header = json_pack("{s:s, s:s}", "typ", "at+jwt", "kid", entry->kid);
    char *token = gw_mint_token(entry->key, header, claims);
    json_decref(header);
    if (token == NULL)
        abort(); /* the claims are made here, and the key was checked */
    if (expires > entry->needed_until)
        entry->needed_until = expires;
    return token;
}

const char *gw_auth_keys_current(const gw_auth_keys_t *keys)
{
    return keys->entries[0].kid;
}

json_t *gw_auth_keys_jwks(gw_auth_keys_t *keys, int64_t now)
{
    json_t *set = json_array();
    forget(keys, 1, now);
    for (size_t i = 0; i != keys->num; ++i) {
        json_t *jwk = public_half(&keys->entries[i]);
        json_object_set_new(jwk, "use", json_string("sig"));
        json_object_set_new(jwk, "alg", json_string(keys->algorithm));
        json_object_set_new(jwk, "kid", json_string(keys->entries[i].kid));
        json_array_append_new(set, jwk);
    }
    return json_pack("{s:o}", "keys", set);
}
