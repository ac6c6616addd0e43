/* csv.c - rows out of bytes: source, then decoder to UTF-8, then a small state machine.
 *
 * The first 64 KiB decide encoding and delimiter. A byte that is not UTF-8 later on is read as
 * Windows-1252, so that one broken cell does not refuse a file of a million rows. */

#include "base/csv.h"

#include "base/utf8.h"

#include <string.h>

enum { CHUNK = 64 << 10, TEXT = CHUNK * 3 + 16, SAMPLE_ROWS = 40 };
enum encoding { UTF8, WINDOWS, UTF16_LE, UTF16_BE };

struct span {
    size_t from, n;
};

struct csv_reader {
    struct arena *mem;
    csv_source *source;
    void *arg;
    char delimiter;
    size_t max_row, max_cells;
    enum encoding encoding;
    bool ended, broken; /* the source; broken: it failed */
    unsigned char raw[CHUNK];
    size_t nraw;
    unsigned char text[TEXT]; /* decoded, from at to n still to be read */
    size_t at, n;
    uint64_t line;
    char *row;
    size_t nrow, row_room;
    struct span *spans;
    struct str *cells;
    size_t ncells, cells_room;
    struct err failed;
};

/* 0x80 to 0x9f of Windows-1252; the five holes stay control characters. */
static const uint16_t windows[32] = { 0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c,
    0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178 };

/* --- decoding --- */

static void put_point(struct csv_reader *r, uint32_t c)
{
    unsigned char *out = r->text + r->n;

    if (c == 0) {
        c = 0xfffd;
    }
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        r->n += 1;
    } else if (c < 0x800) {
        out[0] = (unsigned char)(0xc0 | c >> 6);
        out[1] = (unsigned char)(0x80 | (c & 0x3f));
        r->n += 2;
    } else if (c < 0x10000) {
        out[0] = (unsigned char)(0xe0 | c >> 12);
        out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (unsigned char)(0x80 | (c & 0x3f));
        r->n += 3;
    } else {
        out[0] = (unsigned char)(0xf0 | c >> 18);
        out[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
        out[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        out[3] = (unsigned char)(0x80 | (c & 0x3f));
        r->n += 4;
    }
}

static void put_windows(struct csv_reader *r, unsigned char c)
{
    put_point(r, c >= 0x80 && c < 0xa0 ? windows[c - 0x80] : c);
}

/* Whether s may be the beginning of a sequence that the next chunk completes. */
static bool cut_short(const unsigned char *s, size_t n)
{
    size_t want = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 1;

    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return n < want;
}

/* These return how many raw bytes they used. */
static size_t decode_bytes(struct csv_reader *r)
{
    size_t i = 0;

    while (i < r->nraw) {
        size_t bad, good = r->nraw - i;
        struct str rest = { (const char *)r->raw + i, good };
        if (r->encoding == UTF8 && !utf8_valid(rest, &bad)) {
            good = bad;
        } else if (r->encoding == WINDOWS) {
            good = 0;
        }
        memcpy(r->text + r->n, r->raw + i, good);
        r->n += good;
        i += good;
        if (i == r->nraw) {
            break;
        }
        if (r->encoding == UTF8 && !r->ended && cut_short(r->raw + i, r->nraw - i)) {
            break;
        }
        put_windows(r, r->raw[i++]);
    }
    return i;
}

static size_t decode_wide(struct csv_reader *r)
{
    size_t low = r->encoding == UTF16_LE ? 0 : 1, i = 0;

    for (; i + 1 < r->nraw; i += 2) {
        uint32_t c = r->raw[i + low] | (uint32_t)r->raw[i + 1 - low] << 8;
        if (c >= 0xd800 && c < 0xdc00) {
            if (i + 3 >= r->nraw && !r->ended) {
                break;
            }
            uint32_t d = 0;
            if (i + 3 < r->nraw) {
                d = r->raw[i + 2 + low] | (uint32_t)r->raw[i + 3 - low] << 8;
            }
            if (d >= 0xdc00 && d < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10 | (d - 0xdc00));
                i += 2;
            } else {
                c = 0xfffd;
            }
        } else if (c >= 0xdc00 && c < 0xe000) {
            c = 0xfffd;
        }
        put_point(r, c);
    }
    return r->ended ? r->nraw : i;
}

static void read_raw(struct csv_reader *r)
{
    while (!r->ended && r->nraw < CHUNK) {
        ptrdiff_t got = r->source(r->arg, (char *)r->raw + r->nraw, CHUNK - r->nraw);
        if (got <= 0) {
            r->ended = true;
            r->broken = got < 0;
            return;
        }
        r->nraw += (size_t)got;
    }
}

