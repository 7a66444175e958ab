/* SPDX-License-Identifier: MIT
 * What may be stored and for how long.  Rows have the fields of a response as lines; the judgement is compared as text:
 *     CAUSE [age=S] fresh=S [validate] [strict] [guess] [immutable] [while=S] [error=S] [etag] [modified]
 * where fresh= is what is left when it comes (negative: it is overdue). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "filters/cache/judgement.h"

#define CAME_MS INT64_C(5000000)
#define CAME_S  INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */

#define DATE      "date: Sun, 06 Nov 1994 08:49:37 GMT\n"
#define YESTERDAY "last-modified: Sat, 05 Nov 1994 08:49:37 GMT\n" /* a tenth of it: 8640 s */
#define IN_HOUR   "Sun, 06 Nov 1994 09:49:37 GMT"

/* an origin is believed, and a guess is a tenth of the time */
#define NO_RULES                                                                                                       \
    .ttl = GW_CACHE_NOT_SAID, .override_ttl = GW_CACHE_NOT_SAID, .negative_ttl = GW_CACHE_NOT_SAID,                    \
    .heuristic_max = GW_CACHE_NOT_SAID, .while_revalidate = GW_CACHE_NOT_SAID, .if_error = GW_CACHE_NOT_SAID
static const gw_cache_rules_t usual_rules = {NO_RULES, .heuristic_share = 1000};

#define MAX_FIELDS 200

typedef struct fields {
    gw_http_field_t fields[MAX_FIELDS];
    size_t num;
} fields_t;

static void read_fields(fields_t *all, const char *text)
{
    for (all->num = 0; *text != '\0'; ++all->num) {
        const char *colon = strchr(text, ':'), *end = strchr(text, '\n');
        assert_true(colon != NULL && end != NULL && colon < end && all->num != MAX_FIELDS);
        all->fields[all->num].name = gw_str(text, (size_t)(colon - text));
        all->fields[all->num].value = gw_str(colon + 2, (size_t)(end - colon - 2));
        text = end + 1;
    }
}

/** @param request words of "head", "range", "authorization", "no-store"; NULL: none */
static gw_cache_judgement_t judged(const gw_cache_rules_t *rules, const char *request, unsigned status,
                                   const char *text)
{
    fields_t all;
    read_fields(&all, text);
    gw_cache_request_directives_t directives;
    gw_str_t no_store = GW_STR("no-store");
    const char *words = request != NULL ? request : "";
    gw_cache_request_directives(&no_store, strstr(words, "no-store") != NULL, NULL, 0, &directives);
    gw_cache_request_facts_t facts = {.is_get = strstr(words, "head") == NULL,
                                      .has_authorization = strstr(words, "authorization") != NULL,
                                      .has_range = strstr(words, "range") != NULL,
                                      .directives = request != NULL ? &directives : NULL};
    gw_cache_response_facts_t response = {.status = status,
                                          .fields = all.fields,
                                          .num_fields = all.num,
                                          .asked_ms = CAME_MS,
                                          .came_ms = CAME_MS,
                                          .came_wall_s = CAME_S};
    gw_cache_judgement_t judgement;
    gw_cache_judge(rules, &facts, &response, &judgement);
    return judgement;
}

static const char *shown(const gw_cache_judgement_t *judgement)
{
    static char text[256];
    const gw_cache_life_t *life = &judgement->life;
    size_t len = (size_t)snprintf(text, sizeof(text), "%s", gw_cache_storing_word(judgement->storing));
    if (judgement->storing != GW_CACHE_STORING_YES)
        return text;
#define ADD(...) len += (size_t)snprintf(text + len, sizeof(text) - len, __VA_ARGS__)
    if (gw_cache_age_s(life, CAME_MS) != 0)
        ADD(" age=%llu", (unsigned long long)gw_cache_age_s(life, CAME_MS));
    ADD(" fresh=%lld", (long long)gw_cache_left_ms(life, CAME_MS) / 1000);
    ADD("%s%s%s%s", life->must_validate ? " validate" : "", life->never_stale ? " strict" : "",
        life->is_heuristic ? " guess" : "", life->is_immutable ? " immutable" : "");
    if (life->while_revalidate_ms != 0)
        ADD(" while=%llu", (unsigned long long)life->while_revalidate_ms / 1000);
    if (life->if_error_ms != 0)
        ADD(" error=%llu", (unsigned long long)life->if_error_ms / 1000);
    ADD("%s%s", judgement->etag.len != 0 ? " etag" : "", judgement->last_modified_s != INT64_MIN ? " modified" : "");
#undef ADD
    return text;
}

typedef struct row {
    const char *about;
    const char *request;
    unsigned status;
    const char *fields, *shown;
} row_t;

static void check(const gw_cache_rules_t *rules, const row_t *rows, size_t num)
{
    for (size_t i = 0; i != num; ++i) {
        gw_cache_judgement_t judgement = judged(rules, rows[i].request, rows[i].status, rows[i].fields);
        if (strcmp(shown(&judgement), rows[i].shown) != 0)
            fail_msg("%s: %s", rows[i].about, shown(&judgement));
    }
}
#define CHECK(rules, rows) check(rules, rows, sizeof(rows) / sizeof(rows[0]))

