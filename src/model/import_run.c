/* import_run.c - runs the rows of an import, or checks them and keeps nothing.
 *
 * `position` is the number of rows that are done; it moves in the same transaction as the rows, so a crash or
 * a pause loses and doubles none. A transaction ends early when others want to write. */

#include "model/import_job_steps.h"

#include "model/import_ahead.h"
#include "model/import_seen.h"
#include "model/import_stage.h"
#include "model/job.h"

#include <inttypes.h>
#include <string.h>

enum { ROWS_APART = 500, WARNINGS_KEPT = 100, REPORT_MAX = 1 << 20, MARKS_MAX = 16 << 20 };

struct running {
    struct job_work *w;
    struct import_source source; /* its position moves */
    bool paused;
    struct import_ahead *ahead;
    struct import_piece piece; /* under work */
    int64_t counts[6], before[6]; /* created, updated, unchanged, skipped, rejected, warned */
    struct buf changes, rejects, warnings; /* of the report, without brackets */
    size_t nrejects, nwarnings;
    struct import_seen *seen; /* of a check */
    struct buf marks;         /* of its last step, for `seen` */
};
static const char *const count_names[6]
    = { "created", "updated", "unchanged", "skipped", "rejected", "warned" };

static enum err_code begin_running(struct call *c, void *arg)
{
    struct running *rn = arg;
    struct record *r;
    json_t *columns = NULL;

    TRY(record_load(c, model_entity(c->model, STR("import")), rn->source.import, true, &r));
    if (record_get(r, "columns").type == DB_TEXT) {
        TRY(json_read(c->mem, record_get(r, "columns").s, &columns, &c->err));
    }
    rn->source.lines = json_array_size(columns) == 0; /* what was read as JSON lines has none */
    rn->source.entity = arena_str(rn->w->mem, record_get(r, "entity").s);
    rn->source.rows = record_get(r, "rows").i;
    rn->source.position = rn->source.dry ? 0 : record_get(r, "position").i;
    rn->paused = import_is_state(r, "paused") || import_is_state(r, "cancelled");
    for (int i = 0; i < 6; i++) {
        struct dbval v = record_get(r, count_names[i]);
        rn->counts[i] = rn->source.dry || v.type != DB_INT ? 0 : v.i;
    }
    rn->source.spec = arena_str(rn->w->mem, import_spec(c, r));
    return c->err.code;
}

static enum err_code store_reject(struct call *c, struct running *rn, const json_t *one)
{
    int64_t row = json_integer_value(json_object_get(one, "row"));
    size_t at = (size_t)(row - rn->piece.first_row);
    const json_t *errors = json_object_get(one, "errors");
    struct buf text, why;

    buf_init(&text, c->mem, ROW_MAX * 2);
    buf_init(&why, c->mem, 64 << 10);
    stage_row(&text, rn->piece.cells[at], rn->piece.ncells[at]);
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const json_t *e = json_array_get(errors, i);
        struct str field = json_str(json_object_get(e, "field"));
        buf_lit(&why, i ? "; " : "");
        buf_add(&why, field);
        buf_lit(&why, field.n ? ": " : "");
        buf_add(&why, json_str(json_object_get(e, "message")));
    }
    return db_exec(c,
        SQL("INSERT INTO \"import_rejects\" (\"import\", \"row\", \"text\", \"why\") VALUES ($1, $2, $3, $4)"
            " ON CONFLICT DO NOTHING"),
        VALS(V(rn->source.import), V(row), V(buf_str(&text)), V(buf_str(&why))));
}

/* Keeps the first of a list for the report. */
static enum err_code keep_some(
    struct call *c, struct str list, struct buf *kept, size_t *n, const json_t **all)
{
    json_t *tree;

    TRY(json_read(c->mem, list, &tree, &c->err));
    *all = tree;
    for (size_t i = 0; i < json_array_size(tree) && *n < WARNINGS_KEPT; i++, (*n)++) {
        struct json_writer w;
        size_t before = kept->n;
        if (kept->n) {
            buf_byte(kept, ',');
        }
        json_init(&w, kept);
        json_tree(&w, NULL, json_array_get(tree, i));
        if (kept->failed) { /* the report is long enough */
            kept->n = before;
            kept->failed = false;
            *n = WARNINGS_KEPT;
            break;
        }
    }
    return OK;
}

