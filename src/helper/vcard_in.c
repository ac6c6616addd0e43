/* vcard_in.c - vCards to CSV: versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350).
 *
 * The headers of the CSV are targets of an import, its lists the JSON that an import reads, so nothing has to
 * be guessed there. What has no place (photos, keys, sounds) is passed over. */

#include "helper/helper.h"

#include "base/csv.h"
#include "base/json.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 << 20, CARD_MAX = 16 << 20, ENTRIES = 40, PIECE = 64 << 10 };

enum column { UID, SALUTATION, FIRST, MIDDLE, LAST, SUFFIX, NICKNAME, EMAILS, PHONES, ADDRESSES, URLS,
    COMPANY, TITLE, DEPARTMENT, BIRTHDAY, LANGUAGE, NOTES, TAGS, COLUMNS };
static const char *const headers[COLUMNS] = { "external_id", "salutation", "first_name", "middle_name",
    "last_name", "suffix", "nickname", "emails", "phones", "addresses", "urls", "company", "job_title",
    "department", "birthday", "language", "description", "tags" };

struct card {
    struct arena *mem;
    struct str text[COLUMNS];
    struct buf lists[COLUMNS];
    struct json_writer writers[COLUMNS];
    int entries[COLUMNS];
    struct str full_name;
    bool open;
};

struct line {
    struct str name, params, value;
};

/* ---- values ---- */

/* Up to an unescaped sign; escapes are resolved. */
static struct str take_piece(struct arena *mem, struct str *rest, char until)
{
    char *out = arena_alloc(mem, rest->n + 1);
    size_t n = 0, i = 0;

    for (; i < rest->n && rest->p[i] != until; i++) {
        char ch = rest->p[i];
        if (ch == '\\' && i + 1 < rest->n) {
            ch = rest->p[++i];
            ch = ch == 'n' || ch == 'N' ? '\n' : ch;
        }
        out[n++] = ch;
    }
    *rest = str_sub(*rest, i + 1, rest->n);
    return str_trim((struct str) { out, n });
}

static struct str plain(struct arena *mem, struct str s)
{
    return take_piece(mem, &s, '\0');
}

static int hex(char c)
{
    return isdigit((unsigned char)c)            ? c - '0'
        : c >= 'A' && c <= 'F'                  ? c - 'A' + 10
        : c >= 'a' && c <= 'f'                  ? c - 'a' + 10
                                                : -1;
}

static struct str unquote(struct arena *mem, struct str s)
{
    char *out = arena_alloc(mem, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '=' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
            out[n++] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return (struct str) { out, n };
}

/* What is not UTF-8 is read as Latin-1. */
static struct str as_utf8(struct arena *mem, struct str s)
{
    size_t bad;

    if (utf8_valid(s, &bad)) {
        return s;
    }
    char *out = arena_alloc(mem, s.n * 2 + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch >= 0x80) {
            out[n++] = (char)(0xc0 | ch >> 6);
            ch = (unsigned char)(0x80 | (ch & 0x3f));
        }
        out[n++] = (char)ch;
    }
    return (struct str) { out, n };
}

static bool has_word(struct str params, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= params.n; i++) {
        bool begins = i == 0 || !isalpha((unsigned char)params.p[i - 1]);
        bool ends = i + n == params.n || !isalpha((unsigned char)params.p[i + n]);
        if (begins && ends && str_eq_nocase(str_sub(params, i, n), str_of(word))) {
            return true;
        }
    }
    return false;
}

static const char *kind_of(struct str params, bool phone)
{
    bool home = has_word(params, "home"), fax = has_word(params, "fax");

    if (phone && fax) {
        return home ? "home fax" : "fax";
    }
    if (phone && (has_word(params, "cell") || has_word(params, "iphone"))) {
        return "mobile";
    }
    if (phone && has_word(params, "pager")) {
        return "pager";
    }
    return home ? "home" : has_word(params, "work") ? "work" : has_word(params, "other") ? "other" : NULL;
}

