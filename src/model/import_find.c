/* import_find.c - the records that a row is about: the one with its key, and those it refers to. */

#include "model/import_steps.h"

#include "base/utf8.h"
#include "model/normal.h"
#include "model/query_plan.h"

#include <inttypes.h>
#include <string.h>

enum { LIST_KEYS = 8 }; /* of the entries of a list, so many are looked up */

/* ---- keys ---- */

static enum err_code key_field(struct call *c, const struct live_entity *e, const json_t *name,
    const struct live_field **out)
{
    struct import_column m = { 0 };
    struct str target = json_str(name);

    if (!import_target(c, e, target, &m)) {
        target = import_suggest(c, e, target);
        m = (struct import_column) { 0 };
    }
    if ((!m.field && !import_target(c, e, target, &m)) || !m.field->stored || m.piece
        || m.to == TO_NAME || (m.field->def.kind == KIND_ADDRESSES)) {
        return fail(c, ERR_INVALID, "key", "%s has no field \"%.*s\" to find by", e->label.p,
            (int)(json_str(name).n < 60 ? json_str(name).n : 60), json_str(name).p);
    }
    *out = m.field;
    return OK;
}

enum err_code import_key(
    struct call *c, const struct live_entity *e, const json_t *key, struct import_key *out)
{
    bool found = false;
    size_t n = json_is_array(key) ? json_array_size(key) : 1;

    *out = (struct import_key) { 0 };
    if (!n || n > IMPORT_KEY_FIELDS) {
        return fail(c, ERR_INVALID, "keys", "a key is a field, or a list of 1 to %d", IMPORT_KEY_FIELDS);
    }
    for (size_t i = 0; i < n; i++) {
        TRY(key_field(c, e, json_is_array(key) ? json_array_get(key, i) : key, &out->fields[i]));
        found = found || import_is_indexed(e, out->fields[i]);
        out->n++;
    }
    return found ? OK
                 : fail(c, ERR_INVALID, "keys",
                       "%s cannot be looked up quickly: choose a key with an index, or give the field one",
                       out->fields[0]->label.p);
}

static const char *part_table(enum field_kind kind)
{
    return kind == KIND_EMAILS ? "part_emails" : kind == KIND_PHONES ? "part_phones" : "part_urls";
}

static void part_alias(struct sqltext *s, size_t at)
{
    sql_lit(s, "k");
    sql_int(s, (int64_t)at);
}

/* " JOIN part_... k0 ON k0.record = t0.id": the rows of the keys are few, so they lead to the record. */
static void list_join(const struct live_field *f, size_t at, struct sqltext *s)
{
    sql_lit(s, " JOIN ");
    sql_ident(s, part_table(f->def.kind));
    sql_lit(s, " ");
    part_alias(s, at);
    sql_lit(s, " ON ");
    part_alias(s, at);
    sql_lit(s, ".\"record\" = t0.\"id\"");
}

/* " AND k0.key IN (...) AND ..."; whether a record may come more than once. */
static bool list_condition(
    struct call *c, const struct live_field *f, size_t at, struct str cell, struct sqltext *s)
{
    struct part *parts;
    size_t n = parts_read(c, cell, &parts);

    sql_lit(s, " AND ");
    part_alias(s, at);
    sql_lit(s, ".\"key\" IN (");
    for (size_t i = 0; i < n && i < LIST_KEYS; i++) {
        if (i) {
            sql_lit(s, ", ");
        }
        sql_bind(s, V(parts[i].key));
    }
    sql_lit(s, ") AND ");
    part_alias(s, at);
    sql_lit(s, ".\"entity\" = ");
    sql_bind(s, V(f->entity->number));
    sql_lit(s, " AND ");
    part_alias(s, at);
    sql_lit(s, ".\"field\" = ");
    sql_bind(s, V(f->number));
    return n > 1;
}

static bool key_is_there(const struct import_key *k, const struct record *r)
{
    for (size_t i = 0; i < k->n; i++) {
        if (cells_absent(k->fields[i], &r->cells[k->fields[i]->cell])) {
            return false;
        }
    }
    return true;
}

