/* schema.h - tables as data: compared with what is there, planned, applied.
 *
 * The definition to physical schema is a pure function made by model/; this block turns the
 * difference between a wanted schema and the present one into steps. */

#ifndef DB_SCHEMA_H
#define DB_SCHEMA_H

#include "db/db.h"

struct schema_column {
    const char *name;
    enum db_type type;  /* DB_INT bigint, DB_REAL double precision, DB_TEXT text (C), DB_BLOB bytea */
    bool not_null;
    const char *def;        /* literal for existing rows, NULL for none; needed with not_null */
    const char *references; /* table, by id; NULL for none */
    const char *on_delete;  /* "CASCADE", "SET NULL", "RESTRICT" */
    const char *was;        /* earlier name: renamed, not added */
};

struct schema_index {
    const char *name; /* unique in the database; changes with the definition */
    const char *columns; /* quoted, with order: "\"a\", \"b\" DESC"; the absent come last ascending,
                            first descending on both databases */
    bool unique;
    const char *where;   /* partial, or NULL */
};

struct schema_table {
    const char *name;
    bool auto_id; /* "id" ascending and never reused; else the first columns of key are the key */
    bool ids_again; /* with auto_id: a number may come again after its row is gone. SQLite then need not
                       look up and keep the highest one at each insert */
    const char *key; /* quoted list for PRIMARY KEY when there is no auto_id; may be NULL */
    bool without_rowid; /* SQLite */
    const struct schema_column *columns; /* "id" is not among them when auto_id */
    size_t ncolumns;
    const struct schema_index *indexes;
    size_t nindexes;
};

struct schema_plan {
    char **steps; /* SQL, in order */
    size_t n;
    bool destructive;
    const char *refusal; /* NULL, or why it cannot be done (a column changed its type, ...) */
};

/* Columns and indexes that are in the database but not wanted are left (columns) or dropped
 * (indexes whose name begins with "k_"). New tables come with all at once. The rows of a table that numbered them by
 * "id", and has a key of its own now, move into a new one. */
MUST_CHECK enum err_code schema_compare(struct conn *c, struct arena *mem,
    const struct schema_table *tables, size_t n, struct schema_plan *plan, struct err *e);
/* Runs a plan. On PostgreSQL with a short lock_timeout and some tries. */
MUST_CHECK enum err_code schema_apply(struct conn *c, const struct schema_plan *plan, struct err *e);

#endif
