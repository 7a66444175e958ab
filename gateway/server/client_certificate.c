/* SPDX-License-Identifier: MIT
 * Reading a client's certificate. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "gateway/base/memory.h"
#include "gateway/server/client_certificate.h"

const char *const gw_certificate_text_names[GW_CERTIFICATE_NUM_TEXTS + 1] = {
#define TEXT_NAME(id, name) [GW_CERTIFICATE_##id] = name,
    GW_CERTIFICATE_TEXT_MAP(TEXT_NAME)
#undef TEXT_NAME
};

/* a text that grows ------------------------------------------------------------------------------------------------ */

typedef struct text {
    char *bytes;
    size_t len, room;
} text_t;

static void put(text_t *text, const char *bytes, size_t len)
{
    if (text->room - text->len < len) {
        text->room = 2 * text->room + len;
        if ((text->bytes = realloc(text->bytes, text->room)) == NULL)
            abort();
    }
    if (len != 0)
        memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

/* @param also further octets that are encoded */
static void put_encoded(text_t *text, gw_str_t value, const char *also)
{
    for (size_t i = 0; i != value.len; ++i) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool is_end = i == 0 || i + 1 == value.len; /* white space there would not survive in a field */
        char code[4];
        if (c > (is_end ? 0x20 : 0x1f) && c < 0x7f && strchr(also, c) == NULL) {
            put(text, value.ptr + i, 1);
            continue;
        }
        snprintf(code, sizeof(code), "%%%02X", c);
        put(text, code, 3);
    }
}

static void put_hex(text_t *text, const unsigned char *bytes, size_t len)
{
    char digits[3];

    for (size_t i = 0; i != len; ++i) {
        snprintf(digits, sizeof(digits), "%02x", bytes[i]);
        put(text, digits, 2);
    }
}

/* what is collected before its size is known ----------------------------------------------------------------------- */

typedef struct reading {
    const X509 *certificate;
    text_t texts[GW_CERTIFICATE_NUM_TEXTS];
    text_t common_name;
    struct raw_san {
        gw_san_kind_t kind;
        text_t value;
    } * sans;
    size_t num_sans;
    bool has_too_many_sans;
    uint64_t valid_until_s;
} reading_t;

char *gw_x509_name_text(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes, *copy;

    if (bio == NULL)
        abort();
    /* RFC 2253 and 4514 differ in what must be escaped; these flags escape what either wants, and all that is not ASCII
     */
    if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
        BIO_reset(bio);
    long len = BIO_get_mem_data(bio, &bytes);
    if ((copy = malloc((size_t)len + 1)) == NULL)
        abort();
    if (len != 0)
        memcpy(copy, bytes, (size_t)len);
    copy[len] = '\0';
    BIO_free(bio);
    return copy;
}

static void read_name(text_t *text, const X509_NAME *name)
{
    char *bytes = gw_x509_name_text(name);

    /* a type that OpenSSL does not know is printed by its number; nothing here may be unprintable all the same */
    put_encoded(text, gw_str_of(bytes), "");
    free(bytes);
}

static void read_common_name(reading_t *r)
{
    const X509_NAME *subject = X509_get_subject_name(r->certificate);
    unsigned char *bytes = NULL;
    int at = -1, last = -1, len;

    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
        last = at; /* the most specific one */
    if (last < 0)
        return;
    len = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (len > 0 && memchr(bytes, '\0', (size_t)len) == NULL) {
        gw_str_t name = gw_str((const char *)bytes, (size_t)len);
        put(&r->common_name, name.ptr, name.len);
        put_encoded(&r->texts[GW_CERTIFICATE_CN], name, "%");
    }
    OPENSSL_free(bytes);
}

static bool read_serial(reading_t *r)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber((X509 *)r->certificate), NULL);
    char *digits = number != NULL ? BN_bn2hex(number) : NULL;

    if (digits != NULL && strlen(digits) % 2 != 0 && *digits != '-')
        put(&r->texts[GW_CERTIFICATE_SERIAL], "0", 1); /* of zero */
    if (digits != NULL)
        put(&r->texts[GW_CERTIFICATE_SERIAL], digits, strlen(digits));
    OPENSSL_free(digits);
    BN_free(number);
    return digits != NULL;
}

