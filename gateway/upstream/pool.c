/* SPDX-License-Identifier: MIT
 * The keep-alive pool of one worker and endpoint, and connecting. */
#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <unistd.h>
#include "gateway/server/worker.h"
#include "gateway/upstream/pool.h"

struct gw_pool {
    gw_worker_t *worker;
    gw_endpoint_t *endpoint; /* no reference of its own: every view that holds the pool holds the deployment */
    gw_pool_t *next;         /* in worker->pools */
    size_t references;       /* views and connections at work */
    size_t views;
    h2o_linklist_t idle; /* newest first */
    size_t num_idle;
    size_t load;
};

gw_pool_t *gw_pool_get(gw_worker_t *worker, gw_endpoint_t *endpoint)
{
    gw_pool_t *pool = worker->pools;
    while (pool != NULL && pool->endpoint != endpoint)
        pool = pool->next;
    if (pool == NULL) {
        if ((pool = calloc(1, sizeof(*pool))) == NULL)
            abort();
        pool->worker = worker;
        pool->endpoint = endpoint;
        h2o_linklist_init_anchor(&pool->idle);
        pool->next = worker->pools;
        worker->pools = pool;
    }
    ++pool->views;
    ++pool->references;
    return pool;
}

static void drop_reference(gw_pool_t *pool)
{
    if (--pool->references != 0)
        return;
    assert(h2o_linklist_is_empty(&pool->idle));
    free(pool);
}

static void close_idle(gw_pool_t *pool)
{
    while (!h2o_linklist_is_empty(&pool->idle))
        gw_connection_close(H2O_STRUCT_FROM_MEMBER(gw_connection_t, idle_link, pool->idle.next));
}

void gw_pool_unref(gw_pool_t *pool)
{
    if (--pool->views == 0) {
        close_idle(pool);
        gw_pool_t **slot = &pool->worker->pools;
        while (*slot != pool)
            slot = &(*slot)->next;
        *slot = pool->next;
        pool->endpoint = NULL; /* the deployment that owned it may go now */
    }
    drop_reference(pool);
}

gw_endpoint_t *gw_pool_endpoint(const gw_pool_t *pool)
{
    return pool->endpoint;
}

uint64_t gw_pool_load(const gw_pool_t *pool)
{
    return pool->load;
}

void gw_pool_count_try(gw_pool_t *pool, int by)
{
    pool->load += (size_t)by;
}

void gw_pools_close_idle(gw_worker_t *worker)
{
    for (gw_pool_t *pool = worker->pools; pool != NULL; pool = pool->next)
        close_idle(pool);
}

/* idle connections ------------------------------------------------------------------------------------------------- */

static void leave_idle(gw_connection_t *connection)
{
    h2o_linklist_unlink(&connection->idle_link);
    --connection->pool->num_idle;
    gw_timer_stop(&connection->idle_timer);
}

void gw_connection_close(gw_connection_t *connection)
{
    if (h2o_linklist_is_linked(&connection->idle_link))
        leave_idle(connection);
    gw_timer_dispose(&connection->worker->timers, &connection->idle_timer);
    h2o_socket_close(connection->sock);
    drop_reference(connection->pool);
    free(connection);
}

/** An idle connection became readable: the endpoint closed it, or speaks without being asked.  Either way it is over.
 */
static void on_idle_readable(h2o_socket_t *sock, const char *err)
{
    gw_connection_close(sock->data);
}

static void on_idle_expiry(gw_timer_t *timer)
{
    gw_connection_close(H2O_STRUCT_FROM_MEMBER(gw_connection_t, idle_timer, timer));
}

static bool is_closed_by_endpoint(const gw_connection_t *connection)
{
    char byte;
    ssize_t len = recv(h2o_socket_get_fd(connection->sock), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return len >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK); /* the end, an error, or bytes that nobody asked for */
}

gw_connection_t *gw_pool_take(gw_pool_t *pool, const gw_service_conf_t *service, bool is_precious)
{
    while (!h2o_linklist_is_empty(&pool->idle)) {
        gw_connection_t *connection = H2O_STRUCT_FROM_MEMBER(gw_connection_t, idle_link, pool->idle.next);
        if (gw_worker_now_ms(pool->worker) - connection->opened_ms >= service->pool.age ||
            (is_precious && is_closed_by_endpoint(connection))) {
            gw_connection_close(connection);
            continue;
        }
        leave_idle(connection);
        connection->is_reused = true;
        return connection;
    }
    return NULL;
}

/** A tenth less than the endpoint keeps it, so that the two do not meet. */
static uint64_t idle_time(const gw_connection_t *connection, const gw_service_conf_t *service)
{
    uint64_t ms = connection->keep_idle_ms;
    if (service->pool.upstream_idle != 0 && service->pool.upstream_idle < ms)
        ms = service->pool.upstream_idle;
    ms -= ms / 10;
    return ms < service->pool.idle ? ms : service->pool.idle;
}

bool gw_connection_may_have_delivered(const gw_connection_t *connection, uint64_t sent)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    if (getsockopt(h2o_socket_get_fd(connection->sock), IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked))
        return true; /* a Unix socket: nobody knows */
    /* the handshake may count as one byte */
    return info.tcpi_bytes_acked > sent + 1;
}

