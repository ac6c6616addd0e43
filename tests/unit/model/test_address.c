/* test_address.c - postal addresses against the reference tables (tests/data/addresses), and odd ones. */

#include "../check.h"
#include "base/csv.h"
#include "base/utf8.h"
#include "model/standard_address.h"

#include <stdio.h>

enum { CELLS = 8, CASES = 50 };

static ptrdiff_t source(void *arg, char *out, size_t n)
{
    return (ptrdiff_t)fread(out, 1, n, arg);
}

/* In the tables a line break is written as two characters. */
static struct str with_lines(struct arena *mem, struct str s)
{
    char *out = (char *)arena_cstr(mem, s);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        bool line = s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == 'n';
        out[n++] = line ? '\n' : s.p[i];
        i += line;
    }
    return (struct str) { out, n };
}

static bool same(struct arena *mem, struct str got, struct str want)
{
    return str_eq(utf8_nfc(mem, got), utf8_nfc(mem, want));
}

static void print_address(const char *what, const struct postal_address *a, struct str lines)
{
    print_message("   %s %.*s|%.*s|%.*s|%.*s|%.*s|%.*s -> %.*s\n", what, STR_ARG(a->street), STR_ARG(a->extra),
        STR_ARG(a->postcode), STR_ARG(a->city), STR_ARG(a->region), STR_ARG(a->country), STR_ARG(lines));
}

static bool passes(struct arena *mem, const struct csv_row *row, struct str country, struct postal_address *a)
{
    struct str cell[CELLS];

    for (size_t i = 0; i < CELLS; i++) {
        cell[i] = with_lines(mem, row->cells[i]);
    }
    (void)standard_address(mem, cell[0], country, a);
    const struct postal_address want = { cell[1], cell[2], cell[3], cell[4], cell[5], cell[6] };
    struct str lines = standard_address_lines(mem, a);
    if (same(mem, a->street, want.street) && same(mem, a->extra, want.extra) && same(mem, a->postcode, want.postcode)
        && same(mem, a->city, want.city) && same(mem, a->region, want.region) && same(mem, a->country, want.country)
        && same(mem, lines, cell[7])) {
        return true;
    }
    print_message("%.*s\n", STR_ARG(cell[0]));
    print_address("got ", a, lines);
    print_address("want", &want, cell[7]);
    return false;
}

/* The standard form is its own: parts that come in it stay as they are. */
static bool stays(struct arena *mem, const struct postal_address *a)
{
    struct postal_address typed = *a, again;

    typed.street = standard_street_lines(mem, a);
    typed.extra = STR("");
    standard_address_parts(mem, &typed, &again);
    if (same(mem, a->street, again.street) && same(mem, a->extra, again.extra) && same(mem, a->postcode, again.postcode)
        && same(mem, a->city, again.city) && same(mem, a->region, again.region)) {
        return true;
    }
    print_address("was  ", a, STR(""));
    print_address("again", &again, STR(""));
    return false;
}

static void addresses_of_twelve_countries_are_taken_apart(void **state)
{
    static const char *const countries[] = { "de", "fr", "gb", "us", "es", "it", "nl", "pl", "br", "jp", "in", "tr" };
    size_t all = 0;

    (void)state;
    for (size_t k = 0; k < sizeof countries / sizeof *countries; k++) {
        struct arena *mem = arena_create(0);
        char code[3] = { (char)(countries[k][0] - 32), (char)(countries[k][1] - 32), 0 };
        FILE *f = fopen(arena_fmt(mem, "%s/addresses/%s.csv", TEST_DATA, countries[k]).p, "r");
        struct csv_row row;
        struct err e = { 0 };
        size_t n = 0, ok = 0, own = 0;
        assert_non_null(f);
        struct csv_reader *r = csv_open(mem, source, f, ',', 10000, CELLS);
        assert_ok(csv_next(r, &row, &e), e);
        while (csv_next(r, &row, &e) == OK) {
            n++;
            struct postal_address a;
            ok += passes(mem, &row, str_of(code), &a);
            own += stays(mem, &a);
        }
        print_message("%s: %zu of %zu, %zu stay\n", countries[k], ok, n, own);
        fclose(f);
        arena_destroy(mem);
        assert_int_equal(n, CASES);
        all += ok;
    }
    assert_int_equal(all, 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_twelve_countries_are_taken_apart),
    };

    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
