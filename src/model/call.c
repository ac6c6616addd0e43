/* call.c - how a call runs: begin, body under the arena's ceiling, commit, what waited for it.
 *
 * The one longjmp of the house ends here: a call that reaches its arena's ceiling is rolled back and
 * answers 413. A writing call on SQLite may run again (db/writer.h), so everything it made is
 * forgotten before each try. */

#include "model/call.h"

#include "base/log.h"
#include "base/utf8.h"
#include "model/build.h"
#include "model/change.h"
#include "model/org.h"
#include "model/texts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { FIELD_ERRORS = 20, WAITED_FOR_MICROS = 5000, SERVING_MICROS = 100000, SERVING_MOST = 500000, ALONE_MICROS = 2000000 };

struct after { /* the last comes first, so that a mark of the list is its head */
    struct after *next;
    void (*fn)(struct org *org, void *arg);
    void *arg;
};

const char *via_name(enum via via)
{
    static const char *const names[] = { "system", "ui", "api", "import", "shell", "job", "form" };

    return names[via];
}

struct str call_language(const struct call *c)
{
    return c->who && c->who->language.n ? c->who->language
        : c->model                      ? c->model->language
                                        : (struct str) { "", 0 };
}

/* The catalogue's text has the conversions of the English one: text_format sees to it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
enum err_code fail(struct call *c, enum err_code code, const char *field, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    err_setv(&c->err, code, field, text_format(call_language(c), fmt), args);
    va_end(args);
    return code;
}

void fail_field(struct call *c, const char *field, const char *fmt, ...)
{
    struct field_error *e, **end = &c->errors;
    char message[400];
    va_list args;
    int n = 0;

    for (; *end; end = &(*end)->next) {
        n++;
    }
    if (n >= FIELD_ERRORS) {
        return; /* enough for a person to mend; more would only cost time */
    }
    e = ARENA_NEW(c->mem, struct field_error);
    va_start(args, fmt);
    vsnprintf(message, sizeof message, text_format(call_language(c), fmt), args);
    va_end(args);
    utf8_mend(message);
    e->field = arena_cstr(c->mem, str_of(field));
    e->message = arena_cstr(c->mem, str_of(message));
    *end = e;
}
#pragma GCC diagnostic pop

enum err_code call_status(struct call *c)
{
    if (c->err.code != OK) {
        return c->err.code;
    }
    if (!c->errors) {
        return OK;
    }
    return fail(c, ERR_INVALID, c->errors->field, "%s", c->errors->message);
}

/* It stands in the arena, as what gives it back does: the call may be gone by then, or have been begun again there. */
struct held_model {
    struct org *org;
    const struct model *model;
};

static void give_model(void *arg)
{
    const struct held_model *h = arg;

    org_give_model(h->org, h->model);
}

void call_renew_model(struct call *c)
{
    const struct model *old = c->model;

    c->model = c->held_model->model = org_take_model(c->org);
    org_give_model(c->org, old);
}

void call_init(
    struct call *c, struct org *org, struct arena *mem, const struct user *who, enum via via)
{
    *c = (struct call) { .org = org, .mem = mem, .who = who, .via = via, .cfg = org->cfg };
    c->held_model = ARENA_NEW(mem, struct held_model);
    *c->held_model = (struct held_model) { org, org_take_model(org) };
    c->model = c->held_model->model;
    arena_defer(mem, give_model, c->held_model);
    c->now = org_now(org);
}

static void drop_built(struct call *c)
{
    model_free(c->built);
    c->built = NULL;
}

static void forget(struct call *c)
{
    drop_built(c);
    err_clear(&c->err);
    c->errors = NULL;
    c->change_set = 0;
    c->after = NULL;
    c->rebuild = REBUILD_NONE;
    c->held = NULL;
    c->in_feed = false;
    c->touched = 0;
    buf_init(&c->body, c->mem, BODY_MAX);
    json_init(&c->out, &c->body);
}

/* The model may have changed since the call was made: while it waited for the writer, or by another
 * server. A transaction works with the one that is in force. */
static enum err_code look_at_versions(struct call *c)
{
    if (conn_backend(c->db) == DB_POSTGRES) {
        return org_follow(c);
    }
    /* the call holds its own, so no other can stand at the same address */
    if (__atomic_load_n(&c->org->model, __ATOMIC_ACQUIRE) == c->model) {
        return OK;
    }
    call_renew_model(c);
    return OK;
}

