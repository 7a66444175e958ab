/* SPDX-License-Identifier: MIT
 * Watched files: every way in which people and programs replace a file is noticed, none of them is seen half done, and
 * what is wrong changes nothing.  The upkeep thread is the real one; what it has to say is caught from stderr. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "gateway/upkeep/file.h"
#include "tests/support/conf_files.h"

/* The thread looks at every file each 10 s anyway: what is seen sooner was told by the folder. */
#define SOON_MS     8000
#define DEADLINE_MS 30000
#define MAX_BYTES   64

/* the kind of file ------------------------------------------------------------------------------------------------- */

static atomic_bool is_held;              /* parsing waits */
static sem_t has_begun, may_end;         /* a held one began; it may go on */
static atomic_size_t num_values;         /* that are alive */
static atomic_bool was_half, is_watched; /* was_half: a text without its last line was seen while is_watched */
static atomic_bool is_replacing;         /* the thread of replace_again_and_again goes on */

/** A text that ends in "end\n"; "bad" is wrong in line 1. */
static void *parse(gw_str_t content, const char *path, gw_diag_t *diag)
{
    if (content.ptr[content.len] != 0)
        abort();
    if (atomic_load(&is_watched) && strstr(content.ptr, "end\n") == NULL)
        atomic_store(&was_half, true);
    if (atomic_load(&is_held)) {
        sem_post(&has_begun);
        while (sem_wait(&may_end) != 0)
            ;
    }
    if (strncmp(content.ptr, "bad", 3) == 0) {
        gw_diag_error(diag, (gw_mark_t){.file = path, .line = 1, .col = 1}, NULL, "it is bad");
        return NULL;
    }
    atomic_fetch_add(&num_values, 1);
    return strndup(content.ptr, content.len);
}

static void free_value(void *value)
{
    atomic_fetch_sub(&num_values, 1);
    free(value);
}

static const gw_file_class_t list_class = {
    .what = "list", .max_bytes = MAX_BYTES, .parse = parse, .free_value = free_value};
static const gw_file_class_t secret_class = {
    .what = "secret", .max_bytes = MAX_BYTES, .is_secret = true, .parse = parse, .free_value = free_value};

/* the world around it ---------------------------------------------------------------------------------------------- */

typedef struct world {
    char *folder;
    gw_upkeep_t *upkeep;
    int log, old_stderr; /* what goes to stderr goes to the file `log` */
    char *list;          /* path of the file that most tests watch */
    gw_file_t *file;     /* that is watched there, or NULL */
} world_t;

static char *path_in(const world_t *world, const char *name)
{
    char *path = malloc(strlen(world->folder) + strlen(name) + 2);
    sprintf(path, "%s/%s", world->folder, name);
    return path;
}

static int begin(void **state)
{
    world_t *world = calloc(1, sizeof(*world));
    FILE *log = tmpfile();
    world->folder = conf_folder_create();
    world->list = path_in(world, "list");
    world->log = dup(fileno(log));
    fclose(log);
    fflush(stderr);
    world->old_stderr = dup(2);
    dup2(world->log, 2);
    world->upkeep = gw_upkeep_create();
    sem_init(&has_begun, 0, 0);
    sem_init(&may_end, 0, 0);
    atomic_store(&num_values, 0);
    atomic_store(&was_half, false);
    atomic_store(&is_watched, false);
    *state = world;
    return world->upkeep == NULL;
}

/** Everything that was said so far; to be freed. */
static char *log_of(const world_t *world)
{
    struct stat stat;
    fstat(world->log, &stat);
    char *text = calloc(1, (size_t)stat.st_size + 1);
    if (pread(world->log, text, (size_t)stat.st_size, 0) < 0)
        abort();
    return text;
}

static int end(void **state)
{
    world_t *world = *state;
    gw_file_unwatch(world->file);
    gw_upkeep_free(world->upkeep);
    dup2(world->old_stderr, 2);
    char *log = log_of(world);
    fputs(log, stderr); /* beside the results, for whoever reads why a test failed */
    free(log);
    close(world->old_stderr);
    close(world->log);
    conf_folder_remove(world->folder);
    sem_destroy(&has_begun);
    sem_destroy(&may_end);
    free(world->list);
    free(world);
    return atomic_load(&num_values) != 0; /* a leak of a version */
}

