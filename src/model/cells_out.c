/* cells_out.c - from cells to JSON, to text, and to and from the evaluator's values. */

#include "model/cells.h"

#include "base/calc.h"
#include "model/access.h"
#include "model/parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names of the records referred to ---- */

struct wanted {
    struct wanted *next;
    const struct live_entity *e;
    int64_t *ids;
    struct str *names;
    size_t n, room;
    bool loaded;
};

struct ref_names {
    struct call *c;
    struct wanted *first;
};

struct ref_names *ref_names_new(struct call *c)
{
    struct ref_names *n = ARENA_NEW(c->mem, struct ref_names);

    n->c = c;
    return n;
}

void ref_names_want(struct ref_names *n, const struct live_entity *e, int64_t id)
{
    struct wanted *w = n->first;

    while (w && w->e != e) {
        w = w->next;
    }
    if (!w) {
        w = ARENA_NEW(n->c->mem, struct wanted);
        w->e = e;
        w->next = n->first;
        n->first = w;
    }
    for (size_t i = 0; i < w->n; i++) {
        if (w->ids[i] == id) {
            return;
        }
    }
    ARENA_ROOM(n->c->mem, w->ids, w->n, w->room);
    w->ids[w->n++] = id;
    w->loaded = false;
}

static enum err_code load_names(struct call *c, struct wanted *w)
{
    const struct live_field *title = w->e->title;
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    w->names = ARENA_ARRAY(c->mem, struct str, w->n);
    w->loaded = true;
    if (!title || !title->stored || title->value == KIND_REF || !w->n
        || access_field(c, title) == FIELD_HIDDEN) {
        return OK;
    }
    struct str list = db_ids(c, w->ids, w->n);
    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    sql_lit(&s, "SELECT t0.\"id\", ");
    if (title->table) {
        sql_lit(&s, "n.");
    } else {
        sql_lit(&s, "t0.");
    }
    sql_ident(&s, title->columns[0].name);
    sql_lit(&s, " FROM ");
    sql_ident(&s, w->e->tables[0]);
    sql_lit(&s, " t0");
    if (title->table) {
        sql_lit(&s, " JOIN ");
        sql_ident(&s, w->e->tables[title->table]);
        sql_lit(&s, " n ON n.\"id\" = t0.\"id\"");
    }
    if (s.backend == DB_SQLITE) {
        sql_lit(&s, " WHERE t0.\"id\" IN (SELECT value FROM json_each(");
        sql_bind(&s, V(list));
        sql_lit(&s, "))");
    } else {
        sql_lit(&s, " WHERE t0.\"id\" = ANY(CAST(");
        sql_bind(&s, V(list));
        sql_lit(&s, " AS bigint[]))");
    }
    /* a name is only for who may see the record */
    TRY(access_sql(c, w->e, RIGHT_READ, 0, &s));
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        int64_t id = col_int(&rows, 0);
        for (size_t i = 0; i < w->n; i++) {
            if (w->ids[i] == id) {
                w->names[i] = col_text(&rows, 1);
            }
        }
    }
    return rows_end(&rows);
}

enum err_code ref_names_load(struct ref_names *n)
{
    for (struct wanted *w = n->first; w; w = w->next) {
        if (!w->loaded) {
            TRY(load_names(n->c, w));
        }
    }
    return OK;
}

struct str ref_names_get(const struct ref_names *n, const struct live_entity *e, int64_t id)
{
    for (struct wanted *w = n ? n->first : NULL; w; w = w->next) {
        for (size_t i = 0; w->e == e && w->names && i < w->n; i++) {
            if (w->ids[i] == id) {
                return w->names[i];
            }
        }
    }
    return (struct str) { "", 0 };
}

void cells_want(struct ref_names *n, const struct live_field *f, const struct dbval *cells)
{
    if (cells_absent(f, cells)) {
        return;
    }
    if (f->value == KIND_REF || f->value == KIND_FILE) {
        if (f->target) {
            ref_names_want(n, f->target, cells[0].i);
        }
    } else if (f->value == KIND_ANYREF) {
        const struct live_entity *e = model_entity_number(n->c->model, cells[0].i);
        if (e) {
            ref_names_want(n, e, cells[1].i);
        }
    }
}

/* ---- JSON ---- */

static void scaled(struct json_writer *w, const char *name, int64_t v, int scale)
{
    char text[40];
    size_t n = str_from_scaled(v, scale, text);

    json_raw(w, name, (struct str) { text, n });
}

