/* SPDX-License-Identifier: MIT
 * Judging claims. */
#include <stdlib.h>
#include "filters/jwt/claims.h"
#include "gateway/http/syntax.h"

/* the year 5138: far enough, and 1000 times it fits */
#define MOST_SECONDS 1e11

const json_t *gw_jwt_claim_find(const json_t *payload, gw_str_t path)
{
    const json_t *claim = json_object_getn(payload, path.ptr, path.len);
    /* names with dots in them are common: "https://example.com/roles" */
    for (size_t i = 1; claim == NULL && i + 1 < path.len; ++i) {
        const json_t *outer;
        if (path.ptr[i] == '.' && json_is_object(outer = json_object_getn(payload, path.ptr, i)))
            claim = gw_jwt_claim_find(outer, gw_str(path.ptr + i + 1, path.len - i - 1));
    }
    return claim;
}

/* texts ------------------------------------------------------------------------------------------------------------ */

static char *copy(const char *text)
{
    char *bytes = strdup(text);
    if (bytes == NULL)
        abort();
    return bytes;
}

static char *dump(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (text == NULL)
        abort();
    return text;
}

static char *join(const json_t *list)
{
    char *text = copy("");
    size_t len = 0, i;
    const json_t *entry;
    json_array_foreach(list, i, entry)
    {
        char *one = json_is_string(entry) ? copy(json_string_value(entry)) : dump(entry);
        size_t one_len = strlen(one);
        char *longer = realloc(text, len + one_len + 2);
        if (longer == NULL)
            abort();
        text = longer;
        if (i != 0)
            text[len++] = ',';
        memcpy(text + len, one, one_len + 1);
        len += one_len;
        free(one);
    }
    return text;
}

char *gw_jwt_claim_text(const json_t *claim)
{
    if (claim == NULL || json_is_null(claim))
        return NULL;
    if (json_is_string(claim))
        return copy(json_string_value(claim));
    return json_is_array(claim) ? join(claim) : dump(claim);
}

static bool is_field_value(const json_t *text)
{
    gw_str_t value = gw_str(json_string_value(text), json_string_length(text));
    return gw_http_is_field_value(value) && gw_http_trim(value).len == value.len;
}

bool gw_jwt_claim_is_field_value(const json_t *claim)
{
    size_t i;
    const json_t *entry;
    if (json_is_string(claim))
        return is_field_value(claim);
    json_array_foreach(claim, i, entry) /* what is within those is written as JSON, which escapes them */
        if (json_is_string(entry) &&
            (!is_field_value(entry) || strchr(json_string_value(entry), ',') != NULL)) return false;
    return true;
}

/* times ------------------------------------------------------------------------------------------------------------ */

static bool read_time(const json_t *payload, const char *name, bool *ret_has, int64_t *ret_ms)
{
    const json_t *claim = json_object_get(payload, name);
    *ret_has = claim != NULL;
    if (claim == NULL)
        return true;
    double seconds = json_number_value(claim);
    if (!json_is_number(claim) || !(seconds >= -MOST_SECONDS && seconds <= MOST_SECONDS))
        return false;
    *ret_ms = json_is_integer(claim) ? json_integer_value(claim) * 1000 : (int64_t)(seconds * 1000);
    return true;
}

bool gw_jwt_times_read(const json_t *payload, gw_jwt_times_t *ret)
{
    *ret = (gw_jwt_times_t){0};
    return read_time(payload, "exp", &ret->has_exp, &ret->exp) && read_time(payload, "nbf", &ret->has_nbf, &ret->nbf) &&
           read_time(payload, "iat", &ret->has_iat, &ret->iat);
}

static void find(gw_jwt_findings_t *ret, gw_jwt_cause_t cause, int64_t off_ms)
{
    ret->cause = cause;
    ret->off_ms = off_ms;
}

