/* standard_address.c - takes a written address apart: pieces, country, postcode, region, city.
 *
 * What is left is the street and what stands in the house (standard_address_street.c). */

#include "model/standard_address_steps.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "model/normal.h"

#include <ctype.h>

enum { TEXT_MAX = 1000, LONGEST_NUMBER = 5 }; /* of five digits is a postcode */

/* ---- pieces ---- */

static size_t blank_at(struct str s, size_t i)
{
    if (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\r') {
        return 1;
    }
    bool unbroken =
        i + 1 < s.n && (unsigned char)s.p[i] == 0xC2 && (unsigned char)s.p[i + 1] == 0xA0;
    bool wide = i + 2 < s.n && memcmp(s.p + i, "\xE3\x80\x80", 3) == 0;
    return unbroken ? 2 : wide ? 3 : 0;
}

/* One blank where there were several, none at the ends and before commas; ½ spelled out. */
static struct str cleaned(struct arena *mem, struct str s)
{
    struct buf b;
    bool blank = false;

    buf_init(&b, mem, 2 * s.n + 16);
    for (size_t i = 0; i < s.n;) {
        size_t n = blank_at(s, i);
        if (n) {
            blank = true;
            i += n;
            continue;
        }
        if (str_starts(str_sub(s, i, 2), STR("½"))) {
            buf_lit(&b, b.n ? " 1/2" : "1/2");
            i += 2;
            continue;
        }
        if (blank && b.n && !strchr(",\n;)", s.p[i]) && b.p[b.n - 1] != '\n' &&
            b.p[b.n - 1] != '(') {
            buf_byte(&b, ' ');
        }
        blank = false;
        buf_byte(&b, s.p[i++]);
    }
    return buf_str(&b);
}

static bool is_digit(char b)
{
    return b >= '0' && b <= '9';
}

/* "12 - 14" is "12-14", "6 / 8" is "6/8"; behind a number so is a letter. */
static struct str ranges_joined(struct arena *mem, struct str s)
{
    struct buf b;

    buf_init(&b, mem, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        bool sign = i > 0 && i + 4 <= s.n && s.p[i] == ' ' &&
                    (s.p[i + 1] == '-' || s.p[i + 1] == '/') && s.p[i + 2] == ' ';
        bool letter = sign && isupper((unsigned char)s.p[i + 3]) &&
                      (i + 4 == s.n || strchr(" ,\n", s.p[i + 4]));
        size_t digits = 0;
        while (sign && i + 3 + digits < s.n && is_digit(s.p[i + 3 + digits])) {
            digits++;
        }
        if (sign && is_digit(s.p[i - 1]) && ((digits && digits < LONGEST_NUMBER) || letter)) {
            buf_byte(&b, s.p[i + 1]);
            i += 2;
            continue;
        }
        buf_byte(&b, s.p[i]);
    }
    return buf_str(&b);
}

static bool is_bar(struct str s, size_t i, size_t *n)
{
    if (str_starts(str_sub(s, i, 4), STR(" // "))) {
        *n = 4;
        return true;
    }
    bool dash = i > 0 && i + 1 < s.n && s.p[i] == '-' && (s.p[i - 1] == ' ' || s.p[i + 1] == ' ');
    *n = 1;
    return dash;
}

static void add_piece(struct taking *t, struct str s)
{
    s = str_trim(s);
    if (s.n && t->n < PIECES) {
        t->piece[t->n++] = s;
    } else if (s.n) {
        t->piece[PIECES - 1] = beside(t->mem, t->piece[PIECES - 1], ", ", s);
    }
}

static void split_pieces(struct taking *t, struct str s)
{
    size_t from = 0, n;

    for (size_t i = 0; i < s.n; i++) {
        bool ends = s.p[i] == ',' || s.p[i] == '\n' || s.p[i] == ';';
        n = 1;
        if (ends || (t->rules->bars && is_bar(s, i, &n))) {
            add_piece(t, str_sub(s, from, i - from));
            from = i + n;
            i = from - 1;
        }
    }
    add_piece(t, str_sub(s, from, s.n));
}

/* ---- country ---- */

