/* call.h - what every function above db/ receives first, and how a call runs.
 *
 * A call is one request, job or shell command from start to end: an arena, a connection inside a
 * transaction, a user, a snapshot of the model, the instant read once. Domain code is straight-line C
 * inside it; what must wait for the commit goes through call_after_commit(). */

#ifndef MODEL_CALL_H
#define MODEL_CALL_H

#include "base/json.h"
#include "base/time.h"
#include "db/db.h"
#include "db/writer.h"
#include "model/config.h"
#include "model/model.h"

struct org;
struct access;

enum via { VIA_SYSTEM, VIA_UI, VIA_API, VIA_IMPORT, VIA_SHELL, VIA_JOB, VIA_FORM };
const char *via_name(enum via via);

struct user {
    int64_t id;   /* 0: the system user */
    struct str email, name;
    bool admin;
    int64_t team; /* main team, 0 for none */
    struct str language;
    const struct zone *zone;
    const struct access *access; /* what the roles give, compiled */
    int64_t token, session;      /* how he came in, 0 for none */
    struct str scopes;           /* of the token: "contacts:read,companies:write"; empty for all */
};

struct field_error {
    struct field_error *next;
    const char *field, *message;
};

struct call {
    struct org *org;
    const struct model *model;
    struct held_model *held_model; /* what gives it back */
    struct arena *mem;
    struct conn *db;
    const struct user *who; /* never NULL */
    const struct config *cfg;
    int64_t now; /* microseconds since 1970 */
    int64_t began; /* of the transaction, by the real clock: for how long it has held the writer */
    int64_t began_worked; /* the same by time_worked(), of a patient call */
    struct err err;
    struct field_error *errors; /* more than one field at fault */

    enum via via;
    const char *request; /* id for logs and answers */
    enum tx tx;
    bool patient;        /* background work: other writing calls need not end early for it */
    bool lags;           /* its commit need not be on disk when it is answered: TX_LAG */
    int64_t change_set;  /* 0 until the first write */
    int64_t changes;     /* rows of the feed that this call has made */
    const char *change_kind; /* "edit", "import", "merge", ... of the change set */
    int64_t undo_of;     /* the change set that this call undoes */

    const struct action *action; /* of a running action */
    int64_t *ids;                /* what it is about */
    size_t nids;
    const json_t *input;
    struct json_writer out; /* the answer's body */
    struct buf body;
    struct after *after;
    enum { REBUILD_NONE, REBUILD_LISTS, REBUILD_SCHEMA } rebuild; /* before the commit */
    struct model *built; /* by a rebuild; published after the commit */
    struct job_run *job; /* the running job, NULL outside one */
    uint64_t touched; /* consumers that follow what it changed */
    bool in_feed; /* PostgreSQL: its rows of the feed are announced (change.c) */
    jmp_buf *ceiling; /* while the body runs: where reaching the arena's ceiling leads */
    struct held_rollups *held; /* roll-ups that are made at the end (rollups_hold), NULL: at once */
};

enum { BODY_MAX = 64 << 20 };

/* Of the user, else of the organisation. */
struct str call_language(const struct call *c);
MUST_CHECK enum err_code fail(
    struct call *c, enum err_code code, const char *field, const char *fmt, ...) PRINTF(4, 5);
/* Notes one field at fault and goes on; call_status() at the end gives the failure. */
void fail_field(struct call *c, const char *field, const char *fmt, ...) PRINTF(3, 4);
MUST_CHECK enum err_code call_status(struct call *c);

/* Prepares a call on an arena; model, clock and answer are set. The snapshot is given back when
 * the arena is reset. */
void call_init(struct call *c, struct org *org, struct arena *mem, const struct user *who,
    enum via via);
/* Goes on with the model that is in force. */
void call_renew_model(struct call *c);
typedef enum err_code call_fn(struct call *c, void *arg);
/* Runs fn on conn inside a transaction of its own, under the arena's ceiling; commits on OK and
 * rolls back otherwise. The error is in c->err. */
MUST_CHECK enum err_code call_run(
    struct call *c, struct conn *conn, enum tx tx, call_fn *fn, void *arg);
