/* consume.c - runs the consumers of the feed.
 *
 * Each has a cursor that moves in the transaction of its effects. What a consumer reads of records it reads ahead,
 * in a reading call: a record that changes in between has a later row in the feed, and comes again.
 *
 * Behind an import the feed is long, and who changed one thing would wait for all of it. A consumer that goes before
 * another takes such single changes out of turn; the other one's cursor stays where it is. */

#include "model/change.h"

#include "base/log.h"
#include "model/job.h"
#include "model/org.h"

#include <string.h>

enum { FEED_BATCH = 500, FEED_AHEAD = 4 * FEED_BATCH }; /* a batch is some 10 ms of the writer */
enum { SINGLE = 100, SINGLE_ROWS = 2000, STRETCH = 20000 }; /* people, rows of theirs, rows looked through at once */

struct consuming {
    const struct consumer *consumer;
    size_t seen;             /* in its last go */
    bool hidden;             /* something may be left: behind a transaction that is open, or another server's share */
    int64_t from;            /* the cursor when it looked */
    struct change *changes;  /* that it looked at */
    size_t n;
    struct arena *mem;       /* of its look, for what is found */
};

static bool follows(const struct consumer *k, const char *entity, enum change_kind kind, bool single)
{
    const char *const *name = k->follows;

    if (k->take || (k->before && !single) || (k->kinds && !strchr(k->kinds, (int)kind))) {
        return false;
    }
    while (name && *name && strcmp(*name, entity) != 0) {
        name++;
    }
    return !name || *name;
}

uint64_t consumers_of(const struct org *o, const struct live_entity *e, enum change_kind kind, bool single)
{
    uint64_t bits = 0, bit = 1;

    for (const struct module *const *m = o->modules; *m; m++) {
        for (const struct consumer *k = (*m)->consumers; k && k->name; k++, bit <<= 1) {
            bits |= follows(k, e->name.p, kind, single) ? bit : 0;
        }
    }
    return bits;
}

uint64_t consumers_with_queue(const struct org *o)
{
    uint64_t bits = 0, bit = 1;

    for (const struct module *const *m = o->modules; *m; m++) {
        for (const struct consumer *k = (*m)->consumers; k && k->name; k++, bit <<= 1) {
            bits |= k->take ? bit : 0;
        }
    }
    return bits;
}

static enum err_code cursor_of(struct call *c, const struct consumer *consumer, int64_t *seq)
{
    bool found;

    *seq = 0;
    return db_find(c, seq, &found, SQL("SELECT \"seq\" FROM \"cursors\" WHERE \"name\" = $1"),
        VALS(V(consumer->name)));
}

/* Marks changes of a record that the batch has a later one of. */
static void mark_again(struct call *c, struct change *changes, size_t n)
{
    size_t room = 1;

    while (room < n * 2) {
        room *= 2;
    }
    size_t *slots = ARENA_ARRAY(c->mem, size_t, room); /* 1 + the place of the latest */
    for (size_t i = n; i-- > 0;) {
        struct change *ch = &changes[i];
        if (ch->kind == CHANGE_ENTER || ch->kind == CHANGE_LEAVE) {
            continue; /* they say nothing of the record */
        }
        size_t at = ((uint64_t)ch->record * 0x9e3779b97f4a7c15u + (uint64_t)ch->entity) & (room - 1);
        while (slots[at]
            && (changes[slots[at] - 1].record != ch->record || changes[slots[at] - 1].entity != ch->entity)) {
            at = (at + 1) & (room - 1);
        }
        ch->again = slots[at] != 0;
        slots[at] = ch->again ? slots[at] : i + 1;
    }
}

static enum err_code look_apart(struct call *c, void *arg)
{
    const struct consuming *w = arg;

    return w->consumer->look(c, w->mem, w->changes, w->n);
}

/* Without holding the writer up: is there anything, and what does the consumer need of it? */
static enum err_code look(struct call *c, void *arg)
{
    struct consuming *w = arg;
    int64_t horizon;

    w->n = 0;
    TRY(cursor_of(c, w->consumer, &w->from));
    TRY(feed_reach(c, &horizon, &w->hidden));
    w->seen = horizon > w->from;
    if (w->seen && w->consumer->look) {
        TRY(feed_read(c, w->from, horizon, FEED_AHEAD, &w->changes, &w->n));
        mark_again(c, w->changes, w->n);
        w->mem = c->mem;
        TRY(w->n ? call_scratch(c, look_apart, w) : OK);
    }
    return OK;
}

