/* SPDX-License-Identifier: MIT
 * Commands as bytes.  Not hiredis' own: that allocates for each. */
#include "filters/rate_limit/store/redis_command.h"

static size_t num_digits(size_t number)
{
    size_t num = 1;
    while ((number /= 10) != 0)
        ++num;
    return num;
}

/** "*3\r\n" and "$5\r\n" */
static char *write_count(char *to, char kind, size_t number)
{
    size_t len = num_digits(number);
    *to++ = kind;
    for (size_t i = len; i != 0; number /= 10)
        to[--i] = (char)('0' + number % 10);
    to += len;
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

size_t gw_redis_command_size(const gw_str_t *args, size_t num_args)
{
    size_t size = 1 + num_digits(num_args) + 2;
    for (size_t i = 0; i != num_args; ++i)
        size += 1 + num_digits(args[i].len) + 2 + args[i].len + 2;
    return size;
}

char *gw_redis_command_write(char *to, const gw_str_t *args, size_t num_args)
{
    to = write_count(to, '*', num_args);
    for (size_t i = 0; i != num_args; ++i) {
        to = write_count(to, '$', args[i].len);
        if (args[i].len != 0)
            memcpy(to, args[i].ptr, args[i].len);
        to += args[i].len;
        *to++ = '\r';
        *to++ = '\n';
    }
    return to;
}
