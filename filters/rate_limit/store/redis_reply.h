/* SPDX-License-Identifier: MIT
 * Replies of a Redis (RESP2), read by hiredis' reader within bounds: whatever comes, a reader takes no more memory than
 * GW_REDIS_MAX_REPLY for the reply and about as much for bytes that are not complete yet.  Pure: bytes in, replies out.
 * Threads: a reader belongs to one. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_REPLY_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_REPLY_H

#include "gateway/base/str.h"

#define GW_REDIS_MAX_REPLY (64 * 1024) /* bytes of one reply, sizeof(gw_redis_reply_t) for each element included */

typedef enum gw_redis_type {
    GW_REDIS_STRING,
    GW_REDIS_STATUS, /* "OK" */
    GW_REDIS_ERROR,  /* "READONLY You can't write against a read only replica." */
    GW_REDIS_INTEGER,
    GW_REDIS_NIL,
    GW_REDIS_ARRAY
} gw_redis_type_t;

typedef struct gw_redis_reply {
    gw_redis_type_t type;
    size_t num_elements; /* GW_REDIS_ARRAY */
    union {
        int64_t integer;                       /* GW_REDIS_INTEGER */
        gw_str_t text;                         /* GW_REDIS_STRING, _STATUS, _ERROR; may hold any byte */
        const struct gw_redis_reply *elements; /* GW_REDIS_ARRAY */
    };
} gw_redis_reply_t;

/** @return whether it is an error whose first word is `code`: "NOSCRIPT" */
bool gw_redis_reply_is_error(const gw_redis_reply_t *reply, const char *code);
/** @return whether it is an array of at least `least` integers and no other elements */
bool gw_redis_reply_has_integers(const gw_redis_reply_t *reply, size_t least);

typedef struct gw_redis_reader gw_redis_reader_t;

typedef enum gw_redis_read {
    GW_REDIS_READ_REPLY,
    GW_REDIS_READ_MORE,      /* bytes are needed */
    GW_REDIS_READ_MALFORMED, /* this is no Redis, or nested more than 7 deep; the reader stays so */
    GW_REDIS_READ_TOO_LARGE  /* the reader stays so */
} gw_redis_read_t;

gw_redis_reader_t *gw_redis_reader_create(void);
/** NULL is fine; returns NULL. */
gw_redis_reader_t *gw_redis_reader_free(gw_redis_reader_t *reader);
/** Adds bytes from the server, at most GW_REDIS_MAX_REPLY at a time, when gw_redis_reader_next has said _MORE. */
void gw_redis_reader_feed(gw_redis_reader_t *reader, gw_str_t bytes);
/** @param ret_reply set with GW_REDIS_READ_REPLY; valid until the next call for this reader */
gw_redis_read_t gw_redis_reader_next(gw_redis_reader_t *reader, const gw_redis_reply_t **ret_reply);

#endif
