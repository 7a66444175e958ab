/* SPDX-License-Identifier: MIT
 * Accepting. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "gateway/observe/log.h"
#include "gateway/server/accept.h"
#include "gateway/server/http1.h"
#include "gateway/server/http2.h"
#include "gateway/server/tls.h"
#include "gateway/server/tls_client.h"

/* requests given up; a browser that leaves a busy page gives up some dozens */
#define PATIENCE 200
/* so that a flood of connections does not starve those that are open */
#define ACCEPTS_PER_TURN 16
/* out of descriptors or memory: the socket stays readable, so polling it would spin */
#define RETRY_AFTER_ERROR_MS 100
#define CLOSE_MS             2000 /* for close_notify to leave */
/* lines that each worker writes about refused certificates */
#define REFUSALS_PER_SPAN 5
#define REFUSALS_SPAN_MS  10000

/** A client socket, whoever serves it; freed when the socket is closed. */
typedef struct accepted {
    gw_worker_t *worker;
    h2o_socket_t *sock;
    h2o_linklist_t link;
    gw_timer_t handshake_timer;
    bool is_closing;
    gw_client_certificate_t *certificate; /* NULL: the client has shown none */
    gw_peer_t peer;
    uint64_t progress_ms;      /* when the client last took a piece of a response (HTTP/2) */
    int patience;              /* requests that may still be given up, see gw_accept_note_end */
    gw_view_t *handshake_view; /* pinned while the handshake runs: libh2o holds its SSL_CTX by a bare pointer */
} accepted_t;

static void pause_accepting(gw_worker_t *worker)
{
    if (!worker->is_accepting)
        return;
    worker->is_accepting = false;
    for (size_t i = 0; i != worker->num_listeners; ++i)
        h2o_socket_read_stop(worker->listeners[i].sock);
}

static void on_acceptable(h2o_socket_t *sock, const char *err);

static void resume_accepting(gw_worker_t *worker)
{
    if (worker->is_accepting || worker->is_draining)
        return;
    worker->is_accepting = true;
    for (size_t i = 0; i != worker->num_listeners; ++i)
        h2o_socket_read_start(worker->listeners[i].sock, on_acceptable);
}

static void on_accept_expiry(gw_timer_t *timer)
{
    resume_accepting(H2O_STRUCT_FROM_MEMBER(gw_worker_t, accept_timer, timer));
}

/** This worker's share of the limit; at least one. */
static size_t max_accepted(const gw_worker_t *worker)
{
    const gw_snapshot_t *snapshot = worker->view->snapshot;
    size_t share = (size_t)((snapshot->limits.connections + snapshot->workers - 1) / snapshot->workers);
    return share != 0 ? share : 1;
}

static void end_handshake(accepted_t *accepted)
{
    gw_timer_stop(&accepted->handshake_timer);
    if (accepted->handshake_view != NULL)
        gw_view_unref(accepted->handshake_view);
    accepted->handshake_view = NULL;
}

static void on_close(void *data)
{
    accepted_t *accepted = data;
    gw_worker_t *worker = accepted->worker;
    end_handshake(accepted);
    h2o_linklist_unlink(&accepted->link);
    gw_timer_dispose(&worker->timers, &accepted->handshake_timer);
    gw_client_certificate_free(accepted->certificate);
    free(accepted);
    --worker->num_accepted;
    if (!worker->is_accepting && !gw_timer_is_set(&worker->accept_timer))
        resume_accepting(worker);
}

/** The handshake took too long, the client does not leave although it should, or close_notify does not because the
 * client reads nothing. */
static void on_handshake_expiry(gw_timer_t *timer)
{
    accepted_t *accepted = H2O_STRUCT_FROM_MEMBER(accepted_t, handshake_timer, timer);
    if (accepted->is_closing)
        shutdown(h2o_socket_get_fd(accepted->sock), SHUT_RDWR); /* libh2o's write fails and it lets go */
    else
        h2o_socket_close(accepted->sock);
}

void gw_accept_close(h2o_socket_t *sock)
{
    accepted_t *accepted = sock->on_close.data;
    gw_worker_t *worker = accepted->worker;
    accepted->is_closing = true;
    if (sock->ssl != NULL)
        gw_timer_set(&worker->timers, &accepted->handshake_timer, gw_worker_now_ms(worker) + CLOSE_MS);
    h2o_socket_close(sock); /* accepted may be gone */
}

/** The certificate of a client, from OpenSSL's callback at the end of the handshake. */
static void on_certificate(void *transport, gw_client_certificate_t *certificate)
{
    h2o_socket_t *sock = transport;
    accepted_t *accepted = sock->on_close.data;
    gw_client_certificate_free(accepted->certificate);
    accepted->certificate = certificate;
}

