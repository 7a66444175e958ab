/* SPDX-License-Identifier: MIT
 * The filter `basic_auth`: users of a file sign in with every request (RFC 7617).
 *
 *   basic_auth: { file: users.htpasswd, realm: staff, forward: { user: X-User }, require: { user: [ann, bob] } }
 *
 * Hashing a password takes milliseconds on purpose, so it happens on threads of its own (gateway/upkeep/jobs.h) while
 * the request waits; what it came to is remembered by the worker for a while (filters/password_memory.h).  Requests
 * with the same pair that arrive meanwhile wait for the same hash.  For users that are not in the file the password of
 * another one is hashed, in vain, so that the time of an answer does not tell who is.  A client may have 16 hashes
 * under way and waiting, all clients 64 waiting; beyond that the answer is 503 with Retry-After.
 *
 * Refusals.  401 with a challenge for everything that is wrong with credentials, those that cannot be read included:
 * RFC 9110 11.4 has that for a bad password, and a client that writes badly learns from the challenge how it is done
 * (charset).  400 for two Authorization fields: the field is no list (RFC 9110 11.6.2), and two readers could take two
 * different users.  403 for users who are not the ones that are required.  With `optional`, credentials of another
 * scheme are none: a filter for them may stand beside this one.  The log says: missing, repeated, malformed, too_long,
 * unknown_user, wrong_password, not_allowed, busy.
 *
 * Threads: a worker's state and its checks belong to it; a check and a job share nothing while the job runs but what
 * the job alone writes. */
#ifndef GW_FILTERS_BASIC_AUTH_H
#define GW_FILTERS_BASIC_AUTH_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_basic_auth_filter;

#endif
