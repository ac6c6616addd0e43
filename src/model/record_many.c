/* record_many.c - many-to-many fields: each entry of the list is a row of the link entity. */

#include "model/record_steps.h"

#include <string.h>

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
        ARENA_ROOM(c->mem, *out, *n, room);
        (*out)[(*n)++] = (struct many_row) { col_int(&rows, 0), col_int(&rows, 1), false };
    }
    return rows_end(&rows);
}

enum err_code record_many_ids(
    struct call *c, const struct live_field *f, int64_t id, int64_t **ids, size_t *n)
{
    struct many_row *rows = NULL;

    *n = 0;
    TRY(link_rows(c, f, id, &rows, n));
    *ids = ARENA_ARRAY(c->mem, int64_t, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        (*ids)[i] = rows[i].to;
    }
    return OK;
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

    if (f->def.by_admins && !c->who->admin) {
        return fail(c, ERR_FORBIDDEN, f->name.p, "only administrators change %s", f->label.p);
    }
    TRY(link_rows(c, f, r->id, &rows, &n));
    if (json_array_size(list) > 1000) {
        return fail(c, ERR_INVALID, f->name.p, "%s takes at most 1000 entries at once", f->label.p);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(put_link(c, f, r, json_array_get(list, i), rows, n));
    }
    for (size_t i = 0; i < n; i++) {
        if (!rows[i].kept) {
            TRY(record_delete_along(c, f->link, rows[i].link));
        }
    }
    return OK;
}

enum err_code record_store_many(struct call *c, const struct record *r)
{
    for (size_t i = 0; r->many && i < r->e->nfields; i++) {
        if (r->many[i]) {
            TRY(store_many(c, r, r->e->fields[i]));
        }
    }
    return OK;
}
