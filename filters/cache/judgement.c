/* SPDX-License-Identifier: MIT
 * What may be stored, and for how long. */
#include "filters/cache/judgement.h"
#include "gateway/http/byte_range.h"
#include "gateway/http/date.h"
#include "gateway/http/entity_tag.h"
#include "gateway/http/hop.h"
#include "gateway/http/syntax.h"

#define MAX_LINES 100 /* of one field; a response of the gateway has no more fields in all */

const char *gw_cache_storing_word(gw_cache_storing_t storing)
{
    static const char *const words[] = {
#define GW_CACHE_STORING_TEXT(id, word) word,
        GW_CACHE_STORING_MAP(GW_CACHE_STORING_TEXT)
#undef GW_CACHE_STORING_TEXT
    };
    return words[storing];
}

/* statuses --------------------------------------------------------------------------------------------------------- */

/** RFC 9110 15.1, RFC 7725 3: may be kept though the origin does not say for how long. */
static bool is_cacheable_by_default(unsigned status)
{
    switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 451:
    case 501:
        return true;
    default:
        return false;
    }
}

/** What is said of caching for these is done here (must-understand, RFC 9111 5.2.2.3): RFC 9110 15, RFC 7725. */
static bool is_understood(unsigned status)
{
    switch (status) {
    case 200 ... 206:
    case 300 ... 303:
    case 307 ... 308:
    case 400 ... 406:
    case 408 ... 411:
    case 413 ... 415:
    case 422:
    case 426:
    case 451:
    case 500 ... 505:
        return true;
    default:
        return false;
    }
}

/** Those that are no final response, that no cache may store (RFC 6585 3 to 6: 428, 429, 431, 511), and that answer
 * what was special to one request or its connection, of which the key knows nothing: its preconditions, its range, its
 * timing, its proxy. */
static bool is_never_stored(unsigned status)
{
    switch (status) {
    case 304:
    case 407:
    case 408:
    case 412:
    case 416:
    case 417:
    case 421:
    case 425:
    case 428:
    case 429:
    case 431:
    case 511:
        return true;
    default:
        return status < 200 || status > 599;
    }
}

bool gw_cache_is_error(unsigned status)
{
    return status == 500 || status == 502 || status == 503 || status == 504;
}

/* fields ----------------------------------------------------------------------------------------------------------- */

/** A field that should come once. */
typedef struct single {
    gw_str_t value; /* of the first */
    unsigned num;
} single_t;

typedef struct head {
    gw_str_t control[MAX_LINES], targeted[MAX_LINES];
    size_t num_control, num_targeted;
    single_t age, content_range, date, etag, expires, last_modified;
    bool has_set_cookie, varies_by_anything, has_too_many_lines;
} head_t;

static void add_line(head_t *head, gw_str_t lines[MAX_LINES], size_t *num, gw_str_t value)
{
    if (*num == MAX_LINES)
        head->has_too_many_lines = true;
    else
        lines[(*num)++] = value;
}

static void add_single(single_t *single, gw_str_t value)
{
    if (single->num++ == 0)
        single->value = gw_http_trim(value);
}

static void read_head(const gw_cache_response_facts_t *response, head_t *head)
{
    head->num_control = head->num_targeted = 0;
    head->age = head->content_range = head->date = head->etag = head->expires = head->last_modified =
        (single_t){.num = 0};
    head->has_set_cookie = head->varies_by_anything = head->has_too_many_lines = false;
    const struct {
        gw_str_t name;
        single_t *single;
    } singles[] = {
        {GW_STR("age"), &head->age},         {GW_STR("content-range"), &head->content_range},
        {GW_STR("date"), &head->date},       {GW_STR("etag"), &head->etag},
        {GW_STR("expires"), &head->expires}, {GW_STR("last-modified"), &head->last_modified},
    };
    for (size_t i = 0; i != response->num_fields; ++i) {
        const gw_http_field_t *field = &response->fields[i];
        for (size_t k = 0; k != sizeof(singles) / sizeof(singles[0]); ++k)
            if (gw_str_equal(field->name, singles[k].name))
                add_single(singles[k].single, field->value);
        if (gw_str_equal(field->name, GW_STR("cache-control")))
            add_line(head, head->control, &head->num_control, field->value);
        else if (gw_str_equal(field->name, GW_STR("cdn-cache-control")))
            add_line(head, head->targeted, &head->num_targeted, field->value);
        else if (gw_str_equal(field->name, GW_STR("vary")) && gw_http_list_has(field->value, GW_STR("*")))
            head->varies_by_anything = true;
        else if (gw_str_equal(field->name, GW_STR("set-cookie"))) /* no client knows Set-Cookie2 (RFC 6265 9.4) */
            head->has_set_cookie = true;
    }
}

