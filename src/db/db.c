/* db.c - the part of the interface that both backends share: handles of statements, the depth of
 * savepoints, and the switch by which tests make the n-th step fail. */

#include "db/backend.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many ended handles are held back, so that ending one twice hits nobody else. */
enum { SPARE = 1000 };

#ifdef KITH_TESTING
static _Thread_local struct {
    int64_t left, counted;
    enum err_code code;
} fault;

int64_t db_fail_at(int64_t n, enum err_code code)
{
    int64_t counted = fault.counted;

    fault.left = n;
    fault.counted = 0;
    fault.code = code;
    return counted;
}

static enum err_code step_fault(struct err *e)
{
    fault.counted++;
    if (fault.left > 0 && --fault.left == 0) {
        return err_set(e, fault.code, NULL, "this step was made to fail");
    }
    return OK;
}
#else
static enum err_code step_fault(struct err *e)
{
    (void)e;
    return OK;
}
#endif

/* After an error took the transaction along, a statement would stand for itself: a half of a call
 * would be kept. So nothing runs until the rollback. */
static enum err_code check(const struct conn *c, struct err *e)
{
    if (c->begun && !c->ops->in_tx(c)) {
        return err_set(e, ERR_BUSY, NULL, "the transaction is lost");
    }
    return step_fault(e);
}

static const char *text_for(const struct conn *c, struct sql sql)
{
    return c->backend == DB_POSTGRES && sql.pg ? sql.pg : sql.text;
}

enum err_code conn_open(
    const struct db_config *cfg, enum conn_mode mode, struct conn **out, struct err *e)
{
    *out = NULL;
    TRY(cfg->backend == DB_SQLITE ? sqlite_open(cfg, mode, out, e)
                                  : postgres_open(cfg, mode, out, e));
    (*out)->backend = cfg->backend;
    (*out)->mode = mode;
    (*out)->spare_last = &(*out)->spare;
    return OK;
}

void conn_close(struct conn *c)
{
    if (!c) {
        return;
    }
    conn_rollback(c);
    while (c->live) {
        stmt_end(c->live);
    }
    while (c->spare) {
        struct stmt *s = c->spare;
        c->spare = s->next;
        free(s);
    }
    free(c->schema);
    c->ops->close(c);
}

void conn_end_statements(struct conn *c)
{
    while (c->live) {
        stmt_end(c->live);
    }
}

enum db_backend conn_backend(const struct conn *c)
{
    return c->backend;
}

enum err_code conn_begin(struct conn *c, enum tx tx, struct err *e)
{
    TRY(step_fault(e));
    c->depth = 0;
    TRY(c->ops->begin(c, tx, e));
    c->begun = true;
    return OK;
}

enum err_code conn_commit(struct conn *c, struct err *e)
{
    TRY(check(c, e));
    TRY(c->ops->commit(c, e));
    c->begun = false;
    return OK;
}

void conn_rollback(struct conn *c)
{
    c->depth = 0;
    c->begun = false;
    c->ops->rollback(c);
}

enum err_code conn_savepoint(struct conn *c, struct err *e)
{
    char text[40];

    TRY(check(c, e));
    snprintf(text, sizeof text, "SAVEPOINT s%d", c->depth + 1);
    TRY(c->ops->simple(c, text, e));
    c->depth++;
    return OK;
}

enum err_code conn_release(struct conn *c, struct err *e)
{
    char text[40];

    assert(c->depth > 0);
    TRY(check(c, e));
    snprintf(text, sizeof text, "RELEASE s%d", c->depth);
    TRY(c->ops->simple(c, text, e));
    c->depth--;
    return OK;
}

void conn_undo(struct conn *c)
{
    char text[40];
    struct err ignored;

    /* a failure here means that the transaction is gone, which conn_in_tx tells */
    if (c->depth > 0 && conn_in_tx(c)) {
        snprintf(text, sizeof text, "ROLLBACK TO s%d", c->depth);
        if (c->ops->simple(c, text, &ignored) == OK) {
            snprintf(text, sizeof text, "RELEASE s%d", c->depth);
            (void)!c->ops->simple(c, text, &ignored);
        }
    }
    c->depth -= c->depth > 0;
}

int conn_depth(const struct conn *c)
{
    return c->depth;
}

void conn_undo_to(struct conn *c, int depth)
{
    assert(depth >= 0);
    while (c->depth > depth) {
        conn_undo(c);
    }
}

uint64_t conn_writes(const struct conn *c)
{
    return c->writes;
}

bool conn_in_tx(const struct conn *c)
{
    return c->ops->in_tx(c);
}

enum err_code conn_exec(
    struct conn *c, struct sql sql, struct dbvals v, int64_t *changed, struct err *e)
{
    int64_t ignored;

    TRY(check(c, e));
    return c->ops->exec(c, text_for(c, sql), v, changed ? changed : &ignored, e);
}

enum err_code conn_insert(
    struct conn *c, struct sql sql, struct dbvals v, int64_t *id, struct err *e)
{
    TRY(check(c, e));
    return c->ops->insert(c, text_for(c, sql), v, id, e);
}

/* --- handles --- */

static void link_live(struct conn *c, struct stmt *s)
{
    s->conn = c;
    s->next = c->live;
    s->link = &c->live;
    if (c->live) {
        c->live->link = &s->next;
    }
    c->live = s;
}

