/* record.c - the one write path.
 *
 * A change is a record of which some fields are set; the engine loads what is there, merges, lets the
 * entity's hook look, validates, makes formulas anew, stores, refreshes roll-ups and leaves history and
 * feed. Everything happens in the call's transaction. */

#include "model/record.h"

#include "model/access.h"
#include "model/change.h"
#include "model/lookup.h"
#include "model/parts.h"
#include "model/person.h"
#include "model/record_steps.h"
#include "model/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct record *record_new(struct call *c, const struct live_entity *e)
{
    struct record *r = ARENA_NEW(c->mem, struct record);

    r->e = e;
    r->cells = ARENA_ARRAY(c->mem, struct dbval, (size_t)e->ncells + 1);
    r->set = ARENA_ARRAY(c->mem, bool, e->nfields + 1);
    return r;
}

struct record *record_of(struct call *c, const char *entity)
{
    const struct live_entity *e = model_entity(c->model, str_of(entity));

    assert(e);
    return record_new(c, e);
}

static void put_many(struct call *c, struct record *r, const struct live_field *f, const json_t *v)
{
    if (!r->many) {
        r->many = ARENA_ARRAY(c->mem, json_t *, r->e->nfields);
    }
    r->many[f->index] = (json_t *)v;
    r->set[f->index] = true;
}

/* A name typed in one field, by somebody who may write the parts. */
static bool put_whole_name(struct call *c, struct record *r, const json_t *v)
{
    const struct live_field *first = entity_field(r->e, STR("first_name"));
    const struct live_field *last = entity_field(r->e, STR("last_name"));

    return json_is_string(v) && first && last && access_field(c, first) == FIELD_WRITE
        && access_field(c, last) == FIELD_WRITE && person_put(c, r, json_str(v), false);
}

enum err_code record_fill(struct call *c, struct record *r, const json_t *object)
{
    const char *name;
    json_t *v;

    if (!json_is_object(object)) {
        return fail(c, ERR_INVALID, NULL, "a record is a JSON object");
    }
    if (json_object_size(object) > r->e->nfields + 100) {
        return fail(c, ERR_INVALID, NULL, "%s has no more than %zu fields", r->e->label.p,
            r->e->nfields);
    }
    json_object_foreach((json_t *)object, name, v)
    {
        const struct live_field *f = entity_field(r->e, str_of(name));
        if (!f || f->def.system || access_field(c, f) == FIELD_HIDDEN || name[0] == '@') {
            fail_field(c, name, "%s has no field \"%.60s\"", r->e->label.p, name);
            continue;
        }
        if (f->def.read_only || f->def.kind == KIND_FORMULA || f->def.kind == KIND_ROLLUP) {
            /* what a GET gave may be sent back whole: computed fields are passed over. A name alone is
             * no such thing: somebody means to set it, and it is taken apart. */
            if (f->def.kind == KIND_NAME && !json_object_get(object, "id")
                && !json_object_get(object, "last_name") && !json_object_get(object, "first_name")
                && !put_whole_name(c, r, v)) {
                fail_field(c, name, "%s is made of its parts: set first_name and last_name",
                    f->label.p);
            }
            continue;
        }
        if (access_field(c, f) != FIELD_WRITE) {
            fail_field(c, name, "you may not change %s", f->label.p);
            continue;
        }
        if (f->def.kind == KIND_MANY) {
            if (json_is_array(v) || json_is_null(v)) {
                put_many(c, r, f, v);
            } else {
                fail_field(c, name, "%s expects a list", f->label.p);
            }
        } else if (cells_from_json(c, f, v, &r->cells[f->cell])) {
            r->set[f->index] = true;
        }
        if (c->err.code != OK) {
            break; /* the database's own: what comes after would hide it */
        }
    }
    return call_status(c);
}

void record_set_cells(struct record *r, const struct live_field *f, const struct dbval *cells)
{
    for (int i = 0; i < f->ncolumns; i++) {
        r->cells[f->cell + i] = cells[i];
    }
    r->set[f->index] = true;
}

