/* timeline.c - merges the activities of all kinds by time, and what modules tell of beside them.
 *
 * Each kind gives its newest rows from its own index; no table of their own repeats them, so a writer
 * sees his act at once. */

#include "model/timeline.h"

#include "model/query.h"
#include "model/query_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct item {
    const struct live_entity *e; /* of an activity; NULL: something that is no record */
    int64_t id, at;
    struct happened told;
};

static enum err_code of_child(struct call *c, const struct live_entity *e, int64_t id,
    const struct live_child *child, int64_t before, int limit, struct item *items, size_t *n)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    const char *when = child->entity->when->columns[0].name;

    if (access_require(c, child->entity, RIGHT_READ) != OK) {
        err_clear(&c->err);
        return OK;
    }
    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    /* what has no time of its own yet (a task without a due date) stands under its creation */
    sql_lit(&s, "SELECT t0.\"id\", coalesce(");
    sql_column(&s, 0, when);
    sql_lit(&s, ", t0.\"created_at\") AS w FROM ");
    sql_ident(&s, child->entity->tables[0]);
    sql_lit(&s, " t0 WHERE t0.\"deleted_at\" IS NULL AND ");
    if (child->by->value == KIND_ANYREF) {
        sql_column(&s, 0, child->by->columns[0].name);
        sql_lit(&s, " = ");
        sql_int(&s, e->number);
        sql_lit(&s, " AND ");
    }
    sql_column(&s, 0, child->by->columns[child->by->value == KIND_ANYREF].name);
    sql_lit(&s, " = ");
    sql_bind(&s, V(id));
    sql_lit(&s, " AND coalesce(");
    sql_column(&s, 0, when);
    sql_lit(&s, ", t0.\"created_at\") < ");
    sql_bind(&s, V(before));
    TRY(access_sql(c, child->entity, RIGHT_READ, 0, &s));
    sql_lit(&s, " ORDER BY 2 DESC, 1 DESC LIMIT ");
    sql_int(&s, limit);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    for (int k = 0; k < limit && rows_next(&rows); k++) {
        struct item it = { .e = child->entity, .id = col_int(&rows, 0), .at = col_int(&rows, 1) };
        bool again = false;
        for (size_t i = 0; i < *n; i++) {
            again = again || (items[i].e == it.e && items[i].id == it.id);
        }
        if (!again) {
            items[(*n)++] = it;
        }
    }
    return rows_end(&rows);
}

/* What the modules tell of: mails. */
static enum err_code of_modules(
    struct call *c, const struct live_entity *e, int64_t id, int64_t before, int limit, struct item *items, size_t *n)
{
    struct happened *list = ARENA_ARRAY(c->mem, struct happened, limit + 1);

    for (const struct module *const *m = c->model->modules; *m; m++) {
        int found = 0;
        TRY((*m)->happened ? (*m)->happened(c, e, id, before, limit, list, &found) : OK);
        for (int k = 0; k < found; k++) {
            items[(*n)++] = (struct item) { .id = list[k].id, .at = list[k].at, .told = list[k] };
        }
    }
    return OK;
}

static int newest_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->at != y->at) {
        return (y->at > x->at) - (y->at < x->at);
    }
    return (y->id > x->id) - (y->id < x->id);
}

static bool leads_to(const struct live_field *f, const struct live_entity *e)
{
    if (f->standard || !f->stored) {
        return false;
    }
    bool any = f->def.kind == KIND_ANYREF && !f->targets;
    for (struct live_entity **t = f->targets; t && *t; t++) {
        any = any || *t == e;
    }
    return any || (f->def.kind == KIND_REF && f->target == e);
}

static size_t count_ways(const struct model *m, const struct live_entity *e)
{
    size_t n = 0;

    for (size_t i = 0; i < m->nentities; i++) {
        const struct live_entity *of = m->entities[i];
        for (size_t k = 0; (of->def.flags & ENTITY_ACTIVITY) && k < of->nfields; k++) {
            n += leads_to(of->fields[k], e);
        }
    }
    for (const struct module *const *k = m->modules; *k; k++) {
        n += (*k)->happened != NULL;
    }
    return n;
}

static enum err_code put_item(struct call *c, const struct item *it)
{
    struct str none = { "", 0 };
    char text[INSTANT_TEXT];

    json_object(&c->out, NULL);
    if (it->e) {
        json_text(&c->out, "entity", it->e->name);
    } else {
        json_cstr(&c->out, "what", it->told.what);
    }
    json_int(&c->out, "id", it->id);
    instant_format(it->at, text);
    json_cstr(&c->out, "at", text);
    if (it->e) {
        json_name(&c->out, STR("record"));
        TRY(query_get(c, it->e, it->id, none, none));
    } else {
        json_raw(&c->out, it->told.what, it->told.json);
    }
    json_end_object(&c->out);
    return OK;
}

enum err_code timeline_json(
    struct call *c, const struct live_entity *e, int64_t id, int64_t before, int limit)
{
    struct item *items = ARENA_ARRAY(c->mem, struct item, count_ways(c->model, e) * (size_t)limit + 1);
    struct record *r;
    size_t n = 0;
    bool yes;
    char text[INSTANT_TEXT];

    TRY(record_load(c, e, id, false, &r));
    TRY(access_record(c, r, RIGHT_READ, &yes));
    if (!yes) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
    }
    for (size_t i = 0; i < c->model->nentities; i++) {
        struct live_entity *of = c->model->entities[i];
        for (size_t k = 0; (of->def.flags & ENTITY_ACTIVITY) && of->when && k < of->nfields; k++) {
            struct live_child child = { .entity = of, .by = of->fields[k] };
            if (leads_to(of->fields[k], e)) {
                TRY(of_child(c, e, id, &child, before ? before : INT64_MAX, limit, items, &n));
            }
        }
    }
    TRY(of_modules(c, e, id, before ? before : INT64_MAX, limit, items, &n));
    qsort(items, n, sizeof *items, newest_first);
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    for (size_t i = 0; i < n && i < (size_t)limit; i++) {
        TRY(put_item(c, &items[i]));
    }
    json_end_array(&c->out);
    json_name(&c->out, STR("next"));
    if (n >= (size_t)limit && limit > 0) {
        instant_format(items[limit - 1].at, text);
        json_cstr(&c->out, NULL, text);
    } else {
        json_none(&c->out, NULL);
    }
    json_end_object(&c->out);
    return OK;
}
