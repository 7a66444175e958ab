/* SPDX-License-Identifier: MIT
 * The options of rate_limit: what is wrong with them, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/rate_limit/rate_limit_conf.h"
#include "tests/support/conf_files.h"

#define HEAD "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"
#define CONF(options)                                                                                                  \
    HEAD "filters: {polite: {rate_limit: {" options "}}}\nroutes: [{path: /, service: one, filters: [polite]}]\n"

typedef struct wrong {
    const char *about, *yaml, *expected;
} wrong_t;

static void expect_findings(const wrong_t *cases, size_t num)
{
    size_t num_failed = 0;
    for (size_t i = 0; i != num; ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0) {
            print_error("case: %s\n%s", cases[i].about, actual);
            ++num_failed;
        }
        free(actual);
    }
    assert_int_equal(num_failed, 0);
}

#define EXPECT_FINDINGS(cases) expect_findings(cases, sizeof(cases) / sizeof((cases)[0]))

static void wrong_limits_are_found(void **state)
{
    static const wrong_t cases[] = {
        {"nothing", CONF(""),
         "t.yaml:3:32: error: required key 'key' is missing\n"
         "  hint: whom the limit counts; of a list, all parts together\n"},
        {"a key alone", CONF("key: client_address"),
         "t.yaml:3:32: error: 'rate_limit' needs 'rate' or 'limits'\n"
         "  hint: for example: rate: 100/s, or limits: [{name: second, rate: 10/s}, {name: hour, rate: 1000/h}]\n"},
        {"one limit and a list of them", CONF("key: all, rate: 1/s, limits: [{name: a, rate: 1/s}]"),
         "t.yaml:3:32: error: 'rate_limit' has both 'rate' and 'limits': it is either one limit or a list of them\n"
         "  hint: for example: rate: 100/s, or limits: [{name: second, rate: 10/s}, {name: hour, rate: 1000/h}]\n"},
        {"a burst beside a list", CONF("key: all, burst: 3, limits: [{name: a, rate: 1/s}]"),
         "t.yaml:3:32: error: 'name', 'burst' and 'trial' belong to each of the 'limits'\n"},
        {"a name beside a list", CONF("key: all, name: b, limits: [{name: a, rate: 1/s}]"),
         "t.yaml:3:32: error: 'name', 'burst' and 'trial' belong to each of the 'limits'\n"},
        {"a trial beside a list", CONF("key: all, trial: {rate: 1/s}, limits: [{name: a, rate: 1/s}]"),
         "t.yaml:3:32: error: 'name', 'burst' and 'trial' belong to each of the 'limits'\n"},
        {"an empty list", CONF("key: all, limits: []"),
         "t.yaml:3:32: error: 'rate_limit' needs 'rate' or 'limits'\n"
         "  hint: for example: rate: 100/s, or limits: [{name: second, rate: 10/s}, {name: hour, rate: 1000/h}]\n"},
        {"a limit without anything", CONF("key: all, limits: [{}]"),
         "t.yaml:3:52: error: required key 'name' is missing\n"
         "  hint: what clients and logs know it by, and what its buckets are found by after a reload\n"
         "t.yaml:3:52: error: required key 'rate' is missing\n"
         "  hint: how many tokens come back in what time, evenly\n"},
        {"more limits than there may be",
         CONF("key: all, limits: [{name: a, rate: 1/s}, {name: b, rate: 1/s}, {name: c, rate: 1/s}, {name: d, rate: "
              "1/s}, {name: e, rate: 1/s}, {name: f, rate: 1/s}, {name: g, rate: 1/s}, {name: h, rate: 1/s}, {name: i, "
              "rate: 1/s}]"),
         "t.yaml:3:51: error: 'limits' has 9 entries (at most 8 entries)\n"
         "  hint: several limits instead of one: a request takes from all of them, or is refused and takes from "
         "none\n"},
        {"two of one name", CONF("key: all, limits: [{name: a, rate: 1/s}, {name: a, rate: 2/s}]"),
         "t.yaml:3:74: error: two limits have the name 'a'\n"},
        {"a name that would end the text in a field", CONF("key: all, rate: 1/s, name: 'a\"b'"),
         "t.yaml:3:32: error: 'a\"b' cannot be the name of a limit, which stands in fields of responses\n"
         "  hint: 1..32 printable ASCII characters, neither '\"' nor '\\'\n"},
        {"the same in a list, each at its place",
         CONF("key: all, limits: [{name: 'a\\b', rate: 1/s}, {name: é, rate: 2/s}]"),
         "t.yaml:3:52: error: 'a\\b' cannot be the name of a limit, which stands in fields of responses\n"
         "  hint: 1..32 printable ASCII characters, neither '\"' nor '\\'\n"
         "t.yaml:3:78: error: 'é' cannot be the name of a limit, which stands in fields of responses\n"
         "  hint: 1..32 printable ASCII characters, neither '\"' nor '\\'\n"},
        {"a name that is too long", CONF("key: all, rate: 1/s, name: abcdefghijabcdefghijabcdefghijabc"),
         "t.yaml:3:60: error: 'abcdefghijabcdefghijabcdefghijabc' is not valid for 'name' (1..32 bytes)\n"
         "  hint: what clients and logs know the limit by, and what its buckets are found by after a reload\n"},
        {"a rate without a time", CONF("key: all, rate: 100"),
         "t.yaml:3:49: error: '100' is not valid for 'rate' (a rate such as 100/s, 1000/h or 5/250ms)\n"
         "  hint: for example: rate: 100/s, 1000/h or 5/250ms\n"},
        {"a rate in words", CONF("key: all, rate: 100 per second"),
         "t.yaml:3:49: error: '100 per second' is not valid for 'rate' (a rate such as 100/s, 1000/h or 5/250ms)\n"
         "  hint: for example: rate: 100/s, 1000/h or 5/250ms\n"},
        {"a rate of nothing", CONF("key: all, rate: 0/s"),
         "t.yaml:3:49: error: '0/s' is not valid for 'rate' (1..1000000000 before the '/')\n"
         "  hint: for example: rate: 100/s, 1000/h or 5/250ms\n"},
        {"a rate with a part of a token", CONF("key: all, rate: 1.5/s"),
         "t.yaml:3:49: error: '1.5/s' is not valid for 'rate' (a whole number before the '/')\n"
         "  hint: for example: rate: 100/s, 1000/h or 5/250ms\n"},
        {"a rate that may be mistyped", CONF("key: all, rate: 5/ms"),
         "t.yaml:3:49: error: '5/ms' is not valid for 'rate' (1ms, with its number, after the '/')\n"
         "  hint: for example: rate: 100/s, 1000/h or 5/250ms\n"},
        {"a rate that is a list", CONF("key: all, rate: [1/s]"),
         "t.yaml:3:49: error: 'rate' must be a rate such as 100/s, found a list\n"},
        {"a burst of nothing", CONF("key: all, rate: 1/s, burst: 0"),
         "t.yaml:3:61: error: '0' is not valid for 'burst' (1..1000000000 tokens)\n"
         "  hint: how many tokens a full bucket holds: requests that may come at once\n"},
        {"a rate that 64 bits cannot count", CONF("key: all, rate: 999999937/s"),
         "t.yaml:3:32: error: the limit 'default' cannot be counted exactly\n"
         "  hint: write it with rounder numbers, or a smaller burst\n"},
        {"a trial that 64 bits cannot count", CONF("key: all, rate: 1/s, trial: {rate: 999999937/s}"),
         "t.yaml:3:32: error: the trial of the limit 'default' cannot be counted exactly\n"
         "  hint: write it with rounder numbers, or a smaller burst\n"},
        {"a trial without a rate", CONF("key: all, rate: 1/s, trial: {burst: 5}"),
         "t.yaml:3:61: error: required key 'rate' is missing\n"
         "  hint: how many tokens come back in what time, evenly\n"},
        {"a misspelt key of a trial", CONF("key: all, rate: 1/s, trial: {rate: 1/s, brust: 5}"),
         "t.yaml:3:73: error: unknown key 'brust'\n"
         "  hint: did you mean 'burst'?\n"},
        {"a misspelt key", CONF("key: all, rte: 1/s"),
         "t.yaml:3:43: error: unknown key 'rte'\n"
         "  hint: did you mean 'rate'?\n"},
        {"no room at all", CONF("key: all, rate: 1/s, keys: 0"),
         "t.yaml:3:60: error: '0' is not valid for 'keys' (1..100000000 clients)\n"
         "  hint: buckets that are kept for each limit, 34 bytes each; full ones make room for others\n"},
        {"waits that are too long, for nobody", CONF("key: all, rate: 1/s, max_delay: 2m, max_delayed: 0"),
         "t.yaml:3:65: error: '2m' is not valid for 'max_delay' (0s..1m)\n"
         "  hint: a request that comes too early waits so long for its tokens before it is refused\n"
         "t.yaml:3:82: error: '0' is not valid for 'max_delayed' (1..1000000 requests)\n"
         "  hint: requests that may wait at a time; one more is refused\n"},
        {"words that are none", CONF("key: all, rate: 1/s, when_full: share, fields: xratelimit, mode: observed"),
         "t.yaml:3:65: error: 'share' is not valid for 'when_full' (shared or refuse)\n"
         "  hint: did you mean 'shared'?\n"
         "t.yaml:3:80: error: 'xratelimit' is not valid for 'fields' (ratelimit, x_ratelimit, both or none)\n"
         "  hint: did you mean 'ratelimit'?\n"
         "t.yaml:3:98: error: 'observed' is not valid for 'mode' (enforce or observe)\n"
         "  hint: did you mean 'observe'?\n"},
    };
    EXPECT_FINDINGS(cases);
}

static void wrong_costs_are_found(void **state)
{
    static const wrong_t cases[] = {
        {"requests that are free", CONF("key: all, rate: 1/s, cost: 0"),
         "t.yaml:3:60: error: '0' is not valid for 'cost' (1..1000000000 tokens, or header:NAME)\n"
         "  hint: for example: cost: 5, or cost: header:X-Cost\n"},
        {"too many tokens", CONF("key: all, rate: 1/s, cost: 1000000001"),
         "t.yaml:3:60: error: '1000000001' is not valid for 'cost' (1..1000000000 tokens, or header:NAME)\n"
         "  hint: for example: cost: 5, or cost: header:X-Cost\n"},
        {"a cookie", CONF("key: all, rate: 1/s, cost: cookie:a"),
         "t.yaml:3:60: error: 'cookie:a' is not valid for 'cost' (1..1000000000 tokens, or header:NAME)\n"
         "  hint: for example: cost: 5, or cost: header:X-Cost\n"},
        {"a list", CONF("key: all, rate: 1/s, cost: [1]"),
         "t.yaml:3:60: error: 'cost' must be 1..1000000000 tokens, or header:NAME, found a list\n"},
        {"more than the bucket holds", CONF("key: all, rate: 10/s, burst: 4, cost: 5"),
         "t.yaml:3:32: error: a request costs 5 tokens and the limit 'default' never holds more than 4\n"
         "  hint: a lower cost, or a higher burst\n"},
        {"more than one of the buckets holds",
         CONF("key: all, cost: 5, limits: [{name: a, rate: 9/s}, {name: b, rate: 4/s}]"),
         "t.yaml:3:83: error: a request costs 5 tokens and the limit 'b' never holds more than 4\n"
         "  hint: a lower cost, or a higher burst\n"},
        {"more than the share of the bucket holds", CONF("key: all, rate: 10/s, share: 1/3, cost: 4"),
         "t.yaml:3:32: error: a request costs 4 tokens and the limit 'default' never holds more than 3\n"
         "  hint: a lower cost, or a higher burst: this gateway has its share of it\n"},
        {"a header that may say more than the bucket holds",
         CONF("key: all, rate: 10/s, burst: 4, cost: header:X-Cost, max_cost: 5"),
         "t.yaml:3:32: error: a request may cost 5 tokens ('max_cost') and the limit 'default' never holds more than "
         "4\n"
         "  hint: a lower cost, or a higher burst\n"},
        {"a header without a bound", CONF("key: all, rate: 10/s, cost: header:X-Cost"),
         "t.yaml:3:32: error: 'cost: header:x-cost' needs a 'max_cost' of more than 1: the most that a request may "
         "say\n"
         "  hint: for example: max_cost: 100\n"},
        {"a bound without a header", CONF("key: all, rate: 10/s, max_cost: 7"),
         "t.yaml:3:32: error: 'max_cost' bounds what a header field says, and there is none: 'cost' names no header\n"
         "  hint: for example: cost: header:X-Cost\n"},
        {"statuses and tokens that are none",
         CONF("key: all, rate: 1/s, cost_by_status: {40: 1, 200-100: 1, 6xx: 1, 500: many, 501: -1, 502: 1000000001}"),
         "t.yaml:3:71: error: '40' in 'cost_by_status' is no status\n"
         "  hint: for example: 401, 500-504 or 5xx\n"
         "t.yaml:3:78: error: '200-100' in 'cost_by_status' is no status\n"
         "  hint: for example: 401, 500-504 or 5xx\n"
         "t.yaml:3:90: error: '6xx' in 'cost_by_status' is no status\n"
         "  hint: for example: 401, 500-504 or 5xx\n"
         "t.yaml:3:103: error: 'many' in 'cost_by_status' is no number of tokens (0..1000000000)\n"
         "t.yaml:3:114: error: '-1' in 'cost_by_status' is no number of tokens (0..1000000000)\n"
         "t.yaml:3:123: error: '1000000001' in 'cost_by_status' is no number of tokens (0..1000000000)\n"},
    };
    EXPECT_FINDINGS(cases);
}

static void wrong_shares_and_stores_are_found(void **state)
{
    static const wrong_t cases[] = {
        {"a share that is a number", CONF("key: all, rate: 1/s, share: 3"),
         "t.yaml:3:61: error: '3' is not valid for 'share' (1/N, N from 1 to 1000)\n"
         "  hint: for one of three gateways: share: 1/3; for as many as a name has addresses: share: {dns: NAME}\n"},
        {"two of three", CONF("key: all, rate: 1/s, share: 2/3"),
         "t.yaml:3:61: error: '2/3' is not valid for 'share' (1/N, N from 1 to 1000)\n"
         "  hint: for one of three gateways: share: 1/3; for as many as a name has addresses: share: {dns: NAME}\n"},
        {"one of none", CONF("key: all, rate: 1/s, share: 1/0"),
         "t.yaml:3:61: error: '1/0' is not valid for 'share' (1/N, N from 1 to 1000)\n"
         "  hint: for one of three gateways: share: 1/3; for as many as a name has addresses: share: {dns: NAME}\n"},
        {"one of too many", CONF("key: all, rate: 1/s, share: 1/1001"),
         "t.yaml:3:61: error: '1/1001' is not valid for 'share' (1/N, N from 1 to 1000)\n"
         "  hint: for one of three gateways: share: 1/3; for as many as a name has addresses: share: {dns: NAME}\n"},
        {"a share of nothing", CONF("key: all, rate: 1/s, share: {}"),
         "t.yaml:3:61: error: a share is either '1/N' or counted by 'dns'\n"
         "  hint: share: 1/3, or share: {dns: gateways.internal}\n"},
        {"a share that is both said and counted", CONF("key: all, rate: 1/s, share: {part: 1/3, dns: a}"),
         "t.yaml:3:61: error: a share is either '1/N' or counted by 'dns'\n"
         "  hint: share: 1/3, or share: {dns: gateways.internal}\n"},
        {"a bound for what is not counted", CONF("key: all, rate: 1/s, share: {part: 1/3, at_least: 3}"),
         "t.yaml:3:61: error: 'at_least' belongs to 'dns'\n"},
        {"a bound of nothing", CONF("key: all, rate: 1/s, share: {dns: a, at_least: 0}"),
         "t.yaml:3:80: error: '0' is not valid for 'at_least' (1..1000 gateways)\n"
         "  hint: how many there are when the name has fewer addresses, or cannot be looked up and never could\n"},
        {"a share of a store", CONF("key: all, rate: 1/s, share: 1/2, store: 'redis://a'"),
         "t.yaml:3:61: error: 'share' divides a limit between gateways that have no 'store'\n"
         "  hint: leave one of them out\n"},
        {"a lease without a store", CONF("key: all, rate: 1/s, lease: {tokens: 1}"),
         "t.yaml:3:61: error: 'lease' needs a 'store'\n"},
        {"leases without a store", CONF("key: all, rate: 1/s, store_mode: lease, lease: {tokens: 1}"),
         "t.yaml:3:32: error: 'store_mode: lease' needs a 'store'\n"
         "t.yaml:3:80: error: 'lease' needs a 'store'\n"},
        {"a lease where none is taken", CONF("key: all, rate: 1/s, store: 'redis://a', lease: {tokens: 1}"),
         "t.yaml:3:81: error: 'lease' needs 'store_mode: lease'\n"
         "  hint: the default, exact, takes no tokens ahead\n"},
        {"leases beside a trial and waits",
         CONF("key: all, rate: 1/s, store: 'redis://a', store_mode: lease, trial: {rate: 2/s}, max_delay: 1s"),
         "t.yaml:3:32: error: a 'trial' cannot be counted with leases\n"
         "  hint: store_mode: exact\n"
         "t.yaml:3:32: error: 'max_delay' cannot be had with leases\n"
         "  hint: store_mode: exact\n"},
        {"a lease that is more than all",
         CONF("key: all, rate: 5/s, store: 'redis://a', store_mode: lease, lease: {tokens: 6}"),
         "t.yaml:3:100: error: a lease of 6 tokens is more than the limit 'default' ever holds\n"
         "  hint: fewer tokens, or a higher burst\n"},
        {"a lease for too long", CONF("key: all, rate: 5/s, store: 'redis://a', store_mode: lease, lease: {time: 1h}"),
         "t.yaml:3:107: error: '1h' is not valid for 'time' (10ms..1m)\n"
         "  hint: after so long what is left of them goes back\n"},
        {"a store that is no Redis, and no time for it",
         CONF("key: all, rate: 1/s, store: 'http://a', store_timeout: 1ms"),
         "t.yaml:3:61: error: the URL of 'store' is not right: it does not begin with a scheme that is known\n"
         "  hint: redis://, rediss://, redis+unix://, redis+sentinel:// or rediss+sentinel://\n"
         "t.yaml:3:88: error: '1ms' is not valid for 'store_timeout' (4ms..10s)\n"
         "  hint: how long a request waits for the store\n"},
        {"buckets that fill for ages",
         CONF("key: all, rate: 1/366d, burst: 100, trial: {rate: 1/h, burst: 900000}, store: 'redis://a'"),
         "t.yaml:3:32: error: the limit 'default' takes more than a hundred years to fill: a store cannot count it\n"
         "  hint: a higher rate, or a smaller burst\n"
         "t.yaml:3:32: error: the trial of the limit 'default' takes more than a hundred years to fill: a store cannot "
         "count it\n"
         "  hint: a higher rate, or a smaller burst\n"},
        {"TLS without a store", CONF("key: all, rate: 1/s, store_tls: {verify: false}"),
         "t.yaml:3:65: error: 'store_tls' is of no use without 'store'\n"
         "  hint: rediss://... or rediss+sentinel://...\n"},
        {"words that are none",
         CONF("key: all, rate: 1/s, store: 'redis://a', store_mode: exactly, on_store_error: locally"),
         "t.yaml:3:86: error: 'exactly' is not valid for 'store_mode' (exact or lease)\n"
         "  hint: did you mean 'exact'?\n"
         "t.yaml:3:111: error: 'locally' is not valid for 'on_store_error' (local, allow or deny)\n"
         "  hint: did you mean 'local'?\n"},
    };
    EXPECT_FINDINGS(cases);
}

static void wrong_keys_are_found(void **state)
{
    static const wrong_t cases[] = {
        {"no part", CONF("key: [], rate: 1/s"),
         "t.yaml:3:38: error: 'key' takes 1 to 4 parts\n"
         "  hint: for example: key: [client_address, route]\n"},
        {"too many parts", CONF("key: [all, route, client_address, principal, jwt.sub], rate: 1/s"),
         "t.yaml:3:38: error: 'key' takes 1 to 4 parts\n"
         "  hint: for example: key: [client_address, route]\n"},
        {"a part twice", CONF("key: [route, client_address, route], rate: 1/s"),
         "t.yaml:3:32: error: 'key' has the part 'route' twice\n"},
        {"parts that are none", CONF("key: [ip, 'header:', 'cookie:a b', jwt.], rate: 1/s"),
         "t.yaml:3:39: error: 'ip' is not valid for 'key' (client_address, header:NAME, cookie:NAME, query:NAME, "
         "route, all, principal or a property such as jwt.sub)\n"
         "t.yaml:3:43: error: 'header:' is not valid for 'key' (client_address, header:NAME, cookie:NAME, query:NAME, "
         "route, all, principal or a property such as jwt.sub)\n"
         "t.yaml:3:54: error: 'cookie:a b' is not valid for 'key' (client_address, header:NAME, cookie:NAME, "
         "query:NAME, route, all, principal or a property such as jwt.sub)\n"
         "t.yaml:3:68: error: 'jwt.' is not valid for 'key' (client_address, header:NAME, cookie:NAME, query:NAME, "
         "route, all, principal or a property such as jwt.sub)\n"},
        {"a key that is none", CONF("key: clientaddress, rate: 1/s"),
         "t.yaml:3:38: error: 'clientaddress' is not valid for 'key' (client_address, header:NAME, cookie:NAME, "
         "query:NAME, route, all, principal or a property such as jwt.sub)\n"},
        {"a mapping", CONF("key: {a: b}, rate: 1/s"),
         "t.yaml:3:38: error: 'key' must be client_address, header:NAME, cookie:NAME, query:NAME, route, all, "
         "principal or a property such as jwt.sub, found a mapping\n"},
        {"a key that may be missing", CONF("key: header:X-A, rate: 1/s"),
         "t.yaml:3:32: error: 'when_missing' must be said: a request may come without header:x-a\n"
         "  hint: allow, refuse or shared: nobody should get past a limit, or share one, by accident\n"},
        {"a key of which a part may be missing", CONF("key: [client_address, jwt.sub], rate: 1/s"),
         "t.yaml:3:32: error: 'when_missing' must be said: a request may come without jwt.sub\n"
         "  hint: allow, refuse or shared: nobody should get past a limit, or share one, by accident\n"},
        {"a key that always is", CONF("key: [client_address, jwt.sub], rate: 1/s, when_missing: allow"),
         "t.yaml:3:32: warning: the key 'jwt.sub' is always missing on the route at t.yaml:4:10: no filter before this "
         "one finds it out\n"
         "  hint: filters run in the order of the route's list\n"},
        {"words that are none, nearly", CONF("key: header:X-A, rate: 1/s, when_missing: refused"),
         "t.yaml:3:75: error: 'refused' is not valid for 'when_missing' (allow, refuse or shared)\n"
         "  hint: did you mean 'refuse'?\n"},
        {"words that are none", CONF("key: header:X-A, rate: 1/s, when_missing: perhaps"),
         "t.yaml:3:75: error: 'perhaps' is not valid for 'when_missing' (allow, refuse or shared)\n"
         "  hint: one of: allow, refuse, shared\n"},
        {"prefixes that no address has", CONF("key: client_address, rate: 1/s, ipv4_prefix: 33, ipv6_prefix: 0"),
         "t.yaml:3:78: error: '33' is not valid for 'ipv4_prefix' (1..32 bits)\n"
         "  hint: how much of an IPv4 client_address is looked at\n"
         "t.yaml:3:95: error: '0' is not valid for 'ipv6_prefix' (1..128 bits)\n"
         "  hint: how much of an IPv6 client_address is looked at: a client has a whole /64 as a rule\n"},
        {"an exemption without a key", CONF("key: all, rate: 1/s, exempt: [10.0.0.0/8]"),
         "t.yaml:3:63: error: a rule of 'exempt' is KEY=VALUE\n"
         "  hint: for example: [client_address=10.0.0.0/8, method=OPTIONS, jwt.plan=gold]\n"},
    };
    EXPECT_FINDINGS(cases);
}

static void right_options_are_taken(void **state)
{
    static const wrong_t cases[] = {
        {"one limit", CONF("key: client_address, rate: 100/s"), ""},
        {"everything of one",
         CONF("key: [client_address, cookie:who], ipv4_prefix: 24, ipv6_prefix: 56, when_missing: refuse, name: a, "
              "rate: "
              "5/250ms, burst: 9, trial: {rate: 4/250ms, burst: 8}, cost: header:X-Cost, max_cost: 9, cost_by_status: "
              "{401: 5, 5xx: 0}, exempt: [method=OPTIONS], max_delay: 1m, max_delayed: 10, keys: 1, when_full: refuse, "
              "fields: both, mode: observe, share: {dns: localhost, at_least: 3}"),
         ""},
        {"several, with leases",
         CONF("key: all, limits: [{name: s, rate: 10/s, burst: 20}, {name: h, rate: 1000/h}], store: 'redis://a', "
              "store_mode: lease, store_timeout: 20ms, on_store_error: deny, lease: {tokens: 20, time: 500ms}"),
         ""},
        {"a cost that just fits into the share", CONF("key: all, rate: 10/s, share: 1/3, cost: 3"), ""},
    };
    EXPECT_FINDINGS(cases);
}

static void options_without_effect_are_warned_of(void **state)
{
    static const wrong_t cases[] = {
        {"nothing may be missing", CONF("key: [client_address, route], rate: 1/s, when_missing: refuse"),
         "t.yaml:3:32: warning: 'when_missing' has no effect: no part of this key is ever missing\n"},
        {"no address", CONF("key: route, rate: 1/s, ipv6_prefix: 48"),
         "t.yaml:3:32: warning: 'ipv4_prefix' and 'ipv6_prefix' have no effect: the key has no client_address\n"
         "  hint: for example: key: client_address\n"},
        {"nobody waits", CONF("key: all, rate: 1/s, max_delayed: 5"),
         "t.yaml:3:32: warning: 'max_delayed' has no effect: without 'max_delay' no request waits\n"
         "  hint: for example: max_delay: 200ms\n"},
        {"no store that could fail", CONF("key: all, rate: 1/s, on_store_error: deny"),
         "t.yaml:3:32: warning: 'store_timeout' and 'on_store_error' have no effect: there is no 'store'\n"
         "  hint: for example: store: redis://redis.internal\n"},
        {"no store that could be slow", CONF("key: all, rate: 1/s, store_timeout: 10ms"),
         "t.yaml:3:32: warning: 'store_timeout' and 'on_store_error' have no effect: there is no 'store'\n"
         "  hint: for example: store: redis://redis.internal\n"},
    };
    EXPECT_FINDINGS(cases);
}

static void two_limits_of_a_route_need_two_names(void **state)
{
    static const wrong_t cases[] = {
        {"two without a name",
         HEAD "filters: {a: {rate_limit: {key: all, rate: 1/s}}, b: {rate_limit: {key: all, rate: 2/s}}}\n"
              "routes: [{path: /, service: one, filters: [a, b]}]\n",
         "t.yaml:3:67: error: the route at t.yaml:4:10 has two limits of the name 'default'\n"
         "  hint: give one of them another 'name': clients are told both\n"},
        {"one among the limits of the other",
         HEAD "filters:\n  a: {rate_limit: {key: all, limits: [{name: x, rate: 1/s}, {name: y, rate: 1/s}]}}\n"
              "  b: {rate_limit: {key: all, name: 'y', rate: 2/s}}\n"
              "routes: [{path: /, service: one, filters: [b, a]}]\n",
         "t.yaml:4:19: error: the route at t.yaml:6:10 has two limits of the name 'y'\n"
         "  hint: give one of them another 'name': clients are told both\n"},
        {"one of them bounds what is under way",
         HEAD "filters: {a: {rate_limit: {key: all, name: x, rate: 1/s}}, b: {concurrency_limit: {key: all, name: x, "
              "max: 1}}}\nroutes: [{path: /, service: one, filters: [b, a]}]\n",
         "t.yaml:3:27: error: the route at t.yaml:4:10 has two limits of the name 'x'\n"
         "  hint: give one of them another 'name': clients are told both\n"},
        {"the same twice",
         HEAD "filters: {a: {rate_limit: {key: all, rate: 1/s}}}\n"
              "routes: [{path: /, service: one, filters: [a, a]}]\n",
         "t.yaml:3:27: error: the route at t.yaml:4:10 has two limits of the name 'default'\n"
         "  hint: give one of them another 'name': clients are told both\n"},
        {"on two routes",
         HEAD "filters: {a: {rate_limit: {key: all, rate: 1/s}}, b: {rate_limit: {key: all, rate: 2/s}}}\n"
              "routes: [{path: /, service: one, filters: [a]}, {path: /b, service: one, filters: [b]}]\n",
         ""},
    };
    EXPECT_FINDINGS(cases);
}

/* of mtls, which needs no file to be named */
#define NO_CERTIFICATES                                                                                                \
    "t.yaml:3:17: error: no listener has 'client_auth': no client can show a certificate, and all would be refused\n"  \
    "  hint: for example: listen: [{address: ':8443', tls: {client_auth: {ca: clients.crt}, ...}}]\n"

