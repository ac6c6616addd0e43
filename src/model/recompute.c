/* recompute.c - walks the records of an entity in chunks and makes computed fields anew. */

#include "model/recompute.h"

#include "model/file.h"
#include "model/lookup.h"
#include "model/store.h"

#include <string.h>

enum { CHUNK = 200 };

static bool is_new(const struct model *old, const struct live_field *f)
{
    for (size_t i = 0; i < old->nentities; i++) {
        const struct live_entity *e = old->entities[i];
        for (size_t k = 0; e->number == f->entity->number && k < e->nfields; k++) {
            if (e->fields[k]->number == f->number) {
                const struct field *was = &e->fields[k]->def, *is = &f->def;
                return !str_eq(str_of(was->expr), str_of(is->expr))
                    || !str_eq(str_of(was->lookup), str_of(is->lookup));
            }
        }
    }
    return true;
}

enum err_code recompute_order(struct call *c, const struct model *old, const struct model *now)
{
    for (size_t i = 0; i < now->nentities; i++) {
        const struct live_entity *e = now->entities[i];
        for (size_t k = 0; k < e->nfields; k++) {
            const struct live_field *f = e->fields[k];
            int64_t id;
            if (!f->custom || !f->stored || !(f->expr || f->lookup) || !is_new(old, f)) {
                continue;
            }
            if (f->lookup) {
                TRY(lookup_order(c, f, true, 0, &id));
                continue;
            }
            json_t *input = json_pack("{s:I, s:I}", "entity", (json_int_t)e->number, "field",
                (json_int_t)f->number);
            arena_defer(c->mem, (void (*)(void *))json_decref, input);
            TRY(job_enqueue(
                c, &(struct job_order) { .kind = "recompute", .input = input }, &id));
        }
    }
    return OK;
}

static enum err_code recompute_one(
    struct call *c, const struct live_entity *e, const struct live_field *f, int64_t id)
{
    if (f->def.kind == KIND_ROLLUP) {
        return rollup_refresh(c, f, id);
    }
    struct record *r = record_new(c, e);
    r->id = id;
    r->trusted = r->quiet = r->replay = true;
    /* the side table with the formula is read because a field of it counts as set */
    struct record *old;
    TRY(record_load(c, e, id, true, &old));
    record_set_cells(r, f, &old->cells[f->cell]);
    return record_update(c, r);
}

enum err_code recompute_run(struct call *c)
{
    const struct live_entity *e = model_entity_number(
        c->model, json_integer_value(json_object_get(c->job->input, "entity")));
    struct str name = arena_fmt(c->mem, "@%lld",
        (long long)json_integer_value(json_object_get(c->job->input, "field")));
    const struct live_field *f = e ? entity_field(e, name) : NULL;
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    int64_t ids[CHUNK];
    size_t n = 0;

    if (!f) {
        return OK; /* removed meanwhile */
    }
    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\" FROM ");
    sql_ident(&s, e->tables[0]);
    sql_lit(&s, " WHERE \"id\" > ");
    sql_bind(&s, V(job_mark(c)));
    sql_lit(&s, " ORDER BY \"id\" LIMIT ");
    sql_int(&s, CHUNK);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (n < CHUNK && rows_next(&rows)) {
        ids[n++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < n; i++) {
        struct call_mark mark = call_mark(c);
        TRY(recompute_one(c, e, f, ids[i]));
        call_rewind(c, mark);
    }
    return n == CHUNK ? job_continue(c, ids[n - 1], c->job->done + (int64_t)n, 0) : OK;
}

/* Feed is kept 30 days, but never what a consumer has not read; keys and sessions that ran out go. */
enum err_code housekeeping_run(struct call *c)
{
    int64_t old = c->now - FEED_LIFE, changed;

    TRY(db_changed(c, &changed,
        SQL("DELETE FROM \"feed\" WHERE \"id\" IN (SELECT \"id\" FROM \"feed\" WHERE \"at\" < $1 AND"
            " \"id\" <= (SELECT coalesce(min(\"seq\"), 0) FROM \"cursors\") ORDER BY \"id\""
            " LIMIT 2000)"),
        VALS(V(old))));
    if (changed == 2000) {
        return job_continue(c, 0, c->job->done + changed, 0);
    }
    TRY(db_exec(c, SQL("DELETE FROM \"sessions\" WHERE \"expires_at\" < $1"), VALS(V(c->now))));
    TRY(db_exec(c, SQL("DELETE FROM \"throttles\" WHERE \"until\" < $1"), VALS(V(c->now - DAYS(1)))));
    TRY(db_exec(c, SQL("DELETE FROM \"idempotency_keys\" WHERE \"at\" < $1"),
        VALS(V(c->now - DAYS(1)))));
    TRY(db_exec(c,
        SQL("DELETE FROM \"jobs\" WHERE \"ended_at\" < $1 AND \"state\" <> 'waiting'"),
        VALS(V(old))));
    return file_collect(c);
}
