/* entries.h - lists of a record as sets of entries: what is added or taken away, the others stay.
 *
 * Entries are the same when their key is: of an e-mail or another part, of a choice or tag, of a linked
 * record. An address that says no more than one that is there is not added, one that says more completes it. */

#ifndef MODEL_ENTRIES_H
#define MODEL_ENTRIES_H

#include "model/record.h"

/* Does the field hold a list of such entries? */
bool entries_in(const struct live_field *f);
/* Sets the field of the change r, of the record r->id, to what it holds now with the given entries (JSON as
 * in a PATCH) added, or taken away. Leaves it unset when nothing differs. */
MUST_CHECK enum err_code entries_change(struct call *c, struct record *r,
    const struct live_field *f, const json_t *given, bool add);
/* The list that the change r sets becomes one that adds to what the record r->id holds. */
MUST_CHECK enum err_code entries_join(
    struct call *c, struct record *r, const struct live_field *f);

#endif
