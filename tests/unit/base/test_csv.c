/* test_csv.c - reading what spreadsheets really write. */

#include "../check.h"
#include "base/csv.h"
#include "groups.h"

#include <stdio.h>
#include <string.h>

struct memory {
    struct str bytes;
    size_t at, chunk;
};

static ptrdiff_t give(void *arg, char *out, size_t n)
{
    struct memory *m = arg;
    size_t left = m->bytes.n - m->at;

    n = n < m->chunk ? n : m->chunk;
    n = n < left ? n : left;
    memcpy(out, m->bytes.p + m->at, n);
    m->at += n;
    return (ptrdiff_t)n;
}

/* All rows as "a|b/c|d", and the code that ended them if it was not the end. */
static struct str read_all(struct arena *mem, struct str bytes, size_t chunk, char delimiter)
{
    struct memory m = { bytes, 0, chunk };
    struct csv_reader *r = csv_open(mem, give, &m, delimiter, 1 << 16, 100);
    struct csv_row row;
    struct err e;
    struct buf out;
    enum err_code code;

    buf_init(&out, mem, 1 << 20);
    while ((code = csv_next(r, &row, &e)) == OK) {
        for (size_t i = 0; i < row.n; i++) {
            buf_lit(&out, i ? "|" : out.n ? "/" : "");
            buf_add(&out, row.cells[i]);
        }
    }
    if (code != ERR_NOT_FOUND) {
        buf_fmt(&out, "!%s", err_name(code));
    }
    return buf_str(&out);
}

static void check(const char *bytes, size_t n, char delimiter, const char *want)
{
    static const size_t chunks[] = { 1, 2, 3, 7, 100000 };

    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct arena *mem = arena_create(0);
        assert_str(read_all(mem, (struct str) { bytes, n }, chunks[i], delimiter), want);
        arena_destroy(mem);
    }
}
#define CHECK(lit, delimiter, want) check(lit, sizeof(lit) - 1, delimiter, want)

static void reads_quotes_and_all_line_ends(void **state)
{
    (void)state;
    CHECK("a,b\nc,d\n", ',', "a|b/c|d");
    CHECK("a,b\r\nc,d", ',', "a|b/c|d");
    CHECK("a,b\rc,d\r", ',', "a|b/c|d");
    CHECK("\"a,1\",\"b \"\"x\"\"\"\n", ',', "a,1|b \"x\"");
    CHECK("\"two\nlines\",x\n", ',', "two\nlines|x");
    CHECK("\"two\r\nlines\",x\r\n", ',', "two\nlines|x");
    CHECK("a,\n,b\n", ',', "a|/|b");
    CHECK("a\n\n\r\nb", ',', "a/b");
    CHECK("x,\"\"\n", ',', "x|");
    CHECK("5\" pipe,b\n", ',', "5\" pipe|b");
    CHECK("\"a\"b,c\n", ',', "ab|c");
    CHECK("", ',', "");
    CHECK("\n\n", ',', "");
}

static void finds_the_delimiter(void **state)
{
    (void)state;
    CHECK("name;note\nA;hello, world\nB;x\n", 0, "name|note/A|hello, world/B|x");
    CHECK("a\tb\nc\td\n", 0, "a|b/c|d");
    CHECK("a,b;c\nd,e;f\n", 0, "a|b;c/d|e;f");
    CHECK("\"x;y;z\",b\nc,d\n", 0, "x;y;z|b/c|d");
    CHECK("alone\nrow\n", 0, "alone/row");
}

static void reads_the_encodings_of_office_programs(void **state)
{
    (void)state;
    CHECK("\xef\xbb\xbfM\xc3\xbcller,x\n", ',', "M\xc3\xbcller|x");
    CHECK("M\xfcller,\x80 5\n", ',', "M\xc3\xbcller|\xe2\x82\xac 5");
    CHECK("\xff\xfe"
          "a\0;\0\xfc\0\n\0=\0\x3d\xd8\0\xde",
        ';', "a|\xc3\xbc/=\xf0\x9f\x98\x80");
    CHECK("\xfe\xff\0a\0,\0b\0\n", ',', "a|b");
    CHECK("nul\0byte\n", ',', "nul\xef\xbf\xbd"
                              "byte");
}

static void says_where_a_quote_stays_open(void **state)
{
    struct arena *mem = arena_create(0);
    struct memory m = { STR("a,b\nc,\"d\ne\n"), 0, 5 };
    struct csv_reader *r = csv_open(mem, give, &m, ',', 1000, 10);
    struct csv_row row;
    struct err e;

    (void)state;
    assert_ok(csv_next(r, &row, &e), e);
    assert_int_equal(row.line, 1);
    assert_int_equal(csv_next(r, &row, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "line 2"));
    assert_int_equal(csv_next(r, &row, &e), ERR_INVALID);
    arena_destroy(mem);
}

