/* postgres.c - the backend on PostgreSQL through libpq.
 *
 * Results are read whole, so that statements may nest on one connection; long lists go page by page
 * above. Numbers travel with their type declared, text without: so it may stand for an array or a
 * JSON value, and a NULL for anything. A text whose type nothing tells wants CAST($1 AS text). */

#include "db/backend.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_FLOAT8 = 701, NUMBER_ROOM = 40 };

struct pg_conn {
    struct conn base;
    PGconn *pg;
    struct kept_set kept;
    struct arena *scratch; /* parameters of the statement that is being sent */
    unsigned names;        /* of prepared statements, never reused */
    int64_t timeout_set;   /* milliseconds in force in this transaction */
    bool fresh;            /* all of the session's settings are in force */
};

struct pg_kept {
    struct kept base;
    char name[16];
    size_t nparams;
    Oid *types; /* 0 where the server infers */
};

static struct pg_conn *self(const struct conn *c)
{
    return (struct pg_conn *)(uintptr_t)c; /* base comes first */
}

/* --- errors --- */

static bool state_is(const char *state, const char *class)
{
    return strncmp(state, class, strlen(class)) == 0;
}

static enum err_code code_of(struct pg_conn *c, const char *state)
{
    if (state_is(state, "08P01")) {
        return ERR_INTERNAL; /* the number of values, as a rule */
    }
    if (PQstatus(c->pg) != CONNECTION_OK || !*state || state_is(state, "08") ||
        state_is(state, "40") || state_is(state, "55P03") || state_is(state, "57P") ||
        state_is(state, "25P03")) {
        return ERR_BUSY;
    }
    if (state_is(state, "57014")) {
        return c->timeout_set ? ERR_BUDGET : ERR_BUSY;
    }
    if (state_is(state, "53100")) {
        return ERR_FULL;
    }
    if (state_is(state, "53")) {
        return ERR_BUSY;
    }
    if (state_is(state, "22021") || state_is(state, "22P05")) {
        return ERR_INVALID;
    }
    return ERR_INTERNAL;
}

/* Takes r, which may be NULL. */
static enum err_code fail(struct pg_conn *c, PGresult *r, struct err *e)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *msg = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *name = r ? PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME) : NULL;
    char field[sizeof e->field];
    enum err_code code;

    state = state ? state : "";
    msg = msg ? msg : PQerrorMessage(c->pg);
    if (strcmp(state, "23505") == 0) {
        snprintf(field, sizeof field, "unique:%.100s", name ? name : "");
        code = err_set(e, ERR_CONFLICT, field, "%s", msg);
    } else if (strcmp(state, "23503") == 0 || strcmp(state, "23001") == 0) {
        code = err_set(e, ERR_CONFLICT, "reference", "%s", msg);
    } else {
        code = code_of(c, state);
        err_set(e, code, NULL, "%s%s%s", code == ERR_INTERNAL ? state : "",
            code == ERR_INTERNAL ? ": " : "", msg);
    }
    PQclear(r);
    return code;
}

static enum err_code command(struct pg_conn *c, const char *text, struct err *e)
{
    PGresult *r = PQexec(c->pg, text);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK) {
        return fail(c, r, e);
    }
    PQclear(r);
    return OK;
}

/* --- the session --- */

static enum err_code settle(struct pg_conn *c, struct err *e)
{
    char text[512];
    char *schema = NULL;

    if (c->base.schema) {
        schema = PQescapeIdentifier(c->pg, c->base.schema, strlen(c->base.schema));
        if (!schema) {
            return err_set(e, ERR_INVALID, "schema", "%s", PQerrorMessage(c->pg));
        }
    }
    snprintf(text, sizeof text,
        "SET search_path TO %s%spublic; SET timezone TO 'UTC'; SET datestyle TO 'ISO';"
        "SET bytea_output TO 'hex'; SET lock_timeout TO '10s'; SET statement_timeout TO 0;"
        "SET jit TO off;"
        "SET idle_in_transaction_session_timeout TO '60s'; SET client_min_messages TO 'warning';"
        "SET default_transaction_read_only TO %s",
        schema ? schema : "", schema ? ", " : "", c->base.mode == CONN_READ ? "on" : "off");
    PQfreemem(schema);
    TRY(command(c, text, e));
    c->fresh = true;
    return OK;
}

