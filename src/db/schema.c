/* schema.c - from a wanted schema and the present one to steps.
 *
 * The present one is read once into a map of "table.column". Steps go in an order that needs no
 * foresight: tables, columns, references (PostgreSQL; SQLite has them in the column), indexes. All
 * steps of a plan run in one transaction on both databases. */

#include "db/schema.h"

#include "base/buf.h"
#include "base/map.h"
#include "db/backend.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TRIES = 10, STEP_MAX = 1 << 20 };

struct present {
    const char *type;
    bool not_null;
};

struct plan {
    struct conn *c;
    struct arena *mem;
    bool pg;
    struct map columns; /* "table.column" to struct present; "table" alone to itself */
    struct map indexes; /* name to the table's name */
    struct map wanted_indexes, wanted_tables;
    struct map keyed_anew; /* tables whose indexes went with the old one */
    struct schema_plan *out;
    size_t room;
};

static void step(struct plan *p, struct buf *text)
{
    struct schema_plan *out = p->out;

    if (out->n == p->room) {
        size_t room = p->room ? p->room * 2 : 64;
        char **steps = ARENA_ARRAY(p->mem, char *, room);
        if (out->n) {
            memcpy(steps, out->steps, out->n * sizeof *steps);
        }
        out->steps = steps;
        p->room = room;
    }
    buf_byte(text, '\0');
    out->steps[out->n++] = text->p;
}

static void refuse(struct plan *p, const char *table, const char *column, const char *why)
{
    if (!p->out->refusal) {
        p->out->refusal = arena_fmt(p->mem, "%s.%s %s", table, column, why).p;
    }
}

static const char *type_name(const struct plan *p, enum db_type type)
{
    static const char *const names[][2] = {
        [DB_NULL] = { "TEXT", "text" },
        [DB_INT] = { "INTEGER", "bigint" },
        [DB_REAL] = { "REAL", "double precision" },
        [DB_TEXT] = { "TEXT", "text" },
        [DB_BLOB] = { "BLOB", "bytea" },
    };

    return names[type][p->pg];
}

/* --- the present schema --- */

static enum err_code read_columns(struct plan *p, struct err *e)
{
    const struct sql columns = SQL2(
        "SELECT m.name, x.name, x.type, x.\"notnull\" FROM sqlite_master m"
        " JOIN pragma_table_xinfo(m.name) x WHERE m.type = 'table'"
        " AND m.name NOT LIKE 'sqlite_%' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND $1 IS NULL",
        "SELECT table_name::text, column_name::text, data_type::text,"
        " (is_nullable = 'NO')::integer FROM information_schema.columns"
        " WHERE table_schema = coalesce($1::text, current_schema()::text)");
    struct dbval schema = p->pg ? db_cstr_val(p->c->schema) : V_NULL;
    struct stmt *s;
    bool row;

    TRY(conn_query_in(p->c, p->mem, columns, VALS(schema), &s, e));
    for (;;) {
        TRY(stmt_step(s, &row, e));
        if (!row) {
            break;
        }
        struct str table = arena_str(p->mem, stmt_text(s, 0));
        struct present *found = ARENA_NEW(p->mem, struct present);
        found->type = arena_cstr(p->mem, stmt_text(s, 2));
        found->not_null = stmt_int(s, 3) != 0;
        map_put(&p->columns, table, found);
        map_put(&p->columns,
            arena_fmt(p->mem, "%s.%.*s", table.p, STR_ARG(stmt_text(s, 1))), found);
    }
    stmt_end(s);
    return OK;
}

static enum err_code read_indexes(struct plan *p, struct err *e)
{
    const struct sql indexes = SQL2(
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND $1 IS NULL",
        "SELECT indexname::text, tablename::text FROM pg_indexes"
        " WHERE schemaname = coalesce($1::text, current_schema()::text)");
    struct dbval schema = p->pg ? db_cstr_val(p->c->schema) : V_NULL;
    struct stmt *s;
    bool row;

    TRY(conn_query_in(p->c, p->mem, indexes, VALS(schema), &s, e));
    for (;;) {
        TRY(stmt_step(s, &row, e));
        if (!row) {
            break;
        }
        map_put(&p->indexes, arena_str(p->mem, stmt_text(s, 0)),
            arena_cstr(p->mem, stmt_text(s, 1)));
    }
    stmt_end(s);
    return OK;
}

static const struct present *find(const struct plan *p, const char *table, const char *column)
{
    return map_get(&p->columns, arena_fmt(p->mem, "%s.%s", table, column));
}

/* --- the steps --- */

static void column_text(const struct plan *p, struct buf *b, const struct schema_column *col)
{
    buf_fmt(b, "\"%s\" %s", col->name, type_name(p, col->type));
    if (p->pg && col->type == DB_TEXT) {
        buf_lit(b, " COLLATE \"C\"");
    }
    if (col->not_null) {
        buf_lit(b, " NOT NULL");
    }
    if (col->def) {
        buf_fmt(b, " DEFAULT %s", col->def);
    }
    if (!p->pg && col->references) {
        buf_fmt(b, " REFERENCES \"%s\" (\"id\")", col->references);
        if (col->on_delete) {
            buf_fmt(b, " ON DELETE %s", col->on_delete);
        }
    }
}

