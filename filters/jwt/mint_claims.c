/* SPDX-License-Identifier: MIT
 * Header and payload of a minted token. */
#include <stdio.h>
#include "filters/jwt/mint_claims.h"
#include "gateway/base/complaint.h"
#include "gateway/config/reader.h"

#define MAX_SPAN_S (100ull * 366 * 86400)

static bool set_text(json_t *object, const char *name, const char *value, gw_complaint_t complaint)
{
    if (value == NULL)
        return true;
    json_t *text = json_string(value);
    if (text == NULL)
        return gw_complain(complaint, "--%s is not UTF-8", name);
    json_object_set_new(object, name, text);
    return true;
}

json_t *gw_mint_header(const gw_mint_options_t *options)
{
    json_t *header = json_object();
    if (options->kid != NULL)
        json_object_set_new(header, "kid", json_string(options->kid));
    if (options->typ != NULL)
        json_object_set_new(header, "typ", json_string(options->typ));
    return header;
}

/* claims -------------------------------------------------------------------------------------------------------------
 */

static bool set_audience(json_t *payload, const gw_mint_options_t *options, gw_complaint_t complaint)
{
    if (options->num_aud <= 1)
        return set_text(payload, "aud", options->num_aud != 0 ? options->aud[0] : NULL, complaint);
    json_t *list = json_array();
    json_object_set_new(payload, "aud", list);
    for (size_t i = 0; i != options->num_aud; ++i)
        if (json_array_append_new(list, json_string(options->aud[i])) != 0)
            return gw_complain(complaint, "--aud is not UTF-8");
    return true;
}

/** What begins like this was meant to be JSON: a mistake in it does not make it a text. */
static bool must_be_json(const char *text)
{
    return *text == '{' || *text == '[' || *text == '"';
}

static bool set_claim(json_t *payload, const char *claim, gw_complaint_t complaint)
{
    const char *equals = strchr(claim, '=');
    json_error_t error;
    char name[256];
    if (equals == NULL || equals == claim || (size_t)(equals - claim) >= sizeof(name))
        return gw_complain(complaint, "'%.60s' is not NAME=VALUE", claim);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - claim), claim);
    if (json_object_get(payload, name) != NULL)
        return gw_complain(complaint, "the claim %.60s is given twice", name);
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (value == NULL && must_be_json(equals + 1))
        return gw_complain(complaint, "the claim %.60s is not JSON: %s", name, error.text);
    if (value == NULL)
        value = json_string(equals + 1);
    if (value == NULL || json_object_set_new(payload, name, value) != 0)
        return gw_complain(complaint, "the claim %.60s is not UTF-8", name);
    return true;
}

/* times --------------------------------------------------------------------------------------------------------------
 */

static bool read_span(const char *option, const char *text, int64_t *ret_s, gw_complaint_t complaint)
{
    bool is_back = *text == '-';
    uint64_t ms;
    if (!gw_conf_parse_duration(gw_str_of(text + is_back), &ms) || ms % 1000 != 0 || ms / 1000 > MAX_SPAN_S)
        return gw_complain(complaint, "'%.60s' is not valid for %s: whole seconds such as 90s, 10m or 24h, or -5m",
                           text, option);
    *ret_s = is_back ? -(int64_t)(ms / 1000) : (int64_t)(ms / 1000);
    return true;
}

static bool set_time(json_t *payload, const char *name, const char *option, const char *span, int64_t now,
                     gw_complaint_t complaint)
{
    int64_t seconds = 0;
    if (!read_span(option, span, &seconds, complaint))
        return false;
    if (json_object_get(payload, name) != NULL)
        return gw_complain(complaint, "the claim %s is given twice: by %s and by --claim", name, option);
    json_object_set_new(payload, name, json_integer(now + seconds));
    return true;
}

static bool set_times(json_t *payload, const gw_mint_options_t *options, int64_t now, gw_complaint_t complaint)
{
    if (options->not_before != NULL && !set_time(payload, "nbf", "--not-before", options->not_before, now, complaint))
        return false;
    if (options->lifetime != NULL || json_object_get(payload, "exp") == NULL)
        if (!set_time(payload, "exp", "--lifetime", options->lifetime != NULL ? options->lifetime : "10m", now,
                      complaint))
            return false;
    if (json_object_get(payload, "iat") == NULL)
        json_object_set_new(payload, "iat", json_integer(now));
    return true;
}

static bool fill(json_t *payload, const gw_mint_options_t *options, int64_t now, gw_complaint_t complaint)
{
    if (!set_text(payload, "iss", options->iss, complaint) || !set_text(payload, "sub", options->sub, complaint) ||
        !set_audience(payload, options, complaint) || !set_text(payload, "scope", options->scope, complaint))
        return false;
    for (size_t i = 0; i != options->num_claims; ++i)
        if (!set_claim(payload, options->claims[i], complaint))
            return false;
    return set_times(payload, options, now, complaint);
}

json_t *gw_mint_payload(const gw_mint_options_t *options, int64_t now, char *reterr, size_t size)
{
    json_t *payload = json_object();
    if (fill(payload, options, now, (gw_complaint_t){reterr, size}))
        return payload;
    json_decref(payload);
    return NULL;
}