static void a_key_that_no_filter_before_finds_out_is_a_warning(void **state)
{
    static const wrong_t cases[] = {
        {"there is none", CONF("key: principal, rate: 1/s, when_missing: allow"),
         "t.yaml:3:32: warning: the key 'principal' is always missing on the route at t.yaml:4:10: no filter before "
         "this one finds it out\n  hint: filters run in the order of the route's list\n"},
        {"of an exemption", CONF("key: all, rate: 1/s, exempt: [method=OPTIONS, jwt.plan=gold]"),
         "t.yaml:3:32: warning: the rule 'jwt.plan' of 'exempt' fits nothing on the route at t.yaml:4:10: no filter "
         "before this one finds it out\n  hint: filters run in the order of the route's list\n"},
        {"one of another kind",
         HEAD "filters: {who: {mtls: {}}, polite: {rate_limit: {key: api_key.owner, rate: 1/s, when_missing: allow}}}\n"
              "routes: [{path: /, service: one, filters: [who, polite]}]\n",
         NO_CERTIFICATES
         "t.yaml:3:49: warning: the key 'api_key.owner' is always missing on the route at t.yaml:4:10: no filter "
         "before this one finds it out\n  hint: filters run in the order of the route's list\n"},
        {"one that comes too late",
         HEAD "filters: {who: {mtls: {}}, polite: {rate_limit: {key: mtls.cn, rate: 1/s, when_missing: allow}}}\n"
              "routes: [{path: /, service: one, filters: [polite, who]}]\n",
         NO_CERTIFICATES "t.yaml:3:49: warning: the key 'mtls.cn' is always missing on the route at t.yaml:4:10: no "
                         "filter before this one finds it out\n  hint: filters run in the order of the route's list\n"},
        {"the right one",
         HEAD "filters: {who: {mtls: {}}, polite: {rate_limit: {key: mtls.cn, rate: 1/s, when_missing: allow}}}\n"
              "routes: [{path: /, service: one, filters: [who, polite]}]\n",
         NO_CERTIFICATES},
    };
    EXPECT_FINDINGS(cases);
}

