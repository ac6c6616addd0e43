/* segment_live.c - members follow each change and the clock. */

#include "domain/segment/segment_steps.h"

#include "domain/segment/segment.h"

#include <stdlib.h>
#include <string.h>

enum { TIMERS = 200, TOGETHER = 100, NESTED = 20, CAUSED = 2000 };

/* ---- which segments a change may touch ---- */

struct looking {
    const struct change *ch;
    const struct live_entity *people;
    const json_t *fields; /* numbers of those that changed; NULL: all */
    bool person;          /* for the change's own person */
    bool far;             /* for people that the change does not name */
};

static bool has_number(const json_t *list, int64_t number)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (json_integer_value(json_array_get(list, i)) == number) {
            return true;
        }
    }
    return false;
}

static void look_at_use(void *arg, const struct expr_use *u)
{
    struct looking *l = arg;
    bool rows = u->child && u->child->entity->number == l->ch->entity;
    bool field = u->field && u->field->entity->number == l->ch->entity
        && (!l->fields || has_number(l->fields, u->field->number));

    if (rows) {
        l->person = l->person || l->ch->person;
        l->far = l->far || !l->ch->person;
    } else if (field && u->field->entity == l->people && u->depth == 0) {
        /* a field that the engine has set on all records at once names nobody */
        l->person = l->person || l->ch->person;
        l->far = l->far || !l->ch->person;
    } else if (field && u->depth > 0) {
        l->far = true;
    }
}

static bool names(const struct segment *s, struct str code)
{
    for (size_t i = 0; i < s->nnames; i++) {
        if (str_eq(s->names[i], code)) {
            return true;
        }
    }
    return false;
}

/* ---- pairs of person and segment ---- */

struct pair {
    int64_t person;
    size_t segment;
};

struct pairs {
    struct pair *list;
    size_t n, room;
};

static void add_pair(struct call *c, struct pairs *p, int64_t person, size_t segment)
{
    if (p->n && p->list[p->n - 1].person == person && p->list[p->n - 1].segment == segment) {
        return;
    }
    ARENA_ROOM(c->mem, p->list, p->n, p->room);
    p->list[p->n++] = (struct pair) { person, segment };
}

static int by_person(const void *pa, const void *pb)
{
    const struct pair *a = pa, *b = pb;

    return a->person != b->person ? (a->person < b->person ? -1 : 1)
                                  : (a->segment > b->segment) - (a->segment < b->segment);
}

static struct str code_of(const struct segment *all, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].id == id) {
            return all[i].code;
        }
    }
    return (struct str) { "", 0 };
}

/* The pairs that one change asks for; segments whose people it does not name are built anew. */
static enum err_code look_at(struct call *c, const struct change *ch, struct segment *all, size_t n,
    const struct live_entity *people, struct pairs *out)
{
    bool moved = ch->kind == CHANGE_ENTER || ch->kind == CHANGE_LEAVE;
    struct str code = moved ? code_of(all, n, ch->record) : STR("");
    json_t *fields = NULL;

    if (ch->kind == CHANGE_UPDATE && ch->fields.n) {
        TRY(json_read(c->mem, ch->fields, &fields, &c->err));
    }
    bool whole = ch->entity == people->number && ch->kind != CHANGE_UPDATE;
    for (size_t i = 0; i < n; i++) {
        struct looking l = { .ch = ch, .people = people, .fields = fields };
        int64_t job;
        if (!all[i].follows || !all[i].live) {
            continue;
        }
        if (moved) {
            l.person = code.n && names(&all[i], code);
        } else if (whole) {
            l.person = true;
        } else {
            expr_uses(all[i].x, look_at_use, &l);
        }
        if (l.person) {
            add_pair(c, out, ch->person, i);
        }
        TRY(l.far ? segment_order_build(c, all[i].id, SECONDS(1), &job) : OK);
    }
    return OK;
}

static enum err_code judge_person(struct call *c, struct segment *all, int64_t person, const struct pair *p, size_t n,
    const struct live_entity *people, const struct segments_stood *stood)
{
    struct segment_person him = { .all = stood };
    enum err_code code = record_load(c, people, person, true, &him.r);
    bool gone = code == ERR_NOT_FOUND, moved;

    if (gone) {
        err_clear(&c->err);
        code = OK;
    }
    TRY(code);
    for (size_t i = 0; i < n; i++) {
        struct segment *s = &all[p[i].segment];
        TRY(gone ? segment_put(c, s, s->live, person, &him, false, "deleted", &moved)
                 : segment_renew(c, s, s->live, &him, "change"));
    }
    return OK;
}

