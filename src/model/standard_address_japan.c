/* standard_address_japan.c - addresses of Japan: in Japanese they have no blanks and go from the
 * large to the small; in Latin letters the ward or town is told by its ending. */

#include "model/standard_address_steps.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "model/standard_table.h"

enum { SIGN = 3, NAME_MAX_SIGNS = 8 }; /* bytes of a kana or kanji */

bool is_japanese(struct str s)
{
    for (size_t i = 0; i + 2 < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        if (b >= 0xE3 && b <= 0xE9 && memcmp(s.p + i, "\xE3\x80\x80", 3) != 0 &&
            memcmp(s.p + i, "〒", 3) != 0) {
            return true; /* kana and the common kanji */
        }
    }
    return false;
}

static bool is_digit(char b)
{
    return b >= '0' && b <= '9';
}

/* All dashes between numbers are one; the sign of a long vowel is one only there. */
static struct str dashes(struct arena *mem, struct str s)
{
    static const struct str signs[] = { STR_INIT("ー"), STR_INIT("−"), STR_INIT("‐"), STR_INIT("–"),
        STR_INIT("—") };
    struct buf b;

    buf_init(&b, mem, s.n + 1);
    for (size_t i = 0; i < s.n;) {
        bool dash = false;
        for (size_t k = 0; k < sizeof signs / sizeof *signs && b.n && is_digit(b.p[b.n - 1]); k++) {
            dash = dash || (str_starts(str_sub(s, i, SIGN), signs[k]) && i + SIGN < s.n &&
                               is_digit(s.p[i + SIGN]));
        }
        buf_byte(&b, dash ? '-' : s.p[i]);
        i += dash ? SIGN : 1;
    }
    return buf_str(&b);
}

static int kanji_digit(struct str s)
{
    static const struct str digits[] = { STR_INIT("〇"), STR_INIT("一"), STR_INIT("二"),
        STR_INIT("三"), STR_INIT("四"), STR_INIT("五"), STR_INIT("六"), STR_INIT("七"),
        STR_INIT("八"), STR_INIT("九"), STR_INIT("十") };

    for (int i = 0; i < 11; i++) {
        if (str_starts(s, digits[i])) {
            return i;
        }
    }
    return -1;
}

/* A written number at s: its value and its length in bytes; 0 for none. Up to 99. */
static size_t kanji_number(struct str s, int *value)
{
    size_t at = 0;
    int total = 0, last = 0;

    for (int d; at < s.n && (d = kanji_digit(str_sub(s, at, SIGN))) >= 0; at += SIGN) {
        total += d == 10 ? (last ? last : 1) * 10 : 0;
        last = d == 10 ? 0 : d;
    }
    *value = total + last;
    return at;
}

static const char *const marks[] = { "丁目", "番地", "番", "号" };
enum { MARKS = 4 };

static size_t mark_at(struct str s)
{
    for (size_t i = 0; i < MARKS; i++) {
        if (str_starts(s, str_of(marks[i]))) {
            return i;
        }
    }
    return MARKS;
}

/* 一丁目二番三号 to 1-2-3: a mark between two numbers is a hyphen, at the end only 丁目 stays. */
static struct str numbers(struct arena *mem, struct str s)
{
    struct buf b;
    bool marked = false;

    buf_init(&b, mem, 2 * s.n + 16);
    for (size_t i = 0; i < s.n;) {
        struct str rest = str_sub(s, i, s.n);
        int value;
        size_t n = kanji_number(rest, &value), mark = mark_at(str_sub(rest, n, rest.n));
        if (n && mark < MARKS) {
            buf_int(&b, value);
            i += n;
            continue;
        }
        mark = mark_at(rest);
        bool behind = b.n && is_digit(b.p[b.n - 1]);
        if (behind && mark < MARKS && (marked || mark < 3)) {
            struct str next = str_sub(rest, strlen(marks[mark]), rest.n);
            bool number =
                next.n && (is_digit(next.p[0]) || (kanji_number(next, &value) && mark < 3));
            marked = true;
            if (number || mark) {
                buf_lit(&b, number ? "-" : "");
                i += strlen(marks[mark]);
                continue;
            }
        }
        if (behind && str_starts(rest, STR("の")) && rest.n > SIGN && is_digit(rest.p[SIGN])) {
            buf_byte(&b, '-');
            i += SIGN;
            continue;
        }
        buf_byte(&b, s.p[i++]);
    }
    return buf_str(&b);
}

/* ---- prefecture and municipality ---- */

static struct str take_prefecture(struct taking *t, struct str s)
{
    for (size_t n = 4 * SIGN; n >= 3 * SIGN; n -= SIGN) {
        struct str head = str_sub(s, 0, n);
        if (head.n == n && !has_digit(head) && address_region(t, head, &t->out->region)) {
            return str_sub(s, n, s.n);
        }
    }
    return s;
}

