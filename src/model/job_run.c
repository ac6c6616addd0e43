/* job_run.c - leases work and runs it.
 *
 * A worker takes a job by a lease in one transaction and runs it in another, which also moves its mark
 * and ends it: a crash between the two lets the lease run out, and the job is given again. */

#include "model/job_steps.h"

#include "base/log.h"
#include "base/time.h"
#include "model/org.h"

#include <inttypes.h>
#include <malloc.h>

enum { LEASE_SECONDS = 60, TRIES = 8 };
enum { TURN_MICROS = 1000000, LONG_MICROS = 2000000, RESULT_MAX = 1 << 20, MUCH = 100 };

struct leased {
    int64_t id, user, mark, done, total, cancel, change_set;
    int64_t until; /* what the lease says: another value is another worker's */
    int attempts;
    struct str kind, input, before;
    bool found;
    bool last; /* of its turn: other jobs may go first now */
    /* what the step leaves; it may run twice, so the rest stays as it was until it is committed */
    bool ended, lost;
    int64_t asked_to_stop, kept_until;
};

#define LEASED                                                                                     \
    " RETURNING \"id\", \"user\", \"mark\", \"done\", \"total\", \"attempts\", \"kind\", \"input\","    \
    " \"cancel\", \"change_set\", \"result\""

static enum err_code lease(struct call *c, void *arg)
{
    struct leased *l = arg;
    struct rows rows;

    l->found = false;
    TRY(db_query(c, &rows,
        SQL2("UPDATE \"jobs\" SET \"state\" = 'running', \"lease\" = $2, \"attempts\" ="
             " \"attempts\" + 1 WHERE \"id\" = (SELECT \"id\" FROM \"jobs\" WHERE (\"state\" ="
             " 'waiting' AND \"due\" <= $1) OR (\"state\" = 'running' AND \"lease\" < $1) ORDER BY"
             " \"due\" LIMIT 1)" LEASED,
            "UPDATE \"jobs\" SET \"state\" = 'running', \"lease\" = $2, \"attempts\" = \"attempts\" + 1"
            " WHERE \"id\" = (SELECT \"id\" FROM \"jobs\" WHERE (\"state\" = 'waiting' AND"
            " \"due\" <= $1) OR (\"state\" = 'running' AND \"lease\" < $1) ORDER BY \"due\" LIMIT 1"
            " FOR UPDATE SKIP LOCKED)" LEASED),
        VALS(V(c->now), V(c->now + SECONDS(LEASE_SECONDS)))));
    if (rows_next(&rows)) {
        *l = (struct leased) { .id = col_int(&rows, 0), .user = col_int(&rows, 1),
            .mark = col_int(&rows, 2), .done = col_int(&rows, 3), .total = col_int(&rows, 4),
            .attempts = (int)col_int(&rows, 5), .kind = col_text(&rows, 6),
            .input = col_text(&rows, 7), .cancel = col_int(&rows, 8),
            .change_set = col_int(&rows, 9), .before = col_text(&rows, 10),
            .until = c->now + SECONDS(LEASE_SECONDS), .found = true };
    }
    while (rows_next(&rows)) {
    }
    return rows_end(&rows);
}

static enum err_code any_due(struct call *c, void *arg)
{
    int64_t one;

    return db_find(c, &one, arg,
        SQL("SELECT 1 FROM \"jobs\" WHERE (\"state\" = 'waiting' AND \"due\" <= $1) OR"
            " (\"state\" = 'running' AND \"lease\" < $1) LIMIT 1"),
        VALS(V(c->now)));
}

/* A lease that has run out may be another worker's by now, and so is the row. Who writes to it asks first, in the
 * same transaction, and on PostgreSQL holds it from then on. */
static enum err_code check_lease(struct call *c, const struct leased *l, bool *lost)
{
    int64_t one;
    bool found;

