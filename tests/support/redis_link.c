/* SPDX-License-Identifier: MIT
 * Workers with connections to a Redis, for tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "gateway/base/clock.h"
#include "gateway/config/text.h"
#include "tests/support/redis_link.h"

/* links ------------------------------------------------------------------------------------------------------------ */

static void check(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_redis_conf_check(reader, value);
}

static const gw_field_t fields[] = {GW_REDIS_FIELDS(0), {.key = NULL}};
static const gw_section_t section = {
    .name = "link", .fields = fields, .size = sizeof(gw_redis_conf_t), .mark_offset = GW_NO_OFFSET, .check = check};

static void open_store(redis_link_t *link, const char *yaml)
{
    gw_diag_t *diag = gw_diag_create();
    gw_redis_conf_t conf = {0};
    link->arena = gw_arena_create();
    gw_conf_reader_t reader = {.arena = link->arena, .scratch = link->arena, .diag = diag};
    gw_node_t *node = gw_yaml_load_memory(link->arena, link->arena, "t.yaml", gw_str_of(yaml), diag);
    if (node == NULL || !gw_section_read(&reader, &section, node, &conf)) {
        gw_diag_print(diag, stderr);
        abort();
    }
    gw_diag_free(diag);
    link->pool = gw_redis_pool_open(&conf, link->resolver, link->num_workers);
    gw_resolver_wait(link->resolver, DEADLINE_MS);
    for (size_t i = 0; i != link->num_workers; ++i)
        link->redis[i] = gw_redis_pool_get(link->pool, link->workers[i]);
}

redis_link_t *redis_link_create(const char *yaml, size_t num_workers)
{
    redis_link_t *link = calloc(1, sizeof(*link));
    link->num_workers = num_workers;
    link->resolver = gw_resolver_create();
    for (size_t i = 0; i != num_workers; ++i)
        link->workers[i] = bare_worker_create(i);
    open_store(link, yaml);
    return link;
}

redis_link_t *redis_link_create_beside(redis_link_t *link, const char *yaml)
{
    redis_link_t *beside = calloc(1, sizeof(*beside));
    beside->is_beside = true;
    beside->num_workers = link->num_workers;
    beside->resolver = link->resolver;
    memcpy(beside->workers, link->workers, sizeof(link->workers));
    open_store(beside, yaml);
    return beside;
}

const char *redis_link_conf_on(int port)
{
    static char text[64];
    snprintf(text, sizeof(text), "store: redis://127.0.0.1:%d", port);
    return text;
}

redis_link_t *redis_link_create_on(int port)
{
    return redis_link_create(redis_link_conf_on(port), 1);
}

void redis_link_leave(redis_link_t *link)
{
    for (size_t i = 0; i != link->num_workers; ++i)
        link->redis[i] = gw_redis_release(link->redis[i]);
    link->pool = gw_redis_pool_unref(link->pool);
    link->arena = gw_arena_free(link->arena);
}

void redis_link_free(redis_link_t *link)
{
    redis_link_leave(link);
    if (!link->is_beside) {
        for (size_t i = 0; i != link->num_workers; ++i)
            bare_worker_free(link->workers[i]);
        gw_resolver_free(link->resolver);
    }
    free(link);
}

/* waiting ---------------------------------------------------------------------------------------------------------- */

uint64_t redis_link_now_ms(redis_link_t *link)
{
    return gw_clock_ms();
}

void redis_link_turn(redis_link_t *link)
{
    for (size_t i = 0; i != link->num_workers; ++i)
        bare_worker_turn(link->workers[i], 20);
}

static void check_deadline(uint64_t until_ms, const char *what)
{
    if (gw_clock_ms() < until_ms)
        return;
    fprintf(stderr, "waited in vain for %s\n", what);
    abort();
}

void redis_link_wait_until_up(redis_link_t *link, size_t worker)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    while (gw_redis_connection_number(link->redis[worker]) == 0) {
        check_deadline(until_ms, "a connection");
        redis_link_turn(link);
    }
}

void redis_link_wait_until_written_at(redis_link_t *link, size_t worker, redis_server_t *server)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    char command[64], *text = NULL;
    for (unsigned i = 0;; ++i) {
        redis_probe_t probe;
        snprintf(command, sizeof(command), "SET where %d-%u", server->port, i);
        check_deadline(until_ms, "another master");
        if (redis_probe_send(link, worker, &probe, 1000, command) != GW_REDIS_SENT) {
            redis_link_turn(link);
            continue;
        }
        redis_probe_wait(link, &probe);
        if (probe.result != GW_REDIS_REPLY || strcmp(probe.text, "OK") != 0)
            continue;
        text = redis_ask(server, "pw", "ROLE");
        bool is_master = strncmp(text, "master", 6) == 0;
        free(text);
        text = redis_ask(server, "pw", "GET where");
        bool has = is_master && strcmp(text, command + strlen("SET where ")) == 0;
        free(text);
        if (has)
            return;
    }
}