/* A lost connection is made anew between transactions; its prepared statements went with it. */
static enum err_code revive(struct pg_conn *c, struct err *e)
{
    if (PQstatus(c->pg) == CONNECTION_OK && c->fresh) {
        return OK;
    }
    c->fresh = false;
    kept_clear(&c->kept);
    PQreset(c->pg);
    if (PQstatus(c->pg) != CONNECTION_OK) {
        return err_set(e, ERR_BUSY, NULL, "%s", PQerrorMessage(c->pg));
    }
    return settle(c, e);
}

static bool pg_in_tx(const struct conn *conn)
{
    PGTransactionStatusType status = PQtransactionStatus(self(conn)->pg);

    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

static int64_t timeout_of(const struct pg_conn *c)
{
    return c->base.budget ? (c->base.budget + 999) / 1000 : 0;
}

static enum err_code pg_begin(struct conn *conn, enum tx tx, struct err *e)
{
    struct pg_conn *c = self(conn);
    char text[192];
    int64_t timeout = timeout_of(c);
    int n = snprintf(text, sizeof text, "BEGIN ISOLATION LEVEL %s%s",
        tx == TX_READ         ? "REPEATABLE READ, READ ONLY"
            : tx == TX_FOLLOW ? "READ COMMITTED, READ ONLY"
                              : "READ COMMITTED, READ WRITE",
        tx == TX_LAG ? "; SET LOCAL synchronous_commit TO off" : "");

    if (timeout) {
        snprintf(text + n, sizeof text - (size_t)n, "; SET LOCAL statement_timeout TO %" PRId64,
            timeout);
    }
    TRY(revive(c, e));
    c->timeout_set = timeout;
    enum err_code code = command(c, text, e);
    if (code == OK || PQstatus(c->pg) == CONNECTION_OK) {
        return code;
    }
    /* it was lost since the last transaction: nothing has been done yet */
    TRY(revive(c, e));
    return command(c, text, e);
}

static enum err_code pg_commit(struct conn *conn, struct err *e)
{
    struct pg_conn *c = self(conn);
    PGresult *r = PQexec(c->pg, "COMMIT");

    c->timeout_set = 0;
    if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        return fail(c, r, e);
    }
    bool kept = strcmp(PQcmdStatus(r), "COMMIT") == 0;
    PQclear(r);
    if (!kept) { /* the server answers a failed transaction's COMMIT with ROLLBACK, as a success */
        return err_set(e, ERR_INTERNAL, NULL, "the transaction had failed and was rolled back");
    }
    return OK;
}

static void pg_rollback(struct conn *conn)
{
    struct pg_conn *c = self(conn);
    struct err ignored;

    c->timeout_set = 0;
    if (pg_in_tx(conn)) {
        (void)!command(c, "ROLLBACK", &ignored);
    }
}

static enum err_code pg_simple(struct conn *conn, const char *text, struct err *e)
{
    struct pg_conn *c = self(conn);

    if (text[0] == 'R' && text[1] == 'O') {
        c->timeout_set = -1; /* rolling back may bring an older one: set again when asked for */
    }
    return command(c, text, e);
}

/* --- statements --- */

static void drop(void *owner, struct kept *k)
{
    struct pg_kept *p = (struct pg_kept *)k;
    struct pg_conn *c = owner;
    char text[40];

    /* in a failed transaction this fails as well: then the server keeps one statement too many */
    if (c->fresh && PQtransactionStatus(c->pg) != PQTRANS_INERROR) {
        snprintf(text, sizeof text, "DEALLOCATE %s", p->name);
        PQclear(PQexec(c->pg, text));
    }
    free(p->types);
    free(p);
}

static Oid type_of(struct dbval v)
{
    switch (v.type) {
    case DB_INT:
        return OID_INT8;
    case DB_REAL:
        return OID_FLOAT8;
    case DB_BLOB:
        return OID_BYTEA;
    case DB_TEXT:
    case DB_NULL:
        break;
    }
    return 0;
}

/* Whether values may go to a statement that was prepared with others: a NULL goes anywhere, any
 * value to a place whose type the server found by itself when it was first given NULL. */
static bool fits(const struct kept *k, const void *arg)
{
    const struct pg_kept *p = (const struct pg_kept *)k;
    const struct dbvals *v = arg;

    if (p->nparams != v->n) {
        return false;
    }
    for (size_t i = 0; i < v->n; i++) {
        if (v->v[i].type != DB_NULL && p->types[i] != 0 && p->types[i] != type_of(v->v[i])) {
            return false;
        }
    }
    return true;
}

static enum err_code prepare(
    struct pg_conn *c, const char *text, struct dbvals v, struct pg_kept **out, struct err *e)
{
    struct pg_kept *p = (struct pg_kept *)kept_find(&c->kept, text, fits, &v);

