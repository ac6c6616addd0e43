/* record_steps.h - the steps of the write path that have a file of their own. Used by record*.c alone. */

#ifndef MODEL_RECORD_STEPS_H
#define MODEL_RECORD_STEPS_H

#include "model/access.h"

/* ERR_FORBIDDEN when the caller may not do that to the record; trusted ones pass. */
MUST_CHECK enum err_code record_may(struct call *c, struct record *r, enum right right);
/* Makes the link rows of the MANY fields equal to the lists that were given. */
MUST_CHECK enum err_code record_store_many(struct call *c, const struct record *r);
/* Reads one table of a record; *found is false when it has no row. */
MUST_CHECK enum err_code record_load_table(
    struct call *c, struct record *r, int table, bool *found);

/* Notes, before a write, what the amounts of a record that are about to change are worth in base currency. */
MUST_CHECK enum err_code record_keep_bases(struct call *c, struct record *r, const bool *changed);

#endif
