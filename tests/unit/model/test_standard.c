/* test_standard.c - standard forms against the reference tables (tests/data). Prints how many rows pass. */

#include "../check.h"
#include "base/csv.h"
#include "base/utf8.h"
#include "model/standard.h"

#include <stdio.h>

enum { CELLS = 8 };

static ptrdiff_t source(void *arg, char *out, size_t n)
{
    return (ptrdiff_t)fread(out, 1, n, arg);
}

/* Calls fn for each row; it says whether the row passes. */
static void each_row(const char *file, size_t want, bool (*fn)(struct arena *mem, const struct csv_row *row))
{
    struct arena *mem = arena_create(0);
    struct csv_row row;
    struct err e = { 0 };
    size_t n = 0, ok = 0;
    FILE *f = fopen(arena_fmt(mem, "%s/%s", TEST_DATA, file).p, "r");

    assert_non_null(f);
    struct csv_reader *r = csv_open(mem, source, f, ',', 10000, CELLS);
    assert_ok(csv_next(r, &row, &e), e);
    while (csv_next(r, &row, &e) == OK) {
        n++;
        ok += fn(mem, &row);
    }
    print_message("%s: %zu of %zu\n", file, ok, n);
    fclose(f);
    arena_destroy(mem);
    assert_int_equal(n, want);
    assert_int_equal(ok, n);
}

static bool name_passes(struct arena *mem, const struct csv_row *row)
{
    struct person_name p;

    standard_person(mem, row->cells[0], &p);
    const struct str got[] = { p.title, p.first, p.middle, p.last, p.suffix };
    for (size_t i = 0; i < 5; i++) {
        if (!str_eq(utf8_nfc(mem, got[i]), row->cells[i + 1])) {
            print_message("%.*s: %.*s|%.*s|%.*s|%.*s|%.*s\n", STR_ARG(row->cells[0]), STR_ARG(p.title),
                STR_ARG(p.first), STR_ARG(p.middle), STR_ARG(p.last), STR_ARG(p.suffix));
            return false;
        }
    }
    return true;
}

static void names_are_taken_apart(void **state)
{
    (void)state;
    each_row("names.csv", 300, name_passes);
}

static bool company_passes(struct arena *mem, const struct csv_row *row)
{
    struct str form, key = standard_company(mem, row->cells[0], &form);

    if (str_eq(form, row->cells[2]) && str_eq(key, row->cells[3])) {
        return true;
    }
    print_message("%.*s: form %.*s, key %.*s; want %.*s, %.*s\n", STR_ARG(row->cells[0]), STR_ARG(form),
        STR_ARG(key), STR_ARG(row->cells[2]), STR_ARG(row->cells[3]));
    return false;
}

static void companies_lose_their_legal_form(void **state)
{
    (void)state;
    each_row("companies.csv", 200, company_passes);
}

static void mailboxes_are_those_of_the_provider(void **state)
{
    static const struct {
        const char *key, *want;
    } cases[] = {
        { "a.b.c+shop@gmail.com", "abc@gmail.com" },
        { "abc@googlemail.com", "abc@gmail.com" },
        { "a.b+x@outlook.com", "a.b@outlook.com" },
        { "a.b+x@firm.example", "a.b+x@firm.example" },
        { "+x@gmail.com", "+x@gmail.com" },
        { "no-address", "no-address" },
    };
    struct arena *mem = arena_create(0);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_str(standard_mailbox(mem, str_of(cases[i].key)), cases[i].want);
    }
    assert_true(standard_free_mail(STR("gmail.com")));
    assert_false(standard_free_mail(STR("firm.example")));
    assert_true(standard_same_nickname(STR("bob"), STR("robert")));
    assert_true(standard_same_nickname(STR("bob"), STR("rob")));
    assert_false(standard_same_nickname(STR("bob"), STR("william")));
    assert_str(standard_words(mem, STR("  O’Sample-Straße, 5 ")), "o sample strasse 5");
    assert_str(standard_code(mem, STR("SW1A 1AA")), "sw1a1aa");
    arena_destroy(mem);
}

/* Whatever is typed, nothing is lost or read past its end. */
static void odd_names_are_taken(void **state)
{
    static const char *const odd[] = { "", " ", ",", ",,", "-", "Dr.", "Dr. Dr.", "van", "van den", "Jr.",
        ", Jr.", "(", "\"", "'", "d'", "Mc", "a, b, c, d, e, f, g, h", "様", "GmbH", "&", "The", "The GmbH" };
    struct arena *mem = arena_create(0);
    struct person_name p;
    struct str form;

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        standard_person(mem, str_of(odd[i]), &p);
        (void)standard_company(mem, str_of(odd[i]), &form);
    }
    arena_destroy(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_apart),
        cmocka_unit_test(companies_lose_their_legal_form),
        cmocka_unit_test(mailboxes_are_those_of_the_provider),
        cmocka_unit_test(odd_names_are_taken),
    };

    return cmocka_run_group_tests_name("standard", tests, NULL, NULL);
}
