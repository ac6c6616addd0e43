/* lookup.c - definitions of lookups, keys, and what a write does. The pass over all records is lookup_fill.c.
 *
 * `lookup_keys` has a row for each row of facts that is not in the bin and whose key is whole, in the order of the
 * key: what a write of a record asks is one seek. Of several facts with one key the first counts. */

#include "model/lookup.h"

#include "base/utf8.h"
#include "model/normal.h"
#include "model/parts.h"
#include "model/standard.h"

#include <inttypes.h>
#include <string.h>

static const struct field key_fields[] = { FIELD_INT("field", .system = true),
    FIELD_TEXT("key", .no_fold = true, .system = true), FIELD_INT("record", .system = true), FIELD_END };
static const char *const key_indexes[] = { "\"record\", \"field\"", NULL };
const struct entity lookup_key_entity = { .name = "lookup_key", .plural = "lookup_keys", .fields = key_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED, .key = "\"field\", \"key\", \"record\"",
    .indexes = key_indexes };

/* ---- the definition ---- */

static bool can_be_key(const struct live_field *f)
{
    switch (f->value) {
    case KIND_TEXT: case KIND_NAME: case KIND_INT: case KIND_DECIMAL: case KIND_BOOL: case KIND_CHOICE:
    case KIND_REF: case KIND_EMAILS: case KIND_PHONES: case KIND_URLS: case KIND_NUMBER: case KIND_DATE:
        return f->stored && !f->def.lookup && !f->def.system && !f->def.partial;
    case KIND_NONE: case KIND_LONG_TEXT: case KIND_RICH_TEXT: case KIND_MONEY: case KIND_PERCENT:
    case KIND_INSTANT: case KIND_DURATION: case KIND_CHOICES: case KIND_TAGS: case KIND_MANY:
    case KIND_ANYREF: case KIND_ADDRESSES: case KIND_FILE: case KIND_PLACE: case KIND_FORMULA:
    case KIND_ROLLUP: case KIND_JSON: case KIND_COUNT:
        break;
    }
    return false;
}

static enum err_code find_field(const struct live_field *f, const struct live_entity *e, struct str name,
    const struct live_field **out, struct err *err)
{
    *out = entity_field(e, name);
    if (!*out || !can_be_key(*out)) {
        return err_set(err, ERR_INVALID, "lookup", "%s: %s has no field \"%.*s\" that can be compared",
            f->label.p, e->label.p, (int)(name.n < 60 ? name.n : 60), name.p);
    }
    return OK;
}

enum err_code lookup_resolve(struct arena *mem, struct live_field *f, struct err *e)
{
    struct live_lookup *l = ARENA_NEW(mem, struct live_lookup);
    json_t *list;

    TRY(json_read(mem, str_of(f->def.lookup), &list, e));
    size_t n = json_array_size(list);
    if (f->def.kind != KIND_REF || !n || n > LOOKUP_PAIRS) {
        return err_set(e, ERR_INVALID, "lookup",
            "a lookup belongs to a reference and is a list of 1 to %d pairs", LOOKUP_PAIRS);
    }
    for (; l->n < n; l->n++) {
        const json_t *pair = json_array_get(list, l->n);
        struct lookup_pair *p = &l->pairs[l->n];
        TRY(find_field(f, f->entity, json_str(json_object_get(pair, "field")), &p->from, e));
        TRY(find_field(f, f->target, json_str(json_object_get(pair, "key")), &p->key, e));
        struct str part = json_str(json_object_get(pair, "part"));
        p->domain = str_is(part, "domain");
        if (part.n && !p->domain) {
            return err_set(e, ERR_INVALID, "lookup", "the one part that can be compared is the domain");
        }
    }
    f->lookup = l;
    return OK;
}

/* ---- keys ---- */

static struct str text_of(struct call *c, const struct live_field *f, const struct dbval *cells)
{
    struct buf text;

    if (cells_absent(f, cells)) {
        return STR("");
    }
    if (cells[0].type == DB_TEXT) {
        return kind_is_list(f->value) ? parts_primary(c, cells[0].s, parts_word(f->value)) : cells[0].s;
    }
    buf_init(&text, c->mem, 1000);
    if (f->value == KIND_REF) {
        buf_int(&text, cells[0].i);
    } else {
        cells_to_text(c, f, cells, NULL, &text);
    }
    return buf_str(&text);
}

/* What repeats a piece of an address is compared as that piece: "city", "country"; else NULL. */
static const char *piece_of(const struct lookup_pair *p)
{
    const struct live_field *list
        = p->from->def.mirror ? entity_field(p->from->entity, str_of(p->from->def.mirror)) : NULL;

    return list && list->def.kind == KIND_ADDRESSES ? p->from->def.mirror_part : NULL;
}

/* What repeats a piece of an address is in standard form already. */
static struct str in_standard_form(struct call *c, const struct lookup_pair *p, enum lookup_side side,
    struct str s, struct str country)
{
    const char *piece = side == LOOKUP_KEY ? piece_of(p) : NULL, *why;
    struct str key;

    if (p->domain) {
        ptrdiff_t at = str_find_byte(s, '@');
        s = at >= 0 ? str_sub(s, (size_t)at + 1, s.n) : s;
        return normal_domain(c->mem, s, &key, &why) ? key : utf8_fold(c->mem, s);
    }
    if (piece && strcmp(piece, "country") == 0) {
        return standard_code(c->mem, normal_country(c->mem, s, &key) ? key : s);
    }
    s = !piece                           ? s
        : strcmp(piece, "region") == 0   ? standard_region(c->mem, s, country)
        : strcmp(piece, "postcode") == 0 ? standard_postcode(c->mem, s, country)
                                         : s;
    return standard_code(c->mem, s);
}

