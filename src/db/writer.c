/* writer.c - many calls in one commit.
 *
 * The thread takes calls off a queue, runs each in a savepoint of one transaction, commits, and
 * only then answers. A call that failed waits for the commit too: its failure may rest on what
 * others of the batch wrote and the disk never saw. When the transaction is lost, by an error that
 * takes it along or by a failed commit, each call of the batch runs again in a transaction of its
 * own, so that one call harms no other. */

#include "db/writer.h"

#include "base/time.h"
#include "db/kept.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { BATCH_MAX = 256, BATCH_MICROS = 5000 };

struct writer {
    struct conn *db;
    void (*between)(void *);
    void *arg;
    unsigned queue_max;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct write_call *head, **tail;
    struct writer_stats stats;
    bool stopping;
};

#ifdef KITH_TESTING
static _Atomic bool no_recovery;

void writer_without_recovery(bool on)
{
    no_recovery = on;
}
#else
static const bool no_recovery = false;
#endif

/* The next call in wait; wait: until there is one or the writer stops. */
static struct write_call *take(struct writer *w, bool wait)
{
    struct write_call *call;

    pthread_mutex_lock(&w->lock);
    while (!w->head && wait && !w->stopping) {
        pthread_cond_wait(&w->wake, &w->lock);
    }
    call = w->head;
    if (call) {
        w->head = call->next;
        w->tail = w->head ? w->tail : &w->head;
        w->stats.waiting--;
        call->next = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    return call;
}

/* Whether the transaction still stands after it; call->code says how the call went. */
static bool run_in_batch(struct writer *w, struct write_call *call)
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
    call->code = conn_begin(w->db, TX_WRITE, &e);
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

static void count(struct writer *w, unsigned calls, unsigned retried)
{
    pthread_mutex_lock(&w->lock);
    w->stats.calls += calls;
    w->stats.retried += retried;
    pthread_mutex_unlock(&w->lock);
}

static void run_batch(struct writer *w, struct write_call *first)
{
    struct write_call *calls = NULL, **last = &calls, *call = first;
    int64_t from = time_monotonic();
    unsigned n = 0;
    bool stands = true;
    struct err e = { 0 };
    enum err_code code = conn_begin(w->db, TX_WRITE, &e);

    if (code != OK) {
        count(w, 1, 0);
        first->done(first, code, &e);
        return;
    }
    while (call) {
        *last = call;
        last = &call->next;
        n++;
        stands = run_in_batch(w, call);
        bool full = n == BATCH_MAX || call->ends_batch || time_monotonic() - from > BATCH_MICROS;
        call = stands && !full ? take(w, false) : NULL;
    }
    stands = stands && commit(w, &e) == OK;
    if (!stands) {
        conn_rollback(w->db);
    }
    count(w, n, stands ? 0 : n);
    while (calls) {
        call = calls;
        calls = call->next; /* done() may free it */
        call->next = NULL;
        if (stands || no_recovery) {
            call->done(call, call->code, NULL);
        } else {
            run_alone(w, call);
        }
    }
}

static void *work(void *arg)
{
    struct writer *w = arg;

    for (struct write_call *call; (call = take(w, true));) {
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
    if (pthread_create(&w->thread, NULL, work, w) != 0) {
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
    struct waiting wait = { .call = { .run = run_for, .done = done_for }, .user = call, .e = e };

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

void writer_stop(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    conn_close(w->db);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
