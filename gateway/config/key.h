/* SPDX-License-Identifier: MIT
 * Keys: texts of the conf file that name something of a request, `header:X-User` or `jwt.sub`.  What they stand for in
 * a request: gw_exchange_key (gateway/exchange/exchange.h).  Threads: control thread. */
#ifndef GW_CONFIG_KEY_H
#define GW_CONFIG_KEY_H

#include "gateway/config/reader.h"
#include "gateway/config/snapshot.h"

/** Sets of 1u << gw_key_kind_t: which keys an option takes. */
#define GW_KEYS_OF_REQUEST                                                                                             \
    (1u << GW_KEY_CLIENT_ADDRESS | 1u << GW_KEY_HEADER | 1u << GW_KEY_COOKIE | 1u << GW_KEY_QUERY)
#define GW_KEYS_OF_PRINCIPAL (1u << GW_KEY_PRINCIPAL | 1u << GW_KEY_PROPERTY)
#define GW_KEYS_ANY          (GW_KEYS_OF_REQUEST | GW_KEYS_OF_PRINCIPAL)
/** Whose limit a request counts against: also the route's, or everybody's. */
#define GW_KEYS_OF_LIMIT         (GW_KEYS_ANY | 1u << GW_KEY_ROUTE | 1u << GW_KEY_ALL)
#define GW_KEYS_OF_REQUEST_TAKES "client_address, header:NAME, cookie:NAME or query:NAME"
#define GW_KEYS_ANY_TAKES                                                                                              \
    "client_address, header:NAME, cookie:NAME, query:NAME, principal or a property such as jwt.sub"

/** Reads a key.  @param kinds the set that is taken   @return false when it is none of them */
bool gw_conf_parse_key(gw_arena_t *arena, gw_str_t text, unsigned kinds, gw_key_conf_t *ret_key);
/** For GW_CUSTOM rows: reports what is wrong.  @param option for the message */
void gw_conf_read_key(gw_conf_reader_t *reader, const char *option, const gw_node_t *node, unsigned kinds,
                      gw_key_conf_t *key);
/** @return the words for such a set: "header:NAME or cookie:NAME" */
const char *gw_conf_keys_taken(gw_arena_t *arena, unsigned kinds);
/** @return as it was written, in the arena; NULL for GW_KEY_NONE */
const char *gw_conf_key_text(gw_arena_t *arena, const gw_key_conf_t *key);
gw_node_t *gw_conf_show_key(gw_arena_t *arena, const void *target);
/** For gw_filter_class_t.check_route.  @return false: it names something of the principal, and none of the filters that
 * run before finds that out */
bool gw_conf_key_is_given(const gw_key_conf_t *key, const gw_route_conf_t *route);
/** Keeps the values of this query parameter out of the access log: for every option whose key is a place of
 * credentials.  In whatever case it is written, percent-encoded or not.  @param name as in key->name of a GW_KEY_QUERY
 */
void gw_conf_hide_parameter(gw_conf_reader_t *reader, const char *name);

#endif