void record_set(struct call *c, struct record *r, const char *field, struct dbval v)
{
    const struct live_field *f = entity_field(r->e, str_of(field));
    struct dbval cells[FIELD_CELLS] = { v };

    assert(f && f->stored);
    if (f->value == KIND_MONEY && v.type != DB_NULL) {
        cells[1] = V(c->model->currency);
    }
    record_set_cells(r, f, cells);
}

struct dbval record_get(const struct record *r, const char *field)
{
    const struct live_field *f = entity_field(r->e, str_of(field));

    return f && f->stored ? r->cells[f->cell] : V_NULL;
}

const struct dbval *record_cells(const struct record *r, const struct live_field *f)
{
    return &r->cells[f->cell];
}

/* ---- what the engine fills in ---- */

static struct str text_of(const struct record *r, const char *field)
{
    struct dbval v = record_get(r, field);

    return v.type == DB_TEXT ? v.s : (struct str) { "", 0 };
}

/* "Dr. Ana Maria de Souza jr.", or what else is known of somebody without a name. */
static void compose_name(struct call *c, struct record *r, const struct live_field *f)
{
    static const char *const parts[]
        = { "salutation", "first_name", "middle_name", "last_name", "suffix" };
    struct buf b;

    buf_init(&b, c->mem, 4096);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct str s = text_of(r, parts[i]);
        if (s.n) {
            buf_lit(&b, b.n ? " " : "");
            buf_add(&b, s);
        }
    }
    struct str name = buf_str(&b);
    const char *const others[] = { "nickname", "email", "phone" };
    for (size_t i = 0; !name.n && i < sizeof others / sizeof *others; i++) {
        name = text_of(r, others[i]);
    }
    r->cells[f->cell] = name.n ? V(name) : V_NULL;
}

static void fill_mirrors(struct call *c, struct record *r)
{
    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        const struct live_field *list
            = f->def.mirror ? entity_field(r->e, str_of(f->def.mirror)) : NULL;
        if (list && r->set[list->index]) {
            struct dbval cell = r->cells[list->cell];
            struct str s = cell.type == DB_TEXT ? parts_primary(c, cell.s, f->def.mirror_part)
                                                : (struct str) { "", 0 };
            r->cells[f->cell] = s.n ? V(arena_str(c->mem, s)) : V_NULL;
        }
    }
    for (size_t i = 0; i < r->e->nfields; i++) {
        /* on an object without the parts of a name it is a text like another */
        if (r->e->fields[i]->def.kind == KIND_NAME && entity_field(r->e, STR("last_name"))) {
            compose_name(c, r, r->e->fields[i]);
        }
    }
}

static enum err_code next_number(struct call *c, struct record *r, const struct live_field *f)
{
    struct str name = arena_fmt(c->mem, "%" PRId64, f->number);
    struct str pattern = str_of(f->def.pattern ? f->def.pattern : "{0}"), rest = pattern;
    struct buf b;
    int64_t n;

    TRY(db_int(c, &n,
        SQL("INSERT INTO \"number_sequences\" (\"name\", \"value\") VALUES ($1, 1) ON CONFLICT"
            " (\"name\") DO UPDATE SET \"value\" = \"number_sequences\".\"value\" + 1"
            " RETURNING \"value\""),
        VALS(V(name))));
    buf_init(&b, c->mem, 400);
    for (size_t i = 0; i < rest.n; i++) {
        ptrdiff_t end = rest.p[i] == '{' ? str_find_byte(str_sub(rest, i, rest.n), '}') : -1;
        if (end < 0) {
            buf_byte(&b, rest.p[i]);
            continue;
        }
        struct str word = str_sub(rest, i + 1, (size_t)end - 1);
        if (str_is(word, "year")) {
            buf_int(&b, civil_of(c->now).year);
        } else {
            buf_fmt(&b, "%0*" PRId64, (int)word.n, n);
        }
        i += (size_t)end;
    }
    r->cells[f->cell] = V(buf_str(&b));
    return OK;
}

/* A default that is the code of a choice, true or false; the others are expressions. */
static bool constant_default(const struct live_field *f, struct dbval *cell)
{
    struct str text = str_of(f->def.def);
    const struct choice *choice = f->value == KIND_CHOICE ? choice_by_code(f->list, text) : NULL;

    if (choice) {
        *cell = V(choice->id);
    } else if (f->value == KIND_BOOL && (str_is(text, "true") || str_is(text, "false"))) {
        *cell = V(str_is(text, "true"));
    } else {
        return false;
    }
    return true;
}

