/* SPDX-License-Identifier: MIT
 * Small helpers for the texts of the configuration: showing them in messages, writing them as JSON, measuring how far
 * two names lie apart. Threads: no state; safe everywhere. */
#ifndef GW_CONFIG_TEXT_H
#define GW_CONFIG_TEXT_H

#include <stdio.h>
#include "gateway/base/arena.h"
#include "gateway/base/str.h"

/** Length of the valid UTF-8 sequence at the beginning of `s` (RFC 3629: no overlong forms, no surrogates).
 *  @param ret_code the code point, may be NULL   @return 1..4, or 0 when there is none */
size_t gw_utf8_next(gw_str_t s, uint32_t *ret_code);

/** The text as a message may show it: control characters and invalid bytes as \xNN, at most 60 bytes, then "...". */
const char *gw_text_shown(gw_arena_t *arena, gw_str_t s);

/** Writes a JSON string with its quotes (RFC 8259); what is not UTF-8 becomes U+FFFD. */
void gw_json_print_string(FILE *to, gw_str_t s);

/** The word of `words` that `s` most likely was meant to be: Damerau-Levenshtein distance (optimal string alignment) of
 * at most 1 for short words, 2 from five letters on, 3 from nine on, case ignored.   @return NULL when none is that
 * near */
const char *gw_text_nearest(gw_str_t s, const char *const *words, size_t num);

#endif
