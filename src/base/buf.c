/* buf.c - growing text in an arena. */

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

void buf_init(struct buf *b, struct arena *mem, size_t max)
{
    *b = (struct buf) { .mem = mem, .max = max };
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed || n > b->max - b->n) {
        b->failed = true;
        return NULL;
    }
    if (b->room - b->n < n) {
        size_t room = b->room ? b->room * 2 : 256;
        while (room < b->n + n) {
            room *= 2;
        }
        char *p = arena_alloc(b->mem, room);
        if (b->n) {
            memcpy(p, b->p, b->n);
        }
        b->p = p;
        b->room = room;
    }
    return b->p + b->n;
}

void buf_add(struct buf *b, struct str s)
{
    char *p = s.n ? buf_reserve(b, s.n) : NULL;

    if (p) {
        memcpy(p, s.p, s.n);
        b->n += s.n;
    }
}

void buf_lit(struct buf *b, const char *cstr)
{
    buf_add(b, str_of(cstr));
}

void buf_byte(struct buf *b, char c)
{
    char *p = buf_reserve(b, 1);

    if (p) {
        *p = c;
        b->n++;
    }
}

void buf_int(struct buf *b, int64_t v)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        *--at = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0) {
        *--at = '-';
    }
    buf_add(b, (struct str) { at, (size_t)(digits + sizeof digits - at) });
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    /* the NUL may need the one byte past the ceiling */
    size_t max = b->max;
    b->max += max < SIZE_MAX;
    char *p = n >= 0 ? buf_reserve(b, (size_t)n + 1) : NULL;
    b->max = max;
    if (p) {
        vsnprintf(p, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

struct str buf_str(const struct buf *b)
{
    return (struct str) { b->p ? b->p : "", b->n };
}

enum err_code buf_status(const struct buf *b, struct err *e)
{
    if (b->failed) {
        return err_set(e, ERR_TOO_LARGE, NULL, "the result is larger than %zu bytes", b->max);
    }
    return OK;
}
