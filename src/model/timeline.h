/* timeline.h - everything that was done with a record, newest first, on one line. */

#ifndef MODEL_TIMELINE_H
#define MODEL_TIMELINE_H

#include "model/access.h"

/* Activities that refer to the record and may be seen, and what modules tell of beside them (module.happened), before an
 * instant (0: the newest): {"items": [{"entity", "id", "at", "record": {...}} or {"what": "mail", "id", "at", "mail":
 * {...}}], "next": instant or null}. */
MUST_CHECK enum err_code timeline_json(
    struct call *c, const struct live_entity *e, int64_t id, int64_t before, int limit);

#endif