static enum err_code move_cursor(struct call *c, const struct consumer *consumer, int64_t seq)
{
    return db_exec(c, SQL("UPDATE \"cursors\" SET \"seq\" = $2 WHERE \"name\" = $1"),
        VALS(V(consumer->name), V(seq)));
}

/* Several goes are one call, whose memory they share: what they read of the changes alone fills it in the end. */
static bool has_enough(const struct call *c)
{
    return call_has_taken_enough(c) || arena_used(c->mem) > (size_t)c->cfg->arena_max / 4;
}

/* One commit for several goes, while nobody waits: their pages are written once. */
static enum err_code run_looked_at(struct call *c, struct consuming *w)
{
    size_t at = 0;

    do {
        size_t n = w->n - at < FEED_BATCH ? w->n - at : FEED_BATCH;
        TRY(w->consumer->run(c, w->changes + at, n));
        at += n;
    } while (at < w->n && !has_enough(c));
    w->seen = w->n < FEED_BATCH ? w->n : FEED_BATCH;
    return at ? move_cursor(c, w->consumer, w->changes[at - 1].seq) : OK;
}

static enum err_code run_unseen(struct call *c, struct consuming *w, int64_t seq)
{
    struct change *changes;
    int64_t from = seq, horizon;

    TRY(feed_horizon(c, &horizon));
    do {
        TRY(feed_read(c, seq, horizon, FEED_BATCH, &changes, &w->seen));
        mark_again(c, changes, w->seen);
        TRY(w->seen ? w->consumer->run(c, changes, w->seen) : OK);
        seq = w->seen ? changes[w->seen - 1].seq : seq;
    } while (w->seen == FEED_BATCH && !has_enough(c));
    return seq == from ? OK : move_cursor(c, w->consumer, seq);
}

/* On PostgreSQL the cursor's row is the lock: one server at a time per consumer. */
static enum err_code lock_cursor(struct call *c, const struct consumer *consumer, int64_t *seq, bool *found)
{
    return db_find(c, seq, found,
        SQL2("SELECT \"seq\" FROM \"cursors\" WHERE \"name\" = $1",
            "SELECT \"seq\" FROM \"cursors\" WHERE \"name\" = $1 FOR UPDATE SKIP LOCKED"),
        VALS(V(consumer->name)));
}

static enum err_code consume(struct call *c, void *arg)
{
    struct consuming *w = arg;
    int64_t seq = 0;
    bool found;

    w->seen = 0;
    TRY(lock_cursor(c, w->consumer, &seq, &found));
    if (!found) { /* the first time, or locked */
        TRY(db_exec(c, SQL("INSERT INTO \"cursors\" (\"name\", \"seq\") VALUES ($1, 0) ON CONFLICT"
                           " (\"name\") DO NOTHING"),
            VALS(V(w->consumer->name))));
        TRY(lock_cursor(c, w->consumer, &seq, &found));
    }
    if (!found || (w->n && seq != w->from)) {
        w->hidden = true; /* another server is at it, or was: it may not have seen all */
        return OK;
    }
    return w->consumer->look ? run_looked_at(c, w) : run_unseen(c, w, seq);
}

/* ---- consumers with a queue of their own ---- */

struct taking {
    const struct consumer *consumer;
    bool waits, more;
};

static enum err_code has_work(struct call *c, void *arg)
{
    struct taking *t = arg;

    return t->consumer->waits(c, &t->waits);
}

static enum err_code take_some(struct call *c, void *arg)
{
    struct taking *t = arg;

    return t->consumer->take(c, &t->more);
}

static enum err_code run_queue(struct call *c, const struct consumer *consumer, struct consumed *out)
{
    struct taking t = { .consumer = consumer };

    TRY(call_read(c, has_work, &t));
    if (t.waits) {
        c->patient = true;
        TRY(call_write(c, take_some, &t));
        out->more = t.more;
    }
    return OK;
}

/* ---- consumers that go before another ---- */

struct preceding {
    const struct consumer *consumer;
    int64_t to;
    struct change *changes;
    size_t n;
    bool goes, more, hidden;
};

/* One order is many rows, and they follow each other. */
static bool are_many(const struct change *changes, size_t n)
{
    size_t people = 0;

    for (size_t i = 0; i < n; i++) {
        people += !i || changes[i].person != changes[i - 1].person;
    }
    return n == SINGLE_ROWS || people > SINGLE;
}

