/* event_follow.c - segments follow what people do: a queue of who did what, taken by one server at a time.
 *
 * A request leaves one row, however many events it brought, and the row goes with the verdicts that it asked for in one
 * transaction. A queue that is emptied needs no cursor, and so no horizon where several servers write. */

#include "domain/event/event_steps.h"

#include "domain/segment/segment.h"
#include "model/change.h"

#include <inttypes.h>

enum { REQUESTS = 100, PEOPLE_AT_ONCE = 50 };

#define COL_INT(n) FIELD_INT(n, .system = true)
#define COL_TEXT(n) FIELD_TEXT(n, .system = true, .no_fold = true)

/* who: "person:name person:name" in numbers. */
static const struct field arrival_fields[] = { COL_TEXT("who"), FIELD_END };
const struct entity event_arrival_entity = { .name = "event_arrival", .plural = "event_arrivals",
    .fields = arrival_fields, .flags = ENTITY_TABLE };

static void look(struct org *o, void *arg)
{
    (void)o, (void)arg;
}

enum err_code event_tell(struct call *c, const struct event_counts *counts)
{
    int64_t person = 0, name = 0;
    struct buf b;

    buf_init(&b, c->mem, 1 << 20);
    for (size_t i = 0; i < counts->n; i++) {
        const struct event_tally *t = &counts->list[i];
        if (t->person > 0 && (t->person != person || t->name != name)) {
            buf_fmt(&b, "%s%" PRId64 ":%" PRId64, b.n ? " " : "", t->person, t->name);
            person = t->person;
            name = t->name;
        }
    }
    if (!b.n) {
        return OK;
    }
    TRY(buf_status(&b, &c->err));
    call_after_commit(c, look, NULL); /* a commit that leaves something wakes those who wait for it */
    return db_exec(c, SQL("INSERT INTO \"event_arrivals\" (\"who\") VALUES ($1)"), VALS(V(buf_str(&b))));
}

enum err_code event_waits(struct call *c, bool *yes)
{
    int64_t one;

    return db_find(c, &one, yes, SQL("SELECT 1 FROM \"event_arrivals\" ORDER BY \"id\" LIMIT 1"), VALS());
}

struct people {
    struct segment_event *list;
    size_t n, room;
};

static void take_row(struct call *c, struct people *p, struct str who)
{
    struct str one;

    while (str_split(&who, ' ', &one)) {
        struct segment_event e = { 0 };
        struct str person;
        if (str_split(&one, ':', &person) && str_to_int(person, &e.person) && str_to_int(one, &e.event)) {
            ARENA_ROOM(c->mem, p->list, p->n, p->room);
            p->list[p->n++] = e;
        }
    }
}

/* The next requests, until they name enough people. On PostgreSQL what another server is at is passed over. */
static enum err_code take_rows(struct call *c, void *arg, struct segment_event **list, size_t *n)
{
    int64_t ids[REQUESTS];
    struct people p = { 0 };
    struct rows rows;
    bool *more = arg;
    size_t taken = 0;

    TRY(db_query(c, &rows,
        SQL2("SELECT \"id\", \"who\" FROM \"event_arrivals\" ORDER BY \"id\" LIMIT 100",
            "SELECT \"id\", \"who\" FROM \"event_arrivals\" ORDER BY \"id\" LIMIT 100 FOR UPDATE SKIP LOCKED"),
        VALS()));
    while (taken < REQUESTS && p.n < PEOPLE_AT_ONCE && rows_next(&rows)) {
        ids[taken++] = col_int(&rows, 0);
        take_row(c, &p, stmt_text(rows.st, 1));
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < taken; i++) {
        TRY(db_exec(c, SQL("DELETE FROM \"event_arrivals\" WHERE \"id\" = $1"), VALS(V(ids[i]))));
    }
    *more = taken > 0;
    *list = p.list;
    *n = p.n;
    return OK;
}

enum err_code event_take(struct call *c, bool *more)
{
    return segments_follow_events(c, take_rows, more);
}
