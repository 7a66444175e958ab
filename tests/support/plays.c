/* SPDX-License-Identifier: MIT
 * Plays. */
#include <ctype.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/plays.h"
#include "tests/support/structured_fields.h"

enum { most_fields = 100, chunk_size = 4 };

origin_t *play_origin;

/** What stands for $, @ and dates. */
typedef struct scene {
    char base[32], host[64];
    time_t began;
} scene_t;

static scene_t scene;

/* texts ------------------------------------------------------------------------------------------------------------ */

/** Puts in what stands for $, @ and <+N>.  To be freed. */
static char *staged(const char *text)
{
    char *out = NULL;
    size_t size;
    FILE *file = open_memstream(&out, &size);
    for (const char *at = text; *at != '\0'; ++at) {
        char *end;
        if (*at == '$') {
            fputs(scene.base, file);
        } else if (*at == '@') {
            fputs(scene.host, file);
        } else if (*at == '<' && (at[1] == '+' || at[1] == '-')) {
            time_t when = scene.began + strtol(at + 1, &end, 10);
            struct tm parts;
            char date[64];
            strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &parts));
            fputs(date, file);
            at = end;
        } else {
            fputc(*at, file);
        }
    }
    fclose(file);
    return out;
}

/** A staged text taken apart; lines point into it. */
typedef struct message {
    char *text;
    char *first, *fields[most_fields + 1];
    const char *body; /* NULL: there is no empty line */
} message_t;

static message_t message_of(const char *text)
{
    message_t message = {.text = staged(text)};
    char *body = strstr(message.text, "\n\n");
    if (body != NULL) {
        *body = '\0';
        message.body = body + 2;
    }
    char *rest = message.text;
    message.first = strsep(&rest, "\n");
    for (size_t i = 0; rest != NULL; ++i) {
        assert_true(i != most_fields);
        message.fields[i] = strsep(&rest, "\n");
    }
    return message;
}

/** @return whether the text begins with a number that differs from the pattern's ("~60") by no more than time has
 * passed; both are moved behind theirs */
static bool take_seconds(const char **text, const char **pattern)
{
    char *behind_is, *behind_was;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* time() may be late by a tick, and then tell less than the gateway knows */
    long is = strtol(*text, &behind_is, 10), was = strtol(*pattern + 1, &behind_was, 10);
    bool takes = behind_is != *text && labs(is - was) <= now.tv_sec - scene.began;
    *text = behind_is;
    *pattern = behind_was;
    return takes;
}

/** @return whether the text is as the pattern, in which * stands for anything */
static bool is_like(const char *text, const char *pattern)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '~' && isdigit((unsigned char)pattern[1]))
        return take_seconds(&text, &pattern) && is_like(text, pattern);
    if (*pattern != '*')
        return *text == *pattern && is_like(text + 1, pattern + 1);
    do {
        if (is_like(text, pattern + 1))
            return true;
    } while (*text++ != '\0');
    return false;
}

