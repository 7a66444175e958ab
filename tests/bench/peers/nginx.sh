# SPDX-License-Identifier: MIT
# nginx, upstream keep-alive.
# shellcheck shell=bash disable=SC2154

peer_nginx_program() {
    echo nginx
}

peer_nginx_source() {
    echo 'Debian package nginx'
}

peer_nginx_version() {
    nginx -v 2>&1 | sed -n 's/^nginx version: nginx\/\(.*\)/nginx \1/p'
}

peer_nginx_supports() {
    [ -z "$credentials" ] || {
        say 'bench: nginx alone checks no tokens (nginx-lua does); going on without it'
        return 1
    }
}

# nginx_modules, nginx_http, nginx_location: what other peers add to its configuration
peer_nginx_start() {
    # shellcheck disable=SC2016 # a variable of nginx
    local tls='' user='' kind limit_http='' limit_location='' files cache_http='' cache_location='' key='$binary_remote_addr'
    if [ "$scheme" = https ]; then
        tls="ssl_certificate $certificate; ssl_certificate_key $certificate_key; ssl_protocols TLSv1.2 TLSv1.3;"
    fi
    # a worker of root becomes nobody, who cannot enter this temporary folder
    [ "$(id -u)" != 0 ] || user='user root;'
    [ -z "$limit_field" ] || key="\$http_$(tr A-Z- a-z_ <<<"$limit_field")"
    # A bucket takes 128 bytes of the zone, and there is some for keeping account of its pages.  Its burst is what may come
    # beside the first request.  A refusal is not to cost a line of the error log.
    [ -z "$limit_rate" ] || {
        limit_http="limit_req_zone $key zone=limits:$((limit_keys * 132 / 1024 + 1024))k rate=${limit_rate/\//r/};
    limit_req_status 429;
    limit_req_log_level info;"
        limit_location="limit_req zone=limits burst=$((limit_burst - 1)) nodelay;"
    }
    # files on a tmpfs are as good as memory; what is known of them takes 128 bytes each
    [ -z "$cache_bytes" ] || {
        files=$(mktemp -d /dev/shm/sluice-bench-XXXXXX)
        cache_folders+=("$files")
        cache_http="proxy_cache_path $files levels=1:2 keys_zone=memory:256m max_size=$cache_bytes inactive=1h use_temp_path=off;
    open_file_cache max=200000 inactive=1h;
    open_file_cache_valid 1h;"
        cache_location='proxy_cache memory;'
    }
    cat >"$dir/conf" <<END
daemon off;
${nginx_modules:-}
$user
worker_processes $workers;
pid $dir/pid;
error_log $dir/error.log;
events {
    worker_connections 512;
}
http {
    access_log off;
    ${nginx_http:-}
    $limit_http
    $cache_http
    keepalive_requests 1000000000;
    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $dir/$kind;"; done)
    upstream origin {
        server 127.0.0.1:$origin_port;
        keepalive 128;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:$port ${tls:+ssl};
        $tls
        location / {
            ${nginx_location:-}
            $limit_location
            $cache_location
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
        }
    }
}
END
    launch nginx -c "$dir/conf" -e "$dir/error.log"
}
