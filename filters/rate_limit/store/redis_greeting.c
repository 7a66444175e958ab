/* SPDX-License-Identifier: MIT
 * What is said first, and what the answers mean. */
#include <arpa/inet.h>
#include <stdio.h>
#include "filters/rate_limit/store/redis_command.h"
#include "filters/rate_limit/store/redis_greeting.h"

#define MAX_ARGS 3

static void add(gw_redis_greeting_t *greeting, gw_redis_step_t step)
{
    greeting->steps[greeting->num_steps++] = step;
}

void gw_redis_greeting_begin(gw_redis_greeting_t *greeting, const gw_redis_url_t *url, bool at_sentinel)
{
    *greeting = (gw_redis_greeting_t){.url = url};
    if (url->password != NULL)
        add(greeting, at_sentinel ? GW_REDIS_STEP_TRY_AUTH : GW_REDIS_STEP_AUTH);
    if (at_sentinel) {
        add(greeting, GW_REDIS_STEP_MASTER);
        return;
    }
    add(greeting, GW_REDIS_STEP_NAME);
    if (url->db != 0)
        add(greeting, GW_REDIS_STEP_DATABASE);
    if (url->where == GW_REDIS_SENTINEL)
        add(greeting, GW_REDIS_STEP_ROLE);
    add(greeting, GW_REDIS_STEP_PING);
}

/* commands --------------------------------------------------------------------------------------------------------- */

/** @param number room for a database's   @return how many */
static size_t make(const gw_redis_greeting_t *greeting, gw_redis_step_t step, gw_str_t args[MAX_ARGS], char number[16])
{
    const gw_redis_url_t *url = greeting->url;
    size_t num = 0;

    switch (step) {
    case GW_REDIS_STEP_AUTH:
    case GW_REDIS_STEP_TRY_AUTH:
        args[num++] = GW_STR("AUTH");
        if (url->user != NULL)
            args[num++] = gw_str_of(url->user);
        args[num++] = gw_str_of(url->password);
        break;
    case GW_REDIS_STEP_NAME:
        args[num++] = GW_STR("CLIENT");
        args[num++] = GW_STR("SETNAME");
        args[num++] = GW_STR("sluice");
        break;
    case GW_REDIS_STEP_DATABASE:
        snprintf(number, 16, "%u", url->db);
        args[num++] = GW_STR("SELECT");
        args[num++] = gw_str_of(number);
        break;
    case GW_REDIS_STEP_ROLE:
        args[num++] = GW_STR("ROLE");
        break;
    case GW_REDIS_STEP_PING:
        args[num++] = GW_STR("PING");
        break;
    case GW_REDIS_STEP_MASTER:
        args[num++] = GW_STR("SENTINEL");
        args[num++] = GW_STR("get-master-addr-by-name");
        args[num++] = gw_str_of(url->master);
        break;
    }
    return num;
}

size_t gw_redis_greeting_size(const gw_redis_greeting_t *greeting)
{
    gw_str_t args[MAX_ARGS];
    char number[16];
    size_t size = 0;

    for (size_t i = 0; i != greeting->num_steps; ++i)
        size += gw_redis_command_size(args, make(greeting, greeting->steps[i], args, number));
    return size;
}

void gw_redis_greeting_write(const gw_redis_greeting_t *greeting, char *to)
{
    gw_str_t args[MAX_ARGS];
    char number[16];

    for (size_t i = 0; i != greeting->num_steps; ++i)
        to = gw_redis_command_write(to, args, make(greeting, greeting->steps[i], args, number));
}

/* replies ---------------------------------------------------------------------------------------------------------- */

static gw_redis_greeted_t fail(gw_redis_greeting_t *greeting, gw_redis_cause_t cause, const gw_redis_reply_t *reply)
{
    size_t len = 0;
    greeting->cause = cause;
    if (reply->type == GW_REDIS_ERROR) {
        while (len != reply->text.len && len != sizeof(greeting->code) - 1 && reply->text.ptr[len] >= 'A' &&
               reply->text.ptr[len] <= 'Z')
            ++len;
        if (gw_redis_reply_is_error(reply, "LOADING"))
            greeting->cause = GW_REDIS_CAUSE_LOADING;
        else if (gw_redis_reply_is_error(reply, "NOAUTH"))
            greeting->cause =
                greeting->url->password != NULL ? GW_REDIS_CAUSE_WRONG_PASSWORD : GW_REDIS_CAUSE_NEEDS_PASSWORD;
        if (len != 0)
            memcpy(greeting->code, reply->text.ptr, len);
    }
    greeting->code[len] = '\0';
    return GW_REDIS_GREETING_FAILED;
}