    TRY(db_find(c, &one, &found,
        SQL2("SELECT 1 FROM \"jobs\" WHERE \"id\" = $1 AND \"state\" = 'running' AND \"lease\" = $2",
            "SELECT 1 FROM \"jobs\" WHERE \"id\" = $1 AND \"state\" = 'running' AND \"lease\" = $2 FOR UPDATE"),
        VALS(V(l->id), V(l->until))));
    *lost = !found;
    return found ? OK : fail(c, ERR_CONFLICT, NULL, "another server has gone on with it");
}

/* Of a job whose lease is ours. */
static enum err_code end_job(struct call *c, int64_t id, const char *state, struct str result,
    const char *error)
{
    return db_exec(c,
        SQL("UPDATE \"jobs\" SET \"state\" = $2, \"ended_at\" = $3, \"key\" = NULL, \"result\" ="
            " $4, \"error\" = $5 WHERE \"id\" = $1"),
        VALS(V(id), V(state), V(c->now), result.n ? V(result) : V_NULL, V(error)));
}

/* Who runs it, with the rights he has now, and on what. */
static enum err_code begin_step(struct call *c, const struct leased *l)
{
    struct job_run *run = c->job;
    json_t *input;

    if (l->user) {
        TRY(user_load(c, l->user, &c->who));
    }
    TRY(json_read(c->mem, l->input, &input, &c->err));
    *run = (struct job_run) { .id = l->id, .mark = l->mark, .done = l->done, .total = l->total,
        .attempts = l->attempts, .kind = run->kind, .input = input, .before = l->before,
        .found = run->found };
    c->change_kind = "job";
    c->change_set = l->change_set;
    return OK;
}

static enum err_code look(struct call *c, void *arg)
{
    TRY(begin_step(c, arg));
    return c->job->kind->look(c);
}

/* Keeps the lease while its turn lasts, so that a long job does not ask for one at every step. */
static enum err_code go_on(struct call *c, struct leased *l, const struct job_run *run)
{
    bool found;

    l->kept_until = c->now + SECONDS(LEASE_SECONDS);
    return db_find(c, &l->asked_to_stop, &found,
        SQL("UPDATE \"jobs\" SET \"state\" = $2, \"due\" = $3, \"lease\" = $4, \"mark\" = $5,"
            " \"done\" = $6, \"total\" = $7, \"result\" = $8, \"attempts\" = 1 WHERE \"id\" = $1"
            " RETURNING \"cancel\""),
        VALS(V(l->id), V(l->last ? "waiting" : "running"), V(c->now),
            V(l->kept_until), V(run->mark), V(run->done), V(run->total),
            run->result.n ? V(run->result) : V_NULL));
}

/* The step and the moving of its mark are one transaction, so a step whose lease was lost leaves nothing. */
static enum err_code step(struct call *c, void *arg)
{
    struct leased *l = arg;
    struct job_run *run = c->job;

    l->ended = true;
    l->lost = false;
    if (l->cancel) {
        TRY(check_lease(c, l, &l->lost));
        return end_job(c, l->id, "cancelled", l->before, NULL);
    }
    TRY(begin_step(c, l));
    TRY(run->kind->run(c));
    TRY(check_lease(c, l, &l->lost));
    if (run->again) {
        l->ended = false;
        return go_on(c, l, run);
    }
    if (run->due) {
        return db_exec(c,
            SQL("UPDATE \"jobs\" SET \"state\" = 'waiting', \"due\" = $2, \"lease\" = 0, \"attempts\" = 0,"
                " \"mark\" = 0 WHERE \"id\" = $1"),
            VALS(V(l->id), V(run->due)));
    }
    TRY(db_exec(c, SQL("UPDATE \"jobs\" SET \"done\" = $2, \"total\" = $3 WHERE \"id\" = $1"),
        VALS(V(l->id), V(run->done), V(run->total))));
    return end_job(c, l->id, "done", run->result, NULL);
}

struct failure {
    const struct leased *l;
    struct err e;
    bool lost;
};

static enum err_code note_failure(struct call *c, void *arg)
{
    struct failure *f = arg;
    bool refused = f->e.code == ERR_FORBIDDEN || f->e.code == ERR_UNAUTHENTICATED;
    bool for_good = refused || f->e.code == ERR_INVALID || f->e.code == ERR_NOT_FOUND
        || f->l->attempts >= TRIES;

