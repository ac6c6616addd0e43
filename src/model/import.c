/* import.c - one chunk of rows into records. */

#include "model/import.h"

#include "base/utf8.h"
#include "model/change.h"
#include "model/parts.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum target_kind { TO_NOTHING, TO_FIELD, TO_ADDRESS, TO_WHOLE_NAME };

struct column_map {
    struct str header;
    enum target_kind to;
    const struct live_field *field; /* TO_ADDRESS: the list */
    const char *piece;              /* TO_ADDRESS */
    char order[4];                  /* of a date: "dmy", "mdy", "ymd"; empty: as it is */
};

struct importing {
    struct call *c;
    const struct live_entity *e;
    struct column_map *columns;
    size_t ncolumns;
    const struct live_field *key;
    int64_t created, updated;
    struct json_writer rejected, warnings;
    struct buf rejected_buf, warnings_buf;
    const json_t *rows, *records; /* the chunk: cells by column, or objects */
    int64_t first_row;
    bool apart; /* each row in a savepoint of its own */
    bool left;  /* a row failed after it had written */
};

/* "Sales Agent" and "sales_agent" are the same word. */
static struct str plain_name(struct call *c, struct str s)
{
    struct str folded = utf8_fold(c->mem, s);
    char *out = arena_alloc(c->mem, folded.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < folded.n; i++) {
        char ch = folded.p[i];
        bool word = isalnum((unsigned char)ch) || (ch & 0x80);
        if (word) {
            out[n++] = ch;
        } else if (n && out[n - 1] != '_') {
            out[n++] = '_';
        }
    }
    while (n && out[n - 1] == '_') {
        n--;
    }
    return (struct str) { out, n };
}

/* "e_mails" and "Emails" too. */
static struct str letters(struct call *c, struct str s)
{
    struct str plain = plain_name(c, s);
    char *out = arena_alloc(c->mem, plain.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < plain.n; i++) {
        if (plain.p[i] != '_') {
            out[n++] = plain.p[i];
        }
    }
    return (struct str) { out, n };
}

static const struct live_field *find_field(struct call *c, const struct live_entity *e,
    struct str header)
{
    struct str name = plain_name(c, header);
    const struct live_field *f = entity_field(e, name);

    if (!f) {
        f = entity_field(e, arena_fmt(c->mem, "x_%.*s", STR_ARG(name)));
    }
    for (size_t i = 0; !f && i < e->nfields; i++) {
        const struct live_field *other = e->fields[i];
        if (str_eq(letters(c, other->label), letters(c, name))
            || str_eq(letters(c, other->name), letters(c, name))) {
            f = other;
        }
    }
    return f && !f->def.system && access_field(c, f) == FIELD_WRITE ? f : NULL;
}

static void map_column(struct importing *im, struct column_map *m)
{
    const struct live_field *f = find_field(im->c, im->e, m->header);
    const struct live_field *list
        = f && f->def.mirror ? entity_field(im->e, str_of(f->def.mirror)) : NULL;

    if (!f) {
        return;
    }
    if (list && list->def.kind == KIND_ADDRESSES) {
        m->to = TO_ADDRESS;
        m->field = list;
        m->piece = f->def.mirror_part;
    } else if (list) {
        m->to = TO_FIELD;
        m->field = list;
    } else if (f->def.kind == KIND_NAME && entity_field(im->e, STR("first_name"))
        && entity_field(im->e, STR("last_name"))) {
        m->to = TO_WHOLE_NAME;
        m->field = f;
    } else if (!f->def.read_only && f->stored && f->def.kind != KIND_FORMULA
        && f->def.kind != KIND_ROLLUP) {
        m->to = TO_FIELD;
        m->field = f;
    }
}

static enum err_code map_columns(struct importing *im, const json_t *input)
{
    const json_t *names = json_object_get(input, "columns");
    const json_t *formats = json_object_get(input, "formats");

    im->ncolumns = json_array_size(names);
    if (im->ncolumns > IMPORT_COLUMNS) {
        return fail(im->c, ERR_TOO_LARGE, "columns", "at most %d columns", IMPORT_COLUMNS);
    }
    im->columns = ARENA_ARRAY(im->c->mem, struct column_map, im->ncolumns + 1);
    for (size_t i = 0; i < im->ncolumns; i++) {
        struct column_map *m = &im->columns[i];
        m->header = json_str(json_array_get(names, i));
        struct str order = json_str(json_object_get(formats, arena_cstr(im->c->mem, m->header)));
        if (order.n == 3) {
            memcpy(m->order, order.p, 3);
        }
        map_column(im, m);
    }
    return OK;
}

