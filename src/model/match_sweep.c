/* match_sweep.c - compares everything of an entity with everything that shares a key.
 *
 * All values are read once into memory (match_table), whose pairs match_block finds. Two walks over the pairs: the
 * first counts patterns and learns from them, the second keeps what scores; most of that need not be compared
 * again, since what is the same and what is not says already that it does not score. */

#include "model/match_find.h"

#include "model/match_block.h"
#include "model/query.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200, WRITES = 100, PATTERNS = 1 << 16, FOUND_MAX = 2000000, KEEP_MICROS = 20000000 };

struct found {
    uint32_t a, b;
    uint64_t pattern;
};

struct sweep {
    struct job_work *w;
    struct arena *mem;
    struct match_rule *rule;
    struct str entity;
    struct str cursor;
    struct match_table table;
    struct match_blocks *blocks;
    struct match_pattern_count *patterns; /* a hash table */
    size_t npatterns;
    struct found *found;
    size_t nfound, found_room;
    int64_t pairs, began;
    int64_t wrote_at; /* for the last time; monotonic */
    enum err_code stopped; /* why a walk ended early */
    double most[MATCH_TERMS], least; /* see bound() */
    bool later, turn; /* see take_turn() */
    /* of one write */
    size_t at;
    int64_t made, gone;
};

/* ---- reading ---- */

/* The rule outlives the call that read it: its texts move to the sweep's memory. The fields of the model do
 * not; each page finds its own. */
static enum err_code begin(struct call *c, void *arg)
{
    struct sweep *s = arg;
    const struct live_entity *e = model_entity(c->model, s->entity);
    struct match_rule *rule = NULL;

    TRY(e ? match_rule_load(c, e, &rule) : OK);
    if (!rule) {
        return fail(c, ERR_NOT_FOUND, "entity", "there is no active duplicate rule for \"%.*s\"",
            STR_ARG(s->entity));
    }
    s->rule = ARENA_NEW(s->mem, struct match_rule);
    *s->rule = *rule;
    for (size_t t = 0; t < rule->n; t++) {
        s->rule->terms[t].name = arena_str(s->mem, rule->terms[t].name);
        s->rule->terms[t].piece = arena_str(s->mem, rule->terms[t].piece);
        s->rule->terms[t].f = NULL;
    }
    s->rule->e = NULL;
    match_table_init(&s->table, s->mem, s->rule);
    return match_keys_missing(c, e, rule, &s->w->total);
}

static enum err_code read_page(struct call *c, void *arg)
{
    struct sweep *s = arg;
    const struct live_entity *e = model_entity(c->model, s->entity);
    struct match_rule *rule = NULL;
    struct query_page page;
    struct buf fields;

    TRY(e ? match_rule_load(c, e, &rule) : OK);
    if (!rule || rule->n != s->rule->n) {
        return fail(c, ERR_CONFLICT, NULL, "the rule was changed meanwhile");
    }
    buf_init(&fields, c->mem, 4000);
    for (size_t t = 0; t < rule->n; t++) {
        buf_lit(&fields, t ? "," : "");
        buf_add(&fields, rule->terms[t].f->name);
    }
    struct list_request q = { .e = e, .fields = buf_str(&fields), .after = s->cursor, .limit = PAGE,
        .right = RIGHT_READ };
    TRY(query_page(c, &q, &page));
    for (size_t i = 0; i < page.n; i++) {
        struct match_values v;
        match_values_of(c, rule, page.rows[i], &v);
        match_table_add(&s->table, page.rows[i]->id, &v);
    }
    s->cursor = arena_str(s->mem, page.next);
    return OK;
}

/* ---- comparing ---- */

struct two {
    const struct match_table *t;
    const uint32_t *a, *b;
};

static int cross_values(void *arg, size_t t, size_t q)
{
    const struct two *x = arg;
    uint32_t va = x->a[x->t->slot[t]], vb = x->b[x->t->slot[q]];

    return va && vb ? match_level(HOW_NAME, match_table_text(x->t, t, va), match_table_text(x->t, q, vb)) : -1;
}

/* The best agreement of a term's values, -1 where one has none; what many share is as if it were not there. same_only:
 * anything but the same is 0, which costs nothing to see. */
