/* SPDX-License-Identifier: MIT
 * URLs of Redis servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "filters/rate_limit/store/redis_url.h"

/** All that was read, as one line. */
static void describe(char to[512], const gw_redis_url_t *url)
{
    static const char *const wheres[] = {
        [GW_REDIS_TCP] = "tcp", [GW_REDIS_UNIX] = "unix", [GW_REDIS_SENTINEL] = "sentinel"};
    int len = snprintf(to, 512, "%s%s", wheres[url->where], url->has_tls ? " tls" : "");
    for (size_t i = 0; i != url->num_hosts; ++i)
        len += snprintf(to + len, 512 - (size_t)len, " %s|%u", url->hosts[i].name, url->hosts[i].port);
    if (url->path != NULL)
        len += snprintf(to + len, 512 - (size_t)len, " path=%s", url->path);
    if (url->master != NULL)
        len += snprintf(to + len, 512 - (size_t)len, " master=%s", url->master);
    if (url->user != NULL)
        len += snprintf(to + len, 512 - (size_t)len, " user=%s", url->user);
    if (url->password != NULL)
        len += snprintf(to + len, 512 - (size_t)len, " password=%s", url->password);
    snprintf(to + len, 512 - (size_t)len, " db=%u shown=%s", url->db, url->shown);
}

