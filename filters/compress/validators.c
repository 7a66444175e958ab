/* SPDX-License-Identifier: MIT
 * Weak tags instead of strong ones. */
#include "filters/compress/validators.h"
#include "gateway/exchange/exchange.h"
#include "gateway/http/entity_tag.h"
#include "gateway/http/syntax.h"

static gw_str_t value_at(const h2o_headers_t *fields, ssize_t at)
{
    return gw_http_trim(gw_str(fields->entries[at].value.base, fields->entries[at].value.len));
}

static bool is_strong(gw_str_t tag)
{
    return gw_entity_tag_is_valid(tag) && !gw_entity_tag_is_weak(tag);
}

void gw_validators_weaken(h2o_mem_pool_t *pool, h2o_headers_t *fields)
{
    for (ssize_t at = -1; (at = gw_fields_find(fields, GW_STR("etag"), at + 1)) != -1;) {
        gw_str_t tag = value_at(fields, at);
        if (is_strong(tag))
            fields->entries[at].value =
                h2o_concat(pool, h2o_iovec_init(H2O_STRLIT("W/")), h2o_iovec_init(tag.ptr, tag.len));
    }
}

bool gw_validators_are_known_weak(const h2o_headers_t *request, const h2o_headers_t *response)
{
    bool is_named = false;
    ssize_t tag_at = gw_fields_find(response, GW_STR("etag"), 0);
    if (tag_at == -1 || !is_strong(value_at(response, tag_at)))
        return false;
    for (ssize_t at = -1; (at = gw_fields_find(request, GW_STR("if-none-match"), at + 1)) != -1;) {
        gw_str_t list = value_at(request, at), tag = value_at(response, tag_at);
        if (gw_str_equal(list, GW_STR("*")) || gw_match_names(list, tag))
            return false;
        is_named = is_named || gw_none_match_names(list, tag);
    }
    return is_named;
}
