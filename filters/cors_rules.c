/* SPDX-License-Identifier: MIT
 * The rules of CORS. */
#include "filters/cors_rules.h"
#include "gateway/http/syntax.h"

gw_cors_origin_t gw_cors_judge_origin(const gw_cors_rules_t *rules, gw_str_t text, gw_str_t authority, bool is_tls)
{
    gw_origin_t origin;
    if (rules->is_any_origin)
        return GW_CORS_ALLOWED;
    if (gw_str_equal(text, GW_STR("null"))) /* any page can make itself this origin: a sandboxed frame is enough */
        return rules->is_null_allowed ? GW_CORS_ALLOWED : GW_CORS_FOREIGN;
    if (!gw_origin_parse(text, &origin))
        return GW_CORS_FOREIGN;
    for (size_t i = 0; i != rules->num_patterns; ++i)
        if (gw_origin_matches(&origin, &rules->patterns[i]))
            return GW_CORS_ALLOWED;
    return gw_origin_is_of(&origin, authority, is_tls) ? GW_CORS_OWN : GW_CORS_FOREIGN;
}

bool gw_cors_allows_method(const gw_cors_rules_t *rules, gw_str_t method)
{
    if (gw_str_equal(method, GW_STR("GET")) || gw_str_equal(method, GW_STR("HEAD")) ||
        gw_str_equal(method, GW_STR("POST")))
        return true;
    for (size_t i = 0; i != rules->methods.num; ++i)
        if (gw_str_equal(method, rules->methods.entries[i]))
            return true;
    return false;
}

static bool allows_field(const gw_cors_rules_t *rules, gw_str_t name)
{
    if (rules->is_any_field)
        return true;
    for (size_t i = 0; i != rules->fields.num; ++i)
        if (gw_str_equal_nocase(name, rules->fields.entries[i]))
            return true;
    return false;
}

bool gw_cors_allows_fields(const gw_cors_rules_t *rules, gw_str_t list)
{
    size_t num = 0;
    for (gw_str_t name; gw_http_list_next(&list, &name);)
        if (++num > GW_CORS_MAX_NAMES || !gw_http_is_token(name) || !allows_field(rules, name))
            return false;
    return true;
}
