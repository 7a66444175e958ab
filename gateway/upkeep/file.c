/* SPDX-License-Identifier: MIT
 * Watched files. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/observe/log.h"
#include "gateway/upkeep/file.h"
#include "gateway/upkeep/source.h"

#define LOOK_EVERY_MS 10000
#define LOOK_OFTEN_MS 1000         /* where no folder tells */
#define SETTLED_NS    200000000ull /* a file that was written to a moment ago may be half written */
#define LOOK_AGAIN_MS 100
#define RESTLESS_MS   2000 /* one that never rests is read all the same */

struct gw_file {
    gw_source_t super;
    const gw_file_class_t *class;
    char *path, *folder;
    gw_published_t *published;
    struct gw_file_stamp stamp;
    bool is_missing;      /* and that was said */
    bool is_unread;       /* the same: descriptors may have run out */
    uint64_t restless_ms; /* since when it has been changing; 0: it rests */
};

/* reading ---------------------------------------------------------------------------------------------------------- */

static struct gw_file_stamp stamp_of(const struct stat *stat)
{
    return (struct gw_file_stamp){(uint64_t)stat->st_dev, (uint64_t)stat->st_ino, (uint64_t)stat->st_size,
                                  (uint64_t)stat->st_mtim.tv_sec * 1000000000 + (uint64_t)stat->st_mtim.tv_nsec,
                                  (uint64_t)stat->st_ctim.tv_sec * 1000000000 + (uint64_t)stat->st_ctim.tv_nsec};
}

static char *refuse(gw_diag_t *diag, gw_mark_t at, const gw_file_class_t *class, const char *path, const char *why)
{
    gw_diag_error(diag, at, NULL, "cannot read %s '%s': %s", class->what, path, why);
    return NULL;
}

/** @return the content with a NUL behind it, for OPENSSL_clear_free(.., *ret_len + 1); NULL after reporting */
static char *read_all(int fd, const char *path, const gw_file_class_t *class, gw_diag_t *diag, gw_mark_t at,
                      size_t *ret_len)
{
    size_t len = 0, cap = class->max_bytes + 1;
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return refuse(diag, at, class, path, strerror(errno));
    if (!S_ISREG(stat.st_mode)) /* a FIFO would wait for a writer */
        return refuse(diag, at, class, path, "it is not a regular file");
    if ((uint64_t)stat.st_size < class->max_bytes)
        cap = (size_t)stat.st_size + 1; /* one more tells whether it grows */
    char *bytes = OPENSSL_malloc(cap + 1);
    if (bytes == NULL)
        abort();
    while (len != cap) {
        ssize_t got = read(fd, bytes + len, cap - len);
        if (got > 0) {
            len += (size_t)got;
        } else if (got == 0) {
            bytes[len] = '\0';
            *ret_len = len;
            return bytes;
        } else if (errno != EINTR) {
            OPENSSL_clear_free(bytes, cap + 1);
            return refuse(diag, at, class, path, strerror(errno));
        }
    }
    OPENSSL_clear_free(bytes, cap + 1);
    return refuse(diag, at, class, path, len > class->max_bytes ? "it is too large" : "it is being written to");
}

/** @param ret_is_unread set when the system would not let us read it, which says nothing of the file itself */
static gw_version_t *load(const char *path, const gw_file_class_t *class, gw_diag_t *diag, gw_mark_t at,
                          struct gw_file_stamp *ret_stamp, bool *ret_is_unread)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat stat;
    *ret_is_unread = fd == -1 || fstat(fd, &stat) != 0;
    if (*ret_is_unread) {
        refuse(diag, at, class, path, strerror(errno));
        if (fd != -1)
            close(fd);
        return NULL;
    }
    size_t len, before = gw_diag_num_errors(diag);
    char *bytes = read_all(fd, path, class, diag, at, &len);
    close(fd);
    if (bytes == NULL)
        return NULL;
    *ret_stamp = stamp_of(&stat);
    if (class->is_secret && (stat.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
        gw_diag_warning(diag, at, "chmod 0640 or stricter", "%s '%s' may be read or changed by others", class->what,
                        path);
    void *value = class->parse(gw_str(bytes, len), path, diag);
    OPENSSL_clear_free(bytes, len + 1);
    if (value == NULL && before == gw_diag_num_errors(diag))
        refuse(diag, at, class, path, "it is not valid");
    return value != NULL ? gw_version_create(value, class->free_value) : NULL;
}

bool gw_file_load(gw_file_seed_t *seed, const char *path, const gw_file_class_t *class, gw_diag_t *diag, gw_mark_t at)
{
    *seed = (gw_file_seed_t){.path = path};
    bool is_unread;
    seed->version = load(path, class, diag, at, &seed->stamp, &is_unread);
    return seed->version != NULL;
}

void gw_file_seed_dispose(gw_file_seed_t *seed)
{
    seed->version = gw_version_unref(seed->version);
}

/* watching --------------------------------------------------------------------------------------------------------- */

static void log_entry(void *arg, gw_severity_t severity, const char *text)
{
    gw_log_later(severity == GW_ERROR ? GW_LOG_ERROR : GW_LOG_WARNING, "%s", text);
}

static bool is_settled(const struct stat *stat)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
             modified_ns = stamp_of(stat).modified_ns;
    return modified_ns > now_ns || now_ns - modified_ns >= SETTLED_NS;
}

