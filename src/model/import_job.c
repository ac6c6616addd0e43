/* import_job.c - the entity "import", its states, and what one can do with it. import_read.c reads its file,
 * import_run.c runs its rows. */

#include "model/import_job_steps.h"

#include "base/csv.h"
#include "model/action.h"
#include "model/change.h"
#include "model/file.h"
#include "model/import.h"
#include "model/import_stage.h"
#include "model/job.h"

#include <inttypes.h>
#include <string.h>

/* ---- the entity ---- */

static const struct field fields[] = {
    FIELD_TEXT("name", .max = 255, .search = 1),
    FIELD_TEXT("entity", .required = true, .max = 60, .no_fold = true, .set_once = true),
    FIELD_FILE("file", .required = true, .set_once = true),
    FIELD_JSON("options", .help = "Columns, keys, mode; see the manual's page on import."),
    /* words of the program's own, no choices that somebody could take away */
    FIELD_TEXT("state", .max = 20, .read_only = true, .no_fold = true, .index = true,
        .help = "reading, ready, checking, running, paused, done, cancelled or failed"),
    FIELD_INT("rows", .read_only = true, .no_history = true, .help = "Rows of the file, without its header."),
    FIELD_INT("position", .read_only = true, .no_history = true, .help = "Rows that are done."),
    FIELD_INT("created", .read_only = true, .no_history = true),
    FIELD_INT("updated", .read_only = true, .no_history = true),
    FIELD_INT("unchanged", .read_only = true, .no_history = true),
    FIELD_INT("skipped", .read_only = true, .no_history = true),
    FIELD_INT("rejected", .read_only = true, .no_history = true),
    FIELD_INT("warned", .read_only = true, .no_history = true),
    FIELD_JSON("columns", .read_only = true, .no_history = true,
        .help = "What was found: header, samples, the field that is meant, order of dates."),
    FIELD_JSON("report", .read_only = true, .no_history = true,
        .help = "Of the last check or run: counts, the first changes, rejects and warnings."),
    FIELD_TEXT("error", .max = 400, .read_only = true, .no_fold = true),
    FIELD_INT("change_set", .read_only = true),
    FIELD_INT("job", .read_only = true, .no_history = true),
    FIELD_END,
};

static enum err_code before_save(struct call *c, struct record *r, const struct record *old);
static enum err_code after_save(struct call *c, const struct record *r, const struct record *old);

const struct entity import_entity = { .name = "import", .plural = "imports", .icon = "file-import",
    .fields = fields, .flags = ENTITY_PERSONAL | ENTITY_NO_SEARCH, .before_save = before_save,
    .after_save = after_save };

#define COL_INT(n) FIELD_INT(n, .system = true)
#define COL_TEXT(n) FIELD_TEXT(n, .system = true, .no_fold = true)
static const struct field piece_fields[] = { COL_INT("import"), COL_INT("first_row"), COL_INT("rows"),
    COL_TEXT("text"), FIELD_END };
const struct entity import_piece_entity = { .name = "import_piece", .plural = "import_pieces",
    .fields = piece_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID,
    .key = "\"import\", \"first_row\"" };

static const struct field reject_fields[] = { COL_INT("import"), COL_INT("row"), COL_TEXT("text"),
    COL_TEXT("why"), FIELD_END };
const struct entity import_reject_entity = { .name = "import_reject", .plural = "import_rejects",
    .fields = reject_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID,
    .key = "\"import\", \"row\"" };

static const struct live_entity *target_of(const struct call *c, const struct record *r)
{
    return model_entity(c->model, record_get(r, "entity").s);
}

void import_set_state(struct call *c, struct record *r, const char *code)
{
    record_set(c, r, "state", V(code));
}

bool import_is_state(const struct record *r, const char *code)
{
    struct dbval v = record_get(r, "state");

    return v.type == DB_TEXT && str_is(v.s, code);
}

