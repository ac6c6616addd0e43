/* test_phone.c - phone numbers against what libphonenumber makes of them (tests/data/phones.csv, made by
 * script/phone-tables). Where the two differ is counted, by column, and bounded. */

#include "../check.h"
#include "base/csv.h"
#include "base/utf8.h"
#include "model/normal.h"
#include "model/phone.h"
#include "model/phone_pattern.h"

#include <stdio.h>
#include <stdlib.h>

enum { CELLS = 12 };
enum { TYPED, COUNTRY, E164, VALID, REGION, TYPE, NATIONAL, INTERNATIONAL, COLUMNS };

static const char *const columns[] = { "typed", "country", "e164", "valid", "region", "type", "national",
    "international" };

static ptrdiff_t source(void *arg, char *out, size_t n)
{
    return (ptrdiff_t)fread(out, 1, n, arg);
}

static void differ(size_t *counts, int column, const struct csv_row *row, struct str got)
{
    counts[column]++;
    if (getenv("KITH_MISSES")) {
        print_message("%s of \"%.*s\" (%.*s): %.*s, want %.*s\n", columns[column], STR_ARG(row->cells[TYPED]),
            STR_ARG(row->cells[COUNTRY]), STR_ARG(got), STR_ARG(row->cells[column]));
    }
}

static void compare(struct arena *mem, const struct csv_row *row, size_t *counts)
{
    struct str key = STR(""), country = row->cells[COUNTRY];
    const char *why = NULL;
    bool parsed = phone_parse(mem, row->cells[TYPED], str_is(country, "ZZ") ? STR("") : country, &key, &why);

    if (!row->cells[E164].n) {
        return; /* we take what the peer does not */
    }
    if (!parsed || !str_eq(key, row->cells[E164])) {
        differ(counts, E164, row, parsed ? key : str_of(why));
        return;
    }
    struct phone_facts f = phone_facts(key);
    const struct str got[] = { [VALID] = str_of(f.type ? "1" : "0"), [REGION] = f.region,
        [TYPE] = str_of(phone_type_word(f.type)), [NATIONAL] = phone_national(mem, key),
        [INTERNATIONAL] = phone_international(mem, key) };
    for (int i = VALID; i < COLUMNS; i++) {
        if (!str_eq(got[i], row->cells[i])) {
            differ(counts, i, row, got[i]);
        }
    }
}

static void numbers_are_what_libphonenumber_makes_of_them(void **state)
{
    struct arena *mem = arena_create(0);
    struct csv_row row;
    struct err e = { 0 };
    size_t n = 0, counts[COLUMNS] = { 0 };
    FILE *f = fopen(TEST_DATA "/phones.csv", "r");

    (void)state;
    assert_non_null(f);
    struct csv_reader *r = csv_open(mem, source, f, ',', 10000, CELLS);
    assert_ok(csv_next(r, &row, &e), e);
    while (csv_next(r, &row, &e) == OK) {
        n++;
        compare(mem, &row, counts);
    }
    fclose(f);
    for (int i = E164; i < COLUMNS; i++) {
        print_message("%s: %zu of %zu differ\n", columns[i], counts[i], n);
    }
    arena_destroy(mem);
    assert_true(n > 5000);
    for (int i = E164; i < COLUMNS; i++) {
        assert_true(counts[i] <= n / 200);
    }
}

static void expect(const char *typed, const char *country, const char *want)
{
    struct arena *mem = arena_create(0);
    struct str key = STR("");
    const char *why = "";
    bool ok = phone_parse(mem, str_of(typed), str_of(country), &key, &why);

    if (want ? !ok || !str_is(key, want) : ok) {
        print_message("%s (%s): %.*s %s\n", typed, country, STR_ARG(key), ok ? "" : why);
        assert_true(false);
    }
    arena_destroy(mem);
}

