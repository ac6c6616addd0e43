/* query_plan.c - builds the SQL of a list.
 *
 * Paging is by key, never by OFFSET. Absent values come last ascending and first descending. An index
 * holds them at the other end on SQLite, so the first key makes two segments, the rows that have it and
 * those that lack it, each read in the index's own order. Where a user sees little of much, keyset
 * streams (his own, his teams', what is shared) are cut to the page before they are joined. */

#include "model/query_plan.h"

#include "base/utf8.h"
#include "model/search.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { CURSOR_MAX = 4096, SMALL_SET = 500, STREAMS = 3 /* the most of access_streams() */ };

const char *sort_column(const struct live_field *f)
{
    return f->key_column         ? f->key_column
        : f->value == KIND_ANYREF ? f->columns[1].name
                                  : f->columns[0].name;
}

static bool selectable(const struct live_field *f)
{
    return !f->def.system && (f->stored || f->expr || f->def.kind == KIND_MANY);
}

enum err_code plan_fields(struct call *c, const struct live_entity *e, struct str names,
    const struct live_field ***out, size_t *n)
{
    struct str name;

    *out = ARENA_ARRAY(c->mem, const struct live_field *, e->nfields + FIELDS_MAX);
    *n = 0;
    if (!names.n) {
        for (size_t i = 0; i < e->nfields; i++) {
            const struct live_field *f = e->fields[i];
            if (selectable(f) && access_field(c, f) != FIELD_HIDDEN && f != e->deleted_at) {
                (*out)[(*n)++] = f;
            }
        }
        return OK;
    }
    while (str_split(&names, ',', &name)) {
        name = str_trim(name);
        const struct live_field *f = name.n ? entity_field(e, name) : NULL;
        if (!f || !selectable(f) || access_field(c, f) == FIELD_HIDDEN) {
            return fail(c, ERR_INVALID, "fields", "%s has no field \"%.*s\"", e->label.p,
                STR_ARG(str_sub(name, 0, 80)));
        }
        if (*n == FIELDS_MAX) {
            return fail(c, ERR_INVALID, "fields", "at most %d fields at once", FIELDS_MAX);
        }
        (*out)[(*n)++] = f;
    }
    return OK;
}

enum err_code plan_where(struct call *c, const struct live_entity *e, struct str text,
    const json_t *tree, const struct expr **out)
{
    struct expr_scope scope = access_scope(c, e);

    *out = NULL;
    if (tree) {
        TRY(expr_from_json(&scope, tree, "where", out, &c->err));
        if (expr_type(*out) != VALUE_BOOL) {
            return fail(c, ERR_INVALID, "where", "a filter is a condition");
        }
        return OK;
    }
    return text.n ? expr_condition(&scope, text, "where", out, &c->err) : OK;
}

bool query_sorts_by(const struct live_field *f)
{
    return selectable(f) && f->def.kind != KIND_MANY && !kind_is_list(f->value) && !kind_is_picks(f->value)
        && f->value != KIND_JSON;
}

static enum err_code plan_sort(struct plan *p)
{
    struct str rest = p->q->sort, one;
    bool by_id = false;

    /* nothing is left to decide behind the id */
    while (!by_id && str_split(&rest, ',', &one)) {
        one = str_trim(one);
        bool down = str_starts(one, STR("-"));
        struct str name = str_trim(str_sub(one, down, one.n));
        const struct live_field *f = name.n ? entity_field(p->e, name) : NULL;
        if (!f || !query_sorts_by(f) || access_field(p->c, f) == FIELD_HIDDEN) {
            return fail(p->c, ERR_INVALID, "sort", "%s cannot be sorted by \"%.*s\"",
                p->e->label_plural.p, STR_ARG(str_sub(name, 0, 80)));
        }
        if (p->nkeys == SORT_KEYS) {
            return fail(p->c, ERR_INVALID, "sort", "at most %d sort keys", SORT_KEYS);
        }
        by_id = f == p->e->id;
        p->tie_down = by_id || p->nkeys == 0 ? down : p->tie_down;
        if (!by_id || p->nkeys == 0) {
            p->keys[p->nkeys++] = (struct sort_key) { .field = f, .down = down };
        }
    }
    if (!p->nkeys) {
        p->keys[p->nkeys++] = (struct sort_key) { .field = p->e->id };
    }
    return OK;
}

/* ---- cursors: base64url of [hash of the sort, key, ..., id] ---- */

static int64_t sort_hash(const struct plan *p)
{
    uint64_t h = str_hash(p->q->sort) ^ (uint64_t)p->e->number * 0x9E3779B97F4A7C15u;

    return (int64_t)(h >> 12);
}

