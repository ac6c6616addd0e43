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
    struct match_search *search, int64_t id, struct match_hit *hits, size_t *n)
{
    int64_t *ids;
    size_t found;

    *n = 0;
    TRY(match_candidates(c, rule, values, search, id, &ids, &found));
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

struct found { /* of one changed record, in a reading call */
    bool live;     /* it is there, and not in the bin */
    bool searched; /* hits are what it may be a duplicate of; where many changed at once, a sweep finds that */
    struct match_keyed *keyed;
    struct match_pair *hits;
    size_t nhits;
};

static enum err_code is_live(struct call *c, const struct live_entity *e, int64_t id, bool *yes)
{
    struct record *r;
    enum err_code code = record_load(c, e, id, false, &r);

    *yes = code == OK && r->cells[e->deleted_at->cell].type == DB_NULL;
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    return code;
}

/* Takes away what scored before and does not now. */
static enum err_code close_pairs(struct call *c, const struct match_rule *rule, int64_t id, const struct found *found)
{
    const struct live_entity *duplicate = model_entity(c->model, STR("duplicate"));
    int64_t ids[MATCH_PAIRS], after = 0;
    size_t n = MATCH_PAIRS;

    while (n == MATCH_PAIRS) {
        TRY(match_pairs_of(c, rule->e, id, after, ids, &n));
        for (size_t i = 0; i < n; i++) {
            struct record *was;
            bool still = false, over;
            after = ids[i];
            TRY(record_load(c, duplicate, ids[i], false, &was));
            int64_t a = record_cells(was, entity_field(duplicate, STR("record")))[1].i;
            int64_t b = record_cells(was, entity_field(duplicate, STR("other")))[1].i;
            for (size_t k = 0; k < found->nhits; k++) {
                still = still || found->hits[k].b == a || found->hits[k].b == b;
            }
            TRY(is_over(c, rule, was, a == id ? b : a, &over));
            TRY(!still && over ? record_delete(c, duplicate, ids[i], 0) : OK);
        }
    }
    return OK;
}

static enum err_code settle_pairs(struct call *c, const struct match_rule *rule, int64_t id, const struct found *found)
{
    bool live = true;

    TRY(found->nhits ? is_live(c, rule->e, id, &live) : OK);
    for (size_t i = 0; live && i < found->nhits; i++) {
        const struct match_pair *pair = &found->hits[i];
        bool made, there;
        double p;
        TRY(is_live(c, rule->e, pair->b, &there)); /* it may have gone since */
        if (!there) {
            continue;
        }
        TRY(match_pair_put(c, rule, pair, &made));
        match_weight(rule, pair->pattern, &p);
        if (made && rule->by_itself && p >= rule->merge && match_has_evidence(rule, pair->pattern)) {
            return merge_certain(c, rule, pair);
        }
    }
    return close_pairs(c, rule, id, found);
}

static struct str sweep_key(struct call *c, const struct live_entity *e, bool later)
{
    return arena_fmt(c->mem, "match_sweep:%d:%" PRId64, (int)later, e->number);
}

enum err_code match_order_sweep(struct call *c, const struct live_entity *e, bool later, int64_t *job)
{
    json_t *input = json_pack("{s:s, s:b}", "entity", e->name.p, "later", (int)later);

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c,
        &(struct job_order) { .kind = "match_sweep", .input = input, .due = later ? c->now + SECONDS(10) : 0,
            /* one that is to come later is no reason to let somebody wait now */
            .key = sweep_key(c, e, later).p },
        job);
}

/* Will one compare everything soon? It gives its key away when it begins. */
static enum err_code sweep_waits(struct call *c, const struct live_entity *e, bool *yes)
{
    int64_t job;

    return db_find(c, &job, yes, SQL("SELECT \"id\" FROM \"jobs\" WHERE \"key\" = $1"), VALS(V(sweep_key(c, e, true))));
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

/* ---- the reading part ---- */

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

/* Did a change touch what is compared? */
static enum err_code is_touched(
    struct call *c, const struct match_rule *rule, const struct change *ch, bool *yes)
{
    json_t *fields = NULL, *one;
    size_t i;

    *yes = ch->kind != CHANGE_UPDATE || !ch->fields.n;
    if (!*yes) {
        TRY(json_read(c->mem, ch->fields, &fields, &c->err));
    }
    json_array_foreach (fields, i, one) {
        for (size_t t = 0; t < rule->n && !*yes; t++) {
            *yes = rule->terms[t].f->number == json_integer_value(one);
        }
    }
    return OK;
}

struct looking {
    struct arena *keep;
    struct rules_seen rules;
    struct tally carried; /* records with a later change here that touches what is compared */
    const struct live_entity *swept; /* of the last change: will a sweep compare it soon? */
    bool waits;
    struct match_search search;
};

static uint64_t record_key(const struct change *ch)
{
    return match_key_pair((uint64_t)ch->entity, (uint64_t)ch->record << 8);
}

/* What a record is found by, as it is now. */
static enum err_code find_keys(struct call *c, struct looking *l, const struct match_rule *rule, struct change *ch)
{
    struct record *r;
    bool touched;