/* 10/20/2016 in the order found for its column, to 2016-10-20. */
static struct str iso_date(struct call *c, const char *order, struct str s)
{
    int64_t part[3] = { 0 };
    size_t n = 0;

    for (size_t i = 0; i < s.n && n < 3;) {
        size_t start = i;
        while (i < s.n && isdigit((unsigned char)s.p[i])) {
            i++;
        }
        if (i == start || i - start > 4) {
            return s;
        }
        (void)str_to_int(str_sub(s, start, i - start), &part[n++]);
        if (n < 3 && i < s.n && strchr("/.-", s.p[i])) {
            i++;
        } else if (n < 3) {
            return s;
        } else if (i < s.n) {
            return s;
        }
    }
    int64_t y = 0, m = 0, d = 0;
    for (int i = 0; i < 3; i++) {
        *(order[i] == 'y' ? &y : order[i] == 'm' ? &m : &d) = part[i];
    }
    y += y < 100 ? (y < 70 ? 2000 : 1900) : 0;
    return n == 3 ? arena_fmt(c->mem, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, y, m, d) : s;
}

static void warn(struct importing *im, int64_t row, const char *field, const char *message)
{
    json_object(&im->warnings, NULL);
    json_int(&im->warnings, "row", row);
    json_cstr(&im->warnings, "field", field);
    json_cstr(&im->warnings, "message", message);
    json_end_object(&im->warnings);
}

static void put_cell(
    struct importing *im, struct record *r, const struct column_map *m, struct str s, int64_t row)
{
    struct call *c = im->c;
    struct dbval cells[FIELD_CELLS];

    if (m->order[0] && (m->field->value == KIND_DATE || m->field->value == KIND_INSTANT)) {
        s = iso_date(c, m->order, str_trim(s));
    }
    if (m->field->value == KIND_INSTANT && str_trim(s).n == 10) {
        s = arena_fmt(c->mem, "%.*sT00:00:00Z", STR_ARG(str_trim(s)));
    }
    struct field_error *before = c->errors;
    if (cells_from_text(c, m->field, s, cells)) {
        record_set_cells(r, m->field, cells);
        return;
    }
    if (m->field->def.kind != KIND_REF || c->err.code != OK || m->field->def.required) {
        return;
    }
    /* a reference that leads nowhere is left empty */
    struct field_error *last = c->errors;
    while (last && last->next) {
        last = last->next;
    }
    warn(im, row, last ? last->field : m->field->name.p, last ? last->message : "not found");
    c->errors = before;
    if (before) {
        for (struct field_error *e = before; e; e = e->next) {
            e->next = e->next == last ? NULL : e->next;
        }
    }
}

static void put_whole_name(struct importing *im, struct record *r, struct str s)
{
    ptrdiff_t cut = -1;

    s = str_trim(s);
    for (size_t i = 0; i < s.n; i++) {
        cut = s.p[i] == ' ' ? (ptrdiff_t)i : cut;
    }
    if (cut > 0) {
        record_set(im->c, r, "first_name", V(str_trim(str_sub(s, 0, (size_t)cut))));
    }
    if (s.n) {
        record_set(im->c, r, "last_name", V(str_sub(s, (size_t)(cut + 1), s.n)));
    }
}

static void put_address(struct importing *im, struct record *r, json_t *address,
    const struct live_field *list)
{
    struct dbval cells[FIELD_CELLS];

    if (list && json_object_size(address) && cells_from_json(im->c, list, address, cells)) {
        record_set_cells(r, list, cells);
    }
}

static void fill_from_row(struct importing *im, struct record *r, const json_t *cells, int64_t row)
{
    struct call *c = im->c;
    json_t *address = json_pack("{}");
    const struct live_field *list = NULL;

    arena_defer(c->mem, (void (*)(void *))json_decref, address);
    for (size_t i = 0; i < im->ncolumns && i < json_array_size(cells) && c->err.code == OK; i++) {
        const struct column_map *m = &im->columns[i];
        struct str s = json_str(json_array_get(cells, i));
        if (m->to == TO_FIELD) {
            put_cell(im, r, m, s, row);
        } else if (m->to == TO_WHOLE_NAME) {
            put_whole_name(im, r, s);
        } else if (m->to == TO_ADDRESS && str_trim(s).n) {
            json_object_set_new(address, m->piece, json_stringn(s.p, s.n));
            list = m->field;
        }
    }
    put_address(im, r, address, list);
}