static enum err_code before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str name = record_get(r, "entity").s;
    const struct live_entity *e = model_entity(c->model, name);
    struct file_info file;

    if (!old) {
        if (record_get(r, "entity").type != DB_TEXT || !e || (e->def.flags & (ENTITY_TABLE | ENTITY_LINK))) {
            return fail(c, ERR_INVALID, "entity", "there is nothing called \"%.*s\" to import into",
                (int)(name.n < 60 ? name.n : 60), name.p);
        }
        TRY(access_require(c, e, RIGHT_IMPORT));
        if (record_get(r, "file").type == DB_INT) {
            TRY(file_info(c, record_get(r, "file").i, &file));
            if (record_get(r, "name").type == DB_NULL) {
                record_set(c, r, "name", V(file.name));
            }
        }
        record_set(c, r, "entity", V(e->name));
        import_set_state(c, r, "reading");
        return OK;
    }
    if (!r->trusted && (import_is_state(old, "checking") || import_is_state(old, "running"))) {
        return fail(c, ERR_CONFLICT, NULL, "it is at work: pause it first");
    }
    return OK;
}

static enum err_code order_job(
    struct call *c, const char *kind, int64_t import, bool dry, int64_t change_set, int64_t *job)
{
    json_t *input = json_pack("{s:I, s:b}", "import", (json_int_t)import, "dry", dry);

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c,
        &(struct job_order) { .kind = kind, .input = input, .change_set = change_set }, job);
}

static enum err_code after_save(struct call *c, const struct record *r, const struct record *old)
{
    int64_t job;

    if (!r || old || r->replay || record_get(r, "job").type != DB_NULL) {
        return OK; /* one that comes back from the bin was read before */
    }
    TRY(order_job(c, "import_read", r->id, false, 0, &job));
    struct record *mark = import_progress(c, r->id);
    record_set(c, mark, "job", V(job));
    return record_update(c, mark);
}

/* What the jobs keep up: without version and history. */
struct record *import_progress(struct call *c, int64_t id)
{
    struct record *r = record_of(c, "import");

    r->id = id;
    r->trusted = r->quiet = true;
    return r;
}

static struct str column_name(const json_t *column)
{
    return json_is_string(column) ? json_str(column) : json_str(json_object_get(column, "column"));
}

/* One column for each of the file, in its order: what was said of the column of this name (of the n-th of that
 * name), else what was found. A name that the file lacks is told. */
static json_t *columns_of_file(struct call *c, const json_t *found, const json_t *said)
{
    json_t *all = json_pack("[]");
    bool *used = ARENA_ARRAY(c->mem, bool, json_array_size(said) + 1);

    for (size_t i = 0; i < json_array_size(found); i++) {
        json_t *one = json_array_get(found, i);
        for (size_t k = 0; k < json_array_size(said); k++) {
            if (!used[k] && str_eq(column_name(json_array_get(said, k)), column_name(one))) {
                used[k] = true;
                one = json_array_get(said, k);
                break;
            }
        }
        json_array_append(all, one);
    }
    for (size_t k = 0; k < json_array_size(said); k++) {
        struct str name = column_name(json_array_get(said, k));
        if (!used[k] && c->err.code == OK) {
            (void)!fail(c, ERR_INVALID, "columns", "the file has no column \"%.*s\"",
                (int)(name.n < 100 ? name.n : 100), name.p);
        }
    }
    return all;
}

struct str import_spec(struct call *c, const struct record *r)
{
    json_t *options = NULL, *columns = NULL, *spec;

