/* SPDX-License-Identifier: MIT
 * The gateway under test and its clients. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "gateway/base/clock.h"
#include "tests/support/gateway.h"

const char *const transport_names[NUM_TRANSPORTS] = {"HTTP/1.1", "HTTP/1.1 over TLS", "HTTP/2"};

static void fail(const char *what)
{
    fprintf(stderr, "test set-up: %s: %s\n", what, strerror(errno));
    abort();
}

/* the gateway ------------------------------------------------------------------------------------------------------ */

static FILE *open_in(const char *folder, const char *stem, const char *ending)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s%s", folder, stem, ending);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        fail(path);
    chmod(path, 0600);
    return file;
}

void certificate_make(const char *folder, const char *stem, const char *name)
{
    static long serial = 1;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    char names[256];
    snprintf(names, sizeof(names), "DNS:%s,IP:127.0.0.1", name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, key, EVP_sha256());
    FILE *file = open_in(folder, stem, ".crt");
    PEM_write_X509(file, certificate);
    fclose(file);
    file = open_in(folder, stem, ".key");
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void write_conf(gateway_t *gateway, const char *conf, va_list args)
{
    char path[600];
    snprintf(path, sizeof(path), "%s.new", gateway->conf);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        fail(path);
    vfprintf(file, conf, args);
    fclose(file);
    if (rename(path, gateway->conf) != 0)
        fail(gateway->conf);
}

void gateway_write_conf(gateway_t *gateway, const char *conf, ...)
{
    va_list args;
    va_start(args, conf);
    write_conf(gateway, conf, args);
    va_end(args);
}

gateway_t *gateway_start(const char *conf, ...)
{
    gateway_t *gateway = calloc(1, sizeof(*gateway));
    signal(SIGPIPE, SIG_IGN); /* the gateway closes on whom it refuses */
    char folder[] = "/tmp/sluice-test-XXXXXX", path[512];
    if (mkdtemp(folder) == NULL)
        fail(folder);
    gateway->folder = strdup(folder);
    snprintf(path, sizeof(path), "%s/sluice.yaml", folder);
    gateway->conf = strdup(path);
    certificate_make(folder, "server", "localhost");
    va_list args;
    va_start(args, conf);
    write_conf(gateway, conf, args);
    va_end(args);
    const char *program = getenv("SLUICE");
    const char *const argv[] = {program != NULL ? program : "gateway/sluice", "run", "-c", gateway->conf, NULL};
    gateway->process = process_start(argv);
    free(process_wait_for(gateway->process, "ready:", 1));
    for (size_t i = 1; i <= process_count(gateway->process, "listening on http"); ++i) {
        char *line = process_wait_for(gateway->process, "listening on http", i);
        gateway->ports[gateway->num_ports++] = atoi(strrchr(line, ':') + 1);
        free(line);
    }
    return gateway;
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    return remove(path);
}

void gateway_reload(gateway_t *gateway, size_t nth)
{
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", nth));
}

void gateway_stop(gateway_t *gateway)
{
    process_signal(gateway->process, SIGTERM);
    gateway_end(gateway);
}

void gateway_end(gateway_t *gateway)
{
    int status = process_end(gateway->process);
    nftw(gateway->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(gateway->folder);
    free(gateway->conf);
    free(gateway);
    if (status != 0) {
        fprintf(stderr, "the gateway ended with %d instead of 0\n", status);
        abort();
    }
}

/* clients ---------------------------------------------------------------------------------------------------------- */

struct client {
    CURL *curl;
    CURLM *multi; /* keeps the connections, and can be woken by who lets the client leave */
    transport_t transport;
    int port;
    const char *certificate, *key; /* NULL: none */
    bool has_sent;                 /* the head of the request under way */
    atomic_bool is_leaving;        /* what is under way is given up */
};

client_t *client_create(const gateway_t *gateway, transport_t transport)
{
    client_t *client = calloc(1, sizeof(*client));
    client->curl = curl_easy_init();
    client->multi = curl_multi_init();
    client->transport = transport;
    client->port = gateway->ports[transport == OVER_HTTP1 ? 0 : 1];
    return client;
}

void client_use_certificate(client_t *client, const char *certificate, const char *key)
{
    client->certificate = certificate;
    client->key = key;
}

void client_free(client_t *client)
{
    curl_easy_cleanup(client->curl);
    curl_multi_cleanup(client->multi);
    free(client);
}

typedef struct text {
    char *bytes;
    size_t len, room;
} text_t;

static size_t append(char *bytes, size_t size, size_t num, void *arg)
{
    text_t *text = arg;
    if (text->len + size * num >= text->room) /* doubled: under sanitizers each time copies all of it */
        text->bytes = realloc(text->bytes, text->room = 2 * (text->len + size * num) + 1);
    memcpy(text->bytes + text->len, bytes, size * num);
    text->len += size * num;
    text->bytes[text->len] = '\0';
    return size * num;
}

typedef struct upload {
    const char *bytes;
    size_t left;
} upload_t;

static size_t read_upload(char *dst, size_t size, size_t num, void *arg)
{
    upload_t *upload = arg;
    size_t len = size * num < upload->left ? size * num : upload->left;
    memcpy(dst, upload->bytes, len);
    upload->bytes += len;
    upload->left -= len;
    return len;
}

static int note_head(CURL *curl, curl_infotype type, char *bytes, size_t len, void *arg)
{
    client_t *client = arg;
    client->has_sent = client->has_sent || type == CURLINFO_HEADER_OUT;
    return 0;
}

/** Until there is an answer, or the client leaves, or it has waited for so long since it sent the request. */
static CURLcode perform(client_t *client, uint64_t timeout_ms)
{
    CURLcode result = CURLE_OK;
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    int num_running, num_left;
    client->has_sent = false;
    curl_multi_add_handle(client->multi, client->curl);
    for (bool had_sent = false; result == CURLE_OK;) {
        curl_multi_perform(client->multi, &num_running);
        uint64_t now_ms = gw_clock_ms();
        if (client->has_sent && !had_sent)
            until_ms = now_ms + timeout_ms;
        had_sent = client->has_sent;
        if (num_running == 0)
            break;
        if (atomic_load(&client->is_leaving))
            result = CURLE_ABORTED_BY_CALLBACK;
        else if (now_ms >= until_ms)
            result = CURLE_OPERATION_TIMEDOUT;
        else
            curl_multi_poll(client->multi, NULL, 0, (int)(until_ms - now_ms), NULL);
    }
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &num_left)) != NULL;)
        if (message->msg == CURLMSG_DONE)
            result = message->data.result;
    curl_multi_remove_handle(client->multi, client->curl);
    return result;
}

