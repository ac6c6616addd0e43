/* random_expr.h - typed expressions made at random out of the operator table itself. */

#ifndef UNIT_MODEL_RANDOM_EXPR_H
#define UNIT_MODEL_RANDOM_EXPR_H

#include "model/expr_tree.h"
#include "world.h"

struct maker {
    struct world *w;
    int entity; /* whose names are in scope */
    int depth;  /* levels still allowed */
};

/* A form of a row and the type that its x stands for. */
struct recipe {
    const struct expr_op *op;
    const char *form;
    enum value_type x;
};

/* All recipes of the table; returns their number. */
size_t random_recipes(struct recipe *out, size_t room);
/* Text of an expression that uses the recipe at its root. */
struct str random_of(struct maker *m, const struct recipe *r);
struct str random_condition(struct maker *m);
struct str random_value(struct maker *m, enum value_type t);
/* count(), sum() and the like; type is that of the result. */
struct str random_rows(struct maker *m, enum expr_rows_op op, enum value_type *type);
/* The literal that reads as v, if it has one. */
bool random_literal_of(struct maker *m, const struct expr *x, const struct value *v,
    struct str *out);
/* x for the record id of an entity. */
struct value random_read(struct world *w, const struct expr *x, int64_t id);

#endif