static enum err_code find_by(
    struct importing *im, const struct import_key *k, const struct record *r, int64_t *id, size_t *n)
{
    struct call *c = im->c;
    struct sqltext s, where;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    unsigned side = 0;
    bool again = false;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    clause_begin(&where, c, &s);
    sql_column(&where, 0, "deleted_at");
    sql_lit(&where, " IS NULL");
    for (size_t i = 0; i < k->n; i++) {
        const struct live_field *f = k->fields[i];
        const struct dbval *cells = &r->cells[f->cell];
        if (kind_is_list(f->def.kind)) {
            again = list_condition(c, f, i, cells[0].s, &where) || again;
            continue;
        }
        sql_lit(&where, " AND ");
        if (f->table) {
            side |= 1u << f->table;
            sql_alias(&where, 0);
            sql_lit(&where, "_x");
            sql_int(&where, f->table);
            sql_lit(&where, ".");
            sql_ident(&where, f->key_column ? f->key_column : f->columns[0].name);
        } else {
            sql_column(&where, 0, f->key_column ? f->key_column : f->columns[0].name);
        }
        sql_lit(&where, " = ");
        sql_bind(&where, f->key_column ? cells_key(c, f, cells) : cells[0]);
    }
    TRY(access_sql(c, im->p->e, RIGHT_READ, 0, &where));
    clause_end(&where, &s);
    sql_add_literal(&s, again ? "SELECT DISTINCT t0.\"id\"" : "SELECT t0.\"id\"");
    from_sql(&s, im->p->e, 0, side);
    for (size_t i = 0; i < k->n; i++) {
        if (kind_is_list(k->fields[i]->def.kind)) {
            list_join(k->fields[i], i, &s);
        }
    }
    sql_lit(&s, " WHERE ");
    buf_add(&s.text, buf_str(&where.text));
    sql_lit(&s, " LIMIT 2");
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    for (*n = 0; rows_next(&rows); (*n)++) {
        *id = *n ? *id : col_int(&rows, 0);
    }
    return rows_end(&rows);
}

enum err_code import_find(struct importing *im, const struct record *r, int64_t *id)
{
    *id = 0;
    for (size_t i = 0; i < im->p->nkeys && !*id; i++) {
        const struct import_key *k = &im->p->keys[i];
        size_t n = 0;
        if (!key_is_there(k, r)) {
            continue;
        }
        TRY(find_by(im, k, r, id, &n));
        if (n > 1) {
            return fail(im->c, ERR_CONFLICT, k->fields[0]->name.p,
                "more than one %s has this %s", r->e->name.p, k->fields[0]->label.p);
        }
    }
    return OK;
}

/* ---- references ---- */

static enum err_code by_field(struct call *c, const struct live_entity *e, const struct live_field *f,
    struct str s, int64_t *id)
{
    struct sqltext q;
    struct sql sql;
    struct dbvals v;
    bool found;

    if (access_field(c, f) == FIELD_HIDDEN) { /* what one may not see, one does not find by */
        *id = 0;
        return OK;
    }
    sqltext_init(&q, c->mem, conn_backend(c->db));
    sql_lit(&q, "SELECT \"id\" FROM ");
    sql_ident(&q, e->tables[f->table]);
    sql_lit(&q, " WHERE ");
    sql_ident(&q, f->key_column ? f->key_column : f->columns[0].name);
    sql_lit(&q, " = ");
    sql_bind(&q, V(f->key_column ? utf8_fold(c->mem, s) : s));
    sql_lit(&q, " AND \"deleted_at\" IS NULL ORDER BY \"id\" LIMIT 1");
    TRY(sqltext_end(&q, &sql, &v, &c->err));
    TRY(db_find(c, id, &found, sql, v));
    *id = found ? *id : 0;
    return OK;
}

static enum err_code by_mail(struct call *c, const struct live_entity *e, struct str s, int64_t *id)
{
    const struct live_field *f = entity_field(e, STR("emails")), *one = entity_field(e, STR("email"));
    struct str key;
    const char *why;
    bool found;

    if (!normal_email(c->mem, s, &key, &why)) {
        return OK;
    }
    if (!f || f->def.kind != KIND_EMAILS) {
        return one && one->stored && one->def.kind == KIND_TEXT && import_is_indexed(e, one)
            ? by_field(c, e, one, key, id)
            : OK;
    }
    if (access_field(c, f) == FIELD_HIDDEN) {
        return OK;
    }
    struct sqltext q;
    struct sql sql;
    struct dbvals v;
    sqltext_init(&q, c->mem, conn_backend(c->db));
    sql_lit(&q, "SELECT p.\"record\" FROM \"part_emails\" p JOIN ");
    sql_ident(&q, e->tables[0]);
    sql_lit(&q, " t ON t.\"id\" = p.\"record\" WHERE p.\"key\" = ");
    sql_bind(&q, V(key));
    sql_lit(&q, " AND p.\"entity\" = ");
    sql_bind(&q, V(e->number));
    sql_lit(&q, " AND p.\"field\" = ");
    sql_bind(&q, V(f->number));
    sql_lit(&q, " AND t.\"deleted_at\" IS NULL ORDER BY p.\"record\" LIMIT 1");
    TRY(sqltext_end(&q, &sql, &v, &c->err));
    TRY(db_find(c, id, &found, sql, v));
    *id = found ? *id : 0;
    return OK;
}

