/* texts.c - looks texts up. */

#include "model/texts.h"

#include "base/buf.h"

#include <string.h>

static bool is_of(struct str language, const char *code)
{
    size_t n = strlen(code);

    return language.n >= n && memcmp(language.p, code, n) == 0
        && (language.n == n || language.p[n] == '-' || language.p[n] == '_');
}

static const struct text_catalogue *catalogue_of(struct str language)
{
    for (const struct text_catalogue *c = text_catalogues; c->language; c++) {
        if (is_of(language, c->language)) {
            return c;
        }
    }
    return NULL;
}

bool text_speaks(struct str language)
{
    return is_of(language, "en") || catalogue_of(language);
}

struct str text_languages(struct arena *mem)
{
    struct str all = STR("en");

    for (const struct text_catalogue *c = text_catalogues; c->language; c++) {
        all = arena_fmt(mem, "%s, %.*s", c->language, STR_ARG(all));
    }
    return all;
}

const char *text_in(struct str language, const char *english)
{
    const struct text_catalogue *c = language.n && english ? catalogue_of(language) : NULL;
    size_t low = 0, high = c ? c->n : 0;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(c->rows[middle].english, english);
        if (order == 0) {
            return c->rows[middle].text;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return english;
}

/* The next conversion, "%.60s" or "%ld", without the percent sign; "%%" is none. Empty at the end. */
static struct str next_conversion(const char **s)
{
    for (const char *p = *s; *p; p++) {
        if (*p != '%') {
            continue;
        }
        size_t n = strcspn(p + 1, "diouxXeEfgGscp%") + 1;
        const char *from = p + 1;
        p += p[n] ? n : n - 1;
        if (*p != '%') {
            *s = p + 1;
            return (struct str) { from, n };
        }
    }
    *s += strlen(*s);
    return (struct str) { "", 0 };
}

const char *text_format(struct str language, const char *english)
{
    const char *text = text_in(language, english), *a = english, *b = text;

    while (text != english) {
        struct str one = next_conversion(&a), other = next_conversion(&b);
        if (!str_eq(one, other)) {
            return english;
        }
        if (!one.n) {
            break;
        }
    }
    return text;
}

/* ---- the way back: from a sentence to its format ---- */

enum { PLACES = 12, MESSAGE_MAX = 2000 };

struct fitting {
    struct str places[PLACES];
    int n;
    size_t letters; /* of the format itself: the most tells most */
};

/* The text of a format up to its next conversion; "%%" is one sign and ends it too. */
static struct str literal_piece(const char **format, char *kind)
{
    const char *from = *format, *p = strchr(from, '%');

    if (!p) {
        *format += strlen(from);
        *kind = '\0';
        return (struct str) { from, strlen(from) };
    }
    size_t n = strcspn(p + 1, "diouxXeEfgGscp%");
    *kind = p[1 + n];
    *format = p[1 + n] ? p + n + 2 : p + n + 1;
    return (struct str) { from, (size_t)(p - from) };
}

static bool fits_place(struct str s, char kind)
{
    for (size_t i = 0; (kind == 'd' || kind == 'u') && i < s.n; i++) {
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(i == 0 && s.p[i] == '-')) {
            return false;
        }
    }
    return kind == 's' || s.n > 0;
}

static bool fits_format(const char *format, struct str s, struct fitting *f)
{
    char kind = '\0';
    struct str piece = literal_piece(&format, &kind);

    *f = (struct fitting) { .letters = piece.n };
    if (!str_starts(s, piece)) {
        return false;
    }
    s = str_sub(s, piece.n, s.n);
    while (kind) {
        char place = kind;
        struct str next = literal_piece(&format, &kind);
        if (place == '%') {
            if (!s.n || s.p[0] != '%' || !str_starts(str_sub(s, 1, s.n), next)) {
                return false;
            }
            s = str_sub(s, 1 + next.n, s.n);
            continue;
        }
        /* the last piece ends the sentence; an earlier one is looked for where it comes first */
        ptrdiff_t at = kind ? str_find(s, next) : (ptrdiff_t)s.n - (ptrdiff_t)next.n;
        at = kind && !next.n ? -1 : at;
        if (at < 0 || f->n == PLACES || !str_eq(str_sub(s, (size_t)at, next.n), next)
            || !fits_place(str_sub(s, 0, (size_t)at), place)) {
            return false;
        }
        f->places[f->n++] = str_sub(s, 0, (size_t)at);
        f->letters += next.n;
        s = str_sub(s, (size_t)at + next.n, s.n);
    }
    return s.n == 0;
}

static const char *fill(
    struct arena *mem, struct str language, const char *text, const struct fitting *f)
{
    struct buf out;
    char kind;
    int n = 0;

    buf_init(&out, mem, MESSAGE_MAX);
    do {
        buf_add(&out, literal_piece(&text, &kind));
        if (kind == '%') {
            buf_byte(&out, '%');
        } else if (kind && n < f->n) {
            /* a place may hold a sentence of its own: "At column 4: ..." */
            struct str place = f->places[n++];
            bool words = str_find_byte(place, ' ') >= 0;
            buf_add(&out, words ? str_of(text_message(mem, language, arena_cstr(mem, place))) : place);
        }
    } while (kind);
    return buf_str(&out).p;
}

const char *text_message(struct arena *mem, struct str language, const char *english)
{
    const struct text_catalogue *c = language.n ? catalogue_of(language) : NULL;
    const struct text_row *best = NULL;
    struct fitting found = { .n = 0 }, f;

    if (!c || text_in(language, english) != english) {
        return c ? text_in(language, english) : english;
    }
    for (size_t i = 0; i < c->n; i++) {
        const char *format = c->rows[i].english;
        if (strchr(format, '%') && fits_format(format, str_of(english), &f)
            && f.letters > found.letters && text_format(language, format) != format) {
            best = &c->rows[i];
            found = f;
        }
    }
    return best ? fill(mem, language, best->text, &found) : english;
}
