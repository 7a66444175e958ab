/* SPDX-License-Identifier: MIT
 * sluice.yaml(5) against the schema: every option stands in the manual with its type, bounds and default, and the
 * manual names no option that is not there.  The environment variable `srcdir` names the folder that holds man/
 * (default: "."). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "gateway/config/conf.h"

static char *manual;

static int read_manual(void **state)
{
    const char *folder = getenv("srcdir");
    char path[4096];
    size_t len = 0;

    snprintf(path, sizeof(path), "%s/man/sluice.yaml.5", folder != NULL ? folder : ".");
    FILE *from = fopen(path, "r");
    if (from == NULL || getdelim(&manual, &len, '\0', from) <= 0) {
        perror(path);
        return -1;
    }
    fclose(from);
    return 0;
}

static int free_manual(void **state)
{
    free(manual);
    return 0;
}

struct comparing {
    gw_arena_t *arena;
    size_t num_missing, num_found;
};

/* the test filter `stamp` is no part of the language */
static bool is_for_tests(const char *path)
{
    return strncmp(path, "filters.NAME.stamp.", 19) == 0;
}

static void look_for(void *arg, const char *path, const gw_field_t *field)
{
    struct comparing *comparing = arg;
    const char *entry =
        gw_arena_printf(comparing->arena, "\n.It Cm %s\n%s.\n", path, gw_field_facts(comparing->arena, field));

    if (is_for_tests(path))
        return;
    if (strstr(manual, entry) != NULL) {
        ++comparing->num_found;
        return;
    }
    print_error("man/sluice.yaml.5 lacks:%s", entry);
    ++comparing->num_missing;
}

static void every_option_is_in_the_manual_with_its_bounds_and_default(void **state)
{
    struct comparing comparing = {.arena = gw_arena_create()};

    gw_schema_walk(comparing.arena, look_for, &comparing);
    assert_int_equal(comparing.num_missing, 0);
    assert_true(comparing.num_found > 40);
    gw_arena_free(comparing.arena);
}

static void count_option(void *arg, const char *path, const gw_field_t *field)
{
    *(size_t *)arg += !is_for_tests(path);
}

static void the_manual_names_no_other_option(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    size_t num_options = 0, num_entries = 0;

    gw_schema_walk(arena, count_option, &num_options);
    for (const char *entry = manual; (entry = strstr(entry, "\n.It Cm ")) != NULL; ++entry)
        ++num_entries;
    assert_int_equal(num_entries, num_options);
    gw_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_in_the_manual_with_its_bounds_and_default),
        cmocka_unit_test(the_manual_names_no_other_option),
    };

    return cmocka_run_group_tests_name("test_config_manual", tests, read_manual, free_manual);
}