/* The sign that ends a municipality, searched in the first signs behind `from`; 0 for none. */
static size_t end_of(struct str s, size_t from, size_t most, const char *signs)
{
    for (size_t i = from; i + SIGN <= s.n && i < from + most * SIGN; i += SIGN) {
        if ((unsigned char)s.p[i] < 0xE3) {
            return 0;
        }
        struct str all = str_of(signs);
        for (size_t k = 0; k < all.n; k += SIGN) {
            if (i > from && memcmp(s.p + i, all.p + k, SIGN) == 0) {
                return i + SIGN;
            }
        }
    }
    return 0;
}

static struct str take_municipality(struct taking *t, struct str s)
{
    size_t end = end_of(s, 0, NAME_MAX_SIGNS, "市区郡");

    if (!end) {
        end = end_of(s, 0, NAME_MAX_SIGNS, "町村");
    } else if (str_starts(str_sub(s, end - SIGN, SIGN), STR("市"))) {
        end += str_starts(str_sub(s, end, SIGN), STR("市")) ? SIGN : 0; /* 四日市市 */
        size_t ward = end_of(s, end, 4, "区");
        end = ward ? ward : end;
    } else if (str_starts(str_sub(s, end - SIGN, SIGN), STR("郡"))) {
        size_t town = end_of(s, end, NAME_MAX_SIGNS, "町村");
        end = town ? town : end;
    }
    if (end && (t->out->region.n || has_digit(s))) {
        t->out->city = str_sub(s, 0, end);
        return str_sub(s, end, s.n);
    }
    return s;
}

/* ---- the whole ---- */

static bool is_country(struct str s)
{
    return is_listed(s, "日本 日本国 JAPAN");
}

/* 〒100-0001, wherever it stands. */
static bool is_code(struct str s, struct str *digits)
{
    s = str_starts(s, STR("〒")) ? str_sub(s, SIGN, s.n) : s;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]) && !(s.p[i] == '-' && i == 3)) {
            return false;
        }
    }
    *digits = s;
    return s.n == 7 || (s.n == 8 && s.p[3] == '-');
}

void take_japanese(struct taking *t, struct str typed)
{
    struct str s = dashes(t->mem, utf8_nfkc(t->mem, typed)), code;
    struct words w, rest = { .n = 0 };
    char *text = (char *)arena_cstr(t->mem, s);

    for (char *p = text; *p; p++) {
        *p = *p == '\n' || *p == ',' || *p == '\t' || *p == '\r' ? ' ' : *p;
    }
    words_split((struct str) { text, s.n }, &w);
    for (size_t i = 0; i < w.n; i++) {
        if (is_code(w.w[i], &code) && !t->out->postcode.n) {
            struct str tail = str_sub(code, code.n - 4, 4);
            t->out->postcode = arena_fmt(t->mem, "%.3s-%.*s", code.p, STR_ARG(tail));
        } else if (!is_country(w.w[i]) && !str_is(w.w[i], "〒")) {
            rest.w[rest.n++] = w.w[i];
        }
    }
    if (!rest.n) {
        return;
    }
    bool known = t->out->city.n || t->out->region.n; /* came as parts of their own */
    struct str street = known ? rest.w[0] : take_municipality(t, take_prefecture(t, rest.w[0]));
    size_t from = 1;
    if (!street.n && rest.n > 1) {
        street = rest.w[from++];
    }
    street = numbers(t->mem, street);
    struct str others = words_span(t->mem, &rest, from, rest.n);
    bool placed = t->out->city.n || t->out->region.n || has_digit(street);
    t->out->street = placed ? street : beside(t->mem, street, " ", others);
    t->out->extra = placed ? others : STR("");
}

/* ---- in Latin letters ---- */

static bool is_municipality(struct str s)
{
    static const char *const ends[] = { "-ku", "-shi", "-gun", "-cho", "-machi", "-mura", "-son" };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (s.n > n && str_eq_nocase(str_sub(s, s.n - n, n), str_of(ends[i]))) {
            return true;
        }
    }
    return false;
}

/* The city that was found beside the postcode is the prefecture here; the municipality is pieces by
 * ending. */
void take_latin_city(struct taking *t)
{
    struct str city = t->out->city, region;

    if (city.n && address_region(t, city, &region)) {
        t->out->region = region;
        city = STR("");
    }
    if (!t->out->region.n && t->n > 1 && address_region(t, t->piece[t->n - 1], &region)) {
        t->out->region = region;
        t->n--;
    }
    t->out->city = STR("");
    for (size_t i = 0; i < t->n; i++) {
        if (!is_municipality(t->piece[i]) && !(t->out->city.n && !has_digit(t->piece[i]))) {
            continue;
        }
        t->out->city = beside(t->mem, t->out->city, ", ", spell_city(t, t->piece[i]));
        piece_remove(t, i--);
    }
    t->out->city = beside(t->mem, t->out->city, ", ", city);
}
