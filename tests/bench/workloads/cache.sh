# SPDX-License-Identifier: MIT
# One small answer, always from memory.
# shellcheck shell=bash disable=SC2034

workload_cache() {
    about='always the same answer, from the cache; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    path=/cacheable/120/one
    cache_bytes=$((64 << 20))
    compared_with=(haproxy nginx relay)
}
