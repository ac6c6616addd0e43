/* message_make.c - the thread that makes mails, while the job's thread turns the connections.
 *
 * It is given so many of a page at a time, since a mail that lies ready grows old, and is as large as its author likes.
 * Mails go one way: whatever lies before `made` has been handed to the job's thread, and the maker only reads it. What both
 * need besides (batches, layouts, the arena of a page) is changed by the job's thread alone, and while the maker rests. */

#include "domain/message/message_sending.h"

#include "base/thread.h"
#include "model/org.h"

#include <pthread.h>
#include <unistd.h>

enum { AHEAD = 64, ROOM = 512 << 10 };

struct maker {
    struct sending *s;
    struct slice slice;
    struct arena *mem;
    pthread_t thread;
    bool started;
    bool hungry; /* atomic: the job's thread has none left */
    bool rest;   /* atomic */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* under the lock */
    bool given, over;
    enum err_code code;
    struct err err;
};

/* ---- the thread ---- */

static void ring(struct maker *k)
{
    uint64_t one = 1;

    (void)!write(k->s->bell, &one, sizeof one);
}

static void told(void *arg)
{
    struct maker *k = arg;

    if (__atomic_exchange_n(&k->hungry, false, __ATOMIC_SEQ_CST)) {
        ring(k);
    }
}

static enum err_code make(struct maker *k, struct err *e)
{
    struct call c;

    call_init(&c, k->s->w->org, k->mem, user_system(), VIA_JOB);
    enum err_code code = job_work_look(k->s->w, &c, sending_make_slice, &k->slice);
    if (code != OK) {
        *e = c.err;
    }
    arena_reset(k->mem);
    return code;
}

static void *work(void *arg)
{
    struct maker *k = arg;
    struct err e = { 0 };

    pthread_mutex_lock(&k->lock);
    for (;;) {
        while (!k->given && !k->over) {
            pthread_cond_wait(&k->moved, &k->lock);
        }
        if (k->over) {
            break;
        }
        pthread_mutex_unlock(&k->lock);
        enum err_code code = make(k, &e);
        pthread_mutex_lock(&k->lock);
        k->code = code;
        k->err = e;
        __atomic_store_n(&k->given, false, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&k->moved);
        pthread_mutex_unlock(&k->lock);
        ring(k); /* whoever hears it takes the lock */
        pthread_mutex_lock(&k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

static void maker_close(void *arg)
{
    struct maker *k = arg;

    if (k->started) {
        __atomic_store_n(&k->rest, true, __ATOMIC_RELAXED);
        pthread_mutex_lock(&k->lock);
        k->over = true;
        pthread_cond_broadcast(&k->moved);
        pthread_mutex_unlock(&k->lock);
        pthread_join(k->thread, NULL);
    }
    pthread_cond_destroy(&k->moved);
    pthread_mutex_destroy(&k->lock);
    arena_destroy(k->mem);
}

enum err_code maker_open(struct sending *s)
{
    struct maker *k = ARENA_NEW(s->w->mem, struct maker);

    k->s = s;
    k->mem = arena_create((size_t)s->w->org->cfg->arena_max * 4);
    arena_alloc(k->mem, ROOM); /* one block, kept: mails are made without asking the system for memory */
    arena_reset(k->mem);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->moved, NULL);
    arena_defer(s->w->mem, maker_close, k);
    k->started = thread_start(&k->thread, "kith-mails", work, k);
    s->maker = k;
    return k->started ? OK : err_set(&s->w->err, ERR_INTERNAL, NULL, "cannot start a thread");
}

/* ---- from the job's thread ---- */

size_t page_made(struct sending *s)
{
    size_t made = __atomic_load_n(&s->page->made, __ATOMIC_ACQUIRE);

    if (made == s->page->at && made < s->page->n) {
        __atomic_store_n(&s->maker->hungry, true, __ATOMIC_SEQ_CST);
        made = __atomic_load_n(&s->page->made, __ATOMIC_SEQ_CST);
    }
    return made;
}

/* What became of the last slice, once the maker rests. */
static enum err_code take_end(struct sending *s)
{
    struct maker *k = s->maker;
    struct page *p = k->slice.page;

    if (k->code != OK) {
        (void)!round_take(s, true); /* the thread that writes has the same place for an error */
        s->w->err = k->err;
        return k->code;
    }
    if (k->slice.stale) {
        k->slice.stale = false;
        sending_give_back(p, p->made);
        p->n = p->made;
        s->looked_at = 0;
    }
    return OK;
}

enum err_code maker_go(struct sending *s)
{
    struct maker *k = s->maker;
    struct page *p = s->page;

    if (__atomic_load_n(&k->given, __ATOMIC_ACQUIRE)) {
        return OK;
    }
    TRY(take_end(s));
    size_t ready = p->made - p->at;
    if (p->made == p->n || ready >= 2 * (size_t)s->server.smtp.connections) {
        return OK;
    }
    size_t end = p->made + AHEAD < p->n ? p->made + AHEAD : p->n;
    k->slice = (struct slice) { .s = s, .page = p, .end = end, .rest = &k->rest, .told = told, .owner = k };
    pthread_mutex_lock(&k->lock);
    k->given = true;
    pthread_cond_broadcast(&k->moved);
    pthread_mutex_unlock(&k->lock);
    return OK;
}

void maker_rest(struct sending *s)
{
    struct maker *k = s->maker;

    __atomic_store_n(&k->rest, true, __ATOMIC_RELAXED);
    pthread_mutex_lock(&k->lock);
    while (k->given) {
        pthread_cond_wait(&k->moved, &k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    __atomic_store_n(&k->rest, false, __ATOMIC_RELAXED);
}
