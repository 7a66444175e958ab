/* SPDX-License-Identifier: MIT
 * The words for what goes wrong. */
#include "gateway/upstream/condition.h"

const char *const gw_condition_words[] = {
#define WORD(id, name) name,
    GW_CONDITION_MAP(WORD)
#undef WORD
        NULL};

bool gw_condition_set_add(gw_condition_set_t *set, gw_str_t text)
{
    for (size_t i = 0; gw_condition_words[i] != NULL; ++i)
        if (gw_str_equal(text, gw_str_of(gw_condition_words[i]))) {
            set->conditions |= 1u << (i + 1);
            return true;
        }
    return gw_status_set_add(&set->statuses, text);
}
