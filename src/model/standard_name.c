/* standard_name.c - takes a person's name apart: title, first, middle and last name, suffix.
 *
 * tests/data/README.md has the rules by number; tables/name_titles.csv, name_particles.csv and
 * given_names.csv the words. A wrong guess costs more than none: what the rules do not know stays in the
 * order typed. */

#include "base/buf.h"
#include "base/utf8.h"
#include "model/standard.h"
#include "model/standard_table.h"

#include <string.h>
#include <utf8proc.h>

enum { WORDS = 40, SEGMENTS = 6, NAME_BYTES = 1000, TITLE_NORMAL = 3, TITLE_WORDS = 5,
    PARTICLE_LANGUAGE = 1, PARTICLE_WORD, PARTICLE_POSITION, PARTICLE_CASE, GIVEN_SECOND = 2,
    GIVEN_LANGUAGE };

struct words {
    struct str w[WORDS];
    size_t n;
};

struct parse {
    struct arena *mem;
    struct words segment[SEGMENTS]; /* between commas */
    size_t n;
    bool one_case; /* all capitals or all small: case says nothing and is made */
    bool turkish;
    struct buf title, suffix;
    struct words first, middle, last;
};

static void push(struct words *to, struct str s)
{
    if (to->n < WORDS && s.n) {
        to->w[to->n++] = s;
    }
}

static void push_all(struct words *to, const struct words *from, size_t a, size_t b)
{
    for (size_t i = a; i < b; i++) {
        push(to, from->w[i]);
    }
}

static void drop_first(struct words *w, size_t n)
{
    memmove(w->w, w->w + n, (w->n - n) * sizeof *w->w);
    w->n -= n;
}

static struct str joined(struct arena *mem, const struct words *w, size_t a, size_t b)
{
    struct buf out;

    buf_init(&out, mem, 4 * NAME_BYTES);
    for (size_t i = a; i < b; i++) {
        buf_lit(&out, i > a ? " " : "");
        buf_add(&out, w->w[i]);
    }
    return buf_str(&out);
}

/* ---- rule 1: blanks, nicknames, hyphens; then words and segments ---- */

static size_t blank_at(struct str s, size_t i)
{
    return s.p[i] == ' ' || s.p[i] == '\t'                        ? 1
        : i + 2 < s.n && memcmp(s.p + i, "\xE3\x80\x80", 3) == 0 ? 3 /* ideographic */
        : i + 1 < s.n && memcmp(s.p + i, "\xC2\xA0", 2) == 0     ? 2
                                                                 : 0;
}

static struct str cleaned(struct arena *mem, struct str s)
{
    struct buf b;
    bool quoted = false;
    int depth = 0;

    buf_init(&b, mem, NAME_BYTES * 2);
    for (size_t i = 0; i < s.n;) {
        size_t blank = blank_at(s, i);
        if (s.p[i] == '"' || s.p[i] == '(' || s.p[i] == ')') {
            depth += s.p[i] == '(' ? 1 : s.p[i] == ')' && depth > 0 ? -1 : 0;
            quoted = s.p[i] == '"' ? !quoted : quoted;
            blank = 1;
        } else if (!blank && !quoted && !depth) {
            buf_byte(&b, s.p[i++]);
            continue;
        }
        if (b.n && b.p[b.n - 1] != ' ') {
            buf_byte(&b, ' ');
        }
        i += blank ? blank : 1;
    }
    return str_trim(buf_str(&b));
}

static void cut(struct parse *p, struct str s)
{
    struct str segment, word;

    while (p->n < SEGMENTS && str_split(&s, ',', &segment)) {
        struct words *w = &p->segment[p->n];
        while (str_split(&segment, ' ', &word)) {
            bool joins = w->n && (str_is(word, "-") || str_ends(w->w[w->n - 1], STR("-")));
            if (joins) {
                w->w[w->n - 1] = arena_fmt(p->mem, "%.*s%.*s", STR_ARG(w->w[w->n - 1]), STR_ARG(word));
            } else {
                push(w, word);
            }
        }
        p->n += w->n > 0;
    }
}

/* ---- letters ---- */

static int32_t letter_at(struct str s, size_t i, size_t *n)
{
    utf8proc_int32_t letter;
    utf8proc_ssize_t got
        = utf8proc_iterate((const utf8proc_uint8_t *)s.p + i, (utf8proc_ssize_t)(s.n - i), &letter);

    *n = got > 0 ? (size_t)got : 1;
    return got > 0 ? letter : (unsigned char)s.p[i];
}

