/* import_stage.h - what can be seen of a file before it is imported: its rows, its columns, what they hold. */

#ifndef MODEL_IMPORT_STAGE_H
#define MODEL_IMPORT_STAGE_H

#include "base/csv.h"
#include "base/json.h"

enum { STAGE_COLUMNS = 500, STAGE_SAMPLES = 5 };

/* What has been seen in one column so far. */
struct column_look {
    struct str header;
    struct str samples[STAGE_SAMPLES]; /* different ones */
    size_t nsamples;
    int64_t filled;
    /* of what looks like 1/2/2026 */
    int64_t dates, first_over_12, second_over_12, year_first, others;
    int64_t commas, points; /* numbers whose last sign is one of these */
};

/* Samples are kept in mem. */
void column_look_at(struct arena *mem, struct column_look *l, struct str cell);
/* "dmy" or "mdy", as most of the column is written; NULL: most are no dates, or written with the year first.
 * Where both day and month could come first, the month does, unless the numbers are separated by points. */
const char *column_order(const struct column_look *l);
/* ',' where the numbers of the column are written so; 0 otherwise. */
char column_decimal(const struct column_look *l);

/* A row as one line of CSV; and rows back out of such lines. */
void stage_row(struct buf *out, const struct str *cells, size_t n);
MUST_CHECK enum err_code stage_rows(struct arena *mem, struct str text, size_t most, struct str ***cells,
    size_t **ncells, size_t *n, struct err *e);

#endif
