/* hooks.c - what the engine's own entities check and cause around a save. */

#include "model/hooks.h"

#include "model/access.h"
#include "model/build.h"
#include "model/org.h"
#include "model/parts.h"
#include "model/texts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct str text_of(const struct record *r, const char *field)
{
    struct dbval v = record_get(r, field);

    return v.type == DB_TEXT ? v.s : (struct str) { "", 0 };
}

static bool changed(const struct record *r, const struct record *old, const char *field)
{
    const struct live_field *f = entity_field(r->e, str_of(field));

    return !old || !cells_equal(f, &r->cells[f->cell], &old->cells[f->cell]);
}

/* ---- rights ---- */

enum err_code access_after_save(struct call *c, const struct record *r, const struct record *old)
{
    (void)r, (void)old;
    if (conn_backend(c->db) == DB_POSTGRES) {
        /* the other servers look at this row in each transaction */
        TRY(db_exec(c,
            SQL("INSERT INTO \"state\" (\"key\", \"value\") VALUES ('access', '1') ON CONFLICT"
                " (\"key\") DO UPDATE SET \"value\" ="
                " CAST(CAST(\"state\".\"value\" AS bigint) + 1 AS text)"),
            VALS()));
    }
    access_changed(c);
    return OK;
}

enum err_code administrators(struct call *c, int64_t without, int64_t *n)
{
    return db_int(c, n,
        SQL("SELECT count(*) FROM \"users\" WHERE \"admin\" = 1 AND \"active\" = 1 AND"
            " \"deleted_at\" IS NULL AND \"id\" <> $1"),
        VALS(V(without)));
}

enum err_code user_before_save(struct call *c, struct record *r, const struct record *old)
{
    bool was_admin = old && record_get(old, "admin").i && record_get(old, "active").i;
    bool stays = record_get(r, "admin").i && record_get(r, "active").i;
    int64_t others;

    if (changed(r, old, "admin") && record_get(r, "admin").i && !c->who->admin) {
        return fail(c, ERR_FORBIDDEN, "admin", "only an administrator can make another one");
    }
    if (old && record_get(old, "admin").i && !c->who->admin && c->who->id != r->id) {
        return fail(c, ERR_FORBIDDEN, NULL, "only administrators change or delete another one");
    }
    struct str language = record_get(r, "language").s;
    if (changed(r, old, "language") && language.n && !text_speaks(language)) {
        return fail(c, ERR_INVALID, "language", "\"%.*s\" is no language of Kith; there are %.*s", STR_ARG(language),
            STR_ARG(text_languages(c->mem)));
    }
    if (!was_admin || stays) {
        return tree_before_save(c, r, old);
    }
    TRY(administrators(c, r->id, &others));
    return others ? OK
                  : fail(c, ERR_CONFLICT, "admin", "the last administrator cannot be taken away");
}

enum err_code user_before_delete(struct call *c, const struct record *r)
{
    bool admin = record_get(r, "admin").i && record_get(r, "active").i;
    int64_t others;

    if (!admin || !c->who->id || record_get(r, "deleted_at").type != DB_NULL) {
        return OK;
    }
    if (!c->who->admin) {
        return fail(c, ERR_FORBIDDEN, NULL, "only administrators change or delete another one");
    }
    TRY(administrators(c, r->id, &others));
    return others ? OK : fail(c, ERR_CONFLICT, "admin", "the last administrator cannot be taken away");
}

/* A tree has no circles: nobody is above himself. */
enum err_code tree_before_save(struct call *c, struct record *r, const struct record *old)
{
    const char *name = entity_field(r->e, STR("parent")) ? "parent" : "manager";
    struct dbval above = record_get(r, name);
    const struct live_field *f = entity_field(r->e, str_of(name));