static int term_level(const struct match_table *t, size_t term, const uint32_t *va, const uint32_t *vb, bool same_only)
{
    enum match_how how = t->rule->terms[term].how;
    bool reach = how == HOW_EMAIL || how == HOW_PHONE;
    size_t end = t->slot[term + 1];
    int best = -1;

    for (size_t i = t->slot[term]; i < end && va[i]; i++) {
        for (size_t k = t->slot[term]; k < end && vb[k] && best < 3; k++) {
            bool same = va[i] == vb[k];
            int level = same ? 3 : same_only ? 0
                : match_level(how, match_table_text(t, term, va[i]), match_table_text(t, term, vb[k]));
            bool shared = reach && same && match_table_held(t, term, va[i]) > MATCH_SHARED;
            best = level > best && !shared ? level : best;
        }
    }
    return best;
}

static uint64_t pattern_of(const struct sweep *s, uint32_t a, uint32_t b)
{
    const uint32_t *va = match_table_row(&s->table, a), *vb = match_table_row(&s->table, b);
    uint64_t pattern = 0;

    for (size_t t = 0; t < s->rule->n; t++) {
        pattern |= (uint64_t)(term_level(&s->table, t, va, vb, false) + 1) << (3 * t);
    }
    return match_swaps(s->rule, pattern, cross_values, &(struct two) { &s->table, va, vb });
}

/* Whether a pair may score at all, were every value that is not the same as much alike as helps most. */
static bool may_score(const struct sweep *s, uint32_t a, uint32_t b)
{
    const uint32_t *va = match_table_row(&s->table, a), *vb = match_table_row(&s->table, b);
    double weight = 0;

    for (size_t t = 0; t < s->rule->n; t++) {
        const struct match_term *term = &s->rule->terms[t];
        int level = term_level(&s->table, t, va, vb, true);
        weight += level == 3 ? match_term_weight(term, 3) : s->most[t];
    }
    return weight >= s->least;
}

/* What may_score() adds up, from what was learned: a value that is not the same may be missing, as a mailbox that
 * many share is, or alike, as one that stands in the other's field is. */
static void bound(struct sweep *s)
{
    double review = s->rule->review < .999999 ? s->rule->review : .999999;

    s->least = log2(review / (1 - review)) - log2(s->rule->prior / (1 - s->rule->prior)) - 1e-6;
    for (size_t t = 0; t < s->rule->n; t++) {
        s->most[t] = 0;
        for (int l = 0; l < MATCH_LEVELS - 1; l++) {
            double w = match_term_weight(&s->rule->terms[t], l);
            s->most[t] = w > s->most[t] ? w : s->most[t];
        }
    }
}

static void count_pattern(void *arg, uint32_t a, uint32_t b)
{
    struct sweep *s = arg;
    uint64_t pattern = pattern_of(s, a, b);
    size_t at = match_key_pair(pattern, 1) & (PATTERNS - 1);

    s->pairs++;
    while (s->patterns[at].n > 0 && s->patterns[at].pattern != pattern) {
        at = (at + 1) & (PATTERNS - 1);
    }
    if (s->patterns[at].n > 0 || s->npatterns < PATTERNS / 2) { /* rarer ones than 32,768 teach nothing */
        s->npatterns += s->patterns[at].n <= 0;
        s->patterns[at].pattern = pattern;
        s->patterns[at].n++;
    }
}

static void keep_pair(void *arg, uint32_t a, uint32_t b)
{
    struct sweep *s = arg;
    double p;

    if (!may_score(s, a, b)) {
        return;
    }
    uint64_t pattern = pattern_of(s, a, b);
    match_weight(s->rule, pattern, &p);
    if (p < s->rule->review || s->nfound == FOUND_MAX) {
        return;
    }
    ARENA_ROOM(s->mem, s->found, s->nfound, s->found_room);
    s->found[s->nfound++] = (struct found) { a, b, pattern };
}

static enum err_code nothing(struct call *c, void *arg)
{
    (void)c, (void)arg;
    return OK;
}

/* A write, after which the lease is good for a minute again. */
static enum err_code write_now(struct sweep *s, call_fn *fn, void *arg)
{
    TRY(job_work_write(s->w, fn, arg));
    s->wrote_at = time_monotonic();
    return OK;
}

/* While nothing is written for long: another worker would take the job for one that died. */
static enum err_code keep_lease(struct sweep *s)
{
    return time_monotonic() - s->wrote_at > KEEP_MICROS ? write_now(s, nothing, NULL) : OK;
}

