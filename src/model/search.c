/* search.c - a text per record, indexed by trigrams.
 *
 * No rank function runs over the index: it would read every hit of a common trigram. The newest hits that
 * the user may see are taken, at most CANDIDATES, and ranked here. One or two letters are a prefix
 * look-up on titles. Rows of feed that the consumer has not reached yet are matched by hand, so that a
 * writer finds his own write. */

#include "model/search.h"

#include "base/utf8.h"
#include "model/change.h"
#include "model/org.h"
#include "model/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CANDIDATES = 200, TAIL = 200, WORDS = 8, BODY = 8000, TOGETHER_MAX = 32 << 20 };

enum err_code search_prepare(struct conn *db, struct err *e)
{
    if (conn_backend(db) == DB_SQLITE) {
        return conn_script(db,
            "CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5(body,"
            " content='search_rows', content_rowid='id', tokenize='trigram', detail=none)",
            e);
    }
    /* one extension for all organisations of the database: in the schema that each of them looks into. Two who
     * make it at once would hit each other */
    return conn_script(db,
        "SELECT pg_advisory_xact_lock(hashtext('kith pg_trgm'));"
        "DO $$ BEGIN"
        " IF EXISTS (SELECT 1 FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace"
        " WHERE x.extname = 'pg_trgm' AND n.nspname <> 'public' AND pg_has_role(x.extowner, 'USAGE'))"
        " THEN ALTER EXTENSION pg_trgm SET SCHEMA public; END IF; END $$;"
        "CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;"
        "CREATE INDEX IF NOT EXISTS s_search_body ON search_rows USING gin (body gin_trgm_ops)",
        e);
}

/* ---- the text of a record: its title, then the searched fields by weight, a line each ---- */

static bool searched(const struct live_field *f)
{
    return f->stored && f->def.search && !f->def.sensitive && !f->def.system;
}

static void add_line(struct call *c, struct buf *b, const struct live_field *f,
    const struct record *r)
{
    struct buf text;

    buf_init(&text, c->mem, BODY);
    if (kind_is_list(f->value) && r->cells[f->cell].type == DB_TEXT) {
        struct part *parts;
        size_t n = parts_read(c, r->cells[f->cell].s, &parts);
        for (size_t i = 0; i < n; i++) {
            const struct part *p = &parts[i];
            const struct str words[] = { p->key, f->value == KIND_PHONES ? p->typed : STR(""),
                p->pieces[0], p->pieces[1], p->pieces[3] };
            for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
                buf_add(&text, words[k]);
                buf_byte(&text, ' ');
            }
        }
        err_clear(&c->err);
    } else {
        cells_to_text(c, f, &r->cells[f->cell], NULL, &text);
    }
    if (text.n) {
        buf_add(b, utf8_fold(c->mem, utf8_clip(buf_str(&text), 1000)));
        buf_byte(b, '\n');
    }
}

static void record_text(struct call *c, const struct record *r, bool (*may)(struct call *,
    const struct live_field *), struct str *title, struct str *body)
{
    struct buf b;
    const struct live_field *t = r->e->title;

    buf_init(&b, c->mem, BODY);
    if (t && t->stored && (!may || may(c, t))) {
        add_line(c, &b, t, r);
    }
    *title = (struct str) { b.p ? b.p : "", b.n ? b.n - 1 : 0 };
    *title = arena_str(c->mem, *title);
    for (int weight = 3; weight > 0; weight--) {
        for (size_t i = 0; i < r->e->nfields; i++) {
            const struct live_field *f = r->e->fields[i];
            if (searched(f) && f->def.search == weight && f != t && (!may || may(c, f))) {
                add_line(c, &b, f, r);
            }
        }
    }
    *body = buf_str(&b);
}

static bool is_searched(const struct live_entity *e)
{
    return !(e->def.flags & (ENTITY_TABLE | ENTITY_NO_SEARCH | ENTITY_LINK));
}

/* ---- the consumer ---- */

static enum err_code take_out(struct call *c, int64_t entity, int64_t record)
{
    struct rows rows;
    int64_t id = 0;
    struct str body = { "", 0 };

