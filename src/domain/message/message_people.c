/* message_people.c - whose messages they are when people are merged, parted or removed, and how long they are kept.
 *
 * A merge notes where each message came from, so that undo brings it back. Of who is removed for good stays only that
 * there was a message: the figures of a campaign stay true, and nothing tells where it went. */

#include "domain/message/message_steps.h"

#include "model/change.h"
#include "model/merge.h"
#include "model/setting.h"

enum { AT_ONCE = 500, UNDO_DAYS = 31 }; /* the latter as long as the feed, and a day */

#define COL_INT(n) FIELD_INT(n, .system = true)
static const struct field move_fields[] = { COL_INT("origin"), COL_INT("message"), COL_INT("at"), FIELD_END };
static const char *const move_indexes[] = { "\"at\"", NULL };
const struct entity message_move_entity = { .name = "message_move", .plural = "message_moves", .fields = move_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"origin\", \"message\"", .indexes = move_indexes };

/* ---- what a person got ---- */

static void put_instant(struct json_writer *w, const char *name, struct rows *rows, int column)
{
    char text[INSTANT_TEXT];

    if (!col_null(rows, column)) {
        instant_format(col_int(rows, column), text);
        json_cstr(w, name, text);
    }
}

enum err_code message_happened(struct call *c, const struct live_entity *e, int64_t id, int64_t before, int limit,
    struct happened *list, int *n)
{
    struct rows rows;

    if (!str_is(e->name, "contact")) {
        return OK;
    }
    TRY(db_query(c, &rows,
        SQL("SELECT m.\"id\", m.\"accepted_at\", coalesce(nullif(b.\"name\", ''), t.\"name\"), m.\"state\", m.\"opened_at\","
            " m.\"clicked_at\", b.\"campaign\" FROM \"messages\" m JOIN \"message_batches\" b ON b.\"id\" = m.\"batch\" LEFT JOIN"
            " \"mail_templates\" t ON t.\"id\" = b.\"template\" WHERE m.\"contact\" = $1 AND m.\"accepted_at\" < $2 ORDER BY"
            " m.\"accepted_at\" DESC LIMIT $3"),
        VALS(V(id), V(before), V(limit))));
    while (*n < limit && rows_next(&rows)) {
        struct json_writer w;
        struct buf b;
        buf_init(&b, c->mem, 4000);
        json_init(&w, &b);
        json_object(&w, NULL);
        json_text(&w, "name", col_text(&rows, 2));
        json_text(&w, "state", col_text(&rows, 3));
        put_instant(&w, "opened_at", &rows, 4);
        put_instant(&w, "clicked_at", &rows, 5);
        if (!col_null(&rows, 6) && col_int(&rows, 6)) {
            json_int(&w, "campaign", col_int(&rows, 6));
        }
        json_end_object(&w);
        list[(*n)++] = (struct happened) { "mail", col_int(&rows, 0), col_int(&rows, 1), arena_str(c->mem, buf_str(&b)) };
    }
    return rows_end(&rows);
}

/* ---- people who change ---- */

static enum err_code give_hits(struct call *c, int64_t from, int64_t to)
{
    return db_exec(c,
        SQL("UPDATE \"message_hits\" SET \"contact\" = $2 WHERE \"contact\" = $1 AND \"message\" IN (SELECT \"id\" FROM"
            " \"messages\" WHERE \"contact\" = $2)"),
        VALS(V(from), V(to)));
}

/* Merged: what he got is what the other one got. Where both have a message of a batch and an occasion, each keeps his. */
static enum err_code went_away(struct call *c, const struct live_entity *people, int64_t id)
{
    int64_t into;

    TRY(merge_target(c, people, id, &into));
    if (!into) {
        return OK; /* in the bin: they come back with him */
    }
    TRY(db_exec(c,
        SQL("INSERT INTO \"message_moves\" (\"origin\", \"message\", \"at\") SELECT m.\"contact\", m.\"id\", $3 FROM"
            " \"messages\" m WHERE m.\"contact\" = $1 AND NOT EXISTS (SELECT 1 FROM \"messages\" o WHERE o.\"batch\" ="
            " m.\"batch\" AND o.\"contact\" = $2 AND o.\"occasion\" = m.\"occasion\") ON CONFLICT DO NOTHING"),
        VALS(V(id), V(into), V(c->now))));
    TRY(db_exec(c,
        SQL("UPDATE \"messages\" SET \"contact\" = $2 WHERE \"contact\" = $1 AND \"id\" IN (SELECT \"message\" FROM"
            " \"message_moves\" WHERE \"origin\" = $1)"),
        VALS(V(id), V(into))));
    return give_hits(c, id, into);
}