struct str lookup_key(struct call *c, const struct live_field *f, enum lookup_side side,
    const struct dbval *const *cells)
{
    const struct live_lookup *l = f->lookup;
    struct str text[LOOKUP_PAIRS], country = c->model->country;
    struct buf b;

    for (size_t i = 0; i < l->n; i++) {
        const char *piece = side == LOOKUP_KEY ? piece_of(&l->pairs[i]) : NULL;
        text[i] = text_of(c, side == LOOKUP_FROM ? l->pairs[i].from : l->pairs[i].key, cells[i]);
        if (piece && strcmp(piece, "country") == 0) {
            (void)normal_country(c->mem, text[i], &country);
        }
    }
    buf_init(&b, c->mem, 1 << 16);
    for (size_t i = 0; i < l->n; i++) {
        struct str one = text[i].n ? in_standard_form(c, &l->pairs[i], side, text[i], country) : text[i];
        if (!one.n) {
            return STR("");
        }
        buf_lit(&b, i ? "|" : "");
        buf_add(&b, one);
    }
    return buf_str(&b);
}

static struct str key_of(
    struct call *c, const struct live_field *f, enum lookup_side side, const struct record *r)
{
    const struct dbval *cells[LOOKUP_PAIRS];

    for (size_t i = 0; i < f->lookup->n; i++) {
        const struct lookup_pair *p = &f->lookup->pairs[i];
        cells[i] = &r->cells[(side == LOOKUP_FROM ? p->from : p->key)->cell];
    }
    return lookup_key(c, f, side, cells);
}

/* ---- a record is written ---- */

static bool looks_as_before(
    const struct live_field *f, const struct record *r, const struct record *old)
{
    for (size_t i = 0; old && i < f->lookup->n; i++) {
        const struct live_field *from = f->lookup->pairs[i].from;
        if (!cells_equal(from, &r->cells[from->cell], &old->cells[from->cell])) {
            return false;
        }
    }
    return old != NULL;
}

enum err_code lookup_fill(struct call *c, struct record *r, const struct record *old)
{
    for (size_t i = 0; i < r->e->nlookups; i++) {
        const struct live_field *f = r->e->lookups[i];
        bool found = false;
        int64_t id;
        if (looks_as_before(f, r, old)) {
            continue;
        }
        struct str key = key_of(c, f, LOOKUP_FROM, r);
        TRY(!key.n ? OK
                   : db_find(c, &id, &found,
                         SQL("SELECT \"record\" FROM \"lookup_keys\" WHERE \"field\" = $1 AND \"key\" = $2"
                             " ORDER BY \"record\" LIMIT 1"),
                         VALS(V(f->number), V(key))));
        struct dbval cells[FIELD_CELLS] = { found ? V(id) : V_NULL };
        record_set_cells(r, f, cells);
    }
    return OK;
}

/* ---- facts are written ---- */

static bool key_changes(const struct live_field *f, enum change_kind kind, const bool *changed)
{
    bool any = kind != CHANGE_UPDATE || !changed;

    for (size_t i = 0; !any && i < f->lookup->n; i++) {
        any = changed[f->lookup->pairs[i].key->index];
    }
    return any;
}

static bool is_read(const struct live_field *f, const struct record *r)
{
    for (size_t i = 0; i < f->lookup->n; i++) {
        if (!(r->loaded & 1u << (f->lookup->pairs[i].key->table & 31))) {
            return false;
        }
    }
    return true;
}

static enum err_code put_key(
    struct call *c, const struct live_field *f, enum change_kind kind, const struct record *r)
{
    struct record *whole = (struct record *)r;

    TRY(db_exec(c, SQL("DELETE FROM \"lookup_keys\" WHERE \"record\" = $1 AND \"field\" = $2"),
        VALS(V(r->id), V(f->number))));
    if (kind == CHANGE_DELETE || kind == CHANGE_PURGE || r->cells[r->e->deleted_at->cell].type != DB_NULL) {
        return OK;
    }
    TRY(kind == CHANGE_CREATE || is_read(f, r) ? OK : record_load(c, r->e, r->id, true, &whole));
    struct str key = key_of(c, f, LOOKUP_KEY, whole);
    return key.n ? db_exec(c,
               SQL("INSERT INTO \"lookup_keys\" (\"field\", \"key\", \"record\") VALUES ($1, $2, $3)"
                   " ON CONFLICT DO NOTHING"),
               VALS(V(f->number), V(key), V(r->id)))
                 : OK;
}

enum err_code lookup_follow(
    struct call *c, enum change_kind kind, const struct record *r, const bool *changed)
{
    for (size_t i = 0; i < r->e->nlooked_up; i++) {
        const struct live_field *f = r->e->looked_up[i];
        int64_t job;
        if (!key_changes(f, kind, changed)) {
            continue;
        }
        TRY(put_key(c, f, kind, r));
        /* a moment later: an import of facts is followed by one pass and not by one a row */
        TRY(lookup_order(c, f, false, c->now + SECONDS(1), &job));
    }
    return OK;
}

enum err_code lookup_order(
    struct call *c, const struct live_field *f, bool keys, int64_t due, int64_t *job)
{
    json_t *input = json_pack("{s:I, s:b}", "field", (json_int_t)f->number, "keys", (int)keys);
    const char *key = arena_fmt(c->mem, "lookup:%" PRId64 "%s", f->number, keys ? ":keys" : "").p;

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(
        c, &(struct job_order) { .kind = "lookup", .input = input, .key = key, .due = due }, job);
}