struct cases {
    int upper, lower;
};

static struct cases cases_of(struct str s)
{
    struct cases c = { 0, 0 };

    for (size_t i = 0, n; i < s.n; i += n) {
        int32_t letter = letter_at(s, i, &n);
        c.upper += utf8proc_tolower(letter) != letter;
        c.lower += utf8proc_toupper(letter) != letter;
    }
    return c;
}

static void put_letter(struct buf *b, int32_t letter)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(letter, bytes);

    buf_add(b, (struct str) { (const char *)bytes, n > 0 ? (size_t)n : 0 });
}

static int32_t small(const struct parse *p, int32_t letter)
{
    return p->turkish && letter == 'I' ? 0x131 : letter == 0x130 ? 'i' : utf8proc_tolower(letter);
}

static int32_t capital(const struct parse *p, int32_t letter)
{
    return p->turkish && letter == 'i' ? 0x130 : utf8proc_toupper(letter);
}

static bool ends_word(struct str s, size_t i)
{
    size_t n;

    return i >= s.n || utf8proc_category(letter_at(s, i, &n)) > UTF8PROC_CATEGORY_LO;
}

/* ---- the tables ---- */

static bool is_particle_row(size_t row, const char *position)
{
    return strcmp(table_cell(&table_name_particles, row, PARTICLE_POSITION), position) == 0;
}

/* A row of the table at this position; table_name_particles.rows for none. */
static size_t particle_row(struct arena *mem, struct str s, const char *position)
{
    struct str key = utf8_fold(mem, s);
    size_t row = table_find(&table_name_particles, key);

    while (table_has(&table_name_particles, row, key) && !is_particle_row(row, position)) {
        row++;
    }
    return table_has(&table_name_particles, row, key) ? row : table_name_particles.rows;
}

/* How many words from i on are a particle of a family name: "van den" 2, "auf der" 2. One letter counts only
 * as the table writes it, or small: "John E Sample" has an initial. */
static size_t particle_at(const struct parse *p, const struct words *w, size_t i)
{
    for (size_t n = w->n - i < 3 ? w->n - i : 3; n > 0; n--) {
        struct str s = joined(p->mem, w, i, i + n);
        size_t row = particle_row(p->mem, s, "before");
        bool initial = utf8_length(s) == 1 && cases_of(s).upper && !p->one_case
            && !(row < table_name_particles.rows
                && str_is(s, table_cell(&table_name_particles, row, PARTICLE_WORD)));
        if (row < table_name_particles.rows && !initial) {
            return n;
        }
    }
    return 0;
}

/* "d'", "al-", "Dell'" at the beginning of a word: its length in bytes. */
static size_t joined_particle(const struct parse *p, struct str word)
{
    for (size_t i = 1; i < word.n && i < 8; i++) {
        if (word.p[i] == '\'' || word.p[i] == '-') {
            size_t row = particle_row(p->mem, str_sub(word, 0, i + 1), "before");
            return row < table_name_particles.rows ? i + 1 : 0;
        }
    }
    return 0;
}

/* "Voorbeeld-de Proef" */
static bool ends_with_particle(const struct parse *p, struct str word)
{
    for (size_t i = word.n; i-- > 1;) {
        if (word.p[i] == '-') {
            struct str tail = str_sub(word, i + 1, word.n);
            return tail.n && !cases_of(tail).upper
                && particle_row(p->mem, tail, "before") < table_name_particles.rows;
        }
    }
    return false;
}

/* ---- rule 3: titles ---- */

static bool counts_as_title(struct str s)
{
    size_t letters = 0;

    for (size_t i = 0; i < s.n; i++) {
        letters += s.p[i] != '.';
    }
    return letters > 1 && !str_eq_nocase(s, STR("fr.")) && !str_eq_nocase(s, STR("fr"));
}

static bool take_title(struct parse *p, struct words *w, bool may_be_all)
{
    size_t most = w->n < TITLE_WORDS ? w->n : TITLE_WORDS;

    most = most == w->n && !may_be_all ? most - 1 : most;
    for (size_t n = most; n > 0; n--) {
        struct str s = joined(p->mem, w, 0, n);
        size_t row = table_find(&table_name_titles, utf8_fold(p->mem, s));
        if (row < table_name_titles.rows && counts_as_title(s)) {
            buf_lit(&p->title, p->title.n ? " " : "");
            buf_lit(&p->title, table_cell(&table_name_titles, row, TITLE_NORMAL));
            drop_first(w, n);
            return true;
        }
    }
    return false;
}

