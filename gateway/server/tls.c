/* SPDX-License-Identifier: MIT
 * OpenSSL contexts for listeners. */
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/base/str.h"
#include "gateway/server/tls.h"
#include "gateway/server/tls_certificate.h"

#define MAX_NAME 253

/* Preference: AES-128 first, it is the fastest where the processor knows AES; a client that puts ChaCha20 first (it has
 * no such processor) gets that. */
static const char ciphers_1_2[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers_1_3[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/* P-521 is there because TLS 1.2 asks for the curve of an EC certificate in this list */
static const char groups[] = "X25519:P-256:P-384:P-521";

static const unsigned char protocols[] = "\x02h2\x08http/1.1";
static const unsigned protocols_len = sizeof(protocols) - 1, h2_len = 3;

struct gw_tls {
    SSL_CTX *context; /* the one of the first certificate; it owns the table of names */
};

/* The certificates that answer a name, by kind of key: an index plus 1, or 0 for none. */
typedef struct choice {
    size_t certificates[GW_TLS_NUM_KEY_KINDS];
} choice_t;

typedef struct name_entry {
    char *name; /* "" stands for all that no other entry is for */
    choice_t choice;
    SSL_CTX *context; /* one reference, unless it is the context that owns the table */
} name_entry_t;

/* Belongs to the first certificate's context as ex_data.  An SSL holds a reference to the context that it was made from
 * for as long as it lives, whatever SSL_set_SSL_CTX does, and so to the table and every context in it. */
typedef struct name_table {
    name_entry_t *entries; /* sorted by name */
    size_t num;
} name_table_t;

static pthread_once_t table_index_once = PTHREAD_ONCE_INIT;
static int table_index;

static void free_table(void *owner, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    name_table_t *table = ptr;

    if (table == NULL)
        return;
    for (size_t i = 0; i != table->num; ++i) {
        if (table->entries[i].context != owner)
            SSL_CTX_free(table->entries[i].context);
        free(table->entries[i].name);
    }
    free(table->entries);
    free(table);
}

static void make_table_index(void)
{
    table_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_table);
    if (table_index < 0)
        abort();
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const name_entry_t *)a)->name, ((const name_entry_t *)b)->name);
}

static int compare_choices(const void *a, const void *b)
{
    return memcmp(&((const name_entry_t *)a)->choice, &((const name_entry_t *)b)->choice, sizeof(choice_t));
}