/* ---- a card ---- */

static void card_begin(struct card *c)
{
    struct arena *mem = c->mem;

    arena_reset(mem);
    *c = (struct card) { .mem = mem, .open = true };
    for (int i = 0; i < COLUMNS; i++) {
        buf_init(&c->lists[i], mem, 1 << 20);
        json_init(&c->writers[i], &c->lists[i]);
    }
}

static void put(struct card *c, enum column at, struct str s)
{
    if (!c->text[at].n) {
        c->text[at] = s;
    }
}

static struct json_writer *entry_begin(struct card *c, enum column at)
{
    if (c->entries[at] == ENTRIES) {
        return NULL;
    }
    if (!c->entries[at]++) {
        json_array(&c->writers[at], NULL);
    }
    json_object(&c->writers[at], NULL);
    return &c->writers[at];
}

static void entry_end(struct json_writer *w, const char *kind, struct str params)
{
    if (kind) {
        json_cstr(w, "kind", kind);
    }
    if (has_word(params, "pref")) {
        json_flag(w, "primary", true);
    }
    json_end_object(w);
}

static void add_entry(struct card *c, enum column at, const char *member, const struct line *l,
    struct str value)
{
    struct json_writer *w = value.n ? entry_begin(c, at) : NULL;

    if (w) {
        json_text(w, member, value);
        entry_end(w, kind_of(l->params, at == PHONES), l->params);
    }
}

/* post office box; second line; street; city; region; postcode; country */
static void add_address(struct card *c, const struct line *l)
{
    static const char *const names[] = { NULL, NULL, "street", "city", "region", "postcode", "country" };
    struct str rest = l->value, pieces[7];
    bool any = false;

    for (int i = 0; i < 7; i++) {
        pieces[i] = take_piece(c->mem, &rest, ';');
        any = any || pieces[i].n;
    }
    struct json_writer *w = any ? entry_begin(c, ADDRESSES) : NULL;
    if (!w) {
        return;
    }
    struct str street = pieces[2];
    for (int i = 1; i >= 0; i--) {
        if (pieces[i].n) {
            street = street.n ? arena_fmt(c->mem, "%.*s, %.*s", STR_ARG(street), STR_ARG(pieces[i]))
                              : pieces[i];
        }
    }
    pieces[2] = street;
    for (int i = 2; i < 7; i++) {
        if (pieces[i].n) {
            json_text(w, names[i], pieces[i]);
        }
    }
    entry_end(w, kind_of(l->params, false), l->params);
}

static void add_name(struct card *c, struct str rest)
{
    static const enum column order[] = { LAST, FIRST, MIDDLE, SALUTATION, SUFFIX };

    for (size_t i = 0; i < 5 && rest.n; i++) {
        put(c, order[i], take_piece(c->mem, &rest, ';'));
    }
}

/* 19850412, 1985-04-12, --0412, 1985-04-12T00:00:00Z */
static struct str date_of_card(struct arena *mem, struct str s)
{
    s = str_trim(s);
    ptrdiff_t t = str_find_byte(s, 'T');
    if (t > 0) {
        s = str_sub(s, 0, (size_t)t);
    }
    if (s.n == 8 && str_find_byte(s, '-') < 0) {
        return arena_fmt(mem, "%.4s-%.2s-%.2s", s.p, s.p + 4, s.p + 6);
    }
    if (s.n == 6 && str_starts(s, STR("--"))) {
        return arena_fmt(mem, "--%.2s-%.2s", s.p + 2, s.p + 4);
    }
    return s;
}

static void add_categories(struct card *c, struct str rest)
{
    for (int i = 0; rest.n && i < ENTRIES; i++) {
        struct str one = take_piece(c->mem, &rest, ',');
        if (one.n) {
            c->text[TAGS] = c->text[TAGS].n
                ? arena_fmt(c->mem, "%.*s;%.*s", STR_ARG(c->text[TAGS]), STR_ARG(one))
                : one;
        }
    }
}

