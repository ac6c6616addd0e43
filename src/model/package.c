/* package.c - writes and installs packages of users' definitions. */

#include "model/package.h"

#include <string.h>

/* The columns that make up a definition; the rest (owner, dates) belongs to the installation. */
static const char *const object_members[] = { "name", "plural", "label", "label_plural", "icon",
    "title_field", "description", NULL };
static const char *const field_members[] = { "entity", "name", "label", "help", "kind", "result",
    "required", "unique", "index", "sensitive", "read_only", "partial", "no_fold", "min", "max",
    "scale", "search", "target", "inverse", "list", "pattern", "expr", "def", "group", "lookup", NULL };
static const char *const choice_members[] = { "code", "label", "colour", "kind", "position",
    "active", NULL };

static void members_json(struct call *c, const struct record *r, const char *const *members)
{
    for (; *members; members++) {
        const struct live_field *f = entity_field(r->e, str_of(*members));
        if (f && !cells_absent(f, &r->cells[f->cell])) {
            json_name(&c->out, f->name);
            cells_to_json(c, f, &r->cells[f->cell], NULL, &c->out);
        }
    }
}

static enum err_code each_json(struct call *c, const char *name, const char *entity, struct sql ids,
    struct dbvals v, const char *const *members)
{
    struct rows rows;

    json_array(&c->out, name);
    TRY(db_query(c, &rows, ids, v));
    while (rows_next(&rows)) {
        struct record *r;
        TRY(record_load(c, model_entity(c->model, str_of(entity)), col_int(&rows, 0), false, &r));
        json_object(&c->out, NULL);
        members_json(c, r, members);
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    return rows_end(&rows);
}

static enum err_code lists_json(struct call *c)
{
    struct rows rows;

    json_array(&c->out, "lists");
    TRY(db_query(c, &rows,
        SQL("SELECT DISTINCT l.\"id\", l.\"name\" FROM \"choice_lists\" l JOIN \"fields\" f ON"
            " f.\"list\" = l.\"name\" AND f.\"deleted_at\" IS NULL WHERE l.\"deleted_at\" IS NULL AND"
            " l.\"name\" <> 'tags' ORDER BY l.\"id\""),
        VALS()));
    while (rows_next(&rows)) {
        json_object(&c->out, NULL);
        json_text(&c->out, "name", col_text(&rows, 1));
        TRY(each_json(c, "choices", "choice",
            SQL("SELECT \"id\" FROM \"choices\" WHERE \"list\" = $1 AND \"deleted_at\" IS NULL"
                " ORDER BY \"position\", \"id\""),
            VALS(V(col_int(&rows, 0))), choice_members));
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    return rows_end(&rows);
}

enum err_code package_export(struct call *c, struct str name)
{
    TRY(access_require(c, model_entity(c->model, STR("object")), RIGHT_READ));
    json_object(&c->out, NULL);
    json_int(&c->out, "kith_package", PACKAGE_VERSION);
    json_text(&c->out, "name", name);
    TRY(each_json(c, "objects", "object",
        SQL("SELECT \"id\" FROM \"objects\" WHERE \"deleted_at\" IS NULL ORDER BY \"id\""), VALS(),
        object_members));
    TRY(lists_json(c));
    TRY(each_json(c, "fields", "field",
        SQL("SELECT \"id\" FROM \"fields\" WHERE \"deleted_at\" IS NULL ORDER BY \"id\""), VALS(),
        field_members));
    json_end_object(&c->out);
    return buf_status(&c->body, &c->err);
}

/* The record that stands for the definition already, 0 for none. */
static enum err_code find_same(
    struct call *c, struct sql sql, struct dbvals v, int64_t *id)
{
    bool found;

