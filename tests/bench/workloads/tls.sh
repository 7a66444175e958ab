# SPDX-License-Identifier: MIT
# As plain, over TLS.  Connections are kept alive, so it is encryption that counts, not the 64 handshakes of a slice.
# shellcheck shell=bash disable=SC2034

workload_tls() {
    about='HTTP/1.1 over TLS (EC P-256) keep-alive, one worker, 64 connections, 120-byte answers'
    scheme=https
}
