/* record.h - the one write path of every record: rights, normalise, validate, formulas, store,
 * roll-ups, history, feed, in one transaction. */

#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include "model/cells.h"

struct kept_base { /* what an amount was worth in base currency when it was stored */
    bool known;
    struct dbval v;
};

struct record {
    const struct live_entity *e;
    int64_t id;
    int64_t version;     /* expected one on update, 0 for any */
    struct dbval *cells; /* e->ncells */
    bool *set;           /* per field: assigned by the caller */
    unsigned loaded;     /* bit per table whose cells are read */
    bool trusted;        /* the engine's own write: no rights, read-only fields may be set */
    bool quiet;          /* a roll-up made anew: no new version, nothing in history */
    bool replay;         /* undo: what was stored once is not validated again */
    const struct live_field *moved_by; /* whoever moves rows by this field makes its parents' roll-ups
                                        * once, at the end */
    json_t **many;       /* per field: the list given for a MANY field */
    struct kept_base *bases; /* per field, NULL for none: history keeps them, undo brings them back */
};

/* An empty record of an entity, to be filled and created or used as the change of one. */
struct record *record_new(struct call *c, const struct live_entity *e);
/* By name; asserts that there is one: for entities of modules. */
struct record *record_of(struct call *c, const char *entity);
/* Fills from a JSON object. Unknown fields and bad values are noted on the call. */
MUST_CHECK enum err_code record_fill(struct call *c, struct record *r, const json_t *object);
void record_set(struct call *c, struct record *r, const char *field, struct dbval v);
void record_set_cells(struct record *r, const struct live_field *f, const struct dbval *cells);
struct dbval record_get(const struct record *r, const char *field); /* first cell */
const struct dbval *record_cells(const struct record *r, const struct live_field *f);

/* r->id and r->version are filled. */
MUST_CHECK enum err_code record_create(struct call *c, struct record *r);
/* The same in two halves, for whoever writes many. The first makes of the record alone all that is stored, its
 * checks included, and may run ahead on a reading call, for entities where record_stands_alone(); the second
 * looks at rights and writes. Both with the same model and user. */
bool record_stands_alone(struct call *c, const struct live_entity *e);
MUST_CHECK enum err_code record_make(struct call *c, struct record *r);
MUST_CHECK enum err_code record_create_made(struct call *c, struct record *r);
/* Changes what is set in r on the record r->id. Nothing changed: OK without a new version. */
MUST_CHECK enum err_code record_update(struct call *c, struct record *r);
MUST_CHECK enum err_code record_delete(struct call *c, const struct live_entity *e, int64_t id,
    int64_t version); /* to the bin */
MUST_CHECK enum err_code record_restore(struct call *c, const struct live_entity *e, int64_t id);
/* What goes with another record and comes back with it (cascades, merges): no rights are asked, and what is never
 * deleted by itself goes too. */
MUST_CHECK enum err_code record_delete_along(struct call *c, const struct live_entity *e, int64_t id);
MUST_CHECK enum err_code record_restore_along(struct call *c, const struct live_entity *e, int64_t id);
/* Removes the row for good. strict: whatever refers to it is in the way (undo of a create), named in
 * the error; otherwise references are emptied, or followed where the field says so. */
MUST_CHECK enum err_code record_purge(
    struct call *c, const struct live_entity *e, int64_t id, bool strict);
/* Puts a purged record back under its id (undo). r holds all its cells. */
MUST_CHECK enum err_code record_revive(struct call *c, struct record *r);
/* The ids that a many-to-many field leads to, in the order in which they were linked. */
MUST_CHECK enum err_code record_many_ids(
    struct call *c, const struct live_field *f, int64_t id, int64_t **ids, size_t *n);
/* Takes the row's lock (PostgreSQL) and checks that it is there. */
MUST_CHECK enum err_code record_lock(struct call *c, const struct live_entity *e, int64_t id);
/* From here to the release each parent's roll-ups are made once, at the end, however many of its rows change:
 * for whoever writes many rows in one transaction. Until then the parents show what they showed before. */
void rollups_hold(struct call *c);
MUST_CHECK enum err_code rollups_release(struct call *c);
/* Reads a record: all tables when side is true. ERR_NOT_FOUND when absent (in the bin counts as
 * there). No rights are looked at. */
MUST_CHECK enum err_code record_load(
    struct call *c, const struct live_entity *e, int64_t id, bool side, struct record **out);
/* The evaluator's view of a record; other records are read as needed. */
struct expr_rows record_rows(struct call *c, struct record *r);
/* The same for an expression that the asker wrote: what he may not read is absent. */
struct expr_rows record_rows_seen(struct call *c, struct record *r);

/* Duplicates by key of the primary and further e-mails; ids into the arena. */
MUST_CHECK enum err_code record_same_email(
    struct call *c, const struct record *r, int64_t **ids, size_t *n);

#endif
