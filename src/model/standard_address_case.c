/* standard_address_case.c - the case of names: what is in one case is brought into it, by the rules
 * of the country.
 *
 * Mixed case stays as it was typed. Capitals without accents stay without: nothing is guessed. */

#include "model/standard_address_steps.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <utf8proc.h>

static bool is_digit(char b)
{
    return b >= '0' && b <= '9';
}

static int32_t letter_at(struct str s, size_t i, size_t *n)
{
    utf8proc_int32_t cp = 0;
    utf8proc_ssize_t got =
        utf8proc_iterate((const uint8_t *)s.p + i, (utf8proc_ssize_t)(s.n - i), &cp);

    *n = got > 0 ? (size_t)got : 1;
    return got > 0 ? cp : -1;
}

static void put_letter(struct buf *b, int32_t cp)
{
    uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(cp, bytes);

    buf_add(b, (struct str) { (const char *)bytes, n > 0 ? (size_t)n : 0 });
}

static int32_t upper_of(const struct address_rules *rules, int32_t cp)
{
    return rules->turkish && cp == 'i'     ? 0x130
           : rules->turkish && cp == 0x131 ? 'I'
                                           : utf8proc_toupper(cp);
}

static int32_t lower_of(const struct address_rules *rules, int32_t cp)
{
    return cp == 0x130 ? 'i' : rules->turkish && cp == 'I' ? 0x131 : utf8proc_tolower(cp);
}

struct str case_set(
    struct arena *mem, const struct address_rules *rules, struct str s, bool first_up, bool rest_up)
{
    struct buf b;

    buf_init(&b, mem, 3 * s.n + 8);
    for (size_t i = 0, n; i < s.n; i += n) {
        int32_t cp = letter_at(s, i, &n);
        if (cp < 0) {
            buf_add(&b, str_sub(s, i, n));
        } else {
            put_letter(&b, (i ? rest_up : first_up) ? upper_of(rules, cp) : lower_of(rules, cp));
        }
    }
    return buf_str(&b);
}

struct str case_upper(struct arena *mem, const struct address_rules *rules, struct str s)
{
    return case_set(mem, rules, s, true, true);
}

/* Letters without case say nothing. */
void case_look(struct str s, size_t *capitals, size_t *small, size_t *longest)
{
    size_t run = 0;

    *capitals = *small = *longest = 0;
    for (size_t i = 0, n; i < s.n; i += n) {
        int32_t cp = letter_at(s, i, &n);
        bool up = cp > 0 && utf8proc_tolower(cp) != cp, low = cp > 0 && utf8proc_toupper(cp) != cp;
        *capitals += up;
        *small += low;
        run = up || low ? run + 1 : 0;
        *longest = run > *longest ? run : *longest;
    }
}

static bool is_roman(struct str s)
{
    size_t n = 0;

    while (n < s.n && strchr("IVXivx", s.p[n])) {
        n++;
    }
    return n == s.n && n > 1 && n < 7;
}

static bool is_initials(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("aeiouyAEIOUY", s.p[i]) || (unsigned char)s.p[i] >= 0x80 || is_digit(s.p[i])) {
            return false;
        }
    }
    return s.n == 2 || s.n == 3;
}

/* "5TH", "1E": digits and what makes them a place in an order. */
bool is_ordinal(const struct address_rules *rules, struct str s)
{
    size_t n = 0;

    while (n < s.n && is_digit(s.p[n])) {
        n++;
    }
    struct str tail = str_sub(s, n, s.n);
    bool local = rules->number == NUMBER_FRONT ? is_listed(tail, "st nd rd th")
                                               : is_listed(tail, "e st nd rd th");
    return n && n < s.n &&
           (local || (strcmp(rules->country, "FR") == 0 && is_listed(tail, "e er eme")));
}

/* A run of letters between signs, as it stands in a word: what is before and behind it. */
static struct str case_run(struct taking *t, struct str run, char before, char after, bool first)
{
    const struct address_rules *rules = t->rules;
    struct str low = case_set(t->mem, rules, run, false, false);

    if (is_digit(run.p[0])) {
        return is_ordinal(rules, run) ? low : run;
    }
    if (before == '\'' && utf8_length(run) == 1) {
        return low;
    }
    if (after == '\'' && !first &&
        is_listed(arena_fmt(t->mem, "%.*s'", STR_ARG(low)), rules->small)) {
        return low;
    }
    if (is_roman(run) && !is_listed(low, rules->small)) {
        return case_set(t->mem, rules, run, true, true);
    }
    if (rules->initials && is_initials(run)) {
        return case_set(t->mem, rules, run, true, true);
    }
    if (!first && before != '\'' && is_listed(low, rules->small)) {
        return low;
    }
    if (t->capitals && low.n > 4 && str_starts(low, STR("mc")) &&
        is_listed(str_of(rules->country), "US GB")) {
        return arena_fmt(t->mem, "Mc%.*s",
            STR_ARG(case_set(t->mem, rules, str_sub(run, 2, run.n), true, false)));
    }
    if (str_starts(low, STR("ij")) && strcmp(rules->country, "NL") == 0) {
        return arena_fmt(t->mem, "IJ%.*s", STR_ARG(str_sub(low, 2, low.n)));
    }
    return case_set(t->mem, rules, run, true, false);
}

static bool ends_run(char b)
{
    return strchr(" -/'().,&", b) != NULL;
}

static struct str in_case_of_names(struct taking *t, struct str s)
{
    struct buf b;
    bool first = true;

    buf_init(&b, t->mem, 4 * s.n + 16);
    for (size_t i = 0; i < s.n;) {
        size_t end = i;
        while (end < s.n && s.p[end] && !ends_run(s.p[end])) {
            end++;
        }
        if (end == i) {
            buf_byte(&b, s.p[i++]);
            continue;
        }
        struct str run = str_sub(s, i, end - i);
        buf_add(&b, case_run(t, run, i ? s.p[i - 1] : ' ', end < s.n ? s.p[end] : ' ', first));
        first = first && is_digit(run.p[0]);
        i = end;
    }
    return buf_str(&b);
}

struct str address_case(struct taking *t, struct str s)
{
    size_t capitals, small, longest;

    case_look(s, &capitals, &small, &longest);
    if ((capitals > 1 && !small && (t->capitals || longest > 3)) ||
        (small && !capitals && t->small)) {
        return in_case_of_names(t, s);
    }
    return s;
}

struct str first_capital(struct taking *t, struct str s)
{
    size_t n;

    if (!s.n || is_digit(s.p[0])) {
        return s;
    }
    int32_t cp = letter_at(s, 0, &n);
    if (cp < 0 || upper_of(t->rules, cp) == cp) {
        return s;
    }
    struct str head = case_set(t->mem, t->rules, str_sub(s, 0, n), true, true);
    return arena_fmt(t->mem, "%.*s%.*s", STR_ARG(head), STR_ARG(str_sub(s, n, s.n)));
}
