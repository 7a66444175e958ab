/* SPDX-License-Identifier: MIT
 * Lists of networks. */
#include <stdlib.h>
#include "filters/network_list.h"
#include "gateway/base/memory.h"
#include "gateway/config/lines.h"
#include "gateway/config/text.h"

gw_network_list_t *gw_network_list_create(const gw_cidr_t *networks, size_t num, bool has_unix)
{
    gw_network_list_t *list = gw_must_alloc(1, sizeof(*list));
    *list = (gw_network_list_t){gw_networks_create(networks, num), num + has_unix, has_unix};
    return list;
}

void gw_network_list_free(void *arg)
{
    gw_network_list_t *list = arg;
    if (list != NULL)
        gw_networks_free(list->networks);
    free(list);
}

bool gw_network_is_unix(gw_str_t text)
{
    return gw_str_equal(text, GW_STR("unix"));
}

/* a file ----------------------------------------------------------------------------------------------------------- */

typedef struct parsing {
    gw_arena_t *scratch; /* NULL until there is an error */
    gw_lines_t lines;
    gw_cidr_t *networks;
    size_t num, cap;
    bool has_unix;
} parsing_t;

static void refuse(parsing_t *parsing, gw_str_t text, const char *hint, const char *wanted)
{
    if (parsing->scratch == NULL)
        parsing->scratch = gw_arena_create();
    gw_lines_refuse(&parsing->lines, text.ptr, hint, "'%s' is no network (%s)", gw_text_shown(parsing->scratch, text),
                    wanted);
}

static void add(parsing_t *parsing, gw_cidr_t network)
{
    if (parsing->num == parsing->cap) {
        parsing->cap = parsing->cap == 0 ? 1024 : 2 * parsing->cap;
        parsing->networks = realloc(parsing->networks, parsing->cap * sizeof(*parsing->networks));
        if (parsing->networks == NULL)
            abort();
    }
    parsing->networks[parsing->num++] = network;
}

static void take(parsing_t *parsing, gw_str_t text)
{
    gw_cidr_t network;
    if (gw_network_is_unix(text)) {
        parsing->has_unix = true;
        return;
    }
    gw_cidr_result_t result = gw_cidr_parse(text, &network);
    if (result == GW_CIDR_OK) {
        add(parsing, network);
    } else if (result == GW_CIDR_BITS_BEYOND) {
        char right[GW_CIDR_TEXT_MAX], hint[GW_CIDR_TEXT_MAX + 20];
        gw_cidr_print(&network, right);
        snprintf(hint, sizeof(hint), "did you mean '%s'?", right);
        refuse(parsing, text, hint, gw_cidr_wanted(result));
    } else {
        refuse(parsing, text, text.ptr[0] == '!' ? "there is no '!' here: list it on the other side" : NULL,
               gw_cidr_wanted(result));
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void take_line(parsing_t *parsing, gw_str_t line)
{
    const char *comment = memchr(line.ptr, '#', line.len);
    size_t from = 0, to = comment != NULL ? (size_t)(comment - line.ptr) : line.len;
    while (from != to && is_blank(line.ptr[from]))
        ++from;
    while (to != from && is_blank(line.ptr[to - 1]))
        --to;
    if (from != to)
        take(parsing, gw_str(line.ptr + from, to - from));
}

void *gw_network_list_parse(gw_str_t content, const char *path, gw_diag_t *diag)
{
    parsing_t parsing = {.lines = gw_lines_of(content, path, diag)};
    gw_network_list_t *list = NULL;
    while (parsing.num <= GW_NETWORK_LIST_MAX && gw_lines_next(&parsing.lines))
        take_line(&parsing, parsing.lines.line);
    if (parsing.num > GW_NETWORK_LIST_MAX)
        gw_lines_refuse(&parsing.lines, parsing.lines.line.ptr, NULL, "more than %d networks in one file",
                        GW_NETWORK_LIST_MAX);
    if (gw_lines_are_good(&parsing.lines)) {
        list = gw_network_list_create(parsing.networks, parsing.num, parsing.has_unix);
        if (list->num == 0)
            gw_diag_warning(diag, (gw_mark_t){.file = path}, NULL, "there is no network in this file");
    }
    free(parsing.networks);
    gw_arena_free(parsing.scratch);
    return list;
}

/* judging ---------------------------------------------------------------------------------------------------------- */

static unsigned find(const gw_network_list_t *const lists[2], const uint8_t *address)
{
    unsigned longest = 0;
    for (size_t i = 0; i != 2; ++i) {
        if (lists[i] == NULL)
            continue;
        unsigned found = address != NULL ? gw_networks_find(lists[i]->networks, address) : lists[i]->has_unix;
        longest = found > longest ? found : longest;
    }
    return longest;
}

gw_ip_verdict_t gw_ip_judge(const gw_network_list_t *const allow[2], const gw_network_list_t *const deny[2],
                            const uint8_t *address)
{
    unsigned allowed = find(allow, address), denied = find(deny, address);
    if (denied != 0 && denied >= allowed)
        return GW_IP_DENIED;
    bool is_only = allow[0] != NULL || allow[1] != NULL;
    return allowed == 0 && is_only ? GW_IP_NOT_ALLOWED : GW_IP_ALLOWED;
}

const char *gw_ip_verdict_name(gw_ip_verdict_t verdict)
{
    static const char *const names[] = {
        [GW_IP_ALLOWED] = NULL, [GW_IP_DENIED] = "denied", [GW_IP_NOT_ALLOWED] = "not_allowed"};
    return names[verdict];
}
