/* SPDX-License-Identifier: MIT
 * How many requests of each client are under way, on all workers together: places that requests take and leave.
 *
 * The counts live in a table that all deployments of a filter share, so a reload changes none of them.  When it changes
 * the size of the table, a new one comes in front of the old one: who comes takes a place in the new one, as long as
 * its client's places in both together are not too many; who is there leaves the old one.  It goes when the next reload
 * finds nobody in it.  While GW_PLACES_MAX_OLD old tables are in use, the size stays.
 *
 * Beside each count another one may be kept by a rule that is only tried: who is counted there holds both.
 *
 * Threads: create and free on any, one at a time; the rest on all, at any time. */
#ifndef FILTERS_CONCURRENCY_PLACES_H
#define FILTERS_CONCURRENCY_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GW_PLACES_MAX = 1000000, GW_PLACES_MAX_OLD = 4 };

/** What one deployment holds of it. */
typedef struct gw_places gw_places_t;

/** @param keys clients that it has room for, 1..1<<31   @param previous what the deployment before has, with the same
 *  kind of keys, or NULL
 *  @return never NULL */
gw_places_t *gw_places_create(size_t keys, const gw_places_t *previous);
/** Nobody may be under way any more who took a place with it.  NULL is fine; returns NULL. */
gw_places_t *gw_places_free(gw_places_t *places);
/** 16 random bytes, to make hashes of keys with. */
const uint64_t *gw_places_secret(const gw_places_t *places);

typedef struct gw_places_rules {
    uint64_t max;        /* of one client, 1..GW_PLACES_MAX */
    uint64_t trial;      /* the same for the rule that is tried; 0: none */
    bool shares_if_full; /* clients without room in the table have `max` places together; else they have none */
} gw_places_rules_t;

typedef enum gw_place_result {
    GW_PLACE_TAKEN,
    GW_PLACE_NONE_LEFT,
    GW_PLACE_NO_ROOM /* in the table, for this client */
} gw_place_result_t;

/** What a request holds until it leaves. */
typedef struct gw_place {
    struct gw_places_table *table; /* NULL: no place */
    uint64_t hash;
    bool is_shared;         /* for want of room */
    bool is_in_trial;       /* the tried rule has counted it as well */
    bool is_beyond_trial;   /* and would have refused it */
    uint64_t num_remaining; /* places that were left to the client then */
} gw_place_t;

/** Takes one, if there is one.  @param ret_place set in any case, is_shared too */
gw_place_result_t gw_places_take(gw_places_t *places, const gw_places_rules_t *rules, uint64_t hash,
                                 gw_place_t *ret_place);
/** Does nothing for one that was not taken, or was left. */
void gw_places_leave(gw_place_t *place);

/** How often a client found no room, since the table is there. */
uint64_t gw_places_num_full(const gw_places_t *places);
/** Clients with requests under way, old tables included (there some may count twice).  Looks at all of the tables. */
size_t gw_places_num_clients(const gw_places_t *places);
/** How many tables there are, the old ones included. */
size_t gw_places_num_tables(const gw_places_t *places);

#endif