/** @return false: there is none, there are several, or it is not a date */
static bool read_date(const single_t *field, int64_t now_s, int64_t *ret)
{
    return field->num == 1 && gw_http_date_parse(field->value, now_s, ret);
}

/** RFC 9111 5.1: of several the first; when that is not a number there is none. */
static uint64_t age_of(const single_t *field)
{
    const char *comma = field->value.len != 0 ? memchr(field->value.ptr, ',', field->value.len) : NULL;
    gw_str_t first = field->value;
    uint64_t age = 0;
    if (comma != NULL)
        first = gw_http_trim(gw_str(first.ptr, (size_t)(comma - first.ptr)));
    for (size_t i = 0; i != first.len; ++i) {
        if (first.ptr[i] < '0' || first.ptr[i] > '9')
            return 0;
        age = age * 10 + (uint64_t)(first.ptr[i] - '0');
        if (age > GW_CACHE_ANY_AGE)
            age = GW_CACHE_ANY_AGE;
    }
    return age;
}

static bool is_named(gw_str_t name, const gw_cache_response_directives_t *directives)
{
    for (size_t i = 0; i != directives->num_names; ++i)
        if (gw_str_equal_nocase(directives->names[i], name))
            return true;
    return false;
}

bool gw_cache_is_field_stored(gw_str_t name, const gw_cache_response_directives_t *directives)
{
    return !gw_http_is_hop_by_hop(name) && !gw_str_equal(name, GW_STR("age")) && !is_named(name, directives);
}

bool gw_cache_is_field_updated(gw_str_t name)
{
    return !gw_http_is_hop_by_hop(name) && !gw_str_equal(name, GW_STR("age")) &&
           !gw_str_equal(name, GW_STR("content-length")) && !gw_str_equal(name, GW_STR("content-encoding")) &&
           !gw_str_equal(name, GW_STR("content-range"));
}

/* how long --------------------------------------------------------------------------------------------------------- */

typedef enum basis {
    BASIS_NONE,
    BASIS_ORIGIN, /* it said so */
    BASIS_RULE,   /* the conf does */
    BASIS_GUESS   /* from Last-Modified */
} basis_t;

static uint64_t seconds_between(int64_t earlier, int64_t later)
{
    uint64_t seconds = later > earlier ? (uint64_t)later - (uint64_t)earlier : 0;
    return seconds < GW_CACHE_ANY_AGE ? seconds : GW_CACHE_ANY_AGE;
}

/** RFC 9111 4.2.1.  @param date_s Date, or when it came   @return false: it does not say */
static bool origin_lifetime(const gw_cache_response_directives_t *directives, const single_t *expires, int64_t date_s,
                            uint64_t *ret_ms)
{
    int64_t expires_s;
    if (directives->s_maxage != GW_CACHE_NOT_SAID)
        *ret_ms = directives->s_maxage * 1000;
    else if (directives->max_age != GW_CACHE_NOT_SAID)
        *ret_ms = directives->max_age * 1000;
    else if (expires->num != 0)
        *ret_ms = read_date(expires, date_s, &expires_s) ? seconds_between(date_s, expires_s) * 1000 : 0;
    else
        return false;
    return true;
}

/** RFC 9111 4.2.2. */
static uint64_t guessed_lifetime(const gw_cache_rules_t *rules, int64_t last_modified_s, int64_t date_s)
{
    uint64_t lifetime = seconds_between(last_modified_s, date_s) * rules->heuristic_share / 10; /* 1000 / 10000 */
    return lifetime < rules->heuristic_max ? lifetime : rules->heuristic_max;
}