struct step { /* one transaction; it may run twice, so it leaves its outcome here */
    struct running *rn;
    int64_t from, n;
    struct import_result result;
    int64_t warned;
    struct str changes, rejected, warnings; /* in the work's memory */
    bool apart;    /* a savepoint for each row */
};

struct running_rows { /* of a step, for import_apply() */
    struct call *c;
    const struct step *st;
};

static bool has_taken_enough(void *arg)
{
    const struct running_rows *r = arg;

    return call_has_taken_enough(r->c);
}

static const struct import_ready *made_ahead(void *arg, size_t row)
{
    const struct running_rows *r = arg;

    return import_ahead_row(r->st->rn->ahead, r->c, (size_t)r->st->from + row);
}

static enum err_code put_counts(struct call *c, const struct running *rn, const struct step *st)
{
    struct record *r = import_progress(c, rn->source.import);
    int64_t now[6] = { st->result.created, st->result.updated, st->result.unchanged,
        st->result.skipped, st->result.nrejected, st->warned };

    for (int i = 0; i < 6 && !rn->source.dry; i++) {
        record_set(c, r, count_names[i], V(rn->counts[i] + now[i]));
    }
    record_set(c, r, "position", V(rn->source.position + st->n));
    return record_update(c, r);
}

static enum err_code run_step(struct call *c, void *arg)
{
    struct step *st = arg;
    struct running *rn = st->rn;
    const struct live_entity *e = model_entity(c->model, rn->source.entity);
    struct running_rows at = { c, st };
    struct import_rows rows = { .n = (size_t)st->n, .first_row = rn->source.position + 1,
        .cells = rn->piece.cells + st->from, .ncells = rn->piece.ncells + st->from, .lines = rn->source.lines,
        .bare = !st->apart, .apart = st->apart, .ready = made_ahead, .enough = has_taken_enough, .arg = &at,
        .seen = rn->seen, .marks = rn->seen ? &rn->marks : NULL };
    struct import_plan *plan;
    json_t *spec, *list;

    if (!e) {
        return fail(c, ERR_NOT_FOUND, NULL, "the object is not there any more");
    }
    c->change_kind = "import";
    buf_clear(&rn->marks);
    TRY(json_read(c->mem, rn->source.spec, &spec, &c->err));
    TRY(import_plan_make(c, e, spec, rn->source.dry, &plan));
    TRY(import_apply(c, plan, &rows, &st->result));
    TRY(json_read(c->mem, st->result.rejected, &list, &c->err));
    for (size_t i = 0; !rn->source.dry && i < json_array_size(list); i++) {
        TRY(store_reject(c, rn, json_array_get(list, i)));
    }
    TRY(json_read(c->mem, st->result.warnings, &list, &c->err));
    st->warned = (int64_t)json_array_size(list);
    st->changes = arena_str(rn->w->mem, st->result.changes);
    st->rejected = arena_str(rn->w->mem, st->result.rejected);
    st->warnings = arena_str(rn->w->mem, st->result.warnings);
    st->n = (int64_t)st->result.n;
    return put_counts(c, rn, st);
}

/* The transaction of one step, and once more with savepoints where a row failed behind its first write. */
static enum err_code take_step(struct running *rn, struct step *st)
{
    struct err before = rn->w->err;
    int64_t all = st->n;
    enum err_code code = job_work_write(rn->w, run_step, st);

    if (code == OK || !st->result.behind || rn->w->cancelled) {
        return code;
    }
    rn->w->err = before;
    st->apart = true;
    st->n = all < ROWS_APART ? all : ROWS_APART;
    return job_work_write(rn->w, run_step, st);
}

static enum err_code keep_report(struct running *rn, const struct step *st)
{
    struct arena *mem = arena_create(0);
    struct call probe = { .mem = mem };
    const json_t *all;
    size_t nchanges = rn->changes.n ? WARNINGS_KEPT / 2 : 0;

    enum err_code code = keep_some(&probe, st->changes, &rn->changes, &nchanges, &all);
    if (code == OK) {
        code = keep_some(&probe, st->rejected, &rn->rejects, &rn->nrejects, &all);
    }
    if (code == OK) {
        code = keep_some(&probe, st->warnings, &rn->warnings, &rn->nwarnings, &all);
    }
    rn->w->err = code == OK ? rn->w->err : probe.err;
    arena_destroy(mem);
    return code;
}

