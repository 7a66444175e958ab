/* SPDX-License-Identifier: MIT
 * The options of `ip_access`. */
#ifndef GW_FILTERS_IP_ACCESS_CONF_H
#define GW_FILTERS_IP_ACCESS_CONF_H

#include "filters/network_list.h"
#include "gateway/config/schema.h"
#include "gateway/upkeep/file.h"

typedef enum gw_ip_address { GW_IP_OF_CLIENT, GW_IP_OF_PEER } gw_ip_address_t;
typedef enum gw_ip_mode { GW_IP_ENFORCE, GW_IP_OBSERVE } gw_ip_mode_t;

typedef struct gw_ip_access_conf {
    gw_mark_t at;
    /* as written */
    gw_conf_strings_t allow, deny;
    const char *allow_file, *deny_file;
    int address, mode;
    /* worked out; NULL where there is none */
    gw_network_list_t *allow_list, *deny_list;
    gw_file_seed_t allow_seed, deny_seed; /* path NULL: none */
} gw_ip_access_conf_t;

extern const gw_section_t gw_ip_access_section;
extern const gw_file_class_t gw_allow_file_class, gw_deny_file_class;

/** gw_filter_class_t.dispose. */
void gw_ip_access_dispose(void *conf);

#endif