/* ---- rule 4: suffixes ---- */

static const char *suffix_of(const struct parse *p, struct str word)
{
    static const char *const pointed[][2] = { { "jr", "Jr." }, { "jr.", "Jr." }, { "sr", "Sr." }, { "sr.", "Sr." } };
    struct str key = utf8_fold(p->mem, word);

    for (size_t i = 0; i < sizeof pointed / sizeof *pointed; i++) {
        if (str_is(key, pointed[i][0])) {
            return pointed[i][1];
        }
    }
    size_t row = particle_row(p->mem, word, "after");
    return row < table_name_particles.rows ? table_cell(&table_name_particles, row, PARTICLE_WORD) : NULL;
}

static bool is_plain_suffix(const struct parse *p, struct str word, size_t at)
{
    static const char *const plain[] = { "jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "phd", "ph.d.", "md", "m.d.", "esq." };
    struct str key = utf8_fold(p->mem, word);

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (str_is(key, plain[i])) {
            return true;
        }
    }
    size_t row = particle_row(p->mem, word, "after");
    return at >= 2 && row < table_name_particles.rows
        && strcmp(table_cell(&table_name_particles, row, PARTICLE_CASE), "capital") == 0;
}

static void add_suffix(struct parse *p, const char *s)
{
    buf_lit(&p->suffix, p->suffix.n ? ", " : "");
    buf_lit(&p->suffix, s);
}

static void take_plain_suffixes(struct parse *p, struct words *w)
{
    size_t from = w->n;

    while (from > 1 && is_plain_suffix(p, w->w[from - 1], from - 1)) {
        from--;
    }
    for (size_t i = from; i < w->n; i++) {
        add_suffix(p, suffix_of(p, w->w[i]));
    }
    w->n = from;
}

static bool is_all_suffix(const struct parse *p, const struct words *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!suffix_of(p, w->w[i])) {
            return false;
        }
    }
    return w->n > 0;
}

/* Segments behind a comma that are nothing but suffixes. */
static void take_suffix_segments(struct parse *p)
{
    size_t kept = 1;

    for (size_t i = 1; i < p->n; i++) {
        if (is_all_suffix(p, &p->segment[i])) {
            for (size_t k = 0; k < p->segment[i].n; k++) {
                add_suffix(p, suffix_of(p, p->segment[i].w[k]));
            }
        } else {
            p->segment[kept++] = p->segment[i];
        }
    }
    p->n = p->n ? kept : 0;
}

/* ---- rules 8 and 9: first names ---- */

static bool is_one_of_list(const struct parse *p, struct str word)
{
    struct str key = utf8_fold(p->mem, word);

    for (size_t row = table_find(&table_given_names, key); table_has(&table_given_names, row, key); row++) {
        if (!*table_cell(&table_given_names, row, GIVEN_SECOND)) {
            return true;
        }
    }
    return false;
}

/* How many words behind the first belong to it: "Hans Peter" 1, "María del Carmen" 2. */
static size_t second_of(const struct parse *p, const struct words *w, bool *iberian)
{
    struct str key = utf8_fold(p->mem, w->w[0]);
    size_t best = 0;

    for (size_t row = table_find(&table_given_names, key); table_has(&table_given_names, row, key); row++) {
        struct str second = utf8_fold(p->mem, str_of(table_cell(&table_given_names, row, GIVEN_SECOND)));
        const char *language = table_cell(&table_given_names, row, GIVEN_LANGUAGE);
        for (size_t n = 1; second.n && n < 4 && n < w->n; n++) {
            if (n > best && str_eq(utf8_fold(p->mem, joined(p->mem, w, 1, 1 + n)), second)) {
                best = n;
                *iberian = strcmp(language, "es") == 0 || strcmp(language, "pt") == 0;
            }
        }
    }
    if (!best && str_is(key, "abdul") && w->n > 1) {
        best = 1;
    }
    return best;
}

/* The first name off the front of w, which keeps at least `leave` words. *iberian: all the rest is the family
 * name. */
