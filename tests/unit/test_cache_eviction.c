/* SPDX-License-Identifier: MIT
 * Who goes when there is no room: single decisions as rows, random lives beside the plain model, and what an adversary
 * would do. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "filters/cache/store/eviction.h"
#include "gateway/base/hash.h"
#include "gateway/base/random.h"
#include "tests/support/eviction_model.h"

enum { UNIT = 64, ROOMY = 1 << 30 };

/** Entries are letters.  What is done, one word each: +a3 a comes, 3 units large; *a it is used; -a it is removed; =ab2
 * b, 2 units large, takes its place; ^9 all may be 9 units large together from now on; ! one is chosen; !! two ...
 *  @param ret_chosen letters; '.': there was none */
static void play(uint64_t capacity, const char *script, char *ret_chosen)
{
    static gw_eviction_node_t nodes[128];
    gw_eviction_t *eviction = gw_eviction_create(capacity, 128);
    memset(nodes, 0, sizeof(nodes));
    for (const char *at = script; *at != '\0';) {
        char what = *at++;
        if (what == ' ')
            continue;
        if (what == '!') {
            gw_eviction_node_t *node = gw_eviction_choose(eviction);
            *ret_chosen++ = node != NULL ? (char)(node - nodes) : '.';
            continue;
        }
        if (what == '^') {
            gw_eviction_resize(eviction, strtoul(at, (char **)&at, 10) * UNIT);
            continue;
        }
        gw_eviction_node_t *node = &nodes[(int)*at++], *other = what == '=' ? &nodes[(int)*at++] : node;
        if (what == '+' || what == '=') {
            other->hash = gw_hash_mix((uint64_t)(other - nodes));
            other->size = (uint32_t)strtoul(at, (char **)&at, 10);
        }
        if (what == '+')
            gw_eviction_insert(eviction, node);
        else if (what == '=')
            gw_eviction_replace(eviction, node, other);
        else if (what == '*')
            gw_eviction_hit(node);
        else if (what == '-')
            gw_eviction_remove(eviction, node);
    }
    *ret_chosen = '\0';
    gw_eviction_free(eviction);
}

static const struct {
    const char *about;
    uint64_t capacity_units;
    const char *script, *chosen;
} cases[] = {
    {"nothing", 100, "!", "."},
    {"what nobody uses goes in the order in which it came", 100, "+a1 +b1 +c1 !!!!", "abc."},
    {"what was used once outlives what was not", 100, "+a1 *a +b1 +c1 !!!", "bca"},
    {"what comes back soon after it went is not new", 100, "+a1 ! +a1 +b1 +c1 !!!", "abca"},
    {"what comes back when as much as the cache holds has gone is new", 4, "+a1 ! +b4 ! +a1 +c1 !!", "abac"},
    {"what comes back just before that is not", 5, "+a1 ! +b4 ! +a1 +c1 !!", "abca"},
    {"a cache that becomes smaller forgets sooner", 100, "+a1 ! ^4 +b4 ! +a1 +c1 !!", "abac"},
    {"and one that becomes larger later", 4, "+a1 ! ^5 +b4 ! +a1 +c1 !!", "abca"},
    {"what comes back a second time has to go a second time first", 100, "+a1 ! +a1 ! +a1 +b1 !", "aaa"},
    {"what was removed is not remembered", 100, "+a1 -a +a1 +b1 !!", "ab"},
    {"in the main queue each use is worth one pass", 100, "+a1 ! +b1 ! +a1 +b1 *a *a *b !!!", "abba."},
    {"one that is larger than twice the mean pays two", 100, "+a1 +b1 +c1 +d1 +e10 *e *a *b *c *d !", "e"},
    {"and stays for two", 100, "+a1 +b1 +c1 +d1 +e10 *e *e *a *b *c *d !", "a"},
    {"exactly twice the mean pays one", 100, "+a2 +b2 +c2 +d6 *a *b *c *d !", "a"},
    {"one that is larger than eight times the mean pays three", 100,
     "+a1 +b1 +c1 +d1 +e1 +f1 +g1 +h1 +i1 +j90 *j *j *a *b *c *d *e *f *g *h *i !", "j"},
    {"which it can", 100, "+a1 +b1 +c1 +d1 +e1 +f1 +g1 +h1 +i1 +j90 *j *j *j *a *b *c *d *e *f *g *h *i !", "a"},
    {"no more uses than three are counted", 100, "+a1 ! +b1 ! +a1 +b1 *a *a *a *a *a *b *b *b !!", "abab"},
    {"a new version stands where the old one stood", 100, "+a1 +b1 +c1 =bd1 !!!", "adc"},
    {"at the end too", 100, "+a1 +b1 =ac1 =bd1 !!!", "cd."},
    {"and inherits its uses", 100, "+a1 *a +b1 =ac1 !!", "bc"},
    {"and its queue", 100, "+a1 ! +a1 =ab1 +c1 +d1 !!!", "acdb"},
    {"but has its own size", 100, "+a1 +b1 +c1 +d1 =ae10 *e *b *c *d !", "e"},
    {"one in the middle is removed", 100, "+a1 +b1 +c1 -b !!!", "ac."},
    {"the only one is removed", 100, "+a1 -a !", "."},
    {"while the small queue is no more than a twentieth the main one gives", 100, "+a19 ! +a19 +b1 !!", "aab"},
    {"when it is more it gives", 100, "+a18 ! +a18 +b1 !!", "aba"},
};

