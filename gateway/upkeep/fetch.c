/* SPDX-License-Identifier: MIT
 * Fetched documents, with libcurl. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/base/random.h"
#include "gateway/observe/log.h"
#include "gateway/upkeep/fetch.h"
#include "gateway/upkeep/refresh.h"
#include "gateway/upkeep/source.h"

enum { longest_cause = 256, longest_field = 256 };

/** One transfer. */
typedef struct transfer {
    CURL *handle;
    const gw_file_class_t *class;
    char *body;
    size_t len;
    bool is_too_large, has_head;
    char cache_control[longest_field], age[longest_field]; /* "" when absent */
    char error[CURL_ERROR_SIZE];
} transfer_t;

struct gw_fetch {
    gw_source_t super;
    const gw_file_class_t *class;
    gw_fetch_conf_t conf;
    char *url, *ca_file;
    gw_published_t *published;
    atomic_size_t num_users;
    atomic_bool is_failing;
    _Atomic uint64_t num_started, num_wanted, num_ended; /* any thread */
    /* the upkeep thread's */
    transfer_t transfer;
    uint64_t started_ms, due_ms, good_ms;
    unsigned num_failures;
    uint64_t random;
    char *content; /* of the last good one */
    size_t content_len;
};

/* one transfer ----------------------------------------------------------------------------------------------------- */

static void copy_field(char *to, const char *from, size_t len)
{
    while (len != 0 && (from[len - 1] == '\r' || from[len - 1] == '\n' || from[len - 1] == ' '))
        --len;
    while (len != 0 && (*from == ' ' || *from == '\t')) {
        ++from;
        --len;
    }
    snprintf(to, longest_field, "%.*s", (int)len, from);
}

static size_t on_head_line(char *bytes, size_t size, size_t num, void *arg)
{
    transfer_t *transfer = arg;
    size_t len = size * num;
    gw_str_t line = gw_str(bytes, len);
    if (gw_str_starts_with(line, GW_STR("HTTP/"))) /* an interim response, or the final one; trailers come after it */
        transfer->has_head = false;
    else if ((len == 2 && memcmp(bytes, "\r\n", 2) == 0) || (len == 1 && *bytes == '\n'))
        transfer->has_head = true;
    if (len > 14 && gw_str_equal_nocase(gw_str(line.ptr, 14), GW_STR("cache-control:")))
        copy_field(transfer->cache_control, bytes + 14, len - 14);
    else if (len > 4 && gw_str_equal_nocase(gw_str(line.ptr, 4), GW_STR("age:")))
        copy_field(transfer->age, bytes + 4, len - 4);
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t num, void *arg)
{
    transfer_t *transfer = arg;
    size_t len = size * num;
    if (len > transfer->class->max_bytes - transfer->len) {
        transfer->is_too_large = true;
        return 0;
    }
    char *body = realloc(transfer->body, transfer->len + len + 1);
    if (body == NULL)
        abort();
    memcpy(body + transfer->len, bytes, len);
    transfer->body = body;
    transfer->len += len;
    body[transfer->len] = '\0';
    return len;
}

/** @return false when libcurl cannot */
static bool prepare(transfer_t *transfer, const gw_file_class_t *class, const gw_fetch_conf_t *conf)
{
    CURL *handle = curl_easy_init();
    *transfer = (transfer_t){.handle = handle, .class = class};
    if (handle == NULL)
        return false;
    curl_easy_setopt(handle, CURLOPT_URL, conf->url);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L); /* do not join a thread that is stuck in getaddrinfo */
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L); /* where keys come from is for the conf to say */
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)conf->timeout);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "sluice");
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer);
    if (conf->ca_file != NULL)
        curl_easy_setopt(handle, CURLOPT_CAINFO, conf->ca_file);
    return true;
}

static void dispose(transfer_t *transfer)
{
    curl_easy_cleanup(transfer->handle);
    free(transfer->body);
    *transfer = (transfer_t){0};
}

/** @param cause gets why there is no document, at most longest_cause bytes   @return true when there is one */
static bool is_good(const transfer_t *transfer, CURLcode result, char *cause)
{
    long status = 0;
    curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
    *cause = '\0';
    if (transfer->is_too_large)
        snprintf(cause, longest_cause, "it has more than %zu bytes", transfer->class->max_bytes);
    else if (result != CURLE_OK)
        snprintf(cause, longest_cause, "%s", transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(result));
    else if (!transfer->has_head)
        snprintf(cause, longest_cause, "the response breaks off");
    else if (status != 200)
        snprintf(cause, longest_cause, "the server answers with status %ld", status);
    else if (transfer->len == 0)
        snprintf(cause, longest_cause, "it is empty");
    return *cause == '\0';
}

