/* csv.h - comma-separated values, streaming both ways (RFC 4180, any delimiter). */

#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/buf.h"

struct csv_reader;
/* Gives the next bytes into out, at most n; 0 at the end, -1 on a read error. */
typedef ptrdiff_t csv_source(void *arg, char *out, size_t n);

struct csv_row {
    struct str *cells;
    size_t n;
    uint64_t line; /* of the file, at which the row begins, from 1 */
};

/* delimiter 0: found by looking at the first lines (comma, semicolon, tab, bar). A byte order mark
 * is skipped; UTF-16 with a mark and Windows-1252 are turned into UTF-8. At most max_row bytes and
 * max_cells cells a row. */
struct csv_reader *csv_open(struct arena *mem, csv_source *source, void *arg, char delimiter,
    size_t max_row, size_t max_cells);
/* *row stays valid until the next call. ERR_NOT_FOUND at the end. ERR_INVALID with the line when a
 * quote never closes; ERR_TOO_LARGE past a limit. Empty lines are skipped. */
MUST_CHECK enum err_code csv_next(struct csv_reader *r, struct csv_row *row, struct err *e);
void csv_cell(struct buf *out, struct str cell, char delimiter); /* quoted when it must be */

/* A spreadsheet program runs a cell that begins like a formula. An apostrophe in front keeps it text; a number or a phone
 * number needs none. runs false, of a format in which texts are texts: only what would lose an apostrophe when it is read
 * again is marked. In mem, or s itself. */
struct str csv_tamed(struct arena *mem, struct str s, bool runs);
struct str csv_untamed(struct str s); /* without the apostrophe that csv_tamed puts */

#endif
