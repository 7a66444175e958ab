/* SPDX-License-Identifier: MIT
 * Where keys come from. */
#include <stdlib.h>
#include <sys/random.h>
#include "filters/jwt/keys.h"
#include "gateway/base/memory.h"

static gw_fetch_t *find_fetch(const gw_jwt_keys_t *keys, const char *url)
{
    for (size_t i = 0; keys != NULL && i != keys->num_sources; ++i)
        if (keys->sources[i].fetch != NULL && strcmp(gw_fetch_url(keys->sources[i].fetch), url) == 0)
            return keys->sources[i].fetch;
    return NULL;
}

static gw_fetch_t *fetch(gw_upkeep_t *upkeep, const gw_fetch_conf_t *conf, const gw_jwt_keys_t *previous)
{
    gw_fetch_t *before = find_fetch(previous, conf->url);
    if (before != NULL && gw_fetch_is_for(before, conf))
        return gw_fetch_share(before);
    gw_version_t *first = before != NULL ? gw_published_get(gw_fetch_published(before)) : NULL;
    gw_fetch_t *fetch = gw_fetch_start(upkeep, &gw_jwt_url_class, conf, first);
    gw_version_unref(first);
    return fetch;
}

static void set_up(gw_jwt_source_t *source, const gw_jwt_source_conf_t *conf, gw_upkeep_t *upkeep,
                   const gw_jwt_keys_t *previous)
{
    if (conf->jwks_url != NULL) {
        source->fetch = fetch(upkeep, &conf->fetch, previous);
        source->published = gw_published_ref(gw_fetch_published(source->fetch));
    } else if (conf->fixed != NULL) {
        source->published = gw_published_create(conf->fixed);
    } else {
        source->file = gw_file_watch(upkeep, gw_jwt_file_class(conf), &conf->seed);
        source->published = gw_published_ref(gw_file_published(source->file));
    }
}

void *gw_jwt_keys_share(const gw_filter_share_t *how, const void *arg, void *previous)
{
    const gw_jwt_conf_t *conf = arg;
    gw_jwt_keys_t *keys = gw_must_alloc(1, sizeof(*keys));
    if (getrandom(keys->hash_key, sizeof(keys->hash_key), 0) != (ssize_t)sizeof(keys->hash_key))
        abort(); /* cannot fail for so few bytes once the system has started */
    keys->upkeep = gw_upkeep_ref(how->upkeep);
    keys->num_sources = conf->num_sources;
    keys->sources = gw_must_alloc(conf->num_sources, sizeof(*keys->sources));
    for (size_t i = 0; i != conf->num_sources; ++i)
        set_up(&keys->sources[i], conf->sources[i], how->upkeep, previous);
    if (conf->deny_file != NULL)
        keys->denied = gw_file_watch(how->upkeep, &gw_jwt_deny_class, &conf->denied);
    return keys;
}

void gw_jwt_keys_dispose(void *arg)
{
    gw_jwt_keys_t *keys = arg;
    for (size_t i = 0; i != keys->num_sources; ++i) {
        gw_published_unref(keys->sources[i].published);
        gw_file_unwatch(keys->sources[i].file);
        gw_fetch_stop(keys->sources[i].fetch);
    }
    free(keys->sources);
    gw_file_unwatch(keys->denied);
    gw_upkeep_unref(keys->upkeep);
    free(keys);
}
