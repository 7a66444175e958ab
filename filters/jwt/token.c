/* SPDX-License-Identifier: MIT
 * Judging tokens. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "filters/jwt/json.h"
#include "filters/jwt/token.h"
#include "gateway/base/base64url.h"

enum {
    longest_header = 4096,
    longest_signature = 1024, /* RSA of 8192 bits */
    most_keys_tried = 8       /* for a token without `kid` */
};

typedef struct judge {
    const gw_jwt_conf_t *conf;
    gw_jwt_ring_t *ring;
    gw_jwt_listener_t listener;
    void *arg;
    gw_jwt_judgement_t *result;
    gw_str_t content;                    /* what is signed */
    gw_str_t header, payload, signature; /* base64url */
    gw_jwt_algorithm_t algorithm;
    char *kid; /* NULL: none */
} judge_t;

/* saying ----------------------------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 4))) say(judge_t *j, bool is_good, const char *format, ...)
{
    char text[512];
    va_list args;
    if (j->listener == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    j->listener(j->arg, is_good, text);
}

/** Ends the judgement.  @return false, for the caller to return */
static bool __attribute__((format(printf, 3, 4))) refuse(judge_t *j, gw_jwt_cause_t cause, const char *format, ...)
{
    gw_jwt_judgement_t *result = j->result;
    result->findings.cause = cause;
    va_list args;
    va_start(args, format);
    vsnprintf(result->detail, sizeof(result->detail), format, args);
    va_end(args);
    say(j, false, "%s%s%s", gw_jwt_cause_word(cause), *result->detail != '\0' ? ": " : "", result->detail);
    return false;
}

char *gw_jwt_off_text(char to[GW_JWT_MAX_DETAIL], int64_t off_ms)
{
    uint64_t ms = off_ms < 0 ? 0 - (uint64_t)off_ms : (uint64_t)off_ms, s = ms / 1000;
    if (s < 60)
        snprintf(to, GW_JWT_MAX_DETAIL, "%llu.%llu s", (unsigned long long)s, (unsigned long long)(ms / 100 % 10));
    else if (s < 3600)
        snprintf(to, GW_JWT_MAX_DETAIL, "%llu min %llu s", (unsigned long long)(s / 60), (unsigned long long)(s % 60));
    else if (s < 86400)
        snprintf(to, GW_JWT_MAX_DETAIL, "%llu h %llu min", (unsigned long long)(s / 3600),
                 (unsigned long long)(s / 60 % 60));
    else
        snprintf(to, GW_JWT_MAX_DETAIL, "%llu d %llu h", (unsigned long long)(s / 86400),
                 (unsigned long long)(s / 3600 % 24));
    return to;
}

/* parts ------------------------------------------------------------------------------------------------------------ */

/** RFC 7515 3.1: three parts, the compact form of a JWS. */
static bool split(judge_t *j, gw_str_t token)
{
    const char *first = memchr(token.ptr, '.', token.len), *end = token.ptr + token.len;
    const char *second = first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
        return refuse(j, GW_JWT_CAUSE_NOT_A_JWT, "it does not have three parts");
    j->header = gw_str(token.ptr, (size_t)(first - token.ptr));
    j->payload = gw_str(first + 1, (size_t)(second - first - 1));
    j->signature = gw_str(second + 1, (size_t)(end - second - 1));
    j->content = gw_str(token.ptr, (size_t)(second - token.ptr));
    j->result->payload_text = j->payload;
    return true;
}

/** @return a JSON object of which no member is there twice, or NULL */
static json_t *decode_object(gw_str_t text)
{
    uint8_t buf[4096], *bytes = buf;
    size_t len;
    json_t *object = NULL;
    if (GW_BASE64URL_BYTES(text.len) > sizeof(buf) && (bytes = malloc(GW_BASE64URL_BYTES(text.len))) == NULL)
        abort();
    if (gw_base64url_decode(bytes, &len, text))
        object = gw_jwt_json_object(gw_str((const char *)bytes, len));
    if (bytes != buf)
        free(bytes);
    return object;
}

/* header ----------------------------------------------------------------------------------------------------------- */

static bool is_none(const char *alg)
{
    return gw_str_equal_nocase(gw_str_of(alg), GW_STR("none"));
}

