/* phone.c - the steps are those of libphonenumber: prefix for going abroad, calling code, the country's own prefix;
 * each is taken away only where what is left is a number that its plan could hold. */

#include "model/phone.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "model/phone_pattern.h"
#include "model/standard_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* columns of phone_regions; the first is the fold that sorts */
enum { R_KEY, R_REGION, R_CALLING, R_MAIN, R_IDD, R_GENERAL, R_LENGTHS, R_PREFIX, R_TRANSFORM, R_LEADING, R_TYPES };
enum { TYPES = 10, FIXED = 0, MOBILE = 1 };
/* and of phone_formats */
enum { F_KEY, F_CALLING, F_PATTERN, F_FORMAT, F_INTERNATIONAL, F_LEADING, F_RULE };

enum { CALLING_MOST = 3, NATIONAL_LEAST = 2, NATIONAL_MOST = 17, DIGITS_MOST = 15, INPUT_MOST = 200 };

typedef size_t region; /* a row of phone_regions */
static const region no_region = SIZE_MAX;

static const char *of(region r, int column)
{
    return table_cell(&table_phone_regions, r, (size_t)column);
}

static region region_of(struct arena *mem, struct str country)
{
    size_t row = country.n == 2 ? table_find(&table_phone_regions, utf8_fold(mem, country))
                                : table_phone_regions.rows;

    return row < table_phone_regions.rows ? row : no_region;
}

/* The main country of the calling code with which digits begin. No calling code begins another. */
static region calling_region(struct str digits)
{
    for (region r = 0; r < table_phone_regions.rows; r++) {
        const char *calling = of(r, R_CALLING);
        if (digits.n && calling[0] == digits.p[0] && of(r, R_MAIN)[0] && str_starts(digits, str_of(calling))) {
            return r;
        }
    }
    return no_region;
}

static bool in_plan(region r, struct str national)
{
    return pattern_match(of(r, R_GENERAL), national, true, NULL);
}

enum length { LENGTH_SHORT, LENGTH_GOOD, LENGTH_BAD, LENGTH_LONG };

static enum length length_of(region r, size_t n)
{
    struct str rest = str_of(of(r, R_LENGTHS)), one;
    int64_t least = 99, most = 0, v;

    while (str_split(&rest, ' ', &one)) {
        if (!str_to_int(one, &v)) {
            continue;
        }
        if ((size_t)v == n) {
            return LENGTH_GOOD;
        }
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    return (int64_t)n < least ? LENGTH_SHORT : (int64_t)n > most ? LENGTH_LONG : LENGTH_BAD;
}

/* ---- signs ---- */

/* The digit that the bytes at p stand for, of Arabic, Persian and Devanagari ones; -1 for others. */
static int foreign_digit(const unsigned char *p, size_t left, size_t *bytes)
{
    if (left >= 2 && p[0] == 0xD9 && p[1] >= 0xA0 && p[1] <= 0xA9) {
        *bytes = 2;
        return p[1] - 0xA0;
    }
    if (left >= 2 && p[0] == 0xDB && p[1] >= 0xB0 && p[1] <= 0xB9) {
        *bytes = 2;
        return p[1] - 0xB0;
    }
    if (left >= 3 && p[0] == 0xE0 && p[1] == 0xA5 && p[2] >= 0xA6 && p[2] <= 0xAF) {
        *bytes = 3;
        return p[2] - 0xA6;
    }
    return -1;
}

/* Dashes, and marks without width that come along when a number is copied. */
static size_t sign_between(const unsigned char *p, size_t left)
{
    if (strchr(" ()-./\t", p[0]) && p[0]) {
        return 1;
    }
    bool mark = left >= 3 && p[0] == 0xE2
        && ((p[1] == 0x80 && ((p[2] >= 0x8B && p[2] <= 0x95) || (p[2] >= 0xAA && p[2] <= 0xAE)))
            || (p[1] == 0x81 && (p[2] == 0xA0 || (p[2] >= 0xA6 && p[2] <= 0xA9)))
            || (p[1] == 0x88 && p[2] == 0x92));
    return mark ? 3 : 0;
}

struct dialled {
    char *digits;
    size_t n;
    bool plus;
};

static bool take_signs(struct arena *mem, struct str s, struct dialled *d, const char **why)
{
    *d = (struct dialled) { .digits = arena_alloc(mem, s.n + 1) };
    for (size_t i = 0; i < s.n;) {
        const unsigned char *p = (const unsigned char *)s.p + i;
        size_t bytes = 1;
        int foreign = foreign_digit(p, s.n - i, &bytes);
        if (isdigit(p[0]) || foreign >= 0) {
            d->digits[d->n++] = (char)(foreign >= 0 ? '0' + foreign : p[0]);
        } else if (p[0] == '+' && d->n == 0) {
            d->plus = true;
        } else if (d->n > 3 && strchr("xX#;eE", p[0]) && p[0]) {
            break; /* an extension is not part of the key */
        } else if ((bytes = sign_between(p, s.n - i)) == 0) {
            *why = "a phone number holds digits, spaces and + ( ) - . /";
            return false;
        }
        i += bytes;
    }
    return true;
}

/* ---- the country's own prefix ---- */

static int groups_in(const char *pattern)
{
    int n = 0;

    for (; *pattern; pattern++) {
        n += *pattern == '(' && pattern[1] != '?';
    }
    return n;
}

/* "$2" and digits, with what the groups matched. */
static void put_groups(struct buf *out, const char *text, struct str s, const struct pattern_span *spans)
{
    for (; *text; text++) {
        if (*text == '$' && isdigit((unsigned char)text[1])) {
            const struct pattern_span *g = &spans[*++text - '0'];
            if (g->to > g->from) {
                buf_add(out, str_sub(s, (size_t)g->from, (size_t)(g->to - g->from)));
            }
        } else {
            buf_byte(out, *text);
        }
    }
}

static struct str without_prefix(struct arena *mem, region r, struct str s)
{
    struct pattern_span spans[PATTERN_GROUPS];
    const char *prefix = of(r, R_PREFIX), *transform = of(r, R_TRANSFORM);
    struct buf out;

