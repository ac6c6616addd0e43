/* sqlite.c - the backend on SQLite in WAL mode.
 *
 * SQLite reads $1 as a name and numbers names by first appearance, so each prepared statement
 * carries a map from our numbers to its own. A statement in use is not shared: a nested loop over
 * the same text gets a second instance. */

#include "base/time.h"
#include "db/backend.h"
#include "db/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum { BUSY_MS = 5000, READER_MS = 10, BUDGET_STEPS = 1000, WAL_LONG = 10000, PARAMS_MAX = 32766 };

struct sqlite_conn {
    struct conn base;
    sqlite3 *db;
    struct kept_set kept;
    int64_t deadline; /* by the monotonic clock, 0 for none */
    bool expired;
    bool lags; /* synchronous=NORMAL at present */
    bool sync_off; /* for good */
};

struct sqlite_kept {
    struct kept base;
    sqlite3_stmt *st;
    int nparams; /* how many values it wants */
    int *params; /* SQLite's number of each */
};

static struct sqlite_conn *self(const struct conn *c)
{
    return (struct sqlite_conn *)(uintptr_t)c; /* base comes first */
}

/* --- errors --- */

/* "UNIQUE constraint failed: t.a, t.b" becomes "unique:t.a,t.b"; of an index over expressions
 * SQLite says "index 'name'", which becomes "unique:name". */
static void unique_field(const char *msg, char *out, size_t room)
{
    const char *from = strstr(msg, "failed: ");
    size_t n = (size_t)snprintf(out, room, "unique:");

    from = from ? from + 8 : "";
    if (strncmp(from, "index '", 7) == 0) {
        from += 7;
    }
    for (; *from && n + 1 < room; from++) {
        if (*from != ' ' && *from != '\'') {
            out[n++] = *from;
        }
    }
    out[n] = '\0';
}

static enum err_code fail(struct sqlite_conn *c, int rc, struct err *e)
{
    const char *msg = c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
    char field[sizeof e->field];

    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        unique_field(msg, field, sizeof field);
        return err_set(e, ERR_CONFLICT, field, "%s", msg);
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return err_set(e, ERR_CONFLICT, "reference", "%s", msg);
    default:
        break;
    }
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
        return err_set(e, ERR_BUSY, NULL, "%s", msg);
    case SQLITE_FULL:
        return err_set(e, ERR_FULL, NULL, "%s", msg);
    case SQLITE_IOERR:
        if (sqlite3_system_errno(c->db) == ENOSPC) {
            return err_set(e, ERR_FULL, NULL, "%s", msg);
        }
        break;
    case SQLITE_INTERRUPT:
        return err_set(e, c->expired ? ERR_BUDGET : ERR_BUSY, NULL, "%s", msg);
    case SQLITE_TOOBIG:
        return err_set(e, ERR_TOO_LARGE, NULL, "%s", msg);
    default:
        break;
    }
    return err_set(e, ERR_INTERNAL, NULL, "SQLite %d: %s", rc, msg);
}

/* --- prepared statements --- */

static void drop(void *owner, struct kept *k)
{
    struct sqlite_kept *p = (struct sqlite_kept *)k;

    (void)owner;
    sqlite3_finalize(p->st);
    free(p->params);
    free(p);
}

static enum err_code map_params(struct sqlite_kept *p, struct err *e)
{
    int n = sqlite3_bind_parameter_count(p->st);

    p->params = db_alloc(((size_t)n + 1) * sizeof *p->params);
    for (int i = 1; i <= n; i++) {
        const char *name = sqlite3_bind_parameter_name(p->st, i);
        int64_t number;
        if (!name || name[0] != '$' || !str_to_int(str_of(name + 1), &number) || number < 1 ||
            number > n) {
            return err_set(e, ERR_INTERNAL, NULL, "parameters must be $1 to $%d, without a gap", n);
        }
        p->params[number - 1] = i;
    }
    p->nparams = n;
    return OK;
}

static enum err_code prepare(
    struct sqlite_conn *c, const char *text, struct sqlite_kept **out, struct err *e)
{
    struct sqlite_kept *p = (struct sqlite_kept *)kept_find(&c->kept, text, NULL, NULL);
    const char *tail;

