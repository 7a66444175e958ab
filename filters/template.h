/* SPDX-License-Identifier: MIT
 * Texts of the conf that are completed for each request: `user %{principal} of %{jwt.tenant}`.  %{KEY} stands for a key
 * of gateway/config/key.h, `%%{` for a literal `%{`; any other percent sign is one.
 *
 * Threads: made on the control thread, then immutable.  Owned by: the snapshot's arena. */
#ifndef GW_FILTERS_TEMPLATE_H
#define GW_FILTERS_TEMPLATE_H

#include "gateway/config/reader.h"
#include "gateway/config/snapshot.h"

#define GW_TEMPLATE_MAX_KEYS   16 /* in one text, so that no conf multiplies what a client sends without end */
#define GW_TEMPLATE_MAX_PIECES (2 * GW_TEMPLATE_MAX_KEYS + 1)

typedef struct gw_template {
    struct gw_template_piece {
        gw_str_t text;     /* when key.kind is GW_KEY_NONE */
        gw_key_conf_t key; /* what stands here */
    } * pieces;
    size_t num_pieces, num_keys;
    unsigned kinds; /* of its keys: set of 1u << gw_key_kind_t */
    gw_str_t plain; /* the text without the keys: all of it when there are none */
} gw_template_t;

/** For the check of a section.  @param is_shown whether messages may quote the text: not when variables of the
 * environment were put into it   @return false after reporting at `at` */
bool gw_template_parse(struct gw_conf_reader *reader, const char *text, bool is_shown, gw_mark_t at,
                       gw_template_t *ret);

#endif
