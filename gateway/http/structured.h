/* SPDX-License-Identifier: MIT
 * The items that structured fields are made of (RFC 9651 3.3, 4.2), read as strictly as the RFC does: one error
 * anywhere makes a field void.  Each function takes what it reads from the front of the text; lists and dictionaries
 * are put together by those who know what their members mean.  Pure; results point into the text. */
#ifndef GW_HTTP_STRUCTURED_H
#define GW_HTTP_STRUCTURED_H

#include "gateway/base/str.h"

typedef struct gw_sf_input {
    const unsigned char *at, *end;
} gw_sf_input_t;

typedef enum gw_sf_type { GW_SF_INTEGER, GW_SF_BOOLEAN, GW_SF_STRING, GW_SF_TOKEN, GW_SF_OTHER } gw_sf_type_t;

typedef struct gw_sf_item {
    gw_sf_type_t type;
    int64_t number; /* of an integer; 0 or 1 of a Boolean */
    gw_str_t text;  /* of a token; of a string, with what is escaped */
} gw_sf_item_t;

gw_sf_input_t gw_sf_input(gw_str_t text);
/** Takes the character, if it is the next one. */
bool gw_sf_take(gw_sf_input_t *in, char c);
/** Takes spaces and tabs, as they may stand around commas. */
void gw_sf_skip_blanks(gw_sf_input_t *in);

/* each @return false: malformed, the field is void */

/** A bare item of any type (4.2.3.1). */
bool gw_sf_take_bare(gw_sf_input_t *in, gw_sf_item_t *ret);
/** The key of a parameter or of a dictionary's member (4.2.3.3). */
bool gw_sf_take_key(gw_sf_input_t *in, gw_str_t *ret);
/** Parameters that nobody wants to know (4.2.3.2). */
bool gw_sf_skip_parameters(gw_sf_input_t *in);
/** An inner list that nobody wants to know, behind its '(' (4.2.1.2). */
bool gw_sf_skip_inner_list(gw_sf_input_t *in);

/** What a string says, its escapes read.  @param to room for text.len bytes   @return its length, no NUL */
size_t gw_sf_unescape(char *to, gw_str_t text);

#endif
