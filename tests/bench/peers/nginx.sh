# SPDX-License-Identifier: MIT
# nginx: one worker process, upstream keep-alive.
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
    local tls='' user='' kind
    if [ "$scheme" = https ]; then
        tls="ssl_certificate $certificate; ssl_certificate_key $certificate_key; ssl_protocols TLSv1.2 TLSv1.3;"
    fi
    # a worker of root becomes nobody, who cannot enter this temporary folder
    [ "$(id -u)" != 0 ] || user='user root;'
    cat >"$dir/conf" <<END
daemon off;
${nginx_modules:-}
$user
worker_processes 1;
pid $dir/pid;
error_log $dir/error.log;
events {
    worker_connections 512;
}
http {
    access_log off;
    ${nginx_http:-}
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