static void take_line(struct card *c, const struct line *l)
{
    struct arena *mem = c->mem;
    struct str rest = l->value;

    if (str_eq_nocase(l->name, STR("N"))) {
        add_name(c, rest);
    } else if (str_eq_nocase(l->name, STR("FN"))) {
        c->full_name = plain(mem, rest);
    } else if (str_eq_nocase(l->name, STR("EMAIL"))) {
        add_entry(c, EMAILS, "address", l, plain(mem, rest));
    } else if (str_eq_nocase(l->name, STR("TEL"))) {
        struct str number = plain(mem, rest);
        add_entry(c, PHONES, "number", l,
            str_starts(number, STR("tel:")) ? str_sub(number, 4, number.n) : number);
    } else if (str_eq_nocase(l->name, STR("URL"))) {
        add_entry(c, URLS, "url", l, plain(mem, rest));
    } else if (str_eq_nocase(l->name, STR("ADR"))) {
        add_address(c, l);
    } else if (str_eq_nocase(l->name, STR("ORG"))) {
        put(c, COMPANY, take_piece(mem, &rest, ';'));
        put(c, DEPARTMENT, take_piece(mem, &rest, ';'));
    } else if (str_eq_nocase(l->name, STR("TITLE"))) {
        put(c, TITLE, plain(mem, rest));
    } else if (str_eq_nocase(l->name, STR("NICKNAME"))) {
        put(c, NICKNAME, plain(mem, rest));
    } else if (str_eq_nocase(l->name, STR("BDAY"))) {
        put(c, BIRTHDAY, date_of_card(mem, rest));
    } else if (str_eq_nocase(l->name, STR("LANG"))) {
        put(c, LANGUAGE, plain(mem, rest));
    } else if (str_eq_nocase(l->name, STR("NOTE"))) {
        put(c, NOTES, plain(mem, rest));
    } else if (str_eq_nocase(l->name, STR("UID"))) {
        put(c, UID, plain(mem, rest));
    } else if (str_eq_nocase(l->name, STR("CATEGORIES"))) {
        add_categories(c, rest);
    }
}

/* Somebody known by the whole name only: the last word is the family name. */
static void split_full_name(struct card *c)
{
    ptrdiff_t cut = -1;

    if (c->text[LAST].n || c->text[FIRST].n) {
        return;
    }
    for (size_t i = 0; i < c->full_name.n; i++) {
        cut = c->full_name.p[i] == ' ' ? (ptrdiff_t)i : cut;
    }
    c->text[FIRST] = cut > 0 ? str_sub(c->full_name, 0, (size_t)cut) : (struct str) { "", 0 };
    c->text[LAST] = str_sub(c->full_name, (size_t)(cut + 1), c->full_name.n);
    if (!c->text[LAST].n) {
        c->text[LAST] = c->text[COMPANY];
    }
}

static enum err_code card_end(struct card *c, struct err *e)
{
    struct buf out;

    split_full_name(c);
    buf_init(&out, c->mem, CARD_MAX * 2);
    for (int i = 0; i < COLUMNS; i++) {
        if (c->entries[i]) {
            json_end_array(&c->writers[i]);
            c->text[i] = buf_str(&c->lists[i]);
        }
        if (i) {
            buf_byte(&out, ',');
        }
        csv_cell(&out, c->text[i], ',');
    }
    buf_byte(&out, '\n');
    c->open = false;
    if (out.failed || fwrite(out.p, 1, out.n, stdout) != out.n) {
        return err_set(e, ERR_TOO_LARGE, NULL, "a card is too large");
    }
    return OK;
}

/* ---- lines ---- */

struct input {
    char bytes[PIECE];
    size_t at, n;
    bool ended;
};

