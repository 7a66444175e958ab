/* SPDX-License-Identifier: MIT
 * A list of networks as people write it: for ip_access the content of an allow_file or deny_file, or the options allow
 * and deny.  The word `unix` in it stands for clients of Unix sockets, which have no address.
 *
 * A file has one network a line; what follows a '#' is a comment.
 * Pure; a list is immutable and shared by all threads. */
#ifndef GW_FILTERS_NETWORK_LIST_H
#define GW_FILTERS_NETWORK_LIST_H

#include "gateway/base/networks.h"
#include "gateway/config/diag.h"

#define GW_NETWORK_LIST_MAX 1000000 /* networks in a file */

typedef struct gw_network_list {
    gw_networks_t *networks;
    size_t num; /* as written, `unix` included */
    bool has_unix;
} gw_network_list_t;

/** @return owned by the caller, never NULL */
gw_network_list_t *gw_network_list_create(const gw_cidr_t *networks, size_t num, bool has_unix);
/** gw_file_class_t.parse: reports errors with their places (see gateway/config/lines.h); that a file holds no network
 * is a warning.  @return NULL after an error */
void *gw_network_list_parse(gw_str_t content, const char *path, gw_diag_t *diag);
/** gw_file_class_t.free_value.  NULL is fine. */
void gw_network_list_free(void *list);

/** True for the word that stands for clients of Unix sockets. */
bool gw_network_is_unix(gw_str_t text);

typedef enum gw_ip_verdict {
    GW_IP_ALLOWED,
    GW_IP_DENIED,     /* the most specific network that it lies in is denied */
    GW_IP_NOT_ALLOWED /* it lies in none, and only what is listed is allowed */
} gw_ip_verdict_t;

/** The most specific network decides, a denied one before an allowed one of the same size.
 *  @param address NULL: a Unix socket's client   @param allow, deny lists; NULL where there is none */
gw_ip_verdict_t gw_ip_judge(const gw_network_list_t *const allow[2], const gw_network_list_t *const deny[2],
                            const uint8_t *address);
/** @return the word for the log: "denied", "not_allowed"; NULL for ALLOWED */
const char *gw_ip_verdict_name(gw_ip_verdict_t verdict);

#endif
