/* SPDX-License-Identifier: MIT
 * The text of the access log: one outcome as one line of JSON (RFC 8259), whatever bytes a client sent.
 *
 * Keys, always in this order:
 *   time              when the exchange began, RFC 3339 in UTC with microseconds: "2026-01-31T23:59:59.123456Z"
 *   id, client
 *   principal, credential   who it came from, and the kind of filter that says so
 *   protocol, tls, method, host, path, query
 *   status            what was sent; 0 when nothing was
 *   reason, route, service, endpoint
 *   upstream_status   what the endpoint said
 *   tries             connections to endpoints that were tried
 *   reused            whether the last one came from the pool
 *   bytes_in, bytes_out   body bytes
 *   head_ms           from the start to the end of the request head
 *   connect_ms        from there until a connection to the endpoint stood
 *   upstream_ms       from there to the endpoint's response head
 *   total_ms          from the start to the end; all four in milliseconds with three decimals
 *   user_agent, referer
 *   decisions         [{"filter","verdict","reason","detail"}, ...]
 * Left out: texts that are empty or NULL, times never reached, an upstream_status of 0, an empty list of decisions.
 *
 * Texts: control characters (C0, DEL, C1), `"` and `\` are escaped, so a line can neither be forged nor steer a
 * terminal; each byte that is not part of valid UTF-8 becomes \ufffd.  A text is clipped after so many bytes of its
 * JSON form: path and query 2048, user_agent 512, the credential and the texts of a decision 64 but for its detail
 * (160), all others 256; a clipped text ends in "...(+N)", N being the bytes received but not shown.  After 24
 * decisions, {"omitted":N} stands for the others.
 *
 * Secrets: in the query, in the query and fragment of the referer, and in what follows a '#' in the path the value
 * becomes *** when its key is one that the conf takes credentials from, or when a word of it, percent-decoded, in any
 * case and without '_', '-', '+' and spaces, is one of accesstoken, apikey, assertion, authorization, clientassertion,
 * clientsecret, code, idtoken, jwt, key, passwd, password, privatekey, pwd, refreshtoken, samlresponse, secret, sig,
 * signature, token, xamzcredential, xamzsecuritytoken, xamzsignature, xapikey, xgoogsignature.  The words of a key are
 * what brackets part: token[], user[password].  Pairs end at '&', ';' or '#'.  User and password before the host of the
 * referer, and of a path or host that was refused for having them, become *** too.  Authorization and Cookie are not in
 * the record at all.
 *
 * Threads: any number at once.  Pure: no clock, no locale, no allocation. */
#ifndef GW_OBSERVE_ACCESS_LOG_LINE_H
#define GW_OBSERVE_ACCESS_LOG_LINE_H

#include "gateway/observe/outcome.h"

/** No line is longer, its '\n' included. */
#define GW_ACCESS_LOG_LINE_MAX ((size_t)24576)

/** Writes the line of one exchange, ending in '\n', not NUL-terminated.
 *  @param cap bytes in `buf`, at least GW_ACCESS_LOG_LINE_MAX   @return bytes written */
size_t gw_access_log_line(const gw_outcome_t *outcome, char *buf, size_t cap);

/** Writes {"time":...,"event":"access_log_dropped","lines":N}: what the log says about lines that it lost.
 *  @param now_us wall clock, microseconds since 1970   @param cap as above   @return bytes written */
size_t gw_access_log_dropped_line(uint64_t now_us, uint64_t lines, char *buf, size_t cap);

#endif
