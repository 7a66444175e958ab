/* SPDX-License-Identifier: MIT
 * `${NAME}` and `${NAME:-default}` in the texts of the conf file.  A variable's value is text: it never becomes YAML.
 * Threads: reads the environment, so the control thread only. */
#ifndef GW_CONFIG_ENVIRONMENT_H
#define GW_CONFIG_ENVIRONMENT_H

#include "gateway/base/arena.h"
#include "gateway/base/str.h"

/** Fills in the variables; `$$` gives one dollar, any other `$` stands for itself.  The default is used when the
 * variable is unset or empty.
 *  @param ret_has_variables set when there was a `${`   @param reterr_problem set when NULL is returned
 *  @return the text (`text` itself when there was no `$`), or a NULL ptr */
gw_str_t gw_environment_fill(gw_arena_t *arena, gw_str_t text, bool *ret_has_variables, const char **reterr_problem);

#endif
