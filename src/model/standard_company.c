/* standard_company.c - the legal form of a company's name, and the key without it.
 *
 * tests/data/README.md has the rules, tables/legal_forms.csv the forms. */

#include "base/buf.h"
#include "base/utf8.h"
#include "model/standard.h"
#include "model/standard_table.h"

#include <string.h>

enum { FORM_TEXT = 2, FORM_NORMAL, FORM_POSITION, WORDS = 60, FORM_WORDS = 7 };

struct words {
    struct str word[WORDS];
    size_t n;
};

static void split(struct str s, struct words *w)
{
    struct str one;

    w->n = 0;
    while (w->n < WORDS && str_split(&s, ' ', &one)) {
        if (one.n) {
            w->word[w->n++] = one;
        }
    }
}

/* The text from word a to word b, as it stands in the name. */
static struct str span(const struct words *w, size_t a, size_t b)
{
    const char *from = w->word[a].p;

    return (struct str) { from, (size_t)(w->word[b].p + w->word[b].n - from) };
}

static struct str compact(struct arena *mem, struct str s)
{
    struct buf b;

    s = utf8_fold(mem, s);
    buf_init(&b, mem, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr(" .,()", s.p[i])) {
            buf_byte(&b, s.p[i] == '+' ? '&' : s.p[i]);
        }
    }
    return buf_str(&b);
}

/* Text without blanks and points, for "differs only in blanks and points". */
static struct str spelled(struct arena *mem, struct str s)
{
    struct buf b;

    buf_init(&b, mem, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr(" .,", s.p[i])) {
            buf_byte(&b, s.p[i]);
        }
    }
    return buf_str(&b);
}

static struct str without_comma(struct str s)
{
    while (s.n && (s.p[s.n - 1] == ',' || s.p[s.n - 1] == ' ')) {
        s.n--;
    }
    while (s.n && (s.p[0] == ',' || s.p[0] == ' ')) {
        s.p++, s.n--;
    }
    return s;
}

/* The row that fits a text at an end of the name: spelled exactly so, then but for blanks and points, then
 * the first. NULL for none. */
static const char *form_of(struct arena *mem, struct str text, bool end)
{
    const struct table *t = &table_legal_forms;
    struct str key = compact(mem, text);
    const char *best = NULL;
    int rank = 0;

    text = without_comma(text);
    for (size_t row = table_find(t, key); key.n && table_has(t, row, key); row++) {
        const char *position = table_cell(t, row, FORM_POSITION);
        struct str form = str_of(table_cell(t, row, FORM_TEXT));
        if (strcmp(position, "any") != 0 && strcmp(position, end ? "end" : "start") != 0) {
            continue;
        }
        int now = str_eq(form, text) ? 3 : str_eq(spelled(mem, form), spelled(mem, text)) ? 2 : 1;
        if (now > rank) {
            rank = now;
            best = table_cell(t, row, FORM_NORMAL);
        }
    }
    return best;
}

static bool is_the(struct str word)
{
    return str_eq_nocase(word, STR("the"));
}

/* A form is never the whole name, nor what is left of it behind "The". */
static bool leaves_name(const struct words *w, size_t from, size_t to)
{
    return to > from && !(to - from == 1 && is_the(w->word[from]));
}

static bool take_end(struct arena *mem, struct words *w, size_t from, size_t *to, size_t most,
    const char **form)
{
    for (size_t n = *to - from < most ? *to - from : most; n > 0; n--) {
        if (leaves_name(w, from, *to - n)) {
            *form = form_of(mem, span(w, *to - n, *to - 1), true);
            if (*form) {
                *to -= n;
                return true;
            }
        }
    }
    return false;
}

static bool take_start(struct arena *mem, struct words *w, size_t *from, size_t to, size_t most,
    const char **form)
{
    for (size_t n = to - *from < most ? to - *from : most; n > 0; n--) {
        if (to - *from > n) {
            *form = form_of(mem, span(w, *from, *from + n - 1), false);
            if (*form) {
                *from += n;
                return true;
            }
        }
    }
    return false;
}

static bool is_cjk(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0xE3 && (unsigned char)s.p[i] <= 0xED) {
            return true;
        }
    }
    return false;
}

