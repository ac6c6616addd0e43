/* map.h - names to pointers; grows, never shrinks, lives in an arena. Keys are not copied. */

#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/arena.h"

struct map_slot {
    struct str key;
    void *value;
};

struct map {
    struct arena *mem;
    struct map_slot *slots;
    size_t n, room; /* room is 0 or a power of two */
};

void map_init(struct map *m, struct arena *mem);
/* Replaces an equal key's value. value must not be NULL. */
void map_put(struct map *m, struct str key, const void *value);
void *map_get(const struct map *m, struct str key); /* NULL when absent */

#endif
