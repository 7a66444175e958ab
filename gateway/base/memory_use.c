/* SPDX-License-Identifier: MIT
 * Memory, as Linux tells it in /proc and /sys. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include "gateway/base/memory_use.h"

/** @return false: there is no such file, or it is empty */
static bool read_text(const char *path, char *text, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return false;
    ssize_t len = read(fd, text, cap - 1); /* these files come in one piece */
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

uint64_t gw_memory_resident(const char *root)
{
    char path[PATH_MAX], text[256];
    uint64_t pages;
    snprintf(path, sizeof(path), "%s/proc/self/statm", root);
    if (!read_text(path, text, sizeof(text)) || sscanf(text, "%*u %" SCNu64, &pages) != 1)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t machine_memory(void)
{
    struct sysinfo info;
    if (sysinfo(&info) != 0) /* fails for a bad address only */
        abort();
    return (uint64_t)info.totalram * info.mem_unit;
}

/** Takes the bound in a cgroup's folder for *least where it is smaller; "max" is none. */
static void look_into(const char *folder, const char *file, uint64_t *least)
{
    char path[PATH_MAX], text[64], *end;
    if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= (int)sizeof(path) ||
        !read_text(path, text, sizeof(text)))
        return;
    uint64_t bytes = strtoull(text, &end, 10);
    if (end != text && bytes != 0 && bytes < *least)
        *least = bytes;
}

/** The cgroup's own folder and all above it: each of them binds.  In a container the path may be that of the host,
 * which is not to be seen there; then the topmost folder is the container's own. */
static void look_upwards(const char *mount, const char *group, const char *file, uint64_t *least)
{
    char folder[PATH_MAX];
    size_t top = strlen(mount);
    if (snprintf(folder, sizeof(folder), "%s%s", mount, group) >= (int)sizeof(folder))
        return;
    for (;;) {
        look_into(folder, file, least);
        char *slash = strrchr(folder + top, '/');
        if (slash == NULL)
            return;
        *slash = '\0';
    }
}

/** @return whether the comma-separated list of controllers holds this one */
static bool has_controller(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += len)
        if ((at == list || at[-1] == ',') && (at[len] == '\0' || at[len] == ','))
            return true;
    return false;
}

uint64_t gw_memory_allowed(const char *root)
{
    char path[PATH_MAX], text[8192], mount[PATH_MAX];
    uint64_t least = machine_memory();
    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    if (!read_text(path, text, sizeof(text)))
        return least;
    for (char *line = text, *next; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        /* NUMBER:CONTROLLERS:PATH; of version 2 the controllers are empty */
        char *controllers = strchr(line, ':'), *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (group == NULL)
            continue;
        ++controllers;
        *group++ = '\0';
        if (*controllers == '\0') {
            snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup", root);
            look_upwards(mount, group, "memory.max", &least);
        } else if (has_controller(controllers, "memory")) {
            snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/memory", root);
            look_upwards(mount, group, "memory.limit_in_bytes", &least);
        }
    }
    return least;
}

void gw_memory_give_back(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