    if (p) {
        *out = p;
        return OK;
    }
    p = db_alloc(sizeof *p);
    p->types = db_alloc((v.n + 1) * sizeof *p->types);
    p->nparams = v.n;
    for (size_t i = 0; i < v.n; i++) {
        p->types[i] = type_of(v.v[i]);
    }
    snprintf(p->name, sizeof p->name, "s%u", ++c->names);
    PGresult *r = PQprepare(c->pg, p->name, text, (int)v.n, p->types);
    if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        free(p->types);
        free(p);
        return fail(c, r, e);
    }
    PQclear(r);
    kept_add(&c->kept, &p->base, text);
    *out = p;
    return OK;
}

static const char *hex_of(struct arena *mem, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    char *out = arena_alloc(mem, s.n * 2 + 3), *at = out;

    *at++ = '\\';
    *at++ = 'x';
    for (size_t i = 0; i < s.n; i++) {
        *at++ = hex[(unsigned char)s.p[i] >> 4];
        *at++ = hex[(unsigned char)s.p[i] & 15];
    }
    return out;
}

/* Text format, NULL for NULL; false for a text that the server cannot hold. */
static bool value_text(struct arena *mem, struct dbval v, const char **out)
{
    *out = NULL;
    switch (v.type) {
    case DB_INT:
        *out = arena_fmt(mem, "%" PRId64, v.i).p;
        break;
    case DB_REAL:
        *out = arena_fmt(mem, "%.17g", v.d).p;
        break;
    case DB_TEXT:
        *out = arena_cstr(mem, v.s);
        return str_find_byte(v.s, '\0') < 0;
    case DB_BLOB:
        *out = hex_of(mem, v.s);
        break;
    case DB_NULL:
        break;
    }
    return true;
}

static enum err_code apply_timeout(struct pg_conn *c, struct err *e)
{
    char text[80];
    int64_t timeout = timeout_of(c);

    if (timeout == c->timeout_set || PQtransactionStatus(c->pg) != PQTRANS_INTRANS) {
        return OK;
    }
    snprintf(text, sizeof text, "SET LOCAL statement_timeout TO %" PRId64, timeout);
    TRY(command(c, text, e));
    c->timeout_set = timeout;
    return OK;
}

static enum err_code run_prepared(
    struct pg_conn *c, const char *text, struct dbvals v, PGresult **out, struct err *e)
{
    struct pg_kept *p = NULL;

    if (!pg_in_tx(&c->base)) {
        TRY(revive(c, e));
    }
    TRY(apply_timeout(c, e));
    arena_reset(c->scratch);
    const char **values = ARENA_ARRAY(c->scratch, const char *, v.n + 1);
    for (size_t i = 0; i < v.n; i++) {
        if (!value_text(c->scratch, v.v[i], &values[i])) {
            return err_set(e, ERR_INVALID, NULL, "a text holds the character U+0000");
        }
    }
    TRY(prepare(c, text, v, &p, e));
    PGresult *r = PQexecPrepared(c->pg, p->name, (int)v.n, values, NULL, NULL, 0);
    if (PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK) {
        *out = r;
        return OK;
    }
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (state && (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0)) {
        /* a table changed beneath the plan: the next try prepares anew */
        kept_remove(&c->kept, &p->base);
        (void)!fail(c, r, e);
        return e->code = ERR_BUSY;
    }
    return fail(c, r, e);
}

static enum err_code run(
    struct pg_conn *c, const char *text, struct dbvals v, PGresult **out, struct err *e)
{
    enum err_code code = run_prepared(c, text, v, out, e);

    /* a failed statement leaves a transaction in which nothing runs until it is undone */
    c->base.writes += code != OK || strncmp(PQcmdStatus(*out), "SELECT", 6) != 0;
    return code;
}

static enum err_code pg_exec(
    struct conn *conn, const char *text, struct dbvals v, int64_t *changed, struct err *e)
{
    PGresult *r;

    TRY(run(self(conn), text, v, &r, e));
    bool read = strncmp(PQcmdStatus(r), "SELECT", 6) == 0;
    *changed = read ? 0 : strtoll(PQcmdTuples(r), NULL, 10);
    PQclear(r);
    return OK;
}

static enum err_code pg_insert(
    struct conn *conn, const char *text, struct dbvals v, int64_t *id, struct err *e)
{
    static const char returning[] = " RETURNING \"id\"";
    size_t n = strlen(text);
    char *whole = db_alloc(n + sizeof returning);
    PGresult *r;

