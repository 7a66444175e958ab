/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as a file of networks.  What is accepted can be asked for any address, what is not was said
 * to be wrong, and what the lines are when printed is accepted again. */
#include <stdlib.h>
#include "filters/network_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/** Every line alone is good or bad as it is for the parser of networks, and a good one is found in the list. */
static void check_line(const gw_network_list_t *list, gw_str_t line)
{
    gw_cidr_t cidr, again;
    char printed[GW_CIDR_TEXT_MAX];
    if (gw_cidr_parse(line, &cidr) != GW_CIDR_OK)
        return;
    gw_cidr_print(&cidr, printed);
    must(gw_cidr_parse(gw_str_of(printed), &again) == GW_CIDR_OK && again.bits == cidr.bits &&
         memcmp(again.address, cidr.address, sizeof(cidr.address)) == 0);
    bool is_ipv4 = cidr.bits >= 96 && gw_address_is_ipv4(cidr.address);
    bool is_first_ipv4 = gw_address_is_ipv4(cidr.address); /* ::ffff:0:0/95 begins in the other family */
    if (list != NULL && is_ipv4 == is_first_ipv4)
        must(gw_networks_find(list->networks, cidr.address) >= (is_ipv4 ? cidr.bits - 96 : cidr.bits) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_str_t content = gw_str((const char *)data, size);
    gw_diag_t *diag = gw_diag_create();
    gw_network_list_t *list = gw_network_list_parse(content, "list", diag);
    must((list == NULL) == (gw_diag_num_errors(diag) != 0));
    for (size_t from = 0; from < size;) {
        const char *end = memchr(content.ptr + from, '\n', size - from);
        size_t len = end != NULL ? (size_t)(end - content.ptr) - from : size - from;
        check_line(list, gw_str(content.ptr + from, len));
        from += len + 1;
    }
    gw_network_list_free(list);
    gw_diag_free(diag);
    return 0;
}
