/* SPDX-License-Identifier: MIT
 * What is wrong with something that a person has written. */
#include <stdarg.h>
#include <stdio.h>
#include "gateway/base/complaint.h"

bool gw_complain(gw_complaint_t complaint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(complaint.to, complaint.size, format, args);
    va_end(args);
    return false;
}
