/* test_time.c - the calendar and its texts. */

#include "../check.h"
#include "base/time.h"
#include "groups.h"

static void every_day_of_the_calendar_goes_both_ways(void **state)
{
    int year = 1, month = 1, day = 1, weekday = 1;

    (void)state;
    for (int64_t d = DATE_FIRST; d <= DATE_LAST; d++) {
        struct civil c = civil_of(d * DAYS(1) + DAYS(1) - 1);
        if (c.year != year || c.month != month || c.day != day || c.weekday != weekday ||
            date_of(year, month, day) != d || c.hour != 23 || c.micro != 999999) {
            fail_msg("day %lld is %d-%d-%d", (long long)d, c.year, c.month, c.day);
        }
        weekday = weekday % 7 + 1;
        if (++day > days_in_month(year, month)) {
            day = 1;
            if (++month > 12) {
                month = 1;
                year++;
            }
        }
    }
    assert_int_equal(year, 10000);
}

static void days_past_the_month_run_on(void **state)
{
    (void)state;
    assert_int_equal(date_of(2023, 2, 29), date_of(2023, 3, 1));
    assert_int_equal(date_of(2023, 1, 400), date_of(2024, 2, 4));
    assert_int_equal(date_of(2023, 13, 1), date_of(2024, 1, 1));
    assert_int_equal(date_of(2023, 0, 1), date_of(2022, 12, 1));
}

static void reads_rfc_3339(void **state)
{
    int64_t t, u;
    char out[INSTANT_TEXT];

    (void)state;
    assert_true(instant_parse(STR("2024-02-29T12:34:56.789Z"), &t));
    assert_true(instant_parse(STR("2024-02-29 14:34:56.7890004+02:00"), &u));
    assert_int_equal(t, u);
    assert_str(((struct str) { out, instant_format(t, out) }), "2024-02-29T12:34:56.789Z");
    assert_true(instant_parse(STR("1969-12-31T23:59:59.999999Z"), &t) && t == -1);
    assert_str(((struct str) { out, instant_format(t, out) }), "1969-12-31T23:59:59.999999Z");
    assert_true(instant_parse(STR("2016-12-31T23:59:60Z"), &t));
    assert_str(((struct str) { out, instant_format(t, out) }), "2017-01-01T00:00:00Z");
    assert_false(instant_parse(STR("2023-02-29T00:00:00Z"), &t));
    assert_false(instant_parse(STR("2023-02-28T24:00:00Z"), &t));
    assert_false(instant_parse(STR("2023-02-28T00:00:00"), &t));
    assert_false(instant_parse(STR("2023-02-28T00:00:00.Z"), &t));
    assert_false(instant_parse(STR("2023-02-28T00:00:00+2:00"), &t));
    assert_false(instant_parse(STR("2023-02-28T00:00:00Zx"), &t));
    assert_false(instant_parse(STR("0001-01-01T00:00:00+01:00"), &t));
    assert_false(instant_parse(STR(""), &t));
}

static void reads_dates(void **state)
{
    int64_t d;
    char out[DATE_TEXT];

    (void)state;
    assert_true(date_parse(STR("0001-01-01"), &d) && d == DATE_FIRST);
    assert_true(date_parse(STR("9999-12-31"), &d) && d == DATE_LAST);
    assert_str(((struct str) { out, date_format(d, out) }), "9999-12-31");
    assert_str(((struct str) { out, date_format(DATE_FIRST, out) }), "0001-01-01");
    assert_false(date_parse(STR("0000-01-01"), &d));
    assert_false(date_parse(STR("2023-13-01"), &d));
    assert_false(date_parse(STR("2023-1-1"), &d));
    assert_false(date_parse(STR("2023-01-011"), &d));
}

int test_time(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_the_calendar_goes_both_ways),
        cmocka_unit_test(days_past_the_month_run_on),
        cmocka_unit_test(reads_rfc_3339),
        cmocka_unit_test(reads_dates),
    };

    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
