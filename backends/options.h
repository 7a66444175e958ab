/* SPDX-License-Identifier: MIT
 * The command line of sluice-demo.  Pure: it neither prints nor opens anything. */
#ifndef GW_BACKENDS_OPTIONS_H
#define GW_BACKENDS_OPTIONS_H

#include "gateway/base/str.h"

#define GW_DEMO_MAX_DELAY_MS 600000
#define GW_DEMO_NAME_MAX     64

#define GW_DEMO_MAX_LIFETIME_S 86400

/** HOST:PORT, [IPV6]:PORT or unix:PATH. */
typedef struct gw_demo_address {
    bool is_unix;
    char host[254]; /* name or numeric address, without brackets; empty for a Unix socket */
    uint16_t port;  /* 0: the kernel chooses */
    char path[108]; /* of a Unix socket: as long as the kernel takes (unix(7)), NUL included */
} gw_demo_address_t;

/** Of the service auth alone.  Texts are borrowed from argv or static. */
typedef struct gw_demo_auth_options {
    const char *algorithm; /* RS256, ES256 or EdDSA */
    const char *issuer;    /* NULL: where it listens */
    const char *audience;  /* visible ASCII */
    uint64_t lifetime_s;   /* 1..GW_DEMO_MAX_LIFETIME_S */
    const char *users;     /* a file, or NULL */
    const char *key;       /* likewise */
} gw_demo_auth_options_t;

typedef struct gw_demo_options {
    const char *service; /* borrowed from argv; not yet known to exist */
    const char *name;    /* borrowed from argv; 1..64 bytes of visible ASCII; the service's name unless given */
    gw_demo_address_t listen;
    uint64_t delay_ms;   /* 0..GW_DEMO_MAX_DELAY_MS */
    uint32_t fail_share; /* millionths, 0..1000000 */
    gw_demo_auth_options_t auth;
} gw_demo_options_t;

typedef enum gw_demo_command { GW_DEMO_RUN, GW_DEMO_HELP, GW_DEMO_VERSION, GW_DEMO_USAGE } gw_demo_command_t;

/** @param ret set on GW_DEMO_RUN only   @param reterr set on GW_DEMO_USAGE: one sentence of at most size - 1 bytes
 *  @return what the user asked for; GW_DEMO_USAGE: the command line is wrong */
gw_demo_command_t gw_demo_options_parse(int argc, char *const *argv, gw_demo_options_t *ret, char *reterr, size_t size);
/** @param ret_share millionths of a decimal number from 0 to 1   @return false: it is none; `reterr` says so */
bool gw_demo_ratio_parse(const char *text, uint32_t *ret_share, char *reterr, size_t size);
/** @return false: not an address; `reterr` says why */
bool gw_demo_address_parse(const char *text, gw_demo_address_t *ret, char *reterr, size_t size);

#endif