static gw_snapshot_t *load(const char *yaml)
{
    char *folder = conf_folder_create(), *path = conf_file_write(folder, "a.yaml", yaml, strlen(yaml));
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load(path, diag);
    if (snapshot == NULL)
        fail_msg("%s", conf_findings(diag, folder));
    gw_diag_free(diag);
    free(path);
    conf_folder_remove(folder);
    return snapshot;
}

static void what_is_not_said_is_the_safe_choice(void **state)
{
    gw_snapshot_t *snapshot = load(CONF("key: client_address, rate: 100/s"));
    const gw_rate_limit_conf_t *conf = snapshot->filters[0]->conf;
    assert_int_equal(conf->num_limits, 1);
    assert_string_equal(conf->limits[0].name, "default");
    assert_int_equal(conf->limits[0].rate.tokens, 100);
    assert_int_equal(conf->limits[0].rate.period_us, 1000000);
    assert_int_equal(conf->limits[0].burst, 100); /* as many as the rate names */
    assert_int_equal(conf->limits[0].trial_rate.tokens, 0);
    assert_int_equal(conf->key.ipv4_prefix, 32);
    assert_int_equal(conf->key.ipv6_prefix, 64);
    assert_int_equal(conf->cost.tokens, 1);
    assert_int_equal(conf->max_delay, 0);
    assert_int_equal(conf->when_full, GW_FULL_SHARED);
    assert_int_equal(conf->mode, GW_LIMIT_ENFORCE);
    assert_int_equal(conf->fields, GW_FIELDS_RATELIMIT);
    assert_int_equal(conf->share.at.line, 0);
    assert_null(conf->store.url);
    gw_snapshot_unref(snapshot);
}

