/* SPDX-License-Identifier: MIT
 * What the claims of a token must say (RFC 7519 section 4.1, RFC 9068, RFC 8725).  Pure: time is an argument. */
#ifndef FILTERS_JWT_CLAIMS_H
#define FILTERS_JWT_CLAIMS_H

#include <jansson.h>
#include "filters/jwt/cause.h"
#include "gateway/config/schema.h"

/** One rule: the claim at `path` must hold any (all) of the values.  A claim that is a list holds its entries. */
typedef struct gw_jwt_rule {
    const char *path;
    bool is_all;
    bool is_scope; /* a text of words with spaces between (RFC 8693 4.2), or a list */
    gw_conf_strings_t values;
} gw_jwt_rule_t;

/** What a payload is judged by.  Times in milliseconds. */
typedef struct gw_jwt_rules {
    uint64_t leeway;
    uint64_t max_age; /* since `iat`; 0: any */
    bool is_exp_optional;
    const gw_jwt_rule_t *rules;
    size_t num_rules;
} gw_jwt_rules_t;

/** When a token is good, in milliseconds since 1970. */
typedef struct gw_jwt_times {
    bool has_exp, has_nbf, has_iat;
    int64_t exp, nbf, iat;
} gw_jwt_times_t;

typedef struct gw_jwt_findings {
    gw_jwt_cause_t cause;
    int64_t off_ms;            /* for the causes of time: by how much, leeway not counted */
    const gw_jwt_rule_t *rule; /* for SCOPE_MISSING and CLAIM_REFUSED: the one that was not met */
} gw_jwt_findings_t;

/** Finds a claim: a member of that very name, else one below others ("realm_access.roles").  @return NULL: none */
const json_t *gw_jwt_claim_find(const json_t *payload, gw_str_t path);
/** Writes a claim as text: strings as they are, numbers and booleans as in JSON, the entries of a list with commas
 * between, everything else as compact JSON.
 *  @return to be freed; NULL for null and what is absent */
char *gw_jwt_claim_text(const json_t *claim);

/** Whether a header field can carry that text as it is (RFC 9110 5.5): control characters cannot be in it, white space
 * at its ends would be lost, and a comma in the entry of a list would make two of it. */
bool gw_jwt_claim_is_field_value(const json_t *claim);

/** Reads exp, nbf, iat: numbers, fractions too.  @return false when one of them is none, or none of this age of man */
bool gw_jwt_times_read(const json_t *payload, gw_jwt_times_t *ret_times);
/** RFC 7519 4.1.4: it is over when now is exp or later.  Sets cause and off_ms. */
void gw_jwt_times_check(const gw_jwt_times_t *times, const gw_jwt_rules_t *rules, int64_t now_ms,
                        gw_jwt_findings_t *ret);
/** RFC 7519 4.1.3: a token that names audiences must name one of ours.
 *  @param wanted none: only a token without `aud` is for us; "*": anybody's is */
void gw_jwt_audience_check(const json_t *payload, const gw_conf_strings_t *wanted, gw_jwt_findings_t *ret);
/** What the conf requires of other claims. */
void gw_jwt_claims_check(const json_t *payload, const gw_jwt_rules_t *rules, gw_jwt_findings_t *ret);

#endif
