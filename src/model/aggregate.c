/* aggregate.c - counts and sums over a filter, by up to three groups. */

#include "model/query_plan.h"
#include "model/search.h"

#include <string.h>

enum { GROUPS = 3, MEASURES = 8, GROUP_ROWS = 10000 };

enum function { FN_COUNT, FN_SUM, FN_MIN, FN_MAX, FN_AVG, FN_DISTINCT };
static const char *const functions[] = { "count", "sum", "min", "max", "avg", "distinct" };

struct measure {
    enum function fn;
    const struct expr *x; /* NULL: count() */
    struct str key;
};

struct group {
    const struct expr *x;
    const struct live_field *field; /* when it is a plain field */
    struct str key;
};

struct aggregate {
    struct call *c;
    const struct live_entity *e;
    struct measure measures[MEASURES];
    struct group groups[GROUPS];
    size_t nmeasures, ngroups;
};

/* The next part of a list, cut at commas outside parentheses and quotes. */
static bool next_part(struct str *rest, struct str *part)
{
    int depth = 0;
    char quote = 0;
    size_t i = 0;

    if (!rest->n) {
        return false;
    }
    for (; i < rest->n; i++) {
        char ch = rest->p[i];
        if (quote) {
            quote = ch == quote ? 0 : quote;
        } else if (ch == '\'' || ch == '"') {
            quote = ch;
        } else if (ch == '(') {
            depth++;
        } else if (ch == ')') {
            depth--;
        } else if (ch == ',' && depth == 0) {
            break;
        }
    }
    *part = str_trim(str_sub(*rest, 0, i));
    *rest = str_sub(*rest, i + 1, rest->n);
    return true;
}

static struct str cut_name(struct str part, struct str *name)
{
    ptrdiff_t at = -1;

    for (size_t i = 0; i + 4 <= part.n; i++) {
        if (str_eq_nocase(str_sub(part, i, 4), STR(" as "))) {
            at = (ptrdiff_t)i;
        }
    }
    *name = part;
    if (at > 0) {
        *name = str_trim(str_sub(part, (size_t)at + 4, part.n));
        part = str_trim(str_sub(part, 0, (size_t)at));
    }
    return part;
}

static enum err_code bad_measure(struct call *c, struct str part)
{
    return fail(c, ERR_INVALID, "measure",
        "\"%.*s\" is no measure: count(), count(x), distinct(x), sum(x), avg(x), min(x) or max(x)",
        STR_ARG(str_sub(part, 0, 100)));
}

static enum err_code read_measure(struct aggregate *a, struct str part)
{
    struct measure *m = &a->measures[a->nmeasures];
    struct str text = cut_name(part, &m->key);
    ptrdiff_t open = str_find_byte(text, '(');
    struct expr_scope scope = access_scope(a->c, a->e);
    size_t fn = 0;

    if (open < 0 || text.p[text.n - 1] != ')') {
        return bad_measure(a->c, part);
    }
    struct str word = str_trim(str_sub(text, 0, (size_t)open));
    struct str inner = str_trim(str_sub(text, (size_t)open + 1, text.n - (size_t)open - 2));
    while (fn < sizeof functions / sizeof *functions && !str_is(word, functions[fn])) {
        fn++;
    }
    if (fn == sizeof functions / sizeof *functions || (fn != FN_COUNT && !inner.n)) {
        return bad_measure(a->c, part);
    }
    m->fn = (enum function)fn;
    if (inner.n) {
        TRY(expr_parse(&scope, inner, "measure", &m->x, &a->c->err));
        enum value_type t = expr_type(m->x);
        bool number = t == VALUE_NUMBER || t == VALUE_MONEY || t == VALUE_DURATION;
        if ((m->fn == FN_SUM || m->fn == FN_AVG) && !number) {
            return fail(a->c, ERR_INVALID, "measure", "%s needs a number, an amount or a duration",
                functions[fn]);
        }
    }
    a->nmeasures++;
    return OK;
}

static enum err_code read_request(struct aggregate *a, const struct aggregate_request *q)
{
    struct str rest = q->measure.n ? q->measure : STR("count()"), part;

    while (next_part(&rest, &part)) {
        if (a->nmeasures == MEASURES) {
            return fail(a->c, ERR_INVALID, "measure", "at most %d measures", MEASURES);
        }
        TRY(read_measure(a, part));
    }
    rest = q->group;
    while (next_part(&rest, &part)) {
        struct expr_scope scope = access_scope(a->c, a->e);
        struct group *g = &a->groups[a->ngroups];
        if (a->ngroups == GROUPS) {
            return fail(a->c, ERR_INVALID, "group", "at most %d groups", GROUPS);
        }
        struct str text = cut_name(part, &g->key);
        TRY(expr_parse(&scope, text, "group", &g->x, &a->c->err));
        if (expr_type(g->x) == VALUE_LIST || expr_type(g->x) == VALUE_PLACE) {
            return fail(a->c, ERR_INVALID, "group", "\"%.*s\" cannot be grouped by", STR_ARG(text));
        }
        g->field = entity_field(a->e, text);
        a->ngroups++;
    }
    return OK;
}