/* the origin ------------------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    char *answer, *asked;
} stage = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void put_chunks(FILE *file, const char *body)
{
    for (size_t left = strlen(body), len; left != 0; body += len, left -= len) {
        len = left < chunk_size ? left : chunk_size;
        fprintf(file, "%zx\r\n%.*s\r\n", len, (int)len, body);
    }
    fputs("0\r\n\r\n", file);
}

/** An answer as it is sent.  @param text staged; changed   @return NULL: none */
static char *raw_answer(char *text, bool is_head, bool *ret_is_last)
{
    char *raw = NULL;
    size_t size;
    *ret_is_last = true;
    if (strcmp(text, "gone") == 0)
        return NULL;
    char *body = strstr(text, "\n\n"), *how, *rest = text;
    if (body != NULL)
        *body = '\0';
    body = body != NULL ? body + 2 : strchr(text, '\0');
    FILE *file = open_memstream(&raw, &size);
    char *first = strsep(&rest, "\n");
    int status = (int)strtol(first, &how, 10);
    how += *how == ' ';
    bool is_old = strcmp(how, "HTTP/1.0") == 0, has_end = *how != '\0', is_chunked = false;
    fprintf(file, "HTTP/1.%d %d Whatever\r\n", !is_old, status);
    while (rest != NULL) {
        const char *field = strsep(&rest, "\n");
        has_end = has_end || strncasecmp(field, "Content-Length:", 15) == 0;
        is_chunked = is_chunked || strcasecmp(field, "Transfer-Encoding: chunked") == 0;
        fprintf(file, "%s\r\n", field);
    }
    if (!has_end && !is_chunked && status != 204 && status != 304)
        fprintf(file, "Content-Length: %zu\r\n", strlen(body));
    fputs("\r\n", file);
    if (is_chunked && !is_head)
        put_chunks(file, body);
    else if (!is_head)
        fputs(body, file);
    fclose(file);
    *ret_is_last = is_old || strcmp(how, "until-close") == 0;
    return raw;
}

static void perform(origin_t *origin, int fd, size_t index)
{
    char *request;
    for (bool is_last = false; !is_last && (request = origin_read_request(origin, fd)) != NULL;) {
        bool is_head = strncmp(request, "HEAD ", 5) == 0;
        pthread_mutex_lock(&stage.lock);
        free(stage.asked);
        stage.asked = request;
        char *text = strdup(stage.answer != NULL ? stage.answer : "500\n\nnobody said what to answer");
        pthread_mutex_unlock(&stage.lock);
        char *raw = raw_answer(text, is_head, &is_last);
        free(text);
        is_last = raw == NULL || !origin_write(fd, raw) || is_last;
        free(raw);
    }
}

void play_answer(const char *answer)
{
    pthread_mutex_lock(&stage.lock);
    free(stage.answer);
    stage.answer = answer != NULL ? staged(answer) : NULL;
    pthread_mutex_unlock(&stage.lock);
}

int plays_set_up(void **state)
{
    play_origin = origin_start(perform, NULL);
    return 0;
}

int plays_tear_down(void **state)
{
    origin_stop(play_origin);
    play_origin = NULL;
    free(stage.answer);
    free(stage.asked);
    stage.answer = stage.asked = NULL;
    return 0;
}

/* what is expected ------------------------------------------------------------------------------------------------- */

/** @return what is wrong with the fields, to be freed; NULL: nothing.
 *  @param head lines of a message   @param mark what lines are about it: the others are passed over */
static char *wrong_fields(char *head, char *const *fields, const char *mark)
{
    const reply_t as_reply = {.head = head};
    char *wrong = NULL, name[100];
    for (size_t i = 0; fields[i] != NULL && wrong == NULL; ++i) {
        const char *field = fields[i] + strspn(fields[i], ">");
        if ((size_t)(field - fields[i]) != strlen(mark))
            continue;
        bool is_denied = *field == '!';
        field += is_denied;
        const char *colon = strchr(field, ':');
        snprintf(name, sizeof(name), "%.*s", (int)(colon != NULL ? (size_t)(colon - field) : strlen(field)), field);
        char *value = reply_field(&as_reply, name);
        const char *pattern = colon != NULL ? colon + 1 + strspn(colon + 1, " ") : "*";
        if (is_denied ? value != NULL && is_like(value, pattern) : value == NULL || !is_like(value, pattern))
            assert_int_not_equal(asprintf(&wrong, "%s is '%s'", name, value != NULL ? value : "(none)"), -1);
        free(value);
    }
    return wrong;
}

