/* job_run.c - leases and runs work; also wakes the consumers of the feed.
 *
 * A worker takes a job by a lease in one transaction and runs it in another, which also moves its mark
 * and ends it: a crash between the two lets the lease run out, and the job is given again. */

#include "model/job_steps.h"

#include "base/log.h"
#include "model/change.h"
#include "model/notify.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { LEASE_SECONDS = 60, TRIES = 8, GATHER_MICROS = 20000, YIELD = 50, WORKED_MICROS = 1500000 };
enum { SETTLE_MICROS = 500000 };
enum { TURN_MICROS = 1000000, RESULT_MAX = 1 << 20 };

static const struct {
    const char *word;
    int64_t micros;
} periods[] = { { "minutely", MINUTES(1) }, { "hourly", HOURS(1) }, { "daily", DAYS(1) },
    { "monthly", DAYS(30) } };

/* ---- running ---- */

struct leased {
    int64_t id, user, mark, done, total, cancel, change_set;
    int64_t until; /* what the lease says: another value is another worker's */
    int attempts;
    struct str kind, input, before;
    bool found;
    bool last; /* of its turn: other jobs may go first now */
    /* what the step leaves; it may run twice, so the rest stays as it was until it is committed */
    bool ended;
    int64_t asked_to_stop;
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

    return db_find(c, &l->asked_to_stop, &found,
        SQL("UPDATE \"jobs\" SET \"state\" = $2, \"due\" = $3, \"lease\" = $4, \"mark\" = $5,"
            " \"done\" = $6, \"total\" = $7, \"result\" = $8, \"attempts\" = 1 WHERE \"id\" = $1"
            " RETURNING \"cancel\""),
        VALS(V(l->id), V(l->last ? "waiting" : "running"), V(c->now),
            V(c->now + SECONDS(LEASE_SECONDS)), V(run->mark), V(run->done), V(run->total),
            run->result.n ? V(run->result) : V_NULL));
}

/* The step and the moving of its mark are one transaction. */
static enum err_code step(struct call *c, void *arg)
{
    struct leased *l = arg;
    struct job_run *run = c->job;

    l->ended = true;
    if (l->cancel) {
        return end_job(c, l->id, "cancelled", l->before, NULL);
    }
    TRY(begin_step(c, l));
    TRY(run->kind->run(c));
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
};

static enum err_code note_failure(struct call *c, void *arg)
{
    struct failure *f = arg;
    bool refused = f->e.code == ERR_FORBIDDEN || f->e.code == ERR_UNAUTHENTICATED;
    bool for_good = refused || f->e.code == ERR_INVALID || f->e.code == ERR_NOT_FOUND
        || f->l->attempts >= TRIES;

    if (for_good) {
        return end_job(c, f->l->id, refused ? "refused" : "failed", (struct str) { "", 0 }, f->e.msg);
    }
    /* 2, 4, 8, ... seconds */
    return db_exec(c,
        SQL("UPDATE \"jobs\" SET \"state\" = 'waiting', \"due\" = $2, \"error\" = $3"
            " WHERE \"id\" = $1"),
        VALS(V(f->l->id), V(c->now + SECONDS(1LL << f->l->attempts)), V(f->e.msg)));
}