    TRY(is_touched(c, rule, ch, &touched));
    if (!touched || tally_add(&l->carried, record_key(ch))) {
        return OK;
    }
    struct found *found = ch->found = ARENA_NEW(l->keep, struct found);
    enum err_code code = record_load(c, rule->e, ch->record, true, &r);
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    TRY(code);
    found->live = r->cells[rule->e->deleted_at->cell].type == DB_NULL;
    if (found->live) {
        struct match_values values;
        uint64_t keys[MATCH_KEYS];
        match_values_of(c, rule, r, &values);
        size_t n = match_keys_of(rule, &values, keys);
        found->keyed = arena_alloc(l->keep, offsetof(struct match_keyed, keys) + n * sizeof *keys);
        *found->keyed = (struct match_keyed) { .e = rule->e, .id = ch->record, .n = n };
        memcpy(found->keyed->keys, keys, n * sizeof *keys);
        l->search.new[l->search.n++] = found->keyed;
    }
    return OK;
}

static enum err_code find_hits(struct call *c, struct looking *l, const struct match_rule *rule, struct found *found)
{
    struct match_hit hits[MATCH_CANDIDATES];
    struct match_values values;
    struct record *r;
    size_t n;

    TRY(l->swept != rule->e ? sweep_waits(c, rule->e, &l->waits) : OK);
    l->swept = rule->e;
    if (l->waits) {
        return OK;
    }
    TRY(record_load(c, rule->e, found->keyed->id, true, &r)); /* it was there a moment ago, in the same reading */
    match_values_of(c, rule, r, &values);
    TRY(match_hits(c, rule, &values, &l->search, r->id, hits, &n));
    found->hits = ARENA_ARRAY(l->keep, struct match_pair, n + 1);
    for (size_t i = 0; i < n; i++) {
        found->hits[i] = hits[i].pair;
    }
    found->nhits = n;
    found->searched = true;
    return OK;
}

/* The last change that touches what is compared carries what was found. What one record takes goes at once, what is found
 * stays; so do the rules and what is known of large blocks. Of many, as of an import, only the keys are made: one sweep
 * compares them, and what else comes until it begins. */
enum err_code match_look(struct call *c, struct arena *keep, struct change *changes, size_t n)
{
    struct looking l = { .keep = keep };

    tally_init(&l.carried, keep);
    match_search_init(&l.search, keep);
    l.search.new = ARENA_ARRAY(keep, struct match_keyed *, n);
    for (int pass = 0; pass < 2; pass++) { /* all keys first: the new ones may be of one block */
        for (size_t i = n; i-- > 0;) {
            const struct live_entity *e = model_entity_number(c->model, changes[i].entity);
            struct found *found = changes[i].found;
            struct match_rule *rule;
            if (!is_compared(e) || (pass && (!found || !found->keyed || n >= MANY_CHANGES))) {
                continue;
            }
            TRY(rule_seen(c, &l.rules, e, &rule));
            struct call_mark mark = call_mark(c);
            TRY(!rule ? OK : pass ? find_hits(c, &l, rule, found) : find_keys(c, &l, rule, &changes[i]));
            call_rewind(c, mark);
        }
    }
    return OK;
}

/* ---- the writing part ---- */

static enum err_code order_sweep(
    struct call *c, const struct match_rule *rule, const struct change *ch, const struct live_entity **ordered)
{
    int64_t job;

    if (*ordered == rule->e) {
        return OK;
    }
    *ordered = rule->e;
    TRY(match_order_sweep(c, rule->e, true, &job));
    return match_keys_begin(c, rule->e, rule, ch->record);
}

static enum err_code take_change(struct call *c, const struct match_rule *rule, const struct change *ch,
    const struct live_entity **ordered, struct match_key_rows *rows)
{
    const struct found *found = ch->found;

    if (!found->live) {
        TRY(match_keys_put(c, rule->e, ch->record, NULL, 0));
        return match_pairs_forget(c, rule->e, ch->record);
    }
    TRY(found->searched ? OK : order_sweep(c, rule, ch, ordered));
    TRY(ch->kind == CHANGE_CREATE
            ? match_keys_note(c, rule->e, ch->record, found->keyed->keys, found->keyed->n, rows)
            : match_keys_put(c, rule->e, ch->record, found->keyed->keys, found->keyed->n));
    return found->searched ? settle_pairs(c, rule, ch->record, found) : OK;
}

enum err_code match_consume(struct call *c, const struct change *changes, size_t n)
{
    const struct live_entity *ordered = NULL;
    struct rules_seen seen = { 0 };
    struct match_key_rows keys = { .rows = ARENA_ARRAY(c->mem, struct match_key_row, n * MATCH_KEYS) };

    for (size_t i = 0; i < n; i++) {
        const struct live_entity *e = model_entity_number(c->model, changes[i].entity);
        struct match_rule *rule;
        if (!is_compared(e)) {
            continue;
        }
        TRY(rule_followed(c, &seen, e, &rule));
        /* what one needed is given back before the next: a batch may hold hundreds */
        struct call_mark mark = call_mark(c);
        TRY(rule && changes[i].found ? take_change(c, rule, &changes[i], &ordered, &keys) : OK);
        call_rewind(c, mark);
    }
    return match_keys_store(c, &keys);
}