    TRY(check_lease(c, f->l, &f->lost));
    if (for_good) {
        return end_job(c, f->l->id, refused ? "refused" : "failed", (struct str) { "", 0 }, f->e.msg);
    }
    /* 2, 4, 8, ... seconds */
    return db_exec(c,
        SQL("UPDATE \"jobs\" SET \"state\" = 'waiting', \"due\" = $2, \"error\" = $3"
            " WHERE \"id\" = $1"),
        VALS(V(f->l->id), V(c->now + SECONDS(1LL << f->l->attempts)), V(f->e.msg)));
}

static void lease_was_lost(const struct leased *l)
{
    log_event(LOG_WARN, &(struct log_context) { .module = "job" }, "%.*s %" PRId64 ": another server has gone on with it",
        STR_ARG(l->kind), l->id);
}

static void job_failed(struct org *o, struct arena *mem, const struct leased *l, struct err e)
{
    struct failure f = { .l = l, .e = e };
    struct call c;

    log_event(LOG_WARN, &(struct log_context) { .module = "job" }, "%.*s %" PRId64 ": %s",
        STR_ARG(l->kind), l->id, e.msg);
    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    (void)!call_write(&c, note_failure, &f);
    if (f.lost) {
        lease_was_lost(l);
    }
}

/* ---- work in calls of its own ---- */

struct work_call {
    struct job_work *w;
    call_fn *fn;
    void *arg;
    bool last;
    bool stop, lost;
    int64_t until;
};

static enum err_code work_begin(struct call *c, const struct job_work *w)
{
    if (w->lease->user) {
        TRY(user_load(c, w->lease->user, &c->who));
    }
    c->change_kind = "job";
    c->change_set = w->lease->change_set;
    return OK;
}

static enum err_code work_reads(struct call *c, void *arg)
{
    struct work_call *one = arg;

    TRY(work_begin(c, one->w));
    return one->fn(c, one->arg);
}

static enum err_code work_writes(struct call *c, void *arg)
{
    struct work_call *one = arg;
    struct job_work *w = one->w;
    int64_t cancel = 0;
    bool found;

    one->stop = one->lost = false;
    one->until = c->now + SECONDS(LEASE_SECONDS);
    TRY(work_begin(c, w));
    TRY(one->fn(c, one->arg));
    TRY(db_find(c, &cancel, &found,
        SQL("UPDATE \"jobs\" SET \"lease\" = $2, \"done\" = $3, \"total\" = $4, \"result\" = $5,"
            " \"attempts\" = 1 WHERE \"id\" = $1 AND \"state\" = 'running' AND \"lease\" = $6 RETURNING \"cancel\""),
        VALS(V(w->id), V(one->until), V(w->done), V(w->total), w->result.n ? V(w->result) : V_NULL,
            V(w->lease->until))));
    one->lost = !found;
    if (one->lost) {
        return fail(c, ERR_CONFLICT, NULL, "another server has gone on with it");
    }
    one->stop = cancel != 0;
    if (one->stop) {
        return fail(c, ERR_CONFLICT, NULL, "cancelled");
    }
    return one->last ? end_job(c, w->id, "done", w->result, NULL) : OK;
}

bool job_work_stops(const struct job_work *w)
{
    return __atomic_load_n(&w->org->stopping, __ATOMIC_RELAXED);
}

enum err_code job_work_read(struct job_work *w, call_fn *fn, void *arg)
{
    struct arena *mem = arena_create((size_t)w->org->cfg->arena_max * 4);
    struct work_call one = { .w = w, .fn = fn, .arg = arg };
    struct call c;

    call_init(&c, w->org, mem, user_system(), VIA_JOB);
    enum err_code code = call_read(&c, work_reads, &one);
    w->err = code == OK ? w->err : c.err;
    arena_destroy(mem);
    return code;
}