/** A lifetime that ends when the ttl is over, counted from the arrival. */
static uint64_t from_arrival(uint64_t ttl, uint64_t initial_age)
{
    return ttl < GW_CACHE_ANY_AGE_MS - initial_age ? initial_age + ttl : GW_CACHE_ANY_AGE_MS;
}

static basis_t find_lifetime(const gw_cache_rules_t *rules, unsigned status, const head_t *head, int64_t date_s,
                             uint64_t initial_age, gw_cache_judgement_t *ret)
{
    const gw_cache_response_directives_t *directives = &ret->directives;
    bool may_be_guessed = is_cacheable_by_default(status) || directives->is_public;
    static const single_t no_expires; /* a targeted field stands for it, too (RFC 9213 2.2) */
    bool is_said = origin_lifetime(directives, head->num_targeted != 0 ? &no_expires : &head->expires, date_s,
                                   &ret->life.lifetime_ms);
    if (rules->override_ttl != GW_CACHE_NOT_SAID && status < 400 && (is_said || may_be_guessed)) {
        ret->life.lifetime_ms = from_arrival(rules->override_ttl, initial_age);
        ret->life.must_validate = false;
        return BASIS_RULE;
    }
    if (is_said)
        return BASIS_ORIGIN;
    uint64_t ttl = status < 400 && may_be_guessed ? rules->ttl : GW_CACHE_NOT_SAID;
    if (gw_status_set_has(&rules->negative_statuses, status) && rules->negative_ttl != GW_CACHE_NOT_SAID)
        ttl = rules->negative_ttl;
    if (ttl != GW_CACHE_NOT_SAID) {
        ret->life.lifetime_ms = from_arrival(ttl, initial_age);
        return BASIS_RULE;
    }
    if (!may_be_guessed)
        return BASIS_NONE;
    if (ret->last_modified_s != INT64_MIN)
        ret->life.lifetime_ms = guessed_lifetime(rules, ret->last_modified_s, date_s);
    ret->life.is_heuristic = ret->life.lifetime_ms != 0;
    return BASIS_GUESS;
}

/** What may be done when it is stale (RFC 9111 4.2.4, RFC 5861). */
static void find_grace(const gw_cache_rules_t *rules, unsigned status, gw_cache_judgement_t *ret)
{
    const gw_cache_response_directives_t *directives = &ret->directives;
    if (ret->life.must_validate || ret->life.never_stale)
        return;
    uint64_t while_revalidate = rules->while_revalidate, if_error = rules->if_error;
    /* An old failure is no better than a new one.  And what nobody has called fresh for a moment may be made for one
     * client, by its cookies: nothing but the origin's own word lets others have it. */
    if (gw_cache_is_error(status) || ret->life.lifetime_ms == 0)
        while_revalidate = if_error = GW_CACHE_NOT_SAID;
    if (directives->stale_while_revalidate != GW_CACHE_NOT_SAID)
        while_revalidate = directives->stale_while_revalidate * 1000;
    if (directives->stale_if_error != GW_CACHE_NOT_SAID)
        if_error = directives->stale_if_error * 1000;
    ret->life.while_revalidate_ms = while_revalidate != GW_CACHE_NOT_SAID ? while_revalidate : 0;
    ret->life.if_error_ms = if_error != GW_CACHE_NOT_SAID ? if_error : 0;
}

/* whether ---------------------------------------------------------------------------------------------------------- */

/** Can it be of any use later: fresh, or stale where that is allowed, or confirmed by the origin? */
static gw_cache_storing_t is_of_use(basis_t basis, uint64_t initial_age, const gw_cache_judgement_t *judgement)
{
    const gw_cache_life_t *life = &judgement->life;
    bool is_validatable = judgement->etag.len != 0 || judgement->last_modified_s != INT64_MIN;
    bool is_fresh = life->lifetime_ms > initial_age && !life->must_validate;
    if (basis == BASIS_NONE)
        return GW_CACHE_STORING_NO_LIFETIME;
    if (is_validatable || is_fresh || life->while_revalidate_ms != 0 || life->if_error_ms != 0)
        return GW_CACHE_STORING_YES;
    return basis == BASIS_RULE && !life->must_validate ? GW_CACHE_STORING_RULE : GW_CACHE_STORING_NO_LIFETIME;
}