/* probes ----------------------------------------------------------------------------------------------------------- */

uint64_t redis_probe_sum(const char *bytes, size_t len)
{
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i != len; ++i)
        sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3;
    return sum;
}

static void on_reply(gw_redis_call_t *call, gw_redis_result_t result, const gw_redis_reply_t *reply)
{
    redis_probe_t *probe = H2O_STRUCT_FROM_MEMBER(redis_probe_t, call, call);
    probe->is_over = true;
    ++probe->num_replies;
    probe->result = result;
    if (reply == NULL)
        return;
    if (reply->type == GW_REDIS_INTEGER) {
        snprintf(probe->text, sizeof(probe->text), "%lld", (long long)reply->integer);
    } else if (reply->type == GW_REDIS_STRING || reply->type == GW_REDIS_STATUS || reply->type == GW_REDIS_ERROR) {
        snprintf(probe->text, sizeof(probe->text), "%s%.*s", reply->type == GW_REDIS_ERROR ? "-" : "",
                 (int)reply->text.len, reply->text.ptr);
        probe->len = reply->text.len;
        probe->sum = redis_probe_sum(reply->text.ptr, reply->text.len);
    }
}

gw_redis_result_t redis_probe_send_args(redis_link_t *link, size_t worker, redis_probe_t *probe, uint64_t timeout_ms,
                                        const gw_str_t *args, size_t num_args)
{
    *probe = (redis_probe_t){.call.on_reply = on_reply};
    return gw_redis_send(link->redis[worker], &probe->call, args, num_args, timeout_ms);
}

gw_redis_result_t redis_probe_send(redis_link_t *link, size_t worker, redis_probe_t *probe, uint64_t timeout_ms,
                                   const char *command)
{
    gw_str_t args[16];
    size_t num = 0;
    for (const char *word = command; num != 16; word += args[num - 1].len + 1) {
        args[num++] = gw_str(word, strcspn(word, " "));
        if (word[args[num - 1].len] == '\0')
            break;
    }
    return redis_probe_send_args(link, worker, probe, timeout_ms, args, num);
}

void redis_probe_wait(redis_link_t *link, redis_probe_t *probe)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    while (!probe->is_over) {
        check_deadline(until_ms, "a reply");
        redis_link_turn(link);
    }
}

void redis_link_do(redis_link_t *link, size_t worker, const char *command, const char *expected)
{
    redis_probe_t probe;
    assert_int_equal(redis_probe_send(link, worker, &probe, DEADLINE_MS, command), GW_REDIS_SENT);
    redis_probe_wait(link, &probe);
    assert_int_equal(probe.result, GW_REDIS_REPLY);
    assert_string_equal(probe.text, expected);
}

/* the log ---------------------------------------------------------------------------------------------------------- */

static int saved = -1, file = -1;

/** A test that gives up says why on stderr, too: that must not be lost with the capture. */
static void show_log(int signal_number)
{
    char bytes[4096];
    ssize_t len;
    for (off_t at = 0; (len = pread(file, bytes, sizeof(bytes), at)) > 0; at += len)
        if (write(saved, bytes, (size_t)len) != len)
            break;
}

void redis_log_begin(void)
{
    saved = dup(2);
    file = memfd_create("log", MFD_CLOEXEC);
    if (saved == -1 || file == -1 || dup2(file, 2) == -1)
        abort();
    signal(SIGABRT, show_log);
}

static char *read_log(void)
{
    off_t len = lseek(file, 0, SEEK_END);
    char *text = calloc(1, (size_t)len + 1);
    if (pread(file, text, (size_t)len, 0) != len)
        abort();
    return text;
}

char *redis_log_end(void)
{
    char *text = read_log();
    signal(SIGABRT, SIG_DFL);
    dup2(saved, 2);
    close(saved);
    close(file);
    return text;
}

size_t redis_log_count(const char *log, const char *text)
{
    size_t num = 0;
    for (const char *at = log; (at = strstr(at, text)) != NULL; ++at)
        ++num;
    return num;
}

void redis_link_wait_for_log(redis_link_t *link, const char *text)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (bool has = false; !has;) {
        char *log = read_log();
        has = strstr(log, text) != NULL;
        free(log);
        check_deadline(until_ms, "a line in the log");
        redis_link_turn(link);
    }
}