/* The name of a country at the end of a text: all of it, or behind a number or a stroke. */
static size_t country_tail(struct arena *mem, struct str s, struct str *code)
{
    size_t blanks = 0;

    for (size_t i = s.n; i-- > 0 && blanks < 5;) {
        if (s.p[i] != ' ' && s.p[i] != '/') {
            continue;
        }
        blanks++;
        struct str before = str_trim(str_sub(s, 0, i)), tail = str_trim(str_sub(s, i + 1, s.n));
        bool stroke = s.p[i] == '/' || (before.n && before.p[before.n - 1] == '/');
        bool number = before.n && is_digit(before.p[before.n - 1]);
        if (tail.n > 2 && (stroke || number) && normal_country(mem, tail, code)) {
            while (before.n && (before.p[before.n - 1] == '/' || before.p[before.n - 1] == ' ')) {
                before.n--;
            }
            return before.n;
        }
    }
    return s.n;
}

/* Takes the country off; a region of the country that is expected is none (IN is Indiana in the
 * US). */
static void take_country(struct taking *t, struct str expected)
{
    struct str code = expected, to;

    t->out->country = expected;
    if (!t->n) {
        return;
    }
    struct str *last = &t->piece[t->n - 1];
    if (t->n > 1 && !address_region(t, *last, &to) && normal_country(t->mem, *last, &code)) {
        t->n--;
    } else {
        last->n = country_tail(t->mem, *last, &code);
    }
    t->out->country = code;
    t->rules = address_rules_of(code);
}

/* ---- postcode ---- */

/* How much of s a pattern takes from its start, and the form it gives; 0 for none. */
static size_t pattern_fits(const char *pattern, struct str s, char *form)
{
    size_t i = 0, n = 0;

    for (const char *p = pattern; *p; p++) {
        bool has = i < s.n;
        if (*p == ' ' || *p == '_' || *p == '-' || *p == '.') {
            char sign = *p == '_' ? ' ' : *p;
            i += has && s.p[i] == sign;
            if (*p == ' ' || *p == '-') {
                form[n++] = *p;
            }
            continue;
        }
        bool fits = has && (*p == '9' ? is_digit(s.p[i]) : isalpha((unsigned char)s.p[i]) != 0);
        if (!fits) {
            return 0;
        }
        form[n++] = (char)toupper((unsigned char)s.p[i++]);
    }
    form[n] = 0;
    return i;
}

static size_t code_at(const struct address_rules *rules, struct str s, char *form)
{
    size_t longest = 0;
    char now[POSTCODE_ROOM];

    for (size_t k = 0; k < sizeof rules->postcode / sizeof *rules->postcode && rules->postcode[k];
         k++) {
        size_t n = pattern_fits(rules->postcode[k], s, now);
        bool ends =
            n == s.n || (n && !isalnum((unsigned char)s.p[n]) && (unsigned char)s.p[n] < 0x80 &&
                            !(s.p[n] == '-' && n + 1 < s.n && isalnum((unsigned char)s.p[n + 1])));
        if (n > longest && ends) {
            longest = n;
            memcpy(form, now, sizeof now);
        }
    }
    return longest;
}

/* What stands before a postcode, without its prefix and signs. */
static struct str before_code(const struct address_rules *rules, struct str s, bool *prefixed)
{
    *prefixed = false;
    for (;;) {
        while (s.n && strchr(" -:", s.p[s.n - 1])) {
            s.n--;
        }
        size_t at = s.n;
        while (at && !strchr(" -", s.p[at - 1])) {
            at--;
        }
        if (*prefixed || !is_listed(str_sub(s, at, s.n), rules->prefixes)) {
            return s;
        }
        *prefixed = true;
        s.n = at;
    }
}

/* The number of a post box is no postcode, nor is that of a house. */
static bool may_be_code(struct taking *t, struct str before, struct str after, bool prefixed)
{
    struct words w;
    struct str to;

    words_split(before, &w);
    size_t n = w.n ? address_word(t, &w, w.n > 2 ? w.n - 2 : 0, "box", &to) : 0;
    n = n || !w.n ? n : address_word(t, &w, w.n - 1, "box", &to);
    return prefixed || (!(n && to.n) && !(t->rules->all_capitals && !before.n && after.n));
}

struct place {
    size_t piece;
    struct str before, after, code;
};

