/* SPDX-License-Identifier: MIT
 * The subcommand `token`. */
#include <errno.h>
#include <stdarg.h>
#include <unistd.h>
#include "filters/jwt/token_command.h"
#include "filters/jwt/token_look.h"
#include "gateway/base/memory.h"

static const struct {
    const char *name, *arguments, *summary;
    int (*main)(int argc, char **argv);
} verbs[] = {
    {"mint", "--key FILE|--secret-file FILE", "makes a token, for tests", gw_token_mint_main},
    {"inspect", "[TOKEN|-]", "shows what is in a token, and what is odd about it", gw_token_inspect_main},
    {"why", "-c FILE [TOKEN|-]", "says why a conf accepts or refuses a token", gw_token_why_main},
};
#define NUM_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int help(FILE *to, int status)
{
    for (size_t i = 0; i != NUM_VERBS; ++i)
        fprintf(to, "%s sluice token %s %s\n", i == 0 ? "usage:" : "      ", verbs[i].name, verbs[i].arguments);
    fputc('\n', to);
    for (size_t i = 0; i != NUM_VERBS; ++i)
        fprintf(to, "  %-9s%s; --help says more\n", verbs[i].name, verbs[i].summary);
    return status;
}

int gw_token_main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : NULL;
    if (verb == NULL) {
        fputs("sluice token: which verb?\n", stderr);
        return help(stderr, 2);
    }
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        return gw_token_finish("", help(stdout, 0));
    for (size_t i = 0; i != NUM_VERBS; ++i)
        if (strcmp(verb, verbs[i].name) == 0)
            return verbs[i].main(argc - 1, argv + 1);
    fprintf(stderr, "sluice token: there is no verb '%.40s'\n", verb);
    return help(stderr, 2);
}

/* for the verbs ------------------------------------------------------------------------------------------------------
 */

int gw_token_usage_error(const char *verb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "sluice token %s: ", verb);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry 'sluice token %s --help'.\n", verb);
    va_end(args);
    return 2;
}

int gw_token_failure(const char *verb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "sluice token %s: ", verb);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return 1;
}

int gw_token_finish(const char *verb, int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    return gw_token_failure(verb, "cannot write: %s", strerror(errno));
}

bool gw_token_read_all(FILE *from, char *to, size_t size, size_t *ret_len)
{
    char one_more;
    errno = 0;
    *ret_len = fread(to, 1, size, from);
    if (ferror(from))
        return false;
    if (*ret_len == size && fread(&one_more, 1, 1, from) == 1) {
        errno = EFBIG;
        return false;
    }
    return !ferror(from);
}

bool gw_token_read_file(const char *path, char *to, size_t size, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    setvbuf(file, NULL, _IONBF, 0); /* a buffer would be another copy of a key */
    bool is_good = gw_token_read_all(file, to, size, ret_len);
    int why = errno;
    fclose(file);
    errno = why;
    return is_good;
}

char *gw_token_argument(const char *verb, const char *word, size_t *ret_len)
{
    if (word != NULL && strcmp(word, "-") != 0) {
        *ret_len = strlen(word);
        return strcpy(gw_must_alloc(*ret_len + 1, 1), word);
    }
    if (isatty(STDIN_FILENO))
        fputs("Paste the token, then press Enter and Ctrl-D:\n", stderr);
    char *text = gw_must_alloc(GW_TOKEN_MAX, 1);
    if (gw_token_read_all(stdin, text, GW_TOKEN_MAX, ret_len))
        return text;
    gw_token_failure(verb, "standard input: %s", strerror(errno));
    free(text);
    return NULL;
}
