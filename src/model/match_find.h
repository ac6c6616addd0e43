/* match_find.h - the rows that match keeps: keys of records, and pairs found. */

#ifndef MODEL_MATCH_FIND_H
#define MODEL_MATCH_FIND_H

#include "base/tally.h"
#include "model/match_steps.h"

struct match_pair {
    int64_t a, b;
    uint64_t pattern;
};

/* Makes or renews the row of a pair; one that somebody dismissed stays so. */
MUST_CHECK enum err_code match_pair_put(
    struct call *c, const struct match_rule *rule, const struct match_pair *pair, bool *made);
/* Takes away some of the open pairs past *after that are not among all (ordered by a, b; a < b). *n: how
 * many were looked at, 0 at the end. */
MUST_CHECK enum err_code match_pairs_close(struct call *c, const struct live_entity *e,
    const struct match_pair *all, size_t nall, int64_t *after, size_t *n, int64_t *gone);
bool match_pair_is(const struct call *c, const struct record *pair, const char *state);
/* Ids, past `after`, of the pairs in which a record stands, MATCH_PAIRS at most. */
enum { MATCH_PAIRS = 200 };
MUST_CHECK enum err_code match_pairs_of(struct call *c, const struct live_entity *e, int64_t id,
    int64_t after, int64_t *ids, size_t *n);
/* What stands about a record that is gone (merged or deleted) is closed. */
MUST_CHECK enum err_code match_pairs_forget(struct call *c, const struct live_entity *e, int64_t id);

struct match_keyed { /* a record, and the keys by which it is found */
    const struct live_entity *e;
    int64_t id;
    size_t n;
    uint64_t keys[];
};
/* One search, or many, one behind the other. */
struct match_search {
    struct tally large;        /* blocks, and what two have in common, with more than MATCH_BLOCK: not asked again */
    struct match_keyed **new;  /* records whose keys are not stored yet */
    size_t n;
};
void match_search_init(struct match_search *s, struct arena *mem);

struct match_hit {
    struct match_pair pair;
    double p;
    struct record *other;
};
/* Live candidates that score, the likeliest first; hits has room for MATCH_CANDIDATES. Rights are not looked at.
 * search: NULL for one that stands alone. */
enum { MATCH_CANDIDATES = 300 };
MUST_CHECK enum err_code match_hits(struct call *c, const struct match_rule *rule,
    struct match_values *values, struct match_search *search, int64_t id, struct match_hit *hits, size_t *n);

/* Makes the keys of a record equal to these; none when it can be found by nothing any more. */
MUST_CHECK enum err_code match_keys_put(struct call *c, const struct live_entity *e, int64_t id,
    const uint64_t *keys, size_t n);
/* Keys of new records, to be stored together in their own order: neighbours lie on the same page. */
struct match_key_row {
    int64_t entity, key, record;
};
struct match_key_rows {
    struct match_key_row *rows; /* room for MATCH_KEYS of each record */
    size_t n;
};
MUST_CHECK enum err_code match_keys_note(struct call *c, const struct live_entity *e, int64_t id,
    const uint64_t *keys, size_t n, struct match_key_rows *out);
MUST_CHECK enum err_code match_keys_store(struct call *c, struct match_key_rows *all);
/* Records that share a key with the values, at most MATCH_CANDIDATES, those with more keys in common first; marks
 * e-mails and phones that many share. */
MUST_CHECK enum err_code match_candidates(struct call *c, const struct match_rule *rule,
    struct match_values *values, struct match_search *search, int64_t leave_out, int64_t **ids, size_t *n);

/* Changes come whose keys this rule makes; NULL: nobody makes them. Where it did not make the others too, all are missing
 * from now on. */
MUST_CHECK enum err_code match_keys_follow(
    struct call *c, const struct live_entity *e, const struct match_rule *rule);
/* Where this is the first record of all, nothing is missing from now on. */
MUST_CHECK enum err_code match_keys_begin(
    struct call *c, const struct live_entity *e, const struct match_rule *rule, int64_t id);
/* Are keys made by another rule, or not made yet? *missing then is not 0. */
MUST_CHECK enum err_code match_keys_missing(struct call *c, const struct live_entity *e,
    const struct match_rule *rule, int64_t *missing);
struct match_keys_job {
    struct str entity;
    int64_t after, reached; /* the caller takes `reached` over once the write is committed: it may run twice */
    int64_t cleared; /* rows, by the last match_keys_clear */
    uint64_t made;   /* by which rule, as a hash: one that changes on the way would leave keys of two */
    bool over;
};
/* Before they are filled in: takes some of the old rows away, of whatever they are; none are left once it clears 0. */
enum err_code match_keys_clear(struct call *c, void *job);
/* Fills in the keys of some records past `after`; over at the end. */
enum err_code match_keys_fill(struct call *c, void *job);

#endif
