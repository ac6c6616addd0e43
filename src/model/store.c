/* store.c - writes records to their base and side tables, parts and picks. */

#include "model/store.h"

#include "base/utf8.h"
#include "model/build.h"
#include "model/parts.h"

#include <inttypes.h>
#include <string.h>

static bool generated(const struct live_entity *e, const struct live_field *f)
{
    return f == e->id;
}

static struct dbval key_of(struct call *c, const struct record *r, const struct live_field *f)
{
    return r->bases && r->bases[f->index].known ? r->bases[f->index].v
                                                : cells_key(c, f, &r->cells[f->cell]);
}

static size_t gather(struct call *c, const struct record *r, int table, struct dbval *v)
{
    size_t n = 0;

    for (struct live_field **f = r->e->table_fields[table]; *f; f++) {
        for (int i = 0; !generated(r->e, *f) && i < (*f)->ncolumns; i++) {
            v[n++] = r->cells[(*f)->cell + i];
        }
    }
    for (struct live_field **f = r->e->table_fields[table]; *f; f++) {
        if ((*f)->key_column) {
            v[n++] = key_of(c, r, *f);
        }
    }
    return n;
}

static size_t room_for(const struct live_entity *e, int table)
{
    size_t n = 8;

    for (struct live_field **f = e->table_fields[table]; *f; f++) {
        n += FIELD_CELLS + 1;
    }
    return n;
}

static enum err_code store_lists(
    struct call *c, const struct record *r, const bool *changed, bool existed)
{
    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        if (!kind_is_list(f->def.kind) && !kind_is_picks(f->def.kind)) {
            continue;
        }
        if (changed ? changed[i] : !cells_absent(f, &r->cells[f->cell])) {
            TRY(parts_store(c, f, r->id, r->cells[f->cell], existed));
        }
    }
    return OK;
}

/* The statement text with one more column, the id, for a record that comes back. */
static struct sql with_id(struct call *c, const char *insert)
{
    struct str s = str_of(insert);
    ptrdiff_t open = str_find_byte(s, '('), values = str_find(s, STR(") VALUES ("));
    struct buf b;

    buf_init(&b, c->mem, 1 << 20);
    buf_add(&b, str_sub(s, 0, (size_t)open + 1));
    buf_lit(&b, "\"id\", ");
    buf_add(&b, str_sub(s, (size_t)open + 1, (size_t)(values - open) - 1));
    buf_lit(&b, ") VALUES (");
    struct str rest = str_sub(s, (size_t)values + 10, s.n);
    ptrdiff_t end = str_find_byte(rest, ')');
    int n = 1;
    for (ptrdiff_t i = 0; i < end; i++) {
        n += rest.p[i] == '$';
    }
    for (int i = 1; i <= n; i++) {
        buf_fmt(&b, "%s$%d", i > 1 ? ", " : "", i);
    }
    buf_lit(&b, ")");
    buf_byte(&b, '\0');
    return (struct sql) { b.p, NULL };
}

static enum err_code insert_side(struct call *c, const struct record *r, int t)
{
    const struct live_entity *e = r->e;
    struct dbval *side = ARENA_ARRAY(c->mem, struct dbval, room_for(e, t) + 4);

    side[0] = V(r->id);
    side[1] = r->cells[e->deleted_at->cell];
    side[2] = r->cells[e->owner->cell];
    side[3] = r->cells[e->team->cell];
    size_t n = gather(c, r, t, side + 4);
    enum err_code code = conn_exec(
        c->db, (struct sql) { e->insert[t], NULL }, (struct dbvals) { side, n + 4 }, NULL, &c->err);
    return code == OK ? OK : store_clash(c, e, code);
}

enum err_code store_insert(struct call *c, struct record *r)
{
    const struct live_entity *e = r->e;
    struct dbval *v = ARENA_ARRAY(c->mem, struct dbval, room_for(e, 0) + 1);
    bool back = r->id != 0;

    v[0] = V(r->id);
    size_t n = gather(c, r, 0, v + 1);
    struct sql sql = back ? with_id(c, e->insert[0]) : (struct sql) { e->insert[0], NULL };
    enum err_code code = conn_insert(c->db, sql,
        (struct dbvals) { back ? v : v + 1, back ? n + 1 : n }, &r->id, &c->err);
    if (code != OK) {
        return store_clash(c, e, code);
    }
    r->cells[e->id->cell] = V(r->id);
    for (int t = 1; t <= e->nside; t++) {
        TRY(insert_side(c, r, t));
    }
    return store_lists(c, r, NULL, false);
}

struct update {
    struct sqltext s;
    bool any;
};

