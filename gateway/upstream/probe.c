/* SPDX-License-Identifier: MIT
 * Health checks with libcurl. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "gateway/base/memory.h"
#include "gateway/upstream/probe.h"

struct gw_probe {
    CURLM *multi;
    CURL *handle;
    gw_member_t *member;
    const gw_health_check_conf_t *conf;
    struct curl_slist *fields, *resolve;
    char *body; /* NULL unless it is looked at */
    size_t body_len;
    bool has_head;   /* all of it: libcurl is content with less when the connection ends */
    bool is_decided; /* the transfer was ended because enough is known */
    char error[CURL_ERROR_SIZE];
};

static long status_of(const gw_probe_t *probe)
{
    long status = 0;
    curl_easy_getinfo(probe->handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool has_text(const gw_probe_t *probe)
{
    const char *wanted = probe->conf->body;
    return wanted == NULL ||
           (probe->body != NULL && memmem(probe->body, probe->body_len, wanted, strlen(wanted)) != NULL);
}

static size_t on_head_line(char *bytes, size_t size, size_t num, void *arg)
{
    gw_probe_t *probe = arg;
    size_t len = size * num;
    probe->has_head = (len == 2 && memcmp(bytes, "\r\n", 2) == 0) || (len == 1 && *bytes == '\n');
    return len;
}

/** The body comes: ends the transfer as soon as the verdict stands. */
static size_t on_body(char *bytes, size_t size, size_t num, void *arg)
{
    gw_probe_t *probe = arg;
    size_t len = size * num, room = GW_PROBE_MAX_BODY - probe->body_len;
    if (probe->body != NULL) {
        memcpy(probe->body + probe->body_len, bytes, len < room ? len : room);
        probe->body_len += len < room ? len : room;
        if (!has_text(probe) && probe->body_len != GW_PROBE_MAX_BODY)
            return len;
    }
    probe->is_decided = true;
    return 0;
}

/** Addresses that the resolver knows, as libcurl wants them: "host:port:address,address". */
static void set_addresses(gw_probe_t *probe, const gw_endpoint_t *endpoint)
{
    gw_address_t addresses[GW_ENDPOINT_MAX_ADDRESSES];
    size_t num = gw_endpoint_addresses((gw_endpoint_t *)endpoint, addresses);
    char text[512 + GW_ENDPOINT_MAX_ADDRESSES * (INET6_ADDRSTRLEN + 3)], address[INET6_ADDRSTRLEN];
    int len = snprintf(text, sizeof(text), "%s:%u:", endpoint->host, endpoint->port);
    for (size_t i = 0; i != num; ++i) {
        const gw_address_t *at = &addresses[i];
        bool is_ipv6 = at->sockaddr.any.sa_family == AF_INET6;
        const void *bytes = is_ipv6 ? (const void *)&at->sockaddr.in6.sin6_addr : &at->sockaddr.in.sin_addr;
        inet_ntop(at->sockaddr.any.sa_family, bytes, address, sizeof(address));
        len +=
            snprintf(text + len, sizeof(text) - (size_t)len, is_ipv6 ? "%s[%s]" : "%s%s", i != 0 ? "," : "", address);
    }
    probe->resolve = curl_slist_append(NULL, text);
    curl_easy_setopt(probe->handle, CURLOPT_RESOLVE, probe->resolve);
}

static void set_request(gw_probe_t *probe)
{
    const gw_health_check_conf_t *conf = probe->conf;
    CURL *handle = probe->handle;
    if (conf->is_tcp) {
        curl_easy_setopt(handle, CURLOPT_CONNECT_ONLY, 1L);
        return;
    }
    if (conf->method == GW_HEALTH_HEAD)
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    else if (conf->method == GW_HEALTH_OPTIONS)
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "OPTIONS");
    if (conf->host != NULL) {
        char field[300];
        snprintf(field, sizeof(field), "Host: %s", conf->host);
        probe->fields = curl_slist_append(probe->fields, field);
    }
    probe->fields = curl_slist_append(probe->fields, "Connection: close");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, probe->fields);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "sluice-health-check");
    if (conf->body != NULL)
        probe->body = gw_must_alloc(1, GW_PROBE_MAX_BODY);
}

gw_probe_t *gw_probe_start(CURLM *multi, gw_member_t *member, const gw_health_check_conf_t *conf)
{
    const gw_endpoint_t *endpoint = member->endpoint;
    gw_probe_t *probe = gw_must_alloc(1, sizeof(*probe));
    char url[2048];
    probe->multi = multi;
    probe->conf = conf;
    probe->member = gw_member_ref(member);
    if ((probe->handle = curl_easy_init()) == NULL)
        return gw_probe_free(probe);
    CURL *handle = probe->handle;
    snprintf(url, sizeof(url), "http://%s%s", endpoint->authority, conf->path);
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, probe);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)conf->timeout);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, probe->error);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, probe);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, probe);
    set_request(probe);
    if (endpoint->host == NULL)
        curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, endpoint->addresses[0].sockaddr.un.sun_path);
    else if (endpoint->is_name)
        set_addresses(probe, endpoint); /* with none the check fails, as a request would */
    if (curl_multi_add_handle(multi, handle) != CURLM_OK)
        return gw_probe_free(probe);
    return probe;
}

bool gw_probe_finish(gw_probe_t *probe, CURLcode result, char *cause)
{
    bool is_ended_by_us = result == CURLE_WRITE_ERROR && probe->is_decided;
    *cause = '\0';
    if (result != CURLE_OK && !is_ended_by_us) {
        snprintf(cause, GW_PROBE_MAX_CAUSE, "%s", probe->error[0] != '\0' ? probe->error : curl_easy_strerror(result));
        return false;
    }
    if (probe->conf->is_tcp)
        return true;
    long status = status_of(probe);
    if (!probe->has_head) {
        snprintf(cause, GW_PROBE_MAX_CAUSE, "the response breaks off within its head");
        return false;
    }
    if (!gw_status_set_has(&probe->conf->status_set, (unsigned)status)) {
        snprintf(cause, GW_PROBE_MAX_CAUSE, "status %ld", status);
        return false;
    }
    if (!has_text(probe)) {
        snprintf(cause, GW_PROBE_MAX_CAUSE, "the body lacks '%s'", probe->conf->body);
        return false;
    }
    return true;
}

gw_probe_t *gw_probe_free(gw_probe_t *probe)
{
    if (probe == NULL)
        return NULL;
    if (probe->handle != NULL) {
        curl_multi_remove_handle(probe->multi, probe->handle);
        curl_easy_cleanup(probe->handle);
    }
    curl_slist_free_all(probe->fields);
    curl_slist_free_all(probe->resolve);
    gw_member_unref(probe->member);
    free(probe->body);
    free(probe);
    return NULL;
}

gw_probe_t *gw_probe_of(CURL *handle)
{
    char *probe = NULL;
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, &probe);
    return (gw_probe_t *)probe;
}

gw_member_t *gw_probe_member(const gw_probe_t *probe)
{
    return probe->member;
}
