/* crash_db.c - the writer under crashes: mixed calls, and calls that take the whole batch along.
 *
 * Each call writes two tables that must agree: an entry and its twin with the same version, or a
 * transfer's row and the two amounts that it moves between, whose sum stays. */

#include "harness.h"

#include "db/writer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

enum { ACCOUNTS = 20, EACH = 1000, OWN = 64, BODY_LONGEST = 6000 };

enum op { PUT, CHANGE, REMOVE, TRANSFER, CLASH, OR_ROLLBACK, RAISED, SWALLOWED, FULL, INTERRUPTED };

/* Of the child. */
static struct writer *writer;
static _Atomic bool limited; /* a call may have left the page limit behind */
static char body[BODY_LONGEST + 1];

/* ---- making and opening ---- */

/* crash_interrupt(): what a signal handler or a governor would do to the connection. */
static void interrupt(sqlite3_context *ctx, int n, sqlite3_value **args)
{
    (void)n;
    (void)args;
    sqlite3_interrupt(sqlite3_context_db_handle(ctx));
    sqlite3_result_int(ctx, 1);
}

static int add_functions(sqlite3 *db, char **msg, const void *api)
{
    (void)msg;
    (void)api;
    return sqlite3_create_function(db, "crash_interrupt", 0, SQLITE_UTF8, NULL, interrupt, NULL, NULL);
}

static struct conn *connect_to(struct stage *s)
{
    struct db_config cfg = { .path = s->path, .vfs = s->vfs, .sync_off = s->sync_off };
    struct conn *db;
    struct err e;

    if (conn_open(&cfg, CONN_WRITE, &db, &e) != OK) {
        give_up("the database cannot be opened: %s", e.msg);
    }
    return db;
}

static void script(struct conn *db, const char *text)
{
    struct err e;

    if (conn_script(db, text, &e) != OK) {
        give_up("%s: %s", text, e.msg);
    }
}

static void prepare(struct stage *s)
{
    struct conn *db = connect_to(s);

    script(db,
        "CREATE TABLE entry (k INTEGER PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL)"
        " STRICT;"
        "CREATE TABLE twin (k INTEGER PRIMARY KEY, version INTEGER NOT NULL, length INTEGER NOT NULL)"
        " STRICT;"
        "CREATE INDEX twin_length ON twin (length, version);"
        "CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL) STRICT;"
        "CREATE TABLE move (k INTEGER PRIMARY KEY, src INTEGER NOT NULL, dst INTEGER NOT NULL,"
        " amount INTEGER NOT NULL) STRICT;"
        "CREATE TRIGGER refuse BEFORE INSERT ON twin WHEN new.version < 0 BEGIN"
        " SELECT RAISE(ROLLBACK, 'refused'); END;"
        "INSERT INTO entry VALUES (0, 1, ''); INSERT INTO twin VALUES (0, 1, 0)");
    script(db,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)"
        " INSERT INTO account SELECT i, 1000 FROM n");
    conn_close(db);
}

static void open_writer(struct stage *s)
{
    struct conn *db;
    struct err e;

    memset(body, 'b', BODY_LONGEST);
    sqlite3_auto_extension((void (*)(void))add_functions);
    db = connect_to(s);
    if (s->seed % 2) {
        script(db, "PRAGMA wal_autocheckpoint=20"); /* most crashes then fall into a checkpoint */
    }
    if (writer_start(db, 1000, NULL, NULL, &writer, &e) != OK) {
        give_up("no writer: %s", e.msg);
    }
}

/* ---- calls ---- */

struct call_of {
    struct write_call w;
    enum op op;
    int64_t key, version, length;
    int64_t src, dst, amount;
};

static enum err_code put_both(struct conn *db, const struct call_of *c, struct err *e)
{
    struct str text = { body, (size_t)c->length };

    TRY(conn_exec(db, SQL("INSERT INTO entry (k, version, body) VALUES ($1, $2, $3)"),
        VALS(V(c->key), V(c->version), V(text)), NULL, e));
    return conn_exec(db, SQL("INSERT INTO twin (k, version, length) VALUES ($1, $2, $3)"),
        VALS(V(c->key), V(c->version), V(c->length)), NULL, e);
}

static enum err_code change_both(struct conn *db, const struct call_of *c, struct err *e)
{
    struct str text = { body, (size_t)c->length };

    TRY(conn_exec(db, SQL("UPDATE entry SET version = $2, body = $3 WHERE k = $1"),
        VALS(V(c->key), V(c->version), V(text)), NULL, e));
    return conn_exec(db, SQL("UPDATE twin SET version = $2, length = $3 WHERE k = $1"),
        VALS(V(c->key), V(c->version), V(c->length)), NULL, e);
}

