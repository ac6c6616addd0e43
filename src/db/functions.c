/* functions.c - SQL functions of ours, the same on both databases.
 *
 * On SQLite they call base/calc.c. On PostgreSQL they are SQL over numeric, which is exact, with a
 * check of the range at the end. CASE keeps the guarded branch unevaluated. */

#include "base/calc.h"
#include "db/backend.h"

#include <sqlite3.h>

static bool any_null(int n, sqlite3_value **v)
{
    for (int i = 0; i < n; i++) {
        if (sqlite3_value_type(v[i]) == SQLITE_NULL) {
            return true;
        }
    }
    return false;
}

/* The bare function of calc.c is the user data, as one of these. */
typedef bool fn1(int64_t a, int64_t *out);
typedef bool fn2(int64_t a, int64_t b, int64_t *out);
typedef bool fn3(int64_t a, int64_t b, int64_t c, int64_t *out);

struct function {
    const char *name;
    int n;
    fn1 *one;
    fn2 *two;
    fn3 *three;
};

static const struct function functions[] = {
    { "kith_add", 2, .two = calc_add },
    { "kith_sub", 2, .two = calc_sub },
    { "kith_mul", 3, .three = calc_mul },
    { "kith_div", 3, .three = calc_div },
    { "kith_month_add", 2, .two = calc_month_add },
    { "kith_year", 1, .one = calc_year },
    { "kith_month", 1, .one = calc_month },
    { "kith_day", 1, .one = calc_day },
    { "kith_weekday", 1, .one = calc_weekday },
};

static void call_int(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const struct function *f = sqlite3_user_data(ctx);
    int64_t a[3] = { 0 }, out;
    bool good;

    if (any_null(n, v)) {
        return; /* NULL is the result when none is set */
    }
    for (int i = 0; i < n; i++) {
        a[i] = sqlite3_value_int64(v[i]);
    }
    if (n == 1) {
        good = f->one(a[0], &out);
    } else if (n == 2) {
        good = f->two(a[0], a[1], &out);
    } else {
        good = f->three(a[0], a[1], a[2], &out);
    }
    if (good) {
        sqlite3_result_int64(ctx, out);
    }
}

static void call_distance(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    double out;

    if (!any_null(n, v) &&
        calc_distance(sqlite3_value_double(v[0]), sqlite3_value_double(v[1]),
            sqlite3_value_double(v[2]), sqlite3_value_double(v[3]), &out)) {
        sqlite3_result_double(ctx, out);
    }
}

int functions_register(void *db)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int rc = sqlite3_create_function_v2(
        db, "kith_distance", 4, flags, NULL, call_distance, NULL, NULL, NULL);

    for (size_t i = 0; i < sizeof functions / sizeof *functions && rc == SQLITE_OK; i++) {
        const struct function *f = &functions[i];
        rc = sqlite3_create_function_v2(db, f->name, f->n, flags, (void *)(uintptr_t)f, call_int,
            NULL, NULL, NULL);
    }
    return rc;
}

#define FUNCTION(signature, result, body)                                                          \
    "CREATE OR REPLACE FUNCTION " signature " RETURNS " result                                     \
    " LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT " body " $$;\n"
#define IN_RANGE(day) day " BETWEEN -719162 AND 2932896"
#define DATE_PART(name, part)                                                                      \
    FUNCTION(name "(d bigint)", "bigint",                                                          \
        "CASE WHEN " IN_RANGE("d") " THEN extract(" part                                           \
        " FROM date '1970-01-01' + d::integer)::bigint END")

/* A rounded quotient from whole numbers: numeric's own division is not exact. */
#define ROUNDED(top, bottom)                                                                       \
    "kith_fit(sign(" top ") * sign(" bottom ") * div(2 * abs(" top ") + abs(" bottom               \
    "), 2 * abs(nullif(" bottom ", 0))))"

const char *db_functions_script(void)
{
    return FUNCTION("kith_fit(n numeric)", "bigint",
               "CASE WHEN n BETWEEN -9223372036854775808 AND 9223372036854775807"
               " THEN n::bigint END")
        FUNCTION("kith_add(a bigint, b bigint)", "bigint", "kith_fit(a::numeric + b)")
        FUNCTION("kith_sub(a bigint, b bigint)", "bigint", "kith_fit(a::numeric - b)")
        FUNCTION("kith_mul(a bigint, b bigint, p bigint)", "bigint",
            "CASE WHEN p BETWEEN 0 AND 18 THEN " ROUNDED(
                "(a::numeric * b)", "('1e' || p)::numeric") " END")
        FUNCTION("kith_div(a bigint, b bigint, p bigint)", "bigint",
            "CASE WHEN p BETWEEN 0 AND 18 AND b <> 0 THEN " ROUNDED(
                "(a::numeric * ('1e' || p)::numeric)", "b::numeric") " END")
        FUNCTION("kith_distance(a1 float8, o1 float8, a2 float8, o2 float8)", "float8",
            "CASE WHEN abs(a1) <= 90 AND abs(a2) <= 90 AND abs(o1) <= 180 AND abs(o2) <= 180 THEN"
            " 2 * 6371.0088::float8 * asin(sqrt(least(1::float8,"
            " sin((a2 - a1) * 0.0174532925199432957692::float8 / 2)"
            " * sin((a2 - a1) * 0.0174532925199432957692::float8 / 2)"
            " + cos(a1 * 0.0174532925199432957692::float8)"
            " * cos(a2 * 0.0174532925199432957692::float8)"
            " * (sin((o2 - o1) * 0.0174532925199432957692::float8 / 2)"
            " * sin((o2 - o1) * 0.0174532925199432957692::float8 / 2))))) END")
        DATE_PART("kith_year", "year")
        DATE_PART("kith_month", "month")
        DATE_PART("kith_day", "day")
        DATE_PART("kith_weekday", "isodow")
        /* looks at the month that it would reach first: past the calendar PostgreSQL raises */
        FUNCTION("kith_month_add(d bigint, m bigint)", "bigint",
            "CASE WHEN " IN_RANGE("d") " AND m BETWEEN -119988 AND 119988 THEN"
            " CASE WHEN kith_year(d) * 12 + kith_month(d) - 1 + m BETWEEN 12 AND 119999 THEN"
            " ((date '1970-01-01' + d::integer + make_interval(months => m::integer))::date"
            " - date '1970-01-01')::bigint END END");
}
