/* SPDX-License-Identifier: MIT
 * Redis servers under test. */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <hiredis/hiredis.h>
#include "tests/support/gateway.h"
#include "tests/support/redis_server.h"

#define PROGRAM "/usr/bin/redis-server"

static void fail(const char *what)
{
    fprintf(stderr, "test set-up: %s: %s\n", what, strerror(errno));
    abort();
}

bool redis_is_installed(void)
{
    return access(PROGRAM, X_OK) == 0;
}

/** A port that stays ours while the server is down: bound for as long as the server_t lives, but never listening, which
 * lets the server (SO_REUSEADDR) listen on it, and nobody else take it. */
static int reserve_port(int *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&address, len) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fail("no port");
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static char *in_folder(const redis_server_t *server, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", server->folder, name) < 0)
        abort();
    return path;
}

static void write_conf(const redis_server_t *server)
{
    char *path = in_folder(server, "redis.conf");
    FILE *file = fopen(path, "w");
    if (file == NULL)
        fail(path);
    fprintf(file, "bind 127.0.0.1\ndir %s\ndaemonize no\n", server->folder);
    if (!server->is_sentinel)
        fprintf(file, "save \"\"\nappendonly no\nrepl-diskless-sync-delay 0\nunixsocket %s\nunixsocketperm 700\n",
                server->path);
    if (server->ca != NULL)
        fprintf(file,
                "port 0\ntls-port %d\ntls-cert-file %s\ntls-key-file %s/server.key\ntls-ca-cert-file %s\n"
                "tls-auth-clients optional\n",
                server->port, server->ca, server->folder, server->ca);
    else
        fprintf(file, "port %d\n", server->port);
    fputs(server->options, file);
    fclose(file);
    free(path);
}

void redis_restart(redis_server_t *server)
{
    char *path = in_folder(server, "redis.conf");
    write_conf(server); /* a Sentinel writes what it has learnt into its own */
    const char *const argv[] = {PROGRAM, path, server->is_sentinel ? "--sentinel" : NULL, NULL};
    server->process = process_start(argv);
    free(process_wait_for(server->process, server->is_sentinel ? "Sentinel ID is" : "Ready to accept connections", 1));
    free(path);
    if (server->is_sentinel) /* tests do not wait for ten seconds until it looks again; older ones do not know this */
        free(redis_ask(server, NULL, "SENTINEL DEBUG info-period 200 ping-period 250 publish-period 200"));
}

static redis_server_t *create(bool has_tls, bool is_sentinel, char *options)
{
    redis_server_t *server = calloc(1, sizeof(*server));
    char folder[] = "/tmp/sluice-redis-XXXXXX";
    if (mkdtemp(folder) == NULL)
        fail(folder);
    server->folder = strdup(folder);
    server->is_sentinel = is_sentinel;
    server->reserved = reserve_port(&server->port);
    server->options = options;
    if (!is_sentinel)
        server->path = in_folder(server, "redis.sock");
    if (has_tls) {
        certificate_make(folder, "server", "localhost");
        server->ca = in_folder(server, "server.crt");
    }
    redis_restart(server);
    return server;
}

static char *print(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        abort();
    return text;
}

redis_server_t *redis_start(const char *options, ...)
{
    va_list args;
    va_start(args, options);
    char *text = print(options, args);
    va_end(args);
    return create(false, false, text);
}

redis_server_t *redis_start_tls(const char *options, ...)
{
    va_list args;
    va_start(args, options);
    char *text = print(options, args);
    va_end(args);
    return create(true, false, text);
}

redis_server_t *redis_start_sentinel(const redis_server_t *master, const char *options, ...)
{
    char *all = NULL;
    va_list args;
    va_start(args, options);
    char *text = print(options, args);
    va_end(args);
    if (asprintf(&all,
                 "sentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 500\n"
                 "sentinel failover-timeout main 3000\n%s",
                 master->port, text) < 0)
        abort();
    free(text);
    return create(false, true, all);
}