    if (p) {
        *out = p;
        return OK;
    }
    p = db_alloc(sizeof *p);
    int rc = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &p->st, &tail);
    enum err_code code = rc != SQLITE_OK ? fail(c, rc, e) : OK;
    if (code == OK && (!p->st || str_trim(str_of(tail)).n)) {
        code = err_set(e, ERR_INTERNAL, NULL, "one statement is wanted: %.200s", text);
    }
    if (code == OK) {
        code = map_params(p, e);
    }
    if (code != OK) {
        drop(NULL, &p->base);
        return code;
    }
    kept_add(&c->kept, &p->base, text);
    *out = p;
    return OK;
}

static int bind_one(sqlite3_stmt *st, int at, struct dbval v, sqlite3_destructor_type life)
{
    switch (v.type) {
    case DB_INT:
        return sqlite3_bind_int64(st, at, v.i);
    case DB_REAL:
        return sqlite3_bind_double(st, at, v.d);
    case DB_TEXT:
        /* a NULL pointer would bind NULL */
        return sqlite3_bind_text64(st, at, v.s.n ? v.s.p : "", v.s.n, life, SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(st, at, v.s.n ? v.s.p : "", v.s.n, life);
    case DB_NULL:
        break;
    }
    return sqlite3_bind_null(st, at);
}

/* copy: the values may go before the last step. */
static enum err_code bind(
    struct sqlite_conn *c, struct sqlite_kept *p, struct dbvals v, bool copy, struct err *e)
{
    if (v.n != (size_t)p->nparams) {
        return err_set(e, ERR_INTERNAL, NULL, "%zu values for %d parameters: %.200s", v.n,
            p->nparams, p->base.text);
    }
    for (size_t i = 0; i < v.n; i++) {
        int rc = bind_one(p->st, p->params[i], v.v[i], copy ? SQLITE_TRANSIENT : SQLITE_STATIC);
        if (rc != SQLITE_OK) {
            return fail(c, rc, e);
        }
    }
    return OK;
}

static void start_clock(struct sqlite_conn *c)
{
    if (c->base.budget || c->deadline) {
        c->deadline = c->base.budget ? time_monotonic() + c->base.budget : 0;
        c->expired = false;
    }
}

static enum err_code sqlite_exec(
    struct conn *conn, const char *text, struct dbvals v, int64_t *changed, struct err *e)
{
    struct sqlite_conn *c = self(conn);
    struct sqlite_kept *p;
    int rc;

    TRY(prepare(c, text, &p, e));
    TRY(bind(c, p, v, false, e));
    p->base.busy = true;
    start_clock(c);
    while ((rc = sqlite3_step(p->st)) == SQLITE_ROW) {
    }
    enum err_code code = rc == SQLITE_DONE ? OK : fail(c, rc, e);
    bool wrote = code == OK && !sqlite3_stmt_readonly(p->st);
    *changed = wrote ? sqlite3_changes64(c->db) : 0;
    c->base.writes += wrote;
    sqlite3_reset(p->st);
    p->base.busy = false;
    return code;
}

static enum err_code sqlite_insert(
    struct conn *conn, const char *text, struct dbvals v, int64_t *id, struct err *e)
{
    int64_t ignored;

    TRY(sqlite_exec(conn, text, v, &ignored, e));
    *id = sqlite3_last_insert_rowid(self(conn)->db);
    return OK;
}

static enum err_code sqlite_simple(struct conn *c, const char *text, struct err *e)
{
    int64_t ignored;

    return sqlite_exec(c, text, (struct dbvals) { NULL, 0 }, &ignored, e);
}

static enum err_code sqlite_query(
    struct conn *conn, const char *text, struct dbvals v, struct stmt *s, struct err *e)
{
    struct sqlite_conn *c = self(conn);
    struct sqlite_kept *p;

    TRY(prepare(c, text, &p, e));
    TRY(bind(c, p, v, true, e));
    p->base.busy = true;
    s->kept = &p->base;
    s->handle = p->st;
    start_clock(c);
    return OK;
}

static enum err_code sqlite_step(struct stmt *s, bool *row, struct err *e)
{
    int rc = sqlite3_step(s->handle);

    *row = rc == SQLITE_ROW;
    s->conn->writes += (*row || rc == SQLITE_DONE) && !sqlite3_stmt_readonly(s->handle);
    return *row || rc == SQLITE_DONE ? OK : fail(self(s->conn), rc, e);
}

static void sqlite_end(struct stmt *s)
{
    if (s->handle) {
        sqlite3_reset(s->handle);
        sqlite3_clear_bindings(s->handle); /* large values are not held until the next use */
        s->kept->busy = false;
        s->handle = NULL;
    }
}

static int sqlite_columns(const struct stmt *s)
{
    return sqlite3_column_count(s->handle);
}

static bool sqlite_is_null(const struct stmt *s, int col)
{
    return sqlite3_column_type(s->handle, col) == SQLITE_NULL;
}

static int64_t sqlite_int(const struct stmt *s, int col)
{
    return sqlite3_column_int64(s->handle, col);
}

static double sqlite_real(const struct stmt *s, int col)
{
    return sqlite3_column_double(s->handle, col);
}

static struct str sqlite_text(const struct stmt *s, int col)
{
    const char *p = (const char *)sqlite3_column_text(s->handle, col);

    return (struct str) { p ? p : "", p ? (size_t)sqlite3_column_bytes(s->handle, col) : 0 };
}

static struct str sqlite_blob(const struct stmt *s, int col)
{
    const char *p = sqlite3_column_blob(s->handle, col);

    return (struct str) { p ? p : "", p ? (size_t)sqlite3_column_bytes(s->handle, col) : 0 };
}

/* A page of a list is hundreds of values: one look at the cell each. What sqlite3_column_value() gives may
 * be read because a connection belongs to one thread at a time. */
static struct dbval sqlite_value(const struct stmt *s, int col, enum db_type as)
{
    sqlite3_value *v = sqlite3_column_value(s->handle, col);
    const void *p;

    if (sqlite3_value_type(v) == SQLITE_NULL) {
        return V_NULL;
    }
    if (as == DB_INT) {
        return db_int_val(sqlite3_value_int64(v));
    }
    if (as == DB_REAL) {
        return db_real_val(sqlite3_value_double(v));
    }
    p = as == DB_TEXT ? sqlite3_value_text(v) : sqlite3_value_blob(v);
    return (struct dbval) { .type = as,
        .s = { p ? p : "", p ? (size_t)sqlite3_value_bytes(v) : 0 } };
}

/* --- transactions --- */

static bool sqlite_in_tx(const struct conn *c)
{
    return !sqlite3_get_autocommit(self(c)->db);
}

static enum err_code sqlite_begin(struct conn *c, enum tx tx, struct err *e)
{
    bool lags = tx == TX_LAG, writes = lags || tx == TX_WRITE;

    if (writes && lags != self(c)->lags && !self(c)->sync_off) {
        /* SQLite obeys this one when it prepares it: a prepared one would do nothing */
        TRY(c->ops->script(c, lags ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", e));
        self(c)->lags = lags;
    }
    return sqlite_simple(c, writes ? "BEGIN IMMEDIATE" : "BEGIN", e);
}

static enum err_code sqlite_commit(struct conn *c, struct err *e)
{
    return sqlite_simple(c, "COMMIT", e);
}

static void sqlite_rollback(struct conn *c)
{
    struct err ignored;

    if (sqlite_in_tx(c)) {
        (void)!sqlite_simple(c, "ROLLBACK", &ignored);
    }
}

static enum err_code sqlite_script(struct conn *conn, const char *text, struct err *e)
{
    struct sqlite_conn *c = self(conn);
    start_clock(c);
    int rc = sqlite3_exec(c->db, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? OK : fail(c, rc, e);
}

/* SQLite syncs the file only once all of the log is copied, and then somebody may wait for it: what is there goes now. */
static int sync_file(struct sqlite_conn *c)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(c->db, NULL, SQLITE_FCNTL_FILE_POINTER, &file);

    return rc == SQLITE_OK && file->pMethods ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) : rc;
}

static enum err_code sqlite_checkpoint(struct conn *conn, int64_t *wal_pages, struct err *e)
{
    struct sqlite_conn *c = self(conn);
    int log = 0, done = 0;
    int rc = sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done);

    *wal_pages = log;
    if (rc == SQLITE_OK && log > 0) {
        rc = sync_file(c);
    }
    return rc == SQLITE_OK ? OK : fail(c, rc, e);
}

static enum err_code sqlite_checkpoint_whole(struct conn *conn, bool *anew, struct err *e)
{
    struct sqlite_conn *c = self(conn);
    int log = 0, done = 0;

    sqlite3_busy_timeout(c->db, READER_MS);
    int rc = sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_RESTART, &log, &done);
    sqlite3_busy_timeout(c->db, BUSY_MS);
    *anew = rc == SQLITE_OK;
    return rc == SQLITE_OK || rc == SQLITE_BUSY ? OK : fail(c, rc, e);
}

