/* import_value.c - cells of a file, as other programs write them, into the fields of a record.
 *
 * Dates come in any order and with times, numbers with either sign for the whole part, several values of a
 * list in one cell or in several columns. A reference or a choice that leads nowhere is left out and told;
 * everything else that cannot be read rejects the row. */

#include "model/import_steps.h"

#include "base/csv.h"
#include "base/utf8.h"
#include "model/normal.h"
#include "model/person.h"
#include "model/texts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 50 };

void import_warn(struct importing *im, int64_t row, const char *field, const char *message)
{
    const char *said = text_message(im->c->mem, call_language(im->c), message);
    char *whole = (char *)arena_cstr(im->c->mem, str_of(said));

    utf8_mend(whole);
    json_object(&im->warnings, NULL);
    json_int(&im->warnings, "row", row);
    json_cstr(&im->warnings, "field", field);
    json_cstr(&im->warnings, "message", whole);
    json_end_object(&im->warnings);
}

/* ---- dates and times ---- */

static bool take_number(struct str *s, int64_t *n, size_t most)
{
    size_t digits = 0;

    while (digits < s->n && digits < most && isdigit((unsigned char)s->p[digits])) {
        digits++;
    }
    if (!digits || !str_to_int(str_sub(*s, 0, digits), n)) {
        return false;
    }
    *s = str_sub(*s, digits, s->n);
    return true;
}

static bool take_sign(struct str *s, const char *signs)
{
    if (!s->n || !strchr(signs, s->p[0])) {
        return false;
    }
    *s = str_sub(*s, 1, s->n);
    return true;
}

/* "31.12.2026", in the order of the column, or with a year of four digits first; the rest stays in *s. */
static bool take_date(struct str *s, const char *order, struct civil *out)
{
    int64_t part[3], y = 0, m = 0, d = 0;

    for (int i = 0; i < 3; i++) {
        if ((i && !take_sign(s, "/.-")) || !take_number(s, &part[i], 4)) {
            return false;
        }
    }
    order = part[0] > 99 ? "ymd" : order;
    for (int i = 0; i < 3; i++) {
        *(order[i] == 'y' ? &y : order[i] == 'm' ? &m : &d) = part[i];
    }
    y += y < 100 ? (y < 70 ? 2000 : 1900) : 0;
    if (y > 9999 || m > 12 || d > 31 || !date_valid((int)y, (int)m, (int)d)) {
        return false;
    }
    out->year = (int)y;
    out->month = (int)m;
    out->day = (int)d;
    return true;
}

/* " 9:30", "T09:30:00", " 9:30 PM"; true too when there is no time. */
static bool take_time(struct str *s, struct civil *out)
{
    int64_t h, m, sec = 0;

    while (take_sign(s, " ,T")) {
    }
    if (!s->n) {
        return true;
    }
    if (!take_number(s, &h, 2) || !take_sign(s, ":") || !take_number(s, &m, 2)
        || (take_sign(s, ":") && !take_number(s, &sec, 2))) {
        return false;
    }
    while (take_sign(s, " ")) {
    }
    bool am = s->n == 2 && (s->p[0] | 32) == 'a' && (s->p[1] | 32) == 'm';
    bool pm = s->n == 2 && (s->p[0] | 32) == 'p' && (s->p[1] | 32) == 'm';
    if (am || pm) {
        h = h % 12 + (pm ? 12 : 0);
        *s = str_sub(*s, 2, 0);
    }
    out->hour = (int)h;
    out->minute = (int)m;
    out->second = (int)sec;
    return !s->n && h < 24 && m < 60 && sec < 60;
}

/* Days since 1899-12-30, the part behind the point is the time of the day. */
static bool serial_date(struct call *c, struct str s, struct civil *out)
{
    char *end;
    double days = strtod(arena_cstr(c->mem, s), &end);

    if (*end || days < 1 || days >= DATE_LAST + 25569.0) {
        return false;
    }
    *out = civil_of((int64_t)((days - 25569.0) * 86400.0 + 0.5) * 1000000);
    return true;
}

