/* world.h - a small model made by hand, with rows in memory and the same rows in a database. */

#ifndef UNIT_MODEL_WORLD_H
#define UNIT_MODEL_WORLD_H

#include "../check.h"
#include "base/rand.h"
#include "model/expr.h"

enum { WORLD_ENTITIES = 6, WORLD_FIELDS = 48, WORLD_ROWS = 200 };
enum { USER, COMPANY, CONTACT, ORDER, GROUP, LINK };

struct world_row {
    int64_t id;
    bool deleted;
    struct value cells[WORLD_FIELDS];
};

struct world {
    struct arena *mem, *scratch;
    struct model model;
    struct live_entity *e[WORLD_ENTITIES];
    struct world_row *rows[WORLD_ENTITIES]; /* by id, from 1 */
    size_t nrows[WORLD_ENTITIES];
    struct expr_scope scope;
    struct rng rng;
    int64_t now;
    int64_t at; /* id of the contact that an expression is about */
    size_t asked; /* fields that the evaluator asked for */
    struct db_config cfg;
    struct conn *db;
    struct err err;
    char folder[64], path[96], schema[64];
};

struct world *world_make(uint64_t seed, const char *zone);
void world_fill(struct world *w); /* random rows */
void world_store(struct world *w, enum db_backend backend); /* the rows into a new database */
void world_end(struct world *w);
struct expr_rows world_rows(struct world *w);
struct live_field *world_field(struct world *w, int entity, const char *name);
struct value *world_cell(struct world *w, int entity, int64_t id, const char *name);
/* A value of the field's kind, often one that its rows hold too. */
struct value world_value(struct world *w, const struct live_field *f);

#endif
