/* import.c - runs rows into records. */

#include "model/import_steps.h"

#include "model/change.h"
#include "model/entries.h"
#include "model/import_job.h"
#include "model/import_seen.h"
#include "model/texts.h"

#include <inttypes.h>
#include <string.h>

enum { CHANGES_TOLD = 50, ASK_EVERY = 16 };

/* ---- the plan ---- */

static enum err_code read_column(struct call *c, const struct live_entity *e, const json_t *v,
    struct str suggested, struct import_column *m)
{
    const json_t *field = json_object_get(v, "field");
    struct str format = json_str(json_object_get(v, "format"));
    struct str decimal = json_str(json_object_get(v, "decimal"));
    struct str country = json_str(json_object_get(v, "country"));

    if (json_is_string(v)) {
        m->header = json_str(v);
        (void)import_target(c, e, suggested, m);
        return OK;
    }
    m->header = json_str(json_object_get(v, "column"));
    if (!json_is_object(v)) {
        return fail(c, ERR_INVALID, "columns", "a column is its header, or an object");
    }
    if (json_is_string(field) && json_string_length(field)
        && !import_target(c, e, json_str(field), m)) {
        return fail(c, ERR_INVALID, "columns", "%s has no field \"%.60s\" to import into", e->label.p,
            json_string_value(field));
    }
    if (format.n > 3 || decimal.n > 1 || country.n > 2) {
        return fail(c, ERR_INVALID, "columns", "format is dmy, mdy, ymd or xls; decimal one sign;"
            " country two letters");
    }
    memcpy(m->order, format.p, format.n);
    m->decimal = decimal.n ? decimal.p[0] : 0;
    memcpy(m->country, country.p, country.n);
    m->make = json_is_true(json_object_get(v, "create"));
    return OK;
}

static enum err_code read_columns(struct call *c, struct import_plan *p, const json_t *spec)
{
    const json_t *columns = json_object_get(spec, "columns");
    const json_t *formats = json_object_get(spec, "formats");

    p->ncolumns = json_array_size(columns);
    if (p->ncolumns > IMPORT_COLUMNS) {
        return fail(c, ERR_TOO_LARGE, "columns", "at most %d columns", IMPORT_COLUMNS);
    }
    p->columns = ARENA_ARRAY(c->mem, struct import_column, p->ncolumns + 1);
    struct import_header *headers = ARENA_ARRAY(c->mem, struct import_header, p->ncolumns + 1);
    for (size_t i = 0; i < p->ncolumns; i++) {
        headers[i].header = json_str(json_array_get(columns, i));
    }
    import_suggest_all(c, p->e, headers, p->ncolumns);
    for (size_t i = 0; i < p->ncolumns; i++) {
        struct import_column *m = &p->columns[i];
        TRY(read_column(c, p->e, json_array_get(columns, i), headers[i].target, m));
        struct str order = json_str(json_object_get(formats, arena_cstr(c->mem, m->header)));
        if (order.n == 3) {
            memcpy(m->order, order.p, 3);
        }
    }
    return OK;
}

static enum err_code read_keys(struct call *c, struct import_plan *p, const json_t *spec)
{
    const json_t *keys = json_object_get(spec, "keys"), *key = json_object_get(spec, "key");
    size_t n = json_array_size(keys);

    if (json_is_string(key) && json_string_length(key)) {
        TRY(import_key(c, p->e, key, &p->keys[p->nkeys++]));
    }
    if (n > IMPORT_KEYS - p->nkeys) {
        return fail(c, ERR_INVALID, "keys", "at most %d keys", IMPORT_KEYS);
    }
    for (size_t i = 0; i < n; i++) {
        TRY(import_key(c, p->e, json_array_get(keys, i), &p->keys[p->nkeys++]));
    }
    return OK;
}

static enum err_code read_duplicates(struct call *c, struct import_plan *p, const json_t *spec)
{
    struct str word = json_str(json_object_get(spec, "duplicates"));

