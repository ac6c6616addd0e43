/* standard_address_words.c - the words of addresses: found in the tables and spelled out. */

#include "model/standard_address_steps.h"

#include "base/buf.h"
#include "base/utf8.h"

/* ---- texts ---- */

void words_split(struct str s, struct words *w)
{
    struct str one;

    w->n = 0;
    while (w->n < PIECE_WORDS && str_split(&s, ' ', &one)) {
        if (one.n) {
            w->w[w->n++] = one;
        }
    }
    if (w->n == PIECE_WORDS) {
        struct str *last = &w->w[w->n - 1];
        last->n += s.n ? (size_t)(s.p - (last->p + last->n)) + s.n : 0;
    }
}

struct str words_span(struct arena *mem, const struct words *w, size_t from, size_t to)
{
    struct str out = STR("");

    for (size_t i = from; i < to; i++) {
        out = beside(mem, out, " ", w->w[i]);
    }
    return out;
}

struct str beside(struct arena *mem, struct str a, const char *joint, struct str b)
{
    return !a.n ? b : !b.n ? a : arena_fmt(mem, "%.*s%s%.*s", STR_ARG(a), joint, STR_ARG(b));
}

bool is_listed(struct str word, const char *list)
{
    struct str rest = str_of(list), one;

    while (word.n && str_split(&rest, ' ', &one)) {
        if (str_eq_nocase(one, word)) {
            return true;
        }
    }
    return false;
}

static bool is_digit(char b)
{
    return b >= '0' && b <= '9';
}

bool has_digit(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (is_digit(s.p[i])) {
            return true;
        }
    }
    return false;
}

bool begins_with_number(struct str s)
{
    return s.n && is_digit(s.p[0]);
}

/* ---- spelling ---- */

static bool is_value(struct str s)
{
    return has_digit(s) || utf8_length(s) == 1;
}

/* Where a word is two: "ul.Leśna", "Musterstr.5", "No:10", "#9", "8bis"; 0 where it is one. */
static size_t glued_at(struct taking *t, struct str w)
{
    for (size_t i = 0; i + 1 < w.n; i++) {
        struct str head = str_sub(w, 0, i + 1);
        if (w.p[i] == ':' || (w.p[i] == '#' && i == 0 && t->rules->initials)) {
            return i + 1;
        }
        if (w.p[i] == '.' && !address_is_term(t, w) &&
            ((i > 1 && is_digit(w.p[i + 1]) && !is_digit(w.p[i - 1])) || address_is_term(t, head))) {
            return i + 1;
        }
        if (is_digit(w.p[i]) && is_listed(str_sub(w, i + 1, w.n), "bis ter quater")) {
            return i + 1;
        }
    }
    return 0;
}

static void split_glued(struct taking *t, struct str s, struct words *w)
{
    words_split(s, w);
    for (size_t i = 0; i < w->n; i++) {
        size_t at = glued_at(t, w->w[i]);
        if (at && w->n < PIECE_WORDS) {
            memmove(&w->w[i + 1], &w->w[i], (w->n - i) * sizeof *w->w);
            w->n++;
            w->w[i].n = at;
            w->w[i + 1] = str_sub(w->w[i + 1], at, w->w[i + 1].n);
        }
    }
}

struct str spaced_words(struct taking *t, struct str s)
{
    struct words w;

    split_glued(t, s, &w);
    return words_span(t->mem, &w, 0, w.n);
}

/* Words at..at+n become `to`, which may be none. */
static void replace_words(struct words *w, size_t at, size_t n, struct str to)
{
    size_t keep = to.n ? 1 : 0;

    memmove(&w->w[at + keep], &w->w[at + n], (w->n - at - n) * sizeof *w->w);
    w->n -= n - keep;
    if (keep) {
        w->w[at] = to;
    }
}

/* The end of a word stands for one: "Hauptstr." */
static struct str spell_joined(struct taking *t, struct str word)
{
    struct str to;