static void refuses_rows_past_the_limits(void **state)
{
    struct arena *mem = arena_create(0);
    struct memory m = { STR("abc,d\n"), 0, 5 }, n = { STR("a,b,c\n"), 0, 5 };
    struct csv_reader *r = csv_open(mem, give, &m, ',', 3, 10);
    struct csv_reader *q = csv_open(mem, give, &n, ',', 100, 2);
    struct csv_row row;
    struct err e;

    (void)state;
    assert_int_equal(csv_next(r, &row, &e), ERR_TOO_LARGE);
    assert_int_equal(csv_next(q, &row, &e), ERR_TOO_LARGE);
    arena_destroy(mem);
}

static void what_is_written_reads_back(void **state)
{
    static const char *const cells[] = { "plain", "a,b", "say \"hi\"", "two\nlines", " lead", "",
        "\"", "\"\"", "x\"", "trail " };
    size_t n = sizeof cells / sizeof *cells;
    struct arena *mem = arena_create(0);
    struct buf out;

    (void)state;
    buf_init(&out, mem, 10000);
    for (size_t i = 0; i < n; i++) {
        buf_lit(&out, i ? "," : "");
        csv_cell(&out, str_of(cells[i]), ',');
    }
    buf_lit(&out, "\r\n");
    struct memory m = { buf_str(&out), 0, 100 };
    struct csv_reader *r = csv_open(mem, give, &m, ',', 1000, 100);
    struct csv_row row;
    struct err e;
    assert_ok(csv_next(r, &row, &e), e);
    assert_int_equal(row.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_str(row.cells[i], cells[i]);
    }
    arena_destroy(mem);
}

static void reads_files_longer_than_a_chunk(void **state)
{
    struct arena *mem = arena_create(0);
    struct buf text;
    struct csv_row row;
    struct err e;
    size_t rows = 0;

    (void)state;
    buf_init(&text, mem, 10 << 20);
    for (int i = 0; i < 50000; i++) {
        buf_fmt(&text, "%d;\"M\xc3\xbcller %d\";x\r\n", i, i);
    }
    struct memory m = { buf_str(&text), 0, 60001 };
    struct csv_reader *r = csv_open(mem, give, &m, 0, 1000, 100);
    while (csv_next(r, &row, &e) == OK) {
        int64_t first;
        assert_int_equal(row.n, 3);
        assert_true(str_to_int(row.cells[0], &first) && first == (int64_t)rows);
        assert_str(row.cells[1], arena_fmt(mem, "M\xc3\xbcller %zu", rows).p);
        assert_int_equal(row.line, ++rows);
    }
    assert_int_equal(rows, 50000);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    arena_destroy(mem);
}

static void what_a_spreadsheet_would_run_is_tamed_and_comes_back(void **state)
{
    static const struct {
        const char *text, *tamed, *in_texts;
    } cells[] = {
        { "=1+1", "'=1+1", "=1+1" }, { "@sum", "'@sum", "@sum" }, { "+a", "'+a", "+a" }, { "\t=1", "'\t=1", "\t=1" },
        { "\r=1", "'\r=1", "\r=1" }, { "\uFF1D1", "'\uFF1D1", "\uFF1D1" }, { "\uFF201", "'\uFF201", "\uFF201" },
        { "-", "-", "-" }, { "-1.5", "-1.5", "-1.5" }, { "+49 30 1", "+49 30 1", "+49 30 1" }, { "a=b", "a=b", "a=b" },
        { "", "", "" }, { "'=1", "''=1", "''=1" }, { "''x", "'''x", "'''x" }, { "'tis", "'tis", "'tis" },
    };
    struct arena *mem = arena_create(0);

    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct str text = str_of(cells[i].text);
        assert_str(csv_tamed(mem, text, true), cells[i].tamed);
        assert_str(csv_tamed(mem, text, false), cells[i].in_texts);
        assert_str(csv_untamed(csv_tamed(mem, text, true)), cells[i].text);
        assert_str(csv_untamed(csv_tamed(mem, text, false)), cells[i].text);
    }
    arena_destroy(mem);
}

int test_csv(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_quotes_and_all_line_ends),
        cmocka_unit_test(finds_the_delimiter),
        cmocka_unit_test(reads_the_encodings_of_office_programs),
        cmocka_unit_test(says_where_a_quote_stays_open),
        cmocka_unit_test(refuses_rows_past_the_limits),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(what_a_spreadsheet_would_run_is_tamed_and_comes_back),
        cmocka_unit_test(reads_files_longer_than_a_chunk),
    };

    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
