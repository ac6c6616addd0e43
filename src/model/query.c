/* query.c - the one read path: runs a planned list, writes records as JSON, loads what they refer to
 * in one batch per level. */

#include "model/query.h"

#include "model/parts.h"
#include "model/query_plan.h"
#include "model/search.h"

#include <inttypes.h>
#include <string.h>

/* ---- one page ---- */

static void read_cells(struct call *c, struct stmt *st, int *col, const struct live_field *f,
    struct dbval *cells)
{
    for (int k = 0; k < f->ncolumns; k++) {
        struct dbval v = stmt_value(st, (*col)++, f->columns[k].type);
        if (v.type == DB_TEXT || v.type == DB_BLOB) {
            v.s = arena_str(c->mem, v.s);
        }
        cells[k] = v;
    }
}

static enum db_type value_column(const struct live_field *f)
{
    switch (f->value) {
    case KIND_TEXT:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_NAME:
    case KIND_NUMBER:
        return DB_TEXT;
    case KIND_NONE: case KIND_INT: case KIND_DECIMAL: case KIND_MONEY: case KIND_PERCENT:
    case KIND_BOOL: case KIND_DATE: case KIND_INSTANT: case KIND_DURATION: case KIND_CHOICE:
    case KIND_CHOICES: case KIND_TAGS: case KIND_REF: case KIND_MANY: case KIND_ANYREF:
    case KIND_EMAILS: case KIND_PHONES: case KIND_ADDRESSES: case KIND_URLS: case KIND_FILE:
    case KIND_PLACE: case KIND_FORMULA: case KIND_ROLLUP: case KIND_JSON: case KIND_COUNT:
        break;
    }
    return DB_INT;
}

/* Only the fields asked for have cells: field i of the plan at i * FIELD_CELLS, made ones like stored. */
struct page_row {
    int64_t id;
    struct dbval *cells;
    struct dbval *keys; /* of the last row of a page: the cursor is made of them */
};

static void read_keys(struct plan *p, struct stmt *st, struct page_row *row)
{
    row->keys = ARENA_ARRAY(p->c->mem, struct dbval, p->nkeys);
    for (size_t i = 0; i < p->nkeys; i++) {
        const struct live_field *f = p->keys[i].field;
        enum db_type type = f->stored && !f->key_column ? f->columns[0].type
            : f->key_column && f->value != KIND_MONEY && f->value != KIND_DATE ? DB_TEXT
                                                                              : value_column(f);
        row->keys[i] = stmt_value(st, 1 + (int)i, type);
        if (row->keys[i].type == DB_TEXT) {
            row->keys[i].s = arena_str(p->c->mem, row->keys[i].s);
        }
    }
}

static void read_row(struct plan *p, struct stmt *st, struct page_row *row)
{
    struct call *c = p->c;
    int col = 1 + (int)p->nkeys;

    row->id = stmt_int(st, 0);
    row->cells = ARENA_ARRAY(c->mem, struct dbval, p->nfields * FIELD_CELLS + 1);
    for (size_t i = 0; i < p->nfields; i++) {
        const struct live_field *f = p->fields[i];
        struct dbval *cells = &row->cells[i * FIELD_CELLS];
        if (f->stored) {
            read_cells(c, st, &col, f, cells);
        } else if (f->expr) {
            cells[0] = stmt_value(st, col++, value_column(f));
            if (cells[0].type == DB_TEXT) {
                cells[0].s = arena_str(c->mem, cells[0].s);
            }
            if (f->value == KIND_DURATION && cells[0].type == DB_INT) {
                cells[0].i /= 1000000;
            }
            cells[1] = f->value == KIND_MONEY ? V(c->model->currency) : V_NULL;
        }
    }
}

static enum err_code run_segment(
    struct plan *p, enum segment segment, struct page_row *rows, size_t *n, size_t most)
{
    struct sql sql;
    struct dbvals v;
    struct rows found;

