/* SPDX-License-Identifier: MIT
 * The peer's address as text, and whether it is a trusted proxy. */
#include <arpa/inet.h>
#include "gateway/base/hash.h"
#include "gateway/exchange/peer.h"
#include "gateway/http/syntax.h"
#include "gateway/server/worker.h"

/** inet_ntop costs a third of a microsecond for IPv4. */
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

void gw_peer_read(gw_peer_t *peer, const struct sockaddr *address)
{
    *peer = (gw_peer_t){.is_unix = address != NULL && address->sa_family == AF_UNIX};
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        gw_address_from_ipv4(peer->address, &in->sin_addr);
        peer->port = ntohs(in->sin_port);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        memcpy(peer->address, &in6->sin6_addr, 16);
        peer->port = ntohs(in6->sin6_port);
    } else {
        return;
    }
    peer->has_address = true;
    if (gw_address_is_ipv4(peer->address)) { /* an IPv4 client of a dual-stack listener included */
        peer->text_len = (uint8_t)print_ipv4(peer->text, peer->address + 12);
    } else {
        inet_ntop(AF_INET6, peer->address, peer->text, sizeof(peer->text));
        peer->text_len = (uint8_t)strlen(peer->text);
    }
}

void gw_exchange_set_peer(gw_exchange_t *ex, const gw_peer_t *peer)
{
    if (!peer->has_address) {
        /* a Unix socket: whoever may connect to it was let in by the file's mode */
        ex->peer = GW_STR("unix");
        ex->peer_is_trusted = peer->is_unix;
        return;
    }
    ex->peer = gw_str(peer->text, peer->text_len);
    ex->peer_port = peer->port;
    ex->has_peer_address = true;
    memcpy(ex->peer_address, peer->address, sizeof(ex->peer_address));
    const gw_snapshot_t *snapshot = ex->view->snapshot;
    ex->peer_is_trusted =
        snapshot->trusted_proxies.size != 0 &&
        gw_cidr_contains(snapshot->trusted_proxies.entries, snapshot->trusted_proxies.size, ex->peer_address);
}

/** "192.0.2.1:5000" and "[2001:db8::1]:5000", as some proxies write them.  @return the address */
static gw_str_t without_port(gw_str_t entry)
{
    const char *end = entry.len != 0 ? memchr(entry.ptr, entry.ptr[0] == '[' ? ']' : ':', entry.len) : NULL;
    if (entry.len != 0 && entry.ptr[0] == '[')
        return end != NULL ? gw_str(entry.ptr + 1, (size_t)(end - entry.ptr) - 1) : entry;
    bool is_one = end != NULL && memchr(end + 1, ':', (size_t)(entry.ptr + entry.len - end - 1)) == NULL;
    return is_one ? gw_str(entry.ptr, (size_t)(end - entry.ptr)) : entry;
}

/** Goes back along X-Forwarded-For: fields from the last to the first, entries from right to left, since each was added
 * by the one that is named to its right; as long as that is a trusted proxy.
 *  @return the client's address as text, and binary if it has one */
static gw_str_t find_client(gw_exchange_t *ex, uint8_t ret_address[16], bool *ret_has_address)
{
    const gw_snapshot_t *snapshot = ex->view->snapshot;
    const h2o_headers_t *fields = &ex->req->headers;
    gw_str_t client = ex->peer;
    memcpy(ret_address, ex->peer_address, sizeof(ex->peer_address));
    *ret_has_address = ex->has_peer_address;
    if (!ex->peer_is_trusted)
        return client;
    for (size_t at = fields->size; at-- > 0;) {
        if (!gw_str_equal(gw_str(fields->entries[at].name->base, fields->entries[at].name->len),
                          GW_STR("x-forwarded-for")))
            continue;
        gw_str_t rest = gw_str(fields->entries[at].value.base, fields->entries[at].value.len);
        for (bool is_first = false; !is_first;) { /* an empty entry counts: it is nobody */
            const char *comma = rest.len != 0 ? memrchr(rest.ptr, ',', rest.len) : NULL;
            size_t from = comma != NULL ? (size_t)(comma - rest.ptr) + 1 : 0;
            is_first = comma == NULL;
            gw_str_t entry = gw_http_trim(gw_str(rest.ptr + from, rest.len - from));
            uint8_t address[16];
            if (!gw_address_parse(without_port(entry), address)) {
                /* somebody else than that proxy: "::" is in nobody's list but those of everybody */
                memset(ret_address, 0, sizeof(address));
                *ret_has_address = true;
                return client;
            }
            client = without_port(entry);
            memcpy(ret_address, address, sizeof(address));
            *ret_has_address = true;
            if (!gw_cidr_contains(snapshot->trusted_proxies.entries, snapshot->trusted_proxies.size, address))
                return client;
            rest.len = from != 0 ? from - 1 : 0;
        }
    }
    return client;
}

gw_str_t gw_exchange_client(gw_exchange_t *ex)
{
    uint8_t address[16];
    bool has_address;
    return ex->peer_is_trusted ? find_client(ex, address, &has_address) : ex->peer;
}

bool gw_exchange_client_address(gw_exchange_t *ex, uint8_t ret_address[16])
{
    bool has_address;
    find_client(ex, ret_address, &has_address);
    return has_address;
}

uint64_t gw_exchange_client_owner(gw_exchange_t *ex)
{
    uint8_t address[16];
    if (!gw_exchange_client_address(ex, address))
        return gw_hash(gw_exchange_client(ex));
    bool is_ipv4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address);
    return gw_hash(gw_str((const char *)address, is_ipv4 ? 16 : 8));
}
