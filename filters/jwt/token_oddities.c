/* SPDX-License-Identifier: MIT
 * What is odd about a token. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "filters/jwt/algorithm.h"
#include "filters/jwt/token_oddities.h"

#define MIN_RSA          256          /* bytes of a signature: 2048 bits */
#define MAX_HEADER_FIELD 8000         /* bytes of a token; about what servers take in a field */
#define LAST_SECOND      253402300799 /* of the year 9999 */
#define FIRST_MS         100000000000 /* as seconds: the year 5138 */

__attribute__((format(printf, 2, 3))) static void note(gw_token_oddities_t *to, const char *format, ...)
{
    va_list args;
    if (to->num == GW_TOKEN_MAX_ODDITIES)
        return;
    char *text = to->texts[to->num++];
    va_start(args, format);
    vsnprintf(text, GW_TOKEN_ODDITY_SIZE, format, args);
    va_end(args);
    for (; *text != '\0'; ++text)
        if (*text < 0x20 || *text > 0x7e)
            *text = '?';
}

/* times --------------------------------------------------------------------------------------------------------------
 */

char *gw_token_away(char to[GW_TOKEN_AWAY_SIZE], uint64_t seconds)
{
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
    size_t unit = 0;
    while (unit != 3 && seconds < units[unit].seconds)
        ++unit;
    uint64_t first = seconds / units[unit].seconds, rest = seconds % units[unit].seconds;
    int len = snprintf(to, GW_TOKEN_AWAY_SIZE, "%" PRIu64 " %s%s", first, units[unit].name, first == 1 ? "" : "s");
    if (unit != 3 && rest / units[unit + 1].seconds != 0) {
        uint64_t second = rest / units[unit + 1].seconds;
        snprintf(to + len, GW_TOKEN_AWAY_SIZE - (size_t)len, " %" PRIu64 " %s%s", second, units[unit + 1].name,
                 second == 1 ? "" : "s");
    }
    return to;
}

bool gw_token_date(const json_t *value, int64_t *ret_seconds)
{
    if (!json_is_number(value))
        return false;
    double real = json_number_value(value);
    if (!(real >= 0 && real < (double)LAST_SECOND + 1))
        return false;
    *ret_seconds = json_is_integer(value) ? (int64_t)json_integer_value(value) : (int64_t)real;
    return true;
}

static bool find_date(const json_t *payload, const char *name, int64_t *ret, gw_token_oddities_t *to)
{
    const json_t *value = json_object_get(payload, name);
    if (value == NULL)
        return false;
    if (!gw_token_date(value, ret)) {
        note(to, json_is_number(value) ? "%s is not a time between 1970 and 9999" : "%s is not a number", name);
        return false;
    }
    if (*ret >= FIRST_MS)
        note(to, "%s looks like milliseconds; it counts seconds", name);
    return true;
}

static void look_at_times(const json_t *payload, int64_t now, gw_token_oddities_t *to)
{
    char away[GW_TOKEN_AWAY_SIZE];
    int64_t exp = 0, nbf = 0, iat = 0;
    bool has_exp = find_date(payload, "exp", &exp, to), has_nbf = find_date(payload, "nbf", &nbf, to),
         has_iat = find_date(payload, "iat", &iat, to);
    if (json_object_get(payload, "exp") == NULL)
        note(to, "it has no exp: it holds for ever");
    if (has_exp && exp <= now)
        note(to, "it expired %s ago", gw_token_away(away, (uint64_t)(now - exp)));
    if (has_nbf && nbf > now)
        note(to, "it does not hold before %s from now", gw_token_away(away, (uint64_t)(nbf - now)));
    if (has_iat && iat > now)
        note(to, "it was issued in the future, in %s: a clock is wrong", gw_token_away(away, (uint64_t)(iat - now)));
    if (has_exp && ((has_nbf && exp <= nbf) || (has_iat && exp <= iat)))
        note(to, "it expires before it begins");
}

/* the header ---------------------------------------------------------------------------------------------------------
 */

