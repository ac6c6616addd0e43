/* standard_address_street.c - which piece is the street, and what is in or at the house. */

#include "model/standard_address_steps.h"

#include "base/utf8.h"

static bool is_number(const struct words *w)
{
    if (!w->n || (!begins_with_number(w->w[0]) && !is_listed(w->w[0], "s/n snc km"))) {
        return false;
    }
    for (size_t i = 1; i < w->n; i++) {
        if (!begins_with_number(w->w[i]) && utf8_length(w->w[i]) > 1 &&
            !is_listed(w->w[i], "bis ter quater")) {
            return false;
        }
    }
    return true;
}

static bool is_value(struct str s)
{
    return has_digit(s) || utf8_length(s) == 1;
}

/* 2nd, 3., III, 3º and words that go before a floor */
static bool is_order(struct str s)
{
    static const char roman[] = "i ii iii iv v vi vii viii ix x ground";

    return (begins_with_number(s) && !begins_with_number(str_sub(s, s.n - 1, 1))) ||
           is_listed(s, roman);
}

static bool has_order_sign(struct str s)
{
    return begins_with_number(s) &&
           (str_find(s, STR("º")) > 0 || str_find(s, STR("ª")) > 0 || str_find(s, STR("°")) > 0);
}

/* "3o", "5a": an order typed without its sign. */
static bool is_plain_order(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9') {
        n++;
    }
    return n && n + 1 == s.n && (s.p[n] == 'o' || s.p[n] == 'a');
}

static bool is_unit(struct taking *t, const struct words *w)
{
    struct str to;
    size_t n = address_word(t, w, 0, "unit", &to);

    if (n && (utf8_length(w->w[0]) > 2 || w->n == n || is_value(w->w[n]) || str_eq(to, w->w[0]))) {
        return true;
    }
    if (w->w[0].n > 1 && w->w[0].p[0] == '#') {
        return true;
    }
    if (t->rules->ordinals && (has_order_sign(w->w[0]) || is_plain_order(w->w[0]))) {
        return true;
    }
    return w->n > 1 && w->n < 4 && is_order(w->w[0]) && address_word(t, w, 1, "unit", &to) > 0;
}

static bool is_box(struct taking *t, const struct words *w)
{
    struct str to;
    size_t n = address_word(t, w, 0, "box", &to);

    return n && to.n && n < w->n && has_digit(w->w[n]);
}

/* "nº 5": the sign of a number in front of one. */
static size_t number_sign(struct taking *t, const struct words *w)
{
    struct str to;
    size_t n = address_word(t, w, 0, "number", &to);

    return n && (n == w->n || begins_with_number(w->w[n])) ? n : 0;
}

enum piece_is piece_is(struct taking *t, struct str piece)
{
    struct words w;
    struct str to;

    words_split(piece, &w);
    if (!w.n) {
        return IS_OTHER;
    }
    if (is_listed(w.w[0], "c/o p/a a/c chez attn z.hd. co.") && w.n > 1) {
        return IS_CARE;
    }
    if (t->rules->lists && address_word(t, &w, 0, "word", &to) &&
        is_listed(to, "Opposite Near Behind")) {
        return IS_NEAR;
    }
    if (is_box(t, &w)) {
        return IS_BOX;
    }
    if (is_unit(t, &w)) {
        return IS_UNIT;
    }
    size_t sign = t->rules->lists ? 0 : number_sign(t, &w);
    struct words rest = w;
    if (sign && sign < w.n) {
        memmove(rest.w, w.w + sign, (w.n - sign) * sizeof *w.w);
        rest.n = w.n - sign;
    }
    return is_number(&rest) || (sign && sign == w.n) ? IS_NUMBER
           : is_street_like(t, piece)                ? IS_STREET
                                                     : IS_OTHER;
}

static bool has_joined_type(struct taking *t, struct str word)
{
    for (size_t i = 1; t->rules->joined && i < word.n; i++) {
        struct str to;
        if (((unsigned char)word.p[i] & 0xC0) != 0x80 && word.n - i < 10 &&
            address_term(t, str_sub(word, i, word.n), "joined", &to)) {
            return true;
        }
    }
    return false;
}

/* A type of street at its place: in front, at the end, or within a word. */
static bool has_type(struct taking *t, const struct words *w)
{
    struct str to;
    size_t at = 0;

    while (t->rules->number == NUMBER_FRONT && at < w->n &&
           (begins_with_number(w->w[at]) || is_listed(w->w[at], "bis ter"))) {
        at++;
    }
    size_t start = at < w->n ? address_word(t, w, at, "start", &to) : 0;
    if (start && start < w->n - at) {
        return true;
    }
    for (size_t i = at + 1; i < w->n; i++) {
        if (address_word(t, w, i, "end", &to)) {
            return true;
        }
    }
    for (size_t i = 0; i < w->n; i++) {
        if (has_joined_type(t, w->w[i])) {
            return true;
        }
    }
    return false;
}