static gw_cache_storing_t decide(const gw_cache_rules_t *rules, const gw_cache_request_facts_t *request,
                                 unsigned status, const head_t *head, const gw_cache_judgement_t *judgement)
{
    const gw_cache_response_directives_t *directives = &judgement->directives;
    gw_content_range_t range;
    if (!request->is_get)
        return GW_CACHE_STORING_METHOD;
    if (request->directives != NULL && request->directives->no_store)
        return GW_CACHE_STORING_REQUEST_NO_STORE;
    if (is_never_stored(status) || (directives->must_understand && !is_understood(status)) ||
        (request->has_range && status != 200 && status != 206))
        return GW_CACHE_STORING_STATUS;
    if ((directives->no_store && !directives->must_understand) || head->has_too_many_lines)
        return GW_CACHE_STORING_NO_STORE;
    if (directives->is_private)
        return GW_CACHE_STORING_PRIVATE;
    if (request->has_authorization && !directives->is_public && !directives->must_revalidate &&
        directives->s_maxage == GW_CACHE_NOT_SAID)
        return GW_CACHE_STORING_AUTHORIZATION;
    if (head->has_set_cookie && !rules->stores_set_cookie && !is_named(GW_STR("set-cookie"), directives))
        return GW_CACHE_STORING_SET_COOKIE;
    if (head->varies_by_anything)
        return GW_CACHE_STORING_VARY_ANY;
    if (status == 206 && !(request->has_range && head->content_range.num == 1 &&
                           gw_content_range_parse(head->content_range.value, &range)))
        return GW_CACHE_STORING_PARTIAL;
    return GW_CACHE_STORING_YES;
}

void gw_cache_judge(const gw_cache_rules_t *rules, const gw_cache_request_facts_t *request,
                    const gw_cache_response_facts_t *response, gw_cache_judgement_t *ret)
{
    head_t head;
    gw_cache_arrival_t arrival = {.asked_ms = response->asked_ms,
                                  .came_ms = response->came_ms,
                                  .came_wall_s = response->came_wall_s,
                                  .date_s = INT64_MIN};
    *ret = (gw_cache_judgement_t){.last_modified_s = INT64_MIN};
    read_head(response, &head);
    if (!gw_cache_targeted_directives(head.targeted, head.num_targeted, &ret->directives)) {
        head.num_targeted = 0;
        gw_cache_response_directives(head.control, head.num_control, &ret->directives);
    }
    arrival.age_s = age_of(&head.age);
    read_date(&head.date, response->came_wall_s, &arrival.date_s);
    int64_t date_s = arrival.date_s != INT64_MIN ? arrival.date_s : response->came_wall_s;
    read_date(&head.last_modified, response->came_wall_s, &ret->last_modified_s);
    if (head.etag.num == 1 && gw_entity_tag_is_valid(head.etag.value))
        ret->etag = head.etag.value;

    ret->life.born_ms = gw_cache_born(&arrival);
    ret->life.must_validate = ret->directives.no_cache;
    ret->life.never_stale = ret->directives.must_revalidate || ret->directives.proxy_revalidate ||
                            ret->directives.s_maxage != GW_CACHE_NOT_SAID;
    ret->life.is_immutable = ret->directives.immutable;
    uint64_t initial_age = (uint64_t)(response->came_ms - ret->life.born_ms);
    basis_t basis = find_lifetime(rules, response->status, &head, date_s, initial_age, ret);
    find_grace(rules, response->status, ret);
    ret->storing = decide(rules, request, response->status, &head, ret);
    if (ret->storing == GW_CACHE_STORING_YES)
        ret->storing = is_of_use(basis, initial_age, ret);
}
