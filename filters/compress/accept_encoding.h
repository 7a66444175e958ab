/* SPDX-License-Identifier: MIT
 * Which content coding a client is to get (RFC 9110 12.5.3).  Pure; nothing is copied. */
#ifndef FILTERS_COMPRESS_ACCEPT_ENCODING_H
#define FILTERS_COMPRESS_ACCEPT_ENCODING_H

#include "gateway/base/str.h"

typedef enum gw_coding { GW_CODING_IDENTITY, GW_CODING_GZIP, GW_CODING_BR, GW_NUM_CODINGS } gw_coding_t;

/** As it stands in Content-Encoding: "gzip". */
const char *gw_coding_name(gw_coding_t coding);
/** @return GW_NUM_CODINGS: another one.  Letter case does not matter; x-gzip is gzip (RFC 9110 8.4.1.3) */
gw_coding_t gw_coding_from(gw_str_t name);

/** What a request says.  To be zeroed at first. */
typedef struct gw_accept_encoding {
    bool is_said[GW_NUM_CODINGS], is_any_said; /* any: `*` */
    uint16_t weights[GW_NUM_CODINGS], any;     /* thousandths; said twice: the least, so that a refusal stands */
} gw_accept_encoding_t;

/** Takes in one field line.  Members that are malformed count as not there. */
void gw_accept_encoding_add(gw_accept_encoding_t *accept, gw_str_t value);
/** The one that is wanted most; of those wanted alike the first that is offered; identity when it is named and wanted
 * more, or when none that is offered may be used.  A request that says nothing gets identity.
 *  @param offered without identity */
gw_coding_t gw_accept_encoding_choose(const gw_accept_encoding_t *accept, const gw_coding_t *offered, size_t num);
/** identity;q=0, or *;q=0 without a word on identity. */
bool gw_accept_encoding_refuses_identity(const gw_accept_encoding_t *accept);

#endif
