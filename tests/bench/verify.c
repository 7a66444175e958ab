/* SPDX-License-Identifier: MIT
 * verify: microseconds of CPU time that one signature of a token costs by EVP_DigestVerify alone, with a new context
 * each time, and that the filter `jwt` takes for the whole token (parsing, signature, claims), by algorithm.  Tokens
 * are distinct, and the rounds of both take turns.  Prints a Markdown table; a token that is refused ends the program.
 */
#include <openssl/pem.h>
#include <stdbool.h>
#include "filters/jwt/token.h"
#include "tests/bench/clock.h"
#include "tests/bench/mint.h"

enum { num_tokens = 256, rounds = 9, most_turns = 32768 };

typedef struct bench {
    const char *alg;
    EVP_PKEY *key; /* private */
    gw_str_t tokens[num_tokens];
    struct signature {
        gw_str_t content;
        uint8_t bytes[512];
        size_t len;
    } signatures[num_tokens];
    gw_jwt_conf_t conf;
    gw_jwt_source_conf_t source, *sources[1];
    struct gw_conf_string audience;
    gw_published_t *published;
    gw_jwt_ring_t ring;
} bench_t;

static const char issuer[] = "https://auth.example.com", audience[] = "orders";
static const uint8_t secret[32] = "a secret for the benchmark, 32 b";

static EVP_PKEY *make_key(const char *alg)
{
    EVP_PKEY *key = *alg == 'H'     ? EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, secret, sizeof(secret))
                    : *alg != 'E'   ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                    : alg[1] == 'S' ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                    : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (key == NULL)
        errx(1, "no key for %s", alg);
    return key;
}

/** The key as the gateway has it from its files. */
static gw_jwt_key_set_t *public_part(const bench_t *bench, gw_diag_t *diag)
{
    char *text;
    if (*bench->alg == 'H')
        return gw_jwt_keys_from_secret(secret, sizeof(secret), (gw_mark_t){"secret", 1, 1}, diag);
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_PUBKEY(bio, bench->key) != 1 || BIO_write(bio, "", 1) != 1)
        errx(1, "cannot write the key of %s", bench->alg);
    BIO_get_mem_data(bio, &text);
    gw_jwt_key_set_t *set = gw_jwt_keys_parse_pem(gw_str_of(text), "key.pem", diag);
    BIO_free(bio);
    return set;
}

static void free_keys(void *set)
{
    gw_jwt_keys_free(set);
}

static void set_up_filter(bench_t *bench)
{
    gw_diag_t *diag = gw_diag_create();
    gw_jwt_key_set_t *set = public_part(bench, diag);
    gw_jwt_algorithm_t algorithm;
    if (set == NULL || !gw_jwt_algorithm_find(gw_str_of(bench->alg), &algorithm)) {
        gw_diag_print(diag, stderr);
        errx(1, "no keys for %s", bench->alg);
    }
    gw_diag_free(diag);
    gw_version_t *version = gw_version_create(set, free_keys);
    bench->published = gw_published_create(version);
    gw_version_unref(version);
    gw_jwt_ring_init(&bench->ring, &bench->published, 1, NULL);
    gw_jwt_ring_refresh(&bench->ring);

    gw_jwt_conf_t *conf = &bench->conf;
    bench->audience.value = audience;
    bench->sources[0] = &bench->source;
    conf->own.issuer = issuer;
    conf->own.audience.entries = &bench->audience;
    conf->own.audience.size = 1;
    conf->own.algorithm_set = GW_JWT_SET(algorithm);
    conf->own.keys.size = 1;
    conf->all = &conf->own;
    conf->num_all = 1;
    conf->sources = bench->sources;
    conf->num_sources = 1;
    conf->max_length = 8192;
}

static void tear_down(bench_t *bench)
{
    gw_jwt_ring_dispose(&bench->ring);
    gw_published_unref(bench->published);
    EVP_PKEY_free(bench->key);
    for (size_t i = 0; i != num_tokens; ++i)
        free((char *)bench->tokens[i].ptr);
}

/** What EVP_DigestVerify wants of a token: for ES256 DER, for HS256 it is EVP_DigestSign that is timed. */
static void take_apart(const bench_t *bench, gw_str_t token, struct signature *ret)
{
    const char *dot = memrchr(token.ptr, '.', token.len);
    ret->content = gw_str(token.ptr, (size_t)(dot - token.ptr));
    if (!gw_base64url_decode(ret->bytes, &ret->len, gw_str(dot + 1, (size_t)(token.ptr + token.len - dot - 1))))
        errx(1, "this is no token: %s", token.ptr);
    if (strcmp(bench->alg, "ES256") != 0)
        return;
    ECDSA_SIG *parts = ECDSA_SIG_new();
    unsigned char *der = ret->bytes;
    if (parts == NULL ||
        ECDSA_SIG_set0(parts, BN_bin2bn(ret->bytes, 32, NULL), BN_bin2bn(ret->bytes + 32, 32, NULL)) != 1)
        errx(1, "cannot convert a signature of ES256");
    ret->len = (size_t)i2d_ECDSA_SIG(parts, &der);
    ECDSA_SIG_free(parts);
}