    if (!pattern_match(prefix, s, false, spans)) {
        return s;
    }
    int last = groups_in(prefix);
    buf_init(&out, mem, s.n + 16);
    if (transform[0] && last < PATTERN_GROUPS && spans[last].to > spans[last].from) {
        put_groups(&out, transform, s, spans);
    }
    buf_add(&out, str_sub(s, (size_t)spans[0].to, s.n));
    struct str rest = buf_str(&out);
    return in_plan(r, s) && !in_plan(r, rest) ? s : rest;
}

/* The same for a number that may be anything: what is left must have a length that the plan knows. */
static struct str national_of(struct arena *mem, region r, struct str s)
{
    struct str rest = without_prefix(mem, r, s);
    enum length length = length_of(r, rest.n);

    return length == LENGTH_SHORT || length == LENGTH_BAD ? s : rest;
}

/* ---- parsing ---- */

/* Digits behind the prefix for going abroad from r; no digits where there is none. */
static struct str behind_idd(region r, struct str d)
{
    struct pattern_span spans[PATTERN_GROUPS];

    if (r == no_region) {
        return str_starts(d, STR("00")) ? str_sub(d, 2, d.n) : STR("");
    }
    if (pattern_match(of(r, R_IDD), d, false, spans)) {
        struct str rest = str_sub(d, (size_t)spans[0].to, d.n);
        return rest.n && rest.p[0] != '0' ? rest : STR("");
    }
    /* 00 is written everywhere, if it leads to a number that exists */
    struct str rest = str_starts(d, STR("00")) && !in_plan(r, d) ? str_sub(d, 2, d.n) : STR("");
    region to = rest.n ? calling_region(rest) : no_region;
    return to != no_region && in_plan(to, str_sub(rest, strlen(of(to, R_CALLING)), rest.n))
        ? rest
        : STR("");
}

static bool make_key(
    struct arena *mem, region r, struct str national, struct str *key, const char **why)
{
    size_t calling = strlen(of(r, R_CALLING));

