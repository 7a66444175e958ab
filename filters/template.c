/* SPDX-License-Identifier: MIT
 * The reading of templates. */
#include "filters/template.h"
#include "gateway/config/key.h"
#include "gateway/config/text.h"

/** @param from text since the last key   @param end of it */
static void add_text(gw_template_t *template, const char *from, const char *end)
{
    if (from != end)
        template->pieces[template->num_pieces++] =
            (struct gw_template_piece){.text = gw_str(from, (size_t)(end - from))};
}

static void report_key(struct gw_conf_reader *reader, gw_str_t name, bool is_shown, gw_mark_t at)
{
    const char *hint = gw_arena_printf(reader->scratch, "%s; write %%%%{ where a literal %%{ is meant",
                                       gw_conf_keys_taken(reader->scratch, GW_KEYS_ANY));
    if (is_shown)
        gw_diag_error(reader->diag, at, hint, "there is no key '%s'", gw_text_shown(reader->scratch, name));
    else
        gw_diag_error(reader->diag, at, hint, "what stands between '%%{' and '}' is no key");
}

/** @param begin at "%{"   @return what follows the key, or NULL after reporting */
static const char *add_key(struct gw_conf_reader *reader, const char *begin, bool is_shown, gw_mark_t at,
                           gw_template_t *template)
{
    const char *end = strchr(begin, '}');
    gw_key_conf_t key = {.kind = GW_KEY_NONE};
    if (end == NULL) {
        gw_diag_error(reader->diag, at, "write %%{ where a literal %{ is meant", "there is no '}' after '%%{'");
        return NULL;
    }
    gw_str_t name = gw_str(begin + 2, (size_t)(end - begin - 2));
    if (!gw_conf_parse_key(reader->arena, name, GW_KEYS_ANY, &key)) {
        report_key(reader, name, is_shown, at);
        return NULL;
    }
    if (template->num_keys == GW_TEMPLATE_MAX_KEYS) {
        gw_diag_error(reader->diag, at, NULL, "a value has at most %d keys", GW_TEMPLATE_MAX_KEYS);
        return NULL;
    }
    ++template->num_keys;
    template->kinds |= 1u << key.kind;
    template->pieces[template->num_pieces++] = (struct gw_template_piece){.key = key};
    return end + 1;
}

bool gw_template_parse(struct gw_conf_reader *reader, const char *text, bool is_shown, gw_mark_t at, gw_template_t *ret)
{
    char *out = gw_arena_strdup(reader->arena, gw_str_of(text)), *from = out;
    *ret = (gw_template_t){.pieces = gw_arena_alloc(reader->arena, GW_TEMPLATE_MAX_PIECES * sizeof(*ret->pieces)),
                           .plain = gw_str(out, 0)};
    while (*text != '\0') {
        if (strncmp(text, "%%{", 3) == 0) {
            ++text;
            *out++ = *text++;
            *out++ = *text++;
        } else if (strncmp(text, "%{", 2) == 0) {
            add_text(ret, from, out);
            from = out;
            if ((text = add_key(reader, text, is_shown, at, ret)) == NULL)
                return false;
        } else {
            *out++ = *text++;
        }
    }
    add_text(ret, from, out);
    ret->plain.len = (size_t)(out - ret->plain.ptr);
    return true;
}
