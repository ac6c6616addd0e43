/* match_sweep.c - compares everything of an entity with everything that shares a key.
 *
 * All values are read once into memory, each different one once. Records that share a key are a block; a
 * block that is too large is narrowed by a second key of its members, and left when that does not help.
 * A pair is taken in the smallest block that holds both, so each is compared once without a list of pairs.
 * Two walks over the pairs: the first counts patterns and learns from them, the second keeps what scores. */

#include "model/match_find.h"

#include "base/map.h"
#include "model/query.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 200, WRITES = 100, PATTERNS = 1 << 16, FOUND_MAX = 2000000 };

struct dictionary {
    struct map ids; /* text to its number */
    struct str *texts;
    uint32_t *held; /* by how many records */
    size_t n, room;
};

struct keyed {
    uint64_t key;
    uint32_t record;
};

struct keys {
    struct keyed *list;
    size_t n, room;
};

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
    struct dictionary terms[MATCH_TERMS];
    size_t slot[MATCH_TERMS], slots; /* where a term's values stand in a record's row */
    int64_t *ids;
    uint32_t *values; /* slots per record; 0 for none */
    size_t n, room;
    struct keys keys;      /* in order of key, those of blocks that count */
    size_t *first;         /* per record: where its keys begin in of_record; one more at the end */
    uint64_t *of_record;   /* ascending */
    struct match_pattern_count *patterns; /* a hash table */
    size_t npatterns;
    struct found *found;
    size_t nfound, found_room;
    int64_t pairs, left_blocks, began;
    int later; /* it was ordered for later, and waits for the feed to be read */
    /* of one write */
    size_t at;
    int64_t made, gone;
};

/* ---- reading ---- */

static void *grown(struct arena *mem, const void *old, size_t n, size_t room, size_t size)
{
    void *more = arena_array(mem, size, room);

    if (n) {
        memcpy(more, old, n * size);
    }
    return more;
}

static uint32_t number_of(struct sweep *s, struct dictionary *d, struct str text)
{
    uintptr_t id = (uintptr_t)map_get(&d->ids, text);

    if (!id) {
        if (d->n + 1 >= d->room) {
            d->room = d->room ? d->room * 2 : 1024;
            d->texts = grown(s->mem, d->texts, d->n ? d->n + 1 : 0, d->room, sizeof *d->texts);
            d->held = grown(s->mem, d->held, d->n ? d->n + 1 : 0, d->room, sizeof *d->held);
        }
        id = ++d->n;
        d->texts[id] = arena_str(s->mem, text);
        map_put(&d->ids, d->texts[id], (const void *)id);
    }
    d->held[id]++;
    return (uint32_t)id;
}

static void take_record(struct sweep *s, int64_t id, const struct match_values *v)
{
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 4096;
        s->ids = grown(s->mem, s->ids, s->n, room, sizeof *s->ids);
        s->values = grown(s->mem, s->values, s->n * s->slots, room * s->slots, sizeof *s->values);
        s->room = room;
    }
    s->ids[s->n] = id;
    for (size_t t = 0; t < s->rule->n; t++) {
        for (size_t i = 0; i < v->n[t]; i++) {
            s->values[s->n * s->slots + s->slot[t] + i] = number_of(s, &s->terms[t], v->v[t][i]);
        }
    }
    s->n++;
}

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
        s->slot[t] = s->slots;
        s->slots += rule->terms[t].how == HOW_EMAIL || rule->terms[t].how == HOW_PHONE ? MATCH_VALUES : 1;
        map_init(&s->terms[t].ids, s->mem);
    }
    s->rule->e = NULL;
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
        for (size_t t = 0; t < rule->n; t++) {
            size_t most = (t + 1 < rule->n ? s->slot[t + 1] : s->slots) - s->slot[t];
            v.n[t] = (uint8_t)(v.n[t] > most ? most : v.n[t]);
        }
        take_record(s, page.rows[i]->id, &v);
    }
    s->cursor = arena_str(s->mem, page.next);
    return OK;
}

/* ---- blocks ---- */

