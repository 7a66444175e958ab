# SPDX-License-Identifier: MIT
# As jwt, with so many tokens in rotation that each has been forgotten when it comes again: every request verifies, and
# remembers in vain.
# shellcheck shell=bash disable=SC2034,SC2154

workload_jwt_distinct() {
    about='JWT RS256, 20,000 tokens and room for 8,000; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    aside_about='EVP_DigestVerify of RS256 alone, a new context each time'
    jwt_remembered=8000
    make_tokens 20000
}

workload_jwt_distinct_aside() {
    taskset -c "$peer_cpu" "$work/verify_bare" "$jwt_key" <"$dir/tokens"
}
