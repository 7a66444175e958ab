/* SPDX-License-Identifier: MIT
 * Client certificates on the way of a request. */
#include "filters/mtls.h"
#include "filters/mtls_conf.h"
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/principal.h"

static const char self[] = "mtls";

typedef struct client {
    gw_principal_t super;
    const gw_client_certificate_t *certificate;
} client_t;

static gw_str_t property(const gw_principal_t *principal, h2o_mem_pool_t *pool, gw_str_t name)
{
    const client_t *client = (const client_t *)principal;
    for (size_t i = 0; i != GW_CERTIFICATE_NUM_TEXTS; ++i)
        if (gw_str_equal(name, gw_str_of(gw_certificate_text_names[i])))
            return client->certificate->texts[i];
    return gw_str(NULL, 0);
}

static gw_principal_t *copy_principal(const gw_principal_t *principal, h2o_mem_pool_t *pool)
{
    client_t *copy = h2o_mem_alloc_pool(pool, sizeof(*copy));
    *copy = *(const client_t *)principal; /* its texts are the certificate's */
    return &copy->super;
}

static const gw_principal_t *add_principal(gw_exchange_t *ex, const gw_mtls_conf_t *conf)
{
    client_t *client = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*client));
    *client = (client_t){
        .super = {.scheme = self,
                  .name = gw_mtls_name(&conf->rules, ex->certificate),
                  .property = property,
                  .copy = copy_principal},
        .certificate = ex->certificate,
    };
    gw_exchange_add_principal(ex, &client->super);
    return &client->super;
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *value, void *state)
{
    const gw_mtls_conf_t *conf = value;
    gw_mtls_result_t result = gw_mtls_judge(&conf->rules, ex->certificate);
    bool is_observed = conf->mode == GW_AUTH_OBSERVE;
    /* one that is refused is known too: the log shall say who it was; but one that is let through all the same is
     * nobody, or a later filter with `optional: when_known` would take that for a good certificate */
    bool is_known = ex->certificate != NULL && (result == GW_MTLS_OK || !is_observed);
    const gw_principal_t *client = is_known ? add_principal(ex, conf) : NULL;
    gw_exchange_forget_field(ex, GW_STR("client-cert"));
    gw_exchange_forget_field(ex, GW_STR("client-cert-chain"));
    gw_exchange_forward_principal(ex, &conf->forward, client);
    if (ex->certificate == NULL && gw_auth_may_lack(conf->optional, ex->principal != NULL))
        return GW_NEXT;
    if (result == GW_MTLS_OK)
        return GW_NEXT;
    gw_exchange_decide(ex, self, is_observed ? "would_refuse" : "refused", gw_mtls_result_str(result));
    if (is_observed)
        return GW_NEXT;
    if (result == GW_MTLS_MISSING)
        gw_exchange_problem(ex, GW_REASON_MTLS_MISSING, "connect with a client certificate");
    else
        gw_exchange_problem(ex, GW_REASON_MTLS_NOT_ALLOWED, NULL);
    return GW_ANSWERED;
}

const gw_filter_class_t gw_mtls_filter = {
    .name = self,
    .meaning = "lets clients in by the certificate of their connection",
    .section = &gw_mtls_section,
    .gives_principal = true,
    .demands_credentials = gw_mtls_demands_credentials,
    .link = gw_mtls_link,
    .on_request = on_request,
};