    TRY(plan_sql(p, segment, &sql, &v));
    TRY(db_query(p->c, &found, sql, v));
    while (*n < most && rows_next(&found)) {
        struct page_row *row = &rows[(*n)++];
        read_row(p, found.st, row);
        if (*n == most - 1) {
            read_keys(p, found.st, row);
        }
    }
    return rows_end(&found);
}

static enum err_code run_plan(struct plan *p, struct page_row **rows, size_t *n, struct str *next)
{
    size_t most = (size_t)p->limit + 1;
    const struct sort_key *k = &p->keys[0];
    bool one_segment = k->field == p->e->id;
    /* ascending: those that have the key, then those that lack it; descending the other way */
    enum segment first = k->down ? SEGMENT_WITHOUT : SEGMENT_WITH;
    bool small;

    TRY(plan_small(p, &small));
    *rows = ARENA_ARRAY(p->c->mem, struct page_row, most);
    *n = 0;
    *next = (struct str) { "", 0 };
    if (small && !one_segment && !p->has_after && !p->has_from) {
        one_segment = true;
        first = SEGMENT_ALL;
    } else if (one_segment) {
        first = SEGMENT_WITH;
    }
    for (int i = 0; i < (one_segment ? 1 : 2) && *n < most; i++) {
        enum segment segment = i == 0 ? first
            : first == SEGMENT_WITH   ? SEGMENT_WITHOUT
                                      : SEGMENT_WITH;
        bool passed = p->has_after
            && (segment == SEGMENT_WITH ? !k->down && k->after.type == DB_NULL
                                        : k->down && k->after.type != DB_NULL);
        passed = passed || (p->has_from && k->down && segment == SEGMENT_WITHOUT);
        if (!passed) {
            TRY(run_segment(p, segment, *rows, n, most));
        }
    }
    if (*n == most) {
        --*n;
        struct page_row *last = &(*rows)[*n - 1];
        *next = cursor_make(p, last->keys, last->id);
    }
    return OK;
}

/* ---- many-to-many: one query per field and page ---- */

struct many_list {
    const struct live_field *f;
    int64_t *from, *to;
    size_t n;
};

static enum err_code load_many(struct call *c, const struct live_field *f,
    const struct page_row *page, size_t n, struct ref_names *names, struct many_list *out)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    size_t room = 0;

    *out = (struct many_list) { .f = f };
    if (!n || access_level(c, f->link, RIGHT_READ) == LEVEL_NONE) {
        return OK;
    }
    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    sql_lit(&s, "SELECT t0.\"from\", t0.\"to\"");
    from_sql(&s, f->link, 0, 0);
    sql_lit(&s, " JOIN ");
    sql_ident(&s, f->target->tables[0]);
    sql_lit(&s, " far ON far.\"id\" = t0.\"to\" AND far.\"deleted_at\" IS NULL WHERE");
    sql_lit(&s, " t0.\"deleted_at\" IS NULL AND t0.\"from\" IN (");
    for (size_t i = 0; i < n; i++) {
        if (i) {
            sql_lit(&s, ", ");
        }
        sql_bind(&s, V(page[i].id));
    }
    sql_lit(&s, ")");
    TRY(access_sql(c, f->link, RIGHT_READ, 0, &s));
    sql_lit(&s, " ORDER BY t0.\"id\"");
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        size_t too = room;
        ARENA_ROOM(c->mem, out->from, out->n, room);
        ARENA_ROOM(c->mem, out->to, out->n, too);
        out->from[out->n] = col_int(&rows, 0);
        out->to[out->n] = col_int(&rows, 1);
        ref_names_want(names, f->target, out->to[out->n++]);
    }
    return rows_end(&rows);
}