static bool find_code(struct taking *t, struct place *out)
{
    char form[POSTCODE_ROOM];

    for (size_t k = t->n; k-- > 0;) {
        struct str s = t->piece[k];
        for (size_t i = s.n; i-- > 0;) {
            bool begins =
                i == 0 || (!isalnum((unsigned char)s.p[i - 1]) && s.p[i - 1] != '.') ||
                (i > 2 && (unsigned char)s.p[i - 1] >= 0x80 && memcmp(s.p + i - 3, "〒", 3) == 0);
            size_t n = begins ? code_at(t->rules, str_sub(s, i, s.n), form) : 0;
            if (!n) {
                continue;
            }
            bool prefixed;
            struct str before = before_code(t->rules, str_sub(s, 0, i), &prefixed);
            struct str after = str_trim(str_sub(s, i + n, s.n));
            if (i && s.p[i - 1] == '-' && !prefixed && before.n &&
                is_digit(before.p[before.n - 1])) {
                continue; /* the end of a range */
            }
            if (may_be_code(t, before, after, prefixed)) {
                *out = (struct place) { k, before, after, arena_str(t->mem, str_of(form)) };
                return true;
            }
        }
    }
    return false;
}

/* ---- region and city ---- */

/* Could this be the name of a town? */
static bool is_town(struct taking *t, struct str s)
{
    enum piece_is is = piece_is(t, s);
    struct words w;
    struct str to;

    words_split(s, &w);
    return w.n && !has_digit(s) && (is == IS_OTHER || is == IS_STREET) &&
           !(address_word(t, &w, 0, "start", &to) && w.n > 1 && !t->rules->all_capitals);
}

/* A region behind the city: in brackets, behind a stroke, behind a blank. */
static struct str cut_region(struct taking *t, struct str s)
{
    ptrdiff_t open = str_find_byte(s, '('), stroke = -1;
    struct words w;

    if (open > 0 && s.p[s.n - 1] == ')' &&
        address_region(
            t, str_trim(str_sub(s, (size_t)open + 1, s.n - (size_t)open - 2)), &t->out->region)) {
        return str_trim(str_sub(s, 0, (size_t)open));
    }
    for (size_t i = 0; i < s.n; i++) {
        stroke = s.p[i] == '/' ? (ptrdiff_t)i : stroke;
    }
    if (stroke > 0 && t->rules->region_behind &&
        address_region(t, str_trim(str_sub(s, (size_t)stroke + 1, s.n)), &t->out->region)) {
        return str_trim(str_sub(s, 0, (size_t)stroke));
    }
    words_split(s, &w);
    for (size_t n = 4; t->rules->region_behind && n > 0; n--) {
        struct str tail = n < w.n ? words_span(t->mem, &w, w.n - n, w.n) : STR("");
        bool code_only = t->rules->code_first && t->rules->region == REGION_CODE && tail.n > 2;
        bool name = n + 1 == w.n &&
                    is_listed(w.w[0], "New West North South"); /* New Delhi, West Virginia */
        if (tail.n && !code_only && !name && address_region(t, tail, &t->out->region)) {
            return words_span(t->mem, &w, 0, w.n - n);
        }
    }
    return s;
}

/* A street and a city without a comma: the street ends with its type, a direction or a flat. */
static struct str cut_city(struct taking *t, struct str s)
{
    struct words w;
    struct str to;
    size_t end = 0;

    words_split(s, &w);
    for (size_t i = 1; i < w.n; i++) {
        bool type = i > 1 && address_word(t, &w, i, "end", &to) && w.w[i].n < 9;
        bool direction = end == i && address_word(t, &w, i, "direction", &to);
        size_t unit = end ? address_word(t, &w, i, "unit", &to) : 0;
        end = type || direction                                    ? i + 1
              : unit && i + unit < w.n && has_digit(w.w[i + unit]) ? i + unit + 1
                                                                   : end;
    }
    if (!end || end == w.n || !begins_with_number(w.w[0])) {
        return STR("");
    }
    t->piece[0] = words_span(t->mem, &w, 0, end);
    return words_span(t->mem, &w, end, w.n);
}

static void set_city(struct taking *t, struct str s)
{
    struct words w;
    struct str to;

    words_split(s, &w);
    if (t->rules->lists && w.n > 1 && address_word(t, &w, 0, "word", &to) &&
        str_is(to, "District")) {
        s = words_span(t->mem, &w, 1, w.n);
    }
    t->out->city = spell_city(t, s);
}

