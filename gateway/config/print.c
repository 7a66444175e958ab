/* SPDX-License-Identifier: MIT
 * A snapshot as YAML or JSON, and the table of all options. */
#include "gateway/config/conf.h"
#include "gateway/config/text.h"
#include "gateway/exchange/filter.h"

/* what no reader could take for anything but a text */
static bool is_plain(const char *text)
{
    static const char *const taken[] = {"null", "true", "false", "yes", "no", "on"};
    size_t len = strlen(text);

    for (size_t i = 0; i != sizeof(taken) / sizeof(taken[0]); ++i)
        if (gw_str_equal_nocase(gw_str_of(text), gw_str_of(taken[i])))
            return false;
    return len != 0 && strchr("-.:+", *text) == NULL && text[len - 1] != ':' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:+-") == len;
}

static void print_text(FILE *to, const char *text, bool escapes_dollar)
{
    if (is_plain(text)) {
        fputs(text, to);
        return;
    }
    putc('"', to);
    for (gw_str_t s = gw_str_of(text); s.len != 0;) {
        uint32_t code = 0;
        size_t len = gw_utf8_next(s, &code);
        if (len == 0) /* cannot be: what is loaded is UTF-8 */
            len = 1, code = 0xfffd;
        if (code == '"' || code == '\\')
            fprintf(to, "\\%c", (char)code);
        else if (code == '$' && escapes_dollar && s.len > 1 && (s.ptr[1] == '$' || s.ptr[1] == '{'))
            fputs("$$", to);
        else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x2029) || code == 0xfeff)
            fprintf(to, code < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)code);
        else
            fwrite(s.ptr, 1, len, to);
        s = gw_str(s.ptr + len, s.len - len);
    }
    putc('"', to);
}

static void print_scalar(FILE *to, const gw_node_t *node)
{
    if (!node->is_quoted)
        fputs(node->text.ptr, to);
    else if (node->source != NULL)
        print_text(to, node->source, false);
    else
        print_text(to, node->text.ptr, true);
}

/* Prints a node behind `key:` or `- `, with the line's end.
 * @param is_in_item the first key of a mapping stands on the line of the dash */
static void print_yaml(FILE *to, const gw_node_t *node, unsigned indent, bool is_in_item)
{
    if (node->kind == GW_NODE_SCALAR) {
        if (!is_in_item)
            putc(' ', to);
        print_scalar(to, node);
        putc('\n', to);
        return;
    }
    if (node->size == 0) {
        fprintf(to, "%s%s\n", is_in_item ? "" : " ", node->kind == GW_NODE_MAPPING ? "{}" : "[]");
        return;
    }
    if (!is_in_item)
        putc('\n', to);
    for (size_t i = 0; i != node->size; ++i) {
        if (i != 0 || !is_in_item)
            fprintf(to, "%*s", (int)indent, "");
        if (node->kind == GW_NODE_MAPPING) {
            print_text(to, node->pairs[i].key, false);
            putc(':', to);
            print_yaml(to, node->pairs[i].value, indent + 2, false);
        } else {
            fputs("- ", to);
            print_yaml(to, node->items[i], indent + 2, true);
        }
    }
}

static void print_json(FILE *to, const gw_node_t *node)
{
    if (node->kind == GW_NODE_SCALAR) {
        if (!node->is_quoted)
            fputs(node->text.ptr, to);
        else
            gw_json_print_string(to, node->source != NULL ? gw_str_of(node->source) : node->text);
        return;
    }
    putc(node->kind == GW_NODE_MAPPING ? '{' : '[', to);
    for (size_t i = 0; i != node->size; ++i) {
        if (i != 0)
            putc(',', to);
        if (node->kind == GW_NODE_MAPPING) {
            gw_json_print_string(to, gw_str_of(node->pairs[i].key));
            putc(':', to);
        }
        print_json(to, node->kind == GW_NODE_MAPPING ? node->pairs[i].value : node->items[i]);
    }
    putc(node->kind == GW_NODE_MAPPING ? '}' : ']', to);
}

void gw_snapshot_print(const gw_snapshot_t *snapshot, FILE *to)
{
    gw_arena_t *arena = gw_arena_create();
    const gw_node_t *mapping = gw_section_show(arena, &gw_root_section, snapshot->root);

    for (size_t i = 0; i != mapping->size; ++i) {
        fprintf(to, "%s:", mapping->pairs[i].key);
        print_yaml(to, mapping->pairs[i].value, 2, false);
    }
    gw_arena_free(arena);
}

void gw_snapshot_print_json(const gw_snapshot_t *snapshot, FILE *to)
{
    gw_arena_t *arena = gw_arena_create();

    print_json(to, gw_section_show(arena, &gw_root_section, snapshot->root));
    gw_arena_free(arena);
}

struct schema_printing {
    gw_arena_t *arena;
    FILE *to;
};

static void print_row(void *arg, const char *path, const gw_field_t *field)
{
    const struct schema_printing *printing = arg;

    fprintf(printing->to, "%s: %s; %s\n", path, gw_field_facts(printing->arena, field), field->meaning);
}

void gw_schema_walk(gw_arena_t *arena, void (*each)(void *arg, const char *path, const gw_field_t *field), void *arg)
{
    gw_section_walk(arena, "", &gw_root_section, each, arg);
    for (const gw_filter_class_t *const *class = gw_filter_classes; *class != NULL; ++class)
        gw_section_walk(arena, gw_arena_printf(arena, "filters.NAME.%s", (*class)->name), (*class)->section, each, arg);
}

void gw_schema_print(FILE *to)
{
    struct schema_printing printing = {gw_arena_create(), to};

    gw_schema_walk(printing.arena, print_row, &printing);
    gw_arena_free(printing.arena);
}
