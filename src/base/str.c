/* str.c - slices of text and the numbers in them. */

#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool str_eq_nocase(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq((struct str) { s.p + (s.n - suffix.n), suffix.n }, suffix);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && is_space(s.p[0])) {
        s.p++, s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

ptrdiff_t str_find(struct str s, struct str what)
{
    if (!what.n) {
        return 0;
    }
    const char *at = s.n >= what.n ? memmem(s.p, s.n, what.p, what.n) : NULL;
    return at ? at - s.p : -1;
}

ptrdiff_t str_find_byte(struct str s, char b)
{
    const char *at = s.n ? memchr(s.p, b, s.n) : NULL;

    return at ? at - s.p : -1;
}

bool str_split(struct str *s, char sep, struct str *head)
{
    if (!s->n) {
        return false;
    }
    ptrdiff_t at = str_find_byte(*s, sep);
    if (at < 0) {
        *head = *s;
        *s = (struct str) { s->p + s->n, 0 };
    } else {
        *head = (struct str) { s->p, (size_t)at };
        *s = (struct str) { s->p + at + 1, s->n - (size_t)at - 1 };
    }
    return true;
}

bool str_to_int(struct str s, int64_t *out)
{
    return str_to_scaled(s, 0, out) && str_find_byte(s, '.') < 0;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u ^ s.n;

    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    }
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

bool str_to_scaled(struct str s, int scale, int64_t *out)
{
    bool negative = false, any = false, point = false;
    int64_t v = 0;
    int left = scale;

    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
        negative = s.p[0] == '-';
        s.p++, s.n--;
    }
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (ch == '.' && !point) {
            point = true;
            continue;
        }
        if (ch < '0' || ch > '9') {
            return false;
        }
        any = true;
        if (point && left == 0) {
            if (ch != '0') {
                return false;
            }
            continue;
        }
        left -= point;
        /* built downwards, so that the smallest int64 fits */
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, ch - '0', &v)) {
            return false;
        }
    }
    for (; left > 0; left--) {
        if (__builtin_mul_overflow(v, 10, &v)) {
            return false;
        }
    }
    if (!negative && __builtin_mul_overflow(v, -1, &v)) {
        return false;
    }
    *out = v;
    return any;
}

size_t str_from_scaled(int64_t v, int scale, char *out)
{
    char digits[32];
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    int n = snprintf(digits, sizeof digits, "%0*" PRIu64, scale + 1, u);
    size_t whole = (size_t)(n - scale), at = 0;

    if (v < 0) {
        out[at++] = '-';
    }
    memcpy(out + at, digits, whole);
    at += whole;
    if (scale) {
        out[at++] = '.';
        memcpy(out + at, digits + whole, (size_t)scale);
        at += (size_t)scale;
    }
    out[at] = '\0';
    return at;
}
