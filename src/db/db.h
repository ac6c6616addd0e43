/* db.h - one way to speak to SQLite and to PostgreSQL.
 *
 * SQL text is a literal, or built by model/query.c alone; values travel apart. Parameters are $1,
 * $2, ... on both. A connection belongs to one thread at a time and to one transaction at a time.
 * Statements are prepared once per connection and kept (least recently used ones go). */

#ifndef DB_DB_H
#define DB_DB_H

#include "base/arena.h"

enum db_backend { DB_SQLITE, DB_POSTGRES };

struct sql {
    const char *text;
    const char *pg; /* NULL: the same text */
};
#define SQL(lit) ((struct sql) { "" lit "", NULL })
#define SQL2(sqlite, pg) ((struct sql) { "" sqlite "", "" pg "" }) /* a true difference; listed */

enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };

struct dbval {
    enum db_type type;
    union {
        int64_t i;
        double d;
        struct str s; /* DB_TEXT and DB_BLOB */
    };
};

static inline struct dbval db_int_val(int64_t i)
{
    return (struct dbval) { .type = DB_INT, .i = i };
}
static inline struct dbval db_bool_val(bool b)
{
    return (struct dbval) { .type = DB_INT, .i = b };
}
static inline struct dbval db_real_val(double d)
{
    return (struct dbval) { .type = DB_REAL, .d = d };
}
static inline struct dbval db_text_val(struct str s)
{
    return (struct dbval) { .type = DB_TEXT, .s = s };
}
static inline struct dbval db_cstr_val(const char *s)
{
    return s ? db_text_val(str_of(s)) : (struct dbval) { DB_NULL };
}
static inline struct dbval db_same_val(struct dbval v)
{
    return v;
}
#define V_NULL ((struct dbval) { .type = DB_NULL })
#define V_BLOB(str) ((struct dbval) { .type = DB_BLOB, .s = (str) })
/* Any value as a parameter. */
#define V(x)                                                                                       \
    _Generic((x),                                                                                  \
        bool: db_bool_val,                                                                         \
        int: db_int_val,                                                                           \
        long: db_int_val,                                                                          \
        long long: db_int_val,                                                                     \
        unsigned: db_int_val,                                                                      \
        unsigned long: db_int_val,                                                                 \
        double: db_real_val,                                                                       \
        struct str: db_text_val,                                                                   \
        char *: db_cstr_val,                                                                       \
        const char *: db_cstr_val,                                                                 \
        struct dbval: db_same_val)(x)