/* The text beside the postcode, which is piece `at`: city, region, or both. */
static void take_beside(struct taking *t, size_t at, bool behind)
{
    struct str s = t->piece[at], region;
    bool whole = address_region(t, s, &region);
    s = whole ? s : cut_region(t, s);
    bool short_code =
        whole && (s.n < 3 || str_find_byte(s, '.') > 0) && t->rules->region == REGION_CODE;

    if (whole && (short_code || (behind && at > 0 && is_town(t, t->piece[at - 1])))) {
        t->out->region = region;
        piece_remove(t, at);
        if (at > 0 && is_town(t, t->piece[at - 1])) {
            set_city(t, cut_region(t, t->piece[at - 1]));
            piece_remove(t, at - 1);
        }
        return;
    }
    if (behind && t->n == 1 && !t->rules->code_first) {
        s = cut_city(t, s);
        if (s.n) {
            set_city(t, s);
            return;
        }
        s = t->piece[at];
    }
    if (behind && is_street_like(t, s) && (t->n == 1 || t->rules->code_first) &&
        !(t->rules->region_behind && t->out->region.n)) {
        return;
    }
    set_city(t, whole ? cut_region(t, s) : s);
    piece_remove(t, at);
    if (at < t->n && !t->out->region.n && address_region(t, t->piece[at], &region)) {
        t->out->region = region;
        piece_remove(t, at);
    }
}

static bool take_code(struct taking *t)
{
    struct place p;

    if (!find_code(t, &p)) {
        return false;
    }
    t->out->postcode = p.code;
    piece_remove(t, p.piece);
    size_t city = p.piece;
    if (p.before.n && t->n < PIECES) {
        memmove(&t->piece[city + 1], &t->piece[city], (t->n - city) * sizeof *t->piece);
        t->piece[city] = p.before;
        t->n++;
        city += p.after.n > 0;
    }
    if (p.after.n && t->n < PIECES) {
        memmove(&t->piece[city + 1], &t->piece[city], (t->n - city) * sizeof *t->piece);
        t->piece[city] = p.after;
        t->n++;
    }
    if (p.before.n || p.after.n) {
        take_beside(t, city, !p.after.n);
    }
    return true;
}

static void take_last_region(struct taking *t, bool coded)
{
    struct str region;
    size_t least = t->out->city.n ? 2 : 3;

    if (t->out->region.n || t->n < least || !address_region(t, t->piece[t->n - 1], &region)) {
        return;
    }
    bool town = is_town(t, t->piece[t->n - 2]) || t->piece[t->n - 1].n <= 4 || t->out->city.n;
    if (town || (coded && t->n > 3 && is_town(t, t->piece[t->n - 2]))) {
        t->out->region = region;
        t->n--;
    }
}

/* No city beside the postcode: the last piece, where it can be one. */
static void take_last_city(struct taking *t, bool coded)
{
    size_t named = 0;

    for (size_t i = 0; i < t->n; i++) {
        named += piece_is(t, t->piece[i]) != IS_NUMBER;
    }
    for (size_t i = t->n; named > 1 && i-- > 0;) {
        bool list = t->rules->lists && i + 1 == t->n && !is_street_like(t, t->piece[i]) &&
                    piece_is(t, t->piece[i]) == IS_OTHER;
        struct str town = cut_region(t, t->piece[i]);
        if (list || is_town(t, town)) {
            set_city(t, town);
            piece_remove(t, i);
            return;
        }
        if (!coded) {
            return;
        }
    }
}

static void note_case(struct taking *t, struct str s)
{
    bool up = false, low = false;

    for (size_t i = 0; i < s.n; i++) {
        up = up || isupper((unsigned char)s.p[i]);
        low = low || islower((unsigned char)s.p[i]);
    }
    t->capitals = up && !low;
    t->small = low && !up;
}

static void space_pieces(struct taking *t)
{
    for (size_t i = 0; i < t->n && !t->rules->turkish; i++) {
        t->piece[i] =
            piece_is(t, t->piece[i]) == IS_CARE ? t->piece[i] : spaced_words(t, t->piece[i]);
    }
}