struct str cursor_make(struct plan *p, const struct dbval *keys, int64_t id)
{
    struct buf b;
    struct json_writer w;

    buf_init(&b, p->c->mem, CURSOR_MAX);
    json_init(&w, &b);
    json_array(&w, NULL);
    json_int(&w, NULL, sort_hash(p));
    for (size_t i = 0; i < p->nkeys; i++) {
        switch (keys[i].type) {
        case DB_INT:
            json_int(&w, NULL, keys[i].i);
            break;
        case DB_REAL:
            json_real(&w, NULL, keys[i].d);
            break;
        case DB_TEXT:
            json_text(&w, NULL, keys[i].s);
            break;
        case DB_NULL:
        case DB_BLOB:
            json_none(&w, NULL);
            break;
        }
    }
    json_int(&w, NULL, id);
    json_end_array(&w);
    char *out = arena_alloc(p->c->mem, b.n * 4 / 3 + 8);
    sodium_bin2base64(out, b.n * 4 / 3 + 8, (const unsigned char *)b.p, b.n,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return str_of(out);
}

static enum err_code bad_cursor(struct call *c)
{
    return fail(c, ERR_INVALID, "after", "this cursor does not belong to this list");
}

static enum err_code plan_after(struct plan *p)
{
    struct call *c = p->c;
    unsigned char *raw = arena_alloc(c->mem, CURSOR_MAX);
    size_t n = 0;
    json_t *list;

    if (!p->q->after.n) {
        return OK;
    }
    if (p->q->after.n > CURSOR_MAX
        || sodium_base642bin(raw, CURSOR_MAX, p->q->after.p, p->q->after.n, NULL, &n, NULL,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING)
        || json_read(c->mem, (struct str) { (char *)raw, n }, &list, &c->err) != OK
        || json_array_size(list) != p->nkeys + 2
        || json_integer_value(json_array_get(list, 0)) != sort_hash(p)) {
        return bad_cursor(c);
    }
    for (size_t i = 0; i < p->nkeys; i++) {
        const json_t *v = json_array_get(list, i + 1);
        p->keys[i].after = json_is_integer(v) ? V((int64_t)json_integer_value(v))
            : json_is_real(v)                 ? V(json_real_value(v))
            : json_is_string(v)               ? V(json_str(v))
                                              : V_NULL;
    }
    p->after_id = json_integer_value(json_array_get(list, p->nkeys + 1));
    p->has_after = true;
    return OK;
}

/* from=<value>: begins at the first row whose first key is at or past the value. The cursors that follow
 * are those of any list. */
static enum err_code plan_from(struct plan *p)
{
    struct dbval cells[FIELD_CELLS];
    const struct live_field *f = p->keys[0].field;

