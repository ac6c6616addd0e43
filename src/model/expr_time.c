/* expr_time.c - calendar terms, the same for both back ends: periods, anniversaries, days of a
 * zone. */

#include "model/expr_tree.h"

#include <string.h>

int64_t expr_pow10(int n)
{
    int64_t v = 1;

    while (n-- > 0) {
        v *= 10;
    }
    return v;
}

bool expr_day_ok(int64_t day)
{
    return day >= date_of(1, 1, 1) && day <= date_of(9999, 12, 31);
}

static struct civil civil_day(int64_t day)
{
    return civil_of(day * DAYS(1));
}

int64_t expr_first_instant(void)
{
    return date_of(EXPR_FIRST_YEAR, 1, 1) * DAYS(1);
}

int64_t expr_end_instant(void)
{
    return date_of(EXPR_LAST_YEAR + 1, 1, 1) * DAYS(1);
}

bool expr_instant_day(const struct zone *z, int64_t instant, int64_t *day)
{
    if (instant < expr_first_instant() || instant >= expr_end_instant()) {
        return false;
    }
    *day = zone_date(z, instant);
    return true;
}

bool expr_instant_months(const struct zone *z, int64_t instant, int64_t months, int64_t *out)
{
    if (!expr_day_ok(instant / DAYS(1) - 2) || !expr_day_ok(instant / DAYS(1) + 2)) {
        return false;
    }
    struct civil c = zone_civil(z, instant);
    int64_t at = (int64_t)c.year * 12 + c.month - 1 + months;
    if (at < 12 * 2 || at >= 12 * 9999) {
        return false;
    }
    c.year = (int)(at / 12);
    c.month = (int)(at % 12) + 1;
    int last = days_in_month(c.year, c.month);
    c.day = c.day < last ? c.day : last;
    *out = zone_instant(z, &c);
    return true;
}

/* ---- periods ---- */

enum period_unit { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_QUARTER, PERIOD_YEAR,
    PERIOD_NONE };

static enum period_unit unit_of(struct str word)
{
    static const char *const names[] = { "day", "week", "month", "quarter", "year" };

    if (word.n && word.p[word.n - 1] == 's') {
        word.n--;
    }
    for (int i = 0; i < PERIOD_NONE; i++) {
        if (str_is(word, names[i])) {
            return (enum period_unit)i;
        }
    }
    return PERIOD_NONE;
}

/* The first day of the unit that holds day, moved by so many units. */
static bool unit_start(enum period_unit unit, int64_t day, int64_t move, int64_t *out)
{
    static const int months[] = { [PERIOD_MONTH] = 1, [PERIOD_QUARTER] = 3, [PERIOD_YEAR] = 12 };

    if (unit == PERIOD_DAY) {
        *out = day + move;
    } else if (unit == PERIOD_WEEK) {
        *out = day - (date_weekday(day) - 1) + 7 * move;
    } else {
        int64_t size = months[unit];
        struct civil c = civil_day(day);
        int64_t at = ((int64_t)c.year * 12 + c.month - 1) / size * size + move * size;
        if (at < 12 || at > 12 * 9999 + 11) {
            return false;
        }
        *out = date_of((int)(at / 12), (int)(at % 12) + 1, 1);
    }
    return true;
}

bool expr_period(struct str name, int64_t today, int64_t *first, int64_t *end)
{
    static const struct {
        const char *word;
        int move;
    } days[] = { { "today", 0 }, { "yesterday", -1 }, { "tomorrow", 1 } };
    struct str rest = name, word;
    int64_t count = 1, from = 0;

    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        if (str_is(name, days[i].word)) {
            *first = today + days[i].move;
            *end = *first + 1;
            return true;
        }
    }
    if (!str_split(&rest, ' ', &word)) {
        return false;
    }
    bool last = str_is(word, "last"), next = str_is(word, "next");
    if (!last && !next && !str_is(word, "this")) {
        return false;
    }
    if (str_find_byte(rest, ' ') >= 0) {
        struct str digits;
        (void)str_split(&rest, ' ', &digits);
        if ((!last && !next) || !str_to_int(digits, &count) || count < 1 || count > 5000) {
            return false;
        }
    }
    enum period_unit unit = unit_of(rest);
    from = last ? -count : next ? 1 : 0;
    return unit != PERIOD_NONE && unit_start(unit, today, from, first) &&
           unit_start(unit, today, from + count, end);
}

/* ---- anniversaries ---- */

int64_t expr_month_day(int64_t day)
{
    struct civil c = civil_day(day);

    if (c.month == 2 && c.day == 28 && days_in_month(c.year, 2) == 28) {
        return 229;
    }
    return c.month * 100 + c.day;
}

struct expr_window expr_anniversaries(int64_t today, int64_t days)
{
    struct expr_window w = { .all = days >= 365 };
    struct civil a, b;