void gw_jwt_times_check(const gw_jwt_times_t *times, const gw_jwt_rules_t *rules, int64_t now_ms,
                        gw_jwt_findings_t *ret)
{
    int64_t leeway = (int64_t)rules->leeway;
    if (!times->has_exp && !rules->is_exp_optional)
        find(ret, GW_JWT_CAUSE_EXP_MISSING, 0);
    else if (times->has_exp && now_ms >= times->exp + leeway)
        find(ret, GW_JWT_CAUSE_EXPIRED, now_ms - times->exp);
    else if (times->has_nbf && now_ms + leeway < times->nbf)
        find(ret, GW_JWT_CAUSE_NOT_YET_VALID, now_ms - times->nbf);
    else if (times->has_iat && now_ms + leeway < times->iat)
        find(ret, GW_JWT_CAUSE_ISSUED_IN_FUTURE, now_ms - times->iat);
    else if (rules->max_age != 0 && !times->has_iat)
        find(ret, GW_JWT_CAUSE_TIME_MALFORMED, 0);
    else if (rules->max_age != 0 && now_ms - times->iat >= (int64_t)rules->max_age + leeway)
        find(ret, GW_JWT_CAUSE_TOO_OLD, now_ms - times->iat - (int64_t)rules->max_age);
}

/* audience and rules ----------------------------------------------------------------------------------------------- */

static bool has_entry(const gw_conf_strings_t *list, const char *text)
{
    for (size_t i = 0; i != list->size; ++i)
        if (strcmp(list->entries[i].value, text) == 0)
            return true;
    return false;
}

/** RFC 7519 4.1.3: one text, or a list of texts.  A list that holds anything else is refused as a whole. */
static bool is_for(const json_t *aud, const gw_conf_strings_t *wanted)
{
    bool is_found = false;
    size_t i;
    const json_t *entry;
    if (json_is_string(aud))
        return has_entry(wanted, json_string_value(aud));
    json_array_foreach(aud, i, entry)
    {
        if (!json_is_string(entry))
            return false;
        is_found = is_found || has_entry(wanted, json_string_value(entry));
    }
    return is_found;
}

void gw_jwt_audience_check(const json_t *payload, const gw_conf_strings_t *wanted, gw_jwt_findings_t *ret)
{
    const json_t *aud = json_object_get(payload, "aud");
    if (has_entry(wanted, "*"))
        return;
    if (aud == NULL && wanted->size != 0)
        ret->cause = GW_JWT_CAUSE_AUDIENCE_MISSING;
    else if (aud != NULL && !is_for(aud, wanted))
        ret->cause = GW_JWT_CAUSE_AUDIENCE_WRONG;
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; ++at)
        if ((at == words || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
            return true;
    return false;
}

/** Numbers and booleans are compared as they are written in JSON. */
static bool is_value(const json_t *claim, const char *value)
{
    if (json_is_string(claim))
        return strcmp(json_string_value(claim), value) == 0;
    if (!json_is_number(claim) && !json_is_boolean(claim))
        return false;
    char *text = dump(claim);
    bool is_same = strcmp(text, value) == 0;
    free(text);
    return is_same;
}

static bool holds(const json_t *claim, const gw_jwt_rule_t *rule, const char *value)
{
    size_t i;
    const json_t *entry;
    if (rule->is_scope && json_is_string(claim))
        return has_word(json_string_value(claim), value);
    if (!json_is_array(claim))
        return is_value(claim, value);
    json_array_foreach(claim, i, entry) if (is_value(entry, value)) return true;
    return false;
}

static bool is_met(const json_t *payload, const gw_jwt_rule_t *rule)
{
    const json_t *claim = gw_jwt_claim_find(payload, gw_str_of(rule->path));
    if (claim == NULL && rule->is_scope)
        claim = json_object_get(payload, "scp"); /* as Microsoft and Okta call it */
    for (size_t i = 0; claim != NULL && i != rule->values.size; ++i) {
        bool is_held = holds(claim, rule, rule->values.entries[i].value);
        if (is_held != rule->is_all)
            return is_held;
    }
    return claim != NULL && rule->is_all;
}

void gw_jwt_claims_check(const json_t *payload, const gw_jwt_rules_t *rules, gw_jwt_findings_t *ret)
{
    for (size_t i = 0; i != rules->num_rules; ++i)
        if (!is_met(payload, &rules->rules[i])) {
            ret->cause = rules->rules[i].is_scope ? GW_JWT_CAUSE_SCOPE_MISSING : GW_JWT_CAUSE_CLAIM_REFUSED;
            ret->rule = &rules->rules[i];
            return;
        }
}
