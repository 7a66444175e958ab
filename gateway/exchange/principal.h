/* SPDX-License-Identifier: MIT
 * Who a request comes from: what a filter that knows credentials (jwt, api_key, basic_auth, mtls) has established.
 * Later filters, the hash of the balancer, header edits and the access log ask for it by key: `principal` is its name,
 * `jwt.sub`, `api_key.owner`, `mtls.fingerprint` one of its properties.
 *
 * Lifetime: the struct and its texts live until the filter's on_end; the access log is written before that.
 * Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_PRINCIPAL_H
#define GW_EXCHANGE_PRINCIPAL_H

#include "gateway/exchange/exchange.h"

typedef struct gw_principal {
    const struct gw_principal *earlier; /* set by gw_exchange_add_principal */
    const char *scheme;                 /* name of the filter class: "jwt" */
    gw_str_t name;                      /* the subject, owner, user; may be empty */
    /** @param name of the property: for a JWT the path of a claim
     *  @return its text, or one of pool memory; empty when there is none */
    gw_str_t (*property)(const struct gw_principal *principal, h2o_mem_pool_t *pool, gw_str_t name);
    /** The same one for an exchange that outlives this one (gateway/exchange/detached.h).  The view and the client's
     * certificate are held for longer by whoever asks for it.
     *  @param pool of that exchange: it holds the copy, all of its texts, and gives back what else it refers to
     *  @return `earlier` is set by the caller */
    struct gw_principal *(*copy)(const struct gw_principal *principal, h2o_mem_pool_t *pool);
} gw_principal_t;

/** From now on the request is known to come from this principal too; the last one that was added gives the name. */
void gw_exchange_add_principal(gw_exchange_t *exchange, gw_principal_t *principal);
/** @return the name of the principal; empty when there is none */
gw_str_t gw_exchange_principal_name(const gw_exchange_t *exchange);
/** @param scheme "jwt"   @return the property of the principal that this kind of filter established; empty when there
 * is none */
gw_str_t gw_exchange_property(const gw_exchange_t *exchange, const char *scheme, gw_str_t name);

/* What the service is told of the principal, in request fields that a conf chooses.  Two filters of a route may choose
 * the same one (jwt or basic_auth, whichever knows the client: X-User), so what one has set the next does not remove.
 */

/** Removes the client's own fields of that name, also those written with '_' for '-', which CGI, WSGI and Rack take for
 * the same; nobody may speak for the gateway, so this is done for every request, whether it has credentials or not.
 *  @param name lower-case */
void gw_exchange_forget_field(gw_exchange_t *exchange, gw_str_t name);
/** Sets the field.  @param name lower-case, of the conf   @param value lives as long as the request */
void gw_exchange_forward_field(gw_exchange_t *exchange, gw_str_t name, gw_str_t value);
/** Both for a whole option `forward`: to be called with NULL before anything is known of the request, and again with
 * the principal.
 *  @param forward property: lower-case field name (gw_conf_check_forward in filters/principal_conf.h)
 *  @param principal NULL: nobody; its properties must be field values and live as long as the request */
void gw_exchange_forward_principal(gw_exchange_t *exchange, const gw_conf_pairs_t *forward,
                                   const gw_principal_t *principal);
/** Another exchange has the fields that this one's filters have set: they are its own there, too. */
void gw_exchange_copy_forwarded(gw_exchange_t *exchange, const gw_exchange_t *model);

#endif