    if (!r->id || !changed(r, old, name)) {
        return OK;
    }
    for (int depth = 0; above.type == DB_INT; depth++) {
        struct record *next;
        if (above.i == r->id || depth > 100) {
            return fail(c, ERR_CONFLICT, name, "%s would stand above itself", r->e->label.p);
        }
        enum err_code code = record_load(c, r->e, above.i, false, &next);
        if (code == ERR_NOT_FOUND) {
            err_clear(&c->err);
            return OK;
        }
        TRY(code);
        above = next->cells[f->cell];
    }
    return OK;
}

enum err_code grant_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str entity = text_of(r, "entity"), condition = text_of(r, "condition");
    struct str field = text_of(r, "field");
    const struct live_entity *e = model_entity(c->model, entity);

    (void)old;
    if (!str_is(entity, "*") && (!e || (e->def.flags & ENTITY_TABLE))) {
        return fail(c, ERR_INVALID, "entity", "there is no entity \"%.*s\"", STR_ARG(entity));
    }
    if (e && !str_eq(entity, e->name)) {
        record_set(c, r, "entity", V(e->name));
    }
    if (entity_field(r->e, STR("field")) && (!e || !entity_field(e, field))) {
        return fail(c, ERR_INVALID, "field", "%.*s has no field \"%.*s\"", STR_ARG(entity),
            STR_ARG(field));
    }
    if (condition.n) {
        struct expr_scope scope = access_scope(c, e);
        const struct expr *x;
        if (!e) {
            return fail(c, ERR_INVALID, "condition", "a condition needs an entity of its own");
        }
        TRY(expr_condition(&scope, condition, "condition", &x, &c->err));
    }
    return OK;
}

enum err_code share_before_save(struct call *c, struct record *r, const struct record *old)
{
    const struct live_field *f = entity_field(r->e, STR("record"));
    const struct dbval *cells = record_cells(r, f);
    const struct live_entity *e = model_entity_number(c->model, cells[0].i);
    struct record *shared;
    bool yes;

    (void)old;
    if ((record_get(r, "user").type == DB_NULL) == (record_get(r, "with_team").type == DB_NULL)) {
        return fail(c, ERR_INVALID, "user", "a record is shared with a user or with a team");
    }
    if (r->trusted || !e) {
        return OK;
    }
    /* who may change a record may share it; so the share itself asks for no further right */
    TRY(record_load(c, e, cells[1].i, false, &shared));
    TRY(access_record(c, shared, RIGHT_UPDATE, &yes));
    if (!yes) {
        return fail(c, ERR_FORBIDDEN, "record", "only who may change a record may share it");
    }
    r->trusted = true;
    return OK;
}

/* ---- objects and fields of users ---- */

static bool name_ok(struct str s)
{
    if (s.n < 3 || !str_starts(s, STR("x_"))) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_')) {
            return false;
        }
    }
    return true;
}

static enum err_code bad_name(struct call *c, const char *field)
{
    return fail(c, ERR_INVALID, field,
        "the name begins with x_ and holds small letters, digits and underscores");
}

enum err_code object_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str name = text_of(r, "name"), plural = text_of(r, "plural");

    if (!name_ok(name)) {
        return bad_name(c, "name");
    }
    if (!plural.n) {
        plural = str_ends(name, STR("s")) ? arena_fmt(c->mem, "%ses", name.p)
                                          : arena_fmt(c->mem, "%ss", name.p);
        record_set(c, r, "plural", V(plural));
    }
    if (!name_ok(plural) || str_eq(name, plural)) {
        return bad_name(c, "plural");
    }
    const struct live_entity *same = model_entity(c->model, name);
    const struct live_entity *same_plural = model_entity(c->model, plural);
    if ((changed(r, old, "name") && same) || (changed(r, old, "plural") && same_plural)) {
        return fail(c, ERR_CONFLICT, "name", "there is an object of this name already");
    }
    if (!text_of(r, "label").n) {
        record_set(c, r, "label", V(label_of(c->mem, name)));
    }
    if (!text_of(r, "label_plural").n) {
        record_set(c, r, "label_plural", V(label_of(c->mem, plural)));
    }
    if (old && changed(r, old, "name")) {
        TRY(db_exec(c, SQL("UPDATE \"fields\" SET \"entity\" = $2 WHERE \"entity\" = $1"),
            VALS(V(text_of(old, "name")), V(name))));
        TRY(db_exec(c, SQL("UPDATE \"fields\" SET \"target\" = $2 WHERE \"target\" = $1"),
            VALS(V(text_of(old, "name")), V(name))));
        TRY(db_exec(c, SQL("UPDATE \"grants\" SET \"entity\" = $2 WHERE \"entity\" = $1"),
            VALS(V(text_of(old, "name")), V(name))));
    }
    return OK;
}

