/* SPDX-License-Identifier: MIT
 * The section `overload`. */
#include "gateway/config/overload.h"
#include "gateway/config/reader.h"

enum { second = 1000, everything = 10000, most_in_flight = 10000000, least_memory = 1 << 20 };

const char *const gw_priority_words[] = {[GW_PRIORITY_LOW] = "low",
                                         [GW_PRIORITY_NORMAL] = "normal",
                                         [GW_PRIORITY_HIGH] = "high",
                                         [GW_PRIORITY_CRITICAL] = "critical",
                                         NULL};

static const char *const mode_words[] = {[GW_OVERLOAD_ENFORCE] = "enforce", [GW_OVERLOAD_OBSERVE] = "observe", NULL};

#define MEMORY_MEANING                                                                                                 \
    "resident memory of the process; a percentage is of what its cgroups and the machine allow; 0B has no bound"

/* a size or a percentage, each read by the rules of its type */
static void read_memory(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    static const gw_field_t as_size = {.key = "memory", .type = GW_SIZE, .max = 1ull << 50, .meaning = MEMORY_MEANING},
                            as_share = {
                                .key = "memory", .type = GW_PERCENT, .max = everything, .meaning = MEMORY_MEANING};
    struct gw_memory_bound *bound = target;

    bound->is_share = node->kind == GW_NODE_SCALAR && node->text.len != 0 && node->text.ptr[node->text.len - 1] == '%';
    gw_field_read(reader, bound->is_share ? &as_share : &as_size, node, &bound->amount);
}

static gw_node_t *show_memory(gw_arena_t *arena, const void *target)
{
    const struct gw_memory_bound *bound = target;

    return gw_node_new_text(arena, bound->is_share ? gw_conf_percent_text(arena, bound->amount)
                                                   : gw_conf_size_text(arena, bound->amount));
}

static void check_overload(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    const gw_overload_conf_t *conf = value;

    if (!conf->memory.is_share && conf->memory.amount != 0 && conf->memory.amount < least_memory)
        gw_diag_error(reader->diag, at, "with a unit: memory: 2GiB, or memory: 80%",
                      "'memory: %s' is less than any gateway takes: it would refuse everything",
                      gw_conf_size_text(reader->scratch, conf->memory.amount));
    if (conf->loop_lag == 0 && conf->memory.amount == 0 && conf->in_flight == 0)
        gw_diag_warning(reader->diag, at, "set loop_lag, memory or in_flight",
                        "'overload' without a bound has no effect");
}

static const gw_field_t overload_fields[] = {
    {.key = "loop_lag",
     .type = GW_DURATION,
     .offset = offsetof(gw_overload_conf_t, loop_lag),
     .max = 10 * second,
     .def = "0s",
     .meaning =
         "how long what has happened waits until a worker gets to it, for each worker by itself; 0s has no bound"},
    {.key = "memory",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_overload_conf_t, memory),
     .read = read_memory,
     .show = show_memory,
     .takes = "size or percentage",
     .def = "0B",
     .meaning = MEMORY_MEANING},
    {.key = "in_flight",
     .type = GW_UINT,
     .offset = offsetof(gw_overload_conf_t, in_flight),
     .max = most_in_flight,
     .def = "0",
     .unit = "requests",
     .meaning = "requests under way, all workers together; 0 has no bound"},
    {.key = "mode",
     .type = GW_ENUM,
     .offset = offsetof(gw_overload_conf_t, mode),
     .words = mode_words,
     .def = "enforce",
     .meaning = "observe refuses nothing and only says what it would do"},
    {.key = NULL},
};

const gw_section_t gw_overload_section = {
    .name = "overload",
    .fields = overload_fields,
    .size = sizeof(gw_overload_conf_t),
    .mark_offset = offsetof(gw_overload_conf_t, at),
    .check = check_overload,
};