static void sort_keys(struct keys *k, int (*compare)(const void *, const void *))
{
    if (k->n) { /* without any there is no list */
        qsort(k->list, k->n, sizeof *k->list, compare);
    }
}

static int by_key(const void *pa, const void *pb)
{
    const struct keyed *a = pa, *b = pb;

    return a->key != b->key ? (a->key < b->key ? -1 : 1) : a->record < b->record ? -1 : a->record > b->record;
}

static int by_record(const void *pa, const void *pb)
{
    const struct keyed *a = pa, *b = pb;

    return a->record != b->record ? (a->record < b->record ? -1 : 1) : a->key < b->key ? -1 : a->key > b->key;
}

static void add_key(struct arena *mem, struct keys *k, uint64_t key, uint32_t record)
{
    if (k->n == k->room) {
        k->room = k->room ? k->room * 2 : 1 << 16;
        k->list = grown(mem, k->list, k->n, k->room, sizeof *k->list);
    }
    k->list[k->n++] = (struct keyed) { key, record };
}

static void single_keys(const struct sweep *s, struct arena *mem, struct keys *k)
{
    for (uint32_t r = 0; r < s->n; r++) {
        for (size_t t = 0; t < s->rule->n; t++) {
            size_t end = t + 1 < s->rule->n ? s->slot[t + 1] : s->slots;
            for (size_t i = s->slot[t]; s->rule->terms[t].key && i < end; i++) {
                uint32_t v = s->values[r * s->slots + i];
                if (v) {
                    add_key(mem, k, match_key_pair(t + 1, (uint64_t)v << 8), r);
                }
            }
        }
    }
    sort_keys(k, by_key);
}

static size_t block_end(const struct keys *k, size_t from)
{
    size_t to = from;

    while (to < k->n && k->list[to].key == k->list[from].key) {
        to++;
    }
    return to;
}

/* Keys of blocks that are small enough, and for those that are not each pair with another key. */
static void narrow(struct arena *mem, const struct keys *single, struct keys *out)
{
    struct keys marked = { 0 };

    for (size_t from = 0, to; from < single->n; from = to) {
        to = block_end(single, from);
        if (to - from < 2) {
            continue;
        }
        for (size_t i = from; i < to; i++) {
            /* the top bit, which keys do not use, marks a large block */
            add_key(mem, &marked, single->list[i].key | (to - from > MATCH_BLOCK ? 1ull << 63 : 0),
                single->list[i].record);
        }
    }
    sort_keys(&marked, by_record);
    for (size_t from = 0, to; from < marked.n; from = to) {
        for (to = from; to < marked.n && marked.list[to].record == marked.list[from].record; to++) {
        }
        for (size_t i = from; i < to; i++) {
            uint64_t key = marked.list[i].key;
            if (!(key >> 63)) {
                add_key(mem, out, key, marked.list[i].record);
            }
            for (size_t k = from; (key >> 63) && k < to; k++) {
                if (k > i || (k < i && !(marked.list[k].key >> 63))) {
                    add_key(mem, out, match_key_pair(key, marked.list[k].key), marked.list[i].record);
                }
            }
        }
    }
    sort_keys(out, by_key);
}

static void make_blocks(struct sweep *s)
{
    struct keys single = { 0 }, wide = { 0 };
    struct arena *mem = arena_create(0); /* much larger than what is kept */
    size_t n = 0;

    single_keys(s, mem, &single);
    narrow(mem, &single, &wide);
    for (size_t from = 0, to; from < wide.n; from = to) {
        to = block_end(&wide, from);
        s->left_blocks += to - from > MATCH_BLOCK;
        for (size_t i = from; to - from > 1 && to - from <= MATCH_BLOCK && i < to; i++) {
            wide.list[n++] = wide.list[i];
        }
    }
    s->keys = (struct keys) { grown(s->mem, wide.list, n, n + 1, sizeof *wide.list), n, n + 1 };
    arena_destroy(mem);
    s->first = ARENA_ARRAY(s->mem, size_t, s->n + 2);
    s->of_record = ARENA_ARRAY(s->mem, uint64_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        s->first[s->keys.list[i].record + 2]++;
    }
    for (size_t r = 2; r <= s->n + 1; r++) {
        s->first[r] += s->first[r - 1];
    }
    for (size_t i = 0; i < n; i++) { /* in order of key: each record's come ascending */
        s->of_record[s->first[s->keys.list[i].record + 1]++] = s->keys.list[i].key;
    }
}