static void only_what_may_be_reused_is_stored(void **state)
{
    static const row_t rows[] = {
        {"RFC 9111 3: GET", "", 200, "cache-control: max-age=60\n", "stored fresh=60"},
        {"RFC 9111 3: the request says nothing", NULL, 200, "cache-control: max-age=60\n", "stored fresh=60"},
        {"RFC 9111 3: another method", "head", 200, "cache-control: max-age=60\n", "method"},
        {"RFC 9111 3: nothing that allows it", "", 200, DATE, "no-lifetime"},
        {"RFC 9111 3: s-maxage", "", 200, "cache-control: s-maxage=60\n", "stored fresh=60 strict"},
        {"RFC 9111 3: Expires", "", 200, DATE "expires: " IN_HOUR "\n", "stored fresh=3600"},
        {"RFC 9111 3: public alone, but nothing to confirm it by", "", 200, "cache-control: public\n", "no-lifetime"},
        {"RFC 9111 3: public and something to confirm it by", "", 302, "cache-control: public\netag: \"a\"\n",
         "stored fresh=0 etag"},
        {"RFC 9111 3: only to be confirmed: ETag", "", 200, "etag: \"a\"\n", "stored fresh=0 etag"},
        {"RFC 9111 3: only to be confirmed: Last-Modified", "", 200, "cache-control: max-age=0\n" YESTERDAY,
         "stored fresh=0 modified"},
        {"RFC 9111 3: the status does not allow that", "", 302, "etag: \"a\"\n", "no-lifetime"},
        {"RFC 9110 8.8.3: an entity tag without quotes is none", "", 200, "etag: a\n", "no-lifetime"},
        {"RFC 9110 8.8.3: a weak entity tag", "", 200, "etag: W/\"a\"\n", "stored fresh=0 etag"},
        {"RFC 9110 8.8.3: two entity tags are none", "", 200, "etag: \"a\"\netag: \"b\"\n", "no-lifetime"},
        {"RFC 9110 8.8.2: a Last-Modified that is no date is none", "", 200, "last-modified: yesterday\n",
         "no-lifetime"},
        {"RFC 9110 8.8.2: two of them are none", "", 200, YESTERDAY YESTERDAY, "no-lifetime"},
        {"RFC 9111 4.2: max-age=0 and nothing to confirm it by", "", 200, "cache-control: max-age=0\n", "no-lifetime"},
        {"RFC 9111 4.2: stale when it comes and nothing to confirm it by", "", 200,
         "cache-control: max-age=60\nage: 60\n", "no-lifetime"},
        {"RFC 9111 4.2: stale when it comes, but to be confirmed", "", 200,
         "cache-control: max-age=60\nage: 75\netag: \"a\"\n", "stored age=75 fresh=-15 etag"},
        {"RFC 5861 3: stale when it comes, but of use", "", 200, "cache-control: max-age=0, stale-while-revalidate=5\n",
         "stored fresh=0 while=5"},
        {"RFC 5861 4: stale when it comes, but of use", "", 200, "cache-control: max-age=0, stale-if-error=5\n",
         "stored fresh=0 error=5"},
        {"RFC 9111 5.2.1.5: the request says no-store", "no-store", 200, "cache-control: max-age=60\n",
         "request-no-store"},
        {"RFC 9111 5.2.2.5: no-store", "", 200, "cache-control: no-store\n", "no-store"},
        {"RFC 9111 5.2.2.5: no-store beside a lifetime", "", 200,
         "cache-control: max-age=60, No-Store\n" DATE "expires: " IN_HOUR "\n", "no-store"},
        {"RFC 9111 5.2.2.5: in the second line", "", 200, "cache-control: max-age=60\ncache-control: no-store\n",
         "no-store"},
        {"RFC 9111 5.2.2.7: private", "", 200, "cache-control: private, max-age=60\n", "private"},
        {"RFC 9111 5.2.2.7: private for some fields", "", 200, "cache-control: private=\"x\", max-age=60\n",
         "stored fresh=60"},
        {"RFC 9111 5.2.2.7: private against public", "", 200, "cache-control: public, private, max-age=60\n",
         "private"},
        {"RFC 9111 5.2.2.4: no-cache with something to confirm it by", "", 200,
         "cache-control: no-cache\netag: \"a\"\n", "stored fresh=0 validate etag"},
        {"RFC 9111 5.2.2.4: no-cache beside a lifetime", "", 200, "cache-control: no-cache, max-age=60\netag: \"a\"\n",
         "stored fresh=60 validate etag"},
        {"RFC 9111 5.2.2.4: no-cache and nothing to confirm it by", "", 200,
         "cache-control: no-cache, max-age=60, stale-if-error=60\n", "no-lifetime"},
        {"RFC 9111 5.2.2.4: no-cache for some fields", "", 200, "cache-control: no-cache=\"x\", max-age=60\n",
         "stored fresh=60"},
        {"RFC 9111 4.1: Vary: *", "", 200, "cache-control: max-age=60\nvary: *\n", "vary-any"},
        {"RFC 9111 4.1: * among names", "", 200, "cache-control: max-age=60\nvary: accept , *,foo\n", "vary-any"},
        {"RFC 9111 4.1: * behind an empty item", "", 200, "cache-control: max-age=60\nvary: ,*\n", "vary-any"},
        {"RFC 9111 4.1: * in the second line", "", 200, "cache-control: max-age=60\nvary: accept\nvary: *\n",
         "vary-any"},
        {"RFC 9111 4.1: names", "", 200, "cache-control: max-age=60\nvary: accept\n", "stored fresh=60"},
        {"RFC 9111 7.3: Set-Cookie", "", 200, "cache-control: max-age=60\nset-cookie: a=b\n", "set-cookie"},
        {"RFC 9111 7.3: even if it is public", "", 200, "cache-control: public, max-age=60\nset-cookie: a=b\n",
         "set-cookie"},
        {"RFC 9111 7.3: unless that is not stored: no-cache", "", 200,
         "cache-control: no-cache=\"Set-Cookie\", max-age=60\nset-cookie: a=b\n", "stored fresh=60"},
        {"RFC 9111 7.3: unless that is not stored: private", "", 200,
         "cache-control: private=set-cookie, max-age=60\nset-cookie: a=b\n", "stored fresh=60"},
        {"RFC 9111 5.4: Pragma of a response means nothing", "", 200, "cache-control: max-age=60\npragma: no-cache\n",
         "stored fresh=60"},
        {"another field of that meaning means nothing either", "", 200,
         "cache-control: max-age=60\nsurrogate-control: no-store\n", "stored fresh=60"},
    };
    CHECK(&usual_rules, rows);
}

static void with_authorization_only_what_is_meant_for_all_is_stored(void **state)
{
    static const row_t rows[] = {
        {"RFC 9111 3.5: max-age is not enough", "authorization", 200, "cache-control: max-age=60\n", "authorization"},
        {"RFC 9111 3.5: nor is Expires", "authorization", 200, DATE "expires: " IN_HOUR "\n", "authorization"},
        {"RFC 9111 3.5: nor what is to be confirmed", "authorization", 200, "etag: \"a\"\n", "authorization"},
        {"RFC 9111 3.5: public", "authorization", 200, "cache-control: max-age=60, public\n", "stored fresh=60"},
        {"RFC 9111 3.5: must-revalidate", "authorization", 200, "cache-control: max-age=60, must-revalidate\n",
         "stored fresh=60 strict"},
        {"RFC 9111 3.5: s-maxage", "authorization", 200, "cache-control: s-maxage=60\n", "stored fresh=60 strict"},
        {"RFC 9111 3.5: proxy-revalidate is not among them", "authorization", 200,
         "cache-control: max-age=60, proxy-revalidate\n", "authorization"},
        {"RFC 9111 3.5: a public that is spoilt is not", "authorization", 200, "cache-control: max-age=60, public=1\n",
         "authorization"},
        {"RFC 9111 3.5: nor a must-revalidate that is", "authorization", 200,
         "cache-control: max-age=60, must-revalidate=1\n", "authorization"},
        {"RFC 9111 3.5: private against public", "authorization", 200, "cache-control: max-age=60, public, private\n",
         "private"},
        {"RFC 9213 2.2: it is the targeted field that counts", "authorization", 200,
         "cache-control: public\ncdn-cache-control: max-age=60\n", "authorization"},
        {"RFC 9213 2.2: in both directions", "authorization", 200,
         "cache-control: max-age=60\ncdn-cache-control: public, max-age=60\n", "stored fresh=60"},
    };
    CHECK(&usual_rules, rows);
}

