/* bulk.h - one change for many records, as a job: chosen by id or by filter, with progress, and one
 * change set, so that it is undone in one go. */

#ifndef MODEL_BULK_H
#define MODEL_BULK_H

#include "model/entity.h"

#include <jansson.h>

enum { BULK_IDS = 10000 };

/* Orders the job and writes {"job", "change_set"}. The input:
 *   {"ids": [1, 2]} or {"where": "city = 'Berlin'", "q": "smith", "bin": false}, and
 *   {"set": {field: value}, "clear": [field], "add": {list: [...]}, "remove": {list: [...]}}
 *   or {"do": "delete"} or {"do": "restore"}.
 * Fields, values and rights are checked now; the rights to each record when it is changed. What comes
 * into being after the order is not touched. ERR_INVALID names the member or the field. */
MUST_CHECK enum err_code bulk_order(
    struct call *c, const struct live_entity *e, const json_t *input);

/* The kind "bulk". Its result: {"changed", "unchanged", "failed", "errors": [{"id", "field", "message"}]};
 * the first 100 errors are kept. */
enum err_code bulk_look(struct call *c);
enum err_code bulk_run(struct call *c);

#endif
