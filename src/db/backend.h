/* backend.h - what db.c and the two backends share; nobody else includes it. */

#ifndef DB_BACKEND_H
#define DB_BACKEND_H

#include "db/db.h"
#include "db/kept.h"

struct db_ops {
    void (*close)(struct conn *c);
    enum err_code (*begin)(struct conn *c, enum tx tx, struct err *e);
    enum err_code (*commit)(struct conn *c, struct err *e);
    void (*rollback)(struct conn *c);
    /* A statement about a savepoint, without values. */
    enum err_code (*simple)(struct conn *c, const char *text, struct err *e);
    bool (*in_tx)(const struct conn *c);
    enum err_code (*exec)(
        struct conn *c, const char *text, struct dbvals v, int64_t *changed, struct err *e);
    enum err_code (*insert)(
        struct conn *c, const char *text, struct dbvals v, int64_t *id, struct err *e);
    enum err_code (*query)(
        struct conn *c, const char *text, struct dbvals v, struct stmt *s, struct err *e);
    enum err_code (*step)(struct stmt *s, bool *row, struct err *e);
    void (*end)(struct stmt *s);
    enum err_code (*script)(struct conn *c, const char *text, struct err *e);
    enum err_code (*checkpoint)(struct conn *c, int64_t *wal_pages, struct err *e);
    enum err_code (*checkpoint_whole)(struct conn *c, bool *anew, struct err *e); /* NULL: there is no log */
    /* NULL where there is one process */
    enum err_code (*listen)(struct conn *c, const char *channel, struct err *e);
    enum err_code (*notify)(struct conn *c, const char *channel, const char *text, struct err *e);
    enum err_code (*wait)(struct conn *c, int fd, int64_t micros,
        void (*heard)(void *arg, struct str text), void *arg, struct err *e);
    int (*columns)(const struct stmt *s);
    struct dbval (*value)(const struct stmt *s, int col, enum db_type as);
    bool (*is_null)(const struct stmt *s, int col);
    int64_t (*integer)(const struct stmt *s, int col);
    double (*real)(const struct stmt *s, int col);
    struct str (*text)(const struct stmt *s, int col);
    struct str (*blob)(const struct stmt *s, int col);
};

struct conn {
    const struct db_ops *ops;
    enum db_backend backend;
    enum conn_mode mode;
    bool begun;              /* conn_begin() without its end yet, whether or not it still stands */
    int depth;               /* of savepoints */
    uint64_t writes;         /* see conn_writes() */
    int64_t budget;          /* microseconds, 0 for none */
    char *schema;            /* PostgreSQL, may be NULL */
    struct stmt *live;       /* statements begun and not ended */
    struct stmt *spare, **spare_last; /* ended ones, oldest first */
    unsigned nspare;
};

struct stmt {
    struct conn *conn;
    struct stmt *next, **link; /* in conn->live or conn->spare */
    bool ended, in_arena;
    struct kept *kept;
    void *handle;          /* sqlite3_stmt or PGresult */
    int row, rows;         /* PostgreSQL */
    struct arena *scratch; /* PostgreSQL: decoded bytes of the row */
};

enum err_code sqlite_open(
    const struct db_config *cfg, enum conn_mode mode, struct conn **out, struct err *e);
enum err_code postgres_open(
    const struct db_config *cfg, enum conn_mode mode, struct conn **out, struct err *e);

/* Registers kith_add and its like; a SQLite code. */
int functions_register(void *sqlite3);

#endif
