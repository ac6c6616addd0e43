/* merge.h - several records of one entity become one; undoing the change set parts them again.
 *
 * The first id survives. Everything that refers to the others moves to it, they go to the bin with a mark
 * (table `merges`) that leads their old ids to the survivor. All in one change set of the kind "merge". */

#ifndef MODEL_MERGE_H
#define MODEL_MERGE_H

#include "model/access.h"

enum { MERGE_MAX = 50 };

struct merging {
    const struct live_entity *e;
    const int64_t *ids; /* the survivor's first */
    size_t n;
    struct record **records; /* whole, as they were */
    int64_t moved; /* references and links that lead to the survivor now */
};

/* Loads them and asks for the rights: to change all, to delete the losers. ERR_INVALID for an entity that
 * is not merged (users, choices, and what the engine keeps), fewer than two ids or one named twice;
 * ERR_NOT_FOUND for a record that is in the bin or may not be seen. */
MUST_CHECK enum err_code merge_open(struct call *c, const struct live_entity *e, const int64_t *ids,
    size_t n, struct merging **out);
/* fields: {field: id of the record whose value wins}; values: {field: value}, as in a change. Both may be
 * NULL; what they do not name follows merge_proposal(). */
MUST_CHECK enum err_code merge_run(
    struct call *c, struct merging *m, const json_t *fields, const json_t *values);
/* Writes the fields with the value of each and the proposal, and how much would move, to c->out. */
MUST_CHECK enum err_code merge_preview(struct call *c, const struct merging *m);

/* Is the field one that a merge decides on? */
bool merge_decides(const struct live_field *f);
/* The survivor's value, else the first that there is; lists united; the strictest of what forbids. *from:
 * whose it is, 0 when it is made of several or absent. */
MUST_CHECK enum err_code merge_proposal(struct call *c, const struct merging *m,
    const struct live_field *f, struct dbval *cells, int64_t *from);
/* Moves what refers to the losers, links with their attributes included; double links become one. */
MUST_CHECK enum err_code merge_move(struct call *c, struct merging *m);
typedef enum err_code merge_count_fn(struct call *c, const struct live_field *by, int64_t n, void *arg);
/* Calls fn for each reference field with how many records would move by it. */
MUST_CHECK enum err_code merge_count(
    struct call *c, const struct merging *m, merge_count_fn *fn, void *arg);

/* Where a record has gone by a merge that was not undone, followed to the end; *into is 0 for nowhere. */
MUST_CHECK enum err_code merge_target(
    struct call *c, const struct live_entity *e, int64_t id, int64_t *into);
/* A record that was taken out of the bin stands for itself again. */
MUST_CHECK enum err_code merge_forget(struct call *c, const struct live_entity *e, int64_t id);

extern const struct entity merge_entity; /* the table of marks */

#endif
