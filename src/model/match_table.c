/* match_table.c - values of records in memory, each different one once. */

#include "model/match_table.h"

#include <string.h>

enum { TEXT_ROOM = 64 << 10, TEXT_MAX = 4096, SLOTS = 1024 };

/* ---- chunks ---- */

static void *add(struct chunks *c)
{
    if (c->n % CHUNK == 0) {
        if (c->n / CHUNK == c->room) {
            char **list = ARENA_ARRAY(c->mem, char *, c->room ? c->room * 2 : 16);
            if (c->room) {
                memcpy(list, c->list, c->room * sizeof *list);
            }
            c->list = list;
            c->room = c->room ? c->room * 2 : 16;
        }
        c->list[c->n / CHUNK] = arena_array(c->mem, c->size, CHUNK);
    }
    return chunks_at(c, c->n++);
}

static void chunks_init(struct chunks *c, struct arena *mem, size_t size)
{
    *c = (struct chunks) { .mem = mem, .size = size };
}

/* ---- texts ---- */

static struct str text_at(const struct dictionary *d, uint32_t value)
{
    const char *p = *(char **)chunks_at(&d->texts, value);
    uint16_t n;

    memcpy(&n, p, sizeof n);
    return (struct str) { p + sizeof n, n };
}

static char *keep_text(struct match_table *t, struct str s)
{
    uint16_t n = (uint16_t)s.n;

    if (t->text_left < s.n + sizeof n) {
        t->text = arena_alloc(t->mem, TEXT_ROOM);
        t->text_left = TEXT_ROOM;
    }
    char *to = t->text;
    memcpy(to, &n, sizeof n);
    memcpy(to + sizeof n, s.p, s.n);
    t->text += s.n + sizeof n;
    t->text_left -= s.n + sizeof n;
    return to;
}

/* The place of a text in the hash table, or the free one where it belongs. */
static size_t find_slot(const struct dictionary *d, struct str s)
{
    size_t at = (size_t)str_hash(s) & (d->room - 1);

    while (d->slots[at] && !str_eq(text_at(d, d->slots[at]), s)) {
        at = (at + 1) & (d->room - 1);
    }
    return at;
}

static void grow(struct match_table *t, struct dictionary *d)
{
    d->room *= 2;
    d->slots = ARENA_ARRAY(t->mem, uint32_t, d->room);
    for (uint32_t i = 1; i < d->texts.n; i++) {
        d->slots[find_slot(d, text_at(d, i))] = i;
    }
}

static uint32_t number_of(struct match_table *t, struct dictionary *d, struct str s)
{
    s = str_sub(s, 0, TEXT_MAX);
    size_t at = find_slot(d, s);

    if (!d->slots[at]) {
        d->slots[at] = (uint32_t)d->texts.n;
        *(char **)add(&d->texts) = keep_text(t, s);
        (void)add(&d->held);
    }
    uint32_t value = d->slots[at];
    ++*(uint32_t *)chunks_at(&d->held, value);
    if (d->texts.n * 4 > d->room * 3) {
        grow(t, d);
    }
    return value;
}

struct str match_table_text(const struct match_table *t, size_t term, uint32_t value)
{
    return text_at(&t->terms[term], value);
}

/* ---- records ---- */

void match_table_init(struct match_table *t, struct arena *mem, const struct match_rule *rule)
{
    size_t slots = 0;

    *t = (struct match_table) { .mem = mem, .rule = rule };
    for (size_t k = 0; k < rule->n; k++) {
        struct dictionary *d = &t->terms[k];
        chunks_init(&d->texts, mem, sizeof(char *));
        chunks_init(&d->held, mem, sizeof(uint32_t));
        *(char **)add(&d->texts) = keep_text(t, STR("")); /* value 0 stands for none */
        (void)add(&d->held);
        d->room = SLOTS;
        d->slots = ARENA_ARRAY(mem, uint32_t, d->room);
        t->slot[k] = slots;
        slots += rule->terms[k].how == HOW_EMAIL || rule->terms[k].how == HOW_PHONE ? MATCH_VALUES : 1;
    }
    t->slot[rule->n] = slots;
    chunks_init(&t->ids, mem, sizeof(int64_t));
    chunks_init(&t->rows, mem, slots * sizeof(uint32_t));
}

void match_table_add(struct match_table *t, int64_t id, const struct match_values *v)
{
    *(int64_t *)add(&t->ids) = id;
    uint32_t *row = add(&t->rows);

    for (size_t k = 0; k < t->rule->n; k++) {
        size_t room = t->slot[k + 1] - t->slot[k];
        for (size_t i = 0; i < v->n[k] && i < room; i++) {
            row[t->slot[k] + i] = number_of(t, &t->terms[k], v->v[k][i]);
        }
    }
    t->n++;
}
