# SPDX-License-Identifier: MIT
# Sluice itself: one worker.
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
    local tls='' filters=''
    if [ "$scheme" = https ]; then
        tls=", tls: { certificates: [ { certificate: $certificate, key: $certificate_key } ] }"
    fi
    # what is remembered of a token like these takes 960 bytes
    [ "$credentials" != jwt ] ||
        filters=", filters: [ { jwt: { issuer: $jwt_issuer, audience: $jwt_audience, keys: { file: $jwt_key },
            cache_size: $((jwt_remembered * 960))B } } ]"
    cat >"$dir/conf.yaml" <<END
workers: 1
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
