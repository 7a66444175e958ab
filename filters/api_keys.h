/* SPDX-License-Identifier: MIT
 * API keys: the file that lists them, and the table that is made of it.  Pure.
 *
 *   # one key a line: its SHA-256, its owner, and whatever else is to be known of it
 *   sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8  acme  plan=gold region=eu
 *   sha256:0b14d501a594442a01c6859541bcb3e8164d183d32937b851835442f69d5c94e  "Bob & Sons"  expires=2027-01-01T00:00:00Z
 *
 * The keys themselves are nowhere.  A bare SHA-256, without salt and without the many rounds that passwords need, is
 * enough for them because a key is not chosen by a person: `sluice api-key new` draws 196 random bits, and nobody tries
 * 2^128 of anything, at a million million a second or not.  It is also why one look-up per request is cheap.  Keys that
 * people made up are another matter (the tool warns of short ones): those belong into a password file.
 *
 * Words are separated by blanks; a word with blanks in it is quoted ("...", with \" and \\).  '#' begins a comment.
 * `expires` is honoured: a time with its offset (RFC 3339), or a date, which means its beginning in UTC.
 *
 * Threads: a table is immutable once parsed.  Time is an argument. */
#ifndef GW_FILTERS_API_KEYS_H
#define GW_FILTERS_API_KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include "gateway/base/str.h"
#include "gateway/config/diag.h"

#define GW_API_KEYS_MAX       100000
#define GW_API_KEYS_MAX_BYTES (32u << 20) /* of the file */
#define GW_API_KEYS_MAX_LINE  4096
#define GW_API_KEY_DIGEST     32

typedef struct gw_api_keys gw_api_keys_t;

typedef struct gw_api_key {
    uint8_t digest[GW_API_KEY_DIGEST];
    uint64_t expires_s; /* since 1970; from then on it is not valid; UINT64_MAX: never */
    gw_str_t about;     /* "owner\0acme\0plan\0gold\0": names and values by turns, the owner first.  Whoever keeps it
                           beyond the table copies these bytes. */
} gw_api_key_t;

/** Parses a file; its errors, duplicates among them, are reported with their places and never quote what stands there,
 * which may be a key.  @param path for the places   @return NULL after reporting an error */
gw_api_keys_t *gw_api_keys_parse(gw_str_t content, const char *path, gw_diag_t *diag);
/** NULL is fine; returns NULL. */
gw_api_keys_t *gw_api_keys_free(gw_api_keys_t *keys);
size_t gw_api_keys_num(const gw_api_keys_t *keys);

/** @param digest SHA-256 of what was presented   @return NULL when there is no such key */
const gw_api_key_t *gw_api_keys_find(const gw_api_keys_t *keys, const uint8_t digest[GW_API_KEY_DIGEST]);
/** @param about of a key, or a copy   @return empty when there is no such property */
gw_str_t gw_api_key_property(gw_str_t about, gw_str_t name);

/** A time as `expires` has it: "2027-01-01T00:00:00Z", "2027-01-01T02:00:00+02:00", "2027-01-01".
 *  @return false when it is none, or before 1970 */
bool gw_api_key_parse_time(gw_str_t text, uint64_t *ret_s);

#endif
