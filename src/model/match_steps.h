/* match_steps.h - what the files of match share: rules, the values of a record, the model of agreement. */

#ifndef MODEL_MATCH_STEPS_H
#define MODEL_MATCH_STEPS_H

#include "model/match.h"
#include "model/record.h"

enum {
    MATCH_TERMS = 16,  /* compared fields of a rule */
    MATCH_VALUES = 3,  /* values of one field: e-mails, phones */
    MATCH_LEVELS = 4,  /* of agreement: 0 none, 3 the same */
    MATCH_BLOCK = 300, /* records that share a key; larger blocks are narrowed by a second key */
    MATCH_SHARED = 5,  /* an e-mail or phone that more records have says nothing of who they are */
    MATCH_KEYS = 24,
};

enum match_how { HOW_NAME, HOW_FIRST, HOW_TEXT, HOW_CODE, HOW_DATE, HOW_EXACT, HOW_EMAIL, HOW_PHONE,
    HOW_COMPANY, HOW_COUNT };

struct match_term {
    const struct live_field *f;
    struct str name;  /* "last_name", "addresses.street" */
    struct str piece; /* of a list's primary part, or of its street: "number", "street", "second" */
    enum match_how how;
    bool key;
    int swaps; /* 1 + the term with which people confuse it (first and last name); 0 for none */
    double m[MATCH_LEVELS], u[MATCH_LEVELS]; /* of agreement given a match, and given none */
};

struct match_rule {
    int64_t id; /* 0: the one that is built in */
    const struct live_entity *e;
    struct match_term terms[MATCH_TERMS];
    size_t n;
    double review, merge; /* probabilities from which a pair is looked at, and may merge by itself */
    bool by_itself;
    double prior; /* share of true pairs among candidates */
};

/* Standard values, in the arena of the call. */
struct match_values {
    struct str v[MATCH_TERMS][MATCH_VALUES];
    bool shared[MATCH_TERMS][MATCH_VALUES];
    uint8_t n[MATCH_TERMS];
};

/* The active rule of an entity; *out is NULL when it has none. */
MUST_CHECK enum err_code match_rule_load(
    struct call *c, const struct live_entity *e, struct match_rule **out);
void match_values_of(
    struct call *c, const struct match_rule *rule, const struct record *r, struct match_values *out);

/* 0 to MATCH_LEVELS - 1 */
int match_level(enum match_how how, struct str a, struct str b);
/* Three bits a term: 0 where one has no value, else 1 + level. */
uint64_t match_pattern(
    const struct match_rule *rule, const struct match_values *a, const struct match_values *b);
/* Two values that stand in each other's field agree nearly: `cross` compares the value of term t in one with
 * that of term q in the other. */
typedef int match_cross_fn(void *arg, size_t t, size_t q);
uint64_t match_swaps(const struct match_rule *rule, uint64_t pattern, match_cross_fn *cross, void *arg);
static inline int match_at(uint64_t pattern, size_t term)
{
    return (int)(pattern >> (3 * term) & 7) - 1; /* -1: missing */
}
/* Log2 of how much likelier the pattern is for a match; *probability with the prior (may be NULL). */
double match_weight(const struct match_rule *rule, uint64_t pattern, double *probability);
double match_term_weight(const struct match_term *t, int level);
/* More than a shared mailbox or number speaks for it. */
bool match_has_evidence(const struct match_rule *rule, uint64_t pattern);
void match_reasons(struct call *c, const struct match_rule *rule, uint64_t pattern,
    bool seen_only, struct json_writer *w, const char *name);

struct match_pattern_count {
    uint64_t pattern;
    double n;
};
/* Learns m, u and the prior from patterns of candidates, without labels. False when they do not part into
 * two kinds: the rule is then left as it was. */
bool match_learn(struct match_rule *rule, const struct match_pattern_count *counts, size_t n);

/* The live record that r, which is not stored yet, is probably the same as: the likeliest that the caller may see,
 * and in which fields the two agree. *id 0 for none. */
MUST_CHECK enum err_code match_same(struct call *c, const struct match_rule *rule, const struct record *r,
    int64_t *id, struct str *agree);

/* A job's read: whether many changes wait that the consumer has not seen, as during an import. */
enum err_code match_is_behind(struct call *c, void *yes);
/* Now, or in ten seconds: at most one of each waits. */
MUST_CHECK enum err_code match_order_sweep(
    struct call *c, const struct live_entity *e, bool later, int64_t *job);

/* Keys of blocks, each once. */
size_t match_keys_of(const struct match_rule *rule, const struct match_values *v, uint64_t *keys);
uint64_t match_key_pair(uint64_t a, uint64_t b);

#endif
