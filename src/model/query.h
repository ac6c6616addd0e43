/* query.h - the one read path: rights, filter, select, sort, page by key, expand, aggregate. */

#ifndef MODEL_QUERY_H
#define MODEL_QUERY_H

#include "model/access.h"

enum { LIST_LIMIT = 50, LIST_LIMIT_MAX = 200, SORT_KEYS = 4, FIELDS_MAX = 600 };

struct list_request {
    const struct live_entity *e;
    struct str where;          /* expression text, empty for none */
    const json_t *where_json;  /* or its tree */
    struct str sort;           /* "-created_at,last_name"; empty: id */
    struct str fields;         /* "name,email"; empty: all that may be read */
    struct str expand;         /* "company" */
    struct str after;          /* cursor */
    struct str from;           /* jump: value of the first sort key */
    struct str q;              /* search text: narrows to what contains it */
    int limit;                 /* 0: LIST_LIMIT */
    bool bin;                  /* what is in the bin instead */
    bool count;                /* with the exact number */
    enum right right;          /* RIGHT_READ, or RIGHT_EXPORT */
};

/* Writes {"items": [...], "next": ...} into c->out. */
MUST_CHECK enum err_code query_list(struct call *c, const struct list_request *q);
/* Calls each row with its record (only the cells of the fields asked for are filled). *next is
 * the cursor to go on from, empty at the end. For exports, bulk jobs, the shell. */
struct query_page {
    struct record **rows;
    size_t n;
    struct str next;
    const struct live_field **fields;
    size_t nfields;
    struct ref_names *names;
    struct output *output; /* for the two functions below */
    struct page_row *found;
};
/* A row of a page as one JSON object, with many-to-many lists and formulas of the moment. */
MUST_CHECK enum err_code query_page_json(
    struct call *c, const struct query_page *p, size_t row, struct buf *out);
/* A field of a row as a cell of a spreadsheet, which an import reads back. */
void query_page_text(
    struct call *c, const struct query_page *p, size_t row, size_t field, struct buf *out);
MUST_CHECK enum err_code query_page(
    struct call *c, const struct list_request *q, struct query_page *out);
/* Writes one record as JSON. ERR_NOT_FOUND also when it may not be seen. */
MUST_CHECK enum err_code query_get(struct call *c, const struct live_entity *e, int64_t id,
    struct str fields, struct str expand);
/* A record that was just written, with all that may be read. */
MUST_CHECK enum err_code query_record(
    struct call *c, struct record *r, const struct live_field **fields, size_t n, const char *name);

/* Whether a list can be in the order of a field; rights are not looked at. */
bool query_sorts_by(const struct live_field *f);

struct aggregate_request {
    const struct live_entity *e;
    struct str where;
    const json_t *where_json;
    struct str measure; /* "count(), sum(total_spent) as spent" */
    struct str group;   /* "city" or expressions, up to 3 */
    struct str q;       /* search text: narrows to what contains it */
    struct str sort;    /* "-count()" or a group */
    int limit;
};
/* Writes {"rows": [{...}]}, and "more": true when the limit cut them. */
MUST_CHECK enum err_code query_aggregate(struct call *c, const struct aggregate_request *q);
/* Whether its measures and groups can be asked of the entity; asks nothing. */
MUST_CHECK enum err_code query_aggregate_check(struct call *c, const struct aggregate_request *q);
/* The ids that a request's filter, search and right find, ascending, past `after` and not past `upto` (0:
 * no bound), at most `most`. Its sort and fields are not looked at. For bulk work. */
MUST_CHECK enum err_code query_ids(struct call *c, const struct list_request *q, int64_t after,
    int64_t upto, size_t most, int64_t **ids, size_t *n);
/* How many they are. Walks all of them. */
MUST_CHECK enum err_code query_count(struct call *c, const struct list_request *q, int64_t *count);

#endif
