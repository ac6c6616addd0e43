/* undo.c - replays a change set backwards.
 *
 * The feed says what happened in which order, history what was there before. A later change of the same
 * fields, or a record that came to depend on one that would vanish, is in the way and named. Change
 * sets that were undone, and the undoing ones, cancel each other and are in nobody's way; undoing an
 * undo brings the first back. */

#include "model/access.h"
#include "model/access_steps.h"
#include "model/hooks.h"
#include "model/job.h"
#include "model/store.h"
#include "model/undo_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_AT_ONCE = 2000 };

enum err_code undo_steps(struct call *c, int64_t set, int64_t before, size_t most,
    struct undo_step **out, size_t *n)
{
    struct rows rows;

    *n = 0;
    *out = ARENA_ARRAY(c->mem, struct undo_step, most + 1);
    TRY(db_query(c, &rows,
        SQL("SELECT f.\"id\", f.\"entity\", f.\"record\", f.\"history\", f.\"kind\", s.\"kind\" = 'merge' FROM"
            " \"feed\" f JOIN \"change_sets\" s ON s.\"id\" = f.\"change_set\" WHERE f.\"change_set\" = $1 AND"
            " f.\"id\" < $2 ORDER BY f.\"id\" DESC LIMIT $3"),
        VALS(V(set), V(before ? before : INT64_MAX), V((int64_t)most))));
    while (*n < most && rows_next(&rows)) {
        struct str kind = stmt_text(rows.st, 4);
        (*out)[(*n)++] = (struct undo_step) { col_int(&rows, 0), col_int(&rows, 1),
            col_int(&rows, 2), col_int(&rows, 3), kind.n ? kind.p[0] : 'u', col_int(&rows, 5) != 0 };
    }
    return rows_end(&rows);
}

static enum err_code old_values(struct call *c, const struct undo_step *s, json_t **old)
{
    struct str text;

    *old = NULL;
    TRY(db_text(c, &text, SQL("SELECT \"old\" FROM \"history\" WHERE \"id\" = $1"),
        VALS(V(s->history))));
    return text.n ? json_read(c->mem, text, old, &c->err) : OK;
}

static bool shares_field(const json_t *a, const json_t *b)
{
    const char *number;
    json_t *v;

    json_object_foreach((json_t *)a, number, v)
    {
        if (json_object_get(b, number)) {
            return true;
        }
    }
    return false;
}

/* Later rows of history about the record that still count: not of this set, not undone, not an undo. */
static enum err_code look_for_later(
    struct call *c, const struct live_entity *e, const struct undo_step *s, int64_t set, const json_t *old)
{
    struct rows rows;
    int64_t blocking = 0, at = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT h.\"change_set\", h.\"kind\", h.\"old\", h.\"at\" FROM \"history\" h JOIN"
            " \"change_sets\" s ON s.\"id\" = h.\"change_set\" WHERE h.\"entity\" = $1 AND"
            " h.\"record\" = $2 AND h.\"id\" > $3 AND h.\"change_set\" <> $4 AND"
            " s.\"undone_by\" IS NULL AND s.\"undo_of\" IS NULL ORDER BY h.\"id\""),
        VALS(V(s->entity), V(s->record), V(s->history), V(set))));
    while (!blocking && rows_next(&rows)) {
        struct str text = col_text(&rows, 2), kind = col_text(&rows, 1);
        json_t *later = NULL;
        if (str_is(kind, "u") && s->kind == 'u' && text.n) {
            TRY(json_read(c->mem, text, &later, &c->err));
            if (!shares_field(old, later)) {
                continue;
            }
        }
        blocking = col_int(&rows, 0);
        at = col_int(&rows, 3);
    }
    TRY(rows_end(&rows));
    if (!blocking) {
        return OK;
    }
    char when[INSTANT_TEXT];
    instant_format(at, when);
    return fail(c, ERR_CONFLICT, "change_set",
        "%s %" PRId64 " was changed again on %s by change set %" PRId64 ": undo that first",
        e->name.p, s->record, when, blocking);
}

