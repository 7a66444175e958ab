/* SPDX-License-Identifier: MIT
 * Parts of a limit: the number of the conf, and that of a name's addresses as they come and go. */
#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/rate_limit/name_count.h"
#include "filters/rate_limit/share.h"

/* counting --------------------------------------------------------------------------------------------------------- */

/** @param text addresses between spaces   @return a list as getaddrinfo makes it, for free_found */
static struct addrinfo *found_of(const char *text)
{
    char copy[512], *rest = NULL;
    struct addrinfo *first = NULL, **last = &first;
    strcpy(copy, text);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        struct addrinfo *entry = calloc(1, sizeof(*entry) + sizeof(struct sockaddr_in6));
        entry->ai_addr = (struct sockaddr *)(entry + 1);
        entry->ai_family = strchr(word, ':') != NULL ? AF_INET6 : AF_INET;
        void *bytes = entry->ai_family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)entry->ai_addr)->sin6_addr
                                                   : (void *)&((struct sockaddr_in *)entry->ai_addr)->sin_addr;
        assert_int_equal(inet_pton(entry->ai_family, word, bytes), 1);
        *last = entry;
        last = &entry->ai_next;
    }
    return first;
}

static void free_found(struct addrinfo *found)
{
    while (found != NULL) {
        struct addrinfo *next = found->ai_next;
        free(found);
        found = next;
    }
}

static void a_host_with_addresses_of_both_families_counts_once(void **state)
{
    static const struct {
        const char *about, *addresses;
        uint64_t hosts;
    } cases[] = {
        {"nothing", "", 0},
        {"one", "10.0.0.1", 1},
        {"three", "10.0.0.1 10.0.0.2 10.0.0.3", 3},
        {"the same twice", "10.0.0.1 10.0.0.2 10.0.0.1", 2},
        {"two hosts with both", "10.0.0.1 10.0.0.2 fd00::1 fd00::2", 2},
        {"IPv6 only", "fd00::1 fd00::2 fd00::1", 2},
        {"a host without IPv6", "10.0.0.1 10.0.0.2 10.0.0.3 fd00::1", 3},
        {"a host without IPv4", "10.0.0.1 fd00::1 fd00::2", 2},
        {"addresses that begin alike", "fd00::1 fd00::1:1", 2},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        struct addrinfo *found = found_of(cases[i].addresses);
        uint64_t hosts = gw_name_count_hosts(found);
        if (hosts != cases[i].hosts)
            print_error("case: %s\n", cases[i].about);
        assert_int_equal(hosts, cases[i].hosts);
        free_found(found);
    }
}

static void more_addresses_than_gateways_there_can_be_count_as_so_many(void **state)
{
    struct addrinfo *first = NULL;
    for (unsigned i = 0; i != GW_NAME_COUNT_MAX + 20; ++i) {
        char text[INET_ADDRSTRLEN];
        snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
        struct addrinfo *entry = found_of(text);
        entry->ai_next = first;
        first = entry;
    }
    assert_int_equal(gw_name_count_hosts(first), GW_NAME_COUNT_MAX);
    free_found(first);
}

/* a name server of ours -------------------------------------------------------------------------------------------- */

/** A name and what it answers, each time when it is told to.  One for each test: a thread may outlive its test. */
typedef struct name {
    const char *text;
    sem_t is_asked, may_answer;
    atomic_int error;
    atomic_uint_least64_t number;
    atomic_uint num_asked;
} name_t;

static name_t names[] = {{.text = "changes"}, {.text = "fails"}, {.text = "hangs"},
                         {.text = "shared"},  {.text = "again"}, {.text = "storm"}};
enum { changes, fails, hangs, shared, again, storm, num_names };

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0)
        ;
}

static int look_up(const char *text, uint64_t *ret_num)
{
    name_t *name = names;
    while (strcmp(name->text, text) != 0)
        ++name;
    ++name->num_asked;
    sem_post(&name->is_asked);
    wait_for(&name->may_answer);
    if (name->error != 0)
        return name->error;
    *ret_num = name->number;
    return 0;
}

/* it asks again as soon as it has an answer, and the first one is worth waiting for */
static const gw_name_count_how_t eager = {look_up, .period_ms = 0, .retry_ms = 0, .first_wait_ms = 60000};
static const gw_name_count_how_t impatient = {look_up, .period_ms = 0, .retry_ms = 0, .first_wait_ms = 10};
/* it asks once */
static const gw_name_count_how_t lazy = {look_up, .period_ms = 3600000, .retry_ms = 3600000, .first_wait_ms = 60000};

/** Lets it answer, and waits until it has taken that in: it asks again then. */
static void answer(name_t *name, int error, uint64_t number)
{
    name->error = error;
    name->number = number;
    sem_post(&name->may_answer);
    wait_for(&name->is_asked);
}

static gw_name_count_t *get_answered(name_t *name, const gw_name_count_how_t *how, int error, uint64_t number)
{
    name->error = error;
    name->number = number;
    sem_post(&name->may_answer);
    gw_name_count_t *count = gw_name_count_get(name->text, how);
    wait_for(&name->is_asked);
    return count;
}

static void the_number_is_there_at_once_and_follows_the_name(void **state)
{
    name_t *name = &names[changes];
    gw_name_count_t *count = get_answered(name, &eager, 0, 3);
    assert_int_equal(gw_name_count_number(count), 3);
    wait_for(&name->is_asked);
    answer(name, 0, 5);
    assert_int_equal(gw_name_count_number(count), 5);
    answer(name, 0, 5);
    answer(name, 0, 2);
    assert_int_equal(gw_name_count_number(count), 2);
    assert_null(gw_name_count_unref(count));
    sem_post(&name->may_answer);
}