static bool stops(void *arg)
{
    struct sweep *s = arg;

    s->stopped = job_work_stops(s->w) ? err_set(&s->w->err, ERR_BUSY, NULL, "the server is stopping") : keep_lease(s);
    return s->stopped != OK;
}

static enum err_code each_pair(struct sweep *s, void (*fn)(void *arg, uint32_t a, uint32_t b))
{
    return match_blocks_walk(s->blocks, fn, stops, s) ? OK : s->stopped;
}

static bool learn(struct sweep *s)
{
    size_t n = 0;

    for (size_t i = 0; i < PATTERNS; i++) {
        if (s->patterns[i].n > 0) {
            s->patterns[n++] = s->patterns[i];
        }
    }
    return match_learn(s->rule, s->patterns, n);
}

/* ---- writing ---- */

static enum err_code store_model(struct call *c, void *arg)
{
    struct sweep *s = arg;
    struct json_writer w;
    struct buf b;

    if (!s->rule->id) {
        return OK;
    }
    buf_init(&b, c->mem, 1 << 16);
    json_init(&w, &b);
    json_object(&w, NULL);
    json_real(&w, "prior", s->rule->prior);
    json_int(&w, "records", (int64_t)s->table.n);
    json_int(&w, "pairs", s->pairs);
    json_object(&w, "fields");
    for (size_t t = 0; t < s->rule->n; t++) {
        json_name(&w, s->rule->terms[t].name);
        json_object(&w, NULL);
        for (int side = 0; side < 2; side++) {
            json_array(&w, side ? "u" : "m");
            for (int l = 0; l < MATCH_LEVELS; l++) {
                json_real(&w, NULL, side ? s->rule->terms[t].u[l] : s->rule->terms[t].m[l]);
            }
            json_end_array(&w);
        }
        json_end_object(&w);
    }
    json_end_object(&w);
    json_end_object(&w);
    struct record *r = record_of(c, "duplicate_rule");
    r->id = s->rule->id;
    r->trusted = r->quiet = r->replay = true;
    record_set(c, r, "model", V(buf_str(&b)));
    record_set(c, r, "swept_at", V(c->now));
    return record_update(c, r);
}

static enum err_code write_some(struct call *c, void *arg)
{
    struct sweep *s = arg;
    const struct live_entity *e = model_entity(c->model, s->entity);
    struct match_rule *rule = NULL;

    s->made = 0;
    TRY(e ? match_rule_load(c, e, &rule) : OK);
    for (size_t i = s->at; rule && i < s->nfound && i < s->at + WRITES; i++) {
        const struct found *f = &s->found[i];
        struct match_pair pair = { match_table_id(&s->table, f->a), match_table_id(&s->table, f->b), f->pattern };
        bool made;
        TRY(match_pair_put(c, rule, &pair, &made));
        s->made += made;
    }
    return OK;
}

struct closing {
    struct sweep *s;
    int64_t after, reached; /* reached: by the write at hand, which may run twice */
    size_t n;
};

static int by_ids(const void *pa, const void *pb)
{
    const struct match_pair *a = pa, *b = pb;

    return a->a != b->a ? (a->a < b->a ? -1 : 1) : a->b < b->b ? -1 : a->b > b->b;
}

/* Open pairs that score no more go. */
static enum err_code close_some(struct call *c, void *arg)
{
    struct closing *cl = arg;
    const struct live_entity *e = model_entity(c->model, cl->s->entity);
    const struct match_pair *all = (const struct match_pair *)cl->s->found;

    cl->s->gone = 0;
    cl->n = 0;
    cl->reached = cl->after;
    return e ? match_pairs_close(c, e, all, cl->s->nfound, &cl->reached, &cl->n, &cl->s->gone) : OK;
}

static void put_result(struct sweep *s, int64_t made, int64_t gone, bool learned)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, s->w->mem, 1000);
    json_init(&w, &b);
    json_object(&w, NULL);
    json_int(&w, "records", (int64_t)s->table.n);
    json_int(&w, "pairs", s->pairs);
    json_int(&w, "duplicates", (int64_t)s->nfound);
    json_int(&w, "new", made);
    json_int(&w, "gone", gone);
    json_int(&w, "blocks_left_out", (int64_t)match_blocks_left(s->blocks));
    json_flag(&w, "learned", learned);
    json_int(&w, "bytes", (int64_t)arena_used(s->mem));
    json_real(&w, "seconds", (double)((time_monotonic() - s->began) / 1000) / 1000);
    json_end_object(&w);
    s->w->result = buf_str(&b);
}

