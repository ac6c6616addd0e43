/* expr_sql.c - trees as SQL for both databases.
 *
 * A condition is written for one of two answers: yes, or its exact complement. `not` is thus pushed
 * to the leaves, where a positive leaf is the bare comparison and the complement of a column's is
 * `(c op' v OR c IS NULL)`: indexes serve both. What looks at no record is worked out here, in C,
 * so that time-zone terms reach SQL as plain instants. A value is NULL where it is absent. */

#include "model/expr_tree.h"

#include "base/utf8.h"

bool expr_sql_full(const struct expr_writer *w)
{
    return w->out->text.failed || w->out->too_many;
}

void expr_write_truth(struct expr_writer *w, bool yes)
{
    sql_add_literal(w->out, yes ? "(1 = 1)" : "(1 = 0)");
}

static const char *sql_type(enum value_type t)
{
    return t == VALUE_TEXT || t == VALUE_LIST ? "TEXT" : "BIGINT";
}

void expr_bind(struct expr_writer *w, const struct value *v, bool cast)
{
    struct dbval b = V_NULL;

    if (!v->absent && v->type == VALUE_TEXT) {
        b = db_text_val(w->key ? utf8_fold(w->out->text.mem, v->s) : v->s);
    } else if (!v->absent) {
        b = db_int_val(v->i);
    }
    if (cast) {
        sql_lit(w->out, "CAST(");
    }
    if (v->absent) {
        sql_lit(w->out, "NULL");
    } else {
        sql_bind(w->out, b);
    }
    if (cast) {
        sql_lit(w->out, " AS ");
        sql_add_literal(w->out, sql_type(v->type));
        sql_lit(w->out, ")");
    }
}

/* ---- tables ---- */

static void column(struct expr_writer *w, const struct live_field *f, const char *name)
{
    sql_alias(w->out, w->alias);
    if (f->table > 0) {
        sql_lit(w->out, "_x");
        sql_int(w->out, f->table);
        w->side |= 1u << f->table;
    }
    sql_lit(w->out, ".");
    sql_ident(w->out, name);
}

void expr_write_from(struct expr_writer *w, const struct live_entity *e, int alias, unsigned side)
{
    sql_ident(w->out, e->tables[0]);
    sql_lit(w->out, " ");
    sql_alias(w->out, alias);
    for (int k = 1; k <= e->nside; k++) {
        if (!(side & 1u << k)) {
            continue;
        }
        sql_lit(w->out, " JOIN ");
        sql_ident(w->out, e->tables[k]);
        sql_lit(w->out, " ");
        sql_alias(w->out, alias);
        sql_lit(w->out, "_x");
        sql_int(w->out, k);
        sql_lit(w->out, " ON ");
        sql_alias(w->out, alias);
        sql_lit(w->out, "_x");
        sql_int(w->out, k);
        sql_lit(w->out, ".\"id\" = ");
        sql_column(w->out, alias, "id");
    }
}

void expr_write_live(struct expr_writer *w, const struct live_entity *e, int alias)
{
    if (e->deleted_at) {
        sql_lit(w->out, " AND ");
        sql_column(w->out, alias, "deleted_at");
        sql_lit(w->out, " IS NULL");
    }
    if (w->rights) {
        w->rights(w->rights_arg, e, alias, w->out);
    }
}

unsigned expr_sides(const struct expr *x, size_t level)
{
    unsigned side = 0;

    if (x->npath > level) {
        const struct live_field *f = x->path[level];
        bool last = x->node == NODE_FIELD && level + 1 == x->npath;
        if (last && !f->stored && f->expr) {
            return expr_sides(f->expr, 0);
        }
        side |= f->table > 0 ? 1u << f->table : 0;
    }
    if (x->node == NODE_ROWS) {
        return side; /* its filter and value belong to the rows */
    }
    for (size_t i = 0; i < x->n; i++) {
        side |= expr_sides(x->args[i], level);
    }
    return side;
}

/* ---- fields ---- */