static void take_first(struct parse *p, struct words *w, size_t leave, bool *iberian)
{
    bool listed = is_one_of_list(p, w->w[0]);
    size_t n = 1 + second_of(p, w, iberian);

    if (n > 1 && w->n >= n + leave) {
        listed = false;
    } else {
        n = 1;
        *iberian = listed;
    }
    while (listed && w->n > n + leave && is_one_of_list(p, w->w[n])) {
        n++;
    }
    push_all(&p->first, w, 0, n);
    drop_first(w, n);
}

/* ---- the order of words ---- */

static bool is_capitals(struct str word)
{
    struct cases c = cases_of(word);

    return !c.lower && c.upper >= 3 && str_find_byte(word, '.') < 0;
}

/* Rule 6: what is written in capitals among others is the family name. */
static bool take_capitals(struct parse *p, struct words *w)
{
    struct words rest = { .n = 0 };
    size_t capitals = 0;

    for (size_t i = 0; i < w->n; i++) {
        capitals += is_capitals(w->w[i]);
    }
    if (p->one_case || !capitals || capitals == w->n) {
        return false;
    }
    for (size_t i = 0; i < w->n; i++) {
        push(is_capitals(w->w[i]) ? &p->last : &rest, w->w[i]);
    }
    *w = rest;
    return true;
}

static size_t family_begins(const struct parse *p, const struct words *w)
{
    for (size_t i = 0; i + 1 < w->n; i++) {
        if (particle_at(p, w, i) || ends_with_particle(p, w->w[i])) {
            return i;
        }
    }
    return w->n - 1;
}

static void natural_order(struct parse *p, struct words *w)
{
    bool iberian = false;
    size_t lead = w->n ? particle_at(p, w, 0) : 0;

    if (!w->n) {
        return;
    }
    if (w->n == 1) {
        push_all(p->title.n ? &p->last : &p->first, w, 0, 1);
        return;
    }
    if (lead && lead + 1 == w->n && !(cases_of(w->w[0]).upper && !p->one_case)) {
        push_all(&p->last, w, 0, w->n);
        return;
    }
    if (take_capitals(p, w)) {
        if (w->n) {
            take_first(p, w, 0, &iberian);
        }
        push_all(&p->middle, w, 0, w->n);
        return;
    }
    take_first(p, w, 1, &iberian);
    size_t from = iberian ? 0 : family_begins(p, w);
    push_all(&p->middle, w, 0, from);
    push_all(&p->last, w, from, w->n);
}

static bool is_all_particles(const struct parse *p, const struct words *w)
{
    size_t i = 0, n = 1;

    while (i < w->n && n) {
        n = particle_at(p, w, i);
        i += n;
    }
    return w->n && i == w->n;
}

/* Rule 5: "Berg, Jan van den". */
static void comma_order(struct parse *p)
{
    struct words given = { .n = 0 }, before = { .n = 0 };
    bool iberian;

    take_plain_suffixes(p, &p->segment[0]);
    for (size_t i = 1; i < p->n; i++) {
        struct words *w = &p->segment[i];
        if (is_all_particles(p, w)) {
            push_all(&before, w, 0, w->n);
            continue;
        }
        while (w->n && take_title(p, w, true)) {
        }
        take_plain_suffixes(p, w);
        for (size_t k = 1; k < w->n; k++) {
            struct words tail = { .n = 0 };
            push_all(&tail, w, k, w->n);
            if (is_all_particles(p, &tail)) {
                push_all(&before, &tail, 0, tail.n);
                w->n = k;
            }
        }
        push_all(&given, w, 0, w->n);
    }
    push_all(&p->last, &before, 0, before.n);
    push_all(&p->last, &p->segment[0], 0, p->segment[0].n);
    if (given.n) {
        take_first(p, &given, 0, &iberian);
        push_all(&p->middle, &given, 0, given.n);
    }
}

/* ---- rule 11: case ---- */

static struct str cased(const struct parse *p, struct str word)
{
    size_t particle = joined_particle(p, word);
    bool begin = true, mc = word.n > 3 && str_eq_nocase(str_sub(word, 0, 2), STR("mc"));
    struct buf b;