    if (national.n < NATIONAL_LEAST || national.n > NATIONAL_MOST
        || (calling + national.n > DIGITS_MOST && length_of(r, national.n) != LENGTH_GOOD)) {
        *why = "a phone number has 7 to 15 digits";
        return false;
    }
    *key = arena_fmt(mem, "+%s%.*s", of(r, R_CALLING), STR_ARG(national));
    return true;
}

static bool international(struct arena *mem, struct str d, struct str *key, const char **why)
{
    region r = calling_region(d);

    if (r == no_region || d.n < 6) {
        *why = r == no_region ? "no country has this calling code" : "a phone number has 7 to 15 digits";
        return false;
    }
    struct str national = str_sub(d, strlen(of(r, R_CALLING)), d.n);
    return make_key(mem, r, national_of(mem, r, national), key, why);
}

static bool domestic(struct arena *mem, region r, struct str d, struct str *key, const char **why)
{
    struct str calling = str_of(of(r, R_CALLING));

    /* the calling code without a plus, where the whole is no number of the plan and the rest is */
    if (str_starts(d, calling)) {
        struct str rest = without_prefix(mem, r, str_sub(d, calling.n, d.n));
        if ((!in_plan(r, d) && in_plan(r, rest)) || length_of(r, d.n) == LENGTH_LONG) {
            return make_key(mem, r, national_of(mem, r, rest), key, why);
        }
    }
    return make_key(mem, r, national_of(mem, r, d), key, why);
}

bool phone_parse(
    struct arena *mem, struct str typed, struct str country, struct str *key, const char **why)
{
    struct str s = str_trim(typed);
    struct dialled d;

    if (s.n > 4 && str_eq_nocase(str_sub(s, 0, 4), STR("tel:"))) {
        s = str_sub(s, 4, s.n);
    }
    if (s.n > INPUT_MOST) {
        *why = "a phone number has at most 200 characters";
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if ((signed char)s.p[i] < 0) {
            s = utf8_fold(mem, s); /* wide digits and signs become plain ones */
            break;
        }
    }
    if (!take_signs(mem, s, &d, why)) {
        return false;
    }
    struct str digits = { d.digits, d.n };
    region r = region_of(mem, country);
    if (d.plus) {
        return international(mem, digits, key, why);
    }
    if (d.n < 3 || d.n > NATIONAL_MOST + CALLING_MOST) {
        *why = "a phone number has 3 to 15 digits";
        return false;
    }
    struct str abroad = behind_idd(r, digits);
    if (abroad.n) {
        return international(mem, abroad, key, why);
    }
    if (r != no_region) {
        return domestic(mem, r, digits, key, why);
    }
    *key = arena_str(mem, digits);
    if (d.n > DIGITS_MOST) {
        *why = "a phone number has 3 to 15 digits";
        return false;
    }
    return true;
}

/* ---- what a number is ---- */

static bool fits_type(region r, int type, struct str national)
{
    return pattern_match(of(r, R_TYPES + type), national, true, NULL);
}

static enum phone_type type_in(region r, struct str national)
{
    /* the order counts: numbers that cost apart are asked for before those that do not */
    static const struct {
        int column;
        enum phone_type type;
    } dear[] = { { 3, PHONE_PREMIUM }, { 2, PHONE_TOLL_FREE }, { 9, PHONE_SHARED_COST }, { 8, PHONE_VOIP },
        { 4, PHONE_PERSONAL }, { 7, PHONE_PAGER }, { 6, PHONE_UAN }, { 5, PHONE_VOICEMAIL } };

    if (!in_plan(r, national)) {
        return PHONE_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof dear / sizeof dear[0]; i++) {
        if (fits_type(r, dear[i].column, national)) {
            return dear[i].type;
        }
    }
    bool fixed = fits_type(r, FIXED, national), mobile = fits_type(r, MOBILE, national);
    return fixed && mobile ? PHONE_FIXED_OR_MOBILE : fixed ? PHONE_FIXED : mobile ? PHONE_MOBILE : PHONE_UNKNOWN;
}

/* Takes "+49..." apart. */
static region split_key(struct str e164, struct str *national)
{
    struct str d = e164.n && e164.p[0] == '+' ? str_sub(e164, 1, e164.n) : STR("");
    region r = d.n ? calling_region(d) : no_region;

    *national = r != no_region ? str_sub(d, strlen(of(r, R_CALLING)), d.n) : STR("");
    return r;
}

struct phone_facts phone_facts(struct str e164)
{
    struct phone_facts f = { STR(""), PHONE_UNKNOWN };
    struct str national;
    region main = split_key(e164, &national), found = no_region;

