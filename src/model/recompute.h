/* recompute.h - values that follow from others, made for records that were there before: a new formula or
 * roll-up, or one whose expression changed. Also what the house does by itself every day. */

#ifndef MODEL_RECOMPUTE_H
#define MODEL_RECOMPUTE_H

#include "model/job.h"

/* Orders a job for each stored formula and roll-up that is new or other than in the old model. */
MUST_CHECK enum err_code recompute_order(
    struct call *c, const struct model *old, const struct model *now);
enum err_code recompute_run(struct call *c);   /* job kind "recompute" */
enum err_code housekeeping_run(struct call *c); /* job kind "housekeeping", daily */

#endif
