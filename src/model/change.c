/* change.c - appends to feed and history, and reads the feed in an order that can be trusted.
 *
 * On PostgreSQL sequence numbers become visible out of order: a writer draws its number before it commits. So a
 * transaction says, by an advisory lock that ends with it, how far the numbers had come before it draws its first;
 * a reader stops at the lowest that is held. Those of other schemas and databases of the cluster do not count. */

#include "model/change.h"

#include "base/log.h"
#include "model/access.h"
#include "model/lookup.h"
#include "model/org.h"
#include "model/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum err_code change_set_open(struct call *c)
{
    if (c->change_set) {
        return OK;
    }
    return db_insert(c, &c->change_set,
        SQL("INSERT INTO \"change_sets\" (\"at\", \"user\", \"via\", \"kind\", \"request\","
            " \"undo_of\") VALUES ($1, $2, $3, $4, $5, $6)"),
        VALS(V(c->now), V(c->who->id), V(via_name(c->via)),
            V(c->change_kind ? c->change_kind : "edit"), V(c->request),
            c->undo_of ? V(c->undo_of) : V_NULL));
}

static void cell_json(struct json_writer *w, struct dbval v)
{
    switch (v.type) {
    case DB_NULL:
        json_none(w, NULL);
        return;
    case DB_INT:
        json_int(w, NULL, v.i);
        return;
    case DB_REAL:
        json_real(w, NULL, v.d);
        return;
    case DB_TEXT:
    case DB_BLOB:
        json_text(w, NULL, v.s);
        return;
    }
}

/* {"<field number>": [cell, ...], ...} of the fields that changed, or of all of them. */
static struct str old_json(struct call *c, const struct record *old, const bool *changed)
{
    struct buf b;
    struct json_writer w;
    char number[24];

    buf_init(&b, c->mem, 8 << 20);
    json_init(&w, &b);
    json_object(&w, NULL);
    for (size_t i = 0; i < old->e->nfields; i++) {
        const struct live_field *f = old->e->fields[i];
        bool counts = changed ? changed[i] && !f->def.no_history : f != old->e->id;
        if (!f->stored || !counts) {
            continue;
        }
        snprintf(number, sizeof number, "%" PRId64, f->number);
        json_array(&w, number);
        for (int k = 0; k < f->ncolumns; k++) {
            cell_json(&w, old->cells[f->cell + k]);
        }
        if (old->bases && old->bases[i].known) {
            cell_json(&w, old->bases[i].v);
        }
        json_end_array(&w);
    }
    json_end_object(&w);
    return buf_str(&b);
}

static struct str fields_json(struct call *c, const struct record *r, const bool *changed)
{
    struct buf b;

    buf_init(&b, c->mem, 1 << 20);
    buf_byte(&b, '[');
    for (size_t i = 0; i < r->e->nfields; i++) {
        const struct live_field *f = r->e->fields[i];
        if (changed[i] && (!f->standard || !f->def.no_history)) {
            buf_lit(&b, b.n > 1 ? "," : "");
            buf_int(&b, f->number);
        }
    }
    buf_byte(&b, ']');
    return buf_str(&b);
}

static int64_t person_of(const struct record *r)
{
    if (r->e->def.flags & ENTITY_PERSON) {
        return r->id;
    }
    if (!r->e->person || !r->e->person->stored) {
        return 0;
    }
    const struct dbval *cells = &r->cells[r->e->person->cell];
    int last = r->e->person->value == KIND_ANYREF;
    return cells[last].type == DB_INT ? cells[last].i : 0;
}

static enum err_code note_refs(
    struct call *c, const struct record *old, const bool *changed, int64_t history)
{
    for (size_t i = 0; i < old->e->nfields; i++) {
        const struct live_field *f = old->e->fields[i];
        const struct dbval *cells = f->stored ? &old->cells[f->cell] : NULL;
        bool refers = f->value == KIND_REF || f->value == KIND_ANYREF || f->value == KIND_FILE;
        if (!cells || !refers || f->def.no_history || (changed && !changed[i])
            || cells_absent(f, cells)) {
            continue;
        }
        int64_t entity = f->value == KIND_ANYREF ? cells[0].i : f->target ? f->target->number : 0;
        TRY(db_exec(c,
            SQL("INSERT INTO \"history_refs\" (\"entity\", \"record\", \"history\") VALUES"
                " ($1, $2, $3) ON CONFLICT DO NOTHING"),
            VALS(V(entity), V(cells[f->value == KIND_ANYREF].i), V(history))));
    }
    return OK;
}

