# SPDX-License-Identifier: MIT
# The plain proxy, for which the project's speed target is set.
# shellcheck shell=bash disable=SC2034

workload_plain() {
    about='HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
}