static enum err_code remove_both(struct conn *db, const struct call_of *c, struct err *e)
{
    TRY(conn_exec(db, SQL("DELETE FROM entry WHERE k = $1"), VALS(V(c->key)), NULL, e));
    return conn_exec(db, SQL("DELETE FROM twin WHERE k = $1"), VALS(V(c->key)), NULL, e);
}

static enum err_code transfer(struct conn *db, const struct call_of *c, struct err *e)
{
    TRY(conn_exec(db, SQL("UPDATE account SET amount = amount - $2 WHERE id = $1"),
        VALS(V(c->src), V(c->amount)), NULL, e));
    TRY(conn_exec(db, SQL("INSERT INTO move (k, src, dst, amount) VALUES ($1, $2, $3, $4)"),
        VALS(V(c->key), V(c->src), V(c->dst), V(c->amount)), NULL, e));
    return conn_exec(db, SQL("UPDATE account SET amount = amount + $2 WHERE id = $1"),
        VALS(V(c->dst), V(c->amount)), NULL, e);
}

/* These put both, and then do what cannot be done. */
static enum err_code clash(struct conn *db, const struct call_of *c, struct err *e)
{
    TRY(put_both(db, c, e));
    return conn_exec(
        db, SQL("INSERT INTO twin (k, version, length) VALUES (0, 1, 0)"), VALS(), NULL, e);
}

static enum err_code clash_with_rollback(struct conn *db, const struct call_of *c, struct err *e)
{
    TRY(put_both(db, c, e));
    return conn_exec(db,
        SQL("INSERT OR ROLLBACK INTO twin (k, version, length) VALUES (0, 1, 0)"), VALS(), NULL, e);
}

static enum err_code be_refused(struct conn *db, const struct call_of *c, struct err *e)
{
    TRY(put_both(db, c, e));
    return conn_exec(db, SQL("INSERT INTO twin (k, version, length) VALUES ($1, -1, 0)"),
        VALS(V(c->key + 1)), NULL, e);
}

static enum err_code swallow(struct conn *db, const struct call_of *c, struct err *e)
{
    (void)!clash_with_rollback(db, c, e);
    return OK;
}

static enum err_code fill_up(struct conn *db, const struct call_of *c, struct err *e)
{
    TRY(put_both(db, c, e));
    limited = true;
    TRY(conn_exec(db, SQL("PRAGMA max_page_count=1"), VALS(), NULL, e));
    return conn_exec(db,
        SQL("INSERT INTO entry (k, version, body) VALUES ($1, 1, hex(zeroblob(400000)))"),
        VALS(V(c->key + 1)), NULL, e);
}

static enum err_code be_interrupted(struct conn *db, const struct call_of *c, struct err *e)
{
    TRY(put_both(db, c, e));
    return conn_exec(db,
        SQL("INSERT INTO entry (k, version, body) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
            " SELECT i + 1 FROM n WHERE i < 100) SELECT $1 + i, crash_interrupt(), 'x' FROM n"),
        VALS(V(c->key)), NULL, e);
}

static enum err_code (*const ways[])(struct conn *db, const struct call_of *c, struct err *e) = {
    [PUT] = put_both,
    [CHANGE] = change_both,
    [REMOVE] = remove_both,
    [TRANSFER] = transfer,
    [CLASH] = clash,
    [OR_ROLLBACK] = clash_with_rollback,
    [RAISED] = be_refused,
    [SWALLOWED] = swallow,
    [FULL] = fill_up,
    [INTERRUPTED] = be_interrupted,
};

static enum err_code run(struct write_call *w, struct conn *db)
{
    struct call_of *c = (struct call_of *)w;
    struct err e = { 0 };

    if (limited) {
        TRY(conn_exec(db, SQL("PRAGMA max_page_count=1073741823"), VALS(), NULL, &e));
        limited = false;
    }
    return ways[c->op](db, c, &e);
}

static bool is_whole(enum op op)
{
    return op <= TRANSFER;
}

static void submit(struct client *cl, struct call_of *c)
{
    struct err e = { 0 };
    struct report r = { .what = REPORT_TRY, .op = c->op, .key = c->key, .b = c->version };

    c->w = (struct write_call) { .run = run };
    client_report(cl, &r);
    enum err_code code = writer_run(writer, &c->w, &e);
    r.what = code == OK ? REPORT_DONE : REPORT_REFUSED;
    client_report(cl, &r);
    if ((code == OK) != is_whole(c->op)) {
        client_trouble(cl, "call of kind %d answered %s %s", (int)c->op, err_name(code), e.msg);
    }
}

