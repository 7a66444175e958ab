/* SPDX-License-Identifier: MIT
 * The filter chain of one exchange: in the route's order on the way in, in reverse on the way out. */
#include <assert.h>
#include "gateway/exchange/chain.h"
#include "gateway/server/worker.h"

#define FEW_DECISIONS 8 /* as many as fit a pool's chunk; GW_MAX_FILTERS of them take a malloc of their own */

/** @return false: there are enough */
static bool grow_decisions(gw_exchange_t *ex)
{
    if (ex->max_decisions == GW_MAX_FILTERS)
        return false;
    ex->max_decisions = ex->max_decisions == 0 ? FEW_DECISIONS : GW_MAX_FILTERS;
    gw_decision_t *larger = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*larger) * ex->max_decisions);
    if (ex->num_decisions != 0)
        memcpy(larger, ex->decisions, sizeof(*larger) * ex->num_decisions);
    ex->decisions = larger;
    return true;
}

void gw_exchange_decide_with(gw_exchange_t *ex, const char *filter, const char *verdict, const char *reason,
                             const char *detail)
{
    gw_decision_t decision = {filter, verdict, reason, NULL};
    if (detail != NULL && *detail != '\0')
        decision.detail = h2o_strdup(&ex->req->pool, detail, SIZE_MAX).base;
    if (ex->num_decisions != 0 && ex->decisions[ex->num_decisions - 1].filter == filter &&
        (!ex->is_in_chain || ex->decided_by == ex->current_filter))
        ex->decisions[ex->num_decisions - 1] = decision; /* it knows better now */
    else if (ex->num_decisions != ex->max_decisions || grow_decisions(ex))
        ex->decisions[ex->num_decisions++] = decision;
    ex->decided_by = ex->current_filter;
}

void gw_exchange_decide(gw_exchange_t *ex, const char *filter, const char *verdict, const char *reason)
{
    gw_exchange_decide_with(ex, filter, verdict, reason, NULL);
}

void gw_exchange_take_decisions(gw_exchange_t *ex, const gw_exchange_t *from)
{
    for (size_t i = 0; i != from->num_decisions; ++i) {
        gw_decision_t decision = from->decisions[i];
        if (decision.detail != NULL)
            decision.detail = h2o_strdup(&ex->req->pool, decision.detail, SIZE_MAX).base;
        if (ex->num_decisions != ex->max_decisions || grow_decisions(ex))
            ex->decisions[ex->num_decisions++] = decision;
    }
}

void **gw_exchange_data(gw_exchange_t *ex)
{
    size_t size = sizeof(*ex->filter_data) * ex->route->num_filters;
    if (ex->filter_data == NULL)
        ex->filter_data = memset(h2o_mem_alloc_pool(&ex->req->pool, size), 0, size);
    return &ex->filter_data[ex->current_filter];
}

void gw_exchange_simplify(gw_exchange_t *ex)
{
    for (size_t i = ex->current_filter + 1; i < ex->route->num_filters; ++i) {
        const gw_filter_conf_t *filter = ex->route->filters[i];
        if (filter->class->simplify != NULL)
            filter->class->simplify(ex, filter->conf);
    }
}

/** Runs filters from ex->next_filter on.  @return what the chain as a whole decided */
static gw_verdict_t run(gw_exchange_t *ex)
{
    const gw_route_conf_t *route = ex->route;
    while (ex->next_filter != route->num_filters) {
        const gw_filter_conf_t *filter = route->filters[ex->next_filter];
        ex->current_filter = ex->next_filter;
        ex->num_run = ++ex->next_filter;
        if (filter->class->on_request == NULL)
            continue;
        gw_verdict_t verdict = filter->class->on_request(ex, filter->conf, ex->view->filter_states[filter->slot]);
        if (verdict == GW_NEXT)
            continue;
        assert(verdict == GW_WAITING || ex->is_answered);
        return verdict;
    }
    return GW_NEXT;
}

gw_verdict_t gw_chain_run(gw_exchange_t *ex)
{
    ex->is_in_chain = true;
    gw_verdict_t verdict = run(ex);
    ex->is_in_chain = verdict == GW_WAITING;
    return verdict;
}

void gw_exchange_filter_response(gw_exchange_t *ex)
{
    if (ex->is_response_filtered)
        return;
    ex->is_response_filtered = true;
    ex->req->res.original.status =
        ex->req->res.status; /* else libh2o copies the fields, for logs that we do not write */
    for (size_t i = ex->num_run; i-- > ex->first_filter;) {
        const gw_filter_conf_t *filter = ex->route->filters[i];
        ex->current_filter = i;
        if (filter->class->on_response != NULL)
            filter->class->on_response(ex, filter->conf, ex->view->filter_states[filter->slot]);
    }
}

void gw_chain_end(gw_exchange_t *ex)
{
    for (size_t i = ex->num_run; i-- > ex->first_filter;) {
        const gw_filter_conf_t *filter = ex->route->filters[i];
        ex->current_filter = i;
        if (filter->class->on_end != NULL)
            filter->class->on_end(ex, filter->conf, ex->view->filter_states[filter->slot]);
    }
    ex->num_run = ex->first_filter;
}
