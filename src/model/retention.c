/* retention.c - empties the bin, object by object, a few records a transaction. */

#include "model/retention.h"

#include "model/change.h"
#include "model/job.h"
#include "model/setting.h"

#include <string.h>

enum { CHUNK = 100, HISTORY_CHUNK = 2000, STEP_MICROS = 15000 };

struct emptying {
    struct job_work *w;
    int64_t bin_days, history_days, entities;
    size_t entity;
    int64_t after, purged;
    int64_t ids[CHUNK]; /* found by a read, purged by writes: looking for them holds nobody up */
    size_t n, done;
    size_t taken; /* by one write, which may run twice */
};

static enum err_code read_settings(struct call *c, void *arg)
{
    struct emptying *m = arg;

    TRY(setting_int(c, "bin.days", &m->bin_days));
    TRY(setting_int(c, "history.days", &m->history_days));
    m->entities = (int64_t)c->model->nentities;
    return OK;
}

static const struct live_entity *entity_now(const struct call *c, const struct emptying *m)
{
    const struct live_entity *e
        = m->entity < c->model->nentities ? c->model->entities[m->entity] : NULL;

    return e && !(e->def.flags & ENTITY_TABLE) ? e : NULL;
}

static enum err_code find_old(struct call *c, void *arg)
{
    struct emptying *m = arg;
    const struct live_entity *e = entity_now(c, m);
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    m->n = m->done = 0;
    if (!e) {
        return OK;
    }
    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\" FROM ");
    sql_ident(&s, e->tables[0]);
    sql_lit(&s, " WHERE \"deleted_at\" IS NOT NULL AND \"deleted_at\" < ");
    sql_bind(&s, V(c->now - DAYS(m->bin_days)));
    sql_lit(&s, " AND \"id\" > ");
    sql_bind(&s, V(m->after));
    sql_lit(&s, " ORDER BY \"id\" LIMIT 100");
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    for (; m->n < CHUNK && rows_next(&rows); m->n++) {
        m->ids[m->n] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

struct one {
    const struct live_entity *e;
    int64_t id;
};

static enum err_code purge(struct call *c, void *arg)
{
    struct one *one = arg;

    return record_purge(c, one->e, one->id, false);
}

static enum err_code purge_some(struct call *c, void *arg)
{
    struct emptying *m = arg;
    const struct live_entity *e = entity_now(c, m);

    m->taken = 0;
    c->change_kind = "retention";
    while (e && m->done + m->taken < m->n && time_now() - c->began < STEP_MICROS) {
        struct one one = { e, m->ids[m->done + m->taken] };
        enum err_code code = call_nested(c, purge, &one);
        if (code != OK && (!err_from_input(code) || !conn_in_tx(c->db))) {
            return code;
        }
        err_clear(&c->err);
        c->errors = NULL;
        m->taken++;
    }
    m->taken = e ? m->taken : m->n - m->done;
    return OK;
}

static enum err_code forget_history(struct call *c, void *arg)
{
    struct emptying *m = arg;
    int64_t before = c->now - DAYS(m->history_days);

    TRY(db_exec(c,
        SQL("DELETE FROM \"history_refs\" WHERE \"history\" IN (SELECT \"id\" FROM \"history\" WHERE \"at\" < $1"
            " ORDER BY \"id\" LIMIT 2000)"),
        VALS(V(before))));
    TRY(db_changed(c, &m->purged,
        SQL("DELETE FROM \"history\" WHERE \"id\" IN (SELECT \"id\" FROM \"history\" WHERE \"at\" < $1 ORDER BY"
            " \"id\" LIMIT 2000)"),
        VALS(V(before))));
    return OK;
}

enum err_code retention_work(struct job_work *w)
{
    struct emptying m = { .w = w };

    TRY(job_work_read(w, read_settings, &m));
    w->total = m.entities;
    for (; m.bin_days > 0 && (int64_t)m.entity < m.entities; m.entity++) {
        m.after = 0;
        do {
            w->done = (int64_t)m.entity;
            TRY(job_work_read(w, find_old, &m));
            for (; m.done < m.n; m.done += m.taken) {
                TRY(job_work_write(w, purge_some, &m));
            }
            m.after = m.n ? m.ids[m.n - 1] : 0;
        } while (m.n == CHUNK);
    }
    /* what undo needs stays: it reaches back 30 days */
    while (m.history_days >= 30) {
        TRY(job_work_write(w, forget_history, &m));
        if (m.purged < HISTORY_CHUNK) {
            break;
        }
    }
    return OK;
}