    for (size_t i = 1; t->rules->joined && i + 1 < word.n; i++) {
        struct str tail = str_sub(word, i, word.n);
        if (((unsigned char)tail.p[0] & 0xC0) == 0x80 || tail.n > 10 ||
            !address_term(t, tail, "joined", &to)) {
            continue;
        }
        bool capital = tail.p[0] >= 'A' && tail.p[0] <= 'Z';
        to = capital ? case_set(t->mem, t->rules, to, true, false) : to;
        return arena_fmt(t->mem, "%.*s%.*s", STR_ARG(str_sub(word, 0, i)), STR_ARG(to));
    }
    return word;
}

static void spell_words(struct taking *t, struct words *w)
{
    struct str to;

    for (size_t i = 0; i < w->n; i++) {
        size_t n = address_word(t, w, i, "word", &to);
        if (n) {
            replace_words(w, i, n, to);
        } else {
            w->w[i] = spell_joined(t, w->w[i]);
        }
    }
}

/* "nº 5": dropped, or made the usual sign; beside a number only. */
static void spell_numbers(struct taking *t, struct words *w)
{
    struct str to;

    for (size_t i = 0; i < w->n; i++) {
        size_t n = address_word(t, w, i, "number", &to);
        bool front = i == 1 && begins_with_number(w->w[0]);
        bool marked = i + n < w->n && begins_with_number(w->w[i + n]);
        if (n && !to.n && marked && w->n > 1) {
            replace_words(w, i, n, to);
        } else if (n && to.n &&
                   (t->rules->number == NUMBER_FRONT ? front
                                                     : marked || w->w[i].n > 2 || has_digit(to))) {
            replace_words(w, i, n, to);
        }
    }
}

/* The first word behind a number in front. */
static size_t name_at(struct taking *t, const struct words *w)
{
    size_t i = 0;

    if (t->rules->number != NUMBER_FRONT || !w->n || !begins_with_number(w->w[0])) {
        return 0;
    }
    while (i < w->n && (begins_with_number(w->w[i]) || is_listed(w->w[i], "bis ter quater")) &&
           !is_ordinal(t->rules, w->w[i])) {
        i++;
    }
    return i;
}

/* "Rynek 3": no name stands behind the type. */
static bool names_itself(const struct words *w, size_t at)
{
    return w->n == at + 1 && begins_with_number(w->w[at]);
}

static void spell_start(struct taking *t, struct words *w, size_t at)
{
    struct str to;
    size_t n = at < w->n ? address_word(t, w, at, "start", &to) : 0;

    if (n && n < w->n - at && !(t->rules->types_small && names_itself(w, at + n))) {
        replace_words(w, at, n, to);
    }
}

/* The suffix counts where a name stands before it; directions at both ends. */
static void spell_end(struct taking *t, struct words *w, size_t at)
{
    struct str to;
    size_t last = w->n, n;

    if (at < w->n && w->n - at > 2 && (n = address_word(t, w, at, "direction", &to)) == 1) {
        w->w[at++] = to;
    }
    if (last > at + 1 && (address_word(t, w, last - 1, "direction", &to) == 1)) {
        w->w[--last] = to;
    } else if (last > at + 1 && is_listed(w->w[last - 1], "North South East West")) {
        last--;
    }
    if (last > at + 1 && address_word(t, w, last - 1, "end", &to) > 0) {
        w->w[last - 1] = to;
    }
}

/* "2 b" and "2b" by the rule of the country. */
static void spell_letter(struct taking *t, struct words *w)
{
    struct str *last = w->n ? &w->w[w->n - 1] : NULL;
    bool up = t->rules->letter == LETTER_CAPITAL;

    if (t->rules->letter == LETTER_AS_TYPED || !last) {
        return;
    }
    bool letter = last->n == 1 && ((*last->p | 32) >= 'a' && (*last->p | 32) <= 'z');
    if (w->n > 2 && letter && begins_with_number(w->w[w->n - 2]) &&
        is_digit(w->w[w->n - 2].p[w->w[w->n - 2].n - 1])) {
        struct str one = case_set(t->mem, t->rules, *last, up, up);
        w->w[w->n - 2] = arena_fmt(t->mem, "%.*s%.*s", STR_ARG(w->w[w->n - 2]), STR_ARG(one));
        w->n--;
    } else if (w->n > 1 && begins_with_number(*last) && last->n > 1 &&
               is_digit(last->p[last->n - 2])) {
        *last = case_set(t->mem, t->rules, *last, up, up);
    }
}

