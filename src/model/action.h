/* action.h - running the actions of modules: the same row is a REST call, a shell command, a step of
 * a journey, a job. */

#ifndef MODEL_ACTION_H
#define MODEL_ACTION_H

#include "model/access.h"

/* on NULL: a module's own action, by "<module>.<name>" or its name. NULL when there is none. */
const struct action *action_find(
    const struct model *m, const struct live_entity *on, struct str name);
/* Checks right, ids and input, then runs it inside the call's transaction; writes the answer's
 * object to c->out. Actions may call actions. EFFECT_JOB rows are enqueued: the answer then is
 * {"job": id} and *queued is true. */
MUST_CHECK enum err_code action_run(struct call *c, const struct action *a,
    const struct live_entity *on, const int64_t *ids, size_t n, const json_t *input, bool *queued);

/* For the action's own function: */
const struct live_entity *target_entity(const struct call *c);
int64_t target(const struct call *c); /* the one record it is about */
int64_t in_int(const struct call *c, const char *name);   /* 0 when absent */
struct str in_text(const struct call *c, const char *name);
bool in_flag(const struct call *c, const char *name);
bool in_has(const struct call *c, const char *name);
void out_int(struct call *c, const char *name, int64_t v);
void out_text(struct call *c, const char *name, struct str v);
void out_instant(struct call *c, const char *name, int64_t v);

#endif
