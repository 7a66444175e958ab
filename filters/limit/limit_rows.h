/* SPDX-License-Identifier: MIT
 * The options that all filters that limit have.  Threads: constant. */
#ifndef FILTERS_LIMIT_LIMIT_ROWS_H
#define FILTERS_LIMIT_LIMIT_ROWS_H

typedef enum gw_limit_mode { GW_LIMIT_ENFORCE, GW_LIMIT_OBSERVE } gw_limit_mode_t;

typedef enum gw_when_full {
    GW_FULL_SHARED, /* clients without a place are counted as one */
    GW_FULL_REFUSE
} gw_when_full_t;

extern const char *const gw_limit_mode_words[], *const gw_when_full_words[];

/** The row `keys`.  @param type_of_conf struct of the filter's options   @param member its uint64_t   @param text what
 * a client takes up there */
#define GW_LIMIT_KEYS_ROW(type_of_conf, member, text)                                                                  \
    {                                                                                                                  \
        .key = "keys", .type = GW_UINT, .offset = offsetof(type_of_conf, member), .min = 1, .max = 100000000,          \
        .def = "100000", .unit = "clients", .meaning = text                                                            \
    }

/** The row `when_full`.  @param member its int, a gw_when_full_t   @param text what the two do */
#define GW_WHEN_FULL_ROW(type_of_conf, member, text)                                                                   \
    {                                                                                                                  \
        .key = "when_full", .type = GW_ENUM, .offset = offsetof(type_of_conf, member), .words = gw_when_full_words,    \
        .def = "shared", .meaning = "what becomes of a client for whom there is no room: " text                        \
    }

/** The row `mode`.  @param member its int, a gw_limit_mode_t */
#define GW_LIMIT_MODE_ROW(type_of_conf, member)                                                                        \
    {                                                                                                                  \
        .key = "mode", .type = GW_ENUM, .offset = offsetof(type_of_conf, member), .words = gw_limit_mode_words,        \
        .def = "enforce",                                                                                              \
        .meaning = "observe refuses nothing, tells clients nothing, and writes to the access log what enforce would "  \
                   "have done"                                                                                         \
    }

#endif