static void rows_of_what_goes(void **state)
{
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char chosen[64];
        play(cases[i].capacity_units * UNIT, cases[i].script, chosen);
        if (strcmp(chosen, cases[i].chosen) != 0)
            fail_msg("%s: %s gave %s, not %s", cases[i].about, cases[i].script, chosen, cases[i].chosen);
    }
}

typedef struct life {
    gw_eviction_t *eviction;
    gw_eviction_node_t nodes[EVICTION_MODEL_MAX];
    eviction_model_t model;
    uint64_t seed;
} life_t;

static int choose(life_t *life)
{
    gw_eviction_node_t *node = gw_eviction_choose(life->eviction);
    return node != NULL ? (int)(node - life->nodes) : -1;
}

static void step(life_t *life, uint32_t num_entries, uint32_t greatest)
{
    unsigned i = gw_random_below(&life->seed, num_entries), other = gw_random_below(&life->seed, num_entries);
    uint32_t size = 1 + gw_random_below(&life->seed, 1u << gw_random_below(&life->seed, 20));
    size = size > greatest ? greatest : size;
    bool is_in = life->model.entries[i].is_in;
    uint32_t what = gw_random_below(&life->seed, 100);
    if (what < 8) {
        assert_int_equal(choose(life), eviction_model_choose(&life->model));
    } else if (!is_in) {
        life->nodes[i].size = size;
        gw_eviction_insert(life->eviction, &life->nodes[i]);
        eviction_model_insert(&life->model, i, size);
    } else if (what < 12) {
        gw_eviction_remove(life->eviction, &life->nodes[i]);
        eviction_model_remove(&life->model, i);
    } else if (what < 20 && !life->model.entries[other].is_in) {
        life->nodes[other].size = size;
        gw_eviction_replace(life->eviction, &life->nodes[i], &life->nodes[other]);
        eviction_model_replace(&life->model, i, other, size);
    } else {
        gw_eviction_hit(&life->nodes[i]);
        eviction_model_hit(&life->model, i);
    }
}

static void random_lives_are_those_of_the_model(void **state)
{
    static const struct {
        uint64_t capacity;
        uint32_t num_entries, greatest;
    } kinds[] = {
        {64, 2, 1},
        {64 * 40, 40, 1},
        {64 * 4000, 200, 5000},
        {64ull << 24, 256, 1 << 19},
        {0, 50, 100},
        {64 * 200, 256, 10},
        {(64ull << 25) + 1, 256, 1 << 19},
        {1ull << 40, 256, 1 << 19},
    };
    static life_t life;
    for (size_t k = 0; k != sizeof(kinds) / sizeof(kinds[0]); ++k) {
        memset(&life, 0, sizeof(life));
        life.seed = k + 1;
        life.eviction = gw_eviction_create(kinds[k].capacity, 8192); /* no line of its memory overflows */
        eviction_model_init(&life.model, kinds[k].capacity);
        for (size_t i = 0; i != EVICTION_MODEL_MAX; ++i)
            life.nodes[i].hash = gw_hash_mix(i + 1);
        for (unsigned i = 0; i != 40000; ++i)
            step(&life, kinds[k].num_entries, kinds[k].greatest);
        int chosen;
        do
            assert_int_equal(chosen = choose(&life), eviction_model_choose(&life.model));
        while (chosen >= 0);
        gw_eviction_free(life.eviction);
    }
}