static bool take_algorithm(judge_t *j, const json_t *header)
{
    const json_t *alg = json_object_get(header, "alg");
    if (!json_is_string(alg))
        return refuse(j, GW_JWT_CAUSE_HEADER_MALFORMED, "it has no alg");
    if (is_none(json_string_value(alg)))
        return refuse(j, GW_JWT_CAUSE_ALG_NONE, "%s", "");
    if (!gw_jwt_algorithm_find(gw_str_of(json_string_value(alg)), &j->algorithm))
        return refuse(j, GW_JWT_CAUSE_ALG_UNKNOWN, "alg '%.40s'", json_string_value(alg));
    return true;
}

/** RFC 7515 4.1.9: "application/" may be left out; media types know no letter case. */
static bool is_typ(const char *typ, const char *wanted)
{
    gw_str_t a = gw_str_of(typ), b = gw_str_of(wanted), prefix = GW_STR("application/");
    if (a.len > prefix.len && gw_str_equal_nocase(gw_str(a.ptr, prefix.len), prefix))
        a = gw_str(a.ptr + prefix.len, a.len - prefix.len);
    if (b.len > prefix.len && gw_str_equal_nocase(gw_str(b.ptr, prefix.len), prefix))
        b = gw_str(b.ptr + prefix.len, b.len - prefix.len);
    return gw_str_equal_nocase(a, b);
}

static bool check_typ(judge_t *j, const json_t *header)
{
    const gw_conf_strings_t *wanted = &j->conf->typ;
    const json_t *typ = json_object_get(header, "typ");
    if (wanted->size == 0)
        return true;
    for (size_t i = 0; i != wanted->size && json_is_string(typ); ++i)
        if (is_typ(json_string_value(typ), wanted->entries[i].value))
            return true;
    return refuse(j, GW_JWT_CAUSE_TYP_REFUSED, "typ '%.40s'", json_is_string(typ) ? json_string_value(typ) : "(none)");
}

static bool take_header(judge_t *j)
{
    if (j->header.len > longest_header)
        return refuse(j, GW_JWT_CAUSE_HEADER_MALFORMED, "it has %zu characters", j->header.len);
    json_t *header = decode_object(j->header);
    if (header == NULL)
        return refuse(j, GW_JWT_CAUSE_HEADER_MALFORMED, "no canonical base64url of a JSON object");
    const json_t *kid = json_object_get(header, "kid");
    bool is_good = take_algorithm(j, header);
    if (is_good && json_object_get(header, "crit") != NULL)
        /* RFC 7515 4.1.11: no extension is understood here, and an empty list is malformed */
        is_good = refuse(j, GW_JWT_CAUSE_CRIT_REFUSED, "%s", "");
    else if (is_good && kid != NULL && !json_is_string(kid))
        is_good = refuse(j, GW_JWT_CAUSE_HEADER_MALFORMED, "kid is no text");
    is_good = is_good && check_typ(j, header);
    if (is_good && kid != NULL && (j->kid = strdup(json_string_value(kid))) == NULL)
        abort();
    json_decref(header);
    if (is_good)
        say(j, true, "header: alg %s, kid %s", gw_jwt_algorithm_names[j->algorithm],
            j->kid != NULL ? j->kid : "(none)");
    return is_good;
}

/* issuer and keys -------------------------------------------------------------------------------------------------- */

static bool find_issuer(judge_t *j)
{
    const gw_jwt_conf_t *conf = j->conf;
    const json_t *iss = json_object_get(j->result->payload, "iss");
    for (size_t i = 0; i != conf->num_all; ++i) {
        const char *wanted = conf->all[i].issuer;
        if (wanted == NULL || (json_is_string(iss) && strcmp(json_string_value(iss), wanted) == 0)) {
            j->result->issuer = &conf->all[i];
            say(j, true, "issuer: %s", wanted != NULL ? wanted : "not looked at");
            return true;
        }
    }
    if (iss == NULL)
        return refuse(j, GW_JWT_CAUSE_ISSUER_MISSING, "%s", "");
    return refuse(j, GW_JWT_CAUSE_ISSUER_UNKNOWN, "iss '%.100s'",
                  json_is_string(iss) ? json_string_value(iss) : "(no text)");
}

/** What the conf lets the key be used with. */
static unsigned allowed(const gw_jwt_issuer_conf_t *issuer, const gw_jwt_key_t *key)
{
    if (issuer->algorithm_set != 0)
        return key->algorithms & issuer->algorithm_set;
    return key->is_pinned ? key->algorithms : key->algorithms & GW_JWT_DEFAULT;
}

