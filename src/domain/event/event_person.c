/* event_person.c - whose events they are: visitors until they are known, people who are merged, parted, removed.
 *
 * Events move a piece at a time, by a job where there are many; the counts move with each of them, so that they agree at
 * every commit. What a merge has moved is written down, so that undoing it can part them again. */

#include "domain/event/event_steps.h"

#include "model/change.h"
#include "model/job.h"
#include "model/merge.h"
#include "model/setting.h"

#include <inttypes.h>

enum { PIECE = 500, UNDO_DAYS = 31 };

#define COL_INT(n) FIELD_INT(n, .system = true)
#define COL_TEXT(n) FIELD_TEXT(n, .system = true, .no_fold = true)

static const struct field visitor_fields[] = { COL_TEXT("key"), COL_INT("person"), COL_INT("first_at"), FIELD_END };
static const char *const key_unique[] = { "\"key\"", NULL };
static const char *const visitor_indexes[] = { "\"person\", \"first_at\"", NULL };
const struct entity event_visitor_entity = { .name = "event_visitor", .plural = "event_visitors",
    .fields = visitor_fields, .flags = ENTITY_TABLE, .unique = key_unique, .indexes = visitor_indexes };

/* Of a merge: the event that is now (into, name, at) was that of `origin`. */
static const struct field move_fields[] = { COL_INT("origin"), COL_INT("month"), COL_INT("name"), COL_INT("at"),
    COL_INT("into"), COL_INT("moved"), FIELD_END };
static const char *const move_indexes[] = { "\"moved\"", NULL };
const struct entity event_move_entity = { .name = "event_move", .plural = "event_moves", .fields = move_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"origin\", \"month\", \"name\", \"at\"", .indexes = move_indexes };

/* ---- visitors ---- */

/* Of a person who was merged the one he became, for as long as that is not undone. */
static enum err_code find_visitor(struct call *c, struct str key, int64_t *id, int64_t *person)
{
    bool gone = false;
    struct rows rows;
    int64_t into;

    *id = *person = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT v.\"id\", v.\"person\", p.\"deleted_at\" FROM \"event_visitors\" v LEFT JOIN \"contacts\" p ON p.\"id\" ="
            " v.\"person\" WHERE v.\"key\" = $1"),
        VALS(V(key))));
    if (rows_next(&rows)) {
        *id = col_int(&rows, 0);
        *person = col_int(&rows, 1);
        gone = !col_null(&rows, 2);
    }
    TRY(rows_end(&rows));
    if (gone) {
        TRY(merge_target(c, model_entity(c->model, STR("contact")), *person, &into));
        *person = into ? into : *person;
    }
    return OK;
}

static enum err_code take_visitor(struct call *c, struct str key, int64_t *id, int64_t *person)
{
    TRY(find_visitor(c, key, id, person));
    if (*id) {
        return OK;
    }
    TRY(db_exec(c, SQL("INSERT INTO \"event_visitors\" (\"key\", \"first_at\") VALUES ($1, $2) ON CONFLICT DO NOTHING"),
        VALS(V(key), V(c->now))));
    return find_visitor(c, key, id, person);
}

enum err_code event_visitor(struct call *c, struct str key, int64_t *who)
{
    int64_t id, person;

    TRY(take_visitor(c, key, &id, &person));
    *who = person ? person : -id;
    return OK;
}

enum err_code event_visitor_known(struct call *c, struct str key, int64_t *person)
{
    int64_t id;

    return find_visitor(c, key, &id, person);
}

enum err_code event_visitor_is(struct call *c, struct str key, int64_t person)
{
    int64_t id, before;

    TRY(take_visitor(c, key, &id, &before));
    if (before == person) {
        return OK;
    }
    TRY(db_exec(c, SQL("UPDATE \"event_visitors\" SET \"person\" = $2 WHERE \"id\" = $1"), VALS(V(id), V(person))));
    /* what another has done with the same browser stays his */
    return before ? OK : event_order_move(c, -id, person, false);
}

/* ---- moving ---- */

