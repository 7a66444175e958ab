# SPDX-License-Identifier: MIT
# As limit-1k, with 1,000,000 keys, each of which has come once before anything is measured: what the memory for them is,
# and what it costs that a bucket is in no cache of the processor.
# shellcheck shell=bash disable=SC2034,SC2154

workload_limit_1m() {
    about='1/m and a burst of 1,000,000 for each of 1,000,000 keys, none exceeds it; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    limit_rate=1/m
    limit_burst=1000000
    limit_keys=1000000
    send_keys 1 1000000
}

workload_limit_1m_proof() {
    prove_limit
}

workload_limit_1m_warm_up() {
    local said port=${url_of[$peer]##*:}
    said=$(taskset -c "$load_cpu" "$work/paced" --ports "${port%%/*}" --pipeline 16 --requests "$limit_keys" \
        --field "$limit_field" --keys "$limit_keys" 2>&1)
    [[ $said = *" 200:$limit_keys" ]] || {
        say "bench: $peer: not every key was answered with 200: $said"
        exit_status=1
    }
}
