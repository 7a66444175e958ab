/* SPDX-License-Identifier: MIT
 * The subcommand `api-key`: makes keys, and the lines that files of keys (filters/api_keys.h) are made of. */
#ifndef GW_FILTERS_API_KEY_TOOL_H
#define GW_FILTERS_API_KEY_TOOL_H

/** @param argv beginning with "api-key"   @return exit status */
int gw_api_key_main(int argc, char **argv);

#endif