static void date_text(const struct live_field *f, const struct dbval *cells, char *out)
{
    date_format(cells[0].i, out);
    if (f->ncolumns == 2 && cells[1].type == DB_INT) {
        if (cells[1].i == 1) {
            out[4] = '\0';
        } else if (cells[1].i == 2) {
            char month_day[8];
            memcpy(month_day, out + 4, 7);
            out[0] = out[1] = '-';
            memcpy(out + 2, month_day + 1, 6);
        }
    }
}

static void ref_json(struct json_writer *w, const char *entity, int64_t id, struct str name)
{
    json_object(w, NULL);
    if (entity) {
        json_cstr(w, "entity", entity);
    }
    json_int(w, "id", id);
    json_text(w, "name", name);
    json_end_object(w);
}

/* Ids of a picks cell "[1,5]", one by one. */
static bool next_pick(struct str *s, int64_t *id)
{
    while (s->n && (s->p[0] < '0' || s->p[0] > '9')) {
        s->p++, s->n--;
    }
    if (!s->n) {
        return false;
    }
    *id = 0;
    while (s->n && s->p[0] >= '0' && s->p[0] <= '9') {
        *id = *id * 10 + (s->p[0] - '0');
        s->p++, s->n--;
    }
    return true;
}

static struct str choice_code(struct call *c, const struct live_field *f, int64_t id)
{
    const struct choice *ch = choice_by_id(f->list, id);
    struct str code = { "", 0 };

    if (ch) {
        return ch->code;
    }
    /* made in this very call, or since the snapshot */
    if (db_text(c, &code, SQL("SELECT \"code\" FROM \"choices\" WHERE \"id\" = $1"), VALS(V(id)))
        != OK) {
        err_clear(&c->err);
    }
    return code;
}

static const struct live_field *field_of_number(const struct model *m, int64_t number)
{
    for (size_t i = 0; i < m->nentities; i++) {
        for (size_t k = 0; k < m->entities[i]->nfields; k++) {
            if (m->entities[i]->fields[k]->number == number) {
                return m->entities[i]->fields[k];
            }
        }
    }
    return NULL;
}

/* A kept expression holds fields by number; it is shown with their names of now. */
static struct str with_names(struct call *c, struct str s)
{
    struct buf b;
    bool quoted = false;

    buf_init(&b, c->mem, 1 << 20);
    for (size_t i = 0; i < s.n; i++) {
        size_t end = i + 1;
        int64_t number;
        quoted ^= s.p[i] == '\'';
        while (s.p[i] == '@' && !quoted && end < s.n && s.p[end] >= '0' && s.p[end] <= '9') {
            end++;
        }
        const struct live_field *f = end > i + 1 && str_to_int(str_sub(s, i + 1, end - i - 1), &number)
            ? field_of_number(c->model, number)
            : NULL;
        if (f) {
            buf_add(&b, f->name);
            i = end - 1;
        } else {
            buf_byte(&b, s.p[i]);
        }
    }
    return buf_str(&b);
}

