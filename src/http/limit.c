/* limit.c - buckets in a table of fixed size. Two clients in one slot share a bucket for as long as both
 * ask; the seed is fresh at each start, so nobody can choose whom to meet. */

#include "http/limit.h"

#include "base/rand.h"

#include <pthread.h>

enum { SLOTS = 8192, STRIPES = 16 };

struct bucket {
    uint64_t owner;
    int64_t filled; /* when */
    double left;
};

struct limiter {
    pthread_mutex_t locks[STRIPES];
    uint64_t seed;
    struct bucket buckets[SLOTS];
};

struct limiter *limiter_create(struct arena *mem)
{
    struct limiter *l = ARENA_NEW(mem, struct limiter);

    for (int i = 0; i < STRIPES; i++) {
        pthread_mutex_init(&l->locks[i], NULL);
    }
    rand_bytes(&l->seed, sizeof l->seed);
    return l;
}

void limiter_destroy(struct limiter *l)
{
    if (!l) {
        return;
    }
    for (int i = 0; i < STRIPES; i++) {
        pthread_mutex_destroy(&l->locks[i]);
    }
}

bool limiter_spend(struct limiter *l, struct str client, int64_t per_minute, int64_t n, int64_t now)
{
    if (per_minute <= 0) {
        return true;
    }
    struct rng mix = { str_hash(client) ^ l->seed };
    uint64_t owner = rng_next(&mix);
    size_t slot = owner % SLOTS;
    struct bucket *b = &l->buckets[slot];

    pthread_mutex_lock(&l->locks[slot % STRIPES]);
    if (b->owner != owner && now - b->filled > SECONDS(60)) {
        *b = (struct bucket) { owner, now, (double)per_minute };
    }
    b->left += (double)(now - b->filled) * (double)per_minute / 60e6;
    b->filled = now;
    if (b->left > (double)per_minute) {
        b->left = (double)per_minute;
    }
    bool yes = b->left >= 1;
    if (yes) {
        b->left -= (double)n;
    }
    pthread_mutex_unlock(&l->locks[slot % STRIPES]);
    return yes;
}

bool limiter_take(struct limiter *l, struct str client, int per_minute, int64_t now)
{
    return limiter_spend(l, client, per_minute, 1, now);
}
