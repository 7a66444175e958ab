# SPDX-License-Identifier: MIT
# Sluice with everything on that deals with failing services, while nothing fails.
# shellcheck shell=bash disable=SC2154

peer_sluice_resilient_program() {
    peer_sluice_program
}

peer_sluice_resilient_source() {
    peer_sluice_source
}

peer_sluice_resilient_version() {
    peer_sluice_version
}

peer_sluice_resilient_supports() {
    [ -z "$cache_bytes" ] || {
        say 'bench: sluice-resilient has no cache here; going on without it'
        return 1
    }
    [ -z "$credentials$limit_rate" ] || {
        say 'bench: sluice-resilient is about failing services, not about tokens or limits; going on without it'
        return 1
    }
}

peer_sluice_resilient_start() {
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
  origin:
    endpoints: [ "http://127.0.0.1:$origin_port" ]
    balance: least_requests
    slow_start: 10s
    max_requests: 1000
    health_check: { path: /, period: 1s }
    ejection: { failure_ratio: 50%, max_share: 100% }
    timeouts: { total: 10s }
    retries:
      attempts: 3
      on: [connect_failure, empty_response, reset, response_timeout, 502, 503, 504]
      per_try_timeout: 2s
      hedge_after: 1s
routes:
  - path: /
    service: origin
    filters:
      - circuit_breaker:
          { failure_ratio: 50%, slow_call: 2s, slow_ratio: 80%, consecutive_failures: 20, max_concurrent: 1000, max_queue: 100 }
END
    launch "$SLUICE" run -c "$dir/conf.yaml"
}
