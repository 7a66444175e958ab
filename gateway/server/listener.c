/* SPDX-License-Identifier: MIT
 * Listening sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gateway/observe/log.h"
#include "gateway/server/listener.h"

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

/** A socket file that nobody answers on is a left-over of a process that was killed. */
static bool remove_stale_socket(const struct sockaddr_un *address, socklen_t len)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    bool is_stale = connect(fd, (const struct sockaddr *)address, len) != 0 && errno == ECONNREFUSED;
    close(fd);
    return is_stale && unlink(address->sun_path) == 0;
}

static int fail_close(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/** @return a listening socket, or -1 with errno set */
static int open_socket(const struct sockaddr *address, socklen_t len, bool is_dual_stack)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd == -1)
        return -1;
    if (address->sa_family != AF_UNIX) {
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
            return fail_close(fd);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* inherited; best effort */
        int v6_only = !is_dual_stack;
        if (address->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) != 0)
            return fail_close(fd);
    }
    if (bind(fd, address, len) != 0) {
        if (address->sa_family != AF_UNIX || errno != EADDRINUSE ||
            !remove_stale_socket((const struct sockaddr_un *)address, len) || bind(fd, address, len) != 0)
            return fail_close(fd);
    }
    if (listen(fd, BACKLOG) != 0)
        return fail_close(fd);
    return fd;
}

/** Would another process answer on this address too?  SO_REUSEPORT lets a second gateway of the same user bind silently
 * and share the connections, which nobody wants by mistake: a plain bind first shows it. */
static bool is_taken(const struct sockaddr *address, socklen_t len, bool is_dual_stack)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, v6_only = !is_dual_stack;
    if (fd == -1)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    bool taken = bind(fd, address, len) != 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

static void announce(const gw_listener_conf_t *listener, const struct sockaddr *address)
{
    const char *scheme = listener->has_tls ? "https" : "http";
    char text[INET6_ADDRSTRLEN];
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
        gw_log(GW_LOG_NOTICE, "listening on %s://%s:%u", scheme, text, ntohs(in->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
        gw_log(GW_LOG_NOTICE, "listening on %s://[%s]:%u", scheme, text, ntohs(in6->sin6_port));
    } else {
        gw_log(GW_LOG_NOTICE, "listening on %s (%s)", listener->address, scheme);
    }
}

/** Opens one listener for every worker.  @return 0, or an errno value */
static int open_listener(const gw_listener_conf_t *listener, gw_listener_fds_t *fds, size_t index)
{
    struct sockaddr_storage address;
    memcpy(&address, &listener->sockaddr, sizeof(address));
    socklen_t len = listener->sockaddr_len;
    bool is_unix = listener->sockaddr.any.sa_family == AF_UNIX;
    if (!is_unix && is_taken((struct sockaddr *)&address, len, listener->is_dual_stack))
        return EADDRINUSE;
    for (size_t worker = 0; worker != fds->num_workers; ++worker) {
        int *fd = &fds->fds[worker * fds->num_listeners + index];
        if (is_unix && worker != 0)
            *fd = fcntl(fds->fds[index], F_DUPFD_CLOEXEC, 0);
        else
            *fd = open_socket((struct sockaddr *)&address, len, listener->is_dual_stack);
        if (*fd == -1)
            return errno;
        if (!is_unix && worker == 0) {
            socklen_t room = sizeof(address);
            if (getsockname(*fd, (struct sockaddr *)&address, &room) != 0)
                return errno;
        }
    }
    if (is_unix && (fds->unix_paths[index] = strdup(listener->sockaddr.un.sun_path)) == NULL)
        return ENOMEM;
    announce(listener, (struct sockaddr *)&address);
    return 0;
}

bool gw_listeners_open(const gw_snapshot_t *snapshot, gw_listener_fds_t *fds, gw_diag_t *diag)
{
    *fds = (gw_listener_fds_t){.num_workers = (size_t)snapshot->workers, .num_listeners = snapshot->num_listeners};
    size_t num = fds->num_workers * fds->num_listeners;
    fds->fds = malloc(sizeof(*fds->fds) * (num + 1));
    fds->unix_paths = calloc(fds->num_listeners + 1, sizeof(*fds->unix_paths));
    if (fds->fds == NULL || fds->unix_paths == NULL)
        abort();
    for (size_t i = 0; i != num; ++i)
        fds->fds[i] = -1;
    bool is_good = true;
    for (size_t i = 0; i != snapshot->num_listeners; ++i) {
        const gw_listener_conf_t *listener = &snapshot->listeners[i];
        int error = open_listener(listener, fds, i);
        if (error == 0)
            continue;
        is_good = false;
        gw_diag_error(diag, listener->at,
                      error == EADDRINUSE ? "another process listens there"
                                          : (error == EACCES ? "ports below 1024 need CAP_NET_BIND_SERVICE" : NULL),
                      "cannot listen on '%s': %s", listener->address, strerror(error));
    }
    if (!is_good) {
        for (size_t i = 0; i != num; ++i)
            if (fds->fds[i] != -1)
                close(fds->fds[i]);
        gw_listeners_dispose(fds);
    }
    return is_good;
}

void gw_listeners_dispose(gw_listener_fds_t *fds)
{
    for (size_t i = 0; i != fds->num_listeners; ++i) {
        if (fds->unix_paths[i] != NULL)
            unlink(fds->unix_paths[i]);
        free(fds->unix_paths[i]);
    }
    free(fds->unix_paths);
    free(fds->fds);
    *fds = (gw_listener_fds_t){0};
}

static const gw_listener_conf_t *find(const gw_snapshot_t *snapshot, const char *address)
{
    for (size_t i = 0; i != snapshot->num_listeners; ++i)
        if (strcmp(snapshot->listeners[i].address, address) == 0)
            return &snapshot->listeners[i];
    return NULL;
}

bool gw_listeners_are_same(const gw_snapshot_t *current, const gw_snapshot_t *next, gw_diag_t *diag)
{
    static const char hint[] = "restart the gateway to change its listeners; certificates may change at a reload";
    bool is_same = true;
    for (size_t i = 0; i != next->num_listeners; ++i) {
        const gw_listener_conf_t *listener = &next->listeners[i], *old = find(current, listener->address);
        if (old == NULL)
            gw_diag_error(diag, listener->at, hint, "a reload cannot add the listener '%s'", listener->address);
        else if (old->has_tls != listener->has_tls)
            gw_diag_error(diag, listener->at, hint, "a reload cannot switch TLS of the listener '%s'",
                          listener->address);
        is_same = is_same && old != NULL && old->has_tls == listener->has_tls;
    }
    for (size_t i = 0; i != current->num_listeners; ++i)
        if (find(next, current->listeners[i].address) == NULL) {
            gw_mark_t whole = {.file = next->file};
            gw_diag_error(diag, whole, hint, "a reload cannot remove the listener '%s'", current->listeners[i].address);
            is_same = false;
        }
    return is_same;
}
