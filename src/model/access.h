/* access.h - rights: the one place that makes them.
 *
 * Roles unite. Per entity and action a level: none, own, team, below me, all; what is shared with
 * one is always added. A role may add a condition. Per field: hidden, read, write. Compiled per user
 * into an immutable snapshot that is cached until users, teams, roles or shares change. */

#ifndef MODEL_ACCESS_H
#define MODEL_ACCESS_H

#include "model/record.h"

enum right { RIGHT_READ, RIGHT_CREATE, RIGHT_UPDATE, RIGHT_DELETE, RIGHT_EXPORT, RIGHT_IMPORT,
    RIGHT_BULK, RIGHT_COUNT };
enum level { LEVEL_NONE, LEVEL_OWN, LEVEL_TEAM, LEVEL_BELOW, LEVEL_ALL };
enum field_right { FIELD_HIDDEN, FIELD_READ, FIELD_WRITE };

const char *right_name(enum right r);
const char *level_name(enum level l);

/* Loads a user with rights; ERR_UNAUTHENTICATED when there is none or he is inactive. Lives in the
 * call's arena, the access snapshot is counted and given back with the arena. */
MUST_CHECK enum err_code user_load(struct call *c, int64_t id, const struct user **out);
/* Something about users, teams, roles or shares changed. */
void access_changed(struct call *c);

enum level access_level(const struct call *c, const struct live_entity *e, enum right right);
enum field_right access_field(const struct call *c, const struct live_field *f);
/* May the user do that to anything of the entity at all? ERR_FORBIDDEN otherwise. */
MUST_CHECK enum err_code access_require(
    struct call *c, const struct live_entity *e, enum right right);
/* To this record (base cells loaded)? *yes. */
MUST_CHECK enum err_code access_record(
    struct call *c, struct record *r, enum right right, bool *yes);
/* The same from roles alone: what comes from a share does not count. */
MUST_CHECK enum err_code access_owns(
    struct call *c, struct record *r, enum right right, bool *yes);
/* A named right of an action, "<entity>.<action>". */
bool access_action(const struct call *c, const char *right);

/* The predicate of a right over t<alias>, as " AND (...)"; nothing where all may be seen. */
MUST_CHECK enum err_code access_sql(struct call *c, const struct live_entity *e, enum right right,
    int alias, struct sqltext *s);
/* Where little of much is seen: the keyset streams (owner, team, shares), one by one, as " AND
 * (...)". Returns how many there are; 0 when all may be seen. */
int access_streams(struct call *c, const struct live_entity *e, enum right right);
MUST_CHECK enum err_code access_stream_sql(struct call *c, const struct live_entity *e,
    enum right right, int stream, int alias, struct sqltext *s);

/* Why: JSON with the roles and grants that give or withhold a right on a record or field. */
MUST_CHECK enum err_code access_explain(struct call *c, const struct live_entity *e, int64_t id,
    int64_t user, enum right right);
/* What a user would have of everything, as JSON: levels, fields, numbers of records, actions. For administrators and
 * whoever may explain; ERR_NOT_FOUND for a user who is not active. */
MUST_CHECK enum err_code access_preview(struct call *c, int64_t user);
/* SQL of an expression that the asker wrote: rows he may not read count as absent in it. */
struct expr_sql access_expr(struct call *c, struct sqltext *out, int alias);
/* Checks a condition on an entity's records that the caller wrote into a text field of r, and keeps it with fields
 * by number, so that renaming one breaks nothing. ERR_INVALID names the field. */
MUST_CHECK enum err_code access_keep_condition(
    struct call *c, struct record *r, const char *field, const struct live_entity *e);
/* expr_scope for the asker: only fields that he may read. */
struct expr_scope access_scope(struct call *c, const struct live_entity *e);

#endif