reply_t client_send(client_t *client, const request_t *request)
{
    CURL *curl = client->curl;
    text_t head = {calloc(1, 1), 0, 1}, body = {calloc(1, 1), 0, 1};
    reply_t reply = {0};
    char url[4096];
    bool is_tls = client->transport != OVER_HTTP1;
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", is_tls ? "https" : "http", client->port, request->path);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    if (client->certificate != NULL) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, client->certificate);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, client->key);
    }
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, note_head);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, client);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     client->transport == OVER_HTTP2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    struct curl_slist *headers = NULL;
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; ++i)
        headers = curl_slist_append(headers, request->headers[i]);
    upload_t upload = {request->body, request->body == NULL
                                          ? 0
                                          : (request->body_len != 0 ? request->body_len : strlen(request->body))};
    if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_upload);
        curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
        if (request->is_chunked)
            headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
        else
            curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)upload.left);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (request->method != NULL && strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (request->method != NULL)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    reply.error = (int)perform(client, request->timeout_ms != 0 ? (uint64_t)request->timeout_ms : DEADLINE_MS);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &reply.num_connects);
    curl_slist_free_all(headers);
    reply.status = (int)status;
    reply.head = head.bytes;
    reply.body = body.bytes;
    reply.body_len = body.len;
    return reply;
}