static SSL_CTX *find(const name_table_t *table, char *name)
{
    const name_entry_t key = {.name = name},
                       *entry = bsearch(&key, table->entries, table->num, sizeof(key), compare_names);

    return entry != NULL ? entry->context : NULL;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    const name_table_t *table = arg;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    char name[MAX_NAME + 1];
    size_t len = asked != NULL ? strlen(asked) : 0;
    SSL_CTX *context;

    if (len != 0 && asked[len - 1] == '.') /* some clients send the root's dot, which RFC 6066 does not want */
        --len;
    if (len == 0 || len > MAX_NAME)
        return SSL_TLSEXT_ERR_NOACK;
    for (size_t i = 0; i != len; ++i)
        name[i] = gw_ascii_lower(asked[i]);
    name[len] = '\0';
    if ((context = find(table, name)) == NULL) {
        char *dot = strchr(name, '.');
        if (dot == NULL || dot == name)
            return SSL_TLSEXT_ERR_NOACK;
        dot[-1] = '*';
        if ((context = find(table, dot - 1)) == NULL)
            return SSL_TLSEXT_ERR_NOACK; /* the first certificate, and no word that the name was known */
    }
    if (SSL_set_SSL_CTX(ssl, context) == NULL) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                   unsigned in_len, void *arg)
{
    unsigned skipped = arg != NULL ? 0 : h2_len;
    unsigned char *selected;

    if (SSL_select_next_proto(&selected, out_len, protocols + skipped, protocols_len - skipped, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* OpenSSL makes it no_application_protocol */
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* What a handshake wrote last on this thread, when it is short enough for an alert, and whether it was one. */
static _Thread_local struct {
    uint8_t record[GW_TLS_ALERT_MAX];
    size_t len;
    bool is_alert;
} last_write;

/* Sees the bytes as they go out. */
static long on_bio(BIO *bio, int operation, const char *bytes, size_t len, int arg, long arg_long, int result,
                   size_t *processed)
{
    if (operation == BIO_CB_WRITE) {
        last_write.is_alert = false;
        last_write.len = len <= sizeof(last_write.record) ? len : 0;
        memcpy(last_write.record, bytes, last_write.len);
    }
    return result;
}

/* Sees messages in the clear, after they were written. */
static void on_message(int is_written, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
    if (is_written && type == SSL3_RT_ALERT && len == 2)
        last_write.is_alert = *(const uint8_t *)bytes == SSL3_AL_FATAL;
}

static void on_state(const SSL *ssl, int where, int value)
{
    if ((where & SSL_CB_HANDSHAKE_START) != 0) {
        last_write.is_alert = false;
        BIO_set_callback_ex(SSL_get_wbio(ssl), on_bio);
    } else if ((where & SSL_CB_HANDSHAKE_DONE) != 0) {
        BIO_set_callback_ex(SSL_get_wbio(ssl), NULL);
    }
    gw_tls_client_on_state(ssl, where);
}

size_t gw_tls_take_alert(uint8_t ret_record[GW_TLS_ALERT_MAX])
{
    if (!last_write.is_alert)
        return 0;
    memcpy(ret_record, last_write.record, last_write.len);
    last_write.is_alert = false;
    return last_write.len;
}

/* What all contexts of one gw_tls_create have in common. */
struct making {
    const gw_tls_certificate_t *files;
    gw_tls_identity_t *identities;
    size_t num;
    int min_version;
    bool http2;
    const gw_tls_client_auth_t *client_auth; /* NULL: clients are not asked */
    unsigned char session_context[32];
    gw_tls_reporter_t *reporter;
};

static const char *why(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason != NULL ? reason : "unknown reason";
}

/* @return NULL after an error */
static SSL_CTX *make_context(const struct making *m, const choice_t *choice)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL)
        abort();
    ERR_clear_error();
    SSL_CTX_set_security_level(context, 2); /* 112 bits; whatever the system's openssl.cnf says */
    SSL_CTX_clear_options(context, SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3 | SSL_OP_NO_TICKET);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, (void *)(m->http2 ? protocols : NULL));
    SSL_CTX_set_msg_callback(context, on_message);
    SSL_CTX_set_info_callback(context, on_state);
    if (SSL_CTX_set_min_proto_version(context, m->min_version == 0 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, ciphers_1_2) != 1 || SSL_CTX_set_ciphersuites(context, ciphers_1_3) != 1 ||
        SSL_CTX_set1_groups_list(context, groups) != 1 || SSL_CTX_set_max_early_data(context, 0) != 1 ||
        SSL_CTX_set_session_id_context(context, m->session_context, sizeof(m->session_context)) != 1 ||
        !gw_tls_tickets_attach(context) || (m->client_auth != NULL && !gw_tls_client_attach(m->client_auth, context))) {
        gw_tls_report(m->reporter, true, 0, false, "OpenSSL cannot be set up for TLS: %s", why());
        goto Error;
    }
    for (size_t kind = 0; kind != GW_TLS_NUM_KEY_KINDS; ++kind) {
        if (choice->certificates[kind] == 0)
            continue;
        size_t index = choice->certificates[kind] - 1;
        const gw_tls_identity_t *identity = &m->identities[index];
        if (SSL_CTX_use_certificate(context, identity->leaf) != 1 ||
            SSL_CTX_set1_chain(context, identity->chain) != 1) {
            gw_tls_report(m->reporter, true, index, false, "OpenSSL refuses '%s': %s", m->files[index].certificate,
                          why());
            goto Error;
        }
        if (SSL_CTX_use_PrivateKey(context, identity->key) != 1) {
            gw_tls_report(m->reporter, true, index, true, "OpenSSL refuses '%s': %s", m->files[index].key, why());
            goto Error;
        }
    }
    return context;
Error:
    ERR_clear_error();
    SSL_CTX_free(context);
    return NULL;
}