enum err_code job_work_look(const struct job_work *w, struct call *c, call_fn *fn, void *arg)
{
    struct work_call one = { .w = (struct job_work *)(uintptr_t)w, .fn = fn, .arg = arg };

    return call_read(c, work_reads, &one);
}

struct job_later { /* lives in its arena */
    struct arena *mem;
    struct call c;
    struct work_call one;
};

static enum err_code begin_write(struct job_work *w, call_fn *fn, void *arg, bool last, struct job_later **out)
{
    if (job_work_stops(w) && !last) {
        return err_set(&w->err, ERR_BUSY, NULL, "the server is stopping");
    }
    struct arena *mem = arena_create((size_t)w->org->cfg->arena_max * 4);
    struct job_later *l = *out = ARENA_NEW(mem, struct job_later);

    l->mem = mem;
    l->one = (struct work_call) { .w = w, .fn = fn, .arg = arg, .last = last };
    call_init(&l->c, w->org, mem, user_system(), VIA_JOB);
    l->c.patient = true;
    l->c.lags = w->lags && !last;
    return OK;
}

/* Consumers make way for what fills the feed, and for nothing else: sending mails takes hours and brings them little. */
static void note_writing(const struct job_work *w, const struct job_later *l)
{
    int64_t now = time_monotonic();

    __atomic_store_n(&w->org->worked, now, __ATOMIC_RELAXED);
    if (l->c.changes >= MUCH) {
        __atomic_store_n(&w->org->filled, now, __ATOMIC_RELAXED);
    } else if (w->lags && w->ended) {
        __atomic_store_n(&w->org->filled, 0, __ATOMIC_RELAXED);
    }
}

static enum err_code end_write(struct job_later *l, enum err_code code)
{
    struct job_work *w = l->one.w;

    w->cancelled = w->cancelled || l->one.stop;
    w->lost = w->lost || l->one.lost;
    w->lease->until = code == OK ? l->one.until : w->lease->until;
    w->err = code == OK ? w->err : l->c.err;
    w->ended = code == OK && l->one.last;
    note_writing(w, l);
    arena_destroy(l->mem);
    return code;
}

static enum err_code write_once(struct job_work *w, call_fn *fn, void *arg, bool last)
{
    struct job_later *l = NULL;

    TRY(begin_write(w, fn, arg, last, &l));
    return end_write(l, call_write(&l->c, work_writes, &l->one));
}

enum err_code job_work_submit(
    struct job_work *w, call_fn *fn, void *arg, void (*done)(void *), void *done_arg, struct job_later **out)
{
    struct job_later *l = NULL;

    *out = NULL;
    TRY(begin_write(w, fn, arg, false, &l));
    enum err_code code = call_submit(&l->c, work_writes, &l->one, done, done_arg);
    if (code != OK) {
        return end_write(l, code);
    }
    *out = l;
    return OK;
}

enum err_code job_work_outcome(struct job_later *l)
{
    return end_write(l, l->c.err.code);
}

enum err_code job_work_write(struct job_work *w, call_fn *fn, void *arg)
{
    return write_once(w, fn, arg, false);
}

enum err_code job_work_as_system(struct job_work *w, call_fn *fn, void *arg)
{
    struct arena *mem = arena_create((size_t)w->org->cfg->arena_max * 4);
    struct err kept = w->err;
    struct call c;

    call_init(&c, w->org, mem, user_system(), VIA_JOB);
    enum err_code code = call_write(&c, fn, arg);
    w->err = code == OK ? kept : c.err;
    arena_destroy(mem);
    return code;
}

enum err_code job_work_end(struct job_work *w, call_fn *fn, void *arg)
{
    return write_once(w, fn, arg, true);
}

/* Whoever looks next goes on with it. */
static enum err_code let_go(struct call *c, void *arg)
{
    struct job_work *w = arg;

    TRY(check_lease(c, w->lease, &w->lost));
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"lease\" = 0, \"attempts\" = \"attempts\" - 1 WHERE \"id\" = $1"), VALS(V(w->id)));
}

