/* writer.c - many calls in one commit.
 *
 * The thread takes calls off a queue, runs them in one transaction, commits, and only then answers. A
 * call that failed waits for the commit too: its failure may rest on what others of the batch wrote and
 * the disk never saw. When the transaction is lost, by an error that takes it along or by a failed
 * commit, each call of the batch runs again in a transaction of its own, so that one call harms no other.
 *
 * A savepoint makes SQLite copy every page that a call touches, which costs more than the writing. Most
 * calls that fail do so before they write, and need none. So a batch begins without them; when a call
 * fails behind its first write, the batch is rolled back and run again with one for each call, and so
 * are the next batches, since such calls seldom come alone.
 *
 * A call that lags, a step of an import, takes long and nobody waits for its rows: it has a commit of its own,
 * which does not wait for the disk, and no call that somebody waits for has to wait for it in one batch. */

#include "db/writer.h"

#include "base/thread.h"
#include "base/time.h"
#include "db/kept.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { BATCH_MAX = 256, BATCH_MICROS = 5000, BATCHES_APART = 20 };

struct writer {
    struct conn *db;
    void (*between)(void *);
    void *arg;
    unsigned queue_max;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    struct write_call *head, **tail;
    struct writer_stats stats;
    unsigned apart; /* so many batches more run each call in a savepoint */
    bool stopping, busy, paused;
};

#ifdef KITH_TESTING
static _Atomic bool no_recovery, twice_each;

void writer_without_recovery(bool on)
{
    no_recovery = on;
}

void writer_twice_each(bool on)
{
    twice_each = on;
}
#else
static const bool no_recovery = false, twice_each = false;
#endif

static struct write_call *take_head(struct writer *w)
{
    struct write_call *call = w->head;

    w->head = call->next;
    w->tail = w->head ? w->tail : &w->head;
    w->stats.waiting--;
    call->next = NULL;
    return call;
}

/* The first of a batch; NULL: the writer stops. */
static struct write_call *take_first(struct writer *w)
{
    struct write_call *call;

    pthread_mutex_lock(&w->lock);
    w->busy = false;
    pthread_cond_signal(&w->idle);
    while ((!w->head || w->paused) && !w->stopping) {
        pthread_cond_wait(&w->wake, &w->lock);
    }
    call = w->head ? take_head(w) : NULL;
    w->busy = true;
    pthread_mutex_unlock(&w->lock);
    return call;
}

/* The next of a batch, if one waits that may share its commit. */
static struct write_call *take_next(struct writer *w, bool lags)
{
    struct write_call *call;

    pthread_mutex_lock(&w->lock);
    call = w->head && w->head->lags == lags ? take_head(w) : NULL;
    pthread_mutex_unlock(&w->lock);
    return call;
}

/* Whether the batch may go on after it; if not, it left something behind or the transaction is gone. */
static bool run_together(struct writer *w, struct write_call *call)
{
    uint64_t writes = conn_writes(w->db);
    int depth = conn_depth(w->db);

    call->ends_batch = false;
    call->code = call->run(call, w->db);
    if (!conn_in_tx(w->db)) {
        return false;
    }
    if (call->code == OK) {
        assert(conn_depth(w->db) == depth);
        return true;
    }
    conn_undo_to(w->db, depth);
    return conn_in_tx(w->db) && conn_writes(w->db) == writes;
}

/* Whether the transaction still stands after it; call->code says how the call went. */
static bool run_apart(struct writer *w, struct write_call *call)
{
    struct err e = { 0 };
    int depth = conn_depth(w->db);

    call->ends_batch = false;
    call->code = conn_savepoint(w->db, &e);
    if (call->code != OK) {
        return false;
    }
    call->code = call->run(call, w->db);
    if (!conn_in_tx(w->db)) {
        return false;
    }
    if (call->code == OK) {
        assert(conn_depth(w->db) == depth + 1);
        return conn_release(w->db, &e) == OK;
    }
    conn_undo_to(w->db, depth);
    return conn_in_tx(w->db);
}

static enum err_code commit(struct writer *w, struct err *e)
{
    int64_t from = time_monotonic();
    enum err_code code = conn_commit(w->db, e);

    pthread_mutex_lock(&w->lock);
    w->stats.commit_micros += (uint64_t)(time_monotonic() - from);
    w->stats.batches++;
    pthread_mutex_unlock(&w->lock);
    if (code != OK) {
        conn_rollback(w->db);
    } else if (w->between) {
        w->between(w->arg);
    }
    return code;
}

static void run_alone(struct writer *w, struct write_call *call)
{
    struct err e = { 0 }, *at = NULL;

    call->next = NULL;
    call->code = conn_begin(w->db, call->lags ? TX_LAG : TX_WRITE, &e);
    if (call->code != OK) {
        call->done(call, call->code, &e);
        return;
    }
    call->code = call->run(call, w->db);
    if (call->code == OK && !conn_in_tx(w->db)) {
        call->code = err_set(&e, ERR_INTERNAL, NULL, "the transaction was lost unnoticed");
        at = &e;
    }
    if (call->code != OK) {
        conn_rollback(w->db);
    } else {
        call->code = commit(w, &e);
        at = call->code != OK ? &e : NULL;
    }
    call->done(call, call->code, at);
}

static void count(struct writer *w, const struct write_call *calls, bool stands, bool apart)
{
    pthread_mutex_lock(&w->lock);
    for (; calls; calls = calls->next) {
        w->stats.calls++;
        w->stats.retried += !stands;
        w->stats.urgent -= !calls->patient;
    }
    w->stats.apart += apart;
    pthread_mutex_unlock(&w->lock);
}

