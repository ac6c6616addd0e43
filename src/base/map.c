/* map.c - open addressing with linear probing, at most three quarters full. */

#include "base/map.h"

void map_init(struct map *m, struct arena *mem)
{
    *m = (struct map) { .mem = mem };
}

static struct map_slot *find(const struct map *m, struct str key)
{
    size_t at = str_hash(key) & (m->room - 1);

    while (m->slots[at].value && !str_eq(m->slots[at].key, key)) {
        at = (at + 1) & (m->room - 1);
    }
    return &m->slots[at];
}

static void grow(struct map *m)
{
    struct map bigger = { .mem = m->mem, .n = m->n, .room = m->room ? m->room * 2 : 16 };

    bigger.slots = ARENA_ARRAY(m->mem, struct map_slot, bigger.room);
    for (size_t i = 0; i < m->room; i++) {
        if (m->slots[i].value) {
            *find(&bigger, m->slots[i].key) = m->slots[i];
        }
    }
    *m = bigger;
}

void map_put(struct map *m, struct str key, const void *value)
{
    if ((m->n + 1) * 4 > m->room * 3) {
        grow(m);
    }
    struct map_slot *slot = find(m, key);
    if (!slot->value) {
        m->n++;
    }
    slot->key = key;
    slot->value = (void *)(uintptr_t)value; /* the caller knows whether it may be written */
}

void *map_get(const struct map *m, struct str key)
{
    return m->room ? find(m, key)->value : NULL;
}
