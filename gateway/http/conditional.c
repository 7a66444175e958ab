/* SPDX-License-Identifier: MIT
 * Conditions of requests. */
#include "gateway/http/conditional.h"
#include "gateway/http/date.h"
#include "gateway/http/entity_tag.h"
#include "gateway/http/syntax.h"

/** A field that may stand once only: twice is as good as not at all for each of those below (RFC 9110 13.1.3, 13.1.4,
 * 13.1.5, 14.2: what cannot be read is ignored), but for If-Range, which then does not hold. */
typedef struct single {
    unsigned count;
    gw_str_t value;
} single_t;

typedef struct conditions {
    const gw_http_field_t *fields;
    size_t num_fields;
    bool has_match, has_none_match; /* lists: several lines are read where they stand */
    single_t modified_since, unmodified_since, if_range, range;
} conditions_t;

static const gw_str_t match = {"if-match", 8}, none_match = {"if-none-match", 13};

static void take(single_t *single, const gw_http_field_t *field)
{
    ++single->count;
    single->value = gw_http_trim(field->value);
}

/** One look at every name; nearly all are passed over by their length or their first letter. */
static void collect(conditions_t *conditions)
{
    for (size_t i = 0; i != conditions->num_fields; ++i) {
        const gw_http_field_t *field = &conditions->fields[i];
        if (field->name.len < 5 || (field->name.ptr[0] != 'i' && field->name.ptr[0] != 'r'))
            continue;
        if (gw_str_equal(field->name, GW_STR("range")))
            take(&conditions->range, field);
        else if (gw_str_equal(field->name, GW_STR("if-range")))
            take(&conditions->if_range, field);
        else if (gw_str_equal(field->name, match))
            conditions->has_match = true;
        else if (gw_str_equal(field->name, none_match))
            conditions->has_none_match = true;
        else if (gw_str_equal(field->name, GW_STR("if-modified-since")))
            take(&conditions->modified_since, field);
        else if (gw_str_equal(field->name, GW_STR("if-unmodified-since")))
            take(&conditions->unmodified_since, field);
    }
}

static bool any_line(const conditions_t *conditions, gw_str_t name, bool (*names_tag)(gw_str_t, gw_str_t), gw_str_t tag)
{
    for (size_t i = 0; i != conditions->num_fields; ++i)
        if (gw_str_equal(conditions->fields[i].name, name) && names_tag(conditions->fields[i].value, tag))
            return true;
    return false;
}

static bool has_date(const single_t *single, int64_t now_s, int64_t *ret)
{
    return single->count == 1 && gw_http_date_parse(single->value, now_s, ret);
}

/** RFC 9110 13.1.5.  A date says "the same" only where the representation cannot have changed twice in that second:
 * where its response was made later than that (8.8.2.2). */
static bool range_condition_holds(const conditions_t *conditions, const gw_conditional_response_t *response,
                                  int64_t now_s)
{
    int64_t date;
    if (conditions->if_range.count == 0)
        return true;
    if (conditions->if_range.count != 1)
        return false;
    if (gw_entity_tag_is_valid(conditions->if_range.value))
        return gw_entity_tag_equal_strongly(conditions->if_range.value, response->etag);
    int64_t made = response->date != GW_HTTP_NO_DATE ? response->date : now_s;
    return has_date(&conditions->if_range, now_s, &date) && date == response->last_modified && made > date;
}

gw_preconditions_t gw_conditional_judge(bool is_get, const gw_http_field_t *fields, size_t num_fields,
                                        const gw_conditional_response_t *response, int64_t now_s, gw_str_t *ret_range)
{
    conditions_t conditions = {.fields = fields, .num_fields = num_fields};
    int64_t date;
    *ret_range = gw_str(NULL, 0);
    if (response->status < 200 || response->status > 299)
        return GW_PRECONDITIONS_SEND;
    collect(&conditions);
    /* the steps of RFC 9110 13.2.2 */
    int64_t modified = response->last_modified != GW_HTTP_NO_DATE ? response->last_modified : response->date;
    if (conditions.has_match) {
        if (!any_line(&conditions, match, gw_match_names, response->etag))
            return GW_PRECONDITIONS_FAILED;
    } else if (has_date(&conditions.unmodified_since, now_s, &date) && response->last_modified != GW_HTTP_NO_DATE &&
               response->last_modified > date) {
        return GW_PRECONDITIONS_FAILED;
    }
    if (conditions.has_none_match) {
        if (any_line(&conditions, none_match, gw_none_match_names, response->etag))
            return GW_PRECONDITIONS_NOT_MODIFIED;
    } else if (has_date(&conditions.modified_since, now_s, &date) && modified != GW_HTTP_NO_DATE && modified <= date) {
        return GW_PRECONDITIONS_NOT_MODIFIED;
    }
    if (is_get && (response->status == 200 || response->status == 206) && conditions.range.count == 1 &&
        range_condition_holds(&conditions, response, now_s))
        *ret_range = conditions.range.value;
    return GW_PRECONDITIONS_SEND;
}