static void measure_sql(const struct measure *m, struct expr_sql *x)
{
    struct sqltext *s = x->out;

    if (!m->x) {
        sql_lit(s, "count(*)");
        return;
    }
    switch (m->fn) {
    case FN_COUNT:
        sql_lit(s, "count(");
        break;
    case FN_DISTINCT:
        sql_lit(s, "count(DISTINCT ");
        break;
    case FN_SUM:
        /* PostgreSQL sums bigint into numeric */
        if (s->backend == DB_POSTGRES) {
            sql_lit(s, "CAST(sum(");
            expr_sql_value(m->x, x);
            sql_lit(s, ") AS bigint)");
            return;
        }
        sql_lit(s, "sum(");
        break;
    case FN_MIN:
        sql_lit(s, "min(");
        break;
    case FN_MAX:
        sql_lit(s, "max(");
        break;
    case FN_AVG:
        sql_lit(s, "CAST(avg(");
        expr_sql_value(m->x, x);
        sql_lit(s, ") AS double precision)");
        return;
    }
    expr_sql_value(m->x, x);
    sql_lit(s, ")");
}

static enum err_code order_sql(
    struct aggregate *a, struct str sort, struct sqltext *s, const struct aggregate_request *q)
{
    bool down = str_starts(sort, STR("-"));
    struct str want = str_trim(str_sub(sort, down, sort.n));
    size_t at = 0, total = a->ngroups + a->nmeasures;

    (void)q;
    if (!sort.n) {
        for (size_t i = 0; i < a->ngroups; i++) {
            if (i) {
                sql_lit(s, ", ");
            } else {
                sql_lit(s, " ORDER BY ");
            }
            sql_int(s, (int64_t)i + 1);
            sql_lit(s, " NULLS LAST");
        }
        return OK;
    }
    while (at < total
        && !str_eq(want, at < a->ngroups ? a->groups[at].key : a->measures[at - a->ngroups].key)) {
        at++;
    }
    if (at == total) {
        return fail(a->c, ERR_INVALID, "sort", "\"%.*s\" is neither a group nor a measure",
            STR_ARG(want));
    }
    sql_lit(s, " ORDER BY ");
    sql_int(s, (int64_t)at + 1);
    if (down) {
        sql_lit(s, " DESC NULLS LAST");
    } else {
        sql_lit(s, " NULLS LAST");
    }
    for (size_t i = 0; i < a->ngroups; i++) {
        sql_lit(s, ", ");
        sql_int(s, (int64_t)i + 1);
    }
    return OK;
}

static int64_t most_rows(const struct aggregate_request *q)
{
    return q->limit > 0 && q->limit < GROUP_ROWS ? q->limit : GROUP_ROWS;
}

static enum err_code build(struct aggregate *a, const struct aggregate_request *q, struct sql *sql,
    struct dbvals *v)
{
    struct call *c = a->c;
    struct sqltext s, select, where;
    struct expr_sql x = access_expr(c, NULL, 0);
    const struct expr *cond;

    TRY(plan_where(c, a->e, q->where, q->where_json, &cond));
    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    clause_begin(&select, c, &s);
    x.out = &select;
    for (size_t i = 0; i < a->ngroups; i++) {
        expr_sql_value(a->groups[i].x, &x);
        sql_lit(&select, ", ");
    }
    for (size_t i = 0; i < a->nmeasures; i++) {
        if (i) {
            sql_lit(&select, ", ");
        }
        measure_sql(&a->measures[i], &x);
    }
    clause_begin(&where, c, &select);
    sql_column(&where, 0, "deleted_at");
    sql_lit(&where, " IS NULL");
    if (cond) {
        x.out = &where;
        sql_lit(&where, " AND (");
        expr_sql_condition(cond, &x);
        sql_lit(&where, ")");
    }
    if (q->q.n) {
        TRY(search_sql(c, a->e, q->q, 0, &where));
    }
    TRY(access_sql(c, a->e, RIGHT_READ, 0, &where));
    clause_end(&where, &s);
    sql_lit(&s, "SELECT ");
    buf_add(&s.text, buf_str(&select.text));
    from_sql(&s, a->e, 0, x.side);
    sql_lit(&s, " WHERE ");
    buf_add(&s.text, buf_str(&where.text));
    for (size_t i = 0; i < a->ngroups; i++) {
        if (i) {
            sql_lit(&s, ", ");
        } else {
            sql_lit(&s, " GROUP BY ");
        }
        sql_int(&s, (int64_t)i + 1);
    }
    TRY(order_sql(a, str_trim(q->sort), &s, q));
    sql_lit(&s, " LIMIT ");
    sql_int(&s, most_rows(q) + 1);
    return sqltext_end(&s, sql, v, &c->err);
}

/* ---- the answer ---- */