    if (conn_backend(c->db) == DB_POSTGRES) {
        return db_exec(c, SQL("DELETE FROM \"search_rows\" WHERE \"entity\" = $1 AND \"record\" = $2"),
            VALS(V(entity), V(record)));
    }
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"body\" FROM \"search_rows\" WHERE \"entity\" = $1 AND"
            " \"record\" = $2"),
        VALS(V(entity), V(record))));
    if (rows_next(&rows)) {
        id = col_int(&rows, 0);
        body = col_text(&rows, 1);
    }
    TRY(rows_end(&rows));
    if (!id) {
        return OK;
    }
    TRY(db_exec(c, SQL("INSERT INTO search_index (search_index, rowid, body) VALUES ('delete', $1, $2)"),
        VALS(V(id), V(body))));
    return db_exec(c, SQL("DELETE FROM \"search_rows\" WHERE \"id\" = $1"), VALS(V(id)));
}

struct found_text { /* of a record; without a body it is to be found by nothing */
    struct str title, body;
};

static enum err_code put_in(struct call *c, int64_t entity, int64_t record, const struct found_text *t)
{
    int64_t id;

    TRY(db_insert(c, &id,
        SQL("INSERT INTO \"search_rows\" (\"entity\", \"record\", \"title\", \"body\", \"at\")"
            " VALUES ($1, $2, $3, $4, $5)"),
        VALS(V(entity), V(record), V(t->title), V(t->body), V(c->now))));
    return db_exec(c, SQL("INSERT INTO search_index (rowid, body) VALUES ($1, $2)"), VALS(V(id), V(t->body)));
}

/* On PostgreSQL a batch goes in by one statement: each row would cost a journey. */
static void note_row(struct json_writer *w, int64_t entity, int64_t record, const struct found_text *t)
{
    json_object(w, NULL);
    json_int(w, "entity", entity);
    json_int(w, "record", record);
    json_text(w, "title", t->title);
    json_text(w, "body", t->body);
    json_end_object(w);
}

static enum err_code put_together(struct call *c, struct buf *rows)
{
    return db_exec(c,
        SQL2("SELECT 0",
            "INSERT INTO \"search_rows\" (\"entity\", \"record\", \"title\", \"body\", \"at\") SELECT entity, record, title,"
            " body, $2 FROM json_to_recordset(CAST($1 AS json)) AS x(entity bigint, record bigint, title text, body text)"),
        VALS(V(buf_str(rows)), V(c->now)));
}

/* The text of a record as it is now, in mem. */
static enum err_code find_text(
    struct call *c, const struct live_entity *e, int64_t id, struct arena *mem, struct found_text *out)
{
    struct str title, body;
    struct record *r;
    enum err_code code = record_load(c, e, id, true, &r);

    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    TRY(code);
    if (r->cells[e->deleted_at->cell].type == DB_NULL) {
        record_text(c, r, NULL, &title, &body);
        *out = (struct found_text) { arena_str(mem, utf8_clip(title, 200)), arena_str(mem, body) };
    }
    return OK;
}

static const struct live_entity *searched_entity(const struct call *c, const struct change *ch)
{
    const struct live_entity *e = model_entity_number(c->model, ch->entity);

    return e && is_searched(e) && !ch->again && ch->kind != CHANGE_ENTER && ch->kind != CHANGE_LEAVE ? e : NULL;
}

/* What a record takes goes at once, its text stays. */
enum err_code search_look(struct call *c, struct arena *keep, struct change *changes, size_t n)
{
    struct found_text *texts = ARENA_ARRAY(keep, struct found_text, n + 1);

    for (size_t i = 0; i < n; i++) {
        const struct live_entity *e = searched_entity(c, &changes[i]);
        struct call_mark mark = call_mark(c);
        if (e) {
            TRY(find_text(c, e, changes[i].record, keep, &texts[i]));
            changes[i].found = &texts[i];
            call_rewind(c, mark);
        }
    }
    return OK;
}

enum err_code search_consume(struct call *c, const struct change *changes, size_t n)
{
    struct json_writer w;
    struct buf together;

    buf_init(&together, c->mem, TOGETHER_MAX);
    json_init(&w, &together);
    json_array(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        const struct live_entity *e = searched_entity(c, &changes[i]);
        const struct found_text *t = changes[i].found;
        if (!e || !t) { /* of an object that came or went meanwhile */
            continue;
        }
        TRY(changes[i].kind == CHANGE_CREATE ? OK : take_out(c, e->number, changes[i].record));
        if (t->body.n && conn_backend(c->db) == DB_POSTGRES) {
            note_row(&w, e->number, changes[i].record, t);
        } else if (t->body.n) {
            TRY(put_in(c, e->number, changes[i].record, t));
        }
    }
    json_end_array(&w);
    return together.n > 2 ? put_together(c, &together) : OK;
}

/* ---- asking ---- */

struct words {
    struct str whole, word[WORDS];
    size_t n;
    bool has_long, has_short; /* one of three letters or more */
};