static void a_status_is_stored_if_it_says_something_of_the_resource(void **state)
{
    static const unsigned stored[] = {200, 201, 202, 203, 204, 205, 299, 300, 301, 302, 303, 307, 308, 399, 400,
                                      401, 403, 404, 405, 410, 414, 426, 451, 499, 500, 501, 502, 503, 504, 599};
    static const unsigned never[] = {0,   100, 101, 103, 199, 304, 407, 408, 412, 416,
                                     417, 421, 425, 428, 429, 431, 511, 600, 999};
    static const unsigned guessed[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 451, 501};
    for (size_t i = 0; i != sizeof(stored) / sizeof(stored[0]); ++i) {
        print_message("RFC 9111 3, explicit lifetime: %u\n", stored[i]);
        gw_cache_judgement_t judgement = judged(&usual_rules, "", stored[i], "cache-control: max-age=60\n");
        assert_string_equal(shown(&judgement), "stored fresh=60");
        judgement = judged(&usual_rules, "", stored[i], "cache-control: max-age=60\nage: 70\n");
        assert_string_equal(shown(&judgement), "no-lifetime");
    }
    for (size_t i = 0; i != sizeof(never) / sizeof(never[0]); ++i) {
        print_message("RFC 9111 3, RFC 6585, never: %u\n", never[i]);
        gw_cache_judgement_t judgement = judged(&usual_rules, "", never[i], "cache-control: public, max-age=60\n");
        assert_string_equal(shown(&judgement), "status");
    }
    for (unsigned status = 200, k = 0; status != 600; ++status) {
        bool is_guessed = status == guessed[k];
        k += is_guessed && k + 1 != sizeof(guessed) / sizeof(guessed[0]);
        if (status == 206)
            continue;
        print_message("RFC 9110 15.1, heuristics: %u\n", status);
        gw_cache_judgement_t judgement = judged(&usual_rules, "", status, DATE YESTERDAY);
        if (is_guessed)
            assert_string_equal(shown(&judgement), "stored fresh=8640 guess modified");
        else
            assert_true(judgement.storing == GW_CACHE_STORING_NO_LIFETIME ||
                        judgement.storing == GW_CACHE_STORING_STATUS);
    }
}

static void what_must_be_understood_is_stored_only_if_it_is(void **state)
{
    static const row_t rows[] = {
        {"RFC 9111 5.2.2.3: it takes no-store back", "", 200, "cache-control: max-age=60, no-store, must-understand\n",
         "stored fresh=60"},
        {"RFC 9111 5.2.2.3: in any order and line", "", 404,
         "cache-control: must-understand, max-age=60\ncache-control: no-store\n", "stored fresh=60"},
        {"RFC 9111 5.2.2.3: an unknown status", "", 599, "cache-control: max-age=60, no-store, must-understand\n",
         "status"},
        {"RFC 9111 5.2.2.3: an unknown status without no-store", "", 599,
         "cache-control: max-age=60, must-understand\n", "status"},
        {"RFC 9111 5.2.2.3: a status with rules of its own (RFC 3229)", "", 226,
         "cache-control: max-age=60, must-understand\n", "status"},
        {"RFC 9111 5.2.2.3: it does not take private back", "", 200,
         "cache-control: max-age=60, no-store, must-understand, private\n", "private"},
        {"RFC 9111 5.2.2.3: nor what the request says", "no-store", 200,
         "cache-control: max-age=60, no-store, must-understand\n", "request-no-store"},
        {"RFC 9111 5.2.2.3: spoilt it takes nothing back", "", 200,
         "cache-control: max-age=60, no-store, must-understand=1\n", "no-store"},
    };
    CHECK(&usual_rules, rows);
    static const unsigned understood[] = {200, 203, 204, 301, 302, 303, 307, 308, 400, 401, 403, 404,
                                          405, 410, 414, 422, 426, 451, 500, 501, 502, 503, 504, 505};
    for (size_t i = 0; i != sizeof(understood) / sizeof(understood[0]); ++i) {
        print_message("RFC 9111 5.2.2.3: %u is understood\n", understood[i]);
        gw_cache_judgement_t judgement =
            judged(&usual_rules, "", understood[i], "cache-control: no-store, must-understand, max-age=60\n");
        assert_string_equal(shown(&judgement), "stored fresh=60");
    }
}

static void parts_are_stored_if_they_were_asked_for_and_say_which_they_are(void **state)
{
#define PART "cache-control: max-age=60\n"
    static const row_t rows[] = {
        {"RFC 9111 3.3: a part", "range", 206, PART "content-range: bytes 0-4/10\n", "stored fresh=60"},
        {"RFC 9111 3.3: a part of what length is unknown", "range", 206, PART "content-range: bytes 0-4/*\n",
         "stored fresh=60"},
        {"RFC 9111 3.3: a part without Content-Range (multipart)", "range", 206,
         PART "content-type: multipart/byteranges; boundary=x\n", "partial"},
        {"RFC 9111 3.3: in a unit that is not understood", "range", 206, PART "content-range: lines 0-4/10\n",
         "partial"},
        {"RFC 9110 14.4: a Content-Range that contradicts itself", "range", 206, PART "content-range: bytes 5-4/10\n",
         "partial"},
        {"RFC 9110 14.4: two of them", "range", 206, PART "content-range: bytes 0-4/10\ncontent-range: bytes 0-4/10\n",
         "partial"},
        {"RFC 9110 15.3.7: a part that nobody asked for", "", 206, PART "content-range: bytes 0-4/10\n", "partial"},
        {"RFC 9110 14.2: the whole, since Range was ignored", "range", 200, PART, "stored fresh=60"},
        {"RFC 9110 14.4: Content-Range means nothing in a 200", "", 200, PART "content-range: anything\n",
         "stored fresh=60"},
        {"RFC 9110 15.5.17: 416 is about the Range", "range", 416, PART "content-range: bytes */10\n", "status"},
        {"another answer to a Range", "range", 404, PART, "status"},
        {"RFC 9110 15.1: a part that may be guessed at", "range", 206, DATE YESTERDAY "content-range: bytes 0-4/10\n",
         "stored fresh=8640 guess modified"},
        {"RFC 9111 5.2.2.5: no-store", "range", 206, "cache-control: no-store\ncontent-range: bytes 0-4/10\n",
         "no-store"},
    };
    CHECK(&usual_rules, rows);
}

