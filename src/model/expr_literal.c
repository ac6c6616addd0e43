/* expr_literal.c - literals that stand without quotes: numbers with their units, dates, words. */

#include "model/expr_tree.h"

#include <string.h>

static const struct {
    const char *unit;
    int64_t size;  /* microseconds, or months when calendar */
    bool calendar;
} units[] = {
    { "s", SECONDS(1), false },
    { "min", MINUTES(1), false },
    { "h", HOURS(1), false },
    { "d", DAYS(1), false },
    { "w", DAYS(7), false },
    { "mo", 1, true },
    { "y", 12, true },
};

static size_t digits_of(struct str word)
{
    size_t n = 0;

    while (n < word.n && ((word.p[n] >= '0' && word.p[n] <= '9') || word.p[n] == '.')) {
        n++;
    }
    return n;
}

static enum err_code number(struct expr_maker *m, struct expr *x, struct str digits)
{
    ptrdiff_t point = str_find_byte(digits, '.');
    size_t scale = point < 0 ? 0 : digits.n - (size_t)point - 1;

    if (scale > EXPR_SCALE_MAX) {
        return expr_fail_at(
            m, x->pos, "A number may have at most %d digits after the point.", EXPR_SCALE_MAX);
    }
    if (!str_to_scaled(digits, (int)scale, &x->value.i) ||
        x->value.i > expr_pow10(EXPR_NUMBER_DIGITS)) {
        return expr_fail_at(m, x->pos, "\"%.*s\" is too large or not a number.", STR_ARG(digits));
    }
    x->scale = x->value.scale = (uint8_t)scale;
    x->type = x->value.type = VALUE_NUMBER;
    x->lit = LIT_NUMBER;
    return OK;
}

static enum err_code duration(struct expr_maker *m, struct expr *x, struct str unit)
{
    int64_t size = 0, whole = expr_pow10(x->scale);
    bool calendar = false;
    struct str digits = { x->name.p, x->name.n - unit.n };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (str_is(unit, units[i].unit)) {
            size = units[i].size;
            calendar = units[i].calendar;
        }
    }
    if (!size) {
        return expr_fail_at(m, x->pos,
            "\"%.*s\" is not a unit%s; known are s, min, h, d, w, mo, y.",
            STR_ARG(unit), str_is(unit, "m") ? " (min are minutes, mo are months)" : "");
    }
    if (__builtin_mul_overflow(x->value.i, size, &x->value.i) || x->value.i % whole != 0) {
        return expr_fail_at(m, x->pos, "\"%.*s\" %s.", STR_ARG(x->name),
            calendar ? "must be a whole number of months" : "is too long or too finely cut");
    }
    x->value.i /= whole;
    if (calendar && x->value.i > 12 * 10000) {
        return expr_fail_at(m, x->pos, "%.*s is longer than 10000 years.", STR_ARG(digits));
    }
    x->type = x->value.type = calendar ? VALUE_CALENDAR : VALUE_DURATION;
    x->scale = x->value.scale = 0;
    x->lit = calendar ? LIT_CALENDAR : LIT_DURATION;
    return OK;
}

static enum err_code money(struct expr_maker *m, struct expr *x, struct str currency)
{
    if (x->scale > 2) {
        return expr_fail_at(m, x->pos, "Money has at most 2 digits after the point.");
    }
    if (__builtin_mul_overflow(x->value.i, expr_pow10(2 - x->scale), &x->value.i)) {
        return expr_fail_at(m, x->pos, "\"%.*s\" is too large.", STR_ARG(x->name));
    }
    x->currency = arena_str(m->mem, currency);
    x->scale = x->value.scale = 2;
    x->type = x->value.type = VALUE_MONEY;
    x->lit = LIT_MONEY;
    return OK;
}

static bool is_currency(struct str s)
{
    bool upper = s.n == 3 && !expr_is_keyword(s);

    for (size_t i = 0; upper && i < 3; i++) {
        upper = s.p[i] >= 'A' && s.p[i] <= 'Z';
    }
    return upper;
}

static bool set(struct expr *x, enum expr_literal lit, enum value_type type, int64_t i)
{
    x->lit = lit;
    x->type = x->value.type = type;
    x->value.i = i;
    return true;
}

static bool plain_word(struct expr *x, struct str word)
{
    x->value.absent = str_is(word, "null");
    return (str_is(word, "null") && set(x, LIT_NULL, VALUE_NONE, 0)) ||
           (str_is(word, "true") && set(x, LIT_BOOL, VALUE_BOOL, 1)) ||
           (str_is(word, "false") && set(x, LIT_BOOL, VALUE_BOOL, 0)) ||
           (str_is(word, "now") && set(x, LIT_NOW, VALUE_INSTANT, 0)) ||
           (str_is(word, "today") && set(x, LIT_TODAY, VALUE_DATE, 0)) ||
           (str_is(word, "me") && set(x, LIT_ME, VALUE_REF, 0));
}

static enum err_code date_word(struct expr_maker *m, struct expr *x, struct str word)
{
    if (word.n == 10) {
        x->lit = LIT_DATE;
        x->type = x->value.type = VALUE_DATE;
        if (!date_parse(word, &x->value.i)) {
            return expr_fail_at(m, x->pos, "There is no day %.*s.", STR_ARG(word));
        }
        return OK;
    }
    /* read with its zone by the checker when no offset is written */
    x->lit = LIT_INSTANT;
    x->type = x->value.type = VALUE_INSTANT;
    return OK;
}

enum err_code expr_literal_word(struct expr_maker *m, struct expr *x, struct str word)
{
    x->name = arena_str(m->mem, word);
    if (plain_word(x, word)) {
        return OK;
    }
    if (word.n >= 10 && word.p[4] == '-' && word.p[7] == '-') {
        return date_word(m, x, word);
    }
    size_t n = digits_of(word);
    struct str digits = { x->name.p, n };
    struct str unit = str_trim(str_sub(x->name, n, x->name.n));
    if (n == 0) {
        return expr_fail_at(m, x->pos, "\"%.*s\" is not a value.", STR_ARG(word));
    }
    TRY(number(m, x, digits));
    if (str_is(unit, "%")) {
        x->lit = LIT_PERCENT;
    } else if (str_is(unit, "km")) {
        x->lit = LIT_KM;
        x->name = arena_fmt(m->mem, "%.*s km", STR_ARG(digits));
    } else if (is_currency(unit)) {
        x->name = arena_fmt(m->mem, "%.*s %.*s", STR_ARG(digits), STR_ARG(unit));
        return money(m, x, unit);
    } else if (unit.n) {
        return duration(m, x, unit);
    }
    return OK;
}
