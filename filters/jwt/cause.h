/* SPDX-License-Identifier: MIT
 * Why a token was not taken: one value per cause, one stable word for the log, one sentence for an honest client that
 * tells an attacker nothing about keys.  Pure. */
#ifndef FILTERS_JWT_CAUSE_H
#define FILTERS_JWT_CAUSE_H

/** What the client is told (RFC 6750 section 3.1). */
typedef enum gw_jwt_answer {
    GW_JWT_PASS,
    GW_JWT_NO_CREDENTIALS,     /* 401, a bare challenge */
    GW_JWT_INVALID_REQUEST,    /* 400 */
    GW_JWT_INVALID_TOKEN,      /* 401 */
    GW_JWT_INSUFFICIENT_SCOPE, /* 403 */
    GW_JWT_NO_KEYS             /* 503: it cannot be said */
} gw_jwt_answer_t;

/* id, word for the log, answer, sentence for the client */
#define GW_JWT_CAUSE_MAP(XX)                                                                                           \
    XX(NONE, "ok", PASS, "")                                                                                           \
    XX(MISSING, "missing", NO_CREDENTIALS, "This needs an access token.")                                              \
    XX(REPEATED, "repeated", INVALID_REQUEST, "The request has more than one access token.")                           \
    XX(EMPTY, "empty", INVALID_REQUEST, "The request names the scheme Bearer without an access token.")                \
    XX(TOO_LONG, "too_long", INVALID_TOKEN, "The access token is too long.")                                           \
    XX(NOT_A_JWT, "not_a_jwt", INVALID_TOKEN, "The access token is malformed.")                                        \
    XX(HEADER_MALFORMED, "header_malformed", INVALID_TOKEN, "The access token is malformed.")                          \
    XX(PAYLOAD_MALFORMED, "payload_malformed", INVALID_TOKEN, "The access token is malformed.")                        \
    XX(SIGNATURE_MALFORMED, "signature_malformed", INVALID_TOKEN, "The access token is malformed.")                    \
    XX(ALG_NONE, "alg_none", INVALID_TOKEN, "The access token is not accepted.")                                       \
    XX(ALG_UNKNOWN, "alg_unknown", INVALID_TOKEN, "The access token is not accepted.")                                 \
    XX(ALG_REFUSED, "alg_refused", INVALID_TOKEN, "The access token is not accepted.")                                 \
    XX(CRIT_REFUSED, "crit_refused", INVALID_TOKEN, "The access token is not accepted.")                               \
    XX(TYP_REFUSED, "typ_refused", INVALID_TOKEN, "The access token is not of the kind that is wanted here.")          \
    XX(ISSUER_MISSING, "issuer_missing", INVALID_TOKEN, "The access token is not accepted.")                           \
    XX(ISSUER_UNKNOWN, "issuer_unknown", INVALID_TOKEN, "The access token is not accepted.")                           \
    XX(KEYS_UNAVAILABLE, "keys_unavailable", NO_KEYS, "Access tokens cannot be checked for the time being.")           \
    XX(KEY_UNKNOWN, "key_unknown", INVALID_TOKEN, "The access token is not accepted.")                                 \
    XX(SIGNATURE_WRONG, "signature_wrong", INVALID_TOKEN, "The access token is not accepted.")                         \
    XX(TIME_MALFORMED, "time_malformed", INVALID_TOKEN, "The access token is malformed.")                              \
    XX(EXP_MISSING, "exp_missing", INVALID_TOKEN, "The access token does not say when it expires.")                    \
    XX(EXPIRED, "expired", INVALID_TOKEN, "The access token has expired.")                                             \
    XX(NOT_YET_VALID, "not_yet_valid", INVALID_TOKEN, "The access token is not valid yet.")                            \
    XX(ISSUED_IN_FUTURE, "issued_in_future", INVALID_TOKEN, "The access token is not valid yet.")                      \
    XX(TOO_OLD, "too_old", INVALID_TOKEN, "The access token is too old.")                                              \
    XX(AUDIENCE_MISSING, "audience_missing", INVALID_TOKEN, "The access token was not issued for this service.")       \
    XX(AUDIENCE_WRONG, "audience_wrong", INVALID_TOKEN, "The access token was not issued for this service.")           \
    XX(REVOKED, "revoked", INVALID_TOKEN, "The access token has been revoked.")                                        \
    XX(UNFIT_TO_FORWARD, "unfit_to_forward", INVALID_TOKEN, "The access token is malformed.")                          \
    XX(SCOPE_MISSING, "scope_missing", INSUFFICIENT_SCOPE, "The access token lacks a scope that is needed here.")      \
    XX(CLAIM_REFUSED, "claim_refused", INSUFFICIENT_SCOPE, "The access token does not give access to this.")

typedef enum gw_jwt_cause {
#define GW_JWT_CAUSE_ENUM(id, word, answer, sentence) GW_JWT_CAUSE_##id,
    GW_JWT_CAUSE_MAP(GW_JWT_CAUSE_ENUM)
#undef GW_JWT_CAUSE_ENUM
} gw_jwt_cause_t;

const char *gw_jwt_cause_word(gw_jwt_cause_t cause);
const char *gw_jwt_cause_sentence(gw_jwt_cause_t cause);
gw_jwt_answer_t gw_jwt_cause_answer(gw_jwt_cause_t cause);

#endif
