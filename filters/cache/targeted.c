/* SPDX-License-Identifier: MIT
 * CDN-Cache-Control: a dictionary of structured fields (RFC 9651 4.2.2), of which the directives are taken and the rest
 * is only checked, because one error anywhere makes all of it void. */
#include "filters/cache/directives.h"
#include "gateway/http/structured.h"
#include "gateway/http/syntax.h"

typedef struct dictionary {
    gw_cache_response_directives_t *directives;
    unsigned num_known, num_misused; /* members that are directives; those of them that have the wrong type */
} dictionary_t;

/** @return false: of the wrong type */
static bool set_flag(bool *flag, const gw_sf_item_t *item)
{
    *flag = item->type == GW_SF_BOOLEAN && item->number != 0;
    return item->type == GW_SF_BOOLEAN;
}

static bool set_seconds(uint64_t *seconds, const gw_sf_item_t *item)
{
    *seconds = item->type != GW_SF_INTEGER       ? GW_CACHE_NOT_SAID
               : item->number < 0                ? 0
               : item->number < GW_CACHE_ANY_AGE ? (uint64_t)item->number
                                                 : GW_CACHE_ANY_AGE;
    return item->type == GW_SF_INTEGER;
}

/** A string or token of field names restricts it to them.  The last one counts, but the names of earlier ones are kept:
 * that is stricter, and who writes it twice means both. */
static bool set_names(bool *flag, const gw_sf_item_t *item, gw_cache_response_directives_t *all)
{
    if (item->type != GW_SF_STRING && item->type != GW_SF_TOKEN)
        return set_flag(flag, item);
    *flag = !gw_cache_directives_add_names(all, item->text);
    return true;
}

static void set_member(gw_str_t key, const gw_sf_item_t *item, dictionary_t *dictionary)
{
    gw_cache_response_directives_t *all = dictionary->directives;
    const struct {
        gw_str_t key;
        bool *flag;
        uint64_t *seconds;
        bool has_names;
    } rows[] = {
        {GW_STR("max-age"), NULL, &all->max_age, false},
        {GW_STR("s-maxage"), NULL, &all->s_maxage, false},
        {GW_STR("stale-while-revalidate"), NULL, &all->stale_while_revalidate, false},
        {GW_STR("stale-if-error"), NULL, &all->stale_if_error, false},
        {GW_STR("no-cache"), &all->no_cache, NULL, true},
        {GW_STR("private"), &all->is_private, NULL, true},
        {GW_STR("public"), &all->is_public, NULL, false},
        {GW_STR("no-store"), &all->no_store, NULL, false},
        {GW_STR("no-transform"), &all->no_transform, NULL, false},
        {GW_STR("must-revalidate"), &all->must_revalidate, NULL, false},
        {GW_STR("proxy-revalidate"), &all->proxy_revalidate, NULL, false},
        {GW_STR("must-understand"), &all->must_understand, NULL, false},
        {GW_STR("immutable"), &all->immutable, NULL, false},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        if (!gw_str_equal(rows[i].key, key))
            continue;
        ++dictionary->num_known;
        dictionary->num_misused += rows[i].seconds != NULL ? !set_seconds(rows[i].seconds, item)
                                   : rows[i].has_names     ? !set_names(rows[i].flag, item, all)
                                                           : !set_flag(rows[i].flag, item);
        return;
    }
}

static bool take_value(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    if (!gw_sf_take(in, '('))
        return gw_sf_take_bare(in, ret);
    *ret = (gw_sf_item_t){.type = GW_SF_OTHER};
    return gw_sf_skip_inner_list(in);
}

/* 4.2.2.  @param text without blanks around it */
static bool take_dictionary(gw_str_t text, dictionary_t *dictionary)
{
    gw_sf_input_t in = gw_sf_input(text);
    do {
        gw_str_t key;
        gw_sf_item_t item = {.type = GW_SF_BOOLEAN, .number = 1};
        gw_sf_skip_blanks(&in);
        if (!gw_sf_take_key(&in, &key))
            return false;
        if (gw_sf_take(&in, '=') && !take_value(&in, &item))
            return false;
        if (!gw_sf_skip_parameters(&in)) /* no directive has any that count (RFC 9213 2.1) */
            return false;
        set_member(key, &item, dictionary);
        gw_sf_skip_blanks(&in);
    } while (gw_sf_take(&in, ','));
    return in.at == in.end;
}

bool gw_cache_targeted_directives(const gw_str_t *values, size_t num, gw_cache_response_directives_t *ret)
{
    dictionary_t dictionary = {.directives = ret};
    bool is_usable = num != 0;
    gw_cache_response_directives(NULL, 0, ret);    /* says nothing */
    for (size_t i = 0; i != num && is_usable; ++i) /* joined by commas: a line without a member is an error */
        is_usable = take_dictionary(gw_http_trim(values[i]), &dictionary);
    if (dictionary.num_known != 0 && dictionary.num_misused == dictionary.num_known)
        is_usable = false;
    if (!is_usable)
        gw_cache_response_directives(NULL, 0, ret);
    return ret->is_said = is_usable;
}
