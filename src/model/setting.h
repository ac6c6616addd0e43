/* setting.h - typed settings: the narrowest level at which one is set wins (user, team, organisation,
 * installation), else its default. */

#ifndef MODEL_SETTING_H
#define MODEL_SETTING_H

#include "model/access.h"

/* The declaration, NULL when no module has such a setting. */
const struct setting *setting_find(const struct model *m, struct str name);
/* As it holds for the caller. *json is the value as JSON, "null" when absent. Secrets are refused. */
MUST_CHECK enum err_code setting_get(struct call *c, const char *name, struct str *json);
MUST_CHECK enum err_code setting_int(struct call *c, const char *name, int64_t *out);
MUST_CHECK enum err_code setting_text(struct call *c, const char *name, struct str *out);
/* Checks kind, bounds and right: one's own, or an administrator's for the wider scopes. v NULL takes
 * it away. */
MUST_CHECK enum err_code setting_set(struct call *c, struct str name, enum setting_scope scope,
    int64_t scope_id, const json_t *v);
/* All settings with value, default, help and where the value comes from. */
MUST_CHECK enum err_code settings_json(struct call *c);

#endif
