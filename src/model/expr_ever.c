/* expr_ever.c - where a condition may hold at any time: what it asks for besides the clock.
 *
 * Of conditions that must all hold, each that does not look at the clock stays as it is. A comparison with an absent value
 * is no at any time, so a field that is compared with the clock has a value; and a count over some time of what somebody
 * did is no more than that over all time. What is left out widens the answer, and is no error. */

#include "model/expr_tree.h"

#include <string.h>

static void begin_part(struct buf *out)
{
    buf_lit(out, out->n ? " and " : "");
}

/* Comparisons of which an absent side makes no: those that are no complement of another. */
static bool wants_values(const struct expr *x)
{
    return x->node == NODE_OP && !x->op->negates && (x->op->shape == SHAPE_COMPARE || x->op->shape == SHAPE_BETWEEN);
}

/* did('name', ...) of which at least one is asked for, as a count is never absent. */
static const struct expr *asked_count(const struct expr *x)
{
    const struct expr *a = x->n ? x->args[0] : NULL, *k = x->n == 2 ? x->args[1] : NULL;
    bool counts = a && k && a->node == NODE_EXTENSION && a->extension->counts && k->node == NODE_LITERAL && !k->value.absent;

    if (!counts) {
        return NULL;
    }
    bool least = strcmp(x->op->name, ">=") == 0 || strcmp(x->op->name, "=") == 0;
    return (least && k->value.i > 0) || (strcmp(x->op->name, ">") == 0 && k->value.i >= 0) ? a : NULL;
}

void expr_ever(const struct expr *x, struct buf *out)
{
    if (x->node == NODE_AND) {
        for (size_t i = 0; i < x->n; i++) {
            expr_ever(x->args[i], out);
        }
        return;
    }
    if (!x->clock) {
        bool braces = x->node == NODE_OR;
        begin_part(out);
        buf_lit(out, braces ? "(" : "");
        expr_text(x, false, out);
        buf_lit(out, braces ? ")" : "");
        return;
    }
    if (!wants_values(x)) {
        return;
    }
    const struct expr *did = asked_count(x);
    if (did) {
        begin_part(out);
        buf_lit(out, did->extension->name);
        buf_byte(out, '(');
        expr_text(did->args[0], false, out);
        buf_lit(out, ") >= 1");
    }
    for (size_t i = 0; i < x->n; i++) {
        if (x->args[i]->node == NODE_FIELD && !x->args[i]->clock) {
            begin_part(out);
            expr_text(x->args[i], false, out);
            buf_lit(out, " is not empty");
        }
    }
}