static int physical_columns(enum field_kind kind)
{
    switch (kind) {
    case KIND_MONEY:
    case KIND_DATE:
    case KIND_FORMULA:
    case KIND_ROLLUP:
        return 3;
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_PLACE:
    case KIND_ANYREF:
        return 2;
    case KIND_MANY:
        return 0;
    case KIND_NONE: case KIND_LONG_TEXT: case KIND_RICH_TEXT: case KIND_INT: case KIND_DECIMAL:
    case KIND_PERCENT: case KIND_BOOL: case KIND_INSTANT: case KIND_DURATION: case KIND_CHOICE:
    case KIND_CHOICES: case KIND_TAGS: case KIND_REF: case KIND_EMAILS: case KIND_PHONES:
    case KIND_ADDRESSES: case KIND_URLS: case KIND_FILE: case KIND_NUMBER: case KIND_JSON:
    case KIND_COUNT:
        break;
    }
    return 1;
}

/* The first side table with room; every field that ever was counts, as its columns still do. */
static enum err_code choose_table(
    struct call *c, struct record *r, struct str entity, enum field_kind kind)
{
    struct rows rows;
    int used[64] = { 0 }, table = 1;

    TRY(db_query(c, &rows, SQL("SELECT \"side\", \"kind\" FROM \"fields\" WHERE \"entity\" = $1"),
        VALS(V(entity))));
    while (rows_next(&rows)) {
        int64_t side = col_int(&rows, 0);
        enum field_kind k = KIND_TEXT;
        field_kind_of(col_text(&rows, 1), &k);
        if (side > 0 && side < 64) {
            used[side] += physical_columns(k);
        }
    }
    TRY(rows_end(&rows));
    while (table < 30 && used[table] + physical_columns(kind) > SIDE_COLUMNS) {
        table++;
    }
    if (table == 30) {
        return fail(c, ERR_CONFLICT, "entity", "%.*s has as many fields as it can have",
            STR_ARG(entity));
    }
    record_set(c, r, "side", V(table));
    return OK;
}

static enum err_code seed_list(struct call *c, struct record *r, struct str entity, struct str name)
{
    struct dbval given = record_get(r, "choices");
    struct str list_name = text_of(r, "list");
    struct record *list;
    json_t *choices = NULL;
    bool found;
    int64_t id;

    if (!list_name.n) {
        list_name = arena_fmt(c->mem, "%s_%s", entity.p, name.p);
        record_set(c, r, "list", V(list_name));
    }
    TRY(db_find(c, &id, &found,
        SQL("SELECT \"id\" FROM \"choice_lists\" WHERE \"name\" = $1 AND \"deleted_at\" IS NULL"),
        VALS(V(list_name))));
    if (found) {
        return OK;
    }
    list = record_of(c, "choice_list");
    list->trusted = true;
    record_set(c, list, "name", V(list_name));
    record_set(c, list, "label", V(label_of(c->mem, name)));
    TRY(record_create(c, list));
    if (given.type != DB_TEXT) {
        return OK;
    }
    TRY(json_read(c->mem, given.s, &choices, &c->err));
    for (size_t i = 0; i < json_array_size(choices); i++) {
        const json_t *one = json_array_get(choices, i);
        struct str code = json_is_string(one) ? json_str(one) : json_str(json_object_get(one, "code"));
        struct str label = json_str(json_object_get(one, "label"));
        struct record *ch = record_of(c, "choice");
        if (!code.n) {
            return fail(c, ERR_INVALID, "choices", "each choice has a code");
        }
        ch->trusted = true;
        record_set(c, ch, "list", V(list->id));
        record_set(c, ch, "code", V(code));
        record_set(c, ch, "label", V(label.n ? label : code));
        record_set(c, ch, "position", V((int64_t)i * 10));
        struct str colour = json_str(json_object_get(one, "colour"));
        record_set(c, ch, "colour", colour.n ? V(colour) : V_NULL);
        TRY(record_create(c, ch));
    }
    return OK;
}

