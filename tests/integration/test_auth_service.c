/* SPDX-License-Identifier: MIT
 * The demo's token service: its tokens verify against its keys, also while these change, and it refuses as RFC 6749
 * says. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include "tests/support/gateway.h"
#include "tests/support/jws.h"

#define FORM_TYPE   "Content-Type: application/x-www-form-urlencoded"
#define DEMO        "Authorization: Basic ZGVtbzpkZW1vLXNlY3JldA==" /* demo:demo-secret */
#define ALONE       "grant_type=client_credentials"
#define ISSUER      "http://gateway.example/auth"
#define MAX_OPTIONS 10

typedef struct service {
    process_t *process;
    gateway_t at; /* only the port counts */
} service_t;

/** @param options NULL-terminated, at most MAX_OPTIONS */
static process_t *run(const char *const *options)
{
    const char *program = getenv("SLUICE_DEMO") != NULL ? getenv("SLUICE_DEMO") : "backends/sluice-demo";
    const char *argv[5 + MAX_OPTIONS] = {program, "auth", "--listen", "127.0.0.1:0"};
    for (size_t i = 0; options[i] != NULL; ++i)
        argv[4 + i] = options[i];
    return process_start(argv);
}

static service_t start(const char *const *options)
{
    service_t service = {.process = run(options)};
    char *line = process_wait_for(service.process, "listening on ", 1);
    service.at.ports[0] = atoi(strrchr(line, ':') + 1);
    free(line);
    return service;
}

static void stop(service_t *service)
{
    process_signal(service->process, SIGTERM);
    assert_int_equal(process_end(service->process), 0);
}

static reply_t ask(const service_t *service, const char *authorization, const char *form)
{
    const char *const headers[] = {FORM_TYPE, authorization, NULL};
    return fetch(&service->at, OVER_HTTP1,
                 &(request_t){.method = "POST", .path = "/token", .headers = headers, .body = form});
}

static json_t *read_json(reply_t *reply, int status)
{
    if (reply->status != status)
        fail_msg("%d instead of %d: %s", reply->status, status, reply->body);
    json_t *json = json_loads(reply->body, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    reply_free(reply);
    return json;
}

static json_t *read_keys(const service_t *service)
{
    reply_t reply = fetch_path(&service->at, OVER_HTTP1, "/.well-known/jwks.json");
    return read_json(&reply, 200);
}

static char *get_token(const service_t *service, const char *form)
{
    reply_t reply = ask(service, DEMO, form);
    json_t *answer = read_json(&reply, 200);
    char *token = strdup(json_string_value(json_object_get(answer, "access_token")));
    json_decref(answer);
    return token;
}

static const char *text_of(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text != NULL ? text : "(none)";
}

/** Whether the set has the key that the token names, and that key verifies it. */
static bool is_good(const json_t *keys, const char *token)
{
    EVP_PKEY *key = jwks_key(keys, token);
    bool result = key != NULL && jws_verifies(token, key, NULL);
    EVP_PKEY_free(key);
    return result;
}

static void tokens_of_each_algorithm_verify_against_the_key_set(void **state)
{
    static const char *const algorithms[] = {"RS256", "ES256", "EdDSA"};
    for (size_t i = 0; i != 3; ++i) {
        service_t service = start((const char *[]){"--algorithm", algorithms[i], "--issuer", ISSUER, "--audience",
                                                   "calculator", "--lifetime", "90s", NULL});
        int64_t before = time(NULL);
        reply_t reply = ask(&service, DEMO, "grant_type=password&username=alice&password=alice&scope=calc");
        json_t *answer = read_json(&reply, 200), *keys = read_keys(&service);
        const char *token = text_of(answer, "access_token");
        assert_string_equal(text_of(answer, "token_type"), "Bearer");
        assert_string_equal(text_of(answer, "scope"), "calc");
        assert_int_equal(json_integer_value(json_object_get(answer, "expires_in")), 90);
        assert_int_equal(json_array_size(json_object_get(keys, "keys")), 1);
        assert_true(is_good(keys, token));

        json_t *header = jws_part(token, 0), *claims = jws_part(token, 1);
        assert_string_equal(text_of(header, "alg"), algorithms[i]);
        assert_string_equal(text_of(header, "typ"), "at+jwt");
        assert_string_equal(text_of(claims, "iss"), ISSUER);
        assert_string_equal(text_of(claims, "aud"), "calculator");
        assert_string_equal(text_of(claims, "sub"), "alice");
        assert_string_equal(text_of(claims, "client_id"), "demo");
        assert_string_equal(json_string_value(json_array_get(json_object_get(claims, "roles"), 0)), "admin");
        int64_t issued = json_integer_value(json_object_get(claims, "iat"));
        assert_true(issued >= before && issued <= time(NULL));
        assert_int_equal(json_integer_value(json_object_get(claims, "exp")), issued + 90);
        json_decref(header);
        json_decref(claims);
        json_decref(keys);
        json_decref(answer);
        stop(&service);
    }
}

static void no_two_tokens_are_the_same(void **state)
{
    service_t service = start((const char *[]){"--algorithm", "EdDSA", NULL});
    char *first = get_token(&service, ALONE), *second = get_token(&service, ALONE);
    json_t *one = jws_part(first, 1), *other = jws_part(second, 1);
    assert_string_not_equal(text_of(one, "jti"), text_of(other, "jti"));
    assert_int_equal(strlen(text_of(one, "jti")), 22); /* 128 bits */
    json_decref(one);
    json_decref(other);
    free(first);
    free(second);
    stop(&service);
}

static void every_refusal_has_the_status_and_the_code_of_RFC_6749(void **state)
{
    static const struct {
        const char *about, *authorization, *form;
        int status;
        const char *error;
    } cases[] = {
        {"no grant_type", DEMO, "scope=calc", 400, "invalid_request"},
        {"no client", NULL, ALONE, 401, "invalid_client"},
        {"a wrong secret", "Authorization: Basic ZGVtbzpkZW1v", ALONE, 401, "invalid_client"},
        {"a wrong secret in the body", NULL, ALONE "&client_id=demo&client_secret=demo", 401, "invalid_client"},
        {"a wrong password", DEMO, "grant_type=password&username=alice&password=bob", 400, "invalid_grant"},
        {"a client that may not", NULL, ALONE "&client_id=app", 400, "unauthorized_client"},
        {"another grant", DEMO, "grant_type=refresh_token&refresh_token=x", 400, "unsupported_grant_type"},
        {"more than allowed", DEMO, "grant_type=password&username=bob&password=bob&scope=calc", 400, "invalid_scope"},
    };
    service_t service = start((const char *[]){"--algorithm", "ES256", NULL});
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        print_message("%s\n", cases[i].about);
        reply_t reply = ask(&service, cases[i].authorization, cases[i].form);
        char *challenge = reply_field(&reply, "WWW-Authenticate"), *type = reply_field(&reply, "Content-Type"),
             *cache = reply_field(&reply, "Cache-Control");
        assert_string_equal(type, "application/json");
        assert_string_equal(cache, "no-store");
        if (cases[i].status == 401)
            assert_string_equal(challenge, "Basic realm=\"token\", charset=\"UTF-8\"");
        else
            assert_null(challenge);
        json_t *answer = read_json(&reply, cases[i].status);
        assert_string_equal(text_of(answer, "error"), cases[i].error);
        assert_null(json_object_get(answer, "access_token"));
        json_decref(answer);
        free(challenge);
        free(type);
        free(cache);
    }
    stop(&service);
}