static void set_column(struct update *u, const char *column, struct dbval v)
{
    if (u->any) {
        sql_lit(&u->s, ", ");
    }
    u->any = true;
    sql_ident(&u->s, column);
    sql_lit(&u->s, " = ");
    sql_bind(&u->s, v);
}

/* *rows (may be NULL): how many were there. */
static enum err_code run_update(
    struct call *c, struct update *u, const struct record *r, int64_t *rows)
{
    struct sql sql;
    struct dbvals v;

    sql_lit(&u->s, " WHERE \"id\" = ");
    sql_bind(&u->s, V(r->id));
    TRY(sqltext_end(&u->s, &sql, &v, &c->err));
    enum err_code code = conn_exec(c->db, sql, v, rows, &c->err);
    return code == OK ? OK : store_clash(c, r->e, code);
}

static enum err_code update_table(
    struct call *c, struct record *r, const bool *changed, int table)
{
    const struct live_entity *e = r->e;
    struct update u = { 0 };

    sqltext_init(&u.s, c->mem, conn_backend(c->db));
    sql_lit(&u.s, "UPDATE ");
    sql_ident(&u.s, e->tables[table]);
    sql_lit(&u.s, " SET ");
    for (struct live_field **f = e->table_fields[table]; *f; f++) {
        if (!changed[(*f)->index] || generated(e, *f)) {
            continue;
        }
        for (int i = 0; i < (*f)->ncolumns; i++) {
            set_column(&u, (*f)->columns[i].name, r->cells[(*f)->cell + i]);
        }
        if ((*f)->key_column) {
            set_column(&u, (*f)->key_column, key_of(c, r, *f));
        }
    }
    if (table > 0 && (changed[e->owner->index] || changed[e->team->index])) {
        set_column(&u, "owner", r->cells[e->owner->cell]);
        set_column(&u, "team", r->cells[e->team->cell]);
    }
    int64_t rows = 1;
    TRY(u.any ? run_update(c, &u, r, &rows) : OK);
    return table > 0 && rows == 0 ? insert_side(c, r, table) : OK;
}

enum err_code store_update(struct call *c, struct record *r, const bool *changed)
{
    for (int t = 0; t <= r->e->nside; t++) {
        TRY(update_table(c, r, changed, t));
    }
    return store_lists(c, r, changed, true);
}

enum err_code store_bin(struct call *c, const struct record *r, struct dbval deleted_at)
{
    for (int t = 0; t <= r->e->nside; t++) {
        struct update u = { 0 };
        sqltext_init(&u.s, c->mem, conn_backend(c->db));
        sql_lit(&u.s, "UPDATE ");
        sql_ident(&u.s, r->e->tables[t]);
        sql_lit(&u.s, " SET ");
        set_column(&u, "deleted_at", deleted_at);
        if (t == 0) {
            set_column(&u, "version", V(r->version + 1));
            set_column(&u, "updated_at", V(c->now));
            set_column(&u, "updated_by", c->who->id ? V(c->who->id) : V_NULL);
        }
        TRY(run_update(c, &u, r, NULL));
    }
    return OK;
}

enum err_code store_purge(struct call *c, const struct record *r)
{
    bool *all = ARENA_ARRAY(c->mem, bool, r->e->nfields);
    struct record empty = *r;

    empty.cells = ARENA_ARRAY(c->mem, struct dbval, r->e->ncells + 1);
    memset(all, true, r->e->nfields);
    TRY(store_lists(c, &empty, all, true));
    for (int t = r->e->nside; t >= 0; t--) {
        struct update u = { 0 };
        sqltext_init(&u.s, c->mem, conn_backend(c->db));
        sql_lit(&u.s, "DELETE FROM ");
        sql_ident(&u.s, r->e->tables[t]);
        TRY(run_update(c, &u, r, NULL));
    }
    return OK;
}

enum err_code store_clash(struct call *c, const struct live_entity *e, enum err_code code)
{
    struct str field = str_of(c->err.field), word;

    if (code != ERR_CONFLICT) {
        return code;
    }
    if (str_is(field, "reference")) {
        return fail(c, ERR_CONFLICT, NULL, "another record still refers to this %s", e->name.p);
    }
    if (!str_split(&field, ':', &word) || !str_is(word, "unique")) {
        return code;
    }
    /* SQLite names the columns, PostgreSQL the index: look for the field whose column is meant */
    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        if (!f->stored || !(f->def.unique)) {
            continue;
        }
        const char *column = f->key_column ? f->key_column : f->columns[0].name;
        struct str dotted = arena_fmt(c->mem, "%s.%s", e->tables[f->table], column);
        if (str_eq(field, dotted) || str_is(field, unique_index_name(c->mem, f))) {
            return fail(c, ERR_CONFLICT, f->name.p, "another %s has the same %s", e->name.p,
                f->label.p);
        }
    }
    return fail(c, ERR_CONFLICT, NULL, "there is such a %s already", e->name.p);
}

