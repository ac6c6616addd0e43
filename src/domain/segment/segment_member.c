/* segment_member.c - who is in: verdicts, rows, their history. */

#include "domain/segment/segment_steps.h"

#include <string.h>

#define COL_INT(n) FIELD_INT(n, .system = true)
#define COL_TEXT(n) FIELD_TEXT(n, .system = true, .no_fold = true)
static const struct field member_fields[]
    = { COL_INT("segment"), COL_INT("version"), COL_INT("person"), COL_INT("since"), FIELD_END };
static const char *const member_indexes[] = { "\"person\"", NULL };
const struct entity segment_member_entity = { .name = "segment_member", .plural = "segment_members",
    .fields = member_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"segment\", \"version\", \"person\"", .indexes = member_indexes };

static const struct field change_fields[] = { COL_INT("segment"), COL_INT("person"), COL_TEXT("kind"),
    COL_INT("at"), COL_TEXT("cause"), FIELD_END };
static const char *const change_indexes[] = { "\"segment\", \"at\"", "\"person\", \"at\"", "\"at\"", NULL };
const struct entity segment_change_entity = { .name = "segment_change", .plural = "segment_changes",
    .fields = change_fields, .flags = ENTITY_TABLE, .indexes = change_indexes };

static const struct field timer_fields[]
    = { COL_INT("segment"), COL_INT("person"), COL_INT("due"), FIELD_END };
static const char *const timer_indexes[] = { "\"due\"", NULL };
const struct entity segment_timer_entity = { .name = "segment_timer", .plural = "segment_timers",
    .fields = timer_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"segment\", \"person\"", .indexes = timer_indexes };

static const struct field late_fields[] = { COL_INT("person"), COL_INT("at"), FIELD_END };
const struct entity segment_late_entity = { .name = "segment_late_row", .plural = "segment_late",
    .fields = late_fields, .flags = ENTITY_TABLE };

/* ---- segments ---- */

static bool is_naming(struct str call, enum segment_naming what)
{
    return what == NAMES_SEGMENTS ? str_is(call, "in_segment")
        : what == NAMES_MAILS     ? str_is(call, "mailed")
                                  : str_is(call, "did") || str_is(call, "last_did");
}

static bool collect_names(const json_t *tree, enum segment_naming what, struct str *names, size_t *n)
{
    const json_t *value;
    const char *name;
    size_t i;

    if (json_is_object(tree) && is_naming(json_str(json_object_get(tree, "call")), what)) {
        const json_t *first = json_array_get(json_object_get(tree, "args"), 0);
        struct str code = json_is_string(first) ? json_str(first)
                                                : json_str(json_object_get(first, "value"));
        code = code.n ? code : json_str(json_object_get(first, "text"));
        if (*n == SEGMENT_NAMES) {
            return false;
        }
        names[(*n)++] = code;
    }
    json_object_foreach(json_is_object(tree) ? (json_t *)(uintptr_t)tree : NULL, name, value)
    {
        if (!collect_names(value, what, names, n)) {
            return false;
        }
    }
    for (i = 0; i < json_array_size(tree); i++) {
        if (!collect_names(json_array_get(tree, i), what, names, n)) {
            return false;
        }
    }
    return true;
}

bool segment_names(struct call *c, const struct expr *x, enum segment_naming what, struct str *names, size_t *n)
{
    struct json_writer w;
    struct buf b;
    json_t *tree;

    *n = 0;
    buf_init(&b, c->mem, 1 << 20);
    json_init(&w, &b);
    expr_json(x, &w, NULL);
    return json_read(c->mem, buf_str(&b), &tree, &c->err) == OK && collect_names(tree, what, names, n);
}

static void read_expression(struct call *c, struct segment *s)
{
    struct expr_scope scope = access_scope(c, model_entity(c->model, STR("contact")));
    struct err e = { 0 };

    if (!str_is(s->kind, "static") && s->where.n && expr_condition(&scope, s->where, "where", &s->x, &e) == OK) {
        s->follows = str_is(s->kind, "live");
        s->clock = s->follows && expr_uses_now(s->x);
        (void)!segment_names(c, s->x, NAMES_SEGMENTS, s->names, &s->nnames);
        (void)!segment_names(c, s->x, NAMES_EVENTS, s->events, &s->nevents);
    }
}

