/* import_stage.c - looks at columns, and keeps rows as text. */

#include "model/import_stage.h"

#include <ctype.h>
#include <string.h>

enum { ROW_MAX = 16 << 20, SAMPLE_BYTES = 120 };

/* ---- columns ---- */

static bool three_numbers(struct str s, int64_t *part, char *sign)
{
    size_t n = 0, i = 0;

    while (n < 3) {
        size_t from = i;
        while (i < s.n && isdigit((unsigned char)s.p[i])) {
            i++;
        }
        if (i == from || i - from > 4 || !str_to_int(str_sub(s, from, i - from), &part[n++])) {
            return false;
        }
        if (n < 3 && (i == s.n || !strchr("/.-", s.p[i]))) {
            return false;
        }
        *sign = n < 3 ? s.p[i] : *sign;
        i += n < 3;
    }
    return i == s.n || s.p[i] == ' ' || s.p[i] == ',' || s.p[i] == 'T';
}

static void look_at_number(struct column_look *l, struct str s)
{
    ptrdiff_t comma = -1, point = -1;

    for (size_t i = 0; i < s.n; i++) {
        comma = s.p[i] == ',' ? (ptrdiff_t)i : comma;
        point = s.p[i] == '.' ? (ptrdiff_t)i : point;
        if (!isdigit((unsigned char)s.p[i]) && !strchr(",.-+ '", s.p[i])) {
            return;
        }
    }
    if (comma > point && (point >= 0 || s.n - (size_t)comma - 1 != 3)) {
        l->commas++;
    } else if (point > comma) {
        l->points++;
    }
}

static void keep_sample(struct arena *mem, struct column_look *l, struct str s)
{
    size_t cut = s.n < SAMPLE_BYTES ? s.n : SAMPLE_BYTES;
    while (cut < s.n && cut && ((unsigned char)s.p[cut] & 0xc0) == 0x80) {
        cut--; /* not in the middle of a sign */
    }
    s = str_sub(s, 0, cut);
    for (size_t i = 0; i < l->nsamples; i++) {
        if (str_eq(l->samples[i], s)) {
            return;
        }
    }
    if (l->nsamples < STAGE_SAMPLES) {
        l->samples[l->nsamples++] = arena_str(mem, s);
    }
}

void column_look_at(struct arena *mem, struct column_look *l, struct str cell)
{
    int64_t part[3] = { 0 };
    char sign = 0;

    cell = str_trim(cell);
    if (!cell.n) {
        return;
    }
    l->filled++;
    if (l->nsamples < STAGE_SAMPLES) {
        keep_sample(mem, l, cell);
    }
    if (cell.n <= 30 && three_numbers(cell, part, &sign)) {
        l->dates++;
        l->year_first += part[0] > 31;
        l->first_over_12 += part[0] > 12 && part[0] <= 31;
        l->second_over_12 += part[1] > 12;
        l->points += sign == '.'; /* for column_order */
        return;
    }
    l->others++;
    look_at_number(l, cell);
}

const char *column_order(const struct column_look *l)
{
    if (l->dates <= l->others || l->year_first * 2 > l->dates) {
        return NULL;
    }
    if (l->first_over_12 != l->second_over_12) {
        return l->first_over_12 > l->second_over_12 ? "dmy" : "mdy";
    }
    return l->points * 2 > l->dates ? "dmy" : "mdy";
}

char column_decimal(const struct column_look *l)
{
    return l->commas && !l->points && !l->dates ? ',' : 0;
}

/* ---- rows ---- */

void stage_row(struct buf *out, const struct str *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i) {
            buf_byte(out, ',');
        }
        if (!cells[i].n && n == 1) {
            buf_lit(out, "\"\""); /* an empty line would be no row */
        } else {
            csv_cell(out, cells[i], ',');
        }
    }
    buf_byte(out, '\n');
}

struct memory {
    struct str rest;
};

static ptrdiff_t read_memory(void *arg, char *out, size_t n)
{
    struct memory *m = arg;
    size_t take = n < m->rest.n ? n : m->rest.n;

    memcpy(out, m->rest.p, take);
    m->rest = str_sub(m->rest, take, m->rest.n);
    return (ptrdiff_t)take;
}

enum err_code stage_rows(struct arena *mem, struct str text, size_t most, struct str ***cells,
    size_t **ncells, size_t *n, struct err *e)
{
    struct memory source = { text };
    struct csv_reader *r = csv_open(mem, read_memory, &source, ',', ROW_MAX, STAGE_COLUMNS);
    struct csv_row row;
    enum err_code code = OK;

    *n = 0;
    *cells = ARENA_ARRAY(mem, struct str *, most + 1);
    *ncells = ARENA_ARRAY(mem, size_t, most + 1);
    while (*n < most && (code = csv_next(r, &row, e)) == OK) {
        struct str *copy = ARENA_ARRAY(mem, struct str, row.n + 1);
        for (size_t i = 0; i < row.n; i++) {
            copy[i] = arena_str(mem, row.cells[i]);
        }
        (*cells)[*n] = copy;
        (*ncells)[(*n)++] = row.n;
    }
    if (*n < most && code != ERR_NOT_FOUND) {
        return code;
    }
    err_clear(e);
    return OK;
}
