/* SPDX-License-Identifier: MIT
 * Signed tokens. */
#include <stdarg.h>
#include <stdio.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include "filters/jwt/mint.h"
#include "gateway/base/base64url.h"
#include "gateway/base/memory.h"

#define RSA_BITS      2048
#define MAX_SIGNATURE 2048 /* bytes: RSA of 16384 bits */

typedef enum family { FAMILY_HS, FAMILY_RS, FAMILY_PS, FAMILY_ES, FAMILY_ED } family_t;

typedef struct algorithm {
    const char *name;
    family_t family;
    jwt_alg_t by_libjwt; /* JWT_ALG_NONE: libjwt does not know it */
    const char *hash;    /* NULL: the signature scheme brings its own */
    const char *curve;   /* FAMILY_ES: as OpenSSL calls it */
    size_t min_secret;   /* FAMILY_HS: bytes */
} algorithm_t;

static const algorithm_t algorithms[] = {
    {"HS256", FAMILY_HS, JWT_ALG_HS256, "SHA256", NULL, 32},
    {"HS384", FAMILY_HS, JWT_ALG_HS384, "SHA384", NULL, 48},
    {"HS512", FAMILY_HS, JWT_ALG_HS512, "SHA512", NULL, 64},
    {"RS256", FAMILY_RS, JWT_ALG_RS256, "SHA256", NULL, 0},
    {"RS384", FAMILY_RS, JWT_ALG_RS384, "SHA384", NULL, 0},
    {"RS512", FAMILY_RS, JWT_ALG_RS512, "SHA512", NULL, 0},
    {"PS256", FAMILY_PS, JWT_ALG_NONE, "SHA256", NULL, 0},
    {"PS384", FAMILY_PS, JWT_ALG_NONE, "SHA384", NULL, 0},
    {"PS512", FAMILY_PS, JWT_ALG_NONE, "SHA512", NULL, 0},
    {"ES256", FAMILY_ES, JWT_ALG_ES256, "SHA256", "prime256v1", 0},
    {"ES384", FAMILY_ES, JWT_ALG_ES384, "SHA384", "secp384r1", 0},
    {"ES512", FAMILY_ES, JWT_ALG_ES512, "SHA512", "secp521r1", 0},
    {"EdDSA", FAMILY_ED, JWT_ALG_NONE, NULL, NULL, 0},
    {"Ed25519", FAMILY_ED, JWT_ALG_NONE, NULL, NULL, 0}, /* RFC 9864: the same by a name that says which curve */
};
#define NUM_ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

const char *const gw_mint_algorithms[] = {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512",   "PS256", "PS384",
                                          "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", NULL};

struct gw_mint_key {
    const algorithm_t *algorithm;
    EVP_PKEY *pair; /* NULL for a secret */
    char *bytes;    /* what libjwt is given: the pair as PEM, or the secret; NULL when it is never asked */
    size_t len;
};

__attribute__((format(printf, 3, 4))) static void *refuse(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(to, size, format, args);
    va_end(args);
    return NULL;
}

static const algorithm_t *find_algorithm(const char *name)
{
    for (size_t i = 0; i != NUM_ALGORITHMS; ++i)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

/* keys ---------------------------------------------------------------------------------------------------------------
 */

static bool has_curve(EVP_PKEY *pair, const char *curve)
{
    char name[64];
    size_t len;
    return EVP_PKEY_get_group_name(pair, name, sizeof(name), &len) == 1 && strcmp(name, curve) == 0;
}

static bool is_made_for(EVP_PKEY *pair, const algorithm_t *algorithm)
{
    switch (algorithm->family) {
    case FAMILY_HS:
        return false;
    case FAMILY_RS:
        return EVP_PKEY_is_a(pair, "RSA"); /* not RSA-PSS, whose keys are for PS* alone */
    case FAMILY_PS:
        return EVP_PKEY_is_a(pair, "RSA") || EVP_PKEY_is_a(pair, "RSA-PSS");
    case FAMILY_ES:
        return EVP_PKEY_is_a(pair, "EC") && has_curve(pair, algorithm->curve);
    case FAMILY_ED:
        return EVP_PKEY_is_a(pair, "ED25519");
    }
    return false;
}

static const algorithm_t *first_that_fits(EVP_PKEY *pair)
{
    for (size_t i = 0; i != NUM_ALGORITHMS; ++i)
        if (is_made_for(pair, &algorithms[i]))
            return &algorithms[i];
    return NULL;
}

static gw_mint_key_t *create(const algorithm_t *algorithm, EVP_PKEY *pair)
{
    gw_mint_key_t *key = gw_must_alloc(1, sizeof(*key));
    *key = (gw_mint_key_t){.algorithm = algorithm, .pair = pair};
    return key;
}

static void keep_bytes(gw_mint_key_t *key, const char *bytes, size_t len)
{
    key->bytes = gw_must_alloc(len + 1, 1);
    memcpy(key->bytes, bytes, len);
    key->len = len;
}

/** libjwt takes PEM only.  Written here and not kept as it was read: what OpenSSL understood is what is signed with. */
static gw_mint_key_t *create_pair(const algorithm_t *algorithm, EVP_PKEY *pair)
{
    gw_mint_key_t *key = create(algorithm, pair);
    if (algorithm->by_libjwt == JWT_ALG_NONE)
        return key;
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text;
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL) != 1)
        abort();
    long len = BIO_get_mem_data(bio, &text);
    keep_bytes(key, text, (size_t)len);
    BIO_free(bio);
    return key;
}

