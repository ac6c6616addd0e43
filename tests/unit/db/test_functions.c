/* test_functions.c - our SQL functions give on each database what base/calc.c gives. */

#include "store.h"

#include "base/calc.h"
#include "base/rand.h"
#include "base/time.h"

#include <inttypes.h>
#include <math.h>

#define FIXTURE(test) cmocka_unit_test_setup_teardown(test, store_open, store_close)

static const int64_t edges[] = { 0, 1, -1, 2, -2, 5, -5, 10, 15, -15, 99, 100, 12345, -12345,
    1000000007, INT64_C(999999999999), INT64_C(1000000000000000000), INT64_MAX / 2, INT64_MIN / 2,
    INT64_MAX - 1, INT64_MIN + 1, INT64_MAX, INT64_MIN };
enum { EDGES = sizeof edges / sizeof *edges, RANDOM = 1500 };

static int64_t any_int(struct rng *r)
{
    return (int64_t)(rng_next(r) >> rng_below(r, 64)) * (rng_below(r, 2) ? 1 : -1);
}

/* The row's column must be v, or absent when there is no result. */
static void same(struct stmt *st, int col, bool good, int64_t v, const char *what, int64_t a,
    int64_t b, int64_t p)
{
    if (stmt_is_null(st, col) == good || (good && stmt_int(st, col) != v)) {
        fail_msg("%s(%" PRId64 ", %" PRId64 ", %" PRId64 "): %s %" PRId64 ", want %s %" PRId64, what,
            a, b, p, stmt_is_null(st, col) ? "absent" : "is", stmt_int(st, col),
            good ? "is" : "absent", v);
    }
}

static void check_arithmetic(struct store *s, int64_t a, int64_t b, int64_t p)
{
    struct stmt *st;
    bool row, good;
    int64_t v = 0;

    assert_ok(conn_query(s->db,
                  SQL("SELECT kith_add($1, $2), kith_sub($1, $2), kith_mul($1, $2, $3),"
                      " kith_div($1, $2, $3)"),
                  VALS(V(a), V(b), V(p)), &st, &s->e),
        s->e);
    assert_ok(stmt_step(st, &row, &s->e), s->e);
    good = calc_add(a, b, &v);
    same(st, 0, good, v, "add", a, b, p);
    good = calc_sub(a, b, &v);
    same(st, 1, good, v, "sub", a, b, p);
    good = calc_mul(a, b, p, &v);
    same(st, 2, good, v, "mul", a, b, p);
    good = calc_div(a, b, p, &v);
    same(st, 3, good, v, "div", a, b, p);
    stmt_end(st);
}

static void arithmetic_agrees_with_memory(void **state)
{
    static const int64_t scales[] = { 0, 1, 2, 6, 18, 19, -1 };
    struct store *s = *state;
    struct rng r = { 1 };

    assert_ok(conn_begin(s->db, TX_READ, &s->e), s->e);
    for (size_t i = 0; i < EDGES; i++) {
        for (size_t j = 0; j < EDGES; j++) {
            for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
                check_arithmetic(s, edges[i], edges[j], scales[k]);
            }
        }
    }
    for (int i = 0; i < RANDOM; i++) {
        check_arithmetic(s, any_int(&r), any_int(&r), (int64_t)rng_below(&r, 19));
    }
    assert_ok(conn_commit(s->db, &s->e), s->e);
}

static void check_days(struct store *s, int64_t day, int64_t months)
{
    static bool (*const parts[])(int64_t, int64_t *) = { calc_year, calc_month, calc_day,
        calc_weekday };
    struct stmt *st;
    bool row, good;
    int64_t v = 0;

    assert_ok(conn_query(s->db,
                  SQL("SELECT kith_month_add($1, $2), kith_year($1), kith_month($1), kith_day($1),"
                      " kith_weekday($1)"),
                  VALS(V(day), V(months)), &st, &s->e),
        s->e);
    assert_ok(stmt_step(st, &row, &s->e), s->e);
    good = calc_month_add(day, months, &v);
    same(st, 0, good, v, "month_add", day, months, 0);
    for (int i = 0; i < 4; i++) {
        good = parts[i](day, &v);
        same(st, i + 1, good, v, "part", day, i, 0);
    }
    stmt_end(st);
}

