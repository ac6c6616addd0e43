/* rand.c - the kernel's randomness, and splitmix64 for what must repeat. */

#include "base/rand.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t n)
{
    char *at = out;

    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            fputs("kith: the system gives no random bytes\n", stderr);
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    /* the part of the range that n divides evenly */
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, v;

    do {
        v = rng_next(r);
    } while (v >= limit);
    return v % n;
}

double rng_real(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

double rng_normal(struct rng *r)
{
    /* Box-Muller; 1 - x keeps the logarithm's argument above 0 */
    double radius = sqrt(-2 * log(1 - rng_real(r)));

    return radius * cos(2 * 3.14159265358979323846 * rng_real(r));
}
