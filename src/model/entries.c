/* entries.c - adds to lists and takes away from them. */

#include "model/entries.h"

#include "model/parts.h"

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

static json_t *kept(struct call *c, json_t *value)
{
    arena_defer(c->mem, (void (*)(void *))json_decref, value);
    return value;
}

static json_t *new_list(struct call *c)
{
    return kept(c, json_pack("[]"));
}

/* Of two addresses: does one say no more than the other? A different kind is something that it says. */
static bool address_within(struct call *c, const json_t *one, const json_t *other)
{
    struct str mine[PART_PIECES], theirs[PART_PIECES];
    struct str kind = json_str(json_object_get(one, "kind")), of = json_str(json_object_get(other, "kind"));

    if (kind.n && of.n && !str_eq(kind, of)) {
        return false;
    }
    for (int i = 0; i < PART_PIECES; i++) {
        mine[i] = json_str(json_object_get(one, part_pieces[i]));
        theirs[i] = json_str(json_object_get(other, part_pieces[i]));
    }
    return parts_address_within(c->mem, mine, theirs, c->model->country);
}

/* The address that is there with what the other says besides. */
static json_t *completed(struct call *c, const json_t *there, const json_t *more)
{
    json_t *both = kept(c, json_copy((json_t *)there));

    json_object_update(both, (json_t *)more);
    json_object_set(both, "primary", json_object_get(there, "primary"));
    return both;
}

/* Adds what is not there yet. Of an address that is there in part, the rest. */
static void add_entry(struct call *c, const struct live_field *f, json_t *list, json_t *one)
{
    if (holds(list, one)) {
        return;
    }
    for (size_t i = 0; f->def.kind == KIND_ADDRESSES && i < json_array_size(list); i++) {
        json_t *there = json_array_get(list, i);
        if (address_within(c, one, there)) {
            return;
        }
        if (address_within(c, there, one)) {
            json_array_set(list, i, completed(c, there, one));
            return;
        }
    }
    json_array_append(list, one);
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
        add_entry(c, f, next, json_array_get(entries, i));
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
