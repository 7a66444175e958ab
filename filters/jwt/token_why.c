/* SPDX-License-Identifier: MIT
 * `sluice token why`: says step by step why a conf accepts or refuses a token.  The code that judges is the gateway's;
 * keys that come from URLs are fetched once.  Of the token nothing is shown but what its header and claims say. */
#include <getopt.h>
#include <stdlib.h>
#include <time.h>
#include "filters/jwt/jwt.h"
#include "filters/jwt/token.h"
#include "filters/jwt/token_command.h"
#include "gateway/base/memory.h"

static const char usage[] =
    "usage: sluice token why -c FILE [--filter NAME] [--route NAME] [TOKEN|-]\n"
    "\n"
    "Judges a token as the filter jwt of this conf would now, and says what each step found.  Exits with 0 when it is\n"
    "accepted, with 1 when it is refused.  Without TOKEN, or with -, the token is read from standard input, which "
    "keeps\n"
    "it out of the shell's history and the list of processes; \"Authorization: Bearer \" before it is skipped.\n"
    "\n"
    "  -c, --config FILE  the conf file\n"
    "      --filter NAME  which filter: its name under 'filters', or ROUTE/jwt\n"
    "      --route NAME   the filter of this route\n"
    "  -h, --help         show this\n";

/* which filter ----------------------------------------------------------------------------------------------------- */

static bool is_wanted(const gw_snapshot_t *snapshot, const gw_filter_conf_t *conf, const char *route,
                      const char *filter)
{
    if (conf->class != &gw_jwt_filter ||
        (filter != NULL && strcmp(conf->name, filter) != 0 && strcmp(conf->key, filter) != 0))
        return false;
    for (size_t i = 0; route != NULL && i != snapshot->num_routes; ++i)
        for (size_t k = 0; k != snapshot->routes[i].num_filters; ++k)
            if (strcmp(snapshot->routes[i].name, route) == 0 && snapshot->routes[i].filters[k] == conf)
                return true;
    return route == NULL;
}

static const gw_filter_conf_t *find_filter(const gw_snapshot_t *snapshot, const char *route, const char *filter)
{
    const gw_filter_conf_t *found = NULL;
    size_t num = 0;
    for (size_t i = 0; i != snapshot->num_filters; ++i)
        if (is_wanted(snapshot, snapshot->filters[i], route, filter)) {
            found = snapshot->filters[i];
            ++num;
        }
    if (num == 1)
        return found;
    fprintf(stderr, "sluice token why: %s\n",
            num == 0 ? "there is no such jwt filter"
                     : "there are several jwt filters: say which by --route or --filter");
    for (size_t i = 0; i != snapshot->num_filters; ++i)
        if (is_wanted(snapshot, snapshot->filters[i], num == 0 ? NULL : route, num == 0 ? NULL : filter))
            fprintf(stderr, "  --filter '%s'\n", snapshot->filters[i]->key);
    return NULL;
}

/* its keys --------------------------------------------------------------------------------------------------------- */

/** @return one reference, or NULL when there are none to be had */
static gw_version_t *keys_of(const gw_jwt_source_conf_t *conf)
{
    if (conf->jwks_url == NULL)
        return gw_version_ref(conf->fixed != NULL ? conf->fixed : conf->seed.version);
    gw_diag_t *diag = gw_diag_create();
    gw_version_t *version = gw_fetch_once(&gw_jwt_url_class, &conf->fetch, diag);
    gw_diag_print(diag, stderr);
    gw_diag_free(diag);
    return version;
}

static const char *origin_of(const gw_jwt_source_conf_t *conf)
{
    return conf->jwks_url != NULL      ? conf->jwks_url
           : conf->jwks_file != NULL   ? conf->jwks_file
           : conf->pem_file != NULL    ? conf->pem_file
           : conf->secret_file != NULL ? conf->secret_file
                                       : conf->secret_env;
}

