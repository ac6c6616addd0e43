/* test_memory.c - arena, buffers, map, tally, random numbers. */

#include "../check.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/rand.h"
#include "base/tally.h"
#include "groups.h"

#include <math.h>
#include <string.h>

static void note(void *arg)
{
    int *n = arg;

    *n = *n * 10 + 1;
}

static void note_two(void *arg)
{
    int *n = arg;

    *n = *n * 10 + 2;
}

static void defers_run_last_first_and_once(void **state)
{
    struct arena *a = arena_create(0);
    int seen = 0;

    (void)state;
    arena_defer(a, note, &seen);
    struct arena_mark m = arena_mark(a);
    arena_defer(a, note_two, &seen);
    arena_alloc(a, 100000);
    arena_rewind(a, m);
    assert_int_equal(seen, 2);
    arena_reset(a);
    assert_int_equal(seen, 21);
    arena_destroy(a);
    assert_int_equal(seen, 21);
}

static void ceiling_leaves_by_the_jump(void **state)
{
    struct arena *a = arena_create(10000);
    jmp_buf out;
    volatile int n = 0;

    (void)state;
    if (setjmp(out) == 0) {
        arena_on_ceiling(a, &out);
        for (;; n++) {
            arena_alloc(a, 1000);
        }
    }
    assert_int_equal(n, 9); /* of 1,008 each */
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
    arena_alloc(a, 9000);
    arena_destroy(a);
}

static void buffers_remember_that_they_overflowed(void **state)
{
    struct arena *a = arena_create(0);
    struct buf b;
    struct err e;

    (void)state;
    buf_init(&b, a, 10);
    buf_lit(&b, "12345");
    buf_int(&b, -12);
    assert_ok(buf_status(&b, &e), e);
    buf_lit(&b, "1234");
    buf_byte(&b, 'x');
    assert_int_equal(buf_status(&b, &e), ERR_TOO_LARGE);
    assert_str(buf_str(&b), "12345-12");
    buf_clear(&b);
    buf_fmt(&b, "%d-%s", 1, "abcdefgh");
    assert_ok(buf_status(&b, &e), e);
    assert_str(buf_str(&b), "1-abcdefgh");
    buf_clear(&b);
    buf_fmt(&b, "%s", "abcdefghijk");
    assert_int_equal(buf_status(&b, &e), ERR_TOO_LARGE);
    arena_destroy(a);
}

static void map_finds_ten_thousand_names(void **state)
{
    struct arena *a = arena_create(0);
    struct map m;
    static int values[10000];

    (void)state;
    map_init(&m, a);
    assert_null(map_get(&m, STR("nothing")));
    for (int i = 0; i < 10000; i++) {
        map_put(&m, arena_fmt(a, "name %d", i), &values[i]);
    }
    map_put(&m, STR("name 7"), &values[8]);
    assert_int_equal(m.n, 10000);
    for (int i = 0; i < 10000; i++) {
        assert_ptr_equal(map_get(&m, arena_fmt(a, "name %d", i)), &values[i == 7 ? 8 : i]);
    }
    assert_null(map_get(&m, STR("name 10000")));
    arena_destroy(a);
}

static void random_numbers_repeat_and_spread(void **state)
{
    struct rng a = { 42 }, b = { 42 };
    double sum = 0, squares = 0;
    unsigned char bytes[64] = { 0 };
    int counts[7] = { 0 }, zeros = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(rng_next(&a), rng_next(&b));
        counts[rng_below(&a, 7)]++;
        double x = rng_normal(&a);
        sum += x;
        squares += x * x;
        (void)rng_below(&b, 7);
        (void)rng_normal(&b);
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(counts[i], 13800, 14800);
    }
    assert_true(fabs(sum / 100000) < 0.02 && fabs(squares / 100000 - 1) < 0.03);
    rand_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        zeros += bytes[i] == 0;
    }
    assert_true(zeros < 10);
}

static void a_tally_counts_every_number_through_its_growth(void **state)
{
    struct arena *a = arena_create(0);
    struct tally t;

    (void)state;
    tally_init(&t, a);
    assert_int_equal(tally_of(&t, 0), 0);
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 5000; i++) { /* 0 is a number too, and many end in the same bits */
            assert_int_equal(tally_add(&t, i << 40), round);
        }
    }
    assert_int_equal(tally_of(&t, 0), 3);
    assert_int_equal(tally_of(&t, (uint64_t)4999 << 40), 3);
    assert_int_equal(tally_of(&t, 1), 0);
    arena_destroy(a);
}

int test_memory(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defers_run_last_first_and_once),
        cmocka_unit_test(ceiling_leaves_by_the_jump),
        cmocka_unit_test(buffers_remember_that_they_overflowed),
        cmocka_unit_test(map_finds_ten_thousand_names),
        cmocka_unit_test(random_numbers_repeat_and_spread),
        cmocka_unit_test(a_tally_counts_every_number_through_its_growth),
    };

    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
