/* SPDX-License-Identifier: MIT
 * `sluice token mint`. */
#include <errno.h>
#include <getopt.h>
#include <time.h>
#include <openssl/crypto.h>
#include "filters/jwt/mint.h"
#include "filters/jwt/mint_claims.h"
#include "filters/jwt/token_command.h"
#include "gateway/base/memory.h"
#include "gateway/config/text.h"

#define MAX_KEY_FILE 65536
#define MAX_WORDS    100 /* of --aud, and of --claim */

static const char usage[] =
    "usage: sluice token mint --key FILE|--secret-file FILE [OPTION...]\n"
    "\n"
    "Prints a signed token, for tests.\n"
    "\n"
    "  --key FILE          a private key (PEM), for RS*, PS*, ES* and EdDSA\n"
    "  --secret-file FILE  a secret, for HS*; line ends at its end do not count\n"
    "  --algorithm NAME    HS256 RS256 PS256 ES256, 384 and 512 of each, EdDSA, Ed25519\n"
    "                      (default: what the key is made for; RS256 for RSA, HS256 for a secret)\n"
    "  --kid TEXT          names the key in the header\n"
    "  --typ TEXT          type, in the header (default JWT)\n"
    "  --iss TEXT, --sub TEXT, --scope TEXT\n"
    "                      claims\n"
    "  --aud TEXT          likewise; more than one make a list\n"
    "  --claim NAME=VALUE  any other: VALUE is JSON if it can be read as such, else text; as often as wanted\n"
    "  --lifetime TIME     from now to exp: 90s, 10m (the default), 24h; -5m has expired\n"
    "  --not-before TIME   from now to nbf (default: none)\n"
    "  -h, --help          show this\n";

typedef struct arguments {
    const char *key, *secret_file, *algorithm;
    gw_mint_options_t options;
    const char *aud[MAX_WORDS], *claims[MAX_WORDS];
} arguments_t;

/* the command line ---------------------------------------------------------------------------------------------------
 */

enum { KEY = 256, SECRET_FILE, ALGORITHM, KID, TYP, ISS, SUB, SCOPE, AUD, CLAIM, LIFETIME, NOT_BEFORE };

