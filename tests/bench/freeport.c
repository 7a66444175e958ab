/* SPDX-License-Identifier: MIT
 * freeport: prints a TCP port of 127.0.0.1 that the kernel chose and that nobody listens on, for programs that cannot
 * be told "any port".  Somebody else may take it before it is used: whoever starts a program on it must be ready to try
 * again. */
#include <stdio.h>

#include "tests/bench/loopback.h"

int main(void)
{
    uint16_t port;

    (void)loopback_listen(0, &port);
    printf("%u\n", port);
    return 0;
}