    p->duplicates = str_is(word, "reject") ? DUPLICATES_REJECT
        : str_is(word, "update")           ? DUPLICATES_UPDATE
                                           : DUPLICATES_QUEUE;
    if (word.n && p->duplicates == DUPLICATES_QUEUE && !str_is(word, "queue")) {
        return fail(c, ERR_INVALID, "duplicates", "duplicates is queue, reject or update");
    }
    if (p->duplicates != DUPLICATES_QUEUE) {
        TRY(match_rule_load(c, p->e, &p->rule));
        if (!p->rule) {
            return fail(c, ERR_INVALID, "duplicates", "no rule says when two %s are the same",
                p->e->label_plural.p);
        }
    }
    return OK;
}

enum err_code import_plan_make(struct call *c, const struct live_entity *e, const json_t *spec,
    bool dry, struct import_plan **out)
{
    struct import_plan *p = ARENA_NEW(c->mem, struct import_plan);
    struct str mode = json_str(json_object_get(spec, "mode"));

    *out = p;
    *p = (struct import_plan) { .e = e, .dry = dry };
    p->mode = str_is(mode, "create") ? IMPORT_CREATE
        : str_is(mode, "update")     ? IMPORT_UPDATE
                                     : IMPORT_BOTH;
    if (mode.n && p->mode == IMPORT_BOTH && !str_is(mode, "both")) {
        return fail(c, ERR_INVALID, "mode", "mode is both, create or update");
    }
    p->keeps_empty = !str_is(json_str(json_object_get(spec, "empty")), "clear");
    TRY(access_require(c, e, RIGHT_IMPORT));
    if (e->def.flags & ENTITY_UPLOAD) {
        return fail(c, ERR_CONFLICT, NULL, "%s are uploaded, not imported", e->label_plural.p);
    }
    if (p->mode != IMPORT_UPDATE) {
        TRY(access_require(c, e, RIGHT_CREATE));
    }
    TRY(read_columns(c, p, spec));
    TRY(read_keys(c, p, spec));
    TRY(read_duplicates(c, p, spec));
    if (p->mode == IMPORT_UPDATE && !p->nkeys) {
        return fail(c, ERR_INVALID, "keys", "say by which key the records are found");
    }
    return OK;
}

/* ---- one row ---- */

struct one_row {
    struct importing *im;
    size_t at;
    int64_t row;
    enum { ROW_CREATED, ROW_UPDATED, ROW_UNCHANGED, ROW_SKIPPED } what;
};

/* An import adds to the lists of a record that is there; it takes nothing away. */
static enum err_code join_lists(struct call *c, struct record *r)
{
    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        if (r->set[i] && kind_is_list(f->def.kind)) {
            TRY(entries_join(c, r, f));
        }
        if (r->many && r->many[i]) {
            json_t *given = r->many[i];
            r->many[i] = NULL;
            TRY(entries_change(c, r, f, given, true));
        }
    }
    return OK;
}

static void tell_field(struct importing *im, const struct live_field *f, const struct record *old,
    const struct record *now)
{
    struct ref_names *names = ref_names_new(im->c);

    cells_want(names, f, &old->cells[f->cell]);
    cells_want(names, f, &now->cells[f->cell]);
    if (ref_names_load(names) != OK) {
        err_clear(&im->c->err);
        return;
    }
    json_object(&im->changes, NULL);
    json_text(&im->changes, "field", f->name);
    json_name(&im->changes, STR("from"));
    cells_to_json(im->c, f, &old->cells[f->cell], names, &im->changes);
    json_name(&im->changes, STR("to"));
    cells_to_json(im->c, f, &now->cells[f->cell], names, &im->changes);
    json_end_object(&im->changes);
}

/* Of a dry run: what the row would change on a record that is there. */
static enum err_code tell_changes(struct importing *im, int64_t row, const struct record *old)
{
    struct record *now;
    struct str title = old->e->title && old->e->title->stored
            && old->cells[old->e->title->cell].type == DB_TEXT
        ? old->cells[old->e->title->cell].s
        : (struct str) { "", 0 };