static void the_lifetime_is_what_the_origin_says_first_of_all(void **state)
{
    static const row_t rows[] = {
        {"RFC 9111 4.2.1: s-maxage before max-age", "", 200, "cache-control: max-age=3600, s-maxage=1\n",
         "stored fresh=1 strict"},
        {"RFC 9111 4.2.1: in any order", "", 200, "cache-control: s-maxage=3600, max-age=1\n",
         "stored fresh=3600 strict"},
        {"RFC 9111 4.2.1: in two lines", "", 200, "cache-control: max-age=3600\ncache-control: s-maxage=1\n",
         "stored fresh=1 strict"},
        {"RFC 9111 5.2.2.10: s-maxage=0", "", 200, "cache-control: s-maxage=0, max-age=3600\netag: \"a\"\n",
         "stored fresh=0 strict etag"},
        {"RFC 9111 5.2.2.10: s-maxage that cannot be read", "", 200,
         "cache-control: s-maxage=x, max-age=3600\netag: \"a\"\n", "stored fresh=0 strict etag"},
        {"RFC 9111 5.2.2.10: s-maxage before max-age=0 and Expires in the past", "", 200,
         "cache-control: max-age=0, s-maxage=3600\nexpires: Sun, 06 Nov 1994 08:00:00 GMT\n",
         "stored fresh=3600 strict"},
        {"RFC 9111 5.3: max-age before Expires in the past", "", 200,
         DATE "cache-control: max-age=3600\nexpires: Sun, 06 Nov 1994 08:00:00 GMT\n", "stored fresh=3600"},
        {"RFC 9111 5.3: max-age before an invalid Expires", "", 200, DATE "cache-control: max-age=3600\nexpires: 0\n",
         "stored fresh=3600"},
        {"RFC 9111 5.3: max-age=0 before Expires in the future", "", 200,
         DATE "cache-control: max-age=0\nexpires: " IN_HOUR "\n", "no-lifetime"},
        {"RFC 9111 5.3: a Cache-Control that says nothing of it", "", 200,
         DATE "cache-control: foo\nexpires: " IN_HOUR "\n", "stored fresh=3600"},
        {"RFC 9111 5.3: Expires less Date", "", 200, "date: Sun, 06 Nov 1994 08:49:27 GMT\nexpires: " IN_HOUR "\n",
         "stored age=10 fresh=3600"},
        {"RFC 9111 5.3: Expires in the past", "", 200, DATE "expires: Sun, 06 Nov 1994 08:00:00 GMT\n", "no-lifetime"},
        {"RFC 9111 5.3: Expires when it was made", "", 200, DATE "expires: Sun, 06 Nov 1994 08:49:37 GMT\n",
         "no-lifetime"},
        {"RFC 9111 5.3: Expires before Date, both ahead", "", 200,
         "date: Sun, 06 Nov 1994 08:59:37 GMT\nexpires: Sun, 06 Nov 1994 08:58:37 GMT\n", "no-lifetime"},
        {"RFC 9111 5.3: Expires behind Date, both ahead", "", 200,
         "date: Sun, 06 Nov 1994 09:48:37 GMT\nexpires: " IN_HOUR "\n", "stored fresh=60"},
        {"RFC 9111 5.3: an Expires that is no date: 0", "", 200, DATE "expires: 0\n", "no-lifetime"},
        {"RFC 9111 5.3: one that is no date has expired, and nothing is guessed", "", 200,
         DATE YESTERDAY "expires: soon\n", "stored fresh=0 modified"},
        {"RFC 9111 4.2: another zone", "", 200, DATE "expires: Sun, 06 Nov 1994 09:49:37 UTC\n", "no-lifetime"},
        {"RFC 9111 4.2: the case of letters", "", 200, DATE "expires: SUN, 06 NOV 1994 09:49:37 gMT\n",
         "stored fresh=3600"},
        {"RFC 9110 5.6.7: RFC 850", "", 200, DATE "expires: Sunday, 06-Nov-94 09:49:37 GMT\n", "stored fresh=3600"},
        {"RFC 9110 5.6.7: asctime()", "", 200, DATE "expires: Sun Nov  6 09:49:37 1994\n", "stored fresh=3600"},
        {"RFC 9111 4.2.1: several Expires", "", 200, DATE "expires: " IN_HOUR "\nexpires: " IN_HOUR "\n",
         "no-lifetime"},
        {"RFC 9111 4.2.1: several in one line", "", 200, DATE "expires: " IN_HOUR ", " IN_HOUR "\n", "no-lifetime"},
        {"RFC 9111 4.2.1: several, only the first of them a date", "", 200, DATE "expires: " IN_HOUR "\nexpires: 0\n",
         "no-lifetime"},
        {"RFC 9111 1.2.2: an Expires beyond all numbers", "", 200, DATE "expires: Fri, 31 Dec 9999 23:59:59 GMT\n",
         "stored fresh=2147483648"},
        {"RFC 9110 6.6.1: without Date it was made when it came", "", 200, "expires: " IN_HOUR "\n",
         "stored fresh=3600"},
        {"RFC 9110 6.6.1: likewise with a Date that is none", "", 200, "date: foo\nexpires: " IN_HOUR "\n",
         "stored fresh=3600"},
        {"RFC 9110 6.6.1: likewise with two", "", 200,
         "date: Sun, 06 Nov 1994 08:00:00 GMT\ndate: Sun, 06 Nov 1994 08:00:00 GMT\nexpires: " IN_HOUR "\n",
         "stored fresh=3600"},
        {"RFC 9110 5.5: blanks round a date", "", 200,
         "date:  Sun, 06 Nov 1994 08:49:27 GMT\t\nexpires: \t" IN_HOUR " \n", "stored age=10 fresh=3600"},
        {"RFC 9111 1.2.2: 2^31 - 1", "", 200, "cache-control: max-age=2147483647\n", "stored fresh=2147483647"},
        {"RFC 9111 1.2.2: more than 2^31", "", 200, "cache-control: max-age=99999999999\n", "stored fresh=2147483648"},
        {"RFC 9111 4.2.1: max-age that is no number", "", 200, DATE YESTERDAY "cache-control: max-age='3600'\n",
         "stored fresh=0 modified"},
        {"RFC 8246 2: immutable", "", 200, "cache-control: max-age=60, immutable\n", "stored fresh=60 immutable"},
        {"RFC 9111 5.2.2.2: must-revalidate", "", 200, "cache-control: max-age=60, must-revalidate\n",
         "stored fresh=60 strict"},
        {"RFC 9111 5.2.2.8: proxy-revalidate", "", 200, "cache-control: max-age=60, proxy-revalidate\n",
         "stored fresh=60 strict"},
    };
    static const row_t ages[] = {
        {"RFC 9111 4.2.3: Age", "", 200, DATE "cache-control: max-age=60\nage: 15\n", "stored age=15 fresh=45"},
        {"RFC 9111 4.2.3: a Date in the past", "", 200,
         "date: Sun, 06 Nov 1994 08:49:07 GMT\ncache-control: max-age=60\n", "stored age=30 fresh=30"},
        {"RFC 9111 4.2.3: a Date in the future", "", 200, "date: " IN_HOUR "\ncache-control: max-age=60\n",
         "stored fresh=60"},
        {"RFC 9111 4.2.3: the larger of both", "", 200,
         "date: Sun, 06 Nov 1994 08:49:07 GMT\nage: 40\ncache-control: max-age=60\n", "stored age=40 fresh=20"},
        {"RFC 9111 4.2.3: Age beyond Expires, Date in the past", "", 200,
         "date: Sun, 06 Nov 1994 08:49:27 GMT\nexpires: Sun, 06 Nov 1994 08:49:47 GMT\nage: 25\netag: \"a\"\n",
         "stored age=25 fresh=-5 etag"},
        {"RFC 9111 4.2.3: Age beyond Expires, Date in the future", "", 200,
         "date: Sun, 06 Nov 1994 08:49:47 GMT\nexpires: Sun, 06 Nov 1994 08:49:57 GMT\nage: 15\netag: \"a\"\n",
         "stored age=15 fresh=-5 etag"},
        {"RFC 9111 5.1: of a list the first", "", 200, "cache-control: max-age=60\nage: 15, 0\n",
         "stored age=15 fresh=45"},
        {"RFC 9111 5.1: of a list the first, though the second is larger", "", 200,
         "cache-control: max-age=60\nage: 0, 15\n", "stored fresh=60"},
        {"RFC 9111 5.1: of several lines the first", "", 200, "cache-control: max-age=60\nage: 15\nage: 0\n",
         "stored age=15 fresh=45"},
        {"RFC 9111 5.1: though the second is larger", "", 200, "cache-control: max-age=60\nage: 0\nage: 15\n",
         "stored fresh=60"},
        {"RFC 9111 5.1: a word is ignored", "", 200, "cache-control: max-age=60\nage: abc\n", "stored fresh=60"},
        {"RFC 9111 5.1: it is, though a number follows", "", 200, "cache-control: max-age=60\nage: abc\nage: 90\n",
         "stored fresh=60"},
        {"RFC 9111 5.1: negative", "", 200, "cache-control: max-age=60\nage: -90\n", "stored fresh=60"},
        {"RFC 9111 5.1: a fraction", "", 200, "cache-control: max-age=60\nage: 90.0\n", "stored fresh=60"},
        {"RFC 9111 5.1: a parameter", "", 200, "cache-control: max-age=60\nage: 90;foo=bar\n", "stored fresh=60"},
        {"RFC 9111 5.1: empty", "", 200, "cache-control: max-age=60\nage: \n", "stored fresh=60"},
        {"RFC 9111 5.1: an empty first item", "", 200, "cache-control: max-age=60\nage: , 90\n", "stored fresh=60"},
        {"RFC 9111 1.2.2: 2^31 - 1", "", 200, "cache-control: max-age=3600\nage: 2147483647\netag: \"a\"\n",
         "stored age=2147483647 fresh=-2147480047 etag"},
        {"RFC 9111 1.2.2: 2^31", "", 200, "cache-control: max-age=3600\nage: 2147483648\netag: \"a\"\n",
         "stored age=2147483648 fresh=-2147480048 etag"},
        {"RFC 9111 1.2.2: 2^31 + 1", "", 200, "cache-control: max-age=3600\nage: 2147483649\netag: \"a\"\n",
         "stored age=2147483648 fresh=-2147480048 etag"},
        {"RFC 9111 1.2.2: beyond 64 bits", "", 200,
         "cache-control: max-age=3600\nage: 18446744073709551617\netag: \"a\"\n",
         "stored age=2147483648 fresh=-2147480048 etag"},
        {"RFC 9111 1.2.2: the longest lifetime and the largest age", "", 200,
         "cache-control: max-age=2147483648\nage: 2147483648\n", "no-lifetime"},
    };
    CHECK(&usual_rules, rows);
    CHECK(&usual_rules, ages);
}

