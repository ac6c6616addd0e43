/* record_read.c - records from their tables, and as the evaluator of expressions sees them. */

#include "model/record_steps.h"

#include <inttypes.h>
#include <string.h>

/* ---- reading ---- */

enum err_code record_load_table(struct call *c, struct record *r, int table, bool *found)
{
    struct rows rows;
    int col = 0;

    *found = false;
    TRY(db_query(c, &rows, (struct sql) { r->e->select[table], NULL }, VALS(V(r->id))));
    if (rows_next(&rows)) {
        *found = true;
        for (struct live_field **f = r->e->table_fields[table]; *f; f++) {
            for (int i = 0; i < (*f)->ncolumns; i++, col++) {
                struct dbval v = stmt_value(rows.st, col, (*f)->columns[i].type);
                if (v.type == DB_TEXT || v.type == DB_BLOB) {
                    v.s = arena_str(c->mem, v.s);
                }
                r->cells[(*f)->cell + i] = v;
            }
        }
    }
    r->loaded |= 1u << (table & 31);
    return rows_end(&rows);
}

enum err_code record_load(
    struct call *c, const struct live_entity *e, int64_t id, bool side, struct record **out)
{
    struct record *r = record_new(c, e);
    bool found;

    r->id = id;
    TRY(record_load_table(c, r, 0, &found));
    if (!found) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
    }
    for (int t = 1; side && t <= e->nside; t++) {
        TRY(record_load_table(c, r, t, &found));
    }
    r->version = e->version ? r->cells[e->version->cell].i : 0;
    *out = r;
    return OK;
}

enum err_code record_lock(struct call *c, const struct live_entity *e, int64_t id)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    int64_t one;
    bool found;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\" FROM ");
    sql_ident(&s, e->tables[0]);
    sql_lit(&s, " WHERE \"id\" = ");
    sql_bind(&s, V(id));
    if (s.backend == DB_POSTGRES) {
        sql_lit(&s, " FOR UPDATE");
    }
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_find(c, &one, &found, sql, v));
    return found ? OK
                 : fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
}

/* ---- the evaluator's view ---- */

struct row_source {
    struct call *c;
    struct record *r;
    bool asked; /* by a user: what he may not read is absent */
};

static enum err_code stored_base(
    struct call *c, const struct live_field *f, int64_t id, struct dbval *base)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT ");
    sql_ident(&s, f->key_column);
    sql_lit(&s, " FROM ");
    sql_ident(&s, f->entity->tables[f->table]);
    sql_lit(&s, " WHERE \"id\" = ");
    sql_bind(&s, V(id));
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    if (rows_next(&rows)) {
        *base = stmt_value(rows.st, 0, DB_INT);
    }
    return rows_end(&rows);
}

enum err_code record_keep_bases(struct call *c, struct record *r, const bool *changed)
{
    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        if (f->value != KIND_MONEY || !f->stored || !f->key_column || (changed && !changed[i])
            || cells_absent(f, &r->cells[f->cell])
            || str_eq(r->cells[f->cell + 1].s, c->model->currency)) {
            continue;
        }
        if (!r->bases) {
            r->bases = ARENA_ARRAY(c->mem, struct kept_base, r->e->nfields);
        }
        TRY(stored_base(c, f, r->id, &r->bases[i].v));
        r->bases[i].known = true;
    }
    return OK;
}

/* The amount in base currency is that of the day it was stored: it stands in the key column, or in history where that is
 * brought back. What is being written takes the rate of now. */
static enum err_code base_of(
    struct call *c, const struct live_field *f, const struct record *r, struct value *out)
{
    struct dbval base = V_NULL;

    if (str_eq(out->currency, c->model->currency)) {
        out->base = out->i;
        return OK;
    }
    if (r->bases && r->bases[f->index].known) {
        base = r->bases[f->index].v;
    } else if (r->loaded && r->id && !r->set[f->index]) {
        TRY(stored_base(c, f, r->id, &base));
    } else {
        base = cells_key(c, f, &r->cells[f->cell]);
    }
    out->base = base.i;
    out->no_base = base.type == DB_NULL;
    return OK;
}

