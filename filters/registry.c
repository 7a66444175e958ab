/* SPDX-License-Identifier: MIT
 * Every filter there is: the one place where the gateway learns of them. */
#include "filters/api_key.h"
#include "filters/basic_auth.h"
#include "filters/cache/cache.h"
#include "filters/circuit_breaker.h"
#include "filters/compress/compress.h"
#include "filters/concurrency_limit.h"
#include "filters/cors.h"
#include "filters/headers.h"
#include "filters/ip_access.h"
#include "filters/jwt/jwt.h"
#include "filters/mtls.h"
#include "filters/rate_limit/rate_limit.h"

const gw_filter_class_t *const gw_filter_classes[] = {
    &gw_api_key_filter,
    &gw_basic_auth_filter,
    &gw_cache_filter,
    &gw_circuit_breaker_filter,
    &gw_compress_filter,
    &gw_concurrency_limit_filter,
    &gw_cors_filter,
    &gw_headers_filter,
    &gw_ip_access_filter,
    &gw_jwt_filter,
    &gw_mtls_filter,
    &gw_rate_limit_filter,
    NULL,
};