    if (im->nchanges == CHANGES_TOLD) {
        return OK;
    }
    im->nchanges++;
    TRY(record_load(im->c, old->e, old->id, true, &now));
    json_object(&im->changes, NULL);
    json_int(&im->changes, "row", row);
    json_int(&im->changes, "id", old->id);
    json_text(&im->changes, "name", title);
    json_array(&im->changes, "changes");
    for (size_t i = 0; i < old->e->nfields; i++) {
        const struct live_field *f = old->e->fields[i];
        if (f->stored && !f->def.mirror && f != old->e->version && f != old->e->updated_at
            && f != old->e->updated_by && access_field(im->c, f) != FIELD_HIDDEN
            && !cells_equal(f, &old->cells[f->cell], &now->cells[f->cell])) {
            tell_field(im, f, old, now);
        }
    }
    json_end_array(&im->changes);
    json_end_object(&im->changes);
    return OK;
}

static enum err_code change_existing(struct call *c, struct one_row *one, struct record *r)
{
    struct record *old = NULL;
    int64_t before = c->changes;

    TRY(join_lists(c, r));
    if (one->im->p->dry) {
        TRY(record_load(c, r->e, r->id, true, &old));
    }
    TRY(record_update(c, r));
    one->what = c->changes != before ? ROW_UPDATED : ROW_UNCHANGED;
    return old && one->what == ROW_UPDATED ? tell_changes(one->im, one->row, old) : OK;
}

/* No key has found the row: is it probably somebody who is there? */
static enum err_code look_for_same(struct importing *im, struct record *r)
{
    struct str agree;
    int64_t id;

    if (im->p->duplicates == DUPLICATES_QUEUE) {
        return OK;
    }
    TRY(match_same(im->c, im->p->rule, r, &id, &agree));
    if (id && im->p->duplicates == DUPLICATES_REJECT) {
        return fail(im->c, ERR_CONFLICT, NULL, "probably the same as %s %" PRId64 " (%.*s)", r->e->name.p, id,
            STR_ARG(agree));
    }
    r->id = id;
    return OK;
}

enum err_code import_line(struct call *c, const struct live_entity *e, struct str line, json_t **object)
{
    struct err bad = { 0 };

    if (json_read(c->mem, line, object, &bad) != OK || !json_is_object(*object)) {
        return fail(c, ERR_INVALID, NULL, "this line is no JSON object");
    }
    if (!entity_field(e, STR(IMPORT_WHY))) {
        json_object_del(*object, IMPORT_WHY); /* of rejects that were mended */
    }
    return OK;
}

static enum err_code fill_row(
    struct importing *im, struct record *r, size_t at, int64_t row, enum import_part part)
{
    const struct import_rows *rows = im->rows;
    json_t *object;

    if (rows->records) {
        return record_fill(im->c, r, json_array_get(rows->records, at));
    }
    if (rows->lines) {
        TRY(import_line(im->c, r->e, rows->cells[at][0], &object));
        return record_fill(im->c, r, object);
    }
    import_fill(im, r, rows->cells[at], rows->ncells[at], row, part);
    return call_status(im->c);
}

/* What was made ahead is kept: the call may have to run again. */
static struct record *copy_ready(struct call *c, const struct import_ready *ready)
{
    struct record *r = record_new(c, ready->r->e);

    memcpy(r->cells, ready->r->cells, (size_t)r->e->ncells * sizeof *r->cells);
    memcpy(r->set, ready->filled, r->e->nfields * sizeof *r->set);
    return r;
}

/* In a check: an earlier step would have made it already. */
static enum err_code look_at_earlier(struct one_row *one, const struct record *r, bool *found)
{
    bool creates = one->im->p->mode == IMPORT_CREATE;
    enum import_again again = AGAIN_NOT;

    TRY(one->im->rows->seen ? import_seen_look(one->im, r, one->at, &again) : OK);
    *found = again != AGAIN_NOT;
    if (*found) {
        one->what = creates ? ROW_SKIPPED : again == AGAIN_SAME ? ROW_UNCHANGED : ROW_UPDATED;
    }
    if (one->im->rows->marks && !(*found && creates)) {
        import_seen_mark(one->im, r, one->at);
    }
    return OK;
}

static enum err_code import_row(struct call *c, void *arg)
{
    struct one_row *one = arg;
    struct importing *im = one->im;
    const struct import_rows *rows = im->rows;
    const struct import_ready *ready = rows->ready ? rows->ready(rows->arg, one->at) : NULL;
    struct record *r;
    bool found;