enum err_code event_order_move(struct call *c, int64_t from, int64_t into, bool merged)
{
    json_t *input = json_pack("{s:I, s:I, s:b}", "from", (json_int_t)from, "into", (json_int_t)into, "merged", merged);
    int64_t job;

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c,
        &(struct job_order) { .kind = "event_move", .input = input,
            .key = arena_fmt(c->mem, "event_move:%" PRId64 ":%" PRId64 ":%d", from, into, merged).p },
        &job);
}

struct moving {
    int64_t from, into; /* into 0: they are removed */
    bool merged;        /* note where they came from */
    bool back;          /* only what a merge brought from `into` */
    struct event_counts counts;
};

/* The oldest month in which somebody has something; -1 for none. */
static enum err_code first_month(struct call *c, const struct moving *m, int64_t after, int64_t *month)
{
    int64_t last = event_month(c->now + DAYS(1));
    bool found = false;

    *month = -1;
    for (int64_t k = after; k <= last && !found; k++) {
        int64_t one;
        if (m->back) {
            TRY(db_find(c, &one, &found,
                SQL("SELECT 1 FROM \"event_moves\" WHERE \"origin\" = $1 AND \"month\" = $2 LIMIT 1"),
                VALS(V(m->into), V(k))));
        } else {
            TRY(db_find(c, &one, &found,
                SQL("SELECT 1 FROM \"events\" WHERE \"month\" = $1 AND \"person\" = $2 LIMIT 1"),
                VALS(V(k), V(m->from))));
        }
        *month = found ? k : -1;
    }
    return OK;
}

static enum err_code read_piece(
    struct call *c, const struct moving *m, int64_t month, struct event **out, size_t *n)
{
    struct rows rows;

    *n = 0;
    *out = ARENA_ARRAY(c->mem, struct event, PIECE);
    TRY(db_query(c, &rows,
        m->back ? SQL("SELECT e.\"name\", e.\"at\", e.\"source\", e.\"url\", e.\"title\", e.\"referrer\", e.\"properties\""
                      " FROM \"event_moves\" m JOIN \"events\" e ON e.\"month\" = m.\"month\" AND e.\"person\" ="
                      " m.\"into\" AND e.\"name\" = m.\"name\" AND e.\"at\" = m.\"at\" WHERE m.\"origin\" = $3 AND"
                      " m.\"month\" = $1 AND m.\"into\" = $2 ORDER BY m.\"name\", m.\"at\" LIMIT 500")
                : SQL("SELECT e.\"name\", e.\"at\", e.\"source\", e.\"url\", e.\"title\", e.\"referrer\","
                      " e.\"properties\" FROM \"events\" e WHERE e.\"month\" = $1 AND e.\"person\" = $2 AND $3 = $3 ORDER BY"
                      " e.\"name\", e.\"at\" LIMIT 500"),
        VALS(V(month), V(m->from), V(m->into))));
    while (*n < PIECE && rows_next(&rows)) {
        (*out)[(*n)++] = (struct event) { .person = m->from, .name = col_int(&rows, 0), .at = col_int(&rows, 1),
            .source = col_int(&rows, 2), .url = col_text(&rows, 3), .title = col_text(&rows, 4),
            .referrer = col_text(&rows, 5), .properties = col_text(&rows, 6) };
    }
    return rows_end(&rows);
}

static enum err_code move_one(struct call *c, struct moving *m, struct event *e, int64_t month)
{
    struct event to = *e;

    TRY(db_exec(c,
        SQL("DELETE FROM \"events\" WHERE \"month\" = $1 AND \"person\" = $2 AND \"name\" = $3 AND \"at\" = $4"),
        VALS(V(month), V(m->from), V(e->name), V(e->at))));
    event_count(c, &m->counts, e, -1);
    if (m->back) {
        TRY(db_exec(c,
            SQL("DELETE FROM \"event_moves\" WHERE \"origin\" = $1 AND \"month\" = $2 AND \"name\" = $3 AND \"at\" = $4"),
            VALS(V(m->into), V(month), V(e->name), V(e->at))));
    }
    if (!m->into) {
        return OK;
    }
    to.person = m->into;
    TRY(event_put(c, &to, &m->counts));
    return m->merged ? db_exec(c,
               SQL("INSERT INTO \"event_moves\" (\"origin\", \"month\", \"name\", \"at\", \"into\", \"moved\") VALUES ($1,"
                   " $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"),
               VALS(V(m->from), V(event_month(to.at)), V(to.name), V(to.at), V(m->into), V(c->now)))
                     : OK;
}

