/* lookup.h - references that the engine keeps: the row of a table of facts that has the same key as the record.
 *
 * A reference field whose definition has `lookup`, a list of pairs of a field of the record and a field of the
 * facts, leads to the row of facts where all pairs are equal, by their standard form: a postcode and a country, a
 * region, an industry, the domain of an e-mail address. So the columns of the facts are reached by a path
 * (`x_zone.x_income > 40000`), and one index on the reference serves each of them.
 *
 * What holds: after each write of a record its references are right, in the same transaction. When the key of
 * facts changes, a pass over all records (the job `lookup`) sets what is wrong; it is ordered in the transaction of
 * the change. A pass writes the column alone: no new version, no history. */

#ifndef MODEL_LOOKUP_H
#define MODEL_LOOKUP_H

#include "model/change.h"
#include "model/job.h"

enum { LOOKUP_PAIRS = 4 };
struct lookup_pair {
    const struct live_field *from, *key; /* of the record, of the facts */
    bool domain;                         /* of an e-mail or web address */
};
struct live_lookup {
    struct lookup_pair pairs[LOOKUP_PAIRS];
    size_t n;
};

extern const struct entity lookup_key_entity;

/* While the model is built: reads f's definition. ERR_INVALID names what is wrong with it. */
MUST_CHECK enum err_code lookup_resolve(struct arena *mem, struct live_field *f, struct err *e);
/* Sets r's references; old is NULL for a record that is new or comes back. */
MUST_CHECK enum err_code lookup_fill(struct call *c, struct record *r, const struct record *old);
/* A record was written to which others may lead: its keys follow, and a pass is ordered where they changed. */
MUST_CHECK enum err_code lookup_follow(
    struct call *c, enum change_kind kind, const struct record *r, const bool *changed);
/* The key of a row, from the cells of one side of the pairs; empty when any is absent. */
enum lookup_side { LOOKUP_FROM, LOOKUP_KEY };
struct str lookup_key(struct call *c, const struct live_field *f, enum lookup_side side,
    const struct dbval *const *cells);

/* Orders a pass over all records of f's entity; keys: those of the facts are made anew too. */
MUST_CHECK enum err_code lookup_order(
    struct call *c, const struct live_field *f, bool keys, int64_t due, int64_t *job);
enum err_code lookup_work(struct job_work *w); /* job kind "lookup" */

struct lookup_state {
    int64_t records, matched, facts;
    bool at_work; /* a pass waits or runs */
};
/* Counts of now; those of records in the bin are left out. */
MUST_CHECK enum err_code lookup_state(
    struct call *c, const struct live_field *f, struct lookup_state *out);

#endif
