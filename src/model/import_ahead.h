/* import_ahead.h - a thread that reads the pieces of an import and makes their rows ahead of the writing.
 *
 * Some hundred rows a slice, a few slices ahead: what they take stays small however large the file is. A row that
 * was made is good for a call with the same model and rights; for any other it is as if it had not been. */

#ifndef MODEL_IMPORT_AHEAD_H
#define MODEL_IMPORT_AHEAD_H

#include "model/import.h"
#include "model/job.h"

struct import_source {
    int64_t import, position, rows; /* position: rows that are done already */
    struct str entity, spec;        /* JSON of the plan */
    bool dry, lines;
};

struct import_piece { /* a run of rows of the file; what it points to lives until the next one is taken */
    int64_t first_row;
    struct str **cells;
    size_t *ncells;
    size_t n;
};

struct import_ahead;
/* source must stay until the end. Its position is read once. */
MUST_CHECK enum err_code import_ahead_start(
    struct job_work *w, const struct import_source *source, struct import_ahead **out);
/* The piece behind the one before, which is given back; waits for it. */
MUST_CHECK enum err_code import_ahead_piece(
    struct import_ahead *a, struct import_piece *out, struct err *e);
/* What was made of a row of the piece at work, for a call: waits for it. NULL: nothing that the call could use. */
const struct import_ready *import_ahead_row(struct import_ahead *a, const struct call *c, size_t row);
/* The rows of the piece before this one are written for good: what was made of them goes. */
void import_ahead_written(struct import_ahead *a, size_t rows);
void import_ahead_stop(struct import_ahead *a); /* NULL is allowed */

#ifdef KITH_TESTING
/* The thread rests so long before each of its slices, as on a machine with other things to do. */
void import_ahead_slow(int64_t micros);
#endif

#endif