/* Makes more text; false at the end. */
static bool refill(struct csv_reader *r)
{
    r->at = r->n = 0;
    read_raw(r);
    size_t used = r->encoding >= UTF16_LE ? decode_wide(r) : decode_bytes(r);
    memmove(r->raw, r->raw + used, r->nraw - used);
    r->nraw -= used;
    return r->n > 0;
}

static void find_encoding(struct csv_reader *r)
{
    size_t bad, skip = 0;

    if (r->nraw >= 3 && memcmp(r->raw, "\xef\xbb\xbf", 3) == 0) {
        skip = 3;
    } else if (r->nraw >= 2 && r->raw[0] == 0xff && r->raw[1] == 0xfe) {
        r->encoding = UTF16_LE;
        skip = 2;
    } else if (r->nraw >= 2 && r->raw[0] == 0xfe && r->raw[1] == 0xff) {
        r->encoding = UTF16_BE;
        skip = 2;
    } else {
        struct str s = { (const char *)r->raw, r->nraw };
        if (!utf8_valid(s, &bad) && r->raw[bad] && !cut_short(r->raw + bad, r->nraw - bad)) {
            r->encoding = WINDOWS;
        }
    }
    memmove(r->raw, r->raw + skip, r->nraw - skip);
    r->nraw -= skip;
}

/* --- the delimiter --- */

/* How well d cuts the sample: rows that have as many as the first one, then how many that is. */
static size_t score(const struct csv_reader *r, char d)
{
    size_t count = 0, first = 0, rows = 0, same = 0, chars = 0;
    bool quoted = false;

    for (size_t i = 0; i < r->n && rows < SAMPLE_ROWS; i++) {
        char ch = (char)r->text[i];
        bool last = i + 1 == r->n;
        count += ch == d && !quoted;
        quoted ^= ch == '"';
        if (!last && (quoted || (ch != '\n' && ch != '\r'))) {
            chars++;
            continue;
        }
        if (chars || count) {
            first = rows++ ? first : count;
            same += count == first;
        }
        count = chars = 0;
    }
    return first ? same * 1000 + (first < 999 ? first : 999) : 0;
}

static void find_delimiter(struct csv_reader *r)
{
    static const char candidates[] = { ',', ';', '\t', '|' };
    size_t best = 0;

    r->delimiter = ',';
    for (size_t i = 0; i < sizeof candidates; i++) {
        size_t s = score(r, candidates[i]);
        if (s > best) {
            best = s;
            r->delimiter = candidates[i];
        }
    }
}

struct csv_reader *csv_open(struct arena *mem, csv_source *source, void *arg, char delimiter,
    size_t max_row, size_t max_cells)
{
    struct csv_reader *r = ARENA_NEW(mem, struct csv_reader);

    r->mem = mem;
    r->source = source;
    r->arg = arg;
    r->delimiter = delimiter;
    r->max_row = max_row;
    r->max_cells = max_cells;
    r->line = 1;
    read_raw(r);
    find_encoding(r);
    refill(r);
    if (!delimiter) {
        find_delimiter(r);
    }
    return r;
}

/* --- rows --- */

static int next_byte(struct csv_reader *r)
{
    if (r->at == r->n && !refill(r)) {
        return -1;
    }
    return r->text[r->at++];
}

/* After a carriage return: takes the line feed that belongs to it. */
static void skip_feed(struct csv_reader *r)
{
    int c = next_byte(r);

    if (c >= 0 && c != '\n') {
        r->at--;
    }
}

static bool add_byte(struct csv_reader *r, int c)
{
    if (r->nrow == r->max_row) {
        return false;
    }
    if (r->nrow == r->row_room) {
        size_t room = r->row_room ? r->row_room * 2 : 1024;
        char *p = arena_alloc(r->mem, room);
        if (r->nrow) {
            memcpy(p, r->row, r->nrow);
        }
        r->row = p;
        r->row_room = room;
    }
    r->row[r->nrow++] = (char)c;
    return true;
}

static bool add_cell(struct csv_reader *r, size_t from)
{
    if (r->ncells == r->max_cells) {
        return false;
    }
    if (r->ncells == r->cells_room) {
        size_t room = r->cells_room ? r->cells_room * 2 : 64;
        struct span *spans = ARENA_ARRAY(r->mem, struct span, room);
        if (r->ncells) {
            memcpy(spans, r->spans, r->ncells * sizeof *spans);
        }
        r->spans = spans;
        r->cells = ARENA_ARRAY(r->mem, struct str, room);
        r->cells_room = room;
    }
    r->spans[r->ncells++] = (struct span) { from, r->nrow - from };
    return true;
}

enum state { CELL_START, PLAIN, QUOTED, AFTER_QUOTE };

