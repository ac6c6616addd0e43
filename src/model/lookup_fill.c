/* lookup_fill.c - the pass over all records of an entity that sets what a lookup leads to.
 *
 * The keys of the facts are read into memory once; then the records go by in pages of ids, some pages a
 * transaction, and only what differs is written. Whatever changes a key of the facts meanwhile orders another
 * pass, since this one gives its key away before it reads. On PostgreSQL a page locks its rows: a write of a
 * record and the page that passes it come one behind the other. */

#include "model/lookup.h"

#include "base/map.h"
#include "model/sqltext.h"

#include <inttypes.h>
#include <string.h>

enum { KEYS = 2000, PAGE = 1000, FACTS = 20000 };

struct reach { /* how far the pass has come */
    int64_t after, done, changed, matched;
    bool over;
};

struct filling {
    struct job_work *w;
    int64_t field;
    struct reach now, next; /* next: of the write at hand, which begins from `now` each time that it runs */
    bool gone;
    struct map facts; /* keys to ids, in the job's arena */
    struct str last;  /* key that was read of them */
};

static const struct live_field *field_of(struct call *c, int64_t number)
{
    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        for (size_t k = 0; k < e->nlookups; k++) {
            if (e->lookups[k]->number == number) {
                return e->lookups[k];
            }
        }
    }
    return NULL;
}

/* ---- reading pages ---- */

struct page {
    struct sqltext s;
    const struct live_entity *e;
    int alias;
};

static void put_table(struct page *p, int table)
{
    sql_alias(&p->s, p->alias);
    if (table > 0) {
        sql_lit(&p->s, "_x");
        sql_int(&p->s, table);
    }
}

/* SELECT id, the columns of the fields, from the tables that they need, beyond an id. */
static void select_page(struct page *p, const struct live_field *const *fields, size_t n, int64_t after,
    int most, bool live)
{
    struct sqltext *s = &p->s;
    unsigned sides = 0;

    p->alias = sql_new_alias(s);
    sql_lit(s, "SELECT ");
    sql_column(s, p->alias, "id");
    for (size_t i = 0; i < n; i++) {
        sides |= 1u << fields[i]->table;
        for (int k = 0; k < fields[i]->ncolumns; k++) {
            sql_lit(s, ", ");
            put_table(p, fields[i]->table);
            sql_lit(s, ".");
            sql_ident(s, fields[i]->columns[k].name);
        }
    }
    sql_lit(s, " FROM ");
    sql_ident(s, p->e->tables[0]);
    sql_lit(s, " ");
    sql_alias(s, p->alias);
    for (int t = 1; t <= p->e->nside; t++) {
        if (sides & 1u << t) {
            sql_lit(s, " JOIN ");
            sql_ident(s, p->e->tables[t]);
            sql_lit(s, " ");
            put_table(p, t);
            sql_lit(s, " ON ");
            put_table(p, t);
            sql_lit(s, ".\"id\" = ");
            sql_column(s, p->alias, "id");
        }
    }
    sql_lit(s, " WHERE ");
    sql_column(s, p->alias, "id");
    sql_lit(s, " > ");
    sql_bind(s, V(after));
    if (live) {
        sql_lit(s, " AND ");
        sql_column(s, p->alias, "deleted_at");
        sql_lit(s, " IS NULL");
    }
    sql_lit(s, " ORDER BY ");
    sql_column(s, p->alias, "id");
    sql_lit(s, " LIMIT ");
    sql_int(s, most);
    if (s->backend == DB_POSTGRES) {
        sql_lit(s, " FOR UPDATE OF ");
        sql_alias(s, p->alias);
    }
}

/* The cells of a row, as select_page ordered them. Texts live until the next row. */
static void read_cells(struct rows *rows, const struct live_field *const *fields, size_t n,
    struct dbval (*values)[FIELD_CELLS], const struct dbval **cells)
{
    int column = 1;

    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < fields[i]->ncolumns; k++) {
            values[i][k] = stmt_value(rows->st, column++, fields[i]->columns[k].type);
        }
        cells[i] = values[i];
    }
}

/* ---- the keys of the facts ---- */

static enum err_code begin(struct call *c, void *arg)
{
    struct filling *f = arg;
    const struct live_field *field = field_of(c, f->field);

    TRY(job_give_key(c, f->w->id));
    f->gone = !field;
    f->next.over = !field || !json_is_true(json_object_get(f->w->input, "keys"));
    if (f->next.over) {
        return OK;
    }
    return db_exec(c, SQL("DELETE FROM \"lookup_keys\" WHERE \"field\" = $1"), VALS(V(f->field)));
}

static enum err_code make_keys(struct call *c, void *arg)
{
    struct filling *f = arg;
    const struct live_field *field = field_of(c, f->field), *keys[LOOKUP_PAIRS];
    struct dbval values[LOOKUP_PAIRS][FIELD_CELLS];
    const struct dbval *cells[LOOKUP_PAIRS];
    struct { int64_t id; struct str key; } made[KEYS];
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    size_t n = 0;

