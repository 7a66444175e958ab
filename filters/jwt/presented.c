/* SPDX-License-Identifier: MIT
 * Finding tokens. */
#include "filters/jwt/presented.h"
#include "gateway/http/syntax.h"

/** @return true for "Bearer" with whatever follows it, in *ret_rest without white space */
static bool is_bearer(gw_str_t value, gw_str_t *ret_rest)
{
    static const gw_str_t bearer = {"bearer", 6};
    value = gw_http_trim(value);
    if (value.len < bearer.len || !gw_str_equal_nocase(gw_str(value.ptr, bearer.len), bearer) ||
        (value.len != bearer.len && value.ptr[bearer.len] != ' ' && value.ptr[bearer.len] != '\t'))
        return false;
    *ret_rest = gw_http_trim(gw_str(value.ptr + bearer.len, value.len - bearer.len));
    return true;
}

static bool is_authorization(const gw_key_conf_t *place)
{
    return place->kind == GW_KEY_HEADER && strcmp(place->name, "authorization") == 0;
}

/** @return how many there are in this place */
static size_t look_at(gw_exchange_t *ex, const gw_key_conf_t *place, gw_str_t *token, bool *ret_is_empty)
{
    gw_str_t value = {NULL, 0};
    size_t num = gw_exchange_count_key(ex, place, &value);
    if (num == 0)
        return 0;
    if (!is_authorization(place)) {
        if (place->kind == GW_KEY_HEADER && !is_bearer(value, token))
            *token = gw_http_trim(value);
        else if (place->kind != GW_KEY_HEADER)
            *token = value;
        return num == 1 && token->len == 0 ? 0 : num;
    }
    if (num == 1 && !is_bearer(value, token))
        return 0; /* for another filter */
    if (num == 1 && token->len == 0)
        *ret_is_empty = true;
    return num; /* two are always one too many: Authorization is no list (RFC 9110 11.6.2) */
}

gw_jwt_cause_t gw_jwt_presented(gw_exchange_t *ex, const gw_jwt_conf_t *conf, gw_str_t *ret_token)
{
    size_t num = 0;
    bool is_empty = false;
    for (size_t i = 0; i != conf->from.size; ++i) {
        gw_str_t token = {NULL, 0};
        size_t num_here = look_at(ex, &conf->places[i], &token, &is_empty);
        if (num_here != 0)
            *ret_token = token;
        num += num_here;
    }
    if (num > 1)
        return GW_JWT_CAUSE_REPEATED;
    if (is_empty)
        return GW_JWT_CAUSE_EMPTY;
    return num == 0 ? GW_JWT_CAUSE_MISSING : GW_JWT_CAUSE_NONE;
}

void gw_jwt_presented_remove(gw_exchange_t *ex, const gw_key_conf_t *place)
{
    gw_str_t value, token;
    if (is_authorization(place) && (gw_exchange_count_key(ex, place, &value) == 0 || !is_bearer(value, &token)))
        return;
    gw_exchange_remove_key(ex, place);
}