void cells_to_json(struct call *c, const struct live_field *f, const struct dbval *cells,
    const struct ref_names *names, struct json_writer *w)
{
    char text[40];
    struct str rest;
    int64_t id;

    if (cells_absent(f, cells)) {
        if (kind_is_list(f->value) || kind_is_picks(f->value)) {
            json_raw(w, NULL, STR("[]"));
        } else {
            json_none(w, NULL);
        }
        return;
    }
    switch (f->value) {
    case KIND_TEXT:
        json_text(w, NULL,
            f->def.format == FORMAT_EXPR && str_find_byte(cells[0].s, '@') >= 0
                ? with_names(c, cells[0].s)
                : cells[0].s);
        return;
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_NAME:
    case KIND_NUMBER:
        json_text(w, NULL, cells[0].s);
        return;
    case KIND_INT:
    case KIND_DURATION:
        json_int(w, NULL, cells[0].i);
        return;
    case KIND_DECIMAL:
    case KIND_PERCENT:
        scaled(w, NULL, cells[0].i, f->scale);
        return;
    case KIND_MONEY: {
        size_t n = str_from_scaled(cells[0].i, 2, text);
        json_object(w, NULL);
        json_text(w, "amount", (struct str) { text, n });
        json_text(w, "currency", cells[1].type == DB_TEXT ? cells[1].s : c->model->currency);
        json_end_object(w);
        return;
    }
    case KIND_BOOL:
        json_flag(w, NULL, cells[0].i != 0);
        return;
    case KIND_DATE:
        date_text(f, cells, text);
        json_cstr(w, NULL, text);
        return;
    case KIND_INSTANT:
        instant_format(cells[0].i, text);
        json_cstr(w, NULL, text);
        return;
    case KIND_CHOICE:
        json_text(w, NULL, choice_code(c, f, cells[0].i));
        return;
    case KIND_CHOICES:
    case KIND_TAGS:
        json_array(w, NULL);
        for (rest = cells[0].s; next_pick(&rest, &id);) {
            json_text(w, NULL, choice_code(c, f, id));
        }
        json_end_array(w);
        return;
    case KIND_REF:
    case KIND_FILE:
        if (f->target) {
            ref_json(w, NULL, cells[0].i, ref_names_get(names, f->target, cells[0].i));
        } else {
            json_int(w, NULL, cells[0].i);
        }
        return;
    case KIND_ANYREF: {
        const struct live_entity *e = model_entity_number(c->model, cells[0].i);
        ref_json(w, e ? e->name.p : "", cells[1].i, ref_names_get(names, e, cells[1].i));
        return;
    }
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
        parts_to_json(c, f, cells[0].s, w);
        return;
    case KIND_PLACE:
        json_object(w, NULL);
        json_real(w, "lat", cells[0].d);
        json_real(w, "lng", cells[1].d);
        json_end_object(w);
        return;
    case KIND_JSON:
        json_raw(w, NULL, cells[0].s);
        return;
    case KIND_NONE:
    case KIND_MANY:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_COUNT:
        break;
    }
    json_none(w, NULL);
}

void cells_to_text(struct call *c, const struct live_field *f, const struct dbval *cells,
    const struct ref_names *names, struct buf *out)
{
    char text[40];
    struct str rest;
    int64_t id;

    if (cells_absent(f, cells)) {
        return;
    }
    switch (f->value) {
    case KIND_TEXT:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_NAME:
    case KIND_NUMBER:
    case KIND_JSON:
        buf_add(out, cells[0].s);
        return;
    case KIND_INT:
    case KIND_DURATION:
        buf_int(out, cells[0].i);
        return;
    case KIND_DECIMAL:
    case KIND_PERCENT:
        buf_add(out, (struct str) { text, str_from_scaled(cells[0].i, f->scale, text) });
        return;
    case KIND_MONEY:
        buf_add(out, (struct str) { text, str_from_scaled(cells[0].i, 2, text) });
        buf_byte(out, ' ');
        buf_add(out, cells[1].type == DB_TEXT ? cells[1].s : c->model->currency);
        return;
    case KIND_BOOL:
        buf_lit(out, cells[0].i ? "true" : "false");
        return;
    case KIND_DATE:
        date_text(f, cells, text);
        buf_lit(out, text);
        return;
    case KIND_INSTANT:
        instant_format(cells[0].i, text);
        buf_lit(out, text);
        return;
    case KIND_CHOICE:
        buf_add(out, choice_code(c, f, cells[0].i));
        return;
    case KIND_CHOICES:
    case KIND_TAGS:
        for (rest = cells[0].s; next_pick(&rest, &id);) {
            buf_add(out, choice_code(c, f, id));
            if (str_find_byte(rest, ',') >= 0) {
                buf_byte(out, ';');
            }
        }
        return;
    case KIND_REF:
    case KIND_FILE: {
        struct str name = ref_names_get(names, f->target, cells[0].i);
        if (name.n) {
            buf_add(out, name);
        } else {
            buf_int(out, cells[0].i);
        }
        return;
    }
    case KIND_ANYREF: {
        const struct live_entity *e = model_entity_number(c->model, cells[0].i);
        buf_fmt(out, "%s:%" PRId64, e ? e->name.p : "", cells[1].i);
        return;
    }
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
        parts_to_text(c, f, cells[0].s, out);
        return;
    case KIND_PLACE:
        buf_fmt(out, "%.7f, %.7f", cells[0].d, cells[1].d);
        return;
    case KIND_NONE:
    case KIND_MANY:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_COUNT:
        break;
    }
}

/* ---- the evaluator's values ---- */

