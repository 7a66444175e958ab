/* SPDX-License-Identifier: MIT
 * The options of a limit that say whom it counts: `key`, `when_missing`, `ipv4_prefix`, `ipv6_prefix`; rows for the
 * sections of the filters that limit.  Threads: made on the control thread, then read-only. */
#ifndef FILTERS_LIMIT_CLIENT_KEY_CONF_H
#define FILTERS_LIMIT_CLIENT_KEY_CONF_H

#include "gateway/config/key.h"

enum { GW_MAX_KEY_PARTS = 4 };

/** What becomes of a request that has not all parts of the key. */
typedef enum gw_when_missing {
    GW_MISSING_NOT_SAID,
    GW_MISSING_ALLOW,  /* it is not limited */
    GW_MISSING_REFUSE, /* 400 */
    GW_MISSING_SHARED  /* all of them together are one client */
} gw_when_missing_t;

typedef struct gw_client_key_conf {
    struct gw_key_parts {
        gw_key_conf_t entries[GW_MAX_KEY_PARTS];
        size_t size;
    } parts;
    int when_missing;                  /* gw_when_missing_t */
    uint64_t ipv4_prefix, ipv6_prefix; /* bits of an address that are looked at */
} gw_client_key_conf_t;

/** The rows.  @param type_of_conf struct of the filter's options   @param member its gw_client_key_conf_t */
#define GW_CLIENT_KEY_ROWS(type_of_conf, member)                                                                       \
    {.key = "key",                                                                                                     \
     .type = GW_CUSTOM,                                                                                                \
     .offset = offsetof(type_of_conf, member.parts),                                                                   \
     .is_required = true,                                                                                              \
     .read = gw_client_key_read,                                                                                       \
     .show = gw_client_key_show,                                                                                       \
     .takes = "client_address, header:NAME, cookie:NAME, query:NAME, route, all, principal, a property such as "       \
              "jwt.sub, or a list of up to 4 of them",                                                                 \
     .meaning = "whom the limit counts; of a list, all parts together"},                                               \
        {.key = "when_missing",                                                                                        \
         .type = GW_CUSTOM,                                                                                            \
         .offset = offsetof(type_of_conf, member.when_missing),                                                        \
         .read = gw_client_key_read_missing,                                                                           \
         .show = gw_client_key_show_missing,                                                                           \
         .takes = "allow, refuse or shared",                                                                           \
         .def_text = "must be said where a part of the key may be missing",                                            \
         .meaning = "what becomes of a request without a part of the key, or with several: allow does not limit it, "  \
                    "refuse answers 400, shared counts all of them as one client"},                                    \
        {.key = "ipv4_prefix",                                                                                         \
         .type = GW_UINT,                                                                                              \
         .offset = offsetof(type_of_conf, member.ipv4_prefix),                                                         \
         .min = 1,                                                                                                     \
         .max = 32,                                                                                                    \
         .def = "32",                                                                                                  \
         .unit = "bits",                                                                                               \
         .meaning = "how much of an IPv4 client_address is looked at"},                                                \
    {                                                                                                                  \
        .key = "ipv6_prefix", .type = GW_UINT, .offset = offsetof(type_of_conf, member.ipv6_prefix), .min = 1,         \
        .max = 128, .def = "64", .unit = "bits",                                                                       \
        .meaning = "how much of an IPv6 client_address is looked at: a client has a whole /64 as a rule"               \
    }

void gw_client_key_read(struct gw_conf_reader *reader, const struct gw_node *node, void *target);
struct gw_node *gw_client_key_show(gw_arena_t *arena, const void *target);
void gw_client_key_read_missing(struct gw_conf_reader *reader, const struct gw_node *node, void *target);
struct gw_node *gw_client_key_show_missing(gw_arena_t *arena, const void *target);
/** To be called by the section's check: reports a missing `when_missing`, and warns of options without effect. */
void gw_client_key_check(struct gw_conf_reader *reader, gw_client_key_conf_t *conf, gw_mark_t at);
/** To be called by the filter's check_route: warns of parts that every request of the route lacks.  @param at the
 * filter's options */
void gw_client_key_check_route(struct gw_conf_reader *reader, const gw_client_key_conf_t *conf, gw_mark_t at,
                               const gw_route_conf_t *route);
/** @return true when both count the same clients */
bool gw_client_key_conf_equal(const gw_client_key_conf_t *a, const gw_client_key_conf_t *b);

#endif