static void add_reference(
    struct plan *p, const struct schema_table *t, const struct schema_column *col)
{
    struct buf b;

    buf_init(&b, p->mem, STEP_MAX);
    buf_fmt(&b, "ALTER TABLE \"%s\" ADD FOREIGN KEY (\"%s\") REFERENCES \"%s\" (\"id\")", t->name,
        col->name, col->references);
    if (col->on_delete) {
        buf_fmt(&b, " ON DELETE %s", col->on_delete);
    }
    step(p, &b);
}

static void create_table(struct plan *p, const struct schema_table *t)
{
    const char *sep = "";
    struct buf b;

    buf_init(&b, p->mem, STEP_MAX);
    buf_fmt(&b, "CREATE TABLE \"%s\" (", t->name);
    if (t->auto_id) {
        buf_lit(&b, p->pg ? "\"id\" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
            : t->ids_again   ? "\"id\" INTEGER PRIMARY KEY"
                             : "\"id\" INTEGER PRIMARY KEY AUTOINCREMENT");
        sep = ", ";
    }
    for (size_t i = 0; i < t->ncolumns; i++) {
        buf_lit(&b, sep);
        column_text(p, &b, &t->columns[i]);
        sep = ", ";
    }
    if (!t->auto_id && t->key) {
        buf_fmt(&b, ", PRIMARY KEY (%s)", t->key);
    }
    buf_lit(&b, p->pg ? ")" : t->without_rowid ? ") STRICT, WITHOUT ROWID" : ") STRICT");
    step(p, &b);
}

static void rename_column(
    struct plan *p, const struct schema_table *t, const struct schema_column *col)
{
    struct buf b;

    buf_init(&b, p->mem, STEP_MAX);
    buf_fmt(&b, "ALTER TABLE \"%s\" RENAME COLUMN \"%s\" TO \"%s\"", t->name, col->was, col->name);
    step(p, &b);
}

static void compare_column(struct plan *p, const struct schema_table *t,
    const struct schema_column *col, const struct present *now)
{
    const char *wanted = type_name(p, col->type);
    struct buf b;

    if (strcmp(now->type, wanted) != 0) {
        refuse(p, t->name, col->name,
            arena_fmt(p->mem, "is %s in the database and %s in the program", now->type, wanted).p);
    } else if (now->not_null != col->not_null) {
        if (!p->pg) {
            refuse(p, t->name, col->name, "may be absent in only one of database and program");
            return;
        }
        buf_init(&b, p->mem, STEP_MAX);
        buf_fmt(&b, "ALTER TABLE \"%s\" ALTER COLUMN \"%s\" %s NOT NULL", t->name, col->name,
            col->not_null ? "SET" : "DROP");
        step(p, &b);
    }
}

static void add_column(struct plan *p, const struct schema_table *t, const struct schema_column *col)
{
    struct buf b;

    if (col->not_null && !col->def) {
        refuse(p, t->name, col->name, "is new, wanted in every row, and has no default");
        return;
    }
    buf_init(&b, p->mem, STEP_MAX);
    buf_fmt(&b, "ALTER TABLE \"%s\" ADD COLUMN ", t->name);
    column_text(p, &b, col);
    step(p, &b);
}

/* A table that numbered its rows and has a key of its own now: the rows move into a new one. */
static bool is_keyed_anew(const struct plan *p, const struct schema_table *t)
{
    bool wants_id = t->auto_id || !t->key;

    for (size_t i = 0; i < t->ncolumns; i++) {
        wants_id = wants_id || strcmp(t->columns[i].name, "id") == 0;
    }
    return !wants_id && find(p, t->name, "id");
}

static void key_anew(struct plan *p, const struct schema_table *t)
{
    struct buf b, columns;

    buf_init(&b, p->mem, STEP_MAX);
    buf_fmt(&b, "ALTER TABLE \"%s\" RENAME TO \"%s_was\"", t->name, t->name);
    step(p, &b);
    create_table(p, t);
    buf_init(&columns, p->mem, STEP_MAX);
    for (size_t i = 0; i < t->ncolumns; i++) {
        if (find(p, t->name, t->columns[i].name)) {
            buf_fmt(&columns, "%s\"%s\"", columns.n ? ", " : "", t->columns[i].name);
        }
    }
    struct str list = buf_str(&columns);
    buf_init(&b, p->mem, STEP_MAX);
    buf_fmt(&b, "INSERT INTO \"%s\" (%.*s) SELECT %.*s FROM \"%s_was\"", t->name, STR_ARG(list),
        STR_ARG(list), t->name);
    step(p, &b);
    buf_init(&b, p->mem, STEP_MAX);
    buf_fmt(&b, "DROP TABLE \"%s_was\"", t->name); /* and its indexes */
    step(p, &b);
    map_put(&p->keyed_anew, str_of(t->name), t);
}

