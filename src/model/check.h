/* check.h - is everything in the database as the engine would have made it? */

#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "model/access.h"

/* Integrity of the file, references, side tables, parts, picks, keys, roll-ups. Writes {"checks": n,
 * "findings": [{"what", "count"}]}; *findings is their number. */
MUST_CHECK enum err_code check_all(struct call *c, int64_t *findings);

#endif
