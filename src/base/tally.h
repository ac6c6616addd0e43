/* tally.h - how often each 64-bit number came; grows, never shrinks, lives in an arena. */

#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include "base/arena.h"

#include <stdint.h>

struct tally_slot {
    uint64_t number;
    uint32_t count; /* 0: the slot is free */
};

struct tally {
    struct arena *mem;
    struct tally_slot *slots;
    size_t n, room; /* room is 0 or a power of two */
};

void tally_init(struct tally *t, struct arena *mem);
/* Counts it once more; returns how often it came before. */
uint32_t tally_add(struct tally *t, uint64_t number);
uint32_t tally_of(const struct tally *t, uint64_t number); /* 0: it never came */

#endif
