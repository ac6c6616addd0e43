/* check.c - compares what is stored with what follows from it. */

#include "model/check.h"

#include "model/query_plan.h"

#include <string.h>

struct checking {
    struct call *c;
    int64_t checks, findings;
};

static void finding(struct checking *k, const char *what, const char *about, int64_t count)
{
    k->findings++;
    json_object(&k->c->out, NULL);
    json_text(&k->c->out, "what", arena_fmt(k->c->mem, "%s: %s", about, what));
    json_int(&k->c->out, "count", count);
    json_end_object(&k->c->out);
}

static enum err_code expect_none(
    struct checking *k, struct sqltext *s, const char *what, const char *about)
{
    struct sql sql;
    struct dbvals v;
    int64_t n;

    TRY(sqltext_end(s, &sql, &v, &k->c->err));
    TRY(db_int(k->c, &n, sql, v));
    k->checks++;
    if (n) {
        finding(k, what, about, n);
    }
    return OK;
}

static void begin(struct checking *k, struct sqltext *s)
{
    sqltext_init(s, k->c->mem, conn_backend(k->c->db));
    (void)sql_new_alias(s);
}

static enum err_code check_side(struct checking *k, const struct live_entity *e, int t)
{
    struct sqltext s;

    begin(k, &s);
    sql_lit(&s, "SELECT count(*) FROM ");
    sql_ident(&s, e->tables[0]);
    sql_lit(&s, " b LEFT JOIN ");
    sql_ident(&s, e->tables[t]);
    sql_lit(&s, " x ON x.\"id\" = b.\"id\" WHERE x.\"id\" IS NULL OR (x.\"deleted_at\" IS NULL) <>"
                " (b.\"deleted_at\" IS NULL) OR coalesce(x.\"owner\", 0) <> coalesce(b.\"owner\", 0)"
                " OR coalesce(x.\"team\", 0) <> coalesce(b.\"team\", 0)");
    return expect_none(k, &s, "rows whose side table does not agree", e->plural.p);
}

static enum err_code check_list(struct checking *k, const struct live_field *f)
{
    struct sqltext s;
    bool picks = kind_is_picks(f->def.kind);

    begin(k, &s);
    sql_lit(&s, "SELECT count(*) FROM ");
    sql_ident(&s, f->entity->tables[f->table]);
    sql_lit(&s, " t0 WHERE (t0.");
    sql_ident(&s, f->columns[0].name);
    sql_lit(&s, " IS NULL) = EXISTS (SELECT 1 FROM ");
    sql_ident(&s, kind_part_table(f->def.kind));
    sql_lit(&s, " p WHERE p.\"field\" = ");
    sql_int(&s, f->number);
    sql_lit(&s, " AND p.\"record\" = t0.\"id\"");
    if (!picks) {
        sql_lit(&s, " AND p.\"entity\" = ");
        sql_int(&s, f->entity->number);
    }
    sql_lit(&s, ")");
    return expect_none(k, &s, f->name.p, arena_fmt(k->c->mem, "parts of %s", f->entity->plural.p).p);
}

/* A stored roll-up against its expression, over the records of now. */
static enum err_code check_rollup(struct checking *k, const struct live_field *f)
{
    struct sqltext s;
    struct expr_sql x = { .out = &s, .now = k->c->now };

    begin(k, &s);
    sql_lit(&s, "SELECT count(*)");
    from_sql(&s, f->entity, 0, f->table ? 1u << f->table : 0);
    sql_lit(&s, " WHERE ");
    sql_column(&s, 0, "deleted_at");
    sql_lit(&s, " IS NULL AND ");
    if (f->table) {
        sql_alias(&s, 0);
        sql_lit(&s, "_x");
        sql_int(&s, f->table);
        sql_lit(&s, ".");
        sql_ident(&s, f->columns[0].name);
    } else {
        sql_column(&s, 0, f->columns[0].name);
    }
    if (s.backend == DB_SQLITE) {
        sql_lit(&s, " IS NOT ");
    } else {
        sql_lit(&s, " IS DISTINCT FROM ");
    }
    sql_lit(&s, "(");
    expr_sql_value(f->expr, &x);
    sql_lit(&s, ")");
    return expect_none(
        k, &s, f->name.p, arena_fmt(k->c->mem, "roll-up of %s", f->entity->plural.p).p);
}

static enum err_code check_entity(struct checking *k, const struct live_entity *e)
{
    for (int t = 1; t <= e->nside; t++) {
        TRY(check_side(k, e, t));
    }
    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        if (!f->stored) {
            continue;
        }
        if (kind_is_list(f->def.kind) || kind_is_picks(f->def.kind)) {
            TRY(check_list(k, f));
        }
        if (f->def.kind == KIND_ROLLUP && f->value != KIND_TEXT) {
            TRY(check_rollup(k, f));
        }
    }
    return OK;
}

static enum err_code check_file(struct checking *k)
{
    struct rows rows;
    int64_t broken;

    TRY(db_query(k->c, &rows, SQL("SELECT quick_check FROM pragma_quick_check"), VALS()));
    k->checks++;
    while (rows_next(&rows)) {
        struct str word = col_text(&rows, 0);
        if (!str_is(word, "ok")) {
            finding(k, word.p, "database file", 1);
        }
    }
    TRY(rows_end(&rows));
    TRY(db_int(k->c, &broken, SQL("SELECT count(*) FROM pragma_foreign_key_check"), VALS()));
    k->checks++;
    if (broken) {
        finding(k, "references that lead nowhere", "database file", broken);
    }
    return OK;
}

enum err_code check_all(struct call *c, int64_t *findings)
{
    struct checking k = { .c = c };

    json_object(&c->out, NULL);
    json_array(&c->out, "findings");
    if (conn_backend(c->db) == DB_SQLITE) {
        TRY(check_file(&k));
    }
    for (size_t i = 0; i < c->model->nentities; i++) {
        if (!(c->model->entities[i]->def.flags & ENTITY_TABLE)) {
            TRY(check_entity(&k, c->model->entities[i]));
        }
    }
    json_end_array(&c->out);
    json_int(&c->out, "checks", k.checks);
    json_end_object(&c->out);
    *findings = k.findings;
    return OK;
}