static void own_part(struct expr_writer *w, const struct live_field *f, enum expr_part part)
{
    if (!f->stored && f->expr) {
        struct expr_writer inner = *w;
        inner.level = 0;
        if (++inner.depth > EXPR_DEPTH_MAX) {
            w->out->text.failed = true;
            return;
        }
        expr_write(&inner, f->expr);
        w->side |= inner.side;
        return;
    }
    bool by_key = part == PART_KEY || part == PART_MONTH_DAY ||
                  (part == PART_VALUE && f->value == KIND_MONEY);
    if (by_key && f->key_column) {
        column(w, f, f->key_column);
        return;
    }
    if (NEVER(f->ncolumns == 0)) {
        sql_lit(w->out, "NULL");
        return;
    }
    bool second = part == PART_CURRENCY || part == PART_LNG ||
                  (part == PART_VALUE && f->value == KIND_ANYREF);
    bool seconds = part == PART_VALUE && f->value == KIND_DURATION;
    bool partial = part == PART_VALUE && expr_is_partial(f);
    if (partial) {
        sql_lit(w->out, "CASE WHEN ");
        column(w, f, f->columns[1].name);
        sql_lit(w->out, " = 2 THEN NULL ELSE ");
    }
    sql_add_literal(w->out, seconds ? "kith_mul(" : "");
    column(w, f, f->columns[second].name);
    sql_add_literal(w->out, seconds ? ", 1000000, 0)" : partial ? " END" : "");
}

/* Behind a reference: a scalar subquery, NULL when the record is gone or in the bin. */
void expr_write_part(struct expr_writer *w, const struct expr *x, enum expr_part part)
{
    const struct live_field *f = x->path[w->level];
    struct expr_writer inner = *w;

    if (w->level + 1 == x->npath) {
        own_part(w, f, part);
        return;
    }
    inner.alias = sql_new_alias(w->out);
    inner.level++;
    inner.side = 0;
    sql_lit(w->out, "(SELECT ");
    expr_write_part(&inner, x, part);
    sql_lit(w->out, " FROM ");
    expr_write_from(w, f->target, inner.alias, inner.side);
    sql_lit(w->out, " WHERE ");
    sql_column(w->out, inner.alias, "id");
    sql_lit(w->out, " = ");
    column(w, f, f->columns[0].name);
    expr_write_live(w, f->target, inner.alias);
    sql_lit(w->out, ")");
}

bool expr_is_column(const struct expr_writer *w, const struct expr *x)
{
    return x->node == NODE_FIELD && w->level + 1 == x->npath && x->path[w->level]->stored;
}

/* ---- values ---- */

static void write_extension(struct expr_writer *w, const struct expr *x)
{
    const struct expr_extension *e = x->extension;
    struct expr_call call = expr_call_of(x);
    struct expr_sql s = { .out = w->out, .alias = w->alias, .now = w->now, .me = w->me };

    e->sql(e->arg, &call, &s);
    w->side |= s.side;
}

void expr_write_plain(struct expr_writer *w, const struct expr *x)
{
    if (expr_sql_full(w)) {
        return;
    }
    if (x->constant) {
        struct value v = expr_constant(x, w->out->text.mem, w->now, w->me);
        expr_bind(w, &v, true);
    } else if (expr_is_condition(x)) {
        sql_lit(w->out, "CASE WHEN ");
        expr_write_if(w, x, true);
        sql_lit(w->out, " THEN 1 ELSE 0 END");
    } else if (x->node == NODE_FIELD) {
        expr_write_part(w, x, w->key && x->type == VALUE_TEXT ? PART_KEY : PART_VALUE);
    } else if (x->node == NODE_ROWS) {
        expr_write_rows(w, x);
    } else if (x->node == NODE_EXTENSION) {
        write_extension(w, x);
    } else {
        x->op->sql(w, x);
    }
}

void expr_write(struct expr_writer *w, const struct expr *x)
{
    if (!x->up || x->constant) {
        expr_write_plain(w, x);
        return;
    }
    sql_lit(w->out, "kith_mul(");
    expr_write_plain(w, x);
    sql_lit(w->out, ", ");
    sql_int(w->out, expr_pow10(x->up));
    sql_lit(w->out, ", 0)");
}

/* ---- conditions ---- */

/* A yes/no value as a condition. */
static void write_flag(struct expr_writer *w, const struct expr *x, bool yes)
{
    bool column = expr_is_column(w, x);

    if (!yes) {
        sql_lit(w->out, "(");
    }
    expr_write(w, x);
    if (yes) {
        sql_lit(w->out, " = 1");
    } else if (column) {
        sql_lit(w->out, " <> 1 OR ");
        expr_write(w, x);
        sql_lit(w->out, " IS NULL)");
    } else {
        sql_lit(w->out, " = 1) IS NOT TRUE");
    }
}

/* The one path on which a leaf depends, NULL when it is not so simple. */
static const struct expr *sole_path(const struct expr *x)
{
    const struct expr *found = NULL;

    if (x->node == NODE_FIELD) {
        return x;
    }
    /* only leaves that say no where the path leads nowhere */
    for (size_t i = 0; expr_is_condition(x) && x->node == NODE_OP && i < x->n; i++) {
        if (x->args[i]->constant) {
            continue;
        }
        if (found || x->args[i]->node != NODE_FIELD) {
            return NULL;
        }
        found = x->args[i];
    }
    return found;
}

