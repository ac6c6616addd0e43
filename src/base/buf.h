/* buf.h - the only builder of text. It has a ceiling from birth and remembers failure: add without
 * looking, ask once at the end. Its bytes live in the arena. */

#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"

struct buf {
    struct arena *mem;
    char *p;
    size_t n, room, max;
    bool failed;
};

void buf_init(struct buf *b, struct arena *mem, size_t max);
void buf_add(struct buf *b, struct str s);
void buf_lit(struct buf *b, const char *cstr);
void buf_byte(struct buf *b, char c);
void buf_int(struct buf *b, int64_t v);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Room for n more bytes at the end, to be written and then counted with b->n += written. NULL when
 * the ceiling is in the way (and the buffer has failed). */
char *buf_reserve(struct buf *b, size_t n);
void buf_clear(struct buf *b); /* keeps the room */
struct str buf_str(const struct buf *b);
/* ERR_TOO_LARGE when anything was left out. */
MUST_CHECK enum err_code buf_status(const struct buf *b, struct err *e);

#endif
