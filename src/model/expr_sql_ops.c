/* expr_sql_ops.c - operators and functions that give values, as SQL: NULL where absent. */

#include "model/expr_tree.h"

#include "base/calc.h"

static void call2(struct expr_writer *w, const char *name, const struct expr *x)
{
    sql_add_literal(w->out, name);
    expr_write(w, x->args[0]);
    sql_lit(w->out, ", ");
    expr_write(w, x->args[1]);
}

SQL_VALUE(expr_sql_add)
{
    enum value_type left = x->args[0]->type, right = x->args[1]->type;
    bool minus = x->op->name[0] == '-';

    if (right == VALUE_CALENDAR || (left == VALUE_DATE && right == VALUE_DURATION)) {
        struct value v = expr_constant(x->args[1], w->out->text.mem, w->now, w->me);
        v.i = right == VALUE_CALENDAR ? v.i : v.i / DAYS(1);
        bool months = right == VALUE_CALENDAR;
        sql_add_literal(w->out, months ? "kith_month_add(" : minus ? "kith_sub(" : "kith_add(");
        expr_write(w, x->args[0]);
        sql_lit(w->out, ", ");
        sql_int(w->out, months && minus ? -v.i : v.i);
        sql_lit(w->out, ")");
        return;
    }
    bool days = left == VALUE_DATE && right == VALUE_DATE;
    if (days) {
        sql_lit(w->out, "kith_mul(");
    }
    call2(w, minus ? "kith_sub(" : "kith_add(", x);
    sql_lit(w->out, ")");
    if (days) {
        sql_lit(w->out, ", 86400000000, 0)");
    }
}

SQL_VALUE(expr_sql_mul)
{
    call2(w, "kith_mul(", x);
    sql_lit(w->out, ", ");
    sql_int(w->out, x->args[0]->scale + x->args[1]->scale - x->scale);
    sql_lit(w->out, ")");
}

SQL_VALUE(expr_sql_div)
{
    call2(w, "kith_div(", x);
    sql_lit(w->out, ", ");
    sql_int(w->out, x->scale - x->args[0]->scale + x->args[1]->scale);
    sql_lit(w->out, ")");
}

SQL_VALUE(expr_sql_neg)
{
    sql_lit(w->out, "kith_sub(0, ");
    expr_write(w, x->args[0]);
    sql_lit(w->out, ")");
}

SQL_VALUE(expr_sql_case)
{
    sql_add_literal(w->out, x->op->name[0] == 'u' ? "UPPER(" : "LOWER(");
    expr_write(w, x->args[0]);
    if (w->out->backend == DB_POSTGRES) {
        sql_lit(w->out, " COLLATE \"C\"");
    }
    sql_lit(w->out, ")");
}

SQL_VALUE(expr_sql_length)
{
    sql_lit(w->out, "LENGTH(");
    expr_write(w, x->args[0]);
    sql_lit(w->out, ")");
}

SQL_VALUE(expr_sql_concat)
{
    sql_lit(w->out, "NULLIF(");
    for (size_t i = 0; i < x->n; i++) {
        sql_add_literal(w->out, i ? " || COALESCE(" : "COALESCE(");
        expr_write(w, x->args[i]);
        sql_lit(w->out, ", '')");
    }
    sql_lit(w->out, ", '')");
}

SQL_VALUE(expr_sql_coalesce)
{
    if (x->n == 1) {
        expr_write(w, x->args[0]); /* SQLite wants two */
        return;
    }
    sql_lit(w->out, "COALESCE(");
    for (size_t i = 0; i < x->n; i++) {
        sql_add_literal(w->out, i ? ", " : "");
        expr_write(w, x->args[i]);
    }
    sql_lit(w->out, ")");
}

SQL_VALUE(expr_sql_choose)
{
    sql_lit(w->out, "CASE WHEN ");
    expr_write_if(w, x->args[0], true);
    sql_lit(w->out, " THEN ");
    expr_write(w, x->args[1]);
    sql_lit(w->out, " ELSE ");
    expr_write(w, x->args[2]);
    sql_lit(w->out, " END");
}