/** Bytes of a signature.  @return 0: not of one size */
static size_t signature_len(const char *alg)
{
    static const struct {
        const char *alg;
        size_t len;
    } sizes[] = {{"HS256", 32}, {"HS384", 48},  {"HS512", 64}, {"ES256", 64},
                 {"ES384", 96}, {"ES512", 132}, {"EdDSA", 64}, {"Ed25519", 64}};
    for (size_t i = 0; i != sizeof(sizes) / sizeof(sizes[0]); ++i)
        if (strcmp(sizes[i].alg, alg) == 0)
            return sizes[i].len;
    return 0;
}

static void look_at_signature(const gw_token_look_t *look, const char *alg, gw_token_oddities_t *to)
{
    size_t len = signature_len(alg), has = look->signature_bytes;
    if (has == 0) /* which is said elsewhere */
        return;
    if (len == 0 && has < MIN_RSA)
        note(to, "the signature has %zu bytes; %s has at least %d", has, alg, MIN_RSA);
    else if (len != 0 && has != len)
        note(to, "the signature has %zu bytes; %s has %zu%s", has, alg, len,
             strncmp(alg, "ES", 2) == 0 ? " (is it in DER?)" : "");
}

static void look_at_algorithm(const gw_token_look_t *look, gw_token_oddities_t *to)
{
    gw_jwt_algorithm_t known;
    const json_t *value = json_object_get(look->header.json, "alg");
    const char *alg = json_string_value(value);
    if (alg == NULL) {
        note(to, value == NULL ? "the header has no alg" : "alg is not a text");
        return;
    }
    if (gw_str_equal_nocase(gw_str_of(alg), GW_STR("none"))) {
        note(to, "alg is %s: nothing is signed, anybody can make such a token, and it must never be accepted", alg);
        return;
    }
    if (gw_jwt_algorithm_find(gw_str_of(alg), &known)) {
        look_at_signature(look, alg, to);
        return;
    }
    for (size_t i = 0; gw_jwt_algorithm_names[i] != NULL; ++i)
        if (gw_str_equal_nocase(gw_str_of(gw_jwt_algorithm_names[i]), gw_str_of(alg))) {
            note(to, "alg is %s, and letter case matters: it would be %s", alg, gw_jwt_algorithm_names[i]);
            return;
        }
    note(to, "alg is %.40s, which Sluice does not know", alg);
}

static void look_at_crit(const json_t *header, gw_token_oddities_t *to)
{
    const json_t *crit = json_object_get(header, "crit");
    if (crit == NULL)
        return;
    if (!json_is_array(crit) || json_array_size(crit) == 0) {
        note(to, "crit is not a list of names");
        return;
    }
    for (size_t i = 0; i != json_array_size(crit) && i != 4; ++i) {
        const char *name = json_string_value(json_array_get(crit, i));
        note(to, "crit names %.40s, which Sluice does not understand: the token has to be refused%s",
             name != NULL ? name : "what is no text",
             name != NULL && json_object_get(header, name) == NULL ? " (nor is it there)" : "");
    }
}

static bool is_attack(const char *kid)
{
    if (strstr(kid, "..") != NULL || *kid == '/')
        return true;
    for (; *kid != '\0'; ++kid)
        if (*kid <= ' ' || *kid == 0x7f || strchr("'\"`;|\\<>%", *kid) != NULL)
            return true;
    return false;
}

static void look_at_kid(const json_t *header, gw_token_oddities_t *to)
{
    const json_t *value = json_object_get(header, "kid");
    const char *kid = json_string_value(value);
    if (value != NULL && kid == NULL)
        note(to, "kid is not a text");
    else if (kid != NULL && (strlen(kid) != json_string_length(value) || is_attack(kid)))
        note(to, "kid looks like a path, a command or a query: somebody may be trying to find a hole");
}

