/* SPDX-License-Identifier: MIT
 * Reading what a PURGE asks for. */
#include "filters/cache/purge_order.h"
#include "gateway/http/syntax.h"

static const char *const scope_words[] = {
#define WORD(id, word) word,
    GW_PURGE_SCOPE_MAP(WORD)
#undef WORD
};
static const char *const how_words[] = {[GW_PURGE_HARD] = "hard", [GW_PURGE_SOFT] = "soft"};

const char *gw_purge_scope_word(gw_purge_scope_t scope)
{
    return scope_words[scope];
}

const char *gw_purge_fault_word(gw_purge_fault_t fault)
{
    static const char *const words[] = {
#define WORD(id, word, sentence) word,
        GW_PURGE_FAULT_MAP(WORD)
#undef WORD
    };
    return words[fault];
}

const char *gw_purge_fault_sentence(gw_purge_fault_t fault)
{
    static const char *const sentences[] = {
#define SENTENCE(id, word, sentence) sentence,
        GW_PURGE_FAULT_MAP(SENTENCE)
#undef SENTENCE
    };
    return sentences[fault];
}

typedef enum found { ABSENT, GOOD, BAD } found_t;

/** A field that is one of several words, in any case.  @param ret_index of the word */
static found_t find_word(const gw_http_field_t *fields, size_t num_fields, gw_str_t name, const char *const *words,
                         size_t num_words, size_t *ret_index)
{
    found_t found = ABSENT;
    for (size_t i = 0; i != num_fields; ++i) {
        if (!gw_str_equal(fields[i].name, name))
            continue;
        if (found != ABSENT)
            return BAD; /* also when both say the same: something between us and the sender adds to it */
        found = BAD;
        gw_str_t value = gw_http_trim(fields[i].value);
        for (size_t k = 0; k != num_words; ++k)
            if (gw_str_equal_nocase(value, gw_str_of(words[k]))) {
                *ret_index = k;
                found = GOOD;
            }
    }
    return found;
}

/** @return whether there is a field for tags, be it an empty one: it must not become a purge of something else */
static bool take_tags(const gw_http_field_t *fields, size_t num_fields, const gw_str_t *names, size_t num_names,
                      gw_cache_tags_t *tags)
{
    bool has_field = false;
    tags->num = 0;
    tags->is_cut = false;
    for (size_t i = 0; i != num_names; ++i)
        for (size_t k = 0; k != num_fields; ++k)
            if (gw_str_equal(fields[k].name, names[i])) {
                gw_cache_tags_add(tags, gw_cache_tag_form(names[i]), &fields[k].value, 1);
                has_field = true;
            }
    return has_field;
}

gw_purge_fault_t gw_purge_order_read(gw_str_t path, gw_str_t query, const gw_http_field_t *fields, size_t num_fields,
                                     const gw_str_t *tag_fields, size_t num_tag_fields, gw_purge_order_t *ret)
{
    enum { num_scopes = sizeof(scope_words) / sizeof(*scope_words), num_hows = sizeof(how_words) / sizeof(*how_words) };
    size_t scope = GW_PURGE_SCOPE_URL, how = GW_PURGE_HARD;
    bool has_star = path.len != 0 && path.ptr[path.len - 1] == '*';
    found_t said = find_word(fields, num_fields, GW_STR("purge-scope"), scope_words, num_scopes, &scope);
    if (said == BAD)
        return GW_PURGE_FAULT_SCOPE;
    if (find_word(fields, num_fields, GW_STR("purge-mode"), how_words, num_hows, &how) == BAD)
        return GW_PURGE_FAULT_MODE;
    bool has_tags = take_tags(fields, num_fields, tag_fields, num_tag_fields, &ret->tags);
    if (has_tags && said == GOOD && scope != GW_PURGE_SCOPE_TAGS)
        return GW_PURGE_FAULT_TAGS_AND_SCOPE;
    if (has_tags)
        scope = GW_PURGE_SCOPE_TAGS;
    else if (said == ABSENT && has_star)
        scope = GW_PURGE_SCOPE_PREFIX;
    if (scope == GW_PURGE_SCOPE_TAGS && ret->tags.num == 0)
        return GW_PURGE_FAULT_NO_TAGS;
    if (ret->tags.is_cut)
        return GW_PURGE_FAULT_TOO_MANY_TAGS;
    if (scope == GW_PURGE_SCOPE_PREFIX && query.len != 0)
        return GW_PURGE_FAULT_PREFIX_WITH_QUERY;
    ret->scope = (gw_purge_scope_t)scope;
    ret->how = (gw_cache_purge_t)how;
    ret->path = gw_str(path.ptr, scope == GW_PURGE_SCOPE_PREFIX && has_star ? path.len - 1 : path.len);
    ret->query = query;
    return GW_PURGE_FAULT_NONE;
}