static const struct option known[] = {
    {"key", required_argument, NULL, KEY},
    {"secret-file", required_argument, NULL, SECRET_FILE},
    {"algorithm", required_argument, NULL, ALGORITHM},
    {"kid", required_argument, NULL, KID},
    {"typ", required_argument, NULL, TYP},
    {"iss", required_argument, NULL, ISS},
    {"sub", required_argument, NULL, SUB},
    {"scope", required_argument, NULL, SCOPE},
    {"aud", required_argument, NULL, AUD},
    {"claim", required_argument, NULL, CLAIM},
    {"lifetime", required_argument, NULL, LIFETIME},
    {"not-before", required_argument, NULL, NOT_BEFORE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/** @return where the value of an option goes that is given once; NULL: it may be given again and again */
static const char **place_of(arguments_t *arguments, int option)
{
    switch (option) {
    case KEY:
        return &arguments->key;
    case SECRET_FILE:
        return &arguments->secret_file;
    case ALGORITHM:
        return &arguments->algorithm;
    case KID:
        return &arguments->options.kid;
    case TYP:
        return &arguments->options.typ;
    case ISS:
        return &arguments->options.iss;
    case SUB:
        return &arguments->options.sub;
    case SCOPE:
        return &arguments->options.scope;
    case LIFETIME:
        return &arguments->options.lifetime;
    case NOT_BEFORE:
        return &arguments->options.not_before;
    default:
        return NULL;
    }
}

static bool take(arguments_t *arguments, int option, const char *name, const char *value)
{
    const char **place = place_of(arguments, option);
    size_t *num = option == AUD ? &arguments->options.num_aud : &arguments->options.num_claims;
    if (place != NULL) {
        if (*place != NULL)
            gw_token_usage_error("mint", "--%s is given more than once", name);
        else
            *place = value;
        return *place == value;
    }
    if (*num == MAX_WORDS) {
        gw_token_usage_error("mint", "--%s is given more than %d times", name, MAX_WORDS);
        return false;
    }
    (option == AUD ? arguments->aud : arguments->claims)[(*num)++] = value;
    return true;
}

static bool is_algorithm(const char *name)
{
    size_t num = 0;
    while (gw_mint_algorithms[num] != NULL && strcmp(gw_mint_algorithms[num], name) != 0)
        ++num;
    if (gw_mint_algorithms[num] != NULL)
        return true;
    const char *near = gw_text_nearest(gw_str_of(name), gw_mint_algorithms, num);
    gw_token_usage_error(
        "mint", near != NULL ? "there is no algorithm '%.40s'; did you mean %s?" : "there is no algorithm '%.40s'",
        name, near);
    return false;
}

static bool is_text(const char *name, const char *value)
{
    json_t *text = value != NULL ? json_string(value) : json_null();
    if (text == NULL)
        gw_token_usage_error("mint", "--%s is not UTF-8", name);
    json_decref(text);
    return text != NULL;
}

/** @return -1: go on; else the exit status */
static int read_arguments(int argc, char **argv, arguments_t *arguments)
{
    int option, which;
    arguments->options.aud = arguments->aud;
    arguments->options.claims = arguments->claims;
    optind = 0; /* main() may have read options of its own; glibc then starts afresh */
    while ((option = getopt_long(argc, argv, "h", known, &which)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return gw_token_finish("mint", 0);
        }
        if (option == '?') {
            fputs(usage, stderr);
            return 2;
        }
        if (!take(arguments, option, known[which].name, optarg))
            return 2;
    }
    if (optind != argc)
        return gw_token_usage_error("mint", "'%.60s' is too much", argv[optind]);
    if ((arguments->key == NULL) == (arguments->secret_file == NULL))
        return gw_token_usage_error("mint", arguments->key == NULL
                                                ? "what to sign with? --key FILE or --secret-file FILE"
                                                : "--key or --secret-file, not both");
    if (arguments->algorithm != NULL && !is_algorithm(arguments->algorithm))
        return 2;
    return is_text("kid", arguments->options.kid) && is_text("typ", arguments->options.typ) ? -1 : 2;
}

/* minting ------------------------------------------------------------------------------------------------------------
 */

/** @return NULL after saying why */
static gw_mint_key_t *read_key(const arguments_t *arguments)
{
    const char *path = arguments->key != NULL ? arguments->key : arguments->secret_file;
    char *bytes = gw_must_alloc(MAX_KEY_FILE, 1), why[256];
    gw_mint_key_t *key = NULL;
    size_t len;
    if (!gw_token_read_file(path, bytes, MAX_KEY_FILE, &len)) {
        gw_token_failure("mint", "%s: %s", path, strerror(errno));
    } else {
        while (arguments->key == NULL && len != 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
            --len; /* what an editor adds; the filter reads its secret_file in the same way */
        key = (arguments->key != NULL ? gw_mint_key_from_pem : gw_mint_key_from_secret)(
            arguments->algorithm, gw_str(bytes, len), why, sizeof(why));
        if (key == NULL)
            gw_token_failure("mint", "%s: %s", path, why);
    }
    OPENSSL_cleanse(bytes, MAX_KEY_FILE);
    free(bytes);
    return key;
}

static int print_token(const gw_mint_key_t *key, const gw_mint_options_t *options, const json_t *payload)
{
    json_t *header = gw_mint_header(options);
    char *token = gw_mint_token(key, header, payload);
    json_decref(header);
    if (token == NULL)
        return gw_token_failure("mint", "it cannot be signed");
    puts(token);
    free(token);
    return gw_token_finish("mint", 0);
}

int gw_token_mint_main(int argc, char **argv)
{
    arguments_t arguments = {.key = NULL};
    char why[256];
    int status = read_arguments(argc, argv, &arguments);
    if (status != -1)
        return status;
    json_t *payload = gw_mint_payload(&arguments.options, time(NULL), why, sizeof(why));
    if (payload == NULL)
        return gw_token_usage_error("mint", "%s", why);
    gw_mint_key_t *key = read_key(&arguments);
    status = key != NULL ? print_token(key, &arguments.options, payload) : 1;
    gw_mint_key_free(key);
    json_decref(payload);
    return status;
}