static void the_calendar_agrees_with_memory(void **state)
{
    static const int64_t days[] = { DATE_FIRST - 1, DATE_FIRST, DATE_LAST, DATE_LAST + 1, 0, -1,
        INT64_MIN, INT64_MAX, 19782, -141428 };
    static const int64_t months[] = { 0, 1, -1, 12, -119988, 119988, 119989, INT64_MAX, INT64_MIN };
    struct store *s = *state;
    struct rng r = { 2 };

    assert_ok(conn_begin(s->db, TX_READ, &s->e), s->e);
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        for (size_t j = 0; j < sizeof months / sizeof *months; j++) {
            check_days(s, days[i], months[j]);
        }
    }
    for (int i = 0; i < RANDOM; i++) {
        check_days(s, DATE_FIRST + (int64_t)rng_below(&r, DATE_LAST - DATE_FIRST + 1),
            (int64_t)rng_below(&r, 4000) - 2000);
    }
    assert_ok(conn_commit(s->db, &s->e), s->e);
}

static void check_distance(struct store *s, const double *at)
{
    struct stmt *st;
    double want = 0;
    bool row;

    assert_ok(conn_query(s->db, SQL("SELECT kith_distance($1, $2, $3, $4)"),
                  VALS(V(at[0]), V(at[1]), V(at[2]), V(at[3])), &st, &s->e),
        s->e);
    assert_ok(stmt_step(st, &row, &s->e), s->e);
    bool good = calc_distance(at[0], at[1], at[2], at[3], &want);
    assert_int_equal(stmt_is_null(st, 0), !good);
    if (good && stmt_real(st, 0) != want) {
        fail_msg("(%.17g %.17g) (%.17g %.17g): %.17g, want %.17g", at[0], at[1], at[2], at[3],
            stmt_real(st, 0), want);
    }
    stmt_end(st);
}

static void distances_agree_to_the_last_bit(void **state)
{
    static const double odd[][4] = { { 0, 0, 0, 180 }, { 90, 0, -90, 0 }, { 1, 1, 1, 1 },
        { 90.1, 0, 0, 0 }, { 0, -180.5, 0, 0 }, { 0, HUGE_VAL, 0, 0 }, { 45, 179.9, 45, -179.9 } };
    struct store *s = *state;
    struct rng r = { 3 };

    assert_ok(conn_begin(s->db, TX_READ, &s->e), s->e);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        check_distance(s, odd[i]);
    }
    for (int i = 0; i < RANDOM; i++) {
        double at[4] = { rng_real(&r) * 180 - 90, rng_real(&r) * 360 - 180,
            rng_real(&r) * 180 - 90, rng_real(&r) * 360 - 180 };
        check_distance(s, at);
    }
    assert_ok(conn_commit(s->db, &s->e), s->e);
}

static void absent_in_absent_out(void **state)
{
    struct store *s = *state;

    assert_int_equal(
        store_int(s, s->db,
            "SELECT CASE WHEN kith_add(NULL, 1) IS NULL AND kith_mul(1, NULL, 2) IS NULL"
            " AND kith_div(1, 2, NULL) IS NULL AND kith_month_add(NULL, 1) IS NULL"
            " AND kith_month_add(1, NULL) IS NULL AND kith_year(NULL) IS NULL"
            " AND kith_distance(NULL, 1, 1, 1) IS NULL THEN 1 ELSE 0 END"),
        1);
    /* constants are folded when the statement is planned: the guards must hold there too */
    assert_int_equal(store_int(s, s->db,
                         "SELECT CASE WHEN kith_div(5, 0, 2) IS NULL AND kith_mul(1, 1, 99) IS NULL"
                         " AND kith_year(99999999999) IS NULL THEN 1 ELSE 0 END"),
        1);
}

int test_functions(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE(arithmetic_agrees_with_memory),
        FIXTURE(the_calendar_agrees_with_memory),
        FIXTURE(distances_agree_to_the_last_bit),
        FIXTURE(absent_in_absent_out),
    };

    return cmocka_run_group_tests_name(
        store_backend == DB_SQLITE ? "functions on SQLite" : "functions on PostgreSQL", tests, NULL,
        NULL);
}
