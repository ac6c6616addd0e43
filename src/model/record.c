/* record.c - the one write path.
 *
 * A change is a record of which some fields are set; the engine loads what is there, merges, lets the
 * entity's hook look, validates, makes formulas anew, stores, refreshes roll-ups and leaves history and
 * feed. Everything happens in the call's transaction. */

#include "model/record.h"

#include "model/access.h"
#include "model/change.h"
#include "model/parts.h"
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

enum err_code record_fill(struct call *c, struct record *r, const json_t *object)
{
    const char *name;
    json_t *v;

    if (!json_is_object(object)) {
        return fail(c, ERR_INVALID, NULL, "a record is a JSON object");
    }
    json_object_foreach((json_t *)object, name, v)
    {
        const struct live_field *f = entity_field(r->e, str_of(name));
        if (!f || f->def.system || access_field(c, f) == FIELD_HIDDEN || name[0] == '@') {
            fail_field(c, name, "%s has no field \"%.60s\"", r->e->label.p, name);
            continue;
        }
        if (f->def.read_only || f->def.kind == KIND_FORMULA || f->def.kind == KIND_ROLLUP) {
            /* what a GET gave may be sent back whole: computed and standard fields are passed over */
            if (!f->standard && !f->def.mirror) {
                fail_field(c, name, "%s cannot be set", f->label.p);
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

/* ---- reading ---- */

static enum err_code load_table(struct call *c, struct record *r, int table, bool *found)
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
    TRY(load_table(c, r, 0, &found));
    if (!found) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
    }
    for (int t = 1; side && t <= e->nside; t++) {
        TRY(load_table(c, r, t, &found));
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
};

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
        TRY(load_table(s->c, r, f->table, &found));
    }
    if (!found) {
        *out = (struct value) { .absent = true };
        return OK;
    }
    cells_to_value(f, &r->cells[f->cell], out);
    if (f->value == KIND_MONEY && !out->absent) {
        struct dbval base = cells_key(s->c, f, &r->cells[f->cell]);
        out->base = base.i;
        out->absent = base.type == DB_NULL;
    }
    if (f->value == KIND_ANYREF) {
        out->entity = model_entity_number(s->c->model, r->cells[f->cell].i);
    }
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
    sqltext_init(&q, c->mem, conn_backend(c->db));
    sql_lit(&q, "SELECT \"id\" FROM ");
    sql_ident(&q, child->entity->tables[0]);
    sql_lit(&q, " WHERE ");
    if (child->by->value == KIND_ANYREF) {
        sql_ident(&q, child->by->columns[0].name);
        sql_lit(&q, " = ");
        sql_int(&q, s->r->e->number);
        sql_lit(&q, " AND ");
    }
    sql_ident(&q, child->by->columns[child->by->value == KIND_ANYREF].name);
    sql_lit(&q, " = ");
    sql_bind(&q, V(id));
    sql_lit(&q, " AND \"deleted_at\" IS NULL ORDER BY \"id\"");
    TRY(sqltext_end(&q, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        if (*n == room) {
            room = room ? room * 2 : 16;
            int64_t *more = ARENA_ARRAY(c->mem, int64_t, room);
            if (*n) {
                memcpy(more, *ids, *n * sizeof *more);
            }
            *ids = more;
        }
        (*ids)[(*n)++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

struct expr_rows record_rows(struct call *c, struct record *r)
{
    struct row_source *s = ARENA_NEW(c->mem, struct row_source);

    *s = (struct row_source) { c, r };
    return (struct expr_rows) { s, source_field, source_children };
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
        if (r->e->fields[i]->def.kind == KIND_NAME) {
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

static enum err_code fill_default(struct call *c, struct record *r, const struct live_field *f)
{
    struct str text = str_of(f->def.def);
    struct expr_scope scope = access_scope(c, r->e);
    const struct expr *x;
    struct value v;

    if (f->value == KIND_CHOICE && choice_by_code(f->list, text)) {
        r->cells[f->cell] = V(choice_by_code(f->list, text)->id);
        return OK;
    }
    if (f->value == KIND_BOOL && (str_is(text, "true") || str_is(text, "false"))) {
        r->cells[f->cell] = V(str_is(text, "true"));
        return OK;
    }
    scope.may_read = NULL;
    TRY(expr_parse(&scope, text, f->name.p, &x, &c->err));
    struct expr_rows rows = record_rows(c, r);
    TRY(expr_eval(x, &rows, c->mem, c->now, c->who->id, &v));
    cells_from_value(c, f, &v, &r->cells[f->cell]);
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
    if (!r->set[e->team->index] && c->who->team) {
        r->cells[e->team->cell] = V(c->who->team);
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

/* ---- many-to-many ---- */

struct many_row {
    int64_t link, to;
    bool kept;
};

static enum err_code link_rows(struct call *c, const struct live_field *f, int64_t id,
    struct many_row **out, size_t *n)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    size_t room = 0;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\", \"to\" FROM ");
    sql_ident(&s, f->link->tables[0]);
    sql_lit(&s, " WHERE \"from\" = ");
    sql_bind(&s, V(id));
    sql_lit(&s, " AND \"deleted_at\" IS NULL ORDER BY \"id\"");
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        if (*n == room) {
            room = room ? room * 2 : 8;
            struct many_row *more = ARENA_ARRAY(c->mem, struct many_row, room);
            if (*n) {
                memcpy(more, *out, *n * sizeof *more);
            }
            *out = more;
        }
        (*out)[(*n)++] = (struct many_row) { col_int(&rows, 0), col_int(&rows, 1), false };
    }
    return rows_end(&rows);
}

/* An entry is an id, or an object with "id" (or "external_id") and the attributes of the link. */
static enum err_code put_link(struct call *c, const struct live_field *f, const struct record *r,
    const json_t *v, struct many_row *rows, size_t n)
{
    const struct live_field *to = entity_field(f->link, STR("to"));
    struct record *link = record_new(c, f->link);
    json_t *attributes = NULL;
    const char *name;
    json_t *one;

    if (!cells_from_json(c, to, v, &link->cells[to->cell])) {
        return call_status(c);
    }
    link->set[to->index] = true;
    record_set(c, link, "from", V(r->id));
    if (json_is_object(v)) {
        attributes = json_pack("{}");
        arena_defer(c->mem, (void (*)(void *))json_decref, attributes);
        json_object_foreach((json_t *)v, name, one)
        {
            if (strcmp(name, "id") != 0 && strcmp(name, "name") != 0
                && strcmp(name, "external_id") != 0 && strcmp(name, "link") != 0) {
                json_object_set(attributes, name, one);
            }
        }
        TRY(record_fill(c, link, attributes));
    }
    link->trusted = true;
    for (size_t i = 0; i < n; i++) {
        if (!rows[i].kept && rows[i].to == link->cells[to->cell].i) {
            rows[i].kept = true;
            link->id = rows[i].link;
            link->set[to->index] = false;
            link->set[entity_field(f->link, STR("from"))->index] = false;
            return record_update(c, link);
        }
    }
    return record_create(c, link);
}

static enum err_code store_many(struct call *c, const struct record *r, const struct live_field *f)
{
    struct many_row *rows = NULL;
    size_t n = 0;
    json_t *list = r->many[f->index];

    TRY(link_rows(c, f, r->id, &rows, &n));
    if (json_array_size(list) > 1000) {
        return fail(c, ERR_INVALID, f->name.p, "%s takes at most 1000 entries at once", f->label.p);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(put_link(c, f, r, json_array_get(list, i), rows, n));
    }
    for (size_t i = 0; i < n; i++) {
        if (!rows[i].kept) {
            TRY(record_delete(c, f->link, rows[i].link, 0));
        }
    }
    return OK;
}

static enum err_code store_manys(struct call *c, const struct record *r)
{
    for (size_t i = 0; r->many && i < r->e->nfields; i++) {
        if (r->many[i]) {
            TRY(store_many(c, r, r->e->fields[i]));
        }
    }
    return OK;
}

/* ---- create ---- */

static enum err_code may(struct call *c, struct record *r, enum right right)
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

enum err_code record_create(struct call *c, struct record *r)
{
    assert(c->tx == TX_WRITE);
    assert(!(r->e->def.flags & ENTITY_TABLE));
    if (!r->trusted) {
        TRY(access_require(c, r->e, RIGHT_CREATE));
    }
    TRY(fill_defaults(c, r));
    fill_mirrors(c, r);
    if (r->e->def.before_save) {
        TRY(r->e->def.before_save(c, r, NULL));
    }
    TRY(may(c, r, RIGHT_CREATE));
    TRY(validate(c, r, NULL));
    TRY(begin_rollups(c, r));
    TRY(make_formulas(c, r));
    TRY(store_insert(c, r));
    r->version = 1;
    r->loaded = ~0u;
    TRY(change_note(c, CHANGE_CREATE, r, NULL, NULL));
    TRY(store_manys(c, r));
    TRY(rollups_refresh(c, r, NULL, NULL));
    return r->e->def.after_save ? r->e->def.after_save(c, r, NULL) : OK;
}

/* ---- update ---- */

static bool needs_side(const struct record *r)
{
    bool needs = r->e->nside > 0 && (r->e->nformulas > 0 || r->e->def.rules || r->e->def.before_save);

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
    now->many = change->many;
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
        TRY(may(c, *old, RIGHT_UPDATE));
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
    TRY(check_set_once(c, now, old));
    fill_mirrors(c, now);
    if (now->e->def.before_save && !now->replay) {
        TRY(now->e->def.before_save(c, now, old));
    }
    TRY(make_formulas(c, now));
    bool any = find_changes(now, old, changed);
    if (any) {
        TRY(validate(c, now, changed));
        if (!now->trusted) {
            /* one may not give away what one may then not have had the right to change */
            TRY(may(c, now, RIGHT_UPDATE));
        }
        if (now->replay && !now->quiet && old->cells[now->e->deleted_at->cell].type == DB_NULL) {
            TRY(store_check_unique(c, now));
        }
        stamp(c, now, changed);
        TRY(store_update(c, now, changed));
        TRY(change_note(c, CHANGE_UPDATE, now, old, changed));
    }
    TRY(store_manys(c, now));
    if (any) {
        TRY(rollups_refresh(c, now, old, changed));
    }
    change->version = now->version;
    return any && now->e->def.after_save ? now->e->def.after_save(c, now, old) : OK;
}

/* ---- bin, restore, purge ---- */

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

static enum err_code bin_child(struct call *c, const struct live_child *child, int64_t id, void *arg)
{
    (void)arg;
    return record_delete(c, child->entity, id, 0);
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
    return may(c, *r, right);
}

enum err_code record_delete(
    struct call *c, const struct live_entity *e, int64_t id, int64_t version)
{
    struct record *r = NULL;

    assert(c->tx == TX_WRITE);
    TRY(load_seen(c, e, id, e->def.flags & ENTITY_LINK, RIGHT_DELETE, &r));
    if (r->cells[e->deleted_at->cell].type != DB_NULL) {
        return fail(c, ERR_NOT_FOUND, NULL, "this %s is in the bin already", e->name.p);
    }
    if (e->def.flags & ENTITY_APPEND_ONLY && !c->undo_of) {
        return fail(c, ERR_CONFLICT, NULL, "%s are never deleted", e->label_plural.p);
    }
    if (version && version != r->version) {
        return fail(c, ERR_STALE, NULL, "this %s was changed meanwhile", e->name.p);
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
    return when.type == DB_INT && when.i == with->when.i ? record_restore(c, child->entity, id) : OK;
}

enum err_code record_restore(struct call *c, const struct live_entity *e, int64_t id)
{
    struct record *r = NULL;

    TRY(load_seen(c, e, id, e->def.flags & ENTITY_LINK, RIGHT_DELETE, &r));
    struct restoring with = { r->cells[e->deleted_at->cell] };
    if (with.when.type == DB_NULL) {
        return fail(c, ERR_CONFLICT, NULL, "this %s is not in the bin", e->name.p);
    }
    TRY(store_check_unique(c, r));
    TRY(store_bin(c, r, V_NULL));
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
    TRY(store_insert(c, r));
    TRY(change_note(c, CHANGE_CREATE, r, NULL, NULL));
    TRY(rollups_refresh(c, r, NULL, NULL));
    return r->e->def.after_save ? r->e->def.after_save(c, r, NULL) : OK;
}

/* ---- duplicates ---- */

enum err_code record_same_email(struct call *c, const struct record *r, int64_t **ids, size_t *n)
{
    const struct live_field *f = entity_field(r->e, STR("emails"));
    json_t *list = NULL;

    *n = 0;
    *ids = ARENA_ARRAY(c->mem, int64_t, 20);
    if (!f || f->def.kind != KIND_EMAILS || r->cells[f->cell].type != DB_TEXT) {
        return OK;
    }
    TRY(json_read(c->mem, r->cells[f->cell].s, &list, &c->err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct rows rows;
        struct str key = json_str(json_object_get(json_array_get(list, i), "key"));
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
                (*ids)[(*n)++] = id;
            }
        }
        TRY(rows_end(&rows));
    }
    return OK;
}
