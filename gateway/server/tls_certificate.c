/* SPDX-License-Identifier: MIT
 * Reading and checking certificates. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "gateway/base/str.h"
#include "gateway/server/tls_certificate.h"

#define MAX_FILE     ((size_t)1 << 20)
#define MAX_NAME     253 /* RFC 1035 section 2.3.4, without the root's dot */
#define MIN_RSA_BITS 2048

void gw_tls_report(gw_tls_reporter_t *reporter, bool is_error, size_t index, bool is_key, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reporter->num_errors += is_error;
    reporter->on_problem(reporter->arg, is_error, index, is_key, text);
}

/* What one loading needs everywhere. */
struct loading {
    gw_tls_identity_t *identity;
    const gw_tls_certificate_t *files;
    size_t index;
    gw_tls_reporter_t *reporter;
};

#define CERTIFICATE_ERROR(l, ...)   gw_tls_report((l)->reporter, true, (l)->index, false, __VA_ARGS__)
#define CERTIFICATE_WARNING(l, ...) gw_tls_report((l)->reporter, false, (l)->index, false, __VA_ARGS__)
#define KEY_ERROR(l, ...)           gw_tls_report((l)->reporter, true, (l)->index, true, __VA_ARGS__)
#define KEY_WARNING(l, ...)         gw_tls_report((l)->reporter, false, (l)->index, true, __VA_ARGS__)

/* @return the file's bytes, to be given to free_bytes; NULL after an error */
static char *read_file(struct loading *l, bool is_key, size_t *ret_len, mode_t *ret_mode)
{
    const char *path = is_key ? l->files->key : l->files->certificate;
    char *bytes = NULL;
    size_t len = 0;
    struct stat stat;
    int fd;

#define REFUSE(...)                                                                                                    \
    do {                                                                                                               \
        gw_tls_report(l->reporter, true, l->index, is_key, __VA_ARGS__);                                               \
        goto Error;                                                                                                    \
    } while (0)

    /* O_NONBLOCK: opening a FIFO must not wait for a writer */
    if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) < 0 || fstat(fd, &stat) != 0)
        REFUSE("cannot read '%s': %s", path, strerror(errno));
    if (!S_ISREG(stat.st_mode))
        REFUSE("cannot read '%s': not a regular file", path);
    if ((bytes = OPENSSL_malloc(MAX_FILE + 1)) == NULL)
        abort();
    while (len != MAX_FILE + 1) {
        ssize_t got = read(fd, bytes + len, MAX_FILE + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            REFUSE("cannot read '%s': %s", path, strerror(errno));
        if (got == 0)
            break;
        len += (size_t)got;
    }
    if (len == MAX_FILE + 1)
        REFUSE("cannot read '%s': larger than 1 MiB", path);
    if (len == 0)
        REFUSE("'%s' is empty", path);
    close(fd);
    *ret_len = len;
    *ret_mode = stat.st_mode;
    return bytes;
Error:
    if (fd >= 0)
        close(fd);
    OPENSSL_clear_free(bytes, len);
    return NULL;
#undef REFUSE
}

/* Without this OpenSSL would ask for a passphrase on the terminal. */
static int refuse_passphrase(char *buf, int size, int is_writing, void *was_asked)
{
    *(bool *)was_asked = true;
    return -1;
}

static const char *why(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason != NULL ? reason : "unknown reason";
}

static BIO *bio_of(const char *bytes, size_t len)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int)len);

    if (bio == NULL)
        abort();
    return bio;
}

static void load_certificates(struct loading *l)
{
    gw_tls_identity_t *identity = l->identity;
    const char *path = l->files->certificate;
    bool was_asked = false;
    size_t len;
    mode_t mode;
    char *bytes;
    X509 *certificate;

    if ((bytes = read_file(l, false, &len, &mode)) == NULL)
        return;
    BIO *bio = bio_of(bytes, len);
    if ((identity->chain = sk_X509_new_null()) == NULL)
        abort();
    ERR_clear_error();
    while ((certificate = PEM_read_bio_X509(bio, NULL, refuse_passphrase, &was_asked)) != NULL) {
        if (identity->leaf == NULL)
            identity->leaf = certificate;
        else if (sk_X509_push(identity->chain, certificate) == 0)
            abort();
    }
    int reason = ERR_GET_REASON(ERR_peek_last_error());
    if (reason != PEM_R_NO_START_LINE) /* that one says that the file is over */
        CERTIFICATE_ERROR(l, "'%s': certificate %d cannot be understood: %s", path,
                          (identity->leaf != NULL) + sk_X509_num(identity->chain) + 1, why());
    else if (identity->leaf == NULL)
        CERTIFICATE_ERROR(l, "'%s' holds no certificate in PEM form%s", path,
                          bytes[0] == 0x30 ? " (it looks like DER; openssl x509 -inform der converts it)" : "");
    ERR_clear_error();
    BIO_free(bio);
    OPENSSL_free(bytes);
}