static enum err_code work_ended(struct call *c, void *arg)
{
    struct job_work *w = arg;

    TRY(check_lease(c, w->lease, &w->lost));
    return end_job(c, w->id, w->cancelled ? "cancelled" : "done", w->result, NULL);
}

static void run_work(struct org *o, struct leased *l, const struct job_kind *kind)
{
    struct arena *mem = arena_create(0); /* what it holds has limits of its own */
    struct job_work w = { .org = o, .mem = mem, .id = l->id, .done = l->done, .total = l->total,
        .result = l->before, .lease = l, .cancelled = l->cancel != 0 };
    json_t *input;
    struct call c;

    enum err_code code = json_read(mem, l->input, &input, &w.err);
    if (code == OK && !w.cancelled) {
        w.input = input;
        code = kind->work(&w);
    }
    bool failed = code != OK && !w.cancelled;
    if (failed && !w.lost && !job_work_stops(&w)) {
        job_failed(o, mem, l, w.err);
    } else if (!w.lost && !w.ended) {
        call_init(&c, o, mem, user_system(), VIA_SYSTEM);
        (void)!call_write(&c, failed ? let_go : work_ended, &w);
    }
    if (w.lost) {
        lease_was_lost(l);
    }
    arena_destroy(mem);
}

/* One step in an arena of its own; false when the job's turn is over. */
static bool run_step(struct org *o, struct leased *l, const struct job_kind *kind, struct buf *result)
{
    struct arena *mem = arena_create((size_t)o->cfg->arena_max * 4);
    struct job_run run = { .kind = kind };
    enum err_code code = OK;
    struct call c;
    bool more = false;

    if (kind->look && !l->cancel) {
        call_init(&c, o, mem, user_system(), VIA_JOB);
        c.job = &run;
        code = call_read(&c, look, l);
    }
    if (code == OK) {
        call_init(&c, o, mem, user_system(), VIA_JOB);
        c.job = &run;
        code = kind->run ? call_write(&c, step, l)
                         : fail(&c, ERR_NOT_FOUND, NULL, "no such kind of job");
    }
    if (code != OK && l->lost) {
        lease_was_lost(l);
    } else if (code != OK) {
        job_failed(o, mem, l, c.err);
    } else if (!l->ended) {
        buf_clear(result);
        buf_add(result, run.result);
        l->before = buf_str(result);
        l->mark = run.mark;
        l->done = run.done;
        l->total = run.total;
        l->cancel = l->asked_to_stop;
        l->until = l->kept_until;
        more = !l->last;
    }
    arena_destroy(mem);
    return more;
}

static enum err_code give_up(struct call *c)
{
    return fail(c, ERR_INVALID, NULL, "it was begun %d times and never came to an end", TRIES);
}

/* What a long one took from the system the allocator would keep for the next. */
static void give_memory_back(int64_t began)
{
    if (time_monotonic() - began > LONG_MICROS) {
        (void)malloc_trim(0);
    }
}

bool job_run_one(struct org *o)
{
    static const struct job_kind unknown = { .name = "" };
    /* leased so often without coming to an end: the process died of it each time */
    static const struct job_kind hopeless = { .name = "", .run = give_up };
    struct arena *mem = arena_create((size_t)o->cfg->arena_max * 4);
    struct leased l = { 0 };
    int64_t began = time_monotonic();
    struct call c;
    bool due = false;

    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    if (call_read(&c, any_due, &due) == OK && due && call_write(&c, lease, &l) == OK && l.found) {
        const struct job_kind *kind = l.attempts > TRIES ? &hopeless : job_kind_of(o, l.kind);
        int64_t until = time_now() + TURN_MICROS;
        struct buf result;
        buf_init(&result, mem, RESULT_MAX);
        if (kind && kind->work) {
            run_work(o, &l, kind);
        } else {
            do {
                l.last = time_now() > until;
            } while (run_step(o, &l, kind ? kind : &unknown, &result));
        }
    }
    arena_destroy(mem);
    if (l.found) {
        give_memory_back(began);
    }
    return l.found;
}
