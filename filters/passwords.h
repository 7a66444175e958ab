/* SPDX-License-Identifier: MIT
 * Hashes of passwords as crypt(3) has them: which of them are taken, and what they cost.
 *
 * Taken: bcrypt ($2y$, $2b$, $2a$), SHA-crypt ($5$, $6$) and yescrypt ($y$).  The older ones (plain text, DES, MD5 and
 * apr1, {SHA}) are found out by anybody who gets at the file, at thousands of millions of guesses a second, and are
 * refused.  So are costs that would keep a thread busy for more than a second or take more than 128 MiB: a line of the
 * file must not be able to hold up everybody who signs in.
 *
 * Threads: no state; safe everywhere. */
#ifndef GW_FILTERS_PASSWORDS_H
#define GW_FILTERS_PASSWORDS_H

#include <stdbool.h>
#include "gateway/base/str.h"

#define GW_PASSWORD_MAX        256 /* bytes */
#define GW_PASSWORD_MAX_BCRYPT 72  /* bytes that bcrypt looks at; it would take a longer one by its beginning */
#define GW_PASSWORD_HASH_MAX   256

typedef struct gw_password_hash {
    size_t cost_len; /* bytes at the beginning of the text that say scheme and cost: "$2y$10$" */
    bool is_bcrypt;
} gw_password_hash_t;

/** @param reterr_hint how to make one that is taken, or NULL   @return NULL when it is taken, else what is wrong with
 * it
 */
const char *gw_password_check_hash(gw_str_t text, gw_password_hash_t *ret_hash, const char **reterr_hint);

/** Hashes a password and compares; takes milliseconds, up to a second.
 *  @param hash that gw_password_check_hash has taken */
bool gw_password_matches(const char *password, const char *hash);

#endif
