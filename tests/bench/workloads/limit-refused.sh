# SPDX-License-Identifier: MIT
# Nine of ten requests are refused: they carry the key of a client that never stops, the tenth one of 10,000 keys whose
# clients behave.  So every peer refuses the same share of its requests, however fast it is.
# shellcheck shell=bash disable=SC2034

workload_limit_refused() {
    about='10/s and a burst of 20 for each key, 90 % of the requests exceed it; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    limit_rate=10/s
    limit_burst=20
    limit_keys=100000
    refused_percent=90
    refused_text='X-Key: always'
    compared_with=(nginx haproxy)
    send_keys 10 10000
}

workload_limit_refused_proof() {
    prove_limit
}