static bool is_number_like(struct str s)
{
    return begins_with_number(s) || utf8_length(s) == 1 || is_listed(s, "bis ter s/n snc km");
}

/* The word at which the number of the house begins; w->n without one. */
static size_t number_at(const struct words *w)
{
    size_t i = w->n;

    while (i > 0 && is_number_like(w->w[i - 1])) {
        i--;
    }
    while (i < w->n && !begins_with_number(w->w[i]) && !is_listed(w->w[i], "s/n snc km")) {
        i++;
    }
    return i ? i : w->n;
}

/* Where numbers stand in front, one at the end goes there: "St. Paul Street 5", "Chiyoda 1-2-3". */
static void number_to_front(struct taking *t, struct words *w)
{
    struct str last = w->n > 1 ? w->w[w->n - 1] : STR("");
    struct str to;

    if (t->rules->number != NUMBER_FRONT || !begins_with_number(last) ||
        begins_with_number(w->w[0])) {
        return;
    }
    bool typed = address_word(t, w, 0, "start", &to) ||
                 (w->n > 2 && address_word(t, w, w->n - 2, "end", &to));
    if (typed || str_find_byte(last, '-') > 0) {
        memmove(&w->w[1], &w->w[0], (w->n - 1) * sizeof *w->w);
        w->w[0] = last;
    }
}

/* The joint between name and number. */
static struct str place_number(struct taking *t, struct words *w, bool typed)
{
    size_t at = number_at(w);

    if (t->rules->number == NUMBER_BEHIND && at < w->n && typed && w->n > 1) {
        return beside(t->mem, words_span(t->mem, w, 0, at), t->rules->number_joint,
            words_span(t->mem, w, at, w->n));
    }
    return words_span(t->mem, w, 0, w->n);
}

static struct str spell_box(struct taking *t, struct words *w)
{
    struct str to;
    size_t n = address_word(t, w, 0, "box", &to);

    if (n && to.n) {
        replace_words(w, 0, n, to);
    }
    return words_span(t->mem, w, 0, w->n);
}

/* What belongs to a number is small: "s/n", "km 12", "33 bis". */
static void spell_small(struct taking *t, struct words *w, size_t from)
{
    for (size_t i = from; i < w->n; i++) {
        bool addition = is_listed(w->w[i], "bis ter") && i > 0 && begins_with_number(w->w[i - 1]);
        if (addition || is_listed(w->w[i], "s/n snc km")) {
            w->w[i] = case_set(t->mem, t->rules, w->w[i], false, false);
        }
    }
}

static struct str spell_name(struct taking *t, struct str s, bool whole)
{
    struct words w;
    struct str to;

    split_glued(t, address_case(t, s), &w);
    if (!w.n) {
        return s;
    }
    if (piece_is(t, s) == IS_BOX) {
        return spell_box(t, &w);
    }
    number_to_front(t, &w);
    size_t at = name_at(t, &w);
    bool typed = at < w.n && address_word(t, &w, at, "start", &to);
    spell_start(t, &w, at);
    spell_numbers(t, &w);
    at = name_at(t, &w);
    spell_end(t, &w, at);
    spell_words(t, &w);
    spell_letter(t, &w);
    spell_small(t, &w, 1);
    s = place_number(t, &w, typed && whole);
    bool small =
        t->rules->types_small && address_word(t, &w, 0, "start", &to) > 0 && !names_itself(&w, 1);
    return small ? s : first_capital(t, s);
}

struct str spell_street(struct taking *t, struct str s)
{
    ptrdiff_t comma = str_find(s, STR(", "));
    struct words w;

