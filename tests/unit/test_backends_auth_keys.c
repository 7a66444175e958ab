/* SPDX-License-Identifier: MIT
 * Tests of the token service's keys: thumbprints, the key set, rotation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include "backends/auth_keys.h"
#include "tests/support/jws.h"

/* the example of RFC 7638 section 3.1 and that of RFC 8037 appendix A.3, with the members of A.1 */
static const char rfc7638[] =
    "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
    "BJECP"
    "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9"
    "c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-"
    "csFCur-"
    "kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}";
static const char rfc8037[] =
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";

static void thumbprints_are_those_of_the_standards(void **state)
{
    static const struct {
        const char *jwk, *thumbprint;
    } cases[] = {
        {rfc7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
        {rfc8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char thumbprint[GW_AUTH_THUMBPRINT_SIZE];
        json_t *jwk = json_loads(cases[i].jwk, 0, NULL);
        assert_true(gw_auth_jwk_thumbprint(jwk, thumbprint));
        assert_string_equal(thumbprint, cases[i].thumbprint);
        json_decref(jwk);
    }
    char thumbprint[GW_AUTH_THUMBPRINT_SIZE];
    json_t *secret = json_pack("{s:s, s:s}", "kty", "oct", "k", "AA");
    assert_false(gw_auth_jwk_thumbprint(secret, thumbprint));
    json_decref(secret);
}

static void a_key_comes_back_from_JSON_as_it_was(void **state)
{
    EVP_PKEY *keys[] = {EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), EVP_EC_gen("P-256"),
                        EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    for (size_t i = 0; i != 3; ++i) {
        json_t *jwk = gw_auth_jwk(keys[i]);
        EVP_PKEY *read = jwk_key(jwk);
        assert_int_equal(EVP_PKEY_eq(read, keys[i]), 1);
        EVP_PKEY_free(read);
        EVP_PKEY_free(keys[i]);
        json_decref(jwk);
    }
    EVP_PKEY *other = EVP_EC_gen("P-384");
    assert_null(gw_auth_jwk(other));
    EVP_PKEY_free(other);
}

/** Coordinates with a zero in front keep it: one key in 128 has one. */
static void coordinates_have_one_size(void **state)
{
    for (int i = 0; i != 600; ++i) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        json_t *jwk = gw_auth_jwk(key);
        assert_int_equal(json_string_length(json_object_get(jwk, "x")), 43);
        assert_int_equal(json_string_length(json_object_get(jwk, "y")), 43);
        json_decref(jwk);
        EVP_PKEY_free(key);
    }
}

static char *sign(gw_auth_keys_t *keys, int64_t expires)
{
    json_t *claims = json_pack("{s:I}", "exp", (json_int_t)expires);
    char *token = gw_auth_keys_sign(keys, claims, expires);
    json_decref(claims);
    return token;
}

static void the_set_shows_public_keys_and_nothing_else(void **state)
{
    static const struct {
        const char *algorithm, *members; /* sorted */
    } cases[] = {
        {"RS256", "alg e kid kty n use "},
        {"ES256", "alg crv kid kty use x y "},
        {"EdDSA", "alg crv kid kty use x "},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char why[256], members[256] = "", thumbprint[GW_AUTH_THUMBPRINT_SIZE];
        gw_auth_keys_t *keys = gw_auth_keys_create(cases[i].algorithm, NULL, why, sizeof(why));
        json_t *set = gw_auth_keys_jwks(keys, 1000), *jwk = json_array_get(json_object_get(set, "keys"), 0);
        assert_int_equal(json_object_size(set), 1);
        char *text = json_dumps(jwk, JSON_SORT_KEYS | JSON_COMPACT);
        json_t *sorted = json_loads(text, 0, NULL), *value;
        const char *name;
        json_object_foreach(sorted, name, value)
        {
            assert_true(json_is_string(value));
            sprintf(members + strlen(members), "%s ", name);
        }
        assert_string_equal(members, cases[i].members);
        assert_string_equal(json_string_value(json_object_get(jwk, "alg")), cases[i].algorithm);
        assert_string_equal(json_string_value(json_object_get(jwk, "use")), "sig");
        assert_string_equal(json_string_value(json_object_get(jwk, "kid")), gw_auth_keys_current(keys));
        assert_true(gw_auth_jwk_thumbprint(jwk, thumbprint));
        assert_string_equal(thumbprint, gw_auth_keys_current(keys));

        char *token = sign(keys, 2000);
        EVP_PKEY *key = jwks_key(set, token);
        json_t *header = jws_part(token, 0);
        assert_string_equal(json_string_value(json_object_get(header, "typ")), "at+jwt");
        assert_true(jws_verifies(token, key, NULL));
        EVP_PKEY_free(key);
        json_decref(header);
        free(token);
        free(text);
        json_decref(sorted);
        json_decref(set);
        gw_auth_keys_free(keys);
    }
}

static size_t num_shown(gw_auth_keys_t *keys, int64_t now)
{
    json_t *set = gw_auth_keys_jwks(keys, now);
    size_t num = json_array_size(json_object_get(set, "keys"));
    json_decref(set);
    return num;
}

static void a_key_that_has_signed_is_shown_until_its_last_token_has_expired(void **state)
{
    char why[256];
    gw_auth_keys_t *keys = gw_auth_keys_create("ES256", NULL, why, sizeof(why));
    char *first = strdup(gw_auth_keys_current(keys));
    free(sign(keys, 1600));
    free(sign(keys, 1500)); /* not the last one to expire */
    assert_int_equal(gw_auth_keys_rotate(keys, 1000, why, sizeof(why)), GW_AUTH_ROTATED);
    assert_string_not_equal(first, gw_auth_keys_current(keys));
    json_t *set = gw_auth_keys_jwks(keys, 1599), *all = json_object_get(set, "keys");
    assert_int_equal(json_array_size(all), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(all, 0), "kid")), gw_auth_keys_current(keys));
    assert_string_equal(json_string_value(json_object_get(json_array_get(all, 1), "kid")), first);
    json_decref(set);
    assert_int_equal(num_shown(keys, 1600), 1);
    assert_int_equal(num_shown(keys, 1599), 1); /* it is gone */
    free(first);
    gw_auth_keys_free(keys);
}