static void split_words(struct call *c, struct str text, struct words *w)
{
    struct str rest, one;

    *w = (struct words) { .whole = utf8_fold(c->mem, utf8_clip(text, 200)) };
    rest = w->whole;
    while (w->n < WORDS && str_split(&rest, ' ', &one)) {
        if (one.n) {
            w->word[w->n++] = one;
            w->has_long = w->has_long || utf8_length(one) >= 3;
            w->has_short = w->has_short || utf8_length(one) < 3;
        }
    }
}

static bool contains_all(struct str body, const struct words *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (str_find(body, w->word[i]) < 0) {
            return false;
        }
    }
    return w->n > 0;
}

/* %word% with the pattern's own signs escaped by '\'. */
static struct str like_pattern(struct call *c, struct str word)
{
    struct buf b;

    buf_init(&b, c->mem, 2000);
    buf_byte(&b, '%');
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == '%' || word.p[i] == '_' || word.p[i] == '\\') {
            buf_byte(&b, '\\');
        }
        buf_byte(&b, word.p[i]);
    }
    buf_byte(&b, '%');
    return buf_str(&b);
}

static bool has_like_sign(struct str word)
{
    return str_find_byte(word, '%') >= 0 || str_find_byte(word, '_') >= 0
        || str_find_byte(word, '\\') >= 0;
}

enum which { ALL_WORDS, LONG_WORDS, SHORT_WORDS };

/* The text as it must occur in "column": every word. FTS5 uses its index only for LIKE without ESCAPE, and it
 * breaks (SQLite 3.40, detail none) on one of less than three letters beside another: such words are looked
 * for in the row. Writes nothing when there is no such word. */
static void words_sql(
    struct call *c, const struct words *w, enum which which, const char *column, struct sqltext *s)
{
    bool any = false;

    for (size_t i = 0; i < w->n; i++) {
        bool is_long = utf8_length(w->word[i]) >= 3;
        if ((which == LONG_WORDS && !is_long) || (which == SHORT_WORDS && is_long)) {
            continue;
        }
        if (any || which == SHORT_WORDS) {
            sql_lit(s, " AND ");
        }
        any = true;
        sql_ident(s, column);
        sql_lit(s, " LIKE ");
        sql_bind(s, V(like_pattern(c, w->word[i])));
        if (has_like_sign(w->word[i])) {
            sql_lit(s, " ESCAPE '\\'");
        }
    }
}

static bool hides_searched_fields(struct call *c, const struct live_entity *e)
{
    for (size_t i = 0; i < e->nfields; i++) {
        if ((searched(e->fields[i]) || e->fields[i] == e->title)
            && access_field(c, e->fields[i]) == FIELD_HIDDEN) {
            return true;
        }
    }
    return false;
}

enum err_code search_sql(
    struct call *c, const struct live_entity *e, struct str text, int alias, struct sqltext *s)
{
    struct words w;

    split_words(c, text, &w);
    sql_lit(s, " AND ");
    sql_column(s, alias, "id");
    sql_lit(s, " IN (SELECT \"record\" FROM \"search_rows\" WHERE \"entity\" = ");
    sql_int(s, e->number);
    sql_lit(s, " AND ");
    if (!w.n) {
        sql_lit(s, "1 = 0)");
        return OK;
    }
    if (hides_searched_fields(c, e)) {
        if (e->title && access_field(c, e->title) == FIELD_HIDDEN) {
            sql_lit(s, "1 = 0)");
            return OK;
        }
        words_sql(c, &w, ALL_WORDS, "title", s);
    } else if (s->backend == DB_SQLITE && w.has_long) {
        sql_lit(s, "\"id\" IN (SELECT rowid FROM search_index WHERE ");
        words_sql(c, &w, LONG_WORDS, "body", s);
        sql_lit(s, ")");
        words_sql(c, &w, SHORT_WORDS, "body", s);
    } else {
        words_sql(c, &w, ALL_WORDS, "body", s);
    }
    sql_lit(s, ")");
    return OK;
}

struct hit {
    const struct live_entity *e;
    int64_t id, recency;
    struct str title, body;
    int score;
    bool seen;
};

struct hits {
    struct hit *hit;
    size_t n, room;
    bool cut;
};

static void add_hit(struct hits *h, struct hit hit)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->hit[i].e == hit.e && h->hit[i].id == hit.id) {
            return;
        }
    }
    if (h->n == h->room) {
        h->cut = true;
        return;
    }
    h->hit[h->n++] = hit;
}