    if (!p->q->from.n || p->has_after) {
        return OK;
    }
    if (f->key_column && f->value != KIND_MONEY && f->value != KIND_DATE) {
        p->keys[0].after = V(utf8_fold(p->c->mem, p->q->from));
    } else if (f->def.kind == KIND_FORMULA || f->def.kind == KIND_ROLLUP
        || !cells_from_text(p->c, f, p->q->from, cells)) {
        return fail(p->c, ERR_INVALID, "from", "the list cannot begin at this value");
    } else {
        p->keys[0].after = f->value == KIND_MONEY ? cells_key(p->c, f, cells) : cells[0];
    }
    p->has_from = true;
    return OK;
}

enum err_code plan_make(struct call *c, const struct list_request *q, struct plan *p)
{
    *p = (struct plan) { .c = c, .q = q, .e = q->e };
    TRY(access_require(c, q->e, q->right));
    p->limit = q->limit ? q->limit : LIST_LIMIT;
    if (p->limit < 1 || p->limit > LIST_LIMIT_MAX) {
        return fail(c, ERR_INVALID, "limit", "limit is between 1 and %d", LIST_LIMIT_MAX);
    }
    TRY(plan_fields(c, q->e, q->fields, &p->fields, &p->nfields));
    TRY(plan_where(c, q->e, q->where, q->where_json, &p->where));
    TRY(plan_sort(p));
    TRY(plan_after(p));
    return plan_from(p);
}

/* ---- SQL ---- */

void clause_begin(struct sqltext *next, struct call *c, const struct sqltext *last)
{
    *next = *last;
    buf_init(&next->text, c->mem, SQLTEXT_BYTES);
}

/* Values and aliases given out in one clause count for the next. */
void clause_end(const struct sqltext *ended, struct sqltext *total)
{
    total->values = ended->values;
    total->n = ended->n;
    total->room = ended->room;
    total->too_many = ended->too_many;
    total->aliases = ended->aliases;
}

void from_sql(struct sqltext *s, const struct live_entity *e, int alias, unsigned side)
{
    sql_lit(s, " FROM ");
    sql_ident(s, e->tables[0]);
    sql_lit(s, " ");
    sql_alias(s, alias);
    for (int t = 1; t <= e->nside; t++) {
        if (!(side & (1u << t))) {
            continue;
        }
        /* a record written while the table was made may lack its row for a moment */
        sql_lit(s, " LEFT JOIN ");
        sql_ident(s, e->tables[t]);
        sql_lit(s, " ");
        sql_alias(s, alias);
        sql_lit(s, "_x");
        sql_int(s, t);
        sql_lit(s, " ON ");
        sql_alias(s, alias);
        sql_lit(s, "_x");
        sql_int(s, t);
        sql_lit(s, ".\"id\" = ");
        sql_column(s, alias, "id");
    }
}

static void column_sql(struct sqltext *s, const struct live_field *f, const char *column,
    unsigned *side)
{
    if (f->table == 0) {
        sql_column(s, 0, column);
        return;
    }
    *side |= 1u << f->table;
    sql_alias(s, 0);
    sql_lit(s, "_x");
    sql_int(s, f->table);
    sql_lit(s, ".");
    sql_ident(s, column);
}

void sort_value_sql(struct plan *p, const struct live_field *f, struct sqltext *s, unsigned *side)
{
    if (f->stored) {
        column_sql(s, f, sort_column(f), side);
        return;
    }
    struct expr_sql x = access_expr(p->c, s, 0);
    expr_sql_value(f->expr, &x);
    *side |= x.side;
}

/* Rows that come after the cursor, from key i on. */
static void after_sql(struct plan *p, size_t i, struct sqltext *s, unsigned *side)
{
    if (i == p->nkeys) {
        sql_column(s, 0, "id");
        if (p->tie_down) {
            sql_lit(s, " < ");
        } else {
            sql_lit(s, " > ");
        }
        sql_bind(s, V(p->after_id));
        return;
    }
    const struct sort_key *k = &p->keys[i];
    sql_lit(s, "(");
    if (k->after.type == DB_NULL) {
        sort_value_sql(p, k->field, s, side);
        sql_lit(s, " IS NULL AND ");
        after_sql(p, i + 1, s, side);
        if (k->down) {
            sql_lit(s, " OR ");
            sort_value_sql(p, k->field, s, side);
            sql_lit(s, " IS NOT NULL");
        }
        sql_lit(s, ")");
        return;
    }
    sort_value_sql(p, k->field, s, side);
    if (k->down) {
        sql_lit(s, " < ");
    } else {
        sql_lit(s, " > ");
    }
    sql_bind(s, k->after);
    if (!k->down && i > 0) {
        sql_lit(s, " OR ");
        sort_value_sql(p, k->field, s, side);
        sql_lit(s, " IS NULL");
    }
    sql_lit(s, " OR ");
    sort_value_sql(p, k->field, s, side);
    sql_lit(s, " = ");
    sql_bind(s, k->after);
    sql_lit(s, " AND ");
    after_sql(p, i + 1, s, side);
    sql_lit(s, ")");
}

/* The cursor as it concerns one segment of the first key. */
static void segment_sql(struct plan *p, enum segment segment, struct sqltext *s, unsigned *side)
{
    struct sort_key *k = &p->keys[0];

    if (segment == SEGMENT_ALL) {
        return;
    }
    if (k->field != p->e->id) {
        sql_lit(s, " AND ");
        sort_value_sql(p, k->field, s, side);
        if (segment == SEGMENT_WITH) {
            sql_lit(s, " IS NOT NULL");
        } else {
            sql_lit(s, " IS NULL");
        }
    }
    if (p->has_from && segment == SEGMENT_WITH) {
        sql_lit(s, " AND ");
        sort_value_sql(p, k->field, s, side);
        if (k->down) {
            sql_lit(s, " <= ");
        } else {
            sql_lit(s, " >= ");
        }
        sql_bind(s, k->after);
    }
    if (!p->has_after) {
        return;
    }
    if (segment == SEGMENT_WITHOUT) {
        if (k->after.type == DB_NULL) {
            sql_lit(s, " AND ");
            after_sql(p, 1, s, side);
        }
        return;
    }
    if (k->after.type == DB_NULL) {
        return; /* descending, past the absent: all that have it */
    }
    if (k->field == p->e->id) {
        sql_lit(s, " AND ");
        after_sql(p, p->nkeys, s, side);
        return;
    }
    /* the bare bound serves the index, the rest decides ties */
    sql_lit(s, " AND ");
    sort_value_sql(p, k->field, s, side);
    if (k->down) {
        sql_lit(s, " <= ");
    } else {
        sql_lit(s, " >= ");
    }
    sql_bind(s, k->after);
    sql_lit(s, " AND ");
    after_sql(p, 0, s, side);
}

static void order_sql(struct plan *p, enum segment segment, struct sqltext *s, unsigned *side)
{
    sql_lit(s, " ORDER BY ");
    for (size_t i = 0; i < p->nkeys; i++) {
        if (i == 0 && segment == SEGMENT_WITHOUT) {
            continue;
        }
        if (p->keys[i].field == p->e->id) {
            break;
        }
        if (i > 0 || segment == SEGMENT_ALL) {
            /* what an index can hold: absent last ascending, first descending, on both databases */
            sql_lit(s, "(");
            sort_value_sql(p, p->keys[i].field, s, side);
            sql_lit(s, " IS NULL)");
            if (p->keys[i].down) {
                sql_lit(s, " DESC");
            }
            sql_lit(s, ", ");
        }
        sort_value_sql(p, p->keys[i].field, s, side);
        if (p->keys[i].down) {
            sql_lit(s, " DESC");
        }
        sql_lit(s, ", ");
    }
    sql_column(s, 0, "id");
    if (p->tie_down) {
        sql_lit(s, " DESC");
    }
}

/* stream: one of access_streams(), or how else rights come in. */
enum { BY_PREDICATE = -1, BY_SMALL_SET = -2 };

static enum err_code filter_sql(
    struct plan *p, enum segment segment, int stream, struct sqltext *s, unsigned *side)
{
    struct call *c = p->c;

