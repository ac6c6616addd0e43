/* parts.c - lists of parts, their canonical JSON and their rows.
 *
 * Canonical: one object per part in the order given, "address"|"number"|"url" as typed, "key", "kind",
 * "primary"; exactly one part is primary. A part whose key stands in the list already is left out. */

#include "model/parts.h"

#include "base/utf8.h"
#include "model/normal.h"
#include "model/phone.h"

#include <string.h>

enum { PARTS_MAX = 50 };

const char *parts_word(enum field_kind kind)
{
    return kind == KIND_EMAILS ? "address" : kind == KIND_PHONES ? "number" : "url";
}

static bool part_bad(struct call *c, const struct live_field *f, size_t at, const char *why)
{
    char path[128];

    snprintf(path, sizeof path, "%s[%zu]", f->name.p, at);
    fail_field(c, path, "%s", why);
    return false;
}

static bool address_key(struct call *c, const struct live_field *f, size_t at, struct part *p)
{
    struct str country = p->pieces[4];

    if (country.n && !normal_country(c->mem, country, &p->pieces[4])) {
        return part_bad(c, f, at, "this country is not known; use its two-letter code");
    }
    p->key = parts_address_key(c->mem, p->pieces, c->model->country);
    return p->key.n > 0 || part_bad(c, f, at, "an address needs at least one of its parts");
}

static bool part_key(struct call *c, const struct live_field *f, size_t at, struct part *p)
{
    const char *why = "";
    bool ok = false;

    switch (f->def.kind) {
    case KIND_EMAILS:
        ok = normal_email(c->mem, p->typed, &p->key, &why);
        break;
    case KIND_PHONES:
        ok = normal_phone(c->mem, p->typed, c->model->country, &p->key, &why);
        break;
    case KIND_URLS:
        ok = normal_url(c->mem, p->typed, &p->key, &why);
        break;
    case KIND_ADDRESSES:
        return address_key(c, f, at, p);
    case KIND_NONE: case KIND_TEXT: case KIND_LONG_TEXT: case KIND_RICH_TEXT: case KIND_INT:
    case KIND_DECIMAL: case KIND_MONEY: case KIND_PERCENT: case KIND_BOOL: case KIND_DATE:
    case KIND_INSTANT: case KIND_DURATION: case KIND_CHOICE: case KIND_CHOICES: case KIND_TAGS:
    case KIND_REF: case KIND_MANY: case KIND_ANYREF: case KIND_NAME: case KIND_FILE:
    case KIND_PLACE: case KIND_NUMBER: case KIND_FORMULA: case KIND_ROLLUP: case KIND_JSON:
    case KIND_COUNT:
        break;
    }
    return ok || part_bad(c, f, at, why);
}

static bool text_of(struct call *c, const struct live_field *f, size_t at, const json_t *object,
    const char *name, struct str *out)
{
    const json_t *v = json_object_get(object, name);

    *out = (struct str) { "", 0 };
    if (!v || json_is_null(v)) {
        return true;
    }
    if (!json_is_string(v) || json_string_length(v) > 500) {
        char path[160];
        snprintf(path, sizeof path, "%s[%zu].%s", f->name.p, at, name);
        fail_field(c, path, "%s is text of at most 500 bytes", name);
        return false;
    }
    *out = str_trim(json_str(v));
    return true;
}

/* What comes with a phone when it is read, and is not kept. */
static bool is_told(const char *name)
{
    return strcmp(name, "international") == 0 || strcmp(name, "country") == 0 || strcmp(name, "type") == 0;
}

static bool known_members(struct call *c, const struct live_field *f, size_t at, const json_t *v)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)v, name, value)
    {
        bool known = strcmp(name, "kind") == 0 || strcmp(name, "primary") == 0
            || strcmp(name, "key") == 0;
        if (f->def.kind == KIND_ADDRESSES) {
            known = known || strcmp(name, "text") == 0;
            for (int i = 0; part_pieces[i]; i++) {
                known = known || strcmp(name, part_pieces[i]) == 0;
            }
        } else {
            known = known || strcmp(name, parts_word(f->def.kind)) == 0
                || (f->def.kind == KIND_PHONES && is_told(name));
        }
        if (!known) {
            char path[160];
            snprintf(path, sizeof path, "%s[%zu].%.60s", f->name.p, at, name);
            fail_field(c, path, "there is no such part of %s", f->label.p);
            return false;
        }
    }
    return true;
}