    if (ready && ready->r) {
        r = copy_ready(c, ready);
        TRY(ready->whole ? OK : fill_row(im, r, one->at, one->row, FILL_LOOKED_UP));
    } else {
        r = record_new(c, im->p->e);
        TRY(fill_row(im, r, one->at, one->row, FILL_ALL));
    }
    TRY(import_find(im, r, &r->id));
    if (r->id && im->p->mode == IMPORT_CREATE) {
        one->what = ROW_SKIPPED;
        return OK;
    }
    if (r->id) {
        return change_existing(c, one, r);
    }
    if (im->p->mode == IMPORT_UPDATE) {
        return fail(c, ERR_NOT_FOUND, NULL, "no %s has this key", r->e->name.p);
    }
    TRY(look_at_earlier(one, r, &found));
    if (found) {
        return OK;
    }
    TRY(look_for_same(im, r));
    if (r->id) {
        return change_existing(c, one, r);
    }
    one->what = ROW_CREATED;
    return ready && ready->r && ready->whole ? record_create_made(c, r) : record_create(c, r);
}

static void reject_reason(struct importing *im, const char *field, const char *message)
{
    json_object(&im->rejected, NULL);
    json_cstr(&im->rejected, "field", field);
    json_cstr(&im->rejected, "message", text_message(im->c->mem, call_language(im->c), message));
    json_end_object(&im->rejected);
}

