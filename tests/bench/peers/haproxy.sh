# SPDX-License-Identifier: MIT
# HAProxy: one thread, upstream connections shared by all clients.
# shellcheck shell=bash disable=SC2154

peer_haproxy_program() {
    echo haproxy
}

peer_haproxy_source() {
    echo 'Debian package haproxy'
}

peer_haproxy_version() {
    haproxy -v | sed -n 's/^HAProxy version \([^ ]*\).*/haproxy \1/p'
}

peer_haproxy_start() {
    local tls=
    if [ "$scheme" = https ]; then
        cat "$certificate" "$certificate_key" >"$dir/both.pem"
        tls="ssl crt $dir/both.pem"
    fi
    cat >"$dir/conf" <<END
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option forwardfor
    http-reuse always
frontend front
    bind 127.0.0.1:$port $tls
    default_backend origin
backend origin
    server origin 127.0.0.1:$origin_port
END
    launch haproxy -db -f "$dir/conf"
}
