/* SPDX-License-Identifier: MIT
 * The command line of sluice-demo. */
#include <stdio.h>
#include <stdlib.h>
#include "backends/options.h"
#include "backends/query.h"
#include "gateway/base/complaint.h"
#include "gateway/config/reader.h"

static bool parse_address(const char *text, gw_demo_address_t *ret, gw_complaint_t complaint)
{
    *ret = (gw_demo_address_t){.is_unix = strncmp(text, "unix:", 5) == 0};
    if (ret->is_unix) {
        const char *path = text + 5;
        if (*path == '\0' || strlen(path) >= sizeof(ret->path))
            return gw_complain(complaint, "'%.120s': the path of a Unix socket has 1 to %zu bytes", text,
                               sizeof(ret->path) - 1);
        strcpy(ret->path, path);
        return true;
    }
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (colon == NULL || colon == text)
        return gw_complain(complaint, "'%.120s' is not HOST:PORT or unix:PATH", text);
    if (gw_query_read_number(gw_str_of(colon + 1), 0, 65535, &port) != GW_QUERY_OK)
        return gw_complain(complaint, "'%.120s': the port is not a number from 0 to 65535", text);
    gw_str_t host = gw_str(text, (size_t)(colon - text));
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = gw_str(host.ptr + 1, host.len - 2);
    else if (memchr(host.ptr, ':', host.len) != NULL || memchr(host.ptr, '[', host.len) != NULL)
        return gw_complain(complaint, "'%.120s': an IPv6 address is written [ADDRESS]:PORT", text);
    if (host.len >= sizeof(ret->host))
        return gw_complain(complaint, "'%.120s...': the host is too long", text);
    memcpy(ret->host, host.ptr, host.len);
    ret->port = (uint16_t)port;
    return true;
}

bool gw_demo_address_parse(const char *text, gw_demo_address_t *ret, char *reterr, size_t size)
{
    return parse_address(text, ret, (gw_complaint_t){reterr, size});
}

static bool parse_listen(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    return parse_address(text, &options->listen, complaint);
}

static bool is_visible(const char *text, size_t max)
{
    size_t len = strlen(text);
    for (size_t i = 0; i != len; ++i)
        if (text[i] <= 0x20 || text[i] >= 0x7f)
            return false;
    return len != 0 && len <= max;
}

static bool parse_name(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    if (!is_visible(text, GW_DEMO_NAME_MAX))
        return gw_complain(complaint, "a name has 1 to %d visible ASCII characters", GW_DEMO_NAME_MAX);
    options->name = text;
    return true;
}

static bool parse_delay(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    if (gw_query_read_number(gw_str_of(text), 0, GW_DEMO_MAX_DELAY_MS, &options->delay_ms) != GW_QUERY_OK)
        return gw_complain(complaint, "'%.120s' is not a delay: milliseconds from 0 to %d", text, GW_DEMO_MAX_DELAY_MS);
    return true;
}

static bool parse_ratio(const char *text, uint32_t *ret_share, gw_complaint_t complaint)
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
        return gw_complain(complaint, "'%.120s' is not a ratio: a decimal number from 0 to 1", text);
    *ret_share = share;
    return true;
}

bool gw_demo_ratio_parse(const char *text, uint32_t *ret_share, char *reterr, size_t size)
{
    return parse_ratio(text, ret_share, (gw_complaint_t){reterr, size});
}

static bool parse_fail(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    return parse_ratio(text, &options->fail_share, complaint);
}

/* auth ---------------------------------------------------------------------------------------------------------------
 */

static bool parse_algorithm(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    if (strcmp(text, "RS256") != 0 && strcmp(text, "ES256") != 0 && strcmp(text, "EdDSA") != 0)
        return gw_complain(complaint, "'%.120s' is not RS256, ES256 or EdDSA", text);
    options->auth.algorithm = text;
    return true;
}

/** RFC 8414 section 2: no query, no fragment.  It says https; a demo runs without. */
static bool parse_issuer(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    size_t len = strlen(text), scheme = strncmp(text, "https://", 8) == 0  ? 8
                                        : strncmp(text, "http://", 7) == 0 ? 7
                                                                           : 0;
    if (scheme == 0 || len == scheme || !is_visible(text, 256) || strpbrk(text, "?#\"\\") != NULL ||
        text[len - 1] == '/')
        return gw_complain(complaint, "'%.120s' is not a URL without query, fragment and a slash at the end", text);
    options->auth.issuer = text;
    return true;
}

