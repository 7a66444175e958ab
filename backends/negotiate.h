/* SPDX-License-Identifier: MIT
 * What a client thinks of a media type, by its Accept field (RFC 9110 section 12.5.1).  Pure. */
#ifndef GW_BACKENDS_NEGOTIATE_H
#define GW_BACKENDS_NEGOTIATE_H

#include "gateway/base/str.h"

/** The weight of the most specific range that matches: type/subtype before type/ *, that before * / *.
 *  Parameters of a range other than q are not looked at; an element that is not well-formed is skipped.
 *  @param accept the field's value, several joined by ","; empty: the client takes anything
 *  @param type for example "application/json"; lower case   @return thousandths, 0..1000; 0: not wanted */
unsigned gw_negotiate_weight(gw_str_t accept, gw_str_t type);

#endif
