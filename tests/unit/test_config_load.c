/* SPDX-License-Identifier: MIT
 * Conf files -> snapshots: what is found in wrong ones, and what a right one becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gateway/exchange/filter.h"
#include "gateway/routing/router.h"
#include "tests/support/conf_files.h"

/* parts of a file that is right, each in one line */
#define LISTEN       "listen: [':80']\n"
#define SERVICES     "services: {one: {endpoints: ['http://a']}}\n"
#define ROUTES       "routes: [{path: /, service: one}]\n"
#define TWO_SERVICES "services: {one: {endpoints: ['http://a']}, two: {endpoints: ['http://b']}}\n"

typedef struct finding_case {
    const char *about, *yaml, *expected;
} case_t;

static void find_all(const case_t *cases, size_t num)
{
    for (size_t i = 0; i != num; ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0)
            fprintf(stderr, "case: %s\n%s", cases[i].about, actual); /* cmocka cuts long texts off */
        assert_string_equal(actual, cases[i].expected);
        free(actual);
    }
}

static void errors_name_the_place_and_the_fix(void **state)
{
    static const case_t cases[] = {
        {"nothing wrong", LISTEN SERVICES ROUTES, ""},
        {"nothing there", "workers: 1\n",
         "t.yaml:1:1: error: required key 'listen' is missing\n  hint: addresses to accept connections on\n"
         "t.yaml:1:1: error: required key 'services' is missing\n  hint: what requests are passed on to\n"
         "t.yaml:1:1: error: required key 'routes' is missing\n"
         "  hint: which requests go to which service; the most specific one wins, whatever the order\n"},
        {"empty lists", "listen: []\nservices:\nroutes: []\n",
         "t.yaml:1:9: error: 'listen' has 0 entries (1..256 entries)\n  hint: addresses to accept connections on\n"
         "t.yaml:2:10: error: 'services' has 0 entries (1..10000 entries)\n  hint: what requests are passed on to\n"
         "t.yaml:3:9: error: 'routes' has 0 entries (1..100000 entries)\n"
         "  hint: which requests go to which service; the most specific one wins, whatever the order\n"},
        {"a misspelt section", LISTEN SERVICES ROUTES "timeout: {head: 1s}\n",
         "t.yaml:4:1: error: unknown key 'timeout'\n  hint: did you mean 'timeouts'?\n"},
        {"options of later versions", LISTEN SERVICES ROUTES "admin: {address: ':1'}\n",
         "t.yaml:4:1: error: unknown key 'admin'\n  hint: known keys: include, workers, drain_timeout, limits, "
         "timeouts, overload, access_log, "
         "trusted_proxies, listen, services, filters, routes\n"},
        {"limits", LISTEN SERVICES ROUTES "limits: {fields: 101, head: 1MiB, connections: 0}\nworkers: 257\n",
         "t.yaml:4:18: error: '101' is not valid for 'fields' (1..100 fields)\n  hint: header fields of a request\n"
         "t.yaml:4:29: error: '1MiB' is not valid for 'head' (1KiB..64KiB)\n  hint: request line and header fields of "
         "a request\n"
         "t.yaml:4:48: error: '0' is not valid for 'connections' (1..10000000 connections)\n"
         "  hint: open client connections, all workers together\n"
         "t.yaml:5:10: error: '257' is not valid for 'workers' (1..256 threads)\n  hint: threads that serve "
         "requests\n"},
        {"access log", LISTEN SERVICES ROUTES "access_log: {file: '', ring: 100KiB}\n",
         "t.yaml:4:20: error: 'file' must be off, stdout or a file name, found an empty text\n"},
        {"ring", LISTEN SERVICES ROUTES "access_log: {ring: 100KiB}\n",
         "t.yaml:4:13: error: '100KiB' is not valid for 'ring' (a power of two)\n  hint: 64KiB or 128KiB\n"},
        {"trusted proxies",
         LISTEN SERVICES ROUTES "trusted_proxies: [10.1.2.3/8, here, '::1/129', 10.0.0.0/33, 'fe80::1/10']\n",
         "t.yaml:4:19: error: '10.1.2.3/8' is not valid for 'trusted_proxies' (a network has no bits beyond its "
         "prefix)\n"
         "  hint: did you mean '10.0.0.0/8'?\n"
         "t.yaml:4:31: error: 'here' is not valid for 'trusted_proxies' (an address or a network such as 10.0.0.0/8 or "
         "::1)\n"
         "t.yaml:4:37: error: '::1/129' is not valid for 'trusted_proxies' (0..128 bits after the '/')\n"
         "t.yaml:4:48: error: '10.0.0.0/33' is not valid for 'trusted_proxies' (0..32 bits after the '/')\n"
         "t.yaml:4:61: error: 'fe80::1/10' is not valid for 'trusted_proxies' (a network has no bits beyond its "
         "prefix)\n"
         "  hint: did you mean 'fe80::/10'?\n"},
        {"addresses",
         "listen: ['8080', '*:80', 'localhost:80', '1.2.3:80', ':70000', '[::1', '::1:80', 'unix:x', '[1.2.3.4]:80', "
         "':', '']\n" SERVICES ROUTES,
         "t.yaml:1:10: error: '8080' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "  hint: did you mean ':8080'?\n"
         "t.yaml:1:18: error: '*:80' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "  hint: did you mean ':80'?\n"
         "t.yaml:1:26: error: 'localhost:80' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "  hint: names are not looked up here: write 127.0.0.1 or [::1]\n"
         "t.yaml:1:42: error: '1.2.3:80' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "t.yaml:1:54: error: ':70000' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "t.yaml:1:64: error: '[::1' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "t.yaml:1:72: error: '::1:80' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "t.yaml:1:82: error: 'unix:x' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "  hint: the path of a Unix socket begins with '/'\n"
         "t.yaml:1:92: error: '[1.2.3.4]:80' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "t.yaml:1:108: error: ':' is not valid for 'address' (0.0.0.0:8080, [::]:8080, :8080 for both, or "
         "unix:/path)\n"
         "t.yaml:1:113: error: 'address' must be an address, found an empty text\n"},
        {"a Unix socket's path",
         "listen: "
         "['unix:/1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
         "12345678']\n" SERVICES ROUTES,
         "t.yaml:1:10: error: 'unix:/123456789012345678901234567890123456789012345678901234...' is not valid for "
         "'address' "
         "(the path of a Unix socket is too long)\n  hint: at most 107 bytes\n"},
        {"the same address twice",
         "listen: ['0.0.0.0:80', ':80', '[::]:80', ':0', ':0', '0.0.0.0:80', 'unix:/a', {address: "
         "'unix:/a'}]\n" SERVICES ROUTES,
         "t.yaml:1:24: error: address ':80' is already taken by '0.0.0.0:80' at t.yaml:1:10\n"
         "t.yaml:1:31: error: address '[::]:80' is already taken by ':80' at t.yaml:1:24\n"
         "t.yaml:1:54: error: address '0.0.0.0:80' is already taken by '0.0.0.0:80' at t.yaml:1:10\n"
         "t.yaml:1:79: error: address 'unix:/a' is already taken by 'unix:/a' at t.yaml:1:68\n"},
        {"TLS",
         "listen:\n  - address: ':1'\n    tls: {http2: maybe}\n  - address: ':2'\n    tls: {certificates: "
         "[{certificate: /no/c.pem}], min_version: 1.1}\n" SERVICES ROUTES,
         "t.yaml:3:10: error: required key 'certificates' is missing\n"
         "  hint: certificates to choose from by the name that the client asks for (SNI); the first one answers "
         "unknown names\n"
         "t.yaml:3:18: error: 'maybe' is not valid for 'http2' (true or false)\n  hint: offer HTTP/2 (ALPN h2)\n"
         "t.yaml:5:26: error: required key 'key' is missing\n"
         "  hint: PEM file with the private key; only the gateway's user should be able to read it\n"
         "t.yaml:5:66: error: '1.1' is not valid for 'min_version' (1.2 or 1.3)\n  hint: did you mean '1.2'?\n"},
        {"endpoints",
         LISTEN ROUTES "services:\n  one:\n    endpoints:\n      - https://a\n      - a:80\n      - http://a/b\n      "
                       "- http://a?b\n      - http://u:p@a\n"
                       "      - http://\n      - http://a:0\n      - 'http://a:'\n      - http://[::1\n      - "
                       "http://[::1]x\n      - http://1.2.3\n      - http://a b\n"
                       "      - unix:a\n      - {host: a}\n      - [a]\n",
         "t.yaml:6:9: error: 'https://a' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: TLS to endpoints is not supported in this version\n"
         "t.yaml:7:9: error: 'a:80' is not valid for 'url' (http://HOST:PORT or unix:/path)\n  hint: an endpoint "
         "begins with http://\n"
         "t.yaml:8:9: error: 'http://a/b' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: an endpoint has no path and no query: 'http://a'\n"
         "t.yaml:9:9: error: 'http://a?b' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: an endpoint has no path and no query: 'http://a'\n"
         "t.yaml:10:9: error: the text is not valid for 'url' (no user name)\n"
         "  hint: the filter 'headers' can send credentials\n"
         "t.yaml:11:9: error: 'http://' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: what follows http:// is a host name, an IPv4 address or an IPv6 address in [brackets]\n"
         "t.yaml:12:9: error: 'http://a:0' is not valid for 'url' (http://HOST:PORT or unix:/path)\n  hint: a port is "
         "a number from 1 to 65535\n"
         "t.yaml:13:9: error: 'http://a:' is not valid for 'url' (http://HOST:PORT or unix:/path)\n  hint: a port is a "
         "number from 1 to 65535\n"
         "t.yaml:14:9: error: 'http://[::1' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: what follows http:// is a host name, an IPv4 address or an IPv6 address in [brackets]\n"
         "t.yaml:15:9: error: 'http://[::1]x' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: what follows http:// is a host name, an IPv4 address or an IPv6 address in [brackets]\n"
         "t.yaml:16:9: error: 'http://1.2.3' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: what follows http:// is a host name, an IPv4 address or an IPv6 address in [brackets]\n"
         "t.yaml:17:9: error: 'http://a b' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: what follows http:// is a host name, an IPv4 address or an IPv6 address in [brackets]\n"
         "t.yaml:18:9: error: 'unix:a' is not valid for 'url' (http://HOST:PORT or unix:/path)\n"
         "  hint: the path of a Unix socket begins with '/'\n"
         "t.yaml:19:9: error: required key 'url' is missing\n  hint: where the endpoint listens; port 80 when none is "
         "given\n"
         "t.yaml:19:10: error: unknown key 'host'\n  hint: known keys: url, weight, backup\n"
         "t.yaml:20:9: error: 'endpoint' must be a mapping, found a list\n"},
        {"an endpoint twice", LISTEN ROUTES "services: {one: {endpoints: ['http://a', 'http://a']}}\n",
         "t.yaml:3:42: error: endpoint 'http://a' is listed twice\n  hint: a 'weight' gives it a larger share\n"},
        {"service names and options",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], retrys: 1}, 'a b': {endpoints: ['http://a']}}\n",
         "t.yaml:3:43: error: unknown key 'retrys'\n"
         "  hint: did you mean 'retries'?\n"
         "t.yaml:3:55: error: 'a b' is no name for a service\n"
         "  hint: letters, digits, '_', '-' and '.', at most 64\n"},
        {"a dangling service",
         LISTEN "services: {calculator: {endpoints: ['http://a']}}\nroutes: [{path: /, service: calulator}, {path: /b, "
                "service: x}]\n",
         "t.yaml:3:29: error: there is no service 'calulator'\n  hint: did you mean 'calculator'?\n"
         "t.yaml:3:61: error: there is no service 'x'\n  hint: known services: calculator\n"},
        {"routes",
         LISTEN SERVICES
         "routes:\n  - service: one\n  - {path: a, service: one}\n  - {path: '/a?b', service: one}\n"
         "  - {path: /c, service: one, methods: [get, FETCH]}\n  - {path: /d, service: one, strip_prefix: true}\n"
         "  - {path: /e, service: one, max_body: 5, host: 'a:80'}\n  - {path: /f, service: one, max_body: x, host: "
         "'*'}\n"
         "  - {path: /g/*, service: one, host: a.*.b}\n",
         "t.yaml:4:5: error: required key 'path' is missing\n"
         "  hint: path of the request; one that ends in '/' covers everything below it, any other must match exactly\n"
         "t.yaml:5:12: error: 'a' is not valid for 'path' (a path that begins with '/')\n"
         "t.yaml:6:12: error: '/a?b' is not valid for 'path' (a path that begins with '/')\n  hint: routes do not look "
         "at the query\n"
         "t.yaml:7:40: error: there is no method 'get'\n  hint: did you mean 'GET'?\n"
         "t.yaml:7:45: error: there is no method 'FETCH'\n  hint: did you mean 'PATCH'?\n"
         "t.yaml:8:12: error: 'strip_prefix' needs a path that ends in '/'\n  hint: did you mean '/d/'?\n"
         "t.yaml:9:49: error: 'a:80' is not valid for 'host' (a name such as api.example.com or *.example.com)\n"
         "  hint: the port does not count: leave it out\n"
         "t.yaml:10:40: error: 'x' is not valid for 'max_body' (a size such as 512B, 64KiB, 8MiB or 1GiB, "
         "0B..1024GiB)\n"
         "  hint: body of a request on this route\n"
         "t.yaml:10:49: error: '*' is not valid for 'host' (a name such as api.example.com or *.example.com)\n"
         "  hint: leave 'host' out to match every host\n"
         "t.yaml:11:12: warning: '*' in a path stands for itself\n  hint: a path that ends in '/' covers everything "
         "below it\n"
         "t.yaml:11:38: error: 'a.*.b' is not valid for 'host' (a name such as api.example.com or *.example.com)\n"
         "  hint: a wildcard stands for the first labels only: *.example.com\n"},
        {"route names",
         LISTEN SERVICES "routes:\n  - {path: /a, service: one, name: x}\n  - {path: /b, service: one, name: x}\n  - "
                         "{path: /c, service: one, name: /d}\n  - {path: /d, service: one}\n",
         "t.yaml:5:5: error: the route name 'x' is already taken by the route at t.yaml:4:5\n"
         "t.yaml:7:5: error: the route name '/d' is already taken by the route at t.yaml:6:5\n"},
        {"an unused filter", LISTEN SERVICES ROUTES "filters: {polite: {headers: {}}}\n",
         "t.yaml:4:11: warning: filter 'polite' is not used by any route\n"},
        {"filters",
         LISTEN SERVICES
         "filters:\n  polite: {headers: {response: {remove: Server}}}\n  wrong: {header: {}}\n  two: {headers: {}, "
         "stamp: {}}\n  none: headers\n"
         "routes:\n  - path: /\n    service: one\n    filters: [pollite, headers, stamp: {weight: 0}, 5, [x]]\n",
         "t.yaml:5:11: error: there is no filter 'header'\n  hint: did you mean 'headers'?\n"
         "t.yaml:6:8: error: a filter must be one mapping of its kind to its options, found 2 keys\n"
         "  hint: for example: headers: {response: {remove: [Server]}}\n"
         "t.yaml:7:9: error: a filter must be one mapping of its kind to its options, found 'headers'\n"
         "  hint: for example: headers: {response: {remove: [Server]}}\n"
         "t.yaml:11:15: error: there is no filter 'pollite' under 'filters'\n  hint: did you mean 'polite'?\n"
         "t.yaml:11:24: error: there is no filter 'headers' under 'filters'\n  hint: 'headers' is a kind of filter: "
         "write '- headers: {...}'\n"
         "t.yaml:11:40: error: required key 'text' is missing\n  hint: what it says\n"
         "t.yaml:11:49: error: '0' is not valid for 'weight' (1..1000 grams)\n  hint: how heavy it is\n"
         "t.yaml:11:53: error: there is no filter '5' under 'filters'\n  hint: known filters: polite, wrong, two, "
         "none\n"
         "t.yaml:11:56: error: a filter must be one mapping of its kind to its options, found a list\n"
         "  hint: for example: headers: {response: {remove: [Server]}}\n"},
    };

    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void what_cannot_help_a_service_that_fails_is_found(void **state)
{
    static const case_t cases[] = {
        {"weights",
         LISTEN ROUTES
         "services: {one: {endpoints: [{url: 'http://a', weight: 257}, {url: 'http://b', weight: -1}]}}\n",
         "t.yaml:3:56: error: '257' is not valid for 'weight' (0..256)\n"
         "  hint: share of the requests beside the other endpoints; 0 sends none\n"
         "t.yaml:3:88: error: '-1' is not valid for 'weight' (a whole number, 0..256)\n"
         "  hint: share of the requests beside the other endpoints; 0 sends none\n"},
        {"no endpoint with a weight",
         LISTEN ROUTES
         "services: {one: {endpoints: [{url: 'http://a', weight: 0}, {url: 'http://b', backup: true}]}}\n",
         "t.yaml:3:17: warning: service 'one' has no endpoint with a weight that is not a backup\n"},
        {"a way of balancing that is none",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], balance: least_request}}\n",
         "t.yaml:3:52: error: 'least_request' is not valid for 'method' (round_robin, random, least_requests or hash)\n"
         "  hint: did you mean 'least_requests'?\n"},
        {"balancing by hash without a key", LISTEN ROUTES "services: {one: {endpoints: ['http://a'], balance: hash}}\n",
         "t.yaml:3:52: error: balancing by hash needs a 'key'\n"
         "  hint: for example: balance: {method: hash, key: \"header:X-User\"}\n"},
        {"a key without balancing by hash",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], balance: {key: client_address}}}\n",
         "t.yaml:3:52: error: a 'key' is of use only for balancing by hash\n"
         "  hint: add 'method: hash'\n"},
        {"keys that are none",
         LISTEN ROUTES
         "services:\n"
         "  one:\n"
         "    endpoints: ['http://a']\n"
         "    balance: {method: hash, key: 'header:'}\n"
         "  two: {endpoints: ['http://a'], balance: {method: hash, key: cookie}}\n"
         "  three: {endpoints: ['http://a'], balance: {method: hash, key: 'header:a b', load_factor: 99%}}\n",
         "t.yaml:6:34: error: 'header:' is not valid for 'key' (client_address, header:NAME, cookie:NAME, query:NAME, "
         "principal or a property such as jwt.sub)\n"
         "t.yaml:7:63: error: 'cookie' is not valid for 'key' (client_address, header:NAME, cookie:NAME, query:NAME, "
         "principal or a property such as jwt.sub)\n"
         "t.yaml:8:65: error: 'header:a b' is not valid for 'key' (client_address, header:NAME, cookie:NAME, "
         "query:NAME, principal or a property such as jwt.sub)\n"
         "t.yaml:8:92: error: '99%' is not valid for 'load_factor' (100%..1000%)\n"
         "  hint: for hash: an endpoint with more than this share of the mean load passes keys on to the next\n"},
        {"queues",
         LISTEN ROUTES
         "services: {one: {endpoints: ['http://a'], max_requests: 1000001, queue: {size: 5, timeout: 0s}}}\n",
         "t.yaml:3:57: error: '1000001' is not valid for 'max_requests' (0..1000000 requests)\n"
         "  hint: requests under way at each endpoint, all workers together; 0 sets no bound\n"
         "t.yaml:3:92: error: '0s' is not valid for 'timeout' (1ms..1h)\n"
         "  hint: how long a request may wait before it is answered with 503\n"},
        {"a health check that is not as it must be",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], health_check: {path: 'healthz', host: 'a b', method: "
                       "HEAD, body: ok, period: 1s, timeout: 2s, status: [200, 2xx, ok, 600]}}}\n",
         "t.yaml:3:57: error: 'path' of a health check begins with '/' and has no blanks and no '#'\n"
         "t.yaml:3:57: error: 'host' of a health check is a host name, with :PORT if need be\n"
         "t.yaml:3:57: error: a response to HEAD has no 'body' to look at\n"
         "  hint: use method GET\n"
         "t.yaml:3:57: error: 'timeout' of a health check must not be longer than its 'period'\n"
         "  hint: checks of one endpoint never overlap\n"
         "t.yaml:3:156: error: 'ok' is no status\n"
         "  hint: a status such as 200, 200-299 or 2xx\n"
         "t.yaml:3:160: error: '600' is no status\n"
         "  hint: a status such as 200, 200-299 or 2xx\n"},
        {"the methods of a health check",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], health_check: {method: POST}}}\n",
         "t.yaml:3:66: error: 'POST' is not valid for 'method' (GET, HEAD or OPTIONS)\n"
         "  hint: method of the check\n"},
        {"a health check more often than its timeout",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], health_check: {period: 500ms}}}\n",
         "t.yaml:3:57: error: 'timeout' of a health check must not be longer than its 'period'\n"
         "  hint: checks of one endpoint never overlap\n"},
        {"an ejection that ends before it begins",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], ejection: {time: 10m}}}\n",
         "t.yaml:3:53: error: 'max_time' of an ejection must not be shorter than its 'time'\n"},
        {"ejection out of bounds",
         LISTEN ROUTES
         "services: {one: {endpoints: ['http://a'], ejection: {failure_ratio: 101%, max_share: 0.5, window: 100ms}}}\n",
         "t.yaml:3:69: error: '101%' is not valid for 'failure_ratio' (0%..100%)\n"
         "  hint: share of failures in the window that ejects an endpoint; 0% does not look at it\n"
         "t.yaml:3:86: error: '0.5' is not valid for 'max_share' (a percentage such as 20% or 0.5%, 0%..100%)\n"
         "  hint: share of a service's endpoints that may be ejected at a time\n"
         "t.yaml:3:99: error: '100ms' is not valid for 'window' (1s..1h)\n"
         "  hint: time over which the share is taken\n"},
        {"a panic threshold that nothing looks at",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], panic_threshold: 50%}}\n",
         "t.yaml:3:17: error: 'panic_threshold' has no effect with 'when_unhealthy: fail_fast'\n"
         "  hint: add 'when_unhealthy: try_anyway'\n"},
        {"a panic threshold with try_anyway",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], panic_threshold: 50%, when_unhealthy: try_anyway}}\n",
         ""},
        {"conditions that are none",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], retries: {on: [conect_failure, timeout, 700, 5xx], "
                       "unsafe_on: 'reset, rest'}}}\n",
         "t.yaml:3:58: error: 'conect_failure' is no condition and no status\n"
         "  hint: did you mean 'connect_failure'?\n"
         "t.yaml:3:74: error: 'timeout' is no condition and no status\n"
         "  hint: statuses such as 503, 500-504 or 5xx, and: connect_failure, empty_response, reset, response_timeout, "
         "junk_response\n"
         "t.yaml:3:83: error: '700' is no condition and no status\n"
         "  hint: statuses such as 503, 500-504 or 5xx, and: connect_failure, empty_response, reset, response_timeout, "
         "junk_response\n"
         "t.yaml:3:105: error: 'rest' is no condition and no status\n"
         "  hint: did you mean 'reset'?\n"},
        {"conditions that are no texts",
         LISTEN ROUTES
         "services: {one: {endpoints: ['http://a'], retries: {on: {reset: yes}, unsafe_on: [[reset], ~]}}}\n",
         "t.yaml:3:57: error: conditions must be a list of at most 100 texts\n"
         "t.yaml:3:83: error: a condition must be a text, found a list\n"
         "t.yaml:3:92: error: a condition must be a text, found nothing\n"},
        {"retries as a number", LISTEN ROUTES "services: {one: {endpoints: ['http://a'], retries: 2}}\n",
         "t.yaml:3:52: error: 'retries' must be a mapping, found '2'\n"},
        {"a wait that is longer than its bound",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], retries: {backoff: 1s}}}\n",
         "t.yaml:3:52: error: 'max_backoff' of retries must not be shorter than their 'backoff'\n"},
        {"a hedge without a second attempt",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], retries: {attempts: 1, hedge_after: 50ms}}}\n",
         "t.yaml:3:52: warning: 'hedge_after' has no effect with one attempt\n"
         "  hint: a hedged request is a second attempt: attempts: 2\n"},
        {"too many attempts",
         LISTEN ROUTES
         "services: {one: {endpoints: ['http://a'], retries: {attempts: 11, budget: 150%, max_body: 17MiB}}}\n",
         "t.yaml:3:63: error: '11' is not valid for 'attempts' (1..10 tries)\n"
         "  hint: tries in all, the first one included; 1 tries once\n"
         "t.yaml:3:75: error: '150%' is not valid for 'budget' (0%..100%)\n"
         "  hint: retries in proportion to the service's requests, so that they never multiply an outage; what is not "
         "used is saved up to one retry for each request under way\n"
         "t.yaml:3:91: error: '17MiB' is not valid for 'max_body' (0B..16MiB)\n"
         "  hint: request body that is kept to be sent again; a request with a longer one is not tried again\n"},
        {"one try that does not fit into the total",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], timeouts: {total: 5s}}}\n",
         "t.yaml:3:17: warning: one try may take 16s, longer than timeouts.total (5s) allows\n"},
        {"tries that do not fit into the total",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], timeouts: {total: 20s}, retries: {on: "
                       "[connect_failure, response_timeout]}}}\n",
         "t.yaml:3:17: warning: 3 tries of 16s do not fit into timeouts.total (20s)\n"
         "  hint: set retries.per_try_timeout, or fewer attempts, or a longer total\n"},
        {"tries that fit because of their own timeout",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], timeouts: {total: 20s}, retries: {on: "
                       "[connect_failure, response_timeout], per_try_timeout: 5s}}}\n",
         ""},
        {"tries that time out and are not tried again",
         LISTEN ROUTES
         "services: {one: {endpoints: ['http://a'], timeouts: {total: 20s}, retries: {on: [connect_failure, 503]}}}\n",
         ""},
        {"connections kept for longer than the service keeps them",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], pool: {upstream_idle: 60s}}}\n",
         "t.yaml:3:17: warning: pool.idle (1m) outlives what the service keeps unused connections (pool.upstream_idle, "
         "1m)\n"
         "  hint: set pool.idle to less\n"},
        {"connections kept for less long",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], pool: {idle: 55s, upstream_idle: 60s}}}\n", ""},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void wrong_splits_and_retries_of_routes_are_found(void **state)
{
    static const case_t cases[] = {
        {"neither a service nor services", LISTEN SERVICES "routes: [{path: /}]\n",
         "t.yaml:3:10: error: required key 'service' is missing\n"
         "  hint: service: NAME, or services: {NAME: 95, OTHER: 5}\n"},
        {"both a service and services", LISTEN SERVICES "routes: [{path: /, service: one, services: {one: 1}}]\n",
         "t.yaml:3:10: error: a route has either 'service' or 'services'\n"
         "  hint: service: NAME, or services: {NAME: 95, OTHER: 5}\n"},
        {"no services to split between", LISTEN SERVICES "routes: [{path: /, services: {}}]\n",
         "t.yaml:3:10: error: required key 'service' is missing\n"
         "  hint: service: NAME, or services: {NAME: 95, OTHER: 5}\n"},
        {"weights of a split",
         LISTEN TWO_SERVICES
         "routes: [{path: /, services: {one: 1000001, two: 1}}, {path: /b, services: {one: 5%, two: 1}}, {path: /c, "
         "services: {one: -1, two: 1}}, {path: /d, services: {one: 0, two: 0}}]\n",
         "t.yaml:3:36: error: '1000001' is no weight (0..1000000)\n"
         "t.yaml:3:82: error: '5%' is no weight (0..1000000)\n"
         "t.yaml:3:123: error: '-1' is no weight (0..1000000)\n"
         "t.yaml:3:137: error: one of 'services' must have a weight above 0\n"},
        {"a dangling service in a split",
         LISTEN TWO_SERVICES "routes: [{path: /, services: {one: 1, tow: 1}}, {path: /b, service: two}]\n",
         "t.yaml:3:39: error: there is no service 'tow'\n"
         "  hint: did you mean 'two'?\n"},
        {"a split by nothing", LISTEN SERVICES "routes: [{path: /, service: one, split_by: 'cookie:a'}]\n",
         "t.yaml:3:10: error: 'split_by' needs 'services'\n"},
        {"retries of a route",
         LISTEN "services: {one: {endpoints: ['http://a'], timeouts: {total: 20s}}}\n"
                "routes:\n"
                "  - {path: /, service: one, retries: {on: [response_timeout], attempts: 2}}\n"
                "  - {path: /b, service: one, retries: {attempts: 0, backof: 1s}}\n",
         "t.yaml:4:38: warning: 2 tries of 16s do not fit into timeouts.total (20s)\n"
         "  hint: set retries.per_try_timeout, or fewer attempts, or a longer total\n"
         "t.yaml:5:50: error: '0' is not valid for 'attempts' (1..10 tries)\n"
         "  hint: tries in all, the first one included; 1 tries once\n"
         "t.yaml:5:53: error: unknown key 'backof'\n"
         "  hint: did you mean 'backoff'?\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void wrong_circuit_breakers_are_found(void **state)
{
    static const case_t cases[] = {
        {"a circuit breaker as it comes",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         ""},
        {"a circuit breaker's misspelt key",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {failure_rate: 50%}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:37: error: unknown key 'failure_rate'\n"
         "  hint: did you mean 'failure_ratio'?\n"},
        {"shares without a percent sign and beyond all",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {failure_ratio: 0.5, slow_ratio: 101%, slow_call: 1s}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:52: error: '0.5' is not valid for 'failure_ratio' (a percentage such as 20% or 0.5%, 0%..100%)\n"
         "  hint: share of failed calls in the window that opens it; 0% does not look at it\n"
         "t.yaml:3:69: error: '101%' is not valid for 'slow_ratio' (0%..100%)\n"
         "  hint: share of slow calls in the window that opens it; 0% does not look at it\n"},
        {"a slow call and its share need each other",
         LISTEN "services: {one: {endpoints: ['http://a']}}\n"
                "filters: {a: {circuit_breaker: {slow_call: 1s}}, b: {circuit_breaker: {slow_ratio: 50%}}}\n"
                "routes: [{path: /, service: one, filters: [a, b]}]\n",
         "t.yaml:3:32: error: 'slow_call' needs a 'slow_ratio'\n"
         "  hint: for example: slow_ratio: 80%\n"
         "t.yaml:3:71: error: 'slow_ratio' needs a 'slow_call'\n"
         "  hint: for example: slow_call: 2s\n"},
        {"a time that is longer than its bound",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {open_for: 2m}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:36: error: 'max_open_for' must not be shorter than 'open_for'\n"},
        {"a queue for a bulkhead that is not there",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {max_queue: 5}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:36: error: 'max_queue' needs 'max_concurrent'\n"},
        {"a breaker that never opens",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {failure_ratio: 0%}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:36: warning: this circuit breaker never opens\n"
         "  hint: set failure_ratio, slow_ratio, consecutive_failures or max_concurrent\n"},
        {"a breaker that is only a bulkhead",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {failure_ratio: 0%, max_concurrent: 5}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         ""},
        {"more probes and failures in a row than can be counted",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {half_open_requests: 61, consecutive_failures: 256, "
                         "probe_timeout: 999ms, window: 99ms}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:57: error: '61' is not valid for 'half_open_requests' (1..60 requests)\n"
         "  hint: probes that are let through when it is half-open; when they come back well it closes\n"
         "t.yaml:3:83: error: '256' is not valid for 'consecutive_failures' (0..255 calls)\n"
         "  hint: failed calls in a row that open it; 0 does not look at them\n"
         "t.yaml:3:103: error: '999ms' is not valid for 'probe_timeout' (1s..1h)\n"
         "  hint: a probe that takes longer counts as failed\n"
         "t.yaml:3:118: error: '99ms' is not valid for 'window' (100ms..1h)\n"
         "  hint: time over which the shares are taken; it slides in tenths\n"},
        {"failures that are none",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {failures: [5xx, timeouts]}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:53: error: 'timeouts' is no condition and no status\n"
         "  hint: statuses such as 503, 500-504 or 5xx, and: connect_failure, empty_response, reset, response_timeout, "
         "junk_response\n"},
        {"words that are none",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {per: endpoints, force: opened, mode: observed}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:42: error: 'endpoints' is not valid for 'per' (service or endpoint)\n"
         "  hint: did you mean 'endpoint'?\n"
         "t.yaml:3:60: error: 'opened' is not valid for 'force' (none, open or closed)\n"
         "  hint: did you mean 'open'?\n"
         "t.yaml:3:74: error: 'observed' is not valid for 'mode' (enforce or observe)\n"
         "  hint: did you mean 'observe'?\n"},
        {"a fallback that is two",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {fallback: {service: one, status: 200}}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:47: error: a fallback has either a 'service' or a 'status'\n"
         "  hint: fallback: {service: NAME}, or fallback: {status: 200, body: \"...\"}\n"},
        {"a fallback that is none",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {fallback: {body: sorry}}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:47: error: a fallback has either a 'service' or a 'status'\n"
         "  hint: fallback: {service: NAME}, or fallback: {status: 200, body: \"...\"}\n"
         "t.yaml:3:47: error: the 'body' of a fallback needs a 'status'\n"},
        {"a body that a response cannot have",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {fallback: {status: 204, body: sorry}}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:47: error: a response 204 has no body\n"},
        {"a content type with a line break",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {fallback: {status: 200, content_type: \"a\\nb\"}}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:47: error: 'content_type' of a fallback is no field value\n"},
        {"a dangling fallback",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {fallback: {service: won}}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:47: error: there is no service 'won'\n"
         "  hint: known services: one\n"},
        {"a service that is its own fallback",
         LISTEN SERVICES "filters: {guard: {circuit_breaker: {fallback: {service: one}}}}\n"
                         "routes: [{path: /, service: one, filters: [guard]}]\n",
         "t.yaml:3:47: error: service 'one' is its own fallback on the route at t.yaml:4:10\n"
         "  hint: a fallback is another service\n"},
        {"a fallback to one of several services",
         LISTEN TWO_SERVICES "filters: {guard: {circuit_breaker: {fallback: {service: two}}}}\n"
                             "routes: [{path: /, services: {one: 95, two: 5}, filters: [guard]}]\n",
         "t.yaml:3:47: error: service 'two' is its own fallback on the route at t.yaml:4:10\n"
         "  hint: a fallback is another service\n"},
        {"two filters that look at endpoints on one route",
         LISTEN SERVICES "filters: {a: {circuit_breaker: {per: endpoint}}, b: {circuit_breaker: {per: endpoint}}}\n"
                         "routes: [{path: /, service: one, filters: [a, b]}]\n",
         "t.yaml:4:10: error: this route has two filters that look at endpoints one by one: 'a' and 'b'\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static gw_snapshot_t *load_fine(const char *yaml)
{
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load_memory("t.yaml", gw_str_of(yaml), diag);

    gw_diag_print(diag, stderr);
    gw_diag_free(diag);
    assert_non_null(snapshot);
    return snapshot;
}

#define ONE_FILTER(options) "filters: {guard: {" options "}}\nroutes: [{path: /, service: one, filters: [guard]}]\n"

static void wrong_api_key_filters_are_found(void **state)
{
    static const case_t cases[] = {
        {"without a file", LISTEN SERVICES ONE_FILTER("api_key: {}"),
         "t.yaml:3:28: error: required key 'file' is missing\n"
         "  hint: the keys as hashes, with their owners and properties; read again when it changes\n"},
        {"with a file that is not there", LISTEN SERVICES ONE_FILTER("api_key: {file: /no/such}"),
         "t.yaml:3:28: error: cannot read API key file '/no/such': No such file or directory\n"},
        {"with a file that is none", LISTEN SERVICES ONE_FILTER("api_key: {file: /dev/null}"),
         "t.yaml:3:28: error: cannot read API key file '/dev/null': it is not a regular file\n"},
        {"with keys in wrong places",
         LISTEN SERVICES ONE_FILTER(
             "api_key: {file: /no/such, from: [client_address, 'query:', 'query:k', 'query:k']}"),
         "t.yaml:3:28: error: cannot read API key file '/no/such': No such file or directory\n"
         "t.yaml:3:52: error: 'client_address' is not valid for 'from' (header:NAME, cookie:NAME or query:NAME)\n"
         "  hint: for example: header:X-API-Key\n"
         "t.yaml:3:68: error: 'query:' is not valid for 'from' (header:NAME, cookie:NAME or query:NAME)\n"
         "  hint: for example: header:X-API-Key\n"
         "t.yaml:3:89: error: 'query:k' stands in 'from' twice\n"},
        {"with fields that cannot be set",
         LISTEN SERVICES ONE_FILTER(
             "api_key: {file: /no/such, forward: {a: 'X Y', b: Host, c: X-Forwarded-For, d: X-A, e: x-a}}"),
         "t.yaml:3:28: error: cannot read API key file '/no/such': No such file or directory\n"
         "t.yaml:3:58: error: 'X Y' is not a field name\n"
         "  hint: letters, digits and any of !#$%&'*+-.^_`|~\n"
         "t.yaml:3:68: error: the field 'host' belongs to the gateway\n"
         "  hint: for example: X-User\n"
         "t.yaml:3:77: error: the field 'x-forwarded-for' belongs to the gateway\n"
         "  hint: for example: X-User\n"
         "t.yaml:3:105: error: the field 'x-a' is already taken by 'd'\n"},
        {"with fields that services would take for those of the gateway",
         LISTEN SERVICES ONE_FILTER(
             "api_key: {file: /no/such, forward: {a: X_Forwarded_For, b: x-request-id, c: X-Request-Timeout-Ms, d: "
             "Expect, e: FORWARDED, f: Content_Length, g: X-A, h: X_A}}"),
         "t.yaml:3:28: error: cannot read API key file '/no/such': No such file or directory\n"
         "t.yaml:3:58: error: the field 'x_forwarded_for' belongs to the gateway\n  hint: for example: X-User\n"
         "t.yaml:3:78: error: the field 'x-request-id' belongs to the gateway\n  hint: for example: X-User\n"
         "t.yaml:3:95: error: the field 'x-request-timeout-ms' belongs to the gateway\n  hint: for example: X-User\n"
         "t.yaml:3:120: error: the field 'expect' belongs to the gateway\n  hint: for example: X-User\n"
         "t.yaml:3:131: error: the field 'forwarded' belongs to the gateway\n  hint: for example: X-User\n"
         "t.yaml:3:145: error: the field 'content_length' belongs to the gateway\n  hint: for example: X-User\n"
         "t.yaml:3:172: error: the field 'x_a' is already taken by 'g'\n"},
        {"with a field that the key comes from",
         LISTEN SERVICES ONE_FILTER(
             "api_key: {file: /no/such, from: [header:X-Key, query:X-B], forward: {a: X_Key, b: X-B}}"),
         "t.yaml:3:28: error: cannot read API key file '/no/such': No such file or directory\n"
         "t.yaml:3:91: error: the field 'x_key' is where the credential comes from: it would be removed before it is "
         "read\n  hint: for example: X-User\n"},
        {"with users in the field that the password comes from",
         LISTEN SERVICES ONE_FILTER("basic_auth: {file: /no/such, forward: {user: Authorization}}"),
         "t.yaml:3:31: error: cannot read password file '/no/such': No such file or directory\n"
         "t.yaml:3:64: error: the field 'authorization' is where the credential comes from: it would be removed before "
         "it is read\n  hint: for example: X-User\n"},
        {"with requirements that say nothing",
         LISTEN SERVICES ONE_FILTER("api_key: {file: /no/such, require: {plan: [], '': a, b: {c: d}}}"),
         "t.yaml:3:61: error: 'require' has 0 entries (1..1000 entries)\n"
         "  hint: what the property may be\n"
         "t.yaml:3:65: error: '' is no property\n"
         "t.yaml:3:75: error: 'require' must be a list, found a mapping\n"},
        {"with requirements that are none", LISTEN SERVICES ONE_FILTER("api_key: {file: /no/such, require: gold}"),
         "t.yaml:3:54: error: 'require' must be a mapping of at most 32 properties, found 'gold'\n"
         "  hint: for example: require: {plan: [gold, silver]}\n"},
        {"with a realm that breaks out of its quotes",
         LISTEN SERVICES ONE_FILTER("api_key: {file: /no/such, realm: 'a\"b'}"),
         "t.yaml:3:28: error: 'realm' takes printable ASCII without '\"' and '\\'\n"
         "t.yaml:3:28: error: cannot read API key file '/no/such': No such file or directory\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void wrong_basic_auth_filters_are_found(void **state)
{
    static const case_t cases[] = {
        {"without a file", LISTEN SERVICES ONE_FILTER("basic_auth: {}"),
         "t.yaml:3:31: error: required key 'file' is missing\n"
         "  hint: users and the hashes of their passwords, as by htpasswd; read again when it changes\n"},
        {"with a file that is not there", LISTEN SERVICES ONE_FILTER("basic_auth: {file: /no/such}"),
         "t.yaml:3:31: error: cannot read password file '/no/such': No such file or directory\n"},
        {"with properties that are not known",
         LISTEN SERVICES ONE_FILTER("basic_auth: {file: /no/such, forward: {name: X-User}, require: {role: admin}}"),
         "t.yaml:3:31: error: cannot read password file '/no/such': No such file or directory\n"
         "t.yaml:3:58: error: there is no property 'name'\n"
         "  hint: all that is known is the 'user'\n"
         "t.yaml:3:83: error: there is no property 'role'\n"
         "  hint: all that is known is the 'user'\n"},
        {"with times beyond their bounds", LISTEN SERVICES ONE_FILTER("basic_auth: {file: /no/such, remember: 2h}"),
         "t.yaml:3:58: error: '2h' is not valid for 'remember' (0s..1h)\n"
         "  hint: how long a password that was right is not hashed again; 0s hashes it with every request\n"},
        {"with a mode that is none", LISTEN SERVICES ONE_FILTER("basic_auth: {file: /no/such, mode: off}"),
         "t.yaml:3:54: error: 'off' is not valid for 'mode' (enforce or observe)\n"
         "  hint: observe refuses nothing and writes to the access log what enforce would have done\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void files_of_credentials_are_read_with_the_conf(void **state)
{
    static const struct {
        const char *about, *name, *text, *filter, *findings;
    } rows[] = {
        {"keys that are wrong", "f", "\nhunter2 acme\n", "api_key: {file: f}",
         "f:2:1: error: a line begins with sha256: and 64 hexadecimal digits\n"
         "  hint: 'sluice api-key hash' makes it of a key; the key itself does not belong into this file\n"},
        {"users that are wrong", "f", "ann:hunter2\n", "basic_auth: {file: f}",
         "f:1:5: error: this is no hash, or one of DES: neither is safe\n"
         "  hint: make it anew: htpasswd -B -C 10 FILE USER\n"},
        {"a file that everybody may read", "everybody", "# nobody\n", "basic_auth: {file: everybody}",
         "everybody: warning: there is no user in this file\n"
         "  hint: for example: htpasswd -B -C 10 FILE USER\n"
         "t.yaml:3:31: warning: password file 'everybody' may be read or changed by others\n"
         "  hint: chmod 0640 or stricter\n"},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_diag_t *diag = gw_diag_create();
        char *folder = conf_folder_create(), text[500],
             *file = conf_file_write(folder, rows[i].name, rows[i].text, strlen(rows[i].text));
        assert_int_equal(chmod(file, strcmp(rows[i].name, "f") == 0 ? 0600 : 0644), 0);
        int len = snprintf(text, sizeof(text), LISTEN SERVICES ONE_FILTER("%s"), rows[i].filter);
        char *path = conf_file_write(folder, "t.yaml", text, (size_t)len);
        gw_snapshot_t *snapshot = gw_snapshot_load(path, diag);
        char *findings = conf_findings(diag, folder);
        if (strcmp(findings, rows[i].findings) != 0)
            fail_msg("%s:\n%s", rows[i].about, findings);
        assert_int_equal(snapshot == NULL, strstr(findings, "error") != NULL);
        gw_snapshot_unref(snapshot);
        gw_diag_free(diag);
        free(findings);
        free(path);
        free(file);
        conf_folder_remove(folder);
    }
}

static void parameters_that_carry_credentials_are_known(void **state)
{
    gw_diag_t *diag = gw_diag_create();
    char *folder = conf_folder_create();
    free(conf_file_write(folder, "keys", "", 0));
    static const char text[] =
        LISTEN SERVICES "filters:\n  a: {api_key: {file: keys, from: [header:a, 'query:My-Key', 'cookie:c']}}\n"
                        "  b: {api_key: {file: keys, from: ['query:my-KEY', 'query:k']}}\n"
                        "routes: [{path: /, service: one, filters: [a, b]}]\n";
    char *path = conf_file_write(folder, "t.yaml", text, sizeof(text) - 1);
    gw_snapshot_t *snapshot = gw_snapshot_load(path, diag);
    assert_non_null(snapshot);
    assert_int_equal(snapshot->secret_parameters.size, 2);
    assert_true(gw_str_equal(snapshot->secret_parameters.entries[0], GW_STR("my-key")));
    assert_true(gw_str_equal(snapshot->secret_parameters.entries[1], GW_STR("k")));
    gw_snapshot_unref(snapshot);
    gw_diag_free(diag);
    free(path);
    conf_folder_remove(folder);
}

#define TLS_LISTEN(client_auth)                                                                                        \
    "listen: [{address: ':443', tls: {certificates: [{certificate: /dev/null, key: /dev/null}]" client_auth "}}]\n"
#define ASKING_LISTEN TLS_LISTEN(", client_auth: {ca: /dev/null}")
#define MTLS(options) "routes: [{path: /, service: one, filters: [mtls: {" options "}]}]\n"

static void wrong_client_authentication_is_found(void **state)
{
    static const case_t cases[] = {
        {"all of it",
         TLS_LISTEN(", client_auth: {ca: /dev/null, crl: /dev/null, mode: optional, depth: 0}") SERVICES ROUTES, ""},
        {"no CA, and other things that do not go",
         TLS_LISTEN(", client_auth: {mode: maybe, depth: 11}") SERVICES ROUTES,
         "t.yaml:1:105: error: required key 'ca' is missing\n"
         "  hint: PEM file with the certificates of the CAs that are trusted to name clients; no others are\n"
         "t.yaml:1:112: error: 'maybe' is not valid for 'mode' (required or optional)\n"
         "  hint: whether clients may come without a certificate; a bad one is always refused\n"
         "t.yaml:1:126: error: '11' is not valid for 'depth' (0..10 certificates)\n"
         "  hint: intermediate certificates that may stand between the client's and a trusted one\n"},
        {"files that are not there", TLS_LISTEN(", client_auth: {ca: /no/ca.pem, crl: /no/ca.crl}") SERVICES ROUTES,
         "t.yaml:1:105: error: cannot read 'ca.pem': No such file or directory\n"
         "t.yaml:1:105: error: cannot read 'ca.crl': No such file or directory\n"},
        {"a misspelt key", TLS_LISTEN(", client_auth: {ca: /dev/null, crls: /dev/null}") SERVICES ROUTES,
         "t.yaml:1:121: error: unknown key 'crls'\n  hint: did you mean 'crl'?\n"},
        {"client_auth without TLS", "listen: [{address: ':80', client_auth: {ca: /dev/null}}]\n" SERVICES ROUTES,
         "t.yaml:1:27: error: unknown key 'client_auth'\n  hint: known keys: address, tls\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void wrong_rules_for_client_certificates_are_found(void **state)
{
    static const case_t cases[] = {
        {"as it comes", ASKING_LISTEN SERVICES MTLS(""), ""},
        {"all of it",
         ASKING_LISTEN SERVICES MTLS(
             "name: cn, optional: true, mode: observe, require: {cn: [a, b], san: ['*.example.com', 'spiffe://x/y', "
             "'a@b', '::1', 1.2.3.4], fingerprint: "
             "['5F:81:4F:38:6A:08:74:48:81:66:8B:FE:00:92:B6:06:54:48:89:8C:18:D0:6A:E8:F9:3B:A7:19:21:F1:DB:11'], "
             "issuer: 'CN=ca', subject: 'CN=a,O=b'}, forward: {subject: X-A, certificate: Client-Cert}"),
         ""},
        {"nobody asks for certificates", LISTEN SERVICES MTLS(""),
         "t.yaml:3:44: error: no listener has 'client_auth': no client can show a certificate, and all would be "
         "refused\n"
         "  hint: for example: listen: [{address: ':8443', tls: {client_auth: {ca: clients.crt}, ...}}]\n"},
        {"nobody asks, on a listener with TLS", TLS_LISTEN("") SERVICES MTLS(""),
         "t.yaml:3:44: error: no listener has 'client_auth': no client can show a certificate, and all would be "
         "refused\n"
         "  hint: for example: listen: [{address: ':8443', tls: {client_auth: {ca: clients.crt}, ...}}]\n"},
        {"nobody asks, and nobody minds", LISTEN SERVICES MTLS("optional: true"),
         "t.yaml:3:44: warning: no listener has 'client_auth': no client can show a certificate\n"
         "  hint: for example: listen: [{address: ':8443', tls: {client_auth: {ca: clients.crt}, ...}}]\n"},
        {"nobody asks, and it is only looked at", LISTEN SERVICES MTLS("mode: observe"),
         "t.yaml:3:44: warning: no listener has 'client_auth': no client can show a certificate\n"
         "  hint: for example: listen: [{address: ':8443', tls: {client_auth: {ca: clients.crt}, ...}}]\n"},
        {"a name that it cannot have", ASKING_LISTEN SERVICES MTLS("name: san_ip"),
         "t.yaml:3:57: error: 'san_ip' is not valid for 'name' (subject, cn, san_dns, san_email, san_uri or "
         "fingerprint)\n  hint: what the client is called by; the first alternative name of that kind\n"},
        {"an empty list", ASKING_LISTEN SERVICES MTLS("require: {cn: []}"),
         "t.yaml:3:65: error: 'cn' has 0 entries (1..10000 entries)\n"
         "  hint: common names; of several in a subject the last one counts\n"},
        {"entries that fit nothing",
         ASKING_LISTEN SERVICES MTLS(
             "require: {cn: [''], san: ['a b', 'w*.example.com', '*', '@', ''], fingerprint: [abc, "
             "xyz], issuer: [''], subject: ['']}"),
         "t.yaml:3:66: error: '' is not valid for 'cn' (not empty)\n"
         "t.yaml:3:77: error: 'a b' is not valid for 'san' (no spaces, no characters beyond ASCII)\n"
         "t.yaml:3:84: error: 'w*.example.com' is not valid for 'san' (a host name of letters, digits, '-', '_' and "
         "'.'; '*' only as its whole first label)\n"
         "t.yaml:3:102: error: '*' is not valid for 'san' (a host name of letters, digits, '-', '_' and '.'; '*' only "
         "as "
         "its whole first label)\n"
         "t.yaml:3:107: error: '@' is not valid for 'san' (an e-mail address has something before and after its '@')\n"
         "t.yaml:3:112: error: '' is not valid for 'san' (a host name, an e-mail address, a URI or an IP address)\n"
         "t.yaml:3:131: error: 'abc' is not valid for 'fingerprint' (64 hexadecimal digits: openssl x509 -noout "
         "-fingerprint -sha256 -in FILE)\n"
         "t.yaml:3:136: error: 'xyz' is not valid for 'fingerprint' (64 hexadecimal digits: openssl x509 -noout "
         "-fingerprint -sha256 -in FILE)\n"
         "t.yaml:3:151: error: '' is not valid for 'issuer' (not empty)\n"
         "t.yaml:3:166: error: '' is not valid for 'subject' (not empty)\n"},
        {"what cannot be forwarded",
         ASKING_LISTEN SERVICES MTLS(
             "forward: {subjct: X-A, cn: 'X A', issuer: Host, serial: Connection, san: X-B, san_dns: x-b}"),
         "t.yaml:3:61: error: a certificate has no 'subjct'\n  hint: did you mean 'subject'?\n"
         "t.yaml:3:78: error: 'X A' is not a field name\n  hint: letters, digits and any of !#$%&'*+-.^_`|~\n"
         "t.yaml:3:93: error: the field 'host' belongs to the gateway\n  hint: for example: X-User\n"
         "t.yaml:3:107: error: the field 'connection' belongs to the gateway\n  hint: for example: X-User\n"
         "t.yaml:3:138: error: the field 'x-b' is already taken by 'san'\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void wrong_bounds_and_priorities_are_found(void **state)
{
    static const case_t cases[] = {
        {"all of it",
         LISTEN SERVICES "routes: [{path: /, service: one, priority: critical}]\n"
                         "overload: {loop_lag: 50ms, memory: 80%, in_flight: 5000, mode: observe}\n",
         ""},
        {"nothing of it", LISTEN SERVICES ROUTES "overload: {mode: enforce, memory: 0%}\n",
         "t.yaml:4:11: warning: 'overload' without a bound has no effect\n"
         "  hint: set loop_lag, memory or in_flight\n"},
        {"an empty section", LISTEN SERVICES ROUTES "overload:\n",
         "t.yaml:4:10: warning: 'overload' without a bound has no effect\n"
         "  hint: set loop_lag, memory or in_flight\n"},
        {"bounds out of bounds",
         LISTEN SERVICES ROUTES "overload: {loop_lag: 11s, memory: 101%, in_flight: 10000001, mode: on}\n",
         "t.yaml:4:22: error: '11s' is not valid for 'loop_lag' (0s..10s)\n"
         "  hint: how long what has happened waits until a worker gets to it, for each worker by itself; 0s has no "
         "bound\n"
         "t.yaml:4:35: error: '101%' is not valid for 'memory' (0%..100%)\n"
         "  hint: resident memory of the process; a percentage is of what its cgroups and the machine allow; 0B has no "
         "bound\n"
         "t.yaml:4:52: error: '10000001' is not valid for 'in_flight' (0..10000000 requests)\n"
         "  hint: requests under way, all workers together; 0 has no bound\n"
         "t.yaml:4:68: error: 'on' is not valid for 'mode' (enforce or observe)\n"
         "  hint: observe refuses nothing and only says what it would do\n"},
        {"a share without its sign", LISTEN SERVICES ROUTES "overload: {memory: 80}\n",
         "t.yaml:4:11: error: 'memory: 80B' is less than any gateway takes: it would refuse everything\n"
         "  hint: with a unit: memory: 2GiB, or memory: 80%\n"},
        {"a size that is none", LISTEN SERVICES ROUTES "overload: {memory: much}\n",
         "t.yaml:4:20: error: 'much' is not valid for 'memory' (a size such as 512B, 64KiB, 8MiB or 1GiB, "
         "0B..1048576GiB)\n"
         "  hint: resident memory of the process; a percentage is of what its cgroups and the machine allow; 0B has no "
         "bound\n"},
        {"a share that is none", LISTEN SERVICES ROUTES "overload: {memory: most%}\n",
         "t.yaml:4:20: error: 'most%' is not valid for 'memory' (a percentage such as 20% or 0.5%, 0%..100%)\n"
         "  hint: resident memory of the process; a percentage is of what its cgroups and the machine allow; 0B has no "
         "bound\n"},
        {"a list for a size", LISTEN SERVICES ROUTES "overload: {memory: [1GiB]}\n",
         "t.yaml:4:20: error: 'memory' must be a size, found a list\n"},
        {"a misspelt bound", LISTEN SERVICES ROUTES "overload: {inflight: 10}\n",
         "t.yaml:4:12: error: unknown key 'inflight'\n  hint: did you mean 'in_flight'?\n"},
        {"no such priority", LISTEN SERVICES "routes: [{path: /, service: one, priority: hihg}]\n",
         "t.yaml:3:44: error: 'hihg' is not valid for 'priority' (low, normal, high or critical)\n"
         "  hint: did you mean 'high'?\n"},
    };

    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void bounds_of_memory_are_sizes_or_shares(void **state)
{
    static const struct {
        const char *text;
        bool is_share;
        uint64_t amount;
    } rows[] = {
        {"2GiB", false, 2ull << 30}, {"1048576", false, 1 << 20}, {"80%", true, 8000},
        {"0.5%", true, 50},          {"'100%'", true, 10000},     {"0", false, 0},
    };

    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        char yaml[512];
        snprintf(yaml, sizeof(yaml), LISTEN SERVICES ROUTES "overload: {in_flight: 7, memory: %s}\n", rows[i].text);
        gw_snapshot_t *s = load_fine(yaml);
        assert_int_equal(s->overload.memory.is_share, rows[i].is_share);
        assert_int_equal(s->overload.memory.amount, rows[i].amount);
        assert_int_equal(s->overload.in_flight, 7);
        assert_int_not_equal(s->overload.at.line, 0);
        gw_snapshot_unref(s);
    }
}

static void defaults_are_filled_in(void **state)
{
    gw_snapshot_t *s = load_fine(LISTEN SERVICES ROUTES);

    assert_true(s->workers >= 1 && s->workers <= 256);
    assert_int_equal(s->drain_timeout, 30000);
    assert_int_equal(s->limits.connections, 16384);
    assert_int_equal(s->limits.head, 16384);
    assert_int_equal(s->limits.fields, 100);
    assert_int_equal(s->limits.body, 64 << 20);
    assert_int_equal(s->timeouts.handshake, 10000);
    assert_int_equal(s->timeouts.head, 10000);
    assert_int_equal(s->timeouts.body, 30000);
    assert_int_equal(s->timeouts.write, 30000);
    assert_int_equal(s->timeouts.idle, 75000);
    assert_int_equal(s->access_log.target, GW_LOG_STDOUT);
    assert_int_equal(s->access_log.ring, 1 << 20);
    assert_int_equal(s->overload.at.line, 0);
    assert_int_equal(s->overload.loop_lag, 0);
    assert_int_equal(s->overload.memory.amount, 0);
    assert_int_equal(s->overload.in_flight, 0);
    assert_int_equal(s->overload.mode, GW_OVERLOAD_ENFORCE);
    assert_int_equal(s->routes[0].priority, GW_PRIORITY_NORMAL);
    assert_int_equal(s->trusted_proxies.size, 0);
    assert_true(s->services[0].pass_host);
    assert_int_equal(s->services[0].timeouts.connect, 1000);
    assert_int_equal(s->services[0].timeouts.response, 15000);
    assert_int_equal(s->services[0].timeouts.idle, 60000);
    assert_int_equal(s->services[0].pool.size, 64);
    assert_int_equal(s->services[0].pool.idle, 60000);
    assert_int_equal(s->services[0].pool.age, 3600000);
    assert_null(s->services[0].version);
    assert_string_equal(s->routes[0].name, "/");
    assert_string_equal(s->routes[0].host, "");
    assert_int_equal(s->routes[0].methods, 0);
    assert_int_equal(s->routes[0].max_body, 64 << 20);
    assert_false(s->routes[0].strip_prefix);
    assert_null(s->listeners[0].tls);
    gw_snapshot_unref(s);
}

static void addresses_become_socket_addresses(void **state)
{
    gw_snapshot_t *s =
        load_fine("listen: ['1.2.3.4:80', '[::1]:81', ':82', 'unix:/run/x', {address: '0.0.0.0:0'}]\n" SERVICES ROUTES);
    const gw_listener_conf_t *l = s->listeners;

    assert_int_equal(s->num_listeners, 5);
    assert_int_equal(l[0].sockaddr.in.sin_family, AF_INET);
    assert_int_equal(l[0].sockaddr.in.sin_addr.s_addr, htonl(0x01020304));
    assert_int_equal(l[0].sockaddr.in.sin_port, htons(80));
    assert_int_equal(l[0].sockaddr_len, sizeof(struct sockaddr_in));
    assert_int_equal(l[1].sockaddr.in6.sin6_family, AF_INET6);
    assert_false(l[1].is_dual_stack);
    assert_true(l[2].is_dual_stack);
    assert_int_equal(l[2].sockaddr.in6.sin6_port, htons(82));
    assert_string_equal(l[3].sockaddr.un.sun_path, "/run/x");
    assert_int_equal(l[4].sockaddr.in.sin_port, 0);
    gw_snapshot_unref(s);
}

static void endpoints_become_hosts_and_ports(void **state)
{
    static const struct {
        const char *url, *host, *path, *authority;
        unsigned port;
    } cases[] = {
        {"http://a", "a", NULL, "a", 80},
        {"HTTP://a.b:81", "a.b", NULL, "a.b:81", 81},
        {"http://127.0.0.1:80", "127.0.0.1", NULL, "127.0.0.1", 80},
        {"http://[::1]:9001", "::1", NULL, "[::1]:9001", 9001},
        {"http://[::1]", "::1", NULL, "[::1]", 80},
        {"unix:/run/app.sock", NULL, "/run/app.sock", "localhost", 0},
    };

    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char yaml[200];
        snprintf(yaml, sizeof(yaml), LISTEN ROUTES "services: {one: {endpoints: ['%s']}}\n", cases[i].url);
        gw_snapshot_t *s = load_fine(yaml);
        const gw_endpoint_conf_t *endpoint = s->services[0].endpoints.entries;
        assert_string_equal(endpoint->authority, cases[i].authority);
        assert_int_equal(endpoint->port, cases[i].port);
        if (cases[i].host != NULL)
            assert_string_equal(endpoint->host, cases[i].host);
        else
            assert_string_equal(endpoint->path, cases[i].path);
        gw_snapshot_unref(s);
    }
}

static void routes_know_their_services_and_names(void **state)
{
    gw_snapshot_t *s = load_fine(
        LISTEN
        "services: {a: {endpoints: ['http://a']}, b: {endpoints: ['http://b']}}\n"
        "routes:\n  - {path: /x, service: b, host: '*.Example.com', max_body: 0}\n  - {path: /y, service: a, methods: "
        "[GET, HEAD]}\n"
        "  - {path: /y, service: b, methods: POST}\n  - {path: /z/, service: b, strip_prefix: yes, name: zed}\n");

    assert_int_equal(s->num_routes, 4);
    assert_string_equal(s->routes[0].service->name, "b");
    assert_int_equal(s->routes[0].service_index, 1);
    assert_string_equal(s->routes[0].host, "*.example.com");
    assert_string_equal(s->routes[0].name, "*.example.com/x");
    assert_int_equal(s->routes[0].max_body, 0);
    assert_string_equal(s->routes[1].name, "GET, HEAD /y");
    assert_int_equal(s->routes[1].methods, 1u << GW_METHOD_GET | 1u << GW_METHOD_HEAD);
    assert_string_equal(s->routes[2].name, "POST /y");
    assert_string_equal(s->routes[3].name, "zed");
    assert_true(s->routes[3].strip_prefix);
    gw_snapshot_unref(s);
}

static void routes_know_their_splits_and_their_own_retries(void **state)
{
    gw_snapshot_t *s = load_fine(
        LISTEN TWO_SERVICES "routes:\n  - {path: /x, services: {two: 95, one: 5}, split_by: 'cookie:Session'}\n"
                            "  - {path: /y, services: {one: 1}, split_by: 'header:X-User'}\n"
                            "  - {path: /z, services: {one: 1, two: 0}, retries: {on: '503, reset', attempts: 2}}\n"
                            "  - {path: /w, service: two, retries: {}}\n");
    const gw_route_conf_t *x = &s->routes[0], *z = &s->routes[2];

    assert_int_equal(x->num_split, 2);
    assert_int_equal(x->split_weight, 100);
    assert_string_equal(x->split[0].service->name, "two");
    assert_int_equal(x->split[0].service_index, 1);
    assert_int_equal(x->split[0].weight, 95);
    assert_string_equal(x->split[1].service->name, "one");
    assert_ptr_equal(x->service, x->split[0].service);
    assert_int_equal(x->split_by.kind, GW_KEY_COOKIE);
    assert_string_equal(x->split_by.name, "Session");
    assert_null(x->retries);
    assert_int_equal(s->routes[1].split_by.kind, GW_KEY_HEADER);
    assert_string_equal(s->routes[1].split_by.name, "x-user");
    assert_int_equal(z->split_by.kind, GW_KEY_NONE);
    assert_int_equal(z->split_weight, 1);
    assert_int_equal(z->retries->attempts, 2);
    assert_true(gw_condition_set_has(&z->retries->on.set, GW_CONDITION_RESET, 0));
    assert_true(gw_condition_set_has(&z->retries->on.set, GW_CONDITION_NONE, 503));
    assert_false(gw_condition_set_has(&z->retries->on.set, GW_CONDITION_CONNECT_FAILURE, 0));
    assert_int_equal(s->routes[3].num_split, 0);
    assert_int_equal(s->routes[3].retries->attempts, 3);
    gw_snapshot_unref(s);
}

static void a_short_form_stands_for_a_mapping(void **state)
{
    gw_snapshot_t *s = load_fine(LISTEN ROUTES "services: {one: {endpoints: ['http://a'], balance: least_requests, "
                                               "health_check: /healthz}}\n");
    const gw_service_conf_t *service = s->services;

    assert_int_equal(service->balance.method, GW_BALANCE_LEAST_REQUESTS);
    assert_int_not_equal(service->health_check.at.line, 0);
    assert_string_equal(service->health_check.path, "/healthz");
    assert_true(gw_status_set_has(&service->health_check.status_set, 204));
    assert_false(gw_status_set_has(&service->health_check.status_set, 301));
    gw_snapshot_unref(s);
    s = load_fine(LISTEN SERVICES ROUTES);
    assert_int_equal(s->services->health_check.at.line, 0); /* none unless asked for */
    gw_snapshot_unref(s);
}

static void a_named_filter_is_one_instance(void **state)
{
    gw_snapshot_t *s =
        load_fine(LISTEN SERVICES "filters:\n  polite: &polite {stamp: {text: hello}}\n"
                                  "routes:\n  - {path: /a, service: one, filters: [polite, headers: {}]}\n"
                                  "  - {path: /b, service: one, filters: [headers: {}, *polite, headers: {}]}\n");

    assert_int_equal(s->num_filters, 4);
    assert_int_equal(s->routes[0].num_filters, 2);
    assert_int_equal(s->routes[1].num_filters, 3);
    assert_ptr_equal(s->routes[0].filters[0], s->routes[1].filters[1]);
    assert_string_equal(s->routes[0].filters[0]->name, "polite");
    assert_string_equal(s->routes[0].filters[0]->class->name, "stamp");
    assert_string_equal(s->routes[0].filters[0]->key, "polite");
    assert_string_equal(s->routes[0].filters[1]->name, "headers");
    assert_string_equal(s->routes[0].filters[1]->key, "/a/headers");
    assert_string_equal(s->routes[1].filters[0]->key, "/b/headers");
    assert_string_equal(s->routes[1].filters[2]->key, "/b/headers#2");
    for (size_t i = 0; i != s->num_filters; ++i)
        assert_int_equal(s->filters[i]->slot, i);
    gw_snapshot_unref(s);
}

static void networks_hold_their_addresses(void **state)
{
    static const struct {
        const char *address;
        bool is_trusted;
    } cases[] = {{"::ffff:10.1.2.3", true},
                 {"::ffff:11.1.2.3", false},
                 {"::1", true},
                 {"::2", false},
                 {"fe80::1", true},
                 {"febf::1", true},
                 {"fec0::1", false},
                 {"::ffff:192.168.1.1", true},
                 {"::ffff:192.168.1.2", false}};
    gw_snapshot_t *s =
        load_fine(LISTEN SERVICES ROUTES "trusted_proxies: [10.0.0.0/8, '::1', 'fe80::/10', 192.168.1.1]\n");

    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        uint8_t address[16];
        assert_int_equal(inet_pton(AF_INET6, cases[i].address, address), 1);
        assert_int_equal(gw_cidr_contains(s->trusted_proxies.entries, s->trusted_proxies.size, address),
                         cases[i].is_trusted);
    }
    gw_snapshot_unref(s);
}

static void files_are_relative_to_the_file_that_names_them(void **state)
{
    static const char main_file[] = "include: d/tls.yaml\naccess_log: logs/a.log\n" SERVICES ROUTES;
    static const char tls_file[] =
        "listen:\n  - address: ':1'\n    tls: {certificates: [{certificate: ../c.pem, key: k.pem}]}\n";
    char *folder = conf_folder_create(), *path = conf_file_write(folder, "a.yaml", main_file, strlen(main_file));
    char *real = realpath(folder, NULL), *expected;
    gw_diag_t *diag = gw_diag_create();

    free(conf_file_write(folder, "d/tls.yaml", tls_file, strlen(tls_file)));
    free(conf_file_write(folder, "c.pem", "", 0));
    assert_null(gw_snapshot_load(path, diag));
    char *findings = conf_findings(diag, folder);
    assert_string_equal(findings, "d/tls.yaml:3:26: error: cannot read 'k.pem': No such file or directory\n");
    free(findings);
    gw_diag_free(diag);
    free(conf_file_write(folder, "d/k.pem", "", 0));
    diag = gw_diag_create();
    gw_snapshot_t *s = gw_snapshot_load(path, diag);
    assert_non_null(s);
    const gw_certificate_conf_t *certificate = s->listeners[0].tls_conf.certificates.entries;
    assert_true(asprintf(&expected, "%s/d/../c.pem", real) > 0);
    assert_string_equal(certificate->certificate, expected);
    free(expected);
    assert_true(asprintf(&expected, "%s/logs/a.log", real) > 0);
    assert_string_equal(s->access_log.file, expected);
    assert_true(s->listeners[0].has_tls);
    assert_non_null(s->listeners[0].tls);
    assert_string_equal(s->listeners[0].at.file + strlen(folder), "/d/tls.yaml");
    assert_ptr_equal(gw_snapshot_ref(s), s);
    gw_snapshot_unref(s);
    assert_null(gw_snapshot_unref(s));
    free(expected);
    free(real);
    gw_diag_free(diag);
    free(path);
    conf_folder_remove(folder);
}

static void variables_reach_every_type(void **state)
{
    setenv("SLUICE_PORT", "8081", 1);
    setenv("SLUICE_N", "3", 1);
    gw_snapshot_t *s = load_fine(
        "listen: ['0.0.0.0:${SLUICE_PORT}']\nworkers: '${SLUICE_N}'\ndrain_timeout: ${SLUICE_N}s\n" SERVICES ROUTES);

    assert_int_equal(s->listeners[0].sockaddr.in.sin_port, htons(8081));
    assert_int_equal(s->workers, 3);
    assert_int_equal(s->drain_timeout, 3000);
    gw_snapshot_unref(s);
}

static void ten_thousand_routes_load(void **state)
{
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    gw_diag_t *diag = gw_diag_create();

    fputs(LISTEN SERVICES "routes:\n", to);
    for (int i = 0; i != 10000; ++i)
        fprintf(to, "  - {host: h%d.example.com, path: /p%d/, methods: [GET, POST], service: one}\n", i % 100, i);
    fclose(to);
    gw_snapshot_t *s = gw_snapshot_load_memory("t.yaml", gw_str(text, len), diag);
    assert_non_null(s);
    assert_int_equal(s->num_routes, 10000);
    gw_snapshot_unref(s);
    gw_diag_free(diag);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_place_and_the_fix),
        cmocka_unit_test(what_cannot_help_a_service_that_fails_is_found),
        cmocka_unit_test(wrong_splits_and_retries_of_routes_are_found),
        cmocka_unit_test(wrong_circuit_breakers_are_found),
        cmocka_unit_test(wrong_api_key_filters_are_found),
        cmocka_unit_test(wrong_basic_auth_filters_are_found),
        cmocka_unit_test(files_of_credentials_are_read_with_the_conf),
        cmocka_unit_test(parameters_that_carry_credentials_are_known),
        cmocka_unit_test(wrong_client_authentication_is_found),
        cmocka_unit_test(wrong_rules_for_client_certificates_are_found),

        cmocka_unit_test(wrong_bounds_and_priorities_are_found),
        cmocka_unit_test(bounds_of_memory_are_sizes_or_shares),
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(addresses_become_socket_addresses),
        cmocka_unit_test(endpoints_become_hosts_and_ports),
        cmocka_unit_test(routes_know_their_services_and_names),
        cmocka_unit_test(routes_know_their_splits_and_their_own_retries),
        cmocka_unit_test(a_short_form_stands_for_a_mapping),
        cmocka_unit_test(a_named_filter_is_one_instance),
        cmocka_unit_test(networks_hold_their_addresses),
        cmocka_unit_test(files_are_relative_to_the_file_that_names_them),
        cmocka_unit_test(variables_reach_every_type),
        cmocka_unit_test(ten_thousand_routes_load),
    };

    return cmocka_run_group_tests_name("test_config_load", tests, NULL, NULL);
}