static enum err_code fill_default(struct call *c, struct record *r, const struct live_field *f)
{
    struct str text = str_of(f->def.def);
    struct expr_scope scope = access_scope(c, r->e);
    const struct expr *x;
    struct value v;

    if (constant_default(f, &r->cells[f->cell])) {
        return OK;
    }
    scope.may_read = NULL;
    TRY(expr_parse(&scope, text, f->name.p, &x, &c->err));
    struct expr_rows rows = record_rows(c, r);
    TRY(expr_eval(x, &rows, c->mem, c->now, c->who->id, &v));
    cells_from_value(c, f, &v, &r->cells[f->cell]);
    return OK;
}

/* A record is of its owner's main team, unless somebody says otherwise. */
static enum err_code follow_owner(struct call *c, struct record *r)
{
    struct dbval owner = r->cells[r->e->owner->cell];
    int64_t team = c->who->team;
    bool found = team != 0;

    if (owner.type == DB_INT && owner.i != c->who->id) {
        TRY(db_find(c, &team, &found,
            SQL("SELECT \"team\" FROM \"users\" WHERE \"id\" = $1 AND \"team\" IS NOT NULL"),
            VALS(V(owner.i))));
    }
    r->cells[r->e->team->cell] = found && owner.type == DB_INT ? V(team) : V_NULL;
    return OK;
}

static enum err_code fill_defaults(struct call *c, struct record *r)
{
    const struct live_entity *e = r->e;

    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        if (r->set[i] || !f->stored) {
            continue;
        }
        if (f->def.kind == KIND_NUMBER) {
            TRY(next_number(c, r, f));
        } else if (f->def.def) {
            TRY(fill_default(c, r, f));
        }
    }
    if (!r->set[e->owner->index] && c->who->id) {
        r->cells[e->owner->cell] = V(c->who->id);
    }
    if (!r->set[e->team->index]) {
        TRY(follow_owner(c, r));
    }
    r->cells[e->version->cell] = V(1);
    record_set(c, r, "created_at", V(c->now));
    record_set(c, r, "updated_at", V(c->now));
    record_set(c, r, "created_via", V(via_name(c->via)));
    record_set(c, r, "created_by", c->who->id ? V(c->who->id) : V_NULL);
    record_set(c, r, "updated_by", c->who->id ? V(c->who->id) : V_NULL);
    return OK;
}

static enum err_code make_formulas(struct call *c, struct record *r)
{
    for (size_t i = 0; i < r->e->nformulas; i++) {
        const struct live_field *f = r->e->formulas[i];
        struct expr_rows rows = record_rows(c, r);
        struct value v;
        TRY(expr_eval(f->expr, &rows, c->mem, c->now, c->who->id, &v));
        cells_from_value(c, f, &v, &r->cells[f->cell]);
    }
    return OK;
}

static enum err_code check_rules(struct call *c, struct record *r)
{
    for (const struct entity_rule *rule = r->e->def.rules; rule && rule->expr; rule++) {
        struct expr_scope scope = access_scope(c, r->e);
        struct expr_rows rows = record_rows(c, r);
        const struct expr *x;
        struct value v;
        scope.may_read = NULL;
        TRY(expr_condition(&scope, str_of(rule->expr), "rule", &x, &c->err));
        TRY(expr_eval(x, &rows, c->mem, c->now, c->who->id, &v));
        if (v.absent || !v.i) {
            fail_field(c, rule->field, "%s", rule->message);
        }
    }
    return OK;
}

static enum err_code no_children(
    void *arg, const struct live_child *child, int64_t id, int64_t **ids, size_t *n)
{
    (void)arg, (void)child, (void)id;
    *ids = NULL;
    *n = 0;
    return OK;
}

/* A new record has no children yet: its counts are 0, not absent. */
static enum err_code begin_rollups(struct call *c, struct record *r)
{
    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        struct expr_rows rows = record_rows(c, r);
        struct value v;
        if (f->def.kind != KIND_ROLLUP || !f->stored) {
            continue;
        }
        rows.children = no_children;
        TRY(expr_eval(f->expr, &rows, c->mem, c->now, c->who->id, &v));
        cells_from_value(c, f, &v, &r->cells[f->cell]);
    }
    return OK;
}

