/* SPDX-License-Identifier: MIT
 * The subcommand `api-key`. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "filters/api_key_tool.h"
#include "filters/api_keys.h"

enum {
    random_chars = 33, /* of 62: 196 bits */
    longest_prefix = 32,
    longest_key = 256,
    too_short = 16 /* characters: fewer were surely not drawn at random */
};

static const char usage[] =
    "usage: sluice api-key new --owner NAME [--prefix TEXT] [--append FILE] [PROPERTY=VALUE...]\n"
    "       sluice api-key hash [--owner NAME] [--append FILE] [PROPERTY=VALUE...]\n"
    "\n"
    "  new            makes a key: it is written to stdout, this once, and its line for the file of keys to stderr\n"
    "  hash           reads a key from stdin and writes the line for it, or without --owner its hash, to stdout\n"
    "  --owner NAME   whose key it is\n"
    "  --prefix TEXT  what the key begins with, so that it is recognised where it should not be (default: sluice_)\n"
    "  --append FILE  adds the line to this file instead; it is made when it is not there\n"
    "  -h, --help     show this\n"
    "\n"
    "A PROPERTY tells the gateway and the service something of the owner: plan=gold.  expires=2027-01-01T00:00:00Z\n"
    "ends the key.  See api_key in sluice.yaml(5).\n";

/** What the command line says. */
typedef struct order {
    const char *owner, *prefix, *file;
    char **properties;
    size_t num_properties;
} order_t;

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "sluice api-key: %s: %s\n", what, why);
    return 1;
}

/* the line --------------------------------------------------------------------------------------------------------- */

static void put_word(FILE *to, const char *word)
{
    if (word[0] != '\0' && word[0] != '#' && strpbrk(word, " \t\"\\=") == NULL) {
        fputs(word, to);
        return;
    }
    putc('"', to);
    for (; *word != '\0'; ++word) {
        if (*word == '"' || *word == '\\')
            putc('\\', to);
        putc(*word, to);
    }
    putc('"', to);
}

