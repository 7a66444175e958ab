/* SPDX-License-Identifier: MIT
 * What the system says of memory, from files of the test's own. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/base/memory_use.h"

#define MIB 1048576ull

static uint64_t machine(void)
{
    struct sysinfo info;
    assert_int_equal(sysinfo(&info), 0);
    return (uint64_t)info.totalram * info.mem_unit;
}

/** Writes a file with all its folders. */
static void put(const char *root, const char *path, const char *text)
{
    char full[PATH_MAX];
    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        mkdir(full, 0700);
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void make_root(char root[64])
{
    strcpy(root, "/tmp/sluice-memory-XXXXXX");
    assert_non_null(mkdtemp(root));
}

static void remove_root(const char *root)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    assert_int_equal(system(command), 0);
}

static void the_smallest_bound_of_all_cgroups_counts(void **state)
{
    static const struct {
        const char *about, *cgroup;
        struct {
            const char *path, *text;
        } files[4];
        uint64_t expected; /* 0: the machine's */
    } cases[] = {
        {"no cgroups", NULL, {{NULL, NULL}}, 0},
        {"no bound in any", "0::/a/b\n", {{"/sys/fs/cgroup/a/b/memory.max", "max\n"}}, 0},
        {"its own", "0::/a/b\n", {{"/sys/fs/cgroup/a/b/memory.max", "67108864\n"}}, 64 * MIB},
        {"one above it",
         "0::/a/b/c\n",
         {{"/sys/fs/cgroup/a/b/c/memory.max", "67108864\n"}, {"/sys/fs/cgroup/a/memory.max", "33554432\n"}},
         32 * MIB},
        {"one above it that is larger",
         "0::/a/b\n",
         {{"/sys/fs/cgroup/a/b/memory.max", "33554432\n"}, {"/sys/fs/cgroup/a/memory.max", "67108864\n"}},
         32 * MIB},
        {"a container, which sees its own as the root",
         "0::/\n",
         {{"/sys/fs/cgroup/memory.max", "33554432\n"}},
         32 * MIB},
        {"a container with the host's path",
         "0::/docker/0123\n",
         {{"/sys/fs/cgroup/memory.max", "33554432\n"}},
         32 * MIB},
        {"version 1",
         "11:cpu,cpuacct:/x\n7:memory:/a/b\n0::/\n",
         {{"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "16777216\n"},
          {"/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "4096\n"}},
         16 * MIB},
        {"version 1, several controllers in one",
         "7:cpu,memory,pids:/a\n",
         {{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "16777216\n"}},
         16 * MIB},
        {"version 1 without a bound",
         "7:memory:/a\n",
         {{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"}},
         0},
        {"another controller of a similar name",
         "7:hugememory:/a\n",
         {{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "16777216\n"}},
         0},
        {"a file that makes no sense", "0::/a\n", {{"/sys/fs/cgroup/a/memory.max", "lots\n"}}, 0},
        {"an empty one", "0::/a\n", {{"/sys/fs/cgroup/a/memory.max", ""}}, 0},
        {"lines that make no sense", "what\n:\n0::/a\n", {{"/sys/fs/cgroup/a/memory.max", "33554432\n"}}, 32 * MIB},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char root[64];
        make_root(root);
        if (cases[i].cgroup != NULL)
            put(root, "/proc/self/cgroup", cases[i].cgroup);
        for (size_t k = 0; k != 4 && cases[i].files[k].path != NULL; ++k)
            put(root, cases[i].files[k].path, cases[i].files[k].text);
        uint64_t allowed = gw_memory_allowed(root), expected = cases[i].expected != 0 ? cases[i].expected : machine();
        if (allowed != expected)
            fail_msg("%s: %llu instead of %llu", cases[i].about, (unsigned long long)allowed,
                     (unsigned long long)expected);
        remove_root(root);
    }
}

static void what_is_resident_stands_second(void **state)
{
    char root[64];
    make_root(root);
    assert_int_equal(gw_memory_resident(root), 0); /* there is no such file */
    put(root, "/proc/self/statm", "900 123 45 6 0 7 0\n");
    assert_int_equal(gw_memory_resident(root), 123 * (uint64_t)sysconf(_SC_PAGESIZE));
    put(root, "/proc/self/statm", "900\n");
    assert_int_equal(gw_memory_resident(root), 0);
    put(root, "/proc/self/statm", "");
    assert_int_equal(gw_memory_resident(root), 0);
    remove_root(root);
}

static void this_process_is_seen_to_grow_and_to_give_back(void **state)
{
    enum { size = 1000, num = 64 * 1024 };
    static char *pieces[num];
    uint64_t before = gw_memory_resident("");
    for (size_t i = 0; i != num; ++i)
        assert_non_null(pieces[i] = memset(malloc(size), 1, size));
    uint64_t full = gw_memory_resident("");
    assert_true(before > MIB && full >= before + 50 * MIB && full <= gw_memory_allowed(""));
    for (size_t i = 0; i != num - 1; ++i) /* the last one holds the end of the heap where it is */
        free(pieces[i]);
    gw_memory_give_back();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
    assert_true(gw_memory_resident("") <= before + 16 * MIB);
#endif
    free(pieces[num - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_bound_of_all_cgroups_counts),
        cmocka_unit_test(what_is_resident_stands_second),
        cmocka_unit_test(this_process_is_seen_to_grow_and_to_give_back),
    };
    return cmocka_run_group_tests_name("test_base_memory_use", tests, NULL, NULL);
}