static bool parse_audience(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    if (!is_visible(text, 256))
        return gw_complain(complaint, "an audience has 1 to 256 visible ASCII characters");
    options->auth.audience = text;
    return true;
}

static bool parse_lifetime(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    uint64_t ms;
    if (!gw_conf_parse_duration(gw_str_of(text), &ms) || ms % 1000 != 0 || ms == 0 ||
        ms / 1000 > GW_DEMO_MAX_LIFETIME_S)
        return gw_complain(complaint, "'%.120s' is not a lifetime: whole seconds from 1s to 24h", text);
    options->auth.lifetime_s = ms / 1000;
    return true;
}

static bool parse_file(const char *text, const char **to, gw_complaint_t complaint)
{
    *to = text;
    return *text != '\0' || gw_complain(complaint, "a file has a name");
}

static bool parse_users(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    return parse_file(text, &options->auth.users, complaint);
}

static bool parse_key(const char *text, gw_demo_options_t *options, gw_complaint_t complaint)
{
    return parse_file(text, &options->auth.key, complaint);
}

/* all ----------------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    bool (*parse)(const char *value, gw_demo_options_t *options, gw_complaint_t complaint);
    const char *service; /* the only one that has it; NULL: all do */
} known[] = {
    {"--listen", parse_listen, NULL},         {"--name", parse_name, NULL},
    {"--delay", parse_delay, NULL},           {"--fail", parse_fail, NULL},
    {"--algorithm", parse_algorithm, "auth"}, {"--issuer", parse_issuer, "auth"},
    {"--audience", parse_audience, "auth"},   {"--lifetime", parse_lifetime, "auth"},
    {"--users", parse_users, "auth"},         {"--key", parse_key, "auth"},
};
#define NUM_KNOWN (sizeof(known) / sizeof(known[0]))

static bool parse_option(int argc, char *const *argv, int *at, bool *is_given, gw_demo_options_t *options,
                         gw_complaint_t complaint)
{
    const char *word = argv[*at], *equals = strchr(word, '=');
    gw_str_t name = gw_str(word, equals != NULL ? (size_t)(equals - word) : strlen(word));
    for (size_t i = 0; i != NUM_KNOWN; ++i) {
        if (!gw_str_equal(name, gw_str_of(known[i].name)))
            continue;
        if (is_given[i])
            return gw_complain(complaint, "%s is given more than once", known[i].name);
        is_given[i] = true;
        if (equals == NULL && ++*at == argc)
            return gw_complain(complaint, "%s needs a value", known[i].name);
        return known[i].parse(equals != NULL ? equals + 1 : argv[*at], options, complaint);
    }
    return gw_complain(complaint, "unknown option '%.120s'", word);
}

static bool are_options_of(const char *service, const bool *is_given, gw_complaint_t complaint)
{
    for (size_t i = 0; i != NUM_KNOWN; ++i)
        if (is_given[i] && known[i].service != NULL && strcmp(known[i].service, service) != 0)
            return gw_complain(complaint, "%s is an option of %s, not of %.60s", known[i].name, known[i].service,
                               service);
    return true;
}

gw_demo_command_t gw_demo_options_parse(int argc, char *const *argv, gw_demo_options_t *ret, char *reterr, size_t size)
{
    gw_complaint_t complaint = {reterr, size};
    gw_demo_options_t options = {.auth = {.algorithm = "RS256", .audience = "demo", .lifetime_s = 600}};
    bool is_given[NUM_KNOWN] = {false};
    for (int i = 1; i != argc; ++i) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return GW_DEMO_HELP;
        if (strcmp(argv[i], "--version") == 0)
            return GW_DEMO_VERSION;
    }
    for (int i = 1; i < argc; ++i) {
        if (argv[i][0] == '-') {
            if (!parse_option(argc, argv, &i, is_given, &options, complaint))
                return GW_DEMO_USAGE;
        } else if (options.service != NULL) {
            gw_complain(complaint, "one service at a time: '%.60s' or '%.60s'", options.service, argv[i]);
            return GW_DEMO_USAGE;
        } else {
            options.service = argv[i];
        }
    }
    if (options.service == NULL) {
        gw_complain(complaint, "which service?");
        return GW_DEMO_USAGE;
    }
    if (!are_options_of(options.service, is_given, complaint))
        return GW_DEMO_USAGE;
    if (!is_given[0]) {
        gw_complain(complaint, "--listen is missing");
        return GW_DEMO_USAGE;
    }
    if (options.name == NULL)
        options.name = options.service;
    *ret = options;
    return GW_DEMO_RUN;
}