    if (comma <= 0) {
        return spell_name(t, s, true);
    }
    /* joined from two pieces: the name, then the number */
    struct str name = spell_name(t, str_sub(s, 0, (size_t)comma), false);
    split_glued(t, str_sub(s, (size_t)comma + 2, s.n), &w);
    spell_numbers(t, &w);
    spell_small(t, &w, 0);
    return beside(t->mem, name, ", ", words_span(t->mem, &w, 0, w.n));
}

/* "3ºB", "3o B", "2a": the sign of an order, and a blank behind it. */
static struct str spell_ordinal(struct taking *t, struct str w)
{
    size_t n = 0;

    while (n < w.n && is_digit(w.p[n])) {
        n++;
    }
    struct str tail = str_sub(w, n, w.n);
    static const struct {
        struct str from, to;
    } signs[] = { { STR_INIT("º"), STR_INIT("º") }, { STR_INIT("°"), STR_INIT("º") },
        { STR_INIT("ª"), STR_INIT("ª") }, { STR_INIT("o"), STR_INIT("º") },
        { STR_INIT("a"), STR_INIT("ª") } };
    for (size_t i = 0; n && i < sizeof signs / sizeof *signs; i++) {
        if (str_starts(tail, signs[i].from)) {
            struct str rest = str_sub(tail, signs[i].from.n, tail.n);
            return arena_fmt(t->mem, "%.*s%.*s%s%.*s", (int)n, w.p, STR_ARG(signs[i].to),
                rest.n ? " " : "", STR_ARG(rest));
        }
    }
    return w;
}

static void spell_units(struct taking *t, struct words *w)
{
    struct str to;

    for (size_t i = 0; i < w->n; i++) {
        size_t n = address_word(t, w, i, "unit", &to);
        bool values = (i + n < w->n && is_value(w->w[i + n])) || (i > 0 && is_value(w->w[i - 1])) ||
                      w->n == n;
        if (n && (utf8_length(w->w[i]) > 2 || values || str_eq(to, w->w[i]))) {
            replace_words(w, i, n, to);
        }
    }
    if (t->rules->all_capitals && w->n == 2 &&
        is_ordinal(t->rules, w->w[0])) { /* 3rd Floor: Fl 3 */
        size_t n = 0;
        while (is_digit(w->w[0].p[n])) {
            n++;
        }
        struct str number = str_sub(w->w[0], 0, n);
        w->w[0] = w->w[1];
        w->w[1] = number;
    }
}

struct str spell_extra(struct taking *t, struct str s)
{
    struct words w;
    enum piece_is is = piece_is(t, s);

    if (is == IS_CARE) {
        return s;
    }
    split_glued(t, address_case(t, s), &w);
    if (is == IS_BOX) {
        return spell_box(t, &w);
    }
    if (is != IS_UNIT) {
        spell_start(t, &w, 0);
        spell_end(t, &w, 0);
    }
    spell_numbers(t, &w);
    spell_words(t, &w);
    spell_units(t, &w);
    for (size_t i = 0; t->rules->ordinals && i < w.n; i++) {
        w.w[i] = spell_ordinal(t, w.w[i]);
    }
    s = words_span(t->mem, &w, 0, w.n);
    return t->rules->number == NUMBER_FRONT ? first_capital(t, s) : s;
}

struct str spell_city(struct taking *t, struct str s)
{
    struct words w;

    bool capitals = t->capitals;
    size_t up, small, longest;
    case_look(s, &up, &small, &longest);
    t->capitals = capitals || (up > 2 && !small && longest > 2);
    s = address_case(t, s);
    t->capitals = capitals;
    words_split(s, &w);
    if (t->rules->all_capitals) {
        spell_start(t, &w, 0);
    }
    for (size_t i = 0; i < w.n; i++) {
        struct str to;
        w.w[i] = address_term(t, w.w[i], "city", &to) ? to : w.w[i];
    }
    s = words_span(t->mem, &w, 0, w.n);
    bool ij = strcmp(t->rules->country, "NL") == 0 && str_starts(s, STR("ij"));
    return ij ? arena_fmt(t->mem, "IJ%.*s", STR_ARG(str_sub(s, 2, s.n))) : first_capital(t, s);
}
