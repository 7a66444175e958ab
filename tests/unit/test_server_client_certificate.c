/* SPDX-License-Identifier: MIT
 * Certificates of clients as texts: what is read, and what a CA that signs anything cannot do with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include "gateway/http/syntax.h"
#include "gateway/server/client_certificate.h"

#define DAY 86400L

static EVP_PKEY *key;

static int make_key(void **state)
{
    key = EVP_EC_gen("P-256");
    return key != NULL ? 0 : -1;
}

static int free_key(void **state)
{
    EVP_PKEY_free(key);
    return 0;
}

static void add_name(X509_NAME *name, const char *type, int form, const char *value, int len)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, type, form, (const unsigned char *)value, len, -1, 0), 1);
}

static X509 *begin(void)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0x1af);
    ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "20200101000000Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "20300102030405Z");
    X509_set_pubkey(certificate, key);
    X509_NAME *issuer = X509_get_issuer_name(certificate);
    add_name(issuer, "O", MBSTRING_ASC, "Example", -1);
    add_name(issuer, "CN", MBSTRING_ASC, "Clients CA", -1);
    return certificate;
}

/* adds alternative names of any bytes, which OpenSSL's own parser of texts would not make */
static void add_san(GENERAL_NAMES *names, int type, const char *bytes, int len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    assert_int_equal(ASN1_STRING_set(value, bytes, len), 1);
    GENERAL_NAME_set0_value(name, type, value);
    sk_GENERAL_NAME_push(names, name);
}

static gw_client_certificate_t *end(X509 *certificate, GENERAL_NAMES *names)
{
    if (names != NULL)
        assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    gw_client_certificate_t *read = gw_client_certificate_create(certificate, NULL);
    assert_non_null(read);
    for (size_t i = 0; i != GW_CERTIFICATE_NUM_TEXTS; ++i)
        for (size_t k = 0; k != read->texts[i].len; ++k)
            assert_in_range(read->texts[i].ptr[k], 0x20, 0x7e);
    GENERAL_NAMES_free(names);
    X509_free(certificate);
    return read;
}

static void expect(const gw_client_certificate_t *certificate, gw_certificate_text_t which, const char *expected)
{
    char *text = calloc(1, certificate->texts[which].len + 1);
    memcpy(text, certificate->texts[which].ptr, certificate->texts[which].len);
    assert_string_equal(text, expected);
    free(text);
}

static void everything_is_read(void **state)
{
    X509 *certificate = begin();
    X509_NAME *subject = X509_get_subject_name(certificate);
    add_name(subject, "C", MBSTRING_ASC, "DE", -1);
    add_name(subject, "O", MBSTRING_ASC, "Example, Inc.", -1);
    add_name(subject, "CN", MBSTRING_ASC, "alice", -1);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    add_san(names, GEN_DNS, "A.Example.com", 13);
    add_san(names, GEN_URI, "spiffe://x/a", 12);
    add_san(names, GEN_EMAIL, "Alice@Example.com", 17);
    add_san(names, GEN_IPADD, "\x7f\0\0\1", 4);
    add_san(names, GEN_IPADD, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    add_san(names, GEN_DNS, "*.b.example.com", 15);
    gw_client_certificate_t *read = end(certificate, names);
    expect(read, GW_CERTIFICATE_SUBJECT, "CN=alice,O=Example\\, Inc.,C=DE");
    expect(read, GW_CERTIFICATE_CN, "alice");
    expect(read, GW_CERTIFICATE_ISSUER, "CN=Clients CA,O=Example");
    expect(read, GW_CERTIFICATE_SERIAL, "01AF");
    expect(read, GW_CERTIFICATE_SAN, "a.example.com,spiffe://x/a,Alice@Example.com,127.0.0.1,::1,*.b.example.com");
    expect(read, GW_CERTIFICATE_SAN_DNS, "a.example.com,*.b.example.com");
    expect(read, GW_CERTIFICATE_SAN_URI, "spiffe://x/a");
    expect(read, GW_CERTIFICATE_SAN_EMAIL, "Alice@Example.com");
    expect(read, GW_CERTIFICATE_SAN_IP, "127.0.0.1,::1");
    expect(read, GW_CERTIFICATE_NOT_AFTER, "2030-01-02T03:04:05Z");
    assert_int_equal(read->valid_until_s, 1893553445);
    assert_int_equal(read->num_sans, 6);
    assert_null(gw_client_certificate_free(read));
}

/* against OpenSSL's own digest and decoder */
static void the_certificate_itself_stands_between_colons_beside_its_fingerprint(void **state)
{
    X509 *certificate = begin();
    unsigned char digest[32], *der = NULL;
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    int der_len = i2d_X509(certificate, &der);
    assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, NULL), 1);
    gw_client_certificate_t *read = gw_client_certificate_create(certificate, NULL);
    char hex[65];
    for (size_t i = 0; i != 32; ++i)
        sprintf(hex + 2 * i, "%02x", digest[i]);
    expect(read, GW_CERTIFICATE_FINGERPRINT, hex);
    gw_str_t text = read->texts[GW_CERTIFICATE_CERTIFICATE];
    assert_true(text.len > 2 && text.ptr[0] == ':' && text.ptr[text.len - 1] == ':');
    unsigned char *decoded = malloc(text.len);
    int len = EVP_DecodeBlock(decoded, (const unsigned char *)text.ptr + 1, (int)text.len - 2);
    assert_true(len >= der_len && len - der_len < 3); /* it counts the padding */
    assert_memory_equal(decoded, der, der_len);
    free(decoded);
    OPENSSL_free(der);
    gw_client_certificate_free(read);
    X509_free(certificate);
}