static void one_call(struct client *cl, bool breaks)
{
    struct call_of c = { .length = (int64_t)rng_below(&cl->r, 8) ? (int64_t)rng_below(&cl->r, 200)
                                                                 : (int64_t)rng_below(&cl->r, BODY_LONGEST) };
    size_t slot = rng_below(&cl->r, OWN);
    uint64_t what = rng_below(&cl->r, 100);
    int64_t fresh = (cl->number + 1) * 100000000LL + cl->calls * 1000;

    c.key = fresh;
    c.version = 1;
    if (what < 25) {
        c.op = TRANSFER;
        c.key = -fresh;
        c.src = (int64_t)rng_below(&cl->r, ACCOUNTS) + 1;
        c.dst = (int64_t)rng_below(&cl->r, ACCOUNTS) + 1;
        c.amount = (int64_t)rng_below(&cl->r, 50);
    } else if (what < 30) {
        c.op = CLASH;
    } else if (breaks && what < 45) {
        c.op = OR_ROLLBACK + (enum op)rng_below(&cl->r, 5);
    } else if (!cl->own[slot]) {
        c.op = PUT;
        cl->own[slot] = c.key;
        cl->value[slot] = 1;
    } else {
        c.op = what < 60 ? REMOVE : CHANGE;
        c.key = cl->own[slot];
        c.version = c.op == REMOVE ? 0 : ++cl->value[slot];
        cl->own[slot] = c.op == REMOVE ? 0 : c.key;
    }
    submit(cl, &c);
}

static void mixed_call(struct client *cl)
{
    one_call(cl, false);
}

static void breaking_call(struct client *cl)
{
    one_call(cl, true);
}

/* ---- looking at what is left ---- */

static int64_t ask(struct conn *db, struct stage *s, struct sql sql, struct dbvals v, bool *found)
{
    int64_t n = 0;
    struct err e;

    if (conn_int(db, sql, v, &n, found, &e) != OK) {
        finding(s, "%s: %s", sql.text, e.msg);
    }
    return n;
}

static void none(struct conn *db, struct stage *s, const char *what, struct sql sql)
{
    int64_t n = ask(db, s, sql, VALS(), NULL);

    if (n) {
        finding(s, "%lld %s", (long long)n, what);
    }
}

static void check_fates(struct conn *db, struct stage *s)
{
    size_t n;
    struct fate *fates = fates_of(s, &n);
    int64_t rows = 0;

    for (size_t i = 0; i < n; i++) {
        const struct fate *f = &fates[i];
        bool found;
        if (!f->used) {
            continue;
        }
        int64_t version = f->key < 0
            ? ask(db, s, SQL("SELECT 1 FROM move WHERE k = $1"), VALS(V(f->key)), &found)
            : ask(db, s, SQL("SELECT version FROM entry WHERE k = $1"), VALS(V(f->key)), &found);
        rows += version != 0;
        if (!fate_allows(f, version)) {
            finding(s, "%lld has version %lld, acknowledged was %lld", (long long)f->key,
                (long long)version, (long long)f->value);
        }
    }
    int64_t all = ask(db, s,
        SQL("SELECT (SELECT count(*) FROM entry WHERE k <> 0) + (SELECT count(*) FROM move)"),
        VALS(), NULL);
    if (all != rows) {
        finding(s, "%lld rows, of which %lld were asked for", (long long)all, (long long)rows);
    }
}

static void check(struct stage *s)
{
    struct conn *db;

    s->vfs = NULL;
    db = connect_to(s);
    none(db, s, "faults of the file",
        SQL("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"));
    none(db, s, "entries without their twin",
        SQL("SELECT count(*) FROM entry e LEFT JOIN twin t ON t.k = e.k WHERE t.k IS NULL OR"
            " t.version <> e.version OR t.length <> length(e.body)"));
    none(db, s, "twins without their entry",
        SQL("SELECT count(*) FROM twin WHERE k NOT IN (SELECT k FROM entry)"));
    none(db, s, "accounts that do not follow from the transfers",
        SQL("SELECT count(*) FROM account a WHERE amount <> 1000 + (SELECT coalesce(sum(amount), 0)"
            " FROM move WHERE dst = a.id) - (SELECT coalesce(sum(amount), 0) FROM move WHERE"
            " src = a.id)"));
    none(db, s, "too much or too little in all accounts",
        SQL("SELECT sum(amount) - 20000 FROM account"));
    check_fates(db, s);
    conn_close(db);
}

static const struct workload table[] = {
    { .name = "mixed", .clients = 6, .power = true, .proves_sync = true, .prepare = prepare,
        .open = open_writer, .call = mixed_call, .check = check },
    { .name = "breaks the batch", .clients = 6, .power = true, .proves_recovery = true,
        .prepare = prepare, .open = open_writer, .call = breaking_call, .check = check },
    { 0 },
};

int main(int argc, char **argv)
{
    return crash_main(argc, argv, table);
}