static void choose(choice_t *choice, const gw_tls_identity_t *identity, size_t index)
{
    size_t *place = &choice->certificates[identity->kind];

    if (*place == 0)
        *place = index + 1;
}

/* Every name once, with the certificates that answer it; the entry "" is the first one. */
static name_table_t *make_table(const struct making *m)
{
    name_table_t *table = calloc(1, sizeof(*table));
    size_t num = 1, num_distinct = 0;

    for (size_t i = 0; i != m->num; ++i)
        num += m->identities[i].num_names;
    if (table == NULL || (table->entries = calloc(num, sizeof(*table->entries))) == NULL)
        abort();
    for (size_t i = 0; i != m->num; ++i) {
        if (strcmp(m->identities[i].fingerprint_of_names, m->identities[0].fingerprint_of_names) == 0)
            choose(&table->entries[0].choice, &m->identities[i], i);
        for (size_t at = 0; at != m->identities[i].num_names; ++at) {
            name_entry_t *entry = &table->entries[++table->num];
            entry->name = m->identities[i].names[at];
            choose(&entry->choice, &m->identities[i], i);
        }
    }
    table->entries[0].name = (char *)"";
    ++table->num;
    qsort(table->entries, table->num, sizeof(*table->entries), compare_names);
    for (size_t i = 0; i != table->num; ++i) {
        name_entry_t *entry = &table->entries[i];
        if (num_distinct != 0 && strcmp(table->entries[num_distinct - 1].name, entry->name) == 0) {
            /* qsort is free to reorder equal names, so the smaller index wins and not the one seen first */
            choice_t *kept = &table->entries[num_distinct - 1].choice;
            for (size_t kind = 0; kind != GW_TLS_NUM_KEY_KINDS; ++kind) {
                size_t one = kept->certificates[kind], other = entry->choice.certificates[kind];
                if (one == 0 || (other != 0 && other < one))
                    kept->certificates[kind] = other;
            }
        } else {
            table->entries[num_distinct++] = *entry;
        }
    }
    table->num = num_distinct;
    for (size_t i = 0; i != table->num; ++i)
        if ((table->entries[i].name = strdup(table->entries[i].name)) == NULL)
            abort();
    return table;
}

static void warn_of_unused(const struct making *m, const name_table_t *table)
{
    bool *is_used = calloc(m->num, sizeof(*is_used));

    if (is_used == NULL)
        abort();
    for (size_t i = 0; i != table->num; ++i)
        for (size_t kind = 0; kind != GW_TLS_NUM_KEY_KINDS; ++kind)
            if (table->entries[i].choice.certificates[kind] != 0)
                is_used[table->entries[i].choice.certificates[kind] - 1] = true;
    for (size_t i = 0; i != m->num; ++i)
        if (!is_used[i])
            gw_tls_report(m->reporter, false, i, false, "'%s' is never chosen: %s", m->files[i].certificate,
                          m->identities[i].num_names == 0 ? "it has no name"
                                                          : "earlier certificates have all its names");
    free(is_used);
}

/* A session may be resumed only where it could have begun: on a listener that serves the same names.  Otherwise a
 * client could be led to another site's listener without noticing, because nobody shows a certificate when resuming.
 * For the same reason none leads from a listener that asks clients for nothing to one that does. */
