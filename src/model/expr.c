/* expr.c - what can be asked of a finished tree. */

#include "model/expr_tree.h"

enum value_type expr_type(const struct expr *x)
{
    return x->type;
}

uint8_t expr_scale(const struct expr *x)
{
    return (uint8_t)(x->scale + x->up);
}

const struct choice_list *expr_choices(const struct expr *x)
{
    return x->type == VALUE_CHOICE ? x->list : NULL;
}

const struct live_entity *expr_target(const struct expr *x)
{
    return x->type == VALUE_REF ? x->target : NULL;
}

bool expr_is_constant(const struct expr *x)
{
    return x->constant;
}

bool expr_uses_now(const struct expr *x)
{
    return x->clock;
}

bool expr_is_condition(const struct expr *x)
{
    return x->node == NODE_AND || x->node == NODE_OR || x->node == NODE_NOT ||
           (x->node == NODE_OP && (x->op->sql_if || x->op->negates)) ||
           (x->node == NODE_ROWS && x->type == VALUE_BOOL) ||
           (x->node == NODE_EXTENSION && x->type == VALUE_BOOL);
}

struct walk {
    void (*fn)(void *arg, const struct expr_use *u);
    void *arg;
};

static void visit(const struct walk *w, const struct expr *x, int depth)
{
    for (size_t i = 0; i < x->npath; i++) {
        struct expr_use use = { .field = x->path[i], .depth = depth + (int)i };
        w->fn(w->arg, &use);
    }
    if (x->node == NODE_ROWS) {
        struct expr_use use = { .field = x->child->by, .child = x->child,
            .depth = depth + (int)x->npath };
        w->fn(w->arg, &use);
        depth += (int)x->npath + 1;
    }
    if (x->node == NODE_EXTENSION && x->extension->rows && x->parent) {
        const struct live_child *child = entity_child(x->parent, str_of(x->extension->rows));
        if (child) {
            w->fn(w->arg, &(struct expr_use) { .field = child->by, .child = child, .depth = depth });
        }
    }
    if (x->node == NODE_EXTENSION && x->extension->field && x->parent) {
        w->fn(w->arg, &(struct expr_use) { .field = entity_field(x->parent, str_of(x->extension->field)), .depth = depth });
    }
    for (size_t i = 0; i < x->n; i++) {
        visit(w, x->args[i], depth);
    }
    if (x->where) {
        visit(w, x->where, depth);
    }
}

void expr_uses(const struct expr *x, void (*fn)(void *arg, const struct expr_use *u), void *arg)
{
    struct walk w = { fn, arg };

    visit(&w, x, 0);
}

static void own_only(void *arg, const struct expr_use *u)
{
    bool *own = arg;

    *own &= u->depth == 0 && !u->child && u->field->stored;
}

/* Functions of modules look where they like. */
static bool has_extension(const struct expr *x)
{
    bool found = x->node == NODE_EXTENSION || (x->where && has_extension(x->where));

    for (size_t i = 0; i < x->n && !found; i++) {
        found = has_extension(x->args[i]);
    }
    return found;
}

/* `me` is someone else each time. */
static bool has_me(const struct expr *x)
{
    bool found = (x->node == NODE_LITERAL && x->lit == LIT_ME) || (x->where && has_me(x->where));

    for (size_t i = 0; i < x->n && !found; i++) {
        found = has_me(x->args[i]);
    }
    return found;
}

bool expr_is_own_row_now(const struct expr *x)
{
    bool own = true;

    expr_uses(x, own_only, &own);
    return own && !has_extension(x);
}

bool expr_is_own_row(const struct expr *x)
{
    return expr_is_own_row_now(x) && !x->clock && !has_me(x);
}

bool expr_has_key(const struct expr *x)
{
    if (x->constant && x->node == NODE_LITERAL) {
        return true;
    }
    if (x->node == NODE_FIELD) {
        const struct live_field *f = x->path[x->npath - 1];
        return f->stored && f->key_column && !f->def.no_fold;
    }
    bool all = x->node == NODE_OP && x->n > 0 &&
               (str_is(x->name, "coalesce") || str_is(x->name, "if"));
    for (size_t i = 0; i < x->n && all; i++) {
        all = x->args[i]->type != VALUE_TEXT || expr_has_key(x->args[i]);
    }
    return all;
}

bool expr_folds(const struct expr *a, const struct expr *b)
{
    return expr_has_key(a) && expr_has_key(b);
}
