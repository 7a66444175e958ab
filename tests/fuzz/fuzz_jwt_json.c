/* SPDX-License-Identifier: MIT
 * Fuzz target: the JSON of tokens.  What is read without jansson's parser must be what that makes of it, and the two
 * together must take exactly what it takes alone. */
#include <stdlib.h>
#include "filters/jwt/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_str_t text = gw_str((const char *)data, size);
    json_t *expected = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *plain = gw_jwt_json_plain_object(text), *object = gw_jwt_json_object(text);
    must(plain == NULL || json_equal(plain, expected));
    must((object != NULL) == (json_is_object(expected) && gw_jwt_json_is_bounded(text)));
    must(object == NULL || json_equal(object, expected));
    json_decref(object);
    json_decref(plain);
    json_decref(expected);
    return 0;
}
