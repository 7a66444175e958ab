/* SPDX-License-Identifier: MIT
 * Every filter there is: the one place where the gateway learns of them. */
#include "filters/circuit_breaker.h"
#include "filters/headers.h"

const gw_filter_class_t *const gw_filter_classes[] = {
    &gw_circuit_breaker_filter,
    &gw_headers_filter,
    NULL,
};