static enum err_code too_large(struct csv_reader *r, uint64_t line, bool quoted)
{
    return err_set(&r->failed, ERR_TOO_LARGE, NULL, "row at line %llu is larger than allowed%s",
        (unsigned long long)line, quoted ? "; a quote may be open" : "");
}

/* One row into spans, possibly of no cells at the end or for an empty line. */
static enum err_code read_row(struct csv_reader *r, uint64_t *line, bool *end)
{
    enum state state = CELL_START;
    size_t from = 0;
    bool any_quote = false;

    r->nrow = r->ncells = 0;
    *line = r->line;
    for (;;) {
        int c = next_byte(r);
        if (c == '\n' || c == '\r') {
            r->line++;
        }
        if (state == QUOTED) {
            if (c < 0) {
                return err_set(&r->failed, ERR_INVALID, NULL,
                    "the quote of the row at line %llu never closes", (unsigned long long)*line);
            }
            if (c == '"') {
                state = AFTER_QUOTE;
                continue;
            }
            if (c == '\r') { /* one line end, whatever its bytes */
                skip_feed(r);
                c = '\n';
            }
        } else if (c == '"' && state == CELL_START) {
            state = QUOTED;
            any_quote = true;
            continue;
        } else if (c == '"' && state == AFTER_QUOTE) {
            state = QUOTED;
        } else if (c < 0 || c == '\n' || c == '\r' || c == (unsigned char)r->delimiter) {
            bool line_end = c != (unsigned char)r->delimiter;
            bool empty = line_end && r->ncells == 0 && r->nrow == 0 && !any_quote;
            if (!empty && !add_cell(r, from)) {
                return too_large(r, *line, false);
            }
            if (c == '\r') {
                skip_feed(r);
            }
            if (line_end) {
                *end = c < 0;
                return OK;
            }
            from = r->nrow;
            state = CELL_START;
            continue;
        } else {
            state = PLAIN;
        }
        if (!add_byte(r, c)) {
            return too_large(r, *line, state == QUOTED);
        }
    }
}

enum err_code csv_next(struct csv_reader *r, struct csv_row *row, struct err *e)
{
    bool end = false;

    while (r->failed.code == OK) {
        if (read_row(r, &row->line, &end) != OK) {
            break;
        }
        if (r->broken) {
            err_set(&r->failed, ERR_INTERNAL, NULL, "the file could not be read to its end");
            break;
        }
        if (end) {
            /* kept for the calls after the last row */
            err_set(&r->failed, ERR_NOT_FOUND, NULL, "no more rows");
        }
        if (r->ncells) {
            for (size_t i = 0; i < r->ncells; i++) {
                r->cells[i] = (struct str) { r->row ? r->row + r->spans[i].from : "",
                    r->spans[i].n };
            }
            row->cells = r->cells;
            row->n = r->ncells;
            return OK;
        }
    }
    *e = r->failed;
    return e->code;
}

void csv_cell(struct buf *out, struct str cell, char delimiter)
{
    bool quote = cell.n && (cell.p[0] == ' ' || cell.p[cell.n - 1] == ' ');

    for (size_t i = 0; i < cell.n && !quote; i++) {
        char ch = cell.p[i];
        quote = ch == delimiter || ch == '"' || ch == '\n' || ch == '\r';
    }
    if (!quote) {
        buf_add(out, cell);
        return;
    }
    buf_byte(out, '"');
    for (struct str part; str_split(&cell, '"', &part);) {
        buf_add(out, part);
        if (cell.p[-1] == '"') {
            buf_add(out, STR("\"\""));
        }
    }
    buf_byte(out, '"');
}

/* With which a formula begins; East Asian versions of the programs take the wide signs too. */
static size_t formula_sign(struct str s)
{
    static const char *const signs[] = { "=", "+", "-", "@", "\t", "\r", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20" };

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (str_starts(s, str_of(signs[i]))) {
            return strlen(signs[i]);
        }
    }
    return 0;
}

static bool looks_tamed(struct str s)
{
    return s.n > 1 && s.p[0] == '\'' && (s.p[1] == '\'' || formula_sign(str_sub(s, 1, s.n)));
}

/* Or a phone number, or a sign alone. */
static bool is_number(struct str s)
{
    bool number = s.n && (s.p[0] == '+' || s.p[0] == '-');

    for (size_t i = 1; i < s.n && number; i++) {
        number = strchr("0123456789 ().,/-", s.p[i]) != NULL;
    }
    return number;
}

struct str csv_tamed(struct arena *mem, struct str s, bool runs)
{
    bool formula = runs && formula_sign(s) && !is_number(s);

    return formula || looks_tamed(s) ? arena_fmt(mem, "'%.*s", STR_ARG(s)) : s;
}

struct str csv_untamed(struct str s)
{
    return looks_tamed(s) ? str_sub(s, 1, s.n) : s;
}
