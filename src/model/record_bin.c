/* record_bin.c - to the bin, back, and away for good; what refers to a record has its say. */

#include "model/change.h"
#include "model/lookup.h"
#include "model/merge.h"
#include "model/record_steps.h"
#include "model/store.h"

#include <assert.h>
#include <inttypes.h>

typedef enum err_code child_fn(
    struct call *c, const struct live_child *child, int64_t id, void *arg);

/* Calls fn for the rows that refer to the record; bin says whether those in the bin count too. */
static enum err_code each_child(struct call *c, const struct record *r,
    const struct live_child *child, bool bin, child_fn *fn, void *arg)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    int64_t last = 0, id = 0;
    bool found = true;

    while (found) {
        sqltext_init(&s, c->mem, conn_backend(c->db));
        sql_lit(&s, "SELECT \"id\" FROM ");
        sql_ident(&s, child->entity->tables[child->by->table]);
        sql_lit(&s, " WHERE ");
        if (child->by->value == KIND_ANYREF) {
            sql_ident(&s, child->by->columns[0].name);
            sql_lit(&s, " = ");
            sql_int(&s, r->e->number);
            sql_lit(&s, " AND ");
        }
        sql_ident(&s, child->by->columns[child->by->value == KIND_ANYREF].name);
        sql_lit(&s, " = ");
        sql_bind(&s, V(r->id));
        sql_lit(&s, " AND \"id\" > ");
        sql_bind(&s, V(last));
        if (!bin) {
            sql_lit(&s, " AND \"deleted_at\" IS NULL");
        }
        sql_lit(&s, " ORDER BY \"id\" LIMIT 1");
        TRY(sqltext_end(&s, &sql, &v, &c->err));
        TRY(db_find(c, &id, &found, sql, v));
        if (found) {
            last = id;
            TRY(fn(c, child, id, arg));
        }
    }
    return OK;
}

static enum err_code refuse(struct call *c, const struct live_child *child, int64_t id, void *arg)
{
    const struct record *r = arg;

    return fail(c, ERR_CONFLICT, child->by->name.p,
        "this %s cannot be removed: %s %" PRId64 " refers to it", r->e->name.p,
        child->entity->name.p, id);
}

static enum err_code load_seen(struct call *c, const struct live_entity *e, int64_t id, bool trusted,
    enum right right, struct record **r)
{
    bool yes = true;

    if (conn_backend(c->db) == DB_POSTGRES) {
        TRY(record_lock(c, e, id));
    }
    TRY(record_load(c, e, id, true, r));
    if (trusted || c->undo_of) {
        return OK;
    }
    TRY(access_record(c, *r, RIGHT_READ, &yes));
    if (!yes) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
    }
    return record_may(c, *r, right);
}

static enum err_code bin_child(struct call *c, const struct live_child *child, int64_t id, void *arg)
{
    (void)arg;
    return record_delete_along(c, child->entity, id);
}

static enum err_code to_the_bin(struct call *c, struct record *r)
{
    const struct live_entity *e = r->e;

    if (r->cells[e->deleted_at->cell].type != DB_NULL) {
        return fail(c, ERR_NOT_FOUND, NULL, "this %s is in the bin already", e->name.p);
    }
    TRY(e->def.before_delete ? e->def.before_delete(c, r) : OK);
    for (size_t i = 0; i < e->nchildren; i++) {
        const struct live_child *child = e->children[i];
        if (child->by->def.on_delete == ON_DELETE_REFUSE) {
            TRY(each_child(c, r, child, false, refuse, r));
        } else if (child->by->def.on_delete == ON_DELETE_CASCADE) {
            TRY(each_child(c, r, child, false, bin_child, NULL));
        }
    }
    TRY(store_bin(c, r, V(c->now)));
    TRY(change_note(c, CHANGE_DELETE, r, r, NULL));
    TRY(rollups_refresh(c, NULL, r, NULL));
    return e->def.after_save ? e->def.after_save(c, NULL, r) : OK;
}

enum err_code record_delete(
    struct call *c, const struct live_entity *e, int64_t id, int64_t version)
{
    struct record *r = NULL;

    assert(c->tx == TX_WRITE);
    TRY(load_seen(c, e, id, false, RIGHT_DELETE, &r));
    if (e->def.flags & ENTITY_APPEND_ONLY && !c->undo_of) {
        return fail(c, ERR_CONFLICT, NULL, "%s are never deleted", e->label_plural.p);
    }
    if (version && version != r->version) {
        return fail(c, ERR_STALE, NULL, "this %s was changed meanwhile", e->name.p);
    }
    return to_the_bin(c, r);
}