static void log_refusal(accepted_t *accepted)
{
    gw_worker_t *worker = accepted->worker;
    char why[GW_TLS_REFUSAL_MAX], client[NI_MAXHOST] = "unix", more[64] = "";
    uint64_t num_held;
    if (!gw_tls_client_take_refusal(why) ||
        !gw_rate_gate_pass(&worker->refusals, REFUSALS_PER_SPAN, REFUSALS_SPAN_MS, gw_worker_now_ms(worker), &num_held))
        return;
    struct sockaddr_storage address;
    socklen_t len = h2o_socket_getpeername(accepted->sock, (struct sockaddr *)&address);
    if (len != 0 && address.ss_family != AF_UNIX)
        getnameinfo((struct sockaddr *)&address, len, client, sizeof(client), NULL, 0, NI_NUMERICHOST);
    if (num_held != 0)
        snprintf(more, sizeof(more), " (and %llu more before)", (unsigned long long)num_held);
    gw_log_later(GW_LOG_NOTICE, "client certificate refused: %s: %s%s", client, why, more);
}

static void on_last_words(h2o_socket_t *sock, const char *err)
{
    h2o_socket_close(sock);
}

/** libh2o throws the alert of a failed handshake away; the client deserves to know why.  A client of TLS 1.3 has sent
 * its first request before it knows that its certificate is refused: closing at once would answer that with a reset,
 * which may overtake the alert. */
static void end_with_alert(accepted_t *accepted)
{
    gw_worker_t *worker = accepted->worker;
    int fd = h2o_socket_get_fd(accepted->sock);
    uint8_t alert[GW_TLS_ALERT_MAX];
    size_t len = gw_tls_take_alert(alert);
    log_refusal(accepted);
    if (len == 0 || send(fd, alert, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len || shutdown(fd, SHUT_WR) != 0) {
        h2o_socket_close(accepted->sock);
        return;
    }
    gw_timer_set(&worker->timers, &accepted->handshake_timer, gw_worker_now_ms(worker) + CLOSE_MS);
    h2o_socket_read_start(accepted->sock, on_last_words);
}

static void on_handshake(h2o_socket_t *sock, const char *err)
{
    accepted_t *accepted = sock->on_close.data;
    if (err != NULL) {
        end_with_alert(accepted);
        return;
    }
    end_handshake(accepted);
    h2o_iovec_t protocol = h2o_socket_ssl_get_selected_protocol(sock);
    if (protocol.len == 2 && memcmp(protocol.base, "h2", 2) == 0)
        gw_http2_accept(accepted->worker, sock);
    else
        gw_http1_accept(accepted->worker, sock);
}

static void serve(gw_worker_t *worker, const gw_listener_conf_t *conf, h2o_socket_t *sock)
{
    accepted_t *accepted = h2o_mem_alloc(sizeof(*accepted));
    *accepted = (accepted_t){.worker = worker, .sock = sock, .patience = PATIENCE};
    struct sockaddr_storage address;
    socklen_t len = h2o_socket_getpeername(sock, (struct sockaddr *)&address);
    gw_peer_read(&accepted->peer, len != 0 ? (const struct sockaddr *)&address : NULL);
    gw_timer_init(&accepted->handshake_timer, on_handshake_expiry);
    h2o_linklist_insert(&worker->accepted, &accepted->link);
    ++worker->num_accepted;
    sock->on_close.cb = on_close;
    sock->on_close.data = accepted;
    if (conf->tls == NULL) {
        gw_http1_accept(worker, sock);
        return;
    }
    accepted->handshake_view = worker->view;
    gw_view_ref(worker->view);
    gw_timer_set(&worker->timers, &accepted->handshake_timer,
                 gw_worker_now_ms(worker) + worker->view->snapshot->timeouts.handshake);
    h2o_socket_ssl_handshake(sock, gw_tls_context(conf->tls), NULL, on_handshake);
}

static void on_acceptable(h2o_socket_t *listener, const char *err)
{
    gw_listener_socket_t *self = listener->data;
    gw_worker_t *worker = self->worker;
    if (err != NULL)
        return;
    for (size_t i = 0; i != ACCEPTS_PER_TURN; ++i) {
        if (worker->num_accepted >= max_accepted(worker)) {
            pause_accepting(worker); /* the rest waits in the kernel's queue until one closes */
            return;
        }
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (sock == NULL) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                gw_log(GW_LOG_WARNING, "worker %zu: cannot accept: %s", worker->index, strerror(errno));
                pause_accepting(worker);
                gw_timer_set(&worker->timers, &worker->accept_timer, gw_worker_now_ms(worker) + RETRY_AFTER_ERROR_MS);
            }
            return;
        }
        serve(worker, worker->view->listeners[self->index], sock);
    }
}

