/* SPDX-License-Identifier: MIT
 * The pool of threads for long work: bounds, turns, taking back, and its end. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/upkeep/jobs.h"

/** A job that says when it begins and ends when it is told to. */
typedef struct work {
    gw_job_t super;
    sem_t has_begun, may_end, is_done;
    bool was_run;
    atomic_int num_done;
    atomic_int *order; /* counts the jobs that have begun */
    int turn;          /* which of them this was */
} work_t;

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0)
        ;
}

static void run(gw_job_t *job)
{
    work_t *work = (work_t *)job;
    if (work->order != NULL)
        work->turn = atomic_fetch_add(work->order, 1);
    sem_post(&work->has_begun);
    wait_for(&work->may_end);
}

static void done(gw_job_t *job, bool was_run)
{
    work_t *work = (work_t *)job;
    work->was_run = was_run;
    atomic_fetch_add(&work->num_done, 1);
    sem_post(&work->is_done);
}

static void work_init(work_t *work, uint64_t owner, atomic_int *order)
{
    *work = (work_t){.super = {.run = run, .done = done, .owner = owner}, .order = order};
    sem_init(&work->has_begun, 0, 0);
    sem_init(&work->may_end, 0, 0);
    sem_init(&work->is_done, 0, 0);
}

static void finish(work_t *work)
{
    sem_post(&work->may_end);
    wait_for(&work->is_done);
    assert_true(work->was_run);
    assert_int_equal(work->num_done, 1);
}

static void so_many_run_so_many_wait_and_one_more_is_refused(void **state)
{
    work_t works[6];
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 2, .max_waiting = 3, .max_per_owner = 100});
    for (uint64_t i = 0; i != 6; ++i)
        work_init(&works[i], i % 2, NULL);
    for (size_t i = 0; i != 2; ++i) {
        assert_true(gw_jobs_add(jobs, &works[i].super));
        wait_for(&works[i].has_begun);
    }
    for (size_t i = 2; i != 5; ++i)
        assert_true(gw_jobs_add(jobs, &works[i].super));
    assert_false(gw_jobs_add(jobs, &works[5].super));
    finish(&works[0]);
    wait_for(&works[2].has_begun);
    assert_true(gw_jobs_add(jobs, &works[5].super));
    for (size_t i = 1; i != 6; ++i)
        finish(&works[i]);
    gw_jobs_free(jobs);
}

static void an_owner_has_only_so_many(void **state)
{
    work_t works[4];
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 1, .max_waiting = 10, .max_per_owner = 2});
    for (uint64_t i = 0; i != 4; ++i)
        work_init(&works[i], i == 3 ? 8 : 7, NULL);
    assert_true(gw_jobs_add(jobs, &works[0].super));
    wait_for(&works[0].has_begun); /* what runs counts too */
    assert_true(gw_jobs_add(jobs, &works[1].super));
    assert_false(gw_jobs_add(jobs, &works[2].super));
    assert_true(gw_jobs_add(jobs, &works[3].super));
    finish(&works[0]);
    assert_true(gw_jobs_add(jobs, &works[2].super));
    for (size_t i = 1; i != 4; ++i) /* in whatever order their turns come */
        sem_post(&works[i].may_end);
    for (size_t i = 1; i != 4; ++i)
        wait_for(&works[i].is_done);
    gw_jobs_free(jobs);
}

static void who_has_nothing_in_a_full_queue_finds_a_place_up_to_twice_its_length(void **state)
{
    work_t works[8];
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 1, .max_waiting = 3, .max_per_owner = 100});
    for (uint64_t i = 0; i != 8; ++i)
        work_init(&works[i], i < 4 ? 7 : i, NULL);
    assert_true(gw_jobs_add(jobs, &works[0].super));
    wait_for(&works[0].has_begun);
    for (size_t i = 1; i != 4; ++i) /* as many of one client as there is room for ... */
        assert_true(gw_jobs_add(jobs, &works[i].super));
    for (size_t i = 4; i != 7; ++i) { /* ... and one of each of three others, of which none gets a second one */
        work_t second;
        work_init(&second, i, NULL);
        assert_true(gw_jobs_add(jobs, &works[i].super));
        assert_false(gw_jobs_add(jobs, &second.super));
    }
    assert_false(gw_jobs_add(jobs, &works[7].super));
    for (size_t i = 0; i != 7; ++i)
        sem_post(&works[i].may_end);
    for (size_t i = 0; i != 7; ++i)
        wait_for(&works[i].is_done);
    gw_jobs_free(jobs);
}

/** Of four clients with twenty jobs each, one has both threads; the only job of a fifth, which came last, is next. */
static void who_asks_for_little_is_not_kept_waiting_by_those_who_ask_for_much(void **state)
{
    enum { of_each = 20, num = 4 * of_each };
    static work_t works[num + 1];
    atomic_int order = 0;
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 2, .max_waiting = 200, .max_per_owner = 100});
    for (size_t i = 0; i != num + 1; ++i)
        work_init(&works[i], i / of_each, &order);
    for (size_t i = 0; i != 2; ++i) { /* the first client's keep both threads busy */
        assert_true(gw_jobs_add(jobs, &works[i].super));
        wait_for(&works[i].has_begun);
    }
    for (size_t i = 2; i != num + 1; ++i)
        assert_true(gw_jobs_add(jobs, &works[i].super));
    for (size_t i = 2; i != num + 1; ++i)
        sem_post(&works[i].may_end);
    finish(&works[0]);
    wait_for(&works[num].is_done);
    assert_int_equal(works[num].turn, 2);
    finish(&works[1]);
    for (size_t i = 2; i != num; ++i)
        wait_for(&works[i].is_done);
    gw_jobs_free(jobs);
}