/* ISO text of what the cell says in the column's order; the cell itself when it says it otherwise. A time
 * without an offset is of the organisation's zone. */
static struct str when_text(struct call *c, const struct import_column *m, struct str s)
{
    struct civil at = { 0 };
    bool instant = m->field->value == KIND_INSTANT;
    struct str rest = s;
    char text[INSTANT_TEXT];

    if (strcmp(m->order, "xls") == 0) {
        if (!serial_date(c, s, &at)) {
            return s;
        }
    } else if (!take_date(&rest, m->order[0] ? m->order : "ymd", &at) || !take_time(&rest, &at)) {
        return s;
    }
    if (instant) {
        instant_format(zone_instant(zone_get(c->model->zone), &at), text);
    } else {
        date_format(date_of(at.year, at.month, at.day), text);
    }
    return arena_str(c->mem, str_of(text));
}

/* A cell that is no date is told in the way of its column, which may be what is wrong. */
static const char *when_example(const struct import_column *m)
{
    static const struct {
        const char *order, *example;
    } ways[] = { { "dmy", "31.12.2026" }, { "mdy", "12/31/2026" }, { "xls", "46387" } };

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].order, m->order) == 0) {
            return ways[i].example;
        }
    }
    return "2026-12-31";
}

/* ---- numbers ---- */

/* "1.234,56" and "1,234.56" to "1234.56"; a currency's sign goes before the number is read. */
static struct str number_text(struct call *c, const struct import_column *m, struct str s)
{
    char *out = arena_alloc(c->mem, s.n + 1);
    char decimal = m->decimal ? m->decimal : '.';
    ptrdiff_t comma = str_find_byte(s, ','), point = str_find_byte(s, '.');
    size_t n = 0;

    if (!m->decimal && comma >= 0 && point < 0 && s.n - (size_t)comma - 1 != 3) {
        decimal = ','; /* 12,5: there is no other way to read it */
    } else if (!m->decimal && comma > point && point >= 0) {
        decimal = ',';
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch == (unsigned char)decimal) {
            out[n++] = '.';
        } else if (ch == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] == 0xa0) {
            i++; /* a blank that does not break */
        } else if (ch == '$') {
            continue;
        } else if (ch != ',' && ch != '.' && ch != '\''
            && !(ch == ' ' && i + 1 < s.n && isdigit((unsigned char)s.p[i + 1]))) {
            out[n++] = (char)ch;
        }
    }
    return str_trim((struct str) { out, n });
}

/* ---- one field ---- */

static size_t count_errors(const struct call *c)
{
    size_t n = 0;

    for (const struct field_error *e = c->errors; e; e = e->next) {
        n++;
    }
    return n;
}

static void keep_errors(struct call *c, size_t n)
{
    struct field_error **e = &c->errors;

    while (n-- && *e) {
        e = &(*e)->next;
    }
    *e = NULL;
}

static void put_reference(
    struct importing *im, struct record *r, const struct import_column *m, struct str s, int64_t row)
{
    struct dbval v[FIELD_CELLS] = { V_NULL };
    int64_t id = 0;

    if (import_reference(im, m, s, &id) != OK) {
        return;
    }
    if (!id && m->field->def.required) {
        fail_field(im->c, m->field->name.p, "there is no %s \"%.*s\"", m->field->target->name.p,
            (int)(s.n < 100 ? s.n : 100), s.p);
    } else if (!id) {
        import_warn(im, row, m->field->name.p,
            arena_fmt(im->c->mem, "there is no %s \"%.*s\"", m->field->target->name.p,
                (int)(s.n < 100 ? s.n : 100), s.p).p);
    } else {
        v[0] = V(id);
        record_set_cells(r, m->field, v);
    }
}

static bool may_be_left_out(const struct live_field *f)
{
    return !f->def.required
        && (f->value == KIND_CHOICE || f->value == KIND_CHOICES || f->value == KIND_ANYREF);
}

