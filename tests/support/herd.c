/* SPDX-License-Identifier: MIT
 * Many requests at the same time. */
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "gateway/base/clock.h"
#include "tests/support/herd.h"

enum { num_shared = 6, most_members = 2048 };

typedef struct member {
    CURL *curl; /* NULL: it has left */
    CURLM *multi;
    struct curl_slist *headers;
    reply_t reply;
    bool is_over;
} member_t;

struct herd {
    const gateway_t *gateway;
    CURLM *alone, *shared[num_shared]; /* each of the latter with one connection */
    size_t num_sent_shared, num_members;
    member_t *members[most_members];
};

static bool is_late(uint64_t since_ms)
{
    return gw_clock_ms() - since_ms > DEADLINE_MS;
}

herd_t *herd_create(const gateway_t *gateway)
{
    herd_t *herd = calloc(1, sizeof(*herd));
    herd->gateway = gateway;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* each of them has a connection */
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    herd->alone = curl_multi_init();
    for (size_t i = 0; i != num_shared; ++i) {
        herd->shared[i] = curl_multi_init();
        curl_multi_setopt(herd->shared[i], CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
    }
    return herd;
}

void herd_leave(herd_t *herd, size_t number)
{
    member_t *member = herd->members[number];
    if (member->curl == NULL)
        return;
    curl_multi_remove_handle(member->multi, member->curl);
    curl_easy_cleanup(member->curl);
    member->curl = NULL;
}

static void free_member(herd_t *herd, size_t number)
{
    member_t *member = herd->members[number];
    herd_leave(herd, number);
    curl_slist_free_all(member->headers);
    reply_free(&member->reply);
    free(member);
}

void herd_free(herd_t *herd)
{
    for (size_t i = 0; i != herd->num_members; ++i)
        free_member(herd, i);
    curl_multi_cleanup(herd->alone);
    for (size_t i = 0; i != num_shared; ++i)
        curl_multi_cleanup(herd->shared[i]);
    free(herd);
}

/* sending ---------------------------------------------------------------------------------------------------------- */

static size_t add(char **text, size_t len, const char *bytes, size_t num)
{
    *text = realloc(*text, len + num + 1);
    memcpy(*text + len, bytes, num);
    (*text)[len + num] = '\0';
    return len + num;
}

static size_t on_head(char *bytes, size_t size, size_t num, void *arg)
{
    reply_t *reply = arg;
    add(&reply->head, strlen(reply->head), bytes, size * num);
    if (size * num > 12 && strncmp(bytes, "HTTP/", 5) == 0)
        reply->status = atoi(strchr(bytes, ' ') + 1);
    return size * num;
}

static size_t on_body(char *bytes, size_t size, size_t num, void *arg)
{
    reply_t *reply = arg;
    reply->body_len = add(&reply->body, reply->body_len, bytes, size * num);
    return size * num;
}

static size_t begin(herd_t *herd, CURLM *multi, transport_t transport, const request_t *request)
{
    member_t *member = calloc(1, sizeof(*member));
    CURL *curl = member->curl = curl_easy_init();
    char url[1024];
    bool is_tls = transport != OVER_HTTP1;
    member->multi = multi;
    member->reply.head = calloc(1, 1);
    member->reply.body = calloc(1, 1);
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", is_tls ? "https" : "http", herd->gateway->ports[is_tls ? 1 : 0],
             request->path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, member);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     transport == OVER_HTTP2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    if (multi == herd->alone) {
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_PIPEWAIT, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &member->reply);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &member->reply);
    member->headers = curl_slist_append(curl_slist_append(NULL, "Host: cached"), "X-Forwarded-Proto: https");
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; ++i)
        member->headers = curl_slist_append(member->headers, request->headers[i]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, member->headers);
    if (request->method != NULL && strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (request->method != NULL)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (herd->num_members == most_members)
        abort();
    curl_multi_add_handle(multi, curl);
    herd->members[herd->num_members] = member;
    return herd->num_members++;
}

size_t herd_send(herd_t *herd, transport_t transport, const request_t *request)
{
    return begin(herd, herd->alone, transport, request);
}

