/* SPDX-License-Identifier: MIT
 * The subcommand `check`. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "gateway/config/snapshot.h"
#include "gateway/config/text.h"
#include "gateway/server/check.h"

static const char usage[] =
    "usage: sluice check -c FILE [--print] [--json]\n"
    "       sluice check --schema\n"
    "\n"
    "  -c, --config FILE  the conf file to check\n"
    "      --print        show the effective configuration, defaults filled in, secrets hidden\n"
    "      --json         write the findings (and, with --print, the configuration) as JSON\n"
    "      --schema       list every option that a conf file may hold\n"
    "  -h, --help         show this\n";

static void print_json(const char *file, const gw_snapshot_t *snapshot, const gw_diag_t *diag, bool has_print)
{
    fputs("{\"file\":", stdout);
    gw_json_print_string(stdout, gw_str_of(file));
    printf(",\"ok\":%s,\"diagnostics\":", snapshot != NULL ? "true" : "false");
    gw_diag_print_json(diag, stdout);
    if (has_print) {
        fputs(",\"configuration\":", stdout);
        if (snapshot != NULL)
            gw_snapshot_print_json(snapshot, stdout);
        else
            fputs("null", stdout);
    }
    puts("}");
}

static void print_count(FILE *to, size_t num, const char *what, const char *end)
{
    fprintf(to, "%zu %s%s%s", num, what, num == 1 ? "" : "s", end);
}

/* the configuration on stdout must stay loadable, so the verdict makes way for it */
static void print_text(const char *file, const gw_snapshot_t *snapshot, const gw_diag_t *diag, bool has_print)
{
    FILE *to = has_print ? stderr : stdout;

    gw_diag_print(diag, stderr);
    if (snapshot == NULL)
        return;
    fprintf(to, "%s: ok (", file);
    print_count(to, snapshot->num_listeners, "listener", ", ");
    print_count(to, snapshot->num_services, "service", ", ");
    print_count(to, snapshot->num_routes, "route", ")\n");
    if (has_print)
        gw_snapshot_print(snapshot, stdout);
}

static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "sluice check: cannot write: %s\n", strerror(errno));
    return 1;
}

int gw_check_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"print", no_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'},
        {"schema", no_argument, NULL, 's'},       {"help", no_argument, NULL, 'h'},  {NULL, 0, NULL, 0},
    };
    const char *file = NULL;
    bool has_print = false, has_json = false, has_schema = false;
    int option;

    optind = 0; /* main() may have read options of its own; glibc then starts afresh */
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case 'p':
            has_print = true;
            break;
        case 'j':
            has_json = true;
            break;
        case 's':
            has_schema = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return finish(0);
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind != argc || (file == NULL && !has_schema)) {
        fprintf(stderr, "sluice check: %s\n%s",
                optind != argc ? "there is an argument too many" : "which file? -c FILE is missing", usage);
        return 2;
    }
    if (has_schema) {
        gw_schema_print(stdout);
        return finish(0);
    }
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load(file, diag);
    int status = snapshot != NULL ? 0 : 1;
    if (has_json)
        print_json(file, snapshot, diag, has_print);
    else
        print_text(file, snapshot, diag, has_print);
    gw_snapshot_unref(snapshot);
    gw_diag_free(diag);
    return finish(status);
}