/* fingerprint and the certificate itself */
static bool read_bytes(reading_t *r)
{
    unsigned char *der = NULL, digest[32];
    int len = i2d_X509(r->certificate, &der);

    if (len <= 0)
        return false;
    bool is_made = EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;
    if (is_made) {
        put_hex(&r->texts[GW_CERTIFICATE_FINGERPRINT], digest, sizeof(digest));
        size_t room = 4 * (((size_t)len + 2) / 3) + 1;
        unsigned char *base64 = gw_must_alloc(room, 1);
        int base64_len = EVP_EncodeBlock(base64, der, len);
        put(&r->texts[GW_CERTIFICATE_CERTIFICATE], ":", 1);
        put(&r->texts[GW_CERTIFICATE_CERTIFICATE], (const char *)base64, (size_t)base64_len);
        put(&r->texts[GW_CERTIFICATE_CERTIFICATE], ":", 1);
        free(base64);
    }
    OPENSSL_free(der);
    return is_made;
}

/* @return seconds since 1970; 0 for what lies before and what is no time */
static uint64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm;

    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
        return 0;
    time_t seconds = timegm(&tm);
    return seconds > 0 ? (uint64_t)seconds : 0;
}

static void read_times(reading_t *r, const STACK_OF(X509) * chain)
{
    struct tm tm;
    char text[32] = "";
    const ASN1_TIME *not_after = X509_get0_notAfter(r->certificate);

    if (ASN1_TIME_to_tm(not_after, &tm) == 1)
        put(&r->texts[GW_CERTIFICATE_NOT_AFTER], text, strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm));
    r->valid_until_s = seconds_of(not_after);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        uint64_t until_s = seconds_of(X509_get0_notAfter(sk_X509_value(chain, i)));
        if (until_s < r->valid_until_s)
            r->valid_until_s = until_s;
    }
}

/* alternative names ------------------------------------------------------------------------------------------------ */

static bool is_made_of(gw_str_t value, bool (*is_fine)(unsigned char c))
{
    for (size_t i = 0; i != value.len; ++i)
        if (!is_fine((unsigned char)value.ptr[i]))
            return false;
    return value.len != 0;
}

static bool is_of_host(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '*';
}

static bool is_visible(unsigned char c)
{
    return c > 0x20 && c < 0x7f;
}