static void it_stays_until_the_last_reference_was_given_back(void **state)
{
    X509 *certificate = begin();
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"alice",
                               -1, -1, 0);
    gw_client_certificate_t *read = end(certificate, NULL);
    assert_ptr_equal(gw_client_certificate_hold(read), read);
    assert_null(gw_client_certificate_free(read));
    expect(read, GW_CERTIFICATE_CN, "alice");
    assert_null(gw_client_certificate_free(read));
    assert_null(gw_client_certificate_hold(NULL));
}

static void a_name_that_is_not_there_is_empty(void **state)
{
    gw_client_certificate_t *read = end(begin(), NULL);
    expect(read, GW_CERTIFICATE_SUBJECT, "");
    expect(read, GW_CERTIFICATE_CN, "");
    expect(read, GW_CERTIFICATE_SAN, "");
    assert_int_equal(read->common_name.len, 0);
    assert_int_equal(read->num_sans, 0);
    gw_client_certificate_free(read);
}

static void a_common_name_cannot_break_out_of_its_field(void **state)
{
    static const struct {
        const char *about, *bytes;
        int len;
        const char *cn, *subject;
        size_t raw_len;
    } cases[] = {
        {"a line break", "a\r\nX: y", 7, "a%0D%0AX: y", "CN=a\\0D\\0AX: y", 7},
        {"a NUL", "admin\0.evil", 11, "", "CN=admin\\00.evil", 0},
        {"a comma and more", "a,O=b+c", 7, "a,O=b+c", "CN=a\\,O=b\\+c", 7},
        {"beyond ASCII", "M\xc3\xbcller", 7, "M%C3%BCller", "CN=M\\C3\\BCller", 7},
        {"a percent sign", "100%", 4, "100%25", "CN=100%", 4},
        {"spaces at the ends", " a ", 3, "%20a%20", "CN=\\ a\\%20", 3},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        X509 *certificate = begin();
        X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, V_ASN1_UTF8STRING,
                                   (const unsigned char *)cases[i].bytes, cases[i].len, -1, 0);
        gw_client_certificate_t *read = end(certificate, NULL);
        expect(read, GW_CERTIFICATE_CN, cases[i].cn);
        expect(read, GW_CERTIFICATE_SUBJECT, cases[i].subject);
        assert_int_equal(read->common_name.len, cases[i].raw_len);
        assert_memory_equal(read->common_name.ptr, cases[i].bytes, cases[i].raw_len);
        gw_client_certificate_free(read);
    }
}

static void the_last_common_name_counts(void **state)
{
    X509 *certificate = begin();
    add_name(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, "first", -1);
    add_name(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, "last", -1);
    gw_client_certificate_t *read = end(certificate, NULL);
    expect(read, GW_CERTIFICATE_CN, "last");
    gw_client_certificate_free(read);
}

