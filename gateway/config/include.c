/* SPDX-License-Identifier: MIT
 * Several YAML files -> one mapping: opening what is a regular file, following `include`, joining the keys. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gateway/config/text.h"
#include "gateway/config/yaml.h"

struct loaded_file {
    dev_t device;
    ino_t inode;
    gw_mark_t from; /* where it was included */
    bool is_open;   /* the files that it includes are being read */
};

struct loading {
    gw_arena_t *arena, *names;
    gw_diag_t *diag;
    const char *const *joined;
    gw_node_t *root;
    struct loaded_file files[GW_YAML_MAX_FILES];
    size_t num_files, total_bytes;
    bool has_failed; /* a file is missing from the tree, so no use in checking it */
};

static const char *file_type(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISBLK(mode)  ? "a block device"
                            : "no regular file";
}

/* ENXIO: O_NONBLOCK makes the opening of a FIFO return at once, but a socket cannot be opened at all */
static int open_regular(struct loading *l, const char *path, gw_mark_t at, struct stat *ret_st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        int error = errno;
        if (error == ENXIO && stat(path, ret_st) == 0)
            gw_diag_error(l->diag, at, NULL, "'%s' is %s, not a file", path, file_type(ret_st->st_mode));
        else
            gw_diag_error(l->diag, at, NULL, "cannot open '%s': %s", path, strerror(error));
        return -1;
    }
    if (fstat(fd, ret_st) != 0)
        gw_diag_error(l->diag, at, NULL, "cannot look at '%s': %s", path, strerror(errno));
    else if (!S_ISREG(ret_st->st_mode))
        gw_diag_error(l->diag, at, NULL, "'%s' is %s, not a file", path, file_type(ret_st->st_mode));
    else
        return fd;
    close(fd);
    return -1;
}

/* @return false after reporting; *ret_text is to be freed otherwise */
static bool read_all(struct loading *l, int fd, const char *path, gw_mark_t at, char **ret_text, size_t *ret_len)
{
    size_t len = 0, capacity = 16384;
    char *text = malloc(capacity);

    for (;;) {
        if (text == NULL)
            abort();
        ssize_t got = read(fd, text + len, capacity - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            gw_diag_error(l->diag, at, NULL, "cannot read '%s': %s", path, strerror(errno));
            break;
        }
        if (got == 0) {
            *ret_text = text;
            *ret_len = len;
            return true;
        }
        if ((len += (size_t)got) > GW_YAML_MAX_FILE) {
            gw_diag_error(l->diag, at, NULL, "'%s' is larger than %u MiB", path, GW_YAML_MAX_FILE >> 20);
            break;
        }
        if (len == capacity)
            text = realloc(text, capacity *= 2);
    }
    free(text);
    return false;
}

/* each file is read once: a second time would only repeat its keys, and a cycle would not end */
static struct loaded_file *remember(struct loading *l, const struct stat *st, const char *path, gw_mark_t from)
{
    for (size_t i = 0; i != l->num_files; ++i) {
        const struct loaded_file *file = l->files + i;
        if (file->device != st->st_dev || file->inode != st->st_ino)
            continue;
        if (file->is_open)
            gw_diag_error(l->diag, from, NULL, "'%s' includes itself", path);
        else
            gw_diag_error(l->diag, from,
                          gw_arena_printf(l->arena, "it is first included at %s:%u:%u", file->from.file,
                                          file->from.line, file->from.col),
                          "'%s' is included twice", path);
        return NULL;
    }
    if (l->num_files == GW_YAML_MAX_FILES) {
        gw_diag_error(l->diag, from, NULL, "more than %d files", GW_YAML_MAX_FILES);
        return NULL;
    }
    l->files[l->num_files] = (struct loaded_file){st->st_dev, st->st_ino, from, true};
    return l->files + l->num_files++;
}

static bool is_joined(const struct loading *l, const char *key)
{
    for (const char *const *name = l->joined; *name != NULL; ++name)
        if (strcmp(*name, key) == 0)
            return true;
    return false;
}