static void take_whole(struct taking *t)
{
    bool coded = take_code(t);

    space_pieces(t);

    if (str_is(t->out->country, "JP")) {
        take_latin_city(t);
        join_numbers(t);
        cut_units(t);
        take_street(t);
        return;
    }
    take_last_region(t, coded);
    join_numbers(t);
    if (!t->out->city.n) {
        take_last_region(t, coded);
        take_last_city(t, coded);
    }
    struct str region;
    if (t->rules->turkish && !t->out->region.n && address_region(t, t->out->city, &region)) {
        t->out->region = t->out->city = region;
    }
    if (t->rules->turkish) {
        take_turkish_street(t);
        return;
    }
    cut_units(t);
    take_street(t);
}

static struct str none(struct str s)
{
    return s.p ? s : STR("");
}

static void begin(
    struct taking *t, struct arena *mem, struct str country, struct postal_address *out)
{
    *t = (struct taking) { .mem = mem, .rules = address_rules_of(country), .out = out };
    *out = (struct postal_address) { STR_INIT(""), STR_INIT(""), STR_INIT(""), STR_INIT(""),
        STR_INIT(""), STR_INIT("") };
}

bool standard_address(
    struct arena *mem, struct str typed, struct str country, struct postal_address *out)
{
    struct taking t;

    begin(&t, mem, none(country), out);
    out->country = none(country);
    if (!typed.n || typed.n > TEXT_MAX || !utf8_valid(typed, NULL)) {
        return false;
    }
    typed = utf8_nfc(mem, typed);
    if (is_japanese(typed)) {
        out->country = STR("JP");
        t.rules = address_rules_of(out->country);
        take_japanese(&t, typed);
        return out->city.n || out->postcode.n;
    }
    struct str s = ranges_joined(mem, cleaned(mem, typed));
    note_case(&t, s);
    split_pieces(&t, s);
    const struct address_rules *expected = t.rules;
    take_country(&t, none(country));
    if (t.rules != expected && t.rules->bars != expected->bars) {
        t.n = 0; /* other signs separate there */
        split_pieces(&t, s);
        take_country(&t, out->country);
    }
    take_whole(&t);
    return out->city.n || out->postcode.n;
}

/* ---- parts that came separately ---- */

struct str standard_postcode(struct arena *mem, struct str typed, struct str country)
{
    const struct address_rules *rules = address_rules_of(country);
    struct taking t = { .mem = mem, .rules = rules, .n = 1 };
    struct place p;

    t.piece[0] = cleaned(mem, str_trim(typed));
    bool whole = rules != &address_rules_any && t.piece[0].n && find_code(&t, &p) && !p.before.n &&
                 !p.after.n;
    return whole ? p.code : t.piece[0];
}

struct str standard_region(struct arena *mem, struct str typed, struct str country)
{
    struct taking t = { .mem = mem, .rules = address_rules_of(country) };
    struct str to;

    typed = cleaned(mem, str_trim(typed));
    return address_region(&t, typed, &to) ? to : typed;
}

struct str standard_city(struct arena *mem, struct str typed, struct str country)
{
    struct taking t = { .mem = mem, .rules = address_rules_of(country) };

    typed = cleaned(mem, str_trim(typed));
    note_case(&t, typed);
    return typed.n && typed.n <= TEXT_MAX ? spell_city(&t, typed) : typed;
}

void standard_address_parts(
    struct arena *mem, const struct postal_address *typed, struct postal_address *out)
{
    struct taking t;
    struct str street = none(typed->street), country = none(typed->country);

    begin(&t, mem, country, out);
    out->country = country;
    out->postcode = standard_postcode(mem, none(typed->postcode), country);
    out->region = standard_region(mem, none(typed->region), country);
    out->city = standard_city(mem, none(typed->city), country);
    if (street.n > TEXT_MAX || !utf8_valid(street, NULL)) {
        out->street = street;
        return;
    }
    street = ranges_joined(mem, cleaned(mem, utf8_nfc(mem, street)));
    if (is_japanese(street)) {
        take_japanese(&t, street);
    } else {
        note_case(&t, street);
        split_pieces(&t, street);
        space_pieces(&t);
        join_numbers(&t);
        if (t.rules->turkish) {
            take_turkish_street(&t);
        } else {
            cut_units(&t);
            take_street(&t);
        }
    }
    out->extra = beside(mem, out->extra, t.rules->extra_joint, none(typed->extra));
}
