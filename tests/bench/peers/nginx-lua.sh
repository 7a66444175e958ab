# SPDX-License-Identifier: MIT
# nginx with Lua: tokens are verified by OpenSSL through lua-luaossl, and remembered until they expire in an LRU cache of
# the worker, found by the whole field; the modules are those of Debian.
# shellcheck shell=bash disable=SC2034,SC2154

nginx_lua_module=/usr/lib/nginx/modules/ngx_http_lua_module.so

peer_nginx_lua_program() {
    # nginx without the module is of no use here
    [ -e "$nginx_lua_module" ] && echo nginx || echo "$nginx_lua_module"
}

peer_nginx_lua_source() {
    echo 'Debian packages nginx libnginx-mod-http-lua lua-resty-core lua-resty-lrucache lua-cjson lua-luaossl'
}

peer_nginx_lua_version() {
    peer_nginx_version
}

peer_nginx_lua_supports() {
    [ -z "$cache_bytes" ] || {
        say 'bench: nginx-lua has no cache here; going on without it'
        return 1
    }
    [ "$credentials" = jwt ] || {
        say "bench: nginx-lua would do what nginx does here; going on without it"
        return 1
    }
}

peer_nginx_lua_start() {
    cat >"$dir/verify.lua" <<END
local base64 = require "ngx.base64"
local cjson = require "cjson.safe"
local digest = require "openssl.digest"
local lrucache = require "resty.lrucache"
local pkey = require "openssl.pkey"

local verified = assert(lrucache.new($jwt_remembered))
local file = assert(io.open("$jwt_key"))
local key = pkey.new(file:read("*a"))
file:close()

local function verify(field, now)
    local header, payload, signature = string.match(field, "^[Bb]earer ([%w_-]+)%.([%w_-]+)%.([%w_-]+)\$")
    if not header then
        return false
    end
    local decoded = cjson.decode(base64.decode_base64url(header) or "")
    if type(decoded) ~= "table" or decoded.alg ~= "RS256" or decoded.crit then
        return false
    end
    local bytes = base64.decode_base64url(signature)
    if not bytes or not key:verify(bytes, digest.new("sha256"):update(header, ".", payload)) then
        return false
    end
    local claims = cjson.decode(base64.decode_base64url(payload) or "")
    if type(claims) ~= "table" or claims.iss ~= "$jwt_issuer" or claims.aud ~= "$jwt_audience" or
        type(claims.exp) ~= "number" or claims.exp <= now then
        return false
    end
    verified:set(field, claims.exp)
    return true
end

return function()
    local field, now = ngx.var.http_authorization, ngx.time()
    local exp = field and verified:get(field)
    if exp and exp > now or field and verify(field, now) then
        return
    end
    return ngx.exit(401)
end
END
    nginx_modules="load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module $nginx_lua_module;"
    nginx_http="lua_package_path '$dir/?.lua;/usr/share/lua/5.1/?.lua;;';
    lua_package_cpath '/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;';
    init_by_lua_block { check = require 'verify' }"
    nginx_location='access_by_lua_block { check() }'
    peer_nginx_start
    nginx_modules='' nginx_http='' nginx_location=''
}
