/* SPDX-License-Identifier: MIT
 * Stands in for gateway/server/tls.c in the tests of the configuration: looks whether the files can be read, no more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "gateway/server/tls.h"
#include "gateway/server/tls_client.h"

struct gw_tls {
    size_t num;
};

gw_tls_t *gw_tls_create(const gw_tls_certificate_t *certificates, size_t num, int min_version, bool http2,
                        const gw_tls_client_auth_t *client_auth,
                        void (*on_problem)(void *arg, bool is_error, size_t index, bool is_key, const char *text),
                        void *arg)
{
    bool is_ok = true;

    for (size_t i = 0; i != 2 * num; ++i) {
        const char *file = i % 2 == 0 ? certificates[i / 2].certificate : certificates[i / 2].key;
        char text[512];
        if (access(file, R_OK) == 0)
            continue;
        const char *name = strrchr(file, '/');
        snprintf(text, sizeof(text), "cannot read '%s': %s", name != NULL ? name + 1 : file, strerror(errno));
        on_problem(arg, true, i / 2, i % 2 == 1, text);
        is_ok = false;
    }
    gw_tls_t *tls = is_ok ? malloc(sizeof(*tls)) : NULL;
    if (tls != NULL)
        tls->num = num;
    return tls;
}

gw_tls_t *gw_tls_free(gw_tls_t *tls)
{
    free(tls);
    return NULL;
}

struct gw_tls_client_auth {
    unsigned depth;
};

gw_tls_client_auth_t *gw_tls_client_auth_load(const gw_tls_client_conf_t *conf,
                                              void (*on_problem)(void *arg, bool is_error, const char *text), void *arg)
{
    const char *files[] = {conf->ca, conf->crl};
    bool is_ok = true;

    for (size_t i = 0; i != 2; ++i) {
        char text[512];
        if (files[i] == NULL || access(files[i], R_OK) == 0)
            continue;
        const char *name = strrchr(files[i], '/');
        snprintf(text, sizeof(text), "cannot read '%s': %s", name != NULL ? name + 1 : files[i], strerror(errno));
        on_problem(arg, true, text);
        is_ok = false;
    }
    gw_tls_client_auth_t *auth = is_ok ? malloc(sizeof(*auth)) : NULL;
    if (auth != NULL)
        auth->depth = conf->depth;
    return auth;
}

gw_tls_client_auth_t *gw_tls_client_auth_free(gw_tls_client_auth_t *auth)
{
    free(auth);
    return NULL;
}
