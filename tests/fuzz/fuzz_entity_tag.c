/* SPDX-License-Identifier: MIT
 * Fuzz target: a line with an entity tag and one with a list of them.  A list that begins with a tag names it, weakly
 * or strongly as it is; what matches strongly matches weakly; and conditions with that list are judged as it says. */
#include <stdlib.h>
#include "gateway/http/conditional.h"
#include "gateway/http/entity_tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static gw_preconditions_t judge(gw_str_t name, gw_str_t list, gw_str_t tag)
{
    gw_http_field_t field = {name, list};
    gw_conditional_response_t response = {200, tag, GW_HTTP_NO_DATE, GW_HTTP_NO_DATE};
    gw_str_t range;
    return gw_conditional_judge(true, &field, 1, &response, 0, &range);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size != 0 ? memchr(data, '\n', size) : NULL;
    if (end == NULL)
        return 0;
    gw_str_t tag = gw_str((const char *)data, (size_t)(end - data)),
             list = gw_str((const char *)end + 1, size - tag.len - 1);
    bool names_weakly = gw_none_match_names(list, tag), names_strongly = gw_match_names(list, tag);
    must(!names_strongly || names_weakly);
    must((judge(GW_STR("if-none-match"), list, tag) == GW_PRECONDITIONS_NOT_MODIFIED) == names_weakly);
    must((judge(GW_STR("if-match"), list, tag) == GW_PRECONDITIONS_FAILED) == !names_strongly);
    if (gw_entity_tag_is_valid(tag)) {
        char *longer = malloc(tag.len + 2 + list.len);
        memcpy(longer, tag.ptr, tag.len);
        memcpy(longer + tag.len, " ,", 2);
        memcpy(longer + tag.len + 2, list.ptr, list.len);
        gw_str_t both = gw_str(longer, tag.len + 2 + list.len);
        must(gw_none_match_names(both, tag));
        must(gw_match_names(both, tag) == (!gw_entity_tag_is_weak(tag)));
        must(gw_entity_tag_equal_weakly(tag, tag));
        must(gw_entity_tag_equal_strongly(tag, tag) == !gw_entity_tag_is_weak(tag));
        free(longer);
    }
    return 0;
}