    if (record_get(r, "options").type == DB_TEXT) {
        (void)!json_read(c->mem, record_get(r, "options").s, &options, &c->err);
    }
    spec = options ? json_copy(options) : json_pack("{}");
    arena_defer(c->mem, (void (*)(void *))json_decref, spec);
    if (record_get(r, "columns").type == DB_TEXT
        && json_read(c->mem, record_get(r, "columns").s, &columns, &c->err) == OK
        && json_array_size(columns)) {
        json_object_set_new(spec, "columns", columns_of_file(c, columns, json_object_get(spec, "columns")));
    }
    struct buf b;
    struct json_writer w;
    buf_init(&b, c->mem, 4 << 20);
    json_init(&w, &b);
    json_tree(&w, NULL, spec);
    return buf_str(&b);
}

struct failing {
    int64_t import, job;
    const char *why; /* NULL: it was cancelled */
};

static enum err_code has_stopped(struct call *c, void *arg)
{
    struct failing *f = arg;
    struct record *now, *r = import_progress(c, f->import);

    TRY(record_load(c, r->e, f->import, true, &now));
    if (record_get(now, "job").i != f->job) {
        return OK; /* paused and gone on with before this job knew: what follows is the other's */
    }
    if (f->why) {
        import_set_state(c, r, "failed");
        record_set(c, r, "error", V(str_sub(str_of(f->why), 0, 400)));
        TRY(db_exec(c, SQL("DELETE FROM \"import_pieces\" WHERE \"import\" = $1"), VALS(V(f->import))));
    } else if (import_is_state(now, "running")) {
        import_set_state(c, r, "paused");
    } else if (import_is_state(now, "checking")) {
        import_set_state(c, r, "ready");
    } else if (import_is_state(now, "reading")) {
        import_set_state(c, r, "cancelled");
    } else {
        return OK;
    }
    return record_update(c, r);
}

enum err_code import_tell_failure(struct job_work *w, int64_t import, enum err_code code)
{
    struct err e = w->err;
    struct failing f = { import, w->id, w->cancelled ? NULL : e.msg };
    bool for_good = err_from_input(code) || code == ERR_TOO_LARGE || code == ERR_UNAUTHENTICATED;

    if (code == OK || (!w->cancelled && !for_good)) {
        return code;
    }
    /* whoever ordered it may be gone: the record is told by the program itself */
    TRY(job_work_as_system(w, has_stopped, &f));
    return w->cancelled || code == ERR_FORBIDDEN || code == ERR_UNAUTHENTICATED ? code : OK;
}

/* ---- actions ---- */

static enum err_code load_own(struct call *c, struct record **r)
{
    TRY(record_load(c, model_entity(c->model, STR("import")), c->ids[0], true, r));
    return access_require(c, target_of(c, *r), RIGHT_IMPORT);
}

/* Whose job is over, though nobody has told the record: it was cancelled or refused. */
static enum err_code is_stuck(struct call *c, const struct record *r, bool *yes)
{
    int64_t one;
    bool works = false;

    *yes = false;
    if (!import_is_state(r, "running") && !import_is_state(r, "checking")) {
        return OK;
    }
    TRY(db_find(c, &one, &works,
        SQL("SELECT 1 FROM \"jobs\" WHERE \"id\" = $1 AND \"state\" IN ('waiting', 'running')"),
        VALS(record_get(r, "job"))));
    *yes = !works;
    return OK;
}

/* What was done of it must not have been taken back meanwhile, nor be about to be. */
static enum err_code still_stands(struct call *c, int64_t set)
{
    int64_t one;
    bool undone, going;
    struct str key = arena_fmt(c->mem, "undo:%" PRId64, set);

    TRY(db_find(c, &one, &undone,
        SQL("SELECT 1 FROM \"change_sets\" WHERE \"id\" = $1 AND \"undone_by\" IS NOT NULL"), VALS(V(set))));
    TRY(db_find(c, &one, &going, SQL("SELECT 1 FROM \"jobs\" WHERE \"key\" = $1"), VALS(V(key))));
    return undone || going ? fail(c, ERR_CONFLICT, "change_set",
                                 "what was in of it has been undone: import the file anew")
                           : OK;
}