/* What a reference leads to; an object made in this very call is not in the snapshot yet. */
static enum err_code check_target(struct call *c, struct record *r)
{
    struct str target = text_of(r, "target"), made;
    const struct live_entity *e = model_entity(c->model, target);

    if (e && !(e->def.flags & ENTITY_TABLE)) {
        record_set(c, r, "target", V(e->name));
        return OK;
    }
    TRY(e ? OK
          : db_text(c, &made,
                SQL("SELECT \"name\" FROM \"objects\" WHERE (\"name\" = $1 OR \"plural\" = $1) AND"
                    " \"deleted_at\" IS NULL"),
                VALS(V(target))));
    if (e || !made.n) {
        return fail(c, ERR_INVALID, "target", "a reference needs the entity it refers to");
    }
    record_set(c, r, "target", V(made));
    return OK;
}

static enum err_code check_kind(struct call *c, struct record *r, enum field_kind kind)
{
    if (kind == KIND_FILE) {
        record_set(c, r, "target", V("file"));
    }
    if (kind == KIND_REF || kind == KIND_MANY) {
        TRY(check_target(c, r));
    }
    if ((kind == KIND_FORMULA || kind == KIND_ROLLUP) && !text_of(r, "expr").n) {
        return fail(c, ERR_INVALID, "expr", "a computed field needs an expression");
    }
    if (record_get(r, "scale").type == DB_NULL && kind == KIND_DECIMAL) {
        record_set(c, r, "scale", V(2));
    }
    if (record_get(r, "scale").type == DB_NULL && kind == KIND_PERCENT) {
        record_set(c, r, "scale", V(2));
    }
    return OK;
}

static enum err_code entity_of_field(
    struct call *c, struct record *r, const struct live_entity **out, struct str *name)
{
    bool found;
    int64_t object;
    struct str entity = text_of(r, "entity");
    const struct live_entity *e = model_entity(c->model, entity);

    *out = e;
    *name = e ? e->name : entity;
    if (e && (e->def.flags & ENTITY_TABLE)) {
        return fail(c, ERR_INVALID, "entity", "this table takes no fields of yours");
    }
    /* an object made in this very call is not in the snapshot yet */
    TRY(db_find(c, &object, &found,
        SQL("SELECT \"id\" FROM \"objects\" WHERE (\"name\" = $1 OR \"plural\" = $1) AND"
            " \"deleted_at\" IS NULL"),
        VALS(V(*name))));
    if (!e && !found) {
        return fail(c, ERR_INVALID, "entity", "there is no entity \"%.*s\"", STR_ARG(entity));
    }
    if (found) {
        TRY(db_text(c, name, SQL("SELECT \"name\" FROM \"objects\" WHERE \"id\" = $1"),
            VALS(V(object))));
        record_set(c, r, "object", V(object));
    }
    record_set(c, r, "entity", V(*name));
    return OK;
}

