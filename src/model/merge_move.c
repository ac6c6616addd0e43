/* merge_move.c - what refers to a record that is merged away leads to the survivor afterwards.
 *
 * Reference fields are found from the model, so a new entity is covered by itself. Each row is moved
 * through the record engine as undo would put it: without hooks and validation, because only the name
 * under which somebody is known changes; history, feed and roll-ups follow. */

#include "model/merge.h"
#include "model/store.h"

#include <inttypes.h>
#include <string.h>

enum { PAGE = 200 };

static bool leads_to(const struct live_field *f, const struct live_entity *e)
{
    if (!f->stored || f->def.kind == KIND_FORMULA || f->def.kind == KIND_ROLLUP) {
        return false;
    }
    if (f->def.kind == KIND_REF || f->def.kind == KIND_FILE) {
        return f->target == e;
    }
    bool yes = f->def.kind == KIND_ANYREF && !f->targets;
    for (struct live_entity **t = f->def.kind == KIND_ANYREF ? f->targets : NULL; t && *t; t++) {
        yes = yes || *t == e;
    }
    return yes;
}

/* FROM and WHERE of the rows that refer to a record by the field. */
static void where_sql(
    struct sqltext *s, const struct live_field *by, const struct live_entity *to, int64_t id)
{
    bool any = by->def.kind == KIND_ANYREF;

    sql_lit(s, " FROM ");
    sql_ident(s, by->entity->tables[by->table]);
    sql_lit(s, " WHERE ");
    if (any) {
        sql_ident(s, by->columns[0].name);
        sql_lit(s, " = ");
        sql_int(s, to->number);
        sql_lit(s, " AND ");
    }
    sql_ident(s, by->columns[any].name);
    sql_lit(s, " = ");
    sql_bind(s, V(id));
}

