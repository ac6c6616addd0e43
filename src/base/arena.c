/* arena.c - chained blocks with a bump pointer.
 *
 * With ARENA_PLAIN (the sanitizer build) every allocation is a block of its own, so that tools see
 * each overrun and each use after a rewind. */

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16 << 10, BLOCK_MAX = 1 << 20, ALIGN = 16 };

struct block {
    struct block *prev;
    size_t room, used;
    _Alignas(ALIGN) char bytes[];
};

struct defer {
    struct defer *prev;
    void (*fn)(void *);
    void *arg;
};

struct arena {
    struct block *last;
    struct defer *defers;
    size_t total, ceiling;
    jmp_buf *on_ceiling;
};

static struct block *new_block(struct arena *a, size_t room)
{
    struct block *b = malloc(sizeof *b + room);

    if (!b) {
        fputs("kith: out of memory\n", stderr);
        abort();
    }
    b->prev = a->last;
    b->room = room;
    b->used = 0;
    a->last = b;
    return b;
}

struct arena *arena_create(size_t ceiling)
{
    struct arena *a = calloc(1, sizeof *a);

    if (!a) {
        fputs("kith: out of memory\n", stderr);
        abort();
    }
    a->ceiling = ceiling;
    return a;
}

void arena_on_ceiling(struct arena *a, jmp_buf *where)
{
    a->on_ceiling = where;
}

void arena_set_ceiling(struct arena *a, size_t ceiling)
{
    a->ceiling = ceiling;
}

size_t arena_used(const struct arena *a)
{
    return a->total;
}

void *arena_alloc(struct arena *a, size_t n)
{
    struct block *b = a->last;

    n = (n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
    if (a->ceiling && a->total + n > a->ceiling) {
        if (a->on_ceiling) {
            longjmp(*a->on_ceiling, 1);
        }
        fputs("kith: memory ceiling reached outside a call\n", stderr);
        abort();
    }
#ifdef ARENA_PLAIN
    b = new_block(a, n ? n : ALIGN);
#else
    if (!b || b->room - b->used < n) {
        size_t room = b ? b->room * 2 : BLOCK;
        if (room > BLOCK_MAX) {
            room = BLOCK_MAX;
        }
        b = new_block(a, n > room ? n : room);
    }
#endif
    void *p = b->bytes + b->used;
    b->used += n;
    a->total += n;
    return memset(p, 0, n);
}

void *arena_array(struct arena *a, size_t size, size_t n)
{
    size_t bytes;

    if (__builtin_mul_overflow(size, n, &bytes)) {
        bytes = SIZE_MAX / 2;
    }
    return arena_alloc(a, bytes);
}

void *arena_room(struct arena *a, void *list, size_t size, size_t n, size_t *room)
{
    if (n < *room && list) {
        return list;
    }
    *room = *room ? *room * 2 : 8;
    void *more = arena_array(a, size, *room);
    if (n) {
        memcpy(more, list, n * size);
    }
    return more;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);

    if (s.n) {
        memcpy(p, s.p, s.n);
    }
    return (struct str) { p, s.n };
}

const char *arena_cstr(struct arena *a, struct str s)
{
    return arena_str(a, s).p;
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    size_t len = n > 0 ? (size_t)n : 0;
    char *p = arena_alloc(a, len + 1);
    vsnprintf(p, len + 1, fmt, again);
    va_end(again);
    return (struct str) { p, len };
}

void arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
    struct defer *d = ARENA_NEW(a, struct defer);

    *d = (struct defer) { a->defers, fn, arg };
    a->defers = d;
}

struct arena_mark arena_mark(struct arena *a)
{
    return (struct arena_mark) { a->last, a->last ? a->last->used : 0, a->total, a->defers };
}

void arena_run_defers(struct arena *a, struct arena_mark m)
{
    while (a->defers != m.defers) {
        struct defer *d = a->defers;
        a->defers = d->prev;
        d->fn(d->arg);
    }
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    arena_run_defers(a, m);
    while (a->last != m.block) {
        struct block *b = a->last;
        a->last = b->prev;
        free(b);
    }
    if (a->last) {
        a->last->used = m.used;
    }
    a->total = m.total;
}

void arena_reset(struct arena *a)
{
    struct block *first = a->last;

    while (a->defers) {
        struct defer *d = a->defers;
        a->defers = d->prev;
        d->fn(d->arg);
    }
    while (first && first->prev) {
        struct block *b = first;
        first = b->prev;
        free(b);
    }
    a->last = first;
    if (first) {
        first->used = 0;
    }
    a->total = 0;
}

void arena_destroy(struct arena *a)
{
    if (!a) {
        return;
    }
    arena_rewind(a, (struct arena_mark) { 0 });
    free(a);
}
