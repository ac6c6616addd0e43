/* test_str.c - slices and the numbers in them. */

#include "../check.h"
#include "base/str.h"
#include "groups.h"

static void empty_strings_are_harmless(void **state)
{
    struct str none = { NULL, 0 }, head;

    (void)state;
    assert_true(str_eq(none, STR("")));
    assert_int_equal(str_find(none, STR("a")), -1);
    assert_int_equal(str_find(none, none), 0);
    assert_int_equal(str_find_byte(none, 'a'), -1);
    assert_int_equal(str_trim(none).n, 0);
    assert_false(str_split(&none, ',', &head));
    assert_true(str_starts(STR("a"), none) && str_ends(STR("a"), none));
}

static void splits_and_finds(void **state)
{
    struct str s = STR("a,,b"), head;

    (void)state;
    assert_true(str_split(&s, ',', &head));
    assert_str(head, "a");
    assert_true(str_split(&s, ',', &head));
    assert_str(head, "");
    assert_true(str_split(&s, ',', &head));
    assert_str(head, "b");
    assert_false(str_split(&s, ',', &head));
    assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
    assert_str(str_sub(STR("hello"), 3, 100), "lo");
    assert_str(str_sub(STR("hello"), 9, 1), "");
    assert_str(str_trim(STR(" \t x y\r\n")), "x y");
}

static void reads_whole_numbers_to_their_limits(void **state)
{
    int64_t v;

    (void)state;
    assert_true(str_to_int(STR("-9223372036854775808"), &v) && v == INT64_MIN);
    assert_true(str_to_int(STR("9223372036854775807"), &v) && v == INT64_MAX);
    assert_true(str_to_int(STR("+5"), &v) && v == 5);
    assert_false(str_to_int(STR("9223372036854775808"), &v));
    assert_false(str_to_int(STR("-9223372036854775809"), &v));
    assert_false(str_to_int(STR(""), &v));
    assert_false(str_to_int(STR("-"), &v));
    assert_false(str_to_int(STR("1x"), &v));
    assert_false(str_to_int(STR("1.0"), &v));
    assert_false(str_to_int(STR(" 1"), &v));
}

static void decimals_go_both_ways(void **state)
{
    char out[32];
    int64_t v;

    (void)state;
    assert_true(str_to_scaled(STR("12.345"), 3, &v) && v == 12345);
    assert_true(str_to_scaled(STR("12.3"), 3, &v) && v == 12300);
    assert_true(str_to_scaled(STR("-0.05"), 2, &v) && v == -5);
    assert_true(str_to_scaled(STR(".5"), 2, &v) && v == 50);
    assert_true(str_to_scaled(STR("1.500"), 1, &v) && v == 15);
    assert_false(str_to_scaled(STR("12.345"), 2, &v));
    assert_false(str_to_scaled(STR("1.2.3"), 4, &v));
    assert_false(str_to_scaled(STR("."), 4, &v));
    assert_false(str_to_scaled(STR("92233720368547758.08"), 2, &v));
    assert_str(((struct str) { out, str_from_scaled(-5, 2, out) }), "-0.05");
    assert_str(((struct str) { out, str_from_scaled(INT64_MIN, 4, out) }), "-922337203685477.5808");
    assert_str(((struct str) { out, str_from_scaled(7, 0, out) }), "7");
}

int test_str(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_strings_are_harmless),
        cmocka_unit_test(splits_and_finds),
        cmocka_unit_test(reads_whole_numbers_to_their_limits),
        cmocka_unit_test(decimals_go_both_ways),
    };

    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
