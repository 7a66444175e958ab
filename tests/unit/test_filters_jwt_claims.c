/* SPDX-License-Identifier: MIT
 * Claims: how they are found and written, what times are, and what the rules take: pure functions on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "filters/jwt/claims.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL)
        fail_msg("%s: %s", text, error.text);
    return value;
}

/** A list of the conf of these words, NULL-terminated.  @return good until the next call with the same `room` */
static gw_conf_strings_t strings(struct gw_conf_string *room, const char *const *words)
{
    gw_conf_strings_t list = {.entries = room};
    for (; words[list.size] != NULL; ++list.size)
        room[list.size] = (struct gw_conf_string){.value = words[list.size]};
    return list;
}

/* finding and writing ---------------------------------------------------------------------------------------------- */

static void a_claim_is_found_by_its_name_or_below_others(void **state)
{
    static const char payload[] =
        "{\"sub\":\"1\",\"realm_access\":{\"roles\":\"2\",\"deep\":{\"er\":{\"still\":\"3\"}}},"
        "\"https://example.com/"
        "roles\":\"4\",\"a.b\":{\"c\":\"5\",\"d.e\":\"6\"},\"a\":{\"b\":{\"c\":\"7\"},\"x\":\"8\"},"
        "\"list\":[{\"sub\":\"9\"}],\"text\":\"t\",\"\":{\"y\":\"10\"},\".\":\"11\",\"z.\":\"12\",\".z\":\"13\","
        "\"both\":{\"a\":\"14\"},"
        "\"both.a\":\"15\"}";
    static const struct {
        const char *path, *text; /* NULL: none */
    } cases[] = {
        {"sub", "1"},
        {"realm_access.roles", "2"},
        {"realm_access.deep.er.still", "3"},
        {"https://example.com/roles", "4"},
        {"a.b.c", "7"},   /* of several ways the one with the shortest first name ... */
        {"a.b.d.e", "6"}, /* ... that leads to it */
        {"a.x", "8"},
        {"both.a", "15"}, /* the very name wins */
        {".", "11"},
        {"z.", "12"},
        {".z", "13"},
        {"", NULL},
        {"sub.", NULL},
        {".sub", NULL},
        {"sub.sub", NULL},
        {"realm_access..roles", NULL},
        {"realm_access.", NULL},
        {"Sub", NULL},
        {"su", NULL},
        {"list.sub", NULL},
        {"list.0.sub", NULL},
        {"text.t", NULL},
        {"absent.sub", NULL},
        {"..", NULL},
    };
    json_t *object = parse(payload);
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *exact = malloc(strlen(cases[i].path) + 1); /* a path is not NUL-terminated everywhere */
        memcpy(exact, cases[i].path, strlen(cases[i].path));
        exact[strlen(cases[i].path)] = '!';
        const json_t *claim = gw_jwt_claim_find(object, gw_str(exact, strlen(cases[i].path)));
        const char *text = claim != NULL ? json_string_value(claim) : NULL;
        if ((text == NULL) != (cases[i].text == NULL) || (text != NULL && strcmp(text, cases[i].text) != 0))
            fail_msg("'%s': %s instead of %s", cases[i].path, text, cases[i].text);
        free(exact);
    }
    json_decref(object);
}

static void claims_are_written_as_text(void **state)
{
    static const struct {
        const char *json, *text; /* NULL: none */
    } cases[] = {
        {"\"alice\"", "alice"},
        {"\"\"", ""},
        {"\"a \\\"b\\\" \\u00e4\"", "a \"b\" \xc3\xa4"},
        {"17", "17"},
        {"-0", "0"},
        {"9007199254740993", "9007199254740993"},
        {"1.5", "1.5"},
        {"1e3", "1000.0"},
        {"0.1", "0.1"},
        {"true", "true"},
        {"false", "false"},
        {"null", NULL},
        {"[]", ""},
        {"[\"a\"]", "a"},
        {"[\"a\",\"b c\",3,true,null,1.5]", "a,b c,3,true,null,1.5"},
        {"[\"a,b\",\"\"]", "a,b,"},
        {"[[\"a\",1],{\"b\":\"c\"}]", "[\"a\",1],{\"b\":\"c\"}"},
        {"{\"a\":[1,\"x\"]}", "{\"a\":[1,\"x\"]}"},
        {"{}", "{}"},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        json_t *claim = parse(cases[i].json);
        char *text = gw_jwt_claim_text(claim);
        if ((text == NULL) != (cases[i].text == NULL) || (text != NULL && strcmp(text, cases[i].text) != 0))
            fail_msg("%s: %s", cases[i].json, text);
        free(text);
        json_decref(claim);
    }
    assert_null(gw_jwt_claim_text(NULL));
}

