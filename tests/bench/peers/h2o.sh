# SPDX-License-Identifier: MIT
# h2o: one thread, upstream keep-alive; it adds X-Forwarded-For by itself.
# shellcheck shell=bash disable=SC2154

peer_h2o_program() {
    echo h2o
}

peer_h2o_source() {
    echo 'Debian package h2o'
}

peer_h2o_version() {
    h2o -v | sed -n 's/^h2o version /h2o /p'
}

peer_h2o_supports() {
    [ -z "$cache_bytes" ] || {
        say 'bench: h2o has no cache here; going on without it'
        return 1
    }
    [ -z "$credentials$limit_rate" ] || {
        say 'bench: h2o checks no tokens and limits no rates; going on without it'
        return 1
    }
}

peer_h2o_start() {
    local tls='' user=''
    if [ "$scheme" = https ]; then
        tls=", ssl: { certificate-file: $certificate, key-file: $certificate_key, ocsp-update-interval: 0 }"
    fi
    # h2o started by root becomes nobody, who cannot enter this temporary folder
    [ "$(id -u)" != 0 ] || user='user: root'
    cat >"$dir/conf" <<END
num-threads: 1
$user
listen: { host: 127.0.0.1, port: $port$tls }
proxy.timeout.keepalive: 60000
hosts:
  default:
    paths:
      /: { proxy.reverse.url: "http://127.0.0.1:$origin_port/" }
END
    launch h2o -c "$dir/conf"
}