    buf_init(&b, p->mem, NAME_BYTES);
    for (size_t i = 0, n; i < word.n; i += n) {
        int32_t letter = letter_at(word, i, &n);
        int32_t low = small(p, letter);
        if (low == 0x3C3 && b.n && ends_word(word, i + n)) {
            low = 0x3C2; /* the sigma at the end of a word */
        }
        put_letter(&b, i < particle ? low : begin || (mc && i == 2) ? capital(p, small(p, letter)) : low);
        begin = letter == '-' || letter == '\'' || letter == '.' || letter == 0x2019;
    }
    return buf_str(&b);
}

static struct str lowered(const struct parse *p, struct str word)
{
    struct buf b;

    buf_init(&b, p->mem, NAME_BYTES);
    for (size_t i = 0, n; i < word.n; i += n) {
        put_letter(&b, small(p, letter_at(word, i, &n)));
    }
    return buf_str(&b);
}

static void set_case(const struct parse *p, struct words *w, bool family)
{
    for (size_t i = 0; i < w->n;) {
        size_t n = (family || i) && i + 1 < w->n ? particle_at(p, w, i) : 0;
        bool all = !p->one_case && is_capitals(w->w[i]) && family;
        if (!p->one_case && !all) {
            i++;
            continue;
        }
        for (size_t k = 0; k < n; k++) {
            w->w[i + k] = lowered(p, w->w[i + k]);
        }
        if (!n) {
            w->w[i] = cased(p, w->w[i]);
        }
        i += n ? n : 1;
    }
}

/* ---- rule 2: scripts in which the family name stands first ---- */

static bool is_cjk(struct str s)
{
    for (size_t i = 0, n; i < s.n; i += n) {
        int32_t letter = letter_at(s, i, &n);
        if ((letter >= 0x3040 && letter <= 0x30FF) || (letter >= 0x3400 && letter <= 0x9FFF)
            || (letter >= 0xAC00 && letter <= 0xD7A3)) {
            return true;
        }
    }
    return false;
}

static void cjk_order(struct str s, struct person_name *out)
{
    static const char *const titles[] = { "様", "さん", "先生", "殿" };

    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        if (str_ends(s, str_of(titles[i])) && s.n > strlen(titles[i])) {
            out->title = str_of(titles[i]);
            s = str_trim(str_sub(s, 0, s.n - strlen(titles[i])));
            break;
        }
    }
    ptrdiff_t blank = str_find_byte(s, ' ');
    out->last = blank < 0 ? s : str_sub(s, 0, (size_t)blank);
    out->first = blank < 0 ? STR("") : str_trim(str_sub(s, (size_t)blank, s.n));
}

void standard_person(struct arena *mem, struct str typed, struct person_name *out)
{
    struct parse *p = ARENA_NEW(mem, struct parse);
    struct str s = cleaned(mem, utf8_nfc(mem, utf8_clip(typed, NAME_BYTES / 4)));
    struct cases c = cases_of(s);

    *out = (struct person_name) { STR(""), STR(""), STR(""), STR(""), STR("") };
    if (is_cjk(s)) {
        cjk_order(s, out);
        return;
    }
    p->mem = mem;
    p->one_case = !c.upper || !c.lower;
    for (size_t i = 0, n; i < s.n; i += n) {
        int32_t letter = letter_at(s, i, &n);
        p->turkish = p->turkish || letter == 0x131 || letter == 0x130 || letter == 0x15E || letter == 0x15F
            || letter == 0x11E || letter == 0x11F;
    }
    buf_init(&p->title, mem, NAME_BYTES);
    buf_init(&p->suffix, mem, NAME_BYTES);
    cut(p, s);
    if (!p->n) {
        return;
    }
    while (take_title(p, &p->segment[0], p->n > 1 && p->segment[0].n > 1)) {
    }
    if (p->n > 1) {
        struct words first = p->segment[0];
        take_plain_suffixes(p, &first);
        bool had = first.n < p->segment[0].n;
        p->segment[0] = had ? first : p->segment[0];
        take_suffix_segments(p);
    }
    if (p->n > 1) {
        comma_order(p);
    } else {
        take_plain_suffixes(p, &p->segment[0]);
        natural_order(p, &p->segment[0]);
    }
    set_case(p, &p->first, false);
    set_case(p, &p->middle, false);
    set_case(p, &p->last, true);
    *out = (struct person_name) { buf_str(&p->title), joined(mem, &p->first, 0, p->first.n),
        joined(mem, &p->middle, 0, p->middle.n), joined(mem, &p->last, 0, p->last.n), buf_str(&p->suffix) };
}
