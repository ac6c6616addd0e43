/* match_table.h - the values by which records are compared, of all records at once, each different value held once.
 *
 * A million records with an e-mail and a phone of their own are two million texts: nothing here is copied to
 * grow, and a text costs its bytes and some twenty more. */

#ifndef MODEL_MATCH_TABLE_H
#define MODEL_MATCH_TABLE_H

#include "model/match_steps.h"

enum { CHUNK = 4096 };

/* Elements of one size that stay where they are. */
struct chunks {
    struct arena *mem;
    size_t size, n, room;
    char **list; /* of CHUNK elements each */
};

struct dictionary {
    struct chunks texts; /* pointers to a length of two bytes and the text; 0 is nobody's */
    struct chunks held;  /* by how many records */
    uint32_t *slots;     /* a hash table of places in texts */
    size_t room;
};

struct match_table {
    struct arena *mem;
    const struct match_rule *rule;
    struct dictionary terms[MATCH_TERMS];
    size_t slot[MATCH_TERMS + 1]; /* where a term's values stand in a row; the last: how long that is */
    struct chunks ids, rows;
    size_t n;
    char *text; /* room for more texts */
    size_t text_left;
};

/* All lives in mem, and the rule must live as long. */
void match_table_init(struct match_table *t, struct arena *mem, const struct match_rule *rule);
/* Copies what it keeps. */
void match_table_add(struct match_table *t, int64_t id, const struct match_values *v);

static inline void *chunks_at(const struct chunks *c, size_t i)
{
    return c->list[i / CHUNK] + i % CHUNK * c->size;
}

static inline int64_t match_table_id(const struct match_table *t, uint32_t record)
{
    return *(int64_t *)chunks_at(&t->ids, record);
}

/* The values of a record, 0 for none: equal ones of a term have equal numbers. */
static inline const uint32_t *match_table_row(const struct match_table *t, uint32_t record)
{
    return chunks_at(&t->rows, record);
}

/* How many records have it. */
static inline uint32_t match_table_held(const struct match_table *t, size_t term, uint32_t value)
{
    return *(uint32_t *)chunks_at(&t->terms[term].held, value);
}

struct str match_table_text(const struct match_table *t, size_t term, uint32_t value);

#endif