static void what_would_not_arrive_as_it_is_is_no_field_value(void **state)
{
    static const struct {
        const char *json;
        bool is_fit;
    } cases[] = {
        {"\"alice\"", true},
        {"\"\"", true},
        {"\"a\\tb\"", true},
        {"\"\xc3\xa4\"", true},
        {"\"a\\nb\"", false},
        {"\"a\\r\\nX-Admin: 1\"", false},
        {"\"\\u0001\"", false},
        {"\"\\u007f\"", false},
        {"17", true},
        {"null", true},
        {"true", true},
        {"[\"a\",\"b\"]", true},
        {"[\"a\",\"b\\n\"]", false},
        {"\" alice\"", false},
        {"\"alice \"", false},
        {"\"alice\\t\"", false},
        {"\" \"", false},
        {"\"alice smith\"", true},
        {"\"a,b\"", true}, /* a text is one value, whatever is in it */
        {"[\"a,b\"]", false},
        {"[\"a\",\",\"]", false},
        {"[\"a\",\" b\"]", false},
        {"[\"a \"]", false},
        {"[\"a b\",7,null]", true},
        {"[[\"a,b\"]]", true},
        {"[[\"b\\n\"]]", true}, /* written as JSON, where it is \n again */
        {"{\"a\":\"b\\n\"}", true},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        json_t *claim = parse(cases[i].json);
        if (gw_jwt_claim_is_field_value(claim) != cases[i].is_fit)
            fail_msg("%s", cases[i].json);
        char *text = gw_jwt_claim_text(claim);
        for (const char *c = text != NULL ? text : ""; *c != '\0' && cases[i].is_fit; ++c) /* and that is so */
            if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
                fail_msg("%s: %s", cases[i].json, text);
        free(text);
        json_decref(claim);
    }
    assert_true(gw_jwt_claim_is_field_value(NULL));
}

/* times ------------------------------------------------------------------------------------------------------------ */

