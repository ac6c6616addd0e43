/* test_zone.c - offsets, gaps and overlaps of real zones. */

#include "../check.h"
#include "base/time.h"
#include "groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t at(const char *text)
{
    int64_t t;

    assert_true(instant_parse(str_of(text), &t));
    return t;
}

static void check_local(const char *zone, const char *local, const char *utc)
{
    const struct zone *z = zone_get(str_of(zone));
    char out[INSTANT_TEXT];

    assert_non_null(z);
    struct civil c = civil_of(at(local));
    int64_t t = zone_instant(z, &c);
    out[instant_format(t, out)] = '\0';
    assert_string_equal(out, utc);
}

static void knows_offsets_of_summer_and_winter(void **state)
{
    const struct zone *berlin = zone_get(STR("Europe/Berlin"));
    const struct zone *york = zone_get(STR("America/New_York"));
    const struct zone *kolkata = zone_get(STR("Asia/Kolkata"));
    const struct zone *howe = zone_get(STR("Australia/Lord_Howe"));

    (void)state;
    assert_int_equal(zone_offset(berlin, at("2024-01-01T00:00:00Z")), 3600);
    assert_int_equal(zone_offset(berlin, at("2024-03-31T00:59:59.999999Z")), 3600);
    assert_int_equal(zone_offset(berlin, at("2024-03-31T01:00:00Z")), 7200);
    assert_int_equal(zone_offset(york, at("2024-07-01T00:00:00Z")), -4 * 3600);
    assert_int_equal(zone_offset(york, at("2024-12-01T00:00:00Z")), -5 * 3600);
    assert_int_equal(zone_offset(kolkata, at("2024-12-01T00:00:00Z")), 19800);
    assert_int_equal(zone_offset(howe, at("2024-01-01T00:00:00Z")), 11 * 3600);
    assert_int_equal(zone_offset(howe, at("2024-07-01T00:00:00Z")), 37800);
    assert_int_equal(zone_offset(zone_utc(), at("2024-07-01T00:00:00Z")), 0);
    assert_string_equal(zone_name(berlin), "Europe/Berlin");
}

static void the_rule_serves_the_far_future(void **state)
{
    const struct zone *berlin = zone_get(STR("Europe/Berlin"));
    const struct zone *howe = zone_get(STR("Australia/Lord_Howe"));

    (void)state;
    assert_int_equal(zone_offset(berlin, at("9998-07-01T00:00:00Z")), 7200);
    assert_int_equal(zone_offset(berlin, at("9998-12-01T00:00:00Z")), 3600);
    assert_int_equal(zone_offset(howe, at("2500-01-15T00:00:00Z")), 11 * 3600);
    /* the last Sunday of March 2100 is the 28th */
    assert_int_equal(zone_offset(berlin, at("2100-03-28T00:59:59Z")), 3600);
    assert_int_equal(zone_offset(berlin, at("2100-03-28T01:00:00Z")), 7200);
}

static void a_gap_gives_its_end_and_an_overlap_the_earlier(void **state)
{
    (void)state;
    check_local("Europe/Berlin", "2024-03-31T02:30:00Z", "2024-03-31T01:00:00Z");
    check_local("Europe/Berlin", "2024-03-31T02:00:00Z", "2024-03-31T01:00:00Z");
    check_local("Europe/Berlin", "2024-03-31T03:00:00Z", "2024-03-31T01:00:00Z");
    check_local("Europe/Berlin", "2024-10-27T02:30:00Z", "2024-10-27T00:30:00Z");
    check_local("Europe/Berlin", "2024-10-27T03:00:00Z", "2024-10-27T02:00:00Z");
    check_local("America/New_York", "2024-03-10T02:15:00Z", "2024-03-10T07:00:00Z");
    check_local("America/New_York", "2024-11-03T01:30:00Z", "2024-11-03T05:30:00Z");
    check_local("Australia/Lord_Howe", "2024-10-06T02:15:00Z", "2024-10-05T15:30:00Z");
    check_local("Australia/Lord_Howe", "2024-04-07T01:45:00Z", "2024-04-06T14:45:00Z");
    check_local("Asia/Kolkata", "2024-04-07T01:45:00.5Z", "2024-04-06T20:15:00.5Z");
    check_local("Europe/Berlin", "2100-03-28T02:30:00Z", "2100-03-28T01:00:00Z");
    check_local("UTC", "2024-04-07T01:45:00Z", "2024-04-07T01:45:00Z");
    /* Samoa left out the whole of 30 December 2011 */
    check_local("Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z");
}

