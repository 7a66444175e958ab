/* SPDX-License-Identifier: MIT
 * The words of options that all filters that limit have. */
#include <stddef.h>
#include "filters/limit/limit_rows.h"

const char *const gw_limit_mode_words[] = {[GW_LIMIT_ENFORCE] = "enforce", [GW_LIMIT_OBSERVE] = "observe", NULL};
const char *const gw_when_full_words[] = {[GW_FULL_SHARED] = "shared", [GW_FULL_REFUSE] = "refuse", NULL};
