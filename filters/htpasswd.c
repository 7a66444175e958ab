/* SPDX-License-Identifier: MIT
 * Files of users and passwords. */
#include "filters/htpasswd.h"
#include "gateway/base/arena.h"
#include "gateway/base/hash.h"
#include "gateway/base/memory.h"
#include "gateway/base/siphash.h"
#include "gateway/config/lines.h"

enum { most_costs = 64 };

struct gw_htpasswd {
    gw_arena_t *arena;
    gw_htpasswd_user_t *entries;
    size_t num, cap;
    uint32_t *slots; /* index + 1 of an entry, 0: free; open addressing, at most half full */
    size_t mask;
    struct {
        const gw_htpasswd_user_t *first;
        size_t up_to; /* users of this cost and of those before it */
    } costs[most_costs];
    size_t num_costs;
};

typedef struct parser {
    gw_htpasswd_t *users;
    unsigned *numbers; /* of the lines of users->entries */
    gw_lines_t lines;
} parser_t;

static bool refuse(parser_t *parser, const char *at, const char *hint, const char *message)
{
    return gw_lines_refuse(&parser->lines, at, hint, "%s", message);
}

/** Control characters cannot be in the name that a client sends (RFC 7617 2), and must not be in a header field. */
static bool is_printable(gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return true;
}

static void keep(parser_t *parser, const gw_htpasswd_user_t *user)
{
    gw_htpasswd_t *users = parser->users;
    if (users->num == users->cap) {
        users->cap = users->cap != 0 ? users->cap * 2 : 64;
        users->entries = realloc(users->entries, users->cap * sizeof(*users->entries));
        parser->numbers = realloc(parser->numbers, users->cap * sizeof(*parser->numbers));
        if (users->entries == NULL || parser->numbers == NULL)
            abort();
    }
    parser->numbers[users->num] = parser->lines.number;
    users->entries[users->num++] = *user;
}

static bool parse_line(parser_t *parser)
{
    gw_str_t line = parser->lines.line;
    const char *hint, *why, *colon;
    gw_htpasswd_user_t user;
    while (line.len != 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
        --line.len;
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    if (parser->users->num == GW_HTPASSWD_MAX)
        return refuse(parser, line.ptr, "at most 100000", "there are too many users");
    if ((colon = memchr(line.ptr, ':', line.len)) == NULL)
        return refuse(parser, line.ptr, "for example: htpasswd -B -C 10 FILE USER", "a line is USER:HASH");
    gw_str_t name = gw_str(line.ptr, (size_t)(colon - line.ptr)), text = gw_str(colon + 1, line.len - name.len - 1);
    if (name.len == 0 || name.len > GW_HTPASSWD_MAX_USER)
        return refuse(parser, line.ptr, "1 to 255 bytes", "this is no name for a user");
    if (!is_printable(name) || name.ptr[0] == ' ' || name.ptr[0] == '\t' || name.ptr[name.len - 1] == ' ')
        return refuse(parser, line.ptr, NULL, "a name has no control characters, and no blanks at its ends");
    if ((why = gw_password_check_hash(text, &user.hash, &hint)) != NULL)
        return refuse(parser, text.ptr, hint, why);
    user.name = gw_str(gw_arena_strdup(parser->users->arena, name), name.len);
    user.text = gw_arena_strdup(parser->users->arena, text);
    keep(parser, &user);
    return true;
}

/* tables ------------------------------------------------------------------------------------------------------------
 */

/** What is hashed into the table comes from the file alone. */
static size_t slot_of(const gw_htpasswd_t *users, gw_str_t name)
{
    return (size_t)gw_hash(name) & users->mask;
}

static void build_table(parser_t *parser)
{
    gw_htpasswd_t *users = parser->users;
    size_t size = 16;
    while (size < 2 * users->num)
        size *= 2;
    users->mask = size - 1;
    users->slots = gw_must_alloc(size, sizeof(*users->slots));
    for (size_t i = 0; i != users->num && !gw_lines_has_enough_errors(&parser->lines); ++i) {
        const gw_htpasswd_user_t *other = gw_htpasswd_find(users, users->entries[i].name);
        if (other != NULL) {
            gw_lines_refuse_earlier(&parser->lines, parser->numbers[i], "the user of line %u is here again",
                                    parser->numbers[other - users->entries]);
            continue;
        }
        size_t slot = slot_of(users, users->entries[i].name);
        while (users->slots[slot] != 0)
            slot = (slot + 1) & users->mask;
        users->slots[slot] = (uint32_t)i + 1;
    }
}

static gw_str_t cost_of(const gw_htpasswd_user_t *user)
{
    return gw_str(user->text, user->hash.cost_len);
}

static void count_costs(gw_htpasswd_t *users)
{
    size_t nums[most_costs] = {0}, num_before = 0;
    for (size_t i = 0; i != users->num; ++i) {
        size_t k = 0;
        while (k != users->num_costs && !gw_str_equal(cost_of(users->costs[k].first), cost_of(&users->entries[i])))
            ++k;
        if (k == most_costs)
            continue;
        if (k == users->num_costs)
            users->costs[users->num_costs++].first = &users->entries[i];
        ++nums[k];
    }
    for (size_t k = 0; k != users->num_costs; ++k)
        users->costs[k].up_to = num_before += nums[k];
}

/* the file ----------------------------------------------------------------------------------------------------------
 */

gw_htpasswd_t *gw_htpasswd_parse(gw_str_t content, const char *path, gw_diag_t *diag)
{
    gw_htpasswd_t *users = gw_must_alloc(1, sizeof(*users));
    parser_t parser = {.users = users, .lines = gw_lines_of(content, path, diag)};
    users->arena = gw_arena_create();
    while (gw_lines_next(&parser.lines) && (parse_line(&parser) || users->num != GW_HTPASSWD_MAX))
        ;
    build_table(&parser);
    count_costs(users);
    free(parser.numbers);
    if (!gw_lines_are_good(&parser.lines))
        return gw_htpasswd_free(users);
    if (users->num == 0)
        gw_diag_warning(diag, (gw_mark_t){.file = path}, "for example: htpasswd -B -C 10 FILE USER",
                        "there is no user in this file");
    return users;
}

gw_htpasswd_t *gw_htpasswd_free(gw_htpasswd_t *users)
{
    if (users == NULL)
        return NULL;
    gw_arena_free(users->arena);
    free(users->entries);
    free(users->slots);
    free(users);
    return NULL;
}

size_t gw_htpasswd_num(const gw_htpasswd_t *users)
{
    return users->num;
}

const gw_htpasswd_user_t *gw_htpasswd_find(const gw_htpasswd_t *users, gw_str_t name)
{
    for (size_t slot = slot_of(users, name); users->slots[slot] != 0; slot = (slot + 1) & users->mask) {
        const gw_htpasswd_user_t *user = &users->entries[users->slots[slot] - 1];
        if (gw_str_equal(user->name, name))
            return user;
    }
    return NULL;
}

const gw_htpasswd_user_t *gw_htpasswd_dummy(const gw_htpasswd_t *users, gw_str_t name, const uint64_t key[2])
{
    if (users->num_costs == 0)
        return NULL;
    /* by share and not by number: when a few users come or go, few names meet another cost than before */
    size_t at = (size_t)((gw_siphash(key, name) >> 32) * users->costs[users->num_costs - 1].up_to >> 32), k = 0;
    while (at >= users->costs[k].up_to)
        ++k;
    return users->costs[k].first;
}
