/* SPDX-License-Identifier: MIT
 * Where keys come from, as the conf says it: the rows of `keys`, and how their files are read. */
#include <stdlib.h>
#include <openssl/crypto.h>
#include "filters/jwt/deny.h"
#include "filters/jwt/source_conf.h"
#include "gateway/base/base64url.h"

enum { kib = 1024, mib = 1024 * kib, longest_secret = 4096 };

/* how files are read ----------------------------------------------------------------------------------------------- */

static void free_keys(void *set)
{
    gw_jwt_keys_free(set);
}

static void free_denied(void *list)
{
    gw_jwt_deny_free(list);
}

static void *parse_pem(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return gw_jwt_keys_parse_pem(content, path, diag);
}

static void *parse_jwks(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return gw_jwt_keys_parse_jwks(content, path, false, diag);
}

static void *parse_public_jwks(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return gw_jwt_keys_parse_jwks(content, path, true, diag);
}

static void *parse_deny(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return gw_jwt_deny_parse(content, path, diag);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_hex(uint8_t *to, size_t *ret_len, gw_str_t text)
{
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i / 2] = (uint8_t)(high << 4 | low);
    }
    *ret_len = text.len / 2;
    return text.len % 2 == 0;
}

/** Both alphabets, with padding or without: this is for people. */
static bool decode_base64(uint8_t *to, size_t *ret_len, gw_str_t text)
{
    char plain[longest_secret];
    while (text.len != 0 && text.ptr[text.len - 1] == '=')
        --text.len;
    if (text.len > sizeof(plain))
        return false;
    for (size_t i = 0; i != text.len; ++i)
        plain[i] = text.ptr[i] == '+' ? '-' : text.ptr[i] == '/' ? '_' : text.ptr[i];
    bool is_good = gw_base64url_decode(to, ret_len, gw_str(plain, text.len));
    OPENSSL_cleanse(plain, sizeof(plain));
    return is_good;
}

