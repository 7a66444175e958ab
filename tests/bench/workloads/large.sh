# SPDX-License-Identifier: MIT
# As plain, with answers large enough for copying to count.
# shellcheck shell=bash disable=SC2034

workload_large() {
    about='HTTP/1.1 keep-alive, one worker, 64 connections, 16 KiB answers'
    path=/bytes/16384
    body_bytes=16384
}
