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
    local tls=
    if [ "$scheme" = https ]; then
        tls=", tls: { certificates: [ { certificate: $certificate, key: $certificate_key } ] }"
    fi
    cat >"$dir/conf.yaml" <<END
workers: 1
access_log: off
listen:
  - { address: "127.0.0.1:$port"$tls }
services:
  origin: { endpoints: [ "http://127.0.0.1:$origin_port" ] }
routes:
  - { path: /, service: origin }
END
    launch "$SLUICE" run -c "$dir/conf.yaml"
}
