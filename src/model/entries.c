/* entries.c - adds to lists and takes away from them. */

#include "model/entries.h"

bool entries_in(const struct live_field *f)
{
    return kind_is_list(f->def.kind) || f->def.kind == KIND_CHOICES || f->def.kind == KIND_TAGS
        || f->def.kind == KIND_MANY;
}

static bool same_entry(const json_t *a, const json_t *b)
{
    const json_t *ka = json_is_object(a) ? json_object_get(a, "key") : a;
    const json_t *kb = json_is_object(b) ? json_object_get(b, "key") : b;

    return ka && kb && json_equal((json_t *)ka, (json_t *)kb);
}

static bool holds(const json_t *list, const json_t *entry)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (same_entry(json_array_get(list, i), entry)) {
            return true;
        }
    }
    return false;
}

static json_t *new_list(struct call *c)
{
    json_t *list = json_pack("[]");

    arena_defer(c->mem, (void (*)(void *))json_decref, list);
    return list;
}

/* What the list holds now, as canonical entries. */
static enum err_code entries_now(struct call *c, const struct live_field *f, int64_t id, json_t **out)
{
    struct record *r;

    *out = new_list(c);
    if (f->def.kind == KIND_MANY) {
        int64_t *ids;
        size_t n;
        TRY(record_many_ids(c, f, id, &ids, &n));
        for (size_t i = 0; i < n; i++) {
            json_array_append_new(*out, json_integer(ids[i]));
        }
        return OK;
    }
    TRY(record_load(c, f->entity, id, f->table > 0, &r));
    return r->cells[f->cell].type == DB_TEXT
        ? json_read(c->mem, r->cells[f->cell].s, out, &c->err)
        : OK;
}

/* A tag that is taken away need not exist, and is not made for that. */
static const json_t *known_tags(struct call *c, const struct live_field *f, const json_t *given)
{
    json_t *known = new_list(c);

    for (size_t i = 0; i < json_array_size(given); i++) {
        json_t *one = json_array_get(given, i);
        if (!json_is_string(one) || choice_by_code(f->list, str_trim(json_str(one)))) {
            json_array_append(known, one);
        }
    }
    return known;
}

/* What was given, as canonical entries. */
static enum err_code entries_given(
    struct call *c, const struct live_field *f, const json_t *given, bool add, json_t **out)
{
    struct dbval cells[FIELD_CELLS] = { V_NULL, V_NULL };

    *out = new_list(c);
    if (f->def.kind == KIND_TAGS && !add) {
        given = known_tags(c, f, given);
    }
    if (f->def.kind == KIND_MANY) {
        const struct live_field *to = entity_field(f->link, STR("to"));
        for (size_t i = 0; i < json_array_size(given); i++) {
            if (cells_from_json(c, to, json_array_get(given, i), cells)) {
                json_array_append_new(*out, json_integer(cells[0].i));
            }
        }
        return call_status(c);
    }
    if (!cells_from_json(c, f, given, cells)) {
        return call_status(c);
    }
    return cells[0].type == DB_TEXT ? json_read(c->mem, cells[0].s, out, &c->err) : OK;
}

static enum err_code put_entries(
    struct call *c, struct record *r, const struct live_field *f, json_t *entries)
{
    if (f->def.kind == KIND_MANY) {
        json_t *object = json_pack("{}");
        arena_defer(c->mem, (void (*)(void *))json_decref, object);
        json_object_set(object, f->name.p, entries);
        return record_fill(c, r, object);
    }
    struct dbval cells[FIELD_CELLS] = { V_NULL, V_NULL };
    if (!cells_from_entries(c, f, entries, cells)) {
        return call_status(c);
    }
    record_set_cells(r, f, cells);
    return OK;
}

static enum err_code put_sum(struct call *c, struct record *r, const struct live_field *f,
    const json_t *now, const json_t *entries, bool add)
{
    json_t *next = new_list(c);

    for (size_t i = 0; i < json_array_size(now); i++) {
        json_t *one = json_array_get(now, i);
        if (add || !holds(entries, one)) {
            json_array_append(next, one);
        }
    }
    for (size_t i = 0; add && i < json_array_size(entries); i++) {
        if (!holds(now, json_array_get(entries, i))) {
            json_array_append(next, json_array_get(entries, i));
        }
    }
    if (json_equal(now, next)) {
        r->set[f->index] = false;
        return OK;
    }
    return put_entries(c, r, f, next);
}

enum err_code entries_change(
    struct call *c, struct record *r, const struct live_field *f, const json_t *given, bool add)
{
    json_t *now, *entries;

    TRY(entries_now(c, f, r->id, &now));
    TRY(entries_given(c, f, given, add, &entries));
    return put_sum(c, r, f, now, entries, add);
}

enum err_code entries_join(struct call *c, struct record *r, const struct live_field *f)
{
    json_t *now, *entries;

    if (r->cells[f->cell].type != DB_TEXT) {
        r->set[f->index] = false; /* nothing to add */
        return OK;
    }
    TRY(entries_now(c, f, r->id, &now));
    TRY(json_read(c->mem, r->cells[f->cell].s, &entries, &c->err));
    return put_sum(c, r, f, now, entries, true);
}