/* An address that came as one text, or wholly in the place of the street, is taken apart. */
static bool read_address(
    struct call *c, const struct live_field *f, size_t at, const json_t *v, struct part *p)
{
    struct str text, pieces[PART_PIECES];

    for (int i = 0; part_pieces[i]; i++) {
        if (!text_of(c, f, at, v, part_pieces[i], &p->pieces[i])) {
            return false;
        }
    }
    if (!text_of(c, f, at, v, "text", &text)) {
        return false;
    }
    struct str street = p->pieces[0];
    bool alone = !p->pieces[1].n && !p->pieces[2].n && !p->pieces[3].n;
    bool several = str_find_byte(street, '\n') >= 0 || str_find_byte(street, ',') >= 0;
    if (!alone || (street.n ? !several : !text.n)) {
        return true;
    }
    memcpy(pieces, p->pieces, sizeof pieces);
    (void)normal_country(c->mem, pieces[4], &pieces[4]);
    bool taken = parts_address_take(c->mem, street.n ? street : text, c->model->country, pieces);
    if (taken && (!street.n || pieces[3].n)) { /* of what stands as a street a postcode is asked for */
        memcpy(p->pieces, pieces, sizeof pieces);
    } else if (!street.n) {
        p->pieces[0] = text;
    }
    return true;
}

static bool read_part(
    struct call *c, const struct live_field *f, size_t at, const json_t *v, struct part *p)
{
    *p = (struct part) { 0 };
    if (json_is_string(v) && f->def.kind != KIND_ADDRESSES) {
        p->typed = str_trim(json_str(v));
    } else if (json_is_object(v)) {
        if (!known_members(c, f, at, v) || !text_of(c, f, at, v, "kind", &p->kind)) {
            return false;
        }
        p->primary = json_is_true(json_object_get(v, "primary"));
        if (f->def.kind == KIND_ADDRESSES) {
            if (!read_address(c, f, at, v, p)) {
                return false;
            }
        } else if (!text_of(c, f, at, v, parts_word(f->def.kind), &p->typed)) {
            return false;
        }
    } else {
        return part_bad(c, f, at, f->def.kind == KIND_ADDRESSES ? "expects an object with street, city, ..."
                                                               : "expects text or an object");
    }
    if (p->kind.n > 40) {
        return part_bad(c, f, at, "the kind has at most 40 bytes");
    }
    return part_key(c, f, at, p);
}

static struct dbval canonical(
    struct call *c, const struct live_field *f, struct part *parts, size_t n)
{
    struct buf b;
    struct json_writer w;
    size_t primary = 0;

    if (!n) {
        return V_NULL;
    }
    for (size_t i = n; i-- > 0;) {
        primary = parts[i].primary ? i : primary;
    }
    buf_init(&b, c->mem, 1 << 20);
    json_init(&w, &b);
    json_array(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        json_object(&w, NULL);
        if (f->def.kind == KIND_ADDRESSES) {
            for (int k = 0; part_pieces[k]; k++) {
                if (parts[i].pieces[k].n) {
                    json_text(&w, part_pieces[k], parts[i].pieces[k]);
                }
            }
        } else {
            json_text(&w, parts_word(f->def.kind), parts[i].typed);
        }
        json_text(&w, "key", parts[i].key);
        if (parts[i].kind.n) {
            json_text(&w, "kind", parts[i].kind);
        }
        json_flag(&w, "primary", i == primary);
        json_end_object(&w);
    }
    json_end_array(&w);
    return V(buf_str(&b));
}

bool parts_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells)
{
    bool one = json_is_string(v) || json_is_object(v);
    size_t given = one ? 1 : json_array_size(v), n = 0;

    if (!one && !json_is_array(v)) {
        fail_field(c, f->name.p, "%s expects a list", f->label.p);
        return false;
    }
    if (given > PARTS_MAX) {
        fail_field(c, f->name.p, "%s has at most %d entries", f->label.p, PARTS_MAX);
        return false;
    }
    struct part *parts = ARENA_ARRAY(c->mem, struct part, given + 1);
    for (size_t i = 0; i < given; i++) {
        struct part *p = &parts[n];
        if (!read_part(c, f, i, one ? v : json_array_get(v, i), p)) {
            return false;
        }
        bool again = false;
        for (size_t k = 0; k < n; k++) {
            if (str_eq(parts[k].key, p->key)) {
                parts[k].primary = parts[k].primary || p->primary;
                again = true;
            }
        }
        n += !again;
    }
    cells[0] = canonical(c, f, parts, n);
    return true;
}

