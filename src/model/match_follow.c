/* match_follow.c - follows the changes of records: their keys, and the pairs that they make. */

#include "model/match.h"

#include "model/job.h"
#include "model/match_find.h"
#include "model/merge.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

enum { MANY_CHANGES = 400, RULES_SEEN = 16 };

/* ---- looking for one record ---- */

enum err_code match_hits(struct call *c, const struct match_rule *rule, struct match_values *values,
    int64_t id, struct match_hit *hits, size_t *n)
{
    int64_t *ids;
    size_t found;

    *n = 0;
    TRY(match_candidates(c, rule, values, id, MATCH_CANDIDATES, &ids, &found));
    for (size_t i = 0; i < found; i++) {
        struct match_values other;
        struct record *r;
        struct match_hit h;
        enum err_code code = record_load(c, rule->e, ids[i], true, &r);
        if (code == ERR_NOT_FOUND) {
            err_clear(&c->err);
            continue;
        }
        TRY(code);
        if (r->cells[rule->e->deleted_at->cell].type != DB_NULL) {
            continue;
        }
        match_values_of(c, rule, r, &other);
        h = (struct match_hit) { { id, ids[i], match_pattern(rule, values, &other) }, 0, r };
        match_weight(rule, h.pair.pattern, &h.p);
        if (h.p < rule->review) {
            continue;
        }
        size_t at = (*n)++;
        for (; at > 0 && hits[at - 1].p < h.p; at--) {
            hits[at] = hits[at - 1];
        }
        hits[at] = h;
    }
    return OK;
}

/* ---- the consumer ---- */

static enum err_code merge_certain(
    struct call *c, const struct match_rule *rule, const struct match_pair *pair)
{
    int64_t ids[2] = { pair->a < pair->b ? pair->a : pair->b, pair->a < pair->b ? pair->b : pair->a };
    int64_t outer = c->change_set;
    const char *kind = c->change_kind;
    struct merging *m;

    /* a change set of its own, so that each can be undone alone */
    c->change_set = 0;
    c->change_kind = "merge";
    enum err_code code = merge_open(c, rule->e, ids, 2, &m);
    if (code == OK) {
        code = merge_run(c, m, NULL, NULL);
    }
    c->change_set = outer;
    c->change_kind = kind;
    if (code == ERR_NOT_FOUND || code == ERR_CONFLICT || code == ERR_INVALID) {
        err_clear(&c->err);
        return OK;
    }
    return code;
}

/* Is this pair, which scores no more, to go? A merged one stays while the other record is away; it counts
 * again when a merge was undone while this was looked at. */
static enum err_code is_over(struct call *c, const struct match_rule *rule, const struct record *pair,
    int64_t other, bool *yes)
{
    struct record *r;

    *yes = match_pair_is(c, pair, "open");
    if (*yes || !match_pair_is(c, pair, "merged")) {
        return OK;
    }
    enum err_code code = record_load(c, rule->e, other, false, &r);
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    *yes = code == OK && r->cells[rule->e->deleted_at->cell].type == DB_NULL;
    return code;
}

static enum err_code look_again(struct call *c, const struct match_rule *rule, const struct record *r,
    struct match_values *values)
{
    struct match_hit hits[MATCH_CANDIDATES];
    struct match_pair kept[MATCH_CANDIDATES];
    int64_t ids[MATCH_PAIRS], after = 0;
    size_t n, found = MATCH_PAIRS;

    TRY(match_hits(c, rule, values, r->id, hits, &n));
    for (size_t i = 0; i < n; i++) {
        bool made, certain = hits[i].p >= rule->merge && match_has_evidence(rule, hits[i].pair.pattern);
        TRY(match_pair_put(c, rule, &hits[i].pair, &made));
        kept[i] = hits[i].pair;
        if (certain && made && rule->by_itself) {
            return merge_certain(c, rule, &hits[i].pair);
        }
    }
    while (found == MATCH_PAIRS) { /* what scored before and does not now */
        const struct live_entity *duplicate = model_entity(c->model, STR("duplicate"));
        TRY(match_pairs_of(c, rule->e, r->id, after, ids, &found));
        for (size_t i = 0; i < found; i++) {
            struct record *was;
            bool still = false, over;
            after = ids[i];
            TRY(record_load(c, duplicate, ids[i], false, &was));
            int64_t a = record_cells(was, entity_field(duplicate, STR("record")))[1].i;
            int64_t b = record_cells(was, entity_field(duplicate, STR("other")))[1].i;
            for (size_t k = 0; k < n; k++) {
                still = still || kept[k].b == a || kept[k].b == b;
            }
            TRY(is_over(c, rule, was, a == r->id ? b : a, &over));
            TRY(!still && over ? record_delete(c, duplicate, ids[i], 0) : OK);
        }
    }
    return OK;
}

static enum err_code changed_record(
    struct call *c, const struct match_rule *rule, const struct change *change)
{
    int64_t id = change->record;
    struct match_values values;
    struct record *r = NULL;

    enum err_code code = record_load(c, rule->e, id, true, &r);
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
    } else if (code != OK) {
        return code;
    }
    if (!r || r->cells[rule->e->deleted_at->cell].type != DB_NULL) {
        TRY(match_keys_put(c, rule->e, id, NULL, 0));
        return match_pairs_forget(c, rule->e, id);
    }
    match_values_of(c, rule, r, &values);
    uint64_t keys[MATCH_KEYS];
    size_t n = match_keys_of(rule, &values, keys);
    TRY(match_keys_put(c, rule->e, id, keys, n));
    return look_again(c, rule, r, &values);
}

