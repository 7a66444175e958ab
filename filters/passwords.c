/* SPDX-License-Identifier: MIT
 * Hashes of passwords. */
#include <crypt.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include "filters/passwords.h"
#include "gateway/base/memory.h"

enum {
    max_bcrypt_cost = 14,    /* 0.8 s, measured */
    max_sha_rounds = 3000000 /* 0.8 s */
};
#define MAX_YESCRYPT_COST 'C' /* 128 MiB, 0.2 s */

static const char make_bcrypt[] = "make it anew: htpasswd -B -C 10 FILE USER";

/** ./0-9A-Za-z, as all of crypt(3) has them. */
static bool is_digit64(char c)
{
    return (c >= '.' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_all_digits64(gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i)
        if (!is_digit64(s.ptr[i]))
            return false;
    return true;
}

static gw_str_t from(gw_str_t s, size_t at)
{
    return gw_str(s.ptr + at, s.len - at);
}

/** Takes what stands before the next '$', and that.  @return false when there is none */
static bool take_part(gw_str_t *rest, gw_str_t *ret_part)
{
    const char *dollar = rest->len != 0 ? memchr(rest->ptr, '$', rest->len) : NULL;
    if (dollar == NULL)
        return false;
    *ret_part = gw_str(rest->ptr, (size_t)(dollar - rest->ptr));
    *rest = from(*rest, ret_part->len + 1);
    return true;
}

/* each scheme: what is wrong with a hash that begins like one -------------------------------------------------------
 */

static const char not_whole[] = "this hash is not whole";

/** $2y$10$, 22 characters of salt, 31 of hash */
static const char *check_bcrypt(gw_str_t text, gw_password_hash_t *hash)
{
    enum { head = 7, tail = 53 };
    if (text.len != head + tail || text.ptr[3] != '$' || text.ptr[4] < '0' || text.ptr[4] > '9' || text.ptr[5] < '0' ||
        text.ptr[5] > '9' || text.ptr[6] != '$' || !is_all_digits64(from(text, head)))
        return not_whole;
    int cost = (text.ptr[4] - '0') * 10 + (text.ptr[5] - '0');
    if (cost < 4)
        return not_whole;
    if (cost > max_bcrypt_cost)
        return "this hash takes too long: its cost is above 14";
    *hash = (gw_password_hash_t){.cost_len = head, .is_bcrypt = true};
    return NULL;
}

/** $6$ or $6$rounds=N$, up to 16 characters of salt and a '$', the hash */
static const char *check_sha(gw_str_t text, size_t tail, gw_password_hash_t *hash)
{
    static const gw_str_t rounds_is = {"rounds=", 7};
    gw_str_t rest = from(text, 3), part;
    hash->cost_len = 3;
    if (!take_part(&rest, &part))
        return not_whole;
    if (gw_str_starts_with(part, rounds_is)) {
        uint64_t rounds = 0;
        gw_str_t digits = from(part, rounds_is.len);
        for (size_t i = 0; i != digits.len && rounds <= max_sha_rounds; ++i) {
            if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
                return not_whole;
            rounds = rounds * 10 + (uint64_t)(digits.ptr[i] - '0');
        }
        if (rounds < 1000 || digits.ptr[0] == '0')
            return not_whole;
        if (rounds > max_sha_rounds)
            return "this hash takes too long: it has more than 3000000 rounds";
        hash->cost_len += part.len + 1;
        if (!take_part(&rest, &part))
            return not_whole;
    }
    if (part.len > 16 || memchr(part.ptr, ':', part.len) != NULL || rest.len != tail || !is_all_digits64(rest))
        return not_whole;
    return NULL;
}

/** $y$j9T$, salt and '$', 43 characters of hash.  The parameters: flavour j, then logarithm of N and r as digits */
static const char *check_yescrypt(gw_str_t text, gw_password_hash_t *hash)
{
    gw_str_t rest = from(text, 3), cost, salt;
    if (!take_part(&rest, &cost) || !take_part(&rest, &salt) || salt.len > 86 || !is_all_digits64(cost) ||
        !is_all_digits64(salt) || rest.len != 43 || !is_all_digits64(rest))
        return not_whole;
    if (cost.len != 3 || cost.ptr[0] != 'j')
        return "this hash has parameters that 'mkpasswd' does not make";
    if (cost.ptr[1] > MAX_YESCRYPT_COST || cost.ptr[2] > 'T')
        return "this hash takes too long: its cost is above 8";
    hash->cost_len = 3 + cost.len + 1;
    return NULL;
}

/* -------------------------------------------------------------------------------------------------------------------
 */

static bool begins(gw_str_t text, const char *prefix)
{
    return gw_str_starts_with(text, gw_str_of(prefix));
}

const char *gw_password_check_hash(gw_str_t text, gw_password_hash_t *ret_hash, const char **reterr_hint)
{
    char copy[GW_PASSWORD_HASH_MAX + 1];
    const char *why;
    *ret_hash = (gw_password_hash_t){0};
    *reterr_hint = make_bcrypt;
    if (text.len > GW_PASSWORD_HASH_MAX)
        return "this is too long for a hash";
    if (begins(text, "$2y$") || begins(text, "$2b$") || begins(text, "$2a$"))
        why = check_bcrypt(text, ret_hash);
    else if (begins(text, "$6$"))
        why = check_sha(text, 86, ret_hash);
    else if (begins(text, "$5$"))
        why = check_sha(text, 43, ret_hash);
    else if (begins(text, "$y$"))
        why = check_yescrypt(text, ret_hash);
    else if (begins(text, "$apr1$") || begins(text, "$1$"))
        return "MD5 is too weak for passwords";
    else if (begins(text, "{SHA}") || begins(text, "{SSHA}"))
        return "one round of SHA-1 is too weak for passwords";
    else if (begins(text, "$"))
        return "hashes of this kind are not taken";
    else
        return "this is no hash, or one of DES: neither is safe";
    if (why != NULL)
        return why;
    /* the last word has the library that will be asked */
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    int verdict = memchr(copy, '\0', text.len) != NULL ? CRYPT_SALT_INVALID : crypt_checksalt(copy);
    return verdict == CRYPT_SALT_INVALID || verdict == CRYPT_SALT_METHOD_DISABLED
               ? "this system's crypt(3) does not know this hash"
               : NULL;
}

bool gw_password_matches(const char *password, const char *hash)
{
    struct crypt_data *data = gw_must_alloc(1, sizeof(*data));
    size_t len = strlen(hash);
    const char *made = crypt_rn(password, hash, data, (int)sizeof(*data));
    bool is_right = made != NULL && strlen(made) == len && CRYPTO_memcmp(made, hash, len) == 0;
    OPENSSL_cleanse(data, sizeof(*data)); /* intermediate values of the hash */
    free(data);
    return is_right;
}
