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
    local tls='' rules='' table='type ip' key=src cache=''
    if [ "$scheme" = https ]; then
        cat "$certificate" "$certificate_key" >"$dir/both.pem"
        tls="ssl crt $dir/both.pem"
    fi
    # its documentation's way (jwt_verify, jwt_payload_query); it remembers no tokens
    [ "$credentials" != jwt ] || rules="
    http-request set-var(txn.bearer) http_auth_bearer
    http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('\$.alg')
    http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
    http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,\"$jwt_key\") 1 }
    http-request deny deny_status 401 unless { var(txn.bearer),jwt_payload_query('\$.iss') -m str $jwt_issuer }
    http-request deny deny_status 401 unless { var(txn.bearer),jwt_payload_query('\$.aud') -m str $jwt_audience }
    http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('\$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless { var(txn.exp),sub(txn.now) gt 0 }"
    # It has no token bucket: as many requests as fit into a burst, in a sliding period.
    [ -z "$limit_field" ] || table='type string len 32' key="req.hdr($limit_field)"
    [ -z "$limit_rate" ] || rules="
    stick-table $table size $limit_keys expire 10m store http_req_rate(1${limit_rate#*/})
    http-request track-sc0 $key
    http-request deny deny_status 429 if { sc_http_req_rate(0) gt $limit_burst }"
    # blocks of 1 KiB, in memory that one process shares with itself
    [ -z "$cache_bytes" ] || {
        cache="cache memory
    total-max-size $((cache_bytes >> 20))
    max-object-size 1000000
    max-age 3600"
        rules+='
    http-request cache-use memory
    http-response cache-store memory'
    }
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
$cache
frontend front
    bind 127.0.0.1:$port $tls
$rules
    default_backend origin
backend origin
    server origin 127.0.0.1:$origin_port
END
    launch haproxy -db -f "$dir/conf"
}
