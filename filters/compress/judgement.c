/* SPDX-License-Identifier: MIT
 * The rules of compressing. */
#include "filters/compress/judgement.h"
#include "filters/compress/media_pattern.h"

/** 205 has no content either (RFC 9110 15.3.6); what 304 says is another matter. */
static bool may_have_content(int status)
{
    return status >= 200 && status != 204 && status != 205 && status != 304;
}

static bool is_listed(const gw_compress_rules_t *rules, gw_str_t type)
{
    for (size_t i = 0; i != rules->num_types; ++i)
        if (gw_media_pattern_matches(rules->types[i], type))
            return true;
    return false;
}

gw_compress_judgement_t gw_compress_judge(const gw_compress_rules_t *rules, const gw_compress_facts_t *facts,
                                          const gw_accept_encoding_t *accept)
{
    gw_compress_judgement_t judgement = {GW_CODING_IDENTITY, false};
    if (!may_have_content(facts->status) || facts->is_kept_as_is || !is_listed(rules, facts->content_type))
        return judgement;
    judgement.is_varying = true;
    /* what a service has compressed stays so; offsets of a part are those of what the service has */
    if (facts->is_coded || facts->is_part || facts->status == 206)
        return judgement;
    bool is_worth_it = facts->length >= rules->min_size || gw_accept_encoding_refuses_identity(accept);
    if (is_worth_it && facts->length != 0)
        judgement.coding = gw_accept_encoding_choose(accept, rules->codings, rules->num_codings);
    return judgement;
}
