# SPDX-License-Identifier: MIT
# Requests that carry a JSON Web Token (RS256, 2048 bits), which the peers verify: signature, iss, aud, exp.  A thousand
# tokens in rotation are what a busy gateway sees: those that remember tokens find them.
# shellcheck shell=bash disable=SC2034,SC2154

# make_tokens NUM: the key, the tokens, and what must be refused; for workloads of this kind
make_tokens() {
    local good bad
    credentials=jwt
    jwt_key="$dir/public.pem"
    jwt_issuer=https://auth.example.com
    jwt_audience=orders
    { openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$dir/private.pem" -quiet 2>"$dir/openssl.log" &&
        openssl pkey -in "$dir/private.pem" -pubout -out "$jwt_key" &&
        mint "$jwt_issuer" "$jwt_audience" "$1" 86400 >"$dir/tokens"; } ||
        die "no tokens: $(tail -n 1 "$dir/openssl.log")"
    printf 'token_file = "%s"\ndofile("%s")\n' "$dir/tokens" "$bench/tokens.lua" >"$dir/load.lua"
    load_options=(-s "$dir/load.lua")

    read -r good <"$dir/tokens"
    request_fields=("Authorization: Bearer $good")
    refused_fields=('')
    bad=$(tr A-Za-z B-ZAb-za <<<"${good##*.}")
    for bad in "${good%.*}.$bad" "$(mint "$jwt_issuer" "$jwt_audience" 1 -3600)" \
        "$(mint https://other.example.com "$jwt_audience" 1 86400)" "$(mint "$jwt_issuer" invoices 1 86400)"; do
        refused_fields+=("Authorization: Bearer $bad")
    done
}

mint() {
    "$work/tokens" "$dir/private.pem" "$@"
}

workload_jwt() {
    about='JWT RS256, 1,000 tokens in rotation; HTTP/1.1 keep-alive, one worker, 64 connections, 120-byte answers'
    jwt_remembered=20000 # tokens that a peer with a memory may keep
    make_tokens 1000
}