static enum err_code load_from(struct call *c, int64_t from, size_t most, struct segment **out, size_t *n)
{
    struct rows rows;
    size_t room = 0;

    *n = 0;
    *out = NULL;
    TRY(db_query(c, &rows,
        SQL("SELECT s.\"id\", s.\"live\", s.\"code\", k.\"code\", s.\"where\" FROM \"segments\" s JOIN \"choices\" k"
            " ON k.\"id\" = s.\"kind\" WHERE s.\"deleted_at\" IS NULL AND s.\"id\" >= $1 ORDER BY s.\"id\" LIMIT $2"),
        VALS(V(from), V((int64_t)most))));
    while (*n < most && rows_next(&rows)) {
        ARENA_ROOM(c->mem, *out, *n, room);
        (*out)[(*n)++] = (struct segment) { .id = col_int(&rows, 0), .live = col_int(&rows, 1),
            .code = col_text(&rows, 2), .kind = col_text(&rows, 3), .where = col_text(&rows, 4) };
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < *n; i++) {
        read_expression(c, &(*out)[i]);
    }
    return OK;
}

enum err_code segments_load(struct call *c, struct segment **out, size_t *n)
{
    return load_from(c, 0, SEGMENTS_MAX, out, n);
}

enum err_code segment_load(struct call *c, int64_t id, struct segment *out)
{
    struct segment *found;
    size_t n;

    TRY(load_from(c, id, 1, &found, &n));
    *out = n ? *found : (struct segment) { 0 };
    return n && out->id == id ? OK : fail(c, ERR_NOT_FOUND, NULL, "there is no such segment any more");
}

/* ---- verdicts ---- */

static enum err_code read_standing(
    struct call *c, struct sql sql, struct dbvals v, struct standing **out, size_t *n)
{
    struct rows rows;
    size_t room = 0;

    *n = 0;
    *out = NULL;
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        ARENA_ROOM(c->mem, *out, *n, room);
        (*out)[(*n)++] = (struct standing) { col_int(&rows, 0), col_int(&rows, 1), col_int(&rows, 2) };
    }
    return rows_end(&rows);
}

enum err_code segments_stood_read(struct call *c, const int64_t *people, size_t npeople,
    const int64_t *segments, size_t nsegments, struct segments_stood *out)
{
    struct str persons = db_ids(c, people, npeople), ids = db_ids(c, segments, nsegments);

    TRY(read_standing(c,
        SQL2("SELECT \"person\", \"segment\", \"version\" FROM \"segment_members\" WHERE \"person\" IN (SELECT value FROM"
             " json_each($1)) ORDER BY \"person\", \"segment\"",
            "SELECT \"person\", \"segment\", \"version\" FROM \"segment_members\" WHERE \"person\" = ANY(CAST($1 AS bigint[]))"
            " ORDER BY \"person\", \"segment\""),
        VALS(V(persons)), &out->in, &out->nin));
    return read_standing(c,
        SQL2("SELECT \"person\", \"segment\", \"due\" FROM \"segment_timers\" WHERE \"segment\" IN (SELECT value FROM"
             " json_each($1)) AND \"person\" IN (SELECT value FROM json_each($2)) ORDER BY \"person\", \"segment\"",
            "SELECT \"person\", \"segment\", \"due\" FROM \"segment_timers\" WHERE \"segment\" = ANY(CAST($1 AS bigint[]))"
            " AND \"person\" = ANY(CAST($2 AS bigint[])) ORDER BY \"person\", \"segment\""),
        VALS(V(ids), V(persons)), &out->timers, &out->ntimers);
}

