/* kept.c - a hash table with a list by last use. */

#include "db/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *db_alloc(size_t n)
{
    void *p = calloc(1, n);

    if (!p) {
        fputs("kith: out of memory\n", stderr);
        abort();
    }
    return p;
}

/* Eight bytes at a time: each query of a list is some hundred bytes, made anew for each request. */
static uint64_t hash_text(struct str s)
{
    uint64_t h = s.n * 0x9e3779b97f4a7c15u, word;
    size_t i = 0;

    for (; i + sizeof word <= s.n; i += sizeof word) {
        memcpy(&word, s.p + i, sizeof word);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    for (; i < s.n; i++) {
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    }
    return h ^ h >> 29;
}

static size_t addr_slot(const char *text)
{
    return (size_t)(((uintptr_t)text * 0x9e3779b97f4a7c15u) >> 55) % KEPT_BUCKETS;
}

static void unlink_use(struct kept_set *set, struct kept *k)
{
    *(k->newer ? &k->newer->older : &set->newest) = k->older;
    *(k->older ? &k->older->newer : &set->oldest) = k->newer;
}

static void link_newest(struct kept_set *set, struct kept *k)
{
    k->newer = NULL;
    k->older = set->newest;
    *(set->newest ? &set->newest->newer : &set->oldest) = k;
    set->newest = k;
}

static struct kept *used(struct kept_set *set, struct kept *k)
{
    if (set->newest != k) {
        unlink_use(set, k);
        link_newest(set, k);
    }
    return k;
}

struct kept *kept_find(struct kept_set *set, const char *text,
    bool (*fits)(const struct kept *k, const void *arg), const void *arg)
{
    size_t slot = addr_slot(text);
    struct kept *k = set->last_addr[slot] == text ? set->last[slot] : NULL;

    if (k && !k->busy && strcmp(k->text, text) == 0 && (!fits || fits(k, arg))) {
        return used(set, k);
    }
    struct str s = str_of(text);
    uint64_t hash = hash_text(s);
    for (k = set->buckets[hash % KEPT_BUCKETS]; k; k = k->next) {
        if (k->hash == hash && !k->busy && str_is(s, k->text) && (!fits || fits(k, arg))) {
            set->last_addr[slot] = text;
            set->last[slot] = k;
            return used(set, k);
        }
    }
    return NULL;
}

void kept_remove(struct kept_set *set, struct kept *k)
{
    struct kept **at = &set->buckets[k->hash % KEPT_BUCKETS];

    while (*at != k) {
        at = &(*at)->next;
    }
    *at = k->next;
    unlink_use(set, k);
    for (size_t i = 0; i < KEPT_BUCKETS; i++) {
        if (set->last[i] == k) {
            set->last[i] = NULL;
        }
    }
    set->n--;
    free(k->text);
    set->drop(set->owner, k);
}

void kept_add(struct kept_set *set, struct kept *k, const char *text)
{
    size_t slot = addr_slot(text);

    for (struct kept *old = set->oldest; old && set->n >= KEPT_MAX;) {
        struct kept *newer = old->newer;
        if (!old->busy) {
            kept_remove(set, old);
        }
        old = newer;
    }
    struct str s = str_of(text);
    k->text = db_alloc(s.n + 1);
    memcpy(k->text, s.p, s.n);
    k->n = s.n;
    k->hash = hash_text(s);
    k->next = set->buckets[k->hash % KEPT_BUCKETS];
    set->buckets[k->hash % KEPT_BUCKETS] = k;
    set->last_addr[slot] = text;
    set->last[slot] = k;
    link_newest(set, k);
    set->n++;
}

void kept_clear(struct kept_set *set)
{
    while (set->newest) {
        kept_remove(set, set->newest);
    }
}
