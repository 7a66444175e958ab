/* SPDX-License-Identifier: MIT
 * A hash table of chains with a list by use. */
#include "filters/jwt/json.h"
#include "filters/jwt/token_cache.h"
#include "gateway/base/base64url.h"
#include "gateway/base/memory.h"
#include "gateway/base/siphash.h"

enum {
    usual_entry = 1024,   /* bytes; the table has a chain for each that the budget could hold */
    allocation_cost = 16, /* of malloc */
    hashed_end = 128      /* characters: all of a signature of 96 bytes */
};

struct gw_token_cache {
    uint64_t key[2];
    size_t max_bytes, num_bytes, num_entries;
    gw_token_entry_t **chains;
    size_t mask;
    gw_token_entry_t newest; /* anchor: .older is the newest entry, .newer the oldest */
};

static uint64_t hash_of(const gw_token_cache_t *cache, gw_str_t token)
{
    size_t len = token.len < hashed_end ? token.len : hashed_end;
    return gw_siphash(cache->key, gw_str(token.ptr + (token.len - len), len));
}

gw_token_cache_t *gw_token_cache_create(size_t max_bytes, const uint64_t key[2])
{
    gw_token_cache_t *cache = gw_must_alloc(1, sizeof(*cache));
    size_t num_chains = 1;
    while (num_chains < max_bytes / usual_entry)
        num_chains *= 2;
    memcpy(cache->key, key, sizeof(cache->key));
    cache->max_bytes = max_bytes;
    cache->num_bytes = max_bytes != 0 ? num_chains * sizeof(*cache->chains) : 0;
    cache->chains = gw_must_alloc(num_chains, sizeof(*cache->chains));
    cache->mask = num_chains - 1;
    cache->newest.older = cache->newest.newer = &cache->newest;
    return cache;
}

static void free_entry(gw_token_entry_t *entry)
{
    while (entry->properties != NULL) {
        gw_token_property_t *next = entry->properties->next;
        free(entry->properties);
        entry->properties = next;
    }
    free(entry);
}

/** Takes it out of chain and list; the last who holds it frees it. */
static void forget(gw_token_cache_t *cache, gw_token_entry_t *entry)
{
    gw_token_entry_t **slot = &cache->chains[entry->hash & cache->mask];
    while (*slot != entry)
        slot = &(*slot)->next;
    *slot = entry->next;
    entry->older->newer = entry->newer;
    entry->newer->older = entry->older;
    cache->num_bytes -= entry->size;
    --cache->num_entries;
    entry->is_kept = false;
    if (entry->references == 0)
        free_entry(entry);
}

gw_token_cache_t *gw_token_cache_free(gw_token_cache_t *cache)
{
    if (cache == NULL)
        return NULL;
    while (cache->newest.older != &cache->newest)
        forget(cache, cache->newest.older);
    free(cache->chains);
    free(cache);
    return NULL;
}

static void make_newest(gw_token_cache_t *cache, gw_token_entry_t *entry)
{
    entry->newer = &cache->newest;
    entry->older = cache->newest.older;
    entry->older->newer = entry;
    cache->newest.older = entry;
}

gw_token_entry_t *gw_token_cache_find(gw_token_cache_t *cache, gw_str_t token, uint64_t generation, int64_t now_ms)
{
    uint64_t hash = hash_of(cache, token);
    gw_token_entry_t *entry = cache->chains[hash & cache->mask];
    while (entry != NULL && !(entry->hash == hash && gw_str_equal(entry->token, token)))
        entry = entry->next;
    if (entry == NULL)
        return NULL;
    if (entry->generation != generation || now_ms >= entry->until_ms) {
        forget(cache, entry);
        return NULL;
    }
    if (cache->newest.older != entry) {
        entry->older->newer = entry->newer;
        entry->newer->older = entry->older;
        make_newest(cache, entry);
    }
    ++entry->references;
    return entry;
}

static bool is_too_large(const gw_token_cache_t *cache, const gw_token_entry_t *entry)
{
    return entry->size > cache->max_bytes / 4;
}

static void make_room(gw_token_cache_t *cache, size_t size)
{
    while (cache->num_bytes + size > cache->max_bytes && cache->newest.newer != &cache->newest)
        forget(cache, cache->newest.newer);
}