/* The first of a person and segment; several versions of one follow each other. */
static size_t standing_of(const struct standing *list, size_t n, int64_t person, int64_t segment)
{
    size_t low = 0;

    while (low < n) {
        size_t middle = low + (n - low) / 2;
        const struct standing *s = &list[middle];
        if (s->person != person ? s->person < person : s->segment < segment) {
            low = middle + 1;
        } else {
            n = middle;
        }
    }
    return low;
}

static bool stands(const struct standing *s, int64_t person, int64_t segment)
{
    return s->person == person && s->segment == segment;
}

static bool is_member(const struct segments_stood *all, int64_t person, int64_t segment, int64_t version)
{
    size_t i = standing_of(all->in, all->nin, person, segment);

    while (i < all->nin && stands(&all->in[i], person, segment)) {
        if (all->in[i++].value == version) {
            return true;
        }
    }
    return false;
}

enum err_code segment_judge(
    struct call *c, const struct segment *s, struct segment_person *p, bool *in, int64_t *next)
{
    struct record *r = p->r;
    struct expr_rows rows = record_rows(c, r);
    struct value v;

    p->memo.mem = c->mem;
    rows.memo = &p->memo;

    *in = false;
    *next = INT64_MAX;
    if (!s->x || r->cells[r->e->deleted_at->cell].type != DB_NULL) {
        return OK;
    }
    if (s->clock) {
        TRY(expr_explain(s->x, &rows, c->mem, c->now, 0, NULL, next, &v));
    } else {
        TRY(expr_eval(s->x, &rows, c->mem, c->now, 0, &v));
    }
    *in = !v.absent && v.i != 0;
    return OK;
}

static enum err_code timer_of(
    struct call *c, const struct segment *s, const struct segment_person *p, int64_t *due, bool *found)
{
    if (!p->all) {
        return db_find(c, due, found,
            SQL("SELECT \"due\" FROM \"segment_timers\" WHERE \"segment\" = $1 AND \"person\" = $2"),
            VALS(V(s->id), V(p->r->id)));
    }
    size_t i = standing_of(p->all->timers, p->all->ntimers, p->r->id, s->id);
    *found = i < p->all->ntimers && stands(&p->all->timers[i], p->r->id, s->id);
    *due = *found ? p->all->timers[i].value : 0;
    return OK;
}

static enum err_code set_timer(
    struct call *c, const struct segment *s, const struct segment_person *p, int64_t due)
{
    int64_t now = INT64_MAX, person = p->r->id;
    bool found;

    /* mostly it stands already, and looking costs less than writing */
    TRY(timer_of(c, s, p, &now, &found));
    /* one that comes too early judges him and is set anew: mostly what he does puts the time off, and does so again */
    if (found ? now <= due && now > c->now : due == INT64_MAX) {
        return OK;
    }
    if (due == INT64_MAX) {
        return db_exec(c, SQL("DELETE FROM \"segment_timers\" WHERE \"segment\" = $1 AND \"person\" = $2"),
            VALS(V(s->id), V(person)));
    }
    return db_exec(c,
        SQL("INSERT INTO \"segment_timers\" (\"segment\", \"person\", \"due\") VALUES ($1, $2, $3) ON CONFLICT"
            " (\"segment\", \"person\") DO UPDATE SET \"due\" = excluded.\"due\""),
        VALS(V(s->id), V(person), V(due)));
}

