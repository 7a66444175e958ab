/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as a conf file, without files around it.  What loads must print to something that loads again
 * and prints the same. */
#include <stdlib.h>
#include "gateway/config/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* @return the printed snapshot, to be freed, or NULL when there were errors */
static char *load_and_print(gw_str_t text)
{
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load_memory("fuzz.yaml", text, diag);
    char *printed = NULL;
    size_t len;
    FILE *to = open_memstream(&printed, &len);

    if (to == NULL || (snapshot == NULL) != (gw_diag_num_errors(diag) != 0))
        abort();
    if (snapshot != NULL)
        gw_snapshot_print(snapshot, to);
    else
        gw_diag_print_json(diag, to);
    fclose(to);
    if (snapshot == NULL) {
        free(printed);
        printed = NULL;
    }
    gw_snapshot_unref(snapshot);
    gw_diag_free(diag);
    return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *printed = load_and_print(gw_str((const char *)data, size)), *again;

    if (printed == NULL)
        return 0;
    again = load_and_print(gw_str_of(printed));
    if (again == NULL || strcmp(printed, again) != 0) {
        fprintf(stderr, "printed:\n%s\nagain:\n%s\n", printed, again != NULL ? again : "(errors)");
        abort();
    }
    free(again);
    free(printed);
    return 0;
}