    sql_column(s, 0, "deleted_at");
    if (p->q->bin) {
        sql_lit(s, " IS NOT NULL");
    } else {
        sql_lit(s, " IS NULL");
    }
    if (p->where) {
        struct expr_sql x = access_expr(c, s, 0);
        sql_lit(s, " AND (");
        expr_sql_condition(p->where, &x);
        sql_lit(s, ")");
        *side |= x.side;
    }
    if (p->q->q.n) {
        TRY(search_sql(c, p->e, p->q->q, 0, s));
    }
    if (stream == BY_PREDICATE) {
        TRY(access_sql(c, p->e, p->q->right, 0, s));
    } else if (stream >= 0) {
        TRY(access_stream_sql(c, p->e, p->q->right, stream, 0, s));
    }
    segment_sql(p, segment, s, side);
    return OK;
}

static void select_sql(struct plan *p, struct sqltext *s, unsigned *side)
{
    sql_column(s, 0, "id");
    for (size_t i = 0; i < p->nkeys; i++) {
        sql_lit(s, ", ");
        sort_value_sql(p, p->keys[i].field, s, side);
    }
    for (size_t i = 0; i < p->nfields; i++) {
        const struct live_field *f = p->fields[i];
        if (f->stored) {
            for (int k = 0; k < f->ncolumns; k++) {
                sql_lit(s, ", ");
                column_sql(s, f, f->columns[k].name, side);
            }
        } else if (f->expr) {
            sql_lit(s, ", ");
            sort_value_sql(p, f, s, side);
        }
    }
}

/* id IN (each stream cut to the page). */
static enum err_code streams_sql(
    struct plan *p, int streams, enum segment segment, struct sqltext *s)
{
    sql_column(s, 0, "id");
    sql_lit(s, " IN (");
    for (int i = 0; i < streams; i++) {
        struct sqltext where, order;
        unsigned side = 0;
        clause_begin(&where, p->c, s);
        TRY(filter_sql(p, segment, i, &where, &side));
        clause_begin(&order, p->c, &where);
        order_sql(p, segment, &order, &side);
        clause_end(&order, s);
        if (i) {
            sql_lit(s, " UNION ");
        }
        sql_lit(s, "SELECT * FROM (SELECT ");
        sql_column(s, 0, "id");
        from_sql(s, p->e, 0, side);
        sql_lit(s, " WHERE ");
        buf_add(&s->text, buf_str(&where.text));
        buf_add(&s->text, buf_str(&order.text));
        sql_lit(s, " LIMIT ");
        sql_int(s, p->limit + 1);
        sql_lit(s, ") AS u");
        sql_int(s, i);
    }
    sql_lit(s, ")");
    return OK;
}

/* The ids of all that the user sees, each stream cut to one more than a small set holds. */
static enum err_code visible_sql(struct plan *p, int streams, struct sqltext *s)
{
    for (int i = 0; i < streams; i++) {
        if (i) {
            sql_lit(s, " UNION ALL ");
        }
        sql_lit(s, "SELECT * FROM (SELECT ");
        sql_column(s, 0, "id");
        from_sql(s, p->e, 0, 0);
        sql_lit(s, " WHERE ");
        sql_column(s, 0, "deleted_at");
        sql_lit(s, " IS NULL");
        TRY(access_stream_sql(p->c, p->e, p->q->right, i, 0, s));
        sql_lit(s, " LIMIT ");
        sql_int(s, SMALL_SET + 1);
        sql_lit(s, ") AS v");
        sql_int(s, i);
    }
    return OK;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Each once. */
static struct str id_set(struct plan *p, int64_t *ids, size_t n, size_t *different)
{
    qsort(ids, n, sizeof *ids, by_id);
    *different = 0;
    for (size_t i = 0; i < n; i++) {
        if (!i || ids[i] != ids[i - 1]) {
            ids[(*different)++] = ids[i];
        }
    }
    return db_ids(p->c, ids, *different);
}

enum err_code plan_small(struct plan *p, bool *small)
{
    int streams = p->q->bin ? 0 : access_streams(p->c, p->e, p->q->right);
    size_t room = (SMALL_SET + 1) * STREAMS, n = 0, different;
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    *small = p->small;
    if (p->looked || !streams) {
        return OK;
    }
    p->looked = true;
    int64_t *ids = ARENA_ARRAY(p->c->mem, int64_t, room);
    sqltext_init(&s, p->c->mem, conn_backend(p->c->db));
    (void)sql_new_alias(&s);
    TRY(visible_sql(p, streams, &s));
    TRY(sqltext_end(&s, &sql, &v, &p->c->err));
    TRY(db_query(p->c, &rows, sql, v));
    while (n < room && rows_next(&rows)) {
        ids[n++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    p->seen = id_set(p, ids, n, &different);
    *small = p->small = different <= SMALL_SET;
    return OK;
}

/* FROM the visible ids, joined to their records in this order. */
static void small_from_sql(struct plan *p, unsigned side, struct sqltext *s)
{
    struct sqltext from;

    if (s->backend == DB_SQLITE) {
        sql_lit(s, " FROM (SELECT value AS \"id\" FROM json_each(");
        sql_bind(s, V(p->seen));
        sql_lit(s, ")) AS seen CROSS JOIN ");
    } else {
        sql_lit(s, " FROM unnest(CAST(");
        sql_bind(s, V(p->seen));
        sql_lit(s, " AS bigint[])) AS seen(\"id\") CROSS JOIN ");
    }
    clause_begin(&from, p->c, s);
    from_sql(&from, p->e, 0, side);
    clause_end(&from, s);
    buf_add(&s->text, str_sub(buf_str(&from.text), sizeof " FROM " - 1, from.text.n));
}

enum err_code plan_sql(struct plan *p, enum segment segment, struct sql *sql, struct dbvals *v)
{
    struct sqltext s, select, where, order, from;
    unsigned side = 0;
    int streams = p->q->bin ? 0 : access_streams(p->c, p->e, p->q->right);
    bool small;

    TRY(plan_small(p, &small));
    sqltext_init(&s, p->c->mem, conn_backend(p->c->db));
    (void)sql_new_alias(&s); /* t0 is the record */
    clause_begin(&select, p->c, &s);
    select_sql(p, &select, &side);
    clause_begin(&where, p->c, &select);
    if (small) {
        TRY(filter_sql(p, segment, BY_SMALL_SET, &where, &side));
        sql_lit(&where, " AND ");
        sql_column(&where, 0, "id");
        sql_lit(&where, " = seen.\"id\"");
    } else if (streams) {
        TRY(streams_sql(p, streams, segment, &where));
    } else {
        TRY(filter_sql(p, segment, BY_PREDICATE, &where, &side));
    }
    clause_begin(&order, p->c, &where);
    order_sql(p, segment, &order, &side);
    clause_begin(&from, p->c, &order);
    if (small) {
        small_from_sql(p, side, &from);
    } else {
        from_sql(&from, p->e, 0, side);
    }
    clause_end(&from, &s);
    sql_lit(&s, "SELECT ");
    buf_add(&s.text, buf_str(&select.text));
    buf_add(&s.text, buf_str(&from.text));
    sql_lit(&s, " WHERE ");
    buf_add(&s.text, buf_str(&where.text));
    buf_add(&s.text, buf_str(&order.text));
    sql_lit(&s, " LIMIT ");
    sql_int(&s, p->limit + 1);
    return sqltext_end(&s, sql, v, &p->c->err);
}