enum err_code segment_put(struct call *c, struct segment *s, int64_t version, int64_t person,
    const struct segment_person *p, bool in, const char *cause, bool *moved)
{
    int64_t n;
    bool was = false;

    *moved = false;
    if (version == s->live && p && p->all) {
        was = is_member(p->all, person, s->id, version);
    } else if (version == s->live) {
        TRY(db_find(c, &n, &was,
            SQL("SELECT 1 FROM \"segment_members\" WHERE \"segment\" = $1 AND \"version\" = $2 AND \"person\" = $3"),
            VALS(V(s->id), V(version), V(person))));
    }
    if (version == s->live && was == in) {
        return OK;
    }
    if (in) {
        TRY(db_changed(c, &n,
            /* who is in already has been since then */
            SQL("INSERT INTO \"segment_members\" (\"segment\", \"version\", \"person\", \"since\") VALUES ($1, $2, $3,"
                " coalesce((SELECT \"since\" FROM \"segment_members\" WHERE \"segment\" = $1 AND \"version\" = $5 AND"
                " \"person\" = $3), $4)) ON CONFLICT DO NOTHING"),
            VALS(V(s->id), V(version), V(person), V(c->now), V(s->live))));
    } else {
        TRY(db_changed(c, &n,
            SQL("DELETE FROM \"segment_members\" WHERE \"segment\" = $1 AND \"version\" = $2 AND \"person\" = $3"),
            VALS(V(s->id), V(version), V(person))));
    }
    *moved = n > 0;
    if (!n || version != s->live) {
        return OK;
    }
    s->moved += in ? 1 : -1;
    TRY(db_exec(c,
        SQL("INSERT INTO \"segment_changes\" (\"segment\", \"person\", \"kind\", \"at\", \"cause\") VALUES ($1, $2, $3,"
            " $4, $5)"),
        VALS(V(s->id), V(person), V(in ? "e" : "l"), V(c->now), V(cause))));
    return change_note_person(
        c, in ? CHANGE_ENTER : CHANGE_LEAVE, model_entity(c->model, STR("segment")), s->id, person);
}

enum err_code segment_renew(
    struct call *c, struct segment *s, int64_t version, struct segment_person *p, const char *cause)
{
    int64_t next;
    bool in, moved;

    TRY(segment_judge(c, s, p, &in, &next));
    TRY(segment_put(c, s, version, p->r->id, p, in, cause, &moved));
    return s->clock ? set_timer(c, s, p, next) : OK;
}

enum err_code segment_built(
    struct call *c, struct segment *s, int64_t version, int64_t person, bool in, int64_t next)
{
    bool moved;

    TRY(in ? segment_put(c, s, version, person, NULL, true, "built", &moved) : OK);
    return next == INT64_MAX ? OK
                             : db_exec(c, /* one that is set for earlier may be of what he did meanwhile */
                                   SQL("INSERT INTO \"segment_timers\" (\"segment\", \"person\", \"due\") VALUES ($1, $2, $3) ON"
                                       " CONFLICT (\"segment\", \"person\") DO UPDATE SET \"due\" = excluded.\"due\" WHERE"
                                       " excluded.\"due\" < \"segment_timers\".\"due\""),
                                   VALS(V(s->id), V(person), V(next)));
}

enum err_code segments_store_sizes(struct call *c, struct segment *all, size_t n)
{
    const struct live_entity *e = model_entity(c->model, STR("segment"));

    for (size_t i = 0; i < n; i++) {
        struct record *now, *r;
        if (!all[i].moved) {
            continue;
        }
        TRY(record_load(c, e, all[i].id, false, &now));
        r = record_new(c, e);
        r->id = all[i].id;
        r->trusted = r->quiet = r->replay = true;
        struct dbval size = record_get(now, "size");
        record_set(c, r, "size", V((size.type == DB_INT ? size.i : 0) + all[i].moved));
        TRY(record_update(c, r));
        all[i].moved = 0;
    }
    return OK;
}

/* ---- judged while a build is under way ---- */

enum err_code segment_note_late(struct call *c, const int64_t *people, size_t n)
{
    int64_t one;
    bool builds;

    TRY(db_find(c, &one, &builds,
        SQL("SELECT 1 FROM \"jobs\" WHERE \"kind\" = 'segment_build' AND \"state\" IN ('waiting', 'running') LIMIT 1"),
        VALS()));
    for (size_t i = 0; builds && i < n; i++) {
        TRY(db_exec(c, SQL("INSERT INTO \"segment_late\" (\"person\", \"at\") VALUES ($1, $2)"),
            VALS(V(people[i]), V(c->now))));
    }
    return OK;
}

enum err_code segment_late_mark(struct call *c, int64_t *mark)
{
    return db_int(c, mark, SQL("SELECT coalesce(max(\"id\"), 0) FROM \"segment_late\""), VALS());
}
