/* import.h - rows of text into records: columns to fields, records that are there found by keys, what is
 * wrong said per row and column, one change set for the whole import.
 *
 * A plan is read once per call from JSON:
 *   {"columns": ["account", {"column": "E-Mail", "field": "emails[work]", "format": "dmy",
 *      "decimal": ",", "country": "DE", "create": true}, ...],
 *    "formats": {"close_date": "mdy"},
 *    "keys": ["external_id", ["last_name", "phone"]], "mode": "both" | "create" | "update",
 *    "empty": "keep" | "clear", "duplicates": "queue" | "reject" | "update"}
 * A column given as text goes where its header says (import_map.h); "field": null leaves it out.
 * Where a record is there already, an empty cell keeps what it has, unless told to clear it. */

#ifndef MODEL_IMPORT_H
#define MODEL_IMPORT_H

#include "model/access.h"

enum { IMPORT_ROWS = 1000, IMPORT_COLUMNS = 500 };

struct import_plan;
struct import_seen;
/* dry: nothing stays; import_apply tells what would have changed. */
MUST_CHECK enum err_code import_plan_make(struct call *c, const struct live_entity *e,
    const json_t *spec, bool dry, struct import_plan **out);

struct import_ready { /* a row that was made ahead */
    struct record *r;   /* NULL: it was not made */
    const bool *filled; /* per field: set by the row's cells, but for those that are looked up */
    bool whole;         /* r is all that a new record is; else what the cells say */
};

struct import_rows {
    struct str **cells; /* per row; NULL where records are given */
    size_t *ncells;
    const json_t *records; /* a list of objects */
    bool lines;            /* the one cell of a row is the JSON of an object */
    size_t n;
    /* What was made of a row ahead, for this call; NULL: it is made here. */
    const struct import_ready *(*ready)(void *arg, size_t row);
    int64_t first_row; /* the number of the first, for what is told */
    /* How they run. With neither they share a savepoint, and where one fails behind its first write they
     * run again with one for each. */
    bool bare;  /* without: then the call fails, with result.behind, and is to be made again with apart */
    bool apart; /* a savepoint for each row */
    bool (*enough)(void *arg); /* asked after every few rows; true: the rest is left. NULL: all run */
    void *arg; /* of both */
    /* Of a check in several steps: what the earlier ones would have made, and what this one would. NULL: of none. */
    const struct import_seen *seen;
    struct buf *marks;
};

struct import_result {
    size_t n;    /* rows that ran */
    bool behind; /* a row failed behind its first write */
    int64_t created, updated, unchanged, skipped, nrejected;
    struct str rejected; /* [{"row", "errors": [{"field", "message"}]}] */
    struct str warnings; /* [{"row", "field", "message"}] */
    struct str changes;  /* dry: [{"row", "id", "name", "changes": [{"field", "from", "to"}]}], the first 50 */
};
/* Runs the rows in the call's transaction. ERR_INVALID and the like about one row reject that row. */
MUST_CHECK enum err_code import_apply(struct call *c, const struct import_plan *p,
    const struct import_rows *rows, struct import_result *out);

/* One chunk over the API: a plan's members, and
 *   {"rows": [["Acme", ...], ...] or "records": [{...}, ...], "first_row": 1, "key": "external_id",
 *    "change_set": 12}
 * Answers {"change_set", "created", "updated", "columns": [{"column", "field"}], "rejected",
 * "warnings"}. A reference that leads nowhere is left empty and told as a warning. */
MUST_CHECK enum err_code import_chunk(
    struct call *c, const struct live_entity *e, const json_t *input);

#endif