/* What is near comes in the other one's next go, unless that makes way for a job; what is many comes in its turn. */
static enum err_code look_before(struct call *c, void *arg)
{
    struct preceding *p = arg;
    int64_t seq = 0, from = 0, horizon;
    bool found;

    *p = (struct preceding) { .consumer = p->consumer };
    TRY(db_find(c, &seq, &found, SQL("SELECT \"seq\" FROM \"cursors\" WHERE \"name\" = $1"), VALS(V(p->consumer->before))));
    TRY(feed_reach(c, &horizon, &p->hidden));
    if (!found || horizon - seq <= (workers_fill_feed(c->org) ? 0 : FEED_BATCH)) {
        p->hidden = false;
        return OK;
    }
    TRY(db_find(c, &from, &found, SQL("SELECT coalesce(\"ahead\", 0) FROM \"cursors\" WHERE \"name\" = $1"),
        VALS(V(p->consumer->before))));
    from = from > seq ? from : seq;
    p->to = horizon - from < STRETCH ? horizon : from + STRETCH;
    p->more = p->to < horizon;
    TRY(feed_read_single(c, from, p->to, SINGLE_ROWS, &p->changes, &p->n));
    p->goes = p->n || p->more;
    p->n = are_many(p->changes, p->n) ? 0 : p->n;
    return OK;
}

/* The row of the other one's cursor is the lock, as there. */
static enum err_code go_before(struct call *c, void *arg)
{
    struct preceding *p = arg;
    int64_t reached;
    bool found;

    TRY(db_find(c, &reached, &found,
        SQL2("SELECT CASE WHEN \"ahead\" > \"seq\" THEN \"ahead\" ELSE \"seq\" END FROM \"cursors\" WHERE \"name\" = $1",
            "SELECT CASE WHEN \"ahead\" > \"seq\" THEN \"ahead\" ELSE \"seq\" END FROM \"cursors\" WHERE \"name\" = $1 FOR UPDATE"),
        VALS(V(p->consumer->before))));
    if (!found || reached >= p->to) {
        return OK; /* another server has been there, or the other one has come to it */
    }
    TRY(p->n ? p->consumer->run(c, p->changes, p->n) : OK);
    return db_exec(c, SQL("UPDATE \"cursors\" SET \"ahead\" = $2 WHERE \"name\" = $1"), VALS(V(p->consumer->before), V(p->to)));
}

static enum err_code run_before(struct call *c, const struct consumer *consumer, struct consumed *out)
{
    struct preceding p = { .consumer = consumer };

    TRY(call_follow(c, look_before, &p));
    c->patient = !p.n; /* the others end their goes for what somebody waits for */
    TRY(p.goes ? call_write(c, go_before, &p) : OK);
    *out = (struct consumed) { .more = p.more, .hidden = p.hidden };
    return OK;
}

static enum err_code run_feed(struct call *c, const struct consumer *consumer, struct consumed *out)
{
    struct consuming w = { .consumer = consumer };

    TRY(call_follow(c, look, &w));
    if (w.seen) {
        c->patient = true;
        TRY(call_write(c, consume, &w));
        out->more = w.seen == FEED_BATCH;
    }
    out->hidden = w.hidden;
    return OK;
}

enum err_code consumer_run(struct org *o, const struct consumer *consumer, struct consumed *out, struct err *e)
{
    struct arena *mem = arena_create((size_t)o->cfg->arena_max);
    struct call c;

    *out = (struct consumed) { 0 };
    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    enum err_code code = consumer->take ? run_queue(&c, consumer, out)
        : consumer->before              ? run_before(&c, consumer, out)
                                        : run_feed(&c, consumer, out);
    if (code != OK) {
        *e = c.err;
        log_event(LOG_ERROR, &(struct log_context) { .module = consumer->name }, "%s", c.err.msg);
    }
    arena_destroy(mem);
    return code;
}

enum err_code consumers_run(struct org *o, bool *more, struct err *e)
{
    enum err_code first = OK;

    *more = false;
    for (const struct module *const *m = o->modules; *m; m++) {
        for (const struct consumer *k = (*m)->consumers; k && k->name; k++) {
            struct err one = { 0 };
            struct consumed did;
            enum err_code code = consumer_run(o, k, &did, &one);
            *more = *more || did.more;
            if (code != OK && first == OK) {
                first = code;
                *e = one;
            }
        }
    }
    return first;
}