enum err_code custom_field_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str name = text_of(r, "name"), entity;
    const struct live_entity *e;
    enum field_kind kind, result;

    if (!name_ok(name)) {
        return bad_name(c, "name");
    }
    if (!field_kind_of(text_of(r, "kind"), &kind)) {
        return fail(c, ERR_INVALID, "kind", "there is no kind of field \"%.*s\"",
            STR_ARG(text_of(r, "kind")));
    }
    if (text_of(r, "result").n && !field_kind_of(text_of(r, "result"), &result)) {
        return fail(c, ERR_INVALID, "result", "there is no such kind of field");
    }
    if (old) {
        return OK;
    }
    TRY(entity_of_field(c, r, &e, &entity));
    if (e && entity_field(e, name)) {
        return fail(c, ERR_CONFLICT, "name", "%.*s has a field \"%.*s\" already", STR_ARG(entity),
            STR_ARG(name));
    }
    TRY(check_kind(c, r, kind));
    if (kind == KIND_CHOICE || kind == KIND_CHOICES) {
        TRY(seed_list(c, r, entity, name));
    }
    if (!text_of(r, "label").n) {
        record_set(c, r, "label", V(label_of(c->mem, name)));
    }
    return choose_table(c, r, entity, kind);
}

/* A field without its list would lose the names of its values. */
enum err_code choice_list_before_delete(struct call *c, const struct record *r)
{
    struct str name = text_of(r, "name");

    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        for (size_t k = 0; k < e->nfields; k++) {
            if (e->fields[k]->list && e->fields[k]->list->id == r->id) {
                return fail(c, ERR_CONFLICT, NULL, "choice list %" PRId64 " (%.*s) is used by %s.%s",
                    r->id, STR_ARG(name), e->name.p, e->fields[k]->name.p);
            }
        }
    }
    return OK;
}

enum err_code definition_after_save(
    struct call *c, const struct record *r, const struct record *old)
{
    const struct live_entity *e = r ? r->e : old->e;
    bool lists = str_is(e->name, "choice") || str_is(e->name, "choice_list");

    if (c->rebuild != REBUILD_SCHEMA) {
        c->rebuild = lists ? REBUILD_LISTS : REBUILD_SCHEMA;
    }
    return OK;
}

/* ---- the rest ---- */

enum err_code view_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str entity = text_of(r, "entity"), where = text_of(r, "where");
    const struct live_entity *e = model_entity(c->model, entity);

    (void)old;
    if (!e) {
        return fail(c, ERR_INVALID, "entity", "there is no entity \"%.*s\"", STR_ARG(entity));
    }
    if (where.n) {
        return access_keep_condition(c, r, "where", e);
    }
    return OK;
}

static bool clock_time(const json_t *v, int *minutes)
{
    struct str s = json_str(v);
    int64_t h, m;

    if (s.n != 5 || s.p[2] != ':' || !str_to_int(str_sub(s, 0, 2), &h)
        || !str_to_int(str_sub(s, 3, 2), &m) || h < 0 || h > 24 || m < 0 || m > 59) {
        return false;
    }
    *minutes = (int)(h * 60 + m);
    return *minutes <= 24 * 60;
}

enum err_code working_hours_before_save(
    struct call *c, struct record *r, const struct record *old)
{
    struct dbval week = record_get(r, "week");
    const char *day;
    json_t *tree, *spans;

    (void)old;
    if (week.type != DB_TEXT) {
        return OK;
    }
    TRY(json_read(c->mem, week.s, &tree, &c->err));
    json_object_foreach(tree, day, spans)
    {
        int last = 0, from, to;
        if (strlen(day) != 1 || day[0] < '1' || day[0] > '7') {
            return fail(c, ERR_INVALID, "week", "days are \"1\" (Monday) to \"7\"");
        }
        for (size_t i = 0; i < json_array_size(spans); i++) {
            const json_t *span = json_array_get(spans, i);
            if (!clock_time(json_array_get(span, 0), &from)
                || !clock_time(json_array_get(span, 1), &to) || from < last || to <= from) {
                return fail(c, ERR_INVALID, "week",
                    "the hours of a day are pairs like [\"09:00\", \"17:00\"], in order");
            }
            last = to;
        }
    }
    return OK;
}

enum err_code setting_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str scope = text_of(r, "scope");

    (void)old;
    if (!str_is(scope, "installation") && !str_is(scope, "organisation") && !str_is(scope, "team")
        && !str_is(scope, "user")) {
        return fail(c, ERR_INVALID, "scope", "scope is installation, organisation, team or user");
    }
    return OK;
}
