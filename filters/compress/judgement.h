/* SPDX-License-Identifier: MIT
 * May a response be compressed, and does it depend on Accept-Encoding?  Pure. */
#ifndef FILTERS_COMPRESS_JUDGEMENT_H
#define FILTERS_COMPRESS_JUDGEMENT_H

#include "filters/compress/accept_encoding.h"

typedef struct gw_compress_rules {
    const gw_str_t *types; /* gw_media_pattern */
    size_t num_types;
    uint64_t min_size; /* bytes of a body whose length is known */
    gw_coding_t codings[GW_NUM_CODINGS];
    size_t num_codings;
} gw_compress_rules_t;

typedef struct gw_compress_facts {
    int status;
    gw_str_t content_type; /* empty: it has none, or several */
    uint64_t length;       /* UINT64_MAX: not known yet */
    bool is_coded;         /* it has Content-Encoding */
    bool is_part;          /* it has Content-Range */
    bool is_kept_as_is;    /* no-transform in the request (RFC 9111 5.2.1.6) or the response (5.2.2.6) */
} gw_compress_facts_t;

typedef struct gw_compress_judgement {
    gw_coding_t coding; /* that it is to get */
    bool is_varying;    /* another client, or another version of it, may get another one: Vary */
} gw_compress_judgement_t;

gw_compress_judgement_t gw_compress_judge(const gw_compress_rules_t *rules, const gw_compress_facts_t *facts,
                                          const gw_accept_encoding_t *accept);

#endif