static void load_key(struct loading *l)
{
    const char *path = l->files->key;
    bool was_asked = false;
    size_t len;
    mode_t mode;
    char *bytes;

    if ((bytes = read_file(l, true, &len, &mode)) == NULL)
        return;
    BIO *bio = bio_of(bytes, len);
    l->identity->key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &was_asked);
    if (l->identity->key == NULL) {
        if (was_asked)
            KEY_ERROR(l,
                      "the key '%s' is encrypted and nobody can be asked for its passphrase (openssl pkey removes it)",
                      path);
        else
            KEY_ERROR(l, "'%s' holds no private key in PEM form", path);
    } else if ((mode & 037) != 0) {
        KEY_WARNING(l,
                    "the key '%s' can be read or written by others than its owner and the owner's group (mode %04o; "
                    "chmod 640 is enough)",
                    path, (unsigned)mode & 07777);
    }
    ERR_clear_error();
    BIO_free(bio);
    OPENSSL_clear_free(bytes, len);
}

static void check_key(struct loading *l)
{
    EVP_PKEY *key = l->identity->key;
    const char *path = l->files->key;
    char curve[64] = "";

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        l->identity->kind = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? GW_TLS_KEY_RSA : GW_TLS_KEY_RSA_PSS;
        if (EVP_PKEY_get_bits(key) < MIN_RSA_BITS)
            KEY_ERROR(l, "the RSA key '%s' has %d bits, at least %d are needed", path, EVP_PKEY_get_bits(key),
                      MIN_RSA_BITS);
        break;
    case EVP_PKEY_EC:
        l->identity->kind = GW_TLS_KEY_EC;
        EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL);
        if (strcmp(curve, "prime256v1") != 0 && strcmp(curve, "secp384r1") != 0 && strcmp(curve, "secp521r1") != 0)
            KEY_ERROR(l, "the EC key '%s' is on the curve '%s', clients know P-256, P-384 and P-521", path, curve);
        break;
    case EVP_PKEY_ED25519:
        l->identity->kind = GW_TLS_KEY_ED25519;
        break;
    case EVP_PKEY_ED448:
        l->identity->kind = GW_TLS_KEY_ED448;
        break;
    default:
        KEY_ERROR(l, "the key '%s' is of a kind that TLS does not use", path);
    }
}

static const char *format_time(const ASN1_TIME *time, char text[32])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(text, "an unknown time");
    return text;
}

static void check_chain(struct loading *l)
{
    X509 *below = l->identity->leaf;
    bool is_in_order = true;
    char text[32];

    for (int i = 0;; ++i) {
        X509 *certificate = i == 0 ? below : sk_X509_value(l->identity->chain, i - 1);
        if (X509_cmp_time(X509_get0_notAfter(certificate), NULL) < 0)
            CERTIFICATE_WARNING(l, "'%s': certificate %d expired at %s", l->files->certificate, i + 1,
                                format_time(X509_get0_notAfter(certificate), text));
        if (X509_cmp_time(X509_get0_notBefore(certificate), NULL) > 0)
            CERTIFICATE_WARNING(l, "'%s': certificate %d is not valid before %s", l->files->certificate, i + 1,
                                format_time(X509_get0_notBefore(certificate), text));
        if (i != 0 && is_in_order && X509_check_issued(certificate, below) != X509_V_OK) {
            CERTIFICATE_WARNING(l,
                                "'%s': certificate %d did not issue the one before it; clients want the server's "
                                "certificate, its issuer, the issuer's issuer, ...",
                                l->files->certificate, i + 1);
            is_in_order = false;
        }
        if (i == sk_X509_num(l->identity->chain))
            break;
        below = certificate;
    }
}

/* @return whether SNI can ask for it; `to` gets it in lower case */
static bool is_usable_name(const unsigned char *name, int len, char to[MAX_NAME + 1])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

    if (len < 1 || len > MAX_NAME)
        return false;
    for (int i = 0; i != len; ++i)
        to[i] = gw_ascii_lower((char)name[i]);
    to[len] = '\0';
    size_t wildcard = strncmp(to, "*.", 2) == 0 ? 2 : 0;
    return to[wildcard] != '\0' && to[wildcard] != '.' &&
           strspn(to + wildcard, allowed) == (size_t)len - wildcard; /* a NUL inside ends strspn early */
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_text(char ***list, size_t *num, const char *text)
{
    *list = realloc(*list, (*num + 1) * sizeof(**list));
    if (*list == NULL || ((*list)[(*num)++] = strdup(text)) == NULL)
        abort();
}