/** @return true when a key of that id, or of none, may be the one */
static bool is_named(const judge_t *j, const gw_jwt_source_conf_t *source, const gw_jwt_key_t *key)
{
    const char *kid = source->kid != NULL ? source->kid : key->kid;
    return j->kid == NULL || kid == NULL || strcmp(j->kid, kid) == 0;
}

static bool verify_with(judge_t *j, const uint8_t *signature, size_t len)
{
    const gw_jwt_issuer_conf_t *issuer = j->result->issuer;
    size_t num_named = 0, num_tried = 0, num_sets = 0, num_urls = 0, num_awaited = 0;
    bool is_its_own = false;
    for (size_t i = 0; i != issuer->keys.size; ++i) {
        gw_jwt_ring_source_t *source = &j->ring->sources[issuer->first_source + i];
        const gw_jwt_source_conf_t *from = j->conf->sources[issuer->first_source + i];
        num_sets += source->set != NULL;
        num_urls += from->jwks_url != NULL;
        num_awaited += from->jwks_url != NULL && source->set == NULL;
        for (size_t k = 0; k != source->num_verifiers && num_tried != most_keys_tried; ++k) {
            const gw_jwt_key_t *key = &source->set->keys[k];
            if (!is_named(j, j->conf->sources[issuer->first_source + i], key))
                continue;
            ++num_named;
            is_its_own = is_its_own || from->kid != NULL || key->kid != NULL;
            if ((allowed(issuer, key) & GW_JWT_SET(j->algorithm)) == 0)
                continue;
            ++num_tried;
            if (gw_jwt_verify(&source->verifiers[k], key, j->algorithm, j->content, signature, len)) {
                say(j, true, "signature: good");
                return true;
            }
        }
    }
    const char *kid = j->kid != NULL ? j->kid : "(none)", *alg = gw_jwt_algorithm_names[j->algorithm];
    /* that a key without an id does not fit says nothing of those that are still to come */
    if (num_sets != 0 && num_awaited != 0 && !is_its_own)
        return refuse(j, GW_JWT_CAUSE_KEYS_UNAVAILABLE, "not all keys have been fetched yet");
    if (j->kid != NULL && num_urls != 0 && num_sets != 0 && !is_its_own)
        return refuse(j, GW_JWT_CAUSE_KEY_UNKNOWN, "kid '%.60s', alg %s", kid, alg);
    if (num_tried != 0)
        return refuse(j, GW_JWT_CAUSE_SIGNATURE_WRONG, "kid '%.60s', alg %s", kid, alg);
    if (num_sets == 0)
        return refuse(j, GW_JWT_CAUSE_KEYS_UNAVAILABLE, "no keys have been fetched yet");
    if (num_named == 0)
        return refuse(j, GW_JWT_CAUSE_KEY_UNKNOWN, "kid '%.60s', alg %s", kid, alg);
    return refuse(j, GW_JWT_CAUSE_ALG_REFUSED, "kid '%.60s', alg %s", kid, alg);
}

static bool check_signature(judge_t *j)
{
    uint8_t signature[GW_BASE64URL_BYTES(GW_BASE64URL_LEN(longest_signature))];
    size_t len;
    if (j->signature.len == 0 || j->signature.len > GW_BASE64URL_LEN(longest_signature) ||
        !gw_base64url_decode(signature, &len, j->signature))
        return refuse(j, GW_JWT_CAUSE_SIGNATURE_MALFORMED, "no canonical base64url of 1 to %d bytes",
                      longest_signature);
    return verify_with(j, signature, len);
}

/* claims ----------------------------------------------------------------------------------------------------------- */

static bool check_times(judge_t *j, int64_t now_ms)
{
    gw_jwt_judgement_t *result = j->result;
    char off[GW_JWT_MAX_DETAIL];
    gw_jwt_times_check(&result->times, &j->conf->rules, now_ms, &result->findings);
    int64_t off_ms = result->findings.off_ms;
    switch (result->findings.cause) {
    case GW_JWT_CAUSE_NONE:
        say(j, true, "times: good");
        return true;
    case GW_JWT_CAUSE_EXPIRED:
        return refuse(j, GW_JWT_CAUSE_EXPIRED, "exp was %s ago", gw_jwt_off_text(off, off_ms));
    case GW_JWT_CAUSE_NOT_YET_VALID:
        return refuse(j, GW_JWT_CAUSE_NOT_YET_VALID, "nbf is %s ahead", gw_jwt_off_text(off, off_ms));
    case GW_JWT_CAUSE_ISSUED_IN_FUTURE:
        return refuse(j, GW_JWT_CAUSE_ISSUED_IN_FUTURE, "iat is %s ahead", gw_jwt_off_text(off, off_ms));
    case GW_JWT_CAUSE_TOO_OLD:
        return refuse(j, GW_JWT_CAUSE_TOO_OLD, "max_age was over %s ago", gw_jwt_off_text(off, off_ms));
    case GW_JWT_CAUSE_TIME_MALFORMED:
        return refuse(j, GW_JWT_CAUSE_TIME_MALFORMED, "max_age needs iat");
    default:
        return refuse(j, result->findings.cause, "%s", "");
    }
}

