/* SPDX-License-Identifier: MIT
 * Fuzz target: tokens that are well made and well signed, whatever their header and payload say, so that what comes
 * behind the signature is reached.  Input: an octet of options, the header, a line end, the payload. */
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "filters/jwt/token_cache.h"
#include "gateway/base/base64url.h"
#include "tests/support/jose_vectors.h"
#include "tests/support/jwt_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NUM_TERMS = 4, IS_SIGNED = 4 };

static const uint64_t hash_key[2] = {1, 2};
static const int64_t now_ms = 1800000000000;

static const jwt_terms_t terms[NUM_TERMS] = {
    {.max_length = 65536},
    {.max_length = 65536,
     .issuers = {"a", "b"},
     .audience = {"api", "web"},
     .typ = {"at+jwt", "JWT"},
     .max_age = 3600000,
     .leeway = 30000},
    {.max_length = 65536,
     .is_exp_optional = true,
     .audience = {"*"},
     .rules = {{"scope", true, true, {"read", "write"}},
               {"a.b", false, false, {"x", "1", "true"}},
               {"c", true, false, {"x", "y"}}}},
    {.max_length = 65536, .is_exp_optional = true, .forward = {"sub", "a.b", "c"}, .denied = "jti x\nsub y\n"},
};

static jwt_bench_t *bench_of(unsigned which)
{
    static jwt_bench_t *benches[NUM_TERMS];
    if (benches[which] == NULL) {
        gw_version_t *version = jwt_bench_keys("{\"keys\":[" RFC7515_A1_KEY "]}"), *both[] = {version, version};
        benches[which] = jwt_bench_create(&terms[which], both);
        gw_version_unref(version);
    }
    return benches[which];
}

/** @return the token, to be freed */
static char *make_token(gw_str_t header, gw_str_t payload, bool is_signed, size_t *ret_len)
{
    uint8_t secret[64], mac[EVP_MAX_MD_SIZE] = {0};
    size_t secret_len;
    unsigned mac_len = 32;
    char *token = malloc(GW_BASE64URL_LEN(header.len) + GW_BASE64URL_LEN(payload.len) + 2 + GW_BASE64URL_LEN(32));
    size_t len = gw_base64url_encode(token, header.ptr, header.len);
    token[len++] = '.';
    len += gw_base64url_encode(token + len, payload.ptr, payload.len);
    if (!gw_base64url_decode(secret, &secret_len, GW_STR(RFC7515_A1_K)))
        abort();
    if (is_signed && HMAC(EVP_sha256(), secret, (int)secret_len, (uint8_t *)token, len, mac, &mac_len) == NULL)
        abort();
    token[len++] = '.';
    *ret_len = len + gw_base64url_encode(token + len, mac, mac_len);
    return token;
}

/** What any good token must be, seen with other eyes. */
static void check_good(const jwt_terms_t *how, const gw_jwt_judgement_t *judgement)
{
    const json_t *exp = json_object_get(judgement->payload, "exp"), *jti = json_object_get(judgement->payload, "jti");
    if (!json_is_object(judgement->payload))
        abort();
    if (exp == NULL ? !how->is_exp_optional
                    : !json_is_number(exp) || json_number_value(exp) * 1000 + 1 < (double)now_ms - (double)how->leeway)
        abort();
    if (how->denied != NULL && json_is_string(jti) && strcmp(json_string_value(jti), "x") == 0)
        abort();
    if (how->max_age != 0 && json_object_get(judgement->payload, "iat") == NULL)
        abort();
}

/** A remembered token gives the same claims as the one that was judged. */
static void check_cache(const gw_jwt_judgement_t *judgement, gw_str_t token)
{
    static const char *const paths[] = {"sub", "a.b", "c", "", "."};
    static gw_token_cache_t *cache;
    if (cache == NULL)
        cache = gw_token_cache_create(65536, hash_key);
    gw_token_entry_t *entry = gw_token_cache_find(cache, token, 1, now_ms);
    if (entry == NULL)
        entry = gw_token_cache_add(cache, token, judgement->payload_text, GW_STR(""), NULL, 0, 1, now_ms + 1);
    for (size_t i = 0; i != sizeof(paths) / sizeof(paths[0]); ++i) {
        char *text = gw_jwt_claim_text(gw_jwt_claim_find(judgement->payload, gw_str_of(paths[i])));
        if (!gw_str_equal(gw_token_cache_property(cache, entry, gw_str_of(paths[i])), gw_str_of(text)))
            abort();
        free(text);
    }
    gw_token_cache_release(cache, entry);
    if (gw_token_cache_bytes(cache) > 65536)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size != 0 ? memchr(data + 1, '\n', size - 1) : NULL;
    if (end == NULL || size > 16384)
        return 0;
    unsigned options = *data;
    size_t len;
    char *token =
        make_token(gw_str((const char *)data + 1, (size_t)(end - data - 1)),
                   gw_str((const char *)end + 1, (size_t)(data + size - end - 1)), (options & IS_SIGNED) != 0, &len);
    gw_jwt_judgement_t judgement;
    jwt_bench_judge(bench_of(options % NUM_TERMS), gw_str(token, len), now_ms, NULL, NULL, &judgement);
    if (judgement.findings.cause == GW_JWT_CAUSE_NONE) {
        if ((options & IS_SIGNED) == 0)
            abort();
        check_good(&terms[options % NUM_TERMS], &judgement);
        check_cache(&judgement, gw_str(token, len));
    }
    if (judgement.findings.cause == GW_JWT_CAUSE_NOT_A_JWT ||
        judgement.findings.cause == GW_JWT_CAUSE_SIGNATURE_MALFORMED)
        abort(); /* this token is well made */
    gw_jwt_judgement_dispose(&judgement);
    free(token);
    return 0;
}