static gw_node_t *copy_of(struct loading *l, const gw_node_t *node)
{
    gw_node_t *copy = gw_node_new(l->arena, node->kind);

    copy->at = node->at;
    for (size_t i = 0; i != node->size; ++i)
        if (node->kind == GW_NODE_MAPPING)
            gw_node_set(l->arena, copy, node->pairs[i].key, node->pairs[i].at, node->pairs[i].value);
        else
            gw_node_append(l->arena, copy, node->items[i]);
    return copy;
}

/* @return the two as one, or NULL when they do not fit together */
static gw_node_t *join(struct loading *l, gw_node_t *a, gw_node_t *b)
{
    if (gw_node_is_null(a))
        return b;
    if (gw_node_is_null(b))
        return a;
    if ((a->kind == GW_NODE_MAPPING) != (b->kind == GW_NODE_MAPPING))
        return NULL;
    gw_node_t *joined = copy_of(l, a);
    if (b->kind == GW_NODE_MAPPING) {
        for (size_t i = 0; i != b->size; ++i)
            gw_node_set(l->arena, joined, b->pairs[i].key, b->pairs[i].at, b->pairs[i].value);
        gw_node_refuse_duplicates(l->arena, joined, l->diag);
        return joined;
    }
    if (a->kind == GW_NODE_SCALAR) { /* one text is a list of one */
        joined->kind = GW_NODE_SEQUENCE;
        gw_node_append(l->arena, joined, a);
    }
    if (b->kind == GW_NODE_SCALAR)
        gw_node_append(l->arena, joined, b);
    else
        for (size_t i = 0; i != b->size; ++i)
            gw_node_append(l->arena, joined, b->items[i]);
    return joined;
}

static void take_over(struct loading *l, const gw_node_pair_t *pair)
{
    enum { most_keys = 1000 }; /* no sensible file comes near, and the search below is linear */
    gw_node_t *together;

    for (size_t i = 0; i != l->root->size; ++i) {
        gw_node_pair_t *first = l->root->pairs + i;
        if (strcmp(first->key, pair->key) != 0)
            continue;
        if (is_joined(l, pair->key) && (together = join(l, first->value, pair->value)) != NULL)
            first->value = together;
        else
            gw_diag_error(
                l->diag, pair->at,
                gw_arena_printf(l->arena, "it is first set at %s:%u:%u", first->at.file, first->at.line, first->at.col),
                "duplicate key '%s'", gw_text_shown(l->arena, gw_str_of(pair->key)));
        return;
    }
    if (l->root->size < most_keys)
        gw_node_set(l->arena, l->root, pair->key, pair->at, pair->value);
    else
        gw_diag_error(l->diag, (gw_mark_t){.file = pair->at.file}, NULL, "more than %d top-level keys", most_keys);
}

static void load_file(struct loading *l, const char *path, gw_mark_t from, unsigned depth);

/* @return the folder of the conf file, with its '/'; "" for the current one */
static gw_str_t folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return gw_str(file, slash != NULL ? (size_t)(slash - file) + 1 : 0);
}

static const char *glob_pattern(struct loading *l, const char *file, const char *pattern)
{
    gw_str_t folder = folder_of(file);
    char *whole = gw_arena_alloc(l->arena, 2 * folder.len + strlen(pattern) + 1), *out = whole;

    if (*pattern != '/') {
        for (size_t i = 0; i != folder.len; ++i) {
            if (strchr("*?[\\", folder.ptr[i]) != NULL)
                *out++ = '\\'; /* a wildcard in the folder's name is meant as it stands */
            *out++ = folder.ptr[i];
        }
    }
    strcpy(out, pattern);
    return whole;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* a folder that is not there holds no file; one that cannot be read is an error */
static int is_glob_error(const char *path, int error)
{
    errno = error;
    return error != ENOENT && error != ENOTDIR;
}

static void include(struct loading *l, const gw_node_t *node, unsigned depth)
{
    glob_t found = {0};

    if (node->is_broken) {
        l->has_failed = true;
        return;
    }
    if (node->kind != GW_NODE_SCALAR || node->text.len == 0 || gw_node_is_null(node)) {
        gw_diag_error(l->diag, node->at, NULL, "'include' must be a file name or a list of them, found %s",
                      gw_node_found(l->arena, node));
        l->has_failed = true;
        return;
    }
    if (depth == GW_YAML_MAX_INCLUDE) {
        gw_diag_error(l->diag, node->at, NULL, "more than %d includes inside of each other", GW_YAML_MAX_INCLUDE);
        l->has_failed = true;
        return;
    }
    const char *shown = gw_text_shown(l->arena, node->text);
    /* sorted by bytes, whatever the locale */
    int result = glob(glob_pattern(l, node->at.file, node->text.ptr), GLOB_NOSORT, is_glob_error, &found);
    if (result == GLOB_NOSPACE)
        abort();
    if (result == GLOB_NOMATCH) {
        if (strpbrk(node->text.ptr, "*?[") != NULL) {
            gw_diag_warning(l->diag, node->at, NULL, "no file matches '%s'", shown);
        } else {
            gw_diag_error(l->diag, node->at, "the name is relative to the folder of this file", "there is no file '%s'",
                          shown);
            l->has_failed = true;
        }
    } else if (result != 0) {
        gw_diag_error(l->diag, node->at, NULL, "cannot look for '%s': %s", shown, strerror(errno));
        l->has_failed = true;
    } else {
        qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), compare_paths);
        for (size_t i = 0; i != found.gl_pathc; ++i)
            load_file(l, gw_arena_strdup(l->names, gw_str_of(found.gl_pathv[i])), node->at, depth + 1);
    }
    globfree(&found);
}