static void a_lifetime_that_nobody_says_is_guessed_from_last_modified(void **state)
{
    static const row_t rows[] = {
        {"RFC 9111 4.2.2: a tenth of the time since then", "", 200, DATE YESTERDAY, "stored fresh=8640 guess modified"},
        {"RFC 9111 4.2.2: since then to Date", "", 200, "date: Sun, 06 Nov 1994 08:49:27 GMT\n" YESTERDAY,
         "stored age=10 fresh=8629 guess modified"},
        {"RFC 9111 4.2.2: without Date to when it came", "", 200, YESTERDAY, "stored fresh=8640 guess modified"},
        {"RFC 9111 4.2.2: five seconds since then", "", 200, DATE "last-modified: Sun, 06 Nov 1994 08:49:32 GMT\n",
         "stored fresh=0 guess modified"},
        {"RFC 9111 4.2.2: none since then", "", 200, DATE "last-modified: Sun, 06 Nov 1994 08:49:37 GMT\n",
         "stored fresh=0 modified"},
        {"RFC 9111 4.2.2: it has not happened yet", "", 200, DATE "last-modified: " IN_HOUR "\n",
         "stored fresh=0 modified"},
        {"RFC 9111 4.2.2: without Last-Modified nothing is guessed", "", 200, DATE "etag: \"a\"\n",
         "stored fresh=0 etag"},
        {"RFC 9111 4.2.2: not where the origin says how long", "", 200, DATE YESTERDAY "cache-control: max-age=5\n",
         "stored fresh=5 modified"},
        {"RFC 9111 4.2.2: nor where it says so by Expires", "", 200, DATE YESTERDAY "expires: 0\n",
         "stored fresh=0 modified"},
        {"RFC 9111 4.2.2: a status that is not cacheable by default", "", 302, DATE YESTERDAY, "no-lifetime"},
        {"RFC 9111 4.2.2: unless it is public", "", 302, DATE YESTERDAY "cache-control: public\n",
         "stored fresh=8640 guess modified"},
        {"RFC 9111 5.2.2.9: an unknown status", "", 599, DATE YESTERDAY, "no-lifetime"},
        {"RFC 9111 5.2.2.9: an unknown status that is public", "", 599, DATE YESTERDAY "cache-control: public\n",
         "stored fresh=8640 guess modified"},
        {"RFC 9111 4.2.2: Age counts against it", "", 200, DATE YESTERDAY "age: 40\n",
         "stored age=40 fresh=8600 guess modified"},
        {"RFC 9111 5.2.2.4: no-cache", "", 200, DATE YESTERDAY "cache-control: no-cache\n",
         "stored fresh=8640 validate guess modified"},
    };
    CHECK(&usual_rules, rows);

    static const gw_cache_rules_t never = {NO_RULES, .heuristic_share = 0};
    static const row_t row_never[] = {
        {"no share of it", "", 200, DATE YESTERDAY, "stored fresh=0 modified"},
    };
    CHECK(&never, row_never);
    gw_cache_rules_t some = usual_rules;
    some.heuristic_max = 600 * 1000;
    static const row_t row_some[] = {
        {"not more than the conf says", "", 200, DATE YESTERDAY, "stored fresh=600 guess modified"},
        {"less than that", "", 200, DATE "last-modified: Sun, 06 Nov 1994 08:48:37 GMT\n",
         "stored fresh=6 guess modified"},
    };
    CHECK(&some, row_some);
    static const gw_cache_rules_t all = {NO_RULES, .heuristic_share = 10000};
    static const row_t row_all[] = {
        {"all of it", "", 200, DATE YESTERDAY, "stored fresh=86400 guess modified"},
        {"all of a long time", "", 200, DATE "last-modified: Sat, 01 Jan 0000 00:00:00 GMT\n",
         "stored fresh=2147483648 guess modified"},
    };
    CHECK(&all, row_all);
}