/* moving on -------------------------------------------------------------------------------------------------------- */

static void take_results(CURLM *multi)
{
    int num_left;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &num_left)) != NULL;) {
        member_t *member;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&member);
        member->reply.error = (int)message->data.result;
        member->is_over = true;
    }
}

static void turn(herd_t *herd)
{
    int num_running;
    curl_multi_perform(herd->alone, &num_running);
    take_results(herd->alone);
    for (size_t i = 0; i != num_shared; ++i) {
        curl_multi_perform(herd->shared[i], &num_running);
        take_results(herd->shared[i]);
    }
    poll(NULL, 0, 1); /* gives the processor away; deadlines decide, not this */
}

static void fail(const herd_t *herd, const char *what)
{
    fprintf(stderr, "a herd of %zu requests: %s\n", herd->num_members, what);
    for (int is_over = 1; is_over >= 0; --is_over)
        for (size_t i = 0, num = 0; i != herd->num_members && num != 20; ++i) {
            const member_t *member = herd->members[i];
            if (member->curl == NULL || member->is_over != is_over)
                continue;
            ++num;
            fprintf(stderr, "  %zu: %s, status %d, %zu bytes, %s\n", i, is_over ? "over" : "under way",
                    member->reply.status, member->reply.body_len, curl_error(member->reply.error));
        }
    abort();
}

void herd_wait_for(herd_t *herd, atomic_size_t *counter, size_t least)
{
    for (uint64_t since_ms = gw_clock_ms(); atomic_load(counter) < least;) {
        turn(herd);
        if (is_late(since_ms))
            fail(herd, "what it waited for did not happen");
    }
}

static bool have_bytes(herd_t *herd, size_t least)
{
    bool have = true;
    for (size_t i = 0; i != herd->num_members; ++i) {
        const member_t *member = herd->members[i];
        if (member->curl == NULL || member->reply.body_len >= least)
            continue;
        if (member->is_over)
            fail(herd, "one was over before it had the bytes");
        have = false;
    }
    return have;
}

void herd_wait_bytes(herd_t *herd, size_t least)
{
    for (uint64_t since_ms = gw_clock_ms(); !have_bytes(herd, least); turn(herd))
        if (is_late(since_ms))
            fail(herd, "the bytes did not come");
}

void herd_wait_one_over(herd_t *herd, size_t number)
{
    const member_t *member = herd->members[number];
    for (uint64_t since_ms = gw_clock_ms(); !member->is_over && member->curl != NULL; turn(herd))
        if (is_late(since_ms))
            fail(herd, "they are not over");
}

void herd_wait_over(herd_t *herd)
{
    for (size_t i = 0; i != herd->num_members; ++i)
        herd_wait_one_over(herd, i);
}

/* fences ----------------------------------------------------------------------------------------------------------- */

/** One request on each of the connections, which are read in the order in which they were written: what was sent there
 * before is known to the gateway when this one is answered. */
void herd_fence(herd_t *herd, const char *path)
{
    size_t first = herd->num_members;
    for (size_t i = 0; i != num_shared; ++i)
        begin(herd, herd->shared[i], OVER_HTTP2, &(request_t){.path = path});
    for (size_t i = 0; i != num_shared; ++i)
        herd_wait_one_over(herd, first + i);
    for (size_t i = first; i != herd->num_members; ++i) {
        member_t *member = herd->members[i];
        if (member->reply.status == 0)
            fail(herd, "the fence was not answered");
        free_member(herd, i);
    }
    herd->num_members = first;
}

size_t herd_send_shared(herd_t *herd, const request_t *request)
{
    return begin(herd, herd->shared[herd->num_sent_shared++ % num_shared], OVER_HTTP2, request);
}

/* looking ---------------------------------------------------------------------------------------------------------- */

size_t herd_size(const herd_t *herd)
{
    return herd->num_members;
}

bool herd_is_over(const herd_t *herd, size_t member)
{
    return herd->members[member]->is_over;
}

const reply_t *herd_reply(const herd_t *herd, size_t member)
{
    return &herd->members[member]->reply;
}
