/* test_utf8.c - well-formedness and the fold. */

#include "../check.h"
#include "base/utf8.h"
#include "groups.h"

#include <utf8proc.h>

static void refuses_ill_formed_bytes(void **state)
{
    static const struct {
        struct str s;
        size_t bad;
    } cases[] = {
        { STR_INIT("abcdefgh\xc0\x80"), 8 },
        { STR_INIT("\xed\xa0\x80"), 0 },
        { STR_INIT("a\xf4\x90\x80\x80"), 1 },
        { STR_INIT("\xe2\x82"), 0 },
        { STR_INIT("a\x80"), 1 },
        { STR_INIT("0123456789\0"), 10 },
        { STR_INIT("01234\0 789"), 5 },
        { STR_INIT("\xe0\x9f\xbf"), 0 },
        { STR_INIT("\xf0\x8f\xbf\xbf"), 0 },
    };
    size_t bad;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(utf8_valid(cases[i].s, &bad));
        assert_int_equal(bad, cases[i].bad);
    }
    assert_true(utf8_valid(STR("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80 and more"), NULL));
    assert_true(utf8_valid(STR(""), NULL));
}

static void counts_and_clips_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_length(STR("M\xc3\xbc\xf0\x9f\x98\x80")), 3);
    assert_str(utf8_clip(STR("M\xc3\xbc\xf0\x9f\x98\x80"), 2), "M\xc3\xbc");
    assert_str(utf8_clip(STR("M\xc3\xbc"), 5), "M\xc3\xbc");
    assert_str(utf8_clip(STR("abc"), 0), "");
}

static void folds_case_accents_and_space(void **state)
{
    static const char *const cases[][2] = {
        { "  Hello \t World ", "hello world" },
        { "", "" },
        { " \n ", "" },
        { "M\xc3\x9cLLER", "muller" },
        { "Stra\xc3\x9f"
          "e",
            "strasse" },
        { "STRA\xe1\xba\x9e"
          "E",
            "strasse" },
        { "\xc5\x81\xc3\xb3"
          "d\xc5\xba",
            "lodz" },
        { "\xc4\x90\xc3\xa0 N\xe1\xba\xb5ng", "da nang" },
        { "S\xc3\xb8ren \xc3\x86r\xc3\xb8", "soren aero" },
        { "\xc4\xb0stanbul", "istanbul" },
        { "\xc4\xb1rmak", "irmak" },
        { "O\xe2\x80\x99"
          "Brien",
            "o'brien" },
        { "\xef\xbc\xab\xef\xbd\x89\xef\xbd\x94\xef\xbd\x88", "kith" }, /* full width */
        { "a\xc2\xa0\xe3\x80\x80"
          "b",
            "a b" },
        { "soft\xc2\xad"
          "hyphen",
            "softhyphen" },
        { "\xd0\x99\xd0\x9e\xd0\x93", "\xd0\xb8\xd0\xbe\xd0\xb3" },
        /* the vowel sign of ki stays, so that it is not kaa */
        { "\xe0\xa4\x95\xe0\xa4\xbf", "\xe0\xa4\x95\xe0\xa4\xbf" },
    };
    struct arena *mem = arena_create(0);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_str(utf8_fold(mem, str_of(cases[i][0])), cases[i][1]);
    }
    arena_destroy(mem);
}

/* A key made from a key is the same key: for every code point there is. */
static void folding_twice_changes_nothing(void **state)
{
    struct arena *mem = arena_create(0);
    int odd = 0;

    (void)state;
    for (int32_t c = 1; c < 0x110000; c++) {
        utf8proc_uint8_t bytes[4];
        if (c >= 0xd800 && c < 0xe000) {
            continue;
        }
        struct str s = { (char *)bytes, (size_t)utf8proc_encode_char(c, bytes) };
        struct str once = utf8_fold(mem, s);
        struct str twice = utf8_fold(mem, once);
        if (!str_eq(once, twice)) {
            print_message("U+%04X: %.*s, %.*s\n", (unsigned)c, STR_ARG(once), STR_ARG(twice));
            odd++;
        }
        arena_reset(mem);
    }
    assert_int_equal(odd, 0);
    arena_destroy(mem);
}

static void folds_long_texts(void **state)
{
    struct arena *mem = arena_create(0);
    char text[4001];

    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        text[i * 2] = '\xc3';
        text[i * 2 + 1] = '\x84';
    }
    struct str f = utf8_fold(mem, (struct str) { text, 4000 });
    assert_int_equal(f.n, 2000);
    assert_int_equal(f.p[1999], 'a');
    arena_destroy(mem);
}

static void composes(void **state)
{
    struct arena *mem = arena_create(0);

    (void)state;
    assert_str(utf8_nfc(mem, STR("Mu\xcc\x88ller")), "M\xc3\xbcller");
    assert_str(utf8_nfc(mem, STR("plain")), "plain");
    arena_destroy(mem);
}

int test_utf8(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_ill_formed_bytes),
        cmocka_unit_test(counts_and_clips_code_points),
        cmocka_unit_test(folds_case_accents_and_space),
        cmocka_unit_test(folding_twice_changes_nothing),
        cmocka_unit_test(folds_long_texts),
        cmocka_unit_test(composes),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
