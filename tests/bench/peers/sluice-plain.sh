# SPDX-License-Identifier: MIT
# Sluice without the filter that the workload is about: what is left of its cost then.
# shellcheck shell=bash disable=SC2154

peer_sluice_plain_program() {
    peer_sluice_program
}

peer_sluice_plain_source() {
    peer_sluice_source
}

peer_sluice_plain_version() {
    peer_sluice_version
}

peer_sluice_plain_supports() {
    [ -z "$cache_bytes" ] || {
        say 'bench: sluice-plain has no cache here; going on without it'
        return 1
    }
    [ -n "$credentials$limit_rate" ] || {
        say 'bench: sluice-plain would do what sluice does here; going on without it'
        return 1
    }
    [ -z "$refused_percent" ] || {
        say 'bench: sluice-plain refuses nothing; going on without it'
        return 1
    }
}

peer_sluice_plain_is_floor() {
    true
}

peer_sluice_plain_start() {
    local credentials='' limit_rate=''
    peer_sluice_start
}