static void a_targeted_field_stands_for_all_others(void **state)
{
    static const row_t rows[] = {
        {"RFC 9213 2.2: alone", "", 200, "cdn-cache-control: max-age=60\n", "stored fresh=60"},
        {"RFC 9213 2.2: longer", "", 200, "cache-control: max-age=1\ncdn-cache-control: max-age=60\n",
         "stored fresh=60"},
        {"RFC 9213 2.2: shorter", "", 200, "cache-control: max-age=60\ncdn-cache-control: max-age=1\n",
         "stored fresh=1"},
        {"RFC 9213 2.2: against s-maxage", "", 200, "cache-control: s-maxage=60\ncdn-cache-control: max-age=1\n",
         "stored fresh=1"},
        {"RFC 9213 2.2: against no-store", "", 200, "cache-control: no-store\ncdn-cache-control: max-age=60\n",
         "stored fresh=60"},
        {"RFC 9213 2.2: against private", "", 200, "cache-control: private\ncdn-cache-control: max-age=60\n",
         "stored fresh=60"},
        {"RFC 9213 2.2: against Expires", "", 200, DATE "expires: " IN_HOUR "\ncdn-cache-control: max-age=0\n",
         "no-lifetime"},
        {"RFC 9213 2.2: against Expires, of which it says nothing", "", 200,
         DATE "expires: " IN_HOUR "\ncdn-cache-control: must-revalidate\n", "no-lifetime"},
        {"RFC 9213 2.2: against Expires that is none", "", 200, DATE "expires: 0\ncdn-cache-control: max-age=60\n",
         "stored fresh=60"},
        {"RFC 9213 2.2: no-store", "", 200,
         "cache-control: max-age=60\ncdn-cache-control: no-store\n" DATE "expires: " IN_HOUR "\n", "no-store"},
        {"RFC 9213 2.2: private", "", 200, "cache-control: max-age=60\ncdn-cache-control: private\n", "private"},
        {"RFC 9213 2.2: no-cache", "", 200, "cache-control: max-age=60\ncdn-cache-control: no-cache\netag: \"a\"\n",
         "stored fresh=0 validate etag"},
        {"RFC 9213 2.2: Age counts against it", "", 200, DATE "cdn-cache-control: max-age=60\nage: 90\n",
         "no-lifetime"},
        {"RFC 9213 3.1: one that says nothing takes no-store back", "", 200,
         "cache-control: no-store\ncdn-cache-control: none\netag: \"a\"\n", "stored fresh=0 etag"},
        {"RFC 9213 2.2: empty", "", 200, "cache-control: max-age=60\ncdn-cache-control: \n", "stored fresh=60"},
        {"RFC 9213 2.2: malformed", "", 200, "cache-control: no-store\ncdn-cache-control: max-age=60, &&&&&\n",
         "no-store"},
        {"RFC 9213 2.2: malformed, and Expires counts again", "", 200,
         DATE "expires: " IN_HOUR "\ncdn-cache-control: &\n", "stored fresh=3600"},
        {"RFC 9213 2.1: of the wrong type", "", 200,
         "cache-control: no-store\ncdn-cache-control: max-age=\"60\"\netag: \"a\"\n", "no-store"},
        {"RFC 9651 4.2: in two lines", "", 200,
         "cdn-cache-control: max-age=60\ncache-control: no-store\ncdn-cache-control: immutable\n",
         "stored fresh=60 immutable"},
    };
    CHECK(&usual_rules, rows);
}

static void grace_is_what_the_origin_says_and_the_conf_where_it_is_silent(void **state)
{
    static const gw_cache_rules_t rules = {NO_RULES, .heuristic_share = 0};
    gw_cache_rules_t with_grace = rules;
    with_grace.while_revalidate = 5000;
    with_grace.if_error = 7000;
    static const row_t rows[] = {
        {"the origin is silent", "", 200, "cache-control: max-age=60\n", "stored fresh=60 while=5 error=7"},
        {"RFC 5861 3: the origin says more", "", 200, "cache-control: max-age=60, stale-while-revalidate=50\n",
         "stored fresh=60 while=50 error=7"},
        {"RFC 5861 4: the origin says less", "", 200, "cache-control: max-age=60, stale-if-error=1\n",
         "stored fresh=60 while=5 error=1"},
        {"RFC 5861: the origin says none", "", 200,
         "cache-control: max-age=60, stale-while-revalidate=0, stale-if-error=0\n", "stored fresh=60"},
        {"RFC 9111 4.2.4: must-revalidate", "", 200, "cache-control: max-age=60, must-revalidate\n",
         "stored fresh=60 strict"},
        {"RFC 9111 4.2.4: must-revalidate against what the origin allows", "", 200,
         "cache-control: max-age=60, must-revalidate, stale-while-revalidate=5, stale-if-error=5\n",
         "stored fresh=60 strict"},
        {"RFC 9111 4.2.4: proxy-revalidate", "", 200, "cache-control: max-age=60, proxy-revalidate\n",
         "stored fresh=60 strict"},
        {"RFC 9111 4.2.4: s-maxage", "", 200, "cache-control: s-maxage=60\n", "stored fresh=60 strict"},
        {"RFC 9111 4.2.4: no-cache", "", 200, "cache-control: no-cache\netag: \"a\"\n", "stored fresh=0 validate etag"},
        {"what was never fresh is for nobody else, unless the origin says so", "", 200, "cache-control: max-age=0\n",
         "no-lifetime"},
        {"not even when it could be validated", "", 200, "etag: \"a\"\n", "stored fresh=0 etag"},
        {"RFC 5861 4: the origin says so", "", 200, "cache-control: max-age=0, stale-if-error=9\n",
         "stored fresh=0 error=9"},
        {"a failure is no better for being old", "", 503, "cache-control: max-age=60\n", "stored fresh=60"},
        {"RFC 5861 4: unless the origin says so", "", 503, "cache-control: max-age=60, stale-if-error=5\n",
         "stored fresh=60 error=5"},
        {"an answer that nothing is there is no failure", "", 404, "cache-control: max-age=60\n",
         "stored fresh=60 while=5 error=7"},
    };
    CHECK(&with_grace, rows);
}

static void the_ttl_of_the_conf_holds_where_the_origin_is_silent(void **state)
{
    static const gw_cache_rules_t base = {NO_RULES, .heuristic_share = 1000};
    gw_cache_rules_t rules = base;
    rules.ttl = 30000;
    static const row_t rows[] = {
        {"the origin is silent", "", 200, DATE, "stored fresh=30"},
        {"it goes before a guess", "", 200, DATE YESTERDAY, "stored fresh=30 modified"},
        {"it counts from the arrival", "", 200, DATE "age: 3600\n", "stored age=3600 fresh=30"},
        {"a redirection that is cacheable by default", "", 301, DATE, "stored fresh=30"},
        {"one that is not", "", 302, DATE, "no-lifetime"},
        {"one that is public", "", 302, DATE "cache-control: public\n", "stored fresh=30"},
        {"not of an error", "", 404, DATE, "no-lifetime"},
        {"of which there may be a guess", "", 404, DATE YESTERDAY, "stored fresh=8640 guess modified"},
        {"the origin says how long", "", 200, "cache-control: max-age=5\n", "stored fresh=5"},
        {"the origin says how long by Expires", "", 200, DATE "expires: " IN_HOUR "\n", "stored fresh=3600"},
        {"the origin says not at all", "", 200, "cache-control: max-age=0\n", "no-lifetime"},
        {"no-cache", "", 200, "cache-control: no-cache\netag: \"a\"\n", "stored fresh=30 validate etag"},
        {"no-store", "", 200, "cache-control: no-store\n", "no-store"},
        {"private", "", 200, "cache-control: private\n", "private"},
        {"Set-Cookie", "", 200, "set-cookie: a=b\n", "set-cookie"},
        {"Authorization", "authorization", 200, DATE, "authorization"},
    };
    CHECK(&rules, rows);
    rules.ttl = 0;
    static const row_t none[] = {
        {"a ttl of 0", "", 200, DATE, "rule"},
        {"a ttl of 0, but to be confirmed", "", 200, DATE YESTERDAY, "stored fresh=0 modified"},
    };
    CHECK(&rules, none);
    rules.ttl = UINT64_MAX - 1;
    static const row_t all[] = {
        {"the longest ttl", "", 200, DATE, "stored fresh=2147483648"},
        {"the longest ttl of what is old already", "", 200, DATE "age: 1\n", "stored age=1 fresh=2147483647"},
    };
    CHECK(&rules, all);
}