static enum err_code came_back(struct call *c, int64_t id)
{
    TRY(db_exec(c,
        SQL("UPDATE \"message_hits\" SET \"contact\" = $1 WHERE \"message\" IN (SELECT \"message\" FROM \"message_moves\""
            " WHERE \"origin\" = $1)"),
        VALS(V(id))));
    TRY(db_exec(c,
        SQL("UPDATE \"messages\" SET \"contact\" = $1 WHERE \"id\" IN (SELECT \"message\" FROM \"message_moves\" WHERE"
            " \"origin\" = $1)"),
        VALS(V(id))));
    return db_exec(c, SQL("DELETE FROM \"message_moves\" WHERE \"origin\" = $1"), VALS(V(id)));
}

static enum err_code was_purged(struct call *c, int64_t id)
{
    TRY(db_exec(c,
        SQL("DELETE FROM \"message_hits\" WHERE \"message\" IN (SELECT \"id\" FROM \"messages\" WHERE \"contact\" = $1)"),
        VALS(V(id))));
    TRY(db_exec(c, SQL("DELETE FROM \"message_moves\" WHERE \"origin\" = $1"), VALS(V(id))));
    return db_exec(c, SQL("UPDATE \"messages\" SET \"address\" = NULL, \"reply\" = NULL WHERE \"contact\" = $1"), VALS(V(id)));
}

enum err_code message_people_change(struct call *c, const struct change *changes, size_t n)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));

    for (size_t i = 0; i < n; i++) {
        int64_t id = changes[i].record;
        if (changes[i].entity != people->number) {
            continue;
        }
        switch (changes[i].kind) {
        case CHANGE_DELETE:
            TRY(went_away(c, people, id));
            break;
        case CHANGE_RESTORE:
            TRY(came_back(c, id));
            break;
        case CHANGE_PURGE:
            TRY(was_purged(c, id));
            break;
        case CHANGE_CREATE:
        case CHANGE_UPDATE:
        case CHANGE_ENTER:
        case CHANGE_LEAVE:
            break;
        }
    }
    return OK;
}

/* ---- what is too old ---- */

struct old_messages {
    int64_t ids[AT_ONCE];
    bool closed[AT_ONCE]; /* the batch is: nobody can get a second one */
    size_t n;
};

/* Goes through all of them once a day, in a read transaction. */
enum err_code message_retention_look(struct call *c)
{
    struct old_messages *old = ARENA_NEW(c->mem, struct old_messages);
    struct rows rows;
    int64_t days;

    TRY(setting_int(c, "message.days", &days));
    TRY(db_query(c, &rows,
        SQL("SELECT m.\"id\", b.\"state\" FROM \"messages\" m JOIN \"message_batches\" b ON b.\"id\" = m.\"batch\" WHERE"
            " m.\"id\" > $1 AND m.\"at\" < $2 AND m.\"state\" NOT IN ('planned', 'in_flight') AND (b.\"state\" = 'closed' OR"
            " m.\"address\" IS NOT NULL OR m.\"reply\" IS NOT NULL) ORDER BY m.\"id\" LIMIT 500"),
        VALS(V(job_mark(c)), V(c->now - DAYS(days)))));
    while (old->n < AT_ONCE && rows_next(&rows)) {
        old->closed[old->n] = str_is(stmt_text(rows.st, 1), "closed");
        old->ids[old->n++] = col_int(&rows, 0);
    }
    c->job->found = old;
    return rows_end(&rows);
}

enum err_code message_retention_run(struct call *c)
{
    const struct old_messages *old = c->job->found;

    for (size_t i = 0; i < old->n; i++) {
        TRY(db_exec(c, SQL("DELETE FROM \"message_hits\" WHERE \"message\" = $1"), VALS(V(old->ids[i]))));
        TRY(old->closed[i]
                ? db_exec(c, SQL("DELETE FROM \"messages\" WHERE \"id\" = $1"), VALS(V(old->ids[i])))
                : db_exec(c, SQL("UPDATE \"messages\" SET \"address\" = NULL, \"reply\" = NULL WHERE \"id\" = $1"),
                    VALS(V(old->ids[i]))));
    }
    if (old->n == AT_ONCE) {
        return job_continue(c, old->ids[old->n - 1], c->job->done + (int64_t)old->n, 0);
    }
    return db_exec(
        c, SQL("DELETE FROM \"message_moves\" WHERE \"at\" < $1"), VALS(V(c->now - DAYS(UNDO_DAYS))));
}
