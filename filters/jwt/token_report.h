/* SPDX-License-Identifier: MIT
 * A token shown to people: what `sluice token inspect` prints.  Safe on a terminal, whatever the token holds, and
 * without its signature: who copies the output into a ticket gives nothing away that lets him in.  Pure but for the
 * output. */
#ifndef GW_FILTERS_JWT_TOKEN_REPORT_H
#define GW_FILTERS_JWT_TOKEN_REPORT_H

#include <stdio.h>
#include "gateway/base/str.h"

/** @param text a token, with what may stand around it (see token_look.h)   @param now seconds since 1970
 *  @return whether it has the form of a signed token: three parts, the first two of them JSON objects */
bool gw_token_report(FILE *to, gw_str_t text, int64_t now);

#endif