/* Linked records by name, external id or id, ';' between them; or the JSON of an export. */
static void put_many(
    struct importing *im, struct record *r, const struct import_column *m, struct str s, int64_t row)
{
    struct call *c = im->c;
    json_t *object = json_pack("{}"), *list = json_pack("[]"), *read;
    struct import_column one = *m;
    struct str name;

    arena_defer(c->mem, (void (*)(void *))json_decref, object);
    json_object_set_new(object, m->field->name.p, list);
    if (str_starts(s, STR("[")) && json_read(c->mem, s, &read, &(struct err) { 0 }) == OK) {
        json_object_set(object, m->field->name.p, read);
        s = (struct str) { "", 0 };
    }
    while (str_split(&s, ';', &name)) {
        int64_t id = 0;
        name = str_trim(name);
        if (name.n && import_reference(im, &one, name, &id) == OK && id) {
            json_array_append_new(list, json_integer(id));
        } else if (name.n && c->err.code == OK) {
            import_warn(im, row, m->field->name.p,
                arena_fmt(c->mem, "there is no %s \"%.*s\"", m->field->target->name.p,
                    (int)(name.n < 100 ? name.n : 100), name.p).p);
        }
    }
    if (c->err.code == OK && record_fill(c, r, object) != OK) {
        return; /* noted on the call */
    }
}

static void put_field(
    struct importing *im, struct record *r, const struct import_column *m, struct str s, int64_t row)
{
    struct call *c = im->c;
    struct dbval cells[FIELD_CELLS] = { V_NULL, V_NULL };
    enum field_kind kind = m->field->value;

    s = str_trim(s);
    if (m->field->def.kind == KIND_MANY) {
        if (s.n) {
            put_many(im, r, m, s, row);
        }
        return;
    }
    if (!s.n && im->p->keeps_empty) {
        return;
    }
    if (r->set[m->field->index] && (!s.n || !cells_absent(m->field, &r->cells[m->field->cell]))) {
        return; /* a second column for the field counts where the first is empty */
    }
    if (s.n && kind == KIND_REF) {
        put_reference(im, r, m, s, row);
        return;
    }
    bool when = s.n && (kind == KIND_DATE || kind == KIND_INSTANT);
    if (when) {
        s = when_text(c, m, s);
    } else if (kind == KIND_DECIMAL || kind == KIND_MONEY || kind == KIND_PERCENT || kind == KIND_INT) {
        s = number_text(c, m, s);
    }
    size_t before = count_errors(c);
    const struct field_error *last;
    if (cells_from_text(c, m->field, s, cells)) {
        record_set_cells(r, m->field, cells);
        return;
    }
    if (c->err.code == OK && when) {
        keep_errors(c, before);
        fail_field(c, m->field->name.p, "is not a date written like %s, the format of its column", when_example(m));
    }
    if (c->err.code != OK || !may_be_left_out(m->field)) {
        return;
    }
    for (last = c->errors; last && last->next; last = last->next) {
    }
    import_warn(im, row, m->field->name.p, last ? last->message : "not known");
    keep_errors(c, before);
}

/* ---- lists: entries out of one or more columns ---- */

struct entry {
    struct str slot, kind, value;
    struct str pieces[PART_PIECES];
    bool any;
};

struct entries {
    const struct live_field *f;
    struct entry list[ENTRIES];
    size_t n;
};

static struct entry *entry_of(struct entries *es, struct str slot, bool fresh)
{
    for (size_t i = 0; !fresh && i < es->n; i++) {
        if (str_eq(es->list[i].slot, slot)) {
            return &es->list[i];
        }
    }
    if (es->n == ENTRIES) {
        return NULL;
    }
    struct entry *e = &es->list[es->n++];
    *e = (struct entry) { .slot = slot };
    if (slot.n && slot.p[0] != '#') {
        e->kind = slot;
    }
    return e;
}

static struct str joined(struct call *c, struct str a, struct str b)
{
    return !a.n ? b : arena_fmt(c->mem, "%.*s, %.*s", STR_ARG(a), STR_ARG(b));
}

