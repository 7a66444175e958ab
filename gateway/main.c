/* SPDX-License-Identifier: MIT
 * sluice: an API gateway.  This file only finds the subcommand. */
#include <stdio.h>
#include <string.h>
#include "filters/api_key_tool.h"
#include "filters/jwt/token_command.h"
#include "gateway/server/check.h"
#include "gateway/server/run.h"
#include "gateway/server/version.h"

static int help(FILE *to, int status)
{
    fputs("usage: sluice [COMMAND] [OPTION...]\n"
          "\n"
          "  run [-c FILE]    runs the gateway in the foreground (the default command)\n"
          "  check -c FILE    says what is wrong with a conf file; --print, --json, --schema\n"
          "  api-key new|hash makes an API key, or the line of a key file for one\n"
          "  token VERB       makes a token for tests (mint), shows one (inspect), says why a conf refuses one (why)\n"
          "  version          version, and the libraries it runs with\n"
          "  help             this text\n"
          "\n"
          "FILE is /etc/sluice/sluice.yaml unless given.  SIGHUP reloads it, SIGUSR1 reopens the access log,\n"
          "SIGTERM finishes what is in flight and ends.  See sluice(8) and sluice.yaml(5).\n",
          to);
    return status;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "run";
    if (command[0] == '-' && strcmp(command, "--help") != 0 && strcmp(command, "-h") != 0 &&
        strcmp(command, "--version") != 0 && strcmp(command, "-V") != 0)
        return gw_run_main(argc, argv); /* `sluice -c FILE` */
    if (strcmp(command, "run") == 0)
        return argc > 1 ? gw_run_main(argc - 1, argv + 1) : gw_run_main(argc, argv);
    if (strcmp(command, "check") == 0)
        return gw_check_main(argc - 1, argv + 1);
    if (strcmp(command, "api-key") == 0)
        return gw_api_key_main(argc - 1, argv + 1);
    if (strcmp(command, "token") == 0)
        return gw_token_main(argc - 1, argv + 1);
    if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0)
        return gw_version_main();
    if (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0)
        return help(stdout, 0);
    fprintf(stderr, "sluice: unknown command '%s'\n", command);
    return help(stderr, 2);
}