void redis_pause(redis_server_t *server)
{
    char path[64], state = 'R';
    process_signal(server->process, SIGSTOP);
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process_pid(server->process));
    while (state != 'T') { /* it may have gone on for a while */
        FILE *file = fopen(path, "r");
        if (file == NULL || fscanf(file, "%*d %*s %c", &state) != 1)
            fail("redis-server has ended");
        fclose(file);
    }
}

void redis_continue(redis_server_t *server)
{
    process_signal(server->process, SIGCONT);
}

void redis_kill(redis_server_t *server)
{
    process_signal(server->process, SIGKILL);
    process_wait(server->process);
    if (process_end(server->process) != 128 + SIGKILL)
        fail("redis-server ended by itself");
    server->process = NULL;
    if (server->path != NULL)
        unlink(server->path);
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    return remove(path);
}

void redis_free(redis_server_t *server)
{
    if (server == NULL)
        return;
    if (server->process != NULL)
        redis_kill(server);
    nftw(server->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    close(server->reserved);
    free(server->folder);
    free(server->path);
    free(server->ca);
    free(server->options);
    free(server);
}

/* asking ----------------------------------------------------------------------------------------------------------- */

static void append(char **text, const redisReply *reply)
{
    char *longer = NULL;
    int len = -1;
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        len = asprintf(&longer, "%s%lld", *text, reply->integer);
        break;
    case REDIS_REPLY_NIL:
        len = asprintf(&longer, "%s(nil)", *text);
        break;
    case REDIS_REPLY_ERROR:
        len = asprintf(&longer, "%s-%s", *text, reply->str);
        break;
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i != reply->elements; ++i) {
            append(text, reply->element[i]);
            if (asprintf(&longer, "%s\n", *text) < 0)
                abort();
            free(*text);
            *text = longer;
        }
        return;
    default:
        len = asprintf(&longer, "%s%s", *text, reply->str);
        break;
    }
    if (len < 0)
        abort();
    free(*text);
    *text = longer;
}

/** @return NULL when the server ended the connection */
static redisReply *ask_once(const redis_server_t *server, const char *password, int argc, const char **argv,
                            const size_t *lens)
{
    struct timeval deadline = {.tv_sec = DEADLINE_MS / 1000};
    redisContext *context = server->path != NULL ? redisConnectUnixWithTimeout(server->path, deadline)
                                                 : redisConnectWithTimeout("127.0.0.1", server->port, deadline);
    if (context == NULL || context->err != 0)
        fail("cannot connect to redis-server");
    redisSetTimeout(context, deadline);
    if (password != NULL)
        freeReplyObject(redisCommand(context, "AUTH %s", password));
    redisReply *reply = redisCommandArgv(context, argc, argv, lens);
    redisFree(context);
    return reply;
}

char *redis_ask(const redis_server_t *server, const char *password, const char *command)
{
    const char *argv[64];
    size_t lens[64];
    int argc = 0, num_tries = 10; /* a sentinel has a server whose role it changes kill its clients */
    redisReply *reply = NULL;
    for (const char *word = command; argc != 64; word += lens[argc - 1] + 1) {
        argv[argc] = word;
        lens[argc++] = strcspn(word, " ");
        if (word[lens[argc - 1]] == '\0')
            break;
    }
    while (reply == NULL && num_tries-- != 0)
        reply = ask_once(server, password, argc, argv, lens);
    if (reply == NULL)
        fail("redis-server does not answer");
    char *text = strdup("");
    append(&text, reply);
    freeReplyObject(reply);
    return text;
}

bool redis_has_replica(const redis_server_t *master, const char *password)
{
    char *reply = redis_ask(master, password, "INFO replication");
    bool has = strstr(reply, "state=online") != NULL;
    free(reply);
    return has;
}

bool redis_knows_replica(void *sentinel)
{
    char *reply = redis_ask(sentinel, NULL, "SENTINEL replicas main");
    bool knows = strstr(reply, "master-link-status\nok") != NULL;
    free(reply);
    return knows;
}
