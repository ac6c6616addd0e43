/* job_steps.h - what ordering and running jobs share. */

#ifndef MODEL_JOB_STEPS_H
#define MODEL_JOB_STEPS_H

#include "model/job.h"

/* A kind by its name, of any module; NULL when there is none. */
const struct job_kind *job_kind_of(const struct org *o, struct str name);

#endif
