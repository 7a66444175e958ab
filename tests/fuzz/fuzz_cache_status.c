/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as a status and a key.  What a parser of structured fields reads from the field is what the
 * status says. */
#include <stdlib.h>
#include "filters/cache/cache_status.h"
#include "tests/support/structured_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_plain(gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i)
        if ((unsigned char)s.ptr[i] < 0x20 || (unsigned char)s.ptr[i] >= 0x7f)
            return false;
    return true;
}

static void check(const gw_cache_status_t *status, gw_arena_t *arena)
{
    size_t room = GW_CACHE_STATUS_MAX + 3 * status->key.len;
    char *text = malloc(room); /* so that sanitizers see writes beyond it */
    size_t len = gw_cache_status_print(text, status);
    sf_list_t list;
    must(len <= room && sf_parse_list(arena, text, len, &list) && list.size == 1);
    const sf_item_t *item = &list.items[0];
    const sf_bare_t *hit = sf_parameter(item, "hit"), *forward = sf_parameter(item, "fwd"),
                    *ttl = sf_parameter(item, "ttl"), *key = sf_parameter(item, "key");
    must((hit != NULL) == (status->forward == GW_FORWARD_NONE) && (hit == NULL) == (forward != NULL));
    must((ttl != NULL) == status->has_ttl && (ttl == NULL || (ttl->number < 0) == (status->ttl_s < 0)));
    must((key != NULL) == (status->key.len != 0));
    if (key != NULL) {
        must(key->type == SF_STRING && key->len >= status->key.len);
        must(!is_plain(status->key) || gw_str_equal(gw_str(key->text, key->len), status->key));
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_cache_status_t status = {.forward = GW_FORWARD_NONE};
    gw_arena_t *arena = gw_arena_create();
    if (size >= 14) {
        status.forward = data[0] % (GW_FORWARD_PARTIAL + 1);
        status.has_ttl = data[1] & 1;
        status.is_stored = data[1] & 2;
        status.is_collapsed = data[1] & 4;
        status.detail = data[1] & 8 ? "too-large" : NULL;
        memcpy(&status.forward_status, data + 2, 4);
        memcpy(&status.ttl_s, data + 6, 8);
        status.key = gw_str((const char *)data + 14, size - 14);
        check(&status, arena);
    }
    gw_arena_free(arena);
    return 0;
}