static void times_are_numbers_of_seconds_fractions_too(void **state)
{
    static const struct {
        const char *value;
        bool is_good;
        int64_t ms;
    } cases[] = {
        {"0", true, 0},
        {"1", true, 1000},
        {"1300819380", true, 1300819380000},
        {"1300819380.5", true, 1300819380500},
        {"1300819380.25", true, 1300819380250},
        {"1.3e9", true, 1300000000000},
        {"1E2", true, 100000},
        {"0.0", true, 0},
        {"-1", true, -1000},
        {"-0.5", true, -500},
        {"100000000000", true, 100000000000000},
        {"-100000000000", true, -100000000000000},
        {"100000000001", false, 0},
        {"-100000000001", false, 0},
        {"1e12", false, 0},
        {"9223372036854775807", false, 0},
        {"-9223372036854775808", false, 0},
        {"1e308", false, 0},
        {"\"1300819380\"", false, 0},
        {"\"\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
        {"[1300819380]", false, 0},
        {"{}", false, 0},
    };
    static const char *const names[] = {"exp", "nbf", "iat"};
    for (size_t i = 0; i != NUM_OF(cases); ++i)
        for (size_t k = 0; k != NUM_OF(names); ++k) {
            char text[100];
            gw_jwt_times_t times;
            snprintf(text, sizeof(text), "{\"%s\":%s}", names[k], cases[i].value);
            json_t *payload = parse(text);
            if (gw_jwt_times_read(payload, &times) != cases[i].is_good)
                fail_msg("%s", text);
            json_decref(payload);
            if (!cases[i].is_good)
                continue;
            assert_true(times.has_exp == (k == 0) && times.has_nbf == (k == 1) && times.has_iat == (k == 2));
            if ((k == 0 ? times.exp : k == 1 ? times.nbf : times.iat) != cases[i].ms)
                fail_msg("%s", text);
        }
    json_t *payload = parse("{\"Exp\":1,\"expires\":2}");
    gw_jwt_times_t times;
    assert_true(gw_jwt_times_read(payload, &times));
    assert_false(times.has_exp || times.has_nbf || times.has_iat);
    json_decref(payload);
}

enum { NOW = 1000000000 };

static void times_are_judged_to_the_millisecond(void **state)
{
    enum { LEEWAY = 30000, MAX_AGE = 3600000, NONE = INT32_MIN };
    static const struct {
        const char *about;
        int64_t exp, nbf, iat; /* from now; NONE: the token lacks it */
        uint64_t leeway, max_age;
        bool is_exp_optional;
        gw_jwt_cause_t cause;
        int64_t off_ms;
    } cases[] = {
        {"no exp", NONE, NONE, NONE, 0, 0, false, GW_JWT_CAUSE_EXP_MISSING, 0},
        {"no exp, and that is fine", NONE, NONE, NONE, 0, 0, true, GW_JWT_CAUSE_NONE, 0},
        {"exp ahead by the least", 1, NONE, NONE, 0, 0, false, GW_JWT_CAUSE_NONE, 0},
        {"exp is now: over", 0, NONE, NONE, 0, 0, false, GW_JWT_CAUSE_EXPIRED, 0},
        {"exp is now: over also where it is optional", 0, NONE, NONE, 0, 0, true, GW_JWT_CAUSE_EXPIRED, 0},
        {"exp was", -5000, NONE, NONE, 0, 0, false, GW_JWT_CAUSE_EXPIRED, 5000},
        {"exp was within the leeway", -LEEWAY + 1, NONE, NONE, LEEWAY, 0, false, GW_JWT_CAUSE_NONE, 0},
        {"exp was as long ago as the leeway", -LEEWAY, NONE, NONE, LEEWAY, 0, false, GW_JWT_CAUSE_EXPIRED, LEEWAY},
        {"nbf is now", 99, 0, NONE, 0, 0, false, GW_JWT_CAUSE_NONE, 0},
        {"nbf in a moment", 99, 1, NONE, 0, 0, false, GW_JWT_CAUSE_NOT_YET_VALID, -1},
        {"nbf within the leeway", 99, LEEWAY, NONE, LEEWAY, 0, false, GW_JWT_CAUSE_NONE, 0},
        {"nbf beyond the leeway", 99, LEEWAY + 1, NONE, LEEWAY, 0, false, GW_JWT_CAUSE_NOT_YET_VALID, -LEEWAY - 1},
        {"iat is now", 99, NONE, 0, 0, 0, false, GW_JWT_CAUSE_NONE, 0},
        {"iat in a moment", 99, NONE, 1, 0, 0, false, GW_JWT_CAUSE_ISSUED_IN_FUTURE, -1},
        {"iat within the leeway", 99, NONE, LEEWAY, LEEWAY, 0, false, GW_JWT_CAUSE_NONE, 0},
        {"iat beyond the leeway", 99, NONE, LEEWAY + 1, LEEWAY, 0, false, GW_JWT_CAUSE_ISSUED_IN_FUTURE, -LEEWAY - 1},
        {"iat long ago", 99, NONE, -99 * (int64_t)MAX_AGE, 0, 0, false, GW_JWT_CAUSE_NONE, 0},
        {"max_age without iat", 99, NONE, NONE, 0, MAX_AGE, false, GW_JWT_CAUSE_TIME_MALFORMED, 0},
        {"just young enough", 99, NONE, -MAX_AGE + 1, 0, MAX_AGE, false, GW_JWT_CAUSE_NONE, 0},
        {"just too old", 99, NONE, -MAX_AGE, 0, MAX_AGE, false, GW_JWT_CAUSE_TOO_OLD, 0},
        {"too old", 99, NONE, -MAX_AGE - 7, 0, MAX_AGE, false, GW_JWT_CAUSE_TOO_OLD, 7},
        {"young enough with the leeway", 99, NONE, -MAX_AGE - LEEWAY + 1, LEEWAY, MAX_AGE, false, GW_JWT_CAUSE_NONE, 0},
        {"too old with the leeway", 99, NONE, -MAX_AGE - LEEWAY, LEEWAY, MAX_AGE, false, GW_JWT_CAUSE_TOO_OLD, LEEWAY},
        {"exp before the others", -1, 99999, 99999, 0, 0, false, GW_JWT_CAUSE_EXPIRED, 1},
        {"an hour's exp of max_age", NONE, NONE, -MAX_AGE, 0, MAX_AGE, true, GW_JWT_CAUSE_TOO_OLD, 0},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_jwt_times_t times = {.has_exp = cases[i].exp != NONE,
                                .has_nbf = cases[i].nbf != NONE,
                                .has_iat = cases[i].iat != NONE,
                                .exp = NOW + cases[i].exp,
                                .nbf = NOW + cases[i].nbf,
                                .iat = NOW + cases[i].iat};
        gw_jwt_rules_t rules = {
            .leeway = cases[i].leeway, .max_age = cases[i].max_age, .is_exp_optional = cases[i].is_exp_optional};
        gw_jwt_findings_t findings = {.cause = GW_JWT_CAUSE_NONE};
        gw_jwt_times_check(&times, &rules, NOW, &findings);
        if (findings.cause != cases[i].cause || findings.off_ms != cases[i].off_ms)
            fail_msg("%s: %s, off by %lld", cases[i].about, gw_jwt_cause_word(findings.cause),
                     (long long)findings.off_ms);
    }
}

static void no_time_that_is_read_overflows_when_it_is_judged(void **state)
{
    static const char *const values[] = {"100000000000", "-100000000000"};
    static const int64_t nows[] = {0, NOW, 200000000000000, -200000000000000};
    for (size_t i = 0; i != NUM_OF(values); ++i)
        for (size_t k = 0; k != NUM_OF(nows); ++k) {
            char text[200];
            gw_jwt_times_t times;
            gw_jwt_rules_t rules = {.leeway = 600000, .max_age = 365ull * 86400000};
            gw_jwt_findings_t findings = {.cause = GW_JWT_CAUSE_NONE};
            snprintf(text, sizeof(text), "{\"exp\":%s,\"nbf\":%s,\"iat\":%s}", values[i], values[i], values[i]);
            json_t *payload = parse(text);
            assert_true(gw_jwt_times_read(payload, &times));
            gw_jwt_times_check(&times, &rules, nows[k], &findings); /* the sanitizer looks */
            assert_true(findings.cause != GW_JWT_CAUSE_NONE);
            json_decref(payload);
        }
}

/* audience --------------------------------------------------------------------------------------------------------- */

static void a_token_is_for_those_that_its_audience_names(void **state)
{
    static const struct {
        const char *about, *wanted[4], *payload;
        gw_jwt_cause_t cause;
    } cases[] = {
        {"a text", {"api"}, "{\"aud\":\"api\"}", GW_JWT_CAUSE_NONE},
        {"one of ours", {"x", "api"}, "{\"aud\":\"api\"}", GW_JWT_CAUSE_NONE},
        {"another's", {"api"}, "{\"aud\":\"ap\"}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"longer than ours", {"api"}, "{\"aud\":\"api2\"}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"case matters", {"api"}, "{\"aud\":\"API\"}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"a text of words is no list", {"api"}, "{\"aud\":\"api web\"}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"a list", {"api"}, "{\"aud\":[\"web\",\"api\"]}", GW_JWT_CAUSE_NONE},
        {"a list of one", {"api"}, "{\"aud\":[\"api\"]}", GW_JWT_CAUSE_NONE},
        {"a list of others", {"api"}, "{\"aud\":[\"web\",\"app\"]}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"an empty list", {"api"}, "{\"aud\":[]}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"a list with a number", {"api"}, "{\"aud\":[\"api\",1]}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"a list with null before", {"api"}, "{\"aud\":[null,\"api\"]}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"a list within a list", {"api"}, "{\"aud\":[[\"api\"]]}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"an object", {"api"}, "{\"aud\":{\"api\":\"api\"}}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"a number", {"1"}, "{\"aud\":1}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"true", {"true"}, "{\"aud\":true}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"null", {"api"}, "{\"aud\":null}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"empty", {"api"}, "{\"aud\":\"\"}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"none", {"api"}, "{}", GW_JWT_CAUSE_AUDIENCE_MISSING},
        {"none is wanted and none is there", {NULL}, "{}", GW_JWT_CAUSE_NONE},
        {"none is wanted and one is there", {NULL}, "{\"aud\":\"api\"}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"none is wanted and null is there", {NULL}, "{\"aud\":null}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"none is wanted and a list is there", {NULL}, "{\"aud\":[]}", GW_JWT_CAUSE_AUDIENCE_WRONG},
        {"anybody's", {"*"}, "{\"aud\":\"web\"}", GW_JWT_CAUSE_NONE},
        {"anybody's among others", {"api", "*"}, "{\"aud\":[\"web\"]}", GW_JWT_CAUSE_NONE},
        {"nobody's with *", {"*"}, "{}", GW_JWT_CAUSE_NONE},
        {"the token's * is a name like others", {"api"}, "{\"aud\":\"*\"}", GW_JWT_CAUSE_AUDIENCE_WRONG},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        struct gw_conf_string room[4];
        gw_conf_strings_t wanted = strings(room, cases[i].wanted);
        gw_jwt_findings_t findings = {.cause = GW_JWT_CAUSE_NONE};
        json_t *payload = parse(cases[i].payload);
        gw_jwt_audience_check(payload, &wanted, &findings);
        if (findings.cause != cases[i].cause)
            fail_msg("%s: %s", cases[i].about, gw_jwt_cause_word(findings.cause));
        json_decref(payload);
    }
}

/* rules ------------------------------------------------------------------------------------------------------------ */

static void a_rule_is_met_by_what_the_claim_holds(void **state)
{
    enum { ANY = 0, ALL = 1, SCOPE = 2 };
    static const struct {
        const char *about, *path;
        int kind;
        const char *values[4], *payload;
        bool is_met;
    } cases[] = {
        {"a text", "role", ANY, {"admin"}, "{\"role\":\"admin\"}", true},
        {"another text", "role", ANY, {"admin"}, "{\"role\":\"user\"}", false},
        {"a part of the text", "role", ANY, {"admin"}, "{\"role\":\"administrator\"}", false},
        {"a text that is longer than the claim", "role", ANY, {"administrator"}, "{\"role\":\"admin\"}", false},
        {"case matters", "role", ANY, {"admin"}, "{\"role\":\"Admin\"}", false},
        {"one word of a text that is no scope", "role", ANY, {"admin"}, "{\"role\":\"user admin\"}", false},
        {"absent", "role", ANY, {"admin"}, "{}", false},
        {"absent, and all are wanted", "role", ALL, {"admin"}, "{}", false},
        {"null", "role", ANY, {"null"}, "{\"role\":null}", false},
        {"an object", "role", ANY, {"admin"}, "{\"role\":{\"admin\":true}}", false},
        {"a list", "roles", ANY, {"admin"}, "{\"roles\":[\"user\",\"admin\"]}", true},
        {"any of two", "roles", ANY, {"admin", "root"}, "{\"roles\":[\"root\"]}", true},
        {"none of two", "roles", ANY, {"admin", "root"}, "{\"roles\":[\"user\"]}", false},
        {"all of two", "roles", ALL, {"admin", "root"}, "{\"roles\":[\"root\",\"user\",\"admin\"]}", true},
        {"all but one", "roles", ALL, {"admin", "root"}, "{\"roles\":[\"admin\"]}", false},
        {"all, and the last is missing", "roles", ALL, {"a", "b", "c"}, "{\"roles\":[\"a\",\"b\"]}", false},
        {"all of a text", "roles", ALL, {"admin", "root"}, "{\"roles\":\"admin\"}", false},
        {"an empty list", "roles", ANY, {"admin"}, "{\"roles\":[]}", false},
        {"a list in a list", "roles", ANY, {"admin"}, "{\"roles\":[[\"admin\"]]}", false},
        {"a mixed list", "roles", ALL, {"7", "true"}, "{\"roles\":[null,7,{},true]}", true},
        {"a number", "level", ANY, {"7"}, "{\"level\":7}", true},
        {"a number that is written otherwise", "level", ANY, {"7"}, "{\"level\":7.0}", false},
        {"a fraction", "level", ANY, {"0.5"}, "{\"level\":0.5}", true},
        {"a text that looks like a number", "level", ANY, {"7"}, "{\"level\":\"7\"}", true},
        {"a boolean", "verified", ANY, {"true"}, "{\"verified\":true}", true},
        {"the other boolean", "verified", ANY, {"true"}, "{\"verified\":false}", false},
        {"nested", "realm_access.roles", ANY, {"admin"}, "{\"realm_access\":{\"roles\":[\"admin\"]}}", true},
        {"nested, elsewhere", "realm_access.roles", ANY, {"admin"}, "{\"roles\":[\"admin\"]}", false},
        {"a name with dots", "https://x.example/role", ANY, {"a"}, "{\"https://x.example/role\":\"a\"}", true},

        {"a scope", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"read\"}", true},
        {"a scope among others", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"write read admin\"}", true},
        {"the first scope", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"read write\"}", true},
        {"the last scope", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"write read\"}", true},
        {"a scope that begins with it", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"readall read:x\"}", false},
        {"a scope that ends in it", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"unread un:read\"}", false},
        {"a scope that begins with it, then it", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"readall read\"}", true},
        {"a scope that it repeats in", "scope", SCOPE | ALL, {"aa"}, "{\"scope\":\"aaa aa\"}", true},
        {"letters that repeat, and not it", "scope", SCOPE | ALL, {"aa"}, "{\"scope\":\"aaa aaaa\"}", false},
        {"two blanks", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"  read  \"}", true},
        {"other blanks part no scopes", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"a\\tread\\nb\"}", false},
        {"a comma parts no scopes", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"read,write\"}", false},
        {"all scopes", "scope", SCOPE | ALL, {"read", "write"}, "{\"scope\":\"write read\"}", true},
        {"not all scopes", "scope", SCOPE | ALL, {"read", "write"}, "{\"scope\":\"read\"}", false},
        {"any scope", "scope", SCOPE | ANY, {"read", "write"}, "{\"scope\":\"write\"}", true},
        {"an empty scope", "scope", SCOPE | ALL, {"read"}, "{\"scope\":\"\"}", false},
        {"a list of scopes", "scope", SCOPE | ALL, {"read"}, "{\"scope\":[\"write\",\"read\"]}", true},
        {"words within a list of scopes", "scope", SCOPE | ALL, {"read"}, "{\"scope\":[\"write read\"]}", false},
        {"scp for scope", "scope", SCOPE | ALL, {"read"}, "{\"scp\":\"write read\"}", true},
        {"scp as a list", "scope", SCOPE | ALL, {"read"}, "{\"scp\":[\"read\"]}", true},
        {"scp beside scope does not count",
         "scope",
         SCOPE | ALL,
         {"read"},
         "{\"scope\":\"write\",\"scp\":\"read\"}",
         false},
        {"scope is a number", "scope", SCOPE | ALL, {"7"}, "{\"scope\":7}", true},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        struct gw_conf_string room[4];
        gw_jwt_rule_t rule = {.path = cases[i].path,
                              .is_all = (cases[i].kind & ALL) != 0,
                              .is_scope = (cases[i].kind & SCOPE) != 0,
                              .values = strings(room, cases[i].values)};
        gw_jwt_rules_t rules = {.rules = &rule, .num_rules = 1};
        gw_jwt_findings_t findings = {.cause = GW_JWT_CAUSE_NONE};
        json_t *payload = parse(cases[i].payload);
        gw_jwt_claims_check(payload, &rules, &findings);
        gw_jwt_cause_t refusal = rule.is_scope ? GW_JWT_CAUSE_SCOPE_MISSING : GW_JWT_CAUSE_CLAIM_REFUSED;
        if (findings.cause != (cases[i].is_met ? GW_JWT_CAUSE_NONE : refusal))
            fail_msg("%s: %s", cases[i].about, gw_jwt_cause_word(findings.cause));
        assert_ptr_equal(findings.rule, cases[i].is_met ? NULL : &rule);
        json_decref(payload);
    }
}

static void every_rule_must_be_met_and_the_first_that_is_not_is_named(void **state)
{
    static const char *const read[] = {"read", NULL}, *const admin[] = {"admin", NULL};
    struct gw_conf_string room[2][2];
    const gw_jwt_rule_t list[] = {
        {.path = "scope", .is_all = true, .is_scope = true, .values = strings(room[0], read)},
        {.path = "roles", .values = strings(room[1], admin)},
    };
    const gw_jwt_rules_t rules = {.rules = list, .num_rules = 2};
    static const struct {
        const char *payload;
        gw_jwt_cause_t cause;
    } cases[] = {
        {"{\"scope\":\"read\",\"roles\":[\"admin\"]}", GW_JWT_CAUSE_NONE},
        {"{\"scope\":\"read\"}", GW_JWT_CAUSE_CLAIM_REFUSED},
        {"{\"roles\":[\"admin\"]}", GW_JWT_CAUSE_SCOPE_MISSING},
        {"{}", GW_JWT_CAUSE_SCOPE_MISSING},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_jwt_findings_t findings = {.cause = GW_JWT_CAUSE_NONE};
        json_t *payload = parse(cases[i].payload);
        gw_jwt_claims_check(payload, &rules, &findings);
        assert_int_equal(findings.cause, cases[i].cause);
        assert_ptr_equal(findings.rule, findings.cause == GW_JWT_CAUSE_NONE            ? NULL
                                        : findings.cause == GW_JWT_CAUSE_SCOPE_MISSING ? &list[0]
                                                                                       : &list[1]);
        json_decref(payload);
    }
}

/* causes ----------------------------------------------------------------------------------------------------------- */

static void every_cause_has_a_word_of_its_own_and_says_nothing_about_keys(void **state)
{
    static const gw_jwt_cause_t causes[] = {
#define CAUSE(id, word, answer, sentence) GW_JWT_CAUSE_##id,
        GW_JWT_CAUSE_MAP(CAUSE)
#undef CAUSE
    };
    static const char *const forbidden[] = {"key", "signature", "issuer", "algorithm", "alg", "kid", "revocation"};
    for (size_t i = 0; i != NUM_OF(causes); ++i) {
        const char *sentence = gw_jwt_cause_sentence(causes[i]);
        for (size_t k = 0; k != i; ++k)
            assert_string_not_equal(gw_jwt_cause_word(causes[i]), gw_jwt_cause_word(causes[k]));
        for (const char *c = gw_jwt_cause_word(causes[i]); *c != '\0'; ++c)
            assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
        assert_true((*sentence == '\0') == (causes[i] == GW_JWT_CAUSE_NONE));
        assert_true((gw_jwt_cause_answer(causes[i]) == GW_JWT_PASS) == (causes[i] == GW_JWT_CAUSE_NONE));
        for (size_t k = 0; k != NUM_OF(forbidden); ++k)
            if (strstr(sentence, forbidden[k]) != NULL)
                fail_msg("'%s' says '%s'", sentence, forbidden[k]);
    }
    /* what tells a guesser whether a key exists must not differ */
    assert_string_equal(gw_jwt_cause_sentence(GW_JWT_CAUSE_KEY_UNKNOWN),
                        gw_jwt_cause_sentence(GW_JWT_CAUSE_SIGNATURE_WRONG));
    assert_string_equal(gw_jwt_cause_sentence(GW_JWT_CAUSE_ALG_REFUSED),
                        gw_jwt_cause_sentence(GW_JWT_CAUSE_SIGNATURE_WRONG));
    assert_string_equal(gw_jwt_cause_sentence(GW_JWT_CAUSE_ISSUER_UNKNOWN),
                        gw_jwt_cause_sentence(GW_JWT_CAUSE_SIGNATURE_WRONG));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_is_found_by_its_name_or_below_others),
        cmocka_unit_test(claims_are_written_as_text),
        cmocka_unit_test(what_would_not_arrive_as_it_is_is_no_field_value),
        cmocka_unit_test(times_are_numbers_of_seconds_fractions_too),
        cmocka_unit_test(times_are_judged_to_the_millisecond),
        cmocka_unit_test(no_time_that_is_read_overflows_when_it_is_judged),
        cmocka_unit_test(a_token_is_for_those_that_its_audience_names),
        cmocka_unit_test(a_rule_is_met_by_what_the_claim_holds),
        cmocka_unit_test(every_rule_must_be_met_and_the_first_that_is_not_is_named),
        cmocka_unit_test(every_cause_has_a_word_of_its_own_and_says_nothing_about_keys),
    };
    return cmocka_run_group_tests_name("jwt claims", tests, NULL, NULL);
}
