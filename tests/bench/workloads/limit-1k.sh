# SPDX-License-Identifier: MIT
# As limit, with 1,000 keys: the value of a field.  The rate is so low, and the burst so large, that a bucket once touched
# stays one that has to be remembered.
# shellcheck shell=bash disable=SC2034

workload_limit_1k() {
    about='1/m and a burst of 1,000,000 for each of 1,000 keys, none exceeds it; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    limit_rate=1/m
    limit_burst=1000000
    limit_keys=1000
    send_keys 1 1000
}

workload_limit_1k_proof() {
    prove_limit
}