/* An amount comes back with what it was worth then, whatever the rates are now. */
static void set_base(
    struct call *c, struct record *r, const struct live_field *f, const json_t *base)
{
    if (f->value != KIND_MONEY || !base) {
        return;
    }
    if (!r->bases) {
        r->bases = ARENA_ARRAY(c->mem, struct kept_base, r->e->nfields);
    }
    r->bases[f->index] = (struct kept_base) { true,
        json_is_integer(base) ? V((int64_t)json_integer_value(base)) : V_NULL };
}

static void set_from_history(struct call *c, struct record *r, const json_t *old)
{
    const char *number;
    json_t *cells;

    json_object_foreach((json_t *)old, number, cells)
    {
        char name[32];
        struct dbval v[FIELD_CELLS] = { V_NULL, V_NULL };
        snprintf(name, sizeof name, "@%s", number);
        const struct live_field *f = entity_field(r->e, str_of(name));
        for (int i = 0; f && i < f->ncolumns; i++) {
            const json_t *one = json_array_get(cells, (size_t)i);
            bool real = f->columns[i].type == DB_REAL;
            v[i] = json_is_integer(one) ? real ? V((double)json_integer_value(one))
                                               : V((int64_t)json_integer_value(one))
                : json_is_real(one)     ? V(json_real_value(one))
                : json_is_string(one)   ? V(json_str(one))
                                        : V_NULL;
        }
        if (f && f->stored) {
            record_set_cells(r, f, v);
            set_base(c, r, f, json_array_get(cells, (size_t)f->ncolumns));
        }
    }
}

/* Old values of other records that would lead to this one if they came back. */
static enum err_code look_for_old_refs(
    struct call *c, const struct live_entity *e, const struct undo_step *s, int64_t set)
{
    struct rows rows;
    int64_t blocking = 0, record = 0;
    const struct live_entity *of = NULL;

    TRY(db_query(c, &rows,
        SQL("SELECT h.\"change_set\", h.\"entity\", h.\"record\" FROM \"history_refs\" f JOIN"
            " \"history\" h ON h.\"id\" = f.\"history\" JOIN \"change_sets\" s ON s.\"id\" ="
            " h.\"change_set\" WHERE f.\"entity\" = $1 AND f.\"record\" = $2 AND h.\"change_set\""
            " <> $3 AND s.\"undone_by\" IS NULL AND s.\"undo_of\" IS NULL LIMIT 1"),
        VALS(V(s->entity), V(s->record), V(set))));
    if (rows_next(&rows)) {
        blocking = col_int(&rows, 0);
        of = model_entity_number(c->model, col_int(&rows, 1));
        record = col_int(&rows, 2);
    }
    TRY(rows_end(&rows));
    return blocking ? fail(c, ERR_CONFLICT, "change_set",
                          "%s %" PRId64 " referred to %s %" PRId64
                          " before change set %" PRId64 ": undo that first",
                          of ? of->name.p : "record", record, e->name.p, s->record, blocking)
                    : OK;
}

static enum err_code still_as_made(struct call *c, const struct live_entity *e,
    const struct undo_step *s, int64_t set)
{
    struct undo_step made = *s;

    /* a create has no history: everything after it that still counts is in the way */
    made.history = 0;
    TRY(look_for_later(c, e, &made, set, NULL));
    return look_for_old_refs(c, e, s, set);
}

/* A unique key that comes back must not have been held by another record since, even if that one has let
 * it go: its change would have to be undone first. */
static enum err_code look_for_keys(
    struct call *c, const struct record *back, const struct undo_step *s, int64_t set)
{
    int64_t hashes[STORE_KEYS];
    size_t n = store_key_hashes(c, back, NULL, hashes);