static void a_lease_is_a_tenth_of_the_smallest_burst_unless_it_is_said(void **state)
{
    static const struct {
        const char *yaml;
        uint64_t tokens;
    } cases[] = {
        {CONF("key: all, rate: 200/s, store: 'redis://a', store_mode: lease"), 20},
        {CONF("key: all, rate: 3/s, store: 'redis://a', store_mode: lease"), 1},
        {CONF("key: all, rate: 1000000000/s, store: 'redis://a', store_mode: lease"), 1000000},
        {CONF("key: all, limits: [{name: s, rate: 10/s, burst: 50}, {name: h, rate: 1000/h}], store: 'redis://a', "
              "store_mode: lease"),
         5},
        {CONF("key: all, rate: 200/s, store: 'redis://a', store_mode: lease, lease: {time: 2s}"), 20},
        {CONF("key: all, rate: 200/s, store: 'redis://a', store_mode: lease, lease: {tokens: 7}"), 7},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_snapshot_t *snapshot = load(cases[i].yaml);
        assert_int_equal(((const gw_rate_limit_conf_t *)snapshot->filters[0]->conf)->lease.tokens, cases[i].tokens);
        gw_snapshot_unref(snapshot);
    }
}

static void costs_by_status_stand_in_the_order_of_the_file(void **state)
{
    gw_snapshot_t *snapshot = load(CONF("key: all, rate: 9/s, cost_by_status: {503: 2, 5xx: 0, 401-403: 7}"));
    const gw_rate_limit_conf_t *conf = snapshot->filters[0]->conf;
    assert_int_equal(conf->num_status_costs, 3);
    assert_true(gw_status_set_has(&conf->status_costs[0].statuses, 503));
    assert_false(gw_status_set_has(&conf->status_costs[0].statuses, 500));
    assert_int_equal(conf->status_costs[0].cost, 2);
    assert_true(gw_status_set_has(&conf->status_costs[1].statuses, 500));
    assert_int_equal(conf->status_costs[1].cost, 0);
    assert_true(gw_status_set_has(&conf->status_costs[2].statuses, 402));
    assert_int_equal(conf->status_costs[2].cost, 7);
    gw_snapshot_unref(snapshot);
}