/* Japanese and Korean write the form without a blank: in front or behind. */
static bool take_joined(struct arena *mem, struct str *word, const char **form)
{
    for (size_t n = word->n; n-- > 3;) {
        if (((unsigned char)word->p[n] & 0xC0) == 0x80) {
            continue;
        }
        struct str head = str_sub(*word, 0, n), tail = str_sub(*word, n, word->n);
        if ((*form = form_of(mem, head, false))) {
            *word = tail;
            return true;
        }
    }
    for (size_t n = 1; n < word->n; n++) {
        if (((unsigned char)word->p[n] & 0xC0) == 0x80) {
            continue;
        }
        if ((*form = form_of(mem, str_sub(*word, n, word->n), true))) {
            *word = str_sub(*word, 0, n);
            return true;
        }
    }
    return false;
}

static bool joins(struct str word)
{
    static const char *const and[]
        = { "and", "und", "et", "och", "og", "ja", "es", "e", "y", "i", "a", "en", "ve" };

    for (size_t i = 0; i < sizeof and / sizeof *and; i++) {
        if (str_is(word, and[i])) {
            return true;
        }
    }
    return false;
}

static bool is_joint(char b)
{
    return b == '&' || b == '+';
}

/* Is the sign at i between two words of more than one letter, as they were typed? */
static bool joins_words(struct str s, size_t i)
{
    size_t from = i, to = i + 1;

    while (from > 0 && s.p[from - 1] == ' ') {
        from--;
    }
    size_t left = from;
    while (left > 0 && s.p[left - 1] != ' ' && !is_joint(s.p[left - 1])) {
        left--;
    }
    while (to < s.n && s.p[to] == ' ') {
        to++;
    }
    size_t right = to;
    while (right < s.n && s.p[right] != ' ' && !is_joint(s.p[right])) {
        right++;
    }
    return utf8_length(str_sub(s, left, from - left)) > 1 && utf8_length(str_sub(s, to, right - to)) > 1;
}

/* Folded words, with each sign that joins two names as "and". */
static struct str key_of(struct arena *mem, struct str rest)
{
    struct words w;
    struct buf spaced, out;

    buf_init(&spaced, mem, 4 * rest.n + 16);
    for (size_t i = 0; i < rest.n; i++) {
        buf_add(&spaced, !is_joint(rest.p[i]) ? str_sub(rest, i, 1)
                : joins_words(rest, i)        ? STR(" zzandzz ")
                                              : STR(" "));
    }
    split(standard_words(mem, buf_str(&spaced)), &w);
    buf_init(&out, mem, 4 * rest.n + 64);
    size_t from = w.n > 1 && str_is(w.word[0], "the");
    for (size_t i = from; i < w.n; i++) {
        struct str word = w.word[i];
        bool between = i > from && i + 1 < w.n && utf8_length(w.word[i - 1]) > 1
            && utf8_length(w.word[i + 1]) > 1;
        bool sign = str_is(word, "zzandzz");
        buf_lit(&out, out.n ? " " : "");
        buf_add(&out, sign || (between && joins(word)) ? STR("and") : word);
    }
    return utf8_nfc(mem, buf_str(&out)); /* the fold takes Hangul apart */
}

struct str standard_company(struct arena *mem, struct str name, struct str *form)
{
    struct words w;
    const char *normal = NULL, *other = NULL;
    size_t from = 0, to;

    split(name, &w);
    to = w.n;
    *form = STR("");
    if (!w.n) {
        return STR("");
    }
    if (take_end(mem, &w, 0, &to, FORM_WORDS, &normal)) {
        (void)take_start(mem, &w, &from, to, 1, &other);
    } else if (take_start(mem, &w, &from, to, FORM_WORDS, &normal)) {
        (void)take_end(mem, &w, from, &to, 1, &other);
    } else if (w.n == 1 && is_cjk(w.word[0])) {
        (void)take_joined(mem, &w.word[0], &normal);
    }
    *form = normal ? str_of(normal) : STR("");
    return key_of(mem, without_comma(span(&w, from, to - 1)));
}