static void alter_table(struct plan *p, const struct schema_table *t)
{
    if (is_keyed_anew(p, t)) {
        key_anew(p, t);
        return;
    }
    for (size_t i = 0; i < t->ncolumns; i++) {
        const struct schema_column *col = &t->columns[i];
        const struct present *now = find(p, t->name, col->name);
        if (!now && col->was && (now = find(p, t->name, col->was))) {
            rename_column(p, t, col);
        }
        if (now) {
            compare_column(p, t, col, now);
        } else {
            add_column(p, t, col);
        }
    }
}

/* After all tables, because they may refer to each other. */
static void references(struct plan *p, const struct schema_table *t)
{
    for (size_t i = 0; i < t->ncolumns; i++) {
        const struct schema_column *col = &t->columns[i];
        bool there = find(p, t->name, col->name) || (col->was && find(p, t->name, col->was));
        if (col->references && !there) {
            add_reference(p, t, col);
        }
    }
}

static void create_indexes(struct plan *p, const struct schema_table *t)
{
    struct buf b;

    for (size_t i = 0; i < t->nindexes; i++) {
        const struct schema_index *x = &t->indexes[i];
        if (map_get(&p->indexes, str_of(x->name)) && !map_get(&p->keyed_anew, str_of(t->name))) {
            continue;
        }
        buf_init(&b, p->mem, STEP_MAX);
        buf_fmt(&b, "CREATE %sINDEX IF NOT EXISTS \"%s\" ON \"%s\" (%s)", x->unique ? "UNIQUE " : "",
            x->name, t->name, x->columns);
        if (x->where) {
            buf_fmt(&b, " WHERE %s", x->where);
        }
        step(p, &b);
    }
}

static void drop_stale(struct plan *p)
{
    struct buf b;

    for (size_t i = 0; i < p->indexes.room; i++) {
        const struct map_slot *slot = &p->indexes.slots[i];
        if (slot->value && str_starts(slot->key, STR("k_")) &&
            map_get(&p->wanted_tables, str_of(slot->value)) &&
            !map_get(&p->wanted_indexes, slot->key)) {
            buf_init(&b, p->mem, STEP_MAX);
            buf_fmt(&b, "DROP INDEX IF EXISTS \"%.*s\"", STR_ARG(slot->key));
            step(p, &b);
        }
    }
}

static void note_wanted(struct plan *p, const struct schema_table *t)
{
    map_put(&p->wanted_tables, str_of(t->name), t);
    for (size_t i = 0; i < t->nindexes; i++) {
        map_put(&p->wanted_indexes, str_of(t->indexes[i].name), t);
    }
}

enum err_code schema_compare(struct conn *c, struct arena *mem, const struct schema_table *tables,
    size_t n, struct schema_plan *out, struct err *e)
{
    struct plan p = { .c = c, .mem = mem, .pg = conn_backend(c) == DB_POSTGRES, .out = out };

    *out = (struct schema_plan) { 0 };
    map_init(&p.columns, mem);
    map_init(&p.indexes, mem);
    map_init(&p.wanted_indexes, mem);
    map_init(&p.wanted_tables, mem);
    map_init(&p.keyed_anew, mem);
    TRY(read_columns(&p, e));
    TRY(read_indexes(&p, e));
    for (size_t i = 0; i < n; i++) {
        note_wanted(&p, &tables[i]);
    }
    drop_stale(&p); /* before renames, which would carry them along */
    for (size_t i = 0; i < n; i++) {
        if (map_get(&p.columns, str_of(tables[i].name))) {
            alter_table(&p, &tables[i]);
        } else {
            create_table(&p, &tables[i]);
        }
    }
    for (size_t i = 0; i < n && p.pg; i++) {
        references(&p, &tables[i]);
    }
    for (size_t i = 0; i < n; i++) {
        create_indexes(&p, &tables[i]);
    }
    return OK;
}

/* --- applying --- */

static enum err_code run_steps(struct conn *c, const struct schema_plan *plan, struct err *e)
{
    if (conn_backend(c) == DB_POSTGRES) {
        TRY(conn_script(c, "SET LOCAL lock_timeout TO '500ms'", e));
    }
    for (size_t i = 0; i < plan->n; i++) {
        TRY(conn_script(c, plan->steps[i], e));
    }
    return OK;
}

enum err_code schema_apply(struct conn *c, const struct schema_plan *plan, struct err *e)
{
    enum err_code code = OK;

    if (plan->refusal) {
        return err_set(e, ERR_CONFLICT, "schema", "%s", plan->refusal);
    }
    if (conn_in_tx(c)) {
        return run_steps(c, plan, e);
    }
    for (int i = 0; i < TRIES && plan->n; i++) {
        struct timespec pause = { .tv_nsec = 50000000L * (i + 1) };
        code = conn_begin(c, TX_WRITE, e);
        if (code == OK) {
            code = run_steps(c, plan, e);
        }
        if (code == OK) {
            code = conn_commit(c, e);
        }
        if (code != OK) {
            conn_rollback(c);
        }
        if (code != ERR_BUSY) {
            return code;
        }
        nanosleep(&pause, NULL); /* a reader holds a table: queueing behind it would stop all others */
    }
    return code;
}