    f->next = f->now;
    if (!field) {
        f->next.over = f->gone = true;
        return OK;
    }
    for (size_t i = 0; i < field->lookup->n; i++) {
        keys[i] = field->lookup->pairs[i].key;
    }
    struct page p = { .e = field->target };
    sqltext_init(&p.s, c->mem, conn_backend(c->db));
    select_page(&p, keys, field->lookup->n, f->now.after, KEYS, true);
    TRY(sqltext_end(&p.s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (n < KEYS && rows_next(&rows)) {
        read_cells(&rows, keys, field->lookup->n, values, cells);
        made[n].id = f->next.after = col_int(&rows, 0);
        made[n].key = arena_str(c->mem, lookup_key(c, field, LOOKUP_KEY, cells));
        n++;
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < n; i++) {
        TRY(!made[i].key.n ? OK
                           : db_exec(c,
                                 SQL("INSERT INTO \"lookup_keys\" (\"field\", \"key\", \"record\") VALUES ($1, $2, $3)"
                                     " ON CONFLICT DO NOTHING"),
                                 VALS(V(f->field), V(made[i].key), V(made[i].id))));
    }
    f->next.over = n < KEYS;
    return OK;
}

/* A page of them: a reader that stays for all would keep the log from beginning anew. */
static enum err_code read_facts(struct call *c, void *arg)
{
    struct filling *f = arg;
    struct rows rows;
    size_t n = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT \"key\", min(\"record\") FROM \"lookup_keys\" WHERE \"field\" = $1 AND \"key\" > $2 GROUP BY \"key\""
            " ORDER BY \"key\" LIMIT $3"),
        VALS(V(f->field), V(f->last), V((int64_t)FACTS))));
    for (; rows_next(&rows); n++) {
        int64_t *id = ARENA_NEW(f->w->mem, int64_t);
        *id = col_int(&rows, 1);
        f->last = arena_str(f->w->mem, stmt_text(rows.st, 0));
        map_put(&f->facts, f->last, id);
    }
    f->now.over = n < FACTS;
    return rows_end(&rows);
}

/* ---- the records ---- */

struct wrong {
    int64_t id[PAGE], fact[PAGE]; /* 0: none */
    size_t n;
};

static enum err_code find_wrong(
    struct call *c, struct filling *f, const struct live_field *field, struct wrong *wrong)
{
    const struct live_field *fields[LOOKUP_PAIRS + 1];
    struct dbval values[LOOKUP_PAIRS + 1][FIELD_CELLS];
    const struct dbval *cells[LOOKUP_PAIRS + 1];
    size_t pairs = field->lookup->n, n = 0;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    for (size_t i = 0; i < pairs; i++) {
        fields[i] = field->lookup->pairs[i].from;
    }
    fields[pairs] = field;
    struct page p = { .e = field->entity };
    sqltext_init(&p.s, c->mem, conn_backend(c->db));
    select_page(&p, fields, pairs + 1, f->next.after, PAGE, false);
    TRY(sqltext_end(&p.s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (n < PAGE && rows_next(&rows)) {
        struct arena_mark mark = arena_mark(c->mem);
        read_cells(&rows, fields, pairs + 1, values, cells);
        struct str key = lookup_key(c, field, LOOKUP_FROM, cells);
        const int64_t *fact = key.n ? map_get(&f->facts, key) : NULL;
        int64_t is = values[pairs][0].type == DB_INT ? values[pairs][0].i : 0, should = fact ? *fact : 0;
        arena_rewind(c->mem, mark);
        f->next.after = col_int(&rows, 0);
        f->next.matched += fact != NULL;
        n++;
        if (is != should) {
            wrong->id[wrong->n] = f->next.after;
            wrong->fact[wrong->n++] = should;
        }
    }
    f->next.done += (int64_t)n;
    f->next.over = n < PAGE;
    return rows_end(&rows);
}

static void update_column(struct sqltext *s, struct call *c, const struct live_field *field)
{
    sqltext_init(s, c->mem, conn_backend(c->db));
    sql_lit(s, "UPDATE ");
    sql_ident(s, field->entity->tables[field->table]);
    sql_lit(s, " SET ");
    sql_ident(s, field->columns[0].name);
}

static enum err_code write_one_by_one(
    struct call *c, const struct live_field *field, const struct wrong *wrong)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;

    update_column(&s, c, field);
    sql_lit(&s, " = ");
    sql_bind(&s, V_NULL);
    sql_lit(&s, " WHERE \"id\" = ");
    sql_bind(&s, V_NULL);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    for (size_t i = 0; i < wrong->n; i++) {
        TRY(db_exec(c, sql, VALS(wrong->fact[i] ? V(wrong->fact[i]) : V_NULL, V(wrong->id[i]))));
    }
    return OK;
}

/* "{1,NULL,3}" */
static struct str array_text(struct call *c, const int64_t *list, size_t n)
{
    struct buf b;

