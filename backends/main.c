/* SPDX-License-Identifier: MIT
 * sluice-demo: small services for a gateway to stand in front of.  See sluice-demo(1). */
#include <stdio.h>
#include "backends/services.h"
#include "config.h"

static const gw_demo_service_t services[] = {
    {.name = "auth",
     .summary = "OAuth 2: POST /token, /.well-known/jwks.json; SIGHUP changes the key",
     .handle = gw_auth_handle,
     .start = gw_auth_start,
     .stop = gw_auth_stop,
     .hangup = gw_auth_rotate,
     .hides_query = true},
    {.name = "calculator",
     .summary = "/add /subtract /multiply /divide ?num1=3&num2=4, integers of up to 4096 digits",
     .handle = gw_calculator_handle},
    {.name = "clock", .summary = "/ tells the time", .handle = gw_clock_handle},
    {.name = "directory",
     .summary = "/users /articles /orders, with ETag and Last-Modified",
     .handle = gw_directory_handle},
    {.name = "echo",
     .summary = "what it received as JSON; /stream /ws /bytes/N /status/N /delay/MS /drip",
     .handle = gw_echo_handle},
    {.name = "hello", .summary = "/hello, /hello?name=Ada", .handle = gw_hello_handle},
};
#define NUM_SERVICES (sizeof(services) / sizeof(services[0]))

static void print_help(FILE *to)
{
    fputs("usage: sluice-demo SERVICE --listen ADDRESS [--name NAME] [--delay MS] [--fail RATIO]\n\n"
          "Serves one of several small HTTP/1.1 services until SIGTERM or SIGINT.\n\n"
          "Services (each also answers GET /healthz, and GET and PUT /fault):\n",
          to);
    for (size_t i = 0; i != NUM_SERVICES; ++i)
        fprintf(to, "  %-12s%s\n", services[i].name, services[i].summary);
    fputs("\nOptions:\n"
          "  --listen ADDRESS  HOST:PORT, [IPV6]:PORT or unix:PATH; port 0: the kernel chooses\n"
          "  --name NAME       how this instance calls itself (default: the service's name)\n"
          "  --delay MS        answer only after so many milliseconds (0..600000, default 0)\n"
          "  --fail RATIO      answer this share of the requests by 503 (0..1, default 0)\n"
          "                    both can be changed later: PUT /fault?fail=RATIO&delay=MS\n"
          "  --help            print this and exit\n"
          "  --version         print the version and exit\n\n"
          "Options of auth:\n"
          "  --algorithm NAME  RS256, ES256 or EdDSA (default RS256)\n"
          "  --issuer URL      iss of its tokens, without a slash at the end (default: where it listens)\n"
          "  --audience TEXT   aud of its tokens (default: demo)\n"
          "  --lifetime TIME   of its tokens, 1s to 24h (default 10m)\n"
          "  --users FILE      clients and users, JSON (default: built in)\n"
          "  --key FILE        a private key, PEM (default: made at the start)\n\n"
          "Prints 'sluice-demo: SERVICE listening on ADDRESS' once it listens; see sluice-demo(1).\n",
          to);
}

static int usage_error(const char *why)
{
    fprintf(stderr, "sluice-demo: %s\nTry 'sluice-demo --help'.\n", why);
    return 2;
}

int main(int argc, char **argv)
{
    gw_demo_options_t options;
    char why[256];
    switch (gw_demo_options_parse(argc, argv, &options, why, sizeof(why))) {
    case GW_DEMO_HELP:
        print_help(stdout);
        return 0;
    case GW_DEMO_VERSION:
        puts("sluice-demo " PACKAGE_VERSION);
        return 0;
    case GW_DEMO_USAGE:
        return usage_error(why);
    case GW_DEMO_RUN:
        break;
    }
    for (size_t i = 0; i != NUM_SERVICES; ++i)
        if (strcmp(services[i].name, options.service) == 0)
            return gw_demo_server_run(&options, &services[i]);
    snprintf(why, sizeof(why), "there is no service '%.120s'", options.service);
    return usage_error(why);
}