static char *wrong_status(const reply_t *reply)
{
    char *value = reply_field(reply, "cache-status"), *wrong = NULL;
    gw_arena_t *arena = gw_arena_create();
    sf_list_t list;
    if (value != NULL &&
        !(sf_parse_list(arena, value, strlen(value), &list) && list.size == 1 && list.items[0].value.type == SF_TOKEN &&
          strcmp(list.items[0].value.text, "sluice") == 0 &&
          (sf_parameter(&list.items[0], "hit") == NULL) == (sf_parameter(&list.items[0], "fwd") != NULL)))
        assert_int_not_equal(asprintf(&wrong, "'%s' is not a Cache-Status", value), -1);
    gw_arena_free(arena);
    free(value);
    return wrong;
}

/** @return what is not as expected, to be freed; NULL: nothing */
static char *wrong_reply(const reply_t *reply, const char *expected)
{
    message_t message = message_of(expected);
    char *wrong = NULL;
    if (reply->status != atoi(message.first) || reply->error != 0)
        assert_int_not_equal(asprintf(&wrong, "status %d, %s", reply->status, curl_error(reply->error)), -1);
    if (wrong == NULL)
        wrong = wrong_fields(reply->head, message.fields, "");
    if (wrong == NULL && message.body != NULL &&
        (strlen(message.body) != reply->body_len || memcmp(message.body, reply->body, reply->body_len) != 0))
        wrong = strdup("another body");
    if (wrong == NULL)
        wrong = wrong_status(reply);
    free(message.text);
    return wrong;
}

void play_expect(const reply_t *reply, const char *expected)
{
    char *wrong = wrong_reply(reply, expected);
    if (wrong != NULL)
        fail_msg("%s in place of\n%s\nin\n%s%s", wrong, expected, reply->head, reply->body);
}

/** @return the same of what the origin got last */
static char *wrong_asked(const char *expected)
{
    message_t message = message_of(expected);
    pthread_mutex_lock(&stage.lock);
    char *head = strdup(stage.asked != NULL ? stage.asked : ""), *wrong = NULL;
    pthread_mutex_unlock(&stage.lock);
    char *line = strndup(head, strcspn(head, "\r\n")), *end = strstr(head, "\r\n\r\n");
    if (end != NULL)
        *end = '\0';
    for (size_t i = 0; message.fields[i] != NULL && wrong == NULL; ++i)
        if (strncmp(message.fields[i], ">>", 2) == 0 && !is_like(line, message.fields[i] + 2))
            assert_int_not_equal(asprintf(&wrong, "the origin was asked '%s'", line), -1);
    if (wrong == NULL)
        wrong = wrong_fields(head, message.fields, ">");
    free(line);
    free(head);
    free(message.text);
    return wrong;
}

/* asking ----------------------------------------------------------------------------------------------------------- */

reply_t play_ask(const gateway_t *gateway, transport_t transport, const char *text)
{
    message_t message = message_of(text);
    char *path = message.first, *method = strsep(&path, " ");
    request_t request = {
        .method = method, .path = path, .headers = (const char *const *)message.fields, .body = message.body};
    reply_t reply = fetch(gateway, transport, &request);
    free(message.text);
    return reply;
}

/** @return what is wrong, to be freed; NULL: nothing */
static char *play_step(const gateway_t *gateway, transport_t transport, const play_step_t *step)
{
    size_t asked = atomic_load(&play_origin->num_requests);
    uint64_t began_ms = gw_clock_ms();
    bool is_repeated = strncmp(step->request, "again ", 6) == 0;
    play_answer(step->answer);
    for (;;) {
        reply_t reply = play_ask(gateway, transport, step->request + (is_repeated ? 6 : 0));
        char *wrong = wrong_reply(&reply, step->reply);
        if (is_repeated && wrong != NULL && gw_clock_ms() - began_ms < DEADLINE_MS) {
            free(wrong);
            reply_free(&reply);
            poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
            continue;
        }
        if (wrong == NULL && step->answer != NULL && !is_repeated)
            origin_wait(&play_origin->num_requests, asked + 1);
        asked = atomic_load(&play_origin->num_requests) - asked;
        if (wrong == NULL && !is_repeated && asked != (step->answer != NULL))
            assert_int_not_equal(asprintf(&wrong, "the origin was asked %zu times", asked), -1);
        if (wrong == NULL)
            wrong = wrong_asked(step->reply);
        if (wrong != NULL)
            print_message("    %s\n    got: %s%s\n", wrong, reply.head, reply.body);
        reply_free(&reply);
        return wrong;
    }
}