bool is_street_like(struct taking *t, struct str piece)
{
    struct words w;

    words_split(piece, &w);
    return has_type(t, &w) || (w.n > 1 && has_digit(piece));
}

/* ---- joining and cutting pieces ---- */

void piece_remove(struct taking *t, size_t at)
{
    memmove(&t->piece[at], &t->piece[at + 1], (t->n - at - 1) * sizeof *t->piece);
    t->n--;
}

static bool ends_with_number(struct taking *t, struct str piece)
{
    struct words w;

    words_split(piece, &w);
    /* "Rua 25": the number is the name */
    return w.n > 1 && begins_with_number(w.w[w.n - 1]) && !(w.n == 2 && has_type(t, &w));
}

static bool is_distance(struct str piece)
{
    return str_eq_nocase(str_sub(piece, 0, 3), STR("km "));
}

/* A number alone belongs to the street before it, or, where numbers stand in front, to the one
 * behind. */
void join_numbers(struct taking *t)
{
    bool front = t->rules->number == NUMBER_FRONT;

    for (size_t i = 0; i < t->n && !t->rules->lists; i++) {
        struct words w;
        words_split(t->piece[i], &w);
        if (t->rules->all_capitals && i && is_listed(w.w[0], "Box") &&
            piece_is(t, t->piece[i - 1]) == IS_BOX) {
            t->piece[i - 1] = beside(t->mem, t->piece[i - 1], " ", t->piece[i]);
            piece_remove(t, i--);
            continue;
        }
        if (piece_is(t, t->piece[i]) != IS_NUMBER) {
            continue;
        }
        if (front && i + 1 < t->n && !begins_with_number(t->piece[i + 1]) &&
            piece_is(t, t->piece[i + 1]) != IS_UNIT) {
            t->piece[i] = beside(t->mem, t->piece[i], " ", t->piece[i + 1]);
            piece_remove(t, i + 1);
        } else if (!front && i > 0) {
            struct str before = t->piece[i - 1];
            enum piece_is is = piece_is(t, before);
            bool taken = str_find(before, STR(", ")) >= 0 || ends_with_number(t, before);
            if ((is == IS_STREET || is == IS_OTHER) && (!taken || is_distance(t->piece[i]))) {
                t->piece[i - 1] = beside(t->mem, before, t->rules->number_joint, t->piece[i]);
                piece_remove(t, i--);
            }
        }
    }
}

/* Where a flat begins behind what has a number; 0 for nowhere. */
static size_t unit_at(struct taking *t, const struct words *w)
{
    bool seen = is_value(w->w[0]) && (!is_order(w->w[0]) || is_listed(w->w[0], "i v x"));
    struct str to;

    for (size_t i = 1; i < w->n; i++) {
        size_t n = address_word(t, w, i, "unit", &to);
        bool marked = n && (i + n == w->n ? utf8_length(w->w[i]) > 2 : is_value(w->w[i + n]));
        if (seen && marked && !(is_order(w->w[i - 1]) && !is_value(w->w[i - 1]))) {
            return is_order(w->w[i - 1]) && i + n == w->n ? (i > 1 ? i - 1 : 0) : i;
        }
        if (seen && ((has_order_sign(w->w[i]) && !has_order_sign(w->w[i - 1])) ||
                        (w->w[i].n > 1 && w->w[i].p[0] == '#'))) {
            return i;
        }
        seen = seen || is_value(w->w[i]);
    }
    return 0;
}

void cut_units(struct taking *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct words w;
        struct str spaced = t->piece[i];
        enum piece_is is = piece_is(t, spaced);
        if (is == IS_CARE || is == IS_NEAR || is == IS_BOX) {
            continue;
        }
        words_split(spaced, &w);
        size_t at = w.n ? unit_at(t, &w) : 0;
        if (at && t->n < PIECES) {
            memmove(&t->piece[i + 1], &t->piece[i], (t->n - i) * sizeof *t->piece);
            t->n++;
            t->piece[i] = words_span(t->mem, &w, 0, at);
            t->piece[i + 1] = words_span(t->mem, &w, at, w.n);
        }
    }
}

/* ---- the street ---- */