/** A number is denied by its text: that is what the service is told, too. */
static bool is_listed(bool (*has)(const gw_jwt_deny_list_t *, gw_str_t), const judge_t *j, const char *name)
{
    char *text = gw_jwt_claim_text(json_object_get(j->result->payload, name));
    bool is_there = text != NULL && has(j->ring->denied, gw_str_of(text));
    free(text);
    return is_there;
}

static bool check_revocation(judge_t *j)
{
    const gw_jwt_deny_list_t *denied = j->ring->denied;
    if (denied == NULL)
        return true;
    if (is_listed(gw_jwt_deny_has_jti, j, "jti"))
        return refuse(j, GW_JWT_CAUSE_REVOKED, "by jti");
    if (is_listed(gw_jwt_deny_has_sub, j, "sub"))
        return refuse(j, GW_JWT_CAUSE_REVOKED, "by sub");
    say(j, true, "deny_file: not listed");
    return true;
}

static bool check_claims(judge_t *j)
{
    gw_jwt_judgement_t *result = j->result;
    gw_jwt_audience_check(result->payload, &result->issuer->audience, &result->findings);
    if (result->findings.cause != GW_JWT_CAUSE_NONE) {
        char *aud = gw_jwt_claim_text(json_object_get(result->payload, "aud"));
        refuse(j, result->findings.cause, "aud '%.100s'", aud != NULL ? aud : "(none)");
        free(aud);
        return false;
    }
    say(j, true, "audience: good");
    gw_jwt_claims_check(result->payload, &j->conf->rules, &result->findings);
    if (result->findings.cause != GW_JWT_CAUSE_NONE)
        return refuse(j, result->findings.cause, "%.100s", result->findings.rule->path);
    if (j->conf->rules.num_rules != 0)
        say(j, true, "require: met");
    return true;
}

static bool check_forwards(judge_t *j)
{
    const gw_conf_pairs_t *forward = &j->conf->forward;
    for (size_t i = 0; i != forward->size; ++i) {
        const json_t *claim = gw_jwt_claim_find(j->result->payload, gw_str_of(forward->entries[i].name));
        if (!gw_jwt_claim_is_field_value(claim))
            return refuse(j, GW_JWT_CAUSE_UNFIT_TO_FORWARD, "%.100s", forward->entries[i].name);
    }
    return true;
}

static bool judge(judge_t *j, gw_str_t token, int64_t now_ms)
{
    gw_jwt_judgement_t *result = j->result;
    if (token.len > j->conf->max_length)
        return refuse(j, GW_JWT_CAUSE_TOO_LONG, "it has %zu characters", token.len);
    if (!split(j, token) || !take_header(j))
        return false;
    if ((result->payload = decode_object(j->payload)) == NULL)
        return refuse(j, GW_JWT_CAUSE_PAYLOAD_MALFORMED, "no canonical base64url of a JSON object");
    /* nothing of the payload is believed before the signature: iss only chooses whose key must have made it */
    if (!find_issuer(j) || !check_signature(j))
        return false;
    if (!gw_jwt_times_read(result->payload, &result->times))
        return refuse(j, GW_JWT_CAUSE_TIME_MALFORMED, "exp, nbf or iat is no number of seconds");
    return check_times(j, now_ms) && check_revocation(j) && check_claims(j) && check_forwards(j);
}

void gw_jwt_judge(const gw_jwt_conf_t *conf, gw_jwt_ring_t *ring, gw_str_t token, int64_t now_ms,
                  gw_jwt_listener_t listener, void *arg, gw_jwt_judgement_t *ret)
{
    judge_t j = {.conf = conf, .ring = ring, .listener = listener, .arg = arg, .result = ret};
    memset(ret, 0, sizeof(*ret));
    judge(&j, token, now_ms);
    free(j.kid);
}

void gw_jwt_judgement_dispose(gw_jwt_judgement_t *judgement)
{
    json_decref(judgement->payload);
    judgement->payload = NULL;
}
