# SPDX-License-Identifier: MIT
# What the benchmarks share: processes that are started in sessions of their own and ended with all their children, CPUs,
# functions called by name, what is compiled, rows of tables.  Sourced; $bench and $root are folders, $work a temporary one.
# shellcheck shell=bash disable=SC2154

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "bench: $*"
    exit 2
}

# check_number OPTION VALUE FROM TO
check_number() {
    if ! [[ $2 =~ ^(0|[1-9][0-9]{0,3})$ ]] || (($2 < $3 || $2 > $4)); then
        die "$1: '$2' is not a number from $3 to $4"
    fi
}

# print_row CELL...: of a Markdown table
print_row() {
    local cell
    printf '|'
    for cell in "$@"; do
        printf ' %s |' "$cell"
    done
    printf '\n'
}

# call peer haproxy start: runs peer_haproxy_start
call() {
    "${1}_${2//-/_}${3:+_$3}"
}

has_function() {
    declare -F "${1}_${2//-/_}${3:+_$3}" >/dev/null
}

require_programs() {
    local program
    for program in "$@" curl taskset setsid "${CC:-cc}"; do
        command -v "$program" >/dev/null || die "$program is not installed"
    done
}

# Sets cpus, those which this process may use.
find_cpus() {
    local range
    cpus=()
    for range in $(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status | tr , ' '); do
        mapfile -t -O "${#cpus[@]}" cpus < <(seq "${range%-*}" "${range#*-}")
    done
}

# build_helpers NAME...: from NAME.c, into $work
build_helpers() {
    local helper
    for helper in "$@"; do
        "${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -Wall -I"$root" -o "$work/$helper" "$bench/$helper.c" ||
            die "cannot build $helper"
    done
}

cache_folders=() # of peers that keep files outside of $work
declare -A started=() # pids of session leaders: a session holds one program with all its children
load_pid=

# start_session CPU,... OUT LOG COMMAND...: sets $started_pid
start_session() {
    local allowed=$1 out=$2 log=$3
    shift 3
    setsid taskset -c "$allowed" "$@" </dev/null >"$out" 2>"$log" &
    started_pid=$!
    started[$started_pid]=1
}

# true when COMMAND is, within about five seconds
eventually() {
    local _
    for _ in {1..100}; do
        "$@" && return
        sleep 0.05
    done
    return 1
}

# launch PROGRAM ARGUMENT...: a peer, which writes to $dir/log
launch() {
    start_session "$peer_cpu" "$dir/log" "$dir/log" "$@"
}

# stop_sessions PID...: they end within two seconds or are killed; forgotten either way
stop_sessions() {
    local pid attempt
    for pid in "$@"; do
        # its session may not have begun yet
        kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null
        kill -CONT -- "-$pid" 2>/dev/null # a stopped one would not hear of it
    done
    for pid in "$@"; do
        for attempt in {1..40}; do
            kill -0 -- "-$pid" 2>/dev/null || break
            sleep 0.05
        done
        [ "$attempt" -lt 40 ] || kill -KILL -- "-$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        unset "started[$pid]"
    done
}

# measure_session PID: sets ticks (user and system, of its processes and of their dead children), nanoseconds (of its
# living threads, 0 where the kernel does not tell) and rss_kib.
measure_session() {
    local stat fields pid value schedstat
    local page_kib=$(($(getconf PAGESIZE) / 1024))
    ticks=0 nanoseconds=0 rss_kib=0
    for stat in /proc/[0-9]*/stat; do
        { read -r value <"$stat"; } 2>/dev/null || continue
        read -r -a fields <<<"${value##*) }" # from field 3 (state) on: see proc(5)
        [ "${fields[3]}" = "$1" ] || continue
        pid=${stat//[!0-9]/}
        ((ticks += fields[11] + fields[12] + fields[13] + fields[14]))
        for schedstat in "/proc/$pid/task"/*/schedstat; do
            { read -r value _ <"$schedstat"; } 2>/dev/null && ((nanoseconds += value))
        done
        # the rss in stat is approximate, smaps_rollup is exact but not always readable
        value=$(sed -n 's/^Rss: *\([0-9]*\) kB/\1/p' "/proc/$pid/smaps_rollup" 2>/dev/null)
        ((rss_kib += ${value:-$((fields[21] * page_kib))}))
    done
}

clean_up() {
    trap '' INT TERM HUP
    [ -z "$load_pid" ] || kill "$load_pid" 2>/dev/null
    stop_sessions "${!started[@]}"
    rm -rf "$work" "${cache_folders[@]}"
}

# Sets work, which is removed at the end, when everything that was started is ended too.
begin() {
    work=$(mktemp -d) || die 'no temporary folder'
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# Sets origin_port; the origin runs on $origin_cpu and writes what it has to say to FILE.
start_origin() {
    local file=$1
    : >"$file"
    start_session "$origin_cpu" "$file" "$file.log" "$work/origin"
    for _ in {1..50}; do
        origin_port=$(<"$file")
        [ -z "$origin_port" ] || return 0
        sleep 0.1
    done
    die 'the origin does not start'
}