/* ---- who holds a unique key ---- */

static bool column_value(struct call *c, const struct record *r, struct str name,
    struct dbval *v, const struct live_field **of)
{
    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        if (!f->stored) {
            continue;
        }
        *of = f;
        if (f->key_column && str_is(name, f->key_column)) {
            *v = cells_key(c, f, &r->cells[f->cell]);
            return true;
        }
        for (int k = 0; k < f->ncolumns; k++) {
            if (str_is(name, f->columns[k].name)) {
                *v = r->cells[f->cell + k];
                return true;
            }
        }
    }
    return false;
}

/* columns is a quoted list as in an index: "a", "b". *holder: the live record with the same key, 0 for none. */
static enum err_code find_holder(struct call *c, const struct record *r, struct str columns, int64_t *holder)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct str one;
    struct dbval value;
    const struct live_field *f = r->e->id;
    bool found;

    *holder = 0;
    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "\"id\" <> ");
    sql_bind(&s, V(r->id));
    while (str_split(&columns, ',', &one)) {
        one = str_trim(one);
        one = str_sub(one, 1, one.n - 2);
        if (!column_value(c, r, one, &value, &f) || value.type == DB_NULL) {
            return OK;
        }
        sql_lit(&s, " AND ");
        sql_ident(&s, arena_cstr(c->mem, one));
        sql_lit(&s, " = ");
        sql_bind(&s, value);
    }
    sql_lit(&s, " AND \"deleted_at\" IS NULL LIMIT 1");
    struct sqltext whole_text = s;
    buf_init(&whole_text.text, c->mem, SQLTEXT_BYTES);
    sql_lit(&whole_text, "SELECT \"id\" FROM ");
    sql_ident(&whole_text, r->e->tables[f->table]);
    sql_lit(&whole_text, " WHERE ");
    buf_add(&whole_text.text, buf_str(&s.text));
    TRY(sqltext_end(&whole_text, &sql, &v, &c->err));
    return db_find(c, holder, &found, sql, v);
}

static void add_hash(struct call *c, const struct record *r, const bool *changed,
    struct str columns, int64_t *hashes, size_t *n)
{
    struct buf b;
    struct str one;
    struct dbval v;
    const struct live_field *f;
    bool any = !changed;

    buf_init(&b, c->mem, 1 << 16);
    buf_add(&b, columns);
    while (str_split(&columns, ',', &one)) {
        one = str_trim(one);
        if (!column_value(c, r, str_sub(one, 1, one.n - 2), &v, &f) || v.type == DB_NULL) {
            return;
        }
        any = any || changed[f->index];
        buf_byte(&b, '|');
        if (v.type == DB_TEXT) {
            buf_add(&b, v.s);
        } else {
            buf_int(&b, v.i);
        }
    }
    if (any && *n < STORE_KEYS) {
        hashes[(*n)++] = (int64_t)(str_hash(buf_str(&b)) >> 1);
    }
}

size_t store_key_hashes(
    struct call *c, const struct record *r, const bool *changed, int64_t *hashes)
{
    size_t n = 0;

    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        if (f->stored && f->def.unique && (!changed || changed[i])) {
            add_hash(c, r, changed,
                arena_fmt(c->mem, "\"%s\"", f->key_column ? f->key_column : f->columns[0].name),
                hashes, &n);
        }
    }
    for (const char *const *list = r->e->def.unique; list && *list; list++) {
        add_hash(c, r, changed, str_of(*list), hashes, &n);
    }
    return n;
}

enum err_code store_find_holder(struct call *c, const struct record *r, int64_t *holder, struct str *columns)
{
    *holder = 0;
    for (size_t i = 0; i < r->e->nfields && !*holder; i++) {
        const struct live_field *f = r->e->fields[i];
        if (f->stored && f->def.unique) {
            *columns = arena_fmt(c->mem, "\"%s\"", f->key_column ? f->key_column : f->columns[0].name);
            TRY(find_holder(c, r, *columns, holder));
        }
    }
    for (const char *const *list = r->e->def.unique; list && *list && !*holder; list++) {
        *columns = str_of(*list);
        TRY(find_holder(c, r, *columns, holder));
    }
    return OK;
}

enum err_code store_check_unique(struct call *c, const struct record *r)
{
    struct str columns;
    int64_t holder;

    TRY(store_find_holder(c, r, &holder, &columns));
    return holder ? fail(c, ERR_CONFLICT, NULL, "%s %" PRId64 " has the same %.*s", r->e->name.p, holder,
                        STR_ARG(columns))
                  : OK;
}