static enum err_code run_body(struct call *c, struct conn *conn, call_fn *fn, void *arg)
{
    jmp_buf ceiling;
    struct arena *const mem = c->mem;
    struct arena_mark mark = arena_mark(mem);
    enum err_code code;

    c->db = conn;
    c->ceiling = &ceiling;
    c->began = time_now();
    c->began_worked = c->patient ? time_worked() : 0; /* a system call */
    if (setjmp(ceiling)) {
        c->mem = mem; /* it may have been that of call_scratch() */
        arena_on_ceiling(mem, NULL);
        arena_rewind(mem, mark);
        c->errors = NULL;
        c->after = NULL;
        code = fail(c, ERR_TOO_LARGE, NULL, "this call needs more memory than it may have");
        log_event(LOG_WARN, &(struct log_context) { "call", c->request, c->who->id },
            "memory ceiling reached by %s", c->action ? c->action->name : "a call");
    } else {
        arena_on_ceiling(mem, &ceiling);
        code = look_at_versions(c);
        if (code == OK) {
            code = fn(c, arg);
        }
        if (code == OK && c->rebuild != REBUILD_NONE) {
            code = org_rebuild(c);
        }
        arena_on_ceiling(mem, NULL);
        arena_run_defers(mem, mark);
    }
    c->ceiling = NULL;
    conn_end_statements(conn);
    if (code != OK && c->err.code == OK) {
        c->err.code = code;
    }
    return code;
}

static void committed(struct call *c)
{
    struct after *first = NULL;

    while (c->after) {
        struct after *a = c->after;
        c->after = a->next;
        a->next = first;
        first = a;
    }
    for (struct after *a = first; a; a = a->next) {
        a->fn(c->org, a->arg);
    }
    if ((c->change_set || first) && c->org->wake) {
        c->org->wake(c->org->wake_arg, c->touched | (first ? consumers_with_queue(c->org) : 0), true);
    }
}

enum err_code call_run(struct call *c, struct conn *conn, enum tx tx, call_fn *fn, void *arg)
{
    forget(c);
    c->tx = tx == TX_LAG ? TX_WRITE : tx; /* to the call there is no difference */
    TRY(conn_begin(conn, tx, &c->err));
    enum err_code code = run_body(c, conn, fn, arg);
    if (code == OK) {
        code = conn_commit(conn, &c->err);
    }
    if (code != OK) {
        conn_rollback(conn);
        drop_built(c);
        return code;
    }
    if (c->tx == TX_WRITE) {
        committed(c);
    }
    return OK;
}

/* ---- writing ---- */

struct write_op {
    struct write_call w; /* first: the writer hands it back */
    struct call *c;
    call_fn *fn;
    void *arg;
    void (*done)(void *arg);
    void *done_arg;
    struct arena_mark mark;
};

static enum err_code op_run(struct write_call *w, struct conn *db)
{
    struct write_op *op = (struct write_op *)w;

    arena_rewind(op->c->mem, op->mark);
    forget(op->c);
    op->c->tx = TX_WRITE;
    enum err_code code = run_body(op->c, db, op->fn, op->arg);
    w->ends_batch = op->c->built != NULL;
    return code;
}

static void op_done(struct write_call *w, enum err_code code, const struct err *e)
{
    struct write_op *op = (struct write_op *)w;

    if (code != OK && e && e->code != OK) {
        op->c->err = *e;
    }
    if (code == OK) {
        committed(op->c);
    } else {
        drop_built(op->c);
    }
    if (code == ERR_FULL) {
        op->c->org->read_only = true;
    }
    if (op->done) {
        op->done(op->done_arg);
    }
}

static struct write_op *new_op(struct call *c, call_fn *fn, void *arg)
{
    struct write_op *op = ARENA_NEW(c->mem, struct write_op);

    *op = (struct write_op) { .w = { .run = op_run, .done = op_done, .patient = c->patient, .lags = c->lags },
        .c = c, .fn = fn, .arg = arg };
    op->mark = arena_mark(c->mem);
    return op;
}

