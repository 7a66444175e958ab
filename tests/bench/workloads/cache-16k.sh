# SPDX-License-Identifier: MIT
# As cache, with a larger answer.
# shellcheck shell=bash disable=SC2034

workload_cache_16k() {
    about='always the same answer, from the cache; HTTP/1.1 keep-alive, one worker, 64 connections, 16 KiB answers'
    path=/cacheable/16384/one
    body_bytes=16384
    cache_bytes=$((64 << 20))
    compared_with=(haproxy nginx relay)
}