    for (size_t i = 0; i < n; i++) {
        struct rows rows;
        int64_t blocking = 0, record = 0;
        TRY(db_query(c, &rows,
            SQL("SELECT h.\"change_set\", h.\"record\" FROM \"history_refs\" f JOIN \"history\" h ON"
                " h.\"id\" = f.\"history\" JOIN \"change_sets\" s ON s.\"id\" = h.\"change_set\""
                " WHERE f.\"entity\" = $1 AND f.\"record\" = $2 AND h.\"id\" > $3 AND"
                " h.\"record\" <> $4 AND h.\"change_set\" <> $5 AND s.\"undone_by\" IS NULL AND"
                " s.\"undo_of\" IS NULL LIMIT 1"),
            VALS(V(-s->entity), V(hashes[i]), V(s->history), V(s->record), V(set))));
        if (rows_next(&rows)) {
            blocking = col_int(&rows, 0);
            record = col_int(&rows, 1);
        }
        TRY(rows_end(&rows));
        if (blocking) {
            return fail(c, ERR_CONFLICT, "change_set",
                "%s %" PRId64 " has had the same key since, until change set %" PRId64
                ": undo that first",
                back->e->name.p, record, blocking);
        }
    }
    return OK;
}

static enum err_code undo_update(
    struct call *c, const struct live_entity *e, const struct undo_step *s, int64_t set)
{
    json_t *old;
    struct record *r = record_new(c, e);

    if (!s->history) {
        return OK; /* a roll-up: it follows by itself */
    }
    TRY(old_values(c, s, &old));
    TRY(look_for_later(c, e, s, set, old));
    struct record *back;
    enum err_code code = record_load(c, e, s->record, true, &back);
    if (code == OK && back->cells[e->deleted_at->cell].type == DB_NULL) {
        set_from_history(c, back, old);
        TRY(look_for_keys(c, back, s, set));
    }
    set_from_history(c, r, old);
    r->id = s->record;
    r->trusted = r->replay = true;
    code = code == OK ? record_update(c, r) : code;
    if (code == ERR_NOT_FOUND) {
        return fail(c, ERR_CONFLICT, "change_set", "%s %" PRId64 " is not there any more",
            e->name.p, s->record);
    }
    return code;
}

static enum err_code undo_delete(
    struct call *c, const struct live_entity *e, const struct undo_step *s, int64_t set)
{
    struct record *back;

    TRY(look_for_later(c, e, s, set, NULL));
    TRY(record_load(c, e, s->record, true, &back));
    TRY(look_for_keys(c, back, s, set));
    return record_restore(c, e, s->record);
}

static enum err_code undo_purge(
    struct call *c, const struct live_entity *e, const struct undo_step *s)
{
    json_t *old;
    struct record *r = record_new(c, e);

    TRY(old_values(c, s, &old));
    set_from_history(c, r, old);
    r->id = s->record;
    r->trusted = r->replay = true;
    return record_revive(c, r);
}

static enum err_code refuse_rights(struct call *c, const struct live_entity *e, const struct undo_step *s)
{
    return fail(c, ERR_FORBIDDEN, "change_set", "you may not change %s %" PRId64 " now, so only an administrator can undo this",
        e->name.p, s->record);
}

/* The record as it is now; one that is not there has nothing to protect. */
static enum err_code may_still(
    struct call *c, const struct live_entity *e, const struct undo_step *s, enum right right)
{
    struct record *r;
    bool yes = false;
    enum err_code code = record_load(c, e, s->record, true, &r);

    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    TRY(code);
    /* what one has made oneself one may take away again */
    struct dbval by = record_get(r, "created_by");
    if (right == RIGHT_DELETE && s->kind == CHANGE_CREATE && by.type == DB_INT && by.i == c->who->id) {
        return OK;
    }
    TRY(access_record(c, r, RIGHT_READ, &yes));
    if (yes && right != RIGHT_READ) {
        TRY(access_record(c, r, right, &yes));
    }
    return yes ? OK : refuse_rights(c, e, s);
}

