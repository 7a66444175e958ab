/* SPDX-License-Identifier: MIT
 * What a request of the method PURGE asks for, by its path and fields.  Pure; texts are borrowed from them.
 *
 * Nothing is guessed: what is misspelt, said twice or contradicts itself is refused, since a purge of the wrong thing
 * is either a load on the service or a wrong answer that stays. */
#ifndef FILTERS_CACHE_PURGE_ORDER_H
#define FILTERS_CACHE_PURGE_ORDER_H

#include "filters/cache/store/store.h"
#include "filters/cache/tags.h"
#include "gateway/http/field.h"

/** What is purged; the word is that of Purge-Scope, of the answer and of the access log. */
#define GW_PURGE_SCOPE_MAP(XX)                                                                                         \
    XX(URL, "url")       /* all that is stored of the request's URL */                                                 \
    XX(PREFIX, "prefix") /* of all URLs that begin so */                                                               \
    XX(TAGS, "tags")     /* all that has one of the tags */                                                            \
    XX(ALL, "all")       /* all that the cache has */

typedef enum gw_purge_scope {
#define GW_PURGE_SCOPE_ENUM(id, word) GW_PURGE_SCOPE_##id,
    GW_PURGE_SCOPE_MAP(GW_PURGE_SCOPE_ENUM)
#undef GW_PURGE_SCOPE_ENUM
} gw_purge_scope_t;
const char *gw_purge_scope_word(gw_purge_scope_t scope);

/** Why it cannot be done: a word for the access log, a sentence for the client. */
#define GW_PURGE_FAULT_MAP(XX)                                                                                         \
    XX(NONE, "none", "")                                                                                               \
    XX(SCOPE, "purge_scope", "Purge-Scope is url, prefix, tags or all, and said once")                                 \
    XX(MODE, "purge_mode", "Purge-Mode is hard or soft, and said once")                                                \
    XX(NO_TAGS, "purge_no_tags", "the request names no tag to purge by")                                               \
    XX(TOO_MANY_TAGS, "purge_too_many_tags", "the request names more tags than a response can have")                   \
    XX(TAGS_AND_SCOPE, "purge_tags_and_scope", "the request names tags, and Purge-Scope something else than tags")     \
    XX(PREFIX_WITH_QUERY, "purge_prefix_with_query", "a prefix of URLs ends within the path: it has no query")

typedef enum gw_purge_fault {
#define GW_PURGE_FAULT_ENUM(id, word, sentence) GW_PURGE_FAULT_##id,
    GW_PURGE_FAULT_MAP(GW_PURGE_FAULT_ENUM)
#undef GW_PURGE_FAULT_ENUM
} gw_purge_fault_t;
const char *gw_purge_fault_word(gw_purge_fault_t fault);
const char *gw_purge_fault_sentence(gw_purge_fault_t fault);

typedef struct gw_purge_order {
    gw_purge_scope_t scope;
    gw_cache_purge_t how;
    gw_str_t path, query; /* of URL; of PREFIX the path, without a '*' at its end */
    gw_cache_tags_t tags; /* of TAGS; else none */
} gw_purge_order_t;

/** @param path normalised   @param query with its '?', or empty
 *  @param fields of the request, names in lower case   @param tag_fields names of those that hold tags, in lower case
 *  @param ret of no use after a fault */
gw_purge_fault_t gw_purge_order_read(gw_str_t path, gw_str_t query, const gw_http_field_t *fields, size_t num_fields,
                                     const gw_str_t *tag_fields, size_t num_tag_fields, gw_purge_order_t *ret);

#endif