static gw_jwt_key_set_t *make_secret(gw_str_t text, gw_jwt_encoding_t encoding, gw_mark_t at, gw_diag_t *diag)
{
    uint8_t bytes[longest_secret];
    gw_jwt_key_set_t *set = NULL;
    size_t len = text.len;
    while (text.len != 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        len = --text.len; /* what an editor adds */
    if (text.len > sizeof(bytes)) {
        gw_diag_error(diag, at, NULL, "the secret is longer than %d bytes", longest_secret);
        return NULL;
    }
    if (encoding == GW_JWT_TEXT)
        memcpy(bytes, text.ptr, text.len);
    else if (!(encoding == GW_JWT_HEX ? decode_hex : decode_base64)(bytes, &len, text))
        gw_diag_error(diag, at, NULL, "the secret is not written in %s", encoding == GW_JWT_HEX ? "hex" : "base64");
    else
        encoding = GW_JWT_TEXT; /* it is decoded */
    if (encoding == GW_JWT_TEXT)
        set = gw_jwt_keys_from_secret(bytes, len, at, diag);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return set;
}

static void *parse_text(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return make_secret(content, GW_JWT_TEXT, (gw_mark_t){path, 1, 1}, diag);
}

static void *parse_base64(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return make_secret(content, GW_JWT_BASE64, (gw_mark_t){path, 1, 1}, diag);
}

static void *parse_hex(gw_str_t content, const char *path, gw_diag_t *diag)
{
    return make_secret(content, GW_JWT_HEX, (gw_mark_t){path, 1, 1}, diag);
}

static const gw_file_class_t pem_class = {
    .what = "key file", .max_bytes = mib, .parse = parse_pem, .free_value = free_keys};
static const gw_file_class_t jwks_class = {
    .what = "jwks_file", .max_bytes = mib, .parse = parse_jwks, .free_value = free_keys};
static const gw_file_class_t secret_classes[] = {
    [GW_JWT_TEXT] = {"secret_file", 2 * longest_secret, true, parse_text, free_keys},
    [GW_JWT_BASE64] = {"secret_file", 2 * longest_secret, true, parse_base64, free_keys},
    [GW_JWT_HEX] = {"secret_file", 2 * longest_secret, true, parse_hex, free_keys},
};
const gw_file_class_t gw_jwt_url_class = {
    .what = "jwks_url", .max_bytes = 256 * kib, .parse = parse_public_jwks, .free_value = free_keys};
const gw_file_class_t gw_jwt_deny_class = {
    .what = "deny_file", .max_bytes = 64 * mib, .parse = parse_deny, .free_value = free_denied};

const gw_file_class_t *gw_jwt_file_class(const gw_jwt_source_conf_t *source)
{
    return source->pem_file != NULL    ? &pem_class
           : source->jwks_file != NULL ? &jwks_class
                                       : &secret_classes[source->secret_encoding];
}

/* keys ------------------------------------------------------------------------------------------------------------- */

/** @param rest of a URL, from the host on */
static bool is_of_this_host(gw_str_t rest)
{
    gw_str_t host = gw_str(rest.ptr, strcspn(rest.ptr, *rest.ptr == '[' ? "/?#" : ":/?#"));
    if (gw_str_equal(host, GW_STR("localhost")) || gw_str_equal(host, GW_STR("[::1]")) ||
        gw_str_starts_with(host, GW_STR("[::1]:")))
        return true;
    for (size_t i = 0; i != host.len; ++i) /* 127.example.com is a name */
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false;
    return gw_str_starts_with(host, GW_STR("127."));
}

static void check_url(struct gw_conf_reader *reader, gw_jwt_source_conf_t *source, gw_mark_t at)
{
    gw_str_t url = gw_str_of(source->jwks_url), http = GW_STR("http://");
    bool is_plain = gw_str_starts_with(url, http);
    source->fetch.url = source->jwks_url;
    source->fetch.at = at;
    bool is_http = is_plain || gw_str_starts_with(url, GW_STR("https://"));
    const char *host = is_http ? strstr(source->jwks_url, "//") + 2 : source->jwks_url;
    if (memchr(host, '@', is_http ? strcspn(host, "/?#") : url.len) != NULL) { /* first: the other message quotes it */
        gw_diag_error(reader->diag, at, "key sets are public: https://HOST/PATH",
                      "a URL with user and password would be seen in logs");
        return;
    }
    if (!is_http) {
        gw_diag_error(reader->diag, at, "for example https://auth.example.com/.well-known/jwks.json",
                      "'%s' is no URL of http or https", source->jwks_url);
        return;
    }
    if (is_plain && !is_of_this_host(gw_str(url.ptr + http.len, url.len - http.len)))
        gw_diag_warning(reader->diag, at, "https://...",
                        "keys that come over plain HTTP can be replaced on their way, and with them every token");
    if (source->fetch.min_ttl > source->fetch.max_ttl)
        gw_diag_error(reader->diag, at, NULL, "min_ttl is longer than max_ttl");
}

static void check_source(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_jwt_source_conf_t *source = value;
    const char *file = source->pem_file != NULL      ? source->pem_file
                       : source->secret_file != NULL ? source->secret_file
                                                     : source->jwks_file;
    int num = (source->pem_file != NULL) + (source->secret_file != NULL) + (source->secret_env != NULL) +
              (source->jwks_file != NULL) + (source->jwks_url != NULL);
    if (num != 1) {
        gw_diag_error(reader->diag, at, "for example: keys: {jwks_file: certs/jwks.json}",
                      "keys come from exactly one of file, secret_file, secret_env, jwks_file and jwks_url, here are "
                      "%d",
                      num);
        return;
    }
    if (source->secret_encoding != GW_JWT_TEXT && source->secret_file == NULL && source->secret_env == NULL)
        gw_diag_error(reader->diag, at, NULL, "'secret_encoding' is of use only with a secret");
    if (source->jwks_url != NULL) {
        check_url(reader, source, at);
    } else if (file != NULL) {
        gw_file_load(&source->seed, file, gw_jwt_file_class(source), reader->diag, at);
    } else {
        const char *secret = getenv(source->secret_env);
        gw_jwt_key_set_t *set = NULL;
        if (secret == NULL)
            gw_diag_error(reader->diag, at, NULL, "there is no variable '%s' in the environment", source->secret_env);
        else
            set = make_secret(gw_str_of(secret), (gw_jwt_encoding_t)source->secret_encoding, at, reader->diag);
        source->fixed = set != NULL ? gw_version_create(set, free_keys) : NULL;
    }
}

static const char *const encoding_words[] = {
    [GW_JWT_TEXT] = "text", [GW_JWT_BASE64] = "base64", [GW_JWT_HEX] = "hex", NULL};

static const gw_field_t source_fields[] = {
    {.key = "file",
     .type = GW_PATH,
     .offset = offsetof(gw_jwt_source_conf_t, pem_file),
     .meaning = "PEM file with public keys or certificates; watched"},
    {.key = "secret_file",
     .type = GW_PATH,
     .offset = offsetof(gw_jwt_source_conf_t, secret_file),
     .meaning = "file that holds a shared secret for HS256, HS384 and HS512; watched"},
    {.key = "secret_env",
     .type = GW_STRING,
     .offset = offsetof(gw_jwt_source_conf_t, secret_env),
     .min = 1,
     .max = 256,
     .meaning = "variable of the environment that holds a shared secret"},
    {.key = "secret_encoding",
     .type = GW_ENUM,
     .offset = offsetof(gw_jwt_source_conf_t, secret_encoding),
     .words = encoding_words,
     .def = "text",
     .meaning = "how the secret is written: its bytes as they are, or encoded"},
    {.key = "jwks_file",
     .type = GW_PATH,
     .offset = offsetof(gw_jwt_source_conf_t, jwks_file),
     .meaning = "file with a JSON Web Key Set; watched"},
    {.key = "jwks_url",
     .type = GW_STRING,
     .offset = offsetof(gw_jwt_source_conf_t, jwks_url),
     .min = 8,
     .max = 2000,
     .meaning = "URL of a JSON Web Key Set, which is fetched and kept fresh"},
    {.key = "kid",
     .type = GW_STRING,
     .offset = offsetof(gw_jwt_source_conf_t, kid),
     .min = 1,
     .max = 256,
     .def_text = "their own",
     .meaning = "what these keys are called in the 'kid' of tokens"},
    GW_FETCH_FIELDS(offsetof(gw_jwt_source_conf_t, fetch)),
    {.key = NULL},
};

const gw_section_t gw_jwt_source_section = {.name = "keys",
                                            .fields = source_fields,
                                            .size = sizeof(gw_jwt_source_conf_t),
                                            .mark_offset = offsetof(gw_jwt_source_conf_t, at),
                                            .check = check_source};
