/* rand.h - random bytes from the system, and a seeded generator for tests and demo data. */

#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t n); /* from the kernel; ends the process when it cannot */

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);                 /* splitmix64 */
uint64_t rng_below(struct rng *r, uint64_t n);    /* 0 to n - 1, n > 0, unbiased */
double rng_real(struct rng *r);                   /* 0 <= x < 1 */
double rng_normal(struct rng *r);                 /* mean 0, deviation 1 */

#endif
