/* SPDX-License-Identifier: MIT
 * The filter `ip_access`: who may pass by the address that a request comes from.
 *
 *   ip_access:
 *     allow: [10.0.0.0/8, "2001:db8::/32", unix]
 *     deny: [10.6.6.0/24]
 *     deny_file: blocked.txt
 *
 * The most specific network that holds the address decides, deny before allow where both are as specific; what lies in
 * none may pass unless there is an allow list.  The files are watched.  What is refused gets 403 (ip_denied).
 * Threads: none of its own; each worker reads the lists in use without a lock. */
#ifndef GW_FILTERS_IP_ACCESS_H
#define GW_FILTERS_IP_ACCESS_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_ip_access_filter;

#endif
