/* cells.h - the values of fields between their four forms: JSON, text (CSV, shell), the cells of a
 * record (what is stored), and the evaluator's value.
 *
 * A field has f->ncolumns cells. Lists (e-mails, ...) and picks are one cell of canonical JSON.
 * Reading checks and normalises; what is wrong is said with the field's name and noted on the call
 * by fail_field(), so that all faults of a record are told at once. */

#ifndef MODEL_CELLS_H
#define MODEL_CELLS_H

#include "model/call.h"
#include "model/expr.h"

/* The second cell of a date of which not all is known. */
enum { PARTIAL_FULL, PARTIAL_YEAR, PARTIAL_MONTH_DAY };

/* Reads a JSON value. Returns false after fail_field(). References by external id are looked up. */
bool cells_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells);
/* Reads text as a person types it into a spreadsheet. The empty text is absent. */
bool cells_from_text(
    struct call *c, const struct live_field *f, struct str text, struct dbval *cells);
/* From a JSON array of what the canonical cell of a list holds: ids of choices, parts with their keys. */
bool cells_from_entries(
    struct call *c, const struct live_field *f, const json_t *entries, struct dbval *cells);
/* Bounds, length, required: what holds whatever way the value came. */
bool cells_check(struct call *c, const struct live_field *f, const struct dbval *cells);
/* The value for key_column. */
struct dbval cells_key(struct call *c, const struct live_field *f, const struct dbval *cells);

/* Names of records referred to, for {"id", "name"}; filled in one query per entity. */
struct ref_names;
struct ref_names *ref_names_new(struct call *c);
void ref_names_want(struct ref_names *n, const struct live_entity *e, int64_t id);
MUST_CHECK enum err_code ref_names_load(struct ref_names *n);
struct str ref_names_get(const struct ref_names *n, const struct live_entity *e, int64_t id);

void cells_want(struct ref_names *n, const struct live_field *f, const struct dbval *cells);
void cells_to_json(struct call *c, const struct live_field *f, const struct dbval *cells,
    const struct ref_names *names, struct json_writer *w);
void cells_to_text(struct call *c, const struct live_field *f, const struct dbval *cells,
    const struct ref_names *names, struct buf *out);

void cells_to_value(const struct live_field *f, const struct dbval *cells, struct value *out);
/* From a formula's or default's value; absent when it does not fit the field. */
void cells_from_value(
    struct call *c, const struct live_field *f, const struct value *v, struct dbval *cells);
bool cells_absent(const struct live_field *f, const struct dbval *cells);
bool cells_equal(const struct live_field *f, const struct dbval *a, const struct dbval *b);

#endif
