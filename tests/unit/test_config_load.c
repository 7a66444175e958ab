/* SPDX-License-Identifier: MIT
 * Conf files -> snapshots: what is found in wrong ones, and what a right one becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
#include "gateway/exchange/filter.h"
#include "gateway/routing/router.h"
#include "tests/support/conf_files.h"

/* parts of a file that is right, each in one line */
#define LISTEN   "listen: [':80']\n"
#define SERVICES "services: {one: {endpoints: ['http://a']}}\n"
#define ROUTES   "routes: [{path: /, service: one}]\n"

static void errors_name_the_place_and_the_fix(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
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
         "timeouts, access_log, "
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
         "t.yaml:19:10: error: unknown key 'host'\n  hint: known keys: url\n"
         "t.yaml:20:9: error: 'endpoint' must be a mapping, found a list\n"},
        {"an endpoint twice", LISTEN ROUTES "services: {one: {endpoints: ['http://a', 'http://a']}}\n",
         "t.yaml:3:42: warning: endpoint 'http://a' is listed twice\n"},
        {"service names and options",
         LISTEN ROUTES "services: {one: {endpoints: ['http://a'], retries: 1}, 'a b': {endpoints: ['http://a']}}\n",
         "t.yaml:3:43: error: unknown key 'retries'\n  hint: known keys: version, endpoints, pass_host, timeouts, "
         "pool\n"
         "t.yaml:3:56: error: 'a b' is no name for a service\n  hint: letters, digits, '_', '-' and '.', at most 64\n"
         "t.yaml:3:56: warning: service 'a b' is not used by any route\n"},
        {"a dangling service",
         LISTEN "services: {calculator: {endpoints: ['http://a']}}\nroutes: [{path: /, service: calulator}, {path: /b, "
                "service: x}]\n",
         "t.yaml:2:12: warning: service 'calculator' is not used by any route\n"
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

    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0)
            fprintf(stderr, "case: %s\n%s", cases[i].about, actual); /* cmocka cuts long texts off */
        assert_string_equal(actual, cases[i].expected);
        free(actual);
    }
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
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(addresses_become_socket_addresses),
        cmocka_unit_test(endpoints_become_hosts_and_ports),
        cmocka_unit_test(routes_know_their_services_and_names),
        cmocka_unit_test(a_named_filter_is_one_instance),
        cmocka_unit_test(networks_hold_their_addresses),
        cmocka_unit_test(files_are_relative_to_the_file_that_names_them),
        cmocka_unit_test(variables_reach_every_type),
        cmocka_unit_test(ten_thousand_routes_load),
    };

    return cmocka_run_group_tests_name("test_config_load", tests, NULL, NULL);
}