static enum err_code refuse_read_only(struct call *c)
{
    if (c->org->read_only) {
        return fail(c, ERR_FULL, NULL, "the disk is full: reading goes on, writing waits");
    }
    return OK;
}

static enum err_code pg_write(struct call *c, call_fn *fn, void *arg)
{
    enum err_code code = OK;
    struct arena_mark mark = arena_mark(c->mem);

    for (int tries = 0; tries < 3; tries++) {
        struct conn *conn;
        arena_rewind(c->mem, mark);
        TRY(org_take_writer(c->org, &conn, &c->err));
        code = call_run(c, conn, c->lags ? TX_LAG : TX_WRITE, fn, arg);
        org_give_writer(c->org, conn);
        if (code != ERR_BUSY) {
            break;
        }
    }
    return code;
}

enum err_code call_submit(
    struct call *c, call_fn *fn, void *arg, void (*done)(void *arg), void *done_arg)
{
    TRY(refuse_read_only(c));
    if (!c->org->writer) {
        (void)!pg_write(c, fn, arg);
        done(done_arg);
        return OK;
    }
    struct write_op *op = new_op(c, fn, arg);
    op->done = done;
    op->done_arg = done_arg;
    if (writer_submit(c->org->writer, &op->w) != OK) {
        return fail(c, ERR_BUSY, NULL, "too many writes are waiting; try again in a moment");
    }
    return OK;
}

enum err_code call_write(struct call *c, call_fn *fn, void *arg)
{
    TRY(refuse_read_only(c));
    if (!c->org->writer) {
        return pg_write(c, fn, arg);
    }
    struct write_op *op = new_op(c, fn, arg);
    struct err e = { 0 };
    enum err_code code = writer_run(c->org->writer, &op->w, &e);
    if (code != OK && c->err.code == OK) {
        c->err = e;
        c->err.code = code;
    }
    return code;
}

bool call_has_taken_enough(const struct call *c)
{
    struct writer_stats stats = { 0 };
    int64_t took = time_now() - c->began;

    if (took > WAITED_FOR_MICROS && c->org->writer) {
        writer_stats(c->org->writer, &stats);
    }
    if (stats.urgent > 0 || !c->org->cfg->serving) {
        return stats.urgent > 0 || took > ALONE_MICROS;
    }
    if (!c->org->writer) {
        return took > SERVING_MICROS; /* the work is the server's, and others wait for its locks unseen */
    }
    /* on a busy machine as much work as on an idle one: the pages of a commit are shared by fewer rows otherwise */
    return took > SERVING_MOST || (took > SERVING_MICROS && time_worked() - c->began_worked > SERVING_MICROS);
}

static enum err_code read_in(struct call *c, enum tx tx, call_fn *fn, void *arg)
{
    struct conn *conn;

    TRY(org_take_reader(c->org, &conn, &c->err));
    enum err_code code = call_run(c, conn, tx, fn, arg);
    org_give_reader(c->org, conn);
    return code;
}

enum err_code call_read(struct call *c, call_fn *fn, void *arg)
{
    return read_in(c, TX_READ, fn, arg);
}

enum err_code call_follow(struct call *c, call_fn *fn, void *arg)
{
    return read_in(c, TX_FOLLOW, fn, arg);
}

enum err_code call_nested(struct call *c, call_fn *fn, void *arg)
{
    struct after *after = c->after;
    int rebuild = c->rebuild;
    int64_t change_set = c->change_set;
    bool in_feed = c->in_feed;

    TRY(conn_savepoint(c->db, &c->err));
    int depth = conn_depth(c->db);
    enum err_code code = fn(c, arg);
    if (code == OK) {
        assert(conn_depth(c->db) == depth);
        code = conn_release(c->db, &c->err);
    }
    if (code != OK) {
        c->after = after;
        c->rebuild = rebuild;
        c->change_set = change_set;
        c->in_feed = in_feed; /* the lock that announces it goes with the savepoint */
        conn_undo_to(c->db, depth - 1);
    }
    return code;
}

enum err_code call_try(struct call *c, call_fn *fn, void *arg, bool *left)
{
    struct after *after = c->after;
    int rebuild = c->rebuild, depth = conn_depth(c->db);
    int64_t change_set = c->change_set;
    uint64_t writes = conn_writes(c->db);