/* changed NULL: a new record, everything is looked at. */
static enum err_code validate(struct call *c, struct record *r, const bool *changed)
{
    if (r->replay) {
        return OK;
    }
    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        if (f->stored && (!changed || changed[i]) && f != r->e->id) {
            (void)cells_check(c, f, &r->cells[f->cell]);
        }
    }
    TRY(check_rules(c, r));
    return call_status(c);
}

/* ---- create ---- */

enum err_code record_may(struct call *c, struct record *r, enum right right)
{
    bool yes;

    if (r->trusted) {
        return OK;
    }
    TRY(access_record(c, r, right, &yes));
    return yes ? OK
               : fail(c, ERR_FORBIDDEN, NULL, "you may not %s this %s", right_name(right),
                   r->e->name.p);
}

static enum err_code fill_new(struct call *c, struct record *r)
{
    TRY(fill_defaults(c, r));
    fill_mirrors(c, r);
    TRY(r->e->def.before_save ? r->e->def.before_save(c, r, NULL) : OK);
    return lookup_fill(c, r, NULL);
}

static enum err_code check_new(struct call *c, struct record *r)
{
    TRY(validate(c, r, NULL));
    TRY(begin_rollups(c, r));
    return make_formulas(c, r);
}

static enum err_code insert_new(struct call *c, struct record *r)
{
    TRY(store_insert(c, r));
    r->version = 1;
    r->loaded = ~0u;
    TRY(change_note(c, CHANGE_CREATE, r, NULL, NULL));
    TRY(record_store_many(c, r));
    TRY(rollups_refresh(c, r, NULL, NULL));
    return r->e->def.after_save ? r->e->def.after_save(c, r, NULL) : OK;
}

enum err_code record_create(struct call *c, struct record *r)
{
    assert(c->tx == TX_WRITE);
    assert(!(r->e->def.flags & ENTITY_TABLE));
    if (!r->trusted) {
        TRY(access_require(c, r->e, RIGHT_CREATE));
    }
    TRY(fill_new(c, r));
    TRY(record_may(c, r, RIGHT_CREATE));
    TRY(check_new(c, r));
    return insert_new(c, r);
}

/* ---- create in two halves ---- */

static bool is_of_own_row(struct call *c, const struct live_entity *e, const char *text)
{
    struct expr_scope scope = access_scope(c, e);
    struct err ignored = { 0 };
    const struct expr *x;

    scope.may_read = NULL;
    return expr_parse(&scope, str_of(text), "", &x, &ignored) == OK && expr_is_own_row_now(x);
}

bool record_stands_alone(struct call *c, const struct live_entity *e)
{
    /* what a lookup leads to is asked in the transaction of the write */
    bool alone = !e->nlookups && (!e->def.before_save || (e->def.flags & ENTITY_SAVES_ALONE));

    for (size_t i = 0; alone && i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        struct dbval ignored;
        alone = f->def.kind != KIND_NUMBER
            && (!f->def.def || constant_default(f, &ignored) || is_of_own_row(c, e, f->def.def));
    }
    for (const struct entity_rule *rule = e->def.rules; alone && rule && rule->expr; rule++) {
        alone = is_of_own_row(c, e, rule->expr);
    }
    return alone;
}

enum err_code record_make(struct call *c, struct record *r)
{
    TRY(fill_new(c, r));
    return check_new(c, r);
}

enum err_code record_create_made(struct call *c, struct record *r)
{
    assert(c->tx == TX_WRITE);
    TRY(access_require(c, r->e, RIGHT_CREATE));
    TRY(record_may(c, r, RIGHT_CREATE));
    return insert_new(c, r);
}

/* ---- update ---- */

static bool needs_side(const struct record *r)
{
    bool needs = r->e->nside > 0 && (r->e->nformulas > 0 || r->e->nlookups > 0 || r->e->def.rules || r->e->def.before_save);

    for (size_t i = 0; i < r->e->nfields && !needs; i++) {
        needs = r->set[i] && r->e->fields[i]->stored && r->e->fields[i]->table > 0;
    }
    return needs;
}