/* Unique keys that another record may take from now on, under the entity's negative number. */
static enum err_code note_released(
    struct call *c, const struct record *old, const bool *changed, int64_t history)
{
    int64_t hashes[STORE_KEYS];
    size_t n = store_key_hashes(c, old, changed, hashes);

    for (size_t i = 0; i < n; i++) {
        TRY(db_exec(c,
            SQL("INSERT INTO \"history_refs\" (\"entity\", \"record\", \"history\") VALUES"
                " ($1, $2, $3) ON CONFLICT DO NOTHING"),
            VALS(V(-old->e->number), V(hashes[i]), V(history))));
    }
    return OK;
}

static enum err_code append_history(struct call *c, enum change_kind kind, const struct record *r,
    struct str old, int64_t *id)
{
    const char word[2] = { (char)kind, '\0' };

    return db_insert(c, id,
        SQL("INSERT INTO \"history\" (\"entity\", \"record\", \"kind\", \"old\", \"user\", \"via\","
            " \"at\", \"change_set\") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
        VALS(V(r->e->number), V(r->id), V(word), old.n ? V(old) : V_NULL, V(c->who->id),
            V(via_name(c->via)), V(c->now), V(c->change_set)));
}

/* Numbers of the feed are drawn before the commit, and their order is not that in which transactions begin or
 * end. So on PostgreSQL a transaction says, before it draws its first one, how far the numbers had come: by a
 * shared advisory lock, which others can see, and which ends with it. Every number that it draws lies above. */
static enum err_code announce(struct call *c)
{
    if (c->in_feed || conn_backend(c->db) == DB_SQLITE) {
        return OK;
    }
    c->in_feed = true;
    return db_exec(c,
        SQL2("SELECT 0", "SELECT pg_advisory_xact_lock_shared(hashtext(current_schema()), CAST((last_value -"
                         " CASE WHEN is_called THEN 0 ELSE 1 END) & 2147483647 AS integer)) FROM \"feed_id_seq\""),
        VALS());
}

static enum err_code append_feed(struct call *c, enum change_kind kind, const struct live_entity *e,
    int64_t record, struct str fields, int64_t person, int64_t history)
{
    const char word[2] = { (char)kind, '\0' };

    TRY(announce(c));
    c->touched |= consumers_of(c->org, e, kind, c->via != VIA_SYSTEM && c->via != VIA_IMPORT && c->via != VIA_JOB);
    return db_exec(c,
        SQL("INSERT INTO \"feed\" (\"entity\", \"record\", \"kind\", \"fields\", \"person\","
            " \"change_set\", \"at\", \"history\") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
        VALS(V(e->number), V(record), V(word), fields.n ? V(fields) : V_NULL,
            person ? V(person) : V_NULL, V(c->change_set), V(c->now), history ? V(history) : V_NULL));
}

enum err_code change_note(struct call *c, enum change_kind kind, const struct record *r,
    const struct record *old, const bool *changed)
{
    int64_t history = 0, person = person_of(r);
    struct str fields = { "", 0 };

    TRY(kind != CHANGE_CREATE && r->quiet ? OK : change_set_open(c)); /* of what leaves no history nothing is taken back */
    c->changes++;
    if (kind == CHANGE_UPDATE) {
        fields = fields_json(c, r, changed);
    }
    if (kind != CHANGE_CREATE && !r->quiet) {
        struct str values = { "", 0 };
        if (kind == CHANGE_UPDATE || kind == CHANGE_PURGE) {
            values = old_json(c, old, changed);
        }
        TRY(append_history(c, kind, r, values, &history));
        if (values.n) {
            TRY(note_refs(c, old, changed, history));
        }
        if (kind != CHANGE_RESTORE) {
            TRY(note_released(c, old, changed, history));
        }
    }
    int64_t before = old && kind == CHANGE_UPDATE ? person_of(old) : person;
    if (before && before != person) { /* who it was about before has lost it */
        TRY(append_feed(c, kind, r->e, r->id, fields, before, 0));
    }
    TRY(append_feed(c, kind, r->e, r->id, fields, person, history));
    return r->e->nlooked_up ? lookup_follow(c, kind, r, changed) : OK;
}

enum err_code change_note_person(struct call *c, enum change_kind kind, const struct live_entity *e,
    int64_t record, int64_t person)
{
    return append_feed(c, kind, e, record, STR(""), person, 0);
}

enum err_code change_note_field(struct call *c, const struct live_field *f)
{
    return append_feed(c, CHANGE_UPDATE, f->entity, 0, arena_fmt(c->mem, "[%" PRId64 "]", f->number), 0, 0);
}

/* ---- reading ---- */

/* How far the numbers have come is asked first: whoever has drawn one up to there, and has not ended, is then
 * seen by his lock. */
static enum err_code pg_horizon(struct call *c, int64_t *seq, bool *hidden)
{
    int64_t drawn = 0;

    TRY(db_int(c, &drawn,
        SQL2("SELECT 0", "SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM \"feed_id_seq\""), VALS()));
    TRY(db_int(c, seq,
        SQL2("SELECT 0",
            "SELECT CAST($1 AS bigint) - coalesce(max(d), 0) FROM (SELECT ($1 - CAST(CAST(objid AS text) AS bigint)) &"
            " 2147483647 AS d FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND mode = 'ShareLock'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND CAST(CAST(classid AS text) AS bigint) = CAST(hashtext(current_schema()) AS bigint) & 4294967295) x"
            /* more than half the way round: it was announced after the question */
            " WHERE d < 1073741824"),
        VALS(V(drawn))));
    *hidden = *seq < drawn;
    return OK;
}

enum err_code feed_reach(struct call *c, int64_t *seq, bool *hidden)
{
    *hidden = false;
    if (conn_backend(c->db) == DB_SQLITE) {
        return db_int(c, seq, SQL("SELECT coalesce(max(\"id\"), 0) FROM \"feed\""), VALS());
    }
    return pg_horizon(c, seq, hidden);
}

enum err_code feed_horizon(struct call *c, int64_t *seq)
{
    bool hidden;

    return feed_reach(c, seq, &hidden);
}

static enum err_code read_changes(
    struct call *c, struct sql sql, struct dbvals v, size_t most, struct change **out, size_t *n)
{
    struct rows rows;

    *n = 0;
    *out = ARENA_ARRAY(c->mem, struct change, most);
    TRY(db_query(c, &rows, sql, v));
    while (*n < most && rows_next(&rows)) {
        struct str kind = stmt_text(rows.st, 3);
        (*out)[(*n)++] = (struct change) {
            .seq = col_int(&rows, 0),
            .entity = col_int(&rows, 1),
            .record = col_int(&rows, 2),
            .kind = kind.n ? (enum change_kind)kind.p[0] : CHANGE_UPDATE,
            .person = col_int(&rows, 4),
            .change_set = col_int(&rows, 5),
            .at = col_int(&rows, 6),
            .fields = col_text(&rows, 7),
            .history = col_int(&rows, 8),
        };
    }
    return rows_end(&rows);
}

enum err_code feed_read(
    struct call *c, int64_t after, int64_t horizon, size_t most, struct change **out, size_t *n)
{
    *n = 0;
    *out = NULL;
    if (horizon <= after) {
        return OK;
    }
    return read_changes(c,
        SQL("SELECT \"id\", \"entity\", \"record\", \"kind\", \"person\", \"change_set\", \"at\","
            " \"fields\", \"history\" FROM \"feed\" WHERE \"id\" > $1 AND \"id\" <= $2"
            " ORDER BY \"id\" LIMIT $3"),
        VALS(V(after), V(horizon), V(most)), most, out, n);
}

enum err_code feed_read_single(
    struct call *c, int64_t after, int64_t horizon, size_t most, struct change **out, size_t *n)
{
    return read_changes(c,
        SQL("SELECT f.\"id\", f.\"entity\", f.\"record\", f.\"kind\", f.\"person\", f.\"change_set\", f.\"at\","
            " f.\"fields\", f.\"history\" FROM \"feed\" f JOIN \"change_sets\" s ON s.\"id\" = f.\"change_set\""
            " WHERE f.\"id\" > $1 AND f.\"id\" <= $2 AND f.\"person\" IS NOT NULL AND s.\"kind\" IN ('edit', 'merge') AND"
            " s.\"via\" NOT IN ('system', 'import', 'job') ORDER BY f.\"id\" LIMIT $3"),
        VALS(V(after), V(horizon), V(most)), most, out, n);
}

/* ---- history of a record ---- */

const char *change_kind_word(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_CREATE:
        return "created";
    case CHANGE_DELETE:
        return "deleted";
    case CHANGE_RESTORE:
        return "restored";
    case CHANGE_PURGE:
        return "removed";
    case CHANGE_UPDATE:
    case CHANGE_ENTER:
    case CHANGE_LEAVE:
        break;
    }
    return "changed";
}

static void value_json(struct call *c, const struct live_field *f, const json_t *cells,
    struct ref_names *names, bool want)
{
    struct dbval v[FIELD_CELLS] = { V_NULL, V_NULL };