/* Ends it as the name of a site ends? */
static bool is_site(struct taking *t, const struct words *w)
{
    struct str last = w->w[w->n - 1], to;

    last = address_word(t, w, w->n - 1, "end", &to) ? to : last;
    return t->rules->sites && is_listed(last, t->rules->sites);
}

static int score(struct taking *t, struct str piece)
{
    struct words w;
    struct str to;
    enum piece_is is = piece_is(t, piece);

    words_split(piece, &w);
    switch (is) {
    case IS_CARE:
    case IS_NEAR:
        return -6;
    case IS_UNIT: /* a block may be the street too */
        return address_word(t, &w, 0, "start", &to) ? 2 : -4;
    case IS_BOX:
        return 1;
    case IS_NUMBER:
        return -1;
    case IS_OTHER:
        return 0;
    case IS_STREET:
        break;
    }
    bool front = begins_with_number(w.w[0]), any = has_digit(piece);
    int number = (t->rules->number == NUMBER_FRONT ? front : any) ? 3 : 0;
    /* Japanese numbers of blocks say more than one of a flat */
    number += front && str_find_byte(w.w[0], '-') > 0;
    return (has_type(t, &w) ? is_site(t, &w) ? 3 : 4 : 0) + number;
}

static size_t best_piece(struct taking *t)
{
    size_t best = 0;
    int most = -100;

    if (t->rules == &address_rules_any) { /* without words to tell: the first, as people write it */
        return 0;
    }
    for (size_t i = 0; i < t->n; i++) {
        int now = score(t, t->piece[i]);
        if (now > most) {
            most = now;
            best = i;
        }
    }
    return best;
}

static void add_extra(struct taking *t, struct str piece)
{
    t->out->extra = beside(t->mem, t->out->extra, t->rules->extra_joint, spell_extra(t, piece));
}

static bool is_building(struct str piece)
{
    struct words w;

    words_split(piece, &w);
    return w.n && is_listed(w.w[w.n - 1], "Tower Towers Apartments Apts. Heights Residency Complex "
                                          "Mansion House Bldg. Building");
}

/* All but what stands in the house is the street, pieces by commas. */
static void take_list(struct taking *t)
{
    bool flat = false;

    for (size_t i = 0; i < t->n; i++) {
        enum piece_is is = piece_is(t, t->piece[i]);
        bool last = true;
        for (size_t k = i + 1; k < t->n; k++) {
            enum piece_is next = piece_is(t, t->piece[k]);
            last = last && (next == IS_UNIT || next == IS_NEAR || next == IS_CARE);
        }
        if (is == IS_UNIT || is == IS_NEAR || is == IS_CARE ||
            (flat && !last && is_building(t->piece[i]))) {
            flat = flat || is == IS_UNIT;
            add_extra(t, t->piece[i]);
        } else {
            t->out->street = beside(t->mem, t->out->street, ", ", spell_street(t, t->piece[i]));
        }
    }
}

void take_street(struct taking *t)
{
    size_t best = best_piece(t);

    if (t->rules->lists) {
        take_list(t);
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        enum piece_is is = piece_is(t, t->piece[i]);
        if (i == best) {
            bool unit = is == IS_UNIT;
            t->out->street =
                unit ? first_capital(t, spell_extra(t, t->piece[i])) : spell_street(t, t->piece[i]);
            /* a plot instead of a street, or the office of a post box */
            while (i + 1 < t->n && ((unit && piece_is(t, t->piece[i + 1]) == IS_UNIT) ||
                                       (is == IS_BOX && t->rules->box_office))) {
                t->out->street =
                    beside(t->mem, t->out->street, ", ", spell_extra(t, t->piece[++i]));
            }
        } else if (t->rules->localities && i > best && (is == IS_OTHER || is == IS_STREET)) {
            t->out->street = beside(t->mem, t->out->street, "\n", spell_street(t, t->piece[i]));
        } else {
            add_extra(t, t->piece[i]);
        }
    }
}

/* ---- for comparing ---- */

void standard_street(
    struct arena *mem, const struct postal_address *standard, struct str *name, struct str *number)
{
    struct words w;
    struct str line = standard->street;
    ptrdiff_t end = str_find_byte(line, '\n');

    line = end >= 0 ? str_sub(line, 0, (size_t)end) : line;
    words_split(line, &w);
    *number = STR("");
    *name = line;
    if (w.n > 1 && begins_with_number(w.w[0])) {
        *number = w.w[0];
        *name = words_span(mem, &w, 1, w.n);
        return;
    }
    for (size_t i = w.n; i-- > 1;) {
        if (begins_with_number(w.w[i])) {
            *number = words_span(mem, &w, i, w.n);
            *name = words_span(mem, &w, 0, i);
            return;
        }
    }
}
