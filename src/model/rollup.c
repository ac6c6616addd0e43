/* rollup.c - keeps the direct roll-ups of parents true in the transaction that changed a child.
 *
 * Made anew from the children, not counted up: the sum is right whatever the path of the change, and
 * one index range is read. The parent is written through the record engine, so its formulas, its own
 * parents and the feed follow. */

#include "model/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Locks the parent first: on PostgreSQL the statement that sums must begin after the lock, so that
 * it sees what a concurrent call committed. */
static enum err_code refresh_one(
    struct call *c, const struct live_entity *parent, const struct live_child *child, int64_t id)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    struct record *r = record_new(c, parent);
    struct expr_sql x = { .out = &s, .now = c->now, .me = c->who->id };
    bool found = false;

    if (conn_backend(c->db) == DB_POSTGRES) {
        TRY(record_lock(c, parent, id));
    }
    sqltext_init(&s, c->mem, conn_backend(c->db));
    x.alias = sql_new_alias(&s);
    sql_lit(&s, "SELECT ");
    for (size_t i = 0; i < child->nrollups; i++) {
        if (i) {
            sql_lit(&s, ", ");
        }
        expr_sql_value(child->rollups[i]->expr, &x);
    }
    sql_lit(&s, " FROM ");
    sql_ident(&s, parent->tables[0]);
    sql_lit(&s, " ");
    sql_alias(&s, x.alias);
    sql_lit(&s, " WHERE ");
    sql_column(&s, x.alias, "id");
    sql_lit(&s, " = ");
    sql_bind(&s, V(id));
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    if (rows_next(&rows)) {
        found = true;
        for (size_t i = 0; i < child->nrollups; i++) {
            const struct live_field *f = child->rollups[i];
            struct dbval cells[FIELD_CELLS] = { stmt_value(rows.st, (int)i, f->columns[0].type) };
            if (cells[0].type == DB_TEXT) {
                cells[0].s = arena_str(c->mem, cells[0].s);
            }
            if (f->value == KIND_MONEY && cells[0].type != DB_NULL) {
                cells[1] = V(c->model->currency);
            }
            record_set_cells(r, f, cells);
        }
    }
    TRY(rows_end(&rows));
    if (!found) {
        return OK;
    }
    r->id = id;
    r->trusted = r->quiet = r->replay = true;
    return record_update(c, r);
}

enum err_code rollup_refresh(struct call *c, const struct live_field *rollup, int64_t id)
{
    const struct live_entity *parent = rollup->entity;

    for (size_t i = 0; i < parent->nchildren; i++) {
        for (size_t k = 0; k < parent->children[i]->nrollups; k++) {
            if (parent->children[i]->rollups[k] == rollup) {
                return refresh_one(c, parent, parent->children[i], id);
            }
        }
    }
    return OK;
}

/* ---- held until the end of many writes ---- */

struct held {
    const struct live_entity *parent;
    const struct live_child *child;
    int64_t id;
};

struct held_rollups { /* in an arena of its own: that of the call is rewound between rows */
    struct arena *mem;
    struct held *list;
    size_t n, room;
};

static void destroy_held(void *arg)
{
    arena_destroy(((struct held_rollups *)arg)->mem);
}

void rollups_hold(struct call *c)
{
    struct held_rollups *h = ARENA_NEW(c->mem, struct held_rollups);

    assert(!c->held);
    h->mem = arena_create(0);
    arena_defer(c->mem, destroy_held, h);
    c->held = h;
}

static int by_place(const void *pa, const void *pb)
{
    const struct held *a = pa, *b = pb;

    return a->parent->number != b->parent->number ? (a->parent->number < b->parent->number ? -1 : 1)
        : a->child != b->child                    ? (a->child->by->number < b->child->by->number ? -1 : 1)
                                                  : (a->id > b->id) - (a->id < b->id);
}

static bool is_same(const struct held *a, const struct held *b)
{
    return a->parent == b->parent && a->child == b->child && a->id == b->id;
}

/* Those noted so far, in ascending order, so that two calls never wait for each other, each once. */
static void settle_held(struct held_rollups *h)
{
    size_t n = 0;

    if (h->n) {
        qsort(h->list, h->n, sizeof *h->list, by_place);
    }
    for (size_t i = 0; i < h->n; i++) {
        if (!n || !is_same(&h->list[n - 1], &h->list[i])) {
            h->list[n++] = h->list[i];
        }
    }
    h->n = n;
}

static void hold(
    struct held_rollups *h, const struct live_entity *parent, const struct live_child *child, int64_t id)
{
    struct held one = { parent, child, id };

