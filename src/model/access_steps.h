/* access_steps.h - what compiling rights, answering from them and writing them as SQL share. */

#ifndef MODEL_ACCESS_STEPS_H
#define MODEL_ACCESS_STEPS_H

#include "model/access.h"
#include "model/model.h"

struct grant {
    uint8_t level[RIGHT_COUNT];
    const struct expr *condition;
    struct str role, actions;
};

struct entity_access {
    struct grant *grants;
    size_t n;
    uint8_t most[RIGHT_COUNT]; /* highest level over the grants */
    bool conditional;
};

struct access {
    struct arena *mem;
    int refs;
    int64_t model_version, access_version;
    struct user user;
    int64_t *teams, *below; /* mine; mine and beneath */
    size_t nteams, nbelow;
    struct entity_access *entities; /* in the model's order */
    uint8_t *fields;                /* by number: 0 nothing said, else 1 + enum field_right */
    int64_t nfields;
    bool may_explain, may_customise;
};

/* Administrators and the program itself. */
bool access_all_powerful(const struct call *c);
/* Does the token's scope, if there is one, let the right through? */
bool access_scope_allows(const struct call *c, const struct live_entity *e, enum right right);
/* What was compiled for an entity; NULL where nothing was granted. */
const struct entity_access *access_of(const struct call *c, const struct live_entity *e);
/* A link's rights are those of the record it belongs to: the entity, and the right that is asked there. */
const struct live_entity *access_link_owner(const struct live_entity *e);
enum right access_link_right(enum right right);

#endif
