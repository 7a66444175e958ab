/* SPDX-License-Identifier: MIT
 * Helpers of the reading: texts, file names and how a refusal is worded. */
#include <stdlib.h>
#include <unistd.h>
#include "gateway/config/reader.h"
#include "gateway/config/text.h"

/* a file with this many errors is no conf file; then hints are no longer worked out */
enum { many_errors = 1000 };

const char *gw_conf_read_text(gw_conf_reader_t *reader, const char *key, const gw_node_t *node, const char *wanted)
{
    if (node->kind != GW_NODE_SCALAR || gw_node_is_null(node)) {
        gw_diag_error(reader->diag, node->at, NULL, "'%s' must be %s, found %s", key, wanted,
                      gw_node_found(reader->scratch, node));
        return NULL;
    }
    if (node->is_broken) {
        ++reader->num_broken;
        return NULL;
    }
    if (node->text.len == 0) {
        gw_diag_error(reader->diag, node->at, NULL, "'%s' must be %s, found an empty text", key, wanted);
        return NULL;
    }
    return gw_arena_strdup(reader->arena, node->text);
}

bool gw_conf_is_name(const char *name)
{
    size_t len = strlen(name);

    return len != 0 && len <= 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

void gw_conf_refuse(gw_conf_reader_t *reader, const char *key, const gw_node_t *node, const char *wanted,
                    const char *hint)
{
    gw_diag_error(reader->diag, node->at, hint, "'%s' is not valid for '%s' (%s)",
                  gw_text_shown(reader->scratch, node->text), key, wanted);
}

/* "known keys: a, b, c"; a long list ends with "..." */
static const char *list_of(gw_arena_t *arena, const char *list_as, const char *const *words, size_t num)
{
    enum { most_listed = 20 };
    const char *list = list_as;

    for (size_t i = 0; i != num && i != most_listed; ++i)
        list = gw_arena_printf(arena, "%s%s%s", list, i == 0 ? ": " : ", ", gw_text_shown(arena, gw_str_of(words[i])));
    return num <= most_listed ? list : gw_arena_printf(arena, "%s, ...", list);
}

void gw_conf_refuse_name(gw_conf_reader_t *reader, gw_mark_t at, const char *format, const char *name,
                         const char *const *words, size_t num, const char *list_as)
{
    const char *hint = NULL;

    if (gw_diag_num_errors(reader->diag) < many_errors) {
        const char *nearest = gw_text_nearest(gw_str_of(name), words, num);
        if (nearest != NULL)
            hint = gw_arena_printf(reader->scratch, "did you mean '%s'?",
                                   gw_text_shown(reader->scratch, gw_str_of(nearest)));
        else if (num != 0)
            hint = list_of(reader->scratch, list_as, words, num);
    }
    name = gw_text_shown(reader->scratch, gw_str_of(name));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    gw_diag_error(reader->diag, at, hint, format, name);
#pragma GCC diagnostic pop
}

const char *gw_conf_resolve(gw_conf_reader_t *reader, gw_mark_t at, const char *file)
{
    const char *slash = at.file != NULL ? strrchr(at.file, '/') : NULL;

    if (*file == '/')
        return file;
    const char *folder = slash == NULL ? "."
                         : slash == at.file
                             ? "/"
                             : gw_arena_strdup(reader->scratch, gw_str(at.file, (size_t)(slash - at.file)));
    char *real = realpath(folder, NULL);
    const char *path = real == NULL ? gw_arena_printf(reader->arena, "%s/%s", folder, file)
                                    : gw_arena_printf(reader->arena, "%s/%s", strcmp(real, "/") == 0 ? "" : real, file);
    free(real);
    return path;
}

bool gw_conf_parse_network(gw_conf_reader_t *reader, const char *key, const struct gw_conf_string *text, gw_cidr_t *ret)
{
    gw_cidr_result_t result = gw_cidr_parse(gw_str_of(text->value), ret);
    char right[GW_CIDR_TEXT_MAX];

    if (result == GW_CIDR_OK)
        return true;
    if (result == GW_CIDR_BITS_BEYOND)
        gw_cidr_print(ret, right);
    gw_diag_error(reader->diag, text->at,
                  result == GW_CIDR_BITS_BEYOND ? gw_arena_printf(reader->scratch, "did you mean '%s'?", right) : NULL,
                  "'%s' is not valid for '%s' (%s)", gw_text_shown(reader->scratch, gw_str_of(text->value)), key,
                  gw_cidr_wanted(result));
    return false;
}