/* Days of whom nothing is left; those that keep some know their newest event again. */
static enum err_code mend_days(struct call *c, const struct moving *m, int64_t month)
{
    TRY(db_exec(c,
        SQL("DELETE FROM \"event_days\" WHERE \"month\" = $1 AND \"person\" = $2 AND \"n\" <= 0"),
        VALS(V(month), V(m->from))));
    return db_exec(c,
        SQL("UPDATE \"event_days\" SET \"last_at\" = coalesce((SELECT max(e.\"at\") FROM \"events\" e WHERE e.\"month\" ="
            " \"event_days\".\"month\" AND e.\"person\" = \"event_days\".\"person\" AND e.\"name\" ="
            " \"event_days\".\"name\" AND e.\"at\" < (\"event_days\".\"day\" + 1) * 86400000000), \"last_at\") WHERE"
            " \"month\" = $1 AND \"person\" = $2"),
        VALS(V(month), V(m->from)));
}

static enum err_code move_piece(struct call *c, struct moving *m, int64_t month, size_t *n)
{
    struct event *piece;

    TRY(read_piece(c, m, month, &piece, n));
    for (size_t i = 0; i < *n; i++) {
        TRY(move_one(c, m, &piece[i], month));
    }
    TRY(event_counts_store(c, &m->counts));
    if (!*n && m->back) { /* notes of events that retention has removed */
        TRY(db_exec(c, SQL("DELETE FROM \"event_moves\" WHERE \"origin\" = $1 AND \"month\" = $2"),
            VALS(V(m->into), V(month))));
    }
    TRY(mend_days(c, m, month));
    return event_tell(c, &m->counts);
}

/* Where nothing is left of the events, their counts go too: those of a month whose events are gone by retention. */
static enum err_code finish_move(struct call *c, const struct moving *m)
{
    int64_t last = event_month(c->now + DAYS(1));

    for (int64_t k = last - 15; k <= last && !m->back; k++) {
        TRY(db_exec(c, SQL("DELETE FROM \"event_days\" WHERE \"month\" = $1 AND \"person\" = $2"),
            VALS(V(k), V(m->from))));
    }
    if (m->into || m->from < 0) {
        return OK;
    }
    TRY(db_exec(c, SQL("DELETE FROM \"event_visitors\" WHERE \"person\" = $1"), VALS(V(m->from))));
    return db_exec(c, SQL("DELETE FROM \"event_moves\" WHERE \"origin\" = $1"), VALS(V(m->from)));
}

enum err_code event_move_run(struct call *c)
{
    const json_t *input = c->job->input;
    struct moving m = { .from = json_integer_value(json_object_get(input, "from")),
        .into = json_integer_value(json_object_get(input, "into")),
        .merged = json_is_true(json_object_get(input, "merged")),
        .back = json_is_true(json_object_get(input, "back")) };
    int64_t month = event_month(c->now) - 15;
    size_t n = 0;

    TRY(first_month(c, &m, month, &month));
    if (month < 0) {
        return finish_move(c, &m);
    }
    TRY(move_piece(c, &m, month, &n));
    return job_continue(c, month, c->job->done + (int64_t)n, 0);
}

/* ---- people who change ---- */

static enum err_code order_back(struct call *c, int64_t from, int64_t into)
{
    json_t *input = json_pack("{s:I, s:I, s:b}", "from", (json_int_t)from, "into", (json_int_t)into, "back", 1);
    int64_t job;

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c,
        &(struct job_order) { .kind = "event_move", .input = input,
            .key = arena_fmt(c->mem, "event_back:%" PRId64 ":%" PRId64, from, into).p },
        &job);
}