static gw_str_t value_of(const ASN1_STRING *string)
{
    return gw_str((const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

static void add_san(reading_t *r, gw_san_kind_t kind, gw_str_t value)
{
    static const gw_certificate_text_t lists[] = {[GW_SAN_DNS] = GW_CERTIFICATE_SAN_DNS,
                                                  [GW_SAN_EMAIL] = GW_CERTIFICATE_SAN_EMAIL,
                                                  [GW_SAN_URI] = GW_CERTIFICATE_SAN_URI,
                                                  [GW_SAN_IP] = GW_CERTIFICATE_SAN_IP};

    if ((r->sans = realloc(r->sans, (r->num_sans + 1) * sizeof(*r->sans))) == NULL)
        abort();
    struct raw_san *san = &r->sans[r->num_sans++];
    *san = (struct raw_san){.kind = kind};
    put(&san->value, value.ptr, value.len);
    for (size_t i = 0; kind == GW_SAN_DNS && i != value.len; ++i)
        san->value.bytes[i] = gw_ascii_lower(value.ptr[i]);
    text_t *in[] = {&r->texts[GW_CERTIFICATE_SAN], &r->texts[lists[kind]]};
    for (size_t i = 0; i != 2; ++i) {
        if (in[i]->len != 0)
            put(in[i], ",", 1);
        put_encoded(in[i], gw_str(san->value.bytes, san->value.len), ",");
    }
}

static void add_address(reading_t *r, gw_str_t bytes)
{
    char text[INET6_ADDRSTRLEN];

    if (bytes.len != 4 && bytes.len != 16)
        return;
    if (inet_ntop(bytes.len == 4 ? AF_INET : AF_INET6, bytes.ptr, text, sizeof(text)) != NULL)
        add_san(r, GW_SAN_IP, gw_str_of(text));
}

static void read_sans(reading_t *r)
{
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(r->certificate, NID_subject_alt_name, &critical, NULL);

    r->has_too_many_sans = sk_GENERAL_NAME_num(names) > GW_CERTIFICATE_MAX_SANS;
    for (int i = 0; !r->has_too_many_sans && i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        switch (name->type) {
        case GEN_DNS:
            if (is_made_of(value_of(name->d.dNSName), is_of_host))
                add_san(r, GW_SAN_DNS, value_of(name->d.dNSName));
            break;
        case GEN_EMAIL:
            if (is_made_of(value_of(name->d.rfc822Name), is_visible))
                add_san(r, GW_SAN_EMAIL, value_of(name->d.rfc822Name));
            break;
        case GEN_URI:
            if (is_made_of(value_of(name->d.uniformResourceIdentifier), is_visible))
                add_san(r, GW_SAN_URI, value_of(name->d.uniformResourceIdentifier));
            break;
        case GEN_IPADD:
            add_address(r, value_of(name->d.iPAddress));
            break;
        default:
            break;
        }
    }
    GENERAL_NAMES_free(names);
}

/* one block of it all ---------------------------------------------------------------------------------------------- */

static gw_str_t pack(char **to, const text_t *text)
{
    gw_str_t packed = gw_str(*to, text->len);

    if (text->len != 0)
        memcpy(*to, text->bytes, text->len);
    *to += text->len;
    return packed;
}

static gw_client_certificate_t *make(const reading_t *r)
{
    size_t size = sizeof(gw_client_certificate_t) + r->num_sans * sizeof(gw_san_t) + r->common_name.len;

    for (size_t i = 0; i != GW_CERTIFICATE_NUM_TEXTS; ++i)
        size += r->texts[i].len;
    for (size_t i = 0; i != r->num_sans; ++i)
        size += r->sans[i].value.len;
    gw_client_certificate_t *made = gw_must_alloc(size, 1);
    gw_san_t *sans = (gw_san_t *)(made + 1);
    char *to = (char *)(sans + r->num_sans);
    for (size_t i = 0; i != GW_CERTIFICATE_NUM_TEXTS; ++i)
        made->texts[i] = pack(&to, &r->texts[i]);
    made->common_name = pack(&to, &r->common_name);
    for (size_t i = 0; i != r->num_sans; ++i)
        sans[i] = (gw_san_t){.kind = r->sans[i].kind, .value = pack(&to, &r->sans[i].value)};
    made->sans = sans;
    made->num_sans = r->num_sans;
    made->has_too_many_sans = r->has_too_many_sans;
    made->valid_until_s = r->valid_until_s;
    made->references = 1;
    return made;
}

gw_client_certificate_t *gw_client_certificate_create(const X509 *certificate, const STACK_OF(X509) * chain)
{
    reading_t reading = {.certificate = certificate}, *r = &reading;
    gw_client_certificate_t *made = NULL;

    if (read_serial(r) && read_bytes(r)) {
        read_name(&r->texts[GW_CERTIFICATE_SUBJECT], X509_get_subject_name(certificate));
        read_name(&r->texts[GW_CERTIFICATE_ISSUER], X509_get_issuer_name(certificate));
        read_common_name(r);
        read_times(r, chain);
        read_sans(r);
        made = make(r);
    }
    for (size_t i = 0; i != GW_CERTIFICATE_NUM_TEXTS; ++i)
        free(r->texts[i].bytes);
    free(r->common_name.bytes);
    for (size_t i = 0; i != r->num_sans; ++i)
        free(r->sans[i].value.bytes);
    free(r->sans);
    ERR_clear_error(); /* of extensions that cannot be read; libh2o looks at the queue after SSL_accept */
    return made;
}

gw_client_certificate_t *gw_client_certificate_hold(const gw_client_certificate_t *certificate)
{
    gw_client_certificate_t *held = (gw_client_certificate_t *)certificate;
    if (held != NULL)
        ++held->references;
    return held;
}

gw_client_certificate_t *gw_client_certificate_free(gw_client_certificate_t *certificate)
{
    if (certificate != NULL && --certificate->references == 0)
        free(certificate);
    return NULL;
}