void gw_connection_give(gw_connection_t *connection, const gw_service_conf_t *service)
{
    gw_pool_t *pool = connection->pool;
    uint64_t now_ms = gw_worker_now_ms(pool->worker);
    if (pool->views == 0 || pool->worker->is_draining || pool->num_idle >= service->pool.size ||
        now_ms - connection->opened_ms >= service->pool.age) {
        gw_connection_close(connection);
        return;
    }
    connection->owner = NULL;
    connection->sock->data = connection;
    h2o_linklist_insert(pool->idle.next, &connection->idle_link);
    ++pool->num_idle;
    gw_timer_set(&pool->worker->timers, &connection->idle_timer, now_ms + idle_time(connection, service));
    h2o_socket_read_start(connection->sock, on_idle_readable);
}

/* connecting ------------------------------------------------------------------------------------------------------- */

static void try_next_address(gw_connecting_t *connecting);

static void finish(gw_connecting_t *connecting, gw_connection_t *connection)
{
    gw_timer_dispose(&connecting->worker->timers, &connecting->timer);
    drop_reference(connecting->pool);
    connecting->on_done(connecting, connection, connecting->failure);
}

static gw_reason_t reason_of_errno(int error)
{
    if (error == ECONNREFUSED || error == ENOENT)
        return GW_REASON_CONNECT_REFUSED;
    return error == ETIMEDOUT ? GW_REASON_CONNECT_TIMEOUT : GW_REASON_CONNECT_FAILED;
}

/** Not h2o_socket_connect: it consumes SO_ERROR, and with it the difference between "refused" and "unreachable".
 *  @return NULL with errno set */
static h2o_socket_t *begin_connect(h2o_loop_t *loop, const gw_address_t *address)
{
    int fd = socket(address->sockaddr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return NULL;
    if (address->sockaddr.any.sa_family != AF_UNIX) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (connect(fd, &address->sockaddr.any, address->len) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        errno = error;
        return NULL;
    }
    return h2o_evloop_socket_create(loop, fd, 0);
}

static void on_connect(h2o_socket_t *sock, const char *err)
{
    gw_connecting_t *connecting = sock->data;
    connecting->sock = NULL;
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(h2o_socket_get_fd(sock), SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (err != NULL || error != 0) {
        connecting->failure = reason_of_errno(error);
        h2o_socket_close(sock);
        try_next_address(connecting);
        return;
    }
    gw_connection_t *connection = h2o_mem_alloc(sizeof(*connection));
    *connection = (gw_connection_t){.sock = sock,
                                    .pool = connecting->pool,
                                    .worker = connecting->worker,
                                    .keep_idle_ms = UINT64_MAX,
                                    .opened_ms = gw_worker_now_ms(connecting->worker)};
    gw_timer_init(&connection->idle_timer, on_idle_expiry);
    ++connecting->pool->references;
    sock->data = connection;
    h2o_socket_dont_read(sock, 1);
    finish(connecting, connection);
}

static void on_connect_timeout(gw_timer_t *timer)
{
    gw_connecting_t *connecting = H2O_STRUCT_FROM_MEMBER(gw_connecting_t, timer, timer);
    h2o_socket_close(connecting->sock);
    connecting->sock = NULL;
    connecting->failure = GW_REASON_CONNECT_TIMEOUT;
    try_next_address(connecting);
}

static void try_next_address(gw_connecting_t *connecting)
{
    gw_worker_t *worker = connecting->worker;
    while (connecting->next_address != connecting->num_addresses) {
        uint64_t now_ms = gw_worker_now_ms(worker);
        if (now_ms >= connecting->deadline_ms)
            break;
        gw_address_t *address = &connecting->addresses[connecting->next_address];
        size_t num_left = connecting->num_addresses - connecting->next_address;
        ++connecting->next_address;
        if ((connecting->sock = begin_connect(worker->context.loop, address)) == NULL) {
            connecting->failure = reason_of_errno(errno);
            continue;
        }
        connecting->sock->data = connecting;
        h2o_socket_notify_write(connecting->sock, on_connect);
        /* each address gets its share of the time left, so that one silent address does not use up all of it */
        gw_timer_set(&worker->timers, &connecting->timer, now_ms + (connecting->deadline_ms - now_ms) / num_left);
        return;
    }
    finish(connecting, NULL);
}

void gw_pool_connect(gw_pool_t *pool, const gw_service_conf_t *service, gw_connecting_t *connecting)
{
    assert(pool->endpoint != NULL);
    connecting->pool = pool;
    ++pool->references;
    connecting->worker = pool->worker;
    connecting->sock = NULL;
    connecting->deadline_ms = gw_worker_now_ms(pool->worker) + service->timeouts.connect;
    connecting->num_addresses = gw_endpoint_addresses(pool->endpoint, connecting->addresses);
    connecting->next_address = 0;
    connecting->failure = GW_REASON_NAME_NOT_RESOLVED;
    gw_timer_init(&connecting->timer, on_connect_timeout);
    try_next_address(connecting);
}

void gw_connecting_cancel(gw_connecting_t *connecting)
{
    if (connecting->sock != NULL)
        h2o_socket_close(connecting->sock);
    connecting->sock = NULL;
    gw_timer_dispose(&connecting->worker->timers, &connecting->timer);
    drop_reference(connecting->pool);
}
