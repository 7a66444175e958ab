/* SPDX-License-Identifier: MIT
 * tokens KEY.pem ISSUER AUDIENCE NUM LIFETIME: writes NUM tokens, a line each, signed by RS256 with an RSA key and good
 * for LIFETIME seconds from now (negative: they have expired).  On all processors: 2048 bits take 0.6 ms each. */
#include <openssl/pem.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>
#include "tests/bench/mint.h"

enum { most_threads = 16 };

static mint_t mint;
static size_t num_tokens, num_threads;
static char **tokens;

static void *make_some(void *first)
{
    char token[mint_longest];
    for (size_t i = (size_t)first; i < num_tokens; i += num_threads) {
        mint_token(&mint, i, token);
        if ((tokens[i] = strdup(token)) == NULL)
            err(1, "tokens");
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[most_threads];
    long num_processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (argc != 6)
        errx(2, "usage: tokens KEY.pem ISSUER AUDIENCE NUM LIFETIME");
    FILE *file = fopen(argv[1], "r");
    if (file == NULL)
        err(1, "%s", argv[1]);
    mint = (mint_t){.key = PEM_read_PrivateKey(file, NULL, NULL, NULL),
                    .alg = "RS256",
                    .kid = "2026-11",
                    .issuer = argv[2],
                    .audience = argv[3],
                    .issued_s = (long long)time(NULL) - 60};
    mint.expires_s = mint.issued_s + 60 + strtoll(argv[5], NULL, 10);
    fclose(file);
    if (mint.key == NULL)
        errx(1, "%s: no private key", argv[1]);
    num_tokens = strtoul(argv[4], NULL, 10);
    num_threads = num_processors < 1 ? 1 : num_processors > most_threads ? most_threads : (size_t)num_processors;
    tokens = calloc(num_tokens + 1, sizeof(*tokens));
    for (size_t i = 0; i != num_threads; ++i)
        if (tokens == NULL || pthread_create(&threads[i], NULL, make_some, (void *)i) != 0)
            errx(1, "no thread");
    for (size_t i = 0; i != num_threads; ++i)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i != num_tokens; ++i)
        if (puts(tokens[i]) == EOF)
            err(1, "tokens");
    return fflush(stdout) == 0 ? 0 : 1;
}