/* PostgreSQL's LEAST leaves absent values out; of SQLite's min() only the aggregate does. */
SQL_VALUE(expr_sql_least)
{
    bool least = x->op->name[1] == 'i', pg = w->out->backend == DB_POSTGRES;
    int alias = pg ? 0 : sql_new_alias(w->out);

    if (pg) {
        sql_add_literal(w->out, least ? "LEAST(" : "GREATEST(");
    } else {
        sql_add_literal(w->out, least ? "(SELECT MIN(" : "(SELECT MAX(");
        sql_column(w->out, alias, "v");
        sql_lit(w->out, ") FROM (SELECT ");
    }
    for (size_t i = 0; i < x->n; i++) {
        sql_add_literal(w->out, !i ? "" : pg ? ", " : " UNION ALL SELECT ");
        expr_write(w, x->args[i]);
        sql_add_literal(w->out, pg || i ? "" : " AS \"v\"");
    }
    sql_lit(w->out, ")");
    if (!pg) {
        sql_lit(w->out, " ");
        sql_alias(w->out, alias);
        sql_lit(w->out, ")");
    }
}

/* (SELECT body of "v" FROM (SELECT x AS "v") t): what is needed twice is written once. */
static void end_of_once(struct expr_writer *w, const struct expr *x, int alias, bool day)
{
    sql_lit(w->out, " FROM (SELECT ");
    if (day) {
        expr_write_day(w, x);
    } else {
        expr_write(w, x);
    }
    sql_lit(w->out, " AS \"v\") ");
    sql_alias(w->out, alias);
    sql_lit(w->out, ")");
}

SQL_VALUE(expr_sql_round)
{
    int64_t p = expr_pow10(x->args[0]->scale - x->scale);

    if (p == 1) {
        expr_write(w, x->args[0]);
        return;
    }
    if (x->op->name[0] == 'r') {
        sql_lit(w->out, "kith_div(");
        expr_write(w, x->args[0]);
        sql_lit(w->out, ", ");
        sql_int(w->out, p);
        sql_lit(w->out, ", 0)");
        return;
    }
    bool floor = x->op->name[0] == 'f';
    int alias = sql_new_alias(w->out);
    sql_lit(w->out, "(SELECT ");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " / ");
    sql_int(w->out, p);
    sql_add_literal(w->out, floor ? " - CASE WHEN " : " + CASE WHEN ");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " % ");
    sql_int(w->out, p);
    sql_add_literal(w->out, floor ? " < 0 THEN 1 ELSE 0 END" : " > 0 THEN 1 ELSE 0 END");
    end_of_once(w, x->args[0], alias, false);
}

SQL_VALUE(expr_sql_abs)
{
    int alias = sql_new_alias(w->out);

    sql_lit(w->out, "(SELECT CASE WHEN ");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " < 0 THEN kith_sub(0, ");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, ") ELSE ");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " END");
    end_of_once(w, x->args[0], alias, false);
}

SQL_VALUE(expr_sql_age)
{
    int64_t today = zone_date(x->env->zone, w->now), year = 0;
    int alias = sql_new_alias(w->out);

    (void)calc_year(today, &year);
    sql_lit(w->out, "(SELECT ");
    sql_int(w->out, year);
    sql_lit(w->out, " - kith_year(");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, ") - CASE WHEN kith_month(");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, ") * 100 + kith_day(");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, ") > ");
    sql_int(w->out, expr_month_day(today));
    sql_lit(w->out, " THEN 1 ELSE 0 END");
    end_of_once(w, x->args[0], alias, true);
}

SQL_VALUE(expr_sql_date_part)
{
    sql_lit(w->out, "kith_");
    sql_add_literal(w->out, x->op->name);
    sql_lit(w->out, "(");
    expr_write_day(w, x->args[0]);
    sql_lit(w->out, ")");
}

/* ---- days of a zone ---- */

struct offset_step {
    int64_t from; /* instant at which this offset begins */
    int32_t seconds;
};

/* The zone's changes of offset within the years that date() knows. Looked for every four days:
 * no zone ever changed back sooner. */
static size_t offset_steps(struct arena *mem, const struct zone *z, struct offset_step **out)
{
    size_t n = 1, room = 1024;
    struct offset_step *steps = ARENA_ARRAY(mem, struct offset_step, room);

    steps[0] = (struct offset_step) { expr_first_instant(), zone_offset(z, expr_first_instant()) };
    for (int64_t t = expr_first_instant(); t < expr_end_instant() && n < room; t += DAYS(4)) {
        int64_t low = t, high = t + DAYS(4);
        int32_t before = steps[n - 1].seconds;
        if (zone_offset(z, high) == before) {
            continue;
        }
        while (high - low > 1) {
            int64_t middle = low + (high - low) / 2;
            *(zone_offset(z, middle) == before ? &low : &high) = middle;
        }
        steps[n++] = (struct offset_step) { high, zone_offset(z, high) };
        t = high - DAYS(4); /* another change may follow within the four days */
    }
    *out = steps;
    return n;
}

