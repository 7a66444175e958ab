# SPDX-License-Identifier: MIT
# What the benchmark prints: the table and the JSON of a workload, from the arrays that `run` has filled (one entry per peer,
# in it one number per round, separated by spaces).  Sourced by run.
# shellcheck shell=bash disable=SC2154

# spread NUMBER...: sets median, minimum, maximum
spread() {
    local sorted
    mapfile -t sorted < <(printf '%s\n' "$@" | sort -n)
    minimum=${sorted[0]}
    maximum=${sorted[-1]}
    median=$(((sorted[($# - 1) / 2] + sorted[$# / 2]) / 2))
}

# hundredths NUMBER UNIT: NUMBER/UNIT rounded to two digits
hundredths() {
    local n=$(((${1#-} * 100 + $2 / 2) / $2)) sign=''
    [ "${1#-}" = "$1" ] || sign=-
    printf '%s%d.%02d' "$sign" $((n / 100)) $((n % 100))
}

# cpu_values PEER: sets `values`, its ns per request in the rounds in which it answered
cpu_values() {
    local value
    values=()
    for value in ${cpu_of[$1]}; do
        ((value == 0)) || values+=("$value")
    done
    ((${#values[@]} > 0)) || values=(0)
}

with_range() {
    printf '%s (%s..%s)' "$(hundredths "$median" "$1")" "$(hundredths "$minimum" "$1")" "$(hundredths "$maximum" "$1")"
}

# ratios PEER REFERENCE: sets `quotients`, in thousandths, one per round in which both answered
ratios() {
    local mine theirs i
    read -r -a mine <<<"${cpu_of[$1]}"
    read -r -a theirs <<<"${cpu_of[$2]}"
    quotients=()
    for i in "${!mine[@]}"; do
        ((mine[i] == 0 || theirs[i] == 0)) || quotients+=($(((mine[i] * 1000 + theirs[i] / 2) / theirs[i])))
    done
}

# prints the peer that shows what the rest costs, if there is one
floor_of_workload() {
    local peer
    for peer in "${peers[@]}"; do
        ! is_floor "$peer" || {
            echo "$peer"
            return
        }
    done
}

# above PEER FLOOR: sets `differences`, in ns, one per round in which both answered
above() {
    local mine floors i
    read -r -a mine <<<"${cpu_of[$1]}"
    read -r -a floors <<<"${cpu_of[$2]}"
    differences=()
    for i in "${!mine[@]}"; do
        ((mine[i] == 0 || floors[i] == 0)) || differences+=($((mine[i] - floors[i])))
    done
    ((${#differences[@]} > 0)) || differences=(0)
}

# print_aside FLOOR: each peer's cost divided by that of floor and aside together, round by round
print_aside() {
    local peer floor=$1 mine floors asides i values median minimum maximum
    read -r -a asides <<<"$aside"
    read -r -a floors <<<"${cpu_of[$floor]}"
    spread "${asides[@]}"
    printf '\n%s: %s us\n' "$aside_about" "$(with_range 1000)"
    for peer in "${peers[@]}"; do
        read -r -a mine <<<"${cpu_of[$peer]}"
        values=()
        for i in "${!mine[@]}"; do
            ((mine[i] == 0 || floors[i] == 0)) || values+=($((mine[i] * 1000 / (floors[i] + asides[i]))))
        done
        [ "$peer" = "$floor" ] || ((${#values[@]} == 0)) || {
            spread "${values[@]}"
            printf '  %s: %s x (%s and that)\n' "$peer" "$(with_range 1000)" "$floor"
        }
    done
}

print_table() {
    local peer reference quotients median minimum maximum total cpu rate mine floor differences columns=() values
    ((${#references[@]} == 0)) || compared_with=("${references[@]}")
    for reference in "${compared_with[@]}"; do
        [ -z "${pid_of[$reference]:-}" ] || columns+=("$reference")
    done
    floor=$(floor_of_workload)
    printf '\n%s: %s; %d rounds x %d s\n\n' "$workload" "$about" "$rounds" "$seconds"
    printf '%-16s %-22s' peer 'us CPU/request'
    [ -z "$floor" ] || printf ' %-22s' "us above $floor"
    for reference in "${columns[@]}"; do
        printf ' %-18s' "x $reference"
    done
    printf '%8s %5s %8s %9s' req/s busy 'p99 ms' 'RSS MiB'
    [ -z "$floor" ] || printf ' %9s' 'MiB above'
    [ -z "$refused_percent" ] || printf ' %10s' 'refused %'
    printf ' %7s %7s  %s\n' conns errors version
    for peer in "${peers[@]}"; do
        cpu_values "$peer"
        spread "${values[@]}"
        cpu=$median
        printf '%-16s %-22s' "$peer" "$(with_range 1000)"
        if [ -n "$floor" ]; then
            above "$peer" "$floor"
            spread "${differences[@]}"
            printf ' %-22s' "$(with_range 1000)"
        fi
        for reference in "${columns[@]}"; do
            ratios "$peer" "$reference"
            if ((${#quotients[@]} == 0)); then
                printf ' %-18s' '?'
            else
                spread "${quotients[@]}"
                printf ' %-18s' "$(with_range 1000)"
            fi
        done
        read -r -a values <<<"${rate_of[$peer]}"
        spread "${values[@]}"
        rate=$median
        printf '%8d %4d%%' "$rate" $(((cpu * rate + 5000000) / 10000000))
        read -r -a values <<<"${p99_of[$peer]}"
        spread "${values[@]}"
        printf ' %8s' "$(hundredths "$median" 1000)"
        read -r -a values <<<"${rss_of[$peer]}"
        spread "${values[@]}"
        printf ' %9s' "$(hundredths "$maximum" 1024)"
        if [ -n "$floor" ]; then
            mine=$maximum
            read -r -a values <<<"${rss_of[$floor]}"
            spread "${values[@]}"
            printf ' %9s' "$(hundredths $((mine - maximum)) 1024)"
        fi
        if [ -n "$refused_percent" ]; then
            read -r -a values <<<"${refused_of[$peer]}"
            spread "${values[@]}"
            printf ' %10s' "$(hundredths "$median" 100)"
        fi
        read -r -a values <<<"${upstream_of[$peer]}"
        spread "${values[@]}"
        printf ' %7d' "$maximum"
        total=$((${errors_of[$peer]// /+}))
        printf ' %7d  %s%s\n' "$total" "$(call peer "$peer" version)" "${tls_of[$peer]:+; ${tls_of[$peer]}}"
    done
    [ -z "$floor" ] || [ -z "$aside" ] || print_aside "$floor"
}

# Names the peers whose cost was far from steady: other work on the machine, or on the host of a virtual one.
warn_of_noise() {
    local peer values median minimum maximum unsteady=()
    for peer in "${peers[@]}"; do
        cpu_values "$peer"
        spread "${values[@]}"
        ((maximum - minimum <= median / 5)) || unsteady+=("$peer")
    done
    ((${#unsteady[@]} == 0)) ||
        printf '\nA noisy run: the CPU time of %s varies by more than 20%% (README.md says what helps).\n' "${unsteady[*]}"
}

json_string() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

json_list() {
    local numbers
    read -r -a numbers <<<"$1"
    (
        IFS=,
        printf '[%s]' "${numbers[*]}"
    )
}

# One JSON object for the workload; numbers are per round, in the order of the rounds.
print_json() {
    local peer separator=
    printf '{"name": %s, "about": %s, "connections": %d, "body_bytes": %d, "aside_ns": %s, "peers": [' \
        "$(json_string "$workload")" "$(json_string "$about")" "$connections" "$body_bytes" "$(json_list "$aside")"
    for peer in "${peers[@]}"; do
        printf '%s\n  {"name": %s, "version": %s, "tls": %s,' "$separator" "$(json_string "$peer")" \
            "$(json_string "$(call peer "$peer" version)")" "$(json_string "${tls_of[$peer]}")"
        printf ' "cpu_ns_per_request": %s, "requests_per_s": %s, "p99_us": %s, "errors": %s,' \
            "$(json_list "${cpu_of[$peer]}")" "$(json_list "${rate_of[$peer]}")" "$(json_list "${p99_of[$peer]}")" \
            "$(json_list "${errors_of[$peer]}")"
        printf ' "upstream_connections": %s, "rss_kib": %s, "refused_per_10000": %s}' \
            "$(json_list "${upstream_of[$peer]}")" "$(json_list "${rss_of[$peer]}")" \
            "$(json_list "${refused_of[$peer]}")"
        separator=,
    done
    printf ']}'
}

machine_line() {
    printf '%s, %s, %d cores; peers on CPU %s, origin on %s, wrk on %s' "$(uname -srm)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc --all)" \
        "$peer_cpu" "$origin_cpu" "$load_cpu"
}
