/* SPDX-License-Identifier: MIT
 * Fuzz target: certificates of clients.  Whatever a certificate holds, its texts are fit for a header field and a log,
 * and its lists have as many members as there are alternative names. */
#include <stdlib.h>
#include <openssl/err.h>
#include "gateway/server/client_certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static size_t members_of(gw_str_t list)
{
    size_t num = list.len != 0;
    for (size_t i = 0; i != list.len; ++i)
        num += list.ptr[i] == ',';
    return num;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    gw_client_certificate_t *read = certificate != NULL ? gw_client_certificate_create(certificate, NULL) : NULL;
    if (read != NULL) {
        for (size_t i = 0; i != GW_CERTIFICATE_NUM_TEXTS; ++i)
            for (size_t k = 0; k != read->texts[i].len; ++k)
                must(read->texts[i].ptr[k] >= 0x20 && read->texts[i].ptr[k] < 0x7f);
        must(read->texts[GW_CERTIFICATE_FINGERPRINT].len == 64);
        must(members_of(read->texts[GW_CERTIFICATE_SAN]) == read->num_sans);
        for (size_t i = 0; i != read->num_sans; ++i)
            must(read->sans[i].value.len != 0);
    }
    gw_client_certificate_free(read);
    X509_free(certificate);
    ERR_clear_error();
    return 0;
}