/* Months one after the other by their keys, and not through all people of each. $2: the last one. */
#define OF_MONTHS                                                                                                          \
    " IN ($2, $2 - 1, $2 - 2, $2 - 3, $2 - 4, $2 - 5, $2 - 6, $2 - 7, $2 - 8, $2 - 9, $2 - 10, $2 - 11, $2 - 12, $2 - 13," \
    " $2 - 14, $2 - 15, $2 - 16)"

/* Most people never did anything, and of a million who are taken back each would be a job for nothing. */
static enum err_code has_left_nothing(struct call *c, int64_t id, bool *yes)
{
    int64_t one;
    bool found;

    TRY(db_find(c, &one, &found,
        SQL("SELECT 1 FROM \"event_days\" WHERE \"person\" = $1 AND \"month\"" OF_MONTHS " UNION ALL SELECT 1 FROM"
            " \"event_visitors\" WHERE \"person\" = $1 UNION ALL SELECT 1 FROM \"event_moves\" WHERE \"origin\" = $1 LIMIT 1"),
        VALS(V(id), V(event_month(c->now + DAYS(1))))));
    *yes = !found;
    return OK;
}

/* What a merged one did is another's by now, and so are his browsers. */
static enum err_code was_purged(struct call *c, const struct live_entity *people, int64_t id)
{
    bool nothing;
    int64_t into;

    TRY(has_left_nothing(c, id, &nothing));
    if (nothing) {
        return OK;
    }
    TRY(merge_target(c, people, id, &into));
    if (into) {
        TRY(db_exec(c, SQL("UPDATE \"event_visitors\" SET \"person\" = $2 WHERE \"person\" = $1"), VALS(V(id), V(into))));
    }
    return event_order_move(c, id, 0, false);
}

static enum err_code went_away(struct call *c, const struct live_entity *people, int64_t id)
{
    struct str external;
    int64_t into;

    TRY(merge_target(c, people, id, &into));
    if (!into) {
        return OK; /* in the bin: what he did comes back with him */
    }
    TRY(db_text(c, &external, SQL("SELECT \"external_id\" FROM \"contacts\" WHERE \"id\" = $1"), VALS(V(id))));
    if (external.n) { /* the name that he went by leads to him, and so to who he is now */
        TRY(event_visitor_is(c, arena_fmt(c->mem, "u:%.*s", STR_ARG(external)), id));
    }
    return event_order_move(c, id, into, true);
}

static enum err_code came_back(struct call *c, int64_t id)
{
    struct rows rows;
    int64_t into[50];
    size_t n = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT DISTINCT \"into\" FROM \"event_moves\" WHERE \"origin\" = $1 LIMIT 50"), VALS(V(id))));
    while (n < sizeof into / sizeof *into && rows_next(&rows)) {
        into[n++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < n; i++) {
        TRY(order_back(c, into[i], id));
    }
    return OK;
}

/* People who have the external id under which somebody was seen are that somebody. */
static enum err_code got_names(struct call *c, const int64_t *ids, size_t n)
{
    struct named {
        int64_t person;
        struct str key;
    } *found = NULL;
    size_t nfound = 0, room = 0;
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL2("SELECT p.\"id\", v.\"key\" FROM \"contacts\" p JOIN \"event_visitors\" v ON v.\"key\" = 'u:' || p.\"external_id\""
             " WHERE p.\"id\" IN (SELECT value FROM json_each($1)) AND p.\"deleted_at\" IS NULL ORDER BY p.\"id\"",
            "SELECT p.\"id\", v.\"key\" FROM \"contacts\" p JOIN \"event_visitors\" v ON v.\"key\" = 'u:' || p.\"external_id\""
            " WHERE p.\"id\" = ANY(CAST($1 AS bigint[])) AND p.\"deleted_at\" IS NULL ORDER BY p.\"id\""),
        VALS(V(db_ids(c, ids, n)))));
    while (rows_next(&rows)) {
        ARENA_ROOM(c->mem, found, nfound, room);
        found[nfound++] = (struct named) { col_int(&rows, 0), col_text(&rows, 1) };
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < nfound; i++) {
        int64_t visitor, before;
        TRY(find_visitor(c, found[i].key, &visitor, &before));
        TRY(visitor && before != found[i].person ? event_visitor_is(c, found[i].key, found[i].person) : OK);
    }
    return OK;
}