static bool put_hash(FILE *to, const char *key, size_t len)
{
    uint8_t digest[GW_API_KEY_DIGEST];
    if (EVP_Digest(key, len, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    fputs("sha256:", to);
    for (size_t i = 0; i != sizeof(digest); ++i)
        fprintf(to, "%02x", digest[i]);
    return true;
}

/** @return the line with its newline, for free(); NULL after complaining */
static char *make_line(const order_t *order, const char *key, size_t len)
{
    char *line = NULL;
    size_t line_len;
    FILE *to = open_memstream(&line, &line_len);
    if (to == NULL || !put_hash(to, key, len)) {
        if (to != NULL)
            fclose(to);
        free(line);
        complain("cannot hash", "there is no memory or no SHA-256");
        return NULL;
    }
    if (order->owner != NULL) {
        fputs("  ", to);
        put_word(to, order->owner);
    }
    for (size_t i = 0; i != order->num_properties; ++i) {
        const char *equals = strchr(order->properties[i], '=');
        fprintf(to, "  %.*s=", (int)(equals - order->properties[i]), order->properties[i]);
        put_word(to, equals + 1);
    }
    putc('\n', to);
    fclose(to);
    return line;
}

static void print_why(void *arg, gw_severity_t severity, const char *text)
{
    fprintf(stderr, "sluice api-key: this would not be a good line: %s\n", text);
}

/** What is written is what the gateway will read: so it has the last word.  @return false after complaining */
static bool check_line(const char *line)
{
    gw_diag_t *diag = gw_diag_create();
    gw_api_keys_t *keys = gw_api_keys_parse(gw_str_of(line), "line", diag);
    gw_diag_each(diag, print_why, NULL);
    gw_diag_free(diag);
    bool is_good = keys != NULL && gw_api_keys_num(keys) == 1;
    gw_api_keys_free(keys);
    return is_good;
}

static bool ends_without_newline(int fd)
{
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/** @return exit status */
static int append(const char *file, const char *line)
{
    int fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd == -1)
        return complain(file, strerror(errno));
    char text[GW_API_KEYS_MAX_LINE + 3];
    int len = snprintf(text, sizeof(text), "%s%s", ends_without_newline(fd) ? "\n" : "", line);
    bool is_written = write(fd, text, (size_t)len) == len && fsync(fd) == 0; /* one write: never half a line */
    int error = errno;
    if (close(fd) != 0 || !is_written)
        return complain(file, strerror(error));
    return 0;
}

/** Where the line goes.  @return exit status */
static int give_line(const order_t *order, const char *key, size_t len, FILE *otherwise)
{
    char *line = make_line(order, key, len);
    int status = 1;
    if (line != NULL && (order->owner == NULL || check_line(line))) {
        status = 0;
        if (order->file != NULL)
            status = append(order->file, line);
        else
            fputs(line, otherwise);
    }
    free(line);
    return status;
}

/* new -------------------------------------------------------------------------------------------------------------- */

/** @return false when there is no randomness */
static bool draw(char *to, size_t num)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    enum { num_letters = sizeof(alphabet) - 1, end = 256 / num_letters * num_letters };
    for (size_t i = 0; i != num;) {
        unsigned char byte;
        if (RAND_bytes(&byte, 1) != 1)
            return false;
        if (byte < end) /* the rest would make some letters likelier than others */
            to[i++] = alphabet[byte % num_letters];
    }
    return true;
}

static bool is_good_prefix(const char *prefix)
{
    return strlen(prefix) <= longest_prefix && prefix[strspn(prefix, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                                     "abcdefghijklmnopqrstuvwxyz_.-")] == '\0';
}

static int make_key(const order_t *order)
{
    char key[longest_prefix + random_chars + 1];
    if (order->owner == NULL)
        return complain("new", "whose key will it be?  --owner is missing");
    if (!is_good_prefix(order->prefix))
        return complain("--prefix", "at most 32 letters, digits, '_', '-' and '.'");
    size_t prefix_len = strlen(order->prefix);
    memcpy(key, order->prefix, prefix_len);
    if (!draw(key + prefix_len, random_chars))
        return complain("new", "the system gives no random numbers");
    size_t len = prefix_len + random_chars;
    key[len] = '\0';
    int status = give_line(order, key, len, stderr);
    if (status == 0 && (puts(key) == EOF || fflush(stdout) != 0)) /* last: a key is not given away in vain */
        status = complain("stdout", strerror(errno));
    OPENSSL_cleanse(key, sizeof(key));
    return status;
}

/* hash ------------------------------------------------------------------------------------------------------------- */

static int hash_key(const order_t *order)
{
    char key[longest_key + 2];
    size_t len = fread(key, 1, sizeof(key), stdin);
    int status = 1;
    if (len != 0 && key[len - 1] == '\n')
        --len;
    if (len != 0 && key[len - 1] == '\r')
        --len;
    if (ferror(stdin)) {
        complain("stdin", strerror(errno));
    } else if (len == 0 || len > longest_key) {
        complain("stdin", len == 0 ? "there is no key" : "a key has at most 256 characters");
    } else if (memchr(key, '\n', len) != NULL || memchr(key, '\0', len) != NULL) {
        complain("stdin", "a key is one line");
    } else {
        if (len < too_short)
            fprintf(stderr, "sluice api-key: warning: a key so short may be guessed from its hash\n");
        status = give_line(order, key, len, stdout);
    }
    OPENSSL_cleanse(key, sizeof(key));
    return status;
}

/* the command ------------------------------------------------------------------------------------------------------ */

/** @return false after complaining */
static bool read_options(int argc, char **argv, order_t *order)
{
    static const struct option options[] = {{"owner", required_argument, NULL, 'o'},
                                            {"prefix", required_argument, NULL, 'p'},
                                            {"append", required_argument, NULL, 'a'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'o')
            order->owner = optarg;
        else if (option == 'p')
            order->prefix = optarg;
        else if (option == 'a')
            order->file = optarg;
        else
            return false;
    }
    order->properties = argv + optind;
    order->num_properties = (size_t)(argc - optind);
    for (size_t i = 0; i != order->num_properties; ++i)
        if (strchr(order->properties[i], '=') == NULL) {
            complain(order->properties[i], "a property is NAME=VALUE");
            return false;
        }
    if (order->owner == NULL && (order->num_properties != 0 || order->file != NULL)) {
        complain("--owner is missing", "a line begins with it");
        return false;
    }
    return true;
}

int gw_api_key_main(int argc, char **argv)
{
    order_t order = {.prefix = "sluice_"};
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    bool is_new = strcmp(verb, "new") == 0;
    if ((!is_new && strcmp(verb, "hash") != 0) || !read_options(argc - 1, argv + 1, &order)) {
        fputs(usage, stderr);
        return 2;
    }
    return is_new ? make_key(&order) : hash_key(&order);
}
