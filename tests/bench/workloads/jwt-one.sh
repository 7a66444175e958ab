# SPDX-License-Identifier: MIT
# As jwt, with the same token in every request: what finding it costs, and nothing else.
# shellcheck shell=bash disable=SC2034

workload_jwt_one() {
    about='JWT RS256, the same token every time; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    jwt_remembered=20000
    make_tokens 1
}
