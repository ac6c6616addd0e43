/* store.h - records as rows: the statements that insert, change and remove them. Used by record.c. */

#ifndef MODEL_STORE_H
#define MODEL_STORE_H

#include "model/record.h"

/* r->id 0: a new one is given. */
MUST_CHECK enum err_code store_insert(struct call *c, struct record *r);
/* The changed fields; version and updated_* too unless r->quiet. */
MUST_CHECK enum err_code store_update(struct call *c, struct record *r, const bool *changed);
/* Marks or unmarks the row as being in the bin, in every table. */
MUST_CHECK enum err_code store_bin(struct call *c, const struct record *r, struct dbval deleted_at);
MUST_CHECK enum err_code store_purge(struct call *c, const struct record *r);
/* Turns the database's word on a unique clash into one about the field. */
enum err_code store_clash(struct call *c, const struct live_entity *e, enum err_code code);

/* The live record that holds one of r's unique keys, 0 for none, and the columns of that key. */
MUST_CHECK enum err_code store_find_holder(
    struct call *c, const struct record *r, int64_t *holder, struct str *columns);
/* For records that come back (undo, restore): ERR_CONFLICT naming the live record that holds one of its
 * unique keys meanwhile. */
MUST_CHECK enum err_code store_check_unique(struct call *c, const struct record *r);

/* Hashes of the unique keys that the record holds while it is not in the bin; at most STORE_KEYS. changed
 * (may be NULL) leaves only those with a changed field. Returns how many. */
enum { STORE_KEYS = 16 };
size_t store_key_hashes(
    struct call *c, const struct record *r, const bool *changed, int64_t *hashes);

/* Roll-ups of the parents that the record's references lead to. changed NULL: all are looked at
 * (create, bin, restore). */
MUST_CHECK enum err_code rollups_refresh(
    struct call *c, const struct record *now, const struct record *old, const bool *changed);

/* One stored roll-up (and those over the same children) of one record. */
MUST_CHECK enum err_code rollup_refresh(
    struct call *c, const struct live_field *rollup, int64_t id);

#endif
