/* SPDX-License-Identifier: MIT
 * Fills environment variables into texts. */
#include <stdio.h>
#include <stdlib.h>
#include "gateway/config/environment.h"
#include "gateway/config/text.h"

enum { longest_text = 64 * 1024 }; /* with its variables filled in */

static bool is_name(gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i) {
        char c = gw_ascii_lower(s.ptr[i]);
        if (!(c == '_' || (c >= 'a' && c <= 'z') || (i != 0 && c >= '0' && c <= '9')))
            return false;
    }
    return s.len != 0;
}

static bool is_utf8(gw_str_t s)
{
    for (size_t i = 0, len; i != s.len; i += len)
        if ((len = gw_utf8_next(gw_str(s.ptr + i, s.len - i), NULL)) == 0)
            return false;
    return true;
}

/* @param inner what stands between the braces   @return false with *reterr_problem */
static bool look_up(gw_arena_t *arena, gw_str_t inner, gw_str_t *ret_value, const char **reterr_problem)
{
    const char *sign = memmem(inner.ptr, inner.len, ":-", 2);
    gw_str_t name = gw_str(inner.ptr, sign != NULL ? (size_t)(sign - inner.ptr) : inner.len);

    if (!is_name(name)) {
        *reterr_problem =
            gw_arena_printf(arena, "'${%s}' does not name an environment variable", gw_text_shown(arena, inner));
        return false;
    }
    const char *value = getenv(gw_arena_strdup(arena, name));
    if (sign != NULL && (value == NULL || *value == '\0')) {
        *ret_value = gw_str(sign + 2, inner.len - name.len - 2);
        return true;
    }
    if (value == NULL || !is_utf8(gw_str_of(value))) {
        *reterr_problem = gw_arena_printf(arena, "the environment variable '%s' is not %s", gw_text_shown(arena, name),
                                          value == NULL ? "set" : "valid UTF-8");
        return false;
    }
    *ret_value = gw_str_of(value);
    return true;
}

gw_str_t gw_environment_fill(gw_arena_t *arena, gw_str_t text, bool *ret_has_variables, const char **reterr_problem)
{
    char *filled = NULL;
    size_t len = 0, filled_in = 0;
    bool is_ok = true;

    *ret_has_variables = false;
    if (text.len == 0 || memchr(text.ptr, '$', text.len) == NULL)
        return text;
    FILE *to = open_memstream(&filled, &len);
    if (to == NULL)
        abort();
    for (size_t i = 0; i != text.len && is_ok;) {
        if (text.ptr[i] != '$' || i + 1 == text.len || (text.ptr[i + 1] != '$' && text.ptr[i + 1] != '{')) {
            putc(text.ptr[i++], to);
        } else if (text.ptr[i + 1] == '$') {
            putc('$', to);
            i += 2;
        } else {
            const char *inner = text.ptr + i + 2, *end = memchr(inner, '}', text.len - i - 2);
            gw_str_t value = {NULL, 0};
            *ret_has_variables = true;
            if (end == NULL) {
                *reterr_problem = "'${' without '}'";
                is_ok = false;
            } else if ((is_ok = look_up(arena, gw_str(inner, (size_t)(end - inner)), &value, reterr_problem))) {
                fwrite(value.ptr, 1, value.len, to);
                if ((filled_in += value.len) > longest_text) {
                    *reterr_problem = "the text is longer than 64 KiB with its variables filled in";
                    is_ok = false;
                }
                i = (size_t)(end + 1 - text.ptr);
            }
        }
    }
    fclose(to);
    gw_str_t result = is_ok ? gw_str(gw_arena_strdup(arena, gw_str(filled, len)), len) : gw_str(NULL, 0);
    free(filled);
    return result;
}