static void the_negative_ttl_holds_for_the_statuses_that_the_conf_names(void **state)
{
    static const gw_cache_rules_t base = {NO_RULES, .heuristic_share = 1000};
    gw_cache_rules_t rules = base;
    rules.ttl = 30000;
    rules.negative_ttl = 3000;
    assert_true(gw_status_set_add(&rules.negative_statuses, GW_STR("404")));
    assert_true(gw_status_set_add(&rules.negative_statuses, GW_STR("500-503")));
    assert_true(gw_status_set_add(&rules.negative_statuses, GW_STR("429")));
    static const row_t rows[] = {
        {"one that is named", "", 404, DATE, "stored fresh=3"},
        {"one that is named, before a guess", "", 404, DATE YESTERDAY, "stored fresh=3 modified"},
        {"one that is not cacheable by default", "", 502, DATE, "stored fresh=3"},
        {"one that is not named", "", 410, DATE, "no-lifetime"},
        {"it counts from the arrival", "", 404, DATE "age: 3600\n", "stored age=3600 fresh=3"},
        {"the origin says how long", "", 404, "cache-control: max-age=5\n", "stored fresh=5"},
        {"the origin says not at all", "", 404, "cache-control: no-store\n", "no-store"},
        {"RFC 6585 4: one that no cache may store", "", 429, DATE, "status"},
        {"no error", "", 200, DATE, "stored fresh=30"},
    };
    CHECK(&rules, rows);
    rules.negative_ttl = 0;
    static const row_t none[] = {
        {"not at all", "", 404, DATE, "rule"},
        {"not at all, but to be confirmed", "", 404, DATE YESTERDAY, "stored fresh=0 modified"},
    };
    CHECK(&rules, none);
}

static void the_override_of_the_conf_holds_against_all_but_no_store_and_private(void **state)
{
    static const gw_cache_rules_t base = {NO_RULES, .heuristic_share = 1000};
    gw_cache_rules_t rules = base;
    rules.override_ttl = 30000;
    rules.ttl = 1000;
    rules.if_error = 7000;
    static const row_t rows[] = {
        {"the origin is silent", "", 200, DATE, "stored fresh=30 error=7"},
        {"longer than the origin says", "", 200, "cache-control: max-age=5\n", "stored fresh=30 error=7"},
        {"shorter", "", 200, "cache-control: max-age=500\n", "stored fresh=30 error=7"},
        {"shorter than s-maxage, which is strict nevertheless", "", 200, "cache-control: s-maxage=500\n",
         "stored fresh=30 strict"},
        {"against no-cache", "", 200, "cache-control: no-cache\n", "stored fresh=30 error=7"},
        {"against Expires", "", 200, DATE "expires: 0\n", "stored fresh=30 error=7"},
        {"against a guess", "", 200, DATE YESTERDAY, "stored fresh=30 error=7 modified"},
        {"against a targeted field", "", 200, "cdn-cache-control: max-age=0\n", "stored fresh=30 error=7"},
        {"from the arrival", "", 200, "cache-control: max-age=5\nage: 600\n", "stored age=600 fresh=30 error=7"},
        {"not against no-store", "", 200, "cache-control: no-store\n", "no-store"},
        {"not against private", "", 200, "cache-control: private, max-age=5\n", "private"},
        {"not against what is private of it", "", 200, "cache-control: private=\"x\"\n", "stored fresh=30 error=7"},
        {"not against Authorization", "authorization", 200, "cache-control: max-age=5\n", "authorization"},
        {"a status that may be kept because the origin says so", "", 302, "cache-control: max-age=5\n",
         "stored fresh=30 error=7"},
        {"a status that may not be kept", "", 302, DATE, "no-lifetime"},
        {"no error", "", 404, "cache-control: max-age=5\n", "stored fresh=5 error=7"},
        {"no error, even the first of them", "", 400, "cache-control: max-age=5\n", "stored fresh=5 error=7"},
        {"no error that is guessed at", "", 404, DATE YESTERDAY, "stored fresh=8640 guess error=7 modified"},
    };
    CHECK(&rules, rows);
    rules.override_ttl = 0;
    rules.if_error = GW_CACHE_NOT_SAID;
    static const row_t none[] = {
        {"not at all", "", 200, "cache-control: max-age=5\n", "rule"},
        {"not at all, but to be confirmed", "", 200, "cache-control: max-age=5\netag: \"a\"\n", "stored fresh=0 etag"},
    };
    CHECK(&rules, none);
}

static void cookies_are_stored_where_the_conf_says_so(void **state)
{
    static const gw_cache_rules_t rules = {NO_RULES, .stores_set_cookie = true};
    static const row_t rows[] = {
        {"RFC 9111 7.3: Set-Cookie", "", 200, "cache-control: max-age=60\nset-cookie: a=b\n", "stored fresh=60"},
        {"RFC 9111 5.2.2.7: but not if it is private", "", 200, "cache-control: private\nset-cookie: a=b\n", "private"},
    };
    CHECK(&rules, rows);
}

static void more_lines_than_any_response_has_are_not_stored(void **state)
{
    char text[MAX_FIELDS * 32] = "";
    for (int i = 0; i != 101; ++i)
        strcat(text, "cache-control: max-age=60\n");
    gw_cache_judgement_t judgement = judged(&usual_rules, "", 200, text);
    assert_string_equal(shown(&judgement), "no-store");
    text[strlen(text) - strlen("cache-control: max-age=60\n")] = '\0';
    judgement = judged(&usual_rules, "", 200, text);
    assert_string_equal(shown(&judgement), "stored fresh=60");
}