static void reject(struct importing *im, int64_t row)
{
    struct call *c = im->c;

    im->out->nrejected++;
    json_object(&im->rejected, NULL);
    json_int(&im->rejected, "row", row);
    json_array(&im->rejected, "errors");
    if (!c->errors) {
        reject_reason(im, c->err.field, c->err.msg);
    }
    for (struct field_error *e = c->errors; e; e = e->next) {
        reject_reason(im, e->field, e->message);
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
    struct call_mark mark = call_mark(c);
    size_t told = im->warnings_buf.n + im->changes_buf.n;

    enum err_code code = im->apart ? call_nested(c, import_row, one)
                                   : call_try(c, import_row, one, &im->left);
    if (code == OK && im->warnings_buf.n + im->changes_buf.n == told) {
        call_rewind(c, mark);
    }
    return code;
}

static enum err_code import_one(struct importing *im, size_t i)
{
    struct one_row one = { .im = im, .at = i, .row = im->rows->first_row + (int64_t)i };
    int64_t *counts[] = { &im->out->created, &im->out->updated, &im->out->unchanged,
        &im->out->skipped };

    size_t marked = im->rows->marks ? im->rows->marks->n : 0;

    enum err_code code = run_row(im, &one);
    if (code != OK && im->rows->marks) {
        im->rows->marks->n = marked; /* it would not be made */
    }
    if (code == OK) {
        *counts[one.what] += 1;
        return OK;
    }
    if (!err_from_input(code) || !conn_in_tx(im->c->db) || im->left) {
        return code;
    }
    reject(im, one.row);
    return OK;
}

/* ---- a chunk ---- */

static void list_begin(struct importing *im, struct json_writer *w, struct buf *b)
{
    buf_init(b, im->c->mem, BODY_MAX);
    json_init(w, b);
    json_array(w, NULL);
}

static enum err_code run_rows(struct call *c, void *arg)
{
    struct importing *im = arg;

    (void)c;
    *im->out = (struct import_result) { 0 };
    im->nchanges = 0;
    list_begin(im, &im->rejected, &im->rejected_buf);
    list_begin(im, &im->warnings, &im->warnings_buf);
    list_begin(im, &im->changes, &im->changes_buf);
    for (size_t i = 0; i < im->rows->n; i++) {
        if (i && i % ASK_EVERY == 0 && im->rows->enough && im->rows->enough(im->rows->arg)) {
            break;
        }
        TRY(import_one(im, i));
        im->out->n = i + 1;
    }
    return OK;
}

/* Nearly every row that is refused is refused before it wrote anything. So the rows run without a
 * savepoint each; if one fails behind its first write, all are undone and run again with them. */
static enum err_code run_all(struct call *c, void *arg)
{
    struct importing *im = arg;

    im->apart = im->rows->apart;
    if (im->apart || im->rows->bare) {
        return run_rows(c, im);
    }
    enum err_code code = call_nested(c, run_rows, im);
    if (code == OK || !im->left || !err_from_input(code) || !conn_in_tx(c->db)) {
        return code;
    }
    err_clear(&c->err);
    c->errors = NULL;
    im->apart = true;
    im->left = false;
    return run_rows(c, im);
}

/* A savepoint that always fails: nothing of it stays. */
static enum err_code run_dry(struct call *c, void *arg)
{
    struct importing *im = arg;
    enum err_code code = run_all(c, im);

    im->out->behind = code != OK && im->left;
    im->left = code == OK;
    return code == OK ? ERR_CONFLICT : code;
}

enum err_code import_apply(struct call *c, const struct import_plan *p,
    const struct import_rows *rows, struct import_result *out)
{
    struct importing im = { .c = c, .p = p, .rows = rows, .out = out };
    enum via via = c->via;

    c->via = VIA_IMPORT;
    if (!p->dry) {
        rollups_hold(c);
        enum err_code code = run_all(c, &im);
        out->behind = im.left;
        TRY(code);
        TRY(rollups_release(c));
    } else if (call_nested(c, run_dry, &im) != ERR_CONFLICT || !im.left) {
        return c->err.code ? c->err.code : ERR_INTERNAL;
    }
    c->via = via;
    json_end_array(&im.rejected);
    json_end_array(&im.warnings);
    json_end_array(&im.changes);
    out->rejected = buf_str(&im.rejected_buf);
    out->warnings = buf_str(&im.warnings_buf);
    out->changes = buf_str(&im.changes_buf);
    TRY(buf_status(&im.rejected_buf, &c->err));
    return buf_status(&im.warnings_buf, &c->err);
}

/* ---- over the API ---- */

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

static void take_rows(struct call *c, const json_t *rows, struct import_rows *out)
{
    out->n = json_array_size(rows);
    out->cells = ARENA_ARRAY(c->mem, struct str *, out->n + 1);
    out->ncells = ARENA_ARRAY(c->mem, size_t, out->n + 1);
    for (size_t i = 0; i < out->n; i++) {
        const json_t *row = json_array_get(rows, i);
        out->ncells[i] = json_array_size(row);
        out->cells[i] = ARENA_ARRAY(c->mem, struct str, out->ncells[i] + 1);
        for (size_t k = 0; k < out->ncells[i]; k++) {
            out->cells[i][k] = json_str(json_array_get(row, k));
        }
    }
}

static void answer(struct call *c, const struct import_plan *p, const struct import_result *r)
{
    struct json_writer *w = &c->out;

    json_object(w, NULL);
    json_int(w, "change_set", c->change_set);
    json_int(w, "created", r->created);
    json_int(w, "updated", r->updated + r->unchanged);
    json_array(w, "columns");
    for (size_t i = 0; i < p->ncolumns; i++) {
        const struct import_column *m = &p->columns[i];
        json_object(w, NULL);
        json_text(w, "column", m->header);
        json_cstr(w, "field", m->to == TO_NOTHING ? NULL : m->field->name.p);
        json_end_object(w);
    }
    json_end_array(w);
    json_raw(w, "rejected", r->rejected);
    json_raw(w, "warnings", r->warnings);
    json_end_object(w);
}

enum err_code import_chunk(struct call *c, const struct live_entity *e, const json_t *input)
{
    const json_t *rows = json_object_get(input, "rows"), *records = json_object_get(input, "records");
    struct import_rows given = { .first_row
        = json_integer_value(json_object_get(input, "first_row")) };
    struct import_result result;
    struct import_plan *p;

    if (json_array_size(rows) + json_array_size(records) > IMPORT_ROWS) {
        return fail(c, ERR_TOO_LARGE, "rows", "at most %d rows at once", IMPORT_ROWS);
    }
    if (json_array_size(rows) && json_array_size(records)) {
        return fail(c, ERR_INVALID, "records", "either rows or records");
    }
    TRY(import_plan_make(c, e, input, false, &p));
    TRY(join_change_set(c, json_integer_value(json_object_get(input, "change_set"))));
    if (records) {
        given.records = records;
        given.n = json_array_size(records);
    } else {
        take_rows(c, rows, &given);
    }
    TRY(import_apply(c, p, &given, &result));
    answer(c, p, &result);
    return buf_status(&c->body, &c->err);
}