static enum err_code by_domain(struct call *c, const struct live_entity *e, struct str s, int64_t *id)
{
    const struct live_field *f = entity_field(e, STR("domain"));
    struct str key;
    const char *why;

    return f && f->stored && import_is_indexed(e, f) && normal_domain(c->mem, s, &key, &why)
        ? by_field(c, e, f, key, id)
        : OK;
}

/* "Elif Example (elif@example.com)" is told by its address. */
static struct str mail_in(struct str s)
{
    ptrdiff_t open = str_find_byte(s, '(');

    if (open > 0 && s.p[s.n - 1] == ')' && str_find_byte(s, '@') > open) {
        return str_sub(s, (size_t)open + 1, s.n - (size_t)open - 2);
    }
    return str_find_byte(s, '@') > 0 && str_find_byte(s, ' ') < 0 ? s : (struct str) { "", 0 };
}

static bool hides_names(const struct call *c, const struct live_entity *e)
{
    return (e->external_id && access_field(c, e->external_id) == FIELD_HIDDEN)
        || (e->title && access_field(c, e->title) == FIELD_HIDDEN);
}

static enum err_code find_reference(
    struct call *c, const struct import_column *m, struct str s, int64_t *id)
{
    const struct live_entity *e = m->field->target;
    struct str mail = mail_in(s);
    bool found = false;

    switch (m->by) {
    case BY_FIELD:
        return by_field(c, e, m->key, s, id);
    case BY_EMAIL:
        return by_mail(c, e, s, id);
    case BY_DOMAIN:
        return by_domain(c, e, s, id);
    case BY_TITLE:
        return e->title && e->title->stored ? by_field(c, e, e->title, s, id) : OK;
    case BY_ANY:
        break;
    }
    if (mail.n) {
        TRY(by_mail(c, e, mail, id));
    }
    if (!*id && !hides_names(c, e)) {
        TRY(ref_by_text(c, e, s, id, &found));
        *id = found ? *id : 0;
    }
    return OK;
}

static void fill_new(struct call *c, struct record *r, const struct import_column *m, struct str s)
{
    const struct live_entity *e = r->e;
    const struct live_field *f;
    ptrdiff_t cut = -1;

    if (m->by == BY_FIELD) {
        record_set(c, r, m->key->name.p, V(s));
    }
    if (m->by == BY_DOMAIN && (f = entity_field(e, STR("domain"))) && f->stored) {
        record_set(c, r, "domain", V(s));
    }
    if (e->title && e->title->def.kind == KIND_NAME) {
        for (size_t i = 0; i < s.n; i++) {
            cut = s.p[i] == ' ' ? (ptrdiff_t)i : cut;
        }
        if (cut > 0) {
            record_set(c, r, "first_name", V(str_trim(str_sub(s, 0, (size_t)cut))));
        }
        record_set(c, r, "last_name", V(str_sub(s, (size_t)(cut + 1), s.n)));
    } else if (e->title && e->title->stored && !e->title->def.read_only) {
        record_set(c, r, e->title->name.p, V(s));
    }
}

enum err_code import_reference(
    struct importing *im, const struct import_column *m, struct str s, int64_t *id)
{
    struct call *c = im->c;
    bool seen = true;

    *id = 0;
    TRY(find_reference(c, m, s, id));
    if (*id) {
        struct record *r;
        TRY(record_load(c, m->field->target, *id, false, &r));
        TRY(access_record(c, r, RIGHT_READ, &seen));
        *id = seen ? *id : 0;
    }
    if (*id || !m->make || !seen) {
        return OK;
    }
    struct record *made = record_new(c, m->field->target);
    fill_new(c, made, m, s);
    TRY(record_create(c, made));
    *id = made->id;
    return OK;
}