static char *put(char *at, gw_str_t text, gw_str_t *ret)
{
    if (text.ptr == NULL) {
        *ret = text;
        return at;
    }
    memcpy(at, text.ptr, text.len);
    *ret = gw_str(at, text.len);
    return at + text.len;
}

gw_token_entry_t *gw_token_cache_add(gw_token_cache_t *cache, gw_str_t token, gw_str_t payload, gw_str_t name,
                                     const gw_str_t *forwards, size_t num_forwards, uint64_t generation,
                                     int64_t until_ms)
{
    size_t len = token.len + name.len, head = sizeof(gw_token_entry_t) + num_forwards * sizeof(*forwards);
    for (size_t i = 0; i != num_forwards; ++i)
        len += forwards[i].len;
    gw_token_entry_t *entry = malloc(head + len + 1);
    if (entry == NULL)
        abort();
    memset(entry, 0, sizeof(*entry));
    entry->forwards = (gw_str_t *)(entry + 1);
    char *at = put((char *)entry + head, token, &entry->token);
    entry->payload = gw_str(entry->token.ptr + (payload.ptr - token.ptr), payload.len);
    at = put(at, name, &entry->name);
    for (size_t i = 0; i != num_forwards; ++i)
        at = put(at, forwards[i], &entry->forwards[i]);
    entry->size = head + len + 1 + allocation_cost;
    entry->generation = generation;
    entry->until_ms = until_ms;
    entry->references = 1;
    if (is_too_large(cache, entry))
        return entry;
    make_room(cache, entry->size);
    entry->hash = hash_of(cache, token);
    entry->next = cache->chains[entry->hash & cache->mask];
    cache->chains[entry->hash & cache->mask] = entry;
    make_newest(cache, entry);
    cache->num_bytes += entry->size;
    ++cache->num_entries;
    entry->is_kept = true;
    return entry;
}

gw_token_entry_t *gw_token_cache_hold(gw_token_entry_t *entry)
{
    ++entry->references;
    return entry;
}

void gw_token_cache_release(gw_token_cache_t *cache, gw_token_entry_t *entry)
{
    if (--entry->references == 0 && !entry->is_kept)
        free_entry(entry);
}

/* properties ------------------------------------------------------------------------------------------------------- */

/** @return to be freed; NULL: the token has no such claim.  The payload was a JSON object when it was verified. */
static char *read_property(gw_str_t payload, gw_str_t path)
{
    uint8_t *bytes = gw_must_alloc(1, GW_BASE64URL_BYTES(payload.len));
    size_t len = 0;
    json_t *object =
        gw_base64url_decode(bytes, &len, payload) ? gw_jwt_json_object(gw_str((const char *)bytes, len)) : NULL;
    char *text = gw_jwt_claim_text(gw_jwt_claim_find(object, path));
    json_decref(object);
    free(bytes);
    return text;
}

gw_str_t gw_token_cache_property(gw_token_cache_t *cache, gw_token_entry_t *entry, gw_str_t path)
{
    for (gw_token_property_t *at = entry->properties; at != NULL; at = at->next) /* as many as the conf has keys */
        if (gw_str_equal(at->name, path))
            return at->value;
    char *text = read_property(entry->payload, path);
    size_t len = text != NULL ? strlen(text) : 0;
    gw_token_property_t *property = gw_must_alloc(1, sizeof(*property) + path.len + len);
    char *at = put((char *)(property + 1), path, &property->name);
    put(at, gw_str(text != NULL ? text : "", len), &property->value);
    free(text);
    property->next = entry->properties;
    entry->properties = property;
    size_t size = sizeof(*property) + path.len + len + allocation_cost;
    entry->size += size;
    if (entry->is_kept) {
        cache->num_bytes += size;
        if (is_too_large(cache, entry))
            forget(cache, entry); /* whoever asks holds it */
        make_room(cache, 0);
    }
    return property->value;
}

size_t gw_token_cache_bytes(const gw_token_cache_t *cache)
{
    return cache->num_bytes;
}

size_t gw_token_cache_size(const gw_token_cache_t *cache)
{
    return cache->num_entries;
}