static void many_json(
    struct call *c, const struct many_list *m, int64_t id, const struct ref_names *names)
{
    json_array(&c->out, NULL);
    for (size_t i = 0; i < m->n; i++) {
        if (m->from[i] != id) {
            continue;
        }
        json_object(&c->out, NULL);
        json_int(&c->out, "id", m->to[i]);
        json_text(&c->out, "name", ref_names_get(names, m->f->target, m->to[i]));
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
}

/* ---- expand ---- */

struct expanded {
    struct expanded *next;
    const struct live_entity *e;
    int64_t id;
    struct str json; /* empty: may not be seen */
};

static bool is_expanded(struct str list, struct str name)
{
    struct str one;

    while (str_split(&list, ',', &one)) {
        if (str_eq(str_trim(one), name)) {
            return true;
        }
    }
    return false;
}

static enum err_code expand_one(struct call *c, const struct live_entity *e, int64_t id,
    struct expanded **all, const struct expanded **out)
{
    for (struct expanded *x = *all; x; x = x->next) {
        if (x->e == e && x->id == id) {
            *out = x;
            return OK;
        }
    }
    struct expanded *x = ARENA_NEW(c->mem, struct expanded);
    *x = (struct expanded) { *all, e, id, { "", 0 } };
    *all = x;
    *out = x;
    struct json_writer kept = c->out;
    struct buf body;
    buf_init(&body, c->mem, BODY_MAX);
    json_init(&c->out, &body);
    enum err_code code = query_get(c, e, id, (struct str) { "", 0 }, (struct str) { "", 0 });
    c->out = kept;
    if (code == ERR_NOT_FOUND || code == ERR_FORBIDDEN) {
        err_clear(&c->err);
        return OK;
    }
    x->json = buf_str(&body);
    return code;
}

/* ---- records as JSON ---- */

struct output {
    struct call *c;
    const struct live_entity *e;
    const struct live_field **fields;
    size_t nfields;
    struct ref_names *names;
    struct many_list *many; /* per field */
    struct expanded *expanded;
    struct str expand;
    bool no_links; /* just made, and no many-to-many field was given: there are none to look for */
};

static enum err_code check_expand(struct output *o)
{
    struct str rest = o->expand, one;

    while (str_split(&rest, ',', &one)) {
        const struct live_field *f = entity_field(o->e, str_trim(one));
        if (!f || (f->def.kind != KIND_REF && f->def.kind != KIND_ANYREF)
            || access_field(o->c, f) == FIELD_HIDDEN) {
            return fail(o->c, ERR_INVALID, "expand", "\"%.*s\" is no reference of %s",
                STR_ARG(str_sub(one, 0, 80)), o->e->label.p);
        }
    }
    return OK;
}

static enum err_code prepare_output(struct output *o, const struct page_row *page, size_t n)
{
    o->names = ref_names_new(o->c);
    o->many = ARENA_ARRAY(o->c->mem, struct many_list, o->nfields + 1);
    TRY(check_expand(o));
    for (size_t i = 0; i < o->nfields; i++) {
        const struct live_field *f = o->fields[i];
        if (f->def.kind == KIND_MANY && !o->no_links) {
            TRY(load_many(o->c, f, page, n, o->names, &o->many[i]));
        }
        bool refers = f->value == KIND_REF || f->value == KIND_ANYREF || f->value == KIND_FILE;
        for (size_t k = 0; refers && f->def.kind != KIND_MANY && k < n; k++) {
            cells_want(o->names, f, &page[k].cells[i * FIELD_CELLS]);
        }
    }
    return ref_names_load(o->names);
}

static enum err_code expanded_json(
    struct output *o, const struct live_field *f, const struct dbval *cells, bool *done)
{
    const struct live_entity *e = f->target;
    int64_t id = cells[0].i;
    const struct expanded *x;

    *done = false;
    if (f->value == KIND_ANYREF) {
        e = model_entity_number(o->c->model, cells[0].i);
        id = cells[1].i;
    }
    if (!e || cells_absent(f, cells)) {
        return OK;
    }
    TRY(expand_one(o->c, e, id, &o->expanded, &x));
    if (x->json.n) {
        json_raw(&o->c->out, NULL, x->json);
        *done = true;
    }
    return OK;
}

static enum err_code record_json(
    struct output *o, const struct page_row *row, const char *name)
{
    struct call *c = o->c;