static void an_answer_with_a_token_is_not_to_be_kept(void **state)
{
    service_t service = start((const char *[]){"--algorithm", "ES256", NULL});
    reply_t reply = ask(&service, DEMO, ALONE);
    char *cache = reply_field(&reply, "Cache-Control"), *pragma = reply_field(&reply, "Pragma");
    assert_string_equal(cache, "no-store");
    assert_string_equal(pragma, "no-cache");
    free(cache);
    free(pragma);
    reply_free(&reply);
    stop(&service);
}

static void tokens_are_asked_for_with_POST_only(void **state)
{
    service_t service = start((const char *[]){"--algorithm", "ES256", NULL});
    reply_t reply = fetch_path(&service.at, OVER_HTTP1, "/token?" ALONE);
    char *allow = reply_field(&reply, "Allow");
    assert_int_equal(reply.status, 405);
    assert_string_equal(allow, "POST");
    free(allow);
    reply_free(&reply);
    stop(&service);
}

static void keys_can_be_kept_for_a_while_and_asked_for_again(void **state)
{
    service_t service = start((const char *[]){"--algorithm", "ES256", NULL});
    reply_t reply = fetch_path(&service.at, OVER_HTTP1, "/.well-known/jwks.json");
    char *cache = reply_field(&reply, "Cache-Control"), *etag = reply_field(&reply, "ETag"),
         *type = reply_field(&reply, "Content-Type"), header[128];
    assert_string_equal(cache, "max-age=60");
    assert_string_equal(type, "application/jwk-set+json");
    snprintf(header, sizeof(header), "If-None-Match: %s", etag);
    reply_free(&reply);
    const char *const headers[] = {header, NULL};
    request_t again = {.path = "/.well-known/jwks.json", .headers = headers};
    reply = fetch(&service.at, OVER_HTTP1, &again);
    assert_int_equal(reply.status, 304);
    reply_free(&reply);
    process_signal(service.process, SIGHUP);
    free(process_wait_for(service.process, "tokens are signed with the key ", 1));
    reply = fetch(&service.at, OVER_HTTP1, &again);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    free(cache);
    free(etag);
    free(type);
    stop(&service);
}