static void the_judgement_says_what_confirms_and_what_counts(void **state)
{
    gw_cache_judgement_t judgement =
        judged(&usual_rules, "", 200, "etag:  W/\"a\" \n" YESTERDAY "cache-control: no-store, private=\"x\"\n");
    assert_int_equal(judgement.storing, GW_CACHE_STORING_NO_STORE);
    assert_true(gw_str_equal(judgement.etag, GW_STR("W/\"a\"")));
    assert_true(judgement.last_modified_s == CAME_S - 86400);
    assert_true(judgement.directives.no_store);
    assert_int_equal(judgement.directives.num_names, 1);
    judgement = judged(&usual_rules, "", 200, "cache-control: no-store\ncdn-cache-control: max-age=5\n");
    assert_false(judgement.directives.no_store);
    assert_int_equal(judgement.directives.max_age, 5);
}

static void an_answer_that_took_long_is_as_old_as_that(void **state)
{
    static const gw_http_field_t fields[] = {{GW_STR("cache-control"), GW_STR("max-age=60")},
                                             {GW_STR("age"), GW_STR("10")}};
    gw_cache_request_facts_t request = {.is_get = true};
    gw_cache_response_facts_t response = {.status = 200,
                                          .fields = fields,
                                          .num_fields = 2,
                                          .asked_ms = CAME_MS - 4500,
                                          .came_ms = CAME_MS,
                                          .came_wall_s = CAME_S};
    gw_cache_judgement_t judgement;
    gw_cache_judge(&usual_rules, &request, &response, &judgement);
    assert_int_equal(judgement.storing, GW_CACHE_STORING_YES);
    assert_true(judgement.life.born_ms == CAME_MS - 14500); /* RFC 9111 4.2.3: corrected_age_value */
    assert_true(gw_cache_left_ms(&judgement.life, CAME_MS) == 60000 - 14500);
}

static void fields_are_stored_and_updated_as_the_rfc_says(void **state)
{
    static const struct {
        const char *about, *name;
        bool is_stored, is_updated;
    } cases[] = {
        {"RFC 9111 3.1: any field", "test-header", true, true},
        {"RFC 9111 3.1: of content, too", "content-foo", true, true},
        {"RFC 9111 3.1: unknown ones that begin like it", "x-content-foo", true, true},
        {"RFC 9111 3.1: Connection", "connection", false, false},
        {"RFC 9111 3.1: Keep-Alive", "keep-alive", false, false},
        {"RFC 9111 3.1: Proxy-Connection", "proxy-connection", false, false},
        {"RFC 9111 3.1: TE", "te", false, false},
        {"RFC 9111 3.1: Transfer-Encoding", "transfer-encoding", false, false},
        {"RFC 9111 3.1: Upgrade", "upgrade", false, false},
        {"RFC 9111 3.1: Proxy-Authenticate", "proxy-authenticate", false, false},
        {"RFC 9111 3.1: Proxy-Authentication-Info", "proxy-authentication-info", false, false},
        {"RFC 9111 3.1: Proxy-Authorization", "proxy-authorization", false, false},
        {"RFC 9111 5.1: Age is made anew", "age", false, false},
        {"RFC 9111 5.2.2.4: named by no-cache", "x-user", false, true},
        {"RFC 9111 5.2.2.7: named by private, in capitals", "x-session", false, true},
        {"RFC 9111 3.2: Content-Length", "content-length", true, false},
        {"RFC 9111 3.2: Content-Encoding, which tells how to read the bytes", "content-encoding", true, false},
        {"RFC 9111 3.2: Content-Range, which tells what they are", "content-range", true, false},
        {"RFC 9111 3.2: Content-Type", "content-type", true, true},
        {"RFC 9111 3.2: Content-Location", "content-location", true, true},
        {"RFC 9111 3.2: Cache-Control", "cache-control", true, true},
        {"RFC 9111 3.2: Expires", "expires", true, true},
        {"RFC 9111 3.2: Date", "date", true, true},
        {"RFC 9111 3.2: ETag", "etag", true, true},
        {"RFC 9111 3.2: Vary", "vary", true, true},
        {"RFC 9111 7.3: Set-Cookie, if it comes to that", "set-cookie", true, true},
    };
    gw_str_t line = GW_STR("no-cache=\"x-user\", private=\"X-SESSION\", max-age=5");
    gw_cache_response_directives_t directives;
    gw_cache_response_directives(&line, 1, &directives);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_cache_is_field_stored(gw_str_of(cases[i].name), &directives), cases[i].is_stored);
        assert_int_equal(gw_cache_is_field_updated(gw_str_of(cases[i].name)), cases[i].is_updated);
    }
}

static void errors_in_whose_place_a_stale_one_may_stand(void **state)
{
    for (unsigned status = 0; status != 700; ++status) /* RFC 5861 4 */
        assert_int_equal(gw_cache_is_error(status), status == 500 || status == 502 || status == 503 || status == 504);
}

static void every_cause_has_a_word_of_its_own(void **state)
{
    static const gw_cache_storing_t all[] = {
#define ID(id, word) GW_CACHE_STORING_##id,
        GW_CACHE_STORING_MAP(ID)
#undef ID
    };
    assert_string_equal(gw_cache_storing_word(GW_CACHE_STORING_YES), "stored");
    for (size_t i = 0; i != sizeof(all) / sizeof(all[0]); ++i) {
        const char *word = gw_cache_storing_word(all[i]);
        assert_true(word[0] != '\0' && strspn(word, "abcdefghijklmnopqrstuvwxyz-") == strlen(word)); /* a token */
        for (size_t k = 0; k != i; ++k)
            assert_string_not_equal(word, gw_cache_storing_word(all[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_may_be_reused_is_stored),
        cmocka_unit_test(with_authorization_only_what_is_meant_for_all_is_stored),
        cmocka_unit_test(a_status_is_stored_if_it_says_something_of_the_resource),
        cmocka_unit_test(what_must_be_understood_is_stored_only_if_it_is),
        cmocka_unit_test(parts_are_stored_if_they_were_asked_for_and_say_which_they_are),
        cmocka_unit_test(the_lifetime_is_what_the_origin_says_first_of_all),
        cmocka_unit_test(a_lifetime_that_nobody_says_is_guessed_from_last_modified),
        cmocka_unit_test(a_targeted_field_stands_for_all_others),
        cmocka_unit_test(grace_is_what_the_origin_says_and_the_conf_where_it_is_silent),
        cmocka_unit_test(the_ttl_of_the_conf_holds_where_the_origin_is_silent),
        cmocka_unit_test(the_negative_ttl_holds_for_the_statuses_that_the_conf_names),
        cmocka_unit_test(the_override_of_the_conf_holds_against_all_but_no_store_and_private),
        cmocka_unit_test(cookies_are_stored_where_the_conf_says_so),
        cmocka_unit_test(more_lines_than_any_response_has_are_not_stored),
        cmocka_unit_test(the_judgement_says_what_confirms_and_what_counts),
        cmocka_unit_test(an_answer_that_took_long_is_as_old_as_that),
        cmocka_unit_test(fields_are_stored_and_updated_as_the_rfc_says),
        cmocka_unit_test(errors_in_whose_place_a_stale_one_may_stand),
        cmocka_unit_test(every_cause_has_a_word_of_its_own),
    };
    return cmocka_run_group_tests_name("test_cache_judgement", tests, NULL, NULL);
}
