/* SPDX-License-Identifier: MIT
 * The options of jwt: what is wrong with them, with the files and secrets that they name, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "filters/jwt/jwt_conf.h"
#include "tests/support/conf_files.h"

#define CONF(options)                                                                                                  \
    "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"                                                    \
    "filters: {who: {jwt: {" options "}}}\nroutes: [{path: /, service: one, filters: [who]}]\n"
/* options that are right, to stand beside those that are not */
#define KEYS  "keys: {file: ec.pem}"
#define OTHER "keys: {file: ed.pem}"

#define EC_KEY                                                                                                         \
    "-----BEGIN PUBLIC KEY-----\n"                                                                                     \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjFw70qnvVAV5z+zWBnQpZYgdXa55\n"                                               \
    "BXFYWgagVWiqLycZS51amJHHG6gOT/Sy/jF8s6MT5nm0mVdJFMJ2mKWNgQ==\n"                                                   \
    "-----END PUBLIC KEY-----\n"
#define ED_KEY                                                                                                         \
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAFHeYln2TzIww5FJDLYXQX6sE7HFZiAzLvNVL+vhbzG0=\n"                       \
    "-----END PUBLIC KEY-----\n"
#define WEAK_KEY                                                                                                       \
    "-----BEGIN PUBLIC KEY-----\n"                                                                                     \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCoRfsckQP3lpsb44JMfkxIF2j+\n"                                               \
    "mYNB7tm22+ZDMBqetKejzNqHo4BLruawE2lzsOcsMTw8TtQLMrsImCOu+XVeBzM3\n"                                               \
    "90lY+QEsmvQiNqlfXRmQESMSDc1tVej9SYwRLdI56BEXM+3qOxuMXuy1YYIi2dc6\n"                                               \
    "PPymB6WCmTJiXNjH+wIDAQAB\n"                                                                                       \
    "-----END PUBLIC KEY-----\n"
#define KOBLITZ_KEY                                                                                                    \
    "-----BEGIN PUBLIC KEY-----\n"                                                                                     \
    "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEnyTILKN1MoN9f9G2bDBr3UInZmnBok8U\n"                                               \
    "6rOBucYE3irydM2WFBBDtwktJBghYbMGtwGenywxYdQCpU7HBMkI/A==\n"                                                       \
    "-----END PUBLIC KEY-----\n"
#define PRIVATE_KEY                                                                                                    \
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIFAIHicJ+wxh0FfNaHFXxCOl8LBDTZRv044BuJx52Ymy\n"                  \
    "-----END PRIVATE KEY-----\n"
#define EC_JWK                                                                                                         \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"jFw70qnvVAV5z-zWBnQpZYgdXa55BXFYWgagVWiqLyc\","                          \
    "\"y\":\"GUudWpiRxxuoDk_0sv4xfLOjE-Z5tJlXSRTCdpiljYE\""