/* A parameter list: VALS(V(a), V(b)); VALS() for none. */
struct dbvals {
    const struct dbval *v;
    size_t n;
};
#define VALS(...)                                                                                  \
    ((struct dbvals) { (const struct dbval[]) { V_NULL, ##__VA_ARGS__ } + 1,                      \
        sizeof((const struct dbval[]) { V_NULL, ##__VA_ARGS__ }) / sizeof(struct dbval) - 1 })

struct db_config {
    enum db_backend backend;
    const char *path;   /* SQLite file; ":memory:" is refused, tests use a temporary folder */
    const char *url;    /* postgresql://... */
    const char *schema; /* PostgreSQL schema of the organisation */
    const char *vfs;    /* SQLite VFS by name, NULL for the system's */
    bool checkpoint_apart; /* someone calls conn_checkpoint(): commits leave the WAL alone */
    bool sync_off;         /* testing builds only: synchronous=OFF, to prove that it would lose */
};

enum conn_mode { CONN_READ, CONN_WRITE };
enum tx { TX_READ, TX_WRITE, TX_FOLLOW, TX_LAG };

struct conn;
struct stmt;

/* Settings of SQLite for the whole process: from main, before the first connection. */
void db_start(void);

/* SQLite: WAL, synchronous=FULL, foreign keys on; CONN_READ is opened read-only with query_only.
 * Registers our SQL functions (see db_functions in docs/internals/db.md): kith_add/sub/mul/div on
 * scaled integers with NULL on overflow, kith_distance. PostgreSQL has the same as SQL functions
 * made by the first migration. */
MUST_CHECK enum err_code conn_open(
    const struct db_config *cfg, enum conn_mode mode, struct conn **out, struct err *e);
void conn_close(struct conn *c); /* NULL is allowed; rolls back what is open */
/* Once per organisation and start, on a write connection, before any table is made: on PostgreSQL
 * makes the schema and our SQL functions; on SQLite nothing is to be done. */
MUST_CHECK enum err_code db_prepare_store(struct conn *c, struct err *e);
const char *db_functions_script(void); /* the PostgreSQL functions, for db_prepare_store */
enum db_backend conn_backend(const struct conn *c);

/* TX_FOLLOW: a read that sees what is committed while it runs (PostgreSQL READ COMMITTED, READ ONLY): for
 * reading the feed, whose horizon must be older than what is then read.
 * TX_READ: SQLite a deferred read snapshot; PostgreSQL REPEATABLE READ, READ ONLY.
 * TX_WRITE: BEGIN IMMEDIATE; PostgreSQL READ COMMITTED.
 * TX_LAG: the same, but its commit does not wait for the disk. A loss of power may take it, whole, and never
 * one before it alone: any later commit of a TX_WRITE has it on disk too. */
MUST_CHECK enum err_code conn_begin(struct conn *c, enum tx tx, struct err *e);
MUST_CHECK enum err_code conn_commit(struct conn *c, struct err *e);
void conn_rollback(struct conn *c);
/* Nested by name depth; release keeps, rollback_to undoes and releases. */
MUST_CHECK enum err_code conn_savepoint(struct conn *c, struct err *e);
MUST_CHECK enum err_code conn_release(struct conn *c, struct err *e);
void conn_undo(struct conn *c);
/* How many savepoints are open; undoes those past a depth, for whoever cannot know what was left
 * open inside: an error or a jump may come out of any of them. */
int conn_depth(const struct conn *c);
void conn_undo_to(struct conn *c, int depth);
/* Whether the transaction that was begun still stands: disk full and some other errors take it. */
bool conn_in_tx(const struct conn *c);

/* Grows with every statement that may have left something to undo: on SQLite those that wrote (a failed
 * one undoes itself), on PostgreSQL those that wrote or failed. So who finds it unchanged after a
 * failure need not roll back. */
uint64_t conn_writes(const struct conn *c);

/* Runs a statement to its end. *changed (may be NULL) is the number of rows written. */
MUST_CHECK enum err_code conn_exec(
    struct conn *c, struct sql sql, struct dbvals v, int64_t *changed, struct err *e);
/* Inserts one row into a table that numbers its rows by "id", and gives that number. The text has no
 * RETURNING: on SQLite that would make it a statement of several steps, which copies every page it touches
 * and looks into each table that refers to this one. */
MUST_CHECK enum err_code conn_insert(
    struct conn *c, struct sql sql, struct dbvals v, int64_t *id, struct err *e);
/* Starts a statement that gives rows; end it with stmt_end. A second stmt_end is harmless for the
 * next 1,000 statements of the connection. */
MUST_CHECK enum err_code conn_query(
    struct conn *c, struct sql sql, struct dbvals v, struct stmt **out, struct err *e);
/* The same, tied to an arena that is rewound or reset on the connection's thread and before
 * conn_close: it ends the statement; ending it earlier is allowed, at any time. */
MUST_CHECK enum err_code conn_query_in(struct conn *c, struct arena *mem, struct sql sql,
    struct dbvals v, struct stmt **out, struct err *e);
/* *row is false after the last. Column bytes live until the next step or stmt_end. */
MUST_CHECK enum err_code stmt_step(struct stmt *s, bool *row, struct err *e);
void stmt_end(struct stmt *s);
/* Ends every statement that is still under way: for whoever gives the connection on. */
void conn_end_statements(struct conn *c);
int stmt_columns(const struct stmt *s);
bool stmt_is_null(const struct stmt *s, int col);
int64_t stmt_int(const struct stmt *s, int col);   /* 0 for null */
double stmt_real(const struct stmt *s, int col);
struct str stmt_text(const struct stmt *s, int col);
struct str stmt_blob(const struct stmt *s, int col);
/* The column as the type asked for: DB_NULL when null. Text is not copied. */
struct dbval stmt_value(const struct stmt *s, int col, enum db_type as);
/* Reads the first column of the first row; *found (may be NULL: then no row is ERR_NOT_FOUND). */
MUST_CHECK enum err_code conn_int(
    struct conn *c, struct sql sql, struct dbvals v, int64_t *out, bool *found, struct err *e);

/* Several statements of schema text without parameters, separated by ';'. */
MUST_CHECK enum err_code conn_script(struct conn *c, const char *text, struct err *e);

/* SQLite: copies what readers allow from the WAL into the file; *wal_pages (may be NULL) is what the
 * WAL held. Beside a writer, with a write connection of its own. PostgreSQL: does nothing. */
MUST_CHECK enum err_code conn_checkpoint(struct conn *c, int64_t *wal_pages, struct err *e);
/* The same while nobody writes, and so that the next to write begins the WAL anew, unless a reader stays in it
 * for longer than some milliseconds: *anew (may be NULL). */
MUST_CHECK enum err_code conn_checkpoint_whole(struct conn *c, bool *anew, struct err *e);

/* PostgreSQL: connections of one database wake each other (LISTEN, NOTIFY), outside of transactions. channel
 * and text are plain words. ERR_INVALID on SQLite, whose file has one process. */
MUST_CHECK enum err_code conn_listen(struct conn *c, const char *channel, struct err *e);
MUST_CHECK enum err_code conn_notify(
    struct conn *c, const char *channel, const char *text, struct err *e);
/* Waits until another connection has told something, fd can be read, or the time is over; then the database is
 * asked whether it is still there. heard is called for each text. */
MUST_CHECK enum err_code conn_wait(struct conn *c, int fd, int64_t micros,
    void (*heard)(void *arg, struct str text), void *arg, struct err *e);

/* The governor: a query that passes this many microseconds (SQLite: looked at every 1,000 VM steps;
 * PostgreSQL: statement_timeout) ends with ERR_BUDGET. 0 takes the limit away. Read connections
 * only on SQLite; inside a transaction only on PostgreSQL. */
void conn_budget(struct conn *c, int64_t micros);
/* The same unless there is one already: whether it was set. */
bool conn_budget_own(struct conn *c, int64_t micros);

/* Errors: unique clash ERR_CONFLICT, field = "unique:<index or table.columns>"; foreign key
 * ERR_CONFLICT, field = "reference"; busy or gone ERR_BUSY; disk full ERR_FULL; past the budget
 * ERR_BUDGET; anything else ERR_INTERNAL. */

#ifdef KITH_TESTING
/* The n-th statement step from now (1 = next) on any connection of this thread fails with code;
 * 0 switches it off. Returns how many steps were counted since the last call. */
int64_t db_fail_at(int64_t n, enum err_code code);
/* SQLite VFS "powerloss": keeps what was written and not synced apart. db_power_loss() throws it away,
 * but for a random part in whole sectors, as a power cut does. The handles of then only fail and may
 * be closed; nothing opens until db_powerloss_vfs(), which registers the VFS, is called again. */
const char *db_powerloss_vfs(void);
void db_power_loss(uint64_t seed);
#endif

#endif