static enum err_code find_indexed(
    struct call *c, const struct live_entity *e, const struct words *w, struct hits *h)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"entity\", \"record\", \"id\", \"title\", \"body\" FROM \"search_rows\" r WHERE ");
    if (!w->has_long) {
        sql_lit(&s, "\"title\" >= ");
        sql_bind(&s, V(w->whole));
        sql_lit(&s, " AND \"title\" < ");
        /* behind everything that begins so: the last code point */
        sql_bind(&s, V(arena_fmt(c->mem, "%.*s\xF4\x8F\xBF\xBF", STR_ARG(w->whole))));
    } else if (s.backend == DB_SQLITE) {
        sql_lit(&s, "\"id\" IN (SELECT rowid FROM search_index WHERE ");
        words_sql(c, w, LONG_WORDS, "body", &s);
        sql_lit(&s, " ORDER BY rowid DESC LIMIT ");
        sql_int(&s, e || w->has_short ? 20 * CANDIDATES : CANDIDATES);
        sql_lit(&s, ")");
        words_sql(c, w, SHORT_WORDS, "body", &s);
    } else {
        words_sql(c, w, ALL_WORDS, "body", &s);
    }
    if (e) {
        sql_lit(&s, " AND \"entity\" = ");
        sql_int(&s, e->number);
    }
    if (w->has_long) {
        sql_lit(&s, " ORDER BY \"id\" DESC LIMIT ");
    } else {
        sql_lit(&s, " ORDER BY \"title\" LIMIT ");
    }
    sql_int(&s, CANDIDATES);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    size_t n = 0;
    while (rows_next(&rows)) {
        const struct live_entity *of = model_entity_number(c->model, col_int(&rows, 0));
        n++;
        if (of) {
            add_hit(h, (struct hit) { .e = of, .id = col_int(&rows, 1), .recency = col_int(&rows, 2),
                           .title = col_text(&rows, 3), .body = col_text(&rows, 4) });
        }
    }
    h->cut = h->cut || n == CANDIDATES;
    return rows_end(&rows);
}

/* What the consumer has not reached yet. */
static enum err_code find_tail(
    struct call *c, const struct live_entity *e, const struct words *w, struct hits *h)
{
    struct rows rows;
    int64_t entities[TAIL], records[TAIL];
    size_t n = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT \"entity\", \"record\", max(\"id\") FROM \"feed\" WHERE \"id\" > coalesce((SELECT"
            " \"seq\" FROM \"cursors\" WHERE \"name\" = 'search'), 0) GROUP BY \"entity\", \"record\""
            " ORDER BY 3 DESC LIMIT 200"),
        VALS()));
    while (n < TAIL && rows_next(&rows)) {
        entities[n] = col_int(&rows, 0);
        records[n++] = col_int(&rows, 1);
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < n; i++) {
        const struct live_entity *of = model_entity_number(c->model, entities[i]);
        struct record *r;
        struct str title, body;
        if (!of || !is_searched(of) || (e && of != e)) {
            continue;
        }
        enum err_code code = record_load(c, of, records[i], true, &r);
        if (code == ERR_NOT_FOUND) {
            err_clear(&c->err);
            continue;
        }
        TRY(code);
        record_text(c, r, NULL, &title, &body);
        /* an indexed row of it may be out of date */
        for (size_t k = 0; k < h->n; k++) {
            if (h->hit[k].e == of && h->hit[k].id == records[i]) {
                h->hit[k] = h->hit[--h->n];
                break;
            }
        }
        if (r->cells[of->deleted_at->cell].type == DB_NULL
            && (w->has_long ? contains_all(body, w) : str_starts(title, w->whole))) {
            add_hit(h, (struct hit) { .e = of, .id = records[i], .recency = INT64_MAX - (int64_t)i,
                           .title = title, .body = body });
        }
    }
    return OK;
}

static bool may_read_field(struct call *c, const struct live_field *f)
{
    return access_field(c, f) != FIELD_HIDDEN;
}