static void what_is_printed_reads_as_it_was_written_and_hides_secrets(void **state)
{
    static const char expected[] = "    rate_limit:\n"
                                   "      key:\n"
                                   "        - client_address\n"
                                   "        - header:x-tenant\n"
                                   "      when_missing: refuse\n"
                                   "      ipv4_prefix: 32\n"
                                   "      ipv6_prefix: 64\n"
                                   "      exempt:\n"
                                   "        - \"header:x-probe=(secret)\"\n"
                                   "        - \"jwt.plan=gold\"\n"
                                   "      rate: 5/250ms\n"
                                   "      burst: 9\n"
                                   "      trial:\n"
                                   "        rate: 60/m\n"
                                   "      cost: header:x-cost\n"
                                   "      max_cost: 9\n"
                                   "      cost_by_status:\n"
                                   "        401: 5\n"
                                   "      max_delay: 0s\n"
                                   "      max_delayed: 1000\n"
                                   "      keys: 100000\n"
                                   "      when_full: shared\n"
                                   "      fields: ratelimit\n"
                                   "      mode: enforce\n"
                                   "      store: \"redis://(secret)@redis/3\"\n"
                                   "      store_mode: exact\n"
                                   "      store_timeout: 50ms\n"
                                   "      on_store_error: local\n"
                                   "routes:\n";
    gw_snapshot_t *snapshot =
        load(CONF("key: [client_address, header:X-Tenant], when_missing: refuse, rate: 5/250ms, burst: 9, "
                  "trial: {rate: 60/m}, cost: header:X-Cost, max_cost: 9, cost_by_status: {401: 5}, "
                  "store: 'redis://user:hunter2@redis/3', exempt: ['header:X-Probe=hunter2', jwt.plan=gold]"));
    char *printed = conf_printed(snapshot);
    assert_null(strstr(printed, "hunter2"));
    if (strstr(printed, expected) == NULL)
        fail_msg("%s", strstr(printed, "    rate_limit:"));
    free(printed);
    gw_snapshot_unref(snapshot);
}