static size_t count_in_log(const world_t *world, const char *text)
{
    char *log = log_of(world);
    size_t num = 0;
    for (const char *at = log; (at = strstr(at, text)) != NULL; ++at)
        ++num;
    free(log);
    return num;
}

/** A millisecond for the other thread.  @return false when the time since start_ms is over */
static bool wait_a_little(uint64_t start_ms, uint64_t timeout_ms)
{
    poll(NULL, 0, 1);
    return gw_clock_ms() - start_ms < timeout_ms;
}

static void wait_for_log(const world_t *world, const char *text, size_t num)
{
    uint64_t start_ms = gw_clock_ms();
    while (count_in_log(world, text) < num)
        if (!wait_a_little(start_ms, SOON_MS))
            fail_msg("'%s' was not said %zu times", text, num);
}

/** Writes in place.  @param mode of fopen */
static void write_in_place(const char *path, const char *mode, const char *text)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/** Replaces by renaming. */
static void replace(const char *path, const char *text)
{
    char draft[4096];
    snprintf(draft, sizeof(draft), "%s.draft", path);
    write_in_place(draft, "w", text);
    assert_int_equal(rename(draft, path), 0);
}

static gw_file_t *watch(const world_t *world, const gw_file_class_t *class, const char *path)
{
    gw_diag_t *diag = gw_diag_create();
    gw_file_seed_t seed;
    assert_true(gw_file_load(&seed, path, class, diag, (gw_mark_t){.file = "t.yaml", .line = 1, .col = 1}));
    assert_int_equal(gw_diag_num_errors(diag), 0);
    gw_file_t *file = gw_file_watch(world->upkeep, class, &seed);
    gw_file_seed_dispose(&seed);
    gw_diag_free(diag);
    return file;
}

/** Has "one end\n" written and watched.  @return the world */
static world_t *watch_list(void **state)
{
    world_t *world = *state;
    replace(world->list, "one end\n");
    world->file = watch(world, &list_class, world->list);
    return world;
}

static bool has_value(const gw_file_t *file, const char *text)
{
    gw_version_t *version = gw_published_get(gw_file_published(file));
    bool is_same = version != NULL && strcmp(gw_version_value(version), text) == 0;
    gw_version_unref(version);
    return is_same;
}

static void wait_for_value(const gw_file_t *file, const char *text)
{
    uint64_t start_ms = gw_clock_ms();
    while (!has_value(file, text))
        if (!wait_a_little(start_ms, SOON_MS))
            fail_msg("'%s' was not read within %d ms", text, SOON_MS);
}

/* replacing -------------------------------------------------------------------------------------------------------- */

static void a_file_that_is_replaced_by_renaming_is_read(void **state)
{
    world_t *world = watch_list(state);
    assert_true(has_value(world->file, "one end\n"));
    replace(world->list, "two end\n");
    wait_for_value(world->file, "two end\n");
    replace(world->list, "three end\n");
    wait_for_value(world->file, "three end\n");
    wait_for_log(world, "list' has changed and was read again", 2);
}

static void a_file_that_is_written_in_place_is_read(void **state)
{
    world_t *world = watch_list(state);
    write_in_place(world->list, "w", "two end\n");
    wait_for_value(world->file, "two end\n");
    write_in_place(world->list, "a", "and more end\n");
    wait_for_value(world->file, "two end\nand more end\n");
}

/** As by cp -p of a file of the same length, or by a tool that puts the time back. */
static void a_file_that_is_rewritten_with_the_same_size_and_time_is_read(void **state)
{
    const struct timespec times[] = {{1000000000, 0}, {1000000000, 0}};
    world_t *world = *state;
    char *path = path_in(world, "list");
    write_in_place(path, "w", "one end\n");
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    gw_file_t *file = watch(world, &list_class, path);
    write_in_place(path, "w", "two end\n");
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    wait_for_value(file, "two end\n");
    gw_file_unwatch(file);
    free(path);
}