/** Inserts all of them, some are used, and everything is chosen again. */
static void all_come_out_once(gw_eviction_node_t *nodes, uint32_t num, uint64_t capacity, unsigned uses)
{
    gw_eviction_t *eviction = gw_eviction_create(capacity, num);
    bool *is_out = calloc(num, sizeof(*is_out));
    for (uint32_t i = 0; i != num; ++i) {
        gw_eviction_insert(eviction, &nodes[i]);
        for (unsigned k = 0; k != uses; ++k)
            gw_eviction_hit(&nodes[i]);
    }
    for (uint32_t i = 0; i != num; ++i) {
        gw_eviction_node_t *node = gw_eviction_choose(eviction);
        assert_non_null(node);
        assert_false(is_out[node - nodes]);
        is_out[node - nodes] = true;
    }
    assert_null(gw_eviction_choose(eviction));
    free(is_out);
    gw_eviction_free(eviction);
}

static void whatever_comes_in_comes_out_once(void **state)
{
    enum { NUM = 10000 };
    static const struct {
        const char *about;
        uint64_t hash_mask;
        uint32_t size, large_size; /* of all; of every hundredth */
    } kinds[] = {
        {"sizes and hashes as they come", UINT64_MAX, 3, 700},
        {"all with the same hash", 0, 1, 1},
        {"all with the same mark", UINT32_MAX, 1, 1},
        {"all in the same line", ~(uint64_t)UINT32_MAX, 1, 1},
        {"each as large as the cache", UINT64_MAX, NUM, NUM},
        {"one unit among the largest there are", UINT64_MAX, UINT32_MAX, 1},
        {"without any size", UINT64_MAX, 0, 0},
    };
    static gw_eviction_node_t nodes[NUM];
    for (size_t k = 0; k != sizeof(kinds) / sizeof(kinds[0]); ++k)
        for (unsigned uses = 0; uses != 5; ++uses) {
            for (uint32_t i = 0; i != NUM; ++i)
                nodes[i] = (gw_eviction_node_t){.hash = gw_hash_mix(i) & kinds[k].hash_mask,
                                                .size = i % 100 == 0 ? kinds[k].large_size : kinds[k].size};
            all_come_out_once(nodes, NUM, (uint64_t)NUM * UNIT, uses);
        }
}

/** Everybody can pay for three passes, which would be three looks at everything. */
static void a_choice_among_what_everybody_uses_looks_at_few(void **state)
{
    enum { NUM = 20000, MOST = 64 };
    static gw_eviction_node_t nodes[NUM];
    static unsigned char uses[NUM];
    gw_eviction_t *eviction = gw_eviction_create(ROOMY, NUM);
    for (size_t i = 0; i != NUM; ++i) {
        nodes[i] = (gw_eviction_node_t){.hash = gw_hash_mix(i), .size = 1};
        gw_eviction_insert(eviction, &nodes[i]);
    }
    for (unsigned round = 0; round != 20; ++round) {
        unsigned num_changed = 0;
        for (size_t i = 0; i != NUM; ++i) {
            while (atomic_load(&nodes[i].uses) != 3)
                gw_eviction_hit(&nodes[i]);
            uses[i] = 3;
        }
        gw_eviction_node_t *chosen = gw_eviction_choose(eviction);
        for (size_t i = 0; i != NUM; ++i)
            num_changed += &nodes[i] != chosen && atomic_load(&nodes[i].uses) != uses[i];
        assert_in_range(num_changed, 0, MOST);
        if (round == 0)
            assert_int_equal(num_changed, MOST);
        gw_eviction_insert(eviction, chosen);
    }
    gw_eviction_free(eviction);
}

/** Whether a hash is known as one that went not long ago: then what comes with it outlives what is new. */
static bool is_remembered(gw_eviction_t *eviction, uint64_t hash)
{
    gw_eviction_node_t known = {.hash = hash, .size = 1}, fresh = {.hash = ~hash, .size = 1};
    gw_eviction_insert(eviction, &known);
    gw_eviction_insert(eviction, &fresh);
    gw_eviction_node_t *first = gw_eviction_choose(eviction);
    assert_ptr_equal(gw_eviction_choose(eviction), first == &known ? &fresh : &known);
    return first == &fresh;
}