    enum err_code code = fn(c, arg);
    *left = code != OK && conn_writes(c->db) != writes;
    if (code != OK) {
        c->after = after;
        c->rebuild = rebuild;
        c->change_set = *left ? c->change_set : change_set;
    }
    assert(code != OK || conn_depth(c->db) == depth);
    conn_undo_to(c->db, depth);
    return code;
}

void call_after_commit(struct call *c, void (*fn)(struct org *org, void *arg), void *arg)
{
    struct after *a = ARENA_NEW(c->mem, struct after);

    *a = (struct after) { c->after, fn, arg };
    c->after = a;
}

static void destroy_scratch(void *arg)
{
    arena_destroy(arg);
}

enum err_code call_scratch(struct call *c, call_fn *fn, void *arg)
{
    struct arena *const mem = c->mem, *scratch = arena_create((size_t)c->cfg->arena_max);
    const struct after *const after = c->after;

    arena_defer(mem, destroy_scratch, scratch); /* by the jump of a ceiling too */
    arena_on_ceiling(scratch, c->ceiling);
    c->mem = scratch;
    enum err_code code = fn(c, arg);
    assert(c->after == after); /* it would live there */
    c->mem = mem;
    c->errors = NULL; /* the first is in c->err */
    return code;
}

struct call_mark call_mark(const struct call *c)
{
    return (struct call_mark) { arena_mark(c->mem), c->after };
}

void call_rewind(struct call *c, struct call_mark mark)
{
    if (c->after == mark.after) {
        arena_rewind(c->mem, mark.mem);
    }
}

/* ---- the database, on a call ---- */

enum err_code db_exec(struct call *c, struct sql sql, struct dbvals v)
{
    return conn_exec(c->db, sql, v, NULL, &c->err);
}

enum err_code db_changed(struct call *c, int64_t *n, struct sql sql, struct dbvals v)
{
    return conn_exec(c->db, sql, v, n, &c->err);
}

enum err_code db_insert(struct call *c, int64_t *id, struct sql sql, struct dbvals v)
{
    return conn_insert(c->db, sql, v, id, &c->err);
}

enum err_code db_int(struct call *c, int64_t *out, struct sql sql, struct dbvals v)
{
    return conn_int(c->db, sql, v, out, NULL, &c->err);
}

enum err_code db_find(struct call *c, int64_t *out, bool *found, struct sql sql, struct dbvals v)
{
    return conn_int(c->db, sql, v, out, found, &c->err);
}

struct str db_ids(struct call *c, const int64_t *ids, size_t n)
{
    bool array = conn_backend(c->db) == DB_POSTGRES;
    struct buf b;

    buf_init(&b, c->mem, 21 * n + 2);
    buf_byte(&b, array ? '{' : '[');
    for (size_t i = 0; i < n; i++) {
        buf_lit(&b, i ? "," : "");
        buf_int(&b, ids[i]);
    }
    buf_byte(&b, array ? '}' : ']');
    return buf_str(&b);
}

enum err_code db_text(struct call *c, struct str *out, struct sql sql, struct dbvals v)
{
    struct rows r;

    *out = (struct str) { "", 0 };
    TRY(db_query(c, &r, sql, v));
    if (rows_next(&r)) {
        *out = col_text(&r, 0);
    }
    return rows_end(&r);
}

enum err_code db_query(struct call *c, struct rows *r, struct sql sql, struct dbvals v)
{
    *r = (struct rows) { .c = c };
    r->code = conn_query(c->db, sql, v, &r->st, &c->err);
    return r->code;
}

bool rows_next(struct rows *r)
{
    bool row = false;

    if (r->code == OK && r->st) {
        r->code = stmt_step(r->st, &row, &r->c->err);
    }
    return r->code == OK && row;
}

enum err_code rows_end(struct rows *r)
{
    if (r->st) {
        stmt_end(r->st);
        r->st = NULL;
    }
    return r->code;
}

bool col_null(struct rows *r, int col)
{
    return stmt_is_null(r->st, col);
}

double col_real(struct rows *r, int col)
{
    return stmt_real(r->st, col);
}

struct str col_text(struct rows *r, int col)
{
    return arena_str(r->c->mem, stmt_text(r->st, col));
}
