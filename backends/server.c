/* SPDX-License-Identifier: MIT
 * Listening, the loop, the stop. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <h2o.h>
#include <h2o/http1.h>
#include "backends/services.h"

#define MAX_WAIT_MS     10000
#define ACCEPT_BATCH    64
#define ACCEPT_PAUSE_MS 100
#define BACKLOG         4096
#define CUT_TURNS       100 /* turns of at most 10 ms in which cut connections are taken down */

uint64_t gw_demo_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t gw_demo_now_ms(void)
{
    return gw_demo_now_us() / 1000;
}

/* listening ----------------------------------------------------------------------------------------------------------
 */

static int say_why(const char *what, const char *why)
{
    fprintf(stderr, "sluice-demo: cannot listen on %s: %s\n", what, why);
    return -1;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return say_why(path, strerror(errno));
    strcpy(address.sun_path, path);
    /* what a process that died has left is in the way; what one that lives listens on is not ours to take */
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == ECONNREFUSED)
        unlink(path);
    close(fd);
    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
        return say_why(path, strerror(errno));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 || listen(fd, BACKLOG) == -1) {
        say_why(path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static int listen_tcp(const gw_demo_address_t *address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *all;
    char port[8];
    snprintf(port, sizeof(port), "%u", address->port);
    int error = getaddrinfo(address->host, port, &hints, &all);
    if (error != 0)
        return say_why(address->host, error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
    int fd = -1, why = 0, on = 1;
    for (struct addrinfo *at = all; at != NULL && fd == -1; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
        if (fd != -1 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
            bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
            break;
        why = errno;
        if (fd != -1)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(all);
    return fd != -1 ? fd : say_why(address->host, strerror(why));
}

static int find_address(gw_demo_server_t *server, int fd)
{
    const gw_demo_address_t *asked = &server->options->listen;
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (asked->is_unix) {
        snprintf(server->address, sizeof(server->address), "unix:%s", asked->path);
        return 0;
    }
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return say_why(asked->host, "its address cannot be read");
    snprintf(server->address, sizeof(server->address), address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

/* accepting ----------------------------------------------------------------------------------------------------------
 */

static void on_connection(h2o_socket_t *listener, const char *err)
{
    gw_demo_server_t *server = listener->data;
    for (size_t i = 0; err == NULL && i != ACCEPT_BATCH; ++i) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (sock == NULL) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                /* the connection stays in the queue and would wake the loop without end */
                h2o_socket_read_stop(listener);
                gw_timer_set(&server->timers, &server->accept_again, gw_demo_now_ms() + ACCEPT_PAUSE_MS);
            }
            return;
        }
        h2o_http1_accept(&server->accept, sock, *h2o_get_timestamp(&server->context, NULL, NULL));
    }
}

static void on_accept_again(gw_timer_t *timer)
{
    gw_demo_server_t *server = H2O_STRUCT_FROM_MEMBER(gw_demo_server_t, accept_again, timer);
    gw_demo_timer_fired(server);
    if (server->listener != NULL)
        h2o_socket_read_start(server->listener, on_connection);
}

/* stopping -----------------------------------------------------------------------------------------------------------
 */

static void on_signal(h2o_socket_t *sock, const char *err)
{
    gw_demo_server_t *server = sock->data;
    struct signalfd_siginfo info;
    while (read(h2o_socket_get_fd(sock), &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            server->service->hangup(server);
            continue;
        }
        if (server->is_stopping) {
            server->stop_by_ms = 0;
            continue;
        }
        server->is_stopping = true;
        server->stop_by_ms = gw_demo_now_ms() + GW_DEMO_STOP_MS;
        server->context.shutdown_requested = 1; /* answers say Connection: close from now on */
        h2o_socket_close(server->listener);
        server->listener = NULL;
        gw_echo_websockets_stop(server);
    }
}

static bool is_done(const gw_demo_server_t *server)
{
    if (!server->is_stopping)
        return false;
    return (server->num_in_flight == 0 && h2o_linklist_is_empty((h2o_linklist_t *)&server->websockets)) ||
           gw_demo_now_ms() >= server->stop_by_ms;
}

static void turn(gw_demo_server_t *server, uint64_t max_wait_ms)
{
    /* a write that completes within a timer's callback is found by the loop's next turn only, which must not sleep then
     */
    uint64_t wait_ms = server->is_turn_due ? 0 : gw_timer_wheel_wait(&server->timers, gw_demo_now_ms(), max_wait_ms);
    server->is_turn_due = false;
    if (h2o_evloop_run(server->context.loop, (int32_t)wait_ms) != 0 && errno != EINTR)
        h2o_fatal("the event loop failed");
    gw_timer_wheel_run(&server->timers, gw_demo_now_ms());
}

static int cut_request(h2o_req_t *req, void *arg)
{
    gw_demo_request_cut(req);
    return 0;
}

/** Ends the connections that are left, so that all memory can be given back.  @return whether none is left */
static bool cut_connections(gw_demo_server_t *server)
{
    h2o_context_t *context = &server->context;
    context->globalconf->http1.callbacks.foreach_request(context, cut_request, NULL);
    for (size_t i = 0; i != CUT_TURNS &&
                       !(h2o_linklist_is_empty(&context->http1._conns) && h2o_linklist_is_empty(&server->websockets));
         ++i)
        turn(server, 10);
    return h2o_linklist_is_empty(&context->http1._conns) && h2o_linklist_is_empty(&server->websockets);
}

/* the whole ----------------------------------------------------------------------------------------------------------
 */

static int open_signals(bool has_hangup)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (has_hangup)
        sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void init(gw_demo_server_t *server, int listener_fd, int signal_fd)
{
    h2o_config_init(&server->globalconf);
    server->globalconf.server_name = h2o_iovec_init(H2O_STRLIT("sluice-demo"));
    server->globalconf.max_request_entity_size = GW_DEMO_MAX_BODY;
    server->globalconf.http1.req_timeout = GW_DEMO_IDLE_MS;
    server->globalconf.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host = h2o_config_register_host(&server->globalconf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    gw_demo_request_register(server, &host->fallback_path); /* no other path exists, so this one gets every request */

    h2o_context_init(&server->context, h2o_evloop_create(), &server->globalconf);
    server->accept = (h2o_accept_ctx_t){.ctx = &server->context, .hosts = server->globalconf.hosts};
    gw_timer_wheel_init(&server->timers, gw_demo_now_ms());
    gw_timer_init(&server->accept_again, on_accept_again);
    h2o_linklist_init_anchor(&server->websockets);
    server->listener = h2o_evloop_socket_create(server->context.loop, listener_fd, H2O_SOCKET_FLAG_DONT_READ);
    server->listener->data = server;
    h2o_socket_read_start(server->listener, on_connection);
    server->signals = h2o_evloop_socket_create(server->context.loop, signal_fd, H2O_SOCKET_FLAG_DONT_READ);
    server->signals->data = server;
    h2o_socket_read_start(server->signals, on_signal);
}

static void dispose(gw_demo_server_t *server)
{
    h2o_loop_t *loop = server->context.loop;
    h2o_multithread_queue_t *queue = server->context.queue;
    h2o_socket_close(server->signals);
    gw_timer_dispose(&server->timers, &server->accept_again);
    h2o_context_dispose(&server->context);
    free(queue); /* which libh2o 2.2.5 forgets */
    h2o_evloop_run(loop, 0);
    h2o_evloop_destroy(loop);
    h2o_config_dispose(&server->globalconf);
}

static bool start_service(gw_demo_server_t *server)
{
    char why[512];
    if (server->service->start == NULL || server->service->start(server, why, sizeof(why)))
        return true;
    fprintf(stderr, "sluice-demo: %s\n", why);
    return false;
}

static void stop_service(gw_demo_server_t *server)
{
    if (server->service->stop != NULL)
        server->service->stop(server);
}

void gw_demo_say(const gw_demo_server_t *server, const char *format, ...)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (poll(&out, 1, 0) == 1 &&
        (out.revents & POLLOUT) != 0) /* a log that nobody reads does not hold up the service */
        dprintf(STDERR_FILENO, "sluice-demo: %s: %s\n", server->options->name, text);
}

/** Serves until it is told to stop.  @return the exit status */
static int serve(gw_demo_server_t *server, int listener_fd, int signal_fd)
{
    if (!start_service(server)) {
        stop_service(server);
        return 1;
    }
    printf("sluice-demo: %s listening on %s\n", server->options->service, server->address);
    fflush(stdout);
    init(server, listener_fd, signal_fd);
    while (!is_done(server))
        turn(server, MAX_WAIT_MS);
    if (cut_connections(server)) {
        dispose(server);
        stop_service(server);
    } /* else the memory goes with the process */
    return 0;
}

int gw_demo_server_run(const gw_demo_options_t *options, const gw_demo_service_t *service)
{
    gw_demo_server_t server = {
        .options = options, .service = service, .fault = {.share = options->fail_share, .delay_ms = options->delay_ms}};
    int signal_fd = open_signals(service->hangup != NULL), listener_fd;
    raise_file_limit();
    if (signal_fd == -1)
        h2o_fatal("signalfd failed");
    listener_fd = options->listen.is_unix ? listen_unix(options->listen.path) : listen_tcp(&options->listen);
    int status =
        listener_fd == -1 || find_address(&server, listener_fd) != 0 ? 1 : serve(&server, listener_fd, signal_fd);
    if (options->listen.is_unix && listener_fd != -1)
        unlink(options->listen.path);
    return status;
}