static void typed_json(struct call *c, struct stmt *st, int col, enum value_type type, int scale)
{
    char text[40];
    int64_t v;

    if (stmt_is_null(st, col)) {
        json_none(&c->out, NULL);
        return;
    }
    v = type == VALUE_TEXT ? 0 : stmt_int(st, col);
    switch (type) {
    case VALUE_TEXT:
        json_text(&c->out, NULL, stmt_text(st, col));
        return;
    case VALUE_BOOL:
        json_flag(&c->out, NULL, v != 0);
        return;
    case VALUE_NUMBER: {
        size_t n = str_from_scaled(v, scale, text);
        json_raw(&c->out, NULL, (struct str) { text, n });
        return;
    }
    case VALUE_MONEY: {
        size_t n = str_from_scaled(v, 2, text);
        json_object(&c->out, NULL);
        json_text(&c->out, "amount", (struct str) { text, n });
        json_text(&c->out, "currency", c->model->currency);
        json_end_object(&c->out);
        return;
    }
    case VALUE_DATE:
        date_format(v, text);
        json_cstr(&c->out, NULL, text);
        return;
    case VALUE_INSTANT:
        instant_format(v, text);
        json_cstr(&c->out, NULL, text);
        return;
    case VALUE_DURATION:
        json_int(&c->out, NULL, v / 1000000);
        return;
    case VALUE_CALENDAR:
    case VALUE_CHOICE:
    case VALUE_REF:
    case VALUE_PLACE:
    case VALUE_LIST:
    case VALUE_NONE:
        json_int(&c->out, NULL, v);
        return;
    }
}

static void average_json(struct call *c, struct stmt *st, int col, const struct expr *x)
{
    double v = stmt_real(st, col);
    enum value_type t = expr_type(x);
    int scale = t == VALUE_MONEY ? 2 : t == VALUE_DURATION ? 6 : expr_scale(x);

    for (; scale > 0; scale--) {
        v /= 10;
    }
    if (stmt_is_null(st, col)) {
        json_none(&c->out, NULL);
    } else {
        json_real(&c->out, NULL, v);
    }
}


static void group_json(struct aggregate *a, struct stmt *st, int col, const struct ref_names *names)
{
    struct call *c = a->c;
    const struct group *g = &a->groups[col];
    struct dbval cells[FIELD_CELLS] = { V_NULL, V_NULL };

    if (!g->field || (g->field->value != KIND_CHOICE && g->field->value != KIND_REF)) {
        typed_json(c, st, col, expr_type(g->x), expr_scale(g->x));
        return;
    }
    cells[0] = stmt_value(st, col, DB_INT);
    cells_to_json(c, g->field, cells, names, &c->out);
}

static enum err_code want_names(struct aggregate *a, struct sql sql, struct dbvals v,
    struct ref_names *names)
{
    struct rows rows;
    bool any = false;

    for (size_t i = 0; i < a->ngroups; i++) {
        any = any || (a->groups[i].field && a->groups[i].field->value == KIND_REF);
    }
    if (!any) {
        return OK;
    }
    TRY(db_query(a->c, &rows, sql, v));
    while (rows_next(&rows)) {
        for (size_t i = 0; i < a->ngroups; i++) {
            struct dbval cell[FIELD_CELLS] = { stmt_value(rows.st, (int)i, DB_INT), V_NULL };
            if (a->groups[i].field && a->groups[i].field->value == KIND_REF) {
                cells_want(names, a->groups[i].field, cell);
            }
        }
    }
    TRY(rows_end(&rows));
    return ref_names_load(names);
}

enum err_code query_aggregate_check(struct call *c, const struct aggregate_request *q)
{
    struct aggregate a = { .c = c, .e = q->e };

    TRY(access_require(c, q->e, RIGHT_READ));
    return read_request(&a, q);
}

enum err_code query_aggregate(struct call *c, const struct aggregate_request *q)
{
    struct aggregate a = { .c = c, .e = q->e };
    struct ref_names *names = ref_names_new(c);
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    int64_t n = 0;

    TRY(access_require(c, q->e, RIGHT_READ));
    TRY(read_request(&a, q));
    TRY(build(&a, q, &sql, &v));
    TRY(want_names(&a, sql, v, names));
    TRY(db_query(c, &rows, sql, v));
    json_object(&c->out, NULL);
    json_array(&c->out, "rows");
    while (n <= most_rows(q) && rows_next(&rows)) {
        if (++n > most_rows(q)) {
            break;
        }
        json_object(&c->out, NULL);
        for (size_t i = 0; i < a.ngroups; i++) {
            json_name(&c->out, a.groups[i].key);
            group_json(&a, rows.st, (int)i, names);
        }
        for (size_t i = 0; i < a.nmeasures; i++) {
            const struct measure *m = &a.measures[i];
            int col = (int)(a.ngroups + i);
            json_name(&c->out, m->key);
            if (m->fn == FN_COUNT || m->fn == FN_DISTINCT) {
                json_int(&c->out, NULL, stmt_int(rows.st, col));
            } else if (m->fn == FN_AVG) {
                average_json(c, rows.st, col, m->x);
            } else {
                typed_json(c, rows.st, col, expr_type(m->x), expr_scale(m->x));
            }
        }
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    if (n > most_rows(q)) {
        json_flag(&c->out, "more", true);
    }
    json_end_object(&c->out);
    return rows_end(&rows);
}