static const struct {
    const char *name, *content;
} files[] = {
    {"ec.pem", EC_KEY},
    {"ed.pem", ED_KEY},
    {"both.pem", EC_KEY "a comment\n" ED_KEY},
    {"poor.pem", EC_KEY WEAK_KEY KOBLITZ_KEY PRIVATE_KEY},
    {"damaged.pem", ED_KEY "-----BEGIN PUBLIC KEY-----\nMCow\n"},
    {"none.pem", "-----END-----\n"},
    {"crl.pem", "-----BEGIN X509 CRL-----\nMCowBQYDK2VwAyEAFHeY\n-----END X509 CRL-----\n"},
    {"jwks.json", "{\"keys\": [{" EC_JWK ",\"kid\":\"a\"}, {\"kty\":\"quantum\"}, 7]}"},
    {"useless.json", "{\"keys\": [{" EC_JWK ",\"use\":\"enc\"}]}"},
    {"list.json", "[]"},
    {"twice.json", "{\n  \"keys\": [],\n  \"keys\": []}"},
    {"secret", "0123456789abcdef0123456789abcdef\r\n"},
    {"short", "0123456789abcdef0123456789abcde\n"},
    {"hex", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"},
    {"base64", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd//8=\n"},
    {"denied", "# gone\njti 1\r\n\n  sub a b \nsub\n"},
    {"fine", "# gone\njti 1\r\n\n  sub a b \n"},
};

static char *folder;

static int write_files(void **state)
{
    folder = conf_folder_create();
    for (size_t i = 0; i != sizeof(files) / sizeof(files[0]); ++i) {
        char *path = conf_file_write(folder, files[i].name, files[i].content, strlen(files[i].content));
        chmod(path, 0600);
        free(path);
    }
    setenv("LONG_ENOUGH", "0123456789abcdef0123456789abcdef", 1);
    setenv("TOO_SHORT", "0123456789abcdef", 1);
    unsetenv("NOT_THERE");
    return 0;
}

static int remove_files(void **state)
{
    conf_folder_remove(folder);
    return 0;
}

static gw_snapshot_t *load(const char *yaml, char **ret_findings)
{
    gw_diag_t *diag = gw_diag_create();
    char *path = conf_file_write(folder, "t.yaml", yaml, strlen(yaml));
    gw_snapshot_t *snapshot = gw_snapshot_load(path, diag);
    *ret_findings = conf_findings(diag, folder);
    gw_diag_free(diag);
    free(path);
    return snapshot;
}

typedef struct finding_case {
    const char *about, *yaml, *expected;
} case_t;

static void find_all(const case_t *cases, size_t num)
{
    size_t num_wrong = 0;
    for (size_t i = 0; i != num; ++i) {
        char *actual;
        gw_snapshot_unref(load(cases[i].yaml, &actual));
        if (strcmp(actual, cases[i].expected) != 0) {
            print_error("case: %s\n%s", cases[i].about, actual);
            ++num_wrong;
        }
        free(actual);
    }
    assert_int_equal(num_wrong, 0);
}

static void keys_come_from_exactly_one_place(void **state)
{
    static const case_t cases[] = {
        {"a PEM file", CONF("keys: {file: both.pem, kid: a}"), ""},
        {"a list", CONF("keys: [{file: ec.pem}, {jwks_url: 'https://a/jwks.json', ca_file: ec.pem}]"), ""},
        {"nothing", CONF(""),
         "t.yaml:3:22: error: 'keys' are missing (or 'issuers')\n"
         "  hint: for example: keys: {jwks_file: certs/jwks.json}\n"},
        {"an empty list", CONF("keys: []"),
         "t.yaml:3:29: error: 'keys' has 0 entries (1..16 entries)\n"
         "  hint: where the keys come from that tokens are verified with; one mapping, or a list of them\n"},
        {"no source", CONF("keys: {kid: a}"),
         "t.yaml:3:29: error: keys come from exactly one of file, secret_file, secret_env, jwks_file and jwks_url, "
         "here are 0\n"
         "  hint: for example: keys: {jwks_file: certs/jwks.json}\n"},
        {"two sources", CONF("keys: {file: ec.pem, jwks_file: jwks.json}"),
         "t.yaml:3:29: error: keys come from exactly one of file, secret_file, secret_env, jwks_file and jwks_url, "
         "here are 2\n"
         "  hint: for example: keys: {jwks_file: certs/jwks.json}\n"},
        {"keys beside issuers", CONF("issuers: [{issuer: a, " KEYS "}], " KEYS),
         "t.yaml:3:22: error: either 'keys' or 'issuers', not both\n"
         "  hint: for example: keys: {jwks_file: certs/jwks.json}\n"},
        {"an encoding without a secret", CONF("keys: {file: ec.pem, secret_encoding: hex}"),
         "t.yaml:3:29: error: 'secret_encoding' is of use only with a secret\n"},
        {"an encoding that is none", CONF("keys: {secret_file: hex, secret_encoding: hexx}"),
         "t.yaml:3:65: error: 'hexx' is not valid for 'secret_encoding' (text, base64 or hex)\n"
         "  hint: did you mean 'hex'?\n"},
        {"a misspelt source", CONF("keys: {jwk_file: jwks.json}"),
         "t.yaml:3:30: error: unknown key 'jwk_file'\n"
         "  hint: did you mean 'jwks_file'?\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void files_of_keys_are_looked_into(void **state)
{
    static const case_t cases[] = {
        {"no such file", CONF("keys: {file: none/such}"),
         "t.yaml:3:29: error: cannot read key file 'none/such': No such file or directory\n"},
        {"a folder", CONF("keys: {jwks_file: .}"),
         "t.yaml:3:29: error: cannot read jwks_file '.': it is not a regular file\n"},
        {"keys that are too weak, of another curve, and private", CONF("keys: {file: poor.pem}"),
         "poor.pem:5:1: error: an RSA key of less than 2048 bits is too weak\n"
         "poor.pem:11:1: error: its curve is none of P-256, P-384 and P-521\n"
         "poor.pem:15:1: error: 'PRIVATE KEY': the gateway needs the public key only, and must not have this one\n"
         "  hint: openssl pkey -in PRIVATE.pem -pubout\n"},
        {"a PEM block that breaks off", CONF("keys: {file: damaged.pem}"),
         "damaged.pem:4:1: error: the PEM block is damaged\n"},
        {"no PEM", CONF("keys: {file: none.pem}"),
         "none.pem:1:1: error: there is no PEM block in it\n"
         "  hint: a file that holds '-----BEGIN PUBLIC KEY-----'\n"},
        {"PEM of something else", CONF("keys: {file: crl.pem}"),
         "crl.pem:1:1: error: 'X509 CRL': no public key or certificate that can be read\n"},
        {"a set that loses keys", CONF("keys: {jwks_file: jwks.json}"),
         "jwks.json: warning: key 2 of the set is left out: its 'kty' is none of RSA, EC, OKP and oct\n"
         "jwks.json: warning: key 3 of the set is left out: it is no object\n"},
        {"a set that loses all of them", CONF("keys: {jwks_file: useless.json}"),
         "useless.json: warning: key 1 of the set is left out: its 'use' is not 'sig'\n"
         "useless.json: error: the set has no key that tokens can be verified with\n"},
        {"JSON that is no set", CONF("keys: {jwks_file: list.json}"),
         "list.json:1:1: error: this is not a JSON Web Key Set\n"
         "  hint: {\"keys\": [...]}\n"},
        {"a set with a member twice", CONF("keys: {jwks_file: twice.json}"),
         "twice.json:3:8: error: this is not JSON, or a member is there twice\n"},
        {"PEM in place of JSON", CONF("keys: {jwks_file: ec.pem}"),
         "ec.pem:1:1: error: this is not JSON, or a member is there twice\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void secrets_are_long_enough_and_never_shown(void **state)
{
    static const case_t cases[] = {
        {"in a file, as text", CONF("keys: {secret_file: secret}"), ""},
        {"in a file, in hex", CONF("keys: {secret_file: hex, secret_encoding: hex}"), ""},
        {"in a file, in base64", CONF("keys: {secret_file: base64, secret_encoding: base64}"), ""},
        {"in a variable", CONF("keys: {secret_env: LONG_ENOUGH}"), ""},
        {"one byte short", CONF("keys: {secret_file: short}"),
         "short:1:1: error: a shared secret of less than 32 bytes is too weak\n"
         "  hint: for example the output of: openssl rand -hex 32\n"},
        {"short once it is decoded", CONF("keys: {secret_file: secret, secret_encoding: hex}"),
         "secret:1:1: error: a shared secret of less than 32 bytes is too weak\n"
         "  hint: for example the output of: openssl rand -hex 32\n"},
        {"short in a variable", CONF("keys: {secret_env: TOO_SHORT}"),
         "t.yaml:3:29: error: a shared secret of less than 32 bytes is too weak\n"
         "  hint: for example the output of: openssl rand -hex 32\n"},
        {"a variable that is not there", CONF("keys: {secret_env: NOT_THERE}"),
         "t.yaml:3:29: error: there is no variable 'NOT_THERE' in the environment\n"},
        {"no hex", CONF("keys: {secret_file: base64, secret_encoding: hex}"),
         "base64:1:1: error: the secret is not written in hex\n"},
        {"no base64", CONF("keys: {secret_file: ec.pem, secret_encoding: base64}"),
         "ec.pem:1:1: error: the secret is not written in base64\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void a_secret_that_others_may_read_is_a_warning(void **state)
{
    char path[4096];
    char *findings;
    snprintf(path, sizeof(path), "%s/secret", folder);
    chmod(path, 0644);
    gw_snapshot_t *snapshot = load(CONF("keys: {secret_file: secret}"), &findings);
    chmod(path, 0600);
    assert_non_null(snapshot);
    assert_string_equal(findings, "t.yaml:3:29: warning: secret_file 'secret' may be read or changed by others\n"
                                  "  hint: chmod 0640 or stricter\n");
    free(findings);
    gw_snapshot_unref(snapshot);
}

static void urls_are_looked_at(void **state)
{
    static const case_t cases[] = {
        {"https", CONF("keys: {jwks_url: 'https://auth.example.com/jwks.json'}"), ""},
        {"http to this machine",
         CONF(
             "keys: [{jwks_url: 'http://127.0.0.1:9/'}, {jwks_url: 'http://localhost/'}, {jwks_url: 'http://[::1]/'}]"),
         ""},
        {"http to another", CONF("keys: {jwks_url: 'http://auth.example.com/jwks.json'}"),
         "t.yaml:3:29: warning: keys that come over plain HTTP can be replaced on their way, and with them every "
         "token\n"
         "  hint: https://...\n"},
        {"http to a name that only begins like this machine's",
         CONF("keys: {jwks_url: 'http://localhost.example.com/', min_ttl: 2m}"),
         "t.yaml:3:29: warning: keys that come over plain HTTP can be replaced on their way, and with them every "
         "token\n"
         "  hint: https://...\n"},
        {"http to a name that only begins like an address", CONF("keys: {jwks_url: 'http://127.example.com/'}"),
         "t.yaml:3:29: warning: keys that come over plain HTTP can be replaced on their way, and with them every "
         "token\n"
         "  hint: https://...\n"},
        {"no URL", CONF("keys: {jwks_url: auth.example.com/jwks.json}"),
         "t.yaml:3:29: error: 'auth.example.com/jwks.json' is no URL of http or https\n"
         "  hint: for example https://auth.example.com/.well-known/jwks.json\n"},
        {"a file", CONF("keys: {jwks_url: 'file:///etc/passwd'}"),
         "t.yaml:3:29: error: 'file:///etc/passwd' is no URL of http or https\n"
         "  hint: for example https://auth.example.com/.well-known/jwks.json\n"},
        {"a user and a password", CONF("keys: {jwks_url: 'https://planted:secret@a/jwks.json'}"),
         "t.yaml:3:29: error: a URL with user and password would be seen in logs\n"
         "  hint: key sets are public: https://HOST/PATH\n"},
        {"a user and a password, to this host", CONF("keys: {jwks_url: 'http://planted:secret@127.0.0.1/'}"),
         "t.yaml:3:29: error: a URL with user and password would be seen in logs\n"
         "  hint: key sets are public: https://HOST/PATH\n"},
        {"a user", CONF("keys: {jwks_url: 'https://planted@a?x'}"),
         "t.yaml:3:29: error: a URL with user and password would be seen in logs\n"
         "  hint: key sets are public: https://HOST/PATH\n"},
        {"a user and a password, and no scheme that is known", CONF("keys: {jwks_url: 'ftp://planted:secret@a/'}"),
         "t.yaml:3:29: error: a URL with user and password would be seen in logs\n"
         "  hint: key sets are public: https://HOST/PATH\n"},
        {"a user and a password, and no scheme", CONF("keys: {jwks_url: 'planted:secret@a/jwks.json'}"),
         "t.yaml:3:29: error: a URL with user and password would be seen in logs\n"
         "  hint: key sets are public: https://HOST/PATH\n"},
        {"a user and a password, and a slash too few", CONF("keys: {jwks_url: 'https:/planted:secret@a/'}"),
         "t.yaml:3:29: error: a URL with user and password would be seen in logs\n"
         "  hint: key sets are public: https://HOST/PATH\n"},
        {"an @ in a path and a query", CONF("keys: {jwks_url: 'https://a/@tenant/jwks.json?for=me@b'}"), ""},
        {"bounds the wrong way round", CONF("keys: {jwks_url: 'https://a/', min_ttl: 2m, max_ttl: 1m}"),
         "t.yaml:3:29: error: min_ttl is longer than max_ttl\n"},
        {"times out of bounds",
         CONF("keys: {jwks_url: 'https://a/', timeout: 5ms, min_ttl: 0s, max_ttl: 200h, min_interval: 50ms}"),
         "t.yaml:3:63: error: '5ms' is not valid for 'timeout' (10ms..1m)\n"
         "  hint: how long a fetch may take, and a request may wait for it\n"
         "t.yaml:3:77: error: '0s' is not valid for 'min_ttl' (1s..24h)\n"
         "  hint: keys are fetched again after that time at the soonest, whatever their server says\n"
         "t.yaml:3:90: error: '200h' is not valid for 'max_ttl' (1s..168h)\n"
         "  hint: keys are fetched again after that time at the latest\n"
         "t.yaml:3:110: error: '50ms' is not valid for 'min_interval' (100ms..1h)\n"
         "  hint: time between two fetches, also when tokens name unknown keys or fetches fail\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void issuers_are_told_apart(void **state)
{
    static const case_t cases[] = {
        {"two", CONF("issuers: [{issuer: a, " KEYS "}, {issuer: b, " OTHER "}]"), ""},
        {"one without a name", CONF("issuers: [{" KEYS "}]"), ""},
        {"two of which one has no name", CONF("issuers: [{issuer: a, " KEYS "}, {" OTHER "}]"),
         "t.yaml:3:68: error: one of several issuers needs 'issuer'\n"},
        {"one twice", CONF("issuers: [{issuer: a, " KEYS "}, {issuer: a, " OTHER "}]"),
         "t.yaml:3:68: error: issuer 'a' is there twice\n"
         "  hint: list all of its keys in one place\n"},
        {"one without keys", CONF("issuers: [{issuer: a}]"),
         "t.yaml:3:33: error: required key 'keys' is missing\n"
         "  hint: where the keys come from that tokens are verified with; one mapping, or a list of them\n"},
        {"an audience beside them", CONF("issuers: [{issuer: a, " KEYS "}], audience: b"),
         "t.yaml:3:22: error: with 'issuers', 'issuer', 'audience' and 'algorithms' belong into each of them\n"},
        {"an empty audience", CONF("audience: [a, ''], " KEYS), "t.yaml:3:37: error: an audience must not be empty\n"},
        {"algorithms that are none", CONF("algorithms: [ES256, none, RS265, hs256], " KEYS),
         "t.yaml:3:43: error: there is no algorithm 'none'\n"
         "  hint: known algorithms: HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, "
         "ES512, EdDSA\n"
         "t.yaml:3:49: error: there is no algorithm 'RS265'\n"
         "  hint: did you mean 'RS256'?\n"
         "t.yaml:3:56: error: there is no algorithm 'hs256'\n"
         "  hint: did you mean 'HS256'?\n"},
        {"algorithms for other keys", CONF("algorithms: [HS256, RS256], keys: [{file: ec.pem}, {secret_file: secret}]"),
         "t.yaml:3:58: error: none of these keys can be used with 'algorithms'\n"},
        {"another name of an algorithm", CONF("algorithms: Ed25519, " OTHER), ""},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void what_is_required_is_read(void **state)
{
    static const case_t cases[] = {
        {"all forms", CONF("require: {scope: [a, b], roles: {all: [c]}, x.y: {any: d}, n: 7}, " KEYS), ""},
        {"nothing", CONF("require: , " KEYS), ""},
        {"a text", CONF("require: admin, " KEYS),
         "t.yaml:3:32: error: 'require' must be a mapping of claims to a text, a list, {any: [...]} or {all: [...]}, "
         "at most 32\n"
         "  hint: for example: require: {scope: [calc], roles: {any: [admin]}}\n"},
        {"a mapping of neither", CONF("require: {roles: {some: [a]}}, " KEYS),
         "t.yaml:3:40: error: 'roles' must be a text, a list, {any: [...]} or {all: [...]}\n"
         "  hint: for example: roles: {any: [admin, operator]}\n"},
        {"a mapping of both", CONF("require: {roles: {any: [a], all: [b]}}, " KEYS),
         "t.yaml:3:40: error: 'roles' must be a text, a list, {any: [...]} or {all: [...]}\n"
         "  hint: for example: roles: {any: [admin, operator]}\n"},
        {"no values", CONF("require: {roles: []}, " KEYS),
         "t.yaml:3:40: error: 'require' has 0 entries (1..100 entries)\n"},
        {"an empty value", CONF("require: {roles: [a, '']}, " KEYS),
         "t.yaml:3:44: error: a value that is required must not be empty\n"},
        {"no name", CONF("require: {'': a}, " KEYS), "t.yaml:3:33: error: the name of a claim must not be empty\n"},
        {"scopes that no challenge can quote", CONF("require: {scope: ['a b', 'a\"', 'é']}, " KEYS),
         "t.yaml:3:41: error: 'a b' is no scope\n"
         "  hint: printable ASCII without spaces, '\"' and '\\'\n"
         "t.yaml:3:48: error: 'a\"' is no scope\n"
         "  hint: printable ASCII without spaces, '\"' and '\\'\n"
         "t.yaml:3:54: error: 'é' is no scope\n"
         "  hint: printable ASCII without spaces, '\"' and '\\'\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void places_and_fields_are_looked_at(void **state)
{
    static const case_t cases[] = {
        {"all places", CONF("from: [header:X-Token, 'cookie:t', 'query:access_token'], " KEYS), ""},
        {"places that are none", CONF("from: [Authorization, 'header:', principal, client_address], " KEYS),
         "t.yaml:3:30: error: 'Authorization' is no place for a token\n"
         "  hint: header:NAME, cookie:NAME or query:NAME\n"
         "t.yaml:3:45: error: 'header:' is no place for a token\n"
         "  hint: header:NAME, cookie:NAME or query:NAME\n"
         "t.yaml:3:56: error: 'principal' is no place for a token\n"
         "  hint: header:NAME, cookie:NAME or query:NAME\n"
         "t.yaml:3:67: error: 'client_address' is no place for a token\n"
         "  hint: header:NAME, cookie:NAME or query:NAME\n"},
        {"no place", CONF("from: [], " KEYS),
         "t.yaml:3:29: error: 'from' has 0 entries (1..8 entries)\n"
         "  hint: where a token may stand: header:NAME, cookie:NAME, and query:NAME for those who must; in more than "
         "one place it is refused\n"},
        {"fields that are none, taken or not ours",
         CONF("forward: {sub: X-A, a: x-a, b: 'X B', c: Host}, forward_payload: Connection, " KEYS),
         "t.yaml:3:22: error: the field 'connection' belongs to the gateway\n"
         "  hint: for example: X-User\n"
         "t.yaml:3:46: error: the field 'x-a' is already taken by 'sub'\n"
         "t.yaml:3:54: error: 'X B' is not a field name\n"
         "  hint: letters, digits and any of !#$%&'*+-.^_`|~\n"
         "t.yaml:3:64: error: the field 'host' belongs to the gateway\n"
         "  hint: for example: X-User\n"},
        {"fields that the token comes from",
         CONF("from: [header:X-Token, cookie:c], forward: {sub: X-Token, a: c}, forward_payload: X_Token, " KEYS),
         "t.yaml:3:22: error: the field 'x_token' is where the credential comes from: it would be removed before it is "
         "read\n  hint: for example: X-User\n"
         "t.yaml:3:22: error: the field 'x_token' is already taken by 'sub'\n"
         "t.yaml:3:72: error: the field 'x-token' is where the credential comes from: it would be removed before it is "
         "read\n  hint: for example: X-User\n"},
        {"a realm that breaks out of its quotes", CONF("realm: 'a\"b', " KEYS),
         "t.yaml:3:22: error: 'realm' takes printable ASCII without '\"' and '\\'\n"},
        {"a deny file that is not there", CONF("deny_file: none, " KEYS),
         "t.yaml:3:22: error: cannot read deny_file 'none': No such file or directory\n"},
        {"a deny file with a line that is none", CONF("deny_file: denied, " KEYS),
         "denied:5:1: error: a line must be 'jti VALUE' or 'sub VALUE'\n"
         "  hint: for example: jti 6ba7b810-9dad-11d1\n"},
        {"a deny file", CONF("deny_file: fine, " KEYS), ""},
        {"sizes and times out of bounds", CONF("max_length: 100, leeway: 11m, cache_size: 5GiB, " KEYS),
         "t.yaml:3:35: error: '100' is not valid for 'max_length' (256B..64KiB)\n"
         "  hint: a size without a unit counts bytes\n"
         "t.yaml:3:48: error: '11m' is not valid for 'leeway' (0s..10m)\n"
         "  hint: how far clocks may be apart when exp, nbf and iat are looked at\n"
         "t.yaml:3:65: error: '5GiB' is not valid for 'cache_size' (0B..4GiB)\n"
         "  hint: memory for verified tokens, for each worker; 0B verifies every time\n"},
        {"a misspelt key", CONF("audiences: a, " KEYS),
         "t.yaml:3:23: error: unknown key 'audiences'\n"
         "  hint: did you mean 'audience'?\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void what_is_printed_reads_the_same_and_holds_no_secret(void **state)
{
    static const char yaml[] = CONF("issuers: [{issuer: a, audience: [b, c], algorithms: [HS256], keys: {secret_env: "
                                    "LONG_ENOUGH}}, {issuer: d, keys: [{file: ec.pem}, {secret_file: hex, "
                                    "secret_encoding: hex}, {jwks_url: 'https://a/', max_ttl: 2h}]}], from: "
                                    "['cookie:t', 'query:q'], require: {scope: s, x.roles: {all: [e, f]}}, "
                                    "forward: {sub: X-User}, deny_file: fine");
    char *findings, *printed, *again;
    gw_snapshot_t *snapshot = load(yaml, &findings);
    assert_string_equal(findings, "");
    free(findings);
    printed = conf_printed(snapshot);
    gw_snapshot_unref(snapshot);
    assert_null(strstr(printed, "0123456789abcdef"));
    assert_null(strstr(printed, "000102030405"));
    assert_non_null(strstr(printed, "secret_env: LONG_ENOUGH\n"));
    assert_non_null(strstr(printed, "require:\n        scope:\n          all:\n            - s\n        x.roles:\n"));
    snapshot = load(printed, &findings);
    assert_string_equal(findings, "");
    free(findings);
    again = conf_printed(snapshot);
    gw_snapshot_unref(snapshot);
    assert_string_equal(printed, again);
    free(printed);
    free(again);
}

static void parameters_that_carry_tokens_stay_out_of_the_log(void **state)
{
    char *findings;
    gw_snapshot_t *snapshot = load(CONF("from: [header:a, 'query:Bearer', 'cookie:c'], " KEYS), &findings);
    assert_string_equal(findings, "");
    assert_int_equal(snapshot->secret_parameters.size, 1);
    assert_true(gw_str_equal(snapshot->secret_parameters.entries[0], GW_STR("bearer")));
    gw_snapshot_unref(snapshot);
    free(findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_from_exactly_one_place),
        cmocka_unit_test(files_of_keys_are_looked_into),
        cmocka_unit_test(secrets_are_long_enough_and_never_shown),
        cmocka_unit_test(a_secret_that_others_may_read_is_a_warning),
        cmocka_unit_test(urls_are_looked_at),
        cmocka_unit_test(issuers_are_told_apart),
        cmocka_unit_test(what_is_required_is_read),
        cmocka_unit_test(places_and_fields_are_looked_at),
        cmocka_unit_test(what_is_printed_reads_the_same_and_holds_no_secret),
        cmocka_unit_test(parameters_that_carry_tokens_stay_out_of_the_log),
    };
    return cmocka_run_group_tests_name("jwt conf", tests, write_files, remove_files);
}