static enum err_code page_of(struct call *c, const struct live_field *by,
    const struct live_entity *to, int64_t id, int64_t after, int64_t *ids, size_t *n)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    *n = 0;
    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\"");
    where_sql(&s, by, to, id);
    sql_lit(&s, " AND \"id\" > ");
    sql_bind(&s, V(after));
    if (by->entity->def.flags & ENTITY_LINK) {
        sql_lit(&s, " AND \"deleted_at\" IS NULL"); /* a link in the bin comes back by undo alone */
    }
    sql_lit(&s, " ORDER BY \"id\" LIMIT ");
    sql_int(&s, PAGE);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (*n < PAGE && rows_next(&rows)) {
        ids[(*n)++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

/* ---- links ---- */

static bool is_end(const struct live_field *f)
{
    return str_is(f->name, "from") || str_is(f->name, "to");
}

/* Do two links say the same? What the first does not say is set in change. */
static bool compare_attributes(
    const struct record *kept, const struct record *other, struct record *change)
{
    bool same = true;

    for (size_t i = 0; i < kept->e->nfields; i++) {
        const struct live_field *f = kept->e->fields[i];
        if (f->standard || !f->stored || is_end(f)) {
            continue;
        }
        same = same && cells_equal(f, &kept->cells[f->cell], &other->cells[f->cell]);
        if (cells_absent(f, &kept->cells[f->cell])
            && !cells_absent(f, &other->cells[f->cell])) {
            record_set_cells(change, f, &other->cells[f->cell]);
        }
    }
    return same;
}

static enum err_code like_links(struct call *c, const struct record *link, int64_t *ids, size_t *n)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    *n = 0;
    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\" FROM ");
    sql_ident(&s, link->e->tables[0]);
    sql_lit(&s, " WHERE \"from\" = ");
    sql_bind(&s, record_get(link, "from"));
    sql_lit(&s, " AND \"to\" = ");
    sql_bind(&s, record_get(link, "to"));
    sql_lit(&s, " AND \"deleted_at\" IS NULL AND \"id\" <> ");
    sql_bind(&s, V(link->id));
    sql_lit(&s, " ORDER BY \"id\" LIMIT ");
    sql_int(&s, PAGE);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (*n < PAGE && rows_next(&rows)) {
        ids[(*n)++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

/* The survivor is linked there already: one link stays, with what either of them said. Where a pair may be
 * linked more than once (roles in a company), only one that says the same is double. */
static enum err_code collapse(struct call *c, const struct record *link, bool *gone)
{
    int64_t ids[PAGE];
    size_t n;

    *gone = record_get(link, "from").i == record_get(link, "to").i
        && entity_field(link->e, STR("from"))->target == entity_field(link->e, STR("to"))->target;
    if (*gone) {
        return record_delete_along(c, link->e, link->id); /* nobody is related to himself */
    }
    TRY(like_links(c, link, ids, &n));
    for (size_t i = 0; i < n && !*gone; i++) {
        struct record *kept, *change = record_new(c, link->e);
        TRY(record_load(c, link->e, ids[i], true, &kept));
        bool same = compare_attributes(kept, link, change);
        if (!same && !(link->e->def.unique && link->e->def.unique[0])) {
            continue;
        }
        *gone = true;
        TRY(record_delete_along(c, link->e, link->id));
        change->id = ids[i];
        change->trusted = true;
        TRY(record_update(c, change));
    }
    return OK;
}

/* ---- one row ---- */

static bool is_loser(const struct merging *m, int64_t id)
{
    for (size_t i = 1; i < m->n; i++) {
        if (m->ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* Another row holds the key that this one would have with the survivor (a choice of one per person): it stays, and
 * takes over what the entity's own rule says. */
static enum err_code give_way(struct call *c, const struct record *r, bool *gone)
{
    struct str columns;
    int64_t holder = 0;
    struct record *kept;

    TRY(r->cells[r->e->deleted_at->cell].type == DB_NULL ? store_find_holder(c, r, &holder, &columns) : OK);
    *gone = holder != 0;
    if (!*gone) {
        return OK;
    }
    TRY(record_delete_along(c, r->e, r->id));
    if (!r->e->def.merge_clash) {
        return OK;
    }
    TRY(record_load(c, r->e, holder, true, &kept));
    return r->e->def.merge_clash(c, kept, r);
}

static enum err_code move_row(
    struct call *c, struct merging *m, const struct live_field *by, int64_t id)
{
    struct record *r, *change = record_new(c, by->entity);
    struct dbval cells[FIELD_CELLS] = { V(m->ids[0]), V_NULL };
    bool gone = false;

    if (by->entity == m->e && is_loser(m, id)) {
        return OK;
    }
    if (by->def.kind == KIND_ANYREF) {
        cells[0] = V(m->e->number);
        cells[1] = V(m->ids[0]);
    }
    if (by->entity == m->e && id == m->ids[0]) {
        cells[0] = cells[1] = V_NULL; /* the survivor does not refer to himself */
    }
    TRY(record_load(c, by->entity, id, true, &r));
    record_set_cells(r, by, cells);
    if (by->entity->def.flags & ENTITY_LINK) {
        TRY(collapse(c, r, &gone));
    } else {
        TRY(give_way(c, r, &gone));
    }
    m->moved++;
    if (gone) {
        return OK;
    }
    change->id = id;
    change->trusted = change->replay = true;
    change->moved_by = by;
    record_set_cells(change, by, cells);
    return record_update(c, change);
}

/* What parents sum over the rows: once for all that moved, or a merge of much would sum as often. */
static enum err_code refresh_parents(
    struct call *c, const struct merging *m, const struct live_field *by)
{
    for (size_t i = 0; i < m->e->nchildren; i++) {
        const struct live_child *child = m->e->children[i];
        for (size_t k = 0; child->by == by && child->nrollups && k < m->n; k++) {
            TRY(rollup_refresh(c, child->rollups[0], m->ids[k]));
        }
    }
    return OK;
}

static enum err_code move_by(struct call *c, struct merging *m, const struct live_field *by)
{
    int64_t before = m->moved;

    for (size_t i = 1; i < m->n; i++) {
        int64_t ids[PAGE], after = 0;
        size_t n = PAGE;
        while (n == PAGE) {
            TRY(page_of(c, by, m->e, m->ids[i], after, ids, &n));
            for (size_t k = 0; k < n; k++) {
                struct call_mark mark = call_mark(c);
                TRY(move_row(c, m, by, ids[k]));
                call_rewind(c, mark);
                after = ids[k];
            }
        }
    }
    return m->moved > before ? refresh_parents(c, m, by) : OK;
}

enum err_code merge_move(struct call *c, struct merging *m)
{
    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        for (size_t k = 0; !(e->def.flags & (ENTITY_TABLE | ENTITY_PAIR)) && k < e->nfields; k++) {
            if (leads_to(e->fields[k], m->e)) {
                TRY(move_by(c, m, e->fields[k]));
            }
        }
    }
    return OK;
}

enum err_code merge_count(
    struct call *c, const struct merging *m, merge_count_fn *fn, void *arg)
{
    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        for (size_t k = 0; !(e->def.flags & (ENTITY_TABLE | ENTITY_PAIR)) && k < e->nfields; k++) {
            int64_t all = 0, n;
            for (size_t l = 1; leads_to(e->fields[k], m->e) && l < m->n; l++) {
                struct sqltext s;
                struct sql sql;
                struct dbvals v;
                sqltext_init(&s, c->mem, conn_backend(c->db));
                sql_lit(&s, "SELECT count(*)");
                where_sql(&s, e->fields[k], m->e, m->ids[l]);
                sql_lit(&s, " AND \"deleted_at\" IS NULL");
                TRY(sqltext_end(&s, &sql, &v, &c->err));
                TRY(db_int(c, &n, sql, v));
                all += n;
            }
            TRY(all ? fn(c, e->fields[k], all, arg) : OK);
        }
    }
    return OK;
}