static void numbers_as_people_write_them(void **state)
{
    (void)state;
    expect("+49 (0)30 123456", "", "+4930123456");
    expect("0049 30 123456", "", "+4930123456");
    expect("0049 30 123456", "US", "+4930123456");
    expect("(030) 12 34-56", "DE", "+4930123456");
    expect("tel:+49-30-123456", "", "+4930123456");
    expect("030/123456 ext. 12", "DE", "+4930123456");
    expect("030 123456x12", "DE", "+4930123456");
    expect("49 30 12345678", "DE", "+493012345678");
    expect("06 1 234 5678", "HU", "+3612345678");
    expect("8 (495) 123-45-67", "RU", "+74951234567");
    expect("02 1234 5678", "IT", "+390212345678");
    expect("(650) 253-0000", "US", "+16502530000");
    expect("1-650-253-0000", "CA", "+16502530000");
    expect("011 15 2312 3456", "AR", "+5491123123456");
    expect("0 11 98765-4321", "BR", "+5511987654321");
    expect("0 15 11 98765-4321", "BR", "+5511987654321");
    expect("\xEF\xBC\x8B\xEF\xBC\x94\xEF\xBC\x99 30 123456", "", "+4930123456");
    expect("\xD9\xA0\xD9\xA1\xD9\xA0\xD9\xA1\xD9\xA2\xD9\xA3\xD9\xA4\xD9\xA5\xD9\xA6\xD9\xA7\xD9\xA8", "EG", "+201012345678");
    expect("\xE2\x80\xAA+49 30 123456\xE2\x80\xAC", "", "+4930123456");
    expect("030\xE2\x80\x91""123456", "DE", "+4930123456");
    expect("110", "DE", "+49110");
    expect("12345", "", "12345");
    expect("+999 123456", "", NULL);
    expect("call me", "DE", NULL);
    expect("12", "DE", NULL);
    expect("030 123456 oder so", "DE", NULL);
}

static void patterns_match_as_those_of_perl(void **state)
{
    struct pattern_span g[PATTERN_GROUPS];

    (void)state;
    assert_true(pattern_match("0|80?", STR("80123"), false, g));
    assert_int_equal(g[0].to, 2);
    assert_true(pattern_match("(\\d{2})(\\d{3,5})", STR("123456"), true, g));
    assert_int_equal(g[2].from, 2);
    assert_int_equal(g[2].to, 6);
    assert_true(pattern_match("([457]\\d{2})$|1", STR("1456"), false, g));
    assert_int_equal(g[0].to, 1);
    assert_true(g[1].to < g[1].from);
    assert_false(pattern_match("([457]\\d{2})$", STR("4567"), false, g));
    assert_true(pattern_match("(?:0|90)(?:(1[245])(\\d{3}))?", STR("9015123"), false, g));
    assert_int_equal(g[1].from, 2);
    assert_int_equal(g[2].to, 7);
    assert_false(pattern_match("[1-3]{2}", STR("14"), true, NULL));
    assert_false(pattern_match("", STR("1"), false, NULL));
}

static void countries_are_known_by_their_names(void **state)
{
    struct arena *mem = arena_create(0);
    static const char *const names[][2] = { { "Deutschland", "DE" }, { "germany", "DE" }, { "de", "DE" },
        { "DEU", "DE" }, { "T\xC3\xBCrkiye", "TR" }, { "Turkey", "TR" }, { "The Netherlands", "NL" },
        { "USA", "US" }, { "England", "GB" }, { "\xE6\x97\xA5\xE6\x9C\xAC", "JP" }, { "Brasil", "BR" },
        { " Espa\xC3\xB1""a ", "ES" }, { "Tuvalu", "TV" } };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str code = STR("");
        assert_true(normal_country(mem, str_of(names[i][0]), &code));
        assert_true(str_is(code, names[i][1]));
    }
    struct str code;
    assert_false(normal_country(mem, STR("Atlantis"), &code));
    arena_destroy(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_those_of_perl),
        cmocka_unit_test(numbers_as_people_write_them),
        cmocka_unit_test(numbers_are_what_libphonenumber_makes_of_them),
        cmocka_unit_test(countries_are_known_by_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