static void a_key_that_has_signed_nothing_is_forgotten_at_once(void **state)
{
    char why[256];
    gw_auth_keys_t *keys = gw_auth_keys_create("EdDSA", NULL, why, sizeof(why));
    assert_int_equal(gw_auth_keys_rotate(keys, 1000, why, sizeof(why)), GW_AUTH_ROTATED);
    assert_int_equal(num_shown(keys, 1000), 1);
    assert_int_equal(num_shown(keys, INT64_MAX), 1); /* that which signs stays */
    gw_auth_keys_free(keys);
}

static void there_are_no_more_keys_than_can_be_shown(void **state)
{
    char why[256];
    gw_auth_keys_t *keys = gw_auth_keys_create("EdDSA", NULL, why, sizeof(why));
    for (int i = 0; i != GW_AUTH_MAX_KEYS; ++i) {
        free(sign(keys, 2000 + i));
        assert_int_equal(gw_auth_keys_rotate(keys, 1000, why, sizeof(why)),
                         i != GW_AUTH_MAX_KEYS - 1 ? GW_AUTH_ROTATED : GW_AUTH_NOT_ROTATED);
    }
    assert_string_equal(why, "16 keys have tokens that have not expired yet");
    assert_int_equal(num_shown(keys, 1999), GW_AUTH_MAX_KEYS);
    assert_int_equal(gw_auth_keys_rotate(keys, 2000, why, sizeof(why)), GW_AUTH_ROTATED); /* one has gone */
    gw_auth_keys_free(keys);
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    if (key != NULL)
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void a_key_of_a_file_is_read_again(void **state)
{
    char path[] = "/tmp/sluice-test-key-XXXXXX", why[512], expected[512];
    close(mkstemp(path));
    EVP_PKEY *first = EVP_EC_gen("P-256"), *second = EVP_EC_gen("P-256"), *wrong = EVP_EC_gen("P-384");
    write_key(path, first);
    gw_auth_keys_t *keys = gw_auth_keys_create("ES256", path, why, sizeof(why));
    char *kid = strdup(gw_auth_keys_current(keys));
    assert_int_equal(gw_auth_keys_rotate(keys, 1000, why, sizeof(why)), GW_AUTH_SAME_KEY);
    free(sign(keys, 2000));
    write_key(path, wrong);
    assert_int_equal(gw_auth_keys_rotate(keys, 1000, why, sizeof(why)), GW_AUTH_NOT_ROTATED);
    snprintf(expected, sizeof(expected), "%s: ES256 cannot be signed with this key: it takes prime256v1", path);
    assert_string_equal(why, expected);
    assert_string_equal(kid, gw_auth_keys_current(keys));
    write_key(path, second);
    assert_int_equal(gw_auth_keys_rotate(keys, 1000, why, sizeof(why)), GW_AUTH_ROTATED);
    free(sign(keys, 2000));
    assert_int_equal(num_shown(keys, 1000), 2);
    write_key(path, first); /* back again: it is the same key, not a third one */
    assert_int_equal(gw_auth_keys_rotate(keys, 1000, why, sizeof(why)), GW_AUTH_ROTATED);
    assert_string_equal(kid, gw_auth_keys_current(keys));
    assert_int_equal(num_shown(keys, 1000), 2);
    unlink(path);
    assert_int_equal(gw_auth_keys_rotate(keys, 1000, why, sizeof(why)), GW_AUTH_NOT_ROTATED);
    snprintf(expected, sizeof(expected), "%s: No such file or directory", path);
    assert_string_equal(why, expected);
    assert_null(gw_auth_keys_create("ES256", path, why, sizeof(why)));
    free(kid);
    gw_auth_keys_free(keys);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
    EVP_PKEY_free(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thumbprints_are_those_of_the_standards),
        cmocka_unit_test(a_key_comes_back_from_JSON_as_it_was),
        cmocka_unit_test(coordinates_have_one_size),
        cmocka_unit_test(the_set_shows_public_keys_and_nothing_else),
        cmocka_unit_test(a_key_that_has_signed_is_shown_until_its_last_token_has_expired),
        cmocka_unit_test(a_key_that_has_signed_nothing_is_forgotten_at_once),
        cmocka_unit_test(there_are_no_more_keys_than_can_be_shown),
        cmocka_unit_test(a_key_of_a_file_is_read_again),
    };
    return cmocka_run_group_tests_name("test_backends_auth_keys", tests, NULL, NULL);
}