static enum err_code write_all(struct sweep *s, bool learned)
{
    struct job_work *w = s->w;
    int64_t made = 0, gone = 0;

    TRY(learned ? write_now(s, store_model, s) : OK);
    for (; s->at < s->nfound; s->at += WRITES) {
        w->done = (int64_t)s->at;
        w->total = (int64_t)s->nfound;
        TRY(write_now(s, write_some, s));
        made += s->made;
    }
    struct match_pair *pairs = ARENA_ARRAY(s->mem, struct match_pair, s->nfound + 1);
    for (size_t i = 0; i < s->nfound; i++) {
        int64_t a = match_table_id(&s->table, s->found[i].a), b = match_table_id(&s->table, s->found[i].b);
        pairs[i] = (struct match_pair) { a < b ? a : b, a < b ? b : a, s->found[i].pattern };
    }
    qsort(pairs, s->nfound, sizeof *pairs, by_ids);
    s->found = (struct found *)pairs; /* their place in the records is not needed any more */
    struct closing cl = { .s = s, .n = 1 };
    while (cl.n) {
        TRY(write_now(s, close_some, &cl));
        cl.after = cl.reached;
        gone += s->gone;
    }
    put_result(s, made, gone, learned);
    w->done = w->total;
    return job_work_end(w, nothing, NULL);
}

static enum err_code seed(struct call *c, void *arg)
{
    (void)arg;
    return match_seed(c); /* a database from before there were rules */
}

/* One that was ordered for later gives its key away, so that what changes from now on orders another; it goes on with
 * one that only one sweep of the entity has at a time, or comes later again: while the feed is not read, its keys are not
 * all there. */
static enum err_code take_turn(struct call *c, void *arg)
{
    struct sweep *s = arg;
    const struct live_entity *e = model_entity(c->model, s->entity);
    bool behind;
    int64_t job;

    s->turn = true;
    if (!e) {
        return OK; /* the next step says so */
    }
    TRY(match_is_behind(c, &behind));
    TRY(behind ? job_give_key(c, s->w->id)
               : job_take_key(c, s->w->id, arena_fmt(c->mem, "match_sweep:at:%" PRId64, e->number), &s->turn));
    s->turn = s->turn && !behind;
    return s->turn ? OK : match_order_sweep(c, e, true, &job);
}

static enum err_code sweep(struct sweep *s)
{
    struct match_keys_job keys = { .entity = s->entity };
    bool learned;

    TRY(s->later ? write_now(s, take_turn, s) : OK);
    if (!s->turn) {
        return job_work_end(s->w, nothing, NULL);
    }
    TRY(write_now(s, seed, NULL));
    TRY(job_work_read(s->w, begin, s));
    for (int64_t left = s->w->total; left; left = keys.cleared) {
        TRY(write_now(s, match_keys_clear, &keys));
    }
    while (s->w->total && !keys.over) {
        TRY(write_now(s, match_keys_fill, &keys));
        keys.after = keys.reached;
    }
    do {
        TRY(job_work_read(s->w, read_page, s));
        s->w->done = (int64_t)s->table.n;
        TRY(keep_lease(s));
    } while (s->cursor.n);
    s->blocks = match_blocks_make(s->mem, &s->table);
    s->patterns = ARENA_ARRAY(s->mem, struct match_pattern_count, PATTERNS);
    TRY(keep_lease(s));
    TRY(each_pair(s, count_pattern));
    learned = learn(s);
    bound(s);
    TRY(keep_lease(s));
    TRY(each_pair(s, keep_pair));
    return write_all(s, learned);
}

enum err_code match_sweep_work(struct job_work *w)
{
    struct sweep s = { .w = w, .mem = arena_create(0), .began = time_monotonic(),
        .entity = json_str(json_object_get(w->input, "entity")), .cursor = { "", 0 },
        .later = json_is_true(json_object_get(w->input, "later")), .turn = true };

    enum err_code code = sweep(&s);
    arena_destroy(s.mem);
    return code;
}
