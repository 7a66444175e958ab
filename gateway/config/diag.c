/* SPDX-License-Identifier: MIT
 * Collects what is wrong with a configuration and shows it in the order of the files. */
#include <stdlib.h>
#include "gateway/base/arena.h"
#include "gateway/config/diag.h"
#include "gateway/config/text.h"

/* Beyond this many nobody reads on, and a hostile file must not cost more; the rest is only counted. */
enum { most_entries = 1000 };

struct entry {
    gw_severity_t severity;
    const char *file, *hint, *message;
    unsigned line, col;
    size_t order;
};

struct gw_diag {
    gw_arena_t *arena;
    struct entry entries[most_entries];
    size_t num, num_errors, num_warnings;
    size_t num_repeated; /* counted above, but shown once */
};

gw_diag_t *gw_diag_create(void)
{
    gw_arena_t *arena = gw_arena_create();
    gw_diag_t *diag = gw_arena_alloc(arena, sizeof(*diag));

    diag->arena = arena;
    return diag;
}

gw_diag_t *gw_diag_free(gw_diag_t *diag)
{
    if (diag != NULL)
        gw_arena_free(diag->arena);
    return NULL;
}

static bool is_known(const gw_diag_t *diag, gw_severity_t severity, gw_mark_t at, const char *message)
{
    for (size_t i = 0; i != diag->num; ++i) {
        const struct entry *entry = diag->entries + i;
        if (entry->line == at.line && entry->col == at.col && entry->severity == severity &&
            strcmp(entry->message, message) == 0 && strcmp(entry->file, at.file) == 0)
            return true;
    }
    return false;
}

static void add(gw_diag_t *diag, gw_severity_t severity, gw_mark_t at, const char *hint, const char *format,
                va_list args)
{
    char *message = NULL;

    if (at.file == NULL)
        at.file = "configuration";
    if (diag->num < most_entries) {
        if (vasprintf(&message, format, args) < 0)
            abort();
        /* an alias lets the same lines be read more than once; one report is enough */
        if (is_known(diag, severity, at, message)) {
            ++diag->num_repeated;
            goto Exit;
        }
        diag->entries[diag->num] = (struct entry){
            .severity = severity,
            .file = gw_arena_strdup(diag->arena, gw_str_of(at.file)),
            .hint = hint != NULL ? gw_arena_strdup(diag->arena, gw_str_of(hint)) : NULL,
            .message = gw_arena_strdup(diag->arena, gw_str_of(message)),
            .line = at.line,
            .col = at.col,
            .order = diag->num,
        };
        ++diag->num;
    }
Exit:
    free(message);
    ++*(severity == GW_ERROR ? &diag->num_errors : &diag->num_warnings);
}

void gw_diag_error(gw_diag_t *diag, gw_mark_t at, const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diag, GW_ERROR, at, hint, format, args);
    va_end(args);
}

void gw_diag_warning(gw_diag_t *diag, gw_mark_t at, const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diag, GW_WARNING, at, hint, format, args);
    va_end(args);
}

size_t gw_diag_num_errors(const gw_diag_t *diag)
{
    return diag->num_errors;
}

size_t gw_diag_num_warnings(const gw_diag_t *diag)
{
    return diag->num_warnings;
}

static int compare(const void *va, const void *vb)
{
    const struct entry *a = *(const struct entry *const *)va, *b = *(const struct entry *const *)vb;
    int by_file = strcmp(a->file, b->file);

    if (by_file != 0)
        return by_file;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->col != b->col)
        return a->col < b->col ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* @return diag->num pointers in the order of the files; free() it */
static const struct entry **sorted(const gw_diag_t *diag)
{
    const struct entry **entries = malloc((diag->num + 1) * sizeof(*entries));

    if (entries == NULL)
        abort();
    for (size_t i = 0; i != diag->num; ++i)
        entries[i] = diag->entries + i;
    qsort(entries, diag->num, sizeof(*entries), compare);
    return entries;
}

static const char *word(gw_severity_t severity)
{
    return severity == GW_ERROR ? "error" : "warning";
}

static void print_place(FILE *to, const struct entry *entry)
{
    fputs(entry->file, to);
    if (entry->line != 0)
        fprintf(to, ":%u:%u", entry->line, entry->col);
}

static size_t num_left_out(const gw_diag_t *diag)
{
    return diag->num_errors + diag->num_warnings - diag->num_repeated - diag->num;
}

void gw_diag_print(const gw_diag_t *diag, FILE *to)
{
    const struct entry **entries = sorted(diag);

    for (size_t i = 0; i != diag->num; ++i) {
        print_place(to, entries[i]);
        fprintf(to, ": %s: %s\n", word(entries[i]->severity), entries[i]->message);
        if (entries[i]->hint != NULL)
            fprintf(to, "  hint: %s\n", entries[i]->hint);
    }
    if (num_left_out(diag) != 0)
        fprintf(to, "%zu more errors and warnings are not shown\n", num_left_out(diag));
    free(entries);
}

void gw_diag_print_json(const gw_diag_t *diag, FILE *to)
{
    const struct entry **entries = sorted(diag);

    putc('[', to);
    for (size_t i = 0; i != diag->num; ++i) {
        fprintf(to, "%s{\"severity\":\"%s\",\"file\":", i != 0 ? "," : "", word(entries[i]->severity));
        gw_json_print_string(to, gw_str_of(entries[i]->file));
        fprintf(to, ",\"line\":%u,\"column\":%u,\"message\":", entries[i]->line, entries[i]->col);
        gw_json_print_string(to, gw_str_of(entries[i]->message));
        fputs(",\"hint\":", to);
        if (entries[i]->hint != NULL)
            gw_json_print_string(to, gw_str_of(entries[i]->hint));
        else
            fputs("null", to);
        putc('}', to);
    }
    putc(']', to);
    free(entries);
}

void gw_diag_each(const gw_diag_t *diag, void (*each)(void *arg, gw_severity_t severity, const char *text), void *arg)
{
    const struct entry **entries = sorted(diag);

    for (size_t i = 0; i != diag->num; ++i) {
        char *text = NULL;
        size_t len;
        FILE *to = open_memstream(&text, &len);
        if (to == NULL)
            abort();
        print_place(to, entries[i]);
        fprintf(to, ": %s", entries[i]->message);
        if (entries[i]->hint != NULL)
            fprintf(to, "; hint: %s", entries[i]->hint);
        fclose(to);
        each(arg, entries[i]->severity, text);
        free(text);
    }
    free(entries);
}