static enum value_type type_of_kind(enum field_kind kind)
{
    switch (kind) {
    case KIND_BOOL:
        return VALUE_BOOL;
    case KIND_INT:
    case KIND_DECIMAL:
    case KIND_PERCENT:
        return VALUE_NUMBER;
    case KIND_MONEY:
        return VALUE_MONEY;
    case KIND_DATE:
        return VALUE_DATE;
    case KIND_INSTANT:
        return VALUE_INSTANT;
    case KIND_DURATION:
        return VALUE_DURATION;
    case KIND_CHOICE:
        return VALUE_CHOICE;
    case KIND_REF:
    case KIND_ANYREF:
    case KIND_FILE:
        return VALUE_REF;
    case KIND_PLACE:
        return VALUE_PLACE;
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
    case KIND_CHOICES:
    case KIND_TAGS:
        return VALUE_LIST;
    case KIND_TEXT:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_NAME:
    case KIND_NUMBER:
    case KIND_JSON:
        return VALUE_TEXT;
    case KIND_NONE:
    case KIND_MANY:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_COUNT:
        break;
    }
    return VALUE_NONE;
}

void cells_to_value(const struct live_field *f, const struct dbval *cells, struct value *out)
{
    *out = (struct value) { .type = type_of_kind(f->value), .scale = f->scale, .entity = f->target };
    if (cells_absent(f, cells)) {
        out->absent = true;
        return;
    }
    switch (out->type) {
    case VALUE_TEXT:
    case VALUE_LIST:
        out->s = cells[0].s;
        return;
    case VALUE_PLACE:
        out->lat = cells[0].d;
        out->lng = cells[1].d;
        return;
    case VALUE_DURATION:
        out->i = cells[0].i;
        if (__builtin_mul_overflow(cells[0].i, (int64_t)1000000, &out->i)) {
            out->absent = true;
        }
        return;
    case VALUE_MONEY:
        out->i = cells[0].i;
        out->base = cells[0].i;
        out->currency = cells[1].type == DB_TEXT ? cells[1].s : (struct str) { "", 0 };
        return;
    case VALUE_DATE:
        out->i = cells[0].i;
        out->base = f->ncolumns == 2 && cells[1].type == DB_INT ? cells[1].i : 0;
        return;
    case VALUE_BOOL:
    case VALUE_NUMBER:
    case VALUE_INSTANT:
    case VALUE_CALENDAR:
    case VALUE_CHOICE:
    case VALUE_REF:
    case VALUE_NONE:
        out->i = cells[f->value == KIND_ANYREF ? 1 : 0].i;
        return;
    }
}

/* From one scale to another, rounding half away from zero. */
static bool rescale(int64_t v, int from, int to, int64_t *out)
{
    int64_t unit = 1;

    for (int i = from; i < to; i++) {
        unit *= 10;
    }
    return from <= to ? calc_mul(v, unit, 0, out) : calc_mul(v, 1, from - to, out);
}

void cells_from_value(
    struct call *c, const struct live_field *f, const struct value *v, struct dbval *cells)
{
    int64_t n;

    cells[0] = V_NULL;
    if (f->ncolumns > 1) {
        cells[1] = V_NULL;
    }
    if (v->absent) {
        return;
    }
    switch (f->value) {
    case KIND_INT:
    case KIND_DECIMAL:
    case KIND_PERCENT:
        if (rescale(v->i, v->scale, f->scale, &n)) {
            cells[0] = V(n);
        }
        return;
    case KIND_MONEY:
        if (rescale(v->i, v->type == VALUE_MONEY ? 2 : v->scale, 2, &n)) {
            cells[0] = V(n);
            cells[1] = V(v->currency.n ? v->currency : c->model->currency);
        }
        return;
    case KIND_DURATION:
        cells[0] = V(v->i / 1000000);
        return;
    case KIND_PLACE:
        cells[0] = V(v->lat);
        cells[1] = V(v->lng);
        return;
    case KIND_TEXT:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_NAME:
    case KIND_NUMBER:
    case KIND_JSON:
    case KIND_CHOICES:
    case KIND_TAGS:
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
        if (v->s.n) {
            cells[0] = V(arena_str(c->mem, v->s));
        }
        return;
    case KIND_BOOL:
    case KIND_DATE:
    case KIND_INSTANT:
    case KIND_CHOICE:
    case KIND_REF:
    case KIND_FILE:
        cells[0] = V(v->i);
        return;
    case KIND_NONE:
    case KIND_MANY:
    case KIND_ANYREF:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_COUNT:
        break;
    }
}
