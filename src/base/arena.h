/* arena.h - memory that a call takes bit by bit and gives back at once.
 *
 * Allocation never returns NULL. A call's arena has a ceiling: reaching it leaves through the jump
 * buffer that the dispatcher set; without one, or when the machine is out of memory, the process
 * ends with a message. What is not memory (statements, files, locks) is registered with
 * arena_defer() and runs, last first, when the arena is rewound or reset. */

#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/err.h"
#include "base/str.h"

#include <setjmp.h>

struct arena;
struct arena_mark {
    void *block;
    size_t used, total;
    void *defers;
};

/* ceiling in bytes, 0 for none. */
struct arena *arena_create(size_t ceiling);
void arena_destroy(struct arena *a); /* NULL is allowed */
/* Runs all defers and frees all but the first block. */
void arena_reset(struct arena *a);
/* Where the next arena_alloc that would pass the ceiling goes; NULL to end the process instead. */
void arena_on_ceiling(struct arena *a, jmp_buf *where);
/* Another ceiling from here on, 0 for none: a call's is set around its body only. */
void arena_set_ceiling(struct arena *a, size_t ceiling);
size_t arena_used(const struct arena *a);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull, malloc));
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_array((a), sizeof(type), (n)))
void *arena_array(struct arena *a, size_t size, size_t n) __attribute__((returns_nonnull));
/* list, of n things of a size, with room for one more: where it is full, a copy twice as large. */
void *arena_room(struct arena *a, void *list, size_t size, size_t n, size_t *room) __attribute__((returns_nonnull));
#define ARENA_ROOM(a, list, n, room) ((list) = arena_room((a), (list), sizeof *(list), (n), &(room)))
struct str arena_str(struct arena *a, struct str s); /* a copy, ended by a NUL */
const char *arena_cstr(struct arena *a, struct str s);
struct str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

void arena_defer(struct arena *a, void (*fn)(void *), void *arg);
/* A place to come back to: rewinding runs the defers and frees what came after the mark. */
struct arena_mark arena_mark(struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);
/* Runs the defers that came after the mark; the memory stays. */
void arena_run_defers(struct arena *a, struct arena_mark m);

#endif