static void log_entry(void *arg, gw_severity_t severity, const char *text)
{
    gw_log_later(severity == GW_ERROR ? GW_LOG_ERROR : GW_LOG_WARNING, "%s", text);
}

/* the source ------------------------------------------------------------------------------------------------------- */

static void say_failure(const gw_fetch_t *fetch, const char *cause)
{
    if (fetch->good_ms != 0)
        gw_log_later(GW_LOG_WARNING, "%s %s cannot be fetched: %s: what was fetched %llu s ago stays in use",
                     fetch->class->what, fetch->url, cause,
                     (unsigned long long)(gw_clock_ms() - fetch->good_ms) / 1000);
    else
        gw_log_later(GW_LOG_ERROR,
                     "%s %s cannot be fetched: %s: there is nothing to use yet, requests that need it"
                     " are refused",
                     fetch->class->what, fetch->url, cause);
}

/** Publishes the document unless it is the one that is there.  @return false when it is not valid */
static bool take(gw_fetch_t *fetch)
{
    transfer_t *transfer = &fetch->transfer;
    if (fetch->content != NULL && fetch->content_len == transfer->len &&
        memcmp(fetch->content, transfer->body, transfer->len) == 0)
        return true;
    gw_diag_t *diag = gw_diag_create();
    void *value = fetch->class->parse(gw_str(transfer->body, transfer->len), fetch->url, diag);
    gw_diag_each(diag, log_entry, NULL);
    gw_diag_free(diag);
    if (value == NULL)
        return false;
    gw_version_t *version = gw_version_create(value, fetch->class->free_value);
    gw_published_set(fetch->published, version);
    gw_version_unref(version);
    free(fetch->content);
    fetch->content = transfer->body;
    fetch->content_len = transfer->len;
    transfer->body = NULL;
    gw_log_later(GW_LOG_NOTICE, "%s %s was fetched%s", fetch->class->what, fetch->url,
                 fetch->good_ms != 0 ? ": it has changed" : "");
    return true;
}

static uint64_t end_transfer(gw_source_t *source, CURLcode result, uint64_t now_ms)
{
    gw_fetch_t *fetch = (gw_fetch_t *)source;
    transfer_t *transfer = &fetch->transfer;
    const gw_refresh_bounds_t bounds = {fetch->conf.min_ttl, fetch->conf.max_ttl, fetch->conf.min_interval};
    char cause[longest_cause];
    bool is_taken = is_good(transfer, result, cause);
    if (is_taken && !(is_taken = take(fetch)))
        snprintf(cause, sizeof(cause), "it is not valid");
    if (is_taken) {
        fetch->num_failures = 0;
        fetch->good_ms = now_ms;
        fetch->due_ms =
            now_ms + gw_refresh_after_success(
                         &bounds, gw_refresh_lifetime(gw_str_of(transfer->cache_control), gw_str_of(transfer->age)),
                         gw_random_next(&fetch->random));
    } else {
        say_failure(fetch, cause);
        fetch->due_ms =
            now_ms + gw_refresh_after_failure(&bounds, ++fetch->num_failures, gw_random_next(&fetch->random));
    }
    dispose(transfer);
    atomic_store(&fetch->is_failing, !is_taken);
    atomic_store(&fetch->num_ended, atomic_load(&fetch->num_started)); /* after what it brought was published */
    return now_ms;
}

static uint64_t look(gw_source_t *source, uint64_t now_ms)
{
    gw_fetch_t *fetch = (gw_fetch_t *)source;
    uint64_t num_started = atomic_load(&fetch->num_started);
    gw_published_sweep(fetch->published);
    if (fetch->transfer.handle != NULL)
        return GW_NEVER; /* its end looks again */
    bool is_wanted = atomic_load(&fetch->num_wanted) > num_started;
    uint64_t soonest_ms = num_started != 0 ? fetch->started_ms + fetch->conf.min_interval : 0;
    uint64_t due_ms = is_wanted && soonest_ms < fetch->due_ms ? soonest_ms : fetch->due_ms;
    if (due_ms > now_ms)
        return due_ms;
    fetch->started_ms = now_ms;
    atomic_store(&fetch->num_started, num_started + 1);
    if (!prepare(&fetch->transfer, fetch->class, &fetch->conf) || !gw_source_begin(source, fetch->transfer.handle))
        return end_transfer(source, CURLE_FAILED_INIT, now_ms);
    return GW_NEVER;
}

