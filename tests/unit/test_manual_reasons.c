/* SPDX-License-Identifier: MIT
 * sluice(8) explains every reason that a log line or a problem can name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/exchange/exchange.h"

static void every_reason_stands_in_the_manual(void **state)
{
    char path[4096], *page = calloc(1, 200000);
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof(path), "%s/man/sluice.8", srcdir != NULL ? srcdir : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(page, 1, 199999, file) > 1000);
    fclose(file);
    static const gw_reason_t reasons[] = {
#define REASON(id, name, status, title) GW_REASON_##id,
        GW_REASON_MAP(REASON)
#undef REASON
    };
    for (size_t i = 0; i != sizeof(reasons) / sizeof(reasons[0]); ++i)
        if (strstr(page, gw_reason_name(reasons[i])) == NULL)
            fail_msg("'%s' is missing", gw_reason_name(reasons[i]));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_reason_stands_in_the_manual)};
    return cmocka_run_group_tests_name("manual: reasons", tests, NULL, NULL);
}
