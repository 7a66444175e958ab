/* SPDX-License-Identifier: MIT
 * The command line of sluice-demo. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "backends/options.h"
#include "backends/query.h"

typedef struct reason {
    char *to;
    size_t size;
} reason_t;

__attribute__((format(printf, 2, 3))) static bool wrong(reason_t reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason.to, reason.size, format, args);
    va_end(args);
    return false;
}

static bool parse_address(const char *text, gw_demo_address_t *ret, reason_t reason)
{
    *ret = (gw_demo_address_t){.is_unix = strncmp(text, "unix:", 5) == 0};
    if (ret->is_unix) {
        const char *path = text + 5;
        if (*path == '\0' || strlen(path) >= sizeof(ret->path))
            return wrong(reason, "'%.120s': the path of a Unix socket has 1 to %zu bytes", text, sizeof(ret->path) - 1);
        strcpy(ret->path, path);
        return true;
    }
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (colon == NULL || colon == text)
        return wrong(reason, "'%.120s' is not HOST:PORT or unix:PATH", text);
    if (gw_query_read_number(gw_str_of(colon + 1), 0, 65535, &port) != GW_QUERY_OK)
        return wrong(reason, "'%.120s': the port is not a number from 0 to 65535", text);
    gw_str_t host = gw_str(text, (size_t)(colon - text));
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = gw_str(host.ptr + 1, host.len - 2);
    else if (memchr(host.ptr, ':', host.len) != NULL || memchr(host.ptr, '[', host.len) != NULL)
        return wrong(reason, "'%.120s': an IPv6 address is written [ADDRESS]:PORT", text);
    if (host.len >= sizeof(ret->host))
        return wrong(reason, "'%.120s...': the host is too long", text);
    memcpy(ret->host, host.ptr, host.len);
    ret->port = (uint16_t)port;
    return true;
}

bool gw_demo_address_parse(const char *text, gw_demo_address_t *ret, char *reterr, size_t size)
{
    return parse_address(text, ret, (reason_t){reterr, size});
}

static bool parse_listen(const char *text, gw_demo_options_t *options, reason_t reason)
{
    return parse_address(text, &options->listen, reason);
}

static bool parse_name(const char *text, gw_demo_options_t *options, reason_t reason)
{
    size_t len = strlen(text);
    bool is_visible = true;
    for (size_t i = 0; i != len; ++i)
        is_visible = is_visible && text[i] > 0x20 && text[i] < 0x7f;
    if (len == 0 || len > GW_DEMO_NAME_MAX || !is_visible)
        return wrong(reason, "a name has 1 to %d visible ASCII characters", GW_DEMO_NAME_MAX);
    options->name = text;
    return true;
}

static bool parse_delay(const char *text, gw_demo_options_t *options, reason_t reason)
{
    if (gw_query_read_number(gw_str_of(text), 0, GW_DEMO_MAX_DELAY_MS, &options->delay_ms) != GW_QUERY_OK)
        return wrong(reason, "'%.120s' is not a delay: milliseconds from 0 to %d", text, GW_DEMO_MAX_DELAY_MS);
    return true;
}

static bool parse_ratio(const char *text, uint32_t *ret_share, reason_t reason)
{
    /* by hand, because strtod also reads "nan", "0x1p-1" and, elsewhere, a decimal comma */
    uint32_t share = 0, unit = 1000000;
    size_t num_digits = 0;
    bool is_fraction = false, is_good = true;
    for (const char *at = text; *at != '\0' && is_good; ++at) {
        if (*at == '.' && !is_fraction) {
            is_fraction = true;
            continue;
        }
        is_good = *at >= '0' && *at <= '9' && share <= 1000000;
        if (!is_good)
            break;
        ++num_digits;
        if (is_fraction)
            share += (unit /= 10) * (uint32_t)(*at - '0');
        else
            share = share * 10 + 1000000 * (uint32_t)(*at - '0');
    }
    if (!is_good || num_digits == 0 || share > 1000000)
        return wrong(reason, "'%.120s' is not a ratio: a decimal number from 0 to 1", text);
    *ret_share = share;
    return true;
}

bool gw_demo_ratio_parse(const char *text, uint32_t *ret_share, char *reterr, size_t size)
{
    return parse_ratio(text, ret_share, (reason_t){reterr, size});
}

static bool parse_fail(const char *text, gw_demo_options_t *options, reason_t reason)
{
    return parse_ratio(text, &options->fail_share, reason);
}

static const struct {
    const char *name;
    bool (*parse)(const char *value, gw_demo_options_t *options, reason_t reason);
} known[] = {{"--listen", parse_listen}, {"--name", parse_name}, {"--delay", parse_delay}, {"--fail", parse_fail}};
#define NUM_KNOWN (sizeof(known) / sizeof(known[0]))

static bool parse_option(int argc, char *const *argv, int *at, bool *is_given, gw_demo_options_t *options,
                         reason_t reason)
{
    const char *word = argv[*at], *equals = strchr(word, '=');
    gw_str_t name = gw_str(word, equals != NULL ? (size_t)(equals - word) : strlen(word));
    for (size_t i = 0; i != NUM_KNOWN; ++i) {
        if (!gw_str_equal(name, gw_str_of(known[i].name)))
            continue;
        if (is_given[i])
            return wrong(reason, "%s is given more than once", known[i].name);
        is_given[i] = true;
        if (equals == NULL && ++*at == argc)
            return wrong(reason, "%s needs a value", known[i].name);
        return known[i].parse(equals != NULL ? equals + 1 : argv[*at], options, reason);
    }
    return wrong(reason, "unknown option '%.120s'", word);
}

gw_demo_command_t gw_demo_options_parse(int argc, char *const *argv, gw_demo_options_t *ret, char *reterr, size_t size)
{
    reason_t reason = {reterr, size};
    gw_demo_options_t options = {.service = NULL};
    bool is_given[NUM_KNOWN] = {false};
    for (int i = 1; i != argc; ++i) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return GW_DEMO_HELP;
        if (strcmp(argv[i], "--version") == 0)
            return GW_DEMO_VERSION;
    }
    for (int i = 1; i < argc; ++i) {
        if (argv[i][0] == '-') {
            if (!parse_option(argc, argv, &i, is_given, &options, reason))
                return GW_DEMO_USAGE;
        } else if (options.service != NULL) {
            wrong(reason, "one service at a time: '%.60s' or '%.60s'", options.service, argv[i]);
            return GW_DEMO_USAGE;
        } else {
            options.service = argv[i];
        }
    }
    if (options.service == NULL) {
        wrong(reason, "which service?");
        return GW_DEMO_USAGE;
    }
    if (!is_given[0]) {
        wrong(reason, "--listen is missing");
        return GW_DEMO_USAGE;
    }
    if (options.name == NULL)
        options.name = options.service;
    *ret = options;
    return GW_DEMO_RUN;
}