static void let_pass(gw_eviction_t *eviction, uint64_t first, uint64_t num)
{
    for (uint64_t i = first; i != first + num; ++i) {
        gw_eviction_node_t node = {.hash = gw_hash_mix(i), .size = 1};
        gw_eviction_insert(eviction, &node);
        assert_ptr_equal(gw_eviction_choose(eviction), &node);
    }
}

static void the_newest_of_what_went_are_remembered_and_no_more_than_there_is_room_for(void **state)
{
    enum { ENTRIES = 1000 };
    unsigned num_recent = 0, num_old = 0;
    for (uint64_t i = 0; i != 100; ++i) {
        gw_eviction_t *eviction = gw_eviction_create(ROOMY, ENTRIES);
        let_pass(eviction, 1, 20 * ENTRIES);
        num_recent += is_remembered(eviction, gw_hash_mix(20 * ENTRIES - i));
        num_old += is_remembered(eviction, gw_hash_mix(1 + i));
        gw_eviction_free(eviction);
    }
    assert_int_equal(num_recent, 100);
    assert_int_equal(num_old, 0);
}

static void what_is_remembered_takes_eight_bytes_an_entry(void **state)
{
    static const size_t nums[] = {0, 1, 7, 8, 1000, 1000000};
    for (size_t i = 0; i != sizeof(nums) / sizeof(nums[0]); ++i)
        assert_in_range(gw_eviction_footprint(nums[i]), 8 * nums[i], 8 * nums[i] + 256);
}

static void a_hit_writes_no_more_once_a_node_is_in_steady_use(void **state)
{
    gw_eviction_node_t *node = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(node, MAP_FAILED);
    for (unsigned i = 0; i != 3; ++i)
        gw_eviction_hit(node);
    assert_int_equal(mprotect(node, 4096, PROT_READ), 0);
    gw_eviction_hit(node); /* a write would be the end of this program */
    assert_int_equal(atomic_load(&node->uses), 3);
    munmap(node, 4096);
}

typedef struct crowd {
    gw_eviction_node_t *nodes;
    uint32_t num;
    atomic_bool is_over;
} crowd_t;

static void *use_all_the_time(void *data)
{
    crowd_t *crowd = data;
    uint64_t seed = (uint64_t)(uintptr_t)&seed | 1;
    while (!atomic_load(&crowd->is_over))
        gw_eviction_hit(&crowd->nodes[gw_random_below(&seed, crowd->num)]);
    return NULL;
}

/** For ThreadSanitizer; and nobody is lost. */
static void others_may_use_entries_while_one_is_chosen(void **state)
{
    enum { NUM = 500, NUM_THREADS = 2 };
    static gw_eviction_node_t nodes[NUM];
    crowd_t crowd = {.nodes = nodes, .num = NUM};
    pthread_t threads[NUM_THREADS];
    gw_eviction_t *eviction = gw_eviction_create(NUM * UNIT, NUM);
    for (uint32_t i = 0; i != NUM; ++i) {
        nodes[i] = (gw_eviction_node_t){.hash = gw_hash_mix(i), .size = 1 + i % 50};
        gw_eviction_insert(eviction, &nodes[i]);
    }
    for (size_t i = 0; i != NUM_THREADS; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, use_all_the_time, &crowd), 0);
    for (unsigned i = 0; i != 100000; ++i) {
        gw_eviction_node_t *node = gw_eviction_choose(eviction);
        assert_non_null(node);
        gw_eviction_insert(eviction, node);
    }
    atomic_store(&crowd.is_over, true);
    for (size_t i = 0; i != NUM_THREADS; ++i)
        pthread_join(threads[i], NULL);
    unsigned num = 0;
    while (gw_eviction_choose(eviction) != NULL)
        ++num;
    assert_int_equal(num, NUM);
    gw_eviction_free(eviction);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_what_goes),
        cmocka_unit_test(random_lives_are_those_of_the_model),
        cmocka_unit_test(whatever_comes_in_comes_out_once),
        cmocka_unit_test(a_choice_among_what_everybody_uses_looks_at_few),
        cmocka_unit_test(the_newest_of_what_went_are_remembered_and_no_more_than_there_is_room_for),
        cmocka_unit_test(what_is_remembered_takes_eight_bytes_an_entry),
        cmocka_unit_test(a_hit_writes_no_more_once_a_node_is_in_steady_use),
        cmocka_unit_test(others_may_use_entries_while_one_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
