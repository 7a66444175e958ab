/* SPDX-License-Identifier: MIT
 * Options that the filters which know credentials have in common: `forward`, which tells the service who a request
 * comes from, and `require`, which says who may pass.
 *
 *   forward: { owner: X-Owner }                       property: request field
 *   require: { plan: [gold, silver], region: eu }     property: what it may be; all of them must fit
 *
 * Threads: read on the control thread, then immutable.  Owned by: the snapshot. */
#ifndef GW_FILTERS_PRINCIPAL_CONF_H
#define GW_FILTERS_PRINCIPAL_CONF_H

#include "gateway/config/reader.h"
#include "gateway/config/snapshot.h"

typedef enum gw_auth_mode { GW_AUTH_ENFORCE, GW_AUTH_OBSERVE } gw_auth_mode_t;
extern const char *const gw_auth_mode_words[];

/** Whether a request may pass that has none of a filter's credentials. */
typedef enum gw_auth_optional {
    GW_AUTH_NEEDED,
    GW_AUTH_OPTIONAL,
    GW_AUTH_OPTIONAL_WHEN_KNOWN /* an earlier filter of the route has established a principal */
} gw_auth_optional_t;
extern const char *const gw_auth_optional_words[];
/** @param is_known somebody has established a principal   @return whether the request passes without */
static inline bool gw_auth_may_lack(int optional, bool is_known)
{
    return optional == GW_AUTH_OPTIONAL || (optional == GW_AUTH_OPTIONAL_WHEN_KNOWN && is_known);
}
/** @return whether a request without credentials that nobody knows is refused */
static inline bool gw_auth_demands(int optional, int mode)
{
    return !gw_auth_may_lack(optional, false) && mode == GW_AUTH_ENFORCE;
}
/** The row `optional`.  @param member of the struct, a gw_auth_optional_t in an int   @param what "a token" */
#define GW_AUTH_OPTIONAL_FIELD(type_of_conf, member, what)                                                             \
    {                                                                                                                  \
        .key = "optional", .type = GW_ENUM, .offset = offsetof(type_of_conf, member), .words = gw_auth_optional_words, \
        .def = "false",                                                                                                \
        .meaning = "whether requests without " what " pass: when_known, those of which an earlier filter knows who "   \
                   "sends them; one that is wrong is refused all the same"                                             \
    }

/** For the check of a section: field names become lower-case; those that are none, that belong to the gateway or that
 * stand there twice are reported. */
void gw_conf_check_forward(struct gw_conf_reader *reader, gw_conf_pairs_t *forward);

/** For the check of a section, after gw_conf_check_forward: a field that a credential is read from is reported, for the
 * client's own copies of what is forwarded are removed first.
 *  @param places `num` of them; those of kind GW_KEY_NONE, which an error was reported for, are skipped */
void gw_conf_check_forward_apart(struct gw_conf_reader *reader, const gw_conf_pairs_t *forward,
                                 const gw_key_conf_t *places, size_t num);

/** For the check of a section: a realm becomes a quoted-string (RFC 9110 11.5), so it has neither quotes nor
 * backslashes, nor anything outside printable ASCII. */
void gw_conf_check_realm(struct gw_conf_reader *reader, const char *realm, gw_mark_t at);

typedef struct gw_requirement {
    const char *property;
    gw_mark_t at;
    gw_conf_strings_t values;
} gw_requirement_t;

typedef struct gw_requirements {
    gw_requirement_t *entries;
    size_t size;
} gw_requirements_t;

/** For a GW_CUSTOM row with this `takes`. */
#define GW_REQUIREMENTS_TAKES "mapping of properties to a text or a list of texts"
void gw_conf_read_requirements(struct gw_conf_reader *reader, const struct gw_node *node, void *target);
struct gw_node *gw_conf_show_requirements(gw_arena_t *arena, const void *target);

/** @param value empty: the principal has no such property, and the requirement is not met */
bool gw_requirement_is_met(const gw_requirement_t *requirement, gw_str_t value);

#endif
