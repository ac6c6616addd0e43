/* change_sets.c - what was done in one go, as people read it: who, when, which records, and whether it can be taken back. */

#include "model/change.h"

#include "model/access.h"
#include "model/access_steps.h"
#include "model/cells.h"
#include "model/org.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Records named for a set, rows of the feed looked at for them, changes counted. */
enum { NAMED = 3, LOOKED = 50, COUNTED = 10000 };

struct named {
    const struct live_entity *e;
    int64_t id;
    char kind;
    bool *changed; /* by index of the entity's fields */
};

struct set_line {
    int64_t id, at, user, undone_by, undo_of, changes;
    struct str via, kind, label;
    struct named named[NAMED];
    size_t n;
};

static enum err_code mark_fields(struct call *c, struct named *of, struct str fields)
{
    json_t *numbers = NULL, *one;
    char name[32];
    size_t i;

    if (!fields.n) {
        return OK;
    }
    TRY(json_read(c->mem, fields, &numbers, &c->err));
    json_array_foreach(numbers, i, one)
    {
        snprintf(name, sizeof name, "@%" PRId64, (int64_t)json_integer_value(one));
        const struct live_field *f = entity_field(of->e, str_of(name));
        if (f && !f->standard && access_field(c, f) != FIELD_HIDDEN) {
            of->changed[f->index] = true;
        }
    }
    return OK;
}

static struct named *named_of(struct call *c, struct set_line *l, const struct live_entity *e, int64_t id, char kind)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->named[i].e == e && l->named[i].id == id) {
            return &l->named[i];
        }
    }
    if (l->n == NAMED) {
        return NULL;
    }
    struct named *out = &l->named[l->n++];
    *out = (struct named) { e, id, kind, ARENA_ARRAY(c->mem, bool, e->nfields) };
    return out;
}

static enum err_code look_at(struct call *c, struct set_line *l, struct ref_names *names)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"entity\", \"record\", \"kind\", \"fields\" FROM \"feed\" WHERE \"change_set\" = $1 AND \"kind\" IN"
            " ('c', 'u', 'd', 'r', 'p') ORDER BY \"id\" LIMIT $2"),
        VALS(V(l->id), V((int64_t)LOOKED))));
    while (rows_next(&rows)) {
        const struct live_entity *e = model_entity_number(c->model, col_int(&rows, 0));
        char kind = *col_text(&rows, 2).p;
        struct named *one = e ? named_of(c, l, e, col_int(&rows, 1), kind) : NULL;
        if (!one) {
            continue;
        }
        if (kind == CHANGE_UPDATE) {
            TRY(mark_fields(c, one, col_text(&rows, 3)));
        } else {
            one->kind = one->kind == CHANGE_CREATE ? one->kind : kind;
        }
        ref_names_want(names, e, one->id);
    }
    TRY(rows_end(&rows));
    return db_int(c, &l->changes,
        SQL("SELECT count(*) FROM (SELECT 1 FROM \"feed\" WHERE \"change_set\" = $1 LIMIT $2) AS \"some\""),
        VALS(V(l->id), V((int64_t)COUNTED)));
}

/* Is it offered? What the program does of its own accord is not: it would do it again. */
static bool can_undo(const struct call *c, const struct set_line *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct live_entity *owner = access_link_owner(l->named[i].e);
        if ((owner ? owner : l->named[i].e)->def.flags & ENTITY_ADMIN && !access_all_powerful(c)) {
            return false;
        }
    }
    return (l->user || str_is(l->via, via_name(VIA_SHELL))) && !l->undone_by && l->changes && l->at >= c->now - FEED_LIFE;
}

static void put_id(struct json_writer *w, const char *name, int64_t id)
{
    if (id) {
        json_int(w, name, id);
    } else {
        json_none(w, name);
    }
}

static void named_json(struct call *c, const struct named *one, const struct ref_names *names)
{
    struct json_writer *w = &c->out;

    json_object(w, NULL);
    json_text(w, "entity", one->e->name);
    json_int(w, "id", one->id);
    json_text(w, "name", ref_names_get(names, one->e, one->id));
    json_cstr(w, "kind", change_kind_word((enum change_kind)one->kind));
    json_array(w, "fields");
    for (size_t i = 0; i < one->e->nfields; i++) {
        if (one->changed[i]) {
            json_text(w, NULL, one->e->fields[i]->name);
        }
    }
    json_end_array(w);
    json_end_object(w);
}

