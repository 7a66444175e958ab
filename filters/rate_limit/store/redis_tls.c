/* SPDX-License-Identifier: MIT
 * TLS over two memory buffers. */
#include <arpa/inet.h>
#include <stdio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "filters/rate_limit/store/redis_tls.h"
#include "gateway/base/memory.h"

struct gw_redis_tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    bool has_failed;
    char why[GW_REDIS_TLS_MAX_WHY];
};

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

gw_redis_tls_t *gw_redis_tls_create(SSL_CTX *context, const char *host)
{
    gw_redis_tls_t *tls = gw_must_alloc(1, sizeof(*tls));
    if ((tls->ssl = SSL_new(context)) == NULL || (tls->in = BIO_new(BIO_s_mem())) == NULL ||
        (tls->out = BIO_new(BIO_s_mem())) == NULL)
        abort();
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    bool is_set;
    if (is_address(host)) { /* no server name: RFC 6066 section 3 allows no addresses */
        is_set = X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    } else {
        X509_VERIFY_PARAM_set_hostflags(param,
                                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        is_set = X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 && SSL_set_tlsext_host_name(tls->ssl, host) == 1;
    }
    if (!is_set)
        abort();
    return tls;
}

gw_redis_tls_t *gw_redis_tls_free(gw_redis_tls_t *tls)
{
    if (tls != NULL)
        SSL_free(tls->ssl);
    free(tls);
    return NULL;
}

void gw_redis_tls_feed(gw_redis_tls_t *tls, gw_str_t bytes)
{
    if (bytes.len != 0 && BIO_write(tls->in, bytes.ptr, (int)bytes.len) != (int)bytes.len)
        abort();
}

static gw_redis_tls_result_t fail(gw_redis_tls_t *tls)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    long verdict = SSL_get_verify_result(tls->ssl);
    bool is_verdict = ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK;
    tls->has_failed = true;
    snprintf(tls->why, sizeof(tls->why), "%s%s%s", reason != NULL ? reason : "the TLS of the server is broken",
             is_verdict ? ": " : "", is_verdict ? X509_verify_cert_error_string(verdict) : "");
    ERR_clear_error();
    return GW_REDIS_TLS_FAILED;
}

gw_redis_tls_result_t gw_redis_tls_read(gw_redis_tls_t *tls, char *to, size_t size, size_t *ret_len)
{
    if (tls->has_failed)
        return GW_REDIS_TLS_FAILED;
    ERR_clear_error();
    int status = SSL_is_init_finished(tls->ssl) ? 1 : SSL_do_handshake(tls->ssl);
    if (status == 1 && (status = SSL_read_ex(tls->ssl, to, size, ret_len)) == 1)
        return GW_REDIS_TLS_BYTES;
    switch (SSL_get_error(tls->ssl, status)) {
    case SSL_ERROR_WANT_READ:
        return GW_REDIS_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return GW_REDIS_TLS_END;
    default:
        return fail(tls);
    }
}

bool gw_redis_tls_is_ready(const gw_redis_tls_t *tls)
{
    return !tls->has_failed && SSL_is_init_finished(tls->ssl);
}

bool gw_redis_tls_write(gw_redis_tls_t *tls, gw_str_t bytes)
{
    size_t written;
    ERR_clear_error();
    if (!tls->has_failed && SSL_write_ex(tls->ssl, bytes.ptr, bytes.len, &written) == 1)
        return true;
    if (!tls->has_failed)
        fail(tls);
    return false;
}

gw_str_t gw_redis_tls_output(gw_redis_tls_t *tls)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(tls->out, &bytes);
    return gw_str(bytes, (size_t)len);
}

void gw_redis_tls_sent(gw_redis_tls_t *tls)
{
    if (BIO_reset(tls->out) != 1)
        abort();
}

const char *gw_redis_tls_why(const gw_redis_tls_t *tls)
{
    return tls->why;
}