static void write_leaf(struct expr_writer *w, const struct expr *x, bool yes)
{
    const struct expr *path = sole_path(x);

    if (!path || w->level + 1 == path->npath) {
        if (x->node == NODE_OP && x->op->negates) {
            x->op->negates->sql_if(w, x, !yes);
        } else if (x->node == NODE_OP && x->op->sql_if) {
            x->op->sql_if(w, x, yes);
        } else {
            write_flag(w, x, yes);
        }
        return;
    }
    /* what the leaf says when the path leads nowhere is the complement's part */
    if (x->node == NODE_OP && x->op->negates) {
        yes = !yes;
    }
    const struct live_field *f = path->path[w->level];
    struct expr_writer inner = *w;
    bool twist = x->node == NODE_OP && x->op->negates;
    inner.alias = sql_new_alias(w->out);
    inner.level++;
    inner.side = expr_sides(path, inner.level);
    sql_lit(w->out, "(");
    column(w, f, f->columns[0].name);
    if (!yes) {
        sql_lit(w->out, " IS NULL OR ");
        column(w, f, f->columns[0].name);
        sql_lit(w->out, " NOT");
    }
    sql_lit(w->out, " IN (SELECT ");
    sql_column(w->out, inner.alias, "id");
    sql_lit(w->out, " FROM ");
    expr_write_from(w, f->target, inner.alias, inner.side);
    sql_lit(w->out, " WHERE ");
    write_leaf(&inner, x, !twist);
    expr_write_live(w, f->target, inner.alias);
    sql_lit(w->out, "))");
}

/* Long chains in groups: SQLite takes trees a thousand deep and no deeper. */
static void write_chain(struct expr_writer *w, const struct expr *x, bool yes)
{
    const char *word = (x->node == NODE_AND) == yes ? " AND " : " OR ";
    bool grouped = x->n > 64;

    sql_add_literal(w->out, grouped ? "((" : "(");
    for (size_t i = 0; i < x->n; i++) {
        bool next = grouped && i % 64 == 0;
        if (i) {
            sql_add_literal(w->out, next ? ")" : "");
            sql_add_literal(w->out, word);
            sql_add_literal(w->out, next ? "(" : "");
        }
        expr_write_if(w, x->args[i], yes);
    }
    sql_add_literal(w->out, grouped ? "))" : ")");
}

void expr_write_if(struct expr_writer *w, const struct expr *x, bool yes)
{
    bool key = w->key;

    if (expr_sql_full(w)) {
        return;
    }
    w->key = false;
    if (x->constant) {
        struct value v = expr_constant(x, w->out->text.mem, w->now, w->me);
        expr_write_truth(w, (!v.absent && v.i) == yes);
    } else if (x->node == NODE_NOT) {
        expr_write_if(w, x->args[0], !yes);
    } else if (x->node == NODE_AND || x->node == NODE_OR) {
        write_chain(w, x, yes);
    } else if (x->node == NODE_ROWS && x->type == VALUE_BOOL) {
        expr_write_rows_if(w, x, yes);
    } else if (x->node == NODE_EXTENSION && x->type == VALUE_BOOL) {
        sql_add_literal(w->out, yes ? "(" : "NOT (");
        write_extension(w, x);
        sql_lit(w->out, ")");
    } else {
        write_leaf(w, x, yes);
    }
    w->key = key;
}

static struct expr_writer begin(const struct expr_sql *s)
{
    /* aliases of subqueries are given out past the caller's own */
    if (s->out->aliases <= s->alias) {
        s->out->aliases = s->alias + 1;
    }
    return (struct expr_writer) { .out = s->out, .alias = s->alias, .now = s->now, .me = s->me,
        .side = s->side, .rights = s->rights, .rights_arg = s->rights_arg };
}

void expr_sql_condition(const struct expr *x, struct expr_sql *s)
{
    struct expr_writer w = begin(s);

    expr_write_if(&w, x, true);
    s->side = w.side;
}

void expr_sql_value(const struct expr *x, struct expr_sql *s)
{
    struct expr_writer w = begin(s);

    expr_write(&w, x);
    s->side = w.side;
}

void expr_sql_field(const struct live_field *f, struct expr_sql *s)
{
    struct expr_writer w = begin(s);

    own_part(&w, f, PART_VALUE);
    s->side = w.side;
}