    for (int i = 0; i < f->ncolumns; i++) {
        const json_t *one = json_array_get(cells, (size_t)i);
        v[i] = json_is_integer(one) ? V((int64_t)json_integer_value(one))
            : json_is_real(one)     ? V(json_real_value(one))
            : json_is_string(one)   ? V(json_str(one))
                                    : V_NULL;
        if (v[i].type == DB_INT && f->columns[i].type == DB_REAL) {
            v[i] = V((double)v[i].i);
        }
    }
    if (want) {
        cells_want(names, f, v);
    } else {
        cells_to_json(c, f, v, names, &c->out);
    }
}

struct history_line {
    int64_t id, user, at, change_set;
    struct str kind, via;
    json_t *old;
};

static void line_json(
    struct call *c, const struct live_entity *e, const struct history_line *l, struct ref_names *names)
{
    char text[INSTANT_TEXT];
    const char *number;
    json_t *cells;

    json_object(&c->out, NULL);
    json_int(&c->out, "id", l->id);
    json_cstr(&c->out, "kind", change_kind_word((enum change_kind)l->kind.p[0]));
    instant_format(l->at, text);
    json_cstr(&c->out, "at", text);
    json_text(&c->out, "via", l->via);
    json_int(&c->out, "change_set", l->change_set);
    json_object(&c->out, "user");
    json_int(&c->out, "id", l->user);
    const struct live_entity *user = model_entity(c->model, STR("user"));
    json_text(&c->out, "name", l->user ? ref_names_get(names, user, l->user) : STR("system"));
    json_end_object(&c->out);
    json_object(&c->out, "before");
    json_object_foreach(l->old, number, cells)
    {
        char name[32];
        snprintf(name, sizeof name, "@%s", number);
        const struct live_field *f = entity_field(e, str_of(name));
        if (f && access_field(c, f) != FIELD_HIDDEN) {
            json_name(&c->out, f->name);
            value_json(c, f, cells, names, false);
        }
    }
    json_end_object(&c->out);
    json_end_object(&c->out);
}

enum err_code history_json(
    struct call *c, const struct live_entity *e, int64_t id, int64_t before, int limit)
{
    struct ref_names *names = ref_names_new(c);
    const struct live_entity *user = model_entity(c->model, STR("user"));
    struct history_line *lines = ARENA_ARRAY(c->mem, struct history_line, (size_t)limit);
    struct rows rows;
    struct record *r;
    size_t n = 0;
    bool yes;

