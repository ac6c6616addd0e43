/* tally.c - a hash table with open addressing, at most half full. */

#include "base/tally.h"

enum { ROOM_FIRST = 64 };

void tally_init(struct tally *t, struct arena *mem)
{
    *t = (struct tally) { .mem = mem };
}

/* Where it stands, or the free slot where it would. */
static struct tally_slot *slot_of(const struct tally *t, uint64_t number)
{
    uint64_t h = (number ^ number >> 32) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(h ^ h >> 32) & (t->room - 1);

    while (t->slots[at].count && t->slots[at].number != number) {
        at = (at + 1) & (t->room - 1);
    }
    return &t->slots[at];
}

static void grow(struct tally *t)
{
    struct tally was = *t;

    t->room = was.room ? was.room * 2 : ROOM_FIRST;
    t->slots = ARENA_ARRAY(t->mem, struct tally_slot, t->room);
    for (size_t i = 0; i < was.room; i++) {
        if (was.slots[i].count) {
            *slot_of(t, was.slots[i].number) = was.slots[i];
        }
    }
}

uint32_t tally_add(struct tally *t, uint64_t number)
{
    if (t->n * 2 >= t->room) {
        grow(t);
    }
    struct tally_slot *slot = slot_of(t, number);
    if (!slot->count) {
        slot->number = number;
        t->n++;
    }
    return slot->count++;
}

uint32_t tally_of(const struct tally *t, uint64_t number)
{
    return t->room ? slot_of(t, number)->count : 0;
}
