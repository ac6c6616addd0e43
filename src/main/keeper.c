/* keeper.c - checkpoints have a thread and a connection of their own, so that no commit waits for one.
 * While the log grows as fast as it is copied it would never begin anew: once it is long and the most of it is
 * copied, the writer stops for the rest.
 * A minute's marks of use (sessions, tokens, users) go in one write. A full disk is tried again. */

#include "main/keeper.h"

#include "base/log.h"
#include "base/thread.h"
#include "model/auth.h"
#include "model/backup.h"
#include "model/job.h"

#include <sys/statvfs.h>

enum { CHECKPOINT_MILLIS = 250, WAL_LONG = 10000, FREE_LEAST = 64 << 20 };

struct keeper {
    struct org *org;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool started, stop;
    struct conn *db;
    int64_t next_marks, next_backup;
};

static bool wait_stopped(struct keeper *k)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += CHECKPOINT_MILLIS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&k->lock);
    while (!k->stop && pthread_cond_timedwait(&k->cond, &k->lock, &until) == 0) {
    }
    bool stop = k->stop;
    pthread_mutex_unlock(&k->lock);
    return stop;
}

static void checkpoint(struct keeper *k)
{
    struct err e = { 0 };
    int64_t pages = 0;
    enum err_code code = conn_checkpoint(k->db, &pages, &e);

    if (code == OK && pages > WAL_LONG) {
        code = conn_checkpoint(k->db, &pages, &e); /* what came meanwhile */
    }
    if (code == OK && pages > WAL_LONG) {
        writer_pause(k->org->writer);
        code = conn_checkpoint_whole(k->db, NULL, &e);
        writer_resume(k->org->writer);
    }
    if (code != OK && e.code != ERR_BUSY) {
        log_event(LOG_WARN, NULL, "checkpoint: %s", e.msg);
    }
}

/* A copy reads one state to its end, and no page of the log can be used again before: beside an import the log
 * would grow with it. So the copy waits for the end of that, but not for ever. */
static void back_up(struct keeper *k)
{
    int64_t late = time_monotonic() - k->next_backup;
    struct err e = { 0 };

    if (late < 0 || (late < HOURS(1) && workers_write_much(k->org))) {
        return;
    }
    k->next_backup = time_monotonic() + MINUTES(5);
    if (backup_by_schedule(k->org, &e) != OK) {
        log_event(LOG_ERROR, NULL, "backup: %s", e.msg);
    }
}

static void *checkpoints(void *arg)
{
    struct keeper *k = arg;
    struct writer_stats s = { 0 };
    uint64_t seen = 0;

    k->next_backup = time_monotonic() + MINUTES(2);
    while (!wait_stopped(k)) {
        back_up(k);
        writer_stats(k->org->writer, &s);
        if (s.batches != seen) {
            seen = s.batches;
            checkpoint(k);
        }
    }
    checkpoint(k);
    return NULL;
}

enum err_code keeper_start(struct org *org, struct keeper **out, struct err *e)
{
    struct keeper *k = ARENA_NEW(org->mem, struct keeper);

    k->org = org;
    k->next_marks = time_monotonic() + MINUTES(1);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->cond, NULL);
    if (org->writer) {
        TRY(conn_open(&org->db, CONN_WRITE, &k->db, e));
        k->started = thread_start(&k->thread, "kith-checkpoint", checkpoints, k);
    }
    *out = k;
    return OK;
}

static enum err_code marks(struct call *c, void *arg)
{
    (void)arg;
    return auth_write_marks(c);
}

static void write_marks(struct keeper *k)
{
    struct arena *mem = arena_create(0);
    struct call c;

    call_init(&c, k->org, mem, user_system(), VIA_SYSTEM);
    if (call_write(&c, marks, NULL) != OK) {
        log_event(LOG_WARN, NULL, "marks of use: %s", c.err.msg);
    }
    arena_destroy(mem);
}

/* Reading goes on when the disk is full; writing does once there is room. */
static void look_at_disk(struct keeper *k)
{
    struct statvfs v;

    if (k->org->read_only && statvfs(k->org->cfg->dir, &v) == 0
        && (uint64_t)v.f_bavail * v.f_frsize > FREE_LEAST) {
        k->org->read_only = false;
        log_event(LOG_INFO, NULL, "there is room on the disk again");
    }
}

void keeper_tick(struct keeper *k)
{
    if (!k) {
        return;
    }
    look_at_disk(k);
    if (time_monotonic() >= k->next_marks) {
        k->next_marks = time_monotonic() + MINUTES(1);
        if (auth_has_marks(k->org)) {
            write_marks(k);
        }
    }
}

void keeper_stop(struct keeper *k)
{
    if (!k) {
        return;
    }
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->cond);
    pthread_mutex_unlock(&k->lock);
    if (k->started) {
        pthread_join(k->thread, NULL);
    }
    conn_close(k->db);
    pthread_cond_destroy(&k->cond);
    pthread_mutex_destroy(&k->lock);
}
