/* notify.c - one thread with a connection of its own, which listens and tells.
 *
 * Commits only raise a flag. The thread turns all of them into one NOTIFY, at most one in 20 ms and outside
 * of their transactions: a transaction that notifies takes a lock of the whole cluster while it commits.
 * What was heard of another is not told on. */

#include "model/notify.h"

#include "base/log.h"
#include "base/thread.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { APART_MICROS = 20000, AGAIN_MICROS = 1000000, PING_SECONDS = 30, SOON_MICROS = 25000 };

struct notify {
    struct org *org;
    struct conn *db;
    int bell; /* an eventfd: commits of this server, and the end */
    pthread_t thread;
    bool started;
    _Atomic bool stop, rung;
    uint64_t queued; /* org->jobs_queued as last told */
    _Atomic int64_t sent, heard;
    _Atomic uint64_t touched; /* by commits of this server, not told yet */
    bool came, jobs; /* what was heard in this turn */
    uint64_t heard_of;
    void (*others)(void *arg, uint64_t touched, bool here);
    void *others_arg;
};

void look_woken(struct look *l, const struct org *org)
{
    bool shared = org->db.backend == DB_POSTGRES;

    l->gap = shared ? SOON_MICROS : org->cfg->idle_look;
    l->at = time_monotonic() + l->gap;
}

void look_idle(struct look *l, const struct org *org)
{
    int64_t most = org->cfg->idle_look;

    l->gap = l->gap > most / 2 || !l->gap ? most : l->gap * 2;
    l->at = time_monotonic() + l->gap;
}

void look_seldom(struct look *l, const struct org *org)
{
    l->gap = org->cfg->idle_look;
    l->at = time_monotonic() + l->gap;
}

static void ring(struct notify *n)
{
    uint64_t one = 1;

    if (!atomic_exchange(&n->rung, true)) {
        (void)!write(n->bell, &one, sizeof one);
    }
}

static void wake(void *arg, uint64_t touched, bool here)
{
    struct notify *n = arg;

    if (n->others) {
        n->others(n->others_arg, touched, here);
    }
    if (here) {
        atomic_fetch_or(&n->touched, touched);
        ring(n);
    }
}

static void hear(void *arg, struct str text)
{
    struct notify *n = arg;

    struct str word;
    int64_t touched;

    (void)str_split(&text, ' ', &word);
    n->came = true;
    n->jobs = n->jobs || str_is(word, "jobs");
    n->heard_of |= str_to_int(text, &touched) ? (uint64_t)touched : UINT64_MAX;
    atomic_fetch_add(&n->heard, 1);
}

/* Something may have come while nobody listened. */
static enum err_code connect_again(struct notify *n, struct err *e)
{
    conn_close(n->db);
    n->db = NULL;
    TRY(conn_open(&n->org->db, CONN_WRITE, &n->db, e));
    TRY(conn_listen(n->db, n->org->db.schema, e));
    n->came = n->jobs = true;
    n->heard_of = UINT64_MAX;
    return OK;
}

static enum err_code tell(struct notify *n, struct err *e)
{
    uint64_t queued = __atomic_load_n(&n->org->jobs_queued, __ATOMIC_RELAXED);
    char text[40];

    /* what is committed from here on rings again */
    atomic_store(&n->rung, false);
    uint64_t touched = atomic_exchange(&n->touched, 0);
    snprintf(text, sizeof text, "%s %" PRIu64, queued != n->queued ? "jobs" : "feed", touched);
    enum err_code code = conn_notify(n->db, n->org->db.schema, text, e);
    if (code != OK) {
        atomic_fetch_or(&n->touched, touched);
        return code;
    }
    n->queued = queued;
    atomic_fetch_add(&n->sent, 1);
    return OK;
}

static void pass_on(struct notify *n)
{
    if (n->jobs) {
        __atomic_add_fetch(&n->org->jobs_queued, 1, __ATOMIC_RELAXED);
        n->queued++; /* not ours to tell */
    }
    if (n->came && n->org->wake) {
        n->org->wake(n->org->wake_arg, n->heard_of, false);
    }
    n->came = n->jobs = false;
    n->heard_of = 0;
}

static enum err_code turn(struct notify *n, int64_t *told, struct err *e)
{
    uint64_t count;

    TRY(conn_wait(n->db, n->bell, SECONDS(PING_SECONDS), hear, n, e));
    (void)!read(n->bell, &count, sizeof count);
    pass_on(n);
    if (!atomic_load(&n->rung)) {
        return OK;
    }
    int64_t wait = *told + APART_MICROS - time_monotonic();
    if (wait > 0) {
        usleep((useconds_t)wait);
    }
    *told = time_monotonic();
    return tell(n, e);
}

static void *run(void *arg)
{
    struct notify *n = arg;
    int64_t told = 0;
    bool lost = false;

    while (!atomic_load(&n->stop)) {
        struct err e = { 0 };
        enum err_code code = n->db ? turn(n, &told, &e) : connect_again(n, &e);
        if (code == OK) {
            lost = false;
            continue;
        }
        if (!lost) {
            log_event(LOG_WARN, NULL, "other servers are not heard; looking instead: %s", e.msg);
        }
        lost = true;
        conn_close(n->db);
        n->db = NULL;
        ring(n); /* what could not be told is told later */
        usleep(AGAIN_MICROS);
    }
    return NULL;
}

enum err_code notify_start(struct org *org, struct notify **out, struct err *e)
{
    if (org->db.backend != DB_POSTGRES) {
        *out = NULL;
        return OK;
    }
    struct notify *n = ARENA_NEW(org->mem, struct notify);

    n->org = org;
    n->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    n->others = org->wake;
    n->others_arg = org->wake_arg;
    n->started = n->bell >= 0 && thread_start(&n->thread, "kith-notify", run, n);
    if (!n->started) {
        return err_set(e, ERR_INTERNAL, NULL, "the thread that hears other servers does not start");
    }
    org->notify = n;
    org->wake_arg = n;
    org->wake = wake;
    *out = n;
    return OK;
}

void notify_stop(struct notify *n)
{
    uint64_t one = 1;

    if (!n || !n->started) {
        return;
    }
    atomic_store(&n->stop, true);
    (void)!write(n->bell, &one, sizeof one);
    pthread_join(n->thread, NULL);
    n->started = false;
    conn_close(n->db);
    n->db = NULL;
}

void notify_destroy(struct notify *n)
{
    if (!n) {
        return;
    }
    n->org->wake = n->others;
    n->org->wake_arg = n->others_arg;
    n->org->notify = NULL;
    close(n->bell);
}

struct notify_stats notify_stats(const struct org *org)
{
    return org->notify ? (struct notify_stats) { org->notify->sent, org->notify->heard }
                       : (struct notify_stats) { 0 };
}