static void line_json(struct call *c, const struct set_line *l, const struct ref_names *names)
{
    const struct live_entity *users = model_entity(c->model, STR("user"));
    struct json_writer *w = &c->out;
    char text[INSTANT_TEXT];

    json_object(w, NULL);
    json_int(w, "id", l->id);
    instant_format(l->at, text);
    json_cstr(w, "at", text);
    put_id(w, "user", l->user);
    json_text(w, "user_name", l->user ? ref_names_get(names, users, l->user) : STR("system"));
    json_text(w, "via", l->via);
    json_text(w, "kind", l->kind);
    json_text(w, "label", l->label);
    json_int(w, "changes", l->changes);
    json_array(w, "records");
    for (size_t i = 0; i < l->n; i++) {
        named_json(c, &l->named[i], names);
    }
    json_end_array(w);
    json_flag(w, "can_undo", can_undo(c, l));
    put_id(w, "undone_by", l->undone_by);
    put_id(w, "undo_of", l->undo_of);
    json_end_object(w);
}

enum err_code change_set_label(struct call *c, struct str label)
{
    return db_exec(c, SQL("UPDATE \"change_sets\" SET \"label\" = $2 WHERE \"id\" = $1"), VALS(V(c->change_set), V(label)));
}

static enum err_code list_sets(struct call *c, enum change_sets_of of, int64_t user, int64_t before, int64_t limit, struct rows *rows)
{
#define COLUMNS "SELECT \"id\", \"at\", \"user\", \"undone_by\", \"undo_of\", \"via\", \"kind\", \"label\" FROM \"change_sets\""
    switch (of) {
    case SETS_OF_USER:
        return db_query(c, rows, SQL(COLUMNS " WHERE \"user\" = $3 AND \"id\" < $1 ORDER BY \"id\" DESC LIMIT $2"),
            VALS(V(before), V(limit), V(user)));
    case SETS_OF_PEOPLE:
        return db_query(c, rows,
            SQL(COLUMNS " WHERE \"id\" < $1 AND (\"user\" > 0 OR \"via\" = 'shell') ORDER BY \"id\" DESC LIMIT $2"),
            VALS(V(before), V(limit)));
    case SETS_OF_ALL:
        break;
    }
    return db_query(c, rows, SQL(COLUMNS " WHERE \"id\" < $1 ORDER BY \"id\" DESC LIMIT $2"), VALS(V(before), V(limit)));
#undef COLUMNS
}

enum err_code change_sets_json(struct call *c, enum change_sets_of of, int64_t user, int64_t before, int limit)
{
    const struct live_entity *users = model_entity(c->model, STR("user"));
    struct set_line *lines = ARENA_ARRAY(c->mem, struct set_line, (size_t)limit);
    struct ref_names *names = ref_names_new(c);
    struct rows rows;
    size_t n = 0;

    TRY(list_sets(c, of, user, before, limit, &rows));
    while (n < (size_t)limit && rows_next(&rows)) {
        struct set_line *l = &lines[n++];
        l->id = col_int(&rows, 0);
        l->at = col_int(&rows, 1);
        l->user = col_int(&rows, 2);
        l->undone_by = col_int(&rows, 3);
        l->undo_of = col_int(&rows, 4);
        l->via = col_text(&rows, 5);
        l->kind = col_text(&rows, 6);
        l->label = col_text(&rows, 7);
        if (l->user) {
            ref_names_want(names, users, l->user);
        }
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < n; i++) {
        TRY(look_at(c, &lines[i], names));
    }
    TRY(ref_names_load(names));
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    for (size_t i = 0; i < n; i++) {
        line_json(c, &lines[i], names);
    }
    json_end_array(&c->out);
    put_id(&c->out, "next", n == (size_t)limit ? lines[n - 1].id : 0);
    json_end_object(&c->out);
    return OK;
}