reply_t fetch(const gateway_t *gateway, transport_t transport, const request_t *request)
{
    client_t *client = client_create(gateway, transport);
    reply_t reply = client_send(client, request);
    client_free(client);
    return reply;
}

reply_t fetch_path(const gateway_t *gateway, transport_t transport, const char *path)
{
    return fetch(gateway, transport, &(request_t){.path = path});
}

struct pending {
    pthread_t thread;
    client_t *client;
    request_t request;
    reply_t reply;
};

static void *run_pending(void *arg)
{
    pending_t *pending = arg;
    pending->reply = client_send(pending->client, &pending->request);
    return NULL;
}

pending_t *fetch_later(const gateway_t *gateway, transport_t transport, const request_t *request)
{
    pending_t *pending = calloc(1, sizeof(*pending));
    pending->client = client_create(gateway, transport);
    pending->request = *request;
    if (pthread_create(&pending->thread, NULL, run_pending, pending) != 0)
        fail("pthread_create");
    return pending;
}

reply_t pending_wait(pending_t *pending)
{
    pthread_join(pending->thread, NULL);
    reply_t reply = pending->reply;
    client_free(pending->client);
    free(pending);
    return reply;
}

reply_t pending_leave(pending_t *pending)
{
    atomic_store(&pending->client->is_leaving, true);
    curl_multi_wakeup(pending->client->multi);
    return pending_wait(pending);
}

void reply_free(reply_t *reply)
{
    free(reply->head);
    free(reply->body);
    *reply = (reply_t){0};
}

char *reply_field(const reply_t *reply, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = reply->head; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        if (*line == '\n')
            ++line;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            line += len + 1;
            line += strspn(line, " \t");
            return strndup(line, strcspn(line, "\r\n"));
        }
    }
    return NULL;
}

/* raw sockets ------------------------------------------------------------------------------------------------------ */

int raw_connect(int port)
{
    return raw_connect_with_buffer(port, 0);
}

int raw_connect_with_buffer(int port, int bytes)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bytes != 0) /* before connect, which announces it */
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("connect");
    return fd;
}

void raw_write(int fd, const char *bytes, size_t len)
{
    while (len != 0) {
        ssize_t written = send(fd, bytes, len, MSG_NOSIGNAL);
        if (written <= 0)
            return; /* the peer has closed; what it answered tells the rest */
        bytes += written;
        len -= (size_t)written;
    }
}

char *raw_read(int fd, const char *until, bool *ret_is_closed)
{
    text_t text = {calloc(1, 1), 0, 1};
    bool is_closed = false;
    uint64_t deadline = gw_clock_ms() + DEADLINE_MS;
    while (until == NULL || strstr(text.bytes, until) == NULL) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int64_t left = (int64_t)(deadline - gw_clock_ms());
        if (left <= 0 || poll(&poll_fd, 1, (int)left) <= 0)
            break;
        char bytes[16384];
        ssize_t len = recv(fd, bytes, sizeof(bytes), 0);
        if (len <= 0) {
            is_closed = true;
            break;
        }
        append(bytes, 1, (size_t)len, &text);
    }
    if (ret_is_closed != NULL)
        *ret_is_closed = is_closed;
    return text.bytes;
}

const char *curl_error(int error)
{
    return curl_easy_strerror((CURLcode)error);
}

int ask_by_unix_socket(const char *path, const char *header)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd == -1 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("connect");
    char request[256];
    int len = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n", header);
    raw_write(fd, request, (size_t)len);
    bool is_closed;
    char *reply = raw_read(fd, NULL, &is_closed);
    if (sscanf(reply, "HTTP/1.1 %d ", &status) != 1)
        status = 0;
    free(reply);
    close(fd);
    return status;
}
