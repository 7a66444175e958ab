/* SPDX-License-Identifier: MIT
 * Challenges. */
#include <stdio.h>
#include "filters/jwt/challenge.h"

enum { keys_retry_ms = 2000 };

static const struct {
    gw_reason_t reason;
    const char *error; /* RFC 6750 3.1; NULL: the bare challenge */
} answers[] = {
    [GW_JWT_NO_CREDENTIALS] = {GW_REASON_TOKEN_MISSING, NULL},
    [GW_JWT_INVALID_REQUEST] = {GW_REASON_TOKEN_REQUEST_MALFORMED, "invalid_request"},
    [GW_JWT_INVALID_TOKEN] = {GW_REASON_TOKEN_INVALID, "invalid_token"},
    [GW_JWT_INSUFFICIENT_SCOPE] = {GW_REASON_TOKEN_INSUFFICIENT, "insufficient_scope"},
    [GW_JWT_NO_KEYS] = {GW_REASON_TOKEN_KEYS_UNAVAILABLE, NULL},
};

/** The scopes of the rule that was not met, for scope="..."; "" when it was not about scopes.  The conf was checked to
 * hold nothing that needs quoting. */
static size_t scope_len(const gw_jwt_findings_t *findings)
{
    size_t len = 0;
    for (size_t i = 0; findings->cause == GW_JWT_CAUSE_SCOPE_MISSING && i != findings->rule->values.size; ++i)
        len += strlen(findings->rule->values.entries[i].value) + 1;
    return len;
}

static void add_challenge(gw_exchange_t *ex, const gw_jwt_conf_t *conf, const gw_jwt_findings_t *findings,
                          const char *error)
{
    const char *sentence = gw_jwt_cause_sentence(findings->cause);
    size_t cap = 128 + strlen(conf->realm) + strlen(sentence) + scope_len(findings);
    char *text = h2o_mem_alloc_pool(&ex->req->pool, cap);
    size_t len = (size_t)snprintf(text, cap, "Bearer realm=\"%s\"", conf->realm);
    if (error != NULL)
        len += (size_t)snprintf(text + len, cap - len, ", error=\"%s\", error_description=\"%s\"", error, sentence);
    if (scope_len(findings) != 0) {
        len += (size_t)snprintf(text + len, cap - len, ", scope=\"");
        for (size_t i = 0; i != findings->rule->values.size; ++i)
            len += (size_t)snprintf(text + len, cap - len, "%s%s", i != 0 ? " " : "",
                                    findings->rule->values.entries[i].value);
        len += (size_t)snprintf(text + len, cap - len, "\"");
    }
    gw_fields_add(&ex->req->pool, &ex->req->res.headers, GW_STR("www-authenticate"), gw_str(text, len));
}

void gw_jwt_challenge(gw_exchange_t *ex, const gw_jwt_conf_t *conf, const gw_jwt_findings_t *findings)
{
    gw_jwt_answer_t answer = gw_jwt_cause_answer(findings->cause);
    const char *sentence = gw_jwt_cause_sentence(findings->cause);
    if (answer == GW_JWT_NO_KEYS) {
        gw_exchange_problem_later(ex, answers[answer].reason, sentence, keys_retry_ms);
        return;
    }
    add_challenge(ex, conf, findings, answers[answer].error);
    gw_exchange_problem(ex, answers[answer].reason, sentence);
}