static void make_session_context(struct making *m, const name_table_t *table)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool is_made = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; i != table->num; ++i)
        is_made = is_made && EVP_DigestUpdate(digest, table->entries[i].name, strlen(table->entries[i].name) + 1) == 1;
    is_made = is_made && EVP_DigestUpdate(digest, m->identities[0].fingerprint_of_names,
                                          strlen(m->identities[0].fingerprint_of_names)) == 1;
    if (m->client_auth != NULL)
        is_made = is_made && EVP_DigestUpdate(digest, "\nclient_auth", 12) == 1;
    if (!is_made || EVP_DigestFinal_ex(digest, m->session_context, NULL) != 1)
        abort();
    EVP_MD_CTX_free(digest);
}

/* Fills in the contexts, one for each different choice of certificates.  @return the one of the entry "", owning the
 * table; NULL after an error, the table then is freed */
static SSL_CTX *make_contexts(const struct making *m, name_table_t *table)
{
    const choice_t of_first = table->entries[0].choice;
    SSL_CTX *first = make_context(m, &of_first);
    bool is_complete = first != NULL;

    /* sorted by choice, so that equal ones lie together; then by name again */
    qsort(table->entries, table->num, sizeof(*table->entries), compare_choices);
    for (size_t i = 0; i != table->num && is_complete; ++i) {
        name_entry_t *entry = &table->entries[i];
        if (memcmp(&entry->choice, &of_first, sizeof(of_first)) == 0) {
            entry->context = first;
            continue;
        }
        if (i != 0 && compare_choices(entry - 1, entry) == 0) {
            SSL_CTX_up_ref(entry[-1].context);
            entry->context = entry[-1].context;
        } else if ((entry->context = make_context(m, &entry->choice)) == NULL) {
            is_complete = false;
        }
    }
    qsort(table->entries, table->num, sizeof(*table->entries), compare_names);
    if (!is_complete || SSL_CTX_set_ex_data(first, table_index, table) != 1) {
        free_table(first, table, NULL, 0, 0, NULL);
        SSL_CTX_free(first);
        return NULL;
    }
    SSL_CTX_set_tlsext_servername_callback(first, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(first, table);
    return first;
}

gw_tls_t *gw_tls_create(const gw_tls_certificate_t *certificates, size_t num, int min_version, bool http2,
                        const gw_tls_client_auth_t *client_auth,
                        void (*on_problem)(void *arg, bool is_error, size_t index, bool is_key, const char *text),
                        void *arg)
{
    gw_tls_reporter_t reporter = {on_problem, arg, 0};
    struct making m = {.files = certificates,
                       .num = num,
                       .min_version = min_version,
                       .http2 = http2,
                       .client_auth = client_auth,
                       .reporter = &reporter};
    gw_tls_t *tls = NULL;

    assert(num != 0 && (min_version == 0 || min_version == 1));
    pthread_once(&table_index_once, make_table_index);
    if ((m.identities = calloc(num, sizeof(*m.identities))) == NULL)
        abort();
    for (size_t i = 0; i != num; ++i)
        gw_tls_identity_load(&m.identities[i], &certificates[i], i, &reporter);
    if (reporter.num_errors != 0)
        goto Exit;
    name_table_t *table = make_table(&m);
    warn_of_unused(&m, table);
    make_session_context(&m, table);
    SSL_CTX *context = make_contexts(&m, table);
    if (context == NULL)
        goto Exit;
    if ((tls = malloc(sizeof(*tls))) == NULL)
        abort();
    tls->context = context;
Exit:
    for (size_t i = 0; i != num; ++i)
        gw_tls_identity_dispose(&m.identities[i]);
    free(m.identities);
    return tls;
}

gw_tls_t *gw_tls_free(gw_tls_t *tls)
{
    if (tls != NULL)
        SSL_CTX_free(tls->context);
    free(tls);
    return NULL;
}

SSL_CTX *gw_tls_context(const gw_tls_t *tls)
{
    return tls->context;
}