/* Is this the smallest key that both have? */
static bool is_first_common(const struct sweep *s, uint32_t a, uint32_t b, uint64_t key)
{
    size_t i = s->first[a], k = s->first[b];

    while (i < s->first[a + 1] && k < s->first[b + 1]) {
        uint64_t x = s->of_record[i], y = s->of_record[k];
        if (x == y) {
            return x == key;
        }
        i += x < y;
        k += y < x;
    }
    return false;
}

/* ---- comparing ---- */

struct two {
    const struct sweep *s;
    const uint32_t *a, *b;
};

static int cross_values(void *arg, size_t t, size_t q)
{
    const struct two *x = arg;
    uint32_t va = x->a[x->s->slot[t]], vb = x->b[x->s->slot[q]];

    return va && vb ? match_level(HOW_NAME, x->s->terms[t].texts[va], x->s->terms[q].texts[vb]) : -1;
}

static uint64_t pattern_of(const struct sweep *s, uint32_t a, uint32_t b)
{
    const uint32_t *va = s->values + a * s->slots, *vb = s->values + b * s->slots;
    uint64_t pattern = 0;

    for (size_t t = 0; t < s->rule->n; t++) {
        const struct dictionary *d = &s->terms[t];
        size_t end = t + 1 < s->rule->n ? s->slot[t + 1] : s->slots;
        bool reach = s->rule->terms[t].how == HOW_EMAIL || s->rule->terms[t].how == HOW_PHONE;
        int best = -1;
        for (size_t i = s->slot[t]; i < end && va[i]; i++) {
            for (size_t k = s->slot[t]; k < end && vb[k] && best < 3; k++) {
                int level = va[i] == vb[k] ? 3
                                           : match_level(s->rule->terms[t].how, d->texts[va[i]], d->texts[vb[k]]);
                bool shared = reach && level == 3 && d->held[va[i]] > MATCH_SHARED;
                best = level > best && !shared ? level : best;
            }
        }
        pattern |= (uint64_t)(best + 1) << (3 * t);
    }
    return match_swaps(s->rule, pattern, cross_values, &(struct two) { s, va, vb });
}

static void count_pattern(struct sweep *s, uint32_t a, uint32_t b)
{
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

static void keep_pair(struct sweep *s, uint32_t a, uint32_t b)
{
    uint64_t pattern = pattern_of(s, a, b);
    double p;

    match_weight(s->rule, pattern, &p);
    if (p < s->rule->review || s->nfound == FOUND_MAX) {
        return;
    }
    if (s->nfound == s->found_room) {
        size_t room = s->found_room ? s->found_room * 2 : 4096;
        s->found = grown(s->mem, s->found, s->nfound, room, sizeof *s->found);
        s->found_room = room;
    }
    s->found[s->nfound++] = (struct found) { a, b, pattern };
}

static enum err_code each_pair(struct sweep *s, void (*fn)(struct sweep *s, uint32_t a, uint32_t b))
{
    for (size_t from = 0, to; from < s->keys.n; from = to) {
        if (job_work_stops(s->w)) {
            return err_set(&s->w->err, ERR_BUSY, NULL, "the server is stopping");
        }
        to = block_end(&s->keys, from);
        for (size_t i = from; i < to; i++) {
            for (size_t k = i + 1; k < to; k++) {
                uint32_t a = s->keys.list[i].record, b = s->keys.list[k].record;
                if (a != b && is_first_common(s, a, b, s->keys.list[from].key)) {
                    fn(s, a, b);
                }
            }
        }
    }
    return OK;
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
    json_int(&w, "records", (int64_t)s->n);
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
        struct match_pair pair = { s->ids[f->a], s->ids[f->b], f->pattern };
        bool made;
        TRY(match_pair_put(c, rule, &pair, &made));
        s->made += made;
    }
    return OK;
}

