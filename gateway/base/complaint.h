/* SPDX-License-Identifier: MIT
 * What is wrong with something that a person has written, as a text for them: the way from the function that finds it
 * to the one that was asked. */
#ifndef GW_BASE_COMPLAINT_H
#define GW_BASE_COMPLAINT_H

#include <stdbool.h>
#include <stddef.h>

/** Where the text goes. */
typedef struct gw_complaint {
    char *to;
    size_t size;
} gw_complaint_t;

/** Writes it, cut short where there is no room.  @return false, so that a check can end with it */
bool gw_complain(gw_complaint_t complaint, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