    TRY(record_load(c, e, id, false, &r));
    TRY(access_record(c, r, RIGHT_READ, &yes));
    if (!yes) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
    }
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"kind\", \"old\", \"user\", \"via\", \"at\", \"change_set\" FROM"
            " \"history\" WHERE \"entity\" = $1 AND \"record\" = $2 AND \"id\" < $3"
            " ORDER BY \"id\" DESC LIMIT $4"),
        VALS(V(e->number), V(id), V(before ? before : INT64_MAX), V(limit))));
    while (n < (size_t)limit && rows_next(&rows)) {
        struct history_line *l = &lines[n++];
        *l = (struct history_line) { col_int(&rows, 0), col_int(&rows, 3), col_int(&rows, 5),
            col_int(&rows, 6), col_text(&rows, 1), col_text(&rows, 4), NULL };
        struct str old = col_text(&rows, 2);
        if (old.n) {
            TRY(json_read(c->mem, old, &l->old, &c->err));
        }
        if (l->user) {
            ref_names_want(names, user, l->user);
        }
        const char *number;
        json_t *cells;
        json_object_foreach(l->old, number, cells)
        {
            char name[32];
            snprintf(name, sizeof name, "@%s", number);
            const struct live_field *f = entity_field(e, str_of(name));
            if (f) {
                value_json(c, f, cells, names, true);
            }
        }
    }
    TRY(rows_end(&rows));
    TRY(ref_names_load(names));
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    for (size_t i = 0; i < n; i++) {
        line_json(c, e, &lines[i], names);
    }
    json_end_array(&c->out);
    json_name(&c->out, STR("next"));
    if (n == (size_t)limit) {
        json_int(&c->out, NULL, lines[n - 1].id);
    } else {
        json_none(&c->out, NULL);
    }
    json_end_object(&c->out);
    return OK;
}