    TRY(db_find(c, id, &found, sql, v));
    *id = found ? *id : 0;
    return OK;
}

static enum err_code compare(struct call *c, const char *entity, int64_t id, const struct record *want,
    const char *const *members, struct str name)
{
    struct record *have;

    TRY(record_load(c, want->e, id, false, &have));
    for (; *members; members++) {
        const struct live_field *f = entity_field(want->e, str_of(*members));
        if (f && want->set[f->index] && strcmp(*members, "label") != 0
            && !cells_equal(f, &want->cells[f->cell], &have->cells[f->cell])) {
            return fail(c, ERR_CONFLICT, *members, "the %s %.*s is there already with another %s",
                entity, STR_ARG(name), *members);
        }
    }
    return OK;
}

static enum err_code install_one(struct call *c, const char *entity, const json_t *definition,
    const char *const *members, int64_t same, struct str name)
{
    struct record *r = record_of(c, entity);

    TRY(record_fill(c, r, definition));
    return same ? compare(c, entity, same, r, members, name) : record_create(c, r);
}

static enum err_code install_list(struct call *c, const json_t *list)
{
    struct str name = json_str(json_object_get(list, "name"));
    const json_t *choices = json_object_get(list, "choices");
    int64_t id, same;

    TRY(find_same(c,
        SQL("SELECT \"id\" FROM \"choice_lists\" WHERE \"name\" = $1 AND \"deleted_at\" IS NULL"),
        VALS(V(name)), &id));
    if (!id) {
        struct record *r = record_of(c, "choice_list");
        record_set(c, r, "name", V(name));
        TRY(record_create(c, r));
        id = r->id;
    }
    for (size_t i = 0; i < json_array_size(choices); i++) {
        const json_t *definition = json_array_get(choices, i);
        struct str code = json_str(json_object_get(definition, "code"));
        TRY(find_same(c,
            SQL("SELECT \"id\" FROM \"choices\" WHERE \"list\" = $1 AND \"code\" = $2 AND"
                " \"deleted_at\" IS NULL"),
            VALS(V(id), V(code)), &same));
        if (!same) {
            struct record *r = record_of(c, "choice");
            TRY(record_fill(c, r, definition));
            record_set(c, r, "list", V(id));
            TRY(record_create(c, r));
        }
    }
    return OK;
}

enum err_code package_install(struct call *c, const json_t *package)
{
    const json_t *objects = json_object_get(package, "objects");
    const json_t *lists = json_object_get(package, "lists");
    const json_t *fields = json_object_get(package, "fields");
    int64_t same;

    if (json_integer_value(json_object_get(package, "kith_package")) != PACKAGE_VERSION) {
        return fail(c, ERR_INVALID, "kith_package", "this is not a package of version %d",
            PACKAGE_VERSION);
    }
    TRY(access_require(c, model_entity(c->model, STR("object")), RIGHT_CREATE));
    for (size_t i = 0; i < json_array_size(objects); i++) {
        struct str name = json_str(json_object_get(json_array_get(objects, i), "name"));
        TRY(find_same(c,
            SQL("SELECT \"id\" FROM \"objects\" WHERE \"name\" = $1 AND \"deleted_at\" IS NULL"),
            VALS(V(name)), &same));
        TRY(install_one(c, "object", json_array_get(objects, i), object_members, same, name));
    }
    for (size_t i = 0; i < json_array_size(lists); i++) {
        TRY(install_list(c, json_array_get(lists, i)));
    }
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *f = json_array_get(fields, i);
        struct str name = json_str(json_object_get(f, "name"));
        TRY(find_same(c,
            SQL("SELECT \"id\" FROM \"fields\" WHERE \"name\" = $1 AND \"entity\" = $2 AND"
                " \"deleted_at\" IS NULL"),
            VALS(V(name), V(json_str(json_object_get(f, "entity")))), &same));
        TRY(install_one(c, "field", f, field_members, same, name));
    }
    json_object(&c->out, NULL);
    json_int(&c->out, "objects", (int64_t)json_array_size(objects));
    json_int(&c->out, "fields", (int64_t)json_array_size(fields));
    json_end_object(&c->out);
    return OK;
}