static void a_share_is_printed_as_parts_or_as_a_name(void **state)
{
    static const struct {
        const char *yaml, *expected;
    } cases[] = {
        {CONF("key: all, rate: 9/s, share: 1/3"), "      share:\n        part: 1/3\n"},
        {CONF("key: all, rate: 9/s, share: {dns: gateways.internal, at_least: 2}"),
         "      share:\n        dns: gateways.internal\n        at_least: 2\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_snapshot_t *snapshot = load(cases[i].yaml);
        char *printed = conf_printed(snapshot);
        if (strstr(printed, cases[i].expected) == NULL)
            fail_msg("%s", strstr(printed, "    rate_limit:"));
        free(printed);
        gw_snapshot_unref(snapshot);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_limits_are_found),
        cmocka_unit_test(wrong_costs_are_found),
        cmocka_unit_test(wrong_shares_and_stores_are_found),
        cmocka_unit_test(wrong_keys_are_found),
        cmocka_unit_test(right_options_are_taken),
        cmocka_unit_test(options_without_effect_are_warned_of),
        cmocka_unit_test(two_limits_of_a_route_need_two_names),
        cmocka_unit_test(a_key_that_no_filter_before_finds_out_is_a_warning),
        cmocka_unit_test(what_is_not_said_is_the_safe_choice),
        cmocka_unit_test(a_lease_is_a_tenth_of_the_smallest_burst_unless_it_is_said),
        cmocka_unit_test(costs_by_status_stand_in_the_order_of_the_file),
        cmocka_unit_test(what_is_printed_reads_as_it_was_written_and_hides_secrets),
        cmocka_unit_test(a_share_is_printed_as_parts_or_as_a_name),
    };
    return cmocka_run_group_tests_name("filters: options of rate_limit", tests, NULL, NULL);
}
