/* import_job_steps.h - what the files of the import's jobs share. */

#ifndef MODEL_IMPORT_JOB_STEPS_H
#define MODEL_IMPORT_JOB_STEPS_H

#include "model/import_job.h"
#include "model/record.h"

enum { PIECE_ROWS = 4000, ROW_MAX = 16 << 20 };

/* A change of an import's record by its jobs: without rights, version and history. */
struct record *import_progress(struct call *c, int64_t id);
void import_set_state(struct call *c, struct record *r, const char *code);
bool import_is_state(const struct record *r, const char *code);
/* The plan as JSON: the options, with the columns as they were found where those say nothing. */
struct str import_spec(struct call *c, const struct record *r);
/* What cannot be mended by trying again is said on the record; the job itself has then done its work. */
MUST_CHECK enum err_code import_tell_failure(
    struct job_work *w, int64_t import, enum err_code code);

#endif
