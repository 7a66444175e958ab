/* SPDX-License-Identifier: MIT
 * Fuzz target: password files.  Either there is an error, or everybody in it is found, with a hash that is not beyond
 * the bounds. */
#include <stdlib.h>
#include "filters/htpasswd.h"
#include "gateway/config/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_diag_t *diag = gw_diag_create();
    gw_htpasswd_t *users = gw_htpasswd_parse(gw_str((const char *)data, size), "users", diag);
    must((users == NULL) == (gw_diag_num_errors(diag) != 0));
    must(gw_diag_num_errors(diag) <= GW_LINES_MAX_ERRORS + 1);
    if (users != NULL) {
        static const uint64_t key[2] = {1, 2};
        size_t num = 0;
        const char *at = (const char *)data, *end = at + size;
        must((gw_htpasswd_dummy(users, GW_STR("nobody"), key) == NULL) == (gw_htpasswd_num(users) == 0));
        if (gw_str_starts_with(gw_str(at, size), GW_STR("\xef\xbb\xbf")))
            at += 3;
        while (at != end) {
            const char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline != NULL ? newline : end,
                       *colon = memchr(at, ':', (size_t)(line_end - at));
            const gw_htpasswd_user_t *user =
                colon != NULL && *at != '#' ? gw_htpasswd_find(users, gw_str(at, (size_t)(colon - at))) : NULL;
            if (user != NULL) {
                ++num;
                must(strlen(user->text) <= GW_PASSWORD_HASH_MAX && user->hash.cost_len < strlen(user->text));
            }
            at = newline != NULL ? newline + 1 : end;
        }
        must(num == gw_htpasswd_num(users));
    }
    gw_htpasswd_free(users);
    gw_diag_free(diag);
    return 0;
}
