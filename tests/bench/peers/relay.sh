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
    [ -z "$credentials" ] || {
        say 'bench: relay checks no tokens; going on without it'
        return 1
    }
}

peer_relay_start() {
    launch "$work/relay" --port "$port" --upstream "$origin_port"
}