    buf_init(&b, c->mem, 24 * n + 3);
    buf_byte(&b, '{');
    for (size_t i = 0; i < n; i++) {
        buf_lit(&b, i ? "," : "");
        if (list[i]) {
            buf_int(&b, list[i]);
        } else {
            buf_lit(&b, "NULL");
        }
    }
    buf_byte(&b, '}');
    return buf_str(&b);
}

/* One statement a page: each would cost a journey to the server. */
static enum err_code write_together(
    struct call *c, const struct live_field *field, const struct wrong *wrong)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;

    update_column(&s, c, field);
    sql_lit(&s, " = w.\"fact\" FROM (SELECT unnest(CAST(");
    sql_bind(&s, V(array_text(c, wrong->id, wrong->n)));
    sql_lit(&s, " AS bigint[])) AS \"id\", unnest(CAST(");
    sql_bind(&s, V(array_text(c, wrong->fact, wrong->n)));
    sql_lit(&s, " AS bigint[])) AS \"fact\") w WHERE ");
    sql_ident(&s, field->entity->tables[field->table]);
    sql_lit(&s, ".\"id\" = w.\"id\"");
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    return db_exec(c, sql, v);
}

static enum err_code fill_page(struct call *c, void *arg)
{
    struct filling *f = arg;
    const struct live_field *field = field_of(c, f->field);
    struct wrong *wrong = ARENA_NEW(c->mem, struct wrong);
    enum err_code code = OK;

    f->next = f->now;
    if (!field) {
        f->next.over = f->gone = true;
        return OK;
    }
    /* as many as the writer has time for: the reference's index is touched all over, and a page of it that several
     * rows have changed is written once a transaction */
    do {
        wrong->n = 0;
        code = find_wrong(c, f, field, wrong);
        if (code == OK && wrong->n) {
            code = conn_backend(c->db) == DB_SQLITE ? write_one_by_one(c, field, wrong)
                                                    : write_together(c, field, wrong);
        }
        f->next.changed += (int64_t)wrong->n;
    } while (code == OK && !f->next.over && !call_has_taken_enough(c));
    return code;
}

/* Those who follow the feed learn once that the field may be another on any record. */
static enum err_code tell(struct call *c, void *arg)
{
    struct filling *f = arg;
    const struct live_field *field = field_of(c, f->field);

    return field && f->now.changed ? change_note_field(c, field) : OK;
}

/* What a write reached counts once it is committed: before that the writer may undo it and run it again. */
static enum err_code go_on(struct filling *f, call_fn *fn)
{
    TRY(job_work_write(f->w, fn, f));
    f->now = f->next;
    f->w->done = f->now.done;
    return OK;
}

enum err_code lookup_work(struct job_work *w)
{
    struct filling f = { .w = w, .last = STR(""), .field = json_integer_value(json_object_get(w->input, "field")) };

    TRY(go_on(&f, begin));
    while (!f.now.over) {
        TRY(go_on(&f, make_keys));
    }
    map_init(&f.facts, w->mem);
    for (f.now.over = f.gone; !f.now.over;) {
        TRY(job_work_read(w, read_facts, &f));
    }
    f.now = (struct reach) { .over = f.gone };
    while (!f.now.over) {
        TRY(go_on(&f, fill_page));
    }
    w->result = arena_fmt(w->mem, "{\"records\": %" PRId64 ", \"matched\": %" PRId64 ", \"changed\": %" PRId64 "}",
        w->done, f.now.matched, f.now.changed);
    return job_work_end(w, tell, &f);
}

/* ---- the state ---- */

static enum err_code is_at_work(struct call *c, const struct live_field *f, bool *yes)
{
    struct rows rows;

    *yes = false;
    TRY(db_query(c, &rows,
        SQL("SELECT \"input\" FROM \"jobs\" WHERE \"kind\" = 'lookup' AND \"state\" IN ('waiting', 'running')"), VALS()));
    while (rows_next(&rows)) {
        json_t *input;
        TRY(json_read(c->mem, col_text(&rows, 0), &input, &c->err));
        *yes = *yes || json_integer_value(json_object_get(input, "field")) == f->number;
    }
    return rows_end(&rows);
}

enum err_code lookup_state(struct call *c, const struct live_field *f, struct lookup_state *out)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    *out = (struct lookup_state) { 0 };
    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT count(*), count(");
    sql_ident(&s, f->columns[0].name);
    sql_lit(&s, ") FROM ");
    sql_ident(&s, f->entity->tables[f->table]);
    sql_lit(&s, " WHERE \"deleted_at\" IS NULL");
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    if (rows_next(&rows)) {
        out->records = col_int(&rows, 0);
        out->matched = col_int(&rows, 1);
    }
    TRY(rows_end(&rows));
    TRY(db_int(c, &out->facts, SQL("SELECT count(*) FROM \"lookup_keys\" WHERE \"field\" = $1"),
        VALS(V(f->number))));
    return is_at_work(c, f, &out->at_work);
}