static enum err_code source_field(
    void *arg, const struct live_field *f, int64_t id, struct value *out)
{
    struct row_source *s = arg;
    struct record *r = s->r;
    bool found = true;

    if (id) {
        enum err_code code = record_load(s->c, f->entity, id, f->table > 0, &r);
        if (code == ERR_NOT_FOUND) {
            err_clear(&s->c->err);
            found = false;
        } else if (code != OK) {
            return code;
        }
        found = found && (!f->entity->deleted_at
            || r->cells[f->entity->deleted_at->cell].type == DB_NULL);
    } else if (f->table > 0 && r->id && !(r->loaded & (1u << (f->table & 31)))) {
        TRY(record_load_table(s->c, r, f->table, &found));
    }
    if (found && id && s->asked) {
        TRY(access_record(s->c, r, RIGHT_READ, &found));
    }
    if (!found) {
        *out = (struct value) { .absent = true };
        return OK;
    }
    cells_to_value(f, &r->cells[f->cell], out);
    if (f->value == KIND_MONEY && !out->absent) {
        TRY(base_of(s->c, f, r, out));
    }
    if (f->value == KIND_ANYREF) {
        out->entity = model_entity_number(s->c->model, r->cells[f->cell].i);
    }
    return OK;
}

/* The entity under whose name the rows are children. */
static const struct live_entity *parent_of(const struct model *m, const struct live_child *child)
{
    for (size_t i = 0; i < m->nentities; i++) {
        for (size_t k = 0; k < m->entities[i]->nchildren; k++) {
            if (m->entities[i]->children[k] == child) {
                return m->entities[i];
            }
        }
    }
    return NULL;
}

static enum err_code leave_out_unseen(
    struct call *c, const struct live_entity *e, int64_t *ids, size_t *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        struct record *r;
        bool yes;
        TRY(record_load(c, e, ids[i], false, &r));
        TRY(access_record(c, r, RIGHT_READ, &yes));
        ids[kept] = ids[i];
        kept += yes;
    }
    *n = kept;
    return OK;
}

static enum err_code source_children(
    void *arg, const struct live_child *child, int64_t id, int64_t **ids, size_t *n)
{
    struct row_source *s = arg;
    struct call *c = s->c;
    struct sqltext q;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    size_t room = 0;

    *n = 0;
    *ids = NULL;
    id = id ? id : s->r->id;
    const struct live_entity *parent = parent_of(c->model, child);
    sqltext_init(&q, c->mem, conn_backend(c->db));
    sql_lit(&q, "SELECT \"id\" FROM ");
    sql_ident(&q, child->entity->tables[child->by->table]);
    sql_lit(&q, " WHERE ");
    if (child->by->value == KIND_ANYREF) {
        sql_ident(&q, child->by->columns[0].name);
        sql_lit(&q, " = ");
        sql_int(&q, parent ? parent->number : s->r->e->number);
        sql_lit(&q, " AND ");
    }
    sql_ident(&q, child->by->columns[child->by->value == KIND_ANYREF].name);
    sql_lit(&q, " = ");
    sql_bind(&q, V(id));
    sql_lit(&q, " AND \"deleted_at\" IS NULL ORDER BY \"id\"");
    TRY(sqltext_end(&q, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        ARENA_ROOM(c->mem, *ids, *n, room);
        (*ids)[(*n)++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    return s->asked ? leave_out_unseen(c, child->entity, *ids, n) : OK;
}

static struct expr_rows rows_of(struct call *c, struct record *r, bool asked)
{
    struct row_source *s = ARENA_NEW(c->mem, struct row_source);

    *s = (struct row_source) { c, r, asked };
    return (struct expr_rows) { s, source_field, source_children, c, r->id };
}

struct expr_rows record_rows(struct call *c, struct record *r)
{
    return rows_of(c, r, false);
}

struct expr_rows record_rows_seen(struct call *c, struct record *r)
{
    return rows_of(c, r, true);
}