static int next_byte(struct input *in)
{
    if (in->at == in->n && !in->ended) {
        ssize_t got = read(STDIN_FILENO, in->bytes, sizeof in->bytes);
        in->ended = got <= 0;
        in->n = got > 0 ? (size_t)got : 0;
        in->at = 0;
    }
    return in->at < in->n ? (unsigned char)in->bytes[in->at++] : -1;
}

/* A logical line: those that begin with a blank belong to the one before; so does the next after a soft line
 * break of quoted-printable. */
static bool next_line(struct input *in, struct buf *out)
{
    buf_clear(out);
    for (;;) {
        int c = next_byte(in);
        if (c == '\r') {
            continue;
        }
        if (c >= 0 && c != '\n') {
            buf_byte(out, (char)c);
            continue;
        }
        if (c < 0) {
            return out->n > 0;
        }
        int after = next_byte(in);
        if (after < 0) {
            return true;
        }
        in->at--;
        bool soft = out->n && out->p[out->n - 1] == '='
            && has_word(str_sub(buf_str(out), 0, 200), "QUOTED-PRINTABLE");
        if (soft) {
            out->n--;
        } else if (after == ' ' || after == '\t') {
            (void)next_byte(in);
        } else {
            return true;
        }
    }
}

static bool cut_line(struct arena *mem, struct str s, struct line *l)
{
    bool quoted = false;
    size_t end = 0, name_end;

    for (; end < s.n && (quoted || s.p[end] != ':'); end++) {
        quoted ^= s.p[end] == '"';
    }
    if (end == s.n) {
        return false;
    }
    struct str head = str_sub(s, 0, end);
    ptrdiff_t semicolon = str_find_byte(head, ';');
    name_end = semicolon >= 0 ? (size_t)semicolon : head.n;
    l->name = str_sub(head, 0, name_end);
    l->params = str_sub(head, name_end, head.n);
    l->value = str_sub(s, end + 1, s.n);
    ptrdiff_t dot = str_find_byte(l->name, '.'); /* item1.EMAIL */
    if (dot >= 0) {
        l->name = str_sub(l->name, (size_t)dot + 1, l->name.n);
    }
    if (has_word(l->params, "QUOTED-PRINTABLE")) {
        l->value = unquote(mem, l->value);
    }
    l->value = as_utf8(mem, l->value);
    return true;
}

static enum err_code take(struct card *c, struct str text, int64_t *cards, struct err *e)
{
    struct line l;

    if (!cut_line(c->mem, arena_str(c->mem, text), &l)) {
        return OK;
    }
    if (str_eq_nocase(l.name, STR("BEGIN")) && str_eq_nocase(str_trim(l.value), STR("VCARD"))) {
        card_begin(c);
        return OK;
    }
    if (!c->open) {
        return OK;
    }
    if (str_eq_nocase(l.name, STR("END"))) {
        *cards += 1;
        return card_end(c, e);
    }
    take_line(c, &l);
    return OK;
}

enum err_code vcard_to_csv(struct err *e)
{
    struct arena *mem = arena_create(0);
    struct card c = { .mem = arena_create(0) };
    struct input *in = ARENA_NEW(mem, struct input);
    struct buf line;
    enum err_code code = OK;
    int64_t cards = 0;

    buf_init(&line, mem, LINE_MAX_BYTES);
    for (int i = 0; i < COLUMNS; i++) {
        fputs(headers[i], stdout);
        fputc(i + 1 < COLUMNS ? ',' : '\n', stdout);
    }
    while (code == OK && next_line(in, &line)) {
        code = line.failed ? err_set(e, ERR_TOO_LARGE, NULL, "a line of a card is too large")
                           : take(&c, buf_str(&line), &cards, e);
    }
    if (code == OK && !cards) {
        code = err_set(e, ERR_INVALID, NULL, "the file holds no vCard");
    }
    arena_destroy(c.mem);
    arena_destroy(mem);
    return code;
}
