/* SPDX-License-Identifier: MIT
 * Session ticket keys. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include "gateway/server/tls_tickets.h"

/* RFC 5077 section 4: AES-CBC, then HMAC-SHA256 over it; here with keys of 256 bits. */
struct ticket_key {
    uint8_t name[16], cipher[32], mac[32];
};

struct ticket_keys {
    struct ticket_key current, previous;
    bool has_previous;
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
/* All below: under the lock. */
static struct ticket_keys *keys; /* NULL: none yet */
static EVP_CIPHER *aes;          /* fetched once: an implicit fetch for each ticket costs more than the encryption */
static uint64_t made_at_s;
static bool is_dated; /* made_at_s is known */

static bool make_key(struct ticket_key *key)
{
    struct ticket_key fresh;
    bool is_made = RAND_bytes(fresh.name, sizeof(fresh.name)) == 1 &&
                   RAND_priv_bytes(fresh.cipher, sizeof(fresh.cipher)) == 1 &&
                   RAND_priv_bytes(fresh.mac, sizeof(fresh.mac)) == 1;

    if (is_made)
        *key = fresh;
    OPENSSL_cleanse(&fresh, sizeof(fresh));
    return is_made;
}

/* Under the write lock. */
static void drop_keys(void)
{
    if (keys != NULL) {
        OPENSSL_cleanse(keys, sizeof(*keys));
        munmap(keys, sizeof(*keys));
    }
    keys = NULL;
    EVP_CIPHER_free(aes);
    aes = NULL;
    is_dated = false;
}

/* Under the write lock. */
static bool make_first_keys(void)
{
    if (keys != NULL)
        return true;
    /* pages of their own, for what is asked of the kernel about them; both calls are best effort */
    void *pages = mmap(NULL, sizeof(*keys), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return false;
    madvise(pages, sizeof(*keys), MADV_DONTDUMP);
    mlock(pages, sizeof(*keys));
    keys = pages;
    if ((aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL)) == NULL || !make_key(&keys->current)) {
        drop_keys();
        return false;
    }
    return true;
}

void gw_tls_tickets_rotate(uint64_t now_s)
{
    pthread_rwlock_wrlock(&lock);
    if (make_first_keys()) {
        if (!is_dated) { /* made by the first context, just before */
            made_at_s = now_s;
            is_dated = true;
        } else if (now_s >= made_at_s && now_s - made_at_s >= GW_TLS_TICKETS_ROTATE_S) {
            struct ticket_key old = keys->current;
            if (make_key(&keys->current)) {
                keys->previous = old;
                /* after a long pause (a suspended machine) nothing that the old key made is valid any more */
                keys->has_previous = now_s - made_at_s < 2 * GW_TLS_TICKETS_ROTATE_S;
                if (!keys->has_previous)
                    OPENSSL_cleanse(&keys->previous, sizeof(keys->previous));
                made_at_s = now_s;
            }
            OPENSSL_cleanse(&old, sizeof(old));
        }
    }
    pthread_rwlock_unlock(&lock);
}

void gw_tls_tickets_dispose(void)
{
    pthread_rwlock_wrlock(&lock);
    drop_keys();
    pthread_rwlock_unlock(&lock);
}

/* Under the read lock.  Sets up `cipher` and `mac` with one of the keys. */
static int set_up(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                  bool is_encrypting)
{
    static char digest[] = "SHA256";
    struct ticket_key *key;

    if (keys == NULL)
        return 0;
    if (is_encrypting) {
        key = &keys->current;
        memcpy(name, key->name, sizeof(key->name));
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1)
            return -1;
    } else if (memcmp(name, keys->current.name, sizeof(keys->current.name)) == 0) {
        key = &keys->current;
    } else if (keys->has_previous && memcmp(name, keys->previous.name, sizeof(keys->previous.name)) == 0) {
        key = &keys->previous;
    } else {
        return 0; /* not ours, or too old: a full handshake */
    }
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
                           OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, sizeof(digest) - 1),
                           OSSL_PARAM_construct_end()};
    if (EVP_MAC_CTX_set_params(mac, params) != 1 ||
        EVP_CipherInit_ex(cipher, aes, NULL, key->cipher, iv, is_encrypting) != 1)
        return -1;
    /* 2 has a new ticket sent: always in TLS 1.3, where each is meant to be used once (RFC 8446 appendix C.4), and
     * before the key is gone */
    return !is_encrypting && (key == &keys->previous || SSL_version(ssl) >= TLS1_3_VERSION) ? 2 : 1;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int is_encrypting)
{
    pthread_rwlock_rdlock(&lock);
    int result = set_up(ssl, name, iv, cipher, mac, is_encrypting != 0);
    pthread_rwlock_unlock(&lock);
    return result;
}

bool gw_tls_tickets_attach(SSL_CTX *context)
{
    pthread_rwlock_wrlock(&lock);
    bool is_ready = make_first_keys();
    pthread_rwlock_unlock(&lock);
    if (is_ready) {
        SSL_CTX_set_timeout(context, GW_TLS_TICKETS_VALID_S);
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
    }
    return is_ready;
}