static void a_half_that_is_soon_made_whole_is_never_read(void **state)
{
    world_t *world = watch_list(state);
    char text[40];
    for (size_t good = 0, round = 0; good != 5 && round != 100; ++round) {
        /* the thread has time to look, and is told that something was written */
        atomic_store(&is_watched, true);
        uint64_t start_ms = gw_clock_ms();
        write_in_place(world->list, "w", "a half");
        while (wait_a_little(start_ms, 60))
            ;
        snprintf(text, sizeof(text), " and %zu end\n", round);
        write_in_place(world->list, "a", text);
        /* who is stopped for longer than a file takes to settle has left a half lying about: that says nothing */
        bool is_fast = gw_clock_ms() - start_ms < 150;
        snprintf(text, sizeof(text), "a half and %zu end\n", round);
        wait_for_value(world->file, text);
        atomic_store(&is_watched, false);
        if (is_fast)
            assert_false(atomic_load(&was_half));
        atomic_store(&was_half, false);
        good += is_fast;
        if (round == 99)
            fail_msg("this machine is too slow to write two halves within 150 ms");
    }
}

/** Descriptors run out where many clients are connected; what was revoked meanwhile must not be forgotten. */
static void a_change_that_no_descriptor_was_left_for_is_read_when_there_is_one(void **state)
{
    world_t *world = watch_list(state);
    char *next = path_in(world, "next");
    struct rlimit before, none;
    write_in_place(next, "w", "two end\n");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int status = rename(next, world->list);
    uint64_t start_ms = gw_clock_ms();
    while (count_in_log(world, "list' has changed and is not used") == 0 && wait_a_little(start_ms, SOON_MS))
        ;
    setrlimit(RLIMIT_NOFILE, &before); /* first, so that a test that fails can say so */
    assert_int_equal(status, 0);
    assert_int_equal(count_in_log(world, "Too many open files"), 1);
    wait_for_value(world->file, "two end\n");
    free(next);
}

/** A list that somebody appends to all the time must not keep what it revokes from being seen. */
static void a_file_that_never_rests_is_read_all_the_same(void **state)
{
    world_t *world = watch_list(state);
    uint64_t start_ms = gw_clock_ms(), last_ms = start_ms;
    size_t longest_ms = 0;
    for (unsigned i = 0; !has_value(world->file, "two end\n"); ++i) {
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
        if (i == 0)
            write_in_place(world->list, "w", "two end\n");
        else if (gw_clock_ms() - last_ms >= 50) { /* written to again, with time to read it between */
            assert_int_equal(utimensat(AT_FDCWD, world->list, times, 0), 0);
            longest_ms = gw_clock_ms() - last_ms > longest_ms ? gw_clock_ms() - last_ms : longest_ms;
            last_ms = gw_clock_ms();
        }
        if (!wait_a_little(start_ms, SOON_MS))
            fail_msg("it was not read within %d ms", SOON_MS);
    }
    /* who was stopped for longer than a file takes to settle let it rest: that says nothing */
    print_message("read after %llu ms, the longest rest was %zu ms\n", (unsigned long long)(gw_clock_ms() - start_ms),
                  longest_ms);
    if (longest_ms < 150)
        assert_true(gw_clock_ms() - start_ms >= 1500); /* nor is it read too soon */
}

/** As the kubelet does it: the file is a link to ..data/list, ..data one to a folder, and a new one is renamed over it.
 */
static void write_volume(const world_t *world, const char *version, const char *text)
{
    char *folder = path_in(world, version), *link = path_in(world, "..data"), *draft = path_in(world, "..data_tmp");
    char name[4096];
    assert_int_equal(mkdir(folder, 0755), 0);
    snprintf(name, sizeof(name), "%s/list", folder);
    write_in_place(name, "w", text);
    assert_int_equal(symlink(version, draft), 0);
    assert_int_equal(rename(draft, link), 0);
    free(folder);
    free(link);
    free(draft);
}