/* Google writes "a ::: b", most others "a; b". */
static bool next_value(struct str *rest, struct str *one)
{
    for (size_t i = 0; i + 4 < rest->n; i++) {
        if (memcmp(rest->p + i, " ::: ", 5) == 0) {
            *one = str_sub(*rest, 0, i);
            *rest = str_sub(*rest, i + 5, rest->n);
            return true;
        }
    }
    return str_split(rest, ';', one);
}

static void add_values(struct importing *im, struct entries *es, const struct import_column *m, struct str s)
{
    bool address = es->f->def.kind == KIND_ADDRESSES, first = true;
    struct str one;

    while (address ? s.n > 0 : next_value(&s, &one)) {
        struct entry *e = entry_of(es, m->slot, !(first && m->slot.n && m->slot.p[0] == '#'));
        one = address ? s : str_trim(one);
        first = false;
        if (!e || !one.n) {
            s = address ? (struct str) { "", 0 } : s;
            continue;
        }
        e->any = true;
        if (!address) {
            e->value = one;
            continue;
        }
        bool taken = parts_address_take(im->c->mem, s, im->c->model->country, e->pieces);
        for (int k = 0; !taken && k < PART_PIECES && str_split(&s, ',', &one); k++) {
            e->pieces[k] = str_trim(one);
        }
        s = (struct str) { "", 0 };
    }
}

static void add_piece(struct importing *im, struct entries *es, const struct import_column *m, struct str s)
{
    struct entry *e = entry_of(es, m->slot, false);

    if (!e) {
        return;
    }
    if (strcmp(m->piece, "kind") == 0) {
        if (str_starts(s, STR("* "))) { /* Google's mark of the first */
            s = str_sub(s, 2, s.n);
        }
        e->kind = str_sub(s, 0, 40);
        return;
    }
    for (int k = 0; k < PART_PIECES; k++) {
        if (strcmp(m->piece, part_pieces[k]) == 0) {
            e->pieces[k] = joined(im->c, e->pieces[k], s);
            e->any = true;
        }
    }
}

static void put_json_entry(struct json_writer *w, const struct live_field *f, const struct entry *e)
{
    json_object(w, NULL);
    for (int k = 0; f->def.kind == KIND_ADDRESSES && k < PART_PIECES; k++) {
        if (e->pieces[k].n) {
            json_text(w, part_pieces[k], e->pieces[k]);
        }
    }
    if (f->def.kind != KIND_ADDRESSES) {
        json_text(w, parts_word(f->def.kind), e->value);
    }
    if (e->kind.n) {
        json_text(w, "kind", e->kind);
    }
    json_end_object(w);
}

static void put_entries(struct importing *im, struct record *r, const struct entries *es)
{
    struct dbval cells[FIELD_CELLS] = { V_NULL };
    struct json_writer w;
    struct buf b;
    json_t *tree;
    bool any = false;

    buf_init(&b, im->c->mem, 1 << 20);
    json_init(&w, &b);
    json_array(&w, NULL);
    for (size_t i = 0; i < es->n; i++) {
        if (es->list[i].any) {
            put_json_entry(&w, es->f, &es->list[i]);
            any = true;
        }
    }
    json_end_array(&w);
    if (any && json_read(im->c->mem, buf_str(&b), &tree, &im->c->err) == OK
        && cells_from_json(im->c, es->f, tree, cells)) {
        record_set_cells(r, es->f, cells);
    }
}

/* The column of the list as a whole, where beside it stand only repeats of its first entry (an export has
 * `emails` and `email`); -1 without one. */
static ptrdiff_t whole_list(
    const struct import_plan *p, const struct live_field *f, const struct str *cells, size_t n)
{
    ptrdiff_t whole = -1;

    for (size_t i = 0; i < p->ncolumns && i < n; i++) {
        const struct import_column *m = &p->columns[i];
        if (m->to != TO_LIST || m->field != f || !str_trim(cells[i]).n) {
            continue;
        }
        if (m->slot.n) {
            return -1;
        }
        whole = str_eq(m->target, f->name) ? (ptrdiff_t)i : whole;
    }
    return whole;
}

