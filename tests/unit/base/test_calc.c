/* test_calc.c - scaled arithmetic. */

#include "../check.h"
#include "base/calc.h"
#include "base/time.h"
#include "groups.h"

#include <math.h>

static void rounds_half_away_from_zero(void **state)
{
    int64_t v;

    (void)state;
    assert_true(calc_mul(15, 1, 1, &v) && v == 2);
    assert_true(calc_mul(-15, 1, 1, &v) && v == -2);
    assert_true(calc_mul(14, 1, 1, &v) && v == 1);
    assert_true(calc_mul(-14, -1, 1, &v) && v == 1);
    assert_true(calc_div(1, 3, 2, &v) && v == 33);
    assert_true(calc_div(2, 3, 2, &v) && v == 67);
    assert_true(calc_div(1, -2, 0, &v) && v == -1);
    assert_true(calc_div(-1, 2, 0, &v) && v == -1);
    assert_true(calc_div(-1, -2, 0, &v) && v == 1);
    assert_true(calc_div(1, 3, 0, &v) && v == 0);
}

static void overflow_and_zero_have_no_result(void **state)
{
    int64_t v;

    (void)state;
    assert_false(calc_add(INT64_MAX, 1, &v));
    assert_false(calc_sub(INT64_MIN, 1, &v));
    assert_false(calc_mul(INT64_MAX, 10, 0, &v));
    assert_true(calc_mul(INT64_MAX, 10, 1, &v) && v == INT64_MAX);
    assert_true(calc_mul(INT64_MIN, INT64_MIN, 18, &v) == false);
    assert_false(calc_mul(INT64_MIN, -1, 0, &v));
    assert_false(calc_div(1, 0, 2, &v));
    assert_false(calc_div(INT64_MIN, -1, 0, &v));
    assert_false(calc_div(INT64_MAX, 1, 18, &v));
    assert_true(calc_div(INT64_MAX, INT64_MAX, 18, &v) && v == 1000000000000000000);
    assert_false(calc_mul(1, 1, 19, &v));
    assert_false(calc_mul(1, 1, -1, &v));
}

static void distance_matches_known_cities(void **state)
{
    double km;

    (void)state;
    assert_true(calc_distance(52.52, 13.405, 48.8566, 2.3522, &km)); /* Berlin to Paris */
    assert_true(fabs(km - 877.5) < 1);
    assert_true(calc_distance(0, 0, 0, 180, &km) && fabs(km - 6371.0088 * 3.14159265358979) < 1e-6);
    assert_true(calc_distance(90, 0, -90, 0, &km) && fabs(km - 6371.0088 * 3.14159265358979) < 1e-6);
    assert_true(calc_distance(1, 1, 1, 1, &km) && km == 0);
    assert_false(calc_distance(91, 0, 0, 0, &km));
    assert_false(calc_distance(NAN, 0, 0, 0, &km));
}

static void months_are_clipped_and_stay_within_the_calendar(void **state)
{
    int64_t v;

    (void)state;
    assert_true(calc_month_add(date_of(2024, 1, 31), 1, &v) && v == date_of(2024, 2, 29));
    assert_true(calc_month_add(date_of(2023, 3, 31), -1, &v) && v == date_of(2023, 2, 28));
    assert_true(calc_month_add(date_of(2023, 12, 15), 1, &v) && v == date_of(2024, 1, 15));
    assert_false(calc_month_add(date_of(9999, 12, 1), 1, &v));
    assert_false(calc_month_add(date_of(1, 1, 1), -1, &v));
    assert_false(calc_month_add(0, INT64_MAX, &v));
    assert_false(calc_year(INT64_MIN, &v));
    assert_true(calc_year(DATE_FIRST, &v) && v == 1);
    assert_true(calc_year(DATE_LAST, &v) && v == 9999);
    assert_true(calc_weekday(0, &v) && v == 4);
    assert_true(calc_weekday(DATE_FIRST, &v) && v == 1);
}

int test_calc(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_half_away_from_zero),
        cmocka_unit_test(overflow_and_zero_have_no_result),
        cmocka_unit_test(distance_matches_known_cities),
        cmocka_unit_test(months_are_clipped_and_stay_within_the_calendar),
    };

    return cmocka_run_group_tests_name("calc", tests, NULL, NULL);
}
