/* phone_pattern.c - matches by trying, each step handing on what is to follow. Numbers have at most some twenty
 * digits and the patterns are the tables' own, so trying ends soon. */

#include "model/phone_pattern.h"

#include <string.h>

struct match {
    struct str s;
    const char *pattern;
    struct pattern_span *spans;
    bool whole;
};

/* What follows a piece of the pattern. */
struct next {
    bool (*go)(struct match *m, int at, const struct next *self);
};

/* The rest of a sequence behind one piece that may stand several times. */
struct piece {
    struct next next;
    const char *from, *to;     /* the piece */
    const char *rest, *end;    /* of the sequence */
    int least, most, count, group, began;
    const struct next *after;
};

/* The end of a piece: behind a class, a group or one sign. */
static const char *piece_end(const char *p, const char *end)
{
    if (*p == '\\') {
        return p + 2;
    }
    if (*p == '[') {
        while (*p != ']') {
            p++;
        }
        return p + 1;
    }
    if (*p != '(') {
        return p + 1;
    }
    for (int depth = 0; p < end; p++) {
        depth += (*p == '(') - (*p == ')');
        if (depth == 0) {
            return p + 1;
        }
    }
    return end;
}

/* How often it stands; what comes behind that. */
static const char *read_times(const char *p, const char *end, int *least, int *most)
{
    *least = *most = 1;
    if (p < end && *p == '?') {
        *least = 0;
        return p + 1;
    }
    if (p == end || *p != '{') {
        return p;
    }
    *least = 0;
    for (p++; *p >= '0' && *p <= '9'; p++) {
        *least = *least * 10 + (*p - '0');
    }
    *most = *least;
    if (*p == ',') {
        *most = 0;
        for (p++; *p >= '0' && *p <= '9'; p++) {
            *most = *most * 10 + (*p - '0');
        }
    }
    return p + 1;
}

static bool in_class(const char *p, char ch)
{
    for (p++; *p != ']'; p++) {
        if (p[1] == '-' && p[2] != ']') {
            if (ch >= p[0] && ch <= p[2]) {
                return true;
            }
            p += 2;
        } else if (*p == ch) {
            return true;
        }
    }
    return false;
}

static bool one_sign(const char *p, char ch)
{
    return *p == '\\' ? ch >= '0' && ch <= '9' : *p == '[' ? in_class(p, ch) : *p == ch;
}

static bool sequence(
    struct match *m, const char *p, const char *end, int at, const struct next *after);

static bool alternatives(
    struct match *m, const char *p, const char *end, int at, const struct next *after)
{
    for (;;) {
        const char *stop = p;
        while (stop < end && *stop != '|') {
            stop = piece_end(stop, end);
        }
        if (sequence(m, p, stop, at, after)) {
            return true;
        }
        if (stop >= end) {
            return false;
        }
        p = stop + 1;
    }
}

/* Which of the kept groups this is. */
static int group_number(const struct match *m, const char *at)
{
    int n = 1;

    for (const char *p = m->pattern; p < at; p++) {
        n += *p == '(' && p[1] != '?';
    }
    return n;
}

static bool repeat(struct match *m, int at, const struct piece *before);

static bool piece_done(struct match *m, int at, const struct next *self)
{
    const struct piece *p = (const struct piece *)(const void *)self;

    if (!p->group || !m->spans) {
        return repeat(m, at, p);
    }
    struct pattern_span was = m->spans[p->group];
    m->spans[p->group] = (struct pattern_span) { p->began, at };
    if (repeat(m, at, p)) {
        return true;
    }
    m->spans[p->group] = was;
    return false;
}

static bool once_more(struct match *m, int at, const struct piece *before)
{
    struct piece p = *before;

    p.count++;
    p.began = at;
    if (*p.from == '(') {
        bool kept = p.from[1] != '?';
        return alternatives(m, p.from + (kept ? 1 : 3), p.to - 1, at, &p.next);
    }
    if (*p.from == '$') {
        return (size_t)at == m->s.n && piece_done(m, at, &p.next);
    }
    return (size_t)at < m->s.n && one_sign(p.from, m->s.p[at]) && piece_done(m, at + 1, &p.next);
}

static bool repeat(struct match *m, int at, const struct piece *p)
{
    if (p->count < p->most && once_more(m, at, p)) {
        return true;
    }
    return p->count >= p->least && sequence(m, p->rest, p->end, at, p->after);
}

static bool sequence(
    struct match *m, const char *p, const char *end, int at, const struct next *after)
{
    struct piece piece = { .next = { piece_done }, .from = p, .end = end, .after = after };

    if (p == end) {
        return after->go(m, at, after);
    }
    piece.to = piece_end(p, end);
    piece.rest = read_times(piece.to, end, &piece.least, &piece.most);
    if (*p == '(' && p[1] != '?') {
        piece.group = group_number(m, p);
        piece.group = piece.group < PATTERN_GROUPS ? piece.group : 0;
    }
    return repeat(m, at, &piece);
}

static bool matched(struct match *m, int at, const struct next *self)
{
    (void)self;
    if (m->whole && (size_t)at != m->s.n) {
        return false;
    }
    if (m->spans) {
        m->spans[0] = (struct pattern_span) { 0, at };
    }
    return true;
}

bool pattern_match(const char *pattern, struct str s, bool whole, struct pattern_span *spans)
{
    struct match m = { .s = s, .pattern = pattern, .spans = spans, .whole = whole };
    const struct next end = { matched };

    for (int i = 0; spans && i < PATTERN_GROUPS; i++) {
        spans[i] = (struct pattern_span) { 0, -1 };
    }
    return pattern[0] && alternatives(&m, pattern, pattern + strlen(pattern), 0, &end);
}