/* Runs calls, and takes more from the queue when fresh. False: not to be committed. */
static bool run_calls(struct writer *w, struct write_call *calls, bool apart, bool fresh)
{
    struct write_call **last = &calls->next, *call = calls;
    int64_t from = time_monotonic();
    struct err e = { 0 };

    if (conn_begin(w->db, calls->lags ? TX_LAG : TX_WRITE, &e) != OK) {
        return false;
    }
    for (unsigned n = 1;; n++) {
        if (!(apart ? run_apart(w, call) : run_together(w, call))) {
            return false;
        }
        bool full = n == BATCH_MAX || time_monotonic() - from > BATCH_MICROS;
        if (fresh && !call->ends_batch && !full) {
            *last = take_next(w, call->lags);
            last = *last ? &(*last)->next : last;
        }
        if (!call->next || call->ends_batch) {
            return !call->next; /* those behind it would have to begin after its commit */
        }
        call = call->next;
    }
}

static void answer(struct writer *w, struct write_call *calls, bool stands)
{
    while (calls) {
        struct write_call *call = calls;
        calls = call->next; /* done() may free it */
        call->next = NULL;
        if (stands || no_recovery) {
            call->done(call, call->code, NULL);
        } else {
            run_alone(w, call);
        }
    }
}

static void run_batch(struct writer *w, struct write_call *first)
{
    bool apart = w->apart > 0, twice = false;
    struct err e = { 0 };
    bool stands = run_calls(w, first, apart, true);

    w->apart -= apart;
    if (!stands && !apart && conn_in_tx(w->db)) {
        twice = true;
        conn_rollback(w->db);
        w->apart = BATCHES_APART;
        stands = run_calls(w, first, true, false);
    }
    stands = stands && !twice_each && commit(w, &e) == OK;
    if (!stands) {
        conn_rollback(w->db);
    }
    count(w, first, stands, twice);
    answer(w, first, stands);
}

static void *work(void *arg)
{
    struct writer *w = arg;

    for (struct write_call *call; (call = take_first(w));) {
        run_batch(w, call);
    }
    return NULL;
}

enum err_code writer_start(struct conn *db, unsigned queue_max, void (*between)(void *), void *arg,
    struct writer **out, struct err *e)
{
    struct writer *w = db_alloc(sizeof *w);

    w->db = db;
    w->queue_max = queue_max;
    w->between = between;
    w->arg = arg;
    w->tail = &w->head;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    pthread_cond_init(&w->idle, NULL);
    if (!thread_start(&w->thread, "kith-writer", work, w)) {
        free(w);
        return err_set(e, ERR_BUSY, NULL, "the writer thread could not be started");
    }
    *out = w;
    return OK;
}

enum err_code writer_submit(struct writer *w, struct write_call *call)
{
    enum err_code code = ERR_BUSY;

    pthread_mutex_lock(&w->lock);
    if (!w->stopping && w->stats.waiting < w->queue_max) {
        call->next = NULL;
        *w->tail = call;
        w->tail = &call->next;
        w->stats.waiting++;
        w->stats.urgent += !call->patient;
        pthread_cond_signal(&w->wake);
        code = OK;
    }
    pthread_mutex_unlock(&w->lock);
    return code;
}

struct waiting {
    struct write_call call;
    struct write_call *user;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool ended;
    struct err *e;
};

static enum err_code run_for(struct write_call *call, struct conn *db)
{
    struct write_call *user = ((struct waiting *)call)->user;

    return user->run(user, db);
}

static void done_for(struct write_call *call, enum err_code code, const struct err *e)
{
    struct waiting *wait = (struct waiting *)call;

    wait->user->code = code;
    if (e) {
        *wait->e = *e;
    }
    if (wait->user->done) {
        wait->user->done(wait->user, code, e);
    }
    pthread_mutex_lock(&wait->lock);
    wait->ended = true;
    pthread_cond_signal(&wait->over);
    pthread_mutex_unlock(&wait->lock);
}

enum err_code writer_run(struct writer *w, struct write_call *call, struct err *e)
{
    struct waiting wait = { .call = { .run = run_for, .done = done_for, .patient = call->patient, .lags = call->lags },
        .user = call, .e = e };

    assert(!pthread_equal(pthread_self(), w->thread)); /* it would wait for itself */
    pthread_mutex_init(&wait.lock, NULL);
    pthread_cond_init(&wait.over, NULL);
    enum err_code code = writer_submit(w, &wait.call);
    if (code != OK) {
        err_set(e, code, NULL, "too many writing calls are waiting");
    } else {
        pthread_mutex_lock(&wait.lock);
        while (!wait.ended) {
            pthread_cond_wait(&wait.over, &wait.lock);
        }
        pthread_mutex_unlock(&wait.lock);
        code = call->code;
    }
    pthread_cond_destroy(&wait.over);
    pthread_mutex_destroy(&wait.lock);
    return code;
}

void writer_stats(struct writer *w, struct writer_stats *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    pthread_mutex_unlock(&w->lock);
}

void writer_pause(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->paused = true;
    w->stats.urgent++; /* what is at work comes to its end */
    while (w->busy) {
        pthread_cond_wait(&w->idle, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

void writer_resume(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->paused = false;
    w->stats.urgent--;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

void writer_stop(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    conn_close(w->db);
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->idle);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