/* The record as it will be: the old one with what is set laid over it. */
static struct record *merge(struct call *c, const struct record *change, const struct record *old)
{
    struct record *now = record_new(c, old->e);

    memcpy(now->cells, old->cells, (size_t)old->e->ncells * sizeof *now->cells);
    memcpy(now->set, change->set, old->e->nfields * sizeof *now->set);
    for (size_t i = 0; i < old->e->nfields; i++) {
        const struct live_field *f = old->e->fields[i];
        for (int k = 0; change->set[i] && f->stored && k < f->ncolumns; k++) {
            now->cells[f->cell + k] = change->cells[f->cell + k];
        }
    }
    now->id = old->id;
    now->version = old->version;
    now->loaded = old->loaded;
    now->trusted = change->trusted;
    now->quiet = change->quiet;
    now->replay = change->replay;
    now->moved_by = change->moved_by;
    now->many = change->many;
    now->bases = change->bases;
    return now;
}

static enum err_code check_set_once(
    struct call *c, const struct record *now, const struct record *old)
{
    for (size_t i = 0; i < now->e->nfields; i++) {
        const struct live_field *f = now->e->fields[i];
        if (now->set[i] && f->stored && f->def.set_once && !now->replay
            && !cells_absent(f, &old->cells[f->cell])
            && !cells_equal(f, &now->cells[f->cell], &old->cells[f->cell])) {
            fail_field(c, f->name.p, "%s cannot be changed once it is set", f->label.p);
        }
    }
    return call_status(c);
}

static bool find_changes(const struct record *now, const struct record *old, bool *changed)
{
    bool any = false;

    for (size_t i = 0; i < now->e->nfields; i++) {
        const struct live_field *f = now->e->fields[i];
        changed[i] = f->stored && !cells_equal(f, &now->cells[f->cell], &old->cells[f->cell]);
        any = any || changed[i];
    }
    return any;
}

/* An amount that is said again as it was keeps what it was worth on its day: formulas must not take the rate of now. */
static void keep_amounts(struct record *now, const struct record *old)
{
    for (size_t i = 0; i < now->e->nfields; i++) {
        const struct live_field *f = now->e->fields[i];
        now->set[i] = now->set[i]
            && !(f->value == KIND_MONEY && f->stored && cells_equal(f, &now->cells[f->cell], &old->cells[f->cell]));
    }
}

static enum err_code open_for_update(struct call *c, struct record *change, struct record **old)
{
    if (conn_backend(c->db) == DB_POSTGRES) {
        TRY(record_lock(c, change->e, change->id));
    }
    TRY(record_load(c, change->e, change->id, needs_side(change), old));
    if (!change->replay && !change->trusted
        && (*old)->cells[change->e->deleted_at->cell].type != DB_NULL) {
        return fail(c, ERR_NOT_FOUND, NULL, "this %s is in the bin", change->e->name.p);
    }
    if (!change->trusted) {
        bool seen;
        TRY(access_record(c, *old, RIGHT_READ, &seen));
        if (!seen) {
            return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64,
                change->e->name.p, change->id);
        }
        TRY(record_may(c, *old, RIGHT_UPDATE));
        if (change->e->def.flags & ENTITY_APPEND_ONLY) {
            return fail(c, ERR_CONFLICT, NULL, "%s are never changed", change->e->label_plural.p);
        }
    }
    if (change->version && change->version != (*old)->version) {
        return fail(c, ERR_STALE, NULL,
            "this %s was changed meanwhile: it is at version %" PRId64 ", not %" PRId64,
            change->e->name.p, (*old)->version, change->version);
    }
    return OK;
}

/* To another owner, and nothing was said of the team; users have a main team of their own in that column. */
static bool is_given_away(const struct record *now, const struct record *old)
{
    const struct live_entity *e = now->e;

    return now->set[e->owner->index] && !now->set[e->team->index] && !now->replay
        && !cells_equal(e->owner, &now->cells[e->owner->cell], &old->cells[e->owner->cell])
        && !str_is(e->name, "user");
}