/* All columns of one list, from the column at which it begins. */
static void put_list(struct importing *im, struct record *r, const struct str *cells, size_t n, size_t first)
{
    const struct import_plan *p = im->p;
    const struct live_field *f = p->columns[first].field;
    struct entries *es;
    size_t columns = 0;

    for (size_t i = first; i < p->ncolumns && i < n; i++) {
        columns += p->columns[i].to == TO_LIST && p->columns[i].field == f && str_trim(cells[i]).n;
    }
    const struct import_column *m = &p->columns[first];
    struct dbval v[FIELD_CELLS] = { V_NULL };
    if (!columns) {
        if (!p->keeps_empty) {
            record_set_cells(r, f, v);
        }
        return;
    }
    ptrdiff_t whole = whole_list(p, f, cells, n);
    if (whole < 0 && columns == 1 && !m->slot.n && !m->piece && str_trim(cells[first]).n) {
        whole = (ptrdiff_t)first;
    }
    if (whole >= 0) {
        if (cells_from_text(im->c, f, cells[whole], v)) {
            record_set_cells(r, f, v);
        }
        return;
    }
    es = ARENA_NEW(im->c->mem, struct entries);
    es->f = f;
    for (size_t i = first; i < p->ncolumns && i < n; i++) {
        struct str s = str_trim(cells[i]);
        m = &p->columns[i];
        if (m->to != TO_LIST || m->field != f || !s.n) {
            continue;
        }
        if (m->piece) {
            add_piece(im, es, m, s);
        } else {
            add_values(im, es, m, s);
        }
    }
    put_entries(im, r, es);
}

static bool begins_list(const struct import_plan *p, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (p->columns[i].to == TO_LIST && p->columns[i].field == p->columns[at].field) {
            return false;
        }
    }
    return true;
}

/* Exports put an apostrophe before what a spreadsheet would run. */
static const struct str *plain_cells(struct importing *im, const struct str *cells, size_t n)
{
    struct str *plain = NULL;

    for (size_t i = 0; i < n; i++) {
        struct str cell = csv_untamed(cells[i]);
        if (cell.n != cells[i].n && !plain) {
            plain = ARENA_ARRAY(im->c->mem, struct str, n);
            memcpy(plain, cells, n * sizeof *plain);
        }
        if (plain) {
            plain[i] = cell;
        }
    }
    return plain ? plain : cells;
}

/* A value is looked up among records, or made there. */
bool import_is_looked_up(enum field_kind kind)
{
    return kind == KIND_REF || kind == KIND_ANYREF || kind == KIND_MANY || kind == KIND_FILE || kind == KIND_TAGS;
}

static bool is_looked_up(const struct import_column *m)
{
    return m->to == TO_FIELD && import_is_looked_up(m->field->def.kind);
}

bool import_has_looked_up(const struct import_plan *p, const struct str *cells, size_t n)
{
    for (size_t i = 0; i < p->ncolumns && i < n; i++) {
        if (is_looked_up(&p->columns[i]) && (!p->keeps_empty || str_trim(cells[i]).n)) {
            return true;
        }
    }
    return false;
}

void import_fill(struct importing *im, struct record *r, const struct str *cells, size_t n, int64_t row,
    enum import_part part)
{
    const struct import_plan *p = im->p;

    cells = plain_cells(im, cells, n);
    for (size_t i = 0; i < p->ncolumns && i < n && im->c->err.code == OK; i++) {
        const struct import_column *m = &p->columns[i];
        if (part != FILL_ALL && is_looked_up(m) != (part == FILL_LOOKED_UP)) {
            continue;
        }
        switch (m->to) {
        case TO_NOTHING:
            break;
        case TO_FIELD:
            put_field(im, r, m, cells[i], row);
            break;
        case TO_NAME:
            (void)person_put(im->c, r, cells[i], true);
            break;
        case TO_LIST:
            if (begins_list(p, i)) {
                put_list(im, r, cells, n, i);
            }
            break;
        }
    }
}
