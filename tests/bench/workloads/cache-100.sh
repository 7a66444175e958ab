# SPDX-License-Identifier: MIT
# As cache, with a hundred answers.
# shellcheck shell=bash disable=SC2034,SC2154

workload_cache_100() {
    about='100 answers at random, from the cache; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    path=/cacheable/120/one
    cache_bytes=$((64 << 20))
    compared_with=(haproxy relay)
    ask_for 100
}

workload_cache_100_warm_up() {
    warm_cache 100
}

# ask_for NUM: one of NUM paths at random, all of the same length
ask_for() {
    printf 'num_paths = %d\ndofile("%s")\n' "$1" "$bench/paths.lua" >"$dir/load.lua"
    load_options=(-s "$dir/load.lua")
}

# warm_cache NUM: each of them has come once before anything is measured
warm_cache() {
    local said
    ! is_floor "$peer" || return 0 # it remembers nothing
    said=$(timeout 120 taskset -c "$load_cpu" "$work/fetch" "${url_of[$peer]%/*}" "$1" 2>&1) || {
        say "bench: $peer: $said"
        exit_status=1
    }
}