enum err_code event_people_change(struct call *c, const struct change *changes, size_t n)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    int64_t *named = ARENA_ARRAY(c->mem, int64_t, n);
    size_t nnamed = 0;

    for (size_t i = 0; i < n; i++) {
        const struct change *ch = &changes[i];
        if (ch->entity != people->number) {
            continue;
        }
        struct call_mark mark = call_mark(c);
        switch (ch->kind) {
        case CHANGE_DELETE:
            TRY(went_away(c, people, ch->record));
            break;
        case CHANGE_RESTORE:
            TRY(came_back(c, ch->record));
            named[nnamed++] = ch->record;
            break;
        case CHANGE_PURGE:
            TRY(was_purged(c, people, ch->record));
            break;
        case CHANGE_CREATE:
        case CHANGE_UPDATE:
            named[nnamed++] = ch->record;
            break;
        case CHANGE_ENTER:
        case CHANGE_LEAVE:
            break;
        }
        call_rewind(c, mark);
    }
    return nnamed ? got_names(c, named, nnamed) : OK;
}

/* ---- what is too old ---- */

enum { SWEPT = 5000 };

static enum err_code sweep(struct call *c, int64_t days, int64_t *n)
{
    int64_t keep = event_month(c->now - DAYS(days));

    TRY(db_changed(c, n,
        SQL("DELETE FROM \"events\" WHERE (\"month\", \"person\", \"name\", \"at\") IN (SELECT \"month\", \"person\","
            " \"name\", \"at\" FROM \"events\" WHERE \"month\" < $1 ORDER BY \"month\", \"person\", \"name\", \"at\" LIMIT"
            " 5000)"),
        VALS(V(keep))));
    if (*n) {
        return OK;
    }
    TRY(db_changed(c, n,
        SQL("DELETE FROM \"event_days\" WHERE (\"month\", \"person\", \"name\", \"day\") IN (SELECT \"month\", \"person\","
            " \"name\", \"day\" FROM \"event_days\" WHERE \"month\" < $1 ORDER BY \"month\", \"person\", \"name\", \"day\""
            " LIMIT 5000)"),
        VALS(V(keep))));
    if (*n) {
        return OK;
    }
    TRY(db_changed(c, n,
        SQL("DELETE FROM \"event_messages\" WHERE (\"week\", \"hash\") IN (SELECT \"week\", \"hash\" FROM"
            " \"event_messages\" WHERE \"week\" < $1 ORDER BY \"week\", \"hash\" LIMIT 5000)"),
        VALS(V(event_day(c->now) / 7 - 1))));
    if (*n) {
        return OK;
    }
    TRY(db_changed(c, n,
        SQL("DELETE FROM \"event_moves\" WHERE (\"origin\", \"month\", \"name\", \"at\") IN (SELECT \"origin\", \"month\","
            " \"name\", \"at\" FROM \"event_moves\" WHERE \"moved\" < $1 ORDER BY \"moved\" LIMIT 5000)"),
        VALS(V(c->now - DAYS(UNDO_DAYS)))));
    if (*n) {
        return OK;
    }
    /* visitors who never said who they are, and of whom nothing is left */
    return db_changed(c, n,
        SQL("DELETE FROM \"event_visitors\" WHERE \"id\" IN (SELECT v.\"id\" FROM \"event_visitors\" v WHERE v.\"person\" IS"
            " NULL AND v.\"first_at\" < $1 AND NOT EXISTS (SELECT 1 FROM \"event_days\" d WHERE d.\"person\" = -v.\"id\" AND"
            " d.\"month\"" OF_MONTHS ") ORDER BY v.\"first_at\" LIMIT 5000)"),
        VALS(V(c->now - DAYS(days)), V(event_month(c->now + DAYS(1)))));
}

enum err_code event_retention_run(struct call *c)
{
    int64_t days, n = 1;

    TRY(setting_int(c, "event.days", &days));
    while (n && !job_step_is_long(c)) {
        TRY(sweep(c, days, &n));
    }
    return n ? job_continue(c, 0, 0, 0) : OK;
}