static void the_service_describes_itself_where_its_issuer_says(void **state)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/.well-known/oauth-authorization-server", 200},
        {"/.well-known/oauth-authorization-server/auth", 200},
        {"/.well-known/oauth-authorization-server/", 404},
        {"/.well-known/oauth-authorization-server/other", 404},
        {"/.well-known/jwks.json/auth", 404},
        {"/", 404},
    };
    service_t service = start((const char *[]){"--algorithm", "ES256", "--issuer", ISSUER, NULL});
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        reply_t reply = fetch_path(&service.at, OVER_HTTP1, cases[i].path);
        json_t *answer = read_json(&reply, cases[i].status);
        if (cases[i].status == 200) {
            assert_string_equal(text_of(answer, "issuer"), ISSUER);
            assert_string_equal(text_of(answer, "token_endpoint"), ISSUER "/token");
            assert_string_equal(text_of(answer, "jwks_uri"), ISSUER "/.well-known/jwks.json");
        }
        json_decref(answer);
    }
    stop(&service);
}

static void an_issuer_that_is_not_given_is_where_it_listens(void **state)
{
    service_t service = start((const char *[]){"--algorithm", "ES256", NULL});
    char *token = get_token(&service, ALONE), issuer[64];
    json_t *claims = jws_part(token, 1);
    snprintf(issuer, sizeof(issuer), "http://127.0.0.1:%d", service.at.ports[0]);
    assert_string_equal(text_of(claims, "iss"), issuer);
    json_decref(claims);
    free(token);
    stop(&service);
}

/** Asks again and again until the set has that many keys. */
static json_t *wait_for_keys(const service_t *service, size_t num)
{
    time_t begin = time(NULL);
    for (;;) {
        json_t *keys = read_keys(service);
        if (json_array_size(json_object_get(keys, "keys")) == num)
            return keys;
        json_decref(keys);
        assert_true(time(NULL) - begin < DEADLINE_MS / 1000);
        poll(NULL, 0, 10); /* gives the processor away; the deadline decides, not this */
    }
}