struct closing {
    struct sweep *s;
    int64_t after;
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
    return e ? match_pairs_close(c, e, all, cl->s->nfound, &cl->after, &cl->n, &cl->s->gone) : OK;
}

static void put_result(struct sweep *s, int64_t made, int64_t gone, bool learned)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, s->w->mem, 1000);
    json_init(&w, &b);
    json_object(&w, NULL);
    json_int(&w, "records", (int64_t)s->n);
    json_int(&w, "pairs", s->pairs);
    json_int(&w, "duplicates", (int64_t)s->nfound);
    json_int(&w, "new", made);
    json_int(&w, "gone", gone);
    json_int(&w, "blocks_left_out", s->left_blocks);
    json_flag(&w, "learned", learned);
    json_int(&w, "bytes", (int64_t)arena_used(s->mem));
    json_real(&w, "seconds", (double)((time_monotonic() - s->began) / 1000) / 1000);
    json_end_object(&w);
    s->w->result = buf_str(&b);
}

static enum err_code nothing(struct call *c, void *arg)
{
    (void)c, (void)arg;
    return OK;
}

static enum err_code write_all(struct sweep *s, bool learned)
{
    struct job_work *w = s->w;
    int64_t made = 0, gone = 0;

    TRY(learned ? job_work_write(w, store_model, s) : OK);
    for (; s->at < s->nfound; s->at += WRITES) {
        w->done = (int64_t)s->at;
        w->total = (int64_t)s->nfound;
        TRY(job_work_write(w, write_some, s));
        made += s->made;
    }
    struct match_pair *pairs = ARENA_ARRAY(s->mem, struct match_pair, s->nfound + 1);
    for (size_t i = 0; i < s->nfound; i++) {
        int64_t a = s->ids[s->found[i].a], b = s->ids[s->found[i].b];
        pairs[i] = (struct match_pair) { a < b ? a : b, a < b ? b : a, s->found[i].pattern };
    }
    qsort(pairs, s->nfound, sizeof *pairs, by_ids);
    s->found = (struct found *)pairs; /* their place in the records is not needed any more */
    struct closing cl = { s, 0, 1 };
    while (cl.n) {
        TRY(job_work_write(w, close_some, &cl));
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

/* The job that postpones itself still holds its key, so the next one takes the other. */
static enum err_code postpone(struct call *c, void *arg)
{
    const struct sweep *s = arg;
    const struct live_entity *e = model_entity(c->model, s->entity);
    int64_t job;

    return e ? match_order_sweep(c, e, s->later == 1 ? 2 : 1, &job) : OK;
}

static enum err_code sweep(struct sweep *s)
{
    struct match_keys_job keys = { .entity = s->entity };
    bool learned, early = false;

    TRY(s->later ? job_work_read(s->w, match_is_behind, &early) : OK);
    if (early) {
        return job_work_end(s->w, postpone, s);
    }
    TRY(job_work_write(s->w, seed, NULL));
    TRY(job_work_read(s->w, begin, s));
    while (s->w->total && !keys.over) {
        TRY(job_work_write(s->w, match_keys_fill, &keys));
    }
    do {
        TRY(job_work_read(s->w, read_page, s));
        s->w->done = (int64_t)s->n;
        TRY(s->n % (50 * PAGE) == 0 ? job_work_write(s->w, nothing, NULL) : OK);
    } while (s->cursor.n);
    make_blocks(s);
    s->patterns = ARENA_ARRAY(s->mem, struct match_pattern_count, PATTERNS);
    TRY(each_pair(s, count_pattern));
    learned = learn(s);
    TRY(job_work_write(s->w, nothing, NULL));
    TRY(each_pair(s, keep_pair));
    return write_all(s, learned);
}

enum err_code match_sweep_work(struct job_work *w)
{
    struct sweep s = { .w = w, .mem = arena_create(0), .began = time_monotonic(),
        .entity = json_str(json_object_get(w->input, "entity")), .cursor = { "", 0 },
        .later = (int)json_integer_value(json_object_get(w->input, "later")) };

    enum err_code code = sweep(&s);
    arena_destroy(s.mem);
    return code;
}