    /* rows of one parent mostly come one behind the other */
    for (size_t i = h->n; i > 0 && i + 4 > h->n; i--) {
        if (is_same(&h->list[i - 1], &one)) {
            return;
        }
    }
    ARENA_ROOM(h->mem, h->list, h->n, h->room);
    h->list[h->n++] = one;
}

/* Does a change of an entity's rows make roll-ups of another anew? */
static bool leads_to(const struct live_entity *from, const struct live_entity *to)
{
    for (size_t i = 0; from != to && i < to->nchildren; i++) {
        if (to->children[i]->entity == from && to->children[i]->nrollups) {
            return true;
        }
    }
    return false;
}

/* Those of an entity that no other one of the list would change again: lines' orders go before people. */
static const struct live_entity *lowest(const struct held_rollups *h)
{
    for (size_t i = 0; i < h->n; i++) {
        bool waits = false;
        for (size_t k = 0; k < h->n && !waits; k++) {
            waits = leads_to(h->list[k].parent, h->list[i].parent);
        }
        if (!waits) {
            return h->list[i].parent;
        }
        while (i + 1 < h->n && h->list[i + 1].parent == h->list[i].parent) {
            i++;
        }
    }
    return h->list[0].parent;
}

enum err_code rollups_release(struct call *c)
{
    struct held_rollups *h = c->held;

    while (h->n) {
        settle_held(h);
        const struct live_entity *parent = lowest(h);
        struct held *taken = ARENA_ARRAY(h->mem, struct held, h->n);
        size_t ntaken = 0, left = 0;
        for (size_t i = 0; i < h->n; i++) {
            if (h->list[i].parent == parent) {
                taken[ntaken++] = h->list[i];
            } else {
                h->list[left++] = h->list[i];
            }
        }
        h->n = left;
        for (size_t i = 0; i < ntaken; i++) {
            struct call_mark mark = call_mark(c);
            TRY(refresh_one(c, parent, taken[i].child, taken[i].id));
            call_rewind(c, mark);
        }
    }
    c->held = NULL;
    return OK;
}

/* ---- whose roll-ups a change touches ---- */

static int64_t parent_id(
    const struct record *r, const struct live_field *by, const struct live_entity *parent)
{
    const struct dbval *cells = &r->cells[by->cell];

    if (by->value == KIND_ANYREF) {
        return cells[0].type == DB_INT && cells[0].i == parent->number ? cells[1].i : 0;
    }
    return cells[0].type == DB_INT ? cells[0].i : 0;
}

struct touches {
    const struct live_entity *e;
    const bool *changed;
    bool yes;
};

static void look(void *arg, const struct expr_use *u)
{
    struct touches *t = arg;

    if (u->field && u->field->entity == t->e && t->changed[u->field->index]) {
        t->yes = true;
    }
}

static bool matters(const struct live_child *child, const bool *changed)
{
    struct touches t = { child->entity, changed, !changed || changed[child->by->index] };

    for (size_t i = 0; i < child->nrollups && !t.yes; i++) {
        expr_uses(child->rollups[i]->expr, look, &t);
    }
    return t.yes;
}

static enum err_code refresh_parents(struct call *c, const struct record *now,
    const struct record *old, const bool *changed, const struct live_field *by,
    const struct live_entity *parent)
{
    for (size_t k = 0; k < parent->nchildren; k++) {
        const struct live_child *child = parent->children[k];
        if (child->by != by || !child->nrollups || !matters(child, changed)) {
            continue;
        }
        int64_t is = now ? parent_id(now, by, parent) : 0;
        int64_t was = old ? parent_id(old, by, parent) : 0;
        if (c->held) {
            if (is) {
                hold(c->held, parent, child, is);
            }
            if (was && was != is) {
                hold(c->held, parent, child, was);
            }
            continue;
        }
        /* ascending, so that two calls never wait for each other */
        int64_t first = is && was && was < is ? was : is, second = first == is ? was : is;
        if (first) {
            TRY(refresh_one(c, parent, child, first));
        }
        if (second && second != first) {
            TRY(refresh_one(c, parent, child, second));
        }
    }
    return OK;
}

enum err_code rollups_refresh(
    struct call *c, const struct record *now, const struct record *old, const bool *changed)
{
    const struct live_entity *e = now ? now->e : old->e;

    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        if (now && now->moved_by == f) {
            continue;
        }
        if (f->def.kind == KIND_REF && f->target && f->stored) {
            TRY(refresh_parents(c, now, old, changed, f, f->target));
        }
        for (struct live_entity **t = f->def.kind == KIND_ANYREF ? f->targets : NULL; t && *t; t++) {
            TRY(refresh_parents(c, now, old, changed, f, *t));
        }
    }
    return OK;
}