/* Sorted, each once. */
static void sort_pairs(struct pairs *pairs)
{
    size_t n = 0;

    if (pairs->n) {
        qsort(pairs->list, pairs->n, sizeof *pairs->list, by_person);
    }
    for (size_t i = 0; i < pairs->n; i++) {
        if (!n || by_person(&pairs->list[n - 1], &pairs->list[i]) != 0) {
            pairs->list[n++] = pairs->list[i];
        }
    }
    pairs->n = n;
}

/* The pairs of at most TOGETHER people from a place on; where they end. */
static enum err_code read_stood(struct call *c, const struct segment *all, size_t nsegments, const struct pairs *pairs,
    size_t from, size_t *to, struct segments_stood *stood)
{
    int64_t people[TOGETHER], *segments = ARENA_ARRAY(c->mem, int64_t, nsegments + 1);
    bool *asked = ARENA_ARRAY(c->mem, bool, nsegments + 1);
    size_t npeople = 0, n = 0;

    for (*to = from; *to < pairs->n; ++*to) {
        const struct pair *p = &pairs->list[*to];
        if (!npeople || people[npeople - 1] != p->person) {
            if (npeople == TOGETHER) {
                break;
            }
            people[npeople++] = p->person;
        }
        if (!asked[p->segment]) {
            asked[p->segment] = true;
            segments[n++] = all[p->segment].id;
        }
    }
    return segments_stood_read(c, people, npeople, segments, n, stood);
}

/* Each person is loaded once, and where many stand is read together. */
static enum err_code judge_pairs(struct call *c, struct segment *all, size_t nsegments, struct pairs *pairs)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    size_t end;

    sort_pairs(pairs);
    for (size_t from = 0; from < pairs->n; from = end) {
        struct call_mark page = call_mark(c);
        struct segments_stood stood;
        TRY(read_stood(c, all, nsegments, pairs, from, &end, &stood));
        for (size_t i = from, to; i < end; i = to) {
            struct call_mark mark = call_mark(c);
            for (to = i; to < end && pairs->list[to].person == pairs->list[i].person; to++) {
            }
            TRY(judge_person(c, all, pairs->list[i].person, pairs->list + i, to - i, people, &stood));
            call_rewind(c, mark);
        }
        call_rewind(c, page);
    }
    return OK;
}

enum err_code segments_consume(struct call *c, const struct change *changes, size_t n)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    struct segment *all;
    struct pairs pairs = { 0 };
    size_t nsegments;

    TRY(segments_load(c, &all, &nsegments));
    for (size_t i = 0; nsegments && i < n; i++) {
        TRY(look_at(c, &changes[i], all, nsegments, people, &pairs));
    }
    TRY(judge_pairs(c, all, nsegments, &pairs));
    TRY(segments_store_sizes(c, all, nsegments));
    return pairs.n ? segment_timers_plan(c) : OK;
}

/* Moves are this call's own: nobody else judges meanwhile. */
static size_t keep_moves(struct change *changes, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (changes[i].kind == CHANGE_ENTER || changes[i].kind == CHANGE_LEAVE) {
            changes[kept++] = changes[i];
        }
    }
    return kept;
}

enum err_code segments_consume_single(struct call *c, const struct change *changes, size_t n)
{
    /* no segment names itself, so each level of names is one round */
    for (size_t round = 0; n && round < NESTED; round++) {
        struct change *caused;
        int64_t last;
        TRY(db_int(c, &last, SQL("SELECT coalesce(max(\"id\"), 0) FROM \"feed\""), VALS()));
        TRY(segments_consume(c, changes, n));
        TRY(feed_read(c, last, INT64_MAX, CAUSED, &caused, &n));
        n = keep_moves(caused, n);
        changes = caused;
    }
    return OK;
}

/* ---- what people do ---- */

/* The name of an event by its number; the numbers come sorted, so each is looked up once. */
static enum err_code name_of(struct call *c, int64_t event, int64_t *last, struct str *name)
{
    if (event == *last) {
        return OK;
    }
    *last = event;
    return db_text(c, name, SQL("SELECT \"key\" FROM \"event_names\" WHERE \"id\" = $1"), VALS(V(event)));
}

static bool names_event(const struct segment *s, struct str name)
{
    for (size_t i = 0; i < s->nevents; i++) {
        if (str_eq(s->events[i], name)) {
            return true;
        }
    }
    return false;
}

static int by_event(const void *pa, const void *pb)
{
    const struct segment_event *a = pa, *b = pb;

    return a->event != b->event ? (a->event < b->event ? -1 : 1)
                                : (a->person > b->person) - (a->person < b->person);
}

static enum err_code note_people(struct call *c, const struct segment_event *list, size_t n)
{
    int64_t *ids = ARENA_ARRAY(c->mem, int64_t, n + 1);
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        if (!k || ids[k - 1] != list[i].person) {
            ids[k++] = list[i].person;
        }
    }
    return segment_note_late(c, ids, k);
}

