/* SPDX-License-Identifier: MIT
 * The peer's address as text, and whether it is a trusted proxy. */
#include <arpa/inet.h>
#include "gateway/exchange/peer.h"
#include "gateway/http/syntax.h"
#include "gateway/server/worker.h"

/** inet_ntop costs a third of a microsecond for IPv4; this is the one conversion done for every request. */
static size_t print_ipv4(char *dst, const uint8_t address[4])
{
    char *start = dst;
    for (size_t i = 0; i != 4; ++i) {
        unsigned n = address[i];
        if (i != 0)
            *dst++ = '.';
        if (n >= 100)
            *dst++ = (char)('0' + n / 100);
        if (n >= 10)
            *dst++ = (char)('0' + n / 10 % 10);
        *dst++ = (char)('0' + n % 10);
    }
    return (size_t)(dst - start);
}

static const uint8_t ipv4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void gw_exchange_find_peer(gw_exchange_t *ex)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    h2o_conn_t *conn = ex->req->conn;
    if (conn->callbacks->get_peername(conn, (struct sockaddr *)&storage) == 0)
        storage.ss_family = AF_UNSPEC;
    char *text = h2o_mem_alloc_pool(&ex->req->pool, INET6_ADDRSTRLEN);
    uint8_t address[16];
    if (storage.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&storage;
        memcpy(address, ipv4_mapped, 12);
        memcpy(address + 12, &in->sin_addr, 4);
        ex->peer_port = ntohs(in->sin_port);
    } else if (storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&storage;
        memcpy(address, &in6->sin6_addr, 16);
        ex->peer_port = ntohs(in6->sin6_port);
    } else {
        /* a Unix socket: whoever may connect to it was let in by the file's mode */
        ex->peer = GW_STR("unix");
        ex->peer_is_trusted = storage.ss_family == AF_UNIX;
        return;
    }
    if (memcmp(address, ipv4_mapped, 12) == 0) { /* an IPv4 client of a dual-stack listener included */
        ex->peer = gw_str(text, print_ipv4(text, address + 12));
    } else {
        inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
        ex->peer = gw_str_of(text);
    }
    const gw_snapshot_t *snapshot = ex->view->snapshot;
    ex->peer_is_trusted = snapshot->trusted_proxies.size != 0 &&
                          gw_cidr_contains(snapshot->trusted_proxies.entries, snapshot->trusted_proxies.size, address);
}

/** @return false: not an address */
static bool parse_address(gw_str_t text, uint8_t address[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    memcpy(address, ipv4_mapped, 12);
    return inet_pton(AF_INET, copy, address + 12) == 1 || inet_pton(AF_INET6, copy, address) == 1;
}

gw_str_t gw_exchange_client(gw_exchange_t *ex)
{
    const gw_snapshot_t *snapshot = ex->view->snapshot;
    const h2o_headers_t *fields = &ex->req->headers;
    gw_str_t client = ex->peer;
    if (!ex->peer_is_trusted)
        return client;
    /* fields from the last to the first, entries from right to left: each was added by the one that is named to its
     * right */
    for (size_t at = fields->size; at-- > 0;) {
        if (!gw_str_equal(gw_str(fields->entries[at].name->base, fields->entries[at].name->len),
                          GW_STR("x-forwarded-for")))
            continue;
        gw_str_t rest = gw_str(fields->entries[at].value.base, fields->entries[at].value.len);
        while (rest.len != 0) {
            const char *comma = memrchr(rest.ptr, ',', rest.len);
            size_t from = comma != NULL ? (size_t)(comma - rest.ptr) + 1 : 0;
            gw_str_t entry = gw_http_trim(gw_str(rest.ptr + from, rest.len - from));
            uint8_t address[16];
            if (!parse_address(entry, address))
                return client;
            client = entry;
            if (!gw_cidr_contains(snapshot->trusted_proxies.entries, snapshot->trusted_proxies.size, address))
                return client;
            rest.len = from != 0 ? from - 1 : 0;
        }
    }
    return client;
}