/** Instead of asking at the terminal. */
static int no_password(char *to, int size, int is_writing, void *arg)
{
    *(bool *)arg = true;
    return -1;
}

static EVP_PKEY *read_pair(gw_str_t pem, char *reterr, size_t size)
{
    bool is_encrypted = false;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL)
        abort();
    EVP_PKEY *pair = PEM_read_bio_PrivateKey(bio, NULL, no_password, &is_encrypted);
    BIO_free(bio);
    ERR_clear_error();
    if (pair == NULL)
        refuse(reterr, size,
               is_encrypted ? "the private key is encrypted, and there is no way to give its password"
                            : "there is no private key in PEM form");
    return pair;
}

static gw_mint_key_t *use_pair(const char *name, EVP_PKEY *pair, char *reterr, size_t size)
{
    const algorithm_t *algorithm = name != NULL ? find_algorithm(name) : first_that_fits(pair);
    if (algorithm == NULL)
        return name != NULL ? refuse(reterr, size, "there is no algorithm '%.40s'", name)
                            : refuse(reterr, size, "no algorithm of RFC 7518 or RFC 8037 uses such a key");
    if (algorithm->family == FAMILY_HS)
        return refuse(reterr, size, "%s takes a secret, not a private key", algorithm->name);
    if (!is_made_for(pair, algorithm))
        return refuse(reterr, size, "%s cannot be signed with this key: it takes %s", algorithm->name,
                      algorithm->family == FAMILY_ES   ? algorithm->curve
                      : algorithm->family == FAMILY_ED ? "Ed25519"
                                                       : "RSA");
    if (algorithm->family <= FAMILY_PS && EVP_PKEY_get_bits(pair) < RSA_BITS)
        return refuse(reterr, size, "the RSA key has %d bits; %s needs %d", EVP_PKEY_get_bits(pair), algorithm->name,
                      RSA_BITS);
    return create_pair(algorithm, pair);
}

gw_mint_key_t *gw_mint_key_from_pem(const char *algorithm, gw_str_t pem, char *reterr, size_t size)
{
    EVP_PKEY *pair = read_pair(pem, reterr, size);
    gw_mint_key_t *key = pair != NULL ? use_pair(algorithm, pair, reterr, size) : NULL;
    if (key == NULL)
        EVP_PKEY_free(pair);
    return key;
}

gw_mint_key_t *gw_mint_key_from_secret(const char *name, gw_str_t secret, char *reterr, size_t size)
{
    const algorithm_t *algorithm = find_algorithm(name != NULL ? name : "HS256");
    if (algorithm == NULL)
        return refuse(reterr, size, "there is no algorithm '%.40s'", name);
    if (algorithm->family != FAMILY_HS)
        return refuse(reterr, size, "%s takes a private key, not a secret", algorithm->name);
    if (secret.len < algorithm->min_secret)
        return refuse(reterr, size, "the secret has %zu bytes; %s needs %zu", secret.len, algorithm->name,
                      algorithm->min_secret);
    gw_mint_key_t *key = create(algorithm, NULL);
    keep_bytes(key, secret.ptr, secret.len);
    return key;
}

gw_mint_key_t *gw_mint_key_generate(const char *name)
{
    const algorithm_t *algorithm = find_algorithm(name);
    EVP_PKEY *pair = NULL;
    if (algorithm != NULL && algorithm->family == FAMILY_ES)
        pair = EVP_EC_gen(algorithm->curve);
    else if (algorithm != NULL && algorithm->family == FAMILY_ED)
        pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else if (algorithm != NULL && algorithm->family != FAMILY_HS)
        pair = EVP_RSA_gen(RSA_BITS);
    if (pair == NULL)
        abort();
    return create_pair(algorithm, pair);
}

gw_mint_key_t *gw_mint_key_free(gw_mint_key_t *key)
{
    if (key == NULL)
        return NULL;
    if (key->bytes != NULL)
        OPENSSL_cleanse(key->bytes, key->len);
    free(key->bytes);
    EVP_PKEY_free(key->pair);
    free(key);
    return NULL;
}

