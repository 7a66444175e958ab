/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as a token.  The keys are those of RFC 7515 appendix A and RFC 8037, and the clock stands
 * before the end of the RFC's tokens: these three are good, and nothing else is, for nobody who fuzzes can sign. */
#include <stdlib.h>
#include "tests/support/jose_vectors.h"
#include "tests/support/jwt_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char jwks[] =
    "{\"keys\":[" RFC7515_A1_KEY "," RFC7515_A2_KEY "," RFC7515_A3_KEY "," RFC7515_A4_KEY "," RFC8037_A2_KEY "]}";

static jwt_bench_t *new_bench(void)
{
    static const jwt_terms_t terms = {.issuers = {"joe"},
                                      .rules = {{"http://example.com/is_root", false, false, {"true"}}},
                                      .forward = {"iss"},
                                      .denied = "jti x\n"};
    gw_version_t *version = jwt_bench_keys(jwks);
    jwt_bench_t *bench = jwt_bench_create(&terms, &version);
    gw_version_unref(version);
    return bench;
}

static void count_step(void *arg, bool is_good, const char *text)
{
    unsigned *num_bad = arg;
    *num_bad += !is_good;
    if (*text == '\0')
        abort();
}

static bool is_of_the_rfc(gw_str_t token)
{
    return gw_str_equal(token, GW_STR(RFC7515_A1_CONTENT "." RFC7515_A1_SIGNATURE)) ||
           gw_str_equal(token, GW_STR(RFC7515_A2_CONTENT "." RFC7515_A2_SIGNATURE)) ||
           gw_str_equal(token, GW_STR(RFC7515_A3_CONTENT "." RFC7515_A3_SIGNATURE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static jwt_bench_t *bench; /* stays: contexts and caches are used again as a worker does */
    if (bench == NULL)
        bench = new_bench();
    gw_jwt_judgement_t judgement;
    unsigned num_bad = 0;
    gw_str_t token = gw_str((const char *)data, size);
    jwt_bench_judge(bench, token, 1300819379999, count_step, &num_bad, &judgement);
    bool is_good = judgement.findings.cause == GW_JWT_CAUSE_NONE;
    if (is_good != is_of_the_rfc(token) || num_bad != !is_good)
        abort();
    if (memchr(judgement.detail, '\0', sizeof(judgement.detail)) == NULL)
        abort();
    gw_jwt_judgement_dispose(&judgement);
    return 0;
}
