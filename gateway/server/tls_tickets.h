/* SPDX-License-Identifier: MIT
 * The keys of TLS session tickets (RFC 5077, RFC 8446 section 4.6.1): one set for the whole process, so that a ticket
 * is good on every worker and after a reload.  A new key is made every 12 hours; the one before it still opens its
 * tickets, which are valid for 2 hours.  Keys exist in memory only, away from core dumps and swap where the system
 * allows that, and are wiped when they are given up. Threads: any; a read-write lock, held for the set-up of one
 * cipher, is taken once per ticket. */
#ifndef GW_SERVER_TLS_TICKETS_H
#define GW_SERVER_TLS_TICKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <openssl/ssl.h>

#define GW_TLS_TICKETS_ROTATE_S 43200 /* age at which a key stops encrypting */
#define GW_TLS_TICKETS_VALID_S  7200  /* how long a client may use a ticket */

/** To be called now and then (once a minute is plenty): makes a new key when the current one is old enough.
 *  @param now_s monotonic clock, seconds */
void gw_tls_tickets_rotate(uint64_t now_s);

/** Wipes the keys, for the end of the process; the next gw_tls_create makes new ones. */
void gw_tls_tickets_dispose(void);

/** Has `context` use these keys; the first call makes them.  @return false when there is no randomness */
bool gw_tls_tickets_attach(SSL_CTX *context);

#endif