    if (w.all || !expr_day_ok(today) || !expr_day_ok(today + days)) {
        w.all = true;
        return w;
    }
    a = civil_day(today);
    b = civil_day(today + days);
    w.first = a.month * 100 + a.day;
    w.last = expr_month_day(today + days);
    w.wraps = b.year > a.year;
    return w;
}

/* ---- patterns ---- */

enum expr_wild expr_like_next(struct str *pattern, struct str *bytes)
{
    struct str p = *pattern;

    if (!p.n) {
        return WILD_NONE;
    }
    if (p.p[0] == '%' || p.p[0] == '_') {
        *pattern = str_sub(p, 1, p.n);
        *bytes = STR("");
        return p.p[0] == '%' ? WILD_ANY : WILD_ONE;
    }
    size_t skip = p.p[0] == '\\' && p.n > 1, n = skip + 1;
    while (n < p.n && (p.p[n] & 0xc0) == 0x80) {
        n++;
    }
    *bytes = str_sub(p, skip, n - skip);
    *pattern = str_sub(p, n, p.n);
    return WILD_NONE;
}

static size_t one_point(struct str s)
{
    size_t n = 1;

    while (n < s.n && (s.p[n] & 0xc0) == 0x80) {
        n++;
    }
    return n;
}

bool expr_like(struct str text, struct str pattern)
{
    struct str back_text = { NULL, 0 }, back_pattern = { NULL, 0 }, bytes;

    for (;;) {
        struct str rest = pattern;
        if (pattern.n) {
            enum expr_wild wild = expr_like_next(&rest, &bytes);
            if (wild == WILD_ANY) {
                back_text = text;
                back_pattern = pattern = rest;
                continue;
            }
            if (wild == WILD_ONE ? text.n > 0 : str_starts(text, bytes)) {
                text = str_sub(text, wild == WILD_ONE ? one_point(text) : bytes.n, text.n);
                pattern = rest;
                continue;
            }
        } else if (!text.n) {
            return true;
        }
        if (!back_pattern.p || !back_text.n) {
            return false;
        }
        back_text = str_sub(back_text, one_point(back_text), back_text.n);
        text = back_text;
        pattern = back_pattern;
    }
}

struct str expr_like_sql(struct arena *mem, struct str pattern, enum db_backend b)
{
    struct buf out;
    struct str bytes;

    buf_init(&out, mem, pattern.n * 3 + 16);
    while (pattern.n) {
        enum expr_wild wild = expr_like_next(&pattern, &bytes);
        if (wild != WILD_NONE) {
            const char *sign = wild == WILD_ANY ? (b == DB_SQLITE ? "*" : "%")
                                                : (b == DB_SQLITE ? "?" : "_");
            buf_lit(&out, sign);
        } else if (b == DB_SQLITE && strchr("*?[", bytes.p[0])) {
            buf_byte(&out, '[');
            buf_add(&out, bytes);
            buf_byte(&out, ']');
        } else {
            if (b != DB_SQLITE && strchr("%_\\", bytes.p[0])) {
                buf_byte(&out, '\\');
            }
            buf_add(&out, bytes);
        }
    }
    return buf_str(&out);
}

struct str expr_like_quote(struct arena *mem, struct str s)
{
    struct buf out;

    buf_init(&out, mem, s.n * 2 + 16);
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("%_\\", s.p[i]) && s.p[i]) {
            buf_byte(&out, '\\');
        }
        buf_byte(&out, s.p[i]);
    }
    return buf_str(&out);
}

static uint32_t last_point(struct str s, size_t *at)
{
    size_t i = s.n - 1;

    while (i > 0 && (s.p[i] & 0xc0) == 0x80) {
        i--;
    }
    *at = i;
    unsigned char b = (unsigned char)s.p[i];
    uint32_t point = b < 0x80 ? b : b < 0xe0 ? b & 0x1f : b < 0xf0 ? b & 0x0f : b & 0x07;
    for (size_t k = i + 1; k < s.n; k++) {
        point = point << 6 | (s.p[k] & 0x3f);
    }
    return point;
}

static size_t encode(uint32_t point, char *out)
{
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char head[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (size_t i = n; i-- > 1; point >>= 6) {
        out[i] = (char)(0x80 | (point & 0x3f));
    }
    out[0] = (char)(head[n] | point);
    return n;
}

bool expr_prefix_end(struct arena *mem, struct str prefix, struct str *out)
{
    while (prefix.n) {
        size_t at;
        uint32_t point = last_point(prefix, &at) + 1;
        prefix.n = at;
        if (point > 0x10ffff) {
            continue; /* nothing is larger: the letter before it must grow */
        }
        point = point == 0xd800 ? 0xe000 : point;
        char *p = arena_alloc(mem, at + 5);
        memcpy(p, prefix.p, at);
        *out = (struct str) { p, at + encode(point, p + at) };
        return true;
    }
    return false;
}