    memcpy(whole, text, n);
    memcpy(whole + n, returning, sizeof returning);
    enum err_code code = run(self(conn), whole, v, &r, e);
    free(whole);
    if (code == OK) {
        *id = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
        PQclear(r);
    }
    return code;
}

static enum err_code pg_query(
    struct conn *conn, const char *text, struct dbvals v, struct stmt *s, struct err *e)
{
    PGresult *r;

    TRY(run(self(conn), text, v, &r, e));
    s->handle = r;
    s->row = -1;
    s->rows = PQntuples(r);
    return OK;
}

static enum err_code pg_step(struct stmt *s, bool *row, struct err *e)
{
    (void)e;
    if (s->row < s->rows) {
        s->row++;
    }
    *row = s->row < s->rows;
    if (s->scratch) {
        arena_reset(s->scratch);
    }
    return OK;
}

static void pg_end(struct stmt *s)
{
    PQclear(s->handle);
    s->handle = NULL;
}

static int pg_columns(const struct stmt *s)
{
    return PQnfields(s->handle);
}

static bool pg_is_null(const struct stmt *s, int col)
{
    return PQgetisnull(s->handle, s->row, col);
}

static struct str pg_text(const struct stmt *s, int col)
{
    return (struct str) { PQgetvalue(s->handle, s->row, col),
        (size_t)PQgetlength(s->handle, s->row, col) };
}

static double pg_real(const struct stmt *s, int col)
{
    return strtod(PQgetvalue(s->handle, s->row, col), NULL);
}