struct following {
    struct segment *all;
    size_t nsegments;
    bool judged;
};

static enum err_code follow_piece(struct call *c, struct following *f, struct segment_event *list, size_t n)
{
    struct pairs pairs = { 0 };
    struct str name = STR("");
    int64_t last = 0;

    qsort(list, n, sizeof *list, by_event);
    for (size_t i = 0; i < n; i++) {
        if (i && list[i].event == list[i - 1].event && list[i].person == list[i - 1].person) {
            continue;
        }
        TRY(name_of(c, list[i].event, &last, &name));
        for (size_t k = 0; k < f->nsegments; k++) {
            if (f->all[k].follows && f->all[k].live && names_event(&f->all[k], name)) {
                add_pair(c, &pairs, list[i].person, k);
            }
        }
    }
    TRY(note_people(c, list, n));
    f->judged = f->judged || pairs.n;
    return judge_pairs(c, f->all, f->nsegments, &pairs);
}

enum err_code segments_follow_events(struct call *c, segment_events_fn *next, void *arg)
{
    struct following f = { 0 };
    struct segment_event *list;
    int64_t seq;
    size_t n;

    TRY(segments_lock(c, &seq));
    TRY(segments_load(c, &f.all, &f.nsegments));
    do {
        struct call_mark mark = call_mark(c);
        TRY(next(c, arg, &list, &n));
        TRY(n ? follow_piece(c, &f, list, n) : OK);
        call_rewind(c, mark);
    } while (n && !call_has_taken_enough(c));
    TRY(segments_store_sizes(c, f.all, f.nsegments));
    return f.judged ? segment_timers_plan(c) : OK;
}

/* ---- the clock ---- */

enum err_code segments_lock(struct call *c, int64_t *seq)
{
    bool found;

    *seq = 0;
    return db_find(c, seq, &found,
        SQL2("SELECT \"seq\" FROM \"cursors\" WHERE \"name\" = 'segments'",
            "SELECT \"seq\" FROM \"cursors\" WHERE \"name\" = 'segments' FOR UPDATE"),
        VALS());
}

enum err_code segment_timers_plan(struct call *c)
{
    int64_t due, job;
    bool found;

    TRY(db_find(c, &due, &found,
        SQL("SELECT \"due\" FROM \"segment_timers\" ORDER BY \"due\" LIMIT 1"), VALS()));
    return found ? job_enqueue(c,
               &(struct job_order) { .kind = "segment_timers", .due = due, .sooner = true,
                   .key = "segment_timers" },
               &job)
                 : OK;
}

struct due {
    int64_t segment, person;
};

enum err_code segment_timers_run(struct call *c)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    struct due due[TIMERS];
    struct segment *all;
    struct rows rows;
    size_t n = 0, nsegments;
    int64_t next, seq;
    bool found;

    TRY(segments_lock(c, &seq));
    TRY(segments_load(c, &all, &nsegments));
    TRY(db_query(c, &rows,
        SQL("SELECT \"segment\", \"person\" FROM \"segment_timers\" WHERE \"due\" <= $1 ORDER BY \"due\" LIMIT 200"),
        VALS(V(c->now))));
    while (n < TIMERS && rows_next(&rows)) {
        due[n++] = (struct due) { col_int(&rows, 0), col_int(&rows, 1) };
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < n; i++) {
        struct segment *s = NULL;
        struct segment_person him = { 0 };
        for (size_t k = 0; k < nsegments && !s; k++) {
            s = all[k].id == due[i].segment && all[k].follows && all[k].live ? &all[k] : NULL;
        }
        enum err_code code = s ? record_load(c, people, due[i].person, true, &him.r) : ERR_NOT_FOUND;
        if (code == ERR_NOT_FOUND) { /* the segment or the person is gone */
            err_clear(&c->err);
            TRY(db_exec(c, SQL("DELETE FROM \"segment_timers\" WHERE \"segment\" = $1 AND \"person\" = $2"),
                VALS(V(due[i].segment), V(due[i].person))));
            continue;
        }
        TRY(code);
        TRY(segment_renew(c, s, s->live, &him, "time"));
    }
    TRY(segments_store_sizes(c, all, nsegments));
    if (n == TIMERS) {
        return job_continue(c, 0, 0, 0);
    }
    /* the job still holds its key, so it stays and comes again itself */
    TRY(db_find(c, &next, &found, SQL("SELECT \"due\" FROM \"segment_timers\" ORDER BY \"due\" LIMIT 1"), VALS()));
    return found ? job_come_again(c, next) : OK;
}
