/* SPDX-License-Identifier: MIT
 * Tokens that were verified, remembered until they expire, so that a token that comes again costs a hash and a
 * comparison.  Found by a keyed hash of the token's end, which is its signature or most of it, and compared in full;
 * bounded in bytes, the one that was not used for the longest time makes way.  Entries of an older generation of keys
 * are never found.
 *
 * The end is enough: only tokens that were verified are in here, and nobody can choose how their signatures end.
 * Comparing with memcmp(3) is fine: only a token whose last characters are those of another is compared with it, so its
 * time says nothing about tokens that somebody has to guess.
 *
 * Pure: time is an argument.  Threads: one.  No operation touches more than a few entries, so none takes long, but for
 * the freeing of all. */
#ifndef FILTERS_JWT_TOKEN_CACHE_H
#define FILTERS_JWT_TOKEN_CACHE_H

#include "filters/jwt/token.h"

typedef struct gw_token_cache gw_token_cache_t;

typedef struct gw_token_property {
    struct gw_token_property *next;
    gw_str_t name, value;
} gw_token_property_t;

/** A verified token. */
typedef struct gw_token_entry {
    gw_str_t token, payload; /* payload: base64url, within the token */
    gw_str_t name;           /* of the principal; may be empty */
    gw_str_t *forwards;      /* by index in gw_jwt_conf_t.forward; ptr NULL: the token lacks the claim */
    /* private */
    struct gw_token_entry *next, *newer, *older;
    gw_token_property_t *properties;
    uint64_t hash, generation;
    int64_t until_ms;
    size_t size;
    unsigned references;
    bool is_kept;
} gw_token_entry_t;

/** @param max_bytes 0: nothing is kept   @param key secret and random */
gw_token_cache_t *gw_token_cache_create(size_t max_bytes, const uint64_t key[2]);
/** No entry may be held any more.  NULL is fine; returns NULL. */
gw_token_cache_t *gw_token_cache_free(gw_token_cache_t *cache);

/** @return the entry with a reference, or NULL */
gw_token_entry_t *gw_token_cache_find(gw_token_cache_t *cache, gw_str_t token, uint64_t generation, int64_t now_ms);
/** Remembers a token.  @param until_ms when it ends, since 1970   @param num_forwards values, copied
 *  @return the entry with a reference, also when it is too large to be kept */
gw_token_entry_t *gw_token_cache_add(gw_token_cache_t *cache, gw_str_t token, gw_str_t payload, gw_str_t name,
                                     const gw_str_t *forwards, size_t num_forwards, uint64_t generation,
                                     int64_t until_ms);
/** One reference more.  @return entry */
gw_token_entry_t *gw_token_cache_hold(gw_token_entry_t *entry);
void gw_token_cache_release(gw_token_cache_t *cache, gw_token_entry_t *entry);
/** A claim as text, by path; remembered too.  @return empty when there is none; lives as long as the entry */
gw_str_t gw_token_cache_property(gw_token_cache_t *cache, gw_token_entry_t *entry, gw_str_t path);

/** @return bytes and entries that are kept */
size_t gw_token_cache_bytes(const gw_token_cache_t *cache);
size_t gw_token_cache_size(const gw_token_cache_t *cache);

#endif