static enum err_code run_piece(struct running *rn)
{
    struct import_source *src = &rn->source;
    struct arena_mark mark = arena_mark(rn->w->mem);

    TRY(import_ahead_piece(rn->ahead, &rn->piece, &rn->w->err));
    while (src->position < rn->piece.first_row - 1 + (int64_t)rn->piece.n) {
        int64_t at = src->position - (rn->piece.first_row - 1), left = (int64_t)rn->piece.n - at;
        struct step st = { .rn = rn, .from = at, .n = left };
        rn->w->done = src->position;
        rn->w->total = src->rows;
        TRY(take_step(rn, &st));
        if (rn->seen) {
            import_seen_take(rn->seen, buf_str(&rn->marks));
        }
        TRY(keep_report(rn, &st));
        const int64_t now[6] = { st.result.created, st.result.updated, st.result.unchanged,
            st.result.skipped, st.result.nrejected, st.warned };
        for (int i = 0; i < 6; i++) {
            rn->counts[i] += now[i];
        }
        src->position += st.n;
        import_ahead_written(rn->ahead, (size_t)(at + st.n));
    }
    arena_rewind(rn->w->mem, mark);
    return OK;
}

static void report_json(const struct running *rn, struct buf *b)
{
    struct json_writer w;

    json_init(&w, b);
    json_object(&w, NULL);
    json_flag(&w, "check", rn->source.dry);
    json_int(&w, "rows", rn->source.position);
    for (int i = 0; i < 6; i++) {
        json_int(&w, count_names[i], rn->counts[i]);
    }
    json_array(&w, "changes");
    buf_add(b, buf_str(&rn->changes));
    json_end_array(&w);
    json_array(&w, "rejects");
    buf_add(b, buf_str(&rn->rejects));
    json_end_array(&w);
    json_array(&w, "warnings");
    buf_add(b, buf_str(&rn->warnings));
    json_end_array(&w);
    json_end_object(&w);
}

static enum err_code has_run(struct call *c, void *arg)
{
    struct running *rn = arg;
    struct record *r = import_progress(c, rn->source.import);
    struct buf b;

    buf_init(&b, c->mem, 4 << 20);
    report_json(rn, &b);
    record_set(c, r, "report", V(buf_str(&b)));
    if (rn->source.dry) {
        record_set(c, r, "position", V(0));
    } else {
        TRY(db_exec(c, SQL("DELETE FROM \"import_pieces\" WHERE \"import\" = $1"), VALS(V(rn->source.import))));
    }
    TRY(buf_status(&b, &c->err));
    import_set_state(c, r, rn->source.dry ? "ready" : "done");
    return record_update(c, r);
}

enum err_code import_run_work(struct job_work *w)
{
    struct running rn = { .w = w,
        .source = { .import = json_integer_value(json_object_get(w->input, "import")),
            .dry = json_is_true(json_object_get(w->input, "dry")) } };
    struct arena *kept;
    enum err_code code = job_work_read(w, begin_running, &rn);

    if (code != OK) {
        return import_tell_failure(w, rn.source.import, code);
    }
    if (rn.paused) {
        return OK;
    }
    /* of its own: each piece gives back what it took from the work's memory */
    kept = arena_create(0);
    buf_init(&rn.changes, kept, REPORT_MAX);
    buf_init(&rn.rejects, kept, REPORT_MAX);
    buf_init(&rn.warnings, kept, REPORT_MAX);
    buf_init(&rn.marks, kept, MARKS_MAX);
    rn.seen = rn.source.dry ? import_seen_new(kept) : NULL;
    w->lags = true; /* what a loss of power takes, position and all, is run again */
    code = import_ahead_start(w, &rn.source, &rn.ahead);
    while (code == OK && rn.source.position < rn.source.rows) {
        code = run_piece(&rn);
    }
    import_ahead_stop(rn.ahead);
    if (code == OK) {
        w->done = w->total = rn.source.rows;
        code = job_work_end(w, has_run, &rn);
    }
    arena_destroy(kept);
    return import_tell_failure(w, rn.source.import, code);
}