static void job_failed(struct org *o, struct arena *mem, const struct leased *l, struct err e)
{
    struct failure f = { l, e };
    struct call c;

    log_event(LOG_WARN, &(struct log_context) { .module = "job" }, "%.*s %" PRId64 ": %s",
        STR_ARG(l->kind), l->id, e.msg);
    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    (void)!call_write(&c, note_failure, &f);
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

static enum err_code write_once(struct job_work *w, call_fn *fn, void *arg, bool last)
{
    struct arena *mem = arena_create((size_t)w->org->cfg->arena_max * 4);
    struct work_call one = { .w = w, .fn = fn, .arg = arg, .last = last };
    struct call c;

    if (job_work_stops(w) && !last) {
        arena_destroy(mem);
        return err_set(&w->err, ERR_BUSY, NULL, "the server is stopping");
    }
    call_init(&c, w->org, mem, user_system(), VIA_JOB);
    c.patient = true;
    c.lags = w->lags && !last;
    enum err_code code = call_write(&c, work_writes, &one);
    w->cancelled = w->cancelled || one.stop;
    w->lost = w->lost || one.lost;
    w->lease->until = code == OK ? one.until : w->lease->until;
    w->err = code == OK ? w->err : c.err;
    w->ended = code == OK && last;
    __atomic_store_n(&w->org->worked, time_monotonic(), __ATOMIC_RELAXED);
    arena_destroy(mem);
    return code;
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
    const struct job_work *w = arg;

    return db_exec(c, SQL("UPDATE \"jobs\" SET \"lease\" = 0, \"attempts\" = \"attempts\" - 1 WHERE \"id\" = $1"), VALS(V(w->id)));
}

static enum err_code work_ended(struct call *c, void *arg)
{
    struct job_work *w = arg;

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
    if (w.lost) {
        log_event(LOG_WARN, &(struct log_context) { .module = "job" }, "%.*s %" PRId64 ": %s", STR_ARG(l->kind), l->id,
            w.err.msg);
    } else if (code != OK && !w.cancelled && job_work_stops(&w)) {
        call_init(&c, o, mem, user_system(), VIA_SYSTEM);
        (void)!call_write(&c, let_go, &w);
    } else if (code != OK && !w.cancelled) {
        job_failed(o, mem, l, w.err);
    } else if (!w.ended) {
        call_init(&c, o, mem, user_system(), VIA_SYSTEM);
        (void)!call_write(&c, work_ended, &w);
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
    if (code != OK) {
        job_failed(o, mem, l, c.err);
    } else if (!l->ended) {
        buf_clear(result);
        buf_add(result, run.result);
        l->before = buf_str(result);
        l->mark = run.mark;
        l->done = run.done;
        l->total = run.total;
        l->cancel = l->asked_to_stop;
        more = !l->last;
    }
    arena_destroy(mem);
    return more;
}

static enum err_code give_up(struct call *c)
{
    return fail(c, ERR_INVALID, NULL, "it was begun %d times and never came to an end", TRIES);
}

static bool run_one(struct org *o)
{
    static const struct job_kind unknown = { .name = "" };
    /* leased so often without coming to an end: the process died of it each time */
    static const struct job_kind hopeless = { .name = "", .run = give_up };
    struct arena *mem = arena_create((size_t)o->cfg->arena_max * 4);
    struct leased l = { 0 };
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
    return l.found;
}

/* ---- what comes by itself: one waiting row per periodic kind ---- */

static enum err_code plan_periodic(struct call *c, void *arg)
{
    (void)arg;
    for (const struct module *const *m = c->org->modules; *m; m++) {
        for (const struct job_kind *k = (*m)->jobs; k && k->name; k++) {
            for (size_t i = 0; k->when && i < sizeof periods / sizeof *periods; i++) {
                int64_t last, id;
                bool found;
                if (strcmp(periods[i].word, k->when) != 0) {
                    continue;
                }
                TRY(db_find(c, &last, &found,
                    SQL("SELECT \"due\" FROM \"jobs\" WHERE \"kind\" = $1 ORDER BY \"id\" DESC"
                        " LIMIT 1"),
                    VALS(V(k->name))));
                TRY(job_enqueue(c,
                    &(struct job_order) { .kind = k->name, .key = k->name,
                        .due = found ? last + periods[i].micros : c->now },
                    &id));
            }
        }
    }
    return OK;
}

static void plan(struct org *o)
{
    struct arena *mem = arena_create(0);
    struct call c;

    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    (void)!call_write(&c, plan_periodic, NULL);
    arena_destroy(mem);
}

/* ---- threads ---- */

struct consuming {
    struct workers *workers;
    const struct consumer *consumer;
};

struct workers {
    struct org *org;
    pthread_t *threads;
    int n;
    struct consuming *consumers;
    int nconsumers;
    pthread_mutex_t lock;
    pthread_cond_t cond, jobs_cond;
    bool stop;
    uint64_t signals;   /* commits: for the consumers */
    uint64_t job_signals, queued; /* commits that ordered a job: for the others */
    void (*others)(void *arg); /* who waited for commits before: they are woken too */
    void *others_arg;
};

static void wake(void *arg)
{
    struct workers *w = arg;

    uint64_t queued = __atomic_load_n(&w->org->jobs_queued, __ATOMIC_RELAXED);

    if (w->others) {
        w->others(w->others_arg);
    }
    pthread_mutex_lock(&w->lock);
    w->signals++;
    pthread_cond_broadcast(&w->cond);
    if (queued != w->queued) {
        w->queued = queued;
        w->job_signals++;
        pthread_cond_broadcast(&w->jobs_cond);
    }
    pthread_mutex_unlock(&w->lock);
}

static void rest(struct workers *w, struct look *look, uint64_t *signals, pthread_cond_t *cond,
    uint64_t seen)
{
    struct timespec until;
    int64_t at = time_now() + (look->at - time_monotonic());

    until.tv_sec = at / 1000000;
    until.tv_nsec = at % 1000000 * 1000;
    pthread_mutex_lock(&w->lock);
    while (!w->stop && *signals == seen && pthread_cond_timedwait(cond, &w->lock, &until) == 0) {
    }
    bool woken = *signals != seen;
    pthread_mutex_unlock(&w->lock);
    if (woken) {
        look_woken(look, w->org);
    } else {
        look_idle(look, w->org);
    }
}

/* What was left undone when the last process ended may be much: who has just started answers first. */
static void settle_in(struct workers *w, struct look *look, uint64_t *signals, pthread_cond_t *cond)
{
    look->gap = SETTLE_MICROS;
    look->at = time_monotonic() + SETTLE_MICROS;
    rest(w, look, signals, cond, 0);
}

bool workers_write_much(const struct org *o)
{
    return time_monotonic() - __atomic_load_n(&o->worked, __ATOMIC_RELAXED) < WORKED_MICROS;
}

/* Whoever fills the feed, an import, gets the greater part of the writer: what a consumer took of it, it leaves
 * alone many times as long, or until that has ended. */
static void yield(struct workers *w, int64_t took)
{
    int64_t end = time_monotonic() + took * YIELD;
    bool stop = false;

    while (!stop && workers_write_much(w->org) && time_monotonic() < end) {
        usleep(GATHER_MICROS);
        pthread_mutex_lock(&w->lock);
        stop = w->stop;
        pthread_mutex_unlock(&w->lock);
    }
}

/* A thread for each consumer: while one reads records another writes. */
static void *consume_loop(void *arg)
{
    struct consuming *one = arg;
    struct workers *w = one->workers;
    struct look look;
    bool stop = false;

    settle_in(w, &look, &w->signals, &w->cond);
    while (!stop) {
        struct err e = { 0 };
        bool more = false;
        pthread_mutex_lock(&w->lock);
        uint64_t seen = w->signals;
        pthread_mutex_unlock(&w->lock);
        int64_t began = time_monotonic();
        (void)!consumer_run(w->org, one->consumer, &more, &e);
        if (more) {
            yield(w, time_monotonic() - began);
        } else {
            rest(w, &look, &w->signals, &w->cond, seen);
            /* what comes together is taken together: one transaction for many commits */
            usleep(GATHER_MICROS);
        }
        pthread_mutex_lock(&w->lock);
        stop = w->stop;
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

static void *job_loop(void *arg)
{
    struct workers *w = arg;
    struct look look;
    bool stop = false;
    int64_t planned = 0;

    settle_in(w, &look, &w->job_signals, &w->jobs_cond);
    while (!stop) {
        pthread_mutex_lock(&w->lock);
        uint64_t seen = w->job_signals;
        pthread_mutex_unlock(&w->lock);
        if (org_now(w->org) - planned > MINUTES(1)) {
            plan(w->org);
            planned = org_now(w->org);
        }
        if (!run_one(w->org)) {
            rest(w, &look, &w->job_signals, &w->jobs_cond, seen);
        }
        pthread_mutex_lock(&w->lock);
        stop = w->stop;
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

/* A SQLite file has one process: what counts as running when that starts was running when another died. On
 * PostgreSQL another server may be at it, and the lease tells. */
static enum err_code take_over(struct call *c, void *arg)
{
    (void)arg;
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"lease\" = 0 WHERE \"state\" = 'running'"), VALS());
}

static void take_over_all(struct org *o)
{
    struct arena *mem = arena_create(0);
    struct call c;

    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    if (o->writer) {
        (void)!call_write(&c, take_over, NULL);
    }
    arena_destroy(mem);
}

static void list_consumers(struct workers *w)
{
    int n = 0;

    for (const struct module *const *m = w->org->modules; *m; m++) {
        for (const struct consumer *k = (*m)->consumers; k && k->name; k++) {
            n++;
        }
    }
    w->consumers = ARENA_ARRAY(w->org->mem, struct consuming, n + 1);
    for (const struct module *const *m = w->org->modules; *m; m++) {
        for (const struct consumer *k = (*m)->consumers; k && k->name; k++) {
            w->consumers[w->nconsumers++] = (struct consuming) { w, k };
        }
    }
}

enum err_code workers_start(struct org *o, int threads, struct workers **out, struct err *e)
{
    struct workers *w = ARENA_NEW(o->mem, struct workers);

    w->org = o;
    list_consumers(w);
    threads += w->nconsumers;
    w->threads = ARENA_ARRAY(o->mem, pthread_t, threads + 1);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->cond, NULL);
    pthread_cond_init(&w->jobs_cond, NULL);
    w->others = o->wake;
    w->others_arg = o->wake_arg;
    o->wake_arg = w;
    o->wake = wake;
    take_over_all(o);
    for (int i = 0; i < threads; i++) {
        bool consumes = i < w->nconsumers;
        if (pthread_create(&w->threads[i], NULL, consumes ? consume_loop : job_loop,
                consumes ? (void *)&w->consumers[i] : w) != 0) {
            workers_stop(w);
            return err_set(e, ERR_INTERNAL, NULL, "cannot start a thread");
        }
        w->n++;
    }
    *out = w;
    return OK;
}

void workers_stop(struct workers *w)
{
    if (!w) {
        return;
    }
    __atomic_store_n(&w->org->stopping, true, __ATOMIC_RELAXED);
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->cond);
    pthread_cond_broadcast(&w->jobs_cond);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->n; i++) {
        pthread_join(w->threads[i], NULL);
    }
    w->org->wake = w->others;
    w->org->wake_arg = w->others_arg;
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->cond);
    pthread_cond_destroy(&w->jobs_cond);
}

enum err_code workers_drain(struct org *o, struct err *e)
{
    bool more = true;

    while (more) {
        TRY(consumers_run(o, &more, e));
        while (run_one(o)) {
            more = true;
        }
    }
    return OK;
}
