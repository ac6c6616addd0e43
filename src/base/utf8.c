/* utf8.c - well-formedness by hand, normal forms by utf8proc.
 *
 * The fold keeps marks that carry meaning: vowel signs and viramas of the scripts of India, Thai
 * vowels and tones, the voicing of Japanese kana. Accents of Latin, Greek and Cyrillic and the
 * optional points of Hebrew and Arabic go. */

#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

enum { ON_STACK = 256 };

/* Letters that Unicode does not decompose, lower case (case folding comes first), sorted. */
static const struct {
    int32_t from;
    const char *to;
} letters[] = {
    { 0x00e6, "ae" }, /* ae */
    { 0x00f0, "d" },  /* eth */
    { 0x00f8, "o" },  /* o with stroke */
    { 0x00fe, "th" }, /* thorn */
    { 0x0111, "d" },  /* d with stroke */
    { 0x0127, "h" },  /* h with stroke */
    { 0x0131, "i" },  /* dotless i */
    { 0x0138, "k" },  /* kra */
    { 0x0142, "l" },  /* l with stroke */
    { 0x014b, "n" },  /* eng */
    { 0x0153, "oe" }, /* oe */
    { 0x0167, "t" },  /* t with stroke */
    { 0x0180, "b" },  /* b with stroke */
    { 0x0199, "k" },  /* k with hook */
    { 0x019a, "l" },  /* l with bar */
    { 0x01b6, "z" },  /* z with stroke */
    { 0x01e5, "g" },  /* g with stroke */
    { 0x0253, "b" },  /* b with hook */
    { 0x0256, "d" },  /* african d */
    { 0x0257, "d" },  /* d with hook */
    { 0x0259, "e" },  /* schwa */
    { 0x0268, "i" },  /* i with stroke */
    { 0x0289, "u" },  /* u bar */
    { 0x02b9, "'" },  /* prime letter */
    { 0x02bb, "'" },  /* okina */
    { 0x02bc, "'" },  /* apostrophe letter */
    { 0x2010, "-" },  /* hyphen */
    { 0x2012, "-" },  /* figure dash */
    { 0x2013, "-" },  /* en dash */
    { 0x2014, "-" },  /* em dash */
    { 0x2015, "-" },  /* bar */
    { 0x2018, "'" },  /* left quote */
    { 0x2019, "'" },  /* right quote, the typographic apostrophe */
    { 0x201b, "'" },  /* reversed quote */
    { 0x2212, "-" },  /* minus */
};

/* The length of the well-formed sequence at s, 0 when there is none. */
static size_t sequence(const unsigned char *s, size_t n)
{
    unsigned low = 0x80, high = 0xbf;
    size_t len;

    if (s[0] < 0x80) {
        return s[0] != 0;
    }
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        len = 2;
    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        len = 3;
        low = s[0] == 0xe0 ? 0xa0 : low;
        high = s[0] == 0xed ? 0x9f : high;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        len = 4;
        low = s[0] == 0xf0 ? 0x90 : low;
        high = s[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (n < len || s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool utf8_valid(struct str s, size_t *bad)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;

    while (i < s.n) {
        uint64_t eight;
        if (s.n - i >= 8) {
            memcpy(&eight, p + i, 8);
            /* eight ASCII bytes of which none is 0 */
            if (!(eight & 0x8080808080808080u) &&
                !((eight - 0x0101010101010101u) & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        size_t len = sequence(p + i, s.n - i);
        if (!len) {
            if (bad) {
                *bad = i;
            }
            return false;
        }
        i += len;
    }
    return true;
}

size_t utf8_length(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    }
    return n;
}

struct str utf8_clip(struct str s, size_t code_points)
{
    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] & 0xc0) != 0x80 && code_points-- == 0) {
            return (struct str) { s.p, i };
        }
    }
    return s;
}

struct folded {
    char *p;
    size_t n;
    bool space; /* one is owed before the next letter */
};