static enum err_code begin(struct call *c, bool dry)
{
    struct record *r, *change;
    struct import_plan *plan;
    json_t *spec;
    int64_t job, set;
    bool stuck;

    TRY(load_own(c, &r));
    TRY(is_stuck(c, r, &stuck));
    if (!import_is_state(r, "ready") && !stuck && (dry || !import_is_state(r, "paused"))) {
        return fail(c, ERR_CONFLICT, "state", "it is not ready to be %s", dry ? "checked" : "run");
    }
    /* what is wrong with the plan is said now, not by the job */
    struct str text = import_spec(c, r);
    TRY(call_status(c));
    TRY(json_read(c->mem, text, &spec, &c->err));
    TRY(import_plan_make(c, target_of(c, r), spec, dry, &plan));
    set = record_get(r, "change_set").type == DB_INT ? record_get(r, "change_set").i : 0;
    TRY(set ? still_stands(c, set) : OK);
    c->change_kind = "import";
    if (!set && !dry) {
        c->change_set = 0;
        TRY(change_set_open(c));
        TRY(change_set_label(c, record_get(r, "name").s));
        set = c->change_set;
    }
    change = import_progress(c, r->id);
    import_set_state(c, change, dry ? "checking" : "running");
    TRY(order_job(c, "import_run", r->id, dry, dry ? 0 : set, &job));
    record_set(c, change, "job", V(job));
    if (!dry) {
        record_set(c, change, "change_set", V(set));
    }
    TRY(record_update(c, change));
    out_int(c, "job", job);
    if (!dry) {
        out_int(c, "change_set", set);
    }
    return OK;
}

enum err_code import_check(struct call *c)
{
    return begin(c, true);
}

enum err_code import_start(struct call *c)
{
    return begin(c, false);
}

static enum err_code halt(struct call *c, const char *state)
{
    struct record *r, *change;
    bool checking;

    TRY(load_own(c, &r));
    checking = import_is_state(r, "checking");
    if (import_is_state(r, "done") || import_is_state(r, "failed") || import_is_state(r, "cancelled")) {
        return fail(c, ERR_CONFLICT, "state", "it has ended already");
    }
    if (import_is_state(r, "reading") && strcmp(state, "paused") == 0) {
        return fail(c, ERR_CONFLICT, "state", "its file is still being read");
    }
    change = import_progress(c, r->id);
    if (record_get(r, "job").type == DB_INT) {
        TRY(job_cancel(c, record_get(r, "job").i));
    }
    import_set_state(c, change, checking && strcmp(state, "paused") == 0 ? "ready" : state);
    if (checking) {
        record_set(c, change, "position", V(0));
    }
    return record_update(c, change);
}

enum err_code import_pause(struct call *c)
{
    return halt(c, "paused");
}

enum err_code import_cancel(struct call *c)
{
    return halt(c, "cancelled");
}

/* ---- looking at it ---- */

static enum err_code visible(struct call *c, int64_t id, struct record **r)
{
    bool yes;

    TRY(record_load(c, model_entity(c->model, STR("import")), id, true, r));
    TRY(access_record(c, *r, RIGHT_READ, &yes));
    return yes ? OK : fail(c, ERR_NOT_FOUND, NULL, "there is no import %" PRId64, id);
}

/* The columns of its file; none when it was read as JSON lines. */
static enum err_code columns_of(struct call *c, const struct record *r, json_t **columns)
{
    *columns = NULL;
    return record_get(r, "columns").type == DB_TEXT
        ? json_read(c->mem, record_get(r, "columns").s, columns, &c->err)
        : OK;
}

enum err_code import_preview(struct call *c, int64_t id, int most)
{
    struct record *r;
    struct str text, **cells;
    size_t *ncells, n;
    json_t *columns;

