/* query_set.c - what a filter finds as a set: its ids in order, and how many they are. */

#include "model/query_plan.h"
#include "model/search.h"

struct set_query {
    const struct list_request *q;
    int64_t after, upto; /* ids; 0: no bound */
    unsigned side;
};

static enum err_code conditions(struct call *c, struct set_query *set, struct sqltext *s)
{
    const struct list_request *q = set->q;
    const struct expr *where;

    sql_column(s, 0, "deleted_at");
    if (q->bin) {
        sql_lit(s, " IS NOT NULL");
    } else {
        sql_lit(s, " IS NULL");
    }
    if (set->after) {
        sql_lit(s, " AND ");
        sql_column(s, 0, "id");
        sql_lit(s, " > ");
        sql_bind(s, V(set->after));
    }
    if (set->upto) {
        sql_lit(s, " AND ");
        sql_column(s, 0, "id");
        sql_lit(s, " <= ");
        sql_bind(s, V(set->upto));
    }
    TRY(plan_where(c, q->e, q->where, q->where_json, &where));
    if (where) {
        struct expr_sql x = access_expr(c, s, 0);
        sql_lit(s, " AND (");
        expr_sql_condition(where, &x);
        sql_lit(s, ")");
        set->side |= x.side;
    }
    if (q->q.n) {
        TRY(search_sql(c, q->e, q->q, 0, s));
    }
    return access_sql(c, q->e, q->right, 0, s);
}

/* Who asks over HTTP has a budget already. A job that reads has time, but not for ever: it holds one of the few workers. */
enum { JOB_TIMES = 4 };

static enum err_code limited(struct call *c, enum err_code (*ask)(struct call *c, void *arg), void *arg)
{
    bool own = c->tx == TX_READ && conn_budget_own(c->db, c->cfg->query_budget * JOB_TIMES);
    enum err_code code = ask(c, arg);

    if (own) {
        conn_budget(c->db, 0);
    }
    if (own && code == ERR_BUDGET) {
        err_clear(&c->err);
        return fail(c, ERR_INVALID, "where", "this condition has to look at too many records, and was given up");
    }
    return code;
}

struct counting {
    struct sql sql;
    struct dbvals v;
    int64_t *count;
};

static enum err_code count_them(struct call *c, void *arg)
{
    const struct counting *a = arg;

    return db_int(c, a->count, a->sql, a->v);
}

struct listing {
    struct sql sql;
    struct dbvals v;
    size_t most;
    int64_t *ids;
    size_t *n;
};

static enum err_code list_them(struct call *c, void *arg)
{
    const struct listing *a = arg;
    struct rows rows;

    TRY(db_query(c, &rows, a->sql, a->v));
    while (*a->n < a->most && rows_next(&rows)) {
        a->ids[(*a->n)++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

enum err_code query_count(struct call *c, const struct list_request *q, int64_t *count)
{
    struct set_query set = { .q = q };
    struct sqltext s, where;
    struct sql sql;
    struct dbvals v;

    TRY(access_require(c, q->e, q->right));
    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    clause_begin(&where, c, &s);
    TRY(conditions(c, &set, &where));
    sql_lit(&s, "SELECT count(*)");
    from_sql(&s, q->e, 0, set.side);
    sql_lit(&s, " WHERE ");
    buf_add(&s.text, buf_str(&where.text));
    clause_end(&where, &s);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    return limited(c, count_them, &(struct counting) { sql, v, count });
}

enum err_code query_ids(struct call *c, const struct list_request *q, int64_t after, int64_t upto,
    size_t most, int64_t **ids, size_t *n)
{
    struct set_query set = { .q = q, .after = after, .upto = upto };
    struct sqltext s, where;
    struct sql sql;
    struct dbvals v;

    *n = 0;
    *ids = ARENA_ARRAY(c->mem, int64_t, most + 1);
    TRY(access_require(c, q->e, q->right));
    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    clause_begin(&where, c, &s);
    TRY(conditions(c, &set, &where));
    clause_end(&where, &s);
    sql_lit(&s, "SELECT t0.\"id\"");
    from_sql(&s, q->e, 0, set.side);
    sql_lit(&s, " WHERE ");
    buf_add(&s.text, buf_str(&where.text));
    sql_lit(&s, " ORDER BY t0.\"id\" LIMIT ");
    sql_int(&s, (int64_t)most);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    return limited(c, list_them, &(struct listing) { sql, v, most, *ids, n });
}