static void look_at_header(const gw_token_look_t *look, gw_token_oddities_t *to)
{
    static const char *const keys[] = {"jwk", "jku", "x5c", "x5u"};
    const json_t *header = look->header.json, *typ = json_object_get(header, "typ");
    if (json_object_get(header, "enc") != NULL) {
        note(to, "it is encrypted (JWE): Sluice takes signed tokens only");
        return;
    }
    look_at_algorithm(look, to);
    look_at_crit(header, to);
    look_at_kid(header, to);
    for (size_t i = 0; i != 4; ++i)
        if (json_object_get(header, keys[i]) != NULL)
            note(to, "it brings its own key (%s): whoever believed that could be sent any token", keys[i]);
    if (typ != NULL && !json_is_string(typ))
        note(to, "typ is not a text");
    if (json_is_false(json_object_get(header, "b64")))
        note(to, "b64 is false: the payload is not base64url (RFC 7797), which Sluice does not take");
    if (json_is_string(json_object_get(header, "cty")))
        note(to, "it has a cty: there may be another token in it");
}

/* the payload --------------------------------------------------------------------------------------------------------
 */

static bool is_audience(const json_t *aud)
{
    if (!json_is_array(aud))
        return json_is_string(aud);
    for (size_t i = 0; i != json_array_size(aud); ++i)
        if (!json_is_string(json_array_get(aud, i)))
            return false;
    return json_array_size(aud) != 0;
}

static void look_at_claims(const json_t *payload, gw_token_oddities_t *to)
{
    static const char *const texts[] = {"iss", "sub", "jti", "scope", "client_id"};
    const json_t *aud = json_object_get(payload, "aud");
    for (size_t i = 0; i != sizeof(texts) / sizeof(texts[0]); ++i) {
        const json_t *value = json_object_get(payload, texts[i]);
        if (value != NULL && !json_is_string(value))
            note(to, "%s is not a text", texts[i]);
    }
    if (aud != NULL && !is_audience(aud))
        note(to, "aud is neither a text nor a list of texts");
}

/* the whole ----------------------------------------------------------------------------------------------------------
 */

static void look_at_part(const gw_token_part_t *part, const char *name, gw_token_oddities_t *to)
{
    if (!part->is_there)
        return;
    if (part->num_chars == 0)
        note(to, "the %s is empty", name);
    else if (!part->is_decoded)
        note(to, "the %s is not base64url", name);
    else if (!part->is_base64url)
        note(to, "the %s is not the base64url that it has to be: padding, the other alphabet or bits left over", name);
    if (part->len == 0)
        return;
    if (part->json == NULL)
        note(to, "the %s is not JSON", name);
    else if (!json_is_object(part->json))
        note(to, "the %s is not a JSON object", name);
    if (part->json != NULL && part->json_len != part->len)
        note(to, "%zu bytes follow the %s that do not belong there", part->len - part->json_len, name);
    if (part->has_repeated)
        note(to, "a member stands in the %s more than once, and programs differ in which they take: the last is shown",
             name);
}

static void look_at_form(const gw_token_look_t *look, gw_token_oddities_t *to)
{
    if (look->len == 0)
        note(to, "there is no token");
    else if (look->is_object)
        note(to, "it is JSON, not the compact form of a token: three parts with dots between them");
    else if (look->num_parts == 5)
        note(to, "it has five parts, as an encrypted token (JWE) has: what it says cannot be seen");
    else if (look->num_parts != 3)
        note(to, "it has %zu part%s; a signed token has three, with dots between them", look->num_parts,
             look->num_parts == 1 ? "" : "s");
    else if (look->signature_chars == 0)
        note(to, "it is not signed: its signature is empty");
    else if (!look->is_signature_base64url)
        note(to, "the signature is not base64url");
    if (look->has_space)
        note(to, "there is white space in it, which is overlooked here");
    if (look->len > MAX_HEADER_FIELD)
        note(to, "it has %zu bytes, more than many servers take in a header field", look->len);
}

void gw_token_find_oddities(const gw_token_look_t *look, int64_t now, gw_token_oddities_t *ret)
{
    ret->num = 0;
    look_at_form(look, ret);
    look_at_part(&look->header, "header", ret);
    if (look->num_parts != 5)
        look_at_part(&look->payload, "payload", ret);
    if (json_is_object(look->header.json))
        look_at_header(look, ret);
    if (json_is_object(look->payload.json)) {
        look_at_claims(look->payload.json, ret);
        look_at_times(look->payload.json, now, ret);
    }
}