/* The record that has the key already: *id, 0 for none. */
static enum err_code find_existing(struct importing *im, const struct record *r, int64_t *id)
{
    struct call *c = im->c;
    bool found = false;

    *id = 0;
    if (!im->key || cells_absent(im->key, &r->cells[im->key->cell])) {
        return OK;
    }
    if (kind_is_list(im->key->value)) {
        int64_t *ids;
        size_t n;
        TRY(record_same_email(c, r, &ids, &n));
        *id = n ? ids[0] : 0;
        return OK;
    }
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\" FROM ");
    sql_ident(&s, im->e->tables[im->key->table]);
    sql_lit(&s, " WHERE \"deleted_at\" IS NULL AND ");
    sql_ident(&s, im->key->key_column ? im->key->key_column : im->key->columns[0].name);
    sql_lit(&s, " = ");
    sql_bind(&s, im->key->key_column ? cells_key(c, im->key, &r->cells[im->key->cell])
                                     : r->cells[im->key->cell]);
    sql_lit(&s, " LIMIT 1");
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_find(c, id, &found, sql, v));
    *id = found ? *id : 0;
    return OK;
}

struct one_row {
    struct importing *im;
    const json_t *cells, *object;
    int64_t row;
    bool existed;
};

static enum err_code import_row(struct call *c, void *arg)
{
    struct one_row *one = arg;
    struct record *r = record_new(c, one->im->e);

    if (one->object) {
        TRY(record_fill(c, r, one->object));
    } else {
        fill_from_row(one->im, r, one->cells, one->row);
        TRY(call_status(c));
    }
    TRY(find_existing(one->im, r, &r->id));
    one->existed = r->id != 0;
    return one->existed ? record_update(c, r) : record_create(c, r);
}

static bool counts_against_the_row(enum err_code code)
{
    return code == ERR_INVALID || code == ERR_CONFLICT || code == ERR_NOT_FOUND
        || code == ERR_FORBIDDEN;
}

static void reject(struct importing *im, int64_t row)
{
    struct call *c = im->c;

    json_object(&im->rejected, NULL);
    json_int(&im->rejected, "row", row);
    json_array(&im->rejected, "errors");
    if (!c->errors) {
        json_object(&im->rejected, NULL);
        json_cstr(&im->rejected, "field", c->err.field);
        json_cstr(&im->rejected, "message", c->err.msg);
        json_end_object(&im->rejected);
    }
    for (struct field_error *e = c->errors; e; e = e->next) {
        json_object(&im->rejected, NULL);
        json_cstr(&im->rejected, "field", e->field);
        json_cstr(&im->rejected, "message", e->message);
        json_end_object(&im->rejected);
    }
    json_end_array(&im->rejected);
    json_end_object(&im->rejected);
    err_clear(&c->err);
    c->errors = NULL;
}

/* What a row needed while it ran is given back at once, so that the next one finds its memory warm; only
 * when the row left nothing that lives on in the arena. */
static enum err_code run_row(struct importing *im, struct one_row *one)
{
    struct call *c = im->c;
    struct arena_mark mark = arena_mark(c->mem);
    const struct after *after = c->after;
    size_t told = im->warnings_buf.n;

    enum err_code code = im->apart ? call_nested(c, import_row, one)
                                   : call_try(c, import_row, one, &im->left);
    if (code == OK && c->after == after && im->warnings_buf.n == told) {
        arena_rewind(c->mem, mark);
    }
    return code;
}

static enum err_code import_one(struct importing *im, size_t i)
{
    size_t n = json_array_size(im->rows);
    struct one_row one = { .im = im, .row = im->first_row + (int64_t)i };

