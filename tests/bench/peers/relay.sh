# SPDX-License-Identifier: MIT
# The floor: relay.c copies bytes between two sockets, so its cost is the kernel's.
# shellcheck shell=bash disable=SC2154

peer_relay_program() {
    echo "$work/relay"
}

peer_relay_source() {
    echo 'built from relay.c'
}

peer_relay_version() {
    echo 'kernel only, no HTTP'
}

peer_relay_supports() {
    [ "$scheme" = http ] || {
        say 'bench: relay has no TLS; going on without it'
        return 1
    }
    [ -z "$credentials$limit_rate" ] || peer_relay_is_floor || {
        say 'bench: relay checks no tokens and limits no rates; going on without it'
        return 1
    }
}

# it cannot count, but it can refuse what the workload says will be; it remembers nothing, but it can say the same to everybody
peer_relay_is_floor() {
    [ -n "$refused_text$cache_bytes" ]
}

peer_relay_start() {
    local refuse=()
    [ -z "$refused_text" ] || refuse=(--refuse "$refused_text")
    [ -z "$cache_bytes" ] || {
        curl -si --max-time 5 "http://127.0.0.1:$origin_port$path" >"$dir/answer"
        refuse=(--answer "$dir/answer")
    }
    launch "$work/relay" --port "$port" --upstream "$origin_port" "${refuse[@]}"
}