static void put_byte(struct folded *f, char c)
{
    if (f->space && f->n) {
        f->p[f->n++] = ' ';
    }
    f->space = false;
    f->p[f->n++] = c;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static void fold_ascii(struct folded *f, char ch)
{
    if (ch == ' ' || (ch >= '\t' && ch <= '\r')) {
        f->space = true;
    } else if (ch >= 'A' && ch <= 'Z') {
        put_byte(f, (char)(ch + ('a' - 'A')));
    } else {
        put_byte(f, ch);
    }
}

static const char *plain_letter(int32_t c)
{
    size_t low = 0, high = sizeof letters / sizeof *letters;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (letters[mid].from < c) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < sizeof letters / sizeof *letters && letters[low].from == c ? letters[low].to : NULL;
}

/* By canonical combining class: 1 overlays, 10 to 35 Hebrew and Arabic points, 200 and up marks
 * around Latin, Greek and Cyrillic letters. */
static bool is_accent(const utf8proc_property_t *prop)
{
    int class = prop->combining_class;

    return class == 1 || (class >= 10 && class <= 35) || class >= 200;
}

static void fold_point(struct folded *f, int32_t c)
{
    const utf8proc_property_t *prop = utf8proc_get_property(c);
    const char *plain = plain_letter(c);
    utf8proc_uint8_t bytes[4];

    if (c < 0x80) {
        fold_ascii(f, (char)c);
    } else if (prop->category == UTF8PROC_CATEGORY_ZS || prop->category == UTF8PROC_CATEGORY_ZL ||
        prop->category == UTF8PROC_CATEGORY_ZP || c == 0x85) {
        f->space = true;
    } else if (plain) {
        for (; *plain; plain++) {
            put_byte(f, *plain);
        }
    } else if (!is_accent(prop)) {
        utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);
        for (utf8proc_ssize_t i = 0; i < n; i++) {
            put_byte(f, (char)bytes[i]);
        }
    }
}

/* Code points of s in a normal form, in hold when they fit, else in the arena with one to spare.
 * Negative when s is not UTF-8. */
static utf8proc_ssize_t decompose(struct arena *mem, struct str s, int options, int32_t *hold,
    int32_t **points)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)s.p;
    utf8proc_ssize_t len = (utf8proc_ssize_t)s.n;
    utf8proc_ssize_t n =
        utf8proc_decompose(bytes, len, hold, ON_STACK - 1, (utf8proc_option_t)options);

    *points = hold;
    if (n > ON_STACK - 1) {
        *points = ARENA_ARRAY(mem, int32_t, (size_t)n + 1);
        n = utf8proc_decompose(bytes, len, *points, n, (utf8proc_option_t)options);
    }
    return n;
}

struct str utf8_fold(struct arena *mem, struct str s)
{
    int32_t hold[ON_STACK], *points;
    utf8proc_ssize_t n = -1;

    if (!is_ascii(s)) {
        n = decompose(mem, s,
            UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, hold,
            &points);
    }
    struct folded f = { .p = arena_alloc(mem, n < 0 ? s.n + 1 : (size_t)n * 4 + 1) };
    if (n < 0) {
        for (size_t i = 0; i < s.n; i++) {
            fold_ascii(&f, s.p[i]);
        }
    }
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        fold_point(&f, points[i]);
    }
    return (struct str) { f.p, f.n };
}

static struct str composed(struct arena *mem, struct str s, utf8proc_option_t options)
{
    int32_t hold[ON_STACK], *points;

    if (is_ascii(s)) {
        return arena_str(mem, s);
    }
    utf8proc_ssize_t n = decompose(mem, s, (int)options, hold, &points);
    if (n >= 0) {
        n = utf8proc_reencode(points, n, options);
    }
    if (n < 0) {
        return arena_str(mem, s);
    }
    return arena_str(mem, (struct str) { (const char *)points, (size_t)n });
}

struct str utf8_nfc(struct arena *mem, struct str s)
{
    return composed(mem, s, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
}

struct str utf8_nfkc(struct arena *mem, struct str s)
{
    return composed(mem, s, UTF8PROC_COMPOSE | UTF8PROC_STABLE | UTF8PROC_COMPAT);
}

void utf8_mend(char *text)
{
    struct str rest = str_of(text);
    char *out = text;
    size_t bad;

    while (!utf8_valid(rest, &bad)) {
        memmove(out, rest.p, bad);
        out += bad;
        rest = str_sub(rest, bad + 1, rest.n);
    }
    memmove(out, rest.p, rest.n);
    out[rest.n] = '\0';
}

struct str utf8_cased(struct arena *mem, struct str s, enum utf8_case how)
{
    char *out = arena_alloc(mem, s.n * 2 + 8); /* a pair is at most a byte longer than its letter */
    size_t n = 0;

    for (size_t i = 0; i < s.n;) {
        utf8proc_int32_t code;
        utf8proc_ssize_t len
            = utf8proc_iterate((const utf8proc_uint8_t *)s.p + i, (utf8proc_ssize_t)(s.n - i), &code);
        if (len <= 0) {
            out[n++] = s.p[i++];
            continue;
        }
        code = how == UTF8_LOWER ? utf8proc_tolower(code)
            : how == UTF8_UPPER || i == 0 ? utf8proc_toupper(code)
                                          : code;
        n += (size_t)utf8proc_encode_char(code, (utf8proc_uint8_t *)out + n);
        i += (size_t)len;
    }
    return (struct str) { out, n };
}
