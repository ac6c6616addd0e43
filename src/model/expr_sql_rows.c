/* expr_sql_rows.c - count, any, sum and the like over rows of other entities, as subqueries. */

#include "model/expr_tree.h"

/* The id of the parent record; behind references, NULL when one of them is gone or in the bin. */
static void write_parent(struct expr_writer *w, const struct expr *x, size_t step)
{
    if (step == x->npath) {
        sql_column(w->out, w->alias, "id");
        return;
    }
    const struct live_field *f = x->path[step];
    struct expr_writer inner = *w;
    inner.alias = sql_new_alias(w->out);
    inner.side = step + 1 < x->npath ? expr_sides(x, step + 1) : 0;
    sql_lit(w->out, "(SELECT ");
    write_parent(&inner, x, step + 1);
    sql_lit(w->out, " FROM ");
    expr_write_from(w, f->target, inner.alias, inner.side);
    sql_lit(w->out, " WHERE ");
    sql_column(w->out, inner.alias, "id");
    sql_lit(w->out, " = ");
    sql_alias(w->out, w->alias);
    if (f->table > 0) {
        sql_lit(w->out, "_x");
        sql_int(w->out, f->table);
        w->side |= 1u << f->table;
    }
    sql_lit(w->out, ".");
    sql_ident(w->out, f->columns[0].name);
    expr_write_live(w, f->target, inner.alias);
    sql_lit(w->out, ")");
}

static void child_column(struct expr_writer *rows, const struct live_field *by, int i)
{
    sql_alias(rows->out, rows->alias);
    if (by->table > 0) {
        sql_lit(rows->out, "_x");
        sql_int(rows->out, by->table);
    }
    sql_lit(rows->out, ".");
    sql_ident(rows->out, by->columns[i].name);
    sql_lit(rows->out, " = ");
}

/* FROM ... WHERE ...; filter yes: rows that meet it, no: rows that do not. */
static void write_rows_from(
    struct expr_writer *w, struct expr_writer *rows, const struct expr *x, bool yes)
{
    const struct live_entity *e = x->child->entity;
    const struct live_field *by = x->child->by;
    bool any = by->def.kind == KIND_ANYREF;
    unsigned side = by->table > 0 ? 1u << by->table : 0;

    side |= x->n ? expr_sides(x->args[0], 0) : 0;
    side |= x->where ? expr_sides(x->where, 0) : 0;
    sql_lit(w->out, " FROM ");
    expr_write_from(w, e, rows->alias, side);
    sql_lit(w->out, " WHERE ");
    if (any) {
        child_column(rows, by, 0);
        sql_int(w->out, x->parent->number);
        sql_lit(w->out, " AND ");
    }
    child_column(rows, by, any);
    write_parent(w, x, w->level);
    expr_write_live(w, e, rows->alias);
    if (x->where) {
        sql_lit(w->out, " AND ");
        expr_write_if(rows, x->where, yes);
    }
}

static struct expr_writer rows_of(struct expr_writer *w)
{
    struct expr_writer rows = *w;

    rows.alias = sql_new_alias(w->out);
    rows.level = 0;
    rows.side = 0;
    rows.key = false;
    return rows;
}

/* SQLite's SUM raises on overflow and PostgreSQL's grows into a numeric. */
static void write_sum(struct expr_writer *w, int alias)
{
    if (w->out->backend == DB_POSTGRES) {
        sql_lit(w->out, "CAST(CASE WHEN SUM(");
        sql_column(w->out, alias, "v");
        sql_lit(w->out, ") BETWEEN -9223372036854775808 AND 9223372036854775807 THEN SUM(");
        sql_column(w->out, alias, "v");
        sql_lit(w->out, ") END AS BIGINT)");
        return;
    }
    /* summed in two halves, which cannot overflow, and put together with the carry */
    sql_lit(w->out, "kith_add(kith_mul(SUM(");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " >> 32) + (SUM(");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " & 4294967295) >> 32), 4294967296, 0), SUM(");
    sql_column(w->out, alias, "v");
    sql_lit(w->out, " & 4294967295) & 4294967295)");
}

static void write_total(struct expr_writer *w, const struct expr *x, int alias)
{
    if (x->rows == ROWS_MIN || x->rows == ROWS_MAX) {
        sql_add_literal(w->out, x->rows == ROWS_MIN ? "MIN(" : "MAX(");
        sql_column(w->out, alias, "v");
        sql_lit(w->out, ")");
    } else if (x->rows == ROWS_SUM) {
        write_sum(w, alias);
    } else {
        sql_lit(w->out, "kith_div(");
        write_sum(w, alias);
        sql_lit(w->out, ", COUNT(");
        sql_column(w->out, alias, "v");
        sql_lit(w->out, "), ");
        sql_int(w->out, x->scale - x->args[0]->scale);
        sql_lit(w->out, ")");
    }
}

void expr_write_rows(struct expr_writer *w, const struct expr *x)
{
    struct expr_writer rows = rows_of(w);

    if (x->rows == ROWS_COUNT) {
        sql_lit(w->out, "(SELECT COUNT(*)");
        write_rows_from(w, &rows, x, true);
        sql_lit(w->out, ")");
        return;
    }
    int alias = sql_new_alias(w->out);
    sql_lit(w->out, "(SELECT ");
    write_total(w, x, alias);
    sql_lit(w->out, " FROM (SELECT ");
    expr_write(&rows, x->args[0]);
    sql_lit(w->out, " AS \"v\"");
    write_rows_from(w, &rows, x, true);
    sql_lit(w->out, ") ");
    sql_alias(w->out, alias);
    sql_lit(w->out, ")");
}

void expr_write_rows_if(struct expr_writer *w, const struct expr *x, bool yes)
{
    struct expr_writer rows = rows_of(w);
    bool exists = (x->rows == ROWS_ANY || x->rows == ROWS_COUNT) == yes;

    sql_add_literal(w->out, exists ? "EXISTS (SELECT 1" : "NOT EXISTS (SELECT 1");
    write_rows_from(w, &rows, x, x->rows != ROWS_ALL);
    sql_lit(w->out, ")");
}