static void a_link_that_is_turned_elsewhere_is_followed(void **state)
{
    world_t *world = *state;
    char *path = path_in(world, "list");
    write_volume(world, "..2026_1", "one end\n");
    assert_int_equal(symlink("..data/list", path), 0);
    gw_file_t *file = watch(world, &list_class, path);
    assert_true(has_value(file, "one end\n"));
    write_volume(world, "..2026_2", "two end\n");
    wait_for_value(file, "two end\n");
    write_volume(world, "..2026_3", "three end\n");
    wait_for_value(file, "three end\n");
    gw_file_unwatch(file);
    free(path);
}

static void a_folder_that_is_replaced_is_followed(void **state)
{
    world_t *world = *state;
    char *folder = path_in(world, "lists"), *next = path_in(world, "next"), *old = path_in(world, "old");
    char *path = path_in(world, "lists/list"), *next_path = path_in(world, "next/list");
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(mkdir(next, 0755), 0);
    write_in_place(path, "w", "one end\n");
    write_in_place(next_path, "w", "two end\n");
    gw_file_t *file = watch(world, &list_class, path);
    assert_int_equal(rename(folder, old), 0);
    assert_int_equal(rename(next, folder), 0);
    wait_for_value(file, "two end\n");
    replace(path, "three end\n"); /* the new folder tells as the old one did */
    wait_for_value(file, "three end\n");
    char *log = log_of(world);
    assert_null(strstr(log, "error"));
    free(log);
    gw_file_unwatch(file);
    free(folder);
    free(next);
    free(old);
    free(path);
    free(next_path);
}

static void what_changes_while_it_is_being_read_is_read_again(void **state)
{
    world_t *world = watch_list(state);
    gw_reader_t reader;
    gw_reader_init(&reader, gw_file_published(world->file));
    atomic_store(&is_held, true);
    replace(world->list, "two end\n");
    while (sem_wait(&has_begun) != 0)
        ;
    replace(world->list, "three end\n");
    atomic_store(&is_held, false);
    sem_post(&may_end);
    const char *text;
    uint64_t start_ms = gw_clock_ms();
    while (strcmp(text = gw_reader_get(&reader), "three end\n") != 0) {
        assert_string_equal(text, "one end\n");
        if (!wait_a_little(start_ms, SOON_MS))
            fail_msg("it was not read again");
    }
    wait_for_log(world, "was read again", 1);
    assert_int_equal(count_in_log(world, "was read again"), 1);
    gw_reader_dispose(&reader);
}

static void a_file_that_vanishes_is_kept_in_use_until_it_comes_back(void **state)
{
    world_t *world = watch_list(state);
    assert_int_equal(unlink(world->list), 0);
    wait_for_log(world, "list': No such file or directory: what was read before stays in use", 1);
    char *other = path_in(world, "other"); /* has it looked at once more */
    write_in_place(other, "w", "x");
    assert_true(has_value(world->file, "one end\n"));
    replace(world->list, "two end\n");
    wait_for_value(world->file, "two end\n");
    assert_int_equal(count_in_log(world, "No such file"), 1);
    free(other);
}

/* what is wrong ---------------------------------------------------------------------------------------------------- */

static void what_cannot_be_used_changes_nothing_and_is_said_once(void **state)
{
    static char large[MAX_BYTES + 2];
    memset(large, 'x', MAX_BYTES + 1);
    const struct {
        const char *text, *said;
    } cases[] = {
        {"bad end\n", "list:1:1: it is bad"},
        {large, "it is too large"},
    };
    world_t *world = *state;
    char *path = path_in(world, "list"), *other = path_in(world, "other");
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        replace(path, "one end\n");
        gw_file_t *file = watch(world, &list_class, path);
        replace(path, cases[i].text);
        wait_for_log(world, cases[i].said, 1);
        wait_for_log(world, "has changed and is not used: what was read before stays in use", i + 1);
        assert_true(has_value(file, "one end\n"));
        write_in_place(other, "w", "x"); /* it is looked at again, and is still the same */
        replace(path, "two end\n");
        wait_for_value(file, "two end\n");
        assert_int_equal(count_in_log(world, cases[i].said), 1);
        gw_file_unwatch(file);
    }
    free(other);
    free(path);
}