static void the_last_number_stays_while_the_name_cannot_be_looked_up(void **state)
{
    name_t *name = &names[fails];
    gw_name_count_t *count = get_answered(name, &eager, EAI_AGAIN, 0);
    assert_int_equal(gw_name_count_number(count), 0);
    wait_for(&name->is_asked);
    answer(name, EAI_NONAME, 0);
    assert_int_equal(gw_name_count_number(count), 0);
    answer(name, 0, 4);
    assert_int_equal(gw_name_count_number(count), 4);
    answer(name, EAI_NONAME, 0);
    answer(name, EAI_AGAIN, 0);
    assert_int_equal(gw_name_count_number(count), 4);
    answer(name, 0, 4);
    answer(name, 0, 3);
    assert_int_equal(gw_name_count_number(count), 3);
    gw_name_count_unref(count);
    sem_post(&name->may_answer);
}

static void nothing_waits_for_a_look_up_that_hangs(void **state)
{
    name_t *name = &names[hangs];
    gw_name_count_t *count = gw_name_count_get(name->text, &impatient);
    wait_for(&name->is_asked);
    assert_int_equal(gw_name_count_number(count), 0);
    gw_name_count_unref(count); /* returns, though nothing has been answered ... */
    count = gw_name_count_get(name->text, &impatient);
    wait_for(&name->is_asked); /* ... and who comes after has a look-up of his own */
    name->number = 2;
    sem_post(&name->may_answer);
    sem_post(&name->may_answer);
    wait_for(&name->is_asked); /* the first thread is gone with its answer, the second one asks again */
    assert_int_equal(gw_name_count_number(count), 2);
    gw_name_count_unref(count);
    sem_post(&name->may_answer);
}

static void all_who_ask_for_a_name_have_the_same_number_from_one_look_up(void **state)
{
    name_t *name = &names[shared];
    gw_name_count_t *count = get_answered(name, &lazy, 0, 3);
    assert_ptr_equal(gw_name_count_get(name->text, &lazy), count);
    assert_int_equal(gw_name_count_number(count), 3);
    gw_name_count_unref(count);
    assert_int_equal(gw_name_count_number(count), 3); /* the other still has it */
    gw_name_count_unref(count);
    assert_int_equal(name->num_asked, 1);
}

static void a_name_that_nobody_wanted_any_more_is_looked_up_anew(void **state)
{
    name_t *name = &names[again];
    gw_name_count_unref(get_answered(name, &lazy, 0, 3));
    gw_name_count_t *count = get_answered(name, &lazy, 0, 7);
    assert_int_equal(gw_name_count_number(count), 7);
    gw_name_count_unref(count);
    assert_null(gw_name_count_unref(NULL));
}

static void *get_and_unref(void *arg)
{
    for (size_t i = 0; i != 300; ++i) {
        gw_name_count_t *count = gw_name_count_get(names[storm].text, &lazy);
        assert_int_equal(gw_name_count_number(count), 9);
        gw_name_count_unref(count);
    }
    return arg;
}

static void many_threads_get_and_leave_one_name(void **state)
{
    pthread_t threads[4];
    names[storm].number = 9;
    for (size_t i = 0; i != 4 * 300; ++i)
        sem_post(&names[storm].may_answer);
    for (size_t i = 0; i != 4; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, get_and_unref, NULL), 0);
    for (size_t i = 0; i != 4; ++i)
        pthread_join(threads[i], NULL);
}

/* parts ------------------------------------------------------------------------------------------------------------ */

static void a_limit_is_divided_by_the_number_of_gateways_and_by_at_least_so_many(void **state)
{
    static const struct {
        const char *about;
        struct gw_share_conf conf;
        uint64_t number;
    } cases[] = {
        {"all of it", {.part = 1}, 1},
        {"one of three", {.part = 3, .at_least = 1}, 3},
        {"counted: localhost, by both families or one", {.dns = "localhost", .at_least = 1}, 1},
        {"a literal is its own address", {.dns = "10.0.0.1", .at_least = 1}, 1},
        {"counted, but there are more", {.dns = "localhost", .at_least = 4}, 4},
        {"cannot be looked up", {.dns = "a name that is none", .at_least = 2}, 2},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_share_t *share = gw_share_create(&cases[i].conf);
        if (gw_share_number(share) != cases[i].number)
            print_error("case: %s\n", cases[i].about);
        assert_int_equal(gw_share_number(share), cases[i].number);
        assert_null(gw_share_free(share));
    }
    assert_null(gw_share_free(NULL));
}

int main(void)
{
    for (size_t i = 0; i != num_names; ++i) {
        sem_init(&names[i].is_asked, 0, 0);
        sem_init(&names[i].may_answer, 0, 0);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_with_addresses_of_both_families_counts_once),
        cmocka_unit_test(more_addresses_than_gateways_there_can_be_count_as_so_many),
        cmocka_unit_test(the_number_is_there_at_once_and_follows_the_name),
        cmocka_unit_test(the_last_number_stays_while_the_name_cannot_be_looked_up),
        cmocka_unit_test(nothing_waits_for_a_look_up_that_hangs),
        cmocka_unit_test(all_who_ask_for_a_name_have_the_same_number_from_one_look_up),
        cmocka_unit_test(a_name_that_nobody_wanted_any_more_is_looked_up_anew),
        cmocka_unit_test(many_threads_get_and_leave_one_name),
        cmocka_unit_test(a_limit_is_divided_by_the_number_of_gateways_and_by_at_least_so_many),
    };
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
