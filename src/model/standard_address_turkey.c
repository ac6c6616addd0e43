/* standard_address_turkey.c - streets of Turkey, whose parts are told by labels and not by commas:
 * "Örnek Mah. 1234 Sok. No: 7 Kat: 2 D: 9". */

#include "model/standard_address_steps.h"

#include "base/utf8.h"

struct labelled {
    struct str number, extra;
    struct words street;
};

static void add_extra(struct taking *t, struct labelled *l, struct str s)
{
    l->extra = beside(t->mem, l->extra, " ", s);
}

/* "10/3" is number 10, flat 3; "12/A-5" number 12/A, flat 5; "12/A" and "100-102" have no flat. */
static void take_number(struct taking *t, struct labelled *l, struct str s)
{
    size_t last = s.n;

    while (last > 0 && s.p[last - 1] >= '0' && s.p[last - 1] <= '9') {
        last--;
    }
    bool stroke = last > 1 && last < s.n &&
                  (s.p[last - 1] == '/' || (s.p[last - 1] == '-' && str_find_byte(s, '/') > 0));
    l->number = stroke ? str_sub(s, 0, last - 1) : s;
    if (stroke) {
        add_extra(t, l, arena_fmt(t->mem, "D: %.*s", STR_ARG(str_sub(s, last, s.n))));
    }
}

/* The name of a building is the word before its type: "Gül Apt.", "B Blok", "5. Blok", "Zemin Kat".
 */
static bool names_building(struct str to)
{
    return str_is(to, "Apt.") || str_is(to, "Blok");
}

static void take_words(struct taking *t, struct labelled *l, const struct words *w)
{
    for (size_t i = 0; i < w->n;) {
        struct str to, next;
        size_t n = address_word(t, w, i, "unit", &to);
        size_t end = n ? 0 : address_word(t, w, i, "end", &to);
        bool value = n && i + n < w->n && has_digit(w->w[i + n]);
        if (n && value && to.p[to.n - 1] == ':') {
            add_extra(t, l, arena_fmt(t->mem, "%.*s %.*s", STR_ARG(to), STR_ARG(w->w[i + n])));
            i += n + 1;
            continue;
        }
        if (n && str_is(to, "Zemin") && i + 1 < w->n && address_word(t, w, i + 1, "unit", &next)) {
            add_extra(t, l, STR("Zemin Kat"));
            i += 2;
            continue;
        }
        if ((n || end) && names_building(to) && l->street.n) {
            struct str name = l->street.w[--l->street.n];
            add_extra(t, l, arena_fmt(t->mem, "%.*s %.*s", STR_ARG(name), STR_ARG(to)));
            i += n + end;
            continue;
        }
        size_t number = address_word(t, w, i, "number", &to);
        if (number && i + number < w->n && has_digit(w->w[i + number])) {
            take_number(t, l, w->w[i + number]);
            i += number + 1;
            continue;
        }
        if (l->street.n < PIECE_WORDS) {
            l->street.w[l->street.n++] = end && i > 0 ? to : w->w[i];
        }
        i += end && i > 0 ? end : 1;
    }
}

/* Has the piece a word of a street, or the number of a house? */
static bool is_street(struct taking *t, const struct words *w)
{
    struct str to;

    for (size_t i = 0; i < w->n; i++) {
        if ((i && address_word(t, w, i, "end", &to) && !names_building(to)) ||
            address_word(t, w, i, "number", &to)) {
            return true;
        }
    }
    return false;
}

/* Blanks behind signs, so that words are words. */
static struct str spaced(struct arena *mem, struct str s)
{
    struct str out = STR("");
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        bool colon = s.p[i] == ':';
        bool point = s.p[i] == '.' && i + 1 < s.n && s.p[i + 1] >= '0' && s.p[i + 1] <= '9' &&
                     i > 0 && !(s.p[i - 1] >= '0' && s.p[i - 1] <= '9');
        if (colon || point) {
            out = beside(mem, out, " ", str_trim(str_sub(s, from, i - from)));
            from = i + 1;
        }
    }
    return beside(mem, out, " ", str_trim(str_sub(s, from, s.n)));
}

static bool is_box(struct taking *t, const struct words *w, size_t *n)
{
    struct str to;

    *n = w->n ? address_word(t, w, 0, "box", &to) : 0;
    return *n && *n < w->n && has_digit(w->w[*n]);
}

void take_turkish_street(struct taking *t)
{
    struct labelled l = { .number = STR_INIT(""), .extra = STR_INIT("") };
    struct words w;
    size_t n;

    for (size_t i = 0; i < t->n; i++) {
        words_split(address_case(t, spaced(t->mem, t->piece[i])), &w);
        if (is_box(t, &w, &n)) {
            t->out->street =
                arena_fmt(t->mem, "P.K. %.*s", STR_ARG(words_span(t->mem, &w, n, w.n)));
            continue;
        }
        if (t->n > 1 &&
            !is_street(t, &w)) { /* what is only in the house: its own words stay together */
            struct labelled own = { .number = STR_INIT(""), .extra = STR_INIT("") };
            take_words(t, &own, &w);
            add_extra(t, &l,
                beside(t->mem, words_span(t->mem, &own.street, 0, own.street.n), " ", own.extra));
            continue;
        }
        take_words(t, &l, &w);
    }
    struct words *street = &l.street;
    if (!l.number.n && street->n > 1 && begins_with_number(street->w[street->n - 1])) {
        take_number(t, &l, street->w[--street->n]);
    }
    struct str name = words_span(t->mem, street, 0, street->n);
    t->out->street = beside(t->mem, t->out->street, " ", first_capital(t, name));
    if (l.number.n) {
        t->out->street =
            beside(t->mem, t->out->street, " ", arena_fmt(t->mem, "No: %.*s", STR_ARG(l.number)));
    }
    t->out->extra = l.extra;
}
