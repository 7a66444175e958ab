/* SPDX-License-Identifier: MIT
 * Files of users and their passwords, as htpasswd(1) writes them: a line USER:HASH each, comments behind '#'.  Pure.
 *
 * Threads: immutable once parsed. */
#ifndef GW_FILTERS_HTPASSWD_H
#define GW_FILTERS_HTPASSWD_H

#include "filters/passwords.h"
#include "gateway/config/diag.h"

#define GW_HTPASSWD_MAX       100000
#define GW_HTPASSWD_MAX_BYTES (16u << 20) /* of the file */
#define GW_HTPASSWD_MAX_USER  255         /* bytes of a name */

typedef struct gw_htpasswd gw_htpasswd_t;

typedef struct gw_htpasswd_user {
    gw_str_t name;
    const char *text; /* the hash */
    gw_password_hash_t hash;
} gw_htpasswd_user_t;

/** Parses a file; its errors, duplicates among them, are reported with their places and never quote a line.
 *  @param path for the places   @return NULL after reporting an error */
gw_htpasswd_t *gw_htpasswd_parse(gw_str_t content, const char *path, gw_diag_t *diag);
/** NULL is fine; returns NULL. */
gw_htpasswd_t *gw_htpasswd_free(gw_htpasswd_t *users);
size_t gw_htpasswd_num(const gw_htpasswd_t *users);

/** @return NULL when there is no such user */
const gw_htpasswd_user_t *gw_htpasswd_find(const gw_htpasswd_t *users, gw_str_t name);
/** Somebody to be tried for a user that is not there, so that the time of an answer does not tell who is.  In a file of
 * several costs these are met as often among names that are not in it as among those that are, and a name always meets
 * the same one.
 *  @param key secret, or it could be worked out who would meet which   @return NULL for a file without users */
const gw_htpasswd_user_t *gw_htpasswd_dummy(const gw_htpasswd_t *users, gw_str_t name, const uint64_t key[2]);

#endif