static void add_name(struct loading *l, const unsigned char *name, int len)
{
    char text[MAX_NAME + 1];

    if (is_usable_name(name, len, text)) {
        add_text(&l->identity->names, &l->identity->num_names, text);
        return;
    }
    size_t shown = 0;
    for (; (int)shown != len && shown != 64; ++shown)
        text[shown] = name[shown] > 0x20 && name[shown] < 0x7f ? (char)name[shown] : '?';
    text[shown] = '\0';
    CERTIFICATE_WARNING(l,
                        "'%s': no client can be answered by the name '%s': it is no host name, or its wildcard is not "
                        "the whole first label",
                        l->files->certificate, text);
}

static void add_common_name(struct loading *l)
{
    const X509_NAME *subject = X509_get_subject_name(l->identity->leaf);
    int at = -1, last = -1;

    CERTIFICATE_WARNING(l, "'%s' has no subjectAltName: clients will not accept it for any name (RFC 9525)",
                        l->files->certificate);
    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
        last = at;
    if (last < 0)
        return;
    const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last));
    char text[MAX_NAME + 1];
    if (is_usable_name(ASN1_STRING_get0_data(name), ASN1_STRING_length(name), text))
        add_text(&l->identity->names, &l->identity->num_names, text);
}

static void make_fingerprint(gw_tls_identity_t *identity, char **addresses, size_t num_addresses)
{
    size_t len = 1, at = 0;

    if (num_addresses != 0)
        qsort(addresses, num_addresses, sizeof(*addresses), compare_texts);
    for (size_t i = 0; i != identity->num_names; ++i)
        len += strlen(identity->names[i]) + 1;
    for (size_t i = 0; i != num_addresses; ++i)
        len += strlen(addresses[i]) + 1;
    if ((identity->fingerprint_of_names = malloc(len)) == NULL)
        abort();
    identity->fingerprint_of_names[0] = '\0';
    for (size_t i = 0; i != identity->num_names; ++i)
        at += (size_t)sprintf(identity->fingerprint_of_names + at, "%s\n", identity->names[i]);
    for (size_t i = 0; i != num_addresses; ++i)
        at += (size_t)sprintf(identity->fingerprint_of_names + at, "%s\n", addresses[i]);
}

static void collect_names(struct loading *l)
{
    gw_tls_identity_t *identity = l->identity;
    char **addresses = NULL;
    size_t num_addresses = 0, num_distinct = 0;
    int critical;
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(identity->leaf, NID_subject_alt_name, &critical, NULL);

    if (alternatives == NULL)
        add_common_name(l);
    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(alternatives, i);
        if (name->type == GEN_DNS) {
            add_name(l, ASN1_STRING_get0_data(name->d.dNSName), ASN1_STRING_length(name->d.dNSName));
        } else if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) <= 16) {
            char text[3 + 2 * 16 + 1] = "ip:";
            for (int byte = 0; byte < ASN1_STRING_length(name->d.iPAddress); ++byte)
                sprintf(text + 3 + 2 * byte, "%02x", ASN1_STRING_get0_data(name->d.iPAddress)[byte]);
            add_text(&addresses, &num_addresses, text);
        }
    }
    GENERAL_NAMES_free(alternatives);
    if (identity->num_names != 0)
        qsort(identity->names, identity->num_names, sizeof(*identity->names), compare_texts);
    for (size_t i = 0; i != identity->num_names; ++i) {
        if (num_distinct != 0 && strcmp(identity->names[num_distinct - 1], identity->names[i]) == 0)
            free(identity->names[i]);
        else
            identity->names[num_distinct++] = identity->names[i];
    }
    identity->num_names = num_distinct;
    make_fingerprint(identity, addresses, num_addresses);
    for (size_t i = 0; i != num_addresses; ++i)
        free(addresses[i]);
    free(addresses);
}

bool gw_tls_identity_load(gw_tls_identity_t *ret_identity, const gw_tls_certificate_t *files, size_t index,
                          gw_tls_reporter_t *reporter)
{
    struct loading loading = {ret_identity, files, index, reporter}, *l = &loading;
    size_t errors_before = reporter->num_errors;

    load_certificates(l);
    load_key(l);
    if (ret_identity->leaf != NULL) {
        check_chain(l);
        collect_names(l);
    }
    if (ret_identity->key != NULL)
        check_key(l);
    if (ret_identity->leaf != NULL && ret_identity->key != NULL &&
        X509_check_private_key(ret_identity->leaf, ret_identity->key) != 1)
        KEY_ERROR(l, "the key '%s' does not belong to the certificate '%s'", files->key, files->certificate);
    ERR_clear_error();
    return reporter->num_errors == errors_before;
}

void gw_tls_identity_dispose(gw_tls_identity_t *identity)
{
    X509_free(identity->leaf);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
    for (size_t i = 0; i != identity->num_names; ++i)
        free(identity->names[i]);
    free(identity->names);
    free(identity->fingerprint_of_names);
    memset(identity, 0, sizeof(*identity));
}
