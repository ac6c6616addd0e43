/* workers.c - the threads that run jobs and consumers of the feed, what orders the periodic jobs, and when who waits is
 * woken. */

#include "model/job_steps.h"

#include "base/thread.h"
#include "model/change.h"
#include "model/notify.h"
#include "model/org.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum {
    GATHER_MICROS = 20000, /* what is committed together is taken together */
    APART_MICROS = 60000,  /* the goes of one consumer on PostgreSQL, each a dozen journeys to another process */
    YIELD = 50,
    WORKED_MICROS = 1500000,
    SETTLE_MICROS = 500000,
    LEAVE_MICROS = 200000, /* to the server that committed, before another looks whether it consumed */
};

static const struct {
    const char *word;
    int64_t micros;
} periods[] = { { "minutely", MINUTES(1) }, { "hourly", HOURS(1) }, { "daily", DAYS(1) },
    { "monthly", DAYS(30) } };

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
    uint64_t signals;   /* commits here that it follows */
    uint64_t elsewhere; /* commits of other servers, which consume them themselves */
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
    uint64_t job_signals, queued; /* commits that ordered a job: for the others */
    void (*others)(void *arg, uint64_t touched, bool here); /* who waited for commits before: they are woken too */
    void *others_arg;
};

static void wake(void *arg, uint64_t touched, bool here)
{
    struct workers *w = arg;

    uint64_t queued = __atomic_load_n(&w->org->jobs_queued, __ATOMIC_RELAXED);

    if (w->others) {
        w->others(w->others_arg, touched, here);
    }
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < w->nconsumers; i++) {
        bool follows = touched >> i & 1;
        w->consumers[i].signals += follows && here;
        w->consumers[i].elsewhere += follows && !here;
    }
    if (touched) {
        pthread_cond_broadcast(&w->cond);
    }
    if (queued != w->queued) {
        w->queued = queued;
        w->job_signals++;
        pthread_cond_broadcast(&w->jobs_cond);
    }
    pthread_mutex_unlock(&w->lock);
}

/* What one thread waits for, and what it had heard when it looked last. */
struct watch {
    pthread_cond_t *cond;
    const uint64_t *signals, *elsewhere; /* elsewhere: NULL where others' commits are none of its business */
    uint64_t seen, seen_elsewhere;
    struct look look;
};

static void watch_look(struct workers *w, struct watch *t)
{
    pthread_mutex_lock(&w->lock);
    t->seen = *t->signals;
    t->seen_elsewhere = t->elsewhere ? *t->elsewhere : 0;
    pthread_mutex_unlock(&w->lock);
}

/* Until there is a signal, the look is due, or another server has had time for what it told of. */
static void rest(struct workers *w, struct watch *t)
{
    bool due = false, told = false;

    pthread_mutex_lock(&w->lock);
    while (!w->stop && *t->signals == t->seen && !due) {
        if (t->elsewhere && *t->elsewhere != t->seen_elsewhere && !told) {
            int64_t at = time_monotonic() + LEAVE_MICROS;
            t->look.at = at < t->look.at ? at : t->look.at;
            told = true;
        }
        int64_t at = time_now() + (t->look.at - time_monotonic());
        struct timespec until = { .tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000 };
        due = pthread_cond_timedwait(t->cond, &w->lock, &until) != 0;
    }
    bool woken = told || *t->signals != t->seen;
    pthread_mutex_unlock(&w->lock);
    if (woken) {
        look_woken(&t->look, w->org);
    } else {
        look_idle(&t->look, w->org);
    }
}

/* What was left undone when the last process ended may be much: who has just started answers first. */
static void settle_in(struct workers *w, struct watch *t)
{
    t->look.gap = SETTLE_MICROS;
    t->look.at = time_monotonic() + SETTLE_MICROS;
    rest(w, t);
}

bool workers_write_much(const struct org *o)
{
    return time_monotonic() - __atomic_load_n(&o->worked, __ATOMIC_RELAXED) < WORKED_MICROS;
}

bool workers_fill_feed(const struct org *o)
{
    int64_t at = __atomic_load_n(&o->filled, __ATOMIC_RELAXED);

    return at && time_monotonic() - at < WORKED_MICROS;
}

/* Whoever fills the feed, an import, gets the greater part of the writer: what a consumer took of it, it leaves
 * alone many times as long, or until that has ended. */
static void yield(struct workers *w, int64_t took)
{
    int64_t end = time_monotonic() + took * YIELD;
    bool stop = false;

    while (!stop && workers_fill_feed(w->org) && time_monotonic() < end) {
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
    struct watch watch = { .cond = &w->cond, .signals = &one->signals, .elsewhere = &one->elsewhere };
    int64_t apart = w->org->db.backend == DB_POSTGRES ? APART_MICROS : 0;
    bool stop = false;

    settle_in(w, &watch);
    while (!stop) {
        struct err e = { 0 };
        struct consumed did;
        watch_look(w, &watch);
        int64_t began = time_monotonic();
        enum err_code code = consumer_run(w->org, one->consumer, &did, &e);
        if (did.more && !one->consumer->before) {
            yield(w, time_monotonic() - began);
        } else if (!did.more) {
            if (code == OK && !did.hidden) {
                look_seldom(&watch.look, w->org);
            }
            rest(w, &watch);
            /* what comes together is taken together: one transaction for many commits */
            int64_t wait = began + apart - time_monotonic();
            usleep(wait > GATHER_MICROS ? (useconds_t)wait : GATHER_MICROS);
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
    struct watch watch = { .cond = &w->jobs_cond, .signals = &w->job_signals };
    bool stop = false;
    int64_t planned = 0;

    settle_in(w, &watch);
    while (!stop) {
        watch_look(w, &watch);
        if (org_now(w->org) - planned > MINUTES(1)) {
            plan(w->org);
            planned = org_now(w->org);
        }
        if (!job_run_one(w->org)) {
            rest(w, &watch);
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
    assert(n <= CONSUMERS_MAX);
    w->consumers = ARENA_ARRAY(w->org->mem, struct consuming, n + 1);
    for (const struct module *const *m = w->org->modules; *m; m++) {
        for (const struct consumer *k = (*m)->consumers; k && k->name; k++) {
            w->consumers[w->nconsumers++] = (struct consuming) { .workers = w, .consumer = k };
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
        if (!(consumes ? thread_start(&w->threads[i], "kith-feed", consume_loop, &w->consumers[i])
                       : thread_start(&w->threads[i], "kith-jobs", job_loop, w))) {
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
        while (job_run_one(o)) {
            more = true;
        }
    }
    return OK;
}
