/* SPDX-License-Identifier: MIT
 * What the test filter `stamp` reads: one option of each type. */
#ifndef TESTS_SUPPORT_FILTER_CLASSES_H
#define TESTS_SUPPORT_FILTER_CLASSES_H

#include "gateway/config/schema.h"

struct stamp {
    bool bright;
    uint64_t weight, every, room;
    const char *text, *secret;
    int colour;
    gw_conf_strings_t tags;
    void *outside; /* malloc'd by the section's check, freed by the class's dispose */
};

#endif
