/* import_seen.c - keys of rows that a check has met, as hashes: 16 bytes for each key of a row. */

#include "model/import_seen.h"

#include <string.h>

enum { AT_FIRST = 1024, AT_MOST = 1 << 22, MARKS_OF_ROW = 64 }; /* at most: 64 MB */
enum { UNIQUE_FIELDS = IMPORT_KEYS }; /* marks of unique fields are numbered behind those of the keys */

struct mark {
    uint64_t key, row; /* row: what all of its cells say; key 0: free */
};

struct import_seen {
    struct arena *mem; /* of the slots alone: a wider one takes its place */
    struct mark *slots;
    size_t n, room; /* a power of two */
};

static void make_slots(struct import_seen *s, size_t room)
{
    s->mem = arena_create(0);
    s->slots = ARENA_ARRAY(s->mem, struct mark, room);
    s->room = room;
}

static void forget(void *arg)
{
    struct import_seen *s = arg;

    arena_destroy(s->mem);
}

struct import_seen *import_seen_new(struct arena *mem)
{
    struct import_seen *s = ARENA_NEW(mem, struct import_seen);

    make_slots(s, AT_FIRST);
    arena_defer(mem, forget, s);
    return s;
}

static struct mark *slot_of(const struct import_seen *s, uint64_t key)
{
    size_t i = (size_t)key & (s->room - 1);

    while (s->slots[i].key && s->slots[i].key != key) {
        i = (i + 1) & (s->room - 1);
    }
    return &s->slots[i];
}

static void grow(struct import_seen *s)
{
    struct import_seen before = *s;

    make_slots(s, before.room * 2);
    for (size_t i = 0; i < before.room; i++) {
        if (before.slots[i].key) {
            *slot_of(s, before.slots[i].key) = before.slots[i];
        }
    }
    arena_destroy(before.mem);
}

void import_seen_take(struct import_seen *s, struct str marks)
{
    for (size_t at = 0; at + sizeof(struct mark) <= marks.n; at += sizeof(struct mark)) {
        struct mark m;
        memcpy(&m, marks.p + at, sizeof m);
        if (s->n * 2 >= s->room && s->room < AT_MOST) {
            grow(s);
        }
        struct mark *slot = slot_of(s, m.key);
        if (!slot->key && s->n * 2 >= s->room) {
            continue; /* a check of very many rows notices what comes again among the first of them */
        }
        s->n += !slot->key;
        *slot = m;
    }
}

/* ---- the marks of a row ---- */

struct marks {
    struct call *c;
    struct mark list[MARKS_OF_ROW];
    size_t n, nkeys; /* the first nkeys are of keys of the plan, the others of unique fields */
    const struct live_field *unique[MARKS_OF_ROW];
};

static void add(struct marks *m, const struct live_field *unique, int number, struct str value)
{
    uint64_t key = str_hash(arena_fmt(m->c->mem, "%d:%.*s", number, STR_ARG(value)));

    if (m->n < MARKS_OF_ROW) {
        m->unique[m->n] = unique;
        m->list[m->n++].key = key ? key : 1;
    }
}

static struct str value_of(struct call *c, const struct live_field *f, const struct dbval *cells)
{
    struct dbval v = f->key_column ? cells_key(c, f, cells) : cells[0];

    return v.type == DB_TEXT ? v.s : arena_fmt(c->mem, "%lld", (long long)v.i);
}

/* Of a list each entry finds the record; in a key of several fields its first stands for it. */
static void mark_key(struct marks *m, const struct import_key *k, int number, const struct record *r)
{
    struct str whole = STR("");

    for (size_t i = 0; i < k->n; i++) {
        const struct live_field *f = k->fields[i];
        const struct dbval *cells = &r->cells[f->cell];
        struct part *parts = NULL;
        size_t n = 0;
        if (cells_absent(f, cells)) {
            return;
        }
        if (!kind_is_list(f->def.kind)) {
            whole = arena_fmt(m->c->mem, "%.*s\t%.*s", STR_ARG(whole), STR_ARG(value_of(m->c, f, cells)));
            continue;
        }
        n = parts_read(m->c, cells[0].s, &parts);
        for (size_t p = 0; k->n == 1 && p < n; p++) {
            add(m, NULL, number, parts[p].key);
        }
        if (k->n == 1 || !n) {
            return;
        }
        whole = arena_fmt(m->c->mem, "%.*s\t%.*s", STR_ARG(whole), STR_ARG(parts[0].key));
    }
    add(m, NULL, number, whole);
}

static void marks_of(struct importing *im, const struct record *r, struct marks *m)
{
    const struct live_entity *e = im->p->e;

    *m = (struct marks) { .c = im->c };
    for (size_t i = 0; i < im->p->nkeys; i++) {
        mark_key(m, &im->p->keys[i], (int)i, r);
    }
    m->nkeys = m->n;
    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        if (f->stored && f->def.unique && !cells_absent(f, &r->cells[f->cell])) {
            add(m, f, UNIQUE_FIELDS + (int)i, value_of(im->c, f, &r->cells[f->cell]));
        }
    }
}

static uint64_t hash_of_row(struct importing *im, size_t at)
{
    struct str whole = STR("");

    for (size_t i = 0; i < im->rows->ncells[at]; i++) {
        whole = arena_fmt(im->c->mem, "%llx\t%.*s", (unsigned long long)str_hash(whole), STR_ARG(im->rows->cells[at][i]));
    }
    return str_hash(whole);
}

void import_seen_mark(struct importing *im, const struct record *r, size_t at)
{
    struct marks m;
    uint64_t row = hash_of_row(im, at);

    marks_of(im, r, &m);
    for (size_t i = 0; i < m.n; i++) {
        m.list[i].row = row;
        buf_add(im->rows->marks, (struct str) { (const char *)&m.list[i], sizeof m.list[i] });
    }
}

enum err_code import_seen_look(
    struct importing *im, const struct record *r, size_t at, enum import_again *again)
{
    struct marks m;

    *again = AGAIN_NOT;
    marks_of(im, r, &m);
    for (size_t i = 0; i < m.n; i++) {
        const struct mark *met = slot_of(im->rows->seen, m.list[i].key);
        if (met->key && i < m.nkeys) {
            *again = met->row == hash_of_row(im, at) ? AGAIN_SAME : AGAIN_OTHER;
            return OK;
        }
        if (met->key) {
            return fail(im->c, ERR_CONFLICT, m.unique[i]->name.p, "another %s has the same %s", r->e->name.p,
                m.unique[i]->label.p);
        }
    }
    return OK;
}