enum err_code record_delete_along(struct call *c, const struct live_entity *e, int64_t id)
{
    struct record *r = NULL;

    TRY(load_seen(c, e, id, true, RIGHT_DELETE, &r));
    return to_the_bin(c, r);
}

struct restoring {
    struct dbval when;
};

static enum err_code restore_child(
    struct call *c, const struct live_child *child, int64_t id, void *arg)
{
    const struct restoring *with = arg;
    struct record *r;

    TRY(record_load(c, child->entity, id, false, &r));
    struct dbval when = r->cells[child->entity->deleted_at->cell];
    /* what went into the bin with its parent comes back with it */
    return when.type == DB_INT && when.i == with->when.i ? record_restore_along(c, child->entity, id) : OK;
}

static enum err_code out_of_the_bin(struct call *c, struct record *r)
{
    const struct live_entity *e = r->e;
    struct restoring with = { r->cells[e->deleted_at->cell] };
    if (with.when.type == DB_NULL) {
        return fail(c, ERR_CONFLICT, NULL, "this %s is not in the bin", e->name.p);
    }
    TRY(store_check_unique(c, r));
    TRY(store_bin(c, r, V_NULL));
    TRY(c->undo_of ? OK : merge_forget(c, e, r->id));
    r->cells[e->deleted_at->cell] = V_NULL;
    TRY(change_note(c, CHANGE_RESTORE, r, r, NULL));
    TRY(rollups_refresh(c, r, NULL, NULL));
    for (size_t i = 0; !c->undo_of && i < e->nchildren; i++) {
        if (e->children[i]->by->def.on_delete == ON_DELETE_CASCADE) {
            TRY(each_child(c, r, e->children[i], true, restore_child, &with));
        }
    }
    return e->def.after_save ? e->def.after_save(c, r, NULL) : OK;
}

enum err_code record_restore(struct call *c, const struct live_entity *e, int64_t id)
{
    struct record *r = NULL;

    TRY(load_seen(c, e, id, false, RIGHT_DELETE, &r));
    return out_of_the_bin(c, r);
}

enum err_code record_restore_along(struct call *c, const struct live_entity *e, int64_t id)
{
    struct record *r = NULL;

    TRY(load_seen(c, e, id, true, RIGHT_DELETE, &r));
    return out_of_the_bin(c, r);
}

static enum err_code purge_child(
    struct call *c, const struct live_child *child, int64_t id, void *arg)
{
    (void)arg;
    return record_purge(c, child->entity, id, false);
}

static enum err_code empty_child(
    struct call *c, const struct live_child *child, int64_t id, void *arg)
{
    struct record *change = record_new(c, child->entity);
    const struct dbval none[FIELD_CELLS] = { V_NULL, V_NULL };

    (void)arg;
    change->id = id;
    change->trusted = change->replay = true;
    record_set_cells(change, child->by, none);
    return record_update(c, change);
}

enum err_code record_purge(struct call *c, const struct live_entity *e, int64_t id, bool strict)
{
    struct record *r = NULL;

    TRY(load_seen(c, e, id, true, RIGHT_DELETE, &r));
    TRY(e->def.before_delete ? e->def.before_delete(c, r) : OK);
    for (size_t i = 0; i < e->nchildren; i++) {
        const struct live_child *child = e->children[i];
        bool refuses = strict || child->by->def.on_delete == ON_DELETE_REFUSE;
        TRY(each_child(c, r, child, true,
            refuses                                             ? refuse
                : child->by->def.on_delete == ON_DELETE_CASCADE ? purge_child
                                                                : empty_child,
            r));
    }
    TRY(record_keep_bases(c, r, NULL));
    TRY(change_note(c, CHANGE_PURGE, r, r, NULL));
    TRY(store_purge(c, r));
    TRY(rollups_refresh(c, NULL, r, NULL));
    return e->def.after_save ? e->def.after_save(c, NULL, r) : OK;
}

enum err_code record_revive(struct call *c, struct record *r)
{
    if (r->cells[r->e->deleted_at->cell].type == DB_NULL) {
        TRY(store_check_unique(c, r));
    }
    TRY(lookup_fill(c, r, NULL));
    TRY(store_insert(c, r));
    TRY(change_note(c, CHANGE_CREATE, r, NULL, NULL));
    TRY(rollups_refresh(c, r, NULL, NULL));
    return r->e->def.after_save ? r->e->def.after_save(c, r, NULL) : OK;
}
