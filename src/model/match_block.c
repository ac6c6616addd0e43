/* match_block.c - the blocks of records that share a key.
 *
 * The keys of a record follow from its values and from how many records have each: a value that more than
 * MATCH_BLOCK records have makes a key only together with each other one. So keys are made when they are wanted,
 * for one part of all blocks at a time, and the keys of a million records are never in memory together. A block that
 * is too large all the same is left out. A pair is taken in the block of the smallest key that both have. */

#include "model/match_block.h"

#include <stdlib.h>
#include <string.h>

enum { OF_A_PART = 1 << 17 }; /* records for each part of the blocks; each has some ten keys */

struct keyed {
    uint64_t key;
    uint32_t record;
};

struct keys {
    struct keyed *list;
    size_t n, room;
};

struct match_blocks {
    const struct match_table *t;
    uint64_t parts;
    uint64_t *left; /* keys of blocks that are left out, ascending */
    size_t nleft, left_room;
};

struct wide { /* the keys of one record */
    uint64_t single[MATCH_TERMS * MATCH_VALUES];
    bool large[MATCH_TERMS * MATCH_VALUES];
    uint64_t keys[MATCH_TERMS * MATCH_VALUES * (MATCH_TERMS * MATCH_VALUES + 1) / 2];
    size_t n;
};

/* ---- the keys of a record ---- */

static size_t single_keys(const struct match_table *t, uint32_t record, struct wide *w)
{
    const uint32_t *row = match_table_row(t, record);
    size_t n = 0;

    for (size_t k = 0; k < t->rule->n; k++) {
        for (size_t i = t->slot[k]; t->rule->terms[k].key && i < t->slot[k + 1] && row[i]; i++) {
            uint32_t held = match_table_held(t, k, row[i]);
            if (held > 1) {
                w->single[n] = match_key_pair(k + 1, (uint64_t)row[i] << 8);
                w->large[n++] = held > MATCH_BLOCK;
            }
        }
    }
    return n;
}

static void wide_keys(const struct match_table *t, uint32_t record, struct wide *w)
{
    size_t n = single_keys(t, record, w);

    w->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (!w->large[i]) {
            w->keys[w->n++] = w->single[i];
        }
        for (size_t k = 0; w->large[i] && k < n; k++) {
            if (k > i || (k < i && !w->large[k])) {
                w->keys[w->n++] = match_key_pair(w->single[i], w->single[k]);
            }
        }
    }
}

static int by_number(const void *pa, const void *pb)
{
    uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

    return a < b ? -1 : a > b;
}

static bool is_left(const struct match_blocks *b, uint64_t key)
{
    return b->nleft && bsearch(&key, b->left, b->nleft, sizeof key, by_number);
}

/* Those of blocks that count, ascending, in mem. */
static uint64_t *counted_keys(const struct match_blocks *b, uint32_t record, struct arena *mem, size_t *n)
{
    struct wide w;

    wide_keys(b->t, record, &w);
    uint64_t *keys = ARENA_ARRAY(mem, uint64_t, w.n + 1);
    *n = 0;
    for (size_t i = 0; i < w.n; i++) {
        size_t at = *n;
        if (is_left(b, w.keys[i])) {
            continue;
        }
        for (; at > 0 && keys[at - 1] > w.keys[i]; at--) {
            keys[at] = keys[at - 1];
        }
        keys[at] = w.keys[i];
        ++*n;
    }
    return keys;
}

/* ---- one part of the blocks ---- */

static int by_key(const void *pa, const void *pb)
{
    const struct keyed *a = pa, *b = pb;

    return a->key != b->key ? (a->key < b->key ? -1 : 1) : a->record < b->record ? -1 : a->record > b->record;
}

static void part_keys(const struct match_blocks *b, uint64_t part, struct arena *mem, struct keys *out)
{
    struct wide w;

    *out = (struct keys) { 0 };
    for (uint32_t r = 0; r < b->t->n; r++) {
        wide_keys(b->t, r, &w);
        for (size_t i = 0; i < w.n; i++) {
            if (w.keys[i] % b->parts == part) {
                ARENA_ROOM(mem, out->list, out->n, out->room);
                out->list[out->n++] = (struct keyed) { w.keys[i], r };
            }
        }
    }
    if (out->n) { /* without any there is no list */
        qsort(out->list, out->n, sizeof *out->list, by_key);
    }
}

static size_t block_end(const struct keys *k, size_t from)
{
    size_t to = from;

    while (to < k->n && k->list[to].key == k->list[from].key) {
        to++;
    }
    return to;
}

/* ---- all ---- */

struct match_blocks *match_blocks_make(struct arena *mem, const struct match_table *t)
{
    struct match_blocks *b = ARENA_NEW(mem, struct match_blocks);

    *b = (struct match_blocks) { .t = t, .parts = 1 + t->n / OF_A_PART };
    for (uint64_t part = 0; part < b->parts; part++) {
        struct arena *own = arena_create(0);
        struct keys keys;
        part_keys(b, part, own, &keys);
        for (size_t from = 0, to; from < keys.n; from = to) {
            to = block_end(&keys, from);
            if (to - from > MATCH_BLOCK) {
                ARENA_ROOM(mem, b->left, b->nleft, b->left_room);
                b->left[b->nleft++] = keys.list[from].key;
            }
        }
        arena_destroy(own);
    }
    if (b->nleft) {
        qsort(b->left, b->nleft, sizeof *b->left, by_number);
    }
    return b;
}

size_t match_blocks_left(const struct match_blocks *b)
{
    return b->nleft;
}

struct member {
    uint32_t record;
    uint64_t *keys;
    size_t n;
};

static bool is_first_common(const struct member *a, const struct member *b, uint64_t key)
{
    size_t i = 0, k = 0;

    while (i < a->n && k < b->n) {
        if (a->keys[i] == b->keys[k]) {
            return a->keys[i] == key;
        }
        bool less = a->keys[i] < b->keys[k];
        i += less;
        k += !less;
    }
    return false;
}

static void walk_block(const struct match_blocks *b, const struct keyed *list, size_t n, struct arena *mem,
    void (*fn)(void *arg, uint32_t a, uint32_t b), void *arg)
{
    struct arena_mark mark = arena_mark(mem);
    struct member *members = ARENA_ARRAY(mem, struct member, n);

    for (size_t i = 0; i < n; i++) {
        members[i].record = list[i].record;
        members[i].keys = counted_keys(b, list[i].record, mem, &members[i].n);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            if (members[i].record != members[k].record && is_first_common(&members[i], &members[k], list->key)) {
                fn(arg, members[i].record, members[k].record);
            }
        }
    }
    arena_rewind(mem, mark);
}

bool match_blocks_walk(const struct match_blocks *b, void (*fn)(void *arg, uint32_t a, uint32_t b),
    bool (*stops)(void *arg), void *arg)
{
    struct arena *scratch = arena_create(0);
    bool stop = false;

    for (uint64_t part = 0; part < b->parts && !stop; part++) {
        struct arena *own = arena_create(0);
        struct keys keys;
        part_keys(b, part, own, &keys);
        for (size_t from = 0, to; from < keys.n && !stop; from = to) {
            to = block_end(&keys, from);
            if (to - from > 1 && to - from <= MATCH_BLOCK) {
                walk_block(b, keys.list + from, to - from, scratch, fn, arg);
                stop = stops(arg);
            }
        }
        arena_destroy(own);
    }
    arena_destroy(scratch);
    return !stop;
}
