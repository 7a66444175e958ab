/* SPDX-License-Identifier: MIT
 * What responses say of limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>
#include "tests/support/quotas.h"
#include "tests/support/structured_fields.h"

char *reply_fields(const reply_t *reply, const char *name)
{
    char *all = NULL;
    size_t size, len = strlen(name), num = 0;
    FILE *file = open_memstream(&all, &size);
    for (const char *line = reply->head; *line != '\0'; line += strcspn(line, "\n"), line += *line != '\0') {
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        const char *value = line + len + 1;
        value += strspn(value, " \t");
        fprintf(file, "%s%.*s", num++ != 0 ? ", " : "", (int)strcspn(value, "\r\n"), value);
    }
    fclose(file);
    if (num != 0)
        return all;
    free(all);
    return NULL;
}

static void parse(const reply_t *reply, gw_arena_t *arena, const char *name, sf_list_t *ret)
{
    char *text = reply_fields(reply, name);
    *ret = (sf_list_t){.size = 0};
    if (text != NULL && !sf_parse_list(arena, text, strlen(text), ret))
        fail_msg("%s is no list: '%s'", name, text);
    if (ret->size > QUOTAS_MAX)
        fail_msg("%s has %zu members", name, ret->size);
    free(text);
}

/** @param def when there is none; -2: there must be */
static int64_t parameter(const reply_t *reply, const sf_item_t *item, const char *key, int64_t def)
{
    const sf_bare_t *value = sf_parameter(item, key);
    if (value == NULL && def != -2)
        return def;
    if (value == NULL || value->type != SF_INTEGER || value->number < 0)
        fail_msg("the parameter %s is not as it should be: %s", key, reply->head);
    return value->number;
}

static void check_limit(const reply_t *reply, const quotas_t *quotas, const quota_t *limit)
{
    bool is_full = limit->remaining == limit->quota;
    if (limit->quota < 1 || limit->window_s < 1 || limit->remaining > limit->quota ||
        (is_full ? limit->next_s != -1 : limit->next_s < 1))
        fail_msg("the limit '%s' contradicts itself: %s", limit->name, reply->head);
    if (quotas->retry_after_s != -1 && limit->remaining == 0 && quotas->retry_after_s < limit->next_s)
        fail_msg("Retry-After is before the limit '%s' has anything: %s", limit->name, reply->head);
    for (const quota_t *other = quotas->limits; other != limit; ++other)
        if (strcmp(other->name, limit->name) == 0)
            fail_msg("two limits have the name '%s': %s", limit->name, reply->head);
}

static void read_retry_after(const reply_t *reply, quotas_t *quotas)
{
    char *text = reply_fields(reply, "retry-after"), *end = text;
    quotas->retry_after_s = text != NULL ? strtoll(text, &end, 10) : -1;
    if ((text == NULL && reply->status == 429) || (text != NULL && (*end != '\0' || quotas->retry_after_s < 1)))
        fail_msg("%d with Retry-After '%s'", reply->status, text != NULL ? text : "(none)");
    free(text);
}

quotas_t quotas_of(const reply_t *reply)
{
    quotas_t quotas = {.num = 0};
    gw_arena_t *arena = gw_arena_create();
    sf_list_t policies, limits;
    parse(reply, arena, "ratelimit-policy", &policies);
    parse(reply, arena, "ratelimit", &limits);
    if (policies.size != limits.size)
        fail_msg("%zu policies and %zu limits: %s", policies.size, limits.size, reply->head);
    quotas.num = limits.size;
    read_retry_after(reply, &quotas);
    for (size_t i = 0; i != limits.size; ++i) {
        const sf_item_t *policy = &policies.items[i], *item = &limits.items[i];
        quota_t *limit = &quotas.limits[i];
        if (policy->value.type != SF_STRING || item->value.type != SF_STRING ||
            strcmp(policy->value.text, item->value.text) != 0 || item->value.len >= sizeof(limit->name))
            fail_msg("the limits are not those of the policy: %s", reply->head);
        strcpy(limit->name, item->value.text);
        limit->quota = parameter(reply, policy, "q", -2);
        limit->window_s = parameter(reply, policy, "w", -2);
        limit->remaining = parameter(reply, item, "r", -2);
        limit->next_s = parameter(reply, item, "t", -1);
        check_limit(reply, &quotas, limit);
    }
    gw_arena_free(arena);
    return quotas;
}

int64_t quotas_remaining(const reply_t *reply)
{
    quotas_t quotas = quotas_of(reply);
    if (quotas.num != 1)
        fail_msg("%zu limits instead of one: %s", quotas.num, reply->head);
    return quotas.limits[0].remaining;
}