static int64_t pg_int(const struct stmt *s, int col)
{
    const char *text = PQgetvalue(s->handle, s->row, col);

    if (PQftype(s->handle, col) == OID_BOOL) {
        return text[0] == 't';
    }
    if (PQftype(s->handle, col) == OID_FLOAT8) { /* cut and clamped, as SQLite does */
        double d = pg_real(s, col);
        return d >= 0x1p63 ? INT64_MAX : d <= -0x1p63 ? INT64_MIN : d == d ? (int64_t)d : 0;
    }
    return strtoll(text, NULL, 10);
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static struct str pg_blob(const struct stmt *s, int col)
{
    struct str text = pg_text(s, col);

    if (PQftype(s->handle, col) != OID_BYTEA || text.n < 2) {
        return text;
    }
    struct stmt *w = (struct stmt *)(uintptr_t)s; /* its scratch alone */
    if (!w->scratch) {
        w->scratch = arena_create(0);
    }
    size_t n = (text.n - 2) / 2;
    char *out = arena_alloc(w->scratch, n + 1);
    for (size_t i = 0; i < n; i++) {
        out[i] = (char)(nibble(text.p[2 + i * 2]) << 4 | nibble(text.p[3 + i * 2]));
    }
    return (struct str) { out, n };
}

static struct dbval pg_value(const struct stmt *s, int col, enum db_type as)
{
    if (pg_is_null(s, col)) {
        return V_NULL;
    }
    if (as == DB_INT) {
        return db_int_val(pg_int(s, col));
    }
    if (as == DB_REAL) {
        return db_real_val(pg_real(s, col));
    }
    return (struct dbval) { .type = as, .s = as == DB_TEXT ? pg_text(s, col) : pg_blob(s, col) };
}

static enum err_code pg_script(struct conn *conn, const char *text, struct err *e)
{
    struct pg_conn *c = self(conn);

    if (!pg_in_tx(conn)) {
        TRY(revive(c, e));
    }
    TRY(command(c, text, e));
    kept_clear(&c->kept); /* plans may rest on tables that it changed */
    return OK;
}

static enum err_code pg_checkpoint(struct conn *c, int64_t *wal_pages, struct err *e)
{
    (void)c;
    (void)e;
    *wal_pages = 0;
    return OK;
}

/* --- waking each other --- */

static enum err_code pg_listen(struct conn *conn, const char *channel, struct err *e)
{
    struct pg_conn *c = self(conn);
    char text[160];
    char *name = PQescapeIdentifier(c->pg, channel, strlen(channel));

    snprintf(text, sizeof text, "LISTEN %s", name ? name : "");
    PQfreemem(name);
    return command(c, text, e);
}

static enum err_code pg_notify(
    struct conn *conn, const char *channel, const char *word, struct err *e)
{
    struct pg_conn *c = self(conn);
    const char *const values[] = { channel, word };
    PGresult *r = PQexecParams(
        c->pg, "SELECT pg_notify($1, $2)", 2, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        return fail(c, r, e);
    }
    PQclear(r);
    return OK;
}

/* One's own words come back too, and are left out. */
static bool take_notices(struct pg_conn *c, void (*heard)(void *arg, struct str text), void *arg)
{
    bool any = false;
    PGnotify *n;

    while ((n = PQnotifies(c->pg)) != NULL) {
        if (n->be_pid != PQbackendPID(c->pg)) {
            any = true;
            heard(arg, str_of(n->extra));
        }
        PQfreemem(n);
    }
    return any;
}

static enum err_code pg_wait(struct conn *conn, int fd, int64_t micros,
    void (*heard)(void *arg, struct str text), void *arg, struct err *e)
{
    struct pg_conn *c = self(conn);
    struct pollfd both[] = { { .fd = PQsocket(c->pg), .events = POLLIN },
        { .fd = fd, .events = POLLIN } };

    /* some may have come with the answer to an earlier command */
    if (take_notices(c, heard, arg)) {
        return OK;
    }
    int n = poll(both, 2, (int)(micros / 1000));
    if (n == 0) {
        return command(c, "SELECT 1", e);
    }
    if (n > 0 && both[0].revents && !PQconsumeInput(c->pg)) {
        return err_set(e, ERR_BUSY, NULL, "%s", PQerrorMessage(c->pg));
    }
    (void)take_notices(c, heard, arg);
    return PQstatus(c->pg) == CONNECTION_OK
        ? OK
        : err_set(e, ERR_BUSY, NULL, "%s", PQerrorMessage(c->pg));
}

/* --- the connection --- */

static void pg_close(struct conn *conn)
{
    struct pg_conn *c = self(conn);

    c->fresh = false; /* the server forgets the statements by itself */
    kept_clear(&c->kept);
    PQfinish(c->pg);
    arena_destroy(c->scratch);
    free(c);
}

static void ignore_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

static const struct db_ops pg_ops = {
    .close = pg_close,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .simple = pg_simple,
    .in_tx = pg_in_tx,
    .exec = pg_exec,
    .insert = pg_insert,
    .query = pg_query,
    .step = pg_step,
    .end = pg_end,
    .script = pg_script,
    .checkpoint = pg_checkpoint,
    .listen = pg_listen,
    .notify = pg_notify,
    .wait = pg_wait,
    .columns = pg_columns,
    .value = pg_value,
    .is_null = pg_is_null,
    .integer = pg_int,
    .real = pg_real,
    .text = pg_text,
    .blob = pg_blob,
};

enum err_code postgres_open(
    const struct db_config *cfg, enum conn_mode mode, struct conn **out, struct err *e)
{
    const char *const keys[] = { "dbname", "application_name", "client_encoding",
        "connect_timeout", NULL };
    const char *const values[] = { cfg->url ? cfg->url : "", "kith", "UTF8", "10", NULL };
    struct pg_conn *c = db_alloc(sizeof *c);

    c->base.ops = &pg_ops;
    c->base.mode = mode;
    c->kept.drop = drop;
    c->kept.owner = c;
    c->scratch = arena_create(0);
    if (cfg->schema) {
        size_t n = strlen(cfg->schema) + 1;
        c->base.schema = memcpy(db_alloc(n), cfg->schema, n);
    }
    c->pg = PQconnectdbParams(keys, values, 1);
    PQsetNoticeReceiver(c->pg, ignore_notice, NULL);
    enum err_code code = OK;
    if (PQstatus(c->pg) != CONNECTION_OK) {
        code = err_set(e, ERR_BUSY, NULL, "%s", PQerrorMessage(c->pg));
    } else {
        code = settle(c, e);
    }
    if (code != OK) {
        free(c->base.schema);
        pg_close(&c->base);
        return code;
    }
    *out = &c->base;
    return OK;
}

enum err_code db_prepare_store(struct conn *c, struct err *e)
{
    struct arena *mem;
    enum err_code code;

    if (c->backend != DB_POSTGRES) {
        return OK;
    }
    mem = arena_create(0);
    char *schema = c->schema ? PQescapeIdentifier(self(c)->pg, c->schema, strlen(c->schema)) : NULL;
    /* one transaction; the lock, because several servers may start at once */
    struct str text = arena_fmt(mem, "SELECT pg_advisory_xact_lock(5494711); %s%s%s %s",
        schema ? "CREATE SCHEMA IF NOT EXISTS " : "", schema ? schema : "", schema ? ";" : "",
        db_functions_script());
    code = c->ops->script(c, text.p, e);
    PQfreemem(schema);
    arena_destroy(mem);
    return code;
}
