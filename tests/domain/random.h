/* random.h - random records of any entity, made from the live model, so that what a module adds is in the
 * property tests by itself. */

#ifndef TESTS_DOMAIN_RANDOM_H
#define TESTS_DOMAIN_RANDOM_H

#include "domain.h"

#include "base/rand.h"

/* A record entity, not a bare table. */
bool plays(const struct live_entity *e);
/* The id of some live record, 0 when there is none. */
int64_t some_record(struct call *c, struct rng *r, const struct live_entity *e);
/* Members for the entity: whole with all that is required, else a few to change. */
json_t *random_object(
    struct call *c, struct rng *r, const struct live_entity *e, bool whole);

#endif
