/* expr_text.c - a tree back to text: the shortest form that reads as the same tree. */

#include "model/expr_tree.h"

enum { LEVEL_OR = 1, LEVEL_AND, LEVEL_NOT, LEVEL_PREDICATE, LEVEL_SUM, LEVEL_TERM, LEVEL_SIGN,
    LEVEL_PRIMARY };

struct printer {
    struct buf *out;
    bool by_number;
};

static int level_of(const struct expr *x)
{
    static const int shapes[] = { [SHAPE_COMPARE] = LEVEL_PREDICATE,
        [SHAPE_BETWEEN] = LEVEL_PREDICATE, [SHAPE_IN] = LEVEL_PREDICATE,
        [SHAPE_MATCH] = LEVEL_PREDICATE, [SHAPE_EMPTY] = LEVEL_PREDICATE,
        [SHAPE_HAS] = LEVEL_PREDICATE, [SHAPE_SUM] = LEVEL_SUM, [SHAPE_TERM] = LEVEL_TERM,
        [SHAPE_SIGN] = LEVEL_SIGN, [SHAPE_CALL] = LEVEL_PRIMARY };

    return x->node == NODE_OR    ? LEVEL_OR
         : x->node == NODE_AND   ? LEVEL_AND
         : x->node == NODE_NOT   ? LEVEL_NOT
         : x->node == NODE_OP    ? shapes[x->op->shape]
                                 : LEVEL_PRIMARY;
}

static void print(struct printer *p, const struct expr *x, int least);

static void print_step(struct printer *p, struct str name, int64_t number, bool first)
{
    if (!first) {
        buf_byte(p->out, '.');
    }
    if (p->by_number) {
        buf_byte(p->out, '@');
        buf_int(p->out, number);
    } else {
        buf_add(p->out, name);
    }
}

static void print_path(struct printer *p, const struct expr *x, bool first)
{
    for (size_t i = 0; i < x->npath; i++) {
        print_step(p, x->path[i]->name, x->path[i]->number, first && i == 0);
    }
}

static void print_text(struct printer *p, struct str s)
{
    buf_byte(p->out, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'') {
            buf_byte(p->out, '\'');
        }
        buf_byte(p->out, s.p[i]);
    }
    buf_byte(p->out, '\'');
}

static void print_list(struct printer *p, const struct expr *x, size_t from)
{
    buf_byte(p->out, '(');
    for (size_t i = from; i < x->n; i++) {
        buf_lit(p->out, i > from ? ", " : "");
        print(p, x->args[i], x->node == NODE_OP && x->op->shape != SHAPE_CALL ? LEVEL_SUM
                                                                              : LEVEL_OR);
    }
    buf_byte(p->out, ')');
}

static void print_rows(struct printer *p, const struct expr *x)
{
    buf_lit(p->out, expr_rows_name(x->rows));
    buf_byte(p->out, '(');
    print_path(p, x, true);
    print_step(p, x->child->name, x->child->by->number, x->npath == 0);
    if (x->n) {
        print_path(p, x->args[0], false);
    }
    if (x->where) {
        buf_lit(p->out, " where ");
        print(p, x->where, LEVEL_OR);
    }
    buf_byte(p->out, ')');
}

static void print_infix(struct printer *p, const struct expr *x, int left, int right)
{
    print(p, x->args[0], left);
    buf_byte(p->out, ' ');
    buf_lit(p->out, x->op->name);
    buf_byte(p->out, ' ');
    print(p, x->args[1], right);
}

static void print_op(struct printer *p, const struct expr *x)
{
    switch ((int)x->op->shape) {
    case SHAPE_CALL:
        buf_lit(p->out, x->op->name);
        print_list(p, x, 0);
        return;
    case SHAPE_SIGN:
        buf_byte(p->out, '-');
        print(p, x->args[0], LEVEL_SIGN);
        return;
    case SHAPE_SUM:
        print_infix(p, x, LEVEL_SUM, LEVEL_TERM);
        return;
    case SHAPE_TERM:
        print_infix(p, x, LEVEL_TERM, LEVEL_SIGN);
        return;
    case SHAPE_COMPARE:
    case SHAPE_MATCH:
        print_infix(p, x, LEVEL_SUM, LEVEL_SUM);
        return;
    default:
        break;
    }
    print(p, x->args[0], LEVEL_SUM);
    buf_byte(p->out, ' ');
    buf_lit(p->out, x->op->name);
    if (x->op->shape == SHAPE_BETWEEN) {
        buf_byte(p->out, ' ');
        print(p, x->args[1], LEVEL_SUM);
        buf_lit(p->out, " and ");
        print(p, x->args[2], LEVEL_SUM);
    } else if (x->op->shape != SHAPE_EMPTY) {
        buf_byte(p->out, ' ');
        print_list(p, x, 1);
    }
}

static void print_chain(struct printer *p, const struct expr *x)
{
    for (size_t i = 0; i < x->n; i++) {
        if (i) {
            buf_lit(p->out, x->node == NODE_AND ? " and " : " or ");
        }
        print(p, x->args[i], x->node == NODE_AND ? LEVEL_NOT : LEVEL_AND);
    }
}

static void print(struct printer *p, const struct expr *x, int least)
{
    bool wrap = level_of(x) < least;

    if (wrap) {
        buf_byte(p->out, '(');
    }
    switch ((int)x->node) {
    case NODE_LITERAL:
        if (x->lit == LIT_TEXT) {
            print_text(p, x->name);
        } else {
            buf_add(p->out, x->name);
        }
        break;
    case NODE_FIELD:
        print_path(p, x, true);
        break;
    case NODE_ROWS:
        print_rows(p, x);
        break;
    case NODE_EXTENSION:
        buf_lit(p->out, x->extension->name);
        print_list(p, x, 0);
        break;
    case NODE_NOT:
        buf_lit(p->out, "not ");
        print(p, x->args[0], LEVEL_NOT);
        break;
    case NODE_OP:
        print_op(p, x);
        break;
    default:
        print_chain(p, x);
        break;
    }
    if (wrap) {
        buf_byte(p->out, ')');
    }
}

void expr_text(const struct expr *x, bool by_number, struct buf *out)
{
    struct printer p = { out, by_number };

    print(&p, x, LEVEL_OR);
}