void gw_accept_bind_view(gw_worker_t *worker)
{
    gw_view_t *view = worker->view;
    view->listeners = calloc(worker->num_listeners + 1, sizeof(*view->listeners));
    if (view->listeners == NULL)
        abort();
    for (size_t i = 0; i != worker->num_listeners; ++i) {
        for (size_t k = 0; k != view->snapshot->num_listeners; ++k)
            if (strcmp(view->snapshot->listeners[k].address, worker->listeners[i].address) == 0)
                view->listeners[i] = &view->snapshot->listeners[k];
        assert(view->listeners[i] != NULL); /* the control thread publishes nothing else */
    }
}

void gw_accept_start(gw_worker_t *worker, const int *fds)
{
    const gw_snapshot_t *snapshot = worker->view->snapshot;
    worker->num_listeners = snapshot->num_listeners;
    worker->listeners = calloc(worker->num_listeners + 1, sizeof(*worker->listeners));
    if (worker->listeners == NULL)
        abort();
    gw_timer_init(&worker->accept_timer, on_accept_expiry);
    gw_tls_client_set_sink(on_certificate);
    for (size_t i = 0; i != worker->num_listeners; ++i) {
        gw_listener_socket_t *listener = &worker->listeners[i];
        *listener = (gw_listener_socket_t){
            .worker = worker,
            .index = i,
            .address = h2o_strdup(NULL, snapshot->listeners[i].address, SIZE_MAX).base,
            .sock = h2o_evloop_socket_create(worker->context.loop, fds[i], H2O_SOCKET_FLAG_DONT_READ),
        };
        listener->sock->data = listener;
    }
    gw_accept_bind_view(worker);
    resume_accepting(worker);
}

void gw_accept_stop(gw_worker_t *worker)
{
    /* whoever the kernel has connected already is served: closing the socket would reset them */
    if (worker->is_draining)
        for (size_t i = 0; i != worker->num_listeners; ++i)
            for (size_t before = SIZE_MAX; worker->is_accepting && before != worker->num_accepted;) {
                before = worker->num_accepted;
                on_acceptable(worker->listeners[i].sock, NULL);
            }
    worker->is_accepting = false;
    gw_timer_dispose(&worker->timers, &worker->accept_timer);
    for (size_t i = 0; i != worker->num_listeners; ++i) {
        if (worker->listeners[i].sock != NULL)
            h2o_socket_close(worker->listeners[i].sock);
        worker->listeners[i].sock = NULL;
    }
}

void gw_accept_cut_all(gw_worker_t *worker)
{
    for (h2o_linklist_t *node = worker->accepted.next; node != &worker->accepted; node = node->next) {
        accepted_t *accepted = H2O_STRUCT_FROM_MEMBER(accepted_t, link, node);
        shutdown(h2o_socket_get_fd(accepted->sock), SHUT_RDWR);
    }
}

void gw_accept_dispose(gw_worker_t *worker)
{
    gw_accept_stop(worker);
    for (size_t i = 0; i != worker->num_listeners; ++i)
        free(worker->listeners[i].address);
    free(worker->listeners);
}

void gw_accept_note_end(h2o_socket_t *sock, bool is_abandoned)
{
    accepted_t *accepted = sock->on_close.data;
    if (!is_abandoned) {
        accepted->progress_ms = gw_worker_now_ms(accepted->worker);
        if (accepted->patience > 0 && accepted->patience < PATIENCE)
            ++accepted->patience;
    } else if (--accepted->patience == 0) {
        shutdown(h2o_socket_get_fd(sock), SHUT_RDWR); /* libh2o closes it when it notices */
    }
}

const gw_peer_t *gw_accept_peer(const h2o_socket_t *sock)
{
    const accepted_t *accepted = sock->on_close.data;
    return &accepted->peer;
}

const gw_client_certificate_t *gw_accept_certificate(const h2o_socket_t *sock)
{
    const accepted_t *accepted = sock->on_close.data;
    return accepted->certificate;
}

void gw_accept_end_soon(h2o_socket_t *sock)
{
    accepted_t *accepted = sock->on_close.data;
    gw_worker_t *worker = accepted->worker;
    if (gw_timer_is_set(&accepted->handshake_timer))
        return;
    accepted->is_closing = true;
    gw_timer_set(&worker->timers, &accepted->handshake_timer, gw_worker_now_ms(worker) + CLOSE_MS);
}

bool gw_accept_is_out_of_patience(const h2o_socket_t *sock)
{
    const accepted_t *accepted = sock->on_close.data;
    return accepted->patience <= 0;
}

void gw_accept_note_progress(h2o_socket_t *sock)
{
    accepted_t *accepted = sock->on_close.data;
    accepted->progress_ms = gw_worker_now_ms(accepted->worker);
}

bool gw_accept_cut_if_stuck(h2o_socket_t *sock, uint64_t timeout_ms)
{
    accepted_t *accepted = sock->on_close.data;
    if (gw_worker_now_ms(accepted->worker) - accepted->progress_ms < timeout_ms)
        return false;
    shutdown(h2o_socket_get_fd(sock), SHUT_RDWR);
    return true;
}