static void set_up(bench_t *bench, const char *alg)
{
    char token[mint_longest];
    long long now_s = (long long)time(NULL);
    *bench = (bench_t){.alg = alg, .key = make_key(alg)};
    set_up_filter(bench);
    const mint_t mint = {.key = bench->key,
                         .alg = alg,
                         .kid = "2026-11",
                         .issuer = issuer,
                         .audience = audience,
                         .issued_s = now_s - 60,
                         .expires_s = now_s + 3600};
    for (size_t i = 0; i != num_tokens; ++i) {
        size_t len = mint_token(&mint, i, token);
        bench->tokens[i] = gw_str(strndup(token, len), len);
        take_apart(bench, bench->tokens[i], &bench->signatures[i]);
    }
}

static bool is_good_bare(const bench_t *bench, const struct signature *signature)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context;
    const EVP_MD *hash = mint_hash(bench->alg);
    const uint8_t *content = (const uint8_t *)signature->content.ptr;
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t mac_len = sizeof(mac);
    bool is_good;
    if (*bench->alg == 'H') {
        is_good = EVP_DigestSignInit(digest, NULL, hash, NULL, bench->key) == 1 &&
                  EVP_DigestSign(digest, mac, &mac_len, content, signature->content.len) == 1 &&
                  mac_len == signature->len && memcmp(mac, signature->bytes, mac_len) == 0;
    } else {
        is_good = EVP_DigestVerifyInit(digest, &context, hash, NULL, bench->key) == 1;
        mint_set_padding(context, bench->alg);
        is_good =
            is_good && EVP_DigestVerify(digest, signature->bytes, signature->len, content, signature->content.len) == 1;
    }
    EVP_MD_CTX_free(digest);
    return is_good;
}

static bool is_good_judged(bench_t *bench, gw_str_t token, int64_t now_ms)
{
    gw_jwt_judgement_t judgement;
    gw_jwt_judge(&bench->conf, &bench->ring, token, now_ms, NULL, NULL, &judgement);
    bool is_good = judgement.findings.cause == GW_JWT_CAUSE_NONE;
    if (!is_good)
        warnx("%s: %s", gw_jwt_cause_word(judgement.findings.cause), judgement.detail);
    gw_jwt_judgement_dispose(&judgement);
    return is_good;
}

/** For at least 30 ms.  @return microseconds of each */
static double run(bench_t *bench, bool is_judged)
{
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    double start = cpu_seconds(), end = start;
    size_t num = 0;
    for (; end - start < 0.03 && num < most_turns; end = cpu_seconds())
        for (size_t i = 0; i != num_tokens; ++i, ++num)
            if (!(is_judged ? is_good_judged(bench, bench->tokens[i], now_ms)
                            : is_good_bare(bench, &bench->signatures[i])))
                errx(1, "%s: a good token was refused", bench->alg);
    return (end - start) * 1e6 / (double)num;
}

int main(void)
{
    static const char *const algs[] = {"RS256", "PS256", "ES256", "EdDSA", "HS256"};
    static bench_t bench;
    printf("| algorithm | us EVP_DigestVerify | us gw_jwt_judge | ratio |\n|---|---|---|---|\n");
    for (size_t i = 0; i != sizeof(algs) / sizeof(algs[0]); ++i) {
        double bare[rounds], judged[rounds], ratios[rounds];
        set_up(&bench, algs[i]);
        run(&bench, false);
        run(&bench, true);
        for (size_t k = 0; k != rounds; ++k) {
            bare[k] = run(&bench, false);
            judged[k] = run(&bench, true);
            ratios[k] = judged[k] / bare[k];
        }
        double of_bare = median_of(bare, rounds), of_judged = median_of(judged, rounds),
               ratio = median_of(ratios, rounds);
        printf("| %s | %.2f (%.2f..%.2f) | %.2f (%.2f..%.2f) | %.2f (%.2f..%.2f) |\n", algs[i], of_bare, bare[0],
               bare[rounds - 1], of_judged, judged[0], judged[rounds - 1], ratio, ratios[0], ratios[rounds - 1]);
        tear_down(&bench);
    }
    return 0;
}
