/* kept.h - the prepared statements that a connection keeps, by their SQL text.
 *
 * Text is mostly literal, so the address finds it; the content is compared all the same. The least
 * recently used go when there are more than KEPT_MAX. Both backends put struct kept first in theirs. */

#ifndef DB_KEPT_H
#define DB_KEPT_H

#include "base/str.h"

enum { KEPT_MAX = 256, KEPT_BUCKETS = 512 };

struct kept {
    struct kept *next;           /* same bucket */
    struct kept *newer, *older;  /* by last use */
    char *text;                  /* our copy, ended by a NUL */
    size_t n;
    uint64_t hash;
    bool busy; /* in use: cannot be taken again or dropped */
};

struct kept_set {
    struct kept *buckets[KEPT_BUCKETS];
    const char *last_addr[KEPT_BUCKETS]; /* where a text was last seen, and what it was */
    struct kept *last[KEPT_BUCKETS];
    struct kept *newest, *oldest;
    size_t n;
    void (*drop)(void *owner, struct kept *k); /* frees it */
    void *owner;
};

/* The newest of this text that is not busy and fits (NULL: all do); NULL when there is none. */
struct kept *kept_find(struct kept_set *set, const char *text,
    bool (*fits)(const struct kept *k, const void *arg), const void *arg);
/* Copies text. May drop others. */
void kept_add(struct kept_set *set, struct kept *k, const char *text);
void kept_remove(struct kept_set *set, struct kept *k); /* drops it */
void kept_clear(struct kept_set *set);                  /* drops all, busy ones too */

/* Zeroed; ends the process when memory is out. For db/ alone; free() releases. */
void *db_alloc(size_t n) __attribute__((returns_nonnull, malloc));

#endif