/* A writing call from a thread that may block: through the writer on SQLite, on a connection from the pool on
 * PostgreSQL (ERR_BUSY, as after a deadlock, is tried again). fn may run more than once: what it leaves in arg is
 * taken over by the caller, behind the commit. */
MUST_CHECK enum err_code call_write(struct call *c, call_fn *fn, void *arg);
/* Whether background work has held the writer long enough: for 5 ms when other calls wait, else for 100 ms, on SQLite
 * of work and half a second at most; where no server runs, and nobody can wait, for two seconds. */
bool call_has_taken_enough(const struct call *c);
MUST_CHECK enum err_code call_read(struct call *c, call_fn *fn, void *arg);
/* The same, to read the feed. */
MUST_CHECK enum err_code call_follow(struct call *c, call_fn *fn, void *arg);
/* Runs fn inside a savepoint of the call's transaction: its failure undoes only itself. */
MUST_CHECK enum err_code call_nested(struct call *c, call_fn *fn, void *arg);
/* The same without the savepoint, which costs as much as the writes themselves: a failure leaves *left
 * true when something stays behind that only an enclosing call_nested, or the end of the call, undoes. */
MUST_CHECK enum err_code call_try(struct call *c, call_fn *fn, void *arg, bool *left);
/* fn runs on the committing thread behind the commit, which is durable then unless the call lags. Nothing of a part that
 * failed (call_nested, call_try) is run. The only door for effects outside the database. arg must live in c->mem. */
void call_after_commit(struct call *c, void (*fn)(struct org *org, void *arg), void *arg);
/* Runs fn, of a reading call, with an arena of its own as c->mem, which is gone behind it: what is to stay, fn puts into
 * the call's. Both have the call's ceiling. */
MUST_CHECK enum err_code call_scratch(struct call *c, call_fn *fn, void *arg);
/* What one of many things needed of the arena is given back before the next; unless it asked for something after
 * the commit, which lives there. What else is to stay lives in another arena. */
struct call_mark {
    struct arena_mark mem;
    const struct after *after;
};
struct call_mark call_mark(const struct call *c);
void call_rewind(struct call *c, struct call_mark mark);

/* A writing call that need not be waited for: done runs once, on the writer's thread after the commit
 * (SQLite) or on this one (PostgreSQL); the outcome is in c->err. Never blocks on SQLite; ERR_BUSY at
 * once, without done, when too many are in wait. */
MUST_CHECK enum err_code call_submit(
    struct call *c, call_fn *fn, void *arg, void (*done)(void *arg), void *done_arg);

/* ---- the database, on a call ---- */
MUST_CHECK enum err_code db_exec(struct call *c, struct sql sql, struct dbvals v);
MUST_CHECK enum err_code db_changed(struct call *c, int64_t *n, struct sql sql, struct dbvals v);
MUST_CHECK enum err_code db_insert(struct call *c, int64_t *id, struct sql sql, struct dbvals v);
MUST_CHECK enum err_code db_int(struct call *c, int64_t *out, struct sql sql, struct dbvals v);
MUST_CHECK enum err_code db_find(
    struct call *c, int64_t *out, bool *found, struct sql sql, struct dbvals v);
MUST_CHECK enum err_code db_text(struct call *c, struct str *out, struct sql sql, struct dbvals v);
/* Ids as one value, for SQL2("… IN (SELECT value FROM json_each($1))", "… = ANY(CAST($1 AS bigint[]))"). */
struct str db_ids(struct call *c, const int64_t *ids, size_t n);
/* Rows: for (db_query(...); rows_next(&r);) ...; TRY(rows_end(&r)). Ended by the arena too. */
struct rows {
    struct call *c;
    struct stmt *st;
    enum err_code code;
};
MUST_CHECK enum err_code db_query(
    struct call *c, struct rows *r, struct sql sql, struct dbvals v);
bool rows_next(struct rows *r);
MUST_CHECK enum err_code rows_end(struct rows *r);
static inline int64_t col_int(struct rows *r, int col)
{
    return stmt_int(r->st, col);
}
bool col_null(struct rows *r, int col);
double col_real(struct rows *r, int col);
struct str col_text(struct rows *r, int col); /* copied into the arena */

#endif
