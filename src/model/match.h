/* match.h - finding records that may be the same: rules as data, a score, candidates by keys.
 *
 * Scored after Fellegi and Sunter, "A Theory for Record Linkage" (1969), with the levels of agreement of
 * Winkler (1990). docs/internals/match.md has the whole. */

#ifndef MODEL_MATCH_H
#define MODEL_MATCH_H

#include "model/access.h"
#include "model/change.h"
#include "model/job.h"

extern const struct entity duplicate_entity, duplicate_rule_entity, match_key_entity, match_record_entity;

/* The rules that come with the program, where there are none yet. */
MUST_CHECK enum err_code match_seed(struct call *c);
/* Keeps the keys of changed records, and looks for candidates of them. */
enum err_code match_look(struct call *c, struct arena *keep, struct change *changes, size_t n);
enum err_code match_consume(struct call *c, const struct change *changes, size_t n);
/* Writes {"items": [...]}: what a record that is about to be made may be a duplicate of, the likeliest
 * first, only what the caller may see. record: as in a create, with an "id" to leave out where it exists.
 * Values that cannot be read are passed over: somebody is typing. */
MUST_CHECK enum err_code match_check(
    struct call *c, const struct live_entity *e, const json_t *record, int most);
/* The kind "match_sweep": compares everything of an entity. Input {"entity": name}. */
enum err_code match_sweep_work(struct job_work *w);
/* May the caller see both records of a pair? For access.c. */
MUST_CHECK enum err_code match_pair_seen(struct call *c, const struct record *pair, bool *yes);
MUST_CHECK enum err_code match_pair_sql(struct call *c, int alias, struct sqltext *s);

/* Actions. */
enum err_code match_dismiss(struct call *c);
enum err_code match_merge(struct call *c);
enum err_code match_sweep(struct call *c);

#endif
