/* str.h - text is a pointer and a length, passed by value.
 *
 * A str does not own its bytes. Those made by an arena end in a NUL that n does not count. */

#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(lit) ((struct str) { "" lit "", sizeof(lit) - 1 })
#define STR_INIT(lit) { "" lit "", sizeof(lit) - 1 } /* for static tables */
#define STR_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

/* Those that are called most are here: with a literal they cost a comparison of lengths. */

/* NULL gives the empty str. */
static inline struct str str_of(const char *cstr)
{
    return (struct str) { cstr ? cstr : "", cstr ? strlen(cstr) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *cstr)
{
    return str_eq(a, str_of(cstr));
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq((struct str) { s.p, prefix.n }, prefix);
}

/* Clipped to s. */
static inline struct str str_sub(struct str s, size_t from, size_t n)
{
    if (from > s.n) {
        from = s.n;
    }
    if (n > s.n - from) {
        n = s.n - from;
    }
    return (struct str) { from ? s.p + from : s.p, n }; /* what is empty may have no bytes at all */
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII case only */
int str_cmp(struct str a, struct str b);        /* by bytes, shorter first */
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s);                 /* ASCII white space at both ends */
ptrdiff_t str_find(struct str s, struct str what); /* -1 when absent */
ptrdiff_t str_find_byte(struct str s, char b);
/* Takes what stands before the first sep off the front of *s into *head; false when *s is empty. */
bool str_split(struct str *s, char sep, struct str *head);
/* Whole decimal number with an optional sign; false on anything else or overflow. */
bool str_to_int(struct str s, int64_t *out);
uint64_t str_hash(struct str s);

/* A decimal as a scaled integer: "12.345" with scale 2 is refused (false) unless the digits past
 * the scale are zeros. Accepts a sign and no grouping. False on overflow too. */
bool str_to_scaled(struct str s, int scale, int64_t *out);
/* Writes a scaled integer with exactly scale digits after the point; out holds at least 32 bytes.
 * Returns the length. */
size_t str_from_scaled(int64_t v, int scale, char *out);

#endif