static bool is_text(const gw_redis_reply_t *reply, gw_redis_type_t type, gw_str_t text)
{
    return reply->type == type && gw_str_equal(reply->text, text);
}

static bool parse_port(gw_str_t text, uint16_t *ret)
{
    uint32_t port = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i != text.len; ++i) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    *ret = (uint16_t)port;
    return port != 0 && port <= UINT16_MAX;
}

static gw_redis_greeted_t take_master(gw_redis_greeting_t *greeting, const gw_redis_reply_t *reply)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    gw_str_t host;

    if (reply->type == GW_REDIS_NIL || (reply->type == GW_REDIS_ARRAY && reply->num_elements == 0))
        return fail(greeting, GW_REDIS_CAUSE_NO_MASTER, reply);
    if (reply->type != GW_REDIS_ARRAY || reply->num_elements != 2 || reply->elements[0].type != GW_REDIS_STRING ||
        reply->elements[1].type != GW_REDIS_STRING || !parse_port(reply->elements[1].text, &greeting->master_port))
        return fail(greeting, GW_REDIS_CAUSE_BAD_SENTINEL, reply);
    host = reply->elements[0].text;
    if (host.len != 0 && host.len < sizeof(greeting->master_host)) {
        memcpy(greeting->master_host, host.ptr, host.len);
        greeting->master_host[host.len] = '\0';
        if (inet_pton(AF_INET, greeting->master_host, bytes) == 1 ||
            inet_pton(AF_INET6, greeting->master_host, bytes) == 1)
            return GW_REDIS_GREETED;
    }
    return fail(greeting, GW_REDIS_CAUSE_MASTER_BY_NAME, reply);
}

static gw_redis_greeted_t take_step(gw_redis_greeting_t *greeting, gw_redis_step_t step, const gw_redis_reply_t *reply)
{
    bool is_ok = is_text(reply, GW_REDIS_STATUS, GW_STR("OK"));

    switch (step) {
    case GW_REDIS_STEP_TRY_AUTH:
    case GW_REDIS_STEP_NAME: /* only for who looks at the server's list of clients */
        return GW_REDIS_GREETED;
    case GW_REDIS_STEP_AUTH:
        return is_ok ? GW_REDIS_GREETED : fail(greeting, GW_REDIS_CAUSE_WRONG_PASSWORD, reply);
    case GW_REDIS_STEP_DATABASE:
        return is_ok ? GW_REDIS_GREETED : fail(greeting, GW_REDIS_CAUSE_NO_DATABASE, reply);
    case GW_REDIS_STEP_ROLE:
        if (reply->type != GW_REDIS_ARRAY || reply->num_elements == 0)
            return fail(greeting, GW_REDIS_CAUSE_NO_ROLE, reply);
        return is_text(&reply->elements[0], GW_REDIS_STRING, GW_STR("master"))
                   ? GW_REDIS_GREETED
                   : fail(greeting, GW_REDIS_CAUSE_NOT_MASTER, reply);
    case GW_REDIS_STEP_PING:
        /* NOPERM: signed in, but not allowed to ping, which says as much */
        return is_text(reply, GW_REDIS_STATUS, GW_STR("PONG")) || gw_redis_reply_is_error(reply, "NOPERM")
                   ? GW_REDIS_GREETED
                   : fail(greeting, GW_REDIS_CAUSE_NOT_READY, reply);
    case GW_REDIS_STEP_MASTER:
        return take_master(greeting, reply);
    }
    return GW_REDIS_GREETING_FAILED;
}

/** What a server says that closes at once, before it has read anything: too many clients, protected mode. */
static bool is_turned_away(const gw_redis_reply_t *reply)
{
    return gw_redis_reply_is_error(reply, "DENIED") ||
           (reply->type == GW_REDIS_ERROR && gw_str_starts_with(reply->text, GW_STR("ERR max number of clients")));
}

gw_redis_greeted_t gw_redis_greeting_take(gw_redis_greeting_t *greeting, const gw_redis_reply_t *reply)
{
    if (is_turned_away(reply))
        return fail(greeting, GW_REDIS_CAUSE_TURNED_AWAY, reply);
    gw_redis_greeted_t greeted = take_step(greeting, greeting->steps[greeting->next++], reply);
    return greeted == GW_REDIS_GREETED && greeting->next != greeting->num_steps ? GW_REDIS_GREETING_MORE : greeted;
}
