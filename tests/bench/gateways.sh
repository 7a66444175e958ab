# SPDX-License-Identifier: MIT
# Several gateways in front of one origin, all with the same limit, and a Redis if they share it: for exactness and shared.
# Sourced, with processes.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# A kind KIND_NAME sets some of: about (one line), peer (of peers/, default sluice), num_gateways (default 1), store_mode (of
# Sluice: what it shares a Redis by) and limit_more (more of its conf).

kind_local() {
    about='one gateway'
}

kind_nginx() {
    about='nginx'
    peer=nginx
}

kind_two() {
    about='two gateways that know nothing of each other'
    num_gateways=2
}

kind_share() {
    about='two gateways, share: 1/2'
    num_gateways=2
    limit_more=', share: 1/2'
}

kind_exact() {
    about='two gateways, a Redis, store_mode: exact'
    num_gateways=2
    store_mode=exact
}

kind_lease() {
    about="two gateways, a Redis, store_mode: lease of ${lease_tokens:-a tenth of the burst in} tokens"
    num_gateways=2
    store_mode=lease
    limit_more=${lease_tokens:+", lease: { tokens: $lease_tokens }"}
}

# start_kind KIND FOLDER: starts it; sets about, ports and pids (sessions).  False, with the reason said, when it does not work.
start_kind() {
    local dir=$2 peer=sluice num_gateways=1 store_mode='' limit_more='' port i program
    # what peers read
    local scheme=http credentials='' limit_field='' limit_keys=10000
    call kind "$1"
    program=$(call peer "$peer" program)
    command -v "$program" >/dev/null || {
        say "bench: $1: $program is not here ($(call peer "$peer" source)); going on without it"
        return 1
    }
    mkdir -p "$dir"
    ports=() pids=()
    if [ -n "$store_mode" ]; then
        start_redis "$dir" || return 1
        pids+=("$started_pid")
        limit_more+=", store: \"redis+unix://$dir/redis\", store_mode: $store_mode"
    fi
    for ((i = 1; i <= num_gateways; ++i)); do
        dir=$2/$i
        mkdir "$dir"
        start_gateway || {
            say "bench: $1: $peer does not start; the end of its log:"
            tail -n 5 "$dir/log" >&2
            return 1
        }
        ports+=("$port")
        pids+=("$started_pid")
    done
}

# Sets port.
start_gateway() {
    for _ in 1 2 3; do # another program may take the free port first
        port=$("$work/freeport")
        call peer "$peer" start
        # not by a request: that would take a token
        eventually listens "$port" && kill -0 "$started_pid" 2>/dev/null && return
        stop_sessions "$started_pid"
    done
    return 1
}

listens() {
    { : </dev/tcp/127.0.0.1/"$1"; } 2>/dev/null || ! kill -0 "$started_pid" 2>/dev/null
}

start_redis() {
    command -v redis-server >/dev/null || {
        say 'bench: redis-server is not here (Debian package redis-server); going on without it'
        return 1
    }
    start_session "$load_cpu" "$1/redis.log" "$1/redis.log" \
        redis-server --port 0 --unixsocket "$1/redis" --save '' --appendonly no --dir "$1"
    eventually test -S "$1/redis" || {
        say "bench: redis-server does not start: $(tail -n 1 "$1/redis.log")"
        return 1
    }
}

# offer OPTION...: runs paced against $ports; sets sent, answered, late, sending_us, span_us, worst_us and of_status, or is false
offer() {
    local said word
    said=$(taskset -c "$load_cpu" "$work/paced" --ports "$(IFS=,; echo "${ports[*]}")" "$@" 2>&1) || {
        say "bench: ${said##*$'\n'}"
        return 1
    }
    read -r _ sent _ answered _ late _ sending_us _ span_us _ worst_us said <<<"$said"
    of_status=()
    for word in $said; do
        of_status[${word%:*}]=${word#*:}
    done
}
