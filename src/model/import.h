/* import.h - rows of text into records: columns found by name or label, one savepoint a row, what is
 * wrong said per row and column, one change set for the whole import. */

#ifndef MODEL_IMPORT_H
#define MODEL_IMPORT_H

#include "model/access.h"

enum { IMPORT_ROWS = 1000, IMPORT_COLUMNS = 500 };

/* One chunk:
 *   {"columns": ["account", ...], "rows": [["Acme", ...], ...], "first_row": 1,
 *    "formats": {"close_date": "mdy"}, "key": "external_id", "change_set": 12}
 * or, for JSON lines, {"records": [{...}, ...], ...}. With a key, records that have it are changed, others
 * made. Answers {"change_set", "created", "updated", "columns": [{"column", "field"}], "rejected":
 * [{"row", "errors": [{"field", "message"}]}], "warnings": [{"row", "field", "message"}]}. A reference
 * that leads nowhere is left empty and told as a warning. */
MUST_CHECK enum err_code import_chunk(
    struct call *c, const struct live_entity *e, const json_t *input);

#endif
