/* standard_address_format.c - the address as it is written on mail within its country.
 *
 * The last lines of a country are a short text: p the postcode, c the city, C the city in capitals,
 * F the city in capitals without accents and signs, r the region, R the region in capitals, where
 * it is not the city. What stands between two of them is written where something stands before it
 * on the line. */

#include "model/standard_address_steps.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <utf8proc.h>

static struct str fold_capitals(struct arena *mem, const struct address_rules *rules, struct str s)
{
    struct str up = case_upper(mem, rules, s);
    utf8proc_int32_t cp;
    struct buf b;

    buf_init(&b, mem, 4 * up.n + 4);
    for (size_t i = 0; i < up.n;) {
        utf8proc_ssize_t n =
            utf8proc_iterate((const uint8_t *)up.p + i, (utf8proc_ssize_t)(up.n - i), &cp);
        utf8proc_int32_t parts[8];
        int boundary = 0;
        utf8proc_ssize_t got =
            n > 0 ? utf8proc_decompose_char(cp, parts, 8, UTF8PROC_DECOMPOSE, &boundary) : 0;
        bool plain = got > 0 && got <= 8 && parts[0] < 128;
        buf_add(&b, plain ? (struct str) { (const char[]){ (char)parts[0] }, 1 }
                          : str_sub(up, i, n > 0 ? (size_t)n : 1));
        i += n > 0 ? (size_t)n : 1;
    }
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] = b.p[i] == '-' || b.p[i] == '\'' ? ' ' : b.p[i];
    }
    return buf_str(&b);
}

static struct str piece_of(
    struct arena *mem, const struct address_rules *rules, const struct postal_address *a, char what)
{
    struct str region =
        str_eq(utf8_fold(mem, a->region), utf8_fold(mem, a->city)) ? STR("") : a->region;

    switch (what) {
    case 'p':
        return a->postcode;
    case 'c':
        return a->city;
    case 'C':
        return case_upper(mem, rules, a->city);
    case 'F':
        return fold_capitals(mem, rules, a->city);
    case 'r':
        return a->region;
    default:
        return case_upper(mem, rules, region);
    }
}

static void last_lines(struct arena *mem, const struct address_rules *rules,
    const struct postal_address *a, struct buf *b)
{
    const char *p = rules->last;
    size_t line = b->n;

    while (*p) {
        const char *from = p;
        while (*p && !strchr("pcCFrR", *p)) {
            p++;
        }
        struct str joint = { from, (size_t)(p - from) },
                   s = *p ? piece_of(mem, rules, a, *p) : STR("");
        bool breaks = str_find_byte(joint, '\n') >= 0;
        p += *p != 0;
        if (!s.n) {
            continue;
        }
        if (breaks) {
            buf_lit(b, b->n ? "\n" : "");
            line = b->n;
        } else if (b->n > line) {
            buf_add(b, joint);
        } else if (b->n && line == b->n && b->p[b->n - 1] != '\n') {
            buf_byte(b, '\n');
            line = b->n;
        }
        buf_add(b, s);
    }
}

static enum extra_place place_of(struct taking *t, struct str piece)
{
    switch (piece_is(t, piece)) {
    case IS_CARE:
        return PLACE_ABOVE;
    case IS_NEAR:
        return PLACE_BELOW;
    case IS_BOX:
        return t->rules->box;
    case IS_UNIT: {
        struct words w;
        words_split(piece, &w);
        return !t->rules->flats || is_listed(w.w[0], t->rules->flats) ? t->rules->unit
                                                                      : t->rules->other;
    }
    case IS_NUMBER:
    case IS_OTHER:
    case IS_STREET:
        break;
    }
    return t->rules->other;
}

static struct str joined(
    struct taking *t, struct str extra, enum extra_place place, const char *joint)
{
    struct str out = STR("");

    if (t->rules->turkish) {
        return place == PLACE_BEHIND ? extra : out;
    }
    while (extra.n) {
        ptrdiff_t at = str_find(extra, STR(", "));
        struct str one = at >= 0 ? str_sub(extra, 0, (size_t)at) : extra;
        extra = at >= 0 ? str_sub(extra, (size_t)at + 2, extra.n) : STR("");
        out = place_of(t, one) == place ? beside(t->mem, out, joint, one) : out;
    }
    return out;
}

static struct str american(struct arena *mem, const struct address_rules *rules, struct str s)
{
    struct buf b;

    s = case_upper(mem, rules, s);
    buf_init(&b, mem, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '.' && s.p[i] != ',') {
            buf_byte(&b, s.p[i]);
        }
    }
    return buf_str(&b);
}

static struct str japanese(struct arena *mem, const struct postal_address *a)
{
    struct str place =
        arena_fmt(mem, "%.*s%.*s%.*s", STR_ARG(a->region), STR_ARG(a->city), STR_ARG(a->street));
    struct str code = a->postcode.n ? arena_fmt(mem, "〒%.*s", STR_ARG(a->postcode)) : STR("");

    return beside(mem, beside(mem, code, "\n", place), "\n", a->extra);
}

struct str standard_address_lines(struct arena *mem, const struct postal_address *a)
{
    struct taking t = { .mem = mem, .rules = address_rules_of(a->country) };
    const struct address_rules *r = t.rules;
    struct buf b;

    if (str_is(a->country, "JP") && (is_japanese(a->street) || is_japanese(a->city))) {
        return japanese(mem, a);
    }
    struct str street =
        beside(mem, a->street, r->behind, joined(&t, a->extra, PLACE_BEHIND, r->behind));
    struct str head = beside(mem, joined(&t, a->extra, PLACE_ABOVE, r->above), "\n", street);
    head = beside(mem, head, "\n", joined(&t, a->extra, PLACE_BELOW, r->below));
    buf_init(
        &b, mem, 8 * (a->street.n + a->extra.n + a->city.n + a->region.n + a->postcode.n) + 64);
    buf_add(&b, head);
    last_lines(mem, r, a, &b);
    return r->all_capitals ? american(mem, r, buf_str(&b)) : buf_str(&b);
}

struct str standard_street_lines(struct arena *mem, const struct postal_address *a)
{
    bool above = address_rules_of(a->country)->unit == PLACE_ABOVE && !is_japanese(a->street);

    return above ? beside(mem, a->extra, "\n", a->street) : beside(mem, a->street, "\n", a->extra);
}