    json_object(&c->out, name);
    for (size_t i = 0; i < o->nfields; i++) {
        const struct live_field *f = o->fields[i];
        const struct dbval *cells = &row->cells[i * FIELD_CELLS];
        bool done = false;
        json_name(&c->out, f->name);
        if (f->def.kind == KIND_MANY) {
            many_json(c, &o->many[i], row->id, o->names);
            continue;
        }
        if (o->expand.n && is_expanded(o->expand, f->name)) {
            TRY(expanded_json(o, f, cells, &done));
        }
        if (!done) {
            cells_to_json(c, f, cells, o->names, &c->out);
        }
    }
    json_end_object(&c->out);
    return OK;
}

enum err_code query_list(struct call *c, const struct list_request *q)
{
    struct plan p;
    struct page_row *rows;
    struct str next;
    size_t n;
    int64_t count = 0;

    TRY(plan_make(c, q, &p));
    TRY(run_plan(&p, &rows, &n, &next));
    struct output o = { .c = c, .e = p.e, .fields = p.fields, .nfields = p.nfields,
        .expand = q->expand };
    TRY(prepare_output(&o, rows, n));
    if (q->count) {
        TRY(query_count(c, q, &count));
    }
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    for (size_t i = 0; i < n; i++) {
        TRY(record_json(&o, &rows[i], NULL));
    }
    json_end_array(&c->out);
    json_name(&c->out, STR("next"));
    if (next.n) {
        json_text(&c->out, NULL, next);
    } else {
        json_none(&c->out, NULL);
    }
    if (q->count) {
        json_int(&c->out, "count", count);
    }
    json_end_object(&c->out);
    return buf_status(&c->body, &c->err);
}

enum err_code query_page(struct call *c, const struct list_request *q, struct query_page *out)
{
    struct plan p;
    struct page_row *rows;

    TRY(plan_make(c, q, &p));
    TRY(run_plan(&p, &rows, &out->n, &out->next));
    out->rows = ARENA_ARRAY(c->mem, struct record *, out->n + 1);
    for (size_t i = 0; i < out->n; i++) {
        struct record *r = record_new(c, p.e);
        r->id = rows[i].id;
        for (size_t k = 0; k < p.nfields; k++) {
            if (p.fields[k]->stored) {
                record_set_cells(r, p.fields[k], &rows[i].cells[k * FIELD_CELLS]);
            }
        }
        out->rows[i] = r;
    }
    out->fields = p.fields;
    out->nfields = p.nfields;
    struct output *o = ARENA_NEW(c->mem, struct output);
    *o = (struct output) { .c = c, .e = p.e, .fields = p.fields, .nfields = p.nfields };
    TRY(prepare_output(o, rows, out->n));
    out->names = o->names;
    out->output = o;
    out->found = rows;
    return OK;
}

enum err_code query_page_json(
    struct call *c, const struct query_page *p, size_t row, struct buf *out)
{
    struct json_writer kept = c->out;

    json_init(&c->out, out);
    enum err_code code = record_json(p->output, &p->found[row], NULL);
    c->out = kept;
    return code;
}

/* Names with ';' between them, which is how an import takes several; JSON where a name holds that itself. */
static void many_text(
    struct call *c, const struct many_list *m, int64_t id, const struct ref_names *names, struct buf *out)
{
    bool plain = true, any = false;