static void after_SIGHUP_another_key_signs_and_the_old_one_stays_as_long_as_it_is_needed(void **state)
{
    service_t service = start((const char *[]){"--lifetime", "3s", NULL});
    char *old = get_token(&service, ALONE);
    json_t *claims = jws_part(old, 1);
    int64_t expires = json_integer_value(json_object_get(claims, "exp"));
    process_signal(service.process, SIGHUP);
    char *line = process_wait_for(service.process, "tokens are signed with the key ", 1);
    char *new = get_token(&service, ALONE);
    json_t *header = jws_part(new, 0), *keys = read_keys(&service);
    assert_non_null(strstr(line, text_of(header, "kid")));
    assert_true(is_good(keys, new));
    if (time(NULL) < expires) /* else the machine was slow, and it may be gone */
        assert_true(is_good(keys, old));
    json_decref(keys);
    keys = wait_for_keys(&service, 1);
    assert_true(time(NULL) >= expires);
    assert_true(is_good(keys, new));
    assert_false(is_good(keys, old));
    json_decref(keys);
    json_decref(header);
    json_decref(claims);
    free(line);
    free(old);
    free(new);
    stop(&service);
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static void a_key_of_a_file_is_read_again_at_SIGHUP(void **state)
{
    char path[] = "/tmp/sluice-test-key-XXXXXX";
    close(mkstemp(path));
    EVP_PKEY *first = EVP_EC_gen("P-256"), *second = EVP_EC_gen("P-256");
    write_key(path, first);
    service_t service = start((const char *[]){"--algorithm", "ES256", "--key", path, NULL});
    char *token = get_token(&service, ALONE);
    assert_true(jws_verifies(token, first, NULL));
    free(token);
    process_signal(service.process, SIGHUP);
    free(process_wait_for(service.process, "the file still holds the key ", 1));
    write_key(path, second);
    process_signal(service.process, SIGHUP);
    free(process_wait_for(service.process, "tokens are signed with the key ", 1));
    token = get_token(&service, ALONE);
    assert_true(jws_verifies(token, second, NULL));
    free(token);
    unlink(path);
    process_signal(service.process, SIGHUP);
    free(process_wait_for(service.process, "the key stays as it is: ", 1));
    token = get_token(&service, ALONE);
    assert_true(jws_verifies(token, second, NULL));
    free(token);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
    stop(&service);
}

static void nothing_secret_is_logged(void **state)
{
    service_t service = start((const char *[]){"--algorithm", "ES256", NULL});
    const char *const headers[] = {FORM_TYPE, NULL};
    reply_t reply = fetch(&service.at, OVER_HTTP1,
                          &(request_t){.method = "POST",
                                       .path = "/token?client_id=demo&client_secret=in-the-url",
                                       .headers = headers,
                                       .body = ALONE "&client_id=demo&client_secret=in-the-body"});
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    char *token = get_token(&service, "grant_type=password&username=alice&password=alice");
    process_signal(service.process, SIGTERM);
    process_wait(service.process);
    char *log = process_log(service.process);
    assert_non_null(strstr(log, "POST /token 400 "));
    assert_non_null(strstr(log, "POST /token 200 "));
    assert_null(strstr(log, "in-the-url"));
    assert_null(strstr(log, "in-the-body"));
    assert_null(strstr(log, "demo-secret"));
    assert_null(strstr(log, "ZGVtbzpkZW1v"));
    assert_null(strstr(log, "eyJ"));
    assert_int_equal(process_end(service.process), 0);
    free(log);
    free(token);
}

static void what_it_cannot_use_it_does_not_start_with(void **state)
{
    char users[] = "/tmp/sluice-test-users-XXXXXX";
    int fd = mkstemp(users);
    static const char json[] = "{\"clients\":[{\"id\":\"c\",\"secret\":\"hush\",\"grants\":[],\"scope\":[]}]}";
    assert_int_equal(write(fd, json, sizeof(json) - 1), sizeof(json) - 1);
    close(fd);
    const struct {
        const char *options[3];
        const char *why;
    } cases[] = {
        {{"--users", users, NULL}, ": clients[0]: scopes is missing"},
        {{"--users", "/nonexistent/users.json", NULL}, "/nonexistent/users.json: No such file or directory"},
        {{"--key", "/nonexistent/key.pem", NULL}, "/nonexistent/key.pem: No such file or directory"},
        {{"--key", users, NULL}, ": there is no private key in PEM form"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        process_t *process = run(cases[i].options);
        process_wait(process);
        char *log = process_log(process);
        assert_non_null(strstr(log, cases[i].why));
        assert_null(strstr(log, "listening on"));
        assert_null(strstr(log, "hush"));
        assert_int_equal(process_end(process), 1);
        free(log);
    }
    unlink(users);
}

static void clients_and_users_can_be_brought_along(void **state)
{
    char users[] = "/tmp/sluice-test-users-XXXXXX";
    int fd = mkstemp(users);
    static const char json[] =
        "{\"clients\":[{\"id\":\"c\",\"secret\":\"s\",\"grants\":[\"password\"],\"scopes\":[\"x\"]}],"
        "\"users\":[{\"name\":\"u\",\"password\":\"p\",\"scopes\":[\"x\"]}]}";
    assert_int_equal(write(fd, json, sizeof(json) - 1), sizeof(json) - 1);
    close(fd);
    service_t service = start((const char *[]){"--algorithm", "ES256", "--users", users, NULL});
    unlink(users);
    reply_t reply = ask(&service, NULL, "grant_type=password&username=u&password=p&client_id=c&client_secret=s");
    json_t *answer = read_json(&reply, 200), *claims = jws_part(text_of(answer, "access_token"), 1);
    assert_string_equal(text_of(claims, "sub"), "u");
    assert_string_equal(text_of(claims, "scope"), "x");
    assert_null(json_object_get(claims, "roles"));
    json_decref(claims);
    json_decref(answer);
    reply = ask(&service, DEMO, ALONE); /* those that are built in are not there besides */
    json_decref(read_json(&reply, 401));
    stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_each_algorithm_verify_against_the_key_set),
        cmocka_unit_test(no_two_tokens_are_the_same),
        cmocka_unit_test(every_refusal_has_the_status_and_the_code_of_RFC_6749),
        cmocka_unit_test(an_answer_with_a_token_is_not_to_be_kept),
        cmocka_unit_test(tokens_are_asked_for_with_POST_only),
        cmocka_unit_test(keys_can_be_kept_for_a_while_and_asked_for_again),
        cmocka_unit_test(the_service_describes_itself_where_its_issuer_says),
        cmocka_unit_test(an_issuer_that_is_not_given_is_where_it_listens),
        cmocka_unit_test(after_SIGHUP_another_key_signs_and_the_old_one_stays_as_long_as_it_is_needed),
        cmocka_unit_test(a_key_of_a_file_is_read_again_at_SIGHUP),
        cmocka_unit_test(nothing_secret_is_logged),
        cmocka_unit_test(what_it_cannot_use_it_does_not_start_with),
        cmocka_unit_test(clients_and_users_can_be_brought_along),
    };
    return cmocka_run_group_tests_name("auth service", tests, NULL, NULL);
}