    if (main == no_region) {
        return f;
    }
    struct str calling = str_of(of(main, R_CALLING));
    bool alone = true;
    /* of those that share the code the main one is asked first, then those that know their first digits */
    for (region i = 0; i <= table_phone_regions.rows && found == no_region; i++) {
        region r = i ? i - 1 : main;
        if ((i && r == main) || of(r, R_CALLING)[0] != calling.p[0] || !str_is(calling, of(r, R_CALLING))) {
            continue;
        }
        alone = alone && r == main;
        const char *leading = of(r, R_LEADING);
        if (leading[0] ? pattern_match(leading, national, false, NULL)
                       : type_in(r, national) != PHONE_UNKNOWN) {
            found = r;
        }
    }
    if (found == no_region && alone) {
        found = main;
    }
    if (found != no_region) {
        f.region = isdigit((unsigned char)of(found, R_REGION)[0]) ? STR("") : str_of(of(found, R_REGION));
        f.type = type_in(found, national);
    }
    return f;
}

const char *phone_type_word(enum phone_type type)
{
    static const char *const words[] = { "", "fixed", "mobile", "fixed_or_mobile", "toll_free", "premium",
        "personal", "voicemail", "uan", "pager", "voip", "shared_cost" };

    return words[type];
}

/* ---- writing it ---- */

static bool fits_format(size_t row, struct str national, struct pattern_span *spans)
{
    const char *leading = table_cell(&table_phone_formats, row, F_LEADING);

    return (!leading[0] || pattern_match(leading, national, false, NULL))
        && pattern_match(table_cell(&table_phone_formats, row, F_PATTERN), national, true, spans);
}

/* The format with the country's own prefix: the rule takes the place of the first group. */
static void put_national(struct buf *out, const char *format, const char *rule, struct str national,
    const struct pattern_span *spans)
{
    const char *at = rule[0] ? strchr(format, '$') : NULL;

    if (!at) {
        put_groups(out, format, national, spans);
        return;
    }
    char whole[80];
    snprintf(whole, sizeof whole, "%.*s", (int)(at - format), format);
    for (const char *p = rule; *p; p++) {
        size_t n = strlen(whole);
        /* "$1" of the rule stands for whichever group comes first */
        snprintf(whole + n, sizeof whole - n, "%.*s", p[0] == '$' ? 2 : 1, p[0] == '$' ? at : p);
        p += p[0] == '$';
    }
    size_t n = strlen(whole);
    snprintf(whole + n, sizeof whole - n, "%s", at + 2);
    put_groups(out, whole, national, spans);
}

static bool put_formatted(struct buf *out, region r, struct str national, bool abroad)
{
    const struct table *t = &table_phone_formats;
    struct pattern_span spans[PATTERN_GROUPS];

    for (size_t row = table_find(t, str_of(of(r, R_CALLING)));
         table_has(t, row, str_of(of(r, R_CALLING))); row++) {
        const char *other = table_cell(t, row, F_INTERNATIONAL);
        if ((abroad && strcmp(other, "NA") == 0) || !fits_format(row, national, spans)) {
            continue;
        }
        if (abroad) {
            put_groups(out, other[0] ? other : table_cell(t, row, F_FORMAT), national, spans);
        } else {
            put_national(out, table_cell(t, row, F_FORMAT), table_cell(t, row, F_RULE), national, spans);
        }
        return true;
    }
    buf_add(out, national);
    return false;
}

static struct str written(struct arena *mem, struct str e164, bool abroad)
{
    struct str national;
    region r = split_key(e164, &national);
    struct buf out;

    if (r == no_region) {
        return e164;
    }
    buf_init(&out, mem, 120);
    if (abroad) {
        buf_fmt(&out, "+%s ", of(r, R_CALLING));
    }
    (void)put_formatted(&out, r, national, abroad);
    return buf_str(&out);
}

struct str phone_national(struct arena *mem, struct str e164)
{
    return written(mem, e164, false);
}

struct str phone_international(struct arena *mem, struct str e164)
{
    return written(mem, e164, true);
}