static void a_pipe_in_its_place_is_not_waited_for(void **state)
{
    world_t *world = watch_list(state);
    char *pipe = path_in(world, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(rename(pipe, world->list), 0);
    wait_for_log(world, "it is not a regular file", 1);
    assert_true(has_value(world->file, "one end\n"));
    replace(world->list, "two end\n");
    wait_for_value(world->file, "two end\n");
    free(pipe);
}

static void loading_says_what_is_wrong_where_the_conf_names_it(void **state)
{
    static char large[MAX_BYTES + 2], most[MAX_BYTES + 1];
    memset(large, 'x', MAX_BYTES + 1);
    memset(most, 'x', MAX_BYTES);
    const struct {
        const char *about, *name, *text; /* text NULL: there is no file */
        const gw_file_class_t *class;
        mode_t mode;
        const char *findings;
    } cases[] = {
        {"a good one", "a", "x", &list_class, 0644, ""},
        {"as large as it may be", "b", most, &list_class, 0644, ""},
        {"a secret", "c", "x", &secret_class, 0640, ""},
        {"a secret for all", "d", "x", &secret_class, 0644,
         "t.yaml:3:5: warning: secret 'd' may be read or changed by others\n  hint: chmod 0640 or stricter\n"},
        {"a secret that others may write", "e", "x", &secret_class, 0660,
         "t.yaml:3:5: warning: secret 'e' may be read or changed by others\n  hint: chmod 0640 or stricter\n"},
        {"none", "f", NULL, &list_class, 0, "t.yaml:3:5: error: cannot read list 'f': No such file or directory\n"},
        {"too large", "g", large, &list_class, 0644, "t.yaml:3:5: error: cannot read list 'g': it is too large\n"},
        {"a wrong one", "h", "bad", &list_class, 0644, "h:1:1: error: it is bad\n"},
        {"a folder", ".", NULL, &list_class, 0, "t.yaml:3:5: error: cannot read list '.': it is not a regular file\n"},
    };
    world_t *world = *state;
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *path = path_in(world, cases[i].name);
        if (cases[i].text != NULL) {
            write_in_place(path, "w", cases[i].text);
            assert_int_equal(chmod(path, cases[i].mode), 0);
        }
        gw_diag_t *diag = gw_diag_create();
        gw_file_seed_t seed;
        bool is_good =
            gw_file_load(&seed, path, cases[i].class, diag, (gw_mark_t){.file = "t.yaml", .line = 3, .col = 5});
        char *findings = conf_findings(diag, world->folder);
        if (strcmp(findings, cases[i].findings) != 0)
            fail_msg("%s: %s", cases[i].about, findings);
        assert_int_equal(is_good, strstr(findings, "error") == NULL);
        assert_int_equal(is_good, seed.version != NULL);
        gw_file_seed_dispose(&seed);
        free(findings);
        gw_diag_free(diag);
        free(path);
    }
}

/* many, and their ends --------------------------------------------------------------------------------------------- */

static void many_files_of_one_folder_are_each_noticed(void **state)
{
    enum { num = 40 };
    world_t *world = *state;
    gw_file_t *files[num];
    char *paths[num], name[16], text[32];
    for (size_t i = 0; i != num; ++i) {
        snprintf(name, sizeof(name), "list-%zu", i);
        paths[i] = path_in(world, name);
        replace(paths[i], "one end\n");
        files[i] = watch(world, &list_class, paths[i]);
    }
    for (size_t i = 0; i != num; ++i) {
        snprintf(text, sizeof(text), "two %zu end\n", i);
        replace(paths[i], text);
    }
    for (size_t i = 0; i != num; ++i) {
        snprintf(text, sizeof(text), "two %zu end\n", i);
        wait_for_value(files[i], text);
    }
    for (size_t i = 0; i != num; i += 2) /* those that stay are told by the same folder */
        gw_file_unwatch(files[i]);
    for (size_t i = 1; i < num; i += 2)
        replace(paths[i], "three end\n");
    for (size_t i = 1; i < num; i += 2)
        wait_for_value(files[i], "three end\n");
    for (size_t i = 1; i < num; i += 2)
        gw_file_unwatch(files[i]);
    for (size_t i = 0; i != num; ++i)
        free(paths[i]);
}