/* --- the connection --- */

static void sqlite_close(struct conn *conn)
{
    struct sqlite_conn *c = self(conn);

    kept_clear(&c->kept);
    sqlite3_close(c->db);
    free(c);
}

static int check_deadline(void *conn)
{
    struct sqlite_conn *c = conn;

    if (c->deadline && time_monotonic() > c->deadline) {
        c->expired = true;
    }
    return c->expired;
}

static const struct db_ops sqlite_ops = {
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .simple = sqlite_simple,
    .in_tx = sqlite_in_tx,
    .exec = sqlite_exec,
    .insert = sqlite_insert,
    .query = sqlite_query,
    .step = sqlite_step,
    .end = sqlite_end,
    .script = sqlite_script,
    .checkpoint = sqlite_checkpoint,
    .checkpoint_whole = sqlite_checkpoint_whole,
    .columns = sqlite_columns,
    .value = sqlite_value,
    .is_null = sqlite_is_null,
    .integer = sqlite_int,
    .real = sqlite_real,
    .text = sqlite_text,
    .blob = sqlite_blob,
};

static int set_up(struct sqlite_conn *c, const struct db_config *cfg, enum conn_mode mode)
{
    static const char both[] = "PRAGMA foreign_keys=ON; PRAGMA mmap_size=2147418112;";
    static const char reader[] = "PRAGMA query_only=ON; PRAGMA cache_size=-4000;";
    static const char writer[] =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-96000;"
        "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY;";

    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, BUSY_MS);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* a misspelt "column" must be an error, not a text */
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    int rc = sqlite3_exec(c->db, mode == CONN_READ ? reader : writer, NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(c->db, both, NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK && mode == CONN_WRITE) {
        rc = sqlite3_wal_autocheckpoint(c->db, cfg->checkpoint_apart ? 0 : WAL_LONG);
    }
#ifdef KITH_TESTING
    if (rc == SQLITE_OK && cfg->sync_off) {
        rc = sqlite3_exec(c->db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
        c->sync_off = true;
    }
#endif
    if (mode == CONN_READ) {
        sqlite3_progress_handler(c->db, BUDGET_STEPS, check_deadline, c);
    }
    return rc == SQLITE_OK ? functions_register(c->db) : rc;
}

void db_start(void)
{
    /* counting its memory takes a lock of the whole process at every allocation */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum err_code sqlite_open(
    const struct db_config *cfg, enum conn_mode mode, struct conn **out, struct err *e)
{
    int flags = SQLITE_OPEN_NOMUTEX |
        (mode == CONN_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);

    if (!cfg->path || !*cfg->path || strcmp(cfg->path, ":memory:") == 0) {
        return err_set(e, ERR_INVALID, "path", "the database must be a file");
    }
    struct sqlite_conn *c = db_alloc(sizeof *c);
    c->base.ops = &sqlite_ops;
    c->kept.drop = drop;
    const char *vfs = mode == CONN_WRITE && !cfg->sync_off ? gather_vfs(cfg->vfs) : NULL;
    int rc = sqlite3_open_v2(cfg->path, &c->db, flags, vfs ? vfs : cfg->vfs);
    if (rc == SQLITE_OK) {
        rc = set_up(c, cfg, mode);
    }
    if (rc != SQLITE_OK) {
        enum err_code code = fail(c, rc, e);
        sqlite_close(&c->base);
        return code;
    }
    *out = &c->base;
    return OK;
}