static void an_alternative_name_that_is_not_what_its_type_says_is_left_out(void **state)
{
    static const struct {
        const char *about;
        int type;
        const char *bytes;
        int len;
        const char *san; /* "": left out */
    } cases[] = {
        {"a comma makes no second host", GEN_DNS, "a.test,b.test", 13, ""},
        {"a space", GEN_DNS, "a test", 6, ""},
        {"a NUL", GEN_DNS, "a.test\0.evil", 12, ""},
        {"nothing", GEN_DNS, "", 0, ""},
        {"bytes beyond ASCII", GEN_DNS, "\xc3\xbc.test", 7, ""},
        {"a line break in an address", GEN_EMAIL, "a@b\r\nX: y", 9, ""},
        {"a NUL in an address", GEN_EMAIL, "a@b\0c", 5, ""},
        {"a comma in a URI", GEN_URI, "spiffe://x/a,spiffe://x/b", 25, "spiffe://x/a%2Cspiffe://x/b"},
        {"a space in a URI", GEN_URI, "spiffe://x/a b", 14, ""},
        {"an address of three bytes", GEN_IPADD, "\1\2\3", 3, ""},
        {"an address with a mask", GEN_IPADD, "\1\2\3\4\xff\xff\xff\xff", 8, ""},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        GENERAL_NAMES *names = GENERAL_NAMES_new();
        add_san(names, cases[i].type, cases[i].bytes, cases[i].len);
        gw_client_certificate_t *read = end(begin(), names);
        expect(read, GW_CERTIFICATE_SAN, cases[i].san);
        assert_int_equal(read->num_sans, cases[i].san[0] != '\0');
        gw_client_certificate_free(read);
    }
}

static void of_very_many_alternative_names_none_is_read(void **state)
{
    for (int num = GW_CERTIFICATE_MAX_SANS; num != GW_CERTIFICATE_MAX_SANS + 2; ++num) {
        X509 *certificate = begin();
        GENERAL_NAMES *names = GENERAL_NAMES_new();
        for (int i = 0; i != num; ++i)
            add_san(names, GEN_DNS, "a.example.com", 13);
        gw_client_certificate_t *read = end(certificate, names);
        bool is_over = num > GW_CERTIFICATE_MAX_SANS;
        assert_int_equal(read->has_too_many_sans, is_over);
        assert_int_equal(read->num_sans, is_over ? 0 : num);
        assert_int_equal(read->texts[GW_CERTIFICATE_SAN].len, is_over ? 0 : 14 * num - 1);
        gw_client_certificate_free(read);
    }
}

static void it_is_valid_as_long_as_everything_in_its_chain(void **state)
{
    X509 *certificate = begin(), *issuer = begin(), *root = begin();
    ASN1_TIME_set_string_X509(X509_getm_notAfter(issuer), "20290102030405Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(root), "20990102030405Z");
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, certificate);
    sk_X509_push(chain, issuer);
    sk_X509_push(chain, root);
    gw_client_certificate_t *read = gw_client_certificate_create(certificate, chain);
    assert_int_equal(read->valid_until_s, 1893553445 - 365 * DAY);
    expect(read, GW_CERTIFICATE_NOT_AFTER, "2030-01-02T03:04:05Z"); /* its own */
    gw_client_certificate_free(read);
    sk_X509_pop_free(chain, X509_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(the_certificate_itself_stands_between_colons_beside_its_fingerprint),
        cmocka_unit_test(it_stays_until_the_last_reference_was_given_back),
        cmocka_unit_test(a_name_that_is_not_there_is_empty),
        cmocka_unit_test(a_common_name_cannot_break_out_of_its_field),
        cmocka_unit_test(the_last_common_name_counts),
        cmocka_unit_test(an_alternative_name_that_is_not_what_its_type_says_is_left_out),
        cmocka_unit_test(of_very_many_alternative_names_none_is_read),
        cmocka_unit_test(it_is_valid_as_long_as_everything_in_its_chain),
    };
    return cmocka_run_group_tests_name("test_server_client_certificate", tests, make_key, free_key);
}