static void load_file(struct loading *l, const char *path, gw_mark_t from, unsigned depth)
{
    struct loaded_file *file = NULL;
    gw_node_t *mapping = NULL, *includes = NULL;
    struct stat st;
    char *text = NULL;
    size_t len = 0;
    int fd = open_regular(l, path, from, &st);

    if (fd >= 0) {
        if ((file = remember(l, &st, path, from)) != NULL && read_all(l, fd, path, from, &text, &len)) {
            if ((l->total_bytes += len) > GW_YAML_MAX_TOTAL)
                gw_diag_error(l->diag, from, NULL, "all files together are larger than %u MiB",
                              GW_YAML_MAX_TOTAL >> 20);
            else
                mapping = gw_yaml_parse(l->arena, path, gw_str(text, len), depth != 0, l->diag);
            free(text);
        }
        close(fd);
    }
    if (mapping == NULL) {
        l->has_failed = true;
        return;
    }
    if (l->root == NULL) {
        l->root = gw_node_new(l->arena, GW_NODE_MAPPING);
        l->root->at = mapping->at;
    }
    for (size_t i = 0; i != mapping->size; ++i) {
        if (strcmp(mapping->pairs[i].key, "include") == 0)
            includes = mapping->pairs[i].value;
        else
            take_over(l, mapping->pairs + i);
    }
    if (includes != NULL && includes->kind == GW_NODE_SEQUENCE)
        for (size_t i = 0; i != includes->size; ++i)
            include(l, includes->items[i], depth);
    else if (includes != NULL)
        include(l, includes, depth);
    file->is_open = false;
}

gw_node_t *gw_yaml_load_file(gw_arena_t *arena, gw_arena_t *names, const char *path, const char *const *joined,
                             gw_diag_t *diag)
{
    struct loading *l = gw_arena_alloc(arena, sizeof(*l));

    *l = (struct loading){.arena = arena, .names = names, .diag = diag, .joined = joined};
    path = gw_arena_strdup(names, gw_str_of(path));
    load_file(l, path, (gw_mark_t){.file = path}, 0);
    return l->has_failed ? NULL : l->root;
}

gw_node_t *gw_yaml_load_memory(gw_arena_t *arena, gw_arena_t *names, const char *name, gw_str_t text, gw_diag_t *diag)
{
    gw_node_t *root = NULL;

    name = gw_arena_strdup(names, gw_str_of(name));
    if (text.len > GW_YAML_MAX_FILE)
        gw_diag_error(diag, (gw_mark_t){.file = name}, NULL, "'%s' is larger than %u MiB", name,
                      GW_YAML_MAX_FILE >> 20);
    else
        root = gw_yaml_parse(arena, name, text, false, diag);
    for (size_t i = 0; root != NULL && i != root->size; ++i)
        if (strcmp(root->pairs[i].key, "include") == 0) {
            gw_diag_error(diag, root->pairs[i].at, NULL, "'include' needs a file, not a text in memory");
            return NULL;
        }
    return root;
}