static void end(gw_source_t *source)
{
    gw_fetch_t *fetch = (gw_fetch_t *)source;
    if (fetch->transfer.handle != NULL) {
        gw_source_abandon(source, fetch->transfer.handle);
        dispose(&fetch->transfer);
    }
    atomic_store(&fetch->num_ended, UINT64_MAX); /* nobody waits for what will never come */
}

static void free_fetch(gw_source_t *source)
{
    gw_fetch_t *fetch = (gw_fetch_t *)source;
    gw_published_unref(fetch->published);
    free(fetch->content);
    free(fetch->url);
    free(fetch->ca_file);
    free(fetch);
}

static const gw_source_class_t fetch_source = {
    .look = look, .on_transfer = end_transfer, .end = end, .free = free_fetch};

static char *copy(const char *text)
{
    char *bytes = text != NULL ? strdup(text) : NULL;
    if (text != NULL && bytes == NULL)
        abort();
    return bytes;
}

gw_fetch_t *gw_fetch_start(gw_upkeep_t *upkeep, const gw_file_class_t *class, const gw_fetch_conf_t *conf,
                           gw_version_t *first)
{
    gw_fetch_t *fetch = gw_must_alloc(1, sizeof(*fetch));
    atomic_init(&fetch->num_users, 1);
    fetch->class = class;
    fetch->conf = *conf;
    fetch->conf.url = fetch->url = copy(conf->url);
    fetch->conf.ca_file = fetch->ca_file = copy(conf->ca_file);
    fetch->published = gw_published_create(first);
    fetch->good_ms = first != NULL ? gw_clock_ms() : 0;
    if (getrandom(&fetch->random, sizeof(fetch->random), 0) != (ssize_t)sizeof(fetch->random))
        abort(); /* cannot fail for so few bytes once the system has started */
    fetch->random |= 1;
    gw_source_start(&fetch->super, upkeep, &fetch_source, NULL);
    return fetch;
}

gw_fetch_t *gw_fetch_share(gw_fetch_t *fetch)
{
    atomic_fetch_add(&fetch->num_users, 1);
    return fetch;
}

gw_fetch_t *gw_fetch_stop(gw_fetch_t *fetch)
{
    if (fetch != NULL && atomic_fetch_sub(&fetch->num_users, 1) == 1)
        gw_source_stop(&fetch->super);
    return NULL;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool gw_fetch_is_for(const gw_fetch_t *fetch, const gw_fetch_conf_t *conf)
{
    const gw_fetch_conf_t *own = &fetch->conf;
    return strcmp(own->url, conf->url) == 0 && is_same_text(own->ca_file, conf->ca_file) &&
           own->timeout == conf->timeout && own->min_ttl == conf->min_ttl && own->max_ttl == conf->max_ttl &&
           own->min_interval == conf->min_interval;
}

gw_published_t *gw_fetch_published(const gw_fetch_t *fetch)
{
    return fetch->published;
}

const char *gw_fetch_url(const gw_fetch_t *fetch)
{
    return fetch->url;
}

uint64_t gw_fetch_ask(gw_fetch_t *fetch)
{
    uint64_t number = atomic_load(&fetch->num_started) + 1, wanted = atomic_load(&fetch->num_wanted);
    while (wanted < number)
        if (atomic_compare_exchange_weak(&fetch->num_wanted, &wanted, number)) {
            gw_source_hurry(&fetch->super); /* only the first one who wants it wakes the thread */
            break;
        }
    return number;
}

bool gw_fetch_has_come(const gw_fetch_t *fetch, uint64_t number)
{
    return atomic_load(&fetch->num_ended) >= number;
}

bool gw_fetch_is_failing(const gw_fetch_t *fetch)
{
    return atomic_load(&fetch->is_failing);
}

gw_version_t *gw_fetch_once(const gw_file_class_t *class, const gw_fetch_conf_t *conf, gw_diag_t *diag)
{
    transfer_t transfer;
    char cause[longest_cause] = "libcurl cannot be set up";
    void *value = NULL;
    if (prepare(&transfer, class, conf) && is_good(&transfer, curl_easy_perform(transfer.handle), cause))
        value = class->parse(gw_str(transfer.body, transfer.len), conf->url, diag);
    if (*cause != '\0')
        gw_diag_error(diag, conf->at, NULL, "%s %s cannot be fetched: %s", class->what, conf->url, cause);
    dispose(&transfer);
    return value != NULL ? gw_version_create(value, class->free_value) : NULL;
}
