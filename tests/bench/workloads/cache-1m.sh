# SPDX-License-Identifier: MIT
# As cache, with a million answers, each of which has come once before anything is measured: what it costs that an entry is in
# no cache of the processor.
# shellcheck shell=bash disable=SC2034

workload_cache_1m() {
    about='1,000,000 answers at random, from the cache; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    path=/cacheable/120/one
    cache_bytes=$((2048 << 20))
    compared_with=(haproxy relay)
    ask_for 1000000
}

workload_cache_1m_warm_up() {
    warm_cache 1000000
}