static enum err_code may_set(struct call *c, const struct live_entity *e, const struct undo_step *s)
{
    const char *number;
    json_t *old, *cells;

    TRY(old_values(c, s, &old));
    json_object_foreach(old, number, cells)
    {
        char name[32];
        snprintf(name, sizeof name, "@%s", number);
        const struct live_field *f = entity_field(e, str_of(name));
        if (f && !f->standard && access_field(c, f) != FIELD_WRITE) {
            return refuse_rights(c, e, s);
        }
    }
    return OK;
}

/* What undoing would write, the caller must have the right to write now: rights may have gone since. References that a
 * merge moved go back with it. */
static enum err_code may_take(struct call *c, const struct live_entity *e, const struct undo_step *s)
{
    const struct live_entity *owner = access_link_owner(e);

    if (access_all_powerful(c) || e->def.flags & ENTITY_DERIVED) {
        return OK; /* what the program keeps by itself follows from the rest */
    }
    if ((owner ? owner : e)->def.flags & ENTITY_ADMIN) {
        return refuse_rights(c, e, s);
    }
    switch ((enum change_kind)s->kind) {
    case CHANGE_UPDATE:
        if (!s->history || s->merged) {
            return OK;
        }
        TRY(may_set(c, e, s));
        return may_still(c, e, s, RIGHT_UPDATE);
    case CHANGE_CREATE:
    case CHANGE_DELETE:
    case CHANGE_RESTORE:
        return s->merged && owner ? OK : may_still(c, e, s, RIGHT_DELETE);
    case CHANGE_PURGE:
        return access_require(c, owner ? owner : e, owner ? RIGHT_UPDATE : RIGHT_CREATE);
    case CHANGE_ENTER:
    case CHANGE_LEAVE:
        break;
    }
    return OK;
}

static enum err_code take_step(
    struct call *c, const struct live_entity *e, const struct undo_step *s, int64_t set)
{
    switch ((enum change_kind)s->kind) {
    case CHANGE_CREATE:
        TRY(still_as_made(c, e, s, set));
        return record_purge(c, e, s->record, true);
    case CHANGE_UPDATE:
        return undo_update(c, e, s, set);
    case CHANGE_DELETE:
        return undo_delete(c, e, s, set);
    case CHANGE_RESTORE:
        TRY(look_for_later(c, e, s, set, NULL));
        return record_delete(c, e, s->record, 0);
    case CHANGE_PURGE:
        return undo_purge(c, e, s);
    case CHANGE_ENTER:
    case CHANGE_LEAVE:
        break; /* they follow from the rest */
    }
    return OK;
}

enum err_code undo_step(struct call *c, const struct undo_step *s, int64_t set)
{
    const struct live_entity *e = model_entity_number(c->model, s->entity);
    int64_t before, after;

    if (!e) {
        return fail(c, ERR_CONFLICT, "change_set",
            "the object that this change was about has been removed");
    }
    TRY(may_take(c, e, s));
    if (!str_is(e->name, "user") || !c->who->id) {
        return take_step(c, e, s, set);
    }
    /* hooks are passed over, but nobody locks all out; the shell can make another administrator */
    TRY(administrators(c, 0, &before));
    TRY(take_step(c, e, s, set));
    TRY(administrators(c, 0, &after));
    return before && !after
        ? fail(c, ERR_CONFLICT, "change_set", "the last administrator cannot be taken away")
        : OK;
}