/* A spreadsheet cell: several are separated by ';'. An address that cannot be taken apart is its pieces separated
 * by ','. */
bool parts_from_text(struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    struct part *parts = ARENA_ARRAY(c->mem, struct part, PARTS_MAX);
    struct str one;
    size_t n = 0;

    if (str_starts(s, STR("["))) {
        json_t *v;
        if (json_read(c->mem, s, &v, &c->err) == OK) {
            return parts_from_json(c, f, v, cells);
        }
        err_clear(&c->err);
    }
    while (n < PARTS_MAX && str_split(&s, ';', &one)) {
        struct part *p = &parts[n];
        one = str_trim(one);
        if (!one.n) {
            continue;
        }
        p->typed = one;
        bool taken = f->def.kind == KIND_ADDRESSES
            && parts_address_take(c->mem, one, c->model->country, p->pieces);
        for (int k = 0; f->def.kind == KIND_ADDRESSES && !taken && k < 5; k++) {
            struct str piece = { "", 0 };
            if (str_split(&one, ',', &piece)) {
                p->pieces[k] = str_trim(piece);
            }
        }
        if (!part_key(c, f, n, p)) {
            return false;
        }
        bool again = false;
        for (size_t k = 0; k < n; k++) {
            again = again || str_eq(parts[k].key, p->key);
        }
        n += !again;
    }
    cells[0] = canonical(c, f, parts, n);
    return true;
}

static void phone_to_json(struct call *c, const struct part *p, struct json_writer *w)
{
    json_object(w, NULL);
    json_text(w, "number", p->typed);
    json_text(w, "key", p->key);
    if (str_starts(p->key, STR("+"))) {
        struct phone_facts facts = phone_facts(p->key);
        json_text(w, "international", phone_international(c->mem, p->key));
        if (facts.region.n) {
            json_text(w, "country", facts.region);
        }
        if (facts.type) {
            json_cstr(w, "type", phone_type_word(facts.type));
        }
    }
    if (p->kind.n) {
        json_text(w, "kind", p->kind);
    }
    json_flag(w, "primary", p->primary);
    json_end_object(w);
}

void parts_to_json(
    struct call *c, const struct live_field *f, struct str cell, struct json_writer *w)
{
    struct part *parts;

    if (f->value != KIND_PHONES) {
        json_raw(w, NULL, cell);
        return;
    }
    size_t n = parts_read(c, cell, &parts);
    json_array(w, NULL);
    for (size_t i = 0; i < n; i++) {
        phone_to_json(c, &parts[i], w);
    }
    json_end_array(w);
}

/* What reads back without loss: plain values where nothing more is known, JSON otherwise. */
void parts_to_text(struct call *c, const struct live_field *f, struct str cell, struct buf *out)
{
    struct part *parts;
    size_t n = parts_read(c, cell, &parts);
    bool plain = f->def.kind != KIND_ADDRESSES;

    for (size_t i = 0; i < n; i++) {
        plain = plain && !parts[i].kind.n && parts[i].primary == (i == 0)
            && str_find_byte(parts[i].typed, ';') < 0;
    }
    if (!plain) {
        buf_add(out, cell);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        buf_lit(out, i ? ";" : "");
        buf_add(out, parts[i].typed);
    }
}

static enum err_code store_picks(
    struct call *c, const struct live_field *f, int64_t record, struct str cell)
{
    json_t *list = NULL;

    if (!cell.n || json_read(c->mem, cell, &list, &c->err) != OK) {
        return c->err.code;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        int64_t choice = json_integer_value(json_array_get(list, i));
        TRY(db_exec(c,
            SQL("INSERT INTO \"picks\" (\"field\", \"record\", \"choice\") VALUES ($1, $2, $3)"),
            VALS(V(f->number), V(record), V(choice))));
    }
    return OK;
}

