/* query_plan.h - the pieces of a list query, shared by lists, pages of exports and aggregates. */

#ifndef MODEL_QUERY_PLAN_H
#define MODEL_QUERY_PLAN_H

#include "model/query.h"

struct sort_key {
    const struct live_field *field;
    bool down;
    struct dbval after; /* of the cursor */
};

struct plan {
    struct call *c;
    const struct list_request *q;
    const struct live_entity *e;
    const struct live_field **fields; /* asked for, in order */
    size_t nfields;
    const struct expr *where;
    struct sort_key keys[SORT_KEYS];
    size_t nkeys;
    bool tie_down; /* ties go by id, in this direction */
    bool has_after, has_from;
    int64_t after_id;
    int limit;
    bool looked;     /* at how much the user sees, see plan_small() */
    bool small;
    struct str seen; /* the ids of a small set, as the database takes a list */
};

/* By the first sort key: rows that have it, rows that lack it, or both, which no index serves. */
enum segment { SEGMENT_WITH, SEGMENT_WITHOUT, SEGMENT_ALL };

/* A query in the making: its clauses share one list of values. */
struct clauses {
    struct sqltext select, where, order;
    unsigned side; /* of the record's entity, joined in FROM */
};

MUST_CHECK enum err_code plan_fields(struct call *c, const struct live_entity *e, struct str names,
    const struct live_field ***out, size_t *n);
MUST_CHECK enum err_code plan_where(struct call *c, const struct live_entity *e, struct str text,
    const json_t *tree, const struct expr **out);
MUST_CHECK enum err_code plan_make(struct call *c, const struct list_request *q, struct plan *p);
struct str cursor_make(struct plan *p, const struct dbval *keys, int64_t id);

/* sqltexts that number their values together: begin the next where the last one ended. */
void clause_begin(struct sqltext *next, struct call *c, const struct sqltext *last);
void clause_end(const struct sqltext *ended, struct sqltext *total);
/* FROM base t0 and the side tables marked in side. */
void from_sql(struct sqltext *s, const struct live_entity *e, int alias, unsigned side);
/* The column by which a field sorts and compares. */
const char *sort_column(const struct live_field *f);
void sort_value_sql(struct plan *p, const struct live_field *f, struct sqltext *s, unsigned *side);
/* Whether the user sees so little of the entity that it is read whole, whatever the filter and the order:
 * then one query over those ids serves both segments. */
MUST_CHECK enum err_code plan_small(struct plan *p, bool *small);
MUST_CHECK enum err_code plan_sql(
    struct plan *p, enum segment segment, struct sql *sql, struct dbvals *v);

#endif