const char *gw_mint_key_algorithm(const gw_mint_key_t *key)
{
    return key->algorithm->name;
}

EVP_PKEY *gw_mint_key_pair(const gw_mint_key_t *key)
{
    return key->pair;
}

/* signing ------------------------------------------------------------------------------------------------------------
 */

static char *sign_with_libjwt(const gw_mint_key_t *key, const json_t *header, const json_t *payload)
{
    jwt_t *jwt = NULL;
    char *head = json_dumps(header, JSON_COMPACT), *body = json_dumps(payload, JSON_COMPACT), *token = NULL;
    if (head != NULL && body != NULL && jwt_new(&jwt) == 0 && jwt_add_headers_json(jwt, head) == 0 &&
        jwt_add_grants_json(jwt, body) == 0 &&
        jwt_set_alg(jwt, key->algorithm->by_libjwt, (const unsigned char *)key->bytes, (int)key->len) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    free(head);
    free(body);
    return token;
}

/** The same order of members as libjwt writes. */
static size_t put_json(char **at, const json_t *header)
{
    char *text = json_dumps(header, JSON_COMPACT | JSON_SORT_KEYS);
    size_t len = text != NULL ? gw_base64url_encode(*at, text, strlen(text)) : 0;
    free(text);
    *at += len;
    return len;
}

/** JOSE has the two numbers of an ECDSA signature one after the other, of fixed size (RFC 7518 section 3.4); OpenSSL
 * has them in DER. */
static bool join_numbers(unsigned char *signature, size_t *len, EVP_PKEY *pair)
{
    const unsigned char *at = signature;
    int size = (EVP_PKEY_get_bits(pair) + 7) / 8;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    bool is_good = numbers != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, size) == size &&
                   BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + size, size) == size;
    ECDSA_SIG_free(numbers);
    *len = 2 * (size_t)size;
    return is_good;
}

static bool sign_with_pair(const gw_mint_key_t *key, gw_str_t input, unsigned char *signature, size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how;
    bool is_signed =
        context != NULL &&
        EVP_DigestSignInit_ex(context, &how, key->algorithm->hash, NULL, NULL, key->pair, NULL) == 1 &&
        (key->algorithm->family != FAMILY_PS || (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
                                                 EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
        EVP_DigestSign(context, signature, len, (const unsigned char *)input.ptr, input.len) == 1;
    EVP_MD_CTX_free(context);
    return is_signed && (key->algorithm->family != FAMILY_ES || join_numbers(signature, len, key->pair));
}

static bool sign_with_secret(const gw_mint_key_t *key, gw_str_t input, unsigned char *signature, size_t *len)
{
    return EVP_Q_mac(NULL, "HMAC", NULL, key->algorithm->hash, NULL, key->bytes, key->len,
                     (const unsigned char *)input.ptr, input.len, signature, MAX_SIGNATURE, len) != NULL;
}

static bool put_signature(char **at, const gw_mint_key_t *key, gw_str_t input)
{
    unsigned char signature[MAX_SIGNATURE];
    size_t len = sizeof(signature);
    if (!(key->pair != NULL ? sign_with_pair : sign_with_secret)(key, input, signature, &len))
        return false;
    *at += gw_base64url_encode(*at, signature, len);
    return true;
}

static char *sign_with_openssl(const gw_mint_key_t *key, const json_t *header, const json_t *payload)
{
    size_t size = json_dumpb(header, NULL, 0, JSON_COMPACT) + json_dumpb(payload, NULL, 0, JSON_COMPACT);
    char *token = gw_must_alloc((size + MAX_SIGNATURE) / 3 * 4 + 16, 1), *at = token;
    bool is_good = put_json(&at, header) != 0;
    *at++ = '.';
    is_good = is_good && put_json(&at, payload) != 0;
    gw_str_t input = gw_str(token, (size_t)(at - token));
    *at++ = '.';
    if (is_good && put_signature(&at, key, input))
        return token;
    free(token);
    return NULL;
}

char *gw_mint_token(const gw_mint_key_t *key, const json_t *header, const json_t *payload)
{
    json_t *whole = json_copy((json_t *)header);
    json_object_set_new(whole, "alg", json_string(key->algorithm->name));
    if (!json_is_string(json_object_get(whole, "typ")))
        json_object_set_new(whole, "typ", json_string("JWT"));
    bool is_for_libjwt = key->bytes != NULL && strcmp(json_string_value(json_object_get(whole, "typ")), "JWT") == 0;
    char *token = (is_for_libjwt ? sign_with_libjwt : sign_with_openssl)(key, whole, payload);
    json_decref(whole);
    ERR_clear_error();
    return token;
}
