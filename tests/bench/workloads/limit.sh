# SPDX-License-Identifier: MIT
# A limit on the rate of each client address that nobody reaches: what the decision costs those who behave.
# shellcheck shell=bash disable=SC2034,SC2154

# What peers limit: each key may send limit_rate, and limit_burst at once; limit_field is the request's field that is the
# key (default: the client's address), limit_keys how many keys there is to be room for.
workload_limit() {
    about='1,000,000/s for each client address, nobody exceeds it; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    limit_rate=1000000/s
    limit_burst=1000000
    limit_keys=100000
}

workload_limit_proof() {
    prove_limit
}

# send_keys EVERY NUM: every request has the field X-Key: one in EVERY has one of NUM keys, at random, the others always the
# same; for workloads of this kind
send_keys() {
    limit_field=X-Key
    request_fields=('X-Key: first')
    printf 'field, every, num_keys = "X-Key", %d, %d\ndofile("%s")\n' "$1" "$2" "$bench/keys.lua" >"$dir/load.lua"
    load_options=(-s "$dir/load.lua")
}

# Starts $peer with a limit that can be reached by hand and asks twenty times: the burst must pass, the rest be refused, and
# another key must still pass.  True when it is so, else $why says what was.
prove_limit() {
    local limit_rate=5/m limit_burst=5 statuses='' other wanted='200 200 200 200 200 429 429 429 429 429 429 429 429 429 429 429 429 429 429 429'
    start_peer "$peer" || {
        why='not with a small limit either'
        return 1
    }
    for _ in {1..20}; do
        statuses+="${statuses:+ }$(ask_as 2)"
    done
    other=$(ask_as 3)
    stop_sessions "${pid_of[$peer]}"
    unset "pid_of[$peer]"
    why="of 20 requests where 5/m and a burst of 5 are allowed, and one of another key, the statuses are $statuses, $other"
    [ "$statuses, $other" = "$wanted, 200" ]
}

# ask_as NUM: prints the status of an answer to a client, or a key, of that number
ask_as() {
    local who=(--interface "127.0.0.$1")
    [ -z "$limit_field" ] || who=(-H "$limit_field: $1")
    curl -sk --http1.1 --max-time 5 "${who[@]}" -o "$dir/answer" -w '%{http_code}' "${url_of[$peer]}"
}