    for (size_t i = 0; i < m->n; i++) {
        struct str name = ref_names_get(names, m->f->target, m->to[i]);
        plain = plain && (m->from[i] != id || (name.n && str_find_byte(name, ';') < 0 && name.p[0] != '['));
    }
    if (!plain) {
        struct json_writer kept = c->out;
        json_init(&c->out, out);
        many_json(c, m, id, names);
        c->out = kept;
        return;
    }
    for (size_t i = 0; i < m->n; i++) {
        if (m->from[i] == id) {
            buf_lit(out, any ? ";" : "");
            buf_add(out, ref_names_get(names, m->f->target, m->to[i]));
            any = true;
        }
    }
}

void query_page_text(
    struct call *c, const struct query_page *p, size_t row, size_t field, struct buf *out)
{
    const struct live_field *f = p->fields[field];

    if (f->def.kind == KIND_MANY) {
        many_text(c, &p->output->many[field], p->found[row].id, p->names, out);
    } else {
        cells_to_text(c, f, &p->found[row].cells[field * FIELD_CELLS], p->names, out);
    }
}

enum err_code query_get(
    struct call *c, const struct live_entity *e, int64_t id, struct str fields, struct str expand)
{
    struct list_request q = { .e = e, .fields = fields, .right = RIGHT_READ };
    struct plan p = { .c = c, .q = &q, .e = e, .limit = 1 };
    struct page_row row;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    struct sqltext s, select;
    unsigned side = 0;
    bool found = false;

    TRY(access_require(c, e, RIGHT_READ));
    TRY(plan_fields(c, e, fields, &p.fields, &p.nfields));
    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    clause_begin(&select, c, &s);
    sql_column(&select, 0, "id");
    for (size_t i = 0; i < p.nfields; i++) {
        const struct live_field *f = p.fields[i];
        for (int k = 0; f->stored && k < f->ncolumns; k++) {
            sql_lit(&select, ", ");
            if (f->table) {
                side |= 1u << f->table;
                sql_alias(&select, 0);
                sql_lit(&select, "_x");
                sql_int(&select, f->table);
                sql_lit(&select, ".");
                sql_ident(&select, f->columns[k].name);
            } else {
                sql_column(&select, 0, f->columns[k].name);
            }
        }
        if (!f->stored && f->expr) {
            sql_lit(&select, ", ");
            sort_value_sql(&p, f, &select, &side);
        }
    }
    clause_end(&select, &s);
    sql_lit(&s, "SELECT ");
    buf_add(&s.text, buf_str(&select.text));
    from_sql(&s, e, 0, side);
    sql_lit(&s, " WHERE ");
    sql_column(&s, 0, "id");
    sql_lit(&s, " = ");
    sql_bind(&s, V(id));
    sql_lit(&s, " AND ");
    sql_column(&s, 0, "deleted_at");
    sql_lit(&s, " IS NULL");
    TRY(access_sql(c, e, RIGHT_READ, 0, &s));
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    if (rows_next(&rows)) {
        read_row(&p, rows.st, &row);
        found = true;
    }
    TRY(rows_end(&rows));
    if (!found) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
    }
    struct output o = { .c = c, .e = e, .fields = p.fields, .nfields = p.nfields,
        .expand = expand };
    TRY(prepare_output(&o, &row, 1));
    return record_json(&o, &row, NULL);
}

enum err_code query_record(struct call *c, struct record *r, const struct live_field **fields,
    size_t n, const char *name)
{
    struct output o = { .c = c, .e = r->e, .fields = fields, .nfields = n };

    if (!fields) {
        TRY(plan_fields(c, r->e, (struct str) { "", 0 }, &o.fields, &o.nfields));
    }
    o.no_links = r->version == 1 && !r->many;
    struct page_row row = { .id = r->id };
    row.cells = ARENA_ARRAY(c->mem, struct dbval, o.nfields * FIELD_CELLS + 1);
    for (size_t i = 0; i < o.nfields; i++) {
        const struct live_field *f = o.fields[i];
        for (int k = 0; f->stored && k < f->ncolumns; k++) {
            row.cells[i * FIELD_CELLS + (size_t)k] = r->cells[f->cell + k];
        }
    }
    TRY(prepare_output(&o, &row, 1));
    return record_json(&o, &row, name);
}