/** A key set or a token may say anything: nothing of it reaches a terminal but printable characters. */
static void print_visible(const char *text)
{
    for (; *text != '\0'; ++text)
        putchar((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f ? '?' : *text);
}

static void print_keys(const gw_jwt_source_conf_t *conf, const gw_jwt_key_set_t *set)
{
    printf("keys of %s:%s\n", origin_of(conf), set == NULL ? " none" : "");
    for (size_t i = 0; set != NULL && i != set->num_keys; ++i) {
        const char *kid = conf->kid != NULL ? conf->kid : set->keys[i].kid;
        fputs("  kid ", stdout);
        print_visible(kid != NULL ? kid : "(none)");
        putchar(':');
        for (unsigned k = 0; k != GW_JWT_NUM_ALGORITHMS; ++k)
            if ((set->keys[i].algorithms & GW_JWT_SET(k)) != 0)
                printf(" %s", gw_jwt_algorithm_names[k]);
        putchar('\n');
    }
}

static void init_ring(gw_jwt_ring_t *ring, const gw_jwt_conf_t *conf)
{
    gw_published_t **published = gw_must_alloc(conf->num_sources, sizeof(*published));
    gw_published_t *denied = conf->deny_file != NULL ? gw_published_create(conf->denied.version) : NULL;
    for (size_t i = 0; i != conf->num_sources; ++i) {
        gw_version_t *version = keys_of(conf->sources[i]);
        print_keys(conf->sources[i], version != NULL ? gw_version_value(version) : NULL);
        published[i] = gw_published_create(version);
        gw_version_unref(version);
    }
    gw_jwt_ring_init(ring, published, conf->num_sources, denied);
    gw_jwt_ring_refresh(ring);
    for (size_t i = 0; i != conf->num_sources; ++i)
        gw_published_unref(published[i]);
    gw_published_unref(denied);
    free(published);
}

/* the judgement ---------------------------------------------------------------------------------------------------- */

/** What the token says of itself may be anything: nothing of it reaches a terminal but printable characters. */
static void print_step(void *arg, bool is_good, const char *text)
{
    fputs(is_good ? "ok    " : "FAILS ", stdout);
    for (; *text != '\0'; ++text)
        putchar((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f ? '?' : *text);
    putchar('\n');
}

/** @return 0: accepted, 1: refused */
static int judge(const gw_filter_conf_t *filter, gw_str_t token)
{
    const gw_jwt_conf_t *conf = filter->conf;
    gw_jwt_ring_t ring;
    gw_jwt_judgement_t judgement;
    printf("filter %s (%s:%u)\n", filter->key, filter->at.file, filter->at.line);
    init_ring(&ring, conf);
    gw_jwt_judge(conf, &ring, token, (int64_t)time(NULL) * 1000, print_step, NULL, &judgement);
    gw_jwt_cause_t cause = judgement.findings.cause;
    if (cause == GW_JWT_CAUSE_NONE)
        puts("accepted");
    else
        printf("refused: %s%s\n  the client is told: %s\n", gw_jwt_cause_word(cause),
               conf->mode == GW_AUTH_OBSERVE ? " (only observed: the request would pass)" : "",
               gw_jwt_cause_sentence(cause));
    gw_jwt_judgement_dispose(&judgement);
    gw_jwt_ring_dispose(&ring);
    return cause == GW_JWT_CAUSE_NONE ? 0 : 1;
}

/* the command ------------------------------------------------------------------------------------------------------ */

/** Without white space around it, nor what stands before it in a field. */
static gw_str_t token_of(gw_str_t text)
{
    static const gw_str_t field = {"authorization:", 14}, scheme = {"bearer ", 7};
    while (text.len != 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
        --text.len;
    for (size_t i = 0; i != 2; ++i) {
        const gw_str_t skipped = i == 0 ? field : scheme;
        while (text.len != 0 && strchr(" \t\r\n", *text.ptr) != NULL)
            text = gw_str(text.ptr + 1, text.len - 1);
        if (text.len > skipped.len && gw_str_equal_nocase(gw_str(text.ptr, skipped.len), skipped))
            text = gw_str(text.ptr + skipped.len, text.len - skipped.len);
    }
    while (text.len != 0 && *text.ptr == ' ')
        text = gw_str(text.ptr + 1, text.len - 1);
    return text;
}

static int judge_by(const char *file, const char *route, const char *filter, const char *word)
{
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load(file, diag);
    gw_diag_print(diag, stderr);
    gw_diag_free(diag);
    const gw_filter_conf_t *found = snapshot != NULL ? find_filter(snapshot, route, filter) : NULL;
    int status = snapshot != NULL ? 2 : 1;
    size_t len;
    char *text = found != NULL ? gw_token_argument("why", word, &len) : NULL;
    if (found != NULL)
        status = text != NULL ? judge(found, token_of(gw_str(text, len))) : 1;
    free(text);
    gw_snapshot_unref(snapshot);
    return gw_token_finish("why", status);
}

int gw_token_why_main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"filter", required_argument, NULL, 'f'},
                                            {"route", required_argument, NULL, 'r'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL, *filter = NULL, *route = NULL;
    int option;
    optind = 0; /* main() may have read options of its own; glibc then starts afresh */
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case 'f':
            filter = optarg;
            break;
        case 'r':
            route = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return gw_token_finish("why", 0);
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (file == NULL)
        return gw_token_usage_error("why", "which conf file? -c FILE is missing");
    if (argc - optind > 1)
        return gw_token_usage_error("why", "one token at a time");
    return judge_by(file, route, filter, optind != argc ? argv[optind] : NULL);
}