static void days_begin_where_the_clock_first_shows_them(void **state)
{
    const struct zone *berlin = zone_get(STR("Europe/Berlin"));
    const struct zone *paulo = zone_get(STR("America/Sao_Paulo"));

    (void)state;
    assert_int_equal(zone_day_start(berlin, date_of(2024, 7, 1)), at("2024-06-30T22:00:00Z"));
    assert_int_equal(zone_date(berlin, at("2024-06-30T22:00:00Z")), date_of(2024, 7, 1));
    assert_int_equal(zone_date(berlin, at("2024-06-30T21:59:59Z")), date_of(2024, 6, 30));
    /* summer time began at midnight: the day starts at 01:00 */
    assert_int_equal(zone_day_start(paulo, date_of(2018, 11, 4)), at("2018-11-04T03:00:00Z"));
}

static void refuses_odd_names(void **state)
{
    static const char *const names[] = { "", "/etc/passwd", "../../etc/passwd", "Europe/..",
        "Europe", "Nowhere/City", "tzdata.zi", "Europe/Ber lin" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_null(zone_get(str_of(names[i])));
    }
    assert_null(zone_get((struct str) { "UTC\0", 4 }));
}

/* libc's answers for many instants in zones of every kind. */
static void agrees_with_libc(void **state)
{
    static const char *const names[] = { "Europe/Berlin", "America/New_York", "Asia/Kolkata",
        "Australia/Lord_Howe", "Europe/Dublin", "Africa/Casablanca", "America/Santiago",
        "Pacific/Apia", "Asia/Tehran", "Pacific/Chatham", "America/St_Johns", "Asia/Gaza",
        "Antarctica/Troll", "America/Nuuk", "Etc/GMT+12", "Africa/Monrovia" };
    char *before = getenv("TZ");

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct zone *z = zone_get(str_of(names[i]));
        assert_non_null(z);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t s = -3000000000; s < 9000000000; s += 86400 * 3 + 1801) {
            time_t t = (time_t)s;
            struct tm tm;
            localtime_r(&t, &tm);
            if (zone_offset(z, s * SECONDS(1)) != tm.tm_gmtoff) {
                fail_msg("%s at %lld: %d, libc says %ld", names[i], (long long)s,
                    zone_offset(z, s * SECONDS(1)), tm.tm_gmtoff);
            }
            struct civil c = zone_civil(z, s * SECONDS(1));
            int64_t back = zone_instant(z, &c);
            if (back != s * SECONDS(1)) { /* only the later half of an overlap may differ */
                struct civil again = zone_civil(z, back);
                assert_true(back < s * SECONDS(1) && instant_of(&again) == instant_of(&c));
            }
        }
    }
    if (before) {
        setenv("TZ", before, 1);
    } else {
        unsetenv("TZ");
    }
    tzset();
}

int test_zone(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_offsets_of_summer_and_winter),
        cmocka_unit_test(the_rule_serves_the_far_future),
        cmocka_unit_test(a_gap_gives_its_end_and_an_overlap_the_earlier),
        cmocka_unit_test(days_begin_where_the_clock_first_shows_them),
        cmocka_unit_test(refuses_odd_names),
        cmocka_unit_test(agrees_with_libc),
    };

    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