/** Sets the scene of a play that no other has been played in. */
static void set_scene(const gateway_t *gateway, transport_t transport)
{
    static unsigned num_scenes;
    snprintf(scene.base, sizeof(scene.base), "/p%u", num_scenes++);
    snprintf(scene.host, sizeof(scene.host), "127.0.0.1:%d", gateway->ports[transport == OVER_HTTP1 ? 0 : 1]);
    scene.began = time(NULL);
}

/** @param second what every other request goes over */
static size_t run(const gateway_t *gateway, const play_t *play, transport_t first, transport_t second)
{
    set_scene(gateway, first);
    for (size_t i = 0; i != PLAY_STEPS_MAX && play->steps[i].request != NULL; ++i) {
        transport_t by = i % 2 == 0 ? first : second;
        char *wrong = play_step(gateway, by, &play->steps[i]);
        if (wrong == NULL)
            continue;
        print_message("  %s: step %zu over %s:\n    asked: %s\n    expected: %s\n", play->about, i + 1,
                      transport_names[by], play->steps[i].request, play->steps[i].reply);
        free(wrong);
        return 1;
    }
    return 0;
}

static size_t run_all(const gateway_t *gateway, const play_t *plays, size_t num, const char *options)
{
    size_t num_wrong = 0;
    for (size_t i = 0; i != num; ++i)
        if (options == NULL || strcmp(options, plays[i].options != NULL ? plays[i].options : "") == 0)
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
                num_wrong += run(gateway, &plays[i], t, t);
    return num_wrong;
}

static void show(size_t num_wrong)
{
    if (num_wrong != 0)
        fail_msg("%zu plays went wrong", num_wrong);
}

void plays_run_through(const gateway_t *gateway, const play_t *plays, size_t num)
{
    show(run_all(gateway, plays, num, NULL));
}

void plays_run_over(const gateway_t *gateway, transport_t transport, const play_t *plays, size_t num)
{
    size_t num_wrong = 0;
    for (size_t i = 0; i != num; ++i)
        num_wrong += run(gateway, &plays[i], transport, transport);
    show(num_wrong);
}

void plays_run_mixed(const gateway_t *gateway, const play_t *plays, size_t num)
{
    size_t num_wrong = 0;
    for (size_t i = 0; i != num; ++i)
        num_wrong += run(gateway, &plays[i], OVER_TLS, OVER_HTTP2) + run(gateway, &plays[i], OVER_HTTP2, OVER_TLS);
    show(num_wrong);
}

gateway_t *plays_gateway(const char *options)
{
    gateway_t *gateway = gateway_start(CONF_LISTEN_4 CONF_PLAY_ORIGIN
                                       "routes: [ { path: /, service: origin, filters: [ { cache: { capacity: 16MiB%s%s"
                                       " } } ] } ]\n",
                                       play_origin->port, *options != '\0' ? ", " : "", options);
    set_scene(gateway, OVER_HTTP1);
    return gateway;
}

void plays_run(const play_t *plays, size_t num)
{
    size_t num_wrong = 0;
    for (size_t i = 0; i != num; ++i) {
        const char *options = plays[i].options != NULL ? plays[i].options : "";
        size_t k = 0;
        while (k != i && strcmp(plays[k].options != NULL ? plays[k].options : "", options) != 0)
            ++k;
        if (k != i)
            continue; /* they had their gateway */
        gateway_t *gateway = plays_gateway(options);
        num_wrong += run_all(gateway, plays, num, options);
        gateway_stop(gateway);
    }
    show(num_wrong);
}
