/* SPDX-License-Identifier: MIT
 * The labels of a response. */
#include "filters/cache/tagging.h"

enum { most_values = 32 };

size_t gw_cache_values(const h2o_headers_t *fields, gw_str_t name, gw_str_t *values, size_t max)
{
    size_t num = 0;
    for (size_t i = 0; i != fields->size && num != max; ++i) {
        const h2o_header_t *field = &fields->entries[i];
        if (gw_str_equal(gw_str(field->name->base, field->name->len), name))
            values[num++] = gw_str(field->value.base, field->value.len);
    }
    return num;
}

/** "https://example.com:8443" of a canonical URL. */
static gw_str_t origin_of(gw_str_t url)
{
    size_t len = 0, num_slashes = 0;
    for (; len != url.len; ++len)
        if (url.ptr[len] == '/' && ++num_slashes == 3)
            break;
    return gw_str(url.ptr, len);
}

uint64_t gw_cache_tag_hash(const gw_cache_store_t *store, gw_str_t tag)
{
    return gw_cache_label_hash(store, GW_STR("tag"), gw_str(NULL, 0), tag);
}

uint64_t gw_cache_group_hash(const gw_cache_store_t *store, gw_str_t url, gw_str_t group)
{
    return gw_cache_label_hash(store, GW_STR("group"), origin_of(url), group);
}

bool gw_cache_response_labels(const gw_cache_store_t *store, const gw_cache_conf_t *conf, gw_str_t url,
                              const h2o_headers_t *fields, uint64_t hashes[GW_CACHE_MOST_TAGS], size_t *ret_num)
{
    gw_str_t values[most_values];
    gw_cache_tags_t tags, groups;
    tags.num = groups.num = 0;
    tags.is_cut = groups.is_cut = false;
    for (size_t i = 0; i != conf->tags.size; ++i) {
        gw_str_t name = gw_str_of(conf->tags.entries[i].value);
        size_t num = gw_cache_values(fields, name, values, most_values);
        if (num != 0)
            gw_cache_tags_add(&tags, gw_cache_tag_form(name), values, num);
    }
    size_t num = gw_cache_values(fields, GW_STR("cache-groups"), values, most_values);
    if (num != 0)
        gw_cache_groups(&groups, values, num);
    *ret_num = 0;
    if (tags.is_cut || groups.is_cut || tags.num + groups.num > GW_CACHE_MOST_TAGS)
        return false;
    for (size_t i = 0; i != tags.num; ++i)
        hashes[(*ret_num)++] = gw_cache_tag_hash(store, tags.names[i]);
    for (size_t i = 0; i != groups.num; ++i)
        hashes[(*ret_num)++] = gw_cache_group_hash(store, url, groups.names[i]);
    return true;
}
