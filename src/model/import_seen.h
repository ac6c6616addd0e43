/* import_seen.h - what the earlier steps of a check would have made, so that a key that comes again in the file is found
 * as the run would find it: of a check nothing stays in the database from one step to the next. */

#ifndef MODEL_IMPORT_SEEN_H
#define MODEL_IMPORT_SEEN_H

#include "model/import_steps.h"

struct import_seen; /* grows with the rows that would be made, up to 2,000,000 keys; ends with the arena */
struct import_seen *import_seen_new(struct arena *mem);

/* What a row that would be made can be found by, into `marks`; call it before the row is stored. */
void import_seen_mark(struct importing *im, const struct record *r, size_t at);
/* The step is over: its marks hold for the next ones. */
void import_seen_take(struct import_seen *s, struct str marks);

enum import_again { AGAIN_NOT, AGAIN_SAME, AGAIN_OTHER };
/* Whether a key of the plan has it as the key of an earlier row, and whether that row was the same; else ERR_CONFLICT
 * where a field that may not repeat does. */
MUST_CHECK enum err_code import_seen_look(
    struct importing *im, const struct record *r, size_t at, enum import_again *again);

#endif