/* Marks those that may be seen: one query per entity. */
static enum err_code mark_seen(struct call *c, struct hits *h, const struct live_entity *e,
    const struct words *w)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    struct rows rows;
    bool any = false;

    if (access_require(c, e, RIGHT_READ) != OK) {
        err_clear(&c->err);
        return OK;
    }
    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    sql_lit(&s, "SELECT t0.\"id\" FROM ");
    sql_ident(&s, e->tables[0]);
    sql_lit(&s, " t0 WHERE t0.\"deleted_at\" IS NULL AND t0.\"id\" IN (");
    for (size_t i = 0; i < h->n; i++) {
        if (h->hit[i].e == e) {
            if (any) {
                sql_lit(&s, ", ");
            }
            any = true;
            sql_int(&s, h->hit[i].id);
        }
    }
    sql_lit(&s, ")");
    TRY(access_sql(c, e, RIGHT_READ, 0, &s));
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        int64_t id = col_int(&rows, 0);
        for (size_t i = 0; i < h->n; i++) {
            h->hit[i].seen = h->hit[i].seen || (h->hit[i].e == e && h->hit[i].id == id);
        }
    }
    TRY(rows_end(&rows));
    if (!hides_searched_fields(c, e)) {
        return OK;
    }
    for (size_t i = 0; i < h->n; i++) {
        struct record *r;
        if (h->hit[i].e != e || !h->hit[i].seen) {
            continue;
        }
        TRY(record_load(c, e, h->hit[i].id, true, &r));
        record_text(c, r, may_read_field, &h->hit[i].title, &h->hit[i].body);
        h->hit[i].seen = contains_all(h->hit[i].body, w);
    }
    return OK;
}

/* Exact title, title begins with it, a word of the title does, inside the title, then by line. */
static int score(const struct hit *h, const struct words *w)
{
    if (str_eq(h->title, w->whole)) {
        return 1000;
    }
    if (str_starts(h->title, w->whole)) {
        return 900;
    }
    ptrdiff_t at = str_find(h->title, w->whole);
    if (at > 0 && h->title.p[at - 1] == ' ') {
        return 800;
    }
    if (at >= 0) {
        return 700;
    }
    at = w->n ? str_find(h->body, w->word[0]) : -1;
    if (at < 0) {
        return 0;
    }
    int line = 0;
    for (ptrdiff_t i = 0; i < at; i++) {
        line += h->body.p[i] == '\n';
    }
    bool word = at == 0 || h->body.p[at - 1] == ' ' || h->body.p[at - 1] == '\n';
    return 600 - 10 * (line > 50 ? 50 : line) + 5 * word;
}

static int by_score(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;

    if (x->seen != y->seen) {
        return y->seen - x->seen;
    }
    if (x->score != y->score) {
        return y->score - x->score;
    }
    return (y->recency > x->recency) - (y->recency < x->recency);
}

static enum err_code write_hits(struct call *c, struct hits *h, int limit)
{
    struct ref_names *names = ref_names_new(c);

    for (size_t i = 0; i < h->n && (int)i < limit && h->hit[i].seen; i++) {
        ref_names_want(names, h->hit[i].e, h->hit[i].id);
    }
    TRY(ref_names_load(names));
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    for (size_t i = 0; i < h->n && (int)i < limit && h->hit[i].seen; i++) {
        struct hit *hit = &h->hit[i];
        bool titled = hit->e->title && access_field(c, hit->e->title) != FIELD_HIDDEN;
        json_object(&c->out, NULL);
        json_text(&c->out, "entity", hit->e->name);
        json_int(&c->out, "id", hit->id);
        json_text(&c->out, "name",
            titled ? ref_names_get(names, hit->e, hit->id) : (struct str) { "", 0 });
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    json_flag(&c->out, "cut", h->cut);
    json_end_object(&c->out);
    return OK;
}

enum err_code search_json(struct call *c, const struct live_entity *e, struct str text, int limit)
{
    struct words w;
    struct hits h = { .room = CANDIDATES + TAIL };

    if (!utf8_valid(text, NULL)) {
        return fail(c, ERR_INVALID, "q", "the text is not valid UTF-8");
    }
    if (limit < 1 || limit > LIST_SEARCH_MAX) {
        return fail(c, ERR_INVALID, "limit", "limit is between 1 and %d", LIST_SEARCH_MAX);
    }
    split_words(c, text, &w);
    h.hit = ARENA_ARRAY(c->mem, struct hit, h.room);
    if (w.n) {
        TRY(find_indexed(c, e, &w, &h));
        TRY(find_tail(c, e, &w, &h));
    }
    for (size_t i = 0; i < c->model->nentities; i++) {
        bool any = false;
        for (size_t k = 0; k < h.n && !any; k++) {
            any = h.hit[k].e == c->model->entities[i];
        }
        if (any) {
            TRY(mark_seen(c, &h, c->model->entities[i], &w));
        }
    }
    for (size_t i = 0; i < h.n; i++) {
        h.hit[i].score = score(&h.hit[i], &w);
    }
    qsort(h.hit, h.n, sizeof *h.hit, by_score);
    return write_hits(c, &h, limit);
}