static enum err_code start(
    struct conn *c, struct stmt *s, struct sql sql, struct dbvals v, struct err *e)
{
    enum err_code code;

    link_live(c, s);
    code = check(c, e);
    if (code == OK) {
        code = c->ops->query(c, text_for(c, sql), v, s, e);
    }
    if (code != OK) {
        stmt_end(s);
    }
    return code;
}

enum err_code conn_query(
    struct conn *c, struct sql sql, struct dbvals v, struct stmt **out, struct err *e)
{
    struct stmt *s;

    if (c->nspare >= SPARE) {
        s = c->spare;
        c->spare = s->next;
        c->nspare--;
        *s = (struct stmt) { 0 };
    } else {
        s = db_alloc(sizeof *s);
    }
    *out = NULL;
    TRY(start(c, s, sql, v, e));
    *out = s;
    return OK;
}

static void end_deferred(void *s)
{
    stmt_end(s);
}

enum err_code conn_query_in(struct conn *c, struct arena *mem, struct sql sql, struct dbvals v,
    struct stmt **out, struct err *e)
{
    struct stmt *s = ARENA_NEW(mem, struct stmt);

    s->in_arena = true;
    s->ended = true; /* until it has begun, for the arena may leave by a jump here */
    arena_defer(mem, end_deferred, s);
    s->ended = false;
    *out = NULL;
    TRY(start(c, s, sql, v, e));
    *out = s;
    return OK;
}

void stmt_end(struct stmt *s)
{
    if (!s || s->ended) {
        return;
    }
    struct conn *c = s->conn;
    c->ops->end(s);
    arena_destroy(s->scratch);
    s->scratch = NULL;
    s->ended = true;
    *s->link = s->next;
    if (s->next) {
        s->next->link = s->link;
    }
    s->next = NULL;
    if (!s->in_arena) {
        *c->spare_last = s;
        c->spare_last = &s->next;
        c->nspare++;
    }
}

enum err_code stmt_step(struct stmt *s, bool *row, struct err *e)
{
    assert(!s->ended);
    *row = false;
    TRY(step_fault(e));
    return s->conn->ops->step(s, row, e);
}

int stmt_columns(const struct stmt *s)
{
    return s->conn->ops->columns(s);
}

bool stmt_is_null(const struct stmt *s, int col)
{
    return s->conn->ops->is_null(s, col);
}

int64_t stmt_int(const struct stmt *s, int col)
{
    return s->conn->ops->integer(s, col);
}

double stmt_real(const struct stmt *s, int col)
{
    return s->conn->ops->real(s, col);
}

struct str stmt_text(const struct stmt *s, int col)
{
    return s->conn->ops->text(s, col);
}

struct str stmt_blob(const struct stmt *s, int col)
{
    return s->conn->ops->blob(s, col);
}

struct dbval stmt_value(const struct stmt *s, int col, enum db_type as)
{
    return as == DB_NULL ? V_NULL : s->conn->ops->value(s, col, as);
}

enum err_code conn_int(
    struct conn *c, struct sql sql, struct dbvals v, int64_t *out, bool *found, struct err *e)
{
    struct stmt *s;
    bool row;

    *out = 0;
    if (found) {
        *found = false;
    }
    TRY(conn_query(c, sql, v, &s, e));
    enum err_code code = stmt_step(s, &row, e);
    if (code == OK && row) {
        *out = stmt_int(s, 0);
        if (found) {
            *found = true;
        }
    } else if (code == OK && !found) {
        code = err_set(e, ERR_NOT_FOUND, NULL, "no such row");
    }
    stmt_end(s);
    return code;
}

enum err_code conn_script(struct conn *c, const char *text, struct err *e)
{
    TRY(check(c, e));
    c->writes++;
    return c->ops->script(c, text, e);
}

enum err_code conn_checkpoint(struct conn *c, int64_t *wal_pages, struct err *e)
{
    int64_t ignored;

    return c->ops->checkpoint(c, wal_pages ? wal_pages : &ignored, e);
}

enum err_code conn_checkpoint_whole(struct conn *c, bool *anew, struct err *e)
{
    bool ignored;

    anew = anew ? anew : &ignored;
    *anew = true;
    return c->ops->checkpoint_whole ? c->ops->checkpoint_whole(c, anew, e) : OK;
}

static enum err_code refuse_alone(struct err *e)
{
    return err_set(e, ERR_INVALID, NULL, "this database has one process: nobody is there to be woken");
}

enum err_code conn_listen(struct conn *c, const char *channel, struct err *e)
{
    return c->ops->listen ? c->ops->listen(c, channel, e) : refuse_alone(e);
}

enum err_code conn_notify(struct conn *c, const char *channel, const char *text, struct err *e)
{
    return c->ops->notify ? c->ops->notify(c, channel, text, e) : refuse_alone(e);
}

enum err_code conn_wait(struct conn *c, int fd, int64_t micros,
    void (*heard)(void *arg, struct str text), void *arg, struct err *e)
{
    return c->ops->wait ? c->ops->wait(c, fd, micros, heard, arg, e) : refuse_alone(e);
}

void conn_budget(struct conn *c, int64_t micros)
{
    assert(c->backend == DB_POSTGRES || c->mode == CONN_READ);
    c->budget = micros;
}

bool conn_budget_own(struct conn *c, int64_t micros)
{
    if (c->budget) {
        return false;
    }
    conn_budget(c, micros);
    return true;
}
