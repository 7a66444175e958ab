/* SPDX-License-Identifier: MIT
 * verify_bare KEY.pem < TOKENS: prints the nanoseconds of CPU time that OpenSSL takes for one RS256 signature of those
 * tokens, decoded beforehand, with a new context for each: the least that any proxy pays that asks it that way.
 * For half a second. */
#include <openssl/pem.h>
#include <stdbool.h>
#include <time.h>
#include "tests/bench/mint.h"

enum { most_tokens = 20000 };

typedef struct signed_text {
    char *content;
    size_t content_len, signature_len;
    uint8_t signature[512];
} signed_text_t;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool read_one(signed_text_t *text)
{
    char line[mint_longest];
    if (fgets(line, sizeof(line), stdin) == NULL)
        return false;
    char *dot = strrchr(line, '.');
    size_t len = strcspn(line, "\n");
    if (dot == NULL || len > sizeof(text->signature) + (size_t)(dot - line) ||
        !gw_base64url_decode(text->signature, &text->signature_len, gw_str(dot + 1, len - (size_t)(dot + 1 - line))))
        errx(1, "this is no token: %s", line);
    text->content_len = (size_t)(dot - line);
    text->content = strndup(line, text->content_len);
    return text->content != NULL;
}

static void verify(EVP_PKEY *key, const signed_text_t *text)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestVerify(digest, text->signature, text->signature_len, (const uint8_t *)text->content,
                         text->content_len) != 1)
        errx(1, "a signature is wrong");
    EVP_MD_CTX_free(digest);
}

int main(int argc, char **argv)
{
    static signed_text_t texts[most_tokens];
    size_t num = 0, num_verified = 0;
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    EVP_PKEY *key = file != NULL ? PEM_read_PUBKEY(file, NULL, NULL, NULL) : NULL;
    if (key == NULL)
        errx(2, "usage: verify_bare KEY.pem < TOKENS");
    fclose(file);
    while (num != most_tokens && read_one(&texts[num]))
        ++num;
    if (num == 0)
        errx(1, "no tokens");
    for (size_t i = 0; i != 1000; ++i)
        verify(key, &texts[i % num]);
    double start = seconds();
    for (; seconds() - start < 0.5; ++num_verified)
        verify(key, &texts[num_verified % num]);
    printf("%.0f\n", (seconds() - start) * 1e9 / (double)num_verified);
    return 0;
}