enum err_code match_order_sweep(struct call *c, const struct live_entity *e, int later, int64_t *job)
{
    json_t *input = json_pack("{s:s, s:i}", "entity", e->name.p, "later", later);

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c,
        &(struct job_order) { .kind = "match_sweep", .input = input, .due = later ? c->now + SECONDS(10) : 0,
            /* one that is to come later is no reason to let somebody wait now */
            .key = arena_fmt(c->mem, "match_sweep:%d:%" PRId64, later, e->number).p },
        job);
}

enum err_code match_is_behind(struct call *c, void *yes)
{
    int64_t seq = 0, horizon;
    bool found;

    TRY(db_find(c, &seq, &found, SQL("SELECT \"seq\" FROM \"cursors\" WHERE \"name\" = 'match'"), VALS()));
    TRY(feed_horizon(c, &horizon));
    *(bool *)yes = horizon - seq > MANY_CHANGES;
    return OK;
}

static bool is_compared(const struct live_entity *e)
{
    return e && !(e->def.flags & (ENTITY_TABLE | ENTITY_LINK | ENTITY_PAIR));
}

struct rules_seen {
    const struct live_entity *e[RULES_SEEN];
    struct match_rule *rule[RULES_SEEN];
    size_t n;
};

static enum err_code rule_seen(
    struct call *c, struct rules_seen *seen, const struct live_entity *e, struct match_rule **out)
{
    for (size_t i = 0; i < seen->n; i++) {
        if (seen->e[i] == e) {
            *out = seen->rule[i];
            return OK;
        }
    }
    TRY(match_rule_load(c, e, out));
    if (seen->n < RULES_SEEN) {
        seen->e[seen->n] = e;
        seen->rule[seen->n++] = *out;
    }
    return OK;
}

/* The same, before keys are made by it. */
static enum err_code rule_followed(
    struct call *c, struct rules_seen *seen, const struct live_entity *e, struct match_rule **out)
{
    size_t n = seen->n;

    TRY(rule_seen(c, seen, e, out));
    return seen->n > n ? match_keys_follow(c, e, *out) : OK;
}

struct found_keys { /* of a record among many */
    size_t n;
    uint64_t keys[];
};

static enum err_code find_keys(
    struct call *c, const struct match_rule *rule, const struct change *ch, struct arena *mem, void **found)
{
    struct match_values values;
    uint64_t keys[MATCH_KEYS];
    struct record *r;
    enum err_code code = record_load(c, rule->e, ch->record, true, &r);

    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    TRY(code);
    if (r->cells[rule->e->deleted_at->cell].type == DB_NULL) {
        match_values_of(c, rule, r, &values);
        size_t n = match_keys_of(rule, &values, keys);
        struct found_keys *out = arena_alloc(mem, offsetof(struct found_keys, keys) + n * sizeof *keys);
        out->n = n;
        memcpy(out->keys, keys, n * sizeof *keys);
        *found = out;
    }
    return OK;
}

/* Many at once, as of an import, are not looked for one by one: their keys are stored together, and one sweep
 * compares them. What a record takes goes at once, its keys stay; so do the rules that have been seen. */
enum err_code match_look(struct call *c, struct arena *keep, struct change *changes, size_t n)
{
    struct rules_seen seen = { 0 };

    for (size_t i = 0; n >= MANY_CHANGES && i < n; i++) {
        struct change *ch = &changes[i];
        const struct live_entity *e = model_entity_number(c->model, ch->entity);
        struct match_rule *rule;
        if (!is_compared(e) || ch->again) {
            continue;
        }
        TRY(rule_seen(c, &seen, e, &rule));
        struct call_mark mark = call_mark(c);
        TRY(rule ? find_keys(c, rule, ch, keep, &ch->found) : OK);
        call_rewind(c, mark);
    }
    return OK;
}

static enum err_code take_many(struct call *c, const struct match_rule *rule, const struct change *ch,
    const struct live_entity **ordered, struct match_key_rows *rows)
{
    const struct found_keys *found = ch->found;
    int64_t job;

    if (*ordered != rule->e) {
        *ordered = rule->e;
        TRY(match_order_sweep(c, rule->e, 1, &job));
        TRY(match_keys_begin(c, rule->e, rule, ch->record));
    }
    return ch->kind == CHANGE_CREATE ? match_keys_note(c, rule->e, ch->record, found->keys, found->n, rows)
                                     : match_keys_put(c, rule->e, ch->record, found->keys, found->n);
}

enum err_code match_consume(struct call *c, const struct change *changes, size_t n)
{
    const struct live_entity *ordered = NULL;
    struct rules_seen seen = { 0 };
    struct match_key_rows keys = { .rows = ARENA_ARRAY(c->mem, struct match_key_row, n * MATCH_KEYS) };

    for (size_t i = 0; i < n; i++) {
        const struct live_entity *e = model_entity_number(c->model, changes[i].entity);
        struct match_rule *rule;
        if (!is_compared(e) || changes[i].again) {
            continue;
        }
        TRY(rule_followed(c, &seen, e, &rule));
        if (rule && changes[i].found) {
            TRY(take_many(c, rule, &changes[i], &ordered, &keys));
            continue;
        }
        /* what one look needed is given back before the next: a batch may hold hundreds */
        struct call_mark mark = call_mark(c);
        TRY(rule ? changed_record(c, rule, &changes[i]) : OK);
        call_rewind(c, mark);
    }
    return match_keys_store(c, &keys);
}