/** @param version NULL: nothing good was read */
static void publish(gw_file_t *file, gw_version_t *version)
{
    if (version == NULL) {
        gw_log_later(GW_LOG_ERROR, "%s '%s' has changed and is not used: what was read before stays in use",
                     file->class->what, file->path);
        return;
    }
    gw_published_set(file->published, version);
    gw_log_later(GW_LOG_NOTICE, "%s '%s' has changed and was read again", file->class->what, file->path);
}

static bool is_same(const struct gw_file_stamp *a, const struct gw_file_stamp *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/** @param settled what it was found to be
 *  @return false: to be tried again; it has changed meanwhile, so what was read means nothing, or could not be read */
static bool load_again(gw_file_t *file, const struct gw_file_stamp *settled)
{
    bool is_unread;
    gw_diag_t *diag = gw_diag_create();
    struct gw_file_stamp read = *settled, now = {0};
    struct stat stat_now;
    gw_version_t *version = load(file->path, file->class, diag, (gw_mark_t){.file = file->path}, &read, &is_unread);
    if (stat(file->path, &stat_now) == 0)
        now = stamp_of(&stat_now);
    bool is_still = is_same(&read, settled) && is_same(&now, settled) && !is_unread;
    if (is_unread && !file->is_unread) {
        gw_diag_each(diag, log_entry, NULL);
        publish(file, NULL);
    }
    file->is_unread = is_unread;
    if (is_still) {
        file->stamp = *settled; /* also when it cannot be read: that is said once */
        gw_diag_each(diag, log_entry, NULL);
        publish(file, version);
    }
    gw_version_unref(version);
    gw_diag_free(diag);
    return is_still;
}

static uint64_t look(gw_source_t *source, uint64_t now_ms)
{
    gw_file_t *file = (gw_file_t *)source;
    struct stat stat_now;
    gw_published_sweep(file->published);
    /* first, so that what happens from now on is told */
    uint64_t next_ms = now_ms + (gw_source_follow(source, file->folder) ? LOOK_EVERY_MS : LOOK_OFTEN_MS);
    if (stat(file->path, &stat_now) != 0) {
        if (!file->is_missing)
            gw_log_later(GW_LOG_WARNING, "%s '%s': %s: what was read before stays in use", file->class->what,
                         file->path, strerror(errno));
        file->is_missing = true;
        return now_ms + LOOK_OFTEN_MS;
    }
    file->is_missing = false;
    const struct gw_file_stamp stamp = stamp_of(&stat_now);
    if (is_same(&stamp, &file->stamp)) {
        file->restless_ms = 0;
        return next_ms;
    }
    if (file->restless_ms == 0)
        file->restless_ms = now_ms;
    bool is_due = is_settled(&stat_now) || now_ms - file->restless_ms >= RESTLESS_MS;
    if (!is_due || !load_again(file, &stamp))
        return now_ms + (file->is_unread ? LOOK_OFTEN_MS : LOOK_AGAIN_MS);
    file->restless_ms = 0;
    return next_ms;
}

static void free_file(gw_source_t *source)
{
    gw_file_t *file = (gw_file_t *)source;
    gw_published_unref(file->published);
    free(file->path);
    free(file->folder);
    free(file);
}

static const gw_source_class_t file_source = {.look = look, .free = free_file};

gw_file_t *gw_file_watch(gw_upkeep_t *upkeep, const gw_file_class_t *class, const gw_file_seed_t *seed)
{
    gw_file_t *file = gw_must_alloc(1, sizeof(*file));
    file->class = class;
    file->path = strdup(seed->path);
    if (file->path == NULL)
        abort();
    file->published = gw_published_create(seed->version);
    file->stamp = seed->stamp;
    const char *slash = strrchr(seed->path, '/');
    file->folder =
        slash == NULL ? strdup(".") : strndup(seed->path, slash == seed->path ? 1 : (size_t)(slash - seed->path));
    if (file->folder == NULL)
        abort();
    gw_source_start(&file->super, upkeep, &file_source, file->folder);
    return file;
}

gw_file_t *gw_file_unwatch(gw_file_t *file)
{
    if (file != NULL)
        gw_source_stop(&file->super);
    return NULL;
}

gw_published_t *gw_file_published(const gw_file_t *file)
{
    return file->published;
}
