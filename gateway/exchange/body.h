/* SPDX-License-Identifier: MIT
 * A request body on its way: the connection it comes from is the source, the upstream client that sends it on is the
 * sink. The source reads no further than the sink has taken, so a slow upstream slows its client down and memory stays
 * bounded. Threads: everything on one worker.  Owns: nothing; source and sink outlive each other's calls by the rules
 * below. */
#ifndef GW_EXCHANGE_BODY_H
#define GW_EXCHANGE_BODY_H

#include <h2o.h>
#include "gateway/base/str.h"

typedef enum gw_body_event {
    GW_BODY_DATA,      /* bytes, more may follow */
    GW_BODY_END,       /* the last bytes (perhaps none); no further call */
    GW_BODY_TOO_LARGE, /* it passed the limit (413); no further call */
    GW_BODY_MALFORMED, /* broken chunked framing (400); no further call */
    GW_BODY_TIMEOUT    /* the client was silent for too long (408); no further call */
} gw_body_event_t;
/* A client that goes away ends the whole exchange; there is no event for it. */

#define GW_BODY_UNKNOWN_LENGTH UINT64_MAX
#define GW_BODY_MAX_SLICES     16 /* of one event */

typedef struct gw_body gw_body_t;
struct gw_body {
    uint64_t length;   /* what Content-Length says, or GW_BODY_UNKNOWN_LENGTH (chunked) */
    uint64_t limit;    /* bytes the route allows; set before start */
    uint64_t received; /* bytes handed to the sink so far */
    bool is_started, is_ended;
    bool is_replayable; /* all of it is in memory: start may be called again for a new sink */
    /** The sink is ready for the first bytes (a client that asked for it is told 100 Continue); then the source calls
     *  on_data once and waits for `more`. */
    void (*start)(gw_body_t *body);
    /** The sink has taken what on_data brought: the slices are dead, and unless it was the end the next may come,
     * perhaps from within.  Also due after GW_BODY_END. */
    void (*more)(gw_body_t *body);
    /* set by the sink before start; it takes itself away (sink = NULL) when it wants no more */
    void (*on_data)(void *sink, gw_body_event_t event, const h2o_iovec_t *slices, size_t num_slices);
    void *sink;
};

#endif