static void who_has_nothing_done_yet_comes_first(void **state)
{
    atomic_int order = 0;
    work_t works[5]; /* one client with four jobs, then another one with one */
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 2, .max_waiting = 10, .max_per_owner = 10});
    for (uint64_t i = 0; i != 5; ++i)
        work_init(&works[i], i == 4 ? 8 : 7, &order);
    for (size_t i = 0; i != 2; ++i) {
        assert_true(gw_jobs_add(jobs, &works[i].super));
        wait_for(&works[i].has_begun);
    }
    for (size_t i = 2; i != 5; ++i)
        assert_true(gw_jobs_add(jobs, &works[i].super));
    finish(&works[0]);
    wait_for(&works[4].has_begun);
    assert_int_equal(works[4].turn, 2);
    for (size_t i = 1; i != 5; ++i)
        finish(&works[i]);
    gw_jobs_free(jobs);
}

static void what_waits_can_be_taken_back_and_what_runs_cannot(void **state)
{
    work_t works[4];
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 1, .max_waiting = 10, .max_per_owner = 10});
    for (uint64_t i = 0; i != 4; ++i)
        work_init(&works[i], i, NULL);
    assert_true(gw_jobs_add(jobs, &works[0].super));
    wait_for(&works[0].has_begun);
    for (size_t i = 1; i != 4; ++i)
        assert_true(gw_jobs_add(jobs, &works[i].super));
    assert_false(gw_jobs_cancel(jobs, &works[0].super));
    assert_true(gw_jobs_cancel(jobs, &works[3].super)); /* the last one ... */
    assert_true(gw_jobs_add(jobs, &works[3].super));
    assert_true(gw_jobs_cancel(jobs, &works[1].super)); /* ... and the first one */
    assert_false(gw_jobs_cancel(jobs, &works[1].super));
    finish(&works[0]);
    finish(&works[2]);
    finish(&works[3]);
    assert_false(gw_jobs_cancel(jobs, &works[3].super));
    gw_jobs_free(jobs);
    assert_int_equal(works[1].num_done, 0);
}

static void *free_jobs(void *jobs)
{
    gw_jobs_free(jobs);
    return NULL;
}

static void the_end_waits_for_what_runs_and_hands_back_what_waits(void **state)
{
    work_t works[3];
    pthread_t thread;
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 1, .max_waiting = 10, .max_per_owner = 10});
    for (uint64_t i = 0; i != 3; ++i)
        work_init(&works[i], i, NULL);
    assert_true(gw_jobs_add(jobs, &works[0].super));
    wait_for(&works[0].has_begun);
    assert_true(gw_jobs_add(jobs, &works[1].super));
    assert_true(gw_jobs_add(jobs, &works[2].super));
    assert_int_equal(pthread_create(&thread, NULL, free_jobs, jobs), 0);
    for (size_t i = 1; i != 3; ++i) {
        wait_for(&works[i].is_done);
        assert_false(works[i].was_run);
    }
    assert_int_equal(works[0].num_done, 0);
    finish(&works[0]);
    pthread_join(thread, NULL);
    assert_int_equal(works[0].num_done + works[1].num_done + works[2].num_done, 3);
}

static void a_pool_without_work_has_no_threads_and_ends(void **state)
{
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 64, .max_waiting = 1, .max_per_owner = 1});
    assert_int_equal(gw_jobs_wait_ms(jobs), 0);
    gw_jobs_free(jobs);
    gw_jobs_free(NULL);
}

/** Many threads add, take back and wait; every job is done or taken back exactly once. */
static void *add_and_cancel(void *arg)
{
    gw_jobs_t *jobs = arg;
    for (size_t i = 0; i != 2000; ++i) {
        work_t work;
        work_init(&work, i % 3, NULL);
        sem_post(&work.may_end);
        if (!gw_jobs_add(jobs, &work.super))
            continue;
        if (i % 2 == 0 && gw_jobs_cancel(jobs, &work.super)) {
            assert_int_equal(work.num_done, 0);
            continue;
        }
        wait_for(&work.is_done);
        assert_int_equal(work.num_done, 1);
    }
    return NULL;
}

static void many_threads_use_one_pool(void **state)
{
    pthread_t threads[6];
    gw_jobs_t *jobs = gw_jobs_create((gw_jobs_limits_t){.threads = 3, .max_waiting = 4, .max_per_owner = 3});
    for (size_t i = 0; i != 6; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, add_and_cancel, jobs), 0);
    for (size_t i = 0; i != 6; ++i)
        pthread_join(threads[i], NULL);
    gw_jobs_free(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_run_so_many_wait_and_one_more_is_refused),
        cmocka_unit_test(an_owner_has_only_so_many),
        cmocka_unit_test(who_has_nothing_in_a_full_queue_finds_a_place_up_to_twice_its_length),
        cmocka_unit_test(who_asks_for_little_is_not_kept_waiting_by_those_who_ask_for_much),
        cmocka_unit_test(who_has_nothing_done_yet_comes_first),
        cmocka_unit_test(what_waits_can_be_taken_back_and_what_runs_cannot),
        cmocka_unit_test(the_end_waits_for_what_runs_and_hands_back_what_waits),
        cmocka_unit_test(a_pool_without_work_has_no_threads_and_ends),
        cmocka_unit_test(many_threads_use_one_pool),
    };
    return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
