/* hooks.h - what the engine's own entities do around a save: checks of trees, roles, views and
 * definitions; caches that must forget. */

#ifndef MODEL_HOOKS_H
#define MODEL_HOOKS_H

#include "base/err.h"

#include <stdint.h>

struct call;
struct record;

enum err_code user_before_save(struct call *c, struct record *r, const struct record *old);
/* How many can administer, but for one (0: no exception). */
enum err_code administrators(struct call *c, int64_t without, int64_t *n);
enum err_code user_before_delete(struct call *c, const struct record *r);
enum err_code tree_before_save(struct call *c, struct record *r, const struct record *old);
enum err_code grant_before_save(struct call *c, struct record *r, const struct record *old);
enum err_code share_before_save(struct call *c, struct record *r, const struct record *old);
enum err_code object_before_save(struct call *c, struct record *r, const struct record *old);
enum err_code custom_field_before_save(struct call *c, struct record *r, const struct record *old);
enum err_code view_before_save(struct call *c, struct record *r, const struct record *old);
enum err_code working_hours_before_save(
    struct call *c, struct record *r, const struct record *old);
enum err_code setting_before_save(struct call *c, struct record *r, const struct record *old);
enum err_code choice_list_before_delete(struct call *c, const struct record *r);
enum err_code access_after_save(
    struct call *c, const struct record *r, const struct record *old);
enum err_code definition_after_save(
    struct call *c, const struct record *r, const struct record *old);

#endif