static const struct {
    enum field_kind kind;
    struct sql clear, insert;
} part_sql[] = {
#define PART_SQL(k, t)                                                                             \
    { k, { "DELETE FROM \"" t "\" WHERE \"record\" = $1 AND \"entity\" = $2 AND \"field\" = $3" }, \
        { "INSERT INTO \"" t "\" (\"entity\", \"record\", \"field\", \"position\", \"typed\", "      \
          "\"key\", \"kind\", \"is_primary\") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" } }
    PART_SQL(KIND_EMAILS, "part_emails"),
    PART_SQL(KIND_PHONES, "part_phones"),
    PART_SQL(KIND_URLS, "part_urls"),
    { KIND_ADDRESSES,
        { "DELETE FROM \"part_addresses\" WHERE \"record\" = $1 AND \"entity\" = $2"
          " AND \"field\" = $3" },
        { "INSERT INTO \"part_addresses\" (\"entity\", \"record\", \"field\", \"position\","
          " \"typed\", \"key\", \"kind\", \"is_primary\", \"street\", \"city\", \"region\","
          " \"postcode\", \"country\") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
          " $13)" } },
};

static struct dbval given(struct str s)
{
    return s.n ? V(s) : V_NULL;
}

static enum err_code insert_part(struct call *c, const struct live_field *f, int64_t record,
    size_t at, const struct part *p, struct sql sql)
{
    struct dbval entity = V(f->entity->number), position = V((int64_t)at);

    if (f->def.kind == KIND_ADDRESSES) {
        return db_exec(c, sql,
            VALS(entity, V(record), V(f->number), position, V_NULL, given(p->key), given(p->kind),
                V(p->primary), given(p->pieces[0]), given(p->pieces[1]), given(p->pieces[2]),
                given(p->pieces[3]), given(p->pieces[4])));
    }
    return db_exec(c, sql,
        VALS(entity, V(record), V(f->number), position, given(p->typed), given(p->key),
            given(p->kind), V(p->primary)));
}

enum err_code parts_store(
    struct call *c, const struct live_field *f, int64_t record, struct dbval cell, bool existed)
{
    struct str text = cell.type == DB_TEXT ? cell.s : (struct str) { "", 0 };

    if (kind_is_picks(f->def.kind)) {
        if (existed) {
            TRY(db_exec(c,
                SQL("DELETE FROM \"picks\" WHERE \"field\" = $1 AND \"record\" = $2"),
                VALS(V(f->number), V(record))));
        }
        return store_picks(c, f, record, text);
    }
    size_t k = 0;
    while (part_sql[k].kind != f->def.kind) {
        k++;
    }
    if (existed) {
        TRY(db_exec(c, part_sql[k].clear, VALS(V(record), V(f->entity->number), V(f->number))));
    }
    struct part *parts;
    size_t n = parts_read(c, text, &parts);
    for (size_t i = 0; i < n; i++) {
        TRY(insert_part(c, f, record, i, &parts[i], part_sql[k].insert));
    }
    return c->err.code;
}

bool tag_make(struct call *c, const struct live_field *f, struct str word, int64_t *id)
{
    bool found = false;

    if (utf8_length(word) > 60) {
        fail_field(c, f->name.p, "a tag has at most 60 characters");
        return false;
    }
    if (!f->list
        || db_find(c, id, &found,
               SQL("SELECT \"id\" FROM \"choices\" WHERE \"list\" = $1 AND \"code\" = $2"
                   " AND \"deleted_at\" IS NULL"),
               VALS(V(f->list->id), V(word)))
            != OK) {
        return false;
    }
    if (found) {
        return true;
    }
    if (c->tx != TX_WRITE) {
        fail_field(c, f->name.p, "there is no tag \"%.*s\"", STR_ARG(word));
        return false;
    }
    struct record *r = record_of(c, "choice");
    r->trusted = true;
    record_set(c, r, "list", V(f->list->id));
    record_set(c, r, "code", V(word));
    record_set(c, r, "label", V(word));
    record_set(c, r, "active", V(true));
    enum err_code code = record_create(c, r);
    if (code == ERR_CONFLICT && conn_backend(c->db) == DB_POSTGRES) {
        /* somebody made the same tag meanwhile: the next try finds it */
        (void)!fail(c, ERR_BUSY, f->name.p, "the tag \"%.*s\" is being made", STR_ARG(word));
    }
    *id = r->id;
    return code == OK;
}
