# SPDX-License-Identifier: MIT
# Sluice itself.
# shellcheck shell=bash disable=SC2154

peer_sluice_program() {
    echo "$SLUICE"
}

peer_sluice_source() {
    echo "./dev build makes $SLUICE"
}

peer_sluice_version() {
    "$SLUICE" version 2>&1 | head -n 1
}

peer_sluice_start() {
    local tls='' filters='' key='key: client_address'
    if [ "$scheme" = https ]; then
        tls=", tls: { certificates: [ { certificate: $certificate, key: $certificate_key } ] }"
    fi
    # what is remembered of a token like these takes 960 bytes
    [ "$credentials" != jwt ] ||
        filters=", filters: [ { jwt: { issuer: $jwt_issuer, audience: $jwt_audience, keys: { file: $jwt_key },
            cache_size: $((jwt_remembered * 960))B } } ]"
    # both fields, RateLimit and RateLimit-Policy, are in every answer: that is its default
    [ -z "$limit_field" ] || key="key: header:$limit_field, when_missing: refuse"
    [ -z "$limit_rate" ] ||
        filters=", filters: [ { rate_limit: { $key, rate: $limit_rate, burst: $limit_burst, keys: $limit_keys$limit_more } } ]"
    # Cache-Status, too: that is its default
    [ -z "$cache_bytes" ] || filters=", filters: [ { cache: { capacity: $((cache_bytes >> 20))MiB } } ]"
    cat >"$dir/conf.yaml" <<END
workers: $workers
access_log: off
listen:
  - { address: "127.0.0.1:$port"$tls }
services:
  origin: { endpoints: [ "http://127.0.0.1:$origin_port" ] }
routes:
  - { path: /, service: origin$filters }
END
    launch "$SLUICE" run -c "$dir/conf.yaml"
}