static void a_file_may_be_let_go_while_it_is_being_read(void **state)
{
    world_t *world = watch_list(state);
    gw_reader_t reader;
    gw_reader_init(&reader, gw_file_published(world->file));
    atomic_store(&is_held, true);
    replace(world->list, "two end\n");
    while (sem_wait(&has_begun) != 0)
        ;
    world->file = gw_file_unwatch(world->file);
    atomic_store(&is_held, false);
    assert_string_equal(gw_reader_get(&reader), "one end\n");
    sem_post(&may_end);
    uint64_t start_ms = gw_clock_ms(); /* a reader that stays gets what was being read */
    while (strcmp(gw_reader_get(&reader), "two end\n") != 0)
        if (!wait_a_little(start_ms, DEADLINE_MS))
            fail_msg("what was being read was not published");
    gw_reader_dispose(&reader);
}

/** Lets files go and takes them up again while the thread has them in its hands. */
static void *replace_again_and_again(void *arg)
{
    const char *path = arg;
    char text[32];
    for (size_t i = 0; atomic_load(&is_replacing); ++i) {
        snprintf(text, sizeof(text), "%zu end\n", i);
        replace(path, text);
        poll(NULL, 0, 1);
    }
    return NULL;
}

static void watching_may_begin_and_end_at_any_moment(void **state)
{
    world_t *world = *state;
    char *path = path_in(world, "list");
    pthread_t thread;
    replace(path, "one end\n");
    atomic_store(&is_replacing, true);
    assert_int_equal(pthread_create(&thread, NULL, replace_again_and_again, path), 0);
    for (size_t i = 0; i != 300; ++i) {
        gw_file_t *first = watch(world, &list_class, path), *second = watch(world, &list_class, path);
        gw_reader_t reader;
        gw_reader_init(&reader, gw_file_published(second));
        gw_file_unwatch(first);
        assert_non_null(strstr(gw_reader_get(&reader), "end\n"));
        gw_file_unwatch(second);
        gw_reader_dispose(&reader);
    }
    atomic_store(&is_replacing, false);
    pthread_join(thread, NULL);
    free(path);
}

static void files_may_outlive_upkeep(void **state)
{
    world_t *world = watch_list(state);
    gw_upkeep_free(world->upkeep);
    world->upkeep = NULL;
    assert_true(has_value(world->file, "one end\n"));
    world->file = gw_file_unwatch(world->file);
    assert_null(world->file);
    assert_null(gw_file_unwatch(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_that_is_replaced_by_renaming_is_read, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_is_written_in_place_is_read, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_is_rewritten_with_the_same_size_and_time_is_read, begin, end),
        cmocka_unit_test_setup_teardown(a_half_that_is_soon_made_whole_is_never_read, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_never_rests_is_read_all_the_same, begin, end),
        cmocka_unit_test_setup_teardown(a_link_that_is_turned_elsewhere_is_followed, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_that_is_replaced_is_followed, begin, end),
        cmocka_unit_test_setup_teardown(what_changes_while_it_is_being_read_is_read_again, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_vanishes_is_kept_in_use_until_it_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_used_changes_nothing_and_is_said_once, begin, end),
        cmocka_unit_test_setup_teardown(a_pipe_in_its_place_is_not_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(loading_says_what_is_wrong_where_the_conf_names_it, begin, end),
        cmocka_unit_test_setup_teardown(a_change_that_no_descriptor_was_left_for_is_read_when_there_is_one, begin, end),
        cmocka_unit_test_setup_teardown(many_files_of_one_folder_are_each_noticed, begin, end),
        cmocka_unit_test_setup_teardown(a_file_may_be_let_go_while_it_is_being_read, begin, end),
        cmocka_unit_test_setup_teardown(watching_may_begin_and_end_at_any_moment, begin, end),
        cmocka_unit_test_setup_teardown(files_may_outlive_upkeep, begin, end),
    };
    return cmocka_run_group_tests_name("upkeep: file", tests, NULL, NULL);
}