static void good_urls_are_read(void **state)
{
    static const struct {
        const char *about, *url, *expected;
    } cases[] = {
        {"a host alone", "redis://redis.internal", "tcp redis.internal|6379 db=0 shown=redis://redis.internal"},
        {"everything", "redis://alice:secret@10.0.0.1:7000/12",
         "tcp 10.0.0.1|7000 user=alice password=secret db=12 shown=redis://10.0.0.1:7000/12"},
        {"a password alone", "redis://:secret@a", "tcp a|6379 password=secret db=0 shown=redis://a"},
        {"a slash at the end", "redis://a:1/", NULL},
        {"an encoded password", "redis://us%65r:p%40s%2Fs%3a%25@a",
         "tcp a|6379 user=user password=p@s/s:% db=0 shown=redis://a"},
        {"a ':' in the password needs no encoding", "redis://u:a:b@h",
         "tcp h|6379 user=u password=a:b db=0 shown=redis://h"},
        {"IPv6", "redis://[::1]:7000/1", "tcp ::1|7000 db=1 shown=redis://[::1]:7000/1"},
        {"IPv6 without a port", "redis://[2001:db8::1]", "tcp 2001:db8::1|6379 db=0 shown=redis://[2001:db8::1]"},
        {"TLS", "rediss://h:1", "tcp tls h|1 db=0 shown=rediss://h:1"},
        {"the scheme in capitals", "REDIS://h", "tcp h|6379 db=0 shown=redis://h"},
        {"the highest port", "redis://h:65535", "tcp h|65535 db=0 shown=redis://h:65535"},
        {"the highest database", "redis://h/2147483647", "tcp h|6379 db=2147483647 shown=redis://h/2147483647"},
        {"a socket", "redis+unix:///run/redis/redis.sock",
         "unix path=/run/redis/redis.sock db=0 shown=redis+unix:///run/redis/redis.sock"},
        {"a socket, as endpoints have it", "unix:/run/r.sock", "unix path=/run/r.sock db=0 shown=unix:///run/r.sock"},
        {"a socket with all", "unix://:pw@/run/a%20b.sock?db=3",
         "unix path=/run/a b.sock password=pw db=3 shown=unix:///run/a%20b.sock?db=3"},
        {"sentinels", "redis+sentinel://s1,s2:1,[::1]:2/main",
         "sentinel s1|26379 s2|1 ::1|2 master=main db=0 shown=redis+sentinel://s1,s2:1,[::1]:2/main"},
        {"sentinels with all", "rediss+sentinel://u:p@s1/ma%69n/4",
         "sentinel tls s1|26379 master=main user=u password=p db=4 shown=rediss+sentinel://s1/ma%69n/4"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        const char *wrong = NULL, *hint = NULL;
        const gw_redis_url_t *url = gw_redis_url_parse(arena, gw_str_of(cases[i].url), &wrong, &hint);
        char actual[512] = "";
        if (url != NULL)
            describe(actual, url);
        const char *expected =
            cases[i].expected != NULL ? cases[i].expected : "tcp a|1 db=0 shown=redis://a:1/"; /* as without it */
        if (strcmp(actual, expected) != 0)
            print_error("case: %s: %s\n", cases[i].about, wrong);
        assert_string_equal(actual, expected);
        assert_string_equal(url->text, cases[i].url);
        gw_arena_free(arena);
    }
}

#define SCHEME "it does not begin with a scheme that is known"

static void wrong_urls_are_refused_without_quoting_them(void **state)
{
    static const struct {
        const char *about, *url, *wrong;
    } cases[] = {
        {"nothing", "", SCHEME},
        {"a host alone", "127.0.0.1:6379", SCHEME},
        {"another scheme", "http://zzz", SCHEME},
        {"no slashes", "redis:zzz", SCHEME},
        {"one slash", "redis:/zzz", SCHEME},
        {"no host", "redis://", "there is no host"},
        {"no host but a port", "redis://:6379", "there is no host"},
        {"no host but a user", "redis://zzz:zzz@/1", "there is no host"},
        {"a user alone", "redis://zzz@h", "there is a user without a password"},
        {"an empty password", "redis://:@h", "the password is empty"},
        {"an empty password of a user", "redis://zzz:@h", "the password is empty"},
        {"a '/' in the password", "redis://:zzz/zzz@h", "there is an '@' behind what should be the host"},
        {"a '#' in the password", "redis://:zzz#zzz@h", "there is an '@' behind what should be the host"},
        {"an '@' in the password", "redis://:zzz@zzz@h", "there is more than one '@' before the host"},
        {"a '%' in the password", "redis://:zzz%zz@h", "a '%' is not followed by two hex digits"},
        {"a '%' at the end of the password", "redis://:zzz%4@h", "a '%' is not followed by two hex digits"},
        {"a zero in the password", "redis://:zzz%00@h", "'%00' cannot be part of it"},
        {"a space", "redis://:zzz zzz@h", "it holds a space, a control character or one that is not ASCII"},
        {"not ASCII", "redis://:zzz\xc3\xa4@h", "it holds a space, a control character or one that is not ASCII"},
        {"a port that is none", "redis://h:zzz", "the port is not a number from 1 to 65535"},
        {"no port behind ':'", "redis://h:", "the port is not a number from 1 to 65535"},
        {"port 0", "redis://h:0", "the port is not a number from 1 to 65535"},
        {"a port too large", "redis://h:65536", "the port is not a number from 1 to 65535"},
        {"IPv6 without brackets", "redis://::1:6379", "there is no host"},
        {"brackets around a name", "redis://[zzz]", "what stands in brackets is no IPv6 address"},
        {"a bracket that is not closed", "redis://[::1", "what stands in brackets is no IPv6 address"},
        {"something behind the bracket", "redis://[::1]zzz", "there is something between ']' and the port"},
        {"no port behind the bracket's ':'", "redis://[::1]:", "the port is not a number from 1 to 65535"},
        {"a host that is none", "redis://zz*z", "the host is neither a name nor an address"},
        {"a database that is none", "redis://h/zzz", "the database is not a number"},
        {"a database too large", "redis://h/2147483648", "the database is not a number"},
        {"something behind the database", "redis://h/1/2", "the database is not a number"},
        {"a query", "redis://h/1?db=2", "nothing may follow the database"},
        {"a query at once", "redis://h?db=2", "nothing may follow the database"},
        {"a fragment", "redis://h/1#zzz", "nothing may follow the database"},
        {"several hosts", "redis://a,b", "several hosts need Sentinel"},
        {"a socket with a host", "redis+unix://zzz/run/a", "a Unix socket has no host"},
        {"a socket without a path", "redis+unix://", "there is no path of a socket"},
        {"a socket with a relative path", "unix:zzz", "there is no path of a socket"},
        {"a socket with another question", "unix:/a?zzz=1", "the only thing that may follow '?' is db="},
        {"a socket with a bad database", "unix:/a?db=", "the database is not a number"},
        {"a path too long",
         "unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456",
         "the path of the socket is too long"},
        {"sentinels without a master", "redis+sentinel://a", "the name of the master is missing"},
        {"sentinels with an empty master", "redis+sentinel://a//1", "the name of the master is missing"},
        {"an empty sentinel", "redis+sentinel://a,,b/main", "there is no host"},
        {"a comma at the end", "redis+sentinel://a,/main", "there is no host"},
        {"too many", "redis+sentinel://1,2,3,4,5,6,7,8,9/main", "there are more than 8 sentinels"},
        {"a bad database behind the master", "redis+sentinel://a/main/zzz", "the database is not a number"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        const char *wrong = "accepted", *hint = "";
        assert_null(gw_redis_url_parse(arena, gw_str_of(cases[i].url), &wrong, &hint));
        if (strcmp(wrong, cases[i].wrong) != 0)
            print_error("case: %s\n", cases[i].about);
        assert_string_equal(wrong, cases[i].wrong);
        assert_true(*hint != '\0');
        assert_null(strstr(wrong, "zzz"));
        assert_null(strstr(hint, "zzz"));
        gw_arena_free(arena);
    }
}

static void a_url_that_is_too_long_is_refused(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    const char *wrong, *hint;
    char text[9000];
    memset(text, 'a', sizeof(text));
    memcpy(text, "redis://", 8);
    assert_null(gw_redis_url_parse(arena, gw_str(text, sizeof(text)), &wrong, &hint));
    assert_string_equal(wrong, "it is too long");
    memcpy(text, "redis://:", 9);
    text[2000] = '@';
    assert_null(gw_redis_url_parse(arena, gw_str(text, 2002), &wrong, &hint));
    assert_string_equal(wrong, "user or password is too long");
    gw_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls_are_read),
        cmocka_unit_test(wrong_urls_are_refused_without_quoting_them),
        cmocka_unit_test(a_url_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