    *(i < n ? &one.cells : &one.object)
        = json_array_get(i < n ? im->rows : im->records, i < n ? i : i - n);
    enum err_code code = run_row(im, &one);
    if (code == OK) {
        *(one.existed ? &im->updated : &im->created) += 1;
        return OK;
    }
    if (!counts_against_the_row(code) || !conn_in_tx(im->c->db) || im->left) {
        return code;
    }
    reject(im, one.row);
    return OK;
}

static void list_begin(struct importing *im, struct json_writer *w, struct buf *b)
{
    buf_init(b, im->c->mem, BODY_MAX);
    json_init(w, b);
    json_array(w, NULL);
}

static enum err_code import_rows(struct call *c, void *arg)
{
    struct importing *im = arg;

    (void)c;
    im->created = im->updated = 0;
    list_begin(im, &im->rejected, &im->rejected_buf);
    list_begin(im, &im->warnings, &im->warnings_buf);
    for (size_t i = 0; i < json_array_size(im->rows) + json_array_size(im->records); i++) {
        TRY(import_one(im, i));
    }
    return OK;
}

/* Nearly every row that is refused is refused before it wrote anything. So the rows run without a
 * savepoint each; if one fails behind its first write, all are undone and run again with them. */
static enum err_code import_all(struct importing *im)
{
    struct call *c = im->c;
    enum err_code code = call_nested(c, import_rows, im);

    if (code == OK || !im->left || !counts_against_the_row(code) || !conn_in_tx(c->db)) {
        return code;
    }
    err_clear(&c->err);
    c->errors = NULL;
    im->apart = true;
    im->left = false;
    return import_rows(c, im);
}

static void answer(struct importing *im)
{
    struct json_writer *w = &im->c->out;

    json_end_array(&im->rejected);
    json_end_array(&im->warnings);
    json_object(w, NULL);
    json_int(w, "change_set", im->c->change_set);
    json_int(w, "created", im->created);
    json_int(w, "updated", im->updated);
    json_array(w, "columns");
    for (size_t i = 0; i < im->ncolumns; i++) {
        const struct column_map *m = &im->columns[i];
        json_object(w, NULL);
        json_text(w, "column", m->header);
        json_cstr(w, "field", m->to == TO_NOTHING ? NULL : m->field->name.p);
        json_end_object(w);
    }
    json_end_array(w);
    json_raw(w, "rejected", buf_str(&im->rejected_buf));
    json_raw(w, "warnings", buf_str(&im->warnings_buf));
    json_end_object(w);
}

static enum err_code join_change_set(struct call *c, int64_t id)
{
    int64_t user;
    bool found;

    c->change_kind = "import";
    if (!id) {
        return change_set_open(c);
    }
    TRY(db_find(c, &user, &found,
        SQL("SELECT \"user\" FROM \"change_sets\" WHERE \"id\" = $1 AND \"kind\" = 'import' AND"
            " \"undone_by\" IS NULL"),
        VALS(V(id))));
    if (!found || user != c->who->id) {
        return fail(c, ERR_INVALID, "change_set", "this import cannot be gone on with");
    }
    c->change_set = id;
    return OK;
}

enum err_code import_chunk(struct call *c, const struct live_entity *e, const json_t *input)
{
    struct importing im = { .c = c, .e = e, .rows = json_object_get(input, "rows"),
        .records = json_object_get(input, "records"),
        .first_row = json_integer_value(json_object_get(input, "first_row")) };
    struct str key = json_str(json_object_get(input, "key"));

    TRY(access_require(c, e, RIGHT_IMPORT));
    TRY(access_require(c, e, RIGHT_CREATE));
    if (json_array_size(im.rows) + json_array_size(im.records) > IMPORT_ROWS) {
        return fail(c, ERR_TOO_LARGE, "rows", "at most %d rows at once", IMPORT_ROWS);
    }
    im.key = key.n ? find_field(c, e, key) : NULL;
    if (key.n && (!im.key || !im.key->stored)) {
        return fail(c, ERR_INVALID, "key", "%s has no field \"%.*s\"", e->label.p, STR_ARG(key));
    }
    if (im.key && im.key->def.mirror) {
        im.key = entity_field(e, str_of(im.key->def.mirror));
    }
    TRY(map_columns(&im, input));
    TRY(join_change_set(c, json_integer_value(json_object_get(input, "change_set"))));
    c->via = VIA_IMPORT;
    TRY(import_all(&im));
    answer(&im);
    return buf_status(&c->body, &c->err);
}
