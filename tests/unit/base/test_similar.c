/* test_similar.c - the string measures against published values and against their own laws. */

#include "../check.h"
#include "base/rand.h"
#include "base/similar.h"
#include "base/time.h"
#include "groups.h"

#include <math.h>
#include <stdio.h>

/* The pairs that Winkler's papers print, to four digits. */
static void names_have_the_published_likeness(void **state)
{
    static const struct {
        struct str a, b;
        double want;
    } cases[] = {
        { STR_INIT("MARTHA"), STR_INIT("MARHTA"), .9611 },
        { STR_INIT("DWAYNE"), STR_INIT("DUANE"), .8400 },
        { STR_INIT("DIXON"), STR_INIT("DICKSONX"), .8133 },
        { STR_INIT("JELLYFISH"), STR_INIT("SMELLYFISH"), .8963 },
        { STR_INIT("a"), STR_INIT("a"), 1 },
        { STR_INIT("abc"), STR_INIT("xyz"), 0 },
        { STR_INIT(""), STR_INIT("x"), 0 },
        { STR_INIT(""), STR_INIT(""), 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double got = similar_names(cases[i].a, cases[i].b);
        if (fabs(got - cases[i].want) > 5e-5) {
            fail_msg("%s %s: %.5f", cases[i].a.p, cases[i].b.p, got);
        }
    }
}

static void edits_count_swaps_once(void **state)
{
    static const struct {
        struct str a, b;
        int want;
    } cases[] = {
        { STR_INIT("kitten"), STR_INIT("sitting"), 3 },
        { STR_INIT("ab"), STR_INIT("ba"), 1 },
        { STR_INIT("ca"), STR_INIT("abc"), 3 }, /* aligned: the swapped pair is not edited again */
        { STR_INIT(""), STR_INIT("abc"), 3 },
        { STR_INIT("größe"), STR_INIT("grösse"), 2 },
        { STR_INIT("müller"), STR_INIT("muller"), 1 },
        { STR_INIT("東京都"), STR_INIT("京東都"), 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(similar_edits(cases[i].a, cases[i].b), cases[i].want);
        assert_int_equal(similar_edits(cases[i].b, cases[i].a), cases[i].want);
    }
    assert_true(fabs(similar_text(STR("müller"), STR("muller")) - 5.0 / 6) < 1e-12);
}

static void codes_are_equal_near_or_neither(void **state)
{
    (void)state;
    assert_int_equal(similar_codes(STR("4011"), STR("4011")), CODES_EQUAL);
    assert_int_equal(similar_codes(STR("4011"), STR("4012")), CODES_NEAR);
    assert_int_equal(similar_codes(STR("4011"), STR("4101")), CODES_NEAR);
    assert_int_equal(similar_codes(STR("4011"), STR("401")), CODES_NEAR);
    assert_int_equal(similar_codes(STR("4011"), STR("1140")), CODES_DIFFER);
    assert_int_equal(similar_dates(date_of(1980, 3, 4), date_of(1980, 3, 4)), CODES_EQUAL);
    assert_int_equal(similar_dates(date_of(1980, 3, 4), date_of(1980, 4, 3)), CODES_NEAR);
    assert_int_equal(similar_dates(date_of(1980, 3, 4), date_of(1980, 3, 14)), CODES_NEAR);
    assert_int_equal(similar_dates(date_of(1980, 3, 12), date_of(1980, 3, 21)), CODES_NEAR);
    assert_int_equal(similar_dates(date_of(1908, 3, 4), date_of(1980, 3, 4)), CODES_NEAR);
    assert_int_equal(similar_dates(date_of(1980, 3, 4), date_of(1981, 3, 5)), CODES_DIFFER);
}

static struct str random_word(struct rng *r, char *out)
{
    size_t n = rng_below(r, 9);

    for (size_t i = 0; i < n; i++) {
        out[i] = (char)('a' + rng_below(r, 4));
    }
    return (struct str) { out, n };
}

static void measures_keep_their_laws(void **state)
{
    struct rng r = { 7 };
    char a[16], b[16];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct str x = random_word(&r, a), y = random_word(&r, b);
        double j = similar_names(x, y);
        int d = similar_edits(x, y), longer = (int)(x.n > y.n ? x.n : y.n);
        assert_true(j >= 0 && j <= 1 && fabs(j - similar_names(y, x)) < 1e-12);
        assert_true(d >= longer - (int)(x.n < y.n ? x.n : y.n) && d <= longer);
        assert_int_equal(d == 0, str_eq(x, y));
        assert_int_equal(x.n > 0 && j == 1, x.n > 0 && str_eq(x, y));
    }
}

static void long_and_broken_texts_are_taken(void **state)
{
    char text[1000];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * 37);
    }
    struct str s = { text, sizeof text };
    assert_int_equal(similar_edits(s, s), 0);
    assert_true(similar_names(s, s) == 1);
    assert_true(similar_text(s, str_sub(s, 1, 900)) < 1);
    (void)similar_names(STR("\xf0"), STR("\xe2\x82"));
}

int test_similar(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_the_published_likeness),
        cmocka_unit_test(edits_count_swaps_once),
        cmocka_unit_test(codes_are_equal_near_or_neither),
        cmocka_unit_test(measures_keep_their_laws),
        cmocka_unit_test(long_and_broken_texts_are_taken),
    };

    return cmocka_run_group_tests_name("similar", tests, NULL, NULL);
}
