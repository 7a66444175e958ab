/* SPDX-License-Identifier: MIT
 * Documents that are fetched from a URL and kept fresh: key sets of issuers.  The last good one stays in use whatever
 * happens; how often it is fetched follows what its server says (Cache-Control) within bounds of the conf.
 *
 * A reader that misses something in the document asks for a new one (gw_fetch_ask) and looks whether that has come
 * (gw_fetch_has_come).  All who ask before a fetch begins share it, and fetches do not begin more often than the conf
 * allows, so whoever sends unknown key ids cannot make the gateway hammer an issuer. */
#ifndef GW_UPKEEP_FETCH_H
#define GW_UPKEEP_FETCH_H

#include "gateway/upkeep/file.h"

typedef struct gw_fetch_conf {
    gw_mark_t at;
    const char *url;     /* http or https */
    const char *ca_file; /* whom to trust; NULL: the system's */
    uint64_t timeout;    /* ms for all of it */
    uint64_t min_ttl, max_ttl;
    uint64_t min_interval; /* ms between the beginnings of two fetches */
} gw_fetch_conf_t;

/** The rows of these options but for the URL, to be part of a section: GW_FETCH_FIELDS(offset of the struct). */
#define GW_FETCH_FIELDS(base)                                                                                          \
    {.key = "ca_file",                                                                                                 \
     .type = GW_PATH,                                                                                                  \
     .offset = (base) + offsetof(gw_fetch_conf_t, ca_file),                                                            \
     .def_text = "the system's",                                                                                       \
     .meaning = "PEM file of the certificates that vouch for an https server"},                                        \
        {.key = "timeout",                                                                                             \
         .type = GW_DURATION,                                                                                          \
         .offset = (base) + offsetof(gw_fetch_conf_t, timeout),                                                        \
         .min = 10,                                                                                                    \
         .max = 60000,                                                                                                 \
         .def = "5s",                                                                                                  \
         .meaning = "how long a fetch may take, and a request may wait for it"},                                       \
        {.key = "min_ttl",                                                                                             \
         .type = GW_DURATION,                                                                                          \
         .offset = (base) + offsetof(gw_fetch_conf_t, min_ttl),                                                        \
         .min = 1000,                                                                                                  \
         .max = 86400000,                                                                                              \
         .def = "1m",                                                                                                  \
         .meaning = "keys are fetched again after that time at the soonest, whatever their server says"},              \
        {.key = "max_ttl",                                                                                             \
         .type = GW_DURATION,                                                                                          \
         .offset = (base) + offsetof(gw_fetch_conf_t, max_ttl),                                                        \
         .min = 1000,                                                                                                  \
         .max = 604800000,                                                                                             \
         .def = "1h",                                                                                                  \
         .meaning = "keys are fetched again after that time at the latest"},                                           \
    {                                                                                                                  \
        .key = "min_interval", .type = GW_DURATION, .offset = (base) + offsetof(gw_fetch_conf_t, min_interval),        \
        .min = 100, .max = 3600000, .def = "2s",                                                                       \
        .meaning = "time between two fetches, also when tokens name unknown keys or fetches fail"                      \
    }

typedef struct gw_fetch gw_fetch_t;

/** Begins to fetch.  @param class its is_secret is not looked at   @param first what is in use until then, or NULL
 *  @return to be given to gw_fetch_stop */
gw_fetch_t *gw_fetch_start(gw_upkeep_t *upkeep, const gw_file_class_t *class, const gw_fetch_conf_t *conf,
                           gw_version_t *first);
/** One more who uses it, and will stop it. */
gw_fetch_t *gw_fetch_share(gw_fetch_t *fetch);
/** The last one who stops it ends it.  NULL is fine; returns NULL. */
gw_fetch_t *gw_fetch_stop(gw_fetch_t *fetch);
/** Whether it does what this conf asks for, so that a reload may go on with it. */
bool gw_fetch_is_for(const gw_fetch_t *fetch, const gw_fetch_conf_t *conf);
gw_published_t *gw_fetch_published(const gw_fetch_t *fetch);
const char *gw_fetch_url(const gw_fetch_t *fetch);

/** Asks for a document that is fetched from now on.  Any thread; cheap.  @return its number */
uint64_t gw_fetch_ask(gw_fetch_t *fetch);
/** Whether it has come, or has failed to. */
bool gw_fetch_has_come(const gw_fetch_t *fetch, uint64_t number);

/** Whether the last one that came brought nothing. */
bool gw_fetch_is_failing(const gw_fetch_t *fetch);

/** One fetch in the calling thread, for tools.  @return NULL after reporting */
gw_version_t *gw_fetch_once(const gw_file_class_t *class, const gw_fetch_conf_t *conf, gw_diag_t *diag);

#endif