enum err_code undo_may(struct call *c, int64_t set, int64_t *undo_of)
{
    struct rows rows;
    bool found = false;
    int64_t user = 0, undone = 0, at = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT \"user\", \"undone_by\", \"undo_of\", \"at\" FROM \"change_sets\" WHERE"
            " \"id\" = $1"),
        VALS(V(set))));
    if (rows_next(&rows)) {
        found = true;
        user = col_int(&rows, 0);
        undone = col_int(&rows, 1);
        *undo_of = col_int(&rows, 2);
        at = col_int(&rows, 3);
    }
    TRY(rows_end(&rows));
    if (!found || (user != c->who->id && !c->who->admin)) {
        return fail(c, ERR_NOT_FOUND, "change_set", "there is no change set %" PRId64, set);
    }
    if (undone) {
        return fail(c, ERR_CONFLICT, "change_set", "it is undone already, by change set %" PRId64,
            undone);
    }
    if (at < c->now - FEED_LIFE) {
        return fail(c, ERR_CONFLICT, "change_set",
            "it is older than 30 days, the time for which changes can be undone");
    }
    return OK;
}

/* The undo of an undo: what the first one took back counts again; if that was an undo itself, what it
 * had taken back is undone again, and so on. */
static enum err_code follow_chain(struct call *c, int64_t set)
{
    bool counts = true;

    while (set) {
        struct rows rows;
        int64_t target = 0;
        if (counts) {
            TRY(db_exec(c, SQL("UPDATE \"change_sets\" SET \"undone_by\" = NULL WHERE \"id\" = $1"),
                VALS(V(set))));
        }
        TRY(db_query(c, &rows, SQL("SELECT \"undo_of\" FROM \"change_sets\" WHERE \"id\" = $1"),
            VALS(V(set))));
        if (rows_next(&rows)) {
            target = col_int(&rows, 0);
        }
        TRY(rows_end(&rows));
        if (counts && target) {
            TRY(db_exec(c, SQL("UPDATE \"change_sets\" SET \"undone_by\" = $2 WHERE \"id\" = $1"),
                VALS(V(target), V(set))));
        }
        counts = !counts;
        set = target;
    }
    return OK;
}

enum err_code undo_done(struct call *c, int64_t set, int64_t undo_of)
{
    TRY(db_exec(c, SQL("UPDATE \"change_sets\" SET \"undone_by\" = $2 WHERE \"id\" = $1"),
        VALS(V(set), V(c->change_set))));
    return follow_chain(c, undo_of);
}

static enum err_code order_job(struct call *c, int64_t set, int64_t *job)
{
    json_t *input = json_pack("{s:I}", "change_set", (json_int_t)set);
    struct str key = arena_fmt(c->mem, "undo:%" PRId64, set);

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c,
        &(struct job_order) { .kind = "undo", .input = input, .key = key.p,
            .change_set = c->change_set },
        job);
}

enum err_code undo_change_set(struct call *c, int64_t set, int64_t *job)
{
    struct undo_step *steps;
    size_t n = 0;
    int64_t undo_of = 0;
    bool at_work;

    *job = 0;
    TRY(undo_may(c, set, &undo_of));
    TRY(job_works_on(c, set, &at_work));
    if (at_work) {
        return fail(c, ERR_CONFLICT, "change_set",
            "a job is still at work on it: cancel that, or let it end, first");
    }
    struct str key = arena_fmt(c->mem, "undo:%" PRId64, set);
    TRY(db_find(c, job, &at_work, SQL("SELECT \"id\" FROM \"jobs\" WHERE \"key\" = $1"), VALS(V(key))));
    if (at_work) {
        return OK; /* ordered already */
    }
    *job = 0;
    TRY(undo_steps(c, set, 0, MOST_AT_ONCE + 1, &steps, &n));
    if (!n) {
        return fail(c, ERR_CONFLICT, "change_set", "nothing of it is left to undo");
    }
    c->undo_of = set;
    c->change_kind = "undo";
    TRY(change_set_open(c));
    if (n > MOST_AT_ONCE) {
        return order_job(c, set, job);
    }
    for (size_t i = 0; i < n; i++) {
        TRY(undo_step(c, &steps[i], set));
    }
    return undo_done(c, set, undo_of);
}
