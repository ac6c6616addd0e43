/* test_stat.c - against published figures: Hillstrom's e-mail test (2008), two of its arms against none. */


#include "../check.h"
#include "base/stat.h"
#include "groups.h"

#include <math.h>

static void near(double got, double want, double slack)
{
    if (fabs(got - want) > slack) {
        print_error("%.10g instead of %.10g\n", got, want);
    }
    assert_true(fabs(got - want) <= slack);
}

static void shares__equal_published_ones(void **state)
{
    struct stat_group mens = { 21307, 3894, 3894 }, none = { 21306, 2262, 2262 };
    struct stat_difference d = stat_shares(&mens, &none);

    (void)state;
    near(d.difference, .076590, 1e-6);
    near(d.low, .069954, 1e-6);
    near(d.high, .083226, 1e-6);
    near(d.t, 22.48604, 1e-5);
    struct stat_group a = { 21307, 267, 267 }, b = { 21306, 122, 122 };
    d = stat_shares(&a, &b);
    near(d.difference, .006805, 1e-6);
    near(d.p / 1.52322e-13, 1, 1e-4);
    near(d.low, .005000, 1e-6);
    near(d.high, .008610, 1e-6);
}

static void quantiles__equal_tables(void **state)
{
    (void)state;
    near(stat_t_quantile(0.975, 1), 12.7062047362, 1e-6);
    near(stat_t_quantile(0.975, 10), 2.2281388520, 1e-9);
    near(stat_t_quantile(0.975, 1e7), 1.9599642, 1e-6);
    near(stat_t_quantile(0.95, 30), 1.6972608866, 1e-9);
}

/* 1 to 5 beside 2, 4, ... 12. */
static void means__equal_another_way_of_reckoning(void **state)
{
    struct stat_group a = { 5, 15, 55 }, b = { 6, 42, 364 };
    struct stat_difference d = stat_welch(&a, &b);

    (void)state;
    near(d.difference, -4, 1e-12);
    near(d.t, -2.3763541, 1e-6);
    near(d.df, 6.9722557, 1e-6);
    near(d.p, 0.049284338, 1e-8); /* by integrating the density */
}

static void little__is_said_to_be_unknown(void **state)
{
    struct stat_group one = { 1, 5, 25 }, two = { 2, 4, 8 }, none = { 0 };

    (void)state;
    assert_int_equal(stat_welch(&one, &two).known, 0);
    assert_int_equal(stat_welch(&two, &two).known, 0); /* nothing varies */
    assert_int_equal(stat_shares(&none, &one).known, 0);
    assert_int_equal(stat_shares(&none, &none).known, 0);
    near(stat_mean(&none), 0, 0);
}

int test_stat(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares__equal_published_ones),
        cmocka_unit_test(quantiles__equal_tables),
        cmocka_unit_test(means__equal_another_way_of_reckoning),
        cmocka_unit_test(little__is_said_to_be_unknown),
    };

    return cmocka_run_group_tests_name("stat", tests, NULL, NULL);
}
