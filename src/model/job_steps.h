/* job_steps.h - what ordering and running jobs share. */

#ifndef MODEL_JOB_STEPS_H
#define MODEL_JOB_STEPS_H

#include "model/job.h"

/* A kind by its name, of any module; NULL when there is none. */
const struct job_kind *job_kind_of(const struct org *o, struct str name);
/* Leases one job that is due and runs it for a turn; false when none was. */
bool job_run_one(struct org *o);

#endif