    TRY(visible(c, id, &r));
    TRY(columns_of(c, r, &columns));
    TRY(db_text(c, &text,
        SQL("SELECT \"text\" FROM \"import_pieces\" WHERE \"import\" = $1 ORDER BY \"first_row\" LIMIT 1"),
        VALS(V(id))));
    TRY(stage_rows(c->mem, text, (size_t)most, &cells, &ncells, &n, &c->err));
    json_object(&c->out, NULL);
    json_array(&c->out, "columns");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        json_text(&c->out, NULL, json_str(json_object_get(json_array_get(columns, i), "column")));
    }
    json_end_array(&c->out);
    json_array(&c->out, "rows");
    for (size_t i = 0; i < n; i++) {
        json_array(&c->out, NULL);
        for (size_t k = 0; k < ncells[i]; k++) {
            json_text(&c->out, NULL, cells[i][k]);
        }
        json_end_array(&c->out);
    }
    json_end_array(&c->out);
    json_end_object(&c->out);
    return buf_status(&c->body, &c->err);
}

/* A row of CSV as it was, but for what a spreadsheet would run, and why. */
static enum err_code put_row(struct call *c, struct str text, struct str why, size_t columns, struct buf *out)
{
    struct str **cells;
    size_t *ncells, got;

    TRY(stage_rows(c->mem, text, 1, &cells, &ncells, &got, &c->err));
    for (size_t i = 0; i < columns; i++) {
        csv_cell(out, csv_tamed(c->mem, got && i < ncells[0] ? cells[0][i] : STR(""), true), ',');
        buf_byte(out, ',');
    }
    csv_cell(out, why, ',');
    buf_byte(out, '\n');
    return OK;
}

/* A line of JSON with the reason in front; one that was no object is a text in it. */
static enum err_code put_line(struct call *c, struct str text, struct str why, struct buf *out)
{
    struct str **cells;
    size_t *ncells, got;
    struct json_writer w;
    struct err e = { 0 };
    json_t *line = NULL, *value;
    const char *name;

    TRY(stage_rows(c->mem, text, 1, &cells, &ncells, &got, &c->err));
    struct str was = got && ncells[0] ? cells[0][0] : STR("");
    bool object = json_read(c->mem, was, &line, &e) == OK && json_is_object(line);
    json_init(&w, out);
    json_object(&w, NULL);
    json_text(&w, IMPORT_WHY, why);
    if (!object) {
        json_text(&w, "line", was);
    }
    json_object_foreach(object ? line : NULL, name, value)
    {
        if (strcmp(name, IMPORT_WHY) != 0) {
            json_tree(&w, name, value);
        }
    }
    json_end_object(&w);
    buf_byte(out, '\n');
    return OK;
}

enum err_code import_rejects(
    struct call *c, int64_t id, int n, struct buf *out, struct import_rejects *at)
{
    struct record *r;
    struct rows rows;
    json_t *columns;

    TRY(visible(c, id, &r));
    TRY(columns_of(c, r, &columns));
    size_t ncolumns = json_array_size(columns);
    at->lines = ncolumns == 0;
    for (size_t i = 0; !at->last && i < ncolumns; i++) {
        csv_cell(out, csv_tamed(c->mem, json_str(json_object_get(json_array_get(columns, i), "column")), true), ',');
        buf_lit(out, i + 1 < ncolumns ? "," : "," IMPORT_WHY "\n");
    }
    TRY(db_query(c, &rows,
        SQL("SELECT \"row\", \"text\", \"why\" FROM \"import_rejects\" WHERE \"import\" = $1 AND \"row\" > $2"
            " ORDER BY \"row\" LIMIT $3"),
        VALS(V(id), V(at->last), V(n))));
    at->last = 0;
    while (rows_next(&rows)) {
        struct str text = col_text(&rows, 1), why = stmt_text(rows.st, 2);
        at->last = col_int(&rows, 0);
        TRY(at->lines ? put_line(c, text, why, out) : put_row(c, text, why, ncolumns, out));
    }
    TRY(rows_end(&rows));
    return buf_status(out, &c->err);
}
