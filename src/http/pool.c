/* pool.c - two queues, light before heavy; at most half of the threads are at heavy work. */

#include "http/pool.h"

#include "base/thread.h"
#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct queue {
    struct exchange *first, **last;
    int n;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t threads[THREADS_MAX];
    int nthreads, heavy_most, heavy_now, queue_max;
    struct queue light, heavy;
    bool stop;
    void (*run)(struct exchange *x);
};

static void put(struct queue *q, struct exchange *x)
{
    x->next = NULL;
    *q->last = x;
    q->last = &x->next;
    q->n++;
}

static struct exchange *take(struct queue *q)
{
    struct exchange *x = q->first;

    q->first = x->next;
    if (!q->first) {
        q->last = &q->first;
    }
    q->n--;
    return x;
}

static struct exchange *take_next(struct pool *p)
{
    for (;;) {
        if (p->light.n) {
            return take(&p->light);
        }
        if (p->heavy.n && p->heavy_now < p->heavy_most) {
            p->heavy_now++;
            return take(&p->heavy);
        }
        if (p->stop && !p->heavy.n) {
            return NULL;
        }
        pthread_cond_wait(&p->more, &p->lock);
    }
}

static void *work(void *arg)
{
    struct pool *p = arg;
    struct exchange *x;

    pthread_mutex_lock(&p->lock);
    while ((x = take_next(p))) {
        bool heavy = x->heavy;
        pthread_mutex_unlock(&p->lock);
        p->run(x); /* x may be gone after this */
        pthread_mutex_lock(&p->lock);
        if (heavy) {
            p->heavy_now--;
            pthread_cond_signal(&p->more);
        }
    }
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct pool *pool_create(
    struct arena *mem, int threads, int queue_max, void (*run)(struct exchange *x))
{
    struct pool *p = ARENA_NEW(mem, struct pool);

    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    p->light.last = &p->light.first;
    p->heavy.last = &p->heavy.first;
    p->run = run;
    p->queue_max = queue_max;
    threads = threads < 2 ? 2 : threads > THREADS_MAX ? THREADS_MAX : threads;
    p->heavy_most = threads / 2;
    for (int i = 0; i < threads; i++) {
        if (thread_start(&p->threads[p->nthreads], "kith-pool", work, p)) {
            p->nthreads++;
        }
    }
    if (!p->nthreads) {
        abort();
    }
    return p;
}

void pool_destroy(struct pool *p)
{
    if (!p) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->nthreads; i++) {
        pthread_join(p->threads[i], NULL);
    }
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
}

bool pool_add(struct pool *p, struct exchange *x)
{
    pthread_mutex_lock(&p->lock);
    struct queue *q = x->heavy ? &p->heavy : &p->light;
    bool room = !p->stop && q->n < p->queue_max;
    if (room) {
        put(q, x);
        pthread_cond_signal(&p->more);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

int pool_waiting(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    int n = p->light.n + p->heavy.n;
    pthread_mutex_unlock(&p->lock);
    return n;
}
