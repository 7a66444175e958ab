/* SPDX-License-Identifier: MIT
 * Parts of a limit. */
#include "filters/rate_limit/share.h"
#include "filters/rate_limit/name_count.h"
#include "gateway/base/memory.h"

_Static_assert(GW_NAME_COUNT_MAX <= GW_SHARE_MAX, "whatever is counted can be divided by");

struct gw_share {
    uint64_t number;        /* of the conf: exactly, or at least */
    gw_name_count_t *count; /* one reference; NULL: exactly */
};

gw_share_t *gw_share_create(const struct gw_share_conf *conf)
{
    gw_share_t *share = gw_must_alloc(1, sizeof(*share));
    share->number = conf->dns != NULL ? conf->at_least : conf->part;
    if (conf->dns != NULL)
        share->count = gw_name_count_get(conf->dns, &gw_name_count_by_dns);
    return share;
}

gw_share_t *gw_share_free(gw_share_t *share)
{
    if (share == NULL)
        return NULL;
    gw_name_count_unref(share->count);
    free(share);
    return NULL;
}

uint64_t gw_share_number(const gw_share_t *share)
{
    uint64_t counted = share->count != NULL ? gw_name_count_number(share->count) : 0;
    return counted > share->number ? counted : share->number;
}
