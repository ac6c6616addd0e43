/* import_job.h - the import of a whole file, of any size, as a record of the entity "import" and jobs.
 *
 * A file is read once into pieces of rows as UTF-8 text (the job "import_read"); that tells its columns,
 * with samples, what they probably mean and in which order dates are written. Then a check runs all rows
 * and keeps nothing, and an import runs them for good (the job "import_run"), from where it stopped after a
 * pause or a crash. Rejected rows are kept with their reasons. States:
 *   reading, ready, checking, running, paused, done, cancelled, failed. */

#ifndef MODEL_IMPORT_JOB_H
#define MODEL_IMPORT_JOB_H

#include "base/buf.h"
#include "model/entity.h"

extern const struct entity import_entity, import_piece_entity, import_reject_entity;

enum err_code import_read_work(struct job_work *w);
enum err_code import_run_work(struct job_work *w);

/* Actions on an import. */
enum err_code import_check(struct call *c);
enum err_code import_start(struct call *c);
enum err_code import_pause(struct call *c);
enum err_code import_cancel(struct call *c);

/* {"columns": [header, ...], "rows": [[cell, ...], ...]} of the first rows of its file. */
MUST_CHECK enum err_code import_preview(struct call *c, int64_t id, int rows);
/* Rejected rows in the way of their file, n of them at most, ready to be mended and imported: CSV with the
 * columns of the file and a last one that says why, or JSON lines with a first member that does. A column or
 * member of that name is passed over by an import. */
#define IMPORT_WHY "why"
struct import_rejects {
    int64_t last; /* where to go on; 0 at first, and again at the end */
    bool lines;   /* JSON lines */
};
MUST_CHECK enum err_code import_rejects(
    struct call *c, int64_t id, int n, struct buf *out, struct import_rejects *at);

#endif
