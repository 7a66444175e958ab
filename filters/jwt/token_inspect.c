/* SPDX-License-Identifier: MIT
 * `sluice token inspect`. */
#include <getopt.h>
#include <stdlib.h>
#include <time.h>
#include "filters/jwt/token_command.h"
#include "filters/jwt/token_look.h"
#include "filters/jwt/token_report.h"

static const char usage[] =
    "usage: sluice token inspect [TOKEN|-]\n"
    "\n"
    "Shows the header and the payload of a token, its times and sizes, and says what is odd about it.  It verifies\n"
    "nothing and never shows the signature.  Without TOKEN, or with -, the token is read from standard input, which\n"
    "keeps it out of the shell's history and the list of processes.\n";

int gw_token_inspect_main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    optind = 0; /* main() may have read options of its own; glibc then starts afresh */
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option != 'h') {
            fputs(usage, stderr);
            return 2;
        }
        fputs(usage, stdout);
        return gw_token_finish("inspect", 0);
    }
    if (argc - optind > 1)
        return gw_token_usage_error("inspect", "one token at a time");
    size_t len;
    char *text = gw_token_argument("inspect", optind != argc ? argv[optind] : NULL, &len);
    if (text == NULL)
        return 1;
    bool is_token = gw_token_report(stdout, gw_str(text, len < GW_TOKEN_MAX ? len : GW_TOKEN_MAX), time(NULL));
    free(text);
    return gw_token_finish("inspect", is_token ? 0 : 1);
}