/* The offset in microseconds: a CASE of CASEs over "v"; two levels, for SQLite's parser. */
static void put_offset(struct expr_writer *w, int alias, const struct offset_step *steps, size_t n,
    size_t chunk)
{
    if (n == 1) {
        sql_int(w->out, SECONDS(steps[0].seconds));
        return;
    }
    sql_lit(w->out, "CASE ");
    for (size_t i = 0; i < n; i += chunk) {
        size_t size = n - i < chunk ? n - i : chunk;
        bool last = i + size == n;
        if (!last) {
            sql_lit(w->out, "WHEN ");
            sql_column(w->out, alias, "v");
            sql_lit(w->out, " < ");
            sql_int(w->out, steps[i + size].from);
        }
        sql_add_literal(w->out, last ? "ELSE " : " THEN ");
        put_offset(w, alias, steps + i, size, 1);
        sql_add_literal(w->out, last ? " END" : " ");
    }
}

SQL_VALUE(expr_sql_date)
{
    struct offset_step *steps;
    size_t n = offset_steps(w->out->text.mem, x->env->zone, &steps);
    int64_t shift = 1 - expr_first_instant() / DAYS(1); /* keeps the dividend above zero */
    int alias = sql_new_alias(w->out);

    sql_lit(w->out, "(SELECT CASE WHEN ");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " < ");
    sql_int(w->out, expr_first_instant());
    sql_lit(w->out, " OR ");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " >= ");
    sql_int(w->out, expr_end_instant());
    sql_lit(w->out, " THEN NULL ELSE (");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " + ");
    sql_int(w->out, shift * DAYS(1));
    sql_lit(w->out, " + ");
    put_offset(w, alias, steps, n, n > 24 ? 24 : 1);
    sql_lit(w->out, ") / 86400000000 - ");
    sql_int(w->out, shift);
    sql_lit(w->out, " END");
    end_of_once(w, x->args[0], alias, false);
}

void expr_write_day(struct expr_writer *w, const struct expr *x)
{
    struct expr of = { .node = NODE_OP, .args = (struct expr *[]) { (struct expr *)x }, .n = 1,
        .env = x->env };

    if (x->type != VALUE_INSTANT) {
        expr_write(w, x);
    } else if (x->constant) {
        struct value v = expr_constant(x, w->out->text.mem, w->now, w->me);
        int64_t day;
        v.absent |= !expr_instant_day(x->env->zone, v.i, &day);
        v.i = v.absent ? 0 : day;
        expr_bind(w, &v, true);
    } else {
        expr_sql_date(w, &of);
    }
}

SQL_VALUE(expr_sql_days_between)
{
    sql_lit(w->out, "kith_sub(");
    expr_write(w, x->args[1]);
    sql_lit(w->out, ", ");
    expr_write(w, x->args[0]);
    sql_lit(w->out, ")");
}

static void put_degrees(struct expr_writer *w, const struct expr *x)
{
    struct value v = expr_constant(x, w->out->text.mem, w->now, w->me);

    sql_lit(w->out, "CAST(");
    if (v.absent) {
        sql_lit(w->out, "NULL");
    } else {
        sql_bind(w->out, db_real_val((double)v.i / (double)expr_pow10(x->scale + x->up)));
    }
    sql_lit(w->out, " AS DOUBLE PRECISION)");
}

SQL_VALUE(expr_sql_distance)
{
    bool pg = w->out->backend == DB_POSTGRES;

    sql_add_literal(w->out, pg ? "CAST(floor(kith_distance(" : "CAST(kith_distance(");
    expr_write_part(w, x->args[0], PART_OWN);
    sql_lit(w->out, ", ");
    expr_write_part(w, x->args[0], PART_LNG);
    sql_lit(w->out, ", ");
    if (x->n == 3) {
        put_degrees(w, x->args[1]);
        sql_lit(w->out, ", ");
        put_degrees(w, x->args[2]);
    } else {
        expr_write_part(w, x->args[1], PART_OWN);
        sql_lit(w->out, ", ");
        expr_write_part(w, x->args[1], PART_LNG);
    }
    sql_add_literal(w->out, pg ? ") * 1000.0 + 0.5) AS BIGINT)" : ") * 1000.0 + 0.5 AS BIGINT)");
}

/* Six digits are a tenth of a metre. */
SQL_VALUE(expr_sql_degrees)
{
    bool lng = x->op->name[1] == 'o';

    sql_lit(w->out, "CAST(floor(");
    expr_write_part(w, x->args[0], lng ? PART_LNG : PART_OWN);
    sql_lit(w->out, " * 1000000.0 + 0.5) AS BIGINT)");
}