static void stamp(struct call *c, struct record *now, bool *changed)
{
    if (now->quiet) {
        return;
    }
    now->version++;
    record_set(c, now, "version", V(now->version));
    record_set(c, now, "updated_at", V(c->now));
    record_set(c, now, "updated_by", c->who->id ? V(c->who->id) : V_NULL);
    changed[now->e->version->index] = true;
    changed[now->e->updated_at->index] = true;
    changed[now->e->updated_by->index] = true;
}

enum err_code record_update(struct call *c, struct record *change)
{
    struct record *old = NULL;
    bool *changed = ARENA_ARRAY(c->mem, bool, change->e->nfields + 1);

    assert(c->tx == TX_WRITE);
    TRY(open_for_update(c, change, &old));
    struct record *now = merge(c, change, old);
    if (is_given_away(now, old)) {
        TRY(follow_owner(c, now));
    }
    TRY(check_set_once(c, now, old));
    fill_mirrors(c, now);
    if (now->e->def.before_save && !now->replay) {
        TRY(now->e->def.before_save(c, now, old));
    }
    TRY(lookup_fill(c, now, old));
    keep_amounts(now, old);
    TRY(make_formulas(c, now));
    bool any = find_changes(now, old, changed);
    if (any) {
        TRY(validate(c, now, changed));
        if (!now->trusted) {
            /* one may not give away what one may then not have had the right to change */
            TRY(record_may(c, now, RIGHT_UPDATE));
        }
        if (now->replay && !now->quiet && old->cells[now->e->deleted_at->cell].type == DB_NULL) {
            TRY(store_check_unique(c, now));
        }
        if (!now->trusted && (changed[now->e->owner->index] || changed[now->e->team->index])) {
            bool owns;
            TRY(access_owns(c, old, RIGHT_UPDATE, &owns));
            if (!owns) {
                return fail(c, ERR_FORBIDDEN, "owner",
                    "what is shared with you stays with its owner and team");
            }
        }
        stamp(c, now, changed);
        TRY(record_keep_bases(c, old, changed));
        TRY(store_update(c, now, changed));
        TRY(change_note(c, CHANGE_UPDATE, now, old, changed));
    }
    TRY(record_store_many(c, now));
    if (any) {
        TRY(rollups_refresh(c, now, old, changed));
    }
    change->version = now->version;
    return (any || now->many) && now->e->def.after_save ? now->e->def.after_save(c, now, old) : OK;
}

/* ---- duplicates ---- */

static enum err_code is_seen_and_live(
    struct call *c, const struct live_entity *e, int64_t id, bool *yes)
{
    struct record *other;

    TRY(record_load(c, e, id, false, &other));
    *yes = other->cells[e->deleted_at->cell].type == DB_NULL;
    return *yes ? access_record(c, other, RIGHT_READ, yes) : OK;
}

enum err_code record_same_email(struct call *c, const struct record *r, int64_t **ids, size_t *n)
{
    const struct live_field *f = entity_field(r->e, STR("emails"));
    struct part *parts;

    *n = 0;
    *ids = ARENA_ARRAY(c->mem, int64_t, 20);
    if (!f || f->def.kind != KIND_EMAILS || r->cells[f->cell].type != DB_TEXT) {
        return OK;
    }
    size_t nparts = parts_read(c, r->cells[f->cell].s, &parts);
    TRY(c->err.code);
    for (size_t i = 0; i < nparts; i++) {
        struct rows rows;
        struct str key = parts[i].key;
        TRY(db_query(c, &rows,
            SQL("SELECT DISTINCT \"record\" FROM \"part_emails\" WHERE \"key\" = $1 AND"
                " \"entity\" = $2 AND \"field\" = $3 LIMIT 10"),
            VALS(V(key), V(r->e->number), V(f->number))));
        while (rows_next(&rows)) {
            int64_t id = col_int(&rows, 0);
            bool again = id == r->id || *n == 20;
            for (size_t k = 0; k < *n; k++) {
                again = again || (*ids)[k] == id;
            }
            if (!again) {
                bool counts;
                TRY(is_seen_and_live(c, r->e, id, &counts));
                (*ids)[*n] = id;
                *n += counts;
            }
        }
        TRY(rows_end(&rows));
    }
    return OK;
}
